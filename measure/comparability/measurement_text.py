"""Model texts that can be taken through the steps of invariance; others are refused by name."""

from measure.errors import ModelError
from measure.specification.syntax import Statement, Syntax
from measure.specification.variables import Variables


def require_measurement_model(
    syntax: Syntax, variables: Variables, ordered: tuple[str, ...]
) -> None:
    """Refuse what is no model of items on factors, or what only the steps may set.

    Parameters
    ----------
    syntax
        The model text, read.
    variables
        Its variables.
    ordered
        The ordered items.

    Raises
    ------
    ModelError
        Names the statement, and says what to do.
    """
    for constraint in syntax.constraints:
        raise ModelError(
            f'"{constraint.text}" (line {constraint.line}): the steps of invariance set equalities '
            "themselves, and count them. Leave constraints and definitions out of the text."
        )
    for row in syntax.statements:
        reason = _reason(row, variables, ordered)
        if reason:
            statement = f"{row.lhs} {row.op} {row.rhs}".rstrip()
            raise ModelError(f'"{statement}" (line {row.line}, column {row.column}): {reason}')
    for name in variables.observed:
        if name not in variables.indicator_names:
            raise ModelError(
                f'"{name}" is no item of a factor; models with other variables are compared by '
                "cfa or sem with `group` and `group_equal`. Leave it out."
            )


def _reason(row: Statement, variables: Variables, ordered: tuple[str, ...]) -> str:
    """Say why a statement cannot be taken; nothing where it can."""
    if row.block.group is not None:
        return (
            "the steps write a model for each group from one that holds for all. Leave the "
            "`group:` blocks out, and name in `partial` what may differ."
        )
    if row.op in ("~", "<~"):
        return (
            "paths are no part of a measurement model. Leave them out, and compare them by sem "
            'with group_equal=["regressions"] once the measurement holds.'
        )
    if row.op == "=~" and row.rhs in variables.latent:
        return (
            "factors of factors have steps of their own, which this version does not take. "
            "Test the factors of first order here, which may covary freely."
        )
    kinds = {modifier.kind for modifier in row.modifiers}
    if kinds & {"label", "equal"}:
        return "labels make parameters equal, which the steps do and count. Leave the label out."
    return _set_by_the_steps(row, variables, ordered, fixed="fixed" in kinds)


def _set_by_the_steps(
    row: Statement, variables: Variables, ordered: tuple[str, ...], *, fixed: bool
) -> str:
    latent = row.lhs in variables.latent
    if row.op == "~~" and latent != (row.rhs in variables.latent):
        return "a factor and the residual of an item cannot covary here. Leave it out."
    what = ""
    if row.op in ("|", "~*~"):
        what = "thresholds and units of ordered items"
    elif row.op == "~1" and (latent or row.lhs in ordered or fixed):
        what = "means of factors and fixed intercepts"
    elif row.op == "~~" and row.lhs == row.rhs and (latent or row.lhs in ordered):
        what = "variances of factors and of ordered items"
    return f"{what} are set by the steps. Leave the statement out." if what else ""
