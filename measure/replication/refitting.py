"""Fitting a model again to drawn samples: the work that a bootstrap repeats."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from measure.errors import DataError
from measure.estimators import DISCREPANCIES
from measure.fitting.admissibility import improprieties
from measure.fitting.constrained import minimize_restricted
from measure.fitting.problem import Problem
from measure.fitting.rotated_samples import Turning
from measure.fitting.stacked import (
    definite,
    minimize_stack,
    model_of,
    row_values,
    stackable,
    stacked,
    taken,
)
from measure.fitting.standardization import Standardization, standardized_values
from measure.model import Implied, Model, State
from measure.moments import Moments
from measure.optimize import minimize
from measure.replication.resampling import Resampling
from measure.specification.definitions import defined_values, definitions

Array = NDArray[np.float64]

# Samples fitted together, and in a batch where each is fitted by itself.
TOGETHER, APART = 100, 4
# Counts of drawn rows that are held at once: 32 MB.
LARGEST = 4_000_000
# A matrix whose smallest eigenvalue, on the correlation scale, is above this is surely proper.
SURELY = 1e-6
# Iterations after which a search by itself is given up. From the estimates nearly all take fewer
# than 20; those that take this many run off to infinity.
PATIENCE = 200
NOT_TURNED = "the rotation of an exploratory block did not end at a minimum"
SINGULAR = "the covariance matrix of the rows drawn is not positive definite"


@dataclass(frozen=True, eq=False)
class Refits:
    """Solutions of a batch of samples.

    Attributes
    ----------
    n
        Samples in the batch.
    places
        Which of them were fitted, (k,).
    estimates, standardized
        Every row of the table, then every `:=`, (k, n_rows + n_definitions); std.all likewise.
    chisq
        The unscaled chi-square of each, (k,); NaN for incomplete rows.
    improper
        Of each what is impossible about it, "" for a proper solution.
    failures
        Place, class of error and its message of each sample that could not be fitted.
    """

    n: int
    places: NDArray[np.intp]
    estimates: Array
    standardized: Array
    chisq: Array
    improper: tuple[str, ...]
    failures: tuple[tuple[int, str, str], ...]


@dataclass
class _Found:
    """Minima found so far, in the places of a batch."""

    params: Array
    values: Array
    failures: list[tuple[int, str, str]] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Refit:
    """A model that is fitted to samples drawn from its rows.

    Attributes
    ----------
    problem
        The model with the sample that it was fitted to.
    params
        Its estimates, where each search begins.
    estimator
        Name of its discrepancy.
    resampling
        The rows to draw from.
    size
        Samples a batch.
    turning
        What turns exploratory blocks, which are fitted in another position; None without any.
    """

    problem: Problem
    params: Array
    estimator: str
    resampling: Resampling
    size: int
    turning: Turning | None = None

    @classmethod
    def sized(
        cls, problem: Problem, params: Array, estimator: str, resampling: Resampling, n: int
    ) -> "Refit":
        """Choose batches for `n` samples in all."""
        most = max(1, LARGEST // resampling.moments.n_total)
        size = min(TOGETHER if stackable(problem) else APART, n, most)
        return cls(problem, params, estimator, resampling, size)

    @property
    def model(self) -> Model:
        """The model whose parameters are reported."""
        return self.problem.model if self.turning is None else self.turning.model

    def _turn(self, found: _Found) -> None:
        """Turn exploratory blocks to the position of the fit."""
        places = np.flatnonzero(np.isfinite(found.values))
        if self.turning is None or not len(places):
            return
        params, good = self.turning(found.params[places])
        found.params = np.full((len(found.params), params.shape[1]), np.nan)
        found.params[places] = params
        for place in places[~good]:
            found.values[place] = np.nan
            found.failures.append((int(place), "ConvergenceError", NOT_TURNED))

    def __call__(self, rng: np.random.Generator) -> Refits:
        """Draw a batch of samples and fit them."""
        return self.fit(self.resampling.draw(rng, self.size))

    def fit(self, counts: tuple[Array, ...]) -> Refits:
        """Fit samples in which rows are there so often, (n_samples, n) per group."""
        n = len(counts[0])
        found = _Found(np.full((n, len(self.params)), np.nan), np.full(n, np.nan))
        if stackable(self.problem):
            moments = self._together(counts, found)
        else:
            moments = self._apart(counts, found)
        return self._gathered(moments, found)

    def _together(self, counts: tuple[Array, ...], found: _Found) -> Moments:
        """Fit complete samples at once, and by themselves those that need more care."""
        moments = self.resampling.moments_of(counts)
        proper = np.all([definite(_unit(one.sigma)) for one in moments.sample], axis=0)
        for place in np.flatnonzero(~proper):
            found.failures.append((int(place), "DataError", SINGULAR))
        places = np.flatnonzero(proper)
        if not len(places):
            return moments
        search = minimize_stack(self.problem.model, taken(moments, places), self.params)
        found.params[places], found.values[places] = search.params, search.values
        for place in places[~search.converged]:
            self._search(int(place), _single(moments, int(place)), found)
        return moments

    def _apart(self, counts: tuple[Array, ...], found: _Found) -> Moments:
        """Fit samples one by one."""
        samples = [self.resampling.moments] * len(counts[0])
        for place in range(len(samples)):
            try:
                samples[place] = self.resampling.moments_with_rows(
                    tuple(own[place] for own in counts)
                )
            except DataError as error:
                found.failures.append((place, "DataError", str(error)))
                continue
            self._search(place, samples[place], found)
        groups, blocks = range(len(counts)), range(len(samples[0].sample))
        return stacked(
            self.resampling.moments,
            tuple(_stack([moments.sample[k] for moments in samples]) for k in blocks),
            tuple(np.array([float(moments.counts[g]) for moments in samples]) for g in groups),
        )

    def _search(self, place: int, moments: Moments, found: _Found) -> None:
        """Search for the minimum of one sample."""
        means = self.problem.model.table.meanstructure
        try:
            discrepancy = DISCREPANCIES[self.estimator](moments, means=means)
        except DataError as error:
            found.failures.append((place, "DataError", str(error)))
            return
        problem = Problem(model_of(self.problem.model, moments), moments, discrepancy)
        if problem.model.restrictions:
            search = minimize_restricted(problem, self.params)
        else:
            search = minimize(problem, self.params, max_iterations=PATIENCE)
        if search.converged:
            found.params[place], found.values[place] = search.params, search.value
        else:
            found.failures.append((place, "ConvergenceError", search.message))

    def _gathered(self, moments: Moments, found: _Found) -> Refits:
        """Make of the minima what is reported."""
        self._turn(found)
        places = np.flatnonzero(np.isfinite(found.values))
        params, model = found.params[places], self.model
        own = taken(moments, places)
        scale = np.sum([np.asarray(count) for count in own.counts], axis=0)
        if self.problem.moments.ordinal is not None:
            return self._answers(found, places, scale)
        states = model_of(model, own).states(params)
        values = row_values(model, own, params)
        incomplete = self.resampling.moments.patterns is not None
        return Refits(
            len(found.values),
            places,
            np.hstack([values, defined_values(model.table, values)]),
            standardized_values(model, states, values),
            np.full(len(places), np.nan) if incomplete else scale * found.values[places],
            self._improper(states, len(places)),
            tuple(sorted(found.failures)),
        )

    def _answers(self, found: _Found, places: NDArray[np.intp], scale: Array) -> Refits:
        """The same with ordered items, whose models are evaluated one by one."""
        model = self.model
        n = len(model.table.parameters) + len(model.table.definitions)
        estimates, standardized = np.zeros((len(places), n)), np.zeros((len(places), n))
        improper = []
        for k, place in enumerate(places):
            states = model.states(found.params[place])
            raw = model.table_values(found.params[place], states)
            estimates[k] = np.append(raw, definitions(model.table, raw)[0])
            standardized[k] = Standardization(model, states, raw).std_all
            improper.append("; ".join(improprieties(model, states)))
        return Refits(
            len(found.values),
            places,
            estimates,
            standardized,
            scale * found.values[places],
            tuple(improper),
            tuple(sorted(found.failures)),
        )

    def _improper(self, states: list[State], n: int) -> tuple[str, ...]:
        """Say of each sample's solution what is impossible about it."""
        doubtful = np.zeros(n, dtype=bool)
        for state in states:
            for name in ("theta", "psi"):
                matrices = np.broadcast_to(
                    state.matrices[name], (n, *state.matrices[name].shape[-2:])
                )
                doubtful |= ~_surely_proper(matrices)
        texts = [""] * n
        for k in np.flatnonzero(doubtful):
            found = improprieties(self.model, [_one(state, int(k)) for state in states])
            texts[k] = "; ".join(found)
        return tuple(texts)

    def jackknife(self, n_blocks: int) -> Iterator[tuple[int, float, Array]]:
        """Fit without each block of units; see `Resampling.without`.

        Yields
        ------
        Stratum, its number of blocks, and the estimates and standardised values in one row; blocks
        without which the model cannot be fitted are left out.
        """
        waiting: list[tuple[int, float, tuple[Array, ...]]] = []
        for one in self.resampling.without(n_blocks):
            waiting.append(one)
            if len(waiting) == self.size:
                yield from self._left_out(waiting)
                waiting = []
        if waiting:
            yield from self._left_out(waiting)

    def _left_out(
        self, samples: list[tuple[int, float, tuple[Array, ...]]]
    ) -> Iterator[tuple[int, float, Array]]:
        groups = range(len(self.resampling.rows))
        counts = tuple(np.vstack([sample[2][g] for sample in samples]) for g in groups)
        refits = self.fit(counts)
        for k, place in enumerate(refits.places):
            stratum, blocks, _ = samples[int(place)]
            yield stratum, blocks, np.append(refits.estimates[k], refits.standardized[k])


