"""Criteria for the number of factors that fit models or draw data from them, as they are asked."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import SINGULAR
from measure.exploration.comparison_data import comparison_data
from measure.exploration.factor_sequence import Correlated, Verdict, factor_sequence, sequential
from measure.exploration.hull import hull, most_for_hull
from measure.exploration.next_eigenvalue import next_eigenvalue

Array = NDArray[np.float64]
NAN = float("nan")

CRITERIA = ("hull", "comparison_data", "next_eigenvalue", "tests")
TABLES = ("tests", "hull", "comparison_data", "next_eigenvalue")


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked, and of what.

    Attributes
    ----------
    criteria
        Names of `CRITERIA`.
    correlated
        The correlations.
    answers
        What they were computed from, (n_obs, n_items); None where only the matrix is known.
    most
        Largest number of factors to try.
    suggested
        Number of factors by parallel analysis, which says how far the Hull looks.
    n_draws, quantile, seed
        Of random data. Each criterion has a stream of its own, so that what one says does not
        depend on which others are asked.
    """

    criteria: tuple[str, ...]
    correlated: Correlated
    answers: Array | None
    most: int
    suggested: int
    n_draws: int
    quantile: float
    seed: int

    def stream(self, criterion: str) -> np.random.Generator:
        """Source of randomness of a criterion."""
        return np.random.default_rng([self.seed, 1 + CRITERIA.index(criterion)])


@dataclass(eq=False)
class Answer:
    """Tables by name, numbers of factors by criterion, and notes."""

    tables: dict[str, pd.DataFrame] = field(
        default_factory=lambda: {name: pd.DataFrame() for name in TABLES}
    )
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def unanswered(self) -> dict[str, str]:
        """Why a criterion has no answer, by its name."""
        return {name: verdict.why for name, verdict in self.verdicts.items() if verdict.why}


def answer(question: Question) -> Answer:
    """Ask the criteria.

    Returns
    -------
    Answer
        Tables are empty where no criterion needs them. Notes say where a criterion points to a
        solution that is improper.
    """
    found = Answer()
    if {"hull", "tests"} & {*question.criteria}:
        _models(question, found)
    if "comparison_data" in question.criteria:
        _comparison_data(question, found)
    if "next_eigenvalue" in question.criteria:
        _next_eigenvalue(question, found)
    return found


def _models(question: Question, found: Answer) -> None:
    asked_hull = "hull" in question.criteria
    largest = most_for_hull(question.suggested, question.most)
    # Without the tests nothing beyond the Hull's last model is needed.
    most = question.most if "tests" in question.criteria else largest
    models = factor_sequence(question.correlated, largest if asked_hull else 0, most)
    found.tables["tests"] = models
    if asked_hull:
        found.tables["hull"], elbows = hull(models, largest)
        found.verdicts |= elbows
        for name, verdict in elbows.items():
            if not (verdict.why or models["admissible"].iloc[int(verdict.n_factors)]):
                found.notes.append(
                    f"{name} points to {verdict.n_factors:.0f} factors, but that model is a "
                    "Heywood case or did not converge."
                )
    if "tests" in question.criteria:
        found.verdicts |= sequential(models)


def _comparison_data(question: Question, found: Answer) -> None:
    if question.answers is None:
        found.verdicts["comparison_data"] = Verdict(NAN, "it needs the answers, not a matrix")
    elif question.most < 2:
        found.verdicts["comparison_data"] = Verdict(
            NAN, "it compares models of one factor and of more, and no more than one may be tried"
        )
    elif np.linalg.eigvalsh(np.corrcoef(question.answers, rowvar=False))[0] < SINGULAR:
        found.verdicts["comparison_data"] = Verdict(
            NAN, "items determine each other, so that their Pearson correlations are singular"
        )
    else:
        compared, verdict = comparison_data(
            question.answers, question.most, question.stream("comparison_data")
        )
        found.tables["comparison_data"] = compared
        found.verdicts["comparison_data"] = verdict


def _next_eigenvalue(question: Question, found: Answer) -> None:
    if question.correlated.ordered:
        found.verdicts["next_eigenvalue"] = Verdict(
            NAN, "it is made for Pearson correlations of normal answers, not for polychoric ones"
        )
        return
    found.tables["next_eigenvalue"], verdict = next_eigenvalue(
        question.correlated,
        question.most,
        (question.n_draws, question.quantile),
        question.stream("next_eigenvalue"),
    )
    found.verdicts["next_eigenvalue"] = verdict
