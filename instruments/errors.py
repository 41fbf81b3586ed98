"""What can be wrong with an instrument, or with the answers given to it."""


class InstrumentError(ValueError):
    """An instrument is unknown, or its file is wrong; the message names file, item and field."""


class AnswerError(ValueError):
    """Answers do not fit the instrument; the message names the item, the value and the row."""


class LockError(InstrumentError):
    """A lock file cannot be read or written, or is the lock of another instrument."""
