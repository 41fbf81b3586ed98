import numpy as np
import pandas as pd
import pytest

from measure.errors import DataError, OptionError
from measure.exploration.category_correlations import polychoric
from measure.exploration.eigenvalue_criteria import first_not_above
from measure.exploration.random_eigenvalues import Repetition, of_shuffled, random_correlations
from measure.exploration.retention import factor_retention
from measure.exploration.shuffled import Shuffled
from tests.measure.ledger import RETENTION, unaccounted
from tests.reference_cases import case, data


def retention_of(reference, **options):
    table, asked = data(reference["data"]), reference["options"]
    if asked["input"] == "raw":
        options |= {"correlation": asked.get("correlation", "pearson")}
        return factor_retention(table[asked["variables"]], seed=1, **options)
    return factor_retention(table, seed=1, n_obs=asked["sample_nobs"], **options)


@pytest.mark.parametrize("name", RETENTION)
def test_reference(name):
    reference = case(name)
    expected, tolerance = reference["results"], reference["tolerance"]
    found = retention_of(reference)
    exact = {"rtol": 0, "atol": tolerance["exact_otherwise"]}
    np.testing.assert_allclose(found.parallel["eigenvalue"], expected["eigenvalues"], **exact)
    assert found.map.index.tolist() == expected["map"]["components"]
    np.testing.assert_allclose(found.map["squared"], expected["map"]["map_squared"], **exact)
    np.testing.assert_allclose(found.map["fourth"], expected["map"]["map_fourth"], **exact)
    np.testing.assert_allclose(found.ekc["reference"], expected["ekc"]["reference"], **exact)
    pairs = [("pca", found.parallel)]
    if "pfa_smc" in expected["parallel"]:
        pairs.append(("pfa_smc", found.parallel_reduced))
        observed = expected["parallel"]["pfa_smc"]["observed"]
        np.testing.assert_allclose(found.parallel_reduced["eigenvalue"], observed, **exact)
    for method, table in pairs:
        drawn = expected["parallel"][method]
        mean, p95 = tolerance["parallel_mean_abs"], tolerance["parallel_p95_abs"]
        np.testing.assert_allclose(table["mean"], drawn["mean"], rtol=0, atol=mean)
        np.testing.assert_allclose(table["q95"], drawn["p95"], rtol=0, atol=p95)
    suggested = found.table.set_index("criterion")["n_factors"].to_dict()
    names = {"pca": "parallel_pca", "pfa_smc": "parallel_paf"}
    for method, _ in pairs:
        drawn = expected["parallel"][method]
        assert suggested[names[method]] == drawn["n_p95"]
        assert suggested[f"{names[method]}_mean"] == drawn["n_mean"]
    others = {name: n for name, n in suggested.items() if not name.startswith("parallel")}
    assert others == {
        "map_squared": expected["map"]["n_squared"],
        "map_fourth": expected["map"]["n_fourth"],
        "ekc": expected["ekc"]["n_factors"],
        "kaiser": expected["n_kaiser"],
    }
    assert not unaccounted(expected, {"eigenvalues", "n_kaiser", "map", "ekc", "parallel"})


def test_the_seed_decides():
    raw = data("hs39.csv")[[f"x{i}" for i in range(1, 10)]]
    first = factor_retention(raw, n_draws=50, seed=7)
    again = factor_retention(raw, n_draws=50, seed=7)
    other = factor_retention(raw, n_draws=50, seed=8)
    pd.testing.assert_frame_equal(first.parallel, again.parallel)
    assert not first.parallel["mean"].equals(other.parallel["mean"])


def test_the_quantile_names_its_column():
    raw = data("hs39.csv")[["x1", "x2", "x3", "x4"]]
    found = factor_retention(raw, n_draws=50, seed=7, quantile=0.5)
    assert list(found.parallel.columns) == ["eigenvalue", "mean", "q50"]
    assert "q50" in repr(found)
    assert "<table" in found._repr_html_()


def test_random_correlations_are_those_of_normal_answers():
    # Standard deviation of a correlation of independent normal answers: 1/sqrt(n - 1).
    R = random_correlations(40, 4, 20_000, np.random.default_rng(2))
    np.testing.assert_allclose(np.diagonal(R, axis1=1, axis2=2), 1.0)
    lower = R[:, *np.tril_indices(4, -1)]
    np.testing.assert_allclose(lower.mean(axis=0), 0.0, atol=0.005)
    np.testing.assert_allclose(lower.std(axis=0), 1 / np.sqrt(39), rtol=0.02)


def test_first_not_above():
    assert first_not_above(np.array([3.0, 1.0, 0.5]), np.array([1.5, 1.2, 0.1])) == 1
    assert first_not_above(np.array([3.0, 2.0]), np.array([1.0, 1.0])) == 2


