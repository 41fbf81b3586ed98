"""Reliability of a sum of ordered answers (categorical omega), from a fitted model."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from measure.consistency.answer_sums import Answers, SumVariance
from measure.model import State, latent_derivatives
from measure.moments import Moments
from measure.specification.responses import Responses

if TYPE_CHECKING:
    from measure.fitting.fitted import Fit

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


def answers_with(moments: Moments, thresholds: Array) -> Answers:
    """Say how responses with these thresholds (T,) become the answers behind some moments."""
    layout = moments.layout
    assert layout is not None
    assert moments.ordinal is not None
    codes = [moments.ordinal.values.get(name, ()) for name in moments.names]
    steps = np.concatenate([np.diff(np.array(own, dtype=float)) for own in codes])
    return Answers(thresholds, layout.items, steps, len(codes))


@dataclass(frozen=True, eq=False)
class OrdinalComposite:
    """The sum of the answers to the items of one factor, in one group of a fit.

    Attributes
    ----------
    fit, group
        A fit with ordered items, and which of its groups.
    items
        Places of the items among the observed variables; they load on this factor only.
    column
        Place of the factor among `eta`.
    """

    fit: "Fit"
    group: int
    items: Indices
    column: int

    @cached_property
    def values(self) -> tuple[float, float, float]:
        """omega, omega3 and the average variance extracted.

        omega is the covariance of two sums of answers that share the factor and nothing else, over
        the variance that the model implies for one (Green & Yang 2009, eq. 21). omega3 has in its
        place the variance that thresholds and correlations of the sample imply. The average
        variance extracted is that of the standardised responses.
        """
        true = self._true.value
        sample = self.fit.moments.sample[self.group]
        assert sample.thresholds is not None
        observed = self._answers(sample.thresholds).variance(sample.sigma[self._square]).value
        common = np.diag(self._common).sum()
        total = np.diag(self._state.implied.sigma)[self.items].sum()
        return true / self._total.value, true / observed, float(common / total)

    @cached_property
    def gradient(self) -> Array:
        """Derivatives of omega with respect to the free elements of the model, (n_elements,)."""
        jacobian = self.fit.point.jacobians[self.group]
        layout = self._responses.layout
        n, c = len(layout.items), len(layout.continuous)
        # The items ascend, so that their thresholds keep their order.
        thresholds = jacobian[:n][np.isin(layout.items, self.items)]
        weights = np.zeros((len(layout.n_thresholds),) * 2)
        weights[self._square] = self._total.by_covariance
        variances = np.diag(weights)[layout.continuous]
        total = self._total.by_threshold @ thresholds
        total += variances @ jacobian[n + c : n + 2 * c]
        total += 2 * weights[layout.pairs] @ jacobian[n + 2 * c :]
        true = self._true.by_threshold @ thresholds + self._common_slope(len(total))
        omega = self._true.value / self._total.value
        return np.asarray((true - omega * total) / self._total.value)

    @property
    def _state(self) -> State:
        return self.fit.point.states[self.group]

    @property
    def _responses(self) -> Responses:
        responses = self._state.responses
        assert responses is not None
        return responses

    @property
    def _square(self) -> tuple[Indices, ...]:
        return np.ix_(self.items, self.items)

    def _answers(self, thresholds: Array) -> Answers:
        """Give the items with these thresholds (T,) of all items of the model."""
        return answers_with(self.fit.moments, thresholds).restricted(self.items)

    @cached_property
    def _scaled_loadings(self) -> Array:
        """Loadings of the responses on the scale of the answers."""
        loadings = self._state.matrices["lambda_"][self.items, self.column]
        return np.asarray(self._responses.delta[self.items] * loadings)

    @cached_property
    def _common(self) -> Array:
        """What the factor explains of the responses' covariances."""
        phi = self._state.covariance[self.column, self.column]
        return np.asarray(np.outer(self._scaled_loadings, self._scaled_loadings) * phi)

    @cached_property
    def _true(self) -> SumVariance:
        thresholds = self._state.implied.thresholds
        assert thresholds is not None
        return self._answers(thresholds).true_variance(self._common)

    @cached_property
    def _total(self) -> SumVariance:
        implied = self._state.implied
        assert implied.thresholds is not None
        return self._answers(implied.thresholds).variance(implied.sigma[self._square])

    def _common_slope(self, n_elements: int) -> Array:
        """Derivatives of the true variance through the common part of the covariances."""
        state, delta = self._state, self._responses.delta[self.items]
        weights, loadings = self._true.by_covariance, self._scaled_loadings
        slopes = np.zeros((len(self.items), n_elements))
        i, j, element = state.block.elements["lambda_"]
        for place, item in enumerate(self.items):
            own = (i == item) & (j == self.column)
            slopes[place, element[own]] += delta[place]
        scale = self.fit.point.derivatives[self.group].scale
        assert scale is not None
        if scale.d_delta is not None:
            raw = state.matrices["lambda_"][self.items, self.column]
            slopes += raw[:, None] * scale.d_delta[self.items]
        phi = state.covariance[self.column, self.column]
        d_phi = latent_derivatives(state, n_elements).variances[self.column]
        turned = weights @ loadings
        return np.asarray(2 * phi * turned @ slopes + (loadings @ turned) * d_phi)
