"""Where a model misses the data: residuals of means and covariances, and their overall size."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.distributions import normal_cdf, normal_quantile
from measure.errors import OptionError
from measure.evaluation.residual_spread import residual_covariances, sample_covariances
from measure.fitting.fitted import Fit, require_one_level
from measure.indices import residual_moments
from measure.model import Implied, moment_vector, vech_places
from measure.specification.responses import Layout

Array = NDArray[np.float64]

PLAIN = ("raw", "cor.bentler", "cor.bollen")
TESTED = ("standardized", "normalized")
# A residual whose standard error is below this share of that of its sample moment is 0 by the
# model, whatever the data.
BY_CONSTRUCTION = 1e-5


def residuals(fit: Fit, *, kind: str = "cor.bentler") -> pd.DataFrame:
    """Sample less implied covariances, items by items.

    Parameters
    ----------
    fit
        A fitted model.
    kind
        `cor.bentler` (default), `cor.bollen` or `raw`; see `indices.residual_moments`.
        `standardized` divides raw residuals by their standard errors, which gives z values
        (Ogasawara 2001); `normalized` divides by the standard errors of the sample moments, which
        are larger (Joreskog & Sorbom 1981). Standard errors are robust where those of the fit are.
        These two are for models of one level.

    Returns
    -------
    DataFrame
        Items × items, with the residuals of the means as a last row `~1` where the model has a
        mean structure. Of a two-level model the index is (level, item), level 1 within and 2
        between clusters, with NaN for variables of the other level, and the sample moments are
        those of the saturated model. Of ordered items these are residuals of polychoric
        correlations, and rows `|t1`, `|t2` and so on hold those of the thresholds, in standard
        deviations of the latent response whatever `kind`; NaN where an item has fewer. With several
        groups the index is (group, item). A z value is 0 where the model reproduces the moment
        whatever the data, and NaN where the information is singular.

    Raises
    ------
    OptionError
        For another `kind`.
    """
    if kind in TESTED:
        require_one_level(fit, f'kind="{kind}" of residuals')
    if kind not in (*PLAIN, *TESTED):
        known = ", ".join((*PLAIN, *TESTED))
        raise OptionError(f'kind "{kind}" is not known; choose one of {known}.')
    pairs = list(zip(fit.moments.sample, fit.implied_moments, strict=True))
    plain = kind if kind in PLAIN else "raw"
    found = [_residual(*pair, plain) for pair in pairs]
    if kind in TESTED:
        found = _over_standard_errors(fit, found, kind)
    return _tables(fit, found)


def _residual(sample: Implied, model: Implied, kind: str) -> Implied:
    cov, mean = residual_moments(sample, model, kind)
    if sample.thresholds is None or model.thresholds is None:
        return Implied(mean, cov)
    return Implied(mean, cov, sample.thresholds - model.thresholds)


def _over_standard_errors(fit: Fit, raw: list[Implied], kind: str) -> list[Implied]:
    """Divide raw residuals by the standard errors of them, or of the sample moments."""
    samples, layout = sample_covariances(fit), fit.moments.layout
    spreads = samples if kind == "normalized" else residual_covariances(fit)
    tables = []
    for residual, sample, spread in zip(raw, samples, spreads, strict=True):
        values = moment_vector(residual, means=residual.mu is not None, layout=layout)
        variance = np.diag(spread).copy()
        nothing = variance < np.diag(sample) * BY_CONSTRUCTION**2
        variance[nothing] = 1.0
        z = np.where(nothing, 0.0, values / np.sqrt(variance))
        if layout is not None:
            tables.append(Implied(*layout.parted(z)))
            continue
        p = len(residual.sigma)
        a, b = vech_places(p)
        sigma = np.zeros((p, p))
        sigma[a, b] = sigma[b, a] = z[-len(a) :]
        tables.append(Implied(None if residual.mu is None else z[:p], sigma))
    return tables


def implied(fit: Fit) -> pd.DataFrame:
    """Give the covariances that a model implies, with its means as a last row `~1`.

    Parameters
    ----------
    fit
        A fitted model.

    Returns
    -------
    DataFrame
        Items × items; the row `~1` is there where the model has a mean structure. Of ordered items
        these are the correlations and thresholds (rows `|t1` and so on, NaN where an item has
        fewer) of standardised latent responses, whose means are 0. With several groups the index is
        (group, item).
    """
    return _tables(fit, fit.implied_moments)


def _tables(fit: Fit, moments: list[Implied]) -> pd.DataFrame:
    """Covariances with thresholds and means below, one table a group."""
    tables = []
    blocks = zip(moments, fit.moments.block_names, fit.moments.block_thresholds, strict=True)
    for own, block, counts in blocks:
        names = list(block)
        table = pd.DataFrame(own.sigma, index=names, columns=names)
        if own.thresholds is not None and any(counts):
            thresholds = own.thresholds[: sum(counts)]
            table = pd.concat([table, _by_item(names, counts, thresholds)])
        if own.mu is not None:
            table.loc["~1"] = own.mu
        tables.append(table)
    return fit.by_block(tables)


def _by_item(names: list[str], counts: tuple[int, ...], thresholds: Array) -> pd.DataFrame:
    """One row a threshold `|t1`, `|t2`, ..., one column an item."""
    table = np.full((max(counts), len(counts)), np.nan)
    place = np.concatenate([np.arange(count) for count in counts])
    table[place, np.repeat(np.arange(len(counts)), counts)] = thresholds
    rows = [f"|t{k}" for k in range(1, len(table) + 1)]
    return pd.DataFrame(table, index=rows, columns=names)


def srmr_test(
    fit: Fit, *, kind: str = "cor.bentler", close: float = 0.05, level: float = 0.90
) -> pd.DataFrame:
    """Estimate the size of standardised residuals in the population, and test it for close fit.

    The SRMR of a sample is too large, the more so the fewer respondents: chance makes residuals of
    its own. With e the t standardised residuals, X their asymptotic covariance and T = e'e, the
    unbiased SRMR is sqrt(max(T - tr X, 0)/t)/k with k = 1 - (tr X^2 + 2 e'Xe)/(4 T^2), and its
    standard error sqrt((tr X^2 + 2 e'Xe)/(2 t T))/k (Maydeu-Olivares 2017;
    Maydeu-Olivares, Shi & Rosseel 2018).

    Parameters
    ----------
    fit
        A fitted model.
    kind
        "cor.bentler": residuals over sample standard deviations, variances included (SRMR);
        "cor.bollen": residual correlations without the diagonal (CRMR).
    close
        The population value up to which fit counts as close.
    level
        Confidence level of the interval.

    Returns
    -------
    DataFrame
        lavaan's columns `srmr srmr.se srmr.exactfit.z srmr.exactfit.pvalue usrmr usrmr.se
        usrmr.ci.lower usrmr.ci.upper usrmr.closefit.h0.value usrmr.closefit.z
        usrmr.closefit.pvalue`, with `crmr` for `srmr` for "cor.bollen". Rows `cov`, and with a mean
        structure `mean` and `total`, with ordered items `thresholds` (and `mean` where there are
        continuous ones beside them) and `total`; with several groups the index is (group, part).
        The p value is the probability of a larger z if the population value were `close`: small
        values speak against close fit. NaN where a part fits whatever the data.

    Notes
    -----
    Of ordered items the residuals are those of polychoric correlations and thresholds. Their
    variances, 1 on both sides, count among the t residuals of "cor.bentler", as in lavaan;
    "cor.bollen" is of the correlations alone.

    Raises
    ------
    OptionError
        For another `kind`, a negative `close`, or a `level` outside 0 to 1.
    """
    if kind not in ("cor.bentler", "cor.bollen"):
        raise OptionError(f'kind "{kind}" is not known; choose "cor.bentler" or "cor.bollen".')
    if close < 0 or not 0 < level < 1:
        raise OptionError(
            f"close is {close} and level is {level}; the first must be 0 or more, the second "
            "between 0 and 1."
        )
    require_one_level(fit, "srmr_test")
    tables = []
    layout = fit.moments.layout
    for sample, model, spread in zip(
        fit.moments.sample, fit.implied_moments, residual_covariances(fit), strict=True
    ):
        if layout is None:
            whole = _standardised(sample, model, spread, kind)
        else:
            whole = _standardised_answers(sample, model, spread, kind, layout)
        rows = {
            part: _unbiased(whole.values[own], whole.spread[np.ix_(own, own)], close, level)
            for part, own in whole.parts.items()
        }
        table = pd.DataFrame.from_dict(rows, orient="index")
        name = "srmr" if kind == "cor.bentler" else "crmr"
        tables.append(table.set_axis([label.replace("rms", name) for label in _SUMMARY], axis=1))
    return tables[0] if len(tables) == 1 else pd.concat(tables, keys=list(fit.moments.groups))


class _Standardised(NamedTuple):
    """Standardised residuals of one group, their covariances, and the places of each part."""

    values: Array
    spread: Array
    parts: dict[str, NDArray[np.intp]]


def _standardised(sample: Implied, model: Implied, spread: Array, kind: str) -> _Standardised:
    """Residuals of one group in the metric of `kind`."""
    cov, mean = residual_moments(sample, model, kind)
    p = len(cov)
    a, b = vech_places(p)
    turn = _turn(sample.sigma, (a, b), kind)
    e = cov[a, b]
    if mean is not None:
        whole = np.zeros((p + len(a), p + len(a)))
        whole[:p, :p], whole[p:, p:] = np.diag(np.diag(sample.sigma) ** -0.5), turn
        turn, e = whole, np.concatenate([mean, e])
    n_means = len(e) - len(a)
    counted = np.ones(len(e), dtype=bool)
    if kind == "cor.bollen":
        counted[n_means:] = a != b
    places = np.flatnonzero(counted)
    parts = {"cov": places[places >= n_means]}
    if n_means:
        parts |= {"mean": np.arange(n_means), "total": places}
    return _Standardised(e, turn @ spread @ turn.T, parts)


def _turn(sigma: Array, places: tuple[NDArray[np.intp], NDArray[np.intp]], kind: str) -> Array:
    """Derivatives of standardised residuals of covariances with respect to those of vech S."""
    a, b = places
    sd = np.sqrt(np.diag(sigma))
    turn = np.diag(1 / (sd[a] * sd[b]))
    if kind == "cor.bollen":
        # d r_ab = d s_ab / (sd_a sd_b) - r_ab (d s_aa / (2 s_aa) + d s_bb / (2 s_bb))
        r = sigma[a, b] / (sd[a] * sd[b])
        diagonal = np.flatnonzero(a == b)
        for k in range(len(a)):
            for item in (a[k], b[k]):
                turn[k, diagonal[item]] -= r[k] / (2 * sigma[item, item])
    return turn


def _standardised_answers(
    sample: Implied, model: Implied, spread: Array, kind: str, layout: Layout
) -> _Standardised:
    """The same with ordered items: thresholds, then means, and variances and covariances.

    The variances of ordered items do not vary.
    """
    n, c = len(layout.items), len(layout.continuous)
    first = n + c
    # Places of vech S among the moments; the variances of ordered items have none.
    _, table, _ = layout.parted(np.arange(layout.size, dtype=float))
    a, b = vech_places(len(table))
    place = table[a, b].astype(np.intp)
    known = np.flatnonzero(place)
    whole = np.zeros((first + len(a), layout.size))
    whole[range(first), range(first)] = 1.0
    whole[first + known, place[known]] = 1.0
    turn = np.diag(np.ones(first + len(a)))
    turn[range(n, first), range(n, first)] = np.diag(sample.sigma)[layout.continuous] ** -0.5
    turn[first:, first:] = _turn(sample.sigma, (a, b), kind)
    residual = _residual(sample, model, kind)
    values = whole @ moment_vector(residual, means=True, layout=layout)
    spread = turn @ whole @ spread @ whole.T @ turn.T
    counted = first + np.flatnonzero((a != b) | (kind == "cor.bentler"))
    parts = {"cov": counted, "thresholds": np.arange(n)}
    if c:
        parts["mean"] = np.arange(n, first)
    return _Standardised(
        values, spread, parts | {"total": np.concatenate([np.arange(first), counted])}
    )


# In lavaan's order.
_SUMMARY = (
    *("rms", "rms.se", "rms.exactfit.z", "rms.exactfit.pvalue", "urms", "urms.se"),
    *("urms.ci.lower", "urms.ci.upper"),
    *("urms.closefit.h0.value", "urms.closefit.z", "urms.closefit.pvalue"),
)


def _unbiased(e: Array, spread: Array, close: float, level: float) -> dict[str, float]:
    """SRMR of residuals `e` (t,) with their covariance matrix (t, t), and its unbiased version."""
    t, total = len(e), float(e @ e)
    first, second = float(np.trace(spread)), float(np.sum(spread * spread.T))
    found = dict.fromkeys(_SUMMARY, float("nan"))
    found |= {"rms": float(np.sqrt(total / t)), "urms.closefit.h0.value": close}
    # Residuals that are 0 by the model leave rounding errors, about 1e-9.
    if not first > 1e-12 or not total > 1e-12:
        return found
    expected = np.sqrt(first / t) * (1 - second / (4 * first**2))
    se = np.sqrt(second / (2 * t * first))
    z = max(found["rms"] - expected, 0.0) / se
    pulled = second + 2 * float(e @ spread @ e)
    k = 1 - pulled / (4 * total**2)
    unbiased = np.sqrt(max(total - first, 0.0) / t) / k
    unbiased_se = np.sqrt(pulled / (2 * t * total)) / k
    reach = float(normal_quantile(0.5 + level / 2)) * unbiased_se
    closeness = (unbiased - close) / unbiased_se
    return found | {
        "rms.se": float(se),
        "rms.exactfit.z": float(z),
        "rms.exactfit.pvalue": float(normal_cdf(-z)),
        "urms": float(unbiased),
        "urms.se": float(unbiased_se),
        "urms.ci.lower": float(unbiased - reach),
        "urms.ci.upper": float(unbiased + reach),
        "urms.closefit.z": float(closeness),
        "urms.closefit.pvalue": float(normal_cdf(-closeness)),
    }
