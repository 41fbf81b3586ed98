"""Reading instrument files, and saying what is wrong with them."""

from collections.abc import Callable
from pathlib import Path

import pytest

import instruments
from instruments import InstrumentError
from instruments.loader import DEFAULT_RULES

SMALL = """
id = "small"
version = "1"
languages = ["da", "en"]
citation = "made for a test"
title = { da = "Lille", en = "Small" }
description = { da = "Et lille skema", en = "A small questionnaire" }
status = { da = "Kun til test", en = "For a test only" }

[[responses]]
id = "agree"
lowest = 1
highest = 3
labels.da = { 1 = "Uenig", 2 = "Hverken eller", 3 = "Enig" }
labels.en = { 1 = "Disagree", 2 = "Neither", 3 = "Agree" }
missing = [{ code = 9, name = "dont_know", labels = { da = "Ved ikke", en = "Don't know" } }]

[item_defaults]
wording = "given"
concept = "something"
response = "agree"
source = "none"
version = "1"
status = "new"

[[items]]
id = "a1"
text = { da = "Første", en = "First" }

[[items]]
id = "a2"
text = { da = "Andet", en = "Second" }
keying = -1

[[items]]
id = "a3"
text = { da = "Tredje", en = "Third" }

[[scales]]
id = "a"
label = { da = "A", en = "A" }
description = { da = "Om A", en = "About A" }
items = ["a1", "a2", "a3"]

[[forms]]
id = "all"
label = { da = "Alle", en = "All" }
items = ["a1", "a2", "a3"]

[[models]]
id = "one"
label = { da = "Én", en = "One" }
meaning = { da = "Ét begreb", en = "One construct" }
reference = true
syntax = "a =~ a1 + a2 + a3"
"""

Writer = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Writer:
    def writer(text: str) -> Path:
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return writer


def changed(old: str, new: str) -> str:
    assert SMALL.count(old) >= 1
    return SMALL.replace(old, new, 1)


def refusal(path: Path) -> str:
    with pytest.raises(InstrumentError) as caught:
        instruments.load(path)
    return str(caught.value)


def test_the_bundled_instruments_are_named() -> None:
    assert instruments.names() == ("coupling", "leadership_climate", "mental_ability")


@pytest.mark.parametrize("name", instruments.names())
def test_every_bundled_instrument_loads_with_its_data(name: str) -> None:
    instrument = instruments.load(name)
    assert instrument.id == name
    assert instrument.demonstration is not None
    assert instrument.demonstration_path().is_file()
    assert (instrument.origin.parent / "README.md").is_file()


def test_a_file_is_read_with_item_defaults_and_default_rules(write: Writer) -> None:
    instrument = instruments.load(write(SMALL))
    assert instrument.item_ids == ("a1", "a2", "a3")
    assert instrument.item("a2").concept == "something"
    assert instrument.rules.icc1.value == 0.05
    assert instrument.origin.name == "mine.toml"


def test_a_path_may_be_text_or_a_folder(write: Writer, tmp_path: Path) -> None:
    path = write(SMALL)
    assert instruments.load(str(path)).id == "small"
    path.rename(tmp_path / "instrument.toml")
    assert instruments.load(tmp_path).id == "small"


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InstrumentError, match='no instrument "couplin"; the bundled ones are coup'):
        instruments.load("couplin")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InstrumentError, match=r"no instrument file .*none\.toml"):
        instruments.load(tmp_path / "none.toml")


