"""Checks that look across the parts of an instrument; each problem names its place."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from instruments import design, dialogue, expected
from instruments.problems import KIND, Problem, Problems, listed, name_of, repeated
from instruments.texts import Part, fold

if TYPE_CHECKING:
    from instruments.schema import Instrument, Item, MeasurementModel, ResponseScale

NAMED = (
    "claims",
    "proposals",
    "dialogue",
    "responses",
    "functions",
    "levels",
    "referents",
    "items",
    "scales",
    "blocks",
    "forms",
    "columns",
    "factors",
    "models",
    "external",
    "hypotheses",
)
"""The lists whose entries have names of their own; items and variants share theirs."""

DECLARED = {"functions": "function", "levels": "level", "referents": "referent"}
"""Lists of terms that items refer to, and the field of an item that does so."""

OPTIONAL_TEXTS = frozenset(
    {
        "labels",
        "stem",
        "awaits",
        "untested",
        "phrase",
        "self_phrase",
        "self_text",
        "intro",
        "note",
        "question",
        "thanks",
    }
)

NAMED_TEXTS = {"values": "value", "headings": "block", "intros": "block"}
"""Fields that hold several texts under names, and what a name stands for."""

OPERATOR = re.compile(r"=~|<~|~\*~|~~|:=|==|~|<|>|\|")
NAME = re.compile(r"[A-Za-z_.][\w.]*")


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
                f"labels ({language}) cover the codes {listed(map(str, sorted(labels)))}, "
                f"but the scale has {listed(map(str, scale.codes))}; label all codes or none"
            )
    if twice := repeated(str(missing.code) for missing in scale.missing):
        raise ValueError(f"the missing code {twice[0]} occurs twice")
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
    Problems
        With one line for every problem found.
    """
    problems = [
        *_ids(instrument),
        *_languages(instrument, instrument.languages),
        *_items(instrument),
        *_claims(instrument),
        *dialogue.problems(instrument),
        *_scales(instrument),
        *design.problems(instrument),
        *_models(instrument),
        *expected.problems(
            instrument, {model.id: variables(model)[0] for model in instrument.models}
        ),
    ]
    if problems:
        raise Problems(problems)


def _ids(instrument: "Instrument") -> Iterator[Problem]:
    """Find names that are given twice; every entry that has such a name is pointed at."""
    shared = {"items": (*instrument.items, *instrument.variants)}
    for field in NAMED:
        parts: tuple[Part, ...] = shared.get(field, getattr(instrument, field))
        kind = KIND[field]
        for name in repeated(str(name_of(part)) for part in parts):
            for listing in ("items", "variants") if field == "items" else (field,):
                for entry, part in enumerate(getattr(instrument, listing)):
                    if name_of(part) == name:
                        text = f'{kind} "{name}" occurs twice; give each {kind} its own id'
                        yield Problem(text, listing, entry)
    taken = set(instrument.all_item_ids)
    for entry, column in enumerate(instrument.columns):
        if column.name in taken:
            text = f'column "{column.name}" has the name of an item; rename one of them'
            yield Problem(text, "columns", entry)


def _languages(instrument: "Instrument", languages: tuple[str, ...]) -> Iterator[Problem]:
    """Find texts that lack a declared language or have one that is not declared."""
    for field, value in instrument:
        if isinstance(value, tuple) and field in KIND:
            for entry, part in enumerate(value):
                place = f'{KIND[field]} "{name_of(part)}"'
                for text in _texts(part, languages, place):
                    yield Problem(text, field, entry)
        elif field == "rules":
            for name, rule in value:
                for text in _texts(rule, languages, f'rule "{name}"'):
                    yield Problem(text, field)
        elif isinstance(value, Part):
            for text in _texts(value, languages, field):
                yield Problem(text, field)
        elif isinstance(value, Mapping):
            for text in _one_text(value, languages, field):
                yield Problem(text, field)


def _texts(part: Part, languages: tuple[str, ...], place: str) -> Iterator[str]:
    """Look through the texts of one part and of the parts within it."""
    for field, value in part:
        here = f"{place}, {field}"
        if isinstance(value, Part):
            yield from _texts(value, languages, here)
        elif isinstance(value, tuple):
            for entry in value:
                if isinstance(entry, Part):
                    inner = f'{place}, {KIND[field]} "{name_of(entry)}"'
                    yield from _texts(entry, languages, inner)
        elif isinstance(value, Mapping) and field in NAMED_TEXTS:
            for name, texts in value.items():
                yield from _one_text(texts, languages, f'{here}, {NAMED_TEXTS[field]} "{name}"')
        elif isinstance(value, Mapping) and not (field in OPTIONAL_TEXTS and not value):
            yield from _one_text(value, languages, here)


def _one_text(texts: Mapping[str, object], languages: tuple[str, ...], place: str) -> Iterator[str]:
    for language in languages:
        if language not in texts:
            yield f'{place}: the text in "{language}" is missing'
    for language in texts:
        if language not in languages:
            yield f'{place}: "{language}" is not a declared language ({listed(languages)})'


def _items(instrument: "Instrument") -> Iterator[Problem]:
    """Find items that name a response scale, level, referent ... which is not there."""
    for field in ("items", "variants"):
        for entry, item in enumerate(getattr(instrument, field)):
            for text in _item(item, instrument):
                yield Problem(f'{KIND[field]} "{item.id}", {text}', field, entry)


