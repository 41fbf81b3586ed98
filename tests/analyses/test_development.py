"""Development over waves: the gate, the effort against its truth, and what cannot be compared."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import measure
from analyses import course, development
from analyses.disclosure import publish
from analyses.intake.cross_section import one_wave
from analyses.intake.survey import Survey, read_survey
from analyses.ledger.entries import parts_of
from analyses.ledger.estimators import Ledger
from analyses.ledger.networks import Construct
from analyses.ledger.variables import Answers
from analyses.modelling.fits import plan
from analyses.over_time.developing import Development, developed, effort_of
from analyses.over_time.development_tables import leavers_table
from analyses.section import Hidden, Message, Section
from analyses.simulating import drawing
from analyses.verdicts import judge_change
from analyses.wording import words
from instruments.population import load_population
from tests.analyses.demonstrations import finding, instrument, with_model, with_rule
from tests.analyses.test_wording import messages

# Two of the four functions, so that the models stay small.
TEXT = "bro =~ I_bro1 + I_bro2 + I_bro4 + I_bro5\nkom =~ I_kom1 + I_kom2 + I_kom3 + I_kom4"
SMALL = with_model("coupling", "M2", syntax=TEXT)
ITEMS = re.findall(r"I_\w+", TEXT)
ATTENTIVE = drawing.Wanted(careless=False, flat=False, noninvariance=False, planned=False)
TRUE_GAIN = 0.30


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    drawn = drawing.draw(
        SMALL, load_population(SMALL), seed=12, form="individual", wanted=ATTENTIVE
    )
    return drawn.data


def read(folder: Path, data: pd.DataFrame) -> Survey:
    path = folder / "waves.csv"
    data.to_csv(path, index=False)
    return read_survey(path, SMALL)


def waves_of(survey: Survey) -> Development:
    found = developed(SMALL, survey, plan(SMALL, survey))
    assert found is not None
    return found


@pytest.fixture(scope="module")
def waves(data: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Development:
    return waves_of(read(tmp_path_factory.mktemp("waves"), data))


@pytest.fixture(scope="module")
def section(waves: Development) -> Section:
    return publish(development.run(SMALL, waves.survey, waves=waves))


def test_the_interval_of_the_difference_holds_the_true_effect(section: Section) -> None:
    effect = finding(section, "development_effect")
    (number,) = effect.evidence
    assert number.lower is not None
    assert number.upper is not None
    assert number.lower < TRUE_GAIN < number.upper
    assert effect.verdict in ("good", "undecided")
    assert effect.rule is not None


def test_the_scale_is_the_same_where_nothing_was_planted(
    waves: Development, section: Section
) -> None:
    assert waves.licence == "full"
    assert waves.steps == dict.fromkeys(("configural", "thresholds", "metric", "scalar"), True)
    assert finding(section, "development_same").verdict == "good"
    assert section.answer.key == "development.answer.full"
    assert [table.id for table in section.tables] == [
        "development_ladder",
        "development_changes",
        "development_differences",
        "development_leavers",
        "development_leaving",
    ]


def test_intervals_go_by_what_took_part_as_one(waves: Development) -> None:
    assert waves.planned.cluster is not None
    assert waves.planned.cluster.name == "unit"
    assert waves.cluster is not None
    assert waves.cluster.name == "organisation"
    assert waves.difference.result is not None
    assert waves.difference.result.n_clusters == 60


def test_who_left_is_told_and_small_numbers_are_hidden(section: Section) -> None:
    leaving = finding(section, "development_leaving")
    assert leaving.claim.key == "development.claim.left"
    table = section.table("development_leavers")
    pairs = [
        (n, d)
        for n, d in zip(table.column("left_count"), table.column("leaver_d"), strict=True)
        if not isinstance(n, Hidden)
    ]
    assert all(n == 0 or n >= 5 for n, _ in pairs if isinstance(n, int))
    # Unskilled people leave more often in the population.
    labels = [getattr(one, "languages", {}).get("en") for one in table.column("leaver_level")]
    row = table.rows[labels.index("Unskilled")]
    more = dict(zip([c.name for c in table.columns], row, strict=True))["leaver_d"]
    assert isinstance(more, float)
    assert more > 0


def test_few_who_stayed_cannot_be_counted_by_their_share(waves: Development) -> None:
    found = waves.leavers.result
    assert found is not None
    table = found.table
    row = next(k for k in table.index if table["level"][k] != "")
    column, n = table["variable"][row], table["n.stayed"][row]
    label = next(one.label["en"] for one in SMALL.columns if one.name == column)

    def shown(share: float) -> tuple[list[str | None], list[str]]:
        stayed = table["stayed"].where(table.index != row, share)
        made = leavers_table(waves, replace(found, table=table.assign(stayed=stayed)))
        names = [getattr(one, "languages", {}).get("en") for one in made.column("leaver_variable")]
        return names, [note.key for note in made.notes]

    names, notes = shown(3 / n)
    assert label not in names
    assert "development.note.few_stayed" in notes
    names, notes = shown(5 / n)
    assert label in names
    assert "development.note.few_stayed" not in notes


def ledger_of(waves: Development) -> Ledger:
    answers = Answers(SMALL, waves.survey.at("1"), waves.planned, waves)
    construct = Construct("", TEXT, ("bro", "kom"), tuple(ITEMS), tuple(ITEMS), composite=True)
    return Ledger(answers, construct, construct)


def test_the_ledger_takes_its_gain_from_the_waves(waves: Development) -> None:
    (hypothesis,) = (one for one in SMALL.hypotheses if one.id == "K5")
    (expectation,) = hypothesis.expectations
    (part,) = parts_of(ledger_of(waves), hypothesis, expectation, seed=1)
    assert part.judgement == "confirmed"
    assert part.estimate is not None
    assert waves.difference.result is not None
    row = waves.difference.result.table.iloc[-1]
    assert part.estimate.value == row["d"]
    assert part.estimate.se == row["d.se"]


def test_the_ledger_estimates_what_goes_with_the_gain(data: pd.DataFrame, tmp_path: Path) -> None:
    # Zones of the respondent's own that are as strong as they are in the population, and stronger.
    rng = np.random.default_rng(2)
    zones = rng.integers(1, 6, len(data)).astype(float)
    first = data["wave"] == "1"
    later = (data["wave"] == "2") & (data["effort"] == "effort")
    of_person = dict(zip(data["respondent"][first], zones[first], strict=True))
    high = data["respondent"].map(of_person) >= 4
    moved = {
        name: data[name].where(~later | ~high | (data[name] >= 5), data[name] + 1)
        for name in ITEMS
        if SMALL.item(name).keying == 1
    }
    waves = waves_of(read(tmp_path, data.assign(**moved)))
    values = waves.survey.data["respondent"].map(of_person).astype(float)
    found = waves.moderation(values, "zone").result
    assert found is not None
    row = found.table[(found.table["against"] == "comparison")].iloc[-1]
    assert row["factor"] == "mean of the factors"
    assert row["ci.lower"] > 0.1


def test_without_waves_what_goes_with_a_gain_awaits_them(waves: Development) -> None:
    (hypothesis,) = (one for one in SMALL.hypotheses if one.id == "H05")
    expectation = hypothesis.expectations[1]
    ledger = ledger_of(waves)
    alone = replace(ledger, answers=replace(ledger.answers, waves=None))
    (part,) = parts_of(alone, hypothesis, expectation, seed=1)
    assert part.judgement == "awaits"
    # The form with the 24 statements does not ask about exchange zones.
    (part,) = parts_of(ledger, hypothesis, expectation, seed=1)
    assert part.judgement == "not_measured"


def test_without_waves_the_gain_is_not_measured(waves: Development) -> None:
    (hypothesis,) = (one for one in SMALL.hypotheses if one.id == "K5")
    ledger = ledger_of(waves)
    alone = replace(ledger, answers=replace(ledger.answers, waves=None))
    (part,) = parts_of(alone, hypothesis, hypothesis.expectations[0], seed=1)
    assert part.judgement == "not_measured"
    assert developed(SMALL, waves.survey.at("1"), waves.planned) is None


def test_a_moved_yardstick_is_a_finding_and_is_let_go(data: pd.DataFrame, tmp_path: Path) -> None:
    middle = (data["wave"] == "2") & data["I_bro2"].between(2, 4) & (data.index % 2 == 0)
    moved = data.assign(I_bro2=data["I_bro2"].where(~middle, data["I_bro2"] + 1))
    survey = read(tmp_path, moved)
    waves = waves_of(survey)
    assert waves.licence == "partial"
    assert any("I_bro2" in name for name in waves.released)
    assert not any("kom" in name for name in waves.released)
    section = publish(development.run(SMALL, survey, waves=waves))
    shift = finding(section, "development_shift")
    assert shift.claim.key == "development.claim.shifted"
    assert shift.claim.values["items"] == ("I_bro2",)
    assert "development_shifts" in {table.id for table in section.tables}
    (number,) = finding(section, "development_effect").evidence
    assert number.lower is not None
    assert number.upper is not None
    assert number.lower < TRUE_GAIN < number.upper


def test_without_a_common_scale_no_change_is_shown(waves: Development) -> None:
    strict = with_rule("coupling", "invariance_delta_cfi", value=0.5)
    other = replace(waves, instrument=strict.model_copy(update={"models": SMALL.models}))
    # What has been computed once stays computed.
    other.__dict__.update({name: waves.__dict__[name] for name in ("shifts", "ladder")})
    assert other.licence == "none"
    section = publish(development.run(strict, waves.survey, waves=other))
    assert section.answer.key == "development.answer.none"
    assert "development_effect" not in {one.id for one in section.findings}
    assert not {"development_changes", "development_differences"} & {t.id for t in section.tables}
    (hypothesis,) = (one for one in SMALL.hypotheses if one.id == "K5")
    (part,) = parts_of(ledger_of(other), hypothesis, hypothesis.expectations[0], seed=1)
    assert part.judgement == "undecided"
    assert part.reason is not None
    assert part.reason.key == "hypotheses.reason.no_licence"


def test_items_that_a_wave_did_not_ask_are_left_out_and_named(
    data: pd.DataFrame, tmp_path: Path
) -> None:
    later = data["wave"] == "2"
    fewer = data.assign(
        **{name: data[name].where(~later) for name in ("I_bro5", "I_kom1", "I_kom2")}
    )
    waves = waves_of(read(tmp_path, fewer))
    assert waves.common.factors == {"bro": ("I_bro1", "I_bro2", "I_bro4")}
    assert set(waves.common.left_out) == {"I_bro5", "I_kom1", "I_kom2", "I_kom3", "I_kom4"}
    section = development.run(SMALL, waves.survey, waves=waves)
    assert "development.note.left_out" in {note.key for note in section.notes}


def test_waves_of_other_people_are_samples(data: pd.DataFrame, tmp_path: Path) -> None:
    later = data["wave"] == "2"
    names = data["respondent"].where(~later, data["respondent"] + "b")
    waves = waves_of(read(tmp_path, data.assign(respondent=names)))
    assert waves.person is None
    assert waves.leavers.result is None
    found = waves.difference.result
    assert found is not None
    assert any("nobody is followed" in note for note in found.notes)
    row = found.table.iloc[-1]
    assert row["d.ci.lower"] < TRUE_GAIN < row["d.ci.upper"]


def test_without_an_effort_change_is_no_effect(data: pd.DataFrame, tmp_path: Path) -> None:
    survey = read(tmp_path, data.drop(columns="effort"))
    waves = waves_of(survey)
    assert waves.effort is None
    section = publish(development.run(SMALL, survey, waves=waves))
    change = finding(section, "development_change")
    assert change.verdict == "information"
    assert change.claim.key == "development.claim.grown"
    assert {note.key for note in change.notes} == {"development.note.no_comparison"}
    assert [figure.id for figure in section.figures] == ["development_changes"]


def test_who_is_left_out_of_the_analysed_wave_is_left_out_of_all(waves: Development) -> None:
    run = course.Run(SMALL, waves.survey, None, 1)
    first = one_wave(SMALL, waves.survey)
    kept = first.where(first.data.index >= 10)
    found = course._waves(run, kept, waves.planned)
    assert found is not None
    gone = set(first.data["respondent"][:10])
    assert not gone & set(found.survey.data["respondent"])
    n_later = (waves.survey.data["wave"] == "2").sum()
    assert n_later - 10 <= (found.survey.data["wave"] == "2").sum() < n_later
    everybody = course._waves(run, first, waves.planned)
    assert everybody is not None
    assert len(everybody.survey.data) == len(waves.survey.data)


def test_one_wave_has_nothing_to_compare(waves: Development) -> None:
    section = development.run(SMALL, waves.survey.at("1"))
    assert section.answer.key == "development.answer.one_wave"


def test_who_took_part_is_what_the_hypothesis_says(waves: Development) -> None:
    effort = effort_of(SMALL, waves.survey, waves.planned)
    assert effort is not None
    assert (effort.column.name, effort.group, effort.against) == ("effort", "effort", "comparison")


@pytest.mark.parametrize(
    ("estimate", "lower", "upper", "verdict"),
    [
        (0.3, 0.1, 0.5, "good"),
        (0.3, -0.1, 0.7, "undecided"),
        (0.15, 0.05, 0.25, "undecided"),
        (0.1, 0.02, 0.19, "poor"),
    ],
)
def test_a_difference_is_judged_by_what_matters(
    estimate: float, lower: float, upper: float, verdict: str
) -> None:
    assert judge_change(estimate, lower, upper, SMALL.rules) == verdict


@pytest.mark.parametrize("language", ["da", "en"])
def test_everything_can_be_said(section: Section, language: str) -> None:
    said = words(language)
    for message in messages(section):
        assert said.say(message)


@pytest.mark.slow
def test_the_demonstration_has_its_true_effect() -> None:
    whole = instrument("coupling")
    survey = read_survey(whole.demonstration_path(), whole)
    waves = developed(whole, survey, plan(whole, survey))
    assert waves is not None
    assert waves.licence == "full"
    assert waves.released == ()
    assert waves.difference.result is not None
    table = waves.difference.result.table
    assert ((table["d.ci.lower"] < TRUE_GAIN) & (table["d.ci.upper"] > TRUE_GAIN)).all()
    assert (table["d.ci.lower"] > 0).all()
    assert np.isfinite(table["d.se"]).all()
    assert isinstance(development.run(whole, survey, waves=waves).answer, Message)


@pytest.mark.slow
def test_the_effect_is_estimated_without_bias_and_with_its_error() -> None:
    population = load_population(SMALL)
    found, held = [], 0
    for seed in range(60):
        drawn = drawing.draw(
            SMALL, population, seed=9000 + seed, form="individual", wanted=ATTENTIVE
        ).data
        answers = drawn[ITEMS].where(drawn[ITEMS] <= 5)
        turned = [item for item in ITEMS if SMALL.item(item).keying == -1]
        answers[turned] = 6 - answers[turned]
        row = measure.change_difference(
            TEXT,
            drawn.assign(**dict(answers.items())),
            person="respondent",
            wave="wave",
            group="effort",
            against="comparison",
            ordered=True,
            missing="pairwise",
            information="observed",
            cluster="organisation",
            categories="merge",
            n_permutations=1,
            seed=1,
        ).table.iloc[-1]
        found.append(row["d"])
        held += row["d.ci.lower"] < TRUE_GAIN < row["d.ci.upper"]
    # Three standard errors of the mean of 60, and 2.4 below 57 intervals.
    assert np.mean(found) == pytest.approx(TRUE_GAIN, abs=3 * 0.058 / np.sqrt(60))
    assert held >= 53
