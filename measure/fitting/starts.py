"""Where the search begins: values read off the sample moments, factor by factor.

Each factor is first taken by itself (principal factor of its indicators, communalities from the
squared multiple correlations), and is given Bartlett's weights. The weighted sums then say how
factors covary with each other and with predictors, which starts covariances, regressions and
factors of factors. A poor start costs iterations; it never changes the answer.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from measure.model import Block, Implied, Model
from measure.specification.table import Parameter, ParameterTable

Array = NDArray[np.float64]

# A loading below this (standardised) is no basis for the scale of a factor.
SMALLEST_LOADING = 0.1
LARGEST_CORRELATION = 0.9
SMALLEST_UNIQUENESS = 0.2
# Keeps a division defined, whatever units the items are in.
TINY = float(np.finfo(float).tiny)


@dataclass(frozen=True)
class _Plan:
    """How a start is worked out.

    `pattern` gives the standardised loadings of a factor from the correlations of its indicators,
    `covariances` tells whether factors start correlated, `proper` whether residual variances are
    kept positive. Some likelihoods have their maximum where one is not.
    """

    pattern: Callable[[Array], Array]
    covariances: bool = True
    proper: bool = True


def starting_points(model: Model, sample: list[Implied], seed: int) -> list[Callable[[], Array]]:
    """List the starting points to try, best first, each of another kind; the last are perturbed."""
    informed = _Plan(_principal_factor)

    def perturbed(index: int) -> Array:
        base = _start(model, sample, _Plan(_principal_factor, covariances=False))
        noise = np.random.default_rng([seed, index]).uniform(-0.3, 0.3, len(base))
        return base * (1 + noise)

    return [
        lambda: _start(model, sample, informed),
        lambda: _start(model, sample, _Plan(_instrumental, proper=False)),
        lambda: _start(model, sample, _Plan(_equal, covariances=False)),
        lambda: _start(model, sample, _Plan(_principal_factor, covariances=False)),
        *(lambda index=index: perturbed(index) for index in range(2)),
    ]


def carried(other: Model, params: Array, model: Model) -> Array:
    """Give the parameters that come nearest to those of another model of the same variables."""
    return nearest(model, elements_by_name(other, params, model))


def elements_by_name(other: Model, params: Array, model: Model) -> Array:
    """Elements of a model at the values of another model's same parameters; 0 where absent."""
    rows = other.table.parameters
    values = dict(zip((row.key for row in rows), other.row_values(params), strict=True))
    own = model.table.parameters
    return np.array([float(values.get(own[row].key, 0.0)) for row in model.free_rows])


def from_sample(model: Model, sample: list[Implied]) -> Array:
    """Give every free (co)variance and mean its sample value: the start of the baseline model."""
    values = []
    for index in model.free_rows:
        row = model.table.parameters[index]
        block = model.table.block_of(row)
        moments, names = sample[block], model.blocks[block].observed
        i = names.index(row.lhs)
        if row.op == "~1":
            assert moments.mu is not None
            values.append(float(moments.mu[i]))
        else:
            values.append(float(moments.sigma[i, names.index(row.rhs)]))
    return np.array(values)


def _start(model: Model, sample: list[Implied], plan: _Plan) -> Array:
    values = np.full(len(model.table.parameters), np.nan)
    for block, moments in zip(model.blocks, sample, strict=True):
        _Guess(model.table, block, moments.sigma, plan).fill(values)
        if moments.thresholds is not None:
            _answers(model.table, block, moments, values)
    for index, row in enumerate(model.table.parameters):
        if np.isfinite(row.start):
            values[index] = row.start
    elements = values[list(model.free_rows)]
    params = nearest(model, elements)
    if model.table.meanstructure and model.table.ordered is None:
        params = _fit_means(model, params, sample)
    return params


def _answers(table: ParameterTable, block: Block, moments: Implied, values: Array) -> None:
    """Start thresholds and the means of continuous variables at those of the sample."""
    assert moments.thresholds is not None
    assert moments.mu is not None
    for index, place in block.places.items():
        row = table.parameters[index]
        if row.op == "|":
            values[index] = moments.thresholds[place.i]
        elif row.op == "~*~":
            values[index] = 1.0
        elif row.op == "~1" and row.lhs in block.observed:
            values[index] = moments.mu[block.observed.index(row.lhs)]


def nearest(model: Model, elements: Array) -> Array:
    """Give the parameters whose elements come nearest to the wanted ones."""
    reduction = model.reduction
    if reduction.basis is None or reduction.offset is None:
        return elements
    basis = reduction.basis
    if reduction.follows is not None:
        # The mean of the elements that are the same.
        return reduction.reduce_gradient(elements) / np.bincount(reduction.follows)
    return np.asarray(np.linalg.solve(basis.T @ basis, basis.T @ (elements - reduction.offset)))


