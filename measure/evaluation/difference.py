"""Chi-square difference tests of nested models, plain and scaled.

A difference of scaled chi-squares follows no chi-square. The unscaled difference is divided by a
factor that is estimated from both models, or from the less restricted model and the restriction.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg import qr, solve_triangular

from measure.chisquare import p_value, statistic
from measure.errors import OptionError
from measure.estimators.least_squares import weighted
from measure.evaluation.nesting import (
    aligned_jacobian,
    at_edge,
    nested,
    require_same_data,
    require_same_method,
    undetermined,
)
from measure.fitting.fitted import Fit, require_one_level
from measure.fitting.inference import (
    gathered,
    information,
    inverse,
    score_products,
    spread_along,
    weights,
)
from measure.fitting.problem import Point
from measure.optimize import is_positive_definite
from measure.specification.options import SCALED
from measure.threads import on_one_thread

Array = NDArray[np.float64]

SCALED_METHODS = ("satorra.bentler.2001", "satorra.bentler.2010", "satorra.2000")
METHODS = ("standard", *SCALED_METHODS)
# Squared share of a derivative that others do not make up, from which on squares lose no digits
# that count.
APART = 1e-8
_DELTAS = (
    *("cfi", "tli", "rmsea", "srmr", "aic", "bic", "cfi.robust", "tli.robust", "rmsea.robust"),
    *("cfi.scaled", "tli.scaled", "rmsea.scaled"),
)
# Discrepancies whose unscaled statistic follows no chi-square, nor does a difference of two.
UNDISTRIBUTED = ("ULS", "DWLS")
NAN = float("nan")


class _Difference(NamedTuple):
    """A difference test: statistic, what it was divided by and shifted by, method, remarks."""

    chisq: float
    factor: float
    method: str
    notes: tuple[str, ...] = ()
    shift: float = NAN


class _Pair(NamedTuple):
    """Two nested fits, and the less restricted model at the moments that the other implies."""

    restricted: Fit
    free: Fit
    common: Point

    @property
    def chisq(self) -> float:
        return self.restricted.test.chisq - self.free.test.chisq

    @property
    def df(self) -> int:
        return self.restricted.df - self.free.df


def compare(fit_restricted: Fit, fit_free: Fit, *, method: str | None = None) -> pd.DataFrame:
    """Test what a more restricted model gives up in fit against a less restricted one.

    Parameters
    ----------
    fit_restricted
        The model with more degrees of freedom.
    fit_free
        The model of which it is a special case, fitted to the same data in the same way.
    method
        "standard": the difference of the chi-squares; the only choice, and the default, where the
        tests of both fits are unscaled. That of ULS and DWLS follows no chi-square: without a
        scaled test there is no p-value.
        "satorra.bentler.2001": the unscaled difference over c_d = (df0 c0 - df1 c1)/(df0 - df1),
        c0 and c1 the scaling factors of both models (Satorra & Bentler 2001, p. 511). The default
        for mean-scaled tests; where c_d is not positive the default goes on to the next two.
        "satorra.bentler.2010": the same with c1 that of the less restricted model at the estimates
        of the more restricted one (Satorra & Bentler 2010, eq. 4).
        "satorra.2000": the factor, and a shift, are computed from the less restricted model and
        the restriction itself (Satorra 2000; scaled and shifted, Asparouhov & Muthen 2010). The
        default for "scaled.shifted" and "mean.var.adjusted" tests, so for ordered items ("WLSMV").

    Returns
    -------
    DataFrame
        One row: `chisq_diff df_diff pvalue`, `delta_cfi delta_tli delta_rmsea delta_srmr delta_aic
        delta_bic` (more restricted less less restricted, of the indices without scaling),
        `delta_cfi.robust delta_tli.robust delta_rmsea.robust` and the same `.scaled` (NaN where the
        fits have none),
        `method scaling.factor shift` (chisq_diff = difference / scaling.factor + shift) and
        `notes`, all that a reader has to know about the test as one text.

    Raises
    ------
    OptionError
        The fits cannot be compared: other data, groups or options, df not larger, models not
        nested; or the method is not known or does not go with the fits.

    Notes
    -----
    Models are nested where the less restricted one can reproduce the moments that the other implies
    (Bentler & Satorra 2010). With missing answers "satorra.2000" takes the products of the rows'
    scores in place of the covariance matrix of the moments. The factors c of the Satorra-Bentler
    methods are the means of the unscaled statistics over df, for every kind of scaled test; lavaan
    takes the scale of a scaled and shifted test for it, which is another number.

    A variance of 0 or a correlation of 1 is no boundary for a search that may pass it: the
    difference follows a chi-square (Savalei & Kolenikov 2008, Psychological Methods 13, 150-170).
    It is one where the less restricted model has a bound there, such as `x1 ~~ lower(0)*x1`: the
    difference then follows a mixture of chi-squares (Stoel, Garre, Dolan & van den Wittenboer 2006,
    Psychological Methods 11, 439-455), and `notes` says so.
    """
    return difference(fit_restricted, fit_free, method)


@on_one_thread
def difference(
    fit_restricted: Fit, fit_free: Fit, method: str | None = None, *, nesting: str = "search"
) -> pd.DataFrame:
    """Test as `compare` does, with `nesting` what it is known by; see `nesting.nested`."""
    scaled = _require_method(method, fit_restricted, fit_free)
    pair = _pair(fit_restricted, fit_free, nesting)
    if not scaled:
        found = _Difference(pair.chisq, NAN, "standard")
    elif method is not None:
        found = _BY_METHOD[method](pair)
    elif fit_free.method.test in ("scaled.shifted", "mean.var.adjusted"):
        found = _satorra_2000(pair)
    else:
        found = _first_positive(pair)
    distributed = scaled or fit_free.method.estimator.discrepancy not in UNDISTRIBUTED
    notes = [*found.notes, *_remarks(pair, found.chisq)]
    if not distributed:
        notes.append(
            f"The statistic of {fit_free.estimator} follows no chi-square, so there is no p-value; "
            'fit both models with test="satorra.bentler" or "scaled.shifted".'
        )
    measures = (fit_restricted.fit_measures, fit_free.fit_measures)
    row = {
        "chisq_diff": found.chisq,
        "df_diff": pair.df,
        # Any chi-square exceeds a negative number.
        "pvalue": p_value(max(found.chisq, 0.0), pair.df) if distributed else NAN,
        **{f"delta_{k}": measures[0].get(k, NAN) - measures[1].get(k, NAN) for k in _DELTAS},
        "method": found.method,
        "scaling.factor": found.factor,
        "shift": found.shift,
        "notes": " ".join(notes),
    }
    return pd.DataFrame([row])


def _require_method(method: str | None, restricted: Fit, free: Fit) -> bool:
    """Check the choice of method; tell whether the tests are scaled."""
    if method is not None and method not in METHODS:
        words = ", ".join(f'"{word}"' for word in METHODS)
        raise OptionError(f'method "{method}" is not known; choose {words}, or leave it out.')
    for fit in (restricted, free):
        if fit.method.test == "none":
            raise OptionError('a fit with test="none" has no chi-square to compare; leave it out.')
    require_same_method(restricted, free)
    scaled = free.method.test in SCALED
    if scaled and method == "standard":
        raise OptionError(
            f'the fits have scaled tests ("{free.method.test}"); a plain difference of their '
            f"chi-squares is no test. Choose {', '.join(SCALED_METHODS)}, or fit both with "
            'test="standard".'
        )
    if not scaled and method not in (None, "standard"):
        raise OptionError(
            f'method "{method}" needs fits with a scaled test, such as estimator="MLR" or "MLM"; '
            'these have the standard one. Choose method="standard", or refit.'
        )
    return scaled


def _pair(restricted: Fit, free: Fit, nesting: str) -> _Pair:
    """Refuse what is not comparable, in the order in which a user would check it."""
    require_same_data(restricted, free)
    if restricted.df == free.df:
        raise OptionError(
            f"both models have {free.df} degrees of freedom, so that none restricts the other. "
            "Compare models of the same size by `vuong`, AIC or BIC."
        )
    if restricted.df < free.df:
        raise OptionError(
            f"the first model has {restricted.df} degrees of freedom and the second {free.df}; the "
            "more restricted model, which has more, comes first. Exchange them."
        )
    found = nested(restricted, free, by=nesting)
    if found is None:
        raise OptionError(
            "the models are not nested: the less restricted one cannot reproduce the moments that "
            "the more restricted one implies, so that the difference of their chi-squares is no "
            "test. Compare them by `vuong`, AIC or BIC."
        )
    return _Pair(restricted, free, found)


def _remarks(pair: _Pair, chisq: float) -> list[str]:
    """Say what puts the test in doubt."""
    notes: list[str] = []
    bounds, edges = pair.common.bounds_reached, at_edge(pair.common)
    if bounds:
        notes.append(
            "The restriction lies on the boundary of what the less restricted model may be: "
            f"{'; '.join(bounds)}. The difference then follows a mixture of chi-squares, and the "
            "p-value is too large."
        )
    elif edges:
        notes.append(
            f"The restriction lies at the edge of proper solutions: {'; '.join(edges)}. The search "
            "was free to go beyond (negative variances, correlations above 1), so that the "
            "difference follows a chi-square all the same; but an improper solution counts against "
            "the restriction as much as a proper one."
        )
    if undetermined(pair.common, pair.free.point):
        notes.append(
            "Under the restriction some parameters of the less restricted model cannot be "
            "determined; the difference then follows no chi-square, and the p-value does not hold."
        )
    if pair.chisq < -1e-6 * max(1.0, pair.free.test.chisq):
        notes.append(
            "The more restricted model fits better than the less restricted one, whose search "
            "ended in a local minimum."
        )
    return notes


def _first_positive(pair: _Pair) -> _Difference:
    """Take the first scaled difference whose factor is positive, and say what was passed over."""
    passed: list[str] = []
    # The last is not defined for two levels.
    methods = SCALED_METHODS if pair.free.moments.nested is None else SCALED_METHODS[:2]
    for name in methods:
        found = _BY_METHOD[name](pair)
        if found.factor > 0:
            notes = (*passed, *found.notes)
            return found._replace(notes=notes)
        passed.append(
            f'The scaling factor of "{name}" is {found.factor:.3g}, which no chi-square can be '
            "divided by; the next method was taken."
        )
    return found._replace(notes=(*passed[:-1], *found.notes))


def _by_factor(pair: _Pair, factor: float, name: str) -> _Difference:
    notes: tuple[str, ...] = ()
    if not factor > 0:
        notes = (
            f"The scaling factor is {factor:.3g}; a difference divided by it means nothing. Take "
            "another method.",
        )
    return _Difference(pair.chisq / factor, factor, name, notes)


def _mean(trace: float, df: int) -> float:
    """Degrees of freedom times the scaling factor of a model; 0 for a saturated one."""
    return trace if df else 0.0


def _satorra_bentler_2001(pair: _Pair) -> _Difference:
    own, other = pair.restricted.test, pair.free.test
    factor = (_mean(own.trace, own.df) - _mean(other.trace, other.df)) / pair.df
    return _by_factor(pair, factor, "satorra.bentler.2001")


def _satorra_bentler_2010(pair: _Pair) -> _Difference:
    point = pair.common
    own = pair.restricted.test
    at_own = statistic(point, pair.free.method, point.value)
    factor = (_mean(own.trace, own.df) - _mean(at_own.trace, at_own.df)) / pair.df
    return _by_factor(pair, factor, "satorra.bentler.2010")


def _satorra_2000(pair: _Pair) -> _Difference:
    """Scaled and shifted difference from the less restricted model and the restriction.

    The restriction is A = the complement of H with D0 = D1 H, where D1 and D0 are the derivatives
    of the moments over the parameters of the less and of the more restricted model: near the
    solution the latter moves along H only (Satorra 2000; "delta" method).
    """
    if pair.free.moments.ordinal is None:
        require_one_level(pair.free, 'method "satorra.2000"')
    point, restricted = pair.free.point, pair.restricted.point
    parts = point.jacobians
    bread = inverse(point.among(information(point, pair.free.method.information)))
    if bread is None:
        raise OptionError(
            "the information matrix of the less restricted model is singular, so that "
            '"satorra.2000" is not defined. Choose "satorra.bentler.2001".'
        )
    other = aligned_jacobian(pair.restricted, pair.free.moments.names)
    along = _coordinates(point, restricted.along(other))
    # The first columns span what the restricted model can do, the others what it gives up.
    directions, sizes, _ = qr(along, pivoting=True)
    diagonal = np.abs(np.diag(sizes))
    rank = int((diagonal > 1e-8 * diagonal.max(initial=0.0)).sum())
    restriction = directions[:, rank:].T
    moved = restriction @ bread
    middle = np.linalg.pinv(moved @ restriction.T, hermitian=True)
    if pair.free.method.fiml:
        meat = moved @ point.among(score_products(point)) @ moved.T
    else:
        spread = point.over_elements(moved).T
        pairs = zip(weights(point), parts, strict=True)
        meat = spread_along(point, [weighted(weight, part @ spread) for weight, part in pairs])
    product = middle @ meat
    first, second = float(np.trace(product)), float(np.sum(product * product.T))
    stretch = float(np.sqrt(pair.df / second))
    shift = pair.df - stretch * first
    return _Difference(stretch * pair.chisq + shift, 1 / stretch, "satorra.2000", shift=shift)


def _coordinates(point: Point, other: Array) -> Array:
    """Derivatives (m, q) as combinations of those of a point along its directions, (n_free, q)."""
    products = point.products_along
    size = np.sqrt(np.maximum(products.diagonal(), np.finfo(float).tiny))
    unit = products / np.outer(size, size)
    if is_positive_definite(unit - APART * np.eye(len(unit))):
        across = point.along(gathered(point.jacobians, other).T).T
        return np.asarray(np.linalg.solve(unit, across / size[:, None]) / size[:, None])
    change = point.along(np.vstack(point.jacobians))
    directions, triangle = qr(change, mode="economic")
    diagonal = np.abs(np.diag(triangle))
    if diagonal.min(initial=1.0) < 1e-8 * diagonal.max(initial=1.0):
        # Some parameters do what others do; the shortest combination is taken.
        return np.asarray(np.linalg.pinv(change) @ other)
    return np.asarray(solve_triangular(triangle, directions.T @ other))


_BY_METHOD = {
    "satorra.bentler.2001": _satorra_bentler_2001,
    "satorra.bentler.2010": _satorra_bentler_2010,
    "satorra.2000": _satorra_2000,
}
