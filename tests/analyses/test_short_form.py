from dataclasses import replace

import pytest

from analyses import short_form
from analyses.section import Section
from analyses.wording import words
from tests.analyses.demonstrations import evidence, finding, fits, instrument, survey

KKS = instrument("coupling")
SHORT = KKS.form("short").items


@pytest.fixture(scope="module")
def section() -> Section:
    return short_form.run(KKS, survey("coupling"), fits=fits("coupling"))


def rows(section: Section, table_id: str) -> list[dict[str, object]]:
    table = section.table(table_id)
    names = [part.name for part in table.columns]
    return [dict(zip(names, row, strict=True)) for row in table.rows]


def test_three_items_of_each_function_are_proposed_that_spread_over_the_bands(
    section: Section,
) -> None:
    items = rows(section, "short_form_items_short")
    assert len(items) == 24
    for name in ("bro", "kom", "kor", "kop"):
        scale = KKS.scale(name).items
        chosen = [row for row in items if row["item"] in scale and _yes(row["proposed"])]
        assert len(chosen) == 3
        assert {words("en").write(row["content"]) for row in chosen} == {"low", "middle", "high"}
    kept = [row["item"] for row in items if _yes(row["declared_form"])]
    assert sorted(map(str, kept)) == sorted(SHORT)


def _yes(cell: object) -> bool:
    return words("en").write(cell) == "yes"


def test_the_loss_is_the_difference_of_the_held_out_omegas(section: Section) -> None:
    for row in rows(section, "short_form_short"):
        assert (row["n_items"], row["n_short"]) == (6, 3)
        assert row["loss"] == pytest.approx(row["omega_held"] - row["omega_short_held"])
        assert row["loss_declared"] == pytest.approx(row["omega_held"] - row["omega_declared"])
        assert 0 < row["loss"] < 0.3


def test_the_finding_tells_the_largest_loss_with_its_interval(section: Section) -> None:
    entry = finding(section, "short_form_short")
    most = max(row["loss"] for row in rows(section, "short_form_short"))
    loss = next(part for part in entry.evidence if part.name == "statistic.loss")
    assert loss.value == pytest.approx(most)
    assert loss.lower < loss.value < loss.upper
    assert evidence(entry, "loss_declared") is not None
    said = " ".join(words("en").say(note) for note in entry.notes)
    assert "people" in said


def test_forms_that_shorten_nothing_are_not_tried() -> None:
    assert [one.form.id for one in short_form.shortened(KKS, survey("coupling"))] == ["short"]
    name = "leadership_climate"
    assert short_form.shortened(instrument(name), survey(name)) == ()
    section = short_form.run(instrument(name), survey(name), fits=fits(name))
    assert section.answer.key == "short_forms.answer.none"


def test_what_cannot_be_tried_is_said_with_the_reason() -> None:
    few = survey("coupling")
    scored = few.scored.copy()
    scored.loc[scored.index[20:], "I_bro1"] = float("nan")
    section = short_form.run(KKS, replace(few, scored=scored), fits=fits("coupling"))
    assert section.answer.key == "short_forms.answer.none"
    refused = next(note for note in section.notes if note.key == "short_forms.note.refused")
    assert "bro" in words("en").say(refused)
