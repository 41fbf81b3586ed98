"""COSMIN's ratings on findings with known numbers, by the criteria of Prinsen et al. 2018."""

import pytest

from analyses.argument import cosmin
from analyses.argument.found import found
from analyses.section import (
    Column,
    Finding,
    Message,
    Provenance,
    Quantity,
    Section,
    Table,
    Verdict,
)
from tests.analyses.demonstrations import instrument

ML = Provenance("ML", 500, "")
SAID = Message("plain", {"text": "said"})
INDICES = ("cfi.robust", "tli.robust", "rmsea.robust", "srmr_bentler_nomean")


def _number(name: str, value: float | None) -> Quantity:
    return Quantity(f"statistic.{name}", value, ML)


def _section(section: str, *findings: Finding, tables: tuple[Table, ...] = ()) -> Section:
    return Section(section, SAID, findings, tables)


def _finding(finding: str, verdict: Verdict, *numbers: Quantity) -> Finding:
    return Finding(finding, SAID, verdict, evidence=numbers)


def _fit(*values: float | None) -> Section:
    numbers = (_number(name, value) for name, value in zip(INDICES, values, strict=True))
    return _section("confirmatory", _finding("global_fit", "poor", *numbers))


def _alphas(*values: float | None) -> Section:
    scales = ("bro", "kom", "kor", "kop")
    return _section(
        "reliability",
        *(
            _finding(f"reliability_{scale}", "good", _number("alpha", value))
            for scale, value in zip(scales, values, strict=False)
        ),
        _finding("further_G_bro", "poor", _number("alpha", 0.2)),
    )


GOOD, BAD = _fit(0.96, 0.94, 0.09, 0.10), _fit(0.95, 0.95, 0.06, 0.08)


def _rated(name: str, *sections: Section) -> cosmin.Rating:
    return cosmin.rate(instrument("coupling"), found(sections))[name]


def test_without_sections_there_is_no_evidence_and_each_property_says_what_is_missing():
    ratings = cosmin.rate(instrument("coupling"), found(()))
    assert list(ratings) == list(cosmin.PROPERTIES)
    for name, rating in ratings.items():
        assert rating == cosmin.Rating("none", (), (Message(f"cosmin.missing.{name}"),))


@pytest.mark.parametrize(
    ("values", "sign"),
    [
        ((0.951, 0.90, 0.10, 0.10), "sufficient"),
        ((0.90, 0.951, 0.10, 0.10), "sufficient"),
        ((0.90, 0.90, 0.059, 0.10), "sufficient"),
        ((0.90, 0.90, 0.10, 0.079), "sufficient"),
        ((0.95, 0.95, 0.06, 0.08), "insufficient"),
        ((None, None, None, 0.079), "sufficient"),
        ((None, 0.90, 0.10, 0.10), "indeterminate"),
        ((None, None, None, None), "indeterminate"),
    ],
)
def test_one_index_on_the_right_side_of_its_limit_makes_the_structure_sufficient(values, sign):
    rating = _rated("structural", _fit(*values))
    assert rating.sign == sign
    assert [number.value for number in rating.numbers] == list(values)


@pytest.mark.parametrize(
    ("structure", "alphas", "sign"),
    [
        (GOOD, (0.70, 0.90), "sufficient"),
        (GOOD, (0.699, 0.90), "insufficient"),
        (GOOD, (None, 0.90), "indeterminate"),
        (BAD, (0.90, 0.90), "indeterminate"),
        (BAD, (0.50, 0.90), "indeterminate"),
    ],
)
def test_alpha_counts_only_where_the_structure_is_sufficient(structure, alphas, sign):
    rating = _rated("internal", structure, _alphas(*alphas))
    assert rating.sign == sign
    # Scales outside the model are counted in the remark and do not decide.
    assert [number.value for number in rating.numbers] == list(alphas)
    assert rating.remarks[-1].values["n"] == 1


