"""The questions that results are discussed by, and what has to be found for one to be raised."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from instruments.problems import Problem, repeated
from instruments.texts import Identifier, Part, Texts

if TYPE_CHECKING:
    from instruments.schema import Instrument

Topic = Literal[
    "precision", "structure", "comparison", "levels", "agreement", "change", "hypothesis"
]
"""What a question is about: `precision` how precisely the scales measure; `structure` whether the
answers go together as the questionnaire says; `comparison` whether groups may be compared; `levels`
whether what is asked about several levels hangs together; `agreement` whether members of a unit
answer alike; `change` whether there is change between waves; `hypothesis` what came of one."""

Outcome = Literal["good", "acceptable", "poor", "undecided", "untested"]
"""A verdict on the topic, or that these answers say nothing about it."""


class DialogueQuestion(Part):
    """A question that people who own the results may discuss.

    Parameters
    ----------
    text
        In each language.
    proposal
        Id of the proposal that the question leads to; None where the instrument makes none.
    topic, hypothesis
        What the question is tied to; a question tied to nothing may always be asked.
    raised_by
        What has to be found about the topic.
    """

    id: Identifier
    text: Texts
    proposal: Identifier | None = None
    topic: Topic | None = None
    hypothesis: Identifier | None = None
    raised_by: tuple[Outcome, ...] = ()


def problems(instrument: "Instrument") -> Iterator[Problem]:
    """Find questions that name what is not there, or do not say what raises them."""
    proposals = {proposal.id for proposal in instrument.proposals}
    hypotheses = {hypothesis.id for hypothesis in instrument.hypotheses}
    for entry, question in enumerate(instrument.dialogue):
        texts = [f'raised_by: "{name}" occurs twice' for name in repeated(question.raised_by)]
        if question.proposal is not None and question.proposal not in proposals:
            texts.append(f'proposal: there is no proposal "{question.proposal}"')
        if question.hypothesis is not None and question.hypothesis not in hypotheses:
            texts.append(f'hypothesis: there is no hypothesis "{question.hypothesis}"')
        if (question.topic == "hypothesis") != (question.hypothesis is not None):
            texts.append('hypothesis: give it where, and only where, topic = "hypothesis"')
        if (question.topic is None) != (not question.raised_by):
            texts.append("raised_by: say which outcomes of the topic raise the question")
        for text in texts:
            yield Problem(f'dialogue question "{question.id}", {text}', "dialogue", entry)
