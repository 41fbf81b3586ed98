"""Which items belong together? Exploratory factor analysis with rotation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import known_option
from measure.display import render_html, render_text
from measure.errors import ConvergenceError, OptionError
from measure.exploration.correlating import Kind, correlations_of
from measure.exploration.exploratory_errors import (
    STANDARD_ERRORS,
    Basis,
    correlations_table,
    loadings_table,
)
from measure.exploration.extraction_tests import Extracted, ordered_fit
from measure.exploration.rotated_errors import Errors
from measure.moments.asymptotic import few_clusters_note
from measure.rotating.extraction import (
    EXTRACTIONS,
    GRADIENT_TOLERANCE,
    WEIGHTED,
    Extraction,
    check_identified,
    extract,
    fit_measures,
)
from measure.rotating.extraction_weights import correlation_weight
from measure.rotating.rotation import Rotated, oriented, resolve_arguments, rotate
from measure.rotating.uniquenesses import LOWEST_UNIQUENESS

Array = NDArray[np.float64]

# What stopped at a bound stands there up to rounding.
EDGE = 1 + 1e-9

NOT_NORMAL = (
    "chi-square, RMSEA, CFI, TLI and BIC of complete normal answers do not hold for {what} and are "
    "left out. The .scaled and .robust measures rest on the asymptotic covariance of these "
    "correlations."
)
NO_TEST = (
    "chi-square, RMSEA, CFI, TLI and BIC of complete normal answers do not hold for {what} and are "
    "left out. A test that holds needs the answers, correlations, and a matrix that was not "
    "smoothed."
)


@dataclass(frozen=True, eq=False)
class FactorSolution:
    """An exploratory factor solution.

    Attributes
    ----------
    loadings
        Pattern loadings, items × factors; in the units of the items for covariances. Factors are
        sorted by their sum of squared loadings and have positive sums (bifactor and target
        rotations keep their order, and a target with other values than 0 the sign).
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
        `objective chisq df pvalue null.chisq null.df cfi tli rmsea rmsea.ci.lower rmsea.ci.upper
        bic rms crms srmr empirical.chisq empirical.pvalue fit fit.off`, as psych defines them (SRMR
        as lavaan): `objective` is the ML discrepancy of the correlations at the solution, whatever
        the extraction. Those that suppose complete normal answers are NaN for other answers, which
        have `chisq.scaled pvalue.scaled chisq.scaling.factor cfi.scaled tli.scaled rmsea.scaled
        cfi.robust tli.robust rmsea.robust` with 90 % intervals of the RMSEA beside them (see
        `measure.exploration.extraction_tests`).
    n_obs, n_items, n_factors, n_dropped
        Rows used, items, factors, rows left out because an answer is missing.
    extraction, rotation, rotation_args, correlation, missing
        What was done; `rotation_args` includes `normalize` (Kaiser).
    rotation_value, n_starts, share_at_best
        Criterion value, random starts, and the share of the starts that reached the best value.
    converged, admissible
        Whether the search ended at a minimum; whether all uniquenesses are inside their bounds.
    notes
        What the reader has to know.
    basis
        What standard errors are computed from.
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
    missing: str
    rotation_value: float
    n_starts: int
    share_at_best: float
    converged: bool
    admissible: bool
    notes: tuple[str, ...]
    basis: Basis

    @cached_property
    def _errors(self) -> Errors | str:
        return self.basis.errors(self.loadings.to_numpy(), self.factor_correlations.to_numpy())

    @property
    def n_clusters(self) -> int | None:
        """Clusters that errors and tests rest on; None where rows count as independent."""
        return self.basis.found.n_clusters

    @property
    def loadings_table(self) -> pd.DataFrame:
        """One row a loading: `item factor est se z pvalue ci.lower ci.upper` (95 %).

        NaN where there are no standard errors; `error_note` says why.
        """
        nothing = np.full(self.loadings.shape, np.nan)
        se = nothing if isinstance(self._errors, str) else self._errors.loadings
        return loadings_table(self.loadings, se)

    @property
    def correlations_table(self) -> pd.DataFrame:
        """One row a pair of factors: `factor1 factor2 est se z pvalue ci.lower ci.upper` (95 %).

        Correlations that are fixed at 0 have `se` 0 and no test.
        """
        nothing = np.full(self.factor_correlations.shape, np.nan)
        se = nothing if isinstance(self._errors, str) else self._errors.phi
        return correlations_table(self.factor_correlations, se)

    @property
    def error_note(self) -> str:
        """Why there are no standard errors; empty where there are."""
        return self._errors if isinstance(self._errors, str) else ""

    def _facts(self) -> dict[str, object]:
        facts: dict[str, object] = {
            "correlations": self.correlation,
            "missing answers": self.missing,
            "extraction": self.extraction,
            "rotation": self.rotation,
            "Kaiser normalisation": bool(self.rotation_args.get("normalize", False)),
            "respondents used": self.n_obs,
            "left out (missing answers)": self.n_dropped,
            "clusters": self.n_clusters,
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
    missing: str = "listwise",
    ordered: bool | Sequence[str] = True,
    empty_cells: str = "2x2",
    smooth: str = "none",
    se: str = "standard",
    n_starts: int = 100,
    seed: int | None = None,
    n_obs: int | None = None,
    cluster: str | None = None,
) -> FactorSolution:
    """Exploratory factor analysis of a set of items.

    Parameters
    ----------
    data
        Items, one row a respondent. Or, with `n_obs`, a square correlation matrix.
    n_factors
        Number of factors.
    extraction
        `"minres"` or `"uls"` (unweighted least squares on the residual correlations), `"ml"`
        (maximum likelihood), `"paf"` (principal axes iterated to convergence, which is the minres
        solution: Harman & Jones 1966), `"gls"` (½ tr (I - R⁻¹P)², Jöreskog & Goldberger 1972),
        `"dwls"` (each residual correlation over its sampling variance) or `"wls"` (residuals
        weighted by the inverse of the whole covariance of the correlations, which takes many
        respondents). The variances are those of polychoric correlations, or of normal answers; of
        any answers with `se="robust"`.
    rotation
        A name in `measure.rotating.rotation.ROTATIONS`, `"promax"` or `"none"`.
    rotation_args
        Arguments of the rotation: `normalize` (Kaiser; by default for varimax and promax only, as
        stats and GPArotation in R) and its own: `gamma` (oblimin, orthomax), `epsilon` (geomin,
        bigeomin; 0.01 as in GPArotation, where lavaan has 0.001), `kappa` (cf), `k` (simplimax:
        how many loadings are to be near zero), `power` (promax), `target` (target, pst: items ×
        factors, NaN is free), `weights` (pst: items × factors), `orthogonal` (rotations that may be
        either way, as geomin, which geominT and geominQ settle by name).
    correlation
        `"pearson"`, `"polychoric"` or `"covariance"` (loadings are then in the units of the items);
        with `n_obs`, of which kind the matrix is.
    missing
        `"listwise"`: rows with a missing answer are left out. `"fiml"`: correlations of the maximum
        likelihood moments of all rows (EM, answers missing at random).
    ordered, empty_cells, smooth
        With polychoric correlations: which items are ordered (True: all), what is done about empty
        cells, and `smooth="eigenvalues"` where the matrix is not positive definite, which is
        otherwise refused. See `measure.polychoric`.
    se
        Standard errors of `loadings_table` and `correlations_table`: `"standard"` supposes normal
        answers (polychoric correlations: normal latent responses), `"robust"` does not, and takes
        the answers themselves; `"none"`. With `"robust"`, as with polychoric correlations and
        incomplete answers, tests are scaled ones.
    n_starts
        Random starts of the rotation besides the unrotated position.
    seed
        Seed of the random starts.
    n_obs
        Number of respondents behind a correlation matrix.
    cluster
        Column that names each respondent's cluster; it is not an item. Estimates stay the same;
        standard errors and tests are the robust ones, with the rows of a cluster counted together.

    Raises
    ------
    DataError
        The items cannot be correlated, or their matrix is singular (see
        `measure.exploration.correlating.correlations_of`); for `"wls"` also where the covariance of
        the correlations is.
    IdentificationError
        More factors than the Ledermann bound allows.
    OptionError
        Unknown extraction, rotation or rotation argument; an option that has no effect on Pearson
        correlations, or that needs the answers where a matrix was given; clusters of incomplete
        answers.
    ConvergenceError
        The extraction did not reach a minimum.

    References
    ----------
    Harman & Jones (1966) minres; Jöreskog (1967) ML; Jennrich (2001, 2002) rotation; Jennrich
    (1973, 1974) standard errors.
    """
    known_option("extraction", extraction, (*EXTRACTIONS, *WEIGHTED))
    known_option("se", se, STANDARD_ERRORS)
    kind = Kind(correlation, ordered, empty_cells, smooth, missing)
    if n_starts < 0:
        raise OptionError(f"n_starts is {n_starts}, but cannot be negative.")
    if n_obs is not None and se == "robust":
        raise OptionError('se="robust" needs the answers, which a matrix does not hold.')
    if cluster is not None and se == "standard":
        se = "robust"
    arguments = resolve_arguments(rotation, rotation_args)
    found = correlations_of(data, kind, n_obs=n_obs, cluster=cluster)
    basis = Basis(found, kind, extraction, rotation, arguments, se)
    R, scale = found.matrix.to_numpy(), basis.scale
    check_identified(len(R), n_factors)
    extracted = extract(basis.S, n_factors, extraction, _weight(basis, extraction))
    rng = np.random.default_rng(seed)
    rotated = rotate(extracted.loadings, rotation, arguments, n_starts=n_starts, rng=rng)
    rotated = oriented(rotated, rotation, arguments)
    measures = fit_measures(R, extracted.implied / np.outer(scale, scale), n_factors, found.n_obs)
    measures, notes = _tested(measures, basis, extracted)
    heywood = found.matrix.columns[extracted.uniquenesses <= LOWEST_UNIQUENESS * scale**2 * EDGE]
    found_minimum = extracted.gradient < GRADIENT_TOLERANCE
    solution = FactorSolution(
        **_tables(found.matrix * np.outer(scale, scale), extracted, rotated),
        fit_measures=measures,
        n_obs=found.n_obs,
        n_items=len(R),
        n_factors=n_factors,
        n_dropped=found.n_dropped,
        extraction=extraction,
        rotation=rotation if n_factors > 1 else "none",
        rotation_args=arguments if n_factors > 1 else {},
        correlation=correlation,
        missing=missing,
        rotation_value=rotated.value,
        n_starts=n_starts,
        share_at_best=rotated.share_at_best,
        converged=found_minimum and rotated.converged,
        admissible=not len(heywood),
        notes=(
            *found.notes,
            *_notes(heywood.map(str).to_list(), rotated, extraction),
            *notes,
            *filter(None, [few_clusters_note(found.n_clusters)]),
        ),
        basis=basis,
    )
    if not found_minimum:
        raise ConvergenceError(
            f"{extraction} extraction of {n_factors} factors stopped before it found a minimum "
            f"(largest gradient {extracted.gradient:.2g}). Try fewer factors.",
            solution,
        )
    return solution


