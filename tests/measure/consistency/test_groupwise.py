import numpy as np
import pandas as pd
import pytest

from measure.consistency.groupwise import by_group
from measure.consistency.guttman import guttman_lambdas
from measure.consistency.omega import omega_total
from measure.consistency.reliability import cronbach_alpha
from measure.errors import DataError
from tests.reference_cases import data

HS39 = data("hs39.csv")[["school", "x7", "x8", "x9"]]


def test_each_group_by_itself():
    found = by_group(cronbach_alpha, HS39, group="school")
    for label, part in HS39.groupby("school"):
        alone = cronbach_alpha(part.drop(columns="school"))
        assert found.results[label].alpha == alone.alpha
        assert found.table.set_index("by").loc[label, "ci.lower"] == alone.ci_lower
    # Groups in the order of the rows.
    assert found.table["by"].to_list() == HS39["school"].drop_duplicates().to_list()
    assert 'By "school"' in repr(found)
    assert "<table" in found._repr_html_()


def test_with_options_and_several_rows():
    found = by_group(lambda part: omega_total(part, confidence_level=0.9), HS39, group="school")
    assert len(found.table) == 4
    lambdas = by_group(guttman_lambdas, HS39, group="school")
    assert len(lambdas.table) == 16
    assert all(note.startswith('Group "') for note in lambdas.notes)


def test_a_group_that_cannot_be_analysed_is_named():
    few = pd.concat([HS39, HS39.iloc[:2].assign(school="Tiny")], ignore_index=True)
    few.loc[0, "school"] = np.nan
    found = by_group(cronbach_alpha, few, group="school")
    assert list(found.results) == ["Pasteur", "Grant-White"]
    assert found.n_dropped == 1
    assert 'Group "Tiny" is left out: ' in found.notes[0]
    with pytest.raises(DataError, match="no group of"):
        by_group(cronbach_alpha, few.assign(school=few.index), group="school")
    with pytest.raises(DataError, match="1 value"):
        by_group(cronbach_alpha, HS39.assign(school=1), group="school")
