"""Fit of exploratory solutions of polychoric correlations.

Polychoric correlations vary more from sample to sample than those of normal answers, so that the
chi-square of `extraction.fit_measures` and what follows from it do not hold. Their asymptotic
covariance Gamma is known, and with it the distribution of the discrepancy that the extraction
minimises: F = e'We with e the residual correlations changes with the sample by e'(W - W D
(D'WD)^-1 D'W)e, D the derivatives of the correlations with respect to loadings (and, for maximum
likelihood, uniquenesses). The statistic is scaled and shifted to the mean and variance of a
chi-square (Asparouhov & Muthen 2010), as in confirmatory models. Robust indices are those of
Savalei (2021), see `categorical_fit`.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure import indices
from measure.chisquare import Statistic, Traces, p_value, scaled
from measure.estimators import normal
from measure.estimators.least_squares import weighted
from measure.indices import Factors
from measure.model import vech_places
from measure.rotating.extraction import WEIGHTED, degrees_of_freedom
from measure.rotating.extraction_weights import weight_of

Array = NDArray[np.float64]
NAN = float("nan")

# What `extraction.fit_measures` derives from the sampling distribution of normal correlations.
NORMAL_THEORY = (
    "chisq",
    "pvalue",
    "null.chisq",
    "cfi",
    "tli",
    "rmsea",
    "rmsea.ci.lower",
    "rmsea.ci.upper",
    "bic",
    "empirical.chisq",
    "empirical.pvalue",
)
SCALED = (
    "chisq.scaled",
    "pvalue.scaled",
    "chisq.scaling.factor",
    "cfi.scaled",
    "tli.scaled",
    "rmsea.scaled",
    "rmsea.ci.lower.scaled",
    "rmsea.ci.upper.scaled",
    "cfi.robust",
    "tli.robust",
    "rmsea.robust",
    "rmsea.ci.lower.robust",
    "rmsea.ci.upper.robust",
)


@dataclass(frozen=True, eq=False)
class Extracted:
    """A solution to be tested.

    Attributes
    ----------
    R
        Polychoric correlations, (p, p).
    loadings
        Unrotated, (p, n_factors).
    extraction
        A name in `extraction.EXTRACTIONS` or `extraction.WEIGHTED`.
    gamma
        N times the asymptotic covariance of the correlations, (q, q).
    """

    R: Array
    loadings: Array
    extraction: str
    gamma: Array

    @property
    def df(self) -> int:
        """Degrees of freedom."""
        return degrees_of_freedom(*self.loadings.shape)

    @property
    def implied(self) -> Array:
        """Implied correlations, 1 on the diagonal."""
        sigma: Array = self.loadings @ self.loadings.T
        np.fill_diagonal(sigma, 1.0)
        return sigma

    @property
    def weight(self) -> Array:
        """Weights of the correlations, (q, q), or (q,) where they are diagonal."""
        p = len(self.R)
        a, b = vech_places(p)
        whole = weight_of(self.extraction, self.R, self.implied, self.gamma)
        return whole[a != b] if whole.ndim == 1 else whole[np.ix_(a != b, a != b)]

    @property
    def left(self) -> tuple[Array, Array]:
        """What is left of a change in the correlations, without and with the weights before it.

        (p(p - 1)/2, p(p - 1)/2) each: the part of M = I - D (D'WD)^-1 D'W, and of WM, that belongs
        to the correlations. Uniquenesses take up every change of the diagonal, which weights of
        likelihoods couple with the correlations.
        """
        p, k = self.loadings.shape
        a, b = vech_places(p)
        off = a != b
        rows = np.arange(len(a))
        slopes = np.zeros((len(a), p, k))
        slopes[rows, a] += self.loadings[b]
        slopes[rows, b] += self.loadings[a]
        change = slopes.reshape(len(a), -1)
        # Changes that rotate the loadings change nothing.
        rank = p * k - k * (k - 1) // 2
        basis = _basis(np.hstack([change, np.eye(len(a))[:, ~off]]), rank + p)
        weight = weight_of(self.extraction, self.R, self.implied, self.gamma)
        pressed = weighted(weight, basis)
        left = np.eye(len(a)) - basis @ np.linalg.solve(basis.T @ pressed, pressed.T)
        own = np.ix_(off, off)
        return left[own], weighted(weight, left)[own]


def _basis(change: Array, rank: int) -> Array:
    return np.asarray(np.linalg.svd(change, full_matrices=False)[0][:, :rank])


def ordered_fit(plain: pd.Series, found: Extracted | None, n: int) -> pd.Series:
    """Replace what holds for normal answers only by what holds for polychoric correlations.

    Parameters
    ----------
    plain
        `extraction.fit_measures` of the solution.
    found
        The solution; None where the covariance of the correlations is not known.
    n
        Number of respondents.

    Returns
    -------
    pandas.Series
        `plain`, NaN where it does not hold, with the measures of `SCALED` after it: NaN without
        answers or degrees of freedom. Intervals are 90 % ones, as in confirmatory models.
    """
    known = {} if found is None or not found.df else _scaled_measures(found, n)
    measures = plain.where(~plain.index.isin(NORMAL_THEORY))
    every: pd.Series = pd.concat([measures, pd.Series(known, index=list(SCALED), dtype=float)])
    every.name = plain.name
    return every


def _scaled_measures(found: Extracted, n: int) -> dict[str, float]:
    R, p = found.R, len(found.R)
    a, b = vech_places(p)
    off = a != b
    gamma = found.gamma
    residuals = (R - found.implied)[a[off], b[off]]
    left, pressed = found.left
    likelihood = normal.weight(found.implied, means=False)[np.ix_(off, off)]
    distance = _distance(R, found.implied)
    # As in lavaan, least squares and the RMSEA count n - 1, and the likelihood n.
    least = float(residuals @ weighted(found.weight, residuals))
    chisq = n * distance if found.extraction == "ml" else (n - 1) * least
    test = scaled("scaled.shifted", chisq, found.df, _traces(pressed @ gamma))
    df_base = p * (p - 1) // 2
    r = R[a[off], b[off]]
    base_weight = found.weight if found.extraction in WEIGHTED else np.ones(len(r))
    base_chisq = (n - 1) * float(r @ weighted(base_weight, r))
    base = scaled("scaled.shifted", base_chisq, df_base, _traces(weighted(base_weight, gamma)))
    spread = left @ gamma @ left.T
    factors = Factors(
        float(np.sum(likelihood * spread)) / found.df, float(np.trace(gamma)) / df_base
    )
    own = (n * distance, found.df, n * _distance(R, np.eye(p)), df_base, factors)
    return _indices(test, base, n - 1) | {
        "cfi.robust": indices.cfi(*own),
        "tli.robust": indices.tli(*own),
        "rmsea.robust": indices.rmsea(own[0], found.df, n - 1, factor=factors.model),
        **_limits(own[0] / factors.model, found.df, n - 1, factors.model, ".robust"),
    }


def _indices(test: Statistic, base: Statistic, n: int) -> dict[str, float]:
    numbers = (test.scaled, test.df, base.scaled, base.df)
    return {
        "chisq.scaled": test.scaled,
        "pvalue.scaled": p_value(test.scaled, test.df),
        "chisq.scaling.factor": test.factor,
        "cfi.scaled": indices.cfi(*numbers),
        "tli.scaled": indices.tli(*numbers),
        "rmsea.scaled": indices.rmsea(test.scaled, test.df, n),
        **_limits(test.scaled, test.df, n, 1.0, ".scaled"),
    }


def _limits(chisq: float, df: int, n: int, factor: float, suffix: str) -> dict[str, float]:
    lower, upper = indices.rmsea_interval(chisq, df, n, factor=factor)
    return {f"rmsea.ci.lower{suffix}": lower, f"rmsea.ci.upper{suffix}": upper}


def _traces(product: Array) -> Traces:
    return Traces(float(np.trace(product)), float(np.sum(product * product.T)))


def _distance(R: Array, P: Array) -> float:
    """Likelihood discrepancy of correlation matrices."""
    logs = np.linalg.slogdet(P)[1] - np.linalg.slogdet(R)[1]
    return float(logs + np.trace(np.linalg.solve(P, R)) - len(R))
