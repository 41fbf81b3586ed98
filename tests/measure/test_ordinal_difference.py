"""Difference tests of models for ordered items against lavaan's, and what cannot be compared."""

import numpy as np
import pytest

import measure
from measure.errors import OptionError
from measure.evaluation.nesting import aligned_jacobian, nested, require_same_data
from tests.measure.reference_fits import ordinal, refit
from tests.reference_cases import case, data

PLACES = [
    (name, k) for name in ordinal("invariance") for k in range(len(case(name)["comparisons"]))
]
N = ["N1", "N2", "N3", "N4", "N5"]
THETA = "inv_bfi_gender_wlsmv_we16_theta"


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
def bfi():
    return data("bfi.csv").dropna(subset=[*N, "A2", "A3", "A5", "gender"])


def fitted(text, frame, **options):
    return measure.cfa(text, frame, **{"ordered": N, **options})


@pytest.mark.parametrize(("name", "k"), PLACES)
def test_comparisons_agree_with_lavaan(ladders, name, k):
    theirs = case(name)["comparisons"][k]
    fits = ladders(name)
    restricted, free = fits[theirs["more_restricted"]], fits[theirs["less_restricted"]]
    found = measure.compare(restricted, free, method=theirs["method"]).iloc[0]
    assert found["df_diff"] == theirs["df_diff"]
    chisq = found["chisq_diff"]
    if theirs["method"] == "satorra.bentler.2001":
        chisq = by_scales(restricted, free)
    assert chisq == pytest.approx(theirs["chisq_diff"], rel=1e-4)
    if theirs["method"] == "satorra.2000":
        assert found["pvalue"] == pytest.approx(theirs["pvalue"], abs=1e-6)
        assert measure.compare(restricted, free)["chisq_diff"].item() == found["chisq_diff"]
    for key, value in theirs["delta"].items():
        if value is not None:
            assert found[f"delta_{key}"] == pytest.approx(value, abs=1e-5)


def by_scales(restricted, free):
    """lavaan's number: it takes the scale of the shifted test for the mean of the statistic."""
    own, other = restricted.test, free.test
    factor = (own.df * own.factor - other.df * other.factor) / (own.df - other.df)
    return (own.chisq - other.chisq) / factor


def test_every_ordinal_comparison_is_made():
    assert len(PLACES) == 19


@pytest.mark.parametrize("step", ["thresholds", "metric", "scalar", "strict"])
def test_the_mean_of_the_statistic_gives_about_the_same(ladders, step):
    """Three estimates of the mean of one statistic; lavaan's 2001 is 10 % to 30 % off them."""
    fits = ladders(THETA)
    steps = list(fits)
    pair = fits[step], fits[steps[steps.index(step) - 1]]
    found = {
        end: measure.compare(*pair, method=f"satorra.{end}").iloc[0]
        for end in ("2000", "bentler.2001", "bentler.2010")
    }
    df, gap = found["2000"]["df_diff"], pair[0].test.chisq - pair[1].test.chisq
    # The mean of the difference by Satorra 2000, from its scale and shift.
    mean = (df - found["2000"]["shift"]) * found["2000"]["scaling.factor"] / df
    for end in ("bentler.2001", "bentler.2010"):
        assert gap / found[end]["chisq_diff"] == pytest.approx(mean, rel=0.02)


def test_order_of_items_and_parameterization_do_not_matter(bfi):
    restricted = [
        fitted("f =~ N1 + a*N2 + a*N3 + N4 + N5", bfi),
        fitted("f =~ N5 + N4 + a*N3 + a*N2 + N1", bfi),
        fitted("f =~ N5 + N4 + a*N3 + a*N2 + N1", bfi, std_lv=True),
    ]
    free = fitted("f =~ N1 + N2 + N3 + N4 + N5", bfi)
    theta = fitted("f =~ N1 + N2 + N3 + N4 + N5", bfi, parameterization="theta")
    found = [measure.compare(restricted[0], free).iloc[0]]
    found += [measure.compare(one, other).iloc[0] for one in restricted for other in (free, theta)]
    for row in found[1:]:
        assert row["chisq_diff"] == pytest.approx(found[0]["chisq_diff"], rel=1e-5)
        assert row["notes"] == ""


