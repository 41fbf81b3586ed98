"""Models in which background moves factors and, directly, single items.

Two ways to write the same thing. Items taken as numbers are regressed, with their factors, on the
predictors. Ordered items are those of a model of several groups in which everything is equal but
the means of the factors, and the intercepts of the items that have direct effects: a probit
regression on the membership of groups, without a distribution for it (Muthén 1989).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from measure.checks import numeric_items
from measure.errors import ModelError, OptionError
from measure.fitting.confirmatory import cfa, sem
from measure.fitting.fitted import Fit
from measure.functioning.dif_answers import numbered_groups
from measure.specification.refusals import refuse_levels
from measure.specification.syntax import parse

NUMBER = "in_group"
"""Column of the number of a row's group, and what the columns of memberships begin with."""
ESTIMATE = ["est", "se", "ci.lower", "ci.upper"]

EQUAL = (
    *("loadings", "thresholds", "residuals", "residual.covariances"),
    *("lv.variances", "lv.covariances"),
)
"""What groups share in a model of ordered items."""


@dataclass(frozen=True, eq=False)
class Regressed:
    """Items taken as numbers, regressed on predictors.

    Attributes
    ----------
    text
        The measurement model.
    data
        The rows with all predictors.
    factor_of
        The factor of each item.
    tested, held
        What predictors are called, by their columns: those that are tested, and those that are
        held constant.
    n_clusters
        How many clusters the rows come from; None without.
    notes
        What was left out.
    options
        Options of the fits.
    """

    text: str
    data: pd.DataFrame
    factor_of: dict[str, str]
    tested: dict[str, str]
    held: dict[str, str]
    n_clusters: int | None
    notes: tuple[str, ...]
    options: dict[str, object]

    def fit(self, direct: Sequence[str]) -> Fit:
        """Fit the model with direct effects on some items."""
        predictors = " + ".join([*self.tested, *self.held])
        lines = [self.text]
        lines += [f"{one} ~ {predictors}" for one in dict.fromkeys(self.factor_of.values())]
        lines += [f"{item} ~ {' + '.join(self.tested)}" for item in direct]
        return sem("\n".join(lines), self.data, std_lv=True, meanstructure=True, **self.options)

    def effects(self, fit: Fit, item: str) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Give the regressions of an item."""
        own = fit.parameters
        own = own[(own["lhs"] == item) & (own["op"] == "~")].set_index("rhs")
        names = [f"{item}~{one}" for one in self.tested]
        return own.loc[list(self.tested), ESTIMATE], fit.covariance.loc[names, names]

    def impact(self, fit: Fit) -> pd.DataFrame:
        """Give the regressions of the factors."""
        found = fit.parameters
        found = found[(found["op"] == "~") & found["lhs"].isin(set(self.factor_of.values()))]
        table = found[["lhs", "rhs", *ESTIMATE]]
        table = table.rename(columns={"lhs": "factor", "rhs": "predictor"}).reset_index(drop=True)
        return table.assign(predictor=table["predictor"].replace(self.tested | self.held))


@dataclass(frozen=True, eq=False)
class Grouped:
    """Ordered items in groups: residual variances and variances of factors are 1 in all.

    Effects on items are shifts of the latent response in standard deviations of its residual. The
    attributes are those of `Regressed`.
    """

    text: str
    data: pd.DataFrame
    factor_of: dict[str, str]
    tested: dict[str, str]
    n_clusters: int | None
    notes: tuple[str, ...]
    options: dict[str, object]

    def fit(self, direct: Sequence[str]) -> Fit:
        """Fit the model with intercepts of some items free in all groups but the first."""
        free = f"c({', '.join(['0', *['NA'] * len(self.tested)])})*1"
        moved = [*dict.fromkeys(self.factor_of.values()), *direct]
        return cfa(
            "\n".join([self.text, *(f"{one} ~ {free}" for one in moved)]),
            self.data,
            ordered=list(self.factor_of),
            group=NUMBER,
            group_equal=EQUAL,
            parameterization="theta",
            std_lv=True,
            **self.options,
        )

    def effects(self, fit: Fit, item: str) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Give the intercepts of an item."""
        own = self._intercepts(fit, [item]).set_index("rhs")
        names = [f"{item}~1.g{k}" for k in range(2, len(self.tested) + 2)]
        return own[ESTIMATE], fit.covariance.loc[names, names]

    def impact(self, fit: Fit) -> pd.DataFrame:
        """Give the means of the factors."""
        factors = list(dict.fromkeys(self.factor_of.values()))
        table = self._intercepts(fit, factors)[["lhs", "rhs", *ESTIMATE]]
        table = table.rename(columns={"lhs": "factor", "rhs": "predictor"}).reset_index(drop=True)
        return table.assign(predictor=table["predictor"].replace(self.tested))

    def _intercepts(self, fit: Fit, names: Sequence[str]) -> pd.DataFrame:
        """Give the rows of intercepts in all groups but the first, named by their predictor."""
        found = fit.parameters
        found = found[(found["op"] == "~1") & found["lhs"].isin(names) & found["free"]]
        return found.assign(rhs=[f"{NUMBER}_{int(number)}" for number in found["group"]])


