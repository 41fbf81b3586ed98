"""A fitted model: the estimates, how they were obtained, and the tables that report them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.chisquare import Statistic, statistic
from measure.display import render_html, render_text
from measure.errors import OptionError
from measure.fitting.baseline import baseline_point, baseline_statistic, closed_form
from measure.fitting.fit_measures import fit_measures
from measure.fitting.inference import wald
from measure.fitting.lavaan_call import lavaan_code
from measure.fitting.problem import Point, Problem
from measure.fitting.rotated_blocks import Exploration
from measure.fitting.standardization import Standardization
from measure.model import Implied, Model
from measure.moments import Moments
from measure.specification.definitions import definitions
from measure.specification.options import Method, Options
from measure.threads import on_one_thread

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Fit:
    """A model fitted to data.

    Attributes
    ----------
    text
        The model text, as given.
    function
        Which of `cfa`, `sem`, `growth` and `lavaan` (for `fit`) completed it.
    options
        What was asked for.
    method
        What that amounts to: estimator, standard errors, test, information.
    problem
        Model, sample moments and discrepancy.
    params
        Estimates, (n_params,), after linear equality constraints.
    discrepancy
        Value of the fit function at `params`.
    vcov
        Covariance matrix of all free elements, tied ones included; None where the information is
        singular, or no standard errors were asked for.
    converged
        Whether the search found a minimum.
    admissible
        Whether the estimates are possible: no negative variance, no correlation above 1.
    iterations, starts
        Steps of the search, and starting points that were needed.
    notes
        Everything that a reader has to know about how this fit came about.
    found
        What the search has already computed at `params`.
    exploration
        How exploratory blocks were rotated; None without any.
    """

    text: str
    function: str
    options: Options
    method: Method
    problem: Problem
    params: Array
    discrepancy: float
    vcov: Array | None
    converged: bool
    admissible: bool
    iterations: int
    starts: int
    notes: tuple[str, ...]
    found: Point | None = None
    exploration: Exploration | None = None

    @property
    def model(self) -> Model:
        """The parameter table as matrices."""
        return self.problem.model

    @property
    def moments(self) -> Moments:
        """The sample moments that the model was compared with."""
        return self.problem.moments

    @property
    def estimator(self) -> str:
        """Name of the estimator."""
        return self.method.estimator.name

    @property
    def missing(self) -> str:
        """How missing answers were treated."""
        return self.options.missing

    @property
    def n_obs(self) -> int:
        """Respondents used."""
        return self.moments.n_total

    @property
    def n_dropped(self) -> int:
        """Respondents left out because an answer, the group or the cluster is missing."""
        return self.moments.n_dropped

    @property
    def n_groups(self) -> int:
        """Groups of respondents."""
        return len(self.moments.n_obs)

    @property
    def n_clusters(self) -> int | None:
        """Clusters of respondents; None where none were named."""
        return self.moments.n_clusters

    @property
    def df(self) -> int:
        """Degrees of freedom: sample moments less free parameters."""
        return self.problem.df

    @cached_property
    def point(self) -> Point:
        """The model at the estimates."""
        if self.found is not None and self.found.params is self.params:
            return self.found
        return self.problem.at(self.params)

    @cached_property
    def test(self) -> Statistic:
        """The chi-square test of the model."""
        return statistic(self.point, self.method, self.discrepancy)

    @cached_property
    def baseline(self) -> Statistic:
        """The same test of the baseline model, in which nothing covaries."""
        simple = closed_form(self.problem, self.method)
        return simple or baseline_statistic(self.baseline_point, self.method)

    @cached_property
    def baseline_point(self) -> Point:
        """The baseline model at its estimates."""
        return baseline_point(self.problem)

    @property
    def vcov_elements(self) -> Array:
        """Covariance matrix of all free elements; NaN where there is none."""
        n = len(self.model.free_rows)
        return np.full((n, n), np.nan) if self.vcov is None else self.vcov

    @property
    def covariance(self) -> pd.DataFrame:
        """Covariance matrix of the estimates, free parameters on both sides.

        A parameter is named by its label, or as `lhs op rhs`, with `.g2` and so on for later
        groups and `.l2` between clusters, as in lavaan.
        """
        names = []
        for index in self.model.free_rows:
            row = self.model.table.parameters[index]
            if row.label and row.user:
                names.append(row.label)
            else:
                names.append(f"{row.lhs}{row.op}{row.rhs}" if row.label else row.name)
        return pd.DataFrame(self.vcov_elements, index=names, columns=names)

    @property
    def implied_moments(self) -> list[Implied]:
        """Moments that the model implies, per group."""
        return self.point.implied

    @cached_property
    def standardization(self) -> Standardization:
        """Standardised values of all rows, with their derivatives."""
        return Standardization(self.model, self.point.states, self.row_values)

    @cached_property
    def row_values(self) -> Array:
        """Value of every row of the parameter table, (n_rows,)."""
        return self.model.table_values(self.params, self.point.states)

    @cached_property
    @on_one_thread
    def parameters(self) -> pd.DataFrame:
        """One row a parameter, `:=` last, under lavaan's names.

        Columns `lhs op rhs group level label free est se z pvalue ci.lower ci.upper std.lv
        std.all`; `group` holds the group's own value. Intervals are 95 % normal intervals. Fixed
        rows have `se` 0 and no test.
        """
        rows = self.model.table.parameters
        defined = self.model.table.definitions
        row_values = self.row_values
        values, slopes = definitions(self.model.table, row_values)
        free = list(self.model.free_rows)
        spread = self.vcov_elements
        variance = np.zeros(len(rows) + len(defined))
        variance[free] = np.diag(spread)
        if defined:
            d_free = slopes[:, free]
            variance[len(rows) :] = np.einsum("ij,jk,ik->i", d_free, spread, d_free)
        est = np.append(row_values, values)
        se = np.sqrt(np.maximum(variance, 0.0))
        labels, n = self.moments.groups, len(est)
        none = 0 if self.n_groups == 1 else ""
        texts = [(row.lhs, row.op, row.rhs, row.label) for row in rows]
        texts += [(str(d.lhs), ":=", str(d.rhs), str(d.lhs)) for d in defined]
        # All texts are turned into a column at once, which is what takes time, and then parted.
        column = pd.array([text for part in zip(*texts, strict=True) for text in part], dtype="str")
        # The arrays are the table's own, so that it need not copy them.
        return pd.DataFrame(
            {
                "lhs": column[:n],
                "op": column[n : 2 * n],
                "rhs": column[2 * n : 3 * n],
                "group": [labels[row.group - 1] for row in rows] + [none] * len(defined),
                "level": np.array([row.level for row in rows] + [0] * len(defined)),
                "label": column[3 * n :],
                "free": np.array([row.free for row in rows] + [False] * len(defined)),
                "est": est,
                "se": se,
                **wald(est, se),
                "std.lv": self.standardization.std_lv.copy(),
                "std.all": self.standardization.std_all.copy(),
            },
            copy=False,
        )

    @cached_property
    @on_one_thread
    def fit_measures(self) -> pd.Series:
        """All measures of fit under lavaan's names."""
        found = fit_measures(self)
        return pd.Series(np.array(list(found.values())), index=list(found))

    @cached_property
    def loadings(self) -> pd.DataFrame:
        """Standardised loadings, items × factors; 0 where the model has none.

        With several groups the index is (group, item), with two levels (level, item), level 1
        within and 2 between clusters, and with both (group, level, item).
        """
        rows = self.parameters.query("op == '=~'")
        factors = list(self.model.table.latent)
        tables = []
        for group, level in self._places:
            own = rows[(rows["group"] == group) & (rows["level"] == level)]
            table = own.pivot_table(index="rhs", columns="lhs", values="std.all", aggfunc="first")
            items = list(dict.fromkeys(own["rhs"]))
            table = table.reindex(index=items, columns=factors).fillna(0.0)
            tables.append(table.rename_axis(index=None, columns=None))
        return self.by_block(tables)

    @cached_property
    def factor_correlations(self) -> pd.DataFrame:
        """Correlations that the model implies among the factors.

        The index has the factor in place of the item that `loadings` has.
        """
        tables = []
        for state in self.point.states:
            factors = [name for name in state.block.eta if name in self.model.table.latent]
            covariance = state.covariance[: len(factors), : len(factors)]
            sd = np.sqrt(np.diag(covariance))
            tables.append(
                pd.DataFrame(covariance / np.outer(sd, sd), index=factors, columns=factors)
            )
        return self.by_block(tables)

    @property
    def _places(self) -> list[tuple[object, int]]:
        """Group and level of each block."""
        labels, n_levels = self.moments.groups, self.model.table.n_levels
        return [(label, level) for label in labels for level in range(1, n_levels + 1)]

    def by_block(self, tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
        """Stack one table a block under group and level; of several those that there are.

        A single table stays as it is.
        """
        if len(tables) == 1:
            return tables[0]
        groups, levels = zip(*self._places, strict=True)
        keys: list[object] = list(self._places)
        if self.model.table.n_levels == 1:
            keys = list(groups)
        elif self.n_groups == 1:
            keys = list(levels)
        return pd.concat(tables, keys=keys)

    @cached_property
    def residual_variances(self) -> pd.Series:
        """Residual variances of the items, in the items' own metric.

        The index is that of `loadings`.
        """
        rows = self.parameters
        items = set(rows.loc[rows["op"] == "=~", "rhs"]) - set(self.model.table.latent)
        own = rows[(rows["op"] == "~~") & (rows["lhs"] == rows["rhs"]) & rows["lhs"].isin(items)]
        keys = ["group"] if self.n_groups > 1 else []
        keys += ["level"] if self.model.table.n_levels > 1 else []
        index = [own[key].to_list() for key in (*keys, "lhs")]
        return pd.Series(own["est"].to_numpy(), index=index if keys else index[0])

    @cached_property
    def thresholds(self) -> pd.Series:
        """Thresholds of the ordered items in the units of the latent responses, as `item|t1`.

        Empty where all items are continuous. With several groups the index is (group, threshold).
        """
        own = self.parameters[self.parameters["op"] == "|"]
        index = [f"{item}|{name}" for item, name in zip(own["lhs"], own["rhs"], strict=True)]
        if self.n_groups > 1:
            return pd.Series(own["est"].to_numpy(), index=[own["group"].to_list(), index])
        return pd.Series(own["est"].to_numpy(), index=index)

    def to_lavaan(self) -> str:
        """Give the R code that reproduces this fit by lavaan; see `lavaan_call.lavaan_code`.

        Raises
        ------
        OptionError
            Where lavaan would fit another model.
        """
        return lavaan_code(self)

    def _report(self) -> tuple[str, Mapping[str, object], Mapping[str, pd.DataFrame]]:
        fits = self.fit_measures
        suffix = "" if self.test.test == "standard" else ".scaled"
        shown = [f"{name}{suffix}" for name in ("chisq", "df", "pvalue", "cfi", "tli", "rmsea")]
        if np.isfinite(fits.get("rmsea.robust", np.nan)):
            suffix = ".robust"
            shown += ["cfi.robust", "tli.robust", "rmsea.robust"]
        # The interval is that of the last RMSEA shown.
        shown += [f"rmsea.ci.lower{suffix}", f"rmsea.ci.upper{suffix}", "srmr", "aic", "bic"]
        facts = {
            "estimator": self.estimator,
            "missing answers": self.missing,
            "standard errors": self.method.se,
            "test": self.method.test,
            "respondents used": self.n_obs,
            "respondents dropped": self.n_dropped,
            **({"groups": self.n_groups} if self.n_groups > 1 else {}),
            **({"clusters": self.n_clusters} if self.n_clusters is not None else {}),
            "converged": self.converged,
            "admissible": self.admissible,
            **({} if self.exploration is None else self.exploration.facts),
            **{name: fits[name] for name in shown if name in fits},
            **{f"note {k}": note for k, note in enumerate(self.notes, start=1)},
        }
        return "Structural equation model", facts, {"parameters": self.parameters}

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def require_one_level(fit: Fit, what: str) -> None:
    """Refuse a two-level fit where only models of one level are dealt with.

    Raises
    ------
    OptionError
        Naming what is not available.
    """
    if fit.moments.levels is not None:
        raise OptionError(
            f"{what} is not available for two-level models. Fit a one-level model (without the "
            "`level:` blocks; `cluster` alone makes standard errors and tests robust)."
        )


def require_numbers(fit: Fit, what: str) -> None:
    """Refuse a two-level fit to ordered items where only one to numbers is dealt with.

    Raises
    ------
    OptionError
        Naming what is not available.
    """
    if fit.moments.level_layout is not None:
        raise OptionError(
            f"{what} is not available for two-level models of ordered items. Fit the answers as "
            "numbers (without `ordered`), or a one-level model (without the `level:` blocks)."
        )


def standardized(fit: Fit, *, kind: str = "std.all") -> pd.DataFrame:
    """Give the standardised solution with delta-method standard errors.

    Parameters
    ----------
    fit
        A fitted model.
    kind
        `std.all` standardises items and factors, `std.lv` factors only.

    Returns
    -------
    DataFrame
        One row a parameter: `lhs op rhs group level est.std se z pvalue ci.lower ci.upper`. The
        standard errors are sqrt(J V J') with J the exact derivatives of the standardised values
        (Bollen 1989, p. 124 f. for the solution; Oehlert 1992 for the method); NaN where the
        model gave none.

    Raises
    ------
    OptionError
        For another `kind`.
    """
    if kind not in ("std.all", "std.lv"):
        raise OptionError(f'kind "{kind}" is not known; choose "std.all" or "std.lv".')
    solution = fit.standardization
    est, jacobian = (
        (solution.std_all, solution.jacobian_all)
        if kind == "std.all"
        else (solution.std_lv, solution.jacobian_lv)
    )
    if fit.vcov is None:
        se = np.full(len(est), np.nan)
    else:
        spread = ((jacobian @ fit.vcov_elements) * jacobian).sum(axis=1)
        se = np.sqrt(np.maximum(spread, 0.0))
        # A value that is 1 whatever the parameters are has a derivative of rounding only.
        se[se < 1e-9] = 0.0
    names = fit.parameters[["lhs", "op", "rhs", "group", "level"]]
    return names.assign(**{"est.std": est, "se": se}, **wald(est, se))
