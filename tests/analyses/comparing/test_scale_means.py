import pandas as pd
import pytest

from analyses import figures, levels
from analyses.comparing.scale_means import CONDITIONS, FURTHER, MAIN, Means, means
from analyses.disclosure import publish
from analyses.intake.cross_section import one_wave
from analyses.intake.survey import read_survey
from analyses.section import Section
from analyses.wording import words
from tests.analyses.demonstrations import instrument, people, survey


def _of(name: str, answers=None) -> Means:
    answers = survey(name) if answers is None else answers
    return means(instrument(name), answers, levels._scores(instrument(name), answers))


@pytest.fixture(scope="module")
def full() -> Means:
    loaded = instrument("coupling")
    return _of("coupling", one_wave(loaded, read_survey(loaded.demonstration_path(), loaded)))


def test_the_scales_of_the_reference_model_have_a_figure_on_the_whole_answer_scale(full):
    table, further, conditions = full.tables
    assert [one.id for one in full.tables] == [MAIN, FURTHER, CONDITIONS]
    labels = [label.languages["da"] for label in table.column("scale")]
    assert labels == ["Brobygger", "Kommunikator", "Koordinator", "Kooperation"]
    assert len(further.rows) == 23
    assert len(conditions.rows) == 7
    (figure,) = full.figures
    assert figure.domain == (1.0, 5.0)
    assert [end.languages["da"] for end in figure.ends] == ["I meget lav grad", "I meget høj grad"]
    drawn = figures.svg(figure, table, words("da"))
    assert "I meget lav grad" in drawn
    assert "3,50 [3,45; 3,55]" in drawn


def test_the_interval_follows_the_largest_clusters(full):
    assert full.tables[0].provenance.estimator.values["n"] == 60
    loaded, answers = instrument("coupling"), survey("coupling")
    scores = levels._scores(loaded, answers)
    row = dict(zip(("n", "mean", "lower"), _of("coupling").tables[0].rows[0][1:4], strict=True))
    assert row["mean"] == pytest.approx(scores["bro"].mean())
    alone = scores["bro"].sem() * 1.96
    assert row["mean"] - row["lower"] > 1.2 * alone


def test_scales_answered_in_several_ways_have_a_table_and_a_figure_each():
    found = _of("leadership_climate")
    assert [one.id for one in found.tables] == [MAIN, f"{MAIN}_2"]
    assert [one.domain for one in found.figures] == [(1.0, 5.0), (0.0, 4.0)]
    # The source does not say what the answers are called.
    assert all(one.ends == ("", "") for one in found.figures)


def test_a_test_score_has_no_ends():
    (figure,) = _of("mental_ability").figures
    assert figure.domain is None
    assert figure.ends is None
    assert figure.alt.key == "levels.figure.scale_means.alt_open"


def test_few_people_are_hidden():
    few = people(4, COMPID=["1", "1", "2", "2"])
    found = _of("leadership_climate", few)
    section = publish(Section("levels", found.figures[0].title, (), found.tables, found.figures))
    for table in section.tables:
        numbers = [cell for row in table.rows for cell in row[1:]]
        assert not any(isinstance(cell, float) for cell in numbers)
    assert "3," not in words("da").say(section.figures[0].alt)


def test_without_answers_there_is_nothing():
    nothing = means(instrument("coupling"), survey("coupling"), pd.DataFrame())
    assert (nothing.tables, nothing.figures) == ((), ())
