"""Checks that look across the parts of an instrument; each problem names its place."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from instruments.texts import Part, fold

if TYPE_CHECKING:
    from instruments.schema import Instrument, MeasurementModel, ResponseScale

KIND = {
    "responses": "response scale",
    "items": "item",
    "scales": "scale",
    "forms": "form",
    "columns": "column",
    "factors": "factor",
    "models": "model",
    "hypotheses": "hypothesis",
    "missing": "missing code",
    "expectations": "expectation",
    "rules": "rule",
}
"""What one entry of each list of the file is called in a message."""

OPTIONAL_TEXTS = frozenset({"labels", "stem", "awaits"})

OPERATOR = re.compile(r"=~|<~|~\*~|~~|:=|==|~|<|>|\|")
NAME = re.compile(r"[A-Za-z_.][\w.]*")


def name_of(entry: object) -> str | None:
    """Give how an entry of a list calls itself: its id, name or target."""
    for field in ("id", "name", "target"):
        value = entry.get(field) if isinstance(entry, Mapping) else getattr(entry, field, None)
        if isinstance(value, str):
            return value
    return None


def check_response_scale(scale: "ResponseScale") -> None:
    """Check that codes, labels and missing codes of one response scale agree.

    Raises
    ------
    ValueError
        With one sentence for the first problem found.
    """
    if scale.continuous:
        if scale.limits is not None or scale.labels:
            raise ValueError("a continuous response scale has no lowest, highest or labels")
    elif scale.limits is None:
        raise ValueError("give lowest and highest, or continuous = true")
    elif scale.limits[0] >= scale.limits[1]:
        raise ValueError(f"lowest ({scale.limits[0]}) must be below highest ({scale.limits[1]})")
    for language, labels in scale.labels.items():
        if set(labels) != set(scale.codes):
            raise ValueError(
                f"labels ({language}) cover the codes {_listed(map(str, sorted(labels)))}, "
                f"but the scale has {_listed(map(str, scale.codes))}; label all codes or none"
            )
    if repeated := _repeated(str(missing.code) for missing in scale.missing):
        raise ValueError(f"the missing code {repeated[0]} occurs twice")
    for missing in scale.missing:
        if missing.code in scale.codes:
            raise ValueError(
                f'the missing code {missing.code} ("{missing.name}") is also an answer'
            )
    _check_labels_are_distinct(scale)


def _check_labels_are_distinct(scale: "ResponseScale") -> None:
    meaning: dict[str, int] = {}
    labelled = [(code, label) for labels in scale.labels.values() for code, label in labels.items()]
    labelled += [(part.code, label) for part in scale.missing for label in part.labels.values()]
    for code, label in labelled:
        if meaning.setdefault(fold(label), code) != code:
            raise ValueError(
                f'the label "{label}" stands for both {meaning[fold(label)]} and {code}'
            )


def check_instrument(instrument: "Instrument") -> None:
    """Check that all parts of an instrument fit together.

    Raises
    ------
    ValueError
        With one line for every problem found.
    """
    problems = [
        *_ids(instrument),
        *_languages(instrument, instrument.languages, ""),
        *_references(instrument),
        *_models(instrument),
    ]
    if problems:
        raise ValueError("\n".join(problems))


def _ids(instrument: "Instrument") -> Iterator[str]:
    for field in ("responses", "items", "scales", "forms", "columns", "factors", "models"):
        for name in _repeated(str(name_of(part)) for part in getattr(instrument, field)):
            yield f'{KIND[field]} "{name}" occurs twice; give each {KIND[field]} its own id'
    for name in _repeated(hypothesis.id for hypothesis in instrument.hypotheses):
        yield f'hypothesis "{name}" occurs twice; give each hypothesis its own id'
    taken = set(instrument.item_ids)
    for column in instrument.columns:
        if column.name in taken:
            yield f'column "{column.name}" has the name of an item; rename one of them'


def _languages(part: Part, languages: tuple[str, ...], place: str) -> Iterator[str]:
    """Find texts that lack a declared language or have one that is not declared."""
    for field, value in part:
        here = f"{place}, {field}" if place else field
        if isinstance(value, Part) and field == "rules":
            for name, rule in value:
                yield from _languages(rule, languages, f'rule "{name}"')
        elif isinstance(value, Part):
            yield from _languages(value, languages, here)
        elif isinstance(value, tuple):
            for entry in value:
                if isinstance(entry, Part):
                    inner = f'{KIND[field]} "{name_of(entry)}"'
                    yield from _languages(entry, languages, f"{place}, {inner}" if place else inner)
        elif isinstance(value, Mapping) and field == "values":
            for name, texts in value.items():
                yield from _one_text(texts, languages, f'{here}, value "{name}"')
        elif isinstance(value, Mapping) and not (field in OPTIONAL_TEXTS and not value):
            yield from _one_text(value, languages, here)


def _one_text(texts: Mapping[str, object], languages: tuple[str, ...], place: str) -> Iterator[str]:
    for language in languages:
        if language not in texts:
            yield f'{place}: the text in "{language}" is missing'
    for language in texts:
        if language not in languages:
            yield f'{place}: "{language}" is not a declared language ({_listed(languages)})'


def _references(instrument: "Instrument") -> Iterator[str]:
    items, responses = set(instrument.item_ids), {scale.id: scale for scale in instrument.responses}
    for item in instrument.items:
        if item.response not in responses:
            yield (
                f'item "{item.id}", response: there is no response scale "{item.response}"; '
                f"the file has {_listed(responses)}"
            )
        elif item.keying == -1 and responses[item.response].continuous:
            yield f'item "{item.id}", keying: an item without a lowest and highest cannot be turned'
    for kind, parts in (("scale", instrument.scales), ("form", instrument.forms)):
        for part in parts:
            for name in part.items:
                if name not in items:
                    yield f'{kind} "{part.id}", items: there is no item "{name}"'
            for name in _repeated(part.items):
                yield f'{kind} "{part.id}", items: "{name}" occurs twice'
    models = {model.id for model in instrument.models}
    for model in instrument.models:
        for field in ("boundary_of", "nested_in", "equivalent_to"):
            other = getattr(model, field)
            if other is not None and (other not in models or other == model.id):
                yield f'model "{model.id}", {field}: there is no other model "{other}"'
    references = [model.id for model in instrument.models if model.reference]
    if len(references) != 1:
        marked = _listed(references) if references else "none"
        yield f"models: exactly one model is marked reference = true; here {marked}"


def _models(instrument: "Instrument") -> Iterator[str]:
    items = set(instrument.item_ids)
    labelled = {factor.id for factor in instrument.factors}
    labelled |= {scale.id for scale in instrument.scales}
    for model in instrument.models:
        factors, used = variables(model)
        for name, statement in used.items():
            if name not in items and name not in factors:
                yield (
                    f'model "{model.id}", syntax: "{name}" is neither an item of the instrument '
                    f'nor a factor of the model (in "{statement}")'
                )
        for name in factors:
            if name in items:
                yield f'model "{model.id}", syntax: the factor "{name}" has the name of an item'
            elif name not in labelled:
                yield (
                    f'model "{model.id}", syntax: the factor "{name}" has no label; add it under '
                    "factors, or name it as a scale"
                )


def variables(model: "MeasurementModel") -> tuple[tuple[str, ...], dict[str, str]]:
    """Read a model's factors and variables, as far as names go; `measure` reads the rest.

    Returns
    -------
    tuple
        The factors in order, and every variable used with the statement it first stands in.
    """
    factors: list[str] = []
    used: dict[str, str] = {}
    for statement in _statements(model.syntax):
        operator = OPERATOR.search(statement)
        if operator is None or operator[0] in {":=", "==", "<", ">"}:
            continue
        left = _names(statement[: operator.start()])
        if operator[0] == "=~":
            factors += [name for name in left if name not in factors]
        right = [] if operator[0] == "|" else _names(statement[operator.end() :])
        for name in (*left, *right):
            used.setdefault(name, statement)
    return tuple(factors), used


def _statements(syntax: str) -> list[str]:
    """Take the statements out of model text; a line without operator continues the last one."""
    statements: list[str] = []
    for line in re.split(r"[\n;]", syntax):
        text = re.split(r"[#!]", line)[0].strip()
        if text and statements and OPERATOR.search(text) is None and ":" not in text:
            statements[-1] += f" {text}"
        elif text:
            statements.append(text)
    return statements


def _names(side: str) -> list[str]:
    """Take the variable names of one side of a statement, without its modifiers."""
    terms = (term.split("*")[-1].strip() for term in side.split("+"))
    return [term for term in terms if NAME.fullmatch(term)]


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
