"""Designs beside two groups followed: recognised by their columns, and held against known truth."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import measure
from analyses import development
from analyses.comparing import licences
from analyses.comparing.licences import Licences
from analyses.disclosure import publish
from analyses.intake.survey import Survey, read_survey
from analyses.modelling.fits import plan
from analyses.over_time import design_findings, design_tables
from analyses.over_time.designs import Designs, has_cohorts, whole
from analyses.over_time.developing import developed
from analyses.over_time.then_tests import then_test
from analyses.section import Message, Section
from analyses.wording import words
from tests.analyses.demonstrations import finding
from tests.analyses.over_time.wave_answers import FACTORS, KKS, answered
from tests.analyses.test_wording import messages

EFFECT = 0.5


def read(folder: Path, columns: pd.DataFrame, levels: np.ndarray, seed: int) -> Survey:
    """Read answers at `levels` with columns beside them."""
    answers = answered(levels, np.random.default_rng(seed))
    path = folder / "survey.csv"
    pd.concat([columns.reset_index(drop=True), answers], axis=1).to_csv(path, index=False)
    return read_survey(path, KKS)


def sheets(
    n_units: int, n_waves: int, size: int, starts: list[int | None], *, first_wave: int = 1
) -> pd.DataFrame:
    """Give one row a sheet: unit, wave and the wave in which the unit began."""
    rows = [
        {
            "unit": f"u{unit}",
            "organisation": f"o{unit}",
            "wave": first_wave + wave,
            "effort_start": starts[unit % len(starts)],
        }
        for unit in range(n_units)
        for wave in range(n_waves)
        for _ in range(size)
    ]
    return pd.DataFrame(rows).astype({"effort_start": "Int64"})


def levels_of(columns: pd.DataFrame, seed: int, *, effect: float = EFFECT) -> np.ndarray:
    """Units differ, every wave is a tenth higher, and having begun adds the effect."""
    rng = np.random.default_rng(seed)
    own = dict(zip(columns["unit"].unique(), rng.normal(0, 0.3, 100), strict=False))
    begun = (columns["wave"] >= columns["effort_start"]).fillna(False).to_numpy(dtype=bool)
    since = columns["wave"].to_numpy() - columns["wave"].min()
    return np.asarray(columns["unit"].map(own) + 0.1 * since + effect * begun)


def designs_of(survey: Survey, granted: Licences | None = None) -> Designs:
    planned = plan(KKS, survey)
    waves = developed(KKS, survey, planned)
    return Designs(KKS, survey, planned, waves, granted or Licences())


def taken_as_same(designs: Designs) -> Designs:
    """Take the scale as the same at every wave, without the steps."""
    assert designs.waves is not None
    waves = replace(designs.waves)
    waves.__dict__.update(shifts={}, steps={"scalar": True})
    return replace(designs, waves=waves)


def in_points(effect: float) -> float:
    """The effect on the mean of the factors' scores, of many answers."""
    rng = np.random.default_rng(0)
    items = [item for own in FACTORS.values() for item in own]
    low, high = (answered(np.full(60000, level), rng)[items] for level in (0.2, 0.2 + effect))
    return float(high.to_numpy().mean() - low.to_numpy().mean())


@pytest.fixture(scope="module")
def wedge(tmp_path_factory: pytest.TempPathFactory) -> Designs:
    columns = sheets(9, 4, 16, [2, 3, 4])
    return designs_of(read(tmp_path_factory.mktemp("wedge"), columns, levels_of(columns, 7), 7))


@pytest.fixture(scope="module")
def wedge_section(wedge: Designs) -> Section:
    return publish(development.run(KKS, wedge.survey, waves=wedge.waves))


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Designs:
    columns = sheets(1, 7, 90, [2022], first_wave=2018).drop(columns=["unit", "organisation"])
    beside = sheets(1, 7, 90, [2022], first_wave=2018)
    survey = read(tmp_path_factory.mktemp("series"), columns, levels_of(beside, 4), 4)
    return designs_of(survey)


