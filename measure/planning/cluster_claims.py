"""Claims about the means of clusters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from measure.checks import known_option
from measure.errors import OptionError
from measure.levels.between_clusters import icc
from measure.model import Implied
from measure.planning.claims import Study
from measure.planning.effort_claims import before_after
from measure.simulating.populations import Population


@dataclass(frozen=True, eq=False)
class ClusterReliability:
    """That the means of clusters on a scale are found to be reliable: ICC(2).

    Attributes
    ----------
    study
        With a population of two levels.
    items
        Those of the scale, whose mean is the score; all by default.
    at_least
        ICC(2) must not be lower.
    by
        "estimate", or "lower" for the lower limit of its 95 % interval.
    """

    study: Study
    items: Sequence[str] | None = None
    at_least: float = 0.70
    by: str = "estimate"

    def __post_init__(self) -> None:
        known_option("by", self.by, ("estimate", "lower"))
        if not 0 < self.at_least < 1:
            raise OptionError(f"at_least is {self.at_least}, but an ICC(2) lies between 0 and 1.")
        if self.study.population.cluster is None:
            raise OptionError(
                "the claim is about clusters, but the population has none. Give its model text "
                "`level:` blocks."
            )

    def __call__(self, n: int, rng: np.random.Generator) -> bool:
        """Draw one study, and tell whether it shows it."""
        data = self.study.draw(n, rng)
        cluster = self.study.population.cluster
        assert cluster is not None
        items = list(self.items or self.study.population.names)
        scored = data[[cluster]].assign(score=data[items].mean(axis=1))
        column = {"estimate": "icc2", "lower": "icc2.ci.lower"}[self.by]
        return bool(icc(scored, "score", cluster=cluster)[column].iloc[0] >= self.at_least)


def in_clusters(
    loadings: Mapping[str, float],
    *,
    icc: float,
    thresholds: Mapping[str, Sequence[float]] | None = None,
) -> Population:
    """Give the population of one factor whose variance lies partly between clusters.

    Parameters
    ----------
    loadings
        Item → standardised loading.
    icc
        Share of the factor's variance between clusters; what is unique to items lies within.
    thresholds
        Of items answered in categories, standardised; the others are continuous.

    Raises
    ------
    OptionError
        A number is not possible.
    """
    # The first wave of a study in which nothing happens.
    whole = before_after(loadings, gain=0.0, icc=icc, thresholds=thresholds).only("comparison")
    k, cut = len(loadings), thresholds or {}
    (inner,), (outer,) = whole.moments, whole.between
    n_cuts = sum(len(cut[item]) for item in loadings if item in cut)
    taus = None if inner.thresholds is None else inner.thresholds[:n_cuts]
    assert outer.mu is not None
    return replace(
        whole,
        names=tuple(loadings),
        groups=(1,),
        moments=(Implied(np.zeros(k), inner.sigma[:k, :k], taus),),
        values={item: tuple(range(1, len(cut[item]) + 2)) for item in loadings if item in cut},
        between=(Implied(outer.mu[:k], outer.sigma[:k, :k]),),
    )
