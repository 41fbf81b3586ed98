"""The answers whose factors are counted, and random answers to compare them with."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import complete_rows, numeric_items
from measure.exploration.clustered_answers import ClusteredAnswers
from measure.exploration.correlating import Found, Kind, correlations_of
from measure.exploration.random_eigenvalues import (
    RandomEigenvalues,
    Repetition,
    of_clustered,
    of_shuffled,
    of_uncorrelated,
)
from measure.moments.ordinal.two_step import TwoStep

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sample:
    """The correlations, and the answers behind them.

    Attributes
    ----------
    found
        The correlations.
    answers
        (n_obs, n_items), none missing; None where only the matrix is known.
    clustered
        The answers as they lie in clusters; None where respondents are independent.
    """

    found: Found
    answers: Array | None
    clustered: ClusteredAnswers | None


def sample_of(data: pd.DataFrame, kind: Kind, n_obs: int | None, cluster: str | None) -> Sample:
    """Correlate the items, and keep what their random counterparts need.

    Parameters
    ----------
    data, n_obs, cluster
        As for `measure.factor_retention`.
    kind
        How to correlate.

    Raises
    ------
    DataError
        The items cannot be correlated, or the clusters show no differences.
    OptionError
        Clusters of a correlation matrix.
    """
    found = correlations_of(data, kind, n_obs=n_obs, cluster=cluster)
    if n_obs is not None:
        return Sample(found, None, None)
    items = data if cluster is None else data.dropna().drop(columns=cluster)
    estimated = None if found.shuffled is None else found.shuffled.answers
    answers = complete_rows(numeric_items(items)) if estimated is None else _in_layout(estimated)
    if found.clusters is None:
        return Sample(found, answers.to_numpy(), None)
    clustered = ClusteredAnswers.of(answers, pd.Series(found.clusters, name=cluster))
    if found.shuffled is not None:
        found = replace(found, shuffled=replace(found.shuffled, clustered=clustered))
    return Sample(found, answers.to_numpy(), clustered)


def _in_layout(answers: TwoStep) -> pd.DataFrame:
    """Category numbers of ordered items, and standardised values of the others."""
    layout = answers.layout
    values = np.empty((answers.n_rows, len(layout.names)))
    values[:, layout.ordered] = answers.codes.T
    values[:, layout.continuous] = answers.z.T
    return pd.DataFrame(values, columns=list(layout.names))


def random_counterparts(sample: Sample, smooth: str, repetition: Repetition) -> RandomEigenvalues:
    """Eigenvalues of random answers that go through what the sample's went through."""
    found = sample.found
    if found.shuffled is not None:
        return of_shuffled(found.shuffled, smooth, repetition)
    if sample.clustered is not None:
        return of_clustered(sample.clustered, repetition)
    return of_uncorrelated(found.n_obs, len(found.matrix), repetition)
