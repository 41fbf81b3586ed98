"""What was asked: instruments as data, and the reader that checks them.

`load("coupling")` gives a frozen `Instrument`: items, response scales, scales, models as lavaan
text, hypotheses and decision rules. Nothing here estimates anything.
"""

from instruments.answers import check_answers
from instruments.errors import AnswerError, InstrumentError
from instruments.loader import load, names
from instruments.population import Population, load_population
from instruments.rules import (
    AgreementRule,
    CountRule,
    FitRule,
    RetentionRule,
    Rules,
    Threshold,
)
from instruments.schema import (
    BackgroundColumn,
    Block,
    Claim,
    Decoded,
    Demonstration,
    DialogueQuestion,
    Expectation,
    Factor,
    Fielding,
    Form,
    Function,
    Hypothesis,
    Instrument,
    Item,
    Level,
    MeasurementModel,
    MissingCode,
    ModelOptions,
    Referent,
    ResponseScale,
    RotatedVersion,
    Rotation,
    Scale,
)
from instruments.wording import WordingProblem, WordingRules, check_wording, lix

__all__ = [
    "AgreementRule",
    "AnswerError",
    "BackgroundColumn",
    "Block",
    "Claim",
    "CountRule",
    "Decoded",
    "Demonstration",
    "DialogueQuestion",
    "Expectation",
    "Factor",
    "Fielding",
    "FitRule",
    "Form",
    "Function",
    "Hypothesis",
    "Instrument",
    "InstrumentError",
    "Item",
    "Level",
    "MeasurementModel",
    "MissingCode",
    "ModelOptions",
    "Population",
    "Referent",
    "ResponseScale",
    "RetentionRule",
    "RotatedVersion",
    "Rotation",
    "Rules",
    "Scale",
    "Threshold",
    "WordingProblem",
    "WordingRules",
    "check_answers",
    "check_wording",
    "lix",
    "load",
    "load_population",
    "names",
]
