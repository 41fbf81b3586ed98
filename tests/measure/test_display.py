import numpy as np
import pandas as pd
import pytest

from measure.display import cell, render_html, render_text

TABLE = pd.DataFrame(
    {"est": [0.12345, -0.00001], "n": [10, 20], "note": ["a < b", None]}, index=["q1", "q2"]
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.12345, "0.123"),
        (-0.00001, "0.000"),
        (3, "3"),
        (np.int64(4), "4"),
        (np.float64(2.5), "2.500"),
        (float("nan"), ""),
        (float("inf"), "inf"),
        (None, ""),
        (pd.NA, ""),
        (True, "yes"),
        (np.bool_(False), "no"),
        ((0.5, "b"), "0.500, b"),
        ("text", "text"),
    ],
)
def test_cells(value, text):
    assert cell(value) == text


def test_text():
    text = render_text("Title", {"n": 30, "estimator": "ML"}, {"Items": TABLE})
    assert text.splitlines()[:5] == ["Title", "  n          30", "  estimator  ML", "", "Items"]
    assert "0.123" in text
    assert "q1" in text


def test_digits_are_chosen():
    assert "0.1235" in render_text("Title", {}, {"Items": TABLE}, digits=4)


def test_an_index_that_only_counts_is_not_shown():
    plain = TABLE.reset_index(drop=True)
    assert not render_text("T", {}, {"": plain}).splitlines()[-1].lstrip().startswith("1")


def test_html_is_escaped_and_whole():
    long = pd.DataFrame({"note": ["x" * 80 + " <script>"]})
    html = render_html("A & B", {"<fact>": "<b>"}, {"Cap <i>": long, "Items": TABLE})
    assert "A &amp; B" in html
    assert "&lt;fact&gt;" in html
    assert "&lt;b&gt;" in html
    assert "Cap &lt;i&gt;" in html
    assert "x" * 80 + " &lt;script&gt;" in html
    assert "a &lt; b" in html
    assert "<script>" not in html


def test_the_table_itself_is_left_alone():
    before = TABLE.copy()
    render_text("Title", {}, {"Items": TABLE})
    render_html("Title", {}, {"Items": TABLE})
    pd.testing.assert_frame_equal(TABLE, before)
