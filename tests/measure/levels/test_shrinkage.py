"""Shrunken means against the mixed model, quadrature and simulation."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

import measure
from measure.errors import DataError, OptionError
from measure.levels.mean_posterior import posterior_of
from measure.levels.mixed.design import Design
from measure.levels.mixed.search import solve
from measure.levels.mixed.terms import model_of, rows_of
from tests.measure.levels.test_components import balanced
from tests.reference_cases import data

UNITS = data("units.csv").assign(unit=lambda rows: rows["organisation"] + rows["unit"])


def test_estimates_are_the_predictions_of_the_mixed_model():
    found = measure.shrunken_means(UNITS, "score", cluster="unit", seed=1)
    model = measure.variance_components(UNITS, "score", levels="unit", intervals="none")
    tau2, sigma2 = model.components["estimate"]
    assert (found.tau2, found.sigma2) == pytest.approx((tau2, sigma2))
    mean = model.fixed["estimate"][0]
    assert found.grand_mean == pytest.approx(mean)
    table = found.table
    assert table["cluster"].tolist() == UNITS["unit"].drop_duplicates().tolist()
    np.testing.assert_allclose(table["estimate"] - mean, model.effects["estimate"], atol=1e-9)
    np.testing.assert_allclose(table["reliability"], tau2 / (tau2 + sigma2 / table["n"]))
    observed = UNITS.groupby("unit", sort=False)["score"].mean()
    np.testing.assert_allclose(table["mean"], observed)
    # Always between the cluster's own mean and that of all.
    between = (table["estimate"] - mean) / (table["mean"] - mean)
    np.testing.assert_allclose(between, table["reliability"])
    assert ((table["ci.lower"] < table["estimate"]) & (table["estimate"] < table["ci.upper"])).all()
    # Wider than with known variances.
    assert (table["se"] > 0.98 * np.sqrt(tau2 * (1 - table["reliability"]))).all()
    assert 0 < found.certain_pairs < 0.6
    assert "pairs whose order is certain" in repr(found)
    assert "<table" in found._repr_html_()


def test_intervals_by_quadrature():
    frame = balanced(5, n_units=9, size=6)
    found = measure.shrunken_means(frame, "y", cluster="unit", seed=1).table
    means = frame.groupby("unit")["y"].mean().to_numpy()
    within = ((frame["y"] - means[frame["unit"]]) ** 2).sum()
    spread = ((means - means.mean()) ** 2).sum()
    # Balanced clusters: everything is a function of g = 6 s^2 / (1 + 6 s^2), s = tau / sigma.
    s = np.linspace(0, 60, 60_001)
    g = 6 * s**2 / (1 + 6 * s**2)
    rest = within + 6 * spread * (1 - g)
    log_weight = (8 / 2) * np.log1p(-g) - (53 / 2) * np.log(rest)
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    first = means.mean() + g * (means[0] - means.mean())
    scale = np.sqrt(rest / 53 * (g / 6 + (1 - g) / 54))
    for name, probability in (("ci.lower", 0.025), ("ci.upper", 0.975)):
        below = weight @ t.cdf((found[name][0] - first) / scale, 53)
        assert below == pytest.approx(probability, abs=1e-3)
    variance = weight @ (scale**2 * 53 / 51 + first**2) - (weight @ first) ** 2
    assert found["se"][0] == pytest.approx(np.sqrt(variance), rel=2e-3)


def test_draws_have_the_quantiles_of_the_intervals():
    rows = rows_of(UNITS, model_of("score", ("unit",), (), None, ()))
    near = solve(Design(rows.terms, rows.X, rows.y), restricted=True).near
    codes = rows.terms[0].codes
    sizes = np.bincount(codes).astype(float)
    means = np.bincount(codes, rows.y) / sizes
    posterior = posterior_of(near, sizes, means)
    draws = posterior.draw(20_000, np.random.default_rng(2))
    for probability in (0.025, 0.5, 0.975):
        below = (draws < posterior.quantile(probability)).mean(axis=0)
        # Standard errors of .0035 at the middle, over 54 clusters.
        np.testing.assert_allclose(below, probability, atol=0.015)
    np.testing.assert_allclose(draws.std(axis=0), posterior.se(), rtol=0.03)


def test_ranks_and_pairs():
    table = pd.DataFrame({"team": np.repeat(list("dacb"), 50)})
    rng = np.random.default_rng(7)
    table["y"] = table["team"].map({"a": 0, "b": 0.02, "c": 5, "d": 9}) + rng.normal(size=200)
    found = measure.shrunken_means(table, "y", cluster="team", seed=1)
    ranks = found.table.set_index("cluster")
    assert ranks.index.tolist() == list("dacb")
    assert ranks.loc["d", ["rank.ci.lower", "rank.ci.upper"]].tolist() == [4, 4]
    assert ranks.loc["a", ["rank.ci.lower", "rank.ci.upper"]].tolist() == [1, 2]
    assert found.certain_pairs == pytest.approx(5 / 6)
    again = measure.shrunken_means(table, "y", cluster="team", seed=1)
    pd.testing.assert_frame_equal(found.table, again.table)
    assert "There are 4 clusters" in found.notes[0]


def test_no_variance_between_clusters():
    table = pd.DataFrame({"y": [1.0, 3.0, 5.0] * 12, "team": np.repeat(list("abcdefghijkl"), 3)})
    found = measure.shrunken_means(table, "y", cluster="team", seed=1)
    np.testing.assert_allclose(found.table["estimate"], 3.0)
    assert found.tau2 == found.table["reliability"].max() == found.certain_pairs == 0
    width = found.table["ci.upper"] - found.table["ci.lower"]
    assert (width > 0.5).all()
    assert "estimated as 0" in found.notes[0]


def test_clusters_of_one_are_shrunken_most():
    frame = pd.concat([UNITS, UNITS.iloc[:1].assign(unit="alone", score=9.0)])
    found = measure.shrunken_means(frame, "score", cluster="unit", seed=1)
    alone = found.table.set_index("cluster").loc["alone"]
    assert alone["reliability"] == found.table["reliability"].min()
    assert alone["n"] == 1
    assert "1 of 55 clusters have one answer." in found.notes


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"cluster": "team"}, DataError, 'no column "team"'),
        ({"cluster": "three"}, DataError, "needs at least 4"),
        ({"cluster": "person"}, DataError, 'every "person" has one row'),
        ({"n_draws": 10}, OptionError, "n_draws is 10"),
        ({"confidence_level": 2}, OptionError, "confidence_level"),
    ],
)
def test_refusals(options, error, message):
    frame = UNITS.assign(three=np.arange(len(UNITS)) % 3, person=range(len(UNITS)))
    with pytest.raises(error, match=message):
        measure.shrunken_means(frame, "score", **{"cluster": "unit", "seed": 1, **options})
