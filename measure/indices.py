"""Fit indices: numbers in, number out.

`n_obs` is the total number of respondents and chi-squares are on the scale of the test statistic.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from measure.distributions import (
    chisq_isf,
    noncentral_chisq_cdf,
    noncentral_chisq_noncentrality,
)
from measure.model import Implied

Array = NDArray[np.float64]


class Factors(NamedTuple):
    """Means of the chi-squares of a model and of its baseline where they hold, over their df."""

    model: float = 1.0
    baseline: float = 1.0


NO_SCALING = Factors()


def cfi(
    chisq: float,
    df: float,
    chisq_baseline: float,
    df_baseline: float,
    factors: Factors = NO_SCALING,
) -> float:
    """Comparative fit index (Bentler 1990, eq. 12), a proportion from 0 to 1.

    1.0 where neither model misfits beyond its degrees of freedom. With `factors`, the means of
    the two unscaled statistics over their df, it is the robust index of Brosseau-Liard & Savalei
    (2014).
    """
    excess = max(chisq - factors.model * df, 0.0)
    worst = max(chisq_baseline - factors.baseline * df_baseline, excess, 0.0)
    return 1.0 if worst == 0.0 else 1.0 - excess / worst


def tli(
    chisq: float,
    df: float,
    chisq_baseline: float,
    df_baseline: float,
    factors: Factors = NO_SCALING,
) -> float:
    """Tucker-Lewis index, also called NNFI (Tucker & Lewis 1973); may leave the range 0 to 1.

    1.0 for a saturated model (df = 0); NaN where the baseline model itself has no misfit. With
    `factors` the robust index, as in `cfi`.
    """
    if df == 0:
        return 1.0
    baseline = chisq_baseline - factors.baseline * df_baseline
    if df_baseline == 0 or baseline == 0:
        return float("nan")
    return 1.0 - (chisq - factors.model * df) * df_baseline / (baseline * df)


def rni(
    chisq: float,
    df: float,
    chisq_baseline: float,
    df_baseline: float,
    factors: Factors = NO_SCALING,
) -> float:
    """Relative noncentrality index (McDonald & Marsh 1990): CFI without truncation."""
    baseline = chisq_baseline - factors.baseline * df_baseline
    return float("nan") if baseline == 0 else 1.0 - (chisq - factors.model * df) / baseline


def nfi(chisq: float, df: float, chisq_baseline: float, df_baseline: float) -> float:
    """Normed fit index (Bentler & Bonett 1980, eq. 9).

    NaN for a model with more degrees of freedom than the baseline, which is not nested in it.
    """
    if chisq_baseline == 0 or df > df_baseline:
        return float("nan")
    return 1.0 - chisq / chisq_baseline


def pnfi(chisq: float, df: float, chisq_baseline: float, df_baseline: float) -> float:
    """Parsimony normed fit index (James, Mulaik & Brett 1982): NFI times the ratio of df."""
    if chisq_baseline == 0 or df_baseline == 0:
        return float("nan")
    return df / df_baseline * (1.0 - chisq / chisq_baseline)


def rfi(chisq: float, df: float, chisq_baseline: float, df_baseline: float) -> float:
    """Relative fit index (Bollen 1986); 1.0 for a saturated model, NaN where `nfi` is."""
    if df == 0:
        return 1.0
    if df_baseline == 0 or chisq_baseline == 0 or df > df_baseline:
        return float("nan")
    return 1.0 - (chisq / df) / (chisq_baseline / df_baseline)


def ifi(chisq: float, df: float, chisq_baseline: float) -> float:
    """Incremental fit index (Bollen 1989)."""
    spread = chisq_baseline - df
    return float("nan") if spread == 0 else (chisq_baseline - chisq) / spread


def rmsea(chisq: float, df: float, n_obs: int, n_groups: int = 1, *, factor: float = 1.0) -> float:
    """Root mean square error of approximation for a chi-square on the N scale.

    Steiger & Lind (1980); with several groups multiplied by sqrt(G) (Steiger 1998). 0.0 when
    chisq <= df or df = 0, as in lavaan. With `factor`, the mean of the unscaled statistic over its
    df, the robust index of Brosseau-Liard, Savalei & Li (2012).
    """
    if df == 0:
        return 0.0
    return float(np.sqrt(max(chisq - factor * df, 0.0) * n_groups / (n_obs * df)))


def rmsea_interval(
    chisq: float, df: float, n_obs: int, n_groups: int = 1, *, factor: float = 1.0
) -> tuple[float, float]:
    """Interval (90 %) of the RMSEA from the noncentral chi-square (Browne & Cudeck 1993).

    The limits are the noncentralities that put `chisq` at the upper and the lower 5 % of their
    distribution; 0.0 where no such noncentrality exists. For the robust index `chisq` is the scaled
    statistic, and `factor` carries its noncentrality back (Li & Bentler 2006).
    """
    if df == 0:
        return 0.0, 0.0
    scale = factor * n_groups / (n_obs * df)
    limits = (noncentrality(chisq, df, 0.95), noncentrality(chisq, df, 0.05))
    return float(np.sqrt(limits[0] * scale)), float(np.sqrt(limits[1] * scale))


def noncentrality(chisq: float, df: float, probability: float) -> float:
    """Noncentrality at which a chi-square stays below `chisq` with this probability; 0 if none."""
    if not np.isfinite(chisq) or not np.isfinite(df):
        return float("nan")
    return noncentral_chisq_noncentrality(chisq, df, probability)


def rmsea_pvalue(
    chisq: float,
    df: float,
    n_obs: int,
    n_groups: int = 1,
    *,
    close: float = 0.05,
    factor: float = 1,
) -> float:
    """Probability of a larger chi-square if the RMSEA were `close` (Browne & Cudeck 1993)."""
    if df == 0:
        return float("nan")
    return 1 - noncentral_chisq_cdf(chisq, df, n_obs * df * close**2 / (n_groups * factor))


def hoelter(chisq: float, df: int, n_obs: int, alpha: float) -> float:
    """Critical N (Hoelter 1983): sample size at which this misfit reaches the level `alpha`."""
    if df == 0 or chisq <= 0:
        return float("nan")
    return float(chisq_isf(alpha, df) / (chisq / n_obs) + 1)


def mcdonald_fit(chisq: float, df: int, n_obs: int) -> float:
    """McDonald's fit index exp(-(chisq - df)/(2 N)) (McDonald 1989)."""
    return float(np.exp(-0.5 * (chisq - df) / n_obs))


