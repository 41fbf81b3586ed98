"""Do items depend on background beyond what the factors do? Direct effects in a MIMIC model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from measure.checks import known_option
from measure.comparability.multiplicity import corrected
from measure.display import render_html, render_text
from measure.errors import OptionError
from measure.fitting.fitted import Fit
from measure.functioning.dif_regression import NAN
from measure.functioning.mimic_models import ESTIMATE, MimicModel, grouped, regressed
from measure.functioning.score_tests import FEWEST_SPARE

Array = NDArray[np.float64]

ESTIMATORS = ("ML", "MLR", "MLM", "MLMV", "MLMVS", "MLF")
ORDERED_ESTIMATORS = ("WLSMV", "WLSM", "ULSMV", "ULSM")
PURIFY = ("forward", "none")
FEWEST_ANCHORS = 2
"""Items of a factor that keep no direct effect, so that groups can be told apart by them."""


@dataclass(frozen=True, eq=False)
class Mimic:
    """Direct effects of background on items, beside those on the factors.

    Attributes
    ----------
    table
        One row an item: `factor`, `chisq df df2 pvalue pvalue.holm` of all its direct effects
        together, `flag`, and `freed`, whether the final model has them. `df2` are the
        denominator's of the F distribution, NaN without clusters.
    effects
        One row an item and predictor: `est se ci.lower ci.upper`, the shift of the answer between
        persons with the same factors, with all other items as anchors but those freed. In points
        of the answer scale; of ordered items, in standard deviations of what the factors leave of
        the latent response.
    impact
        One row a factor and predictor, of the final model: `est se ci.lower ci.upper`, in standard
        deviations of what the predictors leave of the factor.
    rounds
        One row a round of purification: `freed flagged`, items in one text.
    predictors
        Names of the tested predictors by what they stand for; a group's are its values.
    alpha
        Level of the flags.
    fit
        The final model.
    notes
        What the reader has to know.
    """

    table: pd.DataFrame
    effects: pd.DataFrame
    impact: pd.DataFrame
    rounds: pd.DataFrame
    predictors: tuple[str, ...]
    alpha: float
    fit: Fit
    notes: tuple[str, ...]

    def _report(self) -> tuple[str, dict[str, object], dict[str, pd.DataFrame]]:
        facts: dict[str, object] = {
            "estimator": self.fit.estimator,
            "respondents": self.fit.n_obs,
            "level": self.alpha,
            "rounds": len(self.rounds),
        }
        facts |= {f"note {i}": note for i, note in enumerate(self.notes, start=1)}
        return "Direct effects (MIMIC)", facts, {"Items": self.table, "Factors": self.impact}

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def mimic(
    model: str,
    data: pd.DataFrame,
    *,
    group: str | None = None,
    covariates: Sequence[str] = (),
    estimator: str | None = None,
    missing: str = "listwise",
    cluster: str | None = None,
    ordered: Sequence[str] | bool = (),
    purify: str = "forward",
    alpha: float = 0.05,
) -> Mimic:
    """Test direct effects of groups, or of covariates, on the items of a factor model.

    Parameters
    ----------
    model
        A measurement model in lavaan syntax: `=~` of items, and `~~`.
    data
        One row a respondent. Rows without a predictor are left out.
    group
        Column of the groups, whose direct effects are tested together; the largest is the first.
    covariates
        Numeric columns that the factors depend on. Without `group`, their direct effects are what
        is tested, all together; with it, they are held constant. Not with ordered items.
    estimator
        "ML" or a robust version of it; "ML" by default, "MLR" with clusters. Of ordered items
        "WLSMV", the default, "WLSM", "ULSMV" or "ULSM".
    missing
        "listwise" or "fiml", for the items; "listwise" or "pairwise" for ordered ones.
    cluster
        Column of the clusters.
    ordered
        True, or the names of all items, to take them as ordered categories.
    purify
        `"forward"`: the item that differs most clearly is given its direct effects, and the others
        are tested again, until none differs; `"none"`: all other items are anchors.
    alpha
        Level of a flag, after Holm's correction for the number of items.

    Returns
    -------
    Mimic

    Raises
    ------
    DataError
        Fewer than two groups, or one of fewer than 20 respondents; a column that is not numeric; a
        category of an ordered item that a group does not use.
    ModelError
        Regressions, or factors of factors, in the text; a factor of fewer than three items.
    OptionError
        No predictor; an unknown column, estimator or way to purify; ordered items with covariates,
        or beside items that are not ordered.

    Notes
    -----
    The factors are regressed on all predictors, so that a difference in level is no difference in
    how an item works (Jöreskog & Goldberger 1975; Muthén 1989). Each item in turn gets direct
    effects, and Wald's test is that they are 0. With C clusters and q effects the p-value is that
    of (C - q) / (q (C - 1)) times the statistic under F with q and C - q degrees of freedom, as of
    Hotelling's T². Only shifts are tested: that loadings differ cannot be seen, and residual
    variances and factor variances are taken to be the same in all groups.

    Ordered items are fitted in groups, with thresholds, loadings, residual variances (1) and the
    covariances of the factors equal, and the factors' means free. This is the probit regression of
    the latent responses on membership; estimates differ from those of polychorics conditional on
    predictors (lavaan's `conditional.x`) only by how the moments are weighed.
    """
    categorical = ordered is True or (ordered is not False and len(ordered) > 0)
    known_option("purify", purify, PURIFY)
    _check(group, covariates, categorical=categorical)
    if estimator is not None:
        known_option("estimator", estimator, ORDERED_ESTIMATORS if categorical else ESTIMATORS)
    usual = "WLSMV" if categorical else "ML" if cluster is None else "MLR"
    options: dict[str, object] = {"missing": missing, "estimator": estimator or usual}
    if cluster is not None:
        options["cluster"] = cluster
    study: MimicModel
    if categorical and group is not None:
        study = grouped(model, data, group, cluster, options)
        _all_ordered(study, ordered)
    else:
        study = regressed(model, data, group, list(covariates), cluster, options)
    freed: list[str] = []
    rounds: list[dict[str, str]] = []
    notes = list(study.notes)
    while True:
        base = study.fit(freed)
        table, effects = _tested(study, base, freed, alpha)
        flagged = list(table.index[table["flag"]])
        rounds.append({"freed": ", ".join(freed), "flagged": ", ".join(flagged)})
        found = table.loc[[item for item in flagged if item not in freed]]
        if purify == "none" or found.empty:
            break
        clearest = str(found.sort_values(["pvalue", "chisq"], ascending=[True, False]).index[0])
        if not _spares(study, [*freed, clearest]):
            notes.append(
                f"More items of a factor differ than can be freed: {FEWEST_ANCHORS} are kept as "
                "anchors, and others than those flagged may be the ones that differ."
            )
            break
        freed.append(clearest)
    return Mimic(
        table=table,
        effects=effects,
        impact=study.impact(base),
        rounds=pd.DataFrame(rounds, index=pd.RangeIndex(1, len(rounds) + 1, name="round")),
        predictors=tuple(study.tested.values()),
        alpha=alpha,
        fit=base,
        notes=(*notes, *base.notes),
    )


def _check(group: str | None, covariates: Sequence[str], *, categorical: bool) -> None:
    if isinstance(covariates, str):
        raise OptionError(f'covariates is a list of names, as covariates=["{covariates}"].')
    if group is None and not covariates:
        raise OptionError("there is nothing to test: give `group`, or a list of `covariates`.")
    if categorical and covariates:
        raise OptionError(
            "ordered items take `group` only, no covariates: WLSMV conditional on numeric "
            "predictors is not available. Cut the covariate into bands (pandas.cut) and give them "
            "as `group`, use differential_functioning or irt_differential_functioning, or leave "
            '`ordered` out and choose estimator="MLR", which takes answers as numbers.'
        )


def _all_ordered(study: MimicModel, ordered: Sequence[str] | bool) -> None:
    """Refuse a model of which only some items are ordered."""
    if isinstance(ordered, bool):
        return
    wrong = set(ordered) ^ set(study.factor_of)
    if wrong:
        raise OptionError(
            f"{', '.join(sorted(wrong))}: `ordered` names all items of the model or none; those "
            "that are ordered, and those that are not, are tested in models of their own."
        )


def _spares(study: MimicModel, freed: Sequence[str]) -> bool:
    """Whether each factor keeps enough anchors."""
    left = pd.Series(study.factor_of).drop(list(freed)).value_counts()
    return all(left.get(one, 0) >= FEWEST_ANCHORS for one in set(study.factor_of.values()))


def _tested(
    study: MimicModel, base: Fit, freed: Sequence[str], alpha: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Test every item with the direct effects of those freed in the model."""
    rows, effects = {}, []
    for item, factor in study.factor_of.items():
        fit = base if item in freed else study.fit([*freed, item])
        own, V = study.effects(fit, item)
        test = _wald(own["est"].to_numpy(dtype=float), V.to_numpy(dtype=float), study.n_clusters)
        rows[item] = {"factor": factor, **test}
        shown = own.rename(dict(study.tested))
        shown.index.name = "predictor"
        effects.append(shown.reset_index().assign(item=item))
    table = pd.DataFrame.from_dict(rows, orient="index")
    table["pvalue.holm"] = corrected(table["pvalue"].to_numpy(), "holm")
    table["flag"] = table["pvalue.holm"] < alpha
    table["freed"] = table.index.isin(freed)
    table.index.name = "item"
    return table, pd.concat(effects, ignore_index=True)[["item", "predictor", *ESTIMATE]]


def _wald(est: Array, V: Array, n_clusters: int | None) -> dict[str, float]:
    df = len(est)
    if np.isnan(V).any() or (n_clusters is not None and n_clusters - df < FEWEST_SPARE):
        return {"chisq": NAN, "df": df, "df2": NAN, "pvalue": NAN}
    chisq = float(est @ np.linalg.solve(V, est))
    if n_clusters is None:
        return {"chisq": chisq, "df": df, "df2": NAN, "pvalue": float(stats.chi2.sf(chisq, df))}
    df2 = n_clusters - df
    F = chisq * df2 / (df * (n_clusters - 1))
    return {"chisq": chisq, "df": df, "df2": df2, "pvalue": float(stats.f.sf(F, df, df2))}
