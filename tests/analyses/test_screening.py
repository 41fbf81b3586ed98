from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analyses import report, screening
from analyses.disclosure import publish
from analyses.errors import SurveyError
from analyses.intake.margins import Group, Margin
from analyses.intake.survey import Survey
from analyses.respondents import carelessness
from analyses.section import Hidden, Message, Section
from tests.analyses import kks_answers
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


@pytest.fixture(scope="module")
def kks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Survey, Section]:
    """Answers to the rotated form of which the first 24 were given at random."""
    data = kks_answers.rotated().assign(form=kks_answers.versions())
    rng = np.random.default_rng(20)
    for row in range(24):
        given = list(kks_answers.KKS.form_items(str(data.loc[row, "form"])))
        data.loc[row, given] = rng.integers(1, 6, len(given)).astype(float)
    read = kks_answers.read(tmp_path_factory.mktemp("kks"), data)
    return read, screening.run(kks_answers.KKS, read)


def test_what_was_not_asked_is_not_missing(kks: tuple[Survey, Section]) -> None:
    read, section = kks
    versions = section.table("missing_versions")
    assert versions.column("version") == tuple(f"full_{number}" for number in range(1, 8))
    assert sum(versions.column("respondents")) == len(read.data)
    assert set(versions.column("share_missing")) == {0.0}
    assert versions.column("complete") == versions.column("respondents")
    items = section.table("missing_items")
    assert set(items.column("missing")) == {0}
    assert max(items.column("not_asked")) > 0
    assert finding(section, "screening_missing").claim.key == "screening.claim.missing_planned"
    assert section.figures == ()


def test_the_flagged_are_counted_and_nobody_is_named(kks: tuple[Survey, Section]) -> None:
    read, section = kks
    judged = carelessness.judge(kks_answers.KKS, read)
    assert judged.flagged.iloc[:24].mean() > 0.8
    entry = finding(section, "screening_careless")
    assert evidence(entry, "flagged_count") == judged.n_flagged
    assert sum(section.table("careless_kinds").column("respondents")) == len(read.data)
    assert len(section.table("careless_indices").rows) == len(judged.indices)
    for table in section.tables:
        assert len(table.rows) <= max(len(read.scored.columns), 30), table.id


def test_the_checks_of_attention_are_held_against_the_flags(kks: tuple[Survey, Section]) -> None:
    section = kks[1]
    checks = section.table("attention_checks")
    assert checks.column("item") == ("att1", "att2")
    failed = evidence(finding(section, "screening_attention"), "attention_failed")
    assert 15 <= failed <= 24
    table = section.table("attention_flagged")
    assert sum(table.column("respondents")) == table.provenance.n_obs
    shares = table.column("share_failed")
    assert shares[0] > 0.6
    assert shares[1] < 0.1


def test_small_numbers_beyond_a_cutoff_are_not_told(kks: tuple[Survey, Section]) -> None:
    counts = kks[1].table("careless_indices").column("beyond")
    assert all(count is None or isinstance(count, Message) or not 0 < count < 5 for count in counts)


def test_response_styles_and_ends_of_scales_are_shown(kks: tuple[Survey, Section]) -> None:
    section = kks[1]
    styles = section.table("response_styles")
    assert len(styles.rows) == 4
    assert all(0 <= share <= 1 for share in styles.column("mean_style"))
    assert finding(section, "screening_ends").verdict == "good"
    asked = [one for one in kks_answers.KKS.scales if one.items[0] in kks[0].scored]
    assert len(section.table("scale_ends").rows) == len(asked)


def test_a_scale_with_many_at_its_top_is_found() -> None:
    loaded, old = instrument("leadership_climate"), survey("leadership_climate")
    items = [item for item in old.scored.columns if str(item).startswith("TSIG")]
    scored = old.scored.copy()
    scored.loc[: len(scored) // 3, items] = 5.0
    section = screening.run(loaded, replace(old, scored=scored))
    ends = finding(section, "screening_ends")
    assert ends.verdict == "poor"
    crowded = [scale.languages["en"] for scale in ends.claim.values["scales"]]
    assert crowded == ["Task significance", "Hostility"]


def test_where_only_one_kind_can_be_computed_nobody_is_flagged() -> None:
    section = screening.run(instrument("mental_ability"), survey("mental_ability"))
    entry = finding(section, "screening_careless")
    assert entry.claim.key == "careless.claim.none"
    assert "careless_kinds" not in {table.id for table in section.tables}
    assert section.answer.key == "screening.answer"


def test_the_population_stands_in_the_section() -> None:
    teams = ["a"] * 30 + ["b"] * 20
    column = next(one for one in instrument("leadership_climate").columns if one.name == "COMPID")
    margin = Margin(column, (Group("a", 0.5, None, 60), Group("b", 0.5, None, 30)))
    section = screening.run(
        instrument("leadership_climate"), people(50, COMPID=teams), margins=[margin]
    )
    assert section.table("non_response_COMPID").column("response_rate") == (0.5, 20 / 30)
    assert finding(section, "population_COMPID").verdict == "information"


def test_response_times_are_read_and_count_as_one_more_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = kks_answers.answered("individual").assign(seconds="240,5")
    data.loc[:6, "seconds"] = "12"
    read = kks_answers.read(tmp_path, data)
    found = carelessness.judge(kks_answers.KKS, read)
    assert found.indices.loc["seconds_per_item", "n_beyond"] == 7
    table = screening.run(kks_answers.KKS, read, careless=found).table("careless_indices")
    assert table.column("beyond")[-1] == 7
    wrong = replace(read, data=read.data.assign(seconds="a while"))
    with pytest.raises(SurveyError, match=r'"seconds" holds "a while" for respondent number 1,'):
        carelessness.judge(kks_answers.KKS, wrong)
    # Told before anything is fitted.
    monkeypatch.setattr(report, "begin", lambda *_: pytest.fail("something was fitted"))
    with pytest.raises(SurveyError, match='"seconds" holds "a while"'):
        report.validate(kks_answers.KKS, wrong)
