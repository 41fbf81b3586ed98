import csv
import io
import zipfile
from dataclasses import replace

import openpyxl
import pytest

from analyses import figures, output
from analyses.showing import downloads
from analyses.wording import words
from tests.analyses.reports import FIGURES, MEANS, REPORT

DA = words("da")
LEVELS = REPORT.section("levels")


def _named(files, name: str) -> bytes:
    return next(one for one in files if one.name == name).make()


def test_a_table_is_taken_away_as_it_is_written():
    given = _named(downloads.of_table(REPORT, LEVELS, MEANS, DA), "means.csv").decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(given), delimiter=";"))
    assert rows[0][:3] == ["Kompagni", "Antal", "Gennemsnit"]
    assert rows[1][:3] == ["A", "1.200", "3,10"]
    assert rows[3] == ["'=1+1", "skjult", "skjult", "skjult", "skjult", "–"]


def test_a_negative_number_is_no_formula_and_a_text_that_begins_so_is_kept_from_being_one():
    cells = (("-1+1", 5, -0.42, 0.0, 1.0, None), ("@sum", 5, 1.0, 0.0, 1.0, None))
    table = replace(MEANS, rows=cells)
    given = _named(downloads.of_table(REPORT, LEVELS, table, DA), "means.csv").decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(given), delimiter=";"))
    assert [row[0] for row in rows[1:]] == ["'-1+1", "'@sum"]
    assert rows[1][2] == "−0,42"


def test_a_workbook_holds_the_one_table():
    given = _named(downloads.of_table(REPORT, LEVELS, MEANS, DA), "means.xlsx")
    book = openpyxl.load_workbook(io.BytesIO(given))
    assert len(book.sheetnames) == 2
    assert not any(
        cell.data_type == "f" for sheet in book for row in sheet.iter_rows() for cell in row
    )


def test_a_figure_is_taken_away_as_drawing_and_picture():
    files = downloads.of_figure(FIGURES[2], figures.svg(FIGURES[2], MEANS, DA))
    assert _named(files, "means.svg").startswith(b"<svg")
    assert _named(files, "means.png").startswith(b"\x89PNG")


def test_the_files_of_a_run_are_made_once(monkeypatch):
    calls = []
    write = output.write

    def counted(*given, **named):
        calls.append(named)
        write(*given, **named)

    monkeypatch.setattr(output, "write", counted)
    files = downloads.ReportFiles(REPORT, DA).downloads
    assert calls == []
    assert _named(files, "summary.pdf").startswith(b"%PDF")
    with zipfile.ZipFile(io.BytesIO(_named(files, "figures.zip"))) as archive:
        assert "means.svg" in archive.namelist()
    assert all(one.make() for one in files)
    assert len(calls) == 1


@pytest.mark.parametrize("name", list(downloads.files()))
def test_every_file_has_a_media_type(name):
    assert downloads.Download(name, lambda: b"").kind != "application/octet-stream"
