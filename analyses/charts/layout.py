"""Where the variables of a path diagram stand.

Made by hand: the layout of a measurement model is a convention of the field (items in a column,
each beside its factor; a general factor across from the specific ones), which no general graph
layout keeps. Those in Python that need no program beside it (grandalf, networkx) place points, not
boxes with numbers on their arrows, and know no double-headed arrows.

The items stand in one column, in the order of their factors. Factors stand left of it, each at the
height of its items and in the column of its place in the structural part; a factor that has its
items in common with others stands right of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from statistics import fmean
from typing import Literal

from analyses.charts.geometry import Box, Point, text_width

Kind = Literal["loading", "regression", "covariance"]

FONT_SIZE, NOTE_SIZE = 12.0, 10.0
LINE = 15.0
ROW_GAP, BAND_GAP, SPREAD_GAP = 8.0, 16.0, 24.0
LEAST_BAND = 62.0
LOADING_GAP, LAYER_GAP, BAND_LAYER_GAP = 200.0, 112.0, 40.0
STEEPEST = 0.34


@dataclass(frozen=True)
class Path:
    """One path of a diagram: from where to where, and what is written on it.

    `value` is 0 where it is hidden or could not be computed.
    """

    kind: Kind
    start: str
    end: str
    label: str
    value: float = 0.0
    fixed: bool = False


@dataclass(frozen=True)
class Node:
    """A variable: an ellipse (latent) or a box, with its lines of text, at its middle."""

    name: str
    latent: bool
    lines: tuple[str, ...]
    note: str
    width: float
    height: float
    x: float = 0.0
    y: float = 0.0

    @property
    def box(self) -> Box:
        """The rectangle that it takes up."""
        across, down = self.width / 2, self.height / 2
        return Box(self.x - across, self.y - down, self.x + across, self.y + down)

    def rim(self, toward: Point) -> Point:
        """Give where a line from its middle to a point leaves it."""
        dx, dy = toward.x - self.x, toward.y - self.y
        a, b = self.width / 2, self.height / 2
        if dx == dy == 0:
            return Point(self.x, self.y)
        if self.latent:
            share = 1.0 / ((dx / a) ** 2 + (dy / b) ** 2) ** 0.5
        else:
            share = min(a / abs(dx) if dx else float("inf"), b / abs(dy) if dy else float("inf"))
        return Point(self.x + share * dx, self.y + share * dy)

    def side(self, direction: int, off: float) -> Point:
        """Give the place on its left (-1) or right (1) side, `off` below its middle."""
        a, b = self.width / 2, self.height / 2
        off = max(-0.8 * b, min(0.8 * b, off))
        reach = a * (1 - (off / b) ** 2) ** 0.5 if self.latent else a
        return Point(self.x + direction * reach, self.y + off)


@dataclass
class Roles:
    """What each variable is in the diagram.

    `items` are in their column's order; `left` and `right` the factors of either side, `columns`
    the place of everything that is no item and not right, from 0. `beside` is the factor at whose
    height an item stands.
    """

    names: list[str]
    latent: list[str]
    items: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    right: list[str] = field(default_factory=list)
    columns: dict[str, int] = field(default_factory=dict)
    indicators: dict[str, list[str]] = field(default_factory=dict)
    beside: dict[str, str] = field(default_factory=dict)


def roles(paths: Sequence[Path]) -> Roles:
    """Find out from the paths of a diagram what each variable is."""
    names = list(dict.fromkeys(name for path in paths for name in (path.start, path.end)))
    latent = list(dict.fromkeys(path.start for path in paths if path.kind == "loading"))
    found = Roles(names, latent)
    found.indicators = {
        name: [p.end for p in paths if p.kind == "loading" and p.start == name] for name in latent
    }
    own = {
        name: [item for item in items if item not in latent]
        for name, items in found.indicators.items()
    }
    _take_sides(found, own)
    _give_rows(found, own, paths)
    inner = [name for name in names if name not in found.items and name not in found.right]
    found.columns = _columns(inner, paths)
    return found


def _take_sides(found: Roles, own: Mapping[str, list[str]]) -> None:
    """Put a factor on the right where most of its items belong to a smaller factor already."""
    taken: set[str] = set()
    for name in sorted(found.latent, key=lambda name: len(own[name])):
        shared = sum(item in taken for item in own[name])
        if own[name] and shared > len(own[name]) / 2:
            found.right.append(name)
        else:
            taken |= set(own[name])
    found.right = [name for name in found.latent if name in found.right]
    found.left = [name for name in found.latent if name not in found.right]


def _give_rows(found: Roles, own: Mapping[str, list[str]], paths: Sequence[Path]) -> None:
    """Give each item its row beside the factor on the left that it says most about."""
    size = {(p.start, p.end): abs(p.value) for p in paths if p.kind == "loading"}
    for item in dict.fromkeys(item for items in own.values() for item in items):
        around = [name for name in found.left if item in own[name]]
        if around:
            found.beside[item] = max(around, key=lambda name: size[name, item])
    found.items = [item for name in found.left for item in own[name] if found.beside[item] == name]
    found.items += [item for name in found.right for item in own[name] if item not in found.items]
    found.items = list(dict.fromkeys(found.items))


def _columns(inner: Iterable[str], paths: Sequence[Path]) -> dict[str, int]:
    """Give the column of each variable: after all that lead to it, and as late as it may be."""
    after: dict[str, set[str]] = {name: set() for name in inner}
    for path in paths:
        if path.kind != "covariance" and path.start in after and path.end in after:
            after[path.end].add(path.start)
    try:
        order = list(TopologicalSorter(after).static_order())
    except CycleError:
        # Variables that lead to each other have no order; they stand in one column.
        return dict.fromkeys(after, 0)
    column: dict[str, int] = {}
    for name in order:
        column[name] = max((column[before] + 1 for before in after[name]), default=0)
    for name in reversed(order):
        following = [column[other] for other, before in after.items() if name in before]
        if following and not after[name]:
            column[name] = min(following) - 1
    alone = [name for name in order if not after[name] and not _leads(name, after)]
    last = max(column.values(), default=0)
    return {**column, **dict.fromkeys(alone, last)}


def _leads(name: str, after: Mapping[str, set[str]]) -> bool:
    return any(name in before for before in after.values())


def nodes(
    found: Roles, written: Mapping[str, Sequence[str]], notes: Mapping[str, str]
) -> dict[str, Node]:
    """Give every variable its size; `written` are its lines, `notes` what stands below them."""
    made = {}
    for name in found.names:
        latent, lines, note = name in found.latent, tuple(written[name]), notes.get(name, "")
        widths = [*(text_width(line, FONT_SIZE) for line in lines), text_width(note, NOTE_SIZE)]
        height = LINE * (len(lines) + bool(note))
        if latent:
            # The rectangle of the text lies inside the ellipse.
            size = (max(1.3 * max(widths) + 22, 84.0), height * 1.35 + 20)
        else:
            size = (max(max(widths) + 16, 44.0), height + 8)
        made[name] = Node(name, latent, lines, note, *size)
    widest = max((made[name].width for name in found.items), default=0.0)
    return {
        name: replace(node, width=widest) if name in found.items else node
        for name, node in made.items()
    }


def place(found: Roles, sized: Mapping[str, Node], paths: Sequence[Path]) -> dict[str, Node]:
    """Give every variable its place; factors on the right get only their height.

    Their distance from the items depends on the arcs between (see `place_right`).
    """
    placed = dict(sized)
    _place_bands(found, placed, paths)
    widths = [
        max(placed[name].width for name, at in found.columns.items() if at == column)
        for column in range(max(found.columns.values(), default=-1) + 1)
    ]
    x = 0.0
    banded = set(found.beside.values())
    for column, width in enumerate(widths):
        # A factor is never level with one of the next column, and the paths between run down.
        here = {name for name, at in found.columns.items() if at in (column, column - 1)}
        gap = BAND_LAYER_GAP if here <= banded else LAYER_GAP
        x += gap if column else 0.0
        for name, at in found.columns.items():
            if at == column:
                placed[name] = replace(placed[name], x=x + width / 2)
        x += width
    edge = x + LOADING_GAP if widths else 0.0
    for name in found.items:
        placed[name] = replace(placed[name], x=edge + placed[name].width / 2)
    _place_floating(found, placed, paths)
    for name in found.right:
        middle = fmean(placed[item].y for item in found.indicators[name])
        placed[name] = replace(placed[name], y=middle)
    _spread(placed, found.right)
    return placed


def place_right(found: Roles, placed: dict[str, Node], beyond: float) -> None:
    """Place the factors on the right, clear of everything up to `beyond`."""
    for name in found.right:
        node = placed[name]
        rows = [placed[item].y for item in found.indicators[name] if item in found.items]
        # Paths from far above and below need the room to become level.
        gap = max(LOADING_GAP, STEEPEST * (max(rows) - min(rows)))
        placed[name] = replace(node, x=beyond + gap + node.width / 2)


def _banded(found: Roles, paths: Sequence[Path]) -> list[str]:
    """Give what has rows of its own: factors with items, then outcomes and mediators without."""
    with_items = [name for name in found.left if name in found.beside.values()]
    outcomes = {path.end for path in paths if path.kind == "regression"}
    others = [
        name
        for name in found.columns
        if name in outcomes and name not in with_items and not found.indicators.get(name)
    ]
    if not with_items and not others:
        others = list(found.columns)
    return [*with_items, *others]


def _place_bands(found: Roles, placed: dict[str, Node], paths: Sequence[Path]) -> None:
    """Give items, and the factors beside them, their heights from the top."""
    y = 0.0
    for name in _banded(found, paths):
        rows = [item for item in found.items if found.beside.get(item) == name]
        tall = sum(placed[item].height + ROW_GAP for item in rows) - (ROW_GAP if rows else 0)
        needed = max(tall, placed[name].height, LEAST_BAND)
        at = y + (needed - tall) / 2
        for item in rows:
            placed[item] = replace(placed[item], y=at + placed[item].height / 2)
            at += placed[item].height + ROW_GAP
        placed[name] = replace(placed[name], y=y + needed / 2)
        y += needed + BAND_GAP
    for item in found.items:
        if item not in found.beside:
            placed[item] = replace(placed[item], y=y + placed[item].height / 2)
            y += placed[item].height + ROW_GAP


def _place_floating(found: Roles, placed: dict[str, Node], paths: Sequence[Path]) -> None:
    """Give variables without rows of their own the middle height of what they lead to."""
    fixed = {*found.items, *_banded(found, paths)}
    for column in sorted(set(found.columns.values()), reverse=True):
        members = [name for name, at in found.columns.items() if at == column]
        for name in members:
            if name in fixed:
                continue
            around = [
                placed[other].y
                for path in paths
                for this, other in ((path.start, path.end), (path.end, path.start))
                if this == name and other in fixed
            ]
            placed[name] = replace(placed[name], y=fmean(around) if around else 0.0)
        _spread(placed, members)
        fixed |= set(members)


def _spread(placed: dict[str, Node], members: Sequence[str]) -> None:
    """Move variables of one column apart where they overlap, keeping their middle."""
    order = sorted(members, key=lambda name: placed[name].y)
    before = fmean(placed[name].y for name in order) if order else 0.0
    least = float("-inf")
    for name in order:
        node = placed[name]
        y = max(node.y, least + node.height / 2)
        placed[name] = replace(node, y=y)
        least = y + node.height / 2 + SPREAD_GAP
    moved = before - fmean(placed[name].y for name in order) if order else 0.0
    for name in order:
        placed[name] = replace(placed[name], y=placed[name].y + moved)
