"""The parameter table: lavaan's defaults, row by row and in its order."""

import pytest

import measure
from measure.errors import ModelError
from measure.specification.defaults import DEFAULTS
from measure.specification.parameters import build
from measure.specification.syntax import parse
from measure.specification.table import Groups
from tests.reference_cases import case, data

MODELS = {model["id"]: model for model in case("defaults_models")["results"]}
ENTRY = {"cfa": "cfa", "sem": "sem", "growth": "growth", "lavaan": "fit"}


def fitted(model):
    options = {name.replace(".", "_"): value for name, value in dict(model["options"]).items()}
    return getattr(measure, ENTRY[model["function"]])(model["model"], data("hs39.csv"), **options)


@pytest.mark.filterwarnings("ignore::measure.errors.ImproperSolutionWarning")
@pytest.mark.parametrize("name", MODELS)
def test_rows_are_those_of_lavaan(name):
    model = MODELS[name]
    table = fitted(model).model.table
    ours = [[r.lhs, r.op, r.rhs, r.free, r.exogenous] for r in table.parameters]
    assert ours == model["rows"]


@pytest.mark.filterwarnings("ignore::measure.errors.ImproperSolutionWarning")
@pytest.mark.parametrize("name", MODELS)
def test_fit_is_that_of_lavaan(name):
    model = MODELS[name]
    fit = fitted(model)
    for measure_name, value in model["fit"].items():
        # lavaan's own optimiser stops at about this distance from the minimum.
        assert fit.fit_measures[measure_name] == pytest.approx(value, rel=2e-5, abs=1e-5)


def test_random_and_fixed_predictors_together_are_noted():
    notes = fitted(MODELS["sem_mixed_x"]).notes
    assert any("covariances with x4 are fixed to 0" in note for note in notes)


def test_the_four_entries_differ_as_documented():
    assert DEFAULTS["cfa"] == DEFAULTS["sem"]
    assert DEFAULTS["growth"].int_lv_free
    assert not DEFAULTS["growth"].int_ov_free
    assert not any((DEFAULTS["lavaan"].auto_var, DEFAULTS["lavaan"].auto_fix_first))
    assert DEFAULTS["lavaan"].fixed_x


def test_values_and_labels_per_group():
    syntax = parse("f =~ x1 + c(a, b)*x2 + c(0.5, NA)*x3")
    table = build(syntax, DEFAULTS["cfa"], groups=Groups((1, 2)))
    rows = {(r.lhs, r.op, r.rhs, r.group): r for r in table.parameters}
    assert rows["f", "=~", "x2", 1].label == "a"
    assert rows["f", "=~", "x2", 2].label == "b"
    assert rows["f", "=~", "x3", 1].value == 0.5
    assert rows["f", "=~", "x3", 2].free
    assert table.ties == ()


def test_equal_ties_the_named_parameter():
    table = build(parse('f =~ x1 + x2 + equal("f=~x2")*x3'), DEFAULTS["cfa"])
    (first, second) = table.ties[0]
    assert str(table.parameters[first]) == "f =~ x2"
    assert str(table.parameters[second]) == "f =~ x3"
    with pytest.raises(ModelError, match="names no parameter"):
        build(parse('f =~ x1 + x2 + equal("f=~x9")*x3'), DEFAULTS["cfa"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("group: a\nx1 ~ x3\ngroup: b\nx1 ~ x3", "the data have the groups 1"),
        ('efa("b")*f =~ x1 + x2 + x3\nf ~ x4', "exploratory block"),
        ("g =~ 0\ng ~ x1", "factor without indicators"),
        ("x1 ~*~ 1*x1\nf =~ x1 + x2 + x3", "not among the ordered items"),
    ],
)
def test_what_is_not_estimated_is_named(text, words):
    with pytest.raises(ModelError, match=words):
        build(parse(text), DEFAULTS["cfa"])
