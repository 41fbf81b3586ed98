from dataclasses import replace

import pytest

from analyses.intake.survey import Survey
from analyses.modelling import methods
from analyses.modelling.fits import Fitted, fit_models, fit_reference
from analyses.wording import words
from instruments import Instrument
from tests.analyses.demonstrations import fits, instrument, numbers, people, survey


def said(instrument: Instrument, survey: Survey, fitted: Fitted) -> dict[str, str]:
    return {
        note.key.removeprefix("method.note."): words("en").say(note)
        for note in methods.notes(instrument, survey, fitted)
    }


@pytest.mark.parametrize(
    ("name", "model", "expected"),
    [
        ("mental_ability", "three_factors", "MLR, robuste standardfejl"),
        (
            "leadership_climate",
            "three_factors",
            "WLSMV for ordnede svar, klyngerobuste standardfejl (49 klynger)",
        ),
        ("coupling", "M2", "WLSMV for ordnede svar, klyngerobuste standardfejl (59 klynger)"),
    ],
)
def test_a_number_s_method_is_that_of_the_fit(name: str, model: str, expected: str) -> None:
    assert words("da").write(methods.estimated(fits(name)[model])) == expected
    assert words("da").write(methods.of_any(fits(name))) == expected


@pytest.mark.parametrize(
    ("name", "model", "expected"),
    [
        ("leadership_climate", "three_factors", "MLR, klyngerobuste standardfejl (49 klynger)"),
        ("coupling", "M2", "MLR med FIML, klyngerobuste standardfejl (59 klynger)"),
    ],
)
def test_the_check_is_named_by_its_own_method(name: str, model: str, expected: str) -> None:
    check = fits(name)[model].check
    assert check is not None
    assert words("da").write(methods.estimated(check)) == expected
    assert words("da").write(methods.of_any(numbers(name))) == expected


def test_the_method_box_of_ordered_answers_tells_all_that_was_chosen() -> None:
    notes = said(instrument("coupling"), survey("coupling"), fits("coupling")["M2"])
    told = notes["ordered_robust"]
    for fact in ("WLSMV", "599 persons", "polychoric", "delta parameterisation", "robust"):
        assert fact in told
    assert "MCAR" in notes["pairwise"]
    assert "by unit, and there are 59" in notes["clusters"]
    assert "MLR with FIML" in notes["check"]
    assert "FIML" in notes["check_fiml"]


def test_it_is_said_how_much_wider_intervals_are_than_under_normality() -> None:
    name = "leadership_climate"
    fitted = fits(name)["three_factors"]
    assert fitted.fit is not None
    assert fitted.fit.moments.ordinal is not None
    understated = fitted.fit.moments.ordinal.understated
    assert understated == pytest.approx(0.27, abs=0.01)
    told = said(instrument(name), survey(name), fitted)["abnormal"]
    assert f"about {100 * understated:.0f}% for the correlations" in told
    # The simulated answers were cut from normal responses.
    assert not list(methods.normality_notes(fits("coupling")["M2"]))
    assert not list(methods.normality_notes(numbers(name)["three_factors"]))


def test_a_method_box_says_where_the_check_stands_in() -> None:
    loaded, answers = instrument("coupling"), survey("coupling")
    failed = Fitted(loaded.reference_model, "not_converged", error="no minimum")
    standing_in = replace(numbers("coupling")["M2"], instead_of=failed)
    assert "could not be computed" in said(loaded, answers, standing_in)["fallback"]


def test_plain_ml_is_robust_where_there_are_clusters_and_says_so() -> None:
    name = "leadership_climate"
    clustered = fit_models(instrument(name), survey(name), estimator="ML")
    written = words("en").write(methods.of_any(clustered))
    assert written == "ML, cluster-robust standard errors (49 clusters)"
    plain = fit_models(instrument("mental_ability"), survey("mental_ability"), estimator="ML")
    assert words("en").write(methods.of_any(plain)) == "ML, ordinary standard errors"
    notes = said(instrument("mental_ability"), survey("mental_ability"), plain["three_factors"])
    assert "assume that the answers are normally distributed" in notes["standard"]


def test_clusters_and_their_number_are_told() -> None:
    name = "leadership_climate"
    notes = said(instrument(name), survey(name), fits(name)["three_factors"])
    assert list(notes) == [
        "ordered_robust",
        "abnormal",
        "clusters",
        "few_clusters",
        "clusters_and_test",
        "complete",
        "check",
    ]
    assert "by company, and there are 49 of them" in notes["clusters"]
    assert "only 49 clusters. With fewer than 50" in notes["few_clusters"]
    enough = said(instrument("coupling"), survey("coupling"), fits("coupling")["M2"])
    assert list(enough) == [
        "ordered_robust",
        "clusters",
        "clusters_and_test",
        "pairwise",
        "check",
        "check_fiml",
    ]
    assert "With 59 clusters" in enough["clusters_and_test"]
    as_numbers = said(instrument("coupling"), survey("coupling"), numbers("coupling")["M2"])
    assert list(as_numbers) == ["robust", "clusters", "fiml"]


def test_a_survey_without_the_column_is_told_to_be_taken_as_independent() -> None:
    loaded, answers = instrument("leadership_climate"), people(300)
    without = replace(answers, data=answers.data.drop(columns="COMPID"))
    fitted = fit_reference(loaded, without)["three_factors"]
    notes = said(loaded, without, fitted)
    assert "as if everyone answered independently" in notes["no_clusters"]
    assert "clusters" not in notes
    alone = people(300, COMPID=["a"] * 300)
    notes = said(loaded, alone, fit_reference(loaded, alone)["three_factors"])
    assert "at least two values" in notes["one_cluster"]


def test_those_whose_cluster_is_unknown_are_counted() -> None:
    loaded, answers = instrument("leadership_climate"), people(300)
    companies = answers.data["COMPID"].mask(answers.data.index < 7)
    known = replace(answers, data=answers.data.assign(COMPID=companies))
    fitted = fit_reference(loaded, known)["three_factors"]
    assert fitted.fit is not None
    assert fitted.fit.n_obs == 293
    assert methods.without_cluster(known, fitted.plan) == 7
    assert said(loaded, known, fitted)["cluster_unknown"].startswith("7 persons take no part")


def test_an_estimator_that_needs_complete_rows_says_whom_it_leaves_out() -> None:
    name = "coupling"
    fitted = fit_models(instrument(name), survey(name), estimator="MLM")["M2"]
    assert (
        "only persons with an answer to every item"
        in said(instrument(name), survey(name), fitted)["listwise"]
    )


def test_weighted_least_squares_does_not_claim_to_need_normality() -> None:
    name = "mental_ability"
    fitted = fit_models(instrument(name), survey(name), estimator="WLS")["three_factors"]
    notes = said(instrument(name), survey(name), fitted)
    assert "do not assume" in notes["free"]


def test_a_model_without_a_fit_is_named_by_what_was_tried() -> None:
    failed = Fitted(instrument("coupling").reference_model, "not_converged", error="no minimum")
    assert methods.estimated(failed) == "MLR"
    assert methods.of_any({"M2": failed}) == "MLR"
