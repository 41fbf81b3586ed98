"""The terms of a mixed model, and the order in which their effects are taken out.

Levels that are nested in one another form a chain, from the level with most units outwards: taking
out the effects of one level leaves those of the next with a block of its own for each unit, so that
the work grows with the number of units. Terms that cut across the chain are kept together, as one
matrix with as many rows as they have effects.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from measure.errors import DataError

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

MOST_CROSSED = 6000
"""Effects that cut across the chain: their matrix of 6000 rows takes 300 MB and half a minute."""


DENSE = 2_000_000
"""Products of units with effects across that are kept with their zeros: small arrays are faster."""


@dataclass(frozen=True, eq=False)
class Term:
    """Random effects of the units of one level.

    Attributes
    ----------
    name
        Of the level.
    codes
        Unit of each row, (n,), counted from 0 in the order of first appearance.
    units
        The values that name each unit, one column a variable.
    effects
        Names of its effects: "(Intercept)", then slopes.
    Z
        What each effect is multiplied with, (n, k), columns of root mean square 1.
    scale
        The root mean squares that the columns of Z were divided by, (k,).
    """

    name: str
    codes: Codes
    units: pd.DataFrame
    effects: tuple[str, ...]
    Z: Array
    scale: Array

    @property
    def n_units(self) -> int:
        """Number of units of the level."""
        return len(self.units)

    @property
    def width(self) -> int:
        """Number of effects of a unit."""
        return len(self.effects)

    def without_slope(self) -> "Term":
        """Give the term without its last slope."""
        return Term(
            self.name, self.codes, self.units, self.effects[:-1], self.Z[:, :-1], self.scale[:-1]
        )


@dataclass(frozen=True, eq=False)
class Level:
    """One level of the chain: `units[i]` is the unit at place i, its rows or parts begin there."""

    term: Term
    units: Codes
    starts: Codes
    parents: Codes


class Design:
    """Terms, fixed effects and response of a mixed model, arranged for the elimination.

    Parameters
    ----------
    terms
        The random effects.
    X
        Fixed effects, (n, p), of full rank.
    y
        Response, (n,).
    """

    def __init__(self, terms: Sequence[Term], X: Array, y: Array) -> None:
        self.n_obs, self.n_fixed = int(X.shape[0]), int(X.shape[1])
        self.terms = tuple(terms)
        self.Q, self.R = np.linalg.qr(X)
        self._arrange()
        self.respond(y)

    def respond(self, y: Array) -> None:
        """Take another response, (n,); everything else stays."""
        ordinary = self.Q.T @ y
        rest = y - self.Q @ ordinary
        self.ordinary = ordinary
        # In units in which the response varies by 1 around its ordinary regression.
        self.unit = float(np.sqrt(rest @ rest / max(self.n_obs - self.n_fixed, 1)))
        self.y = rest / self.unit
        self.fixed = np.column_stack([self.Q, self.y])
        self.products_fixed = self._products_fixed()

    def _arrange(self) -> None:
        ordered = sorted(range(len(self.terms)), key=lambda t: -self.terms[t].n_units)
        chain = [ordered[0]]
        across = []
        for t in ordered[1:]:
            inner, outer = self.terms[chain[-1]], self.terms[t]
            if nested(inner.codes, inner.n_units, outer.codes, outer.n_units):
                chain.append(t)
            else:
                across.append(t)
        self.chain, self.across = tuple(chain), tuple(across)
        self.n_across = sum(self.terms[t].n_units * self.terms[t].width for t in across)
        if self.n_across > MOST_CROSSED:
            named = ", ".join(f'"{self.terms[t].name}"' for t in across)
            raise DataError(
                f"{named} cut across the other levels with {self.n_across} effects, more than the "
                f"{MOST_CROSSED} that fit into memory. Leave out a level, or combine small units."
            )
        # Outermost first, so that the rows of every unit of the chain lie together.
        self.order = np.lexsort([self.terms[t].codes for t in chain])
        levels = []
        places = np.arange(self.n_obs)
        for t in chain:
            codes = self.terms[t].codes[self.order]
            starts = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]])
            levels.append((t, codes[starts], starts))
        found = []
        for depth, (t, units, starts) in enumerate(levels):
            below = levels[depth - 1][2] if depth else places
            above = levels[depth + 1][2] if depth + 1 < len(levels) else starts[:1]
            parents = np.searchsorted(above, starts, side="right") - 1
            found.append(Level(self.terms[t], units, np.searchsorted(below, starts), parents))
        self.levels = tuple(found)

    @cached_property
    def products(self) -> tuple[Array, list[Any], Array]:
        """Cross-products that do not hold the response.

        Returns
        -------
        Of the columns of the chain within each innermost unit, (J, r, r); of each column of the
        chain with the effects across, r times
        (J, q), sparse in large designs; of the effects across, (q, q).
        """
        W, starts = self.columns, self.levels[0].starts
        r = W.shape[1]
        R = np.empty((len(starts), r, r))
        for i in range(r):
            for j in range(i + 1):
                R[:, i, j] = R[:, j, i] = np.add.reduceat(W[:, i] * W[:, j], starts)
        if not self.across:
            return R, [], np.zeros((0, 0))
        rows = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, self.n_obs]))
        place = sparse.csr_array(
            (np.ones(self.n_obs), (rows, np.arange(self.n_obs))), shape=(len(starts), self.n_obs)
        )
        Zc = self.columns_across
        B: list[Any] = [sparse.csr_array(place @ (Zc * W[:, [i]])) for i in range(r)]
        if len(starts) * self.n_across <= DENSE:
            B = [own.toarray() for own in B]
        return R, B, np.asarray((Zc.T @ Zc).todense())

    @cached_property
    def columns(self) -> Array:
        """Columns of the chain, innermost level first, rows in order, (n, r)."""
        return np.column_stack([level.term.Z for level in self.levels])[self.order]

    @cached_property
    def columns_across(self) -> sparse.csr_array:
        """Columns of the effects across, unit by unit within a term, rows in order, (n, q)."""
        blocks = []
        for t in self.across:
            term = self.terms[t]
            rows = np.repeat(np.arange(self.n_obs), term.width)
            places = (term.codes[self.order, None] * term.width + np.arange(term.width)).ravel()
            shape = (self.n_obs, term.n_units * term.width)
            blocks.append(
                sparse.csr_array((term.Z[self.order].ravel(), (rows, places)), shape=shape)
            )
        return sparse.csr_array(sparse.hstack(blocks, format="csr"))

    def _products_fixed(self) -> tuple[Array, Array, Array]:
        """Cross-products with fixed effects and response as f columns.

        Returns
        -------
        With the columns of the chain in each innermost unit, (J, r, f); with the effects across,
        (f, q); among themselves, (f, f).
        """
        fixed, W, starts = self.fixed[self.order], self.columns, self.levels[0].starts
        F = np.stack(
            [np.add.reduceat(fixed * W[:, [i]], starts, axis=0) for i in range(W.shape[1])], axis=1
        )
        across = (
            np.asarray((self.columns_across.T @ fixed).T)
            if self.across
            else np.zeros((fixed.shape[1], 0))
        )
        return F, across, fixed.T @ fixed


def nested(inner: Codes, n_inner: int, outer: Codes, n_outer: int) -> bool:
    """Say whether every unit of one level lies in one unit of the other."""
    return len(np.unique(inner.astype(np.int64) * n_outer + outer)) == n_inner