MimicModel = Regressed | Grouped


def regressed(
    model: str,
    data: pd.DataFrame,
    group: str | None,
    covariates: list[str],
    cluster: str | None,
    options: dict[str, object],
) -> Regressed:
    """Write a model of items that are taken as numbers.

    Raises
    ------
    DataError, ModelError, OptionError
        As `measure.mimic` has them.
    """
    columns = [*([group] if group is not None else []), *covariates]
    used, notes = _complete(data, columns, cluster)
    given = {name: name for name in covariates}
    if covariates:
        numeric_items(used, covariates)
    tested = given
    if group is not None:
        labels, sizes = numbered_groups(used[group])
        tested = _named(sizes)
        dummies = {name: (labels == k).astype(float) for k, name in enumerate(tested, start=1)}
        used = used.assign(**dummies)
    return Regressed(
        text=model,
        data=used,
        factor_of=_factors(model, used),
        tested=tested,
        held={} if group is None else given,
        n_clusters=None if cluster is None else int(used[cluster].nunique()),
        notes=notes,
        options=options,
    )


def grouped(
    model: str, data: pd.DataFrame, group: str, cluster: str | None, options: dict[str, object]
) -> Grouped:
    """Write a model of ordered items.

    Raises
    ------
    DataError, ModelError, OptionError
        As `measure.mimic` has them.
    """
    used, notes = _complete(data, [group], cluster)
    labels, sizes = numbered_groups(used[group])
    # The first group of a fit is that of the first row.
    return Grouped(
        text=model,
        data=used.assign(**{NUMBER: labels}).sort_values(NUMBER, kind="stable"),
        factor_of=_factors(model, used),
        tested=_named(sizes),
        n_clusters=None if cluster is None else int(used[cluster].nunique()),
        notes=notes,
        options=options,
    )


def _complete(
    data: pd.DataFrame, columns: Sequence[str], cluster: str | None
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Leave out rows without a predictor or cluster, and say how many."""
    needed = [*columns, *([] if cluster is None else [cluster])]
    for name in needed:
        if list(data.columns).count(name) != 1:
            raise OptionError(f'the data need one column "{name}".')
    used = data[data[needed].notna().all(axis=1)]
    dropped = len(data) - len(used)
    notes = (f"{dropped} rows without a predictor or cluster left out.",) if dropped else ()
    return used, notes


def _named(sizes: "pd.Series[int]") -> dict[str, str]:
    """Give names of the memberships of all groups but the first, with the groups' own."""
    return {f"{NUMBER}_{k}": str(value) for k, value in enumerate(sizes.index) if k}


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
