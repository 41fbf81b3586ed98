"""What the calibration study simulates: the population, the samples, and what is fitted to them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import measure

Array = NDArray[np.float64]
# What a parameter is called in every table here: lhs, op and rhs together.
Name = str

SIZES = (300, 1_000, 5_000)
SAMPLES = 1_000
SEED = 20_260_101


@dataclass(frozen=True)
class Design:
    """A population of correlated factors, and how its samples are bent and holed.

    Attributes
    ----------
    loadings
        Standardised loadings of the items of a factor, the same for each factor. The first item is
        the marker.
    correlations
        Correlations of the factors, (n_factors, n_factors), ones on the diagonal.
    skewness, kurtosis
        Of every item, where the data are skewed (excess kurtosis).
    always
        Items of each factor that everyone answers. The others are a page of their own, which a
        respondent leaves out as a whole, so that there are 2^n_factors patterns of answers.
    share
        Share of all answers that is missing.
    slope
        Rise of the log-odds that a page is left out, for each standard deviation of the marker of
        its factor, which everyone answers (missing at random).
    """

    loadings: tuple[float, ...] = (0.70, 0.50, 0.80, 0.60, 0.65, 0.75)
    correlations: tuple[tuple[float, ...], ...] = (
        (1.00, 0.50, 0.55, 0.60),
        (0.50, 1.00, 0.55, 0.60),
        (0.55, 0.55, 1.00, 0.65),
        (0.60, 0.60, 0.65, 1.00),
    )
    skewness: float = 1.5
    kurtosis: float = 3.5
    always: int = 2
    share: float = 0.15
    slope: float = 1.0

    @property
    def factors(self) -> dict[str, list[str]]:
        """Items of each factor."""
        size = len(self.loadings)
        return {
            f"f{j + 1}": [f"y{j * size + k + 1}" for k in range(size)]
            for j in range(len(self.correlations))
        }

    @property
    def model(self) -> str:
        """The model that is fitted, the true one."""
        return "\n".join(f"{f} =~ {' + '.join(items)}" for f, items in self.factors.items())

    @cached_property
    def truth(self) -> dict[Name, float]:
        """Value of every parameter in the population, in the metric of the markers."""
        marker, found = self.loadings[0], dict[Name, float]()
        for factor, items in self.factors.items():
            for item, loading in zip(items, self.loadings, strict=True):
                found[f"{factor}=~{item}"] = loading / marker
                found[f"{item}~~{item}"] = 1 - loading**2
                found[f"{item}~1"] = 0.0
        names = list(self.factors)
        for j, one in enumerate(names):
            for k, other in enumerate(names[j:], start=j):
                found[f"{one}~~{other}"] = self.correlations[j][k] * marker**2
        return found

    @cached_property
    def population(self) -> measure.Population:
        """Moments of the population, made of the truth as text."""
        statements = []
        for name, value in self.truth.items():
            if name.endswith("~1"):
                continue
            op = "=~" if "=~" in name else "~~"
            left, right = name.split(op)
            statements.append(f"{left} {op} {value!r}*{right}")
        return measure.population("\n".join(statements))

    def sample(self, n: int, rng: np.random.Generator, data: str, answers: str) -> pd.DataFrame:
        """Draw a sample; the same generator gives the same values, whatever is missing.

        Parameters
        ----------
        n
            Rows.
        rng
            Source of the randomness.
        data
            "normal" or "skewed".
        answers
            "complete"; "at random": pages are missing depending on the markers; "completely at
            random": as many, depending on nothing.
        """
        skewness, kurtosis = (self.skewness, self.kurtosis) if data == "skewed" else (0.0, 0.0)
        pages = [items[self.always :] for items in self.factors.values()]
        markers = [items[0] for items in self.factors.values()]
        # The share of a page that makes the share of all answers right.
        of_page = self.share * len(self.loadings) / (len(self.loadings) - self.always)
        depends = answers == "at random"
        holes = [
            measure.Holes(
                of_page,
                items=page[:1],
                depends_on=marker if depends else None,
                slope=self.slope,
            )
            for page, marker in zip(pages, markers, strict=True)
        ]
        frame = measure.simulate(
            self.population,
            n,
            seed=rng,
            skewness=skewness,
            kurtosis=kurtosis,
            missing=() if answers == "complete" else holes,
        )
        for page in pages:
            frame.loc[frame[page[0]].isna(), page] = np.nan
        return frame


@dataclass(frozen=True)
class Cell:
    """A kind of data and the estimator that is used for it."""

    data: str
    answers: str
    estimator: str

    @property
    def name(self) -> str:
        """What the cell is called in tables."""
        return f"{self.estimator}, {self.data}, {self.answers}"

    def fit(self, design: Design, frame: pd.DataFrame) -> measure.Fit:
        """Fit the true model."""
        missing = "listwise" if self.answers == "complete" else "fiml"
        return measure.cfa(design.model, frame, estimator=self.estimator, missing=missing)


CELLS = (
    Cell("normal", "complete", "ML"),
    Cell("normal", "at random", "ML"),
    Cell("skewed", "complete", "MLR"),
    Cell("skewed", "complete", "MLMV"),
    Cell("skewed", "at random", "MLR"),
    Cell("skewed", "completely at random", "MLR"),
)


def seed_of(cell: Cell, n: int) -> int:
    """Seed of the samples of a cell: cells of the same kind of data share their samples."""
    return SEED + n + (1 if cell.data == "skewed" else 0)
