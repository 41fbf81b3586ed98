"""Whether the answers' structure agrees with the instrument's model, or with a rival."""

from collections.abc import Iterator
from dataclasses import dataclass

import measure
from analyses import evidence, verdicts
from analyses.charts import diagram
from analyses.intake.survey import Survey
from analyses.modelling import (
    differences,
    esem,
    indices,
    methods,
    model_tables,
    opinion,
    rivals,
    robust_check,
)
from analyses.modelling.fits import Fits, Fitted, checks, fit_models
from analyses.modelling.indices import Kind
from analyses.modelling.rivals import Comparison, Correlation
from analyses.modelling.robust_check import Agreement
from analyses.section import (
    Figure,
    Finding,
    Message,
    Quantity,
    Rule,
    Section,
    Table,
    Value,
    Verdict,
)
from instruments.schema import Instrument

DISTINCT: dict[verdicts.Distinctness, Verdict] = {
    "distinct": "good",
    "doubtful": "undecided",
    "not_distinct": "poor",
    "undecided": "undecided",
}


def run(instrument: Instrument, survey: Survey, *, fits: Fits | None = None) -> Section:
    """Fit the rival models, set them side by side and judge them by the instrument's rules.

    Parameters
    ----------
    instrument, survey
        What was asked, and the answers.
    fits
        The fitted models, where they have been fitted already.

    Returns
    -------
    Section
        `confirmatory`. A model that could not be fitted is a row with its reason, and so is one
        that is stated and awaits what it takes to fit it.
    """
    fits = fit_models(instrument, survey) if fits is None else fits
    on = _compared(instrument, survey, fits)
    reference, correlations = on.reference, on.correlations
    tables = [
        model_tables.models_table(fits, on.kind, awaited=instrument.awaited_models),
        model_tables.comparison_table(instrument, on.comparisons),
        *differences.tables(reference, on.comparisons),
        *_correlation_tables(instrument, correlations, reference),
    ]
    figures: list[Figure] = []
    if reference.usable is not None:
        loadings = model_tables.loadings_table(instrument, reference, reference.usable)
        tables.append(loadings)
        figures.append(model_tables.loadings_figure(instrument, loadings))
        tables.append(model_tables.residuals_table(instrument, reference, reference.usable))
    if correlations:
        figures.append(model_tables.correlations_figure(instrument))
    for freed in on.freed:
        tables += esem.tables(instrument, freed)
    tables += _check_tables(fits, reference, on.agreement)
    if on.opinion is not None and on.opinion.available:
        tables.append(opinion.table(instrument, on.asked, on.opinion))
    if reference.usable is not None:
        for drawing in _drawings(instrument, reference, reference.usable):
            tables.append(drawing.table)
            figures.insert(0, drawing.figure)
    return Section(
        id="confirmatory",
        answer=_answer(instrument, reference, on.comparisons, on.agreement),
        findings=tuple(_findings(instrument, on)),
        tables=tuple(tables),
        figures=tuple(figures),
        notes=(
            *evidence.standing_notes(instrument, survey),
            *methods.notes(instrument, survey, reference),
            *_method_notes(instrument, survey, reference),
        ),
    )


def findings(instrument: Instrument, survey: Survey, *, fits: Fits) -> tuple[Finding, ...]:
    """Give what `run` finds, without tables and figures; the arguments are those of `run`."""
    return tuple(_findings(instrument, _compared(instrument, survey, fits)))


@dataclass(frozen=True, eq=False)
class _Compared:
    """The models side by side.

    `asked` is the model that another program is asked about, `opinion` what it says; None where
    there is nothing to ask about.
    """

    fits: Fits
    reference: Fitted
    comparisons: tuple[Comparison, ...]
    correlations: tuple[Correlation, ...]
    kind: Kind
    agreement: Agreement | None
    freed: tuple[esem.Freed, ...]
    asked: Fitted
    opinion: measure.SecondOpinion | None


