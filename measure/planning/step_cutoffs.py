"""Cut-offs of what a step of invariance may cost: differences in CFI, RMSEA and SRMR.

That a fall in CFI of .010 tells unequal groups (Cheung & Rensvold 2002; Chen 2007) was found for
a few models and sizes of groups. Here the studies are drawn from the groups as they are: once with
all that the step makes equal, and with one, two and more parameters that differ by a stated amount.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from measure.checks import known_option
from measure.comparability.invariance import Invariance
from measure.errors import ModelError, OptionError
from measure.fitting.fitted import Fit
from measure.model import Implied, Model
from measure.model.states import State, state_at
from measure.planning.cutoffs import (
    Cutoffs,
    design_notes,
    distribution_of,
    frames_of,
    mean_icc,
    require_simulable,
    studies_of,
)
from measure.planning.fit_of_studies import SUFFIXES
from measure.planning.misspecified import Levels, Omitted, omitted_table
from measure.planning.replicates import Design, Sample, Studies, Template, Truth
from measure.planning.separation import cut_table
from measure.planning.study_power import HERE, Execution
from measure.simulating.populations import Population, population

Array = NDArray[np.float64]

DELTAS = ("delta_cfi", "delta_rmsea", "delta_srmr")
# What a step makes equal, how parameters that differ stand in a text, and by how much they differ:
# loadings and thresholds in standard deviations of the answers or latent responses, intercepts too,
# residual variances as shares of the variance.
KINDS: Mapping[str, tuple[str, float]] = {
    "thresholds": ("|", 0.3),
    "metric": ("=~", -0.2),
    "scalar": ("~1", 0.3),
    "strict": ("~~", 0.2),
}
# Items that differ at the levels.
COUNTS = (1, 2, 4)


@dataclass(frozen=True, eq=False)
class CostOf:
    """Tells what a step costs in a study: how much worse it fits than the one before it."""

    restricted: Template
    free: Template
    variant: str

    def __call__(self, study: Sample) -> Array:
        """Fit both steps."""
        names = [f"{name}{SUFFIXES[self.variant]}" for name in ("cfi", "rmsea")]
        fits = [one.fitted(study).fit_measures for one in (self.restricted, self.free)]
        return np.array([fits[0][name] - fits[1][name] for name in (*names, "srmr")])


def invariance_cutoffs(
    found: Invariance,
    step: str,
    *,
    levels: Levels | None = None,
    repeats: int = 500,
    seed: int,
    execution: Execution = HERE,
) -> Cutoffs:
    """Simulate cut-offs of the differences that a step of invariance makes in the fit indices.

    The step and the one before it are fitted to studies of groups as large as those of the data, in
    which the step holds (its estimates are the population), and to studies in which it does not:
    in the last group one parameter, two and four of those that the step makes equal differ. They
    are of different items, one factor after the other, lowest loadings first. The cut-off of a
    level is found as in `dynamic_cutoffs`.

    Parameters
    ----------
    found
        What `measurement_invariance` gave, with the step and one before it. Its fits are the
        population, with their clusters and patterns of missing answers.
    step
        "thresholds", "metric", "scalar" or "strict".
    levels
        What differs at each level: lists of `Omitted`, each a parameter as it stands in a text
        ("f =~ x1", "x1 ~1", "x1 | t2", "x1 ~~ x1") whose value in the last group is larger by
        `size`: in standard deviations of the item there, of a loading also of the factor, and of a
        residual variance as a share of the item's variance. By default -0.2 for loadings, 0.3 for
        intercepts and thresholds, 0.2 for residual variances.
    repeats, seed, execution
        As for `dynamic_cutoffs`.

    Returns
    -------
    Cutoffs
        The measures are `delta_cfi delta_rmsea delta_srmr`, of the variant that `found` compares
        its steps by; `observed` is what the step costs in the data.

    Raises
    ------
    OptionError
        The step is not there or has none before it, or a parameter is not one that it makes equal.
    ModelError
        No population has these differences.
    MeasureError
        More than a tenth of the studies could not be fitted.
    """
    restricted, free = _steps(found, step)
    chosen = _default(restricted, step) if levels is None else levels
    truth, design = population(restricted), Design.of(restricted, None, mean_icc(restricted))
    truths = [truth, *(_differing(restricted, truth, level, step) for level in chosen)]
    task = Studies(
        design,
        tuple(Truth.of(one) for one in truths),
        CostOf(Template.of(restricted), Template.of(free), found.variant),
    )
    done = studies_of(task, repeats, seed, execution)
    frames, failures = frames_of(done, len(truths), DELTAS)
    own = found.table[list(DELTAS)].astype(float).loc[step]
    observed = dict(zip(DELTAS, map(float, own), strict=True))
    last = restricted.moments.groups[-1]
    return Cutoffs(
        table=cut_table(frames[0], frames[1:], observed),
        omitted=omitted_table(chosen),
        distribution=distribution_of(frames),
        variant=found.variant,
        n_obs=sum(design.sizes),
        repeats=repeats,
        seed=seed,
        failures=failures,
        notes=(
            f'The parameters listed are larger in group "{last}" than in the others, by the size.',
            *design_notes(design),
        ),
    )


def _steps(found: Invariance, step: str) -> tuple[Fit, Fit]:
    """Give the fits of the step and of the one before it."""
    known_option("step", step, KINDS)
    names = list(found.fits)
    if step not in names or names.index(step) == 0:
        raise OptionError(
            f'the step "{step}" is not among those that were fitted after another: '
            f"{', '.join(names)}."
        )
    restricted, free = found.fits[step], found.fits[names[names.index(step) - 1]]
    for fit in (restricted, free):
        require_simulable(fit)
    if restricted.df == free.df:
        raise OptionError(
            f'the step "{step}" has the degrees of freedom of the one before it: the items have '
            "too few categories for a test of it. Take a later step."
        )
    return restricted, free


def _default(fit: Fit, step: str) -> Levels:
    """Let parameters of different items differ, one factor after the other."""
    op, size = KINDS[step]
    rows = fit.model.table.parameters
    last = fit.n_groups
    queues: dict[str, list[tuple[float, str]]] = {}
    for row, value in zip(rows, fit.standardization.std_all, strict=True):
        if row.op == "=~" and row.group == last:
            queues.setdefault(row.lhs, []).append((abs(float(value)), row.rhs))
    for own in queues.values():
        own.sort()
    items: list[tuple[str, str]] = []
    for turn in range(max(map(len, queues.values()))):
        for factor, own in queues.items():
            if turn < len(own) and own[turn][1] not in [item for _, item in items]:
                items.append((factor, own[turn][1]))
    named = [_parameter(fit, op, *one) for one in items]
    chosen = [Omitted(one[0], one[1], one[2], size) for one in named if one is not None]
    if not chosen:
        raise OptionError(f'nothing that the step "{step}" makes equal can differ by itself.')
    counts = sorted({min(count, len(chosen)) for count in COUNTS})
    return tuple(tuple(chosen[:count]) for count in counts)


def _parameter(fit: Fit, op: str, factor: str, item: str) -> tuple[str, str, str] | None:
    """Name the parameter of an item that a step makes equal; None where it has none.

    Of the thresholds it is the middle one; two alone set the scale of the latent response.
    """
    if op == "=~":
        return factor, op, item
    if op == "|":
        n = dict(zip(fit.moments.names, fit.moments.thresholds, strict=True))[item]
        return (item, op, f"t{(n + 1) // 2}") if n > 2 else None
    return item, op, item if op == "~~" else ""


def _differing(fit: Fit, truth: Population, level: Sequence[Omitted], step: str) -> Population:
    """Give the population in which parameters of the last group differ."""
    model, last = fit.model, fit.n_groups
    state, elements = fit.point.states[-1], model.elements(fit.params).copy()
    block = state.block
    template = {name: matrix.copy() for name, matrix in block.template.items()}
    for one in level:
        index = _row(model, one, last, step)
        change = one.size * _unit(state, one)
        if index in model.free_rows:
            elements[model.free_rows.index(index)] += change
        else:
            place = block.places[index]
            template[place.matrix][place.i, place.j] += change
    changed = state_at(replace(block, template=template), elements)
    moments = list(truth.moments)
    moments[-1] = _possible(truth, changed.implied, level)
    return replace(truth, moments=tuple(moments))


def _row(model: Model, one: Omitted, group: int, step: str) -> int:
    """Find the row of the table of a parameter that the step makes equal."""
    op, _ = KINDS[step]
    rhs = "" if one.op == "~1" else one.rhs
    for index, row in enumerate(model.table.parameters):
        if (row.lhs, row.op, row.rhs, row.group) == (one.lhs, one.op, rhs, group):
            if op != one.op or index not in model.blocks[-1].places:
                break
            return index
    raise OptionError(f'"{one}" is no parameter that the step "{step}" makes equal.')


def _unit(state: State, one: Omitted) -> float:
    """Give what a size of 1 stands for in the units of the model."""
    item = one.rhs if one.op == "=~" else one.lhs
    place = state.block.observed.index(item)
    sd = float(np.sqrt(state.sigma[place, place]))
    if one.op == "=~":
        factor = state.block.eta.index(one.lhs)
        return sd / float(np.sqrt(state.covariance[factor, factor]))
    return sd**2 if one.op == "~~" else sd


def _possible(truth: Population, moments: Implied, level: Sequence[Omitted]) -> Implied:
    """Refuse moments that no answers have."""
    wrong = np.linalg.eigvalsh(moments.sigma)[0] <= 0
    for name in truth.values:
        (cuts,) = replace(truth, moments=(moments,)).cuts(name)
        wrong = wrong or bool((np.diff(cuts) <= 0).any())
    if wrong:
        raise ModelError(
            f"no population has all of {', '.join(map(str, level))}: thresholds would not ascend, "
            "or covariances not be positive definite. Give smaller sizes."
        )
    return moments._replace(mu=np.zeros(len(moments.sigma)) if moments.mu is None else moments.mu)
