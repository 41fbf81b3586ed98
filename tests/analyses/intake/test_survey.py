import datetime
import time
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pyreadstat
import pytest

from analyses.errors import SurveyError
from analyses.intake.survey import read_survey
from analyses.section import Message
from instruments.errors import AnswerError
from instruments.loader import load
from instruments.schema import Instrument

INSTRUMENT = """
id = "weather"
version = "1"
languages = ["da", "en"]
citation = "Made up for tests"
title = {da = "Vejret", en = "The weather"}
description = {da = "Om vejret", en = "About the weather"}
status = {da = "Kun til test", en = "For tests only"}

[item_defaults]
wording = "given"
source = "made up"
version = "1"
status = "new"
response = "extent"
concept = "weather"

[[responses]]
id = "extent"
lowest = 1
highest = 5
labels.da = {1 = "Slet ikke", 2 = "Lidt", 3 = "Noget", 4 = "Meget", 5 = "Helt vildt"}
labels.en = {1 = "Not at all", 2 = "A little", 3 = "Somewhat", 4 = "Much", 5 = "Wildly"}
missing = [
    {code = 8, name = "not_relevant", labels = {da = "Ikke relevant", en = "Not relevant"}},
    {code = 9, name = "dont_know", labels = {da = "Ved ikke", en = "Don't know"}},
]

[[responses]]
id = "degrees"
continuous = true

[[items]]
id = "w1"
text = {da = "Det regner", en = "It rains"}
[[items]]
id = "w2"
text = {da = "Det er tørt", en = "It is dry"}
keying = -1
[[items]]
id = "w3"
text = {da = "Det er vådt", en = "It is wet"}
[[items]]
id = "w4"
text = {da = "Temperatur", en = "Temperature"}
response = "degrees"

[[scales]]
id = "rain"
label = {da = "Regn", en = "Rain"}
description = {da = "Regn", en = "Rain"}
items = ["w1", "w2", "w3"]

[[forms]]
id = "short"
label = {da = "Kort", en = "Short"}
items = ["w1", "w2", "w3"]
[[forms]]
id = "full"
label = {da = "Lang", en = "Full"}
items = ["w1", "w2", "w3", "w4"]

[[columns]]
name = "person"
role = "respondent"
label = {da = "Person", en = "Person"}
[[columns]]
name = "team"
role = "cluster"
label = {da = "Hold", en = "Team"}
required = true
[[columns]]
name = "role"
role = "role"
label = {da = "Rolle", en = "Role"}
values = {1 = {da = "Leder", en = "Leader"}, 2 = {da = "Medarbejder", en = "Employee"}}

[[models]]
id = "M1"
label = {da = "Én", en = "One"}
syntax = "rain =~ w1 + w2 + w3"
meaning = {da = "Én", en = "One"}
reference = true
"""

NAN = float("nan")
PERSONS = [f"{i:03d}" for i in range(1, 9)]
TEAMS = ["Øst", "Øst", "Vest", "Vest", "Syd", "Syd", "Nord", "Nord"]
ROLES = ["1", "2", "2", "2", "1", "2", "2", "2"]
CODES = pd.DataFrame(
    {
        "w1": [1, 2, 3, 4, 5, 1, 2, 9],
        "w2": [5, 4, 3, 2, 1, 5, 8, 3],
        "w3": [1, 1, 2, 3, 4, 5, 5, NAN],
        "w4": [20.5, 18.0, -3.25, 0.5, 7.5, 12.0, 11.5, 10.0],
    }
)
LABELS = {1: "Slet ikke", 2: "Lidt", 3: "Noget", 4: "Meget", 5: "Helt vildt"}
MISSING = {8: "Ikke relevant", 9: "Ved ikke"}


@pytest.fixture(scope="module")
def instrument(tmp_path_factory) -> Instrument:
    path = tmp_path_factory.mktemp("instrument") / "weather.toml"
    path.write_text(INSTRUMENT, encoding="utf-8")
    return load(path)


def table() -> pd.DataFrame:
    return CODES.assign(person=PERSONS, team=TEAMS, role=ROLES)


