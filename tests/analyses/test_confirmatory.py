import pytest

import measure
from analyses import confirmatory, rivals
from analyses.fits import fit_models
from analyses.section import Section
from analyses.wording import words
from measure.errors import ListwiseWarning
from tests.analyses.demonstrations import (
    evidence,
    finding,
    fits,
    instrument,
    survey,
    with_model,
    with_rule,
)


@pytest.fixture(scope="module")
def abilities() -> Section:
    name = "mental_ability"
    return confirmatory.run(instrument(name), survey(name), fits=fits(name))


@pytest.fixture(scope="module")
def coupling() -> Section:
    return confirmatory.run(instrument("coupling"), survey("coupling"), fits=fits("coupling"))


def row(section: Section, table_id: str, first: str) -> dict[str, object]:
    table = section.table(table_id)
    cells = next(cells for cells in table.rows if cells[0] == first)
    return dict(zip([part.name for part in table.columns], cells, strict=True))


def test_numbers_of_holzinger_and_swineford_by_maximum_likelihood() -> None:
    name = "mental_ability"
    plain = fit_models(instrument(name), survey(name), estimator="ML")
    section = confirmatory.run(instrument(name), survey(name), fits=plain)
    three = row(section, "models", "three_factors")
    expected = {
        "chisq": 85.306,
        "df": 24,
        "cfi": 0.9306,
        "rmsea": 0.0921,
        "rmsea.ci.lower": 0.0714,
        "rmsea.ci.upper": 0.1137,
        "srmr_bentler_nomean": 0.0652,
        "aic": 7517.490,
        "bic": 7595.339,
        "npar": 21,
    }
    for name, value in expected.items():
        assert three[name] == pytest.approx(value, abs=6e-4 if value > 50 else 6e-5)


def test_every_model_of_the_instrument_is_a_row(coupling: Section) -> None:
    assert coupling.table("models").column("model") == tuple(
        model.id for model in instrument("coupling").models
    )


def standings(section: Section) -> dict[str, str]:
    table = section.table("comparison")
    return {
        str(model): standing.key.removeprefix("standing.")
        for model, standing in zip(table.column("model"), table.column("standing"), strict=True)
    }


def test_rivals_are_judged_each_in_its_own_way(coupling: Section, abilities: Section) -> None:
    assert standings(coupling) == {
        "M1": "rejected",
        "M2": "reference",
        "M3": "preferred",
        "M4": "never_on_fit",
        "M4s": "never_on_fit",
        "M5": "not_nested",
        "M6": "rejected",
        "M7": "rejected",
        "M8": "rejected",
        "M9": "rejected",
    }
    assert standings(abilities)["second_order"] == "equivalent"
    assert standings(abilities)["bifactor"] == "never_on_fit"


def test_a_better_fitting_bifactor_is_not_preferred(abilities: Section) -> None:
    assert (
        row(abilities, "models", "bifactor")["cfi.robust"]
        > row(abilities, "models", "three_factors")["cfi.robust"]
    )
    assert abilities.answer.key == "confirmatory.answer.reference"


def test_merged_factors_are_judged_by_the_correlation_and_not_by_chi_square(
    coupling: Section,
) -> None:
    merged = finding(coupling, "rival_M8")
    assert {number.name for number in merged.evidence} == {"statistic.factor_correlation"}
    (number,) = merged.evidence
    assert number.upper is not None
    assert number.upper < 0.85
    strict = with_rule("coupling", "factor_distinct_upper", value=0.5)
    doubtful = confirmatory.run(strict, survey("coupling"), fits=fits("coupling"))
    assert standings(doubtful)["M8"] == "undecided"
    assert finding(doubtful, "rival_M8").verdict == "undecided"
    rules = strict.rules
    low = rules.factor_distinct_doubtful.model_copy(update={"value": 0.55})
    same = strict.model_copy(
        update={"rules": rules.model_copy(update={"factor_distinct_doubtful": low})}
    )
    section = confirmatory.run(same, survey("coupling"), fits=fits("coupling"))
    assert standings(section)["M8"] == "preferred"
    assert section.answer.key == "confirmatory.answer.simpler"


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ("simpler_delta_cfi", -0.01),
        ("simpler_delta_rmsea", -0.01),
        # I_bro4 with I_kor1 is .084 in M3 and .075 in M2.
        ("simpler_residual_correlation", 0.08),
    ],
)
def test_a_simpler_model_is_preferred_by_all_three_rules(
    coupling: Section, rule: str, value: float
) -> None:
    assert standings(coupling)["M3"] == "preferred"
    assert coupling.answer.values["simpler"].values["id"] == "M3"
    stricter = with_rule("coupling", rule, value=value)
    again = confirmatory.run(stricter, survey("coupling"), fits=fits("coupling"))
    assert standings(again)["M3"] == "rejected"


