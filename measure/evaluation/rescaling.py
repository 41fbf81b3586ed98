"""The values of a model that sets scales otherwise than a special case of it does.

Steps of invariance differ in what is equal, and so in what sets the zero and the unit of factors
and latent responses: a step that makes more equal leaves them free in later groups. Its moments are
those of the step before it at values that follow by shifts and factors alone. With c the unit of a
factor and m its zero, loadings are multiplied by c and intercepts raised by loadings times m; with
a the unit of a response, its thresholds, loadings, intercept and residuals are multiplied by a, and
thresholds lowered by the intercept.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from measure.fitting.fitted import Fit
from measure.model import Block, State

Array = NDArray[np.float64]


def rescaled(restricted: Fit, free: Fit) -> Array | None:
    """Elements of `free` where it sets scales and has the moments that `restricted` implies.

    Whether it has is not checked: values that `free` fixes or ties otherwise are passed over.

    Returns
    -------
    Array
        (n_elements,). None for models with paths, with other variables, or whose variances are not
        positive.
    """
    blocks, states = free.model.blocks, restricted.point.states
    if len(blocks) != len(states):
        return None
    found = np.zeros(len(free.model.free_rows))
    for state, block in zip(states, blocks, strict=True):
        values = _values(state, block)
        if values is None:
            return None
        for name, (i, j, elements) in block.elements.items():
            own = elements < len(found)
            found[elements[own]] = values[name][i[own], j[own]]
    return found


def _values(state: State, block: Block) -> Mapping[str, Array] | None:
    """Matrices of a block with the scales that another block sets."""
    own = state.block
    alike = (own.observed, own.eta) == (block.observed, block.eta)
    paths = own.has_paths or block.has_paths or not set(own.eta).isdisjoint(own.observed)
    if not alike or paths:
        return None
    values = {name: matrix.copy() for name, matrix in state.matrices.items()}
    given = {name: _given(block, name) for name in ("psi", "alpha", "theta", "nu", "delta")}
    if not _factors(values, block, given):
        return None
    return values if _responses(values, block, given) else None


def _given(block: Block, name: str) -> Array:
    """Values that a block fixes on a diagonal or in a column; NaN where they are free."""
    if name not in block.template:
        return np.zeros(0)
    matrix = block.template[name].copy()
    if name in block.elements:
        i, j, _ = block.elements[name]
        matrix[i, j] = np.nan
    return np.asarray(matrix.diagonal() if name in ("psi", "theta") else matrix[:, 0])


def _factors(values: dict[str, Array], block: Block, given: Mapping[str, Array]) -> bool:
    """Set the units and zeros of the factors; False where a variance is not positive."""
    psi, alpha, lambda_, nu = (values[name] for name in ("psi", "alpha", "lambda_", "nu"))
    unit = np.where(np.isnan(given["psi"]), psi.diagonal(), given["psi"])
    if (unit <= 0).any() or (psi.diagonal() <= 0).any():
        return False
    size = np.sqrt(psi.diagonal() / unit)
    lambda_ *= size
    psi /= size[:, None] * size
    alpha[:, 0] /= size
    if block.meanstructure:
        moved = np.where(np.isnan(given["alpha"]), 0.0, alpha[:, 0] - given["alpha"])
        alpha[:, 0] -= moved
        nu[:, 0] += lambda_ @ moved
    return True


def _responses(values: dict[str, Array], block: Block, given: Mapping[str, Array]) -> bool:
    """Set the units and zeros of latent responses; False where a variance is not positive."""
    layout = block.layout
    if layout is None:
        return True
    lambda_, theta, nu, tau, delta = (
        values[name] for name in ("lambda_", "theta", "nu", "tau", "delta")
    )
    # Under "delta" a scaling factor that is fixed sets the unit, under "theta" a residual variance.
    wanted = given["theta" if block.theta_scaled else "delta"]
    now = theta.diagonal() if block.theta_scaled else delta[:, 0] ** -2.0
    fixed = layout.ordered & ~np.isnan(wanted)
    target = np.where(fixed, wanted if block.theta_scaled else np.abs(wanted) ** -2.0, 1.0)
    if (now[fixed] <= 0).any() or (target[fixed] <= 0).any():
        return False
    size = np.sqrt(np.where(fixed, target / np.where(fixed, now, 1.0), 1.0))
    lambda_ *= size[:, None]
    theta *= size[:, None] * size
    nu[:, 0] *= size
    tau[:, 0] *= size[layout.items]
    delta[:, 0] /= size
    moved = np.where(layout.ordered & ~np.isnan(given["nu"]), nu[:, 0] - given["nu"], 0.0)
    nu[:, 0] -= moved
    tau[:, 0] -= moved[layout.items]
    return True
