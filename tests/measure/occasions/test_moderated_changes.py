"""Moderated change: the known slope in both groups, and what has none."""

import numpy as np
import pandas as pd
import pytest

import measure
from benchmarks.change_design import ITEMS, LOADINGS, MODEL
from measure.errors import DataError, OptionError

LONG = {"person": "person", "wave": "wave"}


def moderated(seed: int, *, slopes=(0.0, 0.3), n=1600, categories=False) -> pd.DataFrame:
    """Draw two waves whose change rises by `slopes` for each standard deviation of `zones`."""
    rng = np.random.default_rng(seed)
    effort = np.arange(n) % 2
    first = rng.standard_normal(n)
    zones = 0.4 * first + np.sqrt(0.84) * rng.standard_normal(n)
    gain = np.where(effort == 1, 0.3, 0.0) + np.where(effort == 1, slopes[1], slopes[0]) * zones
    later = first + gain + 0.5 * rng.standard_normal(n)
    frames = []
    for wave, standing in ((1, first), (2, later)):
        answers = standing[:, None] * LOADINGS + 0.6 * rng.standard_normal((n, 4))
        if categories:
            answers = np.digitize(answers, [-1.1, -0.2, 0.7, 1.6]) + 1.0
        frame = pd.DataFrame(answers, columns=list(ITEMS))
        known = {"person": np.arange(n), "wave": wave, "zones": 10 + 4 * zones}
        frames.append(frame.assign(**known, effort=np.where(effort == 1, "yes", "no")))
    return pd.concat(frames, ignore_index=True)


@pytest.mark.parametrize("categories", [False, True])
def test_slopes_of_both_groups_and_their_difference_hold_the_truth(categories):
    found = measure.change_moderation(
        MODEL,
        moderated(3, categories=categories),
        **LONG,
        moderator="zones",
        group="effort",
        against="no",
        ordered=categories,
    )
    truth = {("no", ""): 0.0, ("yes", ""): 0.3, ("yes", "no"): 0.3}
    for row in found.table.itertuples():
        low, high = found.table.loc[row.Index, ["ci.lower", "ci.upper"]]
        assert low < truth[row.group, row.against] < high
    slopes = found.table["slope"]
    assert slopes[2] == pytest.approx(slopes[1] - slopes[0], abs=1e-10)
    assert slopes[2] > 0.2
    assert found.mean == pytest.approx(10, abs=0.3)
    assert found.sd == pytest.approx(4, abs=0.2)
    assert "Moderated change" in repr(found)


def test_one_group_has_one_slope():
    data = moderated(4, slopes=(0.2, 0.2))
    found = measure.change_moderation(MODEL, data, **LONG, moderator="zones", estimator="MLR")
    (row,) = found.table.to_dict("records")
    assert row["ci.lower"] < 0.2 < row["ci.upper"]


def test_units_of_the_moderator_do_not_matter():
    data = moderated(5, n=600)
    one = measure.change_moderation(MODEL, data, **LONG, moderator="zones").table
    other = data.assign(zones=3 * data["zones"] - 7)
    two = measure.change_moderation(MODEL, other, **LONG, moderator="zones").table
    assert two["slope"][0] == pytest.approx(one["slope"][0], abs=1e-7)


def test_what_is_no_moderator_is_refused():
    data = moderated(6, n=100)

    def run(**more):
        return measure.change_moderation(MODEL, data, **{**LONG, "moderator": "zones", **more})

    with pytest.raises(OptionError, match='one column "dose"'):
        run(moderator="dose")
    with pytest.raises(DataError, match="must hold numbers"):
        run(moderator="effort")
    with pytest.raises(OptionError, match="the same respondents at every wave"):
        run(person=None)
    with pytest.raises(DataError, match="the same for everybody"):
        measure.change_moderation(MODEL, data.assign(zones=1.0), **LONG, moderator="zones")
