"""Results as text and as HTML: the one place where numbers are rounded for the eye."""

import math
from collections.abc import Mapping
from html import escape
from numbers import Integral, Real

import numpy as np
import pandas as pd

MISSING = ""


def render_text(
    title: str,
    facts: Mapping[str, object],
    tables: Mapping[str, pd.DataFrame],
    digits: int = 3,
) -> str:
    """Return a title, a list of facts and tables as plain text.

    Parameters
    ----------
    title
        What the result is.
    facts
        Names and single values, one a line.
    tables
        Captions and tables.
    digits
        Decimals shown of numbers that are not whole by type.
    """
    width = max((len(name) for name in facts), default=0)
    lines = [title, *(f"  {name:<{width}}  {cell(value, digits)}" for name, value in facts.items())]
    for caption, table in tables.items():
        shown = _formatted(table, digits)
        lines += ["", caption, shown.to_string(index=_has_names(table))]
    return "\n".join(lines)


def render_html(
    title: str,
    facts: Mapping[str, object],
    tables: Mapping[str, pd.DataFrame],
    digits: int = 3,
) -> str:
    """Return the same as `render_text` as an HTML fragment, with everything escaped."""
    parts = [f"<h4>{escape(title)}</h4>"]
    if facts:
        rows = "".join(
            f"<tr><th scope='row'>{escape(name)}</th><td>{escape(cell(value, digits))}</td></tr>"
            for name, value in facts.items()
        )
        parts.append(f"<table>{rows}</table>")
    for caption, table in tables.items():
        with pd.option_context("display.max_colwidth", None):
            html = _formatted(table, digits).to_html(index=_has_names(table), border=0)
        parts.append(f"<h5>{escape(caption)}</h5>{html}")
    return f"<div>{''.join(parts)}</div>"


def cell(value: object, digits: int = 3) -> str:
    """Return one value as text: whole numbers as they are, others with so many decimals."""
    if value is None or value is pd.NA or value is pd.NaT:
        return MISSING
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, Integral):
        return str(int(value))
    if isinstance(value, Real):
        number = float(value)
        if math.isnan(number):
            return MISSING
        if math.isinf(number):
            return str(number)
        # Without this a tiny negative number would be printed as -0.000.
        return f"{round(number, digits) + 0.0:.{digits}f}"
    if isinstance(value, tuple | list):
        return ", ".join(cell(one, digits) for one in value)
    return str(value)


def _formatted(table: pd.DataFrame, digits: int) -> pd.DataFrame:
    columns = {
        position: [cell(value, digits) for value in table.iloc[:, position].tolist()]
        for position in range(table.shape[1])
    }
    shown = pd.DataFrame(columns, index=table.index, dtype=object)
    shown.columns = pd.Index([str(name) for name in table.columns])
    return shown


def _has_names(table: pd.DataFrame) -> bool:
    """Whether the index says something, or only counts the rows."""
    return not isinstance(table.index, pd.RangeIndex)
