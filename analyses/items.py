"""Each question on its own: how it is answered, and how well it goes with its scale."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import measure
from analyses import evidence, methods, model_tables, robust_check, script, verdicts
from analyses.evidence import column, columns
from analyses.fits import Fits, Fitted, fit_reference
from analyses.robust_check import Agreement, Judged, Line
from analyses.section import (
    Cell,
    Column,
    Figure,
    Finding,
    Message,
    Provenance,
    Quantity,
    Rule,
    Section,
    Table,
    Value,
    Verdict,
)
from analyses.survey import Survey
from analyses.verdicts import ItemVerdict
from instruments.rules import Rules
from instruments.schema import Instrument, ResponseScale, Scale
from measure.items import item_analysis

MOST_SPARSE = 8
"""As many of the items with sparse tables are named."""

ITEM_VERDICTS: dict[ItemVerdict, Verdict] = {
    "keep": "good",
    "look": "acceptable",
    "rewrite": "poor",
    "undecided": "undecided",
}


@dataclass(frozen=True)
class Loading:
    """A standardised loading in the reference model, with its interval."""

    estimate: float | None
    lower: float | None
    upper: float | None


@dataclass(frozen=True)
class JudgedItem:
    """An item with the numbers that it is judged by.

    `item_rest` rests on the `n_scale` respondents who answered the whole scale, `largest_share` on
    the `n_answers` who answered the item. `check` is the loading by the check of a model of ordered
    answers.
    """

    item: str
    scale: str
    loading: Loading
    item_rest: float | None
    largest_share: float | None
    verdict: ItemVerdict
    n_scale: int
    n_answers: int
    check: Loading | None = None

    def check_verdict(self, rules: Rules) -> ItemVerdict:
        """Judge the item as it would be judged by the loading of the check."""
        loading = None if self.check is None else self.check.estimate
        return verdicts.judge_item(loading, self.item_rest, self.largest_share, rules)


def run(instrument: Instrument, survey: Survey, *, fits: Fits | None = None) -> Section:
    """Describe and judge the items.

    Parameters
    ----------
    instrument, survey
        What was asked, and the answers.
    fits
        The fitted models, where they have been fitted already; else the reference model is fitted.

    Returns
    -------
    Section
        `items`.
    """
    fits = fit_reference(instrument, survey) if fits is None else fits
    reference = fits[instrument.reference_model.id]
    loadings = Loadings(_loadings(reference), _loadings(reference.check))
    tables: list[Table] = []
    judged: list[JudgedItem] = []
    for scale in instrument.scales:
        names = evidence.scored_items(scale, survey)
        if not names:
            continue
        table, verdicts_ = _scale_table(instrument, survey, scale, reference, loadings)
        tables.append(table)
        judged += verdicts_
    answers = [
        _answers(instrument, survey, response)
        for response in instrument.responses
        if any(instrument.response(item).id == response.id for item in survey.scored.columns)
        and response.codes
    ]
    return Section(
        id="items",
        answer=_answer(judged),
        findings=(
            *_findings(instrument, judged, reference),
            *_sparse_findings(reference),
            *_check_findings(instrument, judged, reference),
        ),
        tables=(*tables, *answers),
        figures=tuple(_figure(table) for table in answers),
        notes=(
            *evidence.standing_notes(instrument, survey),
            *methods.normality_notes(reference),
            *methods.fallback_notes(reference),
            *_wording_notes(instrument, survey),
        ),
    )


class Loadings(NamedTuple):
    """Loadings in the reference model, by item: as judged, and by the check."""

    judged: dict[str, Loading]
    check: dict[str, Loading]


def _loadings(reference: Fitted | None) -> dict[str, Loading]:
    """Give each item's standardised loading on its factor in the reference model."""
    fit = None if reference is None else reference.usable
    if fit is None:
        return {}
    standardized = measure.standardized(fit)
    rows = standardized[standardized["op"] == "=~"]
    return {
        str(row["rhs"]): Loading(
            evidence.number(row["est.std"]),
            evidence.number(row["ci.lower"]),
            evidence.number(row["ci.upper"]),
        )
        for _, row in rows.iterrows()
    }


