"""How an outcome goes with two ratings of the same thing: second-degree polynomials.

Whether it matters that two ratings agree is not answered by their difference, which takes both to
weigh alike with opposite signs; a surface over both tells (Edwards 1994).

References
----------
Edwards, J. R. (1994). The study of congruence in organizational behavior research: Critique and a
proposed alternative. Organizational Behavior and Human Decision Processes, 58, 51-100.
Edwards, J. R., & Parry, M. E. (1993). On the use of polynomial regression equations as an
alternative to difference scores in organizational research. Academy of Management Journal, 36,
1577-1613.
Humberg, S., Nestler, S., & Back, M. D. (2019). Response surface analysis in personality and social
psychology: Checklist and clarifications for the case of congruence hypotheses. Social Psychological
and Personality Science, 10, 409-419.
Shanock, L. R., Baran, B. E., Gentry, W. A., Pattison, S. C., & Heggestad, E. D. (2010). Polynomial
regression with response surface analysis. Journal of Business and Psychology, 25, 543-554.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from measure.checks import confidence, numeric_items
from measure.display import render_html, render_text
from measure.errors import DataError, OptionError
from measure.occasions.regressions import Regression, clustered, reach, two_sided

Array = NDArray[np.float64]

TERMS = ("b0", "b1", "b2", "b3", "b4", "b5")
"""Of 1, x, y, x squared, x times y, y squared."""

SURFACE = {
    "a1": (0, 1, 1, 0, 0, 0),
    "a2": (0, 0, 0, 1, 1, 1),
    "a3": (0, 1, -1, 0, 0, 0),
    "a4": (0, 0, 0, 1, -1, 1),
    "a5": (0, 0, 0, 1, 0, -1),
}
"""What the coefficients are multiplied with (Humberg et al. 2019, table 1)."""

AXES = ("stationary.x", "stationary.y", "p10", "p11", "p20", "p21")

AGREES = 0.5
"""Standardised ratings that differ by less count as agreeing (Shanock et al. 2010)."""

FEW_CLUSTERS = 50
"""With fewer clusters than these intervals tend to be too narrow."""


@dataclass(frozen=True, eq=False)
class ResponseSurface:
    """An outcome as a surface over two ratings.

    Attributes
    ----------
    coefficients
        Rows `b0` to `b5`: `est se t pvalue ci.lower ci.upper`.
    surface
        The same of what the coefficients say along two lines: where both ratings are equal (line of
        congruence), slope `a1` at the midpoint and curvature `a2`; where they move apart (line of
        incongruence), slope `a3` and curvature `a4`; and `a5`, which is 0 where the ridge runs
        along the line of congruence.
    axes
        `est se ci.lower ci.upper` of the point where the surface is level, and of the intercepts
        and slopes of its first (`p10 p11`) and second principal axis (`p20 p21`); x and y are
        centred.
    shape
        "maximum", "minimum" or "saddle"; "plane" where nothing bends.
    curvature
        The Wald test that nothing bends (b3 = b4 = b5 = 0): `f df1 df2 pvalue`.
    r_squared
        Share of the outcome's variance.
    discrepancies
        Shares of the rows where the first rating is higher by half a standard deviation, where the
        two agree, and where the second is higher.
    outcome, predictors, midpoint
        As given; x is the first rating less the midpoint.
    level, n_obs, n_dropped, n_clusters, df
        Of the intervals; rows used and left out; clusters (None without); degrees of freedom of t.
    notes
        What the reader has to know.
    """

    coefficients: pd.DataFrame
    surface: pd.DataFrame
    axes: pd.DataFrame
    shape: str
    curvature: "pd.Series[float]"
    r_squared: float
    discrepancies: "pd.Series[float]"
    outcome: str
    predictors: tuple[str, str]
    midpoint: tuple[float, float]
    level: float
    n_obs: int
    n_dropped: int
    n_clusters: int | None
    df: float
    notes: tuple[str, ...]

    def at(self, first: ArrayLike, second: ArrayLike) -> Array:
        """Give the expected outcome at values of the two ratings, not centred."""
        x = np.asarray(first, dtype=float) - self.midpoint[0]
        y = np.asarray(second, dtype=float) - self.midpoint[1]
        b = self.coefficients["est"].to_numpy()
        return np.asarray(b[0] + b[1] * x + b[2] * y + b[3] * x**2 + b[4] * x * y + b[5] * y**2)

    def _report(self) -> tuple[str, Mapping[str, object], Mapping[str, pd.DataFrame]]:
        facts: dict[str, object] = {
            "outcome": self.outcome,
            "x": f"{self.predictors[0]} less {self.midpoint[0]:g}",
            "y": f"{self.predictors[1]} less {self.midpoint[1]:g}",
            "rows used": self.n_obs,
            "rows left out": self.n_dropped,
            "R squared": self.r_squared,
            "shape": self.shape,
            "level of intervals": self.level,
        }
        if self.n_clusters is not None:
            facts["clusters"] = self.n_clusters
        facts |= {f"note {k}": note for k, note in enumerate(self.notes, start=1)}
        tables = {"Coefficients": self.coefficients, "Surface": self.surface, "Axes": self.axes}
        return "Response surface", facts, tables

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def response_surface(
    data: pd.DataFrame,
    outcome: str,
    *,
    predictors: tuple[str, str],
    midpoint: float | tuple[float, float],
    cluster: str | None = None,
    confidence_level: float = 0.95,
) -> ResponseSurface:
    """Regress an outcome on two ratings, their squares and their product.

    Parameters
    ----------
    data
        One row a rated unit; rows without one of the three values, or the cluster, are left out.
    outcome
        Column of the outcome.
    predictors
        Columns of the two ratings, on one scale: say how leaders see themselves, and how they are
        seen.
    midpoint
        Of the scale; both ratings are centred there. Two numbers where the scales differ, which
        then have no common line of congruence unless they are one scale in other numbers.
    cluster
        Column of what the rows belong to, as the organisation of a unit. Standard errors are then
        those of the sandwich over clusters, and t has as many degrees of freedom as clusters less
        one; the coefficients are those of least squares (no random intercept).
    confidence_level
        Of the intervals.

    Returns
    -------
    ResponseSurface
        z = b0 + b1 x + b2 y + b3 x² + b4 xy + b5 y². `a1` = b1 + b2, `a2` = b3 + b4 + b5, `a3` = b1
        - b2, `a4` = b3 - b4 + b5, `a5` = b3 - b5 (Humberg et al. 2019). The level point is x0 = (b2
        b4 - 2 b1 b5) / D, y0 = (b1 b4 - 2 b2 b3) / D with D = 4 b3 b5 - b4²; the axes have slopes
        (b5 - b3 ± ((b3 - b5)² + b4²)^(1/2)) / b4 and pass through it (Edwards & Parry 1993,
        equations 6 to 11). Standard errors are by the delta method; those of the axes say little
        where b4 or D is near 0, which a note tells.

        That outcomes are best where ratings agree is what the answers say where `a4` lies below 0
        and neither `a3` nor `a5` away from it; that they are best there at any height, where `a1`
        and `a2` are near 0 as well (Humberg et al. 2019).

    Raises
    ------
    DataError
        A column is missing or cannot be analysed; there are too few rows or clusters; or the
        ratings determine each other.
    OptionError
        `predictors` are not two columns, `midpoint` is not a number or two, or `confidence_level`
        lies outside 0 to 1.

    Notes
    -----
    Error in the ratings draws the coefficients towards 0, those of squares and products most.
    """
    confidence(confidence_level)
    first, second = _two(predictors)
    centre = _midpoint(midpoint)
    values, clusters, dropped = _rows(data, (outcome, first, second), cluster)
    z, x, y = values[:, 0], values[:, 1] - centre[0], values[:, 2] - centre[1]
    design = np.column_stack([np.ones(len(z)), x, y, x**2, x * y, y**2])
    found = clustered(design, z, clusters)
    half = reach(found.df, confidence_level)
    axes, notes = _axes(found, half)
    n_clusters = None if clusters is None else int(clusters.max()) + 1
    return ResponseSurface(
        coefficients=_linear(found, dict(zip(TERMS, np.eye(len(TERMS)), strict=True)), half),
        surface=_linear(found, {name: np.array(w, float) for name, w in SURFACE.items()}, half),
        axes=axes,
        shape=_shape(found.coefficients),
        curvature=_curvature(found),
        r_squared=float(1 - found.residuals @ found.residuals / ((z - z.mean()) ** 2).sum()),
        discrepancies=_discrepancies(x, y, (first, second)),
        outcome=outcome,
        predictors=(first, second),
        midpoint=centre,
        level=confidence_level,
        n_obs=len(z),
        n_dropped=dropped,
        n_clusters=n_clusters,
        df=found.df,
        notes=(*notes, *_notes(values, centre, n_clusters, (first, second))),
    )


def _two(predictors: tuple[str, str]) -> tuple[str, str]:
    if isinstance(predictors, str) or len(predictors) != 2 or len(set(predictors)) != 2:
        raise OptionError(f"predictors is {predictors!r}, but must be two columns, as (x, y).")
    return predictors[0], predictors[1]


def _midpoint(midpoint: float | tuple[float, float]) -> tuple[float, float]:
    both = np.atleast_1d(np.asarray(midpoint, dtype=float))
    if both.shape not in ((1,), (2,)) or not np.isfinite(both).all():
        raise OptionError(f"midpoint is {midpoint!r}, but must be a number, or one of each scale.")
    return float(both[0]), float(both[-1])


def _rows(
    data: pd.DataFrame, names: tuple[str, str, str], cluster: str | None
) -> tuple[Array, NDArray[np.intp] | None, int]:
    """Give the complete rows (n, 3), their clusters numbered from 0, and how many are left out."""
    numbers = numeric_items(data, list(names))
    used = numbers.notna().all(axis=1)
    clusters = None
    if cluster is not None:
        if cluster not in data.columns:
            raise DataError(f'the data have no column "{cluster}" to use as cluster.')
        used &= data[cluster].notna()
        clusters = pd.factorize(data.loc[used, cluster])[0].astype(np.intp)
    n = int(used.sum())
    if n <= len(TERMS):
        raise DataError(
            f"{n} rows have both ratings and the outcome; a surface of {len(TERMS)} coefficients "
            f"needs more than {len(TERMS)}, and many more to say anything."
        )
    if clusters is not None and clusters.max() < len(TERMS):
        raise DataError(
            f'{int(clusters.max()) + 1} values of "{cluster}": the standard errors of '
            f"{len(TERMS)} coefficients need more clusters than these."
        )
    return numbers.loc[used].to_numpy(), clusters, len(data) - n


def _linear(found: Regression, weights: Mapping[str, Array], half: float) -> pd.DataFrame:
    """Give sums of the coefficients with their errors and tests."""
    rows = []
    for own in weights.values():
        est, se = found.at(own)
        t = est / se if se > 0 else np.nan
        rows.append((est, se, t, two_sided(t, found.df), est - half * se, est + half * se))
    columns = ["est", "se", "t", "pvalue", "ci.lower", "ci.upper"]
    return pd.DataFrame(rows, index=list(weights), columns=columns)


def _axes(found: Regression, half: float) -> tuple[pd.DataFrame, list[str]]:
    """Give the level point and the principal axes, with what makes them uncertain."""
    b = found.coefficients
    notes = []
    if b[4] == 0 or _determinant(b) == 0:
        nothing = pd.DataFrame(np.nan, list(AXES), ["est", "se", "ci.lower", "ci.upper"])
        return nothing, ["The surface has no level point or no principal axes of its own."]
    values = axes_of(b)
    slope = axes_slope(b)
    se = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", slope, found.covariance, slope), 0.0))
    table = pd.DataFrame(
        {"est": values, "se": se, "ci.lower": values - half * se, "ci.upper": values + half * se},
        index=list(AXES),
    )
    d = np.array([0, 0, 0, 4 * b[5], -2 * b[4], 4 * b[3]])
    errors = {
        "b4": abs(b[4]) / np.sqrt(found.covariance[4, 4]),
        "4 b3 b5 - b4²": abs(_determinant(b)) / np.sqrt(d @ found.covariance @ d),
    }
    unsure = [name for name, t in errors.items() if t < half]
    if unsure:
        notes.append(
            f"{' and '.join(unsure)} may be 0, so that where the surface is level, and how its "
            "axes run, is hardly determined; read a1 to a5 instead."
        )
    return table, notes


def _determinant(b: Array) -> float:
    return float(4 * b[3] * b[5] - b[4] ** 2)


def axes_of(b: Array) -> Array:
    """Level point, and intercepts and slopes of the axes, (6,), of coefficients (6,)."""
    d = _determinant(b)
    x0, y0 = (b[2] * b[4] - 2 * b[1] * b[5]) / d, (b[1] * b[4] - 2 * b[2] * b[3]) / d
    root = np.hypot(b[3] - b[5], b[4])
    first, second = (b[5] - b[3] + root) / b[4], (b[5] - b[3] - root) / b[4]
    return np.array([x0, y0, y0 - first * x0, first, y0 - second * x0, second])


def axes_slope(b: Array) -> Array:
    """Derivatives of `axes_of` by the coefficients, (6, 6)."""
    x0, y0, _, first, _, second = axes_of(b)
    d = _determinant(b)
    d_slope = np.array([0, 0, 0, 4 * b[5], -2 * b[4], 4 * b[3]])
    d_x = (np.array([0, -2 * b[5], b[4], 0, b[2], -2 * b[1]]) - x0 * d_slope) / d
    d_y = (np.array([0, b[4], -2 * b[3], -2 * b[2], b[1], 0]) - y0 * d_slope) / d
    root = np.hypot(b[3] - b[5], b[4])
    d_root = np.array([0, 0, 0, b[3] - b[5], b[4], b[5] - b[3]]) / root
    tilt, across = np.array([0, 0, 0, -1.0, 0, 1.0]), np.array([0, 0, 0, 0, 1.0, 0])
    d_first = (tilt + d_root - first * across) / b[4]
    d_second = (tilt - d_root - second * across) / b[4]
    return np.stack(
        [
            d_x,
            d_y,
            d_y - first * d_x - x0 * d_first,
            d_first,
            d_y - second * d_x - x0 * d_second,
            d_second,
        ]
    )


def _shape(b: Array) -> str:
    if not b[3:].any():
        return "plane"
    if _determinant(b) < 0:
        return "saddle"
    return "maximum" if b[3] + b[5] < 0 else "minimum"


def _curvature(found: Regression) -> "pd.Series[float]":
    """Test b3 = b4 = b5 = 0 by Wald's F, with the degrees of freedom of t in the denominator."""
    from scipy.special import fdtrc

    b, spread = found.coefficients[3:], found.covariance[3:, 3:]
    f = float(b @ np.linalg.solve(spread, b)) / 3
    return pd.Series({"f": f, "df1": 3.0, "df2": found.df, "pvalue": float(fdtrc(3, found.df, f))})


def _discrepancies(x: Array, y: Array, names: tuple[str, str]) -> "pd.Series[float]":
    """How the ratings, each standardised, lie to each other."""
    gap = (x - x.mean()) / x.std() - (y - y.mean()) / y.std()
    first, second = float((gap > AGREES).mean()), float((gap < -AGREES).mean())
    return pd.Series(
        {f"{names[0]} higher": first, "agree": 1 - first - second, f"{names[1]} higher": second}
    )


def _notes(
    values: Array, centre: tuple[float, float], n_clusters: int | None, names: tuple[str, str]
) -> Iterator[str]:
    if n_clusters is not None and n_clusters < FEW_CLUSTERS:
        yield (
            f"There are {n_clusters} clusters; with fewer than {FEW_CLUSTERS} intervals tend to be "
            "too narrow."
        )
    for name, ratings, middle in zip(names, values[:, 1:].T, centre, strict=True):
        if not ratings.min() <= middle <= ratings.max():
            yield (
                f'All values of "{name}" ({ratings.min():g} to {ratings.max():g}) lie on one side '
                f"of the midpoint {middle:g}: slopes at the midpoint are extrapolated."
            )
