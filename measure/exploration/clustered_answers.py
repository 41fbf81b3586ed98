"""Answers that are independent of each other item by item, but hang together within clusters.

Parallel analysis compares with items that have nothing in common. Where respondents come in
clusters, the answers to one item resemble each other within a cluster, and items that have nothing
in common correlate more strongly by chance than those of independent respondents. Random answers
here have the distribution and the intraclass correlation of each item, and the clusters' sizes.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.exploration.score_transforms import ScoreTransforms
from measure.levels.between_clusters import icc

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ClusteredAnswers:
    """Answers from clusters, to be drawn again without what the items share.

    Attributes
    ----------
    transforms
        The items' distributions.
    clusters
        Number of each row's cluster, (n_obs,).
    icc1
        ICC(1) of each item, negative ones as 0, (n_items,).
    shares
        The intraclass correlations of normal values that give the answers these, (n_items,).
    """

    transforms: ScoreTransforms
    clusters: NDArray[np.intp]
    icc1: Array
    shares: Array

    @classmethod
    def of(cls, answers: pd.DataFrame, clusters: pd.Series) -> "ClusteredAnswers":
        """Take distributions and intraclass correlations from the answers.

        Parameters
        ----------
        answers
            Items as columns, none missing.
        clusters
            Cluster of each row, none missing, with a name.

        Raises
        ------
        DataError
            There is one cluster, each has one row, or an item does not vary within clusters.
        """
        name = str(clusters.name)
        both = answers.assign(**{name: clusters.to_numpy()})
        icc1 = icc(both, list(answers.columns), cluster=name)["icc1"].to_numpy(dtype=float)
        icc1 = np.clip(icc1, 0.0, None)
        transforms = ScoreTransforms.of(answers.to_numpy(dtype=float))
        return cls(transforms, pd.factorize(clusters)[0], icc1, transforms.same_item(icc1))

    @cached_property
    def n_clusters(self) -> int:
        """Number of clusters."""
        return int(self.clusters.max()) + 1

    def draw(self, rng: np.random.Generator) -> Array:
        """Draw answers of independent items from normal values, (n_items, n_obs).

        Each item keeps its distribution exactly. Clusters differ by normal effects whose variance
        follows from the item's ICC(1).
        """
        # Only their order counts: in steps of 1/4096, which 16 bits hold for all that is drawn,
        # they are sorted three times as fast as floats.
        shape = (len(self.shares), self.n_clusters + len(self.clusters))
        normal = rng.standard_normal(shape, dtype=np.float32)
        between, within = np.split(normal, [self.n_clusters], axis=1)
        between *= np.sqrt(self.shares, dtype=np.float32)[:, None]
        within *= np.sqrt(1.0 - self.shares, dtype=np.float32)[:, None]
        steps = np.clip((between[:, self.clusters] + within + 8.0) * 4096.0, 0.0, 65535.0)
        return self.transforms.scores(steps.astype(np.uint16))
