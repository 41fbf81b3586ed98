"""Whether the members of a cluster agree."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import confidence
from measure.display import render_html, render_text
from measure.errors import DataError, OptionError
from measure.levels.agreement_indices import dispersions, item_indices, rwg_j, scale_indices, spread
from measure.levels.agreement_nulls import Draws, Null, correlations_within, null_of, nulls_of
from measure.levels.cluster_columns import items_apart_from_cluster

Array = NDArray[np.float64]

CHANCE = 0.05
"""How often clusters without agreement, or of evenly spread answers, are flagged by chance."""

MOST_NAMED = 10


@dataclass(frozen=True, eq=False)
class Agreement:
    """Within-group agreement.

    Attributes
    ----------
    items
        A row per cluster and item: `cluster item size rwg ad_mean ad_median awg consensus
        above_null`. `above_null` says that the answers vary more than the null, so that rwg was set
        to 0; `consensus` is Van der Eijk's A.
    clusters
        A row per cluster: `cluster size rwg_j rwg_j_lindell ad_mean ad_median awg consensus
        above_null`, over all items, from rows that answer all of them; `sd sd.ci.lower
        sd.ci.upper`, the standard deviation of the members' means over the items; and from draws,
        NaN without them, `rwg_j_chance` (95th percentile without agreement), `beyond_chance`
        (rwg_j lies above it), `consensus_even` (5th percentile of evenly spread answers) and
        `bimodal` (consensus lies below it).
    summary
        `mean median n` over clusters of each index in `clusters`.
    nulls
        A row per null that is tabled for the scale: `variance mean median n n_above_null` of
        rwg_j.
    dispersion
        Whether clusters differ in how far their members lie apart: `sd_pooled kurtosis f df1 df2
        pvalue cv_between`; see Notes of `agreement`.
    null, null_variance
        The answers expected without agreement, and their variance.
    scale
        Lowest and highest category.
    n_obs, n_dropped
        Rows behind `clusters`, and rows left out because the cluster or an answer is missing.
    n_draws, seed
        Of the simulated null.
    notes
        What the reader has to know.
    """

    items: pd.DataFrame
    clusters: pd.DataFrame
    summary: pd.DataFrame
    nulls: pd.DataFrame
    dispersion: "pd.Series[float]"
    null: str
    null_variance: float
    scale: tuple[float, float]
    n_obs: int
    n_dropped: int
    n_draws: int
    seed: int | None
    notes: tuple[str, ...]

    def _facts(self) -> dict[str, object]:
        facts: dict[str, object] = {
            "null": self.null,
            "variance of the null": self.null_variance,
            "clusters": len(self.clusters),
            "respondents used": self.n_obs,
            "left out (missing answers or cluster)": self.n_dropped,
        }
        return facts | {f"note {i}": note for i, note in enumerate(self.notes, start=1)}

    def __repr__(self) -> str:
        return render_text("Within-group agreement", self._facts(), self._tables())

    def _repr_html_(self) -> str:
        return render_html("Within-group agreement", self._facts(), self._tables())

    def _tables(self) -> dict[str, pd.DataFrame]:
        dispersion = self.dispersion.to_frame().T
        dispersion.index = pd.RangeIndex(1)
        return {
            "Over clusters": self.summary,
            "rwg(j) by null": self.nulls,
            "Dispersion": dispersion,
        }


def agreement(
    data: pd.DataFrame,
    items: str | Sequence[str],
    *,
    cluster: str,
    scale: tuple[float, float] = (1, 5),
    null: str = "uniform",
    confidence_level: float = 0.95,
    n_draws: int = 0,
    seed: int | None = None,
) -> Agreement:
    """Agreement of the members of each cluster: r_wg, r_wg(J), r*_wg(J), AD, a_wg and dispersion.

    Parameters
    ----------
    data
        One row a respondent.
    items
        Items of one scale, answered on the same categories.
    cluster
        Column that names each respondent's cluster.
    scale
        Lowest and highest category.
    null
        Answers expected without agreement: `"uniform"` with variance (A² - 1)/12 for A
        categories; with five categories also `"slight"`, `"moderate"` and `"heavy"` skew
        (1.34, .90, .44).
    confidence_level
        Of the intervals of the standard deviations.
    n_draws
        Clusters without agreement that are drawn of each size; 0 leaves the simulated null out,
        1000 give the percentiles to about a tenth of their distance from the mean.
    seed
        Of the draws, needed for them.

    Returns
    -------
    Agreement

    Raises
    ------
    DataError
        An item or the cluster cannot be analysed; no respondent answered everything.
    OptionError
        `scale` is not a lower and a higher whole number; unknown null, or a skewed null on
        another number of categories than five; draws without seed.

    Notes
    -----
    r_wg = 1 - s²/σ², and 0 where s² is above σ². r_wg(J) = J(1 - v) / (J(1 - v) + v) with v the
    mean item variance over σ², at most 1; Lindell's r*_wg(J) = 1 - v, not truncated. AD is the
    mean absolute deviation from the mean or the median. a_wg compares the variance with the
    largest possible at that mean; it is NaN where the mean is so close to an end of the scale
    that the comparison is not defined, and 1 at the end itself. A cluster of one respondent gives
    NaN. An item is analysed with all its answers in `items`, but `clusters` uses rows that answer
    all items.

    Without agreement a small cluster reaches a high r_wg(J) easily. Drawn clusters have the same
    size and the null's answers, their items correlated as they are among members; above the 95th
    percentile of their r_wg(J) lies 1 cluster in 20 by chance.

    Two camps: Van der Eijk's A is 1 for one answer, 0 for evenly spread ones and -1 for two halves
    at the ends. A cluster is flagged as bimodal where its A, the mean over items, lies below the
    5th percentile of drawn clusters of evenly spread answers, of all distributions with one peak
    the nearest to two. What is common to the members of such a cluster is not its mean. Camps that
    stand close to each other, as at 2 and 4 of five categories, are not found.

    The standard deviation of the members' scores, with its interval from a chi-square whose degrees
    of freedom have the kurtosis of the scores in them, is a finding of its own; whether it differs
    between clusters is tested by Brown & Forsythe, and `cv_between` says by how much (0: not beyond
    chance; .3: two thirds of clusters have variances within 30 % of the mean).

    References
    ----------
    James, Demaree & Wolf (1984); Lindell, Brandt & Whitney (1999); Burke & Dunlap (2002);
    Brown & Hauenstein (2005); LeBreton & Senter (2008) for the skewed nulls; Cohen, Doveh &
    Nahum-Shani (2009) for the simulated one; Van der Eijk (2001); Brown & Forsythe (1974).
    """
    confidence(confidence_level)
    names = [items] if isinstance(items, str) else list(items)
    chosen = null_of(null, scale)
    if n_draws < 0 or (n_draws and seed is None):
        raise OptionError(
            f"n_draws is {n_draws} and seed {seed}: the simulated null needs a number of draws and "
            "a seed, as n_draws=1000, seed=1."
        )
    numbers = items_apart_from_cluster(data, names, cluster)
    clusters = data[cluster]
    complete = numbers.notna().all(axis=1) & clusters.notna()
    if not complete.any():
        raise DataError(f'no row has an answer to all items and a "{cluster}".')
    of_items = of_scale = spread(numbers, clusters, scale)
    each = item_indices(of_items, numbers.columns, chosen.variance)
    answers = numbers[complete]
    if not complete.all():
        of_scale = spread(answers, clusters[complete], scale)
    whole = scale_indices(of_scale, chosen.variance)
    codes, labels = pd.factorize(clusters[complete])
    sds, dispersion = dispersions(
        answers.mean(axis=1).to_numpy(), codes, len(labels), confidence_level
    )
    X = answers.to_numpy(dtype=float)
    chance = _against_chance(whole, X, codes, chosen, n_draws, seed)
    indices = ["rwg_j", "rwg_j_lindell", "ad_mean", "ad_median", "awg", "consensus"]
    whole = pd.concat([whole, sds, chance], axis=1)
    shown = whole[[*indices, "sd"]]
    summary = pd.DataFrame({"mean": shown.mean(), "median": shown.median(), "n": shown.count()})
    return Agreement(
        items=each,
        clusters=whole,
        summary=summary.astype(float),
        nulls=_by_null(of_scale.variances, scale),
        dispersion=dispersion,
        null=null,
        null_variance=chosen.variance,
        scale=scale,
        n_obs=int(complete.sum()),
        n_dropped=int((~complete).sum()),
        n_draws=n_draws,
        seed=seed if n_draws else None,
        notes=tuple(_agreement_notes(numbers, clusters, whole, scale)),
    )


def _by_null(variances: Array, scale: tuple[float, float]) -> pd.DataFrame:
    """r_wg(J) over clusters under each null."""
    v = variances.mean(axis=1)
    rows = {}
    for null in nulls_of(scale):
        values = pd.Series(rwg_j(variances, null.variance))
        rows[null.name] = {
            "variance": null.variance,
            "mean": values.mean(),
            "median": values.median(),
            "n": int(values.count()),
            "n_above_null": int((v > null.variance).sum()),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def _against_chance(
    whole: pd.DataFrame,
    answers: Array,
    codes: NDArray[np.intp],
    null: Null,
    n_draws: int,
    seed: int | None,
) -> pd.DataFrame:
    """Compare each cluster with drawn ones of its size."""
    names = ["rwg_j_chance", "beyond_chance", "consensus_even", "bimodal"]
    found = pd.DataFrame(np.nan, index=whole.index, columns=names)
    if not n_draws:
        return found
    assert seed is not None
    correlations = correlations_within(answers, codes)
    even = Null("uniform", np.full(len(null.shares), 1 / len(null.shares)), null.low)
    sizes = whole["size"].to_numpy()
    for size in np.unique(sizes[sizes > 1]):
        own = sizes == size
        rwg, agreed = Draws(null, correlations, n_draws, seed).indices(int(size))
        if null.name != even.name:
            agreed = Draws(even, correlations, n_draws, seed).indices(int(size))[1]
        found.loc[own, "rwg_j_chance"] = np.quantile(rwg, 1 - CHANCE, method="higher")
        found.loc[own, "consensus_even"] = np.quantile(agreed, CHANCE, method="lower")
    several = sizes > 1
    for name, judged, limit, sign in (
        ("beyond_chance", "rwg_j", "rwg_j_chance", 1),
        ("bimodal", "consensus", "consensus_even", -1),
    ):
        # Rounding must not tell equal values apart.
        beyond = sign * (whole[judged] - found[limit]) > 1e-9
        known = several & whole[judged].notna()
        found[name] = np.where(known, beyond.astype(float), np.nan)
    return found


def _agreement_notes(
    numbers: pd.DataFrame, clusters: pd.Series, whole: pd.DataFrame, scale: tuple[float, float]
) -> list[str]:
    notes = []
    single = whole.loc[whole["size"] == 1, "cluster"].astype(str).tolist()
    if single:
        named = ", ".join(single[:MOST_NAMED]) + (", ..." if len(single) > MOST_NAMED else "")
        notes.append(
            f"{len(single)} of {len(whole)} clusters have one respondent: no agreement there "
            f"({named})."
        )
    lost = clusters.dropna().nunique() - len(whole)
    if lost:
        notes.append(f"{lost} clusters have no respondent who answered all items.")
    above = int(whole["above_null"].sum())
    if above:
        notes.append(
            f"In {above} of {len(whole)} clusters the answers vary more than the null: rwg_j is 0."
        )
    split = int((whole["bimodal"] == 1).sum())
    if split:
        notes.append(
            f"In {split} of {int(whole['bimodal'].notna().sum())} clusters the answers fall into "
            "two camps, further than those of evenly spread answers do in 5 %: the mean speaks for "
            "neither camp."
        )
    X = numbers.to_numpy(dtype=float)
    for name, outside in zip(
        numbers.columns, ((scale[0] > X) | (scale[1] < X)).sum(axis=0), strict=True
    ):
        if outside:
            notes.append(
                f'Item "{name}" holds {outside} answers outside the scale {scale[0]:g} to '
                f"{scale[1]:g}: its awg, which depends on the ends of the scale, means nothing. "
                "Give the scale that was used."
            )
    return notes
