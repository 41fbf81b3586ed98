"""Where the general factor of a fitted model stands, and how its indices move with estimates."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from measure.consistency.answer_sums import Answers
from measure.consistency.general_factor import GeneralFactor, Slope, continuous
from measure.consistency.ordinal_composites import answers_with
from measure.errors import OptionError
from measure.fitting.fitted import Fit
from measure.model import State, vech_places

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Structure:
    """A model with a general factor, in one group of a fit."""

    fit: Fit
    group: int

    @property
    def _state(self) -> State:
        return self.fit.point.states[self.group]

    @cached_property
    def columns(self) -> list[int]:
        """Places of the factors among `eta`, the general one first."""
        state, table = self._state, self.fit.model.table
        block = state.block
        own = [name for name in block.eta if name not in table.latent]
        if own:
            raise OptionError(
                f"{own[0]} has paths of its own; these indices are for items that depend on "
                "factors only."
            )
        psi = state.matrices["psi"]
        across = np.argwhere(np.triu(psi != 0, 1))
        if len(across):
            one, other = (block.eta[k] for k in across[0])
            raise OptionError(
                f"{one} and {other} covary; a general factor and group factors do not. Fit with "
                "orthogonal=True, or with a second-order factor."
            )
        reached = self._reached
        everywhere = np.flatnonzero(reached.all(axis=0))
        if len(everywhere) != 1:
            raise OptionError(
                f"{len(everywhere) or 'no'} factors stand behind all items, but one has to: the "
                "general factor. Give all items to one factor, or a second-order factor to all."
            )
        general = int(everywhere[0])
        return [general, *(k for k in range(len(block.eta)) if k != general)]

    @cached_property
    def _reached(self) -> NDArray[np.bool_]:
        """Which items depend on which factors, whatever the values, (p, n_eta)."""
        block = self._state.block
        by_factor: NDArray[np.bool_] = block.template["lambda_"] != 0
        among = np.zeros((len(block.eta),) * 2, dtype=bool)
        if "beta" in block.template:
            among |= block.template["beta"] != 0
        for name, target in (("lambda_", by_factor), ("beta", among)):
            if name in block.elements:
                i, j, _ = block.elements[name]
                target[i, j] = True
        step = by_factor.copy()
        for _ in block.eta:
            step = step | (step.astype(int) @ among.astype(int) > 0)
        return np.asarray(step, dtype=bool)

    def at(self, state: State) -> GeneralFactor:
        """Give the factors at other values of the parameters."""
        columns, reached = self.columns, self._reached
        loadings = state.loading[:, columns] * _spread(state)[columns]
        if state.responses is not None:
            loadings = state.responses.delta[:, None] * loadings
        names = state.block.eta
        return GeneralFactor(
            tuple(names[k] for k in columns),
            loadings,
            state.implied.sigma,
            self._answers(state),
            tuple(np.flatnonzero(reached[:, k]) for k in columns),
        )

    @cached_property
    def at_estimates(self) -> GeneralFactor:
        """The factors of the fit."""
        return self.at(self._state)

    @cached_property
    def gradient(self) -> Array:
        """Derivatives of the indices by the free elements, (n_indices, n_elements)."""
        by_element = self._loading_slopes
        jacobian = self.fit.point.jacobians[self.group]
        return np.stack([self._chained(s, by_element, jacobian) for s in self.at_estimates.slopes])

    @property
    def notes(self) -> list[str]:
        """What a reader has to know about the model in this group."""
        found, label = self.at_estimates, self.fit.moments.groups[self.group]
        where = f' in group "{label}"' if self.fit.n_groups > 1 else ""
        notes = []
        improper = self.fit.point.improprieties
        if improper:
            notes.append(f"The solution is improper: {'; '.join(improper)}.")
        for factor, own in zip(found.names, found.members, strict=True):
            loadings = found.loadings[own, found.names.index(factor)]
            if loadings.min() < 0 < loadings.max():
                notes.append(
                    f"{factor}{where}: loadings of both signs, which cancel in a sum. Reverse-key "
                    "items before summing them, or look whether the factor is one."
                )
        return notes

    def _answers(self, state: State) -> Answers:
        if state.responses is None:
            return continuous(len(self.fit.moments.names))
        assert state.implied.thresholds is not None
        return answers_with(self.fit.moments, state.implied.thresholds)

    def _chained(self, slope: Slope, by_element: Array, jacobian: Array) -> Array:
        """Derivatives of one index by the elements."""
        found = np.einsum("pk,pke->e", slope.loadings, by_element)
        G, responses = slope.covariances, self._state.responses
        if responses is None:
            a, b = vech_places(len(G))
            weights = np.where(a == b, G[a, b], G[a, b] + G[b, a])
            return np.asarray(found + weights @ jacobian[-len(a) :])
        layout = responses.layout
        thresholds, _, variances, covariances = layout.sections
        i, j = layout.pairs
        found = found + slope.thresholds @ jacobian[thresholds]
        found = found + np.diag(G)[layout.continuous] @ jacobian[variances]
        return np.asarray(found + (G[i, j] + G[j, i]) @ jacobian[covariances])

    @property
    def _loading_slopes(self) -> Array:
        """Derivatives of the loadings by the elements, (p, k, n_elements)."""
        state, columns = self._state, self.columns
        total, inverse = state.loading, state.inverse
        sd = _spread(state)
        found = np.zeros((*total.shape, len(self.fit.model.free_rows)))
        for name, (i, j, element) in state.block.elements.items():
            for a, b, e in zip(i, j, element, strict=True):
                # Elements beyond the free ones are residual variances that follow from them.
                if e >= found.shape[2]:
                    continue
                if name == "lambda_":
                    found[a, :, e] += inverse[b] * sd
                elif name == "beta":
                    found[:, :, e] += np.outer(total[:, a], inverse[b] * sd)
                elif name == "psi" and a == b:
                    found[:, a, e] += total[:, a] / (2 * sd[a])
        if state.responses is None:
            return found[:, columns]
        found *= state.responses.delta[:, None, None]
        scale = self.fit.point.derivatives[self.group].scale
        assert scale is not None
        if scale.d_delta is not None:
            found += (total * sd)[:, :, None] * scale.d_delta[:, None, :]
        return found[:, columns]


def _spread(state: State) -> Array:
    """Standard deviations of the factors, or of their disturbances; NaN where negative."""
    variances = np.diag(state.matrices["psi"])
    return np.sqrt(np.where(variances > 0, variances, np.nan))
