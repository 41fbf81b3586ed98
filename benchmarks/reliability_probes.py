"""What the study of reliability asks of a sample: coefficients with intervals, and their truth."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import measure
from benchmarks.reliability_design import CLUSTER, Kind
from measure.consistency.alpha_intervals import ALPHA, PARAMETRIC
from measure.consistency.covariance_functions import Asked, Functions, replicated, spread_of
from measure.consistency.covariance_samples import sample_of
from measure.consistency.general_indices import BifactorIndices
from measure.consistency.guttman import LAMBDAS
from measure.consistency.lower_bound import GLB
from measure.consistency.split_halves import COEFFICIENTS, Halves
from measure.consistency.splits import equal_splits
from measure.consistency.subscore_prediction import KINDS, SubscorePrediction
from measure.errors import MeasureWarning

Array = NDArray[np.float64]
# Estimate, lower and upper limit, by coefficient and interval.
Found = dict[tuple[str, str], tuple[float, float, float]]

# Bootstrap samples of each interval, and of each that refits a model.
DRAWN, REFITTED = 400, 400
ADF, DELTA = "distribution-free", "delta method"
# Group factor and scale that stand for all.
FIRST = "f1"


@dataclass(frozen=True)
class Probe:
    """A question to a sample.

    Attributes
    ----------
    ask
        Takes the sample and its population, and gives the intervals.
    truth
        Gives the true values of the coefficients.
    """

    ask: Callable[[pd.DataFrame, Kind], Found]
    truth: Callable[[Kind], dict[str, float]]


def _rows(names: tuple[str, ...], interval: str, est: Array, columns: dict[str, Array]) -> Found:
    ends = zip(names, est, columns["ci.lower"], columns["ci.upper"], strict=True)
    return {(name, interval): (float(a), float(b), float(c)) for name, a, b, c in ends}


def _alpha(frame: pd.DataFrame, kind: Kind) -> Found:
    sample = sample_of(frame[kind.items])
    est = ALPHA.values(sample.covariance)
    found = _rows(ALPHA.names, ADF, est, spread_of(sample, ALPHA, Asked("adf"), est).columns)
    for name, interval in PARAMETRIC.items():
        limits = interval(float(est[0]), sample.n_obs, len(kind.items), 0.95)
        found["alpha", name.capitalize()] = (float(est[0]), *limits)
    # The rows are drawn once for both intervals. Each sample has other rows, so that the same
    # seed draws other answers.
    drawn = np.concatenate([ALPHA.values(batch) for batch in sample.drawn(DRAWN, 1)])
    moved = sample.influence(ALPHA.slopes(sample.covariance))
    for name in ("percentile", "bca"):
        asked = Asked(name, n_samples=DRAWN, seed=1)
        found |= _rows(ALPHA.names, name, est, replicated(drawn, est, moved, asked))
    return found


def _clustered_alpha(frame: pd.DataFrame, kind: Kind) -> Found:
    ignored = sample_of(frame[kind.items])
    found: Found = {}
    for label, sample in (
        (f"{ADF}, clusters ignored", ignored),
        (ADF, sample_of(frame, cluster=CLUSTER)),
    ):
        spread = spread_of(sample, ALPHA, Asked("adf"))
        found |= _rows(ALPHA.names, label, ALPHA.values(sample.covariance), spread.columns)
    return found


def _functions(functions: Functions) -> Probe:
    """Ask for functions of the covariances, distribution-free."""

    def ask(frame: pd.DataFrame, kind: Kind) -> Found:
        sample = sample_of(frame[kind.items])
        spread = spread_of(sample, functions, Asked("adf"))
        return _rows(functions.names, ADF, functions.values(sample.covariance), spread.columns)

    def truth(kind: Kind) -> dict[str, float]:
        return dict(zip(functions.names, functions.values(kind.covariances).tolist(), strict=True))

    return Probe(ask, truth)


def _halves(kind: Kind) -> Functions:
    halves = Halves(equal_splits(len(kind.items)), False)
    return Functions(COEFFICIENTS, halves.means, halves.slopes)


def _prediction(kind: Kind) -> SubscorePrediction:
    k = len(kind.factors)
    belongs = np.repeat(np.eye(k), len(kind.loadings), axis=0)
    # The factors are congeneric, so that alpha lies below the reliability; it is the same alpha.
    return SubscorePrediction(belongs, np.full(k, np.nan))


def _subscores(frame: pd.DataFrame, kind: Kind) -> Found:
    rows = measure.prmse(frame[kind.items], kind.factors).spread
    own = rows[rows["scale"] == FIRST]
    ends = own[["coefficient", "est", "ci.lower", "ci.upper"]].itertuples(index=False)
    return {(f"PRMSE: {name.removeprefix('prmse.')}", ADF): tuple(values) for name, *values in ends}


def _true_subscores(kind: Kind) -> dict[str, float]:
    values = _prediction(kind).values(kind.covariances)[: len(KINDS)]
    names = (f"PRMSE: {name.removeprefix('prmse.')}" for name in KINDS)
    return dict(zip(names, values.tolist(), strict=True))


def _indices(found: BifactorIndices, source: str, interval: str) -> Found:
    """Take the indices of the general factor, and what the first group factor adds."""
    result: Found = {}
    for row in found.table.to_dict("records"):
        general = row["factor"] == found.table["factor"].iloc[0]
        if row["coefficient"] == "puc" or not (general or row["factor"] == FIRST):
            continue
        if not general and row["coefficient"] != "omega_h":
            continue
        name = row["coefficient"] if general else "omega_h of a group factor"
        limits = (row["est"], row["ci.lower"], row["ci.upper"])
        result[f"{name}{source}", interval] = limits
    return result


def _true_indices(kind: Kind, source: str) -> dict[str, float]:
    truth = kind.truth
    found = {}
    for (factor, name), value in zip(truth.labels, truth.values.tolist(), strict=True):
        if factor == "g":
            found[f"{name}{source}"] = value
        elif factor == FIRST and name == "omega_h":
            found[f"omega_h of a group factor{source}"] = value
    return found


def _omegas(source: str, model: str, interval: str | None = None) -> Probe:
    def ask(frame: pd.DataFrame, kind: Kind) -> Found:
        function = measure.omega_total if model == "one-factor" else measure.omega_hierarchical
        found = function(
            frame,
            model=model,
            factors=None if model in ("one-factor", "schmid-leiman") else kind.factors,
            ordered=kind.ordered,
            cluster=CLUSTER if CLUSTER in frame else None,
            interval=interval,
            n_samples=REFITTED,
            seed=None if interval is None else 1,
        )
        return _indices(found, source, interval or DELTA)

    return Probe(ask, lambda kind: _true_indices(kind, source))


def _errors(frame: pd.DataFrame, kind: Kind) -> Found:
    table = measure.conditional_errors(frame).table
    row = table[table["score"] == _middle(kind)]
    found: Found = {}
    if len(row):
        est, low, high = row[["csem", "ci.lower", "ci.upper"]].to_numpy()[0].tolist()
        found["conditional error of the middle score", DELTA] = (est, low, high)
    return found


def _middle(kind: Kind) -> float:
    return float(len(kind.items) * 3)


def _true_errors(kind: Kind) -> dict[str, float]:
    # Of so many responses at the value of the factor with this true score that nothing is random.
    from scipy.optimize import brentq

    from measure.distributions import normal_cdf

    loadings = np.array(kind.loadings)[:, None]

    def passing(e: float) -> Array:
        return normal_cdf((loadings * e - kind.thresholds) / np.sqrt(1 - loadings**2))

    def short(e: float) -> float:
        return float(len(kind.items) + passing(e).sum() - _middle(kind))

    passed = passing(brentq(short, -10, 10))
    first = 1 + passed.sum(axis=1)
    second = 1 + (passed * (2 * np.arange(1, passed.shape[1] + 1) + 1)).sum(axis=1)
    return {"conditional error of the middle score": float(np.sqrt((second - first**2).sum()))}


def _true_alpha(kind: Kind) -> dict[str, float]:
    return dict(zip(ALPHA.names, ALPHA.values(kind.covariances).tolist(), strict=True))


PROBES = {
    "alpha": Probe(_alpha, _true_alpha),
    "alpha in clusters": Probe(_clustered_alpha, _true_alpha),
    "lambdas": _functions(LAMBDAS),
    "greatest lower bound": _functions(GLB),
    "split halves": Probe(
        lambda frame, kind: _functions(_halves(kind)).ask(frame, kind),
        lambda kind: _functions(_halves(kind)).truth(kind),
    ),
    "one factor": _omegas(", one factor", "one-factor"),
    "one factor, percentile": _omegas(", one factor", "one-factor", "percentile"),
    "one factor, bca": _omegas(", one factor", "one-factor", "bca"),
    "exploratory": _omegas(", Schmid–Leiman", "schmid-leiman"),
    "second order": _omegas(", second order", "second-order"),
    "bifactor": _omegas(", bifactor", "bifactor"),
    "subscores": Probe(_subscores, _true_subscores),
    "conditional errors": Probe(_errors, _true_errors),
}


def quietly(probe: Probe, frame: pd.DataFrame, kind: Kind) -> Found:
    """Ask without warnings, which are about single samples."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MeasureWarning)
        return probe.ask(frame, kind)
