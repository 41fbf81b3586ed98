"""Moments are gathered once for the models that are fitted to one source."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from measure.fitting.confirmatory import estimate
from measure.fitting.source import Source
from measure.moments.ordinal.wide import Wide
from measure.moments.rows import rows_of
from measure.specification.options import Options
from tests.reference_cases import data

THREE = "visual =~ o1 + o2 + o3\ntextual =~ o4 + o5 + o6\nspeed =~ o7 + o8 + o9"
ONE = "general =~ o1 + o2 + o3 + o4 + o5 + o6 + o7 + o8 + o9"
OPTIONS = (
    Options(),
    Options(estimator="MLR", missing="fiml"),
    Options(estimator="GLS"),
    Options(ordered=True),
    Options(ordered=True, missing="pairwise"),
    Options(ordered=True, cluster="class"),
)


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    frame = data("hs39_ordered4.csv").assign(**{"class": lambda x: x.index // 6})
    frame.loc[::7, "o2"] = float("nan")
    return frame


@pytest.mark.filterwarnings("ignore::measure.errors.ListwiseWarning")
def test_models_of_the_same_variables_share_their_moments(answers: pd.DataFrame) -> None:
    source = Source(answers)
    seen = []
    for options in OPTIONS:
        three, one = (estimate(text, source, options, "cfa") for text in (THREE, ONE))
        assert three.moments is one.moments
        assert three.problem.discrepancy is one.problem.discrepancy
        if three.method.fiml:
            assert three.baseline_point is one.baseline_point
        alone = estimate(ONE, Source(answers), options, "cfa")
        pd.testing.assert_frame_equal(one.parameters, alone.parameters)
        pd.testing.assert_series_equal(one.fit_measures, alone.fit_measures)
        seen.append(three.moments)
    assert len({id(moments) for moments in seen}) == len(OPTIONS)


def test_variables_in_another_order_have_moments_of_their_own(answers: pd.DataFrame) -> None:
    source = Source(answers.dropna())
    forth, back = (
        estimate(f"f =~ {' + '.join(names)}", source, Options(ordered=True), "cfa").moments
        for names in (["o1", "o2", "o3", "o4"], ["o4", "o3", "o2", "o1"])
    )
    assert forth.names == back.names[::-1]
    assert forth.thresholds == back.thresholds[::-1]


def test_pairs_of_items_in_sparse_tables_are_named(answers: pd.DataFrame) -> None:
    names = tuple(f"o{number}" for number in range(1, 10))
    options = Options(ordered=True).completed(ordered=True)
    complete = answers.dropna()
    found = [
        Source(frame).moments(names, options, options.method(), names).ordinal
        for frame in (complete.head(50), pd.concat([complete] * 20))
    ]
    few, many = (() if one is None else one.sparse for one in found)
    assert ("o1", "o2") in few
    assert many == ()


def test_how_far_standard_errors_are_understated_is_known() -> None:
    items = ("HOSTIL01", "HOSTIL02", "HOSTIL03", "HOSTIL04", "HOSTIL05")
    rng = np.random.default_rng(3)
    normal = 0.8 * rng.standard_normal((2000, 1)) + 0.6 * rng.standard_normal((2000, 5))
    cut = pd.DataFrame(np.digitize(normal, [-1.0, 0.0, 1.0]), columns=items)
    options = Options(ordered=True).completed(ordered=True)
    hostile, ideal = (
        Source(frame).moments(items, options, options.method(), items).ordinal
        for frame in (data("lq2002.csv"), cut)
    )
    assert hostile is not None
    assert hostile.understated > 0.2
    assert ideal is not None
    assert ideal.understated == 0.0


@pytest.mark.parametrize("cluster", [None, "class"])
@pytest.mark.parametrize("information", [None, "observed"])
@pytest.mark.parametrize("group", [None, "school"])
def test_moments_cut_from_those_of_more_variables_are_those_gathered(
    answers: pd.DataFrame, cluster: str | None, information: str | None, group: str | None
) -> None:
    names = ("o1", "o2", "age", "o3", "o5", "o7", "o9")
    rng = np.random.default_rng(3)
    age = answers[["o1", "o3"]].mean(axis=1) + rng.normal(size=len(answers))
    frame = answers.assign(age=age)
    options = Options(
        ordered=[name for name in names if name != "age"],
        missing="pairwise",
        estimator="WLSMV",
        cluster=cluster,
        information=information,
        group=group,
    )
    source = Source(frame)
    source.gather(names, options, options.ordered)
    for text in ("f =~ o1 + o3 + o7 + o9", "f =~ o1 + o2 + age + o3"):
        asked = replace(options, ordered=[name for name in options.ordered if name in text])
        cut, alone = (estimate(text, one, asked, "cfa") for one in (source, Source(frame)))
        a, b = cut.moments, alone.moments
        assert a.ordinal is not None
        assert b.ordinal is not None
        assert (a.names, a.n_obs, a.n_dropped) == (b.names, b.n_obs, b.n_dropped)
        assert (a.ordinal.notes, a.ordinal.sparse) == (b.ordinal.notes, b.ordinal.sparse)
        np.testing.assert_allclose(a.ordinal.gamma, b.ordinal.gamma, rtol=1e-9, atol=1e-12)
        pd.testing.assert_frame_equal(cut.parameters, alone.parameters)
        pd.testing.assert_series_equal(cut.fit_measures, alone.fit_measures)
        assert cut.notes == alone.notes


def test_moments_are_cut_where_the_same_rows_are_used_in_the_same_order(
    answers: pd.DataFrame,
) -> None:
    frame = answers.copy()
    frame.loc[3, ["o1", "o2", "o3", "o4"]] = np.nan
    names = tuple(f"o{number}" for number in range(1, 6))
    found = Wide.from_rows(rows_of(frame, names), names, information="observed")
    assert found.cut(("o1", "o3", "o5"), names) is not None
    assert found.cut(("o1", "o2", "o3", "o4"), names) is None
    assert found.cut(("o3", "o1", "o5"), names) is None
    assert found.cut(("o1", "o3", "o5"), ("o1", "o3")) is None
    assert found.cut(("o1", "o3", "o5", "o6"), (*names, "o6")) is None


def test_variables_that_cannot_be_gathered_together_are_left_to_the_models(
    answers: pd.DataFrame,
) -> None:
    frame = answers.assign(same=1.0)
    options = Options(ordered=["o1", "o2", "o3"], missing="pairwise")
    source = Source(frame)
    source.gather(("o1", "o2", "o3", "same"), options, ("o1", "o2", "o3", "same"))
    assert estimate("f =~ o1 + o2 + o3", source, options, "cfa").converged
