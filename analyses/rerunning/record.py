"""What a run rested on, so that it can be run again: files by name and hash, options, versions.

No answer and no folder stands in it: a file is known by its name and the SHA-256 of its bytes.
"""

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyses.defaults import SEED, software
from analyses.errors import SurveyError
from analyses.export import own_json
from analyses.intake.earlier import located
from instruments import locking
from instruments.schema import Instrument
from instruments.substance import digest

if TYPE_CHECKING:
    from analyses.intake.inputs import Inputs

FILE_NAME = "run.json"
FORMAT = "kobling-run"
FORMAT_VERSION = 1

LIBRARIES = (
    "numpy",
    "scipy",
    "pandas",
    "factor_analyzer",
    "pingouin",
    "mirt",
    "insufficient-effort",
)
"""The libraries that numbers are computed by; `semopy` only gives a second opinion."""

SIDE_FILES = ("mapping", "lock", "experts", "interviews", "population")
"""The files that may lie beside a survey, as the fields of `Inputs` are called."""

EARLIER = "earlier"
"""Begins the names of the results that were published before."""

MEASURED = ("responses", "items", "variants", "scales", "models")
"""The parts of an instrument that numbers hang on; the others only judge them."""


@dataclass(frozen=True)
class FileRecord:
    """A file that was read: its name without its folder, and the SHA-256 of its bytes."""

    name: str
    sha256: str


@dataclass(frozen=True)
class InstrumentRecord:
    """The instrument as it was.

    Parameters
    ----------
    file
        Name of its file; empty where it is one that comes with the toolkit.
    sha256
        Of everything that it says but its rules, and `rules_sha256` of those.
    parts
        SHA-256 of the substance of each kind of part (items, models, ...); no wording changes it.
    """

    id: str
    version: str
    file: str
    sha256: str
    rules_sha256: str
    parts: Mapping[str, str]


@dataclass(frozen=True)
class Options:
    """What the run was told; each is an argument of `analyses.report.validate`."""

    seed: int = SEED
    estimator: str | None = None
    confidential: bool = False
    wave: str | None = None
    flagged: str = "both"
    cutoffs: bool = False
    multiverse: bool = False


@dataclass(frozen=True)
class Record:
    """Everything that decides what a run publishes.

    Parameters
    ----------
    files
        The survey (`survey`), the side files that were read, and the results that were published
        before (`earlier.1`, `earlier.2`, ...).
    columns
        The role that each named column was given.
    language
        Of the written report; no number hangs on it.
    versions, system
        Of the program, Python and the libraries; and what they ran on.
    """

    instrument: InstrumentRecord
    files: Mapping[str, FileRecord]
    columns: Mapping[str, str]
    options: Options
    language: str
    versions: Mapping[str, str] = field(default_factory=dict)
    system: str = ""


def make(instrument: Instrument, inputs: "Inputs", options: Options, language: str) -> Record:
    """Record a run before it begins.

    Parameters
    ----------
    instrument
        As it was loaded, before columns get roles.
    inputs
        The files, each of which is read once more to be hashed.

    Raises
    ------
    SurveyError
        Where a file cannot be read.
    """
    paths = {"survey": inputs.survey} | {name: getattr(inputs, name) for name in SIDE_FILES}
    paths["lock"] = inputs.lock or locking.beside(instrument)
    paths |= {
        f"{EARLIER}.{place}": located(path) for place, path in enumerate(inputs.earlier, start=1)
    }
    return Record(
        instrument=of_instrument(instrument),
        files={name: of_file(path) for name, path in paths.items() if path is not None},
        columns={str(role): name for role, name in inputs.columns.items() if name is not None},
        options=options,
        language=language,
        versions=versions(),
        system=f"{platform.system()} {platform.machine()}",
    )


def versions() -> dict[str, str]:
    """Give the versions that this machine computes with, of the libraries that are there."""
    found = {"kobling": software().removeprefix("kobling").strip()}
    found["python"] = platform.python_version()
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def of_file(path: Path) -> FileRecord:
    """Hash a file."""
    try:
        with path.open("rb") as file:
            return FileRecord(path.name, hashlib.file_digest(file, "sha256").hexdigest())
    except OSError as error:
        raise SurveyError(f'"{path.name}" cannot be read: {error.strerror}.') from error


def of_instrument(instrument: Instrument) -> InstrumentRecord:
    """Hash an instrument and its rules."""
    content = instrument.model_dump(mode="json", exclude={"rules"})
    return InstrumentRecord(
        id=instrument.id,
        version=instrument.version,
        file="" if _is_bundled(instrument) else instrument.origin.name,
        sha256=digest(content),
        rules_sha256=digest(instrument.rules.model_dump(mode="json")),
        parts=locking.digests(instrument),
    )


def write(record: Record, path: Path) -> None:
    """Write a record as JSON."""
    content = {"format": FORMAT, "format_version": FORMAT_VERSION, **asdict(record)}
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def read(path: Path) -> Record:
    """Read a record that `write` has written.

    Raises
    ------
    SurveyError
        Where the file is not there, or is no record of this format version.
    """
    if not path.exists():
        raise SurveyError(
            f'there is no "{path.name}" in "{path.parent.name}": it holds no run of kobling, or '
            "one of a version that did not record runs. Run the validation again."
        )
    content = own_json.read(path, FORMAT, FORMAT_VERSION, "the record of a run of kobling")
    try:
        return _record(content)
    except (KeyError, TypeError, AttributeError) as error:
        raise SurveyError(f'"{path.name}" is damaged: {error}.') from error


def _record(content: Mapping[str, Any]) -> Record:
    return Record(
        instrument=InstrumentRecord(**content["instrument"]),
        files={name: FileRecord(**file) for name, file in content["files"].items()},
        columns=dict(content["columns"]),
        options=Options(**content["options"]),
        language=content["language"],
        versions=dict(content["versions"]),
        system=content["system"],
    )


def _is_bundled(instrument: Instrument) -> bool:
    import instruments
    from instruments.loader import ROOM

    return instrument.id in instruments.names() and ROOM in instrument.origin.parents
