"""From the statements of a model text to the table of its parameters.

The table says for each parameter whether it is free, fixed to a number or fixed to a sample
moment, and which parameters are tied together. The defaults that complete a short model text are
lavaan's for `cfa()`, `sem()`, `growth()` and `lavaan()`; `DEFAULTS` spells them out.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations

from measure.errors import ModelError, OptionError
from measure.expressions import names as names_in
from measure.syntax import Constraint, Modifier, Statement, Syntax

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Defaults:
    """What is added to the statements of a model text. The words are lavaan's, with underscores."""

    int_ov_free: bool = True
    int_lv_free: bool = False
    auto_fix_first: bool = True
    auto_fix_single: bool = True
    auto_var: bool = True
    auto_cov_lv_x: bool = True
    auto_cov_y: bool = True
    fixed_x: bool = False
    std_lv: bool = False
    orthogonal: bool = False
    effect_coding: bool = False
    meanstructure: bool = False


_SEM = {"fixed_x": True}
_NOTHING = dict.fromkeys(
    ("int_ov_free", "auto_fix_first", "auto_fix_single", "auto_var", "auto_cov_lv_x", "auto_cov_y"),
    False,
)
DEFAULTS: dict[str, Defaults] = {
    "cfa": Defaults(**_SEM),
    "sem": Defaults(**_SEM),
    "growth": Defaults(**_SEM, int_ov_free=False, int_lv_free=True, meanstructure=True),
    "lavaan": Defaults(**_NOTHING),
}
"""The option table of the four ways to fit a model; `lavaan` adds nothing to the text."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One row of the parameter table.

    `value` is the fixed value, NaN where the parameter is free or (`exogenous`) fixed to the
    sample moment. `group` counts from 1; `level` is 1 within and 2 between clusters.
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

    def __str__(self) -> str:
        return f"{self.lhs} {self.op} {self.rhs}".rstrip()


@dataclass(frozen=True)
class ParameterTable:
    """All parameters of a model, the variables they connect, and what ties them together.

    Attributes
    ----------
    parameters
        One row a parameter, the user's own first and in the order of the text.
    observed, latent
        Variable names, in the order in which the text brings them in.
    exogenous
        Observed predictors that nothing explains and whose moments the text does not model.
    fixed_x
        The same where their moments are taken from the sample, otherwise none.
    ties
        Pairs of row numbers that are equal by a shared label or `equal()`.
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
    n_groups: int
    ties: tuple[tuple[int, int], ...]
    sums: tuple[tuple[tuple[int, ...], float], ...]
    constraints: tuple[Constraint, ...]
    definitions: tuple[Constraint, ...]
    notes: tuple[str, ...]

    @property
    def regressed(self) -> frozenset[str]:
        """Variables on either side of a `~`."""
        sides = ((row.lhs, row.rhs) for row in self.parameters if row.op == "~")
        return frozenset(name for pair in sides for name in pair)


@dataclass(frozen=True)
class Variables:
    """The variables of a model by the part they play."""

    observed: tuple[str, ...]
    latent: tuple[str, ...]
    indicators: dict[str, tuple[str, ...]]
    outcomes: frozenset[str]
    predictors: frozenset[str]
    named: frozenset[str]

    @property
    def indicator_names(self) -> frozenset[str]:
        """Variables that stand right of a `=~`."""
        return frozenset(name for items in self.indicators.values() for name in items)

    @property
    def exogenous_observed(self) -> tuple[str, ...]:
        """Observed predictors that nothing in the model explains."""
        inner = self.outcomes | self.indicator_names
        return tuple(x for x in self.observed if x in self.predictors and x not in inner)

    @property
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

    @property
    def exogenous_latent(self) -> tuple[str, ...]:
        """Factors that nothing in the model explains."""
        inner = self.outcomes | self.indicator_names
        return tuple(f for f in self.latent if f not in inner)

    @property
    def terminal(self) -> tuple[str, ...]:
        """Outcomes that predict nothing and indicate nothing, factors first."""
        passing = self.predictors | self.indicator_names
        ends = self.outcomes - passing
        return tuple(v for v in (*self.latent, *self.observed) if v in ends)


