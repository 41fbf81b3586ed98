"""Two models fitted again and again to the same rows with the groups dealt anew."""

from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from measure import indices
from measure.chisquare import independence
from measure.estimators import Discrepancy
from measure.estimators.least_squares import LeastSquares
from measure.estimators.ml import MaximumLikelihood
from measure.fitting.baseline import closed_form
from measure.fitting.fitted import Fit
from measure.fitting.problem import Point, Problem
from measure.fitting.stacked import minimize_stack
from measure.model import Implied, Model
from measure.moments import Moments, complete, ordinal
from measure.moments.ordinal.codes import Coded, coded
from measure.moments.ordinal.two_step import two_step
from measure.moments.rows import Rows
from measure.optimize import minimize
from measure.replication.resampling import Resampling
from measure.specification.options import Method

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

STATISTICS = ("chisq_diff", "delta_cfi", "delta_rmsea", "delta_srmr")
# Iterations after which a search is given up.
PATIENCE = 200
# Gradients in the units of the curvature, at which a search may end: the discrepancy is then within
# half their square of its minimum, a chi-square of 2,000 respondents within 1e-6.
FLAT, NEARLY_FLAT = 1e-5, 3e-5


@dataclass(frozen=True, eq=False)
class Deal:
    """How groups are dealt to rows.

    Attributes
    ----------
    groups
        Number of the group of each row, (n,).
    clusters
        Number of the cluster of each row; None where respondents are independent.
    """

    groups: Codes
    clusters: Codes | None

    @property
    def whole(self) -> bool:
        """Whether every cluster lies in one group, so that clusters change groups as a whole."""
        if self.clusters is None:
            return False
        pairs = np.unique(np.stack([self.clusters, self.groups]), axis=1)
        return bool(pairs.shape[1] == len(np.unique(self.clusters)))

    def draw(self, rng: np.random.Generator) -> Codes:
        """Deal the groups anew: to all rows, to clusters as wholes, or to the rows of each."""
        if self.clusters is None:
            return rng.permutation(self.groups)
        if self.whole:
            units, first, place = np.unique(self.clusters, return_index=True, return_inverse=True)
            return self.groups[first][rng.permutation(len(units))][place]
        found = np.empty_like(self.groups)
        shuffled = np.lexsort((rng.random(len(self.groups)), self.clusters))
        found[shuffled] = self.groups[np.argsort(self.clusters, kind="stable")]
        return found


class Pair(NamedTuple):
    """A model of more and one of less equality, and where their estimates lie.

    `starts` are the estimates about which those of permutations lie, `roots` the Cholesky factors
    of the curvature there.
    """

    restricted: Model
    free: Model
    starts: tuple[Array, Array]
    roots: tuple[Array, Array]
    df: tuple[int, int]

    @classmethod
    def of(cls, fits: tuple[Fit, Fit], moments: Moments, discrepancy: Discrepancy) -> "Pair":
        """Take the models of two fits, to begin at their estimates for these moments.

        These are the moments of all rows in every group, about which permutations lie.
        """
        starts, roots = [], []
        for fit in fits:
            problem = Problem(fit.model, moments, discrepancy)
            search = minimize(problem, fit.params)
            starts.append(search.params if search.converged else fit.params)
            curvature = problem.at(starts[-1]).expected_curvature
            roots.append(np.asarray(np.linalg.cholesky(curvature), dtype=np.float64))
        restricted, free = fits
        return cls(
            restricted.model,
            free.model,
            (starts[0], starts[1]),
            (roots[0], roots[1]),
            (restricted.df, free.df),
        )

    @property
    def models(self) -> tuple[Model, Model]:
        """Both models."""
        return self.restricted, self.free


class Measured(Protocol):
    """What gives the statistics (n, 4) of samples (n, n_rows) of group numbers."""

    def __call__(self, dealt: Codes) -> Array:
        """Fit both models to each."""
        ...


@dataclass(frozen=True, eq=False)
class Draws:
    """A batch of permutations: the task that is repeated."""

    deal: Deal
    measured: Measured
    size: int

    def __call__(self, rng: np.random.Generator) -> Array:
        """Statistics (size, 4), NaN where a model could not be fitted."""
        return self.measured(np.array([self.deal.draw(rng) for _ in range(self.size)]))


