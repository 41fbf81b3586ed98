"""Writes a survey for LimeSurvey (.lss), and checks one against what LimeSurvey imports.

The format is the XML of LimeSurvey's own export, as its import reads it (`XMLImportSurvey` in
`application/helpers/admin/import_helper.php` of the public source). It is written in the shape of
version 3, with one row a language, which versions 3 to 6 read. The rules of codes are those of
`Question::rules()` in `application/models/Question.php`: a question code begins with a letter, has
only letters and digits, at most 20 of them, is unique and none of the reserved words; codes of
subquestions have letters and digits and are unique within their question, whatever the case; an
answer code has at most five characters (column `code` of the table `answers`).
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import count
from xml.etree import ElementTree

from analyses.fielding.codes import LIMESURVEY, column_names
from analyses.fielding.questionnaire import ByLanguage, Choice, Questionnaire, Statement
from analyses.section import Message
from analyses.wording import words

DB_VERSION = "366"
"""The version of the database of LimeSurvey 3, whose shape the file has."""

SURVEY = "1"
ARRAY, LIST, TEXT, EQUATION = "F", "L", "S", "*"
ALWAYS = "1"
"""The relevance of what is always shown."""

RESERVED = {"LANG", "SID", "SAVEDID", "TOKEN", "QID", "GID", "SGQ", "self", "that", "this"}
MOST_CODE, MOST_ANSWER_CODE = 20, 5
TABLES = (
    "answers",
    "groups",
    "questions",
    "subquestions",
    "question_attributes",
    "surveys",
    "surveys_languagesettings",
)

Row = dict[str, str]


def contents(questionnaire: Questionnaire) -> bytes:
    """Give the survey as the bytes of a .lss file, with all languages of the instrument.

    Every block is an array question, with the items as subquestions; background questions are
    lists; what whoever runs the survey fills in is hidden, and can be given in the address
    (`?organisation=...`). Nothing is mandatory, and every relevance is 1.
    """
    survey = _Survey(questionnaire)
    survey.fill()
    document = ElementTree.Element("document")
    ElementTree.SubElement(document, "LimeSurveyDocType").text = "Survey"
    ElementTree.SubElement(document, "DBVersion").text = DB_VERSION
    languages = ElementTree.SubElement(document, "languages")
    for language in survey.languages:
        ElementTree.SubElement(languages, "language").text = language
    for table in TABLES:
        _add_table(document, table, survey.rows[table])
    ElementTree.indent(document, " ")
    text: bytes = ElementTree.tostring(document, encoding="UTF-8", xml_declaration=True)
    return text


def _add_table(document: ElementTree.Element, name: str, rows: Sequence[Row]) -> None:
    table = ElementTree.SubElement(document, name)
    fields = ElementTree.SubElement(table, "fields")
    for field in dict.fromkeys(field for row in rows for field in row):
        ElementTree.SubElement(fields, "fieldname").text = field
    body = ElementTree.SubElement(table, "rows")
    for row in rows:
        entry = ElementTree.SubElement(body, "row")
        for field, value in row.items():
            ElementTree.SubElement(entry, field).text = value


class _Survey:
    """The tables of one survey while they are filled."""

    def __init__(self, questionnaire: Questionnaire) -> None:
        self.asked = questionnaire
        first = questionnaire.language
        others = (name for name in questionnaire.instrument.languages if name != first)
        self.languages = (first, *others)
        names = column_names(questionnaire.instrument)
        self.names = LIMESURVEY.names([*names, *(part.id for part in questionnaire.sections)])
        self.rows: dict[str, list[Row]] = {table: [] for table in TABLES}
        self._ids, self._groups = count(1), count(1)

    def fill(self) -> None:
        self._settings()
        for section in self.asked.sections:
            group = self._group(section.label, section.intro)
            question = self._question(group, ARRAY, self.names[section.id], section.stem, 1)
            for place, statement in enumerate(section.statements, start=1):
                self._row_of_array(group, question, self.names[statement.item], statement, place)
            self._answers(
                question,
                [(LIMESURVEY.answer(int(choice.value)), choice) for choice in section.choices],
            )
        group = self._group(self._said("about"), self._said("about_intro"))
        for place, asked in enumerate(self.asked.questions, start=1):
            column = asked.column
            question = self._question(group, LIST, self.names[column.name], column.question, place)
            self._answers(
                question,
                [(LIMESURVEY.value(column, choice.value), choice) for choice in asked.choices],
            )
        self._hidden(group, len(self.asked.questions))

    def _settings(self) -> None:
        first, *others = self.languages
        self.rows["surveys"].append(
            {
                "sid": SURVEY,
                "active": "N",
                "anonymized": "Y",
                "format": "G",
                "language": first,
                "additional_languages": " ".join(others),
                "allowprev": "Y",
                "allowsave": "N",
                "datestamp": "N",
                "ipaddr": "N",
                "refurl": "N",
                "savetimings": "N",
                "showwelcome": "Y",
                "showprogress": "Y",
                "questionindex": "0",
            }
        )
        for language in self.languages:
            paragraphs = self.asked.introduction(language)
            self.rows["surveys_languagesettings"].append(
                {
                    "surveyls_survey_id": SURVEY,
                    "surveyls_language": language,
                    "surveyls_title": escape(self.asked.title[language], quote=False),
                    "surveyls_description": escape(self.asked.form_label[language], quote=False),
                    "surveyls_welcometext": "".join(
                        f"<p>{escape(one, quote=False)}</p>" for one in paragraphs
                    ),
                    "surveyls_endtext": escape(self.asked.thanks.get(language, ""), quote=False),
                    "surveyls_dateformat": "1",
                    "surveyls_numberformat": "0",
                }
            )

    def _said(self, key: str) -> dict[str, str]:
        return {
            language: words(language).say(Message(f"cli.sheet.{key}"))
            for language in self.languages
        }

    def _group(self, label: ByLanguage, intro: ByLanguage) -> str:
        group = next(self._groups)
        for language in self.languages:
            self.rows["groups"].append(
                {
                    "gid": str(group),
                    "sid": SURVEY,
                    "group_name": escape(label.get(language, ""), quote=False) or str(group),
                    "group_order": str(group),
                    "description": escape(intro.get(language, ""), quote=False),
                    "language": language,
                    "grelevance": ALWAYS,
                }
            )
        return str(group)

    def _question(self, group: str, kind: str, code: str, text: ByLanguage, place: int) -> str:
        number = str(next(self._ids))
        for language in self.languages:
            shown = escape(text.get(language, ""), quote=False)
            row = self._common(number, group, code, shown, language)
            self.rows["questions"].append(
                row | {"parent_qid": "0", "type": kind, "question_order": str(place)}
            )
        return number

    def _row_of_array(
        self, group: str, question: str, code: str, statement: Statement, place: int
    ) -> None:
        number = str(next(self._ids))
        for language in self.languages:
            shown = escape(statement.text[language], quote=False)
            row = self._common(number, group, code, shown, language)
            self.rows["subquestions"].append(
                row | {"parent_qid": question, "type": ARRAY, "question_order": str(place)}
            )

    def _common(self, number: str, group: str, code: str, text: str, language: str) -> Row:
        return {
            "qid": number,
            "parent_qid": "",
            "sid": SURVEY,
            "gid": group,
            "type": "",
            "title": code,
            "question": text,
            "help": "",
            "other": "N",
            "mandatory": "N",
            "question_order": "",
            "language": language,
            "scale_id": "0",
            "same_default": "0",
            "relevance": ALWAYS,
        }

    def _answers(self, question: str, answers: Sequence[tuple[str, Choice]]) -> None:
        for place, (code, choice) in enumerate(answers, start=1):
            for language in self.languages:
                self.rows["answers"].append(
                    {
                        "qid": question,
                        "code": code,
                        "answer": escape(choice.label[language], quote=False),
                        "sortorder": str(place),
                        "assessment_value": "0",
                        "language": language,
                        "scale_id": "0",
                    }
                )

    def _hidden(self, group: str, place: int) -> None:
        """Add what is not asked: known values as equations, the others to be given in the address.

        The language is left out, since LimeSurvey exports it by itself.
        """
        for column, value in self.asked.unasked:
            if column.name == "language":
                continue
            place += 1
            text = column.label if value is None else dict.fromkeys(self.languages, value)
            kind = TEXT if value is None else EQUATION
            number = self._question(group, kind, self.names[column.name], text, place)
            self.rows["question_attributes"].append(
                {"qid": number, "attribute": "hidden", "value": "1"}
            )


def problems(content: bytes) -> list[str]:
    """Find what LimeSurvey would refuse or change in a survey file.

    Parameters
    ----------
    content
        The bytes of a .lss file in the shape of version 3.

    Returns
    -------
    list
        One sentence a problem; empty where the file keeps the rules named above, every text is
        there in every language, and every reference has its target.
    """
    try:
        document = ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        return [f"the file is not XML: {error}"]
    return list(_problems(document))


def _problems(document: ElementTree.Element) -> Iterator[str]:
    if document.findtext("LimeSurveyDocType") != "Survey":
        yield "LimeSurveyDocType is not Survey"
    if not (document.findtext("DBVersion") or "").isdigit():
        yield "DBVersion is not a number"
    languages = [one.text or "" for one in document.iterfind("languages/language")]
    tables = {name: _read_table(document, name) for name in TABLES}
    for name in TABLES:
        stated = {one.text for one in document.iterfind(f"{name}/fields/fieldname")}
        used = {field for row in tables[name] for field in row}
        if stated != used:
            yield f"{name}: fields and rows name different fields: {sorted(stated ^ used, key=str)}"
    survey = tables["surveys"][0] if tables["surveys"] else {}
    told = [survey.get("language", ""), *survey.get("additional_languages", "").split()]
    if told != languages:
        yield f"languages: {languages} are listed, but the survey has {told}"
    yield from _alike(tables)
    yield from _codes(tables)
    yield from _references(tables)
    yield from _texts(tables, languages)


def _read_table(document: ElementTree.Element, name: str) -> list[dict[str, str]]:
    return [
        {field.tag: field.text or "" for field in row}
        for row in document.iterfind(f"{name}/rows/row")
    ]


def _alike(tables: Mapping[str, Sequence[Row]]) -> Iterator[str]:
    """Check that the rows of a question differ between languages in their texts only."""
    for table in ("questions", "subquestions"):
        first: dict[str, Row] = {}
        for row in tables[table]:
            fixed = {key: row[key] for key in row if key not in ("language", "question", "help")}
            if first.setdefault(row["qid"], fixed) != fixed:
                yield f"{table}: {row['qid']} differs between languages in more than its texts"


def _codes(tables: Mapping[str, Sequence[Row]]) -> Iterator[str]:
    titles = {row["qid"]: row["title"] for row in tables["questions"]}
    for title in titles.values():
        if not re.fullmatch(rf"[A-Za-z][A-Za-z0-9]{{0,{MOST_CODE - 1}}}", title):
            yield f'question code "{title}" is not a letter with at most 19 letters or digits'
        if title in RESERVED:
            yield f'question code "{title}" is a reserved word'
    for title, n in Counter(titles.values()).items():
        if n > 1:
            yield f'question code "{title}" occurs {n} times'
    below = {row["qid"]: (row["parent_qid"], row["title"]) for row in tables["subquestions"]}
    for _, title in below.values():
        if not re.fullmatch(rf"[A-Za-z0-9]{{1,{MOST_CODE}}}", title) or title == "time":
            yield f'subquestion code "{title}" is not 1 to 20 letters or digits, or is "time"'
    for (_, title), n in Counter((parent, code.lower()) for parent, code in below.values()).items():
        if n > 1:
            yield f'subquestion code "{title}" occurs {n} times in its question'
    answers = Counter(
        (row["qid"], row["code"], row["language"], row["scale_id"]) for row in tables["answers"]
    )
    for (_, code, _, _), n in answers.items():
        if not re.fullmatch(rf"[A-Za-z0-9]{{1,{MOST_ANSWER_CODE}}}", code):
            yield f'answer code "{code}" is not 1 to 5 letters or digits'
        if n > 1:
            yield f'answer code "{code}" occurs {n} times in its question'


def _references(tables: Mapping[str, Sequence[Row]]) -> Iterator[str]:
    groups = {row["gid"] for row in tables["groups"]}
    kinds = {row["qid"]: row["type"] for row in tables["questions"]}
    parents = {row["parent_qid"] for row in tables["subquestions"]}
    answered = {row["qid"] for row in tables["answers"]}
    for row in (*tables["questions"], *tables["subquestions"]):
        if row["gid"] not in groups:
            yield f'"{row["title"]}" is in a group that is not there ({row["gid"]})'
        if row["relevance"] != ALWAYS:
            yield f'"{row["title"]}" has the relevance "{row["relevance"]}"'
    if both := set(kinds) & {row["qid"] for row in tables["subquestions"]}:
        yield f"the numbers {sorted(both)} are questions and subquestions"
    for row in (*tables["answers"], *tables["question_attributes"]):
        if row["qid"] not in kinds:
            yield f"an answer or attribute belongs to no question ({row['qid']})"
    for parent in sorted(parents - set(kinds)):
        yield f"a subquestion belongs to no question ({parent})"
    for number, kind in kinds.items():
        if kind not in (ARRAY, LIST, TEXT, EQUATION):
            yield f'question {number} is of the type "{kind}", which is not used here'
        if (kind == ARRAY) != (number in parents):
            yield f"question {number} is an array without rows, or has rows and is none"
        if (kind in (ARRAY, LIST)) != (number in answered):
            yield f"question {number} lacks answers, or has answers that it cannot have"


def _texts(tables: Mapping[str, Sequence[Row]], languages: Sequence[str]) -> Iterator[str]:
    shown = {
        "groups": ("gid", "group_name"),
        "questions": ("qid", "question"),
        "subquestions": ("qid", "question"),
        "answers": ("qid code", "answer"),
        "surveys_languagesettings": ("surveyls_survey_id", "surveyls_title"),
    }
    for table, (keys, field) in shown.items():
        found: dict[tuple[str, ...], list[str]] = {}
        for row in tables[table]:
            key = tuple(row[name] for name in keys.split())
            found.setdefault(key, []).append(row.get("language") or row["surveyls_language"])
            if not row[field]:
                yield f"{table}: {key} has no text"
            # Braces begin an expression that LimeSurvey would compute.
            if re.search(r"[{}]", row[field]):
                yield f"{table}: {key} has braces in its text"
        for key, given in found.items():
            if sorted(given) != sorted(languages):
                yield f"{table}: {key} has texts in {given}, not in {list(languages)}"
