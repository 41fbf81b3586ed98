"""What the study of partial invariance draws, searches and counts; see `invariance`."""

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

import measure
from analyses.simulating.drawing import Drawn
from benchmarks.recovery_design import (
    BUNDLED,
    CLEAN,
    WANTED,
    RecoveryDesign,
    structure_items,
)
from measure.errors import MeasureWarning

MODEL = "M2"
CLUSTER = "unit"
REST = "all others"
OPTIONS: dict[str, Any] = {
    "group": "group",
    "ordered": True,
    "missing": "pairwise",
    "cluster": "cluster",
    "parameterization": "theta",
    "information": "observed",
    "categories": "merge",
}
"""How the surveys are searched."""


class Comparison(NamedTuple):
    """Two groups by a column: those of one value, and those of the others that are named."""

    column: str
    value: str
    others: str | None

    def groups(self, rows: pd.DataFrame) -> pd.Series:
        """Give the group of each row, missing where it is in neither."""
        own = rows[self.column]
        if self.others is None:
            return own.where(own == self.value, REST)
        return own.where(own.isin([self.value, self.others]))


class Condition(NamedTuple):
    """What the surveys hold."""

    name: str
    planted: bool
    surveys: str


class Released(NamedTuple):
    """A release: the item, what of it, and the group's own value less that of the others."""

    step: str
    item: str
    parameter: str
    difference: float


class Outcome(NamedTuple):
    """What a search gave in one survey."""

    condition: str
    column: str
    released: tuple[Released, ...]
    holds: bool


COMPARISONS = (Comparison("role", "leader", "employee"), Comparison("education", "unskilled", None))
CONDITIONS = (
    Condition("planted, as bundled", True, BUNDLED),
    Condition("planted, attentive answers", True, CLEAN),
    Condition("nothing planted, as bundled", False, BUNDLED),
)


@dataclass(frozen=True)
class Trial:
    """One survey of each condition, drawn and searched."""

    design: RecoveryDesign

    def __call__(self, rng: np.random.Generator) -> tuple[Outcome, ...]:
        """Draw the same people in every condition, and search in every comparison."""
        seed = int(rng.integers(2**31))
        found = []
        for condition in CONDITIONS:
            wanted = replace(WANTED[condition.surveys], noninvariance=condition.planted)
            drawn = self.design.draw(seed, wanted)
            found += [self._searched(drawn, condition, one) for one in COMPARISONS]
        return tuple(found)

    def _searched(self, drawn: Drawn, condition: Condition, comparison: Comparison) -> Outcome:
        items = list(structure_items(self.design, MODEL))
        frame = self.design.asked.score(drawn.data[items]).assign(
            cluster=drawn.data[CLUSTER], group=comparison.groups(drawn.data)
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MeasureWarning)
            result = measure.partial_invariance(
                self.design.model(MODEL),
                frame.dropna(subset="group"),
                **OPTIONS,
            )
        released = tuple(_released(row, comparison) for _, row in result.table.iterrows())
        return Outcome(condition.name, comparison.column, released, result.holds)


def _released(row: pd.Series, comparison: Comparison) -> Released:
    """Name a release by its item, with the sign that it has for the value of the comparison."""
    item, parameter = parameter_of(row)
    sign = 1.0 if row["group"] == comparison.value else -1.0
    return Released(str(row["step"]), item, parameter, sign * float(str(row["difference"])))


def parameter_of(row: pd.Series) -> tuple[str, str]:
    """Name the item, and what of it, of a row of a table of parameters."""
    op = str(row["op"])
    item = str(row["rhs"] if op == "=~" else row["lhs"])
    return item, {"=~": "loading", "~1": "intercept"}.get(op, str(row["rhs"]))


class Plant(NamedTuple):
    """A planted difference: column, item, parameter, and its sign."""

    column: str
    item: str
    parameter: str
    sign: float


def plants(design: RecoveryDesign) -> tuple[Plant, ...]:
    """Give the planted differences of the population."""
    return tuple(
        Plant(
            one.column,
            one.item,
            f"t{one.threshold}" if one.parameter == "threshold" else one.parameter,
            float(np.sign(one.shift)),
        )
        for one in design.population.noninvariance
    )


def hit(released: Iterable[Released], plant: Plant) -> bool:
    """Whether the planted parameter was released, with the right sign."""
    return any(
        (one.item, one.parameter) == (plant.item, plant.parameter)
        and one.difference * plant.sign > 0
        for one in released
    )


def others(outcome: Outcome, planted: Sequence[Plant]) -> set[str]:
    """Items that were released without a planted difference in this comparison."""
    own = {plant.item for plant in planted if plant.column == outcome.column}
    return {one.item for one in outcome.released} - own
