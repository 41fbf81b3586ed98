"""Change of latent variables between waves, and how it differs between groups."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from measure.display import render_html, render_text
from measure.errors import OptionError
from measure.fitting.fitted import Fit
from measure.occasions.cluster_changes import cluster_changes
from measure.occasions.observed_changes import MEAN, Observed, observed_scores
from measure.occasions.occasions import Layout, Occasions
from measure.occasions.regressions import reach, two_sided
from measure.occasions.wave_fits import Fitting, WaveDesign, design, quantity

COMPARABLE = "intercepts"
"""What has to be equal for latent means to be comparable."""


@dataclass(frozen=True, eq=False)
class LatentChange:
    """How latent variables change between waves.

    Attributes
    ----------
    table
        One row a factor, group and pair of waves: `factor group from to n change se pvalue ci.lower
        ci.upper d d.se d.ci.lower d.ci.upper raw raw.ci.lower raw.ci.upper raw.d`; see
        `latent_change`.
    fit
        The model that the latent changes come from.
    step, released
        Its step of the ladder, and the parameters that were left to differ.
    counts
        `wave group n`.
    n_obs, n_all, n_clusters
        Respondents in the model, those with an answer at every wave, and clusters (None without).
    notes
        What a reader has to know.
    """

    table: pd.DataFrame
    fit: Fit
    step: str
    released: tuple[str, ...]
    counts: pd.DataFrame
    n_obs: int
    n_all: int
    n_clusters: int | None
    notes: tuple[str, ...]

    def _report(self) -> tuple[str, Mapping[str, object], Mapping[str, pd.DataFrame]]:
        return "Latent change", _facts(self), {"Change": self.table, "Respondents": self.counts}

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


@dataclass(frozen=True, eq=False)
class ChangeDifference:
    """How much more latent variables change in one group than in another.

    Attributes
    ----------
    table
        One row a factor, pair of groups and pair of waves: `factor group against from to difference
        se pvalue ci.lower ci.upper d d.se d.ci.lower d.ci.upper raw raw.ci.lower raw.ci.upper
        raw.d`;
        see `change_difference`.
    changes
        The change in each group, as `LatentChange.table`.
    clusters
        The same from one number a cluster, `factor group against from to n_clusters
        n_clusters.against raw se df pvalue ci.lower ci.upper pvalue.permutation`; empty without
        clusters.
    fit, step, released, counts, n_obs, n_all, n_clusters, notes
        As in `LatentChange`.
    """

    table: pd.DataFrame
    changes: pd.DataFrame
    clusters: pd.DataFrame
    fit: Fit
    step: str
    released: tuple[str, ...]
    counts: pd.DataFrame
    n_obs: int
    n_all: int
    n_clusters: int | None
    notes: tuple[str, ...]

    def _report(self) -> tuple[str, Mapping[str, object], Mapping[str, pd.DataFrame]]:
        tables = {"Difference in change": self.table, "Change": self.changes}
        if not self.clusters.empty:
            tables["One number a cluster"] = self.clusters
        return "Difference in change", _facts(self), tables | {"Respondents": self.counts}

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def _facts(result: LatentChange | ChangeDifference) -> dict[str, object]:
    facts: dict[str, object] = {
        "estimator": result.fit.estimator,
        "missing answers": result.fit.missing,
        "equal over waves": result.step,
        "left to differ": ", ".join(result.released) or "nothing",
        "respondents": result.n_obs,
        "with every wave": result.n_all,
    }
    if result.n_clusters is not None:
        facts["clusters"] = result.n_clusters
    return facts | {f"note {k}": note for k, note in enumerate(result.notes, start=1)}


def latent_change(
    model: str,
    data: pd.DataFrame,
    *,
    person: str | None = None,
    wave: str | None = None,
    waves: Sequence[object] | Mapping[Any, str | Mapping[str, str]] | None = None,
    group: str | None = None,
    ordered: Sequence[str] | bool = (),
    step: str = "scalar",
    partial: Sequence[str] = (),
    estimator: str | None = None,
    missing: str = "listwise",
    cluster: str | None = None,
    parameterization: str = "delta",
    information: str | None = None,
    categories: str = "refuse",
) -> LatentChange:
    """Change of each factor between every two waves, in standard deviations of the first wave.

    Parameters
    ----------
    model
        Which items measure which factors, as "f =~ y1 + y2 + y3".
    data
        Long data, one row a respondent and wave, or wide data, one row a respondent.
    person, wave
        Columns of long data. Without `person` each wave has other respondents (repeated
        cross-sections, cohorts), and every wave is a group.
    waves
        Of long data the values of `wave` in their order, by default sorted. Of wide data for each
        wave the pattern of its columns, as {"1": "{item}_t1", "2": "{item}_t2"}, or a dictionary
        from item to column.
    group
        Column of groups that do not change; the model is alike in all of them.
    step, partial
        What is equal over waves and groups, at least up to "scalar", and parameters that are left
        to differ all the same, as "f =~ y2", "y2 ~1" or "y2 | t1" (see `wave_model`).
    ordered, estimator, missing, cluster, parameterization, information
        As in `cfa`.
    categories
        "refuse" or "merge" answer categories that are not used at every wave and in every group.

    Returns
    -------
    LatentChange
        `change` is in units of the first group's standard deviation at the first wave, `d` in those
        of the group's own; the mean over all factors follows, where there are several. With
        clusters, intervals are those of t with as many degrees of freedom as clusters less the
        number of groups, otherwise normal. `raw` is the change of the mean of the items in answer
        points, of the `n` respondents who answered at least half of them at both waves, with a t
        interval (over clusters); `raw.d` that over its standard deviation at the first wave.

    Raises
    ------
    OptionError
        The step does not make means comparable, or the waves are not described.
    DataError, ModelError, ConvergenceError, IdentificationError
        The answers or the model cannot be analysed.

    Notes
    -----
    Ordered items use each pair of answers there is (missing="pairwise"), which takes answers of
    leavers as missing completely at random; missing="fiml" of continuous items as missing at
    random given all answers (see `drop_out`).
    """
    layout = Layout(person, wave, waves, group, None, cluster)
    fitting = Fitting(ordered, estimator, missing, information, parameterization, categories)
    own = design(model, data, layout, fitting)
    require_comparable(own, step, partial)
    pairs = list(combinations(range(len(own.occasions.waves)), 2))
    contrasts = list(_changes(own, pairs))
    fit = own.fit(step, partial=partial, definitions=_definitions(contrasts))
    scores = observed_scores(own.what, own.occasions, layout.cluster)
    rows = [_row(own.occasions, fit, one, scores) for one in contrasts]
    return LatentChange(
        table=pd.DataFrame(rows),
        fit=fit,
        step=step,
        released=tuple(partial),
        counts=own.occasions.counts,
        n_obs=fit.n_obs,
        n_all=own.occasions.n_all,
        n_clusters=fit.n_clusters,
        notes=change_notes(own, fit, layout),
    )


def change_difference(
    model: str,
    data: pd.DataFrame,
    *,
    group: str,
    against: object = None,
    person: str | None = None,
    wave: str | None = None,
    waves: Sequence[object] | Mapping[Any, str | Mapping[str, str]] | None = None,
    ordered: Sequence[str] | bool = (),
    step: str = "scalar",
    partial: Sequence[str] = (),
    estimator: str | None = None,
    missing: str = "listwise",
    cluster: str | None = None,
    parameterization: str = "delta",
    information: str | None = None,
    categories: str = "refuse",
    n_permutations: int = 2000,
    seed: int | None = None,
) -> ChangeDifference:
    """How much more each factor changes in a group than in the one compared with.

    The difference in differences of latent means, with the measurement alike at all waves of all
    groups. It is the effect of what happened to the group if both groups had changed alike without
    it (parallel trends), which no answers can show.

    Parameters
    ----------
    group, against
        Column of the groups, and the value that the others are compared with; by default the first
        in sorted order.
    n_permutations, seed
        Of the permutation test over clusters. A seed that is left out is drawn.

    All other parameters are those of `latent_change`.

    Returns
    -------
    ChangeDifference
        `difference` is in units of the standard deviation of `against` at the first wave, `d` in
        those of both groups together, (n1 v1 + n2 v2)^(1/2) / (n1 + n2)^(1/2). With J clusters
        intervals are those of t with J less the number of groups as degrees of freedom. `clusters`
        takes each cluster's mean raw change as one number (Hayes & Moulton 2017, chapter 10): the
        difference of the means of both groups with Welch's t interval, and the share of
        reallocations of whole clusters that give a difference as far from 0; all of them are
        counted where there are no more than `n_permutations`.

    Raises
    ------
    OptionError, DataError, ModelError, ConvergenceError, IdentificationError
        As for `latent_change`.

    References
    ----------
    Cameron, A. C., & Miller, D. L. (2015). A practitioner's guide to cluster-robust inference.
    Journal of Human Resources, 50, 317-372.
    Hayes, R. J., & Moulton, L. H. (2017). Cluster randomised trials (2nd ed.). CRC Press.
    """
    layout = Layout(person, wave, waves, group, against, cluster)
    fitting = Fitting(ordered, estimator, missing, information, parameterization, categories)
    own = design(model, data, layout, fitting)
    require_comparable(own, step, partial)
    pairs = list(combinations(range(len(own.occasions.waves)), 2))
    changes = list(_changes(own, pairs))
    differences = list(_differences(own, pairs, start=len(changes)))
    fit = own.fit(step, partial=partial, definitions=_definitions([*changes, *differences]))
    scores = observed_scores(own.what, own.occasions, layout.cluster)
    rows = [_row(own.occasions, fit, one, scores) for one in differences]
    if seed is None:
        seed = int(np.random.default_rng().integers(2**32))
    by_cluster, remark = cluster_changes(
        scores, own.occasions, pairs, n_permutations=n_permutations, seed=seed
    )
    return ChangeDifference(
        table=pd.DataFrame(rows),
        changes=pd.DataFrame([_row(own.occasions, fit, one, scores) for one in changes]),
        clusters=by_cluster,
        fit=fit,
        step=step,
        released=tuple(partial),
        counts=own.occasions.counts,
        n_obs=fit.n_obs,
        n_all=own.occasions.n_all,
        n_clusters=fit.n_clusters,
        notes=(*change_notes(own, fit, layout), *remark),
    )


class _Contrast(NamedTuple):
    """A quantity of the model: its name and formula in the text, and where it belongs."""

    name: str
    formula: str
    sd: str
    factor: str
    wave_from: int
    wave_to: int
    group: int
    against: int | None = None


def _definitions(contrasts: Sequence[_Contrast]) -> list[str]:
    lines = []
    for one in contrasts:
        lines += [f"{one.name} := {one.formula}", f"{one.name}.d := {one.sd}"]
    return lines


def _changes(own: WaveDesign, pairs: Sequence[tuple[int, int]]) -> Iterator[_Contrast]:
    """Give the change of each factor in each group, and their mean."""
    number = 0
    for group in range(max(len(own.occasions.groups), 1)):
        for first, later in pairs:
            names = []
            for factor in own.what.factors:
                name = f"change.{number}"
                number += 1
                change = _moved(own.occasions, factor, group, first, later)
                spread = f"sqrt(v.{factor}.{own.occasions.cell(group, 0)})"
                names.append(name)
                yield _Contrast(name, change, f"({change})/{spread}", factor, first, later, group)
            if len(names) > 1:
                yield _mean(f"change.{number}", names, (first, later), group)
                number += 1


def _differences(
    own: WaveDesign, pairs: Sequence[tuple[int, int]], *, start: int
) -> Iterator[_Contrast]:
    """Give how much more each factor changes in each later group than in the first."""
    number, where = start, own.occasions
    sizes = where.counts[where.counts["wave"] == where.waves[0]]["n"].to_numpy()
    for group in range(1, len(where.groups)):
        share = sizes[group] / (sizes[group] + sizes[0])
        for first, later in pairs:
            names = []
            for factor in own.what.factors:
                name = f"change.{number}"
                number += 1
                names.append(name)
                here = _moved(where, factor, group, first, later)
                there = _moved(where, factor, 0, first, later)
                own_v, other_v = (f"v.{factor}.{where.cell(g, 0)}" for g in (group, 0))
                formula = f"({here}) - ({there})"
                sd = f"({formula})/sqrt({share}*{own_v} + {1 - share}*{other_v})"
                yield _Contrast(name, formula, sd, factor, first, later, group, 0)
            if len(names) > 1:
                mean = _mean(f"change.{number}", names, (first, later), group)
                yield mean._replace(against=0)
                number += 1


def _moved(where: Occasions, factor: str, group: int, first: int, later: int) -> str:
    before, after = (f"m.{factor}.{where.cell(group, k)}" for k in (first, later))
    return f"{after} - {before}"


def _mean(name: str, names: Sequence[str], pair: tuple[int, int], group: int) -> _Contrast:
    formula = f"({' + '.join(names)})/{len(names)}"
    sd = f"({' + '.join(f'{one}.d' for one in names)})/{len(names)}"
    return _Contrast(name, formula, sd, MEAN, *pair, group)


def _row(
    where: Occasions, fit: Fit, one: _Contrast, scores: Mapping[str, Observed]
) -> dict[str, object]:
    """Give a row of a table: the latent number, in two units, and the raw one beside it."""
    est, se = quantity(fit, one.name)
    d, d_se = quantity(fit, f"{one.name}.d")
    df = np.inf if fit.n_clusters is None else max(fit.n_clusters - max(len(where.groups), 1), 1)
    wide = reach(float(df))
    seen = scores[one.factor].change(one.wave_from, one.wave_to, one.group, one.against)
    groups = where.groups or ("",)
    named: dict[str, object] = {"factor": one.factor, "group": groups[one.group]}
    if one.against is not None:
        named["against"] = groups[one.against]
    return {
        **named,
        "from": where.waves[one.wave_from],
        "to": where.waves[one.wave_to],
        "n": seen.n,
        "change" if one.against is None else "difference": est,
        "se": se,
        "pvalue": two_sided(est / se, float(df)) if se > 0 else np.nan,
        "ci.lower": est - wide * se,
        "ci.upper": est + wide * se,
        "d": d,
        "d.se": d_se,
        "d.ci.lower": d - wide * d_se,
        "d.ci.upper": d + wide * d_se,
        "raw": seen.estimate,
        "raw.ci.lower": seen.lower,
        "raw.ci.upper": seen.upper,
        "raw.d": seen.d,
    }


def require_comparable(own: WaveDesign, step: str, partial: Sequence[str]) -> None:
    """Refuse a step at which latent means have no common scale, or have been made equal."""
    equal = own.equal(step)
    if COMPARABLE not in equal:
        raise OptionError(
            f'step "{step}" leaves each wave its own intercepts, so that latent means of two waves '
            'are not on one scale. Choose "scalar", with the parameters that differ in partial.'
        )
    if "means" in equal:
        raise OptionError(f'step "{step}" makes all means equal: there is no change to estimate.')
    for factor in own.what.factors:
        items = [item for name, item in own.what.loadings if name == factor]
        freed = {item for item in items for text in partial if _names(text, item)}
        if len(items) - len(freed) < 2:
            raise OptionError(
                f'"{factor}" has {len(items) - len(freed)} items left that measure alike at all '
                "waves; at least 2 are needed to tell change from a moved yardstick."
            )


def _names(text: str, item: str) -> bool:
    return item in text.replace("=~", " ").replace("|", " ").replace("~", " ").split()


def change_notes(own: WaveDesign, fit: Fit, layout: Layout) -> tuple[str, ...]:
    """Say what a reader of a change has to know: who counts, and what that presupposes."""
    notes = [*own.occasions.notes, *fit.notes]
    n, n_all = len(own.occasions.data), own.occasions.n_all
    if not own.occasions.across and n_all < n:
        how = {
            "listwise": "those without an answer to every item at every wave were left out, which "
            "takes leavers to be like stayers",
            "fiml": "the answers of the others count too (full information), which takes leavers "
            "to be like stayers with the same answers (missing at random)",
            "pairwise": "the answers of the others count where both of a pair are there, which "
            "takes leavers to be like stayers (missing completely at random)",
        }[fit.missing]
        notes.append(f"{n_all} of {n} respondents answered at every wave; {how}.")
    if layout.cluster is None:
        notes.append(
            "Respondents are taken as independent. Where they share a workplace or a class, name "
            "it as cluster: intervals are too narrow otherwise."
        )
    return tuple(dict.fromkeys(notes))
