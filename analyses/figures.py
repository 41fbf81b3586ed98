"""Draws a `Figure` from the published table it belongs to, in one theme for every face.

A picture shows nothing that its table does not: values come from the table's cells as they were
published, so a hidden cell is hidden here as well. No mark is told apart by colour alone; shape,
dash, position or a written value says the same.
"""

import json
import math
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

import altair as alt
import vl_convert
from altair.utils.schemapi import debug_mode

from analyses import labels
from analyses.charts import answer_figures, level_figures
from analyses.charts.marks import Colours, Texts, lay_out, marks
from analyses.charts.plotting import (
    BROWN,
    DARK,
    DASHES,
    FONT,
    GRID,
    INK,
    LIGHT,
    MUTED,
    OUTLINE,
    PLOT_WIDTH,
    SERIES,
    SHAPES,
    TITLE_CHARACTERS,
    WHITE,
    Picture,
    Plot,
    between,
    height_of,
    hexadecimal,
    records,
    rows_axis,
    rule_line,
    series,
    together,
    unshown,
    value_axis,
    wrapped,
)
from analyses.disclosing.rounding import undrawn
from analyses.section import Figure, Message, Table
from analyses.wording import Words

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
    # That every form is valid is tested; to look at each part of each picture takes longest.
    with debug_mode(False):
        drawn = chart(figure, table, words)
    picture = vl_convert.vegalite_to_svg(
        drawn,
        config=THEME,
        format_locale=_number_form(words),
        allowed_base_urls=[],
    )
    return _described(picture, figure.id, words.say(figure.title), words.say(figure.alt))


