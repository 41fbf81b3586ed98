"""The tables and figures of the items section."""

from collections.abc import Iterator, Sequence

from analyses import evidence
from analyses.evidence import column, columns
from analyses.intake.survey import Survey
from analyses.modelling import methods, model_tables
from analyses.modelling.fits import Fitted
from analyses.questionnaire_items.item_judgement import JudgedItem
from analyses.section import (
    Cell,
    Column,
    Figure,
    Message,
    Phrase,
    Provenance,
    Table,
    Value,
)
from instruments.schema import Instrument, ResponseScale, Scale

MOST_ROWS = 30
"""As many items share a table of answers, so that its figure fits a page; scales stay together."""


def scale_table(
    instrument: Instrument,
    survey: Survey,
    scale: Scale,
    judged: Sequence[JudgedItem],
    fitted: Fitted,
) -> Table:
    """Give the items of one scale; those of an index are described, not judged.

    Parameters
    ----------
    judged
        The scale's items as judged; empty where they are not.
    fitted
        The model that the loadings come from.
    """
    names = evidence.scored_items(scale, survey)
    n_whole = int(survey.scored[names].notna().all(axis=1).sum())
    by_name = {item.item: item for item in judged}
    checked = any(item.check is not None for item in judged)
    rows = tuple(
        (
            name,
            *_description(instrument, survey, name),
            *(_judging(by_name[name], checked=checked) if name in by_name else ()),
        )
        for name in names
    )
    judging: tuple[Column, ...] = (
        *columns("number", 3, "item_rest", "alpha_if_dropped"),
        *columns("number", 3, "alpha_dropped.lower", "alpha_dropped.upper"),
        *columns("number", 3, "loading", "ci.lower", "ci.upper"),
        *(columns("number", 3, "loading_check") if checked else ()),
        column("verdict", "message"),
    )
    return Table(
        id=f"items_{scale.id}",
        title=Message("items.table.scale", {"scale": evidence.text(scale.label)}),
        columns=(
            column("item", "text"),
            column("wording", "message"),
            column("n", "count", 0),
            *columns("number", 2, "mean", "sd"),
            *columns("percent", 1, "floor", "ceiling"),
            *(judging if judged else ()),
        ),
        rows=rows,
        provenance=Provenance(_estimators(fitted), n_whole, Message("source.items")),
        notes=tuple(_scale_notes(scale, fitted, n_whole, judged)),
    )


def _judging(item: JudgedItem, *, checked: bool) -> tuple[Cell, ...]:
    return (
        item.numbers.item_rest,
        item.dropped.alpha,
        item.dropped.lower,
        item.dropped.upper,
        item.loading.estimate,
        item.loading.lower,
        item.loading.upper,
        *((None if item.check is None else item.check.estimate,) if checked else ()),
        Message(f"items.verdict.{item.verdict}"),
    )


def _estimators(fitted: Fitted) -> Message:
    values: dict[str, Value] = {
        "model": model_tables.model_label(fitted),
        "method": methods.estimated(fitted),
    }
    return Message("estimator.items", values)


def _scale_notes(
    scale: Scale, fitted: Fitted, n_whole: int, judged: Sequence[JudgedItem]
) -> Iterator[Message]:
    if not judged:
        if scale.kind == "index":
            yield Message("items.note.index")
        return
    yield Message("items.note.columns")
    fit = fitted.usable
    if fit is not None and fitted.plan.ordered:
        yield Message("items.note.ordered")
    yield Message("items.note.dropped")
    if fitted.check is not None and fitted.check.usable is not None:
        method = methods.estimated(fitted.check)
        yield Message("items.note.loading_check", {"method": method})
    if fit is not None and fit.n_obs != n_whole:
        yield Message("items.note.loadings_n", {"n": fit.n_obs})


def _description(instrument: Instrument, survey: Survey, item: str) -> tuple[Cell, ...]:
    """Give wording, n, mean, sd and the shares at both ends of the answer scale."""
    scores = survey.scored[item].dropna()
    limits = instrument.response(item).limits
    ends: tuple[Cell, Cell] = (None, None)
    if limits is not None:
        ends = float((scores == limits[0]).mean()), float((scores == limits[1]).mean())
    return (
        evidence.text(instrument.item(item).text),
        len(scores),
        evidence.number(scores.mean()),
        evidence.number(scores.std(ddof=1)),
        *ends,
    )


