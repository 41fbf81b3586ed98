import numpy as np
import pandas as pd
import pytest

from measure.checks import (
    complete_rows,
    confidence,
    item_correlations,
    known_option,
    numeric_items,
)
from measure.errors import DataError, OptionError

ITEMS = pd.DataFrame(
    {
        "q1": [1, 2, 3, 4, 5, 4],
        "q2": [2, 1, 3, 5, 4, 4],
        "q3": [1.0, 3, np.nan, 2, 5, 3],
    }
)


def test_items_come_back_as_floats_in_the_order_asked_for():
    found = numeric_items(ITEMS, ["q3", "q1"])
    assert list(found.columns) == ["q3", "q1"]
    assert (found.dtypes == np.float64).all()
    assert found["q3"].isna().sum() == 1


@pytest.mark.parametrize(
    "dtype", ["Int64", "boolean", "float32", "int8"], ids=lambda dtype: str(dtype)
)
def test_number_types_of_pandas(dtype):
    column = pd.Series([0, 1, 1, 0]).astype(dtype)
    assert numeric_items(pd.DataFrame({"q": column}))["q"].tolist() == [0, 1, 1, 0]


def test_missing_answers_of_nullable_columns():
    table = pd.DataFrame({"q": pd.array([1, None, 3], dtype="Int64")})
    assert numeric_items(table)["q"].isna().tolist() == [False, True, False]


def test_ordered_categories_of_numbers():
    table = pd.DataFrame({"q": pd.Categorical([1, 2, None, 3], ordered=True)})
    assert numeric_items(table)["q"].dropna().tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("table", "items", "message"),
    [
        ([[1, 2]], None, "must be a pandas DataFrame .* not list"),
        (ITEMS, ["q1", "q9"], 'no column "q9"'),
        (ITEMS, ["q1", "q1"], '"q1" occurs more than once'),
        (ITEMS[["q1", "q2"]].set_axis(["q1", "q1"], axis=1), None, '"q1" occurs more than once'),
        (ITEMS.assign(q2="often"), None, '"q2" holds text in 6 rows .first: row 1, .often..'),
        (
            ITEMS.assign(q2=["1", "2", "3", "4", "5", "1"]),
            None,
            '"q2" holds text in 6 rows',
        ),
        (
            ITEMS.assign(q1=[1, 2, np.inf, 3, 4, -np.inf]),
            None,
            '"q1" is infinite in 2 rows .first: row 3',
        ),
        (ITEMS.assign(q1=np.nan), None, '"q1" has no answers'),
        (ITEMS.assign(q1=4), None, '"q1" has the same answer .4. everywhere'),
        (ITEMS.iloc[:1], None, "have 1 row, at least 2"),
        (ITEMS[[]], None, "0 items given, at least 1"),
    ],
)
def test_what_is_refused(table, items, message):
    with pytest.raises(DataError, match=message):
        numeric_items(table, items)


def test_incomplete_rows():
    assert len(complete_rows(ITEMS)) == 5
    sparse = pd.DataFrame({"q1": [1, 2, 3.0], "q2": [np.nan, np.nan, 2]})
    with pytest.raises(DataError, match=r'only 1 row of 3 has .* Most .* missing for "q2"'):
        complete_rows(sparse)
    constant = pd.DataFrame({"q1": [1, 1, 3.0], "q2": [1, 2, np.nan]})
    with pytest.raises(DataError, match=r'"q1" has the same answer .* rows without missing'):
        complete_rows(constant)


def test_correlations_of_raw_data():
    rng = np.random.default_rng(3)
    table = pd.DataFrame(rng.normal(size=(30, 3)), columns=list("abc"))
    table.iloc[0, 0] = np.nan
    found = item_correlations(table)
    assert (found.n_obs, found.n_dropped) == (29, 1)
    pd.testing.assert_frame_equal(found.matrix, table.dropna().corr())


def test_too_few_rows_for_correlations():
    with pytest.raises(DataError, match="3 complete rows for 3 items"):
        item_correlations(ITEMS.dropna().iloc[:3])


def test_a_sum_score_beside_its_parts_is_named():
    rng = np.random.default_rng(3)
    table = pd.DataFrame(rng.normal(size=(30, 4)), columns=list("abcd"))
    with pytest.raises(DataError, match=r"singular .* determine each other: a, b, total"):
        item_correlations(table.assign(total=table["a"] + table["b"]))


def matrix_of(values, **options):
    return pd.DataFrame(values, columns=["a", "b", "c"][: len(values)], **options)


@pytest.mark.parametrize(
    ("table", "n_obs", "message"),
    [
        (matrix_of([[1, 0.5], [0.4, 1]]), 50, "should be a correlation matrix"),
        (matrix_of([[2, 0.5], [0.5, 2]]), 50, "should be a correlation matrix"),
        (matrix_of([[1, 0.5], [0.5, 1]], index=["b", "a"]), 50, "row names and column names"),
        (matrix_of([[1, 0.5], [0.5, 1]]), 2, "n_obs is 2, but there are 2 items"),
        (
            matrix_of([[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]]),
            50,
            "not positive definite",
        ),
        (matrix_of([[1, -1.0], [-1.0, 1]]), 50, r"correlate perfectly \(-1\)"),
    ],
)
def test_matrices_that_are_refused(table, n_obs, message):
    with pytest.raises(DataError, match=message):
        item_correlations(table, n_obs=n_obs)


def test_options():
    known_option("null", "uniform", ["uniform"])
    with pytest.raises(OptionError, match=r"unknown null 'flat'\. Choose one of: uniform"):
        known_option("null", "flat", ["uniform"])
    assert confidence(0.9) == 0.9
    with pytest.raises(OptionError, match="must lie between 0 and 1"):
        confidence(95)
