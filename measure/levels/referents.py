"""The text of models of the same traits asked about several referents.

Each trait (what is asked about) is asked about every referent (whom it is asked about), with items
of its own for each pair: a multitrait-multimethod design in which the referents are the methods.

References
----------
Eid, M. (2000). A multitrait-multimethod model with minimal assumptions. Psychometrika, 65, 241-261.
Eid, M., Lischetzke, T., Nussbeck, F. W., & Trierweiler, L. I. (2003). Separating trait effects from
trait-specific method effects in multitrait-multimethod models: A multiple-indicator CT-C(M-1)
model. Psychological Methods, 8, 38-60.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from measure.checks import known_option
from measure.errors import ModelError

SPECIFIC = ("trait", "referent", "none")
ACROSS = ("free", "zero")

FEWEST_ITEMS = 2
"""A factor of fewer items is not told apart from what is unique to them."""

Scales = Mapping[str, Mapping[str, Sequence[str]]]
"""Trait, then referent, then the items."""


def referent_model(
    scales: Scales, *, reference: str, specific: str = "trait", across: str = "free"
) -> str:
    """Give the text of a model of traits asked about several referents.

    Parameters
    ----------
    scales
        For each trait and referent the items, as {"bro": {"I": ["I1", "I2"], "G": ["G1", "G2"]}}.
        A trait need not be asked about every referent, but about the reference.
    reference
        The referent whose items say what the traits are.
    specific
        What the items about another referent measure beside the trait of the reference:

        - "trait": for each trait and referent a factor of its own, as `G_bro`, uncorrelated with
          its trait (CT-C(M-1) with trait-specific method factors; Eid et al. 2003);
        - "referent": for each referent one factor over all traits, as `G`, uncorrelated with all
          traits (CT-C(M-1); Eid 2000);
        - "none": nothing; each trait of each referent, the reference included, is a factor by
          itself, as `I_bro`, and all of them correlate. The correlations of this model are the
          multitrait-multimethod matrix freed of error.
    across
        With "trait": whether a trait may correlate with the specific factors of other traits
        ("free", as in Eid et al. 2003, figure 3), or not ("zero").

    Returns
    -------
    str
        Text for `measure.cfa`. Factors have variance 1; a trait is called by its name.

    Raises
    ------
    ModelError
        A trait is not asked about the reference, or about nothing else; a factor has fewer than two
        items; an item stands twice; a factor and an item, or two factors, have one name.
    OptionError
        `specific` or `across` is not known.

    Notes
    -----
    Items that ask the same about several referents may share more than the trait. Where
    `modification_indices` say so, add their residual covariances, as "I1 ~~ G1".
    """
    known_option("specific", specific, SPECIFIC)
    known_option("across", across, ACROSS)
    design = _design(scales, reference)
    lines = _apart(design) if specific == "none" else _with_reference(design, specific, across)
    return "\n".join(lines)


@dataclass(frozen=True)
class _Design:
    """The items by trait and referent.

    Attributes
    ----------
    reference
        The referent that the traits are read off.
    referents
        All of them, the reference first.
    cells
        Items of each trait and referent, in this order.
    """

    reference: str
    referents: tuple[str, ...]
    cells: Mapping[str, Mapping[str, tuple[str, ...]]]

    def others(self, trait: str) -> list[str]:
        """Give the referents besides the reference that a trait is asked about."""
        return [name for name in self.referents[1:] if name in self.cells[trait]]


def _design(scales: Scales, reference: str) -> _Design:
    cells = {
        trait: {referent: tuple(items) for referent, items in own.items()}
        for trait, own in scales.items()
    }
    found = dict.fromkeys(name for own in cells.values() for name in own)
    design = _Design(reference, (reference, *(n for n in found if n != reference)), cells)
    for trait in cells:
        _require_asked(design, trait)
    items = [item for own in cells.values() for each in own.values() for item in each]
    twice = sorted(name for name, n in Counter(items).items() if n > 1)
    if twice:
        raise ModelError(
            f"{', '.join(twice)}: an item measures one trait of one referent, but stands in "
            "several scales."
        )
    names = [*cells, *design.referents[1:]]
    names += [f"{referent}_{trait}" for trait, own in cells.items() for referent in own]
    for name, n in Counter(names).items():
        if n > 1 or name in items:
            raise ModelError(
                f'"{name}" would name two variables of the model. Rename a trait, a referent or an '
                "item."
            )
    return design


def _require_asked(design: _Design, trait: str) -> None:
    own, reference = design.cells[trait], design.reference
    if reference not in own or len(own) < 2:
        lacks = f'the reference "{reference}"' if reference not in own else "any other referent"
        raise ModelError(
            f'trait "{trait}" is not asked about {lacks}, so that it cannot be compared. Leave it '
            "out, or choose another reference."
        )
    for referent, items in own.items():
        if len(items) < FEWEST_ITEMS:
            raise ModelError(
                f'trait "{trait}" has {len(items)} item about "{referent}"; a factor needs at '
                f"least {FEWEST_ITEMS}."
            )


def _factor(name: str, items: Sequence[str]) -> Iterator[str]:
    """Write a factor of variance 1."""
    yield f"{name} =~ NA*{' + '.join(items)}"
    yield f"{name} ~~ 1*{name}"


def _apart(design: _Design) -> Iterator[str]:
    """Write one factor for each trait and referent."""
    names = []
    for referent in design.referents:
        for trait, own in design.cells.items():
            if referent in own:
                names.append(f"{referent}_{trait}")
                yield from _factor(names[-1], own[referent])
    yield from (f"{one} ~~ {other}" for one, other in combinations(names, 2))


def _with_reference(design: _Design, specific: str, across: str) -> Iterator[str]:
    """Write the traits of the reference, and what the other referents add."""
    for trait, own in design.cells.items():
        items = [
            *own[design.reference],
            *(i for referent in design.others(trait) for i in own[referent]),
        ]
        yield from _factor(trait, items)
    added: dict[str, tuple[str, ...]] = {}
    for referent in design.referents[1:]:
        for trait in (name for name in design.cells if referent in design.cells[name]):
            name = f"{referent}_{trait}" if specific == "trait" else referent
            added[name] = (*added.get(name, ()), *design.cells[trait][referent])
    for name, own_items in added.items():
        yield from _factor(name, own_items)
    yield from (f"{one} ~~ {other}" for one, other in combinations(design.cells, 2))
    yield from (f"{one} ~~ {other}" for one, other in combinations(added, 2))
    for trait in design.cells:
        held = {
            name for name in added if specific == "referent" or name in _of_trait(design, trait)
        }
        for name in added:
            if name in held or across == "zero":
                yield f"{trait} ~~ 0*{name}"
            else:
                yield f"{trait} ~~ {name}"


def _of_trait(design: _Design, trait: str) -> set[str]:
    return {f"{referent}_{trait}" for referent in design.others(trait)}
