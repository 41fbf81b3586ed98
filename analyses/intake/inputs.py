"""The files of one validation: the survey, and what the user lays beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from analyses.content_validity import Content
from analyses.intake import locked, roles
from analyses.intake.earlier import read_earlier
from analyses.intake.experts import read_experts
from analyses.intake.interviews import read_interviews
from analyses.intake.mapping import ColumnMapping, read_mapping
from analyses.intake.margins import Margin, read_margins
from analyses.intake.survey import Survey, read_survey
from analyses.report import Beside
from instruments.schema import Instrument


@dataclass(frozen=True)
class Inputs:
    """Where the files of a validation lie, and the roles that the user gives columns.

    Parameters
    ----------
    survey
        The answers.
    columns
        Role → name of the column in the file, as for `roles.assign`.
    mapping
        A mapping file, see `analyses.intake.mapping`.
    lock
        A lock file of the instrument; None looks beside the instrument's own file.
    experts, interviews
        Ratings of relevance, and notes from cognitive interviews.
    population
        What is known of the population.
    earlier
        Folders of runs that have been published, of this wave or others, or their results files.
    """

    survey: Path
    columns: Mapping[roles.GivenRole, str | None] = field(default_factory=dict)
    mapping: Path | None = None
    lock: Path | None = None
    experts: Path | None = None
    interviews: Path | None = None
    population: Path | None = None
    earlier: tuple[Path, ...] = ()


class Given(NamedTuple):
    """What was read: the instrument with its roles, the answers, and what stands beside them."""

    instrument: Instrument
    survey: Survey
    beside: Beside


def read(instrument: Instrument, inputs: Inputs) -> Given:
    """Read all files and check them, before anything is computed.

    Raises
    ------
    SurveyError, AnswerError, LockError
        Where a file cannot be read or does not fit the instrument.
    """
    own = ColumnMapping()
    if inputs.mapping is not None:
        own = read_mapping(inputs.mapping, instrument)
    asked = roles.assign(instrument, inputs.columns)
    rules = locked.examine(instrument, lock=inputs.lock, survey=inputs.survey)
    content = _content(asked.instrument, inputs)
    earlier = read_earlier(inputs.earlier, asked.instrument)
    survey = read_survey(
        inputs.survey,
        asked.instrument,
        mapping={**own.columns, **asked.mapping},
        own=own.own,
        then=own.then,
    )
    margins: tuple[Margin, ...] = ()
    if inputs.population is not None:
        margins = tuple(read_margins(inputs.population, asked.instrument, survey))
    return Given(asked.instrument, survey, Beside(rules, content, margins, earlier))


def _content(instrument: Instrument, inputs: Inputs) -> Content | None:
    if inputs.experts is None and inputs.interviews is None:
        return None
    return Content(
        None if inputs.experts is None else read_experts(inputs.experts, instrument),
        None if inputs.interviews is None else read_interviews(inputs.interviews, instrument),
    )
