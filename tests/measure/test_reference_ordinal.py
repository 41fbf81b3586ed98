"""The engine against lavaan: every reference case with ordered items, one group or several.

Where lavaan 0.6-14 is wrong by what the numbers mean, a test shows by which formula its number
comes about, and the number is compared with that.
"""

import numpy as np
import pytest

import measure
from measure import indices
from measure.fitting.categorical_fit import robust_tests
from measure.indices import Factors
from measure.model import moment_vector
from tests.measure.reference_fits import ordinal, places, reference, refit
from tests.measure.test_reference_models import close, pairs
from tests.reference_cases import case, matrix

PLACES = places(ordinal)
COLUMNS = ("est", "se", "z", "pvalue", "ci.lower", "ci.upper", "std.lv", "std.all", "std.all.se")
MARKER = "cfa_bfi_2f_wlsmv_marker"
# Models in which the residual variance of an ordered item reaches other variables: under the delta
# parameterization it follows from the rest of the model, which lavaan's derivatives leave out.
PASSED_ON = {"engine_ordinal_mixed_paths": "engine_ordinal_mixed_paths_theta"}


@pytest.fixture(scope="module")
def fits():
    """Give fits by case and step; each is made once."""
    made = {}

    def find(name, step=None):
        if (name, step) not in made:
            made[name, step] = refit(reference(name, step), case(name))
        return made[name, step]

    return find


def in_lavaan_terms(fit):
    """Our fit measures, with those that lavaan defines otherwise put as it does.

    - `srmr_mplus` is not defined with ordered items; lavaan lists it as missing.
    - Residual variances of continuous variables beside ordered ones count in `srmr` and the like.
      lavaan divides by their number, but leaves them out of the sum.
    - The baseline's scaling factor behind the robust CFI weighs each group by its share. lavaan
      leaves the shares out (`without_shares`).
    - lavaan has no robust indices beside the mean and variance adjusted test.
    """
    ours = fit.fit_measures.copy()
    ours["srmr_mplus"] = ours["srmr_mplus_nomean"] = np.nan
    if "logl" not in ours:
        ours = ours.drop("ntotal")
    if fit.test.test == "mean.var.adjusted":
        return ours.drop([name for name in ours.index if name.endswith(".robust")])
    if fit.n_groups > 1 and np.isfinite(ours.get("cfi.robust", np.nan)):
        ours.update(without_shares(fit))
    if len(fit.moments.layout.continuous):
        ours.update(without_variances(fit))
    return ours


def without_shares(fit):
    """The robust indices with lavaan's scaling factor of the baseline model.

    With V the identity (the likelihood weight of uncorrelated items) its trace is sum_g tr(Gamma_g)
    over the correlations, and lavaan's sum_g tr(Gamma_g) / share_g.
    """
    own, base = robust_tests(fit.point, fit.test, fit.baseline)
    keep = np.tile(fit.moments.layout.is_covariance, fit.n_groups)
    # The blocks of the stacked Gamma are divided by the shares.
    trace = np.diag(fit.moments.ordinal.gamma)[keep].sum()
    factors = Factors(own.mean_factor, trace / base.df)
    plain = (own.chisq, own.df, base.chisq, base.df, factors)
    cfi, tli, rni = (f(*plain) for f in (indices.cfi, indices.tli, indices.rni))
    return {"cfi.robust": cfi, "tli.robust": tli, "nnfi.robust": tli, "rni.robust": rni}


def without_variances(fit):
    """RMR and SRMR without the residual variances, divided by as many moments as with them."""
    found = {}
    lower = np.tril_indices(len(fit.moments.names))
    strict = np.tril_indices(len(fit.moments.names), -1)
    for name, kind in (("rmr", "raw"), ("srmr_bentler", "cor.bentler")):
        alone, total = [], []
        for sample, model in zip(fit.moments.sample, fit.implied_moments, strict=True):
            off = indices.residual_moments(sample, model, kind)[0][strict]
            thresholds = sample.thresholds - model.thresholds
            n = len(lower[0])
            alone.append(np.sqrt(off @ off / n))
            total.append(np.sqrt((off @ off + thresholds @ thresholds) / (n + len(thresholds))))
        found |= {f"{name}_nomean": fit.moments.shares @ alone, name: fit.moments.shares @ total}
    return found | {"srmr": found["srmr_bentler_nomean"]}


@pytest.mark.parametrize(("name", "step"), PLACES)
def test_fit_measures_agree_with_lavaan(fits, name, step):
    theirs, ours = reference(name, step)["fit_measures"], in_lavaan_terms(fits(name, step))
    wrong = {
        key: (ours.get(key), value)
        for key, value in theirs.items()
        if not close(ours.get(key, np.inf), value, 1e-4)
    }
    assert not wrong
    assert set(theirs) == set(ours.index)


@pytest.mark.parametrize(("name", "step"), PLACES)
def test_parameters_agree_with_lavaan(fits, name, step):
    fit, theirs = fits(name, step), reference(name, step)
    both = list(pairs(fit, theirs))
    assert len(fit.parameters) == len(both)
    wrong = []
    for wanted, ours in both:
        where = (wanted["lhs"], wanted["op"], wanted["rhs"], wanted.get("group"))
        columns = ("est", "std.lv", "std.all") if name in PASSED_ON else COLUMNS
        wrong += [
            (*where, column, ours[column], wanted[column])
            for column in columns
            if column in wanted and not close(ours[column], wanted[column], 1e-4)
        ]
        assert bool(ours["free"]) == bool(wanted["free"]), where
        if (wanted["label"] or "").startswith(".p"):
            assert ours["label"] == wanted["label"]
    assert not wrong


@pytest.mark.parametrize(("delta", "theta"), PASSED_ON.items())
def test_passed_on_residuals_have_the_errors_of_the_other_parameterization(fits, delta, theta):
    """Standardised values do not depend on the parameterization, nor do their standard errors."""
    fit, theirs = fits(delta), reference(theta)
    for wanted, ours in pairs(fit, theirs):
        if wanted["op"] != "~*~":
            for column in ("std.all", "std.all.se"):
                where = (wanted["lhs"], wanted["op"], wanted["rhs"], column)
                assert close(ours[column], wanted[column], 1e-4), where


def test_implied_and_sample_moments_agree_with_lavaan(fits):
    fit, theirs = fits(MARKER), case(MARKER)
    for ours, key in ((fit.implied_moments, "implied"), (fit.moments.sample, "sample_stats")):
        wanted = theirs[key]
        np.testing.assert_allclose(ours[0].sigma, matrix(wanted["cov"]), atol=1e-4)
        np.testing.assert_allclose(ours[0].thresholds, list(wanted["th"].values()), atol=1e-5)
        assert len(moment_vector(ours[0], means=True, layout=fit.moments.layout)) == 95


def test_residuals_agree_with_lavaan(fits):
    for kind, key in (("raw", "raw"), ("cor.bentler", "cor_bentler")):
        wanted = matrix(case(MARKER)["residuals"][key]["cov"])
        ours = measure.residuals(fits(MARKER), kind=kind).loc[wanted.index, wanted.columns]
        np.testing.assert_allclose(ours, wanted, atol=1e-4)


def test_every_ordinal_case_is_compared():
    assert len(ordinal("cfa")) == 59
    assert len(PLACES) == 59 + 15
