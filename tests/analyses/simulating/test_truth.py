"""The true values are what a large draw shows, and what closed forms and rules say."""

import numpy as np
import pandas as pd
import pytest

import measure
from analyses.simulating import true_network
from analyses.simulating.drawing import CLEAN, Wanted
from analyses.simulating.structure import structure
from analyses.simulating.truth import Truth, truth
from tests.analyses.simulating.surveys import KKS, SEED, drawn, large, population

FUNCTIONS = ("bro", "kom", "kor", "kop")


@pytest.fixture(scope="module")
def true() -> Truth:
    return truth(large())


@pytest.fixture(scope="module")
def scored() -> pd.DataFrame:
    data = large().data
    columns = data[["organisation", "unit", "profession", "role", "ambassador", "crossboundary"]]
    return pd.concat([KKS.score(data), columns], axis=1)


@pytest.fixture(scope="module")
def bundled() -> Truth:
    return truth(drawn())


def value(found: Truth, target: str, what: str, level: str = "I") -> float:
    rows = found.hypotheses
    own = rows[(rows["target"] == target) & (rows["what"] == what) & (rows["level"] == level)]
    assert len(own) == 1
    return float(own["value"].iloc[0])


def test_the_reference_model_fitted_to_a_large_draw_finds_the_truth(
    true: Truth, scored: pd.DataFrame
) -> None:
    items = list(KKS.form("individual").items)
    fit = measure.cfa(
        KKS.reference_model.syntax, scored[items], ordered=items, estimator="WLSMV", std_lv=True
    )
    rows = fit.parameters
    loadings = rows[rows["op"] == "=~"]
    off = loadings["est"].to_numpy() - true.items.loc[loadings["rhs"], "loading"].to_numpy()
    assert np.abs(off).max() < 0.015
    assert abs(off.mean()) < 0.003
    between = rows[(rows["op"] == "~~") & (rows["lhs"] != rows["rhs"])]
    for one, other, found in zip(between["lhs"], between["rhs"], between["est"], strict=True):
        assert found == pytest.approx(true.correlations.loc[one, other], abs=0.015)
    omega = measure.composite_reliability(fit).set_index("factor")["omega"]
    for name in FUNCTIONS:
        assert omega[name] == pytest.approx(true.scales.loc[name, "omega"], abs=0.005)
    assert fit.fit_measures["rmsea"] < 0.005
    second = measure.cfa(
        KKS.model("M3").syntax, scored[items], ordered=items, estimator="WLSMV"
    ).parameters
    above = second[(second["lhs"] == "kobling") & (second["op"] == "=~")].set_index("rhs")
    for name in FUNCTIONS:
        assert above.loc[name, "std.all"] == pytest.approx(
            true.second_order.loc["I", name], abs=0.015
        )


def test_the_responses_to_items_of_all_scales_correlate_as_worked_out(
    true: Truth, scored: pd.DataFrame
) -> None:
    # Two items of each scale, so that correlations within and across scales are among them.
    items = [item for scale in true.scales.index for item in KKS.scale(scale).items[:2]]
    found = measure.polychoric(scored[items], ordered=items)
    own = true.answers.of(items)
    expected = true.answers.responses[np.ix_(own, own)]
    off = found.correlations.to_numpy() - expected
    assert np.abs(off).max() < 0.035
    assert np.abs(off[np.triu_indices(len(items), 1)]).mean() < 0.008


def test_categories_are_as_frequent_as_worked_out(true: Truth, scored: pd.DataFrame) -> None:
    for item in true.items.index[::7]:
        shares = scored[item].value_counts(normalize=True).sort_index()
        expected = true.items.loc[item, [f"p{c}" for c in range(1, 6)]].to_numpy(dtype=float)
        np.testing.assert_allclose(shares.to_numpy(), expected, atol=0.012)


@pytest.mark.parametrize(
    ("scale", "kind"),
    [
        ("bro", "organisation"),
        ("G_kom", "group"),
        ("O_kor", "organisation"),
        ("L_kop", "unit"),
        ("exchange_zones", "unit"),
    ],
)
def test_sums_of_answers_cluster_as_worked_out(
    true: Truth, scored: pd.DataFrame, scale: str, kind: str
) -> None:
    cluster = scored[kind] if kind != "group" else scored["organisation"] + scored["profession"]
    data = pd.DataFrame({"sum": scored[list(KKS.scale(scale).items)].sum(axis=1), "c": cluster})
    found = measure.icc(data, ["sum"], cluster="c")
    expected = true.scales.loc[scale, f"icc_{kind}"]
    assert found["icc1"].iloc[0] == pytest.approx(expected, abs=0.015)
    assert expected < true.scales.loc[scale, f"icc_latent_{kind}"]


