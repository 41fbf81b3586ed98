"""Are the estimates possible? A negative variance or a correlation above 1 is not."""

import numpy as np

from measure.model import Model, State

ROUNDING = 1e-10


def improprieties(model: Model, states: list[State]) -> list[str]:
    """Name what is impossible about a solution, one sentence each; none for a proper one.

    Checked are the variances, the correlations of factors and of residuals, and whether the
    matrices psi and theta are positive semi-definite as a whole.
    """
    found: list[str] = []
    for state in states:
        label = model.table.groups.labels[state.block.group - 1]
        where = "" if len(states) == 1 else f' in group "{label}"'
        found += [text + where for text in _matrix(model, state, "theta")]
        found += [text + where for text in _matrix(model, state, "psi")]
    return found


def _matrix(model: Model, state: State, name: str) -> list[str]:
    everything = state.block.observed if name == "theta" else state.block.eta
    # An auxiliary variable covaries with items whole, not with their residuals, though its
    # covariances stand beside the residual variances: together they need not be proper.
    own = [k for k, variable in enumerate(everything) if variable not in model.table.auxiliary]
    variables = tuple(everything[k] for k in own)
    matrix = state.matrices[name][np.ix_(own, own)]
    # A variance that a constraint holds at 0 may be a rounding error below it.
    size = np.diag(state.implied.sigma if name == "theta" else state.covariance)[own]
    variances = np.where(np.abs(np.diag(matrix)) < ROUNDING * size, 0.0, np.diag(matrix))
    found = [
        f'negative {_what(state, name, variable)} for "{variable}" ({variance:.3g})'
        for variable, variance in zip(variables, variances, strict=True)
        if variance < 0
    ]
    if found:
        return found
    roots = np.sqrt(np.outer(variances, variances))
    for i, j in np.argwhere(np.triu(np.abs(matrix) > roots * (1 + 1e-8), 1)):
        share = matrix[i, j] / roots[i, j] if roots[i, j] else np.inf
        kind = "correlation" if name == "psi" else "residual correlation"
        found.append(
            f'{kind} of "{variables[i]}" and "{variables[j]}" outside -1 to 1 ({share:.3g})'
        )
    scale = np.where(variances > 0, np.sqrt(variances), 1.0)
    if not found and len(matrix) and np.linalg.eigvalsh(matrix / np.outer(scale, scale))[0] < -1e-8:
        kind = "factors" if name == "psi" else "residuals"
        found.append(f"the covariance matrix of the {kind} is not positive definite")
    return found


def _what(state: State, matrix: str, variable: str) -> str:
    """Name the kind of variance: an exogenous factor has a variance, everything else a residual."""
    explained = (
        state.matrices["beta"][state.block.eta.index(variable)].any() if matrix == "psi" else True
    )
    return "residual variance" if explained else "variance"
