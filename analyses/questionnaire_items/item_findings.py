"""The findings of the items section: what the rules say of the scales and of single items."""

from collections import Counter
from collections.abc import Iterator, Sequence

from analyses import evidence, verdicts
from analyses.modelling import model_tables, robust_check
from analyses.modelling.fits import Fitted
from analyses.modelling.robust_check import Agreement, Judged, Line
from analyses.questionnaire_items import item_functioning
from analyses.questionnaire_items.item_judgement import JudgedItem, Views
from analyses.questionnaire_items.item_pairs import Pairs, too_close
from analyses.section import Finding, Message, Provenance, Quantity, Rule, Value, Verdict
from analyses.verdicts import ItemVerdict
from instruments.schema import Instrument

MOST_SPARSE = 8
"""As many of the items with sparse tables are named."""

MOST_NAMED = 6
"""As many pairs, or items that differ between groups, are named in a sentence."""

MOST_BLANK = 0.1
"""A background that a larger share left blank says little about those who did."""

VERDICTS: dict[ItemVerdict, Verdict] = {
    "keep": "good",
    "look": "acceptable",
    "rewrite": "poor",
    "undecided": "undecided",
}


def answer(judged: Sequence[JudgedItem]) -> Message:
    """Answer whether the items can be kept."""
    if all(item.verdict == "undecided" for item in judged):
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


def findings(
    instrument: Instrument, judged: Sequence[JudgedItem], views: Views
) -> Iterator[Finding]:
    """Give what the rules say of the items, and what puts the numbers themselves in doubt."""
    yield from _scales(instrument, judged)
    for item in judged:
        if item.verdict in ("look", "rewrite"):
            yield _doubt(instrument, item, views)
    yield from _close(instrument, views.pairs)
    yield from _functioning(instrument, judged, views)
    yield from _untested(views)
    yield from _sparse(views.reference)
    yield from _check(instrument, judged, views.reference)


def _scales(instrument: Instrument, judged: Sequence[JudgedItem]) -> Iterator[Finding]:
    """Give one finding for each scale's items together."""
    rules = instrument.rules
    rule = verdicts.stated(
        rules.loading_keep,
        rules.loading_look,
        rules.item_rest,
        rules.category_share,
        rules.item_overlap,
        rules.item_residual,
        rules.local_dependence,
        rules.dif_look,
        rules.dif_rewrite,
    )
    for scale in instrument.reflective_scales:
        members = [item for item in judged if item.scale.id == scale.id]
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
            verdict=verdicts.worst(VERDICTS[item.verdict] for item in members),
            rule=rule,
            evidence=(_loading(weakest, "weakest_loading"),),
            notes=(Message("items.note.weakest", {"item": weakest.item}),),
        )


def _doubt(instrument: Instrument, item: JudgedItem, views: Views) -> Finding:
    rules = instrument.rules
    wording = evidence.text(instrument.item(item.item).text)
    return Finding(
        id=f"item_{item.item}",
        claim=Message(f"items.claim.{item.verdict}", {"item": item.item, "wording": wording}),
        verdict=VERDICTS[item.verdict],
        rule=verdicts.stated(rules.loading_keep, rules.loading_look, *item.doubts.values()),
        evidence=(
            _loading(item, "loading"),
            *(_quantity(item, name, views) for name in item.doubts),
        ),
        notes=(Message("items.note.doubts", {"doubts": item.said}),),
    )


def _quantity(item: JudgedItem, name: str, views: Views) -> Quantity:
    """Give the number that casts doubt on an item."""
    if name == "largest_share":
        share, source = item.numbers.largest_share, Message("source.answers")
        return evidence.share("share_most_used", share or 0.0, source, item.n_answers)
    provenance = {
        "item_rest": Provenance("Pearson", item.n_scale, Message("source.item_rest")),
        "functioning": item_functioning.provenance(views.functioning),
        "dependence": Provenance(
            Message("estimator.graded"), item.n_answers, "Yen 1984; Christensen et al. 2017"
        ),
    }.get(name, views.pairs.provenance)
    return Quantity(f"statistic.{name}", getattr(item.numbers, name), provenance, digits=3)


