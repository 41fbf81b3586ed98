"""The engine against lavaan: every reference case of continuous data, one group or several.

Tolerances are those that `tests/reference/README.md` derives from how far lavaan's own optimisers
differ. Models whose parameters are far from 1 are compared in units of their standard errors.
"""

import numpy as np
import pandas as pd
import pytest

import measure
from measure.chisquare import modelled
from measure.model import Implied, moment_vector
from tests.measure.reference_fits import continuous, reference, refit
from tests.reference_cases import case, matrix

SCALE_DEPENDENT = ("ability", "polidem", "growth")


MODELS = continuous("cfa")
STEPS = [(name, step["step"]) for name in continuous("invariance") for step in case(name)["steps"]]


@pytest.fixture(scope="module")
def fits():
    """Give fits by case and step; each is made once."""
    made = {}

    def find(name, step=None):
        if (name, step) not in made:
            made[name, step] = refit(reference(name, step), case(name))
        return made[name, step]

    return find


def close(ours, theirs, tolerance):
    if theirs is None:
        return np.isnan(ours)
    return abs(ours - theirs) <= tolerance * max(1.0, abs(theirs))


def scaled(key):
    return ".scaled" in key or ".robust" in key or "scaling" in key


PLACES = [(name, None) for name in MODELS] + STEPS


def in_lavaan_terms(fit):
    """Our fit measures, with those that lavaan defines otherwise put as it does.

    - `ntotal` is not among lavaan's measures where there is no likelihood; ours has it always.
    - `scaling.factor.h0` is per free parameter. lavaan divides by the number of parameters before
      equality constraints, so that its factor shrinks with every constraint.
    - `gfi` after FIML compares implied moments with those of the saturated model. lavaan compares
      them with available-case moments (`available_moments`), which the model was not fitted to.
    """
    ours = fit.fit_measures.copy()
    model = fit.model
    if "logl" not in ours:
        ours = ours.drop("ntotal")
    if "scaling.factor.h0" in ours:
        ours["scaling.factor.h0"] *= model.n_free / len(model.free_rows)
    if fit.missing == "fiml":
        value = available_case_gfi(fit)
        n_moments = len(np.concatenate(fit.point.jacobians))
        ours["gfi"], ours["pgfi"] = value, fit.df / n_moments * value
        ours["agfi"] = 1 - n_moments / fit.df * (1 - value)
    return ours


def available_case_gfi(fit):
    """GFI as lavaan computes it: means of all answers to an item, covariances of all to a pair."""
    found = []
    keep = modelled(fit.moments, fit.model.table.fixed_x, means=True)
    weights = fit.problem.discrepancy.weight(fit.implied_moments)
    parts = zip(fit.moments.rows, fit.implied_moments, weights, strict=True)
    for rows, model, weight in parts:
        frame, n = pd.DataFrame(rows), len(rows)
        cov = frame.cov().to_numpy() * (n - 1) / n
        available = moment_vector(Implied(frame.mean().to_numpy(), cov), means=True) * keep
        gap = available - moment_vector(model, means=True) * keep
        found.append(1 - gap @ weight @ gap / (available @ weight @ available))
    return fit.moments.weights @ found


@pytest.mark.parametrize(("name", "step"), PLACES)
def test_fit_measures_agree_with_lavaan(fits, name, step):
    theirs, ours = reference(name, step)["fit_measures"], in_lavaan_terms(fits(name, step))
    # lavaan's optimiser for nonlinear constraints stops earlier; see the note of the case.
    plain = 1e-4 if "nonlinear" in name else 1e-5
    wrong = {
        key: (ours.get(key), value)
        for key, value in theirs.items()
        if not close(ours.get(key, np.inf), value, 1e-4 if scaled(key) else plain)
    }
    assert not wrong
    assert set(theirs) == set(ours.index)


def pairs(fit, theirs):
    """Pair each reference row with ours; `a ~~ b` and `b ~~ a` are the same row."""
    ours = measure.standardized(fit)[["se"]].rename(columns={"se": "std.all.se"})
    ours = pd.concat([fit.parameters, ours], axis=1)
    group = {label: k for k, label in enumerate(fit.moments.groups, start=1)}
    found = {
        (row["lhs"], row["op"], row["rhs"], group.get(row["group"], 0)): row
        for _, row in ours.iterrows()
    }
    for row in theirs["parameters"]:
        if row["op"] == ":=":
            yield row, next(r for k, r in found.items() if k[0] == row["lhs"] and k[1] == ":=")
            continue
        key = (row["lhs"], row["op"], row["rhs"], row.get("group", 1))
        yield row, found[key] if key in found else found[key[2], key[1], key[0], key[3]]


@pytest.mark.parametrize(("name", "step"), PLACES)
def test_parameters_agree_with_lavaan(fits, name, step):
    fit, theirs = fits(name, step), reference(name, step)
    both = list(pairs(fit, theirs))
    assert len(fit.parameters) == len(both)
    columns = ("est", "se", "z", "pvalue", "ci.lower", "ci.upper", "std.lv", "std.all")
    scale_dependent = any(word in name for word in SCALE_DEPENDENT)
    for wanted, ours in both:
        unit = max(1.0, wanted["se"] or 0.0) if scale_dependent else 1.0
        for column in (*columns, "std.all.se"):
            if column not in wanted:
                continue
            where = (wanted["lhs"], wanted["op"], wanted["rhs"], wanted.get("group"), column)
            assert close(ours[column], wanted[column], 1e-4 * unit), where
        assert bool(ours["free"]) == bool(wanted["free"]), wanted
        if (wanted["label"] or "").startswith(".p"):
            assert ours["label"] == wanted["label"]


@pytest.mark.parametrize("name", [name for name in MODELS if "implied" in case(name)])
def test_implied_moments_agree_with_lavaan(fits, name):
    theirs, ours = case(name)["implied"], fits(name).implied_moments[0]
    np.testing.assert_allclose(ours.sigma, matrix(theirs["cov"]), rtol=1e-4, atol=1e-4)
    if theirs.get("mean") is not None:
        means = np.array([theirs["mean"][name] for name in fits(name).moments.names])
        np.testing.assert_allclose(ours.mu, means, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", [name for name in MODELS if "sample_stats" in case(name)])
def test_saturated_moments_agree_with_lavaan(fits, name):
    theirs, ours = case(name)["sample_stats"], fits(name).moments.sample[0]
    np.testing.assert_allclose(ours.sigma, matrix(theirs["cov"]), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in MODELS if "residuals" in case(name)])
def test_residuals_agree_with_lavaan(fits, name):
    theirs = case(name)["residuals"]
    for kind, key in (("raw", "raw"), ("cor.bentler", "cor_bentler")):
        wanted = matrix(theirs[key]["cov"])
        ours = measure.residuals(fits(name), kind=kind).loc[wanted.index, wanted.columns]
        np.testing.assert_allclose(ours, wanted, atol=1e-4)


def test_every_continuous_case_is_compared():
    assert len(MODELS) == 71
    assert len(STEPS) == 26
