from functools import cache

import numpy as np
import pandas as pd
import pytest

import measure
from measure.comparability.level_ladder import LevelLadder
from measure.errors import DataError, ModelError, OptionError
from measure.specification.options import Options
from tests.reference_cases import case, cases, data

DEMO = data("demo_twolevel.csv")
CASES = [content["id"] for content in cases("cross_level")]
TWO = "f =~ y1 + y2 + y3\ng =~ y4 + y5 + y6"


def written(options):
    """The model of a case, and what is not equal in it."""
    lines = [f"{name} =~ {' + '.join(own)}" for name, own in options["factors"].items()]
    of = {item: name for name, own in options["factors"].items() for item in own}
    apart = [f"{of[item]} =~ {item}" for item in options["apart"]]
    stays = [f"{item} ~~ {item}" for item in options["stays"]]
    return "\n".join([*lines, *options["extra"]]), [*apart, *stays]


@cache
def climbed(name, estimator):
    content = case(name)
    model, partial = written(content["options"])
    return measure.cross_level_invariance(
        model, data(content["data"]), cluster="cluster", estimator=estimator, partial=partial
    )


@pytest.mark.parametrize("estimator", ["ML", "MLR"])
@pytest.mark.parametrize("name", CASES)
def test_the_steps_agree_with_lavaan(name, estimator):
    found, expected = climbed(name, estimator), case(name)["results"][estimator]
    assert found.steps == ("configural", "metric", "strong")
    for step, measures in expected["fit"].items():
        for key, value in measures.items():
            tolerance = 1e-4 if ".scaled" in key or ".robust" in key else 1e-5
            assert found.table.loc[step, key] == pytest.approx(value, rel=tolerance, abs=tolerance)
    for step, difference in expected["differences"].items():
        row = found.table.loc[step]
        assert row["df_diff"] == difference["df_diff"]
        if difference["chisq_diff"] is None:
            # The scaling factor of 2001 is negative, so that lavaan gives no test.
            assert row["method"] == "satorra.bentler.2010"
            assert row["pvalue_diff"] < 1e-6
            continue
        # Chi-squares of lavaan rest on a saturated model by EM.
        assert row["chisq_diff"] == pytest.approx(difference["chisq_diff"], rel=1e-4)
        assert row["pvalue_diff"] == pytest.approx(difference["pvalue"], abs=1e-5)
    factors = found.factors.set_index("factor")
    for level in ("within", "between"):
        theirs = expected["factors"]["strong"][level]
        assert factors[level].to_dict() == pytest.approx(theirs, rel=1e-4)


def test_what_is_released():
    found = climbed("cross_level_partial", "ML")
    names = {"".join(row) for row in found.released.itertuples(index=False)}
    assert names == {"f=~y3", "y1~~y1", "y4~~y4"}
    metric = found.fits["metric"].parameters.query("op == '=~' and rhs == 'y3'")["est"]
    assert metric.nunique() == 2
    strong = found.fits["strong"].parameters.query("level == 2 and op == '~~' and lhs == rhs")
    own = strong.set_index("lhs")["est"]
    assert (own[["y2", "y3", "y5", "y6"]] == 0).all()
    assert (own[["y1", "y4"]] > 0).all()
    assert list(climbed("cross_level_demo", "ML").released.columns) == ["lhs", "op", "rhs"]


# The same by := in lavaan's metric model: fb / (1 + fb), with its delta method.
def test_shares_of_the_factors():
    text = climbed("cross_level_demo", "ML").fits["metric"].text
    text = text.replace("f ~~ f", "f ~~ v*f").replace("g ~~ g", "g ~~ u*g")
    fit = measure.fit(text + "\nf_icc := v/(1 + v)\ng_icc := u/(1 + u)", DEMO, cluster="cluster")
    defined = fit.parameters[fit.parameters["op"] == ":="]
    found = measure.cross_level_invariance(
        TWO, DEMO, cluster="cluster", steps=["configural", "metric"]
    )
    np.testing.assert_allclose(found.factors["icc"], defined["est"], rtol=1e-6)
    np.testing.assert_allclose(found.factors["se"], defined["se"], rtol=1e-6)
    assert (found.factors["ci.lower"] < found.factors["icc"]).all()
    assert found.factors["ci.upper"].between(found.factors["icc"], 1).all()
    alone = measure.cross_level_invariance(TWO, DEMO, cluster="cluster", steps=["configural"])
    assert not len(alone.factors)


