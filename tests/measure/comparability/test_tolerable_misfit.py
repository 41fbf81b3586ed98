"""How much misfit the data cannot rule out."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.optimize import brentq

import measure
from measure.errors import DataError, OptionError
from tests.reference_cases import case, data


def test_t_size_of_a_model_is_the_upper_limit_of_its_interval():
    for name, step in (("inv_hs39_school_ml", 0), ("inv_hs39_school_ml", 2)):
        theirs = case(name)["steps"][step]["fit_measures"]
        found = measure.fit_equivalence(
            theirs["chisq"], theirs["df"], n_obs=int(theirs["ntotal"]), n_groups=2
        ).iloc[0]
        assert found["t.size"] == pytest.approx(theirs["rmsea.ci.upper"], abs=1e-6)
        assert found["rmsea"] == pytest.approx(theirs["rmsea"], abs=1e-8)
        assert found["pvalue"] == pytest.approx(
            stats.ncx2.cdf(theirs["chisq"], theirs["df"], theirs["ntotal"] * theirs["df"] * 0.0032),
            abs=1e-8,
        )


def test_the_robust_t_size_is_the_upper_limit_of_the_robust_interval():
    theirs = case("inv_hs39_sex_mlr")["steps"][0]["fit_measures"]
    fit = measure.cfa(case("inv_hs39_sex_mlr")["model"], data("hs39.csv"), group="sex",
                      estimator="MLR")  # fmt: skip
    found = measure.fit_equivalence(
        theirs["chisq.scaled"],
        theirs["df"],
        n_obs=int(theirs["ntotal"]),
        n_groups=2,
        factor=fit.fit_measures["chisq.scaling.factor"],
    ).iloc[0]
    assert found["t.size"] == pytest.approx(theirs["rmsea.ci.upper.robust"], abs=1e-5)


def test_t_size_of_a_step_solves_its_equation():
    """The noncentrality is found here by a search over scipy's distribution."""
    content = case("inv_hs39_school_ml")
    steps = pd.DataFrame(content["comparisons"]).set_index("more_restricted")
    found = measure.fit_equivalence(
        steps["chisq_diff"], steps["df_diff"], n_obs=301, n_groups=2, level=0.05
    )
    assert list(found.index) == list(steps.index)
    for name, row in found.iterrows():
        chisq, df = steps.loc[name, ["chisq_diff", "df_diff"]].astype(float)

        def gap(delta, chisq=chisq, df=df):
            return stats.ncx2.cdf(chisq, df, delta) - 0.05

        delta = brentq(gap, 1e-9, 500) if gap(1e-9) > 0 else 0.0
        assert row["t.size"] == pytest.approx(np.sqrt(2 * delta / (df * 301)), abs=1e-7)


# Yuan et al. (2016, Table 2) and Yuan & Chan (2016, Table 11): log of the adjusted cut-off for an
# RMSEA of .05, of one group and of two, from x = ln df, z = ln n and n = N - groups.
PUBLISHED = {
    1: lambda x, z, n: (
        2.06034 - 0.62974 * x + 0.02512 * x**2 - 0.98388 * z + 0.05442 * z**2 - 0.00005188 * n
        + 0.05260 * x * z
    ),
    2: lambda x, z, n: (
        2.61777 - 0.67451 * x + 0.02596 * x**2 - 0.99310 * z + 0.04739 * z**2 + 0.05331 * x * z
    ),
}  # fmt: skip


@pytest.mark.parametrize("n_groups", PUBLISHED)
@pytest.mark.parametrize("df", [8, 24, 100])
@pytest.mark.parametrize("n_obs", [200, 500, 1000])
def test_adjusted_cutoffs_are_those_published(n_groups, df, n_obs):
    n = n_obs - n_groups
    published = np.exp(PUBLISHED[n_groups](np.log(df), np.log(n), n))
    found = measure.fit_equivalence(50.0, df, n_obs=n_obs, n_groups=n_groups)
    # The published ones are regressions on such numbers.
    assert found["adjusted.05"][0] == pytest.approx(published, rel=0.02)


def test_an_adjusted_name_is_that_of_the_estimated_rmsea():
    for chisq in (20.0, 30.0, 45.0, 70.0, 110.0):
        row = measure.fit_equivalence(chisq, 24, n_obs=300).iloc[0]
        cutoffs = {0.01: "excellent", 0.05: "close", 0.08: "fair", 0.10: "mediocre"}
        expected = next((w for c, w in cutoffs.items() if row["rmsea"] <= c), "poor")
        assert row["adjusted"] == expected


def test_size_and_p_value_say_the_same():
    rng = np.random.default_rng(4)
    table = measure.fit_equivalence(rng.uniform(5, 120, 60), 20, n_obs=400, n_groups=2)
    assert ((table["t.size"] < 0.08) == (table["pvalue"] < 0.05)).all()
    assert set(table["size"]) >= {"close", "fair", "poor"}


def test_a_perfect_step_is_excellent_and_one_without_freedom_has_no_size():
    table = measure.fit_equivalence([0.0, 4.0], [6, 0], n_obs=300, n_groups=2)
    assert table.loc[0, "t.size"] == 0.0
    assert table.loc[0, "size"] == "excellent"
    assert table.loc[0, "pvalue"] == 0.0
    assert np.isnan(table.loc[1, "t.size"])
    assert table.loc[1, "size"] == ""


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"df": [1, 2, 3], "n_obs": 100}, DataError, "one length"),
        ({"df": -1, "n_obs": 100}, DataError, "negative"),
        ({"df": 4, "n_obs": 100, "level": 0.7}, OptionError, "level is 0.7"),
        ({"df": 4, "n_obs": 0}, OptionError, "above 0"),
        ({"df": 4, "n_obs": 100, "tolerated": 0.0}, OptionError, "above 0"),
    ],
)
def test_bad_input_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        measure.fit_equivalence([3.0, 4.0], arguments.pop("df"), **arguments)
