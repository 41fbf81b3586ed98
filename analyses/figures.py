"""Draws a `Figure` from the published table it belongs to, in one theme for every face.

A picture shows nothing that its table does not: values come from the table's cells as they were
published, so a hidden cell is hidden here as well. No mark is told apart by colour alone; shape,
dash, position or a written value says the same.
"""

import math
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import altair as alt
import vl_convert

from analyses import labels
from analyses.marks import Colours, Texts, lay_out, marks
from analyses.section import Cell, Column, Figure, Message, Table
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
LINE_HEIGHT = 14

THEME: dict[str, Any] = {
    "background": "white",
    "font": FONT,
    "aria": False,  # the whole picture has one description; its marks are not read out singly
    # Room at the sides, for a machine that has none of the fonts and shows wider letters.
    "padding": {"left": 20, "right": 36, "top": 8, "bottom": 8},
    "view": {"stroke": None},
    "title": {
        "anchor": "start",
        "frame": "bounds",
        "color": INK,
        "fontSize": 14,
        "fontWeight": "bold",
        "subtitleColor": MUTED,
        "subtitleFontSize": 11,
        "subtitlePadding": 6,
        "offset": 14,
    },
    "axis": {
        "labelColor": INK,
        "labelFontSize": 11.5,
        "labelLimit": 0,
        "titleColor": MUTED,
        "titleFontSize": 11.5,
        "titleFontWeight": "normal",
        "titlePadding": 8,
        "domainColor": "#8c8c8c",
        "tickColor": "#8c8c8c",
        "gridColor": GRID,
    },
    "axisY": {"domain": False, "ticks": False, "labelPadding": 8, "grid": False},
    "legend": {
        "orient": "top",
        "direction": "horizontal",
        "labelColor": INK,
        "labelFontSize": 11.5,
        "labelLimit": 0,
        "titleColor": MUTED,
        "symbolSize": 90,
        "columnPadding": 22,
    },
}


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


def svg(figure: Figure, table: Table, words: Words) -> str:
    """Draw a figure as one SVG element, with its description for those who cannot see it.

    Parameters
    ----------
    figure, table
        A figure of a published section, and the table it names.
    words
        The language of title, axes and description.

    Returns
    -------
    str
        A self-contained `<svg>`; its inner ids carry the figure's id, so that several can stand
        in one page.
    """
    picture = vl_convert.vegalite_to_svg(
        chart(figure, table, words).to_dict(),
        config=THEME,
        format_locale=_number_form(words),
        allowed_base_urls=[],
    )
    return _described(picture, figure.id, words.say(figure.title), words.say(figure.alt))


def chart(figure: Figure, table: Table, words: Words) -> alt.LayerChart:
    """Give the picture as an Altair chart without its theme.

    Parameters
    ----------
    figure, table, words
        As for `svg`.
    """
    plot = Plot(figure, table, words)
    drawn = FORMS[figure.form](plot)
    lines = [labels.provenance(table.provenance, words)]
    if figure.form == "paths":
        lines.append(words.say(Message("face.figure.paths")))
    if figure.rule is not None:
        rule = words.cell(figure.rule, "number", 2)
        lines.append(words.say(Message("face.figure.rule", {"value": rule})))
    title = alt.TitleParams(
        text=textwrap.wrap(words.say(figure.title), TITLE_CHARACTERS),
        subtitle=[part for line in lines for part in textwrap.wrap(line, TITLE_CHARACTERS + 16)],
    )
    return drawn.properties(title=title)


def _number_form(words: Words) -> dict[str, Any]:
    """Give the language's way of writing numbers in the terms of d3."""
    style = words.style
    return {
        "decimal": style.decimal,
        "thousands": style.thousands,
        "grouping": [3],
        "currency": ["", ""],
        "percent": style.percent,
    }


