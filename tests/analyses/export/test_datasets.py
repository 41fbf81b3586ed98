import csv
from dataclasses import replace

import pandas as pd
import pyreadstat
import pytest

from analyses import labels
from analyses.export import datasets
from analyses.section import Column, Hidden, Message
from analyses.wording import words
from tests.analyses.reports import MARKED, MEANS, REPORT, plain

DANISH = words("da")


def _rows(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


@pytest.fixture
def folder(tmp_path):
    datasets.write(MARKED, tmp_path / "tables", DANISH)
    return tmp_path / "tables"


def test_there_are_two_files_a_table_and_a_list(folder):
    tables = [table for section in MARKED.sections for table in section.tables]
    expected = {f"{table.id}.{end}" for table in tables for end in ("csv", "sav")}
    assert {path.name for path in folder.iterdir()} == {*expected, datasets.LIST_NAME}
    heading, *listed = _rows(folder / datasets.LIST_NAME)
    assert heading[:3] == ["file", "table", "provenance"]
    assert [row[:3] for row in listed] == [
        [table.id, DANISH.say(table.title), labels.provenance(table.provenance, DANISH)]
        for table in tables
    ]


def test_texts_that_a_spreadsheet_could_run_are_escaped_and_negative_numbers_stay_numbers(tmp_path):
    starts = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"]
    table = replace(MEANS, rows=tuple((text, 10, -1.5, -0.01, 1.0, 0.5) for text in starts))
    datasets.write_csv(table, tmp_path / "a.csv", DANISH)
    _, *rows = _rows(tmp_path / "a.csv")
    assert [row[0] for row in rows] == [f"'{text}" for text in starts]
    assert {tuple(row[2:4]) for row in rows} == {("-1.5", "-0.01")}
    datasets.write_sav(table, tmp_path / "a.sav", DANISH)
    frame, _ = pyreadstat.read_sav(tmp_path / "a.sav")
    assert set(frame["mean"]) == {-1.5}
    assert all(text.startswith("'") for text in frame["group"])


def test_what_is_hidden_is_declared_missing_and_labelled(tmp_path):
    assert isinstance(MEANS.rows[2][1], Hidden)
    datasets.write_sav(MEANS, tmp_path / "a.sav", DANISH)
    frame, _ = pyreadstat.read_sav(tmp_path / "a.sav")
    assert frame["mean"].isna().tolist() == [False, False, True, False]
    assert frame["lower"].isna().tolist() == [False, False, True, True]
    kept, meta = pyreadstat.read_sav(tmp_path / "a.sav", user_missing=True)
    assert kept["mean"][2] == datasets.HIDDEN
    # What could not be computed is missing and not hidden.
    assert kept["p"].isna().tolist() == [False, False, True, True]
    assert meta.variable_value_labels["mean"] == {datasets.HIDDEN: "skjult"}
    assert "p" not in meta.variable_value_labels


def test_labels_title_origin_and_notes_are_in_the_file(tmp_path):
    notes = (plain("å" * 100 + " " + "en lang note " * 20, ""), *MEANS.notes)
    table = replace(MEANS, title=plain("Æ" * 100, ""), notes=notes)
    datasets.write_sav(table, tmp_path / "a.sav", DANISH, "SIMULEREDE DATA")
    _, meta = pyreadstat.read_sav(tmp_path / "a.sav")
    assert meta.column_labels == labels.heading(table, DANISH)
    assert meta.file_label == "Æ" * 32
    told = " ".join(line.strip() for line in meta.notes)
    assert told.startswith("SIMULEREDE DATA")
    assert labels.provenance(table.provenance, DANISH) in told
    assert "Små grupper er skjult." in told
    assert told.count("en lang note") == 20


def test_marked_results_are_marked_in_every_row(folder):
    marks = " · ".join(labels.marks(MARKED, DANISH))
    heading, *rows = _rows(folder / "means.csv")
    assert heading[-1] == datasets.MARK
    assert {row[-1] for row in rows} == {marks}


def test_what_may_not_be_compared_lies_apart_with_the_reason(tmp_path):
    reason = Message("licence.index")
    section = replace(
        REPORT.section("levels"), tables=(replace(MEANS, withheld=reason),), figures=()
    )
    datasets.write(replace(REPORT, sections=(section,)), tmp_path / "t", DANISH)
    assert not (tmp_path / "t" / "means.csv").exists()
    assert (tmp_path / "t" / datasets.UNLICENSED / "means.csv").exists()
    told = labels.unlicensed(reason, DANISH)
    _, row = _rows(tmp_path / "t" / datasets.LIST_NAME)
    assert row[0] == f"{datasets.UNLICENSED}/means"
    assert row[4] == told
    _, meta = pyreadstat.read_sav(tmp_path / "t" / datasets.UNLICENSED / "means.sav")
    assert told in " ".join(line.strip() for line in meta.notes)


def test_names_are_such_as_spss_allows(tmp_path):
    names = ["ci.lower", "CI.lower", "by", "2.kvartal", "x" * 80, "x" * 80 + "y", "æ", "to "]
    table = replace(
        MEANS,
        columns=tuple(Column(name, plain("a", "a")) for name in names),
        rows=((1.0,) * len(names),),
        respondents=None,
    )
    datasets.write_sav(table, tmp_path / "a.sav", DANISH)
    frame, _ = pyreadstat.read_sav(tmp_path / "a.sav")
    assert len(frame.columns) == len(names)
    assert list(frame.columns[:4]) == ["ci.lower", "CI.lower_2", "v_by", "v_2.kvartal"]
    assert all(len(name) <= 64 for name in frame.columns)


def test_a_table_without_rows_is_written(tmp_path):
    datasets.write_csv(replace(MEANS, rows=()), tmp_path / "a.csv", DANISH)
    assert len(_rows(tmp_path / "a.csv")) == 1
    datasets.write_sav(replace(MEANS, rows=()), tmp_path / "a.sav", DANISH)
    assert isinstance(pyreadstat.read_sav(tmp_path / "a.sav")[0], pd.DataFrame)
