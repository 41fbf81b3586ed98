"""Answers of several waves side by side: which column holds which item at which wave and group."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from measure.errors import DataError, OptionError

MOST_WAVES = 20
MOST_NAMED = 5


@dataclass(frozen=True, eq=False)
class Occasions:
    """Answers of several waves, one row a respondent.

    Where the waves have other respondents each (repeated cross-sections) every wave is a group of
    its own, and a row is one answer sheet.

    Attributes
    ----------
    data
        One row a respondent: the items of each wave, group and cluster.
    columns
        For each wave in one row, the column of each item.
    waves, groups
        Their own values in order; `groups` is empty without groups.
    group
        The column of the groups that a model is fitted to; None with one group.
    across
        Whether every wave has respondents of its own.
    thresholds
        Number of thresholds of each ordered item.
    counts
        `wave group n`: respondents with any answer. With a single group `group` is empty.
    n_all
        Respondents with an answer at every wave.
    notes
        What a reader has to know.
    """

    data: pd.DataFrame
    columns: tuple[Mapping[str, str], ...]
    waves: tuple[object, ...]
    groups: tuple[object, ...]
    group: str | None
    across: bool
    thresholds: Mapping[str, int]
    counts: pd.DataFrame
    n_all: int
    notes: tuple[str, ...]

    @property
    def n_cells(self) -> int:
        """Waves times groups."""
        return len(self.waves) * max(len(self.groups), 1)

    @property
    def n_groups(self) -> int:
        """Groups of the model: with other respondents each time, one for every group and wave."""
        return self.n_cells if self.across else max(len(self.groups), 1)

    def cell(self, group: int, wave: int) -> str:
        """Give the ending of the labels of a group and a wave, both counted from 0."""
        if self.across:
            return f"g{group * len(self.waves) + wave + 1}.w1"
        return f"g{group + 1}.w{wave + 1}"

    def rows(self, group: int) -> "pd.Series[bool]":
        """Mark the rows of a group."""
        if not self.groups:
            return pd.Series(True, index=self.data.index)
        return self.data[OWN_GROUP] == self.groups[group]

    def answers(self, items: Sequence[str], wave: int) -> pd.DataFrame:
        """Give the answers of a wave under the names of the items; NaN of all others."""
        if self.across:
            found = self.data[list(items)]
            return found.where(self.data[OWN_WAVE] == self.waves[wave])
        column = self.columns[wave]
        return self.data[[column[item] for item in items]].set_axis(list(items), axis=1)


OWN_GROUP, OWN_WAVE, CELL = "group.own", "wave.own", "group.wave"
"""Columns of `Occasions.data` beside those of the items."""


@dataclass(frozen=True)
class Layout:
    """How a caller describes the waves.

    Attributes
    ----------
    person, wave
        Columns of long data. Without `person` each wave has other respondents.
    waves
        Of long data the values of `wave` in order; of wide data for each wave a pattern of its
        columns ("{item}_t1"), or the column of each item.
    group, against
        Column of groups, and the value of the one that comes first.
    cluster
        Column of clusters.
    beside
        A column of numbers that stands beside the items, one value a respondent.
    """

    person: str | None = None
    wave: str | None = None
    waves: Sequence[object] | Mapping[Any, str | Mapping[str, str]] | None = None
    group: str | None = None
    against: object = None
    cluster: str | None = None
    beside: str | None = None

    @property
    def kept(self) -> list[str]:
        """Columns that are kept beside those of the items, each once."""
        names = (self.group, self.cluster, self.beside)
        return list(dict.fromkeys(name for name in names if name is not None))


def occasions(
    data: pd.DataFrame,
    items: Sequence[str],
    layout: Layout,
    *,
    ordered: Sequence[str] | bool = (),
    categories: str = "refuse",
) -> Occasions:
    """Put the answers of several waves side by side.

    Parameters
    ----------
    categories
        "refuse" or "merge" categories of ordered items that are not used at every wave of every
        group; "merge" joins each to the nearest one that is.

    Raises
    ------
    OptionError
        The waves are described in no way, or in two.
    DataError
        Columns or items are missing, a respondent answers twice in a wave or changes the group, or
        a category is not used at a wave.
    """
    if categories not in ("refuse", "merge"):
        raise OptionError(f'categories="{categories}" is not known; choose "refuse" or "merge".')
    _require_columns(data, layout)
    notes: list[str] = []
    if layout.wave is None:
        wide, columns, waves = _from_wide(data, items, layout)
    elif layout.person is None:
        wide, columns, waves = _across(data, items, layout, notes)
    else:
        wide, columns, waves = _from_long(data, items, layout, notes)
    wide, groups = _in_groups(wide, layout, notes)
    across = layout.wave is not None and layout.person is None
    if across:
        wide = _in_cells(wide, groups, waves)
    found = Occasions(
        data=wide,
        columns=columns,
        waves=waves,
        groups=groups,
        group=CELL if across else (OWN_GROUP if groups else None),
        across=across,
        thresholds={},
        counts=pd.DataFrame(),
        n_all=0,
        notes=(),
    )
    return _finished(found, list(items), _ordered(items, ordered), categories, notes)


def _require_columns(data: pd.DataFrame, layout: Layout) -> None:
    if layout.wave is None and not isinstance(layout.waves, Mapping):
        raise OptionError(
            "say where the waves are: wave= names the column of long data (and person= that of the "
            'respondents), or waves={"1": "{item}_t1", "2": "{item}_t2"} the columns of wide data.'
        )
    if layout.wave is None and layout.person is not None:
        raise OptionError("person= is for long data, which have a column wave= too.")
    for name in (layout.person, layout.wave, *layout.kept):
        if name is not None and list(data.columns).count(name) != 1:
            raise OptionError(f'the data need one column "{name}".')


def _ordered(items: Sequence[str], ordered: Sequence[str] | bool) -> list[str]:
    if isinstance(ordered, bool):
        return list(items) if ordered else []
    if isinstance(ordered, str):
        raise OptionError(f'ordered is a list of items, as ordered=["{ordered}"], or True.')
    unknown = [item for item in ordered if item not in items]
    if unknown:
        raise OptionError(f"ordered names {', '.join(unknown)}, which the model does not use.")
    return list(ordered)


Wide = tuple[pd.DataFrame, tuple[Mapping[str, str], ...], tuple[object, ...]]


def _from_wide(data: pd.DataFrame, items: Sequence[str], layout: Layout) -> Wide:
    assert isinstance(layout.waves, Mapping)
    if len(layout.waves) < 2:
        raise OptionError("there is one wave only; change needs at least two.")
    columns: list[Mapping[str, str]] = []
    for wave, where in layout.waves.items():
        own = {
            item: where.format(item=item) if isinstance(where, str) else where.get(item, "")
            for item in items
        }
        absent = [item for item, name in own.items() if name not in data.columns]
        if absent:
            raise DataError(_lacking(wave, absent, items))
        columns.append(own)
    used = [name for own in columns for name in own.values()]
    if len(set(used)) < len(used):
        twice = next(name for name in used if used.count(name) > 1)
        raise OptionError(f'column "{twice}" stands for two waves or two items.')
    wide = data[list(dict.fromkeys([*used, *layout.kept]))].copy()
    return wide, tuple(columns), tuple(layout.waves)


def _waves_of(values: "pd.Series[Any]", layout: Layout) -> tuple[object, ...]:
    present = list(values.dropna().unique())
    if layout.waves is None:
        order = sorted(present)
    else:
        order = list(layout.waves)
        absent = [str(one) for one in order if one not in present]
        if absent:
            raise DataError(
                f'wave {", ".join(absent)} does not occur in column "{layout.wave}", which holds '
                f"{', '.join(str(one) for one in present[:MOST_NAMED])}."
            )
    if len(order) < 2:
        raise DataError(f'column "{layout.wave}" holds one wave only; change needs at least two.')
    if len(order) > MOST_WAVES:
        raise DataError(
            f'column "{layout.wave}" holds {len(order)} values; up to {MOST_WAVES} waves can be '
            "compared. Is it a date? Give each wave a number."
        )
    return tuple(order)


def _require_items(data: pd.DataFrame, items: Sequence[str], layout: Layout) -> None:
    absent = [item for item in items if item not in data.columns]
    if absent:
        raise DataError(f"the data have no column {', '.join(absent[:MOST_NAMED])}.")


def _lacking(wave: object, absent: Sequence[str], items: Sequence[str]) -> str:
    shown = ", ".join(absent[:MOST_NAMED]) + (" ..." if len(absent) > MOST_NAMED else "")
    return (
        f'wave "{wave}" has no answers to {shown} ({len(absent)} of {len(items)} items). Only '
        "items that were asked at every wave can be compared: leave these out of the model, and "
        "say so."
    )


def _blanks(data: pd.DataFrame, names: Sequence[str | None], notes: list[str]) -> pd.DataFrame:
    """Leave out rows that do not say who answered, when, or in which group."""
    for name in names:
        if name is None:
            continue
        blank = data[name].isna()
        if blank.any():
            notes.append(f'{int(blank.sum())} rows without a value of "{name}" were left out.')
            data = data[~blank]
    return data


def _across(data: pd.DataFrame, items: Sequence[str], layout: Layout, notes: list[str]) -> Wide:
    _require_items(data, items, layout)
    data = _blanks(data, [layout.wave], notes)
    assert layout.wave is not None
    waves = _waves_of(data[layout.wave], layout)
    data = data[data[layout.wave].isin(waves)]
    for wave in waves:
        _refuse_unasked(data[data[layout.wave] == wave], wave, items)
    wide = data[list(dict.fromkeys([*items, *layout.kept]))].copy()
    wide[OWN_WAVE] = data[layout.wave]
    notes.append(
        "Each wave has respondents of its own: differences between waves are differences between "
        "samples, and nobody is followed."
    )
    return wide, ({item: item for item in items},), waves


def _refuse_unasked(rows: pd.DataFrame, wave: object, items: Sequence[str]) -> None:
    absent = [item for item in items if rows[item].isna().all()]
    if absent:
        raise DataError(_lacking(wave, absent, items))


def _from_long(data: pd.DataFrame, items: Sequence[str], layout: Layout, notes: list[str]) -> Wide:
    _require_items(data, items, layout)
    assert layout.wave is not None
    assert layout.person is not None
    data = _blanks(data, [layout.person, layout.wave], notes)
    waves = _waves_of(data[layout.wave], layout)
    data = data[data[layout.wave].isin(waves)]
    doubles = data[data.duplicated([layout.person, layout.wave])]
    if len(doubles):
        row = doubles.iloc[0]
        raise DataError(
            f'respondent "{row[layout.person]}" has more than one row in wave '
            f'"{row[layout.wave]}" ({len(doubles)} rows too many in all). Keep one of each.'
        )
    columns = tuple({item: f"{item}.w{k + 1}" for item in items} for k in range(len(waves)))
    people = pd.Index(data[layout.person].unique())
    parts = []
    for wave, names in zip(waves, columns, strict=True):
        rows = data[data[layout.wave] == wave].set_index(layout.person)
        _refuse_unasked(rows, wave, items)
        parts.append(rows[list(items)].rename(columns=names).reindex(people))
    wide = pd.concat(parts, axis=1)
    in_order = data.assign(**{layout.wave: pd.Categorical(data[layout.wave], waves, ordered=True)})
    in_order = in_order.sort_values(layout.wave, kind="stable")
    for name in layout.kept:
        kept = in_order.dropna(subset=[name]).groupby(layout.person, sort=False)[name]
        moved = kept.nunique() > 1
        if moved.any() and name == layout.group:
            raise DataError(
                f'{int(moved.sum())} respondents change their value of "{name}" between waves '
                f'(first: "{moved.idxmax()}"). A group is what a respondent belongs to throughout: '
                "give everyone one value."
            )
        if moved.any():
            notes.append(
                f'{int(moved.sum())} respondents change "{name}" between waves; that of their '
                "first answer counts."
            )
        wide[name] = kept.first().reindex(people)
    return wide, columns, waves


def _in_groups(
    wide: pd.DataFrame, layout: Layout, notes: list[str]
) -> tuple[pd.DataFrame, tuple[object, ...]]:
    """Sort the rows so that the groups stand in their order."""
    wide = _blanks(wide, [layout.cluster, layout.group], notes)
    if layout.group is None:
        return wide, ()
    values = list(wide[layout.group].unique())
    try:
        values = sorted(values)
    except TypeError:
        values = sorted(values, key=str)
    if layout.against is not None:
        if layout.against not in values:
            raise OptionError(
                f'against="{layout.against}" is no value of "{layout.group}", which holds '
                f"{', '.join(str(one) for one in values[:MOST_NAMED])}."
            )
        values = [layout.against, *(one for one in values if one != layout.against)]
    if len(values) < 2:
        raise DataError(f'column "{layout.group}" holds one group only; leave group out.')
    place = wide[layout.group].map({value: k for k, value in enumerate(values)})
    wide = wide.iloc[np.argsort(place.to_numpy(), kind="stable")]
    return wide.assign(**{OWN_GROUP: wide[layout.group]}), tuple(values)


def _in_cells(
    wide: pd.DataFrame, groups: tuple[object, ...], waves: tuple[object, ...]
) -> pd.DataFrame:
    """Make a group of every group and wave, in their order."""
    own = wide[OWN_WAVE].map({wave: k for k, wave in enumerate(waves)}).to_numpy()
    if groups:
        place = wide[OWN_GROUP].map({group: k for k, group in enumerate(groups)}).to_numpy()
        own = own + len(waves) * place
    cells = wide.assign(**{CELL: own + 1})
    return cells.iloc[np.argsort(own, kind="stable")]


def _finished(
    found: Occasions,
    items: list[str],
    ordered: list[str],
    categories: str,
    notes: list[str],
) -> Occasions:
    """Count respondents and categories, after joining categories where that is asked for."""
    data = found.data.copy()
    answered = [found.answers(items, k).notna().any(axis=1) for k in range(len(found.waves))]
    n_all = int(np.logical_and.reduce(answered).sum())
    rows = [
        {
            "wave": wave,
            "group": found.groups[g] if found.groups else "",
            "n": int((answered[k] & found.rows(g)).sum()),
        }
        for g in range(max(len(found.groups), 1))
        for k, wave in enumerate(found.waves)
    ]
    empty = next((row for row in rows if row["n"] == 0), None)
    if empty is not None:
        raise DataError(
            f'nobody in group "{empty["group"]}" answered in wave "{empty["wave"]}". Leave the '
            "group or the wave out."
        )
    if not found.across and n_all < 2:
        raise DataError("hardly anybody answered at every wave: are the respondents' names alike?")
    thresholds = {}
    for item in ordered:
        common, joined = _categories(found, item, categories)
        if joined:
            notes.append(joined)
            nearest = {
                value: min(common, key=lambda one: (abs(one - value), one))
                for value in _used(found, item)
            }
            for name in {column[item] for column in found.columns}:
                data[name] = data[name].map(nearest, na_action="ignore")
        thresholds[item] = len(common) - 1
    return Occasions(
        data=data,
        columns=found.columns,
        waves=found.waves,
        groups=found.groups,
        group=found.group,
        across=found.across,
        thresholds=thresholds,
        counts=pd.DataFrame(rows),
        n_all=n_all,
        notes=tuple(notes),
    )


def _used(found: Occasions, item: str) -> list[float]:
    return sorted(
        {v for column in found.columns for v in found.data[column[item]].dropna().unique()}
    )


def _categories(found: Occasions, item: str, how: str) -> tuple[list[float], str]:
    """Give the categories used at every wave of every group, and a note where others are joined."""
    used = _used(found, item)
    everywhere = set(used)
    lacking = ""
    for k, wave in enumerate(found.waves):
        answers = found.answers([item], k)[item]
        for g in range(max(len(found.groups), 1)):
            own = set(answers[found.rows(g)].dropna().unique())
            absent = sorted(set(used) - own)
            if absent and not lacking:
                where = f'wave "{wave}"' + (
                    f' of group "{found.groups[g]}"' if found.groups else ""
                )
                lacking = f"{item}: nobody in {where} chose {', '.join(f'{v:g}' for v in absent)}"
            everywhere &= own
    if not lacking:
        return sorted(everywhere), ""
    if how == "refuse":
        raise DataError(
            f"{lacking}. Thresholds can only be compared where every category is used: choose "
            'categories="merge" to join such categories to their neighbours, knowingly.'
        )
    if len(everywhere) < 2:
        raise DataError(f"{lacking}, and fewer than two categories are used everywhere.")
    return sorted(everywhere), f"{lacking}; such categories were joined to the nearest one used."
