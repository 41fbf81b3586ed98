"""The discrepancy of held-out answers to ordered items from models fitted without them.

Rows have no likelihood here. With s the thresholds and correlations of all rows and IF_i the
influence of row i on them, those of the rows of a fold are s + mean IF_i, to first order and
without a search: a fold may lack a category. Their distance from the moments sigma that a model
implies, weighted by W = 1 / diag(Gamma) as in DWLS, is

    (s + mean IF - sigma)' W (s + mean IF - sigma)
        = mean_i [(sigma - s)' W (sigma - s) - 2 IF_i' W (sigma - s)] + mean IF' W mean IF.

The last part is the same for all models. The rest is a mean over respondents, so that a difference
of two models has a standard error.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.errors import DataError
from measure.estimators.least_squares import diagonal
from measure.fitting.fitted import Fit
from measure.model import moment_vector
from measure.moments import Moments, ordinal
from measure.moments.ordinal.influence_sums import Influences, pressed
from measure.moments.rows import rows_of

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Answers:
    """The moments of all rows, by group, and the influence of each row on them.

    `places` are the rows of each group among all rows; `vectors` and `weights` are s and W.
    """

    moments: Moments
    places: tuple[Indices, ...]
    vectors: tuple[Array, ...]
    weights: tuple[Array, ...]
    influences: Sequence[Influences]

    @classmethod
    def of(
        cls, frame: pd.DataFrame, like: Moments, group: str | None, cluster: str | None
    ) -> "Answers":
        """Take the answers of a data frame to the variables of a fit.

        Parameters
        ----------
        frame
            The rows that are dealt to folds, all of which are used.
        like
            Moments of a fit, which name the variables and the ordered items.
        group, cluster
            Columns, as for a fit.
        """
        assert like.ordinal is not None
        rows = rows_of(frame, like.names, group=group, cluster=cluster)
        own = like.ordinal
        moments = ordinal.from_rows(rows, own.ordered, pairwise=True, information=own.information)
        places = [np.arange(len(frame))]
        if group is not None:
            column = frame[group].to_numpy()
            places = [np.flatnonzero(column == label) for label in moments.groups]
        layout = moments.layout
        return cls(
            moments,
            tuple(places),
            tuple(moment_vector(one, means=True, layout=layout) for one in moments.sample),
            diagonal(moments, means=True).weights,
            ordinal.influences_of(moments),
        )

    def require_categories(self, fit: Fit) -> None:
        """Refuse a fit to rows in which nobody answers in some category.

        Raises
        ------
        DataError
            Naming the category.
        """
        assert fit.moments.ordinal is not None
        assert self.moments.ordinal is not None
        for name, categories in self.moments.ordinal.values.items():
            absent = [
                value for value in categories if value not in fit.moments.ordinal.values[name]
            ]
            if absent:
                raise DataError(
                    f'category {absent[0]} of ordered item "{name}" is not among the rows that a '
                    "model is fitted to."
                )

    def deviances(self, fit: Fit, held: NDArray[np.bool_]) -> Array:
        """Discrepancy of each held-out row from a model, (n_held,), less what no model changes."""
        own, names = fit.moments, self.moments.names
        assert own.layout is not None
        order = own.layout.places([own.names.index(name) for name in names])
        models = {
            label: moment_vector(one, means=True, layout=own.layout)[order]
            for label, one in zip(own.groups, fit.implied_moments, strict=True)
        }
        found = np.full(len(held), np.nan)
        for k, (label, places) in enumerate(zip(self.moments.groups, self.places, strict=True)):
            gap = models[label] - self.vectors[k]
            weighed = self.weights[k] * gap
            local = np.flatnonzero(held[places])
            moved = pressed(self.influences[k], local, weighed[None])[0]
            found[places[local]] = gap @ weighed - 2 * moved
        return found[held]

    def common(self, held: NDArray[np.bool_]) -> float:
        """What the held-out rows by themselves add to the discrepancy of every model."""
        total = 0.0
        for k, places in enumerate(self.places):
            local = np.flatnonzero(held[places])
            if len(local):
                size = len(self.vectors[k])
                mean = pressed(self.influences[k], local, np.eye(size)).mean(axis=1)
                total += len(local) * float(mean @ (self.weights[k] * mean))
        return total / int(held.sum())
