"""The fit of each level, the other one saturated."""

import numpy as np
import pandas as pd
import pytest

import measure
from measure import indices
from measure.errors import OptionError
from measure.levels.saturating import trapezoidal_root
from tests.measure.test_reference_twolevel import fitted
from tests.reference_cases import case, data

SIX = (
    "level: 1\ninner1 =~ y1 + y2 + y3\ninner2 =~ y4 + y5 + y6\n"
    "level: 2\nouter1 =~ y1 + y2 + y3\nouter2 =~ y4 + y5 + y6"
)


@pytest.fixture(scope="module")
def demo():
    return data("demo_twolevel.csv")


@pytest.fixture(scope="module")
def six(demo):
    return measure.cfa(SIX, demo, cluster="cluster")


@pytest.mark.parametrize("level", ["within", "between"])
def test_partially_saturated_models_agree_with_lavaan(six, level):
    wanted = case(f"twolevel_{level}_alone")["fit_measures"]
    ours = measure.level_fit(six).loc[level]
    assert ours["chisq"] == pytest.approx(wanted["chisq"], abs=1e-3)
    assert ours["df"] == wanted["df"]
    assert ours["pvalue"] == pytest.approx(wanted["pvalue"], abs=1e-4)
    assert ours["srmr"] == pytest.approx(wanted[f"srmr_{level}"], abs=1e-4)


def test_each_level_has_its_own_number_of_observations(demo):
    fit = measure.cfa(
        "level: 1\nfw =~ y1 + y2 + y3 + y4 + y5 + y6\nlevel: 2\nfb =~ y1 + y2 + y3 + y4 + y5 + y6",
        demo,
        cluster="cluster",
    )
    table = measure.level_fit(fit)
    assert table["n"].tolist() == [2500 - 200, 200]
    for level in ("within", "between"):
        row = table.loc[level]
        rmsea = np.sqrt(max(row["chisq"] - row["df"], 0) / (row["df"] * row["n"]))
        assert row["rmsea"] == pytest.approx(rmsea, abs=1e-12)
        assert row["rmsea.ci.lower"] < row["rmsea"] < row["rmsea.ci.upper"]
    # One factor between clusters for two fits badly there, which the overall RMSEA hardly shows.
    assert table.loc["between", "rmsea"] > 2 * fit.fit_measures["rmsea"]
    assert fit.fit_measures["rmsea"] == pytest.approx(
        indices.rmsea(fit.test.chisq, fit.df, 2500), abs=1e-12
    )


def test_levels_add_up_where_both_fit(six):
    table = measure.level_fit(six)
    assert table["df"].sum() == six.df
    assert table["chisq"].sum() == pytest.approx(six.fit_measures["chisq"], abs=0.2)


def test_a_level_that_restricts_nothing_has_no_test():
    table = measure.level_fit(fitted("twolevel_lq2002_saturated_between"))
    assert table.loc["between", "df"] == 0
    assert np.isnan(table.loc["between", ["pvalue", "rmsea", "cfi"]].to_numpy(dtype=float)).all()
    fit = fitted("twolevel_lq2002_saturated_between")
    assert table.loc["within", "chisq"] == pytest.approx(fit.fit_measures["chisq"], abs=1e-6)
    assert table.loc["within", "cfi"] < 1


def test_robust_fits_have_robust_columns():
    fit = fitted("twolevel_lq2002_1f_1f_mlr")
    table = measure.level_fit(fit)
    assert table[["chisq.scaled", "rmsea.robust", "cfi.robust"]].notna().all(axis=None)
    assert table.loc["within", "chisq.scaled"] != table.loc["within", "chisq"]


def test_equality_across_levels_is_left_out_and_named():
    table = measure.level_fit(fitted("twolevel_lq2002_isomorphic"))
    assert table["note"].str.contains("equality across levels of Lw =~ LEAD02").all()
    # The within model alone has four free loadings: it is the one-factor model.
    free = measure.level_fit(fitted("twolevel_lq2002_1f_1f"))
    assert table.loc["within", "chisq"] == pytest.approx(free.loc["within", "chisq"], abs=1e-4)


@pytest.mark.filterwarnings("ignore::measure.errors.ImproperSolutionWarning")
def test_groups_are_taken_together(demo):
    halves = demo.assign(half=demo["cluster"] % 2)
    table = measure.level_fit(measure.cfa(SIX, halves, cluster="cluster", group="half"))
    assert table["df"].tolist() == [16, 16]
    parts = [
        measure.level_fit(measure.cfa(SIX, halves[halves["half"] == k], cluster="cluster"))
        for k in (0, 1)
    ]
    total = parts[0]["chisq"] + parts[1]["chisq"]
    pd.testing.assert_series_equal(table["chisq"], total, atol=1e-6)


def test_covariances_between_clusters_stay_positive_semi_definite():
    frame = data("lq2002.csv")
    items = [c for c in frame if c.startswith(("LEAD", "TSIG0")) and c != "LEAD"]
    both = f"level: 1\nL =~ {' + '.join(items[:11])}\nT =~ {' + '.join(items[11:])}\n"
    text = f"{both}level: 2\nB =~ {' + '.join(items)}"
    with pytest.warns(measure.errors.ImproperSolutionWarning):
        fit = measure.cfa(text, frame, cluster="COMPID")
    table = measure.level_fit(fit)
    assert table["df"].sum() == fit.df
    assert table["note"].str.contains("singular").all()
    assert table["chisq"].between(0, fit.fit_measures["chisq"]).all()
    assert table.loc["within", "cfi"] > table.loc["between", "cfi"]


def test_a_trapezoidal_root():
    rng = np.random.default_rng(3)
    half = rng.normal(size=(6, 3))
    root, order = trapezoidal_root(half @ half.T)
    assert root.shape == (6, 3)
    np.testing.assert_allclose(root @ root.T, half @ half.T, atol=1e-12)
    assert np.allclose(np.triu(root[order], 1), 0.0)


def test_models_of_one_level_are_refused(demo):
    with pytest.raises(OptionError, match="one level"):
        measure.level_fit(measure.cfa("f =~ y1 + y2 + y3 + y4", demo))
