import re
from dataclasses import replace
from io import BytesIO

import pytest
from pypdf import PdfReader

from analyses import figures, labels
from analyses.briefing.brief import Brief, compose
from analyses.export import pdf
from analyses.section import Finding, Message, Quantity, Report, Section, Verdict
from analyses.verdicts import LADDER, by_interval
from analyses.wording import catalogue, words
from instruments import lix
from tests.analyses import demonstrations
from tests.analyses.demonstrations import NAMES
from tests.analyses.reports import FIT, MARKED, ML, OMEGA, REPORT, plain

HIGHEST_LIX = 45


@pytest.fixture(scope="module", params=["da", "en"])
def language(request):
    return request.param


@pytest.fixture(scope="module", params=NAMES)
def validated(request: pytest.FixtureRequest) -> Report:
    return demonstrations.validated(request.param)


def _with(report: Report, section_id: str, **changes) -> Report:
    """Give the report with one of its sections changed, or with a section more."""
    if section_id not in {section.id for section in report.sections}:
        new = replace(Section(section_id, plain("Svar.", "Answer.")), **changes)
        return replace(report, sections=(*report.sections, new))
    sections = tuple(
        replace(section, **changes) if section.id == section_id else section
        for section in report.sections
    )
    return replace(report, sections=sections)


def _with_verdicts(reliability: Verdict, structure: Verdict) -> Report:
    omega = tuple(replace(finding, verdict=reliability) for finding in OMEGA)
    report = _with(REPORT, "reliability", findings=omega)
    return _with(report, "confirmatory", findings=(replace(FIT, verdict=structure),))


def _finding(finding_id: str, verdict: Verdict, *numbers: Quantity) -> Finding:
    return Finding(finding_id, plain("Påstand.", "Claim."), verdict, evidence=numbers)


def test_the_danish_is_easy_and_says_no_forbidden_word(validated):
    brief = compose(validated, words("da"))
    assert lix(brief.texts()) <= HIGHEST_LIX
    assert "signifikan" not in " ".join(brief.texts()).lower()
    rows = catalogue("da")
    spoken = [text for key, text in rows.items() if key.startswith("face.summary")]
    assert spoken
    assert not any("signifikan" in text.lower() for text in spoken)


def test_a_brief_has_its_parts(validated, language):
    said = words(language)
    brief = compose(validated, said)
    assert 3 <= len(brief.results) <= 5
    assert brief.figure is not None
    assert said.catalogue["face.summary.uses.person"] in brief.cannot
    assert all((brief.asked, brief.can, brief.context, brief.levels, brief.certainty, brief.method))
    assert len(brief.questions) <= 3
    if validated.instrument == "coupling":
        proposals = [one.proposal.split(":")[0] for one in brief.questions]
        assert len(set(proposals)) == 3
        assert set(proposals) <= {"P1", "P2", "P3", "P4"}
        assert brief.figure.domain == (1.0, 5.0)
        assert brief.figure.ends is not None
        assert said.write(brief.figure.ends[0]) in brief.results[0].text


def test_it_fills_two_pages_and_no_more(validated, language):
    said = words(language)
    figure = compose(validated, said).figure
    assert figure is not None
    section = next(one for one in validated.sections if figure in one.figures)
    drawn = {figure.id: figures.svg(figure, section.table(figure.table), said)}
    read = PdfReader(BytesIO(pdf.contents(validated, said, drawn)))
    assert len(read.pages) == 2


def test_every_decimal_number_is_one_that_is_published(validated, language):
    said = words(language)
    brief = compose(validated, said)
    number = re.compile(rf"\d+\{said.style.decimal}\d+")
    published = set()
    for section in validated.sections:
        for table in section.tables:
            for row in labels.rows(table, said):
                published |= {found for cell in row for found in number.findall(cell)}
        for finding in section.findings:
            for quantity in finding.evidence:
                published |= set(number.findall(said.quantity(quantity)))
    told = [one.text for one in brief.results] + [*brief.context, *brief.levels]
    found = {one for text in told for one in number.findall(text)}
    assert found
    assert found <= published


