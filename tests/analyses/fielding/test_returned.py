"""The round trip: answers in a survey system, exported, read again, with identical results."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import instruments
from analyses.errors import SurveyError
from analyses.fielding import codebook, exports, limesurvey, questionnaire, redcap, xlsform
from analyses.intake.survey import Survey, read_survey
from analyses.report import validate
from analyses.simulating import mark
from analyses.wording import words
from tests.analyses.demonstrations import survey, survey_path, validated

KKS = instruments.load("coupling")


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    """The demonstration as answered: codes of missing answers too, empty cells as empty texts."""
    return pd.read_csv(survey_path("coupling"), dtype=str, keep_default_na=False)


def _asked(form: str = "individual") -> questionnaire.Questionnaire:
    return questionnaire.build(KKS, form, language="da")


def _lss(answers: pd.DataFrame, **options: object) -> bytes:
    made = limesurvey.contents(_asked())
    return exports.limesurvey(made, exports.Told(answers, KKS), **options)


def _redcap(answers: pd.DataFrame, **options: object) -> bytes:
    made = redcap.contents(_asked(), words("da"))
    return exports.redcap(made, exports.Told(answers, KKS), **options)


def _xlsform(answers: pd.DataFrame, **options: object) -> bytes:
    made = xlsform.contents(_asked())
    return exports.xlsform(made, exports.Told(answers, KKS), **options)


EXPORTS: dict[str, Callable[[pd.DataFrame], bytes]] = {
    "limesurvey codes": _lss,
    "limesurvey texts": lambda answers: _lss(answers, as_text=True),
    "limesurvey full headings": lambda answers: _lss(answers, heading="full", as_text=True),
    "limesurvey code and text": lambda answers: _lss(answers, heading="codetext"),
    "redcap raw": _redcap,
    "redcap labels": lambda answers: _redcap(answers, labels=True),
    "kobo": _xlsform,
    "kobo without groups": lambda answers: re.sub(rb"\w+/", b"", _xlsform(answers), count=60),
    "odk central": lambda answers: _xlsform(answers, separator="-"),
}


def _spss(answers: pd.DataFrame) -> bytes:
    typed = answers.replace("", None)
    items = [name for name in KKS.item_ids if name in typed.columns]
    typed[items] = typed[items].astype(float)
    return codebook.spss(KKS, "da", form="individual", answers=typed)


def _same(read: Survey, original: Survey) -> None:
    assert_frame_equal(read.data, original.data)
    assert_frame_equal(read.scored, original.scored)
    assert read.form == original.form
    assert read.simulated == original.simulated


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_gives_the_same_answers_as_the_original(
    name: str, answers: pd.DataFrame, tmp_path: Path
) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(EXPORTS[name](answers))
    read = read_survey(path, KKS)
    _same(read, survey("coupling"))
    assert_frame_equal(read.missing_codes, survey("coupling").missing_codes)
    keys = {note.key for note in read.notes}
    assert "reading.exported" in keys
    assert not keys & {"reading.unused", "reading.spelled"}


def test_an_spss_file_gives_the_same_answers_as_the_original(
    answers: pd.DataFrame, tmp_path: Path
) -> None:
    path = tmp_path / "export.sav"
    path.write_bytes(_spss(answers))
    read = read_survey(path, KKS)
    _same(read, survey("coupling"))
    assert_frame_equal(read.missing_codes, survey("coupling").missing_codes)


def test_a_workbook_exported_by_limesurvey_is_read_alike(
    answers: pd.DataFrame, tmp_path: Path
) -> None:
    text = tmp_path / "export.csv"
    text.write_bytes(_lss(answers))
    path = tmp_path / "export.xlsx"
    pd.read_csv(text, dtype=str).to_excel(path, index=False)
    _same(read_survey(path, KKS), survey("coupling"))


@pytest.mark.slow
def test_every_section_of_the_report_is_the_same(answers: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(_lss(answers))
    # Name and notes tell of the file alone.
    original = survey("coupling")
    told = replace(read_survey(path, KKS), name=original.name, notes=original.notes)
    again, sections = validate(KKS, told).sections, validated("coupling").sections
    assert [repr(one) for one in again] == [repr(one) for one in sections]


def test_the_number_of_the_system_stands_in_for_an_empty_respondent(
    answers: pd.DataFrame, tmp_path: Path
) -> None:
    nameless = answers.assign(respondent="", wave="")
    for name, first in (("limesurvey codes", "1"), ("redcap raw", "1"), ("kobo", "_uuid0")):
        path = tmp_path / "export.csv"
        path.write_bytes(EXPORTS[name](nameless))
        read = read_survey(path, KKS)
        assert read.data["respondent"].iloc[0] == first
        assert read.data["respondent"].is_unique
        # What nobody filled in is not there, rather than there and empty.
        assert "wave" not in read.data


def test_codes_of_an_array_without_underscores_find_their_item(tmp_path: Path) -> None:
    full = questionnaire.build(KKS, "full", language="da")
    rows = pd.DataFrame(
        {item: ["1", "2", "3", "4", "5", "8"] for item in KKS.item_ids}
        | {column.name: [next(iter(column.values), "x")] * 6 for column in KKS.columns}
    ).assign(language="da", form="full")
    path = tmp_path / "export.csv"
    path.write_bytes(exports.limesurvey(limesurvey.contents(full), exports.Told(rows, KKS)))
    from analyses.fielding import returned
    from analyses.intake.reading import read_table

    table = returned.translate(read_table(path), KKS, survey=path.name).frame
    assert set(KKS.item_ids) <= set(table.columns)
    assert set(table["R1_1"]) == {"1", "2", "3", "4", "5", "8"}
    assert set(table["unit_type"]) == {"producing"}


def test_two_columns_of_one_item_are_refused(answers: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    text = EXPORTS["limesurvey codes"](answers).decode("utf-8")
    heading, rest = text.split("\r\n", 1)
    rows = [f"{line},A1" for line in rest.split("\r\n") if line]
    path.write_text("\r\n".join([f"{heading},other[Ibro1]", *rows]), encoding="utf-8")
    with pytest.raises(SurveyError, match=r'"ownwork\[Ibro1\]" and "other\[Ibro1\]".*"I_bro1"'):
        read_survey(path, KKS)


def test_a_plain_file_is_left_alone() -> None:
    assert not any(note.key.startswith("reading.export") for note in survey("coupling").notes)
    assert survey("coupling").simulated


def test_other_answers_are_not_called_simulated(answers: pd.DataFrame, tmp_path: Path) -> None:
    changed = answers.drop(columns=mark.COLUMN)
    changed.loc[0, "I_bro1"] = "5" if changed.loc[0, "I_bro1"] != "5" else "4"
    path = tmp_path / "export.csv"
    path.write_bytes(_redcap(changed))
    assert not read_survey(path, KKS).simulated
