"""Direct effects of background on items: against lavaan (`mimic.R`), and against known truth."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import measure
from measure.errors import DataError, ModelError, OptionError
from tests.reference_cases import ROOT

MODEL = """
visual  =~ x1 + x2 + x3
textual =~ x4 + x5 + x6
speed   =~ x7 + x8 + x9
"""

# Printed by mimic.R: chi-square, then estimates and standard errors of Grant-White and of age.
LAVAAN = {
    ("ML", "x3"): (20.0328553611, -0.517631381968, 0.0229397556781, 0.122937117101, 0.0605280594),
    ("MLR", "x3"): (20.770489465, -0.517631381968, 0.0229397556781, 0.119573031427, 0.058450053),
    ("ML", "x7"): (18.8925844105, -0.494077588223, -0.103240146534, 0.114915167356, 0.060713134),
    ("MLR", "x7"): (19.5496448349, -0.494077588223, -0.103240146534, 0.112220879787, 0.06327647),
    ("cluster", "x3"): (23.3038780485, -0.517631381968, 0.022939755, 0.112192081371, 0.0540220794),
    ("cluster", "x7"): (21.6081700913, -0.494077588223, -0.10324014, 0.107008693994, 0.0613563721),
    ("fiml", "x3"): (10.6076513495, -0.412140963671, 0.0266601704, 0.135190908661, 0.0662379),
    ("fiml", "x7"): (13.4668416949, -0.466828384028, -0.10883713, 0.129279999789, 0.068457911),
}
OPTIONS: dict[str, dict[str, Any]] = {
    "ML": {},
    "MLR": {"estimator": "MLR"},
    "cluster": {"cluster": "cluster"},
    "fiml": {"missing": "fiml"},
}


def pupils(name: str = "hs39") -> pd.DataFrame:
    data = pd.read_csv(ROOT / "data" / f"{name}.csv")
    white = (data["school"] == "Grant-White").astype(float)
    age = data["ageyr"] + data["agemo"] / 12
    return data.assign(white=white, age=age, cluster=np.arange(len(data)) % 60)


@pytest.mark.parametrize("way", OPTIONS)
def test_wald_tests_agree_with_lavaan(way: str) -> None:
    data = pupils("hs39_mcar" if way == "fiml" else "hs39")
    found = measure.mimic(MODEL, data, covariates=["white", "age"], purify="none", **OPTIONS[way])
    # lavaan's optimiser leaves about six digits.
    for item in ("x3", "x7"):
        chisq, *numbers = LAVAAN[way, item]
        assert found.table.loc[item, "chisq"] == pytest.approx(chisq, rel=1e-4)
        own = found.effects[found.effects["item"] == item]
        np.testing.assert_allclose([*own["est"], *own["se"]], numbers, rtol=2e-4, atol=2e-6)


def test_an_f_distribution_weighs_the_clusters() -> None:
    found = measure.mimic(MODEL, pupils(), covariates=["white"], cluster="cluster", purify="none")
    assert (found.table["df2"] == 59).all()
    few = pupils().assign(cluster=lambda d: d["id"] % 5)
    found = measure.mimic(MODEL, few, covariates=["white"], cluster="cluster", purify="none")
    assert any("5 clusters" in note for note in found.notes)
    assert found.table["pvalue"].isna().all()
    assert not found.table["flag"].any()


def test_a_group_is_tested_by_its_members_with_covariates_held() -> None:
    by_group = measure.mimic(MODEL, pupils(), group="school", covariates=["age"], purify="none")
    # The same model as with a number for the school, whose sign depends on which school is first.
    assert by_group.predictors == ("Grant-White",)
    assert by_group.table.loc["x3", "df"] == 1
    ages = by_group.impact[by_group.impact["predictor"] == "age"]
    assert len(ages) == 3
    by_number = measure.mimic(MODEL, pupils(), covariates=["white", "age"], purify="none")
    first = by_number.effects[by_number.effects["predictor"] == "white"].set_index("item")["est"]
    # Age has no direct effect here and has one there, so the numbers are near and not the same.
    own = by_group.effects.set_index("item")["est"]
    assert abs(own["x3"]) == pytest.approx(abs(first["x3"]), abs=0.05)


def draw(n: int, seed: int, shift: float) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    b = rng.random(n) < 0.4
    factor = rng.normal(size=n) + 0.5 * b
    items = {f"x{j}": 0.8 * factor + 0.6 * rng.normal(size=n) for j in range(1, 7)}
    items["x2"] = items["x2"] + shift * b
    return pd.DataFrame(items).assign(group=np.where(b, "b", "a"))


ONE = "f =~ x1 + x2 + x3 + x4 + x5 + x6"


def test_a_planted_effect_is_freed_and_the_others_are_left_alone() -> None:
    data = draw(1500, 1, 0.5)
    found = measure.mimic(ONE, data, group="group")
    assert list(found.table.index[found.table["flag"]]) == ["x2"]
    assert list(found.table.index[found.table["freed"]]) == ["x2"]
    own = found.effects.set_index("item").loc["x2"]
    assert own["ci.lower"] < 0.5 < own["ci.upper"]
    assert found.impact["est"].iloc[0] == pytest.approx(0.5, abs=0.15)
    assert list(found.rounds["freed"]) == ["", "x2"]
    assert "Factors" in repr(found)
    crude = measure.mimic(ONE, data, group="group", purify="none")
    assert crude.table["flag"].sum() > 1


def test_groups_that_only_stand_apart_are_seldom_called_different() -> None:
    flags = [
        measure.mimic(ONE, draw(300, 50 + k, 0.0), group="group").table["flag"] for k in range(24)
    ]
    # At 5 % more than 3 of 24 come by chance in 1 of 40 tries.
    assert np.mean([any(one) for one in flags]) <= 0.15


# Printed by mimic.R: of the same model of two groups, Wald's chi-square, estimate, standard error
# and mean of the first factor; of probits conditional on the group, estimate, error and mean.
ORDERED = {
    "x3": (22.4959878009, -0.712227797136, 0.150164192689, 0.197839426505),
    "x7": (8.99459973286, -0.405893719455, 0.135338516141, -0.0978010339269),
}
CONDITIONAL = {
    "x3": (-0.70082784023, 0.149331503585, 0.191138567079),
    "x7": (-0.408894224474, 0.133721858141, -0.0968243083557),
}


def in_quarters() -> pd.DataFrame:
    data = pupils()
    items = [f"x{j}" for j in range(1, 10)]
    return data.assign(
        **{x: 1 + np.digitize(data[x], data[x].quantile([0.25, 0.5, 0.75]), True) for x in items}
    )


def test_ordered_items_agree_with_lavaan() -> None:
    found = measure.mimic(MODEL, in_quarters(), group="school", ordered=True, purify="none")
    assert found.fit.estimator == "WLSMV"
    # lavaan's optimiser leaves about five digits.
    for item, (chisq, est, se, _) in ORDERED.items():
        own = found.effects.set_index("item").loc[item]
        np.testing.assert_allclose([own["est"], own["se"]], [est, se], rtol=2e-5)
        assert found.table.loc[item, "chisq"] == pytest.approx(chisq, rel=4e-5)
    assert set(found.impact["predictor"]) == {"Grant-White"}
    base = found.fit.fit_measures
    assert [base["chisq"], base["df"]] == pytest.approx([144.7964, 84], abs=1e-3)


@pytest.mark.parametrize("item", CONDITIONAL)
def test_groups_say_what_probits_conditional_on_membership_say(item: str) -> None:
    found = measure.mimic(MODEL, in_quarters(), group="school", ordered=True, purify="none")
    own = found.effects.set_index("item").loc[item]
    est, se, _ = CONDITIONAL[item]
    # Both estimate one model, from moments that are weighed differently.
    assert own["est"] == pytest.approx(est, abs=0.02)
    assert own["se"] == pytest.approx(se, rel=0.02)


def ordered_answers(n: int, seed: int, shift: float) -> pd.DataFrame:
    data = draw(n, seed, shift)
    items = [f"x{j}" for j in range(1, 7)]
    return data.assign(**{x: 1 + np.digitize(data[x], [-1.0, 0.0, 0.9]) for x in items})


def test_a_planted_effect_on_ordered_items_is_freed() -> None:
    data = ordered_answers(1500, 1, 0.5)
    data = data.assign(cluster=np.arange(len(data)) % 300)
    found = measure.mimic(ONE, data, group="group", ordered=[f"x{j}" for j in range(1, 7)])
    assert list(found.table.index[found.table["freed"]]) == ["x2"]
    own = found.effects.set_index("item").loc["x2"]
    # A shift of .5, where .6 is the residual's standard deviation.
    assert own["ci.lower"] < 0.5 / 0.6 < own["ci.upper"]
    assert found.impact["est"].iloc[0] == pytest.approx(0.5, abs=0.15)
    clustered = measure.mimic(ONE, data, group="group", ordered=True, cluster="cluster")
    assert (clustered.table["df2"] == 299).all()
    assert list(clustered.table.index[clustered.table["freed"]]) == ["x2"]


def test_ordered_answers_of_groups_that_only_stand_apart_are_seldom_called_different() -> None:
    flags = [
        measure.mimic(
            ONE, ordered_answers(300, 50 + k, 0.0), group="group", ordered=True, purify="none"
        )
        for k in range(24)
    ]
    # At 5 % more than 3 of 24 come by chance in 1 of 40 tries.
    assert np.mean([one.table["flag"].any() for one in flags]) <= 0.15


def test_a_category_that_a_group_does_not_use_is_refused() -> None:
    data = ordered_answers(300, 1, 0.0)
    data.loc[data["group"] == "b", "x4"] = data["x4"].clip(upper=3)
    with pytest.raises(DataError, match='category 4 of ordered item "x4"'):
        measure.mimic(ONE, data, group="group", ordered=True)


@pytest.mark.parametrize(
    ("model", "options", "error", "message"),
    [
        (ONE, {}, OptionError, "nothing to test"),
        (ONE, {"group": "sex"}, OptionError, 'one column "sex"'),
        (ONE, {"covariates": ["x6"], "ordered": True}, OptionError, "differential_functioning"),
        (ONE, {"group": "group", "ordered": ["x1"]}, OptionError, "x2, x3, x4, x5, x6: `ordered`"),
        (ONE, {"group": "group", "ordered": True, "estimator": "MLR"}, OptionError, "WLSMV"),
        (ONE, {"group": "group", "ordered": True}, DataError, "Ordered answers are whole numbers"),
        (ONE, {"group": "group", "estimator": "WLSMV"}, OptionError, "estimator"),
        (ONE, {"group": "group", "purify": "twice"}, OptionError, "purify"),
        (ONE, {"covariates": "group"}, OptionError, "a list of names"),
        (ONE, {"covariates": ["group"]}, DataError, "group"),
        (ONE + "\nf ~ x6", {"group": "group"}, ModelError, 'holds "~"'),
        ("f =~ x1 + x2", {"group": "group"}, ModelError, "2 items"),
        ("f =~ x1 + x2 + x3\ng =~ f", {"group": "group"}, ModelError, "factor of the factor"),
    ],
)
def test_bad_input_is_refused(
    model: str, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        measure.mimic(model, draw(200, 7, 0.0), **options)