def judged_table(survey: Survey, judged: Sequence[JudgedItem], reference: Fitted) -> Table:
    """Give all judged items with what the verdict rests on, and the doubts in words."""
    return Table(
        id="items_judged",
        title=Message("items.table.judged"),
        columns=(
            column("item", "text"),
            column("scale", "message"),
            *columns("number", 2, "loading", "discrimination"),
            column("information", "percent", 0),
            *columns("number", 2, "item_rest", "overlap", "unexplained", "dependence"),
            column("functioning", "number", 3),
            column("doubts", "message"),
            column("verdict", "message"),
        ),
        rows=tuple(
            (
                item.item,
                evidence.text(item.scale.label),
                item.loading.estimate,
                item.discrimination,
                item.information,
                item.numbers.item_rest,
                item.numbers.overlap,
                item.numbers.residual,
                item.numbers.dependence,
                item.numbers.functioning,
                _doubts(item),
                Message(f"items.verdict.{item.verdict}"),
            )
            for item in judged
        ),
        provenance=Provenance(
            methods.estimated(reference), len(survey.scored), Message("source.judged")
        ),
        notes=(Message("items.note.judged"), Message("items.note.functioning")),
    )


def _doubts(item: JudgedItem) -> Message:
    doubts = item.said
    if not doubts:
        return Message("items.doubt.none")
    return Message("items.doubts", {"doubts": doubts})


def answer_tables(instrument: Instrument, survey: Survey) -> Iterator[Table]:
    """Give the share of each answer category, for the items of each answer scale."""
    for response in instrument.responses:
        names = [
            item for item in survey.scored.columns if instrument.response(item).id == response.id
        ]
        if not names or not response.codes:
            continue
        for place, part in enumerate(_parts(instrument, names), start=1):
            yield _answers(survey, response, part, place)


def _parts(instrument: Instrument, names: Sequence[str]) -> Iterator[list[str]]:
    """Part items into lists of no more than `MOST_ROWS`, where scales allow it."""
    scale_of = {item: scale.id for scale in instrument.scales for item in scale.items}
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(scale_of.get(name, ""), []).append(name)
    part: list[str] = []
    for group in groups.values():
        if part and len(part) + len(group) > MOST_ROWS:
            yield part
            part = []
        part = part + group
    yield part


def _answers(survey: Survey, response: ResponseScale, names: Sequence[str], place: int) -> Table:
    """Give the share of each answer category, as answered."""
    rows: list[tuple[Cell, ...]] = []
    for item in names:
        shares = survey.data[item].value_counts(normalize=True)
        rows.append((item, *(float(shares.get(code, 0.0)) for code in response.codes)))
    return Table(
        id=f"answers_{response.id}" if place == 1 else f"answers_{response.id}_{place}",
        title=Message("items.table.answers", {"first": names[0], "last": names[-1]}),
        columns=(
            column("item", "text"),
            *(
                Column(f"category_{code}", _category_label(response, code), "percent", 1)
                for code in response.codes
            ),
        ),
        rows=tuple(rows),
        provenance=Provenance(
            Message("estimator.count"), len(survey.scored), Message("source.answers")
        ),
        notes=(Message("screening.note.as_answered"),),
        distribution=True,
    )


def _category_label(response: ResponseScale, code: int) -> Message:
    """Give the words of an answer category with its code, or the code alone."""
    words = {language: f"{code} {labels[code]}" for language, labels in response.labels.items()}
    phrase: Phrase = evidence.text(words) if words else str(code)
    return evidence.plain(phrase)


def answers_figure(table: Table) -> Figure:
    """Show the answers to each item around the middle of the answer scale."""
    return Figure(
        id=table.id,
        title=Message("items.figure.answers"),
        alt=Message("items.figure.answers.alt", {"n": len(table.rows)}),
        table=table.id,
        form="diverging",
        channels={"y": "item", "parts": " ".join(part.name for part in table.columns[1:])},
    )
