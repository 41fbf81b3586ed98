"""Answers that are missing because they were never asked for: forms of a questionnaire."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from measure.errors import OptionError


@dataclass(frozen=True)
class Forms:
    """Forms that are handed out in equal numbers, each with some of the items (planned missing).

    Attributes
    ----------
    items
        The items that each form has beside those of all forms. An item in no form is asked of all.
    """

    items: Sequence[Sequence[str]]

    def __post_init__(self) -> None:
        if len(self.items) < 2 or any(isinstance(one, str) or not one for one in self.items):
            raise OptionError("items of forms: give a list of names for each of at least two.")

    @property
    def rotated(self) -> tuple[str, ...]:
        """The items that some forms lack."""
        return tuple(dict.fromkeys(name for one in self.items for name in one))

    def gone(self, names: Sequence[str], n: int, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Mark the answers that nobody asks for, (n, n_items).

        Of every so many respondents as there are forms each gets another one, in random order.
        """
        lacks = np.array(
            [[name in self.rotated and name not in one for name in names] for one in self.items]
        )
        n_forms = len(self.items)
        rounds = rng.permuted(np.tile(np.arange(n_forms), (-(-n // n_forms), 1)), axis=1)
        return np.asarray(lacks[rounds.ravel()[:n]])
