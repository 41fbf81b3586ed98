"""Where the parameters of one block stand in its matrices."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from measure.specification.responses import Layout

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

# Those that latent responses are made of; thresholds and scaling factors are no part of them.
MATRICES = ("lambda_", "theta", "psi", "beta", "nu", "alpha")


class Place(NamedTuple):
    """Where a row of the parameter table stands: matrix, row, column."""

    matrix: str
    i: int
    j: int


@dataclass(frozen=True, eq=False)
class Block:
    """One group at one level: the fixed values of its matrices, and where the free ones stand.

    `places` are of table rows, `elements` of their positions among the model's free elements. With
    ordered items there are a `layout` of their moments and the matrices `tau` (T, 1) and `delta`
    (p, 1); `theta_scaled` tells that delta follows from the variances, and `follows` lists the
    residual variances that follow from delta, as elements after all free ones. `following_rows`
    are the rows of the table whose values follow. `level` is 1, or in a two-level model 1 within
    and 2 between clusters.
    """

    group: int
    observed: tuple[str, ...]
    eta: tuple[str, ...]
    template: Mapping[str, Array]
    places: Mapping[int, Place]
    elements: Mapping[str, tuple[Indices, Indices, Indices]]
    meanstructure: bool
    layout: Layout | None = None
    theta_scaled: bool = False
    follows: tuple[Place, ...] = ()
    following_rows: Mapping[int, Place] = field(default_factory=dict)
    level: int = 1

    @cached_property
    def bends(self) -> bool:
        """Whether the scale of the answers moves with parameters other than scaling factors."""
        return "delta" in self.elements or self.theta_scaled or self.spreads

    @cached_property
    def spreads(self) -> bool:
        """Whether a residual variance that follows from the others reaches other variables."""
        return any(place.matrix == "psi" for place in self.follows)

    @cached_property
    def followers(self) -> Indices:
        """The ordered item of each residual variance in `follows`."""
        names = (self.eta if p.matrix == "psi" else self.observed for p in self.follows)
        own = [name[p.i] for name, p in zip(names, self.follows, strict=True)]
        return np.array([self.observed.index(name) for name in own], dtype=np.intp)

    @cached_property
    def own(self) -> Indices:
        """The elements that stand in the block, ascending, those that follow last."""
        places = [element for _, _, element in self.elements.values()]
        return np.unique(np.concatenate([np.zeros(0, dtype=np.intp), *places]))

    @cached_property
    def has_paths(self) -> bool:
        """Whether some variable among eta depends on another."""
        return "beta" in self.elements or bool(self.template["beta"].any())

    @cached_property
    def columns(self) -> "Columns":
        """Where the derivatives with respect to the free elements are found."""
        return Columns.of(self)

    @cached_property
    def roles(self) -> "Roles":
        """Positions of the free elements by the part they play in second derivatives."""
        return Roles.of(self)

    @cached_property
    def own_roles(self) -> "Roles":
        """The same with positions among `own`."""
        places = {
            name: (i, j, np.searchsorted(self.own, element))
            for name, (i, j, element) in self.elements.items()
        }
        return Roles.of(replace(self, elements=places))


class Roles(NamedTuple):
    """Positions of a block's free elements by the part they play in second derivatives."""

    slopes: Indices
    slope_columns: Indices
    betas: Indices
    beta_rows: Indices
    beta_columns: Indices
    psis: Indices
    psi_rows: Indices
    psi_columns: Indices
    psi_halves: Array
    alphas: Indices
    alpha_rows: Indices

    @classmethod
    def of(cls, block: Block) -> "Roles":
        """Look the positions up in a block."""
        none = np.zeros(0, dtype=np.intp)
        nothing = (none, none, none)
        _, lambda_columns, lambdas = block.elements.get("lambda_", nothing)
        beta_rows, beta_columns, betas = block.elements.get("beta", nothing)
        psi_rows, psi_columns, psis = block.elements.get("psi", nothing)
        alpha_rows, _, alphas = block.elements.get("alpha", nothing)
        return cls(
            np.concatenate([lambdas, betas]),
            np.concatenate([lambda_columns, beta_columns]),
            betas,
            beta_rows,
            beta_columns,
            psis,
            psi_rows,
            psi_columns,
            np.where(psi_rows == psi_columns, 0.5, 1.0),
            alphas,
            alpha_rows,
        )


class Columns(NamedTuple):
    """Where the free elements of a block find their derivatives, an entry for each.

    With the columns of unit, loading and cross side by side (see `_derivatives`) u is the column
    `directions`, v the column `partners` times `halves`, and d mu is u times the entry `levels` of
    the means of eta, 0 and 1.
    """

    elements: Indices
    directions: Indices
    partners: Indices
    halves: Array
    levels: Indices

    @classmethod
    def of(cls, block: Block) -> "Columns":
        """Look the columns up in a block."""
        loading, n_eta = len(block.observed), len(block.eta)
        cross, zero, one = loading + n_eta, n_eta, n_eta + 1
        own_elements = {n: e for n, e in block.elements.items() if n in MATRICES}
        size = sum(len(elements) for _, _, elements in own_elements.values())
        indices = np.zeros((3, size), dtype=np.intp)
        found = cls(indices[0], indices[1], indices[2], np.zeros(size), np.full(size, one))
        begin = 0
        for name, (i, j, elements) in own_elements.items():
            own = slice(begin, begin := begin + len(elements))
            side = 0 if name in ("lambda_", "theta", "nu") else loading
            found.elements[own], found.directions[own] = elements, side + i
            if name in ("lambda_", "beta"):
                found.partners[own], found.halves[own], found.levels[own] = cross + j, 1.0, j
            elif name in ("psi", "theta"):
                found.partners[own], found.levels[own] = side + j, zero
                found.halves[own] = np.where(i == j, 0.5, 1.0)
        return found
