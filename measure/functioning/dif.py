"""Does an item work alike for groups that are alike? Differential item functioning."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from measure.checks import known_option
from measure.comparability.multiplicity import corrected
from measure.errors import DataError
from measure.functioning.dif_answers import GroupedAnswers, grouped_answers
from measure.functioning.dif_regression import (
    JODOIN_GIERL,
    ZUMBO,
    ItemRegressions,
    called,
    item_regressions,
)
from measure.functioning.dif_result import ItemFunctioning
from measure.functioning.graded_groups import GroupedGrades, fit_groups
from measure.moments.asymptotic import few_clusters_note, sums_by_cluster

Array = NDArray[np.float64]
NAN = float("nan")

PURIFY = ("forward", "iterative", "none")
FEWEST_ANCHORS = 3
"""Slopes of fewer items are not determined by their answers."""


def differential_functioning(
    data: pd.DataFrame,
    items: Sequence[str],
    *,
    group: str,
    cluster: str | None = None,
    purify: str = "forward",
    alpha: float = 0.05,
) -> ItemFunctioning:
    """Differential item functioning by ordinal logistic regression on latent standing.

    Parameters
    ----------
    data
        One row a respondent: the items of one scale, already reverse-keyed where they should be,
        and the columns of groups and clusters. Rows without a group (or cluster) are left out.
    items
        The items, at least three.
    group
        Column of the groups, 2 to 30 of 20 respondents or more; the largest is the first.
    cluster
        Column of clusters, the largest units within which answers resemble each other: scores are
        summed within them.
    purify
        `"forward"`: the anchor that differs most clearly is left out of standing and all is tested
        again, until no anchor differs; `"iterative"`: all flagged items are left out together, and
        come back where they are no longer flagged, until nothing changes; `"none"`: all items are
        anchors. Three anchors are always kept.
    alpha
        Level of a flag, after Holm's correction for the number of items.

    Returns
    -------
    ItemFunctioning

    Raises
    ------
    DataError
        Items that cannot be analysed or have more than 12 categories; fewer than two groups, more
        than 30, or one of fewer than 20; answers that no graded response model can be fitted to.
    OptionError
        An unknown column or an unknown way to purify.

    Notes
    -----
    Each item is regressed on standing, on standing and group, and on both and their product, by
    proportional odds (Zumbo 1999; Crane et al. 2006). Standing is the mean of the latent variable
    given the answers to the other anchors and the group, under a graded response model in which
    the groups differ in mean and spread. Sums of answers, and latent scores that leave the group
    out, are biased towards the mean of all, so that groups which stand apart seem to answer
    differently at the same standing (Millsap & Everson 1993; DeMars 2010); the mean given the group
    is not, whatever the reliability. The tests are generalised score tests (Boos 1992; see
    `score_tests`): their variance is that of the scores themselves, summed within clusters, and
    counts that the groups' means and sds were estimated too. Without clusters each respondent is
    one.

    The sum of what a shift and another slope add to R² is called negligible below .13 and large
    from .26 by Zumbo (1999), below .035 and from .07 by Jodoin & Gierl (2001). Effects, not
    p-values, decide what to do. A purified anchor is still chosen by tests: with many items that
    differ alike it may be the wrong one. In a scale of three items nothing can be left out, and an
    item that differs makes the others seem to differ the other way.
    """
    known_option("purify", purify, PURIFY)
    answers = grouped_answers(data, items, group, cluster)
    search = _purified(answers, purify, alpha)
    effects = _effects(answers, search)
    return ItemFunctioning(
        table=search.table,
        differences=_differences(answers, search.regressions),
        effects=effects,
        standing=pd.DataFrame(
            {
                "n": answers.groups.to_numpy(),
                "mean": search.model.means,
                "sd": search.model.sds,
            },
            index=pd.Index(answers.groups.index, name="group"),
        ),
        rounds=search.rounds,
        anchors=search.anchors,
        groups=answers.groups,
        alpha=alpha,
        n_clusters=answers.n_clusters,
        notes=(*search.notes, *answers.notes(), *_few(answers.n_clusters)),
    )


@dataclass(frozen=True, eq=False)
class _Search:
    """Tests by the anchors of one round, or of the last."""

    table: pd.DataFrame
    regressions: Mapping[str, ItemRegressions]
    model: GroupedGrades
    anchors: tuple[str, ...]
    rounds: pd.DataFrame
    notes: tuple[str, ...] = ()

    @cached_property
    def flagged(self) -> frozenset[str]:
        """The items that differ more clearly than chance."""
        return frozenset(self.table.index[self.table["flag"]])


def _purified(answers: GroupedAnswers, purify: str, alpha: float) -> _Search:
    """Leave flagged items out of standing, round by round."""
    rounds: list[dict[str, str]] = []
    seen: list[frozenset[str]] = []
    left_out: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    while True:
        now = _tested(answers, left_out, alpha)
        rounds.append({"left_out": _listed(left_out), "flagged": _listed(now.flagged)})
        seen.append(left_out)
        wanted = _next(now, left_out, purify)
        if wanted == left_out:
            break
        if wanted in seen:
            notes = (
                "Purification went round in a circle: some flagged items of the last round differ "
                "only by some of the anchors.",
            )
            break
        left_out = wanted
    if purify != "none" and now.flagged - left_out and not notes:
        notes = (
            f"More items differ than can be left out of standing, which needs {FEWEST_ANCHORS} "
            "anchors: it may not be measured alike in the groups, and other items than those "
            "flagged may be the ones that differ.",
        )
    index = pd.RangeIndex(1, len(rounds) + 1, name="round")
    return replace(now, rounds=pd.DataFrame(rounds, index), notes=notes)


def _next(now: _Search, left_out: frozenset[str], purify: str) -> frozenset[str]:
    """Items to leave out in the next round; so many at most that the fewest anchors are kept."""
    clearest: list[str] = []
    if now.flagged:
        order = now.table.sort_values(["pvalue", "chisq"], ascending=[True, False]).index
        clearest = [str(name) for name in order if name in now.flagged]
    most = len(now.table) - FEWEST_ANCHORS
    if purify == "iterative":
        return frozenset(clearest[:most])
    more = [name for name in clearest if name not in left_out]
    if purify == "none" or not more or len(left_out) >= most:
        return left_out
    return left_out | {more[0]}


def _tested(answers: GroupedAnswers, left_out: frozenset[str], alpha: float) -> _Search:
    """Test every item by the anchors that are not left out."""
    places = [k for k, name in enumerate(answers.items) if name not in left_out]
    model = fit_groups(answers.codes[:, places], answers.labels)
    if not model.converged:
        raise DataError(
            "no graded response model of the groups was found for the items "
            f"{', '.join(answers.items[k] for k in places)}. Look for items that hardly go with "
            "the others or turn the wrong way, and for categories that hardly anybody used."
        )
    rows: list[dict[str, object]] = []
    regressions = {}
    for k, name in enumerate(answers.items):
        others = model.standing(without=places.index(k) if k in places else None)
        found = item_regressions(answers, k, others)
        if isinstance(found, ItemRegressions):
            regressions[name] = found
        rows.append(_row(found, int((answers.codes[:, k] >= 0).sum())))
    columns = {column: [row[column] for row in rows] for column in rows[0]}
    table = pd.DataFrame(columns, index=pd.Index(answers.items))
    table.insert(4, "pvalue.holm", corrected(table["pvalue"].to_numpy(), "holm"))
    table["flag"] = table["pvalue.holm"] < alpha
    table.index.name = "item"
    anchors = tuple(answers.items[k] for k in places)
    return _Search(table, regressions, model, anchors, pd.DataFrame())


def _row(found: ItemRegressions | str, n: int) -> dict[str, object]:
    if isinstance(found, str):
        numbers = (
            *("chisq", "df", "df2", "pvalue", "chisq.uniform", "pvalue.uniform"),
            *("chisq.nonuniform", "pvalue.nonuniform", "r2.uniform", "r2.nonuniform"),
        )
        nothing: dict[str, object] = dict.fromkeys(numbers, NAN)
        sizes = {"zumbo": "", "jodoin.gierl": "", "largest": NAN, "points": NAN}
        return nothing | sizes | {"n": n, "note": found}
    tests = found.tests()
    uniform, nonuniform = found.added()
    shifts = found.shifts()[0]
    points = np.array([found.points(1 + g)[0] for g in range(len(shifts))])
    untested = np.isnan(tests["any"].pvalue)
    return {
        "chisq": tests["any"].statistic,
        "df": tests["any"].df,
        "df2": tests["any"].df2,
        "pvalue": tests["any"].pvalue,
        "chisq.uniform": tests["uniform"].statistic,
        "pvalue.uniform": tests["uniform"].pvalue,
        "chisq.nonuniform": tests["nonuniform"].statistic,
        "pvalue.nonuniform": tests["nonuniform"].pvalue,
        "r2.uniform": uniform,
        "r2.nonuniform": nonuniform,
        "zumbo": called(uniform + nonuniform, ZUMBO),
        "jodoin.gierl": called(uniform + nonuniform, JODOIN_GIERL),
        "largest": float(shifts[np.abs(shifts).argmax()]),
        "points": float(points[np.abs(points).argmax()]),
        "n": len(found.codes),
        "note": "too few clusters for so many groups" if untested else "",
    }


def _differences(
    answers: GroupedAnswers, regressions: Mapping[str, ItemRegressions]
) -> pd.DataFrame:
    rows = []
    for name, found in regressions.items():
        for g, (shift, se) in enumerate(zip(*found.shifts(), strict=True), start=1):
            signed, absolute = found.points(g)
            rows.append(
                {
                    "item": name,
                    "group": answers.groups.index[g],
                    "shift": shift,
                    "se": se,
                    "points": signed,
                    "points.absolute": absolute,
                }
            )
    columns = ["item", "group", "shift", "se", "points", "points.absolute"]
    return pd.DataFrame(rows, columns=columns)


def _effects(answers: GroupedAnswers, search: _Search) -> pd.DataFrame:
    """What the flagged items do to each group's scale mean."""
    flagged = [search.regressions[name] for name in answers.items if name in search.flagged]
    n_clusters = answers.n_clusters
    t = stats.norm.ppf(0.975) if n_clusters is None else stats.t.ppf(0.975, n_clusters - 1)
    rows = []
    for g in range(1, answers.n_groups):
        each = np.zeros(len(flagged))
        influence = np.zeros(len(answers.labels))
        for j, found in enumerate(flagged):
            each[j], _ = found.points(g)
            influence[found.rows] += found.influence(g)
        n_items = len(answers.items)
        points, absolute = each.sum() / n_items, np.abs(each).sum() / n_items
        se = _spread(influence, answers) / n_items if flagged else NAN
        rows.append(
            {
                "points": float(points),
                "se": se,
                "ci.lower": float(points - t * se),
                "ci.upper": float(points + t * se),
                "points.absolute": float(absolute),
                "cancelled": float(1 - abs(points) / absolute) if absolute > 0 else NAN,
            }
        )
    return pd.DataFrame(rows, index=pd.Index(answers.groups.index[1:], name="group"))


def _spread(influence: Array, answers: GroupedAnswers) -> float:
    """Standard error of a sum of contributions, of rows or of clusters."""
    if answers.clusters is None:
        return float(np.sqrt((influence**2).sum()))
    sums = sums_by_cluster(influence[:, None], answers.clusters)
    return float(np.sqrt((sums**2).sum() * len(sums) / (len(sums) - 1)))


def _few(n_clusters: int | None) -> tuple[str, ...]:
    note = few_clusters_note(n_clusters)
    return (note,) if note else ()


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))
