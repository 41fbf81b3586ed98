"""Content validity against the published table, the binomial distribution and properties."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, binomtest

from measure import content_validity
from measure.errors import DataError, OptionError

# Polit, Beck & Owen (2007), Table 4: experts, agreeing, I-CVI, pc, k*; to two or three decimals.
# The table's pc for 5 of 5 (.041) is a misprint of .5^5 = .031 and left out.
PUBLISHED = [
    (3, 3, 1.00, 0.125, 1.00),
    (3, 2, 0.67, 0.375, 0.47),
    (4, 4, 1.00, 0.063, 1.00),
    (4, 3, 0.75, 0.25, 0.67),
    (5, 4, 0.80, 0.156, 0.76),
    (6, 6, 1.00, 0.016, 1.00),
    (6, 5, 0.83, 0.094, 0.81),
    (6, 4, 0.67, 0.234, 0.57),
    (7, 6, 0.86, 0.055, 0.85),
    (7, 5, 0.71, 0.164, 0.65),
    (8, 7, 0.88, 0.031, 0.88),
    (8, 6, 0.75, 0.109, 0.72),
    (9, 8, 0.89, 0.018, 0.89),
    (9, 7, 0.78, 0.070, 0.76),
]


def panel(n: int, agree: int) -> pd.DataFrame:
    return pd.DataFrame([[4] * agree + [1] * (n - agree)], index=["a"]).astype(float)


@pytest.mark.parametrize(("n", "agree", "index", "pc", "kappa"), PUBLISHED)
def test_the_published_values(n: int, agree: int, index: float, pc: float, kappa: float) -> None:
    row = content_validity(panel(n, agree)).items.loc["a"]
    # The table is rounded, and its kappa is computed from rounded parts.
    assert row["i_cvi"] == pytest.approx(index, abs=0.0051)
    assert row["pc"] == pytest.approx(pc, abs=0.00051)
    assert row["kappa"] == pytest.approx(kappa, abs=0.0101)


@pytest.mark.parametrize("n", range(1, 13))
def test_chance_and_interval_are_those_of_the_binomial_distribution(n: int) -> None:
    for agree in range(n + 1):
        row = content_validity(panel(n, agree), confidence=0.9).items.loc["a"]
        assert row["pc"] == pytest.approx(binom.pmf(agree, n, 0.5), rel=1e-12)
        exact = binomtest(agree, n).proportion_ci(0.9, method="exact")
        assert (row["ci.lower"], row["ci.upper"]) == pytest.approx((exact.low, exact.high))


def ratings() -> pd.DataFrame:
    return pd.DataFrame(
        [[4, 3, 4], [2, 3, 4], [4, 1, np.nan], [np.nan] * 3],
        index=["a", "b", "c", "d"],
        columns=["e1", "e2", "e3"],
    )


def test_the_scale_is_the_mean_and_the_share_of_full_agreement() -> None:
    result = content_validity(ratings())
    assert result.s_cvi_ave == pytest.approx((1 + 2 / 3 + 1 / 2) / 3)
    assert result.s_cvi_ua == pytest.approx(1 / 3)
    assert result.n_experts == 3
    assert result.items["n_experts"].tolist() == [3, 3, 2, 0]
    assert result.items.loc["d", ["i_cvi", "ci.lower", "pc", "kappa"]].isna().all()
    assert any("nobody rated d" in note for note in result.notes)
    assert any("fewer than 3 experts" in note for note in result.notes)
    assert any("not every expert" in note for note in result.notes)
    assert "S-CVI/Ave" in repr(result)
    assert "S-CVI/Ave" in result._repr_html_()


def test_the_order_of_experts_and_items_plays_no_part() -> None:
    whole, turned = content_validity(ratings()), content_validity(ratings().iloc[::-1, ::-1])
    pd.testing.assert_frame_equal(whole.items, turned.items.loc[whole.items.index])
    assert (whole.s_cvi_ave, whole.s_cvi_ua) == (turned.s_cvi_ave, turned.s_cvi_ua)


@pytest.mark.parametrize(
    ("change", "error", "problem"),
    [
        ({"ratings": ratings().replace(1, 5)}, DataError, r'expert "e2" rated item "c" 5\.0'),
        ({"ratings": ratings().replace(1, 2.5)}, DataError, r'item "c" 2\.5, which is not one of'),
        ({"ratings": ratings().iloc[3:]}, DataError, "there are no ratings"),
        ({"ratings": ratings().set_axis(list("abca"))}, DataError, 'item "a" has two rows'),
        ({"relevant": (4, 5)}, OptionError, "not within the ratings 1 to 4"),
        ({"relevant": ()}, OptionError, "not within the ratings"),
        ({"confidence": 1.0}, OptionError, "give a proportion between 0 and 1"),
    ],
)
def test_what_cannot_be_computed_is_refused(change: dict, error: type, problem: str) -> None:
    with pytest.raises(error, match=problem):
        content_validity(**({"ratings": ratings()} | change))
