from dataclasses import replace

import pytest

import measure
from analyses import confirmatory
from analyses.modelling import rivals, robust_check
from analyses.modelling.fits import Fitted, fit_models, fit_reference
from analyses.section import Section, Text
from analyses.wording import words
from measure.errors import ListwiseWarning
from tests.analyses.demonstrations import (
    evidence,
    finding,
    fits,
    instrument,
    numbers,
    survey,
    with_answers,
    with_model,
    with_rule,
)
from tests.reference_cases import case


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


def test_findings_alone_are_those_of_the_section(coupling: Section) -> None:
    found = confirmatory.findings(instrument("coupling"), survey("coupling"), fits=fits("coupling"))
    assert found == coupling.findings


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
    loaded = instrument("coupling")
    assert coupling.table("models").column("model") == tuple(
        model.id for model in (*loaded.rivals, *loaded.awaited_models)
    )
    assert coupling.table("checks").column("model") == tuple(model.id for model in loaded.rivals)


def test_a_model_that_awaits_something_is_a_row_and_no_failed_rival() -> None:
    loaded = with_model("coupling", "M13", awaits={"da": "Kræver mere.", "en": "Needs more."})
    awaited = loaded.awaited_models
    assert [model.id for model in awaited] == ["M13"]
    coupling = confirmatory.run(loaded, survey("coupling"), fits=fits("coupling"))
    tried = set(coupling.table("comparison").column("model"))
    judged = {part.id for part in coupling.findings}
    for model in awaited:
        shown = row(coupling, "models", model.id)
        outcome = shown.pop("outcome")
        assert outcome.values["reason"] == Text(dict(model.awaits))
        assert words("da").say(outcome).startswith("Afventer og er ikke forsøgt beregnet. Kræver ")
        assert set(list(shown.values())[2:]) == {None}
        assert model.id not in tried
        assert f"rival_{model.id}" not in judged
        assert model.id not in coupling.table("checks").column("model")
    assert "confirmatory.note.awaited" in {note.key for note in coupling.table("models").notes}


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
        "M10": "never_on_fit",
        "M11": "never_on_fit",
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
    # lavaan 0.6-14: cfa(model, lq2002, estimator = "MLR", cluster = "COMPID"). It has no WLSMV
    # with clusters; without them, see the next test.
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
    name = "leadership_climate"
    as_numbers = confirmatory.run(instrument(name), survey(name), fits=numbers(name))
    for three in (
        row(as_numbers, "models", "three_factors"),
        row(climate, "checks", "three_factors"),
    ):
        for name, value in expected.items():
            assert three[name] == pytest.approx(value, rel=1e-6)
    pairs = as_numbers.table("factor_correlations")
    assert pairs.column("ci.lower") == pytest.approx((0.532, -0.462, -0.437), abs=5e-4)
    assert pairs.column("ci.upper") == pytest.approx((0.628, -0.365, -0.321), abs=5e-4)


def test_numbers_of_lq2002_as_ordered_answers_are_those_of_lavaan() -> None:
    loaded, answers = instrument("leadership_climate"), survey("leadership_climate")
    alone = replace(answers, data=answers.data.drop(columns="COMPID"))
    section = confirmatory.run(loaded, alone, fits=fit_reference(loaded, alone))
    content = case("cfa_lq2002_leadership_wlsmv")
    three = row(section, "models", "three_factors")
    # What is expected of chi-square rests here on the observed information, which lavaan has not;
    # by products of scores the numbers are lavaan's.
    text, items = loaded.reference_model.syntax, alone.scored
    observed = measure.cfa(text, items, ordered=True, information="observed").fit_measures
    products = measure.cfa(text, items, ordered=True).fit_measures
    for name in ("chisq.scaled", "cfi.robust", "tli.robust", "rmsea.robust"):
        assert three[name] == pytest.approx(observed[name], rel=1e-9)
        assert products[name] == pytest.approx(content["fit_measures"][name], rel=1e-5)
    assert three["srmr_bentler_nomean"] == pytest.approx(content["fit_measures"]["srmr"], rel=1e-5)
    assert (three["df"], three["npar"]) == (149, 98)
    assert "aic" not in three
    table = section.table("loadings")
    loadings = dict(zip(table.column("item"), table.column("loading"), strict=True))
    # The case names the factors by letters.
    theirs = {
        entry["rhs"]: entry["std.all"] for entry in content["parameters"] if entry["op"] == "=~"
    }
    assert loadings == pytest.approx(theirs, rel=1e-5)


