"""How items answer to their factor in each group: the functions that groups are compared by.

A continuous item has E(X | eta) = nu + lambda eta. An ordered item is a latent response that is cut
at thresholds (graded response, normal ogive); with responses scaled to a residual variance of 1,

    E(X | eta) = x_1 + sum_c w_c Phi(lambda eta - t_c)

with x_1 the lowest answer and w_c its rise at threshold c, lambda the loading and t_c = (tau_c -
nu) over the residual standard deviation. This is the theta parameterization, whatever that of the
fit: only there does a loading mean the same in groups whose factors differ in variance. Functions
of two groups can be compared where the latent variable has one zero and one unit in both.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from measure.consistency.composites import factor_items, observed_covariances
from measure.distributions import normal_cdf
from measure.errors import ModelError
from measure.fitting.fitted import Fit
from measure.model import State, latent_derivatives, observed_derivatives

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Scoring:
    """How p items are answered, by m locations: an intercept, or the thresholds, of each in turn.

    Attributes
    ----------
    items
        The item of each location, (m,), ascending.
    ordered
        Which items are ordered, (p,).
    lowest
        Lowest answer of an ordered item, 0 for a continuous one, (p,).
    steps
        By how much the answer rises at each threshold; 1 for an intercept, (m,).
    """

    items: Indices
    ordered: NDArray[np.bool_]
    lowest: Array
    steps: Array

    @cached_property
    def cut(self) -> NDArray[np.bool_]:
        """Which locations are thresholds, (m,)."""
        return np.asarray(self.ordered[self.items])

    @cached_property
    def signs(self) -> Array:
        """Direction in which a location moves the answer: 1 for an intercept, else -1, (m,)."""
        return np.where(self.cut, -1.0, 1.0)

    @property
    def size(self) -> int:
        """Parameters of the items in one group: loadings, then locations."""
        return len(self.ordered) + len(self.items)

    def summed(self, parts: Array) -> Array:
        """Add up what belongs to the locations of each item, (..., m) to (..., p)."""
        starts = np.searchsorted(self.items, np.arange(len(self.ordered)))
        return np.asarray(np.add.reduceat(parts, starts, axis=-1))

    def curves(self, loadings: Array, locations: Array, eta: Array) -> Array:
        """Expected answers (..., k, p) at latent values (..., k)."""
        reach = eta[..., None] * loadings[..., None, self.items]
        moved = reach + self.signs * locations[..., None, :]
        parts = moved.copy()
        parts[..., self.cut] = self.steps[self.cut] * normal_cdf(moved[..., self.cut])
        return self.summed(parts) + self.lowest

    def expected(self, loadings: Array, locations: Array, mean: Array, variance: Array) -> Array:
        """Expected answers (..., p) of persons with normal latent values."""
        return self.summed(self._parts(loadings, locations, mean, variance)[0]) + self.lowest

    def expected_slopes(
        self, loadings: Array, locations: Array, mean: float, variance: float
    ) -> tuple[Array, Array]:
        """Derivatives of `expected` by the items' parameters (p, p + m), and by mean and variance.

        The latter (p, 2). With z = (lambda mean - t)/s and s = sqrt(1 + lambda^2 variance) the
        answer to an ordered item is expected at x_1 + sum w Phi(z).
        """
        where = np.array(mean), np.array(variance)
        _, z, s = self._parts(loadings, locations, *where)
        own, p = loadings[self.items], len(loadings)
        height = self.steps * np.where(self.cut, np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi), 1.0)
        bend = np.where(self.cut, z / s**2, 0.0)
        by_loading = height * (mean / s - bend * own * variance)
        by_mean = height * own / s
        by_variance = -height * bend * own**2 / 2
        slopes = np.zeros((p, self.size))
        np.add.at(slopes, (self.items, self.items), by_loading)
        slopes[self.items, p + np.arange(len(self.items))] = height * self.signs / s
        return slopes, np.stack([self.summed(by_mean), self.summed(by_variance)], axis=1)

    def _parts(
        self, loadings: Array, locations: Array, mean: Array, variance: Array
    ) -> tuple[Array, Array, Array]:
        """Give the contribution of each location, its argument z, and its scale s; (..., m)."""
        own = loadings[..., self.items]
        s = np.where(self.cut, np.sqrt(1 + own**2 * variance[..., None]), 1.0)
        z = (own * mean[..., None] + self.signs * locations) / s
        return np.where(self.cut, self.steps * normal_cdf(z), z), z, s


@dataclass(frozen=True, eq=False)
class ItemFunctions:
    """The items of one factor in G groups.

    Attributes
    ----------
    factor, names, groups
        The factor, its p items, and the groups.
    n_obs
        Respondents, (G,).
    scoring
        How the items are answered.
    loadings, locations
        (G, p) and (G, m); those of ordered items for responses with a residual variance of 1.
    means, variances
        Of the factor, (G,).
    sds
        Standard deviations of the answers, (G, p).
    covariance
        Of the estimates, (G q, G q) with q = p + m + 2: of each group in turn its loadings,
        locations, mean and variance. NaN where the fit has no standard errors.
    """

    factor: str
    names: tuple[str, ...]
    groups: tuple[object, ...]
    n_obs: Array
    scoring: Scoring
    loadings: Array
    locations: Array
    means: Array
    variances: Array
    sds: Array
    covariance: Array

    @property
    def size(self) -> int:
        """Parameters of a group, q."""
        return self.scoring.size + 2

    @property
    def vector(self) -> Array:
        """All parameters, in the order of `covariance`, (G q,)."""
        own = (self.loadings, self.locations, self.means[:, None], self.variances[:, None])
        return np.hstack(own).ravel()

    def with_vector(self, vectors: Array) -> "ItemFunctions":
        """Give the same with other parameters (..., G q), which then lead all arrays."""
        p, m = len(self.names), len(self.scoring.items)
        own = vectors.reshape(*vectors.shape[:-1], len(self.groups), self.size)
        return replace(
            self,
            loadings=own[..., :p],
            locations=own[..., p : p + m],
            means=own[..., p + m],
            variances=own[..., p + m + 1],
        )

    def expected(self, group: int, persons: int) -> Array:
        """Answers (..., p) expected by the functions of one group of the persons of another."""
        return self.scoring.expected(
            self.loadings[..., group, :],
            self.locations[..., group, :],
            self.means[..., persons],
            self.variances[..., persons],
        )

    def expected_slopes(self, group: int, persons: int) -> Array:
        """Derivatives of `expected` by all parameters, (p, G q)."""
        by_items, by_persons = self.scoring.expected_slopes(
            self.loadings[group],
            self.locations[group],
            float(self.means[persons]),
            float(self.variances[persons]),
        )
        slopes = np.zeros((len(self.names), len(self.groups), self.size))
        slopes[:, group, :-2] = by_items
        slopes[:, persons, -2:] += by_persons
        return slopes.reshape(len(self.names), -1)

    def curves(self, group: int, eta: Array) -> Array:
        """Answers (..., k, p) expected by the functions of a group at latent values (..., k)."""
        return self.scoring.curves(self.loadings[..., group, :], self.locations[..., group, :], eta)


def measured_factors(fit: Fit) -> list[str]:
    """Name the factors that have items of their own, and refuse items of more than one factor.

    Raises
    ------
    ModelError
        There is one group, or no mean structure; an item loads on two factors or has paths of its
        own; or no factor has items.
    """
    if fit.n_groups < 2:
        raise ModelError(
            "the model was fitted to one group; groups are compared on a fit of several. Give "
            "`group`, the column of the groups."
        )
    if not fit.model.table.meanstructure:
        raise ModelError(
            "the model has no intercepts, so that levels of groups cannot be compared. Leave "
            "meanstructure=False out."
        )
    state = fit.point.states[0]
    factors = [name for name in fit.model.table.latent if len(factor_items(fit, state, name))]
    rows = [row for row in fit.model.table.parameters if row.op == "=~" and row.group == 1]
    observed = set(state.block.observed)
    for item in dict.fromkeys(row.rhs for row in rows if row.rhs in observed):
        own = dict.fromkeys(row.lhs for row in rows if row.rhs == item)
        if len(own) > 1:
            raise ModelError(
                f'"{item}" loads on {" and ".join(own)}: what groups answer to it at the same '
                "standing depends on all of them together. Groups are compared on items of one "
                "factor; leave the others out."
            )
        if item in state.block.eta:
            raise ModelError(
                f'"{item}" has paths of its own, so that the answer to it depends on more than its '
                "factor. Leave the paths out."
            )
    if not factors:
        raise ModelError("no factor of the model has items of its own to compare groups on.")
    return factors


def item_functions(fit: Fit, factor: str) -> ItemFunctions:
    """Read the functions of a factor's items, with their derivatives, off a fit."""
    states, n = fit.point.states, len(fit.model.free_rows)
    items = factor_items(fit, states[0], factor)
    scoring = _scoring(fit, items)
    parts = [_Group(state, items, states[0].block.eta.index(factor), n) for state in states]
    found = [part.values(scoring) for part in parts]
    jacobian = np.vstack([slopes for _, slopes in found])
    values = np.stack([own for own, _ in found])
    p, m = len(items), len(scoring.items)
    return ItemFunctions(
        factor=factor,
        names=tuple(fit.moments.names[i] for i in items),
        groups=fit.moments.groups,
        n_obs=np.array(fit.moments.n_obs, dtype=float),
        scoring=scoring,
        loadings=values[:, :p],
        locations=values[:, p : p + m],
        means=values[:, -2],
        variances=values[:, -1],
        sds=_answer_sds(fit)[:, items],
        covariance=jacobian @ fit.vcov_elements @ jacobian.T,
    )


