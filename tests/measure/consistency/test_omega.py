import numpy as np
import pandas as pd
import pytest

import measure
from measure.consistency.composites import composite_reliability
from measure.consistency.general_indices import bifactor_indices
from measure.consistency.omega import omega_hierarchical, omega_total
from measure.errors import DataError, IdentificationError, OptionError
from tests.reference_cases import data

ITEMS = data("hs39.csv")[[f"x{k}" for k in range(1, 10)]]
SPEED = ITEMS[["x7", "x8", "x9"]]
ORDERED = data("hs39_ordered4.csv")[["o4", "o5", "o6"]]
FACTORS = {"v": ["x1", "x2", "x3"], "t": ["x4", "x5", "x6"], "s": ["x7", "x8", "x9"]}


def test_one_factor():
    found = omega_total(SPEED)
    fit = measure.cfa("g =~ x7 + x8 + x9", SPEED, std_lv=True, estimator="MLR")
    composite = composite_reliability(fit).iloc[0]
    row = found.table.iloc[0]
    assert row["est"] == pytest.approx(composite["omega"], rel=1e-9)
    assert row["ci.upper"] == pytest.approx(composite["omega.ci.upper"], rel=1e-6)
    assert found.table["coefficient"].to_list() == ["omega_t", "h"]
    assert found.n_obs == 301
    assert "MLR" in repr(found)


def test_ordered_items_are_summed_as_answered():
    # METHODS of the field: alpha .854, ordinal alpha .894, categorical omega .857.
    found = omega_total(ORDERED, ordered=True)
    assert found.of("omega_t") == pytest.approx(0.857, abs=0.001)
    assert found.facts["estimator"] == "WLSMV"


@pytest.mark.parametrize("interval", ["percentile", "bca"])
def test_bootstrap(interval):
    found = omega_total(SPEED, interval=interval, seed=1, n_samples=400)
    plain = omega_total(SPEED).table.iloc[0]
    row = found.table.iloc[0]
    assert row["est"] == pytest.approx(plain["est"])
    assert row["se"] == pytest.approx(plain["se"], rel=0.12)
    assert row["ci.lower"] == pytest.approx(plain["ci.lower"], abs=plain["se"])
    # The same from the definition of omega in the model text.
    text = """
    f =~ a*x7 + b*x8 + c*x9
    x7 ~~ d*x7; x8 ~~ e*x8; x9 ~~ h*x9
    omega := (a + b + c)^2 / ((a + b + c)^2 + d + e + h)
    """
    fit = measure.cfa(text, SPEED, std_lv=True, estimator="MLR")
    drawn = measure.bootstrap(fit, n=400, seed=1, intervals=(interval,)).parameters.iloc[-1]
    assert row["se"] == pytest.approx(drawn["se"], rel=1e-6)
    assert row["ci.lower"] == pytest.approx(drawn["ci.lower"], rel=1e-6)
    assert row["ci.upper"] == pytest.approx(drawn["ci.upper"], rel=1e-6)


def test_clusters_and_missing_answers():
    copies = pd.concat([SPEED.assign(unit=range(301))] * 2, ignore_index=True)
    thrice = omega_total(copies, cluster="unit")
    assert thrice.n_clusters == 301
    assert thrice.table["se"][0] == pytest.approx(omega_total(SPEED).table["se"][0], rel=0.01)
    holes = data("hs39_mcar.csv")[["x7", "x8", "x9"]]
    holes = holes.dropna(how="all")
    whole = omega_total(holes, missing="fiml")
    fit = measure.cfa("g =~ x7 + x8 + x9", holes, missing="fiml", estimator="MLR")
    assert whole.of("omega_t") == pytest.approx(composite_reliability(fit)["omega"][0], rel=1e-6)
    assert whole.n_obs > omega_total(holes).n_obs


