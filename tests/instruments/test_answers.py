"""Answers as codes or as words, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import instruments
from instruments import AnswerError, Instrument, check_answers
from instruments.answers import BLANK_TEXTS

COUPLING = instruments.load("coupling")
CLIMATE = instruments.load("leadership_climate")
ABILITY = instruments.load("mental_ability")
EXTENT = COUPLING.response("I_bro1")
INDIVIDUAL = COUPLING.form("individual").items


def decoded(instrument: Instrument, item: str, values: object) -> list[float]:
    return instrument.decode(pd.DataFrame({item: values})).codes[item].tolist()


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([1, 3, 5], id="whole numbers"),
        pytest.param([1.0, 3.0, 5.0], id="floats"),
        pytest.param(["1", "3.0", "5,0"], id="numeric text"),
        pytest.param([" 1 ", "3", "5\t"], id="surrounding blanks"),
        pytest.param(["I meget lav grad", "Delvist", "I meget høj grad"], id="Danish"),
        pytest.param(["To a very small extent", "Somewhat", "5"], id="English and code"),
        pytest.param(["i MEGET lav grad", " delvist", "i meget  høj grad "], id="case and blanks"),
        pytest.param([1, "Delvist", 5.0], id="mixed"),
        pytest.param(pd.array([1, 3, 5], dtype="Int64"), id="nullable"),
        pytest.param(pd.Categorical(["I meget lav grad", "Delvist", "5"]), id="categorical"),
    ],
)
def test_one_answer_may_be_written_in_many_ways(values: object) -> None:
    assert decoded(COUPLING, "I_kom1", values) == [1.0, 3.0, 5.0]


def test_missing_answers_are_counted_by_kind() -> None:
    values = [8, "9", "Ved ikke", "Not relevant to my work", "", " ", None, np.nan, "NA", ".", 4]
    codes, missing = COUPLING.decode(pd.DataFrame({"I_bro1": values, "I_bro2": 2}))
    assert codes["I_bro1"].isna().sum() == 10
    assert missing.loc["I_bro1"].to_dict() == {"not_relevant": 2, "dont_know": 2, "blank": 6}
    assert missing.loc["I_bro2"].sum() == 0
    assert {str(kind) for kind in missing.dtypes} == {"int64"}


def test_nullable_missing_is_blank() -> None:
    values = pd.array([1, None, 5], dtype="Int64")
    codes, missing = COUPLING.decode(pd.DataFrame({"I_bro1": values}))
    assert np.isnan(codes["I_bro1"][1])
    assert missing.loc["I_bro1", "blank"] == 1


def test_items_come_in_the_order_of_the_instrument_and_others_are_left_out() -> None:
    data = pd.DataFrame({"unit": ["a"], "I_kop1": [1], "I_bro1": [2]}, index=["p1"])
    codes = COUPLING.decode(data).codes
    assert list(codes.columns) == ["I_bro1", "I_kop1"]
    assert list(codes.index) == ["p1"]
    assert list(data.columns) == ["unit", "I_kop1", "I_bro1"]


def test_no_rows_and_no_items_give_empty_tables() -> None:
    assert COUPLING.decode(pd.DataFrame({"I_bro1": []})).codes.shape == (0, 1)
    codes, missing = COUPLING.decode(pd.DataFrame({"unit": ["a"]}))
    assert codes.shape == (1, 0)
    assert missing.shape == (0, 3)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 7, 7, 5, 7], 'item "I_bro1" holds 7 in 3 rows (first: row 3), outside the response'),
        ([1, 7, 7, 5, 7], "scale 1 to 5.\n    Leave missing answers empty or code them 8 (not_rel"),
        ([1, 2, 2.5], "holds 2.5 in row 4, outside the response scale 1 to 5"),
        ([0, 6], "holds 0 in row 2, outside the response scale 1 to 5. Answers in 1 row more"),
        (["1", "6"], 'holds "6" in row 3, outside the response scale 1 to 5'),
        (["1", "2,5"], 'holds "2,5" in row 3, outside the response scale 1 to 5'),
        (["Delvist", "Måske"], 'holds "Måske" in row 3, which is no answer of its response scale'),
        (["Delvist", "Måske"], "Use the codes 1 to 5, or the labels (I meget lav grad, I lav grad"),
        ([True, False], "holds True in row 2, outside the response scale 1 to 5"),
        ([1.0, np.inf], "holds inf in row 3"),
    ],
)
def test_what_is_no_answer_is_refused_by_item_value_and_row(
    values: list[object], expected: str
) -> None:
    with pytest.raises(AnswerError) as caught:
        COUPLING.score(pd.DataFrame({"I_bro1": values}))
    assert expected in str(caught.value)


def test_a_named_index_says_which_row_is_meant() -> None:
    index = pd.Index([2, 5, 9], name="row")
    with pytest.raises(AnswerError, match=r"holds 7 in 2 rows \(first: row 5\)"):
        COUPLING.decode(pd.DataFrame({"I_bro1": [1, 7, 7]}, index=index))


def test_each_item_is_judged_by_its_own_scale() -> None:
    data = pd.DataFrame({"LEAD01": [1, 5], "HOSTIL01": [0, 4]})
    assert CLIMATE.decode(data).codes["HOSTIL01"].tolist() == [0.0, 4.0]
    with pytest.raises(AnswerError, match=r'"HOSTIL01" holds 5 in row 2, outside .* 0 to 4'):
        CLIMATE.decode(data.assign(HOSTIL01=[5, 4]))
    with pytest.raises(
        AnswerError, match=r'"LEAD01" holds "Enig" .*\n    Use the codes 1 to 5, and'
    ):
        CLIMATE.decode(data.assign(LEAD01=["Enig", "1"]))


def test_all_items_in_trouble_are_named_up_to_a_limit() -> None:
    data = pd.DataFrame([[6] * 24, [1] * 24], columns=list(INDIVIDUAL))
    with pytest.raises(AnswerError) as caught:
        COUPLING.decode(data)
    assert str(caught.value).count("outside") == 5
    assert "19 more items" in str(caught.value)


def test_a_column_that_occurs_twice_is_refused() -> None:
    data = pd.DataFrame([[1, 2]], columns=["I_bro1", "I_bro1"])
    with pytest.raises(AnswerError, match='"I_bro1" is 2 columns'):
        COUPLING.decode(data)


def test_test_scores_may_be_any_number_that_is_a_measurement() -> None:
    assert decoded(ABILITY, "x1", ["3,5", "-1.25", "", "2e1"])[:2] == [3.5, -1.25]
    with pytest.raises(AnswerError, match='"x1" holds inf in row 3, which is too large'):
        ABILITY.decode(pd.DataFrame({"x1": [1.0, np.inf]}))
    with pytest.raises(AnswerError, match='"x1" holds "high" in row 2, which is not a number'):
        ABILITY.decode(pd.DataFrame({"x1": ["high", "2"]}))
    with pytest.raises(AnswerError, match=r'"x1" holds 1e\+300 in row 2, which is too large'):
        ABILITY.decode(pd.DataFrame({"x1": [1e300, 2.0, np.nan]}))


def test_reversed_items_are_turned_within_their_own_scale() -> None:
    data = pd.DataFrame({"I_bro1": [1, 8, 5], "I_bro3": ["1", "Ved ikke", "I høj grad"]})
    scored = COUPLING.score(data)
    assert scored["I_bro1"].tolist()[::2] == [1.0, 5.0]
    assert scored["I_bro3"].tolist()[::2] == [5.0, 2.0]
    assert scored.iloc[1].isna().all()
    assert {str(kind) for kind in scored.dtypes} == {"float64"}


def test_checks_of_attention_are_read_and_never_scored() -> None:
    data = pd.DataFrame({"I_bro1": [1, 5], "att1": [2, "I høj grad"], "Lc_kom4": [3, 4]})
    assert COUPLING.decode(data).codes["att1"].tolist() == [2.0, 4.0]
    assert list(COUPLING.score(data).columns) == ["I_bro1", "Lc_kom4"]


def test_scoring_codes_and_scoring_answers_give_the_same() -> None:
    data = pd.read_csv(COUPLING.demonstration_path())
    pd.testing.assert_frame_equal(COUPLING.score(COUPLING.decode(data).codes), COUPLING.score(data))


@given(
    codes=st.lists(st.sampled_from([1, 2, 3, 4, 5, 8, 9]), min_size=1, max_size=30),
    language=st.sampled_from(COUPLING.languages),
    dress=st.sampled_from([str, str.upper, str.lower, " {} ".format]),
)
def test_labels_in_any_language_mean_what_the_codes_mean(codes, language, dress) -> None:
    words = {**EXTENT.labels[language]}
    words |= {part.code: part.labels[language] for part in EXTENT.missing}
    as_codes = COUPLING.decode(pd.DataFrame({"I_kor6": codes}))
    as_words = COUPLING.decode(pd.DataFrame({"I_kor6": [dress(words[code]) for code in codes]}))
    pd.testing.assert_frame_equal(as_words.codes, as_codes.codes)
    pd.testing.assert_frame_equal(as_words.missing, as_codes.missing)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=30))
def test_turning_twice_gives_the_answer_back(codes: list[int]) -> None:
    once = COUPLING.score(pd.DataFrame({"I_kop6": codes}))
    assert COUPLING.score(once)["I_kop6"].tolist() == codes


@pytest.mark.parametrize("name", instruments.names())
def test_no_label_looks_like_an_empty_cell(name: str) -> None:
    for response in instruments.load(name).responses:
        words = [word for labels in response.labels.values() for word in labels.values()]
        assert not {word.casefold() for word in words} & BLANK_TEXTS


def test_answers_that_can_be_analysed_pass() -> None:
    codes = COUPLING.decode(pd.read_csv(COUPLING.demonstration_path())).codes
    before = codes.copy()
    check_answers(codes, INDIVIDUAL)
    pd.testing.assert_frame_equal(codes, before)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ([3.0] * 4, 'item "b" is constant: every answer is 3.'),
        ([np.nan, 2.0, 2.0, np.nan], 'item "b" is constant: every answer is 2.'),
        ([np.nan] * 4, 'item "b" has no answers: all 4 rows are missing.'),
        ([1.0, 2.0, np.nan, np.nan], "only 1 of 4 rows have an answer to all 2 items"),
    ],
)
def test_answers_that_nothing_follows_from_are_refused(column: list[float], expected: str) -> None:
    codes = pd.DataFrame({"a": [1.0, np.nan, 2.0, 4.0], "b": column})
    with pytest.raises(AnswerError) as caught:
        check_answers(codes, ["a", "b"])
    assert expected in str(caught.value)


def test_items_that_are_missing_by_design_need_not_be_answered_together() -> None:
    codes = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [1.0, 2.0, np.nan], "c": [np.nan, 1.0, 2.0]})
    check_answers(codes, ["a", "b", "c"], together=["a"])
    with pytest.raises(AnswerError, match="only 1 of 3 rows"):
        check_answers(codes, ["a", "b", "c"])
    with pytest.raises(AnswerError, match='item "b" has no answers'):
        check_answers(codes.assign(b=np.nan), ["a", "b", "c"], together=["a"])


def test_an_item_that_is_not_there_is_named() -> None:
    with pytest.raises(AnswerError, match='item "z" is not in the data'):
        check_answers(pd.DataFrame({"a": [1.0, 2.0]}), ["a", "z"])
