"""Published numbers with their intervals, as the words of a sentence."""

from collections.abc import Iterable, Iterator

from analyses.section import (
    Cell,
    Finding,
    Message,
    Provenance,
    Quantity,
    Report,
    Section,
    Table,
    Value,
)


def sections(report: Report, *ids: str) -> Iterator[Section]:
    """Give the sections with these ids that a report has, in the order of the ids."""
    present = {section.id: section for section in report.sections}
    return (present[section_id] for section_id in ids if section_id in present)


def tables(report: Report, section: str, begins: str) -> Iterator[Table]:
    """Give the tables of a section whose ids begin so; none whose rows may not be compared."""
    for one in sections(report, section):
        yield from (
            table for table in one.tables if table.id.startswith(begins) and table.withheld is None
        )


def cells(table: Table, *names: str) -> Iterator[tuple[Cell, ...]]:
    """Give some columns of a table, row by row."""
    return zip(*(table.column(name) for name in names), strict=True)


def quantity(
    value: Cell, lower: Cell, upper: Cell, provenance: Provenance, digits: int = 2
) -> Quantity | None:
    """Give a number of a table with its interval; None where a part of it is hidden or missing."""
    parts = [float(one) for one in (value, lower, upper) if isinstance(one, int | float)]
    if len(parts) < 3:
        return None
    return Quantity(
        "column.mean", parts[0], provenance, digits=digits, lower=parts[1], upper=parts[2]
    )


def with_interval(finding: Finding) -> Quantity | None:
    """Give the first number of a finding that has an interval."""
    for one in finding.evidence:
        if None not in (one.value, one.lower, one.upper):
            return one
    return None


def between(number: Quantity, **values: Value) -> dict[str, Value]:
    """Give a number and the ends of its interval apart, to be put into a sentence."""
    ends = {"value": number.value, "lower": number.lower, "upper": number.upper}
    written: dict[str, Value] = {
        name: Quantity(number.name, end, number.provenance, kind=number.kind, digits=number.digits)
        for name, end in ends.items()
    }
    return written | values


def with_means(table: Table) -> Iterator[tuple[Cell, Quantity]]:
    """Give the label of each row of a table of means, and the mean, where it is shown."""
    for label, mean, lower, upper in cells(table, "scale", "mean", "ci.lower", "ci.upper"):
        found = quantity(mean, lower, upper, table.provenance)
        if found is not None:
            yield label, found


def told(rows: Iterable[tuple[Cell, Quantity]], key: str) -> tuple[Message, ...]:
    """Write rows of means as parts of a list."""
    return tuple(Message(key, between(mean, scale=label)) for label, mean in rows)
