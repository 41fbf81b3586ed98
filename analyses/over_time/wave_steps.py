"""The steps of invariance over waves, judged, and what they allow to be said about change."""

from collections.abc import Mapping
from typing import Literal

import measure
from analyses import evidence, verdicts
from instruments.rules import Rules

Licence = Literal["full", "partial", "none", "undecided"]
"""What may be said about change: all of it, with items left to differ, nothing, or nothing yet."""

NEEDED = ("configural", "thresholds", "metric", "scalar")
"""The steps that latent means rest on."""

SUFFIXES = {"robust": ".robust", "scaled": ".scaled", "plain": ""}
"""How the columns of an index end, by the variant that all steps have."""


def steps_held(found: measure.Invariance, rules: Rules) -> dict[str, bool | None]:
    """Tell of each step whether the rules hold; None where it has no numbers.

    The first, in which nothing is equal, holds where its fit is at least acceptable.
    """
    held: dict[str, bool | None] = {}
    suffix = SUFFIXES[found.variant]
    names = {"cfi": f"cfi{suffix}", "rmsea": f"rmsea{suffix}", "srmr": "srmr"}
    first = found.table.loc[found.steps[0]]
    fit = verdicts.worst(
        verdicts.judge_index(name, evidence.number(first[column]), rules)
        for name, column in names.items()
    )
    held[found.steps[0]] = None if fit == "undecided" else fit != "poor"
    for step, row in found.table.iloc[1:].iterrows():
        cfi, rmsea = (evidence.number(row[f"delta_{name}"]) for name in ("cfi", "rmsea"))
        held[str(step)] = verdicts.judge_invariance(cfi, rmsea, rules)
    return held


def licence_of(steps: Mapping[str, bool | None], *, partial: bool) -> Licence:
    """Say what may be said about change.

    Means are comparable where no step up to equal intercepts fails; the steps after it are not
    needed.
    """
    held = [steps[step] for step in NEEDED if step in steps]
    if "scalar" not in steps or None in held:
        return "undecided"
    if False in held:
        return "none"
    return "partial" if partial else "full"
