"""Answers to an instrument drawn from a stated population, with the truth about them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyses.errors import AnalysisError
from analyses.simulating import answering, asking, careless, latent, people
from analyses.simulating.answering import Items
from analyses.simulating.asking import Asked
from analyses.simulating.careless import Attention
from analyses.simulating.mark import COLUMN, MARK
from analyses.simulating.people import People
from analyses.simulating.structure import Structure, structure
from instruments.population import Population
from instruments.schema import Instrument

Array = NDArray[np.float64]

FULL = "full"
FIRST, SECOND = "1", "2"
"""The waves."""
STREAMS = (
    *("people", "standing", "unique", "asked", "missing", "attention", "inattentive", "checks"),
    *("standing_2", "unique_2", "missing_2", "attention_2", "inattentive_2", "checks_2", "dropout"),
)
"""Each part of a draw has its own random numbers, so that leaving out one changes no other."""


@dataclass(frozen=True)
class Wanted:
    """What a draw holds besides attentive answers to what everybody was asked.

    Parameters
    ----------
    careless, flat
        Careless answerers; attentive ones with a flat profile.
    noninvariance
        The planted differences in how items work.
    missing
        Ordinary missing answers.
    planned
        The rotation of the form: each respondent is asked some of the blocks.
    second_wave
        The second wave.
    """

    careless: bool = True
    flat: bool = True
    noninvariance: bool = True
    missing: bool = True
    planned: bool = True
    second_wave: bool = True


CLEAN = Wanted(*(False,) * 6)
"""Attentive answers to every item, once."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """Answers drawn from a population.

    Attributes
    ----------
    instrument, population, structure
        What was answered, and what was drawn from.
    form
        The form that was answered.
    wanted
        What the draw holds.
    data
        One row a respondent and wave: background columns, then the items as answered (codes, also
        of the kinds of no answer; NaN for a blank), then the mark of simulated data.
    careless
        One row for each row of `data`: `respondent wave kind read asked`, the last two being how
        many items were read and asked.
    """

    instrument: Instrument
    population: Population
    structure: Structure
    form: str
    wanted: Wanted
    data: pd.DataFrame
    careless: pd.DataFrame

    @property
    def first_wave(self) -> pd.DataFrame:
        """The rows of the first wave."""
        return self.data[self.data["wave"] == FIRST]

    @property
    def items(self) -> list[str]:
        """The items of the form that are scored."""
        checks = self.instrument.check_ids
        asked = self.instrument.form(self.form).items
        return [item for item in self.data.columns if item in asked and item not in checks]


def draw(
    instrument: Instrument,
    population: Population,
    *,
    seed: int | np.random.Generator,
    form: str = FULL,
    wanted: Wanted | None = None,
    times: int = 1,
) -> Drawn:
    """Draw answers to a form of an instrument.

    Parameters
    ----------
    instrument, population
        What is answered, and the population; see `load_population`.
    seed
        Whole number, or a generator. The same seed gives the same people and answers, whatever
        else is wanted or left out.
    form
        Which form is answered.
    wanted
        What the draw holds; by default everything.
    times
        How many times the organisations and respondents of the population.

    Raises
    ------
    AnalysisError
        Where there is no such form, its items are not all in the population, or no variables
        correlate as stated.
    """
    wanted = wanted or Wanted()
    if form not in {one.id for one in instrument.forms}:
        known = ", ".join(one.id for one in instrument.forms)
        raise AnalysisError(f'there is no form "{form}" to answer; "{instrument.id}" has {known}.')
    rng = dict(zip(STREAMS, np.random.default_rng(seed).spawn(len(STREAMS)), strict=True))
    if times > 1:
        population = population.model_copy(update={"sizes": _multiplied(population, times)})
    found = structure(instrument, population)
    who = people.draw_people(population, rng["people"])
    standing = latent.draw_first(who, found, population, rng["standing"])
    for one in population.liabilities:
        values = standing.values[:, found.place[one.column]]
        who.background[one.column] = latent.in_categories(values, one)
    asked = asking.ask(instrument, form, who.n, rng["asked"], planned=wanted.planned)
    items = answering.items_of(instrument, population, found, asked.items)
    drawing = _Drawing(instrument, population, who, asked, items, wanted)
    unique = answering.draw_unique(items, who, population, rng["unique"])
    waves = [drawing.wave(FIRST, standing.values, unique, _of_wave(rng, ""))]
    if wanted.second_wave:
        stays = population.change.unique_stability
        again = answering.draw_unique(items, who, population, rng["unique_2"])
        later = latent.draw_second(standing, who, found, population, rng["standing_2"])
        both = stays * unique + np.sqrt(1.0 - stays**2) * again
        data, attention = drawing.wave(SECOND, later.values, both, _of_wave(rng, "_2"))
        answers = ~_drops_out(who, population, rng["dropout"])
        waves.append((data[answers], attention[answers]))
    data, attention = (pd.concat(parts, ignore_index=True) for parts in zip(*waves, strict=True))
    return Drawn(instrument, population, found, form, wanted, data, attention)


def _multiplied(population: Population, times: int) -> object:
    sizes = population.sizes
    return sizes.model_copy(
        update={
            "organisations": times * sizes.organisations,
            "respondents": times * sizes.respondents,
        }
    )


def _of_wave(rng: dict[str, np.random.Generator], ending: str) -> dict[str, np.random.Generator]:
    names = ("missing", "attention", "inattentive", "checks")
    return {name: rng[f"{name}{ending}"] for name in names}


def _drops_out(who: People, population: Population, rng: np.random.Generator) -> NDArray[np.bool_]:
    change = population.change
    chance = np.full(who.n, change.dropout)
    for column, more in change.dropout_more.items():
        chance += who.background[column].map(dict(more)).fillna(0.0).to_numpy(dtype=float)
    return rng.random(who.n) < chance


@dataclass(frozen=True, eq=False)
class _Drawing:
    """What both waves of a draw share."""

    instrument: Instrument
    population: Population
    who: People
    asked: Asked
    items: Items
    wanted: Wanted

    def wave(
        self, wave: str, values: Array, unique: Array, rng: dict[str, np.random.Generator]
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Draw the answers of one wave, and how each respondent came to them."""
        stated = self.population.careless
        attention = careless.draw_attention(
            self.who.n,
            stated,
            rng["attention"],
            careless=self.wanted.careless,
            flat=self.wanted.flat,
        )
        codes = self._read(values, unique, attention, rng["checks"])
        if self.wanted.careless:
            unread = self.asked.order >= attention.until[:, None]
            others = careless.without_reading(
                self.asked, attention, self.instrument, stated, rng["inattentive"]
            )
            codes[unread] = others[unread]
        if self.wanted.missing:
            absent = asking.left_out(
                self.asked, self.who.background, self.instrument, self.population, rng["missing"]
            )
            codes = np.where(absent != 0, absent, codes)
        codes = np.where(self.asked.mask, codes, asking.BLANK)
        return self._table(wave, codes), self._attention(wave, attention)

    def _read(
        self, values: Array, unique: Array, attention: Attention, rng: np.random.Generator
    ) -> NDArray[np.int8]:
        """Give the answers of readers as coded, reversed items turned back."""
        background = self.who.background
        found = answering.responses(self.items, values, unique)
        if self.wanted.noninvariance:
            found += answering.planted(self.items, values, background, self.population)
        flat = attention.kind == careless.FLAT
        if flat.any():
            found = answering.flattened(self.items, found, flat, self.population)
        plants = self.population if self.wanted.noninvariance else None
        scored = answering.categories(self.items, found, background, plants)
        codes = np.empty(self.asked.order.shape, dtype=np.int8)
        checks = careless.checks_answered(
            self.asked, self.instrument, self.population.careless, rng
        )
        for k, name in enumerate(self.asked.items):
            if name in checks:
                codes[:, k] = checks[name]
                continue
            lowest, *_, highest = self.instrument.response(name).codes
            own = scored[:, self.items.place[name]]
            turned = self.instrument.item(name).keying == -1
            codes[:, k] = highest - own if turned else lowest + own
        return codes

    def _table(self, wave: str, codes: NDArray[np.int8]) -> pd.DataFrame:
        """Put background and answers together in the instrument's order."""
        known = dict(self.who.background.items())
        known["wave"] = pd.Series(wave, index=self.who.background.index)
        known["form"] = pd.Series(self.asked.form)
        names = [column.name for column in self.instrument.columns if column.name in known]
        background = pd.DataFrame({name: known[name] for name in names})
        answers = np.where(codes == asking.BLANK, np.nan, codes)
        table = pd.DataFrame(answers, columns=list(self.asked.items))
        return pd.concat([background, table], axis=1).assign(**{COLUMN: MARK})

    def _attention(self, wave: str, attention: Attention) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "respondent": self.who.background["respondent"],
                "wave": wave,
                "kind": attention.kind,
                "read": attention.read(self.asked),
                "asked": self.asked.length,
            }
        )
