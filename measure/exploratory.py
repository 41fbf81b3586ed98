"""Which items belong together? Exploratory factor analysis with rotation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import known_option
from measure.correlating import Kind, correlations_of
from measure.display import render_html, render_text
from measure.errors import ConvergenceError, OptionError
from measure.extraction import (
    EXTRACTIONS,
    GRADIENT_TOLERANCE,
    LOWEST_UNIQUENESS,
    check_identified,
    extract,
    fit_measures,
)
from measure.extraction_tests import Extracted, ordered_fit
from measure.rotation import Rotated, oriented, resolve_arguments, rotate

Array = NDArray[np.float64]

NOT_NORMAL = (
    "chi-square, RMSEA, TLI and BIC of normal answers do not hold for polychoric correlations and "
    "are left out. The .scaled and .robust measures rest on the asymptotic covariance of these "
    "correlations."
)
NO_TEST = (
    "chi-square, RMSEA, TLI and BIC of normal answers do not hold for polychoric correlations and "
    "are left out. A test that holds needs the answers, and a matrix that was not smoothed."
)


@dataclass(frozen=True, eq=False)
class FactorSolution:
    """An exploratory factor solution.

    Attributes
    ----------
    loadings
        Pattern loadings, items × factors. Factors are sorted by their sum of squared loadings and
        have positive sums (bifactor and target rotations keep their order).
    factor_correlations
        Factors × factors.
    structure
        Correlations of items with factors.
    unrotated_loadings
        Before rotation.
    communalities, uniquenesses
        `h2` and `u2` of each item.
    complexity
        Hofmann's index: number of factors that an item loads on.
    variance
        One row a factor: `ss_loadings prop_var cum_var`.
    eigenvalues
        Of the correlation matrix.
    residuals
        Observed minus implied correlations, diagonal 0.
    fit_measures
        `objective chisq df pvalue null.chisq null.df tli rmsea rmsea.ci.lower rmsea.ci.upper bic
        rms crms empirical.chisq empirical.pvalue fit fit.off`, as psych defines them: `objective`
        is the ML discrepancy at the solution, whatever the extraction. Those that suppose normal
        answers are NaN for polychoric correlations, which have `chisq.scaled pvalue.scaled
        chisq.scaling.factor cfi.scaled tli.scaled rmsea.scaled cfi.robust tli.robust rmsea.robust`
        with 90 % intervals of the RMSEA beside them (see `measure.extraction_tests`).
    n_obs, n_items, n_factors, n_dropped
        Rows used, items, factors, rows left out because an answer is missing.
    extraction, rotation, rotation_args, correlation
        What was done; `rotation_args` includes `normalize` (Kaiser).
    rotation_value, n_starts, share_at_best
        Criterion value, random starts, and the share of the starts that reached the best value.
    converged, admissible
        Whether the search ended at a minimum; whether all uniquenesses are inside their bounds.
    notes
        What the reader has to know.
    """

    loadings: pd.DataFrame
    factor_correlations: pd.DataFrame
    structure: pd.DataFrame
    unrotated_loadings: pd.DataFrame
    communalities: pd.Series
    uniquenesses: pd.Series
    complexity: pd.Series
    variance: pd.DataFrame
    eigenvalues: pd.Series
    residuals: pd.DataFrame
    fit_measures: pd.Series
    n_obs: int
    n_items: int
    n_factors: int
    n_dropped: int
    extraction: str
    rotation: str
    rotation_args: dict[str, Any]
    correlation: str
    rotation_value: float
    n_starts: int
    share_at_best: float
    converged: bool
    admissible: bool
    notes: tuple[str, ...]

    def _facts(self) -> dict[str, object]:
        facts: dict[str, object] = {
            "correlations": self.correlation,
            "extraction": self.extraction,
            "rotation": self.rotation,
            "Kaiser normalisation": bool(self.rotation_args.get("normalize", False)),
            "respondents used": self.n_obs,
            "left out (missing answers)": self.n_dropped,
            "share of starts at the best value": self.share_at_best,
        }
        facts |= {f"note {number}": note for number, note in enumerate(self.notes, start=1)}
        return facts

    def _tables(self) -> dict[str, pd.DataFrame]:
        items = self.loadings.assign(
            h2=self.communalities, u2=self.uniquenesses, complexity=self.complexity
        )
        return {
            "Loadings": items,
            "Factor correlations": self.factor_correlations,
            "Variance": self.variance,
            "Fit": self.fit_measures.to_frame("value"),
        }

    def __repr__(self) -> str:
        return render_text("Exploratory factor analysis", self._facts(), self._tables())

    def _repr_html_(self) -> str:
        return render_html("Exploratory factor analysis", self._facts(), self._tables())


def efa(
    data: pd.DataFrame,
    n_factors: int,
    *,
    extraction: str = "minres",
    rotation: str = "oblimin",
    rotation_args: Mapping[str, Any] | None = None,
    correlation: str = "pearson",
    ordered: bool | Sequence[str] = True,
    empty_cells: str = "2x2",
    smooth: str = "none",
    n_starts: int = 100,
    seed: int | None = None,
    n_obs: int | None = None,
) -> FactorSolution:
    """Exploratory factor analysis of a set of items.

    Parameters
    ----------
    data
        Items, one row a respondent; rows with a missing answer are left out. Or, with `n_obs`, a
        square correlation matrix.
    n_factors
        Number of factors.
    extraction
        `"minres"` (unweighted least squares on the residual correlations), `"ml"` (maximum
        likelihood) or `"paf"` (principal axes iterated to convergence, which is the minres
        solution: Harman & Jones 1966).
    rotation
        A name in `measure.rotation.ROTATIONS`, `"promax"` or `"none"`.
    rotation_args
        Arguments of the rotation: `normalize` (Kaiser; by default for varimax and promax only, as
        stats and GPArotation in R) and its own: `gamma` (oblimin), `epsilon` (geomin), `kappa`
        (cfT, cfQ), `power` (promax), `target` (targetT, targetQ: items × factors, NaN is free).
    correlation
        `"pearson"` or `"polychoric"`; with `n_obs`, of which kind the matrix is.
    ordered, empty_cells, smooth
        With polychoric correlations: which items are ordered (True: all), what is done about empty
        cells, and `smooth="eigenvalues"` where the matrix is not positive definite, which is
        otherwise refused. See `measure.polychoric`.
    n_starts
        Random starts of the rotation besides the unrotated position.
    seed
        Seed of the random starts.
    n_obs
        Number of respondents behind a correlation matrix.

    Raises
    ------
    DataError
        The items cannot be correlated, or their matrix is singular (see
        `measure.correlating.correlations_of`).
    IdentificationError
        More factors than the Ledermann bound allows.
    OptionError
        Unknown extraction, rotation or rotation argument; an option that has no effect on Pearson
        correlations.
    ConvergenceError
        The extraction did not reach a minimum.

    References
    ----------
    Harman & Jones (1966) minres; Jöreskog (1967) ML; Jennrich (2001, 2002) rotation.
    """
    known_option("extraction", extraction, EXTRACTIONS)
    kind = Kind(correlation, ordered, empty_cells, smooth)
    if n_starts < 0:
        raise OptionError(f"n_starts is {n_starts}, but cannot be negative.")
    arguments = resolve_arguments(rotation, rotation_args)
    found = correlations_of(data, kind, n_obs=n_obs)
    R = found.matrix.to_numpy()
    check_identified(len(R), n_factors)
    psi, unrotated, gradient = extract(R, n_factors, extraction)
    rotated = rotate(
        unrotated, rotation, arguments, n_starts=n_starts, rng=np.random.default_rng(seed)
    )
    rotated = oriented(rotated, rotation, arguments)
    heywood = found.matrix.columns[psi <= LOWEST_UNIQUENESS].map(str).to_list()
    found_minimum = gradient < GRADIENT_TOLERANCE
    tables = _tables(found.matrix, unrotated, rotated.loadings, rotated.phi, n_obs=found.n_obs)
    notes = [*found.notes, *_notes(heywood, rotated)]
    if kind.is_polychoric:
        extracted = Extracted(R, unrotated, extraction)
        tables["fit_measures"] = ordered_fit(tables["fit_measures"], extracted, found.estimated)
        notes.append(NO_TEST if found.estimated is None else NOT_NORMAL)
    solution = FactorSolution(
        **tables,
        n_obs=found.n_obs,
        n_items=len(R),
        n_factors=n_factors,
        n_dropped=found.n_dropped,
        extraction=extraction,
        rotation=rotation if n_factors > 1 else "none",
        rotation_args=arguments if n_factors > 1 else {},
        correlation=correlation,
        rotation_value=rotated.value,
        n_starts=n_starts,
        share_at_best=rotated.share_at_best,
        converged=found_minimum and rotated.converged,
        admissible=not heywood,
        notes=tuple(notes),
    )
    if not found_minimum:
        raise ConvergenceError(
            f"{extraction} extraction of {n_factors} factors stopped before it found a minimum "
            f"(largest gradient {gradient:.2g}). Try fewer factors.",
            solution,
        )
    return solution


def _tables(
    matrix: pd.DataFrame, unrotated: Array, loadings: Array, phi: Array, *, n_obs: int
) -> dict[str, Any]:
    """Everything that follows from the loadings and factor correlations, with names."""
    R, items = matrix.to_numpy(), matrix.columns
    n_items, n_factors = loadings.shape
    factors = [f"F{j + 1}" for j in range(n_factors)]
    implied = loadings @ phi @ loadings.T
    communalities = np.diag(implied)
    sums = np.diag(phi @ loadings.T @ loadings)
    residuals = R - implied
    np.fill_diagonal(residuals, 0.0)
    squared = loadings**2
    complexity = squared.sum(axis=1) ** 2 / (squared**2).sum(axis=1)
    variance = {
        "ss_loadings": sums,
        "prop_var": sums / n_items,
        "cum_var": np.cumsum(sums) / n_items,
    }
    ranks = pd.RangeIndex(1, n_items + 1, name="component")
    return {
        "loadings": pd.DataFrame(loadings, index=items, columns=factors),
        "factor_correlations": pd.DataFrame(phi, index=factors, columns=factors),
        "structure": pd.DataFrame(loadings @ phi, index=items, columns=factors),
        "unrotated_loadings": pd.DataFrame(unrotated, index=items, columns=factors),
        "communalities": pd.Series(communalities, index=items, name="h2"),
        "uniquenesses": pd.Series(1.0 - communalities, index=items, name="u2"),
        "complexity": pd.Series(complexity, index=items, name="complexity"),
        "variance": pd.DataFrame(variance, index=factors),
        "eigenvalues": pd.Series(np.linalg.eigvalsh(R)[::-1], index=ranks, name="eigenvalue"),
        "residuals": pd.DataFrame(residuals, index=items, columns=items),
        "fit_measures": fit_measures(R, implied, n_factors, n_obs),
    }


def _notes(heywood: list[str], rotated: Rotated) -> list[str]:
    notes = []
    if heywood:
        named = ", ".join(f'"{name}"' for name in heywood)
        notes.append(
            f"Heywood case: the uniqueness of {named} ran into its lower bound "
            f"{LOWEST_UNIQUENESS}, so the unbounded solution lies outside what the model allows. "
            "Chi-square and standard rules do not apply. Look for too many factors, a factor with "
            "only two items, a small sample or nearly identical items."
        )
    if not rotated.converged:
        notes.append("The rotation stopped before its gradient vanished.")
    if np.isfinite(rotated.value) and rotated.share_at_best < 0.5:
        notes.append(
            f"Only {rotated.share_at_best:.0%} of the random starts reached the best value of the "
            "rotation criterion: it has several local minima."
        )
    return notes
