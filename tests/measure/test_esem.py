"""Exploratory blocks within a model, against lavaan, and after them every function of a fit."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

import measure
from measure.errors import MeasureError, ModelError, OptionError
from tests.measure.test_after_ordinal_fits import CHECKS
from tests.reference_cases import case, cases, data, matrix

HS39 = data("hs39.csv")
ITEMS = [f"x{k}" for k in range(1, 10)]
SUM = " + ".join(ITEMS)
THREE = f'efa("b")*f1 + efa("b")*f2 + efa("b")*f3 =~ {SUM}'
FACTORS = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
TARGET = pd.DataFrame(
    np.where(np.kron(np.eye(3), np.ones((3, 1))) > 0, np.nan, 0.0),
    index=ITEMS,
    columns=["f1", "f2", "f3"],
)
NAMES = [content["id"] for content in cases("esem")]


@cache
def refitted(name):
    content = case(name)
    asked = content["options"]
    arguments = dict(asked["rotation_args"] or {})
    if "target" in arguments:
        arguments["target"] = matrix(arguments["target"])
    options = {
        key: asked[key]
        for key in ("estimator", "missing", "ordered", "parameterization")
        if key in asked
    }
    return measure.cfa(
        content["model"],
        data(content["data"]),
        rotation=asked["rotation"],
        rotation_args=arguments,
        **options,
    )


@pytest.mark.filterwarnings("ignore::measure.errors.ListwiseWarning")
@pytest.mark.parametrize("name", NAMES)
def test_parameters_agree_with_lavaan(name):
    found = refitted(name).parameters.set_index(["lhs", "op", "rhs"])
    theirs = pd.DataFrame(case(name)["parameters"])
    keys = list(zip(theirs["lhs"], theirs["op"], theirs["rhs"], strict=True))
    keys = [key if key in found.index else key[::-1] for key in keys]
    assert len(found) == len(theirs)
    ours = found.loc[keys]
    for column in ("est", "se", "ci.lower", "ci.upper", "std.all"):
        np.testing.assert_allclose(ours[column], theirs[column], rtol=0, atol=2e-5, err_msg=column)


@pytest.mark.filterwarnings("ignore::measure.errors.ListwiseWarning")
@pytest.mark.parametrize("name", NAMES)
def test_fit_measures_agree_with_lavaan(name):
    found = refitted(name).fit_measures
    for key, value in case(name)["fit_measures"].items():
        if value is None:
            assert np.isnan(found.get(key, np.nan)), key
        elif "gfi" not in key or "fiml" not in name:
            # lavaan's gfi after FIML compares with moments that the model was not fitted to.
            assert found[key] == pytest.approx(value, rel=1e-4, abs=1e-5), key


def test_standard_errors_are_those_of_numerical_differentiation():
    # rotation.se = "delta" in lavaan; its derivatives are good to three digits.
    name = "esem_oblimin"
    content = case(name)
    se = np.array(content["se_delta"])
    np.testing.assert_allclose(refitted(name).parameters["se"], se, atol=5e-4)
    assert np.abs(np.array(content["se_as_released"]) - se).max() > 4e-3


@pytest.mark.parametrize("name", ["esem_geomin_raw", "esem_geomin_orthogonal"])
def test_standard_errors_agree_where_lavaan_needs_no_correction(name):
    se = np.array(case(name)["se_as_released"])
    np.testing.assert_allclose(refitted(name).parameters["se"], se, atol=1e-6)


@cache
def fitted(kind):
    if kind == "ordinal":
        rows = data("hs39_ordered4.csv")
        text = THREE.replace("x", "o")
        return measure.cfa(text, rows, ordered=True, rotation="quartimin"), rows
    text = f"{THREE.replace(' + x1', ' + x2')}"
    options = {
        "ML": {"rotation": "geomin"},
        "MLR": {"estimator": "MLR", "rotation": "target", "rotation_args": {"target": TARGET}},
        "with a factor": {"rotation": "quartimin", "std_lv": True},
    }[kind]
    if kind == "with a factor":
        text = f'efa("b")*f1 + efa("b")*f2 =~ {" + ".join(ITEMS[3:])}\nf =~ x1 + a*x2 + a*x3'
    return measure.cfa(text, HS39, **options), HS39


KINDS = ("ML", "MLR", "with a factor", "ordinal")


def nothing_to_release(fit, _):
    if fit.text.startswith('efa("b")*f1 + efa("b")*f2 =~'):
        assert measure.equality_tests(fit).total["df"] == 1
        return
    with pytest.raises(ModelError, match="no equality constraints"):
        measure.equality_tests(fit)


def compare(fit, rows):
    """Compare with simple structure, which is a special case where the third factor is the same."""
    letter = "o" if fit.moments.ordinal is not None else "x"
    text = FACTORS.replace(" x", f" {letter}")
    if "a*x2" in fit.text:
        text = text.replace("x2 + x3", "a*x2 + a*x3")
    ordered = fit.moments.ordinal is not None
    restricted = measure.cfa(text, rows, ordered=ordered, estimator=fit.options.estimator)
    row = measure.compare(restricted, fit).iloc[0]
    assert row["df_diff"] == restricted.df - fit.df > 0
    assert 0 <= row["pvalue"] <= 1


def factor_scores(fit, rows):
    found = measure.factor_scores(fit, rows.iloc[:20])
    assert found.scores.notna().all(axis=None)
    if fit.moments.ordinal is None:
        assert found.quality["determinacy"].between(0.7, 1).all()


def second_opinion(fit, rows):
    found = measure.second_opinion(fit, rows)
    assert found.outcome == "refused"


def composite_reliability(fit, _):
    table = measure.composite_reliability(fit)
    crossed = table["note"].str.contains("also loads")
    assert crossed.sum() >= 2
    assert table.loc[crossed, "omega"].isna().all()


def fornell_larcker(fit, _):
    table = measure.fornell_larcker(fit)
    assert table.to_numpy()[np.tril_indices(len(table), -1)].all()


def standardized(fit, _):
    table = measure.standardized(fit)
    np.testing.assert_allclose(table["est.std"], fit.parameters["std.all"])
    loadings = table[table["op"] == "=~"]
    assert (loadings["se"] > 0).all()


def vuong(fit, rows):
    if fit.moments.ordinal is not None:
        with pytest.raises(MeasureError, match="ordered"):
            measure.vuong(fit, fit)
        return
    if "a*x2" in fit.text:
        found = measure.vuong(measure.cfa(FACTORS, rows), fit)
        assert found.tests["pvalue"].between(0, 1).all()
        return
    with pytest.raises(OptionError, match="special case"):
        measure.vuong(measure.cfa(FACTORS, rows, estimator=fit.options.estimator), fit)


def small_sample_tests(fit, _):
    if fit.moments.ordinal is not None:
        with pytest.raises(MeasureError, match="ordered"):
            measure.small_sample_tests(fit)
        return
    assert measure.small_sample_tests(fit)["factor"].between(0.9, 1.0).any()


def residuals(fit, _):
    raw, model = measure.residuals(fit, kind="raw"), measure.implied(fit)
    names = list(fit.moments.names)
    total = (raw + model).loc[names, names]
    np.testing.assert_allclose(total, fit.moments.sample[0].sigma, atol=1e-10)


def bootstrap(fit, _):
    found = measure.bootstrap(fit, n=3, seed=1, intervals=["percentile"])
    assert found.n_failed == 0
    free = fit.parameters["free"]
    assert (found.parameters.loc[free, "se"] > 0).all()


def cross_validate(fit, rows):
    found = measure.cross_validate({"model": fit}, rows, folds=2, seed=1)
    assert found.models[["deviance", "cvi"]].notna().all(axis=None)


def simulate(fit, _):
    assert list(measure.simulate(fit, 40, seed=1).columns[:9]) == list(fit.moments.names)


def population(fit, _):
    truth = measure.population(fit)
    np.testing.assert_array_equal(truth.moments[0].sigma, fit.implied_moments[0].sigma)


def dynamic_cutoffs(fit, _):
    with pytest.raises(MeasureError, match="exploratory blocks"):
        measure.dynamic_cutoffs(fit, seed=1)


OWN = {
    check.__name__: check
    for check in (
        *(compare, factor_scores, second_opinion, composite_reliability, fornell_larcker, vuong),
        *(standardized, small_sample_tests, residuals, bootstrap, cross_validate, simulate),
        *(population, dynamic_cutoffs),
    )
}
AFTER = {**CHECKS, **OWN, "equality_tests": nothing_to_release, "implied": residuals}


@pytest.mark.filterwarnings("ignore::measure.errors.MeasureWarning")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", AFTER)
def test_a_function_of_a_fit(kind, name):
    AFTER[name](*fitted(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_fit_shows_of_itself(kind):
    fit, _ = fitted(kind)
    free = fit.parameters["free"]
    assert (fit.parameters.loc[free, "se"] > 0).all()
    assert "share of starts at the best value" in repr(fit)
    assert fit.options.rotation in fit._repr_html_()
    assert f'rotation = "{fit.options.rotation}"' in fit.to_lavaan()
    gaps, _ = fit.model.restrictions.evaluate("equal", fit.model.row_values(fit.params))
    np.testing.assert_allclose(gaps, 0.0, atol=1e-6)
    assert np.linalg.matrix_rank(fit.vcov, tol=1e-9) == fit.model.n_free


def test_the_bootstrap_keeps_factors_in_place_and_agrees_with_the_standard_errors():
    fit, rows = fitted("MLR")
    found = measure.bootstrap(fit, rows, n=300, seed=1, intervals=["percentile"])
    loadings = fit.parameters["op"] == "=~"
    ratio = found.parameters.loc[loadings, "se"] / fit.parameters.loc[loadings, "se"]
    # The standard deviation of 300 replicates has an error of 4 %, and bootstraps of n = 301 differ
    # from sandwiches by more in skewed estimates.
    assert ratio.median() == pytest.approx(1.0, abs=0.1)
    assert ratio.between(0.75, 1.5).all()


def test_the_bootstrap_does_not_depend_on_the_number_of_workers(workers_here):
    fit, rows = fitted("ML")
    one, two = (
        measure.bootstrap(fit, rows, n=110, seed=1, intervals=["percentile"], workers=workers)
        for workers in (1, 2)
    )
    pd.testing.assert_frame_equal(one.replicates, two.replicates)


def test_clusters_are_allowed_for():
    # Every row twice: clusters of two rows that say the same.
    rows = pd.concat([HS39] * 2, ignore_index=True)
    found = measure.cfa(THREE, rows, cluster="id", rotation="quartimin")
    single = measure.cfa(THREE, HS39, estimator="MLR", rotation="quartimin", missing="fiml")
    for column, tolerance in (("est", 1e-5), ("se", 0.005)):
        np.testing.assert_allclose(
            found.parameters[column], single.parameters[column], rtol=tolerance, atol=1e-5
        )


def test_the_rotation_leaves_the_fit_as_it_is():
    plain = measure.cfa(THREE, HS39, rotation="none")
    turned, _ = fitted("ML")
    assert plain.exploration is None
    np.testing.assert_allclose(plain.fit_measures, turned.fit_measures, rtol=1e-6, atol=1e-7)
    loadings = plain.parameters.query("op == '=~'").pivot_table(
        index="rhs", columns="lhs", values="est"
    )
    assert (loadings.to_numpy()[np.triu_indices(3, 1)] == 0).all()
    assert 'rotation = "none"' in plain.to_lavaan()


def test_a_block_alone_is_the_exploratory_solution():
    found = measure.cfa(THREE, HS39, rotation="quartimin", seed=1)
    alone = measure.efa(HS39[ITEMS], 3, extraction="ml", rotation="quartimin", seed=1)
    theirs = found.loadings.loc[ITEMS].to_numpy()
    order = [int(np.argmax(np.abs(theirs.T @ column))) for column in alone.loadings.to_numpy().T]
    np.testing.assert_allclose(alone.loadings, theirs[:, order], atol=1e-4)


def test_a_target_is_read_by_the_names_of_items_and_factors():
    shuffled = TARGET.iloc[::-1][["f3", "f1", "f2"]]
    options = {"rotation": "target", "estimator": "MLR"}
    found = measure.cfa(THREE, HS39, rotation_args={"target": shuffled}, **options)
    np.testing.assert_allclose(found.parameters["est"], fitted("MLR")[0].parameters["est"])


def test_one_factor_in_a_block_has_variance_one():
    found = measure.cfa('efa("b")*f =~ x1 + x2 + x3', HS39)
    plain = measure.cfa("f =~ x1 + x2 + x3", HS39, std_lv=True)
    np.testing.assert_allclose(found.parameters["est"], plain.parameters["est"], atol=1e-6)


def test_targets_of_several_blocks_are_given_by_name():
    text = (
        'efa("a")*a1 + efa("a")*a2 =~ x1 + x2 + x3 + x4 + x5 + x6\n'
        'efa("b")*b1 + efa("b")*b2 =~ x7 + x8 + x9'
    )
    with pytest.raises(OptionError, match="one table, but there are 2 exploratory blocks"):
        measure.cfa(text, HS39, rotation="target", rotation_args={"target": TARGET})
    own = np.zeros((6, 2))
    with pytest.raises(OptionError, match='no table for the block "b"'):
        measure.cfa(text, HS39, rotation="target", rotation_args={"target": {"a": own}})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{THREE}\nf1 ~~ 0*f2", r'line 2, column \d+: "f1 ~~ f2" is about "f1"'),
        (f"{THREE}\ng =~ f1 + f2 + f3", '"g =~ f1" is about "f1", a factor of the exploratory'),
        (f"{THREE}\nf1 ~ school", "regressions, higher factors and means"),
        ('efa("b")*f1 + efa("b")*f2 =~ a*x1 + x2 + x3 + x4', "cannot be fixed, named or tied"),
        ('efa("b")*f1 =~ x1 + x2 + x3\nefa("c")*f1 =~ x4', '"f1" belongs to two blocks'),
        ('efa("b")*f1 =~ x1 + x2 + x3\nf1 =~ x4', 'Write efa."b".. before it'),
        ('efa("b")*f1 =~ x1 + x2 + x3\nefa("b")*f2 =~ x1 + x2 + x4', "have other items"),
        ('efa("b")*f1 + efa("b")*f2 =~ x1 + x2', "needs more items than factors"),
        ('g =~ x1 + x2 + x3\nefa("b")*f1 =~ g + x4', "are observed"),
    ],
)
def test_model_texts_that_are_refused(text, message):
    with pytest.raises(ModelError, match=message):
        measure.cfa(text, HS39)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"rotation": "promax"}, OptionError, "minimises no criterion"),
        ({"rotation": "varimin"}, OptionError, 'rotation "varimin" is not known'),
        ({"rotation_args": {"gamma": 1}}, OptionError, "has no argument 'gamma'"),
        ({"rotation_args": {"std.ov": 1}}, OptionError, "std.ov is 1, but must be True or False"),
        ({"rotation_args": {"rstarts": -1}}, OptionError, "rstarts is -1"),
        ({"rotation_args": {"row.weights": "cureton-mulaik"}}, OptionError, "row.weights is"),
        (
            {"rotation": "target", "rotation_args": {"target": TARGET.iloc[:4]}},
            OptionError,
            "should be items × factors, 9 × 3",
        ),
        ({"group": "school"}, ModelError, "in one group only"),
        ({"effect_coding": True}, OptionError, "effect_coding fixes sums of loadings"),
        ({"orthogonal": True}, OptionError, "choose an orthogonal rotation"),
    ],
)
def test_options_that_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        measure.cfa(THREE, HS39, **options)


def test_a_rotation_without_a_block_is_refused():
    for options in ({"rotation": "geomin"}, {"rotation_args": {"gamma": 0}}, {"seed": 1}):
        with pytest.raises(OptionError, match="have no use in this model"):
            measure.cfa(FACTORS, HS39, **options)


def test_ordered_and_continuous_items_in_one_block():
    rows = data("hs39_ordered4.csv").join(HS39[ITEMS])
    text = 'efa("b")*f1 + efa("b")*f2 =~ o4 + o5 + x6 + o7 + o8 + x9'
    ordered = ["o4", "o5", "o7", "o8"]
    with pytest.raises(OptionError, match='block "b" has ordered and continuous items'):
        measure.cfa(text, rows, ordered=ordered)
    raw = measure.cfa(text, rows, ordered=ordered, rotation_args={"std.ov": False})
    theta = measure.cfa(text, rows, ordered=ordered, parameterization="theta")
    assert raw.fit_measures["chisq"] == pytest.approx(theta.fit_measures["chisq"], rel=1e-6)


def test_other_arguments_of_lavaan():
    options = {"std.ov": False, "row.weights": "kaiser", "rstarts": 5, "geomin.epsilon": 0.01}
    found = measure.cfa(THREE, HS39, rotation_args=options)
    assert found.exploration.plan.n_starts == 5
    assert found.exploration.facts["rotation, normalize"] is True
    assert found.exploration.facts["rotation, epsilon"] == 0.01
