"""Whether one fitted model is a special case of another, on the same data."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from measure.errors import OptionError
from measure.estimators.least_squares import LeastSquares
from measure.estimators.ml import MaximumLikelihood
from measure.estimators.twolevel import TwoLevelLikelihood
from measure.evaluation.rescaling import rescaled
from measure.fitting.constrained import minimize_restricted
from measure.fitting.fitted import Fit
from measure.fitting.inference import information, inverse
from measure.fitting.problem import Point, Problem
from measure.fitting.starts import elements_by_name, starting_points
from measure.model import ACTIVE, Implied, State, vech_places
from measure.moments import Moments
from measure.optimize import is_positive_definite, minimize
from measure.specification.levels import NAMES

Array = NDArray[np.float64]

# Largest discrepancy between two models' moments that still counts as none (the fit function is
# at most a rounding error above 0 where one model can take the other's moments).
REPRODUCED = 1e-7
# Searches that end in a minimum above it before models are called not nested.
ENOUGH = 3
# Largest relative difference of two samples' moments, and of two points' implied ones.
SAME = 1e-8
SAME_IMPLIED = 1e-6
# A variance, or an eigenvalue of a correlation matrix, below this stands at 0.
EDGE = 1e-4
# Keeps a division by a variance of 0 defined.
TINY = float(np.finfo(float).tiny)
# A derivative below this share of its usual size counts as none. Where a search runs into such a
# point the discrepancy is flat, so that it ends some hundredths away from it.
VANISHING = 0.05
# Seed of the perturbed starting points, tried only where the informed ones fail.
_SEED = 2010


def require_same_data(first: Fit, second: Fit) -> None:
    """Refuse two fits whose statistics are not about the same respondents and variables.

    Raises
    ------
    OptionError
        Other variables, groups, respondents or answers; or only one has a mean structure.
    """
    a, b = first.moments, second.moments
    only = sorted(set(a.names) ^ set(b.names))
    if only:
        raise OptionError(
            f"the models are about different variables: {', '.join(only)} "
            f"{'is' if len(only) == 1 else 'are'} in one of them only. Chi-squares of different "
            "variables cannot be compared; fit both models to the same ones."
        )
    if first.model.table.meanstructure != second.model.table.meanstructure:
        raise OptionError(
            "one model has a mean structure and the other has none, so that they explain different "
            "moments. Fit both with meanstructure=True."
        )
    _require_same_scales(a, b)
    if a.groups != b.groups:
        raise OptionError(
            f"the models are about different groups: {_listed(a)} and {_listed(b)}. Fit both with "
            "the same `group`."
        )
    if a.n_obs != b.n_obs:
        raise OptionError(
            f"the models were fitted to different respondents: {a.n_total} rows "
            f"({_sizes(a)}) and {b.n_total} rows ({_sizes(b)}). Fit both to the same rows."
        )
    _require_same_levels(a, b)
    labels = [label for label in a.groups for _ in range(len(a.sample) // len(a.groups))]
    orders = _orders(b, a)
    for label, mine, other, order in zip(labels, a.sample, b.sample, orders, strict=True):
        if not _equal(mine, _reordered(other, order, b), SAME):
            where = f' of group "{label}"' if len(a.groups) > 1 else ""
            raise OptionError(
                f"the models were fitted to different data: their sample moments{where} differ. "
                "Fit both to the same rows, with missing answers treated alike."
            )


def _require_same_levels(a: Moments, b: Moments) -> None:
    """Refuse a model with two levels beside one without, or with others at a level."""
    if (a.levels is None) != (b.levels is None):
        raise OptionError(
            "one of the models has two levels and the other one, so that they explain different "
            "moments. Write both with `level:` blocks; a level is left unrestricted by all "
            "covariances of its variables."
        )
    for level, (mine, other) in enumerate(zip(a.block_names, b.block_names, strict=True)):
        apart = sorted(set(mine) ^ set(other))
        if apart:
            where = NAMES[level % 2 + 1]
            raise OptionError(
                f"{', '.join(apart)}: modelled {where} clusters by one of the models only, so that "
                "they explain different moments. Use the same variables at each level."
            )


def _orders(own: Moments, wanted: Moments) -> list[list[int]]:
    """Places of the variables of each block, in the order that other moments have them in."""
    pairs = zip(own.block_names, wanted.block_names, strict=True)
    return [[names.index(name) for name in order] for names, order in pairs]


def _require_same_scales(a: Moments, b: Moments) -> None:
    """Refuse a model that takes for numbers what the other takes for ordered answers."""
    own, other = ({} if one.ordinal is None else one.ordinal.values for one in (a, b))
    apart = sorted(set(own) ^ set(other))
    if apart:
        raise OptionError(
            f"{', '.join(apart)}: ordered in one of the models and continuous in the other, so "
            "that they explain different moments. Fit both with the same `ordered`."
        )
    for name in own:
        if len(own[name]) != len(other[name]):
            raise OptionError(
                f'"{name}" has {len(own[name])} categories in one of the models and '
                f"{len(other[name])} in the other, so that they were fitted to different data. Fit "
                "both to the same answers."
            )


def _listed(moments: Moments) -> str:
    return ", ".join(str(label) for label in moments.groups)


def _sizes(moments: Moments) -> str:
    return ", ".join(str(n) for n in moments.n_obs)


def require_same_method(first: Fit, second: Fit) -> None:
    """Refuse two fits that differ in estimator, treatment of missing answers, or test.

    Raises
    ------
    OptionError
        Names what differs.
    """
    pairs = {
        "estimator": (first.method.estimator.name, second.method.estimator.name),
        "missing": (first.missing, second.missing),
        "test": (first.method.test, second.method.test),
        "likelihood": (first.options.likelihood, second.options.likelihood),
        "information": (first.method.information, second.method.information),
        "cluster": (first.options.cluster, second.options.cluster),
        "auxiliary": (set(first.options.auxiliary), set(second.options.auxiliary)),
    }
    for option, (mine, other) in pairs.items():
        if mine != other:
            raise OptionError(
                f"the models differ in `{option}`: {_shown(mine)} and {_shown(other)}. A "
                "difference of their chi-squares is no test; fit both with the same."
            )


def _shown(value: object) -> str:
    if isinstance(value, set):
        return ", ".join(sorted(value)) or "none"
    return f'"{value}"' if value is not None else "none"


def _reordered(moments: Implied, order: list[int], own: Moments) -> Implied:
    """Moments of the variables of `own` in another order."""
    mu = None if moments.mu is None else moments.mu[order]
    thresholds = moments.thresholds
    if own.ordinal is not None and thresholds is not None:
        # Of a block between clusters the thresholds of its own items, which are the last ones.
        counts = own.thresholds[len(own.names) - len(order) :]
        item = np.repeat(np.arange(len(order)), counts)
        thresholds = thresholds[np.concatenate([np.flatnonzero(item == k) for k in order])]
    return Implied(mu, moments.sigma[np.ix_(order, order)], thresholds)


def _equal(a: Implied, b: Implied, tolerance: float) -> bool:
    sd = np.sqrt(np.maximum(np.diag(a.sigma), TINY))
    gap = float(np.abs((a.sigma - b.sigma) / np.outer(sd, sd)).max())
    if a.mu is not None and b.mu is not None:
        gap = max(gap, float(np.abs((a.mu - b.mu) / sd).max()))
    if a.thresholds is not None and b.thresholds is not None:
        gap = max(gap, float(np.abs(a.thresholds - b.thresholds).max()))
    return gap <= tolerance


def nested(restricted: Fit, free: Fit, *, by: str = "search") -> Point | None:
    """Give the point of `free` that has the moments which `restricted` implies.

    Where the parameters of both bear the same names the values are carried over, and by design also
    to other scales (see `rescaling`). Otherwise `free` is fitted to the implied moments, which it
    reproduces exactly if the models are nested (the NET procedure of Bentler & Satorra 2010,
    Psychological Methods 15, 111-123).

    Parameters
    ----------
    restricted, free
        Fits to the same data.
    by
        "search" looks whether `free` reproduces what `restricted` implies elsewhere too; "design"
        takes it that it does, since the models were made so.

    Returns
    -------
    Point, or None where `free` cannot reproduce the moments: the models are not nested.

    Raises
    ------
    OptionError
        Where the moments that `restricted` implies are not positive definite.
    """
    own = restricted.moments
    orders = _orders(own, free.moments)
    target = _all_reordered(restricted.implied_moments, orders, own)
    if not _possible(target, own):
        raise OptionError(
            "the covariance matrix that the more restricted model implies is not positive "
            "definite, so that nothing can be compared with it."
        )
    elements = by_name(restricted, free)
    matching = _matching(elements, free, target)
    if matching is None and by == "design":
        there = rescaled(restricted, free)
        matching = None if there is None else _matching(there, free, target)
    if matching is not None:
        return matching
    found = _by_search(free, elements[list(free.model.reduction.kept)], target)
    if found is None or by == "design":
        return found
    # Estimates may lie where models meet that are not nested, such as a parameter near 0.
    elsewhere = _moved(restricted, orders)
    if elsewhere is not None and _by_search(free, found.params, elsewhere) is None:
        return None
    return found


def _all_reordered(
    moments: Sequence[Implied], orders: list[list[int]], own: Moments
) -> list[Implied]:
    return [_reordered(one, order, own) for one, order in zip(moments, orders, strict=True)]


def _possible(moments: Sequence[Implied], own: Moments) -> bool:
    """Whether a discrepancy is defined at moments of the kind of `own`."""
    if own.ordinal is not None:
        # Least squares take any matrix.
        return True
    if own.nested is not None:
        return TwoLevelLikelihood(own).at(list(moments)) is not None
    return all(np.linalg.eigvalsh(one.sigma)[0] > 0 for one in moments)


def _moved(restricted: Fit, orders: list[list[int]]) -> list[Implied] | None:
    """Moments that the restricted model implies at parameters some way off its estimates.

    Each moves by 0.1 to 0.2 of sqrt(N) standard errors, up or down.

    None where its parameters cannot be moved freely, or imply no positive definite moments there,
    or, with ordered items, negative residual variances, which one parameterization has and the
    other has not.
    """
    model = restricted.model
    spread = inverse(model.reduction.reduce_matrix(information(restricted.point, "expected")))
    if model.restrictions or spread is None:
        return None
    rng = np.random.default_rng(_SEED)
    step = rng.uniform(0.1, 0.2, model.n_params) * rng.choice([-1.0, 1.0], model.n_params)
    step *= np.sqrt(np.diag(spread))
    for _ in range(5):
        there = restricted.problem.at(restricted.params + step)
        own = restricted.moments
        possible = own.ordinal is None or not there.improprieties
        if possible and _possible(there.implied, own):
            return _all_reordered(there.implied, orders, own)
        step /= 2
    return None


def by_name(restricted: Fit, free: Fit) -> Array:
    """Elements of `free` at the values of the same parameters of `restricted`; 0 where absent."""
    return elements_by_name(restricted.model, restricted.params, free.model)


def _matching(elements: Array, free: Fit, target: list[Implied]) -> Point | None:
    """The point at these elements, if they keep the model's constraints and give the moments."""
    model = free.model
    params = elements[list(model.reduction.kept)]
    if not np.allclose(model.elements(params), elements, rtol=1e-6, atol=1e-6):
        return None
    if model.restrictions:
        values = model.row_values(params)
        if np.any(np.abs(model.restrictions.evaluate("equal", values)[0]) > ACTIVE):
            return None
        if np.any(model.restrictions.evaluate("positive", values)[0] < -ACTIVE):
            return None
    point = free.problem.at(params)
    alike = zip(target, point.implied, strict=True)
    return point if all(_equal(a, b, SAME_IMPLIED) for a, b in alike) else None


