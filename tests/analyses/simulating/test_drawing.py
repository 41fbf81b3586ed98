"""What is drawn is what the population states: sizes, people, missing and careless answers."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import instruments
from analyses.errors import AnalysisError
from analyses.fielding.questionnaire import form_items
from analyses.simulating import careless
from analyses.simulating.drawing import CLEAN, Wanted, draw
from analyses.simulating.mark import COLUMN, MARK
from analyses.simulating.people import organisation_sizes
from instruments.population import CARELESS_KINDS
from tests.analyses.simulating.surveys import KKS, SEED, drawn, large, population

# In the simulated survey everybody's effort began at once, and there are no cohorts.
BACKGROUND = [c for c in KKS.columns if c.role not in ("seconds", "start", "cohort")]
ITEMS = [item for item in KKS.item_ids if item not in KKS.check_ids]


@pytest.fixture(scope="module")
def first() -> pd.DataFrame:
    return drawn().first_wave


@pytest.fixture(scope="module")
def kinds() -> pd.Series:
    who = drawn().careless
    return who.loc[who["wave"] == "1", "kind"]


def test_there_are_60_organisations_of_8_to_80(first: pd.DataFrame) -> None:
    sizes = first.groupby("organisation").size()
    assert len(first) == 1800
    assert len(sizes) == 60
    assert (sizes.min(), sizes.max()) == (8, 80)
    # Most are small, and a few are large.
    assert sizes.median() < sizes.mean()


def test_units_and_professions_cross(first: pd.DataFrame) -> None:
    by_organisation = first.groupby("organisation")
    assert set(by_organisation["unit"].nunique()) == {2, 3, 4}
    assert set(by_organisation["profession"].nunique()) == {2, 3, 4}
    assert first.groupby(["organisation", "profession"]).ngroups == 180
    assert (first.groupby("unit")["organisation"].nunique() == 1).all()
    # Units hold people of several professions, and professions people of several units.
    assert (first.groupby("unit")["profession"].nunique() > 1).mean() > 0.8
    groups = first.groupby(["organisation", "profession"])["unit"].nunique()
    assert (groups > 1).mean() > 0.8


def test_leaders_are_central_and_decentral_and_enough_to_compare(first: pd.DataFrame) -> None:
    leads = first["role"] == "leader"
    assert (leads == (first["tier"] != "none")).all()
    assert set(first["tier"]) == {"none", "decentral", "central"}
    leaders = leads.groupby(first["organisation"]).sum()
    raters = (~leads).groupby(first["organisation"]).sum()
    assert ((leaders >= 3) & (raters >= 10)).sum() >= 20
    assert leads.sum() >= 200


def test_background_holds_the_instrument_s_columns_and_values(first: pd.DataFrame) -> None:
    assert list(first.columns[: len(BACKGROUND)]) == [column.name for column in BACKGROUND]
    for column in BACKGROUND:
        assert first[column.name].notna().all()
        if column.values:
            assert set(first[column.name]) <= set(column.values)
    assert (first.groupby("organisation")["effort"].nunique() == 1).all()
    taking_part = first.groupby("organisation")["effort"].first().value_counts()
    assert dict(taking_part) == {"effort": 30, "comparison": 30}


def test_what_is_missing_by_design_is_what_the_rotation_says(first: pd.DataFrame) -> None:
    assert KKS.rotation is not None
    versions = [version.id for version in KKS.rotation.versions]
    assert first["form"].value_counts().reindex(versions).between(257, 258).all()
    for version in versions:
        own = first[first["form"] == version]
        asked = set(form_items(KKS, version))
        answered = own[list(KKS.item_ids)].notna().mean()
        assert (answered[[item for item in KKS.item_ids if item not in asked]] == 0).all()
        assert answered[[item for item in KKS.item_ids if item in asked]].min() > 0.88
    coverage = first[["G_bro1", "zone1"]].notna()
    assert coverage.all(axis=1).mean() == pytest.approx(2 / 7, abs=0.03)


def test_ordinary_answers_are_missing_more_often_with_little_education() -> None:
    data = drawn(SEED, Wanted(careless=False, flat=False, planned=False)).first_wave
    blank = data[ITEMS].isna().mean(axis=1)
    assert 0.02 < blank.mean() < 0.05
    by_education = blank.groupby(data["education"]).mean()
    assert by_education["unskilled"] > by_education["long"] + 0.005
    codes = data[ITEMS].stack()
    # 9 is "don't know" and 8 "not relevant"; nobody but staff functions meets so few citizens.
    unknown = (data[ITEMS] == 9).mean()
    assert unknown[["L_bro1", "O_bro1"]].min() > 3 * unknown[["I_bro1", "I_kop1"]].max()
    staff = data["unit_type"] == "staff"
    irrelevant = data["I_kop2"] == 8
    assert irrelevant[staff].mean() > 5 * irrelevant[~staff].mean()
    assert set(codes.dropna()) == {1, 2, 3, 4, 5, 8, 9}


def test_answers_are_skewed_as_answers_about_oneself_are() -> None:
    shares = (
        KKS.score(drawn(SEED, CLEAN).data)[list(KKS.form("individual").items)]
        .stack()
        .value_counts(normalize=True)
    )
    assert shares[[3, 4]].sum() > 0.6
    assert shares[1] < 0.05
    assert (shares > 0.01).all()


def test_a_tenth_answers_carelessly_a_third_of_them_in_each_way(kinds: pd.Series) -> None:
    counts = kinds.value_counts()
    assert counts[list(CARELESS_KINDS)].tolist() == [60, 60, 60]
    assert counts[careless.FLAT] == 49
    assert counts.sum() == 1800


def test_careless_respondents_answer_as_their_kind_does(
    first: pd.DataFrame, kinds: pd.Series
) -> None:
    answers = first[ITEMS].where(lambda codes: codes <= 5)
    most = answers.apply(lambda row: row.value_counts(normalize=True).iloc[0], axis=1)
    assert most[kinds == "straightline"].min() > 0.7
    assert most[kinds == "random"].max() < 0.45
    assert most[kinds == careless.FLAT].mean() > most[kinds == careless.ATTENTIVE].mean() + 0.1
    checks = {item: KKS.item(item).instructed for item in KKS.check_ids}
    answered = first[list(checks)]
    passed = ((answered == pd.Series(checks)) | answered.isna()).all(axis=1)
    assert passed[kinds == careless.ATTENTIVE].mean() > 0.94
    assert passed[kinds.isin(["straightline", "random"])].mean() < 0.2


def test_attention_ends_between_30_and_70_per_cent_of_the_form() -> None:
    who = drawn().careless
    share = who["read"] / who["asked"]
    assert share[who["kind"] == "partial"].between(0.29, 0.72).all()
    assert share[who["kind"] == "partial"].std() > 0.08
    assert (share[who["kind"].isin(["attentive", "flat"])] == 1).all()
    assert (share[who["kind"].isin(["random", "straightline"])] == 0).all()


def test_reversed_items_are_turned_by_readers_and_not_by_those_who_do_not_read() -> None:
    data, who = drawn().data, drawn().careless
    scored = KKS.score(data)
    for kind, sign in (("attentive", 1), ("straightline", -1)):
        own = scored[who["kind"] == kind]
        assert np.sign(own["I_bro3"].corr(own["I_bro1"])) == sign


def test_most_respondents_answer_again_and_drop_out_by_what_is_known_of_them() -> None:
    data = drawn().data
    first, second = (data[data["wave"] == wave] for wave in ("1", "2"))
    assert second["respondent"].is_unique
    assert set(second["respondent"]) < set(first["respondent"])
    stays = first["respondent"].isin(second["respondent"])
    assert 0.7 < stays.mean() < 0.8
    by_education = stays.groupby(first["education"]).mean()
    assert by_education["unskilled"] < by_education[["skilled", "medium"]].min()
    both = first.merge(second, on="respondent")
    for name in ("organisation", "profession", "form", "crossboundary", "effort"):
        assert (both[f"{name}_x"] == both[f"{name}_y"]).all()


def test_the_same_seed_gives_the_same_answers_and_another_seed_others() -> None:
    again = draw(KKS, population(), seed=SEED)
    assert_frame_equal(again.data, drawn().data)
    assert_frame_equal(again.careless, drawn().careless)
    assert not drawn(SEED + 1).data.equals(drawn().data)


@pytest.mark.parametrize("part", ["careless", "flat", "noninvariance", "missing"])
def test_leaving_out_one_part_changes_nothing_else(part: str) -> None:
    whole = drawn()
    less = drawn(SEED, replace(Wanted(), **{part: False}))
    background = [column.name for column in BACKGROUND]
    assert_frame_equal(less.data[background], whole.data[background])
    ours, theirs = less.data[ITEMS], whole.data[ITEMS]
    same = (ours == theirs) | (ours.isna() & theirs.isna())
    assert 0 < (~same).to_numpy().mean() < 0.1


def test_only_planted_items_change_with_the_planted_non_invariance() -> None:
    wanted = Wanted(careless=False, flat=False)
    whole, less = drawn(SEED, wanted), drawn(SEED, replace(wanted, noninvariance=False))
    differs = (whole.data[ITEMS].fillna(0) != less.data[ITEMS].fillna(0)).any()
    assert set(differs[differs].index) == {one.item for one in population().noninvariance}
    moved = whole.data["I_bro2"].fillna(0) != less.data["I_bro2"].fillna(0)
    assert (whole.data.loc[moved, "role"] == "leader").all()


def test_a_clean_draw_has_every_answer_once() -> None:
    clean = drawn(SEED, CLEAN)
    assert set(clean.data["wave"]) == {"1"}
    assert set(clean.data["form"]) == {"full"}
    assert clean.data[ITEMS].isin([1, 2, 3, 4, 5]).all(axis=None)
    assert set(clean.careless["kind"]) == {careless.ATTENTIVE}


@pytest.mark.parametrize("form", ["short", "standard", "individual"])
def test_any_form_can_be_answered(form: str) -> None:
    found = draw(KKS, population(), seed=SEED, form=form)
    items = [name for name in found.data.columns if name in KKS.all_item_ids]
    assert set(items) == set(KKS.form(form).items)
    assert set(found.data["form"]) == {form}
    assert len(found.first_wave) == 1800


def test_every_row_says_that_it_is_simulated() -> None:
    assert (drawn().data[COLUMN] == MARK).all()


def test_a_larger_population_has_more_organisations_of_the_same_sizes() -> None:
    sizes = large().data.groupby("organisation").size()
    assert len(sizes) == 720
    assert sizes.sum() == 21_600
    assert sizes.between(8, 80).all()


def test_sizes_add_up_whatever_the_limits() -> None:
    rng = np.random.default_rng(1)
    tight = population().sizes.model_copy(
        update={"organisations": 10, "respondents": 85, "smallest": 8, "largest": 9}
    )
    sizes = organisation_sizes(tight, rng)
    assert sizes.sum() == 85
    assert set(sizes) == {8, 9}


def test_a_form_that_is_not_there_is_refused() -> None:
    with pytest.raises(AnalysisError, match='no form "kort" to answer; "coupling" has full, st'):
        draw(KKS, population(), seed=1, form="kort")


def test_a_network_that_no_variables_have_is_refused() -> None:
    stated = population()
    scales = tuple(
        scale.model_copy(update={"network": {"I": 0.9, "G": 0.1, "O": 0.1, "L": 0.1}})
        if scale.id == "norms"
        else scale
        for scale in stated.scales
    )
    with pytest.raises(AnalysisError, match='the network of "norms" is impossible'):
        draw(KKS, stated.model_copy(update={"scales": scales}), seed=1)
    pair = stated.residual_correlations[0].model_copy(update={"value": 0.99})
    changed = stated.model_copy(update={"residual_correlations": (pair,) * 2})
    with pytest.raises(AnalysisError, match=r'no variables correlate in this way.*"role_conflict"'):
        draw(KKS, changed, seed=1)


def test_the_bundled_instruments_without_a_population_are_left_alone() -> None:
    for name in instruments.names():
        demonstration = instruments.load(name).demonstration
        assert demonstration is not None
        assert (demonstration.population is not None) == demonstration.simulated
