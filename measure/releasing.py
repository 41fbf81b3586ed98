"""Partial invariance: which parameters differ between groups, found by a stated search."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from measure.checks import known_option
from measure.display import render_html, render_text
from measure.errors import OptionError
from measure.fitted import Fit
from measure.ladder import Name
from measure.ladder_fits import Ladder
from measure.multiplicity import CORRECTIONS, corrected
from measure.options import Options
from measure.release_tests import Larger, release_tests

DIRECTIONS = ("forwards",)


@dataclass(frozen=True, eq=False, repr=False)
class PartialInvariance:
    """What a search for parameters that differ between groups has released.

    Attributes
    ----------
    table
        One row a release, in the order of the search: `step lhs op rhs group` (which now has a
        value of its own), the robust score test at the time, `chisq pvalue pvalue.corrected` and
        `epc`, and from the last fit of the step `est` (the group's own value), `est.shared` (what
        the others share) and `difference`.
    remaining
        One row a parameter and group that is still equal: `step lhs op rhs group chisq pvalue
        pvalue.corrected epc` at the end of the search in its step.
    partial
        The releases as `measurement_invariance(partial=...)` takes them.
    fits
        Last fit of each step that was searched.
    holds
        Whether what is left equal sets a common scale: False where the search ended because no
        anchor would have been left.
    n_fits
        Models fitted.
    notes
        How the search went, and what a reader has to know.
    """

    table: pd.DataFrame
    remaining: pd.DataFrame
    partial: Mapping[str, tuple[object, ...]]
    fits: Mapping[str, Fit]
    holds: bool
    n_fits: int
    notes: tuple[str, ...]

    def _report(self) -> tuple[str, dict[str, object], dict[str, pd.DataFrame]]:
        facts: dict[str, object] = {
            "a common scale is left": self.holds,
            "models fitted": self.n_fits,
            **{f"note {k}": note for k, note in enumerate(self.notes, start=1)},
        }
        return "Partial invariance", facts, {"released": self.table}

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


@dataclass(frozen=True)
class Rule:
    """When a parameter is released.

    Attributes
    ----------
    alpha
        Level of each step.
    correction
        For the number of tests in a round: a name in `CORRECTIONS`.
    smallest
        Smallest difference to be expected that is worth releasing.
    """

    alpha: float
    correction: str
    smallest: float

    def applied(self, tests: pd.DataFrame) -> pd.DataFrame:
        """Add corrected p-values."""
        values = corrected(tests["pvalue"].to_numpy(), self.correction)
        tests = tests.copy()
        tests.insert(tests.columns.get_loc("pvalue") + 1, "pvalue.corrected", values)
        return tests

    def against(self, tests: pd.DataFrame) -> pd.DataFrame:
        """Take the tests that speak for a release, the strongest first."""
        spoken = (tests["pvalue.corrected"] < self.alpha) & (tests["epc"].abs() >= self.smallest)
        return tests[spoken].sort_values("chisq", ascending=False)


@dataclass
class Search:
    """A search under way."""

    ladder: Ladder
    rule: Rule
    released: list[dict[str, object]] = field(default_factory=list)
    remaining: list[pd.DataFrame] = field(default_factory=list)
    fits: dict[str, Fit] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    holds: bool = True
    n_fits: int = 0

    def fit(self, step: str, near: Fit | None) -> Fit:
        """Fit a step with what is released so far."""
        self.n_fits += 1
        return self.ladder.fit(step, near)

    def step(self, step: str, near: Fit | None) -> Fit:
        """Search a step: release the strongest, fit again, until none is left."""
        fit = self.fit(step, near)
        larger = Larger.of(self.ladder, fit, step)
        while True:
            tests = self.rule.applied(release_tests(self.ladder, fit, larger))
            against = self.rule.against(tests)
            if against.empty or not self._release(step, against.iloc[0]):
                break
            fit = self.fit(step, fit)
        self.fits[step] = fit
        self.remaining.append(tests.assign(step=step))
        return fit

    def _release(self, step: str, test: pd.Series) -> bool:
        """Release one parameter in one group; False where no anchor would be left."""
        name: Name = (test["lhs"], test["op"], test["rhs"])
        before = self.ladder.structure.released
        groups = before.get(name, frozenset()) | {int(test["group"])}
        try:
            structure = self.ladder.structure.with_released({**before, name: groups})
        except OptionError as error:
            self.holds = False
            self.notes.append(f'The search in "{step}" ended early: {error}')
            return False
        self.ladder = replace(self.ladder, structure=structure)
        self.released.append({"step": step, **test.to_dict()})
        return True


def partial_invariance(
    model: str,
    data: pd.DataFrame,
    *,
    group: str,
    steps: Sequence[str] | None = None,
    correction: str = "holm",
    alpha: float = 0.05,
    smallest: float = 0.0,
    ordered: Sequence[str] | bool = (),
    estimator: str | None = None,
    missing: str = "listwise",
    cluster: str | None = None,
    parameterization: str = "delta",
    information: str | None = None,
    std_lv: bool = True,
    categories: str = "refuse",
) -> PartialInvariance:
    """Search for the parameters whose equality across groups the data speak against.

    In each step of invariance, in their order, every parameter that the step makes equal is tested
    in every group by its score test. The one with the largest test is released in that group if its
    corrected p-value is below the level, the model is fitted again, and so on until none is; what
    is released stays so in the later steps.
    """
    known_option("correction", correction, CORRECTIONS)
    options = Options(
        estimator=estimator,
        missing=missing,
        ordered=ordered,
        group=group,
        cluster=cluster,
        std_lv=std_lv,
        parameterization=parameterization,
        information=information,
    )
    ladder = Ladder.of(model, data, options, None, categories)
    searched = (
        list(steps)
        if steps is not None
        else [s for s in ladder.steps if s not in ("configural", "strict")]
    )
    search = Search(ladder, Rule(alpha / len(searched), correction, smallest))
    last = None
    for step in searched:
        last = search.step(step, last)
    return finished(search)


def finished(search: Search) -> PartialInvariance:
    labels = search.ladder.groups
    table = pd.DataFrame(search.released)
    if len(table):
        own, shared = [], []
        for row in search.released:
            fit = search.fits[row["step"]]
            values = fit.parameters.set_index(["lhs", "op", "rhs", "group"])["est"]
            apart = search.ladder.structure.released[(row["lhs"], row["op"], row["rhs"])]
            rest = [g for g in range(len(labels)) if g not in apart]
            own.append(values[row["lhs"], row["op"], row["rhs"], labels[row["group"]]])
            shared.append(values[row["lhs"], row["op"], row["rhs"], labels[rest[0]]])
        table["est"] = own
        table["est.shared"] = shared
        table["difference"] = table["est"] - table["est.shared"]
        table["group"] = [labels[g] for g in table["group"]]
    return PartialInvariance(
        table,
        pd.concat(search.remaining),
        {},
        search.fits,
        search.holds,
        search.n_fits,
        tuple(search.notes),
    )