def _by_search(free: Fit, start: Array, target: list[Implied]) -> Point | None:
    """Fit the free model to the implied moments; None where a discrepancy is left."""
    model = free.model
    problem = _imitating(free, target)
    search = minimize_restricted if model.restrictions else minimize
    starts = (
        lambda: start,
        lambda: free.params,
        *starting_points(model, target, _SEED),
    )
    n_ended = 0
    for make in starts:
        begin = make()
        if not np.isfinite(problem.at(begin).value):
            continue
        # At a correlation of 1 the search may end without converging, and still be there.
        found = search(problem, begin)
        if found.value < REPRODUCED:
            return free.problem.at(found.params)
        n_ended += found.converged
        if n_ended == ENOUGH:
            break
    return None


def _imitating(free: Fit, target: list[Implied]) -> Problem:
    """The free model with the implied moments in place of those of the sample.

    The discrepancy is the likelihood's, and with ordered items, which have none, the sum of squared
    residuals of thresholds, of correlations, and of the moments of standardised variables.
    """
    own = free.moments
    moments = replace(own, sample=tuple(target), rows=None, clusters=None, patterns=None)
    layout = own.layout
    if own.nested is not None:
        pairs = zip(own.nested, target[::2], target[1::2], strict=True)
        moments = replace(moments, nested=tuple(one.with_moments(w, b) for one, w, b in pairs))
        return Problem(free.model, moments, TwoLevelLikelihood(moments))
    if own.level_layout is not None:
        sd = np.sqrt(np.diag(target[1].sigma))
        units = np.ones_like(target[0].sigma), np.outer(sd, sd)
        weight = own.level_layout.vector(np.ones(len(own.level_layout.items)), *units) ** -2
        return Problem(free.model, moments, LeastSquares(moments, (weight,), True))
    if layout is None:
        return Problem(free.model, moments, MaximumLikelihood(moments))
    weights = []
    for one in target:
        sd = np.sqrt(np.diag(one.sigma))
        weights.append(layout.vector(sd, np.outer(sd, sd), np.ones(len(layout.items))) ** -2)
    return Problem(free.model, moments, LeastSquares(moments, tuple(weights), True))


