"""The estimators: a row each of which discrepancy, which standard errors and which test."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from measure.errors import OptionError
from measure.estimators.fiml import FullInformation
from measure.estimators.least_squares import (
    diagonal,
    distribution_free,
    generalized,
    unweighted,
)
from measure.estimators.ml import MaximumLikelihood
from measure.estimators.twolevel import TwoLevelLikelihood
from measure.model import Curvature, Derivatives, Implied
from measure.moments import Moments

Array = NDArray[np.float64]


class Evaluation(Protocol):
    """A discrepancy at implied moments; derivatives are with respect to all free elements."""

    @property
    def value(self) -> float:
        """Give the discrepancy."""

    def gradient(self, derivatives: list[Derivatives]) -> Array:
        """Give its first derivatives."""

    def information(self, derivatives: list[Derivatives]) -> Array:
        """Give the expected unit information: half the expected second derivatives."""

    def hessian(self, derivatives: list[Derivatives], curvatures: list[Curvature]) -> Array | None:
        """Give its second derivatives; None where they are not worked out."""


class Discrepancy(Protocol):
    """How far implied moments are from the sample, over all groups together."""

    @property
    def moments(self) -> Moments:
        """Give the sample."""

    def at(self, implied: list[Implied]) -> Evaluation | None:
        """Evaluate at implied moments; None where the discrepancy is not defined."""

    def sizes(self, implied: list[Implied], moments: list[Implied]) -> list[float]:
        """Give m' W m of each group's moments m, with W the weight that `weight` gives."""

    def weight(self, implied: list[Implied]) -> list[Array]:
        """Give the weight of each group's (mu, vech Sigma) in the distance that it is like."""


# The discrepancies that are likelihoods: they have scores, of rows or of clusters, and a saturated
# model.
RowLikelihood = MaximumLikelihood | FullInformation
Likelihood = RowLikelihood | TwoLevelLikelihood


def _likelihood(moments: Moments, *, means: bool) -> Discrepancy:
    """Maximum likelihood, by clusters for two levels, by patterns where answers are missing."""
    if moments.nested is not None:
        return TwoLevelLikelihood(moments)
    return MaximumLikelihood(moments) if moments.patterns is None else FullInformation(moments)


DISCREPANCIES: dict[str, Callable[..., Discrepancy]] = {
    "ML": _likelihood,
    "GLS": generalized,
    "ULS": unweighted,
    "WLS": distribution_free,
    "DWLS": diagonal,
}


@dataclass(frozen=True)
class Estimator:
    """One name that a user can ask for, and what it stands for; the words are lavaan's.

    `discrepancy` is a key of `DISCREPANCIES`.
    """

    name: str
    discrepancy: str
    se: str
    test: str
    information: str


ESTIMATORS = {
    row.name: row
    for row in (
        Estimator("ML", "ML", "standard", "standard", "expected"),
        Estimator("MLF", "ML", "standard", "standard", "first.order"),
        Estimator("MLM", "ML", "robust.sem", "satorra.bentler", "expected"),
        Estimator("MLMV", "ML", "robust.sem", "scaled.shifted", "expected"),
        Estimator("MLMVS", "ML", "robust.sem", "mean.var.adjusted", "expected"),
        Estimator("MLR", "ML", "robust.huber.white", "yuan.bentler.mplus", "observed"),
        Estimator("GLS", "GLS", "standard", "standard", "expected"),
        Estimator("ULS", "ULS", "standard", "standard", "expected"),
        Estimator("ULSM", "ULS", "robust.sem", "satorra.bentler", "expected"),
        Estimator("ULSMV", "ULS", "robust.sem", "scaled.shifted", "expected"),
        Estimator("WLS", "WLS", "standard", "standard", "expected"),
        Estimator("DWLS", "DWLS", "standard", "standard", "expected"),
        Estimator("WLSM", "DWLS", "robust.sem", "satorra.bentler", "expected"),
        Estimator("WLSMV", "DWLS", "robust.sem", "scaled.shifted", "expected"),
    )
}

# The discrepancies that ordered items can be fitted by.
FOR_ORDERED = ("ULS", "WLS", "DWLS")


def estimator(name: str) -> Estimator:
    """Find an estimator by its name.

    Raises
    ------
    OptionError
        Where the name is not known.
    """
    if name not in ESTIMATORS:
        raise OptionError(f'unknown estimator "{name}"; available: {", ".join(ESTIMATORS)}.')
    return ESTIMATORS[name]
