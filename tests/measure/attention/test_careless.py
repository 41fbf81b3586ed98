"""The indices against their formulas, the cut-offs against what they promise, and hostile data."""

import itertools

import ier
import numpy as np
import pandas as pd
import pytest

import measure
from measure.attention.careless import KINDS_NEEDED
from measure.attention.person_profile import profile
from measure.errors import DataError, OptionError

SCALES = {name: [f"{name}{number}" for number in range(1, 7)] for name in ("a", "b", "c", "d")}
ITEMS = [item for items in SCALES.values() for item in items]
REVERSED = ["a3", "b5", "c6", "d6"]
THRESHOLDS = np.array([-1.6, -0.8, 0.1, 1.2])
VERSIONS = {
    "first": ITEMS[:18],
    "second": [*ITEMS[:17:-1], *ITEMS[:12]],
    "third": [*ITEMS[12:], *ITEMS[:6]],
}


def asked(**changes: object) -> measure.Asked:
    options: dict[str, object] = {
        "scales": SCALES,
        "categories": dict.fromkeys(ITEMS, (1, 5)),
        "reversed_items": REVERSED,
        "orders": VERSIONS,
    }
    return measure.Asked(**(options | changes))  # type: ignore[arg-type]


def attentive(n: int, seed: int) -> pd.DataFrame:
    """Draw answers of people who read: four correlated scales, items of unequal difficulty."""
    rng = np.random.default_rng(seed)
    general = rng.standard_normal((n, 1))
    scales = np.sqrt(0.5) * general + np.sqrt(0.5) * rng.standard_normal((n, 4))
    latent = 0.7 * np.repeat(scales, 6, axis=1) + np.sqrt(0.51) * rng.standard_normal((n, 24))
    difficulty = np.tile([-0.5, 0.3, 0.0, 0.5, -0.3, 0.1], 4)
    answers = 1.0 + (latent[:, :, None] > THRESHOLDS + difficulty[:, None]).sum(axis=2)
    data = pd.DataFrame(answers, columns=ITEMS)
    data[REVERSED] = 6 - data[REVERSED]
    return data


def careless(data: pd.DataFrame, n: int, seed: int, kind: str) -> pd.DataFrame:
    """Replace the answers of the first respondents."""
    rng = np.random.default_rng(seed)
    changed = data.copy()
    shape = (n, data.shape[1])
    if kind == "random":
        changed.iloc[:n] = rng.integers(1, 6, shape).astype(float)
    else:
        favourite = rng.choice([2, 4, 5], n)[:, None]
        beside = rng.choice([-1, 1], shape) * (rng.random(shape) < 0.1)
        changed.iloc[:n] = np.clip(favourite + beside, 1, 5)
    return changed


def with_gaps(data: pd.DataFrame, seed: int = 5) -> tuple[pd.DataFrame, pd.Series]:
    """Leave out what a version does not ask, and some answers more."""
    rng = np.random.default_rng(seed)
    version = pd.Series(rng.choice(list(VERSIONS), len(data)), index=data.index)
    gaps = data.mask(rng.random(data.shape) < 0.05)
    for name, items in VERSIONS.items():
        gaps.loc[version == name, [item for item in ITEMS if item not in items]] = np.nan
    return gaps, version


@pytest.fixture(scope="module")
def planned() -> tuple[pd.DataFrame, pd.Series, measure.CarelessAnswers]:
    data, version = with_gaps(careless(attentive(500, 1), 25, 2, "random"))
    return data, version, measure.careless_answers(data, asked(), version=version)


def turned(data: pd.DataFrame) -> pd.DataFrame:
    return data.assign(**{item: 6 - data[item] for item in REVERSED})


def runs(answers: list[float]) -> list[int]:
    return [len(list(group)) for _, group in itertools.groupby(answers)]


def test_strings_are_of_the_answers_as_given_in_the_order_asked(planned):
    data, version, found = planned
    for row in data.index[:60]:
        lengths = runs(list(data.loc[row, VERSIONS[version[row]]].dropna()))
        assert found.persons.loc[row, "longstring"] == max(lengths)
        assert found.persons.loc[row, "average_string"] == pytest.approx(np.mean(lengths))


