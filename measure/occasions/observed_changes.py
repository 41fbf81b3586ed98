"""Change of the mean of items, as observed: the raw number beside the latent one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.occasions.occasions import Occasions
from measure.occasions.regressions import clustered, reach
from measure.occasions.wave_models import Measured

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

MEAN = "mean of the factors"
"""What stands for the factor where the mean over all factors is meant."""

ENOUGH = 0.5
"""Share of a factor's items that a score needs."""


class RawChange(NamedTuple):
    """A change of a score in answer points, its 95 % interval, and in first-wave SD."""

    n: int
    estimate: float
    lower: float
    upper: float
    d: float


@dataclass(frozen=True, eq=False)
class Observed:
    """A score at each wave.

    Attributes
    ----------
    scores
        (n_obs, n_waves), NaN where too few items were answered.
    group
        (n_obs,) number of the group, 0 without groups.
    clusters
        (n_obs,) numbers from 0; None without clusters.
    across
        Whether each wave has respondents of its own.
    """

    scores: Array
    group: Codes
    clusters: Codes | None
    across: bool

    def change(self, first: int, later: int, group: int, against: int | None) -> RawChange:
        """Give the mean change of a group, or how much more it changed than another."""
        groups = [group] if against is None else [against, group]
        members = np.isin(self.group, groups)
        at_first = self.scores[:, first]
        spreads = [at_first[(self.group == g) & ~np.isnan(at_first)] for g in groups]
        within = np.concatenate([own - own.mean() for own in spreads])
        sd = float(np.sqrt((within**2).sum() / max(len(within) - len(groups), 1)))
        y, X, rows = self._design(first, later, members, group, against)
        own = None if self.clusters is None else _numbered(self.clusters[rows])
        if len(y) <= X.shape[1] or (own is not None and own.max() < len(groups)):
            return RawChange(len(y), np.nan, np.nan, np.nan, np.nan)
        found = clustered(X, y, own)
        est, se = found.at(np.eye(X.shape[1])[-1])
        half = reach(found.df if own is None else found.df - (len(groups) - 1)) * se
        return RawChange(len(y), est, est - half, est + half, est / sd if sd > 0 else np.nan)

    def _design(
        self, first: int, later: int, members: NDArray[np.bool_], group: int, against: int | None
    ) -> tuple[Array, Array, NDArray[np.intp]]:
        """Give scores (n,), predictors whose last coefficient is the change, and their rows."""
        if not self.across:
            moved = self.scores[:, later] - self.scores[:, first]
            rows = np.flatnonzero(members & ~np.isnan(moved))
            one = np.ones(len(rows))
            mine = (self.group[rows] == group).astype(float)
            sides = [one] if against is None else [one, mine]
            return moved[rows], np.column_stack(sides), rows
        parts = []
        for when, wave in enumerate((first, later)):
            rows = np.flatnonzero(members & ~np.isnan(self.scores[:, wave]))
            mine = (self.group[rows] == group).astype(float)
            parts.append((rows, np.full(len(rows), float(when)), mine, self.scores[rows, wave]))
        rows, when_, mine, y = (np.concatenate(part) for part in zip(*parts, strict=True))
        one = np.ones(len(y))
        columns = [one, when_] if against is None else [one, mine, when_, mine * when_]
        return y, np.column_stack(columns), rows.astype(np.intp)


Scores = Mapping[str, Observed]
"""By factor."""


def observed_scores(what: Measured, where: Occasions, cluster: str | None) -> dict[str, Observed]:
    """Give the mean of each factor's items at each wave, and the mean of these over factors."""
    codes = np.zeros(len(where.data), dtype=np.intp)
    for number in range(len(where.groups)):
        codes[where.rows(number).to_numpy()] = number
    clusters = None if cluster is None else _numbered(pd.factorize(where.data[cluster])[0])
    found: dict[str, Observed] = {}
    for factor in what.factors:
        items = [item for name, item in what.loadings if name == factor]
        columns = []
        for wave in range(len(where.waves)):
            answers = where.answers(items, wave)
            mean = answers.mean(axis=1).where(answers.notna().mean(axis=1) >= ENOUGH)
            columns.append(mean.to_numpy(dtype=float))
        found[factor] = Observed(np.column_stack(columns), codes, clusters, where.across)
    if len(found) > 1:
        mean_score = np.mean([own.scores for own in found.values()], axis=0)
        found[MEAN] = Observed(mean_score, codes, clusters, where.across)
    return found


def _numbered(values: Codes) -> Codes:
    return np.unique(values, return_inverse=True)[1].astype(np.intp)
