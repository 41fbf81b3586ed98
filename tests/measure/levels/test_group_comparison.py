"""Comparisons of groups against R, and what they leave out."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import studentized_range

import measure
from measure.errors import DataError, OptionError
from measure.levels.group_comparison import _critical
from tests.measure.ledger import GROUPS
from tests.reference_cases import case, data

UNITS = data("units.csv")


@pytest.mark.parametrize("name", GROUPS)
def test_reference(name):
    reference = case(name)
    results = reference["results"]
    frame = UNITS[UNITS["profession"] != "p6"]
    found = measure.compare_groups(frame, "score", group="profession")
    assert found.n_obs == reference["nobs"]
    expected = dict(results["welch"])
    lower, upper = expected.pop("omega2.ci")
    expected |= {"omega2.ci.lower": lower, "omega2.ci.upper": upper}
    assert found.welch.to_dict() == pytest.approx(expected, rel=1e-6)
    own = found.pairs.copy()
    for row in results["pairs"]:
        pair = own[own["group1"].isin([row["group1"], row["group2"]])]
        pair = pair[pair["group2"].isin([row["group1"], row["group2"]])].iloc[0]
        # Groups come in the order of the data: R sorts them.
        turned = pair["group1"] != row["group1"]
        for column in ("se", "df", "pvalue", "pvalue.single", "pvalue.holm"):
            assert pair[column] == pytest.approx(row[column], rel=1e-5, abs=1e-9), column
        for column in ("difference", "t", "d"):
            assert (-1) ** turned * pair[column] == pytest.approx(row[column], rel=1e-7)
        for column in ("ci", "d.ci"):
            ends = sorted((-1) ** turned * pair[f"{column}.{end}"] for end in ("lower", "upper"))
            # R's qtukey is right to about 1e-5.
            wanted = [row[f"{column}.lower"], row[f"{column}.upper"]]
            assert ends == pytest.approx(wanted, rel=1e-4, abs=1e-4)
    assert "Games" not in repr(found)
    assert "pvalue.holm" in repr(found)
    assert "<table" in found._repr_html_()


def test_quantiles_of_the_studentized_range_between_the_nodes():
    df = np.array([5.5, 8.0, 9.0, 14.0, 25.0, 40.0, 77.0, 150.0, 400.0])
    found = _critical(df, 5, 0.95)
    np.testing.assert_allclose(studentized_range.sf(found, 5, df), 0.05, atol=1e-5)


def test_groups_that_cannot_be_compared_are_named():
    frame = pd.concat(
        [
            UNITS[["role", "score"]],
            pd.DataFrame({"role": ["alone", "same", "same", None], "score": [1.0, 2.0, 2.0, 3.0]}),
        ]
    )
    found = measure.compare_groups(frame, "score", group="role")
    assert found.pairs[["group1", "group2"]].to_numpy().tolist() == [["employee", "leader"]]
    assert found.notes == (
        "Not compared, with one answer or answers that are all the same: alone, same.",
    )
    assert found.groups.index.tolist() == ["employee", "leader", "alone", "same"]
    assert (found.n_obs, found.n_dropped) == (len(UNITS), 4)
    # Two groups: Welch's F is the square of his t.
    pair = found.pairs.iloc[0]
    assert found.welch["f"] == pytest.approx(pair["t"] ** 2)
    assert pair["pvalue"] == pytest.approx(pair["pvalue.single"], rel=1e-5)


def test_no_difference_has_no_effect():
    frame = pd.DataFrame({"g": list("aabbcc") * 10, "y": [1, 2] * 30})
    found = measure.compare_groups(frame, "y", group="g")
    assert found.welch["omega2"] == found.welch["omega2.ci.lower"] == 0
    assert found.pairs["pvalue"].tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"group": "team"}, DataError, 'no column "team"'),
        ({"group": "score"}, DataError, "both the value and the group"),
        ({"group": "one"}, DataError, "needs two such groups"),
        ({"confidence_level": 0}, OptionError, "confidence_level"),
    ],
)
def test_refusals(options, error, message):
    with pytest.raises(error, match=message):
        measure.compare_groups(UNITS.assign(one=1), "score", **{"group": "role", **options})
