"""Does it go with anything that leaders see themselves as others see them? A surface over units.

Each unit has what its leader answers about leading, and what the others answer about the leader.
The outcome is what the same others answer about another level. No difference of the two ratings is
formed: a polynomial of the second degree shows where the outcome is high (Edwards 1994).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

import measure
from analyses import evidence
from analyses.across_levels.design import level_label
from analyses.across_levels.referents import Referents
from analyses.attempts import Found, attempt
from analyses.disclosure import THRESHOLD
from analyses.evidence import column, columns
from analyses.ledger.variables import mean_of_answered
from analyses.section import (
    Cell,
    Column,
    Figure,
    Finding,
    Message,
    Provenance,
    Quantity,
    Table,
    Value,
)
from measure.levels.response_surfaces import ResponseSurface

FEWEST_RATERS = 3
"""The mean of fewer answers hardly says how a leader is seen."""

FEWEST_UNITS = 30
"""A surface over fewer pairs says nothing."""

STEP = 0.5
"""Distance between two points of the grid that is shown, in answer points."""

NEAR = 0.75
"""A point is shown where so many leaders as disclosure asks for lie within this distance."""

TERMS = ("a1", "a2", "a3", "a4", "a5")


@dataclass(frozen=True, eq=False)
class Leaders:
    """Units with a leader's own rating and others' ratings of the leader.

    Attributes
    ----------
    across
        Functions and levels of the survey.
    """

    across: Referents

    @cached_property
    def level(self) -> str | None:
        """The level whose items leaders answer about themselves."""
        own = set(self.across.survey.self_ratings.columns)
        design = self.across.design
        levels = [one for one in design.levels if set(design.items(one)) & own]
        return levels[0] if levels else None

    @cached_property
    def outcome(self) -> str | None:
        """The level that the outcome is about: the last that is neither this one nor the first."""
        design = self.across.design
        others = [one for one in design.levels if one not in (design.reference, self.level)]
        return others[-1] if others else None

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """One row a unit: `self others outcome n organisation`, where all of it is known."""
        survey, cluster = self.across.survey, self.across.planned.cluster
        columns = ["self", "others", "outcome", "n", "organisation"]
        if self.level is None or self.outcome is None or cluster is None:
            return pd.DataFrame(columns=columns)
        enough = self.across.instrument.rules.index_answered.value
        items = list(self.across.design.items(self.level))
        own = survey.self_ratings[[item for item in items if item in survey.self_ratings]]
        raters = ~own.notna().any(axis=1)
        unit = survey.data[cluster.name]
        seen = mean_of_answered(survey.scored[items], enough).where(raters)
        about = mean_of_answered(
            survey.scored[list(self.across.design.items(self.outcome))], enough
        )
        rows = pd.DataFrame(
            {
                "self": mean_of_answered(own, enough).groupby(unit).mean(),
                "others": seen.groupby(unit).mean(),
                "outcome": about.where(raters).groupby(unit).mean(),
                "n": seen.groupby(unit).count(),
            }
        )
        rows["organisation"] = self._organisations(unit).reindex(rows.index)
        return rows[rows["n"] >= FEWEST_RATERS].dropna(subset=["self", "others", "outcome"])

    def _organisations(self, unit: "pd.Series[Any]") -> "pd.Series[Any]":
        """Give the organisation of each unit, or the unit itself where none is known."""
        name = self.across.instrument.column_for("organisation")
        data = self.across.survey.data
        if name is None or name not in data:
            return pd.Series(unit.dropna().unique(), index=unit.dropna().unique(), dtype=object)
        return data[name].groupby(unit).first()

    @property
    def n_without_unit(self) -> int:
        """Leaders who answered about themselves and are in no known unit."""
        cluster, survey = self.across.planned.cluster, self.across.survey
        answered = survey.self_ratings.notna().any(axis=1)
        if cluster is None:
            return int(answered.sum())
        return int((answered & survey.data[cluster.name].isna()).sum())

    @cached_property
    def limits(self) -> tuple[float, float] | None:
        """The ends of the answer scale; None where the items have several."""
        if self.level is None:
            return None
        found = {
            self.across.instrument.response(item).limits
            for item in self.across.design.items(self.level)
        }
        (one,) = found if len(found) == 1 else (None,)
        return None if one is None else (float(one[0]), float(one[1]))

    @cached_property
    def surface(self) -> Found[ResponseSurface]:
        """The surface over all units; none with too few of them."""
        pairs = self.pairs
        if len(pairs) < FEWEST_UNITS or self.limits is None:
            return Found(None, "")
        several = pairs["organisation"].nunique() < len(pairs)
        return attempt(
            lambda: measure.response_surface(
                pairs,
                "outcome",
                predictors=("self", "others"),
                midpoint=sum(self.limits or (0.0, 0.0)) / 2,
                cluster="organisation" if several else None,
                confidence_level=evidence.CONFIDENCE,
            )
        )

    @cached_property
    def reliability(self) -> float | None:
        """Share of the differences between units' means of others' ratings that is not chance."""
        survey, cluster = self.across.survey, self.across.planned.cluster
        if self.level is None or cluster is None:
            return None
        items = list(self.across.design.items(self.level))
        others = ~survey.self_ratings.notna().any(axis=1)
        seen = mean_of_answered(
            survey.scored[items], self.across.instrument.rules.index_answered.value
        ).where(others)
        unit = survey.data[cluster.name]
        rated = pd.DataFrame({"seen": seen, "unit": unit.where(unit.isin(self.pairs.index))})
        found = attempt(lambda: measure.icc(rated.dropna(), ["seen"], cluster="unit")).result
        return None if found is None else evidence.number(found.loc["seen", "icc2"])

    def near(self, own: float, others: float) -> int:
        """Count the units that lie near a point."""
        gap = np.maximum(
            (self.pairs["self"] - own).abs().to_numpy(),
            (self.pairs["others"] - others).abs().to_numpy(),
        )
        return int((gap <= NEAR).sum())


def tables(leaders: Leaders) -> Iterator[Table]:
    """Give what the surface says along its lines, and the surface itself."""
    found = leaders.surface.result
    if found is None or leaders.limits is None:
        return
    estimator = "estimator.polynomial_clustered" if found.n_clusters else "estimator.polynomial"
    provenance = Provenance(
        Message(estimator, {"n": found.n_clusters or 0}),
        found.n_obs,
        "Edwards 1994; Humberg et al. 2019",
    )
    names = ("est", "ci.lower", "ci.upper", "pvalue")
    yield Table(
        id="leader_congruence",
        title=Message("levels.leaders.table.lines", _values(leaders)),
        columns=(
            column("surface_term", "message"),
            *columns("number", 2, "value_surface", "ci.lower", "ci.upper"),
            column("pvalue", "pvalue", 3),
        ),
        rows=tuple(
            (
                Message(f"levels.leaders.{term}"),
                *(evidence.number(found.surface.loc[term, name]) for name in names),
            )
            for term in TERMS
        ),
        provenance=provenance,
        notes=tuple(_notes(leaders, found)),
    )
    yield _grid(leaders, found, provenance)


def _grid(leaders: Leaders, found: ResponseSurface, provenance: Provenance) -> Table:
    assert leaders.limits is not None
    low, high = leaders.limits
    points = np.arange(low, high + STEP / 2, STEP)
    middle = float(leaders.pairs["outcome"].mean())
    rows: list[tuple[Cell, ...]] = []
    for own in points[::-1]:
        cells: list[Cell] = []
        for others in points:
            shown = leaders.near(float(own), float(others)) >= THRESHOLD
            cells.append(float(found.at(own, others)) - middle if shown else None)
        rows.append((float(own), *cells))
    kept = [k for k in range(len(points)) if any(row[k + 1] is not None for row in rows)]
    rows = [(row[0], *(row[k + 1] for k in kept)) for row in rows]
    rows = [row for row in rows if any(cell is not None for cell in row[1:])]
    return Table(
        id="leader_surface",
        title=Message("levels.leaders.table.surface", _values(leaders)),
        columns=(
            column("own_rating", "number", 1),
            *(
                Column(
                    f"others_{k}",
                    Message("levels.leaders.seen", {"value": evidence.limit(float(points[k]), 1)}),
                    "number",
                    2,
                )
                for k in kept
            ),
        ),
        rows=tuple(rows),
        provenance=provenance,
        notes=(Message("levels.leaders.note.surface", {"limit": THRESHOLD}),),
    )


def figure(leaders: Leaders, table: Table) -> Figure:
    """Draw the surface as a map: blue where the outcome is high, brown where it is low."""
    parts = " ".join(one.name for one in table.columns[1:])
    return Figure(
        id=table.id,
        title=Message("levels.leaders.figure", _values(leaders)),
        alt=Message("levels.leaders.figure.alt", _values(leaders)),
        table=table.id,
        form="heat",
        channels={"y": "own_rating", "parts": parts},
    )


def finding(leaders: Leaders) -> Finding | None:
    """Say whether the outcome goes with agreement; None where nobody rated themselves."""
    if leaders.level is None or not leaders.across.survey.self_ratings.notna().any(axis=None):
        return None
    found = leaders.surface.result
    if found is None:
        values: dict[str, Value] = {"n": len(leaders.pairs), "needed": FEWEST_UNITS}
        claim = Message("levels.leaders.claim.none", values)
        notes = (
            ()
            if not leaders.surface.reason
            else (Message("hypotheses.reason.refused", {"text": leaders.surface.reason}),)
        )
        return Finding("leader_congruence", claim, "information", notes=notes)
    provenance = Provenance(Message("estimator.polynomial"), found.n_obs, "Humberg et al. 2019")
    return Finding(
        id="leader_congruence",
        claim=Message(f"levels.leaders.claim.{_shape(found)}", _values(leaders)),
        verdict="information",
        evidence=tuple(
            Quantity(
                f"statistic.surface_{term}",
                evidence.number(found.surface.loc[term, "est"]),
                provenance,
                lower=evidence.number(found.surface.loc[term, "ci.lower"]),
                upper=evidence.number(found.surface.loc[term, "ci.upper"]),
                level=evidence.CONFIDENCE,
            )
            for term in TERMS
        ),
        notes=tuple(_notes(leaders, found)),
    )


def _shape(found: ResponseSurface) -> str:
    """Say what the surface shows: agreement, height, or neither for certain."""
    lower, upper = (found.surface[f"ci.{end}"] for end in ("lower", "upper"))
    ridge = all(lower[term] <= 0 <= upper[term] for term in ("a3", "a5"))
    if upper["a4"] < 0 and ridge:
        return "congruence"
    return "height" if lower["a1"] > 0 else "undecided"


def _values(leaders: Leaders) -> dict[str, Value]:
    assert leaders.level is not None
    assert leaders.outcome is not None
    instrument = leaders.across.instrument
    return {
        "level": level_label(instrument, leaders.level),
        "outcome": level_label(instrument, leaders.outcome),
    }


def _notes(leaders: Leaders, found: ResponseSurface) -> Iterator[Message]:
    yield Message("levels.leaders.note.pairs", {"n": found.n_obs, "raters": FEWEST_RATERS})
    if leaders.n_without_unit:
        yield Message("levels.leaders.note.without_unit", {"n": leaders.n_without_unit})
    yield Message("hypotheses.note.one_source")
    yield Message("levels.leaders.note.errors")
    if leaders.reliability is not None:
        values: dict[str, Value] = {"value": evidence.limit(max(leaders.reliability, 0.0))}
        yield Message("levels.leaders.note.reliability", values)
