"""How many respondents a study needs for what it wants to show, before it is paid for.

The population is what the instrument's file states, or what is asked or usual; studies of several
sizes are drawn from it and analysed as they would be, and their number is searched for which the
claim is made as often as wanted. A formula that answers the same or a related question stands
beside it.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from math import ceil
from pathlib import Path

from analyses import disclosure, evidence
from analyses.defaults import software
from analyses.section import (
    Cell,
    Column,
    Figure,
    Finding,
    Message,
    Provenance,
    Quantity,
    Report,
    Section,
    Table,
    Value,
)
from analyses.studies.asked import Planned, Span, planned
from analyses.studies.wishes import OF_CLUSTERS, Wish
from analyses.wording import LANGUAGES, words
from instruments.schema import Instrument
from measure.planning.study_power import HERE, Execution, Power, smallest_sample
from measure.replication.workers import Workers

SIZES = 10
"""About so many sizes a search tries; for how far it has come."""

MOST_REASONS = 3
"""So many reasons why studies could not be analysed are told."""


def run(instrument: Instrument, wish: Wish, *, execution: Execution = HERE) -> Section:
    """Search for the smallest study that makes a claim often enough.

    Parameters
    ----------
    instrument
        What is to be asked.
    wish
        The claim, and what is taken for granted.
    execution
        Who does the work, and where it is kept.

    Returns
    -------
    Section
        `planning`.

    Raises
    ------
    AnalysisError
        The wish names what the instrument has not.
    MeasureError
        The claim cannot be made with the largest study that is tried, most studies cannot be
        analysed, or the workers cannot be reached.
    """
    plan = planned(instrument, wish)
    found = smallest_sample(
        plan.claim,
        target=wish.target,
        begin=min(plan.begin, wish.most),
        most=wish.most,
        repeats=wish.repeats,
        seed=wish.seed,
        execution=execution,
    )
    return _section(wish, plan, found)


def report(instrument: Instrument, section: Section) -> Report:
    """Publish a plan, as a report of one section."""
    title = {
        language: words(language).say(
            Message("planning.report", {"title": evidence.text(instrument.title)})
        )
        for language in LANGUAGES
    }
    return Report(
        instrument=instrument.id,
        instrument_version=instrument.version,
        title=title,
        survey="",
        n_obs=0,
        simulated=True,
        confidential=False,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        software=software(),
        sections=(disclosure.publish(section),),
    )


def execution(
    workers: Workers, show: Callable[[str, float], None], checkpoint: Path | None = None
) -> Execution:
    """Say who does the work, and tell a bar that goes from 0 to 1 how far it has come.

    Parameters
    ----------
    workers, checkpoint
        As for `measure.Execution`.
    show
        Called with a row of the catalogue and a share.
    """
    done = 0

    def tell(finished: int, n: int) -> None:
        nonlocal done
        show("step.planning", min((done + finished / n) / SIZES, 0.99))
        done += finished == n

    return Execution(workers, tell, checkpoint)


def _section(wish: Wish, plan: Planned, found: Power) -> Section:
    origin = Provenance(
        Message("estimator.simulated_studies", {"n": wish.repeats}),
        None,
        Message("source.planning", {"seed": wish.seed}),
    )
    power, curve = _power(wish, plan, found, origin), _curve(wish, plan, found, origin)
    n = _size(found)
    values: dict[str, Value] = {
        **plan.said,
        "n": n,
        "what": Message(f"planning.counts.{plan.counts}"),
        "power": _share(wish.target),
        "claim": Message(f"planning.claim.{_key(wish, plan)}", plan.said),
    }
    return Section(
        id="planning",
        answer=Message("planning.answer", values),
        findings=(
            Finding(
                "planning_size",
                Message("planning.finding", values),
                "information",
                evidence=tuple(_evidence(plan, found, origin)),
                notes=tuple(_remarks(plan, n)),
            ),
        ),
        tables=(power, *(() if curve is None else (curve,)), *_tables(plan, found, origin)),
        figures=(_figure(wish, power if curve is None else curve),),
        notes=tuple(_notes(wish, found)),
    )


def _key(wish: Wish, plan: Planned) -> str:
    if wish.claim == "fits" and not plan.said["rival"]:
        return "fits_alone"
    return wish.claim


def _share(value: float) -> Quantity:
    source = Provenance(Message("estimator.rule"), None, "")
    return Quantity("statistic.power", value, source, kind="percent", digits=0)


def _size(found: Power) -> int:
    """Give the size that is needed: by the curve, which chance at a single size moves less."""
    assert found.smallest is not None
    return found.smallest if found.curve is None else ceil(found.curve.smallest)


def _evidence(plan: Planned, found: Power, origin: Provenance) -> Iterator[Quantity]:
    curve = found.curve
    yield Quantity(
        "statistic.smallest_n",
        float(_size(found)),
        origin,
        kind="count",
        digits=0,
        lower=None if curve is None else curve.lower,
        upper=None if curve is None else curve.upper,
        level=None if curve is None else evidence.CONFIDENCE,
    )
    if plan.closed is not None:
        n, key = plan.closed
        formula = Provenance(Message("estimator.formula"), None, Message(f"source.plan_{key}"))
        yield Quantity("statistic.formula_n", float(n), formula, kind="count", digits=0)


def _remarks(plan: Planned, n: int) -> Iterator[Message]:
    if plan.each is not None:
        key, of = plan.each
        yield Message(f"planning.per.{key}", {"n": ceil(n / of)})
    if plan.closed is not None:
        yield Message(f"planning.closed.{plan.closed[1]}")


def _power(wish: Wish, plan: Planned, found: Power, origin: Provenance) -> Table:
    columns = (
        Column("size", Message(f"planning.counts.{plan.counts}"), "count", 0),
        *evidence.columns("percent", 1, "power", "ci.lower", "ci.upper"),
        evidence.column("failed_studies", "count", 0),
    )
    rows = tuple(
        (int(n), float(power), float(lower), float(upper), int(failed))
        for n, power, lower, upper, failed in found.table.itertuples(index=False)
    )
    title = Message("planning.table.power", {"n": wish.repeats})
    return Table("planning_power", title, columns, rows, origin)


def _curve(wish: Wish, plan: Planned, found: Power, origin: Provenance) -> Table | None:
    """Give the curve between the sizes, with the power that is wanted beside it."""
    if found.curve is None:
        return None
    columns = (
        Column("size", Message(f"planning.counts.{plan.counts}"), "count", 0),
        *evidence.columns("percent", 1, "power", "ci.lower", "ci.upper", "power_wanted"),
    )
    rows = tuple(
        (int(n), float(power), float(lower), float(upper), wish.target)
        for n, power, lower, upper in found.curve.table.itertuples(index=False)
    )
    return Table("planning_curve", Message("planning.table.curve"), columns, rows, origin)


def _tables(plan: Planned, found: Power, origin: Provenance) -> Iterator[Table]:
    rows: list[tuple[Cell, ...]] = []
    for key, value, where in plan.taken:
        low, high = value if isinstance(value, Span) else (value, value)
        label, of = Message(f"planning.taken.{key}"), Message(f"planning.origin.{where}")
        rows.append((label, float(low), float(high), of))
    taken = (
        evidence.column("taken", "message"),
        *evidence.columns("number", 2, "lowest_taken", "highest_taken"),
        evidence.column("taken_from", "message"),
    )
    yield Table("planning_taken", Message("planning.table.taken"), taken, tuple(rows), origin)
    if len(found.failures):
        reasons = found.failures.groupby("message", sort=False)["count"].sum()
        shown = reasons.sort_values(ascending=False).head(MOST_REASONS)
        columns = (
            evidence.column("failure", "text"),
            evidence.column("failed_studies", "count", 0),
        )
        rows = [(str(message).splitlines()[0], int(n)) for message, n in shown.items()]
        title = Message("planning.table.failures")
        yield Table("planning_failures", title, columns, tuple(rows), origin)


def _figure(wish: Wish, drawn: Table) -> Figure:
    wanted = " power_wanted" if drawn.id == "planning_curve" else ""
    return Figure(
        id=drawn.id,
        title=Message("planning.figure", {"power": _share(wish.target)}),
        alt=Message("planning.figure.alt"),
        table=drawn.id,
        form="lines",
        channels={"x": "size", "parts": f"power ci.lower ci.upper{wanted}"},
        domain=(0.0, 1.0),
    )


def _notes(wish: Wish, found: Power) -> Iterator[Message]:
    yield Message("planning.note.simulated")
    yield Message("planning.note.taken")
    yield Message("planning.note.answers")
    clustered = wish.claim in OF_CLUSTERS
    yield Message(f"planning.note.{'clustered' if clustered else 'independent'}")
    if found.curve is None:
        yield Message("planning.note.no_curve")
