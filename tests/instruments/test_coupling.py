"""KKS: the statements follow their rules, the models are as meant, the data are simulated."""

import math
import re

import pandas as pd
import pytest

import instruments
from instruments import Item
from instruments.checks import variables
from instruments.coupling import simulate_demonstration

KKS = instruments.load("coupling")
FUNCTIONS = ("bro", "kom", "kor", "kop")
REVERSED = {"I_bro3", "I_kom5", "I_kor6", "I_kop6"}

EXEMPLARS = {
    "I_bro1": (
        "Jeg bringer mennesker fra forskellige fag sammen, når en opgave kræver det.",
        "I bring people from different fields together when a task calls for it.",
    ),
    "I_bro4": (
        "Jeg opdager tidligt, når flere parter har en interesse i den samme sag.",
        "I notice early when several parties have an interest in the same case.",
    ),
    "I_bro5": (
        "Jeg sætter mig ind i de uskrevne regler hos samarbejdspartnere uden for min egen enhed.",
        "I learn the unwritten rules of the partners I work with outside my own unit.",
    ),
    "I_kom1": (
        "Jeg forklarer mit fags udtryk, så kolleger fra andre fag forstår dem.",
        "I explain the terms of my field so that colleagues from other fields understand them.",
    ),
    "I_kom2": (
        "Jeg spørger ind, når en kollega fra et andet fag bruger et ord anderledes end jeg.",
        "I ask when a colleague from another field uses a word differently than I do.",
    ),
    "I_kom6": (
        "Jeg finder løsninger, som parter med forskellige ønsker kan acceptere.",
        "I find solutions that parties with different wishes can accept.",
    ),
    "I_kor1": (
        "Jeg stemmer min plan af med andre enheder, før jeg går i gang med en fælles opgave.",
        "I check my plan with other units before I start on a shared task.",
    ),
    "I_kor2": (
        "Jeg sørger for, at det, vi aftaler på tværs, bliver gennemført.",
        "I make sure that what we agree across units is carried out.",
    ),
    "I_kor3": (
        "Jeg er med til at lave klare aftaler om, hvordan vi samarbejder på tværs.",
        "I help to make clear agreements about how we cooperate across units.",
    ),
    "I_kop1": (
        "Jeg får andre til at bruge tid på samarbejdet på tværs.",
        "I get others to spend time on cooperation across units.",
    ),
    "I_kop2": (
        "Jeg ændrer min måde at arbejde på, når det gavner borgerens samlede forløb.",
        "I change the way I work when it benefits the citizen's case as a whole.",
    ),
    "I_kop3": (
        "Jeg kommer med nye forslag, når samarbejdet på tværs går i stå.",
        "I come up with new suggestions when cooperation across units stalls.",
    ),
    "I_kor6": (
        "Jeg overlader det til andre at holde styr på aftaler på tværs.",
        "I leave it to others to keep track of agreements across units.",
    ),
}

FORBIDDEN = {
    "da": {"og", "eller", "altid", "aldrig", "ikke", "samskabelse", "synergi", "npm"},
    "en": {"and", "or", "always", "never", "not", "co-creation", "synergy", "npm"},
}

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


def words(text: str) -> list[str]:
    return re.findall(r"[\w'’-]+", text)


def lix(texts: list[str]) -> float:
    """Readability (Björnsson 1968): words per sentence plus percentage of words over 6 letters."""
    found = [word for text in texts for word in words(text)]
    sentences = sum(text.count(".") for text in texts)
    return len(found) / sentences + 100 * sum(len(word) > 6 for word in found) / len(found)


def of_function(function: str) -> list[Item]:
    return [item for item in KKS.items if item.function == function]


def test_the_settled_codes_are_all_there() -> None:
    expected = tuple(f"I_{function}{place}" for function in FUNCTIONS for place in range(1, 7))
    assert KKS.item_ids == expected
    assert [scale.id for scale in KKS.scales] == list(FUNCTIONS)
    for scale in KKS.scales:
        assert scale.items == tuple(f"I_{scale.id}{place}" for place in range(1, 7))
    assert {item.id for item in KKS.items if item.keying == -1} == REVERSED
    expected_ids = [f"H{number:02d}" for number in range(1, 17)] + [f"K{n}" for n in range(1, 6)]
    assert [hypothesis.id for hypothesis in KKS.hypotheses] == expected_ids


