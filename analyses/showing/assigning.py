"""Which column of a reader's file is what: suggested, chosen by hand, saved and used again."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from analyses.errors import SurveyError
from analyses.intake.mapping import ColumnMapping, read_mapping
from analyses.intake.suggesting import wanted
from analyses.reproducing import MORE
from analyses.section import Message, Text
from analyses.showing import progress
from analyses.showing.choosing import Choices
from instruments.schema import Instrument

if TYPE_CHECKING:
    from analyses.showing.uploading import Upload

ROLES = ("group", "cluster", "wave", "start", "cohort")
"""As on the command line."""

MOST_FIELDS = 25
"""Fields that are shown at once; the others come when these are filled."""

SAVED = "kolonner.toml"


def form(upload: "Upload", choices: Choices) -> None:
    """Let the reader say which column is what, and how it is to be analysed."""
    # Imported here: the first page does not wait for it.
    from analyses.sensitivity import FLAGGED

    names = wanted(choices.instrument)
    n_found = len(upload.found | set(upload.mapping))
    st.write(choices.say("found", n=n_found, all=len(names), columns=len(upload.columns)))
    missing = [name for name in names if name not in upload.found and name not in upload.mapping]
    items_missing = [name for name in missing if name in choices.instrument.all_item_ids]
    with st.expander(choices.say("columns"), expanded=bool(items_missing or upload.mapping)):
        st.write(choices.say("columns_help"))
        _saved(upload, choices)
        groups = _groups(upload, choices)
        group = st.selectbox(
            choices.say("show_group"), list(groups), format_func=groups.__getitem__, key="group"
        )
        fields = _names_of(group, upload, choices.instrument)
        for name in fields[:MOST_FIELDS]:
            _field(name, upload, choices)
        if len(fields) > MOST_FIELDS:
            st.caption(choices.say("more_fields", n=len(fields) - MOST_FIELDS))
        if not fields:
            st.caption(choices.say("no_fields"))
        if (text := upload.mapping_text()) is not None:
            st.download_button(
                choices.say("save_columns"), text, SAVED, "application/toml", on_click="ignore"
            )
    with st.expander(choices.say("roles")):
        st.write(choices.say("roles_help"))
        for role in ROLES:
            _role(role, upload, choices)
        said = st.text_input(choices.say("at_wave"), value=upload.wave or "", key="at_wave")
        upload.wave = said.strip() or None
        upload.flagged = st.radio(
            choices.say("flagged"),
            FLAGGED,
            index=FLAGGED.index(upload.flagged),
            format_func=lambda one: choices.say(f"flagged_{one}"),
            key="flagged",
        )
    with st.expander(choices.say("more")):
        upload.more = tuple(
            name
            for name in MORE
            if st.checkbox(choices.say(f"more_{name}"), value=name in upload.more, key=name)
        )


def _groups(upload: "Upload", choices: Choices) -> Mapping[str, str]:
    """Give what can be shown: what is not found, what was chosen, each scale, the background."""
    scales = {
        scale.id: choices.words.text(_text(scale.label)) for scale in choices.instrument.scales
    }
    groups = {name: choices.say(f"group_{name}") for name in ("missing", "chosen", "background")}
    return groups | scales


def _names_of(group: str, upload: "Upload", instrument: Instrument) -> list[str]:
    background = {column.name for column in instrument.columns}
    belongs: Mapping[str, Callable[[str], bool]] = {
        "missing": lambda name: name not in upload.found and name not in upload.mapping,
        "chosen": lambda name: name in upload.mapping,
        "background": lambda name: name in background,
    }
    if group in belongs:
        return [name for name in wanted(instrument) if belongs[group](name)]
    return list(next(scale.items for scale in instrument.scales if scale.id == group))


def _field(name: str, upload: "Upload", choices: Choices) -> None:
    """Show one name of the instrument with the column it is read from."""
    key = f"column-{choices.instrument.id}-{name}"
    options = ("", *upload.columns)
    now = upload.mapping.get(name, name if name in upload.columns else "")

    def chosen() -> None:
        column = st.session_state[key]
        upload.mapping.pop(name, None)
        if column and column != name:
            upload.mapping[name] = column

    st.selectbox(
        _label(name, choices),
        options,
        index=options.index(now) if now in options else 0,
        format_func=lambda column: column or choices.say("automatic"),
        key=key,
        on_change=chosen,
    )


def _role(role: str, upload: "Upload", choices: Choices) -> None:
    options = ("", *upload.columns)
    now = upload.roles.get(role, "")
    column = st.selectbox(
        choices.say(f"role_{role}"),
        options,
        index=options.index(now) if now in options else 0,
        format_func=lambda one: one or choices.say("as_instrument"),
        key=f"role-{choices.instrument.id}-{role}",
    )
    upload.roles.pop(role, None)
    if column:
        upload.roles[role] = column


def _saved(upload: "Upload", choices: Choices) -> None:
    """Take over a mapping file that was saved before."""
    given = st.file_uploader(
        choices.say("saved_columns"), type=["toml"], key=f"saved-{choices.instrument.id}"
    )
    if given is None or st.session_state.get("saved_read") == given.file_id:
        return
    st.session_state["saved_read"] = given.file_id
    with tempfile.TemporaryDirectory(prefix="kobling-") as folder:
        path = Path(folder) / SAVED
        path.write_bytes(given.getvalue())
        try:
            read = read_mapping(path, choices.instrument)
        except SurveyError as error:
            progress.refused(str(error), choices)
            return
    upload.saved = ColumnMapping({}, read.own, read.then)
    upload.mapping = dict(read.columns)
    for name in wanted(choices.instrument):
        st.session_state.pop(f"column-{choices.instrument.id}-{name}", None)


def _label(name: str, choices: Choices) -> str:
    """Write what a name stands for: the wording of an item, the label of a column."""
    instrument = choices.instrument
    if name in instrument.all_item_ids:
        words = _text(instrument.item(name).text)
    else:
        words = _text(next(one.label for one in instrument.columns if one.name == name))
    return choices.words.say(Message("dashboard.field", {"name": name, "text": words}))


def _text(languages: Mapping[str, str]) -> Text:
    return Text(dict(languages))
