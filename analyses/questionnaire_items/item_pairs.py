"""Pairs of items that say too much the same: overlap, residual correlation, local dependence."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
import pandas as pd

import measure
from analyses.evidence import column, columns, number
from analyses.modelling import methods
from analyses.modelling.fits import Fitted
from analyses.modelling.graded import GradedModels
from analyses.section import Cell, Message, Phrase, Provenance, Table
from instruments.rules import Rules
from instruments.schema import Instrument
from measure.errors import DataError

FEWEST_IN_SCALE = 5
"""The overlap of two of m parallel items is below 1 / (m - 1) however well they measure, and comes
near it where they measure well: only from five items on does an overlap of .25 say that two items
are closer than the others."""

MOST_PAIRS = 12
"""As many pairs are shown where fewer are too close."""

NUMBERS = ("overlap", "residual", "dependence")


@dataclass(frozen=True, eq=False)
class Pairs:
    """How close the items are to each other.

    Attributes
    ----------
    table
        One row a pair that something is known of: `item1 item2 overlap residual dependence`, NaN
        where a number does not apply.
    provenance
        Of the overlaps and residual correlations of the reference model's items.
    notes
        What could not be computed.
    """

    table: pd.DataFrame
    provenance: Provenance
    notes: tuple[Message, ...] = ()

    def highest(self, item: str, name: str) -> tuple[float | None, str | None]:
        """Give the highest number of one kind that an item has with another, and that item."""
        value, other = self._highest.get((item, name), (None, None))
        return None if value is None else number(value), other

    @cached_property
    def _highest(self) -> dict[tuple[str, str], tuple[float, str]]:
        """The highest number of each item and kind, the first of equal ones, and its partner."""
        found: dict[tuple[str, str], tuple[float, str]] = {}
        columns = (self.table[column].tolist() for column in ("item1", "item2", *NUMBERS))
        for first, second, *values in zip(*columns, strict=True):
            for name, value in zip(NUMBERS, values, strict=True):
                for item, other in ((first, second), (second, first)):
                    if value > found.get((item, name), (-math.inf, ""))[0]:
                        found[item, name] = float(value), other
        return found


def item_pairs(
    instrument: Instrument, models: Mapping[str, Fitted], reference: Fitted, graded: GradedModels
) -> Pairs:
    """Set the three views of each pair side by side.

    Parameters
    ----------
    models
        The models of the scales; each gives the residual correlations and overlaps of its items,
        the latter not for two items of a scale of fewer than five.
    reference
        The reference model.
    graded
        The graded response models, which give local dependence within a scale.
    """
    parts: list[pd.DataFrame] = []
    notes: list[Message] = []
    for fitted in _each_once(models):
        fit = fitted.usable
        # A model without degrees of freedom leaves nothing unexplained, whatever items share.
        if fit is None or not fit.fit_measures["df"]:
            continue
        items = [str(name) for name in measure.implied(fit).columns]
        parts.append(_residuals(fit, items))
        apart = [pair for pair in combinations(items, 2) if not _in_small_scale(instrument, *pair)]
        if apart:
            try:
                parts.append(_overlaps(fit, items, apart))
            except DataError as error:
                notes.append(Message("item_pairs.note.no_overlap", {"text": str(error)}))
    parts += [
        one.dependence.rename(columns={"q3_star": "dependence"})[["item1", "item2", "dependence"]]
        for one in graded.values()
        if one.model is not None
    ]
    found: dict[tuple[str, str], dict[str, float]] = {}
    for part in parts:
        for row in part.to_dict("records"):
            names = str(row["item1"]), str(row["item2"])
            pair = found.setdefault(names if names[::-1] not in found else names[::-1], {})
            pair |= {name: float(row[name]) for name in NUMBERS if name in row}
    table = pd.DataFrame(
        [{"item1": first, "item2": second} | values for (first, second), values in found.items()],
        columns=["item1", "item2", *NUMBERS],
    )
    n_obs = None if reference.fit is None else reference.fit.n_obs
    return Pairs(
        table,
        Provenance(methods.estimated(reference), n_obs, Message("source.item_pairs")),
        tuple(notes),
    )


def _each_once(models: Mapping[str, Fitted]) -> list[Fitted]:
    return list({fitted.model.id: fitted for fitted in models.values()}.values())


def _residuals(fit: measure.Fit, items: Sequence[str]) -> pd.DataFrame:
    """Give the residual correlation of each pair of a model's items."""
    left = measure.residuals(fit, kind="cor.bollen")
    return pd.DataFrame(
        [
            {"item1": first, "item2": second, "residual": left.loc[first, second]}
            for first, second in combinations(items, 2)
        ]
    )


def _in_small_scale(instrument: Instrument, first: str, second: str) -> bool:
    """Tell whether two items share a scale of too few items to judge their overlap."""
    return any(
        first in scale.items and second in scale.items and len(scale.items) < FEWEST_IN_SCALE
        for scale in instrument.scales
    )


def _overlaps(
    fit: measure.Fit, items: Sequence[str], pairs: Sequence[tuple[str, str]]
) -> pd.DataFrame:
    """Give the overlaps of pairs in the network of the correlations that a model was fitted to."""
    raw = measure.implied(fit) + measure.residuals(fit, kind="raw")
    covariances = raw.loc[list(items), list(items)]
    sd = np.sqrt(np.diag(covariances.to_numpy()))
    names = list(items)
    correlations = pd.DataFrame(
        covariances.to_numpy() / np.outer(sd, sd), index=names, columns=names
    )
    found = measure.redundancy(correlations, n_obs=fit.n_obs)
    wanted = {frozenset(pair) for pair in pairs}
    judged = [{*row} in wanted for row in found[["item1", "item2"]].to_numpy()]
    return found[judged].rename(columns={"wto": "overlap"})[["item1", "item2", "overlap"]]


def too_close(pairs: Pairs, rules: Rules) -> pd.DataFrame:
    """Give the pairs that a rule calls too close."""
    table = pairs.table
    return table[
        (table["overlap"] >= rules.item_overlap.value)
        | (table["residual"] > rules.item_residual.value)
        | (table["dependence"] > rules.local_dependence.value)
    ]


def pairs_table(instrument: Instrument, pairs: Pairs) -> Table:
    """Give the pairs that are too close, filled up with the closest of the others."""
    flagged = too_close(pairs, instrument.rules)
    order = pairs.table[list(NUMBERS)].astype(float).max(axis=1).sort_values(ascending=False)
    others = [place for place in order.index if place not in flagged.index]
    places = [place for place in order.index if place in flagged.index]
    shown = places + others[: max(MOST_PAIRS - len(places), 0)]
    rows: list[tuple[Cell, ...]] = [
        (
            str(row["item1"]),
            str(row["item2"]),
            *(number(float(row[name])) for name in NUMBERS),
            _said(place in flagged.index),
        )
        for place, row in pairs.table.loc[shown].iterrows()
    ]
    return Table(
        id="item_pairs",
        title=Message("item_pairs.table"),
        columns=(
            column("item", "text"),
            column("item_other", "text"),
            *columns("number", 2, "overlap", "unexplained", "dependence"),
            column("verdict", "message"),
        ),
        rows=tuple(rows),
        provenance=pairs.provenance,
        notes=(
            Message("item_pairs.note.columns"),
            Message("item_pairs.note.network", {"n": FEWEST_IN_SCALE}),
            Message("item_pairs.note.shown", {"n": len(shown), "of": len(pairs.table)}),
            *pairs.notes,
        ),
    )


def _said(close: bool) -> Phrase:
    return Message("item_pairs.close" if close else "item_pairs.apart")
