"""The steps of invariance as `measure` fits them, after a search for parameters that differ."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

import measure
from analyses.comparing.ladder_groups import Chosen
from analyses.modelling.fits import Fitted
from analyses.modelling.structure import structure
from instruments.schema import BackgroundColumn
from measure.errors import MeasureError, MeasureWarning

NOTHING = pd.DataFrame(
    columns=["step", "lhs", "op", "rhs", "group", "difference", "pvalue.corrected"]
)


@dataclass(frozen=True, eq=False)
class Reached:
    """The steps with what was released.

    Attributes
    ----------
    found
        The steps, in which what is released has values of its own.
    releases
        One row a parameter and group: `step lhs op rhs group difference pvalue.corrected`; see
        `measure.PartialInvariance`.
    anchored
        Whether enough is left equal to compare by.
    unsearched
        Why there was no search; empty where there was one.
    """

    found: measure.Invariance
    releases: pd.DataFrame
    anchored: bool = True
    unsearched: str = ""


def reach(reference: Fitted, chosen: Chosen, declared: BackgroundColumn) -> Reached:
    """Search for parameters that differ between the groups, and fit the steps without them.

    Parameters
    ----------
    reference
        The reference model, fitted to all; the groups are fitted as it was.

    Raises
    ------
    MeasureError
        The steps cannot be fitted.
    """
    options = options_of(reference, declared)
    text, data = reference.model.syntax, chosen.data
    with warnings.catch_warnings():
        # What the warnings say stands in the notes of the results.
        warnings.simplefilter("ignore", MeasureWarning)
        try:
            steps = None if options["ordered"] else ["metric", "scalar"]
            searched = measure.partial_invariance(text, data, steps=steps, null="none", **options)
        except MeasureError as error:
            found = steps_of(text, data, options, {})
            return Reached(found, NOTHING, unsearched=str(error))
        releases = searched.table if len(searched.table) else NOTHING
        return Reached(searched.invariance, releases, searched.holds)


def steps_of(
    text: str,
    data: pd.DataFrame,
    options: dict[str, Any],
    partial: Mapping[str, Sequence[object]],
) -> measure.Invariance:
    """Fit the steps, with what `partial` releases."""
    # Of ordered items `measure` knows which steps can be had.
    steps = None if options["ordered"] else ["configural", "metric", "scalar"]
    return measure.measurement_invariance(
        text, data, steps=steps, partial=partial, null="none", **options
    )


def options_of(reference: Fitted, declared: BackgroundColumn) -> dict[str, Any]:
    """Give the options of the steps, in the names of `measure`."""
    plan = reference.plan
    ordered = [i for i in structure(reference.model).observed if i in plan.ordered]
    return {
        "group": declared.name,
        "ordered": ordered,
        "estimator": plan.estimator,
        "missing": plan.missing,
        "cluster": None if plan.cluster is None else plan.cluster.name,
        "information": "observed" if ordered else None,
        "categories": "merge" if ordered else "refuse",
    }
