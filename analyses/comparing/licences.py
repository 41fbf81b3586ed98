"""The gate: which groups may be compared on which scales, and why others may not.

A licence says what the steps of invariance allow for one column: that means of the reference
model's scales are compared (`full`), that they are compared with the bias that some items may carry
(`partial`), or that they are not (`none`; `untested` where nothing could be tested). The licences
are granted once and handed to every section that compares groups; what has none is withheld from
evaluators and decision makers, who get the reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from analyses import evidence
from analyses.comparing.group_ladders import Climb, climb, compared_columns
from analyses.comparing.scale_ladders import climb_scales
from analyses.intake.survey import Survey
from analyses.modelling.fits import Fits, Fitted, fit_reference
from analyses.modelling.scale_models import scale_models
from analyses.modelling.structure import structure
from analyses.section import Message, Value
from instruments.schema import BackgroundColumn, Instrument, Scale

Level = Literal["full", "partial", "none", "untested"]

ALLOWING: tuple[Level, ...] = ("full", "partial")
"""Levels at which a comparison may be shown."""


@dataclass(frozen=True, eq=False)
class Licence:
    """What the groups of one column may be compared for.

    Attributes
    ----------
    column
        The column.
    level
        `full`, `partial`, `none` or `untested`.
    reason
        Why it is no more than that; what `full` rests on.
    climb
        The steps that it rests on; None where the column was not considered.
    groups
        The values that it holds for.
    bias
        The largest bias of a scale mean between the groups, in answer points; None where that could
        not be computed.
    """

    column: BackgroundColumn
    level: Level
    reason: Message
    climb: Climb | None = None
    groups: tuple[str, ...] = ()
    bias: float | None = None

    @property
    def allows(self) -> bool:
        """Whether the comparison may be shown."""
        return self.level in ALLOWING


@dataclass(frozen=True, eq=False)
class Licences:
    """The licences of a survey.

    Attributes
    ----------
    by_column
        One for each column that was considered, by its name.
    scales
        The scales that they hold for: those whose items the tested model has.
    by_scale
        One for each other scale with a model of its own, by the names of column and scale.
    """

    by_column: Mapping[str, Licence] = field(default_factory=dict)
    scales: frozenset[str] = frozenset()
    by_scale: Mapping[tuple[str, str], Licence] = field(default_factory=dict)

    def of(self, column: BackgroundColumn) -> Licence:
        """Give the licence of a column for the scales of the reference model."""
        if column.name in self.by_column:
            return self.by_column[column.name]
        values: dict[str, Value] = {"column": evidence.text(column.label)}
        return Licence(column, "untested", Message("licence.not_compared", values))

    def of_scale(self, column: BackgroundColumn, scale: Scale) -> Licence:
        """Give the licence of a column for one scale, which may have a model of its own."""
        if scale.id in self.scales:
            return self.of(column)
        if (column.name, scale.id) in self.by_scale:
            return self.by_scale[column.name, scale.id]
        key = "licence.index" if scale.kind == "index" else "licence.other_scale"
        return Licence(column, "untested", Message(key))


def grant(
    instrument: Instrument,
    survey: Survey,
    fits: Fits | None = None,
    *,
    models: Mapping[str, Fitted] | None = None,
) -> Licences:
    """Fit the steps of invariance for every column that groups are compared by.

    Parameters
    ----------
    fits
        The fitted models, where they have been fitted already.
    models
        The models of the scales, where they have been fitted already; see `scale_models`.
    """
    fits = fit_reference(instrument, survey) if fits is None else fits
    reference = fits[instrument.reference_model.id]
    climbs = (
        climb(instrument, survey, reference, declared)
        for declared in compared_columns(instrument, survey)
    )
    observed = set(structure(instrument.reference_model).observed)
    models = scale_models(instrument, survey, fits) if models is None else models
    return Licences(
        {one.declared.name: licence(instrument, one) for one in climbs},
        frozenset(
            scale.id
            for scale in instrument.scales
            if scale.kind != "index" and observed.issuperset(scale.items)
        ),
        {
            (declared.name, scale.id): licence(instrument, climbed)
            for declared, scale, climbed in climb_scales(instrument, survey, models)
        },
    )


def licence(instrument: Instrument, climbed: Climb) -> Licence:
    """Say what the steps of one column allow."""
    column = climbed.declared
    values: dict[str, Value] = {"column": evidence.text(column.label)}
    groups = climbed.chosen.values
    if climbed.reason is not None:
        return Licence(column, "untested", climbed.reason, climbed)
    failed = climbed.failed
    if failed is not None:
        reason = Message(f"licence.failed.{failed.name}", values)
        return Licence(column, "none", reason, climbed, groups)
    if not climbed.anchored:
        return Licence(column, "none", Message("licence.no_anchor", values), climbed, groups)
    if not climbed.complete or climbed.means is None:
        return Licence(column, "none", Message("licence.incomplete", values), climbed, groups)
    reason, bias = Message("licence.full", values), _largest_bias(climbed)
    if climbed.releases.empty:
        number = None if bias is None else abs(float(bias["bias"]))
        return Licence(column, "full", reason, climbed, groups, number)
    values["items"] = released_items(climbed)
    if bias is None:
        return Licence(column, "partial", Message("licence.partial", values), climbed, groups)
    number = abs(float(bias["bias"]))
    values |= {
        "scale": evidence.text(instrument.factor_label(str(bias["factor"]))),
        "group": evidence.group_label(bias["focal"], column),
        "bias": evidence.limit(number),
    }
    return Licence(column, "partial", Message("licence.biased", values), climbed, groups, number)


def _largest_bias(climbed: Climb) -> "pd.Series[Any] | None":
    """Give the row of the scale mean that unequal items move most.

    Where items were released, only of the scales that have such items: what moves the others are
    residual variances, which the steps leave free.
    """
    if climbed.bias is None:
        return None
    scales, items = climbed.bias.scales, climbed.bias.items
    released = items.loc[items["item"].isin(released_items(climbed)), "factor"]
    own = scales[scales["factor"].isin(released)] if len(released) else scales
    if own["bias"].isna().all():
        return None
    return own.iloc[int(np.nanargmax(own["bias"].abs()))]


def released_items(climbed: Climb) -> tuple[str, ...]:
    """Give the items that do not work alike in all groups."""
    rows = climbed.releases
    return tuple(dict.fromkeys(rows["rhs"].where(rows["op"] == "=~", rows["lhs"])))
