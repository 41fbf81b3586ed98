"""Several groups in one model: which statements belong to which, and what is the same in all."""

from collections.abc import Iterator, Sequence

from measure.errors import ModelError, OptionError
from measure.specification.syntax import Statement, Syntax
from measure.specification.table import Groups, Parameter
from measure.specification.variables import Variables


def statements_of_groups(
    syntax: Syntax, groups: Groups, variables: Variables
) -> list[Sequence[Statement]]:
    """Give each group its statements: its own block, or all where the text has no `group:` blocks.

    Blocks are matched to groups by the group's value, or by its number from 1.

    Raises
    ------
    ModelError
        Where blocks and groups do not match, or a block uses other items than the others.
    """
    named = list(dict.fromkeys(s.block.group for s in syntax.statements if s.block.group))
    if not named:
        return [syntax.statements] * len(groups.labels)
    labels = [str(label) for label in groups.labels]
    numbers = [str(k) for k in range(1, len(labels) + 1)]
    if sorted(named) not in (sorted(labels), sorted(numbers)):
        raise ModelError(
            f"the model text has blocks for group {', '.join(named)}, but the data have the "
            f"groups {', '.join(labels)}. Give each group one block, named by its value or "
            "numbered from 1, and name the column of the groups by `group`."
        )
    order = labels if sorted(named) == sorted(labels) else numbers
    parts = [[s for s in syntax.statements if s.block.group == name] for name in order]
    for name, part in zip(order, parts, strict=True):
        used = {v for s in part for v in (s.lhs, s.rhs) if v in variables.observed}
        absent = [v for v in variables.observed if v not in used]
        if absent:
            raise ModelError(
                f"the block of group {name} does not use {', '.join(absent)}, which another block "
                "does. All groups need the same observed variables."
            )
    return [tuple(part) for part in parts]


def group_ties(
    rows: Sequence[Parameter], groups: Groups, variables: Variables
) -> Iterator[tuple[int, int]]:
    """Give pairs of rows of two groups that `group_equal` makes equal.

    A row with a label of its own is equal to those of the same label only, as in lavaan.

    Raises
    ------
    OptionError
        Where `group_partial` names no parameter.
    """
    if len(groups.labels) == 1:
        return
    inside = {*variables.observed, *variables.latent}
    asked = {
        (row.lhs, row.op, row.rhs, row.level)
        for row in rows
        if row.group == 1
        # Auxiliary variables are no part of the model, and are saturated in each group.
        and inside.issuperset((row.lhs, row.lhs if row.op == "|" else row.rhs or row.lhs))
        and _kind(row, variables) in groups.equal
    }
    partial = {_key(text) for text in groups.partial}
    known = {_key(f"{row}") for row in rows} if partial else set()
    for text in groups.partial:
        if _key(text) not in known:
            raise OptionError(
                f'group_partial "{text}" names no parameter of the model. Write it as in the text, '
                'for example "x3 ~1" or "visual =~ x2".'
            )
    first: dict[tuple[str, str, str, int], int] = {}
    for index, row in enumerate(rows):
        name = (row.lhs, row.op, row.rhs, row.level)
        if name not in asked or row.label or (partial and _key(f"{row}") in partial):
            continue
        place = first.setdefault(name, index)
        if place != index and (row.free or rows[place].free):
            yield place, index


def _key(text: str) -> str:
    return text.replace(" ", "")


def _kind(row: Parameter, variables: Variables) -> str:
    """Name the kind of a parameter in the words of `group_equal`; "" for none."""
    if row.op == "|":
        return "thresholds"
    if row.exogenous or row.lhs in variables.given or row.rhs in variables.given:
        return "regressions" if row.op == "~" else ""
    latent = row.lhs in variables.latent
    if row.op == "~~":
        alone = row.lhs == row.rhs
        if latent:
            return "lv.variances" if alone else "lv.covariances"
        return "residuals" if alone else "residual.covariances"
    if row.op == "~1":
        return "means" if latent else "intercepts"
    return {"=~": "loadings", "~": "regressions"}.get(row.op, "")
