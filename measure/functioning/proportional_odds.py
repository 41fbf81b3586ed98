"""The proportional odds model of one ordered answer, by Newton's method."""

from dataclasses import dataclass
from typing import NamedTuple

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


def scores_moved(at: OddsFit, codes: Codes, X: Array, turn: Array) -> Array:
    """Derivatives of the scores of each row by something that its predictors hang on.

    Parameters
    ----------
    at
        The model at some parameters.
    codes, X
        As for `proportional_odds`.
    turn
        (n_obs, n_slopes) derivatives of the predictors by it.

    Returns
    -------
    Array
        (n_obs, n_params).
    """
    n_cuts = int(codes.max())
    cuts, slopes = at.params[:n_cuts], at.params[n_cuts:]
    sides = _Sides.of(cuts, codes, X @ slopes)
    pull, bend = sides.by_location, sides.by_location_twice
    moved = np.hstack([_at_cuts(codes, n_cuts, *sides.crossed), bend[:, None] * X])
    moved *= (turn @ slopes)[:, None]
    moved[:, n_cuts:] += pull[:, None] * turn
    return moved


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


class _Sides(NamedTuple):
    """What the cuts above and below its category give of each row, (n_obs,).

    With F the logistic distribution, f its density and g the slope of that at the cut above (u) and
    below (l) less the location, the likelihood is p = F_u - F_l. There is no cut above the highest
    category nor below the lowest one; f and g are 0 there.
    """

    p: Array
    f_u: Array
    f_l: Array
    g_u: Array
    g_l: Array

    @classmethod
    def of(cls, cuts: Array, codes: Codes, location: Array) -> "_Sides":
        ends = np.concatenate([[-np.inf], cuts, [np.inf]])
        F_u, F_l = expit(ends[codes + 1] - location), expit(ends[codes] - location)
        f_u, f_l = F_u * (1 - F_u), F_l * (1 - F_l)
        return cls(F_u - F_l, f_u, f_l, f_u * (1 - 2 * F_u), f_l * (1 - 2 * F_l))

    @property
    def by_location(self) -> Array:
        """Derivative of log p by the location."""
        return (self.f_l - self.f_u) / self.p

    @property
    def by_location_twice(self) -> Array:
        """Second derivative of log p by the location."""
        return (self.g_u - self.g_l) / self.p - self.by_location**2

    @property
    def crossed(self) -> tuple[Array, Array]:
        """Derivatives of log p by the location and by the cut above, and below."""
        pull = self.by_location
        above = (self.g_u + self.f_u * pull) / self.p
        return -above, (self.g_l + self.f_l * pull) / self.p


def _at_cuts(codes: Codes, n_cuts: int, above: Array, below: Array) -> Array:
    """Put what belongs to the cuts above and below the category of each row there, (n, n_cuts)."""
    rows, placed = np.arange(len(codes)), np.zeros((len(codes), n_cuts + 2))
    placed[rows, codes + 1] = above
    placed[rows, codes] = below
    return placed[:, 1:-1]


def _evaluate(params: Array, codes: Codes, X: Array, n_cuts: int) -> tuple[float, Array, Array]:
    """Log-likelihood, its derivatives by row, and its second derivatives; -inf if out of order."""
    n, n_params = len(codes), len(params)
    cuts, slopes = params[:n_cuts], params[n_cuts:]
    if (np.diff(cuts) <= 0).any():
        return -np.inf, np.zeros((n, n_params)), -np.eye(n_params)
    sides = _Sides.of(cuts, codes, X @ slopes)
    p = sides.p
    if (p <= 0).any():
        return -np.inf, np.zeros((n, n_params)), -np.eye(n_params)
    scores = np.hstack(
        [_at_cuts(codes, n_cuts, sides.f_u / p, -sides.f_l / p), sides.by_location[:, None] * X]
    )
    curved = _at_cuts(codes, n_cuts, sides.g_u / p, -sides.g_l / p)
    hessian = np.empty((n_params, n_params))
    hessian[:n_cuts, :n_cuts] = np.diag(curved.sum(axis=0))
    hessian[:n_cuts, n_cuts:] = -curved.T @ X
    hessian[n_cuts:, :n_cuts] = hessian[:n_cuts, n_cuts:].T
    hessian[n_cuts:, n_cuts:] = X.T @ (((sides.g_u - sides.g_l) / p)[:, None] * X)
    return float(np.log(p).sum()), scores, hessian - scores.T @ scores
