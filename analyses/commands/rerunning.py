"""`kobling replay` and `compare`: whether a run comes out the same, and how two runs differ."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from analyses.commands.running import Language, bar, refusals
from analyses.section import Message, Value
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
    language: Language = "da",
) -> None:
    """Run a run again, and say whether every published number is the same.

    The exit status is 0 where all is the same, 1 where something has moved, and 2 where the run
    cannot be run again.
    """
    with refusals(language):
        from analyses.rerunning import replay as again

        said = words(language)
        found = again.read(run)
        with bar() as shown:
            task = shown.add_task(said.say(Message("cli.reading")), total=1.0)

            def show(step: str, share: float) -> None:
                shown.update(task, description=said.say(Message(step)), completed=share)

            replayed = again.replay(found, survey=survey, instrument=instrument, progress=show)
        _tell_versions(replayed, said)
        if replayed.moved:
            _tell_moved(replayed, said)
            raise typer.Exit(MOVED)
        typer.echo(said.say(Message("cli.replay.same", {"n": replayed.n_compared})))


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
