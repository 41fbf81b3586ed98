from dataclasses import replace

import numpy as np
import pytest

from analyses.modelling import indices
from analyses.modelling.fits import fit_models
from tests.analyses.demonstrations import fits, instrument, numbers, survey

NAME = "mental_ability"


@pytest.mark.parametrize(
    ("estimator", "kind", "chisq", "df"),
    [
        ("MLR", "robust", "chisq.scaled", "df"),
        ("MLMVS", "scaled", "chisq.scaled", "df.scaled"),
        ("ML", "plain", "chisq", "df"),
        ("ULS", "plain", "chisq", "df"),
    ],
)
def test_the_best_kind_that_there_is(estimator: str, kind: str, chisq: str, df: str) -> None:
    fit = fit_models(instrument(NAME), survey(NAME), estimator=estimator)["three_factors"].fit
    assert fit is not None
    assert indices.kind_of(fit) == kind
    assert indices.chisq_names(fit)[:2] == (chisq, df)
    for name, value in indices.measures(fit, kind).items():
        assert value == fit.fit_measures[indices.NAMES[kind][name]]
        assert indices.source(fit, kind, name.removesuffix(".ci.lower").removesuffix(".ci.upper"))


def test_after_fiml_indices_are_robust_though_the_test_is_not_scaled() -> None:
    loaded, answers = instrument("coupling"), survey("coupling")
    data = answers.data.drop(columns="unit")
    alone = replace(answers, data=data)
    fit = fit_models(loaded, alone, estimator="ML")["M2"].fit
    assert fit is not None
    assert indices.kind_of(fit) == "robust"
    assert indices.chisq_names(fit) == ("chisq", "df", "pvalue")
    assert indices.source(fit, "robust", "cfi") == "Zhang & Savalei 2023"


def test_srmr_leaves_out_means_that_fit_by_themselves() -> None:
    fit = numbers("leadership_climate")["three_factors"].fit
    assert fit is not None
    assert indices.measures(fit, "robust")["srmr"] == pytest.approx(0.05657473653, rel=1e-6)
    assert fit.fit_measures["srmr"] < 0.054


def test_ordered_answers_have_robust_indices_of_their_own() -> None:
    fit = fits("coupling")["M2"].fit
    assert fit is not None
    assert indices.kind_of(fit) == "robust"
    assert indices.chisq_names(fit) == ("chisq.scaled", "df", "pvalue.scaled")
    assert indices.source(fit, "robust", "rmsea") == "Savalei 2021"
    sources = indices.sources(fit, "robust")
    assert sources.startswith("Asparouhov & Muthén 2010; Savalei 2021")
    assert "Schwarz" not in sources
    (note,) = indices.notes(fit, "robust")
    assert note.key == "confirmatory.note.kind_robust_ordered"


def test_scaled_indices_name_the_test_that_scales_them() -> None:
    fit = fits("coupling")["M2"].fit
    assert fit is not None
    assert indices.source(fit, "scaled", "cfi") == "Bentler 1990; Asparouhov & Muthén 2010"
    adjusted = fit_models(instrument(NAME), survey(NAME), estimator="MLMVS")["three_factors"].fit
    assert adjusted is not None
    assert indices.source(adjusted, "scaled", "cfi") == "Bentler 1990; Satorra & Bentler 1994"


def test_a_kind_that_a_fit_lacks_is_not_a_number_and_never_another_kind() -> None:
    fit = fit_models(instrument(NAME), survey(NAME), estimator="ML")["three_factors"].fit
    assert fit is not None
    assert np.isnan(indices.measures(fit, "robust")["cfi"])


def test_without_a_reference_fit_the_first_fitted_model_decides() -> None:
    fitted = fits(NAME)
    assert indices.shared_kind(None, fitted) == "robust"
    assert indices.shared_kind(None, {}) == "plain"
    assert indices.sources(None, "plain")
