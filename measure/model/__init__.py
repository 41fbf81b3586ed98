"""The parameter table as matrices: implied moments and their derivatives.

Every block (a group at a level) has the LISREL matrices of Bollen (1989, eqs 8.1 to 8.4) in the
all-y form. Observed variables that take part in regressions stand among `eta` with a loading of 1
and no residual, so that one form covers factor models, paths and growth curves:

    y = nu + lambda eta + epsilon,     eta = alpha + beta eta + zeta
    Sigma = lambda A psi A' lambda' + theta,   mu = nu + lambda A alpha,   A = (I - beta)^-1

Ordered items are latent responses y that `measure.specification.responses` leads on from.

States, derivatives and curvatures also take many parameter vectors at once, (..., n_params), and
then give everything with the same leading dimensions: a bootstrap evaluates its samples together.
"""

from measure.model.blocks import Block, Place
from measure.model.curvature import Curvature
from measure.model.derivatives import Derivatives, Tied, latent_derivatives, observed_derivatives
from measure.model.implied import Implied, moment_vector, vech_places
from measure.model.joined_levels import level_jacobian, level_vector
from measure.model.model import ACTIVE, Model
from measure.model.states import State

__all__ = [
    "ACTIVE",
    "Block",
    "Curvature",
    "Derivatives",
    "Implied",
    "Model",
    "Place",
    "State",
    "Tied",
    "latent_derivatives",
    "level_jacobian",
    "level_vector",
    "moment_vector",
    "observed_derivatives",
    "vech_places",
]
