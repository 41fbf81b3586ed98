"""Populations of several groups whose items differ in known places."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

STEPS = (-1.2, 0.0, 1.1)
ITEMS = tuple(f"y{k}" for k in range(1, 7))
MODEL = f"f =~ {' + '.join(ITEMS)}"
RESIDUAL = 0.6
# How far a loading, and an intercept (or all thresholds of an item), lie from the others'.
LOADING, LEVEL = 0.3, 0.5


@dataclass(frozen=True, eq=False)
class Design:
    """One factor, six items and G groups, the first of them with mean 0 and variance 1.

    Attributes
    ----------
    kind
        "continuous", or "ordered": answers 1 to 4, responses with a residual variance of 1.
    means, variances
        Of the factor, (G,).
    loadings, levels
        (G, 6); levels are intercepts, or what all thresholds of an item are shifted by.
    """

    kind: str
    means: Array
    variances: Array
    loadings: Array
    levels: Array

    @property
    def groups(self) -> tuple[object, ...]:
        """The groups, numbered from 1."""
        return tuple(range(1, len(self.means) + 1))

    @property
    def differs(self) -> NDArray[np.bool_]:
        """Which loadings, then intercepts or items' thresholds, differ from the rest, (G, 12)."""
        found = np.hstack([self.loadings, self.levels])
        return np.asarray(np.abs(found - np.median(found, axis=0)) > 1e-9)

    @property
    def text(self) -> str:
        """The population as model text."""
        terms = [
            f"{by_group(own)}*{name}" for own, name in zip(self.loadings.T, ITEMS, strict=True)
        ]
        lines = [f"f =~ {' + '.join(terms)}", f"f ~ {by_group(self.means)}*1"]
        lines.append(f"f ~~ {by_group(self.variances)}*f")
        for k, name in enumerate(ITEMS):
            if self.kind == "continuous":
                lines.append(f"{name} ~ {by_group(self.levels[:, k])}*1")
                lines.append(f"{name} ~~ {RESIDUAL}*{name}")
                continue
            for c, cut in enumerate(STEPS, start=1):
                lines.append(f"{name} | {by_group(cut + self.levels[:, k])}*t{c}")
            scale = 1 / np.sqrt(self.loadings[:, k] ** 2 * self.variances + 1)
            lines.append(f"{name} ~*~ {by_group(scale)}*{name}")
        return "\n".join(lines)


def by_group(values: ArrayLike) -> str:
    """Write one value a group, as the model syntax does."""
    return f"c({', '.join(f'{value:.8g}' for value in np.asarray(values))})"


def planted(
    kind: str,
    means: Sequence[float],
    variances: Sequence[float],
    differences: Sequence[tuple[int, int, float, float]],
) -> Design:
    """Make a design with differences (item, group, of the loading, of the level), from 0."""
    n = len(means)
    loadings = np.tile(np.linspace(0.7, 1.0, len(ITEMS)), (n, 1))
    levels = np.full((n, len(ITEMS)), 3.0 if kind == "continuous" else 0.0)
    for item, group, loading, level in differences:
        loadings[group, item] += loading
        levels[group, item] += level
    return Design(kind, np.array(means), np.array(variances), loadings, levels)


def random_design(kind: str, n_groups: int, share: float, *, one_sided: bool) -> Design:
    """Draw means and variances, and plant differences in a share of all loadings and levels.

    They lie to both sides in turn, or all to one; the first group has none. The same whatever the
    kind and the side.
    """
    rng = np.random.default_rng(20_140_821)
    means = np.append(0.0, np.round(rng.normal(0, 0.5, n_groups - 1), 2))
    variances = np.append(1.0, np.round(rng.uniform(0.7, 1.4, n_groups - 1), 2))
    places = (n_groups - 1) * len(ITEMS)
    count = round(share * n_groups * len(ITEMS))
    differences = []
    for size in ((LOADING, 0.0), (0.0, LEVEL)):
        for k, place in enumerate(rng.choice(places, count, replace=False)):
            side = 1.0 if one_sided else (-1.0) ** k
            group, item = divmod(int(place), len(ITEMS))
            differences.append((item, group + 1, side * size[0], side * size[1]))
    return planted(kind, means.tolist(), variances.tolist(), differences)
