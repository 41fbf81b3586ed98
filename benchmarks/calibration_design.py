"""What the study of continuous answers simulates: the population, the samples, what is fitted.

The factors are those of the study of ordered answers too; see `calibration_ordinal`.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import measure
from benchmarks.calibration_study import Name, Outcome, estimates
from measure.chisquare import p_value
from measure.evaluation.small_samples import small_sample_tests

Array = NDArray[np.float64]
CORRECTIONS = ("bartlett", "swain", "yuan.2015")

SIZES = (300, 1_000, 5_000)
SAMPLES = 1_000
SEED = 20_260_101


@dataclass(frozen=True)
class Factors:
    """Correlated factors, each with items of its own.

    Attributes
    ----------
    loadings
        Standardised loadings of the items of a factor, the same for each factor. The first item is
        the marker.
    correlations
        Correlations of the factors, (n_factors, n_factors), ones on the diagonal.
    """

    loadings: tuple[float, ...] = (0.70, 0.50, 0.80, 0.60, 0.65, 0.75)
    correlations: tuple[tuple[float, ...], ...] = (
        (1.00, 0.50, 0.55, 0.60),
        (0.50, 1.00, 0.55, 0.60),
        (0.55, 0.55, 1.00, 0.65),
        (0.60, 0.60, 0.65, 1.00),
    )

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
    def in_markers(self) -> dict[Name, float]:
        """Value of every loading, variance and covariance in the metric of the markers."""
        marker, found = self.loadings[0], dict[Name, float]()
        for factor, items in self.factors.items():
            for item, loading in zip(items, self.loadings, strict=True):
                found[f"{factor}=~{item}"] = loading / marker
                found[f"{item}~~{item}"] = 1 - loading**2
        names = list(self.factors)
        for j, one in enumerate(names):
            for k, other in enumerate(names[j:], start=j):
                found[f"{one}~~{other}"] = self.correlations[j][k] * marker**2
        return found

    @cached_property
    def population(self) -> measure.Population:
        """Moments of the population, made of the truth as text."""
        statements = []
        for name, value in self.in_markers.items():
            op = "=~" if "=~" in name else "~~"
            left, right = name.split(op)
            statements.append(f"{left} {op} {value!r}*{right}")
        return measure.population("\n".join(statements))


@dataclass(frozen=True)
class Design(Factors):
    """How samples of continuous answers are bent and holed.

    Attributes
    ----------
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

    skewness: float = 1.5
    kurtosis: float = 3.5
    always: int = 2
    share: float = 0.15
    slope: float = 1.0

    @cached_property
    def truth(self) -> dict[Name, float]:
        """Value of every parameter in the population, in the metric of the markers."""
        items = [item for own in self.factors.values() for item in own]
        return self.in_markers | {f"{item}~1": 0.0 for item in items}

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

    def seed(self, n: int) -> int:
        """Seed of the samples: cells of the same kind of data share their samples."""
        return SEED + n + (1 if self.data == "skewed" else 0)

    def truth(self, design: Design) -> dict[Name, float]:
        """Give the value of every parameter in the population."""
        return design.truth

    def sample(self, design: Design, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """Draw a sample."""
        return design.sample(n, rng, self.data, self.answers)

    def outcome(self, design: Design, frame: pd.DataFrame) -> Outcome:
        """Fit a sample, and say what it gave."""
        fit = self.fit(design, frame)
        ratio, pvalues = _tests(fit)
        return Outcome(
            estimates=estimates(fit),
            admissible=fit.admissible,
            ratio=ratio,
            pvalues=pvalues,
            share_missing=float(frame.isna().to_numpy().mean()),
        )

    @property
    def in_lavaan(self) -> dict[str, str | bool]:
        """Options of the same fit by lavaan."""
        missing = "listwise" if self.answers == "complete" else "fiml"
        return {
            "estimator": self.estimator,
            "missing": missing,
            "ordered": False,
            "std.lv": False,
        }


CELLS = (
    Cell("normal", "complete", "ML"),
    Cell("normal", "at random", "ML"),
    Cell("skewed", "complete", "MLR"),
    Cell("skewed", "complete", "MLMV"),
    Cell("skewed", "at random", "MLR"),
    Cell("skewed", "completely at random", "MLR"),
)
RUNS = tuple((cell, n) for n in SIZES for cell in CELLS)


def _tests(fit: measure.Fit) -> tuple[float, dict[str, float]]:
    test = fit.test
    scaled = test.test != "standard"
    chisq, df = (test.scaled, test.scaled_df) if scaled else (test.chisq, float(test.df))
    found = {"unscaled": p_value(test.chisq, test.df), "test": p_value(chisq, df)}
    if not fit.method.fiml:
        table = small_sample_tests(fit)
        column = table["pvalue.scaled" if scaled else "pvalue"]
        found |= {name: float(column[name]) for name in CORRECTIONS}
    return chisq / df, found
