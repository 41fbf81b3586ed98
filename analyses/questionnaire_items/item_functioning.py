"""Whether items work alike for groups: differential item functioning by background columns.

What a difference amounts to is given as points of the scale mean. Whether groups may be compared is
a question of invariance.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from analyses import evidence
from analyses.comparing.group_ladders import compared_columns
from analyses.evidence import column
from analyses.intake.survey import Survey
from analyses.modelling.fits import Fitted, in_categories
from analyses.modelling.scale_models import FEWEST_ITEMS
from analyses.section import Cell, Column, Message, Phrase, Provenance, Table, Value
from instruments.forms import ColumnRole
from instruments.schema import BackgroundColumn, Instrument, Scale
from measure.errors import MeasureError
from measure.functioning.dif import differential_functioning
from measure.functioning.dif_result import ItemFunctioning

ROLES: tuple[ColumnRole, ...] = ("group", "role", "background")
"""Columns of these roles say what kind of person answers; the others say where and when."""

FEWEST_PERSONS = 50
"""A value that fewer respondents have takes no part: its effects would be mostly chance."""

MOST_VALUES = 10

FEWEST_ORGANISATIONS = 20
"""With fewer, tests rest on the smaller clusters within them."""


@dataclass(frozen=True, eq=False)
class TestedColumn:
    """A background column, and which of its values take part.

    `n_blank` respondents have no value. `reason` says why it is not tested at all; None where it
    is.
    """

    declared: BackgroundColumn
    values: tuple[str, ...]
    left_out: tuple[str, ...]
    n_blank: int
    reason: Message | None = None


@dataclass(frozen=True)
class ScoreEffect:
    """What the flagged items of a scale do to the scale mean of a group.

    `points` of the answer scale, with an interval, are from the largest group, `reference`; `share`
    of what the items do singly cancels.
    """

    scale: Scale
    declared: BackgroundColumn
    group: str
    reference: str
    n: int
    points: float
    lower: float
    upper: float
    share: float


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
    on_scores
        What flagged items do to the means of groups.
    n_obs, n_clusters
        Respondents of the survey, and clusters that the tests rest on.
    cluster
        The column of the clusters, None without.
    notes
        What could not be tested.
    """

    columns: tuple[TestedColumn, ...]
    effects: pd.DataFrame
    flags: pd.DataFrame
    on_scores: tuple[ScoreEffect, ...]
    n_obs: int
    n_clusters: int | None
    cluster: BackgroundColumn | None
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
    """Test the items of every reflective scale by the columns that say who answers.

    The scales of the reference model are tested by each of them, the others by those that groups
    are compared by.

    Parameters
    ----------
    models
        The models of the scales, which are those of at least three items.
    reference
        The reference model; where it has clusters, so have the tests.
    """
    tested = [
        instrument.scale(name)
        for name in models
        if _testable(instrument, survey, instrument.scale(name))
    ]
    chosen = tuple(
        _choose(survey, declared)
        for declared in evidence.present_columns(instrument, survey, ROLES)
        if tested
    )
    compared = {declared.name for declared in compared_columns(instrument, survey)}
    cluster = _cluster(instrument, survey, reference)
    found: dict[tuple[str, str], ItemFunctioning] = {}
    notes: list[Message] = []
    for one in chosen:
        for scale in tested if one.reason is None else ():
            if one.declared.name not in compared and models[scale.id] is not reference:
                continue
            items = evidence.scored_items(scale, survey)
            answers = _answers(survey, items, one, cluster)
            try:
                found[scale.id, one.declared.name] = differential_functioning(
                    answers, items, group=one.declared.name, cluster=cluster
                )
            except MeasureError as error:
                notes.append(_untested(scale, one, str(error)))
    names = [one.declared.name for one in chosen if one.reason is None]
    effects, flags = _by_item(instrument, survey, found, names)
    clusters = [one.n_clusters for one in found.values() if one.n_clusters is not None]
    return Functioning(
        columns=chosen,
        effects=effects,
        flags=flags,
        on_scores=tuple(_on_scores(instrument, found)),
        n_obs=len(survey.data),
        n_clusters=max(clusters, default=None),
        cluster=next((one for one in instrument.columns if one.name == cluster), None),
        notes=tuple(notes),
    )


