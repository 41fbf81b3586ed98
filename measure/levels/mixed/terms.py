"""From a data frame to the terms of a mixed model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import numeric_items
from measure.errors import DataError, OptionError
from measure.levels.mixed.design import Term, nested

Array = NDArray[np.float64]

INTERCEPT = "(Intercept)"
COLLINEAR = 1e-8
"""A fixed effect of which the others leave less than this share of its length says nothing."""


@dataclass(frozen=True, eq=False)
class Model:
    """What a mixed model asks for: columns of the data.

    Attributes
    ----------
    value
        The response.
    levels
        Nested levels, the outermost first.
    crossed
        Further levels, each one or more columns whose values together name its units.
    slopes
        Columns whose slopes vary between the units of a level.
    fixed
        Columns with effects that are the same everywhere.
    """

    value: str
    levels: tuple[str, ...]
    crossed: tuple[tuple[str, ...], ...]
    slopes: Mapping[str, tuple[str, ...]]
    fixed: tuple[str, ...]

    @property
    def grouping(self) -> list[str]:
        """Columns that name units, each once."""
        return list(dict.fromkeys([*self.levels, *(name for one in self.crossed for name in one)]))


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows that have everything: terms, fixed effects and their names, response."""

    terms: tuple[Term, ...]
    X: Array
    names: tuple[str, ...]
    y: Array
    n_dropped: int
    notes: tuple[str, ...]


def model_of(
    value: str,
    levels: str | Sequence[str],
    crossed: Sequence[str | Sequence[str]],
    slopes: Mapping[str, str | Sequence[str]] | None,
    fixed: str | Sequence[str],
) -> Model:
    """Bring what was asked for into one form, or say what of it cannot be."""

    def listed(names: str | Sequence[str]) -> tuple[str, ...]:
        return (names,) if isinstance(names, str) else tuple(names)

    across = tuple(listed(one) for one in ((crossed,) if isinstance(crossed, str) else crossed))
    asked = {level: listed(columns) for level, columns in (slopes or {}).items()}
    model = Model(value, listed(levels), across, asked, listed(fixed))
    names = [*model.levels, *(":".join(one) for one in model.crossed)]
    if not names:
        raise OptionError("no level is given: name at least one in levels or in crossed.")
    if len(set(names)) < len(names):
        raise OptionError(f"a level is named twice among {', '.join(names)}.")
    for level in asked:
        if level not in names:
            raise OptionError(
                f'slopes names the level "{level}", which is not among {", ".join(names)}.'
            )
    for other in (*model.grouping, *model.fixed, *(x for one in asked.values() for x in one)):
        if other == value:
            raise OptionError(f'"{value}" is the response and cannot stand elsewhere in the model.')
    return model


def rows_of(data: pd.DataFrame, model: Model) -> Rows:
    """Take the model's columns from the data, rows without a missing value only."""
    numbers = numeric_items(data, [model.value])[model.value]
    slopes = list(dict.fromkeys(x for names in model.slopes.values() for x in names))
    for name in (*model.grouping, *model.fixed, *slopes):
        present = list(data.columns).count(name)
        if present != 1:
            there = "no column" if present == 0 else "more than one column"
            raise DataError(f'the data have {there} "{name}".')
    needed = data[[*dict.fromkeys((*model.grouping, *model.fixed, *slopes))]]
    used = (numbers.notna() & needed.notna().all(axis=1)).to_numpy()
    if used.sum() < 3:
        raise DataError(
            f'only {int(used.sum())} rows have "{model.value}" and everything that the model asks '
            "for; see which column is missing most."
        )
    frame, y = needed[used], numbers[used].to_numpy()
    terms = _terms(frame, model)
    X, names = _fixed(frame, model)
    notes = [*_repeated(frame, model), *_unmoved(model, slopes)]
    _separable(terms, model, y)
    return Rows(terms, X, names, y, int((~used).sum()), tuple(notes))


def _terms(frame: pd.DataFrame, model: Model) -> tuple[Term, ...]:
    named = {name: model.levels[: depth + 1] for depth, name in enumerate(model.levels)}
    named |= {":".join(one): one for one in model.crossed}
    found = []
    for name, columns in named.items():
        if len(columns) == 1:
            codes, _ = pd.factorize(frame[columns[0]])
        else:
            codes, _ = pd.factorize(pd.MultiIndex.from_frame(frame[list(columns)].astype(object)))
        first = np.unique(codes, return_index=True)[1]
        slopes = model.slopes.get(name, ())
        Z = np.column_stack([np.ones(len(frame)), *_slope_columns(frame, slopes)])
        scale = np.sqrt((Z**2).mean(axis=0))
        found.append(
            Term(
                name=name,
                codes=np.asarray(codes, dtype=np.intp),
                units=frame.iloc[first][list(columns)].reset_index(drop=True),
                effects=(INTERCEPT, *slopes),
                Z=Z / scale,
                scale=scale,
            )
        )
    return tuple(found)


