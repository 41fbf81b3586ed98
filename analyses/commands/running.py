"""What the commands share: reading, computing and writing with a bar, and how they refuse."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, TypedDict, Unpack

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from analyses.errors import AnalysisError
from analyses.section import Message, Report
from analyses.wording import Words, words
from measure.errors import MeasureError

if TYPE_CHECKING:
    from analyses.intake.inputs import Inputs
    from instruments import Instrument

REFUSED = 2
"""Exit status where the input is wrong."""

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""

COMPUTING = 0.8
"""The share of the time that is over when the files begin to be written."""

Language = Annotated[str, typer.Option(help="Language of the report: da or en.")]


def load_instrument(name_or_path: str) -> "Instrument":
    """Read an instrument; pydantic is loaded only now."""
    import instruments

    return instruments.load(name_or_path)


class RunOptions(TypedDict, total=False):
    """What a run may be told; each is an argument of `analyses.report.validate`."""

    seed: int
    estimator: str | None
    confidential: bool
    wave: str | None
    flagged: str
    cutoffs: bool
    multiverse: bool


def run(
    instrument: "Instrument",
    inputs: "Inputs",
    out: Path,
    said: Words,
    **options: Unpack[RunOptions],
) -> Report:
    """Read, compute and write, with a bar on standard error where that is a terminal."""
    from analyses import side_by_side

    with bar() as shown, side_by_side.team() as team:
        task = shown.add_task(said.say(Message("cli.reading")), total=1.0)
        # Loading these takes seconds, here and in the processes beside, which were begun for it.
        from analyses import output, scheduler
        from analyses.intake import inputs as files
        from analyses.report import validate as run_all
        from analyses.rerunning import record as records

        output.check(out)
        scheduler.require_reachable()
        chosen = records.Options(**options)
        given = files.read(instrument, inputs)
        record = records.make(instrument, inputs, chosen, said.language)

        def show(step: str, share: float) -> None:
            shown.update(task, description=said.say(Message(step)), completed=COMPUTING * share)

        report = run_all(
            given.instrument,
            given.survey,
            beside=given.beside,
            progress=show,
            team=team,
            **options,
        )
        shown.update(task, description=said.say(Message("cli.writing")))
        output.write(report, out, language=said.language, record=record, team=team)
        shown.update(task, completed=1.0)
    return report


def bar() -> Progress:
    """Give a bar on standard error, which is silent where that is no terminal."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


@contextmanager
def refusals(language: str) -> Iterator[None]:
    """Turn what is wrong with the input into a sentence and an exit status."""
    from instruments import AnswerError, InstrumentError

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    # A request to end is treated as Ctrl-C, so that a half-written folder is cleared away too.
    before = signal.signal(signal.SIGTERM, stop)
    spoken = language if language in ("da", "en") else "en"
    try:
        yield
    except (MeasureError, InstrumentError, AnswerError, AnalysisError) as error:
        typer.echo(f"{words(spoken).say(Message('cli.error'))}: {error}", err=True)
        raise typer.Exit(REFUSED) from None
    except KeyboardInterrupt:
        typer.echo(words(spoken).say(Message("cli.stopped")), err=True)
        raise typer.Exit(INTERRUPTED) from None
    finally:
        signal.signal(signal.SIGTERM, before)
