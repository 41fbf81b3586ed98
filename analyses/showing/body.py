"""What stands on a page below its answer: findings, figures, tables, and what to take away."""

from collections import OrderedDict
from collections.abc import Callable, Sequence

import streamlit as st

from analyses import glossary, labels, pages, reproducing
from analyses.briefing import main_results
from analyses.pages import Page
from analyses.section import Figure, Message, Report, Section, Table
from analyses.showing import downloads, parts, signing_in, uploading
from analyses.showing.choosing import Choices
from analyses.showing.downloads import Download, ReportFiles
from analyses.showing.shelf import MOST_DRAWN, Shown

TECHNICAL = (".json", ".xlsx", ".csv", ".sav")
"""Files for programs and specialists, which may hold what has no licence to be compared."""

FIRST = ("summary.pdf", "summary.docx", "report.pdf", "report.docx", "report.html")
"""Files in the order that readers want them; the others follow by name."""


def answer(report: Report, page: Page, choices: Choices) -> Message:
    """Give the sentence that a page opens with."""
    if page.id == "overview":
        return Message("page.overview.answer", {"title": main_results.title(report)})
    if page.id in ("reports", "planning", "method"):
        return Message(f"page.{page.id}.answer")
    return pages.answer(report, page)


def show(shown: Shown, page: Page, choices: Choices, addresses: "dict[str, st.Page]") -> None:
    """Lay out a page below its answer."""
    match page.id:
        case "overview":
            _overview(shown.report, choices, addresses)
        case "reports":
            _reports(shown, choices)
        case _:
            _sections(shown, page, choices)
    if page.id == "method":
        st.header(choices.say("glossary"), anchor=False)
        st.html(parts.terms(glossary.entries(), choices.words))


def _overview(report: Report, choices: Choices, addresses: "dict[str, st.Page]") -> None:
    """Give the answer of every page, with the way to it."""
    for page in pages.PAGES[1:]:
        with st.container(gap=None):
            title = choices.words.say(Message(f"page.{page.id}.title"))
            st.page_link(addresses[page.id], label=f"**{title}**")
            told = choices.words.say(answer(report, page, choices))
            st.html(parts.paragraph(told, choices.words))
    for note in report.notes:
        st.caption(choices.words.say(note))


def _reports(shown: Shown, choices: Choices) -> None:
    """Offer the files of a run, made when the first is asked for."""
    kept: dict[str, ReportFiles] = st.session_state.setdefault("files", {})
    name = f"{shown.key}-{choices.words.language}"
    if name not in kept:
        kept.clear()
        kept[name] = ReportFiles(shown.report, choices.words)
    offered = [
        one
        for one in kept[name].downloads
        if signing_in.may("inspect") or not one.name.endswith(TECHNICAL)
    ]
    place = {name: number for number, name in enumerate(FIRST)}
    for one in sorted(offered, key=lambda one: (place.get(one.name, len(FIRST)), one.name)):
        with st.container(gap="small"):
            st.html(parts.paragraph(_about(one, choices), choices.words))
            _button(one, choices, "report")


def _about(file: Download, choices: Choices) -> str:
    """Say what a file is for; one that has no sentence of its own by its kind."""
    stem = file.name.replace(".", "_")
    key = f"dashboard.file_of.{stem}"
    if choices.words.has(key):
        return choices.words.say(Message(key))
    return choices.say("file_of_kind", kind=file.name.rsplit(".", 1)[-1].upper())


def _sections(shown: Shown, page: Page, choices: Choices) -> None:
    found = pages.sections(shown.report, page)
    for place, section in enumerate(found):
        if len(found) > 1:
            st.header(_heading(section, page, choices), anchor=False)
            if place > 0 and page.part != "groups":
                st.html(parts.answer(section.answer, choices.words))
        _section(shown, page, section.id, choices)


def _heading(section: Section, page: Page, choices: Choices) -> str:
    """Give the heading of a section, which on a page of its tables alone has another."""
    if page.part == "groups":
        return choices.words.say(Message(f"page.groups.{section.id}"))
    return labels.title(section, choices.words)


@st.fragment
def _section(shown: Shown, page: Page, section_id: str, choices: Choices) -> None:
    """Show one section; what is opened in it does not draw the page anew."""
    found = pages.sections(shown.report, page)
    section = next(one for one in found if one.id == section_id)
    said = choices.words
    if section.findings:
        _html(
            shown,
            choices,
            f"{page.id}-{section_id}-findings",
            lambda: parts.findings(section.findings, said),
        )
    if section.notes:
        _html(shown, choices, f"{page.id}-{section_id}-notes", lambda: parts.notes(section, said))
    drawn = {figure.table for figure in section.figures}
    for figure in section.figures:
        _figure(shown, figure, choices)
    for table in section.tables:
        if table.id in drawn:
            _table(shown, section, table, choices, "as_table")
    others = [table for table in section.tables if table.id not in drawn]
    if others:
        heading = st.subheader if len(found) > 1 else st.header
        heading(choices.say("tables"), anchor=False)
    for table in others:
        _table(shown, section, table, choices, "one_table")


def _figure(shown: Shown, figure: Figure, choices: Choices) -> None:
    picture = shown.figures[choices.words.language][figure.id]
    st.html(parts.picture(figure, picture, choices.words))
    _buttons(downloads.of_figure(figure, picture), choices, "figure")


def _table(shown: Shown, section: Section, table: Table, choices: Choices, label: str) -> None:
    """Show a table when it is opened, with its files and the Python that makes it again.

    One that a section has nothing beside is open from the start.
    """
    box = st.expander(
        choices.say(label, title=table.title),
        expanded=len(section.tables) == 1 and not section.figures,
        key=f"open-{section.id}-{table.id}",
        on_change="rerun",
    )
    if not box.open:
        return
    with box:
        st.html(parts.table(table, choices.words))
        _buttons(downloads.of_table(shown.report, section, table, choices.words), choices, "table")
        if signing_in.may("inspect"):
            code = reproducing.code(uploading.read(choices), section.id, table.id)
            st.caption(choices.say("python"))
            # The colours of a highlighted program have too little contrast.
            st.code(code, language=None)


def _buttons(files: Sequence[Download], choices: Choices, place: str) -> None:
    with st.container(horizontal=True):
        for one in files:
            _button(one, choices, place)


def _button(file: Download, choices: Choices, place: str) -> None:
    st.download_button(
        choices.say("download", file=file.name),
        file.make,
        file.name,
        file.kind,
        key=f"download-{place}-{file.name}",
        on_click="ignore",
    )


def _html(shown: Shown, choices: Choices, name: str, make: Callable[[], str]) -> None:
    """Show a part that is drawn once; an instrument's own answers are drawn once for everybody."""
    key = f"{shown.key}-{choices.words.language}-{name}"
    kept: OrderedDict[str, str]
    if choices.source == "demonstration":
        kept = _drawn()
    else:
        kept = st.session_state.setdefault("drawn", OrderedDict())
    if key not in kept:
        kept[key] = make()
        while len(kept) > MOST_DRAWN:
            kept.popitem(last=False)
    st.html(kept[key])


@st.cache_resource(show_spinner=False)
def _drawn() -> OrderedDict[str, str]:
    return OrderedDict()
