"""Are the estimates possible? A negative variance or a correlation above 1 is not."""

import numpy as np

from measure.model import Model, State
from measure.optimize import is_positive_definite
from measure.specification.levels import NAMES

ROUNDING = 1e-10
# A correlation may exceed 1, and an eigenvalue fall below 0, by rounding.
ALLOWANCE = 1e-8


def improprieties(model: Model, states: list[State]) -> list[str]:
    """Name what is impossible about a solution, one sentence each; none for a proper one.

    Checked are the variances, the correlations of factors and of residuals, and whether the
    matrices psi and theta are positive semi-definite as a whole. Auxiliary variables are left
    out: what they share with a factor stands among the residuals, which they therefore exceed.
    """
    found: list[str] = []
    for state in states:
        label, table = model.table.groups.labels[state.block.group - 1], model.table
        where = "" if table.levels is None else f" {NAMES[state.block.level]} clusters"
        where += "" if table.n_groups == 1 else f' in group "{label}"'
        for name, variables in (("theta", state.block.observed), ("psi", state.block.eta)):
            own = [k for k, v in enumerate(variables) if v not in model.table.auxiliary]
            found += [text + where for text in _matrix(state, name, own)]
    return found


def _matrix(state: State, name: str, own: list[int]) -> list[str]:
    """Look at the rows and columns `own` of a matrix."""
    of_items = name == "theta"
    names = state.block.observed if of_items else state.block.eta
    variables = [names[k] for k in own]
    matrix = state.matrices[name]
    if len(own) < len(names):
        matrix = matrix[np.ix_(own, own)]
    # A variance that a constraint holds at 0 may be a rounding error below it.
    size = np.diag(state.sigma if of_items else state.covariance)[own]
    diagonal = matrix.diagonal()
    variances = np.where(np.abs(diagonal) < ROUNDING * size, 0.0, diagonal)
    scale = np.where(variances > 0, np.sqrt(np.abs(variances)), 1.0)
    standard = matrix / (scale[:, None] * scale)
    if (variances >= 0).all() and is_positive_definite(standard + ALLOWANCE * np.eye(len(own))):
        return []
    found = [
        f'negative {_what(state, name, variable)} for "{variable}" ({variance:.3g})'
        for variable, variance in zip(variables, variances, strict=True)
        if variance < 0
    ]
    if found:
        return found
    roots = np.sqrt(np.outer(variances, variances))
    for i, j in np.argwhere(np.triu(np.abs(matrix) > roots * (1 + ALLOWANCE), 1)):
        share = matrix[i, j] / roots[i, j] if roots[i, j] else np.inf
        kind = "correlation" if name == "psi" else "residual correlation"
        found.append(
            f'{kind} of "{variables[i]}" and "{variables[j]}" outside -1 to 1 ({share:.3g})'
        )
    if not found:
        kind = "factors" if name == "psi" else "residuals"
        found.append(f"the covariance matrix of the {kind} is not positive definite")
    return found


def _what(state: State, matrix: str, variable: str) -> str:
    """Name the kind of variance: an exogenous factor has a variance, everything else a residual."""
    explained = (
        state.matrices["beta"][state.block.eta.index(variable)].any() if matrix == "psi" else True
    )
    return "residual variance" if explained else "variance"
