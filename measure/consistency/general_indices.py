"""Omega, ECV, PUC and H of a fitted model with a general factor."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import confidence
from measure.consistency.general_factor import GeneralFactor
from measure.consistency.general_structure import Structure
from measure.display import render_html, render_text
from measure.distributions import normal_quantile
from measure.fitting.fitted import Fit, require_one_level

Array = NDArray[np.float64]

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
        factor adds to their sum. `puc` has no interval. See `measure.consistency.general_factor`
        for formulas.
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
    require_one_level(fit, "bifactor_indices")
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
    parts: list[Structure], table: pd.DataFrame, level: float, facts: dict[str, object]
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
