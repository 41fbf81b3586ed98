from dataclasses import replace

import numpy as np
import pytest

from analyses import screening
from analyses.disclosure import publish
from analyses.section import Hidden, Section
from tests.analyses.demonstrations import evidence, finding, instrument, people, survey


@pytest.fixture(scope="module")
def coupling() -> Section:
    return screening.run(instrument("coupling"), survey("coupling"))


def test_missing_answers_are_counted_by_kind_and_add_up(coupling: Section) -> None:
    table = coupling.table("missing_items")
    kinds = [table.column(name) for name in ("not_relevant", "dont_know", "blank")]
    for item, missing, *parts in zip(
        table.column("item"), table.column("missing"), *kinds, strict=True
    ):
        assert missing == sum(parts)
        assert missing == survey("coupling").scored[item].isna().sum()


def test_persons_are_counted_once_by_how_much_they_left_out(coupling: Section) -> None:
    table = coupling.table("missing_persons")
    assert sum(table.column("respondents")) == len(survey("coupling").data)
    complete = survey("coupling").scored.notna().all(axis=1).sum()
    assert table.column("respondents")[0] == complete
    assert evidence(finding(coupling, "screening_missing"), "complete") == complete


def test_the_recognised_form_and_what_was_detected_are_told(coupling: Section) -> None:
    read = finding(coupling, "screening_read")
    form = instrument("coupling").form(survey("coupling").form)
    assert read.claim.values["form"].languages == dict(form.label)
    detected = survey("coupling").notes
    assert detected
    assert coupling.notes[-len(detected) :] == detected


def test_simulated_answers_are_said_to_be_simulated(coupling: Section) -> None:
    assert "note.simulated" in {note.key for note in coupling.notes}
    real = screening.run(instrument("leadership_climate"), survey("leadership_climate"))
    assert "note.simulated" not in {note.key for note in real.notes}


def test_unused_categories_are_found() -> None:
    loaded, old = instrument("leadership_climate"), survey("leadership_climate")
    data = old.data.assign(LEAD01=old.data["LEAD01"].replace(5.0, 4.0))
    section = screening.run(loaded, replace(old, data=data))
    assert finding(section, "screening_categories").claim.values["items"] == ("LEAD01",)
    row = dict(
        zip(
            [column.name for column in section.table("categories").columns],
            section.table("categories").rows[0],
            strict=True,
        )
    )
    assert (row["categories_used"], row["categories"], row["unused"]) == (4, 5, "5")


def test_tests_without_categories_have_no_table_of_categories() -> None:
    section = screening.run(instrument("mental_ability"), survey("mental_ability"))
    assert "categories" not in {table.id for table in section.tables}


def test_small_groups_are_hidden_when_published() -> None:
    teams = ["a"] * 20 + ["b"] * 10 + ["c"] * 3 + ["d"] * 7
    section = screening.run(instrument("leadership_climate"), people(40, COMPID=teams))
    table = publish(section).table("respondents_COMPID")
    counts = dict(zip(table.column("group"), table.column("respondents"), strict=True))
    assert isinstance(counts["c"], Hidden)
    assert sum(isinstance(count, Hidden) for count in counts.values()) >= 2


def test_a_figure_is_drawn_only_where_something_is_missing(coupling: Section) -> None:
    assert [figure.id for figure in coupling.figures] == ["missing_items"]
    section = screening.run(instrument("leadership_climate"), survey("leadership_climate"))
    assert section.figures == ()


def test_a_background_column_of_many_values_is_no_grouping() -> None:
    loaded, old = instrument("mental_ability"), survey("mental_ability")
    data = old.data.assign(agemo=[str(number) for number in np.arange(len(old.data))])
    section = screening.run(loaded, replace(old, data=data))
    ids = {table.id for table in section.tables}
    assert "respondents_agemo" not in ids
    assert "respondents_school" in ids
