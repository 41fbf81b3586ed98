"""Experts' ratings and interview notes: every layout, every refusal, and what the section says."""

from pathlib import Path

import pandas as pd
import pytest

from analyses import content_validity, verdicts
from analyses.content_validity import Content
from analyses.disclosure import publish
from analyses.errors import SurveyError
from analyses.intake.experts import read_experts
from analyses.intake.interviews import read_interviews
from analyses.section import Section
from analyses.wording import words
from tests.analyses.demonstrations import evidence, finding, survey, with_rule
from tests.analyses.kks_answers import KKS

ITEMS = list(KKS.form("individual").items)
RATINGS = {f"E{expert}": [4 - (expert + item) % 2 for item in range(24)] for expert in range(6)}


def wide(**changes: list[int]) -> pd.DataFrame:
    """Six experts, all of whom find every item relevant unless changed."""
    return pd.DataFrame({"item": ITEMS, **RATINGS, **changes})


def long() -> pd.DataFrame:
    return wide().melt("item", var_name="expert", value_name="relevance")


def by_expert() -> pd.DataFrame:
    return wide().set_index("item").T.rename_axis("expert").reset_index()


LAYOUTS = {
    "long": long(),
    "danish": long().rename(
        columns={"item": "Udsagn", "expert": "Ekspert", "relevance": "Relevans "}
    ),
    "shuffled": long().sample(frac=1, random_state=1),
    "wide": wide(),
    "beside": wide().assign(tekst="Et udsagn", kommentar="god", ekspert="x"),
    "by_expert": by_expert(),
    "nameless": by_expert().drop(columns="expert"),
    "other_case": wide().assign(item=[item.lower() for item in ITEMS]),
}


def write(folder: Path, data: pd.DataFrame, ending: str = "csv") -> Path:
    path = folder / f"file.{ending}"
    if ending == "xlsx":
        data.to_excel(path, index=False)
    else:
        data.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_gives_the_same_ratings(tmp_path: Path, name: str, ending: str) -> None:
    read = read_experts(write(tmp_path, LAYOUTS[name], ending), KKS).ratings
    expected = wide().set_index("item").astype(float)
    assert read.index.tolist() == ITEMS
    assert read.columns.tolist() == [1, 2, 3, 4, 5, 6]
    pd.testing.assert_frame_equal(read.T.reset_index(drop=True), expected.T.reset_index(drop=True))


WRONG = {
    "outside": (wide(E0=[5, *RATINGS["E0"][1:]]), r'holds the rating "5" in row 2, outside 1 to 4'),
    "zero": (long().assign(relevance=0), r'the rating "0" .* 143 more do not fit'),
    "half": (wide().assign(E0=2.5), r'the rating "2\.5"'),
    "word": (wide().assign(E0="meget"), r'the rating "meget" in row 2'),
    "unknown": (
        wide().assign(item=["I_bro9", *ITEMS[1:]]),
        r'names item "I_bro9" \(first in row 2\), which version \S+ of "coupling" does not have',
    ),
    "unknown_column": (
        by_expert().rename(columns={"I_bro1": "I_bro9"}),
        r'has column "I_bro9", called like items, which version',
    ),
    "twice": (
        pd.concat([long(), long().head(2)]),
        r'expert "E0" rated item "I_bro1" more than once \(again in row 146\)\. 1 more',
    ),
    "item_twice": (
        pd.concat([wide(), wide().head(1)]),
        r'has the item "I_bro1" in more than one row \(again in row 26\)',
    ),
    "expert_twice": (
        by_expert().assign(expert=["E0", "E0", "E1", "E2", "E3", "E4"]),
        r'has the expert "E0" in more than one row \(again in row 3\)',
    ),
    "nobody": (long().drop(columns="expert"), "does not say which expert gave each rating"),
    "no_expert": (
        long().assign(expert=["", *long()["expert"][1:]]),
        "row 2 is empty, so .* expert",
    ),
    "only_items": (wide()[["item"]].assign(tekst="x"), "a column of items and no ratings"),
    "other": (
        pd.DataFrame({"a": [1], "b": [2]}),
        r'is no table of ratings: it has columns "a", "b"',
    ),
    "empty": (wide().assign(**dict.fromkeys(RATINGS, "")), "holds no ratings"),
    "no_rows": (wide().head(0), "names of columns but no answers"),
    "two_items": (wide().assign(code="x"), r'has the columns "item", "code", which mean the same'),
}


