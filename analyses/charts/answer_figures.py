"""How answers spread: stacked bars, bars around the middle, people beside the steps of items."""

import math
from collections.abc import Sequence
from typing import Any

import altair as alt

from analyses.charts.plotting import (
    BROWN,
    DARK,
    INK,
    LEGEND_CHARACTERS,
    LIGHT,
    MUTED,
    OUTLINE,
    SERIES,
    WHITE,
    Picture,
    Plot,
    between,
    height_of,
    hexadecimal,
    laid_out,
    records,
    rows_axis,
    shades,
    together,
    unshown,
    value_axis,
    wrapped,
)
from analyses.section import Message

ROOMY = 0.07
"""A part of a bar from this share of the axis up has room for its value."""

Shade = tuple[str, str]
"""A fill, and the ink that can be read on it."""

BARS, GAP, STEP = 150, 64, 54
"""Widths in pixels of a Wright map: the bars of people, the space to the items, and each item."""


def stacked(plot: Plot) -> Picture:
    """Stack the parts of each row from the left."""
    x = value_axis(plot, plot.parts[0], zero=True)
    x = x.title(plot.words.say(Message(plot.figure.channels.get("axis", "face.figure.share"))))
    starts = [0.0] * len(plot.numbers(plot.parts[0]))
    return _parts(plot, starts, shades(len(plot.parts)), x)


def diverging(plot: Plot) -> Picture:
    """Stack the parts of each row around the middle one, or between the two in the middle."""
    sizes = [
        [size or 0.0 for size in row] for row in zip(*map(plot.numbers, plot.parts), strict=True)
    ]
    starts = [-_left_of_middle(row) for row in sizes]
    reach = max(
        (max(-start, start + sum(row)) for start, row in zip(starts, sizes, strict=True)),
        default=1.0,
    )
    reach = math.ceil(10 * reach + 0.01) / 10
    axis = alt.Axis(labelExpr="format(abs(datum.value), '.0%')", tickCount=6)
    scale = alt.Scale(domain=[-reach, reach], nice=False)
    title = plot.words.say(Message("face.figure.diverging"))
    x = alt.X("x:Q", scale=scale, axis=axis, title=title)
    drawn = _parts(plot, starts, diverging_shades(len(plot.parts)), x, span=2 * reach)
    middle = alt.Chart(records([{"x": 0.0}])).mark_rule(color=INK, strokeWidth=1).encode(x=x)
    # Between the bars and what is written on them.
    drawn["layer"].insert(1, laid_out(middle))
    return drawn


def _left_of_middle(sizes: Sequence[float]) -> float:
    """Give what lies to the left of the middle: the lower half, and half of a middle part."""
    half = len(sizes) // 2
    return sum(sizes[:half]) + (sizes[half] / 2 if len(sizes) % 2 else 0.0)


def diverging_shades(count: int) -> list[Shade]:
    """Give fills from brown over a pale middle to blue, each with the ink to be read on it."""
    half = count // 2
    strengths = [0.25 + 0.55 * place / max(half - 1, 1) for place in range(half)]
    lower = [between(WHITE, BROWN, strength) for strength in reversed(strengths)]
    upper = [between(WHITE, DARK, strength) for strength in strengths]
    return [*lower, *([("#f0f0f0", "#000000")] if count % 2 else []), *upper]


