"""Cut-offs of the fit of each level of a two-level model.

How well the level between clusters fits is told by as many units as there are clusters, and by what
they share: cut-offs that were found for hundreds of independent respondents say nothing about it
(Hsu, Kwok, Lin & Acosta 2015). Here clusters are drawn as the data have them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.errors import DataError, ModelError, OptionError
from measure.fitting.fitted import Fit
from measure.levels.level_fit import level_fit
from measure.planning.cutoffs import (
    Cutoffs,
    distribution_of,
    frames_of,
    require_simulable,
    studies_of,
)
from measure.planning.fit_of_studies import MEASURES, SUFFIXES
from measure.planning.misspecified import Levels, Omitted, Solution, omitted_table
from measure.planning.replicates import Drawn, Sample, Studies, Template, categories_of
from measure.planning.separation import cut_table
from measure.planning.study_power import HERE, Execution
from measure.specification.levels import BETWEEN, NAMES, WITHIN

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

LEVELS = (WITHIN, BETWEEN)


@dataclass(frozen=True, eq=False)
class ClusterDesign:
    """Who belongs together, (n,), and how many variables there are at each level."""

    clusters: tuple[Codes, ...]
    n_variables: tuple[int, int]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Respondents."""
        return tuple(map(len, self.clusters))

    def normal(self, rng: np.random.Generator, p: int) -> list[Array]:
        """Draw standard normal values of respondents, and of clusters."""
        (own,) = self.clusters
        inner, outer = self.n_variables
        rows = rng.standard_normal((len(own), inner))
        return [rows, rng.standard_normal((1 + int(own.max()), outer))]

    def gaps(self, rng: np.random.Generator) -> None:
        """Nobody leaves anything out."""


@dataclass(frozen=True, eq=False)
class TwoLevelTruth:
    """A population of clusters, ready to be drawn from.

    Attributes
    ----------
    names
        The variables.
    means
        Of all variables, (p,).
    roots
        Roots of the covariances within clusters and between them.
    inner, outer
        Places of the variables of each level.
    cuts, values
        Thresholds of the ordered items, and their answers.
    """

    names: tuple[str, ...]
    means: Array
    roots: tuple[Array, Array]
    inner: slice
    outer: slice
    cuts: dict[str, Array]
    values: dict[str, tuple[int, ...]]

    def study(
        self,
        normal: Sequence[Array],
        gaps: Sequence[NDArray[np.bool_]] | None,
        clusters: tuple[Codes, ...] | None,
    ) -> Sample:
        """Make the answers of a study from standard normal values; none is missing."""
        assert clusters is not None
        rows = np.tile(self.means, (len(normal[0]), 1))
        rows[:, self.inner] += normal[0] @ self.roots[0].T
        rows[:, self.outer] += (normal[1] @ self.roots[1].T)[clusters[0]]
        for name, cuts in self.cuts.items():
            place = self.names.index(name)
            rows[:, place] = np.array(self.values[name])[np.searchsorted(cuts, rows[:, place])]
        return Sample(self.names, (1,), (rows,), clusters)


@dataclass(frozen=True, eq=False)
class LevelFitOf:
    """Tells how well each level of a model fits a study."""

    template: Template
    variant: str

    def __call__(self, study: Sample) -> Array:
        """Fit the model, and its partly saturated versions."""
        found = level_fit(self.template.fitted(study))
        return np.asarray(_measures(found, self.variant).to_numpy(), dtype=np.float64).ravel()


def level_cutoffs(
    fit: Fit,
    *,
    within: Levels | None = None,
    between: Levels | None = None,
    repeats: int = 500,
    seed: int,
    execution: Execution = HERE,
) -> dict[str, Cutoffs]:
    """Simulate cut-offs of the fit of each level of a two-level model, as `level_fit` measures it.

    Studies of clusters as large as those of the data are drawn from the population that the model
    describes, and from populations in which it leaves something out within clusters, or between
    them. The cut-offs of a level are found as in `dynamic_cutoffs`, with the other level right.

    Parameters
    ----------
    fit
        A two-level fit of one group; ordered items too, whose moments take seconds for a study.
    within, between
        What is left out at each level of misfit within and between clusters, lists of `Omitted`;
        by default as for `dynamic_cutoffs`.
    repeats, seed, execution
        As for `dynamic_cutoffs`.

    Returns
    -------
    dict
        `Cutoffs` by "within" and "between". A level that has no degrees of freedom, or from which
        nothing can be left out, is not there.

    Raises
    ------
    OptionError
        The model has one level or several groups, or nothing can be left out at either level.
    ModelError, MeasureError
        As for `dynamic_cutoffs`.
    """
    if fit.moments.levels is None:
        raise OptionError("the model has one level: see dynamic_cutoffs.")
    if fit.n_groups > 1:
        raise OptionError("level_cutoffs is for one group. Fit the groups by themselves.")
    require_simulable(fit)
    seen = level_fit(fit)
    variant = _variant(seen)
    solutions, df = _solutions(fit), dict(zip(LEVELS, seen["df"].astype(int), strict=True))
    chosen = {
        level: own
        for level, asked in zip(LEVELS, (within, between), strict=True)
        if df[level] > 0 and (own := _levels(solutions.get(level), asked)) is not None
    }
    if not chosen:
        raise OptionError("nothing can be left out of the model at either level.")
    truths, places = list[Drawn]([_truth(fit, {})]), dict[int, range]()
    for level, levels in chosen.items():
        places[level] = range(len(truths), len(truths) + len(levels))
        truths += [
            _truth(fit, {level: _sigma(fit, solutions[level], own, level)}) for own in levels
        ]
    design = _design(fit)
    task = Studies(design, tuple(truths), LevelFitOf(Template.of(fit), variant))
    done = studies_of(task, repeats, seed, execution)
    observed = _measures(seen, variant)
    columns = [str(name) for name in observed.columns]
    own_values = dict(zip(LEVELS, observed.to_numpy().tolist(), strict=True))
    both = [f"{NAMES[level]} {name}" for level in LEVELS for name in columns]
    frames, failures = frames_of(done, len(truths), both)
    found = {}
    for level, own in chosen.items():
        mine = [
            frame[[f"{NAMES[level]} {name}" for name in columns]].set_axis(columns, axis=1)
            for frame in (frames[0], *(frames[k] for k in places[level]))
        ]
        found[NAMES[level]] = Cutoffs(
            table=cut_table(mine[0], mine[1:], dict(zip(columns, own_values[level], strict=True))),
            omitted=omitted_table(own),
            distribution=distribution_of(mine),
            variant=variant,
            n_obs=fit.n_obs,
            repeats=repeats,
            seed=seed,
            failures=failures,
            notes=(
                f"{fit.n_clusters} clusters as large as those of the data were drawn from a normal "
                "distribution, and answers cut at the thresholds where ordered; all are complete.",
            ),
        )
    return found


