from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

import measure
from measure.consistency.level_sums import ModelSums, SaturatedSums, ratio
from measure.errors import ModelError, OptionError
from tests.measure.ledger import LAI
from tests.reference_cases import case, data

DEMO = data("demo_twolevel.csv")
LIMITS = ["est", "se", "ci.lower", "ci.upper"]
FREE = """
level: 1
  f =~ y1 + y2 + y3
level: 2
  f =~ y1 + y2 + y3
"""


@cache
def fitted(construct, estimator="ML"):
    content = case(f"rel_twolevel_{construct}")
    frame, cluster = data(content["data"]), content["options"]["cluster"]
    return measure.cfa(content["model"], frame, cluster=cluster, estimator=estimator)


@cache
def free(**options):
    return measure.cfa(FREE, DEMO, cluster="cluster", **options)


def by_score(table, coefficient="omega", **chosen):
    for column, value in chosen.items():
        table = table[table[column] == value]
    return table[table["coefficient"] == coefficient].set_index("score")


SCORES = {
    "person": "person",
    "deviation": "deviation",
    "cluster mean": "mean_harmonic",
    "latent mean": "latent",
}


def named(rows):
    return {row["name"]: (row["est"], row["se"]) for row in rows}


@pytest.mark.parametrize("estimator", ["ML", "MLR"])
@pytest.mark.parametrize("name", LAI)
def test_estimates_and_errors_agree_with_lavaan(name, estimator):
    expected, construct = case(name)["results"], case(name)["construct"]
    found = measure.multilevel_reliability(fitted(construct, estimator), construct)
    omegas = named(expected[f"omega_{estimator}"])
    target = found.table[found.table["between"] == ("f" if construct == "configural" else "s")]
    sizes = found.by_size[found.by_size["between"] == target["between"].iloc[0]]
    for score, row in by_score(target).iterrows():
        assert tuple(row[["est", "se"]]) == pytest.approx(omegas[SCORES[score]], abs=1e-5)
    for row in sizes.to_dict("records"):
        assert (row["est"], row["se"]) == pytest.approx(omegas[f"mean_n{row['size']}"], abs=1e-5)
    if construct != "configural":
        irr = by_score(target, "irr").loc["cluster mean", ["est", "se"]]
        assert tuple(irr) == pytest.approx(omegas["irr"], abs=1e-5)
    if construct != "simultaneous":
        alphas = named(expected[f"alpha_{estimator}"])
        for score, row in by_score(target, "alpha").iterrows():
            assert tuple(row[["est", "se"]]) == pytest.approx(alphas[SCORES[score]], abs=1e-5)
    else:
        assert "alpha" not in set(found.table["coefficient"])
        for score, row in by_score(found.table, between="f").iterrows():
            wanted = omegas[f"configural_{SCORES[score]}"]
            assert tuple(row[["est", "se"]]) == pytest.approx(wanted, abs=1e-5)
    harmonic = found.table.loc[found.table["score"] == "cluster mean", "size"]
    np.testing.assert_allclose(harmonic, expected["n_harmonic"])


@pytest.mark.parametrize("name", LAI)
def test_semtools(name):
    expected, construct = case(name)["results"], case(name)["construct"]
    table = measure.multilevel_reliability(fitted(construct), construct).table
    factor = "f" if construct == "configural" else "s"
    omegas = by_score(table, between=factor)["est"]
    theirs = expected["compRelSEM"]
    assert omegas["cluster mean"] == pytest.approx(theirs["shared"][factor]["omega_B"], abs=1e-5)
    if construct != "configural":
        irr = by_score(table, "irr", between=factor)["est"]["cluster mean"]
        assert irr == pytest.approx(theirs["shared"][factor]["IRR"], abs=1e-5)
    else:
        assert omegas["deviation"] == pytest.approx(theirs["config"]["f"]["omega_W"], abs=1e-5)
        assert omegas["person"] == pytest.approx(theirs["config"]["f"]["omega_2L"], abs=1e-5)
    if construct != "simultaneous":
        alphas, theirs = by_score(table, "alpha")["est"], expected["compRelSEM_alpha"]
        assert alphas["cluster mean"] == pytest.approx(
            theirs["shared"][factor]["alpha_B"], abs=1e-5
        )
    if construct == "configural":
        assert alphas["deviation"] == pytest.approx(theirs["config"]["f"]["alpha_W"], abs=1e-5)
        assert alphas["person"] == pytest.approx(theirs["config"]["f"]["alpha_2L"], abs=1e-5)


