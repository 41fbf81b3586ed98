import pytest

from tests.measure.ledger import COMPARED, NOT_YET
from tests.reference_cases import cases

KINDS = (
    *("efa", "retention", "reliability", "icc", "agreement", "mixed", "groups", "polychoric"),
    *("ordinal_twolevel", "graded"),
)


@pytest.mark.parametrize("kind", KINDS)
def test_every_case_is_compared_or_named(kind):
    ids = {case["id"] for case in cases(kind)}
    assert ids
    assert ids <= COMPARED | set(NOT_YET)


def test_the_ledger_names_only_cases_that_exist_once():
    ids = {case["id"] for kind in KINDS for case in cases(kind)}
    assert ids == COMPARED | set(NOT_YET)
    assert not COMPARED & set(NOT_YET)
