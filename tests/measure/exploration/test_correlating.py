import numpy as np
import pandas as pd
import pytest

import measure
from measure.errors import DataError, OptionError
from measure.exploration.correlating import Kind, correlations_of
from tests.reference_cases import data

A = data("bfi.csv")[[f"A{i}" for i in range(1, 6)]]
KIND = Kind("polychoric")


def improper():
    """Few answers, whose polychoric matrix is not positive definite."""
    rng = np.random.default_rng(12)
    common = rng.normal(size=(30, 1))
    codes = np.digitize(common + 0.5 * rng.normal(size=(30, 9)), [-0.7, 0.8])
    return pd.DataFrame(codes, columns=[f"q{k}" for k in range(9)])


def test_polychoric_correlations_are_those_of_polychoric():
    found = correlations_of(A, KIND)
    expected = measure.polychoric(A)
    pd.testing.assert_frame_equal(found.matrix, expected.correlations)
    assert (found.n_obs, found.n_dropped) == (expected.n_obs, expected.n_dropped)
    assert found.notes == expected.notes
    assert not found.smoothed


def test_recoding_changes_nothing_in_any_function():
    codes = A.dropna().astype(int)
    recoded = codes.replace({1: -3, 2: 0, 3: 4, 4: 5, 5: 90, 6: 91})
    kind = {"correlation": "polychoric"}
    for function in (
        lambda table: measure.efa(table, 1, seed=1, **kind).loadings,
        lambda table: measure.sampling_adequacy(table, **kind).table,
        lambda table: measure.factor_retention(table, seed=1, n_draws=20, **kind).parallel,
    ):
        np.testing.assert_allclose(function(recoded), function(codes), rtol=0, atol=1e-10)


def test_an_improper_matrix_is_refused_by_name():
    with pytest.raises(DataError, match="is not positive definite") as caught:
        correlations_of(improper(), KIND)
    assert "smallest eigenvalue -" in str(caught.value)
    assert "These items take part in it: q" in str(caught.value)
    assert 'smooth="eigenvalues"' in str(caught.value)


def test_smoothing_is_stated_by_every_function():
    kind = {"correlation": "polychoric", "smooth": "eigenvalues"}
    found = measure.efa(improper(), 1, **kind)
    adequacy = measure.sampling_adequacy(improper(), **kind)
    retention = measure.factor_retention(improper(), seed=1, n_draws=20, **kind)
    for result in (found, adequacy, retention):
        assert any("It was smoothed" in note for note in result.notes)
    # The asymptotic covariance is that of the matrix before.
    assert np.isnan(found.fit_measures["pvalue.scaled"])
    assert any("a matrix that was not smoothed" in note for note in found.notes)
    assert found.eigenvalues.iloc[-1] > 0


def test_sparse_tables_are_noted():
    few = A.dropna().iloc[:80]
    assert any("fewer than 5 answers" in note for note in correlations_of(few, KIND).notes)
    found = measure.efa(few, 1, correlation="polychoric")
    assert any("fewer than 5 answers" in note for note in found.notes)


def test_empty_cells_are_treated_as_asked():
    few = A.dropna().iloc[:60]
    plain = correlations_of(few, KIND)
    filled = correlations_of(few, Kind("polychoric", empty_cells="all"))
    assert np.abs(plain.matrix - filled.matrix).to_numpy().max() > 1e-3
    assert any("to which 0.5 was added" in note for note in filled.notes)


def test_mixed_items(workers_here):
    table = data("bfi.csv")[["A1", "A2", "A3", "age"]]
    kind = {"correlation": "polychoric", "ordered": ["A1", "A2", "A3"]}
    found = measure.sampling_adequacy(table, **kind)
    assert found.n_obs == len(table.dropna())
    retention = measure.factor_retention(table, seed=1, n_draws=20, **kind)
    again = measure.factor_retention(table, seed=1, n_draws=20, workers=2, **kind)
    pd.testing.assert_frame_equal(retention.parallel, again.parallel)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ({"correlation": "spearman"}, "unknown correlation 'spearman'"),
        ({"ordered": ["A1"]}, "ordered=.'A1'. has no effect on Pearson"),
        ({"empty_cells": "all"}, "empty_cells='all' has no effect on Pearson"),
        ({"correlation": "polychoric", "smooth": "ridge"}, "unknown smooth 'ridge'"),
    ],
)
def test_options_that_are_refused(kind, message):
    with pytest.raises(OptionError, match=message):
        correlations_of(A, Kind(**kind))


def test_a_matrix_needs_the_number_of_respondents():
    with pytest.raises(OptionError, match="Give n_obs"):
        correlations_of(A.corr(), KIND)
    with pytest.raises(DataError, match="must be a pandas DataFrame"):
        correlations_of(A.to_numpy(), KIND)
