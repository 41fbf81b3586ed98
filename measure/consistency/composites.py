"""Reliability of the sums of items, from a fitted model."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import confidence
from measure.consistency.ordinal_composites import OrdinalComposite
from measure.consistency.reliability import alpha_from_covariances
from measure.distributions import normal_quantile
from measure.fitting.fitted import Fit, require_numbers
from measure.model import Place, State, latent_derivatives

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Composite:
    """One factor of one block: where its items stand, and what forbids a sum of them."""

    name: str
    column: int
    items: NDArray[np.intp]
    problem: str
    remark: str


def composite_reliability(fit: Fit, *, confidence_level: float = 0.95) -> pd.DataFrame:
    """Reliability of the sum of each factor's items, from a fitted model.

    Parameters
    ----------
    fit
        A fitted model.
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

        With ordered items among them all but `ave` are of the sum of the answers as they are coded,
        not of the latent responses: `alpha` from the covariances of the answers (of each pair of
        items where answers are missing), and the omegas are categorical omega (Green & Yang 2009,
        eq. 21), the covariance of two such sums that share the factor alone over the variance of
        one: in `omega` and `omega2` as the model implies it, in `omega3` as the thresholds and
        category correlations of the sample do. `ave` is that of the standardised responses. The
        standard error of `omega` is by the delta method likewise, from all thresholds, loadings
        and variances. Ordered and continuous items of one factor are summed as they are.

        Of a two-level model each level has rows of its own, with S of the saturated model: within
        clusters of differences from the cluster, and between them of latent cluster means, which
        are free of the error of having few members (Geldhof, Preacher & Zyphur 2014); observed
        means are less reliable.

        Where the sum of the items would measure more than this factor, or the factor has fewer
        than two items, the omegas and `ave` are NaN and `note` says why.

    Raises
    ------
    OptionError
        `confidence_level` outside 0 to 1.
    """
    require_numbers(fit, "composite_reliability")
    z = float(normal_quantile((1 + confidence(confidence_level)) / 2))
    spread = fit.vcov_elements
    rows = []
    for k, state in enumerate(fit.point.states):
        S = observed_covariances(fit, k)
        for name in (f for f in fit.model.table.latent if f in state.block.eta):
            factor = composite_of(fit, state, name)
            rows.append(
                {
                    "factor": name,
                    "group": fit.moments.groups[state.block.group - 1],
                    "level": state.block.level,
                    "n_items": len(factor.items),
                    **_composite(fit, k, factor, S, (spread, z)),
                    "note": factor.problem or factor.remark,
                }
            )
    return pd.DataFrame(rows)


def observed_covariances(fit: Fit, block: int) -> Array:
    """Covariances of the answers themselves, of ordered items as they are coded."""
    moments = fit.moments
    if moments.ordinal is None:
        return moments.sample[block].sigma
    return pd.DataFrame(moments.kept_rows[block]).cov().to_numpy()


def factor_items(fit: Fit, state: State, name: str) -> NDArray[np.intp]:
    """Places of the items of a factor among the observed variables, those without own paths."""
    own = _loading_places(fit, state, name)
    return np.array(sorted(p.i for p in own if p.matrix == "lambda_"), dtype=np.intp)


def _loading_places(fit: Fit, state: State, name: str) -> list[Place]:
    rows = fit.model.table.parameters
    return [
        place
        for row, place in state.block.places.items()
        if rows[row].op == "=~" and rows[row].lhs == name
    ]


def composite_of(fit: Fit, state: State, name: str) -> Composite:
    """Find the items of a factor, and say whether their sum measures it alone."""
    block, table = state.block, fit.model.table
    column = block.eta.index(name)
    items = factor_items(fit, state, name)
    # Items with paths of their own stand among eta, like factors.
    own = _loading_places(fit, state, name)
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
    coding = _coding(fit, items)
    remark = " ".join(filter(None, [remark, coding]))
    return Composite(name, column, items, problem, remark)


def _coding(fit: Fit, items: NDArray[np.intp]) -> str:
    """Name ordered items whose codes are not consecutive numbers."""
    if fit.moments.ordinal is None:
        return ""
    names = [fit.moments.names[i] for i in items]
    values = fit.moments.ordinal.values
    jumping = [x for x in names if (np.diff(np.array(values.get(x, ()), dtype=float)) != 1).any()]
    if not jumping:
        return ""
    return (
        f"the codes of {', '.join(jumping)} are not consecutive numbers: the sum is that of the "
        "answers as they are coded."
    )


def _composite(
    fit: Fit, group: int, factor: Composite, S: Array, spread: tuple[Array, float]
) -> dict[str, float]:
    observed = S[np.ix_(factor.items, factor.items)]
    alpha = alpha_from_covariances(observed) if len(observed) > 1 else np.nan
    names = ("omega", "omega2", "omega3", "ave", "omega.se", "omega.ci.lower", "omega.ci.upper")
    if factor.problem:
        return {"alpha": alpha, **dict.fromkeys(names, np.nan)}
    state = fit.point.states[group]
    if state.responses is not None and state.responses.layout.ordered[factor.items].any():
        sums = OrdinalComposite(fit, group, factor.items, factor.column)
        omega, omega3, ave = sums.values
        omega2, gradient = omega, sums.gradient
    else:
        omega, omega2, omega3, ave = _omegas(state, factor, observed)
        gradient = _omega_gradient(state, factor, len(fit.model.free_rows))
    vcov, z = spread
    se = float(np.sqrt(np.maximum(gradient @ vcov @ gradient, 0.0)))
    values = (omega, omega2, omega3, ave, se, omega - z * se, omega + z * se)
    return {"alpha": alpha, **{n: float(v) for n, v in zip(names, values, strict=True)}}


def _omegas(state: State, factor: Composite, observed: Array) -> tuple[float, float, float, float]:
    """omega, omega2, omega3 and the average variance extracted of continuous items."""
    inside = np.ix_(factor.items, factor.items)
    loadings = state.matrices["lambda_"][factor.items, factor.column]
    theta = state.matrices["theta"][inside]
    phi = state.covariance[factor.column, factor.column]
    true, error = loadings.sum() ** 2 * phi, theta.sum()
    explained = loadings @ loadings * phi
    return (
        float(true / (true + error)),
        float(true / state.implied.sigma[inside].sum()),
        float(true / observed.sum()),
        float(explained / (explained + np.trace(theta))),
    )


def _omega_gradient(state: State, factor: Composite, n_elements: int) -> Array:
    """Derivative of omega with respect to the free elements of the model."""
    items, column = factor.items, factor.column
    total = state.matrices["lambda_"][items, column].sum()
    phi = state.covariance[column, column]
    latent = latent_derivatives(state, n_elements)
    true_slope = total**2 * latent.variances[column]
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
