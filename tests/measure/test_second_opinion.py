import logging
import warnings
from dataclasses import replace
from importlib import import_module

import numpy as np
import pandas as pd
import pytest

import measure
from measure.errors import DataError, ImproperSolutionWarning, ListwiseWarning
from measure.evaluation.semopy_syntax import translate
from tests.reference_cases import data

# The package exports the function under the same name.
module = import_module("measure.evaluation.semopy_opinion")

HS = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
GENERAL = "\ng =~ " + " + ".join(f"x{k}" for k in range(1, 10))
BFI = "\n".join(f"{f} =~ " + " + ".join(f"{f}{k}" for k in range(1, 6)) for f in "ACENO")
DEMOCRACY = """
    ind60 =~ x1 + x2 + x3
    dem60 =~ y1 + y2 + y3 + y4
    dem65 =~ y5 + y6 + y7 + y8
    dem60 ~ ind60
    dem65 ~ ind60 + dem60
    y1 ~~ y5
    y2 ~~ y4 + y6
    y3 ~~ y7
    y4 ~~ y8
    y6 ~~ y8
"""
TIED = DEMOCRACY.replace("y1 + y2 + y3 + y4", "y1 + a*y2 + b*y3 + c*y4").replace(
    "y5 + y6 + y7 + y8", "y5 + a*y6 + b*y7 + c*y8"
)


@pytest.fixture(scope="module")
def hs39() -> pd.DataFrame:
    return data("hs39.csv")


def asked(text: str, answers: pd.DataFrame, **options: object) -> measure.SecondOpinion:
    function = measure.sem if " ~ " in text else measure.cfa
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ListwiseWarning)
        warnings.simplefilter("ignore", ImproperSolutionWarning)
        fit = function(text, answers, **options)
    return measure.second_opinion(fit, answers)


@pytest.mark.parametrize(
    ("text", "source", "options"),
    [
        (HS, "hs39.csv", {}),
        (HS, "hs39.csv", {"std_lv": True}),
        (HS, "hs39.csv", {"std_lv": True, "meanstructure": True}),
        (HS, "hs39.csv", {"orthogonal": True}),
        (HS, "hs39_mcar.csv", {}),
        (HS + "\ng =~ visual + textual + speed", "hs39.csv", {}),
        (HS + "\ng =~ visual + textual + speed", "hs39.csv", {"std_lv": True}),
        (HS + "\nspeed ~ textual + b*visual\ntextual ~ a*visual\nab := a*b", "hs39.csv", {}),
        (BFI, "bfi.csv", {}),
        (BFI, "bfi.csv", {"std_lv": True}),
        (DEMOCRACY, "political_democracy.csv", {}),
        (TIED, "political_democracy.csv", {}),
        ("x9 ~ b*x7 + c*x1 + x2\nx7 ~ a*x1 + x2\nab := a*b", "hs39.csv", {}),
        ("visual =~ x1 + x2 + x3\nvisual ~ x7 + x8", "hs39.csv", {}),
        ("visual =~ x1 + a*x2 + b*x3\ntextual =~ x4 + x5 + x6\na == b", "hs39.csv", {}),
        ("visual =~ x1 + start(0.4)*x2 + 0.7*x3\nx2 ~~ 1.1*x2", "hs39.csv", {}),
        ("visual =~ x1 + x2\ntextual =~ x4 + x5 + x6\nalone =~ x9", "hs39.csv", {}),
    ],
)
def test_both_find_the_same(text, source, options):
    opinion = asked(text, data(source), **options)
    assert opinion.available
    assert opinion.reason == ""
    assert opinion.agrees, opinion.table[~opinion.table["agrees"].astype(bool)]
    # Far inside the tolerances, as the docstring says.
    table = opinion.table.set_index("quantity")
    assert table.drop(index="chisq")["difference"].abs().max() < 1e-5
    assert abs(table.loc["chisq", "difference"]) < 1e-6


def test_numbers_of_holzinger_and_swineford_are_there_with_their_names(hs39):
    opinion = asked(HS, hs39)
    table = opinion.table
    assert table["quantity"].value_counts().to_dict() == {
        "loading": 9,
        "factor correlation": 3,
        "chisq": 1,
        "df": 1,
        "cfi": 1,
        "rmsea": 1,
    }
    theirs = table.set_index("quantity")["theirs"]
    # lavaan 0.6-14: cfa(HS.model, HolzingerSwineford1939)
    assert theirs["chisq"] == pytest.approx(85.306, abs=5e-4)
    assert theirs["df"] == 24
    assert theirs["cfi"] == pytest.approx(0.931, abs=5e-4)
    assert theirs["rmsea"] == pytest.approx(0.092, abs=5e-4)
    first = table.iloc[0]
    assert (first["lhs"], first["op"], first["rhs"]) == ("visual", "=~", "x1")
    assert first["theirs"] == pytest.approx(0.772, abs=5e-4)


