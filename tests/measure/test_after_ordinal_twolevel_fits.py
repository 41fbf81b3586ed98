"""Every public function that takes a fit, with two-level fits to ordered items.

A right result, or a refusal that says why; a function that is added has to be entered here.
"""

import numpy as np
import pytest

import measure
from measure.errors import MeasureError
from tests.measure.level_answers import ITEMS, N_CLUSTERS, level_answers
from tests.measure.test_after_ordinal_fits import CHECKS

TEXT = "level: 1\nfw =~ q1 + q2 + a*q3 + a*q4\nlevel: 2\nfb =~ q1 + q2 + b*q3 + b*q4"
FREE = TEXT.replace("a*", "").replace("b*", "")
OPTIONS = {"ordered": True, "cluster": "unit"}
REFUSED = {
    "bootstrap": "two-level models of ordered items",
    "composite_reliability": "two-level models of ordered items",
    "factor_scores": "two-level models of ordered items",
    "multilevel_reliability": "not available for ordered items",
    **dict.fromkeys(
        ("alignment", "bifactor_indices", "cross_validate", "fornell_larcker", "item_bias"),
        "not available for two-level models",
    ),
    **dict.fromkeys(
        ("latent_means", "maximal_reliability", "small_sample_tests"),
        "not available for two-level models",
    ),
    **dict.fromkeys(
        ("referent_contrasts", "referent_shares", "srmr_test", "vuong", "dynamic_cutoffs"),
        "not available for two-level models",
    ),
}


@pytest.fixture(scope="module")
def rows():
    return level_answers()[[*ITEMS, "unit"]]


@pytest.fixture(scope="module")
def fit(rows):
    return measure.cfa(TEXT, rows, **OPTIONS)


@pytest.fixture(scope="module")
def free(rows):
    return measure.cfa(FREE, rows, **OPTIONS)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_available_is_refused(fit, rows, name):
    further = {
        "factor_scores": (rows,),
        "vuong": (fit,),
        "bootstrap": (rows,),
        "cross_validate": (rows,),
        "referent_contrasts": ({"t": {"a": "fw"}, "u": {"a": "fb"}},),
    }
    seeded = name in ("bootstrap", "cross_validate", "alignment", "dynamic_cutoffs")
    options = {"seed": 1} if seeded else {}
    if name == "multilevel_reliability":
        options = {"construct": "configural"}
    given = {"model": fit} if name == "cross_validate" else fit
    with pytest.raises(MeasureError, match=REFUSED[name]):
        getattr(measure, name)(given, *further.get(name, ()), **options)


AS_AT_ONE_LEVEL = (
    *("standardized", "r_squared", "modification_indices", "second_opinion", "model_card"),
)


@pytest.mark.parametrize("name", AS_AT_ONE_LEVEL)
def test_what_holds_as_at_one_level(fit, rows, name):
    CHECKS[name](fit, rows)


def test_residuals_are_what_the_model_leaves(fit):
    raw, model = measure.residuals(fit, kind="raw"), measure.implied(fit)
    for level, sample in enumerate(fit.moments.sample, start=1):
        total = (raw + model).loc[level].loc[list(ITEMS), list(ITEMS)]
        np.testing.assert_allclose(total, sample.sigma, atol=1e-12)
    assert np.allclose(np.diag(model.loc[1].loc[list(ITEMS)]), 1)
    cuts = model.loc[2].loc[[row for row in model.loc[2].index if row.startswith("|")]]
    found = cuts.to_numpy().T.ravel()
    np.testing.assert_allclose(found[~np.isnan(found)], fit.thresholds, atol=1e-12)
    with pytest.raises(MeasureError, match="two-level"):
        measure.residuals(fit, kind="standardized")


def test_differences_are_tested(fit, free):
    row = measure.compare(fit, free).iloc[0]
    assert row["method"] == "satorra.2000"
    assert row["df_diff"] == 2
    assert 0 < row["pvalue"] < 1
    other = measure.equality_tests(fit)
    assert other.total["df"] == 2
    # Score and difference test agree where the restriction nearly holds.
    assert other.total["chisq.robust"] == pytest.approx(row["chisq_diff"], rel=0.3)


