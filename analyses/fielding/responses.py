"""Answers as a file in the format of a survey system, of SPSS, or as a plain table.

The same answers give the same bytes.
"""

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO

import pandas as pd
import xlsxwriter

from analyses.export.workbook import safe
from analyses.fielding import codebook, exports, limesurvey, questionnaire, redcap, xlsform
from analyses.fielding.errors import FieldingError
from analyses.wording import Words
from instruments.schema import Instrument

WHEN = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
"""When every file says that it was made."""

SAV_DATE = slice(92, 109)
"""Where an SPSS file holds its date and time (PSPP, System File Format, file header record)."""


@dataclass(frozen=True, eq=False)
class Answers:
    """Answers to a form.

    Attributes
    ----------
    instrument, form
        What was answered.
    data
        One row a respondent: background columns (text), items (codes, also of the kinds of no
        answer; NaN for a blank) and columns that are not the instrument's.
    words
        The language of labels, where a format has them.
    """

    instrument: Instrument
    form: str
    data: pd.DataFrame
    words: Words

    def as_text(self) -> pd.DataFrame:
        """Give all answers as texts, empty where there is none."""
        items = set(self.instrument.all_item_ids)
        return pd.DataFrame(
            {
                name: _texts(column) if name in items else column.fillna("").astype(object)
                for name, column in self.data.items()
            }
        )

    @property
    def asked(self) -> questionnaire.Questionnaire:
        """The questionnaire that asks for them."""
        return questionnaire.build(self.instrument, self.form, language=self.words.language)

    @property
    def told(self) -> exports.Told:
        """The answers as a survey system has them."""
        return exports.Told(self.as_text(), self.instrument, self.words.language)


def _texts(codes: "pd.Series[float]") -> "pd.Series[str]":
    return codes.map(lambda code: "" if pd.isna(code) else str(int(code))).astype(object)


def _csv(answers: Answers) -> bytes:
    text = answers.data.to_csv(index=False, float_format="%.0f", lineterminator="\n")
    return text.encode("utf-8")


def _sav(answers: Answers) -> bytes:
    made = bytearray(
        codebook.spss(
            answers.instrument, answers.words.language, form=answers.form, answers=answers.data
        )
    )
    made[SAV_DATE] = WHEN.strftime("%d %b %y%H:%M:%S").encode("ascii")
    return bytes(made)


def _xlsx(answers: Answers) -> bytes:
    buffer = BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(buffer, options) as file:
        file.set_properties({"created": WHEN.replace(tzinfo=None)})
        sheet = file.add_worksheet()
        for place, (name, column) in enumerate(answers.data.items()):
            sheet.write_string(0, place, safe(str(name)))
            for row, value in enumerate(column.tolist(), start=1):
                if isinstance(value, str):
                    sheet.write_string(row, place, safe(value))
                elif not pd.isna(value):
                    sheet.write_number(row, place, value)
    return buffer.getvalue()


def _limesurvey(answers: Answers) -> bytes:
    return exports.limesurvey(limesurvey.contents(answers.asked), answers.told)


def _redcap(answers: Answers) -> bytes:
    return exports.redcap(redcap.contents(answers.asked, answers.words), answers.told)


def _xlsform(answers: Answers) -> bytes:
    return exports.xlsform(xlsform.contents(answers.asked), answers.told)


FORMATS: Mapping[str, tuple[str, Callable[[Answers], bytes]]] = {
    "csv": (".csv", _csv),
    "sav": (".sav", _sav),
    "xlsx": (".xlsx", _xlsx),
    "limesurvey": (".csv", _limesurvey),
    "redcap": (".csv", _redcap),
    "xlsform": (".csv", _xlsform),
}
"""The formats of answers, with the ending and the writer of each."""


def check(format: str) -> None:
    """Refuse a format that there is not (FieldingError)."""
    if format not in FORMATS:
        raise FieldingError(
            f'there is no format "{format}".\n    Choose one of {", ".join(FORMATS)}.'
        )


def contents(answers: Answers, format: str) -> tuple[str, bytes]:
    """Give the ending and the content of a file of answers.

    Raises
    ------
    FieldingError
        If there is no such format, or the form cannot be asked.
    """
    check(format)
    ending, write = FORMATS[format]
    return ending, write(answers)
