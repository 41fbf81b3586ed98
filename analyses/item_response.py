"""How items measure along the scale: the graded response model of each scale.

The model is set beside the factor model, whose loadings its discriminations stand for. Abilities of
persons are used in sums only and never leave.
"""

from collections.abc import Iterator, Mapping, Sequence

from analyses import evidence, verdicts
from analyses.intake.survey import Survey
from analyses.modelling.fits import Fits, Fitted, fit_reference
from analyses.modelling.graded import Graded, GradedModels, graded_models
from analyses.modelling.scale_models import scale_models
from analyses.questionnaire_items import item_response_tables, wright
from analyses.questionnaire_items.item_response_tables import Compared
from analyses.section import Finding, Message, Provenance, Quantity, Section, Value
from instruments.schema import Instrument

MOST_CURVES = 6
"""As many scales share a figure of curves: more cannot be told apart."""

MOST_NAMED = 8
"""As many items are named in a sentence."""

ALPHA = 1 - evidence.CONFIDENCE
"""Level of the tests of item fit, corrected for the number of items."""


def run(
    instrument: Instrument,
    survey: Survey,
    *,
    fits: Fits | None = None,
    models: Mapping[str, Fitted] | None = None,
    graded: GradedModels | None = None,
) -> Section:
    """Show where along the scale the items tell people apart, and whether the two views agree.

    Parameters
    ----------
    instrument, survey
        What was asked, and the answers.
    fits
        The fitted models, where they have been fitted already; else the reference model is fitted.
    models
        The models of the scales, from `scale_models.scale_models`; fitted here by default.
    graded
        The graded response models, from `graded.graded_models`; fitted here by default.

    Returns
    -------
    Section
        `item_response`. Every reflective scale of at least three items answered in categories has
        its numbers; the scales of the reference model have figures too.
    """
    fits = fit_reference(instrument, survey) if fits is None else fits
    found = graded_models(instrument, survey) if graded is None else graded
    fitted = [one for one in found.values() if one.model is not None]
    notes = [*evidence.standing_notes(instrument, survey), *_reasons(found)]
    if not fitted:
        return Section("item_response", Message("graded.answer.none"), notes=tuple(notes))
    reference = fits[instrument.reference_model.id]
    models = scale_models(instrument, survey, fits) if models is None else models
    compared = [item for one in fitted for item in item_response_tables.compare(one, models)]
    shown = _shown(fitted, models, reference)
    curves = item_response_tables.information_table(shown)
    maps = [wright.table(one, survey) for one in shown]
    return Section(
        id="item_response",
        answer=_answer(instrument, fitted, compared),
        findings=tuple(_findings(instrument, fitted, shown, compared)),
        tables=(
            item_response_tables.scales_table(fitted),
            item_response_tables.items_table(instrument, compared),
            item_response_tables.thresholds_table(fitted),
            item_response_tables.fit_table(fitted),
            curves,
            *maps,
        ),
        figures=(
            *item_response_tables.curves(curves, shown),
            *(wright.figure(one, table) for one, table in zip(shown, maps, strict=True)),
        ),
        notes=(
            *notes,
            Message("graded.note.model"),
            Message("graded.note.independent"),
            Message("graded.note.never_persons"),
        ),
    )


def _shown(
    fitted: Sequence[Graded], models: Mapping[str, Fitted], reference: Fitted
) -> list[Graded]:
    """Choose the scales that are drawn: those of the reference model, else the first."""
    own = [one for one in fitted if models.get(one.scale.id) is reference]
    return (own or list(fitted))[:MOST_CURVES]


def _reasons(found: GradedModels) -> Iterator[Message]:
    """Say which scales have no model, those with the same reason together."""
    reasons: list[tuple[Message, list[Value]]] = []
    for one in found.values():
        if one.reason is None:
            continue
        same = next((names for reason, names in reasons if reason == one.reason), None)
        if same is None:
            same = []
            reasons.append((one.reason, same))
        same.append(evidence.text(one.scale.label))
    for reason, names in reasons:
        yield Message("graded.note.without", {"scales": tuple(names), "reason": reason})


def _answer(
    instrument: Instrument, fitted: Sequence[Graded], compared: Sequence[Compared]
) -> Message:
    differing = _differing(instrument, compared)
    values: dict[str, Value] = {"n": len(fitted), "items": differing[:MOST_NAMED]}
    return Message("graded.answer.differs" if differing else "graded.answer.agrees", values)