def test_a_toml_mistake_is_named_with_its_line(write: Writer) -> None:
    message = refusal(write('id = "small"\nversion = = "1"\n'))
    assert "mine.toml" in message
    assert "line 2" in message


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "latin.toml"
    path.write_bytes(b'id = "sm\xe5"\n')
    assert "not UTF-8 text (byte 9)" in refusal(path)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(
            'text = { da = "Andet", en = "Second" }\n',
            "",
            'item "a2", text: the field is missing',
            id="item without text",
        ),
        pytest.param(
            "keying = -1",
            "keying = 2",
            'item "a2", keying: one of 1 or -1 is wanted, not 2',
            id="keying",
        ),
        pytest.param(
            "keying = -1",
            "keyed = -1",
            'item "a2", keyed: there is no such field',
            id="unknown field",
        ),
        pytest.param(
            'en = "Second"', "en = 2", 'item "a2", text.en: a text in quotation', id="text type"
        ),
        pytest.param(
            ', en = "Second"', "", 'item "a2", text: the text in "en" is missing', id="language"
        ),
        pytest.param(
            'en = "Second"',
            'en = "Second", de = "Zweite"',
            'item "a2", text: "de" is not a declared language (da, en)',
            id="undeclared language",
        ),
        pytest.param(
            'id = "a2"', "", "item number 2, id: the field is missing", id="item without id"
        ),
        pytest.param(
            'id = "a2"', 'id = "a 2"', 'item "a 2", id: a name of letters', id="item id with blank"
        ),
        pytest.param('id = "a2"', 'id = "a1"', 'item "a1" occurs twice', id="one id twice"),
        pytest.param(
            "lowest = 1", "lowest = 1.5", 'response scale "agree", lowest: ', id="whole number"
        ),
        pytest.param(
            "lowest = 1",
            'lowest = "1"',
            'response scale "agree", lowest: a whole',
            id="number text",
        ),
        pytest.param(
            "lowest = 1", "lowest = 4", 'response scale "agree": lowest (4) must be', id="range"
        ),
        pytest.param(
            "lowest = 1", "", 'response scale "agree": give lowest and highest', id="no range"
        ),
        pytest.param(
            "lowest = 1",
            "continuous = true\nlowest = 1",
            'response scale "agree": a continuous response scale has no lowest',
            id="continuous with range",
        ),
        pytest.param(
            ', 3 = "Agree"',
            "",
            'response scale "agree": labels (en) cover the codes 1, 2, but the scale has 1, 2, 3',
            id="labels for some codes",
        ),
        pytest.param(
            'en = "Don\'t know"',
            'en = "agree"',
            'response scale "agree": the label "agree" stands for both 3 and 9',
            id="one label for two codes",
        ),
        pytest.param(
            "code = 9", "code = 3", 'the missing code 3 ("dont_know") is also', id="missing code"
        ),
        pytest.param(
            'response = "agree"',
            'response = "agreed"',
            'item "a1", response: there is no response scale "agreed"; the file has agree',
            id="unknown response scale",
        ),
        pytest.param(
            'items = ["a1", "a2", "a3"]',
            'items = ["a1", "b2", "a3"]',
            'scale "a", items: there is no item "b2"',
            id="unknown item of a scale",
        ),
        pytest.param(
            'items = ["a1", "a2", "a3"]',
            'items = ["a1", "a1", "a3"]',
            'scale "a", items: "a1" occurs twice',
            id="item twice in a scale",
        ),
        pytest.param(
            "a =~ a1 + a2 + a3",
            "a =~ a1 + a2 +\\n 0.5*b9",
            'model "one", syntax: "b9" is neither an item of the instrument nor a factor',
            id="unknown item of a model",
        ),
        pytest.param(
            "a =~ a1 + a2 + a3",
            "b =~ a1 + a2 + a3",
            'model "one", syntax: the factor "b" has no label',
            id="factor without a label",
        ),
        pytest.param(
            "reference = true", "", "exactly one model is marked reference", id="no reference"
        ),
        pytest.param(
            "reference = true",
            'reference = true\nboundary_of = "two"',
            'model "one", boundary_of: there is no other model "two"',
            id="boundary of nothing",
        ),
        pytest.param(
            "reference = true",
            'reference = true\nawaits = { da = "Mere", en = "More" }',
            'model "one", reference: the reference model is a rival that is fitted',
            id="reference that awaits something",
        ),
        pytest.param(
            "reference = true",
            'reference = true\nuse = "other"',
            "model \"one\", use: one of 'rival', 'levels' or 'structural' is wanted, not 'other'",
            id="use of a model",
        ),
        pytest.param(
            "reference = true",
            'reference = true\noptions = { cluster = "team" }',
            'model "one", options.cluster: there is no column "team"; the file has none',
            id="cluster of a model",
        ),
        pytest.param(
            "reference = true",
            'reference = true\noptions = { rotation = "targetQ", target_of = "one" }',
            'options.target_of: there is no model "one" with the same factors, in the same order',
            id="model as its own target",
        ),
        pytest.param(
            "reference = true",
            'reference = true\noptions = { target_of = "two" }',
            "options.target_of: a target is for a rotation",
            id="target without rotation",
        ),
        pytest.param("[[models]]", "[models]", "models: a list is wanted", id="table for a list"),
        pytest.param('id = "small"', 'id = "small"\norigin = "x"', "origin: there is", id="origin"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(
    write: Writer, old: str, new: str, expected: str
) -> None:
    message = refusal(write(changed(old, new)))
    assert message.splitlines()[0].endswith("mine.toml")
    assert expected in message


def test_all_problems_are_named_at_once(write: Writer) -> None:
    text = changed('en = "Second"', "en = 2").replace("keying = -1", "keying = 0")
    assert len(refusal(write(text)).splitlines()) == 3


def test_form_with_an_unknown_item_is_refused(write: Writer) -> None:
    before, after = SMALL.split("[[forms]]")
    text = f"{before}[[forms]]{after.replace('a3', 'a4', 1)}"
    assert 'form "all", items: there is no item "a4"' in refusal(write(text))


def test_a_column_with_the_name_of_an_item_is_refused(write: Writer) -> None:
    column = '[[columns]]\nname = "a1"\nrole = "group"\nlabel = { da = "A", en = "A" }\n'
    assert 'column "a1" has the name of an item' in refusal(write(f"{SMALL}\n{column}"))


def test_values_of_a_column_have_every_language(write: Writer) -> None:
    column = (
        '[[columns]]\nname = "who"\nrole = "role"\nlabel = { da = "Hvem", en = "Who" }\n'
        'values.leader = { da = "Leder" }\n'
    )
    expected = 'column "who", values, value "leader": the text in "en" is missing'
    assert expected in refusal(write(f"{SMALL}\n{column}"))


def test_a_continuous_item_cannot_be_reversed(write: Writer) -> None:
    start, rest = SMALL.split("lowest = 1")
    text = f"{start}continuous = true\n\n[item_defaults]{rest.split('[item_defaults]')[1]}"
    assert 'item "a2", keying: an item without a lowest' in refusal(write(text))


def test_an_own_rule_needs_its_own_source(write: Writer) -> None:
    rule = "\n[rules.icc1]\nvalue = 0.10\n"
    assert 'rule "icc1", source: the field is missing' in refusal(write(SMALL + rule))
    own = instruments.load(write(f'{SMALL}{rule}source = "mine"\n')).rules
    assert (own.icc1.value, own.icc1.source) == (0.10, "mine")
    assert own.icc1.text("en").endswith("at least 0.10")
    assert own.icc2.source == "LeBreton & Senter 2008"


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ('icc1 = { value = "low", source = "mine" }', 'rule "icc1", value: a number is wanted'),
        ('iccs = { value = 0.1, source = "mine" }', 'rule "iccs": there is no such field'),
        ("icc1 = 0.1", 'rule "icc1": a table of fields is wanted, not 0.1'),
        (
            'icc1 = { source = "mine", wording = { da = "{x}", en = "{value}" } }',
            'rule "icc1": wording (da) has the placeholder {x}',
        ),
        (
            'icc1 = { source = "mine", wording = { en = "{value}" } }',
            'rule "icc1", wording: the text in "da" is missing',
        ),
    ],
)
def test_a_wrong_rule_is_named(write: Writer, rule: str, expected: str) -> None:
    assert expected in refusal(write(f"{SMALL}\n[rules]\n{rule}\n"))