def _by_item(
    instrument: Instrument,
    survey: Survey,
    found: Mapping[tuple[str, str], ItemFunctioning],
    names: list[str],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give what each column adds to the R² of each item, and the flags."""
    effects: dict[str, dict[str, float]] = {}
    flags: dict[str, dict[str, bool]] = {}
    for (_, name), one in found.items():
        added = one.table["r2.uniform"].astype(float) + one.table["r2.nonuniform"].astype(float)
        for item in one.table.index:
            effects.setdefault(str(item), {})[name] = float(added[item])
            flags.setdefault(str(item), {})[name] = bool(one.table.loc[item, "flag"])
    scales = dict.fromkeys(scale for scale, _ in found)
    items = [
        item for scale in scales for item in evidence.scored_items(instrument.scale(scale), survey)
    ]
    table = pd.DataFrame.from_dict(flags, orient="index").reindex(items, columns=names)
    return (
        pd.DataFrame.from_dict(effects, orient="index").reindex(items, columns=names),
        table.eq(True),
    )


def _on_scores(
    instrument: Instrument, found: Mapping[tuple[str, str], ItemFunctioning]
) -> Iterator[ScoreEffect]:
    columns = {one.name: one for one in instrument.columns}
    for (scale, name), one in found.items():
        sizes = dict(zip(one.groups.index, one.groups, strict=True))
        for group, row in one.effects.iterrows() if one.table["flag"].any() else ():
            yield ScoreEffect(
                scale=instrument.scale(scale),
                declared=columns[name],
                group=str(group),
                reference=str(one.groups.index[0]),
                n=sizes[group],
                points=float(row["points"]),
                lower=float(row["ci.lower"]),
                upper=float(row["ci.upper"]),
                share=float(row["cancelled"]),
            )


def _cluster(instrument: Instrument, survey: Survey, reference: Fitted) -> str | None:
    """Name the largest units within which answers resemble each other.

    Where the reference model has clusters and these lie within organisations, the organisations:
    what differs between them would otherwise pass for a difference of groups, such as sectors, that
    differ between organisations.
    """
    plan = reference.plan.cluster
    if plan is None:
        return None
    for declared in evidence.present_columns(instrument, survey, ("organisation",)):
        if declared.name == plan.name:
            continue
        pairs = survey.data[[plan.name, declared.name]].dropna().drop_duplicates()
        within = not pairs[plan.name].duplicated().any()
        if within and pairs[declared.name].nunique() >= FEWEST_ORGANISATIONS:
            return declared.name
    return plan.name


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
    n_blank = int(survey.data[declared.name].isna().sum())
    return TestedColumn(declared, values, small, n_blank, reason)


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
    on_scores = (_scores_table(found),) if found.on_scores else ()
    return _effects_table(found), *on_scores, considered


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


def _scores_table(found: Functioning) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            evidence.text(one.scale.label),
            evidence.text(one.declared.label),
            evidence.group_label(one.group, one.declared),
            evidence.group_label(one.reference, one.declared),
            one.n,
            evidence.number(one.points),
            evidence.number(one.lower),
            evidence.number(one.upper),
            evidence.number(one.share),
        )
        for one in found.on_scores
    ]
    return Table(
        id="item_functioning_scores",
        title=Message("functioning.table.scores"),
        columns=(
            column("scale", "message"),
            column("background", "message"),
            column("group", "message"),
            column("compared_with", "message"),
            column("n", "count", 0),
            column("points", "number", 2),
            column("ci.lower", "number", 2),
            column("ci.upper", "number", 2),
            column("cancelled", "percent", 0),
        ),
        rows=tuple(rows),
        provenance=provenance(found),
        notes=(Message("functioning.note.scores"),),
    )


def provenance(found: Functioning) -> Provenance:
    """Say how the tests were made."""
    how: Phrase = Message("estimator.odds")
    if found.n_clusters is not None and found.cluster is not None:
        label = evidence.text(found.cluster.label)
        how = Message("estimator.odds_clustered", {"n": found.n_clusters, "column": label})
    return Provenance(how, found.n_obs, Message("source.functioning"))


def _columns_table(found: Functioning) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            evidence.text(one.declared.label),
            len(one.values),
            _listed(one),
            one.n_blank / found.n_obs,
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
            column("blank", "percent", 1),
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
