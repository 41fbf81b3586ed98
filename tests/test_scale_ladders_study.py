"""The study of rules for short scales: what is drawn, how rules judge, and its table."""

import math

import numpy as np
import pytest

from benchmarks.scale_ladders import DESIGNS, JUDGES, SEED, Design, Step, report

NAN = math.nan


def judged(step: Step) -> list[bool]:
    return [bool(judge(step)) for judge in JUDGES.values()]


def test_rules_judge_the_same_step() -> None:
    assert list(JUDGES) == [
        *("the reports'", "ΔCFI and p < .05", "ΔCFI and p < .01", "ΔCFI", "ΔCFI or ΔRMSEA"),
        *("p < .05", "p < .01", "RMSEA_D > .05", "RMSEA_D > .08"),
    ]
    step = Step(-0.02, 0.03, 40.0, 14, 0.0003, 1200)
    assert step.rmsea_d == pytest.approx(math.sqrt(2 * 26 / (14 * 1200)))
    assert judged(step) == [True] * 8 + [False]
    assert judged(step._replace(pvalue=0.02))[:4] == [True, True, False, True]
    assert judged(step._replace(pvalue=0.06))[:4] == [False, False, False, True]
    assert judged(Step(0.0, -0.01, 10.0, 14, 0.75, 1200)) == [False] * 9
    assert judged(Step(0.0, 0.02, 10.0, 14, 0.75, 1200)) == [False] * 4 + [True] + [False] * 4


def test_what_is_planted_moves_one_item_of_the_second_group() -> None:
    draws = {
        planted: Design(3, (300, 900), planted).draw(np.random.default_rng(2))
        for planted in ("nothing", "all thresholds .4 higher")
    }
    plain, moved = draws.values()
    second = plain["group"] == "second"
    assert (plain.loc[~second].eq(moved.loc[~second])).all(axis=None)
    assert plain[["x2", "x3"]].eq(moved[["x2", "x3"]]).all(axis=None)
    assert (moved.loc[second, "x1"] <= plain.loc[second, "x1"]).all()
    assert plain["unit"].nunique() == 60
    assert second.sum() == 900
    # Groups lie within clusters; one of 20 persons may happen to have none of the smaller group.
    assert plain.groupby("unit")["group"].nunique().eq(2).mean() > 0.9


def test_the_bias_is_that_of_the_scale_s_mean() -> None:
    assert Design(3, (150, 150), "all thresholds .4 higher").bias() == pytest.approx(
        -0.15, abs=0.02
    )
    assert Design(3, (150, 150)).bias() == 0


def test_a_large_difference_fails_and_none_holds() -> None:
    moved = Design(4, (300, 900), "all thresholds .4 higher").step(np.random.default_rng(1))
    assert all(judged(moved)[:3])
    assert not any(judged(Design(4, (300, 900)).step(np.random.default_rng(1)))[:3])


def test_the_table_counts_samples() -> None:
    fails, holds = [-0.05, 0.05, 90.0, 14, 1e-9, 1200], [0.01, -0.02, 9.0, 14, 0.8, 1200]
    unfitted = [NAN] * 5 + [1200]
    outcomes = [[row] * len(DESIGNS) for row in (fails, holds, unfitted)]
    text = report({"outcomes": outcomes, "seed": SEED})
    assert "| nothing | 3 | 300 + 900 |  | 2 | 50.0 | 50.0 |" in text
    rows = [line for line in text.splitlines() if line.startswith("| third threshold")]
    assert len(rows) == 4
    assert all(row.count(" 50.0 |") == 9 for row in rows)