def _variables(statements: Iterable[Statement]) -> Variables:
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
    )
    return replace(variables, observed=tuple(sorted(observed, key=variables.part)))


_LATER = {
    "|": "thresholds (`|`) belong to ordered items",
    "~*~": "scaling factors (`~*~`) belong to ordered items",
}


def _refuse_what_is_not_estimated(syntax: Syntax) -> None:
    """Name what the grammar knows and the estimation does not, before anything is computed."""
    for row in syntax.statements:
        where = f"(line {row.line}, column {row.column})"
        if row.op == "<~":
            raise ModelError(
                f'"{row.lhs} <~ {row.rhs}" {where} defines a composite. Composites (formative '
                "constructs) are not estimated: their weights are not identified by the items "
                "alone. Sum or weight the items, and use the result as an observed variable."
            )
        if row.op == "=~" and row.lhs == row.rhs:
            raise ModelError(
                f'"{row.lhs} =~ 0" {where} defines a factor without indicators, which this version '
                "does not estimate. Give it indicators, or leave it out."
            )
        if row.op in _LATER:
            raise ModelError(
                f'"{row.lhs} {row.op} {row.rhs}" {where}: {_LATER[row.op]}, which this version '
                "does not estimate. Remove the statement to treat the items as continuous."
            )
        if row.block.level is not None:
            raise ModelError(
                f"the block `level: {row.block.level}` {where} asks for a two-level model, which "
                "this version does not estimate. Remove the block to fit a one-level model."
            )
        if row.block.group is not None:
            raise ModelError(
                f"the block `group: {row.block.group}` {where} asks for a model of several "
                "groups, which this version does not estimate. Fit each group by itself."
            )
        for modifier in row.modifiers:
            if modifier.kind in ("lower", "upper"):
                raise ModelError(
                    f"`{modifier.kind}()` on {row.lhs} {row.op} {row.rhs} {where} is an "
                    "inequality constraint, which this version does not estimate. Remove it."
                )
            if modifier.kind == "efa":
                raise ModelError(
                    f'`efa("{modifier.values[0]}")` {where} is an exploratory block within a '
                    "confirmatory model, which this version does not estimate. Use measure.efa."
                )
    for constraint in syntax.constraints:
        if constraint.op in ("<", ">"):
            raise ModelError(
                f'"{constraint.text.strip()}" (line {constraint.line}) is an inequality '
                "constraint, which this version does not estimate. Remove it."
            )


def build(syntax: Syntax, defaults: Defaults, *, n_groups: int = 1) -> ParameterTable:
    """Complete the statements of a model text to the table of its parameters.

    Parameters
    ----------
    syntax
        The parsed model text.
    defaults
        What to add to it.
    n_groups
        Number of groups; each gets its own copy of every row.

    Returns
    -------
    ParameterTable

    Raises
    ------
    ModelError
        Where the text asks for what is not estimated or contradicts itself.
    OptionError
        Where the options contradict each other.
    """
    _refuse_what_is_not_estimated(syntax)
    if defaults.effect_coding and defaults.std_lv:
        raise OptionError("effect_coding and std_lv both set the scale of the factors; choose one.")
    variables = _variables(syntax.statements)
    if not variables.observed:
        raise ModelError("the model names no observed variable.")
    means = defaults.meanstructure or any(row.op == "~1" for row in syntax.statements)
    fixed_x = variables.given if defaults.fixed_x else ()
    rows = [
        parameter
        for group in range(1, n_groups + 1)
        for parameter in _group_rows(syntax, variables, defaults, fixed_x, (group, n_groups, means))
    ]
    notes = _mixed_exogenous_note(variables, fixed_x, defaults)
    return ParameterTable(
        parameters=tuple(rows),
        observed=variables.observed,
        latent=variables.latent,
        exogenous=variables.given,
        fixed_x=fixed_x,
        meanstructure=means,
        n_groups=n_groups,
        ties=tuple(_ties(rows, syntax)),
        sums=tuple(_effect_coding(rows, variables, n_groups)) if defaults.effect_coding else (),
        constraints=tuple(c for c in syntax.constraints if c.op != ":="),
        definitions=tuple(c for c in syntax.constraints if c.op == ":="),
        notes=notes,
    )


