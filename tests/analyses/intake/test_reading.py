import gzip
import io
import re
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pyreadstat
import pytest

from analyses.errors import SurveyError
from analyses.intake.reading import read_table, recognise
from analyses.section import Message

HEADING = ["respondent", "team", "q1", "q2"]
ROWS = [["007", "Børn", 1, 2.5], ["008", "Ældre", 5, 3.0], ["009", "Børn", 3, 4.5]]
FRAME = pd.DataFrame(ROWS, columns=HEADING)


def keys(notes: tuple[Message, ...]) -> list[str]:
    return [note.key for note in notes]


def delimited_text(delimiter: str, *, comma: bool = False) -> str:
    lines = [HEADING, *([str(value) for value in row] for row in ROWS)]
    if comma:
        lines = [[field.replace(".", ",") for field in line] for line in lines]
    return "\n".join(delimiter.join(line) for line in lines) + "\n"


TEXTS = [
    ("plain.csv", delimited_text(","), "utf-8", "UTF-8", "comma"),
    ("marked.csv", delimited_text(","), "utf-8-sig", "UTF-8", "comma"),
    ("danish.csv", delimited_text(";", comma=True), "cp1252", "Windows-1252", "semicolon"),
    ("tab.tsv", delimited_text("\t"), "utf-8", "UTF-8", "tab"),
    ("tab.txt", delimited_text("\t", comma=True), "utf-16", "UTF-16", "tab"),
    ("unmarked.txt", delimited_text(";"), "utf-16-le", "UTF-16", "semicolon"),
    ("big_end.txt", delimited_text(";"), "utf-16-be", "UTF-16", "semicolon"),
    ("wide.csv", delimited_text("|"), "utf-32", "UTF-32", "bar"),
    ("crlf.csv", delimited_text(";").replace("\n", "\r\n"), "utf-8", "UTF-8", "semicolon"),
    ("old_mac.csv", delimited_text(";").replace("\n", "\r"), "utf-8", "UTF-8", "semicolon"),
    ("semicolons.tsv", delimited_text(";"), "utf-8", "UTF-8", "semicolon"),
]


@pytest.mark.parametrize(
    ("name", "text", "codec", "encoding", "delimiter"), TEXTS, ids=[text[0] for text in TEXTS]
)
def test_text_files_give_the_same_fields(tmp_path, name, text, codec, encoding, delimiter):
    path = tmp_path / name
    path.write_bytes(text.encode(codec))
    table = read_table(path)
    assert list(table.frame.columns) == HEADING
    assert table.frame["respondent"].tolist() == ["007", "008", "009"]
    assert table.frame["team"].tolist() == ["Børn", "Ældre", "Børn"]
    numbers = table.frame["q2"].str.replace(",", ".").astype(float)
    assert numbers.tolist() == [2.5, 3.0, 4.5]
    assert table.frame.index.tolist() == [2, 3, 4]
    assert table.notes == (
        Message(
            "reading.delimited",
            {"encoding": encoding, "delimiter": Message(f"reading.delimiter.{delimiter}")},
        ),
    )


def test_bytes_that_windows_does_not_know_are_latin_1(tmp_path):
    path = tmp_path / "latin.csv"
    path.write_bytes(b"a,b\n\x81\xe6,1\n")
    table = read_table(path)
    assert table.frame["a"].tolist() == ["\x81æ"]
    assert table.notes[0].values["encoding"] == "Latin-1"


def test_quoted_fields_may_hold_delimiters_quotes_and_line_breaks(tmp_path):
    path = tmp_path / "quoted.csv"
    path.write_text('a,b\n"1,5","say ""yes""\nor no"\n2,x\n', encoding="utf-8")
    table = read_table(path)
    assert table.frame["a"].tolist() == ["1,5", "2"]
    assert table.frame["b"].tolist() == ['say "yes"\nor no', "x"]
    assert table.frame.index.tolist() == [2, 3]


