import re

import numpy as np
import pandas as pd
import pytest

import measure
from measure.consistency.composites import composite_reliability
from measure.consistency.general_indices import bifactor_indices
from measure.consistency.general_structure import Structure
from measure.errors import ImproperSolutionWarning, OptionError
from measure.model.states import state_at
from tests.measure.ledger import BIFACTOR, BIFACTOR_ORDINAL, SECOND_ORDER, unaccounted
from tests.reference_cases import case, data, matrix

HS39, ORDERED = data("hs39.csv"), data("hs39_ordered4.csv")
THREE = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
SECOND = THREE + "\ng =~ visual + textual + speed"
IN_CATEGORIES = SECOND.replace("x1", "o1").replace("x2", "o2").replace("x3", "o3")
for digit in "456789":
    IN_CATEGORIES = IN_CATEGORIES.replace(f"x{digit}", f"o{digit}")


def fitted(reference):
    options = reference["options"]
    frame = data(reference["data"])
    items = [name for name in frame if name in set(re.findall(r"[A-Z]\d", reference["model"]))]
    return measure.cfa(
        reference["model"],
        frame[items].dropna(),
        estimator=options["estimator"],
        ordered=options.get("ordered", ()),
        std_lv=True,
        orthogonal=True,
    )


def indexed(found):
    return found.table.set_index(["factor", "coefficient"])


@pytest.fixture(scope="module")
def bifactor():
    (name,) = BIFACTOR
    return case(name), fitted(case(name))


def test_reference(bifactor):
    reference, fit = bifactor
    expected = reference["results"]
    found = bifactor_indices(fit)
    table = indexed(found)
    defined = {row["name"]: row for row in expected["defined"]}
    for name, key in {
        "omega_t": ("g", "omega_t"),
        "omega_h": ("g", "omega_h"),
        "omega_t.a": ("a", "omega_t"),
        "omega_h.a": ("a", "omega_h"),
        "ecv": ("g", "ecv"),
        "h": ("g", "h"),
    }.items():
        assert table.loc[key, "est"] == pytest.approx(defined[name]["est"], abs=1e-5)
        assert table.loc[key, "se"] == pytest.approx(defined[name]["se"], abs=1e-4)
    loadings = matrix(expected["loadings"])
    np.testing.assert_allclose(found.loadings, loadings.loc[found.loadings.index], atol=1e-4)
    # semTools' omega2 has the implied variance of the sum, omega3 the observed one.
    theirs = matrix(expected["reliability"])
    for factor in ("g", "a", "c", "o"):
        assert table.loc[(factor, "omega_h"), "est"] == pytest.approx(
            theirs.loc["omega2", factor], abs=1e-5
        )
    implied = fit.point.implied[0].sigma.sum()
    observed = fit.moments.sample[0].sigma.sum()
    assert found.of("omega_h") * implied / observed == pytest.approx(
        theirs.loc["omega3", "g"], abs=1e-5
    )
    # Of ten items 3 + 3 + 6 pairs have a group factor in common.
    assert found.of("puc") == pytest.approx(1 - 12 / 45)
    assert not unaccounted(expected, {"defined", "loadings", "reliability"})


@pytest.mark.parametrize("name", BIFACTOR_ORDINAL)
def test_reference_of_ordered_items(name):
    reference = case(name)
    expected = reference["results"]
    fit = fitted(reference)
    found = bifactor_indices(fit)
    table = indexed(found)
    theirs = matrix(expected["reliability"])
    # semTools' omega3 has the variance that the sample's correlations imply.
    for factor in ("g", "a", "c", "o"):
        assert table.loc[(factor, "omega_h"), "est"] == pytest.approx(
            theirs.loc["omega2", factor], abs=1e-4
        )
    loadings = matrix(expected["loadings"]).loc[found.loadings.index]
    np.testing.assert_allclose(found.loadings, loadings, atol=1e-4)
    squares = loadings**2
    assert found.of("ecv") == pytest.approx(squares["g"].sum() / squares.to_numpy().sum(), abs=1e-4)
    # There is no := of the sum of ordered answers.
    assert expected["defined"] is None
    assert not unaccounted(expected, {"loadings", "reliability", "defined"})


@pytest.mark.parametrize("name", SECOND_ORDER)
def test_reference_of_a_second_order_model(name):
    reference = case(name)
    expected = reference["results"]
    fit = measure.cfa(reference["model"], HS39, std_lv=True)
    found = bifactor_indices(fit)
    omega_h, level = found.of("omega_h"), expected["reliabilityL2"]
    assert omega_h == pytest.approx(level["omegaL1"], abs=1e-5)
    implied = fit.point.implied[0].sigma.sum()
    observed = fit.moments.sample[0].sigma.sum()
    higher = expected["compRelSEM_higher"]
    assert omega_h * implied / observed == pytest.approx(higher["g"], abs=1e-5)
    # Without what the disturbances of the first-order factors add.
    error = 1 - found.of("omega_t")
    assert omega_h / (omega_h + error) == pytest.approx(level["partialOmegaL1"], abs=1e-5)
    # The sum of the three factors themselves, all disturbances of variance 1.
    paths = fit.parameters.query("lhs == 'g' and op == '=~'")["est"]
    assert paths.sum() ** 2 / (paths.sum() ** 2 + 3) == pytest.approx(level["omegaL2"], abs=1e-5)
    omegas = indexed(found)["est"].xs("omega_t", level="coefficient")
    composites = composite_reliability(fit).set_index("factor")["omega"].drop("g")
    assert omegas.drop("g").to_dict() == pytest.approx(composites.to_dict(), abs=1e-9)
    del higher["g"]
    omega3 = composite_reliability(fit).set_index("factor")["omega3"].drop("g")
    assert omega3.to_dict() == pytest.approx(higher, abs=1e-5)
    assert not unaccounted(expected, {"reliabilityL2", "compRelSEM_higher"})


