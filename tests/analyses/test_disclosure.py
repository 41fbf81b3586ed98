from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyses.disclosure import THRESHOLD, publish, rounded
from analyses.section import (
    Column,
    Figure,
    Finding,
    Hidden,
    Message,
    Provenance,
    Quantity,
    Rule,
    Section,
    Table,
    Text,
)

SOURCE = Provenance("mean", 200, "made up")
GROUP = Column("group", Message("column.team"), "message")
SCALE = Column("scale", Message("column.scale"), "message")
NUMBERS = (
    Column("respondents", Message("column.respondents"), "count", 0),
    Column("mean", Message("column.mean"), "number", 2),
    Column("share", Message("column.share"), "percent", 1),
    Column("p", Message("column.p"), "pvalue", 3),
)


def name(place: int) -> Text:
    return Text({"da": f"hold {place}", "en": f"team {place}"})


def table(counts, table_id="means", provenance=SOURCE, order=None) -> Table:
    places = order or range(len(counts))
    rows = tuple((name(i), counts[i], i + 1 / 3, counts[i] / 200, 0.01234) for i in places)
    return Table(
        table_id,
        Message("title"),
        (GROUP, *NUMBERS),
        rows,
        provenance,
        respondents="respondents",
    )


def section(*tables: Table, **parts) -> Section:
    return Section("levels", Message("answer"), tables=tables, **parts)


def hidden_rows(published: Table) -> list[int]:
    return [i for i, cell in enumerate(published.column("respondents")) if cell == Hidden()]


def hidden_of(*counts: int) -> list[int]:
    return hidden_rows(publish(section(table(counts))).tables[0])


@pytest.mark.parametrize(
    ("counts", "hidden"),
    [
        ((5, 6, 7), []),
        ((0, 6, 7), []),  # nobody can be known by an empty group
        ((4, 6, 7, 9), [0, 1]),  # one alone is the total less the others
        ((9, 7, 3, 12), [1, 2]),
        ((1, 4, 9, 9), [0, 1]),  # two that protect each other
        ((1, 2, 9, 8), [0, 1, 3]),  # three people together are still a small group
        ((4, 4, 9, 8), [0, 1, 3]),  # half of the rest each, if the rest is known to be equal
        ((4, 8, 8, 8), [0, 1]),
        ((8, 4, 8, 8), [0, 1]),
        ((8, 8, 4, 8), [2, 3]),
        ((8, 8, 4), [0, 1, 2]),
        ((3,), [0]),
        ((3, 0), [0]),
        ((2, 3), [0, 1]),
    ],
)
def test_small_groups_and_those_that_protect_them_are_hidden(counts, hidden):
    assert hidden_of(*counts) == hidden


def test_every_number_of_a_hidden_row_goes_and_its_label_stays():
    published = publish(section(table((3, 9, 20)))).tables[0]
    assert published.rows[0] == (name(0), Hidden(), Hidden(), Hidden(), Hidden())
    assert published.rows[2] == (name(2), 20, 2.33, 0.1, 0.012)
    note = Message("disclosure.hidden", {"n": 2, "threshold": THRESHOLD})
    assert published.notes == (note,)


def test_rows_without_a_known_count_are_hidden():
    unknown = table((9, 9, 12))
    unknown = replace(unknown, rows=((name(0), None, 1.0, 0.1, 0.5), *unknown.rows[1:]))
    assert hidden_rows(publish(section(unknown)).tables[0]) == [0, 1]


def test_tables_that_do_not_list_people_keep_their_rows():
    items = replace(table((1, 2, 3)), respondents=None)
    assert publish(section(items)).tables[0].column("respondents") == (1, 2, 3)


def test_tables_on_few_people_have_no_numbers():
    few = replace(table((9, 9)), provenance=Provenance("mean", 4, "x"), respondents=None)
    published = publish(section(few)).tables[0]
    assert published.rows[0] == (name(0), Hidden(), Hidden(), Hidden(), Hidden())
    assert published.provenance.n_obs is None
    assert published.notes[0].key == "disclosure.hidden_table"


