"""What a run rested on, and whether it comes out the same again."""

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import instruments
from analyses.cli import REFUSED, main
from analyses.commands.rerunning import MOVED
from analyses.errors import SurveyError
from analyses.export import results
from analyses.intake.inputs import Inputs
from analyses.rerunning import record as records
from analyses.rerunning.published import Place, differences, published
from analyses.rerunning.replay import changed_versions, read
from analyses.section import Hidden, Message, Report, Verdict
from instruments import locking
from tests.analyses.reports import REPORT

HS39 = instruments.load("mental_ability")


def _invoke(*words_: object):
    return CliRunner().invoke(main, [str(word) for word in words_])


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """Give a run of the smallest demonstration, from a file and with an option of its own."""
    home = tmp_path_factory.mktemp("home")
    survey = home / "svar.csv"
    shutil.copy(HS39.demonstration_path(), survey)
    options = ("--instrument", "mental_ability", "--flagged", "keep", "--seed", "7")
    done = _invoke("validate", survey, *options, "--out", home / "report")
    assert done.exit_code == 0, done.output
    return home / "report"


def test_the_record_has_options_versions_and_hashes_and_nothing_of_the_machine(run):
    text = (run / records.FILE_NAME).read_text(encoding="utf-8")
    content = json.loads(text)
    found = records.read(run / records.FILE_NAME)
    assert found.options == records.Options(seed=7, flagged="keep")
    bundled = records.of_file(HS39.demonstration_path())
    assert found.files == {"survey": replace(bundled, name="svar.csv")}
    assert found.instrument == records.of_instrument(HS39)
    assert found.instrument.file == ""
    assert {"kobling", "python", "numpy", "scipy", "pandas"} <= set(found.versions)
    assert content["format"] == records.FORMAT
    assert str(run.parent) not in text
    assert str(Path.home()) not in text
    # Nothing in it is as long as the answers would be.
    assert len(text) < 5000


def test_the_same_files_give_the_same_numbers(run):
    done = _invoke("replay", run, "--language", "en")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("The same: all")


def test_what_moved_is_shown_and_by_how_much(run, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    shutil.copytree(run, folder)
    report = results.read(folder / results.FILE_NAME)
    # What the same files give is the same, as the test above shows.
    monkeypatch.setattr("analyses.report.validate", lambda *_, **__: report)
    reliability = report.section("reliability")
    first, *others = reliability.findings
    omega, *rest = first.evidence
    lower = replace(omega, value=round(omega.value - 0.013, 3))
    changed = replace(reliability, findings=(replace(first, evidence=(lower, *rest)), *others))
    sections = tuple(changed if one is reliability else one for one in report.sections)
    results.write(replace(report, sections=sections), folder / results.FILE_NAME)
    survey = run.parent / "svar.csv"
    done = _invoke("replay", folder, "--survey", survey, "--language", "da")
    assert done.exit_code == MOVED, done.output
    flat = " ".join(done.stdout.split())
    assert flat.startswith("1 af ")
    for part in ("reliability", f"{lower.value:.3f}".replace(".", ","), "+0,013"):
        assert part in flat


def test_a_missing_and_a_changed_survey_are_refused(run, tmp_path, monkeypatch):
    folder = tmp_path / "elsewhere" / "run"
    shutil.copytree(run, folder)
    monkeypatch.chdir(tmp_path)
    done = _invoke("replay", folder)
    assert done.exit_code == REFUSED
    assert '"svar.csv" (survey) is not found. Say where it lies with --survey.' in done.stderr
    (tmp_path / "svar.csv").write_text("school,x1\n1,2\n")
    done = _invoke("replay", folder)
    assert done.exit_code == REFUSED
    assert "is not the file that was read then" in done.stderr


def test_another_instrument_is_refused_by_what_has_changed(run, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(run, folder)
    path = folder / records.FILE_NAME
    found = records.read(path)
    old = replace(found.instrument, rules_sha256="0" * 64)
    old = replace(old, parts={**old.parts, "rules": "0" * 64})
    records.write(replace(found, instrument=old), path)
    done = _invoke("replay", folder, "--survey", run.parent / "svar.csv")
    assert done.exit_code == REFUSED
    assert "is not what it was (version 1.0 then, 1.0 now; changed: rules)" in done.stderr


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (None, 'there is no "run.json"'),
        ("{", "is not a JSON file"),
        ('{"format": "other"}', "does not hold the record of a run"),
        ('{"format": "kobling-run", "format_version": 9}', "has format version 9"),
        ('{"format": "kobling-run", "format_version": 1}', "is damaged"),
    ],
)
def test_what_is_no_record_is_refused(text, wrong, tmp_path):
    if text is not None:
        (tmp_path / records.FILE_NAME).write_text(text)
    with pytest.raises(SurveyError, match=wrong):
        read(tmp_path)


def test_side_files_and_a_lock_beside_the_instrument_are_recorded(tmp_path):
    moved = HS39.model_copy(update={"origin": tmp_path / "own.toml"})
    lock = tmp_path / "mental_ability.lock.json"
    locking.write(locking.lock(HS39, datetime.now(UTC)), lock)
    margins = tmp_path / "margins.csv"
    margins.write_text("column,value,share\n")
    inputs = Inputs(HS39.demonstration_path(), {"group": "school"}, population=margins)
    found = records.make(moved, inputs, records.Options(seed=1), "da")
    assert set(found.files) == {"survey", "population", "lock"}
    assert found.files["lock"] == records.of_file(lock)
    assert found.columns == {"group": "school"}
    assert found.instrument.file == "own.toml"
    records.write(found, tmp_path / records.FILE_NAME)
    assert records.read(tmp_path / records.FILE_NAME) == found


