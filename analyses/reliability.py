"""How precisely the scales measure: alpha from the answers, omega from models of the scales."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from analyses import evidence, verdicts
from analyses.evidence import column, columns
from analyses.intake.survey import Survey
from analyses.modelling import methods, model_tables, robust_check, total_score
from analyses.modelling.fits import Fits, Fitted, fit_reference
from analyses.modelling.robust_check import Agreement, Judged, Line
from analyses.modelling.scale_models import FEWEST_ITEMS
from analyses.modelling.scale_reliability import (
    Estimate,
    ScaleReliability,
    estimate,
    fits_poorly,
    kind,
    source_model,
)
from analyses.section import (
    Cell,
    Figure,
    Finding,
    Message,
    Phrase,
    Provenance,
    Quantity,
    Section,
    Table,
    Value,
)
from instruments.schema import Instrument

Parts = tuple[ScaleReliability, ...]

_ENOUGH = ("good", "acceptable")
_MOST_NAMES = 5
"""More names than these make a sentence that nobody reads."""


def run(
    instrument: Instrument,
    survey: Survey,
    *,
    fits: Fits | None = None,
    models: Mapping[str, Fitted] | None = None,
) -> Section:
    """Estimate and judge the reliability of the reflective scales.

    Parameters
    ----------
    instrument, survey
        What was asked, and the answers.
    fits
        The fitted models, where they have been fitted already; else the reference model is fitted,
        and nothing is said of a total score, which other models judge.
    models
        The models of the scales, from `scale_models.scale_models`; fitted here by default.

    Returns
    -------
    Section
        `reliability`; the scales of the reference model first, the others in a table of their own.
        Index scales are named, and why they have no coefficient.
    """
    fits = fit_reference(instrument, survey) if fits is None else fits
    reference = fits[instrument.reference_model.id]
    judged = estimate(instrument, survey, reference, models=models)
    main = tuple(part for part in judged if part.main)
    further = tuple(part for part in judged if not part.main)
    notes = [
        *evidence.standing_notes(instrument, survey),
        Message("reliability.note.meaning"),
        Message("reliability.note.never_persons"),
        *_method_notes(instrument, survey, reference),
        *_alpha_notes(main, reference),
        *_model_notes(instrument, reference),
        *_further_notes(instrument, judged, reference),
        *_index_notes(instrument, survey),
    ]
    tables = [_table(parts, reference) for parts in (main, further) if parts]
    return Section(
        id="reliability",
        answer=_answer(main, further),
        findings=(
            *_findings(instrument, main, reference),
            *_check_findings(judged, reference),
            *total_score.findings(instrument, survey, fits, reference),
            *_findings(instrument, further, reference),
        ),
        tables=tuple(tables),
        figures=tuple(_figure(instrument, table.id) for table in tables),
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


def _alpha_notes(main: Parts, reference: Fitted) -> Iterator[Message]:
    """Say in what alpha, which comes from the answers and not from the model, stands apart."""
    fit = reference.usable
    if fit is None:
        return
    if any(part.alpha.provenance.n_obs not in (None, fit.n_obs) for part in main):
        yield Message("reliability.note.alpha_whole", {"n": fit.n_obs})


def _model_notes(instrument: Instrument, reference: Fitted) -> Iterator[Message]:
    """Say that omega of the reference model is missing, or to be read with care."""
    model = model_tables.model_label(reference)
    if reference.usable is None:
        values: dict[str, Value] = {"model": model, "reason": model_tables.outcome(reference)}
        yield Message("reliability.note.no_omega", values)
    elif fits_poorly(reference.usable, instrument.rules):
        yield Message("reliability.note.poor_fit", {"model": model})


def _further_notes(instrument: Instrument, judged: Parts, reference: Fitted) -> Iterator[Message]:
    """Say what the models of one scale each are, and what they cannot show."""
    own = [part for part in judged if part.fitted is not None and part.fitted is not reference]
    if not own:
        return
    yield Message("reliability.note.one_factor")
    if any(part.n_items == FEWEST_ITEMS for part in own):
        yield Message("reliability.note.just_identified", {"n": FEWEST_ITEMS})
    poor = [
        part
        for part in own
        if part.fitted is not None
        and part.fitted.usable is not None
        and part.n_items > FEWEST_ITEMS
        and fits_poorly(part.fitted.usable, instrument.rules)
    ]
    if poor:
        yield Message("reliability.note.one_factor_poor", {"scales": _labels(poor)})


def _index_notes(instrument: Instrument, survey: Survey) -> Iterator[Message]:
    index = tuple(
        evidence.text(scale.label)
        for scale in instrument.scales
        if scale.kind == "index" and evidence.scored_items(scale, survey)
    )
    if index:
        yield Message("reliability.note.index", {"scales": index})


def _table(parts: Parts, reference: Fitted) -> Table:
    checked = any(_checked(part) for part in parts)
    rows: list[tuple[Cell, ...]] = [
        (
            evidence.text(part.scale.label),
            part.n_items,
            part.alpha.provenance.n_obs,
            *_cells(part.alpha),
            part.omega.provenance.n_obs,
            *_cells(part.omega),
            *(_cells(part.check) if checked else ()),
            Message(f"reliability.use.{part.verdict}"),
        )
        for part in parts
    ]
    table = "reliability" if parts[0].main else "reliability_further"
    return Table(
        id=table,
        title=Message(f"reliability.table.{_kind(parts)}"),
        columns=(
            column("scale", "message"),
            *columns("count", 0, "n_items", "n"),
            *columns("number", 3, "alpha", "alpha.lower", "alpha.upper"),
            column("n_omega", "count", 0),
            *columns("number", 3, "omega", "omega.lower", "omega.upper"),
            *(columns("number", 3, *_CHECK) if checked else ()),
            column("use", "message"),
        ),
        rows=tuple(rows),
        provenance=_table_provenance(parts, reference),
    )


_CHECK = ("omega_check", "omega_check.lower", "omega_check.upper")


def _cells(estimate: Estimate) -> tuple[Cell, ...]:
    return estimate.value, estimate.lower, estimate.upper


def _kind(parts: Parts) -> str:
    return "main" if parts[0].main else "further"


def _table_provenance(parts: Parts, reference: Fitted) -> Provenance:
    """Give the source of a table's omegas; what differs between scales stands with each of them."""
    first = next((part for part in parts if part.fitted is not None), parts[0])
    origins = [part.omega.provenance for part in parts if part.fitted is not None]
    values: dict[str, Value] = {
        "model": source_model(first.fitted, reference),
        "alpha": parts[0].alpha.provenance.source,
    }
    source = Message(f"source.reliability{kind(first.fitted)}", values)
    if all(origin == origins[0] for origin in origins):
        return replace(parts[0].omega.provenance, source=source)
    estimator: Phrase = reference.plan.estimator
    if kind(first.fitted):
        estimator = Message("method.ordered", {"estimator": estimator})
    return Provenance(estimator, None, source)