def at_edge(point: Point) -> list[str]:
    """Say where a point of the less restricted model lies on the edge of proper solutions.

    Beyond it variances are negative or correlations larger than 1. Searches go there, unless the
    model has bounds (`Point.bounds_reached`).
    """
    found: list[str] = []
    table = point.problem.model.table
    free = {row.key for row in table.parameters if row.free and row.op == "~~"}
    for state in point.states:
        label = table.groups.labels[state.block.group - 1]
        where = "" if table.levels is None else f" {NAMES[state.block.level]} clusters"
        where += f' in group "{label}"' if table.n_groups > 1 else ""
        for matrix, names, total in (
            ("theta", state.block.observed, np.diag(state.sigma)),
            ("psi", state.block.eta, np.diag(state.covariance)),
        ):
            own = [
                k
                for k, name in enumerate(names)
                if (name, "~~", name, state.block.group, state.block.level) in free
                and name not in table.auxiliary
            ]
            found += [text + where for text in _edges(state, matrix, own, total, names)]
    return found


def _edges(
    state: State, matrix: str, own: list[int], total: Array, names: tuple[str, ...]
) -> list[str]:
    """Variances at 0 and correlations at 1 among the variables whose variance is free."""
    values = state.matrices[matrix]
    variances = np.diag(values)
    zero = [k for k in own if abs(variances[k]) <= EDGE * total[k]]
    found = [f'the variance of "{names[k]}" is 0' for k in zero]
    rest = [k for k in own if variances[k] > EDGE * total[k]]
    if len(rest) > 1:
        sd = np.sqrt(variances[rest])
        correlations = values[np.ix_(rest, rest)] / np.outer(sd, sd)
        sizes, directions = np.linalg.eigh(correlations)
        nearest = int(np.argmin(np.abs(sizes)))
        if abs(sizes[nearest]) < EDGE:
            weights = np.abs(directions[:, nearest])
            involved = [f'"{names[k]}"' for k, w in zip(rest, weights, strict=True) if w > 0.1]
            found.append(f"{', '.join(involved)} determine each other (a correlation of 1)")
    return found


