"""The stepped wedge: clusters that all take part in the end, in turns."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.display import render_html, render_text
from measure.errors import DataError, OptionError
from measure.occasions.regressions import reach, two_sided

Array = NDArray[np.float64]

FEWEST_CLUSTERS = 4
FEWEST_PERIODS = 3


@dataclass(frozen=True, eq=False)
class SteppedWedge:
    """The effect of taking part, with periods and clusters allowed for.

    Attributes
    ----------
    table
        One row a term, `effect` first, then the periods against the first: `term estimate se df
        pvalue ci.lower ci.upper`.
    variances
        `cluster cluster.period residual`, and `icc` (cluster over all).
    pvalue_permutation
        Share of reallocations of sequences among clusters with an effect as far from 0.
    standardized
        The effect over the standard deviation of a single answer, (cluster + cluster.period +
        residual)^(1/2).
    cells
        `cluster period treated n mean`.
    n_obs, n_clusters, n_periods, n_permutations, seed
        As used.
    notes
        What a reader has to know.
    """

    table: pd.DataFrame
    variances: "pd.Series[float]"
    pvalue_permutation: float
    standardized: float
    cells: pd.DataFrame
    n_obs: int
    n_clusters: int
    n_periods: int
    n_permutations: int
    seed: int
    notes: tuple[str, ...]

    def _report(self) -> tuple[str, Mapping[str, object], Mapping[str, pd.DataFrame]]:
        facts: dict[str, object] = {
            "respondents": self.n_obs,
            "clusters": self.n_clusters,
            "periods": self.n_periods,
            "effect in standard deviations": self.standardized,
            "p-value by reallocation": self.pvalue_permutation,
            **{str(name): value for name, value in self.variances.items()},
        }
        facts |= {f"note {k}": note for k, note in enumerate(self.notes, start=1)}
        return "Stepped wedge", facts, {"Effect": self.table}

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


class _Cells(NamedTuple):
    """Means of clusters in periods: what the likelihood needs of the answers."""

    mean: Array
    n: Array
    cluster: NDArray[np.intp]
    design: Array
    within: float
    df_within: int


def stepped_wedge(
    data: pd.DataFrame,
    outcome: str,
    *,
    cluster: str,
    period: str,
    treated: str,
    n_permutations: int = 2000,
    seed: int | None = None,
) -> SteppedWedge:
    """Effect of taking part in a stepped wedge, with a mean for every period.

    y = period + effect treated + cluster + cluster x period + residual, the last three random
    (Hussey & Hughes 2007, with the cluster x period variance of Girling & Hemming 2016), by REML.

    Parameters
    ----------
    data
        One row an answer sheet: the respondents of a period may be others than those before.
    outcome
        A score: the mean of a scale, or factor scores of one model whose measurement is the same at
        every period (`longitudinal_invariance`); whether it is, is not tested here. Scores are
        averaged over clusters and periods, and never shown of single respondents.
    cluster, period
        Columns; periods in sorted order.
    treated
        Column of 0 and 1: whether the cluster has begun; the same for all of a cluster and period,
        and never going back to 0.
    n_permutations, seed
        Of reallocations of whole sequences among clusters, with the variances as estimated. A seed
        that is left out is drawn.

    Returns
    -------
    SteppedWedge
        Intervals are those of t with the number of clusters less 2 as degrees of freedom; with few
        clusters go by `pvalue_permutation` (Ji et al. 2017), which rests on the random order of the
        clusters alone. The effect is taken to begin at once and to stay the same.

    Raises
    ------
    OptionError, DataError
        A column is missing; `treated` is not 0 and 1, differs within a cluster and period, or goes
        back; fewer than 4 clusters or 3 periods; all clusters begin at once; or the variances
        cannot be found.

    References
    ----------
    Girling, A. J., & Hemming, K. (2016). Statistical efficiency and optimal design for stepped
    cluster studies under linear mixed effects models. Statistics in Medicine, 35, 2149-2166.
    Hussey, M. A., & Hughes, J. P. (2007). Design and analysis of stepped wedge cluster randomized
    trials. Contemporary Clinical Trials, 28, 182-191.
    Ji, X., Fink, G., Robyn, P. J., & Small, D. S. (2017). Randomization inference for stepped-wedge
    cluster-randomized trials. Annals of Applied Statistics, 11, 1-20.
    """
    rows, notes = _rows(data, outcome, cluster, period, treated)
    table = _table(rows)
    cells = _cells(rows, table)
    variances = _reml(cells)
    solved = _solve(cells, variances)
    n_clusters = int(cells.cluster.max()) + 1
    df = float(n_clusters - 2)
    if seed is None:
        seed = int(np.random.default_rng().integers(2**32))
    pvalue = _permuted(cells, table, variances, solved[0][0], n_permutations, seed)
    periods = list(table["period"].unique())
    return SteppedWedge(
        table=_terms(solved, ["effect", *(f"period {p}" for p in sorted(periods)[1:])], df),
        variances=pd.Series(
            {
                "cluster": variances[0],
                "cluster.period": variances[1],
                "residual": variances[2],
                "icc": variances[0] / variances.sum(),
            }
        ),
        pvalue_permutation=pvalue,
        standardized=float(solved[0][0] / np.sqrt(variances.sum())),
        cells=table,
        n_obs=len(rows),
        n_clusters=n_clusters,
        n_periods=len(periods),
        n_permutations=n_permutations,
        seed=seed,
        notes=tuple(notes),
    )


def _rows(
    data: pd.DataFrame, outcome: str, cluster: str, period: str, treated: str
) -> tuple[pd.DataFrame, list[str]]:
    for name in (outcome, cluster, period, treated):
        if list(data.columns).count(name) != 1:
            raise OptionError(f'the data need one column "{name}".')
    rows = data[[outcome, cluster, period, treated]]
    rows = rows.set_axis(["y", "cluster", "period", "treated"], axis=1)
    complete = rows.dropna()
    notes = []
    if len(complete) < len(rows):
        notes.append(
            f"{len(rows) - len(complete)} of {len(rows)} rows lack a value and were left out."
        )
    if not set(complete["treated"].astype(float)) <= {0.0, 1.0}:
        raise DataError(f'"{treated}" must hold 0 (not begun) and 1 (begun) alone.')
    complete = complete.assign(treated=complete["treated"].astype(float))
    return complete, notes


def _table(rows: pd.DataFrame) -> pd.DataFrame:
    """Give the means of clusters in periods, and refuse what is no stepped wedge."""
    by = rows.groupby(["cluster", "period"], sort=True, observed=True)
    mixed = by["treated"].nunique() > 1
    if mixed.any():
        which, when = mixed.index[int(mixed.to_numpy().argmax())]
        raise DataError(
            f'cluster "{which}" has both begun and not begun in period "{when}". A cluster '
            "begins at the turn of a period: say which period its answers belong to."
        )
    table = by.agg(treated=("treated", "first"), n=("y", "size"), mean=("y", "mean")).reset_index()
    back = table.groupby("cluster")["treated"].apply(lambda one: bool((one.diff() < 0).any()))
    if back.any():
        raise DataError(
            f'cluster "{back.idxmax()}" goes back from begun to not begun. Leave out its later '
            "periods: what has been learned is not unlearned."
        )
    if table["cluster"].nunique() < FEWEST_CLUSTERS or table["period"].nunique() < FEWEST_PERIODS:
        raise DataError(
            f"{table['cluster'].nunique()} clusters and {table['period'].nunique()} periods; a "
            f"stepped wedge needs at least {FEWEST_CLUSTERS} and {FEWEST_PERIODS}."
        )
    first = table[table["treated"] == 1].groupby("cluster")["period"].min()
    if len(set(first)) < 2 and table["cluster"].nunique() == len(first):
        raise DataError(
            "all clusters begin in the same period, so that the effect cannot be told from the "
            "period. An interrupted series (`interrupted_series`) is what this is."
        )
    return table


def _cells(rows: pd.DataFrame, table: pd.DataFrame) -> _Cells:
    own = table.set_index(["cluster", "period"])["mean"]
    at = own.reindex(pd.MultiIndex.from_frame(rows[["cluster", "period"]])).to_numpy()
    within = float(((rows["y"].to_numpy(dtype=float) - at) ** 2).sum())
    return _Cells(
        # Less their mean, which the constant takes up: the likelihood then keeps its digits.
        mean=(table["mean"] - table["mean"].mean()).to_numpy(dtype=float),
        n=table["n"].to_numpy(dtype=float),
        cluster=pd.factorize(table["cluster"])[0].astype(np.intp),
        design=_design(table, table["treated"].to_numpy(dtype=float)),
        within=within,
        df_within=len(rows) - len(table),
    )


def _design(table: pd.DataFrame, treated: Array) -> Array:
    """Effect, constant and periods, (n_cells, k)."""
    later = sorted(table["period"].unique())[1:]
    own = table["period"].to_numpy()
    columns = [treated, np.ones(len(table)), *((own == one).astype(float) for one in later)]
    return np.column_stack(columns)


def _solve(cells: _Cells, variances: Array) -> tuple[Array, Array, float, float]:
    """Give coefficients, covariance, and the parts of the likelihood: quadratic form and log det.

    Means of a cluster have the covariance cluster 11' + diag(cluster.period + residual / n).
    """
    spread = variances[1] + variances[2] / cells.n
    weight = 1.0 / spread
    together = np.column_stack([cells.design, cells.mean])
    k = cells.design.shape[1]
    n_clusters = int(cells.cluster.max()) + 1
    sums = np.zeros((n_clusters, k + 1))
    np.add.at(sums, cells.cluster, weight[:, None] * together)
    added = 1.0 + variances[0] * np.bincount(cells.cluster, weight, n_clusters)
    # The inverse of a diagonal matrix plus a constant (Sherman & Morrison 1950).
    products = together.T @ (weight[:, None] * together)
    products -= sums.T @ (sums * (variances[0] / added)[:, None])
    left, right = products[:k, :k], products[:k, k]
    covariance = np.asarray(np.linalg.inv(left), dtype=float)
    beta = covariance @ right
    square = float(products[k, k] - right @ beta)
    log_det = float(np.log(spread).sum() + np.log(added).sum())
    return beta, covariance, square, log_det + float(np.linalg.slogdet(left)[1])


def _reml(cells: _Cells) -> Array:
    """Find the variances of clusters, of clusters in periods, and of answers, by REML.

    Answers add to the likelihood of the means their spread within clusters and periods: with N
    answers in C cells, (N - C) log(residual) + within / residual.
    """
    from scipy.optimize import minimize

    if np.linalg.matrix_rank(cells.design) < cells.design.shape[1]:
        raise DataError("periods and the effect cannot be told apart in these clusters.")
    if cells.df_within < 1:
        raise DataError(
            "there is one answer in each cluster and period, so that the spread of answers is not "
            "known. Give the answers of respondents, not means."
        )
    residual = cells.within / cells.df_within
    spread = float(np.var(cells.mean))

    def deviance(logs: Array) -> float:
        variances = np.exp(logs)
        _, _, square, log_det = _solve(cells, variances)
        answers = cells.df_within * logs[2] + cells.within / variances[2]
        return square + log_det + float(answers)

    best = None
    # A step of the search may go far beyond what any answers have.
    low, high = np.log(residual) - 16.0, np.log(residual) + 16.0
    for share in (0.5, 0.05, 0.95):
        start = np.log([share * spread + 1e-9, (1 - share) * spread + 1e-9, residual])
        found = minimize(
            deviance,
            np.maximum(start, low + 1),
            method="L-BFGS-B",
            bounds=[(low, high), (low, high), (np.log(residual) - 3, np.log(residual) + 3)],
            options={"ftol": 1e-13, "gtol": 1e-8, "maxiter": 500},
        )
        if best is None or found.fun < best.fun:
            best = found
    assert best is not None
    # Numeric gradients stop at about half of the digits that the deviance has.
    best = minimize(
        deviance,
        best.x,
        method="Nelder-Mead",
        bounds=[(low, high), (low, high), (None, None)],
        options={"xatol": 1e-9, "fatol": 1e-11, "maxiter": 2000},
    )
    if not np.isfinite(best.fun):
        raise DataError(
            "the variances of the stepped wedge could not be found. Are all scores the same?"
        )
    found_variances = np.exp(best.x)
    # At the lower bound a variance is 0.
    found_variances[:2] = np.where(best.x[:2] <= low + 1e-6, 0.0, found_variances[:2])
    return np.asarray(found_variances, dtype=float)


def _terms(solved: tuple[Array, Array, float, float], names: list[str], df: float) -> pd.DataFrame:
    beta, covariance, _, _ = solved
    kept = [0, *range(2, len(beta))]
    se = np.sqrt(np.diag(covariance))
    half = reach(df)
    return pd.DataFrame(
        [
            {
                "term": name,
                "estimate": beta[k],
                "se": se[k],
                "df": df,
                "pvalue": two_sided(float(beta[k] / se[k]), df),
                "ci.lower": beta[k] - half * se[k],
                "ci.upper": beta[k] + half * se[k],
            }
            for name, k in zip(names, kept, strict=True)
        ]
    )


def _permuted(
    cells: _Cells,
    table: pd.DataFrame,
    variances: Array,
    effect: float,
    n_permutations: int,
    seed: int,
) -> float:
    """Share of reallocations of sequences with an effect as far from 0, this one counted."""
    rng = np.random.default_rng(seed)
    n_clusters = int(cells.cluster.max()) + 1
    periods = sorted(table["period"].unique())
    place = table["period"].map({one: k for k, one in enumerate(periods)}).to_numpy()
    begun = np.full(n_clusters, len(periods))
    for number in range(n_clusters):
        own = (cells.cluster == number) & (table["treated"].to_numpy() == 1)
        begun[number] = int(place[own].min()) if own.any() else len(periods)
    # Means are made independent once; what periods explain is taken out of both sides.
    root = np.zeros((len(place), len(place)))
    for number in range(n_clusters):
        own = np.flatnonzero(cells.cluster == number)
        V = np.diag(variances[1] + variances[2] / cells.n[own]) + variances[0]
        root[np.ix_(own, own)] = np.linalg.inv(np.linalg.cholesky(V))
    basis, _ = np.linalg.qr(root @ cells.design[:, 1:])
    y = root @ cells.mean
    y = y - basis @ (basis.T @ y)
    as_far = 1
    for _ in range(n_permutations):
        turn = begun[rng.permutation(n_clusters)]
        x = root @ (place >= turn[cells.cluster]).astype(float)
        x = x - basis @ (basis.T @ x)
        again = float(x @ y) / max(float(x @ x), np.finfo(float).tiny)
        as_far += abs(again) >= abs(effect) * (1 - 1e-9)
    return as_far / (n_permutations + 1)
