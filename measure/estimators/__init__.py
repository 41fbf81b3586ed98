"""The estimators: a row each of which discrepancy, which standard errors and which test."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from measure.errors import OptionError
from measure.estimators.ml import MaximumLikelihood
from measure.model import Curvature, Derivatives, Implied
from measure.moments.complete import Moments

Array = NDArray[np.float64]


class Discrepancy(Protocol):
    """How far implied moments are from the sample, over all groups together."""

    def value(self, implied: list[Implied]) -> float:
        """Give the discrepancy; infinity where it is not defined."""

    def slope(self, implied: list[Implied], derivatives: list[Derivatives]) -> tuple[Array, Array]:
        """Give its gradient, and the unit information, with respect to all free elements."""

    def hessian(
        self,
        implied: list[Implied],
        derivatives: list[Derivatives],
        curvatures: list[Curvature],
    ) -> Array:
        """Give its second derivatives with respect to all free elements."""


@dataclass(frozen=True)
class Estimator:
    """One name that a user can ask for, and what it stands for."""

    name: str
    discrepancy: Callable[[Moments], Discrepancy]
    se: str
    test: str
    information: str


ESTIMATORS = {
    row.name: row
    for row in (Estimator("ML", MaximumLikelihood, "standard", "standard", "expected"),)
}

# lavaan's other estimators
_NOT_YET = (
    *("GLS", "WLS", "ULS", "DWLS", "MLF", "MLM", "MLMV", "MLMVS", "MLR"),
    *("WLSM", "WLSMV", "ULSM", "ULSMV"),
)


def estimator(name: str) -> Estimator:
    """Find an estimator by its name.

    Raises
    ------
    OptionError
        Where the name is not known, or known but not available in this version.
    """
    available = ", ".join(ESTIMATORS)
    if name in ESTIMATORS:
        return ESTIMATORS[name]
    if name in _NOT_YET:
        raise OptionError(
            f'estimator "{name}" is not available in this version; available: {available}.'
        )
    raise OptionError(f'unknown estimator "{name}"; available: {available}.')
