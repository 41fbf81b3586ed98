"""Differential item functioning under the graded response model: likelihood ratios, score tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from measure.checks import known_option
from measure.comparability.multiplicity import CORRECTIONS, corrected
from measure.display import render_html, render_text
from measure.errors import DataError, OptionError
from measure.functioning.dif_answers import GroupedAnswers, grouped_answers
from measure.functioning.graded_groups import GroupedGrades, fit_groups
from measure.functioning.score_tests import ScoreTest, score_test
from measure.moments.asymptotic import few_clusters_note

Array = NDArray[np.float64]
Codes = NDArray[np.intp]
NAN = float("nan")

ANCHORS = ("all-others", "purified")
FEWEST_ANCHORS = 2


@dataclass(frozen=True, eq=False)
class IrtFunctioning:
    """Tests of differential item functioning under a graded response model of several groups.

    Attributes
    ----------
    table
        One row a tested item: `chisq df df2 pvalue pvalue.corrected` of any difference of its slope
        and cuts; `chisq.uniform df.uniform pvalue.uniform` of the cuts at one slope, and
        `chisq.nonuniform df.nonuniform pvalue.nonuniform` of the slopes with the cuts free;
        `points`, the largest difference of the expected answer, in points of the answer scale; and
        `flag`. `df2` are the denominator's of the F distribution, NaN without clusters.
    parameters
        One row a tested item and group, from the model in which the item is free: `item group
        discrimination b1 b2 ...`, then `points points.absolute`, the mean over the group's own
        distribution of what its members are expected to answer less what members of the first
        group of the same ability are, with sign and without; 0 in the first.
    standing
        One row a group: `n mean sd` of ability, 0 and 1 in the first, of the last model with all
        items constrained that do not differ.
    rounds
        One row a round of purification: `freed flagged`, items in one text.
    anchors
        The items that work alike in all groups in every model, a tested item excepted.
    correction, alpha
        Of the flags.
    n_clusters
        Clusters that the tests rest on, None without.
    notes
        What the reader has to know.
    """

    table: pd.DataFrame
    parameters: pd.DataFrame
    standing: pd.DataFrame
    rounds: pd.DataFrame
    anchors: tuple[str, ...]
    correction: str
    alpha: float
    n_clusters: int | None
    notes: tuple[str, ...]

    def _report(self) -> tuple[str, dict[str, object], dict[str, pd.DataFrame]]:
        facts: dict[str, object] = {"level": self.alpha, "correction": self.correction}
        if self.n_clusters is not None:
            facts["clusters"] = self.n_clusters
        facts["rounds"] = len(self.rounds)
        facts |= {f"note {i}": note for i, note in enumerate(self.notes, start=1)}
        tables = {"Items": self.table, "Ability": self.standing}
        return "Differential item functioning (graded response)", facts, tables

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def irt_differential_functioning(
    data: pd.DataFrame,
    items: Sequence[str],
    *,
    group: str,
    anchors: str | Sequence[str] = "all-others",
    cluster: str | None = None,
    correction: str = "holm",
    alpha: float = 0.05,
) -> IrtFunctioning:
    """Differential item functioning by a graded response model of several groups.

    Parameters
    ----------
    data, items, group, cluster
        As for `differential_functioning`. Respondents use the answers they gave.
    anchors
        "all-others": each item is tested with all others alike in the groups. "purified": the item
        that differs most clearly is set free, and all are tested again, until no other differs.
        A list of items: these are alike, and each other item is tested with the rest of the others
        free.
    correction
        "holm"; "bh" for the false discovery rate (see `multiplicity`); "none".
    alpha
        Level of a flag, after the correction for the number of items tested.

    Returns
    -------
    IrtFunctioning

    Raises
    ------
    DataError
        As `differential_functioning`; an item of which the groups share fewer than two categories;
        answers to which the model cannot be fitted.
    OptionError
        An unknown column, correction or anchor, or no item left to test.

    Notes
    -----
    Without clusters the tests are likelihood ratios of models in which the item has slope and cuts
    of its own in each group, or in all groups the same, with means and sds of ability free in all
    groups but the first (Thissen, Steinberg & Wainer 1993). With clusters the likelihood is no
    longer one of independent respondents, and score tests over clusters from the smaller model take
    their place (see `score_tests`). A category that a group does not use is joined with its
    neighbour, which `notes` tells.

    The likelihoods are those of the library mirt, which a test compares; it is not used because it
    takes clusters for nothing, and about 300 times as long.
    """
    known_option("correction", correction, CORRECTIONS)
    answers, notes = _shared(grouped_answers(data, items, group, cluster))
    chosen = _chosen(answers, anchors)
    free = frozenset() if chosen is None else frozenset(answers.items) - chosen
    tested = answers.items if chosen is None else tuple(n for n in answers.items if n in free)
    rounds = []
    while True:
        models = _Models(answers, free)
        found = {name: _item(models, name) for name in tested}
        table = _table(found, correction, alpha)
        flagged = list(table.index[table["flag"]])
        rounds.append({"freed": ", ".join(sorted(free)), "flagged": ", ".join(flagged)})
        differing = table.loc[[name for name in flagged if name not in free]]
        if anchors != "purified" or differing.empty:
            break
        if len(answers.items) - len(free) <= FEWEST_ANCHORS:
            notes = (*notes, "Too many items differ for ability to be measured alike in groups.")
            break
        order = differing.sort_values(["pvalue", "chisq"], ascending=[True, False])
        free |= {str(order.index[0])}
    few = few_clusters_note(answers.n_clusters)
    return IrtFunctioning(
        table=table,
        parameters=pd.concat([one.parameters for one in found.values()], ignore_index=True),
        standing=pd.DataFrame(
            {
                "n": answers.groups.to_numpy(),
                "mean": models.base.means,
                "sd": models.base.sds,
            },
            index=pd.Index(answers.groups.index, name="group"),
        ),
        rounds=pd.DataFrame(rounds, index=pd.RangeIndex(1, len(rounds) + 1, name="round")),
        anchors=tuple(name for name in answers.items if name not in free),
        correction=correction,
        alpha=alpha,
        n_clusters=answers.n_clusters,
        notes=(*notes, *answers.notes(), *([few] if few else [])),
    )


def _chosen(answers: GroupedAnswers, anchors: str | Sequence[str]) -> frozenset[str] | None:
    """Give the anchors that were named; None where a way to choose them was."""
    if isinstance(anchors, str):
        known_option("anchors", anchors, ANCHORS)
        return None
    unknown = [name for name in anchors if name not in answers.items]
    if unknown:
        raise OptionError(f'the anchor "{unknown[0]}" is none of the items.')
    if not len(anchors) or len(set(anchors)) == len(answers.items):
        raise OptionError("at least one item has to be an anchor, and at least one has to be none.")
    return frozenset(anchors)


def _shared(answers: GroupedAnswers) -> tuple[GroupedAnswers, tuple[str, ...]]:
    """Join categories that a group does not use with their neighbours."""
    codes, values, notes = answers.codes.copy(), [], []
    for k, (name, old) in enumerate(zip(answers.items, answers.values, strict=True)):
        column = answers.codes[:, k]
        used = np.array(
            [
                np.bincount(column[(answers.labels == g) & (column >= 0)], minlength=len(old)) > 0
                for g in range(answers.n_groups)
            ]
        ).all(axis=0)
        if used.sum() < 2:
            raise DataError(
                f'the groups share fewer than two categories of item "{name}". Leave it out, or '
                "join groups."
            )
        # A category goes with the next lower one that all use, the lowest with the next higher.
        target = np.maximum(np.cumsum(used) - 1, 0)
        codes[:, k] = np.where(column < 0, -1, target[np.maximum(column, 0)])
        # What answers that were joined stand for: their mean.
        means = [float(old[column[codes[:, k] == one]].mean()) for one in range(int(used.sum()))]
        values.append(np.array(means))
        if not used.all():
            joined = ", ".join(f"{value:g}" for value in old[~used])
            notes.append(
                f'Item "{name}": a group does not use {joined}; joined with a neighbouring answer.'
            )
    return replace(answers, codes=codes, values=tuple(values)), tuple(notes)


class _Models:
    """Fits in which some items are free in each group, each of them made once."""

    def __init__(self, answers: GroupedAnswers, free: frozenset[str]) -> None:
        self.answers = answers
        self.free = free
        self._made: dict[tuple[frozenset[str], str | None], GroupedGrades] = {}

    @property
    def base(self) -> GroupedGrades:
        """The model of the round."""
        return self.fit(self.free)

    def fit(self, free: frozenset[str], tied: str | None = None) -> GroupedGrades:
        """Fit the model in which items are free in each group, one of them but for its slope."""
        if (free, tied) not in self._made:
            codes, places = _split(self.answers, free)
            ties = () if tied is None else tuple(places[tied])
            model = fit_groups(codes, self.answers.labels, tied=ties)
            if not model.converged:
                names = ", ".join(sorted(free)) or "no item"
                raise DataError(
                    f"no graded response model was found in which {names} differs between groups. "
                    "Look for items that hardly go with the others, and for groups in which rare "
                    "categories have next to no answers."
                )
            self._made[free, tied] = model
        return self._made[free, tied]


def _split(answers: GroupedAnswers, free: frozenset[str]) -> tuple[Codes, dict[str, list[int]]]:
    """Make an item of its own for each group of each item that is free; and where they stand."""
    columns: list[Codes] = []
    places: dict[str, list[int]] = {}
    for k, name in enumerate(answers.items):
        column = answers.codes[:, k]
        own = [column]
        if name in free:
            own = [np.where(answers.labels == g, column, -1) for g in range(answers.n_groups)]
        places[name] = list(range(len(columns), len(columns) + len(own)))
        columns += own
    return np.column_stack(columns), places


@dataclass(frozen=True, eq=False)
class _ItemTests:
    tests: Mapping[str, ScoreTest]
    parameters: pd.DataFrame


def _item(models: _Models, name: str) -> _ItemTests:
    """Test an item, and describe it in the model in which it is free."""
    answers = models.answers
    smaller, larger = models.fit(models.free - {name}), models.fit(models.free | {name})
    if answers.clusters is None:
        tied = models.fit(models.free | {name}, name)
        more = answers.n_groups - 1
        n_cuts = len(answers.values[answers.items.index(name)]) - 1
        tests = {
            "any": _ratio(larger, smaller, more * (n_cuts + 1)),
            "uniform": _ratio(tied, smaller, more * n_cuts),
            "nonuniform": _ratio(larger, tied, more),
        }
    else:
        tests = _scores(models, smaller, name, answers.clusters)
    return _ItemTests(tests, _described(models, larger, name))


def _ratio(larger: GroupedGrades, smaller: GroupedGrades, df: int) -> ScoreTest:
    statistic = max(2 * (larger.logl - smaller.logl), 0.0)
    return ScoreTest(statistic, df, NAN, float(stats.chi2.sf(statistic, df)))


def _scores(
    models: _Models, smaller: GroupedGrades, name: str, clusters: Codes
) -> dict[str, ScoreTest]:
    """Score tests of an item's own slope and cuts in each group but the first."""
    answers = models.answers
    place = _split(answers, models.free - {name})[1][name][0]
    own = smaller.scores[:, smaller.places(place)]
    member = answers.membership
    slopes = member * own[:, :1]
    cuts = (member[:, :, None] * own[:, None, 1:]).reshape(len(own), -1)

    def test(new: Array, kept: Array) -> ScoreTest:
        both = np.hstack([kept, new])
        return score_test(new, kept, both.T @ both, clusters)

    return {
        "any": test(np.hstack([cuts, slopes]), smaller.scores),
        "uniform": test(cuts, smaller.scores),
        "nonuniform": test(slopes, np.hstack([smaller.scores, cuts])),
    }


