"""Claims about measurement, groups, clusters and efforts, against what is known of their power."""

from math import sqrt

import numpy as np
import pandas as pd
import pytest

import measure
from measure.errors import MeasureError, OptionError
from measure.planning.claims import Fits, Study
from measure.planning.cluster_claims import ClusterReliability
from measure.planning.clustered_designs import (
    design_effect,
    difference_power,
    gain_power,
    least,
    wedge_power,
)
from measure.planning.effort_claims import (
    WAVES,
    GainDifference,
    Stability,
    Wedge,
    WedgeEffect,
    before_after,
)
from measure.planning.measurement_claims import InvarianceStep, LatentDifference, OmegaAbove
from measure.planning.study_power import power, smallest_sample
from measure.simulating.clusters import Clusters
from measure.simulating.holes import Holes

ITEMS = ("x1", "x2", "x3", "x4")
MODEL = "f =~ " + " + ".join(ITEMS)
LOADINGS = "f =~ " + " + ".join(f"0.7*{name}" for name in ITEMS) + "\nf ~~ 1*f\n"
REST = "\n".join(f"{name} ~~ 0.51*{name}" for name in ITEMS)
CUTS = "\n".join(f"{name} | -1.2*t1 + 0*t2 + 1.2*t3" for name in ITEMS)
MEANS = "\nf ~ c(0, {d})*1\n" + "\n".join(f"{name} ~ c(0, 0)*1" for name in ITEMS)
CLUSTERED = (
    "level: 1\n"
    + LOADINGS.replace("1*f", "0.9*f")
    + REST
    + "\nlevel: 2\n"
    + LOADINGS.replace("f ", "fb ").replace("1*f", "0.1*fb")
    + "\n".join(f"{name} ~~ 0*{name}" for name in ITEMS)
)


def grouped(d, text=LOADINGS + REST):
    return measure.population(text + MEANS.format(d=d), groups=("a", "b"))


def share(claim, n, repeats, seed=1):
    return float(power(claim, n, repeats=repeats, seed=seed).table["power"].iloc[0])


def near(truth, repeats):
    """Allow three standard errors of a simulated share."""
    return pytest.approx(truth, abs=3 * sqrt(truth * (1 - truth) / repeats))


def test_an_omega_is_high_enough_and_known_well_enough():
    study = Study(measure.population(LOADINGS + REST), MODEL)
    # omega is .793; its interval in a large sample says how many are needed.
    fit = measure.cfa(MODEL, study.draw(20_000, np.random.default_rng(1)))
    row = measure.composite_reliability(fit).iloc[0]
    assert row["omega"] == pytest.approx(0.793, abs=0.01)
    n = 20_000 * ((row["omega.ci.upper"] - row["omega"]) / 0.05) ** 2
    known = OmegaAbove(study, "f", at_least=0.5)
    assert share(known, round(0.6 * n), 20) < 0.2
    assert share(known, round(1.6 * n), 20) > 0.8
    assert share(OmegaAbove(study, "f", at_least=0.9, half_width=None), 100, 10) == 0


def test_an_omega_of_ordered_answers():
    study = Study(measure.population(LOADINGS + CUTS), MODEL, {"ordered": True})
    claim = OmegaAbove(study, "f", at_least=0.6)
    assert share(claim, 60, 10) < share(claim, 400, 10)


def test_a_step_is_found_to_hold_and_found_not_to():
    alike = Study(grouped(0.3), MODEL)
    assert share(InvarianceStep(alike, "scalar"), 400, 10) > 0.7
    apart = Study(
        measure.population(
            (LOADINGS + REST + MEANS.format(d=0.3)).replace("x2 ~ c(0, 0)*1", "x2 ~ c(0, 0.6)*1"),
            groups=("a", "b"),
        ),
        MODEL,
    )
    assert share(InvarianceStep(apart, "scalar", holds="no"), 400, 10) > 0.7
    by_test = {"pvalue_diff": (">=", 0.05)}
    assert share(InvarianceStep(apart, "scalar", "no", by_test), 400, 10) == 1
    # Loadings are the same in both.
    assert share(InvarianceStep(apart, "metric"), 400, 10) > 0.7


