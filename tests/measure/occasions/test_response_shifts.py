"""Response shift: a planted shift is found where it is, and nothing where there is none."""

import pytest

import measure
from benchmarks.change_design import MODEL, two_waves
from measure.errors import OptionError

LONG = {"person": "person", "wave": "wave"}


def search(data, **more):
    return measure.response_shift(MODEL, data, **LONG, cluster="place", estimator="MLR", **more)


def test_a_moved_intercept_is_recalibration_and_its_size_is_told():
    data = two_waves(121, n_clusters=60, gains=(0.3, 0.3), shifted={"y3": 0.5})
    found = search(data)
    assert found.released == ("y3 ~1",)
    row = found.table.iloc[0]
    assert (row["kind"], row["item"]) == ("recalibration", "y3")
    assert row["ci.lower"] < 0.5 < row["ci.upper"]
    assert row["shift"] == pytest.approx(row["later"] - row["first"])
    change = found.change.iloc[0]
    assert change["change.released"] == pytest.approx(0.3, abs=0.08)
    assert change["change"] > change["change.released"]


def test_another_loading_is_reprioritisation():
    data = two_waves(22, n_clusters=60, size=40, gains=(0.0, 0.0), loading={"y2": 1.1})
    found = search(data, kinds=("loadings", "intercepts"))
    assert found.released == ("f =~ y2",)
    assert found.table["kind"].tolist() == ["reprioritisation"]
    assert found.table["ci.lower"][0] < 0.4 < found.table["ci.upper"][0]


def test_nothing_is_found_where_nothing_has_shifted():
    found = search(two_waves(23, n_clusters=60))
    assert found.released == ()
    assert found.table.empty
    assert (found.candidates["pvalue.corrected"] > 0.05).all()
    assert found.change["change"][0] == found.change["change.released"][0]


def test_a_moved_threshold_of_ordered_answers_is_found():
    data = two_waves(24, n_clusters=60, size=40, categories=True)
    moved = data["y1"].where((data["wave"] == 1) | (data["y1"] != 5) | (data.index % 2 == 0), 4)
    found = measure.response_shift(
        MODEL,
        data.assign(y1=moved),
        **LONG,
        cluster="place",
        ordered=True,
        kinds=("thresholds",),
    )
    assert "y1 | t4" in found.released
    assert found.table.set_index("parameter").loc["y1 | t4", "shift"] > 0.1


def test_two_items_always_stay_equal():
    data = two_waves(
        25, n_clusters=60, gains=(0.0, 0.0), shifted={"y1": 0.9, "y2": -0.9, "y3": 2.0}
    )
    touched = {name.split(" ")[0] for name in search(data, kinds=("intercepts",)).released}
    assert len(touched) == 2


def test_unknown_kinds_and_levels_are_refused():
    data = two_waves(26, n_clusters=4)
    with pytest.raises(OptionError, match="kinds is a list of loadings, intercepts, thresholds"):
        search(data, kinds=("means",))
    with pytest.raises(OptionError, match="between 0 and 1"):
        search(data, alpha=1.5)


@pytest.mark.slow
def test_something_is_released_as_seldom_as_alpha_says():
    released = sum(
        bool(search(two_waves(3000 + seed, n_clusters=50, size=20)).released) for seed in range(200)
    )
    # 5 % of 200 and 2.6 standard errors.
    assert released <= 18
