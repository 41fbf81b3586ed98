"""Short forms from data: the best choice by quotas, and its loss on held-out respondents."""

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest

import measure
from measure.errors import DataError, OptionError
from measure.questions.short_forms import _correlations

LOADINGS = {"a": [0.8, 0.5, 0.7, 0.4, 0.6, 0.75], "b": [0.45, 0.65, 0.7, 0.55, 0.8, 0.5]}
SCALES = {name: [f"{name}{i}" for i in range(1, 7)] for name in LOADINGS}


def draw(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    factors = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], size=n)
    columns = {}
    for k, (name, loadings) in enumerate(LOADINGS.items()):
        for i, loading in enumerate(loadings, start=1):
            errors = np.sqrt(1 - loading**2) * rng.normal(size=n)
            columns[f"{name}{i}"] = loading * factors[:, k] + errors
    columns["outcome"] = -0.5 * factors[:, 0] + rng.normal(size=n)
    columns["unit"] = rng.integers(0, 40, size=n)
    return pd.DataFrame(columns)


def omega(loadings: list[float]) -> float:
    common = sum(loadings) ** 2
    return common / (common + sum(1 - loading**2 for loading in loadings))


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return draw(3000, 1)


def test_the_strongest_items_are_proposed_and_omega_is_known(data: pd.DataFrame) -> None:
    found = measure.short_forms(data, SCALES, n_items=3, seed=1)
    assert found.chosen == {"a": ("a1", "a3", "a6"), "b": ("b2", "b3", "b5")}
    for name, loadings in LOADINGS.items():
        best = sorted(loadings)[-3:]
        row = found.scales.loc[name]
        # True values, within what 3,000 respondents leave uncertain.
        assert row["omega"] == pytest.approx(omega(loadings), abs=0.02)
        assert row["omega_short"] == pytest.approx(omega(best), abs=0.02)
        assert row["loss"] == pytest.approx(omega(loadings) - omega(best), abs=0.025)
        expected = np.sqrt(omega(loadings) * omega(best))
        assert row["r_full"] == pytest.approx(expected, abs=0.02)
    assert (found.items.loc[found.items["chosen"], "folds"] > 0.7).all()


def test_a_short_form_repeats_as_said(data: pd.DataFrame) -> None:
    rng = np.random.default_rng(7)
    factor = rng.normal(size=200_000)
    noise = rng.normal(size=(2, 6, 200_000))
    loadings = np.array(LOADINGS["a"])[:, None]
    one, other = (loadings * factor + np.sqrt(1 - loadings**2) * e for e in noise)
    short = one[[0, 2, 5]].sum(axis=0)
    found = measure.short_forms(data, {"a": SCALES["a"]}, n_items=3, seed=1)
    again = np.corrcoef(short, other.sum(axis=0))[0, 1]
    assert found.scales.loc["a", "r_full"] == pytest.approx(again, abs=0.02)


def test_quotas_across_scales_give_the_best_of_all_that_fulfil_them(data: pd.DataFrame) -> None:
    content = dict(zip([*SCALES["a"], *SCALES["b"]], "xyxyzzyxzzxy", strict=True))
    quotas = {"y": 3, "z": 2}
    found = measure.short_forms(data, SCALES, content=content, at_least=quotas, seed=1)

    loadings = found.items.set_index("item")["loading"]
    sd = data[loadings.index].std()

    def omega_of(items: tuple[str, ...]) -> float:
        common = (loadings * sd)[list(items)].sum() ** 2
        return float(common / (common + ((1 - loadings**2) * sd**2)[list(items)].sum()))

    def fulfils(items: tuple[str, ...]) -> bool:
        return all(sum(content[i] == what for i in items) >= n for what, n in quotas.items())

    choices = product(*(combinations(items, 3) for items in SCALES.values()))
    allowed = [pair for pair in choices if fulfils(pair[0] + pair[1])]
    best = max(allowed, key=lambda pair: omega_of(pair[0]) + omega_of(pair[1]))
    assert tuple(found.chosen.values()) == best
    assert not fulfils(("a1", "a3", "a6", "b2", "b3", "b5"))
    for name, items in found.chosen.items():
        assert found.scales.loc[name, "omega_short"] == pytest.approx(omega_of(items))


