"""Factor scores from ordered answers: posterior mode and posterior mean."""

import numpy as np
from numpy.typing import NDArray

from measure.errors import DataError
from measure.fitting.fitted import Fit
from measure.scoring.factor_posterior import Joint
from measure.scoring.group_scores import GroupScores

Array = NDArray[np.float64]
NAN = float("nan")


def score_by_posterior(fit: Fit, group: int, values: Array, method: str) -> GroupScores:
    """Score respondents of one group by the posterior of the factors.

    Parameters
    ----------
    fit, group
        A fitted model, and which of its groups.
    values
        Answers as given, (n, p), NaN where missing.
    method
        "EBM" or "EAP".

    Raises
    ------
    DataError
        For a category that the model was not fitted to.
    ModelError, OptionError
        See `Joint.score`.
    """
    factors, state = fit.model.table.latent, fit.point.states[group]
    inside = np.array([name in state.block.eta for name in factors], dtype=bool)
    joint = Joint.of(state, [name for name in factors if name in state.block.eta])
    found = joint.score(_category_numbers(fit, values), method)
    shape = (len(values), len(factors))
    scores, se = np.full(shape, NAN), np.full(shape, NAN)
    scores[:, inside], se[:, inside] = found.scores, found.se
    variance = np.full(len(factors), NAN)
    variance[inside] = np.diag(joint.covariance)
    whole = se[~np.isnan(values).any(axis=1)]
    mean_square = (whole**2).mean(axis=0) if len(whole) else np.full(len(factors), NAN)
    return GroupScores(
        scores,
        se,
        1 - se**2 / variance,
        np.full((len(factors), values.shape[1]), NAN),
        np.sqrt(mean_square),
        1 - mean_square / variance,
        found.n_unsettled,
    )


def _category_numbers(fit: Fit, values: Array) -> Array:
    """Answers with the number of the category, from 0, in place of its code."""
    assert fit.moments.ordinal is not None
    numbers = values.copy()
    for k, name in enumerate(fit.moments.names):
        codes = np.array(fit.moments.ordinal.values.get(name, ()), dtype=float)
        if not len(codes):
            continue
        there = ~np.isnan(values[:, k])
        place = np.searchsorted(codes, values[there, k])
        known = codes[np.minimum(place, len(codes) - 1)] == values[there, k]
        if not known.all():
            strange = values[there, k][~known]
            raise DataError(
                f'ordered item "{name}" holds {strange[0]:g} in {len(strange)} '
                f"row{'s' * (len(strange) > 1)}, a category that the model was not fitted to "
                f"({', '.join(f'{code:g}' for code in codes)}). Recode it, or set it to NaN."
            )
        numbers[there, k] = place
    return numbers