def _mixed_exogenous_note(
    variables: Variables, fixed_x: tuple[str, ...], defaults: Defaults
) -> tuple[str, ...]:
    """Say that a covariance statement on some predictors leaves them uncorrelated with the rest."""
    random = [x for x in variables.exogenous_observed if x not in fixed_x]
    if not (defaults.fixed_x and fixed_x and random):
        return ()
    return (
        f"{', '.join(random)} have variances or intercepts in the model text and are estimated; "
        f"their covariances with {', '.join(fixed_x)} are fixed to 0 unless the text frees them.",
    )


def _group_rows(
    syntax: Syntax,
    variables: Variables,
    defaults: Defaults,
    fixed_x: tuple[str, ...],
    place: tuple[int, int, bool],
) -> Iterator[Parameter]:
    """All rows of one group: the user's own, then the defaults in lavaan's order."""
    group, n_groups, means = place
    seen: set[tuple[str, str, str]] = set()
    scaled: set[str] = set()
    for statement in syntax.statements:
        marker = (
            statement.op == "=~"
            and defaults.auto_fix_first
            and not (defaults.std_lv or defaults.effect_coding)
            and statement.lhs not in scaled
        )
        if statement.op == "=~":
            scaled.add(statement.lhs)
        seen.add((statement.lhs, statement.op, statement.rhs))
        seen.add((statement.rhs, statement.op, statement.lhs))
        standard = (
            defaults.std_lv
            and statement.op == "~~"
            and statement.lhs == statement.rhs
            and statement.lhs in variables.latent
        )
        value = 1.0 if marker or standard else NAN
        yield _user_row(statement, value, group, n_groups)
    for lhs, op, rhs, value, exogenous in _default_rows(variables, defaults, fixed_x, means):
        if (lhs, op, rhs) not in seen:
            free = value != value and not exogenous
            yield Parameter(lhs, op, rhs, group, 1, "", free, value, NAN, exogenous, False)


def _user_row(statement: Statement, value: float, group: int, n_groups: int) -> Parameter:
    """One statement with its modifiers applied, for one group."""
    label, start, free = "", NAN, value != value
    for modifier in statement.modifiers:
        given = _value_for_group(modifier, statement, group, n_groups)
        if modifier.kind == "label":
            label = str(given or "")
        elif modifier.kind == "start":
            start = float(given) if given is not None else NAN
        elif modifier.kind == "free" or (modifier.kind == "fixed" and given is None):
            value, free = NAN, True
        elif modifier.kind == "fixed":
            value, free = float(given if given is not None else NAN), False
    return Parameter(
        statement.lhs, statement.op, statement.rhs, group, 1, label, free, value, start, False, True
    )


def _value_for_group(
    modifier: Modifier, statement: Statement, group: int, n_groups: int
) -> float | str | None:
    """The entry of a modifier that belongs to one group."""
    if len(modifier.values) == 1:
        return modifier.values[0]
    if len(modifier.values) != n_groups:
        raise ModelError(
            f"c() on {statement.lhs} {statement.op} {statement.rhs} (line {modifier.line}, "
            f"column {modifier.column}) has {len(modifier.values)} entries, but there "
            f"{'is 1 group' if n_groups == 1 else f'are {n_groups} groups'}. Give each group one."
        )
    return modifier.values[group - 1]


_Default = tuple[str, str, str, float, bool]


