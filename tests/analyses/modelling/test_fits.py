from dataclasses import replace

import numpy as np
import pytest

from analyses.intake.survey import Survey
from analyses.modelling.fits import fit_beside, fit_model, fit_models, plan
from analyses.modelling.scale_models import one_factor
from measure.errors import OptionError
from tests.analyses.demonstrations import fits, instrument, numbers, survey, with_answers


def test_complete_answers_in_companies_are_fitted_listwise_by_company() -> None:
    name = "leadership_climate"
    planned = plan(instrument(name), survey(name))
    assert (planned.estimator, planned.missing) == ("WLSMV", "listwise")
    assert planned.cluster is not None
    assert planned.cluster.name == "COMPID"
    fit = fits(name)["three_factors"].fit
    assert fit is not None
    assert fit.n_clusters == 49
    assert (fit.method.se, fit.method.test) == ("robust.sem", "scaled.shifted")


def test_answers_in_categories_are_ordered_and_checked_as_numbers() -> None:
    for name, missing in (("leadership_climate", "listwise"), ("coupling", "fiml")):
        planned = plan(instrument(name), survey(name))
        assert planned.ordered == tuple(survey(name).scored.columns)
        for model, fitted in fits(name).items():
            assert fitted.usable is not None
            assert set(fitted.usable.options.ordered) == set(fitted.usable.moments.names)
            check = fitted.check
            assert check is not None
            assert check.model.id == model
            assert (check.plan.estimator, check.plan.missing) == ("MLR", missing)
            assert (check.plan.cluster, check.plan.ordered) == (planned.cluster, ())
            assert check.usable is not None
            assert not check.usable.options.has_ordered
            assert check.usable.n_clusters == fitted.usable.n_clusters


def test_models_of_the_same_items_share_their_moments() -> None:
    fitted = fits("leadership_climate")
    own, other = (fitted[name].usable for name in ("one_factor", "three_factors"))
    assert own is not None
    assert other is not None
    assert own.moments is other.moments


def test_test_scores_are_numbers_and_need_no_check() -> None:
    name = "mental_ability"
    planned = plan(instrument(name), survey(name))
    assert (planned.estimator, planned.ordered) == ("MLR", ())
    assert {fitted.check for fitted in fits(name).values()} == {None}
    # Least squares of numbers stays what it is.
    assert plan(instrument(name), survey(name), estimator="DWLS").ordered == ()


@pytest.mark.parametrize(("highest", "ordered"), [(12, True), (13, False)])
def test_answers_in_more_than_twelve_categories_are_numbers(highest: int, ordered: bool) -> None:
    loaded = instrument("leadership_climate")
    responses = tuple(
        scale.model_copy(update={"highest": highest, "lowest": 1, "labels": {}})
        for scale in loaded.responses
    )
    wide = loaded.model_copy(update={"responses": responses})
    planned = plan(wide, survey("leadership_climate"))
    assert bool(planned.ordered) is ordered
    assert planned.estimator == ("WLSMV" if ordered else "MLR")


def determined(name: str, item: str, by: str) -> Survey:
    """Give a survey in which one item is a coarse copy of another."""
    scored = survey(name).scored.copy()
    scored[item] = np.where(scored[by] > 3, 4.0, 2.0)
    return with_answers(name, scored)


def test_where_ordered_answers_cannot_be_fitted_the_check_takes_their_place() -> None:
    loaded = instrument("leadership_climate")
    fitted = fit_models(loaded, determined("leadership_climate", "LEAD02", "LEAD01"))
    for entry in fitted.values():
        assert entry.outcome == "fitted"
        assert entry.plan.estimator == "MLR"
        assert entry.check is None
        failed = entry.instead_of
        assert failed is not None
        assert failed.outcome == "refused"
        assert failed.error is not None
        assert '"LEAD01" and "LEAD02" determine each other' in failed.error


