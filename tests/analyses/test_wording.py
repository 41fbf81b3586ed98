import ast
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from analyses import labels, report
from analyses.section import Hidden, Message, Provenance, Quantity, Report, Text
from analyses.wording import LANGUAGES, WordingError, catalogue, placeholders, words
from measure.errors import OptionError
from tests.analyses import demonstrations
from tests.analyses.demonstrations import NAMES
from tests.analyses.test_glossary import unexplained

SOURCE = Path(report.__file__).parent
MEASURE = SOURCE.parent / "measure"
OWN = {
    language: (SOURCE / "wording" / f"{language}.toml").read_text(encoding="utf-8")
    for language in LANGUAGES
}
ML = Provenance("ML", 301, "Bentler 1990")


@pytest.fixture(scope="module", params=NAMES)
def published(request: pytest.FixtureRequest) -> Report:
    return demonstrations.validated(request.param)


def messages(part: object) -> Iterator[Message]:
    """Find every message inside a report, however deep."""
    if isinstance(part, Message):
        yield part
    if isinstance(part, Quantity):
        yield Message(part.name)
    if is_dataclass(part):
        for field in fields(part):
            yield from messages(getattr(part, field.name))
    elif isinstance(part, tuple | list):
        for entry in part:
            yield from messages(entry)
    elif isinstance(part, dict):
        for entry in part.values():
            yield from messages(entry)


def written_strings() -> tuple[set[str], set[tuple[str, str]]]:
    """Give the literal strings of the source, and the f-strings as (beginning, end)."""
    literal: set[str] = set()
    formed: set[tuple[str, str]] = set()
    for path in [*SOURCE.rglob("*.py"), *MEASURE.rglob("*.py"), SOURCE.parent / "dashboard.py"]:
        if not path.exists():
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                literal.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                ends = [
                    part.value if isinstance(part, ast.Constant) else "" for part in node.values
                ]
                formed.add((str(ends[0]), str(ends[-1]) if len(ends) > 1 else ""))
    return literal, formed


def test_both_languages_have_the_same_rows_with_the_same_placeholders() -> None:
    danish, english = catalogue("da"), catalogue("en")
    assert set(danish) == set(english)
    different = [key for key in danish if placeholders(danish[key]) != placeholders(english[key])]
    assert different == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_placeholder_stands_inside_another(language: str) -> None:
    nested = [key for key, text in catalogue(language).items() if re.search(r"\{[^{}]*\{", text)]
    assert nested == []


def test_every_message_written_in_the_source_is_in_the_catalogue() -> None:
    unknown = []
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "Message"
                and isinstance(node.args[0], ast.Constant)
                and node.args[0].value not in catalogue("da")
            ):
                unknown.append(f"{path.name}: {node.args[0].value}")
    assert unknown == []


def test_no_row_is_unused() -> None:
    literal, formed = written_strings()
    own = [key for key in catalogue("da") if _is_own(key)]

    def is_used(key: str) -> bool:
        if key in literal:
            return True
        for beginning, end in formed:
            whole = len(beginning) + len(end) < len(key)
            if not beginning.endswith(".") and "." not in beginning:
                continue
            if whole and key.startswith(beginning) and key.endswith(end):
                middle = key[len(beginning) : len(key) - len(end)]
                # What is put in is itself written somewhere.
                if middle in literal:
                    return True
        return False

    assert [key for key in own if not is_used(key)] == []


def _is_own(key: str) -> bool:
    return not key.startswith(("face.", "cli.", "dashboard.", "disclosure.", "glossary."))


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_published_can_be_said(published: Report, language: str) -> None:
    said = [words(language).say(message) for message in _with_values(published)]
    assert said
    assert all(text or text == "" for text in said)
    assert not [text for text in said if re.search(r"[{}]", text)]


def _with_values(part: Report) -> Iterator[Message]:
    return (message for message in messages(part) if message.key != "plain")


@pytest.mark.parametrize("language", LANGUAGES)
def test_writing_changes_no_published_number(published: Report, language: str) -> None:
    said = words(language)
    cells = [
        (cell, column.kind, column.digits)
        for part in published.sections
        for table in part.tables
        for row in table.rows
        for column, cell in zip(table.columns, row, strict=True)
        if column.kind not in ("text", "message") and isinstance(cell, int | float)
    ]
    assert cells
    for value, kind, digits in cells:
        written = said.cell(value, kind, digits)
        assert _read_back(written, language, kind) == value, (written, value, kind, digits)


def _read_back(written: str, language: str, kind: str) -> float:
    """Read a written number as somebody would type it off; below the smallest p-value is 0."""
    if "<" in written:
        return 0.0
    thousands, decimal = {"da": (".", ","), "en": (",", ".")}[language]
    plain = re.sub(r"[^0-9.,\u2212]", "", written).replace(thousands, "").replace(decimal, ".")
    number = Decimal(plain.replace("\u2212", "-"))
    return float(number / 100 if kind == "percent" else number)


