import json
from dataclasses import replace

import numpy as np
import pytest

from analyses.errors import SurveyError
from analyses.export import results
from analyses.section import Message, Quantity
from tests.analyses.reports import COUNT, MARKED, REPORT


@pytest.mark.parametrize("report", [REPORT, MARKED], ids=["plain", "marked"])
def test_a_report_comes_back_as_it_was(report, tmp_path):
    path = tmp_path / results.FILE_NAME
    results.write(report, path)
    read = results.read(path)
    assert read == report
    assert results.dumps(read) == path.read_text(encoding="utf-8")


def test_the_rows_of_a_table_have_a_line_each():
    lines = [line.strip().rstrip(",") for line in results.dumps(REPORT).splitlines()]
    rows = REPORT.section("levels").table("means").rows
    assert json.dumps(results._plain(rows[0]), ensure_ascii=False) in lines


def test_whole_numbers_stay_whole(tmp_path):
    path = tmp_path / results.FILE_NAME
    results.write(REPORT, path)
    rows = results.read(path).section("levels").table("means").rows
    assert [type(cell) for cell in rows[0]] == [str, int, float, float, float, float]


def test_every_kind_of_value_of_a_message_comes_back(tmp_path):
    quantity = Quantity("statistic.cfi", 0.9, COUNT, lower=0.8, upper=1.0, level=0.95)
    note = Message("a", {"@": quantity, "type": ("x", 1, 2.0, None, Message("b"))})
    report = replace(REPORT, notes=(note,))
    results.write(report, tmp_path / "r.json")
    assert results.read(tmp_path / "r.json") == report


def test_numbers_of_numpy_are_written_as_what_they_equal(tmp_path):
    report = replace(REPORT, n_obs=np.int64(12))
    results.write(report, tmp_path / "r.json")
    assert results.read(tmp_path / "r.json").n_obs == 12


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_could_not_be_computed_is_none_and_never_nan(number):
    with pytest.raises(ValueError, match="cannot be published"):
        results.dumps(replace(REPORT, notes=(Message("a", {"x": number}),)))


def test_other_objects_are_refused():
    with pytest.raises(TypeError, match="a set cannot be part"):
        results.dumps(replace(REPORT, notes=({1, 2},)))  # type: ignore[arg-type]


def _without_report(content):
    return content | {"report": None}


def _with_a_gap(content):
    del content["report"]["survey"]
    return content


def _of_another_version(content):
    return content | {"format_version": 99}


def _of_another_format(content):
    return content | {"format": "else"}


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (_without_report, "holds no report"),
        (_with_a_gap, "damaged"),
        (_of_another_version, "format version 99"),
        (_of_another_format, "does not hold results"),
        (lambda content: [content], "does not hold results"),
    ],
)
def test_a_file_that_is_no_result_is_refused(spoil, problem, tmp_path):
    path = tmp_path / "r.json"
    path.write_text(json.dumps(spoil(json.loads(results.dumps(REPORT)))), encoding="utf-8")
    with pytest.raises(SurveyError, match=problem):
        results.read(path)


def test_a_missing_or_unreadable_file_is_refused(tmp_path):
    with pytest.raises(SurveyError, match="cannot be read"):
        results.read(tmp_path / "none.json")
    (tmp_path / "r.json").write_bytes(b"\xff{")
    with pytest.raises(SurveyError, match="not a JSON file"):
        results.read(tmp_path / "r.json")
    assert not results.is_ours(tmp_path / "r.json")
    assert not results.is_ours(tmp_path / "none.json")
