"""How consistent is a scale? Coefficient alpha from answers, omega from a fitted model."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import complete_rows, confidence, numeric_items
from measure.display import render_html, render_text
from measure.distributions import normal_quantile
from measure.model import State, latent_derivatives

if TYPE_CHECKING:
    from measure.fitted import Fit

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CronbachAlpha:
    """Coefficient alpha of a sum of items.

    Attributes
    ----------
    alpha
        From covariances: for the sum (or mean) of the answers as given.
    alpha_std
        From correlations: for the sum of standardised answers.
    ci_lower, ci_upper, confidence_level
        Feldt's interval for `alpha`.
    average_r
        Mean correlation among the items.
    n_obs, n_items, n_dropped
        Rows used, items, rows left out because an answer is missing.
    notes
        What the reader has to know.
    """

    alpha: float
    alpha_std: float
    ci_lower: float
    ci_upper: float
    confidence_level: float
    average_r: float
    n_obs: int
    n_items: int
    n_dropped: int
    notes: tuple[str, ...]

    @property
    def table(self) -> pd.DataFrame:
        """One row, labelled as a report would: `alpha ci.lower ci.upper std.alpha n_items n_obs`.

        `std.alpha` has no interval: Feldt's is for items as given.
        """
        return pd.DataFrame(
            {
                "alpha": [self.alpha],
                "ci.lower": [self.ci_lower],
                "ci.upper": [self.ci_upper],
                "std.alpha": [self.alpha_std],
                "n_items": [self.n_items],
                "n_obs": [self.n_obs],
            }
        )

    def _facts(self) -> dict[str, object]:
        facts: dict[str, object] = {
            "interval": f"Feldt, {self.confidence_level:.0%}",
            "left out (missing answers)": self.n_dropped,
        }
        return facts | {f"note {i}": note for i, note in enumerate(self.notes, start=1)}

    def __repr__(self) -> str:
        return render_text("Cronbach's alpha", self._facts(), {"Estimate": self.table})

    def _repr_html_(self) -> str:
        return render_html("Cronbach's alpha", self._facts(), {"Estimate": self.table})


def cronbach_alpha(items: pd.DataFrame, *, confidence_level: float = 0.95) -> CronbachAlpha:
    """Cronbach's alpha of a set of items, raw and standardised, with Feldt's interval.

    Parameters
    ----------
    items
        The items of one scale, one row a respondent, already reverse-keyed where they should be;
        rows with a missing answer are left out.
    confidence_level
        Of the interval.

    Returns
    -------
    CronbachAlpha

    Raises
    ------
    DataError
        Fewer than two items or three complete rows, or an item that cannot be analysed.
    OptionError
        `confidence_level` outside 0 to 1.

    Notes
    -----
    Alpha is the reliability of the sum only when the items are essentially tau-equivalent with
    uncorrelated errors; otherwise it is usually too low. The interval assumes normal items with
    equal covariances.

    References
    ----------
    Cronbach (1951). Feldt (1965); Feldt, Woodruff & Salih (1987) for the interval.
    """
    confidence(confidence_level)
    numbers = numeric_items(items, minimum_items=2)
    complete = complete_rows(numbers, minimum_rows=3)
    X = complete.to_numpy()
    n_obs, n_items = X.shape
    R = np.corrcoef(X, rowvar=False)
    alpha = alpha_from_covariances(np.cov(X, rowvar=False))
    lower, upper = feldt_interval(alpha, n_obs, n_items, confidence_level)
    return CronbachAlpha(
        alpha=alpha,
        alpha_std=alpha_from_covariances(R),
        ci_lower=lower,
        ci_upper=upper,
        confidence_level=confidence_level,
        average_r=float(R[np.triu_indices(n_items, 1)].mean()),
        n_obs=n_obs,
        n_items=n_items,
        n_dropped=len(numbers) - n_obs,
        notes=tuple(_alpha_notes(complete, alpha)),
    )


def alpha_from_covariances(S: Array) -> float:
    """Coefficient alpha p/(p - 1) · (1 - tr S / 1'S1) of a sum with covariance matrix S.

    Parameters
    ----------
    S
        Covariances (or correlations, for standardised alpha), `(n_items, n_items)`.
    """
    n_items = len(S)
    return float(n_items / (n_items - 1) * (1 - np.trace(S) / S.sum()))


def feldt_interval(
    alpha: float, n_obs: int, n_items: int, confidence_level: float
) -> tuple[float, float]:
    """Interval of alpha: (1 - α̂)/(1 - α) follows F with n - 1 and (n - 1)(p - 1) df (Feldt 1965).

    Returns
    -------
    tuple
        Lower and upper bound.
    """
    from scipy.stats import f

    df1, df2 = n_obs - 1, (n_obs - 1) * (n_items - 1)
    tail = (1 - confidence_level) / 2
    lower, upper = 1 - (1 - alpha) * np.asarray(f.ppf([1 - tail, tail], df1, df2))
    return float(lower), float(upper)


def item_rest_correlations(X: Array) -> Array:
    """Correlation of each item with the sum of the others, `(n_items,)`.

    Parameters
    ----------
    X
        Complete answers, `(n_obs, n_items)`. NaN where the sum of the others is constant.
    """
    S = np.cov(X, rowvar=False)
    with_sum, variances = S.sum(axis=1), np.diag(S)
    rest = S.sum() - 2 * with_sum + variances
    rest = np.where(rest > 1e-12 * S.sum(), rest, np.nan)
    result: Array = (with_sum - variances) / np.sqrt(variances * rest)
    return result


def _alpha_notes(complete: pd.DataFrame, alpha: float) -> list[str]:
    correlations = item_rest_correlations(complete.to_numpy())
    negative = [
        f'"{name}" ({r:.2f})'
        for name, r in zip(complete.columns, correlations, strict=True)
        if r < 0
    ]
    notes = []
    if negative:
        notes.append(
            f"Negative item-rest correlation: {', '.join(negative)}. "
            "Check whether these items should be reverse-keyed, or belong to the scale."
        )
    if alpha < 0:
        notes.append("Alpha is negative: the items covary negatively on average.")
    return notes


@dataclass(frozen=True, eq=False)
class _Factor:
    """One factor of one block: where its items stand, and what forbids a composite of them."""

    name: str
    column: int
    items: NDArray[np.intp]
    problem: str
    remark: str


def composite_reliability(fit: "Fit", *, confidence_level: float = 0.95) -> pd.DataFrame:
    """Reliability of the sum of each factor's items, from a fitted model.

    Parameters
    ----------
    fit
        A fitted model with continuous items.
    confidence_level
        Of the interval of omega.

    Returns
    -------
    pandas.DataFrame
        One row a factor: `factor group level n_items alpha omega omega2 omega3 ave omega.se
        omega.ci.lower omega.ci.upper note`. With s the sum of the loadings, φ the variance of the
        factor, and Θ, Σ, S the residual, implied and observed covariances of its items:

        - `alpha`: from S;
        - `omega`: s²φ / (s²φ + 1'Θ1), residual covariances included (Raykov 2001; Bollen 1980),
          with delta-method standard error and normal interval (Raykov 2002);
        - `omega2`: s²φ / 1'Σ1 (Bentler 1972, 2009);
        - `omega3`: s²φ / 1'S1 (McDonald 1999);
        - `ave`: Σλ²φ / (Σλ²φ + Σθ) (Fornell & Larcker 1981).

        Where the sum of the items would measure more than this factor, or the factor has fewer
        than two items, the omegas and `ave` are NaN and `note` says why.

    Raises
    ------
    OptionError
        `confidence_level` outside 0 to 1.
    """
    z = float(normal_quantile((1 + confidence(confidence_level)) / 2))
    spread = fit.vcov_elements
    rows = []
    for state, sample in zip(fit.point.states, fit.moments.sample, strict=True):
        for name in (f for f in fit.model.table.latent if f in state.block.eta):
            factor = _factor(fit, state, name)
            rows.append(
                {
                    "factor": name,
                    "group": fit.moments.groups[state.block.group - 1],
                    "level": 1,
                    "n_items": len(factor.items),
                    **_composite(state, factor, sample.sigma, spread, z),
                    "note": factor.problem or factor.remark,
                }
            )
    return pd.DataFrame(rows)


def _factor(fit: "Fit", state: State, name: str) -> _Factor:
    """Find the items of a factor, and say whether their sum measures it alone."""
    block, table = state.block, fit.model.table
    column = block.eta.index(name)
    own = [
        place
        for row, place in block.places.items()
        if table.parameters[row].op == "=~" and table.parameters[row].lhs == name
    ]
    items = sorted(place.i for place in own if place.matrix == "lambda_")
    # Items with paths of their own stand among eta, like factors.
    in_eta = [block.eta[place.i] for place in own if place.matrix == "beta"]
    paths = [item for item in in_eta if item not in table.latent]
    others = {
        block.observed[i]: block.eta[j]
        for i in items
        for j in np.flatnonzero(state.matrices["lambda_"][i])
        if j != column
    }
    problem = remark = ""
    if others:
        named = ", ".join(f"{item} also loads on {factor}" for item, factor in others.items())
        problem = f"{named}: their sum measures more than one factor."
    elif paths:
        problem = f"{', '.join(paths)} has paths of its own: the sum measures more than the factor."
    elif len(items) == 0:
        problem = "no items of its own: the reliability of a higher-order factor is not given here."
    elif len(items) == 1:
        problem = "one item: its reliability cannot be told from the model."
    else:
        loadings = state.matrices["lambda_"][items, column]
        if loadings.min() < 0 < loadings.max():
            remark = "loadings of both signs: reverse-key items before summing them."
        elif (np.diag(state.matrices["theta"])[items] < 0).any():
            remark = "a residual variance is negative: the solution is improper."
    return _Factor(name, column, np.array(items, dtype=np.intp), problem, remark)


def _composite(
    state: State, factor: _Factor, S: Array, spread: Array, z: float
) -> dict[str, float]:
    inside = np.ix_(factor.items, factor.items)
    observed = S[inside]
    alpha = alpha_from_covariances(observed) if len(observed) > 1 else np.nan
    names = ("omega", "omega2", "omega3", "ave", "omega.se", "omega.ci.lower", "omega.ci.upper")
    if factor.problem:
        return {"alpha": alpha, **dict.fromkeys(names, np.nan)}
    loadings = state.matrices["lambda_"][factor.items, factor.column]
    theta = state.matrices["theta"][inside]
    phi = state.covariance[factor.column, factor.column]
    true, error = loadings.sum() ** 2 * phi, theta.sum()
    omega = true / (true + error)
    gradient = _omega_gradient(state, factor, len(spread))
    se = float(np.sqrt(np.maximum(gradient @ spread @ gradient, 0.0)))
    explained = float(loadings @ loadings * phi)
    values = (
        omega,
        true / state.implied.sigma[inside].sum(),
        true / observed.sum(),
        explained / (explained + np.trace(theta)),
        se,
        omega - z * se,
        omega + z * se,
    )
    return {"alpha": alpha, **{n: float(v) for n, v in zip(names, values, strict=True)}}


def _omega_gradient(state: State, factor: _Factor, n_elements: int) -> Array:
    """Derivative of omega with respect to the free elements of the model."""
    items, column = factor.items, factor.column
    total = state.matrices["lambda_"][items, column].sum()
    phi = state.covariance[column, column]
    latent = latent_derivatives(state, n_elements)
    true_slope = total**2 * 2 * latent.u[column] * latent.v[column]
    error_slope = np.zeros(n_elements)
    for name, (i, j, element) in state.block.elements.items():
        if name == "lambda_":
            own = (j == column) & np.isin(i, items)
            true_slope[element[own]] += 2 * total * phi
        elif name == "theta":
            own = np.isin(i, items) & np.isin(j, items)
            error_slope[element[own]] += np.where(i == j, 1.0, 2.0)[own]
    true = total**2 * phi
    error = state.matrices["theta"][np.ix_(items, items)].sum()
    slope: Array = (error * true_slope - true * error_slope) / (true + error) ** 2
    return slope