def _described(picture: str, figure_id: str, title: str, description: str) -> str:
    """Give the SVG a role, a title, a description, and ids that are its own.

    The description stands twice: as a label, which pages read out, and as `<desc>`, which editors
    of pictures show where the file stands alone.
    """
    # The drawing library counts on from picture to picture; each has its own count here, so that
    # the same table gives the same picture.
    given = dict.fromkeys(re.findall(r'\bid="([^"]+)"', picture))
    own = {name: f"{figure_id}-{place}" for place, name in enumerate(given, start=1)}
    picture = re.sub(r'\bid="([^"]+)"', lambda found: f'id="{own[found[1]]}"', picture)
    picture = re.sub(r"url\(#([^)]+)\)", lambda found: f"url(#{own[found[1]]})", picture)
    label = escape(description, quote=True)
    picture = picture.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
    words = f"<title>{escape(title)}</title><desc>{escape(description)}</desc>"
    opening = picture.index(">", picture.index("<svg ")) + 1
    return picture[:opening] + words + picture[opening:]


def _data(values: list[dict[str, Any]]) -> Any:
    return alt.Data(values=values)  # type: ignore[no-untyped-call]


def _together(layers: list[alt.Chart], height: int, width: int = PLOT_WIDTH) -> alt.LayerChart:
    return alt.LayerChart(layer=layers).properties(width=width, height=height)


def _wrapped(labels: list[str]) -> list[str]:
    return ["\n".join(textwrap.wrap(label, LABEL_CHARACTERS) or [""]) for label in labels]


def _rows(labels: list[str]) -> alt.Y:
    """Lay out the category axis in the table's order, tall enough for its longest label."""
    order = list(dict.fromkeys(labels))
    return alt.Y(
        "y:N",
        sort=order,
        scale=alt.Scale(domain=order, paddingInner=0.3, paddingOuter=0.2),
        title=None,
        axis=alt.Axis(labelExpr="split(datum.label, '\\n')", labelBaseline="middle"),
    )


def _height(labels: list[str], bands: int = 1) -> int:
    tallest = max((label.count("\n") + 1 for label in labels), default=1)
    step = max(tallest * LINE_HEIGHT + 8, 24, bands * 16 + 8)
    return step * max(len(set(labels)), 1)


def _value_axis(plot: Plot, name: str, *, field: str = "x", zero: bool = False) -> alt.X:
    percent = plot.is_percent(name)
    scale = alt.Scale(zero=zero, nice=True)
    if plot.figure.domain is not None:
        scale = alt.Scale(domain=list(plot.figure.domain), nice=False)
    axis = alt.Axis(format=".0%", tickCount=6) if percent else alt.Axis(tickCount=6)
    return alt.X(f"{field}:Q", scale=scale, axis=axis, title=plot.heading(name))


def _rule(plot: Plot, x: alt.X) -> Iterator[alt.Chart]:
    if plot.figure.rule is not None:
        line = alt.Chart(_data([{"x": plot.figure.rule}]))
        yield line.mark_rule(color=INK, strokeDash=[4, 3], strokeWidth=1.2).encode(x=x)


def _unshown(plot: Plot, name: str, labels: list[str]) -> Iterator[alt.Chart]:
    """Write the table's own word where a value is hidden or could not be computed."""
    pairs = zip(labels, plot.numbers(name), plot.written(name), strict=True)
    values = [{"y": label, "word": word} for label, number, word in pairs if number is None]
    if values:
        words = alt.Chart(_data(values))
        yield words.mark_text(align="left", dx=4, color=MUTED, fontSize=11).encode(
            x=alt.value(0), y="y:N", text="word:N"
        )