FITS = {
    "second order": lambda: measure.cfa(SECOND, HS39),
    "one factor": lambda: measure.cfa("speed =~ x7 + x8 + x9", HS39, std_lv=True),
    "ordered": lambda: measure.cfa(IN_CATEGORIES, ORDERED, ordered=True, std_lv=True),
    "ordered, theta, two groups": lambda: measure.cfa(
        "f =~ o4 + o5 + o6 + o7",
        ORDERED,
        ordered=True,
        parameterization="theta",
        group="school",
        group_equal=["loadings"],
    ),
    "mixed": lambda: measure.cfa(
        "f =~ x4 + x5 + o6", HS39.join(ORDERED[["o6"]]), ordered=["o6"], std_lv=True
    ),
}


@pytest.mark.parametrize("name", FITS)
def test_gradients(name):
    fit = FITS[name]()
    elements = fit.model.elements(fit.params)
    for group in range(fit.n_groups):
        structure, block = Structure(fit, group), fit.model.blocks[group]
        expected = np.zeros_like(structure.gradient)
        for k in range(len(elements)):
            step = np.zeros(len(elements))
            step[k] = 1e-5
            ends = [structure.at(state_at(block, elements + s)).values for s in (step, -step)]
            expected[:, k] = (ends[0] - ends[1]) / 2e-5
        np.testing.assert_allclose(structure.gradient, expected, rtol=1e-5, atol=2e-6)


def test_one_factor_is_a_composite():
    for fit in (FITS["one factor"](), FITS["ordered, theta, two groups"]()):
        found = bifactor_indices(fit, confidence_level=0.9).table
        composite = composite_reliability(fit, confidence_level=0.9)
        omega = found[found["coefficient"] == "omega_t"]
        np.testing.assert_allclose(omega["est"], composite["omega"], rtol=1e-8)
        np.testing.assert_allclose(omega["se"], composite["omega.se"], rtol=1e-6)
        np.testing.assert_allclose(omega["ci.lower"], composite["omega.ci.lower"], rtol=1e-6)
        assert omega["group"].to_list() == composite["group"].to_list()


def test_h_and_determinacy_of_one_factor():
    # Of one factor the regression score is the optimally weighted sum: H is its squared
    # correlation with the factor.
    found = bifactor_indices(FITS["one factor"]())
    assert found.determinacy.loc[1, "speed"] ** 2 == pytest.approx(found.of("h"), rel=1e-8)


def test_ordered_answers_of_a_simulated_population():
    # omega_h is the covariance of sums with those of a second answering that shares the general
    # factor alone, over the variance of one.
    rng = np.random.default_rng(5)
    n = 400_000
    general, cuts = rng.normal(size=n), [-0.5, 0.3, 1.2]

    def answers():
        found = []
        for _ in range(3):
            own = rng.normal(size=n)
            for _ in range(2):
                y = 0.6 * general + 0.5 * own + np.sqrt(1 - 0.61) * rng.normal(size=n)
                found.append(np.searchsorted(cuts, y))
        return np.array(found)

    first, second = answers(), answers()
    expected = np.cov(first.sum(axis=0), second.sum(axis=0))[0, 1] / first.sum(axis=0).var()
    names = [f"q{k}" for k in range(6)]
    frame = pd.DataFrame(first.T[:20_000], columns=names)
    pairs = "a =~ 0.5*q0 + 0.5*q1\nb =~ 0.5*q2 + 0.5*q3\nc =~ 0.5*q4 + 0.5*q5"
    text = f"g =~ {' + '.join(names)}\n{pairs}"
    fit = measure.cfa(text, frame, ordered=True, std_lv=True, orthogonal=True)
    found = bifactor_indices(fit)
    assert found.of("omega_h") == pytest.approx(expected, abs=0.015)


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (THREE, {}, "visual and textual covary"),
        (THREE, {"orthogonal": True}, "no factors stand behind all items"),
        (SECOND + "\nx1 ~ ageyr", {}, "x1 has paths of its own"),
    ],
)
def test_what_is_refused(model, options, message):
    with pytest.raises(OptionError, match=message):
        bifactor_indices(measure.cfa(model, HS39, **options))


def test_improper_solutions_are_named():
    text = "g =~ " + " + ".join(f"x{k}" for k in range(1, 10)) + "\n" + THREE
    with pytest.warns(ImproperSolutionWarning):
        fit = measure.cfa(text, HS39, std_lv=True, orthogonal=True)
    found = bifactor_indices(fit)
    assert "improper" in found.notes[0]
    assert "both signs" in found.notes[1]
    assert "<table" in found._repr_html_()
    with pytest.raises(KeyError):
        found.of("omega_x")
    assert found.of("omega_h", "speed") == indexed(found).loc[("speed", "omega_h"), "est"]
