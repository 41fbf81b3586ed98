"""Models that join the total, or the functions, with what a hypothesis sets beside them.

Everything correlates with everything, so that nothing is claimed but the measurement: a factor
enters with its items, an index or a single column as observed. The number that a hypothesis is
about is defined in the model text and estimated with its standard error by the delta method.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import pandas as pd

import measure
from analyses.ledger.variables import Answers, Variable
from analyses.modelling.fits import Plan, options_of
from analyses.section import Phrase
from measure.errors import MeasureError, MeasureWarning
from measure.fitting.confirmatory import estimate
from measure.fitting.source import Source


class NotEstimated(Exception):
    """A model gave no numbers that may be read; the message says why, in the words of `measure`."""


@dataclass(frozen=True)
class Construct:
    """What a hypothesis is about: the total, its functions, or another scale.

    Parameters
    ----------
    label
        What it is called.
    syntax
        The model text that measures it.
    factors
        Its factors in that text: one, or all functions.
    columns
        The items of the text.
    ordered
        Those of them whose answers are ordered categories.
    composite
        Whether it is the sum of several factors, each in its standard deviations.
    """

    label: Phrase
    syntax: str
    factors: tuple[str, ...]
    columns: tuple[str, ...]
    ordered: tuple[str, ...]
    composite: bool = False

    def covariance(self, name: str) -> str:
        """Write its covariance with a variable, in labels of the text."""
        if not self.composite:
            return label_of(self.factors[0], name)
        parts = (f"{label_of(factor, name)}/sqrt({variance_of(factor)})" for factor in self.factors)
        return f"({' + '.join(parts)})"

    @property
    def variance(self) -> str:
        """Write its variance, in labels of the text."""
        if not self.composite:
            return variance_of(self.factors[0])
        pairs = (
            f"{label_of(one, two)}/sqrt({variance_of(one)}*{variance_of(two)})"
            for one, two in combinations(self.factors, 2)
        )
        return f"({len(self.factors)} + 2*({' + '.join(pairs)}))"

    def correlation(self, name: str) -> str:
        """Write its correlation with a standardised variable, in labels of the text."""
        return f"({self.covariance(name)}/sqrt({self.variance}))"


def label_of(one: str, two: str) -> str:
    """Label the covariance of two variables."""
    return f"c.{one}..{two}"


def variance_of(name: str) -> str:
    """Label the variance of a variable."""
    return f"v.{name}"


def text_of(
    construct: Construct, variables: Sequence[Variable], definitions: Sequence[str] = ()
) -> str:
    """Write the text of a construct and the variables beside it, all of them correlated.

    In `definitions` the covariance of two variables stands as `label_of` the one that comes first
    (a factor of the construct, then the variables in their order) and the other.
    """
    lines = [construct.syntax.strip()]
    lines += [variable.loadings for variable in variables if variable.loadings]
    lines += [f"{name} ~~ {variance_of(name)}*{name}" for name in construct.factors]
    names = (*construct.factors, *(variable.name for variable in variables))
    lines += [f"{one} ~~ {label_of(one, two)}*{two}" for one, two in combinations(names, 2)]
    return "\n".join([*lines, *definitions])


def fit_network(
    answers: Answers,
    construct: Construct,
    variables: Sequence[Variable],
    definitions: Sequence[str] = (),
    *,
    source: Source | None = None,
) -> measure.Fit:
    """Fit a construct with the variables beside it.

    Parameters
    ----------
    source
        The answers, where they are not those of all respondents.

    Raises
    ------
    NotEstimated
        The model cannot be fitted, or its minimum is not admissible.
    """
    ordered = (*construct.ordered, *(name for variable in variables for name in variable.ordered))
    text = text_of(construct, variables, definitions)
    return fit_text(text, ordered, source or answers.source, answers.planned)


def fit_text(text: str, ordered: tuple[str, ...], source: Source, planned: Plan) -> measure.Fit:
    """Fit a model text as the instrument's models are fitted.

    Raises
    ------
    NotEstimated
        As for `fit_network`.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MeasureWarning)
            found = estimate(text, source, options_of(planned, ordered), "cfa")
    except MeasureError as error:
        raise NotEstimated(str(error)) from error
    if not found.admissible:
        raise NotEstimated("; ".join(found.notes))
    return found


def defined(rows: pd.DataFrame, name: str) -> "pd.Series[float]":
    """Give the row of a defined quantity, of a fit's parameters or its standardised solution."""
    return rows[(rows["op"] == ":=") & (rows["lhs"] == name)].iloc[0]
