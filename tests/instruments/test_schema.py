"""The instrument as an object: frozen, hashable, asked by id."""

import copy
import pickle

import pandas as pd
import pytest
from pydantic import ValidationError

import instruments
from instruments import Instrument


@pytest.fixture(scope="module")
def coupling() -> Instrument:
    return instruments.load("coupling")


def test_nothing_of_it_can_be_changed(coupling: Instrument) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        coupling.version = "2"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        coupling.items[0].keying = -1  # type: ignore[misc]
    with pytest.raises(TypeError):
        coupling.title["da"] = "Andet"  # type: ignore[index]
    with pytest.raises(TypeError):
        coupling.responses[0].labels["da"][1] = "Slet ikke"  # type: ignore[index]


def test_it_can_be_hashed_copied_and_pickled(coupling: Instrument) -> None:
    assert hash(coupling) == hash(instruments.load("coupling"))
    assert copy.deepcopy(coupling) == coupling
    assert pickle.loads(pickle.dumps(coupling)) == coupling


def test_it_can_be_written_as_json(coupling: Instrument) -> None:
    written = coupling.model_dump(mode="json")
    assert written["responses"][0]["labels"]["en"]["3"] == "Somewhat"
    assert "origin" not in written


def test_parts_are_found_by_id(coupling: Instrument) -> None:
    assert coupling.item("I_bro3").keying == -1
    assert coupling.scale("kor").items[0] == "I_kor1"
    assert coupling.model("M3").nested_in == "M2"
    assert coupling.form("individual").items == coupling.item_ids[:24]
    assert coupling.item("Lc_bro1").shifted_from == "I_bro1"
    assert coupling.response("I_kop6").limits == (1, 5)
    assert coupling.factor_label("bro")["da"] == "Brobygger"
    assert coupling.factor_label("means")["en"].startswith("The means")
    with pytest.raises(KeyError):
        coupling.item("I_bro7")


def test_columns_are_found_by_role(coupling: Instrument) -> None:
    assert coupling.column_for("cluster") == "unit"
    assert coupling.column_for("organisation") == "organisation"
    assert instruments.load("mental_ability").column_for("cluster") is None


def test_without_demonstration_data_there_is_no_path(coupling: Instrument) -> None:
    with pytest.raises(LookupError, match='"coupling" has no demonstration data'):
        coupling.model_copy(update={"demonstration": None}).demonstration_path()


def test_the_codebook_has_a_row_for_every_item(coupling: Instrument) -> None:
    codebook = coupling.codebook()
    assert isinstance(codebook, pd.DataFrame)
    assert tuple(codebook["item"]) == coupling.all_item_ids
    assert tuple(codebook.loc[codebook["variant"], "item"]) == coupling.all_item_ids[133:]
    row = codebook.set_index("item").loc["I_kor6"]
    assert row["keying"] == -1
    assert row["scales"] == "kor"
    assert row["text.en"] == "I leave it to others to keep track of agreements across units."
    assert row["forms"] == "full standard individual"
    assert pd.isna(row["self_text.da"])
    assert codebook.set_index("item").loc["att1", "instructed"] == 2
    assert row["labels.da"].startswith("1 = I meget lav grad; 2 = ")
    assert row["missing"] == "8 = not_relevant; 9 = dont_know"
    assert instruments.load("mental_ability").codebook()["lowest"].isna().all()
