"""Every public function that takes a fit, with fits to ordered items: a right result, or a refusal.

A function that is added to the package has to be entered here.
"""

from functools import cache

import numpy as np
import pandas as pd
import pytest

import measure
from measure.errors import MeasureError
from tests.reference_cases import data

TEXT = "textual =~ o4 + a*o5 + o6\nspeed =~ o7 + b*o8 + b*o9"
BFI = "A =~ A2 + b*A3 + b*A5\nN =~ N1 + N2 + N3"
EQUAL = {"group": "school", "group_equal": ["thresholds", "loadings"]}
PATHS = f"{BFI}\nN ~ A\nE1 ~ N"
MODELS = {
    "one group": (TEXT, {}),
    "two groups": (TEXT, EQUAL),
    "theta": (TEXT, {"parameterization": "theta", **EQUAL}),
    "clusters": (TEXT, {"cluster": "team", **EQUAL}),
    "observed information": (TEXT, {"information": "observed"}),
    "least squares": (TEXT, {"estimator": "ULSMV", "std_lv": True}),
    "mean scaled": (TEXT, {"estimator": "WLSM"}),
    "unscaled": (TEXT, {"estimator": "DWLS"}),
    "weighted": (TEXT, {"estimator": "WLS"}),
    "mixed": (BFI, {"ordered": ["A2", "A3", "A5"], "missing": "pairwise"}),
    "mixed groups": (
        BFI,
        {
            "ordered": ["N1", "N2"],
            "missing": "pairwise",
            "group": "gender",
            "group_equal": ["thresholds", "loadings", "intercepts"],
        },
    ),
    "pairwise": (BFI, {"missing": "pairwise"}),
    "paths": (PATHS, {"missing": "pairwise", "ordered": ["A2", "A3", "A5", "E1"]}),
}
# What is no function of a fit: classes, modules, and functions of data or of text alone.
OF_DATA = {
    *("before_after", "design_effect", "difference_power", "gain_power", "in_clusters"),
    "wedge_power",
    *("cfa", "sem", "growth", "fit", "option_table", "missing_patterns", "sampling_adequacy"),
    *(
        "factor_retention",
        "efa",
        "bootstrap_loadings",
        "schmid_leiman",
        "congruence",
        "procrustes",
        "cronbach_alpha",
        "htmt",
        "htmt_intervals",
        "item_analysis",
        "icc",
    ),
    *("intraclass", "agreement", "group_means", "polychoric", "ordinal_alpha", "errors"),
    "twolevel_correlations",
    *("omega_total", "omega_hierarchical", "guttman_lambdas", "split_half", "by_group", "prmse"),
    *("greatest_lower_bound", "conditional_errors", "retest", "reliable_change", "short_forms"),
    *("graded_response", "ability_scores", "item_fit", "local_dependence", "person_fit"),
    *("differential_functioning", "irt_differential_functioning", "mimic"),
    *("redundancy", "careless_answers", "response_styles"),
    *("content_validity", "proportion_interval", "split_cluster", "alignment_recovery"),
    "cross_level_invariance",
    *("measurement_invariance", "partial_invariance", "permute_invariance", "equivalence"),
    *("wave_model", "longitudinal_invariance", "latent_change", "change_difference"),
    *("response_shift", "drop_out", "fit_equivalence", "retrospective_pretest", "stepped_wedge"),
    *("interrupted_series", "change_moderation", "variance_components", "answers_needed"),
    *("referent_model", "response_surface", "overall_means", "independent_difference"),
    "invariance_cutoffs",
    *("stored", "descriptives", "power", "smallest_sample", "rmsea_power", "rmsea_sample_size"),
    *(
        "interrupted_series",
        "change_moderation",
        "variance_components",
        "answers_needed",
        "shrunken_means",
        "compare_groups",
    ),
}


