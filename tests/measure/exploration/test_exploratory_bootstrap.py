import numpy as np
import pandas as pd
import pytest

from measure import bootstrap_loadings, efa
from measure.errors import DataError, OptionError
from tests.reference_cases import data

ITEMS = [f"x{k}" for k in range(1, 10)]
HS39 = data("hs39.csv")
COLUMNS = ["est", "se", "bias", "ci.lower", "ci.upper"]


def solved(**options):
    return efa(HS39[ITEMS], 3, **{"seed": 1, "n_starts": 20, **options})


def test_it_agrees_with_robust_standard_errors():
    solution = solved(extraction="ml", rotation="quartimin", se="robust")
    found = bootstrap_loadings(solution, HS39, n=400, seed=1)
    assert list(found.loadings.columns) == ["item", "factor", *COLUMNS]
    pd.testing.assert_frame_equal(
        found.loadings[["item", "factor", "est"]],
        solution.loadings_table[["item", "factor", "est"]],
    )
    ratio = found.loadings["se"] / solution.loadings_table["se"]
    # Asymptotic errors of 301 skewed answers are a little small; 400 samples leave 4 %.
    assert ratio.median() == pytest.approx(1.05, abs=0.12)
    pairs = found.factor_correlations["se"] / solution.correlations_table["se"]
    assert pairs.between(0.8, 1.3).all()
    inside = found.loadings["est"].between(found.loadings["ci.lower"], found.loadings["ci.upper"])
    assert inside.all()
    assert found.n_failed == 0
    assert "Communalities" in repr(found)
    assert "<table" in found._repr_html_()


@pytest.mark.parametrize(
    "options",
    [
        {"rotation": "varimax"},
        {"rotation": "promax"},
        {"rotation": "none"},
        {"rotation": "geomin", "extraction": "gls", "correlation": "covariance"},
        {"extraction": "dwls"},
    ],
)
def test_every_kind_of_solution(options):
    solution = solved(**options)
    found = bootstrap_loadings(solution, HS39, n=20, seed=1)
    size = solution.loadings.abs().to_numpy().max()
    assert (found.loadings["se"] > 0).all()
    # No factor trades place or sign with another.
    assert (found.loadings["se"] < 0.35 * size).all()
    assert (found.loadings["bias"].abs() < 0.25 * size).all()


def test_one_factor():
    solution = efa(HS39[["x4", "x5", "x6"]], 1)
    found = bootstrap_loadings(solution, HS39, n=20, seed=1)
    assert (found.loadings["est"] > 0).all()
    assert found.factor_correlations.empty
    assert (found.communalities["se"] > 0).all()


def test_ordered_and_incomplete_answers():
    ordered = data("hs39_ordered4.csv")[[f"o{k}" for k in range(1, 10)]]
    solution = efa(ordered, 3, correlation="polychoric", seed=1, n_starts=5)
    found = bootstrap_loadings(solution, ordered, n=10, seed=1)
    assert (found.loadings["se"] > 0).all()
    gaps = data("hs39_mcar.csv")[ITEMS]
    solution = efa(gaps, 3, missing="fiml", seed=1, n_starts=5)
    found = bootstrap_loadings(solution, gaps, n=3, seed=1)
    assert (found.loadings["se"] > 0).all()


def test_clusters_are_drawn_whole():
    # Every row is there four times: drawn one by one they would seem to say twice as much.
    rows = pd.concat([HS39] * 4, ignore_index=True)
    rows["team"] = list(range(len(HS39))) * 4
    solution = efa(rows[ITEMS], 3, seed=1, n_starts=5)
    alone = bootstrap_loadings(solution, rows, n=60, seed=1)
    together = bootstrap_loadings(solution, rows, n=60, seed=1, cluster="team")
    ratio = together.communalities["se"] / alone.communalities["se"]
    assert ratio.median() == pytest.approx(2.0, abs=0.4)


def test_results_do_not_depend_on_workers_and_begin_alike(workers_here):
    solution = solved()
    one = bootstrap_loadings(solution, HS39, n=110, seed=3)
    two = bootstrap_loadings(solution, HS39, n=110, seed=3, workers=2)
    pd.testing.assert_frame_equal(one.loadings, two.loadings)


def test_what_is_refused():
    solution = solved()
    with pytest.raises(DataError, match="have 300 rows that the analysis can use"):
        bootstrap_loadings(solution, HS39.iloc[1:], seed=1, n=10)
    with pytest.raises(DataError, match='need one column "team"'):
        bootstrap_loadings(solution, HS39, seed=1, n=10, cluster="team")
    with pytest.raises(DataError, match="belong to one cluster"):
        bootstrap_loadings(solution, HS39.assign(team=1), seed=1, n=10, cluster="team")
    with pytest.raises(OptionError, match="n is 1"):
        bootstrap_loadings(solution, HS39, seed=1, n=1)
    with pytest.raises(OptionError, match="confidence_level"):
        bootstrap_loadings(solution, HS39, seed=1, n=10, confidence_level=2)
    ordered = data("hs39_ordered4.csv")[[f"o{k}" for k in range(1, 10)]]
    R = ordered.corr()
    from_matrix = efa(R, 3, correlation="polychoric", n_obs=301, seed=1, n_starts=0)
    with pytest.raises(OptionError, match="came from a matrix"):
        bootstrap_loadings(from_matrix, ordered, seed=1, n=10)


def test_samples_that_cannot_be_analysed_are_counted():
    rng = np.random.default_rng(4)
    few = pd.DataFrame(rng.integers(0, 2, size=(14, 4)), columns=list("abcd"))
    few["d"] = [1, *[0] * 13]
    solution = efa(few, 1)
    with pytest.raises(ValueError, match=r"of 100 samples could be analysed\. Most frequent"):
        bootstrap_loadings(solution, few, seed=1, n=100)
