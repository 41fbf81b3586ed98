"""The variance of a sum of answers, against enumeration, simulation by hand, and R."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from measure.consistency.answer_sums import Answers
from tests.measure.after_ordinal import ORDINAL, groups

T = [-0.8, 0.4, -1.1, 0.1, 1.3, 0.2]
ITEMS = [0, 0, 1, 1, 1, 2]
# Items 0 to 2 are ordered, item 3 is continuous.
R = np.array(
    [[1.0, 0.5, -0.3, 0.8], [0.5, 1.0, 0.2, 0.5], [-0.3, 0.2, 1.0, 0.1], [0.8, 0.5, 0.1, 2.5]]
)
COMMON = np.outer([0.7, 0.6, -0.4, 1.1], [0.7, 0.6, -0.4, 1.1])
FOUR = Answers(np.array(T), np.array(ITEMS), np.array([1.0, 1.0, 1.0, 2.0, 1.0, 1.0]), 4)


def enumerated(answers, R):
    """Variance of the sum of ordered answers, over all combinations of their categories."""
    law = multivariate_normal(np.zeros(len(R)), R, abseps=1e-7, releps=1e-7)
    values, ends = [], []
    for item in range(answers.n_items):
        own = answers.items == item
        values.append(np.concatenate([[0.0], np.cumsum(answers.steps[own])]))
        ends.append(np.concatenate([[-9.0], answers.thresholds[own], [9.0]]))
    mean = square = 0.0
    for pick in product(*(range(len(v)) for v in values)):
        low = [ends[i][c] for i, c in enumerate(pick)]
        high = [ends[i][c + 1] for i, c in enumerate(pick)]
        share = law.cdf(np.array(high), lower_limit=np.array(low))
        total = sum(values[i][c] for i, c in enumerate(pick))
        mean, square = mean + share * total, square + share * total**2
    return square - mean**2


def test_variance_of_two_ordered_answers_by_enumeration():
    two = FOUR.restricted(np.array([0, 1]))
    found = two.variance(R[:2, :2]).value
    assert found == pytest.approx(enumerated(two, R[:2, :2]), abs=1e-10)


def test_variance_of_three_ordered_answers_by_enumeration():
    three = FOUR.restricted(np.arange(3))
    # Integrals over three normal values are simulated to about 1e-6.
    expected = enumerated(three, R[:3, :3])
    assert three.variance(R[:3, :3]).value == pytest.approx(expected, abs=1e-4)


def test_covariances_of_answers_add_up_to_the_variance_of_their_sum():
    three = FOUR.restricted(np.arange(3))
    found = three.covariances(R[:3, :3])
    np.testing.assert_allclose(found, found.T)
    assert found.sum() == pytest.approx(three.variance(R[:3, :3]).value, abs=1e-14)
    for k in range(3):
        own = three.restricted(np.array([k]))
        assert found[k, k] == pytest.approx(own.variance(np.eye(1)).value, abs=1e-14)


def test_one_answer_has_the_variance_of_its_categories():
    one = FOUR.restricted(np.array([1]))
    share = np.diff(norm.cdf([-np.inf, -1.1, 0.1, 1.3, np.inf]))
    values = np.array([0.0, 1.0, 3.0, 4.0])
    expected = share @ values**2 - (share @ values) ** 2
    assert one.variance(np.eye(1)).value == pytest.approx(expected, abs=1e-14)


def test_an_ordered_and_a_continuous_answer():
    pair = FOUR.restricted(np.array([0, 3]))
    own = R[np.ix_([0, 3], [0, 3])]
    alone = FOUR.restricted(np.array([0])).variance(np.eye(1)).value
    rng = np.random.default_rng(1)
    y, x = rng.multivariate_normal([0, 0], own, size=400_000).T
    answer = np.searchsorted([-0.8, 0.4], y)
    found = pair.variance(own).value
    assert found == pytest.approx(alone + 2.5 + 2 * 0.8 * norm.pdf([-0.8, 0.4]).sum(), abs=1e-12)
    assert found == pytest.approx(np.var(answer + x), rel=0.01)


def test_continuous_answers_keep_their_covariances():
    plain = Answers(np.zeros(0), np.zeros(0, dtype=np.intp), np.zeros(0), 2)
    S = np.array([[2.0, 0.7], [0.7, 3.0]])
    assert plain.variance(S).value == pytest.approx(S.sum())
    np.testing.assert_allclose(plain.variance(S).by_covariance, 1.0)


@pytest.mark.parametrize("same", [True, False])
def test_derivatives_by_finite_differences(same):
    covariances = R if same else COMMON
    variance = Answers.variance if same else Answers.true_variance
    found = variance(FOUR, covariances)
    step = 1e-6

    def by_threshold(k, change):
        moved = FOUR.thresholds.copy()
        moved[k] += change
        return variance(Answers(moved, FOUR.items, FOUR.steps, 4), covariances).value

    for k in range(len(T)):
        slope = (by_threshold(k, step) - by_threshold(k, -step)) / (2 * step)
        assert found.by_threshold[k] == pytest.approx(slope, abs=1e-8)
    for i, j in product(range(4), range(4)):
        E = np.zeros((4, 4))
        E[i, j] += step / 2
        E[j, i] += step / 2
        up, down = (variance(FOUR, covariances + sign * E).value for sign in (1, -1))
        slope = (up - down) / (2 * step)
        assert found.by_covariance[i, j] == pytest.approx(slope, abs=1e-8)


def test_true_scores_that_are_all_of_the_response_leave_no_error():
    nearly = np.full((2, 2), 1 - 1e-13)
    two = FOUR.restricted(np.array([0, 2]))
    R2 = np.array([[1.0, 1 - 1e-13], [1 - 1e-13, 1.0]])
    assert two.true_variance(nearly).value == pytest.approx(two.variance(R2).value, abs=1e-5)


def test_impossible_correlations_give_nan():
    two = FOUR.restricted(np.array([0, 1]))
    assert np.isnan(two.variance(np.array([[1.0, 1.0], [1.0, 1.0]])).value)
    assert np.isnan(two.true_variance(np.array([[1.2, 0.5], [0.5, 0.4]])).value)


def test_items_in_another_order_have_the_same_sum():
    order = np.array([3, 1, 0, 2])
    again = FOUR.restricted(order)
    assert again.items.tolist() == [1, 1, 1, 2, 2, 3]
    found = again.variance(R[np.ix_(order, order)]).value
    assert found == pytest.approx(FOUR.variance(R).value, rel=1e-14)


@pytest.mark.parametrize("name", ORDINAL)
def test_categorical_omega_from_the_matrices_that_were_estimated(name):
    for group in groups(name):
        sample = group.found["sample"]
        S = np.array(sample["cov"]["values"], dtype=float)
        seen = Answers(
            np.array(sample["thresholds"], dtype=float),
            group.answers.items,
            group.answers.steps,
            group.answers.n_items,
        )
        for factor, expected in group.found["reliability"].items():
            items = np.flatnonzero(np.diag(group.common[factor]))
            square = np.ix_(items, items)
            true = group.answers.restricted(items).true_variance(group.common[factor][square])
            total = group.answers.restricted(items).variance(group.scaled[square])
            observed = seen.restricted(items).variance(S[square])
            assert true.value / total.value == pytest.approx(expected["omega2"], abs=1e-9)
            assert true.value / observed.value == pytest.approx(expected["omega3"], abs=1e-9)
