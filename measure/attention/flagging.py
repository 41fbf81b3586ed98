"""Cut-offs for several indices at once, from what the indices are among attentive people.

A percentile of the sample would flag the same share of any sample, careless or not. Here an index
is compared with its values among drawn attentive answers, so that a cut-off is an error rate.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Codes = NDArray[np.intp]

KINDS_NEEDED = 2
"""Kinds of evidence that have to agree before a person is flagged."""


@dataclass(frozen=True, eq=False)
class Extremes:
    """How extreme each row is on each index: higher is more careless, NaN is no evidence.

    Attributes
    ----------
    values
        (n, n_indices).
    stratum
        Which rows are compared with which: those with about as many answers, (n,).
    """

    values: Array
    stratum: Codes


@dataclass(frozen=True, eq=False)
class Calibration:
    """What the cut-offs are, and what they flag.

    Attributes
    ----------
    alpha
        Share of the attentive that each kind of evidence is beyond its cut-off for.
    cutoffs
        (n_strata, n_indices): the value of `Extremes` from which an index counts.
    by_index, by_kind
        Rows of the data beyond the cut-offs, (n, n_indices) and (n, n_kinds).
    expected_by_index, expected_by_kind
        Shares of the attentive beyond them.
    expected_kinds
        Share of the attentive by number of kinds beyond, from 0 to all.
    expected_flat
        Share of the attentive of flat profile with at least `KINDS_NEEDED` kinds beyond.
    """

    alpha: float
    cutoffs: Array
    by_index: Flags
    by_kind: Flags
    expected_by_index: Array
    expected_by_kind: Array
    expected_kinds: Array
    expected_flat: float


def calibrate(
    data: Extremes,
    drawn: Extremes,
    flat: Extremes,
    kinds: Sequence[Sequence[int]],
    rates: tuple[float, float],
) -> Calibration:
    """Set cut-offs so that few of the attentive are beyond those of two kinds of evidence.

    Parameters
    ----------
    data
        The rows to judge.
    drawn, flat
        Attentive answers, and attentive answers of flat profile, as many in each stratum; strata
        count by their share of the data.
    kinds
        The indices of each kind of evidence, at least two kinds. Indices of one kind tell much the
        same; the kind counts where its most extreme index does.
    rates
        Largest share of the attentive, and of those of flat profile, that may be flagged.

    Returns
    -------
    Calibration
        All kinds have one `alpha`, the largest at which neither rate is passed.
    """
    weights = np.bincount(data.stratum, minlength=int(drawn.stratum.max()) + 1) / len(data.values)
    scale = _Scale.of(drawn, kinds)
    of_drawn, of_flat = scale.kinds(drawn), scale.kinds(flat)
    alpha = min(
        _quantile(_agreeing(of_drawn), weights[drawn.stratum], rates[0]),
        _quantile(_agreeing(of_flat), weights[flat.stratum], rates[1]),
    )
    cutoffs = scale.cutoffs(alpha)
    beyond_drawn = scale.beyond(drawn, cutoffs)
    beyond_kind = scale.any_of_kind(beyond_drawn)
    by_index = scale.beyond(data, cutoffs)
    share = weights[drawn.stratum] / weights[drawn.stratum].sum()
    n_kinds = beyond_kind.sum(axis=1)
    flat_kinds = scale.any_of_kind(scale.beyond(flat, cutoffs)).sum(axis=1)
    flat_share = weights[flat.stratum] / weights[flat.stratum].sum()
    return Calibration(
        alpha=alpha,
        cutoffs=cutoffs,
        by_index=by_index,
        by_kind=scale.any_of_kind(by_index),
        expected_by_index=share @ beyond_drawn,
        expected_by_kind=share @ beyond_kind,
        expected_kinds=np.bincount(n_kinds, share, minlength=len(kinds) + 1).astype(np.float64),
        expected_flat=float(flat_share @ (flat_kinds >= KINDS_NEEDED)),
    )


@dataclass(frozen=True, eq=False)
class _Scale:
    """The drawn values, sorted by stratum and index, as a yardstick of how rare a value is.

    `sorted_values` (n_strata, n_indices, m) ascending; `smallest` (n_strata, n_kinds, m) the drawn
    rows' smallest tail share among the indices of a kind, ascending.
    """

    sorted_values: Array
    smallest: Array
    members: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, drawn: Extremes, kinds: Sequence[Sequence[int]]) -> "_Scale":
        members = tuple(tuple(kind) for kind in kinds)
        # What could not be computed is never extreme.
        filled = np.where(np.isnan(drawn.values), -np.inf, drawn.values)
        strata = [filled[drawn.stratum == s] for s in range(int(drawn.stratum.max()) + 1)]
        values = np.sort(np.stack([own.T for own in strata]), axis=2)
        bare = cls(values, np.empty(0), members)
        smallest = bare._smallest(drawn)
        ranked = np.stack(
            [np.sort(smallest[drawn.stratum == s].T, axis=1) for s in range(len(strata))]
        )
        return cls(values, ranked, members)

    def _tail_shares(self, rows: Extremes) -> Array:
        """Share of the drawn at or beyond each value; 1 where there is none."""
        shares = np.ones_like(rows.values)
        m = self.sorted_values.shape[2]
        for s, by_index in enumerate(self.sorted_values):
            own = rows.stratum == s
            for index, ascending in enumerate(by_index):
                below = np.searchsorted(ascending, rows.values[own, index], side="left")
                shares[own, index] = (m - below) / m
        return np.where(np.isnan(rows.values), 1.0, shares)

    def _smallest(self, rows: Extremes) -> Array:
        shares = self._tail_shares(rows)
        return np.column_stack([shares[:, list(own)].min(axis=1) for own in self.members])

    def kinds(self, rows: Extremes) -> Array:
        """Share of the drawn that are at least as extreme on each kind, (n, n_kinds)."""
        smallest = self._smallest(rows)
        shares = np.empty_like(smallest)
        for s, by_kind in enumerate(self.smallest):
            own = rows.stratum == s
            for kind, ascending in enumerate(by_kind):
                at = np.searchsorted(ascending, smallest[own, kind], side="right")
                shares[own, kind] = at / ascending.size
        return shares

    def cutoffs(self, alpha: float) -> Array:
        """Values from which an index counts, so that each kind does for at most `alpha`."""
        n_strata, n_indices, m = self.sorted_values.shape
        cutoffs = np.full((n_strata, n_indices), np.inf)
        for s in range(n_strata):
            for kind, own in enumerate(self.members):
                rarest = _largest_within(self.smallest[s, kind], alpha)
                for index in own:
                    ascending = self.sorted_values[s, index]
                    shares = (m - np.searchsorted(ascending, ascending, side="left")) / m
                    inside = np.flatnonzero(shares <= rarest)
                    if inside.size:
                        cutoffs[s, index] = ascending[inside[0]]
        return cutoffs

    def beyond(self, rows: Extremes, cutoffs: Array) -> Flags:
        """Mark the indices that count for each row."""
        with np.errstate(invalid="ignore"):
            return np.asarray(rows.values >= cutoffs[rows.stratum])

    def any_of_kind(self, by_index: Flags) -> Flags:
        """Mark the kinds that count."""
        return np.column_stack([by_index[:, list(own)].any(axis=1) for own in self.members])


def _agreeing(shares: Array) -> Array:
    """Give the share at which the last of the kinds that are needed is reached."""
    return np.asarray(np.sort(shares, axis=1)[:, KINDS_NEEDED - 1])


def _quantile(values: Array, weights: Array, rate: float) -> float:
    """Give the largest value at or below which at most a share `rate` of the weight lies."""
    order = np.argsort(values, kind="stable")
    ascending, reached = values[order], np.cumsum(weights[order])
    last = np.searchsorted(ascending, ascending, side="right") - 1
    inside = np.flatnonzero(reached[last] <= rate * reached[-1] + 1e-12)
    return float(ascending[inside[-1]]) if inside.size else 0.0


def _largest_within(ascending: Array, rate: float) -> float:
    """Give the largest value that at most a share `rate` of them reaches; 0 where none is."""
    last = np.searchsorted(ascending, ascending, side="right")
    inside = np.flatnonzero(last <= rate * ascending.size + 1e-9)
    return float(ascending[inside[-1]]) if inside.size else 0.0
