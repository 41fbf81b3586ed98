"""What all forms of figure are made of: colours, a table as columns of numbers, axes and rows."""

import json
import math
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import altair as alt

from analyses.section import Cell, Column, Figure, Phrase, Table
from analyses.wording import Words

FONT = "Liberation Sans, Arimo, Arial, Helvetica, Nimbus Sans, sans-serif"
"""vl-convert carries Liberation Sans, and all named have its widths: one layout everywhere."""

INK, MUTED, GRID, OUTLINE = "#1a1a1a", "#595959", "#dddddd", "#3b5d7d"
# Dark enough for 4.5:1 on white, and told apart by people with any colour vision.
SERIES = ("#0b4f8a", "#a5480b", "#1d6b4f", "#7a2a7a", "#5c5c1a", "#8a0f2e")
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [4, 4], [10, 2])

Colour = tuple[int, int, int]
WHITE: Colour = (255, 255, 255)
LIGHT: Colour = (226, 236, 245)
DARK: Colour = (8, 60, 110)
BROWN: Colour = (122, 52, 6)

PLOT_WIDTH = 430
LABEL_CHARACTERS, TITLE_CHARACTERS, LEGEND_CHARACTERS = 34, 74, 72
END_CHARACTERS = 20
LINE_HEIGHT = 14


@dataclass(frozen=True)
class Plot:
    """A figure, its table, and the words to label them with."""

    figure: Figure
    table: Table
    words: Words

    def heading(self, name: str) -> str:
        """Give the heading of a column."""
        return self.words.say(self._column(name).label)

    def is_percent(self, name: str) -> bool:
        """Say whether a column holds proportions that are written as per cent."""
        return self._column(name).kind == "percent"

    def numbers(self, name: str) -> list[float | None]:
        """Give a column as numbers; None where a cell is hidden or could not be computed."""
        return [
            float(cell) if isinstance(cell, int | float) else None
            for cell in self.table.column(name)
        ]

    def written(self, name: str) -> list[str]:
        """Give a column as the tables write it."""
        column = self._column(name)
        return [self._write(cell, column) for cell in self.table.column(name)]

    def _column(self, name: str) -> Column:
        return next(column for column in self.table.columns if column.name == name)

    def _write(self, cell: Cell, column: Column) -> str:
        return self.words.cell(cell, column.kind, column.digits)

    @property
    def parts(self) -> list[str]:
        """Names of the columns that are drawn side by side."""
        return self.figure.channels["parts"].split()


def records(values: list[dict[str, Any]]) -> Any:
    """Give rows as data of a chart."""
    # Lists are copied, row by row, whenever a chart is given one property more.
    return alt.Data(values=tuple(values))  # type: ignore[no-untyped-call]


Picture = dict[str, Any]
"""Layers in one plot, in the terms of Vega-Lite. A layered chart of Altair's would copy each of its
layers again and again."""


def together(layers: list[alt.Chart], height: int, width: int = PLOT_WIDTH) -> Picture:
    """Lay layers over each other, in a plot of so many pixels."""
    return {"layer": [laid_out(layer) for layer in layers], "width": width, "height": height}


def laid_out(layer: alt.Chart) -> dict[str, Any]:
    """Give a layer as part of a picture; whether it is valid is asked of the whole."""
    bare = layer.copy(deep=False)
    bare.data = alt.Undefined
    # Rows are plain already; to be asked what each of their values is takes longest.
    drawn = bare.to_dict(validate=False, context={"top_level": False})
    return drawn | {"data": {"values": list(layer.data.values)}}


def wrapped(labels: list[str], characters: int = LABEL_CHARACTERS) -> list[str]:
    """Break labels into lines that fit beside the plot, or over a column."""
    return ["\n".join(textwrap.wrap(label, characters) or [""]) for label in labels]


def rows_axis(labels: list[str]) -> alt.Y:
    """Lay out the category axis in the table's order, tall enough for its longest label."""
    order = list(dict.fromkeys(labels))
    return alt.Y(
        "y:N",
        sort=order,
        scale=alt.Scale(domain=order, paddingInner=0.3, paddingOuter=0.2),
        title=None,
        axis=alt.Axis(labelExpr="split(datum.label, '\\n')", labelBaseline="middle"),
    )


