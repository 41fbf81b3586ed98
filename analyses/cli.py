"""The command line: `kobling validate`, `demo`, `instruments`, `questionnaire`, ... `dashboard`.

What is wrong with the input is told in a sentence on standard error, with exit status 2 and
nothing written. Modules that draw and write are loaded when they are needed, so that `--help` and
a refusal come at once.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, TypedDict, Unpack

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from analyses.errors import AnalysisError
from analyses.publication import SEED
from analyses.section import Message, Report, Value
from analyses.wording import Words, words
from measure.errors import MeasureError

if TYPE_CHECKING:
    from analyses.intake.inputs import Inputs
    from instruments import Instrument

REFUSED = 2
"""Exit status where the input is wrong."""

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""

DEMONSTRATION = "coupling"
"""The instrument whose bundled answers `kobling demo` validates."""

FINDINGS = ("reliability", "confirmatory", "levels", "development", "hypotheses")
"""The sections whose answers `validate` and `demo` end with."""

main = typer.Typer(
    name="kobling",
    help="Test whether a questionnaire measures what it claims.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

listing = typer.Typer(rich_markup_mode=None, invoke_without_command=True)
main.add_typer(listing, name="instruments")

Language = Annotated[str, typer.Option(help="Language of the report: da or en.")]


def _show_version(wanted: bool) -> None:
    if wanted:
        from analyses.publication import software

        typer.echo(software())
        raise typer.Exit


@main.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Test whether a questionnaire measures what it claims."""


@main.command()
def validate(
    survey: Annotated[
        Path, typer.Argument(help="Answers: .csv, .tsv, .xlsx, .sav, .dta or .parquet.")
    ],
    instrument: Annotated[
        str, typer.Option(help="Name of an instrument (see kobling instruments), or its file.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the report; made, or replaced if ours.")],
    language: Language = "da",
    confidential: Annotated[
        bool,
        typer.Option(
            "--confidential",
            help="Leave in groups of fewer than 5 people, and mark every page so.",
        ),
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything random.")] = SEED,
    estimator: Annotated[
        str | None,
        typer.Option(
            help="Estimator of the models; by default WLSMV for answers in categories, with MLR "
            "as the check, and MLR for others."
        ),
    ] = None,
    map_file: Annotated[
        Path | None,
        typer.Option(
            "--map",
            metavar="FILE",
            help="Mapping (.toml): which column is which item, and measures of your own.",
        ),
    ] = None,
    lock: Annotated[
        Path | None,
        typer.Option(
            help="Lock file of the instrument (see kobling instruments lock); by default the one "
            "beside the instrument's own file."
        ),
    ] = None,
    group: Annotated[
        str | None, typer.Option(metavar="COL", help="Column of the groups that are compared.")
    ] = None,
    cluster: Annotated[
        str | None, typer.Option(metavar="COL", help="Column that says who belongs together.")
    ] = None,
    wave: Annotated[
        str | None, typer.Option(metavar="COL", help="Column of the waves, if it is not wave.")
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(metavar="COL", help="Column of the wave in which an effort began."),
    ] = None,
    cohort: Annotated[
        str | None, typer.Option(metavar="COL", help="Column of the cohorts that are compared.")
    ] = None,
    at_wave: Annotated[
        str | None,
        typer.Option(metavar="VALUE", help="The wave to analyse; by default the first."),
    ] = None,
    experts: Annotated[
        Path | None, typer.Option(help="Experts' ratings of relevance: item, expert, relevance.")
    ] = None,
    interviews: Annotated[
        Path | None, typer.Option(help="Notes from cognitive interviews: item, kind, note.")
    ] = None,
    population: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="What is known of the population: .csv or .toml with column, value, share or "
            "count, and invited.",
        ),
    ] = None,
    flagged: Annotated[
        str,
        typer.Option(
            help="People flagged for careless answers: both (with and without them), keep or drop."
        ),
    ] = "both",
) -> None:
    """Validate a questionnaire on the answers in SURVEY and write the report."""
    with _refusals(language):
        from analyses.intake.inputs import Inputs

        said = words(language)
        inputs = Inputs(
            survey,
            {"group": group, "cluster": cluster, "wave": wave, "start": start, "cohort": cohort},
            mapping=map_file,
            lock=lock,
            experts=experts,
            interviews=interviews,
            population=population,
        )
        report = _run(
            _instrument(instrument),
            inputs,
            out,
            said,
            seed=seed,
            estimator=estimator,
            confidential=confidential,
            wave=at_wave,
            flagged=flagged,
        )
        _tell(report, out, said)


