import numpy as np
import pandas as pd
import pytest

from measure.errors import IdentificationError
from measure.exploration.exploratory import efa
from measure.exploration.factor_sequence import (
    Correlated,
    factor_sequence,
    ledermann_bound,
    most_factors,
    sequential,
)
from measure.exploration.hull import hull
from measure.exploration.next_eigenvalue import next_eigenvalue
from measure.exploration.retention import factor_retention
from tests.reference_cases import case, cases, data

MODELS = [found["id"] for found in cases("retention_models")]
assert len(MODELS) == 3


def sample_of(reference):
    table, asked = data(reference["data"]), reference["options"]
    if asked["input"] == "raw":
        table = table[asked["variables"]].dropna()
        return Correlated(table.corr().to_numpy(), len(table))
    return Correlated(table.to_numpy(), asked["sample_nobs"])


@pytest.mark.parametrize("name", MODELS)
def test_reference(name):
    reference = case(name)
    expected = reference["results"]
    models = pd.DataFrame(expected["models"]).set_index("n_factors")
    found = factor_sequence(sample_of(reference), len(models) - 1, len(models) - 1)
    # A Heywood case may have several minima, and none is a solution.
    proper = models["smallest_uniqueness"] > 0.006
    assert found["admissible"].tolist() == proper.tolist()
    shared = ["chisq", "df", "pvalue", "cfi", "caf", "rmsea", "rmsea.ci.lower", "rmsea.ci.upper"]
    # factanal's search ends where its gradient is still visible.
    within = {"rtol": 1e-7, "atol": reference["tolerance"]["models"]}
    np.testing.assert_allclose(found.loc[proper, shared], models.loc[proper, shared], **within)
    verdicts = sequential(found)
    for criterion in ("chisq", "rmsea"):
        number = expected[f"n_{criterion}"]
        verdict = verdicts[criterion]
        if number is None or not proper[number]:
            assert np.isnan(verdict.n_factors)
            assert verdict.why
        else:
            assert verdict.n_factors == number


@pytest.mark.parametrize("name", MODELS)
def test_hull_of_the_reference(name):
    reference = case(name)
    expected = reference["results"]
    # The Hull itself, from the fit that R found: it may look at Heywood cases.
    models = pd.DataFrame(expected["models"]).set_index("n_factors")
    table, verdicts = hull(models, expected["hull_most"])
    for measure, points in expected["hull"].items():
        own = table[(table["measure"] == measure) & table["on_hull"]]
        assert own["n_factors"].tolist() == points["on_hull"]
        np.testing.assert_allclose(own["ratio"].iloc[1:-1], points["ratio"], rtol=1e-9)
        if points["on_hull"][-1] == expected["hull_most"]:
            assert verdicts[f"hull_{measure}"].n_factors == points["n_factors"]
            assert np.isnan(own["ratio"].iloc[-1])


def hull_models(*values):
    df = [36, 27, 19, 12, 6][: len(values)]
    return pd.DataFrame({"df": df, "cfi": values, "caf": values, "rmsea": 1 - np.array(values)})


def test_the_last_solution_of_the_hull_is_the_elbow_where_more_factors_bring_nothing():
    table, verdicts = hull(hull_models(0.0, 0.6, 0.8, 1.0, 1.0), 4)
    own = table[table["measure"] == "cfi"].set_index("n_factors")
    assert own["ratio"].notna().tolist() == [False, True, False, True, False]
    assert own.loc[3, "ratio"] == pytest.approx((0.4 / 15) / (0.005 / 6))
    assert verdicts["hull_cfi"].n_factors == 3
    # One factor that fits nearly perfectly is not passed over for one that fits perfectly.
    assert hull(hull_models(0.0, 0.99, 1.0, 1.0), 3)[1]["hull_cfi"].n_factors == 1


def test_a_hull_needs_a_solution_between_others():
    verdict = hull(hull_models(0.0, 0.1, 0.2, 0.9), 3)[1]["hull_cfi"]
    assert np.isnan(verdict.n_factors)
    assert "no elbow" in verdict.why
    unknown = hull(hull_models(np.nan, np.nan, np.nan), 2)[1]["hull_cfi"]
    assert "could not be computed" in unknown.why


