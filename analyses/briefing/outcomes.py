"""What the findings amount to, topic by topic: one verdict of the ladder for each."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import get_args

from analyses.section import Finding, Section, Verdict
from analyses.verdicts import CHECKS, FURTHER, TOTALS, worst
from instruments.dialogue import Topic

SECTIONS: Mapping[Topic, str] = {
    "precision": "reliability",
    "structure": "confirmatory",
    "comparison": "invariance",
    "levels": "levels",
    "agreement": "levels",
    "change": "development",
    "hypothesis": "hypotheses",
}
"""The section that a topic is found in."""

_BEGINS: Mapping[Topic, tuple[str, ...]] = {
    "structure": ("global_fit",),
    "comparison": ("invariance_",),
    "levels": ("referents_",),
    "agreement": ("levels_",),
    "hypothesis": ("hypothesis_",),
}
"""How the ids of its findings begin, where the section holds findings on other things as well."""

TOPICS: tuple[Topic, ...] = get_args(Topic)


def judged(sections: Iterable[Section]) -> Iterator[Finding]:
    """Give the findings that a rule judges."""
    for section in sections:
        yield from (finding for finding in section.findings if finding.verdict != "information")


def is_main(finding: Finding) -> bool:
    """Tell whether an outcome rests on a finding; the others are counted.

    A verdict that hangs on the method is told among the doubts, and changes no other.
    """
    return finding.id not in (*CHECKS, *TOTALS) and not finding.id.startswith(FURTHER)


def is_of_one_place(finding: Finding) -> bool:
    """Tell whether a finding is on what may be said of one group, such as a unit.

    There is one for each scale and kind of group, so that they would drown the others in a count.
    """
    return finding.id.startswith(_BEGINS["agreement"])


def findings(topic: Topic, sections: Sequence[Section]) -> tuple[Finding, ...]:
    """Give the judged findings that a topic rests on."""
    begins = _BEGINS.get(topic, ("",))
    own = (section for section in sections if section.id == SECTIONS[topic])
    return tuple(one for one in judged(own) if is_main(one) and one.id.startswith(begins))


def outcome(topic: Topic, sections: Sequence[Section]) -> Verdict | None:
    """Give the lowest verdict on a topic; None where the sections say nothing about it."""
    verdicts = [finding.verdict for finding in findings(topic, sections)]
    return worst(verdicts) if verdicts else None


def is_favourable(verdict: Verdict | None) -> bool:
    """Tell whether a verdict is at least acceptable."""
    return verdict in ("good", "acceptable")
