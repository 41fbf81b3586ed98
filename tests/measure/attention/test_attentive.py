import numpy as np
import pandas as pd
import pytest

from measure.attention.attentive import FLAT_NOISE, attentive

SCALES = [[0, 1, 2], [3, 4, 5, 6], [7, 8]]
LOADINGS = np.array([0.8, 0.7, 0.6, 0.75, 0.65, 0.7, 0.6, 0.7, 0.8])
FACTORS = np.array([[1.0, 0.5, -0.4], [0.5, 1.0, -0.3], [-0.4, -0.3, 1.0]])


def answers(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    factor = np.repeat([0, 1, 2], [3, 4, 2])
    common = rng.multivariate_normal(np.zeros(3), FACTORS, n)[:, factor] * LOADINGS
    latent = common + rng.standard_normal((n, 9)) * np.sqrt(1 - LOADINGS**2)
    cuts = np.array([-1.5, -0.5, 0.3, 1.4])
    return pd.DataFrame(1.0 + (latent[:, :, None] > cuts).sum(axis=2)).add_prefix("x")


def implied() -> np.ndarray:
    factor = np.repeat([0, 1, 2], [3, 4, 2])
    found = FACTORS[np.ix_(factor, factor)] * np.outer(LOADINGS, LOADINGS)
    np.fill_diagonal(found, 1.0)
    return found


def test_with_many_rows_the_correlations_are_taken_as_they_are():
    model = attentive(answers(4000, 1), SCALES)
    assert model.source == "correlations"
    assert np.abs(model.correlations - implied()).max() < 0.07


def test_with_few_rows_a_pair_the_scales_stand_in():
    data = answers(4000, 2)
    data.loc[80:, "x0"] = np.nan
    model = attentive(data, SCALES)
    assert model.source == "scales"
    rest = np.ix_(range(1, 9), range(1, 9))
    assert np.abs(model.correlations[rest] - implied()[rest]).max() < 0.07
    assert np.linalg.eigvalsh(model.correlations)[0] > 0


def test_draws_have_the_answers_and_the_correlations_of_the_model():
    data = answers(2000, 3)
    model = attentive(data, SCALES)
    drawn = pd.DataFrame(model.draw(40_000, np.random.default_rng(4)), columns=data.columns)
    for item in data:
        shares = drawn[item].value_counts(normalize=True)
        expected = data[item].value_counts(normalize=True)
        assert (shares - expected).abs().max() < 0.012
    again = attentive(drawn, SCALES)
    assert np.abs(again.correlations - model.correlations).max() < 0.03


def test_continuous_items_keep_their_distribution():
    rng = np.random.default_rng(5)
    data = pd.DataFrame(rng.exponential(size=(500, 4))).add_prefix("x")
    model = attentive(data, [[0, 1, 2, 3]])
    drawn = model.draw(20_000, rng)
    assert set(drawn[:, 0]) <= set(data["x0"])
    assert drawn[:, 0].mean() == pytest.approx(data["x0"].mean(), abs=0.05)


def test_flat_profiles_vary_little_from_item_to_item():
    model = attentive(answers(2000, 6), SCALES)
    rng = np.random.default_rng(7)
    ordinary, flat = model.draw(5000, rng), model.draw_flat(5000, rng)
    # On the scored side, scales that go the other way are low where the others are high.
    same = [*SCALES[0], *SCALES[1]]
    assert flat[:, same].std(axis=1).mean() < 0.75 * ordinary[:, same].std(axis=1).mean()
    assert FLAT_NOISE < 0.5


def test_items_of_no_scale_and_pairs_that_go_against_each_other_are_taken():
    data = answers(60, 8).assign(x8=lambda frame: 6 - frame["x8"])
    model = attentive(data, [SCALES[0], [7, 8]])
    assert model.source == "scales"
    assert model.correlations[7, 8] < 0
    assert np.linalg.eigvalsh(model.correlations)[0] > -1e-9