def require_defined(functions: ItemFunctions) -> ItemFunctions:
    """Give the functions back, or refuse those of impossible estimates.

    Raises
    ------
    ModelError
        A factor has no positive variance, or an ordered item no positive residual variance.
    """
    for g, group in enumerate(functions.groups):
        if not functions.variances[g] > 0:
            raise ModelError(
                f'factor "{functions.factor}" has the variance {functions.variances[g]:.3g} in '
                f'group "{group}": it has no unit there. Repair the model first.'
            )
        lacking = ~np.isfinite(functions.loadings[g])
        if lacking.any():
            raise ModelError(
                f'"{functions.names[int(lacking.argmax())]}" has a negative residual variance in '
                f'group "{group}", so that no answer to it can be expected. Repair the model first.'
            )
    return functions


def _scoring(fit: Fit, items: Indices) -> Scoring:
    ordinal = fit.moments.ordinal
    names = [fit.moments.names[i] for i in items]
    values = {} if ordinal is None else ordinal.values
    codes = [np.array(values.get(name, ()), dtype=float) for name in names]
    counts = [max(len(own) - 1, 1) for own in codes]
    return Scoring(
        items=np.repeat(np.arange(len(items)), counts),
        ordered=np.array([len(own) > 0 for own in codes]),
        lowest=np.array([own[0] if len(own) else 0.0 for own in codes]),
        steps=np.concatenate([np.diff(own) if len(own) else np.ones(1) for own in codes]),
    )