def _variant(seen: pd.DataFrame) -> str:
    """Choose the variant that both levels have."""
    for variant, suffix in SUFFIXES.items():
        names = [f"{name}{suffix}" for name in ("cfi", "tli", "rmsea")]
        tested = seen[seen["df"] > 0]
        if set(names) <= set(seen) and np.isfinite(tested[names].to_numpy(dtype=float)).all():
            return variant
    raise DataError("the level-specific fit indices of this fit cannot be computed.")


def _measures(seen: pd.DataFrame, variant: str) -> pd.DataFrame:
    names = [name if name == "srmr" else f"{name}{SUFFIXES[variant]}" for name in MEASURES]
    return pd.DataFrame(seen[names].astype(float))


def _solutions(fit: Fit) -> dict[int, Solution]:
    """Give the factor model of each level that is one."""
    found = {}
    for level, state in zip(LEVELS, fit.point.states, strict=True):
        try:
            found[level] = Solution.of(state, fit.model.table)
        except ModelError:
            # A level without factors, or with paths between variables: nothing is left out of it.
            continue
    return found


def _levels(solution: Solution | None, asked: Levels | None) -> Levels | None:
    """Give what is left out at a level; None where nothing can be."""
    if solution is None:
        return None
    if asked is not None:
        return asked
    try:
        return solution.levels()
    except ModelError:
        return None


def _sigma(fit: Fit, solution: Solution, omitted: Sequence[Omitted], level: int) -> Array:
    """Covariances of a level of which the model leaves something out."""
    sd = np.sqrt(np.diag(fit.implied_moments[level - 1].sigma))
    return np.asarray(solution.with_omitted(omitted).sigma * np.outer(sd, sd))


def _truth(fit: Fit, changed: dict[int, Array]) -> TwoLevelTruth:
    """Give the population of a fit, with other covariances at one level."""
    moments, levels = fit.moments, fit.moments.levels
    assert levels is not None
    sigmas = [changed.get(k, one.sigma) for k, one in zip(LEVELS, fit.implied_moments, strict=True)]
    within, between = fit.implied_moments
    cuts, values = dict[str, Array](), dict[str, tuple[int, ...]]()
    means = np.zeros(len(levels.names))
    if moments.ordinal is None:
        means = levels.total_mean(within.mu, between.mu)
    else:
        assert within.thresholds is not None
        ends = np.cumsum(moments.thresholds)
        parts = np.split(within.thresholds, ends[:-1])
        cuts = dict(zip(moments.names, parts, strict=True))
        values = categories_of(moments.ordinal.values)
    roots = [_root(sigma) for sigma in sigmas]
    return TwoLevelTruth(
        levels.names,
        means,
        (roots[0], roots[1]),
        levels.place(WITHIN),
        levels.place(BETWEEN),
        cuts,
        values,
    )


def _root(sigma: Array) -> Array:
    """Give a root of covariances that may be singular, as they are without residual variances.

    Raises
    ------
    ModelError
        No variables have such covariances.
    """
    values, vectors = np.linalg.eigh(sigma)
    if values[0] < -1e-8 * values[-1]:
        raise ModelError("the covariances that the model implies at a level are not possible.")
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))


def _design(fit: Fit) -> ClusterDesign:
    """Take the clusters of the data."""
    moments, levels = fit.moments, fit.moments.levels
    assert levels is not None
    assert moments.clusters is not None
    numbers = np.unique(moments.clusters[0], return_inverse=True)[1].astype(np.intp)
    return ClusterDesign((numbers,), (len(levels.within.observed), len(levels.between.observed)))
