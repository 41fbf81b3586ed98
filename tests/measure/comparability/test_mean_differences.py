"""Differences of latent means."""

import warnings

import numpy as np
import pandas as pd
import pytest

import measure
from measure.comparability.latent_moments import Latent
from measure.comparability.mean_differences import _pooled
from measure.errors import IdentificationError, ListwiseWarning, OptionError
from tests.reference_cases import case, data

HS = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
ORDINAL = "textual =~ o4 + o5 + o6\nspeed =~ o7 + o8 + o9"
LEAD = "lead =~ LEAD01 + LEAD02 + LEAD03 + LEAD04"
SCALAR = {"group": "school", "group_equal": ["loadings", "intercepts"]}
ANSWERS = {"group": "school", "group_equal": ["loadings", "thresholds"], "ordered": True}


def _soldiers():
    frame = data("lq2002.csv")
    return frame.assign(half=frame["COMPID"] % 2)


FITS = {
    "ml": lambda: measure.cfa(HS, data("hs39.csv"), **SCALAR),
    "partial": lambda: measure.cfa(
        HS, data("hs39.csv"), **SCALAR, group_partial=["x3 ~1", "x7 ~1"]
    ),
    "mlr": lambda: measure.cfa(HS, data("hs39.csv"), **SCALAR, estimator="MLR"),
    "fiml": lambda: measure.cfa(
        HS, data("hs39_mcar.csv"), **SCALAR, estimator="MLR", missing="fiml"
    ),
    "wlsmv_delta": lambda: measure.cfa(ORDINAL, _ordered(), **ANSWERS),
    "wlsmv_theta": lambda: measure.cfa(ORDINAL, _ordered(), **ANSWERS, parameterization="theta"),
    "clustered": lambda: measure.cfa(
        LEAD,
        _soldiers(),
        group="half",
        group_equal=["loadings", "intercepts"],
        estimator="MLR",
        cluster="COMPID",
    ),
}


def _ordered():
    return data("hs39_ordered4.csv")


@pytest.mark.parametrize("name", FITS)
def test_differences_and_effect_sizes_agree_with_lavaan(name):
    theirs = case("latent_means")[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ListwiseWarning)
        fit = FITS[name]()
    assert [str(label) for label in fit.moments.groups] == [str(g) for g in theirs["groups"]]
    found = measure.latent_means(fit).table.set_index("factor")
    assert set(found.index) == set(theirs["factors"])
    for factor, values in theirs["factors"].items():
        row = found.loc[factor]
        for key, column, se in (
            ("difference", "difference", "se"),
            ("d", "d", "d.se"),
            ("glass", "glass", "glass.se"),
        ):
            assert row[column] == pytest.approx(values[key]["est"], abs=1e-4)
            assert row[se] == pytest.approx(values[key]["se"], rel=1e-3, abs=1e-5)


@pytest.fixture(scope="module")
def three():
    """Three groups that differ by .5 and -.3 in units of the first."""
    rng = np.random.default_rng(11)
    n = np.array([300, 200, 250])
    group = np.repeat(["a", "b", "c"], n)
    f = np.repeat([0.0, 0.5, -0.3], n) + np.repeat([1.0, 1.3, 0.8], n) * rng.normal(size=n.sum())
    loadings, shift = np.array([0.8, 1.0, 1.2, 0.9]), np.array([0.1, 0.2, -0.1, 0.0])
    x = shift + f[:, None] * loadings + rng.normal(size=(n.sum(), 4)) * 0.7
    return pd.DataFrame(x, columns=["x1", "x2", "x3", "x4"]).assign(g=group)


TEXT = "f =~ x1 + x2 + x3 + x4"
EQUAL = ["loadings", "intercepts"]


def test_all_pairs_stand_in_the_table_and_add_up(three):
    fit = measure.cfa(TEXT, three, group="g", group_equal=EQUAL, std_lv=True)
    found = measure.latent_means(fit)
    table = found.table.set_index(["group", "reference"])
    assert list(table.index) == [("b", "a"), ("c", "a"), ("c", "b")]
    step = table.loc[("c", "a"), "difference"] - table.loc[("b", "a"), "difference"]
    assert table.loc[("c", "b"), "difference"] == pytest.approx(step, abs=1e-10)
    # One unit for all pairs, so that these add up too.
    step = table.loc[("c", "a"), "glass"] - table.loc[("b", "a"), "glass"]
    assert table.loc[("c", "b"), "glass"] == pytest.approx(step, abs=1e-10)
    assert table["glass"].to_list()[:2] == pytest.approx([0.5, -0.3], abs=0.2)
    assert (table["anchors"] == 4).all()
    assert table["n"].to_list() == [200, 250, 250]
    assert found.means.set_index("group").loc["a", "mean"] == 0.0
    assert "pvalue.holm" in repr(found)
    assert "pvalue.holm" in found._repr_html_()


