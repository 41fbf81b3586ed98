"""What was asked: instruments as data, and the reader that checks them.

`load("coupling")` gives a frozen `Instrument`: items, response scales, scales, models as lavaan
text, hypotheses and decision rules. Nothing here estimates anything.
"""

from instruments.answers import check_answers
from instruments.errors import AnswerError, InstrumentError
from instruments.loader import load, names
from instruments.rules import AgreementRule, FitRule, Rules, Threshold
from instruments.schema import (
    BackgroundColumn,
    Decoded,
    Demonstration,
    Expectation,
    Factor,
    Form,
    Hypothesis,
    Instrument,
    Item,
    MeasurementModel,
    MissingCode,
    ModelOptions,
    ResponseScale,
    Scale,
)

__all__ = [
    "AgreementRule",
    "AnswerError",
    "BackgroundColumn",
    "Decoded",
    "Demonstration",
    "Expectation",
    "Factor",
    "FitRule",
    "Form",
    "Hypothesis",
    "Instrument",
    "InstrumentError",
    "Item",
    "MeasurementModel",
    "MissingCode",
    "ModelOptions",
    "ResponseScale",
    "Rules",
    "Scale",
    "Threshold",
    "check_answers",
    "load",
    "names",
]
