"""The power between the sizes that were simulated, and the smallest size with its own error.

References
----------
Liang, K.-Y., & Zeger, S. L. (1986). Longitudinal data analysis using generalized linear models.
Biometrika, 73, 13-22.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.distributions import normal_cdf, normal_quantile

Array = NDArray[np.float64]

# Far from where it is read off the curve may bend as it likes.
REACH = 2.0
FAR = 6.0
POINTS, STEPS, CLOSE = 25, 50, 1e-10
LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class PowerCurve:
    """A curve of power over the size: a normal distribution of the size's square root.

    That is the power of a test whose statistic is normal with a mean that grows as the square root
    of n, and near to that of others.

    Attributes
    ----------
    table
        `n power ci.lower ci.upper`, from half to double the smallest size; the interval is that of
        the simulation (95 %).
    smallest, lower, upper
        Where the curve reaches the target, and its interval.
    """

    table: pd.DataFrame
    smallest: float
    lower: float
    upper: float


def power_curve(sizes: Array, made: Array, target: float, near: int) -> PowerCurve | None:
    """Fit power to the sizes near the one that was found.

    Parameters
    ----------
    sizes
        (n_sizes,).
    made
        Whether a repetition made the claim at a size, (repeats, n_sizes). The same repetition has
        the same respondents at all sizes, so that the rows, and not their entries, are independent:
        errors are robust to that (Liang & Zeger 1986).
    target
        Power.
    near
        The size that was found; those from half to double of it count.

    Returns
    -------
    PowerCurve, or None where the sizes leave no rising curve to be seen.
    """
    own = (sizes >= near / REACH) & (sizes <= near * REACH)
    sizes, made = sizes[own], made[:, own]
    shares = made.mean(axis=0)
    if len(np.unique(shares)) < 2 or not ((shares > 0) & (shares < 1)).any():
        return None
    X = _design(sizes, near)
    beta = _probit(X, shares)
    if beta is None or beta[1] <= 0:
        return None
    chance, density = _curve(X @ beta)
    weight = density / (chance * (1 - chance))
    bread = np.linalg.inv((X * (weight * density)[:, None]).T @ X)
    scores = (made - chance) * weight @ X
    covariance = bread @ (scores.T @ scores) @ bread / len(made) ** 2
    z = float(normal_quantile((1 + LEVEL) / 2))
    root = (float(normal_quantile(target)) - beta[0]) / beta[1]
    slope = np.array([-1.0, -root]) / beta[1]
    half = z * float(np.sqrt(slope @ covariance @ slope))
    ends = near * np.maximum([root, root - half, root + half], 0.0) ** 2
    return PowerCurve(_drawn(beta, covariance, near, z), *map(float, ends))


def _design(sizes: Array, near: int) -> Array:
    return np.column_stack([np.ones(len(sizes)), np.sqrt(sizes / near)])


def _curve(at: Array) -> tuple[Array, Array]:
    """Give the normal distribution and its density, kept off 0 and 1."""
    inside = np.clip(at, -FAR, FAR)
    return np.asarray(normal_cdf(inside)), np.exp(-0.5 * inside**2) / np.sqrt(2 * np.pi)


def _probit(X: Array, shares: Array) -> Array | None:
    """Find the maximum of the likelihood by Fisher scoring; None where it runs away."""
    beta = np.array([float(normal_quantile(np.clip(shares.mean(), 0.01, 0.99))), 0.0])
    for _ in range(STEPS):
        chance, density = _curve(X @ beta)
        weight = density / (chance * (1 - chance))
        information = (X * (weight * density)[:, None]).T @ X
        step = np.linalg.solve(information, X.T @ (weight * (shares - chance)))
        # Shortened where it would overshoot.
        beta = beta + step / max(1.0, float(np.abs(X @ step).max()) / 2)
        if np.abs(step).max() < CLOSE:
            return np.asarray(beta)
    return None


def _drawn(beta: Array, covariance: Array, near: int, z: float) -> pd.DataFrame:
    sizes = np.unique(np.round(near * np.geomspace(1 / REACH, REACH, POINTS)))
    X = _design(sizes, near)
    middle = X @ beta
    half = z * np.sqrt(np.einsum("ij,jk,ik->i", X, covariance, X))
    columns = {"power": middle, "ci.lower": middle - half, "ci.upper": middle + half}
    found = {name: np.asarray(normal_cdf(own)) for name, own in columns.items()}
    return pd.DataFrame({"n": sizes.astype(int), **found})