def test_the_same_group_is_hidden_in_other_tables_whatever_their_order():
    first = table((4, 8, 8, 8, 9))
    second = table((4, 8, 8, 8, 9), "other", order=[4, 3, 2, 1, 0])
    published = publish(section(first, second))
    assert hidden_rows(published.tables[0]) == [0, 1]
    assert hidden_rows(published.tables[1]) == [3, 4]


def test_what_protects_in_one_table_is_protected_in_the_next():
    # Team 1 protects team 0; the other table lacks team 0, and needs another to protect team 1.
    first, second = table((4, 6, 9, 9)), table((4, 6, 8, 9), "other", order=[1, 2, 3])
    published = publish(section(first, second))
    assert hidden_rows(published.tables[0]) == [0, 1]
    assert hidden_rows(published.tables[1]) == [0, 1]


def test_crossed_groups_protect_each_other_within_each_of_the_others():
    counts = {("a", "x"): 3, ("a", "y"): 3, ("b", "x"): 8, ("b", "y"): 8, ("c", "x"): 9}
    counts |= {("c", "y"): 9}
    rows = tuple((group, scale, n, 1.0, 0.1, 0.5) for (group, scale), n in counts.items())
    crossed = Table(
        "crossed", Message("t"), (GROUP, SCALE, *NUMBERS), rows, SOURCE, respondents="respondents"
    )
    published = publish(section(crossed)).tables[0]
    # In each scale, team a alone would be the scale's total less teams b and c.
    assert hidden_rows(published) == [0, 1, 2, 3]


def test_confidential_sections_are_rounded_and_whole():
    published = publish(section(table((1, 9, 20))), confidential=True).tables[0]
    assert published.rows[0] == (name(0), 1, 0.33, 0.005, 0.012)
    assert published.notes == ()


@pytest.mark.parametrize(
    ("value", "kind", "digits", "result"),
    [
        (0.12345, "number", 3, 0.123),
        (-0.0004, "number", 3, 0.0),
        (7, "number", 2, 7.0),
        (0.12345, "percent", 1, 0.123),
        (0.12345, "percent", 0, 0.12),
        (0.0004, "pvalue", 3, 0.0),
        (0.00099, "pvalue", 2, 0.0),
        (0.0014, "pvalue", 2, 0.001),
        (12.0, "count", 2, 12),
        (float("nan"), "number", 2, None),
        (float("inf"), "number", 2, None),
    ],
)
def test_numbers_are_rounded_as_they_are_written(value, kind, digits, result):
    found = rounded(value, kind, digits)
    assert found == result
    assert str(found) == str(result)


def quantity(n_obs: int | None, value=0.98765) -> Quantity:
    source = Provenance("ML", n_obs, "x")
    return Quantity("statistic.cfi", value, source, lower=0.91234, upper=1.0, level=0.95)


def test_quantities_are_rounded_wherever_they_stand():
    sentence = Message("claim", {"cfi": quantity(200), "all": (quantity(200), 3, "q1")})
    finding = Finding(
        "f", sentence, "good", Rule(sentence, "source"), (quantity(200),), (sentence,)
    )
    figure = Figure("f", sentence, sentence, "means", "bars", {"x": "mean"}, rule=0.12345)
    parts = {"findings": (finding,), "figures": (figure,), "notes": (sentence,)}
    published = publish(replace(section(**parts), answer=sentence))
    told = replace(quantity(200), value=0.99, lower=0.91)
    expected = Message("claim", {"cfi": told, "all": (told, 3, "q1")})
    assert published.answer == expected
    assert published.notes == (expected,)
    found = published.findings[0]
    assert (found.claim, found.rule, found.evidence, found.notes) == (
        expected,
        Rule(expected, "source"),
        (told,),
        (expected,),
    )
    assert published.figures[0] == replace(figure, title=expected, alt=expected)


