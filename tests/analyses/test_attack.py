"""Nobody who has all published files can work out what was hidden; see `attacker`."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from analyses.disclosing.breakdowns import breakdowns
from analyses.disclosure import Context, Earlier, publish_all
from analyses.export import results
from analyses.intake.survey import read_survey
from analyses.report import validate
from analyses.section import Hidden, Report
from tests.analyses import demonstrations
from tests.analyses.attacker import Attack, Bound, Knowledge
from tests.analyses.published_sets import (
    Made,
    breakdowns_of,
    made,
    next_wave,
    people,
    report,
    some_of,
)

FEW = (0, 2, 4, 6, 8, 129, 196)
"""Among them one in which means tell of counts, and one in which a table has to be left out."""
MANY = sorted(set(range(200)) - set(FEW))
SPREAD = {"sd", "se", "ci.lower", "ci.upper"}
TURNOVER = ((0.8, 0.25), (0.95, 0.04), (0.99, 0.01))
"""Shares of people who stay, and who come, from one wave to the next."""


def published(own: Made, tmp_path, wave=None, earlier=()) -> Report:
    """Publish a survey, and give what is read back from its file."""
    context = Context(len(own.data), own.known, earlier)
    whole = report(publish_all(own.sections, context), len(own.data), wave)
    results.write(whole, tmp_path / "results.json")
    return results.read(tmp_path / "results.json")


def attacked(own: Made, *reports: Report) -> list[Bound]:
    return Attack(reports, Knowledge(own.known.nested, own.sums)).bounds()


def unsafe(bounds: list[Bound]) -> list[Bound]:
    return [bound for bound in bounds if bound.unsafe]


@pytest.mark.parametrize("seed", FEW)
def test_no_hidden_number_of_a_random_survey_can_be_worked_out(seed, tmp_path):
    own = made(people(seed))
    bounds = attacked(own, published(own, tmp_path))
    assert bounds
    assert unsafe(bounds) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", MANY)
def test_no_hidden_number_of_many_random_surveys_can_be_worked_out(seed, tmp_path):
    own = made(people(seed))
    assert unsafe(attacked(own, published(own, tmp_path))) == []


def test_the_truth_lies_within_the_bounds(tmp_path):
    own = made(people(3))
    truth = {table.id: table for section in own.sections for table in section.tables}
    for bound in attacked(own, published(own, tmp_path)):
        name = "respondents" if bound.what == "count" else "mean"
        value = truth[bound.table].column(name)[bound.row]
        assert bound.low - 1e-3 <= value <= bound.high + 1e-3


def test_an_unsafe_table_is_caught(tmp_path):
    own = made(people(0))
    safe = published(own, tmp_path)
    truth = {table.id: table for section in own.sections for table in section.tables}

    def shown(table, keep):
        rows = [
            row if place in keep else before
            for place, (row, before) in enumerate(
                zip(table.rows, truth[table.id].rows, strict=True)
            )
        ]
        return replace(table, rows=tuple(rows))

    for table_id, what in (("counts_unit", "count"), ("means_role_first", "mean")):
        (table,) = (one for part in safe.sections for one in part.tables if one.id == table_id)
        name = "respondents" if what == "count" else "mean"
        hidden = [k for k, cell in enumerate(table.column(name)) if cell == Hidden()]
        # All but one of the hidden rows are shown after all.
        table = shown(table, {hidden[0]}) if hidden else blanked(truth[table_id], 0)
        first = hidden[0] if hidden else 0
        opened = replace(safe, sections=(replace(safe.sections[0], tables=(table,)),))
        caught = unsafe(attacked(own, opened))
        assert (table_id, first, what) in {(one.table, one.row, one.what) for one in caught}


def blanked(table, row):
    cells = tuple(Hidden() if isinstance(cell, int | float) else cell for cell in table.rows[row])
    return replace(table, rows=(*table.rows[:row], cells, *table.rows[row + 1 :]))


def in_both(seed: int, tmp_path: Path, *, in_mind: bool = True) -> list[Bound]:
    """Publish two neighbouring waves, the second with the first in mind or not, and attack both.

    Of some pairs nearly everybody is in both waves, so that each tells nearly all of the other.
    """
    stay, come = TURNOVER[seed % len(TURNOVER)]
    waves = next_wave(people(seed), seed, stay, come)
    one, two = made(waves.before), made(waves.after)
    known = breakdowns_of(waves.before, waves.after)
    first = published(one, tmp_path, "1")
    earlier = Earlier(first, len(waves.before) - waves.left, same_wave=False)
    own = replace(two, known=known)
    second = published(own, tmp_path, "2", (earlier,) if in_mind else ())
    attack = Attack([first, second], Knowledge(known.nested))
    attack.link(waves.left, waves.came)
    return attack.bounds()


def test_two_waves_together_tell_no_more(tmp_path):
    bounds = in_both(8, tmp_path)
    assert bounds
    assert unsafe(bounds) == []
    assert unsafe(in_both(8, tmp_path, in_mind=False))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(9, 39))
def test_many_waves_together_tell_no_more(seed, tmp_path):
    assert unsafe(in_both(seed, tmp_path)) == []


def twice(seed: int, tmp_path: Path, *, in_mind: bool = True) -> list[Bound]:
    """Publish the same answers twice, with other tables each time, and attack both."""
    whole = made(people(seed))
    first = published(some_of(whole, seed), tmp_path)
    earlier = (Earlier(first),) if in_mind else ()
    second = published(some_of(whole, seed + 1000), tmp_path, None, earlier)
    attack = Attack([first, second], Knowledge(whole.known.nested, whole.sums))
    attack.same_answers()
    return attack.bounds()


@pytest.mark.parametrize("seed", [6, 9])
def test_the_same_answers_published_twice_tell_no_more(seed, tmp_path):
    bounds = twice(seed, tmp_path)
    assert bounds
    assert unsafe(bounds) == []
    assert unsafe(twice(seed, tmp_path, in_mind=False))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 40))
def test_the_same_answers_published_twice_often_tell_no_more(seed, tmp_path):
    assert unsafe(twice(seed, tmp_path)) == []


@pytest.mark.parametrize("seed", range(3))
def test_late_answers_cannot_be_told_by_comparing_two_publications(seed, tmp_path):
    data = people(seed)
    late = people(seed + 50, n=4)
    late = late.assign(unit=data["unit"].iloc[:4].tolist(), place=data["place"].iloc[:4].tolist())
    one, two = made(data), made(pd.concat([data, late], ignore_index=True))
    first = published(one, tmp_path, "1")
    second = published(two, tmp_path, "1", (Earlier(first),))
    tables = {table.id: table for section in first.sections for table in section.tables}
    compared = 0
    for table in (one for section in second.sections for one in section.tables):
        if table.answers is None:
            continue
        before = {row[:-3]: row[-3:] for row in tables[table.id].rows}
        for *words, count, mean, spread in table.rows:
            was = before.get(tuple(words), (Hidden(),))
            if Hidden() not in (count, mean, spread, *was):
                compared += 1
                assert count == was[0] or count >= was[0] + 5
    assert compared


@pytest.mark.parametrize("name", ["coupling", "leadership_climate"])
def test_no_hidden_number_of_the_demonstrations_can_be_worked_out(name, tmp_path):
    results.write(demonstrations.validated(name), tmp_path / "results.json")
    whole = results.read(tmp_path / "results.json")
    known = breakdowns(demonstrations.instrument(name), demonstrations.survey(name))
    bounds = Attack([whole], Knowledge(known.nested)).bounds()
    assert bounds
    assert unsafe(bounds) == []


@pytest.mark.parametrize("name", ["coupling", "leadership_climate"])
def test_tables_of_groups_say_which_columns_tell_how_answers_spread(name):
    whole = demonstrations.validated(name)
    for table in (one for section in whole.sections for one in section.tables):
        told = {column.name for column in table.columns if column.kind == "number"}
        assert table.respondents is None or told & SPREAD <= set(table.dispersion), table.id


@pytest.mark.slow
def test_no_hidden_number_of_a_report_too_large_for_one_look_can_be_worked_out(tmp_path):
    answers = demonstrations.instrument("coupling").demonstration_path()
    loaded = demonstrations.instrument("coupling")
    own = read_survey(answers, loaded)
    results.write(validate(loaded, own, flagged="keep"), tmp_path / "results.json")
    whole = results.read(tmp_path / "results.json")
    log = {row[0].key: row[1] for row in whole.section("screening").table("hidden_numbers").rows}
    assert log["disclosure.log.too_fine"] > 0
    bounds = Attack([whole], Knowledge(breakdowns(loaded, own).nested)).bounds()
    assert bounds
    assert unsafe(bounds) == []
