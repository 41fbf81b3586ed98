from dataclasses import replace

import numpy as np
import pytest

from analyses.fits import fit_model, plan
from measure.errors import OptionError
from tests.analyses.demonstrations import fits, instrument, survey


def test_complete_answers_in_companies_are_fitted_listwise_by_company() -> None:
    name = "leadership_climate"
    planned = plan(instrument(name), survey(name))
    assert (planned.estimator, planned.missing) == ("MLR", "listwise")
    assert planned.cluster is not None
    assert planned.cluster.name == "COMPID"
    fit = fits(name)["three_factors"].fit
    assert fit is not None
    assert fit.n_clusters == 49
    assert (fit.method.se, fit.method.test) == ("robust.huber.white", "yuan.bentler.mplus")


def test_incomplete_answers_are_all_used() -> None:
    name = "coupling"
    assert plan(instrument(name), survey(name)).missing == "fiml"
    fit = fits(name)["M2"].fit
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
    ("estimator", "missing"), [("ML", "fiml"), ("MLM", "listwise"), ("GLS", "listwise")]
)
def test_the_asked_estimator_decides_what_becomes_of_gaps(estimator: str, missing: str) -> None:
    name = "coupling"
    planned = plan(instrument(name), survey(name), estimator=estimator)
    assert (planned.estimator, planned.missing) == (estimator, missing)
    fitted = fit_model(instrument(name).reference_model, survey(name), planned)
    assert fitted.outcome == "fitted"
    assert fitted.plan is planned


def test_one_company_is_no_cluster() -> None:
    name = "leadership_climate"
    data = survey(name).data.assign(COMPID=np.where(survey(name).data.index < 9, None, "a"))
    assert plan(instrument(name), replace(survey(name), data=data)).cluster is None


def test_an_unknown_estimator_is_refused_before_anything_is_fitted() -> None:
    with pytest.raises(OptionError, match="unknown estimator"):
        plan(instrument("mental_ability"), survey("mental_ability"), estimator="OLS")
