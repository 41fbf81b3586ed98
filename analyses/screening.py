"""Who answered, what is missing, how it was answered, and whether they look like the population."""

from collections.abc import Sequence

import pandas as pd

import measure
from analyses import evidence
from analyses.evidence import column, columns
from analyses.intake.margins import Margin
from analyses.intake.survey import Survey
from analyses.modelling import methods
from analyses.modelling.fits import Plan, plan
from analyses.respondents import answering, attention, carelessness, gaps, representativeness
from analyses.section import Cell, Column, Finding, Message, Section, Table, Value
from instruments.schema import BackgroundColumn, Instrument

SHOWN_ROLES = ("cluster", "group", "organisation", "role", "wave", "background")
MOST_BACKGROUND_VALUES = 30
"""A background column with more values than this (an age in months) is no grouping."""


def check(instrument: Instrument, survey: Survey, margins: Sequence[Margin]) -> None:
    """Refuse what `run` would refuse, before anything that takes long.

    Raises
    ------
    SurveyError
        As for `run` and `carelessness.judge`.
    """
    carelessness.seconds(instrument, survey)
    for margin in margins:
        representativeness.compare(margin, survey)


def run(
    instrument: Instrument,
    survey: Survey,
    *,
    estimator: str | None = None,
    careless: measure.CarelessAnswers | None = None,
    margins: Sequence[Margin] = (),
) -> Section:
    """Describe who answered, what is missing, and how the questions were answered.

    Parameters
    ----------
    instrument, survey
        What was asked, and the answers.
    estimator
        Of the models, whose treatment of missing answers depends on it.
    careless
        As `carelessness.judge` gives it; looked for here if None.
    margins
        Of the population, from `margins.read_margins`.

    Returns
    -------
    Section
        `screening`. Counts of people only: no table and no finding tells of a single person.

    Raises
    ------
    SurveyError
        Where more people answered than the margins say were invited.
    """
    careless = careless or carelessness.judge(instrument, survey)
    backgrounds = [
        declared
        for declared in evidence.present_columns(instrument, survey, SHOWN_ROLES)
        if _is_grouping(survey.data[declared.name], declared)
    ]
    passed = attention.results(instrument, survey)
    ends = answering.ends(instrument, survey)
    compared = [representativeness.compare(margin, survey) for margin in margins]
    rate = representativeness.response(margins, len(survey.data))
    planned = plan(instrument, survey, estimator=estimator)
    share_missing = gaps.share_missing(survey)
    return Section(
        id="screening",
        answer=_answer(survey, careless, share_missing),
        findings=(
            *_findings(instrument, survey, planned),
            *((attention.finding(passed),) if len(passed.columns) else ()),
            carelessness.finding(careless),
            *(finding for finding, _ in ends),
            *(() if rate is None else (rate,)),
            *(finding for finding, _ in compared),
        ),
        tables=(
            gaps.by_item(instrument, survey),
            gaps.by_person(survey),
            *gaps.by_version(instrument, survey),
            *(attention.tables(instrument, passed, careless) if len(passed.columns) else ()),
            *carelessness.tables(careless),
            *answering.styles(instrument, survey),
            *(table for _, table in ends),
            *_categories(instrument, survey),
            *(table for _, tables in compared for table in tables),
            *(_respondents(survey.data[declared.name], declared) for declared in backgrounds),
        ),
        figures=(gaps.figure(gaps.by_item(instrument, survey)),) if share_missing > 0 else (),
        notes=(*evidence.standing_notes(instrument, survey), *survey.notes),
    )


def _answer(survey: Survey, careless: measure.CarelessAnswers, share_missing: float) -> Message:
    n_obs = len(survey.scored)
    answer = Message(
        "screening.answer",
        {
            "n": n_obs,
            "items": survey.scored.shape[1],
            "missing": evidence.share("share_missing", share_missing, "", n_obs),
            "complete": gaps.complete(survey),
        },
    )
    if careless.kinds.empty:
        return answer
    values: dict[str, Value] = {"answer": answer, "flagged": carelessness.flagged_count(careless)}
    return Message("screening.answer.flagged", values)


