"""How far apart groups stand on the factors: differences of latent means, all pairs.

References
----------
Hancock, G. R. (2001). Effect size, power, and sample size determination for structured means
modeling and MIMIC approaches to between-groups hypothesis testing of means on a single latent
construct. Psychometrika, 66, 373-388.
Oehlert, G. W. (1992). A note on the delta method. The American Statistician, 46, 27-29.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import confidence
from measure.comparability.latent_moments import Gap, Latent, Pair
from measure.comparability.multiplicity import corrected
from measure.display import render_html, render_text
from measure.distributions import normal_cdf, normal_quantile
from measure.errors import IdentificationError, OptionError
from measure.fitting.fitted import Fit, require_one_level

Array = NDArray[np.float64]
NAN = float("nan")


@dataclass(frozen=True, eq=False)
class LatentMeans:
    """Differences of latent means between groups.

    Attributes
    ----------
    table
        One row a factor (or composite) and a pair of groups: `factor group reference`;
        `difference` of the latent means, group less reference, in the units of the fitted model,
        with `se z pvalue pvalue.holm ci.lower ci.upper`; the latent effect sizes `d` (over the
        pooled standard deviation of the two groups) and `glass` (over that of the reference of the
        whole table), each with `.se .ci.lower .ci.upper`; `n n.reference` respondents of both
        groups; `anchors`, the number of indicators that work alike in both. `pvalue.holm` is
        corrected for the pairs of groups of the factor.
    means
        One row a factor and group: `factor group mean se ci.lower ci.upper sd n`, the mean and the
        standard deviation that the model implies.
    reference
        The group that all others are compared with first, and whose standard deviation is the
        unit of `glass`.
    estimator, se
        Of the fit.
    n_clusters
        Clusters of the fit; None without.
    conf_level
        Of the intervals.
    notes
        What the reader has to know.
    """

    table: pd.DataFrame
    means: pd.DataFrame
    reference: object
    estimator: str
    se: str
    n_clusters: int | None
    conf_level: float
    notes: tuple[str, ...]

    def _report(self) -> tuple[str, dict[str, object], dict[str, pd.DataFrame]]:
        facts: dict[str, object] = {
            "estimator": self.estimator,
            "standard errors": self.se,
            "reference": self.reference,
            "level of intervals": self.conf_level,
        }
        if self.n_clusters is not None:
            facts["clusters"] = self.n_clusters
        facts |= {f"note {k}": note for k, note in enumerate(self.notes, start=1)}
        return "Latent means", facts, {"differences": self.table, "means": self.means}

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def latent_means(
    fit: Fit,
    *,
    reference: object = None,
    conf_level: float = 0.95,
    composites: Mapping[str, Sequence[str]] | None = None,
) -> LatentMeans:
    """Differences of latent means between all pairs of groups, with latent effect sizes.

    Parameters
    ----------
    fit
        A model of several groups with equal loadings and intercepts (ordered items: thresholds) in
        all groups, or in enough of the items, and latent means free in all groups but one.
    reference
        Value of the group that comes first in the pairs and gives the unit of `glass`; the first
        group of the fit by default.
    conf_level
        Level of the intervals, a proportion.
    composites
        Sums of several factors to be compared as well: name and factors. Each factor counts by its
        standard deviation in the reference, and so is as important as the others.

    Returns
    -------
    LatentMeans
        Standard errors are sqrt(g' V g) with g the derivatives of the quantity and V the covariance
        matrix of the estimates, so robust where that is. For `d` = (m2 - m1) / sqrt(V12), with the
        pooled variance V12 = (n1 v1 + n2 v2) / (n1 + n2) of Hancock (2001), and for `glass` the
        derivatives of the variances count too; group sizes are taken as given.

    Raises
    ------
    OptionError
        One group only, a reference that is no group of the fit, or a composite of what are no
        factors.
    IdentificationError
        The model fixes the latent means of all groups, or no factor has an indicator with the same
        loading and intercept (thresholds) in the groups, so that there is nothing to compare.

    Notes
    -----
    An indicator is an anchor of a pair of groups where its loading, its intercept and all its
    thresholds are equal in both by the model. A difference that the model fixes, and that of a
    factor without an anchor, is NaN. How the factor is scaled (marker or unit variance) moves
    `difference`, its `z` and p-value, as of every Wald test; `d` and `glass` stay as they are.
    """
    require_one_level(fit, "latent_means")
    confidence(conf_level)
    labels = list(fit.moments.groups)
    if len(labels) == 1:
        raise OptionError(
            "the fit has one group only; differences of latent means need at least two. Fit the "
            "model with `group` and equal loadings and intercepts."
        )
    if reference is not None and reference not in labels:
        raise OptionError(
            f"reference {reference!r} is no group of the fit. Choose one of: "
            f"{', '.join(map(repr, labels))}."
        )
    first = 0 if reference is None else labels.index(reference)
    order = [first, *(k for k in range(len(labels)) if k != first)]
    _require_factors(fit, composites or {})
    found = Latent(fit, first, composites)
    pairs = list(combinations(order, 2))
    gaps = {name: {pair: found.gap(name, pair) for pair in pairs} for name in found.names}
    _require_compared(found, gaps)
    rows = [
        row
        for factor, own in gaps.items()
        for row in _rows(found, (factor, first), own, conf_level)
    ]
    return LatentMeans(
        table=pd.DataFrame(rows),
        means=pd.DataFrame(list(_means(found, order, conf_level))),
        reference=labels[first],
        estimator=fit.estimator,
        se=fit.method.se,
        n_clusters=fit.n_clusters,
        conf_level=conf_level,
        notes=tuple(_notes(found, gaps)),
    )


def _require_factors(fit: Fit, composites: Mapping[str, Sequence[str]]) -> None:
    """Refuse composites of what the model does not have."""
    factors = fit.model.table.latent
    for name, parts in composites.items():
        if name in factors:
            raise OptionError(f'the composite "{name}" has the name of a factor. Rename it.')
        unknown = [part for part in parts if part not in factors]
        if unknown or not parts:
            raise OptionError(
                f'the composite "{name}" is to be made of {", ".join(parts) or "nothing"}; the '
                f"factors of the model are {', '.join(factors)}."
            )


def _require_compared(found: Latent, gaps: dict[str, dict[Pair, Gap]]) -> None:
    """Refuse a fit in which no latent means can be compared."""
    every = [gap for own in gaps.values() for gap in own.values()]
    if any(gap.compared for gap in every):
        return
    if not every:
        raise IdentificationError("the model has no factors, so that there are no latent means.")
    names = ", ".join(found.factors)
    if not any(gap.free for gap in every):
        raise IdentificationError(
            f"the model fixes the latent means ({names}) in all groups, so that they do not differ "
            'by definition. Fit it with group_equal=["loadings", "intercepts"] (ordered items: '
            '"thresholds"), which frees them in all groups but the first.'
        )
    raise IdentificationError(
        f"no factor ({names}) has an indicator whose loading and intercept (ordered items: "
        "thresholds) are equal in the groups: their latent means have no common origin. Hold them "
        "equal, at least for the items that work alike in the groups."
    )


def _rows(
    found: Latent, at: tuple[str, int], gaps: dict[Pair, Gap], level: float
) -> Iterator[dict[str, object]]:
    """One row a pair of groups of a factor; `at` are the factor and the reference of the table."""
    factor, reference = at
    rows = []
    for pair, gap in gaps.items():
        one, other = pair
        mean, slope = _minus(found.mean(factor, other), found.mean(factor, one))
        unit = _pooled(found, factor, pair)
        sizes = (found.sizes[other], found.sizes[one])
        values = {
            **_normal(mean, found.se(slope), level, gap),
            **_effect("d", found, (mean, slope), unit, (level, gap)),
            **_effect(
                "glass", found, (mean, slope), found.variance(factor, reference), (level, gap)
            ),
        }
        names = {"factor": factor, "group": found.labels[other], "reference": found.labels[one]}
        counts = {"n": sizes[0], "n.reference": sizes[1], "anchors": gap.anchors}
        rows.append((names, values, counts))
    by_holm = corrected(np.array([values["pvalue"] for _, values, _ in rows]), "holm")
    for (names, values, counts), p in zip(rows, by_holm, strict=True):
        test = {key: values.pop(key) for key in ("difference", "se", "z", "pvalue")}
        yield {**names, **test, "pvalue.holm": float(p), **values, **counts}


def _minus(one: tuple[float, Array], other: tuple[float, Array]) -> tuple[float, Array]:
    return one[0] - other[0], one[1] - other[1]


def _pooled(found: Latent, factor: str, pair: Pair) -> tuple[float, Array]:
    """Pooled variance of two groups and its derivatives."""
    sizes = np.array([found.sizes[group] for group in pair])
    parts = [found.variance(factor, group) for group in pair]
    weights = sizes / sizes.sum()
    return (
        float(weights @ np.array([value for value, _ in parts])),
        np.asarray(weights @ np.array([slope for _, slope in parts])),
    )


def _normal(value: float, se: float, level: float, gap: Gap) -> dict[str, float]:
    """Give a difference with its test and interval; NaN where it cannot be compared."""
    if not gap.compared:
        value, se = NAN, NAN
    z = value / se if se > 0 else NAN
    reach = float(normal_quantile((1 + level) / 2)) * se
    return {
        "difference": value,
        "se": se,
        "z": z,
        "pvalue": float(2 * normal_cdf(-abs(z))),
        "ci.lower": value - reach,
        "ci.upper": value + reach,
    }


def _effect(
    name: str,
    found: Latent,
    difference: tuple[float, Array],
    variance: tuple[float, Array],
    how: tuple[float, Gap],
) -> dict[str, float]:
    """Give a difference over the root of a variance, with its delta-method interval."""
    level, gap = how
    names = (name, f"{name}.se", f"{name}.ci.lower", f"{name}.ci.upper")
    if not (gap.compared and variance[0] > 0):
        return dict.fromkeys(names, NAN)
    sd = np.sqrt(variance[0])
    value = difference[0] / sd
    se = found.se(difference[1] / sd - value / (2 * variance[0]) * variance[1])
    reach = float(normal_quantile((1 + level) / 2)) * se
    return dict(zip(names, (value, se, value - reach, value + reach), strict=True))


def _means(found: Latent, order: list[int], level: float) -> Iterator[dict[str, object]]:
    reach = float(normal_quantile((1 + level) / 2))
    for factor in found.names:
        for group in order:
            mean, slope = found.mean(factor, group)
            variance, se = found.variance(factor, group)[0], found.se(slope)
            yield {
                "factor": factor,
                "group": found.labels[group],
                "mean": mean,
                "se": se,
                "ci.lower": mean - reach * se,
                "ci.upper": mean + reach * se,
                "sd": float(np.sqrt(variance)) if variance >= 0 else NAN,
                "n": found.sizes[group],
            }


def _notes(found: Latent, gaps: dict[str, dict[Pair, Gap]]) -> Iterator[str]:
    fixed = [f for f, own in gaps.items() if any(not gap.free for gap in own.values())]
    if fixed:
        yield (
            f"The model fixes differences of the latent means of {', '.join(fixed)}; they are not "
            "estimated."
        )
    loose = [f for f, own in gaps.items() if any(g.free and not g.anchors for g in own.values())]
    if loose:
        yield (
            f"{', '.join(loose)} has no indicator that works alike in some pair of groups; its "
            "latent means have no common origin there and are not compared."
        )
    single = [f for f, own in gaps.items() if any(g.free and g.anchors == 1 for g in own.values())]
    if single:
        yield (
            f"In some pair of groups the means of {', '.join(single)} rest on one indicator "
            "alone, which no other confirms."
        )
    impossible = [
        f"{factor} ({label})"
        for factor in found.factors
        for group, label in enumerate(found.labels)
        if found.variance(factor, group)[0] <= 0
    ]
    if impossible:
        yield (
            f"Not a positive latent variance: {', '.join(impossible)}; effect sizes may be missing "
            "or mislead."
        )
    if found.fit.vcov is None:
        yield "The fit has no standard errors, so that there are no tests and intervals."