@pytest.mark.parametrize("code", EXEMPLARS)
def test_the_exemplars_are_given_to_the_letter(code: str) -> None:
    text = KKS.item(code).text
    assert (text["da"], text["en"]) == EXEMPLARS[code]


@pytest.mark.parametrize("language", KKS.languages)
@pytest.mark.parametrize("item", KKS.items, ids=lambda item: item.id)
def test_every_statement_keeps_the_rules_of_wording(item: Item, language: str) -> None:
    text = item.text[language]
    assert text.startswith({"da": "Jeg ", "en": "I "}[language])
    assert text.endswith(".")
    assert text.count(".") == 1
    assert len(words(text)) <= 20
    assert not {word.casefold() for word in words(text)} & FORBIDDEN[language]
    assert "kobling" not in text.casefold()
    assert "coupl" not in text.casefold()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_scale_reads_easily(function: str) -> None:
    assert lix([item.text["da"] for item in of_function(function)]) <= 40


def test_the_whole_form_reads_easily() -> None:
    assert lix([item.text["da"] for item in KKS.items]) <= 42


@pytest.mark.parametrize("function", FUNCTIONS)
def test_statements_spread_over_the_construct_map(function: str) -> None:
    items = of_function(function)
    bands = [item.band for item in items]
    assert {band: bands.count(band) for band in bands} == {"low": 2, "middle": 2, "high": 2}
    assert len({item.source for item in items}) == 6
    assert len({item.element for item in items}) == 1


def test_no_two_statements_are_alike() -> None:
    for language in KKS.languages:
        assert len({item.text[language] for item in KKS.items}) == 24


def test_answers_are_five_words_and_two_ways_of_not_answering() -> None:
    response = KKS.response("I_bro1")
    assert list(response.labels["da"].values()) == [
        "I meget lav grad",
        "I lav grad",
        "Delvist",
        "I høj grad",
        "I meget høj grad",
    ]
    assert response.stem["da"] == "I hvilken grad passer udsagnet?"
    assert [(part.code, part.name) for part in response.missing] == [
        (8, "not_relevant"),
        (9, "dont_know"),
    ]


def test_the_columns_have_their_settled_names() -> None:
    settled = (
        "respondent organisation unit profession role tier education sector unit_type "
        "crossboundary ambassador seniority age wave form language"
    )
    assert [column.name for column in KKS.columns] == settled.split()


@pytest.mark.parametrize("model", KKS.models, ids=lambda model: model.id)
def test_every_model_holds_all_items_and_has_the_degrees_of_freedom_meant(model) -> None:
    factors, used = variables(model)
    observed = set(used) & set(KKS.item_ids)
    assert observed == set(KKS.item_ids)
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


def test_the_demonstration_data_are_what_the_script_makes() -> None:
    rows = simulate_demonstration.simulate(KKS, simulate_demonstration.SEED)
    written = simulate_demonstration.written(rows)
    assert KKS.demonstration_path().read_text(encoding="utf-8") == written
    assert KKS.demonstration is not None
    assert KKS.demonstration.simulated
    assert str(simulate_demonstration.SEED) in KKS.demonstration.provenance


def test_another_seed_makes_other_data() -> None:
    rows = simulate_demonstration.simulate(KKS, simulate_demonstration.SEED + 1)
    assert len(rows) == 600
    assert simulate_demonstration.written(rows) != KKS.demonstration_path().read_text("utf-8")


def test_the_demonstration_data_can_be_read_back() -> None:
    data = pd.read_csv(KKS.demonstration_path(), dtype={"wave": str})
    codes, missing = KKS.decode(data)
    assert codes.shape == (600, 24)
    assert (missing.sum() > 0).all()
    assert codes.dropna().shape[0] > 400
    assert data["organisation"].nunique() == 24
    assert data.groupby("organisation")["unit"].nunique().isin([2, 3]).all()
    assert set(data["role"]) == {"employee", "leader", "other"}
    for column in KKS.columns:
        if column.values:
            assert set(data[column.name]) <= set(column.values)


def test_the_script_writes_the_file(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "demonstration.csv"
    monkeypatch.setattr(simulate_demonstration, "FILE", target)
    said: list[str] = []
    simulate_demonstration.main(say=said.append)
    assert target.read_bytes() == KKS.demonstration_path().read_bytes()
    assert said == ["600 simulated respondents written to demonstration.csv"]
