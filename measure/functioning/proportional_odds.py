"""The proportional odds model of one ordered answer, by Newton's method."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

STEPS, HALVINGS, TOLERANCE = 100, 40, 1e-9


@dataclass(frozen=True, eq=False)
class OddsFit:
    """Estimates of a proportional odds model.

    Attributes
    ----------
    params
        Thresholds, then slopes.
    logl
        Log-likelihood.
    scores
        (n_obs, n_params) derivatives of the log-likelihood of each row.
    hessian
        (n_params, n_params) second derivatives of the log-likelihood.
    converged
        Whether the gradient vanished; it does not where a predictor separates the categories.
    """

    params: Array
    logl: float
    scores: Array
    hessian: Array
    converged: bool

    def covariance(self, clusters: Codes | None = None) -> Array:
        """Covariance of the estimates: inverse information, or the sandwich over clusters.

        With J clusters the sandwich is multiplied by J / (J - 1).
        """
        inverse = np.asarray(np.linalg.inv(-self.hessian), dtype=float)
        if clusters is None:
            return inverse
        n_clusters = int(clusters.max()) + 1
        members = np.argsort(clusters, kind="stable")
        first = np.searchsorted(clusters[members], np.arange(n_clusters))
        sums = np.add.reduceat(self.scores[members], first)
        middle = sums.T @ sums * n_clusters / (n_clusters - 1)
        return np.asarray(inverse @ middle @ inverse, dtype=float)


def proportional_odds(codes: Codes, X: Array, *, start: Array | None = None) -> OddsFit:
    """Fit log odds(y > k) = Xβ - τ_k by maximum likelihood (McCullagh 1980, Equation 2.5).

    Parameters
    ----------
    codes
        (n_obs,) category numbers 0, 1, ..., each of them used.
    X
        (n_obs, n_slopes) predictors without a constant; may have no column.
    start
        Estimates of the model of the first columns of `X`, to start from.
    """
    n_cuts = int(codes.max())
    if start is None:
        shares = np.cumsum(np.bincount(codes) / len(codes))[:-1]
        start = np.log(shares / (1 - shares))
    params = np.concatenate([start, np.zeros(n_cuts + X.shape[1] - len(start))])
    logl, scores, hessian = _evaluate(params, codes, X, n_cuts)
    converged = False
    for _ in range(STEPS):
        gradient = scores.sum(axis=0)
        try:
            step = np.linalg.solve(-hessian, gradient)
        except np.linalg.LinAlgError:
            break
        if float(gradient @ step) < TOLERANCE:
            converged = True
            break
        for halving in range(HALVINGS):
            tried = params + step / 2**halving
            found = _evaluate(tried, codes, X, n_cuts)
            if found[0] > logl:
                params, (logl, scores, hessian) = tried, found
                break
        else:
            break
    return OddsFit(params, logl, scores, hessian, converged)


def odds_at(params: Array, codes: Codes, X: Array) -> OddsFit:
    """Give the model at some parameters, whether or not they are the estimates."""
    logl, scores, hessian = _evaluate(params, codes, X, int(codes.max()))
    return OddsFit(params, logl, scores, hessian, False)


def expected_answers(params: Array, values: Array, X: Array) -> tuple[Array, Array]:
    """Mean answer at predictors, and its derivatives.

    Parameters
    ----------
    params
        Thresholds, then slopes.
    values
        The answers that the categories stand for.
    X
        (n_obs, n_slopes) predictors.

    Returns
    -------
    tuple
        (n_obs,) the sum of P(y > k) times the distance of the answers k + 1 and k, above the
        lowest answer; (n_obs, n_params) its derivatives by the parameters.
    """
    n_cuts = len(values) - 1
    above = expit((X @ params[n_cuts:])[:, None] - params[:n_cuts])
    density = above * (1 - above) * np.diff(values)
    mean = values[0] + above @ np.diff(values)
    return mean, np.hstack([-density, density.sum(axis=1, keepdims=True) * X])


def _evaluate(params: Array, codes: Codes, X: Array, n_cuts: int) -> tuple[float, Array, Array]:
    """Log-likelihood, its derivatives by row, and its second derivatives; -inf if out of order."""
    n, n_params = len(codes), len(params)
    cuts, slopes = params[:n_cuts], params[n_cuts:]
    if (np.diff(cuts) <= 0).any():
        return -np.inf, np.zeros((n, n_params)), -np.eye(n_params)
    location = X @ slopes
    rows = np.arange(n)
    # Of each row, what the cuts above and below its category give: distribution, density and slope
    # of the density. The outermost categories have one cut only.
    sides = []
    for there, cut in ((codes < n_cuts, codes), (codes > 0, codes - 1)):
        below = expit(cuts[np.clip(cut, 0, n_cuts - 1)] - location)
        density = np.where(there, below * (1 - below), 0.0)
        sides.append((rows[there], cut[there], below, density, density * (1 - 2 * below)))
    (upper, at, F_upper, f_upper, g_upper), (lower, under, F_lower, f_lower, g_lower) = sides
    p = np.ones(n)
    p[upper] = F_upper[upper]
    p[lower] -= F_lower[lower]
    if (p <= 0).any():
        return -np.inf, np.zeros((n, n_params)), -np.eye(n_params)
    scores = np.zeros((n, n_params))
    scores[upper, at] = (f_upper / p)[upper]
    scores[lower, under] = -(f_lower / p)[lower]
    scores[:, n_cuts:] = ((f_lower - f_upper) / p)[:, None] * X
    curved = np.zeros((n, n_cuts))
    curved[upper, at] = (g_upper / p)[upper]
    curved[lower, under] = -(g_lower / p)[lower]
    hessian = np.empty((n_params, n_params))
    hessian[:n_cuts, :n_cuts] = np.diag(curved.sum(axis=0))
    hessian[:n_cuts, n_cuts:] = -curved.T @ X
    hessian[n_cuts:, :n_cuts] = hessian[:n_cuts, n_cuts:].T
    hessian[n_cuts:, n_cuts:] = X.T @ (((g_upper - g_lower) / p)[:, None] * X)
    return float(np.log(p).sum()), scores, hessian - scores.T @ scores