def test_a_leading_separator_line_is_obeyed_and_told(tmp_path):
    path = tmp_path / "excel.csv"
    path.write_text("sep=;\na;b\n1,5;2\n", encoding="utf-8")
    table = read_table(path)
    assert table.frame["a"].tolist() == ["1,5"]
    assert keys(table.notes) == ["reading.delimited", "reading.separator_line"]


def test_the_expected_names_decide_between_delimiters(tmp_path):
    path = tmp_path / "ambiguous.csv"
    path.write_text("q1|q2,a,b,c\n1|2,0,0,0\n", encoding="utf-8")
    assert "q2,a,b,c" not in read_table(path).frame.columns
    assert "q1" in read_table(path, expected=["q1", "q2"]).frame.columns


def test_blank_lines_are_left_out_and_rows_keep_their_numbers(tmp_path):
    path = tmp_path / "blank.csv"
    path.write_text("a,b\n1,2\n\n,\n3,4\n , \n", encoding="utf-8")
    table = read_table(path)
    assert table.frame.index.tolist() == [2, 5]
    assert table.place(5, "b") == "row 5"
    assert Message("reading.empty_rows", {"n": 2}) in table.notes


def test_columns_without_a_name_go_with_a_note(tmp_path):
    path = tmp_path / "unnamed.csv"
    path.write_text(",a,b,\n1,5,x,\n2,4,y,\n", encoding="utf-8")
    table = read_table(path)
    assert list(table.frame.columns) == ["a", "b"]
    assert table.notes[1:] == (
        Message("reading.row_numbers", {"position": 1}),
        Message("reading.empty_column", {"position": 4}),
    )


