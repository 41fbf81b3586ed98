"""The retrospective pre-test: how people see afterwards where they stood before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from measure.display import render_html, render_text
from measure.fitting.fitted import Fit
from measure.occasions.latent_changes import latent_change

BEFORE, THEN, AFTER = "before", "retrospective", "after"
READINGS = {
    (BEFORE, AFTER): "as measured",
    (THEN, AFTER): "as seen afterwards",
    (BEFORE, THEN): "moved yardstick",
}
"""What the difference between two of the three answers is called."""


@dataclass(frozen=True, eq=False)
class RetrospectivePretest:
    """Change as measured, and as people see it afterwards.

    Attributes
    ----------
    table
        Three rows a factor: `factor reading from to n change se pvalue ci.lower ci.upper d d.se
        d.ci.lower d.ci.upper raw raw.ci.lower raw.ci.upper raw.d`; see `retrospective_pretest`.
    fit
        The model of all three.
    released
        Parameters that were left to differ.
    n_obs, n_clusters
        Respondents, and clusters (None without).
    notes
        What a reader has to know.
    """

    table: pd.DataFrame
    fit: Fit
    released: tuple[str, ...]
    n_obs: int
    n_clusters: int | None
    notes: tuple[str, ...]

    def _report(self) -> tuple[str, Mapping[str, object], Mapping[str, pd.DataFrame]]:
        facts: dict[str, object] = {
            "estimator": self.fit.estimator,
            "respondents": self.n_obs,
            "left to differ": ", ".join(self.released) or "nothing",
        }
        facts |= {f"note {k}": note for k, note in enumerate(self.notes, start=1)}
        return "Retrospective pre-test", facts, {"Change": self.table}

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def retrospective_pretest(
    model: str,
    data: pd.DataFrame,
    *,
    before: str | Mapping[str, str],
    retrospective: str | Mapping[str, str],
    after: str | Mapping[str, str],
    ordered: Sequence[str] | bool = (),
    partial: Sequence[str] = (),
    estimator: str | None = None,
    missing: str = "listwise",
    cluster: str | None = None,
    parameterization: str = "delta",
    information: str | None = None,
    categories: str = "refuse",
) -> RetrospectivePretest:
    """Set the pre-test beside what people say afterwards about where they stood before.

    Parameters
    ----------
    data
        One row a respondent.
    before, retrospective, after
        Columns of the three answers to each item: a pattern ("{item}_pre"), or the column of each.

    All other parameters are those of `latent_change`.

    Returns
    -------
    RetrospectivePretest
        By `reading`: "as measured", after less before; "as seen afterwards", after less
        retrospective; and "moved yardstick", retrospective less before (the then-test; Howard
        1980), all in standard deviations of the answers before. A yardstick that moved down
        means that people now think they stood lower than they had said. Such a difference may also
        come from memory, from wishing to have gained, or from what people believe that courses do
        (Schwartz & Sprangers 2010): it is no proof that the pre-test was wrong.

    Raises
    ------
    OptionError, DataError, ModelError, ConvergenceError, IdentificationError
        As for `latent_change`.

    References
    ----------
    Howard, G. S. (1980). Response-shift bias: A problem in evaluating interventions with pre/post
    self-reports. Evaluation Review, 4, 93-106.
    Schwartz, C. E., & Sprangers, M. A. G. (2010). Guidelines for improving the stringency of
    response shift research using the thentest. Quality of Life Research, 19, 455-464.
    """
    waves: dict[Any, str | Mapping[str, str]] = {
        BEFORE: before,
        THEN: retrospective,
        AFTER: after,
    }
    found = latent_change(
        model,
        data,
        waves=waves,
        ordered=ordered,
        partial=partial,
        estimator=estimator,
        missing=missing,
        cluster=cluster,
        parameterization=parameterization,
        information=information,
        categories=categories,
    )
    table = found.table.drop(columns="group")
    pairs = zip(table["from"], table["to"], strict=True)
    table.insert(1, "reading", [READINGS[pair] for pair in pairs])
    return RetrospectivePretest(
        table=table,
        fit=found.fit,
        released=found.released,
        n_obs=found.n_obs,
        n_clusters=found.n_clusters,
        notes=(
            *found.notes,
            "A moved yardstick may also be memory, or a wish to have gained; it does not show that "
            "the answers before were wrong.",
        ),
    )
