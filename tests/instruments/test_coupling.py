"""KKS: the columns, models and hypotheses are as meant, the data are simulated."""

import math
import re
from typing import get_args

import numpy as np
import pandas as pd
import pytest

import instruments
import measure
from instruments.checks import variables
from instruments.schema import Design
from measure.rotating.rotation import rotation_names
from measure.specification.syntax import parse

KKS = instruments.load("coupling")
INDIVIDUAL = KKS.form("individual").items

DEGREES_OF_FREEDOM = {
    "M1": 252,
    "M2": 246,
    "M3": 248,
    "M4": 228,
    "M4s": 231,
    "M5": 249,
    "M6": 249,
    "M7": 251,
    "M8": 249,
    "M9": 249,
    "M10": 186,
    "M11": 245,
}
AWAITED: list[str] = []


def test_the_hypotheses_are_all_there() -> None:
    expected_ids = [f"H{number:02d}" for number in range(1, 17)] + [f"K{n}" for n in range(1, 6)]
    assert [hypothesis.id for hypothesis in KKS.hypotheses] == expected_ids


def test_every_claim_is_tested_or_says_why_not() -> None:
    assert [claim.id for claim in KKS.claims] == [f"C{number}" for number in range(1, 9)]
    tests = {claim.id: claim.tested_by for claim in KKS.claims}
    assert [name for name, by in tests.items() if not by] == ["C8"]
    assert all(claim.untested for claim in KKS.claims)
    # A hypothesis that is said to come from a claim is said to test it, and the other way round.
    stated = {hypothesis.id: set(hypothesis.claim.split(", ")) for hypothesis in KKS.hypotheses}
    for name, by in tests.items():
        stating = {hypothesis for hypothesis, claims in stated.items() if name in claims}
        assert stating <= set(by)
        assert set(by) - stating <= {"H15"}


def test_the_columns_have_their_settled_names() -> None:
    settled = (
        "respondent organisation unit profession role tier education sector unit_type "
        "crossboundary ambassador seniority age wave effort effort_start cohort form language "
        "seconds"
    )
    assert [column.name for column in KKS.columns] == settled.split()


def test_columns_that_are_asked_have_a_question_and_categories() -> None:
    given = {
        *("respondent", "organisation", "unit", "wave", "effort", "effort_start", "cohort"),
        *("form", "language", "seconds"),
    }
    for column in KKS.columns:
        assert bool(column.question) == (column.name not in given)
        if column.question:
            assert len(column.values) >= 2
    categories = {column.name: list(column.values) for column in KKS.columns}
    assert categories["role"] == ["employee", "leader", "other"]
    assert categories["tier"] == ["none", "decentral", "central"]
    assert categories["education"] == ["unskilled", "skilled", "short", "medium", "long"]
    assert categories["sector"] == ["municipal", "regional", "state", "other"]
    assert categories["unit_type"] == ["producing", "case_processing", "staff"]
    assert KKS.rotation is not None
    forms = {form.id for form in KKS.forms} | {version.id for version in KKS.rotation.versions}
    assert set(categories["form"]) == forms


def test_trade_union_membership_is_never_asked() -> None:
    for column in KKS.columns:
        words = [*column.question.values(), *column.label.values()]
        words += [text for texts in column.values.values() for text in texts.values()]
        assert not any("tillidsrepr" in word.casefold() for word in words)


def test_every_expected_scale_of_the_hypotheses_is_in_the_bank() -> None:
    targets = {
        expectation.target
        for hypothesis in KKS.hypotheses
        if hypothesis.id in {f"H{n:02d}" for n in (*range(1, 11), 13)}
        for expectation in hypothesis.expectations
    }
    assert targets <= {scale.id for scale in KKS.scales}


@pytest.mark.parametrize("model", KKS.rivals, ids=lambda model: model.id)
def test_every_rival_holds_all_items_and_has_the_degrees_of_freedom_meant(model) -> None:
    factors, used = variables(model)
    assert set(used) & set(KKS.item_ids) == set(INDIVIDUAL)
    statements = [row for row in parse(model.syntax).statements if row.op in ("=~", "~~")]
    fixed = sum(any(part.kind == "fixed" for part in row.modifiers) for row in statements)
    loadings = sum(row.op == "=~" for row in statements)
    latent_covariances = 0 if model.options.orthogonal else math.comb(len(factors), 2)
    if model.id == "M3":
        latent_covariances = 0
    if model.id == "M11":
        # All four loadings of the keying factor are fixed, and its variance is free.
        fixed -= 1
    if model.id == "M10":
        # What fixes the rotation of four correlated factors, 4 · 3 conditions.
        fixed = 12
    # Each factor's scale is set by a loading or by its variance, which cancels against the other.
    free = loadings + latent_covariances + 24 - fixed
    assert 24 * 25 // 2 - free == DEGREES_OF_FREEDOM[model.id]


@pytest.mark.parametrize("model", KKS.models, ids=lambda model: model.id)
def test_every_model_is_read_by_the_engine_as_it_is_checked_here(model) -> None:
    factors, used = variables(model)
    read = parse(model.syntax)
    assert read.constraints == ()
    loadings = [row for row in read.statements if row.op == "=~"]
    assert tuple(dict.fromkeys(row.lhs for row in loadings)) == factors
    assert {name for row in read.statements for name in (row.lhs, row.rhs)} == set(used)