def test_the_numbers_are_those_of_measure() -> None:
    name = "coupling"
    text = instrument(name).reference_model.syntax
    data = survey(name).scored.assign(unit=survey(name).data["unit"])
    items = list(survey(name).scored.columns)
    with pytest.warns(ListwiseWarning):
        fit = measure.cfa(
            text, data, ordered=items, missing="pairwise", cluster="unit", information="observed"
        )
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


def lines(section: Section) -> dict[str, dict[str, object]]:
    """Give the rows of the check, by what they are about."""
    table = section.table("check")
    names = [part.name for part in table.columns]
    return {
        words("en").write(cells[0]): dict(zip(names, cells, strict=True)) for cells in table.rows
    }


def test_both_computations_stand_side_by_side(climate: Section) -> None:
    found = lines(climate)
    three, check = (row(climate, name, "three_factors") for name in ("models", "checks"))
    for label, name in (("Robust CFI", "cfi.robust"), ("Robust RMSEA", "rmsea.robust")):
        shown = found[label]
        assert (shown["by_ordinal"], shown["by_check"]) == (three[name], check[name])
        assert shown["difference"] == pytest.approx(check[name] - three[name])
        assert shown["by_ordinal.verdict"].key == "index.poor"
    pair = found["Correlation of Leadership climate and Hostility"]
    assert pair["by_ordinal"] == climate.table("factor_correlations").column("correlation")[1]
    assert pair["by_check.verdict"].key == "check.distinct.distinct"
    assert found["Model one_factor, which merges factors"]["by_check.verdict"].key == (
        "standing.rejected"
    )


def test_the_loading_that_differs_most_is_shown(climate: Section) -> None:
    fitted = fits("leadership_climate")["three_factors"]
    assert fitted.check is not None
    own, other = (
        robust_check.loadings(fit)
        for fit in (fitted.usable, fitted.check.usable)
        if fit is not None
    )
    sizes = {item: abs(own[factor, item] - other[factor, item]) for factor, item in own}
    worst = max(sizes, key=lambda item: sizes[item])
    assert f"Largest difference in a loading: {worst} on Hostility" in lines(climate)
    entry = finding(climate, "check")
    assert evidence(entry, "largest_loading_difference") == pytest.approx(sizes[worst])


def test_where_all_verdicts_are_the_same_the_check_speaks_for_them(climate: Section) -> None:
    entry = finding(climate, "check")
    assert (entry.verdict, entry.claim.key) == ("information", "check.claim.agrees")
    assert evidence(entry, "verdicts_differing") == 0
    assert evidence(entry, "verdicts_compared") == len(climate.table("check").rows)
    assert entry.notes == ()
    assert climate.answer.key == "confirmatory.answer.reference"


@pytest.mark.parametrize(
    ("rule", "numbers_", "told"),
    [
        # RMSEA is .131 of ordered answers and .102 of numbers.
        ("global_fit_acceptable", {"rmsea": 0.11}, "Robust RMSEA: “outside the limits”"),
        # The loading of HOSTIL02 is .82 of ordered answers and .69 of numbers.
        ("loading_keep", {"value": 0.75}, "HOSTIL02 on Hostility: “keep”"),
        # Leadership and task significance correlate .593 [.548, .637], and .580 [.532, .628].
        (
            "factor_distinct_upper",
            {"value": 0.632},
            "Task significance: “doubtful whether distinct”",
        ),
    ],
)
def test_a_verdict_that_hangs_on_the_method_is_said_in_words(
    rule: str, numbers_: dict[str, float], told: str
) -> None:
    name = "leadership_climate"
    changed = with_rule(name, rule, **numbers_)
    section = confirmatory.run(changed, survey(name), fits=fits(name))
    entry = finding(section, "check")
    assert (entry.verdict, entry.claim.key) == ("undecided", "check.claim.differs")
    assert any(told in words("en").say(note) for note in entry.notes)
    assert len(entry.notes) == evidence(entry, "verdicts_differing")
    assert section.answer.key == "confirmatory.answer.check_differs"
    said = words("da").say(section.answer)
    assert "Kontrolberegningen, der regner svarene som tal, giver en anden vurdering" in said
    changed_rows = [cells for cells in section.table("check").rows if cells[-1].key == "check.no"]
    assert len(changed_rows) == len(entry.notes)