def _answer_sds(fit: Fit) -> Array:
    """Standard deviations of the answers in each group (divisor n - 1), (G, all items)."""
    rows = []
    for group, (n, count) in enumerate(zip(fit.moments.n_obs, fit.moments.counts, strict=True)):
        variances = np.diag(observed_covariances(fit, group))
        divided = count / (n - 1) if fit.moments.ordinal is None else 1.0
        rows.append(np.sqrt(variances * divided))
    return np.array(rows)


@dataclass(frozen=True, eq=False)
class _Group:
    """One group of a fit: its matrices, the items of a factor, and the factor's column."""

    state: State
    items: Indices
    column: int
    n_elements: int

    def values(self, scoring: Scoring) -> tuple[Array, Array]:
        """Loadings, locations, mean and variance (q,), and their derivatives (q, n_elements)."""
        state, items = self.state, self.items
        zeros = np.zeros(len(items), dtype=np.intp)
        loadings, d_loadings = self._entries("lambda_", items, zeros + self.column)
        levels, d_levels = self._entries("nu", items, zeros)
        latent = latent_derivatives(state, self.n_elements)
        assert latent.d_mu is not None
        locations, d_locations = levels[scoring.items], d_levels[scoring.items]
        if scoring.ordered.any():
            assert state.responses is not None
            residuals, d_residuals = self._entries("theta", items, items)
            units = np.where(scoring.ordered, residuals, 1.0)
            d_units = np.where(scoring.ordered[:, None], d_residuals, 0.0)
            cut = scoring.cut
            rows = np.flatnonzero(np.isin(state.responses.layout.items, items))
            taus, d_taus = self._entries("tau", rows, np.zeros(len(rows), dtype=np.intp))
            locations = np.where(cut, -locations, locations)
            d_locations = np.where(cut[:, None], -d_locations, d_locations)
            locations[cut] += taus
            d_locations[cut] += d_taus
            loadings, d_loadings = _over_root(loadings, d_loadings, units, d_units)
            own = units[scoring.items], d_units[scoring.items]
            locations, d_locations = _over_root(locations, d_locations, *own)
        k = self.column
        person = np.array([state.eta_mean[k], state.covariance[k, k]])
        slopes = [d_loadings, d_locations, latent.d_mu[[k]], latent.variances[[k]]]
        return np.concatenate([loadings, locations, person]), np.vstack(slopes)

    def _entries(self, matrix: str, i: Indices, j: Indices) -> tuple[Array, Array]:
        """Entries of a matrix, and their derivatives, those that follow from others included."""
        block = self.state.block
        slopes = np.zeros((len(i), self.n_elements + len(block.follows)))
        if matrix in block.elements:
            rows, columns, element = block.elements[matrix]
            place, which = np.nonzero((i[:, None] == rows) & (j[:, None] == columns))
            slopes[place, element[which]] = 1.0
        following = observed_derivatives(self.state, self.n_elements).following
        free, rest = slopes[:, : self.n_elements], slopes[:, self.n_elements :]
        if following is not None:
            free = free + rest @ following.slope
        return self.state.matrices[matrix][i, j], free


def _over_root(values: Array, slopes: Array, units: Array, d_units: Array) -> tuple[Array, Array]:
    """Divide by the roots of `units`, with derivatives."""
    # A negative residual variance has no root; `require_defined` names it.
    root = np.sqrt(np.where(units > 0, units, np.nan))
    found = values / root
    return found, slopes / root[:, None] - (found / units / 2)[:, None] * d_units
