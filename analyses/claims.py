"""What the account of the concept claims, and what of it these answers can test."""

from collections.abc import Mapping

from analyses import evidence
from analyses.evidence import column
from analyses.intake.survey import Survey
from analyses.section import Cell, Message, Provenance, Section, Table, Value
from instruments.schema import Claim, Instrument

Verdicts = Mapping[str, Message]
"""The word for how a hypothesis or a model fared, by its id."""


def run(instrument: Instrument, survey: Survey, *, verdicts: Verdicts | None = None) -> Section:
    """List the claims with what tests them, or why nothing does.

    Parameters
    ----------
    instrument, survey
        What was asked, and the answers.
    verdicts
        How the hypotheses fared, where they have been judged.

    Returns
    -------
    Section
        `claims`, with one table. A claim is never judged as a whole: what tests it tests a part.
    """
    open_ = tuple(claim.id for claim in instrument.claims if not claim.tested_by)
    n = len(instrument.claims)
    return Section(
        id="claims",
        answer=Message(
            "claims.answer_open" if open_ else "claims.answer",
            {"tested": n - len(open_), "n": n, "open": open_},
        ),
        tables=(table(instrument, verdicts),),
        notes=evidence.standing_notes(instrument, survey),
    )


def table(instrument: Instrument, verdicts: Verdicts | None = None) -> Table:
    """Give one row a claim: what it says, what tests it and how that fared, and what is untested.

    Parameters
    ----------
    verdicts
        As for `run`.
    """
    rows: list[tuple[Cell, ...]] = [
        (
            claim.id,
            evidence.text(claim.text),
            _tests(claim, verdicts or {}),
            evidence.text(claim.untested) if claim.untested else "",
        )
        for claim in instrument.claims
    ]
    return Table(
        id="claims",
        title=Message("claims.table.claims"),
        columns=(
            column("claim", "text"),
            *evidence.columns("message", 0, "claim_text", "claim_tests", "claim_untested"),
        ),
        rows=tuple(rows),
        provenance=Provenance(Message("estimator.none"), None, Message("source.account")),
        notes=(Message("claims.note.part"),),
    )


def _tests(claim: Claim, verdicts: Verdicts) -> Message:
    """Name what tests a claim, each with its verdict where it has one."""
    if not claim.tested_by:
        return Message("claims.not_testable")
    tests: tuple[Value, ...] = tuple(
        Message("claims.test", {"id": name, "verdict": verdicts[name]})
        if name in verdicts
        else name
        for name in claim.tested_by
    )
    return Message("claims.tested_by", {"tests": tests})


if __name__ == "__main__":
    from analyses import script

    raise SystemExit(script.main(run, "claims"))
