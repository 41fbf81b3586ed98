import io
import zipfile

import pandas as pd
import pyreadstat
import pytest

import instruments
from analyses.errors import SurveyError
from analyses.intake import guarding

SHEET = "xl/worksheets/sheet1.xml"


def _workbook(path, **parts: bytes):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", b"<Types/>")
        archive.writestr("xl/workbook.xml", b"<workbook/>")
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def _sheet(*cells: str) -> bytes:
    inside = "".join(f'<row r="1"><c r="{cell}"><v>1</v></c></row>' for cell in cells)
    return f"<worksheet><sheetData>{inside}</sheetData></worksheet>".encode()


@pytest.mark.parametrize("name", ["coupling", "mental_ability", "leadership_climate"])
def test_bundled_answers_pass(name, tmp_path):
    path = instruments.load(name).demonstration_path()
    guarding.check(path)
    frame = pd.read_csv(path).head(300)
    for ending, write in (
        ("xlsx", lambda to: frame.to_excel(to, index=False)),
        ("sav", lambda to: pyreadstat.write_sav(frame, to)),
        ("parquet", lambda to: frame.to_parquet(to)),
    ):
        write(str(tmp_path / f"a.{ending}"))
        guarding.check(tmp_path / f"a.{ending}")


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(guarding, "MOST_UNFOLDED", 2**20)
    path = _workbook(tmp_path / "bomb.xlsx", **{SHEET: b" " * 2**21})
    assert path.stat().st_size < 10_000
    with pytest.raises(SurveyError, match=r"bomb\.xlsx.* 2 MB unpacked; at most 1 MB"):
        guarding.check(path)


def test_macros_are_refused_whatever_the_file_is_called(tmp_path):
    path = _workbook(tmp_path / "a.xlsx", **{"xl/vbaProject.bin": b"x", SHEET: _sheet("A1")})
    with pytest.raises(SurveyError, match="macros"):
        guarding.check(path)


def test_entities_are_refused(tmp_path):
    laughs = b'<!DOCTYPE lolz [<!ENTITY lol "lol">]><worksheet/>'
    with pytest.raises(SurveyError, match="document type or entities"):
        guarding.check(_workbook(tmp_path / "a.xlsx", **{SHEET: laughs}))


@pytest.mark.parametrize(
    ("cells", "has"),
    [(("A1048576",), "1048576 rows"), (("XFD1",), "16384 columns"), (("BZZ99999",), "rows of")],
)
def test_a_sheet_that_reaches_too_far_is_refused(cells, has, tmp_path):
    with pytest.raises(SurveyError, match=has):
        guarding.check(_workbook(tmp_path / "a.xlsx", **{SHEET: _sheet(*cells)}))


def test_a_cell_on_the_edge_of_two_chunks_is_seen(tmp_path):
    filler = b" " * (guarding.CHUNK - 20)
    content = b"<worksheet>" + filler + b'<c r="XFD1"/></worksheet>'
    with pytest.raises(SurveyError, match="16384 columns"):
        guarding.check(_workbook(tmp_path / "a.xlsx", **{SHEET: content}))


def test_a_damaged_archive_is_refused_in_a_sentence(tmp_path):
    path = tmp_path / "a.xlsx"
    path.write_bytes(b"PK\x03\x04 and nothing more")
    with pytest.raises(SurveyError, match="damaged, protected or not complete"):
        guarding.check(path)


def test_large_tables_are_refused_by_what_they_say_of_themselves(tmp_path, monkeypatch):
    frame = pd.DataFrame({f"v{i}": [1.0] * 40 for i in range(30)})
    monkeypatch.setattr(guarding, "MOST_CELLS", 1000)
    pyreadstat.write_sav(frame, str(tmp_path / "a.sav"))
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_csv(tmp_path / "a.csv")
    for name in ("a.sav", "a.parquet", "a.csv"):
        with pytest.raises(SurveyError, match="at most 1000 cells"):
            guarding.check(tmp_path / name)


def test_a_large_file_is_refused_by_its_size(tmp_path, monkeypatch):
    monkeypatch.setattr(guarding, "MOST_BYTES", 2**20)
    (tmp_path / "a.csv").write_bytes(b"1" * (2**20 + 1))
    with pytest.raises(SurveyError, match="at most 1 MB"):
        guarding.check(tmp_path / "a.csv")


def test_rows_of_text_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(guarding, "MOST_ROWS", 10)
    (tmp_path / "a.csv").write_text("a\n" + "1\n" * 20)
    with pytest.raises(SurveyError, match="21 rows"):
        guarding.check(tmp_path / "a.csv")


def test_a_plain_zip_within_the_limits_is_left_to_the_reader(tmp_path):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("a.txt", "x")
    (tmp_path / "a.xlsx").write_bytes(content.getvalue())
    assert guarding.check(tmp_path / "a.xlsx") is None
