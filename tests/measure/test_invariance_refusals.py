"""Groups, models and answers that cannot be compared, each refused with what to do."""

import pandas as pd
import pytest

import measure
from measure.errors import DataError, ListwiseWarning, ModelError, OptionError
from tests.measure.comparability.test_invariance import THREE, answers, two_factors
from tests.reference_cases import data


def hs39(**changes):
    return data("hs39.csv").assign(**changes)


REFUSED = {
    "one group only": (THREE, {"group": "g"}, hs39(g="all"), DataError, "holds 1 value"),
    "hundreds of values": (
        *(THREE, {"group": "id"}, hs39(id=range(301)), DataError),
        "holds 301 values.*bands",
    ),
    "no such column": (THREE, {"group": "skole"}, hs39(), DataError, 'need one column "skole"'),
    "a group too small": (
        *(THREE, {"group": "g"}, hs39(g=["a"] * 280 + ["b"] * 21), DataError),
        r'too few respondents in "b" \(21\).*9 items and 30 parameters.*Merge groups',
    ),
    "an item that is constant in a group": (
        *(THREE, {"group": "school"}, None, DataError),
        'x1.*in group "Grant-White"',
    ),
    "no such item": (
        *(THREE.replace("x3", "x33"), {"group": "school"}, None, DataError),
        "x33",
    ),
    "no such cluster": (
        *(THREE, {"group": "school", "cluster": "class"}, None, DataError),
        'need one column "class"',
    ),
    "an unknown step": (
        *(THREE, {"group": "school", "steps": ["configural", "weak"]}, None, OptionError),
        'step "weak" is not known; the steps are configural, thresholds',
    ),
    "steps out of order": (
        *(THREE, {"group": "school", "steps": ["configural", "scalar", "metric"]}, None),
        *(OptionError, "out of order or twice; they are configural, metric, scalar"),
    ),
    "a step twice": (
        *(THREE, {"group": "school", "steps": ["configural", "metric", "metric"]}, None),
        *(OptionError, "twice"),
    ),
    "no first step": (
        *(THREE, {"group": "school", "steps": ["metric", "scalar"]}, None, OptionError),
        'the first step is "configural"',
    ),
    "steps as one text": (
        *(THREE, {"group": "school", "steps": "metric"}, None, OptionError),
        "steps is a list",
    ),
    "thresholds of continuous items": (
        *(THREE, {"group": "school", "steps": ["configural", "thresholds"]}, None, OptionError),
        "needs ordered items",
    ),
    "a path": (f"{THREE}\nspeed ~ visual", {"group": "school"}, None, ModelError, "paths are no"),
    "a factor of factors": (
        *(f"{THREE}\ng =~ visual + textual + speed", {"group": "school"}, None, ModelError),
        "factors of factors",
    ),
    "a label": (THREE.replace("x2", "a*x2"), {"group": "school"}, None, ModelError, "labels"),
    "a constraint": (f"{THREE}\na == 1", {"group": "school"}, None, ModelError, "constraints"),
    "a scale in the text": (
        *(f"{THREE}\nvisual ~~ 1*visual", {"group": "school"}, None, ModelError),
        "variances of factors.*are set by the steps",
    ),
    "a mean in the text": (
        *(f"{THREE}\nvisual ~ 1", {"group": "school"}, None, ModelError),
        "means of factors.*are set by the steps",
    ),
    "blocks of groups": (
        *(f"group: 1\n{THREE}\ngroup: 2\n{THREE}", {"group": "school"}, None, ModelError),
        "`group:` blocks",
    ),
    "values by group": (
        *(f"{THREE}\nvisual =~ c(0, NA)*x9", {"group": "school"}, None, ModelError),
        "not the same in all groups",
    ),
    "another variable": (f"{THREE}\nx1 ~~ ageyr", {"group": "school"}, None, ModelError, "ageyr"),
    "an unknown parameter": (
        *(THREE, {"group": "school", "partial": ["visual =~ x9"]}, None, OptionError),
        "names no parameter",
    ),
    "an unknown group": (
        *(THREE, {"group": "school", "partial": {"x1 ~1": ["Pasteurs"]}}, None, OptionError),
        'group "Pasteurs".*"Pasteur", "Grant-White"',
    ),
    "a parameter fixed in the text": (
        *(f"{THREE}\nvisual ~~ 0*speed", {"group": "school", "partial": ["visual ~~ speed"]}),
        *(None, OptionError, "fixes this parameter"),
    ),
    "partial as one text": (
        *(THREE, {"group": "school", "partial": "x1 ~1"}, None, OptionError),
        "partial is a list",
    ),
    "no anchor": (
        *(THREE, {"group": "school", "partial": ["x1 ~1", "x2 ~1"]}, None, OptionError),
        'no anchor left: of the intercepts of "visual"',
    ),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_what_cannot_be_done_is_refused(name):
    text, options, frame, error, words = REFUSED[name]
    frame = hs39() if frame is None else frame
    if name == "an item that is constant in a group":
        frame.loc[frame["school"] == "Grant-White", "x1"] = 3.0
    with pytest.raises(error, match=words):
        measure.measurement_invariance(text, frame, **options)


REFUSED_ORDERED = {
    "strict in delta": ({"steps": ["configural", "strict"]}, 'Give parameterization="theta"'),
    "too few thresholds": ({"partial": ["u1 | t1", "u1 | t2"]}, "two have to stay equal"),
    "a word for categories": ({"categories": "fill"}, "unknown categories 'fill'"),
}


@pytest.mark.parametrize("name", list(REFUSED_ORDERED))
def test_what_ordered_items_do_not_have_is_refused(name):
    options, words = REFUSED_ORDERED[name]
    with pytest.raises(OptionError, match=words):
        measure.measurement_invariance(
            two_factors(6), answers([4] * 6), group="g", ordered=True, **options
        )


def test_a_loading_of_a_binary_item_is_not_released():
    with pytest.raises(OptionError, match='Release "u6 ~1" instead'):
        measure.measurement_invariance(
            two_factors(6),
            answers([4, 4, 4, 4, 4, 2]),
            group="g",
            ordered=True,
            partial=["f2 =~ u6"],
        )


def test_blank_groups_are_dropped_and_counted():
    frame = hs39()
    frame.loc[:9, "school"] = None
    with pytest.warns(ListwiseWarning, match="10 of 301") as caught:
        found = measure.measurement_invariance(THREE, frame, group="school")
    assert len(caught) == 1
    assert found.groups.sum() == 291
    assert '10 of 301 rows have no value in the group column "school".' in found.notes
    assert len(found.notes) == len(set(found.notes))
    assert "respondents in Pasteur" in repr(found)


def test_categories_that_a_group_does_not_use():
    frame = answers([4, 4, 4, 4, 4, 5])
    frame.loc[(frame["g"] == "group 1") & (frame["u6"] == 5), "u6"] = 4
    frame.loc[(frame["g"] == "group 0") & (frame["u1"] == 1), "u1"] = 2
    frame.loc[(frame["g"] == "group 0") & (frame["u2"] == 3), "u2"] = 4
    options = {"group": "g", "ordered": True}
    with pytest.raises(DataError, match=r'1 of "u1" in group "group 0".*5 of "u6".*merge'):
        measure.measurement_invariance(two_factors(6), frame, **options)
    before = frame.copy()
    found = measure.measurement_invariance(two_factors(6), frame, categories="merge", **options)
    pd.testing.assert_frame_equal(frame, before)
    assert [note for note in found.notes if "were merged" in note] == [
        f'categories of "{item}" that not every group uses were merged in all groups: {which}.'
        for item, which in (("u1", "1+2"), ("u2", "2+3"), ("u6", "4+5"))
    ]
    by_hand = frame.assign(
        u1=frame["u1"].clip(lower=2), u2=frame["u2"].replace(3, 2), u6=frame["u6"].clip(upper=4)
    )
    again = measure.measurement_invariance(two_factors(6), by_hand, **options)
    pd.testing.assert_frame_equal(found.table, again.table)
