"""What a reader of a fit has to know about its clusters."""

from collections.abc import Iterator

import numpy as np

from measure.chisquare import too_few_clusters
from measure.fitting.problem import Problem
from measure.moments.asymptotic import FEW_CLUSTERS, few_clusters_note
from measure.specification.levels import BETWEEN, WITHIN
from measure.specification.options import Method

# Variance between clusters, in units of that within, that counts as none for one variable, and
# eigenvalue of correlations between clusters that does so for all together.
NONE, SINGULAR = 1e-3, 1e-6

NO_ROBUST_INDICES = (
    "There are no robust CFI, TLI and RMSEA: none are known for incomplete rows at two levels."
)


def cluster_notes(problem: Problem, method: Method) -> Iterator[str]:
    """Say where there are too few clusters for standard errors, or for a scaled test."""
    moments = problem.moments
    if moments.nested is not None:
        yield from _level_notes(problem)
        return
    few = few_clusters_note(moments.n_clusters)
    if few:
        yield few
    if too_few_clusters(problem, method):
        yield (
            f"There are {moments.n_clusters} clusters for {problem.n_moments} sample "
            "moments, whose covariances cannot be estimated from so few: the scaled and shifted "
            "test rejects too seldom, so that it speaks for no model, and the mean-adjusted one "
            "too often. Difference tests with few degrees of freedom are affected less."
        )


def _level_notes(problem: Problem) -> Iterator[str]:
    """Say where clusters are few, or where saturated covariances between them are singular."""
    moments = problem.moments
    n_clusters = moments.n_clusters
    assert n_clusters is not None
    if n_clusters < FEW_CLUSTERS:
        yield (
            f"There are {n_clusters} clusters; with fewer than {FEW_CLUSTERS} standard errors "
            "between clusters tend to be too small, and tests reject too often."
        )
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
