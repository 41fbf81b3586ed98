"""The retrospective pre-test: a planted move of the yardstick is told from change."""

import numpy as np
import pandas as pd
import pytest

import measure
from measure.errors import DataError

ITEMS = ("y1", "y2", "y3", "y4")
MODEL = "f =~ y1 + y2 + y3 + y4"
COLUMNS = {"before": "{item}_pre", "retrospective": "{item}_then", "after": "{item}_post"}


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    """People rise by .5 and think afterwards that they stood .3 lower than they had said."""
    rng = np.random.default_rng(5)
    n = 1500
    first = rng.standard_normal(n)
    standing = {
        "pre": first,
        "then": 0.9 * first - 0.3 + np.sqrt(0.19) * rng.standard_normal(n),
        "post": 0.7 * first + 0.5 + np.sqrt(0.51) * rng.standard_normal(n),
    }
    return pd.DataFrame(
        {
            f"{item}_{when}": values * slope + 0.6 * rng.standard_normal(n)
            for when, values in standing.items()
            for item, slope in zip(ITEMS, (0.8, 0.7, 0.9, 0.75), strict=True)
        }
    )


def test_three_readings_hold_their_truth_and_add_up(answers):
    found = measure.retrospective_pretest(MODEL, answers, **COLUMNS, estimator="MLR")
    rows = found.table.set_index("reading")
    for reading, truth in (
        ("as measured", 0.5),
        ("as seen afterwards", 0.8),
        ("moved yardstick", -0.3),
    ):
        assert rows.loc[reading, "ci.lower"] < truth < rows.loc[reading, "ci.upper"]
    assert rows.loc["as measured", "change"] == pytest.approx(
        rows.loc["as seen afterwards", "change"] + rows.loc["moved yardstick", "change"], abs=1e-10
    )
    assert "wish to have gained" in found.notes[-1]
    assert "Retrospective pre-test" in repr(found)


def test_a_missing_answer_is_named(answers):
    with pytest.raises(DataError, match='wave "retrospective" has no answers to y1'):
        measure.retrospective_pretest(MODEL, answers, **{**COLUMNS, "retrospective": "{item}_now"})
