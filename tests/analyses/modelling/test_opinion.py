from dataclasses import replace

import numpy as np
import pytest

import measure
from analyses import confirmatory
from analyses.modelling import opinion
from analyses.modelling.fits import fit_models, fit_reference
from analyses.section import Section
from analyses.wording import words
from tests.analyses.demonstrations import evidence, finding, fits, instrument, survey

NAME = "mental_ability"


@pytest.fixture(scope="module")
def section() -> Section:
    return confirmatory.run(instrument(NAME), survey(NAME), fits=fits(NAME))


@pytest.fixture(scope="module")
def asked() -> measure.SecondOpinion:
    reference = fits(NAME)["three_factors"].usable
    assert reference is not None
    return opinion.ask(reference, survey(NAME))


def changed(asked: measure.SecondOpinion, quantity: str, by: float) -> measure.SecondOpinion:
    """Give an opinion in which semopy's first value of a quantity differs."""
    table = asked.table.copy()
    row = table.index[table["quantity"] == quantity][0]
    table.loc[row, "theirs"] += by
    table.loc[row, "difference"] += by
    table.loc[row, "agrees"] = False
    return replace(asked, table=table)


def test_the_reference_model_is_given_to_the_other_program(section: Section) -> None:
    entry = finding(section, "second_opinion")
    assert entry.claim.key == "opinion.claim.agrees"
    assert entry.verdict == "good"
    estimates, chisq = evidence(entry, "difference_estimates"), evidence(entry, "difference_chisq")
    assert estimates is not None
    assert estimates < 1e-5
    assert chisq is not None
    assert chisq < 1e-5
    assert entry.rule is not None
    said = words("en").say(entry.rule.text)
    assert "0.0001" in said
    assert "0.001 " in said


def test_the_table_shows_both_programs_numbers(section: Section) -> None:
    table = section.table("second_opinion")
    named = {words("en").write(row[0]).split(" (")[0]: row[1:] for row in table.rows}
    chisq, theirs = named["Chi-square"][:2]
    assert chisq == pytest.approx(85.306, abs=5e-4)
    assert theirs == pytest.approx(85.306, abs=5e-4)
    assert {"Degrees of freedom", "CFI", "RMSEA"} <= set(named)
    assert sum(name.startswith("Loading of x") for name in named) == 1
    assert sum(name.startswith("Correlation of ") for name in named) == 1
    assert {row[-1].key for row in table.rows} == {"opinion.yes"}


def test_another_number_is_a_poor_verdict_and_the_one_that_is_shown(
    asked: measure.SecondOpinion,
) -> None:
    reference = fits(NAME)["three_factors"]
    different = changed(asked, "loading", -0.02)
    entry = opinion.finding(reference, different)
    assert entry.claim.key == "opinion.claim.differs"
    assert entry.verdict == "poor"
    assert evidence(entry, "difference_estimates") == pytest.approx(0.02, abs=1e-5)
    table = opinion.table(instrument(NAME), reference, different)
    shown = next(row for row in table.rows if "Loading of x1 " in words("en").write(row[0]))
    assert shown[-1].key == "opinion.no"


def test_a_number_that_is_none_is_shown_as_the_largest_difference(
    asked: measure.SecondOpinion,
) -> None:
    different = changed(asked, "factor correlation", np.nan)
    table = opinion.table(instrument(NAME), fits(NAME)["three_factors"], different)
    shown = next(row for row in table.rows if "Correlation of" in words("en").write(row[0]))
    assert shown[2] is None


@pytest.mark.parametrize(
    ("outcome", "verdict"), [("refused", "information"), ("not_converged", "undecided")]
)
def test_without_a_comparison_the_reason_is_shown(
    asked: measure.SecondOpinion, outcome: str, verdict: str
) -> None:
    without = replace(asked, outcome=outcome, reason="effect coding.", table=asked.table.iloc[:0])
    entry = opinion.finding(fits(NAME)["three_factors"], without)
    assert entry.claim.key == f"opinion.claim.{outcome}"
    assert entry.verdict == verdict
    assert entry.evidence == ()
    assert "effect coding." in words("da").say(entry.notes[0])


def test_a_section_without_a_comparison_has_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> measure.SecondOpinion:
        return measure.SecondOpinion("refused", "effect coding.", asked_nothing, ())

    asked_nothing = opinion.ask(fits(NAME)["one_factor"].fit, survey(NAME)).table.iloc[:0]
    monkeypatch.setattr(opinion, "ask", refuse)
    section = confirmatory.run(instrument(NAME), survey(NAME), fits=fits(NAME))
    assert finding(section, "second_opinion").verdict == "information"
    assert "second_opinion" not in {table.id for table in section.tables}


def test_a_robust_fit_is_compared_without_its_corrections_and_the_section_says_so(
    section: Section,
) -> None:
    told = {note.key for note in finding(section, "second_opinion").notes}
    assert "opinion.note.uncorrected" in told
    plain = fit_models(instrument(NAME), survey(NAME), estimator="ML")
    without = confirmatory.run(instrument(NAME), survey(NAME), fits=plain)
    told = {note.key for note in finding(without, "second_opinion").notes}
    assert "opinion.note.uncorrected" not in told


def test_both_programs_get_the_same_people_where_some_have_no_cluster() -> None:
    name = "leadership_climate"
    companies = survey(name).data["COMPID"].mask(survey(name).data.index < 30)
    known = replace(survey(name), data=survey(name).data.assign(COMPID=companies))
    check = fit_reference(instrument(name), known)["three_factors"].check
    assert check is not None
    fit = check.usable
    assert fit is not None
    assert fit.n_obs == 2012
    assert opinion.ask(fit, known).agrees


def test_with_missing_answers_the_section_says_why_nobody_was_asked() -> None:
    reference = fits("coupling")["M2"].check
    assert reference is not None
    assert reference.usable is not None
    entry = opinion.finding(
        reference, opinion.ask(reference.usable, survey("coupling")), check=True
    )
    assert entry.claim.key == "opinion.claim.refused"
    assert [words("en").say(note) for note in entry.notes] == [
        "semopy does not compute correctly where answers are missing, so it was not asked."
    ]


def test_ordered_answers_are_compared_by_their_check_and_the_section_says_so() -> None:
    name = "leadership_climate"
    section = confirmatory.run(instrument(name), survey(name), fits=fits(name))
    entry = finding(section, "second_opinion")
    assert entry.claim.key == "opinion.claim.agrees"
    assert "opinion.note.check" in {note.key for note in entry.notes}
    for number in entry.evidence:
        assert words("en").write(number.provenance.estimator).startswith("MLR")
