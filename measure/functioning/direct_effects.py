"""Do items depend on background beyond what the factors do? Direct effects in a MIMIC model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from measure.checks import known_option, numeric_items
from measure.comparability.multiplicity import corrected
from measure.display import render_html, render_text
from measure.errors import ModelError, OptionError
from measure.fitting.confirmatory import sem
from measure.fitting.fitted import Fit
from measure.functioning.dif_answers import numbered_groups
from measure.functioning.dif_regression import NAN
from measure.functioning.score_tests import FEWEST_SPARE
from measure.specification.refusals import refuse_levels
from measure.specification.syntax import parse

Array = NDArray[np.float64]

ESTIMATORS = ("ML", "MLR", "MLM", "MLMV", "MLMVS", "MLF")
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
        persons with the same factors, in points of the answer scale; with all other items as
        anchors but those freed.
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
        is tested, all together; with it, they are held constant.
    estimator
        "ML" or a robust version of it; "ML" by default, "MLR" with clusters.
    missing
        "listwise" or "fiml", for the items.
    cluster
        Column of the clusters.
    ordered
        Refused: see Raises.
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
        Fewer than two groups, or one of fewer than 20 respondents; a column that is not numeric.
    ModelError
        Regressions, or factors of factors, in the text; a factor of fewer than three items.
    OptionError
        No predictor; an unknown column, estimator or way to purify; ordered items, which
        `differential_functioning` and `irt_differential_functioning` test as what they are.

    Notes
    -----
    The factors are regressed on all predictors, so that a difference in level is no difference in
    how an item works (Jöreskog & Goldberger 1975; Muthén 1989). Each item in turn gets direct
    effects, and Wald's test is that they are 0. With C clusters and q effects the p-value is that
    of (C - q) / (q (C - 1)) times the statistic under F with q and C - q degrees of freedom, as of
    Hotelling's T². Only shifts are tested: that loadings differ cannot be seen, and residual
    variances and factor variances are taken to be the same in all groups.
    """
    _check(group, covariates, estimator, ordered, purify)
    study = _study(model, data, group, list(covariates), cluster)
    options: dict[str, object] = {"missing": missing, "std_lv": True, "meanstructure": True}
    options["estimator"] = estimator or ("ML" if cluster is None else "MLR")
    if cluster is not None:
        options["cluster"] = cluster
    freed: list[str] = []
    rounds: list[dict[str, str]] = []
    notes = list(study.notes)
    while True:
        base = _fit(study, freed, options)
        table, effects = _tested(study, base, freed, options, alpha)
        flagged = list(table.index[table["flag"]])
        rounds.append({"freed": ", ".join(freed), "flagged": ", ".join(flagged)})
        found = table.loc[[item for item in flagged if item not in freed]]
        if purify == "none" or found.empty:
            break
        clearest = str(found.sort_values(["pvalue", "chisq"], ascending=[True, False]).index[0])
        if not study.spares([*freed, clearest]):
            notes.append(
                f"More items of a factor differ than can be freed: {FEWEST_ANCHORS} are kept as "
                "anchors, and others than those flagged may be the ones that differ."
            )
            break
        freed.append(clearest)
    return Mimic(
        table=table,
        effects=effects,
        impact=_impact(study, base),
        rounds=pd.DataFrame(rounds, index=pd.RangeIndex(1, len(rounds) + 1, name="round")),
        predictors=tuple(study.tested.values()),
        alpha=alpha,
        fit=base,
        notes=(*notes, *base.notes),
    )


@dataclass(frozen=True, eq=False)
class _Study:
    """A measurement model with its predictors.

    `factor_of` gives the factor of each item; `tested` and `held` the names of predictors in the
    data, with what they are called.
    """

    text: str
    data: pd.DataFrame
    factor_of: dict[str, str]
    tested: dict[str, str]
    held: dict[str, str]
    n_clusters: int | None
    notes: tuple[str, ...]

    @property
    def predictors(self) -> str:
        """All predictors, as the right side of a regression."""
        return " + ".join([*self.tested, *self.held])

    def spares(self, freed: Sequence[str]) -> bool:
        """Whether each factor keeps enough anchors."""
        left = pd.Series(self.factor_of).drop(list(freed)).value_counts()
        return all(left.get(one, 0) >= FEWEST_ANCHORS for one in set(self.factor_of.values()))


def _check(
    group: str | None,
    covariates: Sequence[str],
    estimator: str | None,
    ordered: Sequence[str] | bool,
    purify: str,
) -> None:
    known_option("purify", purify, PURIFY)
    if estimator is not None:
        known_option("estimator", estimator, ESTIMATORS)
    if isinstance(covariates, str):
        raise OptionError(f'covariates is a list of names, as covariates=["{covariates}"].')
    if group is None and not covariates:
        raise OptionError("there is nothing to test: give `group`, or a list of `covariates`.")
    if ordered is True or (ordered is not False and len(ordered)):
        raise OptionError(
            "direct effects on ordered items are not available: WLSMV takes no observed "
            "predictors, and a group is not normal. Use differential_functioning or "
            "irt_differential_functioning, which take answers in categories as such, or leave "
            '`ordered` out and choose estimator="MLR", which takes them as numbers.'
        )


