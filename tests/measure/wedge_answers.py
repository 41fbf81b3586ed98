"""Simulated answers of a stepped wedge with a known effect."""

import numpy as np
import pandas as pd


def wedge(
    seed: int, *, n_clusters: int = 12, n_periods: int = 5, size: int = 15, effect: float = 0.4
) -> pd.DataFrame:
    """Draw `cluster period treated y`: clusters begin in turns, from the second period on."""
    rng = np.random.default_rng(seed)
    begins = 1 + np.arange(n_clusters) % (n_periods - 1)
    rows = []
    for cluster in range(n_clusters):
        own = rng.normal(0, 0.4)
        for period in range(n_periods):
            treated = float(period >= begins[cluster])
            both = rng.normal(0, 0.2)
            n = int(rng.integers(size - 5, size + 6))
            y = 3 + 0.1 * period + effect * treated + own + both + rng.normal(0, 1, n)
            rows.append(
                pd.DataFrame({"cluster": cluster, "period": period, "treated": treated, "y": y})
            )
    return pd.concat(rows, ignore_index=True)
