"""How many factors? Parallel analysis, minimum average partial, empirical Kaiser criterion."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.correlating import Found, Kind, correlations_of
from measure.display import render_html, render_text
from measure.errors import OptionError
from measure.random_eigenvalues import (
    RandomEigenvalues,
    Repetition,
    descending,
    of_shuffled,
    of_uncorrelated,
    with_squared_multiples,
)
from measure.repeat import Progress

Array = NDArray[np.float64]

# Draws below which a 95th percentile is uncertain enough to be said.
ENOUGH_DRAWS = 500
EKC_SUPPOSES = (
    "the reference values of the empirical Kaiser criterion are those of Pearson correlations; "
    "polychoric correlations vary more from sample to sample, so that it may suggest too many "
    "factors."
)


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
        As asked for; a seed that was left out is drawn.
    notes
        What the reader has to know.
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
    seed: int
    correlation: str
    notes: tuple[str, ...]

    def _facts(self) -> dict[str, object]:
        facts: dict[str, object] = {
            "correlations": self.correlation,
            "respondents used": self.n_obs,
            "left out (missing answers)": self.n_dropped,
            "random data sets": self.n_draws,
            "quantile": self.quantile,
        }
        return facts | {f"note {number}": note for number, note in enumerate(self.notes, start=1)}

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
    ordered: bool | Sequence[str] = True,
    empty_cells: str = "2x2",
    smooth: str = "none",
    n_draws: int = 1000,
    seed: int | None = None,
    quantile: float = 0.95,
    n_obs: int | None = None,
    workers: int | None = 1,
    progress: Progress | None = None,
) -> FactorRetention:
    """How many factors several criteria suggest, side by side.

    Parameters
    ----------
    data
        Items, one row a respondent; rows with a missing answer are left out. Or, with `n_obs`, a
        square matrix of Pearson correlations.
    correlation
        `"pearson"` or `"polychoric"`.
    ordered, empty_cells, smooth
        With polychoric correlations: which items are ordered (True: all), what is done about empty
        cells, and `smooth="eigenvalues"` where the matrix is not positive definite, which is
        otherwise refused. See `measure.polychoric`.
    n_draws
        Number of random data sets in parallel analysis.
    seed
        Seed of the random data; the same seed gives the same result.
    quantile
        Quantile of the random eigenvalues to be exceeded.
    n_obs
        Number of respondents behind a correlation matrix.
    workers
        Number of processes for polychoric draws, see `measure.repeat`; the result does not depend
        on it.
    progress
        Called with the number of polychoric draws done and `n_draws`.

    Raises
    ------
    DataError
        The items cannot be correlated, or their matrix is singular.
    OptionError
        Unknown correlation, quantile outside 0 to 1, fewer than 20 draws; a matrix for polychoric
        correlations, whose random counterparts need the answers.

    Notes
    -----
    In parallel analysis factors are retained up to the first observed eigenvalue that is not
    above the simulated one. Pearson correlations are compared with those of uncorrelated normal
    answers. For polychoric ones the answers to each item are shuffled among the respondents, which
    makes items independent and keeps their distributions, and go through the same estimator, empty
    cells and smoothing included (Garrido, Abad & Ponsoda 2013).

    References
    ----------
    Horn (1965), A rationale and test for the number of factors. Humphreys & Ilgen (1969) for
    the reduced matrix. Garrido, Abad & Ponsoda (2013), A new look at Horn's parallel analysis with
    ordinal variables. Velicer (1976) and Velicer, Eaton & Fava (2000), minimum average partial.
    Braeken & van Assen (2017), An empirical Kaiser criterion.
    """
    kind = Kind(correlation, ordered, empty_cells, smooth)
    _check_options(kind, n_draws, quantile, n_obs)
    if seed is None:
        seed = int(np.random.default_rng().integers(2**32))
    found = correlations_of(data, kind, n_obs=n_obs)
    R, n = found.matrix.to_numpy(), found.n_obs
    if found.shuffled is None:
        random = of_uncorrelated(n, len(R), n_draws, np.random.default_rng(seed))
    else:
        random = of_shuffled(found.shuffled, smooth, Repetition(n_draws, seed, workers, progress))
    parallel = _compared(descending(R), random.full, quantile)
    parallel_reduced = _compared(descending(with_squared_multiples(R)), random.reduced, quantile)
    partials = minimum_average_partial(R)
    ekc = pd.DataFrame(
        {
            "eigenvalue": parallel["eigenvalue"],
            "reference": empirical_kaiser(parallel["eigenvalue"].to_numpy(), n),
        }
    )
    return FactorRetention(
        table=_suggested(parallel, parallel_reduced, partials, ekc),
        parallel=parallel,
        parallel_reduced=parallel_reduced,
        map=partials,
        ekc=ekc,
        n_obs=n,
        n_items=len(R),
        n_dropped=found.n_dropped,
        n_draws=n_draws,
        quantile=quantile,
        seed=seed,
        correlation=correlation,
        notes=_notes(found, random, n_draws),
    )


def _suggested(
    parallel: pd.DataFrame,
    parallel_reduced: pd.DataFrame,
    partials: pd.DataFrame,
    ekc: pd.DataFrame,
) -> pd.DataFrame:
    """Number of factors by each criterion."""
    suggested = {}
    for name, table in (("parallel_pca", parallel), ("parallel_paf", parallel_reduced)):
        eigenvalues = table["eigenvalue"].to_numpy()
        suggested[name] = first_not_above(eigenvalues, table.iloc[:, 2].to_numpy())
        suggested[f"{name}_mean"] = first_not_above(eigenvalues, table["mean"].to_numpy())
    eigenvalues, reference = ekc["eigenvalue"].to_numpy(), ekc["reference"].to_numpy()
    suggested |= {
        "map_squared": int(np.nanargmin(partials["squared"])),
        "map_fourth": int(np.nanargmin(partials["fourth"])),
        "ekc": first_not_above(eigenvalues, reference),
        "kaiser": int((eigenvalues > 1).sum()),
    }
    return pd.DataFrame({"criterion": list(suggested), "n_factors": list(suggested.values())})


def _notes(found: Found, random: RandomEigenvalues, n_draws: int) -> tuple[str, ...]:
    notes = list(found.notes)
    if found.shuffled is None:
        return tuple(notes)
    if n_draws < ENOUGH_DRAWS:
        notes.append(
            f"parallel analysis rests on {n_draws} random data sets; {ENOUGH_DRAWS} or more are "
            "advised."
        )
    if random.n_improper:
        notes.append(
            f"in {random.n_improper} of {n_draws} random data sets the matrix was not positive "
            f"definite; {random.treatment}."
        )
    return (*notes, EKC_SUPPOSES)


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


def _check_options(kind: Kind, n_draws: int, quantile: float, n_obs: int | None) -> None:
    if kind.is_polychoric and n_obs is not None:
        raise OptionError(
            "parallel analysis of polychoric correlations shuffles the answers, but n_obs says "
            "that a matrix was given. Give the answers, without n_obs."
        )
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
