"""The gate: which groups may be compared on which scales, and why others may not.

A licence says what the steps of invariance allow for one column: that groups are compared (`full`),
that they are compared though some items work differently (`partial`), or that they are not (`none`;
`untested` where nothing could be tested). Latent means rest on the items that work alike. Means of
a scale take all its items, so that each scale whose items differ has a licence of its own, which
depends on how far they may move its mean. The licences are granted once and handed to every section
that compares groups; what has none is withheld from evaluators and decision makers, who get the
reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from analyses import evidence
from analyses.comparing.group_ladders import Climb, climb, compared_columns
from analyses.comparing.mean_bias import MeanBias, bias_of
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
        The largest bias of a scale mean between the groups, in answer points; None where no item
        differs, or where that could not be computed.
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
    of_means
        Where the licence of a column is partial, one for the mean of each of `scales`, by the names
        of column and scale.
    """

    by_column: Mapping[str, Licence] = field(default_factory=dict)
    scales: frozenset[str] = frozenset()
    by_scale: Mapping[tuple[str, str], Licence] = field(default_factory=dict)
    of_means: Mapping[tuple[str, str], Licence] = field(default_factory=dict)

    def of(self, column: BackgroundColumn) -> Licence:
        """Give the licence of a column for the scales of the reference model."""
        if column.name in self.by_column:
            return self.by_column[column.name]
        values: dict[str, Value] = {"column": evidence.text(column.label)}
        return Licence(column, "untested", Message("licence.not_compared", values))

    def of_scale(self, column: BackgroundColumn, scale: Scale) -> Licence:
        """Give the licence of a column for the mean of one scale."""
        for own in (self.of_means, self.by_scale):
            if (column.name, scale.id) in own:
                return own[column.name, scale.id]
        if scale.id in self.scales:
            return self.of(column)
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
    observed = set(structure(instrument.reference_model).observed)
    scales = [
        one for one in instrument.scales if one.kind != "index" and observed.issuperset(one.items)
    ]
    by_column = {
        declared.name: licence(instrument, climb(instrument, survey, reference, declared))
        for declared in compared_columns(instrument, survey)
    }
    models = scale_models(instrument, survey, fits) if models is None else models
    return Licences(
        by_column,
        frozenset(one.id for one in scales),
        {
            (declared.name, scale.id): of_mean(instrument, licence(instrument, climbed), scale)
            for declared, scale, climbed in climb_scales(instrument, survey, models)
        },
        {
            (name, scale.id): of_mean(instrument, one, scale)
            for name, one in by_column.items()
            if one.level == "partial"
            for scale in scales
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
    if climbed.releases.empty:
        return Licence(column, "full", Message("licence.full", values), climbed, groups)
    values["items"] = released_items(climbed)
    largest = _largest(instrument, climbed)
    if largest is None:
        return Licence(column, "partial", Message("licence.partial", values), climbed, groups)
    scale, bias = largest
    values |= _told(bias, scale)
    reason = Message("licence.biased", values)
    return Licence(column, "partial", reason, climbed, groups, bias.estimate)


def of_mean(instrument: Instrument, licence: Licence, scale: Scale) -> Licence:
    """Say what a licence allows for the mean of one scale, which takes also items that differ.

    Without such items the mean is as good as the latent one. With them it may be compared where
    even the largest bias that the data allow is too small to matter.
    """
    if licence.level != "partial" or licence.climb is None:
        return licence
    items = _released_of(licence.climb, scale)
    values: dict[str, Value] = {
        "column": evidence.text(licence.column.label),
        "scale": evidence.text(scale.label),
        "items": items,
    }
    if not items:
        return replace(licence, level="full", reason=Message("licence.alike", values), bias=None)
    bias = bias_of(instrument, licence.climb, scale)
    if bias is None:
        unknown = Message("licence.bias_unknown", values)
        return replace(licence, level="none", reason=unknown, bias=None)
    values |= _told(bias, scale)
    level: Level = "partial" if bias.tolerable else "none"
    key = "licence.biased" if bias.tolerable else "licence.too_biased"
    return replace(licence, level=level, reason=Message(key, values), bias=bias.estimate)


def _told(bias: MeanBias, scale: Scale) -> dict[str, Value]:
    return {
        "scale": evidence.text(scale.label),
        "group": bias.group,
        "bias": evidence.limit(bias.estimate),
        "most": evidence.limit(bias.most),
        "limit": evidence.limit(bias.limit),
    }


def _largest(instrument: Instrument, climbed: Climb) -> tuple[Scale, MeanBias] | None:
    """Give the scale whose mean items that differ may move most."""
    found = [
        (scale, bias)
        for scale in instrument.scales
        if _released_of(climbed, scale)
        and (bias := bias_of(instrument, climbed, scale)) is not None
    ]
    return max(found, key=lambda one: one[1].most, default=None)


def _released_of(climbed: Climb, scale: Scale) -> tuple[str, ...]:
    return tuple(item for item in released_items(climbed) if item in scale.items)


def released_items(climbed: Climb) -> tuple[str, ...]:
    """Give the items that do not work alike in all groups."""
    rows = climbed.releases
    return tuple(dict.fromkeys(rows["rhs"].where(rows["op"] == "=~", rows["lhs"])))
