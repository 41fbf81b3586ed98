"""The model text of a step of invariance: everything written out, nothing left to defaults."""

import re

from measure.comparability.ladder import Pattern, Structure
from measure.specification.table import Parameter

# First letters of labels, after the matrices of the parameters.
_LABELS = {
    "thresholds": "tau",
    "loadings": "lambda",
    "intercepts": "nu",
    "residuals": "theta",
    "lv.variances": "psi",
    "lv.covariances": "psi",
    "means": "alpha",
}
_PLAIN = re.compile(r"[^\W\d][\w.]*")


def model_text(structure: Structure, equal: frozenset[str]) -> str:
    """Write the model with these kinds of parameters equal across groups, for `measure.fit`.

    Parameters that share a value share a label, such as `lambda7` for the seventh row of the model.
    The text is lavaan's, too.
    """
    lines = []
    for number, row in enumerate(structure.rows, start=1):
        pattern = structure.pattern(row, equal)
        label = f"{_LABELS[structure.kind(row)]}{number}"
        lines.append(_statement(row, pattern, label))
    return "\n".join(lines)


def _statement(row: Parameter, pattern: Pattern, label: str) -> str:
    right = "1" if row.op == "~1" else written_name(row.rhs)
    classes, fixed = pattern.classes, [pattern.fixed(g) for g in range(len(pattern.classes))]
    values = [written_number(pattern.reference) if one else "NA" for one in fixed]
    shared = [classes.count(own) > 1 and not one for own, one in zip(classes, fixed, strict=True)]
    modifiers = []
    if all(fixed):
        modifiers.append(values[0])
    elif any(fixed):
        modifiers.append(_of_groups(values))
    if any(shared):
        labels = [label if one else f"{label}.g{g}" for g, one in enumerate(shared, start=1)]
        modifiers.append(_of_groups(labels))
    infinite = float("inf")
    for bound, none, function in ((row.lower, -infinite, "lower"), (row.upper, infinite, "upper")):
        if bound != none:
            modifiers.append(f"{function}({written_number(bound)})")
    if row.start == row.start:
        modifiers.append(f"start({written_number(row.start)})")
    operator = "~" if row.op == "~1" else row.op
    # A term for each modifier, as lavaan wants them.
    terms = [f"{modifier}*{right}" for modifier in modifiers] or [right]
    return f"{written_name(row.lhs)} {operator} {' + '.join(terms)}"


def written_number(value: float) -> str:
    """Write a number so that it is read as the same."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def _of_groups(entries: list[str]) -> str:
    return f"c({', '.join(entries)})"


def written_name(name: str) -> str:
    """Write a variable's name, in quotes where it would be read as something else."""
    return name if _PLAIN.fullmatch(name) else f"`{name}`"
