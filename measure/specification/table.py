"""The parameter table: what is free, fixed or tied in a model, group by group."""

from dataclasses import dataclass, field, replace
from typing import NamedTuple

from measure.errors import OptionError
from measure.specification.defaults import Defaults
from measure.specification.exploratory_blocks import ExploratoryBlock
from measure.specification.levels import NAMES, WITHIN, Levels, LevelVariables
from measure.specification.responses import Layout, Ordered
from measure.specification.syntax import Constraint

# What `group_equal` can name: lavaan's words, each with the rows that it stands for.
EQUAL = (
    "loadings",
    "intercepts",
    "means",
    "regressions",
    "residuals",
    "residual.covariances",
    "lv.variances",
    "lv.covariances",
    "thresholds",
)


@dataclass(frozen=True)
class Groups:
    """The groups of a model.

    Attributes
    ----------
    labels
        The groups' own values, in the order in which the data bring them in.
    equal
        Words of `EQUAL`: what is equal across the groups.
    partial
        Parameters that are not, as in the model text: "x3 ~1", "visual =~ x2".
    means
        Whether several groups bring a mean structure by themselves.
    """

    labels: tuple[object, ...] = (1,)
    equal: tuple[str, ...] = ()
    partial: tuple[str, ...] = ()
    means: bool = True

    def __post_init__(self) -> None:
        for word in self.equal:
            if word not in EQUAL:
                raise OptionError(
                    f'group_equal "{word}" is not known; choose from {", ".join(EQUAL)}.'
                )
            if word in ("intercepts", "means") and not self.means:
                raise OptionError(
                    f'group_equal "{word}" needs the means that meanstructure=False leaves out. '
                    "Leave out one of the two."
                )

    @property
    def asks_for_means(self) -> bool:
        """Whether there are several groups, whose means a model compares."""
        return len(self.labels) > 1 and self.means

    def defaults_for(self, group: int, defaults: Defaults) -> Defaults:
        """Give the defaults of one group; what equality identifies is free after the first.

        Equal intercepts or thresholds identify the latent means of the later groups, with `std_lv`
        equal loadings their latent variances, and equal thresholds the scale of ordered items, as
        in lavaan.
        """
        if group == 1:
            return defaults
        scales_answers = "thresholds" in self.equal
        means = ("intercepts" in self.equal or scales_answers) and "means" not in self.equal
        scales = defaults.std_lv and "loadings" in self.equal and "lv.variances" not in self.equal
        return replace(
            defaults,
            int_lv_free=defaults.int_lv_free or means,
            std_lv=defaults.std_lv and not scales,
            scales_free=scales_answers and "residuals" not in self.equal,
        )


class Parameter(NamedTuple):
    """One row of the parameter table.

    `value` is the fixed value, NaN where the parameter is free or (`exogenous`) fixed to the
    sample moment. `group` counts from 1; `level` is 1 within and 2 between clusters. `lower` and
    `upper` are bounds, infinite where there are none.
    """

    lhs: str
    op: str
    rhs: str
    group: int
    level: int
    label: str
    free: bool
    value: float
    start: float
    exogenous: bool
    user: bool
    lower: float = -float("inf")
    upper: float = float("inf")

    def __str__(self) -> str:
        return f"{self.lhs} {self.op} {self.rhs}".rstrip()

    @property
    def name(self) -> str:
        """What lavaan calls it: as written, and `.g2`, `.l2` for the second group and level."""
        group = "" if self.group == 1 else f".g{self.group}"
        return f"{self.lhs}{self.op}{self.rhs}{group}" + ("" if self.level == 1 else ".l2")

    @property
    def key(self) -> tuple[str, str, str, int, int]:
        """What the same parameter of another table has too, on whichever side it names whom."""
        lhs, rhs = sorted((self.lhs, self.rhs)) if self.op == "~~" else (self.lhs, self.rhs)
        return lhs, self.op, rhs, self.group, self.level


@dataclass(frozen=True)
class ParameterTable:
    """All parameters of a model, the variables they connect, and what ties them together.

    Attributes
    ----------
    parameters
        One row a parameter, group by group; in each the user's own first, in the order of the text.
    observed, latent
        Variable names, in the order in which the text brings them in.
    exogenous
        Observed predictors that nothing explains and whose moments the text does not model.
    fixed_x
        The same where their moments are taken from the sample, otherwise none.
    auxiliary
        Observed variables that are no part of the model: saturated correlates.
    ordered
        The ordered items; None where all variables are continuous.
    exploratory
        Blocks of items that load on all factors of the block.
    levels
        The variables within clusters and between them; None for a model of one level.
    groups
        The groups, and what is asked to be equal across them.
    ties
        Pairs of row numbers that are equal by a shared label, `equal()` or `group_equal`.
    sums
        Rows whose values add up to a number (effect coding): (row numbers, total).
    constraints
        `==`, `<`, `>` of the text.
    definitions
        `:=` of the text, in order.
    """

    parameters: tuple[Parameter, ...]
    observed: tuple[str, ...]
    latent: tuple[str, ...]
    exogenous: tuple[str, ...]
    fixed_x: tuple[str, ...]
    meanstructure: bool
    groups: Groups
    ties: tuple[tuple[int, int], ...]
    sums: tuple[tuple[tuple[int, ...], float], ...]
    constraints: tuple[Constraint, ...]
    definitions: tuple[Constraint, ...]
    notes: tuple[str, ...]
    auxiliary: tuple[str, ...] = field(default=())
    ordered: Ordered | None = None
    exploratory: tuple[ExploratoryBlock, ...] = ()
    levels: Levels | None = None

    @property
    def n_levels(self) -> int:
        """Number of levels."""
        return 1 if self.levels is None else 2

    def at_level(self, level: int) -> LevelVariables:
        """Give the observed variables of a level, auxiliary ones included."""
        if self.levels is not None:
            return self.levels.at(level)
        return LevelVariables(self.observed, self.exogenous, self.fixed_x)

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return len(self.groups.labels)

    def layout(self, names: tuple[str, ...]) -> Layout | None:
        """Give the order of the moments of these variables; None where all are continuous."""
        return None if self.ordered is None else self.ordered.layout(names)

    def follows(self, row: Parameter) -> bool:
        """Whether the value of a row follows from all others (see `Responses`)."""
        own = self.ordered
        return (
            own is not None
            and row.level == WITHIN
            and row.op == own.follows
            and row.lhs == row.rhs
            and row.lhs in own.n_thresholds
        )

    def regressed_at(self, level: int) -> frozenset[str]:
        """Variables on either side of a `~` at a level."""
        rows = (row for row in self.parameters if row.op == "~" and row.level == level)
        return frozenset(name for row in rows for name in (row.lhs, row.rhs))

    def block_of(self, row: Parameter) -> int:
        """Number of the block of a row, from 0: groups one after the other, each by its levels."""
        return (row.group - 1) * self.n_levels + row.level - 1

    def describe(self, index: int) -> str:
        """Name a row for a message, with its group and level where there are several."""
        row, where = self.parameters[index], []
        if self.levels is not None:
            where.append(NAMES[row.level])
        if self.n_groups > 1:
            where.append(f"group {self.groups.labels[row.group - 1]}")
        return f"{row} ({', '.join(where)})" if where else f"{row}"
