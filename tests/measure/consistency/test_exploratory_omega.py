import numpy as np
import pandas as pd
import pytest

from measure.consistency.exploratory_omega import _solved
from measure.consistency.omega import omega_hierarchical
from measure.consistency.ordinal_composites import answers_with
from measure.consistency.schmid_leiman_omegas import SchmidLeimanOmegas
from measure.errors import OptionError
from measure.moments import ordinal
from measure.moments.labels import with_numbers
from measure.moments.rows import rows_of
from tests.measure.ledger import SCHMID_LEIMAN
from tests.reference_cases import case, data

ITEMS = data("hs39.csv")[[f"x{k}" for k in range(1, 10)]]
ORDERED = data("hs39_ordered4.csv")[[f"o{k}" for k in range(1, 10)]]
BFI = data("bfi.csv").iloc[:, :25].dropna()


@pytest.mark.parametrize("name", SCHMID_LEIMAN)
def test_reference(name):
    reference = case(name)
    asked, expected = reference["options"], reference["results"]
    table = data(reference["data"])
    R = table[asked["variables"]].corr() if asked["input"] == "raw" else table
    R = R.to_numpy()
    n_factors = asked["nfactors"]
    solution = _solved(R, tuple(map(str, range(len(R)))), reference["nobs"], n_factors)
    own = SchmidLeimanOmegas(solution.at, solution.how, standardized=True)
    found = dict(zip(own.factors(R, own.at).labels, own.values(R), strict=True))
    assert found["g", "omega_h"] == pytest.approx(expected["omega_h"], abs=1e-5)
    assert found["g", "ecv"] == pytest.approx(expected["ecv"], abs=1e-5)
    # psych's omega total is the sum of the communalities; ours that of the loadings' products.
    loadings = own.at.loadings
    total = (R.sum() - len(R) + (loadings**2).sum()) / R.sum()
    assert total == pytest.approx(expected["omega_total"], abs=1e-5)
    default = expected["psych_omega_default"]
    assert found["g", "omega_h"] == pytest.approx(default["omega_h"], abs=2e-3)


@pytest.mark.parametrize("standardized", [False, True])
@pytest.mark.parametrize(("items", "n_factors"), [(ITEMS, 2), (ITEMS, 3), (BFI, 5)])
def test_slopes(items, n_factors, standardized):
    S = items.cov().to_numpy()
    solution = _solved(items.corr().to_numpy(), tuple(items.columns), len(items), n_factors)
    own = SchmidLeimanOmegas(solution.at, solution.how, standardized)
    np.testing.assert_allclose(own.values(S), own.factors(S, own.at).values, atol=1e-6)
    slopes = own.slopes(S)
    rng = np.random.default_rng(1)
    direction = rng.normal(size=S.shape)
    step = 1e-4 * (direction + direction.T) * np.sqrt(np.outer(np.diag(S), np.diag(S)))
    expected = (own.values(S + step) - own.values(S - step)) / 2
    found = np.einsum("kij,ij->k", slopes, step)
    # Extraction and rotation stop some 1e-9 from their minimum.
    np.testing.assert_allclose(found, expected, atol=2e-3 * np.abs(expected).max())


def test_intervals():
    plain = omega_hierarchical(ITEMS, n_factors=3)
    drawn = omega_hierarchical(ITEMS, interval="percentile", seed=1, n_samples=100)
    assert plain.table["est"].to_list() == pytest.approx(drawn.table["est"].to_list(), nan_ok=True)
    general = plain.table["factor"] == "g"
    np.testing.assert_allclose(
        plain.table.loc[general, "se"], drawn.table.loc[general, "se"], rtol=0.25
    )
    copies = pd.concat([ITEMS.assign(unit=range(301))] * 2, ignore_index=True)
    twice = omega_hierarchical(copies, cluster="unit")
    np.testing.assert_allclose(twice.table["se"], plain.table["se"], rtol=0.01)
    assert twice.n_clusters == 301
    assert "Schmid–Leiman" in repr(plain)


def test_the_order_of_items_does_not_matter():
    shuffled = omega_hierarchical(ITEMS[list(ITEMS.columns[::-1])])
    assert shuffled.of("omega_h") == pytest.approx(
        omega_hierarchical(ITEMS).of("omega_h"), abs=1e-6
    )


def test_ordered_items():
    found = omega_hierarchical(ORDERED, ordered=True)
    assert 0 < found.of("omega_h") < found.of("omega_t") < 1
    assert found.facts["correlations"] == "polychoric"
    with pytest.raises(OptionError, match="not offered for exploratory factors"):
        omega_hierarchical(ORDERED, ordered=True, interval="bca", seed=1)
    with pytest.raises(OptionError, match="no meaning for ordered items"):
        omega_hierarchical(ORDERED, ordered=True, of="standardized")


def test_slopes_of_ordered_items():
    names = tuple(ORDERED.columns)
    moments = ordinal.from_rows(rows_of(with_numbers(ORDERED, names), names), names, pairwise=False)
    sample = moments.sample[0]
    R, cuts = sample.sigma, sample.thresholds
    solution = _solved(R, names, 301, 3)

    def around(thresholds):
        answers = answers_with(moments, thresholds)
        return SchmidLeimanOmegas(solution.at, solution.how, False, answers)

    own = around(cuts)
    rng = np.random.default_rng(1)
    step = rng.normal(size=R.shape) * (1 - np.eye(len(R)))
    step = 1e-4 * (step + step.T)
    expected = (
        own.factors(R + step, own.solved(R + step)).values
        - own.factors(R - step, own.solved(R - step)).values
    ) / 2
    found = np.einsum("kij,ij->k", own.correlation_slopes(R, own.factors(R, own.at)), step)
    np.testing.assert_allclose(found, expected, atol=1e-3 * np.abs(expected).max())
    move = 1e-5 * rng.normal(size=len(cuts))
    ends = [around(cuts + sign * move).factors(R, own.at).values for sign in (1, -1)]
    found = [slope.thresholds @ move for slope in own.factors(R, own.at).slopes]
    np.testing.assert_allclose(found, (ends[0] - ends[1]) / 2, rtol=1e-5, atol=1e-10)


@pytest.mark.slow
def test_standard_errors_of_ordered_items():
    found = omega_hierarchical(ORDERED, ordered=True)
    # The spread over samples drawn from the rows, each correlated, extracted and rotated anew.
    rng = np.random.default_rng(1)
    drawn = [
        omega_hierarchical(ORDERED.iloc[rng.integers(0, 301, 301)], ordered=True)
        for _ in range(100)
    ]
    for kind in ("omega_t", "omega_h", "ecv"):
        spread = np.std([one.of(kind) for one in drawn], ddof=1)
        se = found.table.set_index(["factor", "coefficient"]).loc[("g", kind), "se"]
        assert spread == pytest.approx(se, rel=0.25)
