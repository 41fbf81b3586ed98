"""What estimates the expectations about levels: whom an item is about, and who says it."""

from dataclasses import replace

import numpy as np
import pandas as pd

import measure
from analyses import evidence
from analyses.across_levels.design import function_label, level_label
from analyses.across_levels.referents import Referents
from analyses.across_levels.two_levels import FEWEST_PLACES
from analyses.attempts import attempt
from analyses.comparing.group_ladders import TOTAL, Climb
from analyses.defaults import ROBUST, SEED
from analyses.ledger.estimators import NAME, Estimate, Ledger
from analyses.ledger.networks import Construct, NotEstimated, defined, fit_network
from analyses.ledger.variables import NotAsked, mean_of_answered
from analyses.section import Message
from instruments.schema import Expectation
from measure.levels.referent_contrasts import ALL

FACTOR, TARGET, ALL_ITEMS = "functions_together", "target_scale", "all_items"
FEWEST_INDICATORS = 3
"""Functions that make a factor."""

N_SPLITS = 200
"""Random splits of the correlation across organisations."""


class NotCompared(Exception):
    """Those who rate themselves and the others are not compared.

    Attributes
    ----------
    reason
        Why.
    tested
        Whether answers have been seen that speak against comparing them.
    """

    def __init__(self, reason: Message, *, tested: bool) -> None:
        super().__init__(reason)
        self.reason, self.tested = reason, tested


def referents(ledger: Ledger, expectation: Expectation) -> tuple[Estimate, ...]:
    """Estimate how much more a function goes with itself across levels than with others at one.

    One number a function: the mean of its correlations between two levels, less the mean of those
    with the other functions of the same level, in a model in which each function of each level is a
    factor.

    Raises
    ------
    NotAsked
        The survey asks about one level, or about one function.
    NotEstimated
        The model could not be fitted.
    """
    across = _across(ledger, expectation)
    if len(across.design.cells) < 2:
        raise NotAsked(expectation.target)
    result, fit = across.contrasts.result, across.matrix.result
    if result is None or fit is None:
        raise NotEstimated(across.contrasts.reason)
    rows = result.contrasts[result.contrasts["trait"] != ALL]
    return tuple(
        Estimate(
            evidence.plain(function_label(across.instrument, row["trait"])),
            float(row["difference"]),
            float(row["se"]),
            result.n_obs,
            fit,
            beside={
                "same_function": float(row["same_trait"]),
                "same_level": float(row["same_referent"]),
            },
        )
        for row in rows.to_dict("records")
    )


def levels(ledger: Ledger, expectation: Expectation) -> tuple[Estimate, ...]:
    """Estimate how much stronger a correlation is with what is asked about another level.

    At both levels the functions together, each in standard deviations, in one model.

    Raises
    ------
    NotAsked
        The form does not ask for the target, or not about the level.
    NotEstimated
        The model could not be fitted.
    """
    across = _across(ledger, expectation)
    design, level = across.design, expectation.level
    if level is None or any(level not in own for own in design.cells.values()):
        raise NotAsked(expectation.target)
    answers, target = ledger.answers, ledger.answers.variable(expectation.target)
    own = replace(ledger.functions, composite=True)
    other = _at(across, level, answers.planned.ordered)
    both = Construct(
        own.label,
        f"{own.syntax.strip()}\n{other.syntax}",
        (*own.factors, *other.factors),
        (*own.columns, *other.columns),
        (*own.ordered, *other.ordered),
    )
    here, there = own.correlation(target.name), other.correlation(target.name)
    definitions = [f"{NAME} := {there} - {here}", f"here := {here}", f"there := {there}"]
    found = fit_network(answers, both, [target], definitions)
    rows = measure.standardized(found)
    row = defined(rows, NAME)
    both_sides = answers.answered(target) & answers.frame[list(both.columns)].notna().any(axis=1)
    label = Message(
        "hypotheses.of.levels",
        {
            "target": target.label,
            "level": level_label(across.instrument, level),
            "reference": level_label(across.instrument, design.reference),
        },
    )
    beside = {
        "correlation_here": float(defined(rows, "here")["est.std"]),
        "correlation_there": float(defined(rows, "there")["est.std"]),
    }
    value, se = float(row["est.std"]), float(row["se"])
    return (Estimate(label, value, se, int(both_sides.sum()), found, beside=beside),)


def _at(across: Referents, level: str, ordered: tuple[str, ...]) -> Construct:
    """Give the functions together, as they are asked about a level."""
    cells = {f"{level}.{name}": own[level] for name, own in across.design.cells.items()}
    items = tuple(item for own in cells.values() for item in own)
    return Construct(
        level_label(across.instrument, level),
        "\n".join(f"{name} =~ {' + '.join(own)}" for name, own in cells.items()),
        tuple(cells),
        items,
        tuple(item for item in items if item in ordered),
        composite=True,
    )


