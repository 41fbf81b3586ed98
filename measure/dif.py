"""Does an item work alike for groups that are alike? Differential item functioning."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from measure.checks import numeric_items
from measure.display import render_html, render_text
from measure.errors import DataError, OptionError
from measure.moments.ordinal.codes import MOST_CATEGORIES
from measure.multiplicity import corrected
from measure.proportional_odds import OddsFit, proportional_odds

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

FEWEST_IN_GROUP = 20


@dataclass(frozen=True, eq=False)
class ItemFunctioning:
    """Tests of differential item functioning of each item of a scale.

    Attributes
    ----------
    table
        One row an item: `chisq df pvalue pvalue.holm` of any difference between groups at the same
        standing on the scale; `chisq.uniform pvalue.uniform` of a shift and `chisq.nonuniform
        pvalue.nonuniform` of another slope; `r2.uniform r2.nonuniform`, what these add to
        Nagelkerke's R²; `largest`, the largest shift of a group from the first group, in log odds;
        `flag`, whether the corrected p-value is below `alpha`; `n`, respondents; `note`, why an
        item has no test.
    anchors
        The items that standing on the scale was measured by in the end, besides the item itself.
    groups
        The groups and their number of respondents; the first is the one that others shift from.
    alpha
        Level of the flags.
    n_clusters
        Clusters that the tests rest on, None without.
    notes
        What the reader has to know.
    """

    table: pd.DataFrame
    anchors: tuple[str, ...]
    groups: "pd.Series[int]"
    alpha: float
    n_clusters: int | None
    notes: tuple[str, ...]

    def _facts(self) -> dict[str, object]:
        sizes = ", ".join(f"{group}: {n}" for group, n in self.groups.items())
        facts: dict[str, object] = {"groups": sizes, "level": self.alpha}
        if self.n_clusters is not None:
            facts["clusters"] = self.n_clusters
        return facts | {f"note {i}": note for i, note in enumerate(self.notes, start=1)}

    def __repr__(self) -> str:
        return render_text("Differential item functioning", self._facts(), {"Items": self.table})

    def _repr_html_(self) -> str:
        return render_html("Differential item functioning", self._facts(), {"Items": self.table})


def differential_functioning(
    data: pd.DataFrame,
    items: Sequence[str],
    *,
    group: str,
    cluster: str | None = None,
    purify: str = "forward",
    alpha: float = 0.05,
) -> ItemFunctioning:
    """Differential item functioning by ordinal logistic regression.

    Parameters
    ----------
    data
        One row a respondent: the items of one scale, already reverse-keyed where they should be,
        and the columns of groups and clusters. Rows without a group (or cluster) are left out.
    items
        The items, at least three.
    group
        Column of the groups, at least two of 20 respondents or more; the largest is the first.
    cluster
        Column of clusters: Wald tests from sums over clusters take the place of likelihood ratios.
    purify
        `"forward"`: the anchor that differs most clearly is left out of standing on the scale and
        all is tested again, until no anchor differs; `"none"`: all items are anchors.
    alpha
        Level of a flag, after Holm's correction for the number of items.

    Returns
    -------
    ItemFunctioning

    Raises
    ------
    DataError
        Items that cannot be analysed or have more than 12 categories; fewer than two groups, or
        a group of fewer than 20.
    OptionError
        An unknown column or an unknown way to purify.

    Notes
    -----
    Each item is regressed on standing, on standing and group, and on both and their product, by
    proportional odds (Zumbo 1999; Crane et al. 2006). Standing is the mean of the answered anchors
    and the item itself, standardised. Nagelkerke's R² added below .035 is called negligible, from
    .07 large (Jodoin & Gierl 2001); effects, not p-values, decide what to do. A purified anchor is
    still chosen by tests: with many items that differ alike it may be the wrong one.
    """
    if purify not in ("forward", "none"):
        raise OptionError(f'unknown purify {purify!r}. Choose one of: "forward", "none".')
    names = list(items)
    answers, groups, clusters = _rows(data, names, group, cluster)
    labels, order = _groups(groups)
    codes = {name: _codes(name, answers[name]) for name in names}
    left_out: set[str] = set()
    while True:
        anchors = tuple(name for name in names if name not in left_out)
        table = _table(codes, answers, anchors, (labels, len(order)), clusters, alpha)
        found = table.loc[list(anchors)]
        found = found[found["flag"].astype(bool)]
        if purify == "none" or found.empty or len(anchors) == 1:
            break
        left_out.add(str(found["chisq"].astype(float).idxmax()))
    notes: tuple[str, ...] = ()
    if len(anchors) == 1 and purify != "none":
        notes = (
            "Item after item was left out until one was left: too many differ for standing on the "
            "scale to be measured alike in the groups.",
        )
    table.index.name = "item"
    return ItemFunctioning(
        table=table,
        anchors=anchors,
        groups=order,
        alpha=alpha,
        n_clusters=None if clusters is None else int(clusters.max()) + 1,
        notes=notes,
    )


def _table(
    codes: Mapping[str, Codes],
    answers: pd.DataFrame,
    anchors: Sequence[str],
    groups: tuple[Codes, int],
    clusters: Codes | None,
    alpha: float,
) -> pd.DataFrame:
    rows = {
        name: _tests(own, _standing(answers, anchors, name), groups, clusters)
        for name, own in codes.items()
    }
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.insert(3, "pvalue.holm", corrected(table["pvalue"].to_numpy(float), "holm"))
    table["flag"] = table["pvalue.holm"] < alpha
    return table


def _rows(
    data: pd.DataFrame, items: list[str], group: str, cluster: str | None
) -> tuple[pd.DataFrame, "pd.Series[Any]", Codes | None]:
    for column in (group, cluster):
        if column is not None and list(data.columns).count(column) != 1:
            raise OptionError(f'the data need one column "{column}".')
    answers = numeric_items(data, items, minimum_items=3, minimum_rows=2 * FEWEST_IN_GROUP)
    keep = data[group].notna() & answers.notna().any(axis=1)
    if cluster is not None:
        keep &= data[cluster].notna()
    used = data.loc[keep]
    clusters = None if cluster is None else pd.factorize(used[cluster])[0].astype(np.intp)
    return answers[keep], used[group], clusters


def _groups(values: "pd.Series[Any]") -> tuple[Codes, "pd.Series[int]"]:
    """Number of each row's group, the largest first, and their sizes."""
    sizes = values.value_counts()
    if len(sizes) < 2:
        raise DataError("there is one group only; differences need at least two.")
    small = sizes[sizes < FEWEST_IN_GROUP]
    if len(small):
        raise DataError(
            f'the group "{small.index[0]}" has {small.iloc[0]} respondents, at least '
            f"{FEWEST_IN_GROUP} are needed. Join groups, or leave it out."
        )
    return sizes.index.get_indexer(pd.Index(values)).astype(np.intp), sizes