def _intervals(plot: Plot) -> alt.LayerChart:
    channels = plot.figure.channels
    labels = _wrapped(plot.written(channels["y"]))
    groups = plot.written(channels["group"]) if "group" in channels else [""] * len(labels)
    kinds = list(dict.fromkeys(groups))
    columns = (plot.numbers(channels[name]) for name in ("x", "lower", "upper"))
    values = [
        {"y": y, "group": group, "x": x, "lower": lower, "upper": upper}
        for y, group, x, lower, upper in zip(labels, groups, *columns, strict=True)
        if x is not None
    ]
    complete = [value for value in values if None not in value.values()]
    y, colour = _rows(labels), _series("group", kinds)
    # An interval that leaves the answer scale ends at its edge and not among the labels.
    bars = alt.Chart(_data(complete)).mark_rule(strokeWidth=2, clip=True)
    bars = bars.encode(
        x=_value_axis(plot, channels["x"], field="lower"), x2="upper:Q", y=y, color=colour
    )
    shape = alt.Shape(
        "group:N",
        sort=kinds,
        scale=alt.Scale(domain=kinds, range=[SHAPES[i % len(SHAPES)] for i in range(len(kinds))]),
        legend=alt.Legend(title=None) if len(kinds) > 1 else None,
    )
    points = alt.Chart(_data(values)).mark_point(filled=True, size=64, opacity=1)
    x = _value_axis(plot, channels["x"])
    points = points.encode(x=x, y=y, color=colour, shape=shape)
    several = len(set(labels)) < len(labels)
    if several:
        offset = alt.YOffset("group:N", sort=kinds, scale=alt.Scale(domain=kinds))
        bars, points = bars.encode(yOffset=offset), points.encode(yOffset=offset)
    layers = [*_bands(plot, labels), *_rule(plot, x), bars, points]
    layers += _unshown(plot, channels["x"], labels)
    return _together(layers, _height(labels, len(kinds) if several else 1))


def _bands(plot: Plot, labels: list[str]) -> Iterator[alt.Chart]:
    """Lay what was expected behind the intervals; a band that is open on one side is a stroke."""
    channels = plot.figure.channels
    if "band_lower" not in channels:
        return
    lower, upper = (plot.numbers(channels[name]) for name in ("band_lower", "band_upper"))
    rows = list(zip(labels, lower, upper, strict=True))
    closed = [
        {"y": y, "from": low, "to": high}
        for y, low, high in rows
        if low is not None and high is not None
    ]
    x = _value_axis(plot, channels["x"], field="from")
    band = alt.Chart(_data(closed)).mark_bar(
        color=_hex(LIGHT), stroke=OUTLINE, strokeWidth=0.7, height={"band": 1.0}, clip=True
    )
    yield band.encode(x=x, x2="to:Q", y=_rows(labels))
    ends = [
        {"y": y, "from": low if high is None else high}
        for y, low, high in rows
        if (low is None) != (high is None)
    ]
    stroke = alt.Chart(_data(ends)).mark_tick(
        color=OUTLINE, thickness=2, height={"band": 1.0}, clip=True
    )
    yield stroke.encode(x=x, y=_rows(labels))


def _series(field: str, kinds: list[str]) -> alt.Color:
    return alt.Color(
        f"{field}:N",
        sort=kinds,
        scale=alt.Scale(domain=kinds, range=[SERIES[i % len(SERIES)] for i in range(len(kinds))]),
        legend=alt.Legend(title=None) if len(kinds) > 1 else None,
    )


def _bars(plot: Plot) -> alt.LayerChart:
    channels = plot.figure.channels
    labels = _wrapped(plot.written(channels["y"]))
    cells = zip(labels, plot.numbers(channels["x"]), plot.written(channels["x"]), strict=True)
    values = [{"y": y, "x": x, "word": word} for y, x, word in cells if x is not None]
    x = _value_axis(plot, channels["x"], zero=True)
    base = alt.Chart(_data(values)).encode(y=_rows(labels), x=x)
    bars = base.mark_bar(color=SERIES[0], height={"band": 0.9})
    texts = base.mark_text(align="left", dx=4, color=INK, fontSize=11).encode(text="word:N")
    layers = [bars, *_rule(plot, x), texts, *_unshown(plot, channels["x"], labels)]
    return _together(layers, _height(labels))