@pytest.mark.parametrize("reliability", LADDER)
@pytest.mark.parametrize("structure", LADDER)
def test_title_and_uses_follow_the_verdicts(reliability, structure, language):
    said = words(language)
    brief = compose(_with_verdicts(reliability, structure), said)
    rows = said.catalogue
    assert rows[f"face.summary.title.precision.{reliability}"] in brief.title
    assert rows[f"face.summary.title.structure.{structure}"] in brief.title
    uses = {key: rows[f"face.summary.uses.{key}"] for key in ("groups", "change", "person")}
    assert (uses["groups"] in brief.can) == (reliability in ("good", "acceptable"))
    supported = structure in ("good", "acceptable")
    assert (uses["change"] in brief.can) == (reliability == "good" and supported)
    not_divided = rows["face.summary.uses.structure_not"]
    assert (not_divided in brief.cannot) == (structure == "poor")
    assert uses["person"] in brief.cannot


@pytest.mark.parametrize("reliability", LADDER)
def test_a_result_is_headed_by_the_word_of_the_ladder(reliability, language):
    said = words(language)
    brief = compose(_with_verdicts(reliability, "good"), said)
    precision = next(one for one in brief.results if "0,8" in one.text or "0.8" in one.text)
    word = said.catalogue[f"verdict.{reliability}"]
    assert precision.verdict == f"{labels.SYMBOLS[reliability]} {word}"
    # The least precise scale, with its interval in words.
    between = {"da": "0,82 (mellem 0,81 og 0,83)", "en": "0.82 (between 0.81 and 0.83)"}[language]
    assert between in precision.text


def test_the_ladder_places_whole_intervals():
    steps = {(0.8, 0.9): "good", (0.7, 0.9): "acceptable", (0.6, 0.9): "undecided"}
    steps |= {(0.5, 0.69): "poor", (None, 0.9): "undecided"}
    for (lower, upper), expected in steps.items():
        assert by_interval(lower, upper, good=0.8, enough=0.7) == expected


def test_the_ladder_is_told_in_the_words_of_the_verdicts(language):
    said = words(language)
    told = " ".join(compose(REPORT, said).certainty)
    for _, word, meaning in labels.ladder(said):
        assert f"{word[:1].lower()}{word[1:]} = {meaning}" in told


def test_simulated_answers_allow_no_conclusion(language):
    said = words(language)
    brief = compose(MARKED, said)
    assert brief.can == (said.catalogue["face.summary.uses.practice"],)
    assert said.catalogue["face.summary.uses.person"] in brief.cannot
    assert brief.marks == tuple(labels.marks(MARKED, said))


def test_doubts_are_told_and_counted(language):
    certainty = compose(_with_verdicts("undecided", "poor"), words(language)).certainty
    expected = {
        "da": [
            "Skemaets regler giver 3 vurderinger: god i 0, acceptabel i 0, uafklaret i 2 og "
            "utilstrækkelig i 1.",
            "Utilstrækkelig: Struktur: modellerne side om side (1).",
            "Uafklaret: Pålidelighed (2).",
        ],
        "en": [
            "The questionnaire's rules give 3 verdicts: good in 0, acceptable in 0, undecided in 2 "
            "and insufficient in 1.",
            "Insufficient: Structure: the models side by side (1).",
            "Undecided: Reliability (2).",
        ],
    }
    assert list(certainty[2:]) == expected[language]


def test_findings_on_single_groups_are_told_apart(language):
    places = tuple(_finding(f"levels_unit_{k}", v) for k, v in enumerate(("poor", "poor", "good")))
    said = words(language)
    before = compose(REPORT, said).certainty
    certainty = compose(_with(REPORT, "levels", findings=places), said).certainty
    told = said.say(Message("face.summary.certainty_places", {"shown": 1, "n": 3}))
    assert told in certainty
    # They are not among the counts of the other verdicts.
    assert certainty[2] == before[2]


