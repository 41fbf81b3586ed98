"""A general factor behind correlated factors: the Schmid–Leiman transformation."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import numbers_of
from measure.display import render_html, render_text
from measure.errors import DataError, OptionError
from measure.exploration.exploratory import FactorSolution
from measure.rotating.extraction import extract
from measure.rotating.uniquenesses import LOWEST_UNIQUENESS

Array = NDArray[np.float64]

GENERAL = "g"
# Correlations of factors below this are those of an orthogonal rotation.
UNCORRELATED = 1e-8
# A second-order residual above this is worth a sentence.
POORLY_REPRODUCED = 0.1


@dataclass(frozen=True, eq=False)
class SchmidLeiman:
    """Loadings on a general factor and on what is left of the group factors, all uncorrelated.

    Attributes
    ----------
    loadings
        Items × (`g`, then each factor with a star, as psych prints them).
    general_loadings
        Loading of each first-order factor on the general one.
    communalities, uniquenesses
        `h2` and `u2` of each item, from these loadings.
    variance
        One row a factor: `ss_loadings`, and `share` of the common variance. The share of `g` is
        the explained common variance (Reise, Moore & Haviland 2010).
    item_shares
        Share of the general factor in the communality of each item (I-ECV).
    residuals
        Correlations of the factors minus those that the general factor implies, diagonal 0. All 0
        with two or three factors, unless a loading ran into its bound.
    admissible
        Whether no first-order factor is explained in full by the general one.
    notes
        What the reader has to know.
    """

    loadings: pd.DataFrame
    general_loadings: pd.Series
    communalities: pd.Series
    uniquenesses: pd.Series
    variance: pd.DataFrame
    item_shares: pd.Series
    residuals: pd.DataFrame
    admissible: bool
    notes: tuple[str, ...]

    def _parts(self) -> tuple[str, dict[str, object], dict[str, pd.DataFrame]]:
        items = self.loadings.assign(
            h2=self.communalities, u2=self.uniquenesses, share_g=self.item_shares
        )
        facts: dict[str, object] = {
            f"note {number}": note for number, note in enumerate(self.notes, start=1)
        }
        tables = {
            "Loadings": items,
            "Second-order loadings": self.general_loadings.to_frame(),
            "Variance": self.variance,
        }
        return "Schmid–Leiman transformation", facts, tables

    def __repr__(self) -> str:
        return render_text(*self._parts())

    def _repr_html_(self) -> str:
        return render_html(*self._parts())


def schmid_leiman(
    loadings: FactorSolution | pd.DataFrame, phi: pd.DataFrame | None = None
) -> SchmidLeiman:
    """Turn correlated factors into a general factor and uncorrelated group factors.

    Parameters
    ----------
    loadings
        An oblique exploratory solution; or pattern loadings, items × factors, with `phi`.
    phi
        Correlations of the factors, where they do not come with the solution.

    Returns
    -------
    SchmidLeiman

    Raises
    ------
    OptionError
        Loadings without `phi`, a solution with it, or factors that do not correlate.
    DataError
        Fewer than two factors; tables whose names or shapes do not belong together; `phi` is not a
        correlation matrix that can be inverted.

    Notes
    -----
    With pattern loadings P and loadings g of the factors on the general one, extracted from their
    correlations by minres, the new loadings are [Pg, P diag(1 - g²)^½] (Schmid & Leiman 1957). With
    two factors only the product of the second-order loadings is known: they are taken to be equal,
    as in psych. Items that measure a factor the other way should be reversed before, or a general
    factor may hide in the signs.

    References
    ----------
    Schmid & Leiman (1957), Psychometrika 22, 53-61.
    """
    pattern, correlations = _tables(loadings, phi)
    P, R = pattern.to_numpy(), correlations.to_numpy()
    g = second_order(R)
    left = R - np.outer(g, g)
    np.fill_diagonal(left, 0.0)
    # Beyond a Heywood case, which is reported, a loading may exceed 1.
    turned = np.column_stack([P @ g, P * np.sqrt(np.maximum(1 - g**2, 0.0))])
    factors = [str(name) for name in pattern.columns]
    names = [GENERAL, *(f"{name}*" for name in factors)]
    squared = turned**2
    communalities, sums = squared.sum(axis=1), squared.sum(axis=0)
    explained = [
        name
        for name, value in zip(factors, g, strict=True)
        if len(g) > 2 and 1 - value**2 <= LOWEST_UNIQUENESS * (1 + 1e-6)
    ]
    items = pattern.index

    def by_item(values: Array, name: str) -> pd.Series:
        return pd.Series(values, index=items, name=name)

    return SchmidLeiman(
        loadings=pd.DataFrame(turned, index=items, columns=names),
        general_loadings=pd.Series(g, index=factors, name=GENERAL),
        communalities=by_item(communalities, "h2"),
        uniquenesses=by_item(1.0 - communalities, "u2"),
        variance=pd.DataFrame({"ss_loadings": sums, "share": sums / sums.sum()}, index=names),
        item_shares=by_item(squared[:, 0] / communalities, "share"),
        residuals=pd.DataFrame(left, index=factors, columns=factors),
        admissible=not explained,
        notes=tuple(_notes(dict(zip(factors, g, strict=True)), left, explained)),
    )


def _tables(
    loadings: FactorSolution | pd.DataFrame, phi: pd.DataFrame | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Pattern loadings and factor correlations, checked."""
    if isinstance(loadings, FactorSolution):
        if phi is not None:
            raise OptionError("the solution has its own factor correlations. Leave out phi.")
        pattern, correlations = loadings.loadings, loadings.factor_correlations
    elif phi is None:
        raise OptionError(
            "loadings alone do not say how the factors correlate. Give phi, their correlations, or "
            "the solution of measure.efa."
        )
    else:
        pattern = numbers_of(loadings, list(loadings.columns))
        correlations = numbers_of(phi, list(phi.columns))
        _check(pattern, correlations)
    if pattern.shape[1] < 2:
        raise DataError("a general factor behind the factors needs at least two of them.")
    if np.abs(correlations.to_numpy() - np.eye(pattern.shape[1])).max() < UNCORRELATED:
        raise OptionError(
            "the factors do not correlate, so no general factor stands behind them. Choose an "
            'oblique rotation, as rotation="oblimin".'
        )
    return pattern, correlations