def _study(
    model: str, data: pd.DataFrame, group: str | None, covariates: list[str], cluster: str | None
) -> _Study:
    columns = [*([group] if group is not None else []), *covariates]
    columns += [] if cluster is None else [cluster]
    for name in columns:
        if list(data.columns).count(name) != 1:
            raise OptionError(f'the data need one column "{name}".')
    used = data[data[columns].notna().all(axis=1)]
    given = {name: name for name in covariates}
    if covariates:
        numeric_items(used, covariates)
    tested = given
    if group is not None:
        labels, sizes = numbered_groups(used[group])
        tested = {f"in_group_{k}": str(value) for k, value in enumerate(sizes.index) if k}
        dummies = {name: (labels == k).astype(float) for k, name in enumerate(tested, start=1)}
        used = used.assign(**dummies)
    dropped = len(data) - len(used)
    return _Study(
        text=model,
        data=used,
        factor_of=_factors(model, used),
        tested=tested,
        held={} if group is None else given,
        n_clusters=None if cluster is None else int(used[cluster].nunique()),
        notes=(f"{dropped} rows without a predictor or cluster left out.",) if dropped else (),
    )


def _factors(model: str, data: pd.DataFrame) -> dict[str, str]:
    """Factor of each item, the first where there are several."""
    found: dict[str, str] = {}
    syntax = parse(model)
    refuse_levels(syntax, "mimic")
    statements = syntax.statements
    factors = {one.lhs for one in statements if one.op == "=~"}
    for one in statements:
        if one.op not in ("=~", "~~"):
            raise ModelError(
                f'the text holds "{one.op}"; a measurement model of "=~" and "~~" is needed, to '
                "which the predictors are added here."
            )
        if one.op == "=~" and one.rhs in factors:
            raise ModelError(
                f'"{one.lhs}" is a factor of the factor "{one.rhs}"; give the model of the items '
                "and their own factors."
            )
        if one.op == "=~":
            found.setdefault(one.rhs, one.lhs)
    for factor, n in pd.Series(found).value_counts().items():
        if n < 3:
            raise ModelError(f'the factor "{factor}" has {n} items; at least three are needed.')
    numeric_items(data, list(found))
    return found


def _fit(study: _Study, direct: Sequence[str], options: dict[str, object]) -> Fit:
    """Fit the model with direct effects on some items."""
    lines = [study.text]
    factors = dict.fromkeys(study.factor_of.values())
    lines += [f"{one} ~ {study.predictors}" for one in factors]
    lines += [f"{item} ~ {' + '.join(study.tested)}" for item in direct]
    return sem("\n".join(lines), study.data, **options)


def _tested(
    study: _Study, base: Fit, freed: Sequence[str], options: dict[str, object], alpha: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Test every item with the direct effects of those freed in the model."""
    rows, effects = {}, []
    for item, factor in study.factor_of.items():
        fit = base if item in freed else _fit(study, [*freed, item], options)
        names = [f"{item}~{one}" for one in study.tested]
        own = fit.parameters
        own = own[(own["lhs"] == item) & (own["op"] == "~")].set_index("rhs")
        own = own.loc[list(study.tested)]
        test = _wald(
            own["est"].to_numpy(dtype=float),
            fit.covariance.loc[names, names].to_numpy(dtype=float),
            study.n_clusters,
        )
        rows[item] = {"factor": factor, **test}
        shown = own[["est", "se", "ci.lower", "ci.upper"]].rename(study.tested)
        shown.index.name = "predictor"
        effects.append(shown.reset_index().assign(item=item))
    table = pd.DataFrame.from_dict(rows, orient="index")
    table["pvalue.holm"] = corrected(table["pvalue"].to_numpy(), "holm")
    table["flag"] = table["pvalue.holm"] < alpha
    table["freed"] = table.index.isin(freed)
    table.index.name = "item"
    columns = ["item", "predictor", "est", "se", "ci.lower", "ci.upper"]
    return table, pd.concat(effects, ignore_index=True)[columns]


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


def _impact(study: _Study, fit: Fit) -> pd.DataFrame:
    found = fit.parameters
    factors = set(study.factor_of.values())
    found = found[(found["op"] == "~") & found["lhs"].isin(factors)]
    table = found[["lhs", "rhs", "est", "se", "ci.lower", "ci.upper"]]
    table = table.rename(columns={"lhs": "factor", "rhs": "predictor"}).reset_index(drop=True)
    return table.assign(predictor=table["predictor"].replace(study.tested | study.held))
