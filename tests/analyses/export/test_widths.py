import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyses.export import widths
from analyses.export.widths import layout


def test_a_narrow_table_is_as_wide_as_its_texts():
    made = layout(["Item", "n"], [["bro1", "1.234"]], [False, True])
    assert made.widths == pytest.approx((1.2 * 4 + 2, 5 + 2))
    assert not made.landscape


def test_long_texts_share_what_numbers_leave():
    made = layout(["A", "B", "n"], [["ord " * 40, "ord " * 80, "12"]], [False, False, True])
    assert sum(made.widths) == pytest.approx(widths.PORTRAIT)
    assert made.widths[2] == 4
    assert not made.landscape


def test_many_numbers_lie_on_their_side():
    made = layout(["Heading"] * 16, [["0.123"] * 16] * 3, [True] * 16)
    assert made.landscape
    assert sum(made.widths) <= widths.LANDSCAPE


@given(
    st.lists(
        st.tuples(
            st.text("ab ", max_size=30),
            st.lists(st.text("ab ", max_size=90), min_size=2, max_size=2),
            st.booleans(),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_a_table_never_leaves_its_page(columns):
    headings = [heading for heading, _, _ in columns]
    rows = [[texts[place] for _, texts, _ in columns] for place in range(2)]
    made = layout(headings, rows, [numeric for _, _, numeric in columns])
    room = widths.LANDSCAPE if made.landscape else widths.PORTRAIT
    assert sum(made.widths) <= room + 1e-9
    assert all(width > 0 for width in made.widths)