def test_validity_is_compared_in_size(data: pd.DataFrame) -> None:
    found = measure.short_forms(data, SCALES, criteria=["outcome"], cluster="unit", seed=2)
    row = found.validity.set_index("scale").loc["a"]
    slope = -0.5 / np.sqrt(1.25)
    assert row["r"] == pytest.approx(slope * np.sqrt(omega(LOADINGS["a"])), abs=0.04)
    assert row["loss"] == pytest.approx(abs(row["r"]) - abs(row["r_short"]))
    assert row["n_obs"] == 3000
    assert row["loss.se"] > 0


def test_kept_items_are_kept_and_folds_are_seeded(data: pd.DataFrame) -> None:
    one = measure.short_forms(data, SCALES, keep=["a4"], n_items={"a": 2, "b": 4}, seed=3)
    assert "a4" in one.chosen["a"]
    assert [len(items) for items in one.chosen.values()] == [2, 4]
    other = measure.short_forms(data, SCALES, keep=["a4"], n_items={"a": 2, "b": 4}, seed=3)
    pd.testing.assert_frame_equal(one.scales, other.scales)


def test_missing_answers_leave_out_rows_of_their_own_scale(data: pd.DataFrame) -> None:
    holes = data.copy()
    holes.loc[:999, "a2"] = np.nan
    found = measure.short_forms(holes, SCALES, seed=1)
    assert list(found.scales["n_obs"]) == [2000, 3000]
    assert found.n_obs == 3000


def test_short_forms_print(data: pd.DataFrame) -> None:
    found = measure.short_forms(data, SCALES, criteria=["outcome"], seed=1)
    assert "omega_short_held" in repr(found)
    assert "Validity" in found._repr_html_()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_items": 1}, OptionError, "must be from 2 to 6"),
        ({"n_items": {"a": 3}}, OptionError, 'nothing about the scale "b"'),
        ({"keep": ["q9"]}, OptionError, "keep names q9"),
        ({"keep": ["a1", "a2", "a3", "a4"]}, OptionError, "no choice of items"),
        ({"at_least": {"x": 1}}, OptionError, "needs content"),
        ({"at_least": {"x": 2}, "content": {"a1": "x"}}, OptionError, "the scales have 1"),
        ({"cluster": "none"}, OptionError, 'no column "none"'),
        ({"n_folds": 1}, OptionError, "n_folds is 1"),
        ({"n_folds": 400}, DataError, "Use fewer folds"),
    ],
)
def test_impossible_wishes_are_refused(
    data: pd.DataFrame, options: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        measure.short_forms(data, SCALES, **options)  # type: ignore[arg-type]


def test_impossible_scales_are_refused(data: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="has 2 items"):
        measure.short_forms(data, {"a": ["a1", "a2"]}, n_items=2)
    with pytest.raises(DataError, match="a1 are in two scales"):
        measure.short_forms(data, {**SCALES, "c": ["a1", "outcome", "unit"]})
    with pytest.raises(DataError, match="row labels occur twice"):
        measure.short_forms(pd.concat([data, data]), SCALES)


def test_correlations_with_criteria_that_some_lack_are_those_of_pandas() -> None:
    rng = np.random.default_rng(5)
    total = rng.normal(size=60).round(1)
    others = rng.normal(size=(60, 4)) + total[:, None]
    others[rng.random((60, 4)) < 0.4] = np.nan
    others[:, 2], others[:, 3] = 2.0, np.nan
    found = _correlations(total, others)
    theirs = [pd.Series(total).corr(pd.Series(column)) for column in others.T[:2]]
    np.testing.assert_allclose(found[:2], theirs, rtol=1e-12)
    assert np.isnan(found[2:]).all()
