"""What a form asks: order, numbers, headings, wordings, and what is refused."""

import pytest

import instruments
from analyses.fielding import questionnaire
from analyses.fielding.errors import FieldingError
from analyses.fielding.questionnaire import build

KKS = instruments.load("coupling")


@pytest.mark.parametrize("form", KKS.form_ids)
def test_every_item_is_asked_once_in_the_order_of_the_form(form: str) -> None:
    asked = build(KKS, form, language="da")
    statements = [one for section in asked.sections for one in section.statements]
    assert [one.item for one in statements] == list(questionnaire.form_items(KKS, form))
    numbers = [one.number for one in statements] + [one.number for one in asked.questions]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len({section.id for section in asked.sections}) == len(asked.sections)
    assert all(section.label and section.intro for section in asked.sections)


def test_the_attention_items_stand_where_the_form_has_them() -> None:
    sections = build(KKS, "full_1", language="da").sections
    places = {
        one.item: (section.id, place)
        for section in sections
        for place, one in enumerate(section.statements)
    }
    assert places["att1"] == ("own_work", 16)
    # The second stands alone in its block, which has no words above it: it ends the block before.
    assert places["att2"][0] == "roles"
    assert [section.id for section in sections] == [
        "own_work",
        "group",
        "trust",
        "roles",
        "conditions",
    ]


def test_the_answers_are_five_words_and_two_kinds_of_no_answer() -> None:
    (section,) = build(KKS, "short", language="da").sections
    assert [(one.value, one.missing) for one in section.choices] == [
        ("1", False),
        ("2", False),
        ("3", False),
        ("4", False),
        ("5", False),
        ("8", True),
        ("9", True),
    ]
    assert section.choices[5].label["da"] == "Ikke relevant for mit arbejde"


def test_a_form_with_a_part_of_a_block_has_its_own_words_above_it() -> None:
    whole = {one.id: one for one in build(KKS, "full", language="da").sections}
    part = {one.id: one for one in build(KKS, "standard", language="da").sections}
    assert "fordelt" in whole["group"].intro["da"]
    assert "fordelt" not in part["group"].intro["da"]
    assert whole["conditions"].label["da"] == "Mødesteder og forhindringer"
    assert part["conditions"].label["da"] == "Mødesteder"
    assert part["own_work"].intro == whole["own_work"].intro


def test_leaders_can_be_asked_in_their_own_wording() -> None:
    asked = build(KKS, "full", language="da", role="leader")
    texts = {one.item: one.text for section in asked.sections for one in section.statements}
    assert texts["L_bro1"] == KKS.item("L_bro1").self_text
    assert texts["I_bro1"] == KKS.item("I_bro1").text


def test_what_is_not_asked_is_filled_in_by_whoever_runs_the_survey() -> None:
    asked = build(KKS, "full_3", language="en")
    assert {column.name: value for column, value in asked.unasked} == {
        "respondent": None,
        "organisation": None,
        "unit": None,
        "wave": None,
        "effort": None,
        "effort_start": None,
        "cohort": None,
        "form": "full_3",
        "language": "en",
    }
    assert asked.form_label["en"] == "The full questionnaire, version 3"


def test_the_introduction_promises_nothing_that_software_cannot_keep() -> None:
    for language in ("da", "en"):
        words = " ".join(build(KKS, "short", language=language).introduction(language)).lower()
        for promise in (
            "anonym",
            "fortrolig",
            "confidential",
            "slettes",
            "deleted",
            "ingen kan se",
        ):
            assert promise not in words
    assert "frivilligt" in " ".join(build(KKS, "short", language="da").introduction("da"))


@pytest.mark.parametrize(
    ("name", "form", "options", "message"),
    [
        ("coupling", "kort", {}, r'no form "kort".*full, standard, short'),
        ("coupling", "short", {"language": "fr"}, r'no texts in "fr".*da, en'),
        ("coupling", "short", {"role": "leader"}, r'no wording of its own for the role "leader"'),
        ("coupling", "full", {"role": "boss"}, r'role "boss".*Roles with one: leader'),
        ("leadership_climate", "all", {}, r'only a label of 19 items.*"LEAD01"'),
        ("mental_ability", "all", {}, r"only a label"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    name: str, form: str, options: dict[str, str], message: str
) -> None:
    one = instruments.load(name)
    form = form if form != "all" else one.forms[0].id
    with pytest.raises(FieldingError, match=f"(?s){message}"):
        build(one, form, **({"language": "da"} | options))
