"""Forms, blocks and the rotation of KKS, and what is refused of them."""

from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest

import instruments
from instruments import InstrumentError, Rotation

KKS = instruments.load("coupling")
FOLDER = KKS.origin.parent
FUNCTIONS = ("bro", "kom", "kor", "kop")
CORE = {"own_work", "attention"}


@pytest.fixture(scope="module")
def rotation() -> Rotation:
    assert KKS.rotation is not None
    return KKS.rotation


def test_the_full_form_asks_every_item_once() -> None:
    form = KKS.form("full")
    assert len(form.items) == 133
    assert set(form.items) == set(KKS.item_ids)
    assert not form.provisional
    assert form.blocks == tuple(block.id for block in KKS.blocks)


def test_the_standard_form_has_its_parts_and_is_provisional() -> None:
    form = KKS.form("standard")
    items = [KKS.item(code) for code in form.items]
    assert form.provisional
    assert len(items) == 61
    cells = Counter((item.level, item.function) for item in items if item.function)
    assert cells == {
        **{("I", function): 6 for function in FUNCTIONS},
        **{(level, function): 2 for level in "GOL" for function in FUNCTIONS},
    }
    kinds = Counter(item.concept for item in items if not item.function)
    assert kinds == {"tillid på tværs": 6, "udvekslingszoner": 3, "rollekonflikt": 4}
    assert {item.facet for item in items if item.facet} == {"R1", "R2", "R3", "R4"}


def test_the_short_form_has_each_band_of_every_function_and_is_provisional() -> None:
    form = KKS.form("short")
    items = [KKS.item(code) for code in form.items]
    assert form.provisional
    assert Counter((item.function, item.band) for item in items) == Counter(
        (function, band) for function in FUNCTIONS for band in ("low", "middle", "high")
    )
    assert {item.level for item in items} == {"I"}
    assert {item.keying for item in items} == {1}


def test_everybody_gets_the_individual_items_and_both_checks(rotation: Rotation) -> None:
    blocks = {block.id: block.items for block in KKS.blocks}
    for version in rotation.versions:
        items = [item for block in version.blocks for item in blocks[block]]
        assert set(KKS.form("individual").items) <= set(items)
        assert {"att1", "att2"} <= set(items)
        assert 15 <= items.index("att1") <= 20
        assert 0.7 < items.index("att2") / len(items) < 0.9
        assert 85 <= len(items) <= 89


def test_blocks_and_pairs_are_answered_by_the_stated_share(rotation: Rotation) -> None:
    coverage = rotation.coverage()
    assert set(coverage.index) == {block.id for block in KKS.blocks}
    assert (
        coverage.loc["own_work"] == coverage.loc["own_work"].where(lambda x: x > 4 / 7, 4 / 7)
    ).all()
    for first, second in combinations(rotation.rotated, 2):
        assert coverage.loc[first, second] == coverage.loc[second, first] == 2 / 7
    for block in rotation.rotated:
        assert coverage.loc[block, block] == coverage.loc["own_work", block] == 4 / 7
    for block in CORE:
        assert coverage.loc[block, block] == 1


def test_only_the_core_is_asked_of_everybody() -> None:
    assert KKS.asked_of_all("short") == KKS.form("short").items
    asked = KKS.asked_of_all("full")
    assert len(asked) == 26
    assert set(asked) == {*KKS.form("individual").items, "att1", "att2"}


def test_every_block_stands_once_in_each_place(rotation: Rotation) -> None:
    orders = [[b for b in version.blocks if b not in CORE] for version in rotation.versions]
    for place in range(4):
        assert {order[place] for order in orders} == set(rotation.rotated)


def test_the_three_referents_meet_in_one_version(rotation: Rotation) -> None:
    referents = {"group", "workplace", "leadership"}
    assert sum(referents <= set(version.blocks) for version in rotation.versions) == 1


