"""Which groups share an aligned parameter, and how much of its variation alignment explains.

References
----------
Asparouhov, T., & Muthen, B. (2014). Multiple-group factor analysis alignment. Structural Equation
Modeling, 21, 495-508.
"""

import numpy as np
from numpy.typing import NDArray

from measure.distributions import normal_cdf

Array = NDArray[np.float64]

# Two groups are near where their values do not differ at this level; a group belongs to a set where
# it does not differ from the set's average at the second (Asparouhov & Muthen 2014).
NEAR, BELONGS = 0.01, 0.001
ROUNDS = 100


def invariant_set(values: Array, covariance: Array, n_obs: Array) -> NDArray[np.bool_]:
    """Find the groups that share a parameter.

    The set starts with the group that is near most others, and those (Asparouhov & Muthen start
    with the largest set of groups that near pairs connect, however far its ends). Then the average
    of the set is compared with each group; those that differ leave, those that do not join, until
    nothing changes. All comparisons use the covariances of the estimates, the average weighs groups
    by their respondents.

    Parameters
    ----------
    values
        Aligned parameter, (G,).
    covariance
        Of these estimates, (G, G).
    n_obs
        Respondents, (G,).

    Returns
    -------
    Members of the set, (G,); nobody where there are no standard errors.
    """
    if np.isnan(covariance).any():
        return np.zeros(len(values), dtype=bool)
    spread = np.diag(covariance)
    variance = spread[:, None] + spread - 2 * covariance
    near = _pvalues(values[:, None] - values, variance) > NEAR
    np.fill_diagonal(near, True)
    members: NDArray[np.bool_] = near[near.sum(axis=1).argmax()]
    for _ in range(ROUNDS):
        weights = np.where(members, n_obs, 0.0)
        contrasts = np.eye(len(values)) - weights / weights.sum()
        variances = np.einsum("ij,jk,ik->i", contrasts, covariance, contrasts)
        belongs = _pvalues(contrasts @ values, variances) > BELONGS
        if (belongs == members).all() or not belongs.any():
            break
        members = belongs
    return members


def _pvalues(difference: Array, variance: Array) -> Array:
    """Two-sided p-values; 1 where nothing differs."""
    se = np.sqrt(np.maximum(variance, 0.0))
    z = np.abs(difference) / np.where(se > 0, se, 1.0)
    # Groups that do not differ by construction have no standard error.
    return np.where(se > 0, 2 * normal_cdf(-z), np.where(np.abs(difference) > 1e-12, 0.0, 1.0))


def explained(given: Array, predicted: Array) -> Array:
    """Share of the variation of configural parameters (G, k) that factor means and variances make.

    1 - var(given - predicted) / var(given), `predicted` from the average aligned parameters
    (Asparouhov & Muthen 2014). Below 0 where these do not help to predict the parameters;
    it says little where `given` hardly varies, and is NaN where it does not vary at all.
    """
    total = given.var(axis=0)
    left = (given - predicted).var(axis=0)
    return np.where(total > 1e-12, 1 - left / np.where(total > 1e-12, total, 1.0), np.nan)
