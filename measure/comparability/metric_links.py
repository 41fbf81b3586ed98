"""Do the groups of a fit share a metric? Equal parameters give factors one zero and one unit."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from measure.consistency.composites import factor_items
from measure.errors import ModelError
from measure.fitting.fitted import Fit
from measure.model import Place, State

Indices = NDArray[np.intp]


def require_common_metric(fit: Fit, factor: str) -> int:
    """Refuse groups in which the factor has no common zero and unit; count the items behind them.

    Two groups have the same unit where some item has the same loading in both, by an equality or as
    the same fixed value, and the same zero where some item has the same intercept, for an ordered
    item the same intercept and a threshold. Groups may be linked through others.

    Returns
    -------
    The least number of items that two linked groups have in common in this way.

    Raises
    ------
    ModelError
        Some groups are not linked.
    """
    states = fit.point.states
    items = factor_items(fit, states[0], factor)
    column = states[0].block.eta.index(factor)
    signs = [_signatures(fit, state, items, column) for state in states]
    fewest = len(items)
    for kind, what in (("unit", "loading"), ("zero", "intercept (of an ordered item, threshold)")):
        shared = np.array([[_shared(one[kind], other[kind]) for other in signs] for one in signs])
        reached = _reached(shared > 0)
        if not reached.all():
            apart = fit.moments.groups[int(np.flatnonzero(~reached)[0])]
            raise ModelError(
                f'factor "{factor}" has no common {kind} in the groups "{fit.moments.groups[0]}" '
                f'and "{apart}": no item has the same {what} in both, so that differences between '
                "their items cannot be told from differences between the persons. Fit a (partially)"
                " invariant model by group_equal and group_partial, or put the configural model on "
                "a common metric by measure.alignment."
            )
        fewest = min(fewest, int(shared[shared > 0].min()))
    return fewest


Signature = tuple[object, ...]


def _signatures(
    fit: Fit, state: State, items: Indices, column: int
) -> dict[str, list[set[Signature]]]:
    """What identifies unit and zero of a factor, by item: equal signatures are equal parameters."""
    layout = None if state.responses is None else state.responses.layout
    units, zeros = [], []
    for item in items:
        units.append({_signature(fit, state, Place("lambda_", int(item), column))})
        level = _signature(fit, state, Place("nu", int(item), 0))
        if layout is None or not layout.ordered[item]:
            zeros.append({level})
            continue
        rows = np.flatnonzero(layout.items == item)
        taus = [(c, _signature(fit, state, Place("tau", int(k), 0))) for c, k in enumerate(rows)]
        zeros.append({(level, *own) for own in taus})
    return {"unit": units, "zero": zeros}


def _signature(fit: Fit, state: State, place: Place) -> Signature:
    """What an entry of a matrix is: a fixed value, or a combination of the estimates."""
    rows, columns, element = state.block.elements.get(place.matrix, ((), (), ()))
    own = (np.asarray(rows) == place.i) & (np.asarray(columns) == place.j)
    if not own.any():
        return ("fixed", float(state.matrices[place.matrix][place.i, place.j]))
    free, reduction = int(np.asarray(element)[own][0]), fit.model.reduction
    if reduction.basis is None or reduction.offset is None:
        return ("free", free)
    row = np.round(reduction.basis[free], 9)
    if not row.any():
        return ("fixed", float(reduction.offset[free]))
    used = tuple((int(k), float(row[k])) for k in np.flatnonzero(row))
    return ("tied", used, round(float(reduction.offset[free]), 9))


def _shared(one: Sequence[set[Signature]], other: Sequence[set[Signature]]) -> int:
    """Count the items with a parameter in common."""
    return sum(1 for a, b in zip(one, other, strict=True) if a & b)


def _reached(linked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which groups can be reached from the first one, (G,)."""
    reached = np.zeros(len(linked), dtype=bool)
    reached[0] = True
    for _ in range(len(linked)):
        reached |= linked[reached].any(axis=0)
    return reached


def tied_parameters(fit: Fit) -> list[str]:
    """Name loadings, intercepts and thresholds that an equality ties to another group's, up to 3.

    Parameters that are fixed, as those that set the metric of each group, are no ties.
    """
    reduction, model = fit.model.reduction, fit.model
    if reduction.basis is None:
        return []
    rows = [model.table.parameters[row] for row in model.free_rows]
    groups = np.array([row.group for row in rows])
    names = []
    for element, row in enumerate(rows):
        if row.op not in ("=~", "~1", "|"):
            continue
        used = np.flatnonzero(np.abs(reduction.basis[element]) > 1e-12)
        shared = np.flatnonzero((np.abs(reduction.basis[:, used]) > 1e-12).any(axis=1))
        if (groups[shared] != row.group).any():
            names.append(str(row))
    return list(dict.fromkeys(names))[:3]
