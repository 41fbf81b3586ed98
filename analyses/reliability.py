"""How precisely the scales measure: alpha from the answers, omega from the reference model."""

from collections.abc import Iterator
from dataclasses import dataclass

import measure
from analyses import evidence, indices, methods, model_tables, robust_check, script, verdicts
from analyses.evidence import column, columns
from analyses.fits import Fits, Fitted, fit_reference
from analyses.robust_check import Agreement, Judged, Line
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


Omegas = dict[frozenset[str], Estimate]
NO_ESTIMATE = Estimate(None, None, None, None)


@dataclass(frozen=True)
class ScaleReliability:
    """A reflective scale with its coefficients, and the verdict on omega.

    `check` is omega by the check of a model of ordered answers, with the verdict that it would
    give.
    """

    scale: Scale
    n_items: int
    alpha: Estimate
    omega: Estimate
    verdict: Verdict
    check: Estimate
    check_verdict: Verdict


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
    omegas = _omegas(reference), _omegas(reference.check)
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
    notes += _method_notes(instrument, survey, reference)
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
        findings=(
            *_findings(instrument, judged, reference),
            *_check_findings(judged, reference),
        ),
        tables=(_table(judged, reference),) if judged else (),
        figures=(_figure(instrument),) if judged else (),
        notes=tuple(notes),
    )


def _method_notes(instrument: Instrument, survey: Survey, reference: Fitted) -> Iterator[Message]:
    """Say what omega takes the answers for, and what is assumed of clusters and gaps."""
    if reference.plan.ordered:
        yield Message("reliability.note.ordered")
    elif any(not instrument.response(item).continuous for item in survey.scored.columns):
        yield Message("reliability.note.categories")
    yield from methods.normality_notes(reference)
    yield from methods.fallback_notes(reference)
    if reference.check is not None and reference.check.usable is not None:
        method = methods.estimated(reference.check)
        yield Message("reliability.note.check", {"method": method})
    yield from methods.cluster_notes(instrument, survey, reference)
    if reference.plan.missing == "pairwise":
        yield methods.missing_note(survey, reference.plan)


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


def _omegas(reference: Fitted | None) -> Omegas:
    """Give omega of each factor of the reference model, by the items that it has.

    With ordered answers it is that of the sum of the answers as they were given (Green & Yang
    2009), and not that of latent responses, which nobody adds up.
    """
    if reference is None or reference.usable is None:
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
    omegas: tuple[Omegas, Omegas],
) -> ScaleReliability:
    items = evidence.scored_items(scale, survey)
    omega, check = (found.get(frozenset(items), NO_ESTIMATE) for found in omegas)
    verdict, other = (
        verdicts.judge_reliability(one.lower, one.upper, instrument.rules) for one in (omega, check)
    )
    alpha = _alpha(survey, items)
    return ScaleReliability(scale, len(items), alpha, omega, verdict, check, other)


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
            *(
                (part.check.value, part.check.lower, part.check.upper)
                if _checked(reference)
                else ()
            ),
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
            *(columns("number", 3, *_CHECK) if _checked(reference) else ()),
            column("use", "message"),
        ),
        rows=tuple(rows),
        provenance=model_tables.provenance(
            reference, Message(f"source.reliability{_kind(reference)}", {"model": model})
        ),
    )


_CHECK = ("omega_check", "omega_check.lower", "omega_check.upper")


def _checked(reference: Fitted) -> bool:
    """Tell whether there is omega by the check beside omega of ordered answers."""
    return reference.check is not None and reference.check.usable is not None


def _kind(reference: Fitted) -> str:
    """End the key of a source: omega of ordered answers is another formula."""
    return "_ordered" if reference.plan.ordered else ""


def _check_findings(judged: list[ScaleReliability], reference: Fitted) -> Iterator[Finding]:
    """Say whether the check by robust maximum likelihood judges the scales alike."""
    if not judged or reference.usable is None or not _checked(reference):
        return
    lines = tuple(
        Line(
            Message("plain", {"text": evidence.text(part.scale.label)}),
            Judged(part.omega.value, Message(f"reliability.use.{part.verdict}")),
            Judged(part.check.value, Message(f"reliability.use.{part.check_verdict}")),
        )
        for part in judged
    )
    yield robust_check.finding("reliability_check", Agreement(lines), reference)


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
            Message(f"source.omega{_kind(reference)}", {"model": model}),
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
                *_check_quantity(part, reference),
                _quantity("alpha", part.alpha, alpha),
            ),
        )


def _check_quantity(part: ScaleReliability, reference: Fitted) -> Iterator[Quantity]:
    """Give omega by the check, where there is one."""
    if reference.check is None or not _checked(reference):
        return
    model = model_tables.model_label(reference)
    source = Provenance(
        methods.estimated(reference.check),
        part.check.n_obs,
        Message("source.omega", {"model": model}),
    )
    yield _quantity("omega_check", part.check, source)


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