def _findings(instrument: Instrument, survey: Survey, planned: Plan) -> tuple[Finding, ...]:
    answered = survey.scored.notna()
    n_obs = len(answered)
    source = Message("source.file", {"file": survey.name})
    form = evidence.text(instrument.form(survey.form).label)
    complete = gaps.complete(survey)
    empty = int((~answered.any(axis=1)).sum())
    share_missing = gaps.share_missing(survey)
    key = "missing_planned" if gaps.is_planned(survey) else "missing"
    read = Finding(
        id="screening_read",
        claim=Message(
            "screening.claim.read", {"n": n_obs, "items": answered.shape[1], "form": form}
        ),
        verdict="information",
        evidence=(evidence.count("rows", n_obs, source, n_obs),),
    )
    missing = Finding(
        id="screening_missing",
        claim=Message(f"screening.claim.{key}", {"complete": complete, "n": n_obs}),
        verdict="information",
        evidence=(
            evidence.share("share_missing", share_missing, source, n_obs),
            evidence.count("complete", complete, source, n_obs),
            evidence.count("empty", empty, source, n_obs),
        ),
        notes=(methods.missing_note(survey, planned),),
    )
    unused = _unused_categories(instrument, survey)
    if not any(instrument.response(item).codes for item in survey.scored.columns):
        return read, missing
    claim = (
        Message("screening.claim.unused", {"items": tuple(unused)})
        if unused
        else Message("screening.claim.all_used")
    )
    categories = Finding(
        id="screening_categories",
        claim=claim,
        verdict="information",
        evidence=(evidence.count("items_unused", len(unused), source, n_obs),),
    )
    return read, missing, categories


def _categories(instrument: Instrument, survey: Survey) -> tuple[Table, ...]:
    """Give which answer categories each item's respondents used, where there are categories."""
    rows: list[tuple[Cell, ...]] = []
    for item in survey.scored.columns:
        codes = instrument.response(item).codes
        if not codes:
            continue
        shares = survey.data[item].value_counts(normalize=True)
        ends = [float(shares.get(code, 0.0)) for code in (codes[0], codes[-1])]
        used = [code for code in codes if code in shares.index]
        unused = ", ".join(str(code) for code in codes if code not in shares.index)
        most = max(used, key=lambda code: float(shares[code]))
        most_used = (str(most), float(shares[most]))
        rows.append((item, len(used), len(codes), unused, *most_used, *ends))
    if not rows:
        return ()
    table = Table(
        id="categories",
        title=Message("screening.table.categories"),
        columns=(
            column("item", "text"),
            *columns("count", 0, "categories_used", "categories"),
            *columns("text", 0, "unused", "most_used"),
            *columns("percent", 1, "share_most_used", "floor", "ceiling"),
        ),
        rows=tuple(rows),
        provenance=gaps.provenance(len(survey.scored)),
        notes=(Message("screening.note.as_answered"),),
    )
    return (table,)


def _unused_categories(instrument: Instrument, survey: Survey) -> list[str]:
    unused = []
    for item in survey.scored.columns:
        used = set(survey.data[item].dropna().astype(float))
        if any(code not in used for code in instrument.response(item).codes):
            unused.append(str(item))
    return unused


def _is_grouping(values: pd.Series, declared: BackgroundColumn) -> bool:
    return declared.role != "background" or values.nunique() <= MOST_BACKGROUND_VALUES


def _respondents(values: pd.Series, declared: BackgroundColumn) -> Table:
    n_obs = len(values)
    rows: list[tuple[Cell, ...]] = []
    for value in evidence.ordered_groups(values, declared):
        people = int((values == value).sum())
        rows.append((evidence.group_label(value, declared), people, people / n_obs))
    if values.isna().any():
        people = int(values.isna().sum())
        rows.append((Message("not_stated"), people, people / n_obs))
    label = evidence.text(declared.label)
    return Table(
        id=f"respondents_{declared.name}",
        title=Message("screening.table.respondents", {"column": label}),
        columns=(
            Column("group", evidence.plain(label), "message"),
            column("respondents", "count", 0),
            column("share", "percent", 1),
        ),
        rows=tuple(rows),
        provenance=gaps.provenance(n_obs),
        respondents="respondents",
    )


if __name__ == "__main__":
    from analyses import script

    raise SystemExit(script.main(run, "screening"))
