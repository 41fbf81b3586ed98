"""Integrals over the normal effects of clusters, as sums over evenly spaced points.

A likelihood is integrated over effects b = tau z with z standard normal. What is integrated is, up
to a factor, the distribution of z given the answers of a cluster: smooth, and falling off at both
ends like a normal density. For such functions the sum over evenly spaced points is far better than
any rule of fixed order (Trefethen & Weideman 2014, section 5): with a normal density of covariance
matrix V and the spacing h its relative error is about

    2 exp(-2 pi^2 m'Vm / h^2)

with m the whole numbers, not all 0, that make m'Vm smallest. The points do not depend on the
answers, so that all clusters share the probabilities of categories that are computed there. The
more answers a cluster has, the smaller V is: clusters of similar size share a lattice.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

# Effects further out than so many standard deviations are left out: with normal effects one
# cluster in twenty-five million has one.
REACH = 5.5
# Relative error that a sum may have, in one and in two dimensions.
LINE_ERROR = 1e-8
PLANE_ERROR = 1e-3
# Fewest points that a standard deviation of an effect is covered by.
WIDEST = 0.75
# The largest cluster that shares a lattice has at most so many times the answers of the smallest.
ALIKE = 4.0


class Line(NamedTuple):
    """Points (k,) of a standard normal effect, and the logarithms of their weights."""

    z: Array
    log_weights: Array

    @classmethod
    def of(cls, spacing: float) -> "Line":
        """Cover all effects within `REACH`; one point where the spacing is infinite."""
        if np.isinf(spacing):
            return cls(np.zeros(1), np.zeros(1))
        z = points(spacing)
        return cls(z, np.log(spacing) - z * z / 2 - np.log(2 * np.pi) / 2)


def points(spacing: float) -> Array:
    """Give evenly spaced points, of which one is 0."""
    steps = int(np.ceil(REACH / spacing))
    return np.asarray(spacing * np.arange(-steps, steps + 1.0))


def line_spacing(n: float, tau: float) -> float:
    """Give the spacing for clusters of up to n answers and effects of a deviation up to `tau`.

    An answer says no more about b than the response itself would, whose information is 1: the
    variance of z given n answers is at least 1 / (1 + n tau^2). Infinite without effects.
    """
    if tau == 0:
        return float("inf")
    return _spacing(1 / (1 + n * tau * tau), LINE_ERROR)


def plane_spacing(n: float, tau: tuple[float, float], rho: float, r: float) -> float:
    """Give the spacing for two effects.

    Parameters
    ----------
    n
        Answers of the largest cluster.
    tau
        Standard deviations of the effects; at least one of them is above 0.
    rho, r
        Correlations within and between clusters.

    Returns
    -------
    float
        From the covariance matrix of z given n pairs of responses,
        (R^-1 + n D W^-1 D)^-1 with R, W the correlations between and within, D the deviations.
    """
    scale = np.diag(tau)
    between, within = np.array([[1.0, r], [r, 1.0]]), np.array([[1.0, rho], [rho, 1.0]])
    given = np.linalg.inv(between) + n * scale @ np.linalg.inv(within) @ scale
    V = np.linalg.inv(given)
    sizes = [V[0, 0], V[1, 1], V[0, 0] + V[1, 1] - 2 * abs(V[0, 1])]
    if 0 in tau:
        sizes = [V[k, k] for k in range(2) if tau[k] > 0]
    return _spacing(min(map(float, sizes)), PLANE_ERROR)


def _spacing(variance: float, error: float) -> float:
    return min(float(np.sqrt(2 * np.pi**2 * variance / np.log(2 / error))), WIDEST)


def size_classes(sizes: Array) -> list[Indices]:
    """Put clusters (n_clusters,) of similar size together; those without answers are left out."""
    there = np.flatnonzero(sizes > 0)
    if not len(there):
        return []
    steps = np.floor(np.log(sizes[there].max() / sizes[there]) / np.log(ALIKE))
    return [there[steps == step] for step in np.unique(steps)]


class Box(NamedTuple):
    """Correlations within clusters (`rho`) and between them (`r`) that a lattice is made for.

    Both are pairs of a lower and an upper end.
    """

    rho: tuple[float, float]
    r: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Plane:
    """Points of two correlated standard normal effects.

    Attributes
    ----------
    axes
        Values of either effect, (k,) and (l,).
    places
        The points that count, as indices into both axes, (n_points,) each.
    spacing
        Between neighbours; infinite where an item has no effects and its axis one point.
    """

    axes: tuple[Array, Array]
    places: tuple[Indices, Indices]
    spacing: float

    @classmethod
    def of(cls, n: float, tau: tuple[float, float], box: Box) -> "Plane":
        """Cover the effects on up to n pairs of answers; those of deviation 0 have one point."""
        if 0 in tau:
            lines = [Line.of(line_spacing(n, one)).z for one in tau]
            first, second = np.meshgrid(*(np.arange(len(z)) for z in lines), indexing="ij")
            return cls((lines[0], lines[1]), (first.ravel(), second.ravel()), float("inf"))
        corners = product(box.rho, box.r)
        spacing = min(plane_spacing(n, tau, rho, r) for rho, r in corners)
        z = points(spacing)
        near = np.zeros((len(z), len(z)), dtype=bool)
        for r in np.linspace(*box.r, 3):
            distance = z[:, None] ** 2 - 2 * r * z[:, None] * z + z * z
            near |= distance <= (1 - r * r) * REACH**2
        first, second = np.nonzero(near)
        return cls((z, z), (first, second), spacing)

    @cached_property
    def points(self) -> tuple[Array, Array]:
        """Both effects at each point."""
        return self.axes[0][self.places[0]], self.axes[1][self.places[1]]

    def log_weights(self, r: float) -> tuple[Array, Array, Array]:
        """Logarithm of the weights of the points, and its two derivatives with respect to r."""
        a, b = self.points
        if np.isinf(self.spacing):
            nothing = np.zeros(len(a))
            step = max(_step(axis) for axis in self.axes)
            log = np.log(step) - (a * a + b * b) / 2 - np.log(2 * np.pi) / 2 if step else nothing
            return np.asarray(log), nothing, nothing
        rest = (1 - r) * (1 + r)
        cross, squares = a * b, a * a + b * b
        log = 2 * np.log(self.spacing) - np.log(2 * np.pi) - np.log(rest) / 2
        above = r * rest + (1 + r * r) * cross - r * squares
        slope = above / rest**2
        bend = (1 - 3 * r * r + 2 * r * cross - squares) / rest**2 + 4 * r * above / rest**3
        return log - (squares - 2 * r * cross) / (2 * rest), slope, bend


def _step(axis: Array) -> float:
    return float(axis[1] - axis[0]) if len(axis) > 1 else 0.0
