"""Ordered answers at two levels against R, the one-level case, and what must hold."""

import numpy as np
import pandas as pd
import pytest

import measure
from measure.errors import DataError, MeasureWarning, OptionError
from tests.reference_cases import case, data

ITEMS = ["LEAD01", "LEAD03", "TSIG01"]


@pytest.fixture(scope="module")
def lq2002():
    return data("lq2002.csv")[[*ITEMS, "COMPID"]]


@pytest.fixture(scope="module")
def found(lq2002):
    return measure.twolevel_correlations(lq2002, cluster="COMPID")


@pytest.fixture(scope="module")
def reference():
    return case("ordinal_twolevel_lq2002")["results"]


@pytest.mark.parametrize("place", range(len(ITEMS)))
def test_items_are_those_of_mixed_models(found, reference, place):
    expected, single = reference["single"][ITEMS[place]], found._statistics.singles[place]
    # clmm stops at a gradient of 1e-6.
    np.testing.assert_allclose(single.thresholds, expected["thresholds"], atol=1e-5)
    assert single.tau == pytest.approx(expected["tau"], abs=1e-5)
    assert single.loglik == pytest.approx(expected["loglik"], abs=1e-6)
    errors = np.sqrt(np.diag(np.linalg.inv(single.information)))[:-1]
    np.testing.assert_allclose(errors, expected["thresholds_se"], rtol=1e-3)


def test_a_binary_item_is_that_of_a_mixed_probit(lq2002, reference):
    expected = reference["binary"]
    item = (lq2002[expected["variable"]] > expected["above"]).astype(int)
    frame = lq2002.assign(binary=item)[["binary", "LEAD01", "COMPID"]]
    own = measure.twolevel_correlations(frame, cluster="COMPID")
    estimates = expected["estimates"]
    assert own.thresholds["binary|t1"] == pytest.approx(estimates["thresholds"], abs=1e-5)
    assert own.icc.loc["binary", "variance"] == pytest.approx(estimates["tau"] ** 2, abs=1e-5)


def test_pairs_are_those_of_numerical_integration(found, reference):
    for pair in reference["pairs"]:
        first, second = pair["items"]
        # What the spacing of the lattice allows, and the finite differences of optim.
        assert found.within.loc[first, second] == pytest.approx(pair["rho"], abs=1e-5)
        assert found.between_correlations.loc[first, second] == pytest.approx(pair["r"], abs=1e-4)


def test_tables_say_the_same(found):
    table = found.pairs.set_index(["lhs", "rhs"])
    for (a, b), row in table.iterrows():
        assert row["within"] == found.within.loc[a, b] == found.within.loc[b, a]
        assert row["between"] == pytest.approx(found.between_correlations.loc[a, b])
        assert row["within.ci.lower"] < row["within"] < row["within.ci.upper"]
        assert row["within.se"] == found.se["within", f"{a}~~{b}"]
    variances = np.diag(found.between)
    np.testing.assert_allclose(found.icc["icc"], variances / (1 + variances))
    inside = found.icc["icc"].between(found.icc["ci.lower"], found.icc["ci.upper"])
    assert inside.all()
    assert list(found.covariance.index) == list(found.se.index)
    assert found.n_obs == len(data("lq2002.csv"))
    assert found.n_clusters == 49
    assert any("fewer than 50" in note for note in found.notes)
    assert "Share between clusters" in repr(found)
    assert "Share between clusters" in found._repr_html_()


def test_errors_of_correlations_between_follow_from_the_covariances(found):
    a, b = ITEMS[:2]
    names = [("between", label) for label in (f"{a}~~{a}", f"{b}~~{b}", f"{a}~~{b}")]
    u, v, c = (found.between.loc[i, j] for i, j in ((a, a), (b, b), (a, b)))
    slopes = np.array([-c / (2 * u), -c / (2 * v), 1.0]) / np.sqrt(u * v)
    variance = slopes @ found.covariance.loc[names, names] @ slopes
    assert found.pairs["between.se"][0] == pytest.approx(np.sqrt(variance))


def test_order_and_labels_do_not_matter(lq2002, found):
    turned = lq2002.sample(frac=1, random_state=1)[["TSIG01", "COMPID", "LEAD03", "LEAD01"]]
    turned["COMPID"] = "unit " + turned["COMPID"].astype(str)
    own = measure.twolevel_correlations(turned, cluster="COMPID")
    for table in ("within", "between"):
        other = getattr(own, table).loc[ITEMS, ITEMS]
        # Boxes and lattices of turned pairs are turned alike.
        np.testing.assert_allclose(other, getattr(found, table), atol=1e-7)
    np.testing.assert_allclose(own.icc.loc[ITEMS, "se"], found.icc["se"], atol=1e-7)


