"""The greatest lower bound of the reliability of a sum, as a semidefinite programme.

The items' covariances S are split in true and error parts, S - D and D, D diagonal with entries of
0 or more, so that the error variance tr D is as large as S - D allows without ceasing to be a
covariance matrix. The bound is 1 - tr D / 1'S1 (Jackson & Agunwamba 1977; Woodhouse & Jackson
1977). Where D maximises

    tr D + m (ln|S - D| + sum ln D_ii)

for a small m, Y = m (S - D)^-1 has Y_ii = 1 + m / D_ii >= 1, so that tr SY is an upper bound of
tr D in all solutions, and lies 2pm above this one: the solution comes with its proof, which is
computed.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.consistency.coefficients import Coefficients, coefficients_of
from measure.consistency.covariance_functions import Asked, Functions
from measure.consistency.covariance_samples import require_rows, sample_of

Array = NDArray[np.float64]

# How far tr D may lie below its maximum, in shares of tr S.
GAP = 1e-8
# The weight m of the barrier falls by so much a round.
FASTER = 0.05
NEWTON_STEPS = 50
# Newton's decrement at which a round ends: the error is its square.
CENTRED = 1e-4


class Bound(NamedTuple):
    """Error variances D (..., p), the proof Y (..., p, p), and the gap tr SY - tr D (...).

    For the gap Y is stretched until no Y_ii is below 1, as rounding may leave it.
    """

    errors: Array
    proof: Array
    gap: Array


def greatest_lower_bound(
    items: pd.DataFrame,
    *,
    interval: str = "adf",
    cluster: str | None = None,
    n_samples: int = 1000,
    seed: int | None = None,
    confidence_level: float = 0.95,
) -> Coefficients:
    """Greatest lower bound of the reliability of a sum, given the items' covariances.

    Parameters
    ----------
    items
        The items of one scale, one row a respondent, already reverse-keyed where they should be;
        rows with a missing answer are left out.
    interval
        "adf", "percentile" or "bca"; see `cronbach_alpha`.
    cluster
        Column of `items` that names the cluster of each respondent.
    n_samples, seed
        Of a bootstrap interval.
    confidence_level
        Of the interval.

    Returns
    -------
    Coefficients
        `glb`: no reliability below it is possible with these covariances and uncorrelated errors.
        `facts` say how far the solution may lie from the optimum.

    Raises
    ------
    DataError
        Fewer than two items, no more complete rows than items, or an item that cannot be analysed.
    OptionError
        An unknown interval, or one that needs a seed.

    Notes
    -----
    In samples the bound is too high, the more so the fewer the respondents and the more the items
    (Shapiro & ten Berge 2000), and its interval, which does not mend that, lies too high with it.

    References
    ----------
    Jackson, P. H., & Agunwamba, C. C. (1977). Lower bounds for the reliability of the total score
    on a test composed of non-homogeneous items: I. Psychometrika, 42, 567-578.
    Shapiro, A., & ten Berge, J. M. F. (2000). The asymptotic bias of minimum trace factor analysis,
    with applications to the greatest lower bound to reliability. Psychometrika, 65, 413-425.
    """
    asked = Asked(interval, confidence_level, n_samples, seed)
    sample = sample_of(items, cluster=cluster)
    require_rows(sample, "the greatest lower bound")
    found = bound_of(sample.covariance)
    gap = float(found.gap) / sample.covariance.sum()
    notes = [
        "The greatest lower bound of a sample is too high, the more so the fewer the respondents "
        "and the more the items (Shapiro & ten Berge 2000); the interval does not correct for that."
    ]
    if np.isnan(gap):
        notes.append("No bound is computed: the items determine each other.")
    nothing = [
        str(name)
        for name, error in zip(sample.names, found.errors, strict=True)
        if error < 1e-6 * sample.covariance.trace()
    ]
    if nothing:
        notes.append(f"No error is left in {', '.join(nothing)}.")
    return coefficients_of(
        "Greatest lower bound",
        sample,
        GLB,
        asked,
        facts={"at most above the optimum by": f"{gap:.1e}"},
        notes=notes,
    )


def _values(S: Array) -> Array:
    total = S.sum(axis=(-2, -1))
    return np.asarray(1 - bound_of(S).errors.sum(axis=-1) / total)[..., None]


def _slopes(S: Array) -> Array:
    """Derivatives (1, p, p): tr D moves by the sum of Y times the change of S."""
    found, total = bound_of(S), S.sum()
    return np.asarray((found.errors.sum() / total - found.proof) / total)[None]


GLB = Functions(("glb",), _values, _slopes)


def bound_of(S: Array) -> Bound:
    """Solve the programme for covariances (..., p, p), all at once.

    NaN for a matrix that is not positive definite.
    """
    shape = S.shape[:-2]
    stack = S.reshape(-1, *S.shape[-2:])
    p = stack.shape[-1]
    # Solved for items of variance 1 on average.
    size = np.trace(stack, axis1=1, axis2=2) / p
    scaled = stack / size[:, None, None]
    lowest = np.linalg.eigvalsh(scaled)[:, 0]
    proper = lowest > 1e-12
    errors = np.full(stack.shape[:2], np.nan)
    proof = np.full(stack.shape, np.nan)
    if proper.any():
        d, Y = _solved(scaled[proper], lowest[proper])
        errors[proper], proof[proper] = d * size[proper, None], Y
    smallest = np.diagonal(proof, axis1=1, axis2=2).min(axis=1)
    gap = (stack * proof).sum(axis=(1, 2)) / np.minimum(smallest, 1.0) - errors.sum(axis=1)
    return Bound(errors.reshape(*shape, p), proof.reshape(*shape, p, p), gap.reshape(shape))


def _solved(S: Array, lowest: Array) -> tuple[Array, Array]:
    """Follow the barrier down to the smallest weight; errors (m, p) and proofs (m, p, p)."""
    p = S.shape[-1]
    d = np.repeat(lowest[:, None] / 2, p, axis=1)
    weight = 1.0
    while True:
        d, Y = _centred(S, d, weight)
        if 2 * p * weight <= GAP * p:
            return d, Y
        weight *= FASTER


def _centred(S: Array, d: Array, weight: float) -> tuple[Array, Array]:
    """Maximise the barrier function of one weight by damped Newton steps, which stay inside."""
    places = np.arange(S.shape[-1])
    for _ in range(NEWTON_STEPS):
        K = np.linalg.inv(S - d[:, :, None] * np.eye(len(places)))
        gradient = 1 / weight - np.diagonal(K, axis1=1, axis2=2) + 1 / d
        curvature = K**2
        curvature[:, places, places] += 1 / d**2
        step = np.linalg.solve(curvature, gradient[..., None])[..., 0]
        # Of a self-concordant function: a step of 1/(1 + decrement) is safe (Nesterov).
        decrement = np.sqrt(np.maximum((gradient * step).sum(axis=1), 0.0))
        length = np.where(decrement < 0.25, 1.0, 1 / (1 + decrement))
        d = d + length[:, None] * step
        if decrement.max() < CENTRED:
            break
    # A product of a matrix and its transpose, so that rounding leaves it symmetric.
    root = np.linalg.inv(np.linalg.cholesky(S - d[:, :, None] * np.eye(len(places))))
    return d, weight * np.swapaxes(root, 1, 2) @ root
