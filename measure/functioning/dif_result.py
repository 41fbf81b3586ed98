"""What tests of differential item functioning give."""

from dataclasses import dataclass

import pandas as pd

from measure.display import render_html, render_text


@dataclass(frozen=True, eq=False)
class ItemFunctioning:
    """Tests of differential item functioning of each item of a scale.

    Attributes
    ----------
    table
        One row an item: `chisq df df2 pvalue pvalue.holm` of any difference between groups at the
        same standing; `chisq.uniform pvalue.uniform` of a shift and `chisq.nonuniform
        pvalue.nonuniform` of another slope; `r2.uniform r2.nonuniform`, what these add to
        Nagelkerke's R², and what their sum is called by Zumbo (1999) and by Jodoin & Gierl (2001),
        `zumbo jodoin.gierl`; `largest`, the largest shift of a group from the first, in log odds;
        `points`, the largest difference in the expected answer, in points of the answer scale;
        `flag`, whether the corrected p-value is below `alpha`; `n`; `note`, why an item has no
        test. `df2` are the denominator's of the F distribution.
    differences
        One row an item and group but the first: `item group shift se points points.absolute`, the
        shift in log odds, and the mean over the group's members of what they are expected to
        answer less what members of the first group with their standing are, with sign and without.
    effects
        One row a group but the first: `points se ci.lower ci.upper` of what the flagged items do
        to the group's mean of the scale, `points.absolute` if none of it cancelled, and
        `cancelled`, the share that does (NaN where no item is flagged).
    standing
        One row a group: `n mean sd` of the latent variable; 0 and 1 in the first.
    rounds
        One row a round of purification: `left_out flagged`, items in one text.
    anchors
        The items that standing was measured by in the end, an item itself excepted.
    groups
        The groups and their number of respondents; the first is the one that others shift from.
    alpha
        Level of the flags.
    n_clusters
        Clusters that the tests rest on, None without.
    notes
        What the reader has to know.
    """

    table: pd.DataFrame
    differences: pd.DataFrame
    effects: pd.DataFrame
    standing: pd.DataFrame
    rounds: pd.DataFrame
    anchors: tuple[str, ...]
    groups: "pd.Series[int]"
    alpha: float
    n_clusters: int | None
    notes: tuple[str, ...]

    def _report(self) -> tuple[str, dict[str, object], dict[str, pd.DataFrame]]:
        sizes = ", ".join(f"{group}: {n}" for group, n in self.groups.items())
        facts: dict[str, object] = {"groups": sizes, "level": self.alpha}
        if self.n_clusters is not None:
            facts["clusters"] = self.n_clusters
        facts["rounds"] = len(self.rounds)
        facts |= {f"note {i}": note for i, note in enumerate(self.notes, start=1)}
        tables = {"Items": self.table, "Effect of flagged items on the scale mean": self.effects}
        return "Differential item functioning", facts, tables

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())