def _changes(chisq: Array, df: tuple[int, int], base: tuple[float, int], n: int, g: int) -> Array:
    """Differences of chi-square, CFI and RMSEA of the two models (restricted, free)."""
    pairs = [(float(c), d) for c, d in zip(chisq, df, strict=True)]
    cfi = [indices.cfi(c, d, *base) for c, d in pairs]
    rmsea = [indices.rmsea(c, d, n, g) for c, d in pairs]
    return np.array([chisq[0] - chisq[1], cfi[0] - cfi[1], rmsea[0] - rmsea[1]])


@dataclass(frozen=True, eq=False)
class Numbers:
    """Continuous items by maximum likelihood, many samples at once.

    Attributes
    ----------
    pair
        The models.
    moments
        Moments of the groups as they are, with their rows.
    """

    pair: Pair
    moments: Moments

    @classmethod
    def of(cls, fits: tuple[Fit, Fit]) -> "Numbers":
        """Take the rows that two fits have used."""
        moments = fits[1].moments
        assert moments.rows is not None
        rows = Rows(moments.names, (1,), (np.vstack(moments.rows),), None, 0)
        pooled = complete.from_rows(rows, less_one=False).sample
        alike = replace(moments, sample=pooled * len(moments.groups), rows=None, clusters=None)
        return cls(Pair.of(fits, alike, MaximumLikelihood(alike)), moments)

    def __call__(self, dealt: Codes) -> Array:
        """Fit both models to each sample."""
        assert self.moments.rows is not None
        n_groups = len(self.moments.groups)
        pooled = replace(self.moments, rows=(np.vstack(self.moments.rows),) * n_groups)
        counts = tuple((dealt == g).astype(np.float64) for g in range(n_groups))
        moments = Resampling(pooled, less_one=False).moments_of(counts)
        params = []
        for model, start in zip(self.pair.models, self.pair.starts, strict=True):
            search = minimize_stack(model, moments, start)
            params.append(search.params)
        return np.array(
            [self._one(moments, k, [own[k] for own in params]) for k in range(len(dealt))]
        )

    def _one(self, stack: Moments, k: int, params: list[Array]) -> Array:
        """Statistics of one sample; what the search for all has not found is searched by itself."""
        counts = tuple(int(np.asarray(count)[k]) for count in stack.counts)
        sample = [
            Implied(None if one.mu is None else one.mu[k], one.sigma[k]) for one in stack.sample
        ]
        moments = Moments(stack.names, stack.groups, counts, tuple(sample), counts)
        discrepancy = MaximumLikelihood(moments)
        chisq, srmr = np.zeros(2), np.zeros(2)
        for m, model in enumerate(self.pair.models):
            problem = Problem(model, moments, discrepancy)
            point = problem.at(params[m])
            if not np.isfinite(params[m]).all():
                search = minimize(problem, self.pair.starts[m], max_iterations=PATIENCE)
                if not search.converged:
                    return np.full(len(STATISTICS), np.nan)
                point = problem.at(search.params)
            chisq[m] = moments.scale * point.value
            own = [
                indices.root_mean_squares(one, implied, means=True)["srmr"]
                for one, implied in zip(sample, point.implied, strict=True)
            ]
            srmr[m] = float(moments.shares @ own)
        base = independence(moments, ())
        changes = _changes(chisq, self.pair.df, base, moments.scale, len(counts))
        return np.append(changes, srmr[0] - srmr[1])


def nearby(problem: Problem, start: Array, root: Array) -> Point | None:
    """Search for a minimum that lies near, by gradients alone; None where there is none.

    In the units of the curvature at the start, whose Cholesky factor `root` is, the function is
    nearly a sphere, for which BFGS needs few steps (Nocedal & Wright 2006, section 6.1). Their
    number is what counts: second derivatives cost more than all else.
    """

    def value(z: Array) -> tuple[float, Array]:
        point = problem.at(start + np.linalg.solve(root.T, z))
        if not np.isfinite(point.value):
            return np.inf, np.zeros_like(z)
        return point.value, np.asarray(np.linalg.solve(root, point.slope), dtype=np.float64)

    found = optimize.minimize(
        value, np.zeros(len(start)), jac=True, method="BFGS", options={"gtol": FLAT}
    )
    if np.abs(found.jac).max() < NEARLY_FLAT:
        return problem.at(start + np.linalg.solve(root.T, found.x))
    search = minimize(problem, start, max_iterations=PATIENCE)
    return problem.at(search.params) if search.converged else None


