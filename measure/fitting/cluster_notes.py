"""What a reader of a fit has to know about its clusters."""

from collections.abc import Iterator

import numpy as np

from measure.chisquare import too_few_clusters
from measure.fitting.problem import Point, Problem
from measure.moments import Moments
from measure.moments.asymptotic import FEW_CLUSTERS, few_clusters_note
from measure.specification.levels import BETWEEN, NAMES, WITHIN
from measure.specification.options import Method

# Variance between clusters, in units of that within, that counts as none for one variable, and
# eigenvalue of correlations between clusters that does so for all together.
NONE, SINGULAR = 1e-3, 1e-6

NO_ROBUST_INDICES = (
    "There are no robust CFI, TLI and RMSEA: none are known for incomplete rows at two levels."
)


def cluster_notes(point: Point, method: Method) -> Iterator[str]:
    """Say where there are too few clusters for standard errors or tests, and what they leave out.

    Parameters
    ----------
    point
        The solution.
    method
        How it was fitted.
    """
    problem = point.problem
    moments = problem.moments
    if moments.levels is not None:
        yield from _undefined_residuals(point)
    if moments.nested is not None:
        yield from _few_between(moments.n_clusters, method)
        yield from _level_notes(moments)
        return
    # Without standard errors the test takes rows as independent, and there is nothing of clusters.
    few = few_clusters_note(moments.n_clusters) if method.se != "none" else ""
    if few:
        yield few
    if too_few_clusters(problem, method):
        yield (
            f"There are {moments.n_clusters} clusters for {problem.n_moments} sample "
            "moments, whose covariances cannot be estimated from so few: the scaled and shifted "
            "test rejects too seldom, so that it speaks for no model, and the mean-adjusted one "
            "too often. Difference tests with few degrees of freedom are affected less."
        )


def _few_between(n_clusters: int | None, method: Method) -> Iterator[str]:
    """Say what few clusters do to a model of both levels, by how it was fitted."""
    assert n_clusters is not None
    if n_clusters >= FEW_CLUSTERS:
        return
    kind = "cluster-robust " if method.se.startswith("robust") else ""
    errors = [f"{kind}standard errors between clusters tend to be too small"]
    found = [
        *(errors if method.se != "none" else []),
        *(["tests reject too often"] if method.test != "none" else []),
    ]
    if found:
        yield (
            f"There are {n_clusters} clusters; with fewer than {FEW_CLUSTERS} "
            f"{', and '.join(found)}."
        )


def _undefined_residuals(point: Point) -> Iterator[str]:
    """Say where there is no SRMR, because a variable has no variance at a level."""
    moments, table = point.problem.moments, point.problem.model.table
    for state, sample in zip(point.states, moments.sample, strict=True):
        block = state.block
        pairs = zip(block.observed, np.diag(sample.sigma), np.diag(state.sigma), strict=True)
        none = [
            f"{name} ({model if own > 0 else own:.3g})"
            for name, own, model in pairs
            if min(own, model) <= 0
        ]
        if none:
            where = "" if table.n_groups == 1 else f' in group "{moments.groups[block.group - 1]}"'
            yield (
                f"There is no SRMR {NAMES[block.level]} clusters{where}, which is of correlations: "
                f"the variance is not positive of {', '.join(none)}."
            )


def _level_notes(moments: Moments) -> Iterator[str]:
    """Say where saturated covariances between clusters are singular."""
    for k, clusters in enumerate(moments.nested or ()):
        within, between = moments.sample[2 * k : 2 * k + 2]
        levels = clusters.levels
        where = f' in group "{moments.groups[k]}"' if len(moments.groups) > 1 else ""
        inner, outer = levels.order(WITHIN), levels.order(BETWEEN)
        flat = [
            name
            for name in inner
            if name in levels.both
            and between.sigma[outer.index(name), outer.index(name)]
            <= NONE * within.sigma[inner.index(name), inner.index(name)]
        ]
        if flat:
            yield (
                f"{', '.join(flat)}: no variance between clusters is found{where}. Model "
                f"{'it' if len(flat) == 1 else 'them'} in the block `level: 1` only."
            )
        shared = [outer.index(name) for name in outer if name not in flat]
        sd = np.sqrt(between.sigma.diagonal()[shared])
        correlations = between.sigma[np.ix_(shared, shared)] / np.outer(sd, sd)
        empty = int((np.linalg.eigvalsh(correlations) < SINGULAR).sum()) if shared else 0
        if empty:
            yield (
                f"The saturated covariances between clusters{where} are singular: the "
                f"{len(shared)} variables vary in {len(shared) - empty} directions only. The "
                "chi-square then follows no chi-square distribution, and tends to be too small."
            )


def too_many_parameters(problem: Problem) -> str:
    """Say where there are more parameters between clusters than clusters; empty where not."""
    model, n_clusters = problem.model, problem.moments.n_clusters
    assert n_clusters is not None
    rows = [model.table.parameters[model.free_rows[k]] for k in model.reduction.kept]
    n_between = sum(row.level == BETWEEN for row in rows)
    if n_between <= n_clusters:
        return ""
    return (
        f"There are {n_between} parameters between clusters for {n_clusters} clusters: these say "
        "too little about them. Use fewer items, equate parameters, or free all covariances there."
    )
