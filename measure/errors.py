"""Every error and warning that the package raises.

All errors derive from `MeasureError`, so that a program can catch what is wrong with the input
and nothing else.
"""

from typing import Any


class MeasureError(ValueError):
    """The input cannot be analysed as asked; the message says what, where and what to do."""


class ModelSyntaxError(MeasureError):
    """The model text cannot be read.

    Attributes
    ----------
    line, column
        Where, counted from 1.
    """

    def __init__(self, problem: str, text: str, line: int, column: int) -> None:
        self.problem, self.line, self.column = problem, line, column
        lines = text.splitlines()
        source = lines[line - 1] if 0 < line <= len(lines) else ""
        # Tabs are kept, so that the caret stands under its character in any terminal.
        margin = "".join("\t" if character == "\t" else " " for character in source[: column - 1])
        super().__init__(f"{problem} (line {line}, column {column})\n    {source}\n    {margin}^")


class ModelError(MeasureError):
    """The model can be read but does not make sense, or asks for what cannot be estimated."""


class DataError(MeasureError):
    """The data cannot be analysed: a column is missing, constant, empty or not a number."""


class OptionError(MeasureError):
    """An option has a value that is not known, or not with the other options."""


class IdentificationError(MeasureError):
    """The model has more free parameters than the data can determine."""


class ConvergenceError(MeasureError):
    """The search ended before it found a minimum.

    Attributes
    ----------
    fit
        The unfinished result, with `converged` False.
    """

    def __init__(self, message: str, fit: Any) -> None:
        super().__init__(f"{message}\n    The unfinished fit is in `error.fit`.")
        self.fit = fit


class MeasureWarning(UserWarning):
    """Something that the reader of a result has to know; it also stands in `notes`."""


class ImproperSolutionWarning(MeasureWarning):
    """The estimates are impossible: a negative variance, a correlation over 1."""


class ListwiseWarning(MeasureWarning):
    """Rows were left out because an answer is missing."""
