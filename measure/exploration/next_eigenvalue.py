"""How many factors? The next eigenvalue sufficiency test (Achim 2017)."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.exploration.factor_sequence import Correlated, Verdict, bounded
from measure.exploration.random_eigenvalues import drawn_eigenvalues
from measure.rotating.extraction import extract

Array = NDArray[np.float64]


def next_eigenvalue(
    correlated: Correlated, most: int, draws: tuple[int, float], rng: np.random.Generator
) -> tuple[pd.DataFrame, Verdict]:
    """Compare each next eigenvalue with what the factors before it leave to chance.

    Parameters
    ----------
    correlated
        Pearson correlations.
    most
        Largest number of factors to try.
    draws
        Number of samples of normal answers from each model, and the quantile of their eigenvalues
        that is to be exceeded.
    rng
        Source of the randomness.

    Returns
    -------
    tuple
        A table by number of factors m, `eigenvalue reference`: the eigenvalue m + 1 of the data and
        the quantile of those of samples from a model of m factors (least squares); and the first m
        that is sufficient, NaN where none is.
    """
    R, (n_draws, quantile) = correlated.R, draws
    eigenvalues = np.linalg.eigvalsh(R)[::-1]
    rows: list[tuple[float, float]] = []
    for m in range(most + 1):
        implied = np.eye(len(R))
        if m:
            loadings = bounded(extract(R, m, "minres").loadings)
            implied = loadings @ loadings.T
            np.fill_diagonal(implied, 1.0)
        drawn = drawn_eigenvalues(
            correlated.n_obs, np.asarray(np.linalg.cholesky(implied)), n_draws, rng
        )
        rows.append((float(eigenvalues[m]), float(np.quantile(drawn[:, m], quantile))))
        if rows[-1][0] <= rows[-1][1]:
            break
    index = pd.RangeIndex(len(rows), name="n_factors")
    table = pd.DataFrame(rows, columns=["eigenvalue", "reference"], index=index)
    if rows[-1][0] <= rows[-1][1]:
        return table, Verdict(float(len(rows) - 1))
    return table, Verdict(float("nan"), f"{most} factors, the most that were tried, do not suffice")
