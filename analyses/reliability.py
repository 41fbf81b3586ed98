"""How precisely the scales measure: alpha from the answers, omega from the reference model."""

from collections.abc import Iterator
from dataclasses import dataclass

import measure
from analyses import evidence, indices, methods, model_tables, script, verdicts
from analyses.evidence import column, columns
from analyses.fits import Fits, Fitted, fit_reference
from analyses.section import (
    Cell,
    Figure,
    Finding,
    Message,
    Provenance,
    Quantity,
    Section,
    Table,
    Value,
    Verdict,
)
from analyses.structure import structure
from analyses.survey import Survey
from instruments.schema import Instrument, Scale
from measure.composites import composite_reliability
from measure.errors import MeasureError
from measure.reliability import cronbach_alpha


@dataclass(frozen=True)
class Estimate:
    """A coefficient with its interval; None is what could not be computed."""

    value: float | None
    lower: float | None
    upper: float | None
    n_obs: int | None


NO_ESTIMATE = Estimate(None, None, None, None)


@dataclass(frozen=True)
class ScaleReliability:
    """A reflective scale with its coefficients, and the verdict on omega."""

    scale: Scale
    n_items: int
    alpha: Estimate
    omega: Estimate
    verdict: Verdict


def run(instrument: Instrument, survey: Survey, *, fits: Fits | None = None) -> Section:
    """Estimate and judge the reliability of the reflective scales.

    Parameters
    ----------
    instrument, survey
        What was asked, and the answers.
    fits
        The fitted models, where they have been fitted already; else the reference model is fitted.

    Returns
    -------
    Section
        `reliability`. Index scales are named, and why they have no coefficient.
    """
    fits = fit_reference(instrument, survey) if fits is None else fits
    reference = fits[instrument.reference_model.id]
    omegas = _omegas(reference)
    judged = [
        _reliability(instrument, survey, scale, omegas)
        for scale in instrument.reflective_scales
        if evidence.scored_items(scale, survey)
    ]
    notes = [
        *evidence.standing_notes(instrument, survey),
        Message("reliability.note.meaning"),
        Message("reliability.note.never_persons"),
    ]
    if any(not instrument.response(item).continuous for item in survey.scored.columns):
        notes.append(Message("reliability.note.categories"))
    notes += methods.cluster_notes(instrument, survey, reference)
    notes += _alpha_notes(judged, reference)
    if reference.usable is None:
        values = {
            "model": model_tables.model_label(reference),
            "reason": model_tables.outcome(reference),
        }
        notes.append(Message("reliability.note.no_omega", values))
    elif _fits_poorly(reference.usable, instrument):
        model = model_tables.model_label(reference)
        notes.append(Message("reliability.note.poor_fit", {"model": model}))
    index = tuple(
        evidence.text(scale.label)
        for scale in instrument.scales
        if scale.kind == "index" and evidence.scored_items(scale, survey)
    )
    if index:
        notes.append(Message("reliability.note.index", {"scales": index}))
    return Section(
        id="reliability",
        answer=_answer(judged),
        findings=tuple(_findings(instrument, judged, reference)),
        tables=(_table(judged, reference),) if judged else (),
        figures=(_figure(instrument),) if judged else (),
        notes=tuple(notes),
    )


def _fits_poorly(fit: measure.Fit, instrument: Instrument) -> bool:
    """Tell whether omega rests on a model that the answers do not support."""
    measures = indices.measures(fit, indices.kind_of(fit))
    return verdicts.judge_global_fit(measures, instrument.rules)["all"] == "poor"


def _alpha_notes(judged: list[ScaleReliability], reference: Fitted) -> Iterator[Message]:
    """Say in what alpha, which comes from the answers and not from the model, stands apart."""
    fit = reference.usable
    if fit is None:
        return
    if fit.n_clusters is not None:
        yield Message("reliability.note.alpha_independent")
    if any(part.alpha.n_obs not in (None, fit.n_obs) for part in judged):
        yield Message("reliability.note.alpha_whole", {"n": fit.n_obs})


def _omegas(reference: Fitted) -> dict[frozenset[str], Estimate]:
    """Give omega of each factor of the reference model, by the items that it has."""
    if reference.usable is None:
        return {}
    table = composite_reliability(reference.usable)
    factors = structure(reference.model).factors
    return {
        frozenset(factors[str(row["factor"])]): Estimate(
            evidence.number(row["omega"]),
            evidence.number(row["omega.ci.lower"]),
            evidence.number(row["omega.ci.upper"]),
            reference.usable.n_obs,
        )
        for _, row in table.iterrows()
    }


