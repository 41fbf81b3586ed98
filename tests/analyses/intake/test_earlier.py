"""How earlier reports bear on what may be shown now."""

from dataclasses import replace

from analyses.intake.earlier import bearing
from tests.analyses.demonstrations import instrument, survey
from tests.analyses.published_sets import report

COUPLING = "coupling"


def waves():
    """Give a survey of two waves: of the first 40 people 30 answered again, beside 20 others."""
    loaded, one = instrument(COUPLING), survey(COUPLING)
    who, wave = loaded.column_for("respondent"), loaded.column_for("wave")
    rows = one.where(one.data.index < 90)
    people = [*range(40), *range(10, 40), *range(100, 120)]
    named = [f"r{person}" for person in people]
    data = rows.data.assign(**{who: named, wave: ["1"] * 40 + ["2"] * 50})
    return replace(rows, data=data, waves=("1", "2"), wave_column=wave)


def found(whole, earlier):
    (one,) = bearing([earlier], instrument(COUPLING), whole, whole.at("2"))
    return one.stayed, one.same_wave


def test_who_is_in_both_waves_is_known_where_the_survey_says_who_answered():
    whole = waves()
    loaded = instrument(COUPLING)
    named = replace(report((), 40, "1"), instrument=loaded.id)
    assert found(whole, named) == (30, False)
    assert found(whole, replace(named, wave="2", n_obs=50)) == (None, True)
    # Of other answers, of a wave that the survey lacks, and of respondents without names nothing is
    # known.
    assert found(whole, replace(named, n_obs=41)) == (None, False)
    assert found(whole, replace(named, wave="0")) == (None, False)
    nameless = replace(whole, data=whole.data.drop(columns=loaded.column_for("respondent")))
    assert found(nameless, named) == (None, False)
