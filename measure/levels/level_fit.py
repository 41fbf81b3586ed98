"""How well each level of a two-level model fits, by models that leave the other unrestricted.

The chi-square of a two-level model is the sum of what both levels miss, and with many rows in few
clusters what is missed between clusters hardly counts in it. Each level is therefore tested with
the other one saturated (Yuan & Bentler 2007; Ryu & West 2009, Structural Equation Modeling 16,
583-601): the covariances of the other level are all free, so that whatever is missed is missed at
the level in question.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure import indices
from measure.chisquare import Statistic, p_value, statistic
from measure.errors import ConvergenceError, OptionError
from measure.estimators.twolevel import TwoLevelAt
from measure.fitting.baseline import baseline_table, independent_levels
from measure.fitting.confirmatory import problem_of
from measure.fitting.constrained import minimize_restricted
from measure.fitting.fitted import Fit
from measure.fitting.problem import Point
from measure.fitting.starts import elements_by_name, from_sample, nearest
from measure.levels.saturating import (
    SINGULAR,
    Saturated,
    factored,
    is_singular,
    saturate,
    saturate_answers,
    trapezoidal_root,
)
from measure.optimize import minimize
from measure.specification.levels import BETWEEN, NAMES, WITHIN
from measure.specification.options import SCALED
from measure.specification.table import ParameterTable

Array = NDArray[np.float64]
NAN = float("nan")

# A direction between clusters gets variance where a unit of it (that of the variables' own) would
# lower the chi-square by twice this, and begins with so much of it.
WANTED = 1e-3
SMALL = 1e-3


def level_fit(fit: Fit) -> pd.DataFrame:
    """Test the model of each level with the other level saturated.

    Parameters
    ----------
    fit
        A fitted two-level model.

    Returns
    -------
    DataFrame
        Rows `within` and `between`; columns `chisq df pvalue rmsea rmsea.ci.lower rmsea.ci.upper
        cfi tli srmr n note`, and before `n`, where the test of the fit is scaled, `chisq.scaled
        pvalue.scaled rmsea.robust cfi.robust tli.robust` (of ordered items `.scaled` in place of
        `.robust`, which are not defined for them).

        - `chisq` is twice the log-likelihood (of ordered items the weighted squares) that the level
          gives up against the saturated model of both levels, `df` its own degrees of freedom; NaN
          where the level restricts nothing.
        - `rmsea` is sqrt(max(chisq - df, 0) / (df n)) with `n` the N - J rows beyond one a cluster
          within, and the J clusters between: the numbers that tell of each level (Ryu & West 2009).
          `fit_measures["rmsea"]` is lavaan's, of the sum of both with the N of all rows:
          sqrt(max(chisq - df, 0) / (df N)). For one misfit between clusters it is smaller, by about
          the root of (df_between J) / (df N).
        - `cfi` and `tli` compare the level with a baseline in which nothing covaries at that level,
          the other one saturated too.
        - `srmr` is that of the level, as in `fit_measures`.
        - `note` says what of the model could not be kept: an equality across levels has no meaning
          where one of them is saturated, and is left out. Both sets of df then add up to less than
          that of the model.

    Raises
    ------
    OptionError
        The model has one level.
    ConvergenceError
        A search found no minimum.

    Notes
    -----
    Where the saturated covariances between clusters are singular, which small ICCs and few clusters
    make them, they are kept positive semi-definite here too. The chi-squares then follow no
    chi-square distribution, that within is not scaled, and `note` says so.
    """
    if fit.moments.levels is None:
        raise OptionError(
            "the model has one level. level_fit is for models with `level:` blocks; see "
            "fit_measures for the fit of this one."
        )
    rows = {NAMES[level]: _row(fit, level) for level in (WITHIN, BETWEEN)}
    return pd.DataFrame.from_dict(rows, orient="index")


def _row(fit: Fit, level: int) -> dict[str, object]:
    n_clusters = fit.n_clusters
    assert n_clusters is not None
    n = fit.n_obs - n_clusters if level == WITHIN else n_clusters
    scaled = fit.method.test in SCALED
    own = _tested(fit, fit.model.table, level)
    kind = "robust" if fit.moments.ordinal is None else "scaled"
    empty = ["chisq.scaled", "pvalue.scaled", *(f"{name}.{kind}" for name in _CORRECTED)]
    if own.df == 0:
        nothing = dict.fromkeys(("chisq", "pvalue", *_INDICES, *(empty if scaled else [])), NAN)
        return nothing | {"df": 0, "srmr": own.srmr, "n": n, "note": own.note} | {"chisq": 0.0}
    test, null = own.test, _null(fit, level)
    lower, upper = indices.rmsea_interval(test.chisq, own.df, n, fit.n_groups)
    plain = (test.chisq, own.df, null.chisq, null.df)
    found: dict[str, object] = {
        "chisq": test.chisq,
        "df": own.df,
        "pvalue": p_value(test.chisq, own.df),
        "rmsea": indices.rmsea(test.chisq, own.df, n, fit.n_groups),
        "rmsea.ci.lower": lower,
        "rmsea.ci.upper": upper,
        "cfi": indices.cfi(*plain),
        "tli": indices.tli(*plain),
        "srmr": own.srmr,
    }
    if scaled:
        pvalue = p_value(test.scaled, test.scaled_df) if np.isfinite(test.scaled) else NAN
        factors = indices.Factors(test.mean_factor, null.mean_factor)
        values = (
            indices.rmsea(test.chisq, own.df, n, fit.n_groups, factor=factors.model),
            indices.cfi(*plain, factors),
            indices.tli(*plain, factors),
        )
        if kind == "scaled":
            plain = (test.scaled, own.df, null.scaled, null.df)
            rmsea = indices.rmsea(test.scaled, own.df, n, fit.n_groups)
            values = (rmsea, indices.cfi(*plain), indices.tli(*plain))
        found |= dict(zip(empty, (test.scaled, pvalue, *values), strict=True))
    return found | {"n": n, "note": own.note}


def _null(fit: Fit, level: int) -> Statistic:
    """Test that nothing covaries at a level, the other one saturated."""
    if fit.moments.ordinal is not None:
        return independent_levels(fit.problem, fit.method, (level,))
    base = _tested(fit, baseline_table(fit.model.table, fit.moments.block_names), level)
    return replace(base.test, df=base.df)


_CORRECTED = ("rmsea", "cfi", "tli")
_INDICES = ("rmsea", "rmsea.ci.lower", "rmsea.ci.upper", "cfi", "tli")


class _Tested(NamedTuple):
    """A model of one level, the other saturated: its test, SRMR and what is to be said."""

    test: Statistic
    df: int
    srmr: float
    note: str


def _tested(fit: Fit, table: ParameterTable, level: int) -> _Tested:
    """Fit a table with the other level saturated."""
    other = BETWEEN if level == WITHIN else WITHIN
    moments, shares = fit.moments, np.array(fit.moments.n_obs) / fit.n_obs
    answers = moments.ordinal is not None
    plain = (saturate_answers if answers else saturate)(table, other, moments)
    df = problem_of(plain.table, moments, fit.method).df
    # Least squares take a matrix as it is.
    singular = not answers and any(is_singular(one.sigma) for one in moments.sample[1::2])
    kept_proper = singular and other == BETWEEN
    point = _within_singular(fit, table) if kept_proper else _fitted(fit, plain)
    if kept_proper:
        test = Statistic("standard", moments.scale * point.value, df)
    else:
        test = statistic(point, fit.method, point.value)
    notes = list(plain.notes)
    if singular:
        notes.append(
            "The saturated covariances between clusters are singular: the chi-square follows no "
            "chi-square distribution, and tends to be too small."
        )
    parts = zip(moments.sample[level - 1 :: 2], point.implied[level - 1 :: 2], strict=True)
    srmr = shares @ [indices.srmr_of_level(*pair) for pair in parts]
    return _Tested(test, df, float(srmr), " ".join(notes))


def _fitted(fit: Fit, saturated: Saturated) -> Point:
    """Search from the estimates of the fit, and the saturated moments of the other level."""
    problem = problem_of(saturated.table, fit.moments, fit.method)
    model = problem.model
    elements = elements_by_name(fit.model, fit.params, model)
    known = saturated.values[list(model.free_rows)]
    start = nearest(model, np.where(np.isnan(known), elements, known))
    if not model.table.latent and not np.isfinite(problem.at(start).value):
        # A residual variance below 0 is no variance of an item by itself.
        start = nearest(model, from_sample(model, list(fit.moments.sample)))
    search = (minimize_restricted if model.restrictions else minimize)(problem, start)
    if not search.converged:
        raise ConvergenceError(
            f"a model with one level saturated did not converge: {search.message}.", None
        )
    return problem.at(search.params)


def _within_singular(fit: Fit, table: ParameterTable) -> Point:
    """Fit a model within clusters, with covariances between them kept positive semi-definite."""
    spreads = [one.sigma for one in fit.moments.sample[1::2]]
    while True:
        pairs = [trapezoidal_root(sigma) for sigma in spreads]
        roots, orders = zip(*pairs, strict=True)
        point = _fitted(fit, factored(table, fit.moments, roots, orders))
        added = _missed_directions(point)
        if not added:
            return point
        for group, more in added.items():
            spreads[group] = point.implied[2 * group + 1].sigma + more


def _missed_directions(point: Point) -> dict[int, Array]:
    """Variance that the likelihood asks for where the covariances between clusters have none."""
    found = {}
    evaluation = point.evaluation
    assert isinstance(evaluation, TwoLevelAt)
    for group, likelihood in enumerate(evaluation.groups):
        sigma = point.implied[2 * group + 1].sigma
        sd = np.sqrt(np.diag(sigma))
        # Twice the derivative is what a unit of variance adds to the chi-square.
        slope = likelihood.gradient[2] * np.outer(sd, sd)
        sizes, vectors = np.linalg.eigh(sigma / np.outer(sd, sd))
        empty = vectors[:, sizes < SINGULAR]
        if not empty.shape[1]:
            continue
        wanted, directions = np.linalg.eigh(empty.T @ slope @ empty)
        if wanted[-1] > WANTED:
            direction = sd * (empty @ directions[:, -1])
            found[group] = SMALL * np.outer(direction, direction)
    return found
