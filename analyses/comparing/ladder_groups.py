"""Which groups of a column take part in the steps of invariance, and why others do not."""

from dataclasses import dataclass, field

import pandas as pd

import measure
from analyses import evidence
from analyses.intake.survey import Survey
from analyses.modelling.fits import Fitted
from analyses.modelling.structure import structure
from analyses.section import Message
from instruments.schema import BackgroundColumn

MOST_GROUPS = 10
"""More groups than these are not held to be exactly alike; they are compared as units are."""


@dataclass(frozen=True, eq=False)
class Chosen:
    """The groups of a column.

    Attributes
    ----------
    values
        Those that take part, in declared order.
    left_out
        Those with too few respondents.
    needed
        As many respondents each of them has at least.
    n_blank
        Respondents who answered and whose group is not known.
    data
        The answers of those who take part, with group and cluster.
    reason
        Why there is nothing to test; None where there is.
    """

    values: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    needed: int = 0
    n_blank: int = 0
    data: pd.DataFrame = field(default_factory=pd.DataFrame)
    reason: Message | None = None


def choose(
    survey: Survey, reference: Fitted, declared: BackgroundColumn, *, fewest: int = 0
) -> Chosen:
    """Choose the groups of a column that have more respondents than the model has parameters.

    Parameters
    ----------
    reference
        The reference model, fitted to all; only respondents whom it uses count.
    fewest
        Respondents that a group needs, also where the model has fewer parameters.
    """
    fit = reference.fit
    if reference.usable is None or fit is None:
        return Chosen(reason=Message("invariance.reason.no_model"))
    items = list(structure(reference.model).observed)
    answers = survey.scored[items].assign(**{declared.name: evidence.codes(survey, declared)})
    cluster = reference.plan.cluster
    answered = answers[items].notna()
    used = answered.all(axis=1) if fit.missing == "listwise" else answered.any(axis=1)
    if cluster is not None:
        answers[cluster.name] = survey.data[cluster.name]
        used &= answers[cluster.name].notna()
    answers = answers[used]
    n_blank = int(answers[declared.name].isna().sum())
    sizes = answers[declared.name].value_counts()
    needed = max(_needed(fit, len(items)), fewest)
    order = [str(one) for one in evidence.ordered_groups(answers[declared.name], declared)]
    values = tuple(one for one in order if sizes[one] >= needed)
    left_out = tuple(one for one in order if sizes[one] < needed)
    # Groups stand in declared order wherever they are compared: that of their first rows.
    data = answers[answers[declared.name].isin(values)]
    data = data.sort_values(declared.name, key=lambda one: one.map(order.index), kind="stable")
    data = data.reset_index(drop=True)
    return Chosen(values, left_out, needed, n_blank, data, _reason(len(order), values, needed))


def _reason(n_values: int, values: tuple[str, ...], needed: int) -> Message | None:
    if n_values == 0:
        return Message("invariance.reason.blank")
    if n_values == 1:
        return Message("invariance.reason.one")
    if n_values > MOST_GROUPS:
        return Message("invariance.reason.many", {"n": n_values, "limit": MOST_GROUPS})
    if len(values) < 2:
        return Message("invariance.reason.small", {"needed": needed})
    return None


def _needed(fit: measure.Fit, n_items: int) -> int:
    """Give one respondent more than the model has parameters, intercepts included."""
    means = fit.model.blocks[0].meanstructure
    return fit.model.n_free + (0 if means else n_items) + 1
