"""Factor scores of an exploratory solution: weights for the standardised answers."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import known_option, numbers_of
from measure.errors import OptionError
from measure.exploration.exploratory import FactorSolution

Array = NDArray[np.float64]


class Scored(NamedTuple):
    """Scores (n, n_factors) with NaN for rows that lack an answer, and what they rest on.

    `weights` (n_factors, n_items) belong to standardised answers; `se`, `determinacy` are of each
    factor; `notes` are sentences.
    """

    scores: Array
    weights: Array
    se: Array
    determinacy: Array
    method: str
    notes: tuple[str, ...]


def regression(R: Array, L: Array, phi: Array) -> Array:
    """Weights R⁻¹LΦ (Thurstone 1935), (n_items, n_factors)."""
    return np.asarray(np.linalg.solve(R, L @ phi))


def bartlett(R: Array, L: Array, phi: Array) -> Array:
    """Weights U⁻²L(L'U⁻²L)⁻¹ with the uniquenesses U² (Bartlett 1937)."""
    pressed = L / (1 - ((L @ phi) * L).sum(axis=1))[:, None]
    return np.asarray(pressed @ np.linalg.inv(L.T @ pressed))


def ten_berge(R: Array, L: Array, phi: Array) -> Array:
    """Weights of scores that correlate as the factors do (ten Berge et al. 1999, eq. 8).

    R^-½ C Φ^½ with C = R^-½ M (M'R⁻¹M)^-½ and M = LΦ^½.
    """
    root = _power(phi, 0.5)
    turned = _power(R, -0.5) @ L @ root
    C = turned @ _power(turned.T @ turned, -0.5)
    return np.asarray(_power(R, -0.5) @ C @ root)


def _power(matrix: Array, power: float) -> Array:
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * values**power) @ vectors.T)


METHODS: dict[str, Callable[[Array, Array, Array], Array]] = {
    "regression": regression,
    "Bartlett": bartlett,
    "tenBerge": ten_berge,
}


def exploratory_scores(solution: FactorSolution, data: pd.DataFrame, method: str | None) -> Scored:
    """Score the rows of a data frame on the factors of an exploratory solution.

    Raises
    ------
    OptionError
        Another `method`; polychoric correlations, whose factors are not sums of the answers.
    DataError
        A column is missing or not numeric.
    """
    chosen = method or "regression"
    known_option("method", chosen, METHODS)
    if solution.correlation == "polychoric":
        raise OptionError(
            "the factors of polychoric correlations stand behind latent responses, of which no "
            'sum of the answers is a score. Fit the model by cfa(ordered=True), as efa("b")*F1 + '
            'efa("b")*F2 =~ ..., and score it by factor_scores, which takes answers as ordered.'
        )
    basis = solution.basis
    scale = basis.scale
    R = basis.found.matrix.to_numpy()
    L, phi = solution.loadings.to_numpy() / scale[:, None], solution.factor_correlations.to_numpy()
    if chosen == "Bartlett" and (1 - ((L @ phi) * L).sum(axis=1) <= 0).any():
        raise OptionError(
            "an item has no uniqueness (a Heywood case), by which Bartlett's scores divide. Choose "
            '"regression".'
        )
    W = METHODS[chosen](R, L, phi)
    values = numbers_of(data, list(solution.loadings.index)).to_numpy()
    mean, sd, notes = _metric(solution, values)
    scores = (values - mean) / sd @ W
    shared, spread = np.diag(W.T @ L @ phi), np.diag(W.T @ R @ W)
    return Scored(
        scores,
        W.T,
        np.sqrt(np.maximum(spread - 2 * shared + 1, 0.0)),
        shared / np.sqrt(spread),
        chosen,
        notes,
    )


def _metric(solution: FactorSolution, values: Array) -> tuple[Array, Array, tuple[str, ...]]:
    """Means and standard deviations of the items in the sample of the solution."""
    found = solution.basis.found
    if found.rows is not None:
        return found.rows.mean(axis=0), found.rows.std(axis=0, ddof=1), ()
    if found.incomplete is not None:
        sample = found.incomplete.sample[0]
        assert sample.mu is not None
        return sample.mu, np.sqrt(np.diag(sample.sigma)), ()
    complete = values[~np.isnan(values).any(axis=1)]
    if len(complete) < 2 or (complete.std(axis=0) == 0).any():
        raise OptionError(
            "the solution came from a matrix, so that answers have to be standardised by their own "
            "means and standard deviations; these rows have too few answers, or none that differ."
        )
    note = (
        "The solution came from a matrix: answers were standardised by the means and standard "
        "deviations of the rows that are scored."
    )
    return complete.mean(axis=0), complete.std(axis=0, ddof=1), (note,)
