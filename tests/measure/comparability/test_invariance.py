"""The steps of invariance against lavaan and semTools, their degrees of freedom, bad input."""

import warnings

import numpy as np
import pandas as pd
import pytest

import measure
from measure.comparability.ladder import STEPS
from measure.comparability.ladder_fits import require_df
from measure.errors import ListwiseWarning, OptionError
from tests.reference_cases import case, cases, data

THREE = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
N = "N =~ N1 + N2 + N3 + N4 + N5"
# Models whose text in the case is that of semTools, for each step; here the text is the user's.
TEXTS = {
    "inv_bfi_gender_wlsmv_we16_delta": N,
    "inv_bfi_gender_wlsmv_we16_theta": N,
    "inv_datcat_wlsmv_we16_delta": "f1 =~ u1 + u2 + u3 + u4\nf2 =~ u5 + u6 + u7 + u8",
}
# What the case calls its step, and we another.
RENAMED = {"lvcov": "covariances"}
SAME = ("estimator", "missing", "group", "ordered", "parameterization")
# lavaan has occasions of one group here.
OTHER = "inv_exlong_longitudinal_ml"
NAMES = [content["id"] for content in cases("invariance") if content["id"] != OTHER]
PLACES = [(name, step["step"]) for name in NAMES for step in case(name)["steps"]]
# The default of each test; the other methods are tested in test_difference.
DEFAULTS = {True: ("satorra.2000",), False: ("default", "satorra.bentler.2001")}
COMPARED = [
    (name, k)
    for name in NAMES
    for k, one in enumerate(case(name)["comparisons"])
    if one["method"] in DEFAULTS["ordered" in case(name)["options"]]
]


@pytest.fixture(scope="module")
def ladders():
    """Give the ladder of a case; each is made once."""
    made = {}

    def find(name):
        if name not in made:
            made[name] = ladder_of(case(name))
        return made[name]

    return find


def ladder_of(content):
    options = {key: content["options"][key] for key in SAME if key in content["options"]}
    steps = [RENAMED.get(step["step"], step["step"]) for step in content["steps"]]
    partial = next(
        (
            s["options"]["group_partial"]
            for s in content["steps"][::-1]
            if "group_partial" in s["options"]
        ),
        None,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ListwiseWarning)
        return measure.measurement_invariance(
            TEXTS.get(content["id"], content["model"]),
            data(content["data"]),
            steps=steps,
            partial=partial,
            **options,
        )


@pytest.mark.parametrize(("name", "step"), PLACES)
def test_fits_agree_with_lavaan(ladders, name, step):
    theirs = next(one for one in case(name)["steps"] if one["step"] == step)["fit_measures"]
    ours = ladders(name).table.loc[RENAMED.get(step, step)]
    assert ours["npar"] == theirs["npar"]
    assert ours["df"] == theirs["df"]
    # Scaled statistics inherit the tolerance of lavaan's optimiser.
    for key in ours.index.intersection(list(theirs)):
        # lavaan 0.6-14 weighs groups wrongly in the baseline's factor (see test_reference_ordinal).
        theirs_is_wrong = key in ("cfi.robust", "tli.robust") and case(name)["options"].get(
            "ordered"
        )
        if key not in ("npar", "df") and theirs[key] is not None and not theirs_is_wrong:
            assert ours[key] == pytest.approx(theirs[key], rel=1e-4, abs=2e-6), key


@pytest.mark.parametrize(("name", "k"), COMPARED)
def test_difference_tests_agree_with_lavaan(ladders, name, k):
    theirs = case(name)["comparisons"][k]
    found = ladders(name)
    step = RENAMED.get(theirs["more_restricted"], theirs["more_restricted"])
    ours = found.table.loc[step]
    assert ours["df_diff"] == theirs["df_diff"]
    assert ours["chisq_diff"] == pytest.approx(theirs["chisq_diff"], rel=1e-4)
    assert ours["pvalue_diff"] == pytest.approx(theirs["pvalue"], abs=1e-4)
    suffix = {"plain": ""}.get(found.variant, f".{found.variant}")
    for measure_name in ("cfi", "rmsea"):
        value = theirs["delta"][f"{measure_name}{suffix}"]
        assert ours[f"delta_{measure_name}"] == pytest.approx(value, abs=1e-5)
    assert ours["delta_srmr"] == pytest.approx(theirs["delta"]["srmr"], abs=1e-5)


