"""The findings of a run, as the standards of the field ask for them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from analyses.section import Finding, Phrase, Quantity, Section


@dataclass(frozen=True)
class Found:
    """The sections of a run, by their ids."""

    sections: Mapping[str, Section]

    def finding(self, section: str, finding_id: str) -> Finding | None:
        """Give one finding, or None where the run has no such."""
        return next((one for one in self.findings(section) if one.id == finding_id), None)

    def findings(self, section: str, beginning: str = "") -> Iterator[Finding]:
        """Give the findings of a section whose ids begin so."""
        if section in self.sections:
            for one in self.sections[section].findings:
                if one.id.startswith(beginning):
                    yield one

    def numbers(self, section: str, beginning: str, name: str) -> Iterator[tuple[str, Quantity]]:
        """Give a number of each of several findings, with the rest of the finding's id."""
        for one in self.findings(section, beginning):
            for quantity in one.evidence:
                if quantity.name == f"statistic.{name}":
                    yield one.id.removeprefix(beginning), quantity


def found(sections: Sequence[Section]) -> Found:
    """Put sections where they are found by their ids."""
    return Found({section.id: section for section in sections})


def of(quantity: Quantity, what: Phrase) -> Quantity:
    """Say what a number is of, where it stands beside others of the same name."""
    return replace(quantity, of=what)
