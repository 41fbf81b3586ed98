"""Variance components against lme4 and lmerTest, and what must hold for any data."""

import re
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2, multivariate_normal

import measure
from measure.errors import DataError, OptionError
from measure.levels.mixed import design as designs
from measure.levels.mixed.design import Design
from measure.levels.mixed.likelihood import Likelihood
from measure.levels.mixed.quantities import Covariance, Residual, Share
from measure.levels.mixed.regions import Region
from measure.levels.mixed.search import solve
from measure.levels.mixed.terms import model_of, rows_of
from tests.measure.ledger import MIXED, MIXED_TESTS
from tests.reference_cases import case, data

UNITS = data("units.csv")


def asked(reference):
    """Read an lme4 formula: "a / b" is nested, "a:b" a level by itself."""
    value, right = reference["model"].split(" ~ ")
    levels, crossed, slopes = [], [], {}
    for left, group in re.findall(r"\((.*?) \| (.*?)\)", right):
        if " / " in group or (":" not in group and not levels):
            levels = group.split(" / ")
        else:
            crossed.append(group.split(":"))
        if " + " in left:
            slopes[group] = left.split(" + ")[1:]
    fixed = [term.strip() for term in re.sub(r"\(.*?\)", "", right).split("+")]
    return value, {
        "levels": levels,
        "crossed": crossed,
        "slopes": slopes,
        "fixed": [term for term in fixed if term not in ("", "1")],
    }


def named(group, own):
    """Give our name of lme4's group, whose nested ones are called "unit:organisation"."""
    return group if group in set(own["level"]) else group.split(":")[0]


@cache
def found(name):
    reference = case(name)
    value, options = asked(reference)
    method = "REML" if reference["options"]["REML"] else "ML"
    wanted = "profile" if "profile_ci95" in reference["results"] else "none"
    return measure.variance_components(
        data(reference["data"]), value, method=method, intervals=wanted, **options
    )