def _compared(instrument: Instrument, survey: Survey, fits: Fits) -> _Compared:
    reference = fits[instrument.reference_model.id]
    comparisons = rivals.compare(instrument, fits)
    asked = reference.check or reference
    return _Compared(
        fits,
        reference,
        comparisons,
        rivals.factor_correlations(instrument, fits),
        indices.shared_kind(reference.fit, fits),
        robust_check.structure_agreement(instrument, fits, comparisons),
        tuple(esem.freed(instrument, fits)),
        asked,
        None if asked.usable is None else opinion.ask(asked.usable, survey),
    )


def _findings(instrument: Instrument, on: _Compared) -> Iterator[Finding]:
    reference = on.reference
    yield _fit_finding(instrument, reference, on.kind)
    if reference.usable is not None:
        yield _residual_finding(instrument, reference, reference.usable)
    yield from _check_findings(instrument, on.fits, on.agreement)
    if on.correlations:
        yield from _distinct_findings(instrument, on.correlations, reference)
    yield from _rival_findings(instrument, on.comparisons)
    for freed in on.freed:
        yield esem.finding(instrument, freed)
    if on.opinion is not None:
        yield opinion.finding(on.asked, on.opinion, check=on.asked is not reference)


def _check_findings(
    instrument: Instrument, fits: Fits, agreement: Agreement | None
) -> Iterator[Finding]:
    """Say what the check says, or why there are not two computations to compare."""
    reference = fits[instrument.reference_model.id]
    if agreement is not None:
        largest = robust_check.largest_loading(agreement, reference)
        yield robust_check.finding("check", agreement, reference, largest)
    missing = robust_check.missing_finding(instrument, fits)
    if missing is not None:
        yield missing


def _check_tables(fits: Fits, reference: Fitted, agreement: Agreement | None) -> Iterator[Table]:
    if agreement is not None:
        yield robust_check.table(agreement, reference)
    checked = checks(fits)
    if checked:
        check = checked[reference.model.id]
        kind = indices.shared_kind(check.fit, checked)
        yield model_tables.models_table(checked, kind, "checks")


def _correlation_tables(
    instrument: Instrument, correlations: tuple[Correlation, ...], reference: Fitted
) -> tuple[Table, ...]:
    if not correlations:
        return ()
    return (model_tables.correlations_table(instrument, correlations, reference),)


def _drawings(
    instrument: Instrument, reference: Fitted, fit: measure.Fit
) -> tuple[diagram.Drawing, ...]:
    """Draw the reference model, its factors by the instrument's words."""
    labels = {name: model_tables.factor_label(instrument, name) for name in fit.model.table.latent}
    return diagram.drawings(fit, model_tables.model_label(reference), labels)


def _method_notes(instrument: Instrument, survey: Survey, reference: Fitted) -> Iterator[Message]:
    counts = [len(instrument.response(item).codes) for item in survey.scored.columns]
    if any(counts) and not reference.plan.ordered:
        fewest = min(number for number in counts if number)
        yield Message("confirmatory.note.categories", {"n": fewest})
    if any(model.boundary_of for model in instrument.rivals):
        yield Message("confirmatory.note.boundary")


def _fit_finding(instrument: Instrument, reference: Fitted, kind: Kind) -> Finding:
    """Judge the global fit of the reference model by every index, or say why there is none."""
    rules = instrument.rules
    rule = verdicts.stated(rules.global_fit_good, rules.global_fit_acceptable)
    if reference.usable is None:
        return Finding(
            id="global_fit",
            claim=Message(
                "confirmatory.claim.no_fit", {"model": model_tables.model_label(reference)}
            ),
            verdict="undecided",
            rule=rule,
            notes=(model_tables.outcome(reference),),
        )
    judged = verdicts.judge_global_fit(indices.measures(reference.usable, kind), rules)
    numbers = tuple(
        _index(reference, reference.usable, kind, name) for name in verdicts.FIT_INDICES
    )
    return Finding(
        id="global_fit",
        claim=Message(
            f"confirmatory.claim.fit_{judged['all']}",
            {"model": model_tables.model_label(reference)},
        ),
        verdict=judged["all"],
        rule=rule,
        evidence=numbers,
        notes=(
            Message(
                "confirmatory.note.each_index",
                {name: Message(f"index.{judged[name]}") for name in verdicts.FIT_INDICES},
            ),
            *indices.notes(reference.usable, kind),
            Message("confirmatory.note.guides"),
        ),
    )


