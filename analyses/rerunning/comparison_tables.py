"""The tables of two runs side by side."""

from collections.abc import Iterator

from analyses import evidence
from analyses.evidence import columns
from analyses.rerunning import record as records
from analyses.rerunning.in_both import Numbers, changed_parts, with_intervals
from analyses.rerunning.replay import Run
from analyses.section import Cell, Finding, Message, Provenance, Quantity, Report, Table
from analyses.verdicts import worst

STANDING = ("scale_means", "means_", "self_ratings")
"""How the ids of tables begin that say where people stand on a scale."""

READ = Provenance(Message("estimator.none"), None, Message("source.two_runs"))
COMPUTED = Provenance(Message("estimator.two_samples"), None, Message("source.independent"))


def facts(first: Run, second: Run) -> Table:
    """Set side by side what each run rested on."""
    rows: list[tuple[Cell, ...]] = []
    for name, *pair in (
        ("survey", first.report.survey, second.report.survey),
        ("n_obs", first.report.n_obs, second.report.n_obs),
        ("version", first.report.instrument_version, second.report.instrument_version),
        ("wave", first.record.options.wave, second.record.options.wave),
        ("estimator", first.record.options.estimator, second.record.options.estimator),
        ("flagged", first.record.options.flagged, second.record.options.flagged),
        ("seed", str(first.record.options.seed), str(second.record.options.seed)),
        ("software", first.report.software, second.report.software),
    ):
        cells = (Message("runs.default") if one is None else _text(one) for one in pair)
        rows.append((Message(f"runs.fact.{name}"), *cells))
    return _table("runs_facts", rows, ("fact", "run_first", "run_second"))


def _text(value: str | int) -> Cell:
    return value if isinstance(value, str) else Message("plain", {"text": value})


def verdicts(changed: list[tuple[str, Finding, Finding]]) -> Iterator[Table]:
    """Give the findings whose verdict is not the same, each with its section; none where none."""
    if not changed:
        return
    rows: list[tuple[Cell, ...]] = [
        (
            Message(f"section.{section}.title"),
            after.claim,
            Message(f"verdict.{before.verdict}"),
            Message(f"verdict.{after.verdict}"),
            _direction(before, after),
        )
        for section, before, after in changed
    ]
    names = ("section", "finding", "verdict_first", "verdict_second", "verdict_moved")
    yield _table("runs_verdicts", rows, names)


def _direction(before: Finding, after: Finding) -> Message:
    down = worst((before.verdict, after.verdict)) == after.verdict
    return Message("runs.lower" if down else "runs.higher")


def numbers_table(numbers: Numbers) -> Iterator[Table]:
    """Set the numbers side by side, those furthest beyond their intervals not before others."""
    rows: list[tuple[Cell, ...]] = []
    found = numbers.differences.to_dict("records")
    for (key, (before, after)), row in zip(numbers.pairs.items(), found, strict=True):
        one = after.quantity
        shown = Quantity(
            one.name,
            row["difference"],
            one.provenance,
            kind=one.kind,
            digits=one.digits,
            lower=row["ci.lower"],
            upper=row["ci.upper"],
            level=one.level,
        )
        rows.append(
            (
                Message(f"section.{key.section}.title"),
                after.label if isinstance(after.label, Message) else evidence.plain(after.label),
                Message(one.name),
                _number(before.quantity),
                _number(one),
                _number(shown),
                Message("runs.beyond" if row["beyond"] else "runs.within"),
            )
        )
    names = ("section", "finding", "quantity", "value_first", "value_second")
    if rows:
        headings = (*names, "difference_runs", "beyond_runs")
        yield _table("runs_numbers", rows, headings, provenance=COMPUTED)


def _number(quantity: Quantity) -> Message:
    return Message("plain", {"text": quantity})


def standing(first: Report, second: Report) -> Iterator[Table]:
    """Set means side by side for specialists only: nothing licenses the comparison."""
    before = {repr(label): quantity for label, quantity in _means(first)}
    rows: list[tuple[Cell, ...]] = [
        (Message("plain", {"text": label}), _number(before[repr(label)]), _number(quantity))
        for label, quantity in _means(second)
        if repr(label) in before
    ]
    if rows:
        yield _table(
            "runs_means",
            rows,
            ("scale", "value_first", "value_second"),
            withheld=Message("runs.reason.no_licence"),
        )


def _means(report: Report) -> Iterator[tuple[Cell, Quantity]]:
    for section in report.sections:
        for table in section.tables:
            if table.id.startswith("scale_means"):
                names = ("scale", "mean", "ci.lower", "ci.upper")
                for label, *numbers in zip(*map(table.column, names), strict=True):
                    value, lower, upper = (
                        cell if isinstance(cell, float) else None for cell in numbers
                    )
                    yield (
                        label,
                        Quantity("column.mean", value, table.provenance, lower=lower, upper=upper),
                    )


def left_out(first: Run, second: Run, same: bool) -> Iterator[Table]:
    """Say what is not compared, and why."""
    rows: list[tuple[Cell, ...]] = []
    if not same:
        kinds = changed_parts(first.record, second.record, records.MEASURED)
        named = tuple(Message(f"runs.kind.{kind}") for kind in kinds)
        reason = Message("runs.reason.other_version", {"kinds": named})
        rows.append((Message("runs.all_numbers"), reason))
    else:
        rows += _only_one(first.report, second.report)
    rows.append((Message("runs.standing"), Message("runs.reason.no_licence")))
    rows += _withheld(first.report, second.report)
    yield _table("runs_left_out", rows, ("left_out_part", "left_out_reason"))


def _only_one(first: Report, second: Report) -> Iterator[tuple[Cell, ...]]:
    """Count by section the numbers that one run alone has."""
    before, after = dict(with_intervals(first)), dict(with_intervals(second))
    alone = [key for key in {**before, **after} if (key in before) != (key in after)]
    for section in dict.fromkeys(key.section for key in alone):
        n = sum(key.section == section for key in alone)
        title = Message(f"section.{section}.title")
        yield title, Message("runs.reason.only_one", {"n": n})


def _withheld(first: Report, second: Report) -> Iterator[tuple[Cell, ...]]:
    """Name the tables that a run withholds for a reason of its own, each reason once."""
    told: dict[str, tuple[Cell, ...]] = {}
    for report in (first, second):
        for section in report.sections:
            for table in section.tables:
                if table.withheld is not None and not table.id.startswith(STANDING):
                    told.setdefault(table.id, (table.title, table.withheld))
    yield from told.values()


def _table(
    table_id: str,
    rows: list[tuple[Cell, ...]],
    names: tuple[str, ...],
    *,
    provenance: Provenance = READ,
    withheld: Message | None = None,
) -> Table:
    return Table(
        id=table_id,
        title=Message(f"runs.table.{table_id.removeprefix('runs_')}"),
        columns=columns("message", 0, *names),
        rows=tuple(rows),
        provenance=provenance,
        withheld=withheld,
    )
