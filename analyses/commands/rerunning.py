"""`kobling replay` and `compare`: whether a run comes out the same, and how two runs differ."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from analyses.commands.running import Language, bar, refusals
from analyses.section import Message, Section, Value
from analyses.wording import Words, words

if TYPE_CHECKING:
    from analyses.rerunning.published import Moved, Published
    from analyses.rerunning.replay import Replayed

MOVED = 1
"""Exit status where a run does not come out the same."""

MOST_SHOWN = 60
"""So many rows are shown in the terminal; how many more there are is said."""

RunFolder = Annotated[Path, typer.Argument(help="Folder of a run, or the run.json in it.")]


def replay(
    run: RunFolder,
    survey: Annotated[
        Path | None,
        typer.Option(
            help="Where the survey lies now, with its side files beside it; by default they are "
            "looked for here, beside the run and with the instrument."
        ),
    ] = None,
    instrument: Annotated[
        Path | None, typer.Option(help="The instrument's file, if it is one of your own.")
    ] = None,
    earlier: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="RUN",
            help="Where a report lies that was published before and bore on the run, if it is not "
            "beside it; may be given several times.",
        ),
    ] = None,
    language: Language = "da",
) -> None:
    """Run a run again, and say whether every published number is the same.

    The exit status is 0 where all is the same, 1 where something has moved, and 2 where the run
    cannot be run again.
    """
    with refusals(language):
        from analyses import side_by_side
        from analyses.rerunning import replay as again

        said = words(language)
        found = again.read(run)
        with bar() as shown, side_by_side.team() as team:
            task = shown.add_task(said.say(Message("cli.reading")), total=1.0)

            def show(step: str, share: float) -> None:
                shown.update(task, description=said.say(Message(step)), completed=share)

            replayed = again.replay(
                found,
                survey=survey,
                instrument=instrument,
                earlier=earlier or (),
                progress=show,
                team=team,
            )
        _tell_versions(replayed, said)
        if replayed.moved:
            _tell_moved(replayed, said)
            raise typer.Exit(MOVED)
        typer.echo(said.say(Message("cli.replay.same", {"n": replayed.n_compared})))


def compare(
    first: RunFolder,
    second: RunFolder,
    out: Annotated[
        Path | None, typer.Option(help="Folder for comparison.html, tables.xlsx and results.json.")
    ] = None,
    language: Language = "da",
) -> None:
    """Set two runs side by side, such as those of two waves in files of their own.

    Means are not compared: whether the questionnaire measures alike in both can only be tested
    where both waves lie in one file (kobling validate --wave).
    """
    with refusals(language):
        from analyses import output
        from analyses.rerunning import comparison
        from analyses.rerunning import replay as runs

        said = words(language)
        if out is not None:
            output.check(out)
        report = comparison.compare(runs.read(first), runs.read(second))
        section = report.section("runs")
        typer.echo(said.say(section.answer))
        _tell_rows(section, said)
        for note in section.notes:
            typer.echo(said.say(note))
        if out is not None:
            output.write_comparison(report, out, language=language)
            values: dict[str, Value] = {"file": str(out.resolve())}
            typer.echo(said.say(Message("cli.compare.done", values)))


def _tell_rows(section: Section, said: Words) -> None:
    """Show the verdicts that changed, the numbers beyond their intervals and what is left out."""
    from analyses import labels

    shown = {table.id: table for table in section.tables}
    for key in ("verdicts", "numbers", "left_out"):
        one = shown.get(f"runs_{key}")
        if one is None:
            continue
        beyond = Message("runs.beyond")
        kept = [
            row
            for cells, row in zip(one.rows, labels.rows(one, said), strict=True)
            if key != "numbers" or cells[-1] == beyond
        ]
        if not kept:
            continue
        typer.echo(said.say(Message(f"cli.compare.{key}")))
        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading in labels.heading(one, said):
            table.add_column(heading)
        for row in kept[:MOST_SHOWN]:
            table.add_row(*map(escape, row))
        Console().print(table)
        if len(kept) > MOST_SHOWN:
            typer.echo(said.say(Message("cli.replay.more", {"n": len(kept) - MOST_SHOWN})))


def _tell_versions(replayed: "Replayed", said: Words) -> None:
    for name, (before, after) in replayed.versions.items():
        values: dict[str, Value] = {"name": name, "before": before or "–", "after": after or "–"}
        typer.echo(said.say(Message("cli.replay.version", values)))


def _tell_moved(replayed: "Replayed", said: Words) -> None:
    """Show what has moved, each with the section, table, row and column it stands in."""
    values: dict[str, Value] = {"n": len(replayed.moved), "of": replayed.n_compared}
    typer.echo(said.say(Message("cli.replay.moved", values)))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("section", "part", "row", "column", "before", "after", "difference"):
        table.add_column(said.say(Message(f"cli.replay.column.{name}")))
    for moved in replayed.moved[:MOST_SHOWN]:
        table.add_row(*map(escape, _row(moved, said)))
    Console().print(table)
    if len(replayed.moved) > MOST_SHOWN:
        typer.echo(said.say(Message("cli.replay.more", {"n": len(replayed.moved) - MOST_SHOWN})))


def _row(moved: "Moved", said: Words) -> tuple[str, ...]:
    one = moved.before or moved.after
    assert one is not None
    row = said.write(one.label) if moved.place.row or one.label else ""
    heading = said.write(one.heading) or moved.place.column
    before, after = (_written(part, said) for part in (moved.before, moved.after))
    return (moved.place.section, moved.place.part, row, heading, before, after, _by(moved, said))


def _written(one: "Published | None", said: Words) -> str:
    if one is None:
        return said.say(Message("cli.replay.not_there"))
    return said.cell(one.value, one.kind, one.digits)


def _by(moved: "Moved", said: Words) -> str:
    """Write by how much a number has moved; nothing where one of the two is no number."""
    pair = [one for one in (moved.before, moved.after) if one is not None]
    numbers = [one.value for one in pair if isinstance(one.value, int | float)]
    if len(numbers) < 2:
        return ""
    difference = numbers[1] - numbers[0]
    sign = "+" if difference > 0 else ""
    kind = "number" if pair[0].kind == "pvalue" else pair[0].kind
    return f"{sign}{said.cell(difference, kind, pair[0].digits)}"
