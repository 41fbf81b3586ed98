"""Do those who answered look like the population? Shares side by side, and who did not answer."""

from collections.abc import Sequence

import measure
from analyses import disclosure, evidence
from analyses.errors import SurveyError
from analyses.evidence import CONFIDENCE, column
from analyses.intake.margins import Group, Margin
from analyses.intake.survey import Survey
from analyses.section import (
    Cell,
    Column,
    Finding,
    Message,
    Phrase,
    Provenance,
    Quantity,
    Table,
    Value,
)


def compare(margin: Margin, survey: Survey) -> tuple[Finding, tuple[Table, ...]]:
    """Hold the respondents of a survey against one margin of the population.

    Parameters
    ----------
    margin
        As `margins.read_margins` gives it.
    survey
        The answers.

    Returns
    -------
    tuple
        The finding, the table of shares, and where people were invited, the table of who did not
        answer. Shares of the respondents are of those who stated a value.

    Raises
    ------
    SurveyError
        Where more people answered than were invited.
    """
    values = survey.data[margin.column.name].map(evidence.written_value, na_action="ignore")
    counts = {str(value): int(n) for value, n in values.value_counts().items()}
    n_stated = sum(counts.values())
    differences = {
        group.value: counts.get(group.value, 0) / n_stated - group.share
        for group in margin.groups
        if n_stated
    }
    tables = [_shares(margin, counts, len(survey.data) - n_stated)]
    if any(group.invited is not None for group in margin.groups):
        tables.append(_non_response(margin, counts))
    return _finding(margin, counts, differences), tuple(tables)


def response(margins: Sequence[Margin], n_answered: int) -> Finding | None:
    """Say how many of those invited answered; None where no margin has counted all of them.

    Parameters
    ----------
    margins
        As `margins.read_margins` gives them; the first that counts everybody invited is used.
    n_answered
        Respondents of the survey.
    """
    for margin in margins:
        invited = [group.invited for group in margin.groups]
        counted = [n for n in invited if n is not None]
        if len(counted) < len(invited) or not 0 < n_answered <= sum(counted):
            continue
        source = Message("source.margins")
        rate = evidence.share("response_rate", n_answered / sum(counted), source, n_answered)
        values: dict[str, Value] = {"n": n_answered, "invited": sum(counted), "rate": rate}
        return Finding(
            "response", Message("population.response", values), "information", evidence=(rate,)
        )
    return None


def _label(group: Group | str, margin: Margin) -> Phrase:
    value = group if isinstance(group, str) else group.value
    return evidence.group_label(value, margin.column)


def _finding(margin: Margin, counts: dict[str, int], differences: dict[str, float]) -> Finding:
    label = evidence.text(margin.column.label)
    n_stated = sum(counts.values())
    name = f"population_{margin.column.name}"
    if not differences:
        claim = Message("population.claim.nobody", {"column": label})
        return Finding(name, claim, "undecided")
    farthest = max(margin.groups, key=lambda group: abs(differences[group.value]))
    people = counts.get(farthest.value, 0)
    source = Message("source.margins")
    behind = people if disclosure.is_small(people) else n_stated
    interval = measure.proportion_interval(people, n_stated, confidence_level=CONFIDENCE)
    sample = Quantity(
        "statistic.share_sample",
        people / n_stated,
        Provenance(Message("estimator.count"), behind, source),
        kind="percent",
        digits=1,
        lower=interval[0],
        upper=interval[1],
        level=CONFIDENCE,
        of=_label(farthest, margin),
    )
    population = evidence.share("share_population", farthest.share, source, None)
    return Finding(
        id=name,
        claim=Message(
            "population.claim",
            {
                "column": label,
                "group": _label(farthest, margin),
                "population": population,
                "sample": evidence.share("share_sample", people / n_stated, source, behind),
            },
        ),
        verdict="information",
        evidence=(population, sample),
        notes=(Message("population.note.meaning"),),
    )


def _shares(margin: Margin, counts: dict[str, int], n_silent: int) -> Table:
    n_stated = sum(counts.values())
    rows: list[tuple[Cell, ...]] = []
    for group in margin.groups:
        people = counts.get(group.value, 0)
        share = people / n_stated if n_stated else None
        lower, upper = measure.proportion_interval(people, n_stated, confidence_level=CONFIDENCE)
        difference = None if share is None else share - group.share
        counted = (group.share, people, share, lower, upper, difference)
        rows.append((_label(group, margin), *counted))
    outside = [value for value in counts if value not in {one.value for one in margin.groups}]
    for value in outside:
        share = counts[value] / n_stated
        lower, upper = measure.proportion_interval(counts[value], n_stated)
        rows.append((_label(value, margin), None, counts[value], share, lower, upper, None))
    if n_silent:
        rows.append((Message("not_stated"), None, n_silent, None, None, None, None))
    notes = [Message("population.note.interval")]
    if outside:
        labels = tuple(_label(value, margin) for value in outside)
        notes.append(Message("population.note.outside", {"values": labels}))
    return _table(
        f"population_{margin.column.name}",
        "population.table.shares",
        margin,
        (
            column("share_population", "percent", 1),
            column("respondents", "count", 0),
            column("share_sample", "percent", 1),
            column("ci.lower", "percent", 1),
            column("ci.upper", "percent", 1),
            column("share_difference", "percent", 1),
        ),
        tuple(rows),
        tuple(notes),
    )


def _non_response(margin: Margin, counts: dict[str, int]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for group in margin.groups:
        people = counts.get(group.value, 0)
        if group.invited is None:
            rows.append((_label(group, margin), None, people, None, None))
            continue
        if people > group.invited:
            raise SurveyError(
                f'the population file says that {group.invited} with "{group.value}" in column '
                f'"{margin.column.name}" were invited, but {people} answered.\n'
                "    Correct the file; it may count another wave or another group."
            )
        rate = people / group.invited if group.invited else None
        silent = group.invited - people
        rows.append((_label(group, margin), group.invited, people, silent, rate))
    return _table(
        f"non_response_{margin.column.name}",
        "population.table.non_response",
        margin,
        (
            column("invited", "count", 0),
            column("respondents", "count", 0),
            column("non_respondents", "count", 0),
            column("response_rate", "percent", 1),
        ),
        tuple(rows),
        (),
    )


def _table(
    table_id: str,
    title: str,
    margin: Margin,
    columns: tuple[Column, ...],
    rows: tuple[tuple[Cell, ...], ...],
    notes: tuple[Message, ...],
) -> Table:
    label = evidence.text(margin.column.label)
    at = [one.name for one in columns].index("respondents") + 1
    people = sum(count for count in (row[at] for row in rows) if isinstance(count, int))
    return Table(
        id=table_id,
        title=Message(title, {"column": label}),
        columns=(Column("group", evidence.plain(label), "message"), *columns),
        rows=rows,
        provenance=Provenance(Message("estimator.count"), people, Message("source.margins")),
        notes=notes,
        respondents="respondents",
    )
