"""Vuong's tests against their definition in R (`vuong.R`), and against known truth."""

import numpy as np
import pandas as pd
import pytest

import measure
from measure.distributions import chisq_sf, weighted_chisq_sf
from measure.errors import OptionError
from measure.model import Implied
from measure.replication.casewise import casewise_loglik, row_logliks
from tests.reference_cases import data

THREE = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
MOVED = "visual =~ x1 + x2 + x3 + x4\ntextual =~ x5 + x6 + x7\nspeed =~ x8 + x9"
CROSS = f"{THREE}\nvisual =~ x9"
PAIRS = f"{THREE}\nx7 ~~ x8\nx4 ~~ x7"
# Printed by vuong.R: ratio, omega2, z, p of distinguishability, difference of BIC.
REFERENCE = {
    "items": (83.3710110565, 0.671314224032, 5.86501187634, 1.81880011052e-09, -166.742022113),
    "extras": (-3.7039434538794, 0.0319584036667, -1.194231606738, 0.0160028209251, 1.700776643),
    "groups": (-3.5172705533236, 0.0507755460373, -0.8996948346, 0.1532837217402, -4.37967942285),
    "fiml": (-3.4335530325578, 0.0318055451676, -1.1115569290028, 0.0232572563606, 1.16332359046),
}


# Items forced to where they do not belong have improper residual variances.
pytestmark = pytest.mark.filterwarnings("ignore::measure.errors.ImproperSolutionWarning")


def holes():
    frame = data("hs39_mcar.csv")
    return frame.dropna(subset=[f"x{k}" for k in range(1, 10)], how="all")


@pytest.fixture(scope="module")
def hs39():
    return data("hs39.csv")


@pytest.fixture(scope="module")
def three(hs39):
    return measure.cfa(THREE, hs39)


def fitted(name):
    texts = (THREE, MOVED) if name == "items" else (CROSS, PAIRS)
    options = {"groups": {"group": "school"}, "fiml": {"missing": "fiml"}}.get(name, {})
    frame = holes() if name == "fiml" else data("hs39.csv")
    return [measure.cfa(text, frame, **options) for text in texts]


@pytest.mark.parametrize("name", list(REFERENCE))
def test_statistics_agree_with_their_definition_in_r(name):
    found = measure.vuong(*fitted(name))
    ratio, omega2, z, p, bic = REFERENCE[name]
    tests = found.tests.set_index("test")
    assert found.loglik_ratio == pytest.approx(ratio, abs=1e-6)
    # lavaan's estimates are good to about 1e-6, and so are its scores and information.
    assert found.omega2 == pytest.approx(omega2, rel=1e-5)
    assert tests.loc["a better", "statistic"] == pytest.approx(z, rel=1e-5)
    # R's integral has absolute errors of about 1e-11.
    assert tests.loc["distinguishable", "pvalue"] == pytest.approx(p, rel=1e-3, abs=5e-11)
    assert found.intervals.set_index("criterion").loc["bic", "difference"] == pytest.approx(
        bic, abs=1e-6
    )


def test_numbers_of_a_test_belong_together(hs39):
    a, b = (measure.cfa(text, hs39) for text in (CROSS, PAIRS))
    found = measure.vuong(a, b)
    tests = found.tests.set_index("test")
    assert found.notes == ()
    assert found.loglik_ratio == pytest.approx(a.fit_measures["logl"] - b.fit_measures["logl"])
    for name in ("aic", "bic"):
        row = found.intervals.set_index("criterion").loc[name]
        assert row["difference"] == pytest.approx(a.fit_measures[name] - b.fit_measures[name])
        half = 1.959963984540054 * 2 * np.sqrt(found.n_units * found.omega2)
        assert row["ci.upper"] - row["difference"] == pytest.approx(half)
    assert tests.loc["a better", "pvalue"] + tests.loc["b better", "pvalue"] == pytest.approx(1)
    turned = measure.vuong(b, a).tests.set_index("test")
    assert turned.loc["a better", "pvalue"] == pytest.approx(tests.loc["b better", "pvalue"])
    assert turned.loc["distinguishable", "pvalue"] == pytest.approx(
        tests.loc["distinguishable", "pvalue"]
    )
    assert "distinguishable" in repr(found)
    assert "distinguishable" in found._repr_html_()


def test_a_mean_structure_changes_nothing(hs39):
    plain = measure.vuong(*(measure.cfa(text, hs39) for text in (THREE, MOVED)))
    means = measure.vuong(*(measure.cfa(text, hs39, meanstructure=True) for text in (THREE, MOVED)))
    np.testing.assert_allclose(plain.tests["pvalue"], means.tests["pvalue"], rtol=1e-6)


def test_rows_in_clusters_of_one_are_rows(hs39):
    frame = hs39.assign(unit=range(len(hs39)), twice=1)
    plain = measure.vuong(*(measure.cfa(text, frame, missing="fiml") for text in (THREE, MOVED)))
    alone = measure.vuong(
        *(measure.cfa(text, frame, missing="fiml", cluster="unit") for text in (THREE, MOVED))
    )
    np.testing.assert_allclose(plain.tests["pvalue"], alone.tests["pvalue"], rtol=1e-9)
    assert alone.n_units == len(frame)


def test_rows_given_twice_in_clusters_say_no_more(hs39):
    texts = (THREE, MOVED)
    once = measure.vuong(*(measure.cfa(text, hs39) for text in texts))
    frame = pd.concat([hs39, hs39]).assign(unit=[*range(len(hs39))] * 2)
    twice = measure.vuong(*(measure.cfa(text, frame, cluster="unit") for text in texts))
    assert twice.n_units == once.n_units
    columns = once.tests["test"].isin(["distinguishable", "a better", "b better"])
    np.testing.assert_allclose(
        twice.tests["pvalue"][columns], once.tests["pvalue"][columns], rtol=1e-5
    )


