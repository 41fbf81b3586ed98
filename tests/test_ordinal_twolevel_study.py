"""The study of ordered answers at two levels: its populations, what it counts, and its tables."""

import numpy as np
import pytest

from benchmarks.ordinal_twolevel import Trial
from benchmarks.ordinal_twolevel_design import ITEMS, POPULATIONS, THRESHOLDS, Population
from benchmarks.ordinal_twolevel_report import report
from benchmarks.recovered import Estimate, figures


def test_samples_have_the_shares_of_the_population():
    population = Population(2000, 0.15)
    frame = population.sample(np.random.default_rng(1))
    sizes = frame.groupby("unit").size()
    assert sizes.between(5, 40).all()
    assert frame[list(ITEMS)].isin(range(1, len(THRESHOLDS) + 2)).all(axis=None)
    # The mean response of a large cluster varies by about the share between clusters.
    numbers = frame["q1"]
    means = numbers.groupby(frame["unit"]).mean()
    assert 0.1 < means.var() / numbers.var() < 0.2


def test_figures_leave_out_what_has_no_error():
    population = POPULATIONS[0]
    key = ("share between", "q1")
    rows = [(0.06, 0.01, 0.04, 0.08), (0.1, 0.01, 0.08, 0.12), (0.0, np.nan, np.nan, np.nan)]
    (found,) = figures(population.truth, [[Estimate(*key, *row)] for row in rows])
    assert found["undefined"] == 1
    assert found["coverage"] == 0.5
    assert found["bias"] == pytest.approx(0.16 / 3 - 0.05)


def test_tables_count_samples():
    figures = [
        {"kind": "share between", "name": name, "true": 0.05, "samples": 4, "undefined": k}
        | {"bias": 0.01, "sd": 0.02, "se": 0.02, "coverage": 0.75 + 0.25 * k}
        for k, name in enumerate(("q1", "q2"))
    ]
    study = {"population": "few", "samples": 4, "refused": {"DataError": 1}, "improper": 3}
    study |= {"rejected": 0.25, "rejected_mean": 0.5, "figures": figures}
    text = report({"seed": 1, "minutes": 2.0, "studies": [study]})
    assert "| few | share between | +0.010 | 0.020 | 1.00 | 87.5 (75.0 to 100.0) | 12.5 |" in text
    assert "| few | 25.0 | 100.0 | 25.0 | 50.0 |" in text


@pytest.mark.slow
def test_a_sample_is_analysed():
    outcome = Trial(POPULATIONS[-1])(np.random.default_rng(2))
    assert outcome.refused == ""
    truth = POPULATIONS[-1].truth
    far = [abs(one.est - truth[one.kind, one.name]) / one.se for one in outcome.estimates]
    assert np.mean(np.array(far) < 2) > 0.85
    assert {(one.kind, one.name) for one in outcome.estimates} == set(truth)
