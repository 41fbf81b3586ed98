"""The command line from end to end, and every refusal with its message and exit status."""

import errno
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import instruments
from analyses import output, screening
from analyses.cli import FINDINGS, REFUSED, main
from analyses.defaults import SEED, software
from analyses.errors import AnalysisError
from analyses.export import results
from analyses.publication import assemble
from analyses.rerunning import record
from instruments import locking
from tests.analyses.demonstrations import survey_path

HOUSE = Path(__file__).parent.parent
HS39 = instruments.load("mental_ability")
ITEMS = list(HS39.item_ids)


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    return pd.read_csv(HS39.demonstration_path())


def _invoke(*words: object):
    return CliRunner().invoke(main, [str(word) for word in words])


def _command(*words: object, **options):
    environment = os.environ | {"PYTHONPATH": str(HOUSE)}
    code = "from analyses.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, words)],
        cwd=HOUSE,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def _refused(folder: Path, *words: object) -> str:
    """Run with an output folder; check that nothing is written, and give the message."""
    before = sorted(folder.rglob("*"))
    result = _invoke("validate", *words, "--out", folder / "report")
    assert result.exit_code == REFUSED, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert re.match(r"(Fejl|Error): ", result.stderr)
    assert sorted(folder.rglob("*")) == before
    return result.stderr


def _refused_file(folder: Path, name: str, content: str | bytes, *options: object) -> str:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return _refused(folder, path, "--instrument", "mental_ability", *options)


