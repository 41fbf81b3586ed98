import pytest

import measure
from analyses.disclosure import publish
from analyses.errors import SurveyError
from analyses.intake.margins import Group, Margin
from analyses.intake.survey import Survey
from analyses.respondents.representativeness import compare, response
from analyses.section import Hidden, Message, Section, Table
from analyses.wording import words
from tests.analyses.demonstrations import instrument, people

TEAMS = ["1"] * 60 + ["2"] * 30 + ["3"] * 10


def margin(*groups: tuple[str, float, int | None]) -> Margin:
    column = next(one for one in instrument("leadership_climate").columns if one.name == "COMPID")
    return Margin(column, tuple(Group(value, share, None, n) for value, share, n in groups))


def row(table: Table, label: object) -> dict[str, object]:
    names = [column.name for column in table.columns]
    return dict(zip(names, next(one for one in table.rows if one[0] == label), strict=True))


@pytest.fixture(scope="module")
def answers() -> Survey:
    return people(100, COMPID=TEAMS)


def test_shares_stand_beside_the_population_with_intervals(answers):
    finding, (table,) = compare(
        margin(("1", 0.5, None), ("2", 0.3, None), ("3", 0.2, None)), answers
    )
    first = row(table, "1")
    assert (first["respondents"], first["share_sample"]) == (60, 0.6)
    assert first["share_difference"] == pytest.approx(0.1)
    assert (first["ci.lower"], first["ci.upper"]) == measure.proportion_interval(60, 100)
    assert finding.claim.values["group"] in ("1", "3")
    assert [number.name for number in finding.evidence] == [
        "statistic.share_population",
        "statistic.share_sample",
    ]
    for language in ("da", "en"):
        assert "50" in words(language).say(finding.claim) or "20" in words(language).say(
            finding.claim
        )


def test_invitations_give_response_rates(answers):
    _, tables = compare(margin(("1", 0.5, 100), ("2", 0.3, 40), ("3", 0.2, None)), answers)
    rates = tables[1]
    assert row(rates, "1") | {"group": ""} == {
        "group": "",
        "invited": 100,
        "respondents": 60,
        "non_respondents": 40,
        "response_rate": 0.6,
    }
    assert row(rates, "3")["response_rate"] is None


def test_more_answers_than_invitations_are_refused(answers):
    with pytest.raises(SurveyError, match=r'50 with "1".*were invited, but 60 answered'):
        compare(margin(("1", 0.5, 50), ("2", 0.5, None)), answers)


def test_groups_that_the_population_lacks_and_silence_have_their_own_rows():
    some = people(100, COMPID=TEAMS)
    some.data.loc[:9, "COMPID"] = None
    _, (table,) = compare(margin(("1", 0.7, None), ("2", 0.3, None)), some)
    assert row(table, "3")["share_population"] is None
    assert row(table, "3")["share_sample"] == pytest.approx(10 / 90)
    assert row(table, Message("not_stated"))["respondents"] == 10
    note = next(note for note in table.notes if note.key == "population.note.outside")
    assert note.values["values"] == ("3",)


def test_a_group_without_answers_is_shown_as_none(answers):
    _, (table,) = compare(margin(("1", 0.5, None), ("4", 0.5, None)), answers)
    assert row(table, "4")["respondents"] == 0


def test_nobody_stated_anything():
    silent = people(20, COMPID=["1"] * 20)
    silent.data["COMPID"] = None
    finding, (table,) = compare(margin(("1", 1.0, None)), silent)
    assert finding.verdict == "undecided"
    assert row(table, "1")["share_sample"] is None


def test_small_groups_are_hidden():
    few = people(100, COMPID=["1"] * 57 + ["2"] * 40 + ["3"] * 3)
    finding, tables = compare(margin(("1", 0.5, 90), ("2", 0.1, 50), ("3", 0.4, 8)), few)
    section = publish(Section("screening", Message("plain", {"text": ""}), (finding,), tables))
    for table in section.tables:
        assert isinstance(row(table, "3")["respondents"], Hidden)
    assert section.findings[0].evidence[1].value is None
    assert isinstance(section.findings[0].claim.values["sample"], Hidden)


def test_the_response_rate_is_of_everybody_invited():
    known = margin(("1", 0.5, 100), ("2", 0.3, 40), ("3", 0.2, 10))
    finding = response([margin(("1", 1.0, None)), known], 100)
    assert finding is not None
    (rate,) = finding.evidence
    assert rate.value == pytest.approx(100 / 150)
    assert "150" in words("da").say(finding.claim)


def test_no_response_rate_without_all_invitations():
    some = margin(("1", 0.5, 100), ("2", 0.5, None))
    assert response([some], 50) is None
    assert response([margin(("1", 1.0, 10))], 0) is None
