"""What a reader has chosen: the language, the instrument and whose answers.

The choices stand in the address, so that a link shows the same page; it carries no data.
"""

from dataclasses import dataclass
from functools import cache
from typing import Literal

import streamlit as st

import instruments
from analyses.section import Message, Value
from analyses.showing import signing_in
from analyses.wording import LANGUAGES, Words, words
from instruments.schema import Instrument

FIRST_INSTRUMENT = "coupling"
LANGUAGE_NAMES = {"da": "Dansk", "en": "English"}

Source = Literal["demonstration", "upload"]


@dataclass(frozen=True)
class Choices:
    """What is shown, and in which language."""

    words: Words
    instrument: Instrument
    source: Source

    def say(self, key: str, **values: Value) -> str:
        """Write a sentence of the dashboard."""
        return self.words.say(Message(f"dashboard.{key}", values))

    @property
    def title(self) -> str:
        """What the instrument is called."""
        return self.instrument.title.get(self.words.language, self.instrument.id)


@cache
def bundled(name: str) -> Instrument:
    """Give a bundled instrument, read once: none changes while the server runs."""
    return instruments.load(name)


def language() -> str:
    """Give the language of this run: the one chosen, else that of the address, else Danish."""
    asked = st.session_state.get("language", st.query_params.get("language"))
    return asked if asked in LANGUAGES else LANGUAGES[0]


def choose() -> Choices:
    """Show the choices in the side bar, and keep the address in step with them."""
    _begin_as_the_address_says()
    with st.sidebar:
        spoken = st.radio(
            "Sprog / Language",
            LANGUAGES,
            format_func=LANGUAGE_NAMES.__getitem__,
            horizontal=True,
            key="language",
        )
        said = words(spoken)
        name = st.radio(
            _say(said, "instrument"),
            instruments.names(),
            format_func=lambda one: bundled(one).title.get(spoken, one),
            key="instrument",
        )
        source: Source = "demonstration"
        if signing_in.may("upload"):
            source = st.radio(
                _say(said, "source"),
                ("demonstration", "upload"),
                format_func=lambda one: _say(said, one),
                key="source",
            )
    address = {"language": spoken, "instrument": name}
    if st.query_params.to_dict() != address:
        st.query_params.from_dict(address)
    return Choices(said, bundled(name), source)


def _begin_as_the_address_says() -> None:
    """Set the first choices of a session; later the reader's own stand."""
    if "language" not in st.session_state:
        st.session_state["language"] = language()
    if "instrument" not in st.session_state:
        asked = st.query_params.get("instrument")
        known = asked in instruments.names()
        st.session_state["instrument"] = asked if known else FIRST_INSTRUMENT


def _say(said: Words, key: str) -> str:
    return said.say(Message(f"dashboard.{key}"))