def residual_moments(sample: Implied, implied: Implied, kind: str) -> tuple[Array, Array | None]:
    """Sample less implied covariances (p, p) and means (p,), in the metric of `kind`.

    Parameters
    ----------
    sample, implied
        Moments of one group.
    kind
        `raw`; `cor.bentler` divides covariances and means by the sample standard deviations
        (Bentler 1995); `cor.bollen` subtracts implied from sample correlations (Bollen 1989,
        p. 258), so that its diagonal is 0, with the means as in `cor.bentler` (as in lavaan).

    Returns
    -------
    tuple
        NaN where a standard deviation that is divided by is not there: a variance of 0 or below,
        as between clusters there may be.
    """
    s, sigma = sample.sigma, implied.sigma
    sd = np.ones(len(s)) if kind == "raw" else _standard_deviations(s)
    sd_implied = _standard_deviations(sigma) if kind == "cor.bollen" else sd
    mean = None
    if sample.mu is not None and implied.mu is not None:
        mean = (sample.mu - implied.mu) / sd
    if kind == "raw":
        return s - sigma, mean
    return s / (sd[:, None] * sd) - sigma / (sd_implied[:, None] * sd_implied), mean


def _standard_deviations(sigma: Array) -> Array:
    """Roots of the variances, NaN for those of 0 or below."""
    variances = sigma.diagonal()
    return np.asarray(np.sqrt(np.where(variances > 0, variances, np.nan)))


def root_mean_square(residuals: Array) -> float:
    """Root of the mean square of the given residuals; 0.0 for none."""
    return float(np.sqrt(np.mean(residuals**2))) if len(residuals) else 0.0


