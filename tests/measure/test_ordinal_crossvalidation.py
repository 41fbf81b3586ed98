"""Cross-validation of models for ordered items."""

import numpy as np
import pandas as pd
import pytest

import measure
from measure.errors import OptionError
from measure.evaluation.heldout import _deal, _refit, design_of, specifications
from measure.model import moment_vector
from measure.moments import ordinal
from measure.moments.rows import rows_of
from tests.reference_cases import data

NAMES = ["A2", "A3", "A5", "N1", "N2", "N3"]
TWO = "A =~ A2 + A3 + A5\nN =~ N1 + N2 + N3"
ONE = "g =~ A2 + A3 + A5 + N1 + N2 + N3"


@pytest.fixture(scope="module")
def bfi():
    rows = data("bfi.csv").dropna(subset=[*NAMES, "gender"]).iloc[:1200].reset_index(drop=True)
    return rows.assign(team=np.arange(len(rows)) // 6)


def fitted(text, frame, **options):
    return measure.cfa(text, frame, **{"ordered": NAMES, **options})


@pytest.fixture(scope="module")
def pair(bfi):
    return {"two": fitted(TWO, bfi), "one": fitted(ONE, bfi)}


@pytest.fixture(scope="module")
def result(pair, bfi):
    return measure.cross_validate(pair, bfi, seed=4, folds=4)


def test_the_discrepancy_is_about_that_of_moments_estimated_in_the_fold(pair, bfi, result):
    """The moments of a fold from the influence of its rows, to first order."""
    specs = specifications(pair)
    design = design_of(specs, bfi, 4, None)
    whole = ordinal.from_rows(rows_of(bfi, pair["two"].moments.names), tuple(NAMES), pairwise=False)
    weight = 1 / np.diag(whole.ordinal.gamma)
    fold = _deal(design, np.random.default_rng(0))
    for k in range(4):
        held = fold == k
        own = ordinal.from_rows(rows_of(bfi[held], whole.names), tuple(NAMES), pairwise=False)
        sample = moment_vector(own.sample[0], means=True, layout=own.layout)
        ours, theirs = [], []
        for spec in specs:
            fit = _refit(spec, bfi[~held])
            gap = sample - moment_vector(fit.implied_moments[0], means=True, layout=own.layout)
            ours.append(design.answers.deviances(fit, held).mean() + design.answers.common(held))
            theirs.append(gap @ (weight * gap))
        # What is left out is of second order, and the fold's own more than that of the models.
        assert ours == pytest.approx(theirs, rel=0.12)
        assert ours[1] - ours[0] == pytest.approx(theirs[1] - theirs[0], rel=0.1)
    assert len(result.folds) == 8


def test_a_difference_of_models_is_exactly_linear_in_the_respondents(bfi):
    specs = specifications({"two": fitted(TWO, bfi)})
    design = design_of(specs, bfi, 3, None)
    held = np.arange(len(bfi)) % 3 == 0
    fit = _refit(specs[0], bfi[~held])
    answers = design.answers
    mean = answers.influences[0](np.flatnonzero(held)).mean(axis=1)
    model = moment_vector(fit.implied_moments[0], means=True, layout=fit.moments.layout)
    gap = answers.vectors[0] + mean - model
    whole = answers.deviances(fit, held).mean() + answers.common(held)
    assert whole == pytest.approx(gap @ (answers.weights[0] * gap), rel=1e-10)


def test_numbers_belong_together(result):
    two, one = (result.models.set_index("model").loc[name] for name in ("two", "one"))
    row = result.differences.iloc[0]
    assert row["difference"] == pytest.approx(two["deviance"] - one["deviance"])
    assert row["difference"] < 0
    assert row["ci.upper"] < 0
    assert row["n"] == result.n_obs == 1200
    cvi = result.folds.groupby("model")["cvi"].mean()
    assert cvi["two"] == pytest.approx(two["cvi"])
    gaps = result.folds["cvi"] - result.folds["deviance"]
    # What the fold adds by itself is the same for both models.
    np.testing.assert_allclose(gaps[::2], gaps[1::2])
    assert (gaps > 0).all()
    assert "Items are ordered" in result.notes[0]
    assert "diagonally weighted" in repr(result)


def test_parameterization_estimator_and_order_of_items_are_the_models_own(bfi, result, pair):
    turned = "N =~ N3 + N2 + N1\nA =~ A5 + A2 + A3"
    models = {
        "two": pair["two"],
        "theta": fitted(turned, bfi, parameterization="theta"),
        "ulsmv": fitted(turned, bfi, estimator="ULSMV"),
    }
    found = measure.cross_validate(models, bfi, seed=4, folds=4)
    values = found.models.set_index("model")["deviance"]
    assert values["theta"] == pytest.approx(values["two"], rel=1e-5)
    assert values["two"] == pytest.approx(result.models["deviance"].iloc[0])
    assert values["ulsmv"] == pytest.approx(values["two"], rel=0.1)


def test_the_seed_and_not_the_workers_decide(bfi, pair, workers_here):
    runs = [
        measure.cross_validate(pair, bfi, seed=6, folds=3, repeats=2, workers=workers)
        for workers in (1, 2)
    ]
    pd.testing.assert_frame_equal(runs[0].folds, runs[1].folds)


def test_copies_in_clusters_do_not_shrink_the_standard_error(bfi):
    copied = pd.concat([bfi.assign(person=bfi.index)] * 3, ignore_index=True)
    models = {"two": fitted(TWO, bfi), "one": fitted(ONE, bfi)}
    single = measure.cross_validate(models, bfi, seed=1, folds=5)
    clustered = measure.cross_validate(models, copied, seed=1, folds=5, cluster="person")
    assert clustered.n_units == 1200
    a, b = (found.differences.iloc[0] for found in (single, clustered))
    # Weights by the clusters' own variances are a third of those of the rows taken for apart.
    ratio = a["difference"] / b["difference"]
    assert ratio == pytest.approx(3, rel=0.05)
    assert a["se"] / b["se"] == pytest.approx(ratio, rel=0.05)


def test_clusters_of_the_fits_are_held_out_as_a_whole(bfi):
    models = {"two": fitted(TWO, bfi, cluster="team"), "one": fitted(ONE, bfi, cluster="team")}
    found = measure.cross_validate(models, bfi, seed=1, folds=5)
    assert (found.n_units, found.n_obs) == (200, 1200)
    assert set(found.folds["n_test"] % 6) == {0}


def test_groups_have_models_and_weights_of_their_own(bfi):
    equal = fitted(TWO, bfi, group="gender", group_equal=["thresholds", "loadings"])
    free = fitted(TWO, bfi, group="gender")
    found = measure.cross_validate({"equal": equal, "free": free}, bfi, seed=2, folds=4)
    assert found.models["deviance"].notna().all()
    turned = bfi.sort_values("gender", ascending=bfi["gender"].iloc[0] == 2)
    again = measure.cross_validate({"free": free}, turned, seed=2, folds=4)
    assert again.models["n_failed"].item() == 0
    ratio = again.models["deviance"].item() / found.models["deviance"].iloc[1]
    assert ratio == pytest.approx(1.0, abs=0.25)


@pytest.mark.filterwarnings("ignore::measure.errors.ListwiseWarning")
def test_incomplete_rows_count_with_the_answers_they_have(bfi):
    holes = bfi.copy()
    holes.loc[::5, "A2"] = np.nan
    holes.loc[1, NAMES] = np.nan
    models = {
        name: fitted(text, holes, missing="pairwise") for name, text in (("two", TWO), ("one", ONE))
    }
    found = measure.cross_validate(models, holes, seed=3, folds=4)
    assert found.n_obs == 1199
    whole = measure.cross_validate(
        {name: fitted(fit.text, holes) for name, fit in models.items()}, holes, seed=3, folds=4
    )
    assert whole.n_obs == 1199 - 240
    row, other = found.differences.iloc[0], whole.differences.iloc[0]
    assert row["difference"] == pytest.approx(other["difference"], rel=0.15)


def test_mixed_items(bfi):
    models = {
        name: fitted(text, bfi, ordered=NAMES[:3]) for name, text in (("two", TWO), ("one", ONE))
    }
    found = measure.cross_validate(models, bfi, seed=3, folds=4)
    assert found.differences["difference"].item() < 0
    # In other units of the continuous items nothing changes.
    scaled = bfi.assign(N1=bfi["N1"] * 10)
    again = measure.cross_validate(
        {name: fitted(fit.text, scaled, ordered=NAMES[:3]) for name, fit in models.items()},
        scaled,
        seed=3,
        folds=4,
    )
    np.testing.assert_allclose(again.models["deviance"], found.models["deviance"], rtol=1e-4)


def test_a_category_missing_from_a_training_part_is_a_failure_by_name(bfi):
    rare = bfi.copy()
    rare.loc[5, "N1"] = 7
    found = measure.cross_validate({"two": fitted(TWO, rare)}, rare, seed=3, folds=4)
    assert found.models["n_failed"].item() == 1
    failure = found.failures.iloc[0]
    assert failure["error"] == "DataError"
    assert failure["message"].startswith('category 7 of ordered item "N1" is not among the rows')
    assert len(found.folds.dropna(subset="deviance")) == 3


def test_ordered_and_continuous_items_are_not_compared(bfi, pair):
    other = fitted(TWO, bfi, ordered=NAMES[:5])
    with pytest.raises(OptionError, match=r"N3: ordered in one of \"other\" and \"two\""):
        measure.cross_validate({"two": pair["two"], "other": other}, bfi, seed=1)
