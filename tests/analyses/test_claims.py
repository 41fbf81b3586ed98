"""The claims about the concept: each has a line that says what tests it."""

import pytest

from analyses import claims, disclosure
from analyses.section import Message, Section
from analyses.wording import words
from tests.analyses.demonstrations import instrument, survey


def lines(section: Section, language: str = "en") -> dict[str, tuple[str, ...]]:
    said = words(language)
    return {
        str(row[0]): tuple(said.write(cell) for cell in row[1:])
        for row in section.table("claims").rows
    }


def test_every_claim_has_a_line_with_what_tests_it_or_why_nothing_does() -> None:
    section = claims.run(instrument("coupling"), survey("coupling"))
    shown = lines(section)
    assert list(shown) == [f"C{number}" for number in range(1, 9)]
    assert shown["C2"][1] == "Tested by H14, K1 and K2"
    assert shown["C8"][1] == "Not testable with these answers"
    assert shown["C8"][2].startswith("Long-term added value can only be seen in results from other")
    answer = words("da").say(section.answer)
    assert answer.startswith("7 af 8 påstande om begrebet bliver afprøvet")
    assert answer.endswith("C8 kan ikke afprøves med disse svar.")


def test_verdicts_stand_beside_what_they_are_of() -> None:
    found = {"K1": Message("verdict.good"), "H14": Message("verdict.undecided")}
    section = claims.run(instrument("coupling"), survey("coupling"), verdicts=found)
    assert lines(section)["C2"][1] == "Tested by H14 (undecided), K1 (good) and K2"
    assert lines(section, "da")["C2"][1] == "Afprøves af H14 (uafklaret), K1 (god) og K2"
    assert lines(section)["C1"][1] == "Tested by H11"


def test_where_all_are_tested_the_answer_says_so() -> None:
    loaded = instrument("coupling")
    tested = loaded.model_copy(update={"claims": loaded.claims[:7]})
    section = claims.run(tested, survey("coupling"))
    assert words("en").say(section.answer).startswith("All 7 claims about the concept are tested")
    untold = loaded.claims[0].model_copy(update={"untested": {}})
    table = claims.table(loaded.model_copy(update={"claims": (untold,)}))
    assert table.rows[0][-1] == ""


@pytest.mark.parametrize("language", ["da", "en"])
def test_what_is_published_can_be_said(language: str) -> None:
    section = disclosure.publish(claims.run(instrument("coupling"), survey("coupling")))
    assert all(all(line) for line in lines(section, language).values())
