"""What a reader has chosen: the language, the instrument and whose answers.

The choices stand in the address, so that a link shows the same page; it carries no data.
"""

from collections.abc import Callable, Mapping
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
SOURCES = ("demonstration", "upload")
KEPT = "kept_choices"
"""Where a session keeps what was chosen last."""


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
    kept: Mapping[str, str] = st.session_state.get(KEPT, {})
    chosen = st.session_state.get("language", kept.get("language"))
    asked = chosen or st.query_params.get("language")
    return asked if asked in LANGUAGES else LANGUAGES[0]


def choose() -> Choices:
    """Show the choices in the side bar, and keep the address in step with them."""
    kept = _kept()
    with st.sidebar:
        spoken = _radio("Sprog / Language", "language", LANGUAGES, LANGUAGE_NAMES.__getitem__)
        said = words(spoken)
        name = _radio(
            _say(said, "instrument"),
            "instrument",
            instruments.names(),
            lambda one: bundled(one).title.get(spoken, one),
        )
        source: Source = "demonstration"
        if signing_in.may("upload"):
            asked = _radio(_say(said, "source"), "source", SOURCES, lambda one: _say(said, one))
            source = "upload" if asked == "upload" else "demonstration"
    kept.update(language=spoken, instrument=name, source=source)
    address = {"language": spoken, "instrument": name}
    if st.query_params.to_dict() != address:
        st.query_params.from_dict(address)
    return Choices(said, bundled(name), source)


def _radio(label: str, key: str, options: tuple[str, ...], written: Callable[[str], str]) -> str:
    """Show a choice, which begins with what was chosen last.

    A browser that draws the side bar anew, as after a change of its width, falls back to what a
    choice begins with.
    """
    chosen = st.radio(
        label,
        options,
        index=options.index(_kept()[key]),
        format_func=written,
        horizontal=key == "language",
        key=key,
    )
    return chosen if chosen in options else options[0]


def _kept() -> dict[str, str]:
    """Give what was chosen last; at first what the address says."""
    if KEPT not in st.session_state:
        asked = st.query_params.get("instrument")
        known = asked in instruments.names()
        st.session_state[KEPT] = {
            "language": language(),
            "instrument": asked if known else FIRST_INSTRUMENT,
            "source": SOURCES[0],
        }
    kept: dict[str, str] = st.session_state[KEPT]
    return kept


def _say(said: Words, key: str) -> str:
    return said.say(Message(f"dashboard.{key}"))
