import pytest

from analyses.modelling.structure import merged_factors, structure
from instruments import MeasurementModel, ModelOptions
from tests.analyses.demonstrations import NAMES, fits, instrument


def model(text: str, **options: bool) -> MeasurementModel:
    label = {"da": "x", "en": "x"}
    return MeasurementModel(
        id="m", label=label, meaning=label, syntax=text, options=ModelOptions(**options)
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_text_gives_the_engine_s_degrees_of_freedom(name: str) -> None:
    for fitted in fits(name).values():
        assert fitted.fit is not None
        assert structure(fitted.model).df == fitted.fit.df


THREE = "a =~ x1 + x2 + x3\nb =~ x4 + x5 + x6\n"


@pytest.mark.parametrize(
    ("text", "options", "parameters"),
    [
        (THREE, {}, 13),
        (THREE, {"std_lv": True}, 13),
        (THREE, {"orthogonal": True}, 12),
        (THREE + "a ~~ 0*b", {}, 12),
        (THREE + "x1 ~~ x4", {}, 14),
        ("a =~ NA*x1 + x2 + x3\na ~~ 1*a", {}, 6),
        ("a =~ x1 + l*x2 + l*x3", {}, 5),
        ("a =~ x1 + 1*x2 + 1*x3", {}, 4),
        ("a =~ x1 + x2 +\n  x3 # a comment with =~\n\n! another", {}, 6),
        ("a =~ x1 + x2; a =~ x3", {}, 6),
        (THREE + "c =~ x7", {}, 16),
        (THREE + "c =~ x7 + x8\ng =~ a + b + c", {"std_lv": False}, 19),
    ],
)
def test_parameters_are_counted_by_the_defaults_of_cfa(
    text: str, options: dict[str, bool], parameters: int
) -> None:
    assert structure(model(text, **options)).n_parameters == parameters


@pytest.mark.parametrize(
    "text", [THREE + "a ~ b", THREE + "k := 1 + 2", "a =~ c(1, 2)*x1 + x2", "a =~ start(1)*x1 + x2"]
)
def test_a_text_that_says_more_is_not_counted(text: str) -> None:
    assert structure(model(text)).df is None


def test_merged_factors_are_those_that_share_a_factor() -> None:
    coupling = instrument("coupling")
    merged = {
        name: merged_factors(structure(coupling.model(name)), structure(coupling.model("M2")))
        for name in ("M1", "M3", "M4", "M5", "M6", "M7", "M8", "M9")
    }
    assert len(merged["M1"]) == 6
    assert merged["M8"] == (("kor", "kop"),)
    assert merged["M9"] == (("bro", "kom"),)
    assert {frozenset(pair) for pair in merged["M7"]} == {
        frozenset(pair) for pair in (("kom", "kor"), ("kom", "kop"), ("kor", "kop"))
    }
    # A higher-order, a bifactor and a model that moves items lay no factors together.
    assert merged["M3"] == merged["M4"] == merged["M5"] == ()
