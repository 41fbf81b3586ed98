"""From the statements of a model text to the table of its parameters.

The table says for each parameter whether it is free, fixed to a number or fixed to a sample
moment, and which parameters are tied together. `defaults` says what is added to a short text.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from measure.errors import ModelError, OptionError
from measure.specification.defaults import NAN, Defaults, default_rows
from measure.specification.definitions import row_name
from measure.specification.exploratory_blocks import exploratory_blocks
from measure.specification.expressions import Expression, Name, Number
from measure.specification.expressions import names as names_in
from measure.specification.grouping import group_ties, statements_of_groups
from measure.specification.levels import (
    BETWEEN,
    NAMES,
    WITHIN,
    Levels,
    LevelVariables,
    has_levels,
    statements_of_levels,
)
from measure.specification.refusals import (
    refuse_for_explored,
    refuse_for_levels,
    refuse_for_ordered,
    refuse_what_is_not_estimated,
    refuse_wrong_scales,
    require_whole_scales,
)
from measure.specification.responses import Ordered
from measure.specification.syntax import Constraint, Modifier, Statement, Syntax
from measure.specification.table import Groups, Parameter, ParameterTable
from measure.specification.variables import Variables, variables_of


def build(
    syntax: Syntax,
    defaults: Defaults,
    *,
    groups: Groups | None = None,
    auxiliary: Sequence[str] = (),
    ordered: Ordered | None = None,
) -> ParameterTable:
    """Complete the statements of a model text to the table of its parameters.

    Parameters
    ----------
    syntax
        The parsed model text.
    defaults
        What to add to it.
    groups
        The groups, each of which gets its own copy of every row; one group by default.
    auxiliary
        Observed variables outside the model that covary freely with all of its observed variables
        (saturated correlates; Graham 2003).
    ordered
        The items that are answered in ordered categories; None where there are none.

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
    groups = groups or Groups()
    refuse_what_is_not_estimated(syntax)
    explored = exploratory_blocks(syntax)
    refuse_for_explored(explored, defaults, groups)
    if defaults.effect_coding and defaults.std_lv:
        raise OptionError("effect_coding and std_lv both set the scale of the factors; choose one.")
    variables = variables_of(syntax.statements)
    if not variables.observed:
        raise ModelError("the model names no observed variable.")
    refuse_wrong_scales(syntax, variables, ordered)
    if ordered is not None:
        refuse_for_ordered(defaults, groups, ordered)
    if has_levels(syntax):
        refuse_for_levels(explored, auxiliary)
    # Means tell groups apart, so that several groups have a mean structure, as in lavaan.
    means = (
        defaults.meanstructure
        or groups.asks_for_means
        or ordered is not None
        or any(row.op == "~1" for row in syntax.statements)
    )
    asks_fixed = defaults.fixed_x and not auxiliary
    fixed_x = variables.given if asks_fixed else ()
    plan = _Plan(defaults, means, groups, ordered)
    rows: list[Parameter] = []
    texts = statements_of_groups(syntax, groups, variables)
    levels = levels_of(texts, asks_fixed=asks_fixed) if has_levels(syntax) else None
    if levels is not None:
        fixed_x = tuple(dict.fromkeys((*levels.within.fixed_x, *levels.between.fixed_x)))
    for group, statements in enumerate(texts, start=1):
        for level, own in statements_of_levels(statements).items():
            given = fixed_x if levels is None else levels.at(level).fixed_x
            there = _variables(own, level, variables, levels)
            place = _Place(group, level, there, given, levels)
            rows += _rows(own, plan, place)
        rows += _auxiliary_rows(auxiliary, variables, plan, group)
    across = list(group_ties(rows, groups, variables))
    table = ParameterTable(
        parameters=tuple(_labelled(rows, across)),
        observed=(*variables.observed, *auxiliary),
        latent=variables.latent,
        exogenous=variables.given if levels is None else _exogenous(levels),
        fixed_x=fixed_x,
        meanstructure=means,
        groups=groups,
        ties=(*_ties(rows, texts), *across),
        sums=tuple(_effect_coding(rows, variables, groups)) if defaults.effect_coding else (),
        constraints=(*(c for c in syntax.constraints if c.op != ":="), *bounds_of(rows)),
        definitions=tuple(c for c in syntax.constraints if c.op == ":="),
        notes=(
            *_mixed_exogenous_note(variables, fixed_x, defaults),
            *_one_label_note(syntax.statements, groups),
        ),
        auxiliary=tuple(auxiliary),
        ordered=ordered,
        exploratory=explored,
        levels=levels,
    )
    if ordered is not None:
        require_whole_scales(table)
    return table


@dataclass(frozen=True)
class _Plan:
    """What is added to the statements of each group."""

    defaults: Defaults
    means: bool
    groups: Groups
    ordered: Ordered | None


