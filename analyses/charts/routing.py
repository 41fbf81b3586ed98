"""How the paths of a diagram run, and where their numbers stand.

Everything is drawn in turn, the most constrained first, and each path takes the best of a few
candidates: clear of variables, of numbers and of the paths that are there already.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from analyses.charts.geometry import SAMPLES, Array, Box, Curve, Point, bent, straight, text_width
from analyses.charts.layout import Node, Path, Roles, nodes, place, place_right, roles

LABEL_SIZE = 10.5
LABEL_LINE = 12.5
ARROW = 8.0

# Steps of the arcs of covariances outwards, and the bends of other paths, in pixels.
ARC_STEPS = tuple(44.0 + 14.0 * step for step in range(24))
BENDS = (0.0, 26.0, -26.0, 52.0, -52.0, 84.0, -84.0, 120.0, -120.0)
SPOTS = (0.5, 0.45, 0.55, 0.4, 0.6, 0.35, 0.65, 0.3, 0.7, 0.25, 0.75, 0.2, 0.8)

# What is worst counts most: a path through a variable, a number on a number, ...
THROUGH_NODE, ON_LABEL, UNDER_LABEL, CROSSING = 1000.0, 400.0, 6.0, 2.0
NEAR = 7.0


@dataclass(frozen=True)
class Routed:
    """A path as it is drawn: its curve, its number's middle, and which ends have a head."""

    path: Path
    curve: Curve
    lines: tuple[str, ...]
    at: Point
    double: bool

    @property
    def label_box(self) -> Box:
        """The rectangle that the number takes up."""
        return label_box(self.lines, self.at)


@dataclass(frozen=True)
class Layout:
    """A whole diagram with its upper left corner at 0, 0."""

    nodes: Mapping[str, Node]
    paths: tuple[Routed, ...]
    width: float
    height: float


def label_box(lines: Sequence[str], at: Point) -> Box:
    """Give the rectangle of some lines of text around their middle."""
    across = max(text_width(line, LABEL_SIZE) for line in lines) / 2 + 2
    down = LABEL_LINE * len(lines) / 2
    return Box(at.x - across, at.y - down, at.x + across, at.y + down)


@dataclass
class _Board:
    """What has been drawn so far."""

    nodes: dict[str, Node]
    routed: list[Routed] = field(default_factory=list)
    tracks: Array = field(init=False)

    def __post_init__(self) -> None:
        self.look()

    def add(self, routed: Routed) -> None:
        """Draw a path."""
        self.routed.append(routed)
        self.look()

    def look(self) -> None:
        """See anew what is drawn; the points of all paths are (n_paths, SAMPLES, 2)."""
        self.tracks = np.array([routed.curve.points for routed in self.routed])
        self.tracks = self.tracks.reshape(-1, SAMPLES, 2)

    def label_cost(self, box: Box) -> float:
        """Give how badly a number stands: on variables, on numbers, over paths."""
        cost = sum(ON_LABEL for node in self.nodes.values() if box.meets(node.box))
        roomy = box.grown(2)
        cost += sum(ON_LABEL for other in self.routed if roomy.meets(other.label_box))
        return cost + UNDER_LABEL * box.count(self.tracks.reshape(-1, 2))

    def curve_cost(self, path: Path, points: Array) -> float:
        """Give how badly a path runs: through variables and numbers, along and across paths."""
        inner = points[2:-2]
        cost = 0.0
        for name, node in self.nodes.items():
            if name not in (path.start, path.end):
                cost += THROUGH_NODE * bool(node.box.grown(5).count(inner))
        cost += sum(UNDER_LABEL * other.label_box.count(inner) for other in self.routed)
        across = np.abs(inner[:, None, None, 0] - self.tracks[..., 0])
        down = np.abs(inner[:, None, None, 1] - self.tracks[..., 1])
        near = ((across < NEAR) & (down < NEAR)).any(axis=2)
        return cost + CROSSING * int(near.sum())


