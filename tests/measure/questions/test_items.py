import numpy as np
import pandas as pd
import pytest

from measure.errors import DataError, OptionError
from measure.questions.items import item_analysis
from tests.measure.consistency.test_reliability import keyed_items
from tests.measure.ledger import ALPHA
from tests.reference_cases import case, data


@pytest.mark.parametrize("name", ALPHA)
def test_reference(name):
    reference = case(name)
    items = keyed_items(reference)
    found = item_analysis(items)
    stats = pd.DataFrame(reference["results"]["item_stats"]).set_index("item")
    dropped = pd.DataFrame(reference["results"]["alpha_drop"]).set_index("item")
    assert list(found.index) == list(stats.index)
    assert found.index.name == "item"
    np.testing.assert_allclose(found["r_drop"], stats["r_drop"], rtol=0, atol=1e-7)
    np.testing.assert_allclose(found["alpha_drop"], dropped["raw_alpha"], rtol=0, atol=1e-7)
    assert (found["n_complete"] == reference["nobs"]).all()
    # psych was given complete rows only.
    complete = item_analysis(items.dropna())
    np.testing.assert_allclose(complete["n"], stats["n"])
    np.testing.assert_allclose(complete["mean"], stats["mean"], rtol=0, atol=1e-7)
    np.testing.assert_allclose(complete["sd"], stats["sd"], rtol=0, atol=1e-7)


def test_skewness_and_kurtosis_as_psych():
    # psych 2.2.9, R 4.2.2: describe(bfi[c("A1", "N1", "O5")], type = 3)
    found = item_analysis(data("bfi.csv")[["A1", "N1", "O5"]])
    skew = [0.82504355998879, 0.37122930186683, 0.73808341750385]
    kurtosis = [-0.30763946571271, -1.01285920203780, -0.23897799958427]
    assert found["n"].tolist() == [2784, 2778, 2780]
    assert found["missing"].tolist() == [16, 22, 20]
    np.testing.assert_allclose(found["skew"], skew, rtol=0, atol=1e-7)
    np.testing.assert_allclose(found["kurtosis"], kurtosis, rtol=0, atol=1e-7)


def test_floor_and_ceiling():
    items = pd.DataFrame({"q1": [1, 1, 2, np.nan, 4], "q2": [2, 3, 3, 2, 4], "q3": [3, 2, 4, 2, 2]})
    seen = item_analysis(items)
    assert seen["floor"].tolist() == [0.5, 0.0, 0.0]
    assert seen["ceiling"].tolist() == [0.25, 0.2, 0.2]
    asked = item_analysis(items, scale_range=(1, 5))
    assert asked["floor"].tolist() == [0.5, 0.0, 0.0]
    assert asked["ceiling"].tolist() == [0.0, 0.0, 0.0]


def test_scales_of_one_and_two_items():
    items = data("hs39.csv")[["x1", "x2"]]
    assert item_analysis(items[["x1"]])[["r_drop", "alpha_drop"]].isna().all().all()
    pair = item_analysis(items)
    assert pair["r_drop"].to_numpy() == pytest.approx(items.corr().loc["x1", "x2"])
    assert pair["alpha_drop"].isna().all()


@pytest.mark.parametrize("scale_range", [(5, 1), (1,), (3, 3)])
def test_an_impossible_range(scale_range):
    with pytest.raises(OptionError, match="lowest and the highest category"):
        item_analysis(data("hs39.csv")[["x1", "x2"]], scale_range=scale_range)


def test_answers_outside_the_scale():
    items = pd.DataFrame({"q6": [1, 2, 3, 5], "q7": [2, 9, 9, 4]})
    message = r'"q7" holds 9 .first: row 2; 2 in all outside., outside the response scale 1 to 5'
    with pytest.raises(DataError, match=message):
        item_analysis(items, scale_range=(1, 5))


def test_text_is_refused():
    with pytest.raises(DataError, match='"q1" holds text'):
        item_analysis(pd.DataFrame({"q1": ["a", "b"]}))