def _index(reference: Fitted, fit: measure.Fit, kind: Kind, name: str) -> Quantity:
    measures = indices.measures(fit, kind)
    bounds: tuple[float | None, float | None, float | None] = (None, None, None)
    if name == "rmsea":
        bounds = measures["rmsea.ci.lower"], measures["rmsea.ci.upper"], 0.90
    return Quantity(
        f"statistic.{indices.NAMES[kind][name]}",
        evidence.number(measures[name]),
        model_tables.provenance(reference, indices.source(fit, kind, name)),
        digits=3,
        lower=evidence.number(bounds[0]),
        upper=evidence.number(bounds[1]),
        level=bounds[2],
    )


def _residual_finding(instrument: Instrument, reference: Fitted, fit: measure.Fit) -> Finding:
    limit = instrument.rules.simpler_residual_correlation.value
    pairs = rivals.residual_pairs(fit)
    first, second = max(pairs, key=lambda pair: abs(pairs[pair]))
    beyond = sum(abs(value) > limit for value in pairs.values())
    return Finding(
        id="local_fit",
        claim=Message(
            "confirmatory.claim.residuals",
            {
                "n": beyond,
                "pairs": len(pairs),
                "limit": evidence.limit(limit),
                "first": first,
                "second": second,
            },
        ),
        verdict="information",
        evidence=(
            Quantity(
                "statistic.largest_residual",
                pairs[first, second],
                model_tables.provenance(reference, "Bentler 1995"),
                digits=3,
            ),
        ),
    )


def _distinct_findings(
    instrument: Instrument, correlations: tuple[Correlation, ...], reference: Fitted
) -> Iterator[Finding]:
    rules = instrument.rules
    rule = verdicts.stated(rules.factor_distinct_upper, rules.factor_distinct_doubtful)
    for correlation in correlations:
        yield Finding(
            id=f"distinct_{correlation.first}_{correlation.second}",
            claim=Message(
                f"confirmatory.claim.{correlation.distinctness}",
                {
                    "first": model_tables.factor_label(instrument, correlation.first),
                    "second": model_tables.factor_label(instrument, correlation.second),
                },
            ),
            verdict=DISTINCT[correlation.distinctness],
            rule=rule,
            evidence=(_correlation_quantity(instrument, correlation, reference),),
        )


def _correlation_quantity(
    instrument: Instrument, correlation: Correlation, reference: Fitted
) -> Quantity:
    first, second = (
        model_tables.factor_label(instrument, factor)
        for factor in (correlation.first, correlation.second)
    )
    return Quantity(
        "statistic.factor_correlation",
        evidence.number(correlation.estimate),
        model_tables.provenance(reference, model_tables.standardized(reference)),
        digits=3,
        lower=evidence.number(correlation.lower),
        upper=evidence.number(correlation.upper),
        level=evidence.CONFIDENCE,
        of=Message("pair", {"first": first, "second": second}),
    )


def _rival_findings(
    instrument: Instrument, comparisons: tuple[Comparison, ...]
) -> Iterator[Finding]:
    reference = next(entry for entry in comparisons if entry.standing == "reference")
    for entry in comparisons:
        if entry is reference:
            continue
        yield Finding(
            id=f"rival_{entry.fitted.model.id}",
            claim=Message(
                _story(entry),
                {
                    "model": model_tables.model_label(entry.fitted),
                    "reference": reference.fitted.model.id,
                    "meaning": evidence.text(entry.fitted.model.meaning),
                },
            ),
            verdict="undecided" if entry.standing == "undecided" else "information",
            rule=_rival_rule(instrument, entry),
            evidence=tuple(_rival_evidence(instrument, entry, reference)),
            notes=(model_tables.outcome(entry.fitted),) if entry.standing == "not_fitted" else (),
        )


