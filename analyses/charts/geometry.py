"""Points, boxes, curves and the width of a text: what a path diagram is laid out with.

Lengths are pixels; y grows downwards, as in SVG.
"""

import math
from dataclasses import dataclass
from functools import cache, cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SAMPLES = 41
"""Points of a curve at which its neighbourhood is looked at."""

WIDEST = 1.16
"""As much wider are the letters (DejaVu Sans) of a machine that has none of the fonts named."""

# Widths of Liberation Sans and all that share its metrics, in parts of the font size; a letter
# that is not named is as wide as a digit.
_NARROW = dict.fromkeys("ijl.,:;'|!", 0.28) | dict.fromkeys(" ftr()[]-I/", 0.334)
_WIDE = dict.fromkeys("mMW%", 0.89) | dict.fromkeys("wABCDEFGHJKLNOPQRSTUVXYZÆØÅæ&", 0.74)
_WIDTHS = _NARROW | _WIDE | {"−": 0.584}


class Point(NamedTuple):
    """A place."""

    x: float
    y: float


@dataclass(frozen=True)
class Box:
    """An upright rectangle."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Box") -> bool:
        """Tell whether two rectangles share more than an edge."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def count(self, points: Array) -> int:
        """Count the points (n, 2) inside."""
        x, y = points[:, 0], points[:, 1]
        inside = (x > self.left) & (x < self.right) & (y > self.top) & (y < self.bottom)
        return int(inside.sum())

    def grown(self, by: float) -> "Box":
        """Give the rectangle with a margin."""
        return Box(self.left - by, self.top - by, self.right + by, self.bottom + by)


@dataclass(frozen=True)
class Curve:
    """A cubic Bézier curve by its four points."""

    start: Point
    first: Point
    second: Point
    end: Point

    def at(self, t: float) -> Point:
        """Give the place at a share of the way (0 to 1)."""
        x, y = self._points(np.array([t]))[0]
        return Point(float(x), float(y))

    @cached_property
    def points(self) -> Array:
        """`SAMPLES` points along the curve, (SAMPLES, 2)."""
        return self._points(np.linspace(0.0, 1.0, SAMPLES))

    def _points(self, t: Array) -> Array:
        weights = np.stack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3], axis=1)
        found: Array = weights @ np.array([self.start, self.first, self.second, self.end])
        return found

    def svg(self) -> str:
        """Give the curve as the path of an SVG element."""
        (a, b), (c, d), (e, f), (g, h) = (self.start, self.first, self.second, self.end)
        return f"M{a:.1f},{b:.1f}C{c:.1f},{d:.1f},{e:.1f},{f:.1f},{g:.1f},{h:.1f}"

    def reversed(self) -> "Curve":
        """Give the curve from its end to its start."""
        return Curve(self.end, self.second, self.first, self.start)


@cache
def text_width(text: str, size: float) -> float:
    """Give about how wide a text is at most, at a font size."""
    return WIDEST * size * sum(_WIDTHS.get(letter, 0.556) for letter in text)


def straight(start: Point, end: Point) -> Curve:
    """Give a straight line as a curve."""
    return bent(start, end, 0.0)


def bent(start: Point, end: Point, bend: float) -> Curve:
    """Give a curve that leaves the straight line by `bend`, to the right of its direction."""
    dx, dy = end.x - start.x, end.y - start.y
    length = math.hypot(dx, dy) or 1.0
    # A Bézier curve reaches 3/4 of the distance of its inner points.
    away_x, away_y = -dy / length * bend / 0.75, dx / length * bend / 0.75
    return Curve(
        start,
        Point(start.x + 0.3 * dx + away_x, start.y + 0.3 * dy + away_y),
        Point(start.x + 0.7 * dx + away_x, start.y + 0.7 * dy + away_y),
        end,
    )
