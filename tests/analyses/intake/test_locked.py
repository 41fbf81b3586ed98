"""What a report says about whether the rules were fixed before the answers."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from analyses import card, publication
from analyses.briefing.brief import compose
from analyses.export import html, pdf, results
from analyses.intake import locked
from analyses.intake.locked import Locked
from analyses.section import Section
from analyses.wording import words
from instruments import Instrument, locking
from instruments.errors import LockError
from tests.analyses.demonstrations import (
    finding,
    fits,
    instrument,
    survey,
    with_model,
    with_rule,
)

NAME = "mental_ability"
MOMENT = datetime(2025, 3, 3, 11, 4, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = locking.default_path(instrument(NAME), tmp_path)
    locking.write(locking.lock(instrument(NAME), MOMENT), path)
    return path


def answers(folder: Path, moment: datetime) -> Path:
    path = folder / "answers.csv"
    path.write_text("x1", encoding="utf-8")
    os.utime(path, (moment.timestamp(),) * 2)
    return path


def said(rules: Locked, language: str = "en") -> str:
    return words(language).say(locked.note(rules))


def test_without_a_lock_the_report_says_so() -> None:
    rules = locked.examine(instrument(NAME))
    assert rules == Locked()
    assert said(rules).startswith("The rules are not locked: nothing shows that")
    assert said(rules, "da").startswith("Reglerne er ikke låst: Intet viser, at")
    (note,) = locked.finding(rules).notes
    assert "kobling instruments lock" in words("da").say(note)
    assert list(locked.tables(rules)) == []


def test_rules_locked_before_the_file_was_changed(file: Path, tmp_path: Path) -> None:
    path = answers(tmp_path, MOMENT + DAY)
    rules = locked.examine(instrument(NAME), lock=file, survey=path)
    assert said(rules) == (
        "Models, expectations and rules were locked on 3 March 2025 at 11:04 (UTC). The survey "
        "file was last changed on 4 March 2025 at 11:04 (UTC), that is, after the locking. "
        "Nothing has been changed since."
    )
    assert said(rules, "da") == (
        "Modeller, forventninger og regler blev låst den 3. marts 2025 kl. 11.04 (UTC). Svarfilen "
        "er senest ændret den 4. marts 2025 kl. 11.04 (UTC), altså efter låsningen. Intet er "
        "ændret siden."
    )
    told = [words("en").say(note) for note in locked.finding(rules).notes]
    assert "That is weak evidence" in told[0]
    assert locking.read(file, instrument(NAME)).checksum in told[1]


def test_rules_locked_after_the_file_was_changed(file: Path, tmp_path: Path) -> None:
    for moment in (MOMENT, MOMENT - DAY):
        path = answers(tmp_path, moment)
        rules = locked.examine(instrument(NAME), lock=file, survey=path)
        assert "before the locking, so the answers may have been known" in said(rules)
        assert "altså før låsningen, så svarene kan have været kendt" in said(rules, "da")


def test_answers_whose_age_is_not_known(file: Path, tmp_path: Path) -> None:
    for survey_file in (None, tmp_path / "none.csv"):
        rules = locked.examine(instrument(NAME), lock=file, survey=survey_file)
        assert "It is not known when the survey file was last changed" in said(rules)


def test_the_lock_beside_the_instrument_is_used(file: Path) -> None:
    moved = instrument(NAME).model_copy(update={"origin": file.parent / "instrument.toml"})
    assert locked.examine(moved).file == file.name
    assert "locked on 3 March 2025" in said(locked.examine(moved))


def changed_since(file: Path, changed: Instrument) -> Locked:
    return locked.examine(changed, lock=file)


def shown(rules: Locked, language: str = "en") -> list[tuple[str, ...]]:
    (table,) = locked.tables(rules)
    return [tuple(words(language).write(cell) for cell in row) for row in table.rows]


def test_a_changed_rule_is_named_with_both_values(file: Path) -> None:
    rules = changed_since(file, with_rule(NAME, "omega_groups", value=0.6))
    assert said(rules).endswith(
        "Since then 1 part has been changed: rule omega_groups (0.70 → 0.60)."
    )
    assert said(rules, "da").endswith("Siden er 1 del ændret: reglen omega_groups (0,70 → 0,60).")
    assert shown(rules, "da") == [("Reglen", "omega_groups", "Ændret", "value", "0,70", "0,60")]
    fine = changed_since(file, with_rule(NAME, "simpler_delta_cfi", value=0.0125))
    assert "simpler_delta_cfi (0.005 → 0.0125)" in said(fine)
    named = changed_since(file, with_rule(NAME, "rwg_j", null="heavy"))
    assert "rule rwg_j (null: slight → heavy)" in said(named)
    both = changed_since(file, with_rule(NAME, "global_fit_good", cfi=0.9, tli=0.9))
    assert "rule global_fit_good (changed)" in said(both)
    assert [row[3:] for row in shown(both)] == [("cfi", "0.95", "0.90"), ("tli", "0.95", "0.90")]


def test_a_changed_model_is_named_without_its_whole_text(file: Path) -> None:
    text = instrument(NAME).model("three_factors").syntax
    rules = changed_since(file, with_model(NAME, "three_factors", syntax=text + "\nx1 ~~ x4"))
    assert said(rules).endswith("changed: model three_factors (changed).")
    assert shown(rules) == [("Model", "three_factors", "Changed", "syntax", "not stated", "x1~~x4")]
    other = text.replace("x1", "0.8*x1 + start(0.7)*x5")
    rules = changed_since(file, with_model(NAME, "three_factors", syntax=other))
    assert said(rules).endswith("model three_factors (changed).")
    before, after = "visual=~x1+x2+x3", "visual=~0.8*x1+start(0.7)*x5+x2+x3"
    assert shown(rules)[0][3:] == ("syntax", before, after)
    long = text + "".join(f"\nx1 ~~ {number / 1000}*x4" for number in range(40))
    rules = changed_since(file, with_model(NAME, "three_factors", syntax=long))
    assert shown(rules)[0][-1] == "too long to be shown here"


def test_what_is_added_and_removed_is_named(file: Path) -> None:
    models = instrument(NAME).models
    fewer = instrument(NAME).model_copy(update={"models": models[:-1]})
    last = models[-1].id
    assert said(changed_since(file, fewer)).endswith(f"changed: model {last} (removed).")
    assert shown(changed_since(file, fewer)) == [("Model", last, "Removed", "", "", "")]
    hypothesis = instrument("coupling").hypotheses[0]
    more = instrument(NAME).model_copy(update={"hypotheses": (hypothesis,)})
    rules = changed_since(file, more)
    assert said(rules, "da").endswith("ændret: forventningen H01 (tilføjet).")


def test_a_kind_of_part_that_is_not_known_here_is_named_all_the_same(file: Path) -> None:
    lock = locking.read(file, instrument(NAME))
    parts = lock.parts | {"weights": {"w1": lock.parts["rules"]["icc1"]}}
    later = lock.model_copy(update={"parts": parts})
    rules = Locked(later, file.name, changes=locking.changes(later, instrument(NAME)))
    assert shown(rules) == [("Part", "w1", "Removed", "", "", "")]


def test_other_words_are_told_apart_from_other_rules(file: Path) -> None:
    words_only = with_model(NAME, "three_factors", label={"da": "Tre", "en": "Three"})
    rules = changed_since(file, words_only)
    assert said(rules).endswith("Since then only words have been changed, in 1 place.")
    assert said(rules, "da").endswith("Siden er kun ordlyden ændret, 1 sted.")
    assert shown(rules) == [("Model", "three_factors", "Words only", "", "", "")]


def test_many_changes_are_counted_and_listed_in_the_table(file: Path) -> None:
    items = tuple(item.model_copy(update={"level": "G"}) for item in instrument(NAME).items)
    rules = changed_since(file, instrument(NAME).model_copy(update={"items": items}))
    assert said(rules).endswith("Since then 9 parts have been changed; the card lists them.")
    assert len(shown(rules)) == 9


def test_an_edited_lock_file_is_named_and_dated_and_not_trusted(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("2025-03-03", "2024-03-03"), encoding="utf-8")
    os.utime(file, ((MOMENT + DAY).timestamp(),) * 2)
    rules = changed_since(file, with_rule(NAME, "omega_groups", value=0.6))
    assert said(rules) == (
        f"The lock file {file.name} was edited after it was written and is not to be trusted. It "
        "says itself that the rules were locked on 3 March 2024 at 11:04 (UTC), and was last "
        "changed on 4 March 2025 at 11:04 (UTC). The rules count as not locked."
    )
    assert "er rettet, efter at den blev skrevet, og er ikke til at stole på" in said(rules, "da")
    assert list(locked.tables(rules)) == []
    assert "does not agree with the content" in words("en").say(locked.finding(rules).notes[-1])


def test_a_wrong_lock_file_is_refused(file: Path) -> None:
    with pytest.raises(LockError, match='locks the instrument "mental_ability"'):
        locked.examine(instrument("coupling"), lock=file)


@pytest.fixture
def section(file: Path) -> Section:
    rules = changed_since(file, with_rule(NAME, "omega_groups", value=0.6))
    return card.run(instrument(NAME), survey(NAME), fits=fits(NAME), rules=rules)


def test_every_face_of_the_report_says_it(file: Path, section: Section, tmp_path: Path) -> None:
    rules = changed_since(file, with_rule(NAME, "omega_groups", value=0.6))
    made = publication.assemble(instrument(NAME), survey(NAME), (section,), rules=rules)
    assert [note.key for note in made.notes] == ["lock.unknown"]
    assert finding(made.sections[0], "lock").claim == made.notes[0]
    results.write(made, tmp_path / "results.json")
    assert results.read(tmp_path / "results.json") == made
    for language, sentence in (("da", "0,70 → 0,60"), ("en", "0.70 → 0.60")):
        page = html.page(made, words(language))
        assert page.count(f"omega_groups ({sentence})") == 2
        assert 'id="table-lock_changes"' in page
        # The summary holds the sentence, and stays on its two pages.
        text = compose(made, words(language)).method
        assert sum(sentence in line for line in text) == 1
        assert pdf.contents(made, words(language), {}).startswith(b"%PDF")


def test_a_report_that_is_told_nothing_looks_beside_the_instrument(file: Path) -> None:
    alone = card.run(instrument(NAME), survey(NAME), fits=fits(NAME))
    assert finding(alone, "lock").claim.key == "lock.none"
    moved = instrument(NAME).model_copy(update={"origin": file.parent / "instrument.toml"})
    made = publication.assemble(moved, replace(survey(NAME), notes=()), ())
    assert [note.key for note in made.notes] == ["lock.unknown"]