def _stacked(plot: Plot) -> alt.LayerChart:
    labels = _wrapped(plot.written(plot.figure.channels["y"]))
    headings = [plot.heading(part) for part in plot.parts]
    shades = _shades(len(headings))
    values: list[dict[str, Any]] = []
    at = [0.0] * len(labels)
    for part, heading, (_, ink) in zip(plot.parts, headings, shades, strict=True):
        cells = zip(labels, plot.numbers(part), plot.written(part), strict=True)
        for row, (y, size, word) in enumerate(cells):
            if size is None:
                continue
            end = at[row] + size
            roomy = size >= 0.07 if plot.is_percent(part) else False
            values.append(
                {"y": y, "part": heading, "x": at[row], "x2": end, "middle": at[row] + size / 2}
                | {"word": word if roomy else "", "ink": ink}
            )
            at[row] = end
    first = plot.parts[0]
    # As many side by side as the plot is wide enough for.
    columns = max(LEGEND_CHARACTERS // (max(map(len, headings)) + 5), 1)
    colour = alt.Color(
        "part:N",
        sort=headings,
        scale=alt.Scale(domain=headings, range=[fill for fill, _ in shades]),
        legend=alt.Legend(title=None, columns=columns, symbolType="square"),
    )
    base = alt.Chart(_data(values)).encode(y=_rows(labels))
    x = _value_axis(plot, first, zero=True)
    x = x.title(plot.words.say(Message("face.figure.share")))
    # The palest fill hardly stands out from white; its outline does.
    bars = base.mark_bar(stroke=OUTLINE, strokeWidth=0.7, height={"band": 0.95}).encode(
        x=x, x2="x2:Q", color=colour
    )
    texts = base.mark_text(fontSize=10.5).encode(
        x="middle:Q", text="word:N", color=alt.Color("ink:N", scale=None)
    )
    layers = [bars, texts, *_unshown(plot, first, labels)]
    drawn = _together(layers, _height(labels))
    drawn.resolve = alt.Resolve(scale=alt.ScaleResolveMap(color="independent"))
    return drawn


def _shades(count: int) -> list[tuple[str, str]]:
    """Give ordered fills from light to dark, each with the ink that can be read on it."""
    shares = [index / max(count - 1, 1) for index in range(count)]
    return [_between(LIGHT, DARK, share) for share in shares]


def _hex(colour: Iterable[int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _between(start: Colour, end: Colour, share: float) -> tuple[str, str]:
    """Mix two colours; give the mixture, and black or white by which stands out more on it."""
    mixed = [round(a + (b - a) * share) for a, b in zip(start, end, strict=True)]
    # Relative luminance as WCAG 2.2 defines it; above this value, black has more contrast.
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (value / 255 for value in mixed)
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return _hex(mixed), "#000000" if luminance > 0.179 else "#ffffff"


def _lines(plot: Plot) -> alt.LayerChart:
    x_name = plot.figure.channels["x"]
    headings = [plot.heading(part) for part in plot.parts]
    across = plot.numbers(x_name)
    values = [
        {"x": x, "y": y, "part": heading}
        for part, heading in zip(plot.parts, headings, strict=True)
        for x, y in zip(across, plot.numbers(part), strict=True)
        if x is not None and y is not None
    ]
    scale = alt.Scale(zero=True, nice=True)
    if plot.figure.domain is not None:
        scale = alt.Scale(domain=list(plot.figure.domain), nice=False)
    ticks = sorted({x for x in across if x is not None})
    whole = all(x == round(x) for x in ticks) and len(ticks) <= 30
    axis = alt.Axis(values=ticks, format="d", grid=False) if whole else alt.Axis(grid=False)
    base = alt.Chart(_data(values)).encode(
        x=alt.X("x:Q", axis=axis, scale=alt.Scale(zero=False, nice=False, padding=12)).title(
            plot.heading(x_name)
        ),
        y=alt.Y("y:Q", scale=scale, axis=alt.Axis(grid=True, tickCount=6), title=None),
        color=_series("part", headings),
    )
    dashes = alt.Scale(domain=headings, range=[DASHES[i % 6] for i in range(len(headings))])
    shapes = alt.Scale(domain=headings, range=[SHAPES[i % 6] for i in range(len(headings))])
    legend = alt.Legend(title=None, symbolStrokeWidth=0)
    lines = base.mark_line(strokeWidth=1.8).encode(
        strokeDash=alt.StrokeDash("part:N", sort=headings, scale=dashes, legend=None)
    )
    points = base.mark_point(filled=True, size=42, opacity=1).encode(
        shape=alt.Shape("part:N", sort=headings, scale=shapes, legend=legend)
    )
    layers = [lines, points]
    if plot.figure.rule is not None:
        level = alt.Chart(_data([{"y": plot.figure.rule}]))
        layers.insert(0, level.mark_rule(color=INK, strokeDash=[4, 3]).encode(y="y:Q"))
    return _together(layers, 260, width=PLOT_WIDTH + 80)


def _heat(plot: Plot) -> alt.LayerChart:
    labels = _wrapped(plot.written(plot.figure.channels["y"]))
    headings = _wrapped([plot.heading(part) for part in plot.parts])
    values = [
        {"y": y, "part": heading, "x": x, "word": word}
        for part, heading in zip(plot.parts, headings, strict=True)
        for y, x, word in zip(labels, plot.numbers(part), plot.written(part), strict=True)
    ]
    known = [abs(float(value["x"])) for value in values if isinstance(value["x"], float)]
    reach = max(map(abs, plot.figure.domain)) if plot.figure.domain else max(known, default=1.0)
    for value in values:
        value |= _shade(value["x"], reach)
    base = alt.Chart(_data(values)).encode(
        y=_rows(labels),
        x=alt.X(
            "part:N",
            sort=headings,
            title=None,
            axis=alt.Axis(orient="top", labelAngle=0, labelExpr="split(datum.label, '\\n')"),
        ),
    )
    cells = base.mark_rect(stroke="white", strokeWidth=1).encode(
        color=alt.Color("fill:N", scale=None)
    )
    texts = base.mark_text(fontSize=11).encode(text="word:N", color=alt.Color("ink:N", scale=None))
    width = max(56 * len(headings), 160)
    return _together([cells, texts], _height(labels), width=width)


def _shade(value: object, reach: float) -> Mapping[str, str]:
    """Shade a cell by its distance from zero, blue above and brown below; its value is written."""
    if not isinstance(value, float):
        return {"fill": "#f2f2f2", "ink": MUTED}
    share = min(abs(value) / reach, 1.0) if reach else 0.0
    fill, ink = _between(WHITE, DARK if value >= 0 else BROWN, share)
    return {"fill": fill, "ink": ink}


def _paths(plot: Plot) -> alt.LayerChart:
    layout = lay_out(plot.figure, plot.table, plot.words)
    width, height = math.ceil(layout.width), math.ceil(layout.height)
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, width], nice=False))
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[height, 0], nice=False))
    layers = []
    for mark in marks(layout, Colours(_hex(DARK), _hex(BROWN))):
        base = alt.Chart(_data(mark.values)).encode(x=x, y=y)
        if isinstance(mark, Texts):
            text = base.mark_text(fontSize=mark.size, baseline="middle", color=mark.ink)
            layers.append(text.encode(text="text:N"))
            continue
        # The path of a symbol of size 4 is drawn in pixels.
        shape = base.mark_point(
            size=4, opacity=1, strokeWidth=mark.width, strokeDash=list(mark.dash)
        )
        colours = {
            "fill": alt.Fill("fill:N", scale=None),
            "stroke": alt.Stroke("stroke:N", scale=None),
        }
        layers.append(shape.encode(shape=alt.Shape("shape:N", scale=None), **colours))
    return _together(layers, height, width)


FORMS: Mapping[str, Callable[[Plot], alt.LayerChart]] = {
    "intervals": _intervals,
    "bars": _bars,
    "stacked": _stacked,
    "lines": _lines,
    "heat": _heat,
    "paths": _paths,
}
"""How each form of figure is drawn."""