@main.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the report.")] = Path("demo-report"),
    language: Language = "da",
) -> None:
    """Validate the coupling questionnaire on its simulated answers; say where the report lies."""
    with _refusals(language):
        from analyses.intake.inputs import Inputs

        said = words(language)
        asked = _instrument(DEMONSTRATION)
        report = _run(asked, Inputs(asked.demonstration_path()), out, said)
        _tell(report, out, said)


@listing.callback()
def list_instruments(context: typer.Context, language: Language = "da") -> None:
    """List the instruments that come with the toolkit, or lock the rules of one."""
    if context.invoked_subcommand is not None:
        return
    with _refusals(language):
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
    with _refusals(language):
        from instruments import locking

        said = words(language)
        asked = _instrument(instrument)
        path = out or locking.default_path(asked, Path())
        made = locking.lock(asked, datetime.now(UTC))
        locking.write(made, path)
        values: dict[str, Value] = {"file": str(path.resolve()), "checksum": made.checksum}
        typer.echo(said.say(Message("cli.locked", values)))


@main.command()
def questionnaire(
    instrument: Annotated[
        str, typer.Option(help="Name of an instrument (see kobling instruments), or its file.")
    ],
    form: Annotated[str, typer.Option(help="Form of the instrument, such as short or full_1.")],
    out: Annotated[Path, typer.Option(help="File to write; it must not be there yet.")],
    format: Annotated[
        str,
        typer.Option(
            help="docx or pdf to print; lss (LimeSurvey), redcap (data dictionary) or xlsform "
            "(ODK, KoboToolbox) to import."
        ),
    ] = "pdf",
    language: Annotated[str, typer.Option(help="Language of the questionnaire: da or en.")] = "da",
    role: Annotated[
        str | None,
        typer.Option(help="Ask those of a role in their own wording, where there is one: leader."),
    ] = None,
) -> None:
    """Write a questionnaire to be printed, or to be imported into a survey system."""
    with _refusals(language):
        from analyses.fielding import files

        said = words(language)
        wanted = files.Wanted(_instrument(instrument), form, role)
        asked = files.write_questionnaire(wanted, out, said, format=format)
        form_label = asked.form_label[language]
        done = Message("cli.questionnaire.done", {"form": form_label, "file": str(out.resolve())})
        typer.echo(said.say(done))


@main.command()
def codebook(
    instrument: Annotated[
        str, typer.Option(help="Name of an instrument (see kobling instruments), or its file.")
    ],
    out: Annotated[Path, typer.Option(help="File to write; it must not be there yet.")],
    format: Annotated[
        str, typer.Option(help="xlsx, html, or sav (SPSS, with labels and no cases).")
    ] = "xlsx",
    form: Annotated[str | None, typer.Option(help="Only the items of this form.")] = None,
    language: Annotated[str, typer.Option(help="Language of the codebook: da or en.")] = "da",
) -> None:
    """Write the codebook of an instrument: items, answers, background columns."""
    with _refusals(language):
        from analyses.fielding import files

        said = words(language)
        files.write_codebook(_instrument(instrument), out, said, format=format, form=form)
        typer.echo(said.say(Message("cli.questionnaire.codebook", {"file": str(out.resolve())})))


