"""Chi-square difference tests against lavaan's, and what cannot be compared."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import measure
from measure.chisquare import statistic
from measure.distributions import chisq_sf
from measure.errors import OptionError
from measure.evaluation.nesting import at_edge, by_name, nested
from measure.simulating.nonnormal import draw
from tests.measure.reference_fits import continuous, refit
from tests.reference_cases import case, data

THREE = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
ONE = "g =~ x1 + x2 + x3 + x4 + x5 + x6 + x7 + x8 + x9"
EQUAL = "visual =~ x1 + a*x2 + a*x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
PLACES = [
    (name, k) for name in continuous("invariance") for k in range(len(case(name)["comparisons"]))
]
# lavaan takes M10 for this pair at the latent means of the less restricted model, which are fixed
# to 0, and not at the moments of the more restricted one: a point 30 chi-square units away from it.
NOT_AT_THE_MOMENTS = ("inv_hs39_sex_mlr", "metric", "satorra.bentler.2010")


@pytest.fixture(scope="module")
def ladders():
    """Give the fits of a case by step; each is made once."""
    made = {}

    def find(name):
        if name not in made:
            content = case(name)
            made[name] = {step["step"]: refit(step, content) for step in content["steps"]}
        return made[name]

    return find


@pytest.fixture(scope="module")
def hs39():
    frame = data("hs39.csv")
    return {
        "three": measure.cfa(THREE, frame),
        "one": measure.cfa(ONE, frame),
        "equal": measure.cfa(EQUAL, frame),
        "three_mlm": measure.cfa(THREE, frame, estimator="MLM"),
        "equal_mlm": measure.cfa(EQUAL, frame, estimator="MLM"),
    }


def our_method(theirs):
    return None if theirs["method"] == "default" else theirs["method"]


@pytest.mark.parametrize(("name", "k"), PLACES)
def test_comparisons_agree_with_lavaan(ladders, name, k):
    theirs = case(name)["comparisons"][k]
    fits = ladders(name)
    restricted, free = fits[theirs["more_restricted"]], fits[theirs["less_restricted"]]
    found = measure.compare(restricted, free, method=our_method(theirs)).iloc[0]
    assert found["df_diff"] == theirs["df_diff"]
    # Scaling factors inherit the tolerance of lavaan's optimiser: 1e-4, as for all scaled tests.
    tolerance = 1e-7 if theirs["method"] == "default" else 1e-4
    if (name, theirs["less_restricted"], theirs["method"]) != NOT_AT_THE_MOMENTS:
        assert found["chisq_diff"] == pytest.approx(theirs["chisq_diff"], rel=tolerance)
        assert found["pvalue"] == pytest.approx(theirs["pvalue"], abs=tolerance)
    for key in ("cfi", "tli", "rmsea", "srmr", "aic", "bic", "cfi.robust", "rmsea.robust"):
        if key in theirs["delta"]:
            assert found[f"delta_{key}"] == pytest.approx(theirs["delta"][key], abs=1e-6)
        else:
            assert np.isnan(found[f"delta_{key}"])


def test_2010_is_evaluated_at_the_moments_of_the_restricted_model(ladders):
    fits = ladders("inv_hs39_sex_mlr")
    restricted, free = fits["scalar"], fits["metric"]
    theirs = next(
        c
        for c in case("inv_hs39_sex_mlr")["comparisons"]
        if (c["less_restricted"], c["method"]) == NOT_AT_THE_MOMENTS[1:]
    )
    # lavaan's number follows from its own point: equally named parameters, fixed ones left.
    params = by_name(restricted, free)[list(free.model.reduction.kept)]
    point = free.problem.at(params)
    trace = statistic(point, free.method, point.value).trace
    factor = (restricted.test.trace - trace) / (restricted.df - free.df)
    chisq = (restricted.test.chisq - free.test.chisq) / factor
    assert chisq == pytest.approx(theirs["chisq_diff"], rel=1e-4)
    assert free.moments.scale * point.value > restricted.test.chisq + 30
    # Ours lies at the moments of the restricted model.
    common = nested(restricted, free)
    value = free.problem.at(common.params).value
    assert free.moments.scale * value == pytest.approx(restricted.test.chisq, rel=1e-8)


def test_every_continuous_comparison_is_made():
    assert len(PLACES) == 30


@pytest.mark.parametrize("estimator", ["MLM", "MLMV", "MLMVS", "MLR"])
def test_defaults_follow_the_test_of_the_fits(estimator):
    frame = data("hs39.csv")
    pair = [measure.cfa(text, frame, estimator=estimator) for text in (EQUAL, THREE)]
    found = measure.compare(*pair).iloc[0]
    shifted = estimator in ("MLMV", "MLMVS")
    assert found["method"] == ("satorra.2000" if shifted else "satorra.bentler.2001")
    assert found["df_diff"] == 1
    assert np.isnan(found["shift"]) != shifted
    difference = pair[0].test.chisq - pair[1].test.chisq
    shift = found["shift"] if shifted else 0.0
    assert found["chisq_diff"] == pytest.approx(difference / found["scaling.factor"] + shift)


def test_negative_factor_goes_on_to_the_next_method(ladders):
    fits = ladders("inv_hs39_sex_mlr")
    # With this mean of the restricted statistic the factors of 2001 and of 2010 are negative.
    restricted = replace(fits["metric"])
    vars(restricted)["test"] = replace(fits["metric"].test, trace=fits["configural"].test.trace - 1)
    free = fits["configural"]
    found = measure.compare(restricted, free).iloc[0]
    assert found["method"] == "satorra.2000"
    assert found["scaling.factor"] > 0
    assert '"satorra.bentler.2001"' in found["notes"]
    assert '"satorra.bentler.2010"' in found["notes"]


def test_negative_factor_that_was_asked_for_is_explained(ladders):
    fits = ladders("inv_hs39_sex_mlr")
    found = measure.compare(fits["metric"], fits["configural"], method="satorra.bentler.2010").iloc[
        0
    ]
    assert found["chisq_diff"] < 0
    assert found["pvalue"] == 1.0
    assert "means nothing" in found["notes"]


def test_fiml_with_scaled_tests():
    frame = data("hs39_mcar.csv")
    frame = frame.dropna(subset=[f"x{k}" for k in range(1, 10)], how="all")
    pair = [measure.cfa(text, frame, estimator="MLR", missing="fiml") for text in (EQUAL, THREE)]
    found = [
        measure.compare(*pair, method=f"satorra.{end}").iloc[0]
        for end in ("bentler.2001", "bentler.2010", "2000")
    ]
    assert [row["df_diff"] for row in found] == [1, 1, 1]
    # Three estimates of one factor; near each other for a restriction that nearly holds.
    assert np.ptp([row["chisq_diff"] for row in found]) < 0.5
    assert all(0 < row["pvalue"] < 1 for row in found)


def test_order_of_the_items_does_not_matter(hs39):
    frame = data("hs39.csv")
    turned = "\n".join(reversed(EQUAL.split("\n")))
    free = hs39["three_mlm"]
    for method in ("satorra.bentler.2001", "satorra.bentler.2010", "satorra.2000"):
        other = measure.compare(measure.cfa(turned, frame, estimator="MLM"), free, method=method)
        same = measure.compare(hs39["equal_mlm"], free, method=method)
        assert other["chisq_diff"].iloc[0] == pytest.approx(same["chisq_diff"].iloc[0], rel=1e-6)


def test_one_factor_against_three_lies_at_the_edge_of_proper_solutions(hs39):
    found = measure.compare(hs39["one"], hs39["three"]).iloc[0]
    assert found["df_diff"] == 3
    assert found["chisq_diff"] == pytest.approx(
        hs39["one"].test.chisq - hs39["three"].test.chisq, rel=1e-10
    )
    assert "a correlation of 1" in found["notes"]
    assert "the edge of proper solutions" in found["notes"]
    assert "too large" not in found["notes"]


def test_zero_variance_is_a_boundary_where_the_search_is_bounded_there(hs39):
    frame = data("hs39.csv")
    restricted = measure.cfa(THREE + "\nx1 ~~ 0*x1", frame)
    found = measure.compare(restricted, hs39["three"]).iloc[0]
    assert 'the variance of "x1" is 0' in found["notes"]
    assert "follows a chi-square all the same" in found["notes"]
    bounded = measure.cfa(THREE + "\nx1 ~~ lower(0)*x1", frame)
    found = measure.compare(restricted, bounded).iloc[0]
    assert 'boundary of what the less restricted model may be: "x1 ~~ x1 > 0"' in found["notes"]
    assert "the p-value is too large" in found["notes"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::measure.errors.ImproperSolutionWarning")
def test_a_variance_of_0_is_rejected_as_often_as_asked_unless_it_is_bounded():
    free, pvalues = "f =~ a + b + c + d", []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        f = rng.normal(size=500)
        X = 0.7 * f[:, None] + 0.7 * rng.normal(size=(500, 3))
        frame = pd.DataFrame({"a": f, **dict(zip("bcd", X.T, strict=True))})
        restricted = measure.cfa(free + "\na ~~ 0*a", frame)
        others = [measure.cfa(free + more, frame) for more in ("", "\na ~~ lower(0)*a")]
        pvalues.append([measure.compare(restricted, other)["pvalue"][0] for other in others])
    rejected = (np.array(pvalues) < 0.1).mean(axis=0)
    # Half of a chi-square with 1 degree of freedom rejects half as often. 3 standard errors.
    assert rejected[0] == pytest.approx(0.10, abs=3 * 0.0173)
    assert rejected[1] == pytest.approx(0.05, abs=3 * 0.0126)


def test_a_factor_that_the_restriction_leaves_no_variance_lies_at_the_edge(hs39):
    method = "\nmethod =~ 1*x1 + 1*x4 + 1*x7\nmethod ~~ 0*visual + 0*textual + 0*speed"
    free = measure.cfa(THREE + method, data("hs39.csv"))
    found = measure.compare(hs39["three"], free).iloc[0]
    assert found["df_diff"] == 1
    assert 'the variance of "method" is 0' in found["notes"]


def test_parameters_that_vanish_under_the_restriction_are_named(hs39):
    frame = data("hs39.csv")
    options = {"std_lv": True, "orthogonal": True}
    free = measure.cfa(f"{ONE}\nspeed =~ x7 + x8 + x9", frame, **options)
    found = measure.compare(hs39["one"], free).iloc[0]
    assert found["df_diff"] == 3
    assert "some parameters of the less restricted model cannot be determined" in found["notes"]


def test_an_ordinary_restriction_has_nothing_to_note(hs39):
    found = measure.compare(hs39["equal"], hs39["three"]).iloc[0]
    assert found["notes"] == ""
    assert found["method"] == "standard"
    assert not at_edge(nested(hs39["equal"], hs39["three"]))


def test_other_names_and_scales_of_the_factors_do_not_matter(hs39):
    frame = data("hs39.csv")
    free = measure.cfa(THREE.replace("visual", "v").replace("speed", "s"), frame, std_lv=True)
    found = measure.compare(hs39["equal"], free).iloc[0]
    wanted = measure.compare(hs39["equal"], hs39["three"]).iloc[0]
    assert found["chisq_diff"] == pytest.approx(wanted["chisq_diff"], rel=1e-7)
    assert found["notes"] == ""


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        (ONE.replace(" + x9", ""), {}, "different variables: x9"),
        (EQUAL, {"meanstructure": True}, "mean structure"),
        (EQUAL, {"group": "school"}, "mean structure"),
        (EQUAL, {"estimator": "GLS"}, "differ in `estimator`"),
        (EQUAL, {"estimator": "MLM"}, "differ in `estimator`"),
        (EQUAL, {"test": "satorra.bentler"}, "differ in `test`"),
        (EQUAL, {"likelihood": "wishart"}, "differ in `likelihood`"),
        (EQUAL, {"missing": "fiml"}, "differ in `missing`"),
        (THREE, {"std_lv": True}, "both models have 24 degrees of freedom"),
        (
            THREE.replace(" + x9", "") + "\nspeed ~~ 0.4*visual\ntextual =~ x9",
            {},
            "not nested",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(hs39, text, options, words):
    restricted = measure.cfa(text, data("hs39.csv"), **options)
    with pytest.raises(OptionError, match=words):
        measure.compare(restricted, hs39["three"])


def test_other_rows_are_refused(hs39):
    frame = data("hs39.csv")
    with pytest.raises(OptionError, match="different respondents: 300 rows"):
        measure.compare(measure.cfa(EQUAL, frame.iloc[1:]), hs39["three"])
    changed = frame.assign(x1=frame["x1"].to_numpy()[::-1])
    with pytest.raises(OptionError, match="sample moments differ"):
        measure.compare(measure.cfa(EQUAL, changed), hs39["three"])


def test_the_order_of_the_models_is_told(hs39):
    with pytest.raises(OptionError, match="Exchange them"):
        measure.compare(hs39["three"], hs39["equal"])


def test_methods_that_do_not_go_with_the_fits_are_refused(hs39):
    with pytest.raises(OptionError, match='method "wald" is not known'):
        measure.compare(hs39["equal"], hs39["three"], method="wald")
    with pytest.raises(OptionError, match="needs fits with a scaled test"):
        measure.compare(hs39["equal"], hs39["three"], method="satorra.2000")
    with pytest.raises(OptionError, match="a plain difference"):
        measure.compare(hs39["equal_mlm"], hs39["three_mlm"], method="standard")
    untested = measure.cfa(THREE, data("hs39.csv"), test="none")
    with pytest.raises(OptionError, match="no chi-square"):
        measure.compare(hs39["equal"], untested)


def test_uls_has_no_p_value():
    frame = data("hs39.csv")
    pair = [measure.cfa(text, frame, estimator="ULS") for text in (EQUAL, THREE)]
    found = measure.compare(*pair).iloc[0]
    assert np.isnan(found["pvalue"])
    assert "no chi-square" in found["notes"]


@pytest.mark.slow
@pytest.mark.parametrize("missing", ["listwise", "fiml"])
def test_scaled_differences_reject_a_true_restriction_in_five_percent(missing):
    """Skewed answers, 15 % of them missing for FIML: three equalities that hold."""
    free = "f =~ x1 + x2 + x3\ng =~ x4 + x5 + x6"
    true = "f =~ x1 + 1*x2 + 1*x3\ng =~ x4 + 1*x5 + x6"
    loadings = np.kron(np.eye(2), np.ones((3, 1)))
    sigma = loadings @ np.array([[1.0, 0.4], [0.4, 1.0]]) @ loadings.T + 0.8 * np.eye(6)
    rng, found, plain = np.random.default_rng(2001), [], []
    methods = ("satorra.bentler.2001", "satorra.bentler.2010", "satorra.2000")
    for _ in range(300):
        rows = draw(sigma, None, 800, rng, skewness=2.0, kurtosis=7.0)
        frame = pd.DataFrame(rows, columns=[f"x{k}" for k in range(1, 7)])
        if missing == "fiml":
            frame = frame.mask(rng.random(frame.shape) < 0.15)
            frame = frame.dropna(how="all")
        fits = [measure.cfa(text, frame, estimator="MLR", missing=missing) for text in (true, free)]
        found.append([measure.compare(*fits, method=m)["pvalue"].iloc[0] for m in methods])
        plain.append(chisq_sf(fits[0].test.chisq - fits[1].test.chisq, 3))
    rates = dict(zip(methods, np.mean(np.array(found) < 0.05, axis=0), strict=True))
    # 300 samples: a rate of 5 % is met within 2.5 % with probability .95; scaled tests of skewed
    # answers reject a little more often at this size.
    assert all(0.02 < rate < 0.095 for rate in rates.values()), rates
    # What the scaling is for.
    assert np.mean(np.array(plain) < 0.05) > 0.2
