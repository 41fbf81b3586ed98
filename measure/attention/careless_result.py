"""What came of looking for careless answers, as tables."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.attention.answer_sheet import Sheet
from measure.attention.compared import Index
from measure.attention.flagging import KINDS_NEEDED, Calibration
from measure.display import render_html, render_text

Array = NDArray[np.float64]

SECONDS = "seconds_per_item"
SECONDS_AN_ITEM = 2.0
"""Faster than this nobody reads an item (Huang, Curran, Keeney, Poposki & DeShon 2012)."""

FEWEST_ANSWERS = 8
"""With fewer answers a person is not judged: there is nothing to see a pattern in."""

FEWEST_OPPOSITE = 3
"""Statements that have to point the other way, for agreement with both directions to tell."""

FEWEST_SCALES = 3
"""Scales with two halves, for their correlation within a person to be more than ±1 by itself."""

REASONS = {
    "": "",
    "model": "the attentive answers to compare with could not be estimated",
    "common": f"fewer than {FEWEST_ANSWERS} items with the same number of answer categories",
    "scales": f"fewer than {FEWEST_SCALES} scales of two such items or more",
    "opposite": f"fewer than {FEWEST_OPPOSITE} items that point the other way",
    "seconds": "no response times were given",
}
"""Why an index could not be computed, by the code in `CarelessAnswers.indices`."""


@dataclass(frozen=True, eq=False)
class CarelessAnswers:
    """Indices of careless answers, and who is flagged by at least two kinds of them.

    A flag is a reason to look at results with and without the person, never to delete anyone.

    Attributes
    ----------
    persons
        A row a respondent, indexed as the data: `n_answered`; each index, NaN where it could not
        be computed; `n_kinds` beyond their cut-offs; `judged`, False with too few answers;
        `flagged`. It is about single people: no report shows it.
    indices
        A row an index: `kind` of evidence; `tail` that is careless; `cutoff`, for those who
        answered most, and where both tails are careless `cutoff.lower`; `n` persons it was computed
        for;
        `n_beyond` and `share_beyond` of them; `expected`, the share of the attentive beyond;
        `lacks` and `reason`, a code and a sentence why it could not be computed, else empty.
    kinds
        A row a number of kinds beyond: `n` and `share` of the judged, `expected` of the attentive.
        Empty where nobody can be flagged.
    n_obs, n_judged, n_flagged
        Respondents, those with enough answers, and those flagged.
    expected_flagged, expected_flat
        Shares of the attentive, and of the attentive with flat profiles, that the rule flags.
    alpha
        Share of the attentive that each kind of evidence is beyond its cut-off for.
    attentive
        What the model of attentive answers rests on: "correlations", "scales" (see `Attentive`) or
        "none", where it could not be estimated and nobody is flagged; `reason` then says why.
    reason
        Why nobody can be flagged; empty where the rule was applied.
    seed
        Of the drawn answers.
    notes
        What the reader has to know.
    """

    persons: pd.DataFrame
    indices: pd.DataFrame
    kinds: pd.DataFrame
    n_obs: int
    n_judged: int
    n_flagged: int
    expected_flagged: float
    expected_flat: float
    alpha: float
    attentive: str
    reason: str
    seed: int
    notes: tuple[str, ...]

    @property
    def flagged(self) -> pd.Series:
        """Mark the respondents that are flagged."""
        return self.persons["flagged"]

    def _report(self) -> tuple[str, Mapping[str, object], Mapping[str, pd.DataFrame]]:
        facts = {
            "rows": self.n_obs,
            "rows judged": self.n_judged,
            "flagged": self.n_flagged,
            "flagged if all were attentive": self.expected_flagged,
            "the same with flat profiles": self.expected_flat,
            "attentive answers from": self.attentive,
            "notes": "; ".join(part for part in (self.reason, *self.notes) if part),
        }
        return "Careless answers", facts, {"indices": self.indices, "kinds beyond": self.kinds}

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


@dataclass(frozen=True, eq=False)
class Judged:
    """What came of comparing the rows with attentive ones.

    Attributes
    ----------
    sheet
        The rows.
    enough
        Rows with enough answers to be judged.
    indices
        What was tried.
    source
        As `CarelessAnswers.attentive`.
    reason
        Why nobody can be flagged, else empty.
    values, lacks
        Of each index, for the rows with enough answers, and why it has none.
    centres
        Medians of the indices among the attentive.
    calibration
        Its indices are those of `values`, in that order; None where nobody can be flagged.
    """

    sheet: Sheet
    enough: NDArray[np.bool_]
    indices: Mapping[str, Index]
    source: str
    reason: str
    values: Mapping[str, Array]
    lacks: Mapping[str, str]
    centres: Mapping[str, float]
    calibration: Calibration | None

    def value_of(self, name: str, extreme: float) -> float:
        """Give the value of an index that is so extreme; NaN where none is extreme enough."""
        if not np.isfinite(extreme):
            return np.nan
        tail = self.indices[name].tail
        if tail == "both":
            return self.centres[name] + extreme
        return extreme if tail == "high" else -extreme


def tabled(
    judged: Judged, index: pd.Index, seconds: pd.Series | None, seed: int
) -> CarelessAnswers:
    """Lay out what was found, by person, by index and by number of kinds of evidence."""
    calibration, enough = judged.calibration, judged.enough
    persons = _persons(judged, index, seconds)
    n_kinds = np.zeros(len(index), dtype=int)
    if calibration is not None:
        fast = (persons[SECONDS] < SECONDS_AN_ITEM).to_numpy()
        n_kinds[enough] = calibration.by_kind.sum(axis=1) + fast[enough]
    persons["judged"], persons["n_kinds"] = enough, n_kinds
    persons["flagged"] = n_kinds >= KINDS_NEEDED
    kinds = _kinds_table(n_kinds[enough], calibration)
    return CarelessAnswers(
        persons=persons,
        indices=_index_table(judged, persons),
        kinds=kinds,
        n_obs=len(index),
        n_judged=int(enough.sum()),
        n_flagged=int(persons["flagged"].sum()),
        expected_flagged=float(kinds["expected"].iloc[KINDS_NEEDED:].sum(min_count=1)),
        expected_flat=calibration.expected_flat if calibration else np.nan,
        alpha=calibration.alpha if calibration else np.nan,
        attentive=judged.source,
        reason=judged.reason,
        seed=seed,
        notes=_notes(judged),
    )


def _persons(judged: Judged, index: pd.Index, seconds: pd.Series | None) -> pd.DataFrame:
    n_answered = np.isfinite(judged.sheet.rows.answers).sum(axis=1)
    persons = pd.DataFrame({"n_answered": n_answered}, index=index)
    for name in judged.indices:
        values = np.full(len(index), np.nan)
        if name in judged.values:
            values[judged.enough] = judged.values[name]
        persons[name] = values
    taken = np.full(len(index), np.nan) if seconds is None else seconds.to_numpy(dtype=float)
    a_moment = np.full(len(index), np.nan)
    persons[SECONDS] = np.divide(taken, n_answered, out=a_moment, where=n_answered > 0)
    return persons


def _index_table(judged: Judged, persons: pd.DataFrame) -> pd.DataFrame:
    rows = [_index_row(judged, name, persons[name]) for name in judged.indices]
    taken = persons[SECONDS].dropna()
    timed: dict[str, object] = {"kind": "time", "tail": "low", "n": len(taken), "lacks": "seconds"}
    if len(taken):
        timed |= {"lacks": "", "cutoff": SECONDS_AN_ITEM}
        timed["n_beyond"] = int((taken < SECONDS_AN_ITEM).sum())
    numbers = ["cutoff", "cutoff.lower", "n", "n_beyond", "expected"]
    table = pd.DataFrame([*rows, timed], columns=["kind", "tail", *numbers, "lacks"])
    table = table.astype(dict.fromkeys(numbers, float))
    table.index = pd.Index([*judged.indices, SECONDS], name="index")
    table.insert(6, "share_beyond", table["n_beyond"] / table["n"].where(table["n"] > 0))
    return table.assign(reason=table["lacks"].map(REASONS))


def _index_row(judged: Judged, name: str, values: pd.Series) -> dict[str, object]:
    """Give what is known of an index; numbers that are left out are NaN."""
    index, calibration = judged.indices[name], judged.calibration
    row: dict[str, object] = {
        "kind": index.kind,
        "tail": index.tail,
        "n": int(values.notna().sum()),
        "lacks": judged.lacks[name],
    }
    if calibration is None or name not in judged.values:
        return row
    at = list(judged.values).index(name)
    cutoff = judged.value_of(name, float(calibration.cutoffs[0, at]))
    row["cutoff"] = cutoff
    if index.tail == "both":
        row["cutoff.lower"] = 2 * judged.centres[name] - cutoff
    row["n_beyond"] = int(calibration.by_index[:, at].sum())
    row["expected"] = float(calibration.expected_by_index[at])
    return row


def _kinds_table(n_kinds: NDArray[np.int_], calibration: Calibration | None) -> pd.DataFrame:
    if calibration is None:
        return pd.DataFrame({"n": [], "share": [], "expected": []}, dtype=float)
    # One more than were drawn: response times are no part of the model.
    expected = np.append(calibration.expected_kinds, 0.0)
    counts = np.bincount(n_kinds, minlength=len(expected))
    return pd.DataFrame(
        {"n": counts, "share": counts / len(n_kinds), "expected": expected},
        index=pd.RangeIndex(len(counts), name="kinds"),
    )


def _notes(judged: Judged) -> tuple[str, ...]:
    notes = []
    if judged.sheet.dropped:
        notes.append(f"left out, with one answer or none: {', '.join(judged.sheet.dropped)}")
    n_few = int((~judged.enough).sum())
    if n_few:
        notes.append(f"{n_few} rows have fewer than {FEWEST_ANSWERS} answers")
    return tuple(notes)
