"""Clusters that respondents belong to: how many, and how large."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral

import numpy as np
from numpy.typing import NDArray

from measure.errors import OptionError


@dataclass(frozen=True)
class Clusters:
    """How respondents are divided among clusters; give one of the two.

    Attributes
    ----------
    sizes
        Members of a cluster: a number, or several from which each cluster gets one, all equally
        likely. There are as many clusters as respondents fill; the last may be smaller.
    number
        Number of clusters in each group, as equal in size as can be.
    """

    sizes: int | Sequence[int] | None = None
    number: int | None = None

    def __post_init__(self) -> None:
        if (self.sizes is None) == (self.number is None):
            raise OptionError("clusters have either sizes or a number: give one of the two.")
        for name, value in (("sizes", self._possible), ("number", (self.number,))):
            for one in value if value != (None,) else ():
                if not isinstance(one, Integral) or isinstance(one, bool) or one < 1:
                    raise OptionError(f"{name} of clusters: {one!r} is no whole number over 0.")
        if not self._possible and self.number is None:
            raise OptionError("sizes of clusters: give at least one.")

    @property
    def _possible(self) -> tuple[int, ...]:
        if self.sizes is None:
            return ()
        return tuple(self.sizes) if isinstance(self.sizes, Sequence) else (self.sizes,)

    def divided(self, n: int, rng: np.random.Generator) -> NDArray[np.intp]:
        """Give the sizes of the clusters of n respondents; they add up to n.

        Raises
        ------
        OptionError
            More clusters than respondents.
        """
        if self.number is not None:
            if n < self.number:
                raise OptionError(
                    f"{self.number} clusters cannot be filled with {n} respondents. Ask for fewer "
                    "clusters, or more people."
                )
            base, rest = divmod(n, self.number)
            return np.repeat([base + 1, base], [rest, self.number - rest]).astype(np.intp)
        possible = np.array(self._possible, dtype=np.intp)
        # So many are always enough, and the first ones are the same for every n.
        drawn = possible[rng.integers(len(possible), size=-(-n // int(possible.min())))]
        ends = np.minimum(np.cumsum(drawn), n)
        sizes = np.diff(ends, prepend=0)
        return sizes[sizes > 0]
