"""The models of the ledger against lavaan (tests/reference/generate/40_hypotheses.R)."""

import pytest

import measure
from analyses.ledger.networks import (
    Construct,
    NotEstimated,
    defined,
    fit_text,
    label_of,
    text_of,
    variance_of,
)
from analyses.ledger.variables import Variable
from analyses.modelling.fits import Plan
from measure.fitting.source import Source
from tests import reference_cases

CASE = reference_cases.case("hypotheses")
DATA = reference_cases.data(CASE["data"])
FACTORS = ("a", "b", "c")
ITEMS = tuple(f"{factor}{k}" for factor in FACTORS for k in range(1, 5))
FUNCTIONS = "\n".join(
    f"{factor} =~ " + " + ".join(f"{factor}{k}" for k in range(1, 5)) for factor in FACTORS
)
TOTAL = Construct("g", f"{FUNCTIONS}\ng =~ a + b + c", ("g",), ITEMS, ITEMS)
SUM = Construct("g", FUNCTIONS, FACTORS, ITEMS, ITEMS, composite=True)
T = ("t1", "t2", "t3")
SCALE = Variable("t", "t", "t", T, "t =~ t1 + t2 + t3", T)
INDEX = Variable("index", "index", "index", ("index",))
OFTEN = Variable("often", "often", "often", ("often",), ordered=("often",))
GROUP = Variable("group", "group", "group", ("group",))


def _fitted(construct: Construct, variables: list[Variable], *definitions: str) -> measure.Fit:
    ordered = (*construct.ordered, *(name for one in variables for name in one.ordered))
    text = text_of(construct, variables, definitions)
    return fit_text(text, ordered, Source(DATA), Plan("WLSMV"))


def _partial() -> str:
    a, b = TOTAL.correlation("t"), TOTAL.correlation("often")
    c = label_of("t", "often")
    return f"found := ({a} - {b}*{c})/sqrt((1 - {b}^2)*(1 - {c}^2))"


@pytest.mark.parametrize(
    ("name", "construct", "variables", "definition"),
    [
        ("scale", TOTAL, [SCALE], f"found := {TOTAL.correlation('t')}"),
        ("observed", TOTAL, [INDEX], f"found := {TOTAL.correlation('index')}"),
        ("partial", TOTAL, [SCALE, OFTEN], _partial()),
        ("composite", SUM, [SCALE], f"found := {SUM.correlation('t')}"),
    ],
)
def test_correlations_are_lavaans(
    name: str, construct: Construct, variables: list[Variable], definition: str
) -> None:
    row = defined(measure.standardized(_fitted(construct, variables, definition)), "found")
    assert row["est.std"] == pytest.approx(CASE[name]["est"], abs=1e-4)
    # Standard errors rest on the observed information of polychorics, lavaan's on products of
    # scores; with normal latent responses, as here, they differ by chance.
    assert row["se"] == pytest.approx(CASE[name]["se"], rel=0.05)


@pytest.mark.parametrize("name", ["scale", "composite"])
def test_with_products_of_scores_standard_errors_are_lavaans_too(name: str) -> None:
    construct = TOTAL if name == "scale" else SUM
    text = text_of(construct, [SCALE], [f"found := {construct.correlation('t')}"])
    fit = measure.cfa(text, DATA, estimator="WLSMV", ordered=[*ITEMS, *T])
    row = defined(measure.standardized(fit), "found")
    assert row["se"] == pytest.approx(CASE[name]["se"], rel=1e-4)


def test_a_difference_between_groups_is_lavaans_probit_regression() -> None:
    covariance, variance = TOTAL.covariance("group"), variance_of("group")
    fit = _fitted(
        TOTAL,
        [GROUP],
        f"group ~~ {variance}*group",
        f"found := ({covariance}/{variance})/sqrt({TOTAL.variance} - {covariance}^2/{variance})",
    )
    row = defined(fit.parameters, "found")
    # lavaan takes the group as given, this model as a column beside the latent responses. Both
    # estimate the same difference, and differ in the third decimal.
    assert row["est"] == pytest.approx(CASE["difference"]["est"], abs=0.002)
    assert row["se"] == pytest.approx(CASE["difference"]["se"], rel=0.02)
    assert row["est"] == pytest.approx(CASE["difference_mlr"]["est"], abs=0.02)


def test_a_correlation_by_definition_is_the_correlation() -> None:
    fit = _fitted(TOTAL, [SCALE], f"found := {TOTAL.correlation('t')}")
    rows = measure.standardized(fit)
    direct = rows[(rows["lhs"] == "g") & (rows["rhs"] == "t")].iloc[0]
    found = defined(rows, "found")
    assert found["est.std"] == pytest.approx(direct["est.std"])
    assert found["se"] == pytest.approx(direct["se"])


def test_what_cannot_be_fitted_says_why() -> None:
    constant = Variable("k", "k", "k", ("k",))
    with pytest.raises(NotEstimated, match="k"):
        fit_text(text_of(TOTAL, [constant]), ITEMS, Source(DATA.assign(k=1.0)), Plan("WLSMV"))
