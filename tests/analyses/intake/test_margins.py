from pathlib import Path

import pytest

from analyses.errors import SurveyError
from analyses.intake.margins import Margin, read_margins
from tests.analyses.demonstrations import instrument, survey


def read(folder: Path, text: str, name: str = "population.csv") -> tuple[Margin, ...]:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_margins(path, instrument("coupling"), survey("coupling"))


def test_shares_counts_and_invitations_are_read(tmp_path):
    margins = read(
        tmp_path,
        "column,value,share,count,invited\n"
        "role,employee,0.9,,\nrole,leader,0.08,,\nrole,other,0.02,,\n"
        "sector,municipal,,600,120\nsector,regional,,200,50\nsector,state,,200,50\n",
    )
    role, sector = margins
    assert [group.share for group in role.groups] == [0.9, 0.08, 0.02]
    assert [(one.value, one.share, one.count, one.invited) for one in sector.groups] == [
        ("municipal", 0.6, 600, 120),
        ("regional", 0.2, 200, 50),
        ("state", 0.2, 200, 50),
    ]


def test_toml_and_a_danish_spreadsheet_say_the_same(tmp_path):
    toml = read(
        tmp_path,
        '[[margin]]\ncolumn = "ambassador"\nvalue = "yes"\nshare = 0.125\n'
        '[[margin]]\ncolumn = "ambassador"\nvalue = "no"\nshare = 0.875\n',
        "population.toml",
    )
    csv = read(tmp_path, "column;value;share\nambassador;yes;0,125\nambassador;no;0,875\n")
    assert toml == csv
    assert csv[0].column.name == "ambassador"


def test_rounded_shares_may_miss_one_a_little(tmp_path):
    rows = "".join(f"role,{value},0.33\n" for value in ("employee", "leader", "other"))
    assert len(read(tmp_path, f"column,value,share\n{rows}")[0].groups) == 3


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("column,value,share\nshoe,large,1\n", 'no background column "shoe".*\n.*"organisation"'),
        ("column,value,share\nrole,boss,1\n", 'has no value "boss".*\n.*"employee"'),
        ("column,value,share\nrole,employee,0.5\nrole,leader,0.3\n", r"add up to 0\.8, not to 1"),
        ("column,value,share\nrole,employee,90\nrole,leader,10\n", "Divide percentages by 100"),
        ("column,value,share\nrole,employee,0.5\nrole,employee,0.5\n", '"employee".*given twice'),
        ("column,value,share,count\nrole,employee,0.5,10\n", "either a share or a count"),
        ("column,value,invited\nrole,employee,10\n", "either a share or a count"),
        (
            "column,value,share,count\nrole,employee,0.5,\nrole,leader,,10\n",
            "shares for some values and counts for others",
        ),
        ("column,value,share\nrole,employee,-1\n", 'share is "-1"'),
        ("column,value,share\nrole,employee,many\n", 'share is "many"'),
        ("column,value,count\nrole,employee,2.5\n", "no whole number"),
        ("column,value,count\nrole,employee,0\n", "has nobody in it"),
        ("column,value,part\nrole,employee,1\n", '"part" is no field'),
        ("column,value,share\nrole,,1\n", "column and value are both needed"),
        ("column,value,share\n", "holds no margins"),
    ],
)
def test_wrong_files_are_refused_by_name(tmp_path, text, match):
    with pytest.raises(SurveyError, match=f"(?s){match}"):
        read(tmp_path, text)


def test_files_of_another_kind_are_refused(tmp_path):
    with pytest.raises(SurveyError, match="no TOML file"):
        read(tmp_path, "column,value", "population.toml")
    with pytest.raises(SurveyError, match=r"\[\[margin\]\]"):
        read(tmp_path, "role = 1", "population.toml")
    with pytest.raises(SurveyError, match="cannot be read"):
        read_margins(tmp_path / "none.csv", instrument("coupling"), survey("coupling"))
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(SurveyError, match="cannot be read as text"):
        read_margins(tmp_path / "binary.csv", instrument("coupling"), survey("coupling"))