def test_two_items_are_enough_to_answer():
    found = factor_retention(data("hs39.csv")[["x1", "x2"]], n_draws=50, seed=1)
    assert found.map.index.tolist() == [0]
    assert found.table["n_factors"].notna().all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ordered": ["x1"]}, "ordered=.'x1'. has no effect on Pearson correlations"),
        ({"smooth": "eigenvalues"}, "smooth='eigenvalues' has no effect"),
        ({"correlation": "polychoric", "n_obs": 301}, "shuffles the answers, but n_obs says"),
        ({"correlation": "spearman"}, "unknown correlation 'spearman'"),
        ({"n_draws": 5}, "at least 20"),
        ({"quantile": 95}, "between 0 and 1"),
        ({"criteria": "scree"}, "unknown criterion 'scree'. Choose one of: hull, comparison_data"),
        ({"criteria": ("hull", "all")}, "names every criterion"),
    ],
)
def test_options_that_are_refused(options, message):
    with pytest.raises(OptionError, match=message):
        factor_retention(data("hs39.csv")[["x1", "x2", "x3"]], **options)


def test_singular_data_are_refused():
    raw = data("hs39.csv")[["x1", "x2", "x3"]]
    with pytest.raises(DataError, match="correlate perfectly"):
        factor_retention(raw.assign(copy=-raw["x1"]))


def test_further_criteria_stand_beside_the_others():
    raw = data("hs39.csv")[[f"x{k}" for k in range(1, 10)]]
    done = []
    plain = factor_retention(raw, n_draws=300, seed=1)
    found = factor_retention(
        raw, criteria="all", n_draws=300, seed=1, progress=lambda k, n: done.append((k, n))
    )
    assert done == [(250, 300), (300, 300)]
    pd.testing.assert_frame_equal(plain.parallel, found.parallel)
    shared = found.table["criterion"].isin(plain.table["criterion"])
    pd.testing.assert_frame_equal(found.table[shared].reset_index(drop=True), plain.table)
    assert plain.criteria == ()
    assert found.criteria == ("hull", "comparison_data", "next_eigenvalue", "tests")
    assert "Comparison data" in repr(found)
    assert "Comparison data" not in repr(plain)
    for name in ("tests", "hull", "comparison_data", "next_eigenvalue"):
        assert len(getattr(found, name))
        assert not len(getattr(plain, name))


def ordered_items():
    return data("bfi.csv")[["A1", "A2", "A3", "C1", "C2", "C3"]]


def test_polychoric_draws_do_not_depend_on_workers_and_report_progress(workers_here):
    done = []
    kind = {"correlation": "polychoric", "n_draws": 40}
    one = factor_retention(
        ordered_items(), seed=3, progress=lambda k, n: done.append((k, n)), **kind
    )
    two = factor_retention(ordered_items(), seed=3, workers=2, **kind)
    pd.testing.assert_frame_equal(one.parallel, two.parallel)
    pd.testing.assert_frame_equal(one.parallel_reduced, two.parallel_reduced)
    assert done[-1] == (40, 40)
    other = factor_retention(ordered_items(), seed=4, **kind)
    assert not one.parallel["mean"].equals(other.parallel["mean"])


def test_polychoric_random_data_vary_more_than_pearson_s():
    few = ordered_items().dropna().iloc[:300]
    pearson = factor_retention(few, seed=1)
    polychoric = factor_retention(few, seed=1, correlation="polychoric", n_draws=500)
    assert polychoric.parallel["mean"].iloc[0] > pearson.parallel["mean"].iloc[0] + 0.02
    assert any("may suggest too many" in note for note in polychoric.notes)
    assert not pearson.notes


def test_few_draws_are_noted_and_a_seed_is_drawn():
    found = factor_retention(ordered_items(), correlation="polychoric", n_draws=20)
    assert any("rests on 20 random data sets" in note for note in found.notes)
    again = factor_retention(ordered_items(), correlation="polychoric", n_draws=20, seed=found.seed)
    pd.testing.assert_frame_equal(found.parallel, again.parallel)


def test_random_matrices_that_are_not_positive_definite_are_smoothed_and_counted():
    rng = np.random.default_rng(1)
    codes = np.digitize(0.3 * rng.normal(size=(40, 1)) + rng.normal(size=(40, 12)), [0.4])
    few = pd.DataFrame(codes, columns=[f"q{k}" for k in range(12)])
    found = factor_retention(
        few, correlation="polychoric", smooth="eigenvalues", seed=1, n_draws=50
    )
    assert any("they were smoothed as those of the data" in note for note in found.notes)
    assert found.parallel_reduced.notna().to_numpy().all()


def test_random_matrices_without_inverse_are_left_out_or_refused():
    table = data("bfi.csv")[["A1", "A2", "A3", "A4"]].dropna()
    answers = polychoric(table).answers[0]
    improper = np.array([[1, 0.9, -0.9, 0], [0.9, 1, 0.9, 0], [-0.9, 0.9, 1, 0], [0, 0, 0, 1]])
    proper = np.eye(4) + 0.1 * (1 - np.eye(4))

    def mixture(share):
        class Drawn(Shuffled):
            def draw(self, rng):
                return improper if rng.uniform() < share else proper

        return Drawn(answers, "none")

    how = Repetition(200, 1, 1, None)
    few = of_shuffled(mixture(0.05), "none", how)
    assert 0 < few.n_improper < 20
    assert len(few.full) == 200
    assert len(few.reduced) == 200 - few.n_improper
    assert not np.isnan(few.reduced).any()
    with pytest.raises(DataError, match=r"not positive definite in .* of 200 random data sets"):
        of_shuffled(mixture(0.5), "none", how)