@pytest.mark.parametrize(("n_obs", "is_hidden"), [(4, True), (1, True), (5, False), (None, False)])
def test_quantities_on_few_people_have_no_value(n_obs, is_hidden):
    finding = Finding(
        "f", Message("claim", {"cfi": quantity(n_obs)}), "good", evidence=(quantity(n_obs),)
    )
    published = publish(section(findings=(finding,))).findings[0]
    shown = published.evidence[0]
    assert (published.claim.values["cfi"] == Hidden()) == is_hidden
    assert (shown.value is None and shown.lower is None and shown.upper is None) == is_hidden
    assert [note.key for note in published.notes] == ["disclosure.hidden_quantity"] * is_hidden
    told = publish(section(findings=(finding,)), confidential=True).findings[0]
    assert told.evidence[0].value == 0.99


COUNTS = st.lists(st.integers(0, 12) | st.integers(0, 200), min_size=1, max_size=8)


@given(COUNTS)
def test_no_published_row_is_small_and_none_is_hidden_alone(counts):
    published = publish(section(table(counts))).tables[0]
    hidden = hidden_rows(published)
    shown = [n for i, n in enumerate(counts) if i not in hidden]
    assert not any(0 < n < THRESHOLD for n in shown)
    if hidden and any(shown):
        behind = [counts[i] for i in hidden]
        assert len(hidden) > 1
        assert sum(behind) >= THRESHOLD
        assert len(set(behind)) > 1
    if not any(0 < n < THRESHOLD for n in counts):
        assert hidden == []


@given(st.lists(COUNTS, min_size=1, max_size=3), st.booleans())
def test_publishing_twice_changes_nothing_and_the_first_leaves_its_input(many, confidential):
    tables = [table(counts, f"t{i}") for i, counts in enumerate(many)]
    finding = Finding("f", Message("c", {"q": quantity(3)}), "good", evidence=(quantity(3),))
    whole = section(*tables, findings=(finding,))
    copy = section(*[table(counts, f"t{i}") for i, counts in enumerate(many)], findings=(finding,))
    once = publish(whole, confidential=confidential)
    assert publish(once, confidential=confidential) == once
    assert whole == copy


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=6), st.integers(0, 4))
def test_numbers_are_rounded_once_from_full_precision(values, digits):
    column = Column("value", Message("v"), "number", digits)
    rows = tuple((value,) for value in values)
    published = publish(section(Table("t", Message("t"), (column,), rows, SOURCE)))
    assert published.tables[0].column("value") == tuple(round(value, digits) for value in values)


@given(st.permutations(range(6)), st.lists(st.integers(0, 12), min_size=6, max_size=6))
def test_the_order_of_the_rows_does_not_decide_who_is_hidden(order, counts):
    first = publish(section(table(counts))).tables[0]
    other = publish(section(table(counts, order=order))).tables[0]
    assert {str(first.rows[i][0]) for i in hidden_rows(first)} == {
        str(other.rows[i][0]) for i in hidden_rows(other)
    }


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=2, max_size=5))
def test_who_knows_total_and_method_cannot_tell_a_hidden_count(counts):
    """Try every way to share the hidden people out, and keep those that publish the same table."""
    published = hidden_of(*counts)
    if not any(n for i, n in enumerate(counts) if i not in published):
        return
    total = sum(counts[i] for i in published)
    possible: list[set[int]] = [set() for _ in published]
    for shares in product(range(1, total), repeat=max(len(published) - 1, 0)):
        last = total - sum(shares)
        if not published or last < 1:
            continue
        supposed = list(counts)
        for place, n in zip(published, (*shares, last), strict=True):
            supposed[place] = n
        if hidden_of(*supposed) == published:
            for seen, n in zip(possible, (*shares, last), strict=True):
                seen.add(n)
    assert all(len(seen) > 1 for seen in possible)