def arrange(
    paths: Sequence[Path], written: Mapping[str, Sequence[str]], notes: Mapping[str, str]
) -> Layout:
    """Lay out a diagram.

    Parameters
    ----------
    paths
        What is drawn; a covariance has no direction.
    written
        The lines of text of each variable.
    notes
        What stands in smaller letters below them, where there is anything.
    """
    found = roles(paths)
    board = _Board(place(found, nodes(found, written, notes), paths))
    right = {name: board.nodes.pop(name) for name in found.right}
    for path in _of(paths, "loading"):
        # A loading on an item that stands beside another factor is led like any other path.
        if found.beside.get(path.end) == path.start:
            board.add(_loading(board, path, 1))
    _arcs(board, found, paths, right)
    board.nodes |= right
    place_right(found, board.nodes, _reach(board))
    for path in _of(paths, "loading"):
        if path.start in right:
            board.add(_loading(board, path, -1))
    done = {id(routed.path) for routed in board.routed}
    rest = [path for path in paths if id(path) not in done]
    # Long ones have the fewest ways.
    for path in sorted(rest, key=lambda path: _distance(board, path)):
        board.add(_free(board, path))
    _settle(board)
    return _framed(board)


def _of(paths: Sequence[Path], kind: str) -> Iterator[Path]:
    return (path for path in paths if path.kind == kind)


def _distance(board: _Board, path: Path) -> float:
    start, end = board.nodes[path.start], board.nodes[path.end]
    return abs(start.x - end.x) + abs(start.y - end.y)


def _reach(board: _Board) -> float:
    """Give how far the drawing reaches to the right."""
    boxes = [node.box for node in board.nodes.values()]
    boxes += [routed.label_box for routed in board.routed]
    ends = [float(board.tracks[..., 0].max())] if len(board.tracks) else []
    return max([box.right for box in boxes] + ends, default=0.0)


def _loading(board: _Board, path: Path, direction: int) -> Routed:
    """Lead a loading from its factor to its item, which it meets level.

    Level paths are as far apart as the items, so that the numbers have room.
    """
    factor, item = board.nodes[path.start], board.nodes[path.end]
    met = [routed.curve.end for routed in board.routed if routed.path.end == path.end]
    others = sum((end.x < item.x) == (direction > 0) for end in met)
    end = item.side(-direction, (0.0, 7.0, -7.0)[others % 3])
    reach = abs(end.x - factor.x) - factor.width / 2
    toward = Point(end.x - direction * 0.8 * reach, end.y)
    start = factor.rim(toward)
    first = Point(start.x + 0.4 * (toward.x - start.x), start.y + 0.4 * (toward.y - start.y))
    curve = Curve(start, first, toward, end)
    lines = (path.label,)
    half = text_width(path.label, LABEL_SIZE) / 2 + 2
    nearest = end.x - direction * (ARROW + 2 + half)

    def spot(back: float) -> Point:
        x = nearest - direction * back
        points = curve.points
        return Point(x, float(points[np.argmin(np.abs(points[:, 0] - x)), 1]))

    spots = [spot(back) for back in (0.0, 12.0, 30.0, 50.0, 70.0, 90.0, 110.0)]
    at = min(spots, key=lambda one: board.label_cost(label_box(lines, one)))
    return Routed(path, curve, lines, at, double=False)


def _arcs(board: _Board, found: Roles, paths: Sequence[Path], right: Mapping[str, Node]) -> None:
    """Draw covariances of items right of them, of variables of one column left of it."""
    wanted: list[tuple[Path, int]] = []
    for path in _of(paths, "covariance"):
        ends = {path.start, path.end}
        if ends <= set(found.items):
            wanted.append((path, 1))
        elif not ends & {*found.items, *right}:
            columns = {found.columns[name] for name in ends}
            if len(columns) == 1:
                wanted.append((path, -1))

    def span(entry: tuple[Path, int]) -> float:
        path, _ = entry
        return abs(board.nodes[path.start].y - board.nodes[path.end].y)

    wanted.sort(key=span)
    offsets = _attachments([path for path, _ in wanted], board.nodes)
    for path, direction in wanted:
        board.add(_arc(board, path, direction, offsets))


