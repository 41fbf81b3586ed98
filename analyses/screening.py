"""Who answered, in which form, and what is missing."""

import pandas as pd

from analyses import evidence, methods, script
from analyses.evidence import column, columns
from analyses.fits import Plan, plan
from analyses.section import (
    Cell,
    Column,
    Figure,
    Finding,
    Message,
    Provenance,
    Section,
    Table,
)
from analyses.survey import Survey
from instruments.schema import BackgroundColumn, Instrument

SHOWN_ROLES = ("cluster", "group", "organisation", "role", "wave", "background")
MOST_BACKGROUND_VALUES = 30
"""A background column with more values than this (an age in months) is no grouping."""

GAPS = ((0, 0), (1, 1), (2, 2), (3, 5), (6, None))
"""Bands for the number of answers that a person left out: first and last of each."""


def run(instrument: Instrument, survey: Survey, *, estimator: str | None = None) -> Section:
    """Describe who answered and what is missing.

    Parameters
    ----------
    instrument, survey
        What was asked, and the answers.
    estimator
        Of the models, whose treatment of missing answers depends on it.

    Returns
    -------
    Section
        `screening`.
    """
    items = list(survey.scored.columns)
    answered = survey.scored.notna()
    backgrounds = [
        declared
        for declared in evidence.present_columns(instrument, survey, SHOWN_ROLES)
        if _is_grouping(survey.data[declared.name], declared)
    ]
    missing_items = _missing_by_item(instrument, survey)
    tables = [
        missing_items,
        _missing_by_person(answered),
        *_categories(instrument, survey),
        *(_respondents(survey.data[declared.name], declared) for declared in backgrounds),
    ]
    complete = int(answered.all(axis=1).sum())
    share_missing = 1.0 - float(answered.to_numpy().mean())
    answer = Message(
        "screening.answer",
        {
            "n": len(answered),
            "items": len(items),
            "missing": evidence.share("share_missing", share_missing, "", len(answered)),
            "complete": complete,
        },
    )
    figures = (_figure(missing_items),) if share_missing > 0 else ()
    return Section(
        id="screening",
        answer=answer,
        findings=_findings(instrument, survey, plan(instrument, survey, estimator=estimator)),
        tables=tuple(tables),
        figures=figures,
        notes=(*evidence.standing_notes(instrument, survey), *survey.notes),
    )


def _findings(instrument: Instrument, survey: Survey, planned: Plan) -> tuple[Finding, ...]:
    answered = survey.scored.notna()
    n_obs = len(answered)
    source = Message("source.file", {"file": survey.name})
    form = evidence.text(instrument.form(survey.form).label)
    complete = int(answered.all(axis=1).sum())
    empty = int((~answered.any(axis=1)).sum())
    share_missing = 1.0 - float(answered.to_numpy().mean())
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
        claim=Message("screening.claim.missing", {"complete": complete, "n": n_obs}),
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


def _provenance(n_obs: int) -> Provenance:
    return Provenance(Message("estimator.count"), n_obs, Message("source.answers"))


def _missing_by_item(instrument: Instrument, survey: Survey) -> Table:
    kinds = [str(kind) for kind in survey.missing_codes.columns]
    labels = {
        code.name: evidence.plain(evidence.text(code.labels))
        for response in instrument.responses
        for code in response.missing
    }
    own = ("blank", "declared", "not_asked", "self_rating")
    headings = {kind: Message(f"column.{kind}") for kind in own} | labels
    kind_columns = tuple(Column(kind, headings[kind], "count", 0) for kind in kinds)
    rows: list[tuple[Cell, ...]] = []
    n_obs = len(survey.scored)
    for item in survey.scored.columns:
        counts = [int(survey.missing_codes[kind][item]) for kind in kinds]
        absent = int(survey.scored[item].isna().sum())
        wording = evidence.text(instrument.item(item).text)
        rows.append((item, wording, n_obs - absent, *counts, absent, absent / n_obs))
    return Table(
        id="missing_items",
        title=Message("screening.table.missing_items"),
        columns=(
            column("item", "text"),
            column("wording", "message"),
            column("answered", "count", 0),
            *kind_columns,
            column("missing", "count", 0),
            column("share_missing", "percent", 1),
        ),
        rows=tuple(rows),
        provenance=_provenance(n_obs),
    )


def _missing_by_person(answered: pd.DataFrame) -> Table:
    gaps = (~answered).sum(axis=1)
    n_obs, n_items = answered.shape
    rows: list[tuple[Cell, ...]] = []
    for first, last in GAPS:
        top = n_items if last is None else min(last, n_items)
        if first > n_items:
            continue
        people = int(gaps.between(first, top).sum())
        label = str(first) if top == first else f"{first}–{top}"
        rows.append((label, people, people / n_obs))
    return Table(
        id="missing_persons",
        title=Message("screening.table.missing_persons"),
        columns=(
            column("gaps", "text"),
            column("respondents", "count", 0),
            column("share", "percent", 1),
        ),
        rows=tuple(rows),
        provenance=_provenance(n_obs),
        respondents="respondents",
    )


def _categories(instrument: Instrument, survey: Survey) -> tuple[Table, ...]:
    """Give which answer categories each item's respondents used, where there are categories."""
    rows: list[tuple[Cell, ...]] = []
    for item in survey.scored.columns:
        codes = instrument.response(item).codes
        if not codes:
            continue
        shares = survey.data[item].value_counts(normalize=True)
        used = [code for code in codes if code in shares.index]
        unused = ", ".join(str(code) for code in codes if code not in shares.index)
        most = max(used, key=lambda code: float(shares[code]))
        rows.append((item, len(used), len(codes), unused, str(most), float(shares[most])))
    if not rows:
        return ()
    table = Table(
        id="categories",
        title=Message("screening.table.categories"),
        columns=(
            column("item", "text"),
            *columns("count", 0, "categories_used", "categories"),
            *columns("text", 0, "unused", "most_used"),
            column("share_most_used", "percent", 1),
        ),
        rows=tuple(rows),
        provenance=_provenance(len(survey.scored)),
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
        provenance=_provenance(n_obs),
        respondents="respondents",
    )


def _figure(table: Table) -> Figure:
    shares = [share for share in table.column("share_missing") if isinstance(share, float)]
    largest = max(shares)
    item = table.column("item")[shares.index(largest)]
    n_obs = table.provenance.n_obs or 0
    return Figure(
        id="missing_items",
        title=Message("screening.figure.missing"),
        alt=Message(
            "screening.figure.missing.alt",
            {
                "item": str(item),
                "share": evidence.share("share_missing", largest, "", n_obs),
            },
        ),
        table=table.id,
        form="bars",
        channels={"y": "item", "x": "share_missing"},
    )


if __name__ == "__main__":
    raise SystemExit(script.main(run, "screening"))
