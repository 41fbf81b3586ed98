"""How often simulated studies make a claim, and how many respondents they need.

The same seed gives the same respondents at every size (common random numbers): repetition k draws
from the same generator whatever n, so that two sizes differ by their rows only, and a search over
sizes is hardly disturbed by chance.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Integral

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.display import render_html, render_text
from measure.errors import MeasureError, OptionError
from measure.planning.claims import Claim
from measure.planning.power_curve import PowerCurve, power_curve
from measure.proportions import proportion_interval
from measure.replication.repeat import Progress, repeat
from measure.replication.workers import Workers

# Of the repetitions; more failures than this say that the design is wrong, not unlucky.
MOST_FAILED = 0.5
# A search ends when two sizes are this near, and at this size.
RESOLUTION, SMALLEST = 0.02, 2
# So often a size at which studies cannot be analysed is doubled before that is the answer.
PATIENCE = 3


@dataclass(frozen=True)
class Execution:
    """Who does repeated work, and where it is kept.

    Attributes
    ----------
    workers, progress, checkpoint
        As for `repeat`. `progress` is told of the studies of one size at a time.
    """

    workers: Workers = 1
    progress: Progress | None = None
    checkpoint: str | os.PathLike[str] | None = None


HERE = Execution()
"""One process, this one."""


@dataclass(frozen=True, eq=False, repr=False)
class Power:
    """The share of simulated studies that make a claim, by their size.

    Attributes
    ----------
    table
        One row a size, ascending: `n power ci.lower ci.upper failed`; the interval is that of the
        simulation (Wilson, 95 %), `failed` counts studies that could not be analysed, which did not
        make the claim.
    smallest
        The smallest of the sizes that were tried at which the power is reached; None where it was
        not searched for.
    uncertain
        Sizes tried between which the smallest one surely lies, given the error of the simulation;
        None where it was not searched for.
    curve
        Power between the sizes, and the smallest size with an interval by it; None where it was not
        searched for, or no rising curve can be seen.
    target
        The power that was searched for.
    repeats, seed
        Studies of each size, and the seed.
    failures
        One row a reason: `error count first message`, over all sizes.
    """

    table: pd.DataFrame
    smallest: int | None
    uncertain: tuple[int, int] | None
    target: float | None
    repeats: int
    seed: int
    failures: pd.DataFrame
    curve: PowerCurve | None = None

    def _shown(self) -> tuple[str, dict[str, object], dict[str, pd.DataFrame]]:
        facts: dict[str, object] = {"studies of each size": self.repeats, "seed": self.seed}
        if self.target is not None and self.uncertain is not None:
            low, high = self.uncertain
            facts["power wanted"] = self.target
            facts["smallest n"] = self.smallest
            facts["smallest n, surely between"] = f"{low} and {high}"
        if self.curve is not None:
            own = self.curve
            facts["smallest n, by the curve"] = (
                f"{own.smallest:.0f} ({own.lower:.0f} to {own.upper:.0f})"
            )
        tables = {"Power": self.table}
        if len(self.failures):
            tables["Failures"] = self.failures
        return "Power by simulation", facts, tables

    def __repr__(self) -> str:
        return render_text(*self._shown())

    def _repr_html_(self) -> str:
        return render_html(*self._shown())


def power(
    claim: Claim,
    sizes: int | Sequence[int],
    *,
    repeats: int = 500,
    seed: int,
    execution: Execution = HERE,
) -> Power:
    """Simulate studies of given sizes, and count those that make a claim.

    Parameters
    ----------
    claim
        Such as `Fits`, `Estimated`, or a function of `n` and a generator.
    sizes
        Respondents, as the claim counts them; one number or several.
    repeats
        Studies of each size.
    seed
        Whole number, 0 or more.
    execution
        Who does the work, and where it is kept.

    Returns
    -------
    Power

    Raises
    ------
    OptionError
        A number is not possible.
    MeasureError
        More than half of the studies of a size could not be analysed; the message says why.
    """
    asked = [sizes] if isinstance(sizes, int) else list(sizes)
    if not asked or any(not _whole(n) or n < 1 for n in asked):
        raise OptionError(f"sizes are {sizes!r}: give whole numbers over 0.")
    tried = _Tried(claim, repeats, seed, execution)
    for n in sorted(set(asked)):
        tried.require_analysed(n)
    return tried.result(None, None, None)


def smallest_sample(
    claim: Claim,
    *,
    target: float = 0.80,
    begin: int = 100,
    most: int = 20_000,
    repeats: int = 500,
    seed: int,
    execution: Execution = HERE,
) -> Power:
    """Search for the smallest study that makes a claim often enough.

    Sizes are doubled (or halved) from `begin` until the target lies between two of them, and the
    space between them is then halved until it is smaller than 2 %. A size at which most studies
    cannot be analysed is too small, if some larger one is not.

    Parameters
    ----------
    target
        Power that is wanted, between 0 and 1.
    begin, most
        The size to begin with, and the largest that is tried.
    claim, repeats, seed, execution
        As for `power`.

    Returns
    -------
    Power
        `smallest` is the least size tried whose share reaches the target; between the sizes of
        `uncertain`, the largest whose interval lies below the target and the least whose interval
        lies above, the simulation cannot tell.

    Raises
    ------
    OptionError
        The target is not between 0 and 1 (no study is certain to show anything), or is not reached
        with `most`.
    MeasureError
        More than half of the studies cannot be analysed at any size that was tried; the message
        says why.
    """
    if not 0 < target < 1:
        raise OptionError(
            f"the power wanted is {target}, but must lie between 0 and 1: no study is certain to "
            "show anything."
        )
    if not (_whole(begin) and _whole(most) and 2 <= begin <= most):
        raise OptionError(f"begin is {begin!r} and most {most!r}: give whole numbers, 2 or more.")
    tried = _Tried(claim, repeats, seed, execution)
    low, high = _between(tried, target, begin, most)
    while high - low > max(1, RESOLUTION * high):
        middle = (low + high) // 2
        if tried.at(middle) < target:
            low = middle
        else:
            high = middle
    return tried.result(high, tried.uncertain(target), target)


def _between(tried: "_Tried", target: float, begin: int, most: int) -> tuple[int, int]:
    """Give a size that is too small, or the smallest possible, and one that is enough."""
    n = begin
    for _ in range(PATIENCE):
        if tried.failed(n) is None or 2 * n > most:
            break
        n *= 2
    tried.require_analysed(n)
    if tried.at(n) >= target:
        while n > SMALLEST and tried.at(max(n // 2, SMALLEST)) >= target:
            n = max(n // 2, SMALLEST)
        return (max(n // 2, SMALLEST) if n > SMALLEST else SMALLEST - 1), n
    while n < most:
        low, n = n, min(2 * n, most)
        if tried.at(n) >= target:
            return low, n
    raise OptionError(
        f"the claim is made in {tried.at(most):.0%} of studies with {most} respondents, and not in "
        f"{target:.0%}. It may ask for more than the population holds; otherwise raise `most`."
    )


class _Tried:
    """The sizes that have been simulated."""

    def __init__(self, claim: Claim, repeats: int, seed: int, execution: Execution) -> None:
        self._claim, self._repeats, self._seed = claim, repeats, seed
        self._execution = execution
        self._found: dict[int, tuple[int, int, pd.DataFrame]] = {}
        self._made: dict[int, NDArray[np.float64]] = {}

    def at(self, n: int) -> float:
        """Give the share of studies of a size that make the claim."""
        if n not in self._found:
            done = repeat(
                partial(_asked, self._claim, n),
                self._repeats,
                seed=self._seed,
                workers=self._execution.workers,
                progress=self._execution.progress,
                checkpoint=self._execution.checkpoint,
            )
            made = np.zeros(self._repeats)
            made[list(done.indices)] = done.results
            self._made[n] = made
            self._found[n] = (sum(done.results), done.n_failed, done.failures)
        return self._found[n][0] / self._repeats

    def failed(self, n: int) -> str | None:
        """Say why most studies of a size could not be analysed; None where they could."""
        self.at(n)
        _, n_failed, failures = self._found[n]
        if n_failed <= MOST_FAILED * self._repeats:
            return None
        return (
            f"{n_failed} of {self._repeats} simulated studies with {n} respondents could not be "
            f"analysed, so that the claim cannot be judged: {failures['message'][0]}"
        )

    def require_analysed(self, n: int) -> None:
        """Refuse a size at which most studies could not be analysed."""
        reason = self.failed(n)
        if reason is not None:
            raise MeasureError(reason)

    def _interval(self, n: int) -> tuple[float, float]:
        return proportion_interval(self._found[n][0], self._repeats)

    def uncertain(self, target: float) -> tuple[int, int]:
        """Give the largest size that is surely too small, and the least that is surely enough."""
        below = [n for n in self._found if self._interval(n)[1] < target]
        above = [n for n in self._found if self._interval(n)[0] >= target]
        return max(below, default=min(self._found)), min(above, default=max(self._found))

    def result(
        self, smallest: int | None, uncertain: tuple[int, int] | None, target: float | None
    ) -> Power:
        """Put what was found into a table."""
        rows = [
            (n, count / self._repeats, *self._interval(n), failed)
            for n, (count, failed, _) in sorted(self._found.items())
        ]
        failures = [own for _, _, own in self._found.values()]
        curve = None
        if smallest is not None and target is not None:
            made = np.column_stack([self._made[row[0]] for row in rows])
            sizes = np.array([float(row[0]) for row in rows])
            curve = power_curve(sizes, made, target, smallest)
        return Power(
            table=pd.DataFrame(rows, columns=["n", "power", "ci.lower", "ci.upper", "failed"]),
            smallest=smallest,
            uncertain=uncertain,
            target=target,
            repeats=self._repeats,
            seed=self._seed,
            failures=pd.concat(failures, ignore_index=True),
            curve=curve,
        )


def _asked(claim: Claim, n: int, rng: np.random.Generator) -> bool:
    return bool(claim(n, rng))


def _whole(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)
