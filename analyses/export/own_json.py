"""JSON files that say what they are, and in which version of their format."""

import json
from pathlib import Path
from typing import Any

from analyses.errors import SurveyError


def read(path: Path, kind: str, version: int, what: str) -> dict[str, Any]:
    """Read a file of one kind.

    Parameters
    ----------
    path
        The file.
    kind, version
        What `format` and `format_version` have to be.
    what
        What such a file holds, for messages: "results written by kobling".

    Raises
    ------
    SurveyError
        It is not there, is not JSON, or is of another kind or version.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SurveyError(f'"{path.name}" cannot be read: {error.strerror}.') from error
    except ValueError as error:
        raise SurveyError(f'"{path.name}" is not a JSON file.') from error
    if not isinstance(content, dict) or content.get("format") != kind:
        raise SurveyError(f'"{path.name}" does not hold {what}.')
    if content.get("format_version") != version:
        raise SurveyError(
            f'"{path.name}" has format version {content.get("format_version")}; this version of '
            f"kobling reads {version}. Run the validation again."
        )
    return content
