"""Which functions are asked about which levels, by which items."""

from collections.abc import Mapping
from dataclasses import dataclass

from analyses import evidence
from analyses.intake.survey import Survey
from analyses.modelling.structure import structure
from analyses.section import Text
from instruments.schema import Instrument
from measure.levels.referents import FEWEST_ITEMS


@dataclass(frozen=True)
class Design:
    """Functions by levels.

    Attributes
    ----------
    reference
        The level that the reference model's items are about.
    levels
        All levels that the survey asks about, the reference first, then as declared.
    cells
        For each function and level the items that the survey holds, at least two.
    shifted
        For each function and level the item that has the content of each item of the reference;
        only content that every level of the function is asked about, and of three items at least.
    """

    reference: str
    levels: tuple[str, ...]
    cells: Mapping[str, Mapping[str, tuple[str, ...]]]
    shifted: Mapping[str, Mapping[str, Mapping[str, str]]]

    @property
    def functions(self) -> tuple[str, ...]:
        """The functions, as the reference model has them."""
        return tuple(self.cells)

    def items(self, level: str) -> tuple[str, ...]:
        """Give the items of all functions about one level."""
        return tuple(item for own in self.cells.values() for item in own.get(level, ()))


FEWEST_ALIKE = 3
"""A function needs so many items of the same content for its levels to be compared."""


def design_of(instrument: Instrument, survey: Survey) -> Design | None:
    """Find the functions and levels of a survey; None where no function is asked about two levels.

    Functions are those that the instrument declares, with the scales whose items belong to them.
    """
    reference = _reference(instrument)
    if reference is None:
        return None
    order = [level.id for level in instrument.levels]
    levels = [reference, *(name for name in order if name != reference)]
    cells: dict[str, dict[str, tuple[str, ...]]] = {}
    for function in instrument.functions:
        found = {level: _asked(instrument, survey, function.id, level) for level in levels}
        own = {level: items for level, items in found.items() if len(items) >= FEWEST_ITEMS}
        if reference in own and len(own) > 1:
            cells[function.id] = own
    asked = tuple(level for level in levels if any(level in own for own in cells.values()))
    if not cells:
        return None
    shifted = {name: _shifted(instrument, own, reference) for name, own in cells.items()}
    return Design(
        reference, asked, cells, {name: own for name, own in shifted.items() if len(own) > 1}
    )


def _reference(instrument: Instrument) -> str | None:
    """Give the level that the items of the reference model are about, where they are about one."""
    observed = structure(instrument.reference_model).observed
    found = {instrument.item(item).level for item in observed}
    (level,) = found if len(found) == 1 else (None,)
    return level if level in {one.id for one in instrument.levels} else None


def _asked(instrument: Instrument, survey: Survey, function: str, level: str) -> tuple[str, ...]:
    """Give the items of a function and level, variants aside, that anybody answered."""
    variants = {item.id for item in instrument.variants}
    return tuple(
        item
        for scale in instrument.scales
        for item in evidence.scored_items(scale, survey)
        if item not in variants
        and (instrument.item(item).function, instrument.item(item).level) == (function, level)
        and instrument.item(item).indicator == "reflective"
        and survey.scored[item].notna().any()
    )


def _shifted(
    instrument: Instrument, own: Mapping[str, tuple[str, ...]], reference: str
) -> dict[str, dict[str, str]]:
    """Give the items of the same content at each level; nothing where they are too few."""
    content: dict[str, dict[str, str]] = {reference: {item: item for item in own[reference]}}
    for level, items in own.items():
        if level != reference:
            content[level] = {
                origin: item
                for item in items
                if (origin := instrument.item(item).shifted_from) is not None
            }
    common = [item for item in own[reference] if all(item in found for found in content.values())]
    if len(common) < FEWEST_ALIKE:
        return {}
    return {level: {item: found[item] for item in common} for level, found in content.items()}


def level_label(instrument: Instrument, level: str) -> Text:
    """Give the words for a level."""
    return evidence.text({one.id: one.label for one in instrument.levels}[level])


def function_label(instrument: Instrument, function: str) -> Text:
    """Give the words for a function."""
    return evidence.text({one.id: one.label for one in instrument.functions}[function])