def weighed(moments: Moments, variances: Array) -> LeastSquares:
    """Weigh the moments of every group by the same variances."""
    return LeastSquares(moments, tuple(1 / variances for _ in moments.groups), True)


@dataclass(frozen=True, eq=False)
class Answers:
    """Ordered items by diagonally weighted least squares, one sample after the other.

    Thresholds and polychoric correlations of each group are estimated anew in every sample. The
    weights are the inverse variances of those of all rows together, which no permutation changes.

    Attributes
    ----------
    pair
        The models.
    moments
        Moments of the groups as they are.
    answers
        The rows of all groups, one after the other, as category numbers.
    variances
        N times the variances of the statistics of all rows together.
    """

    pair: Pair
    moments: Moments
    answers: Coded
    variances: Array
    method: Method

    @classmethod
    def of(cls, fits: tuple[Fit, Fit]) -> "Answers":
        """Take the rows that two fits have used."""
        moments = fits[1].moments
        assert moments.rows is not None
        assert moments.ordinal is not None
        rows = Rows(moments.names, (1,), (np.vstack(moments.rows),), None, 0)
        pooled = ordinal.from_rows(rows, moments.ordinal.ordered, pairwise=True)
        assert pooled.ordinal is not None
        answers = coded(rows, moments.ordinal.ordered, pairwise=True)
        alike = replace(
            moments, sample=pooled.sample * len(moments.groups), rows=None, clusters=None
        )
        variances = np.diag(pooled.ordinal.gamma)
        pair = Pair.of(fits, alike, weighed(alike, variances))
        method = replace(fits[1].method, test="none")
        return cls(pair, replace(moments, rows=None, clusters=None), answers, variances, method)

    def __call__(self, dealt: Codes) -> Array:
        """Fit both models to each sample."""
        return np.array([self._one(one) for one in dealt])

    def _one(self, dealt: Codes) -> Array:
        nothing = np.full(len(STATISTICS), np.nan)
        moments = self._moments(dealt)
        if moments is None:
            return nothing
        discrepancy = weighed(moments, self.variances)
        chisq, srmr = np.zeros(2), np.zeros(2)
        for m, model in enumerate(self.pair.models):
            problem = Problem(model, moments, discrepancy)
            point = nearby(problem, self.pair.starts[m], self.pair.roots[m])
            if point is None:
                return nothing
            chisq[m] = moments.scale * point.value
            own = [
                indices.root_mean_squares_of_answers(one, implied)["srmr"]
                for one, implied in zip(moments.sample, point.implied, strict=True)
            ]
            srmr[m] = float(moments.shares @ own)
        null = closed_form(Problem(self.pair.free, moments, discrepancy), self.method)
        assert null is not None
        base = null.chisq, null.df
        changes = _changes(chisq, self.pair.df, base, moments.scale, len(moments.groups))
        return np.append(changes, srmr[0] - srmr[1])

    def _moments(self, dealt: Codes) -> Moments | None:
        """Moments of the groups of a sample; None where one does not use every category."""
        codes, values = self.answers.codes[0], self.answers.rows[0]
        layout, sample, sizes = self.answers.layout, [], []
        n_categories = np.array([len(one) for one in layout.values.values()])
        for g in range(len(self.moments.groups)):
            rows = np.flatnonzero(dealt == g)
            own = codes[:, rows]
            used = [len(np.unique(one[one < n])) for one, n in zip(own, n_categories, strict=True)]
            if (np.array(used) < n_categories).any():
                return None
            step = two_step(own, values[rows][:, layout.continuous], layout, "2x2")
            sample.append(step.implied)
            sizes.append(len(rows))
        counts = tuple(n - 1 for n in sizes)
        return replace(self.moments, n_obs=tuple(sizes), sample=tuple(sample), counts=counts)
