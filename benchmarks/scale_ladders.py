"""By which rule does a short scale work alike? Run by `python -m benchmarks.scale_ladders`.

Ordered answers to three or four items of one factor are drawn in clusters, for two groups in which
nothing differs, or one parameter of the first item. Everything is made equal in one step, as the
reports do for the scales outside the reference model, and several rules judge the same step. What
the step gave goes to `scale_ladders.json` beside this file, and a table to `SCALE_LADDERS.md`;
`--report` writes the table again, no more.
"""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import instruments
import measure
from analyses import verdicts
from benchmarks.calibration_tables import filled, percent, table
from benchmarks.sampled import Study
from measure.errors import MeasureError

SAMPLES, SEED = 200, 20260405
PERSONS_A_CLUSTER = 20
"""Persons in a cluster; groups lie within clusters, as roles do."""
FACTOR_BETWEEN, UNIQUE_BETWEEN = 0.10, 0.02
"""Shares of the variances of the factor and of what is unique that lie between clusters."""
IMPACT = 0.3
"""How much higher the second group stands on the factor, in standard deviations."""
LOADINGS = (0.75, 0.71, 0.78, 0.69)
CUTS = (-2.0, -1.1, 0.0, 1.1)
MANY = 50_000
"""Persons from whom the bias of a scale mean is told."""
RULES = instruments.load("coupling").rules


class Step(NamedTuple):
    """What the step to equality gave in one sample; NaN where it could not be fitted."""

    delta_cfi: float
    delta_rmsea: float
    chisq_diff: float
    df_diff: float
    pvalue: float
    n_obs: int

    @property
    def rmsea_d(self) -> float:
        """The RMSEA of the difference of two groups (Savalei, Brace & Fouladi 2024)."""
        excess = max(self.chisq_diff - self.df_diff, 0.0)
        return math.sqrt(2 * excess / (self.df_diff * self.n_obs))