def _story(entry: Comparison) -> str:
    """Give the row of the catalogue that tells how a rival fared."""
    if entry.standing == "not_nested" and entry.fitted.check is not None:
        return "confirmatory.claim.rival_not_nested_check"
    boundary = bool(entry.merged) or entry.fitted.model.boundary_of is not None
    if boundary and entry.standing in ("preferred", "rejected", "undecided"):
        return f"confirmatory.claim.merged_{entry.standing}"
    return f"confirmatory.claim.rival_{entry.standing}"


def _rival_rule(instrument: Instrument, entry: Comparison) -> Rule | None:
    rules = instrument.rules
    if entry.merged:
        return verdicts.stated(rules.factor_distinct_upper, rules.factor_distinct_doubtful)
    if entry.standing in ("preferred", "rejected"):
        return verdicts.stated(
            rules.simpler_delta_cfi, rules.simpler_delta_rmsea, rules.simpler_residual_correlation
        )
    return None


def _rival_evidence(
    instrument: Instrument, entry: Comparison, reference: Comparison
) -> Iterator[Quantity]:
    for correlation in entry.merged:
        yield _correlation_quantity(instrument, correlation, reference.fitted)
    fit, reference_fit = entry.fitted.usable, reference.fitted.usable
    if fit is None or reference_fit is None or entry.standing == "not_comparable":
        return
    if not entry.merged:
        for name, value in (("cfi", entry.delta_cfi), ("rmsea", entry.delta_rmsea)):
            yield Quantity(
                f"statistic.{indices.DELTAS[entry.kind][name]}",
                evidence.number(value),
                model_tables.provenance(entry.fitted, indices.source(fit, entry.kind, name)),
                digits=3,
            )
    if entry.standing in ("preferred", "rejected") and not entry.merged:
        source = instrument.rules.simpler_residual_correlation.source
        yield evidence.count("added_residuals", entry.added_residuals or 0, source, fit.n_obs)
    if entry.standing == "not_nested":
        yield from model_tables.likelihood_evidence(entry, reference.fitted)


def _answer(
    instrument: Instrument,
    reference: Fitted,
    comparisons: tuple[Comparison, ...],
    agreement: Agreement | None,
) -> Message:
    """Answer in a sentence, and in a second one where a verdict hangs on the method."""
    answer = _model_answer(instrument, reference, comparisons)
    if reference.instead_of is not None:
        return Message("confirmatory.answer.fallback", {"answer": answer})
    if agreement is None or not agreement.differing:
        return answer
    return Message(
        "confirmatory.answer.check_differs",
        {"answer": answer, "n": len(agreement.differing), "of": len(agreement.judged)},
    )


def _model_answer(
    instrument: Instrument, reference: Fitted, comparisons: tuple[Comparison, ...]
) -> Message:
    if reference.usable is None:
        return Message(
            "confirmatory.answer.no_reference",
            {
                "model": model_tables.model_label(reference),
                "reason": model_tables.outcome(reference),
            },
        )
    kind = indices.kind_of(reference.usable)
    measures = indices.measures(reference.usable, kind)
    judged = verdicts.judge_global_fit(measures, instrument.rules)
    simpler = [entry for entry in comparisons if entry.standing == "preferred"]
    open_ = tuple(
        entry.fitted.model.id
        for entry in comparisons
        if entry.standing == "undecided"
        or (entry.standing == "not_nested" and (entry.delta_bic or 0.0) < 0)
    )
    values: dict[str, Value] = {
        "model": model_tables.model_label(reference),
        "fit": Message(f"confirmatory.fit.{judged['all']}"),
        "open": open_,
    }
    if simpler:
        chosen = max(simpler, key=lambda entry: _df(entry.fitted))
        return Message(
            "confirmatory.answer.simpler",
            {**values, "simpler": model_tables.model_label(chosen.fitted)},
        )
    return Message("confirmatory.answer.open" if open_ else "confirmatory.answer.reference", values)


def _df(fitted: Fitted) -> float:
    return float(fitted.fit.df) if fitted.fit is not None else 0.0


if __name__ == "__main__":
    from analyses import script

    raise SystemExit(script.main(run, "confirmatory"))