def _differing(instrument: Instrument, compared: Sequence[Compared]) -> tuple[str, ...]:
    limit = instrument.rules.loading_discrimination.value
    return tuple(
        item.item
        for item in compared
        if item.difference is not None and abs(item.difference) > limit
    )


def _findings(
    instrument: Instrument,
    fitted: Sequence[Graded],
    shown: Sequence[Graded],
    compared: Sequence[Compared],
) -> Iterator[Finding]:
    yield from _agreement(instrument, compared)
    yield from _precision(shown)
    yield from _misfit(fitted)
    yield from _persons(fitted)


def _agreement(instrument: Instrument, compared: Sequence[Compared]) -> Iterator[Finding]:
    """Say whether loadings and discriminations tell the same."""
    known = [item for item in compared if item.difference is not None]
    if not known:
        return
    differing = _differing(instrument, compared)
    widest = max(known, key=lambda item: abs(item.difference or 0.0))
    key = "graded.claim.differs" if differing else "graded.claim.agrees"
    yield Finding(
        id="graded_agreement",
        claim=Message(key, {"n": len(known), "items": differing[:MOST_NAMED]}),
        verdict="acceptable" if differing else "good",
        rule=verdicts.stated(instrument.rules.loading_discrimination),
        evidence=(
            Quantity(
                "statistic.loading_difference",
                abs(widest.difference or 0.0),
                Provenance(
                    Message("estimator.graded"), widest.n_obs, Message("source.discrimination")
                ),
                of=widest.item,
            ),
        ),
        notes=(Message("graded.note.difference"),),
    )


def _precision(shown: Sequence[Graded]) -> Iterator[Finding]:
    """Say where each scale tells people apart well."""
    for one in shown:
        where = item_response_tables.precise_range(one)
        if one.model is None:
            continue
        provenance = item_response_tables.provenance(one)
        key = "graded.claim.precise" if where is not None else "graded.claim.nowhere_precise"
        ends = [Quantity("statistic.ability", value, provenance, digits=1) for value in where or ()]
        yield Finding(
            id=f"graded_{one.scale.id}",
            claim=Message(
                key,
                {"scale": evidence.text(one.scale.label)}
                | ({"lower": ends[0], "upper": ends[1]} if ends else {}),
            ),
            verdict="information",
            evidence=(
                Quantity(
                    "statistic.marginal_reliability", one.model.marginal_reliability, provenance
                ),
            ),
        )


def _misfit(fitted: Sequence[Graded]) -> Iterator[Finding]:
    """Name the items whose answers do not go with the sum score as the model says."""
    tested = [(name, row) for one in fitted for name, row in one.fit.iterrows()]
    if not tested:
        return
    misfitting = tuple(str(name) for name, row in tested if row["pvalue.holm"] < ALPHA)
    largest_name, largest = max(tested, key=lambda pair: float(pair[1]["rmsea"]))
    key = "graded.claim.misfit" if misfitting else "graded.claim.fit"
    yield Finding(
        id="graded_fit",
        claim=Message(
            key, {"n": len(misfitting), "of": len(tested), "items": misfitting[:MOST_NAMED]}
        ),
        verdict="information",
        evidence=(
            Quantity(
                "statistic.largest_misfit",
                evidence.number(float(largest["rmsea"])),
                Provenance("S-X²", int(largest["n"]), Message("source.item_fit")),
                digits=3,
                of=str(largest_name),
            ),
        ),
        notes=(Message("graded.note.misfit"),),
    )


def _persons(fitted: Sequence[Graded]) -> Iterator[Finding]:
    """Say how many answer in patterns that are unlikely under the model."""
    known = [one for one in fitted if one.unlikely is not None]
    if not known:
        return
    most = max(known, key=lambda one: one.unlikely or 0.0)
    yield Finding(
        id="graded_persons",
        claim=Message("graded.claim.persons", {"scale": evidence.text(most.scale.label)}),
        verdict="information",
        evidence=(
            evidence.share(
                "unlikely",
                most.unlikely or 0.0,
                Message("source.person_fit"),
                None if most.model is None else most.model.n_obs,
            ),
        ),
        notes=(Message("graded.note.persons"),),
    )


if __name__ == "__main__":
    from analyses import script

    raise SystemExit(script.main(run, "item_response"))
