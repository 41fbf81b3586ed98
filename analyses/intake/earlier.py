"""Reports that have been published before, which bear on what may be shown now."""

from collections.abc import Iterable
from pathlib import Path

from analyses.disclosure import Earlier
from analyses.errors import SurveyError
from analyses.export import results
from analyses.intake.survey import Survey
from analyses.section import Report
from instruments.schema import Instrument


def located(path: Path) -> Path:
    """Give the file with a run's results: in a folder, the one that a run writes there."""
    return path / results.FILE_NAME if path.is_dir() else path


def read_earlier(paths: Iterable[Path], instrument: Instrument) -> tuple[Report, ...]:
    """Read earlier reports of an instrument.

    Parameters
    ----------
    paths
        Folders of runs, or results files.
    instrument
        What is asked now.

    Raises
    ------
    SurveyError
        Where a file cannot be read, is of another instrument, or is confidential: such a report
        was not published, and what it tells was not known to anybody.
    """
    found = []
    for path in paths:
        report = results.read(located(path))
        if report.instrument != instrument.id:
            raise SurveyError(
                f'the earlier report "{path.name}" is of the instrument "{report.instrument}", not '
                f'of "{instrument.id}".'
            )
        if report.confidential:
            raise SurveyError(
                f'the earlier report "{path.name}" is confidential, and was not published. Give '
                "the report that was."
            )
        found.append(report)
    return tuple(found)


def check_waves(reports: Iterable[Report], wave: str | None) -> None:
    """Refuse earlier reports of which nobody can tell whether they are of the wave of now.

    Raises
    ------
    SurveyError
        Where either the report or this run names its wave, and the other one none: they may rest on
        the same answers, and what one hides could be shown by the other.
    """
    for report in reports:
        if (report.wave is None) != (wave is None):
            before, now = (one or "none named" for one in (report.wave, wave))
            raise SurveyError(
                f'the earlier report of "{report.survey}" ({report.created}) is of another wave '
                f"({before}) than this run ({now}), so that it cannot be told whether both rest on "
                "the same answers. Name the waves of both, or of none."
            )


def bearing(
    reports: Iterable[Report], instrument: Instrument, whole: Survey, survey: Survey
) -> tuple[Earlier, ...]:
    """Say of earlier reports how they bear on what may be shown now.

    Parameters
    ----------
    reports
        Of the same instrument, from `read_earlier`.
    instrument
        What is asked.
    whole, survey
        The answers of all waves, and those that are analysed now.

    Returns
    -------
    tuple
        Of a report of another wave, how many of its people are among those of now, where the survey
        holds both waves and says who answered; anybody may then know it from the section on the
        development. Else nothing can be reckoned from one wave to the other.
    """
    found = []
    for report in reports:
        same = report.wave == survey.wave
        stayed = None if same else _stayed(report, instrument, whole, survey)
        found.append(Earlier(report, stayed, same))
    return tuple(found)


def _stayed(report: Report, instrument: Instrument, whole: Survey, survey: Survey) -> int | None:
    who, wave = instrument.column_for("respondent"), whole.wave_column
    if who is None or who not in whole.data or wave is None or report.wave is None:
        return None
    before = whole.data.loc[whole.data[wave].astype(object) == report.wave, who]
    if before.isna().any() or len(before) != report.n_obs:
        # The report is not of these answers, or not of all of them.
        return None
    return int(survey.data[who].isin(before).sum())