def test_variability_is_the_standard_deviation_of_the_answers_as_given(planned):
    data, _, found = planned
    expected = data.std(axis=1, ddof=0)
    np.testing.assert_allclose(found.persons["variability"], expected)


def test_even_odd_is_the_stepped_up_correlation_of_half_means_across_scales(planned):
    data, _, found = planned
    scored = turned(data)
    odd = pd.DataFrame({name: scored[items[0::2]].mean(axis=1) for name, items in SCALES.items()})
    even = pd.DataFrame({name: scored[items[1::2]].mean(axis=1) for name, items in SCALES.items()})
    seen = found.persons["even_odd"].dropna().index
    assert 300 < len(seen) < 480
    for row in seen[:60]:
        both = odd.loc[row].notna() & even.loc[row].notna()
        r = np.corrcoef(odd.loc[row, both], even.loc[row, both])[0, 1]
        expected = max(2 * r / (1 + r), -1.0) if r > -1 else -1.0
        assert found.persons.loc[row, "even_odd"] == pytest.approx(expected, abs=1e-9)


def test_even_odd_is_not_computed_for_flat_profiles(planned):
    data, _, found = planned
    means = pd.DataFrame({n: turned(data)[own].mean(axis=1) for n, own in SCALES.items()})
    spread = means.std(axis=1, ddof=0)
    absent = found.persons["even_odd"].isna()
    assert spread[absent].median() < spread[~absent].quantile(0.1)


def test_guttman_errors_are_counted_over_the_answered_steps(planned):
    data, _, found = planned
    steps = turned(data).to_numpy() - 1
    passed = {
        (item, step): np.mean(steps[~np.isnan(steps[:, item]), item] >= step)
        for item in range(24)
        for step in range(1, 5)
    }
    order = sorted(passed, key=lambda key: -passed[key])
    for row in range(20):
        own = [key for key in order if not np.isnan(steps[row, key[0]])]
        passes = np.array([steps[row, item] >= step for item, step in own])
        errors = sum(int((~passes[:place]).sum()) for place in np.flatnonzero(passes))
        most = passes.sum() * (~passes).sum()
        # Steps of exactly equal popularity have no order of their own.
        assert found.persons["guttman_errors"].iloc[row] == pytest.approx(errors / most, abs=0.004)


def test_acquiescence_gives_both_directions_half_the_weight(planned):
    data, _, found = planned
    plain = [item for item in ITEMS if item not in REVERSED]
    agreement = (data[plain].mean(axis=1) - 1) / 4, (data[REVERSED].mean(axis=1) - 1) / 4
    expected = (agreement[0] + agreement[1]) / 2
    pd.testing.assert_series_equal(
        found.persons["acquiescence"], expected, check_names=False, rtol=1e-12
    )


def test_distance_and_slope_follow_from_the_answered_items_alone():
    rng = np.random.default_rng(4)
    root = rng.standard_normal((5, 5))
    covariance, mean = root @ root.T + np.eye(5), rng.standard_normal(5)
    answers = rng.standard_normal((40, 5))
    answers[rng.random(answers.shape) < 0.3] = np.nan
    answers[0] = np.nan
    found = profile(answers, mean, covariance)
    assert np.isnan(found.distance[0])
    for row in range(1, 40):
        there = ~np.isnan(answers[row])
        x, m = answers[row, there], mean[there]
        S = np.linalg.inv(covariance[np.ix_(there, there)])
        assert found.distance[row] == pytest.approx((x - m) @ S @ (x - m))
        if there.sum() > 1:
            design = np.column_stack([np.ones(there.sum()), m])
            b = np.linalg.solve(design.T @ S @ design, design.T @ S @ x)
            assert found.slope[row] == pytest.approx(b[1])