def _unit(sigma: Array) -> Array:
    """Covariances on the scale of correlations, less what counts as singular."""
    variances = np.diagonal(sigma, axis1=1, axis2=2)
    roots = np.sqrt(np.maximum(variances, np.finfo(float).tiny))
    return np.asarray(
        sigma / (roots[:, :, None] * roots[:, None, :]) - 1e-10 * np.eye(sigma.shape[-1])
    )


def _surely_proper(matrices: Array) -> NDArray[np.bool_]:
    """Say which covariance matrices (n, k, k) are positive definite by a margin."""
    variances = np.diagonal(matrices, axis1=1, axis2=2)
    # A variable that has no residual here has a row of zeros, which is proper.
    absent = np.abs(matrices).max(axis=2, initial=0.0) == 0
    roots = np.sqrt(np.where(variances > 0, variances, 1.0))
    scaled = matrices / (roots[:, :, None] * roots[:, None, :])
    k = matrices.shape[-1]
    scaled = scaled + absent[:, :, None] * np.eye(k) - SURELY * np.eye(k)
    return np.asarray(definite(scaled) & ((variances > 0) | absent).all(axis=1))


def _single(moments: Moments, place: int) -> Moments:
    """One sample of a stack."""
    counts = tuple(int(np.asarray(count)[place]) for count in moments.counts)
    sample = tuple(
        Implied(None if one.mu is None else one.mu[place], one.sigma[place])
        for one in moments.sample
    )
    return Moments(moments.names, moments.groups, counts, sample, counts)


def _stack(sample: list[Implied]) -> Implied:
    means = [one.mu for one in sample if one.mu is not None]
    mu = np.array(means) if len(means) == len(sample) else None
    return Implied(mu, np.array([one.sigma for one in sample]))


def _one(state: State, k: int) -> State:
    """One solution of a stack, as far as `improprieties` looks at it."""

    def of(matrix: Array) -> Array:
        return matrix[k] if matrix.ndim > 2 else matrix

    return State(
        block=state.block,
        matrices={name: of(matrix) for name, matrix in state.matrices.items()},
        inverse=of(state.inverse),
        covariance=of(state.covariance),
        loading=of(state.loading),
        cross=of(state.cross),
        mean=None,
        implied=Implied(None, of(state.implied.sigma)),
    )