# Printed by the author's program for these data and items (lavaan's default search):
# quantscience.rbind.io, "Multilevel Composite Reliability", 13 November 2022.
def test_the_numbers_that_lai_printed():
    table = measure.multilevel_reliability(fitted("configural"), "configural").table
    omega, alpha = by_score(table)["est"], by_score(table, "alpha")["est"]
    scores = ["person", "cluster mean", "deviation"]
    assert omega[scores].tolist() == pytest.approx([0.7669377, 0.7837490, 0.6761273], abs=2e-6)
    assert alpha[scores].tolist() == pytest.approx([0.7523324, 0.7613526, 0.6682291], abs=5e-6)


def simulated(n_clusters, seed, shared=False):
    """Scores that are true, by what they are of, and answers of clusters of 4 and 12."""
    rng = np.random.default_rng(seed)
    size = np.where(np.arange(n_clusters) % 2, 4, 12)
    unit = np.repeat(np.arange(n_clusters), size)
    loading = np.array([0.9, 0.7, 0.8, 0.6])
    between = rng.normal(size=n_clusters) * 0.7
    within = rng.normal(size=len(unit))
    own = rng.normal(size=n_clusters) * 0.6 if shared else np.zeros(n_clusters)
    on_own = np.array([0.5, 0.9, 0.6, 1.0])
    unique = rng.normal(size=(n_clusters, 4)) * 0.25
    X = loading * (between[unit] + within)[:, None] + on_own * own[unit][:, None]
    X = X + unique[unit] + rng.normal(size=(len(unit), 4))
    frame = pd.DataFrame(X, columns=list("abcd")).assign(unit=unit)
    return frame, {"between": between, "within": within, "own": own, "size": size}


def squared(x, y):
    return np.corrcoef(x, y)[0, 1] ** 2


EQUAL = """
level: 1
  f =~ NA*a + l1*a + l2*b + l3*c + l4*d
  f ~~ 1*f
level: 2
  f =~ NA*a + l1*a + l2*b + l3*c + l4*d
  f ~~ f
"""


# Reliability is the squared correlation of what is observed with what is true.
def test_reliabilities_are_those_of_observed_scores():
    frame, truth = simulated(5000, 3)
    fit = measure.cfa(EQUAL, frame, cluster="unit")
    found = measure.multilevel_reliability(fit, "configural")
    omega = by_score(found.table)["est"]
    total = frame[list("abcd")].sum(axis=1)
    means = total.groupby(frame["unit"]).mean()
    unit = frame["unit"].to_numpy()
    person = truth["between"][unit] + truth["within"]
    mean = pd.Series(truth["within"]).groupby(unit).transform("mean")
    assert omega["person"] == pytest.approx(squared(total, person), abs=0.01)
    deviation = squared(total - means.loc[unit].to_numpy(), truth["within"] - mean)
    assert omega["deviation"] == pytest.approx(deviation, abs=0.01)
    for row in found.by_size.to_dict("records"):
        own = truth["size"] == row["size"]
        assert row["n_clusters"] == own.sum() == 2500
        assert row["est"] == pytest.approx(squared(means[own], truth["between"][own]), abs=0.015)
    # Over all clusters what varies is within / n on the average of 1/n.
    share = np.var(truth["between"]) * (0.9 + 0.7 + 0.8 + 0.6) ** 2 / np.var(means)
    assert omega["cluster mean"] == pytest.approx(share, abs=0.015)
    assert omega["latent mean"] > omega["cluster mean"] + 0.1


