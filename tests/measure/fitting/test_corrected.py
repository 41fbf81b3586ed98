"""Robust indices after FIML: the mean of the statistic against its formula, written out."""

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import block_diag

import measure
from measure.chisquare import modelled
from measure.estimators.normal import weight
from measure.fitting.corrected import corrected_for_missing
from tests.reference_cases import data as data_file

MODEL = """
visual =~ x1 + x2 + x3
textual =~ x4 + x5 + x6
speed =~ x7 + x8 + x9
"""


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    found = data_file("hs39_mcar.csv")
    return found[found[[f"x{k}" for k in range(1, 10)]].notna().any(axis=1)]


def written_out(fit: measure.Fit, *, robust: bool) -> float:
    """tr(W_c W_m^-1 U W_m^-1) or tr(U W_m^-1 W_c W_m^-1 U Gamma), matrices of all groups whole."""
    moments, discrepancy = fit.moments, fit.point.problem.discrepancy
    keep = modelled(moments, fit.model.table.fixed_x, means=True)
    both = np.ix_(keep, keep)

    def whole(parts: list[np.ndarray]) -> np.ndarray:
        pairs = zip(moments.weights, parts, strict=True)
        return np.asarray(block_diag(*(share * part[both] for share, part in pairs)))

    incomplete = whole(discrepancy.saturated_information())
    complete = whole([weight(one.sigma, means=True) for one in moments.sample])
    inverse = np.linalg.inv(incomplete)
    change = np.vstack([one[keep] for one in fit.point.jacobians]) @ fit.point.basis
    weighted = incomplete @ change
    left = incomplete - weighted @ np.linalg.solve(change.T @ weighted, weighted.T)
    middle = inverse @ complete @ inverse
    if not robust:
        return float(np.trace(middle @ left))
    gamma = inverse @ whole(discrepancy.saturated_products) @ inverse
    return float(np.trace(left @ middle @ left @ gamma))


@pytest.mark.parametrize("robust", [True, False])
@pytest.mark.parametrize(
    "groups", [{}, {"group": "school", "group_equal": ["loadings", "intercepts"]}]
)
def test_the_mean_is_that_of_the_formula(
    data: pd.DataFrame, groups: dict[str, object], robust: bool
) -> None:
    fit = measure.cfa(MODEL, data, missing="fiml", estimator="MLR", **groups)
    found, _ = corrected_for_missing(fit.point, fit.baseline_point, robust=robust)
    assert found.trace == pytest.approx(written_out(fit, robust=robust), rel=1e-9)