def test_loadings_may_be_equal_across_levels(rows, free):
    equal = "\n".join(f"level: {level}\nf =~ q1 + a*q2 + b*q3 + c*q4" for level in (1, 2))
    restricted = measure.cfa(equal, rows, **OPTIONS)
    other_order = FREE.replace("q1 + q2 + q3 + q4", "q1 + q4 + q3 + q2")
    turned = measure.cfa(other_order, rows, **OPTIONS)
    row, other = (measure.compare(restricted, one).iloc[0] for one in (free, turned))
    assert row["df_diff"] == 3
    # The order of the items decides in which order pairs are searched.
    assert row["chisq_diff"] == pytest.approx(other["chisq_diff"], rel=1e-3)


def test_modification_indices_predict_the_difference(fit, rows, free):
    table = measure.modification_indices(free)
    own = table[(table["lhs"] == "q1") & (table["rhs"] == "q2")].set_index("level")
    for level, text in (
        (1, FREE.replace("\nlevel: 2", "\nq1 ~~ q2\nlevel: 2")),
        (2, f"{FREE}\nq1 ~~ q2"),
    ):
        more = measure.cfa(text, rows, **OPTIONS)
        difference = measure.compare(free, more).iloc[0]["chisq_diff"]
        assert own.loc[level, "mi.robust"] == pytest.approx(difference, rel=0.15, abs=0.05)


def test_levels_are_judged_by_themselves(fit, free):
    table = measure.level_fit(fit)
    assert table["df"].to_list() == [3, 3]
    assert table["n"].to_list() == [fit.n_obs - N_CLUSTERS, N_CLUSTERS]
    # Nothing ties the levels, so that they miss by themselves what they miss together.
    assert table["chisq"].sum() == pytest.approx(fit.fit_measures["chisq"], rel=1e-4)
    np.testing.assert_allclose(
        table["srmr"], fit.fit_measures[["srmr_within", "srmr_between"]], atol=1e-4
    )
    assert table["pvalue.scaled"].between(0, 1).all()
    assert table["cfi.scaled"].between(0.5, 1).all()


def test_cut_offs_of_a_level(fit):
    levels = [[measure.Omitted("q1", "~~", "q2", 0.3)]]
    found = measure.level_cutoffs(fit, within=levels, between=levels, repeats=1, seed=1)
    assert list(found) == ["within", "between"]
    assert found["within"].variant == "scaled"
    assert found["between"].distribution.notna().all(axis=None)


def test_answers_are_drawn_from_a_fit(fit, rows):
    truth = measure.population(fit)
    assert truth.cluster == "unit"
    drawn = measure.simulate(fit, 4000, seed=1, clusters=measure.Clusters(sizes=20))
    assert drawn["unit"].nunique() == 200
    for item in ITEMS:
        assert set(drawn[item]) == set(rows[item])
        shares = [own[item].value_counts(normalize=True).sort_index() for own in (drawn, rows)]
        np.testing.assert_allclose(*shares, atol=0.05)


def test_what_a_fit_shows_of_itself(fit):
    assert fit.loadings.loc[1, "fw"].between(0.3, 1).all()
    assert fit.loadings.loc[2, "fb"].between(0.3, 1.2).all()
    assert set(fit.residual_variances.index.get_level_values(0)) == {1, 2}
    for text in (repr(fit), fit._repr_html_()):
        assert "WLSMV" in text
    with pytest.raises(MeasureError, match="clusters with ordered items"):
        fit.to_lavaan()


def test_every_function_of_a_fit_is_entered():
    # The rest stand in tests of their own above.
    tested = {"residuals", "implied", "compare", "equality_tests", "level_fit", "level_cutoffs"}
    tested |= {"population", "simulate"}
    assert set(CHECKS) == tested | set(AS_AT_ONE_LEVEL) | set(REFUSED)
