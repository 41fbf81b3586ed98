"""Whether traits go together across referents more than different traits do within one.

References
----------
Campbell, D. T., & Fiske, D. W. (1959). Convergent and discriminant validation by the
multitrait-multimethod matrix. Psychological Bulletin, 56, 81-105.
Savalei, V., & Kolenikov, S. (2008). Constrained versus unconstrained estimation in structural
equation modeling. Psychological Methods, 13, 150-170.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import confidence
from measure.display import render_html, render_text
from measure.distributions import normal_quantile
from measure.errors import ModelError
from measure.fitting.fitted import Fit, require_one_level

Array = NDArray[np.float64]

SAME_TRAIT, SAME_REFERENT, NEITHER = "same trait", "same referent", "neither"

ALL = "all"
"""What stands for the trait where the mean over all traits is meant."""


@dataclass(frozen=True, eq=False)
class ReferentContrasts:
    """A latent multitrait-multimethod matrix, and what it says.

    Attributes
    ----------
    correlations
        Factors × factors, in the order of traits within referents.
    pairs
        One row a pair of factors: `kind` ("same trait", "same referent", "neither"), `trait1
        referent1 trait2 referent2`, `correlation se ci.lower ci.upper`.
    contrasts
        One row a trait, and "all": the mean correlations `same_trait` and `same_referent`, their
        `difference` with `se ci.lower ci.upper`, and in how many of `comparisons` single ones the
        first is the `higher`.
    smallest
        The smallest eigenvalue of `correlations`: `eigenvalue se ci.lower ci.upper`. Below 0, no
        variables correlate in this way; that is compatible with a population in which some do as
        long as the interval reaches beyond 0.
    level, n_obs, n_clusters, estimator
        Of the intervals, and of the fit.
    notes
        What the reader has to know.
    """

    correlations: pd.DataFrame
    pairs: pd.DataFrame
    contrasts: pd.DataFrame
    smallest: "pd.Series[float]"
    level: float
    n_obs: int
    n_clusters: int | None
    estimator: str
    notes: tuple[str, ...]

    def _report(self) -> tuple[str, Mapping[str, object], Mapping[str, pd.DataFrame]]:
        facts: dict[str, object] = {
            "estimator": self.estimator,
            "respondents": self.n_obs,
            "level of intervals": self.level,
            "smallest eigenvalue": float(self.smallest["eigenvalue"]),
        }
        if self.n_clusters is not None:
            facts["clusters"] = self.n_clusters
        facts |= {f"note {k}": note for k, note in enumerate(self.notes, start=1)}
        tables = {"Contrasts": self.contrasts, "Correlations": self.correlations}
        return "Traits across referents", facts, tables

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def referent_contrasts(
    fit: Fit, factors: Mapping[str, Mapping[str, str]], *, confidence_level: float = 0.95
) -> ReferentContrasts:
    """Compare one trait across referents with different traits of one referent.

    Parameters
    ----------
    fit
        A fit of one group in which each trait of each referent is a factor, all of them correlated:
        `referent_model(..., specific="none")`. It need not be admissible: where many highly
        correlated factors are estimated, a correlation matrix that is possible in the population
        easily leads to one that is not, and estimates that are kept within bounds would be biased
        away from them (Savalei & Kolenikov 2008); see `smallest`.
    factors
        For each trait and referent the factor's name, as {"bro": {"I": "I_bro", "G": "G_bro"}}.
    confidence_level
        Of the intervals.

    Returns
    -------
    ReferentContrasts
        Of a trait f, `same_trait` is the mean of its correlations between two referents,
        `same_referent` that of its correlations with other traits of the same referent; "all" takes
        the means over all traits. Each correlation between two referents is compared with those
        that either of its sides has with other traits of its own referent (`comparisons`; Campbell
        & Fiske's third criterion). Standard errors are by the delta method, intervals normal.

    Raises
    ------
    ModelError
        Fewer than two traits or referents, a factor that is not in the model, two that are not
        correlated there, or several groups.
    OptionError
        `confidence_level` outside 0 to 1; a model of two levels.
    """
    z = float(normal_quantile((1 + confidence(confidence_level)) / 2))
    require_one_level(fit, "referent_contrasts")
    cells = _cells(fit, factors)
    pairs = [_pair(fit, one, other) for one, other in combinations(cells, 2)]
    solution = fit.standardization
    rows = [pair.row for pair in pairs]
    values, slopes = solution.std_all[rows], solution.jacobian_all[rows]
    spread = slopes @ fit.vcov_elements @ slopes.T

    def told(weights: Array) -> dict[str, float]:
        est = float(weights @ values)
        se = float(np.sqrt(np.maximum(weights @ spread @ weights, 0.0)))
        return {"est": est, "se": se, "ci.lower": est - z * se, "ci.upper": est + z * se}

    matrix = _matrix(cells, values)
    smallest = _smallest(matrix, spread, z)
    single = [told(weights) for weights in np.eye(len(pairs))]
    return ReferentContrasts(
        correlations=matrix,
        pairs=pd.DataFrame(
            [
                {**pair.names, "correlation": one.pop("est"), **one}
                for pair, one in zip(pairs, single, strict=True)
            ]
        ),
        contrasts=pd.DataFrame(
            [
                {**_means(pairs, values, trait), **told(_weights(pairs, trait))}
                for trait in (*factors, ALL)
            ]
        ).rename(columns={"est": "difference"}),
        smallest=smallest,
        level=confidence_level,
        n_obs=fit.n_obs,
        n_clusters=fit.n_clusters,
        estimator=fit.estimator,
        notes=tuple(_notes(smallest)),
    )


@dataclass(frozen=True)
class _Cell:
    """A factor: which trait of which referent."""

    trait: str
    referent: str
    factor: str


@dataclass(frozen=True)
class _Correlation:
    """Two factors, and the row of the parameter table with their covariance."""

    one: _Cell
    other: _Cell
    row: int

    @property
    def kind(self) -> str:
        if self.one.trait == self.other.trait:
            return SAME_TRAIT
        return SAME_REFERENT if self.one.referent == self.other.referent else NEITHER

    @property
    def traits(self) -> tuple[str, str]:
        return self.one.trait, self.other.trait

    @property
    def names(self) -> dict[str, object]:
        return {
            "kind": self.kind,
            "trait1": self.one.trait,
            "referent1": self.one.referent,
            "trait2": self.other.trait,
            "referent2": self.other.referent,
        }


def _cells(fit: Fit, factors: Mapping[str, Mapping[str, str]]) -> list[_Cell]:
    referents = dict.fromkeys(name for own in factors.values() for name in own)
    if len(factors) < 2 or len(referents) < 2:
        raise ModelError(
            f"{len(factors)} traits and {len(referents)} referents: two of each are compared at "
            "least."
        )
    if fit.n_groups > 1:
        raise ModelError(f"the fit has {fit.n_groups} groups; compare the referents in each alone.")
    cells = [
        _Cell(trait, referent, own[referent])
        for referent in referents
        for trait, own in factors.items()
        if referent in own
    ]
    absent = [cell.factor for cell in cells if cell.factor not in fit.model.table.latent]
    if absent:
        raise ModelError(f"{', '.join(absent)}: no factor of the fitted model.")
    return cells


def _pair(fit: Fit, one: _Cell, other: _Cell) -> _Correlation:
    wanted = {one.factor, other.factor}
    for index, row in enumerate(fit.model.table.parameters):
        if row.op == "~~" and {row.lhs, row.rhs} == wanted:
            return _Correlation(one, other, index)
    raise ModelError(
        f'"{one.factor}" and "{other.factor}" do not correlate in the model; in the model that is '
        'asked for all factors do (`referent_model(..., specific="none")`).'
    )


def _of(pairs: list[_Correlation], trait: str, kind: str) -> Array:
    """Mark the correlations of a kind that a trait has part in."""
    return np.array(
        [pair.kind == kind and (trait == ALL or trait in pair.traits) for pair in pairs]
    )


def _weights(pairs: list[_Correlation], trait: str) -> Array:
    """What the correlations are multiplied with to give the difference of the two means."""
    parts = (_of(pairs, trait, kind).astype(float) for kind in (SAME_TRAIT, SAME_REFERENT))
    first, second = (part / max(part.sum(), 1.0) for part in parts)
    return np.asarray(first - second)


def _means(pairs: list[_Correlation], values: Array, trait: str) -> dict[str, object]:
    comparisons = list(_comparisons(pairs, values, trait))
    found: dict[str, object] = {"trait": trait}
    for name, kind in (("same_trait", SAME_TRAIT), ("same_referent", SAME_REFERENT)):
        own = values[_of(pairs, trait, kind)]
        found[name] = float(own.mean()) if len(own) else np.nan
    return found | {"higher": int(sum(comparisons)), "comparisons": len(comparisons)}


def _comparisons(pairs: list[_Correlation], values: Array, trait: str) -> Iterator[bool]:
    """Compare each correlation across referents with those of either side within its referent."""
    within = [k for k, pair in enumerate(pairs) if pair.kind == SAME_REFERENT]
    for k in np.flatnonzero(_of(pairs, trait, SAME_TRAIT)):
        for side in (pairs[k].one, pairs[k].other):
            yield from (
                bool(values[k] > values[j])
                for j in within
                if side in (pairs[j].one, pairs[j].other)
            )


def _matrix(cells: list[_Cell], values: Array) -> pd.DataFrame:
    names = [cell.factor for cell in cells]
    matrix = np.eye(len(cells))
    above = np.triu_indices(len(cells), 1)
    matrix[above] = values
    matrix.T[above] = values
    return pd.DataFrame(matrix, index=names, columns=names)


def _smallest(matrix: pd.DataFrame, spread: Array, z: float) -> "pd.Series[float]":
    """Give the smallest eigenvalue, which moves by 2 v_i v_j with each correlation (vector v)."""
    roots, vectors = np.linalg.eigh(matrix.to_numpy())
    i, j = np.triu_indices(len(matrix), 1)
    slope = 2 * vectors[i, 0] * vectors[j, 0]
    se = float(np.sqrt(np.maximum(slope @ spread @ slope, 0.0)))
    least = float(roots[0])
    return pd.Series(
        {"eigenvalue": least, "se": se, "ci.lower": least - z * se, "ci.upper": least + z * se}
    )


def _notes(smallest: "pd.Series[float]") -> Iterator[str]:
    if smallest["eigenvalue"] >= 0:
        return
    if smallest["ci.upper"] < 0:
        yield (
            "No variables correlate as these estimates say (the smallest eigenvalue is "
            f"{smallest['eigenvalue']:.3f}), and more than chance says so: the model is wrong for "
            "these answers."
        )
    else:
        yield (
            "The correlations are estimated without bounds. Taken together no variables correlate "
            f"just so (smallest eigenvalue {smallest['eigenvalue']:.3f}), which chance alone "
            f"can do (the interval reaches {smallest['ci.upper']:.3f})."
        )
