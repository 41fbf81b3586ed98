"""What a model text claims, read on its own: factors, their items, and how much is estimated.

This reader is deliberately not the engine's: it knows only what factor models need, and counts
parameters by the textbook's rules, so that the card can set its count beside the engine's. A text
that says more than it understands is not counted.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from instruments.schema import MeasurementModel

_STATEMENT = re.compile(r"\s*([\w.]+)\s*(=~|~~)\s*([^~=<>:|]+)\s*")
_TERM = re.compile(r"(?:(?P<modifier>[^*]+)\*)?\s*(?P<name>[A-Za-z.][\w.]*)\s*")


@dataclass(frozen=True)
class Term:
    """One variable of a statement's right side, with its modifier as written ("" where none)."""

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


@dataclass(frozen=True)
class Structure:
    """A factor model as its text states it.

    Attributes
    ----------
    factors
        Indicators of each latent variable: items, or latent variables of a lower order.
    observed
        All items, in the order of the text.
    n_parameters
        Free parameters of the covariance structure by independent count; None where the text says
        more than factors, variances and covariances.
    """

    factors: Mapping[str, tuple[str, ...]]
    observed: tuple[str, ...]
    n_parameters: int | None

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
    for left, operator, terms in statements:
        if operator == "=~":
            loadings.setdefault(left, []).extend(terms)
        else:
            covariances |= {frozenset((left, term.name)): term for term in terms}
    observed = dict.fromkeys(
        term.name for terms in loadings.values() for term in terms if term.name not in loadings
    )
    count = None
    if understood:
        count = _count(loadings, covariances, tuple(observed), model)
    factors = {factor: tuple(term.name for term in terms) for factor, terms in loadings.items()}
    return Structure(factors, tuple(observed), count)


def _statements(text: str) -> tuple[list[tuple[str, str, list[Term]]], bool]:
    """Split a text into statements; the flag tells whether all of it was understood."""
    lines = re.sub(r"[#!].*", "", text)
    joined = re.sub(r"\+\s*\n|\n\s*\+", "+", lines)
    statements: list[tuple[str, str, list[Term]]] = []
    understood = True
    for line in re.split(r"[\n;]", joined):
        if not line.strip():
            continue
        match = _STATEMENT.fullmatch(line)
        terms = list(_terms(match.group(3))) if match is not None else []
        if match is None or len(terms) != match.group(3).count("+") + 1:
            understood = False
            continue
        understood &= all(term.fixed or term.label or term.modifier in ("", "NA") for term in terms)
        statements.append((match.group(1), match.group(2), terms))
    return statements, understood


def _terms(text: str) -> Iterator[Term]:
    for part in text.split("+"):
        match = _TERM.fullmatch(part.strip())
        if match is not None:
            yield Term(match.group("name"), (match.group("modifier") or "").strip())


def _count(
    loadings: Mapping[str, list[Term]],
    covariances: Mapping[frozenset[str], Term],
    observed: tuple[str, ...],
    model: MeasurementModel,
) -> int:
    """Count the free parameters of a covariance structure, one for each label."""
    std_lv, orthogonal = model.options.std_lv, model.options.orthogonal
    free: list[Term] = []
    for terms in loadings.values():
        for place, term in enumerate(terms):
            marker = place == 0 and not std_lv and term.modifier != "NA"
            if not (term.fixed or marker):
                free.append(term)
    single = {terms[0].name for terms in loadings.values() if len(terms) == 1}
    lower = {term.name for terms in loadings.values() for term in terms if term.name in loadings}
    # What stands in the model without being written: variances, and covariances of the factors
    # that no other factor explains.
    implied = {frozenset((name,)) for name in observed if name not in single}
    if not std_lv:
        implied |= {frozenset((factor,)) for factor in loadings}
    if not orthogonal:
        top = [factor for factor in loadings if factor not in lower]
        implied |= {frozenset(pair) for pair in combinations(top, 2)}
    free += [Term("", "") for pair in implied if pair not in covariances]
    free += [term for term in covariances.values() if not term.fixed]
    labels = {term.label for term in free if term.label}
    return sum(not term.label for term in free) + len(labels)


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
