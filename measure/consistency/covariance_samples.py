"""Complete answers to items, their covariances, and what each row contributes to functions of them.

Row i moves a function f of the covariances by u_i = (x_i' G x_i - mean) / n, with x_i the answers
less their means and G the derivatives of f (see `covariance_functions`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import IDENTICAL, complete_rows, numeric_items
from measure.errors import DataError
from measure.model import Implied
from measure.moments import Moments
from measure.moments.asymptotic import few_clusters_note, require_clusters, sums_by_cluster
from measure.moments.rows import rows_of
from measure.replication.resampling import Resampling

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

# Samples whose covariances are held at once.
TOGETHER = 100


@dataclass(frozen=True, eq=False)
class CovarianceSample:
    """Complete answers to some items, with the clusters that respondents come from.

    Attributes
    ----------
    names
        The items.
    rows
        Answers, (n_obs, n_items).
    clusters
        Number of the cluster of each row; None without clusters.
    n_dropped
        Rows left out because an answer or the cluster is missing.
    """

    names: tuple[str, ...]
    rows: Array
    clusters: Codes | None
    n_dropped: int

    @property
    def n_obs(self) -> int:
        """Respondents used."""
        return len(self.rows)

    @property
    def n_clusters(self) -> int | None:
        """Clusters; None without."""
        return None if self.clusters is None else len(np.unique(self.clusters))

    @cached_property
    def covariance(self) -> Array:
        """Covariances, divided by n - 1, (n_items, n_items)."""
        return np.cov(self.rows, rowvar=False)

    @property
    def notes(self) -> list[str]:
        """What is odd about the items: too few respondents, or the same answers twice."""
        notes = [few_clusters_note(self.n_clusters)]
        if self.n_obs <= len(self.names):
            notes.append(
                f"{self.n_obs} rows for {len(self.names)} items: what is found here says little."
            )
        R = np.abs(np.triu(correlations(self.covariance), 1))
        for i, j in np.argwhere(R > IDENTICAL):
            notes.append(
                f'"{self.names[i]}" and "{self.names[j]}" correlate perfectly: they say the same '
                "twice, which is counted as reliability. Leave one out."
            )
        return [note for note in notes if note]

    def influence(self, slopes: Array) -> Array:
        """How much each row, or cluster, moves functions with these derivatives, (n_units, k)."""
        centred = self.rows - self.rows.mean(axis=0)
        moved = np.stack([((centred @ slope) * centred).sum(axis=1) for slope in slopes], axis=1)
        moved = (moved - moved.mean(axis=0)) / self.n_obs
        return moved if self.clusters is None else sums_by_cluster(moved, self.clusters)

    def drawn(self, n: int, seed: int) -> Iterator[Array]:
        """Covariances of `n` samples drawn from the rows, or from the clusters, in batches."""
        clusters = None if self.clusters is None else (self.clusters,)
        middle = Implied(self.rows.mean(axis=0), self.covariance)
        moments = Moments(
            self.names,
            (1,),
            (self.n_obs,),
            (middle,),
            (self.n_obs - 1,),
            rows=(self.rows,),
            clusters=clusters,
        )
        source = Resampling(moments, less_one=True)
        for batch, begin in enumerate(range(0, n, TOGETHER)):
            rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(batch,)))
            found = source.moments_of(source.draw(rng, TOGETHER)).sample[0].sigma
            yield found[: n - begin]


def sample_of(
    items: pd.DataFrame, *, cluster: str | None = None, minimum_items: int = 2
) -> CovarianceSample:
    """Take complete answers to items; the column `cluster` is not one of them.

    Raises
    ------
    DataError
        Too few items or complete rows (three are needed), an item that cannot be analysed, or no
        column `cluster` with at least two clusters.
    """
    if cluster is None or not isinstance(items, pd.DataFrame) or cluster not in items.columns:
        numbers = numeric_items(items, minimum_items=minimum_items)
    else:
        own = [name for name in items.columns if name != cluster]
        numbers = numeric_items(items, own, minimum_items=minimum_items)
    if cluster is None:
        complete = complete_rows(numbers, minimum_rows=3)
        values, codes = complete.to_numpy(), None
    else:
        # Also says that there is no such column, or that it is empty.
        rows_of(items, tuple(numbers.columns), cluster=cluster)
        named = pd.factorize(items[cluster])[0]
        complete = complete_rows(numbers[named >= 0], minimum_rows=3)
        used = (named >= 0) & numbers.notna().all(axis=1).to_numpy()
        values, codes = complete.to_numpy(), named[used].astype(np.intp)
        require_clusters((codes,), (1,), cluster)
    names = tuple(complete.columns)
    return CovarianceSample(names, values, codes, len(numbers) - len(values))


def correlations(S: Array) -> Array:
    """Correlations of covariances, (..., p, p); NaN with an item that does not vary."""
    scale = np.sqrt(np.diagonal(S, axis1=-2, axis2=-1))
    scale = np.where(scale > 0, scale, np.nan)
    return np.asarray(S / (scale[..., :, None] * scale[..., None, :]))


def require_rows(sample: CovarianceSample, what: str) -> None:
    """Refuse as many items as rows, where the covariance matrix has to be inverted."""
    if sample.n_obs <= len(sample.names):
        raise DataError(
            f"{sample.n_obs} complete rows for {len(sample.names)} items: {what} needs more "
            "respondents than items."
        )
