from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyses.disclosing.breakdowns import Breakdowns
from analyses.disclosure import THRESHOLD, Context, Earlier, publish, publish_all, rounded
from analyses.section import (
    AboutLeaders,
    Answers,
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
    Unnamed,
)
from tests.analyses import published_sets

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
        ((4, 30), [0, 1]),  # one alone is the total less the others
        ((4, 4, 90), [0, 1]),  # either may be 1 to 7
        ((1, 4, 9), [0, 1, 2]),  # of five people together, either may be 1 to 4
        ((2, 3, 40), [0, 1, 2]),
        ((5, 2), [0, 1]),
        ((3,), [0]),
    ],
)
def test_small_groups_and_those_that_protect_them_are_hidden(counts, hidden):
    assert hidden_of(*counts) == hidden


def test_those_that_protect_are_few_and_small():
    assert len(hidden_of(4, 6, 70, 90)) == 2
    assert hidden_of(4, 6, 900, 900) == [0, 1]
    assert len(hidden_of(1, 1, 1, 6, 300, 300)) == 4


def test_which_of_equal_groups_protects_is_drawn_from_numbers_that_nobody_else_has():
    def hidden(small: int, drawn: float) -> tuple[int, ...]:
        counts = [8, 8, 8, 8]
        counts[small] = 4
        made = table(counts)
        rows = tuple((*row[:2], row[2] + drawn, *row[3:]) for row in made.rows)
        return tuple(hidden_rows(publish(section(replace(made, rows=rows))).tables[0]))

    chosen = {small: {hidden(small, k / 1000) for k in range(12)} for small in (0, 1)}
    # Either of the two may be the small one.
    assert (0, 1) in chosen[0] & chosen[1]
    assert len(chosen[0]) == 3
    assert hidden(0, 0.5) == hidden(0, 0.5)


def test_with_a_key_the_last_digits_of_numbers_do_not_decide_who_is_hidden():
    def hidden(key: str, moved: float) -> tuple[int, ...]:
        made = table([4, 8, 8, 8])
        rows = tuple((*row[:2], row[2] + moved, *row[3:]) for row in made.rows)
        given = (section(replace(made, rows=rows)),)
        return tuple(hidden_rows(publish_all(given, Context(n_obs=28, key=key))[0].tables[0]))

    drawn = [hidden(str(key), 0.0) for key in range(12)]
    assert len(set(drawn)) == 3
    assert drawn == [hidden(str(key), 1e-9) for key in range(12)]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 7), min_size=2, max_size=4))
def test_who_knows_total_and_method_cannot_tell_a_hidden_count(counts):
    """Share the hidden people out in all ways, until two counts of each publish the same table."""

    def hidden(supposed: list[int], key: int) -> list[int]:
        context = Context(n_obs=sum(supposed), key=str(key))
        return hidden_rows(publish_all((section(table(supposed)),), context)[0].tables[0])

    published = hidden(counts, 0)
    if not published or len(published) == sum(n > 0 for n in counts):
        return  # With nothing shown there is nothing to reckon from.
    total = sum(counts[i] for i in published)
    open_to: list[set[int]] = [set() for _ in published]
    for shares in product(range(1, total), repeat=len(published) - 1):
        shared = (*shares, total - sum(shares))
        news = any(n not in own for n, own in zip(shared, open_to, strict=True) if len(own) < 2)
        if shared[-1] < 1 or not news:
            continue
        supposed = list(counts)
        for place, n in zip(published, shared, strict=True):
            supposed[place] = n
        # Who has not the answers has not the key.
        if any(hidden(supposed, key) == published for key in range(24)):
            for own, n in zip(open_to, shared, strict=True):
                own.add(n)
    assert all(len(own) > 1 for own in open_to), (counts, open_to)


def test_every_number_of_a_hidden_row_goes_and_its_label_stays():
    published = publish(section(table((3, 9, 200)))).tables[0]
    assert published.rows[0] == (name(0), Hidden(), Hidden(), Hidden(), Hidden())
    assert published.rows[2] == (name(2), 200, 2.33, 1.0, 0.012)
    note = Message("disclosure.hidden", {"n": 2, "threshold": THRESHOLD})
    assert published.notes == (note,)