def test_reliabilities_of_a_shared_construct_beside_a_configural_one():
    frame, truth = simulated(5000, 4, shared=True)
    fixed = EQUAL.replace("f ~~ f\n", "f ~~ 0.49*f\n  s =~ a + b + c + d\n  s ~~ 0*f\n")
    fit = measure.cfa(fixed, frame, cluster="unit")
    found = measure.multilevel_reliability(fit, "simultaneous").by_size.set_index(
        ["between", "size"]
    )
    means = frame.groupby("unit").mean().sum(axis=1)
    for size in (4, 12):
        own = truth["size"] == size
        for factor, true in (("f", "between"), ("s", "own")):
            wanted = squared(means[own], truth[true][own])
            assert found.loc[(factor, size), "est"] == pytest.approx(wanted, abs=0.02)


def test_slopes_of_sums():
    model = (
        FREE.replace("level: 2", "  f ~ x1\n  y1 ~~ 0.1*y2\nlevel: 2") + "  f ~ w1\n  y1 ~~ 0.01*y3"
    )
    fit = measure.sem(model, DEMO, cluster="cluster")
    items = ("y1", "y2", "y3")

    def amounts(at):
        sums = ModelSums(at, 0)
        true = [sums.true(level, "f", items) for level in (1, 2)]
        whole = [sums.whole(level, items) for level in (1, 2)]
        return np.array([*true, *whole, ratio(true[1], whole[1] + whole[0] / 7)])

    step = 1e-6
    slopes = []
    for k in range(len(fit.params)):
        up, down = (
            replace(fit, params=fit.params + sign * step * (np.arange(len(fit.params)) == k))
            for sign in (1, -1)
        )
        slopes.append((amounts(up)[:, 0] - amounts(down)[:, 0]) / (2 * step))
    kept = list(fit.model.reduction.kept)
    np.testing.assert_allclose(amounts(fit)[:, 1:][:, kept], np.array(slopes).T, atol=1e-8)


def test_saturated_sums_leave_given_predictors_out():
    model = FREE.replace("level: 2", "  f ~ x1\nlevel: 2") + "  f ~ w1"
    fit = measure.sem(model, DEMO, cluster="cluster")
    sums = SaturatedSums(fit, 0)
    items = ("y1", "y2", "y3")
    assert sums.covariance.shape[0] == len(sums.whole(1, items)) - 1
    sigma = fit.moments.sample[1].sigma
    own = [fit.moments.block_names[1].index(item) for item in items]
    assert sums.whole(2, items)[0] == pytest.approx(sigma[np.ix_(own, own)].sum())
    plain = by_score(measure.multilevel_reliability(free(), "shared").table, "alpha")
    given = by_score(measure.multilevel_reliability(fit, "shared").table, "alpha")
    # Predictors tell something of the moments, and nothing that would move these errors by much.
    np.testing.assert_allclose(given["se"], plain["se"], rtol=0.05)


def test_an_individual_construct():
    found = measure.multilevel_reliability(fitted("configural"), "individual")
    assert list(found.table["score"]) == ["person", "person", "deviation", "deviation"]
    assert not len(found.by_size)
    whole = by_score(measure.multilevel_reliability(fitted("configural"), "configural").table)
    pd.testing.assert_frame_equal(
        by_score(found.table)[LIMITS], whole.loc[found.table["score"].unique(), LIMITS]
    )
    # With loadings of their own between clusters, only deviations have an omega.
    apart = measure.multilevel_reliability(free(), "individual")
    assert np.isnan(by_score(apart.table).loc["person", "est"])
    assert by_score(apart.table).loc["deviation", "est"] == pytest.approx(0.6762315, abs=1e-5)
    assert by_score(apart.table, "alpha").notna().loc["person", "est"]
    assert "loads" in apart.notes[0]
    between = "level: 2\n y1 ~~ y2 + y3\n y2 ~~ y3"
    fit = measure.cfa(f"level: 1\n f =~ y1 + y2 + y3\n{between}", DEMO, cluster="cluster")
    alone = measure.multilevel_reliability(fit, "individual")
    assert "no factor between clusters" in alone.notes[0]


