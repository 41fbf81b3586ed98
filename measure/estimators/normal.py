"""Normal-theory weights: what all estimators that lean on the normal distribution share.

`inverse` (p, p) is P, the inverse of a covariance matrix. With dSigma_k = u_k v_k' + v_k u_k' (see
`model`) traces of products of derivative matrices are inner products of a few vectors.
"""

import numpy as np
from numpy.typing import NDArray

from measure.model import Derivatives, Implied, vech_places
from measure.moments import Moments

Array = NDArray[np.float64]


def information(inverse: Array, d: Derivatives) -> Array:
    """tr(P dSigma_a P dSigma_b)/2 + dmu_a' P dmu_b for all pairs of elements, (q, q)."""
    pu, pv = inverse @ d.u, inverse @ d.v
    mixed = d.u.mT @ pv
    unit = (d.u.mT @ pu) * (d.v.mT @ pv) + mixed * mixed.mT
    return unit if d.d_mu is None else unit + d.d_mu.mT @ inverse @ d.d_mu


def size(inverse: Array, moments: Implied) -> float:
    """tr(P S P S)/2 + m' P m: the weighted square of moments (`weight`) without the weight."""
    product = inverse @ moments.sigma
    square = float((product * product.T).sum()) / 2
    return square if moments.mu is None else square + float(moments.mu @ inverse @ moments.mu)


def trace_products(left: Array, right: Array, d: Derivatives) -> Array:
    """tr(left dSigma_a right dSigma_b) for all pairs of elements, (q, q).

    With dSigma = u v' + v u' each is four products of two inner products. The elements of other
    groups do not move Sigma; their products are 0 and not worked out.
    """
    moving = moved_by(d.u)
    u, v = d.u[..., moving], d.v[..., moving]
    left_u, left_v, right_u, right_v = left @ u, left @ v, right @ u, right @ v
    left_uu, left_vv, left_uv = u.mT @ left_u, v.mT @ left_v, u.mT @ left_v
    right_uu, right_vv, right_uv = u.mT @ right_u, v.mT @ right_v, u.mT @ right_v
    crossed = right_uv.mT * left_uv
    return among(right_vv * left_uu + right_uu * left_vv + crossed + crossed.mT, moving, d.u)


def moved_by(change: Array) -> NDArray[np.intp]:
    """Places of the elements with a derivative that is not 0, of derivatives (..., m, q)."""
    return np.flatnonzero(change.any(axis=tuple(range(change.ndim - 1))))


def among(products: Array, moving: NDArray[np.intp], change: Array) -> Array:
    """Put products (..., k, k) of the elements that move into those of all, (..., q, q)."""
    q = change.shape[-1]
    if len(moving) == q:
        return np.asarray(products)
    whole = np.zeros((*products.shape[:-2], q, q))
    whole[..., moving[:, None], moving] = products
    return whole


def weighted_products(change: Array, weight: Array) -> Array:
    """D' W D of derivatives D (m, q), worked out for the elements that move, (q, q)."""
    moving = moved_by(change)
    own = change[:, moving]
    return among(own.T @ weight @ own, moving, change)


def weight(sigma: Array, *, means: bool) -> Array:
    """Information of (mu, vech Sigma), or of vech Sigma alone, at the covariances `sigma` (p, p).

    bdiag(P, D'(P x P)D/2) with D the duplication matrix (Magnus & Neudecker 1988, section 15.3).
    """
    inverse = np.asarray(np.linalg.inv(sigma))
    p = len(inverse)
    a, b = vech_places(p)
    half = np.where(a == b, 0.5, 1.0)
    square = inverse[np.ix_(a, a)] * inverse[np.ix_(b, b)]
    square = square + inverse[np.ix_(a, b)] * inverse[np.ix_(b, a)]
    square = square * np.outer(half, half)
    if not means:
        return np.asarray(square)
    whole = np.zeros((p + len(a), p + len(a)))
    whole[:p, :p], whole[p:, p:] = inverse, square
    return whole


def moment_scores(z: Array, inverse: Array, of_row: NDArray[np.intp]) -> Array:
    """Derivatives of each row's normal log-likelihood to (mu, vech Sigma), (n, p + p*).

    Parameters
    ----------
    z
        P (y_i - mu) of each row, (n, p).
    inverse
        The different P, (n_patterns, p, p).
    of_row
        Which of them belongs to each row, (n,).
    """
    a, b = vech_places(z.shape[1])
    half = np.where(a == b, 0.5, 1.0)
    covariances = z[:, a] * z[:, b]
    if len(inverse) == 1:
        covariances -= inverse[0][a, b]
    else:
        covariances -= inverse[:, a, b][of_row]
    return np.hstack([z, covariances * half])


CHUNK = 8192


def score_products(
    z: Array, inverse: Array, of_row: NDArray[np.intp], clusters: NDArray[np.intp] | None
) -> Array:
    """Mean outer product of `moment_scores`, or of their sums in clusters, (p + p*, p + p*).

    Rows are taken a chunk at a time, so that a million of them do not have to stand side by side.
    """
    size = z.shape[1] + len(vech_places(z.shape[1])[0])
    total = np.zeros((size, size))
    codes = None if clusters is None else np.unique(clusters, return_inverse=True)[1]
    sums = np.zeros((0 if codes is None else int(codes.max()) + 1, size))
    for begin in range(0, len(z), CHUNK):
        chunk = slice(begin, begin + CHUNK)
        scores = moment_scores(z[chunk], inverse, of_row[chunk])
        if codes is None:
            total += scores.T @ scores
        else:
            np.add.at(sums, codes[chunk], scores)
    if codes is not None:
        total = sums.T @ sums * len(sums) / (len(sums) - 1)
    return total / len(z)


def saturated_loglik(moments: Moments, fixed_x: tuple[str, ...] = ()) -> float:
    """Log-likelihood of the unrestricted model, -N/2 [p ln 2 pi + ln|S| + p], over all groups.

    With `fixed_x` it is conditional on those variables: their own log-likelihood is taken off.
    Source: Anderson (2003), An Introduction to Multivariate Statistical Analysis, section 3.2.
    """
    x = np.array([name in fixed_x for name in moments.names])

    def loglik(n: int, size: int, log_determinant: float) -> float:
        return -n / 2 * (size * (float(np.log(2 * np.pi)) + 1) + log_determinant)

    total = sum(
        loglik(n, len(x), float(log_determinant))
        for n, log_determinant in zip(moments.n_obs, moments.log_determinants, strict=True)
    )
    if not x.any():
        return total
    return total - sum(
        loglik(n, int(x.sum()), float(np.linalg.slogdet(sample.sigma[np.ix_(x, x)])[1]))
        for n, sample in zip(moments.n_obs, moments.sample, strict=True)
    )
