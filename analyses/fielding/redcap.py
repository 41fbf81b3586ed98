"""Writes a data dictionary for REDCap (.csv), and checks one against REDCap's rules.

The rules are those of "Help & FAQ, Data Dictionary" in REDCap and of its guide "Creating a Data
Dictionary in REDCap" (Vanderbilt University): 18 columns in fixed order; field names begin with a
small letter and have small letters, digits and underscores, at most 26 of them; the first field is
the record identifier; choices are `code, label` with `|` between them; the fields of a matrix
follow each other in one form, and have the same type and choices; names of forms and matrices have
small letters, digits and underscores (matrices at most 60).
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from analyses.fielding.codes import REDCAP, column_names
from analyses.fielding.errors import FieldingError
from analyses.fielding.questionnaire import Choice, Questionnaire, Section
from analyses.section import Message
from analyses.wording import Words

COLUMNS = (
    "Variable / Field Name",
    "Form Name",
    "Section Header",
    "Field Type",
    "Field Label",
    "Choices, Calculations, OR Slider Labels",
    "Field Note",
    "Text Validation Type OR Show Slider Number",
    "Text Validation Min",
    "Text Validation Max",
    "Identifier?",
    "Branching Logic (Show field only if...)",
    "Required Field?",
    "Custom Alignment",
    "Question Number (surveys only)",
    "Matrix Group Name",
    "Matrix Ranking?",
    "Field Annotation",
)
NAME, FORM, HEADER, KIND, LABEL, CHOICES = COLUMNS[:6]
NUMBER, MATRIX, ANNOTATION = COLUMNS[14], COLUMNS[15], COLUMNS[17]

MOST_NAME, MOST_MATRIX = 26, 60
KINDS = {
    "text",
    "notes",
    "radio",
    "dropdown",
    "checkbox",
    "calc",
    "file",
    "yesno",
    "truefalse",
    "slider",
    "descriptive",
}
RECORD = "record_id"
"""The record identifier, which REDCap numbers by itself."""

HIDDEN = "@HIDDEN-SURVEY"

Row = dict[str, str]


def contents(questionnaire: Questionnaire, words: Words) -> bytes:
    """Give the data dictionary as the bytes of a CSV file (UTF-8) in one language.

    Every block is a matrix; background questions are radio buttons; what whoever runs the survey
    fills in is hidden from respondents, and has its value where that is known.

    Raises
    ------
    FieldingError
        If a name or a text does not fit the rules of REDCap.
    """
    asked = questionnaire
    language = asked.language
    names = REDCAP.names([*column_names(asked.instrument), *(one.id for one in asked.sections)])
    form = REDCAP.name(f"{asked.instrument.id}_{asked.form}")
    rows = [_row(RECORD, form, "text", "Record ID")]
    opening = "\n\n".join([asked.title[language], *asked.introduction(language)])
    rows.append(_row("introduction", form, "descriptive", opening))
    for section in asked.sections:
        rows += _matrix(section, form, names, language)
    about = words.say(Message("cli.sheet.about_intro"))
    for place, question in enumerate(asked.questions):
        column = question.column
        row = _row(names[column.name], form, "radio", column.question[language])
        row[CHOICES] = _choices(
            [(REDCAP.value(column, choice.value), choice) for choice in question.choices], language
        )
        row[HEADER] = "" if place else about
        row[NUMBER] = str(question.number)
        rows.append(row)
    for column, value in asked.unasked:
        row = _row(names[column.name], form, "text", column.label[language])
        row[ANNOTATION] = HIDDEN if value is None else f"{HIDDEN} @DEFAULT='{value}'"
        rows.append(row)
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    made = buffer.getvalue().encode("utf-8")
    if found := problems(made):
        raise FieldingError(
            f'the form "{asked.form}" cannot be written for REDCap: {found[0]}.\n'
            "    Choose shorter names in the instrument, or another format."
        )
    return made


def _row(name: str, form: str, kind: str, label: str) -> Row:
    return dict.fromkeys(COLUMNS, "") | {NAME: name, FORM: form, KIND: kind, LABEL: label}


def _matrix(section: Section, form: str, names: Mapping[str, str], language: str) -> Iterator[Row]:
    """Give the statements of a block, with its words above the first."""
    heading = [section.label.get(language, ""), section.intro.get(language, "")]
    heading.append(section.stem.get(language, ""))
    choices = _choices(
        [(REDCAP.answer(int(choice.value)), choice) for choice in section.choices], language
    )
    for place, statement in enumerate(section.statements):
        row = _row(names[statement.item], form, "radio", statement.text[language])
        row[CHOICES] = choices
        row[HEADER] = "" if place else "\n".join(part for part in heading if part)
        row[NUMBER] = str(statement.number)
        row[MATRIX] = f"{names[section.id]}_matrix"
        yield row


def _choices(choices: Sequence[tuple[str, Choice]], language: str) -> str:
    return " | ".join(f"{code}, {choice.label[language]}" for code, choice in choices)


def problems(content: bytes) -> list[str]:
    """Find what REDCap would refuse or change in a data dictionary.

    Returns
    -------
    list
        One sentence a problem; empty where the file keeps the rules named above.
    """
    reader = csv.DictReader(io.StringIO(content.decode("utf-8"), newline=""))
    if tuple(reader.fieldnames or ()) != COLUMNS:
        return ["the heading is not REDCap's 18 columns in their order"]
    rows = list(reader)
    return [*_names(rows), *_fields(rows), *_matrices(rows)]


def _names(rows: Sequence[Row]) -> Iterator[str]:
    if not rows or rows[0][KIND] != "text":
        yield "the first field is not a text field that can hold the record identifier"
    for row in rows:
        name = row[NAME]
        if not re.fullmatch(rf"[a-z][a-z0-9_]{{0,{MOST_NAME - 1}}}", name):
            yield (
                f'field name "{name}" is not a small letter with at most {MOST_NAME - 1} small '
                "letters, digits or underscores"
            )
        if re.match(r"redcap_", name) or name.endswith("_"):
            yield f'field name "{name}" is reserved, or ends with an underscore'
        if not re.fullmatch(r"[a-z][a-z0-9_]*", row[FORM]):
            yield f'form name "{row[FORM]}" is not small letters, digits and underscores'
        if name == f"{row[FORM]}_complete":
            yield f'field name "{name}" is the name that REDCap gives the state of the form'
    for name, n in Counter(row[NAME] for row in rows).items():
        if n > 1:
            yield f'field name "{name}" occurs {n} times'
    forms = [form for form, _ in groupby(row[FORM] for row in rows)]
    if len(forms) != len(set(forms)):
        yield "the fields of a form do not follow each other"


def _fields(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        name = row[NAME]
        if row[KIND] not in KINDS:
            yield f'field "{name}" has the type "{row[KIND]}", which is none of REDCap\'s'
        if not row[LABEL].strip():
            yield f'field "{name}" has no label'
        if row[KIND] in ("radio", "dropdown", "checkbox"):
            yield from _bad_choices(name, row[CHOICES])
        elif row[CHOICES] and row[KIND] not in ("calc", "slider"):
            yield f'field "{name}" has choices, but its type has none'


def _bad_choices(name: str, choices: str) -> Iterator[str]:
    codes = []
    for choice in choices.split("|"):
        code, comma, label = choice.partition(",")
        codes.append(code.strip())
        if not comma or not label.strip():
            yield f'field "{name}": the choice "{choice.strip()}" is not "code, label"'
        if not re.fullmatch(r"[A-Za-z0-9._-]+", code.strip()):
            yield f'field "{name}": the code "{code.strip()}" has other signs than letters, digits'
    if len(codes) != len(set(codes)):
        yield f'field "{name}" has a code twice'


def _matrices(rows: Sequence[Row]) -> Iterator[str]:
    seen = set()
    for matrix, together in groupby(rows, key=lambda row: row[MATRIX]):
        if not matrix:
            continue
        fields = list(together)
        if matrix in seen:
            yield f'the fields of the matrix "{matrix}" do not follow each other'
        seen.add(matrix)
        if not re.fullmatch(rf"[a-z0-9_]{{1,{MOST_MATRIX}}}", matrix):
            yield f'matrix name "{matrix}" is not 1 to 60 small letters, digits or underscores'
        if len({(row[FORM], row[KIND], row[CHOICES]) for row in fields}) > 1:
            yield f'the fields of the matrix "{matrix}" differ in form, type or choices'
        if fields[0][KIND] not in ("radio", "checkbox"):
            yield f'the fields of the matrix "{matrix}" are neither radio nor checkbox'
        if any(row[HEADER] for row in fields[1:]):
            yield f'the matrix "{matrix}" is broken by a section header'
