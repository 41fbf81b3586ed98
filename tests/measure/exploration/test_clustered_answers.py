import numpy as np
import pandas as pd
import pytest

from measure.errors import DataError, OptionError
from measure.exploration.clustered_answers import ClusteredAnswers
from measure.exploration.retention import factor_retention
from measure.levels.between_clusters import icc
from tests.reference_cases import data

CLUSTERS = np.repeat(np.arange(30), [40] * 10 + [10] * 20)


def unrelated(rng, icc1=0.3, n_items=10):
    """Four-category answers to items that share nothing but their clusters."""
    between = np.sqrt(icc1) * rng.standard_normal((30, n_items))[CLUSTERS]
    latent = between + np.sqrt(1 - icc1) * rng.standard_normal((len(CLUSTERS), n_items))
    codes = np.digitize(latent, [-1.0, 0.0, 0.8]) + 1
    return pd.DataFrame(codes, columns=[f"q{k}" for k in range(n_items)])


def first_eigenvalue(table):
    return np.linalg.eigvalsh(table.corr())[-1]


@pytest.fixture(scope="module")
def truth():
    rng = np.random.default_rng(5)
    return np.array([first_eigenvalue(unrelated(rng)) for _ in range(300)])


def test_random_data_vary_as_unrelated_items_in_clusters_do(truth):
    table = unrelated(np.random.default_rng(6)).assign(team=CLUSTERS)
    found = factor_retention(table, cluster="team", seed=1, n_draws=200)
    alone = factor_retention(table.drop(columns="team"), seed=1, n_draws=200)
    # The ICCs of ten items of one sample differ from 0.3.
    assert found.parallel.loc[1, "mean"] == pytest.approx(truth.mean(), abs=0.05)
    assert found.parallel.loc[1, "q95"] == pytest.approx(np.quantile(truth, 0.95), abs=0.08)
    assert alone.parallel.loc[1, "mean"] < truth.mean() - 0.15
    assert found.table["n_factors"].iloc[0] == 0
    assert alone.table["n_factors"].iloc[0] > 0
    assert found.n_clusters == 30
    assert "30 clusters" in found.notes[0]
    assert "clusters" in repr(found)


def test_polychoric_draws_keep_margins_and_clusters(workers_here):
    table = unrelated(np.random.default_rng(7)).assign(team=CLUSTERS)
    one = factor_retention(table, cluster="team", correlation="polychoric", seed=1, n_draws=40)
    assert one.parallel.loc[1, "mean"] > 1.35
    assert one.table["n_factors"].iloc[0] == 0
    two = factor_retention(
        table, cluster="team", correlation="polychoric", seed=1, n_draws=40, workers=2
    )
    pd.testing.assert_frame_equal(one.parallel, two.parallel)


def test_draws_have_the_items_distributions_and_intraclass_correlations():
    table = unrelated(np.random.default_rng(8), n_items=3)
    answers = ClusteredAnswers.of(table, pd.Series(CLUSTERS, name="team"))
    assert (answers.shares > answers.icc1).all()
    rng = np.random.default_rng(9)
    found = []
    for _ in range(200):
        drawn = pd.DataFrame(answers.draw(rng).T, columns=table.columns)
        np.testing.assert_array_equal(np.sort(drawn, axis=0), np.sort(table, axis=0))
        found.append(icc(drawn.assign(team=CLUSTERS), list(table), cluster="team")["icc1"])
    np.testing.assert_allclose(np.mean(found, axis=0), answers.icc1, atol=0.03)


def test_mixed_items_in_clusters():
    table = unrelated(np.random.default_rng(10), n_items=4)
    rng = np.random.default_rng(11)
    table = table.assign(team=CLUSTERS, score=rng.normal(size=len(table)))
    found = factor_retention(
        table,
        cluster="team",
        correlation="polychoric",
        ordered=["q0", "q1", "q2", "q3"],
        seed=1,
        n_draws=20,
    )
    assert found.n_items == 5


def test_rows_without_cluster_are_left_out():
    table = unrelated(np.random.default_rng(12)).assign(team=CLUSTERS.astype(float))
    table.loc[0, "team"] = np.nan
    table.loc[1, "q0"] = np.nan
    found = factor_retention(table, cluster="team", seed=1, n_draws=20)
    assert (found.n_dropped, found.n_obs) == (2, len(table) - 2)


def test_clusters_that_are_refused():
    table = unrelated(np.random.default_rng(13))
    with pytest.raises(DataError, match='no column "team"'):
        factor_retention(table, cluster="team", n_draws=20)
    with pytest.raises(DataError, match='every "team" has one answer'):
        factor_retention(table.assign(team=range(len(table))), cluster="team", n_draws=20)
    with pytest.raises(DataError, match='one "team" only'):
        factor_retention(table.assign(team=1), cluster="team", n_draws=20)
    matrix = data("harman74_cor.csv")
    with pytest.raises(OptionError, match="does not tell who belongs"):
        factor_retention(matrix, cluster="team", n_obs=145, n_draws=20)
