"""Coefficients of a set of items as a result: a table with intervals, and how it was obtained."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from measure.consistency.covariance_functions import Asked, Functions, spread_of
from measure.consistency.covariance_samples import CovarianceSample
from measure.display import render_html, render_text


@dataclass(frozen=True, eq=False)
class Coefficients:
    """Coefficients of a set of items, with intervals.

    Attributes
    ----------
    title
        What they are.
    table
        One row a coefficient: `coefficient est se ci.lower ci.upper`. `se` is the distribution-free
        standard error, or the standard deviation of the bootstrap replicates.
    interval, confidence_level
        Which interval, and of which level.
    n_obs, n_items, n_dropped, n_clusters
        Rows used, items, rows left out, clusters (None without).
    facts
        How the coefficients were obtained, by name.
    notes
        What the reader has to know.
    """

    title: str
    table: pd.DataFrame
    interval: str
    confidence_level: float
    n_obs: int
    n_items: int
    n_dropped: int
    n_clusters: int | None
    facts: dict[str, object]
    notes: tuple[str, ...]

    def __getitem__(self, coefficient: str) -> float:
        """Value of a coefficient."""
        found = self.table.loc[self.table["coefficient"] == coefficient, "est"]
        if len(found) != 1:
            raise KeyError(coefficient)
        return float(found.iloc[0])

    def _report(self) -> tuple[str, dict[str, object], dict[str, pd.DataFrame]]:
        facts = self.facts | {"rows used": self.n_obs, "left out": self.n_dropped}
        if self.n_clusters is not None:
            facts["clusters"] = self.n_clusters
        facts |= {f"note {k}": note for k, note in enumerate(self.notes, start=1)}
        return self.title, facts, {"Estimates": self.table}

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def coefficients_of(
    title: str,
    sample: CovarianceSample,
    functions: Functions,
    asked: Asked,
    **others: Any,
) -> Coefficients:
    """Put functions of the covariances of a sample, with their intervals, into a result."""
    est = functions.values(sample.covariance)
    spread = spread_of(sample, functions, asked, est)
    return Coefficients(
        title,
        pd.DataFrame({"coefficient": functions.names, "est": est, **spread.columns}),
        asked.kind,
        asked.level,
        sample.n_obs,
        len(sample.names),
        sample.n_dropped,
        sample.n_clusters,
        asked.facts | others.get("facts", {}),
        (*others.get("notes", ()), *spread.notes),
    )