def chart(figure: Figure, table: Table, words: Words) -> Picture:
    """Give the picture in the terms of Vega-Lite, without its theme.

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
    if n := undrawn(figure, table):
        lines.append(words.say(Message("face.figure.no_interval", {"n": n})))
    if figure.rule is not None:
        rule = words.cell(figure.rule, "number", 2)
        lines.append(words.say(Message("face.figure.rule", {"value": rule})))
    title = alt.TitleParams(
        text=textwrap.wrap(words.say(figure.title), TITLE_CHARACTERS),
        subtitle=[part for line in lines for part in textwrap.wrap(line, TITLE_CHARACTERS + 16)],
    )
    return drawn | {"title": title.to_dict()}


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


def _intervals(plot: Plot) -> Picture:
    channels = plot.figure.channels
    labels = wrapped(plot.written(channels["y"]))
    groups = plot.written(channels["group"]) if "group" in channels else [""] * len(labels)
    kinds = list(dict.fromkeys(groups))
    columns = (plot.numbers(channels[name]) for name in ("x", "lower", "upper"))
    values = [
        {"y": y, "group": group, "x": x, "lower": lower, "upper": upper}
        for y, group, x, lower, upper in zip(labels, groups, *columns, strict=True)
        if x is not None
    ]
    complete = [value for value in values if None not in value.values()]
    y, colour = rows_axis(labels), series("group", kinds)
    # An interval that leaves the answer scale ends at its edge and not among the labels.
    bars = alt.Chart(records(complete)).mark_rule(strokeWidth=2, clip=True)
    bars = bars.encode(
        x=value_axis(plot, channels["x"], field="lower"), x2=alt.X2("upper:Q"), y=y, color=colour
    )
    shape = alt.Shape(
        "group:N",
        sort=kinds,
        scale=alt.Scale(domain=kinds, range=[SHAPES[i % len(SHAPES)] for i in range(len(kinds))]),
        legend=alt.Legend(title=None) if len(kinds) > 1 else None,
    )
    points = alt.Chart(records(values)).mark_point(filled=True, size=64, opacity=1)
    x = value_axis(plot, channels["x"])
    points = points.encode(x=x, y=y, color=colour, shape=shape)
    several = len(set(labels)) < len(labels)
    if several:
        offset = alt.YOffset("group:N", sort=kinds, scale=alt.Scale(domain=kinds))
        bars, points = bars.encode(yOffset=offset), points.encode(yOffset=offset)
    layers = [*_bands(plot, labels), *rule_line(plot, x), bars, points]
    layers += unshown(plot, channels["x"], labels)
    return together(layers, height_of(labels, len(kinds) if several else 1))


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
    x = value_axis(plot, channels["x"], field="from")
    band = alt.Chart(records(closed)).mark_bar(
        color=hexadecimal(LIGHT), stroke=OUTLINE, strokeWidth=0.7, height={"band": 1.0}, clip=True
    )
    yield band.encode(x=x, x2=alt.X2("to:Q"), y=rows_axis(labels))
    ends = [
        {"y": y, "from": low if high is None else high}
        for y, low, high in rows
        if (low is None) != (high is None)
    ]
    stroke = alt.Chart(records(ends)).mark_tick(
        color=OUTLINE, thickness=2, height={"band": 1.0}, clip=True
    )
    yield stroke.encode(x=x, y=rows_axis(labels))


def _bars(plot: Plot) -> Picture:
    channels = plot.figure.channels
    labels = wrapped(plot.written(channels["y"]))
    cells = zip(labels, plot.numbers(channels["x"]), plot.written(channels["x"]), strict=True)
    values = [{"y": y, "x": x, "word": word} for y, x, word in cells if x is not None]
    x = value_axis(plot, channels["x"], zero=True)
    base = alt.Chart(records(values)).encode(y=rows_axis(labels), x=x)
    bars = base.mark_bar(color=SERIES[0], height={"band": 0.9})
    texts = base.mark_text(align="left", dx=4, color=INK, fontSize=11).encode(
        text=alt.Text("word:N")
    )
    layers = [bars, *rule_line(plot, x), texts, *unshown(plot, channels["x"], labels)]
    return together(layers, height_of(labels))


def _lines(plot: Plot) -> Picture:
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
    if "ticks" in plot.figure.channels:
        axis = _named(across, plot.written(plot.figure.channels["ticks"]))
    base = alt.Chart(records(values)).encode(
        x=alt.X("x:Q", axis=axis, scale=alt.Scale(zero=False, nice=False, padding=12)).title(
            plot.heading(x_name)
        ),
        y=alt.Y("y:Q", scale=scale, axis=alt.Axis(grid=True, tickCount=6), title=None),
        color=series("part", headings),
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
        level = alt.Chart(records([{"y": plot.figure.rule}]))
        layers.insert(0, level.mark_rule(color=INK, strokeDash=[4, 3]).encode(y=alt.Y("y:Q")))
    return together(layers, 260, width=PLOT_WIDTH + 80)


def _named(places: Sequence[float | None], names: Sequence[str]) -> alt.Axis:
    """Give an axis with a name at each place in place of its number."""
    pairs = {place: name for place, name in zip(places, names, strict=True) if place is not None}
    table = json.dumps({f"{place:g}": name for place, name in pairs.items()}, ensure_ascii=False)
    return alt.Axis(values=sorted(pairs), labelExpr=f"({table})[datum.value]", grid=False)


HEADING_CHARACTERS = 16
"""As many stand in one line over a column; its other words are broken into more lines."""


LINE_HEIGHT = 14
"""Pixels from one line of a heading to the next."""


def _heat(plot: Plot) -> Picture:
    labels = wrapped(plot.written(plot.figure.channels["y"]))
    headings = wrapped([plot.heading(part) for part in plot.parts], HEADING_CHARACTERS)
    values = [
        {"y": y, "part": heading, "x": x, "word": word}
        for part, heading in zip(plot.parts, headings, strict=True)
        for y, x, word in zip(labels, plot.numbers(part), plot.written(part), strict=True)
    ]
    known = [abs(float(value["x"])) for value in values if isinstance(value["x"], float)]
    reach = max(map(abs, plot.figure.domain)) if plot.figure.domain else max(known, default=1.0)
    for value in values:
        value |= _shade(value["x"], reach)
    base = alt.Chart(records(values)).encode(
        y=rows_axis(labels),
        x=alt.X(
            "part:N",
            sort=headings,
            title=None,
            axis=alt.Axis(
                orient="top",
                labelAngle=0,
                labelExpr="split(datum.label, '\\n')",
                # Further lines stand below the first, where the cells would be.
                labelPadding=4 + LINE_HEIGHT * max(heading.count("\n") for heading in headings),
            ),
        ),
    )
    cells = base.mark_rect(stroke="white", strokeWidth=1).encode(
        color=alt.Color("fill:N", scale=None)
    )
    texts = base.mark_text(fontSize=11).encode(
        text=alt.Text("word:N"), color=alt.Color("ink:N", scale=None)
    )
    longest = max(len(line) for heading in headings for line in heading.split("\n"))
    width = max(max(56, 7 * longest) * len(headings), 160)
    return together([cells, texts], height_of(labels), width=width)


def _shade(value: object, reach: float) -> Mapping[str, str]:
    """Shade a cell by its distance from zero, blue above and brown below; its value is written."""
    if not isinstance(value, float):
        return {"fill": "#f2f2f2", "ink": MUTED}
    share = min(abs(value) / reach, 1.0) if reach else 0.0
    fill, ink = between(WHITE, DARK if value >= 0 else BROWN, share)
    return {"fill": fill, "ink": ink}


def _paths(plot: Plot) -> Picture:
    layout = lay_out(plot.figure, plot.table, plot.words)
    width, height = math.ceil(layout.width), math.ceil(layout.height)
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, width], nice=False))
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[height, 0], nice=False))
    layers = []
    for mark in marks(layout, Colours(hexadecimal(DARK), hexadecimal(BROWN))):
        base = alt.Chart(records(mark.values)).encode(x=x, y=y)
        if isinstance(mark, Texts):
            text = base.mark_text(fontSize=mark.size, baseline="middle", color=mark.ink)
            layers.append(text.encode(text=alt.Text("text:N")))
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
    return together(layers, height, width)


FORMS: Mapping[str, Callable[[Plot], Picture]] = {
    "intervals": _intervals,
    "bars": _bars,
    "stacked": answer_figures.stacked,
    "diverging": answer_figures.diverging,
    "lines": _lines,
    "heat": _heat,
    "dumbbell": level_figures.dumbbell,
    "wright": answer_figures.wright,
    "paths": _paths,
}
"""How each form of figure is drawn."""