def test_rows_without_a_known_count_are_hidden():
    unknown = table((9, 9, 120))
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
    everybody = Provenance("mean", 49, "made up")
    first = table((4, 8, 8, 8, 21), provenance=everybody)
    second = table((4, 8, 8, 8, 21), "other", everybody, order=[4, 3, 2, 1, 0])
    published = publish(section(first, second))
    hidden = hidden_rows(published.tables[0])
    assert len(hidden) == 2
    assert hidden_rows(published.tables[1]) == sorted(4 - row for row in hidden)


def test_who_is_hidden_among_all_is_hidden_among_those_who_answered():
    # Team 1 protects team 0; the other table lacks team 0, and needs another to protect team 1.
    first = table((4, 6, 90, 90), provenance=Provenance("mean", 190, "made up"))
    answered_it = Provenance("mean", 176, "made up")
    second = table((0, 6, 80, 90), "other", answered_it, order=[1, 2, 3])
    published = publish(section(first, second))
    assert hidden_rows(published.tables[0]) == [0, 1]
    assert len(hidden_rows(published.tables[1])) == 2
    assert 0 in hidden_rows(published.tables[1])


def test_sections_published_together_protect_each_other():
    everybody = Provenance("mean", 60, "made up")
    first = section(table((4, 16, 20, 20), provenance=everybody))
    # The other section counts the two that are hidden together.
    merged = table((20, 20, 20), "other", everybody)
    labels = (Text({"da": "begge", "en": "both"}), name(2), name(3))
    rows = tuple((label, *row[1:]) for label, row in zip(labels, merged.rows, strict=True))
    known = Breakdowns(
        frozenset(),
        {
            (repr(GROUP.label), repr(SCALE.label)): {
                repr(name(0)): repr(labels[0]),
                repr(name(1)): repr(labels[0]),
                repr(name(2)): repr(labels[1]),
                repr(name(3)): repr(labels[2]),
            }
        },
    )
    other = replace(merged, columns=(SCALE, *NUMBERS), rows=rows)
    published = publish_all((first, section(other)), Context(60, known))
    assert hidden_rows(published[0].tables[0]) == [0, 1]
    fewer = Provenance("mean", 45, "made up")
    five = ((labels[0], 5, *rows[0][2:]), *rows[1:])
    small = section(replace(other, rows=five, provenance=fewer))
    few = section(table((4, 1, 20, 20), provenance=fewer))
    both = publish_all((few, small), Context(45, known))
    # Of five people in two groups, one more group has to be unknown, and the five as well.
    assert len(hidden_rows(both[0].tables[0])) >= 3
    assert 0 in hidden_rows(both[1].tables[0])


def test_crossed_groups_protect_each_other_within_each_of_the_others():
    counts = {("a", "x"): 3, ("a", "y"): 5, ("b", "x"): 8, ("b", "y"): 8, ("c", "x"): 90}
    counts |= {("c", "y"): 90}
    rows = tuple((group, scale, n, 1.0, 0.1, 0.5) for (group, scale), n in counts.items())
    crossed = Table(
        "crossed", Message("t"), (GROUP, SCALE, *NUMBERS), rows, SOURCE, respondents="respondents"
    )
    # In each scale, team a alone would be the scale's total less teams b and c.
    assert hidden_rows(publish(section(crossed)).tables[0]) == [0, 1, 2, 3]
    apart = replace(crossed, groups=())
    assert hidden_rows(publish(section(apart)).tables[0]) == [0]


def answered(rows, limits=(1.0, 5.0), n_items=6, **parts) -> Table:
    columns = (GROUP, *NUMBERS[:2], Column("sd", Message("column.sd"), "number", 2))
    told = tuple((name(k), *row) for k, row in enumerate(rows))
    n_obs = sum(row[0] for row in rows)
    return replace(
        table((1,)),
        columns=columns,
        rows=told,
        provenance=Provenance("mean", n_obs, "made up"),
        answers=Answers("bro", "mean", "sd", limits, n_items),
        **parts,
    )


