"""Leaders' answers about themselves never reach what others answer about their leader."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analyses import levels, screening
from analyses.across_levels.referents import Referents
from analyses.comparing.level_tables import self_ratings_tables
from analyses.disclosure import publish
from analyses.section import Message, Section
from measure.errors import MeasureError
from tests.analyses.demonstrations import taken_for_granted
from tests.analyses.kks_answers import KKS, answered, notes, read

L_ITEMS = [item.id for item in KKS.items if item.self_for is not None]


def with_leaders(every: int = 7, words: bool = False) -> pd.DataFrame:
    """Make answers to the standard form; leaders call themselves 5 on every L item they get."""
    data = answered("standard")
    leader = data.index % every == 0
    names = ("Leder", "Medarbejder") if words else ("leader", "employee")
    asked = [item for item in L_ITEMS if item in data]
    data.loc[leader, asked] = 5
    return data.assign(role=np.where(leader, *names))


@pytest.mark.parametrize("words", [False, True])
def test_self_ratings_are_apart(tmp_path: Path, words: bool) -> None:
    data = with_leaders(words=words)
    leader = data.index % 7 == 0
    survey = read(tmp_path, data)
    asked = [item for item in L_ITEMS if item in data]
    for table in (survey.data, survey.scored):
        assert table.loc[leader, asked].isna().to_numpy().all()
        assert table.loc[~leader, asked].notna().to_numpy().all()
    assert (survey.self_ratings.loc[leader] == 5).to_numpy().all()
    assert survey.self_ratings.loc[~leader].isna().to_numpy().all()
    assert not survey.asked.loc[leader, asked].to_numpy().any()
    assert survey.scored.loc[leader, "O_bro1"].notna().all()
    assert set(survey.missing_codes.loc[asked, "self_rating"]) == {30}
    assert notes(survey, "reading.self_ratings")[0]["n"] == 30


def unfitted(*_: object) -> None:
    raise MeasureError("left out")


def test_what_leaders_answer_about_themselves_changes_no_number_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = with_leaders()
    other = data.copy()
    asked = [item for item in L_ITEMS if item in data]
    answers = 1.0 + np.arange(30)[:, None] % 5 * np.ones(len(asked))
    other.loc[data.index % 7 == 0, asked] = answers
    one, two = read(tmp_path, data), read(tmp_path, other)
    assert not one.self_ratings.equals(two.self_ratings)
    # What all sections but these two are made of.
    assert one.data.equals(two.data)
    assert one.scored.equals(two.scored)
    assert one.asked.equals(two.asked)
    # What takes long is made of the answers just compared, and is left out.
    monkeypatch.setattr(Referents, "_of_function", unfitted)
    on_levels = partial(levels.run, granted=taken_for_granted("role"))
    for run in (screening.run, on_levels):
        was, now = (run(KKS, survey) for survey in (one, two))
        for table in was.tables:
            if table.id != "self_ratings":
                assert repr(table) == repr(now.table(table.id))
        assert "note.self_ratings" in {note.key for note in was.notes}
    # The last one is the section on levels, which shows them.
    assert was.table("self_ratings").column("respondents") == (30, 30, 30, 30)
    assert was.table("self_ratings").column("mean") == (5.0, 5.0, 5.0, 5.0)
    assert now.table("self_ratings").column("mean") == (3.0, 3.0, 3.0, 3.0)


def test_few_leaders_are_hidden(tmp_path: Path) -> None:
    tables = tuple(self_ratings_tables(KKS, read(tmp_path, with_leaders(every=70))))
    section = Section("levels", Message("plain", {"text": ""}), tables=tables)
    assert section.table("self_ratings").column("respondents") == (3, 3, 3, 3)
    hidden = publish(section).table("self_ratings")
    assert "Hidden" in repr(hidden.column("mean"))


def test_unknown_roles_are_told(tmp_path: Path) -> None:
    data = with_leaders()
    data.loc[1:3, "role"] = ""
    assert notes(read(tmp_path, data), "reading.role_unknown")[0]["n"] == 3
    without = read(tmp_path, data.drop(columns="role"))
    assert len(notes(without, "reading.no_role")) == 1
    assert without.self_ratings.isna().to_numpy().all()


def test_a_form_without_such_items_says_nothing(tmp_path: Path) -> None:
    survey = read(tmp_path, answered("short").assign(role="leader"))
    assert survey.self_ratings.shape == (len(survey.data), 0)
    assert not notes(survey, "reading.self_ratings")
    assert not tuple(self_ratings_tables(KKS, survey))
