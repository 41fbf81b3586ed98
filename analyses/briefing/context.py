"""What stands beside the scores: who answered, how people differ, conditions, and the levels."""

from collections.abc import Iterator

from analyses.briefing import outcomes
from analyses.briefing.main_results import means, scale
from analyses.briefing.numbers import (
    between,
    cells,
    quantity,
    sections,
    tables,
    told,
    with_means,
)
from analyses.comparing.scale_means import CONDITIONS
from analyses.section import Cell, Message, Quantity, Report


def context(report: Report) -> Iterator[Message]:
    """Say who answered, how alike people are, and under which conditions they work."""
    yield from _respondents(report)
    yield from _differences(report)
    yield from _conditions(report)


def levels(report: Report) -> Iterator[Message]:
    """Say whether the levels hang together, with the largest gap between two of them."""
    verdict = outcomes.outcome("levels", report.sections)
    if verdict is None:
        yield Message("face.summary.levels.one")
        return
    yield Message(f"face.summary.levels.{verdict}")
    gaps = [
        (cells_, number)
        for table in tables(report, "levels", "referent_gaps")
        for *cells_, value, lower, upper in cells(
            table, "function", "gap", "points", "points.lower", "points.upper"
        )
        if (number := quantity(value, lower, upper, table.provenance)) is not None
    ]
    if gaps:
        (function, gap), widest = max(gaps, key=lambda one: abs(one[1].value or 0.0))
        values = between(widest, function=function, gap=gap, n=len(gaps))
        yield Message("face.summary.levels.gap", values)


def _respondents(report: Report) -> Iterator[Message]:
    """Say how many of those invited answered, and how they differ from the population."""
    found = [finding for one in sections(report, "screening") for finding in one.findings]
    rates = [finding for finding in found if finding.id == "response"]
    margins = [finding for finding in found if finding.id.startswith("population_")]
    yield from (finding.claim for finding in rates)
    yield from (finding.claim for finding in margins)
    if not rates:
        yield Message("face.summary.context.not_known", {"n": report.n_obs})
    if not margins:
        yield Message("face.summary.context.not_compared")


def _differences(report: Report) -> Iterator[Message]:
    """Say how much of the differences lies between people of one place."""
    main = {label for table, _ in means(report) for label in map(_key, table.column("scale"))}
    shares = [
        Quantity("column.share_persons", float(share), table.provenance, "percent", 0)
        for table in tables(report, "levels", "variance_shares")
        for label, share in cells(table, "scale", "share_persons")
        if _key(label) in main and isinstance(share, int | float)
    ]
    if shares:
        ordered = sorted(shares, key=lambda one: one.value or 0.0)
        low, high = ordered[0], ordered[-1]
        kind = "same" if low.value == high.value else "differences"
        yield Message(f"face.summary.context.{kind}", {"least": low, "most": high})


def _conditions(report: Report) -> Iterator[Message]:
    for table in tables(report, "levels", CONDITIONS):
        rows = told(with_means(table), "face.summary.results.mean")
        on = [scale(figure) for _, figure in means(report)]
        if rows and on:
            yield Message("face.summary.context.conditions", {"scales": rows, "on": on[0]})


def _key(label: Cell) -> str:
    return repr(label)