def _attachments(arcs: Sequence[Path], at: Mapping[str, Node]) -> dict[tuple[int, str], float]:
    """Give how far below its middle each arc, shortest first, meets a variable.

    From the top: the arcs that lead up, short before long, then those that lead down, long before
    short. In this order none crosses another.
    """
    offsets: dict[tuple[int, str], float] = {}
    for name in dict.fromkeys(end for path in arcs for end in (path.start, path.end)):
        own = [path for path in arcs if name in (path.start, path.end)]
        other = {id(p): p.end if p.start == name else p.start for p in own}
        up = [path for path in own if at[other[id(path)]].y < at[name].y]
        down = [path for path in own if at[other[id(path)]].y >= at[name].y]
        order = [*up, *reversed(down)]
        step = min(8.0, (at[name].height - 8) / max(len(order) - 1, 1))
        for place_, path in enumerate(order):
            offsets[id(path), name] = (place_ - (len(order) - 1) / 2) * step
    return offsets


def _arc(
    board: _Board, path: Path, direction: int, offsets: Mapping[tuple[int, str], float]
) -> Routed:
    """Lead a covariance round the side, as little outwards as there is room."""
    start = board.nodes[path.start].side(direction, offsets[id(path), path.start])
    end = board.nodes[path.end].side(direction, offsets[id(path), path.end])
    outer = max(start.x, end.x) if direction > 0 else min(start.x, end.x)
    options: list[tuple[float, Routed]] = []
    for step in ARC_STEPS:
        x = outer + direction * step / 0.75
        curve = Curve(start, Point(x, start.y), Point(x, end.y), end)
        cost = board.curve_cost(path, curve.points)
        options.append(_labelled(board, path, curve, (cost + 0.4 * step, True)))
    return min(options, key=lambda option: option[0])[1]


def _labelled(
    board: _Board, path: Path, curve: Curve, terms: tuple[float, bool]
) -> tuple[float, Routed]:
    """Put the number of a path at its best spot, in two lines; give the whole cost."""
    cost, double = terms
    lines = tuple(path.label.split(" ", 1))
    costs = []
    for wish, spot in enumerate(SPOTS):
        at = curve.at(spot)
        box = label_box(lines, at)
        costs.append((board.label_cost(box) + 0.4 * wish, wish, at))
    least, _, at = min(costs)
    return cost + least, Routed(path, curve, lines, at, double)


def _free(board: _Board, path: Path) -> Routed:
    """Lead any other path straight, or bent as little as there is room."""
    start, end = board.nodes[path.start], board.nodes[path.end]
    middle_start, middle_end = Point(start.x, start.y), Point(end.x, end.y)
    options: list[tuple[float, Routed]] = []
    for bend in BENDS:
        way = bent(middle_start, middle_end, bend)
        tip, tail = start.rim(way.first), end.rim(way.second)
        curve = straight(tip, tail) if bend == 0 else bent(tip, tail, bend)
        cost = board.curve_cost(path, curve.points) + 0.15 * abs(bend)
        options.append(_labelled(board, path, curve, (cost, path.kind == "covariance")))
    return min(options, key=lambda option: option[0])[1]


def _settle(board: _Board) -> None:
    """Put the numbers of arcs and bent paths anew, now that every path is known."""
    for _ in range(2):
        for index, routed in enumerate(list(board.routed)):
            if len(routed.lines) < 2:
                continue
            board.routed.pop(index)
            board.look()
            _, again = _labelled(board, routed.path, routed.curve, (0.0, routed.double))
            board.routed.insert(index, again)
    board.look()


def _framed(board: _Board) -> Layout:
    """Move the drawing to the upper left corner."""
    boxes = [node.box for node in board.nodes.values()]
    boxes += [routed.label_box for routed in board.routed]
    corners = np.array([corner for box in boxes for corner in _corners(box)])
    tracks = np.concatenate([board.tracks.reshape(-1, 2), corners])
    (left, top), (right, bottom) = tracks.min(axis=0) - 2, tracks.max(axis=0) + 2

    def moved(point: Point) -> Point:
        return Point(float(point.x - left), float(point.y - top))

    paths = []
    for routed in board.routed:
        curve = routed.curve
        bezier = Curve(*(moved(p) for p in (curve.start, curve.first, curve.second, curve.end)))
        paths.append(replace(routed, curve=bezier, at=moved(routed.at)))
    placed = {}
    for name, node in board.nodes.items():
        at = moved(Point(node.x, node.y))
        placed[name] = replace(node, x=at.x, y=at.y)
    return Layout(placed, tuple(paths), float(right - left), float(bottom - top))


def _corners(box: Box) -> tuple[tuple[float, float], tuple[float, float]]:
    return (box.left, box.top), (box.right, box.bottom)
