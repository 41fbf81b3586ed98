"""Factor scores: what each respondent's answers say about the factors."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import numbers_of
from measure.display import render_html, render_text
from measure.errors import DataError, OptionError
from measure.exploration.exploratory import FactorSolution
from measure.exploration.exploratory_scores import exploratory_scores
from measure.fitting.fitted import Fit, require_numbers
from measure.scoring.group_scores import GroupScores
from measure.scoring.level_scores import score_both_levels
from measure.scoring.linear_scores import score_by_weights
from measure.scoring.ordinal_scores import score_by_posterior
from measure.scoring.posterior import TOLERANCE

Array = NDArray[np.float64]
NAN = float("nan")

METHODS: dict[str, Callable[[Fit, int, Array, str], GroupScores]] = {
    "regression": score_by_weights,
    "Bartlett": score_by_weights,
    "EBM": score_by_posterior,
    "EAP": score_by_posterior,
}
ORDERED_ONLY = ("EBM", "EAP")
STANDARD_ERRORS = {
    "EBM": "from the curvature of the log-posterior at its mode",
    "EAP": "standard deviations of the posterior",
}


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
        factor; rows that answer the same items have the same. For EAP the standard deviation of the
        posterior, for EBM the root of the inverse curvature at its mode; they depend on the
        answers.
    quality
        One row a factor and group: `factor group n` (rows scored) and, for a respondent who
        answers all items, `se`, `determinacy` (correlation of score and factor; Guttman 1955),
        `reliability` (its square) and `minimum_correlation` (2 reliability - 1: the least
        correlation of two sets of factor values that fit the model equally well). The last,
        `mean_reliability`, is the mean of the reliability over the rows that are scored, with the
        answers that they have. Of ordered items the reliability is 1 - se^2 / factor variance, its
        mean and that of se^2 taken over the rows scored that answer all items, NaN without any.
    weights
        Weights of the items, for a respondent who answers all: one row a factor (and group), one
        column an item. Scores are factor mean + weights times (answers - implied item means). NaN
        with ordered items, whose scores are not linear in the answers.
    method
        "regression", "Bartlett", "EBM" or "EAP".
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


def factor_scores(
    fit: Fit | FactorSolution, data: pd.DataFrame, *, method: str | None = None
) -> FactorScores:
    """Score the rows of a data frame on the factors of a fitted model.

    Parameters
    ----------
    fit
        A fitted model, or the solution of `measure.efa`.
    data
        Rows to score; need not be those that the model was fitted to. With several groups they need
        the group column.
    method
        "regression" for continuous items and "EBM" for ordered ones, unless given.

        "regression" (Thurstone 1935; Thomson 1939): the expectation of the factors given the
        answers, cov(eta, y) Sigma^-1 (y - mu); shrunken towards the group's mean, best where scores
        predict something. "Bartlett" (1937): the weighted least squares estimate of the factors
        taken as fixed, (L' T^-1 L)^-1 L' T^-1 (y - mu), with L the loadings and T the residual
        covariances; unbiased for a respondent, best where people are compared across groups.

        For ordered items: "EBM" (empirical Bayes modal), the mode of the posterior of the factors,
        and "EAP" (expected a posteriori; Bock & Mislevy 1982), its mean, by adaptive quadrature,
        for at most 8 factors. With f the factors, y the answers and Phi the normal distribution,
        the posterior is proportional to

            N(f; mean, variance) prod_j [Phi((tau_j,y+1 - r_j)/s_j) - Phi((tau_j,y - r_j)/s_j)],

        r_j the part of item j's response that f explains and s_j its residual standard deviation.

        For exploratory solutions also "tenBerge" (ten Berge, Krijnen, Wansbeek & Shapiro 1999),
        whose scores correlate as the factors do. Weights belong to answers that are standardised
        by the sample of the solution, and scores to factors of variance 1; rows with a missing
        answer are not scored.

    Returns
    -------
    FactorScores

    Raises
    ------
    DataError
        A column is missing or not numeric, a group was not in the fitted data, or an ordered item
        holds a category that was not.
    OptionError
        For another `method`, one that does not suit the items, or where the fit has no means; for
        EAP where there are too many factors.
    ModelError
        Where ordered items are not independent given the factors (residual covariances), or have
        no residual variance.

    Notes
    -----
    After `missing="fiml"` or "pairwise" a row with missing answers is scored from those that it
    has; after a listwise fit it is not. A factor that a row has no answer for has the score that
    follows from the other factors, and no Bartlett score; with no answers at all a row is not
    scored. Factors of factors have no Bartlett scores, as no item loads on them.

    After a two-level fit rows are scored on the factors of both levels, from all rows of their
    cluster that the data hold (see `level_scores`): the data need the cluster column. Factors
    between clusters have the same score in all rows of a cluster; a name that both levels have is
    followed by `.l2` there. `quality` has a column `level`, and is for a cluster of the average
    size of the fitted data.

    Scores of ordered items are the same in both parameterizations, up to the unit of the factors.
    Those of lavaan 0.6-14 are not, where scaling factors differ from 1 (theta parameterization,
    later groups with equal thresholds): it scales the thresholds and not what the factors explain.
    """
    if isinstance(fit, FactorSolution):
        return _of_solution(fit, data, method)
    require_numbers(fit, "factor_scores")
    chosen = _method(fit, method)
    if fit.moments.nested is not None:
        return FactorScores(*score_both_levels(fit, data, _groups(fit, data), chosen))
    names, factors = list(fit.moments.names), list(fit.model.table.latent)
    values = numbers_of(data, names).to_numpy()
    of_group = _groups(fit, data)
    scores = np.full((len(data), len(factors)), NAN)
    se = np.full_like(scores, NAN)
    found = []
    for k in range(fit.n_groups):
        rows = np.flatnonzero(of_group == k)
        there = ~np.isnan(values[rows])
        use = rows[there.any(axis=1) if _uses_some(fit) else there.all(axis=1)]
        own = METHODS[chosen](fit, k, values[use], chosen)
        scores[use], se[use] = own.scores, own.se
        found.append(own)
    tables = [pd.DataFrame(own.weights, index=factors, columns=names) for own in found]
    labels = list(fit.moments.groups)
    quality = [_quality(factors, *pair) for pair in zip(labels, found, strict=True)]
    return FactorScores(
        pd.DataFrame(scores, index=data.index, columns=factors),
        pd.DataFrame(se, index=data.index, columns=factors),
        pd.concat(quality, ignore_index=True),
        tables[0] if len(tables) == 1 else pd.concat(tables, keys=labels),
        chosen,
        tuple(_notes(fit, chosen, scores, found)),
    )


def _of_solution(solution: FactorSolution, data: pd.DataFrame, method: str | None) -> FactorScores:
    """Score the rows of a data frame on the factors of an exploratory solution."""
    found = exploratory_scores(solution, data, method)
    factors, items = list(solution.loadings.columns), list(solution.loadings.index)
    scored = np.asarray(~np.isnan(found.scores).any(axis=1))
    reliability = found.determinacy**2
    quality = pd.DataFrame(
        {
            "factor": factors,
            "group": 1,
            "n": int(scored.sum()),
            "se": found.se,
            "determinacy": found.determinacy,
            "reliability": reliability,
            "minimum_correlation": 2 * reliability - 1,
            "mean_reliability": reliability if scored.any() else NAN,
        }
    )
    left = int((~scored).sum())
    lacking = (f"{left} of {len(scored)} rows lack an answer, and have no scores.",)
    return FactorScores(
        pd.DataFrame(found.scores, index=data.index, columns=factors),
        pd.DataFrame(np.where(scored[:, None], found.se, NAN), index=data.index, columns=factors),
        quality,
        pd.DataFrame(found.weights, index=factors, columns=items),
        found.method,
        (*found.notes, *(lacking if left else ())),
    )


def _method(fit: Fit, method: str | None) -> str:
    """Resolve the method: the one asked for if it suits the items, or the usual one."""
    ordered = fit.moments.ordinal is not None
    if method is None:
        return "EBM" if ordered else "regression"
    if method not in METHODS:
        raise OptionError(f'method "{method}" is not known; choose one of {", ".join(METHODS)}.')
    if method in ORDERED_ONLY and not ordered:
        raise OptionError(
            f'method "{method}" is for ordered items; for continuous ones "regression" is the same.'
        )
    if ordered and method not in ORDERED_ONLY:
        raise OptionError(
            f'method "{method}" is for continuous items: it takes the numbers of the answers for '
            'amounts. For ordered items choose "EBM" (posterior mode) or "EAP" (posterior mean).'
        )
    return method


def _uses_some(fit: Fit) -> bool:
    """Whether a respondent with some answers missing is scored from the others."""
    return fit.method.fiml or fit.missing == "pairwise"


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


def _quality(factors: list[str], label: object, found: GroupScores) -> pd.DataFrame:
    n = (~np.isnan(found.scores)).sum(axis=0)
    total = np.nansum(found.reliability, axis=0)
    return pd.DataFrame(
        {
            "factor": factors,
            "group": label,
            "n": n,
            "se": found.whole_se,
            "determinacy": np.sqrt(found.whole_reliability),
            "reliability": found.whole_reliability,
            "minimum_correlation": 2 * found.whole_reliability - 1,
            "mean_reliability": np.where(n > 0, total / np.maximum(n, 1), NAN),
        }
    )


def _notes(fit: Fit, method: str, scores: Array, found: list[GroupScores]) -> list[str]:
    notes = []
    unscored: list[str] = []
    if method in ORDERED_ONLY:
        notes.append(
            "Scores of ordered items are not linear in the answers: there are no weights. "
            f"Standard errors are {STANDARD_ERRORS[method]}, and differ between respondents; "
            "`quality` holds their root mean square."
        )
    else:
        dark = {f for own in found for f in np.flatnonzero(np.isnan(own.whole_se))}
        unscored = sorted(fit.model.table.latent[f] for f in dark)
    if unscored:
        notes.append(
            f"{', '.join(unscored)}: no scores, as the items do not determine them (no item loads "
            'on a factor of factors). method="regression" gives some.'
        )
    left = int(np.isnan(scores).all(axis=1).sum())
    if left and (left < len(scores) or not unscored):
        why = "no answers" if _uses_some(fit) else "an answer missing (the fit was listwise)"
        if method in ORDERED_ONLY and _uses_some(fit) and 0 in fit.moments.thresholds:
            why += ", or lack a predictor without which their ordered answers are dependent"
        notes.append(f"{left} of {len(scores)} rows have {why}, or no group, and no scores.")
    unsettled = sum(own.n_unsettled for own in found)
    if unsettled:
        notes.append(
            f"{unsettled} different patterns of answers: the quadrature may be off by more than "
            f"{TOLERANCE:g} standard deviations of a factor. EBM scores do not need one."
        )
    return notes
