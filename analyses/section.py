"""What an analysis hands over: findings, tables and figures, in no language and no format.

The command line, the dashboard and every export render these objects and nothing else. Text is
carried as a `Message` (a row of the wording catalogue and the values that go into it), so that a
finished analysis is shown in Danish or English without being run again. Numbers keep the name,
estimator, number of respondents and source that make them defensible.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

CellKind = Literal["text", "message", "number", "count", "percent", "pvalue"]
"""How a cell is written: `percent` holds a proportion (0 to 1), `message` a `Message` or `Text`.

`digits` counts the decimals that a reader sees: a `percent` of 0.1234 with 1 digit is 12.3 %.
"""

NUMERIC = frozenset({"number", "count", "percent", "pvalue"})
"""The kinds of cells that hold numbers."""

Verdict = Literal["good", "acceptable", "poor", "undecided", "information"]
"""The ladder that all verdicts stand on; `information` is for findings that no rule judges."""


@dataclass(frozen=True)
class Text:
    """Words that the instrument brings along (an item, a scale's name), by language code."""

    languages: Mapping[str, str]


@dataclass(frozen=True)
class Message:
    """A sentence or label of the wording catalogue.

    `values` fill its placeholders: a `Quantity` is written with its own digits, a `Message` or
    `Text` is translated, a tuple of any of them is joined as a list, and a string (an item's id,
    a file name) is shown as it is. Bare numbers are counts.
    """

    key: str
    values: Mapping[str, "Value"] = field(default_factory=dict)


Phrase = str | Message | Text
"""Something to be read: a string that is the same in every language, or words of one."""


@dataclass(frozen=True)
class Provenance:
    """Where a number comes from: what estimated it, from how many, by which formula."""

    estimator: Phrase
    n_obs: int | None
    source: Phrase


@dataclass(frozen=True)
class Quantity:
    """One number that can be defended on its own.

    `name` is a row of the catalogue (`statistic.cfi`). `value` is None where the number could not
    be computed; the finding's notes then say why. `kind` and `digits` decide how it is rounded
    when published. `lower` and `upper` are the limits of the interval at `level`, where it has one.
    `of` says what the number is of, where several of the same name stand together.
    """

    name: str
    value: float | None
    provenance: Provenance
    kind: CellKind = "number"
    digits: int = 2
    lower: float | None = None
    upper: float | None = None
    level: float | None = None
    of: Phrase | None = None


@dataclass(frozen=True)
class Hidden:
    """A cell that disclosure control has emptied. Faces write the catalogue's word for it."""


Value = float | int | str | Message | Text | Quantity | Hidden | None | tuple["Value", ...]
Cell = float | int | str | Message | Text | Hidden | None


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, and how its cells are written."""

    name: str
    label: Message
    kind: CellKind = "number"
    digits: int = 3


@dataclass(frozen=True)
class Answers:
    """What means in a table of groups are made of; `disclosure` judges them by it.

    Parameters
    ----------
    of
        What was answered (a scale's id): means of the same, of larger and of smaller groups, can be
        worked out from each other.
    mean, spread
        Names of the columns that hold the means, and the standard deviations where there are any.
    limits
        The lowest and the highest mean that anybody can have; None where there is no such.
    n_items
        How many answers in whole numbers a person's own mean is made of.
    """

    of: str
    mean: str
    spread: str | None = None
    limits: tuple[float, float] | None = None
    n_items: int = 1


@dataclass(frozen=True)
class AboutLeaders:
    """Marks a table that tells of leaders.

    Parameters
    ----------
    leaders
        Name of the column that counts the leaders behind each row.
    raters
        Name of the column that counts those who rated them; None where they rated themselves.
    """

    leaders: str
    raters: str | None = None


@dataclass(frozen=True)
class Unnamed:
    """Says for `disclosure` alone which groups the rows of a table are that does not name them.

    Parameters
    ----------
    label
        What the column of such groups is headed in tables that name them.
    groups
        The group of each row, as those tables write it.
    """

    label: Message
    groups: tuple["Cell", ...]


@dataclass(frozen=True)
class Table:
    """A table of one section.

    Parameters
    ----------
    id
        Unique within the report, snake_case; names sheets and anchors.
    rows
        Cells in the order of `columns`; None is "could not be computed" and is explained in
        `notes`.
    provenance
        Of every number in it.
    respondents
        Name of the column that counts the respondents behind each row, where rows are groups of
        people; `disclosure.publish` hides rows by it. None where rows are not groups of people.
    groups
        Names of the columns of words that part the people, so that rows alike in all other words
        add up; empty where no rows do. None takes every column of words to part them.
    answers
        What the means in it are made of, where it holds any that are of answers.
    dispersion
        Names of the columns that say how far the answers of a row's people lie apart: standard
        deviations, and intervals for what these people answered.
    distribution
        Whether rows show how people are spread over answers.
    leaders
        Which columns count leaders and raters, where it tells of leaders; None where it does not.
    unnamed
        Which groups its rows are, where it does not name them; published tables do not say.
    withheld
        Why its rows may not be compared; None where they may. Faces for evaluators and decision
        makers leave such a table out, and the section says so with the reason; files for
        specialists (workbook, results) keep it, marked. No figure is drawn of it.
    """

    id: str
    title: Message
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    provenance: Provenance
    notes: tuple[Message, ...] = ()
    respondents: str | None = None
    withheld: Message | None = None
    groups: tuple[str, ...] | None = None
    answers: Answers | None = None
    dispersion: tuple[str, ...] = ()
    distribution: bool = False
    leaders: AboutLeaders | None = None
    unnamed: Unnamed | None = None

    def column(self, name: str) -> tuple[Cell, ...]:
        """Give the cells of one column, by its name."""
        index = [column.name for column in self.columns].index(name)
        return tuple(row[index] for row in self.rows)

    def hidden_beside(self, shown: str, name: str) -> int:
        """Count the rows in which one column has a number and another one's is hidden."""
        pairs = zip(self.column(shown), self.column(name), strict=True)
        return sum(isinstance(one, int | float) and isinstance(cell, Hidden) for one, cell in pairs)


FigureForm = Literal[
    "intervals", "bars", "stacked", "diverging", "lines", "heat", "dumbbell", "wright", "paths"
]


@dataclass(frozen=True)
class Figure:
    """A picture of one table of the same section; `analyses.figures` draws it.

    `channels` says which of the table's columns go where: for `intervals` y, x, lower, upper (and
    group; and band_lower, band_upper, between which the value was expected); for `bars` y, x; for
    `stacked` and `diverging` y and the columns stacked (`parts`, separated by blanks), from the
    left (with what they are shares of as `axis`, a row of the catalogue) or around the middle one;
    for `lines` x and `parts` (and ticks, the text that stands below each x); for `heat` and
    `dumbbell` y and `parts`; for `wright` y, x and the columns of text beside the bars (`parts`);
    for `paths` start, kind, end, x, lower, upper and fixed (see `analyses.charts.diagram`).
    `domain` fixes the ends of the value axis, `ends` says what the two ends are called, and `rule`
    draws a line where the instrument's rule stands.
    """

    id: str
    title: Message
    alt: Message
    table: str
    form: FigureForm
    channels: Mapping[str, str]
    domain: tuple[float, float] | None = None
    rule: float | None = None
    ends: tuple[Phrase, Phrase] | None = None


@dataclass(frozen=True)
class Rule:
    """The rule that a finding was judged by, in words, and where the rule comes from."""

    text: Message
    source: Phrase


@dataclass(frozen=True)
class Finding:
    """A claim, its verdict, the rule it was judged by and the evidence."""

    id: str
    claim: Message
    verdict: Verdict
    rule: Rule | None = None
    evidence: tuple[Quantity, ...] = ()
    notes: tuple[Message, ...] = ()


@dataclass(frozen=True)
class Section:
    """One question, answered: `answer` in a sentence, then what it rests on."""

    id: str
    answer: Message
    findings: tuple[Finding, ...] = ()
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = ()
    notes: tuple[Message, ...] = ()

    def table(self, table_id: str) -> Table:
        """Give one table of the section, by its id."""
        return {table.id: table for table in self.tables}[table_id]


@dataclass(frozen=True)
class Found:
    """What a section finds, of a run that is compared with another by its findings alone."""

    id: str
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Report:
    """All sections of one run, and what was read and by what.

    `survey` is the file's name without its folder; `simulated` marks data that no person gave.
    `confidential` is true where groups below the threshold were left in at the user's request,
    and every face then says so on every page. `wave` is the wave that was analysed, where there
    are several.
    """

    instrument: str
    instrument_version: str
    title: Mapping[str, str]
    survey: str
    n_obs: int
    simulated: bool
    confidential: bool
    created: str
    software: str
    sections: tuple[Section, ...]
    notes: tuple[Message, ...] = ()
    wave: str | None = None

    def section(self, section_id: str) -> Section:
        """Give one section of the report, by its id."""
        return {section.id: section for section in self.sections}[section_id]
