"""What can be wrong with what a user hands to an analysis, apart from the numbers themselves."""


class AnalysisError(ValueError):
    """The analysis cannot be carried out as asked; the message says what, where and what to do."""


class SurveyError(AnalysisError):
    """A survey file cannot be read, or does not hold what the instrument asks for."""


class OutputError(AnalysisError):
    """The output folder cannot be written, or is not ours to write."""
