"""All measures of fit of a finished fit, under lavaan's names and in lavaan's order."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from measure import indices
from measure.chisquare import Statistic, p_value
from measure.estimators import Likelihood
from measure.estimators.twolevel import TwoLevelLikelihood
from measure.fitting import categorical_fit
from measure.fitting.corrected import corrected_for_missing
from measure.indices import Factors
from measure.model import Implied
from measure.specification.options import SCALED

if TYPE_CHECKING:
    from measure.fitting.fitted import Fit

Array = NDArray[np.float64]
NAN = float("nan")


def fit_measures(fit: "Fit") -> dict[str, float]:
    """Compute the measures of fit.

    `.scaled` measures are there where the test is scaled; `.robust` ones where the scaled test has
    them in lavaan (not for "mean.var.adjusted"), or answers are missing (Zhang & Savalei 2023).
    With ordered items they are those of Savalei (2021), for any scaled test.

    Three differ from lavaan 0.6-14 by what they mean. `gfi` of incomplete answers compares the
    model with the saturated moments that it was fitted to, not with available-case ones.
    `scaling.factor.h0` is per free parameter after equality constraints. `rfi` is not set to 1
    where a model fits worse than its baseline. ULS without scaling has no p-value.
    """
    test, base = fit.test, fit.baseline
    # The sample size of lavaan's indices: N, or N - G where covariances are divided by n - 1.
    n, groups = fit.problem.moments.scale, fit.n_groups
    robust = _robust_tests(fit)
    # The unscaled statistic of unweighted least squares follows no chi-square.
    distributed = fit.method.estimator.discrepancy != "ULS"
    return {
        "npar": fit.problem.model.n_free,
        "fmin": _minimum(fit),
        "chisq": test.chisq,
        "df": test.df,
        "pvalue": p_value(test.chisq, test.df) if distributed else NAN,
        **(_scaled_test("", test) if _is_scaled(test) else {}),
        "baseline.chisq": base.chisq,
        "baseline.df": base.df,
        "baseline.pvalue": p_value(base.chisq, base.df) if distributed else NAN,
        **(_scaled_test("baseline.", base) if _is_scaled(test) else {}),
        **_incremental(test, base, robust),
        **_likelihood_measures(fit),
        **_rmsea_measures(test, (n, groups), robust),
        **_residual_measures(fit),
        # How much of the moments a model reproduces is not defined for two levels together.
        **({} if fit.moments.levels is not None else _further_measures(fit)),
    }


def _minimum(fit: "Fit") -> float:
    """Half of the discrepancy; of two levels -log L per row without its constant, as in lavaan."""
    discrepancy = fit.problem.discrepancy
    if isinstance(discrepancy, TwoLevelLikelihood):
        return fit.discrepancy / 2 - (discrepancy.best - discrepancy.constant) / fit.n_obs
    if isinstance(discrepancy, Likelihood):
        return fit.discrepancy / 2
    return fit.test.chisq / (2 * fit.n_obs)


def _further_measures(fit: "Fit") -> dict[str, float]:
    test, n = fit.test, fit.problem.moments.scale
    return {
        "cn_05": indices.hoelter(test.chisq, test.df, n, 0.05),
        "cn_01": indices.hoelter(test.chisq, test.df, n, 0.01),
        **_absolute_measures(fit),
    }


def _is_scaled(test: Statistic) -> bool:
    return test.test in SCALED


def _scaled_test(prefix: str, test: Statistic) -> dict[str, float]:
    return {
        f"{prefix}chisq.scaled": test.scaled,
        f"{prefix}df.scaled": test.scaled_df,
        f"{prefix}pvalue.scaled": p_value(test.scaled, test.scaled_df),
        f"{prefix}chisq.scaling.factor": test.factor,
    }


class _Robust:
    """The statistics that robust indices are formed from: the model's and the baseline's."""

    def __init__(self, test: Statistic, base: Statistic) -> None:
        self.chisq, self.base_chisq = test.chisq, base.chisq
        self.scaled, self.factor = test.scaled, test.factor
        self.factors = Factors(test.mean_factor, base.mean_factor)


def _robust_tests(fit: "Fit") -> _Robust | None:
    if fit.moments.ordinal is not None:
        return _categorical(fit) if _is_scaled(fit.test) and fit.df else None
    if fit.moments.nested is not None and fit.method.fiml:
        # Nothing is known about indices of incomplete rows at two levels.
        return _nothing_robust(fit.df)
    if fit.method.fiml:
        return _Robust(
            *corrected_for_missing(fit.point, fit.baseline_point, robust=_is_scaled(fit.test))
        )
    if fit.test.test in ("standard", "mean.var.adjusted"):
        return None
    return _Robust(fit.test, fit.baseline)


def _nothing_robust(df: int) -> _Robust:
    nothing = Statistic("standard", NAN, df, NAN)
    return _Robust(nothing, nothing)


def _categorical(fit: "Fit") -> _Robust:
    """Give the statistics of Savalei (2021); NaN where there are none, which the notes explain."""
    if categorical_fit.unavailable(fit.point) is not None:
        return _nothing_robust(fit.df)
    return _Robust(*categorical_fit.robust_tests(fit.point, fit.test, fit.baseline))


def _incremental(test: Statistic, base: Statistic, robust: _Robust | None) -> dict[str, float]:
    plain = (test.chisq, test.df, base.chisq, base.df)
    found = {"cfi": indices.cfi(*plain), "tli": indices.tli(*plain)}
    others: dict[str, float] = {}
    if robust is not None:
        own = (robust.chisq, test.df, robust.base_chisq, base.df, robust.factors)
        robust_cfi, robust_tli = indices.cfi(*own), indices.tli(*own)
        others = {"nnfi.robust": robust_tli, "rni.robust": indices.rni(*own)}
    if _is_scaled(test):
        scaled = (test.scaled, test.scaled_df, base.scaled, base.scaled_df)
        found |= {"cfi.scaled": indices.cfi(*scaled), "tli.scaled": indices.tli(*scaled)}
    if robust is not None:
        found |= {"cfi.robust": robust_cfi, "tli.robust": robust_tli}
    found |= _further(plain, "")
    if _is_scaled(test):
        found |= _further(scaled, ".scaled")
    return found | others


def _further(numbers: tuple[float, float, float, float], suffix: str) -> dict[str, float]:
    chisq, df, base, _ = numbers
    return {
        f"nnfi{suffix}": indices.tli(*numbers),
        f"rfi{suffix}": indices.rfi(*numbers),
        f"nfi{suffix}": indices.nfi(*numbers),
        f"pnfi{suffix}": indices.pnfi(*numbers),
        f"ifi{suffix}": indices.ifi(chisq, df, base),
        f"rni{suffix}": indices.rni(*numbers),
    }


def _rmsea_measures(
    test: Statistic, sizes: tuple[int, int], robust: _Robust | None
) -> dict[str, float]:
    n, groups = sizes
    found = {"rmsea": indices.rmsea(test.chisq, test.df, n, groups)}
    lower, upper = indices.rmsea_interval(test.chisq, test.df, n, groups)
    found |= {
        "rmsea.ci.lower": lower,
        "rmsea.ci.upper": upper,
        "rmsea.ci.level": 0.90,
        "rmsea.pvalue": indices.rmsea_pvalue(test.chisq, test.df, n, groups),
        "rmsea.close.h0": 0.05,
        "rmsea.notclose.pvalue": 1
        - indices.rmsea_pvalue(test.chisq, test.df, n, groups, close=0.08),
        "rmsea.notclose.h0": 0.08,
    }
    if _is_scaled(test):
        # The scaled and shifted statistic counts as it is; the others as the unscaled statistic on
        # as many degrees of freedom as its mean.
        shifted = test.test == "scaled.shifted"
        chisq, df = (test.scaled, test.df) if shifted else (test.chisq, test.trace)
        found["rmsea.scaled"] = indices.rmsea(chisq, df, n, groups)
        found |= _rmsea_tests(chisq, df, sizes, 1.0, ".scaled")
    if robust is not None:
        found["rmsea.robust"] = indices.rmsea(
            robust.chisq, test.df, n, groups, factor=robust.factors.model
        )
        # The noncentrality of the scaled statistic times its scaling factor is that of the unscaled
        # one, whether or not it is also shifted (Savalei 2018).
        found |= _rmsea_tests(robust.scaled, test.df, sizes, robust.factor, ".robust")
    return found


def _rmsea_tests(
    chisq: float, df: float, sizes: tuple[int, int], factor: float, suffix: str
) -> dict[str, float]:
    """Interval of the RMSEA, and tests of close and of poor fit."""
    lower, upper = indices.rmsea_interval(chisq, df, *sizes, factor=factor)
    poor = 1 - indices.rmsea_pvalue(chisq, df, *sizes, close=0.08, factor=factor)
    return {
        f"rmsea.ci.lower{suffix}": lower,
        f"rmsea.ci.upper{suffix}": upper,
        f"rmsea.pvalue{suffix}": indices.rmsea_pvalue(chisq, df, *sizes, factor=factor),
        f"rmsea.notclose.pvalue{suffix}": poor,
    }


def _likelihood_measures(fit: "Fit") -> dict[str, float]:
    discrepancy, n, npar = fit.problem.discrepancy, fit.n_obs, fit.problem.model.n_free
    if not isinstance(discrepancy, Likelihood):
        return {"ntotal": n}
    saturated = discrepancy.saturated_loglik(fit.problem.model.table.fixed_x)
    logl = saturated - n * fit.discrepancy / 2
    scaling = {"scaling.factor.h1": fit.test.factor_h1, "scaling.factor.h0": fit.test.factor_h0}
    return {
        "logl": logl,
        "unrestricted.logl": saturated,
        "aic": -2 * logl + 2 * npar,
        "bic": -2 * logl + np.log(n) * npar,
        "ntotal": n,
        # Sclove (1987): n replaced by (n + 2)/24.
        "bic2": -2 * logl + np.log((n + 2) / 24) * npar,
        **(scaling if fit.test.test == "yuan.bentler.mplus" else {}),
    }


def _residual_measures(fit: "Fit") -> dict[str, float]:
    means = fit.problem.model.table.meanstructure
    layout = fit.moments.layout
    if fit.moments.levels is not None:
        return _residuals_of_levels(fit)
    groups = [
        indices.root_mean_squares(sample, implied, means=means)
        if layout is None
        else indices.root_mean_squares_of_answers(sample, implied)
        for sample, implied in zip(fit.moments.sample, fit.implied_moments, strict=True)
    ]
    shares = np.array(fit.moments.n_obs) / fit.n_obs
    return {name: float(shares @ [group[name] for group in groups]) for name in groups[0]}


def _residuals_of_levels(fit: "Fit") -> dict[str, float]:
    """SRMR within and between clusters, and their sum, as in lavaan."""
    shares = np.array(fit.moments.n_obs) / fit.n_obs
    blocks = [
        indices.srmr_of_level(sample, implied)
        for sample, implied in zip(fit.moments.sample, fit.implied_moments, strict=True)
    ]
    within, between = float(shares @ blocks[::2]), float(shares @ blocks[1::2])
    return {"srmr": within + between, "srmr_within": within, "srmr_between": between}


def _absolute_measures(fit: "Fit") -> dict[str, float]:
    df, npar = fit.problem.df, fit.problem.model.n_free
    scale, chisq = fit.problem.moments.scale, fit.test.chisq
    # lavaan counts all moments here, those that fixed.x takes from the sample included.
    per_group = fit.problem.n_moments
    n_moments = per_group * fit.n_groups
    gfi = _gfi(fit)
    return {
        "gfi": gfi,
        "agfi": 1 - n_moments / df * (1 - gfi) if df else 1.0,
        "pgfi": df / n_moments * gfi,
        "mfi": indices.mcdonald_fit(chisq, df, scale),
        # What a likelihood expects of a new sample, or, of ordered items, the weighted root mean
        # square residual (Yu 2002), per moment of one group, as in lavaan.
        **(
            {"ecvi": chisq / scale + 2 * npar / scale}
            if fit.moments.layout is None
            else {"wrmr": float(np.sqrt(chisq / per_group))}
        ),
    }


def _gfi(fit: "Fit") -> float:
    """Share of the weighted moments that the model reproduces (GFI; Tanaka & Huba 1985).

    Moments of fixed.x alone, which no model explains, do not count.
    """
    moments, means = fit.moments, fit.problem.model.table.meanstructure
    if moments.layout is not None:
        return _gfi_of_answers(fit)
    given = np.array([name in fit.problem.model.table.fixed_x for name in moments.names])
    own = [_explained(sample, given, means=means) for sample in moments.sample]
    models = [_explained(model, given, means=means) for model in fit.implied_moments]
    gaps = [
        Implied(None if s.mu is None or m.mu is None else s.mu - m.mu, s.sigma - m.sigma)
        for s, m in zip(own, models, strict=True)
    ]
    missed = fit.problem.discrepancy.sizes(fit.implied_moments, gaps)
    whole = fit.problem.discrepancy.sizes(fit.implied_moments, own)
    shares = np.array(moments.n_obs) / fit.n_obs
    return float(shares @ (1 - np.array(missed) / np.array(whole)))


def _gfi_of_answers(fit: "Fit") -> float:
    """The same with ordered items: share of the weighted thresholds and correlations."""
    moments, discrepancy = fit.moments, fit.problem.discrepancy
    gaps = [
        Implied(*(np.asarray(a) - np.asarray(b) for a, b in zip(sample, model, strict=True)))
        for sample, model in zip(moments.sample, fit.implied_moments, strict=True)
    ]
    missed = np.array(discrepancy.sizes(fit.implied_moments, gaps))
    whole = np.array(discrepancy.sizes(fit.implied_moments, list(moments.sample)))
    return float(moments.shares @ (1 - missed / whole))


def _explained(moments: Implied, given: NDArray[np.bool_], *, means: bool) -> Implied:
    """Moments with 0 in place of those of the given variables alone; without unused means."""
    mean = moments.mu if means else None
    if not given.any():
        return Implied(mean, moments.sigma)
    sigma = np.where(np.outer(given, given), 0.0, moments.sigma)
    return Implied(None if mean is None else np.where(given, 0.0, mean), sigma)
