"""Checks of a stated population: in itself, and against the instrument that is answered."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from instruments.problems import listed, repeated

if TYPE_CHECKING:
    from instruments.population import Population, PopulationScale, Sizes
    from instruments.schema import Instrument

ROUNDING = 1e-9
NEEDED = (
    *("respondent", "organisation", "unit", "profession", "role", "tier", "education"),
    *("sector", "unit_type", "wave", "effort", "form"),
)
"""Background columns that simulated respondents have, so that the instrument needs them too."""


def check_sizes(sizes: "Sizes") -> None:
    """Check that the respondents can be divided among the organisations (ValueError)."""
    if sizes.smallest > sizes.largest:
        raise ValueError("smallest is larger than largest")
    fewest = sizes.organisations * sizes.smallest
    most = sizes.organisations * sizes.largest
    if not fewest <= sizes.respondents <= most:
        raise ValueError(
            f"{sizes.organisations} organisations of {sizes.smallest} to {sizes.largest} hold "
            f"{fewest} to {most} respondents, not {sizes.respondents}"
        )
    if max(*sizes.units, *sizes.professions) > sizes.smallest:
        raise ValueError(
            "the smallest organisation has fewer respondents than units or professions"
        )


def against(population: "Population", instrument: "Instrument") -> Iterator[str]:
    """Find what does not fit the instrument, or adds up to no population."""
    yield from _shares(population)
    yield from _columns(population, instrument)
    yield from _functions(population, instrument)
    yield from _scales(population, instrument)
    yield from _conditions(population, instrument)
    yield from _change(population)


def _shares(population: "Population") -> Iterator[str]:
    """Find shares that do not add up to 1."""
    stated: dict[str, Mapping[str, float]] = {
        "sectors": {name: sector.share for name, sector in population.sectors.items()},
        "careless, favourites": population.careless.favourites,
    }
    stated |= {f'education of "{name}"': one for name, one in population.education.items()}
    stated |= {f"background, {name}": one for name, one in population.background.items()}
    stated |= {f'liability "{one.column}"': one.categories for one in population.liabilities}
    for place, shares in stated.items():
        if abs(sum(shares.values()) - 1.0) > ROUNDING:
            yield f"{place}: the shares add up to {sum(shares.values()):g}, not 1"
    if population.careless.attentive_from > population.careless.attentive_to:
        yield "careless: attentive_from is larger than attentive_to"


def _columns(population: "Population", instrument: "Instrument") -> Iterator[str]:
    """Find values of background columns that the instrument does not know."""
    known = {column.name: set(column.values) for column in instrument.columns}
    used: list[tuple[str, str, Iterable[str]]] = [("sectors", "sector", population.sectors)]
    for name, sector in population.sectors.items():
        used.append((f'sector "{name}"', "profession", sector.professions))
        for profession in sector.professions:
            if profession not in population.education:
                yield f'education: the profession "{profession}" has no shares'
        if len(set(sector.professions)) < max(population.sizes.professions):
            yield f'sector "{name}": fewer professions than an organisation may have'
    used += [("education", "education", shares) for shares in population.education.values()]
    used += [("education", "profession", population.education)]
    used += [(f"background, {name}", name, one) for name, one in population.background.items()]
    used += [
        (f'liability "{one.column}"', one.column, one.categories) for one in population.liabilities
    ]
    for part in population.differences:
        used.append(("differences", part.column, [part.value]))
    for plant in population.noninvariance:
        used.append(("noninvariance", plant.column, [plant.value]))
    for missing in population.missing.not_relevant:
        used.append(("missing, not_relevant", missing.column, [missing.value]))
    for name, times in population.missing.blank_times.items():
        used.append(("missing, blank_times", name, times))
    for name, more in population.change.dropout_more.items():
        used.append(("change, dropout_more", name, more))
    for place, column, values in used:
        if column not in known:
            yield f'{place}: the instrument has no background column "{column}"'
            continue
        for value in values:
            if value not in known[column]:
                yield f'{place}: the column "{column}" has no value "{value}"'
    for column in NEEDED:
        if column not in known:
            yield f'the instrument has no background column "{column}", which respondents have here'
    if "unit_type" not in population.background:
        yield 'background: the shares of the column "unit_type" are missing'


def _functions(population: "Population", instrument: "Instrument") -> Iterator[str]:
    """Find functions and levels that are not those of the instrument."""
    for what, own, theirs in (
        ("function", population.functions, instrument.functions),
        ("level", population.levels, instrument.levels),
    ):
        names, known = [part.id for part in own], [part.id for part in theirs]
        for name in repeated(names):
            yield f'{what} "{name}" occurs twice'
        for name in names:
            if name not in known:
                yield f'{what} "{name}": the instrument has {listed(known)}'
    before: list[str] = []
    for level in population.levels:
        if set(level.correlations) != set(before):
            yield (
                f'level "{level.id}", correlations: those with the levels before it are wanted '
                f"({listed(before) or 'none'})"
            )
        before.append(level.id)
    for part in population.differences:
        if part.level not in before:
            yield f'differences: there is no level "{part.level}"'


def _scales(population: "Population", instrument: "Instrument") -> Iterator[str]:
    """Find scales that are not stated in full."""
    known = {scale.id: scale for scale in instrument.scales}
    for name in repeated(scale.id for scale in population.scales):
        yield f'scale "{name}" occurs twice'
    items: list[str] = []
    for stated in population.scales:
        place = f'scale "{stated.id}"'
        if stated.id not in known:
            yield f"{place}: the instrument has no such scale"
            continue
        scale = known[stated.id]
        items += scale.items
        if (scale.kind == "index") == bool(stated.loadings):
            yield f"{place}: the instrument says that it is {scale.kind}"
        for field, given in (("loadings", stated.loadings), ("difficulties", stated.difficulties)):
            if given and len(given) != len(scale.items):
                yield f"{place}, {field}: {len(given)} for {len(scale.items)} items"
        yield from _scale(stated, population, instrument, scale.items)
    asked = {item for form in instrument.forms for item in form.items}
    unread = instrument.check_ids
    for item in sorted(asked - set(items) - set(unread)):
        yield f'scales: the item "{item}" is in none of those stated'
    reflective = {
        item: population.thresholds.get(one.thresholds, ())
        for one in population.scales
        if one.loadings and one.id in known
        for item in known[one.id].items
    }
    for part in population.noninvariance:
        if part.item not in reflective:
            yield f'noninvariance: "{part.item}" is in no reflective scale of the population'
        elif part.threshold is not None and part.threshold > len(reflective[part.item]):
            yield f'noninvariance: "{part.item}" has no threshold {part.threshold}'
    for missing in population.missing.not_relevant:
        if missing.item not in items:
            yield f'missing, not_relevant: there is no item "{missing.item}"'


def _scale(
    stated: "PopulationScale",
    population: "Population",
    instrument: "Instrument",
    items: Iterable[str],
) -> Iterator[str]:
    place = f'scale "{stated.id}"'
    cuts = population.thresholds.get(stated.thresholds)
    if cuts is None:
        yield f'{place}: there is no set of thresholds "{stated.thresholds}"'
    elif list(cuts) != sorted(set(cuts)):
        yield f'thresholds "{stated.thresholds}": they do not ascend'
    for item in items:
        if cuts is None:
            break
        categories = len(instrument.response(item).codes)
        if categories != len(cuts) + 1:
            yield f'{place}: "{item}" has {categories} answers, and the thresholds {len(cuts) + 1}'
    if stated.item_correlation is not None and stated.item_correlation < 0.0:
        yield f"{place}, item_correlation: parts of an index may not correlate negatively here"
    function = {instrument.item(item).function for item in items} - {None}
    levels = {level.id for level in population.levels}
    if function:
        if stated.network or stated.shares or stated.climate:
            yield f"{place}: a function has its network, climate and shares from its level"
        return
    if stated.shares is None:
        yield f"{place}, shares: the field is missing"
    if set(stated.network) != levels:
        yield f"{place}, network: a correlation with each of {listed(sorted(levels))} is wanted"


def _conditions(population: "Population", instrument: "Instrument") -> Iterator[str]:
    """Find liabilities and residual correlations of what is not there."""
    levels = {level.id for level in population.levels}
    for one in population.liabilities:
        if set(one.network) != levels:
            yield (
                f'liability "{one.column}", network: a correlation with each of '
                f"{listed(sorted(levels))} is wanted"
            )
    names = [scale.id for scale in population.scales if scale.shares is not None]
    names += [one.column for one in population.liabilities]
    for pair in population.residual_correlations:
        for name in (pair.first, pair.second):
            if name not in names:
                yield f'residual_correlations: there is no condition "{name}"'
    moderator = population.change.moderator.scale
    if moderator not in names:
        yield f'change, moderator: there is no condition "{moderator}"'


def _change(population: "Population") -> Iterator[str]:
    levels = {level.id for level in population.levels}
    for name in ("effort_gain", "comparison_gain"):
        given = getattr(population.change, name)
        if set(given) != levels:
            yield f"change, {name}: one for each of {listed(sorted(levels))} is wanted"
    if set(population.change.stability) != {"organisation", "unit", "group", "person"}:
        yield "change, stability: one for organisation, unit, group and person is wanted"
