"""Equivalence by two one-sided tests."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import measure
from measure.comparability.multiplicity import corrected
from measure.errors import DataError, OptionError


def _groups(seed, shift):
    rng = np.random.default_rng(seed)
    return rng.normal(size=40), shift + 1.2 * rng.normal(size=55)


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("band", [0.3, 1.0])
def test_p_values_agree_with_pingouin(paired, band):
    import pingouin

    x, y = _groups(3, 0.1)
    if paired:
        y = y[:40]
        d, df = x - y, 39
        estimate, se = d.mean(), d.std(ddof=1) / np.sqrt(40)
    else:
        # Welch's test of independent samples.
        a, b = x.var(ddof=1) / len(x), y.var(ddof=1) / len(y)
        estimate, se = x.mean() - y.mean(), np.sqrt(a + b)
        df = (a + b) ** 2 / (a**2 / (len(x) - 1) + b**2 / (len(y) - 1))
    theirs = pingouin.tost(x, y, bound=band, paired=paired, correction=not paired)
    found = measure.equivalence(estimate, se, band=band, df=df)
    assert found["pvalue"][0] == pytest.approx(float(theirs["pval"].iloc[0]), abs=1e-10)


def test_one_sided_tests_are_those_of_student():
    row = measure.equivalence(0.1, 0.08, band=(-0.2, 0.3), df=30).iloc[0]
    assert row["pvalue.lower"] == pytest.approx(stats.t.sf(0.3 / 0.08, 30), abs=1e-12)
    assert row["pvalue.upper"] == pytest.approx(stats.t.cdf(-0.2 / 0.08, 30), abs=1e-12)
    assert row["ci.lower"] == pytest.approx(0.1 - stats.t.ppf(0.975, 30) * 0.08, abs=1e-12)
    assert row["ci.upper.equivalence"] == pytest.approx(
        0.1 + stats.t.ppf(0.95, 30) * 0.08, abs=1e-12
    )


def test_the_verdict_is_the_interval_inside_the_band():
    rng = np.random.default_rng(5)
    estimate, se = rng.normal(0, 0.2, 400), rng.uniform(0.02, 0.3, 400)
    table = measure.equivalence(estimate, se, band=0.3)
    inside = (table["ci.lower.equivalence"] > -0.3) & (table["ci.upper.equivalence"] < 0.3)
    apart = (table["ci.lower"] > 0) | (table["ci.upper"] < 0)
    assert (table["verdict"].isin(["equivalent", "both"]) == inside).all()
    assert (table["verdict"].isin(["different", "both"]) == apart).all()
    assert set(table["verdict"]) == {"equivalent", "different", "both", "undecided"}


def test_the_stricter_interval_and_correction_say_equivalent_less_often():
    estimate = pd.Series([0.05, 0.10, 0.12], index=["a", "b", "c"])
    table = measure.equivalence(estimate, [0.1, 0.1, 0.1], band=0.3)
    assert list(table.index) == ["a", "b", "c"]
    np.testing.assert_allclose(table["pvalue.holm"], corrected(table["pvalue"].to_numpy(), "holm"))
    assert table["verdict"].to_list() == ["equivalent", "equivalent", "equivalent"]
    assert table.loc["a", "verdict.holm"] == "equivalent"
    shifted = measure.equivalence([0.05, 0.12, 0.13], [0.1] * 3, band=0.28)
    assert shifted["verdict"].to_list()[0] == "equivalent"
    assert shifted["verdict.holm"].to_list() == ["equivalent", "undecided", "undecided"]


def test_what_is_missing_is_undecided_and_not_counted():
    table = measure.equivalence([0.0, np.nan, 0.02], [0.1, 0.1, 0.1], band=0.3)
    assert table["verdict"].to_list() == ["equivalent", "undecided", "equivalent"]
    assert table.loc[1].drop(["band.lower", "band.upper", "verdict", "verdict.holm"]).isna().all()
    assert table["pvalue.holm"][2] == pytest.approx(table["pvalue"][[0, 2]].max(), rel=0.3)


def test_error_rate_at_the_edge_of_the_band():
    """At a true difference of .3 equivalence is found in 5 % of samples."""
    rng = np.random.default_rng(9)
    estimate = 0.3 + 0.08 * rng.normal(size=20000)
    found = measure.equivalence(estimate, 0.08, band=0.3)["verdict"].isin(["equivalent", "both"])
    assert found.mean() == pytest.approx(0.05, abs=0.006)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"estimate": 0.1, "se": 0.1, "band": -0.3}, OptionError, "band runs from"),
        ({"estimate": 0.1, "se": 0.1, "band": (0.3, 0.1)}, OptionError, "band runs from"),
        ({"estimate": 0.1, "se": 0.1, "band": 0.3, "level": 0.6}, OptionError, "level is 0.6"),
        ({"estimate": [0.1, 0.2], "se": [0.1] * 3, "band": 0.3}, DataError, "one length"),
        ({"estimate": 0.1, "se": -0.1, "band": 0.3}, DataError, "negative"),
        ({"estimate": 0.1, "se": 0.1, "band": 0.3, "df": 0}, DataError, "above 0"),
    ],
)
def test_bad_input_is_refused(arguments, error, message):
    first = arguments.pop("estimate"), arguments.pop("se")
    with pytest.raises(error, match=message):
        measure.equivalence(*first, **arguments)
