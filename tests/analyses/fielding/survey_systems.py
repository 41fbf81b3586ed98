"""What the survey systems would export, made from the very files that Kobling writes for them.

Nothing here knows Kobling's names in those systems: a question is found in the import file by its
wording, and an answer by its words, as a person at the system's screen would.
"""

import csv
import io
from collections.abc import Mapping
from xml.etree import ElementTree

import pandas as pd
from openpyxl import load_workbook

from instruments import Instrument

LANGUAGE = "da"


class Told:
    """Which own column has a wording, and which words an own answer has."""

    def __init__(self, instrument: Instrument) -> None:
        self.columns = {item.text[LANGUAGE]: item.id for item in instrument.all_items}
        self.words: dict[str, dict[str, str]] = {}
        for item in instrument.all_items:
            response = instrument.response(item.id)
            words = {str(code): text for code, text in response.labels[LANGUAGE].items()}
            words |= {str(part.code): part.labels[LANGUAGE] for part in response.missing}
            self.words[item.id] = words
        for column in instrument.columns:
            self.columns[column.question.get(LANGUAGE, column.label[LANGUAGE])] = column.name
            self.words[column.name] = {
                value: texts[LANGUAGE] for value, texts in column.values.items()
            }


def _column(
    answers: pd.DataFrame, own: str, told: Told, codes: Mapping[str, str] | None, as_text: bool
) -> list[str]:
    """Give the cells of a column: the code of the words of each answer, or the words."""
    words = told.words[own]
    if not codes:
        return list(answers[own])
    return ["" if not one else words[one] if as_text else codes[words[one]] for one in answers[own]]


def limesurvey(
    survey: bytes,
    answers: pd.DataFrame,
    instrument: Instrument,
    *,
    heading: str = "code",
    as_text: bool = False,
) -> str:
    """Write the response file of a LimeSurvey that imported `survey`."""
    told = Told(instrument)
    document = ElementTree.fromstring(survey)

    def rows(table: str) -> list[dict[str, str]]:
        entries = document.iterfind(f"{table}/rows/row")
        found = [{field.tag: field.text or "" for field in entry} for entry in entries]
        return [row for row in found if row.get("language", LANGUAGE) == LANGUAGE]

    codes: dict[str, dict[str, str]] = {}
    for row in rows("answers"):
        codes.setdefault(row["qid"], {})[row["answer"]] = row["code"]
    n = len(answers)
    columns: dict[str, list[str]] = {
        "id": [str(i + 1) for i in range(n)],
        "submitdate": ["2026-03-01 10:00:00"] * n,
        "lastpage": ["9"] * n,
        "startlanguage": list(answers["language"]),
        "seed": ["123456789"] * n,
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
            columns[name] = _column(answers, own, told, codes[number], as_text)
        if number not in below:
            own = told.columns.get(text, "form")
            stored = codes.get(number)
            columns[called(code, text)] = _column(answers, own, told, stored, as_text)
    return _csv(columns)


def redcap(
    dictionary: bytes, answers: pd.DataFrame, instrument: Instrument, *, labels: bool = False
) -> str:
    """Write the export of a REDCap project with this data dictionary, raw or with labels."""
    told = Told(instrument)
    fields = list(csv.DictReader(io.StringIO(dictionary.decode("utf-8"), newline="")))
    n = len(answers)
    first = fields[0]
    columns = {
        first["Field Label" if labels else "Variable / Field Name"]: [str(i + 1) for i in range(n)]
    }
    columns["Survey Identifier" if labels else "redcap_survey_identifier"] = [""] * n
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
        name = field["Field Label" if labels else "Variable / Field Name"]
        columns[name] = _column(answers, own, told, codes, labels)
    columns["Complete?" if labels else f"{first['Form Name']}_complete"] = ["2"] * n
    return _csv(columns)


def xlsform(
    form: bytes, answers: pd.DataFrame, instrument: Instrument, *, separator: str = "/"
) -> str:
    """Write the export of a KoboToolbox ("/", semicolons) or ODK Central ("-", commas) project."""
    told = Told(instrument)
    book = load_workbook(io.BytesIO(form))
    label = "label::Dansk (da)"

    def rows(name: str) -> list[dict[str, str]]:
        heading, *cells = book[name].iter_rows(values_only=True)
        return [
            {
                str(key): "" if value is None else str(value)
                for key, value in zip(heading, row, strict=True)
            }
            for row in cells
        ]

    lists: dict[str, dict[str, str]] = {}
    for choice in rows("choices"):
        lists.setdefault(choice["list_name"], {})[choice[label]] = choice["name"]
    n = len(answers)
    columns = {
        "start" if separator == "/" else "SubmissionDate": ["2026-03-01T10:00:00.000+01:00"] * n
    }
    groups: list[str] = []
    for row in rows("survey"):
        kind = row["type"]
        path = separator.join([*groups, row["name"]])
        if kind == "begin_group":
            groups.append(row["name"])
            if row["appearance"] == "table-list":
                name = f"generated_table_list_label_{len(columns)}"
                columns[separator.join([*groups, name])] = [""] * n
        elif kind == "end_group":
            groups.pop()
        elif kind == "note":
            columns[path] = [""] * n
        else:
            own = told.columns.get(row[label], row["name"])
            codes = lists.get(kind.removeprefix("select_one "))
            columns[path] = _column(answers, own, told, codes, False)
    tail = ["_id", "_uuid", "_submission_time"] if separator == "/" else ["KEY", "SubmitterID"]
    for name in tail:
        columns[name] = [f"{name}{i}" for i in range(n)]
    return _csv(columns, ";" if separator == "/" else ",")


def _csv(columns: Mapping[str, list[str]], delimiter: str = ",") -> str:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=delimiter)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return buffer.getvalue()
