"""The frame of the dashboard: its pages, what is chosen, and whose results are shown."""

from collections.abc import Callable

import streamlit as st

from analyses import labels, pages
from analyses.errors import AnalysisError
from analyses.pages import Page
from analyses.section import Message
from analyses.showing import (
    body,
    choosing,
    parts,
    planning,
    progress,
    shelf,
    signing_in,
    uploading,
)
from analyses.showing.choosing import Choices
from analyses.showing.jobs import Job
from analyses.showing.settings import SERVED
from analyses.showing.shelf import Shown
from analyses.wording import words
from instruments import InstrumentError

LANGUAGE = '<span data-language="{language}" hidden></span>'
LANGUAGE_SCRIPT = '<script>document.documentElement.lang = "{language}";</script>'
"""Tells the browser, and with it a screen reader, which language the page is in. A served page may
run no script that is written in it, and has one of its own that reads the mark."""


def main() -> None:
    """Show the page that the address names."""
    language = choosing.language()
    said = words(language)
    st.set_page_config(page_title="Kobling", page_icon="🔗", layout="wide")
    try:
        signing_in.require(language)
        chosen: list[Choices] = []
        addresses: dict[str, st.Page] = {}
        for place, page in enumerate(pages.PAGES):
            addresses[page.id] = st.Page(
                _shown(page, chosen, addresses),
                title=said.say(Message(f"page.{page.id}.title")),
                url_path=page.path,
                default=place == 0,
            )
        current = st.navigation(list(addresses.values()), expanded=True)
        chosen.append(choosing.choose())
    except (AnalysisError, InstrumentError) as error:
        st.error(str(error))
        return
    st.html(f"{parts.style(said)}")
    mark = LANGUAGE if signing_in.secrets(SERVED) else LANGUAGE + LANGUAGE_SCRIPT
    st.html(mark.format(language=language), unsafe_allow_javascript=True)
    current.run()


def _shown(page: Page, chosen: list[Choices], addresses: dict[str, st.Page]) -> Callable[[], None]:
    """Give the page as the function that Streamlit calls when it is opened."""

    def run() -> None:
        choices = chosen[-1]
        st.title(choices.words.say(Message(f"page.{page.id}.title")), anchor=False)
        if page.id == "planning":
            planning.show(choices)
            return
        shown = _report(choices)
        if shown is None:
            return
        report = shown.report
        for mark in labels.marks(report, choices.words):
            st.warning(mark)
        st.html(parts.answer(body.answer(report, page, choices), choices.words))
        st.caption(
            choices.say(
                "provenance",
                survey=report.survey,
                n=report.n_obs,
                instrument=choices.title,
                version=report.instrument_version,
                software=report.software,
            )
        )
        body.show(shown, page, choices, addresses)

    return run


def _report(choices: Choices) -> Shown | None:
    """Give the results that are asked for; None while they are made, which is shown instead."""
    if choices.source == "upload":
        return uploading.report(choices)
    if choices.instrument.demonstration is None:
        st.info(choices.say("no_demonstration", title=choices.title))
        return None
    got = shelf.shelf().get(choices.instrument)
    if isinstance(got, Job):
        st.info(choices.say("first_time"))
        progress.follow(got, choices, mine=False)
        return None
    return got