def test_every_number_published_is_explained(published: Report) -> None:
    assert unexplained(published) == set()


def test_danish_never_says_signifikant() -> None:
    assert [key for key, text in catalogue("da").items() if "signifik" in text.lower()] == []


@pytest.mark.parametrize(
    ("value", "kind", "digits", "danish", "english"),
    [
        (0.934, "number", 2, "0,93", "0.93"),
        (-0.934, "number", 2, "−0,93", "−0.93"),
        (-0.001, "number", 2, "0,00", "0.00"),
        (7517.49, "number", 1, "7.517,5", "7,517.5"),
        (2042, "count", 0, "2.042", "2,042"),
        (0.1234, "percent", 0, "12\N{NO-BREAK SPACE}%", "12%"),
        (0.1234, "percent", 1, "12,3\N{NO-BREAK SPACE}%", "12.3%"),
        (0.0, "pvalue", 3, "<\N{NO-BREAK SPACE}0,001", "<\N{NO-BREAK SPACE}0.001"),
        (0.0412, "pvalue", 3, "0,041", "0.041"),
        (None, "number", 2, "–", "–"),
        (float("nan"), "number", 2, "–", "–"),
        (Hidden(), "number", 2, "skjult", "hidden"),
        (3, "text", 0, "3", "3"),
        ("LEAD01", "text", 0, "LEAD01", "LEAD01"),
        (Text({"da": "Tillid", "en": "Trust"}), "message", 0, "Tillid", "Trust"),
        (Message("verdict.good"), "message", 0, "God", "Good"),
    ],
)
def test_cells_are_written_in_the_form_of_the_language(
    value: object, kind: str, digits: int, danish: str, english: str
) -> None:
    assert words("da").cell(value, kind, digits) == danish
    assert words("en").cell(value, kind, digits) == english


def test_a_quantity_is_written_with_its_interval() -> None:
    number = Quantity("statistic.cfi", 0.931, ML, lower=0.91, upper=0.954, level=0.95)
    assert words("da").quantity(number) == "0,93 [0,91; 0,95]"
    assert words("en").quantity(number) == "0.93 [0.91, 0.95]"


@pytest.mark.parametrize(
    ("parts", "danish"),
    [((), ""), (("a",), "a"), (("a", "b"), "a og b"), (tuple("abc"), "a, b og c")],
)
def test_a_tuple_is_written_as_a_list(parts: tuple[str, ...], danish: str) -> None:
    assert words("da").write(parts) == danish


def test_a_word_follows_the_count() -> None:
    one, two = (Message("reading.empty_rows", {"n": n}) for n in (1, 2))
    assert words("da").say(one) == "1 helt tom række er sprunget over."
    assert words("da").say(two) == "2 helt tomme rækker er sprunget over."


@pytest.mark.parametrize(
    ("label", "inside"),
    [
        ("Enhed", "enhed"),
        ("Enhedens art", "enhedens art"),
        ("COMPID", "COMPID"),
        ("HR-enhed", "HR-enhed"),
    ],
)
def test_a_label_loses_its_capital_inside_a_sentence(label: str, inside: str) -> None:
    values = {"scale": "Brobygger", "column": Text({"da": label})}
    said = words("da").say(Message("levels.table.means", values))
    assert said == f"Brobygger: gennemsnit efter {inside}"


def test_several_labels_lose_their_capitals_one_by_one() -> None:
    columns = (Text({"da": "Rolle"}), Text({"da": "Faggruppe"}))
    said = words("da").say(Message("levels.answer.no_cluster", {"columns": columns}))
    assert said.endswith("gennemsnit er vist efter rolle og faggruppe.")


def test_a_number_tells_what_it_is_of() -> None:
    pair = Message("pair", {"first": "visual", "second": "speed"})
    one = Quantity("statistic.factor_correlation", 0.458, ML, of=pair)
    assert labels.evidence(one, words("en")) == "Factor correlation (visual and speed): 0.46"


def test_text_without_the_language_is_shown_in_its_first() -> None:
    assert words("da").write(Text({"en": "Trust"})) == "Trust"


def test_an_unknown_language_is_refused_with_the_two_that_are_known() -> None:
    with pytest.raises(OptionError, match=r'"sv".*da .*en '):
        words("sv")


def test_a_message_without_a_row_or_a_value_is_named() -> None:
    with pytest.raises(WordingError, match=r"no\.such\.row"):
        words("da").say(Message("no.such.row"))
    with pytest.raises(WordingError, match=r'"plain" has no value for "\{text\}"'):
        words("da").say(Message("plain"))
    with pytest.raises(WordingError, match="not a count"):
        words("da").say(Message("reading.empty_rows", {"n": "many"}))