def height_of(labels: list[str], bands: int = 1) -> int:
    """Give the pixels that rows with these labels need."""
    tallest = max((label.count("\n") + 1 for label in labels), default=1)
    step = max(tallest * LINE_HEIGHT + 8, 24, bands * 16 + 8)
    return step * max(len(set(labels)), 1)


def value_axis(plot: Plot, name: str, *, field: str = "x", zero: bool = False) -> alt.X:
    """Give the axis of a column's values."""
    percent = plot.is_percent(name)
    scale = alt.Scale(zero=zero, nice=True)
    if plot.figure.domain is not None:
        scale = alt.Scale(domain=list(plot.figure.domain), nice=False)
    axis = alt.Axis(format=".0%", tickCount=6) if percent else alt.Axis(tickCount=6)
    if plot.figure.ends is not None and plot.figure.domain is not None:
        axis = _labelled(plot, plot.figure.domain, plot.figure.ends)
    return alt.X(f"{field}:Q", scale=scale, axis=axis, title=plot.heading(name))


def _labelled(plot: Plot, domain: tuple[float, float], ends: tuple[Phrase, Phrase]) -> alt.Axis:
    """Give an axis of whole answers on which both ends are written out."""
    low, high = domain
    names = {
        f"{end:g}": [f"{end:g}", *textwrap.wrap(plot.words.write(phrase), END_CHARACTERS)]
        for end, phrase in zip(domain, ends, strict=True)
    }
    table = json.dumps(names, ensure_ascii=False)
    return alt.Axis(
        values=list(range(math.ceil(low), math.floor(high) + 1)),
        labelExpr=f"({table})[datum.value] || datum.label",
        format="d",
        labelFlush=True,
    )


def rule_line(plot: Plot, x: alt.X) -> Iterator[alt.Chart]:
    """Draw where the rule stands, if the figure has one."""
    if plot.figure.rule is not None:
        line = alt.Chart(records([{"x": plot.figure.rule}]))
        yield line.mark_rule(color=INK, strokeDash=[4, 3], strokeWidth=1.2).encode(x=x)


def unshown(plot: Plot, name: str, labels: list[str]) -> Iterator[alt.Chart]:
    """Write the table's own word where a value is hidden or could not be computed."""
    pairs = zip(labels, plot.numbers(name), plot.written(name), strict=True)
    values = [{"y": label, "word": word} for label, number, word in pairs if number is None]
    if values:
        words = alt.Chart(records(values))
        start = alt.XValue(0)  # type: ignore[no-untyped-call]
        yield words.mark_text(align="left", dx=4, color=MUTED, fontSize=11).encode(
            x=start, y=alt.Y("y:N"), text=alt.Text("word:N")
        )


def series(field: str, kinds: list[str]) -> alt.Color:
    """Give each kind its colour, with a legend where there are several."""
    return alt.Color(
        f"{field}:N",
        sort=kinds,
        scale=alt.Scale(domain=kinds, range=[SERIES[i % len(SERIES)] for i in range(len(kinds))]),
        legend=alt.Legend(title=None) if len(kinds) > 1 else None,
    )


def shades(count: int) -> list[tuple[str, str]]:
    """Give ordered fills from light to dark, each with the ink that can be read on it."""
    shares = [index / max(count - 1, 1) for index in range(count)]
    return [between(LIGHT, DARK, share) for share in shares]


def hexadecimal(colour: Iterable[int]) -> str:
    """Write a colour as the web does."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def between(start: Colour, end: Colour, share: float) -> tuple[str, str]:
    """Mix two colours; give the mixture, and black or white by which stands out more on it."""
    mixed = [round(a + (b - a) * share) for a, b in zip(start, end, strict=True)]
    # Relative luminance as WCAG 2.2 defines it; above this value, black has more contrast.
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (value / 255 for value in mixed)
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return hexadecimal(mixed), "#000000" if luminance > 0.179 else "#ffffff"
