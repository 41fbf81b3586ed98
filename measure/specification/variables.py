"""The variables of a model text by the part they play: factors, items, outcomes, predictors."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from measure.specification.syntax import Statement


@dataclass(frozen=True)
class Variables:
    """The variables of a model by the part they play."""

    observed: tuple[str, ...]
    latent: tuple[str, ...]
    indicators: dict[str, tuple[str, ...]]
    outcomes: frozenset[str]
    predictors: frozenset[str]
    named: frozenset[str]
    explored: Mapping[str, str] = field(default_factory=dict)
    """The exploratory block of each factor that belongs to one."""

    @cached_property
    def indicator_names(self) -> frozenset[str]:
        """Variables that stand right of a `=~`."""
        return frozenset(name for items in self.indicators.values() for name in items)

    @cached_property
    def exogenous_observed(self) -> tuple[str, ...]:
        """Observed predictors that nothing in the model explains."""
        inner = self.outcomes | self.indicator_names
        return tuple(x for x in self.observed if x in self.predictors and x not in inner)

    @cached_property
    def given(self) -> tuple[str, ...]:
        """Those of them that the text says nothing else about."""
        return tuple(x for x in self.exogenous_observed if x not in self.named)

    def part(self, name: str) -> int:
        """Rank of an observed variable in lavaan's order: items, outcomes, others, predictors."""
        if name in self.indicator_names:
            return 0
        if name in self.outcomes:
            return 1
        return 3 if name in self.given else 2

    @cached_property
    def exogenous_latent(self) -> tuple[str, ...]:
        """Factors that nothing in the model explains."""
        inner = self.outcomes | self.indicator_names
        return tuple(f for f in self.latent if f not in inner)

    @cached_property
    def terminal(self) -> tuple[str, ...]:
        """Outcomes that predict nothing and indicate nothing, factors first."""
        passing = self.predictors | self.indicator_names
        ends = self.outcomes - passing
        return tuple(v for v in (*self.latent, *self.observed) if v in ends)


def variables_of(statements: Iterable[Statement]) -> Variables:
    """Sort the names of the text into factors, items, outcomes and predictors."""
    rows = list(statements)
    latent = dict.fromkeys(row.lhs for row in rows if row.op == "=~")
    indicators: dict[str, dict[str, None]] = {name: {} for name in latent}
    for row in rows:
        if row.op == "=~":
            indicators[row.lhs][row.rhs] = None
    items = (row.rhs for row in rows if row.op == "=~")
    sides = (name for row in rows if row.op in ("~", "~~") for name in (row.lhs, row.rhs))
    means = (row.lhs for row in rows if row.op == "~1")
    observed = dict.fromkeys(name for name in (*items, *sides, *means) if name not in latent)
    variables = Variables(
        observed=tuple(observed),
        latent=tuple(latent),
        indicators={name: tuple(items) for name, items in indicators.items()},
        outcomes=frozenset(row.lhs for row in rows if row.op == "~"),
        predictors=frozenset(row.rhs for row in rows if row.op == "~"),
        named=frozenset(
            name
            for row in rows
            if row.op in ("~~", "~1")
            for name in ((row.lhs, row.rhs) if row.op == "~~" else (row.lhs,))
        ),
        explored={
            row.lhs: str(modifier.values[0])
            for row in rows
            for modifier in row.modifiers
            if modifier.kind == "efa"
        },
    )
    return replace(variables, observed=tuple(sorted(observed, key=variables.part)))
