"""What the grammar of model texts knows and the estimation does not: refused by name."""

from measure.errors import ModelError
from measure.syntax import Syntax

_LATER = {
    "|": "thresholds (`|`) belong to ordered items",
    "~*~": "scaling factors (`~*~`) belong to ordered items",
}


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
        for modifier in row.modifiers:
            if modifier.kind == "efa":
                raise ModelError(
                    f'`efa("{modifier.values[0]}")` {where} is an exploratory block within a '
                    "confirmatory model, which this version does not estimate. Use measure.efa."
                )
