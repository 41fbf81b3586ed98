"""The command line: `kobling validate`, `demo`, `instruments`, `questionnaire`, ... `dashboard`.

What is wrong with the input is told in a sentence on standard error, with exit status 2 and
nothing written. Modules that draw and write are loaded when they are needed, so that `--help` and
a refusal come at once.
"""

from pathlib import Path
from typing import Annotated

import typer

from analyses.commands.fielding import codebook, questionnaire, simulate
from analyses.commands.instruments import listing
from analyses.commands.planning import power
from analyses.commands.rerunning import compare, replay
from analyses.commands.running import (
    INTERRUPTED,
    REFUSED,
    Language,
    load_instrument,
    refusals,
    run,
)
from analyses.defaults import SEED
from analyses.section import Message, Report
from analyses.wording import Words, words

__all__ = ["FINDINGS", "INTERRUPTED", "REFUSED", "main"]

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

main.add_typer(listing, name="instruments")


def _show_version(wanted: bool) -> None:
    if wanted:
        from analyses.defaults import software

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
    earlier: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="RUN",
            help="A run that has been published, of this wave or another: its folder, or its "
            "results.json. What it hides of this wave stays hidden, and nothing shown may give it "
            "away. May be given several times.",
        ),
    ] = None,
    flagged: Annotated[
        str,
        typer.Option(
            help="People flagged for careless answers: both (with and without them), keep or drop."
        ),
    ] = "both",
    cutoffs: Annotated[
        bool,
        typer.Option(
            "--cutoffs",
            help="Simulate limits of the fit indices for this model and survey (a minute or two "
            "the first time).",
        ),
    ] = False,
    multiverse: Annotated[
        bool,
        typer.Option(
            "--multiverse",
            help="Analyse again by every combination of defensible choices (some minutes).",
        ),
    ] = False,
) -> None:
    """Validate a questionnaire on the answers in SURVEY and write the report."""
    with refusals(language):
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
            earlier=tuple(earlier or ()),
        )
        report = run(
            load_instrument(instrument),
            inputs,
            out,
            said,
            seed=seed,
            estimator=estimator,
            confidential=confidential,
            wave=at_wave,
            flagged=flagged,
            cutoffs=cutoffs,
            multiverse=multiverse,
        )
        _tell(report, out, said)


@main.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the report.")] = Path("demo-report"),
    language: Language = "da",
) -> None:
    """Validate the coupling questionnaire on its simulated answers; say where the report lies."""
    with refusals(language):
        from analyses.intake.inputs import Inputs

        said = words(language)
        asked = load_instrument(DEMONSTRATION)
        report = run(asked, Inputs(asked.demonstration_path()), out, said)
        _tell(report, out, said)


for one in (replay, compare, questionnaire, codebook, simulate, power):
    main.command()(one)


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


def _tell(report: Report, out: Path, said: Words) -> None:
    """End with where the report lies and what it found."""
    from analyses.export import html

    typer.echo(said.say(Message("cli.done", {"folder": str(out.resolve() / html.FILE_NAME)})))
    typer.echo(said.say(Message("cli.found")))
    for section in report.sections:
        if section.id in FINDINGS:
            typer.echo(f"- {said.say(section.answer)}")
