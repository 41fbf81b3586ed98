"""The combinations of choices that can be defended.

A universe is one combination: who is analysed, what is made of missing answers, which estimator.
All rules of judgement stay those of the instrument (Steegen, Tuerlinckx, Gelman & Vanpaemel 2016).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from analyses.defaults import ORDINAL, ROBUST
from analyses.intake.survey import Survey
from analyses.modelling.fits import plan
from analyses.modelling.structure import structure
from instruments.schema import Instrument
from measure.estimators import FOR_ORDERED
from measure.estimators import estimator as find_estimator

EVERYBODY, UNFLAGGED = "everybody", "unflagged"
AVAILABLE, COMPLETE = "available", "complete"
PLAIN = "ML"
"""What stands beside robust maximum likelihood where answers are not ordered."""


@dataclass(frozen=True)
class Universe:
    """One combination of choices.

    Parameters
    ----------
    people
        `everybody`, or those who are not flagged for careless answers (`unflagged`).
    missing
        `available`: as much of incomplete answers as the estimator can use; `complete`: only
        people with answers to all items of the model.
    estimator
        As for `measure.cfa`.
    """

    people: str
    missing: str
    estimator: str

    @property
    def choices(self) -> dict[str, str]:
        """The option chosen, by the name of the choice."""
        return {"people": self.people, "missing": self.missing, "estimator": self.estimator}

    def taken(self, instrument: Instrument, survey: Survey) -> Survey:
        """Give the answers that are analysed, of those of its people."""
        if self.missing == AVAILABLE:
            return survey
        return survey.where(survey.scored[modelled_items(instrument, survey)].notna().all(axis=1))


def modelled_items(instrument: Instrument, survey: Survey) -> list[str]:
    """Give the items of the reference model that the form asked."""
    observed = structure(instrument.reference_model).observed
    return [item for item in observed if item in survey.scored.columns]


def universes(
    instrument: Instrument, survey: Survey, people: Sequence[str], estimator: str | None
) -> tuple[Universe, ...]:
    """List all combinations, that of the report first; a choice that changes nothing is none.

    Parameters
    ----------
    people
        The sets of people, those of the report first.
    estimator
        Of the report, as for `fits.plan`.
    """
    planned = plan(instrument, survey, estimator=estimator)
    gaps = bool(survey.scored[modelled_items(instrument, survey)].isna().to_numpy().any())
    others = (ORDINAL, ROBUST) if planned.ordered else (ROBUST, PLAIN)
    found = product(
        people,
        (AVAILABLE, COMPLETE) if gaps else (AVAILABLE,),
        dict.fromkeys((planned.estimator, *others)),
    )
    return tuple(Universe(*choices) for choices in found)


def correlation_kind(estimator: str, *, ordered: bool) -> str:
    """Name the correlations that go with an estimator: those of ordered answers or of numbers."""
    taken = ordered and find_estimator(estimator).discrepancy in FOR_ORDERED
    return "ordered" if taken else "numbers"
