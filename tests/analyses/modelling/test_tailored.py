"""Limits of fit that are simulated for the reference model."""

from functools import cache

import pytest

import measure
from analyses import confirmatory
from analyses.modelling import tailored
from analyses.modelling.fits import Fitted
from analyses.section import Section
from analyses.wording import words
from tests.analyses.demonstrations import fits, instrument, survey

NAME = "mental_ability"


def reference() -> Fitted:
    return fits(NAME)[instrument(NAME).reference_model.id]


@cache
def limits() -> measure.Cutoffs:
    found = tailored.simulate(reference(), 1, repeats=40)
    assert not isinstance(found, str)
    return found


@pytest.fixture(scope="module")
def section() -> Section:
    whole = confirmatory.run(instrument(NAME), survey(NAME), fits=fits(NAME))
    return tailored.added(whole, instrument(NAME), reference(), limits())


def test_the_finding_stands_behind_that_of_the_fixed_rules(section: Section) -> None:
    assert [finding.id for finding in section.findings[:2]] == ["global_fit", "dynamic_fit"]
    found = section.findings[1]
    # CFI .931 and RMSEA .092: as bad as with two loadings left out, by every index.
    assert found.verdict == "poor"
    assert found.rule is not None
    assert len(found.evidence) == 4
    assert {quantity.level for quantity in found.evidence} == {0.95}


def test_the_table_has_what_was_simulated(section: Section) -> None:
    table = section.table("dynamic_cutoffs")
    assert table.column("misfit_level") == (1,) * 4 + (2,) * 4
    assert table.column("dynamic_cutoff")[4:] == tuple(limits().table["cutoff"][4:])
    for language in ("da", "en"):
        said = words(language)
        rows = [[said.write(cell) for cell in row] for row in table.rows]
        assert any("x7" in row[1] for row in rows)
        assert all("x2" in row[1] for row in rows)


def test_a_model_is_judged_by_its_worst_index() -> None:
    table = limits().table.copy()
    table["rule"] = "95/5"

    def judged(*beyond: bool) -> str:
        table["beyond"] = beyond
        return tailored.judge(measure.Cutoffs(**{**vars(limits()), "table": table}))

    nothing = (False,) * 4
    assert judged(*nothing, *nothing) == "good"
    assert judged(False, True, False, False, *nothing) == "acceptable"
    assert judged(*(True,) * 4, False, False, True, False) == "poor"
    table["rule"] = "none"
    assert judged(*nothing, *nothing) == "undecided"


def test_without_a_fit_there_are_no_limits() -> None:
    failed = Fitted(instrument(NAME).reference_model, "not_converged", error="no minimum")
    reason = tailored.simulate(failed, 1)
    assert reason == "no minimum"
    found = tailored.finding(failed, reason)
    assert found.verdict == "undecided"
    assert found.claim.key == "cutoffs.claim.failed"
    one = fits(NAME)["one_factor"] if "one_factor" in fits(NAME) else reference()
    assert one.fit is not None
    whole = Section("confirmatory", found.claim, (found,))
    assert len(tailored.added(whole, instrument(NAME), failed, reason).tables) == 0
