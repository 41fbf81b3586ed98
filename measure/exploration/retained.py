"""What the criteria for the number of factors say, as one result."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from measure.display import render_html, render_text

KAISER = "counts eigenvalues above 1 and suggests too many factors; shown for completeness only"


def no_answer(criterion: str, why: str) -> str:
    """Say in a note why a criterion has no answer."""
    return f"{criterion} has no answer: {why}."


@dataclass(frozen=True, eq=False)
class FactorRetention:
    """How many factors each criterion suggests.

    Attributes
    ----------
    table
        `criterion n_factors`, with a missing value where a criterion has no answer; `notes` say
        why. `parallel_pca` and `parallel_paf` compare eigenvalues with the chosen quantile of those
        of random data, `..._mean` with their mean; `map_squared` and `map_fourth` are Velicer's
        minimum average partial and its revision; `ekc` the empirical Kaiser criterion. Where asked
        for: `hull_cfi`, `hull_caf` and `hull_rmsea` (Hull), `comparison_data`, `next_eigenvalue`,
        `chisq` (first model not rejected), `rmsea` (first with an interval that begins below 0.05),
        `aic` and `bic` (lowest). `kaiser` counts eigenvalues above 1 and is shown only because
        readers ask for it: it suggests too many factors.
    parallel
        Eigenvalues of the correlation matrix beside those of random data: `eigenvalue mean q95`
        (`q95` follows the quantile asked for); the index is the factor number.
    parallel_reduced
        The same with squared multiple correlations on the diagonal (principal axis factoring).
    map
        Average partial correlation after removing 0, 1, ... components: `squared fourth`.
    ekc
        `eigenvalue reference`.
    tests
        Models of 0, 1, 2, ... factors, see `measure.exploration.factor_sequence.factor_sequence`;
        without rows where no criterion needs them.
    hull
        `measure n_factors value df on_hull ratio`, see `measure.exploration.hull.hull`; likewise.
    comparison_data
        By number of factors: `rmsr rmsr.cor pvalue`, see `measure.exploration.comparison_data`;
        likewise.
    next_eigenvalue
        By number of factors: `eigenvalue reference`, see `measure.exploration.next_eigenvalue`;
        likewise.
    n_obs, n_items, n_dropped, n_clusters
        Rows used, items, rows left out because an answer (or the cluster) is missing, and clusters;
        None where none are given.
    n_draws, quantile, seed, correlation, criteria
        As asked for; a seed that was left out is drawn.
    unanswered
        Why a criterion has no answer, by its name.
    notes
        What the reader has to know, these reasons included.
    """

    table: pd.DataFrame
    parallel: pd.DataFrame
    parallel_reduced: pd.DataFrame
    map: pd.DataFrame
    ekc: pd.DataFrame
    tests: pd.DataFrame
    hull: pd.DataFrame
    comparison_data: pd.DataFrame
    next_eigenvalue: pd.DataFrame
    n_obs: int
    n_items: int
    n_dropped: int
    n_clusters: int | None
    n_draws: int
    quantile: float
    seed: int
    correlation: str
    criteria: tuple[str, ...]
    unanswered: Mapping[str, str]
    notes: tuple[str, ...]

    def _facts(self) -> dict[str, object]:
        facts: dict[str, object] = {
            "correlations": self.correlation,
            "respondents used": self.n_obs,
            "left out (missing answers)": self.n_dropped,
            "random data sets": self.n_draws,
            "quantile": self.quantile,
        }
        if self.n_clusters is not None:
            facts["clusters"] = self.n_clusters
        facts["kaiser"] = KAISER
        return facts | {f"note {number}": note for number, note in enumerate(self.notes, start=1)}

    def __repr__(self) -> str:
        return render_text("Number of factors", self._facts(), self._tables())

    def _repr_html_(self) -> str:
        return render_html("Number of factors", self._facts(), self._tables())

    def _tables(self) -> dict[str, pd.DataFrame]:
        tables = {
            "Suggested": self.table,
            "Parallel analysis, correlation matrix": self.parallel,
            "Parallel analysis, reduced correlation matrix": self.parallel_reduced,
            "Models of 0, 1, 2, ... factors": self.tests,
            "Hull": self.hull,
            "Comparison data": self.comparison_data,
            "Next eigenvalue": self.next_eigenvalue,
        }
        return {caption: table for caption, table in tables.items() if len(table)}
