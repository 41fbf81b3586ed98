"""Factor scores: what each respondent's answers say about the factors."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import numbers_of
from measure.display import render_html, render_text
from measure.errors import DataError, OptionError
from measure.fitted import Fit
from measure.model import State
from measure.moments.patterns import Patterns, patterns_of

Array = NDArray[np.float64]
NAN = float("nan")

METHODS = ("regression", "Bartlett")
ORDERED_ONLY = ("EBM", "EAP")
# Share of a direction that the answers must determine for a factor to have a Bartlett score.
DETERMINED = 1e-8


@dataclass(frozen=True, eq=False)
class FactorScores:
    """Factor scores, and how far they can be trusted.

    Attributes
    ----------
    scores
        One row a row of the data, under its index; one column a factor. NaN where a row cannot be
        scored.
    se
        Standard error of each score, parameters taken as known: for regression scores the standard
        deviation of the factor given the answers, for Bartlett's that of the answers given the
        factor. Rows that answer the same items have the same.
    quality
        One row a factor and group: `factor group n` (rows scored) and, for a respondent who
        answers all items, `se`, `determinacy` (correlation of score and factor; Guttman 1955),
        `reliability` (its square) and `minimum_correlation` (2 reliability - 1: the least
        correlation of two sets of factor values that fit the model equally well). The last,
        `mean_reliability`, is the mean of the reliability over the rows that are scored, with the
        answers that they have.
    weights
        Weights of the items, for a respondent who answers all: one row a factor (and group), one
        column an item. Scores are factor mean + weights times (answers - implied item means).
    method
        "regression" or "Bartlett".
    notes
        What could not be scored, and why.
    """

    scores: pd.DataFrame
    se: pd.DataFrame
    quality: pd.DataFrame
    weights: pd.DataFrame
    method: str
    notes: tuple[str, ...]

    def _report(self) -> tuple[str, dict[str, object], dict[str, pd.DataFrame]]:
        facts: dict[str, object] = {
            "method": self.method,
            "rows": len(self.scores),
            **{f"note {k}": note for k, note in enumerate(self.notes, start=1)},
        }
        return "Factor scores", facts, {"quality": self.quality}

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def factor_scores(fit: Fit, data: pd.DataFrame, *, method: str = "regression") -> FactorScores:
    """Score the rows of a data frame on the factors of a fitted model.

    Parameters
    ----------
    fit
        A fitted model.
    data
        Rows to score; need not be those that the model was fitted to. With several groups they need
        the group column.
    method
        "regression" (Thurstone 1935; Thomson 1939): the expectation of the factors given the
        answers, cov(eta, y) Sigma^-1 (y - mu); shrunken towards the group's mean, best where scores
        predict something. "Bartlett" (1937): the weighted least squares estimate of the factors
        taken as fixed, (L' T^-1 L)^-1 L' T^-1 (y - mu), with L the loadings and T the residual
        covariances; unbiased for a respondent, best where people are compared across groups.

    Returns
    -------
    FactorScores

    Raises
    ------
    DataError
        A column is missing or not numeric, or a group was not in the fitted data.
    OptionError
        For another `method`, or where the fit has no means.

    Notes
    -----
    After `missing="fiml"` a row with missing answers is scored from those that it has; after a
    listwise fit it is not. A factor that a row has no answer for has the regression score that
    follows from the other factors and no Bartlett score; with no answers at all a row is not
    scored. Factors of factors have no Bartlett scores, as no item loads on them.
    """
    if method in ORDERED_ONLY:
        raise OptionError(
            f'method "{method}" is for ordered items; for continuous ones "regression" is the same.'
        )
    if method not in METHODS:
        raise OptionError(f'method "{method}" is not known; choose one of {", ".join(METHODS)}.')
    names = list(fit.moments.names)
    values = numbers_of(data, names).to_numpy()
    of_group = _groups(fit, data)
    factors = list(fit.model.table.latent)
    scores = np.full((len(data), len(factors)), NAN)
    se = np.full_like(scores, NAN)
    quality, weights, unscored = [], [], set[str]()
    for k, state in enumerate(fit.point.states):
        scorer = _Scorer(state, factors, _centre(fit, k), method)
        rows = np.flatnonzero(of_group == k)
        scorable = ~np.isnan(values[rows])
        whole = scorable.all(axis=1)
        use = rows[scorable.any(axis=1) if fit.method.fiml else whole]
        reliability = np.full((len(use), len(factors)), NAN)
        if len(use):
            patterns = patterns_of(values[use])
            scores[use], se[use], reliability = scorer.score(values[use], patterns)
        full = scorer.weights(np.ones(len(names), dtype=bool))
        label = fit.moments.groups[k]
        weights.append(pd.DataFrame(full.weights, index=factors, columns=names))
        quality.append(_quality(factors, label, full, (scores[use], reliability)))
        unscored |= {f for f, s in zip(factors, full.se, strict=True) if np.isnan(s)}
    table = weights[0] if len(weights) == 1 else pd.concat(weights, keys=list(fit.moments.groups))
    return FactorScores(
        pd.DataFrame(scores, index=data.index, columns=factors),
        pd.DataFrame(se, index=data.index, columns=factors),
        pd.concat(quality, ignore_index=True),
        table,
        method,
        tuple(_notes(scores, sorted(unscored), fit)),
    )


def _groups(fit: Fit, data: pd.DataFrame) -> NDArray[np.intp]:
    """Group of each row, -1 where there is none."""
    name = fit.options.group
    if name is None:
        if fit.n_groups > 1:
            raise OptionError(
                "the model was fitted to covariance matrices of several groups, and there is no "
                "column that tells which group a row belongs to. Fit it to the answers."
            )
        return np.zeros(len(data), dtype=np.intp)
    if list(data.columns).count(name) != 1:
        raise DataError(
            f'the data need one column "{name}", the group that the model was fitted by.'
        )
    column = data[name]
    codes = np.asarray(
        pd.Index(list(fit.moments.groups)).get_indexer(pd.Index(column)), dtype=np.intp
    )
    strange = column[(codes < 0) & column.notna().to_numpy()]
    if len(strange):
        raise DataError(
            f'the group "{strange.iloc[0]}" (column "{name}") was not among those that the model '
            f"was fitted to: {', '.join(map(str, fit.moments.groups))}."
        )
    return codes


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

    def score(self, values: Array, patterns: Patterns) -> tuple[Array, Array, Array]:
        """Scores, standard errors and reliabilities of rows (n, p), pattern by pattern."""
        shape = (len(values), len(self.factors))
        scores, se, reliability = np.empty(shape), np.empty(shape), np.empty(shape)
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


def _quality(
    factors: list[str], label: object, full: _Weights, scored: tuple[Array, Array]
) -> pd.DataFrame:
    scores, reliability = scored
    n = (~np.isnan(scores)).sum(axis=0)
    total = np.nansum(reliability, axis=0)
    return pd.DataFrame(
        {
            "factor": factors,
            "group": label,
            "n": n,
            "se": full.se,
            "determinacy": np.sqrt(full.reliability),
            "reliability": full.reliability,
            "minimum_correlation": 2 * full.reliability - 1,
            "mean_reliability": np.where(n > 0, total / np.maximum(n, 1), NAN),
        }
    )


def _notes(scores: Array, unscored: list[str], fit: Fit) -> list[str]:
    notes = []
    if unscored:
        notes.append(
            f"{', '.join(unscored)}: no scores, as the items do not determine them (no item loads "
            'on a factor of factors). method="regression" gives some.'
        )
    left = int(np.isnan(scores).all(axis=1).sum())
    if left and (left < len(scores) or not unscored):
        why = "no answers" if fit.method.fiml else "an answer missing (the fit was listwise)"
        notes.append(f"{left} of {len(scores)} rows have {why}, or no group, and no scores.")
    return notes