def _slope_columns(frame: pd.DataFrame, slopes: Sequence[str]) -> list[Array]:
    return [numeric_items(frame, [name])[name].to_numpy() for name in slopes]


def _fixed(frame: pd.DataFrame, model: Model) -> tuple[Array, tuple[str, ...]]:
    """Columns of the fixed effects: numbers as they are, the rest by contrasts with the first."""
    columns: list[tuple[str, Array]] = [(INTERCEPT, np.ones(len(frame)))]
    for name in model.fixed:
        column = frame[name]
        if pd.api.types.is_bool_dtype(column) or pd.api.types.is_numeric_dtype(column):
            numbers = numeric_items(frame.assign(**{name: column.astype(float)}), [name])
            columns.append((name, numbers[name].to_numpy()))
            continue
        for kind in _kinds(column)[1:]:
            columns.append((f"{name}[{kind}]", (column == kind).to_numpy(dtype=float)))
    X = np.column_stack([values for _, values in columns])
    names = tuple(label for label, _ in columns)
    lengths = np.sqrt((X**2).sum(axis=0))
    left = np.abs(np.diag(np.linalg.qr(X / lengths, mode="r")))
    if len(left) < len(names) or (left < COLLINEAR).any():
        which = int(np.argmax(left < COLLINEAR)) if len(left) == len(names) else len(left)
        raise DataError(
            f'the fixed effect "{names[which]}" follows from those before it: leave it out.'
        )
    if len(frame) <= len(names):
        raise DataError(f"there are {len(frame)} rows for {len(names)} fixed effects.")
    return X, names


def _kinds(column: pd.Series) -> list[Any]:
    """Values of a column that are there, categories in their order, others sorted."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        there = set(column)
        kinds = [kind for kind in column.cat.categories if kind in there]
    else:
        kinds = sorted(column.unique(), key=str)
    if len(kinds) < 2:
        raise DataError(f'the fixed effect "{column.name}" has one value: leave it out.')
    return kinds


def _separable(terms: Sequence[Term], model: Model, y: Array) -> None:
    """Refuse levels whose variance cannot be told from another one."""
    n = len(y)
    for term in terms:
        if term.n_units < 2:
            raise DataError(
                f'all rows lie in one "{term.name}"; a variance between units needs at least two.'
            )
        if term.n_units == n:
            raise DataError(
                f'every "{term.name}" has one row: differences between them cannot be told from '
                "the residuals. Check whether this column names groups or respondents."
            )
    for one, other in combinations(terms, 2):
        if one.n_units == other.n_units and nested(
            one.codes, one.n_units, other.codes, other.n_units
        ):
            raise DataError(
                f'"{one.name}" and "{other.name}" divide the rows alike: their variances cannot be '
                "told apart. Leave one of them out."
            )
    cells, _ = pd.factorize(pd.MultiIndex.from_arrays([term.codes for term in terms]))
    means = np.bincount(cells, y) / np.bincount(cells)
    if ((y - means[cells]) ** 2).sum() <= 1e-20 * max(float((y**2).sum()), 1e-300):
        raise DataError(
            f'"{model.value}" does not vary among rows of the same units: there is no residual '
            "variance. It belongs to the units, not to those within them."
        )


def _repeated(frame: pd.DataFrame, model: Model) -> list[str]:
    """Name the levels whose ids are found in several units of the level outside."""
    return [
        note
        for outer, inner in zip(model.levels[:-1], model.levels[1:], strict=True)
        if (note := repeated_ids(frame, inner, outer))
    ]


def repeated_ids(frame: pd.DataFrame, inner: str, outer: str) -> str:
    """Say which ids of a level are found in several units of the level outside; "" if none."""
    pairs = frame[[inner, outer]].drop_duplicates()
    seen = pairs[inner].value_counts(sort=False)
    several = seen[seen > 1]
    if several.empty:
        return ""
    first = several.index[0]
    places = ", ".join(str(x) for x in pairs.loc[pairs[inner] == first, outer].head(3))
    return (
        f'{len(several)} of {len(seen)} values of "{inner}" are found in more than one "{outer}" '
        f'(first: "{first}" in {places}): each is taken as a unit of its own in each "{outer}". '
        f"If it is one and the same unit, correct the ids, or give it as crossed."
    )


def _unmoved(model: Model, slopes: Sequence[str]) -> list[str]:
    return [
        f'"{name}" has slopes that vary, but no fixed effect: their mean is taken to be 0.'
        for name in slopes
        if name not in model.fixed
    ]
