"""The proportional odds model of one ordered answer, by Newton's method."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from measure.moments.asymptotic import sums_by_cluster

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
    gradient
        (n_params,) derivatives of the log-likelihood.
    hessian
        (n_params, n_params) second derivatives of the log-likelihood.
    converged
        Whether the gradient vanished; it does not where a predictor separates the categories.
    """

    params: Array
    logl: float
    gradient: Array
    hessian: Array
    converged: bool
    _answers: "_Answers"
    _sides: "_Sides"

    @cached_property
    def scores(self) -> Array:
        """(n_obs, n_params) derivatives of the log-likelihood of each row."""
        answers, sides = self._answers, self._sides
        at_cuts = answers.at_cuts(sides.above, sides.below)
        return np.hstack([at_cuts, sides.by_location[:, None] * answers.X.T])

    def covariance(self, clusters: Codes | None = None) -> Array:
        """Covariance of the estimates: inverse information, or the sandwich over clusters.

        With J clusters the sandwich is multiplied by J / (J - 1).
        """
        inverse = np.asarray(np.linalg.inv(-self.hessian), dtype=float)
        if clusters is None:
            return inverse
        sums = sums_by_cluster(self.scores, clusters)
        middle = sums.T @ sums * len(sums) / (len(sums) - 1)
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
    answers = _Answers.of(codes, X)
    n_cuts = answers.n_cuts
    if start is None:
        shares = np.cumsum(np.bincount(codes) / len(codes))[:-1]
        start = np.log(shares / (1 - shares))
    params = np.concatenate([start, np.zeros(n_cuts + X.shape[1] - len(start))])
    now = _evaluate(params, answers)
    for _ in range(STEPS):
        try:
            step = np.linalg.solve(-now.hessian, now.gradient)
        except np.linalg.LinAlgError:
            break
        if float(now.gradient @ step) < TOLERANCE:
            return replace(now, converged=True)
        for halving in range(HALVINGS):
            tried = _evaluate(now.params + step / 2**halving, answers)
            if tried.logl > now.logl:
                break
        else:
            break
        now = tried
    return now


def odds_at(params: Array, codes: Codes, X: Array) -> OddsFit:
    """Give the model at some parameters, whether or not they are the estimates."""
    return _evaluate(params, _Answers.of(codes, X))


def scores_moved(at: OddsFit, turn: Array) -> Array:
    """Derivatives of the scores of each row by something that its predictors hang on.

    Parameters
    ----------
    at
        The model at some parameters.
    turn
        (n_obs, n_slopes) derivatives of the predictors by it.

    Returns
    -------
    Array
        (n_obs, n_params).
    """
    answers, sides = at._answers, at._sides
    slopes = at.params[answers.n_cuts :]
    at_cuts = answers.at_cuts(*sides.crossed)
    moved = np.hstack([at_cuts, sides.by_location_twice[:, None] * answers.X.T])
    moved *= (turn @ slopes)[:, None]
    moved[:, answers.n_cuts :] += sides.by_location[:, None] * turn
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


class _Answers(NamedTuple):
    """Answers and predictors as the likelihood wants them.

    `ends` is (2, n_obs), the numbers of the cuts above and below the category of each row, that
    below the lowest category being 0; `chosen` is (n_categories, n_obs), 1 for the category of each
    row, and `X` (n_slopes, n_obs).
    """

    ends: Codes
    chosen: Array
    X: Array

    @classmethod
    def of(cls, codes: Codes, X: Array) -> "_Answers":
        chosen = codes == np.arange(codes.max() + 1)[:, None]
        ends = np.stack([codes + 1, codes])
        return cls(ends, chosen.astype(float), np.ascontiguousarray(X.T))

    @property
    def n_cuts(self) -> int:
        return len(self.chosen) - 1

    def at_cuts(self, above: Array, below: Array) -> Array:
        """Put what belongs to the cuts above and below the category of each row there."""
        return (self.chosen[:-1] * above + self.chosen[1:] * below).T


class _Sides(NamedTuple):
    """What the cuts above and below its category give of each row, (n_obs,).

    With F the logistic distribution, f its density and g the slope of that at the cut above (u) and
    below (l) less the location, the likelihood is p = F_u - F_l. There is no cut above the highest
    category nor below the lowest one; f and g are 0 there.

    Attributes
    ----------
    p
        The likelihood.
    above, below
        Derivatives of log p by the cuts, f_u / p and -f_l / p.
    by_above, by_below
        g_u / p and -g_l / p, their derivatives but for what p does to them.
    by_location
        Derivative of log p by the location.
    """

    p: Array
    above: Array
    below: Array
    by_above: Array
    by_below: Array
    by_location: Array

    @classmethod
    def of(cls, cuts: Array, ends: Codes, location: Array) -> "_Sides":
        every = np.concatenate([[-np.inf], cuts, [np.inf]])
        # Beyond 700 the exponential leaves the numbers there are, and F is 0 all the same.
        F = 1 / (1 + np.exp(np.minimum(location - every[ends], 700.0)))
        f = F * (1 - F)
        g = f * (1 - 2 * F)
        p = F[0] - F[1]
        with np.errstate(divide="ignore", invalid="ignore"):
            f /= p
            g /= p
        return cls(p, f[0], -f[1], g[0], -g[1], f[1] - f[0])

    @property
    def by_location_twice(self) -> Array:
        """Second derivative of log p by the location."""
        return self.by_above + self.by_below - self.by_location**2

    @property
    def crossed(self) -> tuple[Array, Array]:
        """Derivatives of log p by the location and by the cut above, and below."""
        pull = self.by_location
        return -self.by_above - self.above * pull, -self.by_below - self.below * pull


def _evaluate(params: Array, answers: _Answers) -> OddsFit:
    """Log-likelihood and its derivatives; -inf where cuts are out of order."""
    n_cuts, n_params = answers.n_cuts, len(params)
    cuts, slopes = params[:n_cuts], params[n_cuts:]
    sides = _Sides.of(cuts, answers.ends, slopes @ answers.X)
    if (np.diff(cuts) <= 0).any() or (sides.p <= 0).any():
        nothing = np.zeros(n_params)
        return OddsFit(params, -np.inf, nothing, -np.eye(n_params), False, answers, sides)
    X, (above, below) = answers.X, sides.crossed
    rows = np.vstack(
        [
            sides.above,
            sides.below,
            sides.by_above - sides.above**2,
            sides.by_below - sides.below**2,
            -sides.above * sides.below,
            above * X,
            below * X,
        ]
    )
    # Sums over the rows of each category, whose cut above is the next one's cut below.
    sums = rows @ answers.chosen.T
    gradient = np.concatenate([sums[0, :-1] + sums[1, 1:], X @ sides.by_location])
    hessian = np.empty((n_params, n_params))
    hessian[:n_cuts, :n_cuts] = np.diag(sums[2, :-1] + sums[3, 1:])
    both = np.arange(n_cuts - 1)
    hessian[both, both + 1] = hessian[both + 1, both] = sums[4, 1:-1]
    k = len(X)
    hessian[n_cuts:, :n_cuts] = sums[5 : 5 + k, :-1] + sums[5 + k :, 1:]
    hessian[:n_cuts, n_cuts:] = hessian[n_cuts:, :n_cuts].T
    hessian[n_cuts:, n_cuts:] = (X * sides.by_location_twice) @ X.T
    return OddsFit(params, float(np.log(sides.p).sum()), gradient, hessian, False, answers, sides)