def test_the_global_verdict_turns_with_the_rule_s_number(coupling: Section) -> None:
    assert finding(coupling, "global_fit").verdict == "good"
    for name, value, verdict in (("cfi", 0.999, "acceptable"), ("srmr", 0.001, "acceptable")):
        changed = with_rule("coupling", "global_fit_good", **{name: value})
        section = confirmatory.run(changed, survey("coupling"), fits=fits("coupling"))
        assert finding(section, "global_fit").verdict == verdict


def test_every_index_of_the_verdict_names_estimator_n_and_source(abilities: Section) -> None:
    entry = finding(abilities, "global_fit")
    assert [number.name for number in entry.evidence] == [
        f"statistic.{name}"
        for name in ("cfi.robust", "tli.robust", "rmsea.robust", "srmr_bentler_nomean")
    ]
    for number in entry.evidence:
        assert words("en").write(number.provenance.estimator) == "MLR, robust standard errors"
        assert number.provenance.n_obs == 301
        assert number.provenance.source
    # lavaan 0.6-14: cfi.robust of estimator="MLR".
    assert evidence(entry, "cfi.robust") == pytest.approx(0.92986393570, abs=1e-6)


def test_residual_correlations_are_the_largest_ones(abilities: Section) -> None:
    shown = [abs(value) for value in abilities.table("residuals").column("residual")]
    assert shown == sorted(shown, reverse=True)
    fit = fits("mental_ability")["three_factors"].fit
    assert fit is not None
    assert shown[0] == max(abs(value) for value in rivals.residual_pairs(fit).values())


def test_a_model_that_is_not_identified_is_a_row_with_its_reason() -> None:
    loaded = with_model("mental_ability", "two_factors", syntax="a =~ x1 + x2")
    section = confirmatory.run(loaded, survey("mental_ability"))
    failed = row(section, "models", "two_factors")
    assert failed["chisq.scaled"] is None
    assert failed["outcome"].key == "outcome.not_identified"
    assert standings(section)["two_factors"] == "not_fitted"
    assert finding(section, "rival_two_factors").notes[0].key == "outcome.not_identified"


def test_a_model_of_items_that_were_not_asked_names_them() -> None:
    loaded = with_model("mental_ability", "two_factors", syntax="a =~ x1 + x2 + x3 + x10")
    section = confirmatory.run(loaded, survey("mental_ability"))
    assert row(section, "models", "two_factors")["outcome"].values["items"] == ("x10",)


def test_an_improper_solution_is_shown_and_not_judged() -> None:
    # The residual variance of x4 is forced below zero.
    text = instrument("mental_ability").model("three_factors").syntax + "\nx4 ~~ -0.1*x4"
    loaded = with_model("mental_ability", "two_factors", syntax=text)
    section = confirmatory.run(loaded, survey("mental_ability"))
    improper = row(section, "models", "two_factors")
    assert improper["outcome"].key == "outcome.improper"
    assert improper["chisq.scaled"] is not None
    assert standings(section)["two_factors"] == "not_fitted"


def test_a_model_of_other_items_is_not_compared() -> None:
    loaded = with_model("mental_ability", "two_factors", syntax="a =~ x1 + x2 + x3 + x4")
    section = confirmatory.run(loaded, survey("mental_ability"))
    assert standings(section)["two_factors"] == "not_comparable"
    assert row(section, "comparison", "two_factors")["delta_cfi.robust"] is None


def test_a_reference_model_that_fails_is_said_so() -> None:
    # The residual variance of x4 is forced below zero.
    text = instrument("mental_ability").reference_model.syntax + "\nx4 ~~ -0.1*x4"
    loaded = with_model("mental_ability", "three_factors", syntax=text)
    fitted = fit_models(loaded, survey("mental_ability"))
    section = confirmatory.run(loaded, survey("mental_ability"), fits=fitted)
    assert section.answer.key == "confirmatory.answer.no_reference"
    assert section.answer.values["reason"].key == "outcome.improper"
    assert finding(section, "global_fit").verdict == "undecided"
    assert standings(section)["one_factor"] == "undecided"
    assert "loadings" not in {table.id for table in section.tables}


