"""The main results in three to five sentences, each with the verdict that it rests on."""

from collections.abc import Iterator
from dataclasses import dataclass

from analyses.briefing import outcomes
from analyses.briefing.numbers import (
    between,
    sections,
    told,
    with_interval,
    with_means,
)
from analyses.comparing.scale_means import CONDITIONS, FURTHER, MAIN
from analyses.section import Figure, Message, Provenance, Report, Table, Value, Verdict
from instruments.dialogue import Topic

FEWEST, MOST = 3, 5
"""So many main results are told."""


@dataclass(frozen=True)
class Result:
    """A sentence, the verdict that it tells, and where its numbers come from."""

    sentence: Message
    verdict: Verdict = "information"
    origins: tuple[Provenance, ...] = ()


def results(report: Report) -> tuple[Result, ...]:
    """Give the main results, the most important first."""
    found = [
        *_standing(report),
        *_precision(report),
        *_structure(report),
        *_comparison(report),
        *_change(report),
        *_answers(report, "hypotheses"),
    ]
    if len(found) < FEWEST:
        found += _answers(report, "items", "exploratory")
    return tuple(found[:MOST])


def title(report: Report) -> Message:
    """Give the finding that the brief is named after."""
    first, second = (_outcome(report, topic) for topic in ("precision", "structure"))
    agree = outcomes.is_favourable(first) == outcomes.is_favourable(second)
    return Message(
        f"face.summary.title.{'and' if agree else 'but'}",
        {
            "first": Message(f"face.summary.title.precision.{first}"),
            "second": Message(f"face.summary.title.structure.{second}"),
        },
    )


def means(report: Report) -> Iterator[tuple[Table, Figure]]:
    """Give the tables of the main scales' means with their figures."""
    for one in sections(report, "levels"):
        for figure in one.figures:
            if figure.id.startswith(MAIN) and figure.id not in (FURTHER, CONDITIONS):
                yield one.table(figure.table), figure


def _outcome(report: Report, topic: Topic) -> Verdict:
    return outcomes.outcome(topic, report.sections) or "undecided"


def _standing(report: Report) -> Iterator[Result]:
    """Say where everybody who answered stands on each main scale, on the whole answer scale."""
    for table, figure in means(report):
        scales = told(with_means(table), "face.summary.results.mean")
        if scales:
            sentence = Message(
                "face.summary.results.standing", {"scales": scales, "on": scale(figure)}
            )
            yield Result(sentence, origins=(table.provenance,))


def scale(figure: Figure) -> Message:
    """Say which answers a figure's axis goes from and to."""
    if figure.domain is None:
        return Message("face.summary.results.open")
    values: dict[str, Value] = {
        name: f"{end:g}" for name, end in zip(("low", "high"), figure.domain, strict=True)
    }
    if figure.ends is None or not all(figure.ends):
        return Message("face.summary.results.numbered", values)
    named = dict(zip(("low_label", "high_label"), figure.ends, strict=True))
    return Message("face.summary.results.labelled", values | named)


def _precision(report: Report) -> Iterator[Result]:
    """Say how precisely the scales measure, with the number of the least precise one."""
    found = outcomes.findings("precision", report.sections)
    verdict = _outcome(report, "precision")
    numbers = [(one, number) for one in found if (number := with_interval(one)) is not None]
    if not numbers:
        return
    _, lowest = min(numbers, key=lambda pair: pair[1].lower or 0.0)
    values = between(lowest, name=Message(lowest.name), n=len(found))
    yield Result(
        Message(f"face.summary.results.precision.{verdict}", values), verdict, (lowest.provenance,)
    )


def _structure(report: Report) -> Iterator[Result]:
    if outcomes.findings("structure", report.sections):
        verdict = _outcome(report, "structure")
        yield Result(Message(f"face.summary.results.structure.{verdict}"), verdict)


def _comparison(report: Report) -> Iterator[Result]:
    """Say by how many kinds of groups people may be compared."""
    found = [one.verdict for one in outcomes.findings("comparison", report.sections)]
    if not found:
        return
    allowed = found.count("good") + found.count("acceptable")
    values: dict[str, Value] = {
        "n": len(found),
        "allowed": allowed,
        "reserved": found.count("acceptable"),
    }
    kind = "reserved"
    if not allowed:
        kind = "none"
    elif found.count("good") == len(found):
        kind = "one" if len(found) == 1 else "all"
    elif "acceptable" not in found:
        kind = "some"
    yield Result(
        Message(f"face.summary.results.comparison.{kind}", values), _outcome(report, "comparison")
    )


def _change(report: Report) -> Iterator[Result]:
    """Say whether those who took part have changed more, and by how much."""
    for one in sections(report, "development"):
        for finding in one.findings:
            number = with_interval(finding)
            if finding.id == "development_effect" and number is not None:
                values = between(number, claim=finding.claim)
                yield Result(
                    Message("face.summary.results.change", values),
                    finding.verdict,
                    (number.provenance,),
                )
                return


def _answers(report: Report, *ids: str) -> Iterator[Result]:
    """Give the answers of sections that tell themselves."""
    for one in sections(report, *ids):
        verdicts = [finding for finding in one.findings if finding.id == "hypotheses_share"]
        yield Result(one.answer, verdicts[0].verdict if verdicts else "information")