def _refused_data(folder: Path, data: pd.DataFrame, instrument: str = "mental_ability") -> str:
    path = folder / "answers.csv"
    data.to_csv(path, index=False)
    return _refused(folder, path, "--instrument", instrument)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Give what came of a whole run, and its folder."""
    out = tmp_path_factory.mktemp("run") / "report"
    survey = HS39.demonstration_path()
    return _invoke("validate", survey, "--instrument", "mental_ability", "--out", out), out


def test_validate_writes_all_and_says_where(written):
    result, out = written
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    assert {path.name for path in out.iterdir()} == output.FILE_NAMES | {record.FILE_NAME}
    lines = result.stdout.splitlines()
    assert lines[0] == f"Rapporten ligger i {out / 'report.html'}"
    assert len(lines) == 5
    report = results.read(out / "results.json")
    assert (report.instrument, report.n_obs, report.confidential) == ("mental_ability", 301, False)
    assert (out / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert 'lang="da"' in (out / "report.html").read_text(encoding="utf-8")


def test_demo_ends_with_where_the_report_lies_and_its_main_findings(tmp_path):
    out = tmp_path / "demo"
    result = _invoke("demo", "--out", out, "--language", "en")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == f"The report lies in {out / 'report.html'}"
    assert [line[:2] for line in lines[2:]] == ["- "] * len(FINDINGS)
    report = results.read(out / "results.json")
    assert (report.instrument, report.n_obs) == ("coupling", 1800)
    ids = [section.id for section in report.sections]
    assert ids.index("invariance") < ids.index("levels") < ids.index("development")
    assert ids.index("development") < ids.index("hypotheses") < ids.index("sensitivity")
    assert 'lang="en"' in (out / "report.html").read_text(encoding="utf-8")


def test_a_population_is_held_against_the_respondents(tmp_path):
    known, out = tmp_path / "population.csv", tmp_path / "report"
    known.write_text(
        "column,value,count,invited\nschool,Pasteur,500,200\nschool,Grant-White,500,\n"
    )
    survey = HS39.demonstration_path()
    options = ("--population", known, "--flagged", "keep", "--language", "en")
    result = _invoke("validate", survey, "--instrument", "mental_ability", "--out", out, *options)
    assert result.exit_code == 0, result.output
    report = results.read(out / "results.json")
    table = report.section("screening").table("non_response_school")
    assert table.column("response_rate")[0] == 0.78
    assert "sensitivity" not in {section.id for section in report.sections}


def test_a_population_that_does_not_fit_and_an_unknown_choice_are_refused(tmp_path):
    survey = HS39.demonstration_path()
    known = tmp_path / "population.csv"
    known.write_text("column,value,share\nschool,Pasteur,0.5\n")
    given = (survey, "--instrument", "mental_ability")
    assert "add up to 0.5" in _refused(tmp_path, *given, "--population", known)
    assert "perhaps" in _refused(tmp_path, *given, "--flagged", "perhaps")


def test_a_language_and_a_mark_of_confidentiality(tmp_path):
    out = tmp_path / "report"
    options = ("--out", out, "--language", "en", "--confidential", "--seed", 7)
    survey = HS39.demonstration_path()
    result = _invoke("validate", survey, "--instrument", "mental_ability", *options)
    assert result.exit_code == 0, result.output
    assert results.read(out / "results.json").confidential
    assert "CONFIDENTIAL" in (out / "report.html").read_text(encoding="utf-8")


def test_the_same_seed_gives_the_same_sections(written, tmp_path):
    options = ("--instrument", "mental_ability", "--out", tmp_path / "again", "--seed", SEED)
    assert _invoke("validate", HS39.demonstration_path(), *options).exit_code == 0
    one, two = (results.read(out / "results.json") for out in (written[1], tmp_path / "again"))
    assert one.section("exploratory") == two.section("exploratory")
    assert one.section("confirmatory") == two.section("confirmatory")


def test_instruments_are_listed_with_title_items_and_data():
    result = _invoke("instruments", "--language", "en")
    assert result.exit_code == 0
    for name in instruments.names():
        assert name in result.stdout
    assert "real data" in result.stdout
    assert "simulated data" in result.stdout


def test_the_rules_of_an_instrument_are_locked_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = _invoke("instruments", "lock", "--instrument", "mental_ability", "--language", "en")
    assert result.exit_code == 0, result.output
    path = tmp_path / "mental_ability.lock.json"
    lock = locking.read(path, HS39)
    assert result.stdout.startswith(f"The rules are locked in {path}. Checksum: {lock.checksum}.")
    again = _invoke("instruments", "lock", "--instrument", "mental_ability")
    assert again.exit_code == REFUSED
    assert "is there already, and a lock is never written over" in again.stderr
    assert locking.read(path, HS39) == lock


def test_the_rules_of_an_unknown_instrument_are_not_locked(tmp_path):
    out = tmp_path / "x.lock.json"
    result = _invoke("instruments", "lock", "--instrument", "horoscope", "--out", out)
    assert result.exit_code == REFUSED
    assert "horoscope" in result.stderr
    assert not out.exists()


def test_validate_says_whether_the_rules_were_locked(tmp_path):
    lock, out = tmp_path / "lock.json", tmp_path / "report"
    options = ("--instrument", "mental_ability")
    assert _invoke("instruments", "lock", *options, "--out", lock).exit_code == 0
    survey = tmp_path / "answers.csv"
    survey.write_bytes(HS39.demonstration_path().read_bytes())
    later = lock.stat().st_mtime + 3600
    os.utime(survey, (later, later))
    result = _invoke("validate", survey, *options, "--out", out, "--lock", lock)
    assert result.exit_code == 0, result.output
    (note,) = results.read(out / "results.json").notes
    assert note.key == "lock.before"
    assert note.values["changes"].key == "lock.same"
    assert "altså efter låsningen" in (out / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        ("no lock", "it is not JSON"),
        ("coupling", 'locks the instrument "coupling", not "mental_ability"'),
    ],
)
def test_a_wrong_lock_file(tmp_path, content, said):
    path = tmp_path / "x.lock.json"
    if content == "coupling":
        options = ("--instrument", "coupling", "--out", path)
        assert _invoke("instruments", "lock", *options).exit_code == 0
    elif content is not None:
        path.write_text(content)
    survey = HS39.demonstration_path()
    options = ("--instrument", "mental_ability", "--lock", path)
    assert said in _refused(tmp_path, survey, *options)


def test_version():
    result = _invoke("--version")
    assert result.exit_code == 0
    assert result.stdout.strip() == software()


def test_a_missing_file(tmp_path):
    message = _refused(tmp_path, tmp_path / "none.csv", "--instrument", "mental_ability")
    assert "none.csv" in message


def test_an_empty_file(tmp_path):
    assert "empty" in _refused_file(tmp_path, "empty.csv", "")


def test_a_file_that_is_not_of_the_type_its_ending_says(tmp_path):
    assert "fake.xlsx" in _refused_file(tmp_path, "fake.xlsx", "a,b\n1,2\n")
    assert "fake.sav" in _refused_file(tmp_path, "fake.sav", b"\x00\x01\x02 no survey")


def test_a_type_that_is_not_known(tmp_path):
    assert "survey.docx" in _refused_file(tmp_path, "survey.docx", "x")


def test_a_wrong_delimiter(tmp_path, answers):
    text = answers.to_csv(index=False, sep="~")
    assert 'joined by "~"' in _refused_file(tmp_path, "waves.csv", text)


def test_no_column_of_the_instrument(tmp_path):
    message = _refused_data(tmp_path, pd.DataFrame({"a": [1, 2], "b": [3, 4]}))
    assert "column" in message


def test_some_items_missing_are_named(tmp_path, answers):
    assert "x7" in _refused_data(tmp_path, answers.drop(columns=["x7"]))


def test_a_column_twice(tmp_path, answers):
    header, rest = answers.to_csv(index=False).split("\n", 1)
    text = header.replace("x2", "x1") + "\n" + rest
    assert "x1" in _refused_file(tmp_path, "twice.csv", text)


def test_answers_outside_the_scale(tmp_path):
    lq2002 = instruments.load("leadership_climate")
    data = pd.read_csv(lq2002.demonstration_path()).head(200)
    data.loc[40, "LEAD03"] = 9
    message = _refused_data(tmp_path, data, "leadership_climate")
    assert "LEAD03" in message
    assert "9" in message


def test_text_where_codes_belong(tmp_path, answers):
    data = answers.astype({"x4": object})
    data.loc[3, "x4"] = "often"
    message = _refused_data(tmp_path, data)
    assert "x4" in message
    assert "often" in message


def test_ragged_rows(tmp_path, answers):
    lines = answers.to_csv(index=False).splitlines()
    lines[5] += ",1,2,3"
    assert "row 6" in _refused_file(tmp_path, "ragged.csv", "\n".join(lines))


@pytest.mark.parametrize("value", [1.0, None], ids=["constant", "missing"])
def test_an_item_constant_or_all_missing(tmp_path, answers, value):
    assert "x5" in _refused_data(tmp_path, answers.assign(x5=value))


def test_fewer_answers_than_items(tmp_path, answers):
    assert _refused_data(tmp_path, answers.head(6))


def _instrument_with_model(folder: Path, syntax: str) -> Path:
    text = HS39.origin.read_text(encoding="utf-8")
    changed, count = re.subn(r'(reference = true.*?)?syntax = """.*?"""', "@", text, flags=re.S)
    assert count >= 1
    pieces = re.split(r'syntax = """.*?"""', text, flags=re.S)
    path = folder / "instrument.toml"
    path.write_text(f'syntax = """\n{syntax}\n"""'.join(pieces), encoding="utf-8")
    assert changed != text
    return path


def test_a_model_naming_an_unknown_item(tmp_path):
    path = _instrument_with_model(tmp_path, "visual =~ x1 + x2 + x99")
    message = _refused(tmp_path, HS39.demonstration_path(), "--instrument", path)
    assert "x99" in message


def test_a_model_that_is_not_identified(tmp_path):
    path = _instrument_with_model(tmp_path, "visual =~ x1 + x2")
    message = _refused(tmp_path, HS39.demonstration_path(), "--instrument", path)
    assert 'model "three_factors"' in message
    assert "free parameters but only" in message


def test_a_folder_in_place_of_a_survey(tmp_path):
    folder = tmp_path / "survey.csv"
    folder.mkdir()
    message = _refused(tmp_path, folder, "--instrument", "mental_ability")
    assert 'survey.csv" is a folder' in message


def test_a_survey_that_may_not_be_read(tmp_path, monkeypatch, answers):
    path = tmp_path / "locked.csv"
    answers.to_csv(path, index=False)
    opened = Path.open

    def refuse(self: Path, *words: object, **options: object):
        if self == path:
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(self, *words, **options)

    # Tests may run as root, who may read everything.
    monkeypatch.setattr(Path, "open", refuse)
    message = _refused(tmp_path, path, "--instrument", "mental_ability")
    assert 'locked.csv" cannot be read: Permission denied' in message


def test_a_number_too_large_to_compute_with(tmp_path, answers):
    data = answers.copy()
    data.loc[4, "x1"] = 1e300
    assert '"x1" holds "1e+300" in row 6' in _refused_data(tmp_path, data)


def test_a_header_without_answers(tmp_path, answers):
    message = _refused_data(tmp_path, answers.head(0))
    assert "no answers" in message


def test_answer_words_that_the_scale_does_not_have(tmp_path):
    data = pd.read_csv(survey_path("coupling"), dtype=object)
    data.loc[2, "I_bro4"] = "I hoej grad"
    message = _refused_data(tmp_path, data, "coupling")
    assert '"I_bro4" holds "I hoej grad" in row 4' in message
    assert "I høj grad" in message


def test_danish_answer_words_in_an_older_encoding_are_read(tmp_path, monkeypatch):
    coupling = instruments.load("coupling")
    scale = coupling.response("I_bro1")
    words_of = {str(code): label for code, label in scale.labels["da"].items()}
    words_of |= {str(part.code): part.labels["da"] for part in scale.missing}
    data = pd.read_csv(survey_path("coupling"), dtype=object)
    items = list(coupling.form("individual").items)
    given = data.assign(**{item: data[item].map(words_of) for item in items})
    path = tmp_path / "svar.csv"
    given.to_csv(path, index=False, sep=";", encoding="latin-1")

    def screened(instrument, survey, **_options):
        return assemble(instrument, survey, (screening.run(instrument, survey),))

    monkeypatch.setattr("analyses.report.validate", screened)
    out = tmp_path / "report"
    result = _invoke("validate", path, "--instrument", "coupling", "--out", out)
    assert result.exit_code == 0, result.output
    report = results.read(out / "results.json")
    assert report.n_obs == len(data)
    said = {note.key for note in report.section("screening").notes}
    assert {"reading.delimited", "reading.answers_in_words"} <= said


def test_an_unknown_instrument(tmp_path):
    message = _refused(tmp_path, HS39.demonstration_path(), "--instrument", "horoscope")
    assert "horoscope" in message
    assert "leadership_climate" in message


def test_an_estimator_that_is_not_there(tmp_path):
    survey = HS39.demonstration_path()
    options = ("--instrument", "mental_ability", "--estimator", "magic")
    assert "magic" in _refused(tmp_path, survey, *options)


def test_an_unknown_language(tmp_path):
    survey = HS39.demonstration_path()
    options = ("--instrument", "mental_ability", "--language", "no")
    assert '"no"' in _refused(tmp_path, survey, *options)
    assert _invoke("demo", "--out", tmp_path / "x", "--language", "no").exit_code == REFUSED
    assert _invoke("instruments", "--language", "no").exit_code == REFUSED


def test_an_output_folder_that_is_not_ours(tmp_path):
    folder = tmp_path / "report"
    folder.mkdir()
    (folder / "thesis.txt").write_text("mine")
    message = _refused(tmp_path, HS39.demonstration_path(), "--instrument", "mental_ability")
    assert "does not hold a result of kobling" in message
    assert (folder / "thesis.txt").read_text() == "mine"


def test_a_refusal_leaves_an_earlier_result_as_it_was(tmp_path):
    out = tmp_path / "report"
    survey = HS39.demonstration_path()
    options = ("--instrument", "mental_ability", "--out", out)
    assert _invoke("validate", survey, *options).exit_code == 0
    before = (out / "results.json").read_bytes()
    assert _invoke("validate", tmp_path / "none.csv", *options).exit_code == REFUSED
    assert (out / "results.json").read_bytes() == before


def test_missing_options_are_told_on_standard_error():
    result = _invoke("validate")
    assert result.exit_code == REFUSED
    assert result.stdout == ""


def test_as_a_program_it_is_silent_where_no_terminal_is_and_has_no_traceback(tmp_path):
    with _command(
        "validate", tmp_path / "none.csv", "--instrument", "coupling", "--out", tmp_path / "out"
    ) as process:
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == REFUSED
    assert stdout == ""
    assert stderr.startswith("Fejl: ")
    assert "Traceback" not in stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_nothing_behind(tmp_path, sign):
    def heed():
        # A program that a shell starts in the background is told to ignore Ctrl-C.
        signal.signal(signal.SIGINT, signal.default_int_handler)

    words = ("validate", HS39.demonstration_path(), "--instrument", "mental_ability")
    with _command(*words, "--out", tmp_path / "out", preexec_fn=heed) as process:
        # The worst moment: the folder that the report is written into is there, half full.
        while process.poll() is None and not any(tmp_path.iterdir()):
            time.sleep(0.005)
        process.send_signal(sign)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr == "Afbrudt. Der er ikke skrevet noget.\n"
    assert list(tmp_path.iterdir()) == []


def test_columns_that_are_not_there(tmp_path):
    survey = HS39.demonstration_path()
    for option in ("--group", "--cluster", "--wave"):
        message = _refused(tmp_path, survey, "--instrument", "mental_ability", option, "klasse")
        assert 'has no column "klasse", which the mapping or an option' in message


def test_a_wave_that_is_not_there(tmp_path, answers):
    path = tmp_path / "answers.csv"
    answers.assign(year=["2024", "2025"] * 150 + ["2024"]).to_csv(path, index=False)
    options = ("--instrument", "mental_ability", "--wave", "year")
    assert 'no wave "2023"' in _refused(tmp_path, path, *options, "--at-wave", "2023")


def test_experts_of_another_questionnaire(tmp_path):
    ratings = tmp_path / "ratings.csv"
    ratings.write_text("item,expert,relevance\nI_bro1,1,4\n", encoding="utf-8")
    survey = HS39.demonstration_path()
    options = ("--instrument", "mental_ability", "--experts", ratings)
    assert 'names item "I_bro1"' in _refused(tmp_path, survey, *options)


def test_groups_a_wave_experts_and_interviews_reach_the_report(tmp_path, answers):
    path, ratings, notes = (tmp_path / f"{name}.csv" for name in ("answers", "ratings", "notes"))
    answers.assign(year=["2024", "2025"] * 150 + ["2024"]).to_csv(path, index=False)
    rows = [f"x{item},{expert},4" for item in range(1, 10) for expert in range(1, 4)]
    ratings.write_text("\n".join(["item,expert,relevance", *rows]), encoding="utf-8")
    notes.write_text("item,kind,note\nx1,forståelse,Uklart\n", encoding="utf-8")
    out = tmp_path / "report"
    options = ("--instrument", "mental_ability", "--out", out, "--language", "en")
    more = ("--wave", "year", "--group", "grade", "--experts", ratings, "--interviews", notes)
    result = _invoke("validate", path, *options, *more)
    assert result.exit_code == 0, result.output
    report = results.read(out / "results.json")
    assert report.n_obs == 151
    content = report.section("content")
    assert content.answer.key == "content.answer.all"
    assert content.table("content_notes").column("note") == ("Uklart",)
    tables = {table.id for table in report.section("levels").tables}
    assert "means_grade_visual" in tables
    assert "means_school_visual" not in tables
    assert "waves.first" in {note.key for note in report.section("screening").notes}


def test_a_mapping_file_names_columns_and_own_measures(tmp_path, monkeypatch):
    data = pd.read_csv(survey_path("coupling"), dtype=object).rename(columns={"I_bro1": "q1"})
    data["ex1"] = ["1", "2", "3", "4", "5"] * (len(data) // 5)
    path, mapping = tmp_path / "survey.csv", tmp_path / "map.toml"
    data.to_csv(path, index=False)
    mapping.write_text('columns.I_bro1 = "q1"\nexternal.extraversion = ["ex1"]\n', "utf-8")
    read = []

    def enough(_instrument, survey, **_options):
        read.append(survey)
        raise AnalysisError("read as far as it goes")

    monkeypatch.setattr("analyses.report.validate", enough)
    options = ("--instrument", "coupling", "--map", mapping)
    assert "read as far as it goes" in _refused(tmp_path, path, *options)
    (survey,) = read
    assert [measure.id for measure in survey.own] == ["extraversion"]
    assert survey.data["extraversion.1"].tolist()[:3] == [1.0, 2.0, 3.0]
    assert "I_bro1" in survey.scored


def test_a_mapping_file_that_names_what_is_not_there(tmp_path):
    mapping = tmp_path / "map.toml"
    mapping.write_text('external.extraversion = ["ex1"]\n', "utf-8")
    options = ("--instrument", "coupling", "--map", mapping)
    assert '"ex1"' in _refused(tmp_path, survey_path("coupling"), *options)


def _plan(folder: Path, *words: object):
    given = ("--instrument", "mental_ability", "--repeats", 20, "--workers", 1, *words)
    return _invoke("power", *given, "--out", folder / "plan")


def test_a_plan_is_written_whole_with_its_figure_and_can_be_replaced(tmp_path):
    for _ in range(2):
        done = _plan(tmp_path, "--claim", "icc2", "--icc", 0.2, "--language", "en")
        assert done.exit_code == 0, done.output
    assert "It takes about" in done.stdout
    folder = tmp_path / "plan"
    names = {path.name for path in folder.iterdir()}
    assert names == {"plan.html", "results.json", "tables.xlsx", "tables", "figures"}
    report = results.read(folder / "results.json")
    assert [section.id for section in report.sections] == ["planning"]
    drawn = report.section("planning").figures[0]
    assert (folder / "figures" / f"{drawn.id}.svg").exists()
    assert "simulated" in (folder / "plan.html").read_text(encoding="utf-8").lower()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--claim", "omega", "--power", 1.0), "the power is 1"),
        (("--claim", "all"), "is no claim"),
        (("--claim", "icc2", "--clusters", 500, "--most", 600), "500 clusters cannot be filled"),
        (("--claim", "omega", "--scale", "nothing"), "is no reflective scale"),
        (("--claim", "omega", "--least", 0.95, "--most", 150), "and not in 80%"),
        (("--claim", "omega", "--cluster", "10.0.0.5"), "address of a Dask scheduler"),
    ],
)
def test_an_impossible_plan_is_refused_and_nothing_is_written(tmp_path, words, message):
    refused = _plan(tmp_path, *words)
    assert refused.exit_code == REFUSED
    assert message in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_cluster_that_cannot_be_reached_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("measure.replication.dask_cluster.PATIENCE", 1)
    monkeypatch.setenv("KOBLING_CLUSTER", "tcp://127.0.0.1:9")
    refused = _plan(tmp_path, "--claim", "omega")
    assert refused.exit_code == REFUSED
    assert "cannot be reached" in refused.stderr
    path = HS39.demonstration_path()
    assert "cannot be reached" in _refused(tmp_path, path, "--instrument", "mental_ability")
    assert list(tmp_path.iterdir()) == []
