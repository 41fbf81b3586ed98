"""Correlations of answers that are shuffled item by item: independent, with the same margins.

Answers from clusters are drawn anew instead, with the same margins and the resemblance within
clusters that each item has (see `measure.exploration.clustered_answers`).

What parallel analysis compares eigenvalues with. As the margins stay, so do the thresholds, and a
draw only costs the counting of its tables and two or three steps of the search, by the
tetrachoric series.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from measure.exploration.clustered_answers import ClusteredAnswers
from measure.moments.ordinal.correlation_search import Likelihoods, climb
from measure.moments.ordinal.pair_tables import PairTables, joint_counts
from measure.moments.ordinal.polychoric import Cells, Tables
from measure.moments.ordinal.tetrachoric_series import REACH, Series
from measure.moments.ordinal.two_step import TwoStep, two_step

Array = NDArray[np.float64]
Codes = NDArray[np.uint8]
Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Shuffled:
    """Answers that can be shuffled.

    Attributes
    ----------
    answers
        Answers of one group, none missing, with what was estimated from them.
    empty_cells
        What to do about empty cells, see `PairTables.filled`.
    clustered
        The same answers as they lie in clusters, variables in the order of the layout: category
        numbers of ordered ones, standardised values of continuous ones. None where respondents are
        independent.
    """

    answers: TwoStep
    empty_cells: str
    clustered: ClusteredAnswers | None = None

    def draw(self, rng: np.random.Generator) -> Array:
        """Shuffle the answers and correlate them by the estimator of the data.

        Returns
        -------
        Array
            Correlation matrix, (p, p).
        """
        layout = self.answers.layout
        codes, values = self._drawn(rng)
        if len(layout.continuous):
            return two_step(codes, values, layout, self.empty_cells).correlations
        matrix = np.eye(len(layout.names))
        i, j = layout.order.pairs
        matrix[i, j] = matrix[j, i] = self._polychoric(codes)
        return matrix

    def _drawn(self, rng: np.random.Generator) -> tuple[Codes, Array]:
        """Codes of the ordered items, (n_ordered, n), and values of the others, (n, n_others)."""
        if self.clustered is not None:
            drawn, layout = self.clustered.draw(rng), self.answers.layout
            codes: Codes = drawn[layout.ordered].astype(np.uint8)
            return codes, drawn[layout.continuous].T
        codes = np.stack([rng.permutation(own) for own in self.answers.codes])
        return codes, np.array([rng.permutation(own) for own in self.answers.z]).T

    @cached_property
    def _series(self) -> Series:
        tables = self.answers.tables.counted
        return Series.of(tables.rows, tables.columns)

    def _polychoric(self, codes: Codes) -> Array:
        """Correlations of all pairs, as `polychoric.polychoric` finds them."""
        tables = self._tables(codes)

        def evaluate(some: Indices, rho: Array) -> Likelihoods:
            near = np.abs(rho) <= REACH
            if near.all():
                return self._series.likelihoods(tables.counts, some, rho)
            found = np.empty((len(Likelihoods._fields), len(some)))
            found[:, near] = self._series.likelihoods(tables.counts, some[near], rho[near])
            found[:, ~near] = Cells(tables.part(some[~near]), rho[~near]).likelihoods
            return Likelihoods(*found)

        return climb(evaluate, np.zeros(len(tables)))

    def _tables(self, codes: Codes) -> Tables:
        own, layout = self.answers.tables, self.answers.layout
        pairs = layout.ordered_pairs
        counts = joint_counts(codes, layout.width)[pairs.first, :, pairs.second]
        if self.empty_cells == "none":
            return replace(own.counted, counts=counts)
        shuffled: PairTables = replace(own, counted=replace(own.counted, counts=counts))
        return shuffled.filled(self.empty_cells)[0]
