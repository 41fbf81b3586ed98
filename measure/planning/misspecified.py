"""Populations in which a factor model is wrong by a stated amount.

What is left out of the model are loadings of items on second factors and correlations of residuals,
each with its size. The items' variances stay as they are, so that only correlations change.

References
----------
McNeish, D., & Wolf, M. G. (2023). Dynamic fit index cutoffs for confirmatory factor analysis
models. Psychological Methods, 28, 61-88.
Wolf, M. G., & McNeish, D. (2023). dynamic: An R package for deriving dynamic fit index cutoffs for
factor analysis. Multivariate Behavioral Research, 58, 189-194.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.errors import ModelError, OptionError
from measure.model import State
from measure.specification.table import ParameterTable

Array = NDArray[np.float64]

# Correlation of the residuals of two items of a one-factor model (McNeish & Wolf 2023).
RESIDUAL = 0.3
# Of the largest loading that leaves an item a residual variance, so much may be added (ibid.).
SHARE = 0.95
# Items of a factor that can spare one for a second factor first.
ENOUGH = 3
# Items of a one-factor model that a level needs.
FEWEST = 4


@dataclass(frozen=True)
class Omitted:
    """A parameter that the population has, and the model that is fitted has not.

    Attributes
    ----------
    lhs, op, rhs
        As in model text: "=~" for a loading on a factor that the item has none on, "~~" for a
        correlation of the residuals of two items.
    size
        Standardised: the loading, or the correlation.
    """

    lhs: str
    op: str
    rhs: str
    size: float

    def __str__(self) -> str:
        return f"{self.lhs} {self.op} {self.rhs}"


Levels = Sequence[Sequence[Omitted]]
"""What is left out at level 1, 2 and so on."""


class Solution(NamedTuple):
    """A factor model in standardised form.

    Attributes
    ----------
    items, factors
        Names; the factors are those that items load on.
    loadings
        (p, m), 0 where there is none.
    correlations
        Of the factors, (m, m).
    cross
        Correlations of items and factors, (p, m).
    residuals
        Residual variances of the items, (p,), as shares of their variances.
    sigma
        Correlations of the items, (p, p).
    free
        Whether the residual of each item correlates with no other, (p,).
    """

    items: tuple[str, ...]
    factors: tuple[str, ...]
    loadings: Array
    correlations: Array
    cross: Array
    residuals: Array
    sigma: Array
    free: NDArray[np.bool_]

    @classmethod
    def of(cls, state: State, table: ParameterTable) -> "Solution":
        """Standardise the matrices of a block.

        Raises
        ------
        ModelError
            Items depend on something else than factors, or there is no factor.
        """
        names = [name for name in state.block.eta if name in table.latent]
        if len(names) < len(state.block.eta):
            others = [name for name in state.block.eta if name not in table.latent]
            raise ModelError(
                f"{', '.join(others)}: cut-offs are simulated for measurement models, whose items "
                "depend on factors alone. Leave paths between observed variables out."
            )
        lambda_ = state.matrices["lambda_"]
        own = np.flatnonzero(np.abs(lambda_).max(axis=0, initial=0.0) > 0)
        if not len(own):
            raise ModelError("the model has no factor that items load on.")
        sigma, theta = state.sigma, state.matrices["theta"]
        sd = np.sqrt(np.diag(sigma))
        spread = np.sqrt(np.diag(state.covariance))[own]
        off = theta - np.diag(np.diag(theta))
        for name, variance in zip(state.block.observed, np.diag(theta), strict=True):
            if variance < 0:
                raise ModelError(
                    f'the residual variance of "{name}" is {variance:.3g}: no population is like '
                    "that. Cut-offs need a solution that is possible."
                )
        return cls(
            state.block.observed,
            tuple(names[k] for k in own),
            lambda_[:, own] * spread / sd[:, None],
            state.covariance[np.ix_(own, own)] / np.outer(spread, spread),
            state.cross[:, own] / np.outer(sd, spread),
            np.diag(theta) / sd**2,
            sigma / np.outer(sd, sd),
            np.asarray(~off.any(axis=0)),
        )

    def with_omitted(self, omitted: Sequence[Omitted]) -> "Solution":
        """Add parameters to the population.

        With c added to the loading of item j on factor g, whose correlations with the items are k,
        the item's correlations grow by c k, and its residual variance falls by c^2 + 2 c k_j.

        Raises
        ------
        OptionError
            A parameter names what is not there, or what the model has already.
        ModelError
            No population has them.
        """
        found = self
        for one in omitted:
            found = found._added(one)
        if np.linalg.eigvalsh(found.sigma)[0] <= 0:
            raise ModelError(
                f"no population has all of {', '.join(map(str, omitted))}: the correlations would "
                "not be positive definite. Give smaller sizes."
            )
        return found

    def _added(self, one: Omitted) -> "Solution":
        sigma, cross, left = self.sigma.copy(), self.cross.copy(), self.residuals.copy()
        if one.op == "=~":
            g, j = self._place(one, one.lhs, self.factors), self._place(one, one.rhs, self.items)
            if self.loadings[j, g]:
                raise OptionError(f'"{one}" is in the model: give a loading that it leaves out.')
            left[j] -= one.size**2 + 2 * one.size * cross[j, g]
            change = one.size * cross[:, g]
            change[j] = 0.0
            sigma[j] += change
            sigma[:, j] += change
            cross[j] += one.size * self.correlations[:, g]
        elif one.op == "~~":
            i, j = (self._place(one, name, self.items) for name in (one.lhs, one.rhs))
            if i == j:
                raise OptionError(f'"{one}" is a variance: give two different items.')
            change = one.size * np.sqrt(left[i] * left[j])
            sigma[i, j] = sigma[j, i] = sigma[i, j] + change
        else:
            raise OptionError(f'"{one}": only loadings (=~) and residual correlations (~~) differ.')
        if left[j] < 0 or (one.op == "~~" and abs(one.size) >= 1):
            raise ModelError(
                f'no population has "{one}" with the size {one.size:g}: nothing would be left of '
                "the residual variance. Give a smaller size."
            )
        return self._replace(sigma=sigma, cross=cross, residuals=left)

    def _place(self, one: Omitted, name: str, known: tuple[str, ...]) -> int:
        if name not in known:
            raise OptionError(f'"{one}" names "{name}", but there are {", ".join(known)}.')
        return known.index(name)

    def levels(self) -> tuple[tuple[Omitted, ...], ...]:
        """Choose what is left out at each level, as McNeish & Wolf (2023) do.

        Several factors: at level k the k first of one loading fewer than there are factors. From
        each factor comes its item of the lowest loading, factors of three items or more and lower
        loadings first; it also loads on the factor of the highest reliability (H) with which its
        own has not been paired yet, as strongly as on its own or as its residual variance allows.
        One factor: at levels 1, 2 and 3 a third, two thirds and all of the pairs of items, lowest
        loadings first, have residuals that correlate by .3.

        Raises
        ------
        ModelError
            The model has too few items that load on one factor alone and whose residuals are free.
        """
        simple = self.free & ((self.loadings != 0).sum(axis=1) == 1) & (self.residuals > 0)
        size = np.abs(self.loadings).max(axis=1)
        able = [int(j) for j in np.argsort(size, kind="stable") if simple[j]]
        if len(self.factors) == 1:
            return self._pairs(able)
        return self._second_loadings(able)

    def _pairs(self, able: list[int]) -> tuple[tuple[Omitted, ...], ...]:
        if len(able) < FEWEST:
            raise ModelError(
                f"a model of one factor needs {FEWEST} items without correlated residuals to be "
                f"made wrong in steps; it has {len(able)}. Say by `levels` what is left out."
            )
        ends = zip(able[1::2], able[::2], strict=False)
        pairs = [Omitted(self.items[i], "~~", self.items[j], RESIDUAL) for i, j in ends]
        most = len(pairs)
        counts = {4: (1,), 5: (1, 2)}.get(len(able), (most // 3, 2 * most // 3, most))
        return tuple(tuple(pairs[:n]) for n in counts)

    def _second_loadings(self, able: list[int]) -> tuple[tuple[Omitted, ...], ...]:
        own = np.abs(self.loadings).argmax(axis=1)
        counts = (self.loadings != 0).sum(axis=0)
        weakest: dict[int, int] = {}
        for j in able:
            weakest.setdefault(int(own[j]), j)
        ranked = sorted(weakest.values(), key=lambda j: counts[own[j]] < ENOUGH)
        wanted = len(self.factors) - 1
        if len(ranked) < wanted:
            raise ModelError(
                f"{len(ranked)} of {len(self.factors)} factors have an item that loads on them "
                "alone and whose residual correlates with no other, but all but one need one. Say "
                "by `levels` what is left out."
            )
        reliable = np.argsort(-self._reliability(), kind="stable")
        paired: set[frozenset[int]] = set()
        chosen = []
        for j in ranked[:wanted]:
            home = int(own[j])
            other = next(
                int(g) for g in reliable if g != home and frozenset((home, int(g))) not in paired
            )
            paired.add(frozenset((home, other)))
            chosen.append(self._loading(j, home, other))
        return tuple(tuple(chosen[: k + 1]) for k in range(wanted))

    def _loading(self, j: int, home: int, other: int) -> Omitted:
        """Let an item load on a second factor, in the direction of its own loading."""
        loading, shared = self.loadings[j, home], abs(self.cross[j, other])
        room = SHARE * (np.sqrt(shared**2 + self.residuals[j]) - shared)
        size = float(np.sign(loading) * min(abs(loading), room))
        return Omitted(self.factors[other], "=~", self.items[j], size)

    def _reliability(self) -> Array:
        """Coefficient H of each factor (Hancock & Mueller 2001)."""
        squares = np.minimum(self.loadings**2, 1 - 1e-9)
        signal = (squares / (1 - squares)).sum(axis=0)
        return np.asarray(signal / (1 + signal))


def omitted_table(levels: Levels) -> pd.DataFrame:
    """List what is left out: `level lhs op rhs size`."""
    rows = [
        (number, one.lhs, one.op, one.rhs, one.size)
        for number, level in enumerate(levels, start=1)
        for one in level
    ]
    return pd.DataFrame(rows, columns=["level", "lhs", "op", "rhs", "size"])
