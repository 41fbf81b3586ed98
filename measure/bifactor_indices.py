"""Omega, ECV, PUC and H of a fitted model with a general factor."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.answer_sums import Answers
from measure.checks import confidence
from measure.display import render_html, render_text
from measure.distributions import normal_quantile
from measure.errors import OptionError
from measure.fitted import Fit
from measure.general_factor import GeneralFactor, Slope, continuous
from measure.model import State, vech_places
from measure.ordinal_composites import answers_with

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

DELTA = "normal, delta method"


@dataclass(frozen=True, eq=False)
class BifactorIndices:
    """What sums of items owe to a general factor and to group factors.

    Attributes
    ----------
    table
        One row a factor, index and group of respondents: `factor coefficient group est se ci.lower
        ci.upper`. `omega_t`, `omega_h`, `ecv` and `h` of the general factor, which comes first, are
        those of all items; of a group factor those of its items, `omega_h` being what the group
        factor adds to their sum. `puc` has no interval. See `measure.general_factor` for formulas.
    loadings
        Standardised loadings on uncorrelated factors, items × factors, by group of respondents.
    determinacy
        Correlation of each factor with its regression score, by group of respondents.
    confidence_level
        Of the intervals.
    n_obs, n_items, n_dropped, n_clusters
        Rows used, items, rows left out, clusters (None without).
    facts
        How the numbers were obtained, by name.
    notes
        What the reader has to know.
    """

    table: pd.DataFrame
    loadings: pd.DataFrame
    determinacy: pd.DataFrame
    confidence_level: float
    n_obs: int
    n_items: int
    n_dropped: int
    n_clusters: int | None
    facts: dict[str, object]
    notes: tuple[str, ...]

    def of(self, coefficient: str, factor: str | None = None) -> float:
        """Value of an index in the first group, by default of the general factor."""
        rows = self.table[self.table["coefficient"] == coefficient]
        rows = rows if factor is None else rows[rows["factor"] == factor]
        if not len(rows):
            raise KeyError((coefficient, factor))
        return float(rows["est"].iloc[0])

    def _report(self) -> tuple[str, dict[str, object], dict[str, pd.DataFrame]]:
        facts = self.facts | {"rows used": self.n_obs, "left out": self.n_dropped}
        if self.n_clusters is not None:
            facts["clusters"] = self.n_clusters
        facts |= {f"note {k}": note for k, note in enumerate(self.notes, start=1)}
        tables = {
            "Estimates": self.table,
            "Standardised loadings": self.loadings,
            "Factor determinacy": self.determinacy,
        }
        return "Omega and bifactor indices", facts, tables

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def bifactor_indices(fit: Fit, *, confidence_level: float = 0.95) -> BifactorIndices:
    """Omega total and hierarchical, ECV, PUC and H of a model with a general factor.

    Parameters
    ----------
    fit
        A fitted model with one factor, with a general and group factors that do not correlate, or
        with a second-order factor behind all first-order ones, whose disturbances are then the
        group factors. With ordered items the omegas are those of the sum of the answers.
    confidence_level
        Of the intervals: normal, by the delta method from the covariance matrix of the estimates,
        which is robust, or by clusters, where that of the fit is.

    Returns
    -------
    BifactorIndices
        All variances are those that the model implies.

    Raises
    ------
    OptionError
        No factor, or more than one, stands behind all items; factors correlate; items have paths of
        their own.
    """
    z = float(normal_quantile((1 + confidence(confidence_level)) / 2))
    parts = [Structure(fit, group) for group in range(fit.n_groups)]
    rows = []
    for part in parts:
        gradient = part.gradient
        spread = np.einsum("ke,ef,kf->k", gradient, fit.vcov_elements, gradient)
        se = np.sqrt(np.maximum(spread, 0.0))
        est = part.at_estimates.values
        columns = {"est": est, "se": se, "ci.lower": est - z * se, "ci.upper": est + z * se}
        rows.append(index_rows(part.at_estimates, fit.moments.groups[part.group], columns))
    facts: dict[str, object] = {
        "estimator": fit.estimator,
        "interval": f"{DELTA}, {confidence_level:.0%}",
        "missing": fit.missing,
    }
    return indices_result(parts, pd.concat(rows, ignore_index=True), confidence_level, facts)


def indices_result(
    parts: "list[Structure]", table: pd.DataFrame, level: float, facts: dict[str, object]
) -> BifactorIndices:
    """Put the indices of a fit together with its loadings and remarks."""
    fit = parts[0].fit
    labels = fit.moments.groups
    loadings = {
        label: pd.DataFrame(
            part.at_estimates.standardized,
            index=list(fit.moments.names),
            columns=list(part.at_estimates.names),
        )
        for label, part in zip(labels, parts, strict=True)
    }
    determinacy = [part.at_estimates.determinacy for part in parts]
    notes = [note for part in parts for note in part.notes]
    return BifactorIndices(
        table=table,
        loadings=loadings[labels[0]] if len(labels) == 1 else pd.concat(loadings),
        determinacy=pd.DataFrame(
            determinacy, index=list(labels), columns=list(parts[0].at_estimates.names)
        ),
        confidence_level=level,
        n_obs=fit.n_obs,
        n_items=len(fit.moments.names),
        n_dropped=fit.n_dropped,
        n_clusters=fit.n_clusters,
        facts=facts,
        notes=tuple(dict.fromkeys([*notes, *fit.notes])),
    )


def index_rows(found: GeneralFactor, group: object, columns: dict[str, Array]) -> pd.DataFrame:
    """Name the indices of one group, and add PUC, which has no spread."""
    labels = found.labels
    table = pd.DataFrame(
        {
            "factor": [factor for factor, _ in labels],
            "coefficient": [kind for _, kind in labels],
            "group": [group] * len(labels),
            **columns,
        }
    )
    if len(found.names) == 1:
        return table
    puc = {"factor": found.names[0], "coefficient": "puc", "group": group, "est": found.puc}
    # After the indices of the general factor.
    at = sum(factor == found.names[0] for factor, _ in labels)
    row = pd.DataFrame([puc], columns=table.columns)
    return pd.concat([table[:at], row.astype(table.dtypes), table[at:]], ignore_index=True)


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
                f"{', '.join(own)} has paths of its own; these indices are for items that depend "
                "on factors only."
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

    @property
    def _reached(self) -> NDArray[np.bool_]:
        """Which items depend on which factors, whatever the values, (p, n_eta)."""
        block = self._state.block
        by_factor = block.template["lambda_"] != 0
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
        return step

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
