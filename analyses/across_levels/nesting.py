"""Who belongs to what: units in two organisations, numbers used twice, people who are in none."""

from collections.abc import Iterator

import pandas as pd

from analyses import evidence
from analyses.intake.survey import Survey
from analyses.section import Message, Text, Value
from instruments.schema import BackgroundColumn, Instrument

USUAL = 0.5
"""Where so large a share of the units stands in several organisations, their names are numbers
that each organisation gives anew; where few do, they are units that moved, or mistakes."""

MOST_NAMED = 5


def notes(instrument: Instrument, survey: Survey) -> Iterator[Message]:
    """Say what in the columns of units and organisations does not fit together."""
    units = evidence.present_columns(instrument, survey, ["cluster"])
    organisations = evidence.present_columns(instrument, survey, ["organisation"])
    for unit in units:
        for organisation in organisations:
            yield from _crossing(survey, unit, organisation)
        yield from _nowhere(survey, unit)


def _crossing(
    survey: Survey, unit: BackgroundColumn, organisation: BackgroundColumn
) -> Iterator[Message]:
    together = survey.data[[unit.name, organisation.name]].dropna()
    n_organisations = together.groupby(unit.name, observed=True)[organisation.name].nunique()
    several = n_organisations.index[n_organisations > 1]
    if not len(several):
        return
    names = [str(evidence.written_value(one)) for one in several]
    values: dict[str, Value] = {
        "unit": evidence.text(unit.label),
        "organisation": evidence.text(organisation.label),
        "n": len(several),
        "of": len(n_organisations),
        "names": tuple(sorted(names, key=evidence.natural)[:MOST_NAMED]),
    }
    repeated = len(several) >= USUAL * len(n_organisations) and len(several) > 1
    yield Message(f"levels.nesting.{'repeated' if repeated else 'two'}", values)


def _nowhere(survey: Survey, unit: BackgroundColumn) -> Iterator[Message]:
    """Count those in no known unit, and the leaders among them, who then lead nobody known."""
    nowhere: pd.Series[bool] = survey.data[unit.name].isna()
    label: Text = evidence.text(unit.label)
    if not nowhere.any() or nowhere.all():
        return
    yield Message("levels.nesting.nowhere", {"unit": label, "n": int(nowhere.sum())})
    leaders = nowhere & survey.self_ratings.notna().any(axis=1)
    if leaders.any():
        yield Message("levels.nesting.leaders", {"unit": label, "n": int(leaders.sum())})
