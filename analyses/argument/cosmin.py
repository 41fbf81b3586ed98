"""The measurement properties of COSMIN, each rated by COSMIN's criteria for good ones.

The criteria are those of Prinsen et al. 2018 (Table 1), for content validity those of Terwee et al.
2018. They are not the questionnaire's own rules, and where the two disagree the remark says so.
Values are compared as they were computed and not as they are printed.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from analyses import evidence
from analyses.argument import cells
from analyses.argument.found import Found, of
from analyses.section import Message, Provenance, Quantity, Table, Verdict
from instruments.schema import Instrument
from measure.questions.content_validity import FEWEST_EXPERTS

Sign = Literal["sufficient", "insufficient", "indeterminate", "none"]
"""COSMIN's +, − and ?, and `none` where the run has no evidence yet."""

CRITERIA = "Prinsen et al. 2018"
CONTENT_CRITERIA = "Terwee et al. 2018"

FIT = 0.95
"""CFI or TLI above it is sufficient."""
RMSEA, SRMR = 0.06, 0.08
"""Either of them below its limit is sufficient too."""
ALPHA = 0.70
SHARE = 0.75
"""Share of the results that are to accord with what was expected (Prinsen et al. 2018, step 6)."""
RELEVANT = 0.85
"""Share of the items that are to be relevant (Terwee et al. 2018)."""


@dataclass(frozen=True)
class Rating:
    """How one property is rated, by which numbers.

    `remarks` say what the reader has to know, or what would give evidence where there is none.
    """

    sign: Sign
    numbers: tuple[Quantity, ...] = ()
    remarks: tuple[Message, ...] = ()


def rate(instrument: Instrument, sections: Found) -> dict[str, Rating]:
    """Rate every property, in COSMIN's order; a property without evidence says what is missing."""
    return {name: rater(instrument, sections) for name, rater in PROPERTIES.items()}


def table(ratings: Mapping[str, Rating]) -> Table:
    """Give one row a property: its rating, the rule, the numbers, and remarks."""
    return Table(
        id="cosmin",
        title=Message("cosmin.table"),
        columns=(
            *evidence.columns(
                "message", 0, "property", "rating", "criterion_rule", "numbers", "remark"
            ),
        ),
        rows=tuple(
            (
                Message(f"cosmin.property.{name}"),
                Message(f"cosmin.sign.{rating.sign}"),
                Message(f"cosmin.rule.{name}"),
                cells.numbers(rating.numbers),
                cells.sentences(rating.remarks),
            )
            for name, rating in ratings.items()
        ),
        provenance=Provenance(
            Message("estimator.ratings"), None, f"{CRITERIA} (Table 1); {CONTENT_CRITERIA}"
        ),
        notes=(Message("cosmin.note.signs"), Message("cosmin.note.own_rules")),
    )


def _sign(met: bool | None) -> Sign:
    if met is None:
        return "indeterminate"
    return "sufficient" if met else "insufficient"


def _missing(name: str) -> Rating:
    return Rating("none", remarks=(Message(f"cosmin.missing.{name}"),))


def _content(instrument: Instrument, sections: Found) -> Rating:
    """Rate relevance by the experts; the rest of content validity takes people to judge.

    Relevance alone never makes it sufficient: nothing in a run tells whether the items are
    comprehensive and understood.
    """
    scale = sections.finding("content", "content_scale")
    if scale is None:
        return _missing("content")
    judged = sections.sections["content"].table("content_items")
    n = len(judged.rows)
    few = any(
        isinstance(count, int) and count < FEWEST_EXPERTS for count in judged.column("experts")
    )
    relevant = sum(
        isinstance(cell, Message) and cell.key == "content.verdict.relevant"
        for cell in judged.column("verdict")
    )
    sign: Sign = "insufficient" if not few and relevant < RELEVANT * n else "indeterminate"
    counted = evidence.share("items_relevant", relevant / n, judged.provenance.source, None)
    return Rating(sign, (counted, *scale.evidence), (Message("cosmin.remark.content"),))


def _structural(instrument: Instrument, sections: Found) -> Rating:
    """Rate the reference model: one index on the right side of its limit is enough."""
    finding = sections.finding("confirmatory", "global_fit")
    if finding is None:
        return _missing("structural")
    values = {one.name.split(".")[1].split("_")[0]: one.value for one in finding.evidence}
    known = {name: value for name, value in values.items() if value is not None}
    met = (
        any(known[name] > FIT for name in ("cfi", "tli") if name in known)
        or known.get("rmsea", RMSEA) < RMSEA
        or known.get("srmr", SRMR) < SRMR
    )
    complete = len(known) == len(values) and known
    own: dict[str, Message] = {"verdict": Message(f"verdict.{finding.verdict}")}
    return Rating(
        _sign(met if met or complete else None),
        finding.evidence,
        (Message("cosmin.remark.structural", own),),
    )