def _default_rows(
    variables: Variables, defaults: Defaults, fixed_x: tuple[str, ...], means: bool
) -> Iterator[_Default]:
    """Rows that the text leaves out, in lavaan's order; NaN means free."""
    single = _single_indicators(variables) if defaults.auto_fix_single else frozenset()
    if defaults.auto_var:
        for x in variables.observed:
            if x not in variables.given:
                yield x, "~~", x, 0.0 if x in single else NAN, False
        for f in variables.latent:
            yield f, "~~", f, 1.0 if defaults.std_lv else NAN, False
    yield from _default_covariances(variables, defaults)
    if defaults.auto_var or fixed_x:
        for index, x in enumerate(variables.given):
            for other in variables.given[index:]:
                yield x, "~~", other, NAN, bool(fixed_x)
    if means:
        for x in variables.observed:
            exogenous = x in fixed_x
            fixed = not (exogenous or defaults.int_ov_free)
            yield x, "~1", "", 0.0 if fixed else NAN, exogenous
        free_latent = defaults.int_lv_free or defaults.effect_coding
        for f in variables.latent:
            yield f, "~1", "", NAN if free_latent else 0.0, False


def _default_covariances(variables: Variables, defaults: Defaults) -> Iterator[_Default]:
    """Covariances of exogenous factors, and of the outcomes at the end of all paths."""
    value = 0.0 if defaults.orthogonal else NAN
    if defaults.auto_cov_lv_x:
        for pair in combinations(variables.exogenous_latent, 2):
            yield pair[0], "~~", pair[1], value, False
    if defaults.auto_cov_y:
        for pair in combinations(variables.terminal, 2):
            both_latent = set(pair) <= set(variables.latent)
            yield pair[0], "~~", pair[1], value if both_latent else NAN, False


def _single_indicators(variables: Variables) -> frozenset[str]:
    """Items that are the only indicator of a factor and indicate no other factor."""
    alone = [items[0] for items in variables.indicators.values() if len(items) == 1]
    shared = [name for items in variables.indicators.values() if len(items) > 1 for name in items]
    return frozenset(alone) - frozenset(shared)


def _ties(rows: list[Parameter], syntax: Syntax) -> Iterator[tuple[int, int]]:
    """Rows that share a label, or name each other by `equal()`."""
    first: dict[str, int] = {}
    for index, row in enumerate(rows):
        if row.label:
            if row.label in first:
                yield first[row.label], index
            else:
                first[row.label] = index
    place = {f"{row.lhs}{row.op}{row.rhs}": index for index, row in reversed([*enumerate(rows)])}
    for statement in syntax.statements:
        for modifier in statement.modifiers:
            if modifier.kind != "equal":
                continue
            for target in modifier.values:
                key = str(target).replace(" ", "")
                own = place[f"{statement.lhs}{statement.op}{statement.rhs}"]
                if key not in place:
                    raise ModelError(
                        f'equal("{target}") (line {modifier.line}, column {modifier.column}) names '
                        "no parameter of the model. Write it as in the text, for example "
                        'equal("f=~x2").'
                    )
                yield place[key], own


def _effect_coding(
    rows: list[Parameter], variables: Variables, n_groups: int
) -> Iterator[tuple[tuple[int, ...], float]]:
    """Loadings that average 1 and intercepts that add up to 0, for each factor and group.

    Little, Slegers & Card (2006). An item of two factors counts for each of them.
    """
    for group in range(1, n_groups + 1):
        for factor in variables.latent:
            loadings = [
                i
                for i, row in enumerate(rows)
                if (row.lhs, row.op, row.group) == (factor, "=~", group)
            ]
            yield tuple(loadings), float(len(loadings))
            items = variables.indicators[factor]
            intercepts = [
                i
                for i, row in enumerate(rows)
                if row.op == "~1" and row.group == group and row.lhs in items
            ]
            if intercepts:
                yield tuple(intercepts), 0.0


def labels_of(constraint: Constraint) -> tuple[str, ...]:
    """All names that a constraint or definition uses, in order."""
    left = () if constraint.op == ":=" else names_in(constraint.lhs)
    return tuple(dict.fromkeys((*left, *names_in(constraint.rhs))))
