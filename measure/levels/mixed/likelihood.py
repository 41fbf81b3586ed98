"""The likelihood and the restricted likelihood of a mixed model, with derivatives.

Free are the entries of the lower triangles of the factors L_t, relative to the residual standard
deviation sigma (Bates et al. 2015, section 2.2). Minus twice the log-likelihood, up to a constant:

    d(L, sigma) = log|V| + nu log(sigma^2) + r^2/sigma^2 [+ log|Q'V^-1 Q|],

with r^2 the generalised sum of squares around the regression, nu the number of rows n, and for the
restricted likelihood nu = n - p and the term in brackets (eqs 34 and 41, with sigma at its best).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from measure.levels.mixed.design import Design
from measure.levels.mixed.elimination import Direction, Elimination, eliminate

Array = NDArray[np.float64]

STEP = 1e-4
"""Of central differences of the gradient, whose entries change over distances of about 1."""


@dataclass(frozen=True, eq=False)
class Place:
    """One free entry of a factor: row and column of the lower triangle of a term's."""

    term: int
    row: int
    column: int


@dataclass(frozen=True, eq=False)
class Likelihood:
    """Minus twice a log-likelihood as a function of the entries of the factors.

    Attributes
    ----------
    design
        The model.
    restricted
        Whether the restricted likelihood is meant.
    """

    design: Design
    restricted: bool

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """The free entries, term by term, columns of a triangle one after the other."""
        return tuple(
            Place(t, row, column)
            for t, term in enumerate(self.design.terms)
            for column in range(term.width)
            for row in range(column, term.width)
        )

    @property
    def nu(self) -> int:
        """Degrees of freedom of the residual variance."""
        return self.design.n_obs - (self.design.n_fixed if self.restricted else 0)

    @cached_property
    def constant(self) -> float:
        """What turns d into minus twice the log-likelihood of the response as it was given."""
        design = self.design
        found = self.nu * (np.log(2 * np.pi) + 2 * np.log(design.unit))
        if self.restricted:
            found += 2 * float(np.log(np.abs(np.diag(design.R))).sum())
        return float(found)

    def factors(self, entries: Array) -> list[Array]:
        """Put the entries into lower triangles, one a term."""
        found = [np.zeros((term.width, term.width)) for term in self.design.terms]
        for place, entry in zip(self.places, entries, strict=True):
            found[place.term][place.row, place.column] = entry
        return found

    def at(self, entries: Array) -> "Near":
        """Give the likelihood near a point, sigma at its best."""
        return Near(self, np.asarray(entries, dtype=float))

    def partial(self, gone: Elimination) -> tuple[Array, Array]:
        """Give derivatives of log|V| [+ log|Q'V^-1 Q|] and of r^2 along the directions taken."""
        d_logdet, dH = gone.slopes
        regression = Regression(gone.H)
        d_rest = np.einsum("iab,a,b->i", dH, regression.contrast, regression.contrast)
        if self.restricted:
            d_logdet = d_logdet + np.einsum("iab,ab->i", dH[:, :-1, :-1], regression.covariance)
        return d_logdet, d_rest

    def directions(self, factors: Sequence[Array]) -> list[Direction]:
        """Give the change of L L' along each entry of the factors."""
        found = []
        for place in self.places:
            L = factors[place.term]
            change = np.zeros_like(L)
            change[place.row] = L[:, place.column]
            found.append(Direction(place.term, change + change.T))
        return found


