"""The study of continuous answers at two levels: its populations, what it counts, its tables."""

import numpy as np
import pytest

import measure
from benchmarks.levels import ESTIMATORS, Outcome, Trial, _counted
from benchmarks.levels_design import ITEMS, LOADINGS, MODEL, POPULATIONS, Population
from benchmarks.levels_report import report
from benchmarks.recovered import Estimate

KINDS = ("loading", "residual")


@pytest.mark.parametrize("skewed", [False, True])
def test_samples_have_the_moments_of_the_population(skewed):
    population = Population(2000, skewed)
    frame = population.sample(np.random.default_rng(1))
    assert frame.groupby("unit").size().tolist() == population.sizes.tolist()
    assert population.sizes.min() == 5
    assert population.sizes.max() == 40
    model = "\n".join(f"level: {level}\n{MODEL}" for level in (1, 2))
    fit = measure.cfa(model, frame, cluster="unit", std_lv=True, se="none")
    rows = fit.parameters.set_index(["lhs", "op", "rhs", "level"])["est"]
    for item, loading in zip(ITEMS, LOADINGS, strict=True):
        assert rows[(item[0], "=~", item, 1)] == pytest.approx(loading, abs=0.04)
        between = population.truth["loading between", item]
        assert rows[(item[0], "=~", item, 2)] == pytest.approx(between, abs=0.05)
    assert rows[("f", "~~", "g", 2)] == pytest.approx(0.7, abs=0.06)


def test_true_reliabilities_are_those_of_the_true_model():
    """The model at the true values, in place of estimates."""
    population = POPULATIONS[1]
    fixed = []
    for level in ("within", "between"):
        fixed.append(f"level: {level}")
        for item in ITEMS:
            loading, residual = (population.truth[f"{kind} {level}", item] for kind in KINDS)
            fixed += [f"{item[0]} =~ {loading}*{item}", f"{item} ~~ {residual}*{item}"]
        # Sums of the items of one factor do not ask how it correlates.
        fixed += ["f ~~ 1*f", "g ~~ 1*g", "f ~~ g"]
    frame = population.sample(np.random.default_rng(1))
    means = [f"{item} ~ 1" for item in ITEMS]
    fit = measure.fit("\n".join([*fixed, *means]), frame, cluster="unit")
    table = measure.multilevel_reliability(fit, "shared").table
    omega = table[table["coefficient"] == "omega"].set_index(["between", "score"])["est"]
    for factor in ("f", "g"):
        for score in ("cluster mean", "latent mean"):
            expected = population.truth[f"omega, {score}", factor]
            assert omega[factor, score] == pytest.approx(expected, rel=1e-6)
            assert population.truth[f"alpha, {score}", factor] < expected


def test_tables_put_the_estimators_side_by_side():
    population = POPULATIONS[0]
    rows = [
        [Estimate("loading within", "f1", 0.8, 0.1, 0.6, 1.0)],
        [Estimate("loading within", "f1", 1.2, 0.1, 1.0, 1.4)],
    ]
    outcomes = [Outcome("ML", tuple(row), "", True, {"configural": 0.01}) for row in rows]
    studies = [_counted(population, estimator, outcomes) for estimator in ESTIMATORS]
    for study in studies:
        study["tests"] |= {step: {"rejected": 0.5, "samples": 2} for step in ("metric", "strong")}
    text = report({"seed": 1, "minutes": 2.0, "studies": studies})
    row = "| 50 clusters, normal | loading within | 0.800 | +0.200 | 0.283 | 0.35 | 50.0 (50.0) |"
    assert row in text
    assert "| 50 clusters, normal | ML | 100.0 | 50.0 | 50.0 | 0.0 | 100.0 |" in text


@pytest.mark.slow
def test_a_sample_is_analysed():
    population = POPULATIONS[1]
    for outcome in Trial(population)(np.random.default_rng(2)):
        assert outcome.ended == ""
        far = [
            abs(one.est - population.truth[one.kind, one.name]) / one.se
            for one in outcome.estimates
        ]
        assert np.mean(np.array(far) < 2) > 0.85
        assert {(one.kind, one.name) for one in outcome.estimates} == set(population.truth)
