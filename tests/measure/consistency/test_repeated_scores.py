import numpy as np
import pandas as pd
import pytest

from measure.consistency.change import reliable_change
from measure.consistency.repeated_scores import _change, _errors, retest
from measure.errors import DataError, OptionError
from measure.levels.classical import intraclass
from tests.reference_cases import case, data

RATINGS = data("shrout_fleiss.csv")


def scores(n, k, *, rng, error=1.0, shifts=0.0):
    true = rng.normal(size=(n, 1)) * 2
    drift = shifts * rng.normal(size=(1, k))
    return pd.DataFrame(true + drift + error * rng.normal(size=(n, k)))


def test_against_the_mean_squares_of_a_reference():
    found = retest(RATINGS)
    squares = case("icc_shrout_fleiss")["results"]["mean_squares"]
    forms = intraclass(RATINGS).set_index("form")
    assert found["icc.agreement"] == forms.loc["ICC(2,1)", "icc"]
    assert found["icc.consistency"] == forms.loc["ICC(3,1)", "icc"]
    # Shrout & Fleiss (1979), table 3: JMS 32.49, EMS 1.02 with 6 targets.
    assert found["sem.consistency"] ** 2 == pytest.approx(1.0194, abs=1e-4)
    assert found["sem.agreement"] ** 2 == pytest.approx((32.4861 + 5 * 1.0194) / 6, abs=1e-3)
    assert found["sdc.consistency"] == pytest.approx(1.959964 * np.sqrt(2 * 1.0194), abs=1e-3)
    assert found["sdc.group"] == pytest.approx(found["sdc.consistency"] / np.sqrt(6))
    assert squares


def test_two_occasions():
    rng = np.random.default_rng(1)
    frame = scores(60, 2, rng=rng)
    frame.iloc[3, 1] = np.nan
    found = retest(frame)
    whole = frame.dropna()
    d = whole[1] - whole[0]
    table = found.table.set_index("coefficient")
    assert found["change"] == pytest.approx(d.mean())
    half = 2.00172 * d.std() / np.sqrt(59)
    assert table.loc["change", "ci.upper"] == pytest.approx(d.mean() + half, rel=1e-4)
    # The error of a difference is twice that of a score.
    assert found["sem.consistency"] == pytest.approx(d.std() / np.sqrt(2))
    assert found["limits.upper"] - found["limits.lower"] == pytest.approx(2 * 1.959964 * d.std())
    assert (found.n_obs, found.n_dropped, found.n_occasions) == (59, 1, 2)
    assert "one degree of freedom" in repr(found)
    assert "<table" in found._repr_html_()


def test_intervals_hold_what_is_true():
    rng = np.random.default_rng(7)
    true = {"consistency": 1.0, "agreement": np.sqrt(1 + 0.5**2)}
    true |= {"change": 0.0, "sd.change": np.sqrt(2), "limits.upper": 1.959964 * np.sqrt(2)}
    held = dict.fromkeys(true, 0)
    for _ in range(400):
        many = _errors(scores(25, 5, rng=rng, shifts=0.5).to_numpy())
        found = {name: limits[1:] for name, limits in many.items()}
        two = _change(scores(40, 2, rng=rng).to_numpy())
        found |= {name: limits for name, _, *limits in two}
        for name, value in true.items():
            held[name] += found[name][0] <= value <= found[name][1]
    # 95 % of 400 are 380, with a standard deviation of 4.4; Satterthwaite's is approximate.
    assert all(360 <= count <= 396 for count in held.values()), held


def test_reliable_change():
    frame = pd.DataFrame({"before": [10.0, 12, 14, 16, 18], "after": [10.0, 18, 13, 9, np.nan]})
    found = reliable_change(frame, sem=1.5)
    # (after - before)/(2^.5 1.5): 0, 2.83, -0.47, -3.30.
    np.testing.assert_allclose(found.rows["rci"], [0, 2.8284, -0.4714, -3.2998], atol=1e-4)
    assert found.rows["direction"].to_list() == ["unchanged", "higher", "unchanged", "lower"]
    assert found.threshold == pytest.approx(1.959964 * np.sqrt(2) * 1.5, rel=1e-6)
    table = found.table.set_index("direction")
    assert table["n"].to_dict() == {"lower": 1, "unchanged": 2, "higher": 1}
    # Wilson's interval of 1 in 4.
    assert table.loc["higher", ["ci.lower", "ci.upper"]].to_list() == pytest.approx(
        [0.0456, 0.6994], abs=1e-4
    )
    assert (found.n_obs, found.n_dropped) == (4, 1)
    practised = reliable_change(frame, sem=1.5, practice=4)
    assert practised.rows["direction"].to_list() == ["unchanged", "unchanged", "lower", "lower"]
    by_reliability = reliable_change(frame, reliability=0.84)
    assert by_reliability.sem == pytest.approx(frame["before"][:4].std() * 0.4)
    assert "reliable beyond" in repr(found)
    assert "<table" in found._repr_html_()


def test_change_by_error_alone_is_as_frequent_as_it_says():
    rng = np.random.default_rng(3)
    found = reliable_change(scores(20_000, 2, rng=rng), sem=1.0, confidence_level=0.9)
    np.testing.assert_allclose(found.table["share"], found.table["expected"], atol=0.006)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, OptionError, "give one of sem"),
        ({"sem": 1, "reliability": 0.5}, OptionError, "give one of sem"),
        ({"sem": 0}, OptionError, "sem is 0"),
        ({"reliability": 1}, OptionError, "reliability is 1"),
        ({"sem": 1, "confidence_level": 1}, OptionError, "confidence_level"),
    ],
)
def test_what_change_refuses(options, error, message):
    with pytest.raises(error, match=message):
        reliable_change(RATINGS[["J1", "J2"]], **options)


def test_other_refusals():
    with pytest.raises(DataError, match="4 columns given"):
        reliable_change(RATINGS, sem=1)
    with pytest.raises(DataError, match="at least 2"):
        retest(RATINGS[["J1"]])
    with pytest.raises(DataError, match="differ by a constant"):
        retest(RATINGS[["J1"]].assign(again=RATINGS["J1"] + 1))
