"""The section of hypotheses: answer, findings in order, tables, and what it never does."""

import re
from dataclasses import replace

import pytest

from analyses import hypotheses
from analyses.comparing.licences import Licence, Licences
from analyses.ledger import findings, tables
from analyses.ledger.entries import Entry, Part
from analyses.ledger.judgement import score
from analyses.ledger.variables import Answers
from analyses.section import Message, Section
from analyses.wording import words
from instruments import Instrument
from tests.analyses.demonstrations import fits, granted, instrument, survey, taken_for_granted
from tests.analyses.test_wording import messages

KKS = instrument("coupling")


def _said(section: Section, language: str = "da") -> list[str]:
    said = words(language)
    return [said.say(message) for message in messages(section)]


@pytest.fixture(scope="module")
def section() -> Section:
    """The 24 statements alone: of the hypotheses only those about groups can be tested."""
    return _run(KKS)


def _run(loaded: Instrument) -> Section:
    """Run with K1 and K3 let through, whose groups are too small here to be tested."""
    licensed = taken_for_granted("ambassador", "crossboundary", by=granted("coupling"))
    return hypotheses.run(loaded, survey("coupling"), fits=fits("coupling"), granted=licensed)


def test_findings_alone_are_those_of_the_section(section: Section) -> None:
    licensed = taken_for_granted("ambassador", "crossboundary", by=granted("coupling"))
    own = fits("coupling")
    answers = Answers(KKS, survey("coupling"), own[KKS.reference_model.id].plan)
    assert hypotheses.findings(answers, fits=own, granted=licensed) == section.findings


def test_every_hypothesis_and_every_open_model_has_a_row(section: Section) -> None:
    ledger = section.table("ledger")
    stated = [hypothesis.id for hypothesis in KKS.hypotheses]
    assert list(ledger.column("hypothesis")[: len(stated)]) == stated
    models = set(ledger.column("hypothesis")[len(stated) :])
    assert models == {"M10", "M12", "M13", "M13e", "M13h", "M14"}
    said = words("da")
    rows = {row[0]: [said.write(cell) for cell in row[1:]] for row in ledger.rows}
    # These answers are about oneself alone.
    for name in ("K4", "H16", "M12", "M13"):
        assert rows[name][1] == "Ikke målt"
        assert rows[name][2].startswith(("Kræver svar på", "Skemaet stiller ikke"))
    assert rows["H07"][1] == "Ikke målt"
    assert rows["K5"][1:] == ["Ikke målt", "Kræver mindst to målinger og en sammenligningsgruppe."]
    assert rows["H14"][1:] == [
        "Ikke målt",
        "Kræver brugerens egne kolonner med udadvendthed og social ønskværdighed.",
    ]
    assert rows["K1"][1] in ("Bekræftet", "Afkræftet", "Uafklaret")


def test_under_ten_measured_there_is_no_verdict_on_the_whole(section: Section) -> None:
    assert section.answer.key == "hypotheses.answer.too_few"
    assert section.answer.values["n"] == 3
    whole = section.findings[0]
    assert whole.id == "hypotheses_share"
    assert whole.verdict == "undecided"
    assert "det er for få" in words("da").say(whole.claim)


def test_a_difference_stands_beside_what_was_expected(section: Section) -> None:
    table = section.table("ledger_differences")
    said = [words("en").write(row) for row in table.column("expectation")]
    columns = (table.column("band.lower"), table.column("band.upper"))
    bands = {row: band for row, *band in zip(said, *columns, strict=True)}
    assert [band for row, band in bands.items() if row.startswith("K1")] == [[0.4, None]]
    assert [band for row, band in bands.items() if row.startswith("K3")] == [[0.3, None]]
    assert all(band == [-0.3, 0.3] for row, band in bands.items() if row.startswith("K2"))
    for lower, value, upper in zip(
        *(table.column(name) for name in ("ci.lower", "difference_sd", "ci.upper")), strict=True
    ):
        assert lower < value < upper
    figure = next(one for one in section.figures if one.id == "ledger_differences")
    assert figure.channels["band_lower"] == "band.lower"
    assert "hypotheses.note.invariance" in {note.key for note in section.notes}


def test_groups_are_alike_where_every_pair_is_and_the_small_ones_are_named(
    section: Section,
) -> None:
    ledger = section.table("ledger")
    said = words("en")
    row = next([said.write(cell) for cell in row] for row in ledger.rows if row[0] == "K2")
    assert row[2] == "Undecided where it is measured"
    assert row[3].startswith("Of 6 expectations, 1 is confirmed and 1 is undecided.")
    # Of five levels of education only two are large enough for the model.
    assert "unskilled, short higher education and long higher education" in row[3].lower()
    assert "Fewer than two groups have at least 127 respondents" in row[3]


def test_a_difference_without_a_licence_is_not_estimated() -> None:
    closed = Licences(
        {
            one.name: Licence(one, "none", Message("licence.index"))
            for one in KKS.columns
            if one.name in ("ambassador", "role")
        }
    )
    found = hypotheses.run(KKS, survey("coupling"), fits=fits("coupling"), granted=closed)
    handed = hypotheses.judgements(found)
    assert handed["K1"] == Message("hypotheses.judgement.undecided")
    assert handed["K2"] == Message("hypotheses.judgement.undecided_partly")
    assert handed["K3"] == Message("hypotheses.judgement.not_measured")
    assert "ledger_differences" not in {table.id for table in found.tables}