def _codes(name: str, answers: "pd.Series[float]") -> Codes:
    """Category numbers from 0, -1 where an answer is missing."""
    found = np.sort(answers.dropna().unique())
    if len(found) > MOST_CATEGORIES:
        raise DataError(
            f'item "{name}" has {len(found)} different answers; up to {MOST_CATEGORIES} ordered '
            "categories can be tested."
        )
    values = answers.to_numpy(dtype=float)
    return np.where(np.isnan(values), -1, np.searchsorted(found, values)).astype(np.intp)


def _standing(answers: pd.DataFrame, anchors: Sequence[str], item: str) -> Array:
    """Mean of the answered anchors and the item, standardised; (n_obs,)."""
    chosen = [name for name in answers.columns if name in anchors or name == item]
    mean = answers[chosen].mean(axis=1)
    return np.asarray((mean - mean.mean()) / mean.std(), dtype=float)


def _tests(
    codes: Codes, standing: Array, groups: tuple[Codes, int], clusters: Codes | None
) -> dict[str, object]:
    """Tests of one item, from the respondents who answered it; `groups` are labels and number."""
    labels, n_groups = groups
    use = (codes >= 0) & ~np.isnan(standing)
    y = codes[use]
    y = np.unique(y, return_inverse=True)[1].astype(np.intp)
    at = standing[use, None]
    dummies = (labels[use, None] == np.arange(1, n_groups)).astype(float)
    own = None if clusters is None else np.unique(clusters[use], return_inverse=True)[1]
    row: dict[str, object] = dict.fromkeys(
        ("chisq", "df", "pvalue", "chisq.uniform", "pvalue.uniform", "chisq.nonuniform",
         "pvalue.nonuniform", "r2.uniform", "r2.nonuniform", "largest"), np.nan
    )  # fmt: skip
    row |= {"n": int(use.sum()), "note": ""}
    if (dummies.sum(axis=0) == 0).any() or dummies.all(axis=1).all():
        return row | {"note": "a group has no answers"}
    none = proportional_odds(y, at)
    shift = proportional_odds(y, np.hstack([at, dummies]), start=none.params)
    slope = proportional_odds(y, np.hstack([at, dummies, at * dummies]), start=shift.params)
    if not (none.converged and shift.converged and slope.converged):
        return row | {"note": "the regression has no maximum: groups hardly share categories"}
    df = n_groups - 1
    if own is not None and int(own.max()) < 2 * df:
        return row | {"note": "fewer clusters than the tests have degrees of freedom, and one more"}
    both = _difference(slope, none, 2 * df, own)
    uniform = _difference(shift, none, df, own)
    nonuniform = _difference(slope, shift, df, own)
    empty = proportional_odds(y, np.empty((len(y), 0)))
    r2 = [_nagelkerke(one.logl, empty.logl, len(y)) for one in (none, shift, slope)]
    shifts = shift.params[-df:]
    return row | {
        "chisq": both,
        "df": 2 * df,
        "pvalue": float(stats.chi2.sf(both, 2 * df)),
        "chisq.uniform": uniform,
        "pvalue.uniform": float(stats.chi2.sf(uniform, df)),
        "chisq.nonuniform": nonuniform,
        "pvalue.nonuniform": float(stats.chi2.sf(nonuniform, df)),
        "r2.uniform": r2[1] - r2[0],
        "r2.nonuniform": r2[2] - r2[1],
        "largest": float(shifts[np.abs(shifts).argmax()]),
    }


def _difference(larger: OddsFit, smaller: OddsFit, df: int, clusters: Codes | None) -> float:
    """Likelihood ratio of the last `df` slopes, or their Wald test over clusters."""
    if clusters is None:
        return max(2 * (larger.logl - smaller.logl), 0.0)
    last = larger.params[-df:]
    V = larger.covariance(clusters.astype(np.intp))[-df:, -df:]
    return float(last @ np.linalg.solve(V, last))


def _nagelkerke(logl: float, empty: float, n: int) -> float:
    """Nagelkerke (1991, Equation 3): Cox & Snell's R² over its largest value."""
    return float((1 - np.exp(2 * (empty - logl) / n)) / (1 - np.exp(2 * empty / n)))
