"""Omega from exploratory factors: a Schmid–Leiman solution as a function of the correlations.

Pattern loadings P, factor correlations F and loadings g of the factors on the general one solve

    [R - PFP'] PF = 0  and  [F - gg'] g = 0  with the diagonal of [.] set to 0  (minres),

and P and F the equations of the rotation (`rotation_equations`). Whatever follows from them has
derivatives by the correlations R of the items by the theorem of implicit functions.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from measure.consistency.answer_sums import Answers
from measure.consistency.covariance_functions import through_correlations
from measure.consistency.covariance_samples import correlations
from measure.consistency.general_factor import GeneralFactor, continuous
from measure.exploration.schmid_leiman import GENERAL, second_order
from measure.rotating.extraction import extract
from measure.rotating.gradient_projection import gradient_projection, inverse_transposed
from measure.rotating.rotation_equations import Criteria, equations

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class Oblique:
    """Rotated first-order factors and the general factor behind them, of one correlation matrix.

    Attributes
    ----------
    pattern, phi, general
        P (p, k), F (k, k) and g (k,).
    """

    pattern: Array
    phi: Array
    general: Array

    @cached_property
    def loadings(self) -> Array:
        """Schmid–Leiman loadings of the standardised items, (p, 1 + k)."""
        return np.column_stack([self.pattern @ self.general, self.pattern * self.left])

    @property
    def left(self) -> Array:
        """What is left of each factor without the general one, as a standard deviation, (k,)."""
        return np.sqrt(np.maximum(1 - self.general**2, 0.0))


@dataclass(frozen=True, eq=False)
class SchmidLeimanOmegas:
    """Indices of Schmid–Leiman solutions as functions of covariances, around one solution.

    Attributes
    ----------
    at
        The solution of the sample: others are turned towards it, and item i belongs to the group
        factor on which it loads most there.
    how
        The rotation.
    standardized
        Whether sums are of standardised items.
    answers
        How responses become answers, with ordered items, whose sums are judged as answered; None
        with items that are their own responses.
    """

    at: Oblique
    how: Criteria
    standardized: bool
    answers: Answers | None = None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The factors."""
        return (GENERAL, *(f"F{k + 1}*" for k in range(len(self.at.phi))))

    @cached_property
    def members(self) -> tuple[Indices, ...]:
        """Items of the general factor (all) and of each group factor."""
        strongest = np.abs(self.at.loadings[:, 1:]).argmax(axis=1)
        k = len(self.at.phi)
        return (np.arange(len(strongest)), *(np.flatnonzero(strongest == j) for j in range(k)))

    def factors(self, S: Array, solution: Oblique) -> GeneralFactor:
        """Give the general factor of a solution for covariances S."""
        if self.answers is not None or self.standardized:
            size = np.ones(len(S))
            S = correlations(S)
        else:
            size = np.sqrt(np.diag(S))
        answers = continuous(len(S)) if self.answers is None else self.answers
        loadings = size[:, None] * solution.loadings
        return GeneralFactor(self.names, loadings, S, answers, self.members)

    def values(self, S: Array) -> Array:
        """Give the indices of covariances (..., p, p); NaN where nothing can be extracted."""
        if S.ndim > 2:
            return np.stack([self.values(one) for one in S])
        try:
            return self.factors(S, self.solved(correlations(S))).values
        except np.linalg.LinAlgError:
            return np.full(len(self.factors(S, self.at).labels), np.nan)

    def solved(self, R: Array) -> Oblique:
        """Extract and rotate the factors of correlations R, from the position of the sample's."""
        k = len(self.at.phi)
        unrotated = extract(R, k, "minres").loadings
        # The rotation that brings these loadings closest to those of the sample.
        toward = np.linalg.lstsq(unrotated, self.at.pattern)[0]
        start = np.linalg.inv(toward).T
        start = start / np.linalg.norm(start, axis=0)
        turn, _, _ = gradient_projection(
            unrotated, self.how.criterion, start[None], oblique=True, tolerance=TOLERANCE
        )
        phi = turn[0].T @ turn[0]
        return Oblique(unrotated @ inverse_transposed(turn[0], True), phi, second_order(phi))

    def slopes(self, S: Array) -> Array:
        """Derivatives of the indices at the solution of the sample by S, (n_indices, p, p)."""
        found = self.factors(S, self.at)
        scale = np.sqrt(np.diag(S))
        result = []
        for slope, by_correlation in zip(
            found.slopes, self.correlation_slopes(S, found), strict=True
        ):
            whole = through_correlations(by_correlation, S)
            if not self.standardized:
                # The loadings of items as given also rise with the spread of the items.
                rise = (slope.loadings * self.at.loadings).sum(axis=1) / (2 * scale)
                whole = whole + slope.covariances + np.diag(rise)
            result.append(whole)
        return np.stack(result)

    def correlation_slopes(self, S: Array, found: GeneralFactor) -> list[Array]:
        """Derivatives by the correlations, the spread of the items given; diagonals are 0.

        `found` is what `factors` gives of S and the solution of the sample.
        """
        R = correlations(S)
        direct = self.standardized or self.answers is not None
        size = np.ones(len(S)) if direct else np.sqrt(np.diag(S))
        equations_at = _Equations(R, self.at, self.how)
        result = []
        for slope in found.slopes:
            own = equations_at.carried(size[:, None] * slope.loadings)
            own = own + slope.covariances if direct else own
            result.append(own * (1 - np.eye(len(S))))
        return result


