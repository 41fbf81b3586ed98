"""How far a job has come, with a way to end it."""

import streamlit as st

from analyses.section import Message
from analyses.showing import shelf
from analyses.showing.choosing import Choices
from analyses.showing.jobs import ENDED, Job

EVERY = {"running": 1.5, "waiting": 4.0}
"""Seconds between two looks at a job. Every look draws anew in the reader's browser, and in those
of all others that wait."""


def follow(job: Job, choices: Choices, *, mine: bool) -> None:
    """Show how far a job has come, and show the page anew when it ends.

    Parameters
    ----------
    job
        The job.
    choices
        What the reader has chosen.
    mine
        Whether it is this reader's own, who may then cancel it.
    """
    # Read once: a job may end at any moment.
    state = job.state
    if state in ENDED:
        ended(job, choices)
        return

    @st.fragment(run_every=EVERY[state])
    def look() -> None:
        if job.state != state:
            st.rerun()
        if state == "waiting":
            text = choices.say("queue", n=shelf.office().place(job))
        else:
            text = choices.words.say(Message(job.step))
        st.progress(min(job.share, 1.0), text=text)
        if mine and st.button(choices.say("cancel"), key="cancel"):
            shelf.office().cancel(job)
            st.rerun()

    st.write(choices.say("working"))
    look()


def ended(job: Job, choices: Choices) -> None:
    """Say how a job ended that gave no report."""
    if job.state == "refused":
        refused(job.error, choices)
    elif job.state == "cancelled":
        st.info(choices.say("cancelled"))
    elif job.state == "failed":
        st.error(choices.say("failed"))


def refused(error: str, choices: Choices) -> None:
    """Say that a file cannot be examined, in the program's own words."""
    st.error(f"**{choices.say('error')}**")
    # As text, since a file's own words must not be read as markup.
    st.text(error)