def bare_rows(published: Table) -> list[int]:
    return [
        row
        for row, (n, mean) in enumerate(
            zip(published.column("respondents"), published.column("mean"), strict=True)
        )
        if mean == Hidden() and n != Hidden()
    ]


SPREAD = [(6, 3.1, 0.9), (9, 2.8, 0.7), (30, 3.3, 0.8), (40, 2.9, 0.9)]


def narrow_rows(published: Table) -> list[int]:
    return [
        row
        for row, (mean, sd) in enumerate(
            zip(published.column("mean"), published.column("sd"), strict=True)
        )
        if sd == Hidden() and mean != Hidden()
    ]


def test_standard_deviations_and_intervals_of_few_are_hidden_and_not_alone():
    own = answered(SPREAD, dispersion=("sd",))
    drawn = Figure(
        own.id, Message("f"), Message("a"), own.id, "intervals", {"x": "mean", "lower": "sd"}
    )
    few = replace(quantity(6), of=name(0))
    second = quantity(200, value=0.7654321)
    # The sentence says the deviation that protects the hidden one, as a limit.
    ends = replace(second, lower=SPREAD[1][2], upper=0.9, of=name(1))
    finding = Finding("f", Message("claim", {"q": few}), "good", evidence=(few, ends, second))
    parts = (
        section(own, findings=(finding,), figures=(drawn,)),
        Section("screening", Message("a")),
    )
    found, told = publish_all(parts, Context(85))
    table = found.tables[0]
    # Who knows all others and the total knows one; a second one is hidden with it.
    assert narrow_rows(table) == [0, 1]
    assert hidden_rows(table) == bare_rows(table) == []
    note = Message("disclosure.hidden_dispersion", {"n": 2, "threshold": 8})
    assert table.notes == (note,)
    assert found.figures[0].alt == Message("disclosure.no_intervals", {"alt": Message("a"), "n": 2})
    assert [one.lower for one in found.findings[0].evidence] == [None, None, 0.91]
    assert [one.value for one in found.findings[0].evidence] == [0.99, 0.77, 0.77]
    assert found.findings[0].claim.values["q"].upper is None
    assert found.findings[0].notes[0].values == {"n": 2, "threshold": 8}
    log = {row[0].key.rsplit(".", 1)[1]: row[1] for row in told.tables[0].rows}
    assert (log["dispersion"], log["others"]) == (2, 0)
    assert publish_all((found, told), Context(85)) == (found, told)


def test_a_row_without_numbers_hides_the_deviation_of_another():
    own = answered([(6, 3.1, 0.9), (20, 5.0, 0.0), *SPREAD[2:]], dispersion=("sd",))
    found = publish(section(own)).tables[0]
    assert 1 in bare_rows(found)
    assert narrow_rows(found) == [row for row in [0] if row not in bare_rows(found)]


def test_unnamed_groups_are_hidden_where_their_names_are():
    # Unit 0 is small, and another is hidden to protect it.
    named = table((4, 6, 90, 100))
    (hidden,) = [[0, 1]]
    label = Message("title")
    columns = (Column("place", label, "message"), Column("mean", label, "number", 2))
    rows = tuple((Message(f"place{k}"), 2.0 + k) for k in range(3))
    groups = (name(3), name(1), name(2))
    unnamed = Table("unnamed", label, columns, rows, SOURCE, unnamed=Unnamed(GROUP.label, groups))
    found = publish(section(named, unnamed))
    assert hidden_rows(found.tables[0]) == hidden
    cells = found.tables[1].column("mean")
    # Whoever knows that all add up to nothing would know one alone.
    assert cells[1] == Hidden()
    assert cells.count(Hidden()) == 2
    assert found.tables[1].unnamed is None
    assert found.tables[1].notes == (Message("disclosure.hidden_numbers", {"n": 2}),)
    whole = publish(section(named, unnamed), confidential=True).tables[1]
    assert whole.column("mean") == (2.0, 3.0, 4.0)
    assert whole.unnamed is None


