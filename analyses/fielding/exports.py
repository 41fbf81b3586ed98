"""Answers as a survey system would export them, made from the import file that Kobling writes.

Nothing here knows Kobling's names in those systems: a question is found in the import file by its
wording, and an answer by its words, as a person at the system's screen would. So what is read back
has gone through the import file, and shows whether it says what was asked.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

import pandas as pd
from openpyxl import load_workbook

from instruments.schema import Instrument

WHEN = "2026-03-01 10:00:00"
"""When every questionnaire was handed in."""

Columns = dict[str, list[str]]


class Told:
    """Which own column has a wording, and which words an own answer has.

    Parameters
    ----------
    answers
        One row a respondent: codes and values as texts, empty where there is no answer. Columns
        that are not the instrument's follow at the end of an export, under their own name.
    instrument
        What was asked.
    language
        The language of the wordings and of the answers in words.
    """

    def __init__(self, answers: pd.DataFrame, instrument: Instrument, language: str = "da") -> None:
        self.answers, self.language = answers, language
        self.n = len(answers)
        self.columns = {item.text[language]: item.id for item in instrument.all_items}
        self.words: dict[str, dict[str, str]] = {}
        for item in instrument.all_items:
            response = instrument.response(item.id)
            words = {str(code): text for code, text in response.labels[language].items()}
            words |= {str(part.code): part.labels[language] for part in response.missing}
            self.words[item.id] = words
        for column in instrument.columns:
            self.columns[column.question.get(language, column.label[language])] = column.name
            self.words[column.name] = {
                value: texts[language] for value, texts in column.values.items()
            }

    def cells(self, own: str, codes: Mapping[str, str] | None, *, as_text: bool) -> list[str]:
        """Give the cells of a column: the code of the words of each answer, or the words."""
        if own not in self.answers:
            return [""] * self.n
        words, given = self.words[own], self.answers[own]
        if not codes:
            return list(given)
        return ["" if not one else words[one] if as_text else codes[words[one]] for one in given]

    def extra(self) -> Columns:
        """Give the columns that are not the instrument's."""
        known = {*self.words}
        return {str(name): list(self.answers[name]) for name in self.answers if name not in known}


def limesurvey(survey: bytes, told: Told, *, heading: str = "code", as_text: bool = False) -> bytes:
    """Give the response file of a LimeSurvey that imported `survey`.

    Parameters
    ----------
    survey
        The .lss file.
    told
        What was answered.
    heading
        As LimeSurvey offers it: "code", "full" (the question), or "codetext" (both).
    as_text
        Answers in words, not in codes.
    """
    document = ElementTree.fromstring(survey)

    def rows(table: str) -> list[dict[str, str]]:
        entries = document.iterfind(f"{table}/rows/row")
        found = [{field.tag: field.text or "" for field in entry} for entry in entries]
        return [row for row in found if row.get("language", told.language) == told.language]

    codes: dict[str, dict[str, str]] = {}
    for row in rows("answers"):
        codes.setdefault(row["qid"], {})[row["answer"]] = row["code"]
    columns: Columns = {
        "id": [str(i + 1) for i in range(told.n)],
        "submitdate": [WHEN] * told.n,
        "lastpage": ["9"] * told.n,
        "startlanguage": list(told.answers["language"]),
        "seed": ["123456789"] * told.n,
    }

    def called(code: str, text: str) -> str:
        return {"code": code, "full": text, "codetext": f"{code}. {text}"}[heading]

    below: dict[str, list[dict[str, str]]] = {}
    for row in rows("subquestions"):
        below.setdefault(row["parent_qid"], []).append(row)
    for question in rows("questions"):
        number, code, text = question["qid"], question["title"], question["question"]
        for row in below.get(number, []):
            own = told.columns[row["question"]]
            name = called(f"{code}[{row['title']}]", f"{text} [{row['question']}]")
            columns[name] = told.cells(own, codes[number], as_text=as_text)
        if number not in below:
            own = told.columns.get(text, "form")
            columns[called(code, text)] = told.cells(own, codes.get(number), as_text=as_text)
    return _csv(columns | told.extra())


def redcap(dictionary: bytes, told: Told, *, labels: bool = False) -> bytes:
    """Give the export of a REDCap project with this data dictionary, raw or with labels."""
    fields = list(csv.DictReader(io.StringIO(dictionary.decode("utf-8"), newline="")))
    first = fields[0]
    key = "Field Label" if labels else "Variable / Field Name"
    columns: Columns = {first[key]: [str(i + 1) for i in range(told.n)]}
    columns["Survey Identifier" if labels else "redcap_survey_identifier"] = [""] * told.n
    for field in fields[1:]:
        if field["Field Type"] == "descriptive":
            continue
        own = told.columns[field["Field Label"]]
        pairs = [
            part.split(",", 1)
            for part in field["Choices, Calculations, OR Slider Labels"].split("|")
            if part
        ]
        codes = {label.strip(): code.strip() for code, label in pairs}
        columns[field[key]] = told.cells(own, codes, as_text=labels)
    columns["Complete?" if labels else f"{first['Form Name']}_complete"] = ["2"] * told.n
    return _csv(columns | told.extra())


def xlsform(form: bytes, told: Told, *, separator: str = "/") -> bytes:
    """Give the export of a KoboToolbox ("/", semicolons) or ODK Central ("-", commas) project."""
    book = load_workbook(io.BytesIO(form))
    survey, choices = (_sheet(list(book[name].values)) for name in ("survey", "choices"))
    label = next(name for name in survey[0] if name.endswith(f"({told.language})"))
    lists: dict[str, dict[str, str]] = {}
    for choice in choices:
        lists.setdefault(choice["list_name"], {})[choice[label]] = choice["name"]
    kobo = separator == "/"
    columns: Columns = {"start" if kobo else "SubmissionDate": [WHEN] * told.n}
    groups: list[str] = []
    for row in survey:
        kind = row["type"]
        path = separator.join([*groups, row["name"]])
        if kind == "begin_group":
            groups.append(row["name"])
            if row["appearance"] == "table-list":
                name = f"generated_table_list_label_{len(columns)}"
                columns[separator.join([*groups, name])] = [""] * told.n
        elif kind == "end_group":
            groups.pop()
        elif kind == "note":
            columns[path] = [""] * told.n
        else:
            own = told.columns.get(row[label], row["name"])
            codes = lists.get(kind.removeprefix("select_one "))
            columns[path] = told.cells(own, codes, as_text=False)
    for name in ("_id", "_uuid", "_submission_time") if kobo else ("KEY", "SubmitterID"):
        columns[name] = [f"{name}{i}" for i in range(told.n)]
    return _csv(columns | told.extra(), ";" if kobo else ",")


def _sheet(values: list[tuple[object, ...]]) -> list[dict[str, str]]:
    """Give the rows of a sheet by their headings."""
    heading, *cells = values
    return [
        {str(key): "" if one is None else str(one) for key, one in zip(heading, row, strict=True)}
        for row in cells
    ]


def _csv(columns: Mapping[str, Sequence[str]], delimiter: str = ",") -> bytes:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=delimiter)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return buffer.getvalue().encode("utf-8")
