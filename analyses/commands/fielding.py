"""`kobling questionnaire`, `codebook` and `simulate`: what goes out before answers come in."""

from pathlib import Path
from typing import Annotated

import typer

from analyses.commands.running import Language, load_instrument, refusals
from analyses.defaults import SEED
from analyses.section import Message
from analyses.wording import words


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
    with refusals(language):
        from analyses.fielding import files

        said = words(language)
        wanted = files.Wanted(load_instrument(instrument), form, role)
        asked = files.write_questionnaire(wanted, out, said, format=format)
        form_label = asked.form_label[language]
        done = Message("cli.questionnaire.done", {"form": form_label, "file": str(out.resolve())})
        typer.echo(said.say(done))


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
    with refusals(language):
        from analyses.fielding import files

        said = words(language)
        files.write_codebook(load_instrument(instrument), out, said, format=format, form=form)
        typer.echo(said.say(Message("cli.questionnaire.codebook", {"file": str(out.resolve())})))


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
    with refusals(language):
        from analyses.fielding import responses
        from analyses.simulating import drawing, files
        from instruments.population import load_population

        said = words(language)
        files.check(out)
        responses.check(format)
        asked = load_instrument(instrument)
        wanted = drawing.Wanted(careless, flat, noninvariance, missing, planned, second_wave)
        population = load_population(asked)
        drawn = drawing.draw(asked, population, seed=seed, form=form, wanted=wanted)
        files.write(drawn, out, said, seed=seed, format=format)
        n, folder = said.write(len(drawn.data)), str(out.resolve())
        typer.echo(said.say(Message("cli.simulate.done", {"n": n, "folder": folder})))