@dataclass(frozen=True, eq=False)
class _Equations:
    """The equations that a solution obeys, and how it moves with the correlations."""

    R: Array
    at: Oblique
    how: Criteria

    def carried(self, by_loading: Array) -> Array:
        """From derivatives by the Schmid–Leiman loadings (p, 1 + k) to those by R, (p, p).

        NaN where the solution is not the only one nearby.
        """
        P, g, left = self.at.pattern, self.at.general, self.at.left
        first, rest = by_loading[:, 0], by_loading[:, 1:]
        by_pattern = np.outer(first, g) + rest * left
        lost = np.where(left > 0, g / np.where(left > 0, left, 1.0), np.nan)
        by_general = P.T @ first - (rest * P).sum(axis=0) * lost
        p, k = P.shape
        a, b = np.triu_indices(k, 1)
        wanted = np.concatenate([by_pattern.ravel(), self._general_by_phi(by_general)[a, b]])
        J = self._jacobian
        try:
            # The equations determine P and F, so that J has full column rank.
            weights = (J @ np.linalg.solve(J.T @ J, wanted))[: p * k].reshape(p, k)
        except np.linalg.LinAlgError:
            return np.full(self.R.shape, np.nan)
        moved = -weights @ (P @ self.at.phi).T
        return np.asarray((moved + moved.T) / 2)

    def _general_by_phi(self, by_general: Array) -> Array:
        """From derivatives by g to those by the correlation of each pair of factors, (k, k)."""
        g, phi = self.at.general, self.at.phi
        if len(g) == 2:
            # Equal in size, and g_1 g_2 the correlation.
            signs = np.array([1.0, np.sign(phi[0, 1])])
            return np.full((2, 2), (by_general @ signs) * signs[1] / (2 * abs(g[0])))
        left = phi - np.outer(g, g)
        np.fill_diagonal(left, 0.0)
        jacobian = left - np.outer(g, g)
        np.fill_diagonal(jacobian, g**2 - g @ g)
        weights = np.linalg.solve(jacobian.T, by_general)
        moved = -np.outer(weights, g)
        return np.asarray(moved + moved.T)

    @cached_property
    def _jacobian(self) -> Array:
        """Derivatives of the equations by P and the pairs of F, (n_equations, pk + pairs)."""
        P, phi = self.at.pattern, self.at.phi
        p, k = P.shape
        M = P @ phi
        W = self.R - M @ P.T
        np.fill_diagonal(W, 0.0)
        by_pattern = np.einsum("ri,ac->rcia", W, phi)
        across = -np.einsum("ra,ic->rcia", M, M)
        whole = M.T @ M
        for i in range(p):
            across[i, :, i, :] = -(whole - np.outer(M[i], M[i]))
        by_pattern = (by_pattern + across).reshape(p * k, p * k)
        a, b = np.triu_indices(k, 1)
        by_phi = np.stack(
            [self._by_pair(W, M, int(i), int(j)) for i, j in zip(a, b, strict=True)], axis=1
        )
        residuals = 1 - (M * P).sum(axis=1)
        rotated = equations(P, phi, residuals, self.how)
        return np.block(
            [
                [by_pattern, by_phi],
                [rotated.loadings.reshape(-1, p * k), rotated.phi[:, a, b]],
            ]
        )

    def _by_pair(self, W: Array, M: Array, a: int, b: int) -> Array:
        """How the minres equations move with one correlation of factors, (pk,)."""
        P = self.at.pattern
        d_M = np.zeros_like(M)
        d_M[:, b], d_M[:, a] = P[:, a], P[:, b]
        d_W = -np.outer(P[:, a], P[:, b])
        d_W = d_W + d_W.T
        np.fill_diagonal(d_W, 0.0)
        return np.asarray((d_W @ M + W @ d_M).ravel())
