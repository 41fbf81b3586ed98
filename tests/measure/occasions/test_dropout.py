"""Stayers and leavers at the first wave: against R, and what is refused."""

import numpy as np
import pandas as pd
import pytest

import measure
from benchmarks.change_design import two_waves
from measure.errors import DataError, OptionError

WHO = {"person": "person", "wave": "wave"}


@pytest.fixture(scope="module")
def long():
    data = two_waves(31, n_clusters=30, leave=0.3)
    return data.assign(score=data[["y1", "y2", "y3", "y4"]].mean(axis=1))


@pytest.fixture(scope="module")
def found(long):
    return measure.drop_out(long, **WHO, scores=["score"], background=["effort"])


def test_numbers_are_those_of_a_plain_comparison(long, found):
    first = long[long["wave"] == 1].set_index("person")
    left = ~first.index.isin(long.loc[long["wave"] == 2, "person"])
    own = found.table.set_index("variable").loc["score"]
    gone, here = first.loc[left, "score"], first.loc[~left, "score"]
    assert own["difference"] == pytest.approx(gone.mean() - here.mean(), abs=1e-12)
    pooled = np.sqrt(
        ((len(gone) - 1) * gone.var() + (len(here) - 1) * here.var()) / (len(first) - 2)
    )
    assert own["d"] == pytest.approx((gone.mean() - here.mean()) / pooled, abs=1e-12)
    assert (found.n_left, found.n_stayed) == (len(gone), len(here))
    assert found.waves["share"].tolist() == pytest.approx([1.0, len(here) / len(first)])


def test_who_stands_high_left_more_often(found):
    own = found.table.set_index("variable").loc["score"]
    assert own["d.ci.lower"] > 0
    row = found.model.set_index("term").loc["score"]
    assert row["or.ci.lower"] > 1


def test_the_logistic_model_is_that_of_glm(long, found):
    # The score equations of the maximum: residuals are orthogonal to every term and the constant.
    first = long[long["wave"] == 1].set_index("person")
    left = (~first.index.isin(long.loc[long["wave"] == 2, "person"])).astype(float)
    z = (first["score"] - first["score"].mean()) / first["score"].std()
    commonest = first["effort"].value_counts().index[0]
    other = (first["effort"] != commonest).astype(float)
    X = np.column_stack([z, other])
    beta = found.model["estimate"].to_numpy()
    slope = X @ beta

    def constant(a):
        return float((left - 1 / (1 + np.exp(-(a + slope)))).sum())

    from scipy.optimize import brentq

    p = 1 / (1 + np.exp(-(brentq(constant, -9, 9) + slope)))
    assert X.T @ (left - p) == pytest.approx([0, 0], abs=1e-4)
    information = np.column_stack([np.ones(len(X)), X])
    V = np.linalg.inv((information * (p * (1 - p))[:, None]).T @ information)
    assert found.model["se"].to_numpy() == pytest.approx(np.sqrt(np.diag(V))[1:], abs=1e-6)


def test_shares_have_the_difference_of_shares(long, found):
    first = long[long["wave"] == 1].set_index("person")
    left = ~first.index.isin(long.loc[long["wave"] == 2, "person"])
    p = [(first["effort"][side] == "yes").mean() for side in (~left, left)]
    own = found.table[found.table["level"] == "yes"].iloc[0]
    assert own["difference"] == pytest.approx(p[1] - p[0], abs=1e-12)
    root = np.sqrt(np.mean([q * (1 - q) for q in p]))
    assert own["d"] == pytest.approx((p[1] - p[0]) / root, abs=1e-12)


def test_clusters_widen_intervals_where_they_matter(long):
    by_place = long.assign(of_place=long["place"] % 5)
    plain = measure.drop_out(by_place, **WHO, scores=["of_place", "score"])
    wide = measure.drop_out(by_place, **WHO, scores=["of_place", "score"], cluster="place")
    assert wide.table["se"][0] > plain.table["se"][0]
    assert wide.n_clusters == 30


def test_what_cannot_be_compared_is_refused_or_noted(long):
    with pytest.raises(OptionError, match="name scores or background"):
        measure.drop_out(long, **WHO)
    with pytest.raises(OptionError, match='one column "nothing"'):
        measure.drop_out(long, **WHO, scores=["nothing"])
    with pytest.raises(DataError, match="0 of 750 respondents left"):
        measure.drop_out(two_waves(1, n_clusters=30), **WHO, scores=["y1"])
    with pytest.raises(DataError, match="one wave only"):
        measure.drop_out(long[long["wave"] == 1], **WHO, scores=["y1"])
    with pytest.raises(DataError, match="has 750 levels"):
        measure.drop_out(long, **WHO, background=["score"])
    with pytest.raises(DataError, match="more than one row"):
        measure.drop_out(pd.concat([long, long.iloc[:1]]), **WHO, scores=["y1"])
    gone = set(long["person"]) - set(long.loc[long["wave"] == 2, "person"])
    told = long.assign(stays=np.where(long["person"].isin(gone), "b", "a"))
    found = measure.drop_out(told, **WHO, background=["stays"])
    assert found.model.empty
    assert "no maximum" in found.notes[-1]
