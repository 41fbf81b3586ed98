"""The item bank of KKS: every item that the plan asks for, with all that is stored about it."""

import re

import pytest

import instruments

KKS = instruments.load("coupling")
FUNCTIONS = ("bro", "kom", "kor", "kop")
REVERSED = {"I_bro3", "I_kom5", "I_kor6", "I_kop6"}
SHIFTED = {"bro": (1, 2, 4), "kom": (3, 4, 6), "kor": (2, 3, 4), "kop": (1, 3, 4)}

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

CONTEXT_EXEMPLARS = {
    "trust_rat1": (
        "Samarbejdspartnere fra andre fag gør det, de har lovet.",
        "Partners from other fields do what they have promised.",
    ),
    "trust_emo1": (
        "Jeg er tryg ved at vise usikkerhed over for samarbejdspartnere fra andre fag.",
        "I feel safe showing uncertainty to partners from other fields.",
    ),
    "trust_sys1": (
        "Vores fælles procedurer gør det trygt at samarbejde på tværs.",
        "Our shared procedures make it safe to cooperate across units.",
    ),
    "learn1": (
        "Vi lærer af hinanden, når samarbejdet på tværs er svært.",
        "We learn from each other when cooperation across units is hard.",
    ),
    "R3_1": (
        "Det er uklart for mig, hvad andre enheder forventer af mig.",
        "It is unclear to me what other units expect of me.",
    ),
    "zone1": (
        "Vi har faste møder, hvor forskellige fag udveksler erfaringer.",
        "We have regular meetings where different fields exchange experience.",
    ),
    "B3_1": (
        "Enhederne her kæmper om, hvem der bestemmer over opgaverne.",
        "The units here fight over who decides on the tasks.",
    ),
}

REFERENT_EXEMPLARS = {
    "G_bro1": "Min faggruppe her bringer mennesker fra forskellige fag sammen, når en opgave "
    "kræver det.",
    "O_bro1": "Min arbejdsplads bringer mennesker fra forskellige fag sammen, når en opgave "
    "kræver det.",
    "L_bro1": "Min nærmeste leder bringer mennesker fra forskellige fag sammen, når en opgave "
    "kræver det.",
    "Lc_bro1": "Den øverste ledelse bringer mennesker fra forskellige fag sammen, når en opgave "
    "kræver det.",
}

COUNTS = {
    **dict.fromkeys(FUNCTIONS, 6),
    **{f"{level}_{function}": 3 for level in "GOL" for function in FUNCTIONS},
    "trust_rational": 3,
    "trust_emotional": 3,
    "trust_system": 3,
    "social_learning": 4,
    "motivation": 4,
    "core_task": 4,
    "quality": 3,
    "cocreation": 3,
    "justice": 3,
    "cooperation_ability": 3,
    "role_conflict": 8,
    "norms": 3,
    "incentives": 3,
    "resources": 3,
    "setup": 3,
    "exchange_zones": 5,
    "barriers": 10,
    "competence_growth": 3,
    "none": 2,
}

INDEX = {
    "norms",
    "incentives",
    "resources",
    "setup",
    "exchange_zones",
    "barriers",
    "competence_growth",
}


def test_the_bank_has_133_items_and_twelve_variants() -> None:
    assert len(KKS.items) == sum(COUNTS.values()) == 133
    assert len(KKS.variants) == 12
    counts = KKS.item_counts()
    apart = [f"Lc_{function}" for function in FUNCTIONS]
    assert counts.drop(index=apart)["items"].to_dict() == COUNTS
    assert counts.loc[apart, ["items", "variants"]].to_numpy().tolist() == [[0, 3]] * 4
    assert counts["items"].sum() == 133
    assert counts["variants"].sum() == 12
    assert counts["reversed"].sum() == 4