@pytest.mark.parametrize("name", MIXED)
def test_reference(name):
    results, own = case(name)["results"], found(name)
    own_fixed = own.fixed
    expected = pd.DataFrame(results["fixed"])
    np.testing.assert_allclose(own_fixed["estimate"], expected["est"], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(own_fixed["se"], expected["se"], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(own_fixed["t"], expected["t"], rtol=1e-5, atol=1e-5)
    if "df" in expected:
        # lmerTest differentiates numerically, twice.
        np.testing.assert_allclose(own_fixed["df"], expected["df"], rtol=2e-3)
    assert own.loglik == pytest.approx(results["loglik"], rel=1e-8)
    if "deviance" in results:
        assert -2 * own.loglik == pytest.approx(results["deviance"], rel=1e-8)
        n_par = len(own.components) + len(own.fixed)
        assert 2 * n_par - 2 * own.loglik == pytest.approx(results["aic"], rel=1e-8)
        bic = np.log(own.n_obs) * n_par - 2 * own.loglik
        assert bic == pytest.approx(results["bic"], rel=1e-8)
    for row in results["random"]:
        level = named(row["group"], own.components)
        one = row["var1"] or ""
        other = row["var2"] or one
        rows = own.components[own.components["level"] == level]
        pairs = [{a, b} for a, b in zip(rows["effect"], rows["other"], strict=True)]
        estimate = rows["estimate"].iloc[pairs.index({one, other})]
        assert estimate == pytest.approx(row["value"], rel=1e-4, abs=1e-6), level
    sizes = own.components.set_index("level")["n_units"]
    for group, n_units in results["n_groups"].items():
        assert np.all(sizes.loc[named(group, own.components)] == n_units)


@pytest.mark.parametrize("name", [name for name in MIXED if "icc" in case(name)["results"]])
def test_reference_shares(name):
    results, own = case(name)["results"], found(name).components
    total = own.loc[own["effect"] == own["other"], "estimate"].sum()
    for group, share in results["icc"].items():
        row = own[own["level"] == named(group, own)].iloc[0]
        assert row["estimate"] / total == pytest.approx(share, abs=1e-5)
        if own["share"].notna().any():
            assert row["share"] == pytest.approx(share, abs=1e-5)


@pytest.mark.parametrize("name", MIXED)
def test_reference_effects(name):
    results, own = case(name)["results"], found(name).effects
    for group, table in (results.get("blups") or results["blups_first5"]).items():
        rows = own[own["level"] == named(group, own)]
        # Numbers stand beside missing values there, as floats.
        parts = [rows[x].astype(str).str.removesuffix(".0") for x in group.split(":")]
        labels = parts[0].str.cat(parts[1:], sep=":")
        for place, effect in enumerate(table["cols"]):
            mine = rows["effect"] == effect
            values = pd.Series(rows.loc[mine, "estimate"].to_numpy(), index=labels[mine])
            wanted = [row[place] for row in table["values"]]
            np.testing.assert_allclose(values.loc[table["rows"]], wanted, rtol=1e-4, atol=2e-5)


PROFILED = [name for name in MIXED if "profile_ci95" in case(name)["results"]]


@pytest.mark.parametrize("name", PROFILED)
def test_reference_profiles(name):
    reference = case(name)
    own = found(name)
    if reference["options"]["REML"]:
        # lme4 profiles the likelihood, not the restricted one.
        value, options = asked(reference)
        own = measure.variance_components(data(reference["data"]), value, method="ML", **options)
    parts = own.components.set_index("level")
    fixed = own.fixed.set_index("term")
    for row in reference["results"]["profile_ci95"]:
        term = row["parameter"].replace("roleleader", "role[leader]")
        if term == "sigma":
            ends = np.sqrt(parts.loc["Residual", ["ci.lower", "ci.upper"]].to_numpy(dtype=float))
        elif term.startswith("sd_"):
            level = parts.loc[named(term.split("|")[1], own.components)]
            ends = np.sqrt(level[["ci.lower", "ci.upper"]].to_numpy(dtype=float))
        else:
            ends = fixed.loc[term, ["ci.lower", "ci.upper"]].to_numpy(dtype=float)
        np.testing.assert_allclose(ends, [row["lower"], row["upper"]], rtol=1e-3, atol=1e-4)


def test_reference_tests():
    (name,) = MIXED_TESTS
    results = case(name)["results"]
    own = measure.variance_components(
        UNITS,
        "score",
        levels=["organisation", "unit"],
        crossed=["profession"],
        fixed="x",
        intervals="none",
    ).tests.set_index("level")
    for level, chisq in results["chisq"].items():
        assert own.loc[level, "chisq"] == pytest.approx(chisq, abs=1e-4)
        assert own.loc[level, "pvalue"] == pytest.approx(results["pvalue"][level], rel=1e-3)
    slope = found("mixed_units_crossed_slope_reml").tests.set_index("level").loc["profession"]
    assert (slope["effect"], slope["df"]) == ("x", "1:2")
    assert slope["chisq"] == pytest.approx(results["slope"], abs=1e-4)
    assert slope["pvalue"] == pytest.approx(results["slope_pvalue"], abs=1e-4)


def dense(own, random, y):
    """Covariance matrix of all rows, and design and covariance matrix of the effects of a level."""
    parts = own.components
    V = parts["estimate"].iloc[-1] * np.eye(len(y))
    blocks = []
    for level, (codes, Z) in random.items():
        rows = parts[parts["level"] == level]
        names = list(dict.fromkeys(rows["effect"]))
        psi = np.zeros((len(names), len(names)))
        for row in rows.itertuples(index=False):
            i, j = names.index(row[1]), names.index(row[2])
            psi[i, j] = psi[j, i] = row.estimate
        units = codes.max() + 1
        wide = (np.eye(units)[codes][:, :, None] * Z[:, None, :]).reshape(len(y), -1)
        big = np.kron(np.eye(units), psi)
        blocks.append((wide, big))
        V = V + wide @ big @ wide.T
    return V, blocks


@pytest.mark.parametrize("crossed", [False, True])
@pytest.mark.parametrize("method", ["ML", "REML"])
def test_by_matrices_of_all_rows(crossed, method):
    frame = UNITS.iloc[:150].copy()
    own = measure.variance_components(
        frame,
        "score",
        levels=["organisation", "unit"],
        crossed=["profession"] if crossed else [],
        slopes={"unit": "x"},
        fixed="x",
        method=method,
        intervals="none",
    )
    one, x = np.ones((len(frame), 1)), frame[["x"]].to_numpy()
    codes = {
        "organisation": pd.factorize(frame["organisation"])[0],
        "unit": pd.factorize(frame["organisation"] + frame["unit"])[0],
        "profession": pd.factorize(frame["profession"])[0],
    }
    random = {"organisation": (codes["organisation"], one), "unit": (codes["unit"], np.c_[one, x])}
    if crossed:
        random["profession"] = (codes["profession"], one)
    X, y = np.c_[one, x], frame["score"].to_numpy()
    V, blocks = dense(own, random, y)
    inverse = np.linalg.inv(V)
    information = X.T @ inverse @ X
    b = np.linalg.solve(information, X.T @ inverse @ y)
    np.testing.assert_allclose(own.fixed["estimate"], b, rtol=1e-6)
    np.testing.assert_allclose(own.fixed["se"] ** 2, np.diag(np.linalg.inv(information)), rtol=1e-6)
    loglik = multivariate_normal(X @ b, V).logpdf(y)
    if method == "REML":
        loglik -= np.linalg.slogdet(information)[1] / 2 - np.log(2 * np.pi)
    assert own.loglik == pytest.approx(loglik, rel=1e-9)
    P = inverse - inverse @ X @ np.linalg.solve(information, X.T @ inverse)
    for level, (wide, big) in zip(random, blocks, strict=True):
        rows = own.effects[own.effects["level"] == level]
        k = len(big) // (random[level][0].max() + 1)
        values = (big @ wide.T @ P @ y).reshape(-1, k)
        errors = np.diag(big - big @ wide.T @ P @ wide @ big).reshape(-1, k)
        for effect, (name, part) in enumerate(rows.groupby("effect", sort=False)):
            assert name == ("(Intercept)", "x")[effect]
            np.testing.assert_allclose(part["estimate"], values[:, effect], atol=1e-8)
            np.testing.assert_allclose(part["se"] ** 2, errors[:, effect], atol=1e-8)


DESIGNS = {
    "nested": {"levels": ["organisation", "unit"]},
    "slopes": {"levels": ["organisation", "unit"], "slopes": {"unit": "x", "organisation": "x"}},
    "crossed": {"levels": ["organisation", "unit"], "crossed": ["profession"]},
    "crossed slopes": {
        "levels": ["unit"],
        "crossed": ["profession", ("organisation", "role")],
        "slopes": {"profession": "x"},
    },
}


def likelihood(kind, restricted):
    options = {"crossed": (), "slopes": None, "fixed": ("x", "role"), **DESIGNS[kind]}
    rows = rows_of(UNITS, model_of("score", **options))
    return Likelihood(Design(rows.terms, rows.X, rows.y), restricted)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("restricted", [False, True])
@pytest.mark.parametrize("kind", DESIGNS)
def test_gradients(kind, restricted, sparse, monkeypatch):
    if sparse:
        monkeypatch.setattr(designs, "DENSE", 0)
    function = likelihood(kind, restricted)
    rng = np.random.default_rng(5)
    entries = rng.normal(0.4, 0.2, size=len(function.places))
    near = function.at(entries)
    steps = 1e-5 * np.eye(len(entries))
    numeric = [
        (function.at(entries + h).value - function.at(entries - h).value) / 2e-5 for h in steps
    ]
    np.testing.assert_allclose(near.slope, numeric, atol=1e-9)
    assert near.joint(1.1 * near.sigma)[0] > near.deviance
    numeric = [
        (function.at(entries + h).joint(0.8)[0] - function.at(entries - h).joint(0.8)[0]) / 2e-5
        for h in steps
    ]
    np.testing.assert_allclose(near.joint(0.8)[1][:-1], numeric, rtol=1e-5, atol=1e-4)
    numeric = (near.joint(0.80001)[0] - near.joint(0.79999)[0]) / 2e-5
    assert near.joint(0.8)[1][-1] == pytest.approx(numeric, rel=1e-6)
    assert near.joint(near.sigma)[0] == pytest.approx(near.deviance)


def balanced(seed=1, n_units=12, size=8, spread=0.6):
    rng = np.random.default_rng(seed)
    unit = np.repeat(np.arange(n_units), size)
    return pd.DataFrame(
        {"unit": unit, "y": spread * rng.normal(size=n_units)[unit] + rng.normal(size=len(unit))}
    )


def test_balanced_data_by_analysis_of_variance():
    frame = balanced()
    own = measure.variance_components(frame, "y", levels="unit")
    row = measure.icc(frame, "y", cluster="unit").loc["y"]
    between, within = own.components["estimate"]
    assert within == pytest.approx(row["ms_within"], rel=1e-7)
    assert between == pytest.approx((row["ms_between"] - row["ms_within"]) / 8, rel=1e-6)
    assert own.components["share"][0] == pytest.approx(row["icc1"], rel=1e-6)
    # Searle, Casella & McCulloch (1992), section 3.6: variances of the estimates.
    se_within = np.sqrt(2 * within**2 / 84)
    se_between = np.sqrt(2 / 64 * (row["ms_between"] ** 2 / 11 + row["ms_within"] ** 2 / 84))
    np.testing.assert_allclose(own.components["se"], [se_between, se_within], rtol=1e-5)
    # The mean of all varies with as many degrees of freedom as there are units less one.
    assert own.fixed["df"][0] == pytest.approx(11, rel=1e-5)
    assert own.fixed["se"][0] == pytest.approx(np.sqrt(row["ms_between"] / 96), rel=1e-7)


def test_ends_of_a_profile():
    frame = balanced(2)
    own = measure.variance_components(frame, "y", levels="unit", method="ML")
    y, unit = frame["y"].to_numpy(), frame["unit"].to_numpy()

    def best(tau2):
        from scipy.optimize import minimize_scalar

        def deviance(log_sigma2):
            V = tau2 * (unit[:, None] == unit) + np.exp(log_sigma2) * np.eye(len(y))
            inverse = np.linalg.inv(V)
            mean = inverse.sum(axis=0) @ y / inverse.sum()
            return np.linalg.slogdet(V)[1] + (y - mean) @ inverse @ (y - mean)

        return minimize_scalar(deviance, bounds=(-2, 2), method="bounded").fun

    lowest = best(own.components["estimate"][0])
    for end in ("ci.lower", "ci.upper"):
        above = best(own.components[end][0]) - lowest
        assert above == pytest.approx(chi2.ppf(0.95, 1), abs=1e-3)
    # With one level the share is a function of the ratio of the variances alone.
    inside = own.components.loc[0, ["share.ci.lower", "share", "share.ci.upper"]].tolist()
    assert 0 < inside[0] < inside[1] < inside[2] < 1
    rest = own.components.loc[1, ["share.ci.upper", "share", "share.ci.lower"]].tolist()
    np.testing.assert_allclose(1 - np.array(rest), inside, atol=1e-5)


def test_intervals_hold_all_that_the_likelihood_allows():
    function = likelihood("crossed", True)
    region = Region(solve(function.design, restricted=True), 0.95)
    parts = [Covariance(function, t, 0, 0) for t in range(3)] + [Residual(function)]
    of_units = Share((parts[1],), (parts[0], *parts[2:]))
    quantities = [*parts, of_units, Share(tuple(parts[:2]), tuple(parts[2:]))]
    intervals = np.array([region.interval(quantity) for quantity in quantities])
    rng = np.random.default_rng(9)
    axes = np.linalg.cholesky(region.covariance)
    inside = []
    for point in region.centre + rng.normal(scale=1.2, size=(500, 4)) @ axes.T:
        if point[-1] > 0 and region._above(point)[0] <= region.limit:
            inside.append([quantity.at(point[:-1], point[-1])[0] for quantity in quantities])
    assert len(inside) > 120
    reach = intervals[:, 1] - intervals[:, 0]
    assert (np.min(inside, axis=0) >= intervals[:, 0] - 1e-6 * reach).all()
    assert (np.max(inside, axis=0) <= intervals[:, 1] + 1e-6 * reach).all()
    # Random points come more than halfway from end to end.
    assert (np.ptp(inside, axis=0) > 0.55 * reach).all()


def test_no_variance_between_units():
    frame = pd.DataFrame({"y": [1.0, 3.0, 5.0] * 6, "unit": np.repeat(list("abcdef"), 3)})
    own = measure.variance_components(frame, "y", levels="unit")
    row = own.components.iloc[0]
    assert row["estimate"] == row["ci.lower"] == row["share"] == 0
    assert 0 < row["ci.upper"] < 5
    assert np.isnan(row["se"])
    assert own.tests.loc[0, ["chisq", "pvalue"]].tolist() == [0.0, 1.0]
    assert (own.effects["estimate"] == 0).all()
    assert 'The variance of "unit" is estimated as 0' in own.notes[0]
    # Without units there is the ordinary regression.
    assert own.fixed["estimate"][0] == pytest.approx(3.0)
    assert own.fixed["se"][0] == pytest.approx(np.std(frame["y"], ddof=1) / np.sqrt(18))


def test_the_order_of_rows_and_the_metric_do_not_matter():
    own = found("mixed_units_crossed_reml")
    moved = UNITS.sample(frac=1, random_state=3).assign(score=lambda rows: 7 - 10 * rows["score"])
    turned = measure.variance_components(
        moved,
        "score",
        levels=["organisation", "unit"],
        crossed=["profession"],
        fixed="x",
        intervals="none",
    )
    np.testing.assert_allclose(
        turned.components["estimate"], 100 * own.components["estimate"], rtol=1e-5
    )
    np.testing.assert_allclose(turned.components["share"], own.components["share"], rtol=1e-5)
    np.testing.assert_allclose(turned.fixed["df"], own.fixed["df"], rtol=1e-4)
    keys = ["level", "organisation", "unit", "profession"]
    both = own.effects.merge(turned.effects, on=keys, suffixes=("", ".turned"))
    assert len(both) == len(own.effects)
    np.testing.assert_allclose(both["estimate.turned"], -10 * both["estimate"], atol=1e-4)


def test_ids_that_repeat_are_units_of_their_own():
    own = measure.variance_components(
        UNITS, "score", levels=["organisation", "unit"], intervals="none"
    )
    assert own.notes[0].startswith('6 of 6 values of "unit" are found in more than one')
    apart = UNITS.assign(unit=UNITS["organisation"] + UNITS["unit"])
    other = measure.variance_components(
        apart, "score", levels=["organisation", "unit"], intervals="none"
    )
    assert not other.notes
    assert other.loglik == pytest.approx(own.loglik)


def test_missing_values_are_counted():
    frame = UNITS.copy()
    frame.loc[0, "score"] = np.nan
    frame.loc[1, "organisation"] = None
    frame.loc[2, "x"] = np.nan
    own = measure.variance_components(frame, "score", levels="organisation", fixed="x")
    assert (own.n_obs, own.n_dropped) == (len(UNITS) - 3, 3)
    assert "rows left out" in repr(own)
    assert "<table" in own._repr_html_()


def test_bootstrap():
    options = {"levels": "unit", "intervals": "bootstrap", "n": 60, "seed": 4}
    own = measure.variance_components(balanced(), "y", **options)
    profile = measure.variance_components(balanced(), "y", levels="unit")
    for table in ("components", "fixed"):
        drawn, exact = getattr(own, table), getattr(profile, table)
        assert (drawn["ci.lower"] < exact["estimate"]).all()
        assert (exact["estimate"] < drawn["ci.upper"]).all()
        width = (drawn["ci.upper"] - drawn["ci.lower"]) / (exact["ci.upper"] - exact["ci.lower"])
        assert width.between(0.5, 1.5).all()
    assert "60 samples" in own.notes[-1]


REFUSED = [
    ({"levels": []}, OptionError, "no level is given"),
    ({"levels": ["unit", "unit"]}, OptionError, "a level is named twice among unit, unit"),
    ({"levels": "score"}, OptionError, '"score" is the response'),
    ({"slopes": {"team": "x"}}, OptionError, 'slopes names the level "team"'),
    ({"method": "MINQUE"}, OptionError, "unknown method 'MINQUE'"),
    ({"intervals": "wald"}, OptionError, "unknown intervals 'wald'"),
    ({"intervals": "bootstrap"}, OptionError, "a bootstrap needs a seed"),
    ({"levels": "team"}, DataError, 'the data have no column "team"'),
    ({"levels": "one"}, DataError, 'all rows lie in one "one"'),
    ({"levels": "person"}, DataError, 'every "person" has one row'),
    ({"crossed": ["copy"]}, DataError, '"organisation" and "copy" divide the rows alike'),
    ({"fixed": ["x", "twice"]}, DataError, 'the fixed effect "twice" follows from those before'),
    ({"fixed": "one"}, DataError, "one"),
    ({"fixed": "word"}, DataError, 'the fixed effect "word" has one value'),
    ({"slopes": {"organisation": "role"}}, DataError, '"role" holds text'),
]


@pytest.mark.parametrize(("options", "error", "message"), REFUSED)
def test_refusals(options, error, message):
    frame = UNITS.assign(
        one=1,
        word="a",
        person=range(len(UNITS)),
        copy=UNITS["organisation"].str.upper(),
        twice=2 * UNITS["x"] + 1,
    )
    with pytest.raises(error, match=re.escape(message)):
        measure.variance_components(frame, "score", **{"levels": "organisation", **options})


def test_a_value_of_the_units_is_refused():
    frame = UNITS.assign(score=pd.factorize(UNITS["organisation"])[0] * 1.0)
    with pytest.raises(DataError, match="does not vary among rows of the same units"):
        measure.variance_components(frame, "score", levels="organisation")


def test_too_many_crossed_effects_are_refused(monkeypatch):
    monkeypatch.setattr(designs, "MOST_CROSSED", 5)
    with pytest.raises(DataError, match=r'"profession" cut across the other levels with 6 effects'):
        measure.variance_components(UNITS, "score", levels="organisation", crossed=["profession"])


def test_a_slope_without_a_mean_is_noted():
    own = measure.variance_components(
        UNITS, "score", levels="organisation", slopes={"organisation": "x"}, intervals="none"
    )
    assert any('"x" has slopes that vary, but no fixed effect' in note for note in own.notes)
    assert own.components["share"].isna().all()
