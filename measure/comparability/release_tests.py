"""Score tests of single equalities across groups: what the data say against each.

A step of invariance is looked at as a point of the larger model in which the parameters that the
step makes equal have a value of their own in each group. With s the score there, A the information,
K the directions in which the step itself can move and e the direction that releases one parameter
in one group, u = e - K (K'AK)^-1 K'A e is what releasing adds: the test is Rao's N (u's)^2 / u'Au
on one degree of freedom, and u's / u'Au the change to be expected. Where standard errors are robust
the test is (sum u's_c)^2 / sum (u's_c)^2 over the scores s_c of respondents or clusters at the step
(Boos 1992, American Statistician 46, 327-333); see `null_scores` for why there.

Which of several parameters differs is another question, asked where groups are known to differ. The
tests are then compared as N (u's)^2 / u'Bu with B the variance of the score at the groups' own
moments: that of the scores at the step has grown by the difference itself, more for one parameter
than for another.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.comparability.ladder import STEPS, Name, Structure
from measure.comparability.ladder_fits import Ladder
from measure.comparability.ladder_text import model_text
from measure.comparability.null_scores import null_scores
from measure.distributions import chisq_sf
from measure.errors import OptionError
from measure.fitting.confirmatory import build_model_of
from measure.fitting.fitted import Fit
from measure.fitting.inference import information, inverse, meat
from measure.fitting.problem import Problem
from measure.fitting.starts import elements_by_name
from measure.model import Model
from measure.specification.options import ROBUST

Array = NDArray[np.float64]
NAN = float("nan")

# Below this share of its own information a direction adds nothing that the data can tell.
NOTHING = 1e-8
# A threshold can be released where two others stay to set the unit of the response.
FEWEST_THRESHOLDS = 3


@dataclass(frozen=True, eq=False)
class Larger:
    """The model in which all parameters that a step makes equal differ between the groups.

    Attributes
    ----------
    step
        The step.
    names
        Parameters that it makes equal.
    model
        The larger model, as matrices.
    """

    step: str
    names: tuple[Name, ...]
    model: Model

    @classmethod
    def of(cls, ladder: Ladder, fit: Fit, step: str) -> "Larger":
        """Lay it out for the answers of a fit."""
        structure = ladder.structure
        names = tuple(
            (row.lhs, row.op, row.rhs)
            for row in structure.rows
            if structure.kind(row) == STEPS[step]
            and structure.may_differ(row)
            and not (row.op == "|" and structure.thresholds[row.lhs] < FEWEST_THRESHOLDS)
        )
        everywhere = frozenset(range(structure.n_groups))
        # Not to be fitted, so that anchors are not asked for.
        apart = replace(structure, released=dict.fromkeys(names, everywhere))
        text = model_text(apart, ladder.equal(step))
        return cls(step, names, build_model_of(ladder.table(text, fit.moments), fit.moments))

    @cached_property
    def places(self) -> dict[tuple[Name, int], int]:
        """Place among the free elements of each parameter of each group, numbered from 0."""
        rows = [self.model.table.parameters[index] for index in self.model.free_rows]
        return {((r.lhs, r.op, r.rhs), r.group - 1): k for k, r in enumerate(rows)}

    def tangent(self, structure: Structure, equal: frozenset[str]) -> Array:
        """Directions (n_elements, k) in which a model with these kinds equal can move."""
        columns = []
        for row in structure.rows:
            pattern, name = structure.pattern(row, equal), (row.lhs, row.op, row.rhs)
            for own in dict.fromkeys(pattern.classes):
                members = [g for g, one in enumerate(pattern.classes) if one == own]
                if not pattern.fixed(members[0]):
                    columns.append(self.direction(name, members))
        return np.array(columns).T

    def direction(self, name: Name, groups: list[int]) -> Array:
        """Direction (n_elements,) that raises a parameter in these groups alone."""
        found = np.zeros(len(self.model.free_rows))
        if (name, groups[0]) in self.places:
            found[[self.places[name, g] for g in groups]] = 1.0
        else:
            # The first group's value sets the scale: it rises where all others fall.
            rest = [g for g in range(self.model.table.n_groups) if g not in groups]
            found[[self.places[name, g] for g in rest]] = -1.0
        return found


def candidates(
    structure: Structure, larger: Larger, equal: frozenset[str]
) -> Iterator[tuple[Name, int]]:
    """Give each parameter and group that can be released from those that share its value.

    Of two groups that share a value the later one is named.
    """
    rows = {(row.lhs, row.op, row.rhs): row for row in structure.rows}
    for name in larger.names:
        classes = structure.pattern(rows[name], equal).classes
        shared = [g for g in range(len(classes)) if classes.count(classes[g]) > 1]
        for group in shared[1:] if len(shared) == 2 else shared:
            yield name, group


class Tested(NamedTuple):
    """Tests of single parameters.

    `table` has one row a parameter and group: `lhs op rhs group`, the group's number from 0, `chisq
    pvalue`; `apart`, the chi-square by which those that differ are compared; and `epc`, the
    difference to be expected between the group's value and the one that the others share; NaN where
    the data cannot tell. `scores` (n_tests, n) is what each respondent or cluster adds to each
    test; see `null_scores`.
    """

    table: pd.DataFrame
    scores: Array


def release_tests(ladder: Ladder, fit: Fit, larger: Larger) -> Tested:
    """Test every parameter that a step makes equal, in every group.

    Parameters
    ----------
    ladder
        The model, and what is released so far.
    fit
        Its fit at the step.
    larger
        The larger model of the step.

    Returns
    -------
    Tested
        Robust where standard errors are.

    Raises
    ------
    OptionError
        The data do not determine the parameters of the step.
    """
    equal = ladder.equal(larger.step)
    elements = elements_by_name(fit.model, fit.params, larger.model)
    # What the step makes equal differs here, what others do is tied still; all are elements.
    params = elements[list(larger.model.reduction.kept)]
    point = Problem(larger.model, fit.moments, fit.problem.discrepancy).at(params)
    robust = fit.method.se in ROBUST
    unit = information(point, fit.method.information if robust else "expected")
    chosen = list(candidates(ladder.structure, larger, equal))
    wanted = np.array([larger.direction(name, [group]) for name, group in chosen]).T
    tangent = larger.tangent(ladder.structure, equal)
    taken = inverse(unit, tangent)
    if taken is None:
        raise OptionError(
            f'the information about the parameters of "{larger.step}" is singular, so that single '
            "equalities cannot be tested. Fix or equate what the data do not determine."
        )
    added = wanted - taken @ (unit @ wanted)
    own = (added * (unit @ added)).sum(axis=0)
    whole = (wanted * (unit @ wanted)).sum(axis=0)
    scores = null_scores(point, added)
    pressed = -0.5 * added.T @ point.gradient
    spread = meat(point, fit.method.se) if robust else unit
    variance, squares = (added * (spread @ added)).sum(axis=0), (scores**2).sum(axis=1)
    told = (own > NOTHING * whole) & (variance > 0) & (squares > 0)
    chisq, apart, epc = (np.full(len(chosen), NAN) for _ in range(3))
    apart[told] = fit.moments.scale * pressed[told] ** 2 / variance[told]
    chisq[told] = scores[told].sum(axis=1) ** 2 / squares[told] if robust else apart[told]
    epc[told] = pressed[told] / own[told]
    table = pd.DataFrame([name for name, _ in chosen], columns=["lhs", "op", "rhs"])
    table = table.assign(
        group=[group for _, group in chosen],
        chisq=chisq,
        pvalue=[chisq_sf(one, 1) if one == one else NAN for one in chisq],
        apart=apart,
        epc=epc,
    )
    return Tested(table, scores)
