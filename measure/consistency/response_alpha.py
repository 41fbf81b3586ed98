"""Ordinal alpha: coefficient alpha of category correlations, under its own name."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import confidence
from measure.consistency.composites import factor_items
from measure.consistency.reliability import alpha_from_covariances
from measure.display import render_html, render_text
from measure.distributions import normal_quantile
from measure.errors import DataError, OptionError
from measure.fitting.fitted import Fit
from measure.moments import Moments, ordinal
from measure.moments.labels import with_numbers
from measure.moments.rows import rows_of

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

WARNING = (
    "Ordinal alpha is the reliability of a sum of latent responses, which nobody computes "
    "(Chalmers 2018), and as a rule higher than that of the sum of the answers. For the answers "
    "report categorical omega (composite_reliability) or alpha (cronbach_alpha)."
)
ALL_ITEMS = "(all items)"


@dataclass(frozen=True, eq=False)
class OrdinalAlpha:
    """Ordinal alpha of one or more sets of items.

    Attributes
    ----------
    table
        One row a set of items and group: `factor group n_items alpha.ord se ci.lower ci.upper`.
        `factor` is "(all items)" where no model named one.
    confidence_level
        Of the interval.
    n_obs, n_dropped
        Rows used, and rows left out.
    notes
        What the reader has to know; the first says what ordinal alpha is not.
    """

    table: pd.DataFrame
    confidence_level: float
    n_obs: int
    n_dropped: int
    notes: tuple[str, ...]

    def _report(self) -> tuple[str, dict[str, object], dict[str, pd.DataFrame]]:
        facts: dict[str, object] = {
            "interval": f"normal, {self.confidence_level:.0%}",
            "rows used": self.n_obs,
            "left out": self.n_dropped,
        }
        facts |= {f"note {i}": note for i, note in enumerate(self.notes, start=1)}
        return "Ordinal alpha", facts, {"Estimate": self.table}

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def ordinal_alpha(
    data: pd.DataFrame | Fit,
    *,
    missing: str | None = None,
    group: str | None = None,
    cluster: str | None = None,
    confidence_level: float = 0.95,
) -> OrdinalAlpha:
    """Coefficient alpha of the polychoric correlations of a set of ordered items.

    This is the reliability of a sum of latent responses that nobody computes, not of the sum of
    the answers (Chalmers 2018), and as a rule higher: o4 to o6 of the Holzinger-Swineford items cut
    into four categories give .894, where alpha of the answers is .854 and categorical omega .857.
    For the sum of the answers use `composite_reliability` or `cronbach_alpha`. It is given so that
    published values can be compared.

    Parameters
    ----------
    data
        The items of one scale, one row a respondent, reverse-keyed where they should be; or a fit
        with ordered items, for one row a factor.
    missing
        "listwise" (the default) or "pairwise"; see `polychoric`.
    group
        Column of groups that are analysed separately.
    cluster
        Column of the clusters that respondents come from.
    confidence_level
        Of the interval.

    Returns
    -------
    OrdinalAlpha
        p/(p - 1) (1 - p/1'R1), R the category correlations of p items (Zumbo, Gadermann & Zeisser
        2007), with a standard error by the delta method from their asymptotic covariance and a
        normal interval.

    Raises
    ------
    DataError
        Fewer than two items, or answers that are no categories (see `polychoric`).
    OptionError
        An impossible `confidence_level` or `missing`; a fit without ordered items, or a fit with
        `missing`, `group` or `cluster`, which it has of its own.

    References
    ----------
    Chalmers, R. P. (2018). On misconceptions and the limited usefulness of ordinal alpha.
    Educational and Psychological Measurement, 78, 1056-1071.
    Zumbo, B. D., Gadermann, A. M., & Zeisser, C. (2007). Ordinal versions of coefficients alpha and
    theta for Likert rating scales. Journal of Modern Applied Statistical Methods, 6, 21-29.
    """
    z = float(normal_quantile((1 + confidence(confidence_level)) / 2))
    if isinstance(data, Fit):
        if (missing, group, cluster) != (None, None, None):
            raise OptionError(
                "missing, group and cluster are those of the fit. Leave them out, or give the data."
            )
        moments, sets = data.moments, _sets(data)
    else:
        moments = _moments(data, missing, group, cluster)
        every = np.arange(len(moments.names))
        sets = [(k, ALL_ITEMS, every) for k in range(len(moments.groups))]
    rows, notes = [], [WARNING]
    for k, name, items in sets:
        label = moments.groups[k]
        alpha, se = _alpha(moments, k, items)
        rows.append(
            {
                "factor": name,
                "group": label,
                "n_items": len(items),
                "alpha.ord": alpha,
                "se": se,
                "ci.lower": alpha - z * se,
                "ci.upper": alpha + z * se,
            }
        )
        notes += _notes(moments, k, (name, items))
    assert moments.ordinal is not None
    return OrdinalAlpha(
        pd.DataFrame(rows),
        confidence_level,
        moments.n_total,
        moments.n_dropped,
        tuple(dict.fromkeys([*notes, *moments.ordinal.notes])),
    )


def _moments(
    data: pd.DataFrame, missing: str | None, group: str | None, cluster: str | None
) -> Moments:
    """Category correlations of all columns but those of the group and the cluster."""
    if missing not in (None, "listwise", "pairwise"):
        raise OptionError(f'missing "{missing}" is not known; choose "listwise" or "pairwise".')
    if not isinstance(data, pd.DataFrame):
        raise DataError(
            "give a pandas DataFrame with one row a respondent, or a fit of measure.cfa, "
            f"not {type(data).__name__}."
        )
    names = tuple(name for name in data.columns if name not in (group, cluster))
    if len(names) < 2:
        raise DataError(f"{len(names)} item given, at least 2 are needed here.")
    rows = rows_of(with_numbers(data, names), names, group=group, cluster=cluster)
    return ordinal.from_rows(rows, names, pairwise=missing == "pairwise")


def _sets(fit: Fit) -> list[tuple[int, str, Indices]]:
    """The items of each factor, by group."""
    if fit.moments.ordinal is None:
        raise OptionError(
            "the fit has no ordered items, and so no category correlations. Use "
            "composite_reliability for continuous ones."
        )
    return [
        (k, name, factor_items(fit, state, name))
        for k, state in enumerate(fit.point.states)
        for name in fit.model.table.latent
        if name in state.block.eta
    ]


def _alpha(moments: Moments, group: int, items: Indices) -> tuple[float, float]:
    """Ordinal alpha and its standard error; NaN where items are continuous or fewer than two."""
    layout = moments.layout
    assert layout is not None
    assert moments.ordinal is not None
    if len(items) < 2 or not layout.ordered[items].all():
        return np.nan, np.nan
    R = moments.sample[group].sigma[np.ix_(items, items)]
    i, j = layout.pairs
    inside = np.isin(i, items) & np.isin(j, items)
    # Each correlation stands twice in 1'R1.
    slope = 2 * len(items) ** 2 / ((len(items) - 1) * R.sum() ** 2)
    place = group * layout.size + np.flatnonzero(layout.is_covariance)[inside]
    spread = moments.ordinal.gamma[np.ix_(place, place)].sum() / moments.scale
    return alpha_from_covariances(R), float(slope * np.sqrt(max(spread, 0.0)))


def _notes(moments: Moments, group: int, chosen: tuple[str, Indices]) -> list[str]:
    name, items = chosen
    layout = moments.layout
    assert layout is not None
    where = f' in group "{moments.groups[group]}"' if len(moments.groups) > 1 else ""
    if len(items) < 2:
        return [f"{name}{where}: fewer than two items of its own, and no alpha."]
    if not layout.ordered[items].all():
        named = _named(moments.names, items[~layout.ordered[items]])
        return [f"{name}{where}: {named} continuous; ordinal alpha is for ordered items alone."]
    R = moments.sample[group].sigma[np.ix_(items, items)]
    turned = items[R.sum(axis=1) < 1]
    if len(turned):
        return [
            f"{name}{where}: {_named(moments.names, turned)} negatively correlated with the other "
            "items on average. Check whether these items should be reverse-keyed."
        ]
    return []


def _named(names: Sequence[str], items: Indices) -> str:
    listed = ", ".join(f'"{names[i]}"' for i in items)
    return f"{listed} {'is' if len(items) == 1 else 'are'}"
