"""From an instrument file to a checked `Instrument`, or to an error that names the place."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from instruments.checks import KIND, name_of
from instruments.errors import InstrumentError
from instruments.schema import Instrument

ROOM = Path(__file__).parent
FILE = "instrument.toml"
DEFAULT_RULES = ROOM / "rules.toml"
ITEM_DEFAULTS = "item_defaults"
"""A table of fields that all items share unless they state their own."""

PARTS = "parts"
"""Further files beside the instrument file, each with some of its fields."""

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
    raw, files = _assembled(path)
    if "origin" in raw:
        raise InstrumentError(f"{files['origin']}\n    origin: there is no such field")
    if ITEM_DEFAULTS in raw:
        _spread_item_defaults(raw, files[ITEM_DEFAULTS])
    raw["rules"] = _rules(raw.get("rules", {}), files.get("rules", path))
    try:
        return Instrument.model_validate({**raw, "origin": path})
    except ValidationError as error:
        raise InstrumentError(_explained(error, raw, files, path)) from error


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


def _assembled(path: Path) -> tuple[dict[str, Any], dict[str, Path]]:
    """Read an instrument file and its parts; also give which file each field comes from."""
    raw = _read(path)
    files = dict.fromkeys(raw, path)
    parts = raw.pop(PARTS, [])
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise InstrumentError(f"{path}\n    {PARTS}: a list of file names is wanted")
    for part in parts:
        part_path = path.parent / part
        if not part_path.is_file():
            raise InstrumentError(f'{path}\n    {PARTS}: there is no file "{part}" beside it')
        for field, value in _read(part_path).items():
            if field in files:
                raise InstrumentError(
                    f"{part_path}\n    {field}: the field is already in {files[field].name}"
                )
            raw[field], files[field] = value, part_path
    return raw, files


def _read(path: Path) -> dict[str, Any]:
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


def _spread_item_defaults(raw: dict[str, Any], path: Path) -> None:
    """Give every item the fields of `item_defaults` that it does not state itself."""
    defaults = raw.pop(ITEM_DEFAULTS)
    items = raw.get("items")
    if not isinstance(defaults, dict):
        raise InstrumentError(f"{path}\n    {ITEM_DEFAULTS}: a table of fields is wanted")
    if isinstance(items, list):
        raw["items"] = [{**defaults, **item} if isinstance(item, dict) else item for item in items]


def _rules(own: object, path: Path) -> object:
    """Lay an instrument's own rules over the defaults; a changed rule states its own source."""
    if not isinstance(own, dict):
        return own
    merged: dict[str, Any] = dict(_read(DEFAULT_RULES))
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


def _explained(
    error: ValidationError, raw: Mapping[str, Any], files: Mapping[str, Path], main: Path
) -> str:
    """Write the problems that pydantic found, by file, with the names used in the file."""
    found: dict[Path, list[str]] = {}
    for problem in error.errors():
        field = str(problem["loc"][0]) if problem["loc"] else ""
        lines = found.setdefault(files.get(field, main), [])
        place = _place(problem["loc"], raw)
        kind = problem["type"]
        if kind == "value_error":
            message = str(problem["ctx"]["error"])
        elif kind in TABLES:
            message = "a table of fields is wanted"
        elif kind == "literal_error":
            message = f"one of {problem['ctx']['expected']} is wanted"
        else:
            message = PLAIN.get(kind, problem["msg"])
        if kind not in {"missing", "extra_forbidden", "value_error"}:
            message += f", not {_shown(problem['input'])}"
        lines += [f"{place}: {line}" if place else line for line in message.splitlines()]
    return "\n".join("\n    ".join([str(file), *lines]) for file, lines in found.items())


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
