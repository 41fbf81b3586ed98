"""What is hidden is open in every program that a reader could solve; checked with scipy alone."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import linprog

from measure.errors import DataError
from measure.protection import bounds
from measure.protection.bounds import Bounds
from measure.protection.cells import Cells, Relation, Within, between, whole_numbers
from measure.protection.suppression import suppress

HIDDEN = np.array([True, True, True])
NONE = np.zeros(3, dtype=bool)


def crossed(seed: int, rows: int = 5, columns: int = 4) -> Cells:
    """Give a table of counts with its margins, all known."""
    rng = np.random.default_rng(seed)
    table = rng.integers(0, 30, size=(rows, columns))
    table = np.c_[table, table.sum(axis=1)]
    table = np.r_[table, [table.sum(axis=0)]].astype(float)
    place = np.arange(table.size).reshape(table.shape)
    relations = [
        Relation(tuple(line), (1.0,) * (len(line) - 1) + (-1.0,))
        for line in (*place.tolist(), *place.T.tolist())
    ]
    values = table.ravel()
    n = len(values)
    return Cells(
        values=values,
        lower=np.minimum(values, 1.0),
        upper=np.full(n, values.max()),
        span=np.full(n, 5.0),
        weights=np.log2(1 + values) + rng.random(n),
        hidden=(values > 0) & (values < 5),
        shown=values == 0,
        whole=np.ones(n, dtype=bool),
        relations=tuple(relations),
    )


def reach(cells: Cells, hidden: np.ndarray, cell: int) -> tuple[float, float]:
    """Bound one cell by all relations, with the shown ones fixed."""
    limits = np.c_[
        np.where(hidden, cells.lower, cells.values), np.where(hidden, cells.upper, cells.values)
    ]
    matrix = cells.matrix.toarray()
    ends = []
    for sign in (1.0, -1.0):
        costs = np.zeros(len(hidden))
        costs[cell] = sign
        solved = linprog(costs, A_eq=matrix, b_eq=matrix @ cells.values, bounds=limits)
        ends.append(sign * solved.fun)
    return ends[0], ends[1]


@pytest.mark.parametrize("seed", range(8))
def test_all_that_is_hidden_is_open_or_said_to_be_exposed(seed):
    cells = crossed(seed)
    found = suppress(cells, seed=0)
    assert (found.hidden >= cells.hidden).all()
    assert not (found.hidden & cells.shown).any()
    assert found.hidden.any()
    for cell in np.flatnonzero(found.hidden & ~found.exposed):
        low, high = reach(cells, found.hidden, cell)
        assert np.floor(high + 1e-4) - np.ceil(low - 1e-4) >= 5
    for point in found.points:
        assert np.allclose(cells.matrix @ point, cells.matrix @ cells.values, atol=1e-5)


@pytest.mark.parametrize("near", [(1,), (2, 5)])
def test_looking_near_a_cell_first_finds_what_looking_at_all_does(near, monkeypatch):
    cells = crossed(3)
    left_out = np.zeros(len(cells.values), dtype=bool)
    monkeypatch.setattr(bounds, "NEAR", near)
    tight = {
        cell: (row, least) for cell, row, least in Bounds(cells, cells.hidden, left_out).violated()
    }
    for cell in np.flatnonzero(cells.hidden):
        low, high = reach(cells, cells.hidden, cell)
        assert (cell in tight) == (np.floor(high + 1e-4) - np.ceil(low - 1e-4) < 5)
    for cell, (row, least) in tight.items():
        # The inequality holds wherever the cell is open, and not for what was hidden.
        assert row[cells.hidden].sum() < least
        for other in np.random.default_rng(1).random((20, len(row))) < 0.6:
            hidden = cells.hidden | (other & ~cells.shown)
            low, high = reach(cells, hidden, cell)
            assert high - low <= row[hidden].sum() + 1e-4


def three(signs: tuple[float, float, float], **parts) -> Cells:
    cells = Cells(
        values=np.array([5.0, 2.0, 0.0]),
        lower=np.array([0.0, 1.0, 0.0]),
        upper=np.array([100.0, 50.0, 100.0]),
        span=np.array([0.0, 5.0, 0.0]),
        weights=np.ones(3),
        hidden=HIDDEN,
        shown=NONE,
        whole=np.array([False, True, False]),
        relations=(Relation((0, 1, 2), signs),),
    )
    return replace(cells, **parts)


def test_a_cell_is_bounded_by_what_others_are_multiplied_by():
    # A sum of 20 answers from 1 to 5 that is above the least by 12 at most: 8 to 20 people.
    cells = three(
        (1.0, -1.0, -1.0),
        values=np.array([20.0, 12.0, 8.0]),
        upper=np.array([100.0, 50.0, 12.0]),
        hidden=np.array([False, True, True]),
        shown=np.array([True, False, False]),
    )
    found = suppress(cells, seed=0)
    assert not found.exposed.any()
    assert reach(cells, cells.hidden, 1) == pytest.approx((8.0, 20.0))
    halved = replace(cells, upper=np.array([100.0, 50.0, 11.9]), span=np.array([0.0, 12.0, 0.0]))
    # From 8.1 to 20 there are 9 to 20 whole people only.
    assert suppress(halved, seed=0).exposed.tolist() == [False, True, False]


def test_of_several_relations_that_bound_a_cell_the_narrowest_counts():
    # A number is not above 40, 6 or 10, by what it adds up to with others.
    values = np.array([4.0, 6.0, 2.0, 36.0])
    cells = Cells(
        values=values,
        lower=np.zeros(4),
        upper=np.array([10.0, 10.0, 10.0, 50.0]),
        span=np.array([7.0, 0.0, 0.0, 0.0]),
        weights=np.ones(4),
        hidden=np.ones(4, dtype=bool),
        shown=np.zeros(4, dtype=bool),
        whole=np.ones(4, dtype=bool),
        relations=(
            Relation((0, 3), (1.0, 1.0)),
            Relation((0, 2), (1.0, 1.0)),
            Relation((0, 1), (1.0, 1.0)),
        ),
    )
    own = Bounds(cells, cells.hidden, np.zeros(4, dtype=bool))
    ((cell, row, least),) = own.violated()
    assert (cell, least) == (0, 7.0)
    # From 0 to 6, as the second says, and not to 10 as the others do.
    assert row[cells.hidden].sum() == pytest.approx(6.0)


def test_what_is_hidden_takes_along_what_it_implies():
    people = np.array([4.0, 6.0, 30.0, 60.0, 1.0])
    cells = Cells(
        values=people,
        lower=np.ones(5),
        upper=np.full(5, 100.0),
        span=np.array([5.0, 5.0, 5.0, 5.0, 0.0]),
        weights=people,
        hidden=people == 4,
        shown=np.zeros(5, dtype=bool),
        whole=np.ones(5, dtype=bool),
        relations=(Relation((0, 1, 2, 3), (1.0,) * 4),),
        implied=((1, 4),),
    )
    assert suppress(cells, seed=0).hidden.tolist() == [True, True, False, False, True]


def test_a_mean_of_people_who_are_not_counted_is_bounded_by_ratios():
    # 12 people in two groups gave answers from 1 to 5 that add up to 30.
    values = np.array([4.0, 8.0, 10.0, 20.0, 6.0, 12.0, 10.0, 20.0])
    n, s = (0, 1), (2, 3)
    relations = [Relation(n, (1.0, 1.0)), Relation(s, (1.0, 1.0))]
    for k in (0, 1):
        relations.append(Relation((s[k], n[k], 4 + k), (1.0, -1.0, -1.0)))
        relations.append(Relation((s[k], n[k], 6 + k), (-1.0, 5.0, -1.0)))
    cells = Cells(
        values=values,
        lower=np.array([1.0, 1.0, *[0.0] * 6]),
        upper=np.array([12.0, 12.0, *[60.0] * 6]),
        span=np.array([5.0, 5.0, *[0.0] * 6]),
        weights=np.ones(8),
        hidden=np.ones(8, dtype=bool),
        shown=np.zeros(8, dtype=bool),
        whole=np.array([True, True, *[False] * 6]),
        relations=tuple(relations),
    )
    own = Bounds(cells, cells.hidden, np.zeros(8, dtype=bool))
    # One person of the first group may have answered 1, or 5.
    assert own.ratio(2, 0, 9.0) == pytest.approx(4.0, abs=1e-3)
    assert own.ratio(2, 0, 0.5) >= 0.5


def test_points_between_limits_keep_to_the_relations():
    cells = crossed(1)
    within = between(cells, cells.lower, cells.values + 2)
    assert within is not None
    assert np.allclose(cells.matrix @ within, cells.matrix @ cells.values)
    assert (within <= cells.values + 2 + 1e-5).all()
    assert np.array_equal(within[~cells.hidden], cells.values[~cells.hidden])
    assert between(cells, cells.lower, cells.values - 0.1) is None
    shown = replace(cells, hidden=np.zeros(len(cells.values), dtype=bool))
    assert between(shown, cells.lower, cells.lower).tolist() == cells.values.tolist()


def test_whole_numbers_fit_all_sums_or_there_are_none():
    ones = np.ones(3)
    sums = [
        Within(Relation((0, 1, 2), (1.0, 1.0, 1.0)), 7.0, 7.0),
        Within(Relation((0, 1), (1.0, -1.0)), 2.0, np.inf),
    ]
    found = whole_numbers(sums, ones, 5 * ones)
    assert found is not None
    assert (found == np.round(found)).all()
    assert found.sum() == 7.0
    assert found[0] >= found[1] + 2
    assert whole_numbers(sums, ones, 2 * ones) is None
    assert whole_numbers(sums, 5 * ones, ones) is None
    half = [Within(Relation((0, 1), (2.0, 2.0)), 5.0, 5.0)]
    assert whole_numbers(half, 0 * ones, 5 * ones) is None
    assert whole_numbers((), ones, ones).tolist() == [1.0, 1.0, 1.0]


def test_cells_that_are_not_what_they_are_known_to_be_are_refused():
    with pytest.raises(DataError, match="outside"):
        three((1.0, -1.0, -1.0), values=np.array([5.0, 60.0, 0.0]))
    with pytest.raises(DataError, match="both hidden and shown"):
        three((1.0, -1.0, -1.0), shown=HIDDEN)
