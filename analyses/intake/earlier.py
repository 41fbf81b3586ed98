"""Reports that have been published before, which bear on what may be shown now."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from analyses.errors import SurveyError
from analyses.export import results
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


def check_waves(earlier: Sequence[Report], wave: str | None) -> None:
    """Refuse earlier reports of another wave than the one that is analysed.

    Raises
    ------
    SurveyError
        Where there is one: the answers to different waves are published each for itself.
    """
    for report in earlier:
        if report.wave != wave:
            before, now = (one or "none named" for one in (report.wave, wave))
            raise SurveyError(
                f'the earlier report of "{report.survey}" ({report.created}) is of another wave '
                f"({before}) than this run ({now}). Give reports of the same wave only; others do "
                "not decide what may be shown."
            )
