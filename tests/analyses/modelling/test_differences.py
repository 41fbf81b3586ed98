import pytest

import measure
from analyses import confirmatory
from analyses.modelling import differences, rivals
from analyses.modelling.fits import fit_models
from analyses.section import Table
from analyses.wording import words
from instruments.schema import ModelOptions
from tests.analyses.demonstrations import fits, instrument, numbers, survey, with_model


def table_of(name: str) -> tuple[Table, ...]:
    fitted, loaded = fits(name), instrument(name)
    reference = fitted[loaded.reference_model.id]
    return differences.tables(reference, rivals.compare(loaded, fitted))


@pytest.fixture(scope="module")
def coupling() -> Table:
    (table,) = table_of("coupling")
    return table


def row(table: Table, restricted: str, free: str) -> dict[str, object]:
    names = [column.name for column in table.columns]
    cells = next(cells for cells in table.rows if cells[:2] == (restricted, free))
    return dict(zip(names, cells, strict=True))


def test_a_nested_model_is_tested_by_a_difference_that_is_scaled_by_itself(
    coupling: Table,
) -> None:
    second_order, reference = (fits("coupling")[name].fit for name in ("M3", "M2"))
    assert second_order is not None
    assert reference is not None
    own = measure.compare(second_order, reference).iloc[0]
    shown = row(coupling, "M3", "M2")
    for name in ("chisq_diff", "df_diff", "pvalue"):
        assert shown[name] == pytest.approx(own[name])
    assert shown["test_method"] == "Satorra 2000"
    scaled = [fit.fit_measures["chisq.scaled"] for fit in (second_order, reference)]
    assert shown["chisq_diff"] != pytest.approx(scaled[0] - scaled[1], abs=0.05)


def test_a_more_complex_model_is_the_free_one(coupling: Table) -> None:
    shown = row(coupling, "M2", "M4s")
    assert shown["df_diff"] == 15
    own = measure.compare(*(fits("coupling")[name].fit for name in ("M2", "M4s"))).iloc[0]
    assert shown["pvalue"] == pytest.approx(own["pvalue"])
    (table,) = differences.tables(
        numbers("coupling")["M2"], rivals.compare(instrument("coupling"), numbers("coupling"))
    )
    shown = row(table, "M2", "M4s")
    assert shown["test_method"] == "Satorra & Bentler 2001"
    assert shown["pvalue"] == pytest.approx(0.611, abs=5e-4)


def test_what_is_no_difference_test_says_why(coupling: Table) -> None:
    remarks = {
        (cells[0], cells[1]): words("en").write(cells[-1])
        for cells in coupling.rows
        if cells[2] is None
    }
    for merged in ("M1", "M6", "M7", "M8", "M9"):
        assert "merges factors" in remarks[merged, "M2"]
    assert "special case" in remarks["M5", "M2"]
    assert "special case" in remarks["M2", "M4"]
    (abilities,) = table_of("mental_ability")
    same = row(abilities, "second_order", "three_factors")
    assert "as many degrees of freedom" in words("en").write(same["remark"])


def test_without_a_single_test_there_is_no_table() -> None:
    assert table_of("leadership_climate") == ()


def test_an_undeclared_boundary_is_tested_with_reservations_in_the_engine_s_words() -> None:
    # Two factors made one by a correlation of 1, and not by laying their items together.
    tied = "\nvisual ~~ 1*textual + a*speed\ntextual ~~ a*speed"
    syntax = instrument("mental_ability").reference_model.syntax + tied
    changed = with_model(
        "mental_ability",
        "two_factors",
        syntax=syntax,
        boundary_of=None,
        options=ModelOptions(std_lv=True),
    )
    fitted = fit_models(changed, survey("mental_ability"))
    section = confirmatory.run(changed, survey("mental_ability"), fits=fitted)
    names = {table.id for table in section.tables}
    assert "difference_tests" in names
    shown = row(section.table("difference_tests"), "two_factors", "three_factors")
    assert "reservations" in words("en").write(shown["remark"])
    notes = [words("en").say(note) for note in section.table("difference_tests").notes]
    assert any(note.startswith("two_factors: the program's own remark: ") for note in notes)


def test_unscaled_tests_are_subtracted_and_named_so() -> None:
    loaded = instrument("mental_ability")
    fitted = fit_models(loaded, survey("mental_ability"), estimator="ML")
    reference = fitted["three_factors"]
    (table,) = differences.tables(reference, rivals.compare(loaded, fitted))
    shown = row(table, "three_factors", "bifactor")
    assert words("en").write(shown["test_method"]) == "not scaled"
    free = fitted["bifactor"].fit
    assert free is not None
    assert reference.fit is not None
    gap = reference.fit.fit_measures["chisq"] - free.fit_measures["chisq"]
    assert shown["chisq_diff"] == pytest.approx(gap)
