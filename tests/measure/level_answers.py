"""Ordered answers in clusters, with one factor within them and one between."""

import numpy as np
import pandas as pd

ITEMS = ("q1", "q2", "q3", "q4")
INNER, OUTER, VARIANCE = np.array([0.8, 0.7, 0.6, 0.7]), np.array([0.9, 0.8, 0.9, 0.7]), 0.3
CUTS = ([-1.2, -0.3, 0.8], [-0.9, 0.4], [0.2], [-1.5, -0.4, 0.3, 1.2])
N_CLUSTERS = 70


def level_answers(seed=31):
    """Draw 70 clusters of 6 to 24 members; `number` is unrelated to the answers."""
    rng = np.random.default_rng(seed)
    unit = np.repeat(np.arange(N_CLUSTERS), rng.integers(6, 25, N_CLUSTERS))
    parts = []
    for loadings, n in ((INNER, len(unit)), (OUTER, N_CLUSTERS)):
        unique = np.sqrt(1 - loadings**2) * rng.standard_normal((n, len(ITEMS)))
        parts.append(loadings * rng.standard_normal((n, 1)) + unique)
    y = parts[0] + np.sqrt(VARIANCE) * parts[1][unit]
    codes = {name: np.digitize(y[:, k], CUTS[k]) for k, name in enumerate(ITEMS)}
    return pd.DataFrame(codes).assign(unit=unit, number=rng.standard_normal(len(unit)))