@pytest.mark.parametrize(
    ("objective", "loadings"),
    [
        # lavaan 0.6-14: standardizedSolution(cfa(HS.model, HolzingerSwineford1939, estimator=))
        ("GLS", [0.726, 0.345, 0.536, 0.859, 0.866, 0.835, 0.639, 0.716, 0.727]),
        ("ULS", [0.838, 0.416, 0.544, 0.866, 0.824, 0.860, 0.448, 0.624, 0.860]),
    ],
)
def test_least_squares_estimates_of_semopy_are_right(hs39, objective, loadings):
    import semopy

    fit = measure.cfa(HS, hs39)
    answers = hs39[list(fit.model.table.observed)].astype(float)
    found = module._ask(semopy, translate(fit.model.table, answers), answers, objective)
    values = [value for (_, op, _), value in found.standardized.items() if op == "~"]
    assert values == pytest.approx(loadings, abs=1e-3)
    assert set(found.indices) == {"df"}


@pytest.mark.parametrize(
    ("estimator", "said"), [("ULS", "another scale"), ("MLR", "uncorrected chi-square")]
)
def test_what_is_not_compared_for_another_estimator_is_said(hs39, estimator, said):
    opinion = measure.second_opinion(measure.cfa(HS, hs39, estimator=estimator), hs39)
    assert any(said in note for note in opinion.notes)
    assert opinion.agrees


def test_a_factor_the_other_way_round_is_turned(hs39):
    # Our search starts at the reference item's side, semopy's at the first item's.
    reversed_first = hs39.assign(x1=-hs39["x1"])
    fit = measure.cfa(HS, reversed_first, std_lv=True)
    opinion = measure.second_opinion(fit, reversed_first)
    assert opinion.agrees
    turned = np.sign(opinion.table["ours"].iloc[:3]) == np.sign(opinion.table["theirs"].iloc[:3])
    assert turned.all()


def test_signs_are_told_by_the_loadings_and_lower_factors_first(hs39):
    fit = measure.cfa(HS + "\ng =~ visual + textual + speed", hs39, std_lv=True)
    translation = translate(fit.model.table, hs39[list(fit.model.table.observed)].astype(float))
    rows = measure.standardized(fit)
    keys = zip(rows["lhs"], rows["op"], rows["rhs"], strict=True)
    ours = {key: value for key, value in zip(keys, rows["est.std"], strict=True) if key[1] == "=~"}
    mirrored = {
        key: value * (-1) ** (("visual" in key) + ("g" in key)) for key, value in ours.items()
    }
    assert module._signs(translation, ours, mirrored) == {
        "visual": -1.0,
        "textual": 1.0,
        "speed": 1.0,
        "g": -1.0,
    }


def test_answers_that_are_not_those_of_the_fit_are_told_by_every_number(hs39):
    fit = measure.cfa(HS, hs39)
    shuffled = hs39.assign(x1=hs39["x1"].sample(frac=1, random_state=1).to_numpy())
    opinion = measure.second_opinion(fit, shuffled)
    assert opinion.available
    assert not opinion.agrees
    wrong = set(opinion.table.loc[~opinion.table["agrees"].astype(bool), "quantity"])
    assert {"loading", "factor correlation", "chisq", "cfi", "rmsea"} <= wrong


def test_estimates_that_are_not_the_minimum_disagree(hs39):
    fit = measure.cfa(HS, hs39)
    opinion = measure.second_opinion(replace(fit, params=1.01 * fit.params), hs39)
    wrong = set(opinion.table.loc[~opinion.table["agrees"].astype(bool), "quantity"])
    assert wrong == {"loading"}


def test_a_test_statistic_that_is_not_the_minimum_s_disagrees(hs39):
    fit = measure.cfa(HS, hs39)
    opinion = measure.second_opinion(replace(fit, discrepancy=1.01 * fit.discrepancy), hs39)
    wrong = set(opinion.table.loc[~opinion.table["agrees"].astype(bool), "quantity"])
    assert wrong == {"chisq", "cfi", "rmsea"}
    assert any("our search missed a better minimum" in note for note in opinion.notes)


@pytest.mark.parametrize(("quantity", "by"), [("loading", 2e-4), ("rmsea", -2e-4), ("df", 1.0)])
def test_a_difference_beyond_the_tolerance_does_not_agree(quantity, by):
    name = (quantity, "", "", "")
    assert module._row(name, 24.0, 24.0)[-1] is True
    assert module._row(name, 24.0, 24.0 + by)[-1] is False
    assert module._row(name, 24.0, float("nan"))[-1] is False


