"""Coefficients of the sums of items of one group of respondents, in the scores that they have."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from measure.consistency.construct_types import (
    DEVIATION,
    LATENT,
    MEAN,
    PERSON,
    Levels,
    Target,
    targets_of,
)
from measure.consistency.level_sums import ModelSums, SaturatedSums, ratio
from measure.distributions import logit_limits
from measure.fitting.fitted import Fit
from measure.moments.twolevel.clusters import Clusters
from measure.specification.levels import BETWEEN, WITHIN

Array = NDArray[np.float64]
NAN = float("nan")


@dataclass(frozen=True, eq=False)
class LevelCoefficients:
    """The constructs of one group of respondents, and their coefficients."""

    fit: Fit
    group: int
    construct: str
    z: float

    @cached_property
    def model(self) -> ModelSums:
        """Variances of sums by the model."""
        return ModelSums(self.fit, self.group)

    @cached_property
    def saturated(self) -> SaturatedSums:
        """The same without a model."""
        return SaturatedSums(self.fit, self.group)

    @cached_property
    def targets(self) -> list[Target]:
        """The constructs."""
        return targets_of(Levels(self.fit, self.model.states), self.construct)

    @property
    def clusters(self) -> Clusters:
        """Clusters of the group, with all members who gave some answer."""
        assert self.fit.moments.nested is not None
        own = self.fit.moments.nested[self.group]
        return own if isinstance(own, Clusters) else own.filled

    def rows(self) -> Iterator[dict[str, object]]:
        """Rows of the table."""
        own = self.clusters
        harmonic = own.n_clusters / float((own.counts / own.sizes).sum())
        for target in self.targets:
            for score in target.scores:
                size = harmonic if score == MEAN else NAN
                for coefficient, found in self._coefficients(target, score, size):
                    yield {
                        **self._about(target),
                        "n_items": len(target.items),
                        "score": score,
                        "coefficient": coefficient,
                        "size": size,
                        **found,
                    }

    def rows_by_size(self) -> Iterator[dict[str, object]]:
        """Rows of the table of cluster means by size."""
        own = self.clusters
        for target in self.targets:
            if MEAN not in target.scores or MEAN in target.without:
                continue
            for size, count in zip(own.sizes.tolist(), own.counts.tolist(), strict=True):
                omega = self._omega(target, MEAN, size)
                yield {
                    **self._about(target),
                    "size": int(size),
                    "n_clusters": int(count),
                    **self._estimate(omega, self.model.covariance),
                }

    def _about(self, target: Target) -> dict[str, object]:
        return {
            "within": target.within,
            "between": target.between,
            "group": self.fit.moments.groups[self.group],
        }

    def _coefficients(
        self, target: Target, score: str, size: float
    ) -> Iterator[tuple[str, dict[str, float]]]:
        covariance = self.model.covariance
        if score in target.without:
            yield "omega", dict.fromkeys(("est", "se", "ci.lower", "ci.upper"), NAN)
        else:
            yield "omega", self._estimate(self._omega(target, score, size), covariance)
        if target.alone and len(target.items) > 1:
            alpha = self._alpha(target, score, size)
            yield "alpha", self._estimate(alpha, self.saturated.covariance)
        if score == MEAN and not target.within and self.construct in ("shared", "simultaneous"):
            between = self.model.whole(BETWEEN, target.items)
            sampled = between + self.model.whole(WITHIN, target.items) / size
            yield "irr", self._estimate(ratio(between, sampled), covariance)

    def _omega(self, target: Target, score: str, size: float) -> Array:
        true: Array | float = 0.0
        if score in (PERSON, DEVIATION):
            true = true + self.model.true(WITHIN, target.within, target.items)
        if score != DEVIATION:
            true = true + self.model.true(BETWEEN, target.between, target.items)
        return ratio(np.asarray(true), _whole(self.model, target, score, size))

    def _alpha(self, target: Target, score: str, size: float) -> Array:
        common: Array | float = 0.0
        if score in (PERSON, DEVIATION):
            common = common + self.saturated.shared(WITHIN, target.items)
        if score != DEVIATION:
            common = common + self.saturated.shared(BETWEEN, target.items)
        k = len(target.items)
        return ratio(k / (k - 1) * np.asarray(common), _whole(self.saturated, target, score, size))

    def _estimate(self, amount: Array, covariance: Array) -> dict[str, float]:
        slope = amount[1:]
        est, se = float(amount[0]), float(np.sqrt(np.maximum(slope @ covariance @ slope, 0.0)))
        lower, upper = logit_limits(est, se, self.z)
        return {"est": est, "se": se, "ci.lower": lower, "ci.upper": upper}


def _whole(sums: ModelSums | SaturatedSums, target: Target, score: str, size: float) -> Array:
    """Variance of a score."""
    if score == DEVIATION:
        return sums.whole(WITHIN, target.items)
    between = sums.whole(BETWEEN, target.items)
    if score == LATENT:
        return between
    members = 1.0 if score == PERSON else size
    return between + sums.whole(WITHIN, target.items) / members
