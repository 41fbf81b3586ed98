"""Power by simulation, against closed forms and known truths."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.stats import norm

import measure
from measure.errors import DataError, MeasureError, OptionError
from measure.planning.claims import Estimated, Fits, Study
from measure.planning.study_power import Execution, power, smallest_sample

TWO = "f =~ 0.7*x1 + 0.7*x2 + 0.7*x3\ng =~ 0.7*x4 + 0.7*x5 + 0.7*x6\nf ~~ 1*f\ng ~~ 1*g\n"
TWO += "f ~~ 0.5*g\n" + "\n".join(f"x{k} ~~ 0.51*x{k}" for k in range(1, 7))
MODEL = "f =~ x1 + x2 + x3\ng =~ x4 + x5 + x6"
ONE = "f =~ x1 + x2 + x3 + x4 + x5 + x6"


@dataclass(frozen=True)
class Differs:
    """A z test of a mean, whose power is known."""

    d: float

    def __call__(self, n: int, rng: np.random.Generator) -> bool:
        return bool(rng.normal(self.d, size=n).mean() * np.sqrt(n) > 1.96)


@dataclass(frozen=True)
class Fails:
    """A study that cannot be analysed below some size."""

    least: int

    def __call__(self, n: int, rng: np.random.Generator) -> bool:
        if n < self.least:
            raise DataError(f"{n} rows are too few.")
        return bool(rng.random() < 0.9)


def truth(n: int, d: float) -> float:
    return float(norm.sf(1.96 - d * np.sqrt(n)))


def test_the_share_is_the_power_of_a_test_that_is_known():
    found = power(Differs(0.2), [50, 200], repeats=2000, seed=1).table
    for row in found.itertuples():
        assert row.power == pytest.approx(truth(row.n, 0.2), abs=0.03)
    assert (found["ci.lower"] < found["power"]).all()
    assert (found["power"] < found["ci.upper"]).all()


@pytest.mark.parametrize("begin", [10, 100, 3000])
def test_the_smallest_sample_is_found_from_both_sides(begin):
    found = smallest_sample(Differs(0.2), begin=begin, repeats=1000, seed=2)
    expected = ((1.96 + norm.ppf(0.8)) / 0.2) ** 2
    assert found.smallest == pytest.approx(expected, rel=0.1)
    low, high = found.uncertain
    assert low <= found.smallest <= high
    assert low < expected < high
    assert "smallest n" in repr(found)
    # A search by halving, and no grid.
    assert len(found.table) <= 15


def test_a_claim_that_any_study_makes():
    assert smallest_sample(Differs(50.0), repeats=50, seed=1).smallest == 2


def test_workers_and_checkpoints_change_nothing(tmp_path, workers_here):
    one = power(Differs(0.2), [50, 60], repeats=60, seed=3)
    other = power(
        Differs(0.2), [50, 60], repeats=60, seed=3, execution=Execution(2, checkpoint=tmp_path)
    )
    assert one.table.equals(other.table)
    again = power(
        Differs(0.2), [50, 60], repeats=60, seed=3, execution=Execution(checkpoint=tmp_path)
    )
    assert one.table.equals(again.table)


def test_a_model_is_claimed_to_fit_and_its_rival_not():
    study = Study(measure.population(TWO), MODEL)
    limits = {"cfi": (">=", 0.95), "rmsea": ("<=", 0.06)}
    without = power(Fits(study, limits), 200, repeats=60, seed=1).table["power"][0]
    beside = power(Fits(study, limits, rival=ONE), 200, repeats=60, seed=1).table["power"][0]
    never = power(Fits(study, limits, rival=MODEL), 200, repeats=20, seed=1).table["power"][0]
    assert 0.6 < beside <= without
    assert never == 0


def test_a_loading_is_told_from_zero_or_known_well():
    weak = TWO.replace("0.7*x3", "0.15*x3").replace("0.51*x3", "0.9775*x3")
    study = Study(measure.population(weak), MODEL, {"std_lv": True})
    loading = ("f", "=~", "x3")
    few, many = power(Estimated(study, loading), [100, 400], repeats=80, seed=1).table["power"]
    assert few < 0.6 < many
    # The error of the estimate in a large sample says when the interval is short enough.
    fit = measure.cfa(MODEL, measure.simulate(study.population, 20_000, seed=1), std_lv=True)
    rows = fit.parameters.set_index(["lhs", "op", "rhs"])
    width = 1.96 * float(rows.loc[loading, "se"]) * np.sqrt(20_000)
    claim = Estimated(study, loading, half_width=0.12)
    found = smallest_sample(claim, target=0.5, repeats=60, seed=1)
    assert found.smallest == pytest.approx((width / 0.12) ** 2, rel=0.1)


def test_studies_that_fail_do_not_make_the_claim():
    found = power(Fails(20), [20], repeats=50, seed=1)
    assert found.table["failed"].tolist() == [0]
    with pytest.raises(MeasureError, match="50 of 50 simulated studies with 10 respondents could"):
        power(Fails(20), [10], repeats=50, seed=1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: smallest_sample(Differs(0.2), target=1.0, seed=1), "no study is certain"),
        (lambda: smallest_sample(Differs(0.2), target=0.0, seed=1), "power wanted is 0"),
        (lambda: smallest_sample(Differs(0.0), most=200, repeats=50, seed=1), "may ask for more"),
        (lambda: smallest_sample(Differs(0.2), begin=1, seed=1), "begin is 1"),
        (lambda: power(Differs(0.2), [], seed=1), "sizes are"),
        (lambda: power(Differs(0.2), [0.5], seed=1), "sizes are"),
        (lambda: Fits(Study(measure.population(TWO), MODEL), {}), "at least one limit"),
        (
            lambda: Fits(Study(measure.population(TWO), MODEL), {"cfi": ("=", 1.0)}),
            'the limit of "cfi"',
        ),
        (
            lambda: power(
                Fits(Study(measure.population(TWO), MODEL), {"cf": (">=", 1.0)}),
                99,
                repeats=4,
                seed=1,
            ),
            'no measure "cf"',
        ),
        (
            lambda: power(
                Estimated(Study(measure.population(TWO), MODEL), ("f", "=~", "x9")),
                99,
                repeats=4,
                seed=1,
            ),
            "no parameter",
        ),
        (
            lambda: power(
                Estimated(Study(measure.population(TWO), MODEL), ("f", "=~", "x1")),
                99,
                repeats=4,
                seed=1,
            ),
            "is fixed in the model",
        ),
    ],
)
def test_impossible_questions_are_refused(call, message):
    with pytest.raises((OptionError, MeasureError), match=message):
        call()