@pytest.mark.parametrize("name", MODELS)
def test_next_eigenvalue_of_the_reference(name):
    reference = case(name)
    expected = reference["results"]["nest"]
    sample = sample_of(reference)
    most = ledermann_bound(len(sample.R))
    table, verdict = next_eigenvalue(sample, most, (500, 0.95), np.random.default_rng(1))
    assert verdict.n_factors == expected["n_factors"]
    within = reference["tolerance"]["nest_abs"]
    # The first quantiles vary most: those of the smallest samples by 0.01 from 500 draws.
    np.testing.assert_allclose(table["reference"], expected["q95"], rtol=0, atol=2 * within)


def test_ledermann_bound():
    assert [ledermann_bound(p) for p in (2, 3, 4, 5, 6, 9)] == [0, 1, 1, 2, 3, 5]
    assert most_factors(6, None) == 3
    assert most_factors(6, 2) == 2
    with pytest.raises(IdentificationError, match="Ledermann bound allows at most 3"):
        most_factors(6, 4)
    with pytest.raises(IdentificationError, match="Ledermann bound allows at most 5"):
        factor_retention(
            data("hs39.csv")[[f"x{k}" for k in range(1, 10)]], max_factors=6, n_draws=20
        )


def ordered_items():
    items = [f"{scale}{k}" for scale in "AC" for k in range(1, 6)]
    return data("bfi.csv")[items].dropna()


def test_tests_of_polychoric_correlations_are_those_of_lavaan():
    reference = case("efa_ordered_bfi_tests")["results"]["fit_measures"]
    found = factor_retention(
        ordered_items(), correlation="polychoric", criteria="tests", n_draws=20, seed=1
    )
    two = found.tests.loc[2]
    # lavaan's search for a polychoric correlation ends within about 1e-6.
    assert two["chisq"] == pytest.approx(reference["chisq.scaled"], rel=1e-4)
    assert two["cfi"] == pytest.approx(reference["cfi.scaled"], abs=1e-5)
    assert two["rmsea.ci.lower"] == pytest.approx(reference["rmsea.ci.lower.scaled"], abs=1e-5)
    one = efa(ordered_items(), 1, correlation="polychoric", rotation="none").fit_measures
    assert found.tests.loc[1, "chisq"] == pytest.approx(one["chisq.scaled"], rel=1e-9)
    suggested = found.table.set_index("criterion")["n_factors"]
    assert suggested[["aic", "bic"]].isna().all()
    assert any("aic has no answer: polychoric correlations have no" in note for note in found.notes)


def test_a_smoothed_matrix_has_no_test():
    rng = np.random.default_rng(1)
    codes = np.digitize(0.3 * rng.normal(size=(40, 1)) + rng.normal(size=(40, 12)), [0.4])
    few = pd.DataFrame(codes, columns=[f"q{k}" for k in range(12)])
    smooth = {"correlation": "polychoric", "smooth": "eigenvalues", "n_draws": 20, "seed": 1}
    found = factor_retention(few, criteria=("tests", "hull"), **smooth)
    suggested = found.table.set_index("criterion")["n_factors"]
    assert suggested[["chisq", "rmsea", "hull_cfi", "hull_rmsea"]].isna().all()
    assert any("the test needs the asymptotic covariance" in note for note in found.notes)
    assert found.tests["caf"].notna().any()


def models_of(**columns):
    given = {
        "chisq": [90.0, 30.0, 8.0, 2.0],
        "pvalue": [0.0, 0.01, 0.4, 0.8],
        "rmsea.ci.lower": [0.2, 0.06, 0.0, 0.0],
        "aic": [80.0, 24.0, 4.0, 1.0],
        "bic": [70.0, 10.0, 12.0, 15.0],
        "converged": [True] * 4,
        "admissible": [True] * 4,
    }
    return pd.DataFrame(given | columns)


def test_the_first_model_that_passes_is_taken():
    found = sequential(models_of())
    assert {name: verdict.n_factors for name, verdict in found.items()} == {
        "chisq": 2,
        "rmsea": 2,
        "aic": 3,
        "bic": 1,
    }


