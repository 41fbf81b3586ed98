"""What the numbers can and cannot be used for; judging a person is never among the first."""

from typing import NamedTuple

from analyses.briefing import outcomes
from analyses.briefing.outcomes import is_favourable, outcome
from analyses.section import Report, Verdict
from analyses.verdicts import FURTHER


class Uses(NamedTuple):
    """The keys of what is allowed and of what is not (`face.summary.uses.<key>`)."""

    can: tuple[str, ...]
    cannot: tuple[str, ...]


def uses(report: Report) -> Uses:
    """Say what follows from the verdicts.

    The rules of reliability ask for more where change is to be followed than where groups are
    described, so `good` allows both and `acceptable` the second only. Change also needs scales
    that the answers support: the structure may not be poor.
    """
    sections = report.sections
    precise, fits = outcome("precision", sections), outcome("structure", sections)
    if report.simulated:
        return Uses(("practice",), ("simulated", "person"))
    can, cannot = ["improve"], ["person"]
    if is_favourable(precise):
        can.append("groups")
    else:
        cannot.append("groups_not")
    if precise == "good" and is_favourable(fits):
        can.append("change")
    else:
        cannot.append("change_not")
    if fits == "poor":
        cannot.append("structure_not")
    if not all(is_favourable(verdict) for verdict in _further(report)):
        cannot.append("further_not")
    comparisons = outcomes.findings("comparison", sections)
    if any(not is_favourable(finding.verdict) for finding in comparisons):
        cannot.append("licence_not")
    if outcome("agreement", sections) in ("poor", "undecided"):
        cannot.append("means_not")
    return Uses(tuple(can), (*cannot, "ranking", "cause"))


def _further(report: Report) -> list[Verdict]:
    """Give the verdicts on scales outside the reference model."""
    own = [section for section in report.sections if section.id == "reliability"]
    return [one.verdict for one in outcomes.judged(own) if one.id.startswith(FURTHER)]
