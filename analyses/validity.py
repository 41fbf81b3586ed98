"""What the evidence amounts to: by source of evidence, and by COSMIN's measurement properties."""

from collections.abc import Sequence

from analyses import evidence
from analyses.argument import cosmin, standards
from analyses.argument.found import found
from analyses.intake.survey import Survey
from analyses.section import Finding, Message, Section, Value
from instruments.schema import Instrument

COUNTED: dict[cosmin.Sign, str] = {
    "sufficient": "rated_sufficient",
    "insufficient": "rated_insufficient",
    "indeterminate": "rated_indeterminate",
    "none": "rated_none",
}
"""The row of the catalogue that counts the properties with each rating."""


def run(instrument: Instrument, survey: Survey, *, sections: Sequence[Section]) -> Section:
    """Gather what a run has found into an argument on validity.

    Parameters
    ----------
    instrument, survey
        What was asked, and the answers.
    sections
        The other sections of the run, unpublished.

    Returns
    -------
    Section
        `validity`. Nothing in it is judged by the questionnaire's rules, which have judged each
        finding already: COSMIN's ratings follow COSMIN's criteria.
    """
    gathered = found(sections)
    ratings = cosmin.rate(instrument, gathered)
    return Section(
        id="validity",
        answer=_told("validity.answer", ratings),
        findings=(_rated(ratings), standards.count_finding(gathered)),
        tables=(standards.table(gathered), cosmin.table(ratings)),
        notes=evidence.standing_notes(instrument, survey),
    )


def _counts(ratings: dict[str, cosmin.Rating]) -> dict[cosmin.Sign, int]:
    signs = [rating.sign for rating in ratings.values()]
    return {sign: signs.count(sign) for sign in COUNTED}


def _told(key: str, ratings: dict[str, cosmin.Rating]) -> Message:
    """Say how many properties there are, and how many of them have each rating."""
    counts: dict[str, Value] = {str(sign): n for sign, n in _counts(ratings).items()}
    return Message(key, {"of": len(ratings), **counts})


def _rated(ratings: dict[str, cosmin.Rating]) -> Finding:
    """Name the properties that are not sufficient, by what they lack."""
    source = cosmin.CRITERIA
    named = {sign: tuple(cosmin.signs(ratings, sign)) for sign in COUNTED}
    notes = tuple(
        Message(f"validity.rated.{sign}", {"properties": properties})
        for sign, properties in named.items()
        if properties
    )
    return Finding(
        id="validity_cosmin",
        claim=_told("validity.claim.cosmin", ratings),
        verdict="information",
        evidence=tuple(
            evidence.count(COUNTED[sign], n, source) for sign, n in _counts(ratings).items()
        ),
        notes=notes,
    )
