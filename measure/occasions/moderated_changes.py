"""Change that goes with something: the dose of an effort, the conditions at a workplace."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from measure.display import render_html, render_text
from measure.errors import DataError, OptionError
from measure.fitting.fitted import Fit
from measure.occasions.latent_changes import change_notes, require_comparable
from measure.occasions.observed_changes import MEAN
from measure.occasions.occasions import Layout, Occasions
from measure.occasions.regressions import reach, two_sided
from measure.occasions.wave_fits import Fitting, WaveDesign, design, quantity


@dataclass(frozen=True, eq=False)
class ChangeModeration:
    """How change goes with a moderator.

    Attributes
    ----------
    table
        One row a factor, pair of waves and group, then a row for each later group against the
        first: `factor group against from to slope se pvalue ci.lower ci.upper`. `slope` is the
        change, in standard deviations of the first wave of the first group, that goes with one
        standard deviation of the moderator; against another group the difference of slopes. With
        several factors their mean follows.
    moderator, mean, sd
        Its column, and its mean and standard deviation among all respondents.
    fit, step, released, counts, n_obs, n_clusters, notes
        As in `LatentChange`.
    """

    table: pd.DataFrame
    moderator: str
    mean: float
    sd: float
    fit: Fit
    step: str
    released: tuple[str, ...]
    counts: pd.DataFrame
    n_obs: int
    n_clusters: int | None
    notes: tuple[str, ...]

    def _report(self) -> tuple[str, Mapping[str, object], Mapping[str, pd.DataFrame]]:
        facts: dict[str, object] = {
            "moderator": self.moderator,
            "estimator": self.fit.estimator,
            "equal over waves": self.step,
            "respondents": self.n_obs,
        }
        facts |= {f"note {k}": note for k, note in enumerate(self.notes, start=1)}
        return "Moderated change", facts, {"Slopes": self.table}

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def change_moderation(
    model: str,
    data: pd.DataFrame,
    *,
    moderator: str,
    group: str | None = None,
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
) -> ChangeModeration:
    """How much more factors change in those who stand a standard deviation higher on a moderator.

    The slope of latent change on the moderator, (cov(f2, z) - cov(f1, z)) / var(z), from a model in
    which the moderator covaries freely with the factors of every wave and is taken as normal beside
    ordered items. With groups, the difference of slopes tells whether an effort does more where the
    moderator is higher.

    Parameters
    ----------
    moderator
        A column of numbers: hours of training, an index of exchange zones. With long data its value
        at a respondent's first wave counts.
    group, against
        As in `change_difference`; `group` may be left out.

    All other parameters are those of `latent_change`. Waves with other respondents each cannot be
    used: whose change it is has to be known.

    Returns
    -------
    ChangeModeration
        Intervals are those of t with the number of clusters less that of groups, otherwise normal.
        The slope within one group is negative where nothing works, if the moderator goes with the
        factor at the first wave and people move towards the middle; the difference of slopes is
        free of that where both groups do so alike. Where nobody decided by lot who stands high on
        the moderator, what goes with it is not what it does.

    Raises
    ------
    OptionError, DataError, ModelError, ConvergenceError, IdentificationError
        As for `latent_change`; further where the moderator is no number, constant, or an item.
    """
    layout = Layout(person, wave, waves, group, against, cluster, moderator)
    if wave is not None and person is None:
        raise OptionError(
            "a slope of change needs the same respondents at every wave: name their column, person."
        )
    data, mean, sd = _standardized(data, moderator)
    fitting = Fitting(ordered, estimator, missing, information, parameterization, categories)
    own = design(model, data, layout, fitting)
    require_comparable(own, step, partial)
    slopes = list(_slopes(own))
    lines = [*_beside(own, moderator), *(f"{one.name} := {one.formula}" for one in slopes)]
    n_waves = len(own.occasions.waves)
    apart = n_waves * (len(own.what.items) - len(own.what.factors))
    fit = own.fit(step, partial=partial, definitions=lines, extra_df=own.occasions.n_groups * apart)
    df = np.inf
    if fit.n_clusters is not None:
        df = float(max(fit.n_clusters - own.occasions.n_groups, 1))
    return ChangeModeration(
        table=pd.DataFrame([_row(own.occasions, fit, one, df) for one in slopes]),
        moderator=moderator,
        mean=mean,
        sd=sd,
        fit=fit,
        step=step,
        released=tuple(partial),
        counts=own.occasions.counts,
        n_obs=fit.n_obs,
        n_clusters=fit.n_clusters,
        notes=change_notes(own, fit, layout),
    )


class _Slope(NamedTuple):
    """A slope, or a difference of two, by its name and formula in the text."""

    name: str
    formula: str
    factor: str
    first: int
    later: int
    group: int
    against: int | None


def _standardized(data: pd.DataFrame, moderator: str) -> tuple[pd.DataFrame, float, float]:
    if list(data.columns).count(moderator) != 1:
        raise OptionError(f'the data need one column "{moderator}".')
    if not pd.api.types.is_numeric_dtype(data[moderator]):
        raise DataError(f'"{moderator}" must hold numbers; for kinds of people use group.')
    values = data[moderator].astype(float)
    sd = float(values.std())
    if not sd > 0:
        raise DataError(f'"{moderator}" is the same for everybody, so that nothing goes with it.')
    mean = float(values.mean())
    return data.assign(**{moderator: (values - mean) / sd}), mean, sd


def _beside(own: WaveDesign, moderator: str) -> Iterator[str]:
    """Write the moderator and its covariances with the factors of all waves."""
    if moderator in {name for column in own.waves for name in column.values()}:
        raise OptionError(f'moderator "{moderator}" is an item of the model.')
    groups = range(own.occasions.n_groups)

    def labels(stem: str) -> str:
        names = [f"{stem}.g{group + 1}" for group in groups]
        return names[0] if len(names) == 1 else f"c({', '.join(names)})"

    yield f"{moderator} ~~ {labels('vz')}*{moderator}"
    yield f"{moderator} ~ {labels('mz')}*1"
    for k in range(len(own.waves)):
        for factor in own.what.factors:
            yield f"{factor}.w{k + 1} ~~ {labels(f'cz.{factor}.w{k + 1}')}*{moderator}"


def _slopes(own: WaveDesign) -> Iterator[_Slope]:
    """Give the slopes of each factor and of their mean, by group, and what groups differ by."""
    factors = list(own.what.factors)
    for first, later in combinations(range(len(own.occasions.waves)), 2):
        formulas = {
            factor: [
                f"(cz.{factor}.w{later + 1}.g{g} - cz.{factor}.w{first + 1}.g{g})/vz.g{g}"
                for g in range(1, own.occasions.n_groups + 1)
            ]
            for factor in factors
        }
        if len(factors) > 1:
            formulas[MEAN] = [
                f"({' + '.join(parts)})/{len(factors)}"
                for parts in zip(*(formulas[factor] for factor in factors), strict=True)
            ]
        for number, (factor, by_group) in enumerate(formulas.items()):
            name = f"slope.{number}.{first}.{later}"
            for group, formula in enumerate(by_group):
                yield _Slope(f"{name}.g{group + 1}", formula, factor, first, later, group, None)
            for group, formula in list(enumerate(by_group))[1:]:
                more = f"{formula} - {by_group[0]}"
                yield _Slope(f"{name}.g{group + 1}.more", more, factor, first, later, group, 0)


def _row(where: Occasions, fit: Fit, one: _Slope, df: float) -> dict[str, object]:
    est, se = quantity(fit, one.name)
    half = reach(df) * se
    groups = where.groups or ("",)
    return {
        "factor": one.factor,
        "group": groups[one.group],
        "against": "" if one.against is None else groups[one.against],
        "from": where.waves[one.first],
        "to": where.waves[one.later],
        "slope": est,
        "se": se,
        "pvalue": two_sided(est / se, df) if se > 0 else np.nan,
        "ci.lower": est - half,
        "ci.upper": est + half,
    }