def copied(tmp_path: Path, changes: dict[str, tuple[str, str]]) -> Path:
    """Copy the files of KKS with some text replaced, and give the instrument file."""
    for path in FOLDER.rglob("*.toml"):
        name = path.relative_to(FOLDER).as_posix()
        text = path.read_text(encoding="utf-8")
        if name in changes:
            old, new = changes[name]
            assert old in text
            text = text.replace(old, new, 1)
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path / "instrument.toml"


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        pytest.param(
            "forms.toml",
            '"I_bro6", "I_kom3"',
            '"I_bro7", "I_kom3"',
            'form "short", items: there is no item "I_bro7"',
            id="unknown item in a form",
        ),
        pytest.param(
            "forms.toml",
            '"att2"',
            '"att3"',
            'block "attention", items: there is no item "att3"',
            id="unknown item in a block",
        ),
        pytest.param(
            "forms.toml",
            '"own_work", "group"',
            '"own_work", "groups"',
            'form "full", blocks: there is no block "groups"; the file has own_work, group',
            id="unknown block in a form",
        ),
        pytest.param(
            "items/trust.toml",
            'id = "trust_rat1"',
            'id = "learn1"',
            'item "learn1" occurs twice; give each item its own id',
            id="one code twice, over two files",
        ),
        pytest.param(
            "items/leadership_central.toml",
            'id = "Lc_bro1"',
            'id = "L_bro1"',
            'item "L_bro1" occurs twice; give each item its own id',
            id="variant with the code of an item",
        ),
        pytest.param(
            "items/group.toml",
            'referent = "group"',
            'referent = "team"',
            'item "G_kop4", referent: there is no referent "team"; the file has self, group',
            id="unknown referent",
        ),
        pytest.param(
            "items/individual.toml",
            'function = "bro"',
            'function = "bru"',
            'item "I_bro1", function: there is no function "bru"; the file has bro, kom',
            id="unknown function",
        ),
        pytest.param(
            "items/role_conflict.toml",
            'level = "I"',
            'level = "U"',
            'item "R1_1", level: there is no level "U"; the file has I, G, O, L',
            id="unknown level",
        ),
        pytest.param(
            "items/trust.toml",
            'construct_type = "individual"',
            'construct_type = "personal"',
            "item \"trust_rat1\", construct_type: one of 'individual', 'configural'",
            id="unknown construct type",
        ),
        pytest.param(
            "items/barriers.toml",
            'kind = "index"',
            'kind = "reflective"',
            'scale "barriers", items: "B1_1" has indicator = "index", but the scale has kind',
            id="index items in a reflective scale",
        ),
        pytest.param(
            "items/organisation.toml",
            'shifted_from = "I_bro1"',
            'shifted_from = "I_bro9"',
            'item "O_bro1", shifted_from: there is no item "I_bro9"',
            id="shifted from nothing",
        ),
        pytest.param(
            "items/leadership.toml",
            'self_for = "leader"',
            'self_for = "boss"',
            'item "L_bro1", self_for: there is no role "boss" among the columns (employee,',
            id="unknown role",
        ),
        pytest.param(
            "items/leadership.toml",
            'self_for = "leader"\n',
            "",
            'item "L_bro1": self_for and self_text go together; give both or neither',
            id="own wording for nobody",
        ),
        pytest.param(
            "items/attention.toml",
            "instructed = 2\n",
            "",
            'item "att1": an item with indicator = "check" states the answer it asks for',
            id="check without an answer",
        ),
        pytest.param(
            "items/attention.toml",
            "instructed = 2",
            "instructed = 7",
            'item "att1", instructed: 7 is no answer of its response scale',
            id="check with an impossible answer",
        ),
        pytest.param(
            "forms.toml",
            'form = "full"',
            'form = "whole"',
            'rotation, form: there is no form "whole"; the file has full, standard',
            id="rotation of nothing",
        ),
        pytest.param(
            "forms.toml",
            'form = "full"',
            'form = "short"',
            'rotation, form: the form "short" is not given by blocks',
            id="rotation of a form without blocks",
        ),
        pytest.param(
            "forms.toml",
            "together_in = 2",
            "together_in = 3",
            'rotation, versions: the blocks "group" and "workplace" stand together in 2 versions; '
            "together_in says 3",
            id="unbalanced pairs",
        ),
        pytest.param(
            "forms.toml",
            'blocks = ["own_work", "group", "trust"',
            'blocks = ["own_work", "task", "trust"',
            'rotation, versions: the block "group" stands in 3 versions; shown_in says 4',
            id="unbalanced blocks",
        ),
        pytest.param(
            "forms.toml",
            'blocks = ["own_work", "group", "trust"',
            'blocks = ["group", "trust"',
            'rotation, version "full_1": the core block "own_work" is missing',
            id="version without the core",
        ),
        pytest.param(
            "forms.toml",
            'id = "full_2"',
            'id = "full_1"',
            'rotation, version "full_1" occurs twice',
            id="one version twice",
        ),
        pytest.param(
            "forms.toml",
            "shown_in = 4",
            "shown_in = 0",
            "rotation.shown_in: ",
            id="shown in no version",
        ),
        pytest.param(
            "forms.toml",
            "intros.trust.da =",
            "intros.thrust.da =",
            'form "standard", intros: there is no block "thrust"',
            id="words above an unknown block",
        ),
        pytest.param(
            "forms.toml",
            'headings.trust.en = "Trust"\n',
            "",
            'form "standard", headings, block "trust": the text in "en" is missing',
            id="a heading in one language",
        ),
        pytest.param(
            "forms.toml",
            'title.en = "Questionnaire on working across units"\n',
            "",
            'fielding, title: the text in "en" is missing',
            id="a questionnaire without an English title",
        ),
    ],
)
def test_a_wrong_bank_is_refused_with_its_file_and_place(
    tmp_path: Path, file: str, old: str, new: str, expected: str
) -> None:
    with pytest.raises(InstrumentError) as caught:
        instruments.load(copied(tmp_path, {file: (old, new)}))
    lines = str(caught.value).splitlines()
    assert any(line.endswith(file) for line in lines)
    after = lines[[line.endswith(file) for line in lines].index(True) :]
    assert any(expected in line for line in after), caught.value


def test_a_code_in_two_files_is_laid_at_both_doors(tmp_path: Path) -> None:
    change = {"items/trust.toml": ('id = "trust_rat1"', 'id = "learn1"')}
    with pytest.raises(InstrumentError) as caught:
        instruments.load(copied(tmp_path, change))
    text = str(caught.value)
    assert text.count('item "learn1" occurs twice') == 2
    assert "items/trust.toml" in text.replace("\\", "/")
    assert "items/learning_and_motivation.toml" in text.replace("\\", "/")


def test_a_form_gives_items_or_blocks(tmp_path: Path) -> None:
    change = {"forms.toml": ('id = "full"\n', 'id = "full"\nitems = ["I_bro1"]\n')}
    with pytest.raises(InstrumentError, match='form "full": give items or blocks, not both'):
        instruments.load(copied(tmp_path, change))


def test_defaults_of_a_part_stay_in_the_part() -> None:
    assert KKS.item("trust_rat1").concept == "tillid på tværs"
    assert KKS.item("R1_1").concept == "rollekonflikt"
    assert KKS.item("att1").level is None
