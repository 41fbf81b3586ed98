"""Where the report meets what reviewers ask for: EFPA's self-review, and APA's JARS-Quant."""

from collections.abc import Sequence

from analyses import evidence
from analyses.argument import efpa, jars
from analyses.argument.found import found
from analyses.intake.survey import Survey
from analyses.section import Message, Section
from instruments.schema import Instrument


def run(instrument: Instrument, survey: Survey, *, sections: Sequence[Section]) -> Section:
    """Fill in the headings of the field's standards with what a run knows.

    Parameters
    ----------
    instrument, survey
        What was asked, and the answers.
    sections
        The other sections of the run, unpublished.

    Returns
    -------
    Section
        `review`, of two tables and no verdicts: grades are for reviewers.
    """
    gathered = found(sections)
    reviewed = efpa.table(instrument, gathered)
    unstated = sum(
        isinstance(cell, Message) and cell.key == "not_stated" for cell in reviewed.column("stated")
    )
    return Section(
        id="review",
        answer=Message("review.answer", {"n": len(reviewed.rows), "unstated": unstated}),
        tables=(reviewed, jars.table(gathered)),
        notes=evidence.standing_notes(instrument, survey),
    )