def test_reversed_items_change_signs(lq2002, found):
    turned = lq2002.assign(LEAD03=6 - lq2002["LEAD03"])
    own = measure.twolevel_correlations(turned, cluster="COMPID")
    sign = np.array([1.0, -1.0, 1.0])
    np.testing.assert_allclose(own.within, found.within * np.outer(sign, sign), atol=1e-6)
    np.testing.assert_allclose(own.between, found.between * np.outer(sign, sign), atol=1e-6)
    np.testing.assert_allclose(own.icc, found.icc, atol=1e-6)


def test_without_variance_between_it_is_the_one_level_correlation():
    # Every cluster holds the same answers, so that clusters differ less than by chance.
    rng = np.random.default_rng(2)
    y = rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], 40)
    block = pd.DataFrame({"a": np.digitize(y[:, 0], [-1, 0, 1]), "b": np.digitize(y[:, 1], [0.2])})
    frame = pd.concat([block.assign(unit=k) for k in range(12)], ignore_index=True)
    with pytest.warns(MeasureWarning, match="variance between clusters is 0"):
        own = measure.twolevel_correlations(frame, cluster="unit")
    plain = measure.polychoric(frame[["a", "b"]])
    np.testing.assert_allclose(own.within, plain.correlations, atol=1e-8)
    np.testing.assert_allclose(own.thresholds, plain.thresholds, atol=1e-10)
    assert (own.between == 0).all(axis=None)
    assert (own.icc["icc"] == 0).all()
    assert own.icc[["se", "ci.lower", "ci.upper"]].isna().all(axis=None)
    assert own.between_correlations.isna().all(axis=None)
    assert own.pairs["between"].isna().all()
    assert np.isnan(own.se["between", "a~~b"])
    # All clusters alike: nothing varies from one to the next.
    np.testing.assert_allclose(own.covariance, 0.0, atol=1e-12)


def test_missing_answers(lq2002):
    holes = lq2002.astype(float).mask(
        np.random.default_rng(4).random(lq2002.shape) < [0.1, 0.2, 0.0, 0.05]
    )
    complete = measure.twolevel_correlations(holes, cluster="COMPID")
    used = holes.dropna()
    assert complete.n_obs == len(used)
    assert complete.n_dropped == len(holes) - len(used)
    pairwise = measure.twolevel_correlations(holes, cluster="COMPID", missing="pairwise")
    kept = holes.dropna(subset="COMPID")
    assert pairwise.icc["n"].tolist() == kept[ITEMS].notna().sum().tolist()
    pair = kept.dropna(subset=ITEMS[:2])
    assert pairwise.pairs["n"][0] == len(pair)
    item = measure.twolevel_correlations(
        kept[[ITEMS[0], ITEMS[2], "COMPID"]].dropna(subset=ITEMS[0]), cluster="COMPID"
    )
    np.testing.assert_allclose(pairwise.icc.loc[ITEMS[0]], item.icc.loc[ITEMS[0]])


def test_the_limit_is_said():
    rng = np.random.default_rng(12)
    unit = np.repeat(np.arange(25), 12)
    shared = 0.5 * rng.standard_normal(25)[unit]
    frame = pd.DataFrame(
        {name: np.digitize(shared + rng.standard_normal(300), [-0.5, 0.6]) for name in "abc"}
    ).assign(unit=unit)
    with pytest.warns(MeasureWarning, match="followed to the limit"):
        own = measure.twolevel_correlations(frame, cluster="unit")
    limited = own.pairs["between"].abs() >= 0.99 - 1e-9
    assert limited.any()
    assert own.pairs["between.se"].isna().tolist() == limited.tolist()


SMALL = pd.DataFrame({"a": [1, 2, 3, 1, 2, 3], "b": [1, 1, 2, 2, 1, 2], "unit": [1, 1, 2, 2, 3, 3]})
WRONG = {
    "one cluster": (SMALL.assign(unit=1), {}, DataError, "belong to one cluster"),
    "single answers": (SMALL.assign(unit=range(6)), {}, DataError, "no cluster has two answers"),
    "cluster item": (SMALL.assign(a=[1, 1, 2, 2, 3, 3]), {}, DataError, "hardly vary within"),
    "no column": (SMALL.drop(columns="unit"), {}, DataError, '"unit"'),
    "empty cluster": (SMALL.assign(unit=np.nan), {}, DataError, "is empty"),
    "fractions": (SMALL.assign(a=[1.5, 2, 3, 1, 2, 3]), {}, DataError, "whole numbers"),
    "one item": (SMALL[["a", "unit"]], {}, DataError, "at least 2"),
    "mixed": (SMALL, {"ordered": ["a"]}, OptionError, '"b" is not among the ordered items'),
    "not ordered": (SMALL, {"ordered": False}, OptionError, "are not available"),
    "unknown name": (SMALL, {"ordered": ["a", "q"]}, DataError, '`ordered` names "q"'),
    "missing": (SMALL, {"missing": "fiml"}, OptionError, "missing"),
    "no frame": (SMALL.to_numpy(), {}, DataError, "pandas DataFrame"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_analysed_is_refused(name):
    frame, options, error, message = WRONG[name]
    with pytest.raises(error, match=message):
        measure.twolevel_correlations(frame, cluster="unit", **options)
