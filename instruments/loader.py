"""From an instrument file to a checked `Instrument`, or to an error that names the place."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from instruments.errors import InstrumentError
from instruments.problems import KIND, Problems, name_of
from instruments.schema import Instrument

ROOM = Path(__file__).parent
FILE = "instrument.toml"
DEFAULT_RULES = ROOM / "rules.toml"
ITEM_DEFAULTS = "item_defaults"
"""A table of fields that the items of a file share unless they state their own; those of the
instrument file reach the items of all its parts."""

ITEM_LISTS = ("items", "variants")

PARTS = "parts"
"""Further files beside the instrument file, each with some of its fields. Lists of tables may be
spread over several files and are read in the order of the files."""

PLAIN = {
    "missing": "the field is missing",
    "extra_forbidden": "there is no such field",
    "string_type": "a text in quotation marks is wanted",
    "string_too_short": "the text is empty",
    "int_type": "a whole number is wanted",
    "float_type": "a number is wanted",
    "bool_type": "true or false is wanted",
    "tuple_type": "a list is wanted",
    "too_short": "the list is empty",
    "string_pattern_mismatch": (
        "a name of letters, digits, dots and underscores that begins with a letter is wanted"
    ),
}
"""The commonest complaints of pydantic, in plain words; the others are shown as they are."""

TABLES = frozenset({"model_type", "mapping_type", "dict_type"})


def names() -> tuple[str, ...]:
    """Give the names of the instruments that come with the toolkit, in alphabetical order."""
    return tuple(sorted(path.parent.name for path in ROOM.glob(f"*/{FILE}")))


def load(name_or_path: str | Path) -> Instrument:
    """Read an instrument and check it.

    Parameters
    ----------
    name_or_path
        The name of a bundled instrument (`names()`), or the path of a TOML file or of a folder
        with an `instrument.toml`.

    Returns
    -------
    Instrument
        Frozen; its decision rules are the defaults of `rules.toml` with the file's own on top.

    Raises
    ------
    InstrumentError
        Where there is no such instrument or file, or the file is wrong: the message names the
        file, and for each problem the item (or scale, model ...) and the field.
    """
    path = _path(name_or_path)
    raw, sources = _assembled(path)
    if "origin" in raw:
        raise InstrumentError(f"{sources.of('origin')}\n    origin: there is no such field")
    raw["rules"] = _rules(raw.get("rules", {}), sources.of("rules"))
    _fill_forms(raw, sources)
    try:
        return Instrument.model_validate({**raw, "origin": path})
    except ValidationError as error:
        raise InstrumentError(explained(error, raw, sources)) from error


@dataclass
class Sources:
    """Which file each field comes from, and each entry of a list that several files share."""

    main: Path
    fields: dict[str, Path] = field(default_factory=dict)
    entries: dict[str, list[Path]] = field(default_factory=dict)

    def of(self, name: str | None, entry: int | str | None = None) -> Path:
        """Give the file of a field or of one entry of it; the instrument file where unknown."""
        if name in self.entries and isinstance(entry, int):
            return self.entries[name][entry]
        return self.fields.get(name or "", self.main)


def _path(name_or_path: str | Path) -> Path:
    if isinstance(name_or_path, str) and name_or_path in names():
        return ROOM / name_or_path / FILE
    path = Path(name_or_path)
    if path.is_dir() and (path / FILE).is_file():
        return path / FILE
    if path.is_file():
        return path
    looks_like_path = isinstance(name_or_path, Path) or len(path.parts) > 1 or path.suffix
    if looks_like_path:
        raise InstrumentError(f"there is no instrument file {path}")
    raise InstrumentError(
        f'there is no instrument "{name_or_path}"; the bundled ones are {", ".join(names())}. '
        "Give one of these names, or the path of an instrument file."
    )


def _assembled(path: Path) -> tuple[dict[str, Any], Sources]:
    """Read an instrument file and its parts; also give which file each entry comes from."""
    main = read(path)
    parts = main.pop(PARTS, [])
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise InstrumentError(f"{path}\n    {PARTS}: a list of file names is wanted")
    shared = _defaults(main, path)
    raw: dict[str, Any] = {}
    sources = Sources(path)
    _add(main, path, raw, sources, shared)
    for part in parts:
        part_path = path.parent / part
        if not part_path.is_file():
            raise InstrumentError(f'{path}\n    {PARTS}: there is no file "{part}" beside it')
        content = read(part_path)
        _add(content, part_path, raw, sources, {**shared, **_defaults(content, part_path)})
    return raw, sources


def _defaults(content: dict[str, Any], path: Path) -> dict[str, Any]:
    defaults = content.pop(ITEM_DEFAULTS, {})
    if not isinstance(defaults, dict):
        raise InstrumentError(f"{path}\n    {ITEM_DEFAULTS}: a table of fields is wanted")
    return defaults


def _add(
    content: Mapping[str, Any],
    path: Path,
    raw: dict[str, Any],
    sources: Sources,
    defaults: Mapping[str, Any],
) -> None:
    """Add what one file says: its lists at the end of those read so far, each other field once."""
    for name, value in content.items():
        tables = isinstance(value, list) and all(isinstance(entry, dict) for entry in value)
        if tables and name in ITEM_LISTS:
            value = [{**defaults, **entry} for entry in value]
        if tables and (name not in raw or name in sources.entries):
            raw[name] = [*raw.get(name, []), *value]
            sources.entries.setdefault(name, []).extend([path] * len(value))
        elif name in raw:
            raise InstrumentError(
                f"{path}\n    {name}: the field is already in {sources.of(name, 0).name}"
            )
        else:
            raw[name] = value
        sources.fields.setdefault(name, path)


def read(path: Path) -> dict[str, Any]:
    """Read a TOML file, or say why it cannot be read (InstrumentError)."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise InstrumentError(
            f"{path}\n    the file is not UTF-8 text (byte {error.start + 1}); save it as UTF-8"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise InstrumentError(f"{path}\n    the file is not valid TOML: {error}") from error
    except OSError as error:
        raise InstrumentError(f"{path} cannot be read: {error.strerror}") from error