def test_nothing_is_known_from_a_heywood_case_on():
    found = sequential(models_of(admissible=[True, True, False, True]))
    assert np.isnan(found["chisq"].n_factors)
    assert found["chisq"].why == (
        "the model of 2 factors is a Heywood case, and none before it fits"
    )
    assert np.isnan(found["aic"].n_factors)
    unfinished = {"admissible": [True, False, True, True], "converged": [True, False, True, True]}
    assert "1 factors did not converge" in sequential(models_of(**unfinished))["rmsea"].why
    never = sequential(models_of(pvalue=[0.0, 0.0, 0.0, 0.01]))
    assert "no model up to that of 3 factors" in never["chisq"].why


def simulated(n_factors, n=600, seed=0, correlation=0.3):
    rng = np.random.default_rng(seed)
    phi = np.full((n_factors, n_factors), correlation) + (1 - correlation) * np.eye(n_factors)
    factors = rng.standard_normal((n, n_factors)) @ np.linalg.cholesky(phi).T
    common = np.repeat(factors, 5, axis=1) * 0.7
    answers = common + np.sqrt(1 - 0.49) * rng.standard_normal(common.shape)
    return pd.DataFrame(answers, columns=[f"q{k}" for k in range(common.shape[1])])


@pytest.mark.parametrize("n_factors", [1, 2, 4])
def test_every_criterion_finds_the_factors_that_are_there(n_factors):
    found = factor_retention(
        simulated(n_factors), criteria="all", max_factors=min(2 * n_factors, 6), n_draws=200, seed=1
    )
    suggested = found.table.set_index("criterion")["n_factors"]
    named = {"hull_cfi", "hull_caf", "comparison_data", "next_eigenvalue", "chisq", "rmsea", "bic"}
    assert named < set(suggested.index)
    # The mean of random eigenvalues is exceeded by chance, and the lowest AIC is not sought to be
    # the true number.
    told = suggested.drop(["parallel_paf_mean", "aic"])
    assert told.to_dict() == dict.fromkeys(told.index, n_factors)


def test_ordered_answers_have_the_factors_of_the_latent_responses():
    codes = simulated(2, seed=3).apply(lambda item: np.digitize(item, [-1.5, -0.8, 0.2, 1.4]) + 1)
    found = factor_retention(
        codes, correlation="polychoric", criteria="all", max_factors=4, n_draws=100, seed=1
    )
    suggested = found.table.set_index("criterion")["n_factors"]
    for criterion in ("parallel_pca", "map_squared", "hull_cfi", "hull_caf", "comparison_data"):
        assert suggested[criterion] == 2, criterion
    assert suggested["rmsea"] == 2
    assert "next_eigenvalue has no answer" in " ".join(found.notes)


def test_too_few_items_to_identify_two_models():
    raw = data("hs39.csv")
    two = factor_retention(raw[["x1", "x2"]], criteria="all", n_draws=20, seed=1)
    suggested = two.table.set_index("criterion")["n_factors"]
    names = ["hull_cfi", "comparison_data", "next_eigenvalue", "chisq", "rmsea", "aic"]
    assert suggested[names].isna().all()
    for name in names:
        assert any(note.startswith(f"{name} has no answer: ") for note in two.notes)
    assert two.tests.index.tolist() == [0]
    three = factor_retention(raw[["x1", "x2", "x3"]], criteria="all", n_draws=20, seed=1)
    assert three.table.set_index("criterion")["n_factors"]["next_eigenvalue"] == 1
    # A model without degrees of freedom has no test.
    assert three.tests["pvalue"].isna().tolist() == [False, True]


def test_hardly_more_respondents_than_items():
    raw = data("hs39.csv")[[f"x{k}" for k in range(1, 10)]].head(10)
    found = factor_retention(raw, criteria="all", n_draws=20, seed=1)
    suggested = found.table.set_index("criterion")["n_factors"]
    assert suggested[["chisq", "rmsea", "aic", "bic"]].isna().all()
    assert any("Heywood case or did not converge" in note for note in found.notes)


def test_items_that_determine_each_other():
    items = data("bfi.csv")[["A1", "A2", "A3", "A4", "A5"]]
    found = factor_retention(
        items.assign(copy=items["A1"]),
        correlation="polychoric",
        criteria="all",
        n_draws=20,
        seed=1,
    )
    suggested = found.table.set_index("criterion")["n_factors"]
    assert suggested[["comparison_data", "chisq", "rmsea"]].isna().all()
    notes = " ".join(found.notes)
    assert '"A1" and "copy" determine each other' in notes
    assert "their Pearson correlations are singular" in notes
