"""The import files: every form keeps the rules of its format, and each check finds its breach."""

import csv
import io
import re
from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from openpyxl import Workbook, load_workbook

import instruments
from analyses.fielding import limesurvey, redcap, xlsform
from analyses.fielding.codes import LIMESURVEY, REDCAP, SYSTEMS, column_names
from analyses.fielding.errors import FieldingError
from analyses.fielding.questionnaire import build
from analyses.wording import words

KKS = instruments.load("coupling")
FORMS = KKS.form_ids


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("language", ["da", "en"])
def test_every_form_keeps_the_rules_of_every_format(form: str, language: str) -> None:
    asked = build(KKS, form, language=language)
    assert limesurvey.problems(limesurvey.contents(asked)) == []
    assert redcap.problems(redcap.contents(asked, words(language))) == []
    assert xlsform.problems(xlsform.contents(asked)) == []


@pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS)
def test_names_and_codes_are_one_to_one(system) -> None:
    names = system.names(column_names(KKS))
    assert len({name.casefold() for name in names.values()}) == len(names)
    for column in KKS.columns:
        coded = [system.value(column, value) for value in column.values]
        assert len(set(coded)) == len(coded)


def test_two_names_that_a_system_cannot_tell_apart_are_refused() -> None:
    with pytest.raises(FieldingError, match=r'"R1_1" and "R11" would both be called "R11"'):
        LIMESURVEY.names(["R1_1", "R11"])
    with pytest.raises(FieldingError, match=r'both be called "i_bro1" in REDCap'):
        REDCAP.names(["I_bro1", "i_bro1"])


def _short_lss() -> str:
    return limesurvey.contents(build(KKS, "short", language="da")).decode("utf-8")


def test_limesurvey_has_both_languages_and_arrays_by_block() -> None:
    document = ElementTree.fromstring(_short_lss())
    assert [one.text for one in document.iterfind("languages/language")] == ["da", "en"]
    rows = list(document.iterfind("questions/rows/row"))
    arrays = {row.findtext("title") for row in rows if row.findtext("type") == "F"}
    assert arrays == {"ownwork"}
    below = {row.findtext("title") for row in document.iterfind("subquestions/rows/row")}
    assert "Ibro6" in below
    assert len(below) == 12
    codes = {row.findtext("code") for row in document.iterfind("answers/rows/row")}
    assert {"A1", "A5", "A8", "A9"} <= codes


BREACHES_LSS: list[tuple[Callable[[str], str], str]] = [
    (lambda text: text.replace("<document>", "<document", 1), "not XML"),
    (lambda text: text.replace(">Survey<", ">Group<"), "LimeSurveyDocType"),
    (lambda text: text.replace("<DBVersion>366", "<DBVersion>x"), "DBVersion"),
    (lambda text: text.replace(">ownwork<", ">own_work<"), 'question code "own_work"'),
    (lambda text: text.replace(">ownwork<", f">{'x' * 21}<"), "at most 19 letters"),
    (lambda text: text.replace(">ownwork<", ">SID<"), "reserved word"),
    (lambda text: text.replace(">ownwork<", ">role<"), '"role" occurs 2 times'),
    (lambda text: text.replace(">Ibro6<", ">I_bro6<"), 'subquestion code "I_bro6"'),
    (lambda text: text.replace(">Ibro6<", ">IBRO1<"), "occurs 2 times in its question"),
    (lambda text: text.replace("<code>A3<", "<code>A30000<"), 'answer code "A30000"'),
    (lambda text: text.replace("<code>A3<", "<code>A2<"), '"A2" occurs 2 times'),
    (lambda text: text.replace("<relevance>1<", "<relevance>0<", 1), "relevance"),
    (lambda text: text.replace("Tak for dine svar", "Tak {x}").replace("Delvist", "{a}"), "braces"),
    (lambda text: text.replace("<answer>Delvist<", "<answer><"), "has no text"),
    (lambda text: text.replace("<parent_qid>1<", "<parent_qid>99<"), "belongs to no question"),
    (lambda text: text.replace("<gid>1<", "<gid>7<", 1), "group that is not there|texts in"),
    (lambda text: text.replace("<type>L<", "<type>Q<"), 'type "Q"'),
    (lambda text: text.replace("<type>L<", "<type>S<", 1), "differs between languages"),
    (lambda text: text.replace("<fieldname>help<", "<fieldname>hjælp<", 1), "different fields"),
    (lambda text: text.replace("<language>en</language>\n </languages>", "</languages>"), "listed"),
]


@pytest.mark.parametrize(("change", "message"), BREACHES_LSS)
def test_the_check_of_limesurvey_finds_each_breach(
    change: Callable[[str], str], message: str
) -> None:
    text = _short_lss()
    changed = change(text)
    assert changed != text
    assert re.search(message, "\n".join(limesurvey.problems(changed.encode("utf-8"))))


def _short_redcap() -> list[dict[str, str]]:
    made = redcap.contents(build(KKS, "short", language="da"), words("da"))
    return list(csv.DictReader(io.StringIO(made.decode("utf-8"), newline="")))


def _dictionary(rows: list[dict[str, str]]) -> bytes:
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue().encode("utf-8")


def test_redcap_has_its_columns_a_matrix_and_hidden_fields() -> None:
    rows = {row[redcap.NAME]: row for row in _short_redcap()}
    assert next(iter(rows)) == "record_id"
    assert tuple(rows["i_bro6"]) == redcap.COLUMNS
    assert len(redcap.COLUMNS) == 18
    assert rows["i_bro6"][redcap.MATRIX] == "own_work_matrix"
    assert rows["i_bro6"][redcap.CHOICES].startswith("1, I meget lav grad | 2, I lav grad |")
    assert rows["form"][redcap.ANNOTATION] == "@HIDDEN-SURVEY @DEFAULT='short'"
    assert rows["organisation"][redcap.ANNOTATION] == "@HIDDEN-SURVEY"


