"""What a construct is taken to be in a two-level model, and which factors then stand for it.

An individual construct belongs to persons, whatever cluster they are in. A configural one is the
same construct of a cluster as of its members, so that items load alike at both levels. A shared one
belongs to the cluster alone, and its members are informants about it. A simultaneous model has a
configural and a shared construct behind the same items (Stapleton, Yang & Hancock 2016, Journal of
Educational and Behavioral Statistics 41, 481-520).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from measure.consistency.composites import Composite, composite_of
from measure.fitting.fitted import Fit
from measure.model import State
from measure.specification.levels import BETWEEN, WITHIN

Array = NDArray[np.float64]

CONSTRUCTS = ("individual", "shared", "configural", "simultaneous")
# What a sum of items can be: a person's, its difference from the mean of the cluster, the mean of
# the members who answered, and what that mean would be of endlessly many.
ALL = PERSON, DEVIATION, MEAN, LATENT = "person", "deviation", "cluster mean", "latent mean"
# Loadings that differ by more than this share of the largest are not the same parameter.
EQUAL = 1e-6
# A covariance of factors below this is none.
UNCORRELATED = 1e-10


@dataclass(frozen=True)
class Target:
    """A construct as the factors of a model have it.

    Attributes
    ----------
    within, between
        Its factor at each level; empty where it has none.
    items
        Its items.
    scores
        Sums that it gives a meaning to.
    without
        Those of them whose omega the model does not tell, which `problem` explains.
    alone
        Whether nothing else stands behind the items, so that alpha is about it too.
    remark
        What a reader has to know about the items.
    """

    within: str
    between: str
    items: tuple[str, ...]
    scores: tuple[str, ...]
    without: tuple[str, ...] = ()
    problem: str = ""
    remark: str = ""
    alone: bool = True

    @property
    def name(self) -> str:
        """Its factors."""
        return " and ".join(dict.fromkeys(filter(None, (self.within, self.between))))

    def lacking(self, problem: str, *scores: str) -> "Target":
        """Give the same without the omega of these scores, by default of all."""
        return replace(self, without=scores or self.scores, problem=problem)


@dataclass(frozen=True, eq=False)
class Levels:
    """The factors of one group at both levels, with their items."""

    fit: Fit
    states: dict[int, State]

    def factors(self, level: int) -> Iterator[Composite]:
        """Factors of a level that have items of their own."""
        state = self.states[level]
        for name in self.fit.model.table.latent:
            if name in state.block.eta:
                yield composite_of(self.fit, state, name)

    def items(self, level: int, factor: Composite) -> tuple[str, ...]:
        """Names of a factor's items."""
        observed = self.states[level].block.observed
        return tuple(observed[i] for i in factor.items)

    def loadings(self, level: int, name: str, items: tuple[str, ...]) -> Array:
        """Loadings of items on a factor."""
        state = self.states[level]
        rows = [state.block.observed.index(item) for item in items]
        column = state.block.eta.index(name)
        return np.asarray(state.matrices["lambda_"][rows, column])

    def differing(self, within: str, between: str, items: tuple[str, ...]) -> str:
        """Say which item loads differently at the two levels; empty where none does."""
        inner, outer = self.loadings(WITHIN, within, items), self.loadings(BETWEEN, between, items)
        gaps = np.abs(inner - outer)
        worst = int(np.argmax(gaps))
        if gaps[worst] <= EQUAL * max(np.abs(inner).max(), np.abs(outer).max()):
            return ""
        return (
            f'"{items[worst]}" loads {inner[worst]:.3g} on {within} within clusters and '
            f"{outer[worst]:.3g} on {between} between them, and a construct that is the same at "
            "both levels needs equal loadings. Give each item the same label at both levels, as "
            f'"{within} =~ NA*{items[0]} + a*{items[0]} + ...", with the variance of the factor '
            'free between clusters; see `cross_level_invariance`. Or take construct="shared".'
        )

    def covary(self, level: int, first: str, second: str) -> bool:
        """Whether two factors of a level covary."""
        state = self.states[level]
        i, j = (state.block.eta.index(name) for name in (first, second))
        return bool(abs(state.covariance[i, j]) > UNCORRELATED)


