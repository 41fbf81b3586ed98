"""In what share of the choices that can be defended each conclusion holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from analyses import evidence
from analyses.defaults import SEED
from analyses.evidence import column
from analyses.intake.survey import Survey
from analyses.modelling.fits import plan
from analyses.section import (
    Cell,
    Figure,
    Finding,
    Message,
    Provenance,
    Section,
    Table,
    Value,
)
from analyses.side_by_side import ALONE, Team
from analyses.universes.combinations import EVERYBODY, Universe, correlation_kind, universes
from analyses.universes.conclusions import Conclusions, begin, of_waves
from instruments.schema import Instrument

SOURCE = "Steegen, Tuerlinckx, Gelman & Vanpaemel 2016"

NOBODY_ELSE: Mapping[str, Survey] = MappingProxyType({})

RETENTION = "retention"
"""The choice of a criterion for the number of factors, and the question that it answers."""


@dataclass(frozen=True)
class Answered:
    """One question, answered by all combinations of choices.

    Parameters
    ----------
    name
        Of the question.
    answers
        Of each combination: what was chosen, by the name of the choice, and the answer; None where
        there is none. The first is the report's.
    """

    name: str
    answers: tuple[tuple[Mapping[str, str], Message | None], ...]

    @property
    def main(self) -> Message | None:
        """What the report says."""
        return self.answers[0][1]

    @property
    def known(self) -> tuple[tuple[Mapping[str, str], Message], ...]:
        """The combinations with an answer."""
        return tuple((chosen, said) for chosen, said in self.answers if said is not None)

    def share(self, choice: str = "", option: str = "") -> float | None:
        """Give the share of combinations with an answer that say what the report says.

        Parameters
        ----------
        choice, option
            Of those in which this was chosen.
        """
        own = [said for chosen, said in self.known if not choice or chosen.get(choice) == option]
        if not own or self.main is None:
            return None
        return sum(said == self.main for said in own) / len(own)


def run(
    instrument: Instrument,
    survey: Survey,
    *,
    people: str = EVERYBODY,
    beside: Mapping[str, Survey] = NOBODY_ELSE,
    estimator: str | None = None,
    seed: int = SEED,
    team: Team = ALONE,
) -> Section:
    """Answer the main questions by every combination of choices that can be defended.

    Parameters
    ----------
    instrument, survey
        What was asked, and the answers that the report rests on.
    people
        Whose answers these are: `everybody`, or those `unflagged` for carelessness.
    beside
        Answers of the others of the two, by the same names; none where nobody is flagged, or so
        few that what changes would tell what they answered.
    estimator
        Of the report, as for `fits.plan`.
    seed
        Of the number of factors.
    team
        Who works on it.

    Returns
    -------
    Section
        `multiverse`: for each conclusion the share of combinations in which it stands, over all of
        them and by each choice.
    """
    surveys = {people: survey, **beside}
    chosen = universes(instrument, survey, tuple(surveys), estimator)
    modelled, counted = begin(team, instrument, surveys, chosen, seed)
    questions = _of_models(chosen, [task.result() for task in modelled])
    ordered = bool(plan(instrument, survey, estimator=estimator).ordered)
    found = {people: task.result() for people, task in counted.items()}
    questions.append(_of_criteria(instrument, chosen, found, ordered=ordered))
    return _section(instrument, survey, tuple(questions), chosen)


def _of_models(chosen: Sequence[Universe], found: Sequence[Conclusions]) -> list[Answered]:
    names = dict.fromkeys(name for one in found for name, said in one.items() if said is not None)
    pairs = list(zip(chosen, found, strict=True))
    return [
        Answered(name, tuple((universe.choices, said.get(name)) for universe, said in pairs))
        for name in names
    ]


def _of_criteria(
    instrument: Instrument,
    chosen: Sequence[Universe],
    found: Mapping[str, Conclusions],
    *,
    ordered: bool,
) -> Answered:
    """Cross the criteria with the choices that they hang on; incomplete people never count here."""
    answers: dict[tuple[str, str, str], tuple[Mapping[str, str], Message | None]] = {}
    for universe in chosen:
        kind = correlation_kind(universe.estimator, ordered=ordered)
        for criterion in instrument.rules.factors_retained.criteria:
            options = {"people": universe.people, "estimator": universe.estimator}
            said = found[universe.people][f"factors {kind} {criterion}"]
            answers.setdefault(
                (universe.people, kind, criterion), ({**options, RETENTION: criterion}, said)
            )
    return Answered(RETENTION, tuple(answers.values()))


def _section(
    instrument: Instrument,
    survey: Survey,
    questions: tuple[Answered, ...],
    chosen: tuple[Universe, ...],
) -> Section:
    judged = [one for one in questions if one.share() is not None]
    firm = sum(one.share() == 1.0 for one in judged)
    values: dict[str, Value] = {
        "firm": firm,
        "n": len(judged),
        "combinations": sum(len(one.known) for one in judged if one.name == RETENTION)
        or len(chosen),
        "models": len(chosen),
    }
    key = "all" if firm == len(judged) else "some"
    parts = _parts(questions)
    provenance = _provenance(survey, chosen)
    finding = Finding(
        id="multiverse",
        claim=Message(f"multiverse.claim.{key}", values),
        verdict="information",
        evidence=(
            evidence.count("combinations", len(chosen), SOURCE, len(survey.data)),
            evidence.count("conclusions", len(judged), SOURCE, len(survey.data)),
            evidence.count("conclusions_firm", firm, SOURCE, len(survey.data)),
        ),
        notes=(Message("multiverse.note.meaning"),),
    )
    return Section(
        id="multiverse",
        answer=Message(f"multiverse.answer.{key}", values),
        findings=(finding,),
        tables=(
            *(_shares(instrument, part, own, provenance) for part, own in parts.items()),
            _by_choice(instrument, questions, provenance),
        ),
        figures=tuple(map(_figure, parts)),
        notes=(
            Message("multiverse.note.choices"),
            *(
                Message(f"multiverse.note.only_{choice}")
                for choice in ("people", "missing")
                if len({universe.choices[choice] for universe in chosen}) == 1
            ),
            *((Message("multiverse.note.of_waves"),) if of_waves(instrument) else ()),
            *evidence.standing_notes(instrument, survey),
        ),
    )


def _parts(questions: Sequence[Answered]) -> dict[str, list[Answered]]:
    """Part what is said of the questionnaire from the hypotheses: one figure would be too tall."""
    parts: dict[str, list[Answered]] = {}
    for one in questions:
        part = "hypotheses" if one.name.startswith("hypothesis ") else "questionnaire"
        parts.setdefault(part, []).append(one)
    return parts


def _provenance(survey: Survey, chosen: Sequence[Universe]) -> Provenance:
    names = tuple(dict.fromkeys(universe.estimator for universe in chosen))
    return Provenance(Message("multiverse.estimators", {"names": names}), len(survey.data), SOURCE)


def _named(instrument: Instrument, name: str) -> Message:
    """Name a question."""
    kind, _, what = name.partition(" ")
    values: dict[str, Value] = {}
    if kind == "omega":
        values["scale"] = evidence.text(instrument.scale(what).label)
    elif kind == "licence":
        values["column"] = evidence.text(
            next(one.label for one in instrument.columns if one.name == what)
        )
    elif kind == "hypothesis":
        values["id"] = what
    else:
        values["model"] = evidence.model_label(instrument.reference_model)
    return Message(f"multiverse.question.{kind}", values)


def _shares(
    instrument: Instrument, part: str, questions: Sequence[Answered], provenance: Provenance
) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            _named(instrument, one.name),
            one.main or Message("multiverse.no_answer"),
            one.share(),
            len(one.known),
            len(one.answers) - len(one.known),
            _others(one),
        )
        for one in questions
    ]
    return Table(
        id=f"multiverse_{part}",
        title=Message(f"multiverse.table.{part}"),
        columns=(
            column("conclusion_on", "message"),
            column("report_says", "message"),
            column("share_same", "percent", 0),
            column("combinations", "count", 0),
            column("without_answer", "count", 0),
            column("others_say", "message"),
        ),
        rows=tuple(rows),
        provenance=provenance,
        notes=(Message("multiverse.note.table"),),
    )


def _others(one: Answered) -> Message:
    """Say what the combinations come to that do not say what the report says."""
    said = list({repr(answer): answer for _, answer in one.known if answer != one.main}.values())
    if not said:
        return Message("multiverse.nothing_else")
    return Message("multiverse.list", {"parts": tuple(said)})


def _by_choice(
    instrument: Instrument, questions: Sequence[Answered], provenance: Provenance
) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for one in questions:
        options: dict[str, dict[str, None]] = {}
        for chosen, _ in one.answers:
            for choice, option in chosen.items():
                options.setdefault(choice, {})[option] = None
        for choice, own in options.items():
            if len(own) > 1:
                rows += [
                    (
                        _named(instrument, one.name),
                        Message(f"multiverse.choice.{choice}"),
                        _option(choice, option),
                        one.share(choice, option),
                    )
                    for option in own
                ]
    return Table(
        id="multiverse_choices",
        title=Message("multiverse.table.choices"),
        columns=(
            column("conclusion_on", "message"),
            column("choice", "message"),
            column("option", "message"),
            column("share_same", "percent", 0),
        ),
        rows=tuple(rows),
        provenance=provenance,
        notes=(Message("multiverse.note.by_choice"),),
    )


def _option(choice: str, option: str) -> Message:
    if choice == RETENTION:
        return Message(f"criterion.{option}")
    if choice == "estimator":
        return evidence.plain(option)
    return Message(f"multiverse.option.{option}")


def _figure(part: str) -> Figure:
    return Figure(
        id=f"multiverse_{part}",
        title=Message(f"multiverse.table.{part}"),
        alt=Message(f"multiverse.figure.{part}"),
        table=f"multiverse_{part}",
        form="bars",
        channels={"y": "conclusion_on", "x": "share_same"},
        domain=(0.0, 1.0),
    )