def as_text(frame: pd.DataFrame, *, comma: bool = False) -> pd.DataFrame:
    text = frame.map(lambda v: "" if v != v else f"{v:g}" if isinstance(v, int | float) else v)
    return text.map(lambda value: value.replace(".", ",")) if comma else text


def write_excel(frame: pd.DataFrame, path: Path) -> None:
    frame.to_excel(path, index=False)


def write_excel_as_text(frame: pd.DataFrame, path: Path) -> None:
    as_text(frame, comma=True).to_excel(path, index=False)


def write_words(frame: pd.DataFrame, path: Path) -> None:
    words = frame.assign(**{item: frame[item].replace(LABELS | MISSING) for item in ("w1", "w2")})
    english = {1: "not at all ", 2: "A LITTLE", 3: "Somewhat", 4: "Much", 5: "Wildly"}
    words["w3"] = frame["w3"].map(english)
    words.to_csv(path, index=False)


def write_spss(frame: pd.DataFrame, path: Path) -> None:
    both = LABELS | MISSING
    labels = {"w1": both, "w2": both, "role": {1: "Chef", 2: "Ansat"}}
    typed = frame.assign(role=frame["role"].astype(float))
    pyreadstat.write_sav(
        typed,
        path,
        variable_value_labels=labels,
        missing_ranges={item: [{"lo": 8, "hi": 9}] for item in ("w1", "w2")},
    )


def write_spss_with_own_missing_codes(frame: pd.DataFrame, path: Path) -> None:
    frame = frame.assign(w1=frame["w1"].replace(9, 99), w2=frame["w2"].replace(8, -1))
    labels = {"w1": {99: "Don't know"}, "w2": {-1: "not relevant"}}
    pyreadstat.write_sav(
        frame, path, variable_value_labels=labels, missing_ranges={"w1": [99], "w2": [-1]}
    )


def write_stata(frame: pd.DataFrame, path: Path) -> None:
    letters = {
        "w1": [*frame["w1"].astype(int)[:-1].tolist(), "a"],
        "w2": [*frame["w2"].astype(int)[:6].tolist(), "b", 3],
    }
    typed = frame.assign(**{item: pd.Series(v, dtype=object) for item, v in letters.items()})
    pyreadstat.write_dta(
        typed,
        path,
        missing_user_values={"w1": ["a"], "w2": ["b"]},
        variable_value_labels={"w1": {"a": "Ved ikke"}, "w2": {"b": "Ikke relevant"}},
    )