def test_sums_of_answers_correlate_as_worked_out(true: Truth, scored: pd.DataFrame) -> None:
    total = scored[list(KKS.form("individual").items)].sum(axis=1)
    for name in ("trust_rational", "role_conflict", "barriers", "norms"):
        other = scored[list(KKS.scale(name).items)].sum(axis=1)
        expected = value(true, name, "sums of answers")
        assert total.corr(other) == pytest.approx(expected, abs=0.02)


def test_groups_differ_as_worked_out(true: Truth, scored: pd.DataFrame) -> None:
    """The sum of the answers differs by less than the latent variable, by its reliability."""
    total = scored[list(KKS.scale("kor").items)].sum(axis=1)
    reach = np.sqrt(true.scales.loc["kor", "omega"])
    for column, low, high, target in (
        ("ambassador", "no", "yes", "ambassador"),
        ("crossboundary", "rarely", "daily", "crossboundary"),
    ):
        groups = [total[scored[column] == one] for one in (low, high)]
        within = sum((len(one) - 1) * one.var() for one in groups) / sum(map(len, groups))
        d = (groups[1].mean() - groups[0].mean()) / np.sqrt(within)
        # Sums of answers are bounded, so that groups differ a little less at the top of the scale.
        assert d == pytest.approx(reach * value(true, target, "kor"), abs=0.06)
    leads = scored["role"] == "leader"
    own = scored[list(KKS.scale("L_bro").items)].sum(axis=1)
    d = (own[leads].mean() - own[~leads].mean()) / own[~leads].std()
    expected = value(true, "leadership_self_other", "role = leader", "L")
    assert d == pytest.approx(np.sqrt(true.scales.loc["L_bro", "omega"]) * expected, abs=0.05)


def test_differences_between_categories_of_a_normal_variable_are_in_closed_form() -> None:
    """A normal variable cut at 0 differs by 2 sqrt(2/pi) in itself, with variance 1 - 2/pi."""
    one = population().liabilities[1].model_copy(update={"categories": {"no": 0.5, "yes": 0.5}})
    between = true_network._between_ends(one, 0.5)
    within = 1 - 0.25 * 2 / np.pi
    assert between == pytest.approx(0.5 * 2 * np.sqrt(2 / np.pi) / np.sqrt(within))
    rng = np.random.default_rng(1)
    liability = rng.standard_normal(400_000)
    own = 0.5 * liability + np.sqrt(0.75) * rng.standard_normal(400_000)
    groups = own[liability > 0], own[liability <= 0]
    pooled = np.sqrt((groups[0].var() + groups[1].var()) / 2)
    assert (groups[0].mean() - groups[1].mean()) / pooled == pytest.approx(between, abs=0.01)


def test_the_network_lies_inside_the_bands_stated_before_any_data(bundled: Truth) -> None:
    for hypothesis in KKS.hypotheses:
        for expectation in hypothesis.expectations:
            name, rows = expectation.target, bundled.hypotheses
            own = rows[(rows["hypothesis"] == hypothesis.id) & (rows["target"] == name)]
            if own.empty or expectation.estimand not in ("correlation", "between", "distinct"):
                continue
            # The total and every function, latent and, of an index, as answered; between two
            # constructs at no level.
            level = "" if expectation.estimand == "distinct" else expectation.level or "I"
            seen = own[(own["level"] == level) & (own["what"] != "sums of answers")]["value"]
            if expectation.lower is not None and expectation.upper is not None:
                assert seen.between(expectation.lower, expectation.upper).all(), name
            if expectation.below is not None:
                assert own["value"].abs().max() < expectation.below, name
    (role,) = next(one for one in KKS.hypotheses if one.id == "H03").expectations
    assert role.lower is not None
    assert role.upper is not None
    for how in ("", " as asked"):
        given = value(bundled, "role_conflict", f"total, given crossboundary{how}")
        assert role.lower < given < role.upper
        # What goes with exposure hides part of it.
        assert given < value(bundled, "role_conflict", "total")
    assert value(bundled, "barriers", "total") > value(bundled, "barriers", "total", "O")