@main.command()
def simulate(
    instrument: Annotated[
        str, typer.Option(help="Name of an instrument that states a population, or its file.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the files; new or empty.")],
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same files.")] = SEED,
    format: Annotated[
        str,
        typer.Option(help="csv, sav or xlsx, or as exported: limesurvey, redcap, xlsform."),
    ] = "csv",
    form: Annotated[str, typer.Option(help="Form of the instrument that is answered.")] = "full",
    careless: Annotated[bool, typer.Option(help="With careless responses.")] = True,
    flat: Annotated[bool, typer.Option(help="With profiles that are flat by nature.")] = True,
    noninvariance: Annotated[
        bool, typer.Option(help="With the planted differences in how items work.")
    ] = True,
    missing: Annotated[bool, typer.Option(help="With ordinary missing answers.")] = True,
    planned: Annotated[bool, typer.Option(help="In the rotated versions of the form.")] = True,
    second_wave: Annotated[bool, typer.Option(help="With a second wave.")] = True,
    language: Language = "da",
) -> None:
    """Draw simulated answers from a stated population, with the true values beside them."""
    with _refusals(language):
        from analyses.fielding import responses
        from analyses.simulating import drawing, files
        from instruments.population import load_population

        said = words(language)
        files.check(out)
        responses.check(format)
        asked = _instrument(instrument)
        wanted = drawing.Wanted(careless, flat, noninvariance, missing, planned, second_wave)
        population = load_population(asked)
        drawn = drawing.draw(asked, population, seed=seed, form=form, wanted=wanted)
        files.write(drawn, out, said, seed=seed, format=format)
        n, folder = said.write(len(drawn.data)), str(out.resolve())
        typer.echo(said.say(Message("cli.simulate.done", {"n": n, "folder": folder})))


@main.command()
def dashboard(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8501,
    address: Annotated[
        str, typer.Option(help="Address to listen on; by default this machine only.")
    ] = "127.0.0.1",
    headless: Annotated[bool, typer.Option("--headless", help="Open no browser.")] = False,
) -> None:
    """Open the dashboard in the browser; it listens on this machine only unless told otherwise."""
    from analyses.showing import serving

    serving.run(port=port, address=address, headless=headless)


def _instrument(name_or_path: str) -> "Instrument":
    import instruments

    return instruments.load(name_or_path)


class _RunOptions(TypedDict, total=False):
    """What a run may be told; each is an argument of `analyses.report.validate`."""

    seed: int
    estimator: str | None
    confidential: bool
    wave: str | None
    flagged: str


def _run(
    instrument: "Instrument",
    inputs: "Inputs",
    out: Path,
    said: Words,
    **options: Unpack[_RunOptions],
) -> Report:
    """Read, compute and write, with a bar on standard error where that is a terminal."""
    # Loading these takes a second; a refusal before must not wait for it.
    from analyses import output
    from analyses.intake import inputs as files
    from analyses.report import validate as run_all

    output.check(out)
    with _bar() as bar:
        task = bar.add_task(said.say(Message("cli.reading")), total=1.0)
        given = files.read(instrument, inputs)

        def show(step: str, share: float) -> None:
            bar.update(task, description=said.say(Message(step)), completed=0.95 * share)

        report = run_all(
            given.instrument, given.survey, beside=given.beside, progress=show, **options
        )
        bar.update(task, description=said.say(Message("cli.writing")))
        output.write(report, out, language=said.language)
        bar.update(task, completed=1.0)
    return report


def _bar() -> Progress:
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


def _tell(report: Report, out: Path, said: Words) -> None:
    """End with where the report lies and what it found."""
    from analyses.export import html

    typer.echo(said.say(Message("cli.done", {"folder": str(out.resolve() / html.FILE_NAME)})))
    typer.echo(said.say(Message("cli.found")))
    for section in report.sections:
        if section.id in FINDINGS:
            typer.echo(f"- {said.say(section.answer)}")


def _described(instrument: "Instrument", said: Words) -> tuple[str, str, str]:
    title = instrument.title.get(said.language, instrument.id)
    kind = "none"
    if instrument.demonstration is not None:
        kind = "simulated" if instrument.demonstration.simulated else "real"
    label = said.say(Message(f"cli.demonstration_{kind}"))
    return title, said.write(len(instrument.items)), label


@contextmanager
def _refusals(language: str) -> Iterator[None]:
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
