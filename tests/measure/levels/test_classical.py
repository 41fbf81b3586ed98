import numpy as np
import pandas as pd
import pytest

from measure.errors import DataError
from measure.levels.classical import intraclass
from tests.measure.ledger import INTRACLASS, unaccounted
from tests.reference_cases import case, data


@pytest.mark.parametrize("name", INTRACLASS)
def test_reference(name):
    reference = case(name)
    ratings = data(reference["data"])[reference["options"]["columns"]]
    found = intraclass(ratings)
    expected = pd.DataFrame(reference["results"]["icc"])
    assert found["form"].tolist() == expected["form"].tolist()
    assert found["type"].tolist() == expected["type"].tolist()
    for column in ("icc", "F", "df1", "df2", "pvalue", "ci.lower", "ci.upper"):
        np.testing.assert_allclose(found[column], expected[column], rtol=1e-7, atol=1e-7)
    assert (found["n_obs"] == reference["nobs"]).all()
    assert (found["n_raters"] == reference["n_raters"]).all()
    assert (found["n_dropped"] == len(ratings) - reference["nobs"]).all()
    assert not unaccounted(reference["results"], {"icc"})


def test_pingouin_keeps_its_own_options():
    import pingouin

    before = dict(pingouin.options)
    intraclass(data("shrout_fleiss.csv"))
    assert pingouin.options == before


@pytest.mark.parametrize(
    ("ratings", "message"),
    [
        (pd.DataFrame({"J1": [1, 2, 3]}), "1 item given, at least 2"),
        (pd.DataFrame({"J1": [1, 2], "J2": [2, 1]}), "only 2 rows of 2"),
        (pd.DataFrame({"J1": [1, 2, 4], "J2": [2, 3, 5]}), "differ by a constant at most"),
        (pd.DataFrame({"J1": ["a", "b", "c"], "J2": [2, 3, 5]}), '"J1" holds text'),
    ],
)
def test_what_is_refused(ratings, message):
    with pytest.raises(DataError, match=message):
        intraclass(ratings)
