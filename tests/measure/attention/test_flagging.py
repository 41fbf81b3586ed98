import numpy as np
import pytest

from measure.attention.flagging import Extremes, calibrate

NOBODY_FLAT = 1.0


def normal(n: int, columns: int, seed: int, strata: int = 1) -> Extremes:
    values = np.random.default_rng(seed).standard_normal((n, columns))
    return Extremes(values, np.arange(n) % strata)


def test_two_independent_kinds_have_the_square_root_of_the_rate_each():
    found = calibrate(
        normal(5000, 2, 1), normal(40_000, 2, 2), normal(100, 2, 3), [[0], [1]], (0.01, NOBODY_FLAT)
    )
    assert found.alpha == pytest.approx(0.1, abs=0.005)
    assert found.cutoffs[0] == pytest.approx(1.2816, abs=0.03)
    assert found.expected_by_kind == pytest.approx(found.alpha, abs=1e-4)
    assert found.expected_kinds[2] <= 0.01 + 1e-9
    assert (found.by_kind.all(axis=1)).mean() == pytest.approx(0.01, abs=0.005)


def test_indices_of_one_kind_count_once():
    drawn = normal(20_000, 3, 4)
    doubled = Extremes(np.column_stack([drawn.values, drawn.values[:, 0]]), drawn.stratum)
    data = normal(3000, 3, 5)
    doubled_data = Extremes(np.column_stack([data.values, data.values[:, 0]]), data.stratum)
    flat, doubled_flat = normal(100, 3, 6), normal(100, 4, 6)
    kinds = [[0], [1], [2]]
    alone = calibrate(data, drawn, flat, kinds, (0.02, NOBODY_FLAT))
    twice = calibrate(doubled_data, doubled, doubled_flat, [[0, 3], [1], [2]], (0.02, NOBODY_FLAT))
    assert twice.alpha == pytest.approx(alone.alpha)
    assert np.array_equal(twice.by_kind, alone.by_kind)


def test_each_stratum_is_judged_by_its_own():
    def shifted(n: int, seed: int) -> Extremes:
        rows = normal(n, 2, seed, strata=2)
        return Extremes(rows.values + 10.0 * rows.stratum[:, None], rows.stratum)

    found = calibrate(
        shifted(4000, 7), shifted(40_000, 8), shifted(200, 9), [[0], [1]], (0.01, NOBODY_FLAT)
    )
    assert found.cutoffs[1] - found.cutoffs[0] == pytest.approx(10.0, abs=0.1)
    per_stratum = [found.by_kind[stratum::2].mean() for stratum in (0, 1)]
    assert per_stratum == pytest.approx([found.alpha] * 2, abs=0.02)


def test_what_could_not_be_computed_is_no_evidence():
    data = normal(1000, 2, 10)
    data.values[:500, 0] = np.nan
    found = calibrate(
        data, normal(10_000, 2, 11), normal(100, 2, 12), [[0], [1]], (0.02, NOBODY_FLAT)
    )
    assert not found.by_index[:500, 0].any()
    assert found.by_index[500:, 0].any()


def test_flat_profiles_hold_the_cutoffs_back():
    flat = Extremes(normal(4000, 2, 13).values + 1.5, np.zeros(4000, dtype=np.intp))
    free = calibrate(normal(500, 2, 14), normal(20_000, 2, 15), flat, [[0], [1]], (0.05, 1.0))
    held = calibrate(normal(500, 2, 14), normal(20_000, 2, 15), flat, [[0], [1]], (0.05, 0.05))
    assert free.expected_flat > 0.2
    assert held.expected_flat <= 0.05
    assert held.alpha < free.alpha


def test_values_that_many_share_are_no_cutoff():
    drawn = Extremes(np.round(normal(20_000, 2, 16).values), np.zeros(20_000, dtype=np.intp))
    data = Extremes(np.round(normal(2000, 2, 17).values), np.zeros(2000, dtype=np.intp))
    flat = normal(100, 2, 18)
    found = calibrate(data, drawn, flat, [[0], [1]], (0.01, NOBODY_FLAT))
    assert found.expected_kinds[2] <= 0.01 + 1e-9
    assert (found.expected_by_index <= found.alpha + 1e-12).all()
    constant = Extremes(np.zeros((1000, 2)), np.zeros(1000, dtype=np.intp))
    nothing = calibrate(constant, constant, constant, [[0], [1]], (0.01, NOBODY_FLAT))
    assert not nothing.by_index.any()
