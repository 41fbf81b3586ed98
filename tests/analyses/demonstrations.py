"""The bundled instruments with their demonstration data, read and fitted once for all tests.

Where tests run in several processes, what takes long is made by the one that first asks for it, and
read by the others; see `tests/conftest.py`.
"""

import fcntl
import os
import pickle
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, wraps
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd

import instruments
from analyses import report
from analyses.comparing import licences
from analyses.comparing.licences import Licence, Licences
from analyses.intake.survey import Survey, read_survey
from analyses.modelling.fits import Fitted, fit_models
from analyses.modelling.graded import Graded, graded_models
from analyses.section import Finding, Message, Report, Section
from instruments import Instrument
from tests.conftest import SHARED

NAMES = ("leadership_climate", "mental_ability", "coupling")
SMALL = {"coupling": Path(__file__).parent / "coupling_individual.csv"}
"""Smaller surveys that stand in for the demonstration, so that the tests stay quick.

`coupling_individual.csv` is simulated data, made for version 0.2 of the instrument with seed
20250301: answers to the 24 `I` items by 600 respondents in 59 units of 24 organisations. Functions
correlate .60 to .68, loadings are .58 to .70, and 8 % of the variance lies between organisations
and 5 % between units. About 1 % of the answers are missing.
"""


Made = TypeVar("Made")


def _once(make: Callable[[str], Made]) -> Callable[[str], Made]:
    """Let it be made once for a name by all processes of a run of the tests together."""

    @cache
    @wraps(make)
    def made(name: str) -> Made:
        folder = os.environ.get(SHARED)
        if folder is None:
            return make(name)
        with (Path(folder) / f"{make.__name__}-{name}").open("a+b") as file:
            # Another process that is at it is waited for.
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            if content := file.read():
                return pickle.loads(content)
            found = make(name)
            file.write(pickle.dumps(found))
            return found

    return made


@cache
def instrument(name: str) -> Instrument:
    return instruments.load(name)


def survey_path(name: str) -> Path:
    return SMALL.get(name) or instrument(name).demonstration_path()


@cache
def survey(name: str) -> Survey:
    return read_survey(survey_path(name), instrument(name))


@_once
def fits(name: str) -> dict[str, Fitted]:
    return fit_models(instrument(name), survey(name))


@_once
def numbers(name: str) -> dict[str, Fitted]:
    """Give the models fitted with the answers taken as numbers."""
    return fit_models(instrument(name), survey(name), estimator="MLR")


@_once
def granted(name: str) -> Licences:
    return licences.grant(instrument(name), survey(name), fits(name))


def taken_for_granted(*columns: str, by: Licences | None = None) -> Licences:
    """Give licences that let all groups of some columns of `coupling` be compared, untested."""
    loaded = instrument("coupling")
    full = {
        one.name: Licence(one, "full", Message("plain", {"text": ""}), groups=tuple(one.values))
        for one in loaded.columns
        if one.name in columns
    }
    others = Licences() if by is None else by
    return Licences({**others.by_column, **full}, others.scales)


@_once
def validated(name: str) -> Report:
    """Give the whole report, with and without those flagged for careless answers."""
    return report.validate(instrument(name), survey(name))


@_once
def graded(name: str) -> dict[str, Graded]:
    return graded_models(instrument(name), survey(name))


def with_rule(name: str, rule: str, **numbers: object) -> Instrument:
    """Give a bundled instrument with one number of one rule changed."""
    return with_rules(name, {rule: numbers})


def with_rules(name: str, rules: Mapping[str, Mapping[str, object]]) -> Instrument:
    """Give a bundled instrument with numbers of several rules changed."""
    loaded = instrument(name)
    changed = {
        rule: getattr(loaded.rules, rule).model_copy(update=dict(numbers))
        for rule, numbers in rules.items()
    }
    return loaded.model_copy(update={"rules": loaded.rules.model_copy(update=changed)})


def with_model(name: str, model_id: str, **fields: object) -> Instrument:
    """Give a bundled instrument with one model changed."""
    loaded = instrument(name)
    models = tuple(
        model.model_copy(update=fields) if model.id == model_id else model
        for model in loaded.models
    )
    return loaded.model_copy(update={"models": models})


def with_answers(name: str, scored: pd.DataFrame) -> Survey:
    """Give a bundled survey with other scored answers; the answers as given are the same ones."""
    old = survey(name)
    assert len(scored) == len(old.data)
    return replace(old, scored=scored, data=old.data.assign(**dict(scored.items())))


def people(count: int, **columns: list[str]) -> Survey:
    """Give the first respondents of lq2002, with other background columns."""
    old = survey("leadership_climate")
    first = old.where(old.data.index < count)
    return replace(first, data=first.data.assign(**{n: np.asarray(v) for n, v in columns.items()}))


def finding(section: Section, finding_id: str) -> Finding:
    return next(entry for entry in section.findings if entry.id == finding_id)


def evidence(entry: Finding, name: str) -> float | None:
    return next(number.value for number in entry.evidence if number.name == f"statistic.{name}")