def test_mixed_items_in_another_order(bfi):
    options = {"ordered": N[:3], "missing": "pairwise"}
    free = fitted("f =~ N1 + N2 + N3\ng =~ A2 + A3 + A5\n", bfi, **options)
    restricted = fitted("g =~ A5 + a*A3 + a*A2\nf =~ N3 + N1 + N2\n", bfi, **options)
    assert measure.compare(restricted, free)["df_diff"].item() == 1
    order = free.moments.names
    np.testing.assert_allclose(
        np.linalg.svd(aligned_jacobian(restricted, order), compute_uv=False),
        np.linalg.svd(np.vstack(restricted.point.jacobians), compute_uv=False),
    )
    require_same_data(restricted, free)
    moments = restricted.implied_moments[0], nested(restricted, free).implied[0]
    place = [restricted.moments.names.index(name) for name in order]
    np.testing.assert_allclose(moments[0].sigma[np.ix_(place, place)], moments[1].sigma, atol=1e-5)


def test_models_that_are_not_nested(bfi):
    one = fitted("f =~ N1 + N2 + N3 + N4 + N5", bfi)
    other = fitted("f =~ N1 + N2 + N3\ng =~ N4 + N5\nN1 ~~ N4\n", bfi)
    crossed = fitted("f =~ N1 + N2 + N3 + N4 + N5\nN1 ~~ N2\n", bfi)
    assert measure.compare(one, crossed)["df_diff"].item() == 1
    with pytest.raises(OptionError, match="not nested"):
        measure.compare(crossed, other)


def test_ordered_and_continuous_items_are_other_data(bfi):
    text = "f =~ N1 + N2 + N3 + N4 + N5"
    free, restricted = fitted(text, bfi), fitted(f"{text}\nN1 ~~ N2", bfi, ordered=N[:4])
    with pytest.raises(OptionError, match="N5: ordered in one of the models"):
        measure.compare(free, restricted)


@pytest.mark.parametrize("estimator", ["DWLS", "ULS"])
def test_unscaled_least_squares_are_no_chi_squares(bfi, estimator):
    pair = [
        fitted(f"f =~ N1 + {second} + N3 + N4 + N5", bfi, estimator=estimator, std_lv=True)
        for second in ("0.8*N2", "N2")
    ]
    found = measure.compare(*pair).iloc[0]
    assert found["chisq_diff"] == pytest.approx(pair[0].test.chisq - pair[1].test.chisq)
    assert np.isnan(found["pvalue"])
    assert f"statistic of {estimator} follows no chi-square" in found["notes"]
    with pytest.raises(OptionError, match="needs fits with a scaled test"):
        measure.compare(*pair, method="satorra.2000")


def test_weighted_least_squares_are(bfi):
    pair = [
        fitted(f"f =~ N1 + {second} + N3 + N4", bfi, ordered=N[:4], estimator="WLS", std_lv=True)
        for second in ("0.8*N2", "N2")
    ]
    found = measure.compare(*pair).iloc[0]
    assert found["method"] == "standard"
    assert 0 <= found["pvalue"] <= 1


def test_a_plain_difference_of_scaled_tests_is_refused(ladders):
    fits = ladders(THETA)
    with pytest.raises(OptionError, match="a plain difference of their chi-squares is no test"):
        measure.compare(fits["metric"], fits["thresholds"], method="standard")


def test_other_categories_are_other_data(bfi):
    text = "f =~ N1 + N2 + N3 + N4 + N5"
    merged = bfi.assign(N1=bfi["N1"].replace(6, 5))
    with pytest.raises(OptionError, match="6 categories in one of the models and 5"):
        measure.compare(fitted(f"{text}\nN1 ~~ 0*N2", bfi), fitted(f"{text}\nN1 ~~ N2", merged))
