"""A fitted model: the estimates, how they were obtained, and the tables that report them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure import indices
from measure.chisquare import independence, moment_count, p_value
from measure.display import render_html, render_text
from measure.errors import OptionError
from measure.estimators.ml import saturated_loglik
from measure.inference import wald
from measure.model import Implied, Model
from measure.moments.complete import Moments
from measure.standardization import Standardization, definitions, standardize

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Fit:
    """A model fitted to data.

    Attributes
    ----------
    text
        The model text, as given.
    estimator, likelihood, missing
        What was asked for.
    model
        The parameter table as matrices.
    moments
        The sample moments it was compared with.
    params
        Estimates, (n_params,), after equality constraints.
    discrepancy
        Value of the fit function at `params`.
    vcov
        Covariance matrix of `params`; None where the information is singular.
    converged
        Whether the search found a minimum.
    admissible
        Whether the estimates are possible: no negative variance, no correlation above 1.
    iterations, starts
        Steps of the search, and starting points that were needed.
    notes
        Everything that a reader has to know about how this fit came about.
    """

    text: str
    estimator: str
    likelihood: str
    missing: str
    model: Model
    moments: Moments
    params: Array
    discrepancy: float
    vcov: Array | None
    converged: bool
    admissible: bool
    iterations: int
    starts: int
    notes: tuple[str, ...]

    @property
    def n_obs(self) -> int:
        """Respondents used."""
        return self.moments.n_total

    @property
    def n_dropped(self) -> int:
        """Respondents left out because an answer is missing."""
        return self.moments.n_dropped

    @property
    def n_groups(self) -> int:
        """Groups of respondents."""
        return len(self.moments.n_obs)

    @property
    def n_clusters(self) -> int | None:
        """Clusters of respondents; None for a model without levels."""
        return None

    @property
    def df(self) -> int:
        """Degrees of freedom: sample moments less free parameters."""
        table = self.model.table
        n_moments = moment_count(self.moments, means=table.meanstructure, fixed_x=table.fixed_x)
        return n_moments - self.model.n_params

    @property
    def vcov_elements(self) -> Array:
        """Covariance matrix of all free elements, tied ones included; NaN where there is none."""
        n = len(self.model.free_rows)
        if self.vcov is None:
            return np.full((n, n), np.nan)
        return self.model.reduction.expand_covariance(self.vcov)

    @cached_property
    def implied_moments(self) -> list[Implied]:
        """Moments that the model implies, per group."""
        return self.model.implied(self.params)

    @cached_property
    def standardization(self) -> Standardization:
        """Standardised values of all rows, with their derivatives."""
        return standardize(self.model, self.params)

    @cached_property
    def parameters(self) -> pd.DataFrame:
        """One row a parameter, `:=` last, under lavaan's names.

        Columns `lhs op rhs group level label free est se z pvalue ci.lower ci.upper std.lv
        std.all`. Intervals are 95 % normal intervals. Fixed rows have `se` 0 and no test.
        """
        rows = self.model.table.parameters
        defined = self.model.table.definitions
        row_values = self.model.row_values(self.params)
        values, slopes = definitions(self.model, row_values)
        free = list(self.model.free_rows)
        spread = self.vcov_elements
        variance = np.zeros(len(rows) + len(defined))
        variance[free] = np.diag(spread)
        if defined:
            d_free = slopes[:, free]
            variance[len(rows) :] = np.einsum("ij,jk,ik->i", d_free, spread, d_free)
        est = np.append(row_values, values)
        se = np.sqrt(np.maximum(variance, 0.0))
        names = [str(d.lhs) for d in defined]
        return pd.DataFrame(
            {
                "lhs": [row.lhs for row in rows] + names,
                "op": [row.op for row in rows] + [":="] * len(defined),
                "rhs": [row.rhs for row in rows] + [str(d.rhs) for d in defined],
                "group": [row.group for row in rows] + [0] * len(defined),
                "level": [row.level for row in rows] + [0] * len(defined),
                "label": [row.label for row in rows] + names,
                "free": [row.free for row in rows] + [False] * len(defined),
                "est": est,
                "se": se,
                **wald(est, se),
                "std.lv": self.standardization.std_lv,
                "std.all": self.standardization.std_all,
            }
        )

    @cached_property
    def fit_measures(self) -> pd.Series:
        """All measures of fit under lavaan's names."""
        return pd.Series(_fit_measures(self), dtype=float)

    @cached_property
    def loadings(self) -> pd.DataFrame:
        """Standardised loadings, items × factors; 0 where the model has none."""
        rows = self.parameters.query("op == '=~'")
        items = list(dict.fromkeys(rows["rhs"]))
        table = rows.pivot_table(index="rhs", columns="lhs", values="std.all", aggfunc="first")
        table = table.reindex(index=items, columns=list(self.model.table.latent)).fillna(0.0)
        return table.rename_axis(index=None, columns=None)

    @cached_property
    def factor_correlations(self) -> pd.DataFrame:
        """Correlations that the model implies among the factors."""
        factors = list(self.model.table.latent)
        covariance = self.model.states(self.params)[0].covariance[: len(factors), : len(factors)]
        sd = np.sqrt(np.diag(covariance))
        return pd.DataFrame(covariance / np.outer(sd, sd), index=factors, columns=factors)

    @cached_property
    def residual_variances(self) -> pd.Series:
        """Residual variances of the items, in the items' own metric."""
        rows = self.parameters
        items = set(rows.loc[rows["op"] == "=~", "rhs"]) - set(self.model.table.latent)
        own = rows[(rows["op"] == "~~") & (rows["lhs"] == rows["rhs"]) & rows["lhs"].isin(items)]
        return pd.Series(own["est"].to_numpy(), index=own["lhs"].to_list())

    def _report(self) -> tuple[str, Mapping[str, object], Mapping[str, pd.DataFrame]]:
        shown = ("chisq", "df", "pvalue", "cfi", "tli", "rmsea", "rmsea.ci.lower")
        fits = self.fit_measures
        facts = {
            "estimator": self.estimator,
            "respondents used": self.n_obs,
            "respondents dropped": self.n_dropped,
            "converged": self.converged,
            "admissible": self.admissible,
            **{name: fits[name] for name in (*shown, "rmsea.ci.upper", "srmr", "aic", "bic")},
            **{f"note {k}": note for k, note in enumerate(self.notes, start=1)},
        }
        return "Structural equation model", facts, {"parameters": self.parameters}

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


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
        spread = np.einsum("ij,jk,ik->i", jacobian, fit.vcov_elements, jacobian)
        se = np.sqrt(np.maximum(spread, 0.0))
        # A value that is 1 whatever the parameters are has a derivative of rounding only.
        se[se < 1e-9] = 0.0
    names = fit.parameters[["lhs", "op", "rhs", "group", "level"]]
    return names.assign(**{"est.std": est, "se": se}, **wald(est, se))


