import numpy as np
import pandas as pd
import pytest

from measure.consistency.covariance_functions import Functions
from measure.consistency.omega import omega_total
from measure.consistency.reliability import cronbach_alpha
from measure.consistency.subscore_prediction import SubscorePrediction
from measure.consistency.subscores import prmse
from measure.errors import DataError, IdentificationError, OptionError
from tests.measure.covariance_slopes import assert_slopes
from tests.reference_cases import data

HS39, LQ = data("hs39.csv"), data("lq2002.csv")
SCALES = {"v": ["x1", "x2", "x3"], "t": ["x4", "x5", "x6"], "s": ["x7", "x8", "x9"]}
LEADERSHIP = {
    "lead": [f"LEAD{k:02d}" for k in range(1, 12)],
    "task": [f"TSIG{k:02d}" for k in range(1, 4)],
}


def test_by_haberman_formulas():
    # Haberman (2008): of the subscore alone its reliability; of the total the reliability of the
    # total times the squared correlation of true subscore and true total.
    found = prmse(HS39, SCALES).table.set_index("scale")
    sums = pd.DataFrame({name: HS39[own].sum(axis=1) for name, own in SCALES.items()})
    V = sums.cov().to_numpy()
    alphas = np.array([cronbach_alpha(HS39[own]).alpha for own in SCALES.values()])
    T = V - np.diag(np.diag(V)) + np.diag(alphas * np.diag(V))
    total = T.sum() / V.sum()
    correlation = T.sum(axis=1) / np.sqrt(np.diag(T) * T.sum())
    np.testing.assert_allclose(found["prmse.s"], alphas)
    np.testing.assert_allclose(found["prmse.x"], total * correlation**2)
    # Of both: with r the correlation of subscore and total, rho_s^2 + (b - rho_s r)^2/(1 - r^2).
    r = V.sum(axis=1) / np.sqrt(np.diag(V) * V.sum())
    a, b = np.sqrt(alphas), np.sqrt(total) * correlation
    np.testing.assert_allclose(found["prmse.sx"], alphas + (b - a * r) ** 2 / (1 - r**2))
    weights = np.linalg.solve(V, T)
    np.testing.assert_allclose(found["prmse.all"], np.diag(T @ weights) / np.diag(T))
    assert (found["added"] == (found["prmse.s"] > found["prmse.x"])).all()


def test_true_scores_that_are_known():
    rng = np.random.default_rng(3)
    n = 200_000
    true = rng.multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]], n)
    items = {
        f"{name}{k}": true[:, j] + rng.normal(size=n) * 1.5
        for j, name in enumerate("ab")
        for k in range(3 + 3 * j)
    }
    frame = pd.DataFrame(items)
    scales = {name: [c for c in frame if c.startswith(name)] for name in "ab"}
    found = prmse(frame, scales).table.set_index("scale")
    a, b = (frame[own].sum(axis=1) for own in scales.values())
    expected = {
        "prmse.s": np.corrcoef(true[:, 0], a)[0, 1] ** 2,
        "prmse.x": np.corrcoef(true[:, 0], a + b)[0, 1] ** 2,
    }
    design = np.column_stack([np.ones(n), a, b])
    fitted = design @ np.linalg.lstsq(design, true[:, 0])[0]
    expected["prmse.sx"] = expected["prmse.all"] = np.corrcoef(true[:, 0], fitted)[0, 1] ** 2
    assert found.loc["a", list(expected)].to_dict() == pytest.approx(expected, abs=0.005)
    # The total, which is twice as long, says more about the shorter subscore than itself.
    assert not found.loc["a", "added"]
    assert found.loc["a", "difference.ci.upper"] < 0


@pytest.mark.parametrize("known", [np.full(3, np.nan), np.array([0.6, 0.9, 0.7])])
def test_slopes(known):
    items = [name for own in SCALES.values() for name in own]
    belongs = np.kron(np.eye(3), np.ones((3, 1)))
    own = SubscorePrediction(belongs, known)
    functions = Functions(tuple(map(str, range(15))), own.values, own.slopes)
    assert_slopes(functions, HS39[items].cov().to_numpy())


