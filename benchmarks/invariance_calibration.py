"""Do the single tests of the search for partial invariance keep their level? See `invariance`."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from benchmarks.calibration_tables import filled, table
from benchmarks.invariance_recovery import (
    CLUSTER,
    COMPARISONS,
    CONDITIONS,
    MODEL,
    OPTIONS,
    Comparison,
    Condition,
    parameter_of,
    plants,
)
from benchmarks.recovery_design import WANTED, RecoveryDesign, structure_items
from measure.comparability.ladder_fits import Ladder
from measure.comparability.multiplicity import corrected, largest_of
from measure.comparability.release_tests import Larger, release_tests
from measure.distributions import normal_cdf, normal_quantile
from measure.errors import MeasureWarning
from measure.specification.options import Options

LEVELS = (0.05, 0.01, 0.001)
FAMILY = 0.05 / 3
STEPS = ("thresholds", "metric", "scalar")
CORRECTIONS = ("holm", "maxt")
# Numbers of respondents, in those of the population, that power is told for.
TIMES = (1, 1.5, 2, 3)
TESTED = tuple(one for one in CONDITIONS if one.name.endswith("as bundled"))
"""The conditions: with and without planted differences."""


class Step(NamedTuple):
    """The tests of a step before anything is released.

    `below` counts those with a p-value below each of `LEVELS`; `holm` and `maxt` are the smallest
    corrected p-values; `own` holds, for each planted parameter of the step, its z and both of its
    corrected p-values.
    """

    condition: str
    column: str
    step: str
    n: int
    below: tuple[int, ...]
    holm: float
    maxt: float
    own: tuple[tuple[str, float, float, float], ...]


@dataclass(frozen=True)
class Survey:
    """One survey with, and one without, what is planted: all tests of all steps."""

    design: RecoveryDesign

    def __call__(self, rng: np.random.Generator) -> tuple[Step, ...]:
        """Draw the same people twice, and test in every comparison and step."""
        seed = int(rng.integers(2**31))
        found: list[Step] = []
        for condition in TESTED:
            wanted = replace(WANTED[condition.surveys], noninvariance=condition.planted)
            data = self.design.draw(seed, wanted).data
            for comparison in COMPARISONS:
                found += self._steps(data, condition, comparison, seed)
        return tuple(found)

    def _steps(
        self, data: pd.DataFrame, condition: Condition, comparison: Comparison, seed: int
    ) -> list[Step]:
        items = list(structure_items(self.design, MODEL))
        frame = self.design.asked.score(data[items]).assign(
            cluster=data[CLUSTER], group=comparison.groups(data)
        )
        options = {name: value for name, value in OPTIONS.items() if name != "categories"}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MeasureWarning)
            ladder = Ladder.of(
                self.design.model(MODEL),
                frame.dropna(subset="group"),
                Options(**options, std_lv=True),
                None,
                OPTIONS["categories"],
            )
            fit, found = None, []
            for step in STEPS:
                fit = ladder.fit(step, fit)
                tests, scores = release_tests(ladder, fit, Larger.of(ladder, fit, step))
                tests = tests.assign(
                    holm=corrected(tests["pvalue"].to_numpy(), "holm"),
                    maxt=largest_of(tests["chisq"].to_numpy(), scores, seed),
                )
                found.append(self._step(condition, comparison, step, tests))
        return found

    def _step(
        self, condition: Condition, comparison: Comparison, step: str, tests: pd.DataFrame
    ) -> Step:
        own = {(p.item, p.parameter) for p in plants(self.design) if p.column == comparison.column}
        planted = [
            (" ".join(name), float(np.sqrt(row["chisq"])), float(row["holm"]), float(row["maxt"]))
            for _, row in tests.iterrows()
            if (name := parameter_of(row)) in own
        ]
        values = tests["pvalue"].dropna()
        return Step(
            condition.name,
            comparison.column,
            step,
            len(values),
            tuple(int((values < level).sum()) for level in LEVELS),
            float(tests["holm"].min()),
            float(tests["maxt"].min()),
            tuple(planted),
        )


def calibration(found: dict[str, Any]) -> str:
    """Write the section on single tests."""
    steps = [Step(*one) for survey in found["outcomes"] for one in survey]
    n = len(found["outcomes"])
    first = f"""The same tests before anything is released, in {n} other surveys (seed
    {found["seed"]}). Of single tests, each step with nothing planted: share with a p-value below
    .05, .01 and .001, in %, and share of surveys in which the smallest corrected p-value of the
    step was below 0.05/3 = 1.7 %, by Holm's correction and by the distribution of the largest test
    ("maxt")."""
    second = """And of the planted parameters, as bundled: mean z, its standard deviation over
    surveys, Holm's limit of the largest of the step, and share of surveys in which the corrected
    p-value in the first round was below 0.05/3. What is to be expected of so many times the
    respondents follows from the mean, the spread and the limit of z."""
    return f"## Single tests\n\n{filled(first)}\n\n{_sizes(steps)}\n\n{filled(second)}\n\n" + (
        _power(steps)
    )


def _percent(share: float) -> str:
    return f"{100 * share:.2f}" if share < 0.02 else f"{100 * share:.1f}"


def _sizes(steps: Sequence[Step]) -> str:
    rows = []
    nothing = {one.name for one in TESTED if not one.planted}
    for column in (one.column for one in COMPARISONS):
        for step in STEPS:
            own = [o for o in steps if (o.column, o.step) == (column, step)]
            own = [o for o in own if o.condition in nothing]
            if not own:
                continue
            total = sum(o.n for o in own)
            shares = [sum(o.below[k] for o in own) / total for k in range(len(LEVELS))]
            family = [float(np.mean([getattr(o, w) < FAMILY for o in own])) for w in CORRECTIONS]
            rows.append([column, step, str(total), *map(_percent, [*shares, *family])])
    heading = ["by", "step", "tests", "below .05", ".01", ".001", "any, Holm", "any, maxt"]
    return table(heading, rows)


def _power(steps: Sequence[Step]) -> str:
    planted = {one.name for one in TESTED if one.planted}
    found: dict[str, list[tuple[float, float, float, float]]] = {}
    for one in steps:
        limit = float(normal_quantile(1 - FAMILY / one.n / 2))
        for name, *values in one.own if one.condition in planted else ():
            found.setdefault(name, []).append((values[0], values[1], values[2], limit))
    rows = []
    for name, seen in found.items():
        z, holm, maxt, limits = np.array(seen).T
        hits = [_percent(float((each < FAMILY).mean())) for each in (holm, maxt)]
        mean, sd, limit = z.mean(), z.std(ddof=1), limits.mean()
        # z grows with the root of the number of respondents, and its spread stays.
        reached = normal_cdf((mean * np.sqrt(TIMES) - limit) / sd)
        curve = [_percent(float(share)) for share in reached]
        rows.append([f"`{name}`", f"{mean:.2f}", f"{sd:.2f}", f"{limit:.2f}", *hits, *curve])
    several = [f"{times:g} n" for times in TIMES]
    return table(["planted", "mean z", "sd", "limit", "Holm, %", "maxt, %", *several], rows)