def test_holm_counts_the_pairs_of_a_factor(three):
    table = measure.latent_means(measure.cfa(TEXT, three, group="g", group_equal=EQUAL)).table
    ordered = table.sort_values("pvalue")
    expected = np.minimum(np.maximum.accumulate(ordered["pvalue"] * [3, 2, 1]), 1)
    np.testing.assert_allclose(ordered["pvalue.holm"], expected)


def test_another_reference_turns_the_signs_and_gives_the_unit(three):
    fit = measure.cfa(TEXT, three, group="g", group_equal=EQUAL)
    first, other = measure.latent_means(fit), measure.latent_means(fit, reference="c")
    assert list(zip(other.table["group"], other.table["reference"], strict=True)) == [
        ("a", "c"), ("b", "c"), ("b", "a"),
    ]  # fmt: skip
    assert other.table.loc[0, "d"] == pytest.approx(-first.table.loc[1, "d"], abs=1e-12)
    sd = other.means.set_index("group")["sd"]
    assert other.table.loc[2, "glass"] == pytest.approx(
        first.table.loc[0, "difference"] / sd["c"], abs=1e-12
    )


def test_effect_sizes_do_not_depend_on_how_the_factor_is_scaled(three):
    marker = measure.latent_means(measure.cfa(TEXT, three, group="g", group_equal=EQUAL)).table
    unit = measure.latent_means(
        measure.cfa(TEXT, three, group="g", group_equal=EQUAL, std_lv=True)
    ).table
    for column in ("d", "d.se", "glass", "glass.se"):
        np.testing.assert_allclose(marker[column], unit[column], atol=1e-5)


@pytest.mark.parametrize("options", [{}, {"std_lv": True}, {"estimator": "MLR"}])
def test_derivatives_agree_with_finite_differences(three, options):
    fit = measure.cfa(TEXT, three, group="g", group_equal=EQUAL, **options)
    basis = fit.model.tangent(fit.params)

    def quantities(params):
        states = fit.model.states(params)
        m = [float(s.eta_mean[0]) for s in states]
        v = [float(s.covariance[0, 0]) for s in states]
        pooled = (300 * v[0] + 200 * v[1]) / 500
        return np.array([m[1] - m[0], (m[1] - m[0]) / np.sqrt(pooled), (m[1] - m[0]) / v[0] ** 0.5])

    latent = Latent(fit)
    (m0, g0), (m1, g1) = (latent.mean("f", k) for k in (0, 1))
    effects = [(1.0, np.zeros_like(g0)), _pooled(latent, "f", (0, 1)), latent.variance("f", 0)]
    analytic = np.array(
        [(g1 - g0) / v**0.5 - (m1 - m0) / (2 * v**1.5) * slope for v, slope in effects]
    )
    step, params = 1e-6, fit.params
    numeric = np.column_stack(
        [
            (quantities(params + step * e) - quantities(params - step * e)) / (2 * step)
            for e in np.eye(len(params))
        ]
    )
    expand = np.eye(len(params)) if fit.model.reduction.basis is None else fit.model.reduction.basis
    assert basis.shape == expand.shape
    np.testing.assert_allclose(analytic @ expand, numeric, atol=1e-7)


def test_intervals_hold_the_truth():
    """95 % intervals of d over 200 samples with d = .4 hold it in 95 % of them, give or take."""
    rng = np.random.default_rng(7)
    inside = 0
    for _ in range(200):
        group = np.repeat(["a", "b"], 150)
        f = (group == "b") * 0.4 + rng.normal(size=300)
        x = f[:, None] + rng.normal(size=(300, 3)) * 0.8
        frame = pd.DataFrame(x, columns=["x1", "x2", "x3"]).assign(g=group)
        fit = measure.cfa("f =~ x1 + x2 + x3", frame, group="g", group_equal=EQUAL)
        row = measure.latent_means(fit).table.iloc[0]
        inside += row["d.ci.lower"] < 0.4 < row["d.ci.upper"]
    # A 99.9 % range of the binomial around 190.
    assert 179 <= inside <= 198


def test_anchors_are_counted_by_what_the_model_keeps_equal(three):
    fit = measure.cfa(
        TEXT, three, group="g", group_equal=EQUAL, group_partial=["x3 ~1", "f =~ x4"], std_lv=True
    )
    found = measure.latent_means(fit)
    assert (found.table["anchors"] == 2).all()
    assert not found.notes
    alone = measure.cfa(
        TEXT, three, group="g", group_equal=EQUAL, group_partial=["x2 ~1", "x3 ~1", "x4 ~1"]
    )
    assert "one indicator alone" in measure.latent_means(alone).notes[0]


