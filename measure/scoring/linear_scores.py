"""Factor scores that are linear in the answers: regression and Bartlett."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from measure.errors import OptionError
from measure.fitting.fitted import Fit
from measure.model import State
from measure.moments.patterns import patterns_of
from measure.scoring.group_scores import GroupScores

Array = NDArray[np.float64]
NAN = float("nan")

# Share of a direction that the answers must determine for a factor to have a Bartlett score.
DETERMINED = 1e-8


def score_by_weights(fit: Fit, group: int, values: Array, method: str) -> GroupScores:
    """Score respondents of one group by weights of their answers.

    Parameters
    ----------
    fit, group
        A fitted model, and which of its groups.
    values
        Answers, (n, p), NaN where missing.
    method
        "regression" or "Bartlett".

    Raises
    ------
    OptionError
        Where the fit has no means.
    """
    scorer = _Scorer(
        fit.point.states[group], list(fit.model.table.latent), _centre(fit, group), method
    )
    scores, se, reliability = scorer.score(values)
    whole = scorer.weights(np.ones(values.shape[1], dtype=bool))
    return GroupScores(scores, se, reliability, whole.weights, whole.se, whole.reliability)


def _centre(fit: Fit, group: int) -> Array:
    """Item means at which the scores are the factor means."""
    mu = fit.implied_moments[group].mu
    mu = fit.moments.sample[group].mu if mu is None else mu
    if mu is None:
        raise OptionError(
            "the model was fitted to covariances without means, so answers cannot be centred. "
            "Give sample_mean, or fit it to the answers."
        )
    return mu


@dataclass(frozen=True, eq=False)
class _Weights:
    """Weights (n_factors, p) of the items of one pattern, standard errors and reliabilities."""

    weights: Array
    se: Array
    reliability: Array


@dataclass(frozen=True, eq=False)
class _Scorer:
    """Scores the rows of one group."""

    state: State
    factors: list[str]
    centre: Array
    method: str

    @cached_property
    def place(self) -> NDArray[np.intp]:
        """Place of each factor among eta; -1 for one that this group's block of text leaves out."""
        eta = self.state.block.eta
        return np.array([eta.index(f) if f in eta else -1 for f in self.factors], dtype=np.intp)

    @cached_property
    def means(self) -> Array:
        """Means of the factors; without a mean structure those that follow from the items' means.

        They are the means that the model with free intercepts has.
        """
        block, beta = self.state.block, self.state.matrices["beta"]
        mean = self.state.mean
        if mean is None:
            items = np.array([name in block.observed for name in block.eta], dtype=bool)
            mean = np.zeros(len(block.eta))
            mean[items] = [self.centre[block.observed.index(n)] for n in np.array(block.eta)[items]]
            inner = np.eye(int((~items).sum())) - beta[np.ix_(~items, ~items)]
            mean[~items] = np.linalg.solve(inner, beta[np.ix_(~items, items)] @ mean[items])
        return np.where(self.place >= 0, mean[self.place], NAN)

    def score(self, values: Array) -> tuple[Array, Array, Array]:
        """Scores, standard errors and reliabilities of rows (n, p), pattern by pattern."""
        shape = (len(values), len(self.factors))
        scores, se, reliability = np.empty(shape), np.empty(shape), np.empty(shape)
        if not len(values):
            return scores, se, reliability
        patterns = patterns_of(values)
        centred = np.nan_to_num(values - self.centre)
        for k, observed in enumerate(patterns.observed):
            own = patterns.of_row == k
            found = self.weights(observed)
            scores[own] = self.means + centred[own] @ found.weights.T
            se[own], reliability[own] = found.se, found.reliability
        return scores, se, reliability

    def weights(self, observed: NDArray[np.bool_]) -> _Weights:
        """Weights for respondents who answer the `observed` items."""
        sigma = self.state.implied.sigma[np.ix_(observed, observed)]
        cross = self.state.cross[np.ix_(observed, self.place)]
        variance = np.diag(self.state.covariance)[self.place]
        if self.method == "regression":
            small = np.linalg.solve(sigma, cross).T
            spread = variance - np.einsum("fp,pf->f", small, cross)
        else:
            small, spread = self._bartlett(observed)
        small[self.place < 0] = NAN
        covered = np.einsum("fp,pf->f", small, cross)
        own = np.einsum("fp,pq,fq->f", small, sigma, small)
        with np.errstate(divide="ignore", invalid="ignore"):
            reliability = np.where(own > 0, covered**2 / (own * variance), np.nan * own)
        weights = np.zeros((len(self.factors), len(observed)))
        weights[:, observed] = small
        se = np.sqrt(np.maximum(spread, 0.0)) + 0.0 * covered
        return _Weights(weights, se, reliability)

    def _bartlett(self, observed: NDArray[np.bool_]) -> tuple[Array, Array]:
        """Weighted least squares weights and error variances; NaN where not determined."""
        loadings, theta = _direct(self.state)
        inside = np.where(self.place >= 0, loadings[np.ix_(observed, self.place)], 0.0)
        sigma = theta[np.ix_(observed, observed)]
        # Adding to the residual covariances what the factors explain changes no weight, and lets
        # them be inverted where an item has no residual.
        sigma = sigma + inside @ inside.T
        weighted = np.linalg.solve(sigma, inside)
        information = weighted.T @ inside
        inverse = np.linalg.pinv(information, rcond=DETERMINED, hermitian=True)
        weights = inverse @ weighted.T
        gap = np.abs(information @ inverse - np.eye(len(inside.T))).max(axis=0, initial=0.0)
        weights[gap > DETERMINED**0.5] = NAN
        spread = np.einsum("fp,pq,fq->f", weights, theta[np.ix_(observed, observed)], weights)
        return weights, spread


def _direct(state: State) -> tuple[Array, Array]:
    """Loadings of the items on all of eta's factors, and what covaries among items beside them.

    Items with paths of their own stand among eta; their loadings are paths there, and pass on to
    the items that they explain.
    """
    block = state.block
    beta, lambda_ = state.matrices["beta"], state.matrices["lambda_"]
    items = np.array([name in block.observed for name in block.eta], dtype=bool)
    inner = np.linalg.inv(np.eye(int(items.sum())) - beta[np.ix_(items, items)])
    reach = lambda_[:, items] @ inner
    loadings = np.zeros_like(lambda_)
    loadings[:, ~items] = lambda_[:, ~items] + reach @ beta[np.ix_(items, ~items)]
    psi = state.matrices["psi"][np.ix_(items, items)]
    return loadings, np.asarray(state.matrices["theta"] + reach @ psi @ reach.T)
