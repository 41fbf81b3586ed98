"""Answers that do not come from reading the questions."""

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from measure.errors import OptionError

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

KINDS = ("straightline", "random", "partial")
"""Nearly the same answer throughout; any answer; attentive until some question, any from there."""

ATTENTIVE = "attentive"


@dataclass(frozen=True)
class Careless:
    """Respondents who do not read, equally many of each of `KINDS`.

    Attributes
    ----------
    share
        Of the respondents, from 0 to 1.
    favourites
        Of those who give nearly the same answer: category, counted from 1, and the share who like
        it. None: each category of the item with the most is as likely.
    keeps
        How often they give it; otherwise they give one beside it.
    attentive
        Between which shares of the items, in the order of the model, the attention of the last kind
        ends.
    column
        Name of a column that says who is of which kind ("attentive" for the others); None for none.
    """

    share: float
    favourites: Mapping[int, float] | None = None
    keeps: float = 0.9
    attentive: tuple[float, float] = (0.2, 0.8)
    column: str | None = None

    def __post_init__(self) -> None:
        shares = {"share": self.share, "keeps": self.keeps}
        shares |= dict(zip(("attentive, from", "attentive, to"), self.attentive, strict=True))
        for name, value in shares.items():
            if not isinstance(value, Real) or not 0 <= value <= 1:
                raise OptionError(f"{name} is {value!r}, but must be a share from 0 to 1.")
        if self.attentive[0] > self.attentive[1]:
            raise OptionError("attentive: give the smaller share first.")
        if self.favourites is not None and abs(sum(self.favourites.values()) - 1) > 1e-9:
            raise OptionError("favourites: the shares do not add up to 1.")


def careless_kinds(n: int, share: float, rng: np.random.Generator) -> NDArray[np.object_]:
    """Draw who is careless, and in which way, (n,)."""
    kinds = np.full(n, ATTENTIVE, dtype=object)
    chosen = rng.permutation(n)[: round(share * n)]
    kinds[chosen] = np.resize(np.array(KINDS, dtype=object), len(chosen))
    return kinds


def unread(
    limits: tuple[Codes, Codes],
    lines: NDArray[np.bool_],
    favourites: Mapping[int, float],
    keeps: float,
    rng: np.random.Generator,
) -> Codes:
    """Give what each would answer without reading, (n, n_items).

    Parameters
    ----------
    limits
        Lowest and highest code of each item, (n_items,).
    lines
        Who gives nearly the same answer throughout, (n,); the others give any.
    favourites
        Code → share of those who like it.
    keeps
        How often they give it; otherwise one beside it.
    """
    shape = (len(lines), len(limits[0]))
    anything = rng.integers(*limits, shape, endpoint=True)
    names = np.array([int(one) for one in favourites])
    ends = np.cumsum(list(favourites.values()))[:-1]
    favourite = names[np.searchsorted(ends, rng.random(shape[0]), side="right")]
    beside = rng.choice(np.array([-1, 1]), shape)
    near = favourite[:, None] + np.where(rng.random(shape) < keeps, 0, beside)
    return np.where(lines[:, None], np.clip(near, *limits), anything).astype(np.intp)


def carelessly(
    codes: Codes, n_categories: Codes, stated: Careless, rng: np.random.Generator
) -> tuple[Codes, NDArray[np.object_]]:
    """Put careless answers among read ones, (n, n_items), and say who is of which kind.

    Codes are counted from 0.
    """
    n, n_items = codes.shape
    kinds = careless_kinds(n, stated.share, rng)
    until = np.where((kinds == "straightline") | (kinds == "random"), 0.0, 1.0)
    ends = rng.uniform(*stated.attentive, n)
    read = np.where(kinds == "partial", ends, until)[:, None] * n_items
    most = int(n_categories.max())
    given = stated.favourites or {k + 1: 1 / most for k in range(most)}
    favourites = {code - 1: share for code, share in given.items()}
    limits = (np.zeros(n_items, dtype=np.intp), n_categories - 1)
    answers = unread(limits, kinds == "straightline", favourites, stated.keeps, rng)
    return np.where(np.arange(n_items) < read, codes, answers), kinds
