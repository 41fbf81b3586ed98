"""Models of the same traits asked about several referents, against lavaan and against the truth."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

import measure
from measure.errors import ModelError, OptionError
from tests.reference_cases import case, data

TRAITS, REFERENTS = ("t1", "t2"), ("a", "b", "c")
SCALES = {
    trait: {name: [f"{name}_{trait}_{k}" for k in (1, 2, 3)] for name in REFERENTS}
    for trait in TRAITS
}
FACTORS = {trait: {name: f"{name}_{trait}" for name in REFERENTS} for trait in TRAITS}


@cache
def answers(*, ordered: bool = False) -> pd.DataFrame:
    rows = data("referents.csv")
    if not ordered:
        return rows
    cuts = case("referents")["cuts"]
    return rows.apply(lambda item: np.searchsorted(cuts[item.name], item, side="right") + 1.0)


@cache
def fitted(specific: str, *, ordered: bool = False, **options: str) -> measure.Fit:
    text = measure.referent_model(SCALES, reference="a", specific=specific, **options)
    return measure.cfa(text, answers(ordered=ordered), ordered=ordered)


def expected(specific: str, ordered: bool) -> dict[str, dict[str, float]]:
    defined: dict[str, dict[str, float]] = case("referents")[
        f"{specific}_ordered" if ordered else specific
    ]["defined"]
    return defined


@pytest.mark.parametrize("ordered", [False, True])
def test_shares_agree_with_lavaan(ordered):
    fit = fitted("trait", ordered=ordered)
    theirs = case("referents")["trait_ordered" if ordered else "trait"]
    assert fit.fit_measures["chisq"] == pytest.approx(theirs["chisq"], abs=1e-3)
    assert fit.df == theirs["df"]
    found = measure.referent_shares(fit)
    for row in found.items.to_dict("records"):
        told = theirs["defined"][f"con_{row['item']}"]
        # lavaan's own search ends within 1e-4 of the minimum.
        assert row["consistency"] == pytest.approx(told["est"], abs=1e-4)
        assert row["se"] == pytest.approx(told["se"], abs=1e-4)
    for row in found.sums.to_dict("records"):
        told = theirs["defined"][f"sum_{row['specific']}"]
        assert row["consistency"] == pytest.approx(told["est"], abs=1e-4)
        assert row["se"] == pytest.approx(told["se"], abs=1e-4)
        assert row["n_items"] == 3


def test_one_specific_factor_a_referent_agrees_with_lavaan():
    fit, theirs = fitted("referent"), case("referents")["referent"]
    assert fit.fit_measures["chisq"] == pytest.approx(theirs["chisq"], abs=1e-3)
    for row in measure.referent_shares(fit).sums.to_dict("records"):
        told = theirs["defined"][f"sum_{row['specific']}_{row['trait']}"]
        assert row["consistency"] == pytest.approx(told["est"], abs=1e-4)
        assert row["se"] == pytest.approx(told["se"], abs=1e-4)


@pytest.mark.parametrize("ordered", [False, True])
def test_contrasts_agree_with_lavaan(ordered):
    found = measure.referent_contrasts(fitted("none", ordered=ordered), FACTORS)
    theirs = expected("none", ordered)
    table = found.contrasts.set_index("trait")
    for trait in ("t1", "all"):
        assert table.loc[trait, "difference"] == pytest.approx(
            theirs[f"d_{trait}"]["est"], abs=1e-4
        )
        assert table.loc[trait, "se"] == pytest.approx(theirs[f"d_{trait}"]["se"], abs=1e-4)
    assert table.loc["t1", "same_trait"] == pytest.approx(theirs["same_t1"]["est"], abs=1e-4)
    assert table.loc["all", "same_referent"] == pytest.approx(theirs["within"]["est"], abs=1e-4)


def test_a_model_without_paths_across_traits_has_more_degrees_of_freedom():
    free, zero = fitted("trait"), fitted("trait", across="zero")
    assert zero.df - free.df == 4
    assert zero.fit_measures["chisq"] > free.fit_measures["chisq"]


@pytest.mark.parametrize("reference", ["b", "c"])
def test_the_fit_of_correlated_factors_has_no_reference(reference):
    text = measure.referent_model(SCALES, reference=reference, specific="none")
    other = measure.cfa(text, answers())
    fit = fitted("none")
    assert other.fit_measures["chisq"] == pytest.approx(fit.fit_measures["chisq"], abs=1e-5)


def test_slopes_are_those_of_finite_differences():
    fit = fitted("trait")
    found = measure.referent_shares(fit)
    solution = fit.standardization
    rows = [
        index
        for index, row in enumerate(fit.model.table.parameters)
        if row.op == "=~" and row.rhs in SCALES["t1"]["b"]
    ]
    trait = [i for i in rows if fit.model.table.parameters[i].lhs == "t1"]
    specific = [i for i in rows if fit.model.table.parameters[i].lhs == "b_t1"]

    def consistency(std: np.ndarray) -> float:
        t, s = std[trait].sum(), std[specific].sum()
        return float(t**2 / (t**2 + s**2))

    slope = np.zeros(len(fit.params))
    for k in range(len(fit.params)):
        values = []
        for step in (1e-6, -1e-6):
            moved = fit.params.copy()
            moved[k] += step
            states = fit.model.states(moved)
            raw = fit.model.table_values(moved, states)
            values.append(consistency(type(solution)(fit.model, states, raw).std_all))
        slope[k] = (values[0] - values[1]) / 2e-6
    se = float(np.sqrt(slope @ fit.vcov_elements @ slope))
    assert found.sums.loc[0, "se"] == pytest.approx(se, rel=1e-5)


def test_the_smallest_eigenvalue_moves_as_its_standard_error_says():
    fit = fitted("none")
    found = measure.referent_contrasts(fit, FACTORS)
    pairs, matrix = found.pairs, found.correlations.to_numpy()
    i, j = np.triu_indices(6, 1)
    slope = np.zeros(len(pairs))
    for k in range(len(pairs)):
        moved = []
        for step in (1e-6, -1e-6):
            other = matrix.copy()
            other[i[k], j[k]] += step
            other[j[k], i[k]] += step
            moved.append(np.linalg.eigvalsh(other)[0])
        slope[k] = (moved[0] - moved[1]) / 2e-6
    rows = [
        next(
            n
            for n, row in enumerate(fit.model.table.parameters)
            if row.op == "~~" and {row.lhs, row.rhs} == {one, other} and one != other
        )
        for one, other in zip(
            np.array(found.correlations.index)[i],
            np.array(found.correlations.index)[j],
            strict=True,
        )
    ]
    d = fit.standardization.jacobian_all[rows]
    se = float(np.sqrt(slope @ d @ fit.vcov_elements @ d.T @ slope))
    assert found.smallest["se"] == pytest.approx(se, rel=1e-5)
    assert found.smallest["eigenvalue"] == pytest.approx(np.linalg.eigvalsh(matrix)[0])


def population(same: float, within: float) -> pd.DataFrame:
    """Give exact covariances: correlations of referents times correlations of traits."""
    between = np.full((3, 3), same)
    np.fill_diagonal(between, 1.0)
    among = np.array([[1.0, within], [within, 1.0]])
    factors = np.kron(between, among)
    names = [item for name in REFERENTS for trait in TRAITS for item in SCALES[trait][name]]
    loads = np.kron(np.eye(6), np.array([[0.8], [0.7], [0.6]]))
    sigma = loads @ factors @ loads.T
    np.fill_diagonal(sigma, 1.0)
    return pd.DataFrame(sigma, names, names)


def test_the_truth_is_found_in_exact_moments():
    cov = population(0.7, 0.5)
    text = measure.referent_model(SCALES, reference="a")
    shares = measure.referent_shares(measure.cfa(text, sample_cov=cov, sample_nobs=1000))
    np.testing.assert_allclose(shares.sums["consistency"], 0.49, atol=1e-5)
    np.testing.assert_allclose(shares.sums["correlation"], 0.7, atol=1e-5)
    parts = shares.items[["share.trait", "share.specific", "share.unique"]].sum(axis=1)
    np.testing.assert_allclose(parts, 1.0)
    apart = measure.referent_model(SCALES, reference="a", specific="none")
    fit = measure.cfa(apart, sample_cov=cov, sample_nobs=1000)
    found = measure.referent_contrasts(fit, FACTORS)
    np.testing.assert_allclose(found.contrasts["difference"], 0.2, atol=1e-5)
    assert (found.contrasts["higher"] == found.contrasts["comparisons"]).all()
    # Each of a trait's three correlations has two sides, each with one other trait.
    assert found.contrasts["comparisons"].to_list() == [6, 6, 12]
    assert found.smallest["eigenvalue"] == pytest.approx(0.3 * 0.5, abs=1e-5)


@pytest.mark.filterwarnings("ignore::measure.errors.ImproperSolutionWarning")
def test_an_impossible_matrix_is_told_with_how_far_chance_goes():
    cov = population(0.9, 0.9)
    cov.loc["a_t1_1", "b_t2_1"] = cov.loc["b_t2_1", "a_t1_1"] = 0.68
    apart = measure.referent_model(SCALES, reference="a", specific="none")
    for n_obs, said in ((300, "chance alone"), (10**6, "more than chance")):
        fit = measure.cfa(apart, sample_cov=cov, sample_nobs=n_obs)
        assert not fit.admissible
        (note,) = measure.referent_contrasts(fit, FACTORS).notes
        assert said in note


TEXT_ERRORS = [
    ({"t": {"b": ["x1", "x2"], "c": ["y1", "y2"]}}, 'not asked about the reference "a"'),
    ({"t": {"a": ["x1", "x2"]}}, "any other referent"),
    ({"t": {"a": ["x1", "x2"], "b": ["y1"]}}, "has 1 item"),
    ({"t": {"a": ["x1", "x2"], "b": ["x1", "y2"]}}, "x1: an item measures one"),
    ({"t": {"a": ["x1", "x2"], "b": ["b_t", "y2"]}}, '"b_t" would name two'),
    ({"b": {"a": ["x1", "x2"], "b": ["y1", "y2"]}}, '"b" would name two'),
]


@pytest.mark.parametrize(("scales", "said"), TEXT_ERRORS)
def test_designs_that_are_refused(scales, said):
    with pytest.raises(ModelError, match=said):
        measure.referent_model(scales, reference="a")


def test_unknown_options_are_refused():
    with pytest.raises(OptionError, match="specific"):
        measure.referent_model(SCALES, reference="a", specific="method")
    with pytest.raises(OptionError, match="across"):
        measure.referent_model(SCALES, reference="a", across="none")


FIT_ERRORS = [
    ("f =~ a_t1_1 + a_t1_2 + a_t1_3", "no item loads on a trait and"),
    (
        "f =~ a_t1_1 + a_t1_2 + a_t1_3 + b_t1_1 + b_t1_2 + b_t1_3\n"
        "g =~ b_t1_1 + b_t1_2 + b_t1_3\nf ~~ 0.1*g",
        '"f" and "g" correlate',
    ),
    (
        "f =~ a_t1_1 + a_t1_2 + b_t1_1\ng =~ b_t1_2 + b_t1_3 + b_t1_1\nf ~~ 0*g",
        "b_t1_1 loads on f, g",
    ),
]


@pytest.mark.filterwarnings("ignore::measure.errors.MeasureWarning")
@pytest.mark.parametrize(("text", "said"), FIT_ERRORS)
def test_fits_of_other_models_are_refused(text, said):
    fit = measure.cfa(text, answers())
    with pytest.raises(ModelError, match=said):
        measure.referent_shares(fit)


def test_contrasts_of_other_models_are_refused():
    fit = fitted("none")
    with pytest.raises(ModelError, match="two of each"):
        measure.referent_contrasts(fit, {"t1": FACTORS["t1"]})
    with pytest.raises(ModelError, match="z: no factor"):
        measure.referent_contrasts(fit, {**FACTORS, "t2": {"a": "z", "b": "b_t2"}})
    text = "f =~ a_t1_1 + a_t1_2\ng =~ a_t2_1 + a_t2_2\nh =~ b_t1_1 + b_t1_2\nk =~ b_t2_1 + b_t2_2"
    rows = answers().assign(group=np.arange(400) % 2)
    grouped = measure.cfa(text, rows, group="group")
    named = {"t1": {"a": "f", "b": "h"}, "t2": {"a": "g", "b": "k"}}
    with pytest.raises(ModelError, match="2 groups"):
        measure.referent_contrasts(grouped, named)
    apart = measure.cfa(f"{text}\nup =~ f + g + h + k", answers())
    with pytest.raises(ModelError, match="do not correlate"):
        measure.referent_contrasts(apart, named)


def test_results_show_what_they_rest_on():
    shares = measure.referent_shares(fitted("trait"), confidence_level=0.9)
    found = measure.referent_contrasts(fitted("none"), FACTORS)
    for text in (repr(shares), shares._repr_html_(), repr(found), found._repr_html_()):
        assert "ML" in text
        assert "400" in text
    narrow = shares.sums["ci.upper"] - shares.sums["ci.lower"]
    wide = measure.referent_shares(fitted("trait")).sums
    assert (narrow < wide["ci.upper"] - wide["ci.lower"]).all()
