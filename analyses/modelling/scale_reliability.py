"""The coefficients of each reflective scale: alpha from the answers, omega from a model.

A scale that the reference model holds has omega from there; any other gets a model of one factor,
fitted as the reference model is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

import measure
from analyses import evidence, verdicts
from analyses.intake.survey import Survey
from analyses.modelling import indices, methods, model_tables
from analyses.modelling.fits import Fitted
from analyses.modelling.scale_models import one_factor_models
from analyses.modelling.structure import structure
from analyses.section import Message, Phrase, Provenance, Value, Verdict
from instruments.rules import Rules
from instruments.schema import Instrument, Scale
from measure.consistency.composites import composite_reliability
from measure.consistency.reliability import CronbachAlpha, cronbach_alpha
from measure.errors import MeasureError

_INTERVALS = {"feldt": "Feldt 1965", "adf": "Maydeu-Olivares, Coffman & Hartmann 2007"}
_EISINGA = "Eisinga, te Grotenhuis & Pelzer 2013"


@dataclass(frozen=True)
class Estimate:
    """A coefficient with its interval and its source; None is what could not be computed."""

    value: float | None
    lower: float | None
    upper: float | None
    provenance: Provenance


@dataclass(frozen=True)
class ScaleReliability:
    """A reflective scale with its coefficients, and the verdict on omega.

    Parameters
    ----------
    main
        Whether the scale's items are in the reference model.
    fitted
        The model that holds the scale; None where it has too few items for one of its own.
    omega, check
        From that model, and from its check where answers are taken as ordered.
    verdict, check_verdict
        On each of the two.
    spearman_brown
        Of a scale of two items.
    """

    scale: Scale
    n_items: int
    main: bool
    fitted: Fitted | None
    alpha: Estimate
    omega: Estimate
    check: Estimate
    verdict: Verdict
    check_verdict: Verdict
    spearman_brown: Estimate | None = None


Table = Mapping[frozenset[str], pd.Series]
"""Rows of `measure.composite_reliability`, by the items of the factor."""


def estimate(
    instrument: Instrument,
    survey: Survey,
    reference: Fitted,
    *,
    models: Mapping[str, Fitted] | None = None,
) -> tuple[ScaleReliability, ...]:
    """Estimate and judge every reflective scale that the survey has answers to.

    Parameters
    ----------
    reference
        The reference model as it was fitted; the others are fitted as it was.
    models
        The models of the scales, from `scale_models.scale_models`, of which those of one factor are
        taken; fitted here by default.

    Returns
    -------
    tuple
        In the instrument's order. Where none of the scales is in the reference model, all of them
        are main scales.
    """
    known = structure(reference.model)
    scales = {
        scale.id: items
        for scale in instrument.reflective_scales
        if (items := evidence.scored_items(scale, survey))
    }
    held = {frozenset(items) for items in known.factors.values()}
    others = {name: items for name, items in scales.items() if frozenset(items) not in held}
    own = {name: fitted for name, fitted in (models or {}).items() if fitted is not reference}
    rest = {name: items for name, items in others.items() if name not in own}
    own |= one_factor_models(instrument, survey, rest, reference)
    fits = (reference, *own.values())
    checks = [fitted.check for fitted in fits if fitted.check is not None]
    sources = _Sources(survey, reference, (_omegas(fits), _omegas(checks)))
    main = {name for name in scales if set(instrument.scale(name).items) <= set(known.observed)}
    judged = []
    for name, items in scales.items():
        fitted = reference if frozenset(items) in held else own.get(name)
        omega, check = sources.omegas(items, fitted)
        verdict, other = (
            verdicts.judge_reliability(one.lower, one.upper, instrument.rules)
            for one in (omega, check)
        )
        alpha, spearman_brown = sources.alphas(items)
        judged.append(
            ScaleReliability(
                instrument.scale(name),
                len(items),
                main=name in main or not main,
                fitted=fitted,
                alpha=alpha,
                omega=omega,
                check=check,
                verdict=verdict,
                check_verdict=other,
                spearman_brown=spearman_brown,
            )
        )
    return tuple(judged)


def fits_poorly(fit: measure.Fit, rules: Rules) -> bool:
    """Tell whether a coefficient rests on a model that the answers do not support."""
    measures = indices.measures(fit, indices.kind_of(fit))
    return verdicts.judge_global_fit(measures, rules)["all"] == "poor"


def source_model(fitted: Fitted | None, reference: Fitted) -> Message:
    """Name the model that a scale's omega is from."""
    if fitted is reference:
        return model_tables.model_label(reference)
    return Message("reliability.one_factor")