def test_functions_keep_apart_and_more_so_than_levels(bundled: Truth) -> None:
    found = {name: value(bundled, "functions", name, "") for name in set(bundled.hypotheses["what"])
             if name.startswith(("same", "neither"))}  # fmt: skip
    assert found["same function, smallest"] > found["same level, largest"]
    assert found["same level, smallest"] > found["neither, largest"]
    among = [
        bundled.correlations.loc[one, other]
        for k, one in enumerate(FUNCTIONS)
        for other in FUNCTIONS[:k]
    ]
    assert 0.5 < min(among) <= max(among) < 0.8


def test_levels_and_clusters_are_as_large_as_meant(bundled: Truth) -> None:
    scales = bundled.scales
    assert scales.loc[list(FUNCTIONS), "icc_organisation"].between(0.03, 0.06).all()
    assert scales.loc["O_bro":"O_kop", "icc_organisation"].between(0.12, 0.2).all()
    places = [f"share_{place}" for place in ("organisation", "unit", "group", "person")]
    np.testing.assert_allclose(scales[places].sum(axis=1), 1.0)


def test_known_groups_differ_as_meant(bundled: Truth) -> None:
    for name in FUNCTIONS:
        assert value(bundled, "ambassador", name) == pytest.approx(0.5, abs=0.05)
        assert value(bundled, "crossboundary", name) == pytest.approx(0.45, abs=0.04)
    for column in ("role", "education", "profession", "unit_type"):
        assert 0 <= value(bundled, column, "largest difference") <= 0.1
    assert value(bundled, "leadership_self_other", "role = leader", "L") > 0


def test_the_effort_raises_what_it_is_said_to_raise() -> None:
    """Thresholds of the second wave lie lower by the loading times the mean gain."""
    found = drawn(11, Wanted(*(False,) * 5, second_wave=True), 5)
    stated, data = truth(found), found.data
    again = set(data.loc[data["wave"] == "2", "respondent"])
    data = data[data["respondent"].isin(again)]
    items = list(KKS.form("individual").items)
    loadings = stated.items.loc[items, "loading"].to_numpy()
    scored = KKS.score(data)[items]

    def lower(who: pd.Series) -> float:
        cuts = [
            measure.polychoric(scored[who & (data["wave"] == wave)], ordered=items).thresholds
            for wave in ("1", "2")
        ]
        moved = [
            (cuts[0] - cuts[1])[[f"{item}|t{c}" for c in range(1, 5)]].mean() for item in items
        ]
        return float(np.mean(np.array(moved) / loadings))

    gains = stated.gains["I"]
    for group in ("effort", "comparison"):
        assert lower(data["effort"] == group) == pytest.approx(gains[group], abs=0.05)
    assert gains["difference"] == pytest.approx(0.3)


def test_gains_are_larger_with_exchange_zones() -> None:
    found = drawn(11, Wanted(*(False,) * 5, second_wave=True), 5)
    data = found.data.set_index(["respondent", "wave"])
    totals = KKS.score(data)[list(KKS.form("individual").items)].mean(axis=1).unstack()
    gain = (totals["2"] - totals["1"]).dropna()
    first = data.xs("1", level="wave").loc[gain.index]
    zones = first[list(KKS.scale("exchange_zones").items)].mean(axis=1)
    high = zones > zones.median()
    takes_part = first["effort"] == "effort"
    more = {
        part: gain[who & high].mean() - gain[who & ~high].mean()
        for part, who in (("effort", takes_part), ("comparison", ~takes_part))
    }
    assert more["effort"] > more["comparison"] + 0.05


def test_stated_places_of_the_variance_make_the_pooled_correlations() -> None:
    found = structure(KKS, population())
    one, other = found.place["bro"], found.place["O_bro"]
    shares = found.shares
    assert found.pooled[one, other] == pytest.approx(
        found.correlations[one, other] * np.sqrt(shares[:, one] * shares[:, other]).sum()
    )
    np.testing.assert_allclose(np.diag(found.pooled), 1.0)
    np.testing.assert_allclose(found.root @ found.root.T, found.correlations)
    # The same function at two levels correlates as the levels do.
    assert found.correlations[one, other] == population().levels[2].correlations["I"]


def test_groups_that_differ_widen_the_distribution_a_little() -> None:
    answers = truth(drawn(SEED, CLEAN)).answers
    leads = (drawn(SEED, CLEAN).data["role"] == "leader").mean()
    place = answers.structure.place["L_bro"]
    assert answers.covariances[place, place] == pytest.approx(1 + leads * (1 - leads) * 0.4**2)
    assert answers.covariances[0, place] > answers.structure.pooled[0, place]