def _item(item: "Item", instrument: "Instrument") -> Iterator[str]:
    responses = {scale.id: scale for scale in instrument.responses}
    response = responses.get(item.response)
    if response is None:
        yield (
            f'response: there is no response scale "{item.response}"; '
            f"the file has {listed(responses)}"
        )
    elif item.keying == -1 and response.continuous:
        yield "keying: an item without a lowest and highest cannot be turned"
    elif item.instructed is not None and item.instructed not in response.codes:
        yield f"instructed: {item.instructed} is no answer of its response scale"
    for field, kind in DECLARED.items():
        # A file need not declare these; where it does, every item uses what is declared.
        declared = [part.id for part in getattr(instrument, field)]
        code = getattr(item, kind)
        if declared and code is not None and code not in declared:
            yield f'{kind}: there is no {kind} "{code}"; the file has {listed(declared)}'
    if item.shifted_from is not None and item.shifted_from not in instrument.item_ids:
        yield f'shifted_from: there is no item "{item.shifted_from}"'
    if item.self_for is not None:
        roles = [name for part in instrument.columns if part.role == "role" for name in part.values]
        if item.self_for not in roles:
            known = listed(roles) or "none"
            yield f'self_for: there is no role "{item.self_for}" among the columns ({known})'


def _scales(instrument: "Instrument") -> Iterator[Problem]:
    """Find scales of items that are not there, or that are used in another way than the scale."""
    indicators = {item.id: item.indicator for item in instrument.all_items}
    for entry, scale in enumerate(instrument.scales):
        texts = [f'there is no item "{name}"' for name in scale.items if name not in indicators]
        texts += [f'"{name}" occurs twice' for name in repeated(scale.items)]
        texts += [
            f'"{name}" has indicator = "{indicators[name]}", but the scale has kind = '
            f'"{scale.kind}"'
            for name in scale.items
            if indicators.get(name, scale.kind) != scale.kind
        ]
        for text in texts:
            yield Problem(f'scale "{scale.id}", items: {text}', "scales", entry)


def _claims(instrument: "Instrument") -> Iterator[Problem]:
    """Find claims that name a test which is not there, or no test and no reason."""
    known = {hypothesis.id for hypothesis in instrument.hypotheses}
    known |= {model.id for model in instrument.models}
    for entry, claim in enumerate(instrument.claims):
        texts = [
            f'tested_by: there is no hypothesis or model "{name}"'
            for name in claim.tested_by
            if name not in known
        ]
        texts += [f'tested_by: "{name}" occurs twice' for name in repeated(claim.tested_by)]
        if not claim.tested_by and not claim.untested:
            texts.append("untested: nothing tests the claim; say why not")
        for text in texts:
            yield Problem(f'claim "{claim.id}", {text}', "claims", entry)


def _models(instrument: "Instrument") -> Iterator[Problem]:
    models = {model.id for model in instrument.models}
    for entry, model in enumerate(instrument.models):
        for field in ("boundary_of", "nested_in", "equivalent_to"):
            other = getattr(model, field)
            if other is not None and (other not in models or other == model.id):
                text = f'model "{model.id}", {field}: there is no other model "{other}"'
                yield Problem(text, "models", entry)
        for text in (*_options(model, instrument), *_syntax(model, instrument)):
            yield Problem(f'model "{model.id}", {text}', "models", entry)
        if model.reference and (model.use != "rival" or model.awaits):
            text = f'model "{model.id}", reference: the reference model is a rival that is fitted'
            yield Problem(text, "models", entry)
    references = [model.id for model in instrument.models if model.reference]
    if len(references) != 1:
        marked = listed(references) if references else "none"
        text = f"models: exactly one model is marked reference = true; here {marked}"
        yield Problem(text, "models")


def _options(model: "MeasurementModel", instrument: "Instrument") -> Iterator[str]:
    options = model.options
    columns = [column.name for column in instrument.columns]
    if options.cluster is not None and options.cluster not in columns:
        known = listed(columns) or "none"
        yield f'options.cluster: there is no column "{options.cluster}"; the file has {known}'
    if options.target_of is None:
        return
    if options.rotation is None:
        yield "options.target_of: a target is for a rotation; give rotation too"
    factors = {other.id: variables(other)[0] for other in instrument.models if other is not model}
    if factors.get(options.target_of) != variables(model)[0]:
        yield (
            f'options.target_of: there is no model "{options.target_of}" with the same factors, '
            "in the same order"
        )


def _syntax(model: "MeasurementModel", instrument: "Instrument") -> Iterator[str]:
    items = set(instrument.all_item_ids)
    labelled = {factor.id for factor in instrument.factors}
    labelled |= {scale.id for scale in instrument.scales}
    factors, used = variables(model)
    scores = {scale.id for scale in instrument.scales if scale.kind == "index"}
    known = {*items, *factors, *(scores if model.use == "structural" else ())}
    for name, statement in used.items():
        if name not in known:
            yield (
                f'syntax: "{name}" is neither an item of the instrument nor a factor of the model '
                f'(in "{statement}")'
            )
    for name in factors:
        if name in items:
            yield f'syntax: the factor "{name}" has the name of an item'
        elif name not in labelled:
            yield (
                f'syntax: the factor "{name}" has no label; add it under factors, or name it as a '
                "scale"
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
    for statement in statements(model.syntax):
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


def statements(syntax: str) -> list[str]:
    """Take the statements out of model text; a line without operator continues the last one."""
    found: list[str] = []
    for line in re.split(r"[\n;]", syntax):
        text = re.split(r"[#!]", line)[0].strip()
        if text and found and OPERATOR.search(text) is None and ":" not in text:
            found[-1] += f" {text}"
        elif text:
            found.append(text)
    return found


def _names(side: str) -> list[str]:
    """Take the variable names of one side of a statement, without its modifiers."""
    terms = (term.split("*")[-1].strip() for term in side.split("+"))
    return [term for term in terms if NAME.fullmatch(term)]
