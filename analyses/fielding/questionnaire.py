"""What a form asks, in the order asked, in every language; the writers only lay it out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from analyses.fielding.errors import FieldingError
from instruments.schema import BackgroundColumn, Block, Instrument, Item, ResponseScale
from instruments.texts import NO_TEXTS

ByLanguage = Mapping[str, str]


class Choice(NamedTuple):
    """One answer: its code in the instrument, its words, and whether it counts as missing."""

    value: str
    label: ByLanguage
    missing: bool = False


class Statement(NamedTuple):
    """One item with its number in the questionnaire."""

    number: int
    item: str
    text: ByLanguage


class Question(NamedTuple):
    """One background question with its number and its answers."""

    number: int
    column: BackgroundColumn
    choices: tuple[Choice, ...]


@dataclass(frozen=True)
class Section:
    """Items that are asked together and answered alike.

    Parameters
    ----------
    id
        Unique in the questionnaire: the block, numbered from its second place on.
    label, intro, stem
        Heading, the words below it, and the question above the items; may be empty.
    response
        How the items are answered; `choices` are its answers and then its kinds of no answer.
    """

    id: str
    label: ByLanguage
    intro: ByLanguage
    stem: ByLanguage
    response: ResponseScale
    statements: tuple[Statement, ...]

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The answers from lowest to highest, then the kinds of no answer."""
        labels = self.response.labels
        answers = [
            Choice(str(code), {language: words[code] for language, words in labels.items()})
            for code in self.response.codes
        ]
        missing = [Choice(str(part.code), part.labels, True) for part in self.response.missing]
        return (*answers, *missing)


@dataclass(frozen=True)
class Questionnaire:
    """A form of an instrument, ready to be laid out.

    Parameters
    ----------
    instrument
        What is asked about.
    form
        Id of the form or of the version of a rotated form.
    form_label
        What the form is called.
    language
        The language that is shown, or shown first.
    sections, questions
        Items and background questions, numbered through.
    unasked
        Background columns that whoever runs the survey fills in; the value where it is known.
    """

    instrument: Instrument
    form: str
    form_label: ByLanguage
    language: str
    sections: tuple[Section, ...]
    questions: tuple[Question, ...]
    unasked: tuple[tuple[BackgroundColumn, str | None], ...]

    @property
    def title(self) -> ByLanguage:
        """The heading of the questionnaire."""
        fielding = self.instrument.fielding
        return self.instrument.title if fielding is None else fielding.title

    @property
    def thanks(self) -> ByLanguage:
        """The last words; empty where the instrument has none."""
        fielding = self.instrument.fielding
        return NO_TEXTS if fielding is None else fielding.thanks

    def introduction(self, language: str) -> list[str]:
        """Give the paragraphs of the introduction; none where the instrument has none."""
        fielding = self.instrument.fielding
        return [] if fielding is None else fielding.introduction[language].split("\n\n")


def form_items(instrument: Instrument, form: str) -> tuple[str, ...]:
    """Give the items of a form, or of a version of the rotated form, in the order asked.

    Raises
    ------
    FieldingError
        If there is no such form.
    """
    if form not in instrument.form_ids:
        raise FieldingError(
            f'the instrument "{instrument.id}" has no form "{form}".\n'
            f"    It has {', '.join(instrument.form_ids)}."
        )
    return instrument.form_items(form)


def check_language(instrument: Instrument, language: str) -> None:
    """Refuse a language that the instrument does not have (FieldingError)."""
    if language not in instrument.languages:
        raise FieldingError(
            f'the instrument "{instrument.id}" has no texts in "{language}".\n'
            f"    It has {', '.join(instrument.languages)}."
        )