def _fill_forms(raw: dict[str, Any], sources: Sources) -> None:
    """List the items of every form that names blocks instead of items."""
    forms, blocks = raw.get("forms"), raw.get("blocks", [])
    if not isinstance(forms, list) or not isinstance(blocks, list):
        return
    items = {name_of(block): block.get("items", []) for block in blocks if isinstance(block, dict)}
    for entry, form in enumerate(forms):
        named = form.get("blocks") if isinstance(form, dict) else None
        if not isinstance(named, list):
            continue
        place = f'{sources.of("forms", entry)}\n    form "{name_of(form)}"'
        if "items" in form:
            raise InstrumentError(f"{place}: give items or blocks, not both")
        for block in named:
            if block not in items:
                known = ", ".join(str(name) for name in items)
                raise InstrumentError(
                    f'{place}, blocks: there is no block "{block}"; the file has {known}'
                )
        listed = [item for block in named for item in items[block]]
        forms[entry] = {**form, "items": listed}


def _rules(own: object, path: Path) -> object:
    """Lay an instrument's own rules over the defaults; a changed rule states its own source."""
    if not isinstance(own, dict):
        return own
    merged: dict[str, Any] = dict(read(DEFAULT_RULES))
    for name, rule in own.items():
        if isinstance(rule, dict) and isinstance(merged.get(name), dict):
            if "source" not in rule:
                raise InstrumentError(
                    f'{path}\n    rule "{name}", source: the field is missing; a rule that differs '
                    "from the default states its own source"
                )
            merged[name] = {**merged[name], **rule}
        else:
            merged[name] = rule
    return merged


def explained(error: ValidationError, raw: Mapping[str, Any], sources: Sources) -> str:
    """Write the problems that pydantic found, by file, with the names used in the file."""
    found: dict[Path, dict[str, None]] = {}
    for path, line in _lines(error, raw, sources):
        # A name that one file gives twice is one problem of that file.
        found.setdefault(path, {})[line] = None
    return "\n".join("\n    ".join([str(path), *lines]) for path, lines in found.items())


def _lines(
    error: ValidationError, raw: Mapping[str, Any], sources: Sources
) -> Iterator[tuple[Path, str]]:
    for problem in error.errors():
        location = problem["loc"]
        kind = problem["type"]
        cause = problem["ctx"]["error"] if kind == "value_error" else None
        if isinstance(cause, Problems):
            for part in cause.problems:
                yield sources.of(part.field, part.entry), part.text
            continue
        if cause is not None:
            message = str(cause)
        elif kind in TABLES:
            message = "a table of fields is wanted"
        elif kind == "literal_error":
            message = f"one of {problem['ctx']['expected']} is wanted"
        else:
            message = PLAIN.get(kind, problem["msg"])
        if kind not in {"missing", "extra_forbidden", "value_error"}:
            message += f", not {_shown(problem['input'])}"
        path = sources.of(str(location[0]), *location[1:2]) if location else sources.main
        place = _place(location, raw)
        for line in message.splitlines():
            yield path, f"{place}: {line}" if place else line


def _place(location: Sequence[int | str], raw: Mapping[str, Any]) -> str:
    """Write a path such as items, 4, text, da as: item "I_bro5", text.da."""
    parts: list[str] = []
    fields: list[str] = []
    here: Any = raw
    for position, step in enumerate(location):
        below = _below(here, step)
        kind = KIND.get(str(location[position - 1])) if position else None
        if isinstance(step, int) and kind is not None:
            fields.pop()
            own_name = name_of(below)
            parts.append(f'{kind} "{own_name}"' if own_name else f"{kind} number {step + 1}")
        elif kind == "rule":
            fields.pop()
            parts.append(f'rule "{step}"')
        else:
            # pydantic marks a wrong key of a table by an extra step, which is no place.
            fields += [] if step == "[key]" else [str(step)]
        here = below
    return ", ".join([*parts, ".".join(fields)] if fields else parts)


def _below(here: Any, step: int | str) -> Any:
    if isinstance(here, Mapping):
        return here.get(step)
    if isinstance(here, list) and isinstance(step, int) and step < len(here):
        return here[step]
    return None


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