def test_what_the_library_lacks_for_missing_answers_is_gone_round(planned):
    data, _, found = planned
    steps = turned(data).to_numpy() - 1
    assert np.isnan(ier.gpoly(steps, scale_min=0, scale_max=4)).all()
    with pytest.raises(ValueError, match="no complete cases"):
        ier.mahad(steps, na_rm=True)
    assert found.persons[["guttman_errors", "mahalanobis"]].notna().all(axis=None)
    values = np.random.default_rng(0).standard_normal(1000)
    assert ier.response_time_score_flags(values).mean() == pytest.approx(0.05)


@pytest.mark.parametrize("planned_missing", [False, True])
def test_a_sample_of_attentive_people_is_hardly_flagged(planned_missing):
    data, version = attentive(800, 11), None
    if planned_missing:
        data, version = with_gaps(data)
    found = measure.careless_answers(data, asked(), version=version)
    assert found.expected_flagged <= 0.02
    assert found.n_flagged / found.n_judged < 0.04
    assert found.indices["expected"].dropna().max() <= found.alpha + 1e-9


@pytest.mark.parametrize(("kind", "least"), [("random", 0.9), ("straight", 0.6)])
def test_careless_people_are_found(kind, least):
    data = careless(attentive(600, 21), 60, 22, kind)
    flagged = measure.careless_answers(data, asked()).flagged
    assert flagged.iloc[:60].mean() > least
    assert flagged.iloc[60:].mean() < 0.05


def test_attentive_people_with_flat_profiles_are_not_flagged():
    rng = np.random.default_rng(31)
    data = attentive(600, 32)
    latent = rng.standard_normal((60, 1)) * 0.7 + 0.25 * rng.standard_normal((60, 24))
    difficulty = np.tile([-0.5, 0.3, 0.0, 0.5, -0.3, 0.1], 4)
    data.iloc[:60] = 1.0 + (latent[:, :, None] > THRESHOLDS + difficulty[:, None]).sum(axis=2)
    data.loc[:59, REVERSED] = 6 - data.loc[:59, REVERSED]
    found = measure.careless_answers(data, asked())
    assert found.persons["variability"].iloc[:60].mean() < found.persons["variability"].mean()
    assert found.expected_flat <= 0.05
    assert found.flagged.iloc[:60].mean() <= 0.05


def test_nobody_is_flagged_by_one_kind_of_evidence(planned):
    found = planned[2]
    assert (found.flagged == (found.persons["n_kinds"] >= KINDS_NEEDED)).all()
    assert found.n_flagged == found.flagged.sum() == found.kinds["n"].iloc[KINDS_NEEDED:].sum()
    assert found.kinds["expected"].sum() == pytest.approx(1.0)
    assert found.kinds["expected"].iloc[KINDS_NEEDED:].sum() == found.expected_flagged


def test_the_same_seed_gives_the_same_flags(planned):
    data, version, found = planned
    again = measure.careless_answers(data, asked(), version=version)
    pd.testing.assert_frame_equal(found.persons, again.persons)
    pd.testing.assert_frame_equal(found.indices, again.indices)


def test_response_times_are_one_more_kind():
    data = careless(attentive(400, 41), 20, 42, "random")
    seconds = pd.Series(np.where(np.arange(400) < 20, 24.0, 120.0))
    found = measure.careless_answers(data, asked(), seconds=seconds)
    row = found.indices.loc["seconds_per_item"]
    assert (row["n_beyond"], row["cutoff"], row["lacks"]) == (20, 2.0, "")
    without = measure.careless_answers(data, asked())
    assert (found.persons["n_kinds"] - without.persons["n_kinds"]).iloc[:20].eq(1).all()
    assert without.indices.loc["seconds_per_item", "reason"] == "no response times were given"


def test_what_cannot_be_computed_is_named_and_why():
    data = attentive(300, 51)[SCALES["a"] + SCALES["b"]]
    few = measure.Asked(
        {"a": SCALES["a"], "b": SCALES["b"]}, dict.fromkeys(data.columns, (1, 5)), ["a3", "b5"]
    )
    found = measure.careless_answers(data, few)
    lacks = found.indices["lacks"]
    assert (lacks["acquiescence"], lacks["even_odd"]) == ("opposite", "scales")
    assert found.indices.loc[lacks != "", "reason"].ne("").all()
    assert lacks[["longstring", "mahalanobis", "guttman_errors", "person_slope"]].eq("").all()