def test_words_of_the_verdicts_are_handed_on(section: Section) -> None:
    handed = hypotheses.judgements(section)
    assert set(handed) >= {hypothesis.id for hypothesis in KKS.hypotheses}
    assert handed["K4"] == Message("hypotheses.judgement.not_measured")
    assert hypotheses.judgements(Section("hypotheses", Message("plain", {"text": ""}))) == {}


@pytest.mark.parametrize("language", ["da", "en"])
def test_everything_can_be_said(section: Section, language: str) -> None:
    said = _said(section, language)
    assert not [text for text in said if re.search(r"[{}]", text)]
    assert not [text for text in said if "signifik" in text.lower()]


def test_no_index_gets_alpha_or_a_factor(section: Section) -> None:
    names = {column.name for table in section.tables for column in table.columns}
    assert not {"alpha", "omega", "loading"} & names
    for scale in KKS.scales:
        if scale.kind == "index":
            for model in KKS.models:
                assert f"{scale.id} =~" not in model.syntax


def test_an_instrument_without_hypotheses_says_so() -> None:
    name = "mental_ability"
    found = hypotheses.run(instrument(name), survey(name), fits=fits(name))
    assert found.answer == Message("hypotheses.answer.no_hypotheses")
    assert found.tables == ()


def test_a_form_without_the_construct_measures_nothing() -> None:
    whole = survey("coupling")
    less = replace(whole, scored=whole.scored.drop(columns="I_bro1"))
    gone = {"outcome": "not_asked", "fit": None, "missing_items": ("I_bro1",)}
    without = {name: replace(entry, **gone) for name, entry in fits("coupling").items()}
    found = hypotheses.run(KKS, less, fits=without)
    assert found.answer.key == "hypotheses.answer.none"
    verdicts = {str(word.key) for word in hypotheses.judgements(found).values()}
    assert verdicts <= {f"hypotheses.judgement.{word}" for word in ("not_measured", "awaits")}


def _entry(name: str, judgement: str) -> Entry:
    hypothesis = next(one for one in KKS.hypotheses if one.id == name)
    part = Part(hypothesis.expectations[0], judgement)  # type: ignore[arg-type]
    return Entry(hypothesis, (part,), judgement)  # type: ignore[arg-type]


def test_what_did_not_hold_comes_first() -> None:
    standing = {"H02": "confirmed", "H03": "undecided", "H04": "refuted", "H06": "awaits"}
    made = [_entry(name, judgement) for name, judgement in standing.items()]
    found = list(findings.of_hypotheses(KKS, made))
    assert [one.id for one in found] == [
        "hypothesis_H04",
        "hypothesis_H03",
        "hypothesis_H02",
        "hypotheses_open",
    ]
    assert [one.verdict for one in found] == ["poor", "undecided", "good", "information"]
    said = words("da")
    assert said.say(found[0].claim).startswith("H04 er afkræftet. Hypotesen lød: ")
    assert said.say(found[-1].claim) == "1 hypotese er ikke afprøvet: H06. Tabellen siger hvorfor."


def test_the_whole_holds_with_three_in_four_confirmed() -> None:
    whole = score(["confirmed"] * 9 + ["undecided"] * 3, KKS.rules)  # type: ignore[list-item]
    found = findings.whole(KKS, whole)
    assert found.verdict == "good"
    assert found.evidence[0].value == 0.75
    assert found.rule is not None
    assert "75\N{NO-BREAK SPACE}%" in words("da").say(found.rule.text)


def test_a_hypothesis_of_several_parts_counts_them() -> None:
    hypothesis = next(one for one in KKS.hypotheses if one.id == "H01")
    judged = ["confirmed", "confirmed", "undecided", "refuted"]
    parts = tuple(
        Part(expectation, judgement)  # type: ignore[arg-type]
        for expectation, judgement in zip(hypothesis.expectations, judged, strict=False)
    )
    table = tables.ledger_table([Entry(hypothesis, parts, "refuted")], ())
    (reason,) = table.column("reason")
    assert words("da").write(reason) == (
        "Af 4 forventninger er 2 bekræftet, 1 uafklaret og 1 afkræftet."
    )


def test_bands_are_the_instruments(section: Section) -> None:
    stricter = _with_band("K1", lower=5.0)
    found = _run(stricter)
    assert found.table("ledger_differences").column("band.lower")[0] == 5.0
    assert hypotheses.judgements(found)["K1"] == Message("hypotheses.judgement.refuted")
    assert found.findings[1].id == "hypothesis_K1"
    assert found.findings[1].verdict == "poor"


def _with_band(name: str, **limits: float) -> Instrument:
    changed = []
    for hypothesis in KKS.hypotheses:
        expectations = tuple(
            one.model_copy(update=limits) if hypothesis.id == name else one
            for one in hypothesis.expectations
        )
        changed.append(hypothesis.model_copy(update={"expectations": expectations}))
    return KKS.model_copy(update={"hypotheses": tuple(changed)})
