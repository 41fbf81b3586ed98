"""Do loadings have the pattern that was expected? Tucker's congruence and Procrustes rotation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import known_option, numbers_of
from measure.display import render_html, render_text
from measure.errors import DataError, OptionError
from measure.exploration.exploratory import FactorSolution

Array = NDArray[np.float64]

# Permutations that are turned at once.
TOGETHER = 500
Loadings = FactorSolution | pd.DataFrame


def congruence(loadings: Loadings, target: Loadings) -> pd.DataFrame:
    """Tucker's congruence of every factor with every factor of a target.

    Parameters
    ----------
    loadings, target
        Exploratory solutions, or loadings, items × factors, of the same items (rows are matched by
        name).

    Returns
    -------
    DataFrame
        Factors of `loadings` × factors of `target`: sum of products over the root of the product of
        sums of squares (Tucker 1951). .85 to .94 is fair, from .95 factors count as equal
        (Lorenzo-Seva & ten Berge 2006). NaN for a column of zeros.

    Raises
    ------
    DataError
        Other items, or loadings that are missing.
    """
    A, B = _matched(loadings, target)
    return pd.DataFrame(_cosines(A, B), index=A.columns, columns=B.columns)


def _cosines(A: pd.DataFrame, B: pd.DataFrame) -> Array:
    a, b = A.to_numpy(), B.to_numpy()
    sizes = np.sqrt(np.outer((a**2).sum(axis=0), (b**2).sum(axis=0)))
    found: Array = np.divide(a.T @ b, sizes, out=np.full(sizes.shape, np.nan), where=sizes > 0)
    return found


@dataclass(frozen=True, eq=False)
class Procrustes:
    """Loadings turned towards a target, and how far they agree with it.

    Attributes
    ----------
    loadings
        Turned loadings, items × factors of the target.
    factor_correlations
        Of the turned factors; 1 and 0 where rotation is orthogonal.
    factors
        One row a factor: `congruence`, and from the permutations `pvalue` and the 95th and 99th
        percentile, `q95` and `q99`.
    items
        The same of each item: the congruence of its row of loadings with its row of the target.
    total
        The same of all loadings together.
    rms
        Root mean square difference of loadings and target.
    method, n_permutations, seed
        What was done.
    notes
        What the reader has to know.
    """

    loadings: pd.DataFrame
    factor_correlations: pd.DataFrame
    factors: pd.DataFrame
    items: pd.DataFrame
    total: pd.Series
    rms: float
    method: str
    n_permutations: int
    seed: int | None
    notes: tuple[str, ...]

    def _report(self) -> tuple[str, dict[str, object], dict[str, pd.DataFrame]]:
        facts: dict[str, object] = {
            "method": self.method,
            "permutations": self.n_permutations,
            **{f"total {name}": value for name, value in self.total.items()},
            "root mean square difference": self.rms,
            **{f"note {k}": note for k, note in enumerate(self.notes, start=1)},
        }
        tables = {"Loadings": self.loadings, "Factors": self.factors, "Items": self.items}
        return "Procrustes rotation", facts, tables

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def procrustes(
    loadings: Loadings,
    target: Loadings,
    *,
    method: str = "orthogonal",
    n: int = 1000,
    seed: int | None = None,
) -> Procrustes:
    """Turn loadings towards a target, and test their congruence by permutation.

    Parameters
    ----------
    loadings
        An exploratory solution, whose unrotated loadings are turned, or loadings of uncorrelated
        factors, items × factors.
    target
        Expected loadings of the same items, complete (`rotation="target"` takes entries that are
        free), with as many factors.
    method
        `"orthogonal"`: the rotation with the least squared differences (Schönemann 1966).
        `"oblique"`: each factor is the combination that comes nearest to its column of the target,
        scaled to variance 1 (Hurley & Cattell 1962), which has the largest congruence.
    n
        Permutations: the items of the target trade places at random, and the loadings are turned
        towards each of these targets (McCrae, Zonderman, Costa, Bond & Paunonen 1996). 0 leaves
        the test out.
    seed
        Seed of the permutations; needed for these.

    Returns
    -------
    Procrustes
        `pvalue` is (1 + permutations with a congruence as large) / (1 + n).

    Raises
    ------
    DataError
        Other items, another number of factors, loadings that are missing, a column of zeros.
    OptionError
        Another `method`; permutations without a seed.

    Notes
    -----
    Turning capitalises on chance: loadings of nothing reach congruences far above 0, the more so
    the fewer the items (Paunonen 1997). What a congruence is worth shows beside those of permuted
    targets. They say whether loadings agree with the target more than by chance, and not whether
    they are equal to it.
    """
    known_option("method", method, METHODS)
    A, B = _matched(loadings, target, turned=True)
    if A.shape[1] != B.shape[1]:
        raise DataError(
            f"the loadings have {A.shape[1]} factors and the target has {B.shape[1]}; they need "
            "the same number."
        )
    if not (B.to_numpy() ** 2).sum(axis=0).all():
        raise DataError("a factor of the target has only zeros, towards which nothing can turn.")
    if n < 0 or (n and seed is None):
        raise OptionError("permutations need n, 0 or more, and a seed: give a number, as seed=1.")
    a, b = A.to_numpy(), B.to_numpy()
    turned, phi = (part[0] for part in METHODS[method](a, b[None]))
    found = _agreement(turned[None], b[None])
    drawn = _permuted(a, b, method, n, np.random.default_rng(seed))
    factors = list(B.columns)
    return Procrustes(
        loadings=pd.DataFrame(turned, index=A.index, columns=factors),
        factor_correlations=pd.DataFrame(phi, index=factors, columns=factors),
        factors=_tested(found[0][0], drawn[0], factors),
        items=_tested(found[1][0], drawn[1], list(A.index)),
        total=_tested(found[2][:1], drawn[2][:, None], ["total"]).iloc[0],
        rms=float(np.sqrt(((turned - b) ** 2).mean())),
        method=method,
        n_permutations=n,
        seed=seed,
        notes=(
            "Congruences of turned loadings are above 0 by chance; compare them with q95 and q99."
            if n
            else "No permutations were drawn, so that nothing says what chance would give.",
        ),
    )


def _orthogonal(A: Array, targets: Array) -> tuple[Array, Array]:
    """Turn A (p, k) towards each target (n, p, k).

    Returns
    -------
    Loadings (n, p, k), and correlations of the factors (n, k, k).
    """
    U, _, V = np.linalg.svd(A.T @ targets)
    identity = np.broadcast_to(np.eye(A.shape[1]), (len(targets), A.shape[1], A.shape[1]))
    return A @ (U @ V), identity


def _oblique(A: Array, targets: Array) -> tuple[Array, Array]:
    """Turn A to the factors nearest to each target; as `_orthogonal`.

    With U the weights A(U) of least squares, factors of variance 1 have weights U D and
    correlations (D U'U D)^-1, D = diag((U'U)^-1)^½.
    """
    U = np.linalg.pinv(A) @ targets
    spread = np.linalg.inv(U.mT @ U)
    size = np.sqrt(np.diagonal(spread, axis1=1, axis2=2))
    phi = spread / (size[:, :, None] * size[:, None, :])
    return A @ (U * size[:, None, :]), phi


METHODS: dict[str, Callable[[Array, Array], tuple[Array, Array]]] = {
    "orthogonal": _orthogonal,
    "oblique": _oblique,
}


def _agreement(L: Array, T: Array) -> tuple[Array, Array, Array]:
    """Congruences of factors (n, k), of items (n, p) and of all loadings (n,)."""
    products, ours, theirs = L * T, L**2, T**2

    def share(axes: int | tuple[int, int]) -> Array:
        sizes = np.sqrt(ours.sum(axis=axes) * theirs.sum(axis=axes))
        sums = products.sum(axis=axes)
        found: Array = np.divide(sums, sizes, out=np.full(np.shape(sums), np.nan), where=sizes > 0)
        return found

    return share(1), share(2), share((1, 2))


def _permuted(
    a: Array, b: Array, method: str, n: int, rng: np.random.Generator
) -> tuple[Array, Array, Array]:
    """Congruences with targets whose items trade places."""
    parts = []
    for begin in range(0, n, TOGETHER):
        size = min(TOGETHER, n - begin)
        orders = rng.permuted(np.tile(np.arange(len(b)), (size, 1)), axis=1)
        targets = b[orders]
        parts.append(_agreement(METHODS[method](a, targets)[0], targets))
    if not parts:
        return np.zeros((0, b.shape[1])), np.zeros((0, len(b))), np.zeros(0)
    factors, items, total = (np.concatenate(part) for part in zip(*parts, strict=True))
    return factors, items, total


def _tested(found: Array, drawn: Array, names: Sequence[object]) -> pd.DataFrame:
    """Congruences, their p-values and the percentiles of those of permuted targets."""
    if len(drawn):
        reached = (drawn >= found - 1e-12).sum(axis=0)
        pvalue = np.where(np.isnan(found), np.nan, (1 + reached) / (1 + len(drawn)))
        q95, q99 = np.nanquantile(drawn, [0.95, 0.99], axis=0)
    else:
        pvalue = q95 = q99 = np.full(len(found), np.nan)
    columns = {"congruence": found, "pvalue": pvalue, "q95": q95, "q99": q99}
    return pd.DataFrame(columns, index=list(names))


def _matched(
    loadings: Loadings, target: Loadings, *, turned: bool = False
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Loadings of the same items in the same order; unrotated ones where they are to be turned."""
    tables = []
    for which, given in (("loadings", loadings), ("target", target)):
        table = given
        if isinstance(given, FactorSolution):
            table = given.unrotated_loadings if turned and which == "loadings" else given.loadings
        assert not isinstance(table, FactorSolution)
        table = numbers_of(table, list(table.columns))
        if table.isna().any(axis=None):
            raise DataError(
                f"the {which} have missing entries. Congruence takes complete tables; a target "
                'that leaves entries free is for rotation="target".'
            )
        tables.append(table)
    first, second = tables
    if set(first.index) != set(second.index) or not first.index.is_unique:
        raise DataError(
            "loadings and target have other items (row names). They need the same, each once."
        )
    return first, second.loc[first.index]