@dataclass(frozen=True)
class _Place:
    """Where rows are made: a group at a level, with the variables that it has."""

    group: int
    level: int
    variables: Variables
    fixed_x: tuple[str, ...]
    levels: Levels | None

    @property
    def centred(self) -> frozenset[str] | None:
        """Variables whose means stand between clusters, seen from within; None elsewhere."""
        return self.levels.both if self.levels is not None and self.level == WITHIN else None


def levels_of(texts: Sequence[Sequence[Statement]], *, asks_fixed: bool) -> Levels:
    """Find the variables of each level, which all groups have alike."""
    found = []
    for level in (WITHIN, BETWEEN):
        parts = [variables_of(statements_of_levels(text)[level]) for text in texts]
        own = parts[0]
        for part in parts[1:]:
            apart = set(own.observed) ^ set(part.observed)
            if apart:
                raise ModelError(
                    f"{', '.join(sorted(apart))}: {NAMES[level]} clusters not all groups have "
                    f"{'it' if len(apart) == 1 else 'them'}. All groups need the same observed "
                    "variables at each level."
                )
        found.append(LevelVariables(own.observed, own.given, own.given if asks_fixed else ()))
    for name, variables in zip(NAMES.values(), found, strict=True):
        if not variables.observed:
            raise ModelError(f"the block of the level {name} clusters names no observed variable.")
    return Levels(*found)


def _variables(
    statements: Sequence[Statement], level: int, whole: Variables, levels: Levels | None
) -> Variables:
    """Sort the variables of one group at one level; the observed ones are those of all groups."""
    observed = whole.observed if levels is None else levels.at(level).observed
    return replace(variables_of(statements), observed=observed)


def _exogenous(levels: Levels) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*levels.within.exogenous, *levels.between.exogenous)))


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


def _one_label_note(statements: Sequence[Statement], groups: Groups) -> Iterator[str]:
    """Say that a label written once makes a parameter equal in all groups."""
    if len(groups.labels) == 1:
        return
    once = [
        f"{modifier.values[0]}"
        for statement in statements
        for modifier in statement.modifiers
        if modifier.kind in ("label", "equal")
        and len(modifier.values) == 1
        and statement.block.group is None
    ]
    if once:
        yield (
            f"{', '.join(dict.fromkeys(once))}: a label that is written once makes its parameter "
            "equal in all groups; c(a, b) gives each group its own."
        )


