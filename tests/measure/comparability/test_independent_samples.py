import numpy as np
import pandas as pd
import pytest

from measure.comparability.independent_samples import independent_difference
from measure.errors import DataError
from measure.proportions import proportion_interval


def _of(*rows: tuple[float, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["estimate", "ci.lower", "ci.upper"])


def test_of_two_proportions_it_is_newcombes_method_10() -> None:
    # Newcombe (1998), table II, (a): 56/70 less 48/80 is .2000, from .0524 to .3339.
    first, second = ((n / of, *proportion_interval(n, of)) for n, of in ((48, 80), (56, 70)))
    row = independent_difference(_of(first), _of(second)).iloc[0]
    assert row["difference"] == pytest.approx(0.2)
    assert (row["ci.lower"], row["ci.upper"]) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert row["beyond"]


def test_of_symmetric_intervals_it_is_that_of_the_summed_variances() -> None:
    se = np.array([0.3, 0.4])
    first, second = _of((1.0, 1.0 - 1.96 * 0.3, 1.0 + 1.96 * 0.3)), _of((1.5, 0.716, 2.284))
    row = independent_difference(first, second).iloc[0]
    assert row["ci.upper"] - row["difference"] == pytest.approx(1.96 * np.hypot(*se))
    assert not row["beyond"]


def test_turning_the_order_turns_the_sign() -> None:
    first, second = _of((1.0, 0.7, 1.4)), _of((2.0, 1.9, 2.5))
    there, back = independent_difference(first, second), independent_difference(second, first)
    np.testing.assert_allclose(there["ci.lower"], -back["ci.upper"])
    assert there["beyond"].equals(back["beyond"])


def test_what_could_not_be_computed_is_not_beyond() -> None:
    table = independent_difference(_of((1.0, np.nan, 1.2)), _of((9.0, 8.0, 9.5)))
    assert not table["beyond"].any()


def test_tables_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(DataError, match="same rows"):
        independent_difference(_of((1.0, 0.0, 2.0)), _of())
    with pytest.raises(DataError, match=r"ci\.upper"):
        independent_difference(_of().drop(columns="ci.upper"), _of())