def _weight(basis: Basis, extraction: str) -> Array | None:
    """Weights of the correlations, where the extraction has any."""
    if extraction not in WEIGHTED:
        return None
    if basis.kind.correlation == "covariance":
        raise OptionError(
            f'extraction="{extraction}" weighs correlations; choose another extraction for '
            "covariances."
        )
    gamma = basis.gamma()
    if gamma is None:
        raise OptionError(
            f'extraction="{extraction}" needs the sampling variances of the correlations, which '
            "this matrix does not hold (smoothed, or given as it is). Give the answers, or choose "
            "another extraction."
        )
    return correlation_weight(extraction, gamma)


def _tested(
    measures: pd.Series, basis: Basis, extracted: Extraction
) -> tuple[pd.Series, tuple[str, ...]]:
    """Replace tests for complete normal answers where answers are of another kind."""
    polychoric, incomplete = basis.kind.is_polychoric, basis.found.incomplete is not None
    if not (polychoric or incomplete or basis.se == "robust"):
        return measures, ()
    what = "polychoric correlations" if polychoric else "correlations of incomplete answers"
    if not (polychoric or incomplete):
        what = "answers that are not normal"
    gamma = None if basis.kind.correlation == "covariance" else basis.gamma()
    if gamma is None:
        return ordered_fit(measures, None, basis.found.n_obs), (NO_TEST.format(what=what),)
    R = basis.found.matrix.to_numpy()
    own = Extracted(R, extracted.loadings, basis.extraction, gamma)
    return ordered_fit(measures, own, basis.found.n_obs), (NOT_NORMAL.format(what=what),)


