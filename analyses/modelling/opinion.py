"""Whether another program finds the numbers of the reference model: a finding and its table."""

import math
from collections.abc import Mapping
from typing import Any

import measure
from analyses import evidence
from analyses.evidence import column
from analyses.intake.survey import Survey
from analyses.modelling.fits import Fitted
from analyses.modelling.model_tables import factor_label, model_label, provenance
from analyses.section import Cell, Finding, Message, Quantity, Rule, Table, Verdict
from instruments.schema import Instrument
from measure.evaluation.semopy_opinion import CHISQ_TOLERANCE, TOLERANCES
from measure.specification.options import SCALED

VERDICTS: dict[str, Verdict] = {
    "agrees": "good",
    "differs": "poor",
    "not_converged": "undecided",
    "refused": "information",
}
"""That the other program cannot be asked says nothing about the model."""

SOURCE = "Igolkina & Meshcheryakov 2020"

_ESTIMATES = {
    "loading": "loading",
    "factor correlation": "factor_correlation",
    "regression": "regression",
}
_DIGITS = 6


def ask(fit: measure.Fit, survey: Survey) -> measure.SecondOpinion:
    """Have the model of a fit to a survey fitted by the other program."""
    answers = survey.scored
    if fit.options.cluster is not None:
        # The fit rests on those whose cluster is known.
        answers = answers[survey.data[fit.options.cluster].notna()]
    return measure.second_opinion(fit, answers)


def finding(fitted: Fitted, opinion: measure.SecondOpinion, *, check: bool = False) -> Finding:
    """Judge whether both programs find the same; where they cannot be compared, say why.

    Parameters
    ----------
    check
        Whether `fitted` is the check of a model of ordered answers, which semopy does not fit.
    """
    state: str = opinion.outcome
    if opinion.available:
        state = "agrees" if opinion.agrees else "differs"
    notes = [Message("opinion.note.meaning")] if opinion.available else []
    if check and opinion.available:
        notes.append(Message("opinion.note.check"))
    if _corrected(fitted) and "chisq" in set(opinion.table["quantity"]):
        notes.append(Message("opinion.note.uncorrected"))
    if opinion.outcome == "refused" and fitted.plan.missing == "fiml":
        notes.append(Message("opinion.note.fiml"))
    elif opinion.reason:
        notes.append(Message("opinion.note.reason", {"text": opinion.reason}))
    return Finding(
        id="second_opinion",
        claim=Message(f"opinion.claim.{state}", {"model": model_label(fitted)}),
        verdict=VERDICTS[state],
        rule=_rule() if opinion.available else None,
        evidence=tuple(_evidence(fitted, opinion)),
        notes=tuple(notes),
    )


def _corrected(fitted: Fitted) -> bool:
    """Tell whether the fit's own test and indices are others than those that are compared."""
    return fitted.fit is not None and fitted.fit.test.test in SCALED


def _rule() -> Rule:
    limits = {
        "limit": evidence.limit(TOLERANCES["loading"], 4),
        "chisq": evidence.limit(CHISQ_TOLERANCE[0], 3),
        "share": evidence.limit(CHISQ_TOLERANCE[1], 5),
    }
    return Rule(Message("opinion.rule", limits), Message("opinion.rule.source"))


def _evidence(fitted: Fitted, opinion: measure.SecondOpinion) -> list[Quantity]:
    if not opinion.available:
        return []
    sizes = opinion.table.set_index("quantity")["difference"].astype(float).abs()
    estimates = sizes[sizes.index.isin(_ESTIMATES)]
    found = [("difference_estimates", float(estimates.max()))] if len(estimates) else []
    if "chisq" in sizes.index:
        found.append(("difference_chisq", float(sizes["chisq"])))
    return [
        Quantity(
            f"statistic.{name}", evidence.number(value), provenance(fitted, SOURCE), digits=_DIGITS
        )
        for name, value in found
    ]


def table(instrument: Instrument, fitted: Fitted, opinion: measure.SecondOpinion) -> Table:
    """Give the indices, and the estimate of each kind that differs most.

    `opinion` must be available.
    """
    rows = opinion.table.to_dict("records")
    chosen = [(row, 1) for row in rows if row["quantity"] not in _ESTIMATES]
    for kind in _ESTIMATES:
        own = [row for row in rows if row["quantity"] == kind]
        if own:
            chosen.append((max(own, key=_size), len(own)))
    return Table(
        id="second_opinion",
        title=Message("opinion.table", {"model": model_label(fitted)}),
        columns=(
            column("quantity", "message"),
            column("ours", "number", 3),
            column("theirs", "number", 3),
            column("difference", "number", _DIGITS),
            column("tolerance", "number", 4),
            column("agrees", "message"),
        ),
        rows=tuple(_row(instrument, fitted, row, count) for row, count in chosen),
        provenance=provenance(fitted, SOURCE),
        notes=(
            Message("opinion.note.largest"),
            Message("opinion.note.left_out"),
            *((Message("opinion.note.uncorrected"),) if _corrected(fitted) else ()),
            *(Message("opinion.note.technical", {"text": note}) for note in opinion.notes),
        ),
    )


def _size(row: Mapping[Any, Any]) -> float:
    """Give how far apart a quantity is; what is not a number agrees with nothing."""
    size = abs(float(row["difference"]))
    return math.inf if math.isnan(size) else size


def _row(
    instrument: Instrument, fitted: Fitted, row: Mapping[Any, Any], count: int
) -> tuple[Cell, ...]:
    kind = str(row["quantity"])
    name = Message(f"column.{kind}")
    if kind in _ESTIMATES:
        latent = () if fitted.fit is None else fitted.fit.model.table.latent
        first, second = (
            factor_label(instrument, side) if side in latent else side
            for side in (str(row["lhs"]), str(row["rhs"]))
        )
        name = Message(
            f"opinion.quantity.{_ESTIMATES[kind]}",
            {"first": first, "second": second, "n": count},
        )
    numbers = (evidence.number(row[part]) for part in ("ours", "theirs", "difference", "tolerance"))
    return (name, *numbers, Message("opinion.yes" if row["agrees"] else "opinion.no"))
