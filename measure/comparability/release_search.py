"""Searches for the parameters that differ between groups, step by step, forwards or backwards."""

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from measure.comparability.ladder import Name
from measure.comparability.ladder_fits import Ladder
from measure.comparability.multiplicity import LARGEST, corrected, largest_of
from measure.comparability.null_scores import null_scores
from measure.comparability.release_tests import Larger, Tested, release_tests
from measure.distributions import chisq_sf
from measure.errors import OptionError
from measure.fitting.fitted import Fit
from measure.fitting.inference import information, inverse

# Items, and thresholds of an item, that have to stay equal.
ANCHORS = 2


@dataclass(frozen=True)
class Rule:
    """When a parameter is released.

    Attributes
    ----------
    alpha
        Level of each step.
    correction
        For the number of tests in a round: a name in `multiplicity.CORRECTIONS`, or "maxt".
    smallest
        Smallest difference that is worth releasing.
    seed
        Of the draws of "maxt".
    """

    alpha: float
    correction: str
    smallest: float
    seed: int = 0

    def applied(self, tested: Tested) -> pd.DataFrame:
        """Add corrected p-values, and whether each test speaks for a release."""
        tests = tested.table
        if self.correction == LARGEST:
            values = largest_of(tests["chisq"].to_numpy(), tested.scores, self.seed)
        else:
            values = corrected(tests["pvalue"].to_numpy(), self.correction)
        spoken = (values < self.alpha) & (tests["epc"].abs() >= self.smallest).to_numpy()
        return tests.assign(**{"pvalue.corrected": values, "against": spoken})


@dataclass
class Search:
    """A search under way: what is released so far, and what is known about each step."""

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

    def forwards(self, step: str, near: Fit | None) -> Fit:
        """From all equal: release the strongest, fit again, until none speaks against."""
        fit = self.fit(step, near)
        larger = Larger.of(self.ladder, fit, step)
        while True:
            tests = self.rule.applied(release_tests(self.ladder, fit, larger))
            against = tests[tests["against"]].sort_values("apart", ascending=False)
            if against.empty or not self._release(step, against.iloc[0]):
                break
            fit = self.fit(step, fit)
        return self._ended(step, fit, tests)

    def backwards(self, step: str, near: Fit | None) -> Fit:
        """From all but the anchors free: make equal what does not differ, until all left do."""
        fit = self.fit(step, near)
        larger = Larger.of(self.ladder, fit, step)
        tests = release_tests(self.ladder, fit, larger).table
        free = tests[tests["chisq"].notna() & ~self._anchors(tests)]
        before = self.ladder
        while len(free):
            self.ladder = _releasing(before, free)
            fit = self.fit(step, fit)
            free = self.rule.applied(wald_tests(fit, free))
            if free["against"].all():
                break
            free = free[free["against"]]
        if not len(free):
            self.ladder = before
            fit = self.fit(step, fit)
        self.released += [_told(step, row) for _, row in free.iterrows()]
        left = self.rule.applied(release_tests(self.ladder, fit, larger))
        return self._ended(step, fit, left)

    def _ended(self, step: str, fit: Fit, tests: pd.DataFrame) -> Fit:
        self.fits[step] = fit
        self.remaining.append(tests.assign(step=step))
        return fit

    def _release(self, step: str, test: pd.Series) -> bool:
        """Release one parameter in one group; False where no anchor would be left."""
        try:
            self.ladder = _releasing(self.ladder, test.to_frame().T)
        except OptionError as error:
            self.holds = False
            self.notes.append(f'The search in "{step}" ended early: {error}')
            return False
        self.released.append(_told(step, test))
        return True

    def _anchors(self, tests: pd.DataFrame) -> pd.Series:
        """Mark the parameters that differ least: those of two items a factor, two thresholds each.

        Residuals and moments of factors need no anchors.
        """
        structure = self.ladder.structure
        factors: dict[str, str] = {}
        for row in structure.rows:
            if row.op == "=~":
                factors.setdefault(row.rhs, row.lhs)
        # An item with several loadings counts for the factor that is named first.
        of = {"|": tests["lhs"], "=~": tests["lhs"], "~1": tests["lhs"].map(factors)}
        op = str(tests["op"].iloc[0])
        if op not in of or tests["lhs"].iloc[0] in (structure.latent if op == "~1" else ()):
            return pd.Series(False, index=tests.index)
        name = tests["rhs"] if op != "~1" else tests["lhs"]
        worst = tests["chisq"].fillna(0.0).groupby([of[op], name]).transform("max")
        rank = worst.groupby(of[op]).rank(method="dense")
        return rank <= ANCHORS


def _told(step: str, test: pd.Series) -> dict[str, object]:
    """What is kept of a test that released a parameter."""
    return {"step": step, **{str(name): value for name, value in test.items()}}


def _releasing(ladder: Ladder, rows: pd.DataFrame) -> Ladder:
    """Release parameters in groups, on top of what is released.

    Raises
    ------
    OptionError
        No anchor would be left.
    """
    released = dict(ladder.structure.released)
    for row in rows.itertuples():
        name: Name = (str(row.lhs), str(row.op), str(row.rhs))
        released[name] = released.get(name, frozenset()) | {int(str(row.group))}
    return replace(ladder, structure=ladder.structure.with_released(released))


def wald_tests(fit: Fit, rows: pd.DataFrame) -> Tested:
    """Test the difference of released parameters from what the other groups share.

    Parameters
    ----------
    fit
        A fit in which they are released.
    rows
        `lhs op rhs group`, the group's number from 0.

    Returns
    -------
    Tested
        The same with `chisq pvalue`, the Wald test by the standard errors of the fit, and `epc`,
        the difference.
    """
    chisq, epc = np.zeros(len(rows)), np.zeros(len(rows))
    spread = fit.vcov_elements
    slopes = np.zeros((len(spread), len(rows)))
    for k, row in enumerate(rows.itertuples()):
        name = (str(row.lhs), str(row.op), str(row.rhs))
        apart = rows.loc[(rows[["lhs", "op", "rhs"]] == list(name)).all(axis=1), "group"].tolist()
        own, other = differing(fit, name, int(str(row.group)), apart)
        slope = slopes[:, k]
        for index, sign in ((own, 1.0), (other, -1.0)):
            if fit.model.table.parameters[index].free:
                slope[fit.model.free_rows.index(index)] += sign
        epc[k] = fit.row_values[own] - fit.row_values[other]
        chisq[k] = epc[k] ** 2 / (slope @ spread @ slope)
    table = rows.assign(chisq=chisq, pvalue=[chisq_sf(one, 1) for one in chisq], epc=epc)
    point = fit.problem.at(fit.params)
    basis = point.basis if fit.model.constrained else None
    bread = inverse(information(point, fit.method.information), basis)
    assert bread is not None
    return Tested(table, null_scores(point, bread @ slopes))


def differing(fit: Fit, name: Name, group: int, apart: list[int]) -> tuple[int, int]:
    """Rows of the table of a parameter in a group, and in the first that shares the common value.

    Where all groups differ, the first other group stands for them.
    """
    rows = {row.group - 1: k for k, row in enumerate(fit.model.table.parameters) if row[:3] == name}
    shared = [g for g in rows if g not in apart] or [g for g in rows if g != group]
    return rows[group], rows[shared[0]]
