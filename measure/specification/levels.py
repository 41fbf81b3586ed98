"""The levels of a two-level model: which statements and which observed variables each has.

A variable is modelled within clusters, between them, or at both levels; at both it is the sum of
two uncorrelated parts, and its mean stands between clusters.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from measure.errors import ModelError
from measure.specification.syntax import Statement, Syntax

Array = NDArray[np.float64]

WITHIN, BETWEEN = 1, 2
NAMES = {WITHIN: "within", BETWEEN: "between"}
# What a text may call the levels, in whichever order they stand; other names count in their order.
_KNOWN = {"1": WITHIN, "within": WITHIN, "2": BETWEEN, "between": BETWEEN}


@dataclass(frozen=True)
class LevelVariables:
    """The observed variables of one level, and which of them are predictors that are given.

    `exogenous` and `fixed_x` are those of `ParameterTable`, for this level.
    """

    observed: tuple[str, ...]
    exogenous: tuple[str, ...]
    fixed_x: tuple[str, ...]


@dataclass(frozen=True)
class Levels:
    """The observed variables within clusters and between them."""

    within: LevelVariables
    between: LevelVariables

    def at(self, level: int) -> LevelVariables:
        """Give the variables of level 1 or 2."""
        return self.within if level == WITHIN else self.between

    @cached_property
    def both(self) -> frozenset[str]:
        """Variables that are modelled at both levels."""
        return frozenset(self.within.observed) & frozenset(self.between.observed)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """All variables: those within clusters only, at both levels, between clusters only."""
        inner, outer = self.within.observed, self.between.observed
        return (
            *(x for x in inner if x not in self.both),
            *(x for x in inner if x in self.both),
            *(x for x in outer if x not in self.both),
        )

    def fixed_throughout(self, name: str) -> bool:
        """Whether a variable is a given predictor at every level at which it is modelled."""
        own = [at for at in (self.within, self.between) if name in at.observed]
        return all(name in at.fixed_x for at in own)

    @property
    def given(self) -> tuple[frozenset[str], frozenset[str]]:
        """Predictors within and between whose moments are given."""
        return frozenset(self.within.fixed_x), frozenset(self.between.fixed_x)

    def only(self, names: Collection[str]) -> "Levels":
        """Give the same with some of the variables."""
        return Levels(
            *(
                LevelVariables(
                    tuple(x for x in self.order(level) if x in names),
                    tuple(x for x in self.at(level).exogenous if x in names),
                    tuple(x for x in self.at(level).fixed_x if x in names),
                )
                for level in (WITHIN, BETWEEN)
            )
        )

    def total_mean(self, within: Array | None, between: Array | None) -> Array:
        """Add the means of both levels, those of `names`, (p,)."""
        assert within is not None
        assert between is not None
        total = np.zeros(len(self.names))
        total[self.place(WITHIN)] += within
        total[self.place(BETWEEN)] += between
        return total

    def order(self, level: int) -> tuple[str, ...]:
        """Give the variables of a level in the order of `names`."""
        return self.names[self.place(level)]

    def place(self, level: int) -> slice:
        """Where the variables of a level stand among `names`."""
        if level == WITHIN:
            return slice(0, len(self.within.observed))
        return slice(len(self.within.observed) - len(self.both), len(self.names))

    @property
    def n_within_only(self) -> int:
        """Number of variables that are modelled within clusters only: the first of `names`."""
        return len(self.within.observed) - len(self.both)

    @property
    def n_between_only(self) -> int:
        """Number of variables that are modelled between clusters only: the last of `names`."""
        return len(self.between.observed) - len(self.both)


def has_levels(syntax: Syntax) -> bool:
    """Whether a model text has `level:` blocks."""
    return any(row.block.level is not None for row in syntax.statements)


def statements_of_levels(statements: Sequence[Statement]) -> dict[int, Sequence[Statement]]:
    """Part the statements of one group by their levels; all are of level 1 where none is named.

    Blocks named 1 and 2, or within and between, are those levels. Of other names the first is
    within clusters, as in lavaan.

    Raises
    ------
    ModelError
        Where there are not two levels.
    """
    named = list(dict.fromkeys(row.block.level for row in statements))
    if named == [None]:
        return {WITHIN: statements}
    if len(named) != 2:
        lone = statements[0]
        raise ModelError(
            f"the model text has {'one level block' if len(named) == 1 else f'{len(named)} levels'}"
            f" ({', '.join(f'level: {name}' for name in named)}, first in line {lone.line}); a "
            "two-level model needs two, `level: 1` within clusters and `level: 2` between them."
            + (
                " To leave a level unrestricted, write all covariances of its variables."
                if len(named) == 1
                else ""
            )
        )
    levels = [_KNOWN.get(str(name).lower()) for name in named]
    if sorted(level or 0 for level in levels) != [WITHIN, BETWEEN]:
        levels = [WITHIN, BETWEEN]
    found = dict(zip(named, levels, strict=True))
    return {
        level: tuple(row for row in statements if found[row.block.level] == level)
        for level in (WITHIN, BETWEEN)
    }
