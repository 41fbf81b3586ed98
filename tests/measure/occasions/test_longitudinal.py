"""Invariance over time: the reference case, ordered items, groups, and what is refused."""

import numpy as np
import pytest

import measure
from benchmarks.change_design import MODEL, two_waves
from measure.errors import DataError, OptionError
from tests.reference_cases import case, data

WAVES = {wave: f"{{item}}t{wave}" for wave in (1, 2, 3)}
LONG = {"person": "person", "wave": "wave"}
ITEMS = "f =~ y1 + y2 + y3"


@pytest.fixture(scope="module")
def exlong():
    return data("exlong.csv")


def test_the_longitudinal_reference_case(exlong):
    reference = case("inv_exlong_longitudinal_ml")
    found = measure.longitudinal_invariance(ITEMS, exlong, waves=WAVES)
    assert found.steps == ("configural", "metric", "scalar", "strict")
    names = ("npar", "chisq", "df", "pvalue", "cfi", "tli", "rmsea", "srmr", "aic", "bic")
    for step in reference["steps"]:
        row = found.table.loc[step["step"]]
        for name in names:
            assert row[name] == pytest.approx(step["fit_measures"][name], abs=1e-6, rel=1e-6)
    for test in reference["comparisons"]:
        row = found.table.loc[test["more_restricted"]]
        assert row["delta_cfi"] == pytest.approx(test["delta"]["cfi"], abs=1e-6)
        assert row["delta_rmsea"] == pytest.approx(test["delta"]["rmsea"], abs=1e-6)
        assert row["chisq_diff"] == pytest.approx(test["chisq_diff"], rel=1e-6)
        assert row["df_diff"] == test["df_diff"]
        assert row["pvalue_diff"] == pytest.approx(test["pvalue"], rel=1e-5)


def test_ordered_items_have_a_step_of_thresholds(exlong):
    items = [name for name in exlong.columns if name.startswith("y")]
    codes = np.digitize(exlong[items], [-0.2, 0.6, 1.6], right=True) + 1
    cut = exlong.assign(**{name: codes[:, k] for k, name in enumerate(items)})
    found = measure.longitudinal_invariance(ITEMS, cut, waves=WAVES, ordered=True)
    assert found.steps == ("configural", "thresholds", "metric", "scalar")
    # tests/reference/generate/43_longitudinal_ordered.R (1e-5: its optimiser)
    assert found.table["chisq_diff"].dropna().tolist() == pytest.approx(
        [3.116965, 1.111732, 9.865079], abs=1e-5
    )
    assert found.table["method"].iloc[1] == "satorra.2000"
    assert found.variant == "scaled"


def test_missing_answers_clusters_and_groups_are_all_in_one_ladder():
    gone = two_waves(41, n_clusters=60, leave=0.2)
    found = measure.longitudinal_invariance(
        MODEL, gone, **LONG, group="effort", cluster="place", estimator="MLR", missing="fiml"
    )
    # Four cells; loadings and intercepts add 3 each, residual variances 4, in all but the first.
    assert found.table["df_diff"].tolist()[1:] == [9, 9, 12]
    # Nothing has shifted: no step is rejected.
    assert (found.table["pvalue_diff"].dropna() > 0.01).all()
    assert found.groups.index.tolist() == ["no, 1", "no, 2", "yes, 1", "yes, 2"]


def test_a_shift_is_seen_at_its_step_and_nowhere_once_released():
    moved = two_waves(42, n_clusters=60, shifted={"y3": 0.4})
    found = measure.longitudinal_invariance(MODEL, moved, **LONG, estimator="MLR")
    assert found.table.loc["scalar", "pvalue_diff"] < 1e-6
    assert found.table.loc["metric", "pvalue_diff"] > 0.01
    freed = measure.longitudinal_invariance(
        MODEL, moved, **LONG, estimator="MLR", partial=["y3 ~1"]
    )
    assert freed.table.loc["scalar", "pvalue_diff"] > 0.01
    assert freed.released[["lhs", "op"]].to_numpy().tolist() == [["y3", "~1"]]


def test_the_nested_null_model_has_equal_intercepts(exlong):
    found = measure.longitudinal_invariance(ITEMS, exlong, waves=WAVES)
    row = found.table.iloc[0]
    # The plain null model leaves every mean free, so that it fits at least as well.
    assert row["cfi.nested"] >= row["cfi"]


def test_wrong_steps_and_waves_are_refused(exlong):
    def run(model=ITEMS, **more):
        return measure.longitudinal_invariance(model, exlong, **{"waves": WAVES, **more})

    with pytest.raises(OptionError, match="out of order"):
        run(steps=["configural", "scalar", "metric"])
    with pytest.raises(OptionError, match='do not begin with "configural"'):
        run(steps=["metric"])
    with pytest.raises(OptionError, match="is not known"):
        run(steps=["configural", "thresholds"])
    with pytest.raises(OptionError, match="steps is a list"):
        run(steps="metric")
    with pytest.raises(DataError, match=r"wave \"1\" has no answers to y4 .*leave these out"):
        run("f =~ y1 + y2 + y3 + y4")
