"""What people may be grouped by: what the instrument declares, unless it all but names them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from analyses import evidence
from analyses.disclosing.groups import heading, word
from analyses.intake.survey import Survey
from analyses.section import NUMERIC, Column, Table
from instruments.schema import BackgroundColumn, Instrument

NO_GROUPS = frozenset({"respondent", "seconds"})
"""Roles of columns that say of each person something of its own."""

NAMING = 0.5
"""A column in which so large a share of the people are alone with their value names people."""


@dataclass(frozen=True)
class Breakdowns:
    """The columns that people may be grouped by, and how groups lie in each other.

    Attributes
    ----------
    declared
        Headings of the columns that the instrument declares as breakdowns.
    nested
        For pairs of headings, smaller groups first, of which each smaller group lies in one larger:
        the larger group's words by the smaller one's.
    """

    declared: frozenset[str]
    nested: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)

    def refused(self, table: Table) -> tuple[Column, ...]:
        """Give the columns that a table groups people by and that are no breakdowns.

        Columns headed by the catalogue part people by what the analysis found, and are not meant.
        """
        if table.respondents is None:
            return ()
        return tuple(
            one
            for one in table.columns
            if one.kind not in NUMERIC
            and (table.groups is None or one.name in table.groups)
            and one.label.key == "plain"
            and heading(one) not in self.declared
        )


def breakdowns(instrument: Instrument, survey: Survey) -> Breakdowns:
    """Find what the respondents of a survey may be grouped by.

    Parameters
    ----------
    instrument
        Declares the columns.
    survey
        The answers.

    Returns
    -------
    Breakdowns
        Without identifiers, and without columns in which half of the people or more are alone with
        their value.
    """
    allowed = [
        one for one in instrument.columns if one.role not in NO_GROUPS and not _names(survey, one)
    ]
    present = [one for one in allowed if one.name in survey.data]
    pairs = {
        (_heading(inner), _heading(outer)): inside
        for inner in present
        for outer in present
        if inner is not outer and (inside := _inside(survey.data, inner, outer))
    }
    return Breakdowns(frozenset(_heading(one) for one in allowed), pairs)


def _heading(declared: BackgroundColumn) -> str:
    label = evidence.plain(evidence.text(declared.label))
    return heading(Column("group", label, "message"))


def _names(survey: Survey, declared: BackgroundColumn) -> bool:
    if declared.name not in survey.data:
        return False
    counts = survey.data[declared.name].value_counts()
    return len(counts) > 0 and int((counts == 1).sum()) >= NAMING * int(counts.sum())


def _inside(data: pd.DataFrame, inner: BackgroundColumn, outer: BackgroundColumn) -> dict[str, str]:
    """Give in which larger group each smaller one lies; nothing where any lies in two."""
    known = data[[inner.name, outer.name]].dropna().drop_duplicates()
    larger = known[outer.name].nunique()
    if known[inner.name].duplicated().any() or not 1 < larger < len(known):
        return {}
    return {
        word(evidence.group_label(small, inner)): word(evidence.group_label(large, outer))
        for small, large in known.itertuples(index=False)
    }
