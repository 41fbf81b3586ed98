"""Results of the bundled answers, kept on this machine under a name that says what they rest on.

The name is a digest of the answers, the instrument with its rules, the code and the versions of
what computes; where any of these changes, the name does, and the results are computed anew.
"""

import hashlib
import json
import shutil
import uuid
from functools import cache, lru_cache
from importlib import metadata
from pathlib import Path

from analyses import cache as cache_folder
from analyses.errors import SurveyError
from analyses.export import results
from analyses.section import Report
from analyses.showing.jobs import Figures
from analyses.showing.worker import FIGURES, RESULTS
from instruments.schema import Instrument

HOUSE = Path(__file__).resolve().parent.parent.parent

COMPUTING = ("numpy", "scipy", "pandas")
"""Libraries whose versions can change a number."""

SHOWING = ("analyses/showing/", "analyses/export/", "analyses/fielding/", "analyses/commands/")
"""Rooms that show and write, and change no number and no figure."""


@lru_cache(maxsize=8)
def key(instrument: Instrument) -> str:
    """Name the results on an instrument's bundled answers by all that they depend on."""
    digest = hashlib.sha256(code().encode())
    digest.update(instrument.model_dump_json().encode())
    digest.update(instrument.demonstration_path().read_bytes())
    return digest.hexdigest()


@cache
def code() -> str:
    """Give a digest of the code that computes, and of the libraries it computes with."""
    digest = hashlib.sha256()
    for library in COMPUTING:
        digest.update(f"{library} {metadata.version(library)}".encode())
    for room in ("measure", "instruments", "analyses"):
        for path in sorted([*(HOUSE / room).rglob("*.py"), *(HOUSE / room).rglob("*.toml")]):
            name = path.relative_to(HOUSE).as_posix()
            if not name.startswith(SHOWING):
                digest.update(name.encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


def folder() -> Path:
    """Give the folder of stored results."""
    return cache_folder.folder("demonstrations")


def place(instrument: Instrument) -> Path:
    """Give the file of the results on an instrument's bundled answers."""
    return folder() / f"{instrument.id}-{key(instrument)[:32]}.json"


def figures_place(instrument: Instrument) -> Path:
    """Give the file of their figures."""
    return place(instrument).with_suffix(".figures.json")


def load(instrument: Instrument) -> tuple[Report, Figures] | None:
    """Give the stored results with their figures; None where there are none that can be read."""
    try:
        report = results.read(place(instrument))
        return report, json.loads(figures_place(instrument).read_text(encoding="utf-8"))
    except (SurveyError, OSError, ValueError):
        return None


def keep(instrument: Instrument, done: Path) -> None:
    """Store what a finished validation has left in its folder, and drop what it replaces."""
    kept = {figures_place(instrument): FIGURES, place(instrument): RESULTS}
    folder().mkdir(parents=True, exist_ok=True)
    for target, name in kept.items():
        part = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
        shutil.copyfile(done / name, part)
        part.replace(target)
    for old in folder().glob(f"{instrument.id}-*.json"):
        if old not in kept:
            old.unlink(missing_ok=True)
