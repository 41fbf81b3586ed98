"""Plans of studies: every claim is made ready, searched for and told in both languages."""

from dataclasses import replace

import pytest

import instruments
from analyses import planning
from analyses.errors import AnalysisError
from analyses.export import one_section
from analyses.studies.asked import PLANS, planned
from analyses.studies.stated import CORRELATION, ICC, LOADING, Source
from analyses.studies.wishes import CLAIMS, Wish
from analyses.wording import LANGUAGES, words
from measure.errors import OptionError
from tests.analyses.test_glossary import unexplained

COUPLING, ABILITY = "coupling", "mental_ability"


@pytest.fixture(scope="module")
def coupling():
    return instruments.load(COUPLING)


@pytest.fixture(scope="module")
def plan(coupling):
    wish = Wish("omega", repeats=20, loading=0.75, missing=0.05)
    return planning.run(coupling, wish)


def test_there_is_a_plan_for_every_claim():
    assert tuple(PLANS) == CLAIMS


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize("name", [COUPLING, ABILITY])
def test_every_claim_is_made_ready_and_can_be_drawn(claim, name):
    import numpy as np

    asked = instruments.load(name)
    ready = planned(asked, Wish(claim))
    n = 30 if claim == "wedge" else 400
    assert ready.claim(n, np.random.default_rng(1)) in (True, False)
    assert ready.begin <= Wish(claim).most
    values = {key: where for key, _, where in ready.taken}
    origin = "stated" if name == COUPLING else "usual"
    assert values["loadings"] == origin
    assert ("thresholds" in values) == (name == COUPLING)
    # Where a formula is given, it is a number that a study can have.
    assert ready.closed is None or 2 <= ready.closed[0] < 100_000


def test_values_of_the_population_are_those_of_the_file(coupling):
    source = Source.of(coupling)
    wish = Wish("fits")
    taken = source.items(["I_bro1", "I_kop6"], wish)
    assert list(taken.loadings.values()) == pytest.approx([0.74, 0.6])
    assert taken.thresholds["I_bro1"] == pytest.approx((-1.75, -0.85, 0.15, 1.4))
    between, origin = source.correlations(["bro", "kom"], wish)
    assert (between[0, 1], origin) == (pytest.approx(0.78 * 0.8), "stated")
    assert source.icc("O_bro", wish) == (pytest.approx(0.21), "stated")
    asked = replace(wish, loading=0.6, correlation=0.3, icc=0.2)
    assert set(source.items(["I_bro1"], asked).loadings.values()) == {0.6}
    assert source.correlations(["bro", "kom"], asked)[1] == "asked"
    assert source.icc("bro", asked) == (0.2, "asked")


def test_usual_values_are_taken_where_nothing_is_stated():
    source = Source.of(instruments.load(ABILITY))
    wish = Wish("fits")
    taken = source.items(["x1", "x2"], wish)
    assert set(taken.loadings.values()) == {LOADING}
    assert taken.thresholds == {}
    assert source.correlations(["a", "b"], wish)[0][0, 1] == CORRELATION
    assert source.icc("visual", wish) == (ICC, "usual")


def test_the_plan_tells_the_number_its_error_and_what_was_taken(coupling, plan):
    (finding,) = plan.findings
    (n,) = finding.evidence
    assert n.lower < n.value < n.upper
    sizes = plan.table("planning_power").column("size")
    assert list(sizes) == sorted(sizes)
    taken = plan.table("planning_taken")
    keys = [cell.key for cell in taken.column("taken")]
    assert keys == [
        "planning.taken.loadings",
        "planning.taken.thresholds",
        "planning.taken.missing",
    ]
    where = [cell.key for cell in taken.column("taken_from")]
    assert where == ["planning.origin.asked", "planning.origin.stated", "planning.origin.asked"]
    report = planning.report(coupling, plan)
    assert report.simulated
    assert unexplained(report) == set()
    for language in LANGUAGES:
        said = words(language)
        page = one_section.page(report, said)
        assert said.write(int(n.value)) in said.say(plan.answer)
        assert said.say(plan.answer) in page
        assert "<img" in page


def test_a_plan_tells_how_far_it_has_come_and_what_n_comes_to(coupling):
    wish = Wish("icc2", scale="O_bro", repeats=20, clusters=30, seed=4)
    told: list[tuple[str, float]] = []
    who = planning.execution(1, lambda step, share: told.append((step, share)))
    one = planning.run(coupling, wish, execution=who)
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert 0 < shares[-1] < 1
    (finding,) = one.findings
    # Thirty units, and how many people each has to have.
    assert [note.key for note in finding.notes] == ["planning.per.members", "planning.closed.icc2"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"claim": "all"}, '"all" is no claim'),
        ({"claim": "omega", "target": 1.0}, "the power is 1,"),
        ({"claim": "omega", "target": 0.0}, "the power is 0,"),
        ({"claim": "omega", "loading": 1.0}, "loading is 1,"),
        ({"claim": "omega", "loading": 0.0}, "have one above 0"),
        ({"claim": "omega", "missing": -0.1}, "missing is -0.1"),
        ({"claim": "omega", "least": 1.0}, "least is 1"),
        ({"claim": "omega", "repeats": 5}, "repeats is 5"),
        ({"claim": "wedge", "periods": 2}, "periods is 2"),
        ({"claim": "icc2", "clusters": 600, "most": 1000}, "600 clusters cannot be filled"),
        ({"claim": "gain", "size": 60, "most": 100}, "no two clusters of 60"),
    ],
)
def test_impossible_wishes_are_refused(options, message):
    with pytest.raises(AnalysisError, match=message):
        Wish(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"claim": "omega", "scale": "norms"}, '"norms" is no reflective scale'),
        ({"claim": "fits", "rival": "M4"}, '"M4" is no rival'),
        ({"claim": "loading", "item": "O_bro1"}, '"O_bro1" is no item of "M2"'),
        ({"claim": "difference", "effect": 0.0}, "not 0, and below 5"),
    ],
)
def test_what_the_instrument_has_not_is_refused(coupling, options, message):
    with pytest.raises(AnalysisError, match=message):
        planned(coupling, Wish(**options))


def test_a_claim_that_the_population_contradicts_is_refused(coupling):
    wish = Wish("omega", least=0.95, repeats=20, most=300)
    with pytest.raises(OptionError, match="0% of studies with 300 respondents"):
        planning.run(coupling, wish)
