"""The dashboard under Streamlit's own test runner."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import instruments
from analyses import labels, screening
from analyses.publication import assemble
from analyses.wording import words
from tests.analyses.demonstrations import survey_path

HOUSE = Path(__file__).parent.parent
DASHBOARD = str(HOUSE / "dashboard.py")
HS39 = instruments.load("mental_ability")


@pytest.fixture
def app() -> AppTest:
    return AppTest.from_file(DASHBOARD, default_timeout=120)


def _open(app: AppTest, **choices: str) -> AppTest:
    app.run()
    for key, value in choices.items():
        app.sidebar.radio(key=key).set_value(value).run()
    assert not app.exception
    return app


def _html(app: AppTest) -> str:
    shown = "\n".join(element.proto.body for element in app.get("html"))
    return re.sub(r"<style>.*?</style>", "", shown, flags=re.S)


def _upload(app: AppTest, name: str, content: bytes) -> AppTest:
    app.sidebar.file_uploader(key="file").set_value((name, content, "text/csv")).run()
    assert not app.exception
    return app


def test_it_opens_on_the_overview_of_the_demonstration(app):
    _open(app)
    said = words("da")
    title = instruments.load("leadership_climate").title["da"]
    assert [element.value for element in app.header] == [title]
    sections = app.sidebar.radio(key="section").options[1:]
    assert [element.value for element in app.subheader] == sections
    assert len(sections) == 13
    assert not app.error
    assert "2.042" in app.caption[0].value
    assert said.catalogue["section.reliability.title"] in sections


WITHOUT_TABLES = {"content", "item_response", "sensitivity"}
"""Nobody has judged the content of `mental_ability`; its answers have no categories, and nobody is
flagged, so there is nothing to table."""


@pytest.mark.parametrize("language", ["da", "en"])
def test_every_section_shows_findings_figures_and_tables_with_their_words(app, language):
    _open(app, language=language, instrument="mental_ability")
    said = words(language)
    ids = {said.catalogue[f"section.{one}.title"]: one for one in _section_ids()}
    pictures = 0
    for section in app.sidebar.radio(key="section").options[1:]:
        app.sidebar.radio(key="section").set_value(ids[section]).run()
        assert not app.exception
        shown = _html(app)
        assert f'lang="{language}"' in shown
        assert ("<table>" in shown) is (ids[section] not in WITHOUT_TABLES)
        pictures += shown.count("<img")
        assert not re.search(
            r"\b(face|dashboard|section|verdict|statistic|column)\.[a-z_]+\b", shown
        )
        assert [element.value for element in app.subheader] == [section]
    assert pictures >= 3


def _section_ids() -> list[str]:
    keys = words("da").catalogue
    return [key.split(".")[1] for key in keys if re.fullmatch(r"section\.\w+\.title", key)]


def test_a_verdict_is_told_by_sign_and_word(app):
    _open(app, instrument="mental_ability", section="confirmatory")
    shown = re.sub(r"<[^>]+>", "", _html(app))
    symbols = "".join(labels.SYMBOLS.values())
    assert re.search(rf"[{re.escape(symbols)}] (God|Acceptabel|Utilstrækkelig|Uafklaret)", shown)


def test_a_change_of_language_does_not_compute_again(app, monkeypatch):
    _open(app, instrument="mental_ability")
    import analyses.report

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(analyses.report, "validate", fail)
    _open(app, language="en")
    assert [element.value for element in app.header] == [HS39.title["en"]]


def test_simulated_answers_are_marked(app, monkeypatch, tmp_path):
    def screened(instrument, survey, **_options):
        return assemble(instrument, survey, (screening.run(instrument, survey),))

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("analyses.report.validate", screened)
    _open(app, source="upload", instrument="coupling")
    _upload(app, "svar.csv", survey_path("coupling").read_bytes())
    assert [element.value for element in app.warning] == [
        words("da").catalogue["face.mark.simulated"]
    ]


def test_an_uploaded_file_is_examined_and_kept_once(app, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    _open(app, instrument="mental_ability", source="upload")
    assert len(app.info) == 1
    _upload(app, "../../svar.csv", HS39.demonstration_path().read_bytes())
    assert not app.error
    assert "svar.csv" in app.caption[0].value
    assert len(app.session_state["reports"]) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("empty.csv", b"", "empty.csv"),
        ("other.csv", b"a,b\n1,2\n3,4\n", "other.csv"),
        ("fake.xlsx", b"no workbook", "fake.xlsx"),
    ],
)
def test_a_wrong_file_is_refused_in_a_sentence(app, name, content, problem, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    _open(app, instrument="mental_ability", source="upload")
    _upload(app, name, content)
    assert len(app.error) == 1
    assert words("da").catalogue["dashboard.error"] in app.error[0].value
    assert problem in app.text[0].value
    assert "Traceback" not in app.text[0].value
    assert not app.header
    assert list(tmp_path.iterdir()) == []


def test_small_groups_are_not_shown(app):
    lines = HS39.demonstration_path().read_text(encoding="utf-8").splitlines()
    rows = [line.split(",") for line in lines]
    place = rows[0].index("school")
    for row in rows[1:4]:
        row[place] = "Tiny"
    content = "\n".join(",".join(row) for row in rows).encode()
    _open(app, instrument="mental_ability", source="upload")
    _upload(app, "small.csv", content)
    app.sidebar.radio(key="section").set_value("screening").run()
    row = re.search(r"<th scope=\"row\">Tiny</th>(.*?)</tr>", _html(app), flags=re.S)
    assert row is not None
    cells = re.findall(r"<td[^>]*>(.*?)</td>", row[1])
    assert cells
    assert set(cells) <= {"skjult", "–"}


def test_the_command_opens_the_dashboard_of_this_house_wherever_it_is_called(tmp_path):
    code = "from importlib.util import find_spec; print(find_spec('dashboard').origin)"
    found = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert Path(found.stdout.strip()) == HOUSE / "dashboard.py"
