"""Which information about thresholds and correlations stands behind the standard errors."""

import numpy as np
import pandas as pd
import pytest

import measure
from measure.errors import OptionError
from tests.reference_cases import data

TEXT = "f =~ " + " + ".join(f"LEAD{k:02d}" for k in range(1, 7))
LOADINGS = np.array([0.8, 0.7, 0.6, 0.75])
CUTS = (-1.2, -0.4, 0.5, 1.3)


def answers(seed: int, n: int, *, skewed: bool) -> pd.DataFrame:
    """Answers to four items of one factor; skewed latent responses have the same correlations."""
    rng = np.random.default_rng(seed)
    draw = (lambda size: rng.exponential(size=size) - 1) if skewed else rng.standard_normal
    latent = draw((n, 1)) * LOADINGS + draw((n, 4)) * np.sqrt(1 - LOADINGS**2)
    return pd.DataFrame(np.digitize(latent, CUTS), columns=list("abcd"))


def errors(fit: measure.Fit) -> np.ndarray:
    """Standard errors of the loadings."""
    return fit.parameters.query("op == '=~' and free")["se"].to_numpy()


def test_information_decides_errors_and_tests_but_not_estimates():
    frame = data("lq2002.csv")
    products = measure.cfa(TEXT, frame, ordered=True, std_lv=True)
    observed = measure.cfa(TEXT, frame, ordered=True, std_lv=True, information="observed")
    np.testing.assert_allclose(
        observed.parameters["est"], products.parameters["est"], rtol=0, atol=1e-9
    )
    assert observed.fit_measures["chisq"] == pytest.approx(products.fit_measures["chisq"])
    assert (errors(observed) > 1.1 * errors(products)).all()
    assert observed.fit_measures["chisq.scaled"] < products.fit_measures["chisq.scaled"]
    assert 'information="observed"' in " ".join(products.notes)
    assert 'information="observed"' not in " ".join(observed.notes)


def test_both_agree_where_latent_responses_are_normal():
    frame = answers(1, 20_000, skewed=False)
    fits = [
        measure.cfa("f =~ a + b + c + d", frame, ordered=True, std_lv=True, information=kind)
        for kind in ("expected", "observed")
    ]
    np.testing.assert_allclose(errors(fits[0]), errors(fits[1]), rtol=0.05)


def test_what_lavaan_has_not_is_refused_by_name():
    frame = answers(2, 500, skewed=False)
    fit = measure.cfa("f =~ a + b + c + d", frame, ordered=True, information="observed")
    with pytest.raises(OptionError, match="products of scores"):
        fit.to_lavaan()
    with pytest.raises(OptionError, match='"expected"'):
        measure.cfa("f =~ a + b + c + d", frame, ordered=True, information="first.order")


@pytest.mark.slow
def test_errors_under_observed_information_are_the_spread_of_estimates():
    """With skewed latent responses, to whose own limit the estimates converge."""
    found = [
        measure.cfa(
            "f =~ a + b + c + d",
            answers(seed, 1000, skewed=True),
            ordered=True,
            std_lv=True,
            information="observed",
        )
        for seed in range(400)
    ]
    estimates = np.array([fit.parameters.query("op == '=~'")["est"] for fit in found])
    mean_error = np.array([errors(fit) for fit in found]).mean(axis=0)
    # The spread of 400 estimates is itself uncertain by 1 / sqrt(800) = 3.5 %.
    np.testing.assert_allclose(mean_error, estimates.std(axis=0, ddof=1), rtol=0.1)