def _reliability(
    instrument: Instrument,
    survey: Survey,
    scale: Scale,
    omegas: dict[frozenset[str], Estimate],
) -> ScaleReliability:
    items = evidence.scored_items(scale, survey)
    omega = omegas.get(frozenset(items), NO_ESTIMATE)
    verdict = verdicts.judge_reliability(omega.lower, omega.upper, instrument.rules)
    return ScaleReliability(scale, len(items), _alpha(survey, items), omega, verdict)


def _alpha(survey: Survey, items: list[str]) -> Estimate:
    """Give alpha with Feldt's interval; one item, or constant ones, have none."""
    if len(items) < 2:
        return NO_ESTIMATE
    try:
        alpha = cronbach_alpha(survey.scored[items], confidence_level=evidence.CONFIDENCE)
    except MeasureError:
        # The items section reports what is wrong with them; here the cell is empty.
        return NO_ESTIMATE
    return Estimate(
        evidence.number(alpha.alpha),
        evidence.number(alpha.ci_lower),
        evidence.number(alpha.ci_upper),
        alpha.n_obs,
    )


def _table(judged: list[ScaleReliability], reference: Fitted) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            evidence.text(part.scale.label),
            part.n_items,
            part.alpha.n_obs,
            part.alpha.value,
            part.alpha.lower,
            part.alpha.upper,
            part.omega.value,
            part.omega.lower,
            part.omega.upper,
            Message(f"reliability.use.{part.verdict}"),
        )
        for part in judged
    ]
    model = model_tables.model_label(reference)
    return Table(
        id="reliability",
        title=Message("reliability.table"),
        columns=(
            column("scale", "message"),
            *columns("count", 0, "n_items", "n"),
            *columns("number", 3, "alpha", "alpha.lower", "alpha.upper"),
            *columns("number", 3, "omega", "omega.lower", "omega.upper"),
            column("use", "message"),
        ),
        rows=tuple(rows),
        provenance=model_tables.provenance(
            reference, Message("source.reliability", {"model": model})
        ),
    )


def _figure(instrument: Instrument) -> Figure:
    rule = instrument.rules.omega_groups.value
    return Figure(
        id="reliability",
        title=Message("reliability.figure"),
        alt=Message("reliability.figure.alt", {"limit": evidence.limit(rule)}),
        table="reliability",
        form="intervals",
        channels={"y": "scale", "x": "omega", "lower": "omega.lower", "upper": "omega.upper"},
        domain=(0.0, 1.0),
        rule=rule,
    )


def _findings(
    instrument: Instrument, judged: list[ScaleReliability], reference: Fitted
) -> Iterator[Finding]:
    rule = verdicts.stated(instrument.rules.omega_groups, instrument.rules.omega_change)
    model = model_tables.model_label(reference)
    for part in judged:
        omega = Provenance(
            methods.estimated(reference),
            part.omega.n_obs,
            Message("source.omega", {"model": model}),
        )
        alpha = Provenance(
            Message("estimator.covariances"), part.alpha.n_obs, "Cronbach 1951; Feldt 1965"
        )
        yield Finding(
            id=f"reliability_{part.scale.id}",
            claim=Message(
                f"reliability.claim.{part.verdict}", {"scale": evidence.text(part.scale.label)}
            ),
            verdict=part.verdict,
            rule=rule,
            evidence=(
                _quantity("omega", part.omega, omega),
                _quantity("alpha", part.alpha, alpha),
            ),
        )


def _quantity(name: str, estimate: Estimate, provenance: Provenance) -> Quantity:
    return Quantity(
        f"statistic.{name}",
        estimate.value,
        provenance,
        digits=3,
        lower=estimate.lower,
        upper=estimate.upper,
        level=evidence.CONFIDENCE,
    )


def _answer(judged: list[ScaleReliability]) -> Message:
    enough = tuple(
        evidence.text(part.scale.label) for part in judged if part.verdict in ("good", "acceptable")
    )
    rest = tuple(
        evidence.text(part.scale.label)
        for part in judged
        if part.verdict not in ("good", "acceptable")
    )
    values: dict[str, Value] = {"enough": enough, "rest": rest, "n": len(judged)}
    if not rest:
        return Message("reliability.answer.all", values)
    return Message("reliability.answer.some" if enough else "reliability.answer.none", values)


if __name__ == "__main__":
    raise SystemExit(script.main(run, "reliability"))