INDEX = """
[[items]]
id = "b1"
text = { da = "B", en = "B" }
indicator = "index"

[[scales]]
id = "b"
kind = "index"
label = { da = "B", en = "B" }
description = { da = "Om B", en = "About B" }
items = ["b1"]

[[models]]
id = "two"
label = { da = "To", en = "Two" }
meaning = { da = "B virker på A", en = "B acts on A" }
use = "structural"
syntax = """


def test_a_structural_model_may_name_the_score_of_an_index(write: Writer) -> None:
    loaded = instruments.load(write(f'{SMALL}{INDEX}"a =~ a1 + a2 + a3; a ~ b"\n'))
    assert [model.id for model in loaded.rivals] == ["one"]
    assert loaded.awaited_models == ()
    rival = INDEX.replace('use = "structural"\n', "")
    message = refusal(write(f'{SMALL}{rival}"a =~ a1 + a2 + a3; a ~ b"\n'))
    assert 'model "two", syntax: "b" is neither' in message
    # The score of a reflective scale would be another model than the scale's factor.
    unscored = INDEX.replace('kind = "index"\n', "").replace('indicator = "index"\n', "")
    assert '"b" is neither' in refusal(write(f'{SMALL}{unscored}"a =~ a1 + a2 + a3; a ~ b"\n'))


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ('tested_by = ["H1"]', 'claim "C1", tested_by: there is no hypothesis or model "H1"'),
        ('tested_by = ["one", "one"]', 'claim "C1", tested_by: "one" occurs twice'),
        ("", 'claim "C1", untested: nothing tests the claim; say why not'),
        ('untested.da = "Intet"', 'claim "C1", untested: the text in "en" is missing'),
    ],
)
def test_a_claim_names_what_tests_it_or_says_why_nothing_does(
    write: Writer, claim: str, expected: str
) -> None:
    stated = '[[claims]]\nid = "C1"\ntext = { da = "Det er så", en = "It is so" }\n'
    assert expected in refusal(write(f"{SMALL}\n{stated}{claim}\n"))


