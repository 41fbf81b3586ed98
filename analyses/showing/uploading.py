"""A reader's own answers: the file, which column is what, and the validation of it."""

import hashlib
from dataclasses import dataclass, field
from pathlib import PurePath

import streamlit as st

from analyses.intake.mapping import ColumnMapping, written
from analyses.intake.reading import ENDINGS
from analyses.reproducing import Read
from analyses.showing import assigning, progress, shelf
from analyses.showing.choosing import Choices
from analyses.showing.jobs import ENDED, Job, plain_name
from analyses.showing.settings import MOST_MEGABYTES
from analyses.showing.shelf import Shown
from analyses.showing.worker import Task

FILE_TYPES = [ending.removeprefix(".") for ending in ENDINGS]

LOOKING = 120.0
"""Seconds within which the columns of a file have to be found."""


@dataclass(eq=False)
class Upload:
    """One uploaded file in one session, with what the reader has said about it."""

    name: str
    content: bytes
    columns: tuple[str, ...] = ()
    found: frozenset[str] = frozenset()
    mapping: dict[str, str] = field(default_factory=dict)
    saved: ColumnMapping = field(default_factory=ColumnMapping)
    roles: dict[str, str] = field(default_factory=dict)
    wave: str | None = None
    flagged: str = "both"
    more: tuple[str, ...] = ()
    refusal: str = ""
    job: Job | None = None
    shown: Shown | None = None
    editing: bool = True

    def mapping_text(self) -> str | None:
        """Give the chosen columns as a mapping file; None where nothing was chosen."""
        default = ColumnMapping()
        if not self.mapping and not self.saved.own and self.saved.then == default.then:
            return None
        return written(ColumnMapping(self.mapping, self.saved.own, self.saved.then))


def report(choices: Choices) -> Shown | None:
    """Give the results on the reader's own file; None while there are none, and say what it takes.

    Nothing is computed until the reader asks for it, and nothing is computed twice.
    """
    uploads: dict[str, Upload] = st.session_state.setdefault("uploads", {})
    upload = uploads.get(choices.instrument.id)
    if upload is not None and upload.shown is not None and not upload.editing:
        with st.sidebar:
            if not st.button(choices.say("change"), key="change"):
                return upload.shown
        upload.editing = True
    upload = _file(choices, uploads)
    if upload is None:
        st.info(choices.say("waiting", title=choices.title))
        return None
    if upload.refusal:
        progress.refused(upload.refusal, choices)
        return None
    if upload.job is not None and upload.job.state not in ENDED:
        progress.follow(upload.job, choices, mine=True)
        return None
    if upload.job is not None and upload.job.state == "done" and upload.job.report is not None:
        upload.shown = Shown(_key(upload), upload.job.report, upload.job.figures)
        upload.job, upload.editing = None, False
        st.rerun()
    if upload.job is not None:
        progress.ended(upload.job, choices)
    assigning.form(upload, choices)
    if st.button(choices.say("run"), key="run"):
        upload.job = _validate(upload, choices)
        st.rerun()
    return None


def read(choices: Choices) -> Read:
    """Say how the answers that are shown were read, for the Python that reads them again."""
    if choices.source == "demonstration":
        return Read(choices.instrument.id)
    upload: Upload = st.session_state["uploads"][choices.instrument.id]
    return Read(
        choices.instrument.id,
        plain_name(upload.name),
        upload.roles,
        upload.mapping_text() is not None,
        upload.wave,
        upload.flagged,
        upload.more,
    )


def _file(choices: Choices, uploads: dict[str, Upload]) -> Upload | None:
    """Show the field for the file, and give the file that is there or was there before."""
    name = choices.instrument.id
    given = st.file_uploader(
        choices.say("file"),
        type=FILE_TYPES,
        help=choices.say("file_help", megabytes=MOST_MEGABYTES),
        key=f"file-{name}",
    )
    before = uploads.get(name)
    if given is None:
        return before
    content = given.getvalue()
    if before is None or before.content != content or before.name != given.name:
        uploads[name] = _looked_at(Upload(given.name, content), choices)
    return uploads[name]


def _looked_at(upload: Upload, choices: Choices) -> Upload:
    """Find the columns of a new file, in a process of its own."""
    task = Task("columns", choices.instrument.id, "", upload.name)
    with st.spinner(choices.say("looking")):
        job = shelf.owned().submit(Job(task, upload.content))
        job.ended.wait(LOOKING)
    if job.state == "done":
        upload.columns = tuple(job.told["columns"])
        upload.found = frozenset(job.told["found"])
        upload.mapping = dict(job.told["suggested"])
    else:
        shelf.office().cancel(job)
        upload.refusal = job.error or choices.say("failed")
    return upload


def _validate(upload: Upload, choices: Choices) -> Job:
    task = Task(
        "validate",
        choices.instrument.id,
        "",
        PurePath(plain_name(upload.name)).name,
        roles=dict(upload.roles),
        wave=upload.wave,
        flagged=upload.flagged,
        more=upload.more,
    )
    return shelf.owned().submit(Job(task, upload.content, upload.mapping_text()))


def _key(upload: Upload) -> str:
    """Name a result by the file and all that was said about it."""
    said = (
        upload.name,
        upload.mapping_text(),
        upload.roles,
        upload.wave,
        upload.flagged,
        upload.more,
    )
    return hashlib.sha256(upload.content + repr(said).encode()).hexdigest()
