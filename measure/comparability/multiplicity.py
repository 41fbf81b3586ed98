"""p-values corrected for the number of tests."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from measure.checks import known_option

Array = NDArray[np.float64]

LARGEST = "maxt"
# Samples drawn for the largest test: a p-value of .0167 then has a standard error of .0013.
DRAWS = 10_000
# Numbers of draws held at once.
HELD = 2_000_000

CORRECTIONS = ("holm", "bh", "none")


def corrected(pvalues: Array, correction: str) -> Array:
    """Correct p-values for their number; NaN are not counted, and stay.

    Parameters
    ----------
    pvalues
        Of all tests, (n,).
    correction
        "holm": the probability of any false rejection (Holm 1979). "bh": the expected share of
        false ones among the rejections (Benjamini & Hochberg 1995). "none".

    Raises
    ------
    OptionError
        For another word.
    """
    known_option("correction", correction, CORRECTIONS)
    found = pvalues.astype(float).copy()
    there = np.flatnonzero(~np.isnan(found))
    if correction == "none" or not len(there):
        return found
    if correction == "bh":
        found[there] = stats.false_discovery_control(found[there])
        return found
    order = there[np.argsort(found[there], kind="stable")]
    steps = found[order] * np.arange(len(order), 0, -1)
    found[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return found


def largest_of(chisq: Array, scores: Array, seed: int) -> Array:
    """p-values of dependent tests corrected by how large the largest of them gets by chance.

    Units are drawn with replacement, and with scores less their mean, so that nothing differs, each
    test is t = sum w u / sqrt(sum w u^2), w being how often each unit was drawn. The j-th largest
    test is compared with the largest of itself and all smaller ones (Westfall & Young 1993,
    algorithm 4.1; studentized scores: Romano & Wolf 2005, Econometrica 73, 1237-1282): what tests
    have in common is taken into account, and so are skewed scores and few units.

    Parameters
    ----------
    chisq
        Tests on one degree of freedom, (n_tests,); NaN are not counted, and stay.
    scores
        What each independent unit, a respondent or a cluster, adds to each, (n_tests, n_units).
    seed
        Of the draws.
    """
    there = np.flatnonzero(~np.isnan(chisq))
    found = np.full(len(chisq), np.nan)
    if not len(there):
        return found
    order = there[np.argsort(-chisq[there], kind="stable")]
    units = (scores[order] - scores[order].mean(axis=1, keepdims=True)).T
    sizes, squares = np.sqrt(chisq[order]), units**2
    rng, n = np.random.default_rng(seed), len(units)
    shares, reached = np.full(n, 1 / n), np.ones(len(order))
    step = max(HELD // n, 1)
    for begin in range(0, DRAWS, step):
        times = rng.multinomial(n, shares, min(step, DRAWS - begin)).astype(float)
        drawn = np.abs(times @ units) / np.sqrt(times @ squares)
        # The largest of a test and all that are smaller than it.
        largest = np.maximum.accumulate(drawn[:, ::-1], axis=1)[:, ::-1]
        reached += (largest >= sizes).sum(axis=0)
    found[order] = np.maximum.accumulate(reached / (DRAWS + 1))
    return found
