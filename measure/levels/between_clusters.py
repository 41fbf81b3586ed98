"""How much of the differences between persons lies between their clusters.

References
----------
Bliese, P. D. (2000). Within-group agreement, non-independence, and reliability. In K. J. Klein &
S. W. J. Kozlowski (Eds.), Multilevel theory, research, and methods in organizations (pp. 349-381).
Donner, A. (1979). The use of correlation and regression in the analysis of family resemblance.
American Journal of Epidemiology, 110, 335-342.
Kish, L. (1965). Survey sampling. Wiley. Section 8.2 for the design effect.
Searle, S. R. (1971). Linear models. Wiley.
Thomas, J. D., & Hultquist, R. A. (1978). Interval estimation for the unbalanced case of the one-way
random effects model. Annals of Statistics, 6, 582-587.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import confidence
from measure.errors import DataError, OptionError
from measure.levels.cluster_columns import items_apart_from_cluster
from measure.levels.components import variance_components
from measure.levels.mixed.terms import repeated_ids
from measure.levels.variance_analysis import Sums, one_way, quartiles
from measure.storage.stored_answers import StoredAnswers
from measure.storage.stored_clusters import cluster_sums

Array = NDArray[np.float64]

COLUMNS = (
    *("icc1", "icc1.ci.lower", "icc1.ci.upper", "icc1_used", "icc1_mean_size"),
    *("share", "share.ci.lower", "share.ci.upper"),
    *("icc2", "icc2.ci.lower", "icc2.ci.upper"),
    *("reliability.min", "reliability.q1", "reliability.median", "reliability.q3"),
    "reliability.max",
    *("f", "df1", "df2", "pvalue", "ms_between", "ms_within", "tau2", "sigma2"),
    *("design_effect", "n_clusters", "mean_size", "k_star", "n_single", "n", "dropped", "note"),
)


def icc(
    data: pd.DataFrame | StoredAnswers,
    items: str | Sequence[str],
    *,
    cluster: str,
    within: str | None = None,
    confidence_level: float = 0.95,
) -> pd.DataFrame:
    """ICC(1), ICC(2) and the reliability of cluster means, of each item.

    Parameters
    ----------
    data
        One row a respondent. Also answers larger than memory, from `stored`, without `within`.
    items
        Columns to analyse, each by itself; rows where it or the cluster is missing are left out.
    cluster
        Column that names each respondent's cluster.
    within
        Column that names the larger unit that each cluster lies in; three levels are analysed then.
        A cluster is named by both columns together.
    confidence_level
        Of the intervals.

    Returns
    -------
    pandas.DataFrame
        One row an item, with `within` one row an item and level, the larger unit first:

        - `icc1`: (MSB - MSW) / (MSB + (k* - 1) MSW) with k* = (N - Σn²/N) / (J - 1), the share
          of variance between clusters and the correlation of two members of one; negative estimates
          stay as they are. With `within` it is by REML, the correlation of two members of the same
          larger unit, or of the same cluster;
        - `icc1_used`: the same, a negative one as 0, as which it counts below;
        - `icc1_mean_size`: the same with the mean cluster size in place of k*;
        - `share`: of the variance that lies at this level, without that of the larger unit;
        - `icc2`: 1 - 1/F, the reliability of a cluster mean; NaN where all means are equal;
        - `icc1.ci.lower icc1.ci.upper icc2.ci.lower icc2.ci.upper`: exact with equal cluster
          sizes (Searle 1971), with k* for the size otherwise (Thomas & Hultquist 1978,
          Donner 1979); with `within` from the profile of the restricted likelihood;
        - `reliability.min` and further quartiles: over the clusters, tau² / (tau² + sigma²/n) of
          each mean with n answers, with `within` for the larger unit tau² / (tau² + the variance of
          its mean over clusters and members);
        - `f df1 df2 pvalue ms_between ms_within`: the analysis of variance; with `within` only
          `pvalue`, of the likelihood ratio against no variance at that level;
        - `tau2 sigma2`: variances between units of the level, and of persons within clusters;
        - `design_effect`: of the mean of all, 1 + (Σn²/N - 1) ICC(1) (Kish 1965), with `within`
          of both levels together;
        - `n_clusters mean_size k_star n_single n dropped`: clusters, their mean size, k*, clusters
          of one respondent (they tell only about differences between clusters), rows used and
          left out;
        - `note`: what the reader has to know; "" if nothing.

    Raises
    ------
    DataError
        An item or the cluster cannot be analysed; one cluster; every cluster has one respondent;
        no variance within clusters; with `within` one larger unit, or one cluster in each.
    OptionError
        `confidence_level` outside 0 to 1, or `within` the same column as `cluster`.
    """
    confidence(confidence_level)
    names = [items] if isinstance(items, str) else list(items)
    if isinstance(data, StoredAnswers):
        if within is not None:
            raise OptionError(
                "three levels are analysed by REML, which needs the rows; stored answers have "
                "none. Leave `within` out, or read the columns into memory."
            )
        found = cluster_sums(data, names, cluster)
        rows = [one_way(name, sums, cluster, confidence_level) for name, sums in found.items()]
        return pd.DataFrame(rows, index=pd.Index(names, name="item"))[list(COLUMNS)]
    numbers = items_apart_from_cluster(data, names, cluster)
    columns = list(COLUMNS)
    if within is None:
        rows = [
            _one_way(numbers[name], data[cluster], cluster, confidence_level)
            for name in numbers.columns
        ]
        return pd.DataFrame(rows, index=pd.Index(numbers.columns, name="item"))[columns]
    items_apart_from_cluster(data, names, within)
    if within == cluster:
        raise OptionError(f'"{cluster}" is both the cluster and what it lies within.')
    both = [_nested(data, str(name), cluster, within, confidence_level) for name in numbers.columns]
    index = pd.MultiIndex.from_product(
        [numbers.columns, [within, cluster]], names=["item", "level"]
    )
    return pd.DataFrame([row for pair in both for row in pair], index=index)[columns]


def _one_way(
    answers: pd.Series, clusters: pd.Series, cluster: str, confidence_level: float
) -> dict[str, float | int | str]:
    used = answers.notna() & clusters.notna()
    y = answers[used].to_numpy()
    codes, _ = pd.factorize(clusters[used])
    sizes = np.bincount(codes)
    means = np.bincount(codes, y) / sizes
    sums = Sums(sizes, means, float(((y - means[codes]) ** 2).sum()), len(answers) - len(y))
    return one_way(str(answers.name), sums, cluster, confidence_level)


def _nested(
    data: pd.DataFrame, item: str, cluster: str, within: str, confidence_level: float
) -> tuple[dict[str, float | int | str], dict[str, float | int | str]]:
    """Give the rows of the larger unit and of the cluster, by REML."""
    found = variance_components(
        data, item, levels=[within, cluster], confidence_level=confidence_level
    )
    numbers = ["estimate", "share", "share.ci.lower", "share.ci.upper"]
    parts = found.components[numbers].to_numpy(dtype=float)
    (outer, inner, rest), of_outer, residual = parts[:, 0], parts[0, 1:], parts[2, 1:]
    total = outer + inner + rest
    used = data[[item, within, cluster]].dropna()
    sizes = used.groupby([within, cluster], observed=True)[item].size()
    larger = sizes.groupby(level=0, observed=True)
    weights = larger.apply(lambda n: float((n**2).sum())) / larger.sum() ** 2
    of_larger = outer / (outer + inner * weights + rest / larger.sum())
    of_cluster = (outer + inner) / (outer + inner + rest / sizes)
    n = int(sizes.sum())
    kish = (outer * (larger.sum() ** 2).sum() + inner * (sizes**2).sum()) / n + rest
    pvalues = found.tests["pvalue"].to_numpy(dtype=float)

    def row(
        depth: int, correlation: Array, counts: pd.Series, reliable: pd.Series
    ) -> dict[str, float | int | str]:
        note = repeated_ids(used, cluster, within) if depth else ""
        if not parts[depth, 0] > 0:
            note = f"{note} The variance is estimated as 0.".strip()
        return {
            **dict.fromkeys(COLUMNS, np.nan),
            **_limited("icc1", correlation),
            "icc1_used": float(correlation[0]),
            **_limited("share", parts[depth, 1:]),
            **quartiles(reliable.to_numpy(dtype=float)),
            "pvalue": float(pvalues[depth]),
            "tau2": float(parts[depth, 0]),
            "sigma2": float(rest),
            "design_effect": float(kish / total),
            "n_clusters": len(counts),
            "mean_size": n / len(counts),
            "n_single": int((counts == 1).sum()),
            "n": n,
            "dropped": len(data) - n,
            "note": note,
        }

    # Members of one cluster share all but the residual variance.
    return (
        row(0, of_outer, larger.sum(), of_larger),
        row(1, 1 - residual[[0, 2, 1]], sizes, of_cluster),
    )


def _limited(name: str, values: Array) -> dict[str, float]:
    """Name an estimate and its limits."""
    ends = ("", ".ci.lower", ".ci.upper")
    return {f"{name}{end}": float(value) for end, value in zip(ends, values, strict=True)}


def answers_needed(
    icc1: float | Sequence[float] | pd.Series | pd.DataFrame, *, reliability: float = 0.70
) -> pd.DataFrame:
    """How many answers a cluster needs for its mean to be reliable.

    Parameters
    ----------
    icc1
        ICC(1) of one or more items; or the table that `icc` gives, whose intervals are used too.
    reliability
        That a mean is to have at least.

    Returns
    -------
    pandas.DataFrame
        One row an ICC(1), under its index: `icc1 answers answers.ci.lower answers.ci.upper`.
        `answers` is r (1 - ICC) / ((1 - r) ICC), rounded up: Spearman and Brown's formula solved
        for the length, infinite where ICC(1) is not above 0. The lower limit is that of the upper
        limit of ICC(1); NaN without an interval.

    Raises
    ------
    OptionError
        `reliability` outside 0 to 1.
    DataError
        An ICC(1) of 1 or more.

    Examples
    --------
    >>> answers_needed([0.05, 0.10])["answers"].tolist()
    [45.0, 21.0]
    """
    if not 0 < reliability < 1:
        raise OptionError(f"reliability is {reliability}, but must lie between 0 and 1, as 0.7.")
    if isinstance(icc1, pd.DataFrame):
        table = icc1[["icc1", "icc1.ci.lower", "icc1.ci.upper"]].astype(float)
    else:
        values = icc1 if isinstance(icc1, pd.Series) else pd.Series(np.atleast_1d(icc1))
        table = pd.DataFrame({"icc1": values.astype(float)})
        table["icc1.ci.lower"] = table["icc1.ci.upper"] = np.nan
    if (table["icc1"] >= 1).any():
        raise DataError("an ICC(1) is 1 or more; it must lie below 1.")

    def needed(values: pd.Series) -> Array:
        rho = values.to_numpy()
        above = np.where(rho > 0, rho, np.nan)
        answers = reliability * (1 - above) / ((1 - reliability) * above)
        # A whole number that rounding left just above itself stays.
        rounded = np.maximum(np.ceil(answers * (1 - 1e-12)), 1.0)
        return np.where(np.isnan(rho), np.nan, np.where(rho > 0, rounded, np.inf))

    return pd.DataFrame(
        {
            "icc1": table["icc1"],
            "answers": needed(table["icc1"]),
            "answers.ci.lower": needed(table["icc1.ci.upper"]),
            "answers.ci.upper": needed(table["icc1.ci.lower"]),
        },
        index=table.index,
    )
