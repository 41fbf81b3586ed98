"""Populations of ordered answers in clusters, with one factor within and one between them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]

SIZES = (5, 40)
WITHIN = np.array([0.7, 0.6, 0.8, 0.7, 0.6, 0.8])
BETWEEN = np.array([0.9, 0.8, 0.95, 0.8, 0.9, 0.85])
# Of the whole response, standardised: five categories, most answers above the middle.
THRESHOLDS = np.array([-1.8, -1.0, -0.2, 0.9])
ITEMS = tuple(f"q{k + 1}" for k in range(len(WITHIN)))
MODEL = "\n".join(
    f"level: {level}\n{factor} =~ {' + '.join(ITEMS)}"
    for level, factor in (("within", "fw"), ("between", "fb"))
)


@dataclass(frozen=True)
class Population:
    """So many clusters of 5 to 40 members, with a share `icc` of each response between them."""

    n_clusters: int
    icc: float

    @property
    def name(self) -> str:
        """How tables call it."""
        return f"{self.n_clusters} clusters, share between {self.icc:g}"

    @property
    def variance(self) -> float:
        """Variance between clusters; that within them is 1."""
        return self.icc / (1 - self.icc)

    @cached_property
    def truth(self) -> dict[tuple[str, str], float]:
        """True values, by kind and name; loadings are those of factors of variance 1."""
        scale = np.sqrt(1 + self.variance)
        found = {("share between", item): self.icc for item in ITEMS}
        for a, one in enumerate(ITEMS):
            for t, value in enumerate(THRESHOLDS, start=1):
                found["threshold", f"{one}|t{t}"] = float(scale * value)
            found["loading within", one] = float(WITHIN[a])
            found["loading between", one] = float(np.sqrt(self.variance) * BETWEEN[a])
            for b in range(a + 1, len(ITEMS)):
                pair = f"{one}~~{ITEMS[b]}"
                found["correlation within", pair] = float(WITHIN[a] * WITHIN[b])
                found["correlation between", pair] = float(BETWEEN[a] * BETWEEN[b])
        return found

    def sample(self, rng: np.random.Generator) -> pd.DataFrame:
        """Draw clusters with their members."""
        sizes = rng.integers(*SIZES, self.n_clusters, endpoint=True)
        unit = np.repeat(np.arange(self.n_clusters), sizes)
        inner, outer = _responses(WITHIN, len(unit), rng), _responses(BETWEEN, len(sizes), rng)
        y = inner + np.sqrt(self.variance) * outer[unit]
        codes = np.searchsorted(np.sqrt(1 + self.variance) * THRESHOLDS, y) + 1
        return pd.DataFrame(codes, columns=list(ITEMS)).assign(unit=unit)


def _responses(loadings: Array, n: int, rng: np.random.Generator) -> Array:
    """Draw responses of variance 1 with one factor, (n, n_items)."""
    unique = np.sqrt(1 - loadings**2) * rng.standard_normal((n, len(loadings)))
    return np.asarray(rng.standard_normal((n, 1)) * loadings + unique)


POPULATIONS = tuple(Population(n_clusters, icc) for n_clusters in (50, 200) for icc in (0.05, 0.15))
