"""What can be wrong with a questionnaire that is asked for."""

from analyses.errors import AnalysisError


class FieldingError(AnalysisError):
    """A questionnaire cannot be made as asked; the message says what, where and what to do."""