@pytest.fixture(scope="module")
def then(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    """People rise by .4, and say afterwards that they stood .3 lower than they had said."""
    n, rng = 400, np.random.default_rng(5)
    level = rng.normal(0, 0.6, n)
    who = pd.DataFrame({"respondent": np.arange(n), "unit": [f"u{k // 10}" for k in range(n)]})
    before = pd.concat([who.assign(wave=1), answered(level, rng)], axis=1)
    looking_back = answered(level - 0.3, rng).add_suffix("_then")
    after = pd.concat([who.assign(wave=2), answered(level + 0.4, rng), looking_back], axis=1)
    path = tmp_path_factory.mktemp("then") / "then.csv"
    pd.concat([before, after], ignore_index=True).to_csv(path, index=False)
    return read_survey(path, KKS)


def test_units_that_begin_in_turns_are_a_stepped_wedge(
    wedge: Designs, wedge_section: Section
) -> None:
    assert wedge.start is not None
    assert wedge.start.began == "in_turns"
    assert wedge.unit is not None
    assert wedge.unit.name == "organisation"
    found = finding(wedge_section, "development_wedge")
    assert found.verdict in ("good", "undecided")
    result: measure.SteppedWedge = whole(wedge.wedges).result
    row = result.table.iloc[0]
    assert row["ci.lower"] < in_points(EFFECT) < row["ci.upper"]
    assert found.evidence[0].value == pytest.approx(result.standardized, abs=0.005)
    assert [note.values for note in found.notes if note.key == "development.note.proposals"] == [
        {"proposals": ("P1",)}
    ]
    assert "development.note.few_units" in {note.key for note in found.notes}
    assert wedge_section.answer.values["change"] == found.claim


def test_the_wedge_shows_periods_and_who_began_when(wedge_section: Section) -> None:
    assert len(wedge_section.table("development_wedge").rows) == 3
    assert len(wedge_section.table("development_wedge_periods").rows) == 3
    means = wedge_section.table("development_wedge_means")
    assert means.column("begun")[:4] == tuple(
        Message(f"check.{word}") for word in ("no", "yes", "yes", "yes")
    )
    assert set(means.column("respondents")) == {3 * 16}
    # Disclosure control knows the means for means of answers on the scale from 1 to 5.
    assert means.answers is not None
    assert (means.answers.mean, means.answers.limits) == ("mean", (1.0, 5.0))
    assert "development_wedge" in {figure.id for figure in wedge_section.figures}
    # There is a comparison, so that nothing says that there is none.
    assert "development.note.no_comparison" not in {note.key for note in wedge_section.notes}


def test_items_that_shift_are_in_no_score(wedge: Designs) -> None:
    assert wedge.waves is not None
    shifted = replace(wedge.waves)
    one = SimpleNamespace(result=SimpleNamespace(released=("bro =~ I_bro1", "I_kom3 | t2")))
    shifted.__dict__["shifts"] = {"bro": one}
    other = replace(wedge, waves=shifted)
    assert other.left_out == ("I_bro1", "I_kom3")
    answers = wedge.survey.scored[["I_bro6", "I_bro2"]].mean(axis=1)
    np.testing.assert_allclose(other.scores["bro"], answers)


def test_without_a_common_scale_no_design_shows_a_number(wedge: Designs) -> None:
    assert wedge.waves is not None
    other = replace(wedge.waves)
    other.__dict__.update(shifts={}, ladder=wedge.waves.ladder, steps={"scalar": False})
    refused = replace(wedge, waves=other)
    (found,) = design_findings.findings(refused, None)
    assert found.claim.key == "development.claim.wedge_unknown"
    assert found.notes[0].key == "development.note.not_same"
    assert list(design_tables.tables(refused, None)) == []


def test_a_wedge_of_two_waves_says_what_it_lacks(tmp_path: Path) -> None:
    columns = sheets(8, 2, 12, [2, None])
    designs = taken_as_same(designs_of(read(tmp_path, columns, levels_of(columns, 1), 1)))
    (found,) = design_findings.findings(designs, None)
    assert found.verdict == "undecided"
    assert found.claim.key == "development.claim.wedge_unknown"
    assert "8 clusters and 2 periods" in words("en").say(found.notes[0])


def test_beginnings_that_differ_within_units_are_no_wedge(tmp_path: Path) -> None:
    columns = sheets(6, 3, 12, [2, 3])
    mixed = columns["effort_start"].where(np.arange(len(columns)) % 2 == 0, 3)
    survey = read(tmp_path, columns.assign(effort_start=mixed), np.zeros(216), 2)
    designs = taken_as_same(designs_of(survey))
    (found,) = design_findings.findings(designs, None)
    assert found.notes == (Message("development.note.no_units"),)


def test_what_began_everywhere_at_once_is_an_interrupted_series(series: Designs) -> None:
    assert series.start is not None
    assert (series.start.began, series.start.first) == ("at_once", "2022")
    section = publish(development.run(KKS, series.survey, waves=series.waves))
    found = finding(section, "development_series")
    assert found.claim.values == {"first": "2022"}
    keys = {note.key for note in found.notes}
    assert {"development.note.series", "development.note.short_series"} <= keys
    own = whole(series.series).result
    last = own.result.effects.iloc[-1]
    assert last["ci.lower"] < in_points(EFFECT) < last["ci.upper"]
    assert found.evidence[0].value == pytest.approx(float(last["effect"]) / own.sd, abs=0.005)
    points = section.table("development_series_points")
    assert points.answers is not None
    assert points.answers.n_items == sum(map(len, series.scored.values()))
    assert points.column("wave_name") == tuple(str(year) for year in range(2018, 2025))
    for name in ("mean", "fitted", "without"):
        expected = own.result.points[name].round(2)
        assert points.column(name) == pytest.approx(tuple(expected), abs=1e-9)
    assert [figure.form for figure in section.figures] == ["lines"]


def test_a_series_too_short_says_what_it_lacks(tmp_path: Path) -> None:
    columns = sheets(4, 4, 20, [3])
    designs = taken_as_same(designs_of(read(tmp_path, columns, levels_of(columns, 3), 3)))
    (found,) = design_findings.findings(designs, None)
    assert found.claim.key == "development.claim.series_unknown"
    assert "at least 3" in words("en").say(found.notes[0])


def test_who_has_begun_at_the_first_wave_shows_no_beginning(tmp_path: Path) -> None:
    columns = sheets(4, 3, 20, [1])
    designs = designs_of(read(tmp_path, columns, levels_of(columns, 3), 3))
    assert designs.start is None
    assert list(design_findings.findings(designs, None)) == []


def test_looking_back_tells_the_yardstick_from_change(then: Survey) -> None:
    section = publish(development.run(KKS, then))
    found = finding(section, "development_then")
    assert found.claim.key == "development.claim.yardstick_down"
    sd = np.sqrt(1 + 0.36)
    for number, truth in zip(found.evidence, (0.4 / sd, 0.7 / sd, -0.3 / sd), strict=True):
        assert number.lower is not None
        assert number.upper is not None
        assert number.lower < truth < number.upper
    table = section.table("development_then")
    assert [row[1] for row in table.rows[:3]] == [
        Message(f"development.reading.{name}") for name in ("measured", "seen", "yardstick")
    ]
    for language in ("da", "en"):
        assert all(words(language).say(message) for message in messages(section))


def test_looking_back_says_why_it_cannot_be_compared(then: Survey) -> None:
    waves = developed(KKS, then, plan(KKS, then))
    few = replace(then, then=then.then[["I_bro1", "I_bro2"]])
    few_people = then.then[then.then.index < 420].reindex(then.then.index)
    cases = {
        "few_items": few,
        "few_people": replace(then, then=few_people),
        "nobody_followed": replace(then, data=then.data.drop(columns="respondent")),
    }
    for reason, survey in cases.items():
        found = then_test(KKS, survey, waves)
        assert found is not None
        (told,) = design_findings.findings(
            Designs(KKS, survey, plan(KKS, survey), None, Licences()), found
        )
        assert told.verdict == "undecided"
        assert told.notes == (Message(f"development.note.then_{reason}"),)
    assert then_test(KKS, replace(then, then=pd.DataFrame()), waves) is None


@pytest.fixture(scope="module")
def cohorts(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    names = np.repeat(["2022", "2023", "2024"], 200)
    levels = np.repeat([0.0, 0.0, 0.5], 200)
    return read(tmp_path_factory.mktemp("cohorts"), pd.DataFrame({"cohort": names}), levels, 6)


def test_cohorts_of_one_wave_are_compared_by_their_licence(cohorts: Survey) -> None:
    assert has_cohorts(KKS, cohorts)
    granted = licences.grant(KKS, cohorts)
    section = publish(development.run(KKS, cohorts, granted=granted))
    (found,) = section.findings
    assert found.verdict == "good"
    assert found.claim.values == {"first": "2022", "later": "2024"}
    assert [number.of for number in found.evidence] == ["2023", "2024"]
    last = found.evidence[-1]
    assert last.lower is not None
    assert last.upper is not None
    assert last.lower < EFFECT < last.upper
    assert section.answer.key == "development.answer.cohorts"
    refused = replace(granted.by_column["cohort"], level="none", reason=Message("licence.index"))
    by_column = {"cohort": refused}
    (other,) = development.run(KKS, cohorts, granted=Licences(by_column)).findings
    assert other.claim.key == "development.claim.cohorts_unknown"
    assert other.notes == (Message("licence.index"),)


def test_cohorts_of_several_waves_are_compared_by_first_answers(
    cohorts: Survey, tmp_path: Path
) -> None:
    data = cohorts.data.assign(respondent=[f"r{k}" for k in range(600)])
    wave = data["cohort"].map({"2022": "1", "2023": "1", "2024": "2"})
    first = data.assign(wave=wave)
    # The first two cohorts answer again, at the level of the third.
    again = data[data["cohort"] != "2024"].assign(wave="2")
    later = answered(np.full(len(again), EFFECT), np.random.default_rng(8))
    again = again.assign(**{item: later[item].to_numpy() for item in later})
    path = tmp_path / "cohorts.csv"
    pd.concat([first, again]).to_csv(path, index=False)
    designs = designs_of(read_survey(path, KKS))
    assert designs.cohorts is not None
    assert designs.cohorts.climb is not None
    assert designs.cohorts.climb.fit is not None
    assert designs.cohorts.climb.fit.n_obs == 600
    (found,) = design_findings.findings(designs, None)
    assert found.verdict == "good"


def test_nothing_is_said_of_designs_that_are_not_there(cohorts: Survey) -> None:
    plain = replace(cohorts, data=cohorts.data.drop(columns="cohort"))
    assert not has_cohorts(KKS, plain)
    section = development.run(KKS, plain)
    assert section.findings == ()
    assert section.answer.key == "development.answer.one_wave"