def _scale_table(
    instrument: Instrument,
    survey: Survey,
    scale: Scale,
    reference: Fitted,
    loadings: Loadings,
) -> tuple[Table, list[JudgedItem]]:
    """Give the items of one scale; those of an index are described, not judged."""
    names = evidence.scored_items(scale, survey)
    answers = survey.scored[names]
    reflective = scale.kind == "reflective" and len(names) > 1
    analysis = item_analysis(answers) if reflective else None
    n_whole = int(answers.notna().all(axis=1).sum())
    rows: list[tuple[Cell, ...]] = []
    judged: list[JudgedItem] = []
    for name in names:
        described = _description(instrument, survey, name)
        if analysis is None:
            rows.append((name, *described))
            continue
        loading = loadings.judged.get(name, Loading(None, None, None))
        check = loadings.check.get(name)
        item_rest = evidence.number(analysis.loc[name, "r_drop"])
        share = _largest_share(instrument, survey, name)
        verdict = verdicts.judge_item(loading.estimate, item_rest, share, instrument.rules)
        counts = n_whole, int(answers[name].notna().sum())
        judged.append(
            JudgedItem(name, scale.id, loading, item_rest, share, verdict, *counts, check)
        )
        rows.append(
            (
                name,
                *described,
                item_rest,
                evidence.number(analysis.loc[name, "alpha_drop"]),
                loading.estimate,
                loading.lower,
                loading.upper,
                *(() if not loadings.check else (None if check is None else check.estimate,)),
                Message(f"items.verdict.{verdict}"),
            )
        )
    judging: tuple[Column, ...] = (
        *columns("number", 3, "item_rest", "alpha_if_dropped", "loading", "ci.lower", "ci.upper"),
        *(columns("number", 3, "loading_check") if loadings.check else ()),
        column("verdict", "message"),
    )
    label = evidence.text(scale.label)
    table = Table(
        id=f"items_{scale.id}",
        title=Message("items.table.scale", {"scale": label}),
        columns=(
            column("item", "text"),
            column("wording", "message"),
            column("n", "count", 0),
            *columns("number", 2, "mean", "sd"),
            *columns("percent", 1, "floor", "ceiling"),
            *(judging if reflective else ()),
        ),
        rows=tuple(rows),
        provenance=Provenance(
            Message(
                "estimator.items",
                {
                    "model": model_tables.model_label(reference),
                    "method": methods.estimated(reference),
                },
            ),
            n_whole,
            Message("source.items"),
        ),
        notes=tuple(_scale_notes(reference, n_whole, reflective=reflective)),
    )
    return table, judged


def _scale_notes(reference: Fitted, n_whole: int, *, reflective: bool) -> Iterator[Message]:
    if not reflective:
        yield Message("items.note.index")
        return
    yield Message("items.note.columns")
    if reference.usable is not None and reference.plan.ordered:
        yield Message("items.note.ordered")
    if reference.check is not None and reference.check.usable is not None:
        method = methods.estimated(reference.check)
        yield Message("items.note.loading_check", {"method": method})
    if reference.usable is not None and reference.usable.n_obs != n_whole:
        yield Message("items.note.loadings_n", {"n": reference.usable.n_obs})


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


def _largest_share(instrument: Instrument, survey: Survey, item: str) -> float | None:
    if not instrument.response(item).codes:
        return None
    return float(survey.scored[item].value_counts(normalize=True).max())


def _answers(instrument: Instrument, survey: Survey, response: ResponseScale) -> Table:
    """Give the share of each answer category, as answered, for the items of one answer scale."""
    names = [item for item in survey.scored.columns if instrument.response(item).id == response.id]
    rows: list[tuple[Cell, ...]] = []
    for item in names:
        shares = survey.data[item].value_counts(normalize=True)
        rows.append((item, *(float(shares.get(code, 0.0)) for code in response.codes)))
    return Table(
        id=f"answers_{response.id}",
        title=Message("items.table.answers"),
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
    )


def _category_label(response: ResponseScale, code: int) -> Message:
    """Give the words of an answer category with its code, or the code alone."""
    words = {language: f"{code} {labels[code]}" for language, labels in response.labels.items()}
    return evidence.plain(evidence.text(words) if words else str(code))


def _figure(table: Table) -> Figure:
    return Figure(
        id=table.id,
        title=Message("items.figure.answers"),
        alt=Message("items.figure.answers.alt", {"n": len(table.rows)}),
        table=table.id,
        form="stacked",
        channels={"y": "item", "parts": " ".join(part.name for part in table.columns[1:])},
        domain=(0.0, 1.0),
    )


def _answer(judged: list[JudgedItem]) -> Message:
    if not judged or all(item.verdict == "undecided" for item in judged):
        return Message("items.answer.undecided")
    poor = tuple(item.item for item in judged if item.verdict == "rewrite")
    look = tuple(item.item for item in judged if item.verdict == "look")
    kept = sum(item.verdict == "keep" for item in judged)
    values: dict[str, Value] = {"kept": kept, "n": len(judged), "look": look, "rewrite": poor}
    if poor and look:
        return Message("items.answer.both", values)
    if poor:
        return Message("items.answer.rewrite", values)
    if look:
        return Message("items.answer.look", values)
    return Message("items.answer.keep", values)


