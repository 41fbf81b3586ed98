"""How far levels lie apart: the points of each row on one line, tied from end to end."""

from typing import Any

import altair as alt

from analyses.charts.plotting import (
    MUTED,
    SHAPES,
    Picture,
    Plot,
    height_of,
    records,
    rows_axis,
    series,
    together,
    value_axis,
    wrapped,
)
from analyses.section import Message


def dumbbell(plot: Plot) -> Picture:
    """Draw the parts of each row as points on its line, told apart by shape and colour."""
    labels = wrapped(plot.written(plot.figure.channels["y"]))
    headings = [plot.heading(part) for part in plot.parts]
    points: list[dict[str, Any]] = [
        {"y": y, "part": heading, "x": x}
        for part, heading in zip(plot.parts, headings, strict=True)
        for y, x in zip(labels, plot.numbers(part), strict=True)
        if x is not None
    ]
    ties = []
    for label in dict.fromkeys(labels):
        own = [point["x"] for point in points if point["y"] == label]
        if len(own) > 1:
            ties.append({"y": label, "from": min(own), "to": max(own)})
    title = plot.words.say(Message("face.figure.apart"))
    x = value_axis(plot, plot.parts[0]).title(title)
    start = value_axis(plot, plot.parts[0], field="from").title(title)
    y = rows_axis(labels)
    lines = alt.Chart(records(ties)).mark_rule(color=MUTED, strokeWidth=2)
    lines = lines.encode(x=start, x2=alt.X2("to:Q"), y=y)
    shapes = alt.Scale(
        domain=headings, range=[SHAPES[i % len(SHAPES)] for i in range(len(headings))]
    )
    marks = alt.Chart(records(points)).mark_point(filled=True, size=90, opacity=1)
    marks = marks.encode(
        x=x,
        y=y,
        color=series("part", headings),
        shape=alt.Shape("part:N", sort=headings, scale=shapes, legend=alt.Legend(title=None)),
    )
    return together([lines, marks], height_of(labels))
