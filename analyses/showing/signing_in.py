"""Who may do what, where the dashboard is served to several: Streamlit's sign-in, and three roles.

Without an `[auth]` part in Streamlit's secrets nobody signs in, and everybody on this machine may
do everything. With it, a reader reads and takes the reports away; an evaluator also uploads
answers; an analyst also gets the tables and results for programs, and the Python.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

from analyses.errors import AnalysisError
from analyses.section import Message
from analyses.wording import words

RIGHTS: Mapping[str, frozenset[str]] = {
    "reader": frozenset({"read"}),
    "evaluator": frozenset({"read", "upload"}),
    "analyst": frozenset({"read", "upload", "inspect"}),
}
"""What each role may do."""

NEEDED = ("authlib", "httpx")
"""What Streamlit's sign-in needs beside itself."""

LOWEST = "reader"
"""The role of whoever has signed in and has none of their own."""


def is_required() -> bool:
    """Tell whether readers have to sign in."""
    return bool(secrets("auth"))


def role() -> str:
    """Give the reader's role; that of an analyst where nobody signs in.

    Raises
    ------
    AnalysisError
        Where the configuration names a role that there is none of.
    """
    if not is_required():
        return "analyst"
    configured: Mapping[str, Any] = secrets("kobling") or {}
    roles = {
        str(person).casefold(): str(given)
        for person, given in dict(configured.get("roles", {})).items()
    }
    given = roles.get(_address().casefold(), str(configured.get("role", LOWEST)))
    if given not in RIGHTS:
        raise AnalysisError(f'the secrets name the role "{given}"; there are {", ".join(RIGHTS)}.')
    return given


def may(right: str) -> bool:
    """Tell whether the reader has a right: "read", "upload" or "inspect"."""
    return right in RIGHTS[role()]


def require(language: str) -> None:
    """Let nobody past who has to sign in and has not.

    Raises
    ------
    AnalysisError
        Where sign-in is configured and a library it needs is not installed.
    """
    if not is_required():
        return
    lacking = [name for name in NEEDED if find_spec(name) is None]
    if lacking:
        raise AnalysisError(
            f"sign-in is configured, and {' and '.join(lacking)} cannot be found. "
            'From the checkout, install what it needs: pip install ".[login]".'
        )
    said = words(language)
    if not st.user.is_logged_in:
        st.title("Kobling", anchor=False)
        st.write(said.say(Message("dashboard.sign_in_first")))
        st.button(said.say(Message("dashboard.sign_in")), on_click=st.login)
        st.stop()
    with st.sidebar:
        st.caption(said.say(Message(f"dashboard.role.{role()}", {"who": _address()})))
        st.button(said.say(Message("dashboard.sign_out")), on_click=st.logout)


def _address() -> str:
    """Give the reader's confirmed e-mail address; nothing where it is not confirmed."""
    told = st.user.to_dict()
    return str(told.get("email", "")) if told.get("email_verified", True) else ""


def secrets(part: str) -> Any:
    """Give a part of Streamlit's secrets; None where there is none."""
    try:
        return st.secrets.get(part)
    except StreamlitSecretNotFoundError:
        return None
