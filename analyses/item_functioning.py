"""Whether items work alike for groups: differential item functioning by background columns.

Only flags are given here. What a difference amounts to for scores and comparisons is a question of
invariance.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from analyses import evidence
from analyses.evidence import column
from analyses.fits import Fitted, in_categories
from analyses.scale_models import FEWEST_ITEMS
from analyses.section import Cell, Column, Message, Phrase, Provenance, Table, Value
from analyses.survey import Survey
from instruments.forms import ColumnRole
from instruments.schema import BackgroundColumn, Instrument, Scale
from measure.dif import differential_functioning
from measure.errors import MeasureError

ROLES: tuple[ColumnRole, ...] = ("group", "role", "background")
"""Columns of these roles say what kind of person answers; the others say where and when."""

FEWEST_PERSONS = 50
"""A value that fewer respondents have takes no part: its effects would be mostly chance."""

MOST_VALUES = 10


@dataclass(frozen=True, eq=False)
class TestedColumn:
    """A background column, and which of its values take part.

    `reason` says why it is not tested at all; None where it is.
    """

    declared: BackgroundColumn
    values: tuple[str, ...]
    left_out: tuple[str, ...]
    reason: Message | None = None


@dataclass(frozen=True, eq=False)
class Functioning:
    """Tests of differential item functioning.

    Attributes
    ----------
    columns
        The columns that were considered.
    effects, flags
        Items × tested columns: what the group adds to Nagelkerke's R², NaN where there is no test;
        and whether the difference is clearer than chance after Holm's correction.
    n_obs, n_clusters
        Respondents of the survey, and clusters that the tests rest on.
    notes
        What could not be tested.
    """

    columns: tuple[TestedColumn, ...]
    effects: pd.DataFrame
    flags: pd.DataFrame
    n_obs: int
    n_clusters: int | None
    notes: tuple[Message, ...]

    def largest(self, item: str) -> tuple[float | None, BackgroundColumn | None]:
        """Give the largest flagged effect of an item and its column; 0 where none is flagged."""
        if item not in self.effects.index:
            return None, None
        effects = {str(name): float(self.effects[name][item]) for name in self.effects.columns}
        tested = {name: effect for name, effect in effects.items() if not math.isnan(effect)}
        flagged = {name: effect for name, effect in tested.items() if self.is_flagged(item, name)}
        if not flagged:
            return (0.0 if tested else None), None
        name = max(flagged, key=lambda name: flagged[name])
        declared = next(one.declared for one in self.columns if one.declared.name == name)
        return flagged[name], declared

    def is_flagged(self, item: str, name: str) -> bool:
        """Tell whether an item differs more clearly than chance by a column."""
        return bool(self.flags[name][item])


def functioning(
    instrument: Instrument, survey: Survey, models: Mapping[str, Fitted], reference: Fitted
) -> Functioning:
    """Test the items of the reference model's scales by each column that says who answers.

    Parameters
    ----------
    models
        The models of the scales; those of the reference model are tested.
    reference
        The reference model; its clusters are those of the tests.
    """
    tested = [
        instrument.scale(name)
        for name, fitted in models.items()
        if fitted is reference and _testable(instrument, survey, instrument.scale(name))
    ]
    chosen = tuple(
        _choose(survey, declared)
        for declared in evidence.present_columns(instrument, survey, ROLES)
        if tested
    )
    cluster = None if reference.plan.cluster is None else reference.plan.cluster.name
    effects: dict[str, dict[str, float]] = {}
    flags: dict[str, dict[str, bool]] = {}
    notes: list[Message] = []
    n_clusters: list[int] = []
    for one in chosen:
        if one.reason is not None:
            continue
        for scale in tested:
            items = evidence.scored_items(scale, survey)
            name = one.declared.name
            try:
                found = differential_functioning(
                    _answers(survey, items, one, cluster), items, group=name, cluster=cluster
                )
            except MeasureError as error:
                notes.append(_untested(scale, one, str(error)))
                continue
            table = found.table
            added = table["r2.uniform"].astype(float) + table["r2.nonuniform"].astype(float)
            for item in items:
                effects.setdefault(item, {})[name] = float(added[item])
                flags.setdefault(item, {})[name] = bool(table.loc[item, "flag"])
            n_clusters += [] if found.n_clusters is None else [found.n_clusters]
    names = [one.declared.name for one in chosen if one.reason is None]
    items = [item for scale in tested for item in evidence.scored_items(scale, survey)]
    return Functioning(
        columns=chosen,
        effects=pd.DataFrame.from_dict(effects, orient="index").reindex(items, columns=names),
        flags=pd.DataFrame.from_dict(flags, orient="index")
        .reindex(items, columns=names)
        .fillna(False)
        .astype(bool),
        n_obs=len(survey.data),
        n_clusters=max(n_clusters, default=None),
        notes=tuple(notes),
    )


def _testable(instrument: Instrument, survey: Survey, scale: Scale) -> bool:
    items = evidence.scored_items(scale, survey)
    return len(items) >= FEWEST_ITEMS and all(in_categories(instrument, item) for item in items)


def _choose(survey: Survey, declared: BackgroundColumn) -> TestedColumn:
    """Take the values of a column that enough respondents have."""
    sizes = survey.data[declared.name].value_counts()
    sizes = sizes[sizes > 0]
    values = tuple(str(value) for value in sizes.index[sizes >= FEWEST_PERSONS])
    small = tuple(str(value) for value in sizes.index[sizes < FEWEST_PERSONS])
    reason: Message | None = None
    if len(sizes) > MOST_VALUES:
        reason = Message("functioning.reason.many", {"n": len(sizes), "limit": MOST_VALUES})
    elif len(values) < 2:
        reason = Message("functioning.reason.small", {"limit": FEWEST_PERSONS})
    return TestedColumn(declared, values, small, reason)


def _answers(
    survey: Survey, items: list[str], one: TestedColumn, cluster: str | None
) -> pd.DataFrame:
    """Give the answers of those who take part, with their group and cluster."""
    group = survey.data[one.declared.name].astype(object)
    data = survey.scored[items].assign(**{one.declared.name: group})
    if cluster is not None:
        data = data.assign(**{cluster: survey.data[cluster]})
    return data[group.isin(one.values)]


def _untested(scale: Scale, one: TestedColumn, text: str) -> Message:
    values: dict[str, Value] = {
        "scale": evidence.text(scale.label),
        "column": evidence.text(one.declared.label),
        "text": text,
    }
    return Message("functioning.note.untested", values)


def notes(found: Functioning) -> Iterator[Message]:
    """Say that nothing could be tested, where that is so."""
    if all(one.reason is not None for one in found.columns):
        yield Message("functioning.note.nothing", {"limit": FEWEST_PERSONS})


def tables(found: Functioning) -> tuple[Table, ...]:
    """Give the effects, items by columns, and the columns that were considered."""
    if not found.columns:
        return ()
    considered = _columns_table(found)
    if found.effects.empty or not len(found.effects.columns):
        return (considered,)
    return _effects_table(found), considered


def _effects_table(found: Functioning) -> Table:
    declared = {one.declared.name: one.declared for one in found.columns}
    rows: list[tuple[Cell, ...]] = []
    for item, effects in found.effects.iterrows():
        flagged = tuple(
            evidence.text(declared[name].label)
            for name in found.effects.columns
            if found.is_flagged(str(item), str(name))
        )
        said = Message("functioning.flagged", {"columns": flagged})
        rows.append(
            (
                str(item),
                said if flagged else Message("functioning.not_flagged"),
                *(evidence.number(float(value)) for value in effects),
            )
        )
    return Table(
        id="item_functioning",
        title=Message("functioning.table"),
        columns=(
            column("item", "text"),
            column("flagged", "message"),
            *(
                Column(f"by_{name}", evidence.plain(evidence.text(declared[name].label)), "number")
                for name in found.effects.columns
            ),
        ),
        rows=tuple(rows),
        provenance=provenance(found),
        notes=(Message("functioning.note.effects"), *found.notes),
    )


def provenance(found: Functioning) -> Provenance:
    """Say how the tests were made."""
    how: Phrase = Message("estimator.odds")
    if found.n_clusters is not None:
        how = Message("estimator.odds_clustered", {"n": found.n_clusters})
    return Provenance(how, found.n_obs, Message("source.functioning"))


def _columns_table(found: Functioning) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            evidence.text(one.declared.label),
            len(one.values),
            _listed(one),
            Message("functioning.tested") if one.reason is None else one.reason,
        )
        for one in found.columns
    ]
    return Table(
        id="item_functioning_columns",
        title=Message("functioning.table.columns"),
        columns=(
            column("background", "message"),
            column("n_groups_tested", "count", 0),
            column("left_out", "message"),
            column("tested", "message"),
        ),
        rows=tuple(rows),
        provenance=Provenance(
            Message("estimator.count"), found.n_obs, Message("source.background")
        ),
    )


def _listed(one: TestedColumn) -> Message:
    """Name the values that too few have, unless there are too many values to name."""
    if not one.left_out:
        return Message("functioning.none")
    if len(one.left_out) > MOST_VALUES:
        return Message("functioning.several", {"n": len(one.left_out)})
    names = tuple(evidence.group_label(value, one.declared) for value in one.left_out)
    return Message("functioning.values", {"values": names})
