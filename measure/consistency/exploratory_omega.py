"""Omega hierarchical from exploratory factors (Schmid & Leiman), with its standard error."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.consistency.covariance_functions import Asked, Functions, spread_of
from measure.consistency.covariance_samples import (
    CovarianceSample,
    correlations,
    require_rows,
    sample_of,
)
from measure.consistency.general_factor import GeneralFactor
from measure.consistency.general_indices import BifactorIndices, index_rows
from measure.consistency.omega_models import Estimation
from measure.consistency.ordinal_composites import answers_with
from measure.consistency.schmid_leiman_omegas import Oblique, SchmidLeimanOmegas
from measure.distributions import normal_quantile
from measure.errors import OptionError
from measure.exploration.exploratory import efa
from measure.exploration.schmid_leiman import schmid_leiman
from measure.moments import Moments, ordinal
from measure.moments.asymptotic import few_clusters_note
from measure.moments.labels import with_numbers
from measure.moments.rows import rows_of
from measure.rotating.rotation import criterion_of, resolve_arguments
from measure.rotating.rotation_equations import Criteria

Array = NDArray[np.float64]

ROTATION = "oblimin"
TOO_LOW = (
    "Exploratory factors give an omega_h that is somewhat too low in samples, and so is its "
    "interval. Where it is known which items belong together, use a second-order or bifactor model."
)
# Random starts of the rotation, and their seed.
N_STARTS, ROTATION_SEED = 20, 1957


@dataclass(frozen=True, eq=False)
class _Solution:
    """The solution of the sample, how it was rotated, and what there is to say about it."""

    at: Oblique
    how: Criteria
    notes: tuple[str, ...]


def explored(items: pd.DataFrame, n_factors: int, how: Estimation) -> BifactorIndices:
    """Extract factors, turn them into a general factor and group factors, and judge the sums.

    The parameters are those of `omega_total`.
    """
    if n_factors < 2:
        raise OptionError(
            f"n_factors is {n_factors}; group factors are at least two. Use omega_total for one."
        )
    return (
        _of_categories(items, n_factors, how) if how.ordered else _of_numbers(items, n_factors, how)
    )


def _of_numbers(items: pd.DataFrame, n_factors: int, how: Estimation) -> BifactorIndices:
    asked = Asked(how.interval or "adf", how.confidence_level, how.n_samples, how.seed)
    sample = sample_of(items, cluster=how.cluster)
    require_rows(sample, "factor analysis")
    S = sample.covariance
    solution = _solved(correlations(S), sample.names, sample.n_obs, n_factors)
    own = SchmidLeimanOmegas(solution.at, solution.how, how.of == "standardized")
    found = own.factors(S, own.at)
    labels = tuple(" ".join(label) for label in found.labels)
    functions = Functions(labels, own.values, own.slopes)
    spread = spread_of(sample, functions, asked, found.values)
    return _result(
        (found, spread.columns),
        sample.names,
        _facts(n_factors) | {"of": how.of, **asked.facts},
        confidence_level=how.confidence_level,
        notes=(*solution.notes, *spread.notes),
        **_counts(sample.n_obs, sample),
    )


def _counts(n_obs: int, sample: CovarianceSample | Moments) -> dict[str, Any]:
    return {"n_obs": n_obs, "n_dropped": sample.n_dropped, "n_clusters": sample.n_clusters}


def _of_categories(items: pd.DataFrame, n_factors: int, how: Estimation) -> BifactorIndices:
    if how.interval is not None:
        raise OptionError(
            f'interval="{how.interval}" is not offered for exploratory factors of ordered items, '
            "where it would take a polychoric matrix a sample. Leave it out for the delta method."
        )
    if how.of != "answers":
        raise OptionError(
            'of="standardized" has no meaning for ordered items: omega is that of the answers as '
            "coded."
        )
    names = tuple(name for name in items.columns if name != how.cluster)
    rows = rows_of(with_numbers(items, names), names, cluster=how.cluster)
    moments = ordinal.from_rows(rows, names, pairwise=False)
    sample = moments.sample[0]
    assert sample.thresholds is not None
    R = sample.sigma
    solution = _solved(R, names, moments.n_total, n_factors)
    answers = answers_with(moments, sample.thresholds)
    own = SchmidLeimanOmegas(solution.at, solution.how, False, answers)
    found = own.factors(R, own.at)
    i, j = np.triu_indices(len(names), 1)
    slopes, carried = found.slopes, own.correlation_slopes(R, found)
    gradient = np.stack(
        [
            np.concatenate([slope.thresholds, 2 * by_correlation[i, j]])
            for slope, by_correlation in zip(slopes, carried, strict=True)
        ]
    )
    assert moments.ordinal is not None
    spread = np.einsum("ka,ab,kb->k", gradient, moments.ordinal.gamma, gradient) / moments.scale
    se = np.sqrt(np.maximum(spread, 0.0))
    half = normal_quantile((1 + how.confidence_level) / 2) * se
    columns = {"se": se, "ci.lower": found.values - half, "ci.upper": found.values + half}
    facts = {
        "correlations": "polychoric",
        "interval": f"normal, delta method, {how.confidence_level:.0%}",
    }
    few = few_clusters_note(moments.n_clusters)
    return _result(
        (found, columns),
        names,
        _facts(n_factors) | facts,
        confidence_level=how.confidence_level,
        notes=(*solution.notes, *moments.ordinal.notes, *filter(None, [few])),
        **_counts(moments.n_total, moments),
    )


def _facts(n_factors: int) -> dict[str, object]:
    return {"model": f"Schmid–Leiman, {n_factors} factors, minres, {ROTATION}"}


def _solved(R: Array, names: tuple[str, ...], n_obs: int, n_factors: int) -> _Solution:
    """Extract and rotate factors of correlations."""
    labels = list(names)
    solution = efa(
        pd.DataFrame(R, index=labels, columns=labels),
        n_factors,
        rotation=ROTATION,
        n_starts=N_STARTS,
        seed=ROTATION_SEED,
        n_obs=n_obs,
    )
    found = schmid_leiman(solution)
    criterion, oblique = criterion_of(ROTATION, resolve_arguments(ROTATION, None))
    notes = [TOO_LOW, *solution.notes, *found.notes]
    if not (solution.admissible and found.admissible):
        notes.append(
            "Standard errors take the solution to lie inside what is possible, and do not hold "
            "where a uniqueness is at its bound."
        )
    return _Solution(
        Oblique(
            solution.loadings.to_numpy(),
            solution.factor_correlations.to_numpy(),
            found.general_loadings.to_numpy(),
        ),
        Criteria(criterion, oblique),
        tuple(notes),
    )


def _result(
    found: tuple[GeneralFactor, dict[str, Array]],
    names: tuple[str, ...],
    facts: dict[str, object],
    **others: Any,
) -> BifactorIndices:
    factors, columns = found
    labels = list(factors.names)
    return BifactorIndices(
        table=index_rows(factors, 1, {"est": factors.values, **columns}),
        loadings=pd.DataFrame(factors.standardized, index=list(names), columns=labels),
        determinacy=pd.DataFrame([factors.determinacy], index=[1], columns=labels),
        n_items=len(names),
        facts=facts,
        **others,
    )
