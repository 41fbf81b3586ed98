"""Populations in which a model is wrong by a stated amount."""

import numpy as np
import pandas as pd
import pytest

import measure
from measure.errors import ModelError, OptionError
from measure.planning.misspecified import Omitted, Solution
from measure.simulating.populations import population, stated_model

# Sizes that no two items share, and negative ones, so that every choice can be told.
LOADINGS = {"f": (0.6, 0.7, 0.5), "g": (0.8, 0.75, -0.65), "h": (0.55, 0.9, 0.7)}
CORRELATIONS = {("f", "g"): 0.4, ("f", "h"): 0.3, ("g", "h"): -0.2}


def text(extra="", left=None):
    """Write a standardised model of three factors; `left` holds residual variances by item."""
    lines, k = [], 0
    for factor, loadings in LOADINGS.items():
        for loading in loadings:
            k += 1
            rest = 1 - loading**2 if left is None or f"x{k}" not in left else left[f"x{k}"]
            lines += [f"{factor} =~ {loading}*x{k}", f"x{k} ~~ {rest!r}*x{k}"]
        lines.append(f"{factor} ~~ 1*{factor}")
    lines += [f"{a} ~~ {r}*{b}" for (a, b), r in CORRELATIONS.items()]
    return "\n".join([*lines, extra])


def solution(model=None):
    built = stated_model(text() if model is None else model)
    return Solution.of(built.states(np.zeros(0))[0], built.table)


def test_a_standardised_text_is_its_own_solution():
    found = solution()
    assert found.sigma == pytest.approx(population(text()).moments[0].sigma)
    assert found.loadings[3:6, 1] == pytest.approx(LOADINGS["g"])
    assert found.correlations[0, 1] == pytest.approx(0.4)
    assert found.cross[0] == pytest.approx([0.6, 0.24, 0.18])


def test_what_is_added_is_what_a_text_with_it_says():
    # Residual variances that keep the variances of the items at 1, by hand.
    left = {
        "x3": 1 - 0.5**2 - 0.3**2 - 2 * 0.5 * 0.3 * 0.4,
        "x7": 1 - 0.55**2 - 0.2**2 - 2 * 0.55 * 0.2 * 0.3,
    }
    root = float(np.sqrt((1 - 0.7**2) * left["x7"]))
    said = text(f"g =~ 0.3*x3\nf =~ 0.2*x7\nx2 ~~ {0.25 * root!r}*x7", left)
    omitted = [
        Omitted("g", "=~", "x3", 0.3),
        Omitted("f", "=~", "x7", 0.2),
        Omitted("x2", "~~", "x7", 0.25),
    ]
    found = solution().with_omitted(omitted)
    assert found.sigma == pytest.approx(population(said).moments[0].sigma, abs=1e-12)
    assert np.diag(found.sigma) == pytest.approx(np.ones(9))


def test_second_loadings_are_chosen_as_mcneish_and_wolf_do():
    levels = solution().levels()
    assert [len(level) for level in levels] == [1, 2]
    # The weakest item of the weakest factor, on the most reliable other one (h); the next weakest
    # factor's may not be paired with the same factor again.
    first, second = levels[1]
    assert (str(first), str(second)) == ("h =~ x3", "g =~ x7")
    assert first.size == pytest.approx(0.5)
    # As much as leaves x7 a residual variance, or its own loading.
    shared = 0.55 * 0.2
    room = 0.95 * (np.sqrt(shared**2 + 1 - 0.55**2) - shared)
    assert second.size == pytest.approx(min(0.55, room))


def test_a_reversed_item_is_reversed_on_the_second_factor_too():
    model = text().replace("0.5*x3", "-0.5*x3")
    assert solution(model).levels()[0][0].size == pytest.approx(-0.5)


def test_residuals_of_one_factor_correlate_in_thirds():
    loadings = (0.8, 0.5, 0.7, 0.6, 0.9, 0.4, 0.75)
    lines = [f"f =~ {b}*x{k}\nx{k} ~~ {1 - b**2!r}*x{k}" for k, b in enumerate(loadings, 1)]
    levels = solution("\n".join([*lines, "f ~~ 1*f"])).levels()
    assert [[str(one) for one in level] for level in levels] == [
        ["x2 ~~ x6"],
        ["x2 ~~ x6", "x3 ~~ x4"],
        ["x2 ~~ x6", "x3 ~~ x4", "x1 ~~ x7"],
    ]
    five = "\n".join([*lines[:5], "f ~~ 1*f"])
    assert [len(level) for level in solution(five).levels()] == [1, 2]
    four = "\n".join([*lines[:4], "f ~~ 1*f"])
    assert [len(level) for level in solution(four).levels()] == [1]


@pytest.mark.parametrize(
    ("one", "error", "said"),
    [
        (Omitted("k", "=~", "x1", 0.3), OptionError, 'names "k"'),
        (Omitted("g", "=~", "y", 0.3), OptionError, 'names "y"'),
        (Omitted("f", "=~", "x1", 0.3), OptionError, "is in the model"),
        (Omitted("x1", "~~", "x1", 0.3), OptionError, "two different items"),
        (Omitted("f", "~", "x1", 0.3), OptionError, "only loadings"),
        (Omitted("f", "=~", "x8", 0.9), ModelError, "no population has"),
        (Omitted("x1", "~~", "x2", 1.0), ModelError, "no population has"),
    ],
)
def test_what_cannot_be_added_is_refused(one, error, said):
    with pytest.raises(error, match=said):
        solution().with_omitted([one])


def test_models_without_anything_to_leave_out_are_refused():
    three = "f =~ 0.7*x1 + 0.6*x2 + 0.5*x3\nf ~~ 1*f\n"
    three += "x1 ~~ 0.51*x1\nx2 ~~ 0.64*x2\nx3 ~~ 0.75*x3"
    with pytest.raises(ModelError, match="needs 4 items"):
        solution(three).levels()
    data = pd.read_csv("tests/reference/data/hs39.csv")
    fit = measure.sem("f =~ x1 + x2 + x3 + x4\nx5 ~ f\nx6 ~ x5", data)
    with pytest.raises(ModelError, match="x5"):
        Solution.of(fit.point.states[0], fit.model.table)
