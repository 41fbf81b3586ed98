"""Alignment: factor means of many groups, comparable where most item parameters nearly are.

References
----------
Asparouhov, T., & Muthen, B. (2014). Multiple-group factor analysis alignment. Structural Equation
Modeling, 21, 495-508.
Muthen, B., & Asparouhov, T. (2014). IRT studies of many groups: The alignment method. Frontiers in
Psychology, 5, 978.
Robitzsch, A. (2024). Examining differences of invariance alignment in the Mplus software and the R
package sirt. Mathematics, 12, 770.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import confidence, known_option
from measure.comparability.aligned_factor import AlignedFactor, require_alignable, standardised
from measure.comparability.alignment_loss import AlignmentLoss
from measure.comparability.alignment_search import align
from measure.comparability.common_metric import ItemFunctions, item_functions, measured_factors
from measure.comparability.metric_links import tied_parameters
from measure.display import render_html, render_text
from measure.errors import ModelError, OptionError
from measure.fitting.confirmatory import cfa
from measure.fitting.fitted import Fit, require_one_level
from measure.fitting.inference import wald

Array = NDArray[np.float64]

METHODS = ("fixed", "free")


@dataclass(frozen=True, eq=False)
class Alignment:
    """The groups of a configural model on one metric.

    Attributes
    ----------
    fit
        The configural model.
    factors
        One row a factor: `simplicity` (least loss), `starts.reached` (share of the starts that
        ended there), `n_parameters` (loadings and intercepts or thresholds of one group),
        `noninvariant` (share of parameters by groups outside the invariant sets), `r2.loadings
        r2.locations` (means over the items of `r2`), `converged`.
    means
        One row a factor and group: `factor group n mean se ci.lower ci.upper variance
        variance.se variance.ci.lower variance.ci.upper`, in the metric of the reference group,
        whose variance is 1 and, with "fixed", whose mean is 0; `noninvariant`, the share of the
        parameters for which the group is outside the invariant set.
    parameters
        One row an aligned parameter: `lhs op rhs group est se invariant` (whether the group is in
        the invariant set of the parameter; NA without standard errors). Loadings and thresholds of
        ordered items are those of responses with a residual variance of 1.
    invariance
        One row a parameter: `factor lhs op rhs average` (of the invariant set), `n_invariant`,
        `noninvariant` (the groups outside, as text), `r2` (share of the variation between groups of
        the configural parameter that factor means and variances explain), `loss` (its part in the
        simplicity).
    functions
        The items' functions on the common metric, with covariances, a factor each; see
        `common_metric`.
    method, reference, epsilon, n_starts, seed, errors, n_draws, level
        What was asked for; `n_draws` is None for "delta".
    notes
        What a reader has to know.
    """

    fit: Fit
    factors: pd.DataFrame
    means: pd.DataFrame
    parameters: pd.DataFrame
    invariance: pd.DataFrame
    functions: tuple[ItemFunctions, ...]
    method: str
    reference: object
    epsilon: float
    n_starts: int
    seed: int
    errors: str
    n_draws: int | None
    level: float
    notes: tuple[str, ...]

    @property
    def noninvariant(self) -> float:
        """Share of the parameters of all groups that lie outside their invariant sets.

        NaN where some have no standard errors.
        """
        inside = self.parameters["invariant"]
        return float("nan") if inside.isna().any() else 1 - float(inside.mean())

    @cached_property
    def differences(self) -> pd.DataFrame:
        """Differences of factor means of all pairs of groups.

        One row a factor and pair: `factor group other difference` (group less other), `se z pvalue
        ci.lower ci.upper`, in standard deviations of the reference group. The p-values are not
        corrected for the number of pairs.
        """
        rows = []
        for own in self.functions:
            n, place = len(own.groups), own.size - 2
            at = np.arange(n) * own.size + place
            V = own.covariance[np.ix_(at, at)]
            for other, group in combinations(range(n), 2):
                variance = V[group, group] + V[other, other] - 2 * V[group, other]
                rows.append(
                    (
                        own.factor,
                        own.groups[group],
                        own.groups[other],
                        float(own.means[group] - own.means[other]),
                        float(np.sqrt(max(variance, 0.0))) if np.isfinite(variance) else np.nan,
                    )
                )
        table = pd.DataFrame(rows, columns=["factor", "group", "other", "difference", "se"])
        est, se = table["difference"].to_numpy(), table["se"].to_numpy()
        return table.assign(**wald(est, se, self.level))

    def _report(self) -> tuple[str, dict[str, object], dict[str, pd.DataFrame]]:
        facts: dict[str, object] = {
            "method": self.method,
            "reference group": self.reference,
            "groups": self.fit.n_groups,
            "respondents used": self.fit.n_obs,
            "estimator": self.fit.estimator,
            "epsilon": self.epsilon,
            "random starts": self.n_starts,
            "seed": self.seed,
            "standard errors": self.errors,
            **({} if self.n_draws is None else {"draws": self.n_draws}),
            "share of parameters that differ": self.noninvariant,
            **{f"note {k}": note for k, note in enumerate(self.notes, start=1)},
        }
        tables = {"Factors": self.factors, "Means": self.means, "Parameters": self.invariance}
        return "Alignment", facts, tables

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def alignment(
    model: str | Fit,
    data: pd.DataFrame | None = None,
    *,
    seed: int,
    group: str | None = None,
    method: str = "fixed",
    reference: object = None,
    epsilon: float = 0.001,
    n_starts: int = 30,
    errors: str = "draws",
    n_draws: int = 500,
    confidence_level: float = 0.95,
    estimator: str | None = None,
    missing: str = "listwise",
    ordered: Sequence[str] | bool = (),
    cluster: str | None = None,
) -> Alignment:
    """Put the groups of a configural model on the metric on which their items differ in few ways.

    The factor means and variances of the groups are chosen so that loadings and intercepts (of
    ordered items thresholds) have many small and few large differences between groups; see
    `alignment_loss`. The fit of the configural model stays what it is. Each factor is aligned by
    itself.

    Parameters
    ----------
    model, data
        Model text and data, one row a respondent; or a configural fit of several groups, however it
        is identified.
    seed
        Of the random starts.
    group, estimator, missing, ordered, cluster
        Of the configural model that is fitted to data; see `cfa`.
    method
        "fixed": the mean of the reference group is 0. "free": all means are free; their common
        level is then determined by the unequal loadings alone, which two groups cannot do, and a
        note says where it is not well determined. Differences of means hardly depend on the choice.
    reference
        The group in whose metric all is reported (variance 1, with "fixed" mean 0); by default the
        first.
    epsilon
        Of the loss: differences below its root, .03 of a loading or of an answer point by default,
        count little. With the .01 of Asparouhov & Muthen (2014) more of the differences of items is
        taken for differences of persons (benchmarks/ALIGNMENT.md; Robitzsch 2024).
    n_starts
        Random starts; the first is informed by the medians over items.
    errors, n_draws
        Where standard errors come from: "draws", so many alignments of configural parameters drawn
        from their normal distribution, or "delta", the delta method, which takes no time.
    confidence_level
        Of the intervals.

    Returns
    -------
    Alignment

    Raises
    ------
    ModelError
        One group; parameters that are equal across groups; an item of two factors, with paths of
        its own, or with a negative residual variance where it is ordered; fewer than two items.
    OptionError
        An option is not known, or does not go with the others.

    Notes
    -----
    Ordered items are aligned with residual variances of 1, to which a fit with the delta
    parameterization is turned: only then do loadings and thresholds keep their meaning where
    factors differ in variance. Each threshold counts as much as a loading. Items should have scales
    of a similar width: differences count in answer points.

    The means and variances are functions of the configural estimates, at whose least loss the
    derivatives of the loss are 0. The delta method follows from that by the implicit function
    theorem, with analytic second derivatives; it takes the loss to be smooth on the scale of the
    sampling errors, and gives standard errors that are too large where these are far above the root
    of epsilon, as they are with ordered items and small groups. Drawn ones hold there as well. No
    standard error tells the bias that unequal items leave in the means.

    The share of parameters outside their invariant sets should be at most 25 % or so (Muthen &
    Asparouhov 2014); above it, `alignment_recovery` says what the means are worth.
    """
    known_option("method", method, METHODS)
    known_option("errors", errors, ("delta", "draws"))
    level = confidence(confidence_level)
    if not epsilon > 0:
        raise OptionError(f"epsilon is {epsilon}, but must be above 0, as 0.001.")
    if n_starts < 1:
        raise OptionError(f"n_starts is {n_starts}, but must be 1 or more.")
    if n_draws < 2:
        raise OptionError(f"n_draws is {n_draws}, but must be 2 or more.")
    if isinstance(model, Fit):
        if data is not None or group is not None:
            raise OptionError("a fit has its own data and groups; give only the fit.")
        fit = model
    else:
        fit = cfa(
            model, data, group=group, std_lv=True, estimator=estimator, missing=missing,
            ordered=ordered, cluster=cluster,
        )  # fmt: skip
    require_one_level(fit, "alignment")
    factors = measured_factors(fit)
    if method == "free" and fit.n_groups == 2:
        raise OptionError(
            'method="free" cannot tell the means of two groups: choose "fixed", whose reference '
            "group has a mean of 0."
        )
    tied = tied_parameters(fit)
    if tied:
        raise ModelError(
            f"{', '.join(tied)} and others are equal across groups; alignment starts from the "
            "configural model, in which all loadings and intercepts or thresholds are free. Leave "
            "group_equal and shared labels out."
        )
    place = _place(fit, reference)
    fixed = place if method == "fixed" else None
    draws = None if errors == "delta" else (n_draws, seed)
    solved = []
    for factor in factors:
        given = standardised(require_alignable(item_functions(fit, factor)))
        loss = AlignmentLoss(given.scoring, given.loadings, given.locations, given.n_obs, epsilon)
        search = align(loss, fixed=fixed, n_starts=n_starts, seed=seed)
        solved.append(AlignedFactor(given, loss, search, place, draws))
    return Alignment(
        fit=fit,
        factors=pd.DataFrame([one.summary() for one in solved]).set_index("factor"),
        means=pd.concat([one.means(level) for one in solved], ignore_index=True),
        parameters=pd.concat([one.parameters() for one in solved], ignore_index=True),
        invariance=pd.concat([one.invariance() for one in solved], ignore_index=True),
        functions=tuple(one.functions for one in solved),
        method=method,
        reference=fit.moments.groups[place],
        epsilon=epsilon,
        n_starts=n_starts,
        seed=seed,
        errors=errors,
        n_draws=None if draws is None else n_draws,
        level=level,
        notes=tuple(note for one in solved for note in one.notes(method)),
    )


def _place(fit: Fit, reference: object) -> int:
    groups = fit.moments.groups
    if reference is None:
        return 0
    if reference not in groups:
        raise OptionError(
            f'reference "{reference}" is no group; the groups are {", ".join(map(str, groups))}.'
        )
    return groups.index(reference)