def root_mean_squares(sample: Implied, implied: Implied, *, means: bool) -> dict[str, float]:
    """RMR, SRMR and CRMR of one group under lavaan's names.

    `srmr` is Bentler's (1995): covariance residuals over sample standard deviations, diagonal
    included, and the means where there is a mean structure. `crmr` is Bollen's, of correlations
    without the diagonal. `srmr_mplus` standardises each side by itself but keeps the diagonal as
    relative residual variance. The variants `_nomean` leave the means out.
    """
    raw, raw_mean = residual_moments(sample, implied, "raw")
    bentler, bentler_mean = residual_moments(sample, implied, "cor.bentler")
    bollen, _ = residual_moments(sample, implied, "cor.bollen")
    s, sigma = sample.sigma.diagonal(), implied.sigma.diagonal()
    mplus_mean = None
    if sample.mu is not None and implied.mu is not None:
        own, model = _standard_deviations(sample.sigma), _standard_deviations(implied.sigma)
        mplus_mean = sample.mu / own - implied.mu / model
    mplus_variances = 1 - sigma / s

    def sizes(off: Array, diagonal: Array, mean: Array | None) -> tuple[float, float]:
        """With and without the means; `off` (p, p) has residuals of covariances on both sides."""
        total = float(np.vdot(off, off) - off.diagonal() @ off.diagonal()) / 2
        total, n = total + float(diagonal @ diagonal), len(off) * (len(off) - 1) / 2 + len(diagonal)
        alone = float(np.sqrt(total / n)) if n else 0.0
        if mean is None or not means:
            return alone, alone
        return float(np.sqrt((total + float(mean @ mean)) / (n + len(mean)))), alone

    rmr, rmr_nomean = sizes(raw, raw.diagonal(), raw_mean)
    srmr, srmr_nomean = sizes(bentler, bentler.diagonal(), bentler_mean)
    crmr, crmr_nomean = sizes(bollen, np.zeros(0), bentler_mean)
    srmr_mplus, srmr_mplus_nomean = sizes(bollen, mplus_variances, mplus_mean)
    return {
        "rmr": rmr,
        "rmr_nomean": rmr_nomean,
        "srmr": srmr,
        "srmr_bentler": srmr,
        "srmr_bentler_nomean": srmr_nomean,
        "crmr": crmr,
        "crmr_nomean": crmr_nomean,
        "srmr_mplus": srmr_mplus,
        "srmr_mplus_nomean": srmr_mplus_nomean,
    }


def srmr_of_level(sample: Implied, implied: Implied) -> float:
    """SRMR of one level of a two-level model, as in lavaan.

    Residuals of correlations, each side standardised by itself, over all p(p + 1)/2 moments, of
    which those of the variances are 0. NaN where a variable has no variance at the level, in the
    sample or by the model (lavaan takes the correlations that are not there for reproduced).
    """
    bollen, _ = residual_moments(sample, implied, "cor.bollen")
    return root_mean_square(bollen[np.tril_indices(len(bollen))])


def root_mean_squares_of_answers(sample: Implied, implied: Implied) -> dict[str, float]:
    """RMR, SRMR and CRMR of one group with ordered items, under lavaan's names.

    As `root_mean_squares`, with the thresholds in place of the means. `srmr` leaves them out, and
    counts the variances of ordered items, which are 1 on both sides, among the moments, as lavaan
    does.
    """
    assert sample.thresholds is not None
    assert implied.thresholds is not None
    p = len(sample.sigma)
    lower, strict = np.tril_indices(p), np.tril_indices(p, -1)
    thresholds = sample.thresholds - implied.thresholds
    found: dict[str, float] = {}
    for name, kind, cells in (
        ("rmr", "raw", lower),
        ("srmr_bentler", "cor.bentler", lower),
        ("crmr", "cor.bollen", strict),
    ):
        own = residual_moments(sample, implied, kind)[0][cells]
        found[name] = root_mean_square(np.append(own, thresholds))
        found[f"{name}_nomean"] = root_mean_square(own)
    return {**found, "srmr": found["srmr_bentler_nomean"]}
