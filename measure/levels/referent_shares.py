"""How much of what is said about a referent is said about the reference too, and how much is new.

In a CT-C(M-1) model an item about another referent is trait + specific + error, the three
uncorrelated. Consistency is the share of the trait in what is free of error, specificity the rest
(Eid et al. 2003, equations 9 to 12).

References
----------
Eid, M., Lischetzke, T., Nussbeck, F. W., & Trierweiler, L. I. (2003). Separating trait effects from
trait-specific method effects in multitrait-multimethod models: A multiple-indicator CT-C(M-1)
model. Psychological Methods, 8, 38-60.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import confidence
from measure.display import render_html, render_text
from measure.distributions import logit_limits, normal_quantile
from measure.errors import ModelError
from measure.fitting.fitted import Fit, require_one_level

Array = NDArray[np.float64]

UNCORRELATED = 1e-10
"""A covariance of factors below this is none."""


@dataclass(frozen=True, eq=False)
class ReferentShares:
    """What items about other referents share with the reference.

    Attributes
    ----------
    items
        One row an item and group: `item trait specific group`, its standardised loadings
        `loading.trait` and `loading.specific`, the shares of its variance `share.trait
        share.specific share.unique`, and the `consistency` with `se ci.lower ci.upper`.
    sums
        One row a trait and specific factor: `trait specific group n_items consistency se ci.lower
        ci.upper`, and `correlation` with limits: of the sum of the items, each in its standard
        deviation, without what is unique to the items.
    level
        Of the intervals.
    n_obs, estimator
        Of the fit.
    notes
        What could not be computed, and why.
    """

    items: pd.DataFrame
    sums: pd.DataFrame
    level: float
    n_obs: int
    estimator: str
    notes: tuple[str, ...]

    def _report(self) -> tuple[str, Mapping[str, object], Mapping[str, pd.DataFrame]]:
        facts: dict[str, object] = {
            "estimator": self.estimator,
            "respondents": self.n_obs,
            "level of intervals": self.level,
        }
        facts |= {f"note {k}": note for k, note in enumerate(self.notes, start=1)}
        return "Consistency across referents", facts, {"Sums": self.sums, "Items": self.items}

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def referent_shares(fit: Fit, *, confidence_level: float = 0.95) -> ReferentShares:
    """Part what items about other referents measure into the trait and what is specific.

    Parameters
    ----------
    fit
        A fitted CT-C(M-1) model, as `referent_model` writes it: the items of a trait's reference
        load on the trait alone, those about another referent on the trait and on a factor that is
        specific to the referent and uncorrelated with the trait.
    confidence_level
        Of the intervals.

    Returns
    -------
    ReferentShares
        With standardised loadings λ of trait and specific factor, consistency is λT² / (λT² + λS²)
        of an item, and (ΣλT)² / ((ΣλT)² + (ΣλS)²) of a sum of items; specificity is one less that.
        `correlation` is that of the sum with the trait, the root of its consistency with the sign
        of ΣλT. Of ordered items all of it is of the latent responses. Standard errors are by the
        delta method, with whatever covariance of the estimates the fit has (robust, of clusters);
        intervals are normal on the logit scale, where a consistency cannot leave 0 to 1.

    Raises
    ------
    ModelError
        No item loads on a trait and a specific factor; an item loads on more than two factors; or
        trait and specific factor correlate, so that nothing parts the variance between them.
    OptionError
        `confidence_level` outside 0 to 1; a model of two levels.
    """
    z = float(normal_quantile((1 + confidence(confidence_level)) / 2))
    require_one_level(fit, "referent_shares")
    pairs = list(_pairs(fit))
    _require_uncorrelated(fit, pairs)
    items = [_item(fit, pair, z) for pair in pairs]
    cells: dict[tuple[str, str, int], list[_Pair]] = {}
    for pair in pairs:
        cells.setdefault((pair.trait, pair.specific, pair.group), []).append(pair)
    sums = [_sum(fit, own, z) for own in cells.values()]
    return ReferentShares(
        items=pd.DataFrame(items),
        sums=pd.DataFrame(sums),
        level=confidence_level,
        n_obs=fit.n_obs,
        estimator=fit.estimator,
        notes=tuple(_notes(fit, sums)),
    )


@dataclass(frozen=True)
class _Pair:
    """An item with its two loadings, as rows of the parameter table."""

    item: str
    trait: str
    specific: str
    group: int
    on_trait: int
    on_specific: int


def _pairs(fit: Fit) -> Iterator[_Pair]:
    """Give the items that load on a trait and on a specific factor.

    Raises
    ------
    ModelError
        There are none, or an item loads otherwise.
    """
    latent = set(fit.model.table.latent)
    rows: dict[tuple[int, str], dict[str, int]] = {}
    for index, row in enumerate(fit.model.table.parameters):
        if row.op == "=~" and row.rhs not in latent:
            rows.setdefault((row.group, row.rhs), {})[row.lhs] = index
    # The reference's items load on nothing but their trait.
    traits = {factor for own in rows.values() if len(own) == 1 for factor in own}
    found = False
    for (group, item), own in rows.items():
        if len(own) == 1:
            continue
        specific = [factor for factor in own if factor not in traits]
        if len(own) != 2 or len(specific) != 1:
            raise ModelError(
                f"{item} loads on {', '.join(own)}; an item about another referent loads on the "
                "trait of its reference and on one factor that is specific to the referent. "
                "`referent_model` writes such a model."
            )
        (trait,) = set(own) - set(specific)
        found = True
        yield _Pair(item, trait, specific[0], group, own[trait], own[specific[0]])
    if not found:
        raise ModelError(
            "no item loads on a trait and on a factor specific to a referent. `referent_model` "
            "writes such a model."
        )


def _require_uncorrelated(fit: Fit, pairs: list[_Pair]) -> None:
    for trait, specific in dict.fromkeys((pair.trait, pair.specific) for pair in pairs):
        for state in fit.point.states:
            i, j = (state.block.eta.index(name) for name in (trait, specific))
            if abs(state.covariance[i, j]) > UNCORRELATED:
                raise ModelError(
                    f'"{trait}" and "{specific}" correlate, so that what they share belongs to '
                    f'neither. Fix it, as "{trait} ~~ 0*{specific}".'
                )


def _item(fit: Fit, pair: _Pair, z: float) -> dict[str, object]:
    own = fit.standardization.std_all
    on_trait, on_specific = float(own[pair.on_trait]), float(own[pair.on_specific])
    return {
        "item": pair.item,
        "trait": pair.trait,
        "specific": pair.specific,
        "group": fit.moments.groups[pair.group - 1],
        "loading.trait": on_trait,
        "loading.specific": on_specific,
        "share.trait": on_trait**2,
        "share.specific": on_specific**2,
        "share.unique": 1.0 - on_trait**2 - on_specific**2,
        **_consistency(fit, [pair], z),
    }


def _sum(fit: Fit, own: list[_Pair], z: float) -> dict[str, object]:
    found = _consistency(fit, own, z)
    total = sum(float(fit.standardization.std_all[pair.on_trait]) for pair in own)
    names = ("consistency", "ci.lower", "ci.upper")
    roots = [float(np.sign(total) * np.sqrt(found[name])) for name in names]
    first = own[0]
    return {
        "trait": first.trait,
        "specific": first.specific,
        "group": fit.moments.groups[first.group - 1],
        "n_items": len(own),
        **found,
        "correlation": roots[0],
        "correlation.ci.lower": min(roots[1:]),
        "correlation.ci.upper": max(roots[1:]),
    }


def _consistency(fit: Fit, own: list[_Pair], z: float) -> dict[str, float]:
    """Give the consistency of a sum of standardised items, its standard error and its limits."""
    solution = fit.standardization
    places = [[pair.on_trait for pair in own], [pair.on_specific for pair in own]]
    t, s = (float(solution.std_all[rows].sum()) for rows in places)
    d_t, d_s = (solution.jacobian_all[rows].sum(axis=0) for rows in places)
    whole = t**2 + s**2
    value = t**2 / whole if whole > 0 else np.nan
    slope = 2 * t * s * (s * d_t - t * d_s) / whole**2 if whole > 0 else np.full(len(d_t), np.nan)
    se = float(np.sqrt(np.maximum(slope @ fit.vcov_elements @ slope, 0.0)))
    lower, upper = logit_limits(value, se, z)
    return {"consistency": float(value), "se": se, "ci.lower": lower, "ci.upper": upper}


def _notes(fit: Fit, sums: list[dict[str, object]]) -> Iterator[str]:
    if fit.vcov is None:
        yield "The fit has no standard errors, so that nothing has an interval."
    for row in sums:
        if row["consistency"] in (0.0, 1.0):
            yield (
                f"{row['trait']} and {row['specific']}: a consistency of {row['consistency']:.0f} "
                "lies on the end of its scale and has no interval."
            )
    if not fit.admissible:
        yield (
            "The estimates are not admissible (see the notes of the fit): shares may be, but need "
            "not be, those of any population."
        )
