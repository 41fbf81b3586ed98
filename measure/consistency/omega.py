"""Omega of a set of items: from one factor, from a bifactor or second-order model, exploratory."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import chosen_columns, confidence, known_option
from measure.consistency.covariance_functions import Asked, replicated
from measure.consistency.exploratory_omega import explored
from measure.consistency.general_indices import (
    BifactorIndices,
    bifactor_indices,
    index_rows,
    indices_result,
)
from measure.consistency.general_structure import Structure
from measure.consistency.omega_models import EXPLORATORY, MODELS, ONE, Estimation, fitted, text_of
from measure.errors import OptionError
from measure.fitting.fitted import Fit
from measure.model.states import state_at
from measure.replication.bootstrapping import bootstrap
from measure.replication.influence import influence
from measure.replication.intervals import INTERVALS

Array = NDArray[np.float64]


def omega_total(
    items: pd.DataFrame,
    *,
    model: str = ONE,
    factors: Mapping[str, Sequence[str]] | None = None,
    n_factors: int | None = None,
    ordered: bool = False,
    of: str = "answers",
    missing: str = "listwise",
    cluster: str | None = None,
    interval: str | None = None,
    n_samples: int = 1000,
    seed: int | None = None,
    confidence_level: float = 0.95,
) -> BifactorIndices:
    """Omega total of a set of items: the share of their sum's variance that factors explain.

    Parameters
    ----------
    items
        The items of one scale, one row a respondent, already reverse-keyed where they should be.
    model
        - "one-factor": one factor behind all items;
        - "bifactor": a general factor, and the group factors of `factors`, all uncorrelated;
        - "second-order": the factors of `factors`, and a general one behind these;
        - "schmid-leiman": `n_factors` exploratory factors (minres, oblimin, as psych's `omega`),
          turned into a general and group factors.
    factors
        Items of each group factor.
    n_factors
        Of an exploratory solution; 3 by default.
    ordered
        Whether the items are ordered categories. The omegas are then those of the sum of the
        answers (Green & Yang 2009; Flora 2020), and not of latent responses.
    of
        "answers": of the sum of the answers as given; "standardized": of standardised items, as
        psych gives it (exploratory models only).
    missing
        "listwise", or "fiml" with a model of continuous items.
    cluster
        Column of `items` that names the cluster of each respondent.
    interval
        None: normal, by the delta method, from robust standard errors (MLR; WLSMV with ordered
        items; distribution-free with exploratory factors), within clusters where there are some.
        "percentile" and "bca": from samples drawn from the rows, or from the clusters.
    n_samples, seed
        Of a bootstrap interval.
    confidence_level
        Of the intervals.

    Returns
    -------
    BifactorIndices
        With `omega_t` and `h`, and where there are group factors `omega_h`, `ecv` and `puc`, of all
        items and of those of each group factor.

    Raises
    ------
    DataError
        Items that cannot be analysed, or that `factors` do not fit.
    IdentificationError
        Too few items for the model: one factor needs three, a second-order one three factors.
    OptionError
        An option that is unknown or that the model does not have.
    ConvergenceError
        The model cannot be fitted.

    References
    ----------
    Green, S. B., & Yang, Y. (2009). Reliability of summed item scores using structural equation
    modeling: An alternative to coefficient alpha. Psychometrika, 74, 155-167.
    McDonald, R. P. (1999). Test theory: A unified treatment. Erlbaum.
    """
    how = Estimation(
        ordered=ordered,
        of=of,
        missing=missing,
        cluster=cluster,
        interval=interval,
        n_samples=n_samples,
        seed=seed,
        confidence_level=confidence_level,
    )
    return _omegas(items, model, (factors, n_factors), how)


def omega_hierarchical(
    items: pd.DataFrame,
    *,
    n_factors: int | None = None,
    model: str = EXPLORATORY,
    factors: Mapping[str, Sequence[str]] | None = None,
    ordered: bool = False,
    of: str = "answers",
    missing: str = "listwise",
    cluster: str | None = None,
    interval: str | None = None,
    n_samples: int = 1000,
    seed: int | None = None,
    confidence_level: float = 0.95,
) -> BifactorIndices:
    """Omega hierarchical of a set of items: what a general factor alone explains of their sum.

    Parameters
    ----------
    items
        See `omega_total`, as for all other parameters.
    n_factors
        Of an exploratory solution; 3 by default.
    model
        "schmid-leiman" (the default), "bifactor" or "second-order".
    factors
        Items of each group factor, with the last two.

    Returns
    -------
    BifactorIndices
        `omega_t`, `omega_h`, `ecv`, `h` and `puc`, of all items and of those of each group factor.

    Notes
    -----
    Where it is known which items belong together, a second-order or bifactor model is to be
    preferred: in samples of 500 its intervals of omega_h hold what they promise, where those of
    exploratory factors lie somewhat too low. With group factors that hardly differ from the general
    one, or do not correlate, none of them holds (benchmarks/RELIABILITY.md).

    Raises
    ------
    DataError, IdentificationError, OptionError, ConvergenceError
        See `omega_total`.

    References
    ----------
    Zinbarg, R. E., Revelle, W., Yovel, I., & Li, W. (2005). Cronbach's alpha, Revelle's beta, and
    McDonald's omega_h. Psychometrika, 70, 123-133.
    Reise, S. P. (2012). The rediscovery of bifactor measurement models. Multivariate Behavioral
    Research, 47, 667-696.
    """
    if model == ONE:
        raise OptionError(
            "one factor is its own general factor: use omega_total, or a model with group factors."
        )
    how = Estimation(
        ordered=ordered,
        of=of,
        missing=missing,
        cluster=cluster,
        interval=interval,
        n_samples=n_samples,
        seed=seed,
        confidence_level=confidence_level,
    )
    return _omegas(items, model, (factors, n_factors), how)


def _omegas(
    items: pd.DataFrame,
    model: str,
    structure: tuple[Mapping[str, Sequence[str]] | None, int | None],
    how: Estimation,
) -> BifactorIndices:
    factors, n_factors = structure
    known_option("model", model, MODELS)
    known_option("of", how.of, ("answers", "standardized"))
    if how.interval is not None:
        known_option("interval", how.interval, INTERVALS)
    confidence(how.confidence_level)
    names = [str(name) for name in chosen_columns(items, None) if name != how.cluster]
    if model == EXPLORATORY:
        if factors is not None:
            raise OptionError("exploratory factors find their items themselves: give n_factors.")
        if how.missing != "listwise":
            raise OptionError(f'missing="{how.missing}" needs a model: "bifactor", "one-factor".')
        return explored(items, n_factors or 3, how)
    if n_factors is not None:
        raise OptionError(f'model="{model}" takes no n_factors; its factors are given by name.')
    if how.of != "answers":
        raise OptionError(
            f'of="standardized" is for model="{EXPLORATORY}". Standardise the items instead.'
        )
    fit = fitted(text_of(model, names, factors), items, how)
    if how.interval is None:
        found = bifactor_indices(fit, confidence_level=how.confidence_level)
    else:
        found = _bootstrapped(fit, how)
    return found


def _bootstrapped(fit: Fit, how: Estimation) -> BifactorIndices:
    """Read the intervals from refitted samples."""
    assert how.interval is not None
    asked = Asked(how.interval, how.confidence_level, how.n_samples, how.seed)
    assert asked.seed is not None
    structure = Structure(fit, 0)
    drawn = bootstrap(
        fit, n=asked.n_samples, seed=asked.seed, intervals=("percentile",), confidence_level=0.95
    )
    elements = drawn.replicates.to_numpy()[:, : len(fit.model.free_rows)]
    block = fit.model.blocks[0]
    replicates = np.stack([structure.at(state_at(block, one)).values for one in elements])
    columns = replicated(replicates, structure.at_estimates.values, _moved(structure, asked), asked)
    table = index_rows(
        structure.at_estimates,
        fit.moments.groups[0],
        {"est": structure.at_estimates.values, **columns},
    )
    facts: dict[str, object] = {"estimator": fit.estimator, "missing": fit.missing, **asked.facts}
    found = indices_result([structure], table, how.confidence_level, facts)
    return replace(found, notes=(*found.notes, *drawn.notes))


def _moved(structure: Structure, asked: Asked) -> Array:
    """How much each row or cluster moves the indices, for the acceleration."""
    fit = structure.fit
    if asked.kind != "bca":
        return np.zeros((2, len(structure.at_estimates.values)))
    moved = influence(fit.problem, fit.row_values)
    assert moved is not None
    return np.asarray(moved[:, list(fit.model.free_rows)] @ structure.gradient.T)