def test_a_reference_model_that_is_not_identified_is_said_so() -> None:
    loaded = with_model("mental_ability", "three_factors", syntax="a =~ x1 + x2")
    section = confirmatory.run(loaded, survey("mental_ability"))
    assert section.answer.values["reason"].key == "outcome.not_identified"
    assert finding(section, "global_fit").verdict == "undecided"


@pytest.fixture(scope="module")
def climate() -> Section:
    name = "leadership_climate"
    return confirmatory.run(instrument(name), survey(name), fits=fits(name))


def test_numbers_of_lq2002_allow_for_companies(climate: Section) -> None:
    # lavaan 0.6-14: cfa(model, lq2002, estimator = "MLR", cluster = "COMPID").
    expected = {
        "chisq.scaled": 2675.395097,
        "df": 149,
        "cfi.robust": 0.8483735503,
        "tli.robust": 0.8259857523,
        "rmsea.robust": 0.1020546748,
        "rmsea.ci.lower.robust": 0.09868530379,
        "rmsea.ci.upper.robust": 0.1054618885,
        "srmr_bentler_nomean": 0.05657473653,
    }
    three = row(climate, "models", "three_factors")
    for name, value in expected.items():
        assert three[name] == pytest.approx(value, rel=1e-6)
    pairs = climate.table("factor_correlations")
    assert pairs.column("ci.lower") == pytest.approx((0.532, -0.462, -0.437), abs=5e-4)
    assert pairs.column("ci.upper") == pytest.approx((0.628, -0.365, -0.321), abs=5e-4)


def test_the_numbers_are_those_of_measure() -> None:
    name = "coupling"
    text = instrument(name).reference_model.syntax
    data = survey(name).scored.assign(unit=survey(name).data["unit"])
    with pytest.warns(ListwiseWarning):
        fit = measure.cfa(text, data, estimator="MLR", missing="fiml", cluster="unit")
    section = confirmatory.run(instrument(name), survey(name), fits=fits(name))
    shown = row(section, "models", "M2")
    columns = [part.name for part in section.table("models").columns[2:-1]]
    assert "cfi.robust" in columns
    for label in columns:
        assert shown[label] == pytest.approx(fit.fit_measures[label], rel=1e-9)
    table = section.table("loadings")
    own = measure.standardized(fit).query("op == '=~'")
    for label, theirs in (("loading", "est.std"), ("ci.lower", "ci.lower")):
        assert table.column(label) == pytest.approx(own[theirs].tolist(), rel=1e-9)


def test_an_estimator_without_scaled_test_has_plain_indices_under_their_names() -> None:
    name = "mental_ability"
    fitted = fit_models(instrument(name), survey(name), estimator="GLS")
    section = confirmatory.run(instrument(name), survey(name), fits=fitted)
    three = row(section, "models", "three_factors")
    reference = fitted["three_factors"].fit
    assert reference is not None
    assert three["chisq"] == reference.fit_measures["chisq"]
    assert three["cfi"] == reference.fit_measures["cfi"]
    assert three["bic"] is None
    entry = finding(section, "global_fit")
    assert {number.name for number in entry.evidence} >= {"statistic.cfi", "statistic.rmsea"}
    assert not [note for note in entry.notes if "kind" in note.key]
    assert "delta_cfi" in row(section, "comparison", "one_factor")


def test_scaled_indices_are_named_so_where_there_are_no_robust_ones() -> None:
    name = "mental_ability"
    fitted = fit_models(instrument(name), survey(name), estimator="MLMVS")
    section = confirmatory.run(instrument(name), survey(name), fits=fitted)
    three, reference = row(section, "models", "three_factors"), fitted["three_factors"].fit
    assert reference is not None
    for label in ("cfi.scaled", "rmsea.scaled", "rmsea.ci.upper.scaled", "df.scaled"):
        assert three[label] == reference.fit_measures[label]
    notes = {note.key for note in finding(section, "global_fit").notes}
    assert "confirmatory.note.kind_scaled" in notes
