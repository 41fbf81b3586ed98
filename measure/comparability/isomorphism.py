"""Does a model hold alike within clusters and between them? Its steps, in one table.

References
----------
Jak, S., Oort, F. J., & Dolan, C. V. (2013). A test for cluster bias: Detecting violations of
measurement invariance across clusters in multilevel data. Structural Equation Modeling, 20,
265-282.
Jak, S., & Jorgensen, T. D. (2017). Relating measurement invariance, cross-level invariance, and
multilevel reliability. Frontiers in Psychology, 8, 1640.
Mehta, P. D., & Neale, M. C. (2005). People are variables too: Multilevel structural equations
modeling. Psychological Methods, 10, 259-284.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from measure.comparability.invariance import fitted_steps, notes_of, released_table
from measure.comparability.ladder_table import difference_table, fit_table, variant_of
from measure.comparability.level_ladder import STEPS, LevelLadder, require_variance_between
from measure.display import render_html, render_text
from measure.distributions import logit_limits, normal_quantile
from measure.fitting.fitted import Fit
from measure.model import latent_derivatives
from measure.specification.levels import NAMES
from measure.specification.options import Options

# Share of variance between clusters below which a structure between them is hardly measured
# (LeBreton & Senter 2008: a small effect).
LITTLE = 0.05
WIDE = 0.975


@dataclass(frozen=True, eq=False, repr=False)
class CrossLevelInvariance:
    """Fits of a measurement model at two levels with more and more equal between the levels.

    Attributes
    ----------
    table
        One row a step: `npar chisq df pvalue cfi tli rmsea srmr srmr_within srmr_between` and,
        where the estimator has them, `.scaled` and `.robust` ones, `aic bic`; then against the step
        before it `chisq_diff df_diff pvalue_diff` (scaled where the fits are, by `method`) and
        `delta_cfi delta_tli delta_rmsea delta_srmr`. NaN in the first step.
    factors
        One row a factor, of the last step with equal loadings: its variance `within` and `between`
        in the same unit, and the share `icc` of the latter with `se ci.lower ci.upper` (symmetric
        on the scale of the logit). Empty where no such step was fitted.
    items
        Share of each item's variance between clusters, in the saturated moments; of an ordered
        item's latent response.
    fits
        The fit of each step.
    steps
        The steps that could be fitted.
    released
        One row a parameter that is not equal: `lhs op rhs`.
    variant
        Which CFI, TLI and RMSEA the differences are formed of: "robust", "scaled" or "plain".
    notes
        What a reader has to know.
    """

    table: pd.DataFrame
    factors: pd.DataFrame
    items: pd.Series
    fits: Mapping[str, Fit]
    steps: tuple[str, ...]
    released: pd.DataFrame
    variant: str
    notes: tuple[str, ...]

    def _report(self) -> tuple[str, dict[str, object], dict[str, pd.DataFrame]]:
        first = self.fits[self.steps[0]]
        facts: dict[str, object] = {
            "estimator": first.estimator,
            "missing answers": first.missing,
            "respondents": first.n_obs,
            "respondents dropped": first.n_dropped,
            "clusters": first.n_clusters,
            "differences of": f"{self.variant} CFI, TLI and RMSEA",
            **{f"note {k}": note for k, note in enumerate(self.notes, start=1)},
        }
        tables = {"steps": self.table, "items": self.items.to_frame()}
        if len(self.factors):
            tables["factors"] = self.factors
        if len(self.released):
            tables["not equal"] = self.released
        return "Invariance across levels", facts, tables

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def cross_level_invariance(
    model: str,
    data: pd.DataFrame,
    *,
    cluster: str,
    steps: Sequence[str] = STEPS,
    ordered: Sequence[str] | bool = (),
    estimator: str | None = None,
    missing: str = "listwise",
    information: str | None = None,
    partial: Sequence[str] = (),
) -> CrossLevelInvariance:
    """Fit a measurement model within and between clusters with more and more equal, and test it.

    Parameters
    ----------
    model
        Items on factors in lavaan syntax, written once: the text holds for both levels. Level
        blocks, labels, constraints and paths are refused: what is equal, the steps say.
    data
        One row a respondent.
    cluster
        Column of the clusters.
    steps
        Names in their order, "configural" first; each has the equalities of those before it.

        - "configural": the same items belong to the same factors at both levels. It licenses no
          more than to speak of factors at both.
        - "metric": equal loadings, with variances of factors of their own between clusters
          (isomorphism). A unit of a factor is then the same within and between. It licenses to call
          the factors of both levels the same attribute, to say which share of it lies between
          clusters (`factors`), and to give the reliability of configural constructs
          (`multilevel_reliability`).
        - "strong": besides, residual variances of 0 between clusters. Nothing but the factors then
          differs between clusters: intercepts and loadings are the same in all of them (no cluster
          bias; Jak, Oort & Dolan 2013). It licenses to compare the means of clusters as means of
          factors, as the step "scalar" does of a few groups.
    ordered
        True, or the names of all items, where they are answered in ordered categories: what both
        levels share are then latent responses, whose variance within clusters is 1. Ordered items
        beside others are refused.
    estimator, missing, information
        As in `cfa` for two-level models. "MLR" gives scaled tests; ordered items are fitted by
        "WLSMV" (Asparouhov & Muthen 2007), whose differences are tested by "satorra.2000".
    partial
        Parameters that are not equal: loadings, "f =~ x2", which then have values of their own, and
        residual variances, "x2 ~~ x2", which then stay between clusters.

    Returns
    -------
    CrossLevelInvariance

    Raises
    ------
    ModelSyntaxError, ModelError
        The text cannot be read, is not a measurement model of first order, or has level blocks.
    OptionError
        A step is unknown or out of order; `partial` names what is not there, or leaves fewer than
        two equal loadings of a factor.
    DataError
        One cluster, clusters of one, an item without variance at a level, or answers that cannot be
        analysed.
    ConvergenceError
        The configural model has no minimum. A later step without one ends the table with a note.

    Warns
    -----
    ListwiseWarning, ImproperSolutionWarning, MeasureWarning
        As `cfa`, once for all steps.

    Notes
    -----
    The degrees of freedom of each step are predicted by counting and compared with those of the
    fit. Chi-square differences are those of `compare`. Variances of residuals may be estimated
    below 0, so that a variance of 0 is no boundary of the search, and the difference of the step
    "strong" follows a chi-square (Savalei & Kolenikov 2008): in simulated clusters without bias it
    rejected about as often as it should, rather too often (benchmarks/LEVELS.md).

    Overall indices are ruled by the level within: `level_fit` of a step's fit gives each level its
    own.
    """
    options = Options(
        estimator=estimator,
        missing=missing,
        ordered=ordered,
        cluster=cluster,
        information=information,
    )
    ladder = LevelLadder.of(model, data, options, steps).released(partial)
    shares = ladder.shares
    require_variance_between(shares, cluster)
    fits, ended = fitted_steps(ladder)
    variant = variant_of(fits)
    differences, remarks = difference_table(fits, variant)
    for category, text in ladder.caught:
        warnings.warn(text, category, stacklevel=2)
    return CrossLevelInvariance(
        fit_table(fits, None, variant).join(differences),
        _factors(fits),
        shares,
        fits,
        tuple(fits),
        released_table(ladder.structure.structure, tuple(NAMES.values())).drop(columns="groups"),
        variant,
        (*_notes(shares), *ended, *remarks, *notes_of(fits)),
    )


def _factors(fits: Mapping[str, Fit]) -> pd.DataFrame:
    """Variances of the factors at both levels, and the shares between."""
    columns = ["factor", "within", "between", "icc", "se", "ci.lower", "ci.upper"]
    equal = [fit for step, fit in fits.items() if step != "configural"]
    if not equal:
        return pd.DataFrame(columns=columns)
    fit = equal[-1]
    inner, outer = fit.point.states
    slopes = [latent_derivatives(s, len(fit.model.free_rows)).variances for s in (inner, outer)]
    rows, z = [], float(normal_quantile(WIDE))
    for k, name in enumerate(inner.block.eta):
        j = outer.block.eta.index(name)
        w, b = float(inner.covariance[k, k]), float(outer.covariance[j, j])
        slope = (w * slopes[1][j] - b * slopes[0][k]) / (w + b) ** 2
        se = float(np.sqrt(np.maximum(slope @ fit.vcov_elements @ slope, 0.0)))
        rows.append((name, w, b, b / (w + b), se, *logit_limits(b / (w + b), se, z)))
    return pd.DataFrame(rows, columns=columns)


def _notes(shares: pd.Series) -> Iterator[str]:
    little = [f"{item} ({share:.3f})" for item, share in shares.items() if share < LITTLE]
    if little:
        yield (
            f"Less than {LITTLE} of the variance of {', '.join(little)} lies between clusters: "
            "what is said of their measurement there rests on little."
        )
