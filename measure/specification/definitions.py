"""Quantities that a model text defines by `:=`, and the values that names in formulas stand for."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from measure.specification.expressions import Expression, evaluate
from measure.specification.table import ParameterTable

Array = NDArray[np.float64]


class Names:
    """What labels and defined names are worth at given values of the rows, with derivatives.

    Parameters
    ----------
    table
        The parameter table.
    values
        Value of every row of the table, (n_rows,).
    """

    def __init__(self, table: ParameterTable, values: Array) -> None:
        self.n_rows = len(table.parameters)
        self.values: dict[str, float] = {}
        self.gradients: dict[str, Array] = {}
        own = np.eye(self.n_rows)
        for index, row in enumerate(table.parameters):
            for name in (row.label, row_name(index)):
                if name and name not in self.values:
                    self.values[name] = float(values[index])
                    self.gradients[name] = own[index]
        for definition in table.definitions:
            name = str(definition.lhs)
            self.values[name], self.gradients[name] = self.evaluate(definition.rhs)

    def evaluate(self, expression: Expression) -> tuple[float, Array]:
        """Give the value of a formula and its derivatives with respect to the rows, (n_rows,)."""
        value, parts = evaluate(expression, self.values)
        return value, _chain(parts, self.gradients, self.n_rows)


def row_name(index: int) -> str:
    """Name by which a bound refers to its row of the table; no label can look like it."""
    return f"row {index}"


def definitions(table: ParameterTable, values: Array) -> tuple[Array, Array]:
    """Evaluate the `:=` of a model text on the values of its rows, (n_rows,).

    Returns
    -------
    values (n_definitions,) and derivatives (n_definitions, n_rows) with respect to the rows.
    """
    if not table.definitions:
        return np.zeros(0), np.zeros((0, len(table.parameters)))
    names = Names(table, values)
    defined = [str(definition.lhs) for definition in table.definitions]
    return (
        np.array([names.values[name] for name in defined]),
        np.array([names.gradients[name] for name in defined]),
    )


def defined_values(table: ParameterTable, values: Array) -> Array:
    """Evaluate the `:=` for many values of the rows (n, n_rows), without derivatives.

    Returns
    -------
    (n, n_definitions)
    """
    found = np.full((len(values), len(table.definitions)), np.nan)
    labels: dict[str, int] = {}
    for index, row in enumerate(table.parameters):
        if row.label:
            labels.setdefault(row.label, index)
    for k, own in enumerate(values if table.definitions else ()):
        known = {label: float(own[index]) for label, index in labels.items()}
        for column, definition in enumerate(table.definitions):
            known[str(definition.lhs)] = found[k, column] = evaluate(definition.rhs, known)[0]
    return found


def _chain(parts: Mapping[str, float], gradients: Mapping[str, Array], n_rows: int) -> Array:
    total = np.zeros(n_rows)
    for name, part in parts.items():
        total += part * gradients[name]
    return total