def test_chi_square_is_compared_by_its_size():
    name = ("chisq", "", "", "")
    assert module._row(name, 4000.0, 4000.02)[-1] is True
    assert module._row(name, 40.0, 40.02)[-1] is False


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        (HS, {"effect_coding": True}, "effect coding"),
        (HS, {"likelihood": "wishart"}, "divides by N"),
        ("f =~ x1 + a*x2 + b*x3 + x4\na == 2*b", {}, "a == 2*b"),
        ("f =~ x1 + x2 + x3\nx7 ~ f\nx8 ~ x7\nx1 ~~ x7", {}, "x1 ~~ x7"),
        ("f =~ x1 + x2 + x3\nx7 ~~ f", {}, "x7"),
        (HS + GENERAL, {"std_lv": True, "orthogonal": True}, "the variance of x1 is negative"),
        ("f =~ x1 + x2 + x3 + x4\nx1 ~ 0*1", {}, "restricts the means"),
        ("f =~ x1 + x2 + x3 + x4\nx1 ~ m*1\nx2 ~ m*1", {}, "restricts the means"),
    ],
)
def test_what_semopy_cannot_do_is_refused_by_name(hs39, text, options, said):
    opinion = asked(text, hs39, **options)
    assert opinion.outcome == "refused"
    assert not opinion.available
    assert not opinion.agrees
    assert said in opinion.reason
    assert opinion.table.empty
    assert said in repr(opinion)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"missing": "fiml"}, "incomplete rows"),
        ({"estimator": "WLS"}, "WLS has no counterpart"),
        ({"group": "school"}, "this fit has 2"),
    ],
)
def test_options_that_semopy_does_not_have_are_refused(hs39, options, said):
    opinion = measure.second_opinion(measure.cfa(HS, hs39, **options), hs39)
    assert said in opinion.reason


def test_a_search_that_fails_is_a_finding(hs39, monkeypatch):
    import semopy

    fit = measure.cfa(HS, hs39)
    searched = semopy.Model.fit

    def hurried(model, answers, **options):
        return searched(model, answers, **{**options, "options": {"maxiter": 2}})

    monkeypatch.setattr(semopy.Model, "fit", hurried)
    opinion = measure.second_opinion(fit, hs39)
    assert opinion.outcome == "not_converged"
    assert opinion.reason.startswith("semopy did not converge")
    assert opinion.table.empty

    def burst(*_: object) -> None:
        raise np.linalg.LinAlgError("Singular matrix")

    monkeypatch.setattr(module, "_ask", burst)
    opinion = measure.second_opinion(fit, hs39)
    assert opinion.outcome == "not_converged"
    assert opinion.reason == "semopy stopped: Singular matrix"


def test_items_on_very_different_scales_are_not_waved_through(hs39):
    wide = hs39.assign(x1=hs39["x1"] * 1e4)
    opinion = asked(HS, wide)
    assert not opinion.agrees
    assert any("stopped short of our minimum" in note for note in opinion.notes)


def test_other_data_are_an_error(hs39):
    fit = measure.cfa(HS, hs39)
    with pytest.raises(DataError, match="no column x3"):
        measure.second_opinion(fit, hs39.drop(columns="x3"))
    with pytest.raises(DataError, match="rests on 301 rows, but the data have 300"):
        measure.second_opinion(fit, hs39.iloc[:300])


def test_names_that_semopy_does_not_know_are_translated(hs39):
    renamed = hs39.rename(columns={"x1": "START", "x2": "år.1", "x3": "_b1"})
    opinion = asked("latent =~ START + år.1 + _b1 + x4", renamed)
    assert opinion.agrees
    assert list(opinion.table["rhs"])[:4] == ["START", "år.1", "_b1", "x4"]


def test_nothing_is_left_changed_or_printed(hs39, capfd):
    fit = measure.cfa(HS, hs39)
    before = hs39.copy()
    handlers, filters = list(logging.getLogger().handlers), list(logging.getLogger().filters)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        measure.second_opinion(fit, hs39)
    pd.testing.assert_frame_equal(hs39, before)
    assert heard == []
    assert logging.getLogger().handlers == handlers
    assert logging.getLogger().filters == filters
    assert capfd.readouterr() == ("", "")


def test_the_tables_say_what_was_found(hs39):
    opinion = asked(HS, hs39)
    assert "Second opinion (semopy)" in repr(opinion)
    assert "factor correlation" in opinion._repr_html_()
