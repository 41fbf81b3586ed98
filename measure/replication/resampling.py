"""Drawing rows or clusters again, and the moments of what was drawn.

A sample drawn with replacement is a count for each row. Means and covariances of a whole batch of
samples are then one matrix product of counts with products of answers.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from measure.errors import DataError
from measure.fitting.stacked import stacked
from measure.model import Implied, vech_places
from measure.moments import Moments, complete, missing, ordinal
from measure.moments.asymptotic import spanning
from measure.moments.patterns import patterns_of
from measure.moments.rows import Rows
from measure.moments.twolevel import gather as twolevel
from measure.moments.twolevel.gaps import GappyClusters

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

# Rows whose products of answers are held at once.
ROWS_AT_ONCE = 8192


@dataclass(frozen=True, eq=False)
class Resampling:
    """The rows to draw from.

    Rows are drawn within their groups. With clusters, whole clusters are drawn, within the groups
    where every cluster lies in one group, else over all rows.

    Attributes
    ----------
    moments
        Of the sample, with its rows.
    less_one
        Whether covariances are divided by n - 1.
    saturated
        Whether the saturated moments of incomplete rows are needed, which takes EM: where fixed.x
        takes some of them for the model.
    """

    moments: Moments
    less_one: bool
    saturated: bool = False

    @property
    def rows(self) -> tuple[Array, ...]:
        """The rows of each group."""
        assert self.moments.rows is not None
        return self.moments.rows

    @cached_property
    def strata(self) -> tuple[tuple[Codes, ...], ...]:
        """What is drawn within: per stratum the unit of each row, per group; -1 for none."""
        sizes = [len(rows) for rows in self.rows]
        clusters = self.moments.clusters
        if clusters is not None and spanning(clusters):
            _, units = np.unique(np.concatenate(clusters), return_inverse=True)
            return (tuple(np.split(units.astype(np.intp), np.cumsum(sizes)[:-1])),)
        found = []
        for k, size in enumerate(sizes):
            units = np.arange(size)
            if clusters is not None:
                _, units = np.unique(clusters[k], return_inverse=True)
            found.append(
                tuple(
                    units.astype(np.intp) if j == k else np.full(other, -1, dtype=np.intp)
                    for j, other in enumerate(sizes)
                )
            )
        return tuple(found)

    def n_units(self, stratum: tuple[Codes, ...]) -> int:
        """Number of rows or clusters in a stratum."""
        return 1 + max(int(units.max(initial=-1)) for units in stratum)

    def draw(self, rng: np.random.Generator, n_samples: int) -> tuple[Array, ...]:
        """How often each row is drawn, (n_samples, n) per group."""
        times = []
        for stratum in self.strata:
            n = self.n_units(stratum)
            drawn = rng.integers(0, n, (n_samples, n)) + n * np.arange(n_samples)[:, None]
            times.append(np.bincount(drawn.ravel(), minlength=n * n_samples).reshape(-1, n))
        return self._counts(times)

    def without(self, n_blocks: int) -> Iterator[tuple[int, float, tuple[Array, ...]]]:
        """Samples that each lack one block of units, for a jackknife.

        A stratum with more than `n_blocks` units is cut into that many blocks, each of every
        n-th unit; else a block is a unit.

        Yields
        ------
        Number of the stratum, its number of blocks, and counts as of `draw` with one sample.
        """
        sizes = [self.n_units(stratum) for stratum in self.strata]
        for k, size in enumerate(sizes):
            blocks = min(size, n_blocks)
            for block in range(blocks):
                times = [np.ones((1, n), dtype=np.intp) for n in sizes]
                times[k][0, block::blocks] = 0
                yield k, float(blocks), self._counts(times)

    def _counts(self, times: list[Codes]) -> tuple[Array, ...]:
        """Counts of rows from counts of the units of each stratum."""
        found = []
        for group in range(len(self.rows)):
            # Every row belongs to one stratum, and every group's rows to the same.
            drawn = [
                own[:, stratum[group]]
                for stratum, own in zip(self.strata, times, strict=True)
                if stratum[group][0] >= 0
            ]
            found.append(drawn[0].astype(np.float64))
        return tuple(found)

    def moments_of(self, counts: tuple[Array, ...]) -> Moments:
        """Moments of complete rows that are drawn so often, stacked over samples."""
        sample, divisors = [], []
        for rows, times in zip(self.rows, counts, strict=True):
            n = times.sum(axis=1)
            middle = rows.mean(axis=0)
            a, b = vech_places(rows.shape[1])
            first = np.zeros((len(times), rows.shape[1]))
            second = np.zeros((len(times), len(a)))
            for start in range(0, len(rows), ROWS_AT_ONCE):
                # About the mean of the sample, so that subtracting means loses no digits.
                part = rows[start : start + ROWS_AT_ONCE] - middle
                own = times[:, start : start + ROWS_AT_ONCE]
                first += own @ part
                second += own @ (part[:, a] * part[:, b])
            divisor = np.maximum(n - self.less_one, 1.0)
            shift = first / np.maximum(n, 1.0)[:, None]
            sigma = np.zeros((len(times), rows.shape[1], rows.shape[1]))
            sigma[:, a, b] = (second - first[:, a] * shift[:, b]) / divisor[:, None]
            sigma[:, b, a] = sigma[:, a, b]
            sample.append(Implied(middle + shift, sigma))
            divisors.append(divisor)
        return stacked(self.moments, tuple(sample), tuple(divisors))

    def moments_with_rows(self, counts: tuple[Array, ...]) -> Moments:
        """Moments of one sample (counts (n,) per group) with its rows, complete or not.

        Of incomplete rows the patterns are new; where no estimate depends on the saturated moments
        those of the whole sample stay.
        """
        values = tuple(
            np.repeat(rows, own.astype(int), axis=0)
            for rows, own in zip(self.rows, counts, strict=True)
        )
        if min(map(len, values)) < 2:
            raise DataError("a group has fewer than 2 rows among those drawn.")
        if self.moments.ordinal is not None:
            return self._answers(values, self._copies(counts))
        if self.moments.nested is not None:
            levels = self.moments.nested[0].levels
            copies = self._copies(counts)
            rows = Rows(self.moments.names, self.moments.groups, values, copies, 0)
            gappy = isinstance(self.moments.nested[0], GappyClusters)
            return twolevel.from_rows(rows, levels, incomplete=gappy)
        rows = Rows(self.moments.names, self.moments.groups, values, None, 0)
        if self.moments.patterns is None:
            return complete.from_rows(rows, less_one=self.less_one)
        if self.saturated:
            return missing.from_rows(rows)
        n_obs = tuple(map(len, values))
        return replace(
            self.moments,
            n_obs=n_obs,
            counts=n_obs,
            rows=values,
            clusters=None,
            patterns=tuple(patterns_of(own) for own in values),
        )

    def _answers(self, values: tuple[Array, ...], clusters: tuple[Codes, ...] | None) -> Moments:
        """Moments of ordered items, where all of their categories are drawn."""
        moments = self.moments
        assert moments.ordinal is not None
        for label, own in zip(moments.groups, values, strict=True):
            where = f' in group "{label}"' if len(values) > 1 else ""
            for name, categories in moments.ordinal.values.items():
                drawn = np.isin(
                    np.array(categories, dtype=float), own[:, moments.names.index(name)]
                )
                if not drawn.all():
                    value = categories[int(np.argmin(drawn))]
                    raise DataError(
                        f'category {value} of ordered item "{name}" is not among the rows '
                        f"drawn{where}."
                    )
        rows = Rows(moments.names, moments.groups, values, clusters, 0)
        kind = moments.ordinal
        return ordinal.from_rows(rows, kind.ordered, pairwise=True, information=kind.information)

    def _copies(self, counts: tuple[Array, ...]) -> tuple[Codes, ...] | None:
        """Number the clusters of the rows drawn; one that is drawn twice makes two."""
        if self.moments.clusters is None:
            return None
        most = int(max(own.max() for own in counts))
        found = []
        for codes, own in zip(self.moments.clusters, counts, strict=True):
            times = own.astype(int)
            before = np.repeat(np.cumsum(times) - times, times)
            copy = np.arange(times.sum()) - before
            found.append(np.repeat(codes, times) * most + copy)
        return tuple(found)
