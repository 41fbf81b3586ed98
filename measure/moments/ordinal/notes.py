"""What the reader of thresholds and category correlations has to know about their data."""

from collections import Counter
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from measure.moments.ordinal.correlation_search import LIMIT
from measure.moments.ordinal.pair_tables import FEW
from measure.moments.ordinal.two_step import TwoStep

Indices = NDArray[np.intp]

# First-order over observed information in the median pair from which on normality is in doubt; in
# simulated normal data of 200 rows it stays below 1.06 in 99 of 100 samples.
ABNORMAL = 1.1
# Names listed before the rest is only counted.
SHOWN = 8


def notes_of(group: TwoStep, where: str) -> tuple[str, ...]:
    """Sentences about the empty cells and sparse tables of one group.

    Parameters
    ----------
    group
        Its statistics.
    where
        ' in group "..."', or nothing.
    """
    return tuple(note for note in (_filled(group, where), _sparse(group, where)) if note)


def _filled(group: TwoStep, where: str) -> str:
    n, of = len(group.filled), len(group.tables.counted)
    if not n:
        return ""
    pairs = pair_names(group, group.layout.ordered_pairs.places[group.filled])
    return (
        f"{n} of {of} contingency tables{where} had an empty cell, to which 0.5 was added before "
        f"the correlation was estimated (in tables of two binary items with their margins kept): "
        f"{listed(pairs)}."
    )


def sparse_pairs(group: TwoStep) -> list[tuple[str, str]]:
    """Pairs of items in whose table most cells are expected to hold fewer than 5 answers."""
    first, second = group.layout.order.pairs
    places = group.layout.ordered_pairs.places[group.diagnosis.thin > 0.5]
    names = group.layout.names
    return [(names[i], names[j]) for i, j in zip(first[places], second[places], strict=True)]


def _sparse(group: TwoStep, where: str) -> str:
    sparse = sparse_pairs(group)
    if not sparse:
        return ""
    members = Counter(name for pair in sparse for name in pair)
    items = [f'"{name}" ({count})' for name, count in members.most_common()]
    return (
        f"in {len(sparse)} of {len(group.tables.counted)} contingency tables{where} most cells are "
        f"expected to hold fewer than {FEW:g} answers, so that their correlations and even more "
        "their standard errors are uncertain. Items, with the number of such tables: "
        f"{listed(items)}. Merging rare categories would help."
    )


def understatement(group: TwoStep) -> float:
    """By what share first-order standard errors are too small in the median pair; 0 if not clearly.

    With A the observed and B the first-order information about a correlation, B^-1 stands for its
    variance, which is A^-1 B A^-1: standard errors are too small by B/A.
    """
    ratios = group.diagnosis.information_ratio
    ratios = ratios[~np.isnan(ratios)]
    middle = float(np.median(ratios)) if len(ratios) else 1.0
    return middle - 1 if middle >= ABNORMAL else 0.0


def abnormal_note(group: TwoStep, where: str) -> str:
    """Say that first-order standard errors are in doubt; empty where they are not."""
    excess = understatement(group)
    if not excess:
        return ""
    return (
        f"the answers{where} contradict normal latent responses: in the median pair the products "
        f"of scores exceed the observed information by {excess:.0%}. Standard errors that rest "
        'on such products, as lavaan\'s do, are then too small; information="observed" gives some '
        "that do not need normality."
    )


def perfect_note(group: TwoStep, where: str) -> str:
    """Name the pairs in which one variable determines the other; empty where there are none."""
    pairs = pair_names(group, group.perfect)
    if not pairs:
        return ""
    return (
        f"{listed(pairs)}{where} determine each other: the likelihood rises towards a correlation "
        f"of 1 or -1, and was followed to {LIMIT} or -{LIMIT}. There is no standard error."
    )


def improper_note(group: TwoStep, where: str) -> str:
    """Say that the correlation matrix is not positive definite; empty where it is."""
    smallest = float(np.linalg.eigvalsh(group.correlations)[0])
    if smallest > 0:
        return ""
    return (
        f"the matrix of correlations{where} is not positive definite (smallest eigenvalue "
        f"{smallest:.3g}), as may happen where each correlation is estimated by itself."
    )


def pair_names(group: TwoStep, pairs: Indices) -> list[str]:
    """Name pairs by both members."""
    names = group.layout.names
    first, second = group.layout.order.pairs
    return [
        f'"{names[i]}" and "{names[j]}"' for i, j in zip(first[pairs], second[pairs], strict=True)
    ]


def listed(names: Iterable[str]) -> str:
    """Join names; of many only the first ones, with the number of the others."""
    every = list(names)
    shown = "; ".join(every[:SHOWN])
    return shown if len(every) <= SHOWN else f"{shown}; and {len(every) - SHOWN} more"
