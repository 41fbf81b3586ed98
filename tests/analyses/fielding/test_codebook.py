"""The codebook in its three formats: every item, every answer, every background column."""

import html
import io

import pandas as pd
import pyreadstat
import pytest
from openpyxl import load_workbook

import instruments
from analyses.fielding import codebook
from analyses.fielding.errors import FieldingError
from analyses.fielding.questionnaire import form_items
from analyses.wording import words

KKS = instruments.load("coupling")


@pytest.mark.parametrize("language", ["da", "en"])
def test_the_workbook_has_a_row_for_every_item_and_answer(language: str) -> None:
    made = codebook.workbook(codebook.build(KKS, words(language)))
    book = load_workbook(io.BytesIO(made))
    items, answers, background = (list(sheet.iter_rows(values_only=True)) for sheet in book)
    assert [row[0] for row in items[1:]] == list(KKS.all_item_ids)
    by_code = {row[0]: row for row in items}
    assert by_code["I_bro1"][1] == KKS.item("I_bro1").text["da"]
    assert by_code["I_bro1"][2] == KKS.item("I_bro1").text["en"]
    turned = {"da": "vendes", "en": "reversed"}[language]
    assert {row[0] for row in items if turned in row} == {
        item.id for item in KKS.items if item.keying == -1
    }
    assert [row[1] for row in answers[1:]] == ["1", "2", "3", "4", "5", "8", "9"]
    assert {row[0] for row in background[1:]} == {column.name for column in KKS.columns}
    (unit,) = (row for row in background if row[0] == "unit")
    assert unit[1] == "Enhed (udfyldes af den, der gennemfører undersøgelsen)"
    assert unit[2] == "Unit (filled in by whoever runs the survey)"


def test_a_form_has_its_items_in_the_order_asked() -> None:
    book = codebook.build(KKS, words("da"), form="full_2")
    assert [row[0] for row in book.tables[0].rows] == list(form_items(KKS, "full_2"))


def test_the_page_escapes_and_needs_nothing_else() -> None:
    text = codebook.page(codebook.build(KKS, words("en"))).decode("utf-8")
    assert text.startswith("<!doctype html>")
    assert '<html lang="en">' in text
    assert html.escape(KKS.item("att1").text["en"]) in text
    assert "http" not in text
    assert text.count("<table>") == 3


@pytest.mark.parametrize("name", instruments.names())
def test_the_spss_file_has_labels_and_no_cases(name: str, tmp_path) -> None:
    one = instruments.load(name)
    path = tmp_path / "codebook.sav"
    path.write_bytes(codebook.spss(one, "da"))
    frame, meta = pyreadstat.read_sav(path, user_missing=True)
    assert len(frame) == 0
    assert list(frame.columns) == [*(column.name for column in one.columns), *one.all_item_ids]
    for item in one.all_items:
        assert meta.column_names_to_labels[item.id] == item.text["da"]
        response = one.response(item.id)
        expected = {float(code): text for code, text in response.labels.get("da", {}).items()}
        expected |= {float(part.code): part.labels["da"] for part in response.missing}
        assert meta.variable_value_labels.get(item.id, {}) == expected
        declared = {limits["lo"] for limits in meta.missing_ranges.get(item.id, [])}
        assert declared == {part.code for part in response.missing}
        assert meta.variable_measure[item.id] == ("scale" if response.continuous else "ordinal")
    for column in one.columns:
        labels = {value: texts["da"] for value, texts in column.values.items()}
        assert meta.variable_value_labels.get(column.name, {}) == labels


def test_long_labels_are_cut_at_a_whole_letter(tmp_path) -> None:
    item = KKS.items[0]
    long = item.model_copy(update={"text": {"da": "æ" * 200, "en": "x"}})
    bank = KKS.model_copy(update={"items": (long, *KKS.items[1:])})
    path = tmp_path / "codebook.sav"
    path.write_bytes(codebook.spss(bank, "da", form="individual"))
    _, meta = pyreadstat.read_sav(path)
    assert meta.column_names_to_labels[item.id] == "æ" * 128


def test_answers_stand_in_the_file_with_their_kinds_of_missing(tmp_path) -> None:
    items = form_items(KKS, "short")
    answers = pd.DataFrame({item: [1.0, 8.0, None] for item in items}).assign(
        role=["leader", None, "employee"]
    )
    path = tmp_path / "answers.sav"
    path.write_bytes(codebook.spss(KKS, "da", form="short", answers=answers))
    frame, _ = pyreadstat.read_sav(path, user_missing=True)
    assert list(frame.columns) == ["role", *items]
    assert frame["role"].tolist() == ["leader", "", "employee"]
    assert frame[items[0]].tolist()[:2] == [1.0, 8.0]


def test_an_unknown_form_or_language_is_refused() -> None:
    with pytest.raises(FieldingError, match='no form "x"'):
        codebook.build(KKS, words("da"), form="x")
    with pytest.raises(FieldingError, match='no texts in "fr"'):
        codebook.spss(KKS, "fr")
