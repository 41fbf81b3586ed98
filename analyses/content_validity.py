"""Do the items cover what they should: experts' ratings of relevance, and cognitive interviews."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

import measure
from analyses import evidence, verdicts
from analyses.evidence import column, columns
from analyses.intake.experts import HIGHEST, LOWEST, RELEVANT, Experts
from analyses.intake.interviews import KINDS, NO_PROBLEM, Interviews
from analyses.intake.survey import Survey
from analyses.section import (
    Cell,
    Column,
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
from measure.questions.content_validity import FEWEST_EXPERTS

SOURCE = "Lynn 1986; Polit & Beck 2006; Polit, Beck & Owen 2007"
PROBLEMS = tuple(kind for kind in KINDS if kind != NO_PROBLEM)
MOST_ITEMS_DRAWN = 60
"""With more items than this a figure of intervals is not readable; the table holds them."""

FEW_EXPERTS = 6
"""With fewer experts Lynn (1986) asks that all of them agree."""


@dataclass(frozen=True, eq=False)
class Content:
    """What is known about the content besides the answers; None where there is nothing."""

    experts: Experts | None = None
    interviews: Interviews | None = None


def run(instrument: Instrument, survey: Survey, *, content: Content | None = None) -> Section:
    """Judge the content of the items by experts, and list what interviews found.

    Parameters
    ----------
    instrument, survey
        What was asked, and the answers, which say nothing about this.
    content
        Experts' ratings and notes from interviews, where there are any.

    Returns
    -------
    Section
        `content`. Without ratings and notes it says that there is no evidence yet.
    """
    content = Content() if content is None else content
    judged = None if content.experts is None else _judged(instrument, survey, content.experts)
    findings: list[Finding] = []
    tables: list[Table] = []
    if judged is not None:
        findings += _findings(instrument, judged)
        tables += [_item_table(instrument, judged), _scale_table(instrument, judged)]
    if content.interviews is not None:
        findings.append(_interview_finding(content.interviews))
        tables += _interview_tables(instrument, content.interviews)
    figures = () if judged is None else _figures(instrument, judged)
    return Section(
        id="content",
        answer=_answer(instrument, judged, content),
        findings=tuple(findings),
        tables=tuple(tables),
        figures=figures,
        notes=tuple(_notes(survey, judged, content)),
    )


@dataclass(frozen=True, eq=False)
class _Judged:
    """Experts' ratings with their indices; `unrated` are the survey's items without a rating."""

    name: str
    ratings: pd.DataFrame
    result: measure.ContentValidity
    unrated: tuple[str, ...]

    @property
    def provenance(self) -> Provenance:
        """Experts are no respondents, so their number stands in the tables."""
        return Provenance(Message("estimator.count"), None, SOURCE)


def _judged(instrument: Instrument, survey: Survey, experts: Experts) -> _Judged:
    result = measure.content_validity(
        experts.ratings,
        scale=(LOWEST, HIGHEST),
        relevant=RELEVANT,
        confidence=evidence.CONFIDENCE,
    )
    unrated = tuple(str(item) for item in survey.scored if item not in experts.ratings.index)
    return _Judged(experts.name, experts.ratings, result, unrated)


def _verdict_of(judged: _Judged, item: str, instrument: Instrument) -> verdicts.ContentVerdict:
    row = judged.result.items.loc[[item]].iloc[0]
    return verdicts.judge_content_item(
        evidence.number(row["i_cvi"]), int(row["n_experts"]), instrument.rules
    )


def _by_verdict(
    instrument: Instrument, judged: _Judged, verdict: verdicts.ContentVerdict
) -> tuple[str, ...]:
    return tuple(
        str(item)
        for item in judged.result.items.index
        if _verdict_of(judged, str(item), instrument) == verdict
    )


def _answer(instrument: Instrument, judged: _Judged | None, content: Content) -> Message:
    if judged is None:
        known = content.interviews is not None
        return Message("content.answer.interviews" if known else "content.answer.none")
    revise = _by_verdict(instrument, judged, "revise")
    relevant = _by_verdict(instrument, judged, "relevant")
    values: dict[str, Value] = {
        "experts": judged.result.n_experts,
        "n": len(judged.result.items),
        "relevant": len(relevant),
        "revise": revise,
    }
    if judged.result.n_experts < FEWEST_EXPERTS:
        return Message("content.answer.few", values)
    if not revise and len(relevant) == len(judged.result.items):
        return Message("content.answer.all", values)
    return Message("content.answer.some" if revise else "content.answer.open", values)


def _findings(instrument: Instrument, judged: _Judged) -> Iterator[Finding]:
    """Judge the items together, and name each that experts do not find relevant."""
    rules, result = instrument.rules, judged.result
    verdict = verdicts.judge_content_scale(result.s_cvi_ave, result.n_experts, rules)
    few = Message("content.note.few", {"n": result.n_experts, "fewest": FEWEST_EXPERTS})
    strict = Message("content.note.strict", {"n": result.n_experts})
    notes = [few] if result.n_experts < FEWEST_EXPERTS else []
    if FEWEST_EXPERTS <= result.n_experts < FEW_EXPERTS:
        notes = [strict]
    yield Finding(
        id="content_scale",
        claim=Message(f"content.claim.scale_{verdict}", {"n": result.n_experts}),
        verdict=verdict,
        rule=verdicts.stated(rules.content_s_cvi),
        evidence=(
            Quantity("statistic.s_cvi_ave", result.s_cvi_ave, judged.provenance),
            Quantity("statistic.s_cvi_ua", result.s_cvi_ua, judged.provenance),
        ),
        notes=tuple(notes),
    )
    for item in _by_verdict(instrument, judged, "revise"):
        row = result.items.loc[[item]].iloc[0]
        yield Finding(
            id=f"content_{item}",
            claim=Message(
                "content.claim.revise",
                {
                    "item": item,
                    "wording": evidence.text(instrument.item(item).text),
                    "relevant": int(row["n_relevant"]),
                    "n": int(row["n_experts"]),
                },
            ),
            verdict="poor",
            rule=verdicts.stated(rules.content_i_cvi),
            evidence=(
                Quantity(
                    "statistic.i_cvi",
                    evidence.number(row["i_cvi"]),
                    judged.provenance,
                    lower=evidence.number(row["ci.lower"]),
                    upper=evidence.number(row["ci.upper"]),
                    level=evidence.CONFIDENCE,
                ),
                Quantity("statistic.kappa", evidence.number(row["kappa"]), judged.provenance),
            ),
        )


def _item_table(instrument: Instrument, judged: _Judged) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for item, row in judged.result.items.iterrows():
        numbers = ("i_cvi", "ci.lower", "ci.upper", "pc", "kappa")
        rows.append(
            (
                str(item),
                evidence.text(instrument.item(str(item)).text),
                int(row["n_experts"]),
                int(row["n_relevant"]),
                *(evidence.number(row[name]) for name in numbers),
                Message(f"content.verdict.{_verdict_of(judged, str(item), instrument)}"),
            )
        )
    return Table(
        id="content_items",
        title=Message("content.table.items"),
        columns=(
            column("item", "text"),
            column("wording", "message"),
            *columns("count", 0, "experts", "n_relevant"),
            *columns("number", 2, "i_cvi", "ci.lower", "ci.upper"),
            column("pc", "number", 3),
            column("kappa", "number", 2),
            column("verdict", "message"),
        ),
        rows=tuple(rows),
        provenance=judged.provenance,
        notes=(Message("content.note.columns"),),
    )


def _scale_table(instrument: Instrument, judged: _Judged) -> Table:
    """Give the indices of each scale, and of all items together."""
    rows: list[tuple[Cell, ...]] = []
    whole: tuple[Phrase, measure.ContentValidity] = Message("content.all_items"), judged.result
    parts: list[tuple[Phrase, measure.ContentValidity]] = []
    for scale in instrument.scales:
        items = [item for item in scale.items if item in judged.ratings.index]
        if items:
            part = measure.content_validity(judged.ratings.loc[items], relevant=RELEVANT)
            parts.append((evidence.text(scale.label), part))
    for label, part in (*parts, whole):
        cell = label if not isinstance(label, str) else evidence.plain(label)
        rows.append((cell, len(part.items), part.s_cvi_ave, part.s_cvi_ua))
    return Table(
        id="content_scales",
        title=Message("content.table.scales"),
        columns=(
            column("scale", "message"),
            column("n_items", "count", 0),
            *columns("number", 2, "s_cvi_ave", "s_cvi_ua"),
        ),
        rows=tuple(rows),
        provenance=judged.provenance,
        notes=(Message("content.note.scales"),),
    )


def _figures(instrument: Instrument, judged: _Judged) -> tuple[Figure, ...]:
    if len(judged.result.items) > MOST_ITEMS_DRAWN:
        return ()
    limit = instrument.rules.content_i_cvi.value
    values: dict[str, Value] = {"n": len(judged.result.items), "limit": evidence.limit(limit)}
    figure = Figure(
        id="content_items",
        title=Message("content.figure.items"),
        alt=Message("content.figure.items.alt", values),
        table="content_items",
        form="intervals",
        channels={"y": "item", "x": "i_cvi", "lower": "ci.lower", "upper": "ci.upper"},
        domain=(0.0, 1.0),
        rule=limit,
    )
    return (figure,)


def _interview_finding(interviews: Interviews) -> Finding:
    problems = interviews.notes[interviews.notes["kind"] != NO_PROBLEM]
    values: dict[str, Value] = {
        "n": len(problems),
        "items": int(problems["item"].nunique()),
        "interviews": interviews.n_interviews or 0,
    }
    counted = interviews.n_interviews is not None
    source = Message("source.file", {"file": interviews.name})
    return Finding(
        id="content_interviews",
        claim=Message("content.claim.interviews" if counted else "content.claim.noted", values),
        verdict="information",
        evidence=(evidence.count("problems", len(problems), source),),
    )


def _interview_tables(instrument: Instrument, interviews: Interviews) -> Iterator[Table]:
    """Count the problems of each item by kind, and list the notes."""
    notes = interviews.notes
    source = Message("source.file", {"file": interviews.name})
    order = {item: place for place, item in enumerate(instrument.all_item_ids)}
    items = sorted(notes["item"].dropna().unique(), key=lambda item: order[item])
    whole = Message("content.whole")
    counts: list[tuple[Cell, ...]] = []
    listed: list[tuple[Cell, ...]] = []
    for item in (*items, None):
        own = notes[notes["item"].isna() if item is None else notes["item"] == item]
        if own.empty:
            continue
        label: Cell = whole if item is None else evidence.plain(str(item))
        found = [int((own["kind"] == kind).sum()) for kind in PROBLEMS]
        counts.append((label, *found, sum(found)))
        listed += [
            (label, Message(f"content.kind.{note['kind']}"), str(note["note"]))
            for _, note in own[own["note"].notna()].iterrows()
        ]
    provenance = Provenance(Message("estimator.count"), None, source)
    yield Table(
        id="content_problems",
        title=Message("content.table.problems"),
        columns=(
            column("item", "message"),
            *(Column(kind, Message(f"content.kind.{kind}"), "count", 0) for kind in PROBLEMS),
            column("problems", "count", 0),
        ),
        rows=tuple(counts),
        provenance=provenance,
        notes=(Message("content.note.problems"),),
    )
    if listed:
        yield Table(
            id="content_notes",
            title=Message("content.table.notes"),
            columns=(
                column("item", "message"),
                column("kind", "message"),
                column("note", "text"),
            ),
            rows=tuple(listed),
            provenance=provenance,
        )


def _notes(survey: Survey, judged: _Judged | None, content: Content) -> Iterator[Message]:
    if survey.simulated:
        yield Message("note.simulated")
    yield Message("content.note.meaning")
    if judged is None:
        yield Message("content.note.no_experts")
    else:
        yield Message("content.note.experts", {"file": judged.name})
        if len(judged.result.items["n_experts"].unique()) > 1:
            yield Message("content.note.incomplete")
        if judged.unrated:
            yield Message(
                "content.note.unrated", {"n": len(judged.unrated), "items": judged.unrated}
            )
    if content.interviews is None:
        yield Message("content.note.no_interviews")
