"""Locking what was stated before the data, and naming what has been changed since."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

import instruments
from instruments import Instrument, locking
from instruments.errors import LockError
from instruments.locking import Change, FieldChange, Lock
from tests.instruments.test_loader import SMALL

MOMENT = datetime(2025, 3, 3, 11, 4, 30, 123, tzinfo=timezone(timedelta(hours=1)))
EXPECTED = """
[total]
model = "one"
factor = "a"

[[external]]
id = "b"
label = { da = "B", en = "B" }

[[hypotheses]]
id = "H01"
claim = "C1"
text = { da = "Det hænger sammen", en = "It goes together" }
expectations = [{ target = "a", lower = 0.3, upper = 0.6 }, { target = "b", lower = 0.2 }]

[[claims]]
id = "C1"
text = { da = "Det er så", en = "It is so" }
tested_by = ["H01", "one"]

[rules.omega_groups]
value = 0.70
source = "mine"
"""
TEXT = SMALL + EXPECTED
KKS = instruments.load("coupling")


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Instrument]:
    """Give the small instrument with some of its text replaced."""

    def loader(*changes: tuple[str, str]) -> Instrument:
        text = TEXT
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return instruments.load(path)

    return loader


Load = Callable[..., Instrument]


def edited(path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.fixture
def file(load: Load, tmp_path: Path) -> Path:
    path = tmp_path / "small.lock.json"
    locking.write(locking.lock(load(), MOMENT), path)
    return path


@pytest.mark.parametrize("name", instruments.names())
def test_a_lock_is_read_back_as_it_was_written(name: str, tmp_path: Path) -> None:
    instrument = instruments.load(name)
    made = locking.lock(instrument, MOMENT)
    path = locking.default_path(instrument, tmp_path)
    locking.write(made, path)
    read = locking.read(path, instrument)
    assert read == made
    assert not read.edited
    assert locking.changes(read, instrument) == ()
    assert read.locked == datetime(2025, 3, 3, 10, 4, 30, tzinfo=UTC)
    assert (read.instrument, read.version) == (name, instrument.version)


def test_everything_that_decides_a_result_is_locked() -> None:
    parts = locking.lock(KKS, MOMENT).parts
    assert set(parts["rules"]) == set(type(KKS.rules).model_fields)
    for kind in ("models", "hypotheses", "claims", "items", "variants", "scales", "responses"):
        assert list(parts[kind]) == [part.id for part in getattr(KKS, kind)]
    assert parts["rules"]["rwg_j"].substance == {"value": 0.7, "null": "slight"}
    assert parts["items"]["I_bro3"].substance["keying"] == -1
    assert parts["claims"]["C2"].substance["tested_by"] == ["H14", "K1", "K2"]
    # What people read is no part of it, except as a hash.
    written = json.dumps([part.substance for named in parts.values() for part in named.values()])
    assert KKS.functions[0].label["da"] not in written
    assert KKS.item("I_bro1").text["en"] not in written


def test_a_part_stands_on_a_line_of_its_own(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    assert sum('"substance"' in line for line in lines) == 10 + len(type(KKS.rules).model_fields)
    assert any(line.startswith('   "omega_groups": {"substance": {"value": 0.7}') for line in lines)


def test_layout_order_and_comments_change_nothing(load: Load) -> None:
    before = locking.lock(load(), MOMENT)
    same = load(
        ('items = ["a1", "a2", "a3"]\n\n[[forms]]', 'items = ["a3", "a1", "a2"]\n\n[[forms]]'),
        ('"a =~ a1 + a2 + a3"', '"""\n# as always\na  =~  a1+\n   a2   + a3  ! all\n"""'),
        ("lower = 0.3, upper = 0.6", "upper = 0.60, lower = 0.30"),
        ('tested_by = ["H01", "one"]', 'tested_by = ["one", "H01"]'),
        ("value = 0.70", "value = 0.7"),
        ("Det hænger sammen", "Det  hænger sammen "),
        ('id = "C1"', "id = 'C1'"),
    )
    assert locking.changes(before, same) == ()
    after = locking.lock(same, MOMENT)
    assert after.hash == before.hash
    assert after.checksum == before.checksum


