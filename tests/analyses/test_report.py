from dataclasses import dataclass

import pytest

from analyses import course, exploratory, levels, report, script
from analyses.export import results
from analyses.modelling.fits import fit_models
from analyses.publication import assemble
from analyses.section import Hidden, Report
from tests.analyses import demonstrations
from tests.analyses.demonstrations import NAMES, instrument, people, survey

SECTIONS = (
    "screening",
    "content",
    "items",
    "item_response",
    "short_forms",
    "reliability",
    "exploratory",
    "confirmatory",
    "invariance",
    "levels",
    "hypotheses",
    "claims",
    "sensitivity",
    "dialogue",
    "card",
    "validity",
    "review",
)


@pytest.fixture(scope="module", params=NAMES)
def validated(request: pytest.FixtureRequest) -> Report:
    return demonstrations.validated(request.param)


def test_all_sections_are_there_in_order(validated: Report) -> None:
    asked = instrument(validated.instrument)
    absent = set() if asked.hypotheses else {"hypotheses", "claims", "short_forms"}
    absent |= set() if asked.dialogue else {"dialogue"}
    wanted = [name for name in SECTIONS if name not in absent]
    assert [section.id for section in validated.sections] == wanted


def test_ids_of_tables_and_findings_are_unique(validated: Report) -> None:
    for parts in ("tables", "findings"):
        ids = [part.id for section in validated.sections for part in getattr(section, parts)]
        assert len(ids) == len(set(ids))


def test_figures_draw_columns_that_their_table_has(validated: Report) -> None:
    for section in validated.sections:
        for figure in section.figures:
            names = {column.name for column in section.table(figure.table).columns}
            # The channel `axis` is a row of the catalogue.
            told = (name for key, name in figure.channels.items() if key != "axis")
            wanted = {name for channel in told for name in channel.split()}
            assert wanted <= names


def test_rows_are_as_long_as_the_heading(validated: Report) -> None:
    for section in validated.sections:
        for table in section.tables:
            assert {len(row) for row in table.rows} <= {len(table.columns)}


def test_every_number_has_a_source_and_every_verdict_a_rule(validated: Report) -> None:
    for section in validated.sections:
        for finding in section.findings:
            assert finding.evidence or finding.notes
            assert all(number.provenance.source for number in finding.evidence)
            if finding.verdict != "information" and finding.id != "card_df":
                assert finding.rule is not None or finding.id.startswith("rival_")


def test_the_report_says_whose_answers_it_rests_on(validated: Report) -> None:
    source = survey(validated.instrument)
    assert validated.survey == source.name
    assert validated.n_obs == len(source.data)
    assert validated.simulated is (validated.instrument == "coupling")
    assert validated.confidential is False
    for section in validated.sections:
        simulated = "note.simulated" in {note.key for note in section.notes}
        assert simulated is validated.simulated


@dataclass(frozen=True)
class Watched:
    """A run, what it told of its progress, and the arguments of each time that it fitted models."""

    report: Report
    told: list[tuple[str, float]]
    fitted: list[tuple[object, ...]]


@pytest.fixture(scope="module")
def watched() -> Watched:
    told: list[tuple[str, float]] = []
    fitted: list[tuple[object, ...]] = []

    def counted(*arguments: object, **options: object) -> object:
        fitted.append(arguments)
        return fit_models(*arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(course, "fit_models", counted)
        for module in ("items", "reliability"):
            patch.setattr(f"analyses.{module}.fit_reference", _never)
        for module in ("confirmatory", "card"):
            patch.setattr(f"analyses.{module}.fit_models", _never)
        made = report.validate(
            instrument("mental_ability"),
            survey("mental_ability"),
            progress=lambda step, share: told.append((step, share)),
        )
    return Watched(made, told, fitted)


def _never(*_: object, **__: object) -> None:
    raise AssertionError("a model was fitted again")


def test_progress_rises_to_one_through_every_step(watched: Watched) -> None:
    shares = [share for _, share in watched.told]
    assert shares == sorted(shares)
    assert watched.told[-1] == ("step.done", 1.0)
    # What has no share is done only when it is asked for.
    assert list(dict.fromkeys(step for step, _ in watched.told)) == [*course.STEPS, "step.done"]
    assert sum(course.STEPS.values()) == pytest.approx(1.0)


def test_what_is_asked_for_besides_has_its_share_of_the_progress() -> None:
    told: list[tuple[str, float]] = []
    clock = course.Clock(
        lambda *one: told.append(one), without=["step.sensitivity"], asked=["step.multiverse"]
    )
    for step in (*(step for step in course.STEPS if step != "step.sensitivity"), "step.multiverse"):
        clock.start(step)
    clock.within(1.0)
    assert told[-1] == ("step.multiverse", pytest.approx(1.0))
    assert told[-2][1] < 0.3


def test_each_model_is_fitted_once(watched: Watched) -> None:
    assert len(watched.fitted) == 1


def test_the_same_seed_gives_the_same_sections(watched: Watched) -> None:
    assert watched.report.sections == demonstrations.validated("mental_ability").sections


def test_small_groups_are_left_in_only_when_asked_for() -> None:
    teams = ["a"] * 60 + ["b"] * 50 + ["c"] * 3 + ["d"] * 37
    answers = people(150, COMPID=teams)
    loaded = instrument("leadership_climate")
    section = levels.run(loaded, answers)
    for confidential in (False, True):
        made = assemble(loaded, answers, (section,), confidential=confidential)
        means = made.section("levels").table("means_COMPID_leadership").column("mean")
        assert made.confidential is confidential
        assert any(isinstance(mean, Hidden) for mean in means) is not confidential


def test_a_section_can_be_run_as_a_script(tmp_path, capsys) -> None:
    path = instrument("mental_ability").demonstration_path()
    out = tmp_path / "results"
    arguments = [str(path), "--instrument", "mental_ability", "--out", str(out)]
    status = script.main(exploratory.run, "exploratory", [*arguments, "--language", "en"])
    assert status == 0
    assert "Exploring the structure" in capsys.readouterr().out
    (section,) = results.read(out / results.FILE_NAME).sections
    assert section.id == "exploratory"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"survey": "no_such.csv"}, "no_such.csv"),
        ({"--instrument": "no_such"}, "no_such"),
        ({"--language": "sv"}, "da"),
    ],
)
def test_a_script_refuses_wrong_input_and_writes_nothing(
    tmp_path, capsys, change: dict[str, str], said: str
) -> None:
    path = instrument("mental_ability").demonstration_path()
    given = {
        "survey": str(path),
        "--instrument": "mental_ability",
        "--out": str(tmp_path / "results"),
    } | change
    survey_path = given.pop("survey")
    options = [part for pair in given.items() for part in pair]
    status = script.main(exploratory.run, "exploratory", [survey_path, *options])
    assert status == 2
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
