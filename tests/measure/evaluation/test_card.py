"""Degrees of freedom counted apart from the engine: the engine's, and lavaan's."""

import numpy as np
import pytest

import measure
from tests.measure.reference_fits import continuous, ordinal, places, reference, refit
from tests.reference_cases import case, data

PLACES = [*places(continuous), *places(ordinal)]
THREE = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
ORDERED = THREE.replace(" x", " o")


@pytest.fixture(scope="module")
def hs39():
    return data("hs39.csv")


@pytest.mark.parametrize(("name", "step"), PLACES)
def test_count_agrees_with_lavaan(name, step):
    content = reference(name, step)
    card = measure.model_card(refit(content, case(name)))
    assert card.df_predicted == content["fit_measures"]["df"]
    assert card.n_free - card.equalities_within - card.equalities_across == pytest.approx(
        content["fit_measures"]["npar"]
    )
    assert card.agrees


def test_counts_of_a_plain_model(hs39):
    card = measure.model_card(measure.cfa(THREE, hs39))
    moments, parameters = card.moments.iloc[0], card.parameters.iloc[0]
    assert moments[["observed", "means", "variances", "covariances", "given"]].tolist() == [
        9,
        0,
        9,
        36,
        0,
    ]
    assert parameters["loadings"] == 6
    assert parameters["residual variances"] == 9
    assert parameters["factor variances"] == 3
    assert parameters["factor covariances"] == 3
    assert (card.n_moments, card.n_free, card.df_predicted) == (45, 21, 24)
    assert "df predicted" in repr(card)
    assert "df predicted" in card._repr_html_()


def test_counts_with_groups_and_ties(hs39):
    fit = measure.cfa(THREE, hs39, group="school", group_equal=["loadings", "intercepts"])
    card = measure.model_card(fit)
    assert card.moments["group"].tolist() == ["Pasteur", "Grant-White"]
    assert card.parameters["factor means"].tolist() == [0, 3]
    assert (card.equalities_within, card.equalities_across) == (0, 15)
    assert card.df_predicted == 60


def test_moments_of_given_predictors_do_not_count(hs39):
    card = measure.model_card(
        measure.sem("f =~ x1 + x2 + x3\nf ~ x4 + x5", hs39, meanstructure=True)
    )
    row = card.moments.iloc[0]
    assert row["given"] == 3 + 2
    assert row["moments"] == 15 + 5 - 5
    assert card.parameters["regressions"].tolist() == [2]
    # The factor is explained: its variance is a residual one.
    assert card.parameters["factor variances"].tolist() == [0]
    assert card.agrees


def test_ordered_items_have_thresholds():
    frame = data("bfi.csv")
    ordered = ["N1", "N2", "N3"]
    text = "f =~ N1 + N2 + N3\ng =~ A2 + A3 + A5"
    options = {"ordered": ordered, "group": "gender", "missing": "pairwise"}
    equal = ["thresholds", "loadings", "intercepts"]
    card = measure.model_card(measure.cfa(text, frame, group_equal=equal, **options))
    row = card.moments.iloc[1]
    names = ["observed", "thresholds", "means", "variances", "covariances", "given", "moments"]
    assert row[names].tolist() == [6, 15, 3, 3, 15, 0, 36]
    assert card.parameters["thresholds"].tolist() == [15, 15]
    assert card.parameters["scaling factors"].tolist() == [0, 3]
    assert card.parameters["residual variances"].tolist() == [3, 3]
    assert card.parameters["factor means"].tolist() == [0, 2]
    assert card.equalities_across == 15 + 4 + 3
    assert card.agrees
    theta = measure.model_card(
        measure.cfa(text, frame, group_equal=equal, parameterization="theta", **options)
    )
    assert theta.parameters["residual variances"].tolist() == [3, 6]
    assert theta.parameters["scaling factors"].tolist() == [0, 0]
    assert theta.df_predicted == card.df_predicted


def test_an_equation_that_follows_from_others_counts_once(hs39):
    text = "f =~ x1 + a*x2 + a*x3 + b*x4 + c*x5\na == b\nb == c\na == c"
    card = measure.model_card(measure.cfa(text, hs39))
    assert card.equalities_within == 3
    assert card.agrees


def test_inequalities_take_no_df(hs39):
    card = measure.model_card(measure.cfa("f =~ x1 + a*x2 + x3 + x4\na > 0.2", hs39))
    assert card.df_predicted == 2
    assert "inequalities" in card.notes[0]
    assert card.agrees


def test_effect_coding_and_nonlinear_equations_count(hs39):
    coded = measure.model_card(measure.cfa(THREE, hs39, effect_coding=True, meanstructure=True))
    assert coded.equalities_within == 6
    assert coded.agrees
    curved = measure.model_card(measure.cfa("f =~ x1 + a*x2 + b*x3 + x4\na == b^2", hs39))
    assert curved.equalities_within == 1
    assert curved.agrees


@pytest.mark.filterwarnings("ignore::measure.errors.ListwiseWarning")
def test_auxiliary_variables_take_as_many_parameters_as_moments(hs39):
    frame = data("hs39_mcar.csv")
    options = {
        "missing": "fiml",
        "group": "school",
        "group_equal": ["loadings", "intercepts", "residuals"],
    }
    text = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6"
    plain = measure.model_card(measure.cfa(text, frame, **options))
    helped = measure.model_card(measure.cfa(text, frame, auxiliary=["x9"], **options))
    assert helped.parameters["auxiliary"].tolist() == [8, 8]
    assert helped.df_predicted == plain.df_predicted
    assert helped.equalities_across == plain.equalities_across
    assert helped.agrees


def test_a_wrong_count_would_be_seen(hs39):
    card = measure.model_card(measure.cfa(THREE, hs39))
    wrong = card.__class__(**{**vars(card), "df": card.df + 1})
    assert not wrong.agrees
    assert np.array_equal(wrong.moments, card.moments)


@pytest.mark.parametrize("parameterization", ["delta", "theta"])
def test_ordered_items_count_by_their_thresholds(parameterization):
    frame = data("hs39_ordered4.csv")
    fit = measure.cfa(ORDERED, frame, ordered=True, parameterization=parameterization)
    card = measure.model_card(fit)
    moments, parameters = card.moments.iloc[0], card.parameters.iloc[0]
    assert moments[["thresholds", "means", "variances", "covariances"]].tolist() == [27, 0, 0, 36]
    assert parameters[["thresholds", "scaling factors", "residual variances"]].tolist() == [
        27,
        0,
        0,
    ]
    assert (card.n_moments, card.n_free, card.df_predicted) == (63, 39, 24)
    assert card.agrees


def test_an_ordered_item_beside_continuous_ones(hs39):
    mixed = hs39.assign(x1=data("hs39_ordered4.csv")["o1"])
    card = measure.model_card(measure.cfa(THREE, mixed, ordered=["x1"]))
    moments = card.moments.iloc[0]
    assert moments[["thresholds", "means", "variances"]].tolist() == [3, 8, 8]
    assert card.agrees


def test_scaling_factors_of_later_groups_are_parameters():
    frame = data("hs39_ordered4.csv")
    fit = measure.cfa(
        ORDERED, frame, ordered=True, group="school", group_equal=["thresholds", "loadings"]
    )
    card = measure.model_card(fit)
    assert card.parameters["scaling factors"].tolist() == [0, 9]
    assert card.equalities_across == 27 + 6
    assert card.agrees
