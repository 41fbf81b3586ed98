"""How far items that do not work alike move the mean of one scale, against what matters.

Latent means rest on the items that work alike. The mean of a scale takes all its items, and what
the others add stays in it. How much that may be is set against the smallest difference between
groups that matters.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

import measure
from analyses import evidence
from analyses.comparing.group_ladders import Climb
from analyses.section import Phrase
from instruments.schema import BackgroundColumn, Instrument, Scale


@dataclass(frozen=True, eq=False)
class MeanBias:
    """The bias of a scale's mean in the group where it may be largest, in answer points.

    Attributes
    ----------
    group
        The group.
    estimate
        Its bias against the other group, or all others; without sign.
    most
        The end of its interval that lies further from 0; the level of the interval is that of
        equivalence.
    limit
        As much of it is allowed.
    """

    group: Phrase
    estimate: float
    most: float
    limit: float

    @property
    def tolerable(self) -> bool:
        """Whether the whole interval lies within what is allowed."""
        return self.most <= self.limit


def bias_of(instrument: Instrument, climbed: Climb, scale: Scale) -> MeanBias | None:
    """Work out the bias of the mean of a scale; None where it cannot be.

    The scale's items are those of one factor of the model.
    """
    if climbed.bias is None:
        return None
    items, scales = climbed.bias.items, climbed.bias.scales
    own = scales[scales["factor"] == _factor_of(items, scale)]
    limit = limit_of(instrument, climbed, scale)
    if limit is None or own.empty or own[["bias", "se"]].isna().to_numpy().any():
        return None
    level = (1 - instrument.rules.equivalence_level.value) / 2
    found = measure.equivalence(own["bias"], own["se"], band=limit, level=level)
    ends = found[["ci.lower.equivalence", "ci.upper.equivalence"]].abs().max(axis=1)
    place = int(np.argmax(ends))
    return MeanBias(
        group=evidence.group_label(own["focal"].iloc[place], climbed.declared),
        estimate=abs(float(own["bias"].iloc[place])),
        most=float(ends.iloc[place]),
        limit=limit,
    )


def limits_by_factor(instrument: Instrument, climbed: Climb) -> dict[str, float | None]:
    """Give the bias that is allowed of the scale of each factor."""
    assert climbed.bias is not None
    found = {
        _factor_of(climbed.bias.items, one): limit_of(instrument, climbed, one)
        for one in instrument.scales
        if set(one.items) <= set(climbed.bias.items["item"])
    }
    return {factor: limit for factor, limit in found.items() if factor is not None}


def _factor_of(items: pd.DataFrame, scale: Scale) -> str | None:
    """Name the factor whose items are those of a scale."""
    of_factor = items.groupby("factor")["item"].agg(set)
    return next((str(one) for one, own in of_factor.items() if own == set(scale.items)), None)


def limit_of(instrument: Instrument, climbed: Climb, scale: Scale) -> float | None:
    """Give the bias that is allowed, in answer points: a share of what matters.

    What matters is a number of standard deviations of the scale within groups, of persons with an
    answer to all its items. None where there is no such spread.
    """
    name = climbed.declared.name
    complete = climbed.chosen.data[[*scale.items, name]].dropna()
    scores = complete[list(scale.items)].mean(axis=1)
    apart = scores - scores.groupby(complete[name], observed=True).transform("mean")
    freedom = len(scores) - complete[name].nunique()
    if freedom < 1:
        return None
    sd = float(np.sqrt((apart.to_numpy(dtype=float) ** 2).sum() / freedom))
    matters = min(abs(end) for end in band_of(instrument, climbed.declared))
    limit = instrument.rules.invariance_bias.value * matters * sd
    return limit if limit > 0 else None


def band_of(instrument: Instrument, declared: BackgroundColumn) -> tuple[float, float]:
    """Give the band that a hypothesis names for a column, otherwise that of the rules."""
    for hypothesis in instrument.hypotheses:
        for one in hypothesis.expectations:
            if one.estimand == "equivalence" and one.target == declared.name:
                assert one.lower is not None
                assert one.upper is not None
                return one.lower, one.upper
    band = instrument.rules.equivalence_band.value
    return -band, band