@pytest.mark.parametrize("name", WRONG)
def test_ratings_that_do_not_fit_are_refused(tmp_path: Path, name: str) -> None:
    data, problem = WRONG[name]
    with pytest.raises(SurveyError, match=problem):
        read_experts(write(tmp_path, data), KKS)


def notes_file() -> pd.DataFrame:
    return pd.DataFrame(
        [
            ("1", "I_bro1", "forståelse", "Hvad er et fag?", "Ane"),
            ("1", "I_bro2", "ingen", "", "Ane"),
            ("2", "I_bro1", "Comprehension", "Forstod det ikke", "Bo"),
            ("2", "I_kor6", "svarmuligheder", "Mangler: aldrig", "Bo"),
            ("3", "", "andet", "For langt skema", "Ida"),
        ],
        columns=["interview", "item", "kind", "note", "navn"],
    )


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_interview_notes_are_read_without_names(tmp_path: Path, ending: str) -> None:
    read = read_interviews(write(tmp_path, notes_file(), ending), KKS)
    assert read.n_interviews == 3
    kinds = ["understanding", "none", "understanding", "answer", "other"]
    assert read.notes["kind"].tolist() == kinds
    assert "Ane" not in read.notes.to_csv()
    nameless = notes_file().drop(columns=["interview", "navn"])
    assert read_interviews(write(tmp_path, nameless), KKS).n_interviews is None


WRONG_NOTES = {
    "kind": (notes_file().assign(kind="svært"), r'holds the kind "svært" in row 2.*\n.*Use one of'),
    "blank_kind": (notes_file().assign(kind=["", *["ok"] * 4]), r"the kind of problem in row 2"),
    "item": (notes_file().assign(item="I_bro9"), r'names item "I_bro9"'),
    "column": (notes_file().drop(columns="note"), r'has no column "note"; it has columns'),
    "mail": (notes_file().assign(note="ane@by.dk sagde"), r"row 2 seems to hold an e-mail address"),
    "cpr": (notes_file().assign(note="010190-1234"), "seems to hold a CPR number"),
    "phone": (notes_file().assign(note="ring 22 33 44 55"), "seems to hold a telephone number"),
}


@pytest.mark.parametrize("name", WRONG_NOTES)
def test_notes_that_do_not_fit_are_refused(tmp_path: Path, name: str) -> None:
    data, problem = WRONG_NOTES[name]
    with pytest.raises(SurveyError, match=problem):
        read_interviews(write(tmp_path, data), KKS)


def section(folder: Path, data: pd.DataFrame | None, *, interviews: bool = False) -> Section:
    experts = None if data is None else read_experts(write(folder, data), KKS)
    noted = read_interviews(write(folder, notes_file()), KKS) if interviews else None
    made = content_validity.run(KKS, survey("coupling"), content=Content(experts, noted))
    for language in ("da", "en"):
        said = words(language)
        for message in (made.answer, *made.notes, *(one.claim for one in made.findings)):
            assert said.say(message)
    return made


def test_without_files_there_is_no_evidence_yet() -> None:
    made = content_validity.run(KKS, survey("coupling"))
    assert made.answer.key == "content.answer.none"
    assert words("da").say(made.answer).startswith("Ingen evidens endnu")
    assert words("en").say(made.answer).startswith("No evidence yet")
    assert not made.findings
    assert not made.tables


