"""What the data say: the sample moments that a model is compared with."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from measure.errors import OptionError
from measure.model import Implied
from measure.moments.patterns import Patterns
from measure.moments.twolevel.clusters import Clusters
from measure.moments.twolevel.gaps import GappyClusters
from measure.specification.level_layout import TwoLevelLayout
from measure.specification.levels import BETWEEN, WITHIN, Levels
from measure.specification.responses import Layout

Array = NDArray[np.float64]
Codes = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Categories:
    """How the answers to ordered items fall into categories, and how sure their moments are.

    Attributes
    ----------
    ordered
        The ordered items.
    values
        Their answers, ascending.
    n_thresholds
        One entry a variable of the moments; 0 for a continuous one.
    spread
        N times the covariance matrix of the moments of all groups, one after the other: `gamma`;
        None where there is a `root`.
    root
        A matrix that times its transpose is `gamma`, with a column a cluster; None where there are
        no clusters, or as many as moments.
    notes
        What was done about empty cells and the like.
    sparse
        Pairs of items whose table is sparse: most cells are expected to hold fewer than 5 answers,
        in any of the groups.
    information
        What `gamma` rests on: "first.order" (products of scores) or "observed".
    understated
        Share by which standard errors of correlations that rest on normal latent responses are too
        small in the median pair (the largest over groups); 0 where the answers do not contradict
        normality.
    variances
        What moments are weighed by in DWLS: N times their variances, of all groups, which rest on
        normality whatever `gamma` does, so that estimates do not depend on it; the diagonal of
        `gamma` where None.
    levels
        The levels of a two-level model; None for one of one level.
    """

    ordered: tuple[str, ...]
    values: Mapping[str, tuple[object, ...]]
    n_thresholds: tuple[int, ...]
    spread: Array | None
    root: Array | None = None
    notes: tuple[str, ...] = ()
    sparse: tuple[tuple[str, str], ...] = ()
    information: str = "first.order"
    understated: float = 0.0
    variances: Array | None = None
    levels: Levels | None = None

    @cached_property
    def gamma(self) -> Array:
        """N times the covariance matrix of the moments of all groups."""
        if self.root is None:
            assert self.spread is not None
            return self.spread
        return np.asarray(self.root @ self.root.T)

    @property
    def n_statistics(self) -> int:
        """Moments of all groups together."""
        own = self.spread if self.root is None else self.root
        assert own is not None
        return len(own)


@dataclass(frozen=True, eq=False)
class Moments:
    """Sample moments of each group.

    Attributes
    ----------
    names
        Observed variables, in the order of the moments; of a two-level model those of both levels.
    groups
        Values of the groups, in the order of the moments.
    n_obs
        Rows used, per group.
    sample
        Means (p,) and covariances (p, p) of each block, which is a group, or within a two-level
        model a group at a level: those of the saturated model. With missing answers and two levels
        they are maximum likelihood estimates.
    counts
        What the covariances are divided by, per group: n or n - 1. Groups weigh by it.
    rows
        The rows used, (n, p) per group, NaN for a missing answer; None from a covariance matrix
        and from stored answers.
    clusters
        Cluster number of each row, per group; None without clusters. A cluster keeps its number
        across groups.
    patterns
        The patterns of missing answers, per group; None for complete data.
    n_dropped
        Rows left out because an answer, the group or the cluster is missing.
    ordinal
        The categories of ordered items; None where all variables are continuous. Means and
        covariances are then those that `measure.specification.responses.Layout` describes.
    nested
        The rows of each group by their clusters, for a two-level model; None for one of one level.
    """

    names: tuple[str, ...]
    groups: tuple[object, ...]
    n_obs: tuple[int, ...]
    sample: tuple[Implied, ...]
    counts: tuple[int, ...]
    rows: tuple[Array, ...] | None = None
    clusters: tuple[Codes, ...] | None = None
    patterns: tuple[Patterns, ...] | None = None
    n_dropped: int = 0
    ordinal: Categories | None = None
    nested: tuple[Clusters | GappyClusters, ...] | None = None

    @property
    def kept_rows(self) -> tuple[Array, ...]:
        """The rows used, per group.

        Raises
        ------
        OptionError
            The moments are of a covariance matrix or of stored answers, and keep none.
        """
        if self.rows is None:
            raise OptionError(
                "this needs the answers of single rows, which a fit to sample_cov or to stored "
                "answers does not keep. Fit the model to a data frame."
            )
        return self.rows

    @property
    def block_names(self) -> tuple[tuple[str, ...], ...]:
        """Observed variables of each block, in the order of its moments."""
        levels = self.levels
        if levels is None:
            return (self.names,) * len(self.groups)
        return (levels.order(WITHIN), levels.order(BETWEEN)) * len(self.groups)

    @property
    def block_thresholds(self) -> tuple[tuple[int, ...], ...]:
        """Number of thresholds that each variable of each block has there.

        Of items at two levels thresholds stand between clusters; the first items within are those
        that are modelled there only.
        """
        levels = self.levels
        if levels is None:
            return (self.thresholds,) * len(self.groups)
        n, both = levels.n_within_only, len(levels.both)
        inner = (*self.thresholds[:n], *(0,) * both)
        return (inner, self.thresholds[n:]) * len(self.groups)

    @property
    def levels(self) -> Levels | None:
        """The levels of a two-level model; None for one of one level."""
        if self.nested is not None:
            return self.nested[0].levels
        return None if self.ordinal is None else self.ordinal.levels

    @property
    def thresholds(self) -> tuple[int, ...]:
        """Number of thresholds of each variable, 0 for a continuous one."""
        return (0,) * len(self.names) if self.ordinal is None else self.ordinal.n_thresholds

    @cached_property
    def layout(self) -> Layout | None:
        """The order of the moments where there are ordered items, at one level."""
        if self.ordinal is None or self.ordinal.levels is not None:
            return None
        return Layout(self.ordinal.n_thresholds)

    @cached_property
    def level_layout(self) -> TwoLevelLayout | None:
        """The order of the moments where there are ordered items at two levels."""
        if self.ordinal is None or self.ordinal.levels is None:
            return None
        return TwoLevelLayout(self.ordinal.n_thresholds, self.ordinal.levels.n_within_only)

    @property
    def n_total(self) -> int:
        """Rows used, over all groups."""
        return sum(self.n_obs)

    @property
    def scale(self) -> int:
        """What a discrepancy is multiplied with to give a chi-square: N, or N - G."""
        return sum(self.counts)

    @cached_property
    def weights(self) -> Array:
        """Weight of each group in a discrepancy; they add up to 1."""
        return np.array(self.counts, dtype=float) / self.scale

    @cached_property
    def shares(self) -> Array:
        """Share of the respondents in each group, by which information is weighted."""
        return np.array(self.n_obs, dtype=float) / self.n_total

    @cached_property
    def log_determinants(self) -> list[Array]:
        """ln|S| of each group."""
        return [np.asarray(np.linalg.slogdet(s.sigma)[1]) for s in self.sample]

    @cached_property
    def n_clusters(self) -> int | None:
        """Number of clusters; None where there are none."""
        if self.nested is not None:
            return sum(own.n_clusters for own in self.nested)
        if self.clusters is None:
            return None
        return len(np.unique(np.concatenate(self.clusters)))