BREACHES_REDCAP: list[tuple[str, str, str, str]] = [
    ("i_bro6", redcap.NAME, "I_bro6", 'field name "I_bro6"'),
    ("i_bro6", redcap.NAME, "i" * 27, "at most 25"),
    ("i_bro6", redcap.NAME, "i_kom3", 'field name "i_kom3" occurs 2 times'),
    ("i_bro6", redcap.NAME, "redcap_x", "reserved"),
    ("i_bro6", redcap.NAME, "coupling_short_complete", "state of the form"),
    ("i_bro6", redcap.FORM, "Coupling", 'form name "Coupling"'),
    ("i_kom3", redcap.FORM, "other", "do not follow each other|differ in form"),
    ("record_id", redcap.KIND, "radio", "first field"),
    ("role", redcap.KIND, "choice", 'type "choice"'),
    ("role", redcap.LABEL, " ", "no label"),
    ("role", redcap.CHOICES, "a, x | a, y", "code twice"),
    ("role", redcap.CHOICES, "a, x | b", 'not "code, label"'),
    ("role", redcap.CHOICES, "a b, x", "other signs"),
    ("organisation", redcap.CHOICES, "1, x", "its type has none"),
    ("i_kom3", redcap.CHOICES, "1, x | 2, y", "differ in form, type or choices"),
    ("i_kom3", redcap.MATRIX, "other", "do not follow each other"),
    ("i_kom3", redcap.HEADER, "x", "broken by a section header"),
    ("i_kom3", redcap.MATRIX, "Own", 'matrix name "Own"'),
]


@pytest.mark.parametrize(("field", "column", "value", "message"), BREACHES_REDCAP)
def test_the_check_of_redcap_finds_each_breach(
    field: str, column: str, value: str, message: str
) -> None:
    rows = _short_redcap()
    for row in rows:
        if row[redcap.NAME] == field:
            row[column] = value
            break
    assert re.search(message, "\n".join(redcap.problems(_dictionary(rows))))


def test_another_heading_is_no_data_dictionary() -> None:
    rows = [
        {key: value for key, value in row.items() if key != redcap.MATRIX}
        for row in _short_redcap()
    ]
    assert redcap.problems(_dictionary(rows)) == [
        "the heading is not REDCap's 18 columns in their order"
    ]


def test_a_name_that_is_too_long_for_redcap_is_refused() -> None:
    asked = build(KKS, "short", language="da")
    first = asked.sections[0]
    long = first.statements[0]._replace(item="a_very_long_name_of_an_item_here")
    item = KKS.items[0].model_copy(update={"id": long.item})
    bank = KKS.model_copy(update={"items": (*KKS.items, item)})
    section = replace(first, statements=(long, *first.statements[1:]))
    with pytest.raises(FieldingError, match=r"cannot be written for REDCap.*a_very_long_name"):
        redcap.contents(replace(asked, instrument=bank, sections=(section,)), words("da"))


def _short_form() -> Workbook:
    return load_workbook(io.BytesIO(xlsform.contents(build(KKS, "short", language="da"))))


def test_an_xlsform_has_its_sheets_lists_and_languages() -> None:
    book = _short_form()
    assert book.sheetnames == ["survey", "choices", "settings"]
    heading, *rows = book["survey"].iter_rows(values_only=True)
    assert list(heading)[:4] == ["type", "name", "label::Dansk (da)", "label::English (en)"]
    kinds = {str(row[1]): row[0] for row in rows}
    assert kinds["I_bro1"] == "select_one extent"
    assert kinds["own_work"] == "begin_group"
    settings = dict(zip(*book["settings"].iter_rows(values_only=True), strict=True))
    assert settings["form_id"] == "coupling_short"
    assert settings["default_language"] == "Dansk (da)"


BREACHES_XLSFORM: list[tuple[str, str, str, str]] = [
    ("survey", "select_one extent", "choose extent", "there is no type"),
    ("survey", "select_one extent", "select_one other", "which is not there"),
    ("survey", "I_bro1", "I bro1", '"I bro1" cannot be a name'),
    ("survey", "I_bro1", "I_bro2", '"I_bro2" occurs twice'),
    ("survey", "end_group", "text", "does not end|cannot be a name"),
    ("survey", "begin_group", "text", "ends that has not begun"),
    ("survey", "label::Dansk (da)", "label::Dansk", "is not"),
    ("survey", "'short'", "", "no calculation"),
    ("choices", "care", "the care", "with blanks"),
    ("choices", "care", "nursing", "a name twice"),
    ("choices", "Delvist", "", "lacks a label"),
    ("settings", "coupling_short", "", "form_id are wanted"),
    ("settings", "Dansk (da)", "Suomi (fi)", "none of the languages"),
]


@pytest.mark.parametrize(("sheet", "old", "new", "message"), BREACHES_XLSFORM)
def test_the_check_of_xlsforms_finds_each_breach(
    sheet: str, old: str, new: str, message: str
) -> None:
    book = _short_form()
    changed = 0
    for row in book[sheet].iter_rows():
        for cell in row:
            if cell.value == old:
                cell.value = new or None
                changed += 1
    assert changed
    buffer = io.BytesIO()
    book.save(buffer)
    assert re.search(message, "\n".join(xlsform.problems(buffer.getvalue())))


def test_an_xlsform_without_a_sheet_is_named() -> None:
    book = _short_form()
    del book["choices"]
    buffer = io.BytesIO()
    book.save(buffer)
    assert xlsform.problems(buffer.getvalue()) == ["the sheet choices is missing"]
