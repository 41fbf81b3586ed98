"""Functions at several levels in the bundled simulated survey, held against what was planted."""

import pickle
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analyses import figures, levels
from analyses.across_levels import nesting, raters, standing, variance
from analyses.across_levels.design import design_of
from analyses.across_levels.leaders import Leaders, finding
from analyses.across_levels.parts import Parts, parts
from analyses.across_levels.referents import Referents, referents
from analyses.comparing.licences import Licences
from analyses.disclosure import THRESHOLD, publish
from analyses.intake.cross_section import one_wave
from analyses.intake.survey import Survey, read_survey
from analyses.section import Message, Section
from analyses.simulating.structure import structure
from analyses.wording import words
from instruments.population import load_population
from instruments.rules import Rules
from tests.analyses.demonstrations import instrument, survey
from tests.analyses.test_wording import messages

KKS = instrument("coupling")
FUNCTIONS = ("bro", "kom", "kor", "kop")


@pytest.fixture(scope="module")
def answers() -> Survey:
    return one_wave(KKS, read_survey(KKS.demonstration_path(), KKS), None)


@pytest.fixture(scope="module")
def across(answers: Survey) -> Referents:
    found = referents(KKS, answers)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def found(across: Referents) -> Parts:
    return parts(across)


@pytest.fixture(scope="module")
def section(found: Parts) -> Section:
    return Section("levels", found.answer, found.findings, found.tables, found.figures)


def test_what_was_worked_out_can_be_sent_to_another_process(across: Referents) -> None:
    sent = pickle.loads(pickle.dumps(across))
    assert sent.design.levels == across.design.levels
    assert any(one.make_check is not None for one in across.two_levels)


def test_the_design_is_read_from_the_instrument(across: Referents) -> None:
    design = across.design
    assert design.levels == ("I", "G", "O", "L")
    assert design.functions == FUNCTIONS
    assert [len(design.items(level)) for level in design.levels] == [24, 12, 12, 12]
    assert design.shifted["bro"]["O"] == {f"I_bro{k}": f"O_bro{k}" for k in (1, 2, 4)}


@pytest.mark.parametrize("name", ["mental_ability", "leadership_climate", "coupling"])
def test_a_survey_about_one_level_has_no_design(name: str) -> None:
    assert design_of(instrument(name), survey(name)) is None
    assert referents(instrument(name), survey(name)) is None


def test_the_stated_model_is_judged_through_one_with_fewer_unknowns(
    across: Referents, found: Parts
) -> None:
    # Sixteen close factors from a tenth of the pairs of answers: not positive definite together.
    assert across.model is not None
    assert across.model.outcome == "improper"
    judged = next(one for one in found.findings if one.id == "referents_M12")
    assert judged.verdict == "good"
    keys = [note.key for note in judged.notes]
    assert keys == [
        "levels.referents.standing_instead",
        "levels.referents.instead",
        "levels.referents.unbounded",
    ]
    assert found.answer.key == "levels.referents.answer.confirmed"


@pytest.mark.parametrize(
    ("changes", "judgement"),
    [
        ({"factor_distinct_upper": 0.70}, "undecided"),
        ({"factor_distinct_upper": 0.65, "factor_distinct_doubtful": 0.70}, "refuted"),
    ],
)
def test_the_verdict_follows_the_rules(
    across: Referents, changes: dict[str, float], judgement: str
) -> None:
    altered = {
        name: getattr(KKS.rules, name).model_copy(update={"value": value})
        for name, value in changes.items()
    }
    rules: Rules = KKS.rules.model_copy(update=altered)
    other = replace(across, instrument=KKS.model_copy(update={"rules": rules}))
    # What has been fitted already is the same.
    for name in ("model", "matrix", "contrasts"):
        other.__dict__[name] = getattr(across, name)
    assert standing.stand(other).judgement == judgement


def _true_correlations() -> pd.DataFrame:
    true = structure(KKS, load_population(KKS))
    return pd.DataFrame(true.pooled, index=list(true.names), columns=list(true.names))


def test_what_levels_share_is_what_was_planted(across: Referents) -> None:
    true = _true_correlations()
    rows = pd.concat([one.sums for one in across.shares])
    assert len(rows) == 12
    z = []
    for row in rows.to_dict("records"):
        share = true.loc[row["trait"], row["specific"]] ** 2
        z.append((row["consistency"] - share) / row["se"])
    # A tenth of the answers are careless, which draws all correlations together a little.
    assert np.max(np.abs(z)) < 4
    assert np.mean(np.abs(z)) < 2


