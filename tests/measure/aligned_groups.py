"""Item parameters of several groups that differ a little everywhere, and much in places."""

import numpy as np

from measure.comparability.alignment_loss import AlignmentLoss
from measure.comparability.common_metric import Scoring


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
    """Give a loss at item parameters of several groups."""
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