def undetermined(point: Point, own: Point) -> bool:
    """Whether the moments lose hold of a model's parameters at a point.

    Where they do, parameters exist under the alternative only, and the difference of
    chi-squares does not follow a chi-square (Davies 1977).

    Parameters
    ----------
    point
        The less restricted model at the moments of the more restricted one.
    own
        The same model at its own estimates: the singular values of its derivatives there say what
        is usual, since their size depends on the model and on the units of its items.
    """
    here, usual = (one.products_along for one in (point, own))
    if not len(usual) or here.shape != usual.shape:
        return False
    size = np.sqrt(usual.diagonal())
    size = np.where(size > 0, size, 1.0)
    here, usual = (one / np.outer(size, size) for one in (here, usual))
    # What is larger in all directions has larger eigenvalues, which mostly settles it.
    if is_positive_definite(here - VANISHING**2 * usual):
        return False
    # Squared singular values; that of a share of VANISHING is far above what rounding leaves.
    sizes, wanted = (np.linalg.eigvalsh(one) for one in (here, usual))
    return bool(np.any(sizes < VANISHING**2 * np.maximum(wanted, 0.0)))


def aligned_jacobian(fit: Fit, names: tuple[str, ...]) -> Array:
    """Derivatives of all groups' moments over elements, rows in the order of `names`."""
    own, means = fit.moments.names, fit.model.table.meanstructure
    layout, p = fit.moments.level_layout or fit.moments.layout, len(own)
    if layout is not None:
        places = layout.places([own.index(name) for name in names])
        return np.vstack([jacobian[places] for jacobian in fit.point.jacobians])
    a, b = vech_places(p)
    place = np.zeros((p, p), dtype=np.intp)
    place[a, b] = place[b, a] = np.arange(len(a))
    order = np.array([own.index(name) for name in names], dtype=np.intp)
    rows = place[order[a], order[b]]
    whole = np.concatenate([order, p + rows]) if means else rows
    return np.vstack([jacobian[whole] for jacobian in fit.point.jacobians])
