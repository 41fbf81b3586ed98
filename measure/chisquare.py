"""Chi-square tests of a model's fit."""

import numpy as np

from measure.distributions import chisq_sf
from measure.moments.complete import Moments


def p_value(chisq: float, df: int) -> float:
    """Probability of a larger chi-square; NaN for a model without degrees of freedom."""
    return chisq_sf(chisq, df) if df > 0 else float("nan")


def independence(moments: Moments, n_scale: float, exogenous: tuple[str, ...]) -> tuple[float, int]:
    """Chi-square and df of the baseline model: variances and means free, covariances zero.

    Covariances among `exogenous` are given, not tested, so they stay in (as in lavaan).

    Parameters
    ----------
    moments
        Sample moments.
    n_scale
        What the discrepancy is multiplied with: N, or N - G for the Wishart likelihood.
    exogenous
        Observed predictors whose moments the model does not explain.
    """
    total = 0.0
    x = np.array([name in exogenous for name in moments.names])
    for n, sample in zip(moments.n_obs, moments.sample, strict=True):
        alone = np.log(np.diag(sample.sigma)[~x]).sum()
        given = np.linalg.slogdet(sample.sigma[np.ix_(x, x)])[1] if x.any() else 0.0
        total += n / moments.n_total * (alone + given - np.linalg.slogdet(sample.sigma)[1])
    p, p_x = len(x), int(x.sum())
    pairs = p * (p - 1) // 2 - p_x * (p_x - 1) // 2
    return n_scale * float(total), pairs * len(moments.n_obs)


def moment_count(moments: Moments, *, means: bool, fixed_x: tuple[str, ...]) -> int:
    """Number of sample moments that a model has to reproduce, without those of fixed.x."""

    def count(p: int) -> int:
        return p * (p + 1) // 2 + (p if means else 0)

    return (count(len(moments.names)) - count(len(fixed_x))) * len(moments.n_obs)
