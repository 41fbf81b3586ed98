"""The stepped wedge: lme4's numbers, the known effect, and designs that are none."""

import numpy as np
import pytest

import measure
from measure.errors import DataError, OptionError
from tests.measure.wedge_answers import wedge

COLUMNS = {"cluster": "cluster", "period": "period", "treated": "treated"}


def estimate(data, **more):
    return measure.stepped_wedge(data, "y", **COLUMNS, **{"seed": 1, "n_permutations": 99, **more})


@pytest.fixture(scope="module")
def found():
    return estimate(wedge(4))


def test_estimates_are_those_of_lme4(found):
    # R 4.2, lme4 1.1-31: lmer(y ~ treated + factor(period) + (1|cluster) + (1|cluster:period)).
    table = found.table.set_index("term")
    assert table.loc["effect", "estimate"] == pytest.approx(0.4613780558, abs=1e-7)
    assert table.loc["effect", "se"] == pytest.approx(0.131938230, abs=1e-7)
    assert table.loc["period 4", "estimate"] == pytest.approx(0.5264093378, abs=1e-6)
    assert found.variances["cluster"] == pytest.approx(0.2111744654, abs=1e-6)
    assert found.variances["cluster.period"] == pytest.approx(0.0145144652, abs=1e-6)
    assert found.variances["residual"] == pytest.approx(1.0311721161, abs=1e-6)
    assert (found.n_obs, found.n_clusters, found.n_periods) == (917, 12, 5)


def test_the_known_effect_lies_in_the_interval(found):
    row = found.table.iloc[0]
    assert row["ci.lower"] < 0.4 < row["ci.upper"]
    assert row["df"] == 10
    assert found.pvalue_permutation <= 0.05
    total = found.variances[["cluster", "cluster.period", "residual"]].sum()
    assert found.standardized == pytest.approx(row["estimate"] / np.sqrt(total))


def test_reallocation_has_its_level_where_nothing_works():
    # By construction the share of p-values up to .2 is near .2; of 15 more than 7 has chance .01.
    low = sum(
        estimate(wedge(100 + seed, effect=0.0, size=8), n_permutations=49).pvalue_permutation <= 0.2
        for seed in range(15)
    )
    assert low <= 7


def test_a_trend_that_everybody_has_is_no_effect():
    trending = wedge(8, effect=0.0, n_clusters=24)
    trending["y"] += 0.5 * trending["period"]
    row = estimate(trending).table.iloc[0]
    assert row["ci.lower"] < 0 < row["ci.upper"]


def test_what_is_no_stepped_wedge_is_refused():
    data = wedge(4)
    with pytest.raises(OptionError, match='one column "none"'):
        measure.stepped_wedge(data, "none", **COLUMNS)
    with pytest.raises(DataError, match="0 \\(not begun\\) and 1"):
        estimate(data.assign(treated=data["treated"] + 1))
    with pytest.raises(DataError, match="both begun and not begun"):
        estimate(data.assign(treated=(data.index % 2).astype(float)))
    with pytest.raises(DataError, match="goes back"):
        estimate(data.assign(treated=(data["period"] == 2).astype(float)))
    with pytest.raises(DataError, match="2 clusters and 5 periods"):
        estimate(data[data["cluster"] < 2])
    with pytest.raises(DataError, match="all clusters begin in the same period"):
        estimate(data.assign(treated=(data["period"] >= 2).astype(float)))
    with pytest.raises(DataError, match="one answer in each cluster and period"):
        estimate(data.groupby(["cluster", "period"], as_index=False).first())