CHANGES = [
    pytest.param(
        ("value = 0.70", "value = 0.6"),
        Change("rules", "omega_groups", "changed", (FieldChange("value", 0.7, 0.6),)),
        id="rule",
    ),
    pytest.param(
        ('source = "mine"', 'source = "yours"'),
        Change("rules", "omega_groups", "reworded"),
        id="source of a rule",
    ),
    pytest.param(
        ("upper = 0.6", "upper = 0.7"),
        Change("hypotheses", "H01", "changed", (FieldChange("expectations.a.upper", 0.6, 0.7),)),
        id="band",
    ),
    pytest.param(
        (', { target = "b", lower = 0.2 }', ""),
        Change(
            "hypotheses",
            "H01",
            "changed",
            (
                FieldChange("expectations.b.target", "b", None),
                FieldChange("expectations.b.lower", 0.2, None),
            ),
        ),
        id="expectation removed",
    ),
    pytest.param(
        ('en = "It goes together"', 'en = "These go together"'),
        Change("hypotheses", "H01", "reworded"),
        id="translation",
    ),
    pytest.param(
        ("a1 + a2 + a3", "a1 + 1*a2 + a3"),
        Change(
            "models",
            "one",
            "changed",
            (FieldChange("syntax", ("a=~a1+a2+a3",), ("a=~a1+1*a2+a3",)),),
        ),
        id="model",
    ),
    pytest.param(
        ("keying = -1", "keying = 1"),
        Change("items", "a2", "changed", (FieldChange("keying", -1, 1),)),
        id="keying to the default",
    ),
    pytest.param(
        ('"First" }', '"First" }\nkeying = -1'),
        Change("items", "a1", "changed", (FieldChange("keying", 1, -1),)),
        id="keying from the default",
    ),
    pytest.param(
        ('en = "Third"', 'en = "The third"'), Change("items", "a3", "reworded"), id="item's text"
    ),
    pytest.param(
        ('1 = "Uenig", 2 = "Hverken eller"', '1 = "Hverken eller", 2 = "Uenig"'),
        Change(
            "responses",
            "agree",
            "changed",
            (
                FieldChange("labels.da.1", "Uenig", "Hverken eller"),
                FieldChange("labels.da.2", "Hverken eller", "Uenig"),
            ),
        ),
        id="labels exchanged",
    ),
    pytest.param(
        ("code = 9", "code = 8"),
        Change("responses", "agree", "changed", (FieldChange("missing.dont_know.code", 9, 8),)),
        id="missing code",
    ),
    pytest.param(
        ('tested_by = ["H01", "one"]', 'tested_by = ["H01"]'),
        Change("claims", "C1", "changed", (FieldChange("tested_by", ("one",), None),)),
        id="claim",
    ),
]


@pytest.mark.parametrize(("change", "expected"), CHANGES)
def test_each_change_is_named(load: Load, change: tuple[str, str], expected: Change) -> None:
    before = locking.lock(load(), MOMENT)
    assert locking.changes(before, load(change)) == (expected,)
    assert locking.lock(load(change), MOMENT).hash != before.hash


def test_what_comes_and_goes_is_named(load: Load) -> None:
    whole, part = load(), load(('id = "H01"', 'id = "H02"'), ('["H01", "one"]', '["H02", "one"]'))
    found = locking.changes(locking.lock(whole, MOMENT), part)
    assert found[:2] == (
        Change("hypotheses", "H01", "removed"),
        Change("hypotheses", "H02", "added"),
    )
    assert [change.name for change in found[2:]] == ["C1"]
    unclaimed = whole.model_copy(update={"claims": ()})
    assert locking.changes(locking.lock(whole, MOMENT), unclaimed) == (
        Change("claims", "C1", "removed"),
    )
    assert locking.changes(locking.lock(unclaimed, MOMENT), whole) == (
        Change("claims", "C1", "added"),
    )


def test_a_model_that_awaits_nothing_any_more_is_changed() -> None:
    models = tuple(
        model.model_copy(update={"awaits": {"da": "Mere", "en": "More"}})
        if model.id == "M13"
        else model
        for model in KKS.models
    )
    awaiting = KKS.model_copy(update={"models": models})
    assert locking.lock(awaiting, MOMENT).parts["models"]["M13"].substance["awaits"] is True
    (change,) = locking.changes(locking.lock(awaiting, MOMENT), KKS)
    assert (change.name, change.what) == ("M13", "changed")
    assert change.fields == (FieldChange("awaits", True, None),)


