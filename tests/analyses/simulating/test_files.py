"""`kobling simulate`: the files, the same from the same seed, read back as they were drawn."""

import json
from pathlib import Path

import pandas as pd
import pyreadstat
import pytest
from pandas.testing import assert_frame_equal
from typer.testing import CliRunner

import instruments
from analyses.cli import REFUSED, main
from analyses.fielding import responses
from analyses.intake.survey import Survey, read_survey
from analyses.simulating.mark import COLUMN, MARK
from analyses.wording import words
from tests.analyses.simulating.surveys import KKS, SEED, drawn

NAMES = {"README.md", "population.toml", "simulated_careless.csv", "simulated_truth.json"}
SHORT = ("--form", "short", "--no-second-wave")


def _simulate(out: Path, *options: object):
    given = ("simulate", "--instrument", "coupling", "--out", out, *options)
    return CliRunner().invoke(main, [str(word) for word in given])


def _made(out: Path, *options: object) -> dict[str, bytes]:
    result = _simulate(out, *options)
    assert result.exit_code == 0, result.output
    return {path.name: path.read_bytes() for path in out.iterdir()}


def test_the_bundled_files_are_what_the_command_makes_with_the_stated_seed(tmp_path: Path) -> None:
    demonstration = KKS.demonstration
    assert demonstration is not None
    assert demonstration.seed == SEED
    assert demonstration.simulated
    assert str(SEED) in demonstration.provenance
    made = _made(tmp_path / "out", "--seed", SEED)
    original = KKS.demonstration_path()
    assert made["simulated.csv"] == original.read_bytes()
    for ending in ("_truth.json", "_careless.csv"):
        bundled = original.with_name(f"{original.stem}{ending}")
        assert made[f"simulated{ending}"] == bundled.read_bytes()
    sizes = [path.stat().st_size for path in original.parent.glob(f"{original.stem}*")]
    assert sum(sizes) < 1.5e6
    read = read_survey(original, KKS)
    assert read.simulated
    assert read.form == "full"
    assert len(read.data) == len(drawn().data)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    out = tmp_path_factory.mktemp("plain") / "out"
    _made(out, *SHORT, "--seed", 3)
    return read_survey(out / "simulated.csv", KKS)


@pytest.mark.parametrize("format", responses.FORMATS)
def test_every_format_is_made_alike_twice_and_read_back_as_it_was_drawn(
    format: str, original: Survey, tmp_path: Path
) -> None:
    options = (*SHORT, "--seed", 3, "--format", format)
    made = _made(tmp_path / "one", *options)
    assert made == _made(tmp_path / "two", *options)
    name = f"simulated{responses.FORMATS[format][0]}"
    assert set(made) == {name, *NAMES}
    read = read_survey(tmp_path / "one" / name, KKS)
    assert_frame_equal(read.data, original.data)
    assert_frame_equal(read.missing_codes, original.missing_codes)
    assert read.form == "short"
    assert read.simulated
    assert not {note.key for note in read.notes} & {"reading.unused", "reading.spelled"}


def test_an_spss_file_has_labels_and_a_fixed_date(tmp_path: Path) -> None:
    _made(tmp_path / "out", *SHORT, "--format", "sav")
    _, about = pyreadstat.read_sav(tmp_path / "out" / "simulated.sav", metadataonly=True)
    assert about.creation_time.year == responses.WHEN.year
    assert about.variable_value_labels["I_bro1"][5] == "I meget høj grad"
    assert COLUMN in about.column_names


def test_the_truth_says_everything_that_is_true_and_that_it_is_simulated(tmp_path: Path) -> None:
    made = _made(tmp_path / "out", *SHORT, "--no-careless")
    told = json.loads(made["simulated_truth.json"])
    assert told[COLUMN] == MARK
    assert told["drawn"]["respondents"] == 1800
    assert told["drawn"]["second_wave"] == 0
    assert told["drawn"]["holds"]["careless"] is False
    assert set(told["items"]) == set(KKS.form("short").items)
    assert {"loading", "t1", "t4", "p1", "p5"} <= set(told["items"]["I_bro1"])
    assert {"omega", "icc_unit", "share_person"} <= set(told["scales"]["bro"])
    assert told["latent_correlations"]["kom"]["bro"] == pytest.approx(0.624, abs=0.001)
    assert len(told["noninvariance"]) == 3
    assert {row["hypothesis"] for row in told["hypotheses"]} >= {"K1", "K2", "K3"}
    who = pd.read_csv(tmp_path / "out" / "simulated_careless.csv")
    assert set(who["kind"]) == {"attentive", "flat"}
    assert (who[COLUMN] == MARK).all()


@pytest.mark.parametrize("language", ["da", "en"])
def test_the_readme_says_where_the_files_come_from(language: str, tmp_path: Path) -> None:
    made = _made(tmp_path / "out", *SHORT, "--seed", 9, "--no-flat", "--language", language)
    text = made["README.md"].decode("utf-8")
    said = words(language).catalogue
    assert text.startswith(f"# {MARK}\n")
    assert said["cli.simulate.readme.nobody"] in text
    assert "coupling 0.2" in text
    assert "short" in text
    assert " 9." in text
    assert said["cli.simulate.part.flat"] in text
    assert said["cli.simulate.part.second_wave"] in text
    assert said["cli.simulate.part.careless"] not in text
    for name in NAMES - {"README.md"} | {"simulated.csv"}:
        assert f"`{name}`" in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--format", "ods"), 'there is no format "ods"'),
        (("--form", "kort"), 'no form "kort" to answer'),
        (("--instrument", "mental_ability"), '"mental_ability" states no population'),
    ],
)
def test_what_cannot_be_made_is_refused_and_nothing_written(
    options: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    result = _simulate(tmp_path / "out", *options)
    assert result.exit_code == REFUSED
    assert message in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    _made(tmp_path / "out", *SHORT)
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    result = _simulate(tmp_path / "out", *SHORT, "--seed", 4)
    assert result.exit_code == REFUSED
    assert "has files in it and is left alone" in result.stderr
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    (tmp_path / "file").write_text("a", encoding="utf-8")
    assert _simulate(tmp_path / "file", *SHORT).exit_code == REFUSED


def test_any_marked_row_makes_a_survey_simulated_whatever_the_instrument(tmp_path: Path) -> None:
    ability = instruments.load("mental_ability")
    data = pd.read_csv(ability.demonstration_path())
    for cells, simulated in (
        ([MARK] * len(data), True),
        (["", f" {MARK} ", *[""] * (len(data) - 2)], True),
        (["no"] * len(data), False),
        (list(range(len(data))), False),
    ):
        path = tmp_path / "a.csv"
        data.assign(Simulated=cells).to_csv(path, index=False)
        read = read_survey(path, ability)
        assert read.simulated is simulated
        unused = [note for note in read.notes if note.key == "reading.unused"]
        assert any("Simulated" in note.values["columns"] for note in unused) is not simulated