@pytest.mark.parametrize("row", [(12, 5.0, 0.0), (12, 4.97, 0.2), (30, 1.0, 0.0), (9, 3.0, 0.0)])
def test_who_all_answered_the_same_is_hidden_with_another_but_is_counted(row):
    found = publish(section(answered([row, (20, 3.1, 0.8), (25, 2.9, 0.7)]))).tables[0]
    assert 0 in bare_rows(found)
    assert len(bare_rows(found)) == 2
    assert hidden_rows(found) == []
    assert found.notes[-1].key == "disclosure.hidden_numbers"


def test_means_that_give_the_sum_of_answers_away_are_coarser_or_hidden():
    def mean(rows, n_items):
        published = publish(section(answered(rows, n_items=n_items))).tables[0]
        return published.columns[2].digits, published.column("mean")[0], bare_rows(published)

    large = [(40, 3.456, 0.8), (50, 2.9, 0.7)]
    assert mean(large, 1) == (2, 3.46, [])
    assert mean([(12, 3.456, 0.8), *large], 24) == (2, 3.46, [])
    # Of 36 answers, none but 125 add up to a mean that rounds to 3.47, but several to 3.5.
    assert mean([(12, 3.472, 0.8), *large], 3) == (1, 3.5, [])
    _, shown, bare = mean([(12, 3.416, 0.8), *large], 1)
    assert (shown, 0 in bare, len(bare)) == (Hidden(), True, 2)


def test_hidden_means_cannot_be_worked_out_from_the_others():
    # A leader alone is hidden; a group of 90 would leave a mean of 3 open by 0.04 only.
    rows = [(1, 5.0, 0.0), (90, 3.0, 0.8), (8, 3.0, 0.8), (200, 3.0, 0.8)]
    found = publish(section(answered(rows))).tables[0]
    hidden = [k for k, cell in enumerate(found.column("mean")) if cell == Hidden()]
    assert 0 in hidden
    room = {k: 4.0 * sum(rows[j][0] for j in hidden if j != k) / rows[k][0] for k in hidden}
    counts_open = set(hidden_rows(found))
    assert all(room[k] >= 0.5 or k in counts_open for k in hidden)


def test_distributions_of_few_are_hidden_and_their_counts_shown():
    columns = (GROUP, NUMBERS[0], NUMBERS[2], replace(NUMBERS[2], name="rest"))
    rows = ((name(0), 7, 0.5, 0.5), (name(1), 8, 0.5, 0.5), (name(2), 60, 0.3, 0.7))
    spread = replace(table((1,)), columns=columns, rows=rows, distribution=True)
    found = publish(section(spread)).tables[0]
    assert found.column("respondents") == (7, 8, 60)
    assert found.column("share")[0] == Hidden()
    assert found.column("share").count(Hidden()) == 2
    same = ((name(0), 15, 14 / 15, 1 / 15), (name(1), 40, 1.0, 0.0), (name(2), 60, 0.3, 0.7))
    alike = publish(section(replace(spread, rows=same))).tables[0]
    assert [cell == Hidden() for cell in alike.column("share")] == [True, True, False]
    few = replace(spread, provenance=Provenance("count", 7, "x"), respondents=None)
    assert publish(section(few)).tables[0].notes[-1].values == {"threshold": 8}


def test_what_everybody_answered_is_hidden_where_all_answered_the_same():
    columns = (GROUP, NUMBERS[2], replace(NUMBERS[2], name="rest"))
    rows = ((name(0), 1.0, 0.0), (name(1), 0.4, 0.6))
    answers = Table("answers", Message("t"), columns, rows, SOURCE, distribution=True)
    assert publish(section(answers)).tables[0].column("share") == (Hidden(), 0.4)


@pytest.mark.parametrize(
    ("leaders", "raters", "shown"),
    [(3, 10, True), (2, 40, False), (8, 9, False), (None, 40, False)],
)
def test_leaders_are_told_of_by_three_and_by_ten_raters(leaders, raters, shown):
    columns = (GROUP, *NUMBERS[:2], Column("n_leaders", Message("column.n_leaders"), "count", 0))
    rows = ((name(0), raters, 3.0, leaders), (name(1), 40, 3.1, 9), (name(2), 50, 2.9, 9))
    about = AboutLeaders("n_leaders", "respondents")
    led = replace(table((1,)), columns=columns, rows=rows, leaders=about)
    found = publish(section(led)).tables[0]
    assert (found.column("mean")[0] == 3.0) == shown
    assert found.column("respondents") == (raters, 40, 50)
    own = replace(led, leaders=AboutLeaders("n_leaders"))
    alone = publish(section(own)).tables[0].column("mean")[0]
    assert (alone == 3.0) == (leaders is not None and leaders >= 3)