def _rows(statements: Sequence[Statement], plan: _Plan, place: _Place) -> Iterator[Parameter]:
    """All rows of one group at one level: the user's own, then the defaults in lavaan's order."""
    variables, group, level = place.variables, place.group, place.level
    defaults = plan.groups.defaults_for(group, plan.defaults)
    seen: set[tuple[str, str, str]] = set()
    scaled: set[str] = set()
    for statement in statements:
        marker = (
            statement.op == "=~"
            and defaults.auto_fix_first
            and not (plan.defaults.std_lv or defaults.effect_coding)
            and statement.lhs not in variables.explored
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
        yield _user_row(statement, value, (group, level), len(plan.groups.labels))
    for lhs, op, rhs, value, exogenous in default_rows(
        variables,
        defaults,
        place.fixed_x,
        means=plan.means,
        ordered=plan.ordered,
        centred=place.centred,
        scales=place.level == WITHIN,
    ):
        if (lhs, op, rhs) not in seen:
            free = value != value and not exogenous
            yield Parameter(lhs, op, rhs, group, level, "", free, value, NAN, exogenous, False)


def _auxiliary_rows(
    auxiliary: Sequence[str], variables: Variables, plan: _Plan, group: int
) -> Iterator[Parameter]:
    """Free moments of the auxiliary variables, with each other and with every observed variable."""
    for name in auxiliary:
        if name in variables.observed or name in variables.latent:
            raise OptionError(
                f'the auxiliary variable "{name}" is part of the model. Leave it out of auxiliary.'
            )
    for k, name in enumerate(auxiliary):
        for other in (*variables.observed, *auxiliary[: k + 1]):
            yield Parameter(name, "~~", other, group, 1, "", True, NAN, NAN, False, False)
        if plan.means:
            yield Parameter(name, "~1", "", group, 1, "", True, NAN, NAN, False, False)


def _user_row(
    statement: Statement, value: float, place: tuple[int, int], n_groups: int
) -> Parameter:
    """One statement with its modifiers applied, for one group at a level."""
    group, level = place
    label, start, free = "", NAN, value != value
    bounds = {"lower": -float("inf"), "upper": float("inf")}
    for modifier in statement.modifiers:
        given = _value_for_group(modifier, statement, group, n_groups)
        if modifier.kind == "label":
            label = str(given or "")
        elif modifier.kind == "start":
            start = float(given) if given is not None else NAN
        elif modifier.kind in bounds and given is not None:
            bounds[modifier.kind] = float(given)
        elif modifier.kind == "free" or (modifier.kind == "fixed" and given is None):
            value, free = NAN, True
        elif modifier.kind == "fixed":
            value, free = float(given if given is not None else NAN), False
    return Parameter(
        statement.lhs,
        statement.op,
        statement.rhs,
        group,
        level,
        label,
        free,
        value,
        start,
        False,
        True,
        **bounds,
    )


def _value_for_group(
    modifier: Modifier, statement: Statement, group: int, n_groups: int
) -> float | str | None:
    """The entry of a modifier that belongs to one group."""
    if len(modifier.values) == 1 or statement.block.group is not None:
        return modifier.values[0]
    if len(modifier.values) != n_groups:
        raise ModelError(
            f"c() on {statement.lhs} {statement.op} {statement.rhs} (line {modifier.line}, "
            f"column {modifier.column}) has {len(modifier.values)} entries, but there "
            f"{'is 1 group' if n_groups == 1 else f'are {n_groups} groups'}. Give each group one."
        )
    return modifier.values[group - 1]


def _ties(rows: list[Parameter], texts: Sequence[Sequence[Statement]]) -> Iterator[tuple[int, int]]:
    """Rows that share a label, or name each other by `equal()`.

    Names are lavaan's: "f=~x2" is the parameter of the first group, "f=~x2.g2" of the second.
    """
    first: dict[str, int] = {}
    for index, row in enumerate(rows):
        if row.label:
            if row.label in first:
                yield first[row.label], index
            else:
                first[row.label] = index
    naming = [
        (group, level, statement)
        for group, text in enumerate(texts, start=1)
        for level, statements in statements_of_levels(text).items()
        for statement in statements
        if any(modifier.kind == "equal" for modifier in statement.modifiers)
    ]
    if not naming:
        return
    place = {row.name: index for index, row in reversed([*enumerate(rows)])}
    for group, level, statement in naming:
        written = rows[0]._replace(
            lhs=statement.lhs, op=statement.op, rhs=statement.rhs, group=group, level=level
        )
        yield from _equals(statement, place, written.name, (group, len(texts)))


def _equals(
    statement: Statement, place: Mapping[str, int], own: str, group: tuple[int, int]
) -> Iterator[tuple[int, int]]:
    """Rows that one statement names by `equal()`, each with its own; `group` is (number, of)."""
    for modifier in statement.modifiers:
        if modifier.kind != "equal":
            continue
        target = _value_for_group(modifier, statement, *group)
        if not target:
            continue
        name = str(target).replace(" ", "")
        if name not in place:
            raise ModelError(
                f'equal("{target}") (line {modifier.line}, column {modifier.column}) names '
                "no parameter of the model. Write it as in the text, for example "
                'equal("f=~x2"), for the second group equal("f=~x2.g2"), and for the second '
                'level equal("f=~x2.l2").'
            )
        if place[name] != place[own]:
            yield place[name], place[own]


def _labelled(rows: list[Parameter], across: list[tuple[int, int]]) -> list[Parameter]:
    """Give rows that are equal across groups lavaan's own label, `.p5.` for the fifth row."""
    labelled = list(rows)
    for first, other in across:
        for index in (first, other):
            labelled[index] = rows[index]._replace(label=f".p{first + 1}.")
    return labelled


def bounds_of(rows: list[Parameter]) -> Iterator[Constraint]:
    """Bounds of single parameters as inequality constraints on their rows."""
    infinite = float("inf")
    for index, row in enumerate(rows):
        if row.lower == -infinite and row.upper == infinite:
            continue
        for op, bound in ((">", row.lower), ("<", row.upper)):
            if abs(bound) != infinite:
                side: Expression = Name(row_name(index))
                text = f"{row} {op} {bound:g}"
                yield Constraint(side, op, Number(bound), 0, 0, text)


def _effect_coding(
    rows: list[Parameter], variables: Variables, groups: Groups
) -> Iterator[tuple[tuple[int, ...], float]]:
    """Loadings that average 1 and intercepts that add up to 0, for each factor and group.

    Little, Slegers & Card (2006). An item of two factors counts for each of them.
    """
    for group in range(1, len(groups.labels) + 1):
        for factor in variables.latent:
            own = [(i, row) for i, row in enumerate(rows) if row.group == group]
            loadings = [(i, row) for i, row in own if (row.lhs, row.op) == (factor, "=~")]
            for level in dict.fromkeys(row.level for _, row in loadings):
                there = [(i, row) for i, row in loadings if row.level == level]
                yield tuple(i for i, _ in there), float(len(there))
                items = {row.rhs for _, row in there}
                intercepts = [
                    i
                    for i, row in own
                    if row.op == "~1" and row.lhs in items and row.level == level and row.free
                ]
                if intercepts:
                    yield tuple(intercepts), 0.0


def labels_of(constraint: Constraint) -> tuple[str, ...]:
    """All names that a constraint or definition uses, in order."""
    left = () if constraint.op == ":=" else names_in(constraint.lhs)
    return tuple(dict.fromkeys((*left, *names_in(constraint.rhs))))
