"""Output folders, written whole or not at all.

A run is written into a new folder beside the one asked for, and takes its name when every file
is on the disk. What stood there before stays until then.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from analyses.errors import OutputError
from analyses.export import (
    comparison,
    datasets,
    html,
    pdf,
    pictures,
    plan,
    report_pdf,
    report_word,
    results,
    slides,
    summary_word,
    workbook,
)
from analyses.rerunning import record as records
from analyses.rerunning.record import Record
from analyses.section import Report
from analyses.side_by_side import ALONE, Team
from analyses.wording import Words, words

FILE_NAMES = frozenset(
    {
        results.FILE_NAME,
        html.FILE_NAME,
        report_pdf.FILE_NAME,
        report_word.FILE_NAME,
        pdf.FILE_NAME,
        summary_word.FILE_NAME,
        workbook.FILE_NAME,
        datasets.FOLDER_NAME,
        pictures.FOLDER_NAME,
        slides.FOLDER_NAME,
    }
)
"""What a report is written as."""

OURS = FILE_NAMES | {records.FILE_NAME, comparison.FILE_NAME, plan.FILE_NAME}
"""What may stand in a folder that is replaced: a report, the record of its run, a comparison or a
plan."""


def write(
    report: Report,
    folder: Path,
    *,
    language: str,
    record: Record | None = None,
    team: Team = ALONE,
) -> None:
    """Write a report in all formats into a folder, whole or not at all.

    Parameters
    ----------
    report
        A published report.
    folder
        Made, with its parents; an earlier result of ours in its place is replaced.
    language
        `da` or `en`.
    record
        What the run rested on, which is written beside its results; None where that is not known.
    team
        Who works on it, from `side_by_side.team`; by default this process alone.

    Raises
    ------
    OutputError
        If the folder is not ours to write, or the disk refuses.
    """
    said = words(language)
    with whole(folder) as place:
        shared = team.share(report)
        writing = [
            team.begin(results.write, shared, place / results.FILE_NAME),
            team.begin(workbook.write, shared, place / workbook.FILE_NAME, said),
            team.begin(datasets.write, shared, place / datasets.FOLDER_NAME, said),
        ]
        drawn = pictures.draw(report, said, team)
        figures = team.share(drawn)
        writing += [
            team.begin(_with_figures, writer.write, shared, place / writer.FILE_NAME, said, figures)
            for writer in (report_pdf, report_word, html, pdf, summary_word)
        ]
        pictures.write(drawn, place / pictures.FOLDER_NAME)
        slides.write(slides.compose(report, said, drawn), place / slides.FOLDER_NAME)
        for one in writing:
            one.result()
        if record is not None:
            records.write(record, place / records.FILE_NAME)


def write_comparison(report: Report, folder: Path, *, language: str) -> None:
    """Write the comparison of two runs into a folder, whole or not at all; as for `write`."""
    said = words(language)
    with whole(folder) as place:
        results.write(report, place / results.FILE_NAME)
        comparison.write(report, place / comparison.FILE_NAME, said)
        workbook.write(report, place / workbook.FILE_NAME, said)


def write_plan(report: Report, folder: Path, *, language: str) -> None:
    """Write the plan of a study into a folder, whole or not at all; as for `write`."""
    said = words(language)
    with whole(folder) as place:
        results.write(report, place / results.FILE_NAME)
        plan.write(report, place / plan.FILE_NAME, said)
        workbook.write(report, place / workbook.FILE_NAME, said)
        datasets.write(report, place / datasets.FOLDER_NAME, said)
        pictures.write(pictures.draw(report, said), place / pictures.FOLDER_NAME)


def _with_figures(
    write: Callable[..., None], report: Report, path: Path, said: Words, drawn: Mapping[str, str]
) -> None:
    write(report, path, said, drawn=drawn)


def check(folder: Path) -> None:
    """Check, before anything is computed, that a folder is ours to write.

    It may be new, empty, or an earlier result of ours with nothing else in it.

    Raises
    ------
    OutputError
        If it is a file, or holds anything that kobling did not write, or cannot be written to.
    """
    target = folder.resolve()
    if target.is_dir():
        _check_ours(target, folder)
    elif target.exists():
        raise OutputError(f'"{folder}" is a file. Name a folder with --out.')
    parent = _existing_parent(target)
    if not parent.is_dir():
        raise OutputError(f'"{folder}" cannot be made: "{parent.name}" is not a folder.')
    if not os.access(parent, os.W_OK | os.X_OK):
        raise OutputError(f'"{folder}" cannot be written: no permission to write there.')


def _check_ours(target: Path, folder: Path) -> None:
    try:
        names = {entry.name for entry in target.iterdir()}
    except OSError as error:
        raise OutputError(f'"{folder}" cannot be read: {error.strerror}.') from error
    if not names:
        return
    if not results.is_ours(target / results.FILE_NAME):
        raise OutputError(
            f'"{folder}" exists and does not hold a result of kobling, so it is left alone. '
            "Name a new folder with --out."
        )
    foreign = sorted(names - OURS)
    if foreign:
        raise OutputError(
            f'"{folder}" also holds files that kobling did not write (first: "{foreign[0]}") and '
            "that replacing it would delete. Move them, or name a new folder with --out."
        )


@contextmanager
def whole(folder: Path) -> Iterator[Path]:
    """Give a new empty folder that takes the name of `folder` when the block ends well.

    If the block is left by an error or an interruption, nothing of it remains and what stood at
    `folder` is as before.

    Parameters
    ----------
    folder
        As for `write`.

    Raises
    ------
    OutputError
        As for `check`, and if the disk refuses.
    """
    check(folder)
    target = folder.resolve()
    parent = _existing_parent(target)
    place = parent / f".{target.name}.{uuid4().hex}.part"
    try:
        place.mkdir()
        yield place
        _flush(place)
        target.parent.mkdir(parents=True, exist_ok=True)
        _take_name(place, target)
        _flush_folder(target.parent)
    except OSError as error:
        raise OutputError(f'"{folder}" cannot be written: {error.strerror}.') from error
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _take_name(place: Path, target: Path) -> None:
    """Rename the new folder to the target; an older one stands aside and returns on failure."""
    if not target.exists():
        place.rename(target)
        return
    aside = target.parent / f".{target.name}.{uuid4().hex}.old"
    target.rename(aside)
    try:
        place.rename(target)
    except BaseException:
        aside.rename(target)
        raise
    shutil.rmtree(aside)


def _existing_parent(target: Path) -> Path:
    return next(parent for parent in target.parents if parent.exists())


def _flush(folder: Path) -> None:
    """Have everything in a folder on the disk before the folder gets its name."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    for path in [folder, *(entry for entry in folder.rglob("*") if entry.is_dir())]:
        _flush_folder(path)


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
