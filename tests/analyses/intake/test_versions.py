"""Versions of a rotated form: what is blank by design, and what the file contradicts."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analyses import screening
from analyses.errors import SurveyError
from analyses.intake.columns import match
from tests.analyses.kks_answers import KKS, N_OBS, answered, notes, read, rotated, versions

CORE = KKS.asked_of_all("full")
LEADERSHIP = next(block.items for block in KKS.blocks if block.id == "leadership")


def test_a_single_version_is_read_as_that_version_of_the_form(tmp_path: Path) -> None:
    survey = read(tmp_path, answered("full_1").assign(form="full_1"))
    assert survey.form == "full"
    assert list(survey.asked) == [i for i in KKS.item_ids if i in KKS.form_items("full_1")]
    assert survey.asked.to_numpy().all()
    assert set(survey.forms["version"]) == {"full_1"}
    (found,) = notes(survey, "reading.versions")
    assert (found["versions"], found["form"], found["all"]) == (("full_1",), "full", 133)
    assert not notes(survey, "reading.outside_form")


def test_a_single_version_needs_no_column_that_says_so(tmp_path: Path) -> None:
    survey = read(tmp_path, answered("full_4"))
    assert survey.form == "full"
    assert set(survey.forms["version"]) == {"full_4"}


def test_two_versions_in_a_file_are_both_known(tmp_path: Path) -> None:
    one, other = answered("full_1", n_obs=100), answered("full_3", n_obs=100)
    data = pd.concat([one.assign(form="full_1"), other.assign(form="full_3")])
    survey = read(tmp_path, data)
    assert survey.form == "full"
    assert survey.asked["L_bro1"].tolist() == [False] * 100 + [True] * 100
    assert survey.forms["version"].tolist() == ["full_1"] * 100 + ["full_3"] * 100


@pytest.mark.parametrize("stated", [True, False])
def test_blank_by_design_is_told_from_left_out(tmp_path: Path, stated: bool) -> None:
    data, got = rotated(), versions()
    data.loc[0, "I_bro1"] = np.nan  # left out by someone with version 1
    data.loc[2, "L_bro1"] = 9  # does not know; version 3
    survey = read(tmp_path, data.assign(form=got) if stated else data)
    for version in got.unique():
        asked = survey.asked.loc[got == version]
        items = {item for item in asked if asked[item].all()}
        assert items == set(KKS.form_items(version))
        assert asked.to_numpy().sum() == len(items) * len(asked)
    counts = survey.missing_codes
    assert (
        counts["not_asked"]["L_bro1"] == (~got.isin(["full_3", "full_4", "full_5", "full_7"])).sum()
    )
    assert (counts.loc["I_bro1", "blank"], counts.loc["I_bro1", "not_asked"]) == (1, 0)
    assert (counts.loc["L_bro1", "blank"], counts.loc["L_bro1", "dont_know"]) == (0, 1)
    assert (survey.why_missing.notna() == survey.data[list(survey.asked)].isna()).to_numpy().all()
    assert bool(notes(survey, "reading.version_by_answers")) is not stated


def test_who_stopped_early_has_no_known_version(tmp_path: Path) -> None:
    data = rotated()
    rest = [item for item in KKS.item_ids if item not in CORE]
    data.loc[0, rest] = np.nan
    survey = read(tmp_path, data)
    assert survey.forms["version"].isna().sum() == 1
    assert survey.asked.loc[0].all()
    assert notes(survey, "reading.version_by_answers") == [{"n": N_OBS - 1, "unknown": 1}]


def test_blanks_are_left_out_where_somebody_answered_more_than_a_version(tmp_path: Path) -> None:
    data = rotated()
    data.loc[5] = answered("full").loc[5]
    survey = read(tmp_path, data)
    assert survey.asked.to_numpy().all()
    assert survey.missing_codes.loc["L_bro1", "blank"] > 0
    assert "not_asked" not in survey.missing_codes


def test_the_form_is_known_by_its_words_too(tmp_path: Path) -> None:
    words = next(one for one in KKS.columns if one.name == "form").values
    got = versions().map(lambda version: words[version]["da"].upper())
    survey = read(tmp_path, rotated().assign(form=got))
    assert survey.forms["version"].tolist() == versions().tolist()


def test_columns_of_items_that_nobody_was_asked_are_told(tmp_path: Path) -> None:
    data = answered("full")
    data[list(LEADERSHIP)] = np.nan
    survey = read(tmp_path, data.assign(form="full_1"))
    assert "L_bro1" not in survey.data
    (found,) = notes(survey, "reading.nobody_asked")
    assert set(found["items"]) == set(LEADERSHIP)  # type: ignore[call-overload]


def test_the_form_that_everybody_got_goes_before_the_columns(tmp_path: Path) -> None:
    data = answered("full")
    rest = [item for item in KKS.item_ids if item not in KKS.form_items("standard")]
    data[rest] = np.nan
    survey = read(tmp_path, data.assign(form="standard"))
    assert survey.form == "standard"
    assert survey.scored.shape == (N_OBS, 61)


def test_answers_that_the_stated_form_does_not_ask_are_told_and_kept(tmp_path: Path) -> None:
    data = rotated().assign(form=versions())
    data.loc[0, "L_bro1"] = 4.0  # version 1 does not ask it
    survey = read(tmp_path, data)
    assert survey.data.loc[0, "L_bro1"] == 4
    assert survey.asked.loc[0, "L_bro1"]
    assert not survey.asked.loc[0, "L_bro2"]
    (found,) = notes(survey, "reading.form_exceeded")
    assert (found["form"], found["answers"], found["items"]) == ("full_1", 1, ("L_bro1",))


def test_a_stated_form_that_the_file_lacks_in_part_is_told(tmp_path: Path) -> None:
    survey = read(tmp_path, answered("individual").assign(form="standard"))
    assert survey.form == "individual"
    (found,) = notes(survey, "reading.form_lacks")
    assert (found["form"], found["rows"], found["n"]) == ("standard", N_OBS, 37)


def test_a_stated_form_that_is_another_one_is_refused(tmp_path: Path) -> None:
    said = r'says "full_1" in 210 rows, but the file lacks items "G_bro1".*answer items "O_bro1"'
    with pytest.raises(SurveyError, match=said):
        read(tmp_path, answered("full_6").assign(form="full_1"))


def test_a_value_that_is_no_form_is_told(tmp_path: Path) -> None:
    survey = read(tmp_path, answered("short").assign(form="A"))
    assert notes(survey, "reading.form_unknown") == [{"n": N_OBS, "values": ("A",)}]
    assert survey.forms["form"].isna().all()


def test_columns_called_like_items_are_no_plain_unused_columns(tmp_path: Path) -> None:
    data = answered("short").assign(I_bro7=1, I_net1=2, comment="x", R3_9=1)
    survey = read(tmp_path, data)
    (found,) = notes(survey, "reading.other_version")
    assert found["columns"] == ("I_bro7", "I_net1", "R3_9")
    assert found["version"] == KKS.version
    assert notes(survey, "reading.unused") == [{"n": 1, "columns": ("comment",)}]


def test_another_version_of_the_instrument_is_told(tmp_path: Path) -> None:
    data = answered("short")
    survey = read(tmp_path, data.assign(version=["0.1", KKS.version] * (N_OBS // 2)))
    (found,) = notes(survey, "reading.stated_version")
    assert (found["others"], found["n"], found["version"]) == (("0.1",), N_OBS // 2, KKS.version)
    for same in (data.assign(version=KKS.version), data.assign(version="Firefox")):
        assert not notes(read(tmp_path, same), "reading.stated_version")


@pytest.mark.parametrize("heading", ["ownwork[Ibro7]", "own_work/I_bro7", "own_work-I_bro7"])
def test_items_of_another_version_are_known_in_exports(heading: str) -> None:
    found = match([*KKS.form("short").items, heading], KKS, survey="answers.csv")
    assert "reading.other_version" in {note.key for note in found.notes}


def test_a_file_that_matches_no_form_is_compared_with_the_nearest(tmp_path: Path) -> None:
    data = answered("short").rename(columns={"I_kor5": "I_kor9"})
    problem = (
        r'lacks 1 of the 12 items of the form "short": item "I_kor5"\..*\n'
        r'.*lacks 13 of the 24 items of the form "individual": .*\n.*\n'
        r'.*column "I_kor9", called like items, which version 0\.\d of "coupling" does not have'
    )
    with pytest.raises(SurveyError, match=problem):
        read(tmp_path, data)


def test_a_larger_form_that_is_nearly_there_is_named(tmp_path: Path) -> None:
    survey = read(tmp_path, answered("standard").drop(columns="L_kop4"))
    assert survey.form == "individual"
    (found,) = notes(survey, "reading.nearly")
    assert (found["form"], found["items"]) == ("standard", ("L_kop4",))
    assert re.fullmatch(r"individual", str(found["read_as"]))


def test_the_table_of_missing_answers_has_what_was_not_asked(tmp_path: Path) -> None:
    survey = read(tmp_path, rotated().assign(form=versions()))
    table = screening.run(KKS, survey).table("missing_items")
    assert "not_asked" in [column.name for column in table.columns]
