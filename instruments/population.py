"""The stated population that simulated answers to an instrument are drawn from, as data.

All latent variables are standard normal. Every person's value of one is the sum of four independent
parts, of the organisation, the unit, the occupational group (profession by organisation) and the
person, and at each of them the latent variables correlate alike; they differ in how much of their
variance lies where (`Shares`). So every value that an analysis estimates follows from what is
stated here; `analyses.simulating.truth` derives it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, Strict, ValidationError, model_validator

from instruments import population_checks
from instruments.errors import InstrumentError
from instruments.loader import Sources, explained, read
from instruments.schema import Instrument
from instruments.texts import Frozen, FrozenMapping, Identifier, Melted, Part, Text

Share = Annotated[float, Strict(), Field(ge=0.0, le=1.0)]
Correlation = Annotated[float, Strict(), Field(gt=-1.0, lt=1.0)]
Positive = Annotated[float, Strict(), Field(gt=0.0)]
Number = Annotated[float, Strict()]
Count = Annotated[int, Strict(), Field(ge=1)]

Proportions = Annotated[Mapping[Text, Share], Frozen, Melted]
Correlations = Annotated[Mapping[Identifier, Correlation], Frozen, Melted]
Numbers = Annotated[Mapping[Text, Number], Frozen, Melted]

PLACES = ("organisation", "unit", "group", "person")
"""Where a part of a latent variable lies."""

CARELESS_KINDS = ("straightline", "random", "partial")
"""The kinds of careless answerers, equally many of each."""


class Sizes(Part):
    """How many organisations and respondents, and how they are divided.

    Parameters
    ----------
    smallest, largest
        Respondents of an organisation.
    spread
        Standard deviation of the logarithm of the sizes, before they are kept within the limits.
    units, professions
        How many an organisation may have; each number occurs equally often.
    """

    organisations: Count
    respondents: Count
    smallest: Count
    largest: Count
    spread: Positive
    units: tuple[Count, ...] = Field(min_length=1)
    professions: tuple[Count, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _the_sizes_can_be_had(self) -> Self:
        population_checks.check_sizes(self)
        return self


class Leaders(Part):
    """Who leads: a decentral leader for every so many members of a unit, and central leaders.

    Parameters
    ----------
    unit_from
        Units with fewer members have no leader of their own.
    members_each
        One decentral leader for every so many members, begun.
    central_each
        One central leader for every so many respondents of the organisation, begun.
    """

    unit_from: Count
    members_each: Count
    central_each: Count


class Sector(Part):
    """A sector: its share of the organisations, and the professions found there."""

    share: Share
    professions: tuple[Text, ...] = Field(min_length=1)


Sectors = Annotated[Mapping[Text, Sector], Frozen, Melted]


class Shares(Part):
    """Which shares of a latent variable's variance lie between organisations, units and groups."""

    organisation: Share
    unit: Share
    group: Share

    @property
    def person(self) -> float:
        """What is left: the share that lies between persons."""
        return 1.0 - self.organisation - self.unit - self.group

    @model_validator(mode="after")
    def _something_is_left(self) -> Self:
        if self.person <= 1e-9:
            raise ValueError(
                "organisation, unit and group add up to 1 or more; leave some for persons"
            )
        return self


class PopulationFunction(Part):
    """A function and its loading on the common factor above the functions."""

    id: Identifier
    loading: Correlation


class PopulationLevel(Part):
    """A level of the construct: its shares of variance, and how it goes with the levels before it.

    The correlation is that of the same function at two levels, and that of the common factors.
    """

    id: Identifier
    shares: Shares
    correlations: Correlations = FrozenMapping({})


class PopulationScale(Part):
    """How the items of one scale are answered.

    Parameters
    ----------
    loadings
        Standardised, in the order of the scale's items, on the scored side; reflective scales only.
    item_correlation
        What each two latent responses of an index correlate, whose sum is the index itself.
    thresholds
        Which of the population's sets of thresholds the items have.
    difficulties
        Added to the thresholds, item by item.
    not_relevant, dont_know
        Shares of answers that are no answer.
    network
        Correlation with the common factor at each level; scales that are no function only.
    climate
        Loading of what the network leaves of the scale on one common factor of all conditions.
    shares
        Of its variance; a function has those of its level.
    """

    id: Identifier
    loadings: tuple[Correlation, ...] = ()
    item_correlation: Correlation | None = None
    thresholds: Identifier
    difficulties: tuple[Number, ...] = Field(min_length=1)
    not_relevant: Share = 0.0
    dont_know: Share = 0.0
    network: Correlations = FrozenMapping({})
    climate: Correlation = 0.0
    shares: Shares | None = None

    @model_validator(mode="after")
    def _reflective_or_index(self) -> Self:
        if bool(self.loadings) == (self.item_correlation is not None):
            raise ValueError("give loadings (reflective) or item_correlation (index), and not both")
        return self


class Liability(Part):
    """A background column that is a latent variable cut into categories, of persons only.

    Parameters
    ----------
    column
        The background column.
    categories
        Its values from low to high, with their shares.
    network, climate
        As for a scale.
    """

    column: Identifier
    categories: Proportions
    network: Correlations
    climate: Correlation = 0.0


class ResidualCorrelation(Part):
    """Two conditions that correlate by this much more in what the network leaves of them."""

    first: Identifier
    second: Identifier
    value: Correlation


class Difference(Part):
    """By how many standard deviations a group stands higher on all functions of a level."""

    column: Identifier
    value: Text
    level: Identifier
    shift: Number


