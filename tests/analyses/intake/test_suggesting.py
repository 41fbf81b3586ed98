import pytest

from analyses.intake import suggesting
from tests.analyses.demonstrations import instrument

KKS, HS39 = instrument("coupling"), instrument("mental_ability")


@pytest.mark.parametrize(
    "column", ["I-bro1", "i bro1", "IBRO1", "blok3_I_bro1", "svar[I_bro1]", "Q7.I_bro1"]
)
def test_a_name_is_found_in_what_systems_make_of_it(column):
    assert suggesting.suggest([column, "noget andet"], KKS) == {"I_bro1": column}


def test_a_heading_that_is_the_wording_or_the_label_is_found():
    wording = KKS.item("I_bro1").text["da"]
    label = next(one for one in KKS.columns if one.name == "sector").label["da"]
    found = suggesting.suggest([f"{wording} ", label], KKS)
    assert found == {"I_bro1": f"{wording} ", "sector": label}


def test_nothing_is_suggested_where_two_fit_or_a_letter_comes_before():
    assert suggesting.suggest(["a_x1", "b_x1"], HS39) == {}
    assert suggesting.suggest(["max1", "x11"], HS39) == {}


def test_what_is_found_by_itself_gets_no_suggestion():
    found = suggesting.by_themselves(["X1", " x2 "], HS39)
    assert found == {"x1": "X1", "x2": " x2 "}
    assert suggesting.suggest(["q_x1", "q_x3"], HS39, found=found) == {"x3": "q_x3"}


def test_names_are_items_then_background():
    assert suggesting.wanted(HS39)[:2] == ("x1", "x2")
    assert set(suggesting.wanted(HS39)) >= {column.name for column in HS39.columns}
