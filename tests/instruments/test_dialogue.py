import pytest

import instruments
from instruments import DialogueQuestion
from instruments.schema import Instrument

KKS = instruments.load("coupling")
TEXT = {"da": "Hvad nu?", "en": "What now?"}


def _with(**fields: object) -> Instrument:
    question = DialogueQuestion.model_validate({"id": "one", "text": TEXT} | fields)
    content = KKS.model_dump() | {"origin": KKS.origin, "dialogue": [question.model_dump()]}
    return Instrument.model_validate(content)


def test_a_question_tied_to_nothing_is_read():
    assert _with().dialogue[0].raised_by == ()


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"proposal": "P9"}, 'proposal: there is no proposal "P9"'),
        (
            {"topic": "hypothesis", "hypothesis": "H99", "raised_by": ["good"]},
            'hypothesis: there is no hypothesis "H99"',
        ),
        ({"topic": "hypothesis", "raised_by": ["good"]}, "hypothesis: give it where"),
        ({"hypothesis": "K4"}, "hypothesis: give it where"),
        ({"topic": "levels"}, "raised_by: say which outcomes"),
        ({"raised_by": ["good"]}, "raised_by: say which outcomes"),
        ({"topic": "levels", "raised_by": ["poor", "poor"]}, 'raised_by: "poor" occurs twice'),
        ({"text": {"da": "Hvad nu?"}}, 'text: the text in "en" is missing'),
    ],
)
def test_what_is_wrong_is_said_with_the_name_of_the_question(fields, wrong):
    with pytest.raises(ValueError, match='dialogue question "one"') as refusal:
        _with(**fields)
    assert wrong in str(refusal.value)
