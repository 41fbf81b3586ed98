"""What samples of a population with known parameters gave, quantity by quantity."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np


class Estimate(NamedTuple):
    """An estimate with its standard error and interval, NaN where there are none."""

    kind: str
    name: str
    est: float
    se: float
    lower: float
    upper: float


def figures(
    truth: Mapping[tuple[str, str], float], samples: Iterable[Iterable[Estimate]]
) -> list[dict[str, Any]]:
    """Count bias, spread, standard error and coverage of every quantity over samples.

    Estimates without an interval count in `undefined`, and in bias and spread only.

    Parameters
    ----------
    truth
        True values by kind and name.
    samples
        The estimates of each sample.
    """
    keyed: dict[tuple[str, str], list[tuple[float, ...]]] = {}
    for sample in samples:
        for kind, name, *numbers in sample:
            keyed.setdefault((kind, name), []).append(tuple(numbers))
    found = []
    for key, rows in keyed.items():
        est, se, lower, upper = np.array(rows, dtype=float).T
        true, there = truth[key], np.isfinite(lower)
        # Without variance between clusters there is no correlation.
        known = est[np.isfinite(est)]
        holds = (lower <= true) & (true <= upper)
        found.append(
            {
                "kind": key[0],
                "name": key[1],
                "true": true,
                "samples": len(est),
                "undefined": int((~there).sum()),
                "bias": float(known.mean() - true),
                "sd": float(known.std(ddof=1)),
                "se": float(se[there].mean()) if there.any() else None,
                "coverage": float(holds[there].mean()) if there.any() else None,
            }
        )
    return found
