"""Full information maximum likelihood: every row counts with the answers that it has.

F = 2/N (log L_1 - log L_0) with log L_1 that of the saturated moments (Arbuckle 1996), so that
N F is the likelihood ratio statistic. Sums over rows are sums over patterns of missing answers.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from measure.estimators import normal
from measure.model import Curvature, Derivatives, Implied
from measure.moments import Moments
from measure.moments.patterns import PatternLikelihood, Patterns

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FullInformation:
    """Discrepancy of the likelihoods of incomplete rows, its gradient and information.

    `kept` holds what has been worked out of the moments alone, for the models that share them, and
    the likelihoods that were asked for last.
    """

    moments: Moments
    kept: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False)

    @property
    def _patterns(self) -> tuple[Patterns, ...]:
        assert self.moments.patterns is not None
        return self.moments.patterns

    @cached_property
    def _saturated(self) -> list[PatternLikelihood]:
        return self._evaluated(list(self.moments.sample))

    def _likelihoods(self, moments: list[Implied]) -> list[PatternLikelihood]:
        """Evaluate at moments, or give what was found there the last time.

        Where a search ends standard errors, tests and indices are asked for.
        """
        there: list[Implied]
        found: list[PatternLikelihood]
        there, found = self.kept.get(FullInformation._likelihoods, ([], []))
        if list(map(id, there)) != list(map(id, moments)):
            found = self._evaluated(moments)
            self.kept[FullInformation._likelihoods] = (moments, found)
        return found

    def _evaluated(self, moments: list[Implied]) -> list[PatternLikelihood]:
        pairs = zip(self._patterns, moments, strict=True)
        return [one for pair in pairs if (one := PatternLikelihood.at(*pair)) is not None]

    def at(self, implied: list[Implied]) -> "_Evaluation | None":
        """Evaluate at implied moments; None where they are not positive definite."""
        here = self._likelihoods(implied)
        return _Evaluation(self, here) if len(here) == len(implied) else None

    @cached_property
    def best(self) -> float:
        """Log-likelihood of the saturated moments, over all groups."""
        return sum(one.loglik for one in self._saturated)

    def sizes(self, implied: list[Implied], moments: list[Implied]) -> list[float]:
        """Weighted squares of moments; without forming the weight."""
        pairs = zip(self._likelihoods(implied), moments, strict=True)
        return [here.size(m) for here, m in pairs]

    def weight(self, implied: list[Implied]) -> list[Array]:
        """Expected unit information of each group's (mu, vech Sigma), at the implied ones."""
        return [one.information(observed=False) for one in self._likelihoods(implied)]

    def scores(self, implied: list[Implied], derivatives: list[Derivatives]) -> list[Array]:
        """Derivatives of each row's log-likelihood with respect to all free elements, per group."""
        assert self.moments.rows is not None
        found = []
        for rows, here, model, d in zip(
            self.moments.rows, self._likelihoods(implied), implied, derivatives, strict=True
        ):
            assert model.mu is not None
            assert d.d_mu is not None
            z = here.weighted_rows(rows, model.mu)
            level = np.einsum("ik,jik->jk", d.u, here.inverse @ d.v)
            score = (z @ d.u) * (z @ d.v) - level[here.patterns.of_row]
            found.append(score + z @ d.d_mu)
        return found

    @cached_property
    def saturated_products(self) -> list[Array]:
        """Mean outer product of `saturated_scores`, or of their sums in clusters, per group."""
        assert self.moments.rows is not None
        clusters = self.moments.clusters or (None,) * len(self.moments.rows)
        found = []
        for rows, here, sample, own in zip(
            self.moments.rows, self._saturated, self.moments.sample, clusters, strict=True
        ):
            assert sample.mu is not None
            z = here.weighted_rows(rows, sample.mu)
            found.append(normal.score_products(z, here.inverse, here.patterns.of_row, own))
        return found

    def saturated_scores(self) -> list[Array]:
        """Derivatives of each row's log-likelihood to the saturated (mu, vech Sigma), per group."""
        assert self.moments.rows is not None
        found = []
        for rows, here, sample in zip(
            self.moments.rows, self._saturated, self.moments.sample, strict=True
        ):
            assert sample.mu is not None
            z = here.weighted_rows(rows, sample.mu)
            found.append(normal.moment_scores(z, here.inverse, here.patterns.of_row))
        return found

    def saturated_information(self, *, observed: bool = True) -> list[Array]:
        """Unit information of (mu, vech Sigma) at the saturated moments, per group."""
        if not observed:
            return [one.information(observed=False) for one in self._saturated]
        return self._saturated_information

    @cached_property
    def _saturated_information(self) -> list[Array]:
        return [one.information(observed=True) for one in self._saturated]

    def saturated_loglik(self, fixed_x: tuple[str, ...]) -> float:
        """Log-likelihood of the unrestricted model, given the variables of `fixed_x`."""
        total = sum(one.loglik for one in self._saturated)
        x = [name in fixed_x for name in self.moments.names]
        if not any(x):
            return total
        given = Moments(
            fixed_x,
            self.moments.groups,
            self.moments.n_obs,
            tuple(Implied(None, s.sigma[np.ix_(x, x)]) for s in self.moments.sample),
            self.moments.counts,
        )
        return total - normal.saturated_loglik(given)


@dataclass(frozen=True, eq=False)
class _Evaluation:
    """The discrepancy at implied moments: the likelihood of each group there."""

    discrepancy: FullInformation
    groups: list[PatternLikelihood]

    @cached_property
    def value(self) -> float:
        """F."""
        here = sum(one.loglik for one in self.groups)
        return 2 * (self.discrepancy.best - here) / self.discrepancy.moments.scale

    def gradient(self, derivatives: list[Derivatives]) -> Array:
        """First derivatives of F with respect to the free elements."""
        total: Array | float = 0.0
        for share, here, d in zip(
            self.discrepancy.moments.weights, self.groups, derivatives, strict=True
        ):
            g, centre = here.gradient
            slope = -4 * (d.u * (centre @ d.v)).sum(axis=0)
            total = total + share * (slope if d.d_mu is None else slope - 2 * g @ d.d_mu)
        return np.asarray(total)

    def information(self, derivatives: list[Derivatives]) -> Array:
        """Unit information where answers are missing completely at random.

        It is positive definite everywhere, which the search needs; standard errors come from
        `hessian`, which holds for answers missing at random too.
        """
        size = derivatives[0].u.shape[1]
        total = np.zeros((size, size))
        for share, here, d in zip(
            self.discrepancy.moments.weights, self.groups, derivatives, strict=True
        ):
            weight = here.information(observed=False)
            d.added(total, share * normal.weighted_products(d.own_jacobian, weight))
        return total

    def hessian(self, derivatives: list[Derivatives], curvatures: list[Curvature]) -> Array:
        """Second derivatives of F with respect to the free elements."""
        size = derivatives[0].u.shape[1]
        total = np.zeros((size, size))
        for share, here, d, curvature in zip(
            self.discrepancy.moments.weights, self.groups, derivatives, curvatures, strict=True
        ):
            g, centre = here.gradient
            weight = here.information(observed=True)
            own = 2 * normal.weighted_products(d.own_jacobian, weight)
            d.added(total, share * (own + curvature.own_weighted(-2 * centre, -2 * g)))
        return total
