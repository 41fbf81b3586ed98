"""Where a model misses the data: residuals of means and covariances, and their overall size."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.distributions import normal_cdf, normal_quantile
from measure.errors import OptionError
from measure.fitted import Fit
from measure.indices import residual_moments
from measure.model import Implied, vech_places
from measure.residual_spread import residual_covariances, sample_covariances

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

    Returns
    -------
    DataFrame
        Items × items, with the residuals of the means as a last row `~1` where the model has a
        mean structure. With several groups the index is (group, item). A z value is 0 where the
        model reproduces the moment whatever the data, and NaN where the information is singular.

    Raises
    ------
    OptionError
        For another `kind`.
    """
    if kind not in (*PLAIN, *TESTED):
        known = ", ".join((*PLAIN, *TESTED))
        raise OptionError(f'kind "{kind}" is not known; choose one of {known}.')
    pairs = list(zip(fit.moments.sample, fit.implied_moments, strict=True))
    plain = kind if kind in PLAIN else "raw"
    found = [Implied(*residual_moments(*pair, plain)[::-1]) for pair in pairs]
    if kind in TESTED:
        found = _over_standard_errors(fit, found, kind)
    return _tables(fit, found)


def _over_standard_errors(fit: Fit, raw: list[Implied], kind: str) -> list[Implied]:
    """Divide raw residuals by the standard errors of them, or of the sample moments."""
    samples = sample_covariances(fit)
    spreads = samples if kind == "normalized" else residual_covariances(fit)
    tables = []
    for residual, sample, spread in zip(raw, samples, spreads, strict=True):
        p = len(residual.sigma)
        a, b = vech_places(p)
        values = residual.sigma[a, b]
        if residual.mu is not None:
            values = np.concatenate([residual.mu, values])
        variance = np.diag(spread).copy()
        nothing = variance < np.diag(sample) * BY_CONSTRUCTION**2
        variance[nothing] = 1.0
        z = np.where(nothing, 0.0, values / np.sqrt(variance))
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
        Items × items; the row `~1` is there where the model has a mean structure. With several
        groups the index is (group, item).
    """
    return _tables(fit, fit.implied_moments)


def _tables(fit: Fit, moments: list[Implied]) -> pd.DataFrame:
    """Covariances with means below, one table a group."""
    names = list(fit.moments.names)
    tables = []
    for own in moments:
        table = pd.DataFrame(own.sigma, index=names, columns=names)
        if own.mu is not None:
            table.loc["~1"] = own.mu
        tables.append(table)
    return tables[0] if len(tables) == 1 else pd.concat(tables, keys=list(fit.moments.groups))


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
        structure `mean` and `total`; with several groups the index is (group, part). The p value is
        the probability of a larger z if the population value were `close`: small values speak
        against close fit. NaN where a part fits whatever the data.

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
    tables = []
    for sample, model, spread in zip(
        fit.moments.sample, fit.implied_moments, residual_covariances(fit), strict=True
    ):
        e, turned = _standardised(sample, model, spread, kind)
        n_means = 0 if model.mu is None else len(model.sigma)
        parts = {"cov": slice(n_means, None)}
        if n_means:
            parts |= {"mean": slice(0, n_means), "total": slice(None)}
        counted = np.ones(len(e), dtype=bool)
        if kind == "cor.bollen":
            a, b = vech_places(len(model.sigma))
            counted[n_means:] = a != b
        rows = {}
        for part, place in parts.items():
            chosen = np.arange(len(e))[place][counted[place]]
            rows[part] = _unbiased(e[chosen], turned[np.ix_(chosen, chosen)], close, level)
        table = pd.DataFrame.from_dict(rows, orient="index")
        name = "srmr" if kind == "cor.bentler" else "crmr"
        tables.append(table.set_axis([label.replace("rms", name) for label in _SUMMARY], axis=1))
    return tables[0] if len(tables) == 1 else pd.concat(tables, keys=list(fit.moments.groups))


def _standardised(sample: Implied, model: Implied, spread: Array, kind: str) -> tuple[Array, Array]:
    """Residuals of one group as a vector in the metric of `kind`, and their covariance matrix."""
    cov, mean = residual_moments(sample, model, kind)
    p = len(cov)
    a, b = vech_places(p)
    sd = np.sqrt(np.diag(sample.sigma))
    turn = np.diag(1 / (sd[a] * sd[b]))
    if kind == "cor.bollen":
        # d r_ab = d s_ab / (sd_a sd_b) - r_ab (d s_aa / (2 s_aa) + d s_bb / (2 s_bb))
        r = sample.sigma[a, b] / (sd[a] * sd[b])
        diagonal = np.flatnonzero(a == b)
        for k in range(len(a)):
            for item in (a[k], b[k]):
                turn[k, diagonal[item]] -= r[k] / (2 * sample.sigma[item, item])
    e = cov[a, b]
    if mean is not None:
        whole = np.zeros((p + len(a), p + len(a)))
        whole[:p, :p], whole[p:, p:] = np.diag(1 / sd), turn
        turn, e = whole, np.concatenate([mean, e])
    return e, turn @ spread @ turn.T


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
