"""Lower bounds of the reliability of a sum: Guttman's lambdas and ten Berge & Zegers' mu."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import SINGULAR
from measure.consistency.alpha_intervals import alpha_slope, alphas
from measure.consistency.coefficients import Coefficients, coefficients_of
from measure.consistency.covariance_functions import Asked, Functions
from measure.consistency.covariance_samples import CovarianceSample, correlations, sample_of
from measure.consistency.splits import ALL_UP_TO, best_splits

Array = NDArray[np.float64]

NAMES = ("lambda1", "lambda2", "lambda3", "lambda4", "lambda5", "lambda6", "mu2", "mu3")
# The search for the best split of many items begins at random splits.
SPLIT_SEED = 1945


def guttman_lambdas(
    items: pd.DataFrame,
    *,
    interval: str = "adf",
    cluster: str | None = None,
    n_samples: int = 1000,
    seed: int | None = None,
    confidence_level: float = 0.95,
) -> Coefficients:
    """Guttman's six lower bounds of the reliability of a sum, and two of ten Berge & Zegers.

    Parameters
    ----------
    items
        The items of one scale, one row a respondent, already reverse-keyed where they should be;
        rows with a missing answer are left out.
    interval
        "adf", "percentile" or "bca"; see `cronbach_alpha`.
    cluster
        Column of `items` that names the cluster of each respondent.
    n_samples, seed
        Of a bootstrap interval.
    confidence_level
        Of the interval.

    Returns
    -------
    Coefficients
        With T = 1'S1, t = tr S and o the covariances outside the diagonal:

        - `lambda1`: 1 - t/T; `lambda3`: alpha, p/(p - 1) lambda1;
        - `lambda2`: lambda1 + (p/(p - 1) sum o^2)^(1/2) / T;
        - `lambda4`: the largest 4 cov(A, B) / T over all splits of the items in A and B;
        - `lambda5`: lambda1 + 2 (largest sum of squared covariances of an item)^(1/2) / T;
        - `lambda6`: 1 - sum of the residual variances of each item given the others / T; NaN where
          the items determine each other;
        - `mu2`, `mu3`: the next in the series that alpha (mu0) and lambda2 (mu1) begin.

        All are lower bounds in the population. In a sample `lambda4` is not: the split was chosen
        because it is the largest, which `notes` say.

    Raises
    ------
    DataError
        Fewer than two items or three complete rows, or an item that cannot be analysed.
    OptionError
        An unknown interval, or one that needs a seed.

    References
    ----------
    Guttman, L. (1945). A basis for analyzing test-retest reliability. Psychometrika, 10, 255-282.
    Ten Berge, J. M. F., & Zegers, F. E. (1978). A series of lower bounds to the reliability of a
    test. Psychometrika, 43, 575-579.
    """
    asked = Asked(interval, confidence_level, n_samples, seed)
    sample = sample_of(items, cluster=cluster)
    return coefficients_of("Guttman's lambdas", sample, LAMBDAS, asked, notes=_notes(sample))


def _values(S: Array) -> Array:
    """All of them, (..., 8)."""
    stack = S.reshape(-1, *S.shape[-2:])
    n_items, total = stack.shape[-1], stack.sum(axis=(1, 2))
    off = stack * (1 - np.eye(n_items))
    squares = (off**2).sum(axis=2)
    lambda1 = off.sum(axis=(1, 2)) / total
    signs = best_splits(stack, np.random.default_rng(SPLIT_SEED))
    apart = np.einsum("mi,mij,mj->m", signs, stack, signs)
    found = [
        lambda1,
        lambda1 + np.sqrt(n_items / (n_items - 1) * squares.sum(axis=1)) / total,
        alphas(stack),
        1 - apart / total,
        lambda1 + 2 * np.sqrt(squares.max(axis=1)) / total,
        1 - _unexplained(stack).sum(axis=1) / total,
        *(lambda1 + _root(off, depth) / total for depth in (2, 3)),
    ]
    return np.stack(found, axis=-1).reshape(*S.shape[:-2], len(NAMES))


def _unexplained(S: Array) -> Array:
    """Residual variance of each item given the others, (m, p); NaN where S is singular."""
    found = np.full(S.shape[:2], np.nan)
    proper = np.linalg.eigvalsh(correlations(S))[:, 0] > SINGULAR
    if proper.any():
        found[proper] = 1 / np.diagonal(np.linalg.inv(S[proper]), axis1=1, axis2=2)
    return found


def _root(off: Array, depth: int) -> Array:
    """Nested root of ten Berge & Zegers: (p_1 + (p_2 + ... )^(1/2))^(1/2), p_h = sum o^(2^h)."""
    n_items = off.shape[-1]
    inner = np.zeros(off.shape[:-2])
    for h in range(depth, 0, -1):
        factor = n_items / (n_items - 1) if h == depth else 1.0
        inner = np.sqrt(factor * (off**2**h).sum(axis=(-2, -1)) + inner)
    return inner


def _root_slope(off: Array, depth: int) -> Array:
    """Derivatives (p, p) of `_root` by the covariances."""
    n_items = len(off)
    inner, slope = 0.0, np.zeros_like(off)
    for h in range(depth, 0, -1):
        factor = n_items / (n_items - 1) if h == depth else 1.0
        own = factor * 2**h * off ** (2**h - 1)
        inner = float(np.sqrt(factor * (off**2**h).sum() + inner))
        slope = (own + slope) / (2 * inner) if inner > 0 else np.zeros_like(off)
    return slope


def _slopes(S: Array) -> Array:
    """Derivatives of all, (8, p, p); of lambda4 and lambda5 with the split and the item fixed."""
    n_items, total = len(S), S.sum()
    off = S * (1 - np.eye(n_items))
    values = _values(S)
    signs = best_splits(S[None], np.random.default_rng(SPLIT_SEED))[0]
    strongest = int((off**2).sum(axis=1).argmax())
    row = np.zeros_like(S)
    row[strongest] = off[strongest]
    length = float(np.sqrt((off[strongest] ** 2).sum()))
    best = (row + row.T) / length if length > 0 else np.zeros_like(S)
    # Of each bound the numerator: what is divided by T.
    outside = 1 - np.eye(n_items)
    numerators = [
        outside,
        outside + _root_slope(off, 1),
        None,
        1 - np.outer(signs, signs),
        outside + best,
        1 - _unexplained_slope(S),
        *(outside + _root_slope(off, depth) for depth in (2, 3)),
    ]
    return np.stack(
        [
            alpha_slope(S) if own is None else (own - value) / total
            for own, value in zip(numerators, values, strict=True)
        ]
    )


def _unexplained_slope(S: Array) -> Array:
    """Derivatives (p, p) of the sum of the residual variances 1/K_ii, K the inverse of S."""
    if np.isnan(_unexplained(S[None])).any():
        return np.full(S.shape, np.nan)
    K = np.linalg.inv(S)
    return np.asarray((K / np.diag(K) ** 2) @ K)


LAMBDAS = Functions(NAMES, _values, _slopes)


def _notes(sample: CovarianceSample) -> list[str]:
    S = sample.covariance
    n_items = len(S)
    signs = best_splits(S[None], np.random.default_rng(SPLIT_SEED))[0]
    one = ", ".join(
        str(name) for name, sign in zip(sample.names, signs, strict=True) if sign == signs[0]
    )
    notes = [
        f"lambda4: {one} against the others"
        + ("." if n_items <= ALL_UP_TO else ", the best split that a search found.")
        + " The largest of many splits of a sample lies above the largest of the population."
    ]
    if n_items == 2:
        notes.append("With two items all bounds but lambda1 and lambda6 say the same.")
    if np.isnan(_unexplained(S[None])).any():
        notes.append("lambda6 does not exist: the items determine each other.")
    if S.sum() - np.trace(S) < 0:
        notes.append(
            "The items covary negatively on average. Check whether some are to be reversed."
        )
    return notes
