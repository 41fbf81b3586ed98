"""What stands behind the ledger: each function's correlations, and the parts of each index."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pandas as pd

import measure
from analyses import evidence
from analyses.ledger.entries import Entry
from analyses.ledger.estimators import NAME, Ledger
from analyses.ledger.networks import NotEstimated, defined, fit_network
from analyses.ledger.variables import Variable
from analyses.section import Phrase
from instruments.schema import Scale

CORRELATED = ("correlation", "partial")
"""Estimands whose target each function is correlated with."""


@dataclass(frozen=True, eq=False)
class Beside:
    """The correlation of a factor with something, without a verdict.

    `value` and the limits are None where the model could not be fitted; `mean` is that of the
    answers, where the row is one part of an index.
    """

    first: Phrase
    second: Phrase
    value: float | None
    lower: float | None
    upper: float | None
    n_obs: int
    mean: float | None = None


def measured_targets(entries: Iterable[Entry]) -> tuple[str, ...]:
    """Give the targets that the total was correlated with, each once, in order."""
    found = (
        part.expectation.target
        for entry in entries
        for part in entry.parts
        if part.estimate is not None
        and part.expectation.of is None
        and part.expectation.estimand in CORRELATED
    )
    return tuple(dict.fromkeys(found))


def of_functions(ledger: Ledger, targets: Iterable[str]) -> Iterator[Beside]:
    """Correlate each function with each target, all functions in one model."""
    answers, functions = ledger.answers, ledger.functions
    for name in targets:
        target = answers.variable(name)
        pairs = [(factor, target.name) for factor in functions.factors]
        found = _correlations(ledger, [target], pairs)
        n_obs = int(answers.answered(target).sum())
        for factor in functions.factors:
            label = evidence.text(answers.instrument.factor_label(factor))
            yield Beside(label, target.label, *found[factor, target.name], n_obs)


def parts_of_indices(ledger: Ledger, targets: Iterable[str]) -> Iterator[tuple[Scale, Beside]]:
    """Give each part of each index that was correlated: its mean, and the total's correlation.

    Parts are correlated one by one: nothing is claimed about how they go together.
    """
    answers, total = ledger.answers, ledger.total
    scales = {scale.id: scale for scale in answers.instrument.scales}
    for name in targets:
        if name not in scales or scales[name].kind != "index":
            continue
        for item in answers.variable(name).columns:
            ordered = (item,) if item in answers.planned.ordered else ()
            part = Variable(item, item, item, (item,), ordered=ordered)
            found = _total_with(ledger, part)
            given = answers.survey.scored[item]
            n_obs, mean = int(given.notna().sum()), float(given.mean())
            yield scales[name], Beside(total.label, item, *found, n_obs, mean)


Numbers = tuple[float | None, float | None, float | None]
NOTHING: Numbers = (None, None, None)


def _correlations(
    ledger: Ledger, variables: list[Variable], pairs: list[tuple[str, str]]
) -> dict[tuple[str, str], Numbers]:
    """Read correlations from the standardised solution of the functions and variables."""
    try:
        fit = fit_network(ledger.answers, ledger.functions, variables)
    except NotEstimated:
        return dict.fromkeys(pairs, NOTHING)
    rows = measure.standardized(fit)
    covariances = rows[rows["op"] == "~~"]
    return {
        (str(row["lhs"]), str(row["rhs"])): _numbers(row)
        for _, row in covariances.iterrows()
        if (row["lhs"], row["rhs"]) in pairs
    }


def _total_with(ledger: Ledger, variable: Variable) -> Numbers:
    total = ledger.total
    definition = f"{NAME} := {total.correlation(variable.name)}"
    try:
        fit = fit_network(ledger.answers, total, [variable], [definition])
    except NotEstimated:
        return NOTHING
    return _numbers(defined(measure.standardized(fit), NAME))


def _numbers(row: "pd.Series[float]") -> Numbers:
    value, lower, upper = (
        evidence.number(row[name]) for name in ("est.std", "ci.lower", "ci.upper")
    )
    return value, lower, upper
