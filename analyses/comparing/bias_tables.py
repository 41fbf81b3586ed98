"""The tables and the figure of item bias: what unequal items make of answers and scale means."""

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import numpy as np

import measure
from analyses import evidence
from analyses.comparing.invariance_tables import DIGITS, factor_label
from analyses.comparing.licences import Licence
from analyses.comparing.mean_bias import limits_by_factor
from analyses.evidence import column, columns
from analyses.modelling import methods
from analyses.section import Column, Figure, Message, Provenance, Table, Value
from instruments.schema import BackgroundColumn, Instrument
from measure.comparability.multiplicity import corrected
from measure.distributions import chisq_sf

BIAS_SHOWN = 0.5
"""Bias in answer points that has the darkest shade."""
FEWEST_REVERSED = 3
MOVED_TOGETHER = 0.05
"""So many reversed items that move one way, and so many answer points, are told of."""


def bias_tables(instrument: Instrument, licence: Licence) -> Iterator[Table]:
    """Give what unequal items amount to where some are: of scale means, then of each item."""
    climbed = licence.climb
    if licence.level != "partial" or climbed is None or climbed.bias is None:
        return
    assert climbed.fit is not None
    declared, bias = licence.column, climbed.bias
    values: dict[str, Value]
    provenance = Provenance(
        methods.estimated_by(climbed.fit),
        climbed.fit.n_obs,
        "Nye & Drasgow 2011; Nye et al. 2019",
    )
    notes = [Message("invariance.note.bias"), *_told_apart(bias, declared)]
    if reversed_together := _reversed_together(instrument, bias, declared):
        values = {"groups": reversed_together}
        notes.append(Message("invariance.note.bias_reversed", values))
    if climbed.merged:
        notes.append(Message("invariance.note.bias_merged", {"items": climbed.merged}))
    values = {"column": evidence.text(declared.label)}
    limits = limits_by_factor(instrument, climbed)
    yield Table(
        id=f"scale_bias_{declared.name}",
        title=Message("invariance.table.scale_bias", values),
        columns=(
            *columns("message", 0, "scale", "released_group"),
            *columns("number", DIGITS, "bias_points", "ci.lower", "ci.upper", "bias_limit"),
        ),
        rows=tuple(
            (
                factor_label(instrument, str(row["factor"])),
                _against(row, declared),
                *(evidence.number(row[name]) for name in ("bias", "ci.lower", "ci.upper")),
                limits.get(str(row["factor"])),
            )
            for row in bias.scales.to_dict("records")
        ),
        provenance=provenance,
        notes=(*notes, Message("invariance.note.bias_limit")),
    )
    by_item = bias.items.pivot(index="item", columns="focal", values="signed")
    order = list(dict.fromkeys(bias.items["item"]))
    focal = list(dict.fromkeys(bias.items["focal"]))
    yield Table(
        id=f"item_bias_{declared.name}",
        title=Message("invariance.table.item_bias", values),
        columns=(
            column("item", "text"),
            *(
                Column(
                    f"bias_{place}",
                    evidence.plain(evidence.group_label(group, declared)),
                    "number",
                    DIGITS,
                )
                for place, group in enumerate(focal)
            ),
        ),
        rows=tuple(
            (item, *(evidence.number(by_item.loc[item, group]) for group in focal))
            for item in order
        ),
        provenance=provenance,
        notes=tuple(notes),
    )


def _told_apart(bias: measure.ItemBias, declared: BackgroundColumn) -> Iterator[Message]:
    """Say which numbers are clearer than chance: the table has no room for their intervals."""
    moved = bias.items[bias.items["se"] > 0]
    squares = (moved["signed"] / moved["se"]) ** 2
    pvalues = np.array([chisq_sf(float(square), 1) for square in squares])
    clear = moved[corrected(pvalues, "holm") < 1 - evidence.CONFIDENCE]
    places = tuple(
        Message(
            "invariance.item_group",
            {"item": str(row["item"]), "group": evidence.group_label(row["focal"], declared)},
        )
        for row in clear.to_dict("records")
    )
    values: dict[str, Value] = {"n": len(bias.items), "places": places}
    yield Message(f"invariance.note.bias_{'clear' if places else 'unclear'}", values)


def _reversed_together(
    instrument: Instrument, bias: measure.ItemBias, declared: BackgroundColumn
) -> tuple[Value, ...]:
    """Give the groups in which all reversed items move one way, and the others do not.

    That is what people do who answer without reading: whoever agrees with everything agrees with
    what is reversed too. The items themselves then work as well as elsewhere.
    """
    turned = {item.id for item in instrument.all_items if item.keying == -1}
    found: list[Value] = []
    for group, rows in bias.items.groupby("focal", sort=False):
        own = rows.loc[rows["item"].isin(turned), "signed"]
        others = rows.loc[~rows["item"].isin(turned), "signed"]
        alike = len(own) >= FEWEST_REVERSED and (own.min() > 0 or own.max() < 0)
        if alike and abs(own.mean() - others.median()) >= MOVED_TOGETHER:
            found.append(evidence.group_label(group, declared))
    return tuple(found)


def _against(row: Mapping[Hashable, Any], declared: BackgroundColumn) -> Message:
    """Name a group and what it is held against: another one, or all others together."""
    first = evidence.group_label(row["focal"], declared)
    if row["reference"] == "rest":
        return Message("invariance.against_rest", {"first": first})
    second = evidence.group_label(row["reference"], declared)
    return Message("invariance.pair", {"first": first, "second": second})


def bias_figure(licence: Licence, table: Table) -> Figure:
    """Draw the bias of each item as a heat table."""
    values: dict[str, Value] = {"column": evidence.text(licence.column.label)}
    parts = [one.name for one in table.columns[1:]]
    return Figure(
        id=table.id,
        title=Message("invariance.figure.bias", values),
        alt=Message("invariance.figure.bias.alt", {**values, "n": len(table.rows)}),
        table=table.id,
        form="heat",
        channels={"y": "item", "parts": " ".join(parts)},
        domain=(-BIAS_SHOWN, BIAS_SHOWN),
    )
