"""Whether constructs are distinct, and how much of each variable they explain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import chosen_columns, complete_rows, confidence, numeric_items
from measure.consistency.composites import composite_reliability
from measure.errors import DataError, OptionError
from measure.exploration.category_correlations import polychoric
from measure.exploration.correlating import Kind
from measure.fitting.fitted import Fit, require_one_level, standardized
from measure.fitting.inference import wald
from measure.moments.ordinal.two_step import TwoStep, two_step
from measure.replication.repeat import repeat
from measure.replication.workers import Workers

Array = NDArray[np.float64]
Indices = NDArray[np.intp]
VERSIONS = ("htmt", "htmt2")


def htmt(
    data: pd.DataFrame,
    scales: Mapping[str, Sequence[str]],
    *,
    version: str = "htmt",
    correlation: str = "pearson",
    ordered: bool | Sequence[str] = True,
) -> pd.DataFrame:
    """Heterotrait-monotrait ratios: estimates of the correlations among constructs.

    Parameters
    ----------
    data
        Items, one row a respondent; incomplete rows are left out.
    scales
        Items of each scale, two or more, under its name.
    version
        "htmt": mean correlation between the items of two scales over the geometric mean of the
        mean correlations within each, all in absolute value (Henseler, Ringle & Sarstedt
        2015), which holds where loadings within a scale are equal. "htmt2": geometric means
        throughout (Roemer, Schuberth & Henseler 2021), for unequal loadings.
    correlation
        `"pearson"` or `"polychoric"`.
    ordered
        With polychoric correlations: which items are ordered, see `measure.polychoric`; True for
        all.

    Returns
    -------
    DataFrame
        Scales × scales, 1 on the diagonal. Values near 1 (.85 or .90 are common limits) say that
        two scales measure the same.

    Raises
    ------
    DataError
        Unfit items (see `checks.numeric_items` and `measure.polychoric`), or a scale with fewer
        than two.
    OptionError
        For another `version` or `correlation`.

    Warns
    -----
    MeasureWarning
        As `measure.polychoric`.
    """
    items = _items_of(data, scales, version, Kind(correlation, ordered))
    return pd.DataFrame(
        _ratios(items.correlations(), _places(items.names, scales), version),
        index=list(scales),
        columns=list(scales),
    )


def htmt_intervals(
    data: pd.DataFrame,
    scales: Mapping[str, Sequence[str]],
    *,
    seed: int,
    version: str = "htmt",
    correlation: str = "pearson",
    ordered: bool | Sequence[str] = True,
    n: int = 1000,
    level: float = 0.95,
    cluster: str | None = None,
    workers: Workers = 1,
) -> pd.DataFrame:
    """Percentile bootstrap intervals of heterotrait-monotrait ratios.

    Parameters
    ----------
    data, scales, version, correlation, ordered
        See `htmt`.
    seed
        Seed of the resampling; the same seed gives the same intervals, whatever `workers`.
    n
        Number of samples.
    level
        Confidence level.
    cluster
        Column of the clusters; whole clusters are then resampled.
    workers
        Number of processes; see `repeat.repeat`.

    Returns
    -------
    DataFrame
        One row a pair: `scale1 scale2 htmt ci.lower ci.upper n_samples` (samples that could be
        analysed). Two scales count as distinct where `ci.upper` stays below the limit (Henseler et
        al. 2015; Franke & Sarstedt 2019).

    Raises
    ------
    DataError, OptionError
        As `htmt`; also for a `level` outside 0 to 1 and no whole `seed`.
    MeasureError
        Fewer than nine in ten samples could be analysed.
    """
    confidence(level)
    items = _items_of(data, scales, version, Kind(correlation, ordered))
    clusters = None
    if cluster is not None:
        if cluster not in data.columns:
            raise DataError(f'the data need a column "{cluster}", which `cluster` names.')
        # By position, as the index of a data frame may repeat.
        answered = data[list(items.names)].notna().all(axis=1).to_numpy()
        codes, _ = pd.factorize(data[cluster].to_numpy()[answered])
        if (codes < 0).any():
            raise DataError(
                f'the cluster column "{cluster}" has missing values in rows with answers.'
            )
        clusters = codes.astype(np.intp)
    places = _places(items.names, scales)
    task = _Resample(items, places, version, clusters)
    repeats = repeat(task, n, seed=seed, workers=workers).require()
    samples = np.array(repeats.results)
    tail = (1 - level) / 2
    estimates = _ratios(items.correlations(), places, version)
    names = list(scales)
    rows = []
    for i, j in combinations(range(len(names)), 2):
        drawn = samples[:, i, j]
        drawn = drawn[np.isfinite(drawn)]
        lower, upper = np.quantile(drawn, [tail, 1 - tail]) if len(drawn) else (np.nan, np.nan)
        rows.append((names[i], names[j], estimates[i, j], lower, upper, len(drawn)))
    columns = ["scale1", "scale2", "htmt", "ci.lower", "ci.upper", "n_samples"]
    return pd.DataFrame(rows, columns=columns)


@dataclass(frozen=True, eq=False)
class _Numbers:
    """Answers taken as numbers, (n_rows, n_items)."""

    names: tuple[str, ...]
    values: Array

    def __len__(self) -> int:
        return len(self.values)

    def correlations(self, rows: Indices | None = None) -> Array:
        values = self.values if rows is None else self.values[rows]
        if (values.std(axis=0) == 0).any():
            raise DataError("an item is constant in a bootstrap sample.")
        return np.asarray(np.corrcoef(values, rowvar=False), dtype=float)


@dataclass(frozen=True, eq=False)
class _Categories:
    """Ordered answers, perhaps with continuous ones."""

    names: tuple[str, ...]
    answers: TwoStep

    def __len__(self) -> int:
        return self.answers.n_rows

    def correlations(self, rows: Indices | None = None) -> Array:
        if rows is None:
            return self.answers.correlations
        codes, z = self.answers.codes[:, rows], self.answers.z[:, rows]
        if any((own == own[:, :1]).all(axis=1).any() for own in (codes, z)):
            raise DataError("an item is constant in a bootstrap sample.")
        return two_step(codes, z.T, self.answers.layout, "2x2").correlations


@dataclass(frozen=True, eq=False)
class _Resample:
    """One bootstrap sample of rows, or of whole clusters."""

    items: _Numbers | _Categories
    places: tuple[Indices, ...]
    version: str
    clusters: Indices | None

    def __call__(self, rng: np.random.Generator) -> Array:
        if self.clusters is None:
            rows = rng.integers(len(self.items), size=len(self.items))
        else:
            order = np.argsort(self.clusters, kind="stable")
            ends = np.cumsum(np.bincount(self.clusters))
            members = np.split(order, ends[:-1])
            drawn = rng.integers(len(members), size=len(members))
            rows = np.concatenate([members[k] for k in drawn])
        return _ratios(self.items.correlations(rows), self.places, self.version)


def _items_of(
    data: pd.DataFrame, scales: Mapping[str, Sequence[str]], version: str, kind: Kind
) -> _Numbers | _Categories:
    if version not in VERSIONS:
        raise OptionError(f'version "{version}" is not known; choose one of {", ".join(VERSIONS)}.')
    if not isinstance(scales, Mapping) or len(scales) < 2:
        raise DataError(
            "`scales` must be a dictionary from name to items with at least two scales."
        )
    for name, items in scales.items():
        if isinstance(items, str) or len(items) < 2:
            raise DataError(f'scale "{name}" needs a list of at least two items.')
    names = tuple(dict.fromkeys(item for items in scales.values() for item in items))
    if not kind.is_polychoric:
        complete = complete_rows(numeric_items(data, names), minimum_rows=3)
        return _Numbers(names, complete.to_numpy())
    found = polychoric(data[list(chosen_columns(data, names))], kind.ordered)
    return _Categories(names, found.answers[0])


def _places(names: Sequence[str], scales: Mapping[str, Sequence[str]]) -> tuple[Indices, ...]:
    return tuple(
        np.array([names.index(item) for item in own], dtype=np.intp) for own in scales.values()
    )


def _ratios(R: Array, places: tuple[Indices, ...], version: str) -> Array:
    """HTMT of correlations (p, p), scales × scales."""
    with np.errstate(divide="ignore"):
        sizes = np.abs(R)
        # The geometric mean is the exponential of the mean logarithm, 0 where a correlation is.
        parts = np.log(sizes) if version == "htmt2" else sizes

    def mean(cells: Array) -> float:
        return float(np.exp(cells.mean()) if version == "htmt2" else cells.mean())

    k = len(places)
    within = np.empty(k)
    for i, own in enumerate(places):
        a, b = np.triu_indices(len(own), 1)
        within[i] = mean(parts[own[a], own[b]])
    ratios = np.eye(k)
    for i, j in combinations(range(k), 2):
        between = mean(parts[np.ix_(places[i], places[j])])
        scale = np.sqrt(within[i] * within[j])
        ratios[i, j] = ratios[j, i] = between / scale if scale > 0 else np.nan
    return ratios


def fornell_larcker(fit: Fit) -> pd.DataFrame:
    """Compare what each factor explains in its items with what it shares with other factors.

    Parameters
    ----------
    fit
        A fitted model.

    Returns
    -------
    DataFrame
        Factors × factors: the root of the average variance extracted on the diagonal, correlations
        of the factors below, NaN above. A factor is distinct where its diagonal exceeds all its
        correlations (Fornell & Larcker 1981). The diagonal is NaN for a factor whose items measure
        more than it (see `composite_reliability`, which gives the reason). With several groups the
        index is (group, factor).
    """
    require_one_level(fit, "fornell_larcker")
    table = composite_reliability(fit)
    tables = []
    for state, label in zip(fit.point.states, fit.moments.groups, strict=True):
        factors = [name for name in state.block.eta if name in fit.model.table.latent]
        covariance = state.covariance[: len(factors), : len(factors)]
        with np.errstate(invalid="ignore"):
            sd = np.sqrt(np.diag(covariance))
        matrix = np.where(np.tri(len(factors), k=-1) > 0, covariance / np.outer(sd, sd), np.nan)
        own = table[table["group"] == label].set_index("factor")["ave"]
        np.fill_diagonal(matrix, np.sqrt(own.loc[factors].to_numpy(dtype=float)))
        tables.append(pd.DataFrame(matrix, index=factors, columns=factors))
    return tables[0] if len(tables) == 1 else pd.concat(tables, keys=list(fit.moments.groups))


def r_squared(fit: Fit) -> pd.DataFrame:
    """Share of the variance of every explained variable that the model explains.

    Parameters
    ----------
    fit
        A fitted model.

    Returns
    -------
    DataFrame
        One row a variable that loads on a factor or is regressed on something: `variable group
        level est se ci.lower ci.upper` with 1 - residual over total variance (Bollen 1989),
        its delta-method standard error and a 95 % normal interval. Negative where a total variance
        is smaller than its residual variance, NaN where it is not positive.
    """
    rows = fit.model.table.parameters
    explained = dict.fromkeys(
        (row.rhs if row.op == "=~" else row.lhs, row.group, row.level)
        for row in rows
        if row.op in ("=~", "~")
    )
    residual = {
        (row.lhs, row.group, row.level): index
        for index, row in enumerate(rows)
        if row.op == "~~" and row.lhs == row.rhs
    }
    solution = standardized(fit)
    share, se = solution["est.std"].to_numpy(), solution["se"].to_numpy()
    place = [residual.get(key) for key in explained]
    # A variable without a residual in the model is explained in full.
    est = np.array([1.0 if k is None else 1 - share[k] for k in place])
    error = np.array([0.0 if k is None else se[k] for k in place])
    interval = wald(est, error)
    return pd.DataFrame(
        {
            "variable": [name for name, _, _ in explained],
            "group": [fit.moments.groups[group - 1] for _, group, _ in explained],
            "level": [level for _, _, level in explained],
            "est": est,
            "se": error,
            "ci.lower": interval["ci.lower"],
            "ci.upper": interval["ci.upper"],
        }
    )
