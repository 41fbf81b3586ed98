"""How well a model fits studies: the indices that are judged, computed without what is not."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from measure import indices
from measure.chisquare import Statistic
from measure.errors import DataError
from measure.fitting import categorical_fit
from measure.fitting.baseline import closed_form
from measure.fitting.fitted import Fit

Array = NDArray[np.float64]

MEASURES = ("cfi", "tli", "rmsea", "srmr")
SUFFIXES = {"robust": ".robust", "scaled": ".scaled", "plain": ""}
# Where a model has means, lavaan's `srmr` counts them too.
SRMR = "srmr_bentler_nomean"


def names_of(variant: str) -> dict[str, str]:
    """Give the names that the measures of a variant have among those of a fit."""
    return {name: SRMR if name == "srmr" else f"{name}{SUFFIXES[variant]}" for name in MEASURES}


def best_variant(measures: Mapping[str, float]) -> str:
    """Choose the variant of CFI, TLI and RMSEA that a fit has: robust, scaled, else plain."""
    for variant in SUFFIXES:
        names = names_of(variant).values()
        if all(np.isfinite(measures.get(name, np.nan)) for name in names):
            return variant
    return "plain"


def fit_of(fit: Fit, variant: str) -> Array:
    """Give CFI, TLI, RMSEA and SRMR of a fit.

    Raises
    ------
    DataError
        The fit has none of this variant.
    """
    if variant == "robust" and fit.moments.layout is not None:
        found = _robust_of_answers(fit)
    elif variant == "plain" and fit.moments.layout is None:
        found = _plain_of_numbers(fit)
    else:
        measures, names = fit.fit_measures, names_of(variant).values()
        found = np.array([measures.get(name, np.nan) for name in names])
    if not np.isfinite(found).all():
        raise DataError(f"a study has no {variant} fit indices.")
    return found


def _plain_of_numbers(fit: Fit) -> Array:
    """The same of continuous items, without what goes beside them in a table."""
    null, n = fit.baseline, fit.moments.scale
    four = (n * fit.discrepancy, fit.df, null.chisq, null.df)
    residuals = [
        indices.root_mean_squares(sample, implied, means=False)[SRMR]
        for sample, implied in zip(fit.moments.sample, fit.implied_moments, strict=True)
    ]
    return np.array(
        [
            indices.cfi(*four),
            indices.tli(*four),
            indices.rmsea(four[0], fit.df, n, fit.n_groups),
            float(fit.moments.shares @ residuals),
        ]
    )


def _robust_of_answers(fit: Fit) -> Array:
    """The same of ordered items (Savalei 2021), whose scaled test is then not needed."""
    reason = categorical_fit.unavailable(fit.point)
    if reason is not None:
        raise DataError(f"a study has no robust fit indices, because {reason}.")
    null = closed_form(fit.problem, replace(fit.method, test="none"))
    assert null is not None
    chisq = fit.moments.scale * fit.discrepancy
    own, base = categorical_fit.robust_tests(fit.point, Statistic("standard", chisq, fit.df), null)
    factors = indices.Factors(own.mean_factor, base.mean_factor)
    four = (own.chisq, fit.df, base.chisq, null.df)
    rmsea = indices.rmsea(own.chisq, fit.df, fit.moments.scale, fit.n_groups, factor=factors.model)
    residuals = [
        indices.root_mean_squares_of_answers(sample, implied)[SRMR]
        for sample, implied in zip(fit.moments.sample, fit.implied_moments, strict=True)
    ]
    srmr = float(fit.moments.shares @ residuals)
    return np.array([indices.cfi(*four, factors), indices.tli(*four, factors), rmsea, srmr])
