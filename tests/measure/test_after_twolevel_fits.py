"""Every public function that takes a fit, with two-level fits: a right result, or a refusal."""

import numpy as np
import pandas as pd
import pytest

import measure
from measure.errors import MeasureError
from tests.measure.test_after_ordinal_fits import CHECKS as FUNCTIONS
from tests.measure.test_reference_twolevel import fitted
from tests.measure.whole_clusters import WholeCluster
from tests.reference_cases import case, cases, data, matrix

FITS = ("twolevel_after", "twolevel_after_x", "twolevel_lq2002_isomorphic", "twolevel_groups")
TEXT = "level: 1\nfw =~ y1 + y2 + y3 + y4\nlevel: 2\nfb =~ y1 + y2 + y3 + y4"
FROM_LAVAAN = ("twolevel_after", "twolevel_after_x")


def rows_of(name):
    return data(case(name)["data"])


def by_level(name, key):
    """Pair each level with what lavaan says of it."""
    return zip((1, 2), case(name)[key].values(), strict=True)


@pytest.mark.parametrize("name", FROM_LAVAAN)
@pytest.mark.parametrize(("kind", "key"), [("raw", "raw"), ("cor.bentler", "cor_bentler")])
def test_residuals_agree_with_lavaan(name, kind, key):
    ours = measure.residuals(fitted(name), kind=kind)
    for level, theirs in zip((1, 2), case(name)["residuals"][key].values(), strict=True):
        wanted = matrix(theirs["cov"])
        own = ours.loc[level].loc[wanted.index, wanted.columns]
        np.testing.assert_allclose(own, wanted, atol=1e-4)


@pytest.mark.parametrize("name", FROM_LAVAAN)
def test_implied_moments_agree_with_lavaan(name):
    ours = measure.implied(fitted(name))
    for level, theirs in by_level(name, "implied"):
        wanted = matrix(theirs["cov"])
        own = ours.loc[level].loc[wanted.index, wanted.columns]
        np.testing.assert_allclose(own, wanted, atol=1e-4)


@pytest.mark.parametrize("name", FROM_LAVAAN)
def test_r_squared_agrees_with_lavaan(name):
    ours = measure.r_squared(fitted(name)).set_index(["level", "variable"])["est"]
    for level, theirs in by_level(name, "r_squared"):
        for variable, share in theirs.items():
            assert ours[level, variable] == pytest.approx(share, abs=1e-4)


@pytest.mark.parametrize("name", FROM_LAVAAN)
def test_modification_indices_agree_with_lavaan(name):
    table = measure.modification_indices(fitted(name))
    ours = {(r.lhs, r.op, r.rhs, r.level): r for r in table.itertuples()}
    compared = 0
    for row in case(name)["modification_indices"]:
        level = row.get("level", row["block"])
        mine = ours.get((row["lhs"], row["op"], row["rhs"], level))
        mine = mine or ours.get((row["rhs"], row["op"], row["lhs"], level))
        # lavaan lists free parameters and given moments too, with indices of 0.
        if mine is None:
            assert row["mi"] < 1e-8
            continue
        assert mine.mi == pytest.approx(row["mi"], rel=5e-4, abs=1e-4)
        assert mine.epc == pytest.approx(row["epc"], rel=5e-4, abs=1e-4)
        compared += 1
    assert compared >= 6


