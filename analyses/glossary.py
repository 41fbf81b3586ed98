"""What each number means, how it is computed and where the formula stands.

The formulas and their sources are the same in every language and stand in
`analyses/wording/glossary.toml`, with the names of the columns and statistics they explain; what a
term is called and means stands in the catalogue of each language (`glossary.<id>.name`, `.means`).
"""

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources

from analyses import wording
from analyses.section import Finding, Message, Table

_AFFIXES = (".lower", ".upper", ".se", ".robust", ".scaled", ".holm", ".verdict")
_BEFORE = ("by_check.", "by_ordinal.")


@dataclass(frozen=True)
class Entry:
    """One term.

    Parameters
    ----------
    id
        Names its words in the catalogue.
    names
        The columns and statistics that it explains, without endings such as `.lower`. A name may
        hold `*`, and before a colon the id of the table that the column is in.
    formula, source
        As written in the field; empty for what is counted or told.
    """

    id: str
    names: tuple[str, ...]
    formula: str = ""
    source: str = ""

    def has(self, name: str, table_id: str) -> bool:
        """Tell whether the term explains a column or statistic of a table."""
        return any(
            fnmatchcase(f"{table_id}:{name}" if ":" in pattern else name, pattern)
            for pattern in self.names
        )

    @property
    def name(self) -> Message:
        """What the term is called."""
        return Message(f"glossary.{self.id}.name")

    @property
    def means(self) -> Message:
        """What it says, in plain words."""
        return Message(f"glossary.{self.id}.means")


@cache
def entries() -> tuple[Entry, ...]:
    """Give all terms, in the order of the file."""
    text = (resources.files(wording) / "glossary.toml").read_text(encoding="utf-8")
    return tuple(
        Entry(name, tuple(part["names"]), part.get("formula", ""), part.get("source", ""))
        for name, part in tomllib.loads(text).items()
    )


def explain(name: str, table_id: str = "") -> Entry | None:
    """Give the term that explains a column or statistic; None where it has none.

    Parameters
    ----------
    name
        Of a column (`rmsea.ci.lower`) or statistic (`statistic.cfi`). A name that no term has is
        looked for without what qualifies it: an end of its interval, a scaled or robust version.
    table_id
        Of the table that has the column; some terms explain whole tables.
    """
    plain = name.removeprefix("statistic.").removeprefix("column.")
    for one in _shorter(plain):
        for entry in entries():
            if entry.has(one, table_id):
                return entry
    return None


def of_table(table: Table) -> tuple[Entry, ...]:
    """Give the terms that explain the columns of a table, each once, in their order."""
    return _once(explain(column.name, table.id) for column in table.columns)


def of_finding(finding: Finding) -> tuple[Entry, ...]:
    """Give the terms that explain the numbers of a finding, each once, in their order."""
    return _once(explain(number.name) for number in finding.evidence)


def _once(found: Iterable[Entry | None]) -> tuple[Entry, ...]:
    return tuple(dict.fromkeys(entry for entry in found if entry is not None))


def _shorter(name: str) -> Iterator[str]:
    yield name
    for before in _BEFORE:
        name = name.removeprefix(before)
    yield name
    while any(name.endswith(affix) for affix in _AFFIXES):
        affix = next(affix for affix in _AFFIXES if name.endswith(affix))
        name = name.removesuffix(affix)
        yield name
        yield name.removesuffix(".ci")