def targets_of(levels: Levels, construct: str) -> list[Target]:
    """Constructs of a model, as `construct` says that they are meant."""
    return list(_TARGETS[construct](levels))


def _individual(levels: Levels) -> Iterator[Target]:
    """Every factor within, with the factor between that has the same items."""
    for factor in levels.factors(WITHIN):
        items = levels.items(WITHIN, factor)
        target = Target(factor.name, "", items, (PERSON, DEVIATION), remark=factor.remark)
        if factor.problem:
            yield target.lacking(factor.problem)
            continue
        partner = _partner(levels, BETWEEN, items)
        if partner is None:
            yield target.lacking(
                f"no factor between clusters has the items of {factor.name} and nothing else, so "
                "that what is true of persons' sums cannot be told from what is not.",
                PERSON,
            )
            continue
        target = replace(target, between=partner.name)
        unlike = levels.differing(factor.name, partner.name, items)
        yield target.lacking(unlike, PERSON) if unlike else target


def _configural(levels: Levels) -> Iterator[Target]:
    """Every factor between, with the factor within that has the same items and loadings."""
    for factor in levels.factors(BETWEEN):
        items = levels.items(BETWEEN, factor)
        target = Target("", factor.name, items, ALL, remark=factor.remark)
        if factor.problem:
            yield target.lacking(factor.problem)
            continue
        partner = _partner(levels, WITHIN, items)
        if partner is None:
            yield target.lacking(
                f"no factor within clusters has the items of {factor.name} and nothing else, which "
                'a configural construct has at both levels. Take construct="shared" where it is '
                "about clusters alone."
            )
            continue
        target = replace(target, within=partner.name, remark=factor.remark or partner.remark)
        unlike = levels.differing(partner.name, factor.name, items)
        yield target.lacking(unlike) if unlike else target


def _shared(levels: Levels) -> Iterator[Target]:
    """Every factor between, whatever is within."""
    for factor in levels.factors(BETWEEN):
        items = levels.items(BETWEEN, factor)
        target = Target("", factor.name, items, (MEAN, LATENT), remark=factor.remark)
        yield target.lacking(factor.problem) if factor.problem else target


def _simultaneous(levels: Levels) -> Iterator[Target]:
    """Two factors between: one with the loadings of a factor within, and one beside it."""
    for factor in levels.factors(WITHIN):
        items = levels.items(WITHIN, factor)
        target = Target(factor.name, "", items, ALL, remark=factor.remark, alone=False)
        if factor.problem:
            yield target.lacking(factor.problem)
            continue
        behind = {
            one.name: levels.items(BETWEEN, one)
            for one in levels.factors(BETWEEN)
            if set(levels.items(BETWEEN, one)) & set(items)
        }
        alike = all(set(own) == set(items) for own in behind.values())
        like = [name for name in behind if alike and not levels.differing(factor.name, name, items)]
        beside = [name for name in behind if name not in like]
        if len(like) != 1 or len(beside) != 1:
            yield target.lacking(
                f"between clusters the items of {factor.name} load on "
                f"{', '.join(behind) or 'nothing'}; a simultaneous model has two factors there, of "
                "these items and no others: a configural one with the loadings that the items have "
                "within clusters (label them alike), and a shared one."
            )
        elif levels.covary(BETWEEN, like[0], beside[0]):
            yield target.lacking(
                f"{like[0]} and {beside[0]} covary between clusters, so that what they have in "
                f'common belongs to neither. Fix it, as "{like[0]} ~~ 0*{beside[0]}".'
            )
        else:
            yield replace(target, between=like[0])
            yield replace(target, within="", between=beside[0], scores=(MEAN, LATENT))


_TARGETS = {
    "individual": _individual,
    "shared": _shared,
    "configural": _configural,
    "simultaneous": _simultaneous,
}


def _partner(levels: Levels, level: int, items: tuple[str, ...]) -> Composite | None:
    """Find the factor of a level that has these items, and whose sum measures it alone."""
    for factor in levels.factors(level):
        if not factor.problem and set(levels.items(level, factor)) == set(items):
            return factor
    return None