def test_degrees_of_freedom_by_counting():
    for model, partial, expected in (
        # 2 x (6 x 7 / 2 - 13) = 16; 6 equal loadings less 2 variances; 6 residual variances.
        (TWO, [], [16, 20, 26]),
        # Two covariances of residuals less, of which the last step gives up one.
        (TWO + "\ny1 ~~ y4", [], [14, 18, 25]),
        (TWO + "\ny1 ~~ y4", ["y1 ~~ y1", "y4~~y4", "f=~y1"], [14, 17, 21]),
        ("f =~ y1 + y2 + y3 + 0.5*y4", [], [6, 8, 12]),
    ):
        ladder = LevelLadder.of(
            model, DEMO, Options(cluster="cluster"), ("configural", "metric", "strong")
        ).released(partial)
        assert [ladder.structure.predicted_df(step) for step in ladder.steps] == expected
        near = None
        for step, df in zip(ladder.steps, expected, strict=True):
            near = ladder.fit(step, near)
            assert near.df == df


def isomorphic(n_clusters, seed):
    """Answers that measure alike at both levels, but for an item with bias between clusters."""
    rng = np.random.default_rng(seed)
    unit = np.repeat(np.arange(n_clusters), rng.integers(5, 15, n_clusters))
    factor = rng.normal(size=n_clusters)[unit] * 0.8 + rng.normal(size=len(unit))
    X = np.array([0.8, 0.7, 0.9, 0.6]) * factor[:, None] + rng.normal(size=(len(unit), 4))
    frame = pd.DataFrame(X, columns=list("abcd"))
    frame["biased"] = frame["d"] + rng.normal(size=n_clusters)[unit] * 0.5
    return frame.assign(unit=unit)


@pytest.mark.filterwarnings("ignore::measure.errors.ImproperSolutionWarning")
def test_bias_between_clusters_is_found_at_the_last_step():
    frame = isomorphic(150, 7)
    fair = measure.cross_level_invariance("f =~ a + b + c + d", frame, cluster="unit")
    assert (fair.table["pvalue_diff"].dropna() > 0.01).all()
    model = "f =~ a + b + c + biased"
    unfair = measure.cross_level_invariance(model, frame, cluster="unit")
    assert unfair.table.loc["metric", "pvalue_diff"] > 0.01
    assert unfair.table.loc["strong", "pvalue_diff"] < 1e-6
    stays = measure.cross_level_invariance(
        model, frame, cluster="unit", partial=["biased ~~ biased"]
    )
    assert stays.table.loc["strong", "pvalue_diff"] > 0.01
    assert stays.factors.loc[0, "icc"] == pytest.approx(0.64 / 1.64, abs=0.08)
    # Residual variances between clusters may be negative, so that 0 is no boundary.
    (remark,) = [note for note in fair.notes if note.startswith('"strong"')]
    assert "follows a chi-square all the same" in remark


CLIMATE = "climate =~ LEAD02 + LEAD03 + LEAD06 + LEAD09"


@pytest.mark.filterwarnings("ignore::measure.errors.ImproperSolutionWarning")
def test_steps_of_ordered_items_are_models_of_latent_responses():
    frame = data("lq2002.csv")
    found = measure.cross_level_invariance(CLIMATE, frame, cluster="COMPID", ordered=True)
    assert found.table["df_diff"].tolist()[1:] == [3, 4]
    assert set(found.table["method"][1:]) == {"satorra.2000"}
    assert found.variant == "scaled"
    # The same models in other words, with a marker item.
    equal = CLIMATE.replace("LEAD03", "a*LEAD03").replace("LEAD06", "b*LEAD06")
    equal = equal.replace("LEAD09", "c*LEAD09")
    for step, text in (("configural", CLIMATE), ("metric", equal)):
        other = measure.cfa(
            f"level: 1\n{text}\nlevel: 2\n{text}", frame, cluster="COMPID", ordered=True
        )
        for name in ("chisq", "chisq.scaled", "cfi.scaled", "srmr_between"):
            assert found.table.loc[step, name] == pytest.approx(other.fit_measures[name], rel=1e-5)
    shares = measure.twolevel_correlations(
        frame[[*found.items.index, "COMPID"]], cluster="COMPID"
    ).icc
    np.testing.assert_allclose(found.items, shares["icc"], rtol=1e-8)
    assert 0 < found.factors.loc[0, "ci.lower"] < found.factors.loc[0, "icc"] < 0.2


