"""Models of persons within organisations: when they are fitted, and how they are judged."""

from dataclasses import replace
from functools import cache

import pytest

import measure
from analyses.across_levels import level_models, two_levels
from analyses.across_levels.two_levels import TwoLevel
from analyses.modelling.fits import plan
from analyses.section import Message
from instruments.rules import Rules
from tests.analyses.demonstrations import instrument, survey

KKS = instrument("coupling")
M13, M13E = KKS.model("M13"), KKS.model("M13e")
ITEMS = "HOSTIL01 + HOSTIL02 + HOSTIL04 + HOSTIL05"

pytestmark = pytest.mark.filterwarnings("ignore::measure.errors.ImproperSolutionWarning")


@cache
def hostility() -> measure.Fit:
    """Fit one factor at each level; one variance between companies is a little below 0."""
    answers = survey("leadership_climate").data
    text = f"level: 1\n    w =~ {ITEMS}\nlevel: 2\n    b =~ {ITEMS}"
    return measure.cfa(text, answers, cluster="COMPID", estimator="MLR")


def test_a_model_that_fits_at_both_levels_is_confirmed() -> None:
    fit = replace(hostility(), admissible=True)
    found = two_levels._judged(KKS.rules, M13, fit, None)
    assert found.judgement == "confirmed"
    assert found.fit is fit
    assert found.reason.values["n"] == 49


def test_a_model_that_fits_at_one_level_only_is_refuted() -> None:
    items = {
        name: getattr(KKS.rules, name).model_copy(update={"srmr": -1.0})
        for name in ("global_fit_good", "global_fit_acceptable")
    }
    strict: Rules = KKS.rules.model_copy(update=items)
    fit = replace(hostility(), admissible=True)
    assert two_levels._judged(strict, M13, fit, None).reason.key == "levels.two.poor"


def test_a_model_that_is_much_worse_than_the_wider_one_is_refuted() -> None:
    fit = replace(hostility(), admissible=True)
    wider = TwoLevel(M13, "confirmed", two_levels._judged(KKS.rules, M13, fit, None).reason, fit)
    same = two_levels._judged(KKS.rules, M13E, fit, wider)
    assert same.judgement == "confirmed"
    stricter = KKS.rules.invariance_delta_cfi.model_copy(update={"value": 0.1})
    rules: Rules = KKS.rules.model_copy(update={"invariance_delta_cfi": stricter})
    assert two_levels._judged(rules, M13E, fit, wider).reason.key == "levels.two.worse"


def test_impossible_values_leave_it_open() -> None:
    found = two_levels._judged(KKS.rules, M13, hostility(), None)
    assert found.judgement == "undecided"
    assert "negative residual variance" in str(found.reason.values["text"])


def test_each_level_stands_in_a_table_and_the_check_beside_it() -> None:
    fit = replace(hostility(), admissible=True)
    reason = two_levels._judged(KKS.rules, M13, fit, None).reason
    poor = TwoLevel(M13, "refuted", reason, fit)
    one = TwoLevel(M13, "confirmed", reason, fit, lambda: poor)
    by_level, checked = level_models.tables([one])
    expected = measure.level_fit(fit)
    assert by_level.column("srmr") == tuple(expected["srmr"])
    assert by_level.column("level_counts") == (fit.n_obs - 49, 49)
    assert by_level.column("df") == (2, 2)
    assert set(checked.column("difference")) == {0.0}
    stands, check = level_models.findings([one])
    assert (stands.verdict, check.verdict) == ("good", "undecided")
    assert check.claim.key == "levels.two.check.differs"
    agrees = replace(one, make_check=lambda: one)
    assert [found.verdict for found in level_models.findings([agrees])] == ["good", "information"]


def test_what_is_not_measured_has_no_finding_and_no_table() -> None:
    none = TwoLevel(M13, "not_measured", Message("hypotheses.reason.not_asked"))
    assert not list(level_models.findings([none]))
    assert not list(level_models.tables([none]))
    assert none.check is None


@pytest.mark.parametrize(
    ("n_places", "key"), [(24, "levels.two.few"), (60, "levels.two.too_little")]
)
def test_few_organisations_or_little_between_them_are_not_measured(n_places: int, key: str) -> None:
    small = survey("coupling")
    # The items about oneself stand in for those about the workplace.
    renamed = {item: f"I_{item[2:]}" for item in KKS.item_ids if item.startswith("O_")}
    scored = small.scored.assign(**{name: small.scored[own] for name, own in renamed.items()})
    number = range(len(small.data))
    data = small.data.assign(organisation=[f"o{row % n_places}" for row in number])
    answers = replace(small, scored=scored, data=data)
    found = two_levels.two_levels(KKS, answers, plan(KKS, answers))
    assert [one.judgement for one in found] == ["not_measured"] * 3
    # Organisations drawn by turns have nothing in common.
    assert found[0].reason.key == key


def test_answers_about_one_level_measure_nothing_of_two() -> None:
    small = survey("coupling")
    found = two_levels.two_levels(KKS, small, plan(KKS, small))
    assert [one.model.id for one in found] == ["M13", "M13e", "M13h"]
    assert {one.reason.key for one in found} == {"hypotheses.reason.not_asked"}
