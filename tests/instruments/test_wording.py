"""The rules of wording: the bank keeps them all, and each is shown to catch a bad example."""

import pytest

import instruments
from instruments import Instrument, check_wording, lix
from instruments.wording import RULES

KKS = instruments.load("coupling")
FUNCTIONS = ("bro", "kom", "kor", "kop")
ADVICE = "Jeg giver kolleger gode råd, når de skal samarbejde på tværs."


def changed(code: str, **fields: object) -> Instrument:
    """Give the instrument with one item changed."""

    def renew(items: tuple[instruments.Item, ...]) -> tuple[instruments.Item, ...]:
        return tuple(item.model_copy(update=fields) if item.id == code else item for item in items)

    assert KKS.item(code)
    return KKS.model_copy(update={"items": renew(KKS.items), "variants": renew(KKS.variants)})


def worded(code: str, da: str, en: str | None = None) -> Instrument:
    return changed(code, text={"da": da, "en": en or KKS.item(code).text["en"]})


def test_every_statement_of_the_bank_keeps_every_rule() -> None:
    assert check_wording(KKS) == ()


BAD = [
    (
        "length",
        worded("I_bro2", f"Jeg {'giver ' * 20}råd."),
        ("I_bro2", "21 words (da); at most 20"),
    ),
    (
        "length",
        worded("I_bro2", ADVICE, f"I {'give ' * 20}advice."),
        ("I_bro2", "21 words (en); at most 20"),
    ),
    (
        "one sentence",
        worded("learn2", "Vi taler sammen på tværs. Vi ser på, hvordan det gik."),
        ("learn2", "is not one sentence that ends with a point (da)"),
    ),
    ("one sentence", worded("learn2", "Vi taler sammen på tværs"), ("learn2", "not one sentence")),
    (
        "banned words",
        worded("I_kop5", "Jeg roser og hjælper kolleger, der tøver."),
        ("I_kop5", 'holds "og" (da)'),
    ),
    (
        "banned words",
        worded("I_kop5", ADVICE, "I praise or help colleagues."),
        ("I_kop5", 'holds "or" (en)'),
    ),
    ("banned words", worded("I_kop5", "Jeg hjælper altid andre."), ("I_kop5", 'holds "altid"')),
    ("banned words", worded("I_kop6", "Jeg hjælper ikke andre."), ("I_kop6", 'holds "ikke"')),
    (
        "banned words",
        worded("cocr1", "Vi arbejder med samskabelse i hverdagen."),
        ("cocr1", 'holds "samskabelse" (da)'),
    ),
    (
        "banned words",
        worded("I_kop5", "Jeg får kolleger til at implementere aftaler."),
        ("I_kop5", 'holds "implementere" (da)'),
    ),
    (
        "unnamed construct",
        worded("I_bro2", "Jeg bruger mine koblingskompetencer hver dag."),
        ("I_bro2", 'names the construct, "kobling" (da)'),
    ),
    (
        "unnamed construct",
        worded("I_bro2", ADVICE, "I use my coupling skills."),
        ("I_bro2", 'names the construct, "coupl" (en)'),
    ),
    (
        "distinct",
        worded("I_bro2", KKS.item("I_bro1").text["da"].upper()),
        ("I_bro1, I_bro2", "have the same wording (da)"),
    ),
    (
        "readability",
        worded("qual2", "Enhederne effektiviserer sagsbehandlingsprocessernes kvalitetssikring."),
        ("scale quality", "LIX 4"),
    ),
    (
        "reversed",
        changed("I_bro4", keying=-1),
        ("function bro", "exactly one statement is reversed; here I_bro3, I_bro4"),
    ),
    (
        "reversed",
        changed("I_bro3", keying=1),
        ("function bro", "exactly one statement is reversed; here none"),
    ),
    (
        "reversed",
        changed("Lc_bro4", keying=-1),
        ("Lc_bro4", "a statement with a shifted referent is never reversed"),
    ),
    (
        "subject",
        worded("G_bro1", "Vi bringer mennesker fra forskellige fag sammen."),
        ("G_bro1", 'does not begin as "Min faggruppe her {verb}" (da)'),
    ),
    (
        "same verb",
        worded(
            "O_bro1",
            KKS.item("O_bro1").text["da"].replace("bringer", "samler"),
        ),
        ("O_bro1", 'has the verb "samler", I_bro1 "bringer" (da)'),
    ),
    (
        "same verb",
        worded("O_bro1", "Min arbejdsplads bringer mennesker sammen."),
        ("O_bro1", "says something else than I_bro1 (da)"),
    ),
    (
        "same verb",
        changed("L_kor2", self_text={"da": "Som leder holder jeg aftaler.", "en": "I keep."}),
        ("L_kor2", 'has the verb "holder", I_kor2 "sørger" (da)'),
    ),
    (
        "same verb",
        worded("Lc_kop1", "Ledelsen får andre til at bruge tid på samarbejdet på tværs."),
        ("Lc_kop1", "cannot be compared with I_kop1 (da)"),
    ),
]


@pytest.mark.parametrize(("rule", "instrument", "expected"), BAD)
def test_a_rule_catches_a_bad_example(
    rule: str, instrument: Instrument, expected: tuple[str, str]
) -> None:
    found = [problem for problem in check_wording(instrument) if problem.rule == rule]
    assert any(problem.place == expected[0] and expected[1] in problem.text for problem in found), (
        found
    )


def test_a_function_without_easy_statements_is_found() -> None:
    items = tuple(
        item.model_copy(update={"band": "high"}) if item.band == "low" else item
        for item in KKS.items
    )
    found = check_wording(KKS.model_copy(update={"items": items}))
    places = {problem.place: problem.text for problem in found if problem.rule == "bands"}
    assert places == {f"function {name}": "no statement in the band low" for name in FUNCTIONS}


def test_a_form_that_reads_heavily_is_found() -> None:
    assert KKS.wording is not None
    strict = KKS.wording.model_copy(update={"lix_form": 10.0})
    found = check_wording(KKS.model_copy(update={"wording": strict}))
    assert {problem.place for problem in found} == {f"form {form.id}" for form in KKS.forms}


def test_every_rule_is_shown_to_fail() -> None:
    assert {rule for rule, *_ in BAD} | {"bands"} == set(RULES)


def test_the_referent_phrase_is_neither_counted_nor_read() -> None:
    rest = f"bringer {'mange ' * 18}sammen."
    long = worded("G_bro1", f"Min faggruppe her {rest}")
    assert not [problem for problem in check_wording(long) if problem.rule == "length"]
    too_long = worded("G_bro1", f"Min faggruppe her bringer {'mange ' * 19}sammen.")
    (problem,) = (found for found in check_wording(too_long) if found.rule == "length")
    assert problem.place == "G_bro1"
    assert "21 words" in problem.text


def test_lix_is_words_a_sentence_plus_the_percentage_of_long_words() -> None:
    # 8 words in 2 sentences, 2 of them ("samarbejder", "sammen" has 6) longer than six letters.
    text = ["Vi samarbejder tit.", "Vi taler sammen om opgaverne."]
    assert lix(text) == pytest.approx(8 / 2 + 100 * 2 / 8)
    assert lix([" ".join(text)]) == lix(text)


def test_an_instrument_without_rules_says_so() -> None:
    with pytest.raises(LookupError, match='"mental_ability" has no rules of wording'):
        check_wording(instruments.load("mental_ability"))