@pytest.mark.parametrize(
    ("verdicts", "sign"),
    [
        ({"role": "good", "sector": "good"}, "sufficient"),
        ({"role": "good", "language": "information"}, "sufficient"),
        ({"role": "good", "sector": "acceptable"}, "insufficient"),
        ({"role": "poor", "sector": "good"}, "insufficient"),
        ({"language": "information"}, "none"),
    ],
)
def test_invariance_asks_that_nothing_differs_in_any_group_tested(verdicts, sign):
    findings = [
        _finding(f"invariance_{name}", verdict, _number("invariance_released", 0.0))
        for name, verdict in verdicts.items()
    ]
    check = _finding("invariance_check", "undecided", _number("verdicts_compared", 3.0))
    rating = _rated("invariance", _section("invariance", *findings, check))
    assert rating.sign == sign


@pytest.mark.parametrize(
    ("share", "verdict", "sign"),
    [
        (0.75, "good", "sufficient"),
        (0.749, "poor", "insufficient"),
        (1.0, "undecided", "indeterminate"),
        (None, "undecided", "none"),
    ],
)
def test_three_quarters_of_the_hypotheses_are_to_be_confirmed(share, verdict, sign):
    numbers = () if share is None else (_number("hypotheses_share", share),)
    section = _section("hypotheses", _finding("hypotheses_share", verdict, *numbers))
    assert _rated("hypotheses", section).sign == sign


def _gains(*verdicts: Verdict) -> Section:
    return _section(
        "hypotheses",
        *(
            _finding(f"hypothesis_K{place}", verdict, _number("hypothesis_gain", 0.3))
            for place, verdict in enumerate(verdicts)
        ),
        _finding("hypothesis_H01", "poor", _number("hypothesis_correlation", 0.1)),
    )


@pytest.mark.parametrize(
    ("verdicts", "sign"),
    [
        (("good",), "sufficient"),
        (("poor",), "insufficient"),
        (("undecided",), "indeterminate"),
        (("good", "good", "good", "undecided"), "sufficient"),
        (("good", "undecided"), "insufficient"),
        ((), "none"),
    ],
)
def test_responsiveness_rests_on_hypotheses_about_gain_alone(verdicts, sign):
    assert _rated("responsiveness", _gains(*verdicts)).sign == sign


def test_change_that_no_hypothesis_is_about_decides_nothing():
    assert _rated("responsiveness", _section("development")).sign == "indeterminate"


def _content(relevant: int, revise: int, experts: int = 6) -> Section:
    verdicts = ["relevant"] * relevant + ["revise"] * revise
    table = Table(
        "content_items",
        SAID,
        (
            Column("experts", SAID, "count", 0),
            Column("verdict", SAID, "message"),
        ),
        tuple((experts, Message(f"content.verdict.{verdict}")) for verdict in verdicts),
        ML,
    )
    return _section("content", _finding("content_scale", "good"), tables=(table,))


@pytest.mark.parametrize(
    ("relevant", "revise", "experts", "sign"),
    [
        (20, 0, 6, "indeterminate"),
        (17, 3, 6, "indeterminate"),
        (16, 4, 6, "insufficient"),
        (16, 4, 2, "indeterminate"),
    ],
)
def test_relevant_items_alone_never_make_content_sufficient(relevant, revise, experts, sign):
    rating = _rated("content", _content(relevant, revise, experts))
    assert rating.sign == sign
    assert rating.numbers[0].value == pytest.approx(relevant / (relevant + revise))


def test_the_table_gives_the_rating_the_rule_and_the_numbers_of_each_property():
    ratings = cosmin.rate(instrument("coupling"), found((GOOD, _alphas(0.8, 0.9))))
    table = cosmin.table(ratings)
    assert [cell.key for cell in table.column("property")] == [
        f"cosmin.property.{name}" for name in cosmin.PROPERTIES
    ]
    assert [cell.key for cell in table.column("rating")] == [
        f"cosmin.sign.{rating.sign}" for rating in ratings.values()
    ]
    written = [cell is not None for cell in table.column("numbers")]
    assert written == [bool(rating.numbers) for rating in ratings.values()]
    assert None not in table.column("remark")[4:7]