def _findings(
    instrument: Instrument, judged: list[JudgedItem], reference: Fitted
) -> Iterator[Finding]:
    """Give one finding for each scale's items together, and one for each item with a doubt."""
    rules = instrument.rules
    rule = verdicts.stated(
        rules.loading_keep, rules.loading_look, rules.item_rest, rules.category_share
    )
    for scale in instrument.reflective_scales:
        members = [item for item in judged if item.scale == scale.id]
        if not members:
            continue
        kept = sum(item.verdict == "keep" for item in members)
        weakest = min(
            members,
            key=lambda item: 2.0 if item.loading.estimate is None else item.loading.estimate,
        )
        yield Finding(
            id=f"items_{scale.id}",
            claim=Message(
                "items.claim.scale",
                {"kept": kept, "n": len(members), "scale": evidence.text(scale.label)},
            ),
            verdict=verdicts.worst(ITEM_VERDICTS[item.verdict] for item in members),
            rule=rule,
            evidence=(_loading_quantity(reference, weakest, "weakest_loading"),),
            notes=(Message("items.note.weakest", {"item": weakest.item}),),
        )
    for item in judged:
        if item.verdict in ("look", "rewrite"):
            yield _doubt(instrument, item, reference)


def _sparse_findings(reference: Fitted) -> Iterator[Finding]:
    """Name the items whose rare answers leave their polychoric correlations uncertain."""
    fit = reference.fit
    categories = None if fit is None else fit.moments.ordinal
    if fit is None or categories is None or not categories.sparse:
        return
    counts = Counter(name for pair in categories.sparse for name in pair)
    worst = tuple(name for name, _ in counts.most_common())
    n_pairs = len(categories.ordered) * (len(categories.ordered) - 1) // 2
    source = model_tables.provenance(reference, Message("source.sparse"))
    yield Finding(
        id="items_sparse",
        claim=Message(
            "items.claim.sparse",
            {"n": len(categories.sparse), "of": n_pairs, "items": worst[:MOST_SPARSE]},
        ),
        verdict="acceptable",
        rule=Rule(Message("items.rule.sparse"), "Olsson 1979"),
        evidence=(
            Quantity(
                "statistic.sparse_tables",
                len(categories.sparse),
                source,
                kind="count",
                digits=0,
            ),
        ),
        notes=(Message("items.note.sparse", {"n": len(worst)}),),
    )


def _check_findings(
    instrument: Instrument, judged: list[JudgedItem], reference: Fitted
) -> Iterator[Finding]:
    """Say whether the check by robust maximum likelihood judges the items alike."""
    checked = [item for item in judged if item.check is not None]
    if reference.check is None or not checked:
        return
    lines = tuple(
        Line(
            Message("plain", {"text": item.item}),
            Judged(item.loading.estimate, Message(f"items.verdict.{item.verdict}")),
            Judged(
                None if item.check is None else item.check.estimate,
                Message(f"items.verdict.{item.check_verdict(instrument.rules)}"),
            ),
        )
        for item in checked
    )
    yield robust_check.finding("items_check", Agreement(lines), reference)


def _doubt(instrument: Instrument, item: JudgedItem, reference: Fitted) -> Finding:
    rules = instrument.rules
    used = [rules.loading_keep, rules.loading_look]
    numbers = [_loading_quantity(reference, item, "loading")]
    if item.item_rest is not None and item.item_rest < rules.item_rest.value:
        used.append(rules.item_rest)
        numbers.append(
            Quantity(
                "statistic.item_rest",
                item.item_rest,
                Provenance("Pearson", item.n_scale, Message("source.item_rest")),
                digits=3,
            )
        )
    if item.largest_share is not None and item.largest_share > rules.category_share.value:
        used.append(rules.category_share)
        source = Message("source.answers")
        numbers.append(
            evidence.share("share_most_used", item.largest_share, source, item.n_answers)
        )
    wording = evidence.text(instrument.item(item.item).text)
    return Finding(
        id=f"item_{item.item}",
        claim=Message(f"items.claim.{item.verdict}", {"item": item.item, "wording": wording}),
        verdict=ITEM_VERDICTS[item.verdict],
        rule=verdicts.stated(*used),
        evidence=tuple(numbers),
    )


def _loading_quantity(reference: Fitted, item: JudgedItem, name: str) -> Quantity:
    return Quantity(
        f"statistic.{name}",
        item.loading.estimate,
        model_tables.provenance(reference, model_tables.standardized(reference)),
        digits=3,
        lower=item.loading.lower,
        upper=item.loading.upper,
        level=evidence.CONFIDENCE,
    )


def _wording_notes(instrument: Instrument, survey: Survey) -> tuple[Message, ...]:
    labelled = sum(instrument.item(item).wording == "label" for item in survey.scored.columns)
    if labelled == 0:
        return ()
    return (Message("items.note.labels", {"n": labelled}),)


if __name__ == "__main__":
    raise SystemExit(script.main(run, "items"))