def test_people_are_grouped_by_declared_columns_only():
    label = Message("plain", {"text": Text({"en": "Birthday"})})
    own = table((20, 30, 40))
    by_birthday = replace(own, columns=(Column("group", label, "message"), *NUMBERS))
    context = Context(90, Breakdowns(frozenset({repr(GROUP.label)})))
    refused, allowed = publish_all((section(by_birthday), section(own)), context)
    assert set(refused.tables[0].column("mean")) == {Hidden()}
    assert refused.tables[0].notes == (Message("disclosure.no_breakdown", {"columns": (label,)}),)
    assert allowed.tables[0].column("respondents") == (20, 30, 40)


def test_groups_that_few_have_joined_since_are_not_told_of_again():
    before = publish_all((section(answered([(20, 3.0, 0.8), (30, 3.2, 0.8), (40, 2.9, 0.7)])),))
    earlier = published_sets.report(before, 90)
    late = answered([(21, 3.05, 0.8), (36, 3.3, 0.8), (40, 2.9, 0.7)])
    (now,) = publish_all((section(late),), Context(97, earlier=(Earlier(earlier),)))
    assert 0 in bare_rows(now.tables[0])
    assert now.tables[0].column("respondents") == (21, 36, 40)
    # Of the group that nobody has joined everybody has the mean already.
    assert now.tables[0].column("mean")[2] == 2.9


def test_what_an_earlier_publication_hides_stays_hidden():
    (before,) = publish_all((section(table((4, 6, 90, 90))),))
    earlier = published_sets.report((before,), 190)
    (now,) = publish_all(
        (section(table((9, 12, 90, 90))),), Context(201, earlier=(Earlier(earlier),))
    )
    assert hidden_rows(now.tables[0]) == hidden_rows(before.tables[0]) == [0, 1]


def test_what_a_table_hides_is_hidden_in_sentences_of_the_same_group():
    # The group of 9 protects the one of 4.
    own = table((4, 9, 187), provenance=Provenance("mean", 200, "made up"))
    assert hidden_of(4, 9, 187) == [0, 1]
    shares = (9 / 200, 187 / 200)
    of = [replace(quantity(200, value=share), of=name(k)) for k, share in enumerate(shares, 1)]
    other = replace(of[0], of=name(2))
    claim = Message("claim", {"group": name(1), "first": quantity(200, shares[0]), "rest": of[1]})
    finding = Finding("f", claim, "good", evidence=(*of, other))
    found = publish(section(own, findings=(finding,))).findings[0]
    assert [one.value for one in found.evidence] == [None, 0.94, 0.04]
    assert [found.claim.values[key] == Hidden() for key in ("first", "rest")] == [True, False]
    assert [note.key for note in found.notes] == ["disclosure.hidden_quantity"]


@pytest.mark.parametrize("counts", [(3, 0), (2, 3), (0, 1)])
def test_a_table_that_nothing_can_protect_is_left_out_with_what_is_drawn_of_it(counts):
    # Whoever knows the total of so few knows each to within 4.
    own, other = table(counts), table((20, 180), "other")
    drawn = [
        Figure(name, Message("f"), Message("f"), name, "bars", {"x": "mean"})
        for name in ("means", "other")
    ]
    parts = (section(own, other, figures=tuple(drawn)), Section("screening", Message("a")))
    context = Context(200)
    found, told = publish_all(parts, context)
    assert found.table("means").rows == ()
    assert found.table("means").provenance.n_obs is None
    assert found.table("means").notes == (Message("disclosure.left_out"),)
    assert found.table("other").column("respondents") == (20, 180)
    assert [figure.id for figure in found.figures] == ["other"]
    log = {row[0].key.rsplit(".", 1)[1]: row[1] for row in told.tables[0].rows}
    assert (log["left_out"], log["rows"]) == (1, 0)
    assert publish_all((found, told), context) == (found, told)


