"""The dashboard under Streamlit's own test runner, on stored results."""

import re
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

import instruments
from analyses import labels, pages
from analyses.section import Message
from analyses.showing import shelf
from analyses.studies.wishes import CLAIMS
from analyses.wording import LANGUAGES, words
from tests.analyses.demonstrations import validated
from tests.analyses.reports import MARKED
from tests.analyses.showing.stocked import stock

HOUSE = Path(__file__).parent.parent
DASHBOARD = str(HOUSE / "dashboard.py")
HS39 = instruments.load("mental_ability")
HEADINGS = {page.id: words("da").say(Message(f"page.{page.id}.title")) for page in pages.PAGES}


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """Store results of two instruments; those of the first are made by hand."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        for instrument, report in (
            (HS39, validated("mental_ability")),
            (instruments.load("coupling"), MARKED),
        ):
            stock(instrument, report)
        st.cache_resource.clear()
        yield folder
    st.cache_resource.clear()


@pytest.fixture
def app() -> AppTest:
    return AppTest.from_file(DASHBOARD, default_timeout=120)


def _open(app: AppTest, page: str = "overview", **choices: str) -> AppTest:
    for name, value in choices.items():
        app.session_state[name] = value
    # AppTest opens pages by their file; ours are functions, known by a digest of the address.
    path = "" if page == "overview" else pages.page(page).path
    app._page_hash = calc_hash(path) if path else ""
    app.run()
    assert not app.exception
    return app


def _html(app: AppTest) -> str:
    shown = "\n".join(element.proto.body for element in app.get("html"))
    return re.sub(r"<(style|script)>.*?</\1>", "", shown, flags=re.S)


def _upload(app: AppTest, name: str, content: bytes) -> AppTest:
    app.file_uploader(key="file-mental_ability").set_value((name, content, "text/csv")).run()
    assert not app.exception
    return app


def _run(app: AppTest) -> AppTest:
    """Ask for the results, and wait for them."""
    app.button(key="run").click().run()
    job = app.session_state["uploads"]["mental_ability"].job
    assert job.ended.wait(180)
    app.run()
    assert not app.exception
    return app


def test_it_opens_on_the_answers_of_all_pages(app):
    _open(app, instrument="mental_ability")
    assert [element.value for element in app.title] == [HEADINGS["overview"]]
    shown = _html(app)
    assert "svarene er præcise nok" in shown
    assert not app.error
    assert "n = 301" in app.caption[0].value
    assert shown.count('lang="da"') >= len(pages.PAGES) - 1


def test_simulated_and_confidential_results_are_marked_on_every_page(app):
    for page in ("overview", "reliability"):
        _open(app, page)
        said = [words("da").catalogue[f"face.mark.{one}"] for one in ("simulated", "confidential")]
        assert [element.value for element in app.warning] == said


@pytest.mark.parametrize("place", range(len(pages.PAGES)))
def test_every_page_shows_its_parts_with_their_words(app, place):
    page, language = pages.PAGES[place], LANGUAGES[place % 2]
    _open(app, page.id, language=language, instrument="mental_ability")
    said = words(language)
    assert [one.value for one in app.title] == [said.say(Message(f"page.{page.id}.title"))]
    shown = _html(app)
    assert '<p class="answer">' in shown
    assert f'data-language="{language}"' in shown
    text = re.sub(r"<[^>]+>", "", shown)
    keys = r"\b(face|dashboard|section|verdict|statistic|column|glossary|page)\.[a-z_]+\b"
    assert not re.search(keys, text)
    sections = pages.sections(validated("mental_ability"), page)
    for section in sections if len(sections) > 1 and page.part == "all" else ():
        assert labels.title(section, said) in [element.value for element in app.header]
    assert shown.count("<img") == sum(len(section.figures) for section in sections)


def test_a_verdict_is_told_by_sign_and_word_and_its_numbers_are_explained(app):
    _open(app, "structure", instrument="mental_ability")
    text = re.sub(r"<[^>]+>", "", _html(app))
    symbols = "".join(labels.SYMBOLS.values())
    assert re.search(rf"[{re.escape(symbols)}] (God|Acceptabel|Utilstrækkelig|Uafklaret)", text)
    assert "Regel: " in text
    assert "Formel: RMSEA = √(max(χ² − df, 0) / (N · df))" in text
    assert "· n = 301 ·" in text


def test_a_table_is_drawn_when_it_is_opened_with_the_program_that_makes_it(app):
    _open(app, "reliability", instrument="mental_ability")
    assert "<table" not in _html(app)
    app.session_state["open-reliability-reliability"] = True
    app.run()
    assert not app.exception
    assert "<caption><strong>" in _html(app)
    assert any("reliability.run(instrument, survey)" in block.value for block in app.code)


def test_a_change_of_language_keeps_the_page_and_computes_nothing(app, monkeypatch):
    _open(app, "reliability", instrument="mental_ability")

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr("analyses.showing.jobs.Office.submit", fail)
    app.sidebar.radio(key="language").set_value("en").run()
    assert not app.exception
    assert [element.value for element in app.title] == ["Reliability"]
    assert app.query_params["language"] == "en"


def test_the_address_says_what_is_shown_and_carries_no_data(app):
    app.query_params["language"] = "en"
    app.query_params["instrument"] = "mental_ability"
    app.run()
    assert [element.value for element in app.title] == ["Overview"]
    assert set(app.query_params) == {"language", "instrument"}
    other = AppTest.from_file(DASHBOARD, default_timeout=120)
    other.query_params["instrument"] = "no such"
    other.run()
    assert not other.exception
    assert other.query_params["instrument"] == "coupling"


def _with_a_small_group(content: bytes) -> bytes:
    """Give the answers with three pupils in a school of their own."""
    rows = [line.split(",") for line in content.decode().splitlines()]
    place = rows[0].index("school")
    for row in rows[1:4]:
        row[place] = "Tiny"
    return "\n".join(",".join(row) for row in rows).encode()


def test_an_own_file_is_mapped_by_hand_and_examined_once_without_its_small_groups(
    app, monkeypatch, tmp_path
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    _open(app, instrument="mental_ability", source="upload")
    assert len(app.info) == 1
    content = _with_a_small_group(HS39.demonstration_path().read_bytes())
    content = content.replace(b"x1,", b"q_x1,", 1).replace(b",x5", b",Fem", 1)
    _upload(app, "../../svar.csv", content)
    upload = app.session_state["uploads"]["mental_ability"]
    assert upload.mapping == {"x1": "q_x1"}
    app.selectbox(key="column-mental_ability-x5").set_value("Fem").run()
    assert upload.mapping == {"x1": "q_x1", "x5": "Fem"}
    assert upload.more == ()
    app.checkbox(key="multiverse").check().run()
    assert upload.more == ("multiverse",)
    _run(app)
    assert not app.error
    assert "svar.csv · n = 301" in app.caption[0].value
    shown = upload.shown.report
    assert shown.section("reliability") == validated("mental_ability").section("reliability")
    assert shown.section("multiverse").table("multiverse_questionnaire").rows
    assert list(tmp_path.iterdir()) == []
    app.session_state["open-screening-respondents_school"] = True
    _open(app, "data", source="upload")
    assert [element.value for element in app.title] == [HEADINGS["data"]]
    assert upload.job is None
    row = re.search(r"<th scope=\"row\">Tiny</th>(.*?)</tr>", _html(app), flags=re.S)
    assert row is not None
    cells = re.findall(r"<td[^>]*>(.*?)</td>", row[1])
    assert cells
    assert set(cells) <= {"skjult", "–"}


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("empty.csv", b"", "empty.csv"),
        ("fake.xlsx", b"no workbook", "fake.xlsx"),
        ("bomb.xlsx", b"PK\x03\x04 nothing", "damaged"),
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
    assert not app.button
    assert list(tmp_path.iterdir()) == []


def test_a_job_can_be_cancelled(app, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    _open(app, instrument="mental_ability", source="upload")
    _upload(app, "svar.csv", HS39.demonstration_path().read_bytes())
    app.button(key="run").click().run()
    app.button(key="cancel").click().run()
    job = app.session_state["uploads"]["mental_ability"].job
    assert job.ended.wait(20)
    assert job.state == "cancelled"
    app.run()
    assert words("da").catalogue["dashboard.cancelled"] in [one.value for one in app.info]
    assert list(tmp_path.iterdir()) == []


def test_a_cold_store_shows_progress_and_no_page_waits(app, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("analyses.showing.jobs.Office.submit", lambda office, job: job)
    st.cache_resource.clear()
    try:
        _open(app, "reliability", instrument="leadership_climate")
        assert [element.value for element in app.title] == [HEADINGS["reliability"]]
        assert words("da").catalogue["dashboard.first_time"] in [one.value for one in app.info]
        assert app.get("progress")
        assert not app.button
    finally:
        st.cache_resource.clear()


def test_a_reader_may_read_and_not_upload_or_inspect(app, monkeypatch):
    monkeypatch.setattr("analyses.showing.signing_in.role", lambda: "reader")
    _open(app, "reports", instrument="mental_ability")
    assert [one.key for one in app.sidebar.radio] == ["language", "instrument"]
    offered = {one.key for one in app.get("download_button")}
    assert "download-report-summary.pdf" in offered
    assert "download-report-results.json" not in offered


def test_a_study_is_planned_in_the_background_and_shown(app):
    _open(app, "planning", language="en", instrument="mental_ability")
    assert [one.label for one in app.button if one.key == "plan_run"] == ["Find the number"]
    app.selectbox(key="plan_claim").select("omega").run()
    app.number_input(key="plan_least").set_value(0.5)
    app.number_input(key="plan_repeats").set_value(20).run()
    assert not app.exception
    app.button(key="plan_run").click().run()
    job = app.session_state["plans"]["mental_ability"].job
    assert job.ended.wait(180)
    assert job.state == "done", job.error
    app.run()
    assert not app.exception
    shown = _html(app)
    assert "for the study to show, in 80% of cases, an omega" in shown
    assert shown.count("<img") == 1
    # A plan that is called off leaves nothing, and the fields are as they were.
    app.number_input(key="plan_least").set_value(0.95).run()
    app.button(key="plan_run").click().run()
    job = app.session_state["plans"]["mental_ability"].job
    shelf.office().cancel(job)
    assert job.ended.wait(60)
    app.run()
    assert app.info[0].value == words("en").catalogue["dashboard.cancelled"]


def test_every_claim_can_be_chosen(app):
    _open(app, "planning", language="da", instrument="coupling")
    for claim in CLAIMS:
        app.selectbox(key="plan_claim").set_value(claim).run()
        assert not app.exception
        assert not app.error
