"""Answers to the forms of KKS, made up in a moment, and read as a survey file."""

from pathlib import Path

import numpy as np
import pandas as pd

import instruments
from analyses.intake.survey import Survey, read_survey
from instruments import Instrument

KKS = instruments.load("coupling")
N_OBS = 210


def answered(form: str, *, more: tuple[str, ...] = (), n_obs: int = N_OBS) -> pd.DataFrame:
    """Make answers to a form or version: one factor for all items, everybody passing the checks."""
    source = np.random.default_rng(20261129)
    general = source.normal(size=n_obs)
    answers: dict[str, object] = {"unit": [f"u{row % 15:02d}" for row in range(n_obs)]}
    for code in (*KKS.form_items(form), *more):
        item = KKS.item(code)
        if item.instructed is not None:
            answers[code] = float(item.instructed)
            continue
        latent = 0.7 * general + 0.7 * source.normal(size=n_obs)
        codes = 1.0 + (latent[:, None] > np.array([-1.5, -0.7, 0.2, 1.2])).sum(axis=1)
        answers[code] = codes if item.keying == 1 else 6 - codes
    return pd.DataFrame(answers)


def versions(n_obs: int = N_OBS) -> pd.Series:
    """Give the version of the rotated form that each respondent gets, in turn."""
    assert KKS.rotation is not None
    ids = [version.id for version in KKS.rotation.versions]
    return pd.Series([ids[row % len(ids)] for row in range(n_obs)])


def rotated() -> pd.DataFrame:
    """Make answers to the rotated full form: each version's respondents miss three blocks."""
    data, got = answered("full"), versions()
    for version in got.unique():
        left_out = [item for item in KKS.item_ids if item not in KKS.form_items(version)]
        data.loc[got == version, left_out] = np.nan
    return data


def read(
    folder: Path, data: pd.DataFrame, instrument: Instrument = KKS, **options: object
) -> Survey:
    path = folder / "answers.csv"
    data.to_csv(path, index=False)
    return read_survey(path, instrument, **options)  # type: ignore[arg-type]


def notes(survey: Survey, key: str) -> list[dict[str, object]]:
    """Give the values of every note of a kind."""
    return [dict(note.values) for note in survey.notes if note.key == key]