def between(ledger: Ledger, expectation: Expectation) -> tuple[Estimate, ...]:
    """Estimate how what is asked about a level goes with a scale across organisations.

    The correlation between organisations of a factor of the functions, as they are asked about the
    level, with the scale, in a model of two levels: what goes together in the answers of one
    person stands within organisations. Beside it, or in its place where that model has no proper
    solution, stands the correlation of what people of one organisation have in common, each side
    from other people (`measure.split_cluster`, `corrected`).

    Raises
    ------
    NotAsked
        The form does not ask for the target or about the level, or no organisations are known.
    NotEstimated
        There are too few organisations, or too little that people of one have in common.
    """
    across, level = _across(ledger, expectation), expectation.level
    answers = ledger.answers
    target, place = answers.variable(expectation.target), _place(across)
    items = () if level is None else across.design.items(level)
    if not items or level is None or place is None:
        raise NotAsked(expectation.target)
    enough = across.instrument.rules.index_answered.value
    scored, scores = answers.survey.scored, answers.scores
    functions = {
        name: mean_of_answered(scored[list(own[level])], enough)
        for name, own in across.design.cells.items()
        if level in own
    }
    data = pd.DataFrame(
        {
            **functions,
            ALL_ITEMS: mean_of_answered(scored[list(items)], enough),
            TARGET: (scores if target.id in scores else answers.own_scores)[target.id],
            place: answers.survey.data[place],
        }
    )
    label = Message(
        "hypotheses.of.between",
        {"target": target.label, "level": level_label(across.instrument, level)},
    )
    other = attempt(
        lambda: measure.split_cluster(
            data, ALL_ITEMS, TARGET, cluster=place, n_splits=N_SPLITS, seed=SEED
        )
    )
    nothing: dict[str, float] = {}
    split, errors = (nothing, nothing) if other.result is None else _numbers(other.result)
    known = bool(np.isfinite(errors.get("corrected", np.nan)))
    fit = _between_levels(data, tuple(functions), place)
    if fit is not None:
        rows = measure.standardized(fit)
        own = rows[(rows["level"] == 2) & (rows["lhs"] == FACTOR) & (rows["rhs"] == TARGET)]
        value, se = (float(own[name].iloc[0]) for name in ("est.std", "se"))
        beside = {"between_others": split["corrected"]} if known else {}
        return (Estimate(label, value, se, fit.n_obs, fit, beside=beside),)
    if other.result is None:
        raise NotEstimated(other.reason)
    if not known:
        raise NotEstimated("; ".join(other.result.notes))
    return (
        Estimate(
            label,
            split["corrected"],
            errors["corrected"],
            other.result.n_obs,
            None,
            beside={"uncorrected_between": split["split"]},
            by=Message("estimator.split_instead", {"n": other.result.n_splits}),
        ),
    )


def _numbers(found: measure.SplitCluster) -> tuple[dict[str, float], dict[str, float]]:
    """Give the estimates and the standard errors of a correlation of different persons."""
    kinds = [str(kind) for kind in found.table.index]
    values, errors = found.table[["estimate", "se"]].to_numpy(dtype=float).T.tolist()
    return dict(zip(kinds, values, strict=True)), dict(zip(kinds, errors, strict=True))


def _between_levels(
    data: pd.DataFrame, functions: tuple[str, ...], place: str
) -> measure.Fit | None:
    """Fit a factor of functions beside the target at both levels; None where it is not proper."""
    if len(functions) < FEWEST_INDICATORS or data[place].nunique() < FEWEST_PLACES:
        return None
    block = f"{FACTOR} =~ {' + '.join(functions)}\n{FACTOR} ~~ {TARGET}"
    used = data[[*functions, TARGET, place]]
    missing = "fiml" if used.isna().to_numpy().any() else "listwise"
    found = attempt(
        lambda: measure.cfa(
            f"level: 1\n{block}\nlevel: 2\n{block}",
            used,
            cluster=place,
            estimator=ROBUST,
            missing=missing,
        )
    ).result
    return found if found is not None and found.admissible else None


def _place(across: Referents) -> str | None:
    """Give the column of organisations, else that of the clusters."""
    name = across.instrument.column_for("organisation")
    if name is not None and name in across.survey.data:
        return name
    return None if across.planned.cluster is None else across.planned.cluster.name


def self_other(ledger: Ledger, expectation: Expectation) -> tuple[Estimate, ...]:
    """Estimate how much higher those whom items are about rate themselves than others rate them.

    The difference of latent means in standard deviations (pooled), all functions together, between
    two groups of answers in which the items are shown to measure alike.

    Raises
    ------
    NotAsked
        Nobody was asked about themselves.
    NotCompared
        The steps of invariance do not allow it, or there are too few.
    """
    climbed = _across(ledger, expectation).self_other
    if climbed is None:
        raise NotAsked(expectation.target)
    require_alike(climbed)
    assert climbed.means is not None
    assert climbed.fit is not None
    table = climbed.means.table
    name = TOTAL if TOTAL in set(table["factor"]) else table["factor"].iloc[0]
    row = table[table["factor"] == name].iloc[0]
    return (
        Estimate(
            Message("hypotheses.of.self_other"),
            float(row["d"]),
            float(row["d.se"]),
            int(row["n"] + row["n.reference"]),
            climbed.fit,
        ),
    )


def require_alike(climbed: Climb) -> None:
    """Refuse to compare raters for whom the items are not shown to measure alike.

    Raises
    ------
    NotCompared
        It says why.
    """
    if climbed.reason is not None:
        raise NotCompared(climbed.reason, tested=False)
    if not climbed.complete or climbed.means is None:
        raise NotCompared(Message("levels.raters.not_alike"), tested=True)


def _across(ledger: Ledger, expectation: Expectation) -> Referents:
    across = ledger.answers.across
    if across is None:
        raise NotAsked(expectation.target)
    return across