def _with_check(verdict: Verdict, key: str) -> Report:
    """Give the report with a finding of the check in two of its sections."""
    claim = Message(key, {"n": 7, "differing": 2, "model": "M2"})
    report = REPORT
    for section_id in ("reliability", "items"):
        own = report.section(section_id).findings
        check = Finding(f"{section_id}_check", claim, verdict, notes=(claim,))
        report = _with(report, section_id, findings=(*own, check))
    return report


def test_the_brief_says_whether_verdicts_hang_on_the_method(language):
    said = words(language)
    same = said.say(Message("face.summary.check_same"))
    assert same in compose(_with_check("information", "check.claim.agrees"), said).certainty
    other = compose(_with_check("undecided", "check.claim.differs"), said).certainty
    assert same not in other
    title = said.say(Message("section.reliability.title"))
    claim = said.say(Message("check.claim.differs", {"n": 7, "differing": 2}))
    told = said.say(Message("face.summary.check_in", {"section": title, "claim": claim}))
    assert told in other
    assert same not in compose(REPORT, said).certainty


def test_a_check_that_differs_changes_no_title(language):
    said = words(language)
    report = _with_verdicts("good", "good")
    check = Finding("reliability_check", Message("check.claim.differs"), "undecided")
    own = report.section("reliability").findings
    values = {"n": 7, "differing": 2}
    check = replace(check, claim=Message("check.claim.differs", values))
    changed = _with(report, "reliability", findings=(*own, check))
    assert compose(changed, said).title == compose(report, said).title


def test_other_scales_change_no_title_and_are_told_among_what_the_numbers_cannot_do(language):
    said = words(language)
    report = _with_verdicts("good", "good")
    other = replace(OMEGA[0], id="further_other", verdict="poor")
    own = report.section("reliability").findings
    changed = compose(_with(report, "reliability", findings=(*own, other)), said)
    before = compose(report, said)
    assert changed.title == before.title
    row = said.catalogue["face.summary.uses.further_not"]
    assert row in changed.cannot
    assert row not in before.cannot


def test_each_source_stands_once_in_the_method_box(language):
    method = compose(REPORT, words(language)).method
    told = {"da": "Tallene på side 1: (1) ML · n = 1.993 · Bentler 1990."}
    told["en"] = "The numbers on page 1: (1) ML · n = 1,993 · Bentler 1990."
    assert told[language] in method


def _comparison(language: str, *verdicts: Verdict) -> str:
    found = tuple(_finding(f"invariance_{n}", verdict) for n, verdict in enumerate(verdicts))
    brief = compose(_with(REPORT, "invariance", findings=found), words(language))
    return " ".join(one.text for one in brief.results)


def test_comparisons_are_told_by_how_many_are_allowed():
    assert "alle de 2 måder, der kunne afprøves" in _comparison("da", "good", "good")
    assert "på den ene måde, der kunne afprøves" in _comparison("da", "good")
    reserved = _comparison("da", "good", "acceptable", "poor")
    assert "på 2 af 3 måder, der kunne afprøves, men på 1 af dem med forbehold" in reserved
    assert "på 1 af 2 måder, der kunne afprøves" in _comparison("da", "good", "poor")
    assert "Grupper må ikke sammenlignes" in _comparison("da", "poor", "undecided")


def test_change_is_told_with_its_interval(language):
    number = Quantity("statistic.change_difference", 0.31, ML, lower=0.2, upper=0.42, level=0.95)
    effect = _finding("development_effect", "good", number)
    brief = compose(_with(REPORT, "development", findings=(effect,)), words(language))
    text = {"da": "0,31 standardafvigelser (mellem 0,20 og 0,42)"}
    text["en"] = "0.31 standard deviations (between 0.20 and 0.42)"
    assert any(text[language] in one.text for one in brief.results)


def test_the_response_rate_is_told_where_it_is_known(language):
    said = words(language)
    not_known = said.say(Message("face.summary.context.not_known", {"n": REPORT.n_obs}))
    assert not_known in compose(REPORT, said).context
    rate = _finding("response", "information")
    brief: Brief = compose(_with(REPORT, "screening", findings=(rate,)), said)
    assert said.say(rate.claim) in brief.context
    assert not_known not in brief.context
