import numpy as np
import pytest

import measure
from analyses import disclosure, item_response
from analyses.modelling.graded import graded_models
from analyses.section import Hidden, Section
from analyses.wording import words
from measure.questions.irt import graded_response
from tests.analyses.demonstrations import (
    evidence,
    finding,
    fits,
    graded,
    instrument,
    people,
    survey,
    with_answers,
    with_rule,
)

NAME = "leadership_climate"


@pytest.fixture(scope="module")
def lq2002() -> Section:
    return item_response.run(instrument(NAME), survey(NAME), fits=fits(NAME), graded=graded(NAME))


def column(section: Section, table_id: str, name: str) -> dict[object, object]:
    table = section.table(table_id)
    return dict(zip(table.column("item"), table.column(name), strict=True))


def test_discriminations_stand_beside_the_loadings_that_they_stand_for(lq2002: Section) -> None:
    scale = list(instrument(NAME).scale("significance").items)
    model = graded_response(survey(NAME).scored[scale])
    fit = fits(NAME)["three_factors"].fit
    assert fit is not None
    loadings = measure.standardized(fit).set_index(["op", "rhs"])["est.std"]
    for item in scale:
        shown = {
            name: column(lq2002, "graded_items", name)[item]
            for name in ("discrimination", "implied_loading", "loading", "loading_difference")
        }
        assert shown["discrimination"] == pytest.approx(model.items["discrimination"][item])
        assert shown["implied_loading"] == pytest.approx(model.items["loading"][item])
        assert shown["loading"] == pytest.approx(loadings["=~", item])
        assert shown["loading_difference"] == pytest.approx(
            loadings["=~", item] - model.items["loading"][item]
        )
    assert finding(lq2002, "graded_agreement").verdict == "good"
    assert evidence(finding(lq2002, "graded_agreement"), "loading_difference") == pytest.approx(
        0.045, abs=0.001
    )


def test_a_difference_beyond_the_rule_is_named() -> None:
    strict = with_rule(NAME, "loading_discrimination", value=0.04)
    section = item_response.run(strict, survey(NAME), fits=fits(NAME), graded=graded(NAME))
    entry = finding(section, "graded_agreement")
    assert entry.verdict == "acceptable"
    assert entry.claim.values["items"] == ("LEAD04", "LEAD11", "TSIG02", "TSIG03")
    compared = column(section, "graded_items", "compared")
    assert compared["LEAD04"].key == "graded.compared.apart"
    assert compared["LEAD03"].key == "graded.compared.alike"


def test_the_standard_error_is_that_of_the_information(lq2002: Section) -> None:
    table = lq2002.table("graded_information")
    information = np.array(table.column("information_hostility"), dtype=float)
    errors = np.array(table.column("error_hostility"), dtype=float)
    np.testing.assert_allclose(errors, 1 / np.sqrt(information))
    row = table.column("ability").index(1.0)
    model = graded(NAME)["hostility"].model
    assert model is not None
    assert information[row] == pytest.approx(model.information([1.0])["test"].iloc[0])


def test_the_scale_is_precise_where_the_error_is_small(lq2002: Section) -> None:
    entry = finding(lq2002, "graded_hostility")
    assert entry.claim.key == "graded.claim.precise"
    assert "−0.4" in words("en").say(entry.claim)
    assert "2.3" in words("en").say(entry.claim)


def test_a_wright_map_counts_everybody_and_places_every_step(lq2002: Section) -> None:
    table = lq2002.table("wright_hostility")
    assert sum(table.column("n")) == 2042
    assert sum(table.column("share")) == pytest.approx(1.0)
    assert len(table.rows) == 12
    steps = graded(NAME)["hostility"].model
    assert steps is not None
    written = [
        code
        for item in instrument(NAME).scale("hostility").items
        for cell in table.column(f"step_{item}")
        for code in str(cell).split()
    ]
    assert len(written) == len(steps.thresholds)
    # The first step of HOSTIL03 lies at .10, the bin "0.0 to 0.5".
    names = [words("en").write(cell) for cell in table.column("ability_bin")]
    assert table.column("step_HOSTIL03")[names.index("0.0 to 0.5")] == "1"


def test_bins_of_few_people_are_hidden() -> None:
    section = item_response.run(instrument(NAME), people(160))
    published = disclosure.publish(section)
    before, after = (one.table("wright_leadership").column("n") for one in (section, published))
    small = [place for place, n in enumerate(before) if 0 < n < disclosure.THRESHOLD]
    assert small
    assert all(isinstance(after[place], Hidden) for place in small)
    assert sum(isinstance(cell, Hidden) for cell in after) > 1


def test_nothing_is_said_of_single_persons(lq2002: Section) -> None:
    assert max(len(table.rows) for table in lq2002.tables) < 30
    keys = {note.key for note in lq2002.notes}
    assert "graded.note.never_persons" in keys


def test_small_scales_have_no_model_and_the_reason_is_said() -> None:
    loaded = instrument(NAME)
    scales = tuple(
        scale.model_copy(update={"items": scale.items[:2]}) if scale.id == "significance" else scale
        for scale in loaded.scales
    )
    changed = loaded.model_copy(update={"scales": scales})
    section = item_response.run(changed, survey(NAME), fits=fits(NAME))
    said = [words("en").say(note) for note in section.notes]
    assert (
        "Task significance is not included: it has 2 items, and the model needs at least 3." in said
    )
    assert "TSIG01" not in column(section, "graded_items", "discrimination")


def test_a_constant_item_leaves_its_scale_without_a_model() -> None:
    scored = survey(NAME).scored.assign(HOSTIL01=1.0)
    found = graded_models(instrument(NAME), with_answers(NAME, scored))
    assert found["hostility"].model is None
    assert found["hostility"].reason is not None
    assert "HOSTIL01" in words("en").say(found["hostility"].reason)
    assert found["leadership"].model is not None


def test_numbers_without_categories_have_no_such_model() -> None:
    name = "mental_ability"
    section = item_response.run(instrument(name), survey(name), fits=fits(name))
    assert section.answer.key == "graded.answer.none"
    assert section.tables == ()
    said = [words("en").say(note) for note in section.notes]
    assert any("the answers are numbers without categories" in text for text in said)
