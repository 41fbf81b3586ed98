import pytest

import instruments
from analyses import glossary, report
from analyses.intake.survey import read_survey
from analyses.section import Report
from analyses.wording import LANGUAGES, catalogue
from tests.analyses.reports import MEANS, REPORT


def unexplained(shown: Report) -> set[tuple[str, str]]:
    """Give the columns of numbers and the statistics of a report that no term explains."""
    columns = {
        (table.id, column.name)
        for section in shown.sections
        for table in section.tables
        for column in table.columns
        if column.kind not in ("text", "message")
        and glossary.explain(column.name, table.id) is None
    }
    numbers = {
        ("", number.name)
        for section in shown.sections
        for finding in section.findings
        for number in finding.evidence
        if glossary.explain(number.name) is None
    }
    return columns | numbers


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_term_has_words_and_every_word_a_term(language):
    rows = {key for key in catalogue(language) if key.startswith("glossary.")}
    wanted = {
        f"glossary.{entry.id}.{part}" for entry in glossary.entries() for part in ("name", "means")
    }
    assert rows == wanted
    names = [catalogue(language)[f"glossary.{entry.id}.name"] for entry in glossary.entries()]
    assert len(set(names)) == len(names)


def test_every_statistic_that_a_finding_can_rest_on_is_explained():
    statistics = {key for key in catalogue("da") if key.startswith("statistic.")}
    assert {key for key in statistics if glossary.explain(key) is None} == set()


@pytest.mark.parametrize(
    ("name", "table", "term"),
    [
        ("statistic.cfi.robust", "", "fit_cfi"),
        ("rmsea.ci.lower.robust", "models", "fit_rmsea"),
        ("omega_check.upper", "reliability", "omega"),
        ("loss_declared.se", "short_form_short", "loss"),
        ("pvalue.holm", "graded_fit", "pvalue"),
        ("equivalence.lower", "latent_means_role", "difference_sd"),
        ("ci.lower", "loadings", "interval"),
        ("G.lower", "referent_shares", "referents"),
        ("by_role", "item_functioning", "functioning"),
        ("difference", "second_opinion", "second_opinion"),
    ],
)
def test_a_name_is_explained_without_what_qualifies_it(name, table, term):
    found = glossary.explain(name, table)
    assert found is not None
    assert found.id == term


def test_what_no_term_has_is_not_explained_by_a_likeness():
    assert glossary.explain("cfi_of_the_weather") is None


def test_a_table_and_a_finding_name_each_term_once():
    assert [entry.id for entry in glossary.of_table(MEANS)] == ["people", "mean"]
    finding = REPORT.section("reliability").findings[0]
    assert [entry.id for entry in glossary.of_finding(finding)] == ["omega"]


@pytest.mark.slow
def test_every_number_of_the_demonstration_is_explained():
    instrument = instruments.load("coupling")
    survey = read_survey(instrument.demonstration_path(), instrument)
    assert unexplained(report.validate(instrument, survey)) == set()
