"""KKS: the columns, models and hypotheses are as meant, the data are simulated."""

import math
import re

import pytest

import instruments
from instruments.checks import variables

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
}


def test_the_hypotheses_are_all_there() -> None:
    expected_ids = [f"H{number:02d}" for number in range(1, 17)] + [f"K{n}" for n in range(1, 6)]
    assert [hypothesis.id for hypothesis in KKS.hypotheses] == expected_ids


def test_the_columns_have_their_settled_names() -> None:
    settled = (
        "respondent organisation unit profession role tier education sector unit_type "
        "crossboundary ambassador seniority age wave effort form language seconds"
    )
    assert [column.name for column in KKS.columns] == settled.split()


def test_columns_that_are_asked_have_a_question_and_categories() -> None:
    given = {"respondent", "organisation", "unit", "wave", "effort", "form", "language", "seconds"}
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
    } - {"between_trust_forms"}
    assert targets <= {scale.id for scale in KKS.scales}


@pytest.mark.parametrize("model", KKS.models, ids=lambda model: model.id)
def test_every_model_holds_all_items_and_has_the_degrees_of_freedom_meant(model) -> None:
    factors, used = variables(model)
    assert set(used) & set(KKS.item_ids) == set(INDIVIDUAL)
    loadings = sum(
        statement.split("=~")[1].count("+") + 1
        for statement in re.split(r"\n(?=\w+ (?:=~|~~))", model.syntax.strip())
        if "=~" in statement
    )
    latent_covariances = 0 if model.options.orthogonal else math.comb(len(factors), 2)
    if model.id == "M3":
        latent_covariances = 0
    if model.id == "M4s":
        latent_covariances -= 3
    # Each factor's scale is set by a loading or by its variance, which cancels against the other.
    free = loadings + latent_covariances + 24
    assert 24 * 25 // 2 - free == DEGREES_OF_FREEDOM[model.id]


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
    assert [key for key, value in retained.items() if not value.awaits] == ["K1", "K2", "K3"]
