"""Two models fitted again and again to the same rows with the groups dealt anew."""

from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from measure import indices
from measure.baseline import closed_form
from measure.chisquare import independence
from measure.estimators.least_squares import LeastSquares
from measure.estimators.ml import MaximumLikelihood
from measure.fitted import Fit
from measure.model import Implied, Model
from measure.moments import Moments, ordinal
from measure.moments.ordinal.codes import Coded, coded
from measure.moments.ordinal.two_step import two_step
from measure.moments.rows import Rows
from measure.optimize import minimize
from measure.options import Method
from measure.problem import Problem
from measure.resampling import Resampling
from measure.stacked import minimize_stack

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

STATISTICS = ("chisq_diff", "delta_cfi", "delta_rmsea", "delta_srmr")
# Iterations after which a search is given up.
PATIENCE = 200


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
        return pairs.shape[1] == len(np.unique(self.clusters))

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
    """A model of more and one of less equality, each with its estimates."""

    restricted: Model
    free: Model
    starts: tuple[Array, Array]
    df: tuple[int, int]

    @classmethod
    def of(cls, restricted: Fit, free: Fit) -> "Pair":
        """Take the models of two fits to the same rows."""
        starts = restricted.params, free.params
        return cls(restricted.model, free.model, starts, (restricted.df, free.df))

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
    def of(cls, pair: Pair, fit: Fit) -> "Answers":
        """Take the rows that a fit has used."""
        moments = fit.moments
        assert moments.rows is not None
        assert moments.ordinal is not None
        rows = Rows(moments.names, (1,), (np.vstack(moments.rows),), None, 0)
        whole = ordinal.from_rows(rows, moments.ordinal.ordered, pairwise=True).ordinal
        assert whole is not None
        answers = coded(rows, moments.ordinal.ordered, pairwise=True)
        method = replace(fit.method, test="none")
        kept = replace(moments, rows=None, clusters=None)
        return cls(pair, kept, answers, np.diag(whole.gamma), method)

    def __call__(self, dealt: Codes) -> Array:
        """Fit both models to each sample."""
        return np.array([self._one(one) for one in dealt])

    def _one(self, dealt: Codes) -> Array:
        nothing = np.full(len(STATISTICS), np.nan)
        moments = self._moments(dealt)
        if moments is None:
            return nothing
        weights = tuple(1 / self.variances for _ in moments.groups)
        discrepancy = LeastSquares(moments, weights, True)
        chisq, srmr = np.zeros(2), np.zeros(2)
        for m, model in enumerate(self.pair.models):
            problem = Problem(model, moments, discrepancy)
            search = minimize(problem, self.pair.starts[m], max_iterations=PATIENCE)
            if not search.converged:
                return nothing
            chisq[m] = moments.scale * search.value
            own = [
                indices.root_mean_squares_of_answers(one, implied)["srmr"]
                for one, implied in zip(
                    moments.sample, problem.at(search.params).implied, strict=True
                )
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
