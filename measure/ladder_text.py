"""The model text of a step of invariance: everything written out, nothing left to defaults."""

import re

from measure.ladder import Pattern, Structure
from measure.table import Parameter

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
    right = "1" if row.op == "~1" else _name(row.rhs)
    groups = range(len(pattern.classes))
    values = [f"{pattern.reference:.17g}" if pattern.fixed(g) else "NA" for g in groups]
    classes = pattern.classes
    labels = [
        label if classes.count(classes[g]) > 1 and values[g] == "NA" else f"{label}.g{g + 1}"
        for g in groups
    ]
    terms = [f"{_of_groups(values)}*{right}"]
    if label in labels:
        terms.append(f"{_of_groups(labels)}*{right}")
    infinite = float("inf")
    for bound, none, function in ((row.lower, -infinite, "lower"), (row.upper, infinite, "upper")):
        if bound != none:
            terms.append(f"{function}({bound:.17g})*{right}")
    if row.start == row.start:
        terms.append(f"start({row.start:.17g})*{right}")
    operator = "~" if row.op == "~1" else row.op
    return f"{_name(row.lhs)} {operator} {' + '.join(terms)}"


def _of_groups(entries: list[str]) -> str:
    return f"c({', '.join(entries)})"


def _name(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else f"`{name}`"