@dataclass(frozen=True)
class Design:
    """A scale and two groups; `planted` is what differs in the first item in the second group."""

    n_items: int
    sizes: tuple[int, int]
    planted: str = "nothing"

    @property
    def name(self) -> str:
        """What the cell is called in the file."""
        return f"{self.n_items} items, {self.sizes[0]}/{self.sizes[1]}, {self.planted}"

    def draw(self, rng: np.random.Generator) -> pd.DataFrame:
        """Draw one sample."""
        n = sum(self.sizes)
        unit = rng.permutation(n) % (n // PERSONS_A_CLUSTER)
        member = np.repeat([False, True], self.sizes)
        shared = rng.normal(size=n // PERSONS_A_CLUSTER)[unit]
        factor = _parted(FACTOR_BETWEEN, shared, rng.normal(size=n)) + IMPACT * member
        items = {}
        for k in range(self.n_items):
            own = rng.normal(size=n // PERSONS_A_CLUSTER)[unit]
            unique = _parted(UNIQUE_BETWEEN, own, rng.normal(size=n))
            items[f"x{k + 1}"] = self._answers(k, factor, unique, member)
        groups = np.where(member, "second", "first")
        return pd.DataFrame(items).assign(group=groups, unit=unit)

    def _answers(
        self,
        k: int,
        factor: NDArray[np.float64],
        unique: NDArray[np.float64],
        member: NDArray[np.bool_],
    ) -> NDArray[np.intp]:
        loading = np.full(len(factor), LOADINGS[k])
        cuts = np.tile(CUTS, (len(factor), 1)) + 0.2 * (k - 1)
        if k == 0:
            if self.planted == "loading .25 lower":
                loading[member] -= 0.25
            elif self.planted == "third threshold .5 higher":
                cuts[member, 2] += 0.5
            elif self.planted == "all thresholds .4 higher":
                cuts[member] += 0.4
        # What is unique keeps its size where the loading differs: that is the only difference.
        answers = loading * factor + math.sqrt(1 - LOADINGS[k] ** 2) * unique
        return np.asarray(1 + (answers[:, None] > cuts).sum(axis=1), dtype=np.intp)

    def step(self, rng: np.random.Generator) -> Step:
        """Draw a sample and make everything equal in it at once."""
        data = self.draw(rng)
        items = [f"x{k + 1}" for k in range(self.n_items)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found = measure.measurement_invariance(
                    f"f =~ {' + '.join(items)}",
                    data,
                    group="group",
                    ordered=items,
                    cluster="unit",
                    estimator="WLSMV",
                    information="observed",
                    categories="merge",
                    steps=["configural", "scalar"],
                )
            except MeasureError:
                return Step(math.nan, math.nan, math.nan, math.nan, math.nan, len(data))
        names = ["delta_cfi", "delta_rmsea", "chisq_diff", "df_diff", "pvalue_diff"]
        row = found.table.loc["scalar", names].to_numpy(dtype=float)
        return Step._make([*row.tolist(), len(data)])

    def bias(self) -> float:
        """Give how far what is planted moves the mean of the scale, in standard deviations."""
        many = Design(self.n_items, (MANY, MANY), self.planted)
        plain = Design(self.n_items, (MANY, MANY))
        means = []
        for one in (many, plain):
            drawn = one.draw(np.random.default_rng(SEED))
            scores = drawn[[f"x{k + 1}" for k in range(self.n_items)]].mean(axis=1)
            means.append(scores[drawn["group"] == "second"])
        return float((means[0].mean() - means[1].mean()) / means[1].std())


def _parted(
    share: float, between: NDArray[np.float64], within: NDArray[np.float64]
) -> NDArray[np.float64]:
    return math.sqrt(share) * between + math.sqrt(1 - share) * within


PLANTED = (
    *("nothing", "loading .25 lower", "third threshold .5 higher", "all thresholds .4 higher"),
)
DESIGNS = tuple(
    Design(n_items, sizes, planted)
    for n_items, sizes, planted in product((3, 4), ((300, 900), (150, 150)), PLANTED)
)


def _kept(one: Step) -> bool:
    return verdicts.judge_small_step(one.delta_cfi, one.pvalue, RULES) is False


def _falls(one: Step) -> bool:
    return one.delta_cfi < RULES.invariance_delta_cfi.value


JUDGES: dict[str, Callable[[Step], bool]] = {
    "the reports'": _kept,
    "ΔCFI and p < .05": lambda one: _falls(one) and one.pvalue < 0.05,
    "ΔCFI and p < .01": lambda one: _falls(one) and one.pvalue < 0.01,
    "ΔCFI": _falls,
    "ΔCFI or ΔRMSEA": lambda one: (
        verdicts.judge_invariance(one.delta_cfi, one.delta_rmsea, RULES) is False
    ),
    "p < .05": lambda one: one.pvalue < 0.05,
    "p < .01": lambda one: one.pvalue < 0.01,
    "RMSEA_D > .05": lambda one: one.rmsea_d > 0.05,
    "RMSEA_D > .08": lambda one: one.rmsea_d > 0.08,
}
"""Rules by which the step fails; the first is that of the reports."""


def trial(rng: np.random.Generator) -> list[list[float]]:
    """Draw and judge one sample of each design."""
    return [list(design.step(rng)) for design in DESIGNS]


def report(found: dict[str, Any]) -> str:
    """Write the table."""
    outcomes, rows = found["outcomes"], []
    for place, design in enumerate(DESIGNS):
        steps = [Step(*trial[place]) for trial in outcomes]
        fitted = [one for one in steps if not math.isnan(one.pvalue)]
        shares = [np.mean([judge(one) for one in fitted]) for judge in JUDGES.values()]
        sizes = f"{design.sizes[0]} + {design.sizes[1]}"
        bias = f"{design.bias():.2f}" if design.planted != "nothing" else ""
        told = [design.planted, f"{design.n_items}", sizes, bias, f"{len(fitted)}"]
        rows.append([*told, *(percent(float(share)) for share in shares)])
    order = sorted(rows, key=lambda row: PLANTED.index(row[0]))
    head = f"""simulerede data / simulated data. Samples of ordered answers (five categories) in
    clusters of {PERSONS_A_CLUSTER}, {FACTOR_BETWEEN:.0%} of the factor and {UNIQUE_BETWEEN:.0%} of
    what is unique between clusters, groups within clusters, the second {IMPACT:g} standard
    deviations higher. WLSMV with errors robust to clusters; thresholds, loadings and intercepts
    made equal in one step. Seed {found["seed"]}."""
    rules = f"""A column is a rule by which the step fails, in % of samples: alone or together, a
    fall in CFI below {RULES.invariance_delta_cfi.value:g}, a rise in RMSEA above
    {RULES.invariance_delta_rmsea.value:g}, the p-value of the difference test (Satorra 2000), and
    the RMSEA of the difference (RMSEA_D; Savalei, Brace & Fouladi 2024). The reports' rule is a
    fall in CFI and a p-value below {RULES.invariance_chance.value:g}; that of the reference model
    is ΔCFI or ΔRMSEA. Where nothing differs a failure is a false
    alarm; it leads to a search, which has a correction of its own. **bias** is what the planted
    difference makes of the scale's mean, in standard deviations."""
    headings = ["planted", "items", "persons", "bias", "samples", *JUDGES]
    return f"# Rules for short scales\n\n{filled(head)}\n\n{filled(rules)}\n\n" + (
        table(headings, order) + "\n"
    )


STUDY = Study("scale_ladders", "SCALE_LADDERS.md", __doc__, trial, report, SAMPLES, SEED)

if __name__ == "__main__":
    STUDY.main()
