"""What the grammar of model texts knows and the estimation does not: refused by name."""

from collections.abc import Collection, Sequence

from measure.errors import ModelError, OptionError
from measure.specification.defaults import Defaults
from measure.specification.exploratory_blocks import ExploratoryBlock
from measure.specification.levels import BETWEEN, WITHIN, Levels, has_levels, statements_of_levels
from measure.specification.responses import Ordered
from measure.specification.syntax import Statement, Syntax
from measure.specification.table import Groups, ParameterTable
from measure.specification.variables import Variables, variables_of


def refuse_what_is_not_estimated(syntax: Syntax) -> None:
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


def refuse_for_explored(
    blocks: tuple[ExploratoryBlock, ...], defaults: Defaults, groups: Groups
) -> None:
    """Refuse options that have no meaning for exploratory blocks."""
    if not blocks:
        return
    named = ", ".join(f'"{block.name}"' for block in blocks)
    if len(groups.labels) > 1:
        raise ModelError(
            f"the exploratory block {named} is estimated in one group only by this version. Leave "
            "`group` out, or fit the groups one by one."
        )
    if defaults.effect_coding:
        raise OptionError(
            f"effect_coding fixes sums of loadings, which the exploratory block {named} does not "
            "have: its factors have variance 1. Leave it out."
        )
    if defaults.orthogonal and not defaults.orthogonal_efa:
        raise OptionError(
            "orthogonal keeps all factors uncorrelated, which the rotation of the exploratory "
            f"block {named} does not. Leave it out, or choose an orthogonal rotation, as "
            'rotation_args={"orthogonal": True}.'
        )


def refuse_levels(syntax: Syntax, what: str) -> None:
    """Refuse a model text with `level:` blocks where models of one level are dealt with."""
    if has_levels(syntax):
        raise OptionError(
            f"{what} is not available for two-level models. Leave the `level:` blocks out; "
            "`cluster` alone makes standard errors and tests robust."
        )


def refuse_for_levels(blocks: tuple[ExploratoryBlock, ...], auxiliary: Sequence[str]) -> None:
    """Refuse what two-level models are not estimated with."""
    if blocks:
        raise ModelError(
            "exploratory blocks (efa) are estimated at one level only by this version. Write the "
            "factors of a two-level model without efa()."
        )
    if auxiliary:
        raise OptionError(
            "auxiliary variables are not available in two-level models. Leave `auxiliary` out, or "
            "write their covariances at both levels."
        )


def refuse_for_ordered_levels(levels: Levels, ordered: Collection[str], group: str | None) -> None:
    """Refuse what two-level models of ordered items are not estimated with."""
    if group is not None:
        raise OptionError(
            "two-level models of ordered items are estimated in one group only by this version. "
            "Leave `group` out, or fit the groups one by one."
        )
    others = [x for x in levels.names if x not in ordered]
    if others:
        raise ModelError(
            f"{', '.join(others)}: two-level models with continuous variables beside ordered items "
            "are not estimated by this version. Leave them out, name all items in `ordered`, or "
            "none, to take the answers as numbers."
        )
    outer = [x for x in levels.between.observed if x not in levels.both]
    if outer:
        raise ModelError(
            f"{', '.join(outer)}: ordered items that are modelled between clusters only are not "
            "estimated by this version. Leave them out, or use them in the block `level: 1` too."
        )


def refuse_wrong_scales(syntax: Syntax, variables: Variables, ordered: Ordered | None) -> None:
    """Refuse statements on thresholds and scales that the items do not have."""
    parts = statements_of_levels(syntax.statements)
    shared = frozenset[str]()
    if len(parts) > 1:
        inner, outer = (set(variables_of(own).observed) for own in parts.values())
        shared = frozenset(inner & outer)
    for level, row in ((level, row) for level, own in parts.items() for row in own):
        if row.op not in ("|", "~*~") and (row.op, row.lhs) != ("~~", row.rhs):
            continue
        reason = _wrong_scale(row, variables, ordered) or _wrong_level(row, level, shared)
        if row.op == "~~" and level == BETWEEN:
            # Between clusters the variance of an ordered item is a parameter like others.
            reason = ""
        if reason:
            where = f"(line {row.line}, column {row.column})"
            raise ModelError(f'"{row.lhs} {row.op} {row.rhs}" {where}: {reason}')


def _wrong_scale(row: Statement, variables: Variables, ordered: Ordered | None) -> str:
    """Say what is wrong about one statement; nothing for a right one."""
    counts = {} if ordered is None else ordered.n_thresholds
    if row.op == "~~" and row.lhs not in counts:
        return ""
    if row.lhs not in variables.observed:
        return f'the model has no observed variable "{row.lhs}".'
    if row.lhs not in counts:
        return f'"{row.lhs}" is not among the ordered items, which alone have such a parameter.'
    if row.op == "|" and int(row.rhs[1:]) > counts[row.lhs]:
        return (
            f'"{row.lhs}" has {counts[row.lhs] + 1} categories in the data, so that its last '
            f"threshold is t{counts[row.lhs]}."
        )
    assert ordered is not None
    if row.op == ordered.follows == "~~":
        return (
            "under the delta parameterization the residual variance of an ordered item follows "
            f"from its scaling factor, {row.lhs} ~*~ {row.lhs}. Set that, or give "
            'parameterization="theta".'
        )
    if row.op == ordered.follows == "~*~":
        return (
            "under the theta parameterization the scaling factor follows from the residual "
            f'variance, {row.lhs} ~~ {row.lhs}. Set that, or give parameterization="delta".'
        )
    return ""


def _wrong_level(row: Statement, level: int, shared: frozenset[str]) -> str:
    """Say why a threshold or scaling factor does not belong to its level; nothing if it does."""
    if row.op == "|" and level == WITHIN and row.lhs in shared:
        return "thresholds stand between clusters. Write it in the block `level: 2`."
    if row.op == "~*~" and level == BETWEEN:
        return "the scale of a response is set within clusters. Write it in the block `level: 1`."
    return ""


def refuse_for_ordered(defaults: Defaults, groups: Groups, ordered: Ordered) -> None:
    """Refuse options that have no meaning for ordered items."""
    if defaults.effect_coding:
        raise OptionError(
            "effect_coding sets the means of factors by the items' intercepts, which ordered items "
            "do not have. Choose std_lv, or the marker item."
        )
    if "residuals" in groups.equal and ordered.parameterization == "delta":
        raise OptionError(
            "under the delta parameterization the residual variances of ordered items follow from "
            'other parameters and cannot be equated. Give parameterization="theta".'
        )


def require_whole_scales(table: ParameterTable) -> None:
    """Refuse a text without some thresholds or scales, which `fit` does not add."""
    assert table.ordered is not None
    known = {(row.group, row.lhs, row.op, row.rhs) for row in table.parameters}
    for group in range(1, table.n_groups + 1):
        for name, count in table.ordered.n_thresholds.items():
            needed = [("|", f"t{k}") for k in range(1, count + 1)]
            if table.ordered.parameterization == "theta":
                needed.append(("~~", name))
            for op, rhs in needed:
                if (group, name, op, rhs) not in known:
                    raise ModelError(
                        f'the model lacks "{name} {op} {rhs}", which measure.fit does not add. '
                        "Write it, or use cfa or sem."
                    )
