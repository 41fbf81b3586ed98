"""Cut-offs of the fit of each level of a two-level model."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import measure
from measure.errors import OptionError
from measure.planning.level_cutoffs import _design, _sigma, _solutions, _truth, level_cutoffs
from measure.planning.misspecified import Omitted

DATA = Path(__file__).parents[2] / "reference" / "data"
MODEL = """
    level: 1
        f =~ y1 + y2 + y3
        h =~ y4 + y5 + y6
    level: 2
        g =~ y1 + y2 + y3
        k =~ y4 + y5 + y6
"""


@pytest.fixture(scope="module")
def data():
    return pd.read_csv(DATA / "demo_twolevel.csv")


@pytest.fixture(scope="module")
def fit(data):
    return measure.cfa(MODEL, data, cluster="cluster")


def test_studies_have_the_covariances_of_both_levels(fit):
    design = _design(fit)
    # Many more clusters than in the data, so that the moments are near those of the population.
    many = np.repeat(np.arange(4000), 5)
    wide = type(design)((many,), design.n_variables)
    rng = np.random.default_rng(1)
    study = _truth(fit, {}).study(wide.normal(rng, 6), None, wide.clusters)
    frame = pd.DataFrame(study.values[0]).groupby(many)
    within = frame.cov().to_numpy().reshape(4000, 6, 6).mean(axis=0)
    between = np.cov(frame.mean().to_numpy().T) - within / 5
    assert within == pytest.approx(fit.implied_moments[0].sigma, abs=0.08)
    assert between == pytest.approx(fit.implied_moments[1].sigma, abs=0.08)
    assert frame.mean().mean().to_numpy() == pytest.approx(fit.implied_moments[1].mu, abs=0.06)


def test_only_the_level_that_is_wrong_fits_worse(fit):
    omitted = [Omitted("f", "=~", "y5", 0.6)]
    sigma = _sigma(fit, _solutions(fit)[1], omitted, 1)
    assert np.diag(sigma) == pytest.approx(np.diag(fit.implied_moments[0].sigma))
    found = level_cutoffs(fit, within=[omitted], repeats=12, seed=1)
    assert list(found) == ["within", "between"]
    rmsea = {
        name: own.distribution.groupby("level")["rmsea"].median() for name, own in found.items()
    }
    assert rmsea["within"][1] > rmsea["within"][0] + 0.01
    assert rmsea["between"][1] > rmsea["between"][0] + 0.05
    table = found["between"].table.set_index("measure")
    assert table.loc["rmsea", "rule"] == "95/5"
    assert table.loc["rmsea", "observed"] == pytest.approx(
        measure.level_fit(fit).loc["between", "rmsea"]
    )
    # What 200 clusters tell apart is another value than what 2,300 respondents do.
    assert table.loc["rmsea", "cutoff"] > 0.1
    assert any("200 clusters" in note for note in found["within"].notes)


def test_a_level_without_degrees_of_freedom_is_left_out(data):
    model = "level: 1\nf =~ y1 + y2 + y3 + y4\nlevel: 2\ng =~ y1 + y2 + y3\ny4 ~~ y4 + y1 + y2 + y3"
    found = level_cutoffs(
        measure.cfa(model, data, cluster="cluster", estimator="MLR"), repeats=2, seed=1
    )
    assert list(found) == ["within"]
    assert found["within"].variant == "robust"


def test_what_cannot_be_asked_is_refused(data, fit):
    with pytest.raises(OptionError, match="one level"):
        level_cutoffs(measure.cfa("f =~ y1 + y2 + y3 + y4", data), repeats=2, seed=1)
    with pytest.raises(OptionError, match="see level_cutoffs"):
        measure.dynamic_cutoffs(fit, repeats=2, seed=1)
    halves = data.assign(half=data["cluster"] % 2)
    one = "level: 1\nf =~ y4 + y5 + y6\nlevel: 2\ng =~ y4 + y5 + y6"
    both = measure.cfa(one, halves, cluster="cluster", group="half")
    with pytest.raises(OptionError, match="one group"):
        level_cutoffs(both, repeats=2, seed=1)
