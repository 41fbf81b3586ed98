"""What a solution says: variances, shares and coefficients, as tables and as one long vector."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.levels.mixed.design import Design, Term
from measure.levels.mixed.prediction import predict
from measure.levels.mixed.quantities import Covariance, Quantity, Residual, Share
from measure.levels.mixed.regions import Region
from measure.levels.mixed.search import Solution, solve
from measure.levels.mixed.terms import INTERCEPT

Array = NDArray[np.float64]
RESIDUAL = "Residual"


class Row(NamedTuple):
    """One row of the table of components; `share` is None where there is none."""

    level: str
    effect: str
    other: str
    quantity: Quantity
    share: Quantity | None
    n_units: int


@dataclass(frozen=True, eq=False)
class Report:
    """What a solution says.

    Attributes
    ----------
    solution
        The highest likelihood.
    names
        Of the fixed effects.
    """

    solution: Solution
    names: tuple[str, ...]

    @property
    def design(self) -> Design:
        """The model."""
        return self.solution.near.likelihood.design

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """Variances and covariances, term by term, the residual one last."""
        likelihood = self.solution.near.likelihood
        residual = Residual(likelihood)
        found: list[Row] = []
        shared = all(term.width == 1 for term in self.design.terms)
        n_terms = len(self.design.terms)
        own: tuple[Quantity, ...] = tuple(Covariance(likelihood, t, 0, 0) for t in range(n_terms))
        for t, term in enumerate(self.design.terms):
            others: tuple[Quantity, ...] = (*own[:t], *own[t + 1 :], residual)
            for i, j in _pairs(term.width):
                quantity = Covariance(likelihood, t, i, j)
                share = Share((quantity,), others) if shared else None
                found.append(
                    Row(term.name, term.effects[i], term.effects[j], quantity, share, term.n_units)
                )
        share = Share((residual,), own) if shared else None
        found.append(Row(RESIDUAL, "", "", residual, share, self.design.n_obs))
        return tuple(found)

    def values(self) -> Array:
        """Give estimates of all rows, of their shares (NaN without), and of the coefficients."""
        near, sigma = self.solution.near, self.solution.sigma
        variances = [row.quantity.at(near.entries, sigma)[0] for row in self.rows]
        shares = [
            np.nan if row.share is None else row.share.at(near.entries, sigma)[0]
            for row in self.rows
        ]
        return np.array([*variances, *shares, *self.coefficients])

    @cached_property
    def turned(self) -> Array:
        """Inverse of the triangle that the fixed effects were made orthogonal by, (p, p)."""
        return np.linalg.inv(self.design.R)

    @property
    def coefficients(self) -> Array:
        """Fixed effects, (p,)."""
        design = self.design
        return self.turned @ (
            design.ordinary + design.unit * self.solution.near.regression.coefficients
        )

    @property
    def covariance(self) -> Array:
        """Covariance of their estimates, (p, p)."""
        scale = (self.design.unit * self.solution.sigma) ** 2
        return scale * self.turned @ self.solution.near.regression.covariance @ self.turned.T


def _pairs(width: int) -> Iterator[tuple[int, int]]:
    """Variances first, then covariances."""
    yield from ((i, i) for i in range(width))
    yield from ((j, i) for i in range(width) for j in range(i))


def component_table(
    report: Report, tests: pd.DataFrame, level: float, profiled: bool
) -> pd.DataFrame:
    """Estimates, standard errors and, where they are profiled, intervals."""
    region = Region(report.solution, level)
    near, sigma = report.solution.near, report.solution.sigma
    chisq = tests["chisq"].to_numpy(dtype=float)
    tested = zip(tests["level"], tests["effect"], chisq <= region.limit, strict=True)
    zero = {(str(name), str(effect)): bool(small) for name, effect, small in tested}
    found = []
    for row in report.rows:
        estimate = row.quantity.at(near.entries, sigma)[0]
        variance = row.effect == row.other
        se = region.se(row.quantity)
        at_zero = variance and zero.get((row.level, row.effect), False)
        limits = _limits(region, row.quantity, at_zero) if profiled else (np.nan, np.nan)
        share, share_limits = np.nan, (np.nan, np.nan)
        if row.share is not None:
            share = row.share.at(near.entries, sigma)[0]
            share_limits = _limits(region, row.share, at_zero) if profiled else share_limits
        found.append(
            {
                "level": row.level,
                "effect": row.effect,
                "other": row.other,
                "n_units": row.n_units,
                "estimate": estimate,
                "se": se if se > 0 else np.nan,
                "ci.lower": limits[0],
                "ci.upper": limits[1],
                "share": share,
                "share.ci.lower": share_limits[0],
                "share.ci.upper": share_limits[1],
            }
        )
    return pd.DataFrame(found)


def _limits(region: Region, quantity: Quantity, at_zero: bool) -> tuple[float, float]:
    """Ends of the interval; the lower one is 0 where a model without the variance is as good."""
    if not at_zero:
        return region.interval(quantity)
    return 0.0, region.interval(quantity, upper_only=True)[1]


def fixed_table(report: Report, level: float, profiled: bool) -> pd.DataFrame:
    """Coefficients with Satterthwaite's degrees of freedom."""
    from scipy.stats import t as student

    region = Region(report.solution, level)
    estimates, se = report.coefficients, np.sqrt(np.diag(report.covariance))
    df = np.array([_degrees_of_freedom(report, region, row) for row in report.turned])
    t = estimates / se
    reach = student.ppf((1 + level) / 2, df) * se
    lower, upper = estimates - reach, estimates + reach
    if profiled and not report.solution.near.likelihood.restricted:
        ends = np.array([region.interval_fixed(row) for row in report.turned])
        base = report.turned @ report.design.ordinary
        lower, upper = (base[:, None] + report.design.unit * ends).T
    return pd.DataFrame(
        {
            "term": report.names,
            "estimate": estimates,
            "se": se,
            "df": df,
            "t": t,
            "pvalue": 2 * student.sf(np.abs(t), df),
            "ci.lower": lower,
            "ci.upper": upper,
        }
    )