def _described(models: _Models, larger: GroupedGrades, name: str) -> pd.DataFrame:
    """Parameters of an item in each group, and what their difference does to answers."""
    answers = models.answers
    values = answers.values[answers.items.index(name)]
    places = _split(answers, models.free | {name})[1][name]
    z = np.linspace(-4, 4, 81)
    weights = stats.norm.pdf(z) / stats.norm.pdf(z).sum()
    rows = []
    for g, place in enumerate(places):
        slope, cuts = larger.slopes[place], larger.cuts[place]
        ability = larger.means[g] + larger.sds[g] * z
        own, first = (larger.expected(at, ability, values) for at in (place, places[0]))
        rows.append(
            {"item": name, "group": answers.groups.index[g], "discrimination": slope}
            | {f"b{k}": cut / slope for k, cut in enumerate(cuts, start=1)}
            | {
                "points": float(weights @ (own - first)),
                "points.absolute": float(weights @ np.abs(own - first)),
            }
        )
    return pd.DataFrame(rows)


def _table(found: Mapping[str, _ItemTests], correction: str, alpha: float) -> pd.DataFrame:
    rows = {}
    for name, one in found.items():
        overall = one.tests["any"]
        row: dict[str, object] = {
            "chisq": overall.statistic,
            "df": overall.df,
            "df2": overall.df2,
            "pvalue": overall.pvalue,
        }
        for kind in ("uniform", "nonuniform"):
            test = one.tests[kind]
            row |= {f"chisq.{kind}": test.statistic, f"df.{kind}": test.df}
            row |= {f"pvalue.{kind}": test.pvalue}
        points = one.parameters["points"].to_numpy(dtype=float)
        rows[name] = row | {"points": float(points[np.abs(points).argmax()])}
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.insert(4, "pvalue.corrected", corrected(table["pvalue"].to_numpy(), correction))
    table["flag"] = table["pvalue.corrected"] < alpha
    table.index.name = "item"
    return table
