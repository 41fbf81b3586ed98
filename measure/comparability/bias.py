"""What unequal item parameters amount to: bias of items and of scale means between groups.

References
----------
Gunn, H. J., Grimm, K. J., & Edwards, M. C. (2020). Evaluation of six effect size measures of
measurement non-invariance for continuous outcomes. Structural Equation Modeling, 27, 503-514.
Nye, C. D., & Drasgow, F. (2011). Effect size indices for analyses of measurement equivalence:
Understanding the practical importance of differences between groups. Journal of Applied Psychology,
96, 966-980.
Nye, C. D., Bradburn, J., Olenick, J., Bialko, C., & Drasgow, F. (2019). How big are my effects?
Examining the magnitude of effect sizes in studies of measurement equivalence. Organizational
Research Methods, 22, 678-709.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import confidence, known_option
from measure.comparability.aligned import Alignment
from measure.comparability.common_metric import (
    ItemFunctions,
    item_functions,
    measured_factors,
    require_defined,
)
from measure.comparability.metric_links import require_common_metric
from measure.display import render_html, render_text
from measure.distributions import normal_quantile
from measure.errors import OptionError
from measure.fitting.fitted import Fit, require_one_level

Array = NDArray[np.float64]
NAN = float("nan")

PAIRS = ("all", "reference", "rest")
# Points of the integrals over the latent variable, in standard deviations of the persons. Equal
# steps are exact for smooth functions; of an absolute difference, which has corners, the error is
# a few millionths of an answer point.
GRID = np.linspace(-8.0, 8.0, 1001)
# The same for drawn parameters, of which smooth integrals only are taken.
COARSE = np.linspace(-8.0, 8.0, 101)
# A standard error below this is rounding: parameters that are equal by the model.
NOTHING = 1e-9


@dataclass(frozen=True, eq=False)
class ItemBias:
    """Bias of items and of scale means between groups, in answer points.

    Differences are those of the focal group less the reference: a positive one says that the focal
    group answers higher than the reference group would at the same standing.

    Attributes
    ----------
    items
        One row an item and pair of groups: `factor item reference focal`; `signed se ci.lower
        ci.upper`, the mean difference between what the functions of the two groups expect of the
        persons of the focal group, and `unsigned`, the mean of its absolute value, both in answer
        points; `sd`, the pooled standard deviation of the answers; `dmacs dmacs.ci.lower
        dmacs.ci.upper`, the root of the mean squared difference over `sd` (Nye & Drasgow 2011, eq.
        3); `dmacs_signed`, `signed` over `sd` (Nye et al. 2019); `sdi2 udi2`, `signed` and
        `unsigned` over the standard deviation of the focal group (Gunn, Grimm & Edwards 2020, who
        subtract the other way).
    scales
        One row a factor and pair: `factor reference focal n_items`; `difference` of the means of
        the items that the model implies; `bias se ci.lower ci.upper`, the part of it that unequal
        items make; and `impact`, the part that persons make, difference less bias.
    interval, level
        How intervals were made, and their level.
    n_draws, seed
        Of drawn intervals; None for "delta".
    notes
        What a reader has to know.
    """

    items: pd.DataFrame
    scales: pd.DataFrame
    interval: str
    level: float
    n_draws: int | None
    seed: int | None
    notes: tuple[str, ...]

    def _report(self) -> tuple[str, dict[str, object], dict[str, pd.DataFrame]]:
        facts: dict[str, object] = {
            "differences": "focal group less reference",
            "interval": f"{self.interval}, {self.level:.0%}",
            **({} if self.n_draws is None else {"draws": self.n_draws, "seed": self.seed}),
            **{f"note {k}": note for k, note in enumerate(self.notes, start=1)},
        }
        return "Item bias", facts, {"Scale means": self.scales, "Items": self.items}

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def item_bias(
    model: "Fit | Alignment",
    *,
    pairs: str = "all",
    reference: object = None,
    interval: str = "delta",
    n_draws: int = 1000,
    seed: int | None = None,
    confidence_level: float = 0.95,
) -> ItemBias:
    """Say what unequal loadings and intercepts or thresholds make of answers and scale means.

    With e_g(eta) the expected answer of the functions of group g (see `common_metric`), F the focal
    and R the reference group, and f the normal distribution of the latent variable in F, the signed
    difference of an item is the mean of d = e_F - e_R over f, and dMACS the root of the mean of d^2
    over the pooled standard deviation (n_F - 1 and n_R - 1 weigh the standard deviations; Nye &
    Drasgow 2011, eq. 3). The bias of the scale mean is the sum of the signed differences of the
    factor's items over their number.

    Parameters
    ----------
    model
        A fit of several groups whose factors have one zero and one unit in all of them, such as a
        partially invariant one, or what `alignment` gives.
    pairs
        "all": every pair of groups, the earlier one as reference. "reference": each other group
        against one. "rest": each group against all others, whose expected answers are averaged,
        each group counting by its number of respondents.
    reference
        The group of "reference"; by default the first.
    interval
        "delta": normal intervals by the delta method with analytic derivatives, of `signed` and
        `bias`; dMACS has no derivative at 0, and no interval. "draws": percentiles over parameters
        drawn from their normal distribution (estimates and covariance matrix); those of dMACS,
        which cannot be negative, lie too high where there is little bias.
    n_draws, seed
        Of "draws".
    confidence_level
        Of the intervals.

    Returns
    -------
    ItemBias

    Raises
    ------
    ModelError
        One group; no common metric; an item of two factors, or with paths of its own; a variance
        that is not positive.
    OptionError
        An option is not known, or `reference` is no group.

    Notes
    -----
    The answer expected to an ordered item depends on its residual variance as well, so that groups
    with equal loadings, intercepts and thresholds but unequal residual variances (scalar, not
    strict invariance) differ a little.

    Of the measures of Gunn, Grimm & Edwards (2020) WSDI and WUDI are not given: they compare each
    group with a model of all respondents that ignores the groups, whose latent variable has another
    zero and unit. "rest" answers their question on the metric of the fit.
    """
    known_option("pairs", pairs, PAIRS)
    known_option("interval", interval, ("delta", "draws"))
    level = confidence(confidence_level)
    drawn = interval == "draws"
    if drawn and seed is None:
        raise OptionError('interval="draws" is random: give seed, as seed=1.')
    if drawn and n_draws < 2:
        raise OptionError(f"n_draws is {n_draws}, but must be 2 or more.")
    functions, notes = _functions(model)
    asked = _pairs(functions[0], pairs, reference)
    items, scales = [], []
    for k, own in enumerate(functions):
        draws = None
        if drawn:
            assert seed is not None
            draws = _draws(own, n_draws, np.random.default_rng([seed, k]))
            notes += _impossible(own, draws)
        for pair in asked:
            rows, scale = _compared(own, pair, draws, level)
            items.append(rows)
            scales.append(scale)
    return ItemBias(
        items=pd.concat(items, ignore_index=True),
        scales=pd.DataFrame(scales),
        interval=interval,
        level=level,
        n_draws=n_draws if drawn else None,
        seed=seed if drawn else None,
        notes=tuple(notes),
    )


class _Pair(NamedTuple):
    """A focal group and the weights (G,) of those it is compared with."""

    reference: object
    focal: int
    weights: Array

    @property
    def references(self) -> list[int]:
        """Places of the reference groups."""
        return [int(h) for h in np.flatnonzero(self.weights)]


def _functions(model: "Fit | Alignment") -> tuple[list[ItemFunctions], list[str]]:
    """Read the item functions off a fit or an alignment, with what is to be said about them."""
    notes: list[str] = []
    if isinstance(model, Alignment):
        found = list(model.functions)
        notes.append(
            "The groups are compared on the metric that alignment found; it rests on most item "
            "parameters being nearly equal."
        )
    else:
        require_one_level(model, "item_bias")
        found = []
        for factor in measured_factors(model):
            anchors = require_common_metric(model, factor)
            found.append(require_defined(item_functions(model, factor)))
            if anchors == 1:
                notes.append(
                    f"The metric of {factor} rests on one item that is taken to be alike in two "
                    "groups; if it is not, its bias is shown as that of the others."
                )
    if any(np.isnan(own.covariance).any() for own in found):
        notes.append("The fit has no standard errors, so that there are no intervals.")
    for own in found:
        if (own.loadings < 0).any() and (own.loadings > 0).any():
            notes.append(
                f"{own.factor} has loadings of both signs: reverse-key items before summing them."
            )
    return found, notes


def _pairs(functions: ItemFunctions, pairs: str, reference: object) -> list[_Pair]:
    groups, n = functions.groups, functions.n_obs
    everyone = np.eye(len(groups))
    if reference is not None and pairs != "reference":
        raise OptionError('reference goes with pairs="reference"; give that, or leave it out.')
    if pairs == "all":
        chosen = list(combinations(range(len(groups)), 2))
        return [_Pair(groups[r], f, everyone[r]) for r, f in chosen]
    if pairs == "reference":
        if reference is not None and reference not in groups:
            named = ", ".join(map(str, groups))
            raise OptionError(f'reference "{reference}" is no group; the groups are {named}.')
        r = 0 if reference is None else groups.index(reference)
        return [_Pair(groups[r], f, everyone[r]) for f in range(len(groups)) if f != r]
    shares = [np.where(np.arange(len(n)) == f, 0.0, n) for f in range(len(n))]
    return [_Pair("rest", f, own / own.sum()) for f, own in enumerate(shares)]


def _compared(
    functions: ItemFunctions, pair: _Pair, draws: ItemFunctions | None, level: float
) -> tuple[pd.DataFrame, dict[str, object]]:
    """Compare the items of a factor, and their mean, between one pair."""
    f, p = pair.focal, len(functions.names)
    signed, slopes = _signed(functions, pair)
    bias, d_bias = signed.mean(), slopes.mean(axis=0)
    everything = np.vstack([slopes, d_bias])
    spread = ((everything @ functions.covariance) * everything).sum(axis=1)
    se = np.sqrt(np.maximum(spread, 0.0))
    se[se < NOTHING] = 0.0
    unsigned, root = _sizes(functions, pair, GRID)
    sd = _pooled_sd(functions, pair)
    values = np.append(signed, bias)
    limits = values[:, None] + np.outer(se, [-1, 1]) * float(normal_quantile((1 + level) / 2))
    dmacs_limits = np.full((p, 2), NAN)
    if draws is not None:
        drawn = _signed(draws, pair, slopes=False)[0]
        drawn = np.hstack([drawn, drawn.mean(axis=-1, keepdims=True)])
        limits = _percentiles(drawn, level)
        dmacs_limits = _percentiles(_sizes(draws, pair, COARSE)[1] / sd, level)
    own_sd = functions.sds[f]
    labels = {"reference": pair.reference, "focal": functions.groups[f]}
    rows = pd.DataFrame(
        {
            "factor": functions.factor,
            "item": functions.names,
            **labels,
            "signed": signed,
            "se": se[:p],
            "ci.lower": limits[:p, 0],
            "ci.upper": limits[:p, 1],
            "unsigned": unsigned,
            "sd": sd,
            "dmacs": root / sd,
            "dmacs.ci.lower": dmacs_limits[:, 0],
            "dmacs.ci.upper": dmacs_limits[:, 1],
            "dmacs_signed": signed / sd,
            "sdi2": signed / own_sd,
            "udi2": unsigned / own_sd,
        }
    )
    implied = [functions.expected(h, h).mean() for h in range(len(functions.groups))]
    difference = float(implied[f] - pair.weights @ implied)
    scale = {
        "factor": functions.factor,
        **labels,
        "n_items": p,
        "difference": difference,
        "bias": float(bias),
        "se": float(se[p]),
        "ci.lower": float(limits[p, 0]),
        "ci.upper": float(limits[p, 1]),
        "impact": difference - float(bias),
    }
    return rows, scale


def _signed(functions: ItemFunctions, pair: _Pair, *, slopes: bool = True) -> tuple[Array, Array]:
    """Mean differences (..., p) over the persons of the focal group, and derivatives (p, G q)."""
    f, references = pair.focal, pair.references
    value = functions.expected(f, f)
    value = value - sum(pair.weights[h] * functions.expected(h, f) for h in references)
    if not slopes:
        return value, np.zeros((0, 0))
    moved = functions.expected_slopes(f, f)
    for h in references:
        moved = moved - pair.weights[h] * functions.expected_slopes(h, f)
    return value, moved


def _sizes(functions: ItemFunctions, pair: _Pair, grid: Array) -> tuple[Array, Array]:
    """Mean absolute and root mean squared differences (..., p) over the focal group's persons."""
    f = pair.focal
    eta = functions.means[..., f, None] + np.sqrt(functions.variances[..., f, None]) * grid
    gap = functions.curves(f, eta)
    for h in pair.references:
        gap = gap - pair.weights[h] * functions.curves(h, eta)
    mass = np.exp(-(grid**2) / 2)
    mass /= mass.sum()
    return mass @ np.abs(gap), np.sqrt(mass @ gap**2)


