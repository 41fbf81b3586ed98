"""The page on which a study is planned: what it is to show, what is taken as given, the answer."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import streamlit as st

from analyses import reproducing
from analyses.errors import AnalysisError
from analyses.section import Message, Section
from analyses.showing import downloads, parts, progress, shelf, signing_in
from analyses.showing.choosing import Choices
from analyses.showing.downloads import Download
from analyses.showing.jobs import ENDED, Job
from analyses.showing.shelf import Shown
from analyses.showing.worker import Task
from analyses.studies.wishes import CLAIMS, FEWEST_REPEATS, OF_CLUSTERS, Wish

WITH_EFFECT = frozenset({"difference", "gain", "wedge"})
WITH_LEAST = frozenset({"omega", "icc2"})
OF_ONE_SCALE = frozenset(CLAIMS) - {"fits", "loading"}

REPEATS, MOST_REPEATS = 200, 2000


@dataclass(eq=False)
class Plan:
    """One plan of a session, on its way or done."""

    wish: Wish
    job: Job | None = None
    shown: Shown | None = None


def show(choices: Choices) -> None:
    """Show the page."""
    st.html(parts.answer(Message("page.planning.answer"), choices.words))
    plans: dict[str, Plan] = st.session_state.setdefault("plans", {})
    plan = plans.get(choices.instrument.id)
    if not signing_in.may("upload"):
        st.info(choices.say("plan_not_allowed"))
        return
    # The fields stay while a plan is made: what is not shown is forgotten.
    wish = _wish(choices)
    if plan is not None and plan.job is not None and plan.job.state not in ENDED:
        progress.follow(plan.job, choices, mine=True)
        return
    if st.button(choices.say("plan_run"), key="plan_run", disabled=wish is None):
        assert wish is not None
        plans[choices.instrument.id] = _begun(wish, choices)
        st.rerun()
    if plan is not None:
        _ended(plan, choices)


def _begun(wish: Wish, choices: Choices) -> Plan:
    task = Task("plan", choices.instrument.id, "", "", wish=asdict(wish))
    return Plan(wish, shelf.owned().submit(Job(task)))


def _ended(plan: Plan, choices: Choices) -> None:
    """Show the plan, or say why there is none."""
    if plan.job is not None and plan.job.report is not None:
        plan.shown = Shown("plan", plan.job.report, plan.job.figures)
        plan.job = None
    if plan.shown is not None:
        _shown(plan, plan.shown, choices)
    elif plan.job is not None and plan.job.state == "refused":
        st.error(f"**{choices.say('plan_error')}**")
        st.text(plan.job.error)
    elif plan.job is not None:
        progress.ended(plan.job, choices)


def _wish(choices: Choices) -> Wish | None:
    """Ask what is wanted; None where it is impossible, which is said."""
    said = choices.words
    claim = st.selectbox(
        choices.say("plan_claim"),
        CLAIMS,
        format_func=lambda one: said.say(Message(f"dashboard.plan_claim.{one}")),
        key="plan_claim",
    )
    given: dict[str, Any] = {"claim": claim}
    if claim in OF_ONE_SCALE:
        scales = {one.id: one for one in choices.instrument.reflective_scales}
        given["scale"] = st.selectbox(
            choices.say("plan_scale"),
            list(scales),
            format_func=lambda one: scales[one].label.get(said.language, one),
            key="plan_scale",
        )
    if claim in WITH_EFFECT:
        rules = choices.instrument.rules
        usual = rules.equivalence_band if claim == "difference" else rules.change_worthwhile
        given["effect"] = _number("plan_effect", choices, usual.value, (0.05, 2.0))
    if claim in WITH_LEAST:
        rule = choices.instrument.rules.omega_groups if claim == "omega" else None
        least = choices.instrument.rules.icc2 if rule is None else rule
        given["least"] = _number("plan_least", choices, least.value, (0.05, 0.95))
    if claim == "icc2":
        given["clusters"] = _count("plan_clusters", choices, 40, (2, 1000))
    if claim in ("gain", "wedge"):
        given["size"] = _count("plan_size", choices, 12, (2, 500))
    if claim == "wedge":
        given["periods"] = _count("plan_periods", choices, 5, (3, 20))
    given["target"] = _number("plan_power", choices, 0.80, (0.50, 0.99))
    with st.expander(choices.say("plan_more")):
        st.write(choices.say("plan_more_help"))
        given |= _taken(claim, choices)
    try:
        return Wish(**given)
    except AnalysisError as error:
        st.error(f"**{choices.say('plan_error')}**")
        st.text(str(error))
        return None


def _taken(claim: str, choices: Choices) -> dict[str, Any]:
    """Ask what is taken of the population in place of what the instrument states."""
    asked = ["loading"]
    if claim in ("fits", "loading"):
        asked.append("correlation")
    if claim in OF_CLUSTERS:
        asked.append("icc")
    given: dict[str, Any] = {
        name: _number(f"plan_{name}", choices, None, (0.01, 0.95)) for name in asked
    }
    given["missing"] = _number("plan_missing", choices, 0.0, (0.0, 0.8))
    given["repeats"] = _count("plan_repeats", choices, REPEATS, (FEWEST_REPEATS, MOST_REPEATS))
    return given


def _number(
    key: str, choices: Choices, value: float | None, ends: tuple[float, float]
) -> float | None:
    low, high = ends
    got = st.number_input(choices.say(key), low, high, value, step=0.01, format="%.2f", key=key)
    return None if got is None else float(got)


def _count(key: str, choices: Choices, value: int, ends: tuple[int, int]) -> int:
    return int(st.number_input(choices.say(key), ends[0], ends[1], value, step=1, key=key))


def _shown(plan: Plan, shown: Shown, choices: Choices) -> None:
    """Show the section of a plan, with what there is to take away."""
    said, section = choices.words, shown.report.section("planning")
    st.header(choices.say("plan_found"), anchor=False)
    st.html(parts.answer(section.answer, said))
    st.html(parts.findings(section.findings, said))
    for figure in section.figures:
        picture = shown.figures[said.language][figure.id]
        st.html(parts.picture(figure, picture, said))
        _offer(downloads.of_figure(figure, picture), choices, "figure")
    st.html(parts.notes(section, said))
    for table in section.tables:
        _table(plan, shown, section, table.id, choices)


@st.fragment
def _table(plan: Plan, shown: Shown, section: Section, table_id: str, choices: Choices) -> None:
    """Show a table when it is opened."""
    table = section.table(table_id)
    box = st.expander(
        choices.say("one_table", title=table.title), key=f"open-{table_id}", on_change="rerun"
    )
    if not box.open:
        return
    with box:
        st.html(parts.table(table, choices.words))
        _offer(downloads.of_table(shown.report, section, table, choices.words), choices, "table")
        if signing_in.may("inspect"):
            st.caption(choices.say("python"))
            code = reproducing.plan_code(choices.instrument.id, plan.wish, table_id)
            st.code(code, language=None)


def _offer(files: Sequence[Download], choices: Choices, place: str) -> None:
    with st.container(horizontal=True):
        for one in files:
            st.download_button(
                choices.say("download", file=one.name),
                one.make,
                one.name,
                one.kind,
                key=f"download-plan-{place}-{one.name}",
                on_click="ignore",
            )
