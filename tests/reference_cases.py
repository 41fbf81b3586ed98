"""The reference results in `tests/reference`, as data frames and dictionaries.

`tests/reference/README.md` describes the cases: what made them, their keys, their tolerances.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

ROOT = Path(__file__).parent / "reference"


@cache
def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def case(name: str) -> dict[str, Any]:
    """Return the case with this id, freshly parsed so that a test may change it."""
    content: dict[str, Any] = json.loads(_read(ROOT / "cases" / f"{name}.json"))
    return content


@cache
def _kinds() -> dict[str, str]:
    """Return the kind of each case, ordered by id."""
    names = sorted(path.stem for path in (ROOT / "cases").glob("*.json"))
    return {name: case(name)["kind"] for name in names}


def cases(kind: str) -> list[dict[str, Any]]:
    """Return all cases of one kind (`cfa`, `efa`, `reliability`, ...), ordered by id."""
    return [case(name) for name, own in _kinds().items() if own == kind]


@cache
def _table(name: str) -> pd.DataFrame:
    return pd.read_csv(ROOT / "data" / name, keep_default_na=False, na_values=[""])


def data(name: str) -> pd.DataFrame:
    """Return a data file; a correlation or covariance matrix gets its names as index too."""
    table = _table(name).copy()
    if name.endswith(("_cor.csv", "_cov.csv")):
        table.index = table.columns.copy()
    return table


def matrix(entry: Mapping[str, Any]) -> pd.DataFrame:
    """Return a `{rows, cols, values}` entry as a data frame of floats (null becomes NaN)."""
    return pd.DataFrame(entry["values"], index=entry["rows"], columns=entry["cols"], dtype=float)
