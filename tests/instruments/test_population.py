"""The stated population: it is read whole, and what is wrong with it is named with its place."""

from collections.abc import Callable
from pathlib import Path

import pytest

import instruments
from instruments import InstrumentError
from instruments.population import Population, load_population

KKS = instruments.load("coupling")
assert KKS.demonstration is not None
assert KKS.demonstration.population is not None
TEXT = (KKS.origin.parent / KKS.demonstration.population).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def population() -> Population:
    return load_population(KKS)


@pytest.fixture
def refusal(tmp_path: Path) -> Callable[[str, str], str]:
    def refused(old: str, new: str) -> str:
        assert TEXT.count(old) >= 1
        path = tmp_path / "mine.toml"
        path.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(InstrumentError) as caught:
            load_population(KKS, path)
        message = str(caught.value)
        assert message.startswith(f"{path}\n    ")
        return message.split("\n    ", 1)[1]

    return refused


def test_it_states_every_scale_of_the_forms(population: Population) -> None:
    stated = {scale.id for scale in population.scales}
    asked = {item for form in KKS.forms for item in form.items}
    assert stated == {scale.id for scale in KKS.scales if set(scale.items) & asked}


def test_loadings_are_those_of_usual_items(population: Population) -> None:
    loadings = [one for scale in population.scales for one in scale.loadings]
    assert min(loadings) >= 0.55
    assert max(loadings) <= 0.80


def test_the_planted_non_invariance_is_as_agreed(population: Population) -> None:
    shifts = [
        (one.parameter, one.value, one.shift, one.threshold) for one in population.noninvariance
    ]
    assert shifts == [
        ("threshold", "leader", 0.5, 3),
        ("threshold", "leader", 0.5, 2),
        ("loading", "unskilled", -0.25, None),
    ]
    assert len({one.item for one in population.noninvariance}) == 3


def test_it_cannot_be_changed(population: Population) -> None:
    with pytest.raises(ValueError, match="frozen"):
        population.other_role = 0.5  # type: ignore[misc]


def test_an_instrument_without_one_is_refused_by_name() -> None:
    with pytest.raises(InstrumentError, match='"mental_ability" states no population'):
        load_population(instruments.load("mental_ability"))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("other_role = 0.02", "", "other_role: the field is missing"),
        ("other_role = 0.02", "other_role = 2.0", "other_role: Input should be less than or equal"),
        ("other_role = 0.02", "odd = 1", "odd: there is no such field"),
        ("respondents = 1800", "respondents = 9000", "hold 480 to 4800 respondents, not 9000"),
        ("smallest = 8", "smallest = 90", "smallest is larger than largest"),
        ("smallest = 8", "smallest = 3", "fewer respondents than units or professions"),
        ("share = 0.6\n", "share = 0.7\n", "sectors: the shares add up to 1.1, not 1"),
        ("service = { unskilled = 0.75,", "service = { unskilled = 0.8,", 'of "service": the sh'),
        ('"care", "pedagogy"', '"cars", "pedagogy"', '"profession" has no value "cars"'),
        ("seniority = {", "senioritas = {", 'no background column "senioritas"'),
        ('id = "kor"\nloading = 0.82', 'id = "kar"\nloading = 0.82', 'function "kar": the'),
        ("correlations = { I = 0.82 }", "", 'level "G", correlations: those with'),
        (
            "shares = { organisation = 0.18, unit = 0.03, group = 0.02 }",
            "shares = { organisation = 0.18, unit = 0.8, group = 0.02 }",
            'level "O", shares: organisation, unit and group add up to 1 or more',
        ),
        ("loadings = [0.74, 0.66, ", "loadings = [0.74, ", 'scale "bro", loadings: 5 for 6 items'),
        ("loadings = [0.74, 0.66, ", "loadings = [1.74, 0.66, ", 'scale "bro", loadings.0: '),
        ("item_correlation = 0.34", "loadings = [0.5, 0.5, 0.5]", '"norms": the instrument says'),
        ("item_correlation = 0.34\n", "", 'scale "norms": give loadings (reflective) or'),
        ("item_correlation = 0.34", "item_correlation = -0.1", 'scale "norms", item_correlation'),
        ('thresholds = "agree"', 'thresholds = "agreed"', 'no set of thresholds "agreed"'),
        ("agree = [-2.05, -1.15,", "agree = [-1.05, -1.15,", '"agree": they do not ascend'),
        ("agree = [-2.05, -1.15,", "agree = [-1.15,", '"I_bro1" has 5 answers'),
        ('id = "G_bro"', 'id = "G_bru"', 'scale "G_bru": the instrument has no such scale'),
        ('id = "G_kom"', 'id = "G_bro"', 'scale "G_bro" occurs twice'),
        ("climate = 0.65\nshares = {", "climate = 0.65\nsharks = {", "sharks: there is no such"),
        (
            "climate = 0.65\nshares = { organisation = 0.05, unit = 0.02, group = 0.03 }",
            "climate = 0.65",
            'scale "trust_rational", shares: the field is missing',
        ),
        ("network = { I = 0.46, G", "network = { J = 0.46, G", '"trust_rational", network: a corr'),
        ("not_relevant = 0.006\n", "climate = 0.3\n", 'scale "bro": a function has its network'),
        ('first = "role_conflict"', 'first = "conflict"', 'there is no condition "conflict"'),
        ('value = "leader"\nlevel', 'value = "boss"\nlevel', 'column "role" has no value "boss"'),
        ('level = "L"\nshift', 'level = "M"\nshift', 'differences: there is no level "M"'),
        ('item = "I_bro2"', 'item = "norm1"', 'noninvariance: "norm1" is in no reflective scale'),
        ("threshold = 3\n", "threshold = 5\n", 'noninvariance: "I_bro2" has no threshold 5'),
        ("threshold = 3\n", "", "non-invariance number 1: threshold numbers the one that"),
        ('parameter = "loading"', 'parameter = "slope"', "one of 'threshold' or 'loading'"),
        ("effort_gain = { I = 0.35,", "effort_gain = {", "change, effort_gain: one for each of"),
        ("stability = { organisation = 0.9,", "stability = {", "change, stability: one for org"),
        ('scale = "exchange_zones", per', 'scale = "zones", per', "moderator: there is no condit"),
        ('item = "I_kop2"', 'item = "I_kop9"', 'missing, not_relevant: there is no item "I_kop9"'),
        ("favourites = { 2 = 0.1,", "favourites = { 2 = 0.2,", "favourites: the shares add up to"),
        ("attentive_from = 0.3", "attentive_from = 0.8", "attentive_from is larger than"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(
    refusal: Callable[[str, str], str], old: str, new: str, expected: str
) -> None:
    assert expected in refusal(old, new)


def test_a_file_that_is_not_toml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("sizes = {", encoding="utf-8")
    with pytest.raises(InstrumentError, match="not valid TOML"):
        load_population(KKS, path)