def test_continuous_tests_leave_one_kind_and_nobody_is_flagged():
    data = pd.DataFrame(np.random.default_rng(6).standard_normal((200, 9)))
    data.columns = [f"x{number}" for number in range(9)]
    found = measure.careless_answers(data, measure.Asked({"all": list(data.columns)}, {}))
    assert found.n_flagged == 0
    assert "one kind" in found.reason
    assert found.kinds.empty
    assert found.persons["mahalanobis"].notna().all()
    assert "one kind" in repr(found)


def test_people_with_hardly_any_answers_are_not_judged():
    data = attentive(300, 61)
    data.iloc[0] = np.nan
    data.iloc[1, 7:] = np.nan
    found = measure.careless_answers(data, asked())
    assert not found.persons["judged"].iloc[:2].any()
    assert not found.flagged.iloc[:2].any()
    assert found.n_judged == 298
    assert found.persons.loc[0, "n_answered"] == 0


@pytest.mark.parametrize(
    "data",
    [
        attentive(20, 71),
        pd.DataFrame(3.0, index=range(50), columns=ITEMS),
        pd.DataFrame(np.nan, index=range(50), columns=ITEMS),
        attentive(50, 72)[["a1"]],
    ],
    ids=["fewer persons than items", "all answers alike", "no answers", "one item"],
)
def test_where_nothing_can_be_compared_nobody_is_flagged(data):
    names = list(data.columns)
    scales = {key: [item for item in items if item in names] for key, items in SCALES.items()}
    found = measure.careless_answers(
        data,
        measure.Asked(scales, dict.fromkeys(names, (1, 5)), [r for r in REVERSED if r in names]),
    )
    assert (found.n_flagged, found.attentive) == (0, "none")
    assert found.reason
    assert found.indices["reason"].ne("").all()


def test_an_item_that_everybody_answers_alike_is_left_out():
    found = measure.careless_answers(attentive(300, 81).assign(a1=4.0), asked())
    assert "a1" in found.notes[0]
    assert found.persons["n_answered"].eq(23).all()


def test_wrong_input_is_refused_by_name():
    data = attentive(100, 91)
    with pytest.raises(DataError, match='"b2" holds 7'):
        measure.careless_answers(data.assign(b2=7.0), asked())
    with pytest.raises(DataError, match='"a3" is reversed, but has no categories'):
        measure.careless_answers(data, asked(categories={}))
    with pytest.raises(OptionError, match='"z9"'):
        measure.careless_answers(data, asked(reversed_items=["z9"]))
    with pytest.raises(OptionError, match=r"false_alarms is 0\.7"):
        measure.careless_answers(data, asked(), false_alarms=0.7)


def test_response_styles_follow_their_definitions(planned):
    data, _, _ = planned
    found = measure.response_styles(data, asked())
    np.testing.assert_allclose(found["agreement"], (data.mean(axis=1) - 1) / 4)
    shares = data.notna().sum(axis=1)
    np.testing.assert_allclose(found["extreme"], data.isin([1, 5]).sum(axis=1) / shares)
    np.testing.assert_allclose(found["midpoint"], (data == 3).sum(axis=1) / shares)
    plain = [item for item in ITEMS if item not in REVERSED]
    both = ((data[plain].mean(axis=1) - 1) / 4 + (data[REVERSED].mean(axis=1) - 1) / 4) / 2
    np.testing.assert_allclose(found["acquiescence"], both)


def test_response_styles_that_the_items_cannot_show_are_missing():
    data = attentive(50, 7).clip(upper=4)
    even = asked(categories=dict.fromkeys(ITEMS, (1, 4)), reversed_items=())
    found = measure.response_styles(data, even)
    assert found[["acquiescence", "midpoint"]].isna().all(axis=None)
    assert found[["agreement", "extreme"]].notna().all(axis=None)