@dataclass(frozen=True, eq=False)
class Near:
    """A likelihood at one point; what is not asked for is not computed.

    Meets `measure.optimize.Local`: `value`, `slope` and the curvatures are those of d over twice
    the number of rows, with sigma at its best.
    """

    likelihood: Likelihood
    entries: Array

    @cached_property
    def factors(self) -> list[Array]:
        """Factors of the terms."""
        return self.likelihood.factors(self.entries)

    @cached_property
    def without_slopes(self) -> Elimination:
        """What is left without the random effects."""
        if "with_slopes" in vars(self):
            return self.with_slopes
        return eliminate(self.likelihood.design, self.factors)

    @cached_property
    def with_slopes(self) -> Elimination:
        """The same, with derivatives along the entries."""
        return eliminate(
            self.likelihood.design, self.factors, self.likelihood.directions(self.factors)
        )

    @cached_property
    def regression(self) -> "Regression":
        """The generalised regression."""
        return Regression(self.without_slopes.H)

    @cached_property
    def sigma(self) -> float:
        """Best residual standard deviation."""
        return float(np.sqrt(self.regression.rest / self.likelihood.nu))

    @cached_property
    def logdet(self) -> float:
        """log|V|, for the restricted likelihood with log|Q'V^-1 Q|."""
        found = self.without_slopes.logdet
        return found + self.regression.logdet if self.likelihood.restricted else found

    @cached_property
    def deviance(self) -> float:
        """D at the best sigma; infinite where V is not positive definite."""
        rest = self.regression.rest
        if not (np.isfinite(self.logdet) and rest > 0):
            return np.inf
        nu = self.likelihood.nu
        return float(self.logdet + nu * (1 + np.log(rest / nu)))

    @cached_property
    def partial(self) -> tuple[Array, Array]:
        """Derivatives along the entries of what `logdet` is, and of r^2, both (m,)."""
        return self.likelihood.partial(self.with_slopes)

    def joint(self, sigma: float) -> tuple[float, Array]:
        """Give d at any sigma, and its gradient by the entries and by sigma, (m + 1,).

        Infinite where that is not a model.
        """
        d_logdet, d_rest = self.partial
        if not (sigma > 0 and np.isfinite(self.deviance)):
            return np.inf, np.zeros(len(self.entries) + 1)
        nu, rest = self.likelihood.nu, self.regression.rest
        value = self.logdet + 2 * nu * np.log(sigma) + rest / sigma**2
        slope = np.append(d_logdet + d_rest / sigma**2, 2 * nu / sigma - 2 * rest / sigma**3)
        return float(value), slope

    @property
    def value(self) -> float:
        """Discrepancy."""
        return self.deviance / (2 * self.likelihood.design.n_obs)

    @cached_property
    def slope(self) -> Array:
        """Gradient of `value`, (m,)."""
        d_logdet, d_rest = self.partial
        scale = 2 * self.likelihood.design.n_obs
        return np.asarray((d_logdet + self.likelihood.nu * d_rest / self.regression.rest) / scale)

    @cached_property
    def expected_curvature(self) -> Array:
        """The Hessian of `value` with its eigenvalues made positive, so that steps go down."""
        values, vectors = np.linalg.eigh(self.hessian)
        largest = max(float(np.abs(values).max(initial=0.0)), 1e-12)
        return np.asarray((vectors * np.maximum(np.abs(values), 1e-6 * largest)) @ vectors.T)

    @property
    def exact_curvature(self) -> Array:
        """Hessian of `value`."""
        return self.hessian

    @cached_property
    def hessian(self) -> Array:
        """Hessian of `value` by central differences of the gradient, (m, m)."""
        return differences(lambda entries: self.likelihood.at(entries).slope, self.entries)


def differences(gradient: Callable[[Array], Array], here: Array) -> Array:
    """Symmetric matrix of central differences of a gradient."""
    rows = []
    for i, entry in enumerate(here):
        step = np.zeros_like(here)
        step[i] = STEP * max(1.0, abs(entry))
        rows.append((gradient(here + step) - gradient(here - step)) / (2 * step[i]))
    found = np.array(rows).reshape(len(here), len(here))
    return np.asarray((found + found.T) / 2)


class Regression:
    """Generalised regression of the response on the fixed effects, from [X y]'V^-1 [X y].

    Attributes
    ----------
    coefficients, covariance
        b, (p,), and (Q'V^-1 Q)^-1, to be multiplied by sigma^2, (p, p).
    rest
        r^2, the weighted sum of squared residuals.
    contrast
        (-b, 1): what takes the fixed effects out of the response, (p + 1,).
    logdet
        log|Q'V^-1 Q|.
    """

    def __init__(self, H: Array) -> None:
        inner = H[:-1, :-1]
        self.covariance = np.linalg.inv(inner)
        self.coefficients = self.covariance @ H[:-1, -1]
        self.contrast = np.append(-self.coefficients, 1.0)
        self.rest = float(H[-1, -1] - H[:-1, -1] @ self.coefficients)
        self.logdet = float(np.linalg.slogdet(inner)[1])