def test_items_that_experts_find_relevant_are_kept(tmp_path: Path) -> None:
    made = section(tmp_path, wide())
    assert made.answer.key == "content.answer.all"
    whole = finding(made, "content_scale")
    assert (whole.verdict, evidence(whole, "s_cvi_ave"), evidence(whole, "s_cvi_ua")) == (
        "good",
        1.0,
        1.0,
    )
    assert len(made.table("content_items").rows) == 24
    assert made.table("content_scales").column("n_items") == (6, 6, 6, 6, 24)
    assert made.figures[0].rule == KKS.rules.content_i_cvi.value
    # Experts are no respondents: five or fewer of them are not hidden.
    shown = publish(made).table("content_items").column("kappa")
    assert set(shown) == {1.0}


def test_an_item_that_they_do_not_is_named(tmp_path: Path) -> None:
    low = {f"E{expert}": [1, *RATINGS[f"E{expert}"][1:]] for expert in range(2)}
    made = section(tmp_path, wide(**low))
    assert made.answer.values["revise"] == ("I_bro1",)
    item = finding(made, "content_I_bro1")
    assert item.verdict == "poor"
    assert evidence(item, "i_cvi") == pytest.approx(4 / 6)
    assert evidence(item, "kappa") == pytest.approx((4 / 6 - 15 / 64) / (1 - 15 / 64))
    assert evidence(finding(made, "content_scale"), "s_cvi_ua") == pytest.approx(23 / 24)
    lenient = with_rule("coupling", "content_i_cvi", value=0.6)
    experts = read_experts(write(tmp_path, wide(**low)), KKS)
    again = content_validity.run(lenient, survey("coupling"), content=Content(experts))
    assert again.answer.key == "content.answer.all"


def test_two_experts_decide_nothing(tmp_path: Path) -> None:
    made = section(tmp_path, wide()[["item", "E0", "E1"]])
    assert made.answer.key == "content.answer.few"
    whole = finding(made, "content_scale")
    assert whole.verdict == "undecided"
    assert whole.notes[0].key == "content.note.few"
    assert len(made.findings) == 1


def test_five_experts_are_told_of_the_stricter_rule(tmp_path: Path) -> None:
    made = section(tmp_path, wide().drop(columns="E5"))
    assert [note.key for note in finding(made, "content_scale").notes] == ["content.note.strict"]


def test_what_was_not_rated_is_named(tmp_path: Path) -> None:
    data = wide().head(20)
    data.loc[0, ["E0", "E1", "E2", "E3"]] = None
    made = section(tmp_path, data)
    notes = {note.key: note for note in made.notes}
    assert notes["content.note.unrated"].values["items"] == tuple(ITEMS[20:])
    assert "content.note.incomplete" in notes
    assert made.answer.key == "content.answer.open"


def test_the_limit_is_compared_as_it_is_printed() -> None:
    # 7 of 9 experts are the .78 of Lynn's table.
    assert verdicts.judge_content_item(7 / 9, 9, KKS.rules) == "relevant"
    assert verdicts.judge_content_item(0.77, 9, KKS.rules) == "revise"
    assert verdicts.judge_content_item(1.0, 2, KKS.rules) == "undecided"
    assert verdicts.judge_content_scale(0.89, 6, KKS.rules) == "poor"


def test_problems_are_counted_by_kind_and_listed(tmp_path: Path) -> None:
    made = section(tmp_path, None, interviews=True)
    assert made.answer.key == "content.answer.interviews"
    problems = made.table("content_problems")
    assert problems.column("understanding") == (2, 0, 0, 0)
    assert problems.column("problems") == (2, 0, 1, 1)
    assert len(made.table("content_notes").rows) == 4
    assert finding(made, "content_interviews").claim.values == {
        "n": 4,
        "items": 2,
        "interviews": 3,
    }
    assert "Ane" not in repr(made)
