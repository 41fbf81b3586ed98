"""Random surveys of small groups, and the tables of counts, means and answers made of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from analyses.disclosing.breakdowns import Breakdowns
from analyses.section import Answers, Column, Message, Provenance, Report, Section, Table

ENDS = (1.0, 5.0)
SCALES = {"first": 3, "second": 6}
COLUMNS = {"unit": "place", "place": None, "role": None, "shift": None}
"""Columns of the people, and in which other each lies."""


def heading(name: str) -> Message:
    return Message("plain", {"text": name})


@dataclass(frozen=True, eq=False)
class Made:
    """A survey, what may be grouped by what, and its sections in full precision."""

    data: pd.DataFrame
    known: Breakdowns
    sections: tuple[Section, ...]
    sums: dict[str, float]


def people(seed: int, n: int | None = None) -> pd.DataFrame:
    """Draw people in units of places, with a role and a shift, and whole-number answers."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(60, 160)) if n is None else n
    places = int(rng.integers(3, 6))
    of_place = rng.integers(1, 4, size=places)
    units = [(place, f"{place}.{k}") for place in range(places) for k in range(of_place[place])]
    shares = rng.dirichlet(np.full(len(units), 1.2))
    chosen = rng.choice(len(units), size=n, p=shares)
    data = pd.DataFrame(
        {
            "unit": [units[k][1] for k in chosen],
            "place": [f"p{units[k][0]}" for k in chosen],
            "role": rng.choice(["leader", "member", "other"], size=n, p=[0.08, 0.8, 0.12]),
            "shift": rng.choice(["day", "night"], size=n, p=[0.8, 0.2]),
        }
    )
    for scale, items in SCALES.items():
        answers = rng.integers(1, 6, size=(n, items)).astype(float)
        # Some units agree on the highest answer.
        same = data["unit"].isin(rng.choice(data["unit"].unique(), size=1)) & (rng.random() < 0.3)
        answers[same.to_numpy()] = 5.0
        asked = rng.random(n) < rng.choice([0.6, 0.95, 1.0])
        data[scale] = np.where(asked, answers.mean(axis=1), np.nan)
    data["answer"] = rng.choice([1, 2, 3], size=n)
    return data


def made(data: pd.DataFrame) -> Made:
    """Table a survey: counts, means by each column and crossed, and answers by unit."""
    tables = [counts(data, [name]) for name in COLUMNS]
    tables += [counts(data, ["place", "role"]), counts(data, ["role", "shift"])]
    for scale in SCALES:
        tables += [means(data, [name], scale) for name in COLUMNS]
        tables += [means(data, ["place", "shift"], scale)]
    tables.append(distribution(data, "unit"))
    half = len(tables) // 2
    sections = (
        Section("screening", Message("plain", {"text": "a"}), tables=tuple(tables[:half])),
        Section("levels", Message("plain", {"text": "b"}), tables=tuple(tables[half:])),
    )
    sums = {scale: float(data[scale].sum()) for scale in SCALES}
    return Made(data, breakdowns_of(data), sections, sums)


def breakdowns_of(*surveys: pd.DataFrame) -> Breakdowns:
    """Say what people may be grouped by, and which unit of any survey lies in which place."""
    lies_in = {
        repr(unit): repr(place)
        for data in surveys
        for unit, place in zip(data["unit"], data["place"], strict=True)
    }
    declared = frozenset(repr(heading(name)) for name in COLUMNS)
    return Breakdowns(declared, {(repr(heading("unit")), repr(heading("place"))): lies_in})


def some_of(whole: Made, seed: int, share: float = 0.7) -> Made:
    """Leave tables out by chance."""
    rng = np.random.default_rng(seed)
    sections = tuple(
        replace(one, tables=tuple(table for table in one.tables if rng.random() < share))
        for one in whole.sections
    )
    return replace(whole, sections=sections)


class Waves(NamedTuple):
    """Two waves, how many of the first have left, and how many have come since."""

    before: pd.DataFrame
    after: pd.DataFrame
    left: int
    came: int


def next_wave(data: pd.DataFrame, seed: int, stay: float, come: float) -> Waves:
    """Let some leave, others come, and all answer anew; shares are of those before."""
    rng = np.random.default_rng(seed)
    stayed = data[rng.random(len(data)) < stay]
    new = people(seed + 1000, n=round(come * len(data)))
    new = new.assign(unit=rng.choice(data["unit"].unique(), len(new)))
    places = data.drop_duplicates("unit").set_index("unit")["place"]
    both = pd.concat([stayed, new.assign(place=new["unit"].map(places))], ignore_index=True)
    again = people(seed + 2000, n=len(both))
    both = both.assign(**{name: again[name] for name in ("first", "second", "answer")})
    return Waves(data, both, len(data) - len(stayed), len(new))


def _table(
    table_id: str, by: list[str], columns: list[Column], rows: Sequence[tuple[object, ...]], n: int
) -> Table:
    return Table(
        table_id,
        Message("plain", {"text": table_id}),
        (*(Column(name, heading(name), "text") for name in by), *columns),
        tuple(rows),  # type: ignore[arg-type]
        Provenance("mean", n, ""),
        respondents="respondents",
    )


def _key(key: object) -> tuple[object, ...]:
    return key if isinstance(key, tuple) else (key,)


def counts(data: pd.DataFrame, by: list[str]) -> Table:
    rows = [
        (*_key(key), len(own), len(own) / len(data)) for key, own in data.groupby(by, sort=True)
    ]
    columns = [_number("respondents", "count", 0), _number("share", "percent", 1)]
    return _table(f"counts_{'_'.join(by)}", by, columns, rows, len(data))


def means(data: pd.DataFrame, by: list[str], scale: str) -> Table:
    known = data.dropna(subset=[scale])
    rows = [
        (*_key(key), len(own), own[scale].mean(), own[scale].std(ddof=0))
        for key, own in known.groupby(by, sort=True)
    ]
    columns = [_number("respondents", "count", 0), _number("mean", "number", 2)]
    columns.append(_number("sd", "number", 2))
    table = _table(f"means_{'_'.join(by)}_{scale}", by, columns, rows, len(known))
    answers = Answers(scale, "mean", "sd", ENDS, SCALES[scale])
    return Table(**{**vars(table), "answers": answers})


def distribution(data: pd.DataFrame, by: str) -> Table:
    rows = [
        (key, len(own), *((own["answer"] == code).mean() for code in (1, 2, 3)))
        for key, own in data.groupby(by, sort=True)
    ]
    columns = [_number("respondents", "count", 0)]
    columns += [_number(f"answer_{code}", "percent", 0) for code in (1, 2, 3)]
    table = _table(f"answers_{by}", [by], columns, rows, len(data))
    return Table(**{**vars(table), "distribution": True})


def _number(name: str, kind: str, digits: int) -> Column:
    return Column(name, heading(name), kind, digits)  # type: ignore[arg-type]


def report(sections: tuple[Section, ...], n_obs: int, wave: str | None = None) -> Report:
    """Bind published sections into a report."""
    return Report(
        instrument="made",
        instrument_version="1",
        title={"en": "Made"},
        survey="made.csv",
        n_obs=n_obs,
        simulated=True,
        confidential=False,
        created="2026-01-31T12:00:00+00:00",
        software="kobling",
        sections=sections,
        wave=wave,
    )
