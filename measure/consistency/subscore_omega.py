"""Omega of each of several scales, and how much each respondent or cluster moves it."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.consistency.covariance_samples import CovarianceSample
from measure.consistency.general_structure import Structure
from measure.errors import IdentificationError, MeasureWarning
from measure.fitting.confirmatory import cfa
from measure.replication.influence import influence

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Omegas:
    """Omegas (k,) of scales, how much each unit moves them (n_units, k), and remarks."""

    values: Array
    influence: Array
    notes: tuple[str, ...]


def omegas_of(
    sample: CovarianceSample, scales: Mapping[str, Sequence[str]], *, ordered: bool
) -> Omegas:
    """Fit one factor to each scale.

    Raises
    ------
    IdentificationError
        A scale of two items.
    """
    frame = pd.DataFrame(sample.rows, columns=list(sample.names))
    frame = frame.astype(int) if ordered and (frame == frame.round()).all(axis=None) else frame
    cluster, order = None, None
    if sample.clusters is not None:
        cluster = "cluster of a row"
        frame[cluster] = sample.clusters
        # A fit numbers clusters as they come; here they stand in the order of their numbers.
        order = np.argsort(pd.unique(sample.clusters))
    values, moved, notes = [], [], []
    for scale, items in scales.items():
        if len(items) < 3:
            raise IdentificationError(
                f'scale "{scale}" has two items, which do not determine a factor. Use '
                'reliability="alpha", or give numbers.'
            )
        own = frame[[*items, *([] if cluster is None else [cluster])]]
        with warnings.catch_warnings():
            # Remarks on the fit are passed on in notes.
            warnings.simplefilter("ignore", MeasureWarning)
            fit = cfa(
                f"the_factor =~ {' + '.join(items)}",
                own,
                std_lv=True,
                estimator="WLSMV" if ordered else "MLR",
                ordered=True if ordered else (),
                cluster=cluster,
            )
        structure = Structure(fit, 0)
        pulled = influence(fit.problem, fit.row_values)
        assert pulled is not None
        pulled = pulled[:, list(fit.model.free_rows)] @ structure.gradient[0]
        values.append(structure.at_estimates.values[0])
        moved.append(pulled if order is None else pulled[order])
        notes += [f"{scale}: {note}" for note in fit.notes]
    return Omegas(np.array(values), np.stack(moved, axis=1), tuple(notes))
