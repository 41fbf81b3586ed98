"""The mapping file: what it may say, and what is refused by name."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import instruments
from analyses.errors import SurveyError
from analyses.intake.mapping import (
    ColumnMapping,
    OwnMeasure,
    ThenColumns,
    own_columns,
    read_mapping,
    written,
)
from analyses.intake.survey import read_survey
from tests.analyses.demonstrations import survey_path
from tests.analyses.kks_answers import N_OBS, answered, notes, read

KKS = instruments.load("coupling")


def _file(folder: Path, text: str) -> Path:
    path = folder / "map.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_columns_and_measures_are_read(tmp_path: Path) -> None:
    text = """
[columns]
I_bro1 = "q1"

[external.relational_coordination]
columns = ["rc1", "rc2", "rc3"]
reversed = ["rc2"]
lowest = 1
highest = 5

[external]
extraversion = ["e1"]

[then]
I_bro1 = "q1_before"
pattern = "før_{item}"
"""
    read = read_mapping(_file(tmp_path, text), KKS)
    assert read.columns == {"I_bro1": "q1"}
    assert read.own == (
        OwnMeasure("relational_coordination", ("rc1", "rc2", "rc3"), ("rc2",), 1, 5),
        OwnMeasure("extraversion", ("e1",)),
    )
    assert read.then == ThenColumns({"I_bro1": "q1_before"}, "før_{item}")
    assert read.own[0].names == tuple(f"relational_coordination.{k}" for k in (1, 2, 3))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[column]\na = 'b'", 'has the table "column"'),
        ("a = ", "is not valid TOML"),
        ("[columns]\na = 1", "the instrument's name = "),
        ("[external]\nteam_spirit = ['a']", 'expects nothing of a measure "team_spirit"'),
        ("external = 1", "it is a table of measures"),
        ("[external]\nextraversion = []", "external, extraversion: it has no columns"),
        ("[external]\nextraversion = 'e1'", 'listed by name, as ["a1", "a2"]'),
        ("[external]\nextraversion = ['e1', 'e1']", 'column "e1" is named twice'),
        (
            "[external]\nextraversion = ['e1']\nsocial_desirability = ['e1']",
            'column "e1" cannot be both "extraversion" and "social_desirability"',
        ),
        ("[columns]\nI_bro1 = 'e1'\nI_bro2 = 'e1'", 'cannot be both "I_bro1" and "I_bro2"'),
        (
            "[external.extraversion]\ncolumns = ['e1']\nscale = 5",
            'there is no field "scale" (columns, reversed, lowest, highest)',
        ),
        (
            "[external.extraversion]\ncolumns = ['e1']\nreversed = ['e2']\nlowest = 1\nhighest = 5",
            'reversed: column "e2" is not among its columns',
        ),
        (
            "[external.extraversion]\ncolumns = ['e1']\nreversed = ['e1']",
            "give lowest and highest",
        ),
        ("[external.extraversion]\ncolumns = ['e1']\nlowest = 5\nhighest = 1", "the first the"),
        ("[external.extraversion]\ncolumns = ['e1']\nlowest = 5", "the first the smaller"),
        ('[then]\nI_bro1 = ["a"]', 'then: each entry is an item = "the column of the file"'),
        ('[then]\nX_1 = "a"', 'does not have the item "X_1"'),
        ('[then]\npattern = "before"', "does not say where the name of the item stands"),
        ('[columns]\nI_bro2 = "a"\n[then]\nI_bro1 = "a"', 'both "I_bro2" and "then.I_bro1"'),
    ],
)
def test_a_wrong_mapping_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SurveyError, match=re.escape(message)):
        read_mapping(_file(tmp_path, text), KKS)


@pytest.mark.parametrize(
    "mapping",
    [
        ColumnMapping({"I_bro1": 'q "1" æøå\\', "unit": "Enhed / hold"}),
        ColumnMapping(
            own=(OwnMeasure("relational_coordination", ("r1", "r 2"), ("r1",), 1.0, 5.0),),
            then=ThenColumns({"I_bro1": "før1"}, "then_{item}"),
        ),
        ColumnMapping(then=ThenColumns({"I_bro1": "før1"})),
        ColumnMapping(),
    ],
)
def test_a_mapping_that_is_written_is_read_as_it_was(tmp_path: Path, mapping) -> None:
    assert read_mapping(_file(tmp_path, written(mapping)), KKS) == mapping


def test_a_mapping_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SurveyError, match=r'mapping file ".*none.toml" cannot be read'):
        read_mapping(tmp_path / "none.toml", KKS)


MEASURE = OwnMeasure("extraversion", ("e1", "e2"), ("e2",), 1, 7)


def test_own_columns_are_numbers_with_reversed_ones_turned() -> None:
    frame = pd.DataFrame({"e1": ["1", " ", "2,5", None], "e2": [7.0, 1.0, np.nan, 3.0]})
    found = own_columns(frame, (MEASURE,), "s.csv")
    assert list(found) == ["extraversion.1", "extraversion.2"]
    np.testing.assert_array_equal(found["extraversion.1"], [1, np.nan, 2.5, np.nan])
    np.testing.assert_array_equal(found["extraversion.2"], [1, 7, np.nan, 5])


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"e1": [1.0]}, '"s.csv" lacks column "e2", which the mapping names for "extraversion"'),
        ({"e1": ["high", "1"], "e2": [1, 1]}, 'column "e1" of "s.csv" holds "high" in 1 rows'),
        ({"e1": [1, 9], "e2": [1, 1]}, "holds 9 in 1 rows, outside the scale 1 to 7"),
    ],
)
def test_own_columns_that_cannot_be_read_are_refused(
    frame: dict[str, list[object]], message: str
) -> None:
    with pytest.raises(SurveyError, match=re.escape(message)):
        own_columns(pd.DataFrame(frame), (MEASURE,), "s.csv")


def test_a_survey_brings_its_own_measures_along(tmp_path: Path) -> None:
    data = pd.read_csv(survey_path("coupling"), dtype=object)
    data["e1"], data["e 2"] = "3", "4"
    path = tmp_path / "survey.csv"
    data.to_csv(path, index=False)
    own = (OwnMeasure("extraversion", ("e1", "e 2")),)
    survey = read_survey(path, KKS, own=own)
    assert survey.own == own
    assert (survey.data["extraversion.1"] == 3).all()
    assert (survey.data["extraversion.2"] == 4).all()
    assert not {"extraversion.1", "e1"} & set(survey.scored)
    keys = {note.key for note in survey.notes}
    assert "reading.own" in keys
    assert "reading.unused" not in keys


def test_answers_about_before_are_read_apart(tmp_path: Path) -> None:
    # I_bro3 is reversed; the second respondent says nothing of it.
    data = answered("individual").assign(I_bro1_THEN=4, I_bro3_then=[2, "", *[1] * (N_OBS - 2)])
    survey = read(tmp_path, data)
    assert list(survey.then.columns) == ["I_bro1", "I_bro3"]
    assert survey.then.iloc[:3].to_numpy(na_value=0).tolist() == [[4, 4], [4, 0], [4, 5]]
    assert "I_bro1_THEN" not in str(survey.notes)
    assert notes(survey, "reading.then") == [{"n": 2}]
    few = survey.where(survey.data.index < 5)
    assert len(few.then) == len(few.data) == 5
    plain = read(tmp_path, answered("individual"))
    assert plain.then.empty
    assert notes(plain, "reading.then") == []


def test_columns_about_before_that_are_not_there_are_named(tmp_path: Path) -> None:
    data = answered("individual").assign(old=3)
    named = ColumnMapping(then=ThenColumns({"I_bro1": "old"}))
    path = tmp_path / "survey.csv"
    data.to_csv(path, index=False)
    assert list(read_survey(path, KKS, then=named.then).then.columns) == ["I_bro1"]
    with pytest.raises(SurveyError, match='lacks column "older", which the mapping names'):
        read_survey(path, KKS, then=ThenColumns({"I_bro1": "older"}))
