"""What the answers of a population are truly like: loadings, thresholds, reliability, clustering.

Groups that differ (`Population.differences`) widen the distribution of all respondents a little;
the values are of all respondents together. The planted non-invariance is left out of them: it is
listed by itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyses.simulating.answering import Items
from analyses.simulating.drawing import Drawn
from analyses.simulating.structure import Structure
from instruments.population import PLACES
from measure.consistency.answer_sums import Answers
from measure.distributions import normal_cdf

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

CLUSTERS: Mapping[str, tuple[str, ...]] = {
    "organisation": ("organisation",),
    "unit": ("unit",),
    "group": ("organisation", "profession"),
}
"""The kinds of clusters, and the columns that tell them apart."""


@dataclass(frozen=True, eq=False)
class TrueAnswers:
    """The true moments of the answers to the scored items of a form.

    Attributes
    ----------
    items, structure
        The items, and the latent variables.
    asked
        Those of the items that the form asks.
    shift
        (n_latent,) how much higher the groups that differ stand.
    part
        Share of respondents in those groups.
    unique_organisation
        Share of what is unique to an item that lies between organisations.
    """

    items: Items
    structure: Structure
    asked: frozenset[str]
    shift: Array
    part: Array
    unique_organisation: float

    @cached_property
    def covariances(self) -> Array:
        """Covariances of the latent variables over all respondents, (n_latent, n_latent)."""
        spread = np.minimum.outer(self.part, self.part) - np.outer(self.part, self.part)
        return self.structure.pooled + spread * np.outer(self.shift, self.shift)

    @cached_property
    def correlations(self) -> pd.DataFrame:
        """Correlations of the latent variables over all respondents."""
        roots = np.sqrt(np.diag(self.covariances))
        names = pd.Index(self.structure.names)
        return pd.DataFrame(self.covariances / np.outer(roots, roots), names, names)

    def between(self, one: str, other: str) -> float:
        """Correlation of two latent variables over all respondents."""
        place = self.structure.place
        return float(self.correlations.to_numpy()[place[one], place[other]])

    @cached_property
    def _spread(self) -> Array:
        """Standard deviation of each latent response."""
        squares = self.items.loadings**2
        return np.sqrt(squares * np.diag(self.covariances)[self.items.latent] + 1.0 - squares)

    @cached_property
    def loadings(self) -> Array:
        """Standardised loadings over all respondents, (n_items,)."""
        roots = np.sqrt(np.diag(self.covariances))[self.items.latent]
        return np.asarray(self.items.loadings * roots / self._spread)

    @cached_property
    def thresholds(self) -> Array:
        """Standardised thresholds over all respondents, (n_items, n_thresholds)."""
        mean = self.items.loadings * (self.part * self.shift)[self.items.latent]
        return np.asarray((self.items.thresholds - mean[:, None]) / self._spread[:, None])

    @cached_property
    def shares(self) -> Array:
        """Share of the answers in each category on the scored side, (n_items, n_categories)."""
        below = normal_cdf(self.thresholds)
        edges = np.pad(below, ((0, 0), (1, 1)), constant_values=((0, 0), (0.0, 1.0)))
        return np.diff(edges, axis=1)

    @cached_property
    def responses(self) -> Array:
        """Correlations of the latent responses of all items, (n_items, n_items)."""
        common = self._common(self.correlations.to_numpy())
        own = self.items.index_of
        for index in range(int(own.max()) + 1):
            parts = np.flatnonzero(own == index)
            # What is unique to the parts of an index adds up to 0.
            unique = (1.0 - self.loadings[parts[0]] ** 2) / (len(parts) - 1)
            common[np.ix_(parts, parts)] -= unique
        np.fill_diagonal(common, 1.0)
        return common

    def _common(self, latent: Array) -> Array:
        """What latent variables with these correlations make of the latent responses."""
        where = self.items.latent
        weights = self.loadings
        return np.asarray(np.outer(weights, weights) * latent[np.ix_(where, where)])

    def asked_of(self, names: Sequence[str]) -> list[str]:
        """Give those of some items that the form asks."""
        return [name for name in names if name in self.asked]

    def of(self, names: Sequence[str]) -> Indices:
        """Give where items stand."""
        return np.array([self.items.place[name] for name in names])

    def _sum_of(self, own: Indices) -> Answers:
        cuts = self.thresholds[own]
        places = np.repeat(np.arange(len(own)), cuts.shape[1])
        return Answers(cuts.ravel(), places, np.ones(cuts.size), len(own))

    @cached_property
    def _answers(self) -> Array:
        """Covariances of the answers, reversed ones turned, (n_items, n_items)."""
        every = np.arange(len(self.items.names))
        return self._sum_of(every).covariances(self.responses)

    def variance(self, names: Sequence[str]) -> float:
        """Variance of the sum of the answers to some items, reversed ones turned."""
        return self.covariance(names, names)

    def covariance(self, names: Sequence[str], others: Sequence[str]) -> float:
        """Covariance of the sums of the answers to two sets of items."""
        return float(self._answers[np.ix_(self.of(names), self.of(others))].sum())

    def correlation(self, names: Sequence[str], others: Sequence[str]) -> float:
        """Correlation of the sums of the answers to two sets of items."""
        spread = np.sqrt(self.variance(names) * self.variance(others))
        return float(self.covariance(names, others) / spread)

    def shared(self, names: Sequence[str], common: Array) -> float:
        """Covariance of two sums of answers that have this in common and no more."""
        return self._sum_of(self.of(names)).true_variance(common).value

    def omega(self, names: Sequence[str]) -> float:
        """Reliability of the sum of the answers to the items of one factor (Green & Yang 2009)."""
        weights = self.loadings[self.of(names)]
        return self.shared(names, np.outer(weights, weights)) / self.variance(names)

    def with_latent(self, names: Sequence[str], latent: Array) -> float:
        """Correlation of a sum of answers with a latent variable.

        Parameters
        ----------
        latent
            (n_latent,) correlations of that variable with all the others.
        """
        own = self.of(names)
        heights = np.exp(-(self.thresholds[own] ** 2) / 2) / np.sqrt(2 * np.pi)
        reach = self.loadings[own] * latent[self.items.latent[own]]
        return float((heights.sum(axis=1) * reach).sum() / np.sqrt(self.variance(names)))

    def icc(self, names: Sequence[str], together: Mapping[str, float]) -> float:
        """ICC(1) of the sum of the answers to the items of one scale.

        Parameters
        ----------
        together
            Place → chance that two members of a cluster share it.
        """
        own = self.of(names)
        share = self.latent_icc(int(self.items.latent[own[0]]), together)
        weights = self.loadings[own]
        common = share * np.outer(weights, weights)
        if (self.items.index_of[own] < 0).all():
            between = self.unique_organisation * together["organisation"]
            common[np.diag_indices(len(own))] += between * (1.0 - weights**2)
        return self.shared(names, common) / self.variance(names)

    def latent_icc(self, latent: int, together: Mapping[str, float]) -> float:
        """ICC(1) of a latent variable: the variance that two members of a cluster share."""
        shares = dict(zip(PLACES, self.structure.shares[:, latent], strict=True))
        return float(sum(share * shares[place] for place, share in together.items()))


def chances_together(drawn: Drawn) -> dict[str, dict[str, float]]:
    """Give, by kind of cluster, the chance that two of its members share each place.

    Members of an organisation may be of one unit, and members of a unit of one profession. Every
    pair counts once.
    """
    first = drawn.first_wave
    found = {}
    for kind, columns in CLUSTERS.items():
        pairs = _pairs(first, columns)
        found[kind] = {
            place: _pairs(first, {*columns, *CLUSTERS[place]}) / pairs for place in CLUSTERS
        }
    return found


def _pairs(data: pd.DataFrame, columns: "Sequence[str] | set[str]") -> float:
    sizes = data.groupby(list(columns), sort=False).size().to_numpy(dtype=float)
    return float((sizes * (sizes - 1) / 2).sum())
