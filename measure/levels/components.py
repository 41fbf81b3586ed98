"""Where is the variance? Linear mixed models of nested and crossed levels.

Own code, because no kept Python library gives these models whole: statsmodels' `MixedLM` has no
intervals by the likelihood, takes crossed levels only as variance components of one group that
holds all rows, as a dense matrix, and tests a variance like a coefficient that may be negative.

References
----------
Bates, D., Mächler, M., Bolker, B., & Walker, S. (2015). Fitting linear mixed-effects models using
lme4. Journal of Statistical Software, 67(1), 1-48.
Giesbrecht, F. G., & Burns, J. C. (1985). Two-stage analysis based on a mixed model. Biometrics, 41,
477-486.
Self, S. G., & Liang, K.-Y. (1987). Asymptotic properties of maximum likelihood estimators and
likelihood ratio tests under nonstandard conditions. JASA, 82, 605-610.
Stram, D. O., & Lee, J. W. (1994). Variance components testing in the longitudinal mixed effects
model. Biometrics, 50, 1171-1177.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from measure.checks import confidence, known_option
from measure.display import render_html, render_text
from measure.errors import OptionError
from measure.levels.mixed.bootstrap import redrawn
from measure.levels.mixed.design import Design
from measure.levels.mixed.report import (
    Report,
    boundary_notes,
    component_table,
    effect_table,
    fixed_table,
    ratio_table,
)
from measure.levels.mixed.search import solve
from measure.levels.mixed.terms import model_of, rows_of
from measure.replication.workers import Workers
from measure.threads import on_one_thread

METHODS = ("REML", "ML")
INTERVALS = ("profile", "bootstrap", "none")


@dataclass(frozen=True, eq=False, repr=False)
class VarianceComponents:
    """Variances of the effects of each level, and what the rest of the model says.

    Attributes
    ----------
    components
        One row a variance or covariance, the residual variance last: `level effect other` (the two
        effects, the same one for a variance), `n_units estimate se ci.lower ci.upper share
        share.ci.lower share.ci.upper`. `share` is that of the total variance, the intraclass
        correlation of a level; NaN in models with slopes. `se`, from the observed information, is
        NaN on the boundary.
    fixed
        One row an effect that is the same everywhere: `term estimate se df t pvalue ci.lower
        ci.upper`, with Satterthwaite's degrees of freedom.
    effects
        One row a unit and effect: `level`, the columns that name units, `effect n estimate se`.
        Best linear unbiased predictions, their errors with the variances taken as known.
    tests
        One row a level: `level effect chisq df pvalue` of the model without the last effect of the
        level. `df` "0:1" means half and half chi-squares of 0 and 1 degrees of freedom.
    loglik
        Log-likelihood, restricted for REML.
    method, intervals, confidence_level, seed
        As asked for.
    n_obs, n_dropped
        Rows used, and left out because something is missing.
    notes
        What the reader has to know.
    """

    components: pd.DataFrame
    fixed: pd.DataFrame
    effects: pd.DataFrame
    tests: pd.DataFrame
    loglik: float
    method: str
    intervals: str
    confidence_level: float
    seed: int | None
    n_obs: int
    n_dropped: int
    notes: tuple[str, ...]

    def _report(self) -> tuple[str, dict[str, object], dict[str, pd.DataFrame]]:
        facts: dict[str, object] = {
            "method": self.method,
            "intervals": self.intervals,
            "log-likelihood": self.loglik,
            "rows used": self.n_obs,
            "rows left out": self.n_dropped,
        }
        facts |= {f"note {i}": note for i, note in enumerate(self.notes, start=1)}
        tables = {
            "Components": self.components,
            "Tests against no variance": self.tests,
            "Fixed effects": self.fixed,
        }
        return "Variance components", facts, tables

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


@on_one_thread
def variance_components(
    data: pd.DataFrame,
    value: str,
    *,
    levels: str | Sequence[str] = (),
    crossed: Sequence[str | Sequence[str]] = (),
    slopes: Mapping[str, str | Sequence[str]] | None = None,
    fixed: str | Sequence[str] = (),
    method: str = "REML",
    intervals: str = "profile",
    confidence_level: float = 0.95,
    n: int = 1000,
    seed: int | None = None,
    workers: Workers = 1,
    progress: Callable[[int, int], object] | None = None,
) -> VarianceComponents:
    """Share the variance of a score out to the levels that persons belong to.

    Parameters
    ----------
    data
        One row a respondent.
    value
        Column with the score.
    levels
        Columns that name units, each level within the one before: `["organisation", "unit"]`. A
        unit is named by its value together with those of the levels before it.
    crossed
        Further levels that cut across these: a column, or several whose values together name a
        unit, as `("organisation", "profession")`; such a level is called "organisation:profession".
    slopes
        For a level the columns whose slopes vary between its units, in addition to the mean. The
        covariances of intercept and slopes are free.
    fixed
        Columns with effects that are the same everywhere: numbers as they are, text and categories
        as contrasts with their first value, called "role[leader]".
    method
        "REML" or "ML".
    intervals
        "profile": of the variances and shares by the likelihood of `method`; of the fixed effects
        by the likelihood for ML, by Student's t for REML. "bootstrap": percentiles of a parametric
        bootstrap. "none" leaves those of the variances out and uses Student's t.
    confidence_level
        Of the intervals.
    n, seed, workers, progress
        Of the bootstrap: samples, seed (needed), processes, and what is called with the number of
        samples done.

    Returns
    -------
    VarianceComponents

    Raises
    ------
    DataError
        A column cannot be analysed; a level has one unit, or one row a unit; two levels divide the
        rows alike; a fixed effect follows from others; no residual variance; levels that cut across
        the largest have more than 6000 effects together.
    OptionError
        No level, a level twice, an unknown option, a bootstrap without seed.
    ConvergenceError
        The search did not end in a minimum.

    Notes
    -----
    y = X b + sum of Z_t u_t + e with u_t ~ N(0, sigma^2 L_t L_t'). The likelihood is a function of
    the entries of L_t alone (Bates et al. 2015, eqs 34 and 41) and is maximised with analytic
    derivatives. Work grows with the number of units of the largest level, and with the third power
    of the number of effects that cut across it.

    lme4's `confint` profiles the likelihood, also of models fitted by REML; its intervals are those
    of `method="ML"` here. A variance whose test statistic is below the quantile of chi-square with
    1 degree of freedom has a lower limit of 0.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> team = np.repeat(np.arange(40), 10)
    >>> frame = pd.DataFrame({"team": team, "y": rng.normal(size=40)[team] + rng.normal(size=400)})
    >>> found = variance_components(frame, "y", levels="team", intervals="none")
    >>> found.components["level"].tolist()
    ['team', 'Residual']
    """
    known_option("method", method, METHODS)
    known_option("intervals", intervals, INTERVALS)
    confidence(confidence_level)
    if intervals == "bootstrap" and seed is None:
        raise OptionError("a bootstrap needs a seed: give a whole number, as seed=1.")
    rows = rows_of(data, model_of(value, levels, crossed, slopes, fixed))
    design = Design(rows.terms, rows.X, rows.y)
    report = Report(solve(design, restricted=method == "REML"), rows.names)
    tests = ratio_table(report, rows.terms, rows.X, rows.y)
    profiled = intervals == "profile"
    components = component_table(report, tests, confidence_level, profiled)
    fixed_effects = fixed_table(report, confidence_level, profiled)
    notes = [*rows.notes, *boundary_notes(report)]
    if intervals == "bootstrap":
        assert seed is not None
        ends, remarks = redrawn(report, confidence_level, n, seed, workers, progress)
        m = len(components)
        components[["ci.lower", "ci.upper"]] = ends[:m]
        components[["share.ci.lower", "share.ci.upper"]] = ends[m : 2 * m]
        fixed_effects[["ci.lower", "ci.upper"]] = ends[2 * m :]
        notes += remarks
    elif profiled:
        notes += _unfound(components)
    return VarianceComponents(
        components=components,
        fixed=fixed_effects,
        effects=effect_table(report),
        tests=tests,
        loglik=report.solution.loglik,
        method=method,
        intervals=intervals,
        confidence_level=confidence_level,
        seed=seed if intervals == "bootstrap" else None,
        n_obs=design.n_obs,
        n_dropped=rows.n_dropped,
        notes=tuple(notes),
    )


def _unfound(components: pd.DataFrame) -> list[str]:
    """Name the intervals whose ends were not found."""
    missing = components[["ci.lower", "ci.upper"]].isna().any(axis=1)
    of = zip(components["level"], components["effect"], missing, strict=True)
    named = [f"{level} ({effect})" if effect else str(level) for level, effect, lost in of if lost]
    if not named:
        return []
    return [
        f"The profile of {', '.join(named)} has no end that could be found on one side; a "
        'bootstrap may give one (intervals="bootstrap").'
    ]
