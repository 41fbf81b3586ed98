"""What is shared by all sessions: the queue of jobs, and the results on bundled answers."""

import threading
from dataclasses import dataclass

import streamlit as st

from analyses.section import Report
from analyses.showing import stored
from analyses.showing.jobs import ENDED, Figures, Job, Office, Owned
from analyses.showing.worker import Task
from instruments.schema import Instrument

MOST_DRAWN = 400
"""Parts of pages that are kept as drawn, for all readers of the bundled answers."""


@dataclass(frozen=True, eq=False)
class Shown:
    """A report with its figures, and the name under which what is drawn of it is kept."""

    key: str
    report: Report
    figures: Figures


class Shelf:
    """The results on bundled answers: read from the store once, or computed once for everybody."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._lock = threading.Lock()
        self._reports: dict[str, Shown] = {}
        self._jobs: dict[str, Job] = {}

    def get(self, instrument: Instrument) -> Shown | Job:
        """Give the results on an instrument's bundled answers, or the job that makes them."""
        key = stored.key(instrument)
        with self._lock:
            if (shown := self._reports.get(key)) is not None:
                return shown
            job = self._jobs.get(key)
            if job is not None and job.state not in ENDED:
                return job
            found = stored.load(instrument) if job is None else None
            if job is not None and job.report is not None:
                found = job.report, job.figures
            if found is not None:
                self._reports[key] = Shown(key, *found)
                return self._reports[key]
            if job is not None and job.state != "cancelled":
                return job
            self._jobs[key] = self._start(instrument)
            return self._jobs[key]

    def warm(self, instrument: Instrument) -> None:
        """Read the stored results of an instrument, where there are some."""
        if stored.place(instrument).exists():
            self.get(instrument)

    def _start(self, instrument: Instrument) -> Job:
        answers = str(instrument.demonstration_path())
        # Whoever has uploaded a survey waits for nothing else; the bundled answers can.
        task = Task("validate", instrument.id, "", answers, patient=True)
        job = Job(task, keep=lambda folder: stored.keep(instrument, folder))
        return self._office.submit(job)


@st.cache_resource(show_spinner=False)
def office() -> Office:
    """Give the queue of this server."""
    return Office()


@st.cache_resource(show_spinner=False)
def shelf() -> Shelf:
    """Give the results on bundled answers of this server."""
    return Shelf(office())


@st.cache_resource(show_spinner=False, scope="session", on_release=Owned.leave)
def _owned() -> Owned:
    mine: Owned = st.session_state.setdefault("owned", Owned(office()))
    return mine


def owned() -> Owned:
    """Give the jobs of this session, which is there as long as it asks."""
    mine = _owned()
    mine.keep()
    return mine
