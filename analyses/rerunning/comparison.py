"""How two runs differ: verdicts that changed, and numbers further apart than intervals allow.

Two runs are two samples. Whether the questionnaire measures alike in both has not been tested, so
where people stand is never compared here; `kobling validate --wave` does so where both waves lie in
one file.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import pandas as pd

from analyses import disclosure, evidence
from analyses.defaults import software
from analyses.errors import SurveyError
from analyses.rerunning import comparison_tables as tables
from analyses.rerunning import in_both
from analyses.rerunning.in_both import Numbers, changed_parts, judged, measures_the_same
from analyses.rerunning.replay import Run
from analyses.section import Finding, Message, Report, Section, Value
from analyses.wording import LANGUAGES, words

BY_CHANCE = 0.05
"""So large a share of 95 % intervals leaves out a difference of 0 by chance alone."""


def compare(first: Run, second: Run) -> Report:
    """Compare two runs of one instrument, and publish what comes of it.

    Parameters
    ----------
    first, second
        From `replay.read`; differences are the second less the first.

    Raises
    ------
    SurveyError
        Where the runs are of two instruments.
    """
    one, other = first.report, second.report
    if one.instrument != other.instrument:
        raise SurveyError(
            f'the runs are of two instruments, "{one.instrument}" and "{other.instrument}", and '
            "cannot be compared."
        )
    same = measures_the_same(first.record, second.record)
    numbers = in_both.numbers(one, other) if same else Numbers({}, pd.DataFrame({"beyond": []}))
    section = _section(first, second, numbers, same)
    confidential = one.confidential or other.confidential
    return Report(
        instrument=one.instrument,
        instrument_version=" / ".join(
            dict.fromkeys(one_.instrument_version for one_ in (one, other))
        ),
        title={language: _title(other, language) for language in LANGUAGES},
        survey=" / ".join((one.survey, other.survey)),
        n_obs=one.n_obs + other.n_obs,
        simulated=one.simulated or other.simulated,
        confidential=confidential,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        software=software(),
        sections=(disclosure.publish(section, confidential=confidential),),
    )


def _title(report: Report, language: str) -> str:
    title = report.title.get(language, report.instrument)
    return words(language).say(Message("runs.title", {"title": title}))


def _section(first: Run, second: Run, numbers: Numbers, same: bool) -> Section:
    both = judged(first.report, second.report)
    changed = [one for one in both if one[1].verdict != one[2].verdict]
    values: dict[str, Value] = {
        "verdicts": len(both),
        "changed": len(changed),
        "numbers": len(numbers.pairs),
        "beyond": numbers.n_beyond,
    }
    shown = [
        tables.facts(first, second),
        *tables.verdicts(changed),
        *tables.numbers_table(numbers),
        *tables.standing(first.report, second.report),
        *tables.left_out(first, second, same),
    ]
    return Section(
        id="runs",
        answer=Message("runs.answer" if same else "runs.answer.other", values),
        findings=tuple(_findings(len(both), len(changed), numbers)),
        tables=tuple(shown),
        notes=tuple(_notes(first, second, numbers)),
    )


def _findings(n_judged: int, n_changed: int, numbers: Numbers) -> Iterator[Finding]:
    """Count what is otherwise; whether that is good or bad no rule can say."""
    source = Message("source.two_runs")
    yield Finding(
        "runs_verdicts",
        Message("runs.claim.verdicts", {"n": n_judged, "changed": n_changed}),
        "information",
        evidence=(
            evidence.count("verdicts_compared", n_judged, source),
            evidence.count("verdicts_differing", n_changed, source),
        ),
    )
    n = len(numbers.pairs)
    if n:
        values: dict[str, Value] = {
            "n": n,
            "beyond": numbers.n_beyond,
            "chance": round(BY_CHANCE * n),
        }
        yield Finding(
            "runs_numbers",
            Message("runs.claim.numbers", values),
            "information",
            evidence=(
                evidence.count("numbers_compared", n, source),
                evidence.count("numbers_beyond", numbers.n_beyond, source),
            ),
        )


def _notes(first: Run, second: Run, numbers: Numbers) -> Iterator[Message]:
    yield Message("runs.note.samples")
    yield Message("runs.note.no_licence")
    if numbers.pairs:
        yield Message("runs.note.chance")
    rules = changed_parts(first.record, second.record, ("rules", "hypotheses"))
    if rules:
        kinds = tuple(Message(f"runs.kind.{kind}") for kind in rules)
        yield Message("runs.note.rules", {"kinds": kinds})
    if first.report.simulated or second.report.simulated:
        yield Message("note.simulated")
    if any(note.key == "note.self_report" for one in second.report.sections for note in one.notes):
        yield Message("note.self_report")