def _pooled_sd(functions: ItemFunctions, pair: _Pair) -> Array:
    """Standard deviations of all groups concerned, weighted by their n - 1, (p,)."""
    concerned = [pair.focal, *pair.references]
    weights = functions.n_obs[concerned] - 1
    return np.asarray(weights @ functions.sds[concerned] / weights.sum())


def _draws(functions: ItemFunctions, n: int, rng: np.random.Generator) -> ItemFunctions:
    """Draw parameters; those with an impossible variance are NaN."""
    values, vectors = np.linalg.eigh(np.nan_to_num(functions.covariance))
    # Parameters that are equal by the model stay so: rounding is no variance.
    root = vectors * np.sqrt(np.where(values > 1e-12 * values[-1], values, 0.0))
    moved = rng.standard_normal((n, len(values))) @ root.T
    if np.isnan(functions.covariance).any():
        moved[:] = NAN
    drawn = functions.with_vector(functions.vector + moved)
    drawn.variances[drawn.variances <= 0] = NAN
    return drawn


def _impossible(functions: ItemFunctions, draws: ItemFunctions) -> Iterator[str]:
    share = float(np.isnan(draws.variances).any(axis=-1).mean())
    if 0 < share < 1:
        yield (
            f"{functions.factor}: {share:.1%} of the draws had a negative variance and were left "
            "out of the intervals of the groups concerned."
        )


def _percentiles(drawn: Array, level: float) -> Array:
    """Limits (k, 2) from draws (n, k); NaN where there are none."""
    if np.isnan(drawn).all():
        return np.full((drawn.shape[1], 2), NAN)
    return np.asarray(np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0).T)