@pytest.mark.filterwarnings("ignore::measure.errors.MeasureWarning")
def test_bias_between_clusters_is_found_in_ordered_items():
    frame = isomorphic(100, 3)
    names = ["a", "b", "c", "biased"]
    cut = frame[names].apply(lambda x: np.digitize(x, x.quantile([0.2, 0.5, 0.8])))
    found = measure.cross_level_invariance(
        "f =~ a + b + c + biased", cut.assign(unit=frame["unit"]), cluster="unit", ordered=names
    )
    assert found.table.loc["metric", "pvalue_diff"] > 0.01
    assert found.table.loc["strong", "pvalue_diff"] < 0.01


def test_what_a_result_shows():
    found = climbed("cross_level_partial", "MLR")
    assert found.variant == "robust"
    for text in (repr(found), found._repr_html_()):
        assert "Invariance across levels" in text
        assert "srmr_between" in text
        assert "not equal" in text


@pytest.mark.filterwarnings("ignore::measure.errors.ImproperSolutionWarning")
def test_little_variance_between_is_noted():
    rng = np.random.default_rng(2)
    quiet = DEMO["y3"] - 0.8 * DEMO.groupby("cluster")["y3"].transform("mean")
    frame = DEMO.assign(quiet=quiet + rng.normal(size=len(DEMO)) * 0.1)
    found = measure.cross_level_invariance(
        "f =~ y1 + y2 + quiet", frame, cluster="cluster", steps=["configural"]
    )
    assert found.items["quiet"] < 0.05
    assert "quiet (0.0" in found.notes[0]


@pytest.mark.parametrize(
    ("model", "options", "error", "message"),
    [
        ("level: 1\n f =~ y1 + y2\nlevel: 2\n f =~ y1 + y2", {}, ModelError, "writes both levels"),
        ("f =~ y1 + a*y2 + a*y3", {}, ModelError, "labels make parameters equal"),
        ("f =~ y1 + y2 + y3\nf ~ x1", {}, ModelError, "paths are no part"),
        ("f =~ y1 + y2 + y3\nf ~~ f", {}, ModelError, "set by the steps"),
        (TWO, {"steps": ["metric"]}, OptionError, 'do not begin with "configural"'),
        (TWO, {"steps": ["configural", "scalar"]}, OptionError, '"scalar" is not known'),
        (TWO, {"steps": "metric"}, OptionError, "list of names"),
        (TWO, {"partial": ["y1 ~1"]}, OptionError, "no free loading or residual variance"),
        (TWO, {"partial": "f =~ y1"}, OptionError, "list of parameters"),
        (TWO, {"partial": ["f =~ y1", "f =~ y2"]}, OptionError, "no anchor left"),
        (TWO, {"cluster": "team"}, DataError, "team"),
        (TWO, {"estimator": "WLSMV"}, OptionError, "WLSMV"),
        (TWO, {"ordered": ["y1"]}, ModelError, "continuous variables beside ordered items"),
        (TWO, {"ordered": "y1"}, OptionError, "ordered is a list of items"),
    ],
)
def test_what_is_refused(model, options, error, message):
    with pytest.raises(error, match=message):
        measure.cross_level_invariance(model, DEMO, **{"cluster": "cluster", **options})


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (DEMO.assign(cluster=1), "one cluster"),
        (DEMO.assign(cluster=range(len(DEMO))), "every cluster"),
        (
            DEMO.assign(y2=DEMO["y2"] - DEMO.groupby("cluster")["y2"].transform("mean")),
            '"y2" is modelled between clusters, but has the same mean',
        ),
        (
            DEMO.assign(
                y2=DEMO["y2"]
                - DEMO.groupby("cluster")["y2"].transform("mean")
                + 1e-3 * np.cos(np.arange(len(DEMO)))
            ),
            "y2 does not vary between the clusters",
        ),
    ],
)
def test_answers_without_two_levels(frame, message):
    with pytest.raises(DataError, match=message):
        measure.cross_level_invariance(TWO, frame, cluster="cluster")