def workbook(path: Path, sheets: dict[str, list[list[object]]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_a_workbook_gives_its_cells_as_stored(tmp_path):
    path = workbook(tmp_path / "a.xlsx", {"Ark1": [HEADING, *ROWS]})
    table = read_table(path)
    assert table.frame["respondent"].tolist() == ["007", "008", "009"]
    assert table.frame["q2"].tolist() == [2.5, 3.0, 4.5]
    assert table.notes == ()
    assert table.place(3, "q1") == "cell C3"


def test_the_sheet_that_holds_the_items_is_read(tmp_path):
    sheets = {"Om": [["Survey 2024"], ["by us"]], "Data": [["Q1", "q2"], [1, 2]]}
    path = workbook(tmp_path / "a.xlsx", sheets)
    assert list(read_table(path, expected=["q1", "q2"]).frame.columns) == ["Q1", "q2"]
    note = Message("reading.sheet", {"sheet": "Data", "sheets": 2})
    assert note in read_table(path, expected=["q1", "q2"]).notes
    assert list(read_table(path).frame.columns) == ["Survey 2024"]


def test_empty_rows_and_columns_of_a_sheet_go_with_a_note(tmp_path):
    rows = [[None, None], ["a", "b"], [1, 2, " "], [None, None], [3, " "], [" ", None]]
    table = read_table(workbook(tmp_path / "a.xlsx", {"S": rows}))
    assert list(table.frame.columns) == ["a", "b"]
    assert table.frame.index.tolist() == [3, 5]
    assert pd.isna(table.frame.loc[5, "b"])
    assert keys(table.notes) == ["reading.empty_rows", "reading.empty_column"]


def with_calculated_value(path: Path, cell: str, value: str) -> None:
    """Store a value for a formula cell, as Excel does and openpyxl does not."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = parts["xl/worksheets/sheet1.xml"].decode()
    sheet = re.sub(rf'(<c r="{cell}"[^>]*><f>.*?</f>)<v ?/>', rf"\1<v>{value}</v>", sheet)
    sheet = re.sub(rf'(<c r="{cell}"[^>]*><f>.*?</f>)<v></v>', rf"\1<v>{value}</v>", sheet)
    parts["xl/worksheets/sheet1.xml"] = sheet.encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def test_formulas_give_their_last_value_and_a_note(tmp_path):
    path = workbook(tmp_path / "a.xlsx", {"S": [["a", "b"], [1, "=A2+1"], [2, "=A3+1"]]})
    with_calculated_value(path, "B2", "2")
    table = read_table(path)
    assert table.frame.loc[2, "b"] == 2
    assert str(table.frame.loc[3, "b"]) == "=A3+1"
    assert table.notes == (Message("reading.formulas", {"n": 2, "cell": "B2"}),)


def test_spss_labels_and_declared_missing_values_come_along(tmp_path):
    path = tmp_path / "a.sav"
    frame = pd.DataFrame({"q1": [1.0, 9.0, -8.0, np.nan], "g": ["a", "x", "", "b"]})
    pyreadstat.write_sav(
        frame,
        path,
        variable_value_labels={"q1": {1: "lav", 9: "Ved ikke"}},
        missing_ranges={"q1": [9, {"lo": -9, "hi": -7}], "g": ["x"]},
    )
    table = read_table(path)
    assert table.frame["q1"].isna().tolist() == [False, True, True, True]
    assert table.frame["g"].isna().tolist() == [False, True, True, False]
    assert table.declared["q1"].dropna().tolist() == [9.0, -8.0]
    assert table.declared["g"].dropna().tolist() == ["x"]
    assert table.value_labels["q1"] == {1.0: "lav", 9.0: "Ved ikke"}
    assert keys(table.notes) == ["reading.sav"]
    assert table.place(2, "q1") == "case 2"


def test_stata_keeps_plain_missing_values_apart_from_lettered_ones(tmp_path):
    path = tmp_path / "a.dta"
    frame = pd.DataFrame({"q1": [1, 2, "a", None, "b"]}, dtype=object)
    pyreadstat.write_dta(
        frame,
        path,
        missing_user_values={"q1": ["a", "b"]},
        variable_value_labels={"q1": {1: "lav", "a": "Ved ikke"}},
    )
    table = read_table(path)
    # Nothing has become 0, as pyreadstat's user_missing=True would have it.
    np.testing.assert_array_equal(table.frame["q1"], [1, 2, np.nan, np.nan, np.nan])
    assert table.declared["q1"].dropna().to_dict() == {3: "a", 5: "b"}
    assert table.value_labels["q1"]["a"] == "Ved ikke"


def test_old_stata_files_are_recognised(tmp_path):
    path = tmp_path / "old.dta"
    FRAME.to_stata(path, write_index=False, version=114)
    table = read_table(path)
    assert table.frame["team"].tolist() == ["Børn", "Ældre", "Børn"]


def test_parquet_keeps_the_columns_of_its_index(tmp_path):
    path = tmp_path / "a.parquet"
    FRAME.set_index("respondent").to_parquet(path)
    table = read_table(path)
    assert set(table.frame.columns) == set(HEADING)
    assert table.frame["respondent"].tolist() == ["007", "008", "009"]


def archive(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as written:
        for name in names:
            written.writestr(name, "x")
    return buffer.getvalue()


def excel(rows: list[list[object]]) -> bytes:
    buffer = io.BytesIO()
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(buffer)
    return buffer.getvalue()


EXCEL = excel([["a", "b"], [1, 2]])
OLD_EXCEL = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 100

CONTENTS = [
    (b"a,b\n1,2\n", "text"),
    (b"\xff\xfea\0,\0b\0", "text"),
    (b"<b>,x\n1,2\n", "text"),
    (EXCEL, "xlsx"),
    (EXCEL[:-200], "xlsx"),
    (OLD_EXCEL, "xls"),
    (archive("xl/workbook.bin"), "xlsb"),
    (archive("mimetype", "content.xml"), "ods"),
    (archive("word/document.xml"), "docx"),
    (archive("survey.csv"), "zip"),
    (archive("survey.csv")[:30], "zip"),
    (b"PAR1....", "parquet"),
    (b"$FL2@(#)", "sav"),
    (b"$FL3@(#)", "sav"),
    (b"<stata_dta><header>", "dta"),
    (b"\x72\x02\x01\x00", "dta"),
    (gzip.compress(b"a,b"), "gzip"),
    (b"%PDF-1.7", "pdf"),
    (b"\xef\xbb\xbf <!DOCTYPE html><html>", "html"),
    (b"<html><table>", "html"),
    (b'<?xml version="1.0"?><html xmlns="x">', "html"),
    (b'<?xml version="1.0"?><Workbook>', "xml"),
    (b'{"a": 1}', "json"),
    (b"\x01\x02\0\0\0\0\x03", "binary"),
]


# Archives hold the time at which they were made, which makes no name of a test.
NAMES = [f"{kind}-{place}" for place, (_, kind) in enumerate(CONTENTS)]


@pytest.mark.parametrize(("content", "kind"), CONTENTS, ids=NAMES)
def test_a_file_is_recognised_by_its_content(content, kind):
    assert recognise(content) == kind


def sav_bytes(tmp_path: Path) -> bytes:
    pyreadstat.write_sav(FRAME, tmp_path / "whole.sav")
    return (tmp_path / "whole.sav").read_bytes()


HOSTILE = [
    ("empty.csv", b"", r'"empty\.csv" is empty'),
    ("blank.csv", b"\xef\xbb\xbf \r\n\n", r'"blank\.csv" is empty'),
    ("mark.txt", b"\xff\xfe\n\0", r'"mark\.txt" is empty'),
    ("only_sep.csv", b"sep=;\n", r'"only_sep\.csv" is empty'),
    ("delimiters.csv", b";;;\n;;;\n", "names of columns but no answers"),
    ("header.csv", b"a,b\n", "names of columns but no answers"),
    ("header_only.csv", b"a,b\n,\n", "names of columns but no answers"),
    ("header.xlsx", excel([["a", "b"]]), "names of columns but no answers"),
    ("nothing.xlsx", excel([]), "names of columns but no answers"),
    ("twice.csv", b"a,b, a\n1,2,3\n", r'has the column "a" twice \(columns 1, 3\)'),
    ("twice.xlsx", excel([["a", "a"], [1, 2]]), r'has the column "a" twice'),
    ("many.csv", b"a,a,b,b\n1,2,3,4\n", r"So are 1 more"),
    ("short.csv", b"a,b,c\n1,2,3\n1,2\n", r"row 3 has 2 fields, but the heading has 3 fields"),
    ("long.csv", b"a,b\n1,2\n\n1,2,3\n4,5\n1\n", r"row 4 has 3 fields.*\n.*1 more row is like it"),
    ("lines.csv", b'a,b\n"1\n2",3\n4\n', r"row 3 \(line 4 of the file\) has 1 field, but"),
    ("numbers.csv", b"a,b\n1,5,5\n2,4,4\n", "give the first column a name too"),
    ("title.csv", b"Survey\na,b\n1,2\n", "first line must hold the names"),
    ("unnamed.csv", b"a,,c\n1,x,3\n", r'column 2 has no name, but holds "x" in row 2'),
    ("unnamed.xlsx", excel([["a"], [1, 7]]), r'column 2 has no name, but holds "7" in row 2'),
    ("quote.csv", b'a,b\n1,2\n"1,2\n3,4\n', r"quotation marks do not match.*begins on line 3"),
    ("stray.csv", b'a,b\n"1"x,2\n', r"quotation marks do not match.*line 2"),
    ("cut.txt", b"\xff\xfea\0;\0b", r"says that it is UTF-16 text"),
    ("excel.csv", EXCEL, r"is an Excel workbook\.\n    Rename it to excel\.xlsx"),
    ("text.xlsx", b"a,b\n1,2\n", r"it is plain text\.\n    Rename it to text\.csv"),
    ("text.sav", b"a,b\n1,2\n", "it is plain text"),
    ("page.xls", b"<html><table>", r"is a web page \(HTML\), which cannot.*\n.*save it as \.xlsx"),
    ("page.xlsx", b"<html><table>", r"not what its ending says: it is a web page \(HTML\)"),
    ("old.xls", OLD_EXCEL, r"old Excel workbook.*password.*\n.*save it as \.xlsx"),
    ("locked.xlsx", OLD_EXCEL, r"not what its ending says: it is an old Excel.*password"),
    ("packed.csv", gzip.compress(b"a,b\n1,2\n"), r"compressed file \(gzip\)"),
    ("paper.pdf", b"%PDF-1.7", r"a PDF document, which cannot.*\n.*one of \.csv"),
    ("survey.dat", b"a,b\n1,2\n", r"its ending does not say so\.\n    Rename it to survey\.csv"),
    ("survey", b"a,b\n1,2\n", r"plain text, but its ending does not say so"),
    ("zeros.csv", b"a,b\n1,2\n\0\0\0\x01", "neither text nor any table format"),
    ("cut.xlsx", EXCEL[: len(EXCEL) // 2], "Excel workbook, but it is damaged"),
    ("fake.xlsx", archive("xl/workbook.xml"), "Excel workbook, but it is damaged"),
    ("cut.parquet", b"PAR1abcdefgh", "Parquet file, but it is damaged"),
    ("cut.sav", b"$FL2@(#) SPSS", r"file of SPSS, but it is damaged.*\n.*Open it in SPSS"),
    ("cut.dta", b"<stata_dta><header>", "file of Stata, but it is damaged"),
]


@pytest.mark.parametrize(
    ("name", "content", "problem"), HOSTILE, ids=[hostile[0] for hostile in HOSTILE]
)
def test_hostile_files_are_refused_in_plain_words(tmp_path, name, content, problem):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SurveyError, match=problem) as caught:
        read_table(path)
    assert name in str(caught.value)
    assert "\n    " in str(caught.value), "the message says what to do"


def test_a_sav_file_without_rows_is_refused(tmp_path):
    pyreadstat.write_sav(FRAME.iloc[:0], tmp_path / "none.sav")
    with pytest.raises(SurveyError, match="names of columns but no answers"):
        read_table(tmp_path / "none.sav")


def test_a_sav_file_that_ends_early_is_refused(tmp_path):
    path = tmp_path / "half.sav"
    path.write_bytes(sav_bytes(tmp_path)[:300])
    with pytest.raises(SurveyError, match="file of SPSS, but it is damaged"):
        read_table(path)


@pytest.mark.parametrize(
    ("heading", "shown"),
    [("q1:q2:q3", '":"'), ("q1 q2 q3", "blanks"), ("Q1^q2^q3", r'"\^"'), ("id##q1##q2", '"##"')],
)
def test_another_delimiter_is_named(tmp_path, heading, shown):
    path = tmp_path / "other.csv"
    path.write_text(f"{heading}\n1:2,5:3\n", encoding="utf-8")
    with pytest.raises(SurveyError, match=rf"only one column.*items joined by {shown}"):
        read_table(path, expected=["q1", "q2", "q3", "q10"])


def test_whole_lines_in_quotation_marks_are_named(tmp_path):
    path = tmp_path / "quoted.csv"
    path.write_text('"q1,q2"\n"1,2"\n', encoding="utf-8")
    with pytest.raises(SurveyError, match="each whole line is enclosed in quotation marks"):
        read_table(path, expected=["q1", "q2"])


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(SurveyError, match=r'there is no file "none\.csv" in'):
        read_table(tmp_path / "none.csv")
    with pytest.raises(SurveyError, match="its folder does not exist"):
        read_table(tmp_path / "nowhere" / "none.csv")
    with pytest.raises(SurveyError, match="is a folder"):
        read_table(tmp_path)


def test_a_large_file_keeps_every_row(tmp_path):
    path = tmp_path / "large.csv"
    codes = np.random.default_rng(1).integers(1, 6, size=(100_000, 24))
    frame = pd.DataFrame(codes, columns=[f"q{i}" for i in range(24)])
    frame.to_csv(path, index=False)
    read = read_table(path).frame
    assert read.shape == (100_000, 24)
    assert (read.to_numpy().astype(int) == codes).all()