def test_correlations_across_levels_exceed_those_within_as_planted(across: Referents) -> None:
    true = _true_correlations()
    result = across.contrasts.result
    assert result is not None
    for row in result.contrasts.to_dict("records")[:4]:
        own = [row["trait"], *(f"{level}_{row['trait']}" for level in "GOL")]
        same = [true.loc[a, b] for a in own for b in own if a < b]
        within = [
            true.loc[name, f"{name[:2] if '_' in name else ''}{other}"]
            for name in own
            for other in FUNCTIONS
            if other != row["trait"]
        ]
        planted = np.mean(same) - np.mean(within)
        assert abs(row["difference"] - planted) < 3.5 * row["se"]


def test_gaps_are_those_of_the_planted_difficulties(across: Referents, found: Parts) -> None:
    table = next(one for one in found.tables if one.id == "referent_standing")
    rows = dict(zip(FUNCTIONS, table.rows, strict=True))
    # Items of the workplace are harder by .067 and .083 on average (population.toml), over
    # loadings of about .7 and .74: the same answers stand for less.
    for name, planted in (("bro", -0.094), ("kor", -0.112)):
        assert rows[name][1] == 0.0
        estimate, lower, upper = (rows[name][k] for k in (3, 7, 8))
        assert abs(float(estimate) - planted) < 0.75 * (float(upper) - float(lower))  # type: ignore[arg-type]
    # Two items of the individual were made easier than the others.
    assert across.alike["kom"].result is not None
    assert across.alike["kom"].result.released == ("I_kom3 ~1",)


def test_leaders_rate_themselves_higher_as_planted(found: Parts) -> None:
    gap = next(one for one in found.findings if one.id == "self_other")
    assert gap.claim.key == "levels.raters.higher"
    (number,) = gap.evidence
    assert number.lower is not None
    assert number.upper is not None
    assert number.lower < 0.4 < number.upper
    table = next(one for one in found.tables if one.id == "self_other")
    assert table.column("n_self")[0] == 153


def test_the_surface_rests_on_units_and_shows_no_point_with_few(across: Referents) -> None:
    led = Leaders(across)
    assert (led.level, led.outcome) == ("L", "O")
    pairs = led.pairs
    assert (pairs["n"] >= 3).all()
    assert led.surface.result is not None
    assert led.surface.result.n_obs == len(pairs) == 76
    assert led.surface.result.n_clusters == pairs["organisation"].nunique()
    # What one unit's answers are, by hand.
    name, row = next(iter(pairs.iterrows()))
    own = across.survey.data["unit"] == name
    self_rated = across.survey.self_ratings[own].dropna(how="all").mean(axis=1)
    assert row["self"] == pytest.approx(self_rated.mean())
    assert led.near(1.0, 1.0) < THRESHOLD


def test_coherence_is_told_for_every_two_levels(found: Parts) -> None:
    table = next(one for one in found.tables if one.id == "level_coherence")
    assert len(table.rows) == 6
    for lower, value, upper in zip(
        *(table.column(name) for name in ("icc1.lower", "icc1", "icc1.upper")), strict=True
    ):
        assert isinstance(value, float)
        assert float(lower) < value < float(upper)  # type: ignore[arg-type]


def test_levels_go_together_across_organisations(found: Parts) -> None:
    table = next(one for one in found.tables if one.id == "level_associations")
    assert len(table.rows) == 6
    ends = (table.column(name) for name in ("ci.lower", "between_places", "ci.upper"))
    for lower, value, upper in zip(*ends, strict=True):
        assert float(lower) < float(value) < float(upper)  # type: ignore[arg-type]
        # Organisations that stand high at one level do so at the others.
        assert float(lower) > 0  # type: ignore[arg-type]


def test_places_have_no_names_and_no_order(across: Referents, found: Parts) -> None:
    table = next(one for one in found.tables if one.id == "shrunken_places")
    names = set(across.survey.data["organisation"].dropna().astype(str))
    said = words("da")
    assert not names & {said.write(cell) for cell in table.column("place")}
    means = [float(value) for value in table.column("shrunken_mean")]  # type: ignore[arg-type]
    assert means != sorted(means)
    # Neither the numbers of answers nor the widths of intervals tell how many answered.
    assert "respondents" not in {column.name for column in table.columns}
    ends = (table.column(name) for name in ("ci.lower", "ci.upper", "size_band"))
    widths = {(str(band), round(float(b) - float(a), 9)) for a, b, band in zip(*ends, strict=True)}  # type: ignore[arg-type]
    assert len(widths) == len(set(map(str, table.column("size_band"))))
    # By chance, yet the same each time.
    again = variance.places_table(Leaders(across))
    assert again is not None
    assert again.rows == table.rows
    # Which place each is, disclosure control knows, and no reader.
    assert table.unnamed is not None
    assert len(set(table.unnamed.groups)) == len(table.rows)
    assert set(map(str, table.unnamed.groups)) <= names
    assert publish(Section("levels", Message("a"), tables=(table,))).tables[0].unnamed is None


