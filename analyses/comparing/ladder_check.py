"""Whether robust maximum likelihood comes to the verdicts of the steps of ordered answers.

The verdicts rest on answers as ordered categories. The check climbs the same steps with the codes
taken as numbers, and with what was released: an item whose borders differ has an intercept of its
own. Numbers have no borders, so that the step of the borders has no counterpart.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import measure
from analyses import evidence
from analyses.attempts import attempt
from analyses.comparing.group_ladders import Climb, Step, judged, verdict_of
from analyses.comparing.ladder_search import options_of, steps_of
from analyses.evidence import column, columns
from analyses.modelling import methods
from analyses.modelling.fits import Fitted
from analyses.section import Cell, Finding, Message, Provenance, Quantity, Rule, Table, Value
from instruments.rules import Rules

SOURCE = "Chen 2007"

MOST_GROUPS = 5
"""With more groups incomplete answers as numbers take too long to be a check."""


@dataclass(frozen=True, eq=False)
class Line:
    """One step of one column by both computations."""

    climb: Climb
    ordinal: Step
    check: Step

    @property
    def agrees(self) -> bool:
        """Whether both come to the same verdict."""
        return self.ordinal.verdict == self.check.verdict


@dataclass(frozen=True, eq=False)
class Checked:
    """The steps of all columns by both computations.

    Attributes
    ----------
    lines
        The steps that both have.
    fit
        The last fit of the check; None where no column could be checked.
    n_obs
        Respondents of the column that has most.
    refused
        A sentence for each column that was not checked.
    """

    lines: tuple[Line, ...]
    fit: measure.Fit | None
    n_obs: int
    refused: tuple[Message, ...]

    @property
    def differing(self) -> tuple[Line, ...]:
        """The steps in which the verdict hangs on the method."""
        return tuple(line for line in self.lines if not line.agrees)


def check_ladders(reference: Fitted, climbs: Sequence[Climb], rules: Rules) -> Checked | None:
    """Climb the steps of each column with the answers taken as numbers.

    Parameters
    ----------
    reference
        The reference model as it was fitted.
    climbs
        Those that have steps.

    Returns
    -------
    Checked
        None where the answers were taken as numbers from the start, or nothing was climbed.
    """
    check = reference.check
    if check is None or not climbs:
        return None
    lines: list[Line] = []
    refused: list[Message] = []
    fit, n_obs = None, 0
    for climbed in climbs:
        values: dict[str, Value] = {"column": evidence.text(climbed.declared.label)}
        if len(climbed.chosen.values) > MOST_GROUPS:
            values["limit"] = MOST_GROUPS
            refused.append(Message("invariance.note.unchecked_many", values))
            continue
        found = attempt(partial(_climb, check, climbed))
        if found.result is None:
            values["text"] = found.reason
            refused.append(Message("invariance.note.unchecked", values))
            continue
        fit = found.result.fits[found.result.steps[-1]]
        n_obs = max(n_obs, fit.n_obs)
        lines += _lines(climbed, judged(found.result, rules))
    return Checked(tuple(lines), fit, n_obs, tuple(refused))


def _climb(check: Fitted, climbed: Climb) -> measure.Invariance:
    options = options_of(check, climbed.declared)
    return steps_of(check.model.syntax, climbed.chosen.data, options, _released(climbed))


def _released(climbed: Climb) -> dict[str, list[object]]:
    """Give what was released as numbers have it: thresholds stand for the item's intercept."""
    found: dict[str, list[object]] = {}
    for row in climbed.releases.to_dict("records"):
        loading = row["op"] == "=~"
        name = f"{row['lhs']} =~ {row['rhs']}" if loading else f"{row['lhs']} ~1"
        groups = found.setdefault(name, [])
        if row["group"] not in groups:
            groups.append(row["group"])
    return found


def _lines(climbed: Climb, steps: Iterable[Step]) -> Iterator[Line]:
    by_name = {step.name: step for step in steps}
    for step in climbed.steps:
        if step.name in by_name:
            yield Line(climbed, step, by_name[step.name])


def check_table(checked: Checked, reference: Fitted) -> Table | None:
    """Lay the steps of both computations side by side; None where there are none."""
    if checked.fit is None:
        return None
    rows: list[tuple[Cell, ...]] = []
    for line in checked.lines:
        numbers = (
            evidence.number(step.row[f"delta_{name}"])
            for step in (line.ordinal, line.check)
            for name in ("cfi", "rmsea")
        )
        rows.append(
            (
                evidence.text(line.climb.declared.label),
                Message(f"invariance.step.{line.ordinal.name}"),
                verdict_of(line.ordinal),
                verdict_of(line.check),
                *numbers,
                Message("check.yes" if line.agrees else "check.no"),
            )
        )
    return Table(
        id="invariance_check",
        title=Message("invariance.table.check"),
        columns=(
            *columns("message", 0, "background", "invariance_step"),
            *columns("message", 0, "by_ordinal.verdict", "by_check.verdict"),
            *columns("number", 3, "cfi_change", "rmsea_change"),
            *columns("number", 3, "by_check.cfi_change", "by_check.rmsea_change"),
            column("same_verdict", "message"),
        ),
        rows=tuple(rows),
        provenance=_provenance(checked, reference),
        notes=(Message("invariance.note.check"), *checked.refused),
    )


def _provenance(checked: Checked, reference: Fitted) -> Provenance:
    assert checked.fit is not None
    both: dict[str, Value] = {
        "ordinal": methods.estimated(reference),
        "check": methods.estimated_by(checked.fit),
    }
    return Provenance(Message("estimator.both", both), checked.n_obs, SOURCE)


def check_finding(checked: Checked, reference: Fitted) -> Finding | None:
    """Say whether the verdicts on the steps hang on the method; None where none was checked."""
    if checked.fit is None:
        return None
    n, differing = len(checked.lines), checked.differing
    provenance = _provenance(checked, reference)

    def counted(name: str, value: int) -> Quantity:
        return Quantity(f"statistic.{name}", float(value), provenance, kind="count", digits=0)

    return Finding(
        id="invariance_check",
        claim=Message(
            f"invariance.claim.check_{'differs' if differing else 'agrees'}",
            {"n": n, "differing": len(differing)},
        ),
        verdict="undecided" if differing else "information",
        rule=Rule(Message("check.rule"), Message("check.rule.source")),
        evidence=(
            counted("verdicts_compared", n),
            counted("verdicts_differing", len(differing)),
        ),
        notes=(*(_difference(line) for line in differing), *checked.refused),
    )


def _difference(line: Line) -> Message:
    what = Message(
        "invariance.column_step",
        {
            "column": evidence.text(line.climb.declared.label),
            "step": Message(f"invariance.step.{line.ordinal.name}"),
        },
    )
    values: dict[str, Value] = {
        "what": what,
        "ordinal": verdict_of(line.ordinal),
        "check": verdict_of(line.check),
    }
    return Message("check.note.differs", values)
