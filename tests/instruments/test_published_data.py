"""The two instruments with real data: the counts of their sources, and labels shown as labels."""

import pandas as pd
import pytest

import instruments

CLIMATE = instruments.load("leadership_climate")
ABILITY = instruments.load("mental_ability")


def test_leadership_climate_has_the_counts_of_its_source() -> None:
    data = pd.read_csv(CLIMATE.demonstration_path())
    codes, missing = CLIMATE.decode(data)
    assert codes.shape == (2042, 19)
    assert missing.to_numpy().sum() == 0
    assert data["COMPID"].nunique() == 49
    assert [len(scale.items) for scale in CLIMATE.scales] == [11, 3, 5]
    assert list(data.columns) == ["COMPID", "SUB", *CLIMATE.item_ids]
    assert CLIMATE.column_for("cluster") == "COMPID"


def test_leadership_climate_has_a_response_scale_for_each_part() -> None:
    limits = {
        scale.id: {CLIMATE.response(item).limits for item in scale.items}
        for scale in CLIMATE.scales
    }
    assert limits == {"leadership": {(1, 5)}, "significance": {(1, 5)}, "hostility": {(0, 4)}}
    assert not any(response.labels for response in CLIMATE.responses)


def test_mental_ability_has_the_counts_of_its_source() -> None:
    data = pd.read_csv(ABILITY.demonstration_path())
    scored = ABILITY.score(data)
    assert scored.shape == (301, 9)
    assert scored["x1"].mean() == pytest.approx(4.935770, abs=1e-6)
    assert data["school"].value_counts().to_dict() == {"Pasteur": 156, "Grant-White": 145}
    assert all(response.continuous for response in ABILITY.responses)
    assert ABILITY.column_for("group") == "school"


@pytest.mark.parametrize("instrument", [CLIMATE, ABILITY], ids=lambda instrument: instrument.id)
def test_published_items_are_shown_by_labels_and_none_is_reversed(instrument) -> None:
    assert {item.wording for item in instrument.items} == {"label"}
    assert {item.keying for item in instrument.items} == {1}
    assert not instrument.demonstration.simulated
    assert instrument.demonstration.licence == "GPL (>= 2)"
    readme = (instrument.origin.parent / "README.md").read_text(encoding="utf-8")
    assert "GPL (>= 2)" in readme
    assert instrument.demonstration.file in readme


def test_models_are_compared_with_three_factors() -> None:
    for instrument in (CLIMATE, ABILITY):
        assert instrument.reference_model.id == "three_factors"
        assert instrument.model("two_factors").boundary_of == "three_factors"
    assert ABILITY.model("second_order").equivalent_to == "three_factors"
