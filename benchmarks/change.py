"""How often is a change called what it is? Run by `python -m benchmarks.change`.

Answers of two waves are drawn with a known change, in clusters half of which take part in an
effort. Counted is how often `measure.response_shift` calls a shift where there is none, how often
it finds one that is there, and how often the intervals of `measure.change_difference` hold the
truth. What each sample gave goes to `change.json` beside this file, and tables to `CHANGE.md`;
`--report` writes the tables again, no more.
"""

import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

import measure
from benchmarks.calibration_tables import filled, percent, table
from benchmarks.change_design import MODEL, two_waves
from benchmarks.sampled import Study
from measure.errors import MeasureError

SAMPLES, SEED = 200, 20260406
GAINS = (0.1, 0.5)
"""What the comparison and the effort rise by, in standard deviations of the first wave."""
SHIFTED = ("y3 ~1", {"y3": 0.5})
"""The shift that is planted: the parameter, and how an intercept moves."""
LEVEL = 0.95


@dataclass(frozen=True)
class Cell:
    """What is drawn and asked: `shift` or `difference`."""

    asked: str
    ordered: bool
    n_clusters: int
    size: int
    planted: bool = False

    def found(self, seed: int) -> list[float | None]:
        """Ask it of one sample: see `_searched` and `_compared`; None where it could not be."""
        data = two_waves(
            seed,
            n_clusters=self.n_clusters,
            size=self.size,
            gains=GAINS,
            shifted=SHIFTED[1] if self.planted else None,
            categories=self.ordered,
        )
        options: dict[str, Any] = {"person": "person", "wave": "wave", "cluster": "place"}
        options |= {"ordered": True} if self.ordered else {"estimator": "MLR"}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return (_searched if self.asked == "shift" else _compared)(data, options)
            except MeasureError:
                return [None, None]


def _searched(data: Any, options: dict[str, Any]) -> list[float | None]:
    """Whether anything was released, and whether anything of the item that may be planted."""
    released = measure.response_shift(MODEL, data, **options).released
    item = SHIFTED[0].split()[0]
    return [float(bool(released)), float(any(item in one.split() for one in released))]


def _compared(data: Any, options: dict[str, Any]) -> list[float | None]:
    """How far the difference is from the truth, and half its interval."""
    row = measure.change_difference(
        MODEL, data, group="effort", against="no", n_permutations=1, seed=1, **options
    ).table.iloc[0]
    far = float(row["difference"]) - (GAINS[1] - GAINS[0])
    return [far, float(row["ci.upper"] - row["ci.lower"]) / 2]


CELLS = (
    *(Cell("shift", ordered, 50, 20) for ordered in (False, True)),
    *(Cell("shift", ordered, 20, 15) for ordered in (False, True)),
    *(Cell("shift", ordered, 50, 20, planted=True) for ordered in (False, True)),
    *(Cell("difference", ordered, 40, 25) for ordered in (False, True)),
    *(Cell("difference", ordered, 20, 15) for ordered in (False, True)),
)


def trial(rng: np.random.Generator) -> list[list[float | None]]:
    """Draw and ask one sample of each cell."""
    return [cell.found(int(rng.integers(2**31))) for cell in CELLS]


def report(found: dict[str, Any]) -> str:
    """Write both tables."""
    head = f"""simulerede data / simulated data. Four items of one factor in two waves; a tenth of
    the factor and .02 of its change lie between clusters, half of which take part in an effort. The
    factor rises by {GAINS[0]:g} in the comparison and {GAINS[1]:g} in the effort. Answers are
    numbers (MLR) or five categories of them (WLSMV); errors are robust to clusters. Seed
    {found["seed"]}; {found["failed"]} samples could not be drawn or asked; standard errors in
    brackets."""
    first = f"""`measure.response_shift` tests each loading and intercept, and each threshold of
    ordered answers, at .05 after Holm's correction. Where nothing has shifted, anything released is
    a false alarm. Planted is that the intercept of one item moves by {SHIFTED[1]["y3"]:g}, of
    ordered answers all its thresholds, which may be found in any parameter of the item."""
    second = f"""Intervals of `measure.change_difference` at {LEVEL:.0%}: how often they hold the
    true difference in change of {GAINS[1] - GAINS[0]:g} standard deviations."""
    return (
        f"# Change\n\n{filled(head)}\n\n## Response shift\n\n{filled(first)}\n\n"
        + table(
            ["answers", "clusters", "persons", "planted", "samples", "anything, %", "the item, %"],
            _shift_rows(found["outcomes"]),
        )
        + f"\n\n## Difference in change\n\n{filled(second)}\n\n"
        + table(
            ["answers", "clusters", "persons", "samples", "coverage, %", "bias", "sd", "mean se"],
            _difference_rows(found["outcomes"]),
        )
        + "\n"
    )


def _of(outcomes: Sequence[Any], asked: str) -> Iterator[tuple[Cell, list[str], Any]]:
    """Give each cell that was asked this, what its row begins with, and what was found."""
    for place, cell in enumerate(CELLS):
        if cell.asked == asked:
            rows = [sample[place] for sample in outcomes if sample[place][0] is not None]
            answers = "ordered" if cell.ordered else "numbers"
            yield (
                cell,
                [answers, f"{cell.n_clusters}", f"{cell.n_clusters * cell.size}"],
                (np.array(rows, dtype=float).reshape(-1, 2)),
            )


def _shift_rows(outcomes: Sequence[Any]) -> Iterator[list[str]]:
    for cell, names, rows in _of(outcomes, "shift"):
        n = len(rows)
        anything, item = (_share(float(share), n) for share in rows.mean(axis=0))
        planted = "y3 + .5" if cell.planted else "nothing"
        yield [*names, planted, f"{n}", anything, item if cell.planted else ""]


def _difference_rows(outcomes: Sequence[Any]) -> Iterator[list[str]]:
    for cell, names, rows in _of(outcomes, "difference"):
        far, half = rows.T
        inside = _share(float(np.mean(np.abs(far) < half)), len(rows))
        # With as many degrees of freedom as there are clusters but two.
        t = stats.t.ppf((1 + LEVEL) / 2, cell.n_clusters - 2)
        numbers = (far.mean(), far.std(ddof=1), half.mean() / t)
        yield [*names, f"{len(rows)}", inside, *(f"{float(one):.3f}" for one in numbers)]


def _share(share: float, n: int) -> str:
    return f"{percent(share)} ({percent(math.sqrt(share * (1 - share) / n))})"


STUDY = Study("change", "CHANGE.md", __doc__, trial, report, SAMPLES, SEED)

if __name__ == "__main__":
    STUDY.main()
