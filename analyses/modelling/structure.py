"""What a model text claims, read on its own: factors, their items, and how much is estimated.

This reader is deliberately not the engine's: it knows only what factor models need, and counts
parameters by the textbook's rules, so that the card can set its count beside the engine's. A text
that says more than it understands is not counted.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations

from instruments.schema import MeasurementModel

_STATEMENT = re.compile(r"\s*([^~=<>:|]+?)\s*(=~|~~)\s*([^~=<>:|]+)\s*")
_TERM = re.compile(r"(?:(?P<modifier>[^*]+)\*)?\s*(?P<name>[A-Za-z.][\w.]*)\s*")
_BLOCK = re.compile(r"""efa\(\s*(["'])(?P<name>.+)\1\s*\)""")


@dataclass(frozen=True)
class Term:
    """One variable of a statement, with its modifier as written ("" where none)."""

    name: str
    modifier: str

    @property
    def fixed(self) -> bool:
        """Whether the modifier is a number."""
        return re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", self.modifier) is not None

    @property
    def label(self) -> str:
        """The label that the modifier gives the parameter, or ""."""
        named = re.fullmatch(r"[A-Za-z.][\w.]*", self.modifier)
        return self.modifier if named is not None and self.modifier != "NA" else ""

    @property
    def block(self) -> str:
        """The exploratory block that the modifier puts a factor in, or ""."""
        found = _BLOCK.fullmatch(self.modifier)
        return "" if found is None else found.group("name")


@dataclass(frozen=True)
class Structure:
    """A factor model as its text states it.

    Attributes
    ----------
    factors
        Indicators of each latent variable: items, or latent variables of a lower order.
    observed
        All items, in the order of the text.
    blocks
        Factors of each exploratory block, whose items may load on all of them.
    n_parameters
        Free parameters of the covariance structure by independent count; None where the text says
        more than factors, variances and covariances.
    """

    factors: Mapping[str, tuple[str, ...]]
    observed: tuple[str, ...]
    n_parameters: int | None
    blocks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def n_moments(self) -> int:
        """Variances and covariances of the items: p(p + 1)/2."""
        return len(self.observed) * (len(self.observed) + 1) // 2

    @property
    def df(self) -> int | None:
        """Degrees of freedom by independent count."""
        return None if self.n_parameters is None else self.n_moments - self.n_parameters

    @property
    def partition(self) -> dict[str, frozenset[str]] | None:
        """Items of each first-order factor, or None where an item has more than one factor."""
        groups = {
            factor: frozenset(items)
            for factor, items in self.factors.items()
            if not any(item in self.factors for item in items)
        }
        items = [item for group in groups.values() for item in group]
        return groups if len(items) == len(set(items)) else None


def structure(model: MeasurementModel) -> Structure:
    """Read the text of a model."""
    statements, understood = _statements(model.syntax)
    loadings: dict[str, list[Term]] = {}
    covariances: dict[frozenset[str], Term] = {}
    blocks: dict[str, tuple[str, ...]] = {}
    for left, operator, terms in statements:
        if operator == "=~":
            loadings.setdefault(left.name, []).extend(terms)
        else:
            covariances |= {frozenset((left.name, term.name)): term for term in terms}
        if left.block:
            blocks[left.block] = (*blocks.get(left.block, ()), left.name)
    observed = dict.fromkeys(
        term.name for terms in loadings.values() for term in terms if term.name not in loadings
    )
    count = None
    if understood:
        count = _count(loadings, covariances, blocks, tuple(observed), model)
    factors = {factor: tuple(term.name for term in terms) for factor, terms in loadings.items()}
    return Structure(factors, tuple(observed), count, blocks)


def _statements(text: str) -> tuple[list[tuple[Term, str, list[Term]]], bool]:
    """Split a text into statements, one for each variable of a left side.

    The flag tells whether all of it was understood.
    """
    lines = re.sub(r"[#!].*", "", text)
    joined = re.sub(r"(\+|=~)\s*\n|\n\s*(\+)", r"\1\2", lines)
    statements: list[tuple[Term, str, list[Term]]] = []
    understood = True
    for line in re.split(r"[\n;]", joined):
        if not line.strip():
            continue
        match = _STATEMENT.fullmatch(line)
        if match is None:
            understood = False
            continue
        left, terms = (list(_terms(match.group(side))) for side in (1, 3))
        if len(left) != _n_terms(match.group(1)) or len(terms) != _n_terms(match.group(3)):
            understood = False
            continue
        understood &= all(term.fixed or term.label or term.modifier in ("", "NA") for term in terms)
        understood &= all(term.block or not term.modifier for term in left)
        statements += [(term, match.group(2), terms) for term in left]
    return statements, understood


def _n_terms(text: str) -> int:
    return text.count("+") + 1


def _terms(text: str) -> Iterator[Term]:
    for part in text.split("+"):
        match = _TERM.fullmatch(part.strip())
        if match is not None:
            yield Term(match.group("name"), (match.group("modifier") or "").strip())


def _count(
    loadings: Mapping[str, list[Term]],
    covariances: Mapping[frozenset[str], Term],
    blocks: Mapping[str, tuple[str, ...]],
    observed: tuple[str, ...],
    model: MeasurementModel,
) -> int:
    """Count the free parameters of a covariance structure, one for each label.

    A block of k factors is counted as it is before rotation, which changes no fit: uncorrelated
    factors of variance 1, of whose loadings k(k − 1)/2 can be 0 (Lawley & Maxwell 1971, ch. 2).
    """
    std_lv, orthogonal = model.options.std_lv, model.options.orthogonal
    explored = {factor: name for name, factors in blocks.items() for factor in factors}
    free: list[Term] = []
    for factor, terms in loadings.items():
        for place, term in enumerate(terms):
            marker = place == 0 and not (std_lv or factor in explored or term.modifier == "NA")
            if not (term.fixed or marker):
                free.append(term)
    single = {terms[0].name for terms in loadings.values() if len(terms) == 1}
    lower = {term.name for terms in loadings.values() for term in terms if term.name in loadings}
    # What stands in the model without being written: variances, and covariances of the factors
    # that no other factor explains.
    implied = {frozenset((name,)) for name in observed if name not in single}
    if not std_lv:
        implied |= {frozenset((factor,)) for factor in loadings if factor not in explored}
    if not orthogonal:
        top = [factor for factor in loadings if factor not in lower]
        implied |= {frozenset(pair) for pair in combinations(top, 2) if not _turned(pair, explored)}
    free += [Term("", "") for pair in implied if pair not in covariances]
    free += [term for term in covariances.values() if not term.fixed]
    labels = {term.label for term in free if term.label}
    turned = sum(len(factors) * (len(factors) - 1) // 2 for factors in blocks.values())
    return sum(not term.label for term in free) + len(labels) - turned


def _turned(pair: tuple[str, str], explored: Mapping[str, str]) -> bool:
    """Whether two factors are of one exploratory block, whose rotation makes their correlation."""
    first, second = (explored.get(factor) for factor in pair)
    return first is not None and first == second


def merged_factors(merged: Structure, free: Structure) -> tuple[tuple[str, str], ...]:
    """Give the pairs of factors of `free` that are one factor in `merged`.

    Empty where `merged` is not `free` with factors laid together (an item moved, or an item has
    several factors).
    """
    coarse, fine = merged.partition, free.partition
    if coarse is None or fine is None or set(merged.observed) != set(free.observed):
        return ()
    pairs: list[tuple[str, str]] = []
    for group in coarse.values():
        parts = [factor for factor, items in fine.items() if items & group]
        if any(not fine[factor] <= group for factor in parts):
            return ()
        pairs += combinations(parts, 2)
    return tuple(pairs)
