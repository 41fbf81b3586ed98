"""Chi-square tests corrected for small samples and many items.

Maximum likelihood rejects true models too often where respondents are few for the number of items.
The corrections multiply T = (N - 1) F by a factor below 1 that brings its mean nearer to the
degrees of freedom. With p items, k factors, q parameters and n = N - 1:

- Bartlett (1950), derived for exploratory factor analysis: 1 - (2p + 4k + 5)/(6n) (as Nevitt &
  Hancock 2004).
- Swain (1975), for any covariance structure that is invariant to scale:
  1 - [p(2p^2 + 3p - 1) - r(2r^2 + 3r - 1)]/(12 df n) with r = [sqrt(1 + 4p(p + 1) - 8 df) - 1]/2
  (as Herzog, Boomsma & Reinecke 2007).
- Yuan, Tian & Yanagihara (2015), fitted to simulations: [N - (2.381 + .361 p + .006 q)]/n.

semTools writes N for n in the first two, which changes them by less than 1/N of what they correct.
"""

import numpy as np
import pandas as pd

from measure.chisquare import p_value
from measure.errors import OptionError
from measure.fitting.fitted import Fit, require_one_level
from measure.fitting.problem import moment_count

SOURCES = {
    "standard": "",
    "bartlett": "Bartlett (1950), as Nevitt & Hancock (2004)",
    "swain": "Swain (1975), as Herzog, Boomsma & Reinecke (2007)",
    "yuan.2015": "Yuan, Tian & Yanagihara (2015)",
}


def small_sample_tests(fit: Fit) -> pd.DataFrame:
    """Test a model by chi-squares that are corrected for the size of the sample.

    Parameters
    ----------
    fit
        A model fitted by maximum likelihood to one group with complete answers.

    Returns
    -------
    DataFrame
        Index `standard bartlett swain yuan.2015`, columns `factor chisq df pvalue
        source`, and with a scaled test `chisq.scaled pvalue.scaled`: the scaled statistic times
        the same factor (Nevitt & Hancock 2004). `standard` is the uncorrected T = (N - 1) F, which
        is lavaan's chi-square times (N - 1)/N; NaN without degrees of freedom, or where a factor
        would not be positive because respondents are too few.

    Raises
    ------
    OptionError
        Another estimator, several groups, missing answers, or restricted means: the corrections
        are not derived for them.
    """
    require_one_level(fit, "small_sample_tests")
    if fit.moments.ordinal is not None:
        raise OptionError(
            "small-sample corrections are derived for maximum likelihood of continuous items; this "
            "model has ordered ones. `bootstrap` gives intervals that need no large sample."
        )
    if fit.method.estimator.discrepancy != "ML" or fit.method.fiml or fit.n_groups > 1:
        raise OptionError(
            "small-sample corrections are derived for maximum likelihood in one group with "
            f'complete answers; this fit has estimator "{fit.estimator}", missing="{fit.missing}" '
            f"and {fit.n_groups} group{'s' * (fit.n_groups > 1)}."
        )
    if not _means_are_saturated(fit):
        raise OptionError(
            "small-sample corrections are derived for covariance structures, and this model "
            "restricts the means. Free the intercepts of the items to test the covariances alone."
        )
    factors = correction_factors(
        fit.n_obs, len(fit.moments.names), len(fit.model.table.latent), fit.df
    )
    factors = {"standard": 1.0, **factors}
    base = (fit.n_obs - 1) * fit.discrepancy
    table = pd.DataFrame({"factor": factors})
    table["chisq"] = table["factor"] * base
    table["df"] = fit.df
    table["pvalue"] = [p_value(value, fit.df) for value in table["chisq"]]
    if fit.test.test != "standard":
        scaled = fit.test.scaled * (fit.n_obs - 1) / fit.moments.scale
        table["chisq.scaled"] = table["factor"] * scaled
        table["pvalue.scaled"] = [p_value(v, fit.test.scaled_df) for v in table["chisq.scaled"]]
    table["source"] = [SOURCES[name] for name in table.index]
    return table


def _means_are_saturated(fit: Fit) -> bool:
    """Whether the intercepts alone let the means be anything."""
    d_mu = fit.point.derivatives[0].d_mu
    if d_mu is None:
        return True
    model = fit.model
    others = [model.table.parameters[row].op != "~1" for row in model.free_rows]
    basis = fit.point.basis
    intercepts = basis[:, ~basis[others].any(axis=0)]
    given = len(model.table.fixed_x)
    return int(np.linalg.matrix_rank(d_mu @ intercepts)) + given >= len(d_mu)


def correction_factors(n_obs: int, n_items: int, n_factors: int, df: int) -> dict[str, float]:
    """Give the factors that (N - 1) F is multiplied with; NaN where there is none.

    Parameters
    ----------
    n_obs
        Respondents.
    n_items, n_factors
        Observed variables and factors.
    df
        Degrees of freedom of the covariance structure.
    """
    n, p, k = n_obs - 1, n_items, n_factors
    n_moments = moment_count(p, means=False)
    q = n_moments - df
    r = (np.sqrt(1 + 8 * q) - 1) / 2
    swain = np.nan
    if df > 0:
        excess = p * (2 * p**2 + 3 * p - 1) - r * (2 * r**2 + 3 * r - 1)
        swain = 1 - excess / (12 * df * n)
    found = {
        "bartlett": 1 - (2 * p + 4 * k + 5) / (6 * n),
        "swain": swain,
        "yuan.2015": (n_obs - (2.381 + 0.361 * p + 0.006 * q)) / n,
    }
    return {name: float(value) if value > 0 else float("nan") for name, value in found.items()}
