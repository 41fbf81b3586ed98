"""Notes from cognitive interviews: which items people had trouble with, and of what kind.

The kinds are the stages of answering (Tourangeau 1984; Willis 2005), and whether the question
concerns people at all.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analyses.errors import SurveyError
from analyses.intake.columns import listed
from analyses.intake.side_files import ITEM, SideFile, open_file
from instruments.schema import Instrument
from instruments.texts import fold

KIND = ("kind", "type", "problem", "art", "slags", "problemtype")
NOTE = ("note", "notes", "noter", "comment", "kommentar", "bemærkning")
INTERVIEW = ("interview", "interview_id", "interview nr", "participant", "deltager", "informant")

NO_PROBLEM = "none"
KINDS = {
    "understanding": ("understanding", "comprehension", "forståelse"),
    "memory": ("memory", "recall", "retrieval", "hukommelse", "genkaldelse"),
    "judgement": ("judgement", "judgment", "estimation", "vurdering", "bedømmelse"),
    "answer": ("answer", "answers", "response", "svar", "svarmulighed", "svarmuligheder"),
    "relevance": ("relevance", "relevans", "not relevant", "ikke relevant"),
    "sensitive": ("sensitive", "sensitivity", "følsomt", "følsomhed"),
    "other": ("other", "andet"),
    NO_PROBLEM: ("none", "no problem", "ok", "ingen", "intet", "ingen problemer"),
}
"""Each kind of problem, and the words for it; the row of an item without a problem says `none`."""


@dataclass(frozen=True, eq=False)
class Interviews:
    """What was noted.

    Parameters
    ----------
    name
        The file's name, without its folder.
    notes
        (n_notes, 3): `item` (missing where the whole questionnaire is meant), `kind` (a key of
        `KINDS`) and `note` (text, may be missing).
    n_interviews
        How many interviews the notes come from; None where the file does not say.
    """

    name: str
    notes: pd.DataFrame
    n_interviews: int | None


def read_interviews(path: str | Path, instrument: Instrument) -> Interviews:
    """Read notes from cognitive interviews, one row a note.

    Parameters
    ----------
    path
        A table of any format that a survey may have, with the columns item, kind and note, and if
        wished interview. Their names and the kinds may be Danish or English. Other columns are not
        read, so that names of persons reach no report.
    instrument
        Whose items were tried.

    Raises
    ------
    SurveyError
        Where a column is missing, an item or a kind unknown, or a note holds an e-mail address, a
        telephone number or a CPR number.
    """
    file = open_file(path, expected=(*ITEM, *KIND, *NOTE, *INTERVIEW))
    item, kind, note = (_needed(file, names) for names in (ITEM, KIND, NOTE))
    file.refuse_personal(note)
    rows = pd.DataFrame(
        {
            "item": file.items(item, instrument),
            "kind": _kinds(file, kind),
            "note": file.text(note),
        }
    )
    blank = rows.index[rows["kind"].isna() & (rows["item"].notna() | rows["note"].notna())]
    if len(blank):
        raise SurveyError(
            f'"{file.name}" does not say the kind of problem in {file.place(blank[0], kind)}.\n'
            f"    Use one of {_words()}."
        )
    interview = file.column(INTERVIEW)
    n_interviews = None if interview is None else file.text(interview).nunique()
    noted = rows[rows["kind"].notna()].reset_index(drop=True)
    return Interviews(file.name, noted, n_interviews)


def _needed(file: SideFile, names: tuple[str, ...]) -> str:
    column = file.column(names)
    if column is None:
        raise SurveyError(
            f'"{file.name}" has no column "{names[0]}"; it has {listed(file.headings, "column")}.\n'
            "    A file of interview notes has the columns item, kind and note, and if wished "
            "interview."
        )
    return column


def _kinds(file: SideFile, column: str) -> "pd.Series[str]":
    words = {word: kind for kind, spelled in KINDS.items() for word in spelled}
    text = file.text(column)
    kinds = text.map(lambda word: words.get(fold(word)), na_action="ignore")
    unknown = text[text.notna() & kinds.isna()]
    if not unknown.empty:
        raise SurveyError(
            f'"{file.name}" holds the kind "{unknown.iloc[0]}" in '
            f"{file.place(unknown.index[0], column)}, which is not known.\n"
            f"    Use one of {_words()}."
        )
    return kinds


def _words() -> str:
    return ", ".join(f"{spelled[0]} ({spelled[-1]})" for spelled in KINDS.values())
