"""The brief of two pages for people who decide: every text of it, in one language.

What may be said follows from the verdicts of the published findings; the numbers are theirs. The
writers set it and say nothing more.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from analyses import labels
from analyses.briefing import context, main_results, outcomes, uses
from analyses.briefing.main_results import Result
from analyses.briefing.numbers import sections
from analyses.section import Figure, Finding, Message, Provenance, Report, Value, Verdict
from analyses.verdicts import CHECKS, LADDER
from analyses.wording import Words

FIGURE_SECTIONS = ("reliability", "levels", "confirmatory", "items")
"""Where a figure of intervals is looked for if there is none of means."""

HEADINGS = (
    *("kicker", "asked", "results", "use", "can", "cannot", "context", "levels", "certainty"),
    *("questions", "method"),
)


@dataclass(frozen=True)
class Told:
    """A main result: its sentence, and the verdict with its symbol, or nothing where none is."""

    text: str
    verdict: str = ""


@dataclass(frozen=True)
class Question:
    """A question to discuss, and the proposal that it leads to, or nothing."""

    text: str
    proposal: str


@dataclass(frozen=True)
class Brief:
    """Everything that the brief says, part by part, as it is written.

    `page` holds `{page}` and `{pages}`, which the writer fills in. `figure` is the id of the one
    figure, and `figure_alt` its description; without a figure, `figure_missing` says so.
    """

    language: str
    title: str
    instrument: str
    page: str
    marks: tuple[str, ...]
    headings: Mapping[str, str]
    asked: tuple[str, ...]
    results: tuple[Told, ...]
    figure: Figure | None
    figure_alt: str
    figure_missing: str
    can: tuple[str, ...]
    cannot: tuple[str, ...]
    context: tuple[str, ...]
    levels: tuple[str, ...]
    certainty: tuple[str, ...]
    questions: tuple[Question, ...]
    method: tuple[str, ...]

    def texts(self) -> tuple[str, ...]:
        """Give every text in the order of the pages, headings too; not what `page` counts."""
        named = self.headings
        parts: tuple[tuple[str, Sequence[str]], ...] = (
            ("asked", self.asked),
            ("results", [one.text for one in self.results]),
            ("context", self.context),
            ("use", ()),
            ("can", self.can),
            ("cannot", self.cannot),
            ("levels", self.levels),
            ("certainty", self.certainty),
            ("questions", [f"{one.text} {one.proposal}".strip() for one in self.questions]),
            ("method", self.method),
        )
        told = [text for key, part in parts if part or key == "use" for text in (named[key], *part)]
        return (named["kicker"], self.title, *told)


def compose(report: Report, words: Words) -> Brief:
    """Give the brief of a published report in a language."""

    def say(key: str, **values: Value) -> str:
        return words.say(Message(f"face.summary.{key}", values))

    def each(messages: Iterator[Message]) -> tuple[str, ...]:
        return tuple(words.say(message) for message in messages)

    name = report.title.get(words.language, report.instrument)
    results = main_results.results(report)
    allowed = uses.uses(report)
    figure = _figure(report)
    return Brief(
        language=words.language,
        title=words.say(main_results.title(report)),
        instrument=name,
        page=say("page", page="{page}", pages="{pages}"),
        marks=tuple(labels.marks(report, words)),
        headings={key: say(f"heading.{key}") for key in HEADINGS},
        asked=tuple(_asked(report, words, name)),
        results=tuple(_told(one, words) for one in results),
        figure=figure,
        figure_alt="" if figure is None else words.say(figure.alt),
        figure_missing=say("figure_missing") if figure is None else "",
        can=tuple(say(f"uses.{key}") for key in allowed.can),
        cannot=tuple(say(f"uses.{key}") for key in allowed.cannot),
        context=each(context.context(report)),
        levels=each(context.levels(report)),
        certainty=(
            say("certainty_text"),
            say("ladder", steps=tuple(_steps(words))),
            _counts(report, words),
            *_doubts(report, words),
            *_places(report, words),
            *_checks(report, words),
        ),
        questions=tuple(_questions(report, words)),
        method=tuple(_method(report, words, results)),
    )


def _told(result: Result, words: Words) -> Told:
    text = words.say(result.sentence)
    if result.verdict == "information":
        return Told(text)
    word = words.say(Message(f"verdict.{result.verdict}"))
    return Told(text, f"{labels.SYMBOLS[result.verdict]} {word}")


def _asked(report: Report, words: Words, name: str) -> Iterator[str]:
    values: dict[str, Value] = {"title": name, "n": report.n_obs, "survey": report.survey}
    yield words.say(Message("face.summary.asked_text", values))
    if report.simulated:
        yield words.say(Message("face.summary.asked_simulated"))
    if any(note.key == "note.self_report" for one in report.sections for note in one.notes):
        yield words.say(Message("face.summary.asked_self_report"))


def _figure(report: Report) -> Figure | None:
    """Choose the figure: means on the whole answer scale, or else one of intervals."""
    for _, figure in main_results.means(report):
        return figure
    found = (
        figure
        for one in sections(report, *FIGURE_SECTIONS)
        for figure in one.figures
        if figure.form == "intervals"
    )
    return next(found, None)


def _counts(report: Report, words: Words) -> str:
    """Say how many findings have each verdict, in the words of the ladder."""
    verdicts = [
        finding.verdict
        for finding in outcomes.judged(report.sections)
        if not outcomes.is_of_one_place(finding)
    ]
    counts = tuple(
        Message(
            "face.summary.certainty_count",
            {"verdict": Message(f"verdict.{one}"), "n": verdicts.count(one)},
        )
        for one in LADDER
    )
    values: dict[str, Value] = {"n": len(verdicts), "counts": counts}
    return words.say(Message("face.summary.certainty_counts", values))


def _steps(words: Words) -> Iterator[Message]:
    """Say what each word of the ladder means."""
    for _, word, meaning in labels.ladder(words):
        yield Message("face.summary.ladder_step", {"word": word, "meaning": meaning})


def _doubts(report: Report, words: Words) -> Iterator[str]:
    """Say in which sections verdicts are poor or open, and how many."""
    verdicts: tuple[Verdict, ...] = ("poor", "undecided")
    for verdict in verdicts:
        counts = [
            (
                section,
                sum(
                    finding.verdict == verdict and not outcomes.is_of_one_place(finding)
                    for finding in section.findings
                ),
            )
            for section in report.sections
        ]
        where = tuple(
            Message(
                "face.summary.certainty_where", {"section": labels.title(section, words), "n": n}
            )
            for section, n in counts
            if n > 0
        )
        if where:
            values: dict[str, Value] = {"verdict": Message(f"verdict.{verdict}"), "where": where}
            yield words.say(Message("face.summary.certainty_doubt", values))


def _places(report: Report, words: Words) -> Iterator[str]:
    """Say for how many scales and kinds of group a mean can stand for one group."""
    verdicts = [one.verdict for one in outcomes.findings("agreement", report.sections)]
    if verdicts:
        shown = sum(map(outcomes.is_favourable, verdicts))
        values: dict[str, Value] = {"shown": shown, "n": len(verdicts)}
        yield words.say(Message("face.summary.certainty_places", values))


def _checks(report: Report, words: Words) -> Iterator[str]:
    """Say whether verdicts hang on how the answers are computed, and in which sections."""
    found = [
        (section, finding)
        for section in report.sections
        for finding in section.findings
        if finding.id in CHECKS or finding.id.startswith("check_")
    ]
    told = [pair for pair in found if _is_told(pair[1])]
    if found and not told:
        yield words.say(Message("face.summary.check_same"))
    for section, finding in told:
        values: dict[str, Value] = {
            "section": labels.title(section, words),
            "claim": finding.claim,
        }
        yield words.say(Message("face.summary.check_in", values))


def _is_told(finding: Finding) -> bool:
    return finding.verdict != "information" or finding.id not in CHECKS


def _questions(report: Report, words: Words) -> Iterator[Question]:
    for one in sections(report, "dialogue"):
        table = one.table("dialogue")
        for question, proposal in zip(
            table.column("dialogue_question"), table.column("dialogue_proposal"), strict=True
        ):
            yield Question(words.write(question), words.write(proposal))


def _method(report: Report, words: Words, results: Sequence[Result]) -> Iterator[str]:
    values: dict[str, Value] = {
        "instrument": report.instrument,
        "version": report.instrument_version,
        "survey": report.survey,
        "n": report.n_obs,
        "created": labels.created(report),
        "software": report.software,
    }
    kind = "method_text_confidential" if report.confidential else "method_text"
    yield words.say(Message(f"face.summary.{kind}", values))
    origins = [
        words.say(Message("face.summary.method_origin", {"n": n, "origin": origin}))
        for n, origin in enumerate(dict.fromkeys(_origins(results, words)), start=1)
    ]
    if origins:
        yield words.say(Message("face.summary.method_numbers", {"origins": ", ".join(origins)}))
    yield from (words.say(one.answer) for one in sections(report, "card"))
    yield from (words.say(note) for note in report.notes if note.key.startswith("lock."))
    yield words.say(Message("face.summary.method_files"))


def _origins(results: Sequence[Result], words: Words) -> Iterator[str]:
    """Tell the estimator, n and source of the numbers told, each source once."""
    told: dict[tuple[str, str], list[Provenance]] = {}
    for origin in (origin for one in results for origin in one.origins):
        named = words.write(origin.estimator), words.write(origin.source)
        told.setdefault(named, []).append(origin)
    for origins in told.values():
        n_obs = {origin.n_obs for origin in origins}
        # Numbers from different people share a source; how many each is from stands in the report.
        one = origins[0] if len(n_obs) == 1 else replace(origins[0], n_obs=None)
        yield labels.provenance(one, words)