def _fit_means(model: Model, params: Array, sample: list[Implied]) -> Array:
    """Set all free means and intercepts by least squares: implied means are linear in them."""
    rows = [model.table.parameters[index] for index in model.free_rows]
    fixed = np.array([row.op != "~1" or np.isfinite(row.start) for row in rows])
    states = model.states(params)
    slopes, gaps = [], []
    for state, d, moments in zip(states, model.derivatives(states), sample, strict=True):
        if d.d_mu is None or moments.mu is None or state.implied.mu is None:
            return params
        slopes.append(np.where(fixed, 0.0, d.d_mu))
        gaps.append(moments.mu - state.implied.mu)
    slopes, gaps = model.added_over_levels(slopes), model.added_over_levels(gaps)
    slope = model.reduction.reduce_gradient(np.vstack(slopes))
    moving = slope.any(axis=0)
    moved = params.copy()
    moved[moving] += np.linalg.lstsq(slope[:, moving], np.concatenate(gaps))[0]
    return moved


@dataclass
class _Guess:
    """Starting values of one block, worked out from its covariance matrix."""

    table: ParameterTable
    block: Block
    sigma: Array
    plan: _Plan

    def __post_init__(self) -> None:
        self.observed = self.block.observed
        self.names = [*self.observed, *self.table.latent]
        self.place = {name: k for k, name in enumerate(self.observed)}
        self.rows = [
            (index, row)
            for index, row in enumerate(self.table.parameters)
            if (row.group, row.level) == (self.block.group, self.block.level)
        ]
        self.loadings: dict[str, list[tuple[int, Parameter]]] = {}
        for index, row in self.rows:
            if row.op == "=~":
                self.loadings.setdefault(row.lhs, []).append((index, row))
        self.n_factors = Counter(
            row.rhs for loadings in self.loadings.values() for _, row in loadings
        )
        # Weights of the observed variables whose sum stands in for each variable.
        self.weights = dict(zip(self.observed, np.eye(len(self.observed)), strict=True))
        self.variance = dict(zip(self.observed, self.sigma.diagonal().tolist(), strict=True))
        self.explained = dict.fromkeys(self.names, 0.0)

    def fill(self, values: Array) -> None:
        """Write the starting values of the free rows of this block into `values`."""
        for index, row in self.rows:
            if row.free and row.op in ("~", "~1"):
                values[index] = 0.0
        # A block of the text may leave a factor out.
        waiting = [f for f in self.table.latent if f in self.loadings]
        while waiting:
            ready = [f for f in waiting if not set(self._items(f)) & set(waiting)] or waiting[:1]
            for factor in ready:
                self._factor(factor, values)
            waiting = [f for f in waiting if f not in ready]
        self._regressions(values)
        for index, row in self.rows:
            if row.free and row.op == "~~" and row.lhs == row.rhs:
                values[index] = self._residual_variance(row.lhs)
            elif row.free and row.op == "~~":
                values[index] = self._residual_covariance(row) if self.plan.covariances else 0.0

    def _items(self, factor: str) -> list[str]:
        return [row.rhs for _, row in self.loadings[factor]]

    def _covariance(self, first: str, second: str) -> float:
        if first == second:
            return float(self.variance[first])
        if first not in self.weights or second not in self.weights:
            return 0.0
        raw = float(self.weights[first] @ self.sigma @ self.weights[second])
        limit = LARGEST_CORRELATION * float(np.sqrt(self.variance[first] * self.variance[second]))
        return min(max(raw, -limit), limit)

    def _matrix(self, names: list[str]) -> Array:
        if all(name in self.place for name in names):
            chosen = [self.place[name] for name in names]
            return self.sigma[chosen][:, chosen]
        return np.array([[self._covariance(a, b) for b in names] for a in names])

    def _factor(self, factor: str, values: Array) -> None:
        """Loadings, variance and Bartlett weights of one factor from its indicators alone."""
        loadings = self.loadings[factor]
        items = [row.rhs for _, row in loadings]
        scale = np.sqrt([max(self._covariance(x, x), TINY) for x in items])
        pattern = self.plan.pattern(self._matrix(items) / (scale[:, None] * scale))
        # An item of several factors shares its common variance among them.
        pattern = pattern / np.sqrt([self.n_factors[x] for x in items])
        # With nothing to fix it, the sign of a factor is that of its first loading, as in lavaan.
        fixed = [
            (k, row.value) for k, (_, row) in enumerate(loadings) if not row.free and row.value
        ]
        free = [k for k, (_, row) in enumerate(loadings) if row.free]
        upright = pattern[fixed[0][0]] * fixed[0][1] >= 0 if fixed else pattern[0] >= 0
        pattern = pattern if upright else -pattern
        variance = self._fixed_variance(factor)
        unit = 1.0
        if variance is not None:
            unit = 1 / np.sqrt(variance) if variance > 0 else 1.0
        elif fixed:
            k, value = fixed[0]
            size = max(abs(pattern[k]), SMALLEST_LOADING) * scale[k] / abs(value)
            unit = 1 / size
        raw = pattern * scale * unit
        for k in free:
            values[loadings[k][0]] = raw[k]
        if fixed and not free:
            raw = np.array([row.value for _, row in loadings])
        self._keep(factor, items, raw, 1 / unit**2)

    def _keep(self, factor: str, items: list[str], raw: Array, variance: float) -> None:
        total = np.array([self._covariance(x, x) for x in items])
        whole = raw**2 * variance
        common = np.minimum(whole, (1 - SMALLEST_UNIQUENESS) * total)
        for x, part in zip(items, common if self.plan.proper else whole, strict=True):
            self.explained[x] += float(part)
        precision = raw / np.maximum(total - common, TINY)
        weight = np.zeros(len(self.observed))
        for x, w in zip(items, precision, strict=True):
            if x in self.place:
                weight[self.place[x]] += w
            elif x in self.weights:
                weight += w * self.weights[x]
        self.weights[factor] = weight / max(float(precision @ raw), TINY)
        self.variance[factor] = variance

    def _fixed_variance(self, factor: str) -> float | None:
        for _, row in self.rows:
            if row.op == "~~" and row.lhs == row.rhs == factor and not row.free:
                return row.value
        return None

    def _regressions(self, values: Array) -> None:
        outcomes = dict.fromkeys(row.lhs for _, row in self.rows if row.op == "~")
        for outcome in outcomes:
            terms = [(i, r) for i, r in self.rows if r.op == "~" and r.lhs == outcome]
            predictors = [row.rhs for _, row in terms]
            inner = self._matrix(predictors)
            ridge = 0.05 * np.diag(np.maximum(np.diag(inner), TINY))
            cross = np.array([self._covariance(x, outcome) for x in predictors])
            slopes = np.linalg.solve(inner + ridge, cross)
            limit = (1 - SMALLEST_UNIQUENESS) * self._covariance(outcome, outcome)
            self.explained[outcome] += float(np.clip(slopes @ cross, 0.0, limit))
            for (index, row), slope in zip(terms, slopes, strict=True):
                if row.free:
                    values[index] = slope

    def _residual_variance(self, name: str) -> float:
        total = self._covariance(name, name)
        left = total - self.explained[name]
        return float(max(left, SMALLEST_UNIQUENESS * total) if self.plan.proper else left)

    def _residual_covariance(self, row: Parameter) -> float:
        """Covariance of two unexplained variables; that of two residuals starts at 0."""
        if self.explained[row.lhs] or self.explained[row.rhs]:
            return 0.0
        return self._covariance(row.lhs, row.rhs)