FORMATS = {
    "comma.csv": lambda f, p: as_text(f).to_csv(p, index=False),
    "semicolon.csv": lambda f, p: as_text(f, comma=True).to_csv(
        p, index=False, sep=";", encoding="cp1252"
    ),
    "quoted_comma.csv": lambda f, p: as_text(f, comma=True).to_csv(p, index=False),
    "r.csv": lambda f, p: f.to_csv(p, index=True, na_rep="NA"),
    "bar.txt": lambda f, p: f.to_csv(p, index=False, sep="|", encoding="utf-16"),
    "tab.tsv": lambda f, p: f.to_csv(p, index=False, sep="\t"),
    "words.csv": write_words,
    "book.xlsx": write_excel,
    "text.xlsx": write_excel_as_text,
    "labelled.sav": write_spss,
    "own_codes.sav": write_spss_with_own_missing_codes,
    "letters.dta": write_stata,
    "plain.dta": lambda f, p: f.to_stata(p, write_index=False),
    "plain.parquet": lambda f, p: f.to_parquet(p, index=False),
    "category.parquet": lambda f, p: f.astype({"team": "category"}).to_parquet(p),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_survey(tmp_path, instrument, name):
    path = tmp_path / name
    FORMATS[name](table(), path)
    survey = read_survey(path, instrument)
    expected = CODES.astype(float).replace({"w1": {9: NAN}, "w2": {8: NAN}})
    background = pd.DataFrame({"person": PERSONS, "team": TEAMS, "role": ROLES}, dtype="str")
    pd.testing.assert_frame_equal(survey.data, pd.concat([background, expected], axis=1))
    pd.testing.assert_frame_equal(survey.scored, expected.assign(w2=6 - expected["w2"]))
    assert survey.form == "full"
    assert survey.name == name
    assert not survey.simulated
    assert survey.missing_codes.loc["w1"].to_dict() == {
        "not_relevant": 0,
        "dont_know": 1,
        "blank": 0,
    }
    assert survey.missing_codes.loc["w2"].to_dict() == {
        "not_relevant": 1,
        "dont_know": 0,
        "blank": 0,
    }
    assert survey.missing_codes.loc["w3", "blank"] == 1


def note(survey, key: str) -> Message:
    return next(message for message in survey.notes if message.key == key)


def read(tmp_path, instrument, frame: pd.DataFrame, name="a.csv", **options):
    path = tmp_path / name
    FORMATS["book.xlsx" if name.endswith("xlsx") else "comma.csv"](frame, path)
    return read_survey(path, instrument, **options)


def test_decimal_comma_text_and_words_are_told(tmp_path, instrument):
    write_excel_as_text(table(), tmp_path / "a.xlsx")
    survey = read_survey(tmp_path / "a.xlsx", instrument)
    assert note(survey, "reading.decimal_comma").values["items"] == ("w4",)
    assert note(survey, "reading.numbers_as_text").values["n"] == 4
    write_words(table(), tmp_path / "b.csv")
    survey = read_survey(tmp_path / "b.csv", instrument)
    assert note(survey, "reading.answers_in_words").values["items"] == ("w1", "w2", "w3")
    table().to_csv(tmp_path / "c.csv", na_rep="NA")
    survey = read_survey(tmp_path / "c.csv", instrument)
    assert note(survey, "reading.blank_words").values == {"n": 1, "words": ("NA",)}


def test_the_largest_complete_form_is_read_and_the_rest_is_told(tmp_path, instrument):
    frame = table().drop(columns="w4").assign(comment="x", date="y")
    survey = read(tmp_path, instrument, frame)
    assert survey.form == "short"
    assert list(survey.data.columns) == ["person", "team", "role", "w1", "w2", "w3"]
    assert note(survey, "reading.unused").values == {"n": 2, "columns": ("comment", "date")}


def test_items_outside_the_form_are_told(tmp_path, instrument):
    forms = tuple(form for form in instrument.forms if form.id == "short")
    survey = read(tmp_path, instrument.model_copy(update={"forms": forms}), table())
    assert note(survey, "reading.outside_form").values["items"] == ("w4",)
    assert "w4" not in survey.data.columns


def test_names_are_found_in_another_spelling_and_by_mapping(tmp_path, instrument):
    frame = table().rename(columns={"w1": " W1 ", "team": "TEAM", "w2": "dry"})
    survey = read(tmp_path, instrument, frame, mapping={"w2": "dry"})
    assert list(survey.data.columns) == ["person", "team", "role", "w1", "w2", "w3", "w4"]
    assert note(survey, "reading.spelled").values["pairs"] == (
        Message("reading.pair", {"name": "w1", "column": "W1"}),
        Message("reading.pair", {"name": "team", "column": "TEAM"}),
    )
    assert note(survey, "reading.mapped").values["n"] == 1


def test_the_exact_name_goes_before_other_spellings(tmp_path, instrument):
    survey = read(tmp_path, instrument, table().assign(W1=["x"] * 8))
    assert survey.data["w1"].iloc[0] == 1
    assert note(survey, "reading.unused").values["columns"] == ("W1",)


def test_labels_of_the_file_name_the_groups(tmp_path, instrument):
    frame = CODES.assign(team=[2.0, 2, 1, 1, 3, 3, 4, NAN], role=[1.0, 2, 2, 2, 1, 2, 2, 2])
    labels = {"team": {1: "Vest", 2: "Øst", 3: "Syd"}, "role": {1: "Chef", 2: "Ansat"}}
    pyreadstat.write_sav(frame, tmp_path / "a.sav", variable_value_labels=labels)
    survey = read_survey(tmp_path / "a.sav", instrument)
    assert survey.data["team"].cat.categories.tolist() == ["Vest", "Øst", "Syd", "4"]
    assert survey.data["team"].tolist()[:7] == [*TEAMS[:6], "4"]
    assert survey.data["team"].isna().tolist() == [*[False] * 7, True]
    # The instrument names the roles itself, by code.
    assert survey.data["role"].tolist() == ROLES


def test_two_groups_with_the_same_label_stay_apart(tmp_path, instrument):
    frame = CODES.assign(team=[1.0, 1, 2, 2, 3, 3, 3, 3])
    labels = {"team": {1: "Øst", 2: "Øst", 3: "Vest"}}
    pyreadstat.write_sav(frame, tmp_path / "a.sav", variable_value_labels=labels)
    survey = read_survey(tmp_path / "a.sav", instrument)
    assert survey.data["team"].cat.categories.tolist() == ["Øst (1)", "Øst (2)", "Vest"]


def test_missing_values_that_only_the_file_knows_are_counted_apart(tmp_path, instrument):
    frame = table().assign(w3=[1.0, 1, 2, 3, 4, 5, 77, NAN], role=[1.0] * 8)
    path = tmp_path / "a.sav"
    pyreadstat.write_sav(frame, path, missing_ranges={"w1": [8, 9], "w2": [8, 9], "w3": [77]})
    survey = read_survey(path, instrument)
    assert survey.missing_codes["declared"].to_dict() == {"w1": 0, "w2": 0, "w3": 1, "w4": 0}
    assert survey.missing_codes["blank"].to_dict() == {"w1": 0, "w2": 0, "w3": 1, "w4": 0}
    assert survey.missing_codes["dont_know"].to_dict() == {"w1": 1, "w2": 0, "w3": 0, "w4": 0}
    assert note(survey, "reading.declared").values["n"] == 3
    absent = survey.scored.isna().sum()
    assert survey.missing_codes.sum(axis=1).to_dict() == absent.to_dict()


def test_answers_stored_as_short_texts_are_read_by_their_labels(tmp_path, instrument):
    stored = {1: "A1", 2: "A2", 3: "A3", 4: "A4", 5: "A5"}
    frame = table().assign(w3=CODES["w3"].map(stored).fillna(""))
    labels = {"w3": {short: LABELS[code] for code, short in stored.items()}}
    pyreadstat.write_sav(frame, tmp_path / "a.sav", variable_value_labels=labels)
    survey = read_survey(tmp_path / "a.sav", instrument)
    np.testing.assert_array_equal(survey.data["w3"], CODES["w3"])


def test_the_simulated_demonstration_is_known_wherever_it_lies(tmp_path, instrument):
    home = tmp_path / "home"
    home.mkdir()
    told = INSTRUMENT + (
        '\n[demonstration]\nfile = "demo.csv"\nsimulated = true\nprovenance = "made up"\n'
        'licence = "MIT"\ndescription = {da = "Prøve", en = "Sample"}\n'
    )
    (home / "weather.toml").write_text(told, encoding="utf-8")
    table().to_csv(home / "demo.csv", index=False)
    (tmp_path / "copy.csv").write_bytes((home / "demo.csv").read_bytes())
    weather = load(home / "weather.toml")
    assert read_survey(tmp_path / "copy.csv", weather).simulated
    assert not read(tmp_path, weather, table().iloc[::-1]).simulated


def changed(**columns) -> pd.DataFrame:
    return table().assign(**columns)


SURVEYS = {
    "no_column": (
        pd.DataFrame({"a": [1, 2], "b": [3, 4]}),
        SurveyError,
        r'no column of the instrument "weather"\.\n.*It has columns "a", "b".*items "w1", "w2"',
    ),
    "lacks_items": (
        table().drop(columns=["w2", "w3"]),
        SurveyError,
        r'lacks 2 of the 3 items of the form "short": items "w2", "w3"\. No other form',
    ),
    "lacks_team": (table().drop(columns="team"), SurveyError, 'lacks column "team", which'),
    "outside": (changed(w1=[1, 2, 3, 4, 5, 1, 6, 6]), AnswerError, r'"w1" holds "?6"? in 2 rows'),
    "halves": (changed(w1=[1, 2, 3, 4, 5, 1, 2, 2.5]), AnswerError, r'"w1" holds "?2\.5"?'),
    "text": (changed(w1=[*["meget"] * 7, "hm"]), AnswerError, r'"w1" holds "hm" in row 9'),
    "constant": (changed(w2=3), AnswerError, r'"w2" is constant'),
    "empty": (changed(w2=NAN), AnswerError, r'"w2" has no answers'),
    "too_few": (table().iloc[:3], AnswerError, "only 3 of 3 rows have an answer to all 4 items"),
}


@pytest.mark.parametrize("name", SURVEYS)
@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_surveys_that_do_not_fit_are_refused(tmp_path, instrument, name, ending):
    frame, error, problem = SURVEYS[name]
    with pytest.raises(error, match=problem):
        read(tmp_path, instrument, frame, name=f"a.{ending}")


def test_many_missing_items_are_counted():
    from analyses.intake.columns import listed

    names = [f"q{i}" for i in range(13)]
    assert listed(names, "item").endswith('"q9" … and 3 more')
    assert listed(["q1"], "item") == 'item "q1"'


def test_a_name_that_fits_two_columns_is_refused(tmp_path, instrument):
    frame = table().rename(columns={"team": "Team"}).assign(TEAM="x")
    with pytest.raises(SurveyError, match=r'"team" may be any of the columns "Team", "TEAM"'):
        read(tmp_path, instrument, frame)
    assert read(tmp_path, instrument, frame, mapping={"team": "Team"}).form == "full"


@pytest.mark.parametrize(
    ("mapping", "problem"),
    [
        ({"w7": "w1"}, r'the mapping names item "w7", which "weather" does not have'),
        ({"w1": "q1"}, r'"a\.csv" has no column "q1", which the mapping or an option'),
        ({"w1": "w2"}, r'column "w2" of "a\.csv" cannot be both "w1" and "w2"'),
    ],
)
def test_a_wrong_mapping_is_refused(tmp_path, instrument, mapping, problem):
    with pytest.raises(SurveyError, match=problem):
        read(tmp_path, instrument, table(), mapping=mapping)


def test_a_file_with_codes_of_its_own_is_refused(tmp_path, instrument):
    turned = {6 - code: label for code, label in LABELS.items()}
    path = tmp_path / "a.sav"
    pyreadstat.write_sav(table(), path, variable_value_labels={"w1": turned})
    with pytest.raises(SurveyError, match=r'"w1": the file labels the code 1 "Helt vildt", which'):
        read_survey(path, instrument)


CELLS = [
    (datetime.date(2024, 4, 3), r'"w2" holds a date in cell B4 \(2024-04-03'),
    ("=A4+1", r'"w2" holds a formula that was never calculated in cell B4 \(=A4\+1\)'),
    ("#DIV/0!", r'"w2" holds the error of a formula in cell B4 \(#DIV/0!\)'),
    (True, r'"w2" holds a truth value in cell B4 \(True\)'),
]


@pytest.mark.parametrize(("value", "problem"), CELLS)
def test_cells_that_are_no_answer_are_named(tmp_path, instrument, value, problem):
    path = tmp_path / "a.xlsx"
    write_excel(table(), path)
    book = openpyxl.load_workbook(path)
    book.active["B4"] = value
    book.save(path)
    with pytest.raises(SurveyError, match=problem):
        read_survey(path, instrument)


def test_errors_name_the_row_of_the_file_where_rows_were_left_out(tmp_path, instrument):
    lines = as_text(changed(w1=[1, 2, 3, 4, 5, 1, 2, 6])).to_csv(index=False).splitlines()
    path = tmp_path / "a.csv"
    path.write_text("\n".join([*lines[:3], "", ",,,,,,", *lines[3:]]), encoding="utf-8")
    with pytest.raises(AnswerError, match='"w1" holds "6" in row 11,'):
        read_survey(path, instrument)


def test_a_large_survey_is_read_in_seconds(tmp_path, instrument):
    rng = np.random.default_rng(1)
    codes = rng.integers(1, 6, size=(100_000, 3))
    frame = pd.DataFrame(codes, columns=["w1", "w2", "w3"]).assign(team="a")
    frame = frame.assign(**{f"other{i}": 3 for i in range(20)})
    frame.to_csv(tmp_path / "a.csv", index=False)
    start = time.perf_counter()
    survey = read_survey(tmp_path / "a.csv", instrument)
    # It takes about one second; the limit allows for a busy machine.
    assert time.perf_counter() - start < 10
    assert (survey.data[["w1", "w2", "w3"]].to_numpy() == codes).all()