def test_what_was_published_before_bears_on_a_run_and_on_its_replay(run, tmp_path, monkeypatch):
    report = results.read(run / results.FILE_NAME)
    given = []

    def validate(_instrument, _survey, *, beside, **_options):
        given.append(beside.earlier)
        return replace(report, created="2026-01-31T12:00:00+00:00")

    monkeypatch.setattr("analyses.report.validate", validate)
    home = tmp_path / "home"
    before, after = home / "before", home / "after"
    shutil.copytree(run, before)
    survey = home / "svar.csv"
    shutil.copy(HS39.demonstration_path(), survey)
    options = ("--instrument", "mental_ability", "--earlier", before, "--out", after)
    assert _invoke("validate", survey, *options).exit_code == 0
    found = records.read(after / records.FILE_NAME)
    assert found.files["earlier.1"] == records.of_file(before / results.FILE_NAME)
    assert _invoke("replay", after, "--survey", survey).exit_code == 0
    before.rename(tmp_path / "moved")
    missing = _invoke("replay", after, "--survey", survey)
    assert missing.exit_code == REFUSED
    assert "with --earlier" in missing.stderr
    elsewhere = ("--earlier", tmp_path / "moved" / results.FILE_NAME)
    assert _invoke("replay", after, "--survey", survey, *elsewhere).exit_code == 0
    assert given == [(report,)] * 3


def test_reports_that_cannot_bear_on_a_run_are_refused(run, tmp_path):
    survey, report = run.parent / "svar.csv", results.read(run / results.FILE_NAME)
    changes = {
        'is of the instrument "coupling"': {"instrument": "coupling"},
        "is confidential": {"confidential": True},
        "is of another wave (2023) than this run (none named)": {"wave": "2023"},
    }
    for wrong, fields in changes.items():
        results.write(replace(report, **fields), tmp_path / "before.json")
        options = ("--instrument", "mental_ability", "--earlier", tmp_path / "before.json")
        refused = _invoke("validate", survey, *options, "--out", tmp_path / "report")
        assert refused.exit_code == REFUSED
        assert wrong in refused.stderr


@pytest.mark.slow
def test_groups_that_one_person_has_joined_since_are_not_told_of_again(run, tmp_path):
    survey = pd.read_csv(run.parent / "svar.csv")
    new = survey.iloc[[0]].assign(**{survey.columns[0]: survey.iloc[:, 0].max() + 1})
    late = pd.concat([survey, new], ignore_index=True)
    late.to_csv(tmp_path / "late.csv", index=False)
    options = ("--instrument", "mental_ability", "--flagged", "keep", "--earlier", run)
    done = _invoke("validate", tmp_path / "late.csv", *options, "--out", tmp_path / "after")
    assert done.exit_code == 0, done.output
    after = results.read(tmp_path / "after" / results.FILE_NAME)
    (log,) = (one for one in after.section("screening").tables if one.id == "hidden_numbers")
    counts = {rule.key: n for rule, n in log.rows}
    assert counts["disclosure.log.earlier"] > 0


def _changed(report: Report, **fields: object) -> Report:
    """Give the small report with its first finding on reliability changed."""
    section = report.section("reliability")
    findings = (replace(section.findings[0], **fields), *section.findings[1:])
    sections = tuple(
        replace(one, findings=findings) if one is section else one for one in report.sections
    )
    return replace(report, sections=sections)


def test_a_report_does_not_differ_from_itself_made_later():
    later = replace(REPORT, created="2030-01-01T00:00:00+00:00", software="kobling 9")
    assert differences(REPORT, later) == ()


@pytest.mark.parametrize("verdict", ["poor", "undecided"])
def test_a_verdict_that_changes_has_moved(verdict: Verdict):
    (moved,) = differences(REPORT, _changed(REPORT, verdict=verdict))
    assert moved.place == Place("reliability", "omega_lead", 0, "verdict")
    assert moved.before.value == Message("verdict.good")
    assert moved.after.value == Message(f"verdict.{verdict}")


def test_a_number_of_a_sentence_and_a_row_less_have_moved():
    said = Message("cli.replay.more", {"n": 3})
    first = _changed(REPORT, claim=said)
    (moved,) = differences(first, _changed(REPORT, claim=replace(said, values={"n": 4})))
    assert (moved.before.value, moved.after.value) == (3, 4)
    levels = REPORT.section("levels")
    table = levels.tables[0]
    shorter = replace(levels, tables=(replace(table, rows=table.rows[:-1]),))
    sections = tuple(shorter if one is levels else one for one in REPORT.sections)
    moved_cells = differences(REPORT, replace(REPORT, sections=sections))
    assert {moved.place.row for moved in moved_cells} == {4}
    assert all(moved.after is None for moved in moved_cells)


def test_a_hidden_number_is_not_the_same_as_none():
    place = Place("levels", "means", 3, "mean")
    assert published(REPORT)[place].value == Hidden()
    assert published(REPORT)[Place("levels", "means", 3, "p")].value is None


def test_versions_that_differ_are_named():
    found = changed_versions({"numpy": "1", "scipy": "2"}, {"numpy": "1", "scipy": "3", "new": "1"})
    assert found == {"scipy": ("2", "3"), "new": ("", "1")}