def test_models_that_are_not_nested_are_set_beside_each_other_by_the_check(
    coupling: Section,
) -> None:
    entry = finding(coupling, "rival_M5")
    assert entry.claim.key == "confirmatory.claim.rival_not_nested_check"
    named = {number.name.removeprefix("statistic."): number for number in entry.evidence}
    bic = named["delta_bic_check"]
    shown = {name: row(coupling, "checks", name)["bic"] for name in ("M2", "M5")}
    assert bic.value == pytest.approx(shown["M5"] - shown["M2"])
    assert bic.lower is not None
    assert bic.upper is not None
    assert bic.lower < bic.value < bic.upper
    own = measure.vuong(*(numbers("coupling")[name].fit for name in ("M5", "M2")))
    assert named["vuong_nearer"].value == pytest.approx(own.tests["pvalue"].iloc[4])
    assert named["vuong_distinguishable"].value == pytest.approx(own.tests["pvalue"].iloc[0])
    for name in ("delta_bic_check", "vuong_nearer"):
        assert words("en").write(named[name].provenance.estimator).startswith("MLR")


def test_of_answers_taken_as_numbers_bic_has_its_own_name() -> None:
    section = confirmatory.run(instrument("coupling"), survey("coupling"), fits=numbers("coupling"))
    entry = finding(section, "rival_M5")
    assert entry.claim.key == "confirmatory.claim.rival_not_nested"
    assert {"statistic.delta_bic", "statistic.vuong_nearer"} <= {n.name for n in entry.evidence}
    assert not {"check", "checks"} & {table.id for table in section.tables}
    assert "confirmatory.note.categories" in {note.key for note in section.notes}


def test_a_check_that_stands_in_is_never_silent() -> None:
    name = "leadership_climate"
    scored = survey(name).scored.copy()
    scored["LEAD02"] = (scored["LEAD01"] > 3).map({True: 4.0, False: 2.0})
    section = confirmatory.run(instrument(name), with_answers(name, scored))
    entry = finding(section, "check_fallback")
    assert entry.verdict == "undecided"
    said = words("da").say(entry.claim)
    assert "på ordnede svar gav ingen brugbar løsning" in said
    assert "(MLR)" in said
    assert "determine each other" in words("da").say(entry.notes[0])
    assert section.answer.key == "confirmatory.answer.fallback"
    assert "method.note.fallback" in {note.key for note in section.notes}
    assert "check" not in {table.id for table in section.tables}
    for number in finding(section, "global_fit").evidence:
        assert words("en").write(number.provenance.estimator).startswith("MLR")


def test_a_check_that_fails_is_said_so() -> None:
    name = "leadership_climate"
    fitted = fits(name)
    failed = Fitted(instrument(name).reference_model, "not_converged", error="no minimum")
    without = {key: replace(entry, check=failed) for key, entry in fitted.items()}
    section = confirmatory.run(instrument(name), survey(name), fits=without)
    entry = finding(section, "check_no_check")
    assert entry.verdict == "information"
    assert "no minimum" in words("en").say(entry.notes[0])
    assert "second_opinion" not in {found.id for found in section.findings}
    assert finding(section, "global_fit").verdict == "poor"


def test_the_path_diagram_shows_the_ordinal_model(climate: Section) -> None:
    table = climate.table("paths")
    assert "WLSMV" in words("en").write(table.provenance.estimator)
    loadings = set(climate.table("loadings").column("loading"))
    assert loadings <= set(table.column("standardized"))
