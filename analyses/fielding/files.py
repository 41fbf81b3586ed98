"""Questionnaires and codebooks as files, written whole or not at all."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from analyses.errors import OutputError
from analyses.fielding import codebook, limesurvey, pdf, questionnaire, redcap, word, xlsform
from analyses.fielding.errors import FieldingError
from analyses.fielding.questionnaire import Questionnaire
from analyses.fielding.sheet import write_out
from analyses.wording import Words
from instruments.schema import Instrument

QUESTIONNAIRES: Mapping[str, tuple[str, Callable[[Questionnaire, Words], bytes]]] = {
    "docx": (".docx", lambda asked, words: word.contents(write_out(asked, words))),
    "pdf": (".pdf", lambda asked, words: pdf.contents(write_out(asked, words))),
    "lss": (".lss", lambda asked, _: limesurvey.contents(asked)),
    "redcap": (".csv", redcap.contents),
    "xlsform": (".xlsx", lambda asked, _: xlsform.contents(asked)),
}
"""The formats of a questionnaire, with the ending and the writer of each."""

CODEBOOKS: Mapping[str, str] = {"xlsx": ".xlsx", "html": ".html", "sav": ".sav"}
"""The formats of a codebook, with the ending of each."""


@dataclass(frozen=True)
class Wanted:
    """The questionnaire that is wanted; see `questionnaire.build`."""

    instrument: Instrument
    form: str
    role: str | None = None


def write_questionnaire(wanted: Wanted, path: Path, words: Words, *, format: str) -> Questionnaire:
    """Write a questionnaire to a new file, and give what it asks.

    Parameters
    ----------
    wanted
        Instrument, form and, where wanted, the role whose own wording is used.
    path
        The file; it must not be there yet, and have the ending of the format.
    words
        The language.
    format
        A key of `QUESTIONNAIRES`.

    Raises
    ------
    FieldingError
        If there is no such format, or the questionnaire cannot be made.
    OutputError
        If the file cannot be written, or is there already.
    """
    if format not in QUESTIONNAIRES:
        raise _no_format(format, QUESTIONNAIRES)
    ending, contents = QUESTIONNAIRES[format]
    check(path, ending)
    asked = questionnaire.build(
        wanted.instrument, wanted.form, language=words.language, role=wanted.role
    )
    _write(path, contents(asked, words))
    return asked


def write_codebook(
    instrument: Instrument, path: Path, words: Words, *, format: str, form: str | None = None
) -> None:
    """Write a codebook to a new file.

    Parameters
    ----------
    instrument, form
        As for `codebook.build`.
    path
        The file; it must not be there yet, and have the ending of the format.
    words
        The language.
    format
        A key of `CODEBOOKS`.

    Raises
    ------
    FieldingError
        If there is no such format, form or language.
    OutputError
        If the file cannot be written, or is there already.
    """
    if format not in CODEBOOKS:
        raise _no_format(format, CODEBOOKS)
    check(path, CODEBOOKS[format])
    if format == "sav":
        made = codebook.spss(instrument, words.language, form=form)
    else:
        book = codebook.build(instrument, words, form=form)
        made = codebook.workbook(book) if format == "xlsx" else codebook.page(book)
    _write(path, made)


def check(path: Path, ending: str) -> None:
    """Check, before anything is made, that a file can be written (OutputError)."""
    if path.is_dir():
        raise OutputError(f'"{path}" is a folder. Name a file in it with --out.')
    if path.suffix.lower() != ending:
        raise OutputError(
            f'"{path.name}" does not end with {ending}, as a file of this format does. '
            f"Name it {path.stem or 'file'}{ending}."
        )
    if path.exists():
        raise OutputError(
            f'"{path}" is there already and is left alone. Delete it, or name another file.'
        )
    folder = path.resolve().parent
    if not folder.is_dir():
        raise OutputError(f'"{path}" cannot be written: there is no folder "{folder.name}".')
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f'"{path}" cannot be written: no permission to write there.')


def _no_format(format: str, known: Mapping[str, object]) -> FieldingError:
    return FieldingError(f'there is no format "{format}".\n    Choose one of {", ".join(known)}.')


def _write(path: Path, content: bytes) -> None:
    """Write beside the file and give it its name at the end."""
    part = path.with_name(f".{path.name}.{uuid4().hex}.part")
    try:
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise OutputError(f'"{path}" cannot be written: {error.strerror}.') from error
    finally:
        part.unlink(missing_ok=True)