def build(
    instrument: Instrument, form: str, *, language: str, role: str | None = None
) -> Questionnaire:
    """Put together what a form asks.

    Parameters
    ----------
    instrument
        What is asked.
    form
        Id of a form, or of a version of the rotated form.
    language
        The language that is shown, or shown first where a format holds several.
    role
        The role whose respondents are asked: where they answer an item about themselves, the
        item has their wording (`Item.self_text`). None: the common wording.

    Raises
    ------
    FieldingError
        If there is no such form or language, the items have no wording or no answers in words, or
        the form has no item with a wording of its own for the role.
    """
    items = form_items(instrument, form)
    check_language(instrument, language)
    asked = [instrument.item(item) for item in items]
    _check_askable(instrument, form, asked)
    if role is not None and not any(item.self_for == role for item in asked):
        known = {item.self_for for item in instrument.all_items if item.self_for is not None}
        raise FieldingError(
            f'the form "{form}" has no wording of its own for the role "{role}".\n'
            f"    Roles with one: {', '.join(sorted(known)) or 'none'}. Leave --role out."
        )
    sections = tuple(_sections(instrument, form, asked, role))
    number = len(items)
    questions = []
    for column in instrument.columns:
        if column.question and column.values:
            number += 1
            choices = tuple(Choice(value, label) for value, label in column.values.items())
            questions.append(Question(number, column, choices))
    asked_columns = {question.column.name for question in questions}
    known_values = {"form": form, "language": language}
    return Questionnaire(
        instrument=instrument,
        form=form,
        form_label=_form_label(instrument, form),
        language=language,
        sections=sections,
        questions=tuple(questions),
        unasked=tuple(
            (column, known_values.get(column.name))
            for column in instrument.columns
            # The time is measured by the survey system, and on paper by nobody.
            if column.name not in asked_columns and column.role != "seconds"
        ),
    )


def _check_askable(instrument: Instrument, form: str, asked: Sequence[Item]) -> None:
    labels = [item.id for item in asked if item.wording == "label"]
    if labels:
        raise FieldingError(
            f'the form "{form}" of "{instrument.id}" cannot be asked: its file has only a label '
            f'of {len(labels)} items (first: "{labels[0]}"), not their wording.\n'
            "    Use the publisher's questionnaire."
        )
    for item in asked:
        response = instrument.response(item.id)
        if response.continuous or not response.labels:
            raise FieldingError(
                f'item "{item.id}" of "{instrument.id}" has no answers in words to choose from.\n'
                f'    Give the response scale "{response.id}" labels.'
            )


def _sections(
    instrument: Instrument, form: str, asked: Sequence[Item], role: str | None
) -> Iterator[Section]:
    """Part the items wherever the block or the response scale changes.

    A block without an intro goes on where the block before it ended.
    """
    blocks = {item: block for block in instrument.blocks for item in block.items}
    own = {one.id: one for one in instrument.forms}.get(form)
    headings, intros = (own.headings, own.intros) if own is not None else ({}, {})
    number = 0
    seen: dict[str, int] = {}
    for block, together in _runs(asked, blocks):
        name = "items" if block is None else block.id
        seen[name] = seen.get(name, 0) + 1
        again = seen[name] > 1
        statements = []
        for item in together:
            number += 1
            about_self = role is not None and item.self_for == role
            text = item.self_text if about_self else item.text
            statements.append(Statement(number, item.id, text))
        response = instrument.response(together[0].id)
        shown = None if again else block
        yield Section(
            id=f"{name}_{seen[name]}" if again else name,
            label=NO_TEXTS if shown is None else headings.get(shown.id, shown.label),
            intro=NO_TEXTS if shown is None else intros.get(shown.id, shown.intro),
            stem=response.stem,
            response=response,
            statements=tuple(statements),
        )


def _runs(
    asked: Sequence[Item], blocks: Mapping[str, Block]
) -> Iterator[tuple[Block | None, list[Item]]]:
    """Give the items that stand together, each time with their block."""
    run: list[Item] = []
    current: Block | None = None
    for item in asked:
        block = blocks.get(item.id)
        goes_on = block == current or (block is not None and not block.intro)
        if run and not (goes_on and item.response == run[0].response):
            yield current, run
            run = []
        if not run or not goes_on:
            current = block
        run.append(item)
    yield current, run


def _form_label(instrument: Instrument, form: str) -> ByLanguage:
    """Give what the form is called: in the background column that stores it, else by itself."""
    column = next((one for one in instrument.columns if one.name == "form"), None)
    if column is not None and form in column.values:
        return column.values[form]
    return {one.id: one.label for one in instrument.forms}.get(
        form, dict.fromkeys(instrument.languages, form)
    )
