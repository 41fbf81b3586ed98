"""Means and covariances of incomplete continuous data: the saturated model by EM."""

import numpy as np
from numpy.typing import NDArray

from measure.errors import DataError
from measure.model import Implied
from measure.moments import Moments
from measure.moments.complete import require_positive_definite
from measure.moments.patterns import PatternLikelihood, Patterns, patterns_of
from measure.moments.rows import Rows

Array = NDArray[np.float64]

MAX_STEPS = 10_000
# EM ends when no mean and no covariance, on the scale of the items' standard deviations, moves
# further than this. It converges linearly, so that what is left is a few times as much.
TOLERANCE = 1e-9


def from_rows(rows: Rows) -> Moments:
    """Maximum likelihood moments of all rows with at least one answer.

    Parameters
    ----------
    rows
        Answers, by group, NaN where one is missing.

    Raises
    ------
    DataError
        Where two items are never answered by the same row, or the moments are not determined.
    """
    kept, clusters, sample, patterns = [], [], [], []
    for k, values in enumerate(rows.values):
        where = f' of group "{rows.groups[k]}"' if len(rows.groups) > 1 else ""
        some = ~np.isnan(values).all(axis=1)
        answered = values if some.all() else values[some]
        require_coverage(answered, rows.names, where)
        own = patterns_of(answered)
        patterns.append(own)
        sample.append(saturated(own, answered, rows.names, where))
        kept.append(answered)
        if rows.clusters is not None:
            clusters.append(rows.clusters[k][some])
    n_obs = tuple(len(values) for values in kept)
    return Moments(
        names=rows.names,
        groups=rows.groups,
        n_obs=n_obs,
        sample=tuple(sample),
        counts=n_obs,
        rows=tuple(kept),
        clusters=tuple(clusters) if rows.clusters is not None else None,
        patterns=tuple(patterns),
        n_dropped=rows.n_dropped + sum(map(len, rows.values)) - sum(n_obs),
    )


def require_coverage(values: Array, names: tuple[str, ...], where: str) -> None:
    """Refuse a pair of items that no row answers together: its covariance is not determined."""
    present = (~np.isnan(values)).astype(float)
    refuse_apart(present.T @ present, len(values), names, where)


def refuse_apart(together: Array, n: int, names: tuple[str, ...], where: str) -> None:
    """Do the same from the numbers of rows that answer two items together, (p, p)."""
    p = len(names)
    if n <= p:
        raise DataError(
            f"{n} rows{where} have an answer to any of the {p} variables; at least "
            f"{p + 1} are needed. Use fewer items, or gather more answers."
        )
    apart = np.argwhere(np.triu(together < 2))
    if len(apart):
        i, j = apart[0]
        raise DataError(
            f'"{names[i]}" and "{names[j]}" are answered together in {int(together[i, j])} '
            f"row{'s' * int(together[i, j] != 1)}{where}, so that their covariance is not "
            "determined. Leave one of them out, or use a design in which every pair of items meets."
        )


def saturated(
    patterns: Patterns, values: Array, names: tuple[str, ...], where: str = ""
) -> Implied:
    """Maximum likelihood means and covariances by EM (Dempster, Laird & Rubin 1977).

    Written with the gradient g, G of the mean log-likelihood a step is mu + Sigma g and
    Sigma + 2 Sigma G Sigma - Sigma g g' Sigma. Steps are extrapolated by the squared iteration of
    Varadhan & Roland (2008, scheme S3), which is taken back where it lowers the likelihood.

    Raises
    ------
    DataError
        Where the likelihood has no proper maximum.
    """
    sd = np.nanstd(values, axis=0)
    point = Implied(np.nanmean(values, axis=0), np.diag(sd**2))
    for _ in range(MAX_STEPS):
        likelihood = PatternLikelihood.at(patterns, point)
        if likelihood is None:
            break
        first = _em_step(likelihood, point)
        if _distance(point, first, sd) < TOLERANCE:
            require_positive_definite(first.sigma, names, f"the items{where}")
            return first
        middle = PatternLikelihood.at(patterns, first)
        if middle is None:
            break
        second = _em_step(middle, first)
        leap = _extrapolate(point, first, second)
        reached = PatternLikelihood.at(patterns, leap)
        better = reached is not None and reached.loglik >= middle.loglik
        point = leap if better else second
    require_positive_definite(point.sigma, names, f"the items{where}")
    raise DataError(
        f"the means and covariances of the incomplete items{where} could not be determined: the "
        "EM algorithm found no maximum of the likelihood. Look for items with very few answers."
    )


def _em_step(likelihood: PatternLikelihood, point: Implied) -> Implied:
    g, centre = likelihood.gradient
    assert point.mu is not None
    move = point.sigma @ g
    sigma = point.sigma + 2 * point.sigma @ centre @ point.sigma - np.outer(move, move)
    return Implied(point.mu + move, (sigma + sigma.T) / 2)


def _distance(before: Implied, after: Implied, sd: Array) -> float:
    assert before.mu is not None
    assert after.mu is not None
    means = np.abs(after.mu - before.mu) / sd
    covariances = np.abs(after.sigma - before.sigma) / np.outer(sd, sd)
    return float(max(means.max(), covariances.max()))


def _extrapolate(start: Implied, first: Implied, second: Implied) -> Implied:
    """Varadhan & Roland's step from three successive points of EM."""
    before, middle, after = (_flat(p) for p in (start, first, second))
    step, bend = middle - before, after - 2 * middle + before
    size = float(np.linalg.norm(bend))
    length = -max(float(np.linalg.norm(step)) / size, 1.0) if size > 0 else -1.0
    leap = before - 2 * length * step + length**2 * bend
    p = len(start.sigma)
    sigma = leap[: p * p].reshape(p, p)
    return Implied(leap[p * p :], (sigma + sigma.T) / 2)


def _flat(point: Implied) -> Array:
    assert point.mu is not None
    return np.append(point.sigma, point.mu)
