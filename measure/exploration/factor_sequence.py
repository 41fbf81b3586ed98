"""Models of 0, 1, 2, ... factors, how they fit, and which is the first that fits."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure import indices
from measure.checks import SINGULAR
from measure.exploration.adequacy import kaiser_meyer_olkin
from measure.exploration.correlation_covariance import answers_covariance
from measure.exploration.extraction_tests import Extracted, ordered_fit
from measure.moments.ordinal.two_step import TwoStep
from measure.rotating.extraction import (
    GRADIENT_TOLERANCE,
    Extraction,
    check_identified,
    degrees_of_freedom,
    extract,
    fit_measures,
)
from measure.rotating.uniquenesses import LOWEST_UNIQUENESS

Array = NDArray[np.float64]
NAN = float("nan")

LEVEL = 0.05
CLOSE = 0.05
NO_COVARIANCE = (
    "the test needs the asymptotic covariance of the correlations, which is not known where their "
    "matrix was smoothed or items determine each other"
)
FIT = ("chisq", "df", "pvalue", "cfi", "rmsea", "rmsea.ci.lower", "rmsea.ci.upper", "aic", "bic")


@dataclass(frozen=True, eq=False)
class Correlated:
    """Correlations to be explained by factors.

    Attributes
    ----------
    R
        Correlation matrix, (n_items, n_items), positive definite.
    n_obs
        Number of respondents.
    ordered
        Whether they are polychoric.
    answers
        What polychoric ones were estimated from; None where that is not known.
    """

    R: Array
    n_obs: int
    ordered: bool = False
    answers: TwoStep | None = None

    @cached_property
    def gamma(self) -> Array | None:
        """N times the asymptotic covariance of polychoric correlations; None if not known."""
        return None if self.answers is None else answers_covariance(self.answers)

    @property
    def extraction(self) -> str:
        """How factors are extracted: least squares from polychoric correlations, else ML."""
        return "minres" if self.ordered else "ml"


@dataclass(frozen=True)
class Verdict:
    """What a criterion says: a number of factors, NaN where none, and then why."""

    n_factors: float
    why: str = ""


def ledermann_bound(n_items: int) -> int:
    """Most factors that so many items can identify (Ledermann 1937); 0 where not even one."""
    return max((k for k in range(1, n_items) if degrees_of_freedom(n_items, k) >= 0), default=0)


def most_factors(n_items: int, asked: int | None) -> int:
    """Give the largest number of factors to try.

    Raises
    ------
    IdentificationError
        More are asked for than the items can identify.
    """
    if asked is None:
        return ledermann_bound(n_items)
    check_identified(n_items, asked)
    return asked


def bounded(loadings: Array) -> Array:
    """Loadings with communalities that leave each item a variance of its own.

    Least squares may end with communalities over 1 in a Heywood case. Rows that are too long for
    the lowest uniqueness are shortened to it.
    """
    lengths = np.linalg.norm(loadings, axis=1, keepdims=True)
    return np.asarray(loadings / np.maximum(lengths / np.sqrt(1.0 - LOWEST_UNIQUENESS), 1.0))


def factor_sequence(correlated: Correlated, least: int, most: int) -> pd.DataFrame:
    """Fit models of 0, 1, 2, ... factors.

    Parameters
    ----------
    correlated
        The correlations.
    least
        Number of factors up to which models are fitted whatever they show.
    most
        Largest number of factors. Between the two the sequence ends at the first improper solution,
        or where the model fits by every criterion of `sequential`.

    Returns
    -------
    pandas.DataFrame
        One row a model, the index is its number of factors: `chisq df pvalue cfi rmsea
        rmsea.ci.lower rmsea.ci.upper aic bic caf converged admissible`. From Pearson correlations
        by maximum likelihood with Bartlett's (1950) correction of chi-square, and AIC and BIC as
        chi-square less 2 df and less ln(n) df. From polychoric ones by least squares, with the
        scaled and shifted chi-square and indices of it (see
        `measure.exploration.extraction_tests`); NaN where the answers are not known, and without
        AIC and BIC, which need a likelihood. The interval of the RMSEA is a 90 % one. `caf` is the
        common part accounted for (Lorenzo-Seva, Timmerman & Kiers 2011), 1 less the KMO of what the
        factors leave.
    """
    rows = []
    for row in _models(correlated, most):
        rows.append(row)
        if len(rows) > least and (not row["admissible"] or _settled(rows)):
            break
    index = pd.RangeIndex(len(rows), name="n_factors")
    return pd.DataFrame(rows, index=index)


def _models(correlated: Correlated, most: int) -> Iterator[dict[str, float | bool]]:
    R = correlated.R
    base: dict[str, float] = {}
    for k in range(most + 1):
        found = Extraction(np.zeros((len(R), 0)), np.ones(len(R)), 0.0)
        if k:
            found = extract(R, k, correlated.extraction)
        fit = _fit(correlated, found.loadings)
        base = base or fit
        cfi = indices.cfi(fit["chisq"], fit["df"], base["chisq"], base["df"])
        converged = found.gradient < GRADIENT_TOLERANCE
        yield {
            **{name: fit.get(name, NAN) for name in FIT},
            "cfi": cfi if np.isfinite(fit["chisq"]) else NAN,
            "caf": _common_part(R - found.implied),
            "converged": converged,
            "admissible": converged and bool((found.uniquenesses > LOWEST_UNIQUENESS).all()),
        }


def _fit(correlated: Correlated, loadings: Array) -> dict[str, float]:
    R, n = correlated.R, correlated.n_obs
    measures = fit_measures(R, loadings @ loadings.T, loadings.shape[1], n)
    df = float(measures["df"])
    if correlated.ordered:
        gamma = correlated.gamma
        tested = None if gamma is None else Extracted(R, loadings, correlated.extraction, gamma)
        measures = ordered_fit(measures, tested, n)
        names = ("chisq", "pvalue", "rmsea", "rmsea.ci.lower", "rmsea.ci.upper")
        return {"df": df} | {name: float(measures[f"{name}.scaled"]) for name in names}
    chisq = float(measures["chisq"])
    lower, upper = indices.rmsea_interval(chisq, df, n)
    return {
        "chisq": chisq,
        "df": df,
        "pvalue": float(measures["pvalue"]),
        "rmsea": indices.rmsea(chisq, df, n),
        "rmsea.ci.lower": lower,
        "rmsea.ci.upper": upper,
        "aic": chisq - 2 * df,
        "bic": float(measures["bic"]),
    }


def _common_part(left: Array) -> float:
    """Common part accounted for; NaN where what is left has no inverse to take partials from."""
    np.fill_diagonal(left, 1.0)
    if np.linalg.eigvalsh(left)[0] < SINGULAR:
        return NAN
    return 1.0 - kaiser_meyer_olkin(left)[1]


def _settled(rows: list[dict[str, float | bool]]) -> bool:
    """Whether further factors could change no criterion: the model fits, and its AIC rises."""
    fits = rows[-1]["pvalue"] > LEVEL and rows[-1]["rmsea.ci.lower"] < CLOSE
    return bool(fits and not rows[-1]["aic"] < min(row["aic"] for row in rows[:-1]))


def sequential(models: pd.DataFrame) -> dict[str, Verdict]:
    """Give the first model that is not rejected, is close, or has the lowest AIC or BIC.

    Parameters
    ----------
    models
        As from `factor_sequence`.

    Returns
    -------
    dict
        `chisq`: the first with a p-value over 0.05; `rmsea`: the first whose 90 % interval of the
        RMSEA begins below 0.05 (Preacher, Zhang, Kim & Mels 2013); `aic`, `bic`: the lowest, NaN
        where it still falls at the last admissible model. What comes after a model that did not
        converge or is a Heywood case is not known, as its test does not hold.
    """
    known = int(models["admissible"].cummin().sum())
    passed = {
        "chisq": models["pvalue"] > LEVEL,
        "rmsea": models["rmsea.ci.lower"] < CLOSE,
    }
    found = {}
    for name, passes in passed.items():
        first = np.flatnonzero(passes)
        if models["chisq"].isna().all():
            found[name] = Verdict(NAN, NO_COVARIANCE)
        elif len(first) and first[0] < known:
            found[name] = Verdict(float(first[0]))
        else:
            found[name] = Verdict(NAN, _ended(models, known))
    for name in ("aic", "bic"):
        values = models[name].to_numpy()[:known]
        if np.isnan(values).all():
            found[name] = Verdict(NAN, "polychoric correlations have no likelihood")
        elif values.argmin() == known - 1 and not passed["chisq"][:known].any():
            found[name] = Verdict(NAN, f"it still falls, and {_ended(models, known)}")
        else:
            found[name] = Verdict(float(values.argmin()))
    return found


def _ended(models: pd.DataFrame, known: int) -> str:
    if known == len(models):
        return f"no model up to that of {known - 1} factors, the last that was tried, fits"
    problem = "is a Heywood case" if models["converged"].iloc[known] else "did not converge"
    return f"the model of {known} factors {problem}, and none before it fits"