@cache
def frame(name):
    if name.startswith("o"):
        return data("hs39_ordered4.csv").assign(team=lambda rows: rows["id"] // 4)
    return data("bfi.csv").dropna(subset=["gender"]).iloc[:1500]


@cache
def fitted(kind):
    text, options = MODELS[kind]
    rows = frame("ordered" if text is TEXT else "bfi")
    return measure.sem(text, rows, **{"ordered": True, **options}), rows


def names_of(fit):
    return list(fit.moments.names)


def standardized(fit, _):
    table = measure.standardized(fit)
    np.testing.assert_allclose(table["est.std"], fit.parameters["std.all"])
    loadings = table[table["op"] == "=~"]
    assert (loadings["se"] > 0).all()
    assert loadings["est.std"].abs().between(0.1, 1.0).all()


def r_squared(fit, _):
    table = measure.r_squared(fit)
    assert table["est"].between(0, 1).all()
    assert (table["se"] > 0).all()


def residuals(fit, _):
    raw, model = measure.residuals(fit, kind="raw"), measure.implied(fit)
    for k, label in enumerate(fit.moments.groups):
        total = raw + model if fit.n_groups == 1 else raw.loc[label] + model.loc[label]
        names = names_of(fit)
        np.testing.assert_allclose(total.loc[names, names], fit.moments.sample[k].sigma, atol=1e-12)
    z = measure.residuals(fit, kind="standardized")
    correlations = z.loc[[row for row in z.index if str(row).find("|") < 0]]
    assert correlations.notna().all(axis=None)


def srmr_test(fit, _):
    table = measure.srmr_test(fit)
    own = table if fit.n_groups == 1 else table.xs("cov", level=1)
    srmr = own.loc["cov", "srmr"] if fit.n_groups == 1 else fit.moments.shares @ own["srmr"]
    assert srmr == pytest.approx(fit.fit_measures["srmr"])
    assert own["usrmr.se"].notna().all() if fit.n_groups > 1 else own.loc["cov"].notna().all()


def modification_indices(fit, _):
    table = measure.modification_indices(fit)
    assert len(table)
    assert table[["mi", "epc", "sepc.all", "se", "ncp"]].notna().all(axis=None)
    assert (table["mi"] >= 0).all()
    assert set(table["decision"]) <= {"(nm)", "(i)", "**(m)**", "*epc:m*", "epc:nm"}


def equality_tests(fit, _):
    found = measure.equality_tests(fit)
    assert found.table["chisq"].notna().all()
    assert found.total["df"] >= 1
    assert ("chisq.robust" in found.table) == fit.method.se.startswith("robust")


def compare(fit, rows):
    text, options = fit.text.replace("a*", "1*").replace("b*", "1*"), fit.options
    asked = {name: getattr(options, name) for name in ("estimator", "missing", "group", "cluster")}
    asked |= {name: getattr(options, name) for name in ("group_equal", "std_lv", "information")}
    ordered = list(fit.moments.ordinal.ordered)
    restricted = measure.sem(text, rows, ordered=ordered, **asked)
    row = measure.compare(restricted, fit).iloc[0]
    assert row["df_diff"] == restricted.df - fit.df > 0
    if fit.method.test == "standard" and fit.estimator == "DWLS":
        assert np.isnan(row["pvalue"])
    else:
        assert 0 <= row["pvalue"] <= 1
    methods = {"scaled.shifted": "satorra.2000", "satorra.bentler": "satorra.bentler.2001"}
    assert row["method"] == methods.get(fit.method.test, "standard")


def bootstrap(fit, _):
    found = measure.bootstrap(fit, n=3, seed=1, intervals=["percentile"])
    assert found.n_failed == 0
    free = fit.parameters["free"]
    assert (found.parameters.loc[free, "se"] > 0).all()
    assert found.replicates.notna().all(axis=None)


def cross_validate(fit, rows):
    found = measure.cross_validate({"model": fit}, rows, folds=2, seed=1)
    assert found.models[["deviance", "se", "cvi"]].notna().all(axis=None)
    assert found.models["n_failed"].item() == 0


def factor_scores(fit, rows):
    found = measure.factor_scores(fit, rows.iloc[:20])
    assert found.method == "EBM"
    assert found.scores.notna().any(axis=None)


def second_opinion(fit, rows):
    found = measure.second_opinion(fit, rows)
    assert found.outcome == "refused"
    assert "ordered items" in found.reason


def composite_reliability(fit, _):
    table = measure.composite_reliability(fit)
    assert table["omega"].dropna().between(0, 1).all()
    assert len(table) == 2 * fit.n_groups


def multilevel_reliability(fit, _):
    with pytest.raises(MeasureError, match="this one has one level"):
        measure.multilevel_reliability(fit, "shared")


def maximal_reliability(fit, _):
    if any(fit.parameters["op"] == "~"):
        with pytest.raises(MeasureError, match="paths of its own"):
            measure.maximal_reliability(fit)
        return
    table = measure.maximal_reliability(fit)
    assert len(table) == fit.n_groups
    assert table[["maximal", "maximal3"]].stack().between(0, 1).all()


def bifactor_indices(fit, _):
    # None of these models has a general factor; those that do are tested beside the indices.
    with pytest.raises(MeasureError, match=r"general factor|paths of its own"):
        measure.bifactor_indices(fit)


def fornell_larcker(fit, _):
    table = measure.fornell_larcker(fit)
    own = table if fit.n_groups == 1 else table.loc[fit.moments.groups[0]]
    assert 0 < own.loc[own.columns[0], own.columns[0]] < 1


def item_bias(fit, _):
    if fit.n_groups == 1:
        with pytest.raises(MeasureError, match="one group"):
            measure.item_bias(fit)
        return
    found = measure.item_bias(fit)
    assert len(found.scales) == 2
    # Loadings and thresholds are equal; residual variances need not be.
    assert found.scales["bias"].abs().max() < 0.05
    assert found.items["se"].notna().all()


def alignment(fit, _):
    # The fits of several groups have equal loadings.
    with pytest.raises(MeasureError, match=r"one group|are equal across groups"):
        measure.alignment(fit, seed=1)


def latent_means(fit, _):
    if fit.n_groups == 1:
        with pytest.raises(MeasureError, match="one group"):
            measure.latent_means(fit)
        return
    found = measure.latent_means(fit).table
    assert (found["se"] > 0).all()
    # Two schools, or women and men, differ by less than a standard deviation.
    assert found["d"].abs().max() < 1.0


def referent_shares(fit, _):
    # None of these models has a trait and a referent; those that do are tested beside the shares.
    words = "no item loads on a trait|loads on the trait of its reference and on one factor"
    with pytest.raises(MeasureError, match=words):
        measure.referent_shares(fit)


def referent_contrasts(fit, _):
    first, second = list(fit.model.table.latent)[:2]
    with pytest.raises(MeasureError, match=r"groups; compare|correlate in the model|no factor"):
        measure.referent_contrasts(
            fit, {"f": {"a": first, "b": "none"}, "g": {"a": second, "b": "other"}}
        )


def model_card(fit, _):
    assert measure.model_card(fit).agrees


def population(fit, _):
    truth = measure.population(fit)
    for own, model in zip(truth.moments, fit.implied_moments, strict=True):
        np.testing.assert_array_equal(own.thresholds, model.thresholds)
        np.testing.assert_array_equal(own.sigma, model.sigma)


def simulate(fit, _):
    answers = measure.simulate(fit, 40, seed=1)
    assert len(answers) == 40 * fit.n_groups
    for name, values in fit.moments.ordinal.values.items():
        assert set(answers[name]) <= set(values)


def level_fit(fit, _):
    with pytest.raises(MeasureError, match="one level"):
        measure.level_fit(fit)


def level_cutoffs(fit, _):
    with pytest.raises(MeasureError, match="one level"):
        measure.level_cutoffs(fit, seed=1)


def dynamic_cutoffs(fit, _):
    said = ""
    if fit.n_groups > 1:
        said = "one group"
    elif len(fit.point.states[0].block.eta) > len(fit.model.table.latent):
        said = "measurement models"
    if said:
        with pytest.raises(MeasureError, match=said):
            measure.dynamic_cutoffs(fit, repeats=2, seed=1)
        return
    found = measure.dynamic_cutoffs(fit, repeats=2, seed=1)
    assert (found.table["n"] == 2).all()
    assert found.distribution.notna().all(axis=None)


def refused(name, *arguments):
    """Make a check of a function that is not defined for ordered items."""

    def check(fit, _):
        with pytest.raises(MeasureError, match="ordered"):
            getattr(measure, name)(fit, *([fit] * len(arguments)))

    check.__name__ = name
    return check


CHECKS = {
    check.__name__: check
    for check in (
        *(standardized, r_squared, residuals, srmr_test, modification_indices, equality_tests),
        *(compare, bootstrap, cross_validate, factor_scores, second_opinion),
        *(composite_reliability, multilevel_reliability, maximal_reliability, bifactor_indices),
        *(fornell_larcker, model_card, population, simulate, item_bias, alignment),
        *(latent_means, referent_shares, referent_contrasts),
        refused("vuong", "other"),
        refused("small_sample_tests"),
        *(level_fit, level_cutoffs, dynamic_cutoffs),
    )
}
CHECKS["implied"] = residuals


@pytest.mark.filterwarnings("ignore::measure.errors.MeasureWarning")
@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("name", CHECKS)
def test_a_function_of_a_fit(kind, name):
    CHECKS[name](*fitted(kind))


@pytest.mark.filterwarnings("ignore::measure.errors.MeasureWarning")
@pytest.mark.parametrize("kind", MODELS)
def test_what_a_fit_shows_of_itself(kind):
    fit, _ = fitted(kind)
    free = fit.parameters["free"]
    assert (fit.parameters.loc[free, "se"] > 0).all()
    assert fit.loadings.notna().all(axis=None)
    assert (fit.residual_variances > 0).all()
    assert fit.covariance.notna().all(axis=None)
    assert "chisq" in fit.fit_measures
    for text in (repr(fit), fit._repr_html_()):
        assert fit.estimator in text
    if kind in ("clusters", "observed information"):
        with pytest.raises(MeasureError, match=r"ordered items|thresholds"):
            fit.to_lavaan()
    else:
        assert "ordered = " in fit.to_lavaan()


def test_every_public_function_is_entered():
    public = {name for name in measure.__all__ if not name[0].isupper()}
    assert public == set(CHECKS) | OF_DATA


def test_results_do_not_depend_on_the_codes_of_the_categories():
    rows = frame("ordered")
    other = rows.replace({name: {1: -2, 2: 0, 3: 1, 4: 10} for name in rows.columns[3:12]})
    fit, (first, _) = measure.sem(TEXT, other, ordered=True), fitted("one group")
    tables = [
        (measure.modification_indices(one), measure.bootstrap(one, n=3, seed=1).parameters)
        for one in (fit, first)
    ]
    for ours, theirs in zip(*tables, strict=True):
        pd.testing.assert_frame_equal(ours, theirs)
