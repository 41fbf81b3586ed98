"""What the standard errors of an exploratory solution rest on."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.estimators import normal
from measure.exploration.correlating import Found, Kind
from measure.exploration.correlation_covariance import (
    answers_covariance,
    incomplete_moments_covariance,
    normal_covariance,
    of_correlations,
    rows_covariance,
)
from measure.exploration.rotated_errors import Errors, Rotation, rotated_errors
from measure.fitting.inference import wald
from measure.model import vech_places
from measure.moments.asymptotic import contributions, cross_products
from measure.rotating.extraction_weights import weight_of
from measure.rotating.rotation import ROTATIONS, criterion_of
from measure.rotating.rotation_equations import Criteria

Array = NDArray[np.float64]

STANDARD_ERRORS = ("standard", "robust", "none")


@dataclass(frozen=True, eq=False)
class Basis:
    """An exploratory analysis, as far as its standard errors depend on it.

    Attributes
    ----------
    found, kind
        The correlations, and of what kind they are.
    extraction, rotation, arguments
        How factors were extracted and rotated.
    se
        A name in `STANDARD_ERRORS`.
    """

    found: Found
    kind: Kind
    extraction: str
    rotation: str
    arguments: Mapping[str, Any]
    se: str

    @property
    def scale(self) -> Array:
        """Standard deviations that the analysis keeps, (n_items,): 1 for correlations."""
        sd = self.found.sd
        if self.kind.correlation != "covariance" or sd is None:
            return np.ones(len(self.found.matrix))
        return sd

    @property
    def S(self) -> Array:
        """The matrix that was analysed: correlations, or covariances."""
        return np.asarray(self.found.matrix.to_numpy() * np.outer(self.scale, self.scale))

    def gamma(self, R: Array | None = None) -> Array | None:
        """N times the covariance of the correlations, (q, q); None where it is not known.

        Parameters
        ----------
        R
            Where normal theory evaluates it; by default the sample correlations.
        """
        found = self.found
        if self.kind.is_polychoric:
            return (
                None
                if found.estimated is None
                else (answers_covariance(found.estimated, found.clusters))
            )
        if found.incomplete is not None:
            own = incomplete_moments_covariance(found.incomplete, robust=self.se == "robust")
            return None if own is None else of_correlations(found.incomplete.sample[0].sigma, own)
        if self.se == "robust":
            return None if found.rows is None else rows_covariance(found.rows, found.clusters)
        return normal_covariance(found.matrix.to_numpy() if R is None else R)

    def _whole(self, implied: Array) -> Array | None:
        """N times the covariance of vech of the matrix that was analysed."""
        a, b = vech_places(len(self.S))
        if self.kind.correlation != "covariance":
            own = self.gamma(implied)
            if own is None:
                return None
            whole = np.zeros((len(a), len(a)))
            whole[np.ix_(a != b, a != b)] = own
            return whole
        if self.found.incomplete is not None:
            return incomplete_moments_covariance(self.found.incomplete, robust=self.se == "robust")
        if self.se != "robust":
            return np.asarray(np.linalg.inv(normal.weight(implied, means=False)))
        rows = self.found.rows
        if rows is None:
            return None
        return cross_products(contributions(rows, means=False), self.found.clusters)

    def errors(self, loadings: Array, phi: Array) -> Errors | str:
        """Standard errors of the rotated solution, or the reason why there are none."""
        if self.se == "none":
            return 'No standard errors were asked for (se="none").'
        how = None
        if loadings.shape[1] > 1:
            if self.rotation not in ROTATIONS:
                return (
                    f"There are no standard errors: rotation {self.rotation!r} minimises no "
                    "criterion. `bootstrap_loadings` needs none."
                )
            criterion, oblique = criterion_of(self.rotation, self.arguments)
            how = Criteria(criterion, oblique, bool(self.arguments["normalize"]))
        implied = loadings @ phi @ loadings.T
        np.fill_diagonal(implied, np.diag(self.S))
        # Generalised least squares takes the sample for the population throughout.
        gamma = self._whole(self.S if self.extraction == "gls" else implied)
        if gamma is None:
            return "There are no standard errors, which need the answers themselves."
        weight = weight_of(self.extraction, self.S, implied, self._weighing())
        # As in lavaan, least squares count n - 1, and the likelihood n.
        n = self.found.n_obs - (self.extraction != "ml")
        found = rotated_errors(Rotation(loadings, phi, how), gamma, weight, n)
        if found is None:
            return (
                "There are no standard errors: the correlations, or the criterion of the rotation, "
                "do not determine all parameters."
            )
        return found

    def _weighing(self) -> Array | None:
        """The covariance that weighted least squares took its weights from."""
        return self.gamma() if self.extraction in ("dwls", "wls") else None


def loadings_table(loadings: pd.DataFrame, se: Array) -> pd.DataFrame:
    """One row a loading: `item factor est se z pvalue ci.lower ci.upper`."""
    est = loadings.to_numpy().ravel(order="F")
    errors = se.ravel(order="F")
    items, factors = list(loadings.index), list(loadings.columns)
    return pd.DataFrame(
        {
            "item": items * len(factors),
            "factor": [factor for factor in factors for _ in items],
            "est": est,
            "se": errors,
            **wald(est, errors),
        }
    )


def correlations_table(phi: pd.DataFrame, se: Array) -> pd.DataFrame:
    """One row a pair of factors: `factor1 factor2 est se z pvalue ci.lower ci.upper`."""
    pairs = list(combinations(range(len(phi)), 2))
    values = phi.to_numpy()
    est = np.array([values[pair] for pair in pairs], dtype=float)
    errors = np.array([se[pair] for pair in pairs], dtype=float)
    names = list(phi.columns)
    return pd.DataFrame(
        {
            "factor1": [names[i] for i, _ in pairs],
            "factor2": [names[j] for _, j in pairs],
            "est": est,
            "se": errors,
            **wald(est, errors),
        }
    )
