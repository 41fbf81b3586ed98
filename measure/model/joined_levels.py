"""Ordered items at two levels: what the level within clusters says about the one between them.

A response is the sum of a part between clusters and one within them, and its scale is set within:
its scaling factor delta (see `measure.specification.responses`) multiplies both parts. Thresholds
and means stand between clusters, those of items that are modelled within only stand there. Seen
are thresholds delta (tau - mu), correlations within and delta Sigma delta between clusters.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from measure.model.derivatives import Derivatives
from measure.model.implied import Implied
from measure.model.states import State
from measure.specification.level_layout import TwoLevelLayout
from measure.specification.responses import Layout, Responses, Slopes

Array = NDArray[np.float64]


def joined(within: State, between: State) -> tuple[State, State]:
    """Bring the level between clusters to the scale that is set within them.

    The variables between clusters are the last ones within. The moments within then have the
    thresholds of all items, those between the thresholds of theirs.
    """
    inner, raw = within.responses, between.implied
    assert inner is not None
    assert raw.mu is not None
    assert within.implied.thresholds is not None
    k, tau = len(between.block.observed), between.matrices["tau"][:, 0]
    delta, layout = inner.delta[-k:], Layout(inner.layout.n_thresholds[-k:])
    outer = Responses(layout, raw.mu, raw.sigma, tau, delta)
    thresholds = within.implied.thresholds.copy()
    thresholds[-len(tau) :] += delta[layout.items] * (tau - raw.mu[layout.items])
    none = np.zeros(k)
    seen = Implied(none, raw.sigma * np.outer(delta, delta), thresholds[-len(tau) :])
    return (
        replace(within, implied=within.implied._replace(thresholds=thresholds)),
        replace(between, implied=seen, responses=outer),
    )


def level_vector(layout: TwoLevelLayout, within: Implied, between: Implied) -> Array:
    """Put the moments of both levels into the vector that `TwoLevelLayout` describes."""
    assert within.thresholds is not None
    return layout.vector(within.thresholds, within.sigma, between.sigma)


def level_jacobian(layout: TwoLevelLayout, inner: Derivatives, outer: Derivatives) -> Array:
    """Derivatives of that vector with respect to the free elements, (size, q)."""
    assert inner.scale is not None
    assert outer.scale is not None
    assert outer.d_mu is not None
    responses, n = outer.scale.responses, len(layout.items)
    d_delta = inner.scale.d_delta
    if d_delta is not None:
        d_delta = d_delta[-layout.n_outer :]
    slopes = Slopes(outer.u, outer.v, outer.d_mu, outer.scale.d_tau, d_delta)
    moved, own = responses.jacobian(slopes), inner.jacobian.copy()
    n_outer = len(responses.tau)
    own[n - n_outer : n] += moved[:n_outer]
    delta = responses.delta[:, None]
    variances = 2 * delta**2 * outer.u * outer.v
    if d_delta is not None:
        variances = variances + 2 * delta * d_delta * np.diagonal(responses.sigma)[:, None]
    return np.vstack([own[:n], variances, own[n:], moved[n_outer:]])
