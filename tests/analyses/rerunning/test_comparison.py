"""Two runs side by side."""

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from analyses import output
from analyses.cli import REFUSED, main
from analyses.errors import SurveyError
from analyses.export import comparison as page
from analyses.export import one_section, results
from analyses.rerunning import record as records
from analyses.rerunning.comparison import compare
from analyses.rerunning.replay import Run
from analyses.section import Message, Report, Section
from analyses.wording import words
from tests.analyses.demonstrations import instrument
from tests.analyses.reports import REPORT, plain

RECORD = records.Record(
    instrument=records.of_instrument(instrument("leadership_climate")),
    files={},
    columns={},
    options=records.Options(seed=1),
    language="da",
)


def _run(report: Report = REPORT, record: records.Record = RECORD) -> Run:
    return Run(Path("run"), record, report)


def _with_omega(shift: float, verdict: str = "good") -> Report:
    """Give the small report with the omega of leadership moved, and another verdict on it."""
    section = REPORT.section("reliability")
    first, *others = section.findings
    omega = first.evidence[0]
    parts = {name: getattr(omega, name) + shift for name in ("value", "lower", "upper")}
    first = replace(first, verdict=verdict, evidence=(replace(omega, **parts),))
    changed = replace(section, findings=(first, *others))
    sections = tuple(changed if one is section else one for one in REPORT.sections)
    return replace(REPORT, sections=sections)


def _section(first: Run, second: Run) -> Section:
    return compare(first, second).section("runs")


def test_a_run_does_not_differ_from_itself():
    section = _section(_run(), _run())
    assert section.answer.values["changed"] == 0
    assert section.answer.values["beyond"] == 0
    # Both omegas, and the RMSEA with its interval of 90 %.
    assert section.answer.values["numbers"] == 3
    assert "runs_verdicts" not in {table.id for table in section.tables}


def test_a_verdict_and_a_number_beyond_its_interval_are_named():
    section = _section(_run(), _run(_with_omega(-0.1, "acceptable")))
    assert section.answer.values["changed"] == 1
    (row,) = section.table("runs_verdicts").rows
    assert row[2:] == (
        Message("verdict.good"),
        Message("verdict.acceptable"),
        Message("runs.lower"),
    )
    beyond = [
        row for row in section.table("runs_numbers").rows if row[-1] == Message("runs.beyond")
    ]
    assert len(beyond) == 1
    written = words("da").write(beyond[0][-2])
    # Two intervals of half a width of .01 give one of .0141.
    assert written == "−0,10 [−0,11; −0,09]"


def test_a_number_within_its_interval_is_not_beyond():
    section = _section(_run(), _run(_with_omega(-0.014)))
    assert section.answer.values["beyond"] == 0


def test_a_better_verdict_goes_up():
    section = _section(_run(_with_omega(0.0, "poor")), _run())
    assert section.table("runs_verdicts").rows[0][-1] == Message("runs.higher")


def test_where_people_stand_is_never_compared():
    rows = ((plain("Ledelse", "Leadership"), 50, 3.1, 3.0, 3.2, 0.5),)
    levels = REPORT.section("levels")
    table = levels.tables[0]
    names = ("scale", "respondents", "mean", "ci.lower", "ci.upper", "sd")
    columns = tuple(replace(one, name=name) for one, name in zip(table.columns, names, strict=True))
    means = replace(table, id="scale_means", columns=columns, rows=rows)
    changed = replace(levels, tables=(*levels.tables, means))
    sections = tuple(changed if one is levels else one for one in REPORT.sections)
    report = replace(REPORT, sections=sections)
    section = _section(_run(report), _run(report))
    aside = section.table("runs_means")
    assert aside.withheld == Message("runs.reason.no_licence")
    assert len(aside.columns) == 3
    reasons = section.table("runs_left_out").column("left_out_reason")
    assert Message("runs.reason.no_licence") in reasons
    # What is withheld does not reach the page.
    written = one_section.page(compare(_run(report), _run(report)), words("da"))
    assert words("da").say(aside.title) not in written
    assert "--wave" in words("da").say(section.notes[1])


def test_numbers_of_another_version_are_not_compared():
    parts = {**RECORD.instrument.parts, "items": "0" * 64}
    other = replace(RECORD, instrument=replace(RECORD.instrument, version="2.0", parts=parts))
    newer = replace(REPORT, instrument_version="2.0")
    section = _section(_run(), _run(newer, other))
    assert section.answer.key == "runs.answer.other"
    assert "runs_numbers" not in {table.id for table in section.tables}
    reason = section.table("runs_left_out").column("left_out_reason")[0]
    assert words("da").write(reason) == "Skemaet er ikke det samme i de to kørsler: spørgsmål."
    assert compare(_run(), _run(newer, other)).instrument_version == "1.0 / 2.0"


def test_rules_that_differ_are_told():
    parts = {**RECORD.instrument.parts, "rules": "0" * 64}
    other = replace(RECORD, instrument=replace(RECORD.instrument, parts=parts))
    section = _section(_run(), _run(record=other))
    assert "runs.note.rules" in {note.key for note in section.notes}
    assert section.answer.values["numbers"] == 3


def test_a_number_of_one_run_alone_is_counted():
    section = REPORT.section("reliability")
    less = replace(section, findings=section.findings[:1])
    sections = tuple(less if one is section else one for one in REPORT.sections)
    left_out = _section(_run(), _run(replace(REPORT, sections=sections))).table("runs_left_out")
    assert left_out.rows[0] == (
        Message("section.reliability.title"),
        Message("runs.reason.only_one", {"n": 1}),
    )


def test_runs_of_two_instruments_are_refused():
    with pytest.raises(SurveyError, match='"leadership_climate" and "coupling"'):
        compare(_run(), _run(replace(REPORT, instrument="coupling")))


def test_it_is_simulated_where_one_of_them_is():
    report = compare(_run(), _run(replace(REPORT, simulated=True)))
    assert report.simulated
    assert report.n_obs == 2 * REPORT.n_obs


@pytest.mark.parametrize("language", ["da", "en"])
def test_the_command_line_writes_it(tmp_path, language):
    for name, report in (("one", REPORT), ("two", _with_omega(-0.1, "acceptable"))):
        output.write(report, tmp_path / name, language=language, record=RECORD)
    folders = (tmp_path / "one", tmp_path / "two")
    out = tmp_path / "out"
    words_ = ("compare", *folders, "--out", out, "--language", language)
    done = CliRunner().invoke(main, [str(word) for word in words_])
    assert done.exit_code == 0, done.output
    said = words(language)
    section = results.read(out / results.FILE_NAME).section("runs")
    assert done.stdout.startswith(said.say(section.answer))
    assert {path.name for path in out.iterdir()} == {
        "results.json",
        "comparison.html",
        "tables.xlsx",
    }
    text = (out / page.FILE_NAME).read_text(encoding="utf-8")
    assert f'<html lang="{language}">' in text
    assert said.say(Message("runs.table.verdicts")) in text
    # A comparison is no run, and cannot be compared again.
    again = CliRunner().invoke(main, ["compare", str(out), str(folders[0])])
    assert again.exit_code == REFUSED
    assert 'there is no "run.json"' in again.stderr
