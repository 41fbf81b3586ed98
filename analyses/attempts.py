"""What the answers may not allow: a result, or why there is none."""

import warnings
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from measure.errors import MeasureError, MeasureWarning

Result = TypeVar("Result")


class Found(NamedTuple, Generic[Result]):
    """A result, or why there is none in the words of `measure`."""

    result: Result | None
    reason: str = ""


def attempt(work: Callable[[], Result]) -> Found[Result]:
    """Try something; what the warnings say stands in the notes of the results."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MeasureWarning)
            return Found(work())
    except MeasureError as error:
        return Found(None, str(error))