def test_means_that_the_model_fixes_are_refused(three):
    for equal in ((), ["loadings"]):
        fit = measure.cfa(TEXT, three, group="g", group_equal=equal, meanstructure=True)
        with pytest.raises(IdentificationError, match="fixes the latent means"):
            measure.latent_means(fit)
    equal = [*EQUAL, "means"]
    with pytest.raises(IdentificationError, match="fixes the latent means"):
        measure.latent_means(measure.cfa(TEXT, three, group="g", group_equal=equal))


def test_means_without_a_common_origin_are_refused(three):
    # Each group has an origin of its own: another item's intercept is 0.
    text = f"{TEXT}\nx1 ~ c(0, NA, NA)*1\nx2 ~ c(NA, 0, 0)*1\nf ~ c(NA, NA, NA)*1"
    fit = measure.cfa(text, three, group="g", group_equal=["loadings"])
    found = measure.latent_means(fit)
    table = found.table.set_index(["group", "reference"])
    # The last two groups share theirs.
    assert np.isfinite(table.loc[("c", "b"), "d"])
    assert table.loc[("b", "a")].drop(["factor", "n", "n.reference", "anchors"]).isna().all()
    assert "no common origin" in found.notes[0]
    two = three[three["g"] != "c"]
    text = f"{TEXT}\nx1 ~ c(0, NA)*1\nx2 ~ c(NA, 0)*1\nf ~ c(NA, NA)*1"
    with pytest.raises(IdentificationError, match="common origin"):
        measure.latent_means(measure.cfa(text, two, group="g", group_equal=["loadings"]))


def test_one_group_and_an_unknown_reference_are_refused(three):
    with pytest.raises(OptionError, match="one group only"):
        measure.latent_means(measure.cfa(TEXT, three))
    fit = measure.cfa(TEXT, three, group="g", group_equal=EQUAL)
    with pytest.raises(OptionError, match="no group of the fit"):
        measure.latent_means(fit, reference="d")


def test_a_second_order_factor_is_compared_through_its_factors():
    frame = data("hs39.csv")
    text = f"{HS}\ng =~ visual + textual + speed\nvisual + textual + speed ~ 0*1"
    fit = measure.cfa(text, frame, **SCALAR)
    table = measure.latent_means(fit).table.set_index("factor")
    assert table.loc["g", "anchors"] == 3
    assert np.isfinite(table.loc["g", "d.se"])


def test_a_composite_is_the_sum_of_standardised_factors():
    """The same sum is defined in lavaan's way, in the text of the model."""
    frame = data("hs39.csv")
    lines = [HS]
    for f in ("visual", "textual", "speed"):
        lines += [f"{f} ~~ c(v1.{f}, v2.{f})*{f}", f"{f} ~ c(0, NA)*1 + c(m1.{f}, m2.{f})*1"]
    pairs = (("visual", "textual"), ("visual", "speed"), ("textual", "speed"))
    for a, b in pairs:
        lines.append(f"{a} ~~ c(c1.{a}.{b}, c2.{a}.{b})*{b}")
    mean = "+".join(f"m2.{f}/sqrt(v1.{f})" for f in ("visual", "textual", "speed"))

    def variance(g):
        own = "+".join(f"v{g}.{f}/v1.{f}" for f in ("visual", "textual", "speed"))
        crossed = "+".join(f"2*c{g}.{a}.{b}/sqrt(v1.{a}*v1.{b})" for a, b in pairs)
        return f"({own}+{crossed})"

    lines.append(f"d := ({mean})/sqrt((156*{variance(1)} + 145*{variance(2)})/301)")
    theirs = measure.cfa("\n".join(lines), frame, **SCALAR, estimator="MLR").parameters
    theirs = theirs[theirs["op"] == ":="].iloc[0]
    fit = measure.cfa(HS, frame, **SCALAR, estimator="MLR")
    found = measure.latent_means(fit, composites={"total": ["visual", "textual", "speed"]})
    row = found.table.set_index("factor").loc["total"]
    assert row["d"] == pytest.approx(theirs["est"], abs=1e-6)
    assert row["d.se"] == pytest.approx(theirs["se"], abs=1e-6)
    assert row["anchors"] == 3


def test_a_composite_of_what_is_not_there_is_refused(three):
    fit = measure.cfa(TEXT, three, group="g", group_equal=EQUAL)
    with pytest.raises(OptionError, match='composite "t" is to be made of q'):
        measure.latent_means(fit, composites={"t": ["q"]})
    with pytest.raises(OptionError, match="name of a factor"):
        measure.latent_means(fit, composites={"f": ["f"]})