def _internal(instrument: Instrument, sections: Found) -> Rating:
    """Rate alpha of the reference model's scales, where that model is sufficient."""
    labels = {scale.id: evidence.text(scale.label) for scale in instrument.scales}
    alphas = tuple(
        of(alpha, labels[scale])
        for scale, alpha in sections.numbers("reliability", "reliability_", "alpha")
    )
    if not alphas:
        return _missing("internal")
    further = len(list(sections.numbers("reliability", "further_", "alpha")))
    remarks = (Message("cosmin.remark.internal_further", {"n": further}),) if further else ()
    if _structural(instrument, sections).sign != "sufficient":
        return Rating(
            "indeterminate", alphas, (Message("cosmin.remark.internal_structure"), *remarks)
        )
    values = [alpha.value for alpha in alphas]
    met = None if None in values else all(value >= ALPHA for value in values if value is not None)
    return Rating(_sign(met), alphas, remarks)


def _invariance(instrument: Instrument, sections: Found) -> Rating:
    """Rate whether nothing had to be released for any of the groups that could be tested."""
    labels = {column.name: evidence.text(column.label) for column in instrument.columns}
    verdicts: dict[str, Verdict] = {
        one.id.removeprefix("invariance_"): one.verdict
        for one in sections.findings("invariance", "invariance_")
        if one.id.removeprefix("invariance_") in labels
    }
    tested = [name for name, verdict in verdicts.items() if verdict != "information"]
    if not tested:
        return _missing("invariance")
    untested = tuple(labels[name] for name in verdicts if name not in tested)
    released = tuple(
        of(number, labels[name])
        for name, number in sections.numbers("invariance", "invariance_", "invariance_released")
        if name in tested
    )
    differ = tuple(labels[name] for name in tested if verdicts[name] != "good")
    remarks = [Message("cosmin.remark.invariance_differ", {"columns": differ})] if differ else []
    if untested:
        remarks.append(Message("cosmin.remark.invariance_untested", {"columns": untested}))
    met = None if "undecided" in verdicts.values() and not differ else not differ
    return Rating(_sign(met), released, tuple(remarks))


def _hypotheses(instrument: Instrument, sections: Found) -> Rating:
    """Rate the share of the hypotheses that is confirmed, where enough were tested."""
    finding = sections.finding("hypotheses", "hypotheses_share")
    if finding is None:
        return _missing("hypotheses")
    share = next(
        (one.value for one in finding.evidence if one.name == "statistic.hypotheses_share"), None
    )
    if share is None:
        return _missing("hypotheses")
    if finding.verdict == "undecided":
        few = Message("cosmin.remark.hypotheses_few")
        return Rating("indeterminate", finding.evidence, (few,))
    return Rating(_sign(share >= SHARE), finding.evidence, (Message("cosmin.remark.hypotheses"),))


def _responsiveness(instrument: Instrument, sections: Found) -> Rating:
    """Rate the hypotheses on gain; where change was followed without one, nothing decides."""
    gains = [
        finding
        for finding in sections.findings("hypotheses", "hypothesis_")
        if any(number.name == "statistic.hypothesis_gain" for number in finding.evidence)
    ]
    if not gains:
        if "development" in sections.sections:
            return Rating("indeterminate", (), (Message("cosmin.remark.change_unexpected"),))
        return _missing("responsiveness")
    numbers = tuple(
        number
        for finding in gains
        for number in finding.evidence
        if number.name == "statistic.hypothesis_gain"
    )
    remark = Message("cosmin.remark.responsiveness")
    if all(finding.verdict == "undecided" for finding in gains):
        return Rating("indeterminate", numbers, (remark,))
    confirmed = sum(finding.verdict == "good" for finding in gains)
    return Rating(_sign(confirmed >= SHARE * len(gains)), numbers, (remark,))


def _retest(instrument: Instrument, sections: Found) -> Rating:
    """Say that no survey of one wave, or of waves that change lies between, is a retest."""
    return _missing("retest")


def _error(instrument: Instrument, sections: Found) -> Rating:
    """Say that the error of COSMIN comes from a retest and needs the smallest change that matters.

    The standard error that follows from alpha or omega does not count (Mokkink et al. 2018, box 7).
    """
    return _missing("error")


def _criterion(instrument: Instrument, sections: Found) -> Rating:
    """Say that there is no gold standard to hold the questionnaire against."""
    return _missing("criterion")


PROPERTIES: Mapping[str, Callable[[Instrument, Found], Rating]] = {
    "content": _content,
    "structural": _structural,
    "internal": _internal,
    "invariance": _invariance,
    "retest": _retest,
    "error": _error,
    "criterion": _criterion,
    "hypotheses": _hypotheses,
    "responsiveness": _responsiveness,
}
"""How each property is rated, in the order of COSMIN's taxonomy."""


def signs(ratings: Mapping[str, Rating], sign: Sign) -> Iterator[Message]:
    """Name the properties that are rated so."""
    for name, rating in ratings.items():
        if rating.sign == sign:
            yield Message(f"cosmin.property.{name}")