def _parts(
    plot: Plot,
    starts: Sequence[float],
    fills: Sequence[Shade],
    x: alt.X,
    *,
    span: float = 1.0,
) -> Picture:
    """Draw the parts of each row side by side, from where the row starts; `span` is the axis."""
    labels = wrapped(plot.written(plot.figure.channels["y"]))
    headings = [plot.heading(part) for part in plot.parts]
    values: list[dict[str, Any]] = []
    at = list(starts)
    for part, heading, (_, ink) in zip(plot.parts, headings, fills, strict=True):
        cells = zip(labels, plot.numbers(part), plot.written(part), strict=True)
        for row, (y, size, word) in enumerate(cells):
            if size is None:
                continue
            end = at[row] + size
            roomy = size >= ROOMY * span if plot.is_percent(part) else False
            values.append(
                {"y": y, "part": heading, "x": at[row], "x2": end, "middle": at[row] + size / 2}
                | {"word": word if roomy else "", "ink": ink}
            )
            at[row] = end
    # As many side by side as the plot is wide enough for.
    columns = max(LEGEND_CHARACTERS // (max(map(len, headings)) + 5), 1)
    colour = alt.Color(
        "part:N",
        sort=headings,
        scale=alt.Scale(domain=headings, range=[fill for fill, _ in fills]),
        legend=alt.Legend(title=None, columns=columns, symbolType="square"),
    )
    base = alt.Chart(records(values)).encode(y=rows_axis(labels))
    # The palest fill hardly stands out from white; its outline does.
    bars = base.mark_bar(stroke=OUTLINE, strokeWidth=0.7, height={"band": 0.95}).encode(
        x=x, x2=alt.X2("x2:Q"), color=colour
    )
    texts = base.mark_text(fontSize=10.5).encode(
        x=alt.X("middle:Q"), text=alt.Text("word:N"), color=alt.Color("ink:N", scale=None)
    )
    layers = [bars, texts, *unshown(plot, plot.parts[0], labels)]
    drawn = together(layers, height_of(labels))
    return drawn | {"resolve": {"scale": {"color": "independent"}}}


def wright(plot: Plot) -> Picture:
    """Draw the shares of people as bars to the left, and each item's steps to the right."""
    labels = wrapped(plot.written(plot.figure.channels["y"]))
    width = BARS + GAP + STEP * len(plot.parts)
    scale = alt.Scale(domain=[0, width], nice=False)
    x, left = (alt.X(f"{field}:Q", axis=None, scale=scale) for field in ("x", "left"))
    y = rows_axis(labels)
    name = plot.figure.channels["x"]
    shares, words = plot.numbers(name), plot.written(name)
    most = max((share for share in shares if share is not None), default=0.0) or 1.0
    people = [
        {"y": label, "x": BARS * (1 - (share or 0.0) / most), "x2": BARS, "word": word}
        for label, share, word in zip(labels, shares, words, strict=True)
    ]
    steps: list[dict[str, Any]] = []
    for place, part in enumerate(plot.parts):
        middle = BARS + GAP + STEP * (place + 0.5)
        ends = {"x": middle, "left": middle - STEP / 2 + 3, "right": middle + STEP / 2 - 3}
        cells = zip(labels, plot.written(part), strict=True)
        steps += [{"y": label, "word": word} | ends for label, word in cells if word]
    headings = [
        {"x": BARS + GAP + STEP * (place + 0.5), "word": plot.heading(part)}
        for place, part in enumerate(plot.parts)
    ]
    headings.append({"x": BARS / 2, "word": plot.heading(name)})
    bars = alt.Chart(records(people)).mark_bar(color=SERIES[0], height={"band": 0.9})
    shown = alt.Chart(records(people)).mark_text(align="left", dx=5, fontSize=10.5, color=MUTED)
    boxes = alt.Chart(records(steps)).mark_bar(
        color=hexadecimal(LIGHT), stroke=OUTLINE, strokeWidth=0.7, height={"band": 0.9}
    )
    codes = alt.Chart(records(steps)).mark_text(fontSize=11, color=INK)
    heads = alt.Chart(records(headings)).mark_text(fontSize=11.5, color=MUTED, dy=-10)
    beside = alt.XValue(BARS)  # type: ignore[no-untyped-call]
    above = alt.YValue(0)  # type: ignore[no-untyped-call]
    layers = [
        bars.encode(x=x, x2=alt.X2("x2:Q"), y=y),
        shown.encode(x=beside, y=y, text=alt.Text("word:N")),
        boxes.encode(x=left, x2=alt.X2("right:Q"), y=y),
        codes.encode(x=x, y=y, text=alt.Text("word:N")),
        heads.encode(x=x, y=above, text=alt.Text("word:N")),
    ]
    return together(layers, height_of(labels), width)