def _fit_measures(fit: Fit) -> dict[str, float]:
    moments, table = fit.moments, fit.model.table
    n, groups, npar, df = fit.n_obs, fit.n_groups, fit.model.n_params, fit.df
    # The Wishart likelihood counts N - G, as its covariances do.
    n_scale = n if fit.likelihood == "normal" else n - groups
    chisq = n_scale * fit.discrepancy
    base, base_df = independence(moments, n_scale, table.exogenous)
    lower, upper = indices.rmsea_interval(chisq, df, n_scale, groups)
    return {
        "npar": npar,
        "fmin": fit.discrepancy / 2,
        "chisq": chisq,
        "df": df,
        "pvalue": p_value(chisq, df),
        "baseline.chisq": base,
        "baseline.df": base_df,
        "baseline.pvalue": p_value(base, base_df),
        "cfi": indices.cfi(chisq, df, base, base_df),
        "tli": indices.tli(chisq, df, base, base_df),
        "nnfi": indices.tli(chisq, df, base, base_df),
        "rfi": indices.rfi(chisq, df, base, base_df),
        "nfi": indices.nfi(chisq, df, base, base_df),
        "pnfi": indices.pnfi(chisq, df, base, base_df),
        "ifi": indices.ifi(chisq, df, base),
        "rni": indices.rni(chisq, df, base, base_df),
        **_likelihood_measures(fit, npar),
        "ntotal": n,
        "rmsea": indices.rmsea(chisq, df, n_scale, groups),
        "rmsea.ci.lower": lower,
        "rmsea.ci.upper": upper,
        "rmsea.ci.level": 0.90,
        "rmsea.pvalue": indices.rmsea_pvalue(chisq, df, n_scale, groups),
        "rmsea.close.h0": 0.05,
        "rmsea.notclose.pvalue": 1 - indices.rmsea_pvalue(chisq, df, n_scale, groups, close=0.08),
        "rmsea.notclose.h0": 0.08,
        **_residual_measures(fit),
        "cn_05": indices.hoelter(chisq, df, n_scale, 0.05),
        "cn_01": indices.hoelter(chisq, df, n_scale, 0.01),
        **_absolute_measures(fit, chisq, n_scale),
    }


def _likelihood_measures(fit: Fit, npar: int) -> dict[str, float]:
    n = fit.n_obs
    saturated = saturated_loglik(fit.moments, fit.model.table.fixed_x)
    logl = saturated - n * fit.discrepancy / 2
    return {
        "logl": logl,
        "unrestricted.logl": saturated,
        "aic": -2 * logl + 2 * npar,
        "bic": -2 * logl + np.log(n) * npar,
        # Sclove (1987): n replaced by (n + 2)/24.
        "bic2": -2 * logl + np.log((n + 2) / 24) * npar,
    }


def _residual_measures(fit: Fit) -> dict[str, float]:
    means = fit.model.table.meanstructure
    groups = [
        indices.root_mean_squares(sample, implied, means=means)
        for sample, implied in zip(fit.moments.sample, fit.implied_moments, strict=True)
    ]
    shares = np.array(fit.moments.n_obs) / fit.n_obs
    return {name: float(shares @ [group[name] for group in groups]) for name in groups[0]}


def _absolute_measures(fit: Fit, chisq: float, n_scale: int) -> dict[str, float]:
    table, df, npar = fit.model.table, fit.df, fit.model.n_params
    # lavaan counts all moments here, those that fixed.x takes from the sample included.
    n_moments = moment_count(fit.moments, means=table.meanstructure, fixed_x=())
    given = np.array([name in table.fixed_x for name in fit.moments.names])
    shares = np.array(fit.moments.n_obs) / fit.n_obs
    pairs = zip(fit.moments.sample, fit.implied_moments, strict=True)
    gfi = float(shares @ np.array([indices.gfi(s, m, given) for s, m in pairs]))
    return {
        "gfi": gfi,
        "agfi": 1 - n_moments / df * (1 - gfi) if df else 1.0,
        "pgfi": df / n_moments * gfi,
        "mfi": indices.mcdonald_fit(chisq, df, n_scale),
        "ecvi": chisq / n_scale + 2 * npar / n_scale,
    }