def test_groups_have_sizes_of_their_own():
    frame = DEMO.assign(half=np.where(DEMO["cluster"] <= 100, "a", "b"))
    fit = measure.cfa(FREE, frame, cluster="cluster", group="half")
    found = measure.multilevel_reliability(fit, "shared")
    for label, own in frame.groupby("half"):
        part = measure.multilevel_reliability(measure.cfa(FREE, own, cluster="cluster"), "shared")
        mine = found.table[found.table["group"] == label].drop(columns="group")
        expected = part.table.drop(columns="group")
        pd.testing.assert_frame_equal(mine.reset_index(drop=True), expected, rtol=1e-5)
        assert found.by_size.query("group == @label")["n_clusters"].sum() == part.n_clusters


def test_items_that_only_clusters_have():
    rng = np.random.default_rng(5)
    common = rng.normal(size=200)
    own = {f"v{k}": common + rng.normal(size=200) for k in range(3)}
    frame = DEMO.assign(**{name: x[DEMO["cluster"] - 1] for name, x in own.items()})
    fit = measure.cfa(FREE + "  g =~ v0 + v1 + v2", frame, cluster="cluster")
    table = by_score(measure.multilevel_reliability(fit, "shared").table, between="g")
    # All members of a cluster have the same: nothing is sampled.
    expected = 9 / (9 + 3)
    assert table["est"].tolist() == pytest.approx([expected] * 2, abs=0.05)
    assert table.loc["cluster mean", "est"] == table.loc["latent mean", "est"]


def test_a_fit_without_standard_errors():
    found = measure.multilevel_reliability(free(se="none"), "shared")
    assert found.table["est"].notna().all()
    assert found.table[["se", "ci.lower", "ci.upper"]].isna().all(axis=None)
    assert "no standard errors" in found.notes[-1]


# The same by := from the estimates of the fit.
def test_incomplete_rows():
    frame = DEMO[["y1", "y2", "y3", "cluster"]].copy()
    frame.loc[::7, "y1"] = np.nan
    frame.loc[3::11, "y3"] = np.nan
    content = case("rel_twolevel_configural")
    text = content["model"] + (
        "\nmean := (l1 + l2 + l3)^2*fb / "
        "((l1 + l2 + l3)^2*(fb + 1/9.6) + eb1 + eb2 + eb3 + (ew1 + ew2 + ew3)/9.6)"
    )
    fit = measure.cfa(text, frame, cluster="cluster", missing="fiml")
    found = measure.multilevel_reliability(fit, "configural")
    row = by_score(found.table).loc["cluster mean"]
    assert row["size"] == pytest.approx(9.6)
    defined = fit.parameters.set_index("op").loc[":="]
    assert tuple(row[["est", "se"]]) == pytest.approx(tuple(defined[["est", "se"]]), rel=1e-6)
    assert "answered all" in found.notes[0]
    # With every answer it is the same as from complete rows.
    whole = measure.cfa(FREE, DEMO, cluster="cluster", missing="fiml")
    ours = measure.multilevel_reliability(whole, "shared").table
    theirs = measure.multilevel_reliability(free(), "shared").table
    pd.testing.assert_frame_equal(ours, theirs, rtol=1e-4)


def test_estimates_outside_what_is_possible_have_no_interval():
    rng = np.random.default_rng(12)
    unit = np.repeat(np.arange(30), 8)
    X = 0.3 * rng.normal(size=30)[unit][:, None] + rng.normal(size=(240, 4))
    frame = pd.DataFrame(X, columns=list("abcd")).assign(unit=unit)
    text = EQUAL + "".join(f"  {x} ~~ -0.02*{x}\n" for x in "abcd")
    with pytest.warns(measure.errors.ImproperSolutionWarning):
        fit = measure.cfa(text, frame, cluster="unit")
    found = measure.multilevel_reliability(fit, "configural")
    row = by_score(found.table).loc["latent mean"]
    assert row["est"] > 1
    assert row["se"] > 0
    assert row[["ci.lower", "ci.upper"]].isna().all()
    notes = " ".join(found.notes)
    for part in ("30 clusters", "outside what a reliability can be", "not admissible"):
        assert part in notes


