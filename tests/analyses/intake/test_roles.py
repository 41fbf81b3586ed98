"""Columns that the user gives a role."""

from pathlib import Path

import pytest

from analyses import levels
from analyses.errors import SurveyError
from analyses.intake.roles import assign
from analyses.intake.survey import Survey
from instruments import Instrument
from tests.analyses.kks_answers import KKS, N_OBS, answered, read

SECTORS = ["municipal", "regional", "state"]


def assigned(
    folder: Path, wanted: dict[str, str | None], **more: object
) -> tuple[Instrument, Survey]:
    data = answered("short").assign(
        profession=[["care", "nursing"][row % 2] for row in range(N_OBS)],
        sector=[SECTORS[row % 3] for row in range(N_OBS)],
        **{"Afdeling 2": [f"a{row % 9}" for row in range(N_OBS)], "T": ["1", "2"] * (N_OBS // 2)},
        **more,
    )
    given = assign(KKS, wanted)  # type: ignore[arg-type]
    return given.instrument, read(folder, data, given.instrument, mapping=given.mapping)


def test_nothing_is_changed_where_nothing_is_wanted(tmp_path: Path) -> None:
    assert assign(KKS, {"group": None, "cluster": None, "wave": None}) == (KKS, {})


def test_means_are_compared_by_the_given_group(tmp_path: Path) -> None:
    plain = levels.run(*assigned(tmp_path, {}))
    given = levels.run(*assigned(tmp_path, {"group": "sector"}))
    assert {"means_profession_bro"} <= {table.id for table in plain.tables}
    assert not {"means_sector_bro"} & {table.id for table in plain.tables}
    assert {"means_sector_bro"} <= {table.id for table in given.tables}
    assert not {"means_profession_bro"} & {table.id for table in given.tables}


def test_a_column_of_the_file_becomes_the_cluster(tmp_path: Path) -> None:
    instrument, survey = assigned(tmp_path, {"cluster": "Afdeling 2"})
    assert instrument.column_for("cluster") == "Afdeling_2"
    assert survey.data["Afdeling_2"].nunique() == 9
    section = levels.run(instrument, survey)
    assert section.table("icc").column("n_clusters") == (9, 9, 9, 9)
    assert "means_unit_bro" not in {table.id for table in section.tables}


def test_the_waves_may_have_another_column(tmp_path: Path) -> None:
    instrument, survey = assigned(tmp_path, {"wave": "T"})
    assert survey.waves == ("1", "2")
    assert survey.wave_column == instrument.column_for("wave") == "wave"


def test_beginnings_and_cohorts_may_have_other_columns(tmp_path: Path) -> None:
    began = ["", "2"] * (N_OBS // 2)
    wanted: dict[str, str | None] = {"wave": "T", "start": "Begyndt", "cohort": "sector"}
    instrument, survey = assigned(tmp_path, wanted, Begyndt=began)
    assert instrument.column_for("start") == "effort_start"
    assert survey.data["effort_start"].dropna().unique().tolist() == ["2"]
    # A column that the instrument declares otherwise changes its role.
    assert instrument.column_for("cohort") == "sector"


def test_an_instrument_without_waves_gets_a_column_for_them() -> None:
    without = KKS.model_copy(
        update={"columns": tuple(one for one in KKS.columns if one.role != "wave")}
    )
    given = assign(without, {"wave": "2. gang"})
    column = given.instrument.columns[0]
    assert (column.name, column.role) == ("column_2_gang", "wave")
    assert dict(column.label) == {"da": "Måling", "en": "Wave"}
    assert given.mapping == {"column_2_gang": "2. gang"}


UNKNOWN = [
    ({"group": "afd"}, r'"answers\.csv" has no column "afd", which the mapping or an option'),
    ({"cluster": "organisation"}, r'lacks column "organisation", which "coupling" or an option'),
    ({"wave": "measurement"}, r'has no column "measurement", which the mapping or an option'),
    ({"group": "I_bro1"}, r'--group: "I_bro1" is an item of "coupling"'),
    ({"group": "sector", "cluster": "Sector"}, r'"sector" cannot be both --group and --cluster'),
]


@pytest.mark.parametrize(("wanted", "problem"), UNKNOWN)
def test_columns_that_cannot_have_the_role_are_refused(
    tmp_path: Path, wanted: dict[str, str | None], problem: str
) -> None:
    with pytest.raises(SurveyError, match=problem):
        assigned(tmp_path, wanted)