def test_every_reference_case_is_there():
    assert len(NAMES) == 9
    assert len(COMPARED) == 28


def answers(n_categories, *, n=900, n_groups=2, seed=7, n_continuous=0):
    """Items of two factors cut at quantiles, with `n_categories` each, and a column of groups."""
    rng = np.random.default_rng(seed)
    p = len(n_categories) + n_continuous
    factors = rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], n)
    latent = 0.8 * factors[:, [k % 2 for k in range(p)]] + 0.6 * rng.normal(size=(n, p))
    frame = pd.DataFrame(latent, columns=[f"u{k + 1}" for k in range(p)])
    for k, count in enumerate(n_categories):
        # Cuts at other places for each item: binary items tell variances apart by them only.
        cuts = np.quantile(latent[:, k], np.arange(1, count) / count + 0.04 * (k % 8) - 0.14)
        frame[f"u{k + 1}"] = np.searchsorted(cuts, latent[:, k]) + 1
    return frame.assign(g=[f"group {k}" for k in rng.integers(0, n_groups, n)])


def two_factors(p):
    items = [f"u{k + 1}" for k in range(p)]
    return f"f1 =~ {' + '.join(items[::2])}\nf2 =~ {' + '.join(items[1::2])}"


# Items, categories, groups, parameterization and the rises of df that counting gives.
RISES = {
    "five categories": ([5] * 6, 2, "theta", [12, 4, 4, 6]),
    "four categories, three groups": ([4] * 6, 3, "theta", [12, 8, 8, 12]),
    "three categories": ([3] * 6, 2, "theta", [0, 4, 4, 6]),
    "three and four": ([3, 3, 3, 3, 4, 4], 2, "delta", [2, 4, 4]),
    "two and four, three groups": ([4, 4, 4, 4, 2, 2], 3, "theta", [8, 4, 8, 12]),
}


@pytest.mark.parametrize("name", list(RISES))
def test_degrees_of_freedom_rise_as_counted(name):
    n_categories, n_groups, parameterization, rises = RISES[name]
    frame = answers(n_categories, n_groups=n_groups, n=450 * n_groups)
    found = measure.measurement_invariance(
        two_factors(6), frame, group="g", ordered=True, parameterization=parameterization
    )
    assert found.table["df_diff"].iloc[1:].to_list() == rises
    # The steps hold in the population: no test rejects by far, and none is there for 0 df.
    tested = found.table["df_diff"] > 0
    assert (found.table.loc[tested, "pvalue_diff"] > 0.001).all()
    untested = found.table.index[~tested][1:]
    assert found.table.loc[untested, ["chisq_diff", "pvalue_diff"]].isna().all(axis=None)
    assert len([note for note in found.notes if "too few categories" in note]) == len(untested)
    for step in untested:
        assert found.table.loc[step, "chisq"] == pytest.approx(
            found.table["chisq"].shift().loc[step], rel=1e-6
        )


def test_binary_items_are_tested_by_scalar_alone():
    """Thresholds, loadings and intercepts of binary items at once (Wu & Estabrook 2016)."""
    frame = answers([2] * 8, n=1200)
    found = measure.measurement_invariance(
        two_factors(8), frame, group="g", ordered=True, parameterization="theta"
    )
    assert found.steps == ("configural", "scalar", "strict")
    # Per factor 4 slopes and 4 thresholds from 4 residual variances, a mean and a variance.
    assert found.table["df_diff"].iloc[1:].to_list() == [4, 8]
    for step in ("thresholds", "metric"):
        with pytest.raises(OptionError, match=f'"{step}" cannot be told.*f1, f2'):
            measure.measurement_invariance(
                two_factors(8), frame, group="g", ordered=True, steps=["configural", step]
            )


