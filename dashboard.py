"""The dashboard: choose an instrument and answers, and read the published sections.

`streamlit run dashboard.py`, or `kobling dashboard`. It chooses, caches and lays out; every number
comes from a published section, and every word from the catalogue.
"""

import hashlib
import tempfile
from pathlib import Path, PurePath

import streamlit as st

import instruments
from analyses import labels, side_by_side
from analyses.errors import AnalysisError
from analyses.export import html
from analyses.intake.survey import read_survey
from analyses.publication import software
from analyses.report import validate
from analyses.section import Message, Report, Section, Value
from analyses.wording import LANGUAGES, Words, words
from measure.errors import MeasureError

FIRST_INSTRUMENT = "leadership_climate"
FILE_TYPES = ["csv", "tsv", "txt", "xlsx", "sav", "dta", "parquet"]
LANGUAGE_NAMES = {"da": "Dansk", "en": "English"}
# As many reports of uploaded files are kept in a session, and none outlives it.
MOST_REPORTS_KEPT = 5

# Tables get the room that Streamlit leaves empty beside the page.
STYLE = "<style>.stMainBlockContainer { padding-inline: 2rem; }</style>"

REFUSED = (MeasureError, AnalysisError, instruments.InstrumentError, instruments.AnswerError)


def main() -> None:
    """Lay out the page."""
    st.set_page_config(page_title="Kobling", page_icon="🔗", layout="wide")
    st.html(STYLE)
    language = st.sidebar.radio(
        "Sprog / Language",
        LANGUAGES,
        format_func=LANGUAGE_NAMES.__getitem__,
        horizontal=True,
        key="language",
    )
    said = words(language)
    instrument = _choose_instrument(said)
    try:
        report = _choose_report(instrument, said)
    except REFUSED as error:
        st.error(f"**{_say(said, 'error')}**")
        # As text, since a file's own words must not be read as markup.
        st.text(str(error))
        return
    if report is not None:
        _show(report, said)


def _choose_instrument(said: Words) -> instruments.Instrument:
    names = instruments.names()
    name = st.sidebar.radio(
        _say(said, "instrument"),
        names,
        index=names.index(FIRST_INSTRUMENT),
        format_func=lambda one: instruments.load(one).title.get(said.language, one),
        key="instrument",
    )
    return instruments.load(name)


def _choose_report(instrument: instruments.Instrument, said: Words) -> Report | None:
    """Give the report on the chosen answers; None while none are chosen."""
    source = st.sidebar.radio(
        _say(said, "source"),
        ("demonstration", "upload"),
        format_func=lambda one: _say(said, one),
        key="source",
    )
    title = instrument.title.get(said.language, instrument.id)
    if source == "demonstration":
        if instrument.demonstration is None:
            st.info(_say(said, "no_demonstration", title=title))
            return None
        with st.spinner(_say(said, "working")):
            content = instrument.demonstration_path().read_bytes()
            return _demonstration(instrument.id, _key(instrument, content))
    given = st.sidebar.file_uploader(
        _say(said, "file"), type=FILE_TYPES, help=_say(said, "file_help"), key="file"
    )
    if given is None:
        st.info(_say(said, "waiting", title=title))
        return None
    with st.spinner(_say(said, "working")):
        return _uploaded(instrument, given.name, given.getvalue())


def _key(instrument: instruments.Instrument, content: bytes) -> str:
    """Name a result by all that it depends on: the answers, the instrument and the code."""
    digest = hashlib.sha256(content)
    digest.update(instrument.model_dump_json().encode())
    digest.update(_code().encode())
    return digest.hexdigest()


@st.cache_resource(show_spinner=False)
def _code() -> str:
    """Give a digest of the code that computes."""
    digest = hashlib.sha256(software().encode())
    for room in ("measure", "instruments", "analyses"):
        for path in sorted((Path(__file__).parent / room).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


@st.cache_resource(show_spinner=False, max_entries=10)
def _demonstration(name: str, key: str) -> Report:
    """Give the report on bundled data, computed once for all sessions."""
    instrument = instruments.load(name)
    survey = read_survey(instrument.demonstration_path(), instrument)
    with side_by_side.team() as team:
        return validate(instrument, survey, team=team)


def _uploaded(instrument: instruments.Instrument, name: str, content: bytes) -> Report:
    """Give the report on an uploaded file; it is kept in this session's memory only."""
    kept: dict[str, Report] = st.session_state.setdefault("reports", {})
    key = _key(instrument, content) + name
    if key not in kept:
        # The folder is readable by this user only, and gone when the answers have been read.
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / PurePath(name.replace("\\", "/")).name
            path.write_bytes(content)
            survey = read_survey(path, instrument)
        with side_by_side.team() as team:
            kept[key] = validate(instrument, survey, team=team)
        while len(kept) > MOST_REPORTS_KEPT:
            del kept[next(iter(kept))]
    return kept[key]


def _show(report: Report, said: Words) -> None:
    title = report.title.get(said.language, report.instrument)
    for mark in labels.marks(report, said):
        st.warning(mark)
    st.header(title, anchor=False)
    st.caption(
        _say(
            said,
            "provenance",
            survey=report.survey,
            n=report.n_obs,
            instrument=report.instrument,
            version=report.instrument_version,
            software=report.software,
        )
    )
    chosen = st.sidebar.radio(
        _say(said, "section"),
        ("", *(section.id for section in report.sections)),
        format_func=lambda one: (
            labels.title(report.section(one), said) if one else _say(said, "overview")
        ),
        key="section",
    )
    if chosen:
        _show_section(report.section(chosen), said)
    else:
        _show_overview(report, said)


def _show_overview(report: Report, said: Words) -> None:
    for section in report.sections:
        st.subheader(labels.title(section, said), anchor=False)
        _write(section.answer, said)
    for note in report.notes:
        st.caption(said.say(note))


def _show_section(section: Section, said: Words) -> None:
    st.subheader(labels.title(section, said), anchor=False, divider="gray")
    _write(section.answer, said)
    parts = html.section_parts(section, said)
    style = parts.pop("style")
    for part in parts.values():
        st.html(f'{style}<div class="kobling" lang="{said.language}">{part}</div>')


def _write(message: Message, said: Words) -> None:
    """Write a sentence as it is, without reading it as markup."""
    st.html(html.paragraph(said.say(message), said.language))


def _say(said: Words, key: str, **values: Value) -> str:
    return said.say(Message(f"dashboard.{key}", values))


if __name__ == "__main__":
    main()