@pytest.mark.parametrize("model", ["bifactor", "second-order"])
def test_models_with_group_factors(model):
    names = ["A2", "A3", "A5", "C1", "C2", "C3", "E3", "E5", "O1", "O3"]
    items = data("bfi.csv")[names].dropna()
    factors = {"a": names[:3], "c": names[3:6], "o": names[6:]}
    found = omega_hierarchical(items, model=model, factors=factors)
    text = "\n".join(f"{f} =~ {' + '.join(own)}" for f, own in factors.items())
    behind = names if model == "bifactor" else list(factors)
    fit = measure.cfa(
        f"{text}\ng =~ {' + '.join(behind)}", items, std_lv=True, orthogonal=True, estimator="MLR"
    )
    expected = bifactor_indices(fit).table
    pd.testing.assert_frame_equal(found.table, expected, rtol=1e-4)
    assert omega_total(items, model=model, factors=factors).of("omega_t") > found.of("omega_h")


def test_a_general_factor_gets_a_name_of_its_own():
    renamed = SPEED.rename(columns={"x7": "g"})
    assert omega_total(renamed).table["factor"][0] == "general"


@pytest.mark.parametrize(
    ("function", "options", "error", "message"),
    [
        (omega_total, {"model": "two"}, OptionError, "unknown model"),
        (omega_total, {"interval": "adf"}, OptionError, "unknown interval"),
        (omega_total, {"of": "sum"}, OptionError, "unknown of"),
        (omega_total, {"of": "standardized"}, OptionError, "Standardise the items"),
        (omega_total, {"factors": FACTORS}, OptionError, 'those of a "bifactor"'),
        (omega_total, {"n_factors": 2}, OptionError, "takes no n_factors"),
        (omega_total, {"interval": "bca"}, OptionError, "give seed"),
        (omega_total, {"confidence_level": 95}, OptionError, "confidence_level"),
        (omega_hierarchical, {"model": "one-factor"}, OptionError, "its own general factor"),
        (omega_hierarchical, {"factors": FACTORS}, OptionError, "give n_factors"),
        (omega_hierarchical, {"missing": "fiml"}, OptionError, "needs a model"),
        (omega_hierarchical, {"n_factors": 1}, OptionError, "at least two"),
        (omega_hierarchical, {"model": "bifactor"}, OptionError, "needs factors"),
        (
            omega_hierarchical,
            {"model": "bifactor", "factors": {"v": "x1"}},
            DataError,
            "list of at least two",
        ),
        (
            omega_hierarchical,
            {"model": "bifactor", "factors": {"v": ["x1", "q"]}},
            DataError,
            "not among the items",
        ),
        (
            omega_hierarchical,
            {"model": "bifactor", "factors": {"v": ["x1", "x2"], "t": ["x2", "x3"]}},
            DataError,
            '"x2" is in two factors, v and t',
        ),
        (
            omega_hierarchical,
            {"model": "bifactor", "factors": {"x1": ["x1", "x2"]}},
            DataError,
            "both a factor and an item",
        ),
        (
            omega_hierarchical,
            {"model": "second-order", "factors": {"v": ["x1", "x2"], "t": ["x3", "x4"]}},
            DataError,
            '"x5" is in no factor',
        ),
        (
            omega_hierarchical,
            {
                "model": "second-order",
                "factors": {"v": ["x1", "x2", "x3", "x4"], "t": ["x5", "x6", "x7", "x8", "x9"]},
            },
            IdentificationError,
            "needs three",
        ),
    ],
)
def test_what_is_refused(function, options, error, message):
    with pytest.raises(error, match=message):
        function(ITEMS, **options)


def test_too_few_items():
    with pytest.raises(IdentificationError, match="three items or more, and there are 2"):
        omega_total(ITEMS[["x1", "x2"]])
    with pytest.raises(DataError):
        omega_total(SPEED.assign(x7=1))
    few = pd.DataFrame(np.random.default_rng(1).normal(size=(3, 4)), columns=list("abcd"))
    with pytest.raises(DataError, match="at least 5"):
        omega_total(few)
    with pytest.raises(DataError, match="linear combination of each other"):
        omega_total(SPEED.assign(copy=SPEED["x7"]))
