"""Rotated loadings beside the pattern of the reference model, their intervals and their starts."""

from dataclasses import replace

import numpy as np
import pytest

from analyses import exploratory
from analyses.dimensions import congruence, exploration
from analyses.dimensions.exploration import explore
from analyses.section import Section
from measure.exploration.exploratory import FactorSolution, efa
from tests.analyses.demonstrations import (
    evidence,
    finding,
    instrument,
    survey,
    with_model,
    with_rule,
)

NAME = "mental_ability"


@pytest.fixture(scope="module")
def section() -> Section:
    return exploratory.run(instrument(NAME), survey(NAME), seed=1)


@pytest.fixture(scope="module")
def solution() -> FactorSolution:
    return efa(survey(NAME).scored[[f"x{number}" for number in range(1, 10)]], 3, seed=1)


def test_tucker_s_coefficient_of_each_factor(section: Section, solution: FactorSolution) -> None:
    table = section.table("congruence")
    found = dict(zip(table.column("factor_number"), table.column("congruence"), strict=True))
    for place, name in enumerate(solution.loadings.columns, start=1):
        loadings = solution.loadings[name].to_numpy()
        # With three loadings of 1 the coefficient is their sum over √(3 Σ λ²).
        best = max(loadings[first : first + 3].sum() for first in (0, 3, 6))
        assert found[place] == pytest.approx(best / np.sqrt(3 * (loadings**2).sum()))


def test_turned_loadings_agree_no_less(section: Section) -> None:
    table = section.table("congruence")
    *turned, total = table.column("congruence_turned")
    assert all(
        after >= before for after, before in zip(turned, table.column("congruence"), strict=False)
    )
    assert total == pytest.approx(evidence(finding(section, "congruence"), "congruence_total"))
    assert min(table.column("pvalue")) >= 1 / 1001
    assert table.column("congruence_chance")[-1] < total


def test_the_rules_judge_the_factor_that_is_found_least_well(section: Section) -> None:
    found = finding(section, "congruence")
    lowest = evidence(found, "congruence_lowest")
    assert 0.85 < lowest < 0.95
    assert found.verdict == "acceptable"
    assert found.rule is not None
    assert found.rule.source == "Lorenzo-Seva & ten Berge 2006"


@pytest.mark.parametrize(
    ("rule", "value", "verdict"),
    [("congruence_good", 0.91, "good"), ("congruence_fair", 0.92, "poor")],
)
def test_another_rule_gives_another_verdict(
    solution: FactorSolution, rule: str, value: float, verdict: str
) -> None:
    changed = with_rule(NAME, rule, value=value)
    found = congruence.agreement(changed, solution, seed=1)
    assert found is not None
    assert congruence.finding(changed, found).verdict == verdict


def test_a_model_without_one_factor_for_each_item_has_no_pattern(solution: FactorSolution) -> None:
    two = efa(survey(NAME).scored[solution.loadings.index], 2, seed=1)
    assert congruence.agreement(instrument(NAME), two, seed=1) is None
    reference = instrument(NAME).reference_model
    text = reference.syntax + "\nvisual =~ x4"
    crossed = with_model(NAME, reference.id, syntax=text)
    assert congruence.agreement(crossed, solution, seed=1) is None


def test_each_loading_has_its_interval(section: Section, solution: FactorSolution) -> None:
    table, wide = section.table("efa_3_intervals"), section.table("efa_3")
    assert len(table.rows) == 27
    shown = [wide.column(f"factor_{number}") for number in (1, 2, 3)]
    assert sorted(table.column("loading")) == pytest.approx(sorted(np.ravel(shown)))
    assert table.column("loading_se") == pytest.approx(solution.loadings_table["se"])
    assert table.column("ci.lower") == pytest.approx(
        np.subtract(table.column("loading"), 1.959964 * np.array(table.column("loading_se"))),
        abs=1e-5,
    )


def test_how_many_starts_agree_is_a_finding(section: Section, solution: FactorSolution) -> None:
    found = finding(section, "rotation_3")
    assert found.claim.key == "exploratory.claim.rotation_stable"
    assert evidence(found, "starts") == pytest.approx(solution.share_at_best)
    assert evidence(found, "largest_se") == pytest.approx(solution.loadings_table["se"].max())


def test_few_starts_that_agree_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exploration, "DRAWS", 20)
    found = explore(instrument(NAME), survey(NAME), 1)
    shaky = replace(found.solve(3), share_at_best=0.2)
    monkeypatch.setattr(exploration.Exploration, "solve", lambda *_: shaky)
    told = finding(exploratory.run(instrument(NAME), survey(NAME)), "rotation_3")
    assert told.claim.key == "exploratory.claim.rotation_unstable"
    assert evidence(told, "starts") == pytest.approx(0.2)
