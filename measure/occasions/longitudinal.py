"""Does a measurement model hold alike at several waves? The steps of invariance over time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from measure.checks import known_option
from measure.comparability.invariance import NULLS, Invariance, fitted_steps, notes_of
from measure.comparability.ladder_table import difference_table, fit_table, variant_of
from measure.errors import OptionError
from measure.fitting.fitted import Fit
from measure.occasions.occasions import Layout
from measure.occasions.wave_fits import Fitting, WaveDesign, design
from measure.occasions.wave_models import released_of, require_identified, require_step, steps_of

USUAL = ("configural", "thresholds", "metric", "scalar", "strict")
"""Steps that are taken where none are asked for; those after it compare factors, not items."""


@dataclass(frozen=True, eq=False)
class _Climb:
    """A design with the steps that are taken, and what is left to differ."""

    design: WaveDesign
    steps: tuple[str, ...]
    partial: tuple[str, ...]

    def fit(self, step: str, near: Fit | None = None) -> Fit:
        return self.design.fit(step, partial=self.partial, near=near)


def longitudinal_invariance(
    model: str,
    data: pd.DataFrame,
    *,
    person: str | None = None,
    wave: str | None = None,
    waves: Sequence[object] | Mapping[Any, str | Mapping[str, str]] | None = None,
    group: str | None = None,
    steps: Sequence[str] | None = None,
    ordered: Sequence[str] | bool = (),
    estimator: str | None = None,
    missing: str = "listwise",
    cluster: str | None = None,
    parameterization: str = "delta",
    information: str | None = None,
    partial: Sequence[str] = (),
    categories: str = "refuse",
    null: str = "nested",
) -> Invariance:
    """Fit a measurement model to several waves with more and more equal, and test each step.

    Residuals of the same item are correlated over waves at every step. The steps and what they
    identify are those of `measurement_invariance`, with waves in place of groups; see `wave_model`
    for the model text.

    Parameters
    ----------
    model, data, person, wave, waves, categories
        As in `latent_change`.
    group
        Column of groups: the model is then made alike over all waves of all groups.
    steps
        Names in their order, "configural" first; by default up to "strict" ("scalar" for ordered
        items with the delta parameterization). Every step has all equalities of those before it in
        the whole ladder, also where these are left out.
    ordered, estimator, missing, cluster, parameterization, information
        As in `cfa`.
    partial
        Parameters that differ all the same, as "f =~ y2", "y2 ~1" or "y2 | t1", with items named as
        in the model.
    null
        "nested": fit also the model without factors that is nested in the last step, for
        `cfi.nested`. "none": leave both out.

    Returns
    -------
    Invariance
        `groups` counts the respondents of each wave.

    Raises
    ------
    ModelError, OptionError, DataError
        The model, the steps or the answers cannot be used. Items that a wave lacks are named: only
        items asked at every wave can be compared, so that they have to be left out of the model.
    ConvergenceError
        The configural model has no minimum. A later step without one ends the table with a note.

    References
    ----------
    Liu, Y., et al. (2017). Testing measurement invariance in longitudinal data with
    ordered-categorical measures. Psychological Methods, 22, 486-506.
    """
    known_option("null", null, NULLS)
    layout = Layout(person, wave, waves, group, None, cluster)
    fitting = Fitting(ordered, estimator, missing, information, parameterization, categories)
    own = design(model, data, layout, fitting)
    climb = _Climb(own, _chosen(own, steps), tuple(partial))
    fits, ended = fitted_steps(climb)
    variant = variant_of(fits)
    differences, remarks = difference_table(fits, variant)
    simplest = own.null(climb.steps[-1]) if null == "nested" else None
    counts = own.occasions.counts
    named = [
        f"{row.group}, {row.wave}" if row.group != "" else row.wave
        for row in counts.itertuples(index=False)
    ]
    return Invariance(
        table=fit_table(fits, simplest, variant).join(differences),
        fits=fits,
        steps=tuple(fits),
        groups=pd.Series(counts["n"].to_numpy(), index=named, name="n"),
        released=_released(own, partial),
        variant=variant,
        notes=(*own.occasions.notes, *ended, *remarks, *notes_of(fits)),
    )


def _chosen(own: WaveDesign, steps: Sequence[str] | None) -> tuple[str, ...]:
    """Check which steps are asked for, or choose the usual ones.

    Raises
    ------
    OptionError
        Unknown, doubled or out of order; or a step that the items do not have.
    """
    if steps is None:
        return tuple(step for step in own.steps if step in USUAL)
    if isinstance(steps, str):
        raise OptionError(f'steps is a list of names, as steps=["configural", "{steps}"].')
    thresholds = own.occasions.thresholds
    for step in steps:
        require_step(step, thresholds)
        require_identified(step, thresholds, own.what.items, own.options.parameterization)
    in_order = tuple(step for step in steps_of(thresholds) if step in steps)
    if tuple(steps) != in_order or in_order[:1] != ("configural",):
        raise OptionError(
            f"the steps {', '.join(steps)} stand out of order or twice, or do not begin with "
            f'"configural"; their order is {", ".join(steps_of(thresholds))}.'
        )
    return in_order


def _released(own: WaveDesign, partial: Sequence[str]) -> pd.DataFrame:
    names = sorted(released_of(partial, own.what, own.occasions.thresholds))
    waves = ", ".join(str(wave) for wave in own.occasions.waves)
    return pd.DataFrame([(*name, waves) for name in names], columns=["lhs", "op", "rhs", "groups"])