class TestFactorScores:
    """Scores of both levels."""

    @pytest.mark.parametrize("name", FROM_LAVAAN)
    def test_agree_with_lavaan(self, name):
        frame = rows_of(name)
        scores = measure.factor_scores(fitted(name), frame).scores
        wanted = matrix(case(name)["scores_within"])["fw"]
        np.testing.assert_allclose(scores["fw"].iloc[:10], wanted, atol=1e-4)
        if name == "twolevel_after":
            # With predictors between clusters lavaan's are other numbers than expectations given
            # the answers; see the test below.
            wanted = matrix(case(name)["scores_between"])["fb"]
            own = scores["fb"].groupby(frame["cluster"], sort=False).first()
            np.testing.assert_allclose(own.iloc[:10], wanted, atol=1e-4)

    @pytest.mark.parametrize("name", FROM_LAVAAN)
    def test_are_expectations_given_all_answers_of_a_cluster(self, name):
        frame = rows_of(name)
        found = measure.factor_scores(fitted(name), frame)
        fit = fitted(name)
        levels = fit.model.table.levels
        for number in (1, 2):
            own = frame[frame["cluster"] == number]
            rows = own[list(levels.names)].to_numpy()
            cluster = WholeCluster.of(levels, rows, *fit.implied_moments)
            for state, factor in zip(fit.point.states, ("fw", "fb"), strict=True):
                score, se = cluster.expectation(state, levels, factor)
                assert found.scores.loc[own.index[0], factor] == pytest.approx(score, abs=1e-10)
                assert found.se.loc[own.index[0], factor] == pytest.approx(se, abs=1e-10)

    def test_factors_of_one_name_are_told_apart(self):
        frame = rows_of("twolevel_after")
        fit = measure.cfa(TEXT.replace("fw", "f").replace("fb", "f"), frame, cluster="cluster")
        found = measure.factor_scores(fit, frame)
        assert list(found.scores) == ["f", "f.l2"]
        assert found.quality["level"].tolist() == [1, 2]
        assert found.quality["n"].tolist() == [2500, 200]
        assert found.scores["f.l2"].groupby(frame["cluster"]).nunique().max() == 1

    def test_rows_that_lack_something_are_not_scored(self):
        frame = rows_of("twolevel_after").iloc[:60].copy()
        frame.loc[3, "y1"] = np.nan
        found = measure.factor_scores(fitted("twolevel_after"), frame)
        assert found.scores.isna().all(axis=1).sum() == 1
        assert any("1 of 60 rows" in note for note in found.notes)
        with pytest.raises(MeasureError, match="cluster"):
            measure.factor_scores(fitted("twolevel_after"), frame.drop(columns="cluster"))
        with pytest.raises(MeasureError, match="not available for two-level"):
            measure.factor_scores(fitted("twolevel_after"), frame, method="Bartlett")


@pytest.mark.parametrize("content", cases("twolevel_difference"), ids=lambda c: c["id"])
def test_differences_agree_with_lavaan(content):
    options = {"cluster": "cluster", "estimator": content["options"]["estimator"]}
    steps = {step["step"]: step["model"] for step in content["steps"]}
    frame = data(content["data"])
    fits = {name: measure.cfa(text, frame, **options) for name, text in steps.items()}
    for wanted in content["comparisons"]:
        method = None if wanted["method"] == "default" else wanted["method"]
        row = measure.compare(fits["equal"], fits["free"], method=method).iloc[0]
        assert row["chisq_diff"] == pytest.approx(wanted["chisq_diff"], rel=1e-4)
        assert row["df_diff"] == wanted["df_diff"]
        assert row["delta_srmr"] == pytest.approx(wanted["delta"]["srmr"], abs=1e-5)
        if method is not None:
            # Both are consistent; that of 2010 takes one point for both models.
            other = measure.compare(fits["equal"], fits["free"], method="satorra.bentler.2010")
            assert other["chisq_diff"].item() == pytest.approx(row["chisq_diff"], rel=0.2)
            with pytest.raises(MeasureError, match="not available for two-level"):
                measure.compare(fits["equal"], fits["free"], method="satorra.2000")


@pytest.mark.filterwarnings("ignore::measure.errors.ImproperSolutionWarning")
def test_models_that_are_not_nested_are_refused():
    frame = rows_of("twolevel_after")
    inner = TEXT.replace("fw =~ y1 + y2 + y3", "fw =~ y1 + 1*y2 + 1*y3")
    outer = TEXT.replace("fb =~ y1 + y2", "fb =~ y1 + 0.5*y2")
    options = {"cluster": "cluster", "estimator": "MLR"}
    fits = [measure.cfa(text, frame, **options) for text in (inner, outer)]
    with pytest.raises(MeasureError, match="not nested"):
        measure.compare(*fits)
    flat = measure.cfa("f =~ y1 + y2 + y3 + y4", frame, **options)
    with pytest.raises(MeasureError, match="two levels"):
        measure.compare(fits[1], flat)
    elsewhere = measure.cfa(TEXT + "\nw1 ~~ fb", frame, **options)
    with pytest.raises(MeasureError, match="different variables"):
        measure.compare(fits[1], elsewhere)


def test_a_bootstrap_draws_whole_clusters():
    fit = fitted("twolevel_after_x")
    found = measure.bootstrap(fit, rows_of("twolevel_after_x"), n=40, seed=1)
    assert found.n_failed == 0
    assert any("Whole clusters were drawn" in note for note in found.notes)
    free = fit.parameters["free"]
    ratio = found.parameters.loc[free, "se"] / fit.parameters.loc[free, "se"]
    assert ratio.between(0.4, 1.8).all()
    # Scores of clusters times the inverse information stand for refits without each cluster.
    assert np.isfinite(found.parameters.loc[free, "ci.lower.bca"]).all()
    with pytest.raises(MeasureError, match="not available for two-level"):
        measure.bootstrap(fit, n=3, seed=1, kind="bollen.stine")