def test_saturated_covariances_on_the_boundary():
    # Little variance between 25 clusters, and heavy tails.
    rng = np.random.default_rng(32)
    unit = np.repeat(np.arange(25), 5)
    factor = 0.3 * rng.normal(size=25)[unit] + rng.normal(size=125)
    X = factor[:, None] + rng.normal(size=(125, 4)) ** 3
    frame = pd.DataFrame(X, columns=["y1", "y2", "y3", "y4"]).assign(unit=unit)
    model = FREE.replace("y3", "y3 + y4")
    with pytest.warns(measure.errors.ImproperSolutionWarning):
        fit = measure.cfa(model, frame, cluster="unit")
    found = measure.multilevel_reliability(fit, "shared")
    assert SaturatedSums(fit, 0).on_boundary
    assert (by_score(found.table, "alpha")["se"] > 0).all()
    assert "expected information" in " ".join(found.notes)
    assert not SaturatedSums(free(), 0).on_boundary


def test_a_wider_level_gives_a_wider_interval():
    narrow = measure.multilevel_reliability(free(), "shared", confidence_level=0.9).table
    wide = measure.multilevel_reliability(free(), "shared", confidence_level=0.99).table
    assert (wide["ci.lower"] < narrow["ci.lower"]).all()
    assert (wide["ci.upper"] > narrow["ci.upper"]).all()


def test_what_a_result_shows():
    found = measure.multilevel_reliability(fitted("configural"), "configural")
    for text in (repr(found), found._repr_html_()):
        assert "configural" in text
        assert "number of members" in text


TWO = """
level: 1
  f =~ y1 + y2 + y3
  g =~ y4 + y5 + y6
level: 2
  f =~ y1 + y2 + y3
  g =~ y4 + y5 + y6
"""


def test_what_forbids_one_construct_leaves_the_others():
    tied = TWO.replace("f =~ y1 + y2 + y3", "f =~ y1 + a*y2 + b*y3")
    found = measure.multilevel_reliability(measure.cfa(tied, DEMO, cluster="cluster"), "configural")
    omega = found.table.query("coefficient == 'omega'").set_index("between")["est"]
    assert omega["f"].notna().all()
    assert omega["g"].isna().all()
    assert set(found.by_size["between"]) == {"f"}
    assert found.notes[0].startswith("g: ")
    assert "loads" in found.notes[0]


@pytest.mark.filterwarnings("ignore::measure.errors.ImproperSolutionWarning")
@pytest.mark.parametrize(
    ("model", "construct", "message"),
    [
        (FREE, "configural", r'"y\d" loads .* on f within clusters and .* needs equal loadings'),
        (FREE, "simultaneous", "load on f; a simultaneous model has two factors"),
        (
            "level: 1\n f =~ y1 + y2 + y3\n y4 ~~ y1\nlevel: 2\n f =~ y1 + y2 + y3 + y4",
            "configural",
            "no factor within clusters has the items of f",
        ),
        (
            "level: 1\n f =~ y1 + y2 + y3\nlevel: 2\n y1 ~~ y2 + y3\n y2 ~~ y3",
            "shared",
            "it has no factors at the level",
        ),
        (TWO.replace("y5 + y6\nlevel", "y5 + y6 + y1\nlevel"), "configural", "no factor within"),
        (TWO + " f =~ y4\n g =~ y1", "shared", "y4 also loads on g"),
    ],
)
def test_a_model_without_such_a_construct(model, construct, message):
    fit = measure.cfa(model, DEMO, cluster="cluster", se="none", test="none")
    with pytest.raises(ModelError, match=message):
        measure.multilevel_reliability(fit, construct)


def test_factors_that_covary_part_nothing():
    content = case("rel_twolevel_simultaneous")
    free_covariance = content["model"].replace("s ~~ 0*f", "s ~~ 0.01*f")
    fit = measure.cfa(free_covariance, DEMO, cluster="cluster", se="none")
    with pytest.raises(ModelError, match="f and s covary between clusters"):
        measure.multilevel_reliability(fit, "simultaneous")


def test_what_is_refused():
    with pytest.raises(OptionError, match="this one has one level"):
        measure.multilevel_reliability(measure.cfa("f =~ y1 + y2 + y3", DEMO), "shared")
    with pytest.raises(OptionError, match="construct"):
        measure.multilevel_reliability(free(), "formative")
    with pytest.raises(OptionError, match="confidence_level"):
        measure.multilevel_reliability(free(), "shared", confidence_level=95)
