"""Surveys with the forms of KKS: what is read, what is not asked, and what every section says."""

from pathlib import Path

import pytest

from analyses import levels, reliability, screening
from analyses.errors import SurveyError
from analyses.intake.columns import match
from analyses.intake.survey import Survey
from analyses.section import Text
from tests.analyses.kks_answers import KKS, N_OBS, answered, read, rotated


def not_asked(survey: Survey) -> dict[str, object]:
    (note,) = [note for note in survey.notes if note.key == "reading.not_asked"]
    return dict(note.values)


def test_the_full_form_is_scored_without_its_checks(tmp_path: Path) -> None:
    survey = read(tmp_path, answered("full"))
    assert survey.form == "full"
    assert survey.scored.shape == (N_OBS, 131)
    assert set(survey.data.columns) >= {"att1", "att2"}
    assert not [note for note in survey.notes if note.key == "reading.not_asked"]


def test_the_rotated_form_is_read_although_nobody_answered_everything(tmp_path: Path) -> None:
    survey = read(tmp_path, rotated())
    assert survey.form == "full"
    assert not survey.scored.notna().all(axis=1).any()
    shares = survey.scored.notna().mean()
    assert (shares[list(KKS.form("individual").items)] == 1).all()
    assert shares["G_bro1"] == pytest.approx(4 / 7)
    section = screening.run(KKS, survey)
    assert section.table("missing_items").provenance.n_obs == N_OBS


def test_the_demonstration_form_names_the_scales_it_does_not_ask(tmp_path: Path) -> None:
    values = not_asked(read(tmp_path, answered("individual")))
    assert (values["n"], values["all"], values["form"]) == (109, 133, "individual")
    left_out = values["left_out"]
    assert isinstance(left_out, tuple)
    labels = [part.languages["da"] for part in left_out if isinstance(part, Text)]
    assert labels[0] == "Faggruppen: brobygger"
    assert len(labels) == 30
    assert left_out[-2:] == ("att1", "att2")


def test_the_short_form_names_the_items_it_does_not_ask(tmp_path: Path) -> None:
    survey = read(tmp_path, answered("short"))
    assert survey.form == "short"
    left_out = not_asked(survey)["left_out"]
    assert isinstance(left_out, tuple)
    assert {"I_bro3", "I_kom5", "I_kor6", "I_kop6"} <= {
        part for part in left_out if isinstance(part, str)
    }


def test_scales_of_a_short_form_are_scored_from_what_it_asks(tmp_path: Path) -> None:
    section = levels.run(KKS, read(tmp_path, answered("short")))
    assert len(section.table("icc").rows) == 4
    (note,) = [note for note in section.notes if note.key == "levels.note.shortened"]
    scales = note.values["scales"]
    assert isinstance(scales, tuple)
    assert len(scales) == 4


def test_index_scales_have_no_coefficient_and_are_named(tmp_path: Path) -> None:
    section = reliability.run(KKS, read(tmp_path, answered("full")), fits=None)
    (note,) = [note for note in section.notes if note.key == "reliability.note.index"]
    scales = note.values["scales"]
    assert isinstance(scales, tuple)
    assert len(scales) == 7
    assert [len(table.rows) for table in section.tables] == [4, 23]


def test_variants_are_known_and_named_where_no_form_has_them(tmp_path: Path) -> None:
    survey = read(tmp_path, answered("full", more=("Lc_bro1",)))
    (note,) = [note for note in survey.notes if note.key == "reading.outside_form"]
    assert note.values["items"] == ("Lc_bro1",)


def test_an_item_that_the_nearest_form_lacks_is_named() -> None:
    columns = [code for code in KKS.form("short").items if code != "I_kor5"]
    with pytest.raises(SurveyError, match='form "short": item "I_kor5"'):
        match(columns, KKS, survey="answers.csv")
