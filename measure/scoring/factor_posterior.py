"""What the answers to ordered and continuous items say about the factors behind them.

Continuous answers are conditioned on first, which is exact: they leave the factors normal, with the
regression scores as mean. Given the factors, the responses to the ordered items then have to be
independent, so that their likelihood is a product of normal probabilities
(`measure.scoring.posterior`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from measure.errors import ModelError, OptionError
from measure.model import State
from measure.moments.patterns import patterns_of
from measure.scoring.posterior import Answered, mean, mode

Array = NDArray[np.float64]
Indices = NDArray[np.intp]
NAN = float("nan")

# More factors would need more points than a quadrature can have.
MOST_FACTORS = 8
# Shares of a variance below this are rounding.
NOTHING = 1e-8
# Residual correlations above this make items dependent.
DEPENDENT = 1e-6
# Respondents that are scored at once.
BLOCK = 20_000


class Scored(NamedTuple):
    """Scores and standard errors (n, k), and patterns whose computation did not settle."""

    scores: Array
    se: Array
    n_unsettled: int


@dataclass(frozen=True, eq=False)
class Joint:
    """What a model says about responses and factors of one group.

    Attributes
    ----------
    names, factors
        Of the p items and the k factors.
    mu, sigma
        Means (p,) and covariances (p, p) of the items, of ordered ones those of the latent
        responses.
    mean, covariance
        Means (k,) and covariances (k, k) of the factors.
    cross
        Covariances of items and factors, (p, k).
    thresholds, items
        Thresholds of the latent responses, (T,), and the item of each, (T,).
    """

    names: Sequence[str]
    factors: Sequence[str]
    mu: Array
    sigma: Array
    mean: Array
    covariance: Array
    cross: Array
    thresholds: Array
    items: Indices

    @classmethod
    def of(cls, state: State, factors: Sequence[str]) -> "Joint":
        """Take it from a fitted model with ordered items.

        `factors` are those of `state.block.eta` that are to be scored.
        """
        assert state.responses is not None
        place = [state.block.eta.index(name) for name in factors]
        own = state.responses
        return cls(
            state.block.observed,
            factors,
            own.mu,
            own.sigma,
            state.eta_mean[place],
            state.covariance[np.ix_(place, place)],
            state.cross[:, place],
            own.tau,
            own.layout.items,
        )

    def score(self, answers: Array, method: str) -> Scored:
        """Score respondents.

        Parameters
        ----------
        answers
            Answers (n, p), NaN where missing: of ordered items the number of the category from 0,
            of continuous items the value.
        method
            "EBM" or "EAP".

        Returns
        -------
        Scored
            NaN for a respondent without answers, and for one whose missing continuous answers leave
            the ordered items dependent.

        Raises
        ------
        ModelError
            Where responses to ordered items correlate beside the factors, or have no residual
            variance.
        OptionError
            Where there are too many factors for the posterior mean.
        """
        ordered = np.unique(self.items)
        continuous = np.setdiff1d(np.arange(len(self.names)), ordered)
        self._conditioned(continuous, ordered).require_independence()
        scores = np.full((len(answers), len(self.factors)), NAN)
        se, n_unsettled = scores.copy(), 0
        there = ~np.isnan(answers)
        for pattern in _patterns(there[:, continuous]):
            rows = pattern.rows[there[pattern.rows].any(axis=1)]
            given = self._conditioned(continuous[pattern.observed], ordered)
            if not len(rows) or given.correlated:
                continue
            for own, first, place in _blocks(
                answers[rows], ordered, alone=not pattern.observed.any()
            ):
                found = given.score(answers[rows[own]][first], method)
                scores[rows[own]], se[rows[own]] = found.scores[place], found.se[place]
                n_unsettled += found.n_unsettled
        return Scored(scores, se, n_unsettled)

    def _conditioned(self, given: Indices, ordered: Indices) -> "_Given":
        """Condition on the answers to some continuous items."""
        among = self.sigma[np.ix_(given, given)]
        beside = np.hstack([self.cross[given], self.sigma[np.ix_(given, ordered)]])
        weights = np.linalg.solve(among, beside)
        on_factors, on_items = np.split(weights, [len(self.factors)], axis=1)
        return _Given(
            self,
            given,
            ordered,
            on_factors,
            on_items,
            self.covariance - self.cross[given].T @ on_factors,
            self.cross[ordered] - self.sigma[np.ix_(ordered, given)] @ on_factors,
            self.sigma[np.ix_(ordered, ordered)] - self.sigma[np.ix_(ordered, given)] @ on_items,
        )


class _Pattern(NamedTuple):
    observed: NDArray[np.bool_]
    rows: Indices


def _patterns(there: NDArray[np.bool_]) -> list[_Pattern]:
    """The respondents by the continuous items that they answer."""
    if not there.size:
        return [_Pattern(np.zeros(there.shape[1], dtype=bool), np.arange(len(there)))]
    found = patterns_of(np.where(there, 0.0, NAN))
    return [
        _Pattern(observed, np.flatnonzero(found.of_row == k))
        for k, observed in enumerate(found.observed)
    ]


def _blocks(
    answers: Array, ordered: Indices, *, alone: bool
) -> Iterator[tuple[slice, Indices, Indices]]:
    """Part respondents (n, p) into blocks, and find those in a block who answer the same.

    Yields
    ------
    Rows of a block, the first of each kind in it, and the kind of each. With continuous answers
    beside the ordered ones (not `alone`) everyone is a kind.
    """
    for start in range(0, len(answers), BLOCK):
        own = slice(start, start + BLOCK)
        if not alone:
            every = np.arange(len(answers[own]))
            yield own, every, every
            continue
        # One void a row, so that whole rows are compared at once; 0 is a missing answer.
        codes = np.nan_to_num(answers[own][:, ordered] + 1, nan=0.0).astype(np.uint8)
        keys = np.ascontiguousarray(codes).view([("", codes.dtype)] * codes.shape[1])[:, 0]
        _, first, place = np.unique(keys, return_index=True, return_inverse=True)
        yield own, first, place.reshape(-1)


@dataclass(frozen=True, eq=False)
class _Given:
    """Ordered items and factors, given some continuous answers.

    `on_factors` and `on_items` are the weights of these answers; `covariance` (k, k), `cross` and
    `sigma` what they leave of the factors and of the responses to the ordered items.
    """

    joint: Joint
    given: Indices
    ordered: Indices
    on_factors: Array
    on_items: Array
    covariance: Array
    cross: Array
    sigma: Array

    @cached_property
    def root(self) -> Array:
        """Factors as combinations (k, r) of r independent standard normal ones."""
        return self._directions[0]

    @cached_property
    def reach(self) -> Array:
        """Slopes (J, r) of the responses on these."""
        return np.asarray(self.cross @ self._directions[1])

    @cached_property
    def _directions(self) -> tuple[Array, Array]:
        values, vectors = np.linalg.eigh(self.covariance)
        free = values > NOTHING * np.trace(self.covariance)
        scale = np.sqrt(values[free])
        return vectors[:, free] * scale, vectors[:, free] / scale

    @cached_property
    def residual(self) -> Array:
        """What the factors leave of the responses' covariances, (J, J)."""
        return np.asarray(self.sigma - self.reach @ self.reach.T)

    @cached_property
    def correlated(self) -> list[tuple[str, str]]:
        """Pairs of ordered items whose responses correlate beside the factors."""
        scale = np.sqrt(np.diag(self.sigma))
        share = np.abs(np.triu(self.residual, 1)) / np.outer(scale, scale)
        names = [self.joint.names[j] for j in self.ordered]
        return [
            (names[i], names[j]) for i, j in zip(*np.nonzero(share > NOTHING**0.5), strict=True)
        ]

    @cached_property
    def determined(self) -> list[str]:
        """Ordered items whose responses have no residual variance."""
        share = np.diag(self.residual) / np.diag(self.sigma)
        return [self.joint.names[j] for j in self.ordered[share < NOTHING]]

    def require_independence(self) -> None:
        """Refuse items that are not independent given the factors."""
        if self.determined:
            raise ModelError(
                f"no residual variance is left of {', '.join(self.determined)}: the solution is "
                "improper, and there are no scores. See `fit.notes`."
            )
        if self.correlated:
            pairs = ", ".join(f"{a} ~~ {b}" for a, b in self.correlated[:5])
            raise ModelError(
                f"responses to ordered items correlate beside the factors ({pairs}), so that the "
                "answers are not independent given the factors, as EBM and EAP scores need. Leave "
                "these residual covariances out, or let a factor stand for what the items share."
            )

    def score(self, answers: Array, method: str) -> Scored:
        """Score respondents who answer these continuous items, (n, p)."""
        joint = self.joint
        centred = answers[:, self.given] - joint.mu[self.given]
        expected = joint.mean + centred @ self.on_factors
        sd = np.sqrt(np.diag(self.residual))
        slopes = self.reach / sd[:, None]
        # The items may depend on fewer directions than there are factors (factors of factors, or
        # factors with continuous items alone): the others stay as they are.
        _, sizes, directions = np.linalg.svd(slopes, full_matrices=False)
        directions = directions[sizes > NOTHING * sizes.max(initial=0.0)]
        if method == "EAP" and len(directions) > MOST_FACTORS:
            raise OptionError(
                f"the ordered items measure {len(directions)} factors; posterior means (EAP) are "
                f'computed for at most {MOST_FACTORS}. method="EBM" has no such limit.'
            )
        lower, upper = self._limits(answers)
        responses = joint.mu[self.ordered] + centred @ self.on_items
        answered = Answered(
            (lower - responses) / sd, (upper - responses) / sd, slopes @ directions.T
        )
        found = mode(answered) if method == "EBM" else mean(answered)
        move = self.root @ directions.T
        variance = np.einsum("fd,nde,fe->nf", move, found.covariance, move)
        variance += np.diag(self.covariance) - (move**2).sum(axis=1)
        scores = expected + found.centre @ move.T
        return Scored(scores, np.sqrt(np.maximum(variance, 0.0)), int((~found.settled).sum()))

    def _limits(self, answers: Array) -> tuple[Array, Array]:
        """Lower and upper limits (n, J) of the responses."""
        joint, shape = self.joint, (len(answers), len(self.ordered))
        lower, upper = np.empty(shape), np.empty(shape)
        for k, item in enumerate(self.ordered):
            ends = np.concatenate([[-np.inf], joint.thresholds[joint.items == item], [np.inf]])
            code = answers[:, item]
            missing = np.isnan(code)
            category = np.where(missing, 0, code).astype(np.intp)
            lower[:, k] = np.where(missing, -np.inf, ends[category])
            upper[:, k] = np.where(missing, np.inf, ends[category + 1])
        return lower, upper