def test_a_step_of_ordered_answers():
    study = Study(grouped(0, LOADINGS + CUTS), MODEL, {"ordered": True})
    assert share(InvarianceStep(study, "metric"), 500, 4) >= 0.5


def test_a_latent_difference_has_the_power_of_a_score_freed_from_error():
    # With reliability r a score of the sum differs by d sqrt(r); the latent test is as powerful.
    claim = LatentDifference(Study(grouped(0.4), MODEL), "f")
    known = difference_power(0.4 * sqrt(0.793), 100)
    assert share(claim, 100, 60) == near(known, 60)
    assert share(LatentDifference(Study(grouped(0.0), MODEL), "f"), 100, 30) < 0.25


def test_cluster_means_are_reliable_from_as_many_members_as_the_formula_says():
    study = Study(measure.population(CLUSTERED), clusters=Clusters(number=60))
    # Of the mean of 4 items: between (.7)^2 .1, within (.7)^2 .9 + .51 / 4.
    between, within = 0.049, 0.441 + 0.1275
    needed = int(measure.answers_needed(between / (between + within))["answers"].iloc[0])
    claim = ClusterReliability(study)
    assert share(claim, 60 * needed // 2, 20) < 0.2
    assert share(claim, 60 * needed, 40) == pytest.approx(0.5, abs=0.25)
    assert share(claim, 60 * 2 * needed, 20) > 0.9
    surely = ClusterReliability(study, by="lower")
    assert share(surely, 60 * needed, 20) < 0.2


def test_a_gain_has_the_power_of_one_number_a_cluster():
    # Nearly free of error, as the closed form has it.
    truth = before_after(
        dict.fromkeys(("y1", "y2"), 0.995),
        gain=0.3,
        icc=0.1,
        stability=Stability(0.5, 0.7, 0.0),
    )
    study = Study(truth, "f =~ y1 + y2", clusters=Clusters(sizes=12))
    known = gain_power(0.3, 10, size=12, icc=0.1, stability=Stability(0.5, 0.7, 0.0))
    assert 0.4 < known < 0.9
    assert share(GainDifference(study, WAVES), 120, 80) == near(known, 80)


def test_a_latent_gain_is_found_in_categories_too():
    loadings = dict.fromkeys(ITEMS, 0.7)
    cuts = dict.fromkeys(ITEMS, (-1.0, 0.0, 1.0))
    truth = before_after(loadings, gain=0.8, icc=0.05, trend=0.2, thresholds=cuts)
    drawn = Study(truth, MODEL, clusters=Clusters(sizes=10)).draw(20, np.random.default_rng(1))
    assert set(drawn) == {f"{x}_t{t}" for x in ITEMS for t in (1, 2)} | {"group", "cluster"}
    assert set(drawn["x1_t1"]) <= {1, 2, 3, 4}
    plain = before_after(loadings, gain=0.8, icc=0.05)
    study = Study(plain, MODEL, clusters=Clusters(sizes=10))
    assert share(GainDifference(study, WAVES, by="latent"), 200, 5) == 1
    assert (
        share(
            GainDifference(
                Study(
                    before_after(loadings, gain=0.0, icc=0.05), MODEL, clusters=Clusters(sizes=10)
                ),
                WAVES,
            ),
            200,
            20,
        )
        < 0.25
    )


def test_moments_of_before_and_after_are_as_stated():
    truth = before_after({"a": 0.8, "b": 0.6}, gain=0.5, icc=0.2, trend=0.1)
    sigma = truth.covariances["effort"]
    np.testing.assert_allclose(np.diag(sigma), 1)
    assert sigma.loc["a_t1", "b_t1"] == pytest.approx(0.48)
    # Persons .6, clusters .8, unique .3.
    assert sigma.loc["a_t1", "b_t2"] == pytest.approx(0.48 * (0.8 * 0.6 + 0.2 * 0.8))
    assert sigma.loc["a_t1", "a_t2"] == pytest.approx(0.64 * 0.64 + 0.36 * 0.3)
    assert truth.means["effort"].tolist() == pytest.approx([0, 0, 0.48, 0.36])
    assert truth.means["comparison"].tolist() == pytest.approx([0, 0, 0.08, 0.06])


def test_a_stepped_wedge_has_about_its_known_power():
    wedge = Wedge(effect=0.4, n_periods=4, icc=0.05, size=8)
    assert share(WedgeEffect(wedge), 12, 15) == near(wedge_power(wedge, 12), 15)
    by_turns = WedgeEffect(Wedge(effect=2.0, n_periods=4, icc=0.05, n_clusters=9), permutations=39)
    assert share(by_turns, 5, 2) == 1


def test_wedge_power_is_that_of_hussey_and_hughes():
    # Their equation 8, with the residual variance of a mean and no variance of cluster-periods.
    wedge = Wedge(effect=0.3, n_periods=5, icc=0.1, autocorrelation=1.0, size=10)
    n, periods = 12, 5
    s2, t2 = 0.9 / 10, 0.1
    X = wedge.treated(n)
    U, W, V = X.sum(), (X.sum(axis=0) ** 2).sum(), (X.sum(axis=1) ** 2).sum()
    var = n * s2 * (s2 + periods * t2)
    var /= (n * U - W) * s2 + (U**2 + n * periods * U - periods * W - n * V) * t2
    from scipy.stats import nct, t

    critical = t.isf(0.025, n - 2)
    assert wedge_power(wedge, n) == pytest.approx(nct.sf(critical, n - 2, 0.3 / sqrt(var)))


def test_closed_forms_of_two_groups():
    # R's power.t.test(n = 64, delta = 0.5) and (n = 20, delta = 0.8).
    assert difference_power(0.5, 64) == pytest.approx(0.801458623368, abs=1e-8)
    assert difference_power(0.8, 20) == pytest.approx(0.693399444317, abs=1e-8)
    assert design_effect(0.05, 21) == pytest.approx(2.0)
    # Members of one cluster that differ in nothing count once; here they differ in all.
    assert difference_power(0.5, 64, size=2, icc1=0) < difference_power(0.5, 64)
    assert least(lambda n: difference_power(0.5, n), 0.8) == 64


@pytest.mark.parametrize("clusters", [None, Clusters(sizes=(4, 7))])
def test_the_respondents_of_a_small_study_are_those_of_a_larger(clusters):
    if clusters is None:
        study = Study(grouped(0.3), MODEL, missing=(Holes(0.2),))
    else:
        text = CLUSTERED + "\n" + "\n".join(f"{name} ~ c(0, 1)*1" for name in ITEMS)
        truth = measure.population(text, groups=("a", "b"))
        study = Study(truth, MODEL, missing=(Holes(0.2),), clusters=clusters)
    few, many = (study.draw(n, np.random.default_rng(7)) for n in (30, 90))
    for label in ("a", "b"):
        one, other = (part.loc[part["group"] == label, list(ITEMS)] for part in (few, many))
        pd.testing.assert_frame_equal(one.reset_index(drop=True), other[:30].reset_index(drop=True))
    if clusters is not None:
        assert (many.groupby("cluster")["group"].nunique() == 1).all()
    wedge = Wedge(effect=0.4, n_periods=4, icc=0.05, size=8)
    small, large = (wedge.draw(n, np.random.default_rng(3)) for n in (6, 9))
    pd.testing.assert_frame_equal(small, large[large["cluster"] < 6])
    wedge = Wedge(effect=0.4, n_periods=4, icc=0.05, n_clusters=6)
    small, large = (wedge.draw(n, np.random.default_rng(3)) for n in (4, 6))
    first = large.groupby(["cluster", "period"]).head(4).reset_index(drop=True)
    pd.testing.assert_frame_equal(small, first)


def test_a_search_goes_on_from_sizes_that_cannot_be_analysed():
    study = Study(measure.population(CLUSTERED), clusters=Clusters(number=40))
    found = smallest_sample(
        ClusterReliability(study, at_least=0.4), begin=20, target=0.7, repeats=8, seed=1
    )
    assert found.smallest > 80
    assert found.failures["message"].str.contains("40 clusters cannot be filled").any()


def test_a_model_that_the_population_contradicts_is_refused_with_the_reason():
    # No covariance anywhere: a factor of these items cannot be found.
    nothing = "\n".join(f"{name} ~~ 1*{name}" for name in ITEMS) + "\nx1 ~~ 0*x2"
    study = Study(measure.population(nothing), MODEL, {"ordered": ["x1"]})
    with pytest.raises(MeasureError, match="of 6 simulated studies with"):
        smallest_sample(Fits(study, {"cfi": (">=", 0.95)}), begin=50, repeats=6, seed=1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: OmegaAbove(Study(grouped(0)), "f", at_least=1.2), "at_least is 1.2"),
        (
            lambda: share(OmegaAbove(Study(grouped(0), MODEL), "g"), 100, 2),
            'no factor "g"; it has: f',
        ),
        (
            lambda: InvarianceStep(Study(measure.population(LOADINGS + REST), MODEL)),
            "the population has one",
        ),
        (lambda: InvarianceStep(Study(grouped(0), MODEL), holds="perhaps"), "perhaps"),
        (
            lambda: share(InvarianceStep(Study(grouped(0), MODEL), "thresholds"), 200, 2),
            '"thresholds" is no step',
        ),
        (
            lambda: share(LatentDifference(Study(grouped(0), MODEL), "g"), 200, 2),
            'no factor "g"',
        ),
        (
            lambda: ClusterReliability(Study(measure.population(LOADINGS + REST))),
            "the population has none",
        ),
        (
            lambda: share(
                ClusterReliability(
                    Study(measure.population(CLUSTERED), clusters=Clusters(number=30))
                ),
                20,
                2,
            ),
            "30 clusters cannot be filled with 20 respondents",
        ),
        (lambda: GainDifference(Study(grouped(0), MODEL), WAVES), "two groups of clusters"),
        (lambda: before_after({"a": 0.8}, gain=0.3, icc=0.1), "at least two items"),
        (lambda: before_after({"a": 0.8, "b": 1.1}, gain=0.3, icc=0.1), 'loading of "b" is 1.1'),
        (lambda: before_after({"a": 0.8, "b": 0.7}, gain=0.3, icc=1.0), "icc is 1.0"),
        (lambda: Stability(persons=1.0), "stability of persons is 1.0"),
        (lambda: Wedge(0.3, 5, 0.1), "one of the two"),
        (lambda: Wedge(0.3, 2, 0.1, size=10), "needs 3"),
        (lambda: Wedge(0.3, 5, 1.0, size=10), "are shares"),
        (lambda: difference_power(0.3, 1), "n is 1"),
        (lambda: difference_power(0.3, 50, icc1=1.2), "icc1 is 1.2"),
        (lambda: difference_power(0.3, 50, alpha=0), "alpha is 0"),
        (lambda: design_effect(0.1, 0), "size is 0"),
        (lambda: least(lambda n: 0.0, 0.8), "not reached"),
        (lambda: least(lambda n: 0.0, 1.0), "must lie between"),
    ],
)
def test_impossible_claims_are_refused(call, message):
    with pytest.raises((OptionError, MeasureError), match=message):
        call()
