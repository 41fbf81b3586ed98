"""Populations of several groups with known factor means and planted differences of items."""

import numpy as np

from measure.alignment_loss import AlignmentLoss
from measure.common_metric import Scoring

STEPS = (-1.2, 0.0, 1.1)


def scoring(kind, n_items, n_thresholds=3):
    """Give continuous or ordered items, answered 1, 2, ..., or of both kinds in turn."""
    ordered = {
        "continuous": np.zeros(n_items, dtype=bool),
        "ordered": np.ones(n_items, dtype=bool),
        "mixed": np.arange(n_items) % 2 == 1,
    }[kind]
    counts = np.where(ordered, n_thresholds, 1)
    return Scoring(
        items=np.repeat(np.arange(n_items), counts),
        ordered=ordered,
        lowest=ordered.astype(float),
        steps=np.ones(counts.sum()),
    )


def loss(kind, n_groups=4, n_items=5, epsilon=0.01, seed=1):
    """Give a loss at item parameters that differ a little everywhere, and much in places."""
    rng = np.random.default_rng(seed)
    own = scoring(kind, n_items)
    m = len(own.items)
    loadings = rng.uniform(0.5, 1.2, n_items) * np.exp(rng.normal(0, 0.2, (n_groups, 1)))
    locations = rng.normal(0, 1, m) + rng.normal(0, 0.4, (n_groups, 1))
    return AlignmentLoss(
        own,
        loadings + rng.normal(0, 0.05, loadings.shape),
        locations + rng.normal(0, 0.05, locations.shape),
        rng.integers(100, 400, n_groups).astype(float),
        epsilon,
    )


def by_group(values):
    """Write one value a group, as the model syntax does."""
    return f"c({', '.join(f'{value:.6g}' for value in values)})"


def population_text(kind, means, variances, planted):
    """Write a population of one factor and six items.

    `planted` has (item, group, difference of the loading, difference of the intercept or of all
    thresholds), items and groups from 0.
    """
    n_groups, n_items = len(means), 6
    loadings = np.tile(np.linspace(0.7, 1.0, n_items), (n_groups, 1))
    levels = np.zeros((n_groups, n_items))
    for item, group, loading, level in planted:
        loadings[group, item] += loading
        levels[group, item] += level
    names = [f"y{k + 1}" for k in range(n_items)]
    terms = [f"{by_group(loadings[:, k])}*{name}" for k, name in enumerate(names)]
    lines = [f"f =~ {' + '.join(terms)}", f"f ~ {by_group(means)}*1"]
    lines.append(f"f ~~ {by_group(variances)}*f")
    for k, name in enumerate(names):
        if kind == "continuous":
            lines += [f"{name} ~ {by_group(3 + levels[:, k])}*1", f"{name} ~~ 0.6*{name}"]
            continue
        for c, cut in enumerate(STEPS, start=1):
            lines.append(f"{name} | {by_group(cut + levels[:, k])}*t{c}")
        # A residual variance of 1.
        scale = 1 / np.sqrt(loadings[:, k] ** 2 * np.asarray(variances) + 1)
        lines.append(f"{name} ~*~ {by_group(scale)}*{name}")
    return "\n".join(lines)