def kind(fitted: Fitted | None) -> str:
    """End the key of a source: omega of ordered answers is another formula."""
    ordered = fitted is not None and any(
        item in fitted.plan.ordered for item in structure(fitted.model).observed
    )
    return "_ordered" if ordered else ""


@dataclass(frozen=True)
class _Sources:
    """The answers, the reference model, and omegas of all models and of their checks."""

    survey: Survey
    reference: Fitted
    tables: tuple[Table, Table]

    def omegas(self, items: list[str], fitted: Fitted | None) -> tuple[Estimate, Estimate]:
        """Give omega of the sum of some items, and omega by the check."""
        key = frozenset(items)
        model = source_model(fitted, self.reference)
        check = None if fitted is None else fitted.check
        sources = (
            Message(f"source.omega{kind(fitted)}", {"model": model}),
            Message("source.omega", {"model": model}),
        )
        own, other = (
            _read(table.get(key), _provenance(entry, source))
            for table, entry, source in zip(self.tables, (fitted, check), sources, strict=True)
        )
        return own, other

    def alphas(self, items: list[str]) -> tuple[Estimate, Estimate | None]:
        """Give alpha, and of two items the Spearman-Brown coefficient.

        The intervals allow for the clusters that the models allow for.
        """
        alpha = self._alpha(items)
        if alpha is None:
            # The items section reports what is wrong with them; here the cell is empty.
            source = Provenance(Message("estimator.covariances"), None, "Cronbach 1951")
            return Estimate(None, None, None, source), None
        values = alpha.alpha, alpha.ci_lower, alpha.ci_upper
        interval = _INTERVALS[alpha.interval]
        own = _coefficient(values, alpha, f"Cronbach 1951; {interval}")
        if len(items) > 2:
            return own, None
        values = alpha.alpha_std, alpha.std_ci_lower, alpha.std_ci_upper
        return own, _coefficient(values, alpha, f"{_EISINGA}; {interval}")

    def _alpha(self, items: list[str]) -> CronbachAlpha | None:
        if len(items) < 2:
            return None
        answers = self.survey.scored[items]
        declared = self.reference.plan.cluster
        cluster = None if declared is None else declared.name
        if cluster is not None:
            answers = answers.assign(**{cluster: self.survey.data[cluster]})
        try:
            return cronbach_alpha(
                answers,
                # Feldt's interval is not for the standardised alpha, which two items have too.
                interval="adf" if len(items) == 2 else None,
                cluster=cluster,
                confidence_level=evidence.CONFIDENCE,
            )
        except MeasureError:
            return None


def _omegas(fits: Iterable[Fitted]) -> Table:
    """Give the rows of all usable models.

    With ordered answers omega is that of the sum of the answers as they were given (Green & Yang
    2009), and not that of latent responses, which nobody adds up.
    """
    found = {}
    for fitted in fits:
        if fitted.usable is None:
            continue
        factors = structure(fitted.model).factors
        table = composite_reliability(fitted.usable, confidence_level=evidence.CONFIDENCE)
        for _, row in table.iterrows():
            found[frozenset(factors[str(row["factor"])])] = row
    return found


def _provenance(fitted: Fitted | None, source: Phrase) -> Provenance:
    if fitted is None:
        return Provenance("", None, source)
    n_obs = None if fitted.usable is None else fitted.usable.n_obs
    return Provenance(methods.estimated(fitted), n_obs, source)


def _read(row: pd.Series | None, provenance: Provenance) -> Estimate:
    if row is None:
        return Estimate(None, None, None, provenance)
    value, lower, upper = (
        evidence.number(row[name]) for name in ("omega", "omega.ci.lower", "omega.ci.upper")
    )
    return Estimate(value, lower, upper, provenance)


def _coefficient(values: tuple[float, float, float], alpha: CronbachAlpha, source: str) -> Estimate:
    estimator = Message("estimator.covariances")
    if alpha.n_clusters is not None:
        clusters: dict[str, Value] = {"estimator": estimator, "n": alpha.n_clusters}
        estimator = Message("method.clustered", clusters)
    value, lower, upper = (evidence.number(number) for number in values)
    return Estimate(value, lower, upper, Provenance(estimator, alpha.n_obs, source))
