"""The words of a printed questionnaire in one language, as plain texts; Word and PDF share them."""

from dataclasses import asdict, dataclass

from analyses.fielding.questionnaire import Questionnaire
from analyses.section import Message
from analyses.wording import Words


@dataclass(frozen=True)
class Table:
    """Statements with the same answers: heading, words below it, instruction, answers, rows.

    Parameters
    ----------
    answers
        The words of each answer; the last `n_missing` of them stand for no answer.
    rows
        Number and text of each statement.
    """

    label: str
    intro: str
    stem: str
    answers: tuple[str, ...]
    n_missing: int
    rows: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Sheet:
    """Everything that is printed.

    Parameters
    ----------
    office
        What whoever runs the survey fills in.
    questions
        Number, question and answers of each background question.
    footer
        What stands at the foot of every page beside the page number.
    page
        The page number, with `{page}` and `{pages}` in it.
    """

    language: str
    title: str
    introduction: tuple[str, ...]
    office_label: str
    office: tuple[str, ...]
    instruction: str
    statement: str
    tables: tuple[Table, ...]
    about: str
    about_intro: str
    one_answer: str
    questions: tuple[tuple[int, str, tuple[str, ...]], ...]
    thanks: str
    footer: str
    page: str

    def plain(self) -> dict[str, object]:
        """Give the sheet as mappings and lists."""
        return asdict(self)


def write_out(questionnaire: Questionnaire, words: Words) -> Sheet:
    """Give the texts of a questionnaire in its language."""
    language = questionnaire.language

    def say(key: str) -> str:
        return words.say(Message(f"cli.sheet.{key}"))

    instrument = questionnaire.instrument
    identity = f"{instrument.title[language]} {instrument.version}"
    return Sheet(
        language=language,
        title=questionnaire.title[language],
        introduction=tuple(questionnaire.introduction(language)),
        office_label=say("office"),
        office=tuple(
            column.label[language] for column, value in questionnaire.unasked if value is None
        ),
        instruction=say("instruction"),
        statement=say("statement"),
        tables=tuple(
            Table(
                label=section.label.get(language, ""),
                intro=section.intro.get(language, ""),
                stem=section.stem.get(language, ""),
                answers=tuple(choice.label[language] for choice in section.choices),
                n_missing=sum(choice.missing for choice in section.choices),
                rows=tuple((one.number, one.text[language]) for one in section.statements),
            )
            for section in questionnaire.sections
        ),
        about=say("about"),
        about_intro=say("about_intro"),
        one_answer=say("one_answer"),
        questions=tuple(
            (
                question.number,
                question.column.question[language],
                tuple(choice.label[language] for choice in question.choices),
            )
            for question in questionnaire.questions
        ),
        thanks=questionnaire.thanks.get(language, ""),
        footer=f"{identity} · {questionnaire.form_label[language]}",
        page=words.say(Message("cli.sheet.page", {"page": "{page}", "pages": "{pages}"})),
    )
