"""How many factors? Parallel analysis, minimum average partial, empirical Kaiser criterion."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import item_correlations, known_option
from measure.display import render_html, render_text
from measure.errors import OptionError

Array = NDArray[np.float64]

# Matrices drawn at a time: enough to keep numpy busy, few enough to stay in the cache.
BATCH = 250


@dataclass(frozen=True, eq=False)
class FactorRetention:
    """How many factors each criterion suggests.

    Attributes
    ----------
    table
        `criterion n_factors`. `parallel_pca` and `parallel_paf` compare eigenvalues with the
        chosen quantile of those of random data, `..._mean` with their mean; `map_squared` and
        `map_fourth` are Velicer's minimum average partial; `ekc` the empirical Kaiser criterion;
        `kaiser` counts eigenvalues above 1 and is shown only because readers ask for it: it
        suggests too many factors.
    parallel
        Eigenvalues of the correlation matrix beside those of random data: `eigenvalue mean q95`
        (`q95` follows the quantile asked for); the index is the factor number.
    parallel_reduced
        The same with squared multiple correlations on the diagonal (principal axis factoring).
    map
        Average partial correlation after removing 0, 1, ... components: `squared fourth`.
    ekc
        `eigenvalue reference`.
    n_obs, n_items, n_dropped
        Rows used, items, rows left out because an answer is missing.
    n_draws, quantile, seed, correlation
        As asked for.
    """

    table: pd.DataFrame
    parallel: pd.DataFrame
    parallel_reduced: pd.DataFrame
    map: pd.DataFrame
    ekc: pd.DataFrame
    n_obs: int
    n_items: int
    n_dropped: int
    n_draws: int
    quantile: float
    seed: int | None
    correlation: str

    def _facts(self) -> dict[str, object]:
        return {
            "correlations": self.correlation,
            "respondents used": self.n_obs,
            "left out (missing answers)": self.n_dropped,
            "random data sets": self.n_draws,
            "quantile": self.quantile,
        }

    def __repr__(self) -> str:
        return render_text("Number of factors", self._facts(), self._tables())

    def _repr_html_(self) -> str:
        return render_html("Number of factors", self._facts(), self._tables())

    def _tables(self) -> dict[str, pd.DataFrame]:
        return {
            "Suggested": self.table,
            "Parallel analysis, correlation matrix": self.parallel,
            "Parallel analysis, reduced correlation matrix": self.parallel_reduced,
        }


def factor_retention(
    data: pd.DataFrame,
    *,
    correlation: str = "pearson",
    n_draws: int = 1000,
    seed: int | None = None,
    quantile: float = 0.95,
    n_obs: int | None = None,
) -> FactorRetention:
    """How many factors several criteria suggest, side by side.

    Parameters
    ----------
    data
        Items, one row a respondent; rows with a missing answer are left out. Or, with `n_obs`, a
        square correlation matrix.
    correlation
        `"pearson"`.
    n_draws
        Number of random data sets in parallel analysis.
    seed
        Seed of the random data; the same seed gives the same result.
    quantile
        Quantile of the random eigenvalues to be exceeded.
    n_obs
        Number of respondents behind a correlation matrix.

    Raises
    ------
    DataError
        The items cannot be correlated, or their matrix is singular.
    OptionError
        Unknown correlation, quantile outside 0 to 1, fewer than 20 draws.

    Notes
    -----
    In parallel analysis factors are retained up to the first observed eigenvalue that is not
    above the simulated one.

    References
    ----------
    Horn (1965), A rationale and test for the number of factors. Humphreys & Ilgen (1969) for
    the reduced matrix. Velicer (1976) and Velicer, Eaton & Fava (2000), minimum average partial.
    Braeken & van Assen (2017), An empirical Kaiser criterion.
    """
    _check_options(correlation, n_draws, quantile)
    found = item_correlations(data, n_obs=n_obs)
    R, n = found.matrix.to_numpy(), found.n_obs
    n_items = len(R)
    eigenvalues, reduced = _descending(R), _descending(_reduced(R))
    random = _random_eigenvalues(n, n_items, n_draws, np.random.default_rng(seed))
    parallel = _compared(eigenvalues, random[0], quantile)
    parallel_reduced = _compared(reduced, random[1], quantile)
    partials = minimum_average_partial(R)
    reference = empirical_kaiser(eigenvalues, n)
    suggested = {
        "parallel_pca": first_not_above(eigenvalues, parallel.iloc[:, 2].to_numpy()),
        "parallel_pca_mean": first_not_above(eigenvalues, parallel["mean"].to_numpy()),
        "parallel_paf": first_not_above(reduced, parallel_reduced.iloc[:, 2].to_numpy()),
        "parallel_paf_mean": first_not_above(reduced, parallel_reduced["mean"].to_numpy()),
        "map_squared": int(np.nanargmin(partials["squared"])),
        "map_fourth": int(np.nanargmin(partials["fourth"])),
        "ekc": first_not_above(eigenvalues, reference),
        "kaiser": int((eigenvalues > 1).sum()),
    }
    return FactorRetention(
        table=pd.DataFrame({"criterion": list(suggested), "n_factors": list(suggested.values())}),
        parallel=parallel,
        parallel_reduced=parallel_reduced,
        map=partials,
        ekc=pd.DataFrame({"eigenvalue": eigenvalues, "reference": reference}, index=parallel.index),
        n_obs=n,
        n_items=n_items,
        n_dropped=found.n_dropped,
        n_draws=n_draws,
        quantile=quantile,
        seed=seed,
        correlation=correlation,
    )


def first_not_above(observed: Array, reference: Array) -> int:
    """Return how many leading eigenvalues lie above their reference values."""
    below = np.flatnonzero(observed <= reference)
    return int(below[0]) if len(below) else len(observed)


def minimum_average_partial(R: Array) -> pd.DataFrame:
    """Average squared and fourth-power partial correlation after removing components.

    Parameters
    ----------
    R
        Correlation matrix, `(n_items, n_items)`.

    Returns
    -------
    pandas.DataFrame
        `squared` (Velicer 1976) and `fourth` (Velicer, Eaton & Fava 2000); the index is the
        number of components removed, 0 to n_items - 2. NaN where an item has no variance left.
    """
    n_items = len(R)
    eigenvalues, vectors = np.linalg.eigh(R)
    loadings = (vectors * np.sqrt(np.maximum(eigenvalues, 0.0)))[:, ::-1]
    off_diagonal = ~np.eye(n_items, dtype=bool)
    average = np.full((max(n_items - 1, 1), 2), np.nan)
    for removed in range(len(average)):
        partial = R - loadings[:, :removed] @ loadings[:, :removed].T
        variances = np.diag(partial)
        if (variances > 1e-12).all():
            squared = (partial**2 / np.outer(variances, variances))[off_diagonal]
            average[removed] = squared.mean(), (squared**2).mean()
    index = pd.RangeIndex(len(average), name="components")
    return pd.DataFrame(average, columns=["squared", "fourth"], index=index)


def empirical_kaiser(eigenvalues: Array, n_obs: int) -> Array:
    """Reference eigenvalues of the empirical Kaiser criterion (Braeken & van Assen 2017).

    The j-th is (1 + √(p/n))² times the mean of the variance not yet explained, at least 1.
    """
    n_items = len(eigenvalues)
    explained = np.concatenate([[0.0], np.cumsum(eigenvalues)[:-1]])
    remaining = (n_items - explained) / (n_items - np.arange(n_items))
    reference: Array = np.maximum((1 + np.sqrt(n_items / n_obs)) ** 2 * remaining, 1.0)
    return reference


def _check_options(correlation: str, n_draws: int, quantile: float) -> None:
    if correlation == "polychoric":
        raise OptionError(
            'correlation="polychoric" is not available yet in factor_retention. '
            'Use correlation="pearson".'
        )
    known_option("correlation", correlation, ["pearson"])
    if n_draws < 20:
        raise OptionError(f"n_draws is {n_draws}; at least 20 are needed for a quantile.")
    if not 0 < quantile < 1:
        raise OptionError(f"quantile is {quantile}, but must lie between 0 and 1, as 0.95.")


def _compared(observed: Array, random: Array, quantile: float) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "eigenvalue": observed,
            "mean": random.mean(axis=0),
            f"q{100 * quantile:g}": np.quantile(random, quantile, axis=0),
        },
        index=pd.RangeIndex(1, len(observed) + 1, name="factor"),
    )


def _descending(matrices: Array) -> Array:
    return np.asarray(np.linalg.eigvalsh(matrices)[..., ::-1], dtype=np.float64)


def _reduced(R: Array) -> Array:
    """Return the matrices with squared multiple correlations on their diagonals."""
    result = R.copy()
    diagonal = np.arange(R.shape[-1])
    smc = 1.0 - 1.0 / np.linalg.inv(R)[..., diagonal, diagonal]
    result[..., diagonal, diagonal] = smc
    return result


def _random_eigenvalues(
    n_obs: int, n_items: int, n_draws: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Eigenvalues `(n_draws, n_items)` of full and reduced matrices of uncorrelated items."""
    full, reduced = np.empty((n_draws, n_items)), np.empty((n_draws, n_items))
    for start in range(0, n_draws, BATCH):
        R = random_correlations(n_obs, n_items, min(BATCH, n_draws - start), rng)
        full[start : start + BATCH] = _descending(R)
        reduced[start : start + BATCH] = _descending(_reduced(R))
    return full, reduced


def random_correlations(
    n_obs: int, n_items: int, n_draws: int, rng: np.random.Generator
) -> NDArray[Any]:
    """Correlation matrices of `n_obs` independent normal answers, `(n_draws, n_items, n_items)`.

    Drawn through Bartlett's (1933) decomposition of the Wishart matrix with n - 1 degrees of
    freedom, which costs p²/2 random numbers a matrix instead of np and has the same distribution.
    """
    triangle = np.zeros((n_draws, n_items, n_items))
    below = np.tril_indices(n_items, -1)
    triangle[:, below[0], below[1]] = rng.standard_normal((n_draws, len(below[0])))
    diagonal = np.arange(n_items)
    triangle[:, diagonal, diagonal] = np.sqrt(
        rng.chisquare(n_obs - 1 - diagonal, size=(n_draws, n_items))
    )
    triangle /= np.linalg.norm(triangle, axis=2, keepdims=True)
    return triangle @ triangle.transpose(0, 2, 1)
