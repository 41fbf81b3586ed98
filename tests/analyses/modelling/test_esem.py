"""The model that frees the cross-loadings of the reference model, beside it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import measure
from analyses import confirmatory, hypotheses
from analyses.comparing.licences import Licences
from analyses.modelling import esem, structure
from analyses.modelling.fits import Fits, fit_model, plan
from analyses.section import Message, Section, Table
from tests.analyses.demonstrations import evidence, finding, fits, instrument, survey

KKS = instrument("coupling")


@pytest.fixture(scope="module")
def section() -> Section:
    return confirmatory.run(KKS, survey("coupling"), fits=fits("coupling"))


def test_the_model_is_fitted_as_all_others_are() -> None:
    own, reference = fits("coupling")["M10"], fits("coupling")["M2"]
    assert own.usable is not None
    assert own.plan == reference.plan
    assert (own.plan.estimator, own.plan.missing) == ("WLSMV", "pairwise")
    assert own.usable.options.information == "observed"
    assert own.usable.n_clusters == 59
    assert own.check is not None
    assert own.check.usable is not None
    assert own.check.usable.options.estimator == "MLR"


def test_degrees_of_freedom_do_not_depend_on_the_rotation() -> None:
    # 300 variances and covariances, less 96 loadings, 24 residual variances and 6 correlations,
    # and 4 · 3 conditions that fix the rotation.
    assert structure.structure(KKS.model("M10")).df == 300 - (96 + 24 + 6 - 12)
    fit = fits("coupling")["M10"].usable
    assert fit is not None
    assert fit.df == 186


def test_blocks_are_read_beside_other_factors() -> None:
    model = KKS.model("M10")
    text = """
    efa('two')*f1 + efa('two')*f2 =~ x1 + x2 + x3 +
        x4 + x5 + x6
    g =~ y1 + y2 + y3
    """
    read = structure.structure(model.model_copy(update={"syntax": text}))
    assert read.blocks == {"two": ("f1", "f2")}
    assert read.factors["f2"] == ("x1", "x2", "x3", "x4", "x5", "x6")
    # 12 loadings of the block less 1, 3 more, 9 residual variances, 2 correlations with g.
    assert read.n_parameters == 11 + 3 + 9 + 2
    loadings = np.zeros((9, 3))
    loadings[:3, 0] = loadings[3:6, 1] = loadings[6:, 2] = 0.7
    loadings[[0, 4], [1, 0]] = 0.2
    population = loadings @ (0.3 + 0.7 * np.eye(3)) @ loadings.T
    np.fill_diagonal(population, 1.0)
    moments = pd.DataFrame(population, index=read.observed, columns=read.observed)
    fit = measure.cfa(text, sample_cov=moments, sample_nobs=300, std_lv=True, seed=1)
    assert fit.df == read.df


def test_it_turns_towards_the_reference_model_and_is_refused_without_it() -> None:
    model, planned = KKS.model("M10"), plan(KKS, survey("coupling"))
    refused = fit_model(model, survey("coupling"), planned)
    assert refused.outcome == "refused"
    assert refused.error is not None
    assert "target" in refused.error


def test_factor_correlations_stand_side_by_side(section: Section) -> None:
    table = section.table("M10_correlations")
    own, reference = (fits("coupling")[name].usable for name in ("M10", "M2"))
    assert own is not None
    assert reference is not None
    upper = np.triu_indices(4, 1)
    for name, fit in (("M10", own), ("M2", reference)):
        assert sorted(table.column(f"{name}.correlation")) == pytest.approx(
            sorted(fit.factor_correlations.to_numpy()[upper])
        )
        for lower, value, higher in zip(
            *(table.column(f"{name}.{part}") for part in ("ci.lower", "correlation", "ci.upper")),
            strict=True,
        ):
            assert lower < value < higher
    differences = table.column("esem_difference")
    assert differences == pytest.approx(
        np.subtract(table.column("M10.correlation"), table.column("M2.correlation"))
    )
    # Both computations tell nearly the same.
    assert table.column("esem_difference_check") == pytest.approx(differences, abs=0.02)


def test_how_much_they_drop_is_said_and_not_judged(section: Section) -> None:
    found = finding(section, "esem_M10")
    table = section.table("M10_correlations")
    assert found.verdict == "information"
    assert found.claim.key == "esem.claim.lower"
    mean = np.mean(table.column("esem_difference"))
    assert evidence(found, "esem_freed") - evidence(found, "esem_reference") == pytest.approx(mean)
    assert evidence(found, "esem_drop") == pytest.approx(min(table.column("esem_difference")))
    assert evidence(found, "esem_cross_loading") < 0.3 < evidence(found, "esem_own_loading")
    assert evidence(found, "starts") == pytest.approx(1.0)


def _ledger(found: Fits) -> Table:
    """Give the ledger; the models of all groups together need no licence."""
    section = hypotheses.run(KKS, survey("coupling"), fits=found, granted=Licences())
    return section.table("ledger")


def test_the_ledger_tells_the_same(section: Section) -> None:
    ledger = _ledger(fits("coupling"))
    (row,) = (row for row in ledger.rows if row[0] == "M10")
    assert row[2] == Message("hypotheses.judgement.shown")
    assert row[3] == finding(section, "esem_M10").claim


def test_a_model_that_cannot_be_read_has_its_reason_in_the_ledger() -> None:
    found = fits("coupling")
    failed = found | {"M10": replace(found["M10"], outcome="not_converged", fit=None)}
    assert list(esem.freed(KKS, failed)) == []
    ledger = _ledger(failed)
    (row,) = (row for row in ledger.rows if row[0] == "M10")
    assert row[2:] == (
        Message("hypotheses.judgement.undecided"),
        Message("outcome.not_converged"),
    )


def _mean_correlation(sample: np.ndarray, n_obs: int) -> float:
    factors = ["a", "b", "c", "d"]
    items = [f"{factor}{number}" for factor in factors for number in range(1, 7)]
    own = np.kron(np.eye(4), np.ones((6, 1))) > 0
    target = pd.DataFrame(np.where(own, np.nan, 0.0), index=items, columns=factors)
    block = " + ".join(f'efa("q")*{factor}' for factor in factors)
    fit = measure.cfa(
        f"{block} =~ {' + '.join(items)}",
        sample_cov=pd.DataFrame(sample, index=items, columns=items),
        sample_nobs=n_obs,
        rotation="targetQ",
        rotation_args={"target": target},
        seed=1,
        se="none",
    )
    return float(fit.factor_correlations.to_numpy()[np.triu_indices(4, 1)].mean())


def _population(loading: float) -> np.ndarray:
    pattern = np.kron(np.eye(4), np.full((6, 1), loading))
    implied = pattern @ (0.64 + 0.36 * np.eye(4)) @ pattern.T
    np.fill_diagonal(implied, 1.0)
    return implied


def test_in_the_population_correlations_do_not_drop_without_cross_loadings() -> None:
    assert _mean_correlation(_population(0.62), 600) == pytest.approx(0.64, abs=1e-6)


@pytest.mark.parametrize(
    ("loading", "n_obs", "drop"), [(0.62, 200, 0.13), (0.62, 2400, 0.01), (0.5, 600, 0.12)]
)
def test_in_a_sample_they_drop_by_chance(loading: float, n_obs: int, drop: float) -> None:
    rng = np.random.default_rng(7)
    answers = rng.multivariate_normal(np.zeros(24), _population(loading), (6, n_obs))
    found = [_mean_correlation(np.corrcoef(one.T), n_obs) for one in answers]
    assert 0.64 - np.mean(found) == pytest.approx(drop, abs=0.04)