def _degrees_of_freedom(report: Report, region: Region, combination: Array) -> float:
    """Satterthwaite's: 2 v^2 over the variance of v = sigma^2 c' (Q'V^-1 Q)^-1 c.

    That variance is by the delta method (Giesbrecht & Burns 1985).
    """
    near, sigma = report.solution.near, report.solution.sigma
    dH = near.with_slopes.slopes[1][:, :-1, :-1]
    weights = near.regression.covariance @ combination
    v = float(combination @ weights)
    slope = np.append(-(sigma**2) * np.einsum("iab,a,b->i", dH, weights, weights), 2 * sigma * v)
    return float(2 * (sigma**2 * v) ** 2 / (slope @ region.covariance @ slope))


def ratio_table(report: Report, terms: tuple[Term, ...], X: Array, y: Array) -> pd.DataFrame:
    """Likelihood ratio of each variance that can be left out alone: that of the last effect.

    Without the last of k effects of a term the model has a variance and k - 1 covariances fewer;
    as the variance lies on its boundary, twice the difference of the log-likelihoods has half and
    half a chi-square of k - 1 and of k degrees of freedom (Self & Liang 1987, Stram & Lee 1994).
    """
    from scipy.stats import chi2

    found = []
    for t, term in enumerate(terms):
        width = term.width
        if width > 1:
            left = (*terms[:t], term.without_slope(), *terms[t + 1 :])
        else:
            left = (*terms[:t], *terms[t + 1 :])
        loglik = _loglik(left, X, y, report)
        chisq = max(2 * (report.solution.loglik - loglik), 0.0)
        beyond = [chi2.sf(chisq, df) if df else float(chisq <= 0) for df in (width - 1, width)]
        found.append(
            {
                "level": term.name,
                "effect": term.effects[-1],
                "chisq": chisq,
                "df": f"{width - 1}:{width}",
                "pvalue": float(np.mean(beyond)) if chisq > NOTHING else 1.0,
            }
        )
    return pd.DataFrame(found)


NOTHING = 1e-8
"""A likelihood ratio below this is rounding."""


def _loglik(terms: tuple[Term, ...], X: Array, y: Array, report: Report) -> float:
    restricted = report.solution.near.likelihood.restricted
    if terms:
        return solve(Design(terms, X, y), restricted=restricted).loglik
    return ordinary_loglik(report.design, restricted)


def ordinary_loglik(design: Design, restricted: bool) -> float:
    """Log-likelihood of the ordinary regression, without random effects."""
    nu = design.n_obs - (design.n_fixed if restricted else 0)
    rest = float(design.y @ design.y) * design.unit**2
    found = nu * (1 + np.log(2 * np.pi * rest / nu))
    if restricted:
        found += 2 * float(np.log(np.abs(np.diag(design.R))).sum())
    return -float(found) / 2


def effect_table(report: Report) -> pd.DataFrame:
    """Predicted random effects with the spread of their errors."""
    unit = report.design.unit
    parts = []
    for term, effects in zip(report.design.terms, predict(report.solution.near), strict=True):
        sizes = np.bincount(term.codes)
        for k, name in enumerate(term.effects):
            scale = unit / term.scale[k]
            parts.append(
                pd.DataFrame(
                    {
                        "level": term.name,
                        **{column: term.units[column].to_numpy() for column in term.units},
                        "effect": name,
                        "n": sizes,
                        "estimate": scale * effects.values[:, k],
                        "se": scale * np.sqrt(np.maximum(effects.errors[:, k, k], 0.0)),
                    }
                )
            )
    table = pd.concat(parts, ignore_index=True)
    last = ["effect", "n", "estimate", "se"]
    return table[["level", *[c for c in table if c not in ("level", *last)], *last]]


def boundary_notes(report: Report) -> list[str]:
    """Name the variances that are 0 and the terms whose effects determine each other."""
    notes = []
    for t, term in enumerate(report.design.terms):
        at = [
            place.row
            for place, zero in zip(
                report.solution.near.likelihood.places, report.solution.boundary, strict=True
            )
            if zero and place.term == t
        ]
        if not at:
            continue
        if term.width == 1:
            notes.append(
                f'The variance of "{term.name}" is estimated as 0: its units do not differ more '
                "than their members' differences explain. It has no standard error."
            )
        else:
            notes.append(
                f'The effects of "{term.name}" ({", ".join(term.effects)}) determine each other: '
                "their covariance matrix is singular, and standard errors do not hold."
            )
    if any(term.effects != (INTERCEPT,) for term in report.design.terms):
        notes.append(
            "With slopes the variance between units depends on where it is looked at; shares are "
            "not given."
        )
    return notes