class NonInvariance(Part):
    """An item that works otherwise in one group: a threshold shifted, or a loading changed.

    What is unique to the item keeps its variance, so that nothing else of it differs.
    """

    item: Identifier
    column: Identifier
    value: Text
    parameter: Literal["threshold", "loading"]
    threshold: Count | None = None
    shift: Number

    @model_validator(mode="after")
    def _a_threshold_is_numbered(self) -> Self:
        if (self.parameter == "threshold") != (self.threshold is not None):
            raise ValueError("threshold numbers the one that is shifted, where parameter is that")
        return self


class Moderator(Part):
    """A condition at wave 1 that makes the gain of the effort larger, by this share for each SD."""

    scale: Identifier
    per_sd: Number


class Change(Part):
    """The second wave: who takes part in the effort, who drops out, and what changes.

    Parameters
    ----------
    effort
        Share of the organisations that take part.
    effort_gain, comparison_gain
        Mean gain in standard deviations, by level.
    moderator
        What makes the gain of the effort larger.
    stability
        Correlation of the waves, by place.
    unique_stability
        Correlation of the waves in what is unique to an item.
    dropout
        Share who do not answer again; `dropout_more` adds to it by value of a background column.
    """

    effort: Share
    effort_gain: Numbers
    comparison_gain: Numbers
    moderator: Moderator
    stability: Proportions
    unique_stability: Correlation
    dropout: Share
    dropout_more: Annotated[Mapping[Identifier, Numbers], Frozen, Melted]


class ItemNotRelevant(Part):
    """An item that is not relevant to a share of the respondents of one kind."""

    item: Identifier
    column: Identifier
    value: Text
    share: Share


class Missing(Part):
    """Ordinary missing answers.

    Parameters
    ----------
    blank
        Share of the answers that are left out.
    blank_times
        By how much that is multiplied, by value of a background column (missing at random).
    stops
        Share of the respondents who stop before the end.
    """

    blank: Share
    blank_times: Annotated[Mapping[Identifier, Numbers], Frozen, Melted]
    stops: Share
    not_relevant: tuple[ItemNotRelevant, ...] = ()


class Careless(Part):
    """Answers that do not come from reading, and flat profiles that do.

    Parameters
    ----------
    share
        Of the respondents, a third of each kind: the same answer nearly throughout, any answer at
        random, and attentive until a point of the form and at random from there.
    favourites
        What those who give nearly the same answer throughout give, with shares.
    keeps
        How often they give it; otherwise the answer beside it.
    attentive_from, attentive_to
        Between which shares of the form the attention of the last kind ends.
    slips
        How often an attentive respondent fails a check of attention.
    flat
        Share of the others whose profile is flat by nature.
    flat_spread
        What is left of their deviations from their own mean.
    """

    share: Share
    favourites: Proportions
    keeps: Share
    attentive_from: Share
    attentive_to: Share
    slips: Share
    flat: Share
    flat_spread: Share


class Population(Part):
    """A population of respondents to an instrument.

    Parameters
    ----------
    origin
        The file that it was read from.
    thresholds
        Named sets of standardised thresholds.
    unique_organisation
        Share of what is unique to an item that lies between organisations.
    education
        Shares of each education, by profession.
    background
        Shares of the values of other background columns; `unit_type` is the unit's.
    other_role
        Share of those who lead nobody who have the role "other".
    """

    origin: Path = Field(exclude=True, repr=False)
    sizes: Sizes
    leaders: Leaders
    sectors: Sectors
    education: Annotated[Mapping[Text, Proportions], Frozen, Melted]
    background: Annotated[Mapping[Identifier, Proportions], Frozen, Melted]
    other_role: Share
    functions: tuple[PopulationFunction, ...] = Field(min_length=1)
    levels: tuple[PopulationLevel, ...] = Field(min_length=1)
    thresholds: Annotated[Mapping[Identifier, tuple[Number, ...]], Frozen]
    unique_organisation: Share
    scales: tuple[PopulationScale, ...] = Field(min_length=1)
    liabilities: tuple[Liability, ...] = ()
    residual_correlations: tuple[ResidualCorrelation, ...] = ()
    differences: tuple[Difference, ...] = ()
    noninvariance: tuple[NonInvariance, ...] = ()
    change: Change
    missing: Missing
    careless: Careless

    def scale(self, scale_id: str) -> PopulationScale:
        """Give what is stated of one scale, by its id (KeyError where there is none)."""
        return {scale.id: scale for scale in self.scales}[scale_id]


def load_population(instrument: Instrument, path: Path | None = None) -> Population:
    """Read the population of an instrument and check the two against each other.

    Parameters
    ----------
    instrument
        What is answered.
    path
        The file; by default the one that the instrument's demonstration names.

    Raises
    ------
    InstrumentError
        Where the instrument names no population, or the file is wrong: the message names the file,
        the entry and the field.
    """
    if path is None:
        demonstration = instrument.demonstration
        if demonstration is None or demonstration.population is None:
            raise InstrumentError(
                f'the instrument "{instrument.id}" states no population to draw answers from.\n'
                '    Name its file under [demonstration] as "population".'
            )
        path = instrument.origin.parent / demonstration.population
    raw = read(path)
    sources = Sources(path)
    try:
        population = Population.model_validate({**raw, "origin": path})
    except ValidationError as error:
        raise InstrumentError(explained(error, raw, sources)) from error
    problems = list(population_checks.against(population, instrument))
    if problems:
        raise InstrumentError("\n    ".join([str(path), *problems]))
    return population
