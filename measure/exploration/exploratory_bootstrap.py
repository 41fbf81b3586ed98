"""Bootstrap of an exploratory solution: the same analysis of samples drawn from its rows.

Each sample is analysed anew. Its unrotated loadings are turned to those of the solution (orthogonal
Procrustes, which changes nothing that is estimated), and its rotation begins where that of the
solution ended, so that factors neither trade places nor signs (Clarkson 1979; Ichikawa & Konishi
1995).
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import chosen_columns, confidence, numeric_items
from measure.display import render_html, render_text
from measure.errors import DataError, MeasureError, OptionError
from measure.exploration.correlating import Kind
from measure.exploration.exploratory import FactorSolution
from measure.fitting.rotated_samples import turned_alike
from measure.moments import missing
from measure.moments.ordinal.two_step import TwoStep, two_step
from measure.moments.rows import Rows
from measure.replication.intervals import percentile
from measure.replication.repeat import reasons_table, repeat
from measure.replication.workers import Count, Workers, add
from measure.rotating.extraction import EXTRACTIONS, GRADIENT_TOLERANCE, WEIGHTED, extract
from measure.rotating.extraction_weights import correlation_weight
from measure.rotating.gradient_projection import inverse_transposed
from measure.rotating.rotation import CONVERGED, ROTATIONS, criterion_of, rotate
from measure.rotating.rotation_equations import Criteria
from measure.rotating.uniquenesses import LOWEST_UNIQUENESS

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

# Samples that are rotated at once.
TOGETHER = 50
NOT_TURNED = "the rotation did not end at a minimum"


@dataclass(frozen=True, eq=False)
class LoadingsBootstrap:
    """What the same exploratory analysis of drawn samples gave.

    Attributes
    ----------
    loadings
        One row a loading: `item factor est se bias ci.lower ci.upper`; `se` is the standard
        deviation of the replicates, `bias` their mean less `est`, the interval that between two of
        their percentiles.
    factor_correlations
        One row a pair of factors: `factor1 factor2` and the same.
    communalities
        One row an item: `item` and the same.
    n, seed, confidence_level
        Samples drawn, their seed, and the level of the intervals.
    failures
        One row a reason why samples could not be analysed: `error count first message`.
    n_failed, n_inadmissible
        How many could not be, and how many have a Heywood case; the latter are kept.
    notes
        What the reader has to know.
    """

    loadings: pd.DataFrame
    factor_correlations: pd.DataFrame
    communalities: pd.DataFrame
    n: int
    seed: int
    confidence_level: float
    failures: pd.DataFrame
    n_failed: int
    n_inadmissible: int
    notes: tuple[str, ...]

    def _report(self) -> tuple[str, dict[str, object], dict[str, pd.DataFrame]]:
        facts: dict[str, object] = {
            "samples": self.n,
            "not analysed": self.n_failed,
            "with a Heywood case": self.n_inadmissible,
            "seed": self.seed,
            **{f"note {k}": note for k, note in enumerate(self.notes, start=1)},
        }
        tables = {
            "Loadings": self.loadings,
            "Factor correlations": self.factor_correlations,
            "Communalities": self.communalities,
        }
        return "Bootstrap of an exploratory solution", facts, tables

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def bootstrap_loadings(
    solution: FactorSolution,
    data: pd.DataFrame,
    *,
    seed: int,
    n: int = 1000,
    cluster: str | None = None,
    confidence_level: float = 0.95,
    workers: Workers = 1,
) -> LoadingsBootstrap:
    """Bootstrap intervals of rotated loadings, factor correlations and communalities.

    Parameters
    ----------
    solution
        Of `measure.efa`, by any extraction and rotation.
    data
        The answers that it came from.
    seed
        Seed of the samples; the same seed gives the same intervals, whatever `workers`.
    n
        Number of samples.
    cluster
        Column of the clusters; whole clusters are then drawn.
    confidence_level
        Of the intervals.
    workers
        Number of processes; see `repeat.repeat`.

    Returns
    -------
    LoadingsBootstrap

    Raises
    ------
    DataError
        The data lack an item or the clusters, or are not those of the solution.
    OptionError
        A smoothed matrix, or an impossible `confidence_level` or number.
    MeasureError
        Fewer than nine in ten samples could be analysed.

    Notes
    -----
    The weights of `"dwls"` and `"wls"` stay those of the solution.
    """
    level = confidence(confidence_level)
    if not isinstance(n, int) or n < 2:
        raise OptionError(f"n is {n!r}, but the number of samples is a whole number over 1.")
    task = _task(solution, data, cluster)
    repeats = repeat(task, -(-n // TOGETHER), seed=seed, workers=workers, chunk=1)
    batches = repeats.require(1.0).results
    counts: dict[tuple[str, str], Count] = {}
    parts: list[_Batch] = []
    for number, batch in enumerate(batches):
        parts.append(batch.first(n - number * TOGETHER))
        for place, error, message in parts[-1].failures:
            add(counts, (error, message), Count(1, number * TOGETHER + place, message))
    loadings = np.concatenate([part.loadings for part in parts])
    phi = np.concatenate([part.phi for part in parts])
    improper = sum(int(part.improper.sum()) for part in parts)
    failures = reasons_table("error", [(error, count) for (error, _), count in counts.items()])
    if len(loadings) < 0.9 * n:
        raise MeasureError(
            f"only {len(loadings)} of {n} samples could be analysed. Most frequent reason: "
            f"{failures['message'].iloc[0]}."
        )
    notes = []
    if improper:
        notes.append(f"{improper} samples have a Heywood case; they are kept.")
    return LoadingsBootstrap(
        *_tables(solution, loadings, phi, level),
        n=n,
        seed=seed,
        confidence_level=level,
        failures=failures,
        n_failed=n - len(loadings),
        n_inadmissible=improper,
        notes=tuple(notes),
    )


@dataclass(frozen=True, eq=False)
class _Batch:
    """Solutions of a batch of samples: those at `places`, in the position of the solution."""

    places: Indices
    loadings: Array
    phi: Array
    improper: NDArray[np.bool_]
    failures: tuple[tuple[int, str, str], ...]

    def first(self, n: int) -> "_Batch":
        """Leave out the samples of the last batch that were not asked for."""
        keep = self.places < n
        return _Batch(
            self.places[keep],
            self.loadings[keep],
            self.phi[keep],
            self.improper[keep],
            tuple(failure for failure in self.failures if failure[0] < n),
        )


@dataclass(frozen=True, eq=False)
class _Answers:
    """The rows to draw from: numbers (n, p), or ordered answers."""

    values: Array
    names: tuple[str, ...]
    answers: TwoStep | None
    kind: Kind

    def __len__(self) -> int:
        return len(self.values) if self.answers is None else self.answers.n_rows

    def matrix(self, rows: Indices) -> Array:
        """Correlations, or covariances, of rows."""
        if self.answers is not None:
            codes, z = self.answers.codes[:, rows], self.answers.z[:, rows]
            if any((own == own[:, :1]).all(axis=1).any() for own in (codes, z)):
                raise DataError("an item is constant in the sample")
            return two_step(codes, z.T, self.answers.layout, self.kind.empty_cells).correlations
        own = self.values[rows]
        if self.kind.missing == "fiml":
            moments = missing.from_rows(Rows(self.names, (1,), (own,), None, 0))
            S = moments.sample[0].sigma
        else:
            if (own == own[0]).all(axis=0).any():
                raise DataError("an item is constant in the sample")
            S = np.cov(own, rowvar=False)
        if self.kind.correlation == "covariance":
            return np.asarray(S)
        sd = np.sqrt(np.diag(S))
        return np.asarray(S / np.outer(sd, sd))


@dataclass(frozen=True, eq=False)
class _Analysis:
    """The analysis of a batch of samples."""

    source: _Answers
    members: tuple[Indices, ...] | None
    solution: FactorSolution
    weight: Array | None

    def __call__(self, rng: np.random.Generator) -> _Batch:
        unrotated, places, improper = [], [], []
        failures: list[tuple[int, str, str]] = []
        for place in range(TOGETHER):
            rows = self._draw(rng)
            try:
                A, is_improper = self._extracted(rows)
            except (DataError, np.linalg.LinAlgError) as error:
                failures.append((place, type(error).__name__, str(error)))
                continue
            unrotated.append(A)
            places.append(place)
            improper.append(is_improper)
        if not places:
            shape = self.solution.loadings.shape
            nothing = np.zeros((0, *shape)), np.zeros((0, shape[1], shape[1]))
            return _Batch(np.zeros(0, np.intp), *nothing, np.zeros(0, bool), tuple(failures))
        L, phi, good = self._turned(np.array(unrotated))
        at = np.array(places, dtype=np.intp)
        failures += [(int(place), "ConvergenceError", NOT_TURNED) for place in at[~good]]
        kept = np.array(improper)[good]
        return _Batch(at[good], L[good], phi[good], kept, tuple(sorted(failures)))

    def _draw(self, rng: np.random.Generator) -> Indices:
        if self.members is None:
            return np.asarray(rng.integers(len(self.source), size=len(self.source)), dtype=np.intp)
        drawn = rng.integers(len(self.members), size=len(self.members))
        return np.concatenate([self.members[k] for k in drawn])

    def _extracted(self, rows: Indices) -> tuple[Array, bool]:
        """Unrotated loadings of a sample, and whether they are a Heywood case."""
        S = self.source.matrix(rows)
        if np.linalg.eigvalsh(S)[0] <= 1e-10 * np.trace(S):
            raise DataError("the matrix of the sample is not positive definite")
        own = self.solution
        found = extract(S, own.n_factors, own.extraction, self.weight)
        if found.gradient >= GRADIENT_TOLERANCE:
            raise DataError("the extraction stopped before it found a minimum")
        edge = LOWEST_UNIQUENESS * np.diag(S) * (1 + 1e-9)
        return found.loadings, bool((found.uniquenesses <= edge).any())

    def _turned(self, A: Array) -> tuple[Array, Array, NDArray[np.bool_]]:
        """Rotate the loadings of samples (m, p, k) to the position of the solution."""
        own = self.solution
        ours = own.unrotated_loadings.to_numpy()
        target, k = own.loadings.to_numpy(), own.n_factors
        everything = np.ones(len(A), dtype=bool)
        identity = np.broadcast_to(np.eye(k), (len(A), k, k))
        if own.rotation in ROTATIONS:
            U, _, V = np.linalg.svd(A.mT @ ours)
            A = A @ (U @ V)
            start = np.linalg.inv(np.linalg.lstsq(ours, target)[0]).T
            criterion, oblique = criterion_of(own.rotation, own.rotation_args)
            how = Criteria(criterion, oblique, bool(own.rotation_args["normalize"]))
            T, norms = turned_alike(A, how, start)
            return A @ inverse_transposed(T, oblique), T.mT @ T, norms < CONVERGED
        phi = identity.copy()
        if own.rotation == "promax":
            turned = [
                rotate(one, "promax", own.rotation_args, n_starts=0, rng=np.random.default_rng(0))
                for one in A
            ]
            A, phi = np.array([t.loadings for t in turned]), np.array([t.phi for t in turned])
        for place in range(len(A)):
            order, signs = _match(A[place], target)
            A[place] = A[place][:, order] * signs
            phi[place] = phi[place][np.ix_(order, order)] * np.outer(signs, signs)
        return A, phi, everything


def _match(loadings: Array, target: Array) -> tuple[Indices, Array]:
    """Order and signs of the columns that bring loadings nearest to a target."""
    from scipy.optimize import linear_sum_assignment

    products = loadings.T @ target
    rows, columns = linear_sum_assignment(-np.abs(products))
    order = np.asarray(rows[np.argsort(columns)], dtype=np.intp)
    signs = np.sign(products[order, np.arange(len(order))])
    return order, np.where(signs == 0, 1.0, signs)


def _task(
    solution: FactorSolution, data: pd.DataFrame, cluster: str | None
) -> Callable[[np.random.Generator], _Batch]:
    """Prepare the rows and the analysis."""
    basis, items = solution.basis, list(solution.loadings.index)
    found, kind = basis.found, basis.kind
    if found.smoothed:
        raise OptionError(
            "the matrix of the solution was smoothed, so that samples cannot repeat it."
        )
    frame = data[chosen_columns(data, items)]
    values = numeric_items(frame).to_numpy()
    answered = ~np.isnan(values)
    used = answered.any(axis=1) if kind.missing == "fiml" else answered.all(axis=1)
    if int(used.sum()) != found.n_obs:
        raise DataError(
            f"the data have {int(used.sum())} rows that the analysis can use, but the solution "
            f"came from {found.n_obs}. Give the data of the solution."
        )
    if kind.is_polychoric and found.estimated is None:
        raise OptionError("the solution came from a matrix. Repeat `efa` with the answers.")
    answers = found.estimated if kind.is_polychoric else None
    names = tuple(str(item) for item in items)
    weight = None
    if solution.extraction in WEIGHTED:
        gamma = basis.gamma()
        assert gamma is not None
        weight = correlation_weight(solution.extraction, gamma)
    else:
        assert solution.extraction in EXTRACTIONS
    members = None if cluster is None else _members(data, cluster, used)
    return _Analysis(_Answers(values[used], names, answers, kind), members, solution, weight)


def _members(data: pd.DataFrame, cluster: str, used: NDArray[np.bool_]) -> tuple[Indices, ...]:
    """Rows of each cluster, among those that are used."""
    if list(data.columns).count(cluster) != 1:
        raise DataError(f'the data need one column "{cluster}", which `cluster` names.')
    codes, _ = pd.factorize(data[cluster].to_numpy()[used])
    if (codes < 0).any():
        raise DataError(f'the cluster column "{cluster}" has missing values in rows with answers.')
    if codes.max(initial=0) < 1:
        raise DataError(f'the rows belong to one cluster (column "{cluster}"); two are needed.')
    order = np.argsort(codes, kind="stable")
    return tuple(np.split(order, np.cumsum(np.bincount(codes))[:-1]))


def _tables(
    solution: FactorSolution, loadings: Array, phi: Array, level: float
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Tables of loadings, factor correlations and communalities."""
    items, factors = list(solution.loadings.index), list(solution.loadings.columns)
    k = len(factors)
    pairs = list(combinations(range(k), 2))
    scale = solution.basis.scale**2
    common = np.einsum("nia,nab,nib->ni", loadings, phi, loadings) / scale
    est_phi = solution.factor_correlations.to_numpy()
    by_loading = loadings.transpose(0, 2, 1).reshape(len(loadings), -1)
    by_pair = np.array([[one[i, j] for i, j in pairs] for one in phi]).reshape(len(phi), -1)
    names = pd.DataFrame({"item": items * k, "factor": [f for f in factors for _ in items]})
    named = pd.DataFrame(
        [(factors[i], factors[j]) for i, j in pairs], columns=["factor1", "factor2"], dtype=object
    )
    est = solution.loadings.to_numpy().ravel(order="F")
    est_pairs = np.array([est_phi[pair] for pair in pairs], dtype=float)
    return (
        names.join(_summary(est, by_loading, level)),
        named.join(_summary(est_pairs, by_pair, level)),
        pd.DataFrame({"item": items}).join(
            _summary(solution.communalities.to_numpy(), common, level)
        ),
    )


def _summary(est: Array, drawn: Array, level: float) -> pd.DataFrame:
    """Columns `est se bias ci.lower ci.upper` of quantities (k,) with replicates (n, k)."""
    limits = np.array([percentile(drawn[:, j], est[j], 0.0, level) for j in range(len(est))])
    limits = limits.reshape(-1, 2)
    return pd.DataFrame(
        {
            "est": est,
            "se": drawn.std(axis=0, ddof=1),
            "bias": drawn.mean(axis=0) - est,
            "ci.lower": limits[:, 0],
            "ci.upper": limits[:, 1],
        }
    )