def _check(pattern: pd.DataFrame, phi: pd.DataFrame) -> None:
    R = phi.to_numpy()
    if not len(phi) == phi.shape[1] == pattern.shape[1]:
        raise DataError(
            f"phi is {len(phi)} × {phi.shape[1]}, but the loadings have {pattern.shape[1]} factors."
        )
    if list(phi.columns) != list(pattern.columns):
        raise DataError("phi and the loadings name other factors, or in another order.")
    if not np.isfinite(pattern.to_numpy()).all():
        raise DataError("loadings are missing.")
    proper = np.allclose(R, R.T) and np.allclose(np.diag(R), 1.0)
    if not proper or np.linalg.eigvalsh(R)[0] <= 0:
        raise DataError(
            "phi should be a correlation matrix: symmetric, ones on the diagonal, positive "
            "definite. It is not."
        )


def second_order(R: Array) -> Array:
    """Loadings of the factors on the general one, (n_factors,)."""
    if len(R) == 2:
        size = np.sqrt(abs(R[0, 1]))
        return np.array([size, size if R[0, 1] >= 0 else -size])
    loadings: Array = extract(R, 1, "minres").loadings[:, 0]
    return loadings


def _notes(g: dict[str, float], left: Array, explained: list[str]) -> list[str]:
    notes = []
    if len(g) == 2:
        notes.append(
            "With two factors only the product of their loadings on the general one is known; they "
            "are taken to be equal."
        )
    if explained:
        named = ", ".join(f'"{name}"' for name in explained)
        notes.append(
            f"Heywood case: the general factor explains {named} in full (uniqueness at its lower "
            f"bound {LOWEST_UNIQUENESS}), so that nothing of its own is left."
        )
    reversed_ = [name for name, value in g.items() if value < 0]
    if reversed_:
        named = ", ".join(f'"{name}"' for name in reversed_)
        notes.append(
            f"{named} measures the general factor the other way round. Reverse its items, or read "
            "the signs."
        )
    largest = float(np.abs(left).max())
    if largest > POORLY_REPRODUCED:
        notes.append(
            f"One general factor leaves correlations of the factors of up to {largest:.2f} "
            "unexplained, so that these loadings do not reproduce the correlations of the items as "
            "well as the correlated factors do."
        )
    return notes
