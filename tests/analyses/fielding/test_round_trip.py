"""One draw, written in every format that simulated answers have, is one survey and one report."""

import json
from dataclasses import fields, replace
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import instruments
from analyses.export import results
from analyses.fielding import responses
from analyses.intake.survey import Survey, read_survey
from analyses.report import validate
from analyses.simulating.drawing import Drawn, Wanted, draw
from analyses.wording import words
from instruments.population import load_population

KKS = instruments.load("coupling")
OTHERS = tuple(name for name in responses.FORMATS if name != "csv")
SHORT_RUN = 240
"""Respondents of the short form whose report is made."""
FORMS = {"full": 350, "short": SHORT_RUN}


@cache
def drawn(form: str) -> Drawn:
    return draw(
        KKS, load_population(KKS), seed=20261129, form=form, wanted=Wanted(second_wave=False)
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("round_trip")


@cache
def survey(folder: Path, form: str, format: str, n_obs: int | None = None) -> Survey:
    """Read the draw of a form back from a format."""
    answers = responses.Answers(KKS, form, drawn(form).data.head(n_obs or 10**6), words("da"))
    ending, content = responses.contents(answers, format)
    path = folder / f"{form}_{format}{ending}"
    path.write_bytes(content)
    return read_survey(path, KKS)


def told_by_the_file(field: str) -> bool:
    return field in ("name", "notes")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("format", OTHERS)
def test_every_format_gives_the_same_survey(folder: Path, format: str, form: str) -> None:
    original, again = (survey(folder, form, name, FORMS[form]) for name in ("csv", format))
    assert len(original.data) == FORMS[form]
    if form == "full":
        assert set(original.forms["version"]) == {f"full_{n}" for n in range(1, 8)}
    for field in fields(Survey):
        one, other = getattr(original, field.name), getattr(again, field.name)
        if isinstance(one, pd.DataFrame):
            assert_frame_equal(other, one, obj=field.name)
        elif not told_by_the_file(field.name):
            assert other == one, field.name
    assert_frame_equal(again.missing_codes, original.missing_codes)
    assert "reading.unused" not in {note.key for note in again.notes}


def written(one: Survey, folder: Path) -> dict[str, object]:
    """Give the JSON of the report, without what only the file says."""
    report = validate(KKS, replace(one, name="answers", notes=()), flagged="keep")
    results.write(replace(report, created="2026-01-01T00:00:00+00:00"), folder / "results.json")
    return json.loads((folder / "results.json").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_the_same_survey_gives_the_same_report(folder: Path) -> None:
    one, other = (survey(folder, "short", name, SHORT_RUN) for name in ("csv", "limesurvey"))
    assert written(other, folder) == written(one, folder)