def test_tables_by_the_finest_column_are_left_out_where_too_much_would_be_small(monkeypatch):
    monkeypatch.setattr("analyses.disclosing.choice.MOST_CELLS", 10)
    monkeypatch.setattr("analyses.disclosing.choice.MOST_SMALL", 1)
    everybody = table((3, 9, 3, 185), "counts")
    scale = replace(SOURCE, n_obs=150)
    fine = table((2, 7, 2, 139), "fine", scale)
    coarse = replace(
        table((70, 80), "coarse", scale), columns=(replace(GROUP, label=Message("rough")), *NUMBERS)
    )
    drawn = Figure("fine", Message("f"), Message("f"), "fine", "bars", {"x": "mean"})
    parts = (
        section(everybody, fine, coarse, figures=(drawn,)),
        Section("screening", Message("a")),
    )
    found, told = publish_all(parts, Context(200))
    assert found.table("fine").rows == ()
    assert found.table("fine").notes == (Message("disclosure.too_fine"),)
    assert found.figures == ()
    assert found.table("coarse").column("respondents") == (70, 80)
    # How many answered at all is still told by the finest column.
    assert hidden_rows(found.table("counts")) == [0, 1, 2]
    log = {row[0].key.rsplit(".", 1)[1]: row[1] for row in told.tables[0].rows}
    assert (log["too_fine"], log["left_out"], log["rows"]) == (1, 0, 3)
    assert publish_all((found, told), Context(200)) == (found, told)


def test_the_screening_says_how_much_is_hidden_by_which_rule():
    parts = (section(table((3, 9, 200))), Section("screening", Message("a")))
    told = publish_all(parts, Context(212))[1].tables[0]
    assert publish_all(parts)[1].tables == ()
    counts = {row[0].key.rsplit(".", 1)[1]: row[1] for row in told.rows}
    assert counts == {**dict.fromkeys(counts, 0), "rows": 2}
    assert publish_all(parts, confidential=True)[1].tables == ()


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
    assert [note.key for note in published.notes] == (
        ["disclosure.hidden_quantity"]
        if is_hidden
        else ["disclosure.hidden_interval"] * (n_obs == 5)
    )
    assert is_hidden or (shown.lower is None) == (n_obs == 5)
    told = publish(section(findings=(finding,)), confidential=True).findings[0]
    assert told.evidence[0].value == 0.99


COUNTS = st.lists(st.integers(0, 12) | st.integers(0, 200), min_size=1, max_size=8)


@settings(deadline=None, max_examples=40)
@given(COUNTS)
def test_no_published_row_is_small_and_none_can_be_worked_out(counts):
    published = publish(section(table(counts))).tables[0]
    hidden = hidden_rows(published)
    if not published.rows:
        # So few people cannot be told apart from each other by hiding.
        people = [n for n in counts if n]
        assert sum(people) - len(people) < THRESHOLD
        return
    shown = [n for i, n in enumerate(counts) if i not in hidden]
    assert not any(0 < n < THRESHOLD for n in shown)
    if hidden and any(shown):
        # Whoever knows the total knows what the hidden ones count together.
        together = sum(counts[i] for i in hidden)
        assert together - len(hidden) >= THRESHOLD
    if not any(0 < n < THRESHOLD for n in counts):
        assert hidden == []


@settings(deadline=None, max_examples=30)
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


@settings(deadline=None, max_examples=30)
@given(st.permutations(range(6)), st.lists(st.integers(0, 12), min_size=6, max_size=6))
def test_the_order_of_the_rows_does_not_decide_who_is_hidden(order, counts):
    first = publish(section(table(counts))).tables[0]
    other = publish(section(table(counts, order=order))).tables[0]
    assert {str(first.rows[i][0]) for i in hidden_rows(first)} == {
        str(other.rows[i][0]) for i in hidden_rows(other)
    }
