"""Claims about the effect of an effort: before and after with a comparison, or begun in turns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import known_option
from measure.errors import DataError, OptionError
from measure.model import Implied
from measure.occasions.cluster_changes import cluster_changes
from measure.occasions.latent_changes import change_difference
from measure.occasions.observed_changes import observed_scores
from measure.occasions.occasions import Layout
from measure.occasions.stepped_wedges import stepped_wedge
from measure.occasions.wave_fits import Fitting, design
from measure.planning.claims import Study
from measure.simulating.populations import Population

Array = NDArray[np.float64]

WAVES = {"1": "{item}_t1", "2": "{item}_t2"}
"""How `before_after` names the columns of both waves."""
GROUPS = ("comparison", "effort")

# Reallocations of clusters are not looked at, and one is drawn all the same.
_NO_PERMUTATIONS = 1


@dataclass(frozen=True)
class Stability:
    """What stays from one wave to the next: correlations of both waves.

    Attributes
    ----------
    persons, clusters
        Of the factor, within clusters and between them.
    unique
        Of what is unique to an item.
    """

    persons: float = 0.6
    clusters: float = 0.8
    unique: float = 0.3

    def __post_init__(self) -> None:
        for name in ("persons", "clusters", "unique"):
            if not -1 < getattr(self, name) < 1:
                raise OptionError(
                    f"stability of {name} is {getattr(self, name)}, but a correlation lies between "
                    "-1 and 1."
                )


def before_after(
    loadings: Mapping[str, float],
    *,
    gain: float,
    icc: float,
    trend: float = 0.0,
    stability: Stability | None = None,
    thresholds: Mapping[str, Sequence[float]] | None = None,
) -> Population:
    """Give the population of a study with two waves, an effort and a comparison, in clusters.

    Parameters
    ----------
    loadings
        Item → standardised loading on the one factor.
    gain
        How much more the factor rises with the effort, in its standard deviations at wave 1.
    icc
        Share of the factor's variance between clusters; what is unique to items lies within.
    trend
        How much it rises in both groups.
    stability
        What stays; by default .6 of persons, .8 of clusters, .3 of what is unique.
    thresholds
        Of items answered in categories, standardised at wave 1; the others are continuous.

    Returns
    -------
    Population
        Groups "comparison" and "effort", columns `x_t1` and `x_t2` of each item x.

    Raises
    ------
    OptionError
        A number is not possible.
    """
    _require_loadings(loadings, icc)
    stays = Stability() if stability is None else stability
    own = np.array(list(loadings.values()))
    items = list(loadings)
    common, unique = np.outer(own, own), np.diag(1 - own**2)
    within = _product(stays.persons, (1 - icc) * common) + _product(stays.unique, unique)
    between = _product(stays.clusters, icc * common)
    cut = thresholds or {}
    # The order of `names`: items of wave 1, then of wave 2.
    taus = [np.asarray(cut[item], dtype=float) for item in items * 2 if item in cut]
    names = tuple(pattern.format(item=item) for pattern in WAVES.values() for item in items)
    values = {
        pattern.format(item=item): tuple(range(1, len(cut[item]) + 2))
        for pattern in WAVES.values()
        for item in items
        if item in cut
    }
    inner = Implied(np.zeros(len(names)), within, np.concatenate(taus) if taus else None)
    rises = (trend, trend + gain)
    outer = tuple(Implied(np.concatenate([0 * own, rise * own]), between) for rise in rises)
    return Population(names, GROUPS, "group", (inner, inner), values, outer, "cluster")


def _product(correlation: float, part: Array) -> Array:
    """Give the covariance of a part at two times that correlates with itself."""
    pair = np.array([[1.0, correlation], [correlation, 1.0]])
    return np.asarray(np.kron(pair, part), dtype=np.float64)


def _require_loadings(loadings: Mapping[str, float], icc: float) -> None:
    if len(loadings) < 2:
        raise OptionError("loadings: give at least two items.")
    for name, value in loadings.items():
        if not -1 < value < 1 or value == 0:
            raise OptionError(
                f'the loading of "{name}" is {value}, but a standardised loading lies between -1 '
                "and 1, and is not 0."
            )
    if not 0 <= icc < 1:
        raise OptionError(f"icc is {icc}, but must be at least 0 and below 1.")


@dataclass(frozen=True, eq=False)
class GainDifference:
    """That the effort's group is found to have gained more than the comparison (K5).

    Attributes
    ----------
    study
        With a population as that of `before_after`: two groups, the comparison first, in clusters.
        Its model is written for one wave.
    waves
        As for `change_difference`.
    alpha
        Level of the two-sided test.
    by
        "clusters": one number a cluster, with Welch's t test, which few clusters allow; "latent":
        the latent difference in change of the first factor, with errors robust to clusters.
    """

    study: Study
    waves: Mapping[str, str]
    alpha: float = 0.05
    by: str = "clusters"

    def __post_init__(self) -> None:
        known_option("by", self.by, ("clusters", "latent"))
        if len(self.study.population.groups) != 2 or self.study.population.cluster is None:
            raise OptionError(
                "the claim compares two groups of clusters: give a population of two groups and "
                "two levels, as from `before_after`."
            )

    def __call__(self, n: int, rng: np.random.Generator) -> bool:
        """Draw one study, and tell whether it shows it."""
        data = self.study.draw(n, rng)
        estimate, pvalue = (_by_clusters if self.by == "clusters" else _latent)(self, data)
        return bool(estimate > 0 and pvalue < self.alpha)


def _by_clusters(claim: GainDifference, data: pd.DataFrame) -> tuple[float, float]:
    truth, options = claim.study.population, claim.study.options
    layout = Layout(None, None, dict(claim.waves), truth.group, truth.groups[0], truth.cluster)
    own = design(claim.study.model, data, layout, Fitting(ordered=options.get("ordered", ())))
    scores = observed_scores(own.what, own.occasions, truth.cluster)
    table, _ = cluster_changes(
        scores, own.occasions, [(0, 1)], n_permutations=_NO_PERMUTATIONS, seed=0
    )
    if not np.isfinite(table["pvalue"].iloc[0]):
        raise DataError("a group has fewer than 2 clusters, which cannot be compared.")
    return float(table["raw"].iloc[0]), float(table["pvalue"].iloc[0])


def _latent(claim: GainDifference, data: pd.DataFrame) -> tuple[float, float]:
    truth = claim.study.population
    assert truth.group is not None
    found = change_difference(
        claim.study.model,
        data,
        group=truth.group,
        against=truth.groups[0],
        waves=dict(claim.waves),
        cluster=truth.cluster,
        n_permutations=_NO_PERMUTATIONS,
        seed=0,
        **claim.study.options,
    )
    return float(found.table["difference"].iloc[0]), float(found.table["pvalue"].iloc[0])


@dataclass(frozen=True)
class Wedge:
    """A stepped wedge: clusters begin in turns, from the second period on (`stepped_wedge`).

    Give one of `n_clusters` and `size`; the other is what a study's n counts.

    Attributes
    ----------
    effect
        In standard deviations of a single answer.
    n_periods
        Three at least. Each period has respondents of its own.
    icc
        Share of the variance between clusters and between clusters in periods.
    autocorrelation
        Share of that which stays from period to period.
    n_clusters
        Clusters; n then counts respondents of a cluster in a period.
    size
        Respondents of a cluster in a period; n then counts clusters.
    """

    effect: float
    n_periods: int
    icc: float
    autocorrelation: float = 0.8
    n_clusters: int | None = None
    size: int | None = None

    def __post_init__(self) -> None:
        if (self.n_clusters is None) == (self.size is None):
            raise OptionError("a stepped wedge has n_clusters or size given: one of the two.")
        if self.n_periods < 3:
            raise OptionError(f"n_periods is {self.n_periods}, but a stepped wedge needs 3.")
        if not 0 <= self.icc < 1 or not 0 <= self.autocorrelation <= 1:
            raise OptionError("icc and autocorrelation are shares, from 0 to 1 (icc below 1).")

    def design(self, n: int) -> tuple[int, int]:
        """Give the number of clusters and their size in a period."""
        return (n, self.size) if self.size is not None else (self.n_clusters or 0, n)

    def treated(self, n_clusters: int) -> Array:
        """Say which cluster has begun in which period, (n_clusters, n_periods)."""
        begins = 1 + np.arange(n_clusters) % (self.n_periods - 1)
        return (np.arange(self.n_periods) >= begins[:, None]).astype(float)

    def draw(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """Draw `cluster period treated y`; the first clusters and respondents are those of less."""
        n_clusters, size = self.design(n)
        of_clusters, of_persons = rng.spawn(2)
        apart = of_clusters.standard_normal((n_clusters, 1 + self.n_periods))
        apart *= np.sqrt(self.icc)
        stays = np.sqrt(self.autocorrelation)
        cell = stays * apart[:, :1] + np.sqrt(1 - self.autocorrelation) * apart[:, 1:]
        treated = self.treated(n_clusters)
        if self.size is None:
            noise = of_persons.standard_normal((size, n_clusters, self.n_periods))
            noise = np.moveaxis(noise, 0, -1)
        else:
            noise = of_persons.standard_normal((n_clusters, self.n_periods, size))
        y = (self.effect * treated + cell)[..., None] + np.sqrt(1 - self.icc) * noise
        places = np.indices(y.shape).reshape(3, -1)
        return pd.DataFrame(
            {
                "cluster": places[0],
                "period": places[1],
                "treated": treated[places[0], places[1]],
                "y": y.ravel(),
            }
        )


@dataclass(frozen=True)
class WedgeEffect:
    """That the effect of a stepped wedge is found.

    Attributes
    ----------
    wedge
        The design.
    alpha
        Level of the two-sided test.
    permutations
        None for the t test of `stepped_wedge`; or so many reallocations of sequences, by whose
        p-value few clusters should be judged.
    """

    wedge: Wedge
    alpha: float = 0.05
    permutations: int | None = None

    def __call__(self, n: int, rng: np.random.Generator) -> bool:
        """Draw one study, and tell whether it shows it."""
        found = stepped_wedge(
            self.wedge.draw(n, rng),
            "y",
            cluster="cluster",
            period="period",
            treated="treated",
            n_permutations=self.permutations or _NO_PERMUTATIONS,
            seed=int(rng.integers(2**32)),
        )
        row = found.table.iloc[0]
        pvalue = row["pvalue"] if self.permutations is None else found.pvalue_permutation
        return bool(row["estimate"] * self.wedge.effect > 0 and pvalue < self.alpha)