def test_models_that_await_something_are_written_to_be_fitted_as_they_stand() -> None:
    assert [model.id for model in KKS.awaited_models] == AWAITED
    exploratory = parse(KKS.model("M10").syntax).statements
    assert len(exploratory) == 4 * 24
    assert {part.kind for row in exploratory for part in row.modifiers} == {"efa"}
    options = KKS.model("M10").options
    assert (options.rotation, options.target_of) == ("targetQ", "M2")
    assert options.rotation in rotation_names()
    for name, labels in (("M13", 0), ("M13e", 16), ("M13h", 0)):
        rows = parse(KKS.model(name).syntax).statements
        levels = [[row for row in rows if row.block.level == level] for level in ("1", "2")]
        assert len(levels[0]) == len(levels[1]) == len(rows) / 2
        assert {row.rhs for row in levels[0]} >= {item for item in KKS.item_ids if item[0] == "O"}
        assert sum(bool(row.modifiers) for row in rows) == labels
        assert KKS.model(name).options.cluster == "organisation"


def test_the_referent_model_can_be_told_from_the_answers() -> None:
    model = KKS.model("M12")
    assert set(variables(model)[1]) >= set(KKS.item_ids[:60])
    # A matrix that the model implies is fitted exactly, and the count is known beforehand:
    # 60 · 61 / 2 moments, 96 loadings, 60 residual variances, 16 · 15 / 2 − 12 correlations.
    population = _referents()
    fit = measure.cfa(
        model.syntax, sample_cov=population, sample_nobs=500, std_lv=model.options.std_lv
    )
    assert fit.converged
    assert fit.admissible
    assert fit.fit_measures["df"] == 1830 - 96 - 60 - 108 == 1566
    assert fit.fit_measures["chisq"] == pytest.approx(0.0, abs=1e-6)


def _referents() -> pd.DataFrame:
    """Give a covariance matrix that functions and levels make together."""
    items = KKS.items[:60]
    functions = pd.get_dummies([item.function for item in items]).to_numpy(dtype=float)
    cells = pd.get_dummies([f"{item.level}_{item.function}" for item in items])
    others = [name for name in cells if not name.startswith("I_")]
    own = 0.5 * cells[others].to_numpy(dtype=float)
    general = np.where([item.level == "I" for item in items], 0.7, 0.5)[:, None] * functions
    alike = np.array([[0.5 if a[0] == b[0] else 0.2 for b in others] for a in others])
    matrix = general @ _with_ones(np.full((4, 4), 0.6)) @ general.T
    matrix += own @ _with_ones(alike) @ own.T + 0.5 * np.eye(60)
    names = [item.id for item in items]
    return pd.DataFrame(matrix, index=names, columns=names)


def _with_ones(matrix: np.ndarray) -> np.ndarray:
    return matrix - np.diag(np.diag(matrix)) + np.eye(len(matrix))


def test_models_say_what_they_are_to_the_reference() -> None:
    assert KKS.reference_model.id == "M2"
    boundary = {model.id for model in KKS.models if model.boundary_of == "M2"}
    assert boundary == {"M6", "M7", "M8", "M9"}
    assert KKS.model("M4").options.orthogonal
    assert not KKS.model("M4s").options.orthogonal


def test_swarm_model_divides_the_bridge_builder() -> None:
    statements = KKS.model("M5").syntax.replace("\n", " ")
    cognition = statements.split("coordination =~")[0]
    cooperation = statements.split("cooperation =~")[1]
    assert set(re.findall(r"I_bro\d", cognition)) == {"I_bro3", "I_bro4", "I_bro5", "I_bro6"}
    assert set(re.findall(r"I_bro\d", cooperation)) == {"I_bro1", "I_bro2"}


def test_bands_of_the_hypotheses_are_ordered() -> None:
    for hypothesis in KKS.hypotheses:
        for expectation in hypothesis.expectations:
            if expectation.lower is not None and expectation.upper is not None:
                assert expectation.lower < expectation.upper
    retained = {hypothesis.id: hypothesis for hypothesis in KKS.hypotheses}
    (conflict,) = retained["H03"].expectations
    assert (conflict.lower, conflict.upper) == (-0.50, -0.20)
    assert [e.below for e in retained["H14"].expectations] == [0.40, 0.25]
    assert [key for key, value in retained.items() if not value.awaits] == ["K2"]
    assert not any(e.judged for e in retained["H07"].expectations if e.level is None)


def test_hypotheses_are_about_the_second_order_total() -> None:
    assert KKS.total is not None
    assert (KKS.total.model, KKS.total.factor) == ("M3", "kobling")
    named = {e.of for hypothesis in KKS.hypotheses for e in hypothesis.expectations} - {None}
    assert named <= {scale.id for scale in KKS.scales}


def test_own_columns_are_asked_for_four_hypotheses_only() -> None:
    external = {part.id for part in KKS.external}
    asking = {
        hypothesis.id
        for hypothesis in KKS.hypotheses
        if external & {expectation.target for expectation in hypothesis.expectations}
    }
    assert asking == {"H11", "H12", "H14", "H15"}


def test_the_structural_model_takes_indices_as_observed() -> None:
    factors, used = variables(KKS.model("M14"))
    indices = {scale.id for scale in KKS.scales if scale.kind == "index"}
    assert {"norms", "incentives", "exchange_zones"} == indices & set(used)
    assert not indices & set(factors)
    parts = {item for scale in KKS.scales if scale.kind == "index" for item in scale.items}
    assert not parts & set(used)


def test_each_proposal_has_a_design_and_every_design_a_proposal() -> None:
    assert [one.id for one in KKS.proposals] == ["P1", "P2", "P3", "P4"]
    assert {design for one in KKS.proposals for design in one.designs} == set(get_args(Design))