def test_reliability_has_a_row_a_level():
    content = case("rel_demo_twolevel")["results"]
    frame = data("demo_twolevel.csv")
    text = "level: 1\nfw =~ y1 + y2 + y3\nlevel: 2\nfb =~ y1 + y2 + y3"
    table = measure.composite_reliability(measure.cfa(text, frame, cluster="cluster", std_lv=True))
    assert table["level"].tolist() == [1, 2]
    for column in ("omega", "alpha"):
        wanted = [content[f"{column}_within"], content[f"{column}_between"]]
        np.testing.assert_allclose(table[column], wanted, atol=1e-5)


@pytest.mark.parametrize("name", FITS)
def test_counts_agree(name):
    card = measure.model_card(fitted(name))
    assert card.agrees
    assert set(card.moments["level"]) == {1, 2}


def test_equalities_across_levels_are_tested():
    found = measure.equality_tests(fitted("twolevel_lq2002_isomorphic"))
    assert len(found.table) == 4
    assert (found.table["chisq"] >= 0).all()


def test_code_for_lavaan_names_the_cluster():
    assert 'cluster = "cluster"' in fitted("twolevel_after").to_lavaan()
    assert "group: odd" in fitted("twolevel_groups").to_lavaan()


@pytest.mark.filterwarnings("ignore::measure.errors.ImproperSolutionWarning")
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"group": "half"}, "written out in `group:` blocks"),
        ({"estimator": "MLF"}, 'information="first.order" is the same'),
    ],
)
def test_what_lavaan_fits_otherwise_has_no_code(options, words):
    fit = measure.cfa(TEXT, data("demo_twolevel_halves.csv"), cluster="cluster", **options)
    with pytest.raises(MeasureError, match=words):
        fit.to_lavaan()


SUPPORTED = {
    *("standardized", "r_squared", "residuals", "implied", "modification_indices"),
    *("equality_tests", "compare", "bootstrap", "factor_scores", "composite_reliability"),
    *("model_card", "level_fit", "level_cutoffs", "multilevel_reliability"),
    *("population", "simulate"),
}
REFUSED = {
    "srmr_test": lambda fit, _: measure.srmr_test(fit),
    "maximal_reliability": lambda fit, _: measure.maximal_reliability(fit),
    "bifactor_indices": lambda fit, _: measure.bifactor_indices(fit),
    "fornell_larcker": lambda fit, _: measure.fornell_larcker(fit),
    "item_bias": lambda fit, _: measure.item_bias(fit),
    "alignment": lambda fit, _: measure.alignment(fit, seed=1),
    "latent_means": lambda fit, _: measure.latent_means(fit),
    "referent_shares": lambda fit, _: measure.referent_shares(fit),
    "referent_contrasts": lambda fit, _: measure.referent_contrasts(
        fit, {"t": {"a": "fw"}, "u": {"a": "fb"}}
    ),
    "vuong": lambda fit, _: measure.vuong(fit, fit),
    "small_sample_tests": lambda fit, _: measure.small_sample_tests(fit),
    "cross_validate": lambda fit, rows: measure.cross_validate({"m": fit}, rows, seed=1),
    "dynamic_cutoffs": lambda fit, _: measure.dynamic_cutoffs(fit, seed=1),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("kind", ["twolevel_after", "twolevel_groups"])
def test_what_is_not_available_is_refused_by_name(name, kind):
    with pytest.raises(MeasureError, match="not available for two-level models"):
        REFUSED[name](fitted(kind), rows_of(kind))


@pytest.mark.parametrize("kind", ["standardized", "normalized"])
def test_z_values_of_residuals_are_refused(kind):
    with pytest.raises(MeasureError, match="not available for two-level models"):
        measure.residuals(fitted("twolevel_after"), kind=kind)


def test_a_second_opinion_is_refused():
    found = measure.second_opinion(fitted("twolevel_after"), rows_of("twolevel_after"))
    assert found.outcome == "refused"
    assert "two levels" in found.reason


@pytest.mark.parametrize(
    "call",
    [
        lambda rows: measure.measurement_invariance(TEXT, rows, group="half", cluster="cluster"),
        lambda rows: measure.cross_validate({"m": TEXT}, rows, seed=1),
        lambda rows: measure.mimic(TEXT, rows, covariates=["x1"]),
    ],
)
def test_texts_with_levels_are_refused(call):
    with pytest.raises(MeasureError, match="not available for two-level models"):
        call(data("demo_twolevel.csv").assign(half=lambda rows: rows["cluster"] % 2))


def test_every_public_function_of_a_fit_is_entered():
    assert set(FUNCTIONS) | {"level_fit"} == SUPPORTED | set(REFUSED) | {"second_opinion"}


def test_tables_are_of_one_type():
    for name in FITS:
        assert isinstance(fitted(name).loadings, pd.DataFrame)
        assert isinstance(fitted(name).residual_variances, pd.Series)
