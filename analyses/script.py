"""One question from the command line: `python -m analyses.items survey.csv --instrument ...`.

Reads the survey, runs the one analysis, publishes its section and writes it as results.json, as
tables and as figures. The whole validation is `kobling validate`.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from analyses import output
from analyses.errors import OutputError, SurveyError
from analyses.export import pictures, results, workbook
from analyses.intake import locked
from analyses.intake.cross_section import one_wave
from analyses.intake.survey import Survey, read_survey
from analyses.publication import assemble
from analyses.section import Message, Section
from analyses.wording import words
from instruments import AnswerError, Instrument, InstrumentError, load
from measure.errors import MeasureError

Analysis = Callable[[Instrument, Survey], Section]

REFUSED = 2
"""Exit status where the input is wrong, as argparse has it too."""


def main(
    analysis: Analysis,
    section: str,
    arguments: Sequence[str] | None = None,
    *,
    all_waves: bool = False,
) -> int:
    """Run one analysis on a survey file and write its section.

    Parameters
    ----------
    analysis
        A section's `run`.
    section
        The section's id.
    arguments
        Those of the command line, by default the program's own.
    all_waves
        Whether the analysis is of all waves, and not of the first.

    Returns
    -------
    int
        Exit status: 0, or 2 where the input is wrong; nothing is written then.
    """
    given = _parser(section).parse_args(arguments)
    try:
        said = words(given.language)
        instrument = load(given.instrument)
        output.check(given.out)
        survey = read_survey(given.survey, instrument)
        if not all_waves:
            survey = one_wave(instrument, survey)
        report = assemble(
            instrument,
            survey,
            (analysis(instrument, survey),),
            confidential=given.confidential,
            rules=locked.examine(instrument, survey=given.survey),
        )
        with output.whole(given.out) as place:
            results.write(report, place / results.FILE_NAME)
            workbook.write(report, place / workbook.FILE_NAME, said)
            pictures.write(pictures.draw(report, said), place / pictures.FOLDER_NAME)
    except (InstrumentError, AnswerError, SurveyError, OutputError, MeasureError) as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED
    title = said.say(Message(f"section.{section}.title"))
    sys.stdout.write(f"{title}: {said.say(report.sections[0].answer)}\n{given.out}\n")
    return 0


def _parser(section: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m analyses.{section}",
        description="Runs one analysis of a survey and writes its section.",
    )
    parser.add_argument("survey", type=Path, help="survey file (.csv, .xlsx, .sav, ...)")
    parser.add_argument("--instrument", required=True, help="name of an instrument, or its file")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--language", default="da", help="da (default) or en")
    parser.add_argument(
        "--confidential", action="store_true", help="leave in groups of fewer than 5 respondents"
    )
    return parser
