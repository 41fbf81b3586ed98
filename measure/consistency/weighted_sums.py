"""The reliability that the best weights of the items would give their sum."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.consistency.answer_sums import Answers
from measure.consistency.ordinal_composites import answers_with
from measure.errors import OptionError
from measure.fitting.fitted import Fit, require_one_level

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


def maximal_reliability(fit: Fit) -> pd.DataFrame:
    """Largest reliability of any weighted sum of all items of a model.

    Parameters
    ----------
    fit
        A fitted model of factors and items.

    Returns
    -------
    pandas.DataFrame
        One row a group: `group n_items maximal maximal3`. With T the covariances that the factors
        explain and S all covariances of the items, the largest w'Tw / w'Sw over weights w, which is
        the largest eigenvalue of S^-1 T (Li 1997; of one factor it is H, Hancock & Mueller 2001):
        S as the model implies it in `maximal`, and as observed in `maximal3`, as in semTools. Of
        ordered items T and S are those of the answers (Green & Yang 2009). NaN where S cannot be
        inverted.

    Raises
    ------
    OptionError
        An observed variable has paths of its own.

    References
    ----------
    Li, H. (1997). A unifying expression for the maximal reliability of a linear composite.
    Psychometrika, 62, 245-249.
    """
    require_one_level(fit, "maximal_reliability")
    rows = []
    for k, state in enumerate(fit.point.states):
        own = [name for name in state.block.eta if name not in fit.model.table.latent]
        if own:
            raise OptionError(
                f"{own[0]} has paths of its own; this reliability is for items that depend on "
                "factors only."
            )
        sample = fit.moments.sample[k]
        lambda_ = state.matrices["lambda_"]
        true = lambda_ @ state.covariance @ lambda_.T
        implied, observed = state.implied.sigma, sample.sigma
        if state.responses is not None:
            assert state.implied.thresholds is not None
            assert sample.thresholds is not None
            delta = state.responses.delta
            answers = answers_with(fit.moments, state.implied.thresholds)
            true = true_covariances(answers, np.outer(delta, delta) * true)
            implied = answer_covariances(answers, implied)
            seen = answers_with(fit.moments, sample.thresholds)
            observed = answer_covariances(seen, observed)
        rows.append(
            {
                "group": fit.moments.groups[k],
                "n_items": len(true),
                "maximal": _largest(true, implied),
                "maximal3": _largest(true, observed),
            }
        )
    return pd.DataFrame(rows)


def answer_covariances(answers: Answers, covariances: Array) -> Array:
    """Covariances (p, p) of answers whose responses have these; see `Answers.variance`."""

    def variance(items: Indices) -> float:
        return answers.restricted(items).variance(covariances[np.ix_(items, items)]).value

    return _by_pairs(len(covariances), variance)


def true_covariances(answers: Answers, common: Array) -> Array:
    """Covariances (p, p) of answers with those of a second answering; see `true_variance`."""

    def variance(items: Indices) -> float:
        return answers.restricted(items).true_variance(common[np.ix_(items, items)]).value

    return _by_pairs(len(common), variance)


def _by_pairs(n_items: int, variance: Callable[[Indices], float]) -> Array:
    """Covariances (n_items, n_items) from the variances of the sums of one or two items."""
    alone = [variance(np.array([i])) for i in range(n_items)]
    found: Array = np.diag(alone)
    for i in range(n_items):
        for j in range(i):
            both = variance(np.array([j, i])) - alone[i] - alone[j]
            found[i, j] = found[j, i] = both / 2
    return found


def _largest(true: Array, total: Array) -> float:
    """Largest w'Tw / w'Sw."""
    try:
        root = np.linalg.inv(np.linalg.cholesky(total))
    except np.linalg.LinAlgError:
        return float("nan")
    return float(np.linalg.eigvalsh(root @ true @ root.T)[-1])
