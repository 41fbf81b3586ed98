"""What is missing, by question, by person and by version; what was not asked is not missing."""

from collections.abc import Iterator

import pandas as pd

from analyses import evidence
from analyses.evidence import column
from analyses.intake.survey import Survey
from analyses.section import Cell, Column, Figure, Message, Provenance, Table
from instruments.schema import Instrument

GAPS = ((0, 0), (1, 1), (2, 2), (3, 5), (6, None))
"""Bands for the number of answers that a person left out: first and last of each."""


def _asked(survey: Survey) -> pd.DataFrame:
    """Mark the scored items that each respondent was asked, (n_obs, n_items)."""
    return survey.asked[list(survey.scored.columns)]


def _absent(survey: Survey) -> pd.DataFrame:
    """Mark the scored items that each respondent was asked and did not answer."""
    return survey.scored.isna() & _asked(survey)


def is_planned(survey: Survey) -> bool:
    """Tell whether some respondents were not asked all items."""
    return not bool(_asked(survey).all(axis=None))


def share_missing(survey: Survey) -> float:
    """Give the share of missing answers among those asked for."""
    n_asked = int(_asked(survey).to_numpy().sum())
    return int(_absent(survey).to_numpy().sum()) / n_asked if n_asked else 0.0


def complete(survey: Survey) -> int:
    """Count the respondents who answered all that they were asked."""
    return int((~_absent(survey).any(axis=1) & _asked(survey).any(axis=1)).sum())


def provenance(n_obs: int) -> Provenance:
    """Say where counts of answers come from."""
    return Provenance(Message("estimator.count"), n_obs, Message("source.answers"))


def by_item(instrument: Instrument, survey: Survey) -> Table:
    """Count the answers to each item and the missing ones by kind."""
    kinds = [str(kind) for kind in survey.missing_codes.columns]
    labels = {
        code.name: evidence.plain(evidence.text(code.labels))
        for response in instrument.responses
        for code in response.missing
    }
    own = ("blank", "declared", "not_asked", "self_rating")
    headings = {kind: Message(f"column.{kind}") for kind in own} | labels
    kind_columns = tuple(Column(kind, headings[kind], "count", 0) for kind in kinds)
    n_asked, n_absent = _asked(survey).sum(), _absent(survey).sum()
    rows: list[tuple[Cell, ...]] = []
    for item in survey.scored.columns:
        counts = [int(survey.missing_codes[kind][item]) for kind in kinds]
        asked, absent = int(n_asked[item]), int(n_absent[item])
        wording = evidence.text(instrument.item(item).text)
        share = absent / asked if asked else None
        rows.append((item, wording, asked - absent, *counts, absent, share))
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
        provenance=provenance(len(survey.scored)),
        notes=(Message("screening.note.of_asked"),) if is_planned(survey) else (),
    )


def by_person(survey: Survey) -> Table:
    """Count the respondents by how many of the items asked they left out."""
    gaps = _absent(survey).sum(axis=1)
    n_obs, n_items = len(gaps), int(_asked(survey).sum(axis=1).max())
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
        provenance=provenance(n_obs),
        respondents="respondents",
    )


def by_version(instrument: Instrument, survey: Survey) -> Iterator[Table]:
    """Count what is missing in each form or version, where respondents got different ones."""
    got = survey.forms["version"].fillna(survey.forms["form"])
    if got.nunique() < 2:
        return
    asked, absent = _asked(survey), _absent(survey)

    def row(label: Cell, own: "pd.Series[bool]", items: int | None) -> tuple[Cell, ...]:
        n_asked, n_absent = int(asked[own].to_numpy().sum()), int(absent[own].to_numpy().sum())
        share = n_absent / n_asked if n_asked else None
        return label, int(own.sum()), items, share, int((~absent[own].any(axis=1)).sum())

    names = sorted(got.dropna().unique(), key=list(instrument.form_ids).index)
    rows = [row(str(name), got == name, int(asked[got == name].any().sum())) for name in names]
    if got.isna().any():
        rows.append(row(Message("not_stated"), got.isna(), None))
    yield Table(
        id="missing_versions",
        title=Message("screening.table.missing_versions"),
        columns=(
            column("version", "message"),
            column("respondents", "count", 0),
            column("n_items", "count", 0),
            column("share_missing", "percent", 1),
            column("complete", "count", 0),
        ),
        rows=tuple(rows),
        provenance=provenance(len(survey.scored)),
        respondents="respondents",
    )


def figure(table: Table) -> Figure:
    """Draw the share of missing answers of each item."""
    shares = [share for share in table.column("share_missing") if isinstance(share, float)]
    largest = max(shares)
    item = table.column("item")[table.column("share_missing").index(largest)]
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