# By tests/reference/generate/35_invariance_categories.R: df, chisq and chisq.scaled of each step.
SEMTOOLS_DATA = {
    "three": ([3] * 6, 2),
    "mixed": ([4, 4, 4, 4, 2, 2], 2),
    "binary": ([2] * 8, 2),
    "groups": ([4, 4, 4, 4, 3, 3], 3),
}
SEMTOOLS = {
    "three": {
        "configural": (16, 12.93119, 22.59563),
        "thresholds": (16, 12.93119, 22.59563),
        "metric": (20, 14.51729, 25.45221),
        "scalar": (24, 15.60812, 26.83655),
        "strict": (30, 20.58845, 34.76825),
    },
    # semTools tests the loadings of binary items in the metric step with their residual variances
    # held equal, which nothing tells; ours leaves them to the scalar step.
    "mixed": {
        "configural": (16, 8.5495, 15.48307),
        "thresholds": (20, 9.080558, 17.96819),
        "scalar": (26, 10.98392, 20.166),
        "strict": (32, 15.66536, 27.12893),
    },
    "binary": {
        "configural": (38, 35.66414, 53.70958),
        "scalar": (42, 40.90831, 61.88166),
        "strict": (50, 49.46996, 69.93963),
    },
    "groups": {
        "configural": (24, 6.242849, 13.55614),
        "thresholds": (32, 9.105993, 20.70307),
        "metric": (40, 13.59014, 27.94623),
        "scalar": (48, 17.82713, 33.62227),
        "strict": (60, 27.18008, 48.8923),
    },
}


@pytest.mark.parametrize("name", list(SEMTOOLS))
def test_numbers_of_categories_agree_with_semtools(name):
    n_categories, n_groups = SEMTOOLS_DATA[name]
    found = measure.measurement_invariance(
        two_factors(len(n_categories)),
        answers(n_categories, n_groups=n_groups, n=500 * n_groups),
        group="g",
        ordered=True,
        parameterization="theta",
    ).table
    for step, theirs in SEMTOOLS[name].items():
        ours = found.loc[step, ["df", "chisq", "chisq.scaled"]].to_list()
        assert ours == pytest.approx(theirs, rel=1e-5), step


def test_ordered_and_continuous_items_together():
    frame = answers([4, 4, 4], n_continuous=3, n=1000)
    found = measure.measurement_invariance(
        two_factors(6), frame, group="g", ordered=["u1", "u2", "u3"], parameterization="theta"
    )
    # Thresholds of the three ordered items; then all six items count.
    assert found.table["df_diff"].iloc[1:].to_list() == [3, 4, 4, 6]


@pytest.mark.parametrize("parameterization", ["delta", "theta"])
def test_scales_by_marker_items_change_nothing(parameterization):
    options = {"group": "g", "ordered": True, "parameterization": parameterization}
    frame = answers([4] * 6)
    one, other = (
        measure.measurement_invariance(two_factors(6), frame, std_lv=std_lv, **options).table
        for std_lv in (True, False)
    )
    for column in ("chisq.scaled", "chisq_diff", "cfi.nested", "rmsea.scaled"):
        np.testing.assert_allclose(one[column], other[column], rtol=1e-5)


def test_later_steps_rest_on_scalar_only():
    steps = ("configural", "metric", "scalar", "strict", "variances", "covariances", "means")
    found = measure.measurement_invariance(THREE, data("hs39.csv"), group="school", steps=steps)
    assert found.table["df_diff"].iloc[1:].to_list() == [6, 6, 9, 3, 3, 3]
    short = measure.measurement_invariance(
        THREE, data("hs39.csv"), group="school", steps=("configural", "means")
    )
    # Loadings, intercepts and means; residuals and variances are free.
    assert short.table["df_diff"].iloc[1] == 15
    assert set(steps) == set(STEPS) - {"thresholds"}


def test_residual_covariances_are_equal_with_residual_variances():
    text = f"{THREE}\nx1 ~~ x4\nvisual ~~ 0*speed"
    found = measure.measurement_invariance(text, data("hs39.csv"), group="school")
    assert found.table["df_diff"].iloc[1:].to_list() == [6, 6, 10]


def test_the_text_that_was_fitted_can_be_fitted_by_itself():
    frame = answers([4] * 6)
    found = measure.measurement_invariance(two_factors(6), frame, group="g", ordered=True)
    fit = found.fits["metric"]
    again = measure.fit(fit.text, frame, group="g", ordered=True)
    assert again.fit_measures["chisq"] == pytest.approx(fit.fit_measures["chisq"])
    assert "lambda1" in fit.text