def test_casewise_logliks_add_up(three):
    frame = holes()
    incomplete = measure.cfa(THREE, frame, missing="fiml")
    groups = measure.cfa(THREE, data("hs39.csv"), group="school")
    for fit in (three, incomplete, groups):
        total = sum(part.sum() for part in casewise_loglik(fit))
        assert total == pytest.approx(fit.fit_measures["logl"], abs=1e-7)


def test_logliks_of_rows_without_proper_covariances_are_nan():
    moments = Implied(np.zeros(2), np.array([[1.0, 2.0], [2.0, 1.0]]))
    assert np.isnan(row_logliks(np.zeros((3, 2)), moments)).all()


def test_nested_and_equivalent_models_are_refused(hs39, three):
    with pytest.raises(OptionError, match="special case of the other"):
        measure.vuong(three, measure.cfa(CROSS, hs39))
    with pytest.raises(OptionError, match="equivalent"):
        measure.vuong(three, measure.cfa(THREE, hs39, std_lv=True))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"estimator": "GLS"}, 'fitted by "GLS"'),
        ({"likelihood": "wishart"}, "wishart"),
        ({"missing": "fiml", "meanstructure": True}, "mean structure"),
    ],
)
def test_other_estimators_are_refused(hs39, three, options, words):
    with pytest.raises(OptionError, match=words):
        measure.vuong(three, measure.cfa(MOVED, hs39, **options))


def test_what_lacks_rows_or_differs_is_refused(hs39, three):
    items = [f"x{k}" for k in range(1, 10)]
    by_moments = [
        measure.cfa(text, sample_cov=hs39[items].cov(), sample_nobs=301) for text in (THREE, MOVED)
    ]
    with pytest.raises(OptionError, match="need the answers themselves"):
        measure.vuong(*by_moments)
    with pytest.raises(OptionError, match="different variables"):
        measure.vuong(three, measure.cfa(THREE.replace(" + x9", ""), hs39))
    complete = measure.cfa(THREE, hs39, meanstructure=True)
    with pytest.raises(OptionError, match="differ in `missing`"):
        measure.vuong(complete, measure.cfa(MOVED, hs39, missing="fiml"))
    with pytest.raises(OptionError, match=r"fixed\.x"):
        measure.vuong(
            measure.sem("visual =~ x1 + x2 + x3\nvisual ~ x4", hs39),
            measure.sem("visual =~ x1 + x2 + x3\nx4 ~ visual", hs39),
        )
    with pytest.raises(OptionError, match="level"):
        measure.vuong(three, measure.cfa(MOVED, hs39), level=95)


@pytest.mark.parametrize("k", [1, 2, 3, 10, 100])
@pytest.mark.parametrize("x", [1e-6, 0.1, 1.0, 10.0, 100.0, 600.0])
def test_equal_weights_give_a_chi_square(k, x):
    assert weighted_chisq_sf(2 * x, np.full(k, 2.0)) == pytest.approx(chisq_sf(x, k), rel=1e-11)


@pytest.mark.parametrize("x", [0.1, 5.0, 60.0, 400.0])
def test_pairs_of_weights_give_a_sum_of_exponentials(x):
    exact = (6 * np.exp(-x / 6) - 2 * np.exp(-x / 2)) / 4
    weights = np.array([3.0, 3.0, 1.0, 1.0, 1e-15])
    assert weighted_chisq_sf(x, weights) == pytest.approx(exact, rel=1e-11)


def test_edges_of_the_weighted_chi_square():
    assert weighted_chisq_sf(0.0, np.ones(3)) == 1.0
    assert weighted_chisq_sf(1.0, np.zeros(3)) == 0.0


def rejections(truth, texts, n, seed):
    """P-values of 400 samples from a normal population with this covariance matrix."""
    rng = np.random.default_rng(seed)
    root = np.linalg.cholesky(truth)
    names = [f"x{k}" for k in range(1, len(truth) + 1)]
    found = []
    for _ in range(400):
        frame = pd.DataFrame(rng.standard_normal((n, len(truth))) @ root.T, columns=names)
        tests = measure.vuong(*(measure.cfa(text, frame) for text in texts)).tests
        found.append(tests["pvalue"].to_numpy())
    return np.array(found)


ONE = "f =~ x1 + x2 + x3 + x4 + x5 + x6"


@pytest.mark.slow
def test_models_that_are_both_true_are_called_distinguishable_in_five_percent():
    truth = 0.5 + 0.5 * np.eye(6)
    pvalues = rejections(truth, (f"{ONE}\nx1 ~~ x2", f"{ONE}\nx3 ~~ x4"), 500, 1989)
    # 400 samples: a rate of 5 % is met within 2.2 % with probability .95.
    assert 0.028 < np.mean(pvalues[:, 0] < 0.05) < 0.075


@pytest.mark.slow
def test_models_that_are_equally_wrong_are_told_apart_and_not_ranked():
    truth = 0.5 + 0.5 * np.eye(6)
    for i, j in ((0, 1), (2, 3)):
        truth[i, j] = truth[j, i] = 0.7
    pvalues = rejections(truth, (f"{ONE}\nx1 ~~ x2", f"{ONE}\nx3 ~~ x4"), 500, 2016)
    assert np.mean(pvalues[:, 0] < 0.05) > 0.95
    assert 0.028 < np.mean(np.minimum(pvalues[:, 1], pvalues[:, 2]) < 0.025) < 0.075
    assert 0.015 < np.mean(pvalues[:, 1] < 0.05) < 0.085