def test_where_both_fail_the_attempt_on_ordered_answers_is_told() -> None:
    scored = survey("leadership_climate").scored.assign(LEAD01=3.0)
    fitted = fit_models(
        instrument("leadership_climate"), with_answers("leadership_climate", scored)
    )
    entry = fitted["three_factors"]
    assert (entry.outcome, entry.plan.estimator) == ("refused", "WLSMV")
    assert entry.check is not None
    assert entry.check.outcome == "refused"


def test_incomplete_answers_are_all_used() -> None:
    name = "coupling"
    assert plan(instrument(name), survey(name)).missing == "pairwise"
    assert plan(instrument(name), survey(name), estimator="MLR").missing == "fiml"
    for fit in (fits(name)["M2"].fit, numbers(name)["M2"].fit):
        assert fit is not None
        assert fit.n_obs == survey(name).scored.notna().any(axis=1).sum() == 599
        assert fit.n_clusters == 59


def test_an_instrument_without_clusters_has_none() -> None:
    planned = plan(instrument("mental_ability"), survey("mental_ability"))
    assert planned.cluster is None
    fit = fits("mental_ability")["three_factors"].fit
    assert fit is not None
    assert fit.n_clusters is None
    assert fit.method.se == "robust.huber.white"


@pytest.mark.parametrize(
    ("estimator", "missing"),
    [("ML", "fiml"), ("MLM", "listwise"), ("GLS", "listwise"), ("ULSMV", "pairwise")],
)
def test_the_asked_estimator_decides_what_becomes_of_gaps(estimator: str, missing: str) -> None:
    name = "coupling"
    planned = plan(instrument(name), survey(name), estimator=estimator)
    assert (planned.estimator, planned.missing) == (estimator, missing)
    fitted = fit_model(instrument(name).reference_model, survey(name), planned)
    assert fitted.outcome == "fitted"
    assert fitted.plan is planned
    assert fitted.fit is not None
    assert fitted.fit.options.has_ordered is (missing == "pairwise")


def test_one_company_is_no_cluster() -> None:
    name = "leadership_climate"
    data = survey(name).data.assign(COMPID=np.where(survey(name).data.index < 9, None, "a"))
    assert plan(instrument(name), replace(survey(name), data=data)).cluster is None


def test_an_unknown_estimator_is_refused_before_anything_is_fitted() -> None:
    for name in ("mental_ability", "coupling"):
        with pytest.raises(OptionError, match="unknown estimator"):
            plan(instrument(name), survey(name), estimator="OLS")


def test_models_beside_the_reference_are_fitted_as_it_is_with_every_answer() -> None:
    name = "leadership_climate"
    loaded, answers = instrument(name), survey(name)
    reference = fits(name)["three_factors"]
    assert reference.plan.missing == "listwise"
    scored = answers.scored.copy()
    scored.loc[scored.index[:100], "TSIG01"] = np.nan
    model = one_factor(loaded.scale("significance"), ["TSIG01", "TSIG02", "TSIG03"])
    found = fit_beside(loaded, (model,), with_answers(name, scored), reference)[model.id]
    assert (found.plan.estimator, found.plan.missing) == ("WLSMV", "pairwise")
    assert found.usable is not None
    assert found.usable.n_clusters == 49
    assert found.check is not None
    assert (found.check.plan.estimator, found.check.plan.missing) == ("MLR", "fiml")
    assert found.check.usable is not None
    assert found.check.usable.n_obs == len(scored)


def test_a_scale_of_numbers_is_fitted_as_numbers_beside_ordered_answers() -> None:
    name = "leadership_climate"
    loaded, answers = instrument(name), survey(name)
    reference = fits(name)["three_factors"]
    items = ["TSIG01", "TSIG02", "TSIG03"]
    ordered = tuple(item for item in reference.plan.ordered if item not in items)
    partly = replace(reference, plan=replace(reference.plan, ordered=ordered))
    model = one_factor(loaded.scale("significance"), items)
    found = fit_beside(loaded, (model,), answers, partly)[model.id]
    assert found.plan.estimator == "MLR"
    assert found.check is None
    assert found.usable is not None
    assert not found.usable.options.has_ordered
