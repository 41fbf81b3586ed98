"""The questions that the findings raise for those who own the results."""

from collections.abc import Iterator, Sequence

from analyses import evidence
from analyses.briefing import outcomes
from analyses.evidence import columns
from analyses.intake.survey import Survey
from analyses.section import Cell, Finding, Message, Provenance, Section, Table, Value
from analyses.verdicts import worst
from instruments.dialogue import DialogueQuestion
from instruments.schema import Instrument

ASKED = 3
"""So many questions are asked; more would not be discussed."""


def run(instrument: Instrument, survey: Survey, *, sections: Sequence[Section]) -> Section:
    """Choose among the instrument's questions by what was found.

    Parameters
    ----------
    instrument, survey
        What was asked, and the answers.
    sections
        All that was found.

    Returns
    -------
    Section
        `dialogue`, with one table: the questions, each with the proposal that it leads to and the
        verdict that raised it. Questions that lead to different proposals come before others.
    """
    asked = chosen(instrument, sections)
    rows: list[tuple[Cell, ...]] = [
        (evidence.text(one.text), _proposal(instrument, one), _raised(one, sections))
        for one in asked
    ]
    table = Table(
        id="dialogue",
        title=Message("dialogue.table"),
        columns=columns("message", 0, "dialogue_question", "dialogue_proposal", "dialogue_found"),
        rows=tuple(rows),
        provenance=Provenance(Message("estimator.none"), None, Message("source.account")),
        notes=(Message("dialogue.note.chosen"),),
    )
    return Section(
        id="dialogue",
        answer=Message("dialogue.answer", {"n": len(asked)}),
        tables=(table,),
        notes=evidence.standing_notes(instrument, survey),
    )


def chosen(instrument: Instrument, sections: Sequence[Section]) -> tuple[DialogueQuestion, ...]:
    """Give the questions to ask, in the order of the instrument.

    Those that a finding raises go first, then those tied to nothing; of each kind those that lead
    to a proposal not yet named.
    """
    raised = [one for one in instrument.dialogue if one.topic and _is_raised(one, sections)]
    free = [one for one in instrument.dialogue if one.topic is None]
    picked: list[DialogueQuestion] = []
    for pool, anew in ((raised, True), (free, True), (raised, False), (free, False)):
        for one in pool:
            named = {other.proposal for other in picked}
            fresh = one.proposal is None or one.proposal not in named
            if len(picked) < ASKED and one not in picked and (fresh or not anew):
                picked.append(one)
    return tuple(one for one in instrument.dialogue if one in picked)


def _found(question: DialogueQuestion, sections: Sequence[Section]) -> Iterator[Finding]:
    """Give the findings that a question is tied to."""
    assert question.topic is not None
    for finding in outcomes.findings(question.topic, sections):
        if question.hypothesis is None or finding.id == f"hypothesis_{question.hypothesis}":
            yield finding


def _outcome(question: DialogueQuestion, sections: Sequence[Section]) -> str:
    verdicts = [finding.verdict for finding in _found(question, sections)]
    return worst(verdicts) if verdicts else "untested"


def _is_raised(question: DialogueQuestion, sections: Sequence[Section]) -> bool:
    return _outcome(question, sections) in question.raised_by


def _proposal(instrument: Instrument, question: DialogueQuestion) -> Message | str:
    for proposal in instrument.proposals:
        if proposal.id == question.proposal:
            values: dict[str, Value] = {"id": proposal.id, "text": evidence.text(proposal.text)}
            return Message("dialogue.proposal", values)
    return ""


def _raised(question: DialogueQuestion, sections: Sequence[Section]) -> Message:
    """Say which verdict raised a question, and in which section it stands."""
    if question.topic is None:
        return Message("dialogue.free")
    section = outcomes.SECTIONS[question.topic]
    outcome = _outcome(question, sections)
    values: dict[str, Value] = {
        "section": Message(f"section.{section}.title"),
        "verdict": Message("dialogue.untested" if outcome == "untested" else f"verdict.{outcome}"),
    }
    if question.hypothesis is None:
        return Message("dialogue.found", values)
    return Message("dialogue.found_hypothesis", values | {"hypothesis": question.hypothesis})