def test_parts_are_read_and_their_mistakes_laid_at_their_door(tmp_path: Path) -> None:
    before, models = SMALL.split("[[models]]")
    main = tmp_path / "instrument.toml"
    main.write_text(f'parts = ["models.toml"]\n{before}', encoding="utf-8")
    assert 'parts: there is no file "models.toml"' in refusal(main)
    part = tmp_path / "models.toml"
    part.write_text(f"[[models]]{models}", encoding="utf-8")
    assert instruments.load(main).reference_model.id == "one"
    part.write_text(f"[[models]]{models.replace('a3', 'a4')}", encoding="utf-8")
    assert '"a4" is neither' in refusal(main)
    part.write_text(f"[[models]]{models.replace('syntax', 'text')}", encoding="utf-8")
    assert refusal(main).splitlines()[0].endswith("models.toml")
    part.write_text('id = "again"', encoding="utf-8")
    assert "id: the field is already in instrument.toml" in refusal(main)


def test_lists_may_be_spread_over_parts_with_their_own_defaults(tmp_path: Path) -> None:
    before, rest = SMALL.split('[[items]]\nid = "a3"')
    after = rest[rest.index("[[scales]]") :]
    main = tmp_path / "instrument.toml"
    main.write_text(f'parts = ["more.toml"]\n{before}{after}', encoding="utf-8")
    part = tmp_path / "more.toml"
    third = '[[items]]\nid = "a3"\ntext = { da = "Tredje", en = "Third" }\n'
    part.write_text(f'[item_defaults]\nconcept = "else"\n{third}', encoding="utf-8")
    instrument = instruments.load(main)
    assert instrument.item_ids == ("a1", "a2", "a3")
    assert [item.concept for item in instrument.items] == ["something", "something", "else"]
    assert instrument.item("a3").response == "agree"
    part.write_text(third.replace("Third", "").replace("a3", "a1"), encoding="utf-8")
    lines = refusal(main).splitlines()
    assert lines[0].endswith("more.toml")
    assert lines[1].strip().startswith('item "a1", text.en: the text is empty')
    part.write_text("item_defaults = 1", encoding="utf-8")
    assert "item_defaults: a table of fields is wanted" in refusal(main)
    part.write_text("[[languages]]\nid = 1", encoding="utf-8")
    assert "languages: the field is already in instrument.toml" in refusal(main)


def test_the_default_rules_stand_in_one_file() -> None:
    everywhere = [path.read_text(encoding="utf-8") for path in DEFAULT_RULES.parent.rglob("*.toml")]
    assert sum("Hu & Bentler 1999" in text for text in everywhere) == 1