def _loading(item: JudgedItem, name: str) -> Quantity:
    return Quantity(
        f"statistic.{name}",
        item.loading.estimate,
        model_tables.provenance(item.fitted, model_tables.standardized(item.fitted)),
        digits=3,
        lower=item.loading.lower,
        upper=item.loading.upper,
        level=evidence.CONFIDENCE,
    )


def _close(instrument: Instrument, pairs: Pairs) -> Iterator[Finding]:
    """Say which pairs of items are too close to each other."""
    rules = instrument.rules
    if pairs.table.empty:
        return
    close = too_close(pairs, rules)
    named = tuple(
        Message("pair", {"first": str(row["item1"]), "second": str(row["item2"])})
        for _, row in close.head(MOST_NAMED).iterrows()
    )
    key = "items.claim.close" if len(close) else "items.claim.not_close"
    yield Finding(
        id="items_close",
        claim=Message(key, {"n": len(close), "pairs": named}),
        verdict="acceptable" if len(close) else "good",
        rule=verdicts.stated(rules.item_overlap, rules.item_residual, rules.local_dependence),
        evidence=tuple(
            Quantity(
                f"statistic.{name}",
                evidence.number(pairs.table[name].astype(float).max()),
                pairs.provenance,
            )
            for name in ("overlap", "residual", "dependence")
            if pairs.table[name].notna().any()
        ),
    )


def _functioning(
    instrument: Instrument, judged: Sequence[JudgedItem], views: Views
) -> Iterator[Finding]:
    """Say whether items work alike for groups."""
    rules = instrument.rules
    tested = [item for item in judged if item.numbers.functioning is not None]
    if not tested:
        return
    found = [item for item in tested if "functioning" in item.doubts]
    flagged = sum(item.numbers.functioning != 0 for item in tested)
    named = tuple(
        Message("items.item_by", {"item": item.item, "column": evidence.text(item.group.label)})
        for item in found[:MOST_NAMED]
        if item.group is not None
    )
    key = "items.claim.functioning" if found else "items.claim.functioning_alike"
    yield Finding(
        id="items_functioning",
        claim=Message(key, {"n": len(found), "of": len(tested), "items": named}),
        verdict=verdicts.worst(
            ["good", *(_severity(item, rules.dif_rewrite.value) for item in found)]
        ),
        rule=verdicts.stated(rules.dif_look, rules.dif_rewrite),
        evidence=(
            Quantity(
                "statistic.largest_functioning",
                evidence.number(views.functioning.effects.max().max()),
                item_functioning.provenance(views.functioning),
                digits=3,
            ),
            evidence.count(
                "flagged_functioning",
                flagged,
                Message("source.functioning"),
                views.functioning.n_obs,
            ),
        ),
        notes=(Message("items.note.functioning_flags"),),
    )


def _untested(views: Views) -> Iterator[Finding]:
    """Name the backgrounds that items could not be tested by, and those that many left blank."""
    found = views.functioning
    several = len(found.columns) > sum(one.reason is not None for one in found.columns)
    rows = [
        Message("items.untested", {"column": evidence.text(one.declared.label), "why": one.reason})
        for one in found.columns
        if one.reason is not None and several
    ]
    rows += [
        Message(
            "items.blank",
            {
                "column": evidence.text(one.declared.label),
                "share": _blank(one.n_blank, found.n_obs),
            },
        )
        for one in found.columns
        if one.reason is None and one.n_blank > MOST_BLANK * found.n_obs
    ]
    if rows:
        yield Finding(
            id="items_functioning_untested",
            claim=Message("items.claim.functioning_untested", {"columns": tuple(rows)}),
            verdict="information",
            evidence=(
                evidence.count(
                    "untested_backgrounds", len(rows), Message("source.background"), found.n_obs
                ),
            ),
        )


def _blank(n: int, n_obs: int) -> Quantity:
    return evidence.share("blank", n / n_obs, Message("source.background"), n_obs)


def _severity(item: JudgedItem, limit: float) -> Verdict:
    return "poor" if (item.numbers.functioning or 0.0) >= limit else "acceptable"


def _sparse(reference: Fitted) -> Iterator[Finding]:
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


def _check(
    instrument: Instrument, judged: Sequence[JudgedItem], reference: Fitted
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
