"""The study of partial invariance: what counts as found, and its tables."""

import json
from argparse import Namespace

import numpy as np
import pandas as pd
import pytest

from benchmarks.invariance import read, report, written
from benchmarks.invariance_calibration import STEPS, Survey, calibration
from benchmarks.invariance_recovery import (
    COMPARISONS,
    CONDITIONS,
    REST,
    Comparison,
    Outcome,
    Plant,
    Released,
    Trial,
    hit,
    others,
    plants,
)
from benchmarks.recovery_design import RecoveryDesign

PLANT = Plant("role", "I_bro2", "t3", 1.0)


def test_the_planted_differences_are_those_of_the_population():
    assert plants(RecoveryDesign()) == (
        PLANT,
        Plant("role", "I_kor4", "t2", 1.0),
        Plant("education", "I_kom1", "loading", -1.0),
    )
    assert {one.column for one in COMPARISONS} == {"role", "education"}


@pytest.mark.parametrize(
    ("released", "counts"),
    [
        (Released("thresholds", "I_bro2", "t3", 0.4), True),
        (Released("thresholds", "I_bro2", "t3", -0.4), False),
        (Released("thresholds", "I_bro2", "t2", 0.4), False),
        (Released("metric", "I_bro2", "loading", 0.4), False),
    ],
)
def test_what_counts_as_found(released, counts):
    assert hit([released], PLANT) is counts
    outcome = Outcome("any", "role", (released, Released("metric", "I_kop1", "loading", 0.2)), True)
    assert others(outcome, [PLANT]) == {"I_kop1"}
    assert others(outcome, []) == {"I_bro2", "I_kop1"}


def test_groups_of_a_comparison():
    rows = pd.DataFrame({"role": ["leader", "other", "employee"], "education": ["a", "b", None]})
    by_role = Comparison("role", "leader", "employee").groups(rows)
    assert by_role.isna().to_list() == [False, True, False]
    assert Comparison("education", "a", None).groups(rows).to_list() == ["a", REST, REST]


def test_tables_count_surveys(tmp_path):
    good = [["thresholds", "I_bro2", "t3", 0.4]]
    false = [["metric", "I_kop1", "loading", 0.2]]
    trials = [
        [[c.name, one.column, rows, True] for c in CONDITIONS for one in COMPARISONS]
        for rows in (good, false)
    ]
    path = tmp_path / "invariance.json"
    content = {"samples": 2, "failed": 0, "seed": 1, "minutes": 1.0, "outcomes": trials}
    path.write_text(json.dumps(content), encoding="utf-8")
    text = report(read(path), [PLANT])
    assert "| planted, as bundled | `I_bro2` t3, by role | 50.0 | 50.0 |" in text
    assert "| planted, as bundled | role | 50.0 | 50.0 `I_kop1` | 0.0 |" in text
    assert "| nothing planted, as bundled | role | 100.0 |" in text


@pytest.mark.slow
def test_a_survey_is_searched_in_every_condition():
    found = Trial(RecoveryDesign())(np.random.default_rng(1))
    assert len(found) == len(CONDITIONS) * len(COMPARISONS)
    planted = [one for one in found if one.column == "role" and "nothing" not in one.condition]
    assert all(hit(one.released, PLANT) for one in planted)


def drawn(rng):
    return [round(float(rng.random()), 6)]


def test_a_study_that_is_resumed_is_that_of_one_go(tmp_path):
    def outcomes(path, samples, *, seed=1, resume=False):
        given = Namespace(samples=samples, workers=1, resume=resume)
        written(path, drawn, given, seed)
        return json.loads(path.read_text(encoding="utf-8"))["outcomes"]

    whole, parts = tmp_path / "whole.json", tmp_path / "parts.json"
    every = outcomes(whole, 25)
    assert outcomes(parts, 7) == every[:7]
    assert outcomes(parts, 25, resume=True) == every
    assert outcomes(parts, 3) == every[:3]
    with pytest.raises(SystemExit, match="seed 1, not 2"):
        outcomes(parts, 5, seed=2, resume=True)


def test_calibration_counts_tests_and_surveys():
    def step(condition, column, name, below, largest, own=()):
        return [condition, column, name, 24, below, *largest, list(own)]

    def loading(z, largest):
        own = ["I_kom1 loading", z, 0.03, 0.01]
        return step("planted, as bundled", "education", "metric", [9, 9, 9], largest, [own])

    surveys = [
        [
            step("nothing planted, as bundled", "role", "metric", [3, 1, 0], [0.02, 0.01]),
            loading(2.0, [0.03, 0.01]),
        ],
        [
            step("nothing planted, as bundled", "role", "metric", [0, 0, 0], [0.5, 0.4]),
            loading(4.0, [0.0, 0.0]),
        ],
    ]
    text = calibration({"samples": 2, "failed": 0, "seed": 1, "minutes": 1.0, "outcomes": surveys})
    assert "| role | metric | 48 | 6.2 | 2.1 | 0.00 | 0.00 | 50.0 |" in text
    # Phi((3 - 3.39) / sqrt 2), and with twice the respondents Phi((3 sqrt 2 - 3.39) / sqrt 2).
    assert "| `I_kom1 loading` | 3.00 | 1.41 | 3.39 | 0.00 | 100.0 | 39.1 |" in text
    assert text.splitlines()[-1].split("|")[9].strip() == "72.6"


@pytest.mark.slow
def test_a_survey_is_tested_in_every_step():
    found = Survey(RecoveryDesign())(np.random.default_rng(1))
    assert {(one.column, one.step) for one in found} == {
        (one.column, step) for one in COMPARISONS for step in STEPS
    }
    assert len(found) == 2 * len(COMPARISONS) * len(STEPS)
    assert all(one.below[0] >= one.below[1] >= one.below[2] for one in found)
    assert {name for one in found for name, *_ in one.own} == {
        *("I_bro2 t3", "I_kor4 t2", "I_kom1 loading")
    }
