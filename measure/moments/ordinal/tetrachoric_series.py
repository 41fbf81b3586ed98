"""Cells of contingency tables at small correlations, by the tetrachoric series.

The bivariate normal probability of a cell is a power series in the correlation (Pearson 1900;
Kendall 1941): the coefficient of rho^n is a product of a factor of the row and one of the column,
differences of Hermite functions of order n over the limits of both. The factors depend on the
limits only. Where these stay and the correlations are near 0, as in shuffled data, the series is
many times faster than the special functions of `polychoric.Cells`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from measure.distributions import normal_cdf
from measure.moments.ordinal.correlation_search import Likelihoods

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

# Largest correlation that the series is used for. With so little correlation no cell is so
# improbable that rounding counts.
REACH = 0.3
# A factor of order n is below 0.8 / sqrt(n), so that what is left out is below 0.3^30 / 30.
TERMS = 30
# For smaller correlations terms below this are left out.
ROUNDING = 1e-17
# Categories that an item does not have are given this probability, and no answers.
NOTHING = 1e-14


@dataclass(frozen=True, eq=False)
class Series:
    """Pairs of items with the factors of the cells of their tables.

    Attributes
    ----------
    rows
        Factors of the rows, (n_pairs, height, TERMS).
    columns
        Factors of the columns, (n_pairs, TERMS, width).
    """

    rows: Array
    columns: Array

    @classmethod
    def of(cls, rows: Array, columns: Array) -> "Series":
        """Expand tables whose categories have the limits (n_pairs, height + 1) and (.., width + 1).

        Parameters
        ----------
        rows, columns
            Limits of the categories, minus infinity first, infinity last.
        """
        return cls(factors(rows), np.ascontiguousarray(factors(columns).swapaxes(1, 2)))

    def likelihoods(self, counts: Array, some: Indices, rho: Array) -> Likelihoods:
        """Log-likelihoods of some of the tables, with derivatives.

        Parameters
        ----------
        counts
            Answers in the cells of all the tables, (n_pairs, height, width).
        some
            Numbers of the tables that are wanted.
        rho
            Their correlations, within `REACH` of 0.
        """
        terms = _terms(float(np.abs(rho).max(initial=0.0)))
        n = np.arange(terms, dtype=float)
        powers = np.ones((len(rho), terms))
        powers[:, 1:] = rho[:, None]
        np.cumprod(powers, axis=1, out=powers)
        first, second = np.zeros_like(powers), np.zeros_like(powers)
        first[:, 1:] = n[1:] * powers[:, :-1]
        second[:, 2:] = n[2:] * first[:, 1:-1]
        rows, columns = self.rows[some, :, :terms], self.columns[some, :terms]
        cells, slopes, bends = (
            (rows * weights[:, None, :]) @ columns for weights in (powers, first, second)
        )
        counts, cells = counts[some], np.maximum(cells, NOTHING)
        scores = slopes / cells
        return Likelihoods(
            loglik=np.einsum("pab,pab->p", counts, np.log(cells)),
            gradient=np.einsum("pab,pab->p", counts, scores),
            hessian=np.einsum("pab,pab->p", counts, bends / cells - scores**2),
            information=np.einsum("pab,pab->p", slopes, scores) * counts.sum(axis=(1, 2)),
        )


def _terms(largest: float) -> int:
    """Number of terms, at least 3 for the second derivative, at correlations up to `largest`.

    The n-th term of that is n (n - 1) / rho^2 times the n-th of the probability.
    """
    if largest == 0:
        return 3
    n = np.arange(3, TERMS)
    enough = np.flatnonzero(n * largest ** (n - 2.0) < ROUNDING)
    return int(n[enough[0]]) if len(enough) else TERMS


def factors(limits: Array) -> Array:
    """Give the factors of categories in the coefficients of the series.

    Parameters
    ----------
    limits
        Of the categories of items, (n_items, width + 1), infinite ones included.

    Returns
    -------
    Array
        (n_items, width, TERMS). Of order 0 the probability of the category, of order n the
        difference over its limits of the Hermite function.
    """
    values = np.diff(hermite_functions(limits, TERMS), axis=-1)
    return np.ascontiguousarray(np.moveaxis(values, 0, -1))


def hermite_functions(limits: Array, terms: int) -> Array:
    """Give the functions whose products, times rho^n, add up to the bivariate distribution.

    Parameters
    ----------
    limits
        Of any shape, infinite ones included.
    terms
        Orders, from 0.

    Returns
    -------
    Array
        (terms, *limits.shape). Of order 0 the normal distribution function, of order n
        -phi(x) He_{n-1}(x) / sqrt(n!). The polynomial and the factorial by themselves would
        overflow, their ratio does not.
    """
    there = np.isfinite(limits)
    x = np.where(there, limits, 0.0)
    values = np.empty((terms, *limits.shape))
    values[0] = normal_cdf(limits)
    before = np.zeros_like(x)
    here = np.where(there, np.exp(-x * x / 2) / np.sqrt(2 * np.pi), 0.0)
    for n in range(1, terms):
        values[n] = -here
        # He_n = x He_{n-1} - (n - 1) He_{n-2}, divided by the root of (n + 1)!.
        before, here = here, (x * here - (n - 1) / np.sqrt(n) * before) / np.sqrt(n + 1)
    return values
