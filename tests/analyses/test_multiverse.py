"""Conclusions by every combination of choices that can be defended."""

from functools import cache
from pathlib import Path

import pytest

from analyses import confirmatory, hypotheses, multiverse, report
from analyses.multiverse import Answered
from analyses.section import Message, Section
from analyses.side_by_side import ALONE
from analyses.universes.combinations import Universe, modelled_items, universes
from analyses.universes.conclusions import _expectations, _modelled, of_waves
from analyses.wording import words
from measure.planning import cutoffs
from tests.analyses.demonstrations import fits, granted, instrument, survey, with_answers
from tests.analyses.test_glossary import unexplained

NAME = "mental_ability"


@cache
def found() -> Section:
    rows = survey(NAME).data.index
    others = survey(NAME).where(
        survey(NAME).data[survey(NAME).data.columns[0]].notna() & (rows > 9)
    )
    return multiverse.run(
        instrument(NAME), survey(NAME), beside={"unflagged": others}, seed=1, team=ALONE
    )


def test_all_combinations_are_tried_and_the_reports_is_the_first() -> None:
    asked, answers = instrument("coupling"), survey("coupling")
    listed = universes(asked, answers, ("everybody", "unflagged"), None)
    assert listed[0] == Universe("everybody", "available", "WLSMV")
    assert len(listed) == len(set(listed)) == 8
    by_numbers = universes(asked, answers, ("unflagged",), "MLR")
    assert by_numbers[0] == Universe("unflagged", "available", "MLR")
    assert {one.estimator for one in by_numbers} == {"MLR", "ML"}
    # No gaps, no choice about them.
    whole = universes(instrument(NAME), survey(NAME), ("everybody",), None)
    assert {one.missing for one in whole} == {"available"}


def test_shares_count_what_says_what_the_report_says() -> None:
    yes, no = Message("check.yes"), Message("check.no")
    one = Answered(
        "fit",
        (
            ({"people": "everybody", "estimator": "WLSMV"}, yes),
            ({"people": "everybody", "estimator": "MLR"}, no),
            ({"people": "unflagged", "estimator": "WLSMV"}, Message("check.yes")),
            ({"people": "unflagged", "estimator": "MLR"}, None),
        ),
    )
    assert one.share() == pytest.approx(2 / 3)
    assert one.share("people", "everybody") == 0.5
    assert one.share("people", "unflagged") == 1.0
    assert one.share("estimator", "MLR") == 0.0
    assert len(one.known) == 3
    assert Answered("fit", (({}, None), ({}, yes))).share() is None


def test_every_question_of_the_report_is_a_row() -> None:
    table = found().table("multiverse_questionnaire")
    asked = [cell.key for cell in table.column("conclusion_on") if isinstance(cell, Message)]
    assert asked[:3] == [f"multiverse.question.{name}" for name in ("fit", "distinct", "rivals")]
    assert asked[-1] == "multiverse.question.retention"
    assert "multiverse.question.licence" in asked
    for share, known, silent in zip(
        *(table.column(name) for name in ("share_same", "combinations", "without_answer")),
        strict=True,
    ):
        assert share is None or 0 <= float(share) <= 1
        assert int(known) + int(silent) > 0  # type: ignore[arg-type]
    # Two sets of people, two estimators; and of each set five criteria on one kind of correlations.
    assert table.column("combinations")[0] == 4


def test_hypotheses_stand_as_in_the_report_but_for_those_of_several_waves() -> None:
    asked, answers = instrument("coupling"), survey("coupling")
    given = (asked, answers, fits("coupling"), granted("coupling"))
    said = _expectations(*given, seed=1)
    report = hypotheses.run(asked, answers, fits=given[2], granted=given[3], seed=1)
    judged = hypotheses.judgements(report)
    assert of_waves(asked)
    assert {f"hypothesis {name}" for name in of_waves(asked)}.isdisjoint(said)
    known = {name.split()[1]: word for name, word in said.items() if word is not None}
    assert known
    for name, word in known.items():
        # The ledger says besides where only some of a hypothesis is measured.
        assert judged[name].key.removesuffix("_partly") == word.key


def test_people_with_gaps_are_left_out_where_that_is_chosen() -> None:
    asked, answers = instrument("coupling"), survey("coupling")
    kept = Universe("everybody", "available", "WLSMV").taken(asked, answers)
    whole = Universe("everybody", "complete", "WLSMV").taken(asked, answers)
    assert kept is answers
    assert 0 < len(whole.data) < len(answers.data)
    assert whole.scored[modelled_items(asked, answers)].notna().to_numpy().all()


def test_where_nobody_answered_all_items_there_is_no_answer() -> None:
    asked, answers = instrument("coupling"), survey("coupling")
    items = modelled_items(asked, answers)
    gaps = answers.scored.copy()
    gaps.iloc[::2, gaps.columns.get_loc(items[0])] = float("nan")
    gaps.iloc[1::2, gaps.columns.get_loc(items[1])] = float("nan")
    lacking = with_answers("coupling", gaps)
    assert _modelled(asked, lacking, Universe("everybody", "complete", "MLR"), 1) == {}


def test_hypotheses_have_a_table_and_a_figure_of_their_own() -> None:
    asked, answers = instrument("coupling"), survey("coupling")
    chosen = universes(asked, answers, ("everybody",), None)
    yes = tuple((universe.choices, Message("check.yes")) for universe in chosen)
    said = tuple(Answered(name, yes) for name in ("fit", "hypothesis P1", "retention"))
    section = multiverse._section(asked, answers, said, chosen)
    assert [figure.table for figure in section.figures] == [
        "multiverse_questionnaire",
        "multiverse_hypotheses",
    ]
    assert [len(section.table(figure.table).rows) for figure in section.figures] == [2, 1]


def test_each_choice_is_told_of_by_itself() -> None:
    table = found().table("multiverse_choices")
    choices = {cell.key for cell in table.column("choice") if isinstance(cell, Message)}
    assert choices == {
        "multiverse.choice.people",
        "multiverse.choice.estimator",
        "multiverse.choice.retention",
    }
    assert Message("multiverse.note.only_missing") in found().notes
    assert Message("multiverse.note.only_people") not in found().notes


def test_both_languages_say_it() -> None:
    for language in ("da", "en"):
        said = words(language)
        assert said.say(found().answer)
        for table in found().tables:
            assert all(said.write(cell) for row in table.rows for cell in row if cell is not None)
    assert found().figures[0].table == "multiverse_questionnaire"


def test_a_report_has_what_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(cutoffs, "NUMBERS", 20)
    whole = report.validate(instrument(NAME), survey(NAME), cutoffs=True, multiverse=True)
    structure = whole.section("confirmatory")
    assert "dynamic_fit" in [finding.id for finding in structure.findings]
    assert structure.table("dynamic_cutoffs").rows
    assert whole.section("multiverse").table("multiverse_questionnaire").rows
    assert list((tmp_path / "kobling" / "cutoffs").rglob("*.chunk"))
    plain = confirmatory.run(instrument(NAME), survey(NAME), fits=fits(NAME))
    ids = [finding.id for finding in structure.findings]
    assert [name for name in ids if name != "dynamic_fit"] == [one.id for one in plain.findings]
    assert not unexplained(whole)
    for language in ("da", "en"):
        said = words(language)
        for section in (structure, whole.section("multiverse")):
            for part in section.findings:
                assert said.say(part.claim)
                assert all(said.say(note) for note in part.notes)