def test_partial_in_one_of_three_groups():
    frame = answers([5] * 6, n_groups=3, n=1500)
    whole = measure.measurement_invariance(two_factors(6), frame, group="g", ordered=True)
    found = measure.measurement_invariance(
        two_factors(6),
        frame,
        group="g",
        ordered=True,
        partial={"u1 | t3": ["group 1"], "f2 =~ u2": ["group 0", "group 2"], "u3 ~1": ["group 2"]},
    )
    lost = whole.table["df"] - found.table["df"]
    assert lost.to_list() == [0, 1, 3, 4]
    assert found.released["groups"].to_list() == ["group 1", "group 0, group 2", "group 2"]
    rows = found.fits["scalar"].parameters.set_index(["lhs", "op", "rhs", "group"])["est"]
    labels = list(found.groups.index)
    tau = [rows["u1", "|", "t3", label] for label in labels]
    own = labels.index("group 1")
    assert len({round(value, 8) for value in tau}) == 2
    assert tau[own] not in [tau[k] for k in range(3) if k != own]
    assert rows["u3", "~1", "", "group 2"] != 0
    assert rows["u3", "~1", "", "group 0"] == rows["u3", "~1", "", "group 1"] == 0


def test_cfi_against_a_null_model_that_is_nested():
    """The null model of a ladder up to strict has equal means and variances (by hand)."""
    frame = data("hs39.csv")
    found = measure.measurement_invariance(THREE, frame, group="school")
    items = [f"x{k}" for k in range(1, 10)]
    parts = [part[items].to_numpy() for _, part in frame.groupby("school")]
    variances = frame[items].var(ddof=0).to_numpy()
    chisq = 0.0
    for part in parts:
        covariance = np.cov(part.T, ddof=0)
        gap = part.mean(axis=0) - frame[items].mean().to_numpy()
        ratio = (np.diag(covariance) + gap**2) / variances
        determinant = np.log(variances).sum() - np.linalg.slogdet(covariance)[1]
        chisq += len(part) * (determinant + ratio.sum() - 9)
    row = found.table.loc["scalar"]
    expected = 1 - (row["chisq"] - row["df"]) / (chisq - 90)
    # 54 moments a group, and 18 parameters in all.
    assert row["cfi.nested"] == pytest.approx(expected, rel=1e-6)
    without = measure.measurement_invariance(THREE, frame, group="school", null="none")
    pd.testing.assert_frame_equal(without.table, found.table.drop(columns="cfi.nested"))
    with pytest.raises(OptionError, match="null"):
        measure.measurement_invariance(THREE, frame, group="school", null="no")


def test_other_degrees_of_freedom_than_counted_stop_everything():
    fit = measure.cfa(THREE, data("hs39.csv"))
    require_df(fit, 24, "configural")
    with pytest.raises(RuntimeError, match='"metric" has 24 degrees of freedom where 25'):
        require_df(fit, 25, "metric")


def test_clusters_and_incomplete_rows():
    frame = data("hs39_mcar.csv")
    frame = frame.dropna(subset=[f"x{k}" for k in range(1, 10)], how="all")
    frame = frame.assign(unit=np.arange(len(frame)) // 3)
    found = measure.measurement_invariance(
        THREE, frame, group="school", estimator="MLR", missing="fiml", cluster="unit"
    )
    assert found.fits["scalar"].n_clusters == 100
    assert found.variant == "robust"
    assert np.isfinite(found.table.loc["metric":].select_dtypes("number")).all(axis=None)
    assert "clusters" in repr(found)
    plain = measure.cfa(
        THREE,
        frame,
        group="school",
        estimator="MLR",
        missing="fiml",
        cluster="unit",
        group_equal=["loadings", "intercepts"],
    )
    assert found.table.loc["scalar", "chisq.scaled"] == pytest.approx(
        plain.fit_measures["chisq.scaled"], rel=1e-5
    )


def test_a_step_that_does_not_converge_ends_the_table(monkeypatch):
    from measure.comparability import ladder_fits
    from measure.errors import ConvergenceError

    fit = ladder_fits.Ladder.fit

    def stops(self, step, near=None):
        if step == "scalar":
            raise ConvergenceError("ML stopped after 1000 iterations.", None)
        return fit(self, step, near)

    monkeypatch.setattr(ladder_fits.Ladder, "fit", stops)
    found = measure.measurement_invariance(THREE, data("hs39.csv"), group="school")
    assert found.steps == ("configural", "metric")
    assert found.notes[0].startswith("The steps scalar, strict are missing: at scalar, ML stopped")