def test_intervals_of_alpha_and_omega():
    adf, drawn = prmse(HS39, SCALES), prmse(HS39, SCALES, interval="bca", seed=1)
    np.testing.assert_allclose(adf.spread["se"], drawn.spread["se"], rtol=0.15)
    alpha = cronbach_alpha(HS39[SCALES["t"]], interval="adf")
    row = adf.spread.set_index(["scale", "coefficient"]).loc[("t", "prmse.s")]
    assert row[["se", "ci.lower"]].to_list() == pytest.approx([alpha.se, alpha.ci_lower])
    omega = prmse(HS39, SCALES, reliability="omega")
    for scale, items in SCALES.items():
        alone = omega_total(HS39[items]).table.iloc[0]
        row = omega.spread.set_index(["scale", "coefficient"]).loc[(scale, "prmse.s")]
        assert row["est"] == pytest.approx(alone["est"], rel=1e-8)
        # From the observed information here, from the expected one there.
        assert row["se"] == pytest.approx(alone["se"], rel=0.06)
    # The difference, by leaving out one respondent after the other.
    left = [prmse(HS39.drop(index=k), SCALES, reliability="omega") for k in range(0, 300, 6)]
    deviations = np.array([one.table["difference"] for one in left])
    jackknife = np.sqrt(300 * deviations.var(axis=0, ddof=0))
    np.testing.assert_allclose(omega.table["difference.se"], jackknife, rtol=0.35)


@pytest.mark.parametrize("ordered", [False, True])
def test_clusters(ordered):
    chosen = LQ.iloc[:400].sample(frac=1, random_state=1)
    options = {"reliability": "omega", "ordered": ordered}
    plain = prmse(chosen, LEADERSHIP, **options)
    alone = prmse(chosen.assign(unit=range(400)), LEADERSHIP, cluster="unit", **options)
    np.testing.assert_allclose(alone.spread["se"], plain.spread["se"], rtol=1e-6)
    assert alone.n_clusters == 400
    clustered = prmse(chosen, LEADERSHIP, cluster="COMPID", **options)
    whole = omega_total(
        chosen[[*LEADERSHIP["task"], "COMPID"]], ordered=ordered, cluster="COMPID"
    ).table.iloc[0]
    row = clustered.spread.set_index(["scale", "coefficient"]).loc[("task", "prmse.s")]
    assert row["est"] == pytest.approx(whole["est"], rel=1e-6)
    assert row["se"] == pytest.approx(whole["se"], rel=0.15)


def test_given_reliabilities():
    given = dict.fromkeys(SCALES, 0.8)
    found = prmse(HS39, SCALES, reliability=given)
    assert found.table["prmse.s"].to_list() == pytest.approx([0.8] * 3)
    assert found.spread.query("coefficient == 'prmse.s'")["se"].to_list() == pytest.approx([0] * 3)
    assert "given" in repr(found)
    assert "<table" in found._repr_html_()
    perfect = prmse(HS39, SCALES, reliability=dict.fromkeys(SCALES, 0.1))
    assert "above 1" in perfect.notes[0]


@pytest.mark.parametrize(
    ("scales", "options", "error", "message"),
    [
        ({"v": ["x1", "x2"]}, {}, DataError, "at least two scales"),
        ({"v": ["x1", "x2"], "t": ["x4"]}, {}, DataError, 'scale "t" needs a list'),
        ({"v": ["x1", "x2"], "t": ["x2", "x3"]}, {}, DataError, '"x2" is in the scales'),
        (SCALES, {"reliability": "beta"}, OptionError, "unknown reliability"),
        (SCALES, {"ordered": True}, OptionError, "ordered=True goes with"),
        (SCALES, {"reliability": {"v": 0.5}}, OptionError, "reliability names v, but"),
        (SCALES, {"reliability": dict.fromkeys(SCALES, 1.5)}, OptionError, "lies between"),
        (
            SCALES,
            {"reliability": "omega", "interval": "bca", "seed": 1},
            OptionError,
            "offered with alpha",
        ),
        (
            {"v": ["x1", "x2"], "t": ["x4", "x5", "x6"]},
            {"reliability": "omega"},
            IdentificationError,
            "two items",
        ),
    ],
)
def test_what_is_refused(scales, options, error, message):
    with pytest.raises(error, match=message):
        prmse(HS39, scales, **options)


def test_a_subscore_with_negative_alpha():
    turned = HS39.assign(x2=-HS39["x2"], x1=-HS39["x1"], x3=HS39["x3"])
    found = prmse(turned, SCALES)
    assert found.table["reliability"][0] < 0
    assert np.isnan(found.table["prmse.s"][0])
    assert "no true subscore to predict" in found.notes[0]
    assert not found.table["added"][0]
