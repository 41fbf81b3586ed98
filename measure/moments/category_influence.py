"""Influence of each row on thresholds, means, variances and category correlations.

The two-step estimator solves equations for the univariate parameters first and, given them, for
the correlations. The influence of a row on a correlation is (Muthén 1984, eq. 12 to 15)

    (s - A21 f) / a22,

with s its score for the correlation, f its influence on the thresholds, means and variances of the
pair, A21 the mean product of s with the scores of the pair's likelihood for those, and a22 the mean
square of s. As in lavaan the means of products stand for the information they estimate. For ordered
pairs the influence depends on the two categories only, so that it is computed once for each cell of
a table and looked up for each row.

N times the covariance of the statistics is the mean outer product of the influences.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from measure.moments.continuous_pairs import Scales, scale_scores
from measure.moments.layout import Layout, Pairs
from measure.moments.polychoric import Cells, Tables
from measure.moments.polyserial import Answers, Given

Array = NDArray[np.float64]
Codes = NDArray[np.uint8]
Indices = NDArray[np.intp]


def cell_influence(
    tables: Tables, rho: Array, pairs: Pairs, thresholds: Array, n_rows: int
) -> Array:
    """Influence on polychoric correlations of the answers in each cell.

    Parameters
    ----------
    tables
        As counted, (n_pairs, width, width).
    rho
        Their correlations.
    pairs
        Which items they belong to.
    thresholds
        Influence on the thresholds, (n_items, width - 1, width + 1), from `threshold_influence`.
    n_rows
        Rows of the group.

    Returns
    -------
    Array
        (n_pairs, width + 1, width + 1); the last place in each dimension stands for a missing
        answer.
    """
    n_pairs, width = len(tables), thresholds.shape[2] - 1
    influence = np.zeros((n_pairs, width + 1, width + 1))
    for place in tables.blocks():
        part = tables.part(place)
        cells = Cells(part, rho[place])
        weighted = part.counts * cells.scores / n_rows
        info = np.einsum("pab,pab->p", weighted, cells.scores)
        per = np.where(part.counts > 0, weighted / cells.probabilities, 0.0)
        own = influence[place]
        own[:, :-1, :-1] = cells.scores
        products = np.einsum("pkb,pkb->pk", cells.threshold_slopes(of_rows=True), -_diff(per, 1))
        own -= (products[:, None] @ thresholds[pairs.first[place]]).transpose(0, 2, 1)
        across = per.transpose(0, 2, 1)
        products = np.einsum(
            "pka,pka->pk", cells.threshold_slopes(of_rows=False), -_diff(across, 1)
        )
        own -= products[:, None] @ thresholds[pairs.second[place]]
        own /= info[:, None, None]
    return influence


def _diff(values: Array, axis: int) -> Array:
    return np.asarray(np.diff(values, axis=axis))


@dataclass(frozen=True, eq=False)
class ScaleInfluence:
    """Influence on means and variances: coefficients (q, 2, 2) of their scores."""

    scales: Scales
    weights: Array

    @classmethod
    def of(cls, z: Array, scales: Scales) -> "ScaleInfluence":
        """Invert the mean products of the scores of each variable, from z-values (q, n)."""
        scores = np.stack(scale_scores(z, scales), axis=1)
        products = np.einsum("qan,qbn->qab", scores, scores) / z.shape[1]
        return cls(scales, np.linalg.inv(products))

    def rows(self, z: Array) -> Array:
        """Influence of rows on (mean, variance), (q, 2, n)."""
        scores = np.stack(scale_scores(z, self.scales), axis=1)
        return np.asarray(self.weights @ scores)


@dataclass(frozen=True, eq=False)
class MixedInfluence:
    """Influence on polyserial covariances.

    `products` (n_pairs, 2): A21 for mean and variance; `cells` (n_pairs, width + 1): A21 f for the
    thresholds, by category; `info` (n_pairs,): a22.
    """

    rho: Array
    pairs: Pairs
    products: Array
    cells: Array
    info: Array

    @classmethod
    def of(
        cls, answers: Answers, rho: Array, scales: Scales, thresholds: Array
    ) -> "MixedInfluence":
        """Add up the products of scores over all rows."""
        n_pairs, width = len(rho), answers.limits.shape[1] - 1
        n = answers.z.shape[1]
        info, products = np.zeros(n_pairs), np.zeros((n_pairs, 2))
        upper, lower = np.zeros((n_pairs, width)), np.zeros((n_pairs, width))
        offset = np.arange(n_pairs)[:, None] * width
        for chunk in answers.chunks():
            given = Given(chunk, rho)
            score = given.scores
            info += (score**2).sum(axis=1) / n
            for k, other in enumerate(given.value_scores):
                products[:, k] += (score * other).sum(axis=1) / n
            place = (given.categories + offset).ravel()
            for total, edge in zip((upper, lower), given.edges, strict=True):
                weights = (score * edge).ravel() / n
                total += np.bincount(place, weights, n_pairs * width).reshape(n_pairs, width)
        sd = scales.sd[answers.pairs.second]
        products /= np.stack([sd, sd**2], axis=1)
        on_thresholds = upper[:, :-1] - lower[:, 1:]
        cells = (on_thresholds[:, None] @ thresholds[answers.pairs.first])[:, 0]
        return cls(rho, answers.pairs, products, cells, info)

    def rows(self, answers: Answers, scales: Scales, moved: Array) -> Array:
        """Influence of rows on covariances, (n_pairs, n), given that on means and variances."""
        given = Given(answers, self.rho)
        first, second = self.pairs.first, self.pairs.second
        codes = answers.codes[first]
        on_rho = given.scores - self.cells[np.arange(len(first))[:, None], codes]
        on_rho -= np.einsum("pk,pkn->pn", self.products, moved[second])
        on_rho /= self.info[:, None]
        sd = scales.sd[second][:, None]
        return np.asarray(sd * on_rho + self.rho[:, None] / (2 * sd) * moved[second, 1])


@dataclass(frozen=True, eq=False)
class PearsonInfluence:
    """Influence on covariances of continuous variables.

    `products` (n_pairs, 2, 2) is A21 with the variable of the pair in its second and (mean,
    variance) in its third dimension; `info` (n_pairs,) is a22.
    """

    rho: Array
    pairs: Pairs
    products: Array
    info: Array

    @classmethod
    def of(cls, z: Array, rho: Array, pairs: Pairs, scales: Scales) -> "PearsonInfluence":
        """Add up the products of scores over all rows."""
        score, others = _normal_scores(z, rho, pairs)
        n = z.shape[1]
        products = np.array([[(score * other).sum(axis=1) / n for other in own] for own in others])
        products = products.transpose(2, 0, 1)
        for k, members in enumerate((pairs.first, pairs.second)):
            sd = scales.sd[members]
            products[:, k] /= np.stack([sd, sd**2], axis=1)
        return cls(rho, pairs, products, (score**2).sum(axis=1) / n)

    def rows(self, z: Array, scales: Scales, moved: Array) -> Array:
        """Influence of rows on covariances, (n_pairs, n), given that on means and variances."""
        on_rho, _ = _normal_scores(z, self.rho, self.pairs)
        members = (self.pairs.first, self.pairs.second)
        for k, own in enumerate(members):
            on_rho = on_rho - np.einsum("pk,pkn->pn", self.products[:, k], moved[own])
        on_rho /= self.info[:, None]
        a, b = (scales.sd[own][:, None] for own in members)
        rho = self.rho[:, None]
        turned = (
            b / (2 * a) * moved[self.pairs.first, 1] + a / (2 * b) * moved[self.pairs.second, 1]
        )
        return np.asarray(a * b * on_rho + rho * turned)


def _normal_scores(
    z: Array, rho: Array, pairs: Pairs
) -> tuple[Array, tuple[tuple[Array, Array], tuple[Array, Array]]]:
    """Bivariate normal scores of rho, and of mean (times sd) and variance (times sd^2) of both."""
    there = ~np.isnan(z)
    both = there[pairs.first] & there[pairs.second]
    x = np.where(both, z[pairs.first], 0.0)
    y = np.where(both, z[pairs.second], 0.0)
    r = rho[:, None]
    rest = (1 - r) * (1 + r)
    spread = x * x - 2 * r * x * y + y * y
    of_rho = both * r / rest + x * y / rest - r * spread / rest**2
    own, other = (x - r * y) / rest, (y - r * x) / rest
    return of_rho, ((own, (x * own - both) / 2), (other, (y * other - both) / 2))


@dataclass(frozen=True, eq=False)
class Influence:
    """Influence of the rows of one group on all of its statistics, in the order of the layout."""

    layout: Layout
    codes: Codes
    z: Array
    limits: Array
    scales: Scales
    thresholds: Array
    cells: Array
    scale: ScaleInfluence
    mixed: MixedInfluence
    pearson: PearsonInfluence

    @cached_property
    def _threshold_table(self) -> Array:
        item, place = self.layout.thresholds
        return np.ascontiguousarray(self.thresholds[item, place])

    @cached_property
    def _offsets(self) -> tuple[Indices, Indices]:
        width = self.layout.width + 1
        item, _ = self.layout.thresholds
        return np.arange(len(item))[:, None] * width, np.arange(len(self.cells))[:, None] * width**2

    def rows(self, place: "slice | Indices") -> Array:
        """Influence of some rows, (n_statistics, n)."""
        codes = self.codes[:, place].astype(np.intp)
        n = codes.shape[1]
        result = np.empty((self.layout.size, n))
        on_thresholds, on_means, on_variances, on_covariances = self.layout.sections
        item, _ = self.layout.thresholds
        offsets = self._offsets
        np.take(
            self._threshold_table.ravel(),
            codes[item] + offsets[0],
            out=result[on_thresholds],
            mode="clip",
        )
        pairs = self.layout.ordered_pairs
        cell = codes[pairs.first] * (self.layout.width + 1) + codes[pairs.second] + offsets[1]
        if not len(self.layout.continuous):
            np.take(self.cells.ravel(), cell, out=result[on_covariances], mode="clip")
            return result
        z = self.z[:, place]
        moved = self.scale.rows(z)
        result[on_means], result[on_variances] = moved[:, 0], moved[:, 1]
        covariances = result[on_covariances]
        covariances[pairs.places] = self.cells.ravel()[cell]
        mixed = Answers(self.codes[:, place], z, self.limits, self.layout.mixed_pairs)
        covariances[mixed.pairs.places] = self.mixed.rows(mixed, self.scales, moved)
        places = self.layout.continuous_pairs.places
        covariances[places] = self.pearson.rows(z, self.scales, moved)
        return result
