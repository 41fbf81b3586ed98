import pytest

from analyses import dialogue
from analyses.briefing import outcomes
from analyses.section import Finding, Message, Section
from instruments import lix
from tests.analyses.demonstrations import instrument, survey

KKS = instrument("coupling")


def _section(section_id: str, **verdicts: str) -> Section:
    said = Message("plain", {"text": ""})
    return Section(section_id, said, tuple(Finding(k, said, v) for k, v in verdicts.items()))  # type: ignore[arg-type]


def _ids(*sections: Section) -> list[str]:
    return [one.id for one in dialogue.chosen(KKS, sections)]


def test_findings_raise_their_questions_and_each_leads_to_another_proposal():
    levels = _section("levels", levels_unit_bro="poor", levels_unit_kom="good")
    ledger = _section("hypotheses", hypothesis_K4="good", hypothesis_K5="undecided")
    assert _ids(levels, ledger) == ["agreement", "own_leadership", "no_gain"]
    # Where hypotheses come out otherwise, other questions are asked.
    ledger = _section("hypotheses", hypothesis_K4="poor", hypothesis_K5="good")
    assert _ids(levels, ledger) == ["agreement", "gain", "basic"]


def test_questions_tied_to_nothing_stand_in():
    assert _ids() == ["meeting", "basic", "further"]
    names = {one.id: one.proposal for one in KKS.dialogue}
    asked = _ids(_section("hypotheses", hypothesis_H05="good"))
    assert asked == ["zones", "basic", "further"]
    assert len({names[one] for one in asked}) == dialogue.ASKED


def test_a_check_of_the_method_raises_nothing():
    only = _section("levels", levels_unit_bro="good", further_x="poor", check="poor")
    assert outcomes.outcome("agreement", [only]) == "good"
    assert outcomes.outcome("levels", [only]) is None
    assert "agreement" not in _ids(only)


@pytest.mark.parametrize("name", ["coupling", "leadership_climate"])
def test_the_section_names_proposal_and_verdict(name):
    loaded = instrument(name)
    found = [
        _section("levels", levels_unit_bro="poor"),
        _section("confirmatory", global_fit="poor"),
    ]
    section = dialogue.run(loaded, survey(name), sections=found)
    questions, proposals, reasons = (
        section.table("dialogue").column(f"dialogue_{column}")
        for column in ("question", "proposal", "found")
    )
    assert len(questions) == dialogue.ASKED
    assert reasons[0].values["verdict"] == Message("verdict.poor")
    assert all(bool(one) == bool(loaded.proposals) for one in proposals)


def test_every_proposal_can_be_asked_about_and_the_danish_is_easy():
    assert {one.proposal for one in KKS.dialogue} == {one.id for one in KKS.proposals}
    texts = [one.text["da"] for one in KKS.dialogue]
    assert lix(texts) < 35
    assert not any("signifikan" in text.lower() for text in texts)
    assert all(text.endswith("?") for one in KKS.dialogue for text in one.text.values())
