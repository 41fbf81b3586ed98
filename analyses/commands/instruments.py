"""`kobling instruments`: what can be validated, and the lock of its rules."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from analyses.commands.running import Language, load_instrument, refusals
from analyses.section import Message, Value
from analyses.wording import Words, words

if TYPE_CHECKING:
    from instruments import Instrument

listing = typer.Typer(rich_markup_mode=None, invoke_without_command=True)


@listing.callback()
def list_instruments(context: typer.Context, language: Language = "da") -> None:
    """List the instruments that come with the toolkit, or lock the rules of one."""
    if context.invoked_subcommand is not None:
        return
    with refusals(language):
        import instruments

        said = words(language)
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("name", "title", "items", "demonstration"):
            label = said.say(Message(f"cli.column.{name}"))
            table.add_column(label, justify="right" if name == "items" else "left")
        for name in instruments.names():
            one = instruments.load(name)
            table.add_row(name, *_described(one, said))
        Console().print(table)


@listing.command("lock")
def lock_rules(
    instrument: Annotated[
        str, typer.Option(help="Name of an instrument (see kobling instruments), or its file.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="File to write; it must not be there yet. By default ID.lock.json, in this folder."
        ),
    ] = None,
    language: Annotated[str, typer.Option(help="Language of the messages: da or en.")] = "da",
) -> None:
    """Write a dated file with what holds now: models, hypotheses, rules, scales and keying.

    Do so before answers are collected, and give the file to kobling validate with --lock.
    """
    with refusals(language):
        from instruments import locking

        said = words(language)
        asked = load_instrument(instrument)
        path = out or locking.default_path(asked, Path())
        made = locking.lock(asked, datetime.now(UTC))
        locking.write(made, path)
        values: dict[str, Value] = {"file": str(path.resolve()), "checksum": made.checksum}
        typer.echo(said.say(Message("cli.locked", values)))


def _described(instrument: "Instrument", said: Words) -> tuple[str, str, str]:
    title = instrument.title.get(said.language, instrument.id)
    kind = "none"
    if instrument.demonstration is not None:
        kind = "simulated" if instrument.demonstration.simulated else "real"
    label = said.say(Message(f"cli.demonstration_{kind}"))
    return title, said.write(len(instrument.items)), label
