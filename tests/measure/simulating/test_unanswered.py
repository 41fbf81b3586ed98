"""Forms that leave out items, and respondents who do not read."""

import numpy as np
import pytest

import measure
from measure.errors import OptionError
from measure.simulating.inattention import Careless, careless_kinds
from measure.simulating.planned import Forms
from measure.simulating.populations import population
from measure.simulating.simulation import simulate

ITEMS = [f"x{k}" for k in range(1, 7)]
TEXT = "f =~ " + " + ".join(f"0.7*{name}" for name in ITEMS) + "\nf ~~ 1*f\n"
ORDERED = TEXT + "\n".join(f"{name} | -1*t1 + 0*t2 + 1*t3" for name in ITEMS)
NUMBERS = TEXT + "\n".join(f"{name} ~~ 0.51*{name}" for name in ITEMS)
THREE = Forms([["x3", "x4"], ["x4", "x5"], ["x5", "x3"]])


def test_each_form_lacks_its_items_and_is_handed_out_as_often():
    drawn = simulate(NUMBERS, 300, seed=1, missing=THREE)
    gone = drawn.isna()
    assert not gone[["x1", "x2", "x6"]].any().any()
    assert (gone[["x3", "x4", "x5"]].sum(axis=1) == 1).all()
    assert gone[["x3", "x4", "x5"]].sum().tolist() == [100, 100, 100]
    # In every three respondents each form occurs once.
    assert (gone[["x3", "x4", "x5"]].groupby(np.arange(300) // 3).sum() == 1).all().all()


def test_full_information_finds_the_loadings_of_planned_forms_again():
    drawn = simulate(NUMBERS, 6000, seed=2, missing=THREE)
    rows = measure.cfa("f =~ " + " + ".join(ITEMS), drawn, missing="fiml", std_lv=True).parameters
    loadings = rows[rows["op"] == "=~"]
    assert ((loadings["est"] - 0.7).abs() < 4 * loadings["se"]).all()
    assert loadings["se"].max() < 0.03


def test_careless_answers_are_what_they_are_called():
    stated = Careless(0.3, favourites={3: 1.0}, keeps=1.0, column="kind")
    drawn = simulate(ORDERED, 9000, seed=3, careless=stated)
    assert drawn["kind"].value_counts().to_dict() == {
        "attentive": 6300,
        "straightline": 900,
        "random": 900,
        "partial": 900,
    }
    lines = drawn.loc[drawn["kind"] == "straightline", ITEMS]
    assert (lines == 3).all().all()
    anything = drawn.loc[drawn["kind"] == "random", ITEMS]
    shares = anything.stack().value_counts(normalize=True)
    assert shares.to_numpy() == pytest.approx(0.25, abs=0.03)
    assert anything.corr().to_numpy()[np.triu_indices(6, 1)] == pytest.approx(0, abs=0.15)
    # Those who stop reading do so after a fifth of the form at the earliest.
    partly = drawn.loc[drawn["kind"] == "partial", ITEMS].corr()
    assert partly.loc["x1", "x2"] > 0.3
    assert partly.loc["x5", "x6"] == pytest.approx(0, abs=0.12)
    honest = drawn.loc[drawn["kind"] == "attentive", ITEMS].corr()
    assert honest.loc["x5", "x6"] > 0.35


def test_careless_answers_are_drawn_before_holes_and_in_any_coding():
    drawn = simulate(ORDERED, 600, seed=4, careless=Careless(0.5, keeps=0.5), missing=THREE)
    assert set(drawn["x1"]) == {1, 2, 3, 4}
    assert drawn["x3"].isna().sum() == 200
    assert "kind" not in drawn
    assert (careless_kinds(100, 0.09, np.random.default_rng(1)) != "attentive").sum() == 9


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: simulate(NUMBERS, 9, seed=1, careless=Careless(0.1)), "x1, x2, .* thresholds"),
        (lambda: Careless(1.2), "share is 1.2"),
        (lambda: Careless(0.1, attentive=(0.9, 0.2)), "smaller share first"),
        (lambda: Careless(0.1, favourites={1: 0.5}), "do not add up to 1"),
        (lambda: Forms([["x1"]]), "at least two"),
        (lambda: Forms(["x1", "x2"]), "a list of names"),
        (lambda: simulate(NUMBERS, 9, seed=1, missing=Forms([["x1"], ["z"]])), 'names "z"'),
        (lambda: simulate(NUMBERS, 9, seed=1, missing="x"), "missing is a Holes"),
        (
            lambda: simulate(ORDERED, 9, seed=1, careless=Careless(0.1, column="x1")),
            "careless answers",
        ),
    ],
)
def test_impossible_forms_and_careless_answers_are_refused(call, message):
    with pytest.raises(OptionError, match=message):
        call()


def test_a_population_keeps_its_numbers_without_any_of_it():
    truth = population(ORDERED)
    one, other = (simulate(truth, 50, seed=9, careless=c) for c in (None, Careless(0.0)))
    assert one.equals(other)
