"""Answers of several waves side by side: what is put together, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.change_design import ITEMS, two_waves
from measure.errors import DataError, OptionError
from measure.occasions.occasions import Layout, occasions

LONG = Layout("person", "wave")


@pytest.fixture(scope="module")
def long():
    return two_waves(1, n_clusters=4, size=10, categories=True)


def test_long_and_wide_data_give_the_same(long):
    own = occasions(long, ITEMS, LONG)
    wide = pd.concat(
        [
            long[long["wave"] == k].set_index("person")[list(ITEMS)].add_suffix(f"_{k}")
            for k in (1, 2)
        ],
        axis=1,
    )
    other = occasions(wide, ITEMS, Layout(waves={1: "{item}_1", 2: "{item}_2"}))
    for wave in (0, 1):
        left, right = own.answers(ITEMS, wave), other.answers(ITEMS, wave)
        assert (left.to_numpy() == right.to_numpy()).all()
    assert own.n_all == other.n_all == 40


def test_groups_stand_in_the_order_asked_for(long):
    layout = Layout("person", "wave", None, "effort", "yes", "place")
    own = occasions(long, ITEMS, layout)
    assert own.groups == ("yes", "no")
    assert own.data["effort"].iloc[0] == "yes"
    assert own.counts["n"].tolist() == [20] * 4


def test_waves_of_other_people_are_groups(long):
    own = occasions(long, ITEMS, Layout(None, "wave", None, "effort"))
    assert own.across
    assert own.n_groups == 4
    assert own.cell(1, 0) == "g3.w1"
    assert own.data[own.group].is_monotonic_increasing
    assert "nobody is followed" in own.notes[0]


def test_what_cannot_be_put_together_is_refused(long):
    with pytest.raises(OptionError, match="say where the waves are"):
        occasions(long, ITEMS, Layout("person"))
    unasked = long.assign(y2=long["y2"].where(long["wave"] == 1))
    with pytest.raises(DataError, match=r'wave "2" has no answers to y2 .*Only items'):
        occasions(unasked, ITEMS, LONG)
    with pytest.raises(DataError, match="more than one row in wave"):
        occasions(pd.concat([long, long.iloc[:1]]), ITEMS, LONG)
    with pytest.raises(DataError, match="one wave only"):
        occasions(long[long["wave"] == 1], ITEMS, LONG)
    moved = long.assign(effort=np.where(long["wave"] == 1, "no", "yes"))
    with pytest.raises(DataError, match="change their value of"):
        occasions(moved, ITEMS, Layout("person", "wave", None, "effort"))
    with pytest.raises(DataError, match="hardly anybody"):
        occasions(long.assign(person=np.arange(len(long))), ITEMS, LONG)
    with pytest.raises(DataError, match="holds 80 values"):
        occasions(long.assign(wave=np.arange(len(long))), ITEMS, LONG)
    with pytest.raises(OptionError, match="is no value of"):
        occasions(long, ITEMS, Layout("person", "wave", None, "effort", "none"))
    wide = {1: "{item}", 2: "{item}"}
    with pytest.raises(OptionError, match="stands for two waves"):
        occasions(long, ITEMS, Layout(waves=wide))
    with pytest.raises(DataError, match="has no answers to y1"):
        occasions(long, ITEMS, Layout(waves={1: "{item}", 2: "{item}_2"}))


def test_a_category_that_a_wave_lacks_is_refused_or_joined(long):
    lacking = long.assign(y1=long["y1"].where(long["wave"] == 1, long["y1"].clip(2, 5)))
    with pytest.raises(DataError, match='y1: nobody in wave "2" chose 1'):
        occasions(lacking, ITEMS, LONG, ordered=True)
    own = occasions(lacking, ITEMS, LONG, ordered=True, categories="merge")
    assert own.thresholds["y1"] == 3
    assert own.data["y1.w1"].min() == 2
    assert "joined to the nearest" in own.notes[0]


def test_who_moves_to_another_cluster_stays_in_the_first(long):
    moved = long.assign(
        place=np.where((long["wave"] == 2) & (long["person"] == 0), 3, long["place"])
    )
    own = occasions(moved, ITEMS, Layout("person", "wave", None, None, None, "place"))
    assert own.data.loc[0, "place"] == 0
    assert "1 respondents change" in own.notes[0]