def test_everything_is_drawn_and_said_in_both_languages(section: Section) -> None:
    published = publish(section)
    tables = {table.id: table for table in published.tables}
    assert len(published.figures) == 9
    for language in ("da", "en"):
        said = words(language)
        texts = [said.say(message) for message in messages(published)]
        assert not [text for text in texts if re.search(r"[{}]", text) or "signifik" in text]
    for figure in published.figures:
        picture = figures.svg(figure, tables[figure.table], words("da"))
        assert 'role="img"' in picture
        assert words("da").say(figure.alt)[:30] in picture


def test_leaders_without_a_unit_are_counted_and_left_out(across: Referents) -> None:
    rows = across.survey.data.copy()
    led = Leaders(across)
    unit = led.pairs.index[0]
    leader = (rows["unit"] == unit) & across.survey.self_ratings.notna().any(axis=1)
    rows.loc[leader, "unit"] = np.nan
    other = Leaders(replace(across, survey=replace(across.survey, data=rows)))
    assert unit not in other.pairs.index
    assert other.n_without_unit == leader.sum()
    notes = list(nesting.notes(KKS, other.across.survey))
    assert [note.key for note in notes] == ["levels.nesting.nowhere", "levels.nesting.leaders"]
    assert notes[1].values["n"] == leader.sum()


def test_sizes_of_places_are_told_in_bands_that_hold_several() -> None:
    assert list(variance._bands(pd.Series([5, 9, 10, 19, 20, 400] * 5))[:6]) == [
        *("small", "small", "middle", "middle", "large", "large"),
    ]
    assert set(variance._bands(pd.Series([5, 25, 26, 27, 28, 29]))) == {"any"}


def test_each_level_of_the_models_of_two_levels_stands_by_itself(found: Parts) -> None:
    table = next(one for one in found.tables if one.id == "level_fit")
    assert table.column("level_counts") == (959, 60) * 3
    # The same at both levels, so that the model with equal loadings gives nothing up by level.
    assert table.column("df") == (48, 48, 48, 48, 50, 50)
    check = next(one for one in found.findings if one.id == "two_levels_check_M13")
    assert check.claim.key == "levels.two.check.agrees"


def test_few_units_give_no_surface(across: Referents) -> None:
    rows = across.survey.data
    few = rows["unit"].where(rows["unit"].isin(Leaders(across).pairs.index[:10]))
    other = Leaders(replace(across, survey=replace(across.survey, data=rows.assign(unit=few))))
    said = finding(other)
    assert said is not None
    assert said.claim == Message("levels.leaders.claim.none", {"n": 10, "needed": 30})


def test_without_self_ratings_nothing_is_said_of_them(across: Referents) -> None:
    nobody = across.survey.self_ratings.mask(across.survey.self_ratings.notna())
    other = replace(across, survey=replace(across.survey, self_ratings=nobody))
    assert raters.finding(other) is None
    assert raters.table(other) is None
    assert finding(Leaders(other)) is None


def test_numbers_given_anew_and_units_in_two_organisations_are_told_apart() -> None:
    small = survey("coupling")
    number = small.data.groupby("organisation")["unit"].transform(
        lambda own: pd.factorize(own)[0] + 1
    )
    repeated = replace(small, data=small.data.assign(unit=number))
    (note,) = nesting.notes(KKS, repeated)
    assert note.key == "levels.nesting.repeated"
    assert note.values["names"][0] == "1"  # type: ignore[index]
    moved = small.data.copy()
    first, *_, last = moved["organisation"].unique()
    one = moved.index[moved["organisation"] == first][0]
    moved.loc[one, "organisation"] = last
    (note,) = nesting.notes(KKS, replace(small, data=moved))
    assert note.key == "levels.nesting.two"
    assert note.values["names"] == (str(small.data.loc[one, "unit"]),)


def test_one_unit_leaves_nothing_to_share_out() -> None:
    small = survey("coupling")
    alone = replace(small, data=small.data.assign(unit="u", organisation="o"))
    section = levels.run(KKS, alone, granted=Licences())
    assert "variance_shares" not in {table.id for table in section.tables}
    assert "levels.note.refused" in {note.key for note in section.notes}


def test_shares_of_variance_add_up_and_follow_the_mixed_model() -> None:
    small = survey("coupling")
    scores = pd.DataFrame({"bro": small.scored[[f"I_bro{k}" for k in range(1, 7)]].mean(axis=1)})
    table = variance.shares_table(KKS, small, scores)
    assert table is not None
    (row,) = table.rows
    assert [column.name for column in table.columns][1:4] == [
        "share_persons",
        "unit",
        "organisation",
    ]
    assert sum(row[1:4]) == pytest.approx(1.0)  # type: ignore[arg-type]
    # Planted: 8 % between organisations and 5 % between units, of factors with errors added.
    assert 0.01 < float(row[3]) < 0.12  # type: ignore[arg-type]