def test_the_categories_of_a_column_are_told_from_their_names() -> None:
    column = next(column for column in KKS.columns if column.name == "role")
    fewer = {name: texts for name, texts in column.values.items() if name != "other"}
    renamed = {name: dict(texts) for name, texts in column.values.items()}
    renamed["leader"]["en"] = "Manager"
    for values, expected in (
        (fewer, Change("columns", "role", "changed", (FieldChange("values", ("other",), None),))),
        (renamed, Change("columns", "role", "reworded")),
    ):
        columns = tuple(
            part.model_copy(update={"values": values}) if part is column else part
            for part in KKS.columns
        )
        now = KKS.model_copy(update={"columns": columns})
        assert locking.changes(locking.lock(KKS, MOMENT), now) == (expected,)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.update(locked="2024-03-03T10:04:30Z"),
        lambda content: content.update(version="2"),
        lambda content: content["parts"]["rules"]["omega_groups"]["substance"].update(value=0.6),
        lambda content: content["parts"]["rules"].pop("icc2"),
        lambda content: content["parts"]["items"]["a1"].update(words_hash="0" * 64),
        lambda content: content.update(hash="0" * 64),
        lambda content: content.update(checksum="0" * 64),
    ],
)
def test_an_edited_file_is_found_out(
    file: Path, load: Load, change: Callable[[dict[str, Any]], None]
) -> None:
    assert locking.read(edited(file, change), load()).edited


def test_a_part_whose_own_hash_is_wrong_is_found_out_under_a_right_checksum(load: Load) -> None:
    made = locking.lock(load(), MOMENT)
    rule = made.parts["rules"]["omega_groups"]
    rules = made.parts["rules"] | {"omega_groups": rule.model_copy(update={"substance": {}})}
    forged = made.model_copy(update={"parts": made.parts | {"rules": rules}})
    content = forged.model_dump(mode="json", exclude={"checksum"})
    signed = forged.model_copy(update={"checksum": locking.digest(content)})
    assert isinstance(signed, Lock)
    assert signed.edited


def test_another_layout_of_the_same_content_is_no_edit(file: Path, load: Load) -> None:
    edited(file, lambda content: None)
    assert not locking.read(file, load()).edited


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "it is not JSON"),
        ("\xff", "it is not JSON"),
        ("[]", "is no lock file of kobling"),
        ('{"format": "kobling-results"}', "is no lock file of kobling"),
        ('{"format": "kobling-lock"}', "is broken: instrument: Field required"),
    ],
)
def test_a_broken_file_is_refused(tmp_path: Path, load: Load, content: str, said: str) -> None:
    path = tmp_path / "broken.lock.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(LockError, match=said) as caught:
        locking.read(path, load())
    assert "broken.lock.json" in str(caught.value)


def test_a_file_of_a_later_version_is_refused(file: Path, load: Load) -> None:
    edited(file, lambda content: content.update(format_version=2))
    with pytest.raises(LockError, match="is broken: format_version"):
        locking.read(file, load())


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LockError, match=r"none\.json\" cannot be read: No such file"):
        locking.read(tmp_path / "none.json", KKS)
    with pytest.raises(LockError, match="cannot be read: Is a directory"):
        locking.read(tmp_path, KKS)


def test_the_lock_of_another_instrument_is_refused(file: Path) -> None:
    with pytest.raises(LockError, match='locks the instrument "small", not "coupling"'):
        locking.read(file, KKS)


def test_a_lock_is_never_written_over(file: Path, load: Load) -> None:
    before = file.read_bytes()
    with pytest.raises(LockError, match="is there already, and a lock is never written over"):
        locking.write(locking.lock(load(), MOMENT), file)
    assert file.read_bytes() == before


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path, load: Load) -> None:
    with pytest.raises(LockError, match="cannot be written: No such file"):
        locking.write(locking.lock(load(), MOMENT), tmp_path / "none" / "x.lock.json")


def test_the_lock_beside_the_instrument_is_found(file: Path, load: Load) -> None:
    assert locking.beside(load()) == file
    file.rename(file.with_name("other.lock.json"))
    assert locking.beside(load()) is None


def test_no_bundled_instrument_is_said_to_be_locked_by_its_users() -> None:
    for name in instruments.names():
        assert locking.beside(instruments.load(name)) is None
