"""Each question on its own: how it is answered, and how well it goes with its scale."""

from collections.abc import Iterator, Mapping

from analyses import evidence
from analyses.intake.survey import Survey
from analyses.modelling import methods
from analyses.modelling.fits import Fits, Fitted, fit_reference
from analyses.modelling.graded import GradedModels, graded_models
from analyses.modelling.scale_models import scale_models
from analyses.questionnaire_items import item_findings, item_functioning, item_tables
from analyses.questionnaire_items.item_functioning import Functioning
from analyses.questionnaire_items.item_judgement import JudgedItem, Views, judge_items
from analyses.questionnaire_items.item_pairs import item_pairs, pairs_table
from analyses.section import Message, Section, Table, Value
from instruments.schema import Instrument, Scale
from measure.errors import MeasureError


def run(
    instrument: Instrument,
    survey: Survey,
    *,
    fits: Fits | None = None,
    models: Mapping[str, Fitted] | None = None,
    graded: GradedModels | None = None,
    functioning: Functioning | None = None,
) -> Section:
    """Describe and judge the items.

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
    functioning
        Whether items work alike for groups, from `item_functioning.functioning`; tested here by
        default.

    Returns
    -------
    Section
        `items`.
    """
    fits = fit_reference(instrument, survey) if fits is None else fits
    reference = fits[instrument.reference_model.id]
    models = scale_models(instrument, survey, fits) if models is None else models
    graded = graded_models(instrument, survey) if graded is None else graded
    works = functioning or item_functioning.functioning(instrument, survey, models, reference)
    pairs = item_pairs(instrument, models, reference, graded)
    views = Views(reference, models, graded, pairs, works)
    tables: list[Table] = []
    notes: list[Message] = []
    judged: list[JudgedItem] = []
    for scale in instrument.scales:
        if not evidence.scored_items(scale, survey):
            continue
        members, refused = _judged(instrument, survey, scale, views)
        judged += members
        notes += refused
        fitted = views.model(scale)
        tables.append(item_tables.scale_table(instrument, survey, scale, members, fitted))
    if judged:
        tables.append(item_tables.judged_table(survey, judged, views.reference))
    if not views.pairs.table.empty:
        tables.append(pairs_table(instrument, views.pairs))
    answers = tuple(item_tables.answer_tables(instrument, survey))
    return Section(
        id="items",
        answer=item_findings.answer(judged),
        findings=tuple(item_findings.findings(instrument, judged, views)),
        tables=(*tables, *item_functioning.tables(views.functioning), *answers),
        figures=tuple(item_tables.answers_figure(table) for table in answers),
        notes=(
            *evidence.standing_notes(instrument, survey),
            *methods.normality_notes(views.reference),
            *methods.fallback_notes(views.reference),
            *notes,
            *item_functioning.notes(views.functioning),
            *_wording_notes(instrument, survey),
        ),
    )


def _judged(
    instrument: Instrument, survey: Survey, scale: Scale, views: Views
) -> tuple[list[JudgedItem], list[Message]]:
    """Judge the items of a scale, or say why that cannot be done; an index is not judged."""
    if scale.kind != "reflective" or len(evidence.scored_items(scale, survey)) < 2:
        return [], []
    try:
        return judge_items(instrument, survey, scale, views), []
    except MeasureError as error:
        values: dict[str, Value] = {"scale": evidence.text(scale.label), "text": str(error)}
        return [], [Message("items.note.refused", values)]


def _wording_notes(instrument: Instrument, survey: Survey) -> Iterator[Message]:
    labelled = sum(instrument.item(item).wording == "label" for item in survey.scored.columns)
    if labelled:
        yield Message("items.note.labels", {"n": labelled})


if __name__ == "__main__":
    from analyses import script

    raise SystemExit(script.main(run, "items"))