def _tables(matrix: pd.DataFrame, extracted: Extraction, rotated: Rotated) -> dict[str, Any]:
    """Everything that follows from the loadings and factor correlations, with names."""
    S, items = matrix.to_numpy(), matrix.columns
    loadings, phi = rotated.loadings, rotated.phi
    factors = [f"F{j + 1}" for j in range(loadings.shape[1])]
    implied = loadings @ phi @ loadings.T
    variances = np.diag(S)
    communalities = np.diag(implied) / variances
    sums = np.diag(phi @ loadings.T @ loadings)
    residuals = S - implied
    np.fill_diagonal(residuals, 0.0)
    squared = loadings**2
    complexity = squared.sum(axis=1) ** 2 / (squared**2).sum(axis=1)
    variance = {
        "ss_loadings": sums,
        "prop_var": sums / variances.sum(),
        "cum_var": np.cumsum(sums) / variances.sum(),
    }
    ranks = pd.RangeIndex(1, len(S) + 1, name="component")

    def by_factor(values: Array) -> pd.DataFrame:
        return pd.DataFrame(values, index=items, columns=factors)

    def by_item(values: Array, name: str) -> pd.Series:
        return pd.Series(values, index=items, name=name)

    return {
        "loadings": by_factor(loadings),
        "factor_correlations": pd.DataFrame(phi, index=factors, columns=factors),
        "structure": by_factor(loadings @ phi),
        "unrotated_loadings": by_factor(extracted.loadings),
        "communalities": by_item(communalities, "h2"),
        "uniquenesses": by_item(1.0 - communalities, "u2"),
        "complexity": by_item(complexity, "complexity"),
        "variance": pd.DataFrame(variance, index=factors),
        "eigenvalues": pd.Series(np.linalg.eigvalsh(S)[::-1], index=ranks, name="eigenvalue"),
        "residuals": pd.DataFrame(residuals, index=items, columns=items),
    }


def _notes(heywood: list[str], rotated: Rotated, extraction: str) -> list[str]:
    notes = []
    if heywood:
        named = ", ".join(f'"{name}"' for name in heywood)
        what = (
            f"of {named} is not above {LOWEST_UNIQUENESS}, so that the solution"
            if extraction in WEIGHTED
            else f"of {named} ran into its lower bound {LOWEST_UNIQUENESS}, so the unbounded "
            "solution"
        )
        notes.append(
            f"Heywood case: the uniqueness {what} lies outside what the model allows. "
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
