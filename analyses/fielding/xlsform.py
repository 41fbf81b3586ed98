"""Writes a form for ODK and KoboToolbox as an XLSForm (.xlsx), and checks one against its rules.

The rules are those of the XLSForm reference (xlsform.org) and of its converter pyxform: the sheets
survey, choices and settings; a name begins with a letter or underscore and has letters, digits,
hyphens, underscores and points, and is unique within its group; `select_one` names a list of the
sheet choices, whose names are unique within the list and hold no blanks; groups that begin also
end; a translated column is called `label::Dansk (da)`, and the default language of the settings is
one of these.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO

import xlsxwriter
from openpyxl import load_workbook

from analyses.fielding.codes import BACKGROUND_GROUP, XLSFORM, column_names
from analyses.fielding.questionnaire import ByLanguage, Choice, Questionnaire, Section
from analyses.section import Message
from analyses.wording import words

LANGUAGES = {"da": "Dansk (da)", "en": "English (en)"}
"""How each language is called in headings and settings."""

KINDS = {"note", "text", "integer", "hidden", "calculate", "begin_group", "end_group"}
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9._-]*")
WIDE, NARROW = 60, 20

Row = dict[str, str]


def contents(questionnaire: Questionnaire) -> bytes:
    """Give the form as the bytes of an .xlsx file, with all languages of the instrument.

    Every block is a group shown as a table; background questions stand in a group of their own;
    what whoever runs the survey fills in is hidden, and can be given in the address of a web form
    (`?d[/data/organisation]=...`); the form is stored by a calculation.
    """
    asked = questionnaire
    instrument = asked.instrument
    languages = instrument.languages
    names = XLSFORM.names([*column_names(instrument), *(one.id for one in asked.sections)])
    survey: list[Row] = []
    choices: dict[str, list[Row]] = {}
    title = {
        language: _joined([asked.title[language], *asked.introduction(language)])
        for language in languages
    }
    survey.append(_row("note", "introduction", title))
    for section in asked.sections:
        survey += _block(section, names, languages)
        listed = [(XLSFORM.answer(int(choice.value)), choice) for choice in section.choices]
        choices[section.response.id] = _list(section.response.id, listed, languages)
    about = {one: words(one).say(Message("cli.sheet.about_intro")) for one in languages}
    survey.append(_row("begin_group", BACKGROUND_GROUP, about, appearance="field-list"))
    for question in asked.questions:
        column = question.column
        survey.append(_row(f"select_one {column.name}_values", names[column.name], column.question))
        listed = [(XLSFORM.value(column, choice.value), choice) for choice in question.choices]
        choices[f"{column.name}_values"] = _list(f"{column.name}_values", listed, languages)
    survey.append(_row("end_group", "", {}))
    for column, value in asked.unasked:
        # The language is chosen by the respondent, so that no value is known.
        known = None if column.name == "language" else value
        if known is None:
            survey.append(_row("hidden", names[column.name], {}))
        else:
            survey.append(_row("calculate", names[column.name], {}, calculation=f"'{known}'"))
    settings = {
        "form_title": asked.title[asked.language],
        "form_id": f"{instrument.id}_{asked.form}",
        "version": instrument.version,
        "default_language": LANGUAGES[asked.language],
    }
    return _workbook(survey, [row for rows in choices.values() for row in rows], settings)


def _row(kind: str, name: str, label: ByLanguage, **further: str) -> Row:
    row = {"type": kind, "name": name}
    row |= {f"label::{LANGUAGES[language]}": text for language, text in label.items()}
    return row | further


def _joined(parts: Sequence[str]) -> str:
    return "\n\n".join(part for part in parts if part)


def _block(section: Section, names: Mapping[str, str], languages: Sequence[str]) -> Iterator[Row]:
    """Give a group of statements, shown as a table below its words."""
    above = {
        language: _joined(
            [part.get(language, "") for part in (section.label, section.intro, section.stem)]
        )
        for language in languages
    }
    yield _row("begin_group", names[section.id], above, appearance="table-list")
    for statement in section.statements:
        kind = f"select_one {section.response.id}"
        yield _row(kind, names[statement.item], dict(statement.text))
    yield _row("end_group", "", {})


def _list(name: str, choices: Sequence[tuple[str, Choice]], languages: Sequence[str]) -> list[Row]:
    return [
        {"list_name": name, "name": code}
        | {f"label::{LANGUAGES[language]}": choice.label[language] for language in languages}
        for code, choice in choices
    ]


def _workbook(survey: Sequence[Row], choices: Sequence[Row], settings: Row) -> bytes:
    buffer = BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(buffer, options) as book:
        bold = book.add_format({"bold": True})
        for title, rows in (("survey", survey), ("choices", choices), ("settings", [settings])):
            sheet = book.add_worksheet(title)
            headings = list(dict.fromkeys(field for row in rows for field in row))
            for position, heading in enumerate(headings):
                sheet.write_string(0, position, heading, bold)
                sheet.set_column(position, position, WIDE if "label" in heading else NARROW)
                for place, row in enumerate(rows, start=1):
                    if row.get(heading):
                        sheet.write_string(place, position, row[heading])
            sheet.freeze_panes(1, 0)
    return buffer.getvalue()


def problems(content: bytes) -> list[str]:
    """Find what a converter of XLSForms would refuse.

    Returns
    -------
    list
        One sentence a problem; empty where the file keeps the rules named above.
    """
    book = load_workbook(BytesIO(content), read_only=True)
    lacking = {"survey", "choices", "settings"} - set(book.sheetnames)
    if lacking:
        return [f"the sheet {name} is missing" for name in sorted(lacking)]
    sheets = {name: _read(book[name].iter_rows(values_only=True)) for name in book.sheetnames}
    book.close()
    return [
        *_structure(sheets["survey"]),
        *_selects(sheets["survey"], sheets["choices"]),
        *_languages(sheets["survey"], sheets["choices"], sheets["settings"]),
    ]


def _read(rows: Iterator[tuple[object, ...]]) -> list[Row]:
    headings = [str(value) for value in next(rows, ())]
    return [
        {key: "" if value is None else str(value) for key, value in zip(headings, row, strict=True)}
        for row in rows
    ]


def _structure(survey: Sequence[Row]) -> Iterator[str]:
    """Check types, names and groups."""
    groups: list[tuple[str, Counter[str]]] = [("", Counter())]
    for place, row in enumerate(survey, start=2):
        kind, name = row["type"], row["name"]
        if kind not in KINDS and not kind.startswith("select_one "):
            yield f'survey, row {place}: there is no type "{kind}"'
        if kind == "end_group":
            if len(groups) == 1:
                yield f"survey, row {place}: a group ends that has not begun"
                continue
            groups.pop()
            continue
        if not NAME.fullmatch(name) or name.lower() in ("meta", "data"):
            yield f'survey, row {place}: "{name}" cannot be a name'
        groups[-1][1][name.lower()] += 1
        if groups[-1][1][name.lower()] > 1:
            yield f'survey, row {place}: the name "{name}" occurs twice in its group'
        if kind == "begin_group":
            groups.append((name, Counter()))
        if kind == "calculate" and not row.get("calculation"):
            yield f'survey, row {place}: "{name}" has no calculation'
    for name, _ in groups[1:]:
        yield f'survey: the group "{name}" does not end'


def _selects(survey: Sequence[Row], choices: Sequence[Row]) -> Iterator[str]:
    """Check that every list that is used is there, with names that can be stored."""
    lists: dict[str, list[str]] = {}
    for row in choices:
        lists.setdefault(row["list_name"], []).append(row["name"])
    for row in survey:
        wanted = row["type"].removeprefix("select_one ")
        if row["type"].startswith("select_one ") and wanted not in lists:
            yield f'survey: "{row["name"]}" chooses from the list "{wanted}", which is not there'
    for name, codes in lists.items():
        if len(codes) != len(set(codes)):
            yield f'choices: the list "{name}" has a name twice'
        for code in codes:
            if not code or re.search(r"\s", code):
                yield f'choices: the list "{name}" has the name "{code}", empty or with blanks'


def _languages(
    survey: Sequence[Row], choices: Sequence[Row], settings: Sequence[Row]
) -> Iterator[str]:
    """Check that everything that is shown has a label in every language, and the settings."""
    columns = [key for key in survey[0] if key.startswith("label")]
    for column in columns:
        if not re.fullmatch(r"label::\S.* \([a-z]{2,3}\)", column):
            yield f'survey: "{column}" is not "label::Language (code)"'
    unlabelled = ("end_group", "hidden", "calculate")
    for row in survey:
        if row["type"] not in unlabelled and not all(row[column] for column in columns):
            yield f'survey: "{row["name"]}" lacks a label'
    for row in choices:
        if not all(row.get(column) for column in columns):
            yield f'choices: "{row["name"]}" of the list "{row["list_name"]}" lacks a label'
    if len(settings) != 1 or not all(settings[0].get(key) for key in ("form_title", "form_id")):
        yield "settings: form_title and form_id are wanted, in one row"
    elif f"label::{settings[0].get('default_language')}" not in columns:
        yield "settings: the default_language is none of the languages of the labels"
