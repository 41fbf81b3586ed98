from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import measure
from analyses import items
from analyses.intake.survey import Survey
from analyses.modelling.scale_models import scale_models
from analyses.questionnaire_items.item_functioning import functioning
from analyses.section import Section
from analyses.wording import words
from tests.analyses.demonstrations import evidence, finding, fits, instrument, survey

KKS = instrument("coupling")


def tables(section: Section) -> dict[str, pd.DataFrame]:
    return {
        table.id: pd.DataFrame(table.rows, columns=[part.name for part in table.columns])
        for table in section.tables
        if table.id.startswith("item_functioning")
    }


def with_columns(**columns: "np.typing.NDArray[np.str_]") -> Survey:
    """Give the small survey with no other columns of persons than these."""
    old = survey("coupling")
    kept = [*old.scored.columns, "unit", "organisation"]
    return replace(old, data=old.data[kept].assign(**columns))


@pytest.fixture(scope="module")
def planted() -> Section:
    """Items of women and men, of whom men answer I_bro2 one step higher and I_kor1 a little."""
    old = survey("coupling")
    rng = np.random.default_rng(3)
    first = rng.random(len(old.scored)) < 0.5
    role = pd.Series(np.where(first, "leader", "employee")).where(rng.random(len(first)) > 0.15)
    changed = with_columns(
        role=role.to_numpy(),
        age=np.where(rng.random(len(first)) < 0.03, "under_30", "40_to_49"),
        profession=rng.integers(0, 12, size=len(first)).astype(str),
    )
    scored = old.scored.copy()
    scored.loc[first, "I_bro2"] = (scored.loc[first, "I_bro2"] + 2).clip(upper=5)
    return items.run(KKS, replace(changed, scored=scored), fits=fits("coupling"))


def test_a_planted_difference_is_found_and_rewritten(planted: Section) -> None:
    table = tables(planted)["item_functioning"].set_index("item")
    assert table["by_role"].astype(float).idxmax() == "I_bro2"
    assert "Role" in words("en").say(table["flagged"]["I_bro2"])
    doubt = finding(planted, "item_I_bro2")
    assert doubt.verdict == "poor"
    assert evidence(doubt, "functioning") == pytest.approx(table["by_role"]["I_bro2"])
    entry = finding(planted, "items_functioning")
    assert entry.verdict == "poor"
    assert "I_bro2 (role)" in words("en").say(entry.claim)


def test_what_a_planted_difference_does_to_the_scale_is_told_in_points(planted: Section) -> None:
    table = tables(planted)["item_functioning_scores"]
    row = table[[words("en").write(one) == "Role" for one in table["background"]]].iloc[0]
    assert abs(row["points"]) == pytest.approx(2 / 6, abs=0.15)
    assert row["ci.lower"] < row["points"] < row["ci.upper"]
    untested = finding(planted, "items_functioning_untested")
    assert untested.verdict == "information"
    assert "12 values are more than 10" in words("en").say(untested.claim)
    assert "role (left blank by 1" in words("en").say(untested.claim)


def test_columns_that_cannot_be_tested_are_named_with_the_reason(planted: Section) -> None:
    table = tables(planted)["item_functioning_columns"]
    said = {
        words("en").write(row["background"]): (
            row["n_groups_tested"],
            words("en").write(row["left_out"]),
            words("en").write(row["tested"]),
        )
        for _, row in table.iterrows()
    }
    assert said["Role"] == (2, "none", "yes")
    assert said["Age"] == (1, "Under 30", "no, fewer than two values have at least 50 persons")
    assert said["Occupational group"][2] == "no, 12 values are more than 10"
    assert set(tables(planted)["item_functioning"].columns) == {"item", "by_role", "flagged"}


def test_the_effects_are_those_of_the_regression_with_the_clusters() -> None:
    changed = survey("coupling")
    # A scale with a model of its own is tested as those of the reference model are.
    models = {**scale_models(KKS, changed, fits("coupling")), "kom": fits("coupling")["M1"]}
    found = functioning(KKS, changed, models, fits("coupling")["M2"])
    names = [one.declared.name for one in found.columns if one.reason is None]
    assert "role" in names
    assert "unit" not in names
    # Units lie within organisations, and answers resemble each other in both.
    organisation = changed.data["organisation"]
    data = changed.scored.assign(role=changed.data["role"], organisation=organisation)
    sizes = data["role"].value_counts()
    data = data[data["role"].isin(sizes.index[sizes >= 50])]
    scale = list(KKS.scale("bro").items)
    table = measure.differential_functioning(
        data, scale, group="role", cluster="organisation"
    ).table
    added = table["r2.uniform"].astype(float) + table["r2.nonuniform"].astype(float)
    for item in scale:
        assert found.effects["role"][item] == pytest.approx(added[item])
    assert found.n_clusters == data["organisation"].nunique()
    assert found.effects["role"][list(KKS.scale("kom").items)].notna().all()


def test_without_groups_that_is_said() -> None:
    section = items.run(KKS, with_columns(), fits=fits("coupling"))
    assert "functioning.note.nothing" in {note.key for note in section.notes}
    assert tables(section) == {}
    assert "items_functioning" not in {entry.id for entry in section.findings}


def test_numbers_without_categories_have_no_such_test() -> None:
    name = "mental_ability"
    section = items.run(instrument(name), survey(name), fits=fits(name))
    assert "functioning.note.nothing" in {note.key for note in section.notes}
    assert tables(section) == {}
