"""A path diagram as plain shapes and texts, from the published table that it draws."""

import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from analyses.charts.geometry import Box, Curve, Point
from analyses.charts.layout import FONT_SIZE, LINE, NOTE_SIZE, Kind, Node, Path
from analyses.charts.routing import ARROW, LABEL_LINE, LABEL_SIZE, Layout, Routed, arrange
from analyses.section import Cell, Figure, Message, Provenance, Quantity, Table
from analyses.wording import Words

NODE_CHARACTERS = 17
DASH = (5, 4)
PAPER, OUTLINE, INK, MUTED = "#ffffff", "#3b5d7d", "#1a1a1a", "#595959"
_NOWHERE = Provenance("", None, "")
KINDS: tuple[Kind, ...] = ("loading", "regression", "covariance")


@dataclass(frozen=True)
class Colours:
    """The colours of positive and of negative paths."""

    positive: str
    negative: str


@dataclass(frozen=True)
class Shapes:
    """Shapes drawn alike: each a path in pixels around a place, with its fill and its line."""

    values: list[dict[str, Any]]
    width: float
    dash: Sequence[int] = (1, 0)


@dataclass(frozen=True)
class Texts:
    """Lines of text of one size, each around its middle."""

    values: list[dict[str, Any]]
    size: float
    ink: str


def lay_out(figure: Figure, table: Table, words: Words) -> Layout:
    """Lay out a figure of the form `paths` from its published table."""
    channels = figure.channels

    def written(name: str) -> list[str]:
        return [words.cell(cell, "text", 0) for cell in table.column(channels[name])]

    kinds = [_key(cell) for cell in table.column(channels["kind"])]
    fixed = [_key(cell) == "fixed" for cell in table.column(channels["fixed"])]
    digits = next(part.digits for part in table.columns if part.name == channels["x"])
    numbers = zip(*(table.column(channels[name]) for name in ("x", "lower", "upper")), strict=True)
    paths: list[Path] = []
    notes: dict[str, str] = {}
    rows = zip(kinds, written("start"), written("end"), numbers, fixed, strict=True)
    for kind, start, end, (value, *limits), is_fixed in rows:
        label = _label(value, limits, words, digits)
        if kind == "variance":
            notes[start] = words.say(Message("diagram.residual", {"value": label.split(" [")[0]}))
            continue
        number = float(value) if isinstance(value, int | float) else 0.0
        chosen = next(one for one in KINDS if one == kind)
        paths.append(Path(chosen, start, end, label, number, is_fixed))
    names = dict.fromkeys(name for path in paths for name in (path.start, path.end))
    lines = {name: textwrap.wrap(name, NODE_CHARACTERS) or [name] for name in names}
    return arrange(paths, lines, notes)


def _key(cell: Cell) -> str:
    return cell.key.rsplit(".", 1)[-1] if isinstance(cell, Message) else ""


def _label(value: Cell, limits: Sequence[Cell], words: Words, digits: int) -> str:
    """Write a value with its interval; what is hidden or not computed by the table's own word."""
    if not isinstance(value, int | float):
        return words.cell(value, "number", digits)
    lower, upper = (limit if isinstance(limit, int | float) else None for limit in limits)
    quantity = Quantity("", value, _NOWHERE, digits=digits, lower=lower, upper=upper)
    return words.quantity(quantity)


def marks(layout: Layout, colours: Colours) -> Iterator[Shapes | Texts]:
    """Give what is drawn, from the back to the front."""
    for fixed in (False, True):
        lines = [
            _shape(Point(0, 0), path.curve.svg(), None, _colour(path, colours))
            for path in layout.paths
            if path.path.fixed == fixed
        ]
        if lines:
            yield Shapes(lines, 1.3, DASH if fixed else (1, 0))
    heads = [
        _shape(Point(0, 0), head, _colour(path, colours), None)
        for path in layout.paths
        for head in _heads(path)
    ]
    yield Shapes(heads, 0.0)
    yield Shapes([_outline(node) for node in layout.nodes.values()], 1.3)
    yield Shapes([_patch(path.label_box) for path in layout.paths], 0.0)
    nodes = layout.nodes.values()
    yield Texts([value for node in nodes for value in _name(node)], FONT_SIZE, INK)
    notes = [value for node in nodes for value in _note(node)]
    if notes:
        yield Texts(notes, NOTE_SIZE, MUTED)
    labels = [value for path in layout.paths for value in _lines(path.lines, path.at, LABEL_LINE)]
    yield Texts(labels, LABEL_SIZE, INK)


def _colour(path: Routed, colours: Colours) -> str:
    return colours.negative if path.path.value < 0 else colours.positive


def _shape(at: Point, path: str, fill: str | None, stroke: str | None) -> dict[str, Any]:
    nothing = "transparent"
    return {
        "x": at.x,
        "y": at.y,
        "shape": path,
        "fill": fill or nothing,
        "stroke": stroke or nothing,
    }


def _outline(node: Node) -> dict[str, Any]:
    a, b = node.width / 2, node.height / 2
    if node.latent:
        path = f"M{-a:.1f},0A{a:.1f},{b:.1f},0,1,1,{a:.1f},0A{a:.1f},{b:.1f},0,1,1,{-a:.1f},0Z"
    else:
        path = f"M{-a:.1f},{-b:.1f}H{a:.1f}V{b:.1f}H{-a:.1f}Z"
    return _shape(Point(node.x, node.y), path, PAPER, OUTLINE)


def _patch(box: Box) -> dict[str, Any]:
    """Give a piece of paper under a number, so that no line runs through it."""
    path = f"M{box.left:.1f},{box.top:.1f}H{box.right:.1f}V{box.bottom:.1f}H{box.left:.1f}Z"
    return _shape(Point(0, 0), path, PAPER, None)


def _heads(path: Routed) -> Iterator[str]:
    yield _head(path.curve)
    if path.double:
        yield _head(path.curve.reversed())


def _head(curve: Curve) -> str:
    """Give an arrow head at the end of a curve, pointing as the curve does there."""
    tip, before = curve.end, curve.at(0.97)
    length = math.hypot(tip.x - before.x, tip.y - before.y) or 1.0
    ux, uy = (tip.x - before.x) / length, (tip.y - before.y) / length
    foot = Point(tip.x - ARROW * ux, tip.y - ARROW * uy)
    half = 0.42 * ARROW
    left = Point(foot.x - half * uy, foot.y + half * ux)
    right = Point(foot.x + half * uy, foot.y - half * ux)
    return "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in (tip, left, right)) + "Z"


def _name(node: Node) -> Iterator[dict[str, Any]]:
    up = LINE / 2 if node.note else 0.0
    yield from _lines(node.lines, Point(node.x, node.y - up), LINE)


def _note(node: Node) -> Iterator[dict[str, Any]]:
    if node.note:
        yield {"text": node.note, "x": node.x, "y": node.y + LINE * len(node.lines) / 2}


def _lines(lines: Sequence[str], at: Point, height: float) -> Iterator[dict[str, Any]]:
    """Give each line of a text that stands around a place."""
    for number, line in enumerate(lines):
        # A little down, since the middle of the letters is above that of the line.
        y = at.y + (number - (len(lines) - 1) / 2) * height + 0.5
        yield {"text": line, "x": at.x, "y": y}
