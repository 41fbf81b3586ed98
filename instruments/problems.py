"""What is wrong with an instrument: a sentence, and the entry of the file that it is about."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

KIND = {
    "responses": "response scale",
    "functions": "function",
    "levels": "level",
    "referents": "referent",
    "items": "item",
    "variants": "variant",
    "scales": "scale",
    "blocks": "block",
    "forms": "form",
    "versions": "version",
    "columns": "column",
    "factors": "factor",
    "models": "model",
    "external": "external measure",
    "hypotheses": "hypothesis",
    "claims": "claim",
    "proposals": "proposal",
    "dialogue": "dialogue question",
    "missing": "missing code",
    "expectations": "expectation",
    "rules": "rule",
    "liabilities": "liability",
    "residual_correlations": "residual correlation",
    "differences": "difference",
    "noninvariance": "non-invariance",
}
"""What one entry of each list of the file is called in a message."""


class Problem(NamedTuple):
    """One thing that is wrong.

    Attributes
    ----------
    text
        What is wrong, with the name of the entry.
    field, entry
        The list of the file that it is about, and the place in that list; None where it is about
        no single entry.
    """

    text: str
    field: str | None = None
    entry: int | None = None


class Problems(ValueError):
    """All the things that are wrong, one line each."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problem.text for problem in self.problems))


def name_of(entry: object) -> str | None:
    """Give how an entry of a list calls itself: its id, name or target."""
    for field in ("id", "name", "target"):
        value = entry.get(field) if isinstance(entry, Mapping) else getattr(entry, field, None)
        if isinstance(value, str):
            return value
    return None


def repeated(names: Iterable[str]) -> list[str]:
    """Give the names that occur more than once, each once, in the order given."""
    return [name for name, count in Counter(names).items() if count > 1]


def listed(names: Iterable[str]) -> str:
    """Write names in a row for a message."""
    return ", ".join(names)