def _principal_factor(correlations: Array) -> Array:
    """First principal factor of a correlation matrix, (n_items,); its sign is arbitrary."""
    n_items = len(correlations)
    if n_items == 1:
        return np.ones(1)
    if n_items == 2:
        r = correlations[0, 1]
        size = np.sqrt(np.clip(abs(r), SMALLEST_LOADING**2, LARGEST_CORRELATION))
        return np.array([size, size if r >= 0 else -size])
    off = correlations - np.diag(correlations.diagonal())
    values, vectors = np.linalg.eigh(off + np.diag(np.abs(off).max(axis=0)))
    loadings = vectors[:, -1] * np.sqrt(max(values[-1], SMALLEST_LOADING**2))
    return np.asarray(np.minimum(np.maximum(loadings, -0.95), 0.95))


def _equal(correlations: Array) -> Array:
    """Loadings of one size, half of the variance common; signs as the first item's correlations."""
    return np.asarray(np.where(correlations[0] >= 0, 1.0, -1.0) * np.sqrt(0.5))


def _instrumental(correlations: Array) -> Array:
    """Loadings by factor analysis with the other items as instruments (Hagglund 1982, FABIN 3).

    The item that correlates most is the reference. For three items they reproduce the correlations
    where any loadings do, one residual variance negative or not. The principal factor where there
    are fewer than three items, or no real solution.
    """
    n_items = len(correlations)
    off = correlations - np.diag(correlations.diagonal())
    reference = int(np.argmax(np.abs(off).sum(axis=0)))
    own = off[reference]
    instruments = np.ones((n_items, n_items)) - np.eye(n_items)
    instruments[:, reference] = 0.0
    scale = instruments @ own**2
    if n_items < 3 or (scale <= 0).any():
        return _principal_factor(correlations)
    ratios = (off * instruments) @ own / scale
    ratios[reference] = 0.0
    size = float(own @ ratios / max(float(ratios @ ratios), TINY))
    if size <= 0:
        return _principal_factor(correlations)
    ratios[reference] = 1.0
    return np.asarray(ratios * np.sqrt(size))
