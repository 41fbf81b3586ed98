"""Waves: what is one wave, in which order they come, and which one is analysed."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analyses import screening
from analyses.errors import SurveyError
from analyses.intake import waves
from analyses.intake.cross_section import one_wave
from instruments.errors import AnswerError
from tests.analyses.kks_answers import KKS, answered, notes, read


def in_waves(*names: str, n_obs: int = 40, same_people: bool = False) -> pd.DataFrame:
    """Make answers to the short form in waves; other people each time unless told."""
    data = answered("short", n_obs=n_obs * len(names))
    wave = np.repeat(names, n_obs)
    who = [f"r{row % n_obs if same_people else row}" for row in range(len(data))]
    return data.assign(respondent=who, wave=wave)


ORDERS = [
    (("10", "2", "1"), ("1", "2", "10")),
    (("T2", "T1"), ("T1", "T2")),
    (("2. måling", "1. måling"), ("1. måling", "2. måling")),
    (("2025-03-01", "2024-11-01"), ("2024-11-01", "2025-03-01")),
    (("1.3.2025", "15.11.2024"), ("15.11.2024", "1.3.2025")),
    (("2025-03", "2024-11"), ("2024-11", "2025-03")),
    (("efter", "før"), ("før", "efter")),
    (("Follow-up", "post", "pre"), ("pre", "post", "Follow-up")),
    (("Follow-up 2", "Follow-up 1", "Baseline"), ("Baseline", "Follow-up 1", "Follow-up 2")),
    (("12 months", "6 months", "baseline"), ("baseline", "6 months", "12 months")),
    (("2 efter", "1 start"), ("1 start", "2 efter")),
    (("2025", "2024"), ("2024", "2025")),
]


@pytest.mark.parametrize(("names", "order"), ORDERS)
def test_waves_come_in_their_order(
    tmp_path: Path, names: tuple[str, ...], order: tuple[str, ...]
) -> None:
    survey = read(tmp_path, in_waves(*names))
    assert survey.waves == order
    assert [len(survey.at(wave).data) for wave in order] == [40] * len(order)


def test_one_wave_by_several_spellings_is_one(tmp_path: Path) -> None:
    data = in_waves("Wave 1 ", "wave 1", "WAVE-1", "wave 2")
    survey = read(tmp_path, data)
    assert len(survey.waves) == 2
    assert survey.data["wave"].nunique() == 2
    assert len(survey.at("wave 1").data) == 120
    assert len(notes(survey, "waves.merged")) == 1


@pytest.mark.parametrize("names", [("1", "1.0", "01"), ("1,0", "1", "1.00")])
def test_numbers_written_differently_are_one_wave(tmp_path: Path, names: tuple[str, ...]) -> None:
    assert len(read(tmp_path, in_waves(*names)).waves) == 1


DOUBTFUL = [
    ("1", "T1", "baseline"),
    ("Wave 1 ", "1. måling"),
    ("før", "pre"),
    ("baseline", "0"),
    ("2", "post"),
    ("1", "2", "T2"),
    ("efter", "post"),
]


@pytest.mark.parametrize("names", DOUBTFUL)
def test_names_that_may_mean_one_wave_are_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(SurveyError, match="may call one wave by several names") as refusal:
        read(tmp_path, in_waves(*names))
    message = str(refusal.value)
    assert all(f'"{name.strip()}" (40 rows)' in message for name in names)
    assert "no respondent has answered under more than one" in message
    assert "Give each wave one name" in message


def test_without_respondents_nothing_tells_waves_apart(tmp_path: Path) -> None:
    with pytest.raises(SurveyError, match="does not say who answered"):
        read(tmp_path, in_waves("1", "T1").drop(columns="respondent"))


def test_respondents_who_answered_in_both_tell_waves_apart(tmp_path: Path) -> None:
    survey = read(tmp_path, in_waves("baseline", "1", same_people=True))
    assert survey.waves == ("baseline", "1")


@pytest.mark.parametrize("names", [("forår 2024", "efterår 2024"), ("a", "b"), ("1", "x")])
def test_an_order_that_is_not_known_is_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(SurveyError, match=r"order of the waves .* is not known: values"):
        read(tmp_path, in_waves(*names))


def test_an_order_that_hangs_on_day_or_month_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SurveyError, match="whether the day or the month stands first"):
        read(tmp_path, in_waves("3/4/2024", "4/3/2024"))
    assert read(tmp_path, in_waves("3/4/2024", "13/4/2024")).waves == ("3/4/2024", "13/4/2024")


def test_the_time_of_answering_is_no_wave(tmp_path: Path) -> None:
    data = in_waves("1", "2")
    data["wave"] = [f"2024-03-01 10:{row // 60:02d}:{row % 60:02d}" for row in range(len(data))]
    data["wave"] = [f"kl. {text}" for text in data["wave"]]
    with pytest.raises(SurveyError, match="80 different values in 80 rows, so it names no waves"):
        read(tmp_path, data)


def test_labels_of_a_file_give_the_order() -> None:
    values = pd.Series(pd.Categorical(["b", "a"], categories=["b", "a"]))
    assert waves.read(values, None, column="wave", survey="a.sav").order == ("b", "a")


def test_a_respondent_twice_in_a_wave_is_refused(tmp_path: Path) -> None:
    data = in_waves("1", "2", same_people=True)
    assert read(tmp_path, data).waves == ("1", "2")
    data.loc[[3, 50], "respondent"] = ["r0", "r11"]
    with pytest.raises(SurveyError, match="2 respondents have more than one row") as refusal:
        read(tmp_path, data)
    assert '"r0" in wave "1": rows 2 and 5' in str(refusal.value)
    assert '"r11" in wave "2": rows 52 and 53' in str(refusal.value)


def test_a_respondent_twice_in_a_file_without_waves_is_refused(tmp_path: Path) -> None:
    data = in_waves("1", "2", same_people=True).drop(columns="wave")
    with pytest.raises(
        SurveyError, match=r"40 respondents have .*\n(.*\n)+ .*and 30 more"
    ) as refusal:
        read(tmp_path, data)
    assert "say which in a column for the wave" in str(refusal.value)


def test_rows_without_a_wave_are_in_none(tmp_path: Path) -> None:
    data = in_waves("1", "2")
    data.loc[:4, "wave"] = ""
    survey = read(tmp_path, data)
    assert notes(survey, "waves.blank") == [{"n": 5}]
    assert len(survey.at("1").data) == 35


def test_the_first_wave_is_analysed_and_named(tmp_path: Path) -> None:
    survey = read(tmp_path, in_waves("2", "1"))
    first = one_wave(KKS, survey)
    assert (first.wave, len(first.data), len(first.scored)) == ("1", 40, 40)
    assert first.data.index.tolist() == list(range(40))
    (found,) = notes(first, "waves.first")
    assert (found["wave"], found["all"]) == ("1", 2)
    assert one_wave(KKS, first) is first
    section = screening.run(KKS, first)
    assert "note.wave" in {note.key for note in section.notes}
    assert section.findings[0].claim.values["n"] == 40


def test_another_wave_is_analysed_where_asked_for(tmp_path: Path) -> None:
    survey = read(tmp_path, in_waves("T1", "T2"))
    assert one_wave(KKS, survey, "t2 ").wave == "T2"
    with pytest.raises(SurveyError, match=r'has no wave "3"\.\n    It has waves "T1", "T2"'):
        one_wave(KKS, survey, "3")
    alone = read(tmp_path, in_waves("1"))
    assert one_wave(KKS, alone) is alone
    with pytest.raises(SurveyError, match=r"It has no waves"):
        read(tmp_path, answered("short")).at("1")


def test_a_wave_that_nothing_can_be_computed_from_is_refused(tmp_path: Path) -> None:
    data = in_waves("1", "2")
    data.loc[:39, "I_bro1"] = 3
    survey = read(tmp_path, data)
    with pytest.raises(AnswerError, match='"I_bro1" is constant'):
        one_wave(KKS, survey)


def test_a_wave_with_another_form_has_the_items_of_that_form(tmp_path: Path) -> None:
    first = answered("individual", n_obs=60).assign(wave="1", form="individual")
    second = answered("short", n_obs=60).assign(wave="2", form="short")
    survey = read(tmp_path, pd.concat([first, second]))
    assert (survey.form, survey.at("1").form, survey.at("2").form) == (
        "individual",
        "individual",
        "short",
    )
    assert survey.at("2").scored.shape == (60, 12)
    assert "not_asked" not in survey.at("1").missing_codes


def test_a_beginning_is_named_as_the_waves_are(tmp_path: Path) -> None:
    begins = np.tile([" wave 2", "", "WAVE-1", "Wave 2"], 20)
    survey = read(tmp_path, in_waves("Wave 1", "Wave 2").assign(effort_start=begins))
    found = survey.data["effort_start"]
    assert found[:4].fillna("-").tolist() == ["Wave 2", "-", "Wave 1", "Wave 2"]


def test_a_beginning_in_no_wave_is_refused(tmp_path: Path) -> None:
    data = in_waves("1", "2").assign(effort_start=["2", "2027"] * 40)
    with pytest.raises(SurveyError, match=r'"2027" in 40 rows, which is no wave.*"1", "2"'):
        read(tmp_path, data)


def test_declared_words_for_what_has_not_begun_are_no_wave() -> None:
    values = pd.Series(["2", "Aldrig", None, "never "])
    found = waves.starts(values, ("1", "2"), ["never", "Aldrig"], column="start", survey="s.csv")
    assert found.fillna("-").tolist() == ["2", "-", "-", "-"]