def test_the_codes_are_the_settled_ones() -> None:
    individual = tuple(f"I_{function}{place}" for function in FUNCTIONS for place in range(1, 7))
    assert KKS.item_ids[:24] == individual
    shifted = [f"{name}{place}" for name, places in SHIFTED.items() for place in places]
    assert KKS.item_ids[24:60] == tuple(f"{level}_{code}" for level in "GOL" for code in shifted)
    assert [item.id for item in KKS.variants] == [f"Lc_{code}" for code in shifted]
    assert {item.id for item in KKS.all_items if item.keying == -1} == REVERSED
    facets = {f"{facet}_{place}": facet for facet in ("R1", "R2", "R3", "R4") for place in (1, 2)}
    facets |= {f"B{number}_{place}": f"B{number}" for number in range(1, 6) for place in (1, 2)}
    assert {item.id: item.facet for item in KKS.items if item.facet} == facets


@pytest.mark.parametrize("code", [*EXEMPLARS, *CONTEXT_EXEMPLARS])
def test_the_exemplars_are_given_to_the_letter(code: str) -> None:
    text = KKS.item(code).text
    assert (text["da"], text["en"]) == (EXEMPLARS | CONTEXT_EXEMPLARS)[code]


@pytest.mark.parametrize("code", REFERENT_EXEMPLARS)
def test_the_exemplars_of_referents_are_given_to_the_letter(code: str) -> None:
    assert KKS.item(code).text["da"] == REFERENT_EXEMPLARS[code]


@pytest.mark.parametrize("item", KKS.all_items, ids=lambda item: item.id)
def test_everything_is_stored_about_every_item(item: instruments.Item) -> None:
    assert set(item.text) == {"da", "en"}
    assert item.wording == "given"
    assert item.response == "extent"
    assert item.status == "new"
    assert re.fullmatch(r"0\.\d", item.version)
    assert len(item.source) > 10
    if item.indicator == "check":
        return
    assert item.level in {"I", "G", "O", "L"}
    assert item.referent is not None
    assert item.construct_type is not None
    scales = [scale.id for scale in KKS.scales if item.id in scale.items]
    assert len(scales) == 1
    assert (item.indicator == "index") == (scales[0] in INDEX)
    assert (item.function is None) == (item.element is None) == (item.band is None)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_statement_of_a_function_covers_its_own_phrase(function: str) -> None:
    items = [KKS.item(code) for code in KKS.scale(function).items]
    bands = [item.band for item in items]
    assert {band: bands.count(band) for band in bands} == {"low": 2, "middle": 2, "high": 2}
    assert len({item.source for item in items}) == 6
    assert len({item.element for item in items}) == 1
    elements = {KKS.item(code).element for name in FUNCTIONS for code in KKS.scale(name).items}
    assert elements == {"Brobygning", "Kommunikation", "Koordination", "Kooperation"}


def test_construct_types_follow_the_referents() -> None:
    types = {item.level: set() for item in KKS.items if item.function}
    for item in KKS.items:
        if item.function:
            types[item.level].add(item.construct_type)
    assert types == {"I": {"configural"}, "G": {"shared"}, "O": {"shared"}, "L": {"shared"}}


def test_leaders_answer_the_statements_about_the_leader_about_themselves() -> None:
    own = [item for item in KKS.all_items if item.self_for is not None]
    assert [item.id[:2] for item in own] == ["L_"] * 12
    assert {item.self_for for item in own} == {"leader"}
    expected = (
        "Som leder bringer jeg mennesker fra forskellige fag sammen, når en opgave kræver det."
    )
    assert KKS.item("L_bro1").self_text["da"] == expected


def test_attention_is_checked_twice_and_belongs_to_no_scale() -> None:
    first, second = (KKS.item(code) for code in KKS.check_ids)
    assert first.text["da"] == ("Vælg 'I lav grad' her, så vi kan se, at udsagnene bliver læst.")
    assert first.text["en"].startswith("Please choose 'To a small extent' here")
    for item in (first, second):
        labels = KKS.response(item.id).labels
        for language, text in item.text.items():
            assert f"'{labels[language][item.instructed]}'" in text
    in_scales = {code for scale in KKS.scales for code in scale.items}
    assert not in_scales & {"att1", "att2"}


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