def _checked(part: ScaleReliability) -> bool:
    """Tell whether there is omega by the check beside omega of ordered answers."""
    check = None if part.fitted is None else part.fitted.check
    return check is not None and check.usable is not None


def _check_findings(judged: Parts, reference: Fitted) -> Iterator[Finding]:
    """Say whether the check by robust maximum likelihood judges the scales alike."""
    compared = [part for part in judged if part.omega.value is not None and _checked(part)]
    if not compared:
        return
    lines = tuple(
        Line(
            Message("plain", {"text": evidence.text(part.scale.label)}),
            Judged(part.omega.value, Message(f"reliability.use.{part.verdict}")),
            Judged(part.check.value, Message(f"reliability.use.{part.check_verdict}")),
        )
        for part in compared
    )
    yield robust_check.finding("reliability_check", Agreement(lines), reference)


def _figure(instrument: Instrument, table: str) -> Figure:
    rule = instrument.rules.omega_groups.value
    own = "main" if table == "reliability" else "further"
    return Figure(
        id=table,
        title=Message(f"reliability.figure.{own}"),
        alt=Message(f"reliability.figure.{own}.alt", {"limit": evidence.limit(rule)}),
        table=table,
        form="intervals",
        channels={"y": "scale", "x": "omega", "lower": "omega.lower", "upper": "omega.upper"},
        domain=(0.0, 1.0),
        rule=rule,
    )


def _findings(instrument: Instrument, parts: Parts, reference: Fitted) -> Iterator[Finding]:
    rule = verdicts.stated(instrument.rules.omega_groups, instrument.rules.omega_change)
    for part in parts:
        start = "reliability_" if part.main else verdicts.FURTHER
        yield Finding(
            id=f"{start}{part.scale.id}",
            claim=Message(
                f"reliability.claim.{part.verdict}", {"scale": evidence.text(part.scale.label)}
            ),
            verdict=part.verdict,
            rule=rule,
            evidence=tuple(_evidence(part)),
            notes=tuple(_reasons(part, reference)),
        )


def _evidence(part: ScaleReliability) -> Iterator[Quantity]:
    yield _quantity("omega", part.omega)
    if _checked(part):
        yield _quantity("omega_check", part.check)
    if part.spearman_brown is not None:
        yield _quantity("spearman_brown", part.spearman_brown)
    yield _quantity("alpha", part.alpha)


def _reasons(part: ScaleReliability, reference: Fitted) -> Iterator[Message]:
    """Say why there is no omega; what the reference model lacks is said once for all scales."""
    if part.n_items < FEWEST_ITEMS and part.fitted is None:
        yield Message(f"reliability.note.{'one_item' if part.n_items == 1 else 'two_items'}")
    elif part.fitted not in (None, reference) and part.omega.value is None:
        assert part.fitted is not None
        yield Message("reliability.note.no_own", {"reason": model_tables.outcome(part.fitted)})


def _quantity(name: str, estimate: Estimate) -> Quantity:
    return Quantity(
        f"statistic.{name}",
        estimate.value,
        estimate.provenance,
        digits=3,
        lower=estimate.lower,
        upper=estimate.upper,
        level=evidence.CONFIDENCE,
    )


def _answer(main: Parts, further: Parts) -> Message:
    enough, others = _precise(main), _precise(further)
    rest = [part for part in main if part.verdict not in _ENOUGH]
    values: dict[str, Value] = {
        "enough": _labels(enough),
        "rest": _labels(rest),
        "n": len(main) + len(further),
        "others": len(others) or Message("reliability.no_scale"),
        "n_others": len(further),
    }
    if not rest and len(others) == len(further):
        return Message("reliability.answer.all", values)
    if further:
        which = "main" if not rest else "some" if enough else "none"
        return Message(f"reliability.answer_further.{which}", values)
    return Message(f"reliability.answer.{'some' if enough else 'none'}", values)


def _precise(parts: Parts) -> list[ScaleReliability]:
    return [part for part in parts if part.verdict in _ENOUGH]


def _labels(parts: Sequence[ScaleReliability]) -> tuple[Value, ...]:
    """Name scales in a sentence: the first of them, where there are many, and how many more."""
    named = tuple(evidence.text(part.scale.label) for part in parts)
    if len(named) <= _MOST_NAMES:
        return named
    more = Message("reliability.more", {"n": len(named) - _MOST_NAMES + 1})
    return (*named[: _MOST_NAMES - 1], more)


if __name__ == "__main__":
    from analyses import script

    raise SystemExit(script.main(run, "reliability"))
