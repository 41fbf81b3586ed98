"""Rival models against the reference model, by the instrument's rules and not by fit alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import pandas as pd

import measure
from analyses.evidence import number
from analyses.modelling import indices
from analyses.modelling.fits import Fits, Fitted
from analyses.modelling.indices import Kind
from analyses.modelling.structure import merged_factors, structure
from analyses.verdicts import Distinctness, judge_distinct, known
from instruments.rules import Rules
from instruments.schema import Instrument

Standing = Literal[
    "reference",
    "preferred",
    "rejected",
    "undecided",
    "never_on_fit",
    "equivalent",
    "not_nested",
    "not_fitted",
    "not_comparable",
]
"""How a model stands beside the reference model:

`preferred`, `rejected`, `undecided` by the rules; `never_on_fit` it is more complex, and a better
fit alone speaks for no such model; `equivalent` no data can tell the two apart; `not_nested` the
rules for nested models do not judge it; `not_fitted` it could not be estimated; `not_comparable`
it rests on other items or other respondents.
"""


@dataclass(frozen=True)
class Correlation:
    """A factor correlation of the reference model; `value`s are NaN where not computed."""

    first: str
    second: str
    estimate: float
    lower: float
    upper: float
    distinctness: Distinctness


@dataclass(frozen=True)
class Comparison:
    """One model set beside the reference model.

    `delta_cfi` and `delta_rmsea` are the disadvantage of the model (CFI lower by, RMSEA higher by),
    by indices of one `kind`, `added_residuals` the residual correlations above the rule's limit
    that the reference model does not have, `delta_bic` the difference in BIC (negative favours the
    model), which with ordered answers is that of the checks. `merged` are the correlations that
    the model claims to be 1.
    """

    fitted: Fitted
    standing: Standing
    kind: Kind
    delta_cfi: float | None = None
    delta_rmsea: float | None = None
    added_residuals: int | None = None
    delta_bic: float | None = None
    merged: tuple[Correlation, ...] = ()


def factor_correlations(instrument: Instrument, fits: Fits) -> tuple[Correlation, ...]:
    """Give the factor correlations of the reference model with intervals and verdicts."""
    fit = fits[instrument.reference_model.id].usable
    return () if fit is None else correlations_of(fit, instrument.rules)


def correlations_of(fit: measure.Fit, rules: Rules) -> tuple[Correlation, ...]:
    """Give the factor correlations of a model with intervals and verdicts."""
    factors = set(fit.factor_correlations.columns)
    rows = measure.standardized(fit)
    chosen = rows[
        (rows["op"] == "~~")
        & rows["lhs"].isin(factors)
        & rows["rhs"].isin(factors)
        & (rows["lhs"] != rows["rhs"])
    ]
    return tuple(_correlation(row, rules) for _, row in chosen.iterrows())


def _correlation(row: "pd.Series[float]", rules: Rules) -> Correlation:
    estimate, lower, upper = (
        float(row["est.std"]),
        float(row["ci.lower"]),
        float(row["ci.upper"]),
    )
    # Two factors that correlate −.95 are as little distinct as two that correlate .95.
    size, upper_size = (estimate, upper) if estimate >= 0 else (-estimate, -lower)
    distinctness = judge_distinct(size, upper_size, rules)
    return Correlation(str(row["lhs"]), str(row["rhs"]), estimate, lower, upper, distinctness)


def compare(instrument: Instrument, fits: Fits) -> tuple[Comparison, ...]:
    """Set every model beside the reference model, in the instrument's order.

    Where the reference model has no usable fit, the others are shown and none is judged.
    """
    beside = _beside(instrument, fits)
    return tuple(_compare_one(fitted, beside) for fitted in fits.values())


def compare_one(instrument: Instrument, fits: Fits, name: str) -> Comparison:
    """Set one model beside the reference model, as `compare` does with all."""
    return _compare_one(fits[name], _beside(instrument, fits))


def _beside(instrument: Instrument, fits: Fits) -> "_Beside":
    reference = fits[instrument.reference_model.id]
    correlations = factor_correlations(instrument, fits)
    kind = indices.shared_kind(reference.fit, fits)
    return _Beside(reference, kind, correlations, instrument.rules)


@dataclass(frozen=True, eq=False)
class _Beside:
    """What every model is set beside: the reference model, and the rules."""

    reference: Fitted
    kind: Kind
    correlations: tuple[Correlation, ...]
    rules: Rules

    @cached_property
    def residuals(self) -> dict[frozenset[str], float]:
        """The residual correlations of the reference model."""
        fit = self.reference.usable
        found = {} if fit is None else residual_pairs(fit)
        return {frozenset(pair): value for pair, value in found.items()}


def _compare_one(fitted: Fitted, beside: _Beside) -> Comparison:
    reference, kind, rules = beside.reference, beside.kind, beside.rules
    if fitted is reference:
        return Comparison(fitted, "reference", kind)
    fit, reference_fit = fitted.usable, reference.usable
    if fit is None:
        return Comparison(fitted, "not_fitted", kind)
    if reference_fit is None:
        return Comparison(fitted, "undecided", kind)
    same_items = set(structure(fitted.model).observed) == set(structure(reference.model).observed)
    if fit.n_obs != reference_fit.n_obs or not same_items:
        return Comparison(fitted, "not_comparable", kind)
    own, theirs = (indices.measures(one, kind) for one in (fit, reference_fit))
    delta_cfi, delta_rmsea = theirs["cfi"] - own["cfi"], own["rmsea"] - theirs["rmsea"]
    added = _added_residuals(fit, beside.residuals, rules.simpler_residual_correlation.value)
    pairs = {
        frozenset(pair)
        for pair in merged_factors(structure(fitted.model), structure(reference.model))
    }
    merged = tuple(
        correlation
        for correlation in beside.correlations
        if frozenset((correlation.first, correlation.second)) in pairs
    )
    standing = _standing(fitted, reference, merged, (delta_cfi, delta_rmsea, added), rules)
    delta_bic = _delta_bic(fitted, reference)
    return Comparison(fitted, standing, kind, delta_cfi, delta_rmsea, added, delta_bic, merged)


def _delta_bic(fitted: Fitted, reference: Fitted) -> float | None:
    """Give the difference in BIC; None for estimators without a likelihood."""
    likely = likelihoods(fitted, reference)
    if likely is None:
        return None
    own, theirs = (number(fit.fit_measures.get("bic")) for fit in likely)
    return None if own is None or theirs is None else own - theirs


def likelihoods(fitted: Fitted, reference: Fitted) -> tuple[measure.Fit, measure.Fit] | None:
    """Give the fits of two models that likelihoods are compared of: the checks, where there are."""
    own, theirs = ((entry.check or entry).usable for entry in (fitted, reference))
    return None if own is None or theirs is None or own.n_obs != theirs.n_obs else (own, theirs)


def _standing(
    fitted: Fitted,
    reference: Fitted,
    merged: tuple[Correlation, ...],
    disadvantage: tuple[float, float, int],
    rules: Rules,
) -> Standing:
    model, other = fitted.model, reference.model
    if other.id == model.equivalent_to or model.id == other.equivalent_to:
        return "equivalent"
    if merged or model.boundary_of is not None:
        return _boundary_standing(merged)
    if _df(fitted) < _df(reference) or other.nested_in == model.id:
        return "never_on_fit"
    if model.nested_in != other.id:
        return "not_nested"
    delta_cfi, delta_rmsea, added = disadvantage
    if not (known(delta_cfi) and known(delta_rmsea)):
        return "undecided"
    simpler_will_do = (
        delta_cfi <= rules.simpler_delta_cfi.value
        and delta_rmsea <= rules.simpler_delta_rmsea.value
        and added == 0
    )
    return "preferred" if simpler_will_do else "rejected"


def _boundary_standing(merged: tuple[Correlation, ...]) -> Standing:
    """Judge factors laid together by the intervals of their correlations.

    Laying several factors together fails with one distinct pair, and stands only where no pair is
    distinct.
    """
    verdicts = {correlation.distinctness for correlation in merged}
    if "distinct" in verdicts:
        return "rejected"
    return "preferred" if verdicts == {"not_distinct"} else "undecided"


def _df(fitted: Fitted) -> float:
    return float(fitted.fit.df) if fitted.fit is not None else float("nan")


def residual_pairs(fit: measure.Fit) -> dict[tuple[str, str], float]:
    """Give the residual correlation of every pair of items, by the two names."""
    residuals = measure.residuals(fit, kind="cor.bentler")
    names = [str(name) for name in residuals.columns]
    values = residuals.loc[names, names].to_numpy()
    return {(names[j], names[i]): float(values[j, i]) for i in range(len(names)) for j in range(i)}


def _added_residuals(
    fit: measure.Fit, reference: Mapping[frozenset[str], float], limit: float
) -> int:
    """Count the residual correlations beyond the limit that the reference model keeps within."""
    return sum(
        abs(value) > limit and abs(reference[frozenset(pair)]) <= limit
        for pair, value in residual_pairs(fit).items()
    )
