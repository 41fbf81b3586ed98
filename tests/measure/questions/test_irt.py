"""The graded response model, against its own likelihood computed here and the factor model."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

import measure
from measure.errors import ConvergenceError, DataError, OptionError
from tests.measure.ledger import GRADED
from tests.reference_cases import case, data

DATA = Path(__file__).parents[2] / "reference" / "data" / "bfi.csv"
ITEMS = ["E1", "E2", "E3", "E4", "E5"]


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    data = pd.read_csv(DATA)[ITEMS].iloc[:900].astype(float)
    data[["E1", "E2"]] = 7 - data[["E1", "E2"]]
    return data


@pytest.fixture(scope="module")
def model(answers: pd.DataFrame) -> measure.GradedResponse:
    return measure.graded_response(answers)


def refitted(name: str) -> measure.GradedResponse:
    """Fit the model of a reference case."""
    content = case(name)
    answers, counts = data(content["data"]), content["options"].get("frequencies")
    if counts is not None:
        repeated = answers.loc[answers.index.repeat(answers[counts])]
        answers = repeated.drop(columns=counts).reset_index(drop=True)
    return measure.graded_response(answers)


@pytest.mark.parametrize("name", GRADED)
def test_estimates_are_those_of_the_r_package_mirt(name: str) -> None:
    found, theirs = refitted(name), case(name)["results"]["items"]
    allowed = case(name)["tolerance"]["everything"]
    assert found.n_obs == case(name)["nobs"]
    for row in theirs:
        own = found.items.loc[row["item"]]
        assert own["discrimination"] == pytest.approx(row["a"], rel=allowed)
        b = found.thresholds.query("item == @row['item']")["b"]
        np.testing.assert_allclose(-own["discrimination"] * b, row["d"], rtol=allowed)
        if "a.se" in row:
            # Theirs are at slopes of a run that stopped earlier, 0.4 % from the others.
            assert own["se"] == pytest.approx(row["a.se"], rel=0.012)
        else:
            limits = [row["a.ci.lower"], row["a.ci.upper"]]
            np.testing.assert_allclose(own[["ci.lower", "ci.upper"]], limits, atol=0.002)


def curves(a: np.ndarray, b: list[np.ndarray], ability: np.ndarray) -> list[np.ndarray]:
    """Probability of each category, (n_abilities, categories) an item."""
    found = []
    for slope, thresholds in zip(a, b, strict=True):
        at_least = expit(slope * (ability[:, None] - thresholds))
        one, zero = np.ones((len(ability), 1)), np.zeros((len(ability), 1))
        found.append(-np.diff(np.hstack([one, at_least, zero]), axis=1))
    return found


def log_likelihood(a: np.ndarray, b: list[np.ndarray], answers: pd.DataFrame) -> float:
    """Marginal log-likelihood on a fine grid over the standard normal."""
    ability = np.linspace(-8, 8, 161)
    weights = np.exp(-(ability**2) / 2)
    weights /= weights.sum()
    each = np.zeros((len(answers), len(ability)))
    for name, shares in zip(answers.columns, curves(a, b, ability), strict=True):
        given = answers[name].notna().to_numpy()
        each[given] += np.log(shares[:, answers[name][given].astype(int) - 1]).T
    return float(np.log(np.exp(each) @ weights).sum())


def parameters(model: measure.GradedResponse) -> tuple[np.ndarray, list[np.ndarray]]:
    by_item = model.thresholds.groupby("item", sort=False)["b"]
    return model.items["discrimination"].to_numpy(copy=True), [
        b.to_numpy(copy=True) for _, b in by_item
    ]


def test_estimates_are_at_the_maximum_of_the_marginal_likelihood(
    model: measure.GradedResponse, answers: pd.DataFrame
) -> None:
    a, b = parameters(model)
    assert model.logl == pytest.approx(log_likelihood(a, b, answers), abs=1e-4)
    step = 1e-3
    for j in range(len(a)):
        for of, at in ((a, j), (b[j], 0), (b[j], 2)):
            kept = of[at]
            values = []
            for change in (-step, 0.0, step):
                of[at] = kept + change
                values.append(log_likelihood(a, b, answers))
            of[at] = kept
            gradient = (values[2] - values[0]) / (2 * step)
            curvature = (values[0] - 2 * values[1] + values[2]) / step**2
            # A Newton step from the estimate is small beside its standard error.
            assert abs(gradient / curvature) < 1e-3


def test_standard_errors_are_those_of_the_observed_information() -> None:
    rng = np.random.default_rng(4)
    ability = rng.normal(size=250)
    cuts = rng.normal(size=(3, 1)) * 0.3 + np.array([-0.8, 0.8])
    at_least = expit(1.5 * (ability[:, None, None] - cuts))
    draws = (rng.random((250, 3, 1)) < at_least).sum(axis=2) + 1
    data = pd.DataFrame(draws, columns=["a", "b", "c"])
    model = measure.graded_response(data)
    a, b = parameters(model)
    point = np.concatenate([a, *b])

    def at(params: np.ndarray) -> float:
        return log_likelihood(params[:3], list(params[3:].reshape(3, 2)), data)

    n, step = len(point), 1e-3
    hessian = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            shifts = [
                at(point + step * (si * np.eye(n)[i] + sj * np.eye(n)[j]))
                for si, sj in ((1, 1), (1, -1), (-1, 1), (-1, -1))
            ]
            hessian[i, j] = (shifts[0] - shifts[1] - shifts[2] + shifts[3]) / (4 * step**2)
    se = np.sqrt(np.diag(np.linalg.inv(-hessian)))
    found = np.concatenate([model.items["se"], model.thresholds["se"]])
    # Differences of the likelihood leave four digits.
    np.testing.assert_allclose(found, se, rtol=5e-3)


def test_information_is_samejimas(model: measure.GradedResponse) -> None:
    a, b = parameters(model)
    at = np.array([-1.5, 0.3])
    table = model.information(at)
    step = 1e-5
    for j, name in enumerate(ITEMS):
        shares = curves(a, b, at)[j]
        slopes = (curves(a, b, at + step)[j] - curves(a, b, at - step)[j]) / (2 * step)
        np.testing.assert_allclose(table[name], (slopes**2 / shares).sum(axis=1), rtol=1e-6)
    np.testing.assert_allclose(table["test"], table[ITEMS].sum(axis=1))
    np.testing.assert_allclose(table["se"], table["test"] ** -0.5)
    assert list(model.information().index[[0, -1]]) == [-4, 4]


def test_marginal_reliability_is_the_mean_over_the_normal(model: measure.GradedResponse) -> None:
    at = np.linspace(-6, 6, 601)
    information = model.information(at)["test"].to_numpy()
    weights = np.exp(-(at**2) / 2)
    expected = np.average(information / (information + 1), weights=weights)
    assert model.marginal_reliability == pytest.approx(expected, abs=1e-5)


def test_average_information_is_the_mean_over_the_normal(model: measure.GradedResponse) -> None:
    ability, weights = np.polynomial.hermite_e.hermegauss(80)
    each = model.information(ability)[ITEMS].to_numpy()
    expected = np.average(each, axis=0, weights=weights)
    np.testing.assert_allclose(model.average_information[ITEMS], expected, rtol=1e-6)


def test_loadings_are_near_those_of_the_factor_model(
    model: measure.GradedResponse, answers: pd.DataFrame
) -> None:
    fit = measure.cfa("f =~ E1 + E2 + E3 + E4 + E5", answers.dropna(), ordered=True)
    table = measure.standardized(fit)
    standard = table[table["op"] == "=~"].set_index("rhs").loc[ITEMS, "est.std"]
    # Another link function and all the information in the answers: they differ in the second digit.
    np.testing.assert_allclose(model.items["loading"], standard, atol=0.05)


def test_scores_are_posterior_means(model: measure.GradedResponse, answers: pd.DataFrame) -> None:
    scores = measure.ability_scores(model, answers)
    a, b = parameters(model)
    ability = np.linspace(-6, 6, 1201)
    prior = np.exp(-(ability**2) / 2)
    place = 7
    row = answers.iloc[place]
    likelihood = prior * np.prod(
        [
            shares[:, int(row[name]) - 1]
            for name, shares in zip(ITEMS, curves(a, b, ability), strict=True)
        ],
        axis=0,
    )
    mean = np.average(ability, weights=likelihood)
    sd = np.sqrt(np.average((ability - mean) ** 2, weights=likelihood))
    assert scores["score"].iloc[place] == pytest.approx(mean, abs=1e-4)
    assert scores["se"].iloc[place] == pytest.approx(sd, abs=1e-4)


def test_scores_use_the_answers_given(model: measure.GradedResponse, answers: pd.DataFrame) -> None:
    some = answers.iloc[:3].copy()
    some.iloc[1, :3] = np.nan
    some.iloc[2] = np.nan
    scores = measure.ability_scores(model, some)
    assert scores["se"].iloc[1] > scores["se"].iloc[0]
    assert scores.iloc[2].isna().all()
    assert measure.person_fit(model, some)["n_answered"].tolist() == [5, 2, 0]


def test_person_fit_is_the_standardised_likelihood(
    model: measure.GradedResponse, answers: pd.DataFrame
) -> None:
    complete = answers.dropna().iloc[:20]
    found = measure.person_fit(model, complete)["lz"]
    a, b = parameters(model)
    ability = measure.ability_scores(model, complete)["score"].to_numpy()
    given, mean, variance = np.zeros(20), np.zeros(20), np.zeros(20)
    for name, shares in zip(ITEMS, curves(a, b, ability), strict=True):
        logs = np.log(shares)
        given += logs[np.arange(20), complete[name].astype(int) - 1]
        expected = (shares * logs).sum(axis=1)
        mean += expected
        variance += (shares * logs**2).sum(axis=1) - expected**2
    np.testing.assert_allclose(found, (given - mean) / np.sqrt(variance), rtol=1e-5)


def drawn(n: int, seed: int, shared: float = 0.0) -> pd.DataFrame:
    """Answers by the model; the first two items share something more than ability."""
    rng = np.random.default_rng(seed)
    ability, more = rng.normal(size=n), shared * rng.normal(size=n)
    columns = {}
    for j, slope in enumerate([1.2, 1.8, 0.9, 1.5, 2.0, 1.1]):
        at = ability + (more if j < 2 else 0.0)
        cuts = np.array([-1.4, -0.4, 0.4, 1.4]) + 0.2 * (j - 2.5)
        uniform = rng.random((n, 1))
        columns[f"x{j + 1}"] = (uniform < expit(slope * (at[:, None] - cuts))).sum(axis=1) + 1
    return pd.DataFrame(columns)


def test_parameters_are_recovered() -> None:
    model = measure.graded_response(drawn(4000, 1))
    truth = np.array([1.2, 1.8, 0.9, 1.5, 2.0, 1.1])
    assert (abs(model.items["discrimination"] - truth) < 3.5 * model.items["se"]).all()
    b = np.concatenate([np.array([-1.4, -0.4, 0.4, 1.4]) + 0.2 * (j - 2.5) for j in range(6)])
    assert (abs(model.thresholds["b"] - b) < 3.5 * model.thresholds["se"]).all()


def test_local_dependence_finds_the_pair_that_shares_more() -> None:
    data = drawn(800, 2, shared=1.3)
    model = measure.graded_response(data)
    found = measure.local_dependence(model, data)
    assert set(found.loc[0, ["item1", "item2"]]) == {"x1", "x2"}
    assert found["q3_star"].max() > 0.2
    assert found["q3_star"].sum() == pytest.approx(0, abs=1e-12)


def test_item_fit_holds_its_level() -> None:
    pvalues = []
    for seed in range(8):
        data = drawn(400, 10 + seed)
        found = measure.item_fit(measure.graded_response(data), data)
        pvalues += list(found["pvalue"])
        assert (found["pvalue.holm"] >= found["pvalue"]).all()
    assert np.mean(np.array(pvalues) < 0.05) <= 0.15


def test_item_fit_finds_an_item_of_another_kind() -> None:
    data = drawn(1500, 3)
    # Both ends of the ability agree most: no cumulative model fits such an item.
    middle = (data.sum(axis=1) - data["x6"] - 15).abs()
    data["x6"] = np.clip(np.round(middle / 2.5) + (data["x6"] > 3), 0, 4) + 1
    found = measure.item_fit(measure.graded_response(data), data)
    assert found["pvalue.holm"].idxmin() == "x6"
    assert found["pvalue.holm"].min() < 1e-6


def test_a_model_prints_its_items(model: measure.GradedResponse) -> None:
    assert "marginal reliability" in repr(model)
    assert "discrimination" in model._repr_html_()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x[["E1", "E2"]], "at least 3"),
        (lambda x: x.assign(E2=x["E1"]), 'items "E1" and "E2" hold the same answers'),
        (lambda x: x.assign(E1=7 - x["E1"]), "items E1 go down where the others go up"),
        (lambda x: x.assign(E1=3.0), "E1"),
        (lambda x: x.assign(E1=np.arange(len(x)) % 15), "15 different answers"),
    ],
)
def test_what_cannot_be_modelled_is_refused(
    answers: pd.DataFrame, change: object, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        measure.graded_response(change(answers))  # type: ignore[operator]


def test_scores_refuse_unknown_answers_and_items(
    model: measure.GradedResponse, answers: pd.DataFrame
) -> None:
    with pytest.raises(DataError, match='"E1" holds 9'):
        measure.ability_scores(model, answers.assign(E1=9.0))
    with pytest.raises(DataError, match="lack the items E5"):
        measure.ability_scores(model, answers[ITEMS[:4]])
    with pytest.raises(OptionError):
        measure.graded_response(answers, confidence_level=1.5)


def test_a_search_without_a_maximum_is_an_error(
    answers: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("measure.questions.irt.ITERATIONS", 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ConvergenceError, match="found no maximum in 2 steps") as refusal:
            measure.graded_response(answers)
    assert not refusal.value.fit.converged
