"""Constraints and options across groups: the model must be the one that lavaan makes of them.

The numbers are lavaan 0.6-14's (R 4.2) for `cfa(text, hs39, group = "school", ...)` and, in the
last test, `lavaan(text, hs39)`: npar, df and chisq of fitMeasures(), printed to six decimals.
"""

import numpy as np
import pandas as pd
import pytest

import measure
from measure.errors import DataError, OptionError
from tests.reference_cases import data

PLAIN = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6"


@pytest.fixture(scope="module")
def hs39():
    return data("hs39.csv")


def visual(third, second="x2"):
    return f"visual =~ x1 + {second} + {third}\ntextual =~ x4 + x5 + x6"


TIED = visual('equal("visual=~x2")*x3')
BLOCKS = f"group: 1\n{TIED}\ngroup: 2\n{PLAIN}"


@pytest.mark.parametrize(
    ("text", "options", "npar", "df", "chisq"),
    [
        # Labels of their own take loadings out of group_equal.
        (
            visual("x3", "c(a, b)*x2"),
            {"group_equal": ["loadings", "intercepts"]},
            *(31, 23, 63.623955),
        ),
        # One name is one parameter: that of the first group.
        (TIED, {}, 36, 18, 35.650722),
        (visual('equal(c("visual=~x2", "visual=~x2.g2"))*x3'), {}, 36, 18, 31.999384),
        # A block of text speaks of its own group only.
        (BLOCKS, {}, 37, 17, 30.401491),
        (PLAIN, {"group_equal": ["loadings"], "meanstructure": False}, 22, 20, 38.947085),
    ],
)
def test_the_model_is_that_of_lavaan(hs39, text, options, npar, df, chisq):
    found = measure.cfa(text, hs39, group="school", **options).fit_measures
    assert (found["npar"], found["df"]) == (npar, df)
    assert found["chisq"] == pytest.approx(chisq, abs=2e-5)


def test_one_label_for_all_groups_is_noted(hs39):
    assert "a: a label that is written once" in " ".join(
        measure.cfa(visual("a*x3"), hs39, group="school").notes
    )
    for text, options in ((visual("c(a, b)*x3"), {"group": "school"}), (visual("a*x3"), {})):
        assert "label" not in " ".join(measure.cfa(text, hs39, **options).notes)


def test_a_group_without_means_has_no_equal_intercepts(hs39):
    with pytest.raises(OptionError, match="meanstructure=False leaves out"):
        measure.cfa(PLAIN, hs39, group="school", group_equal=["intercepts"], meanstructure=False)


def test_covariances_of_groups_need_means_or_a_word(hs39):
    names = [f"x{k}" for k in range(1, 7)]
    parts = dict(tuple(hs39.groupby("school", sort=False)[names]))
    given = {
        "sample_cov": {name: part.cov() for name, part in parts.items()},
        "sample_nobs": {name: len(part) for name, part in parts.items()},
    }
    with pytest.raises(OptionError, match="give meanstructure=False"):
        measure.cfa(PLAIN, **given)
    fit = measure.cfa(PLAIN, **given, group="school", group_equal=["loadings"], meanstructure=False)
    assert fit.fit_measures["chisq"] == pytest.approx(38.947085, abs=2e-5)


@pytest.mark.parametrize("kind", ["category", "string", object])
def test_groups_do_not_depend_on_how_their_column_is_stored(hs39, kind):
    stored = hs39.assign(school=hs39["school"].astype(kind))
    if kind == "category":
        stored["school"] = stored["school"].cat.add_categories(["unused"])
    fit = measure.cfa(PLAIN, stored, group="school")
    assert fit.moments.groups == ("Pasteur", "Grant-White")
    assert fit.moments.n_obs == (156, 145)


def test_a_single_cluster_is_refused(hs39):
    one = hs39.assign(team=1)
    with pytest.raises(DataError, match="the rows used belong to one cluster"):
        measure.cfa(PLAIN, one, cluster="team")
    with pytest.raises(DataError, match='in group "Pasteur" belong to one cluster'):
        measure.cfa(PLAIN, one, group="school", cluster="school")


def test_a_bound_that_holds_is_noted(hs39):
    fit = measure.cfa(visual("lower(0.9)*x3"), hs39)
    assert '"visual =~ x3 > 0.9": the search ended at this bound' in " ".join(fit.notes)
    loose = measure.cfa(visual("lower(0.1)*x3"), hs39)
    assert "bound" not in " ".join(loose.notes)


def test_complex_answers_are_refused(hs39):
    with pytest.raises(DataError, match='item "x1" holds complex numbers'):
        measure.cfa(PLAIN, hs39.assign(x1=hs39["x1"].astype(complex)))


def test_a_complete_text_needs_no_moments_of_given_predictors(hs39):
    fit = measure.fit("x1 ~ x4 + x7\nx2 ~ x1 + x4\nx1 ~~ x1\nx2 ~~ x2", hs39)
    assert fit.fit_measures[["npar", "df"]].tolist() == [6, 1]
    assert fit.fit_measures["chisq"] == pytest.approx(3.630396, abs=2e-5)
    rows = pd.DataFrame(fit.parameters).query("lhs == 'x1' and op == '~'")
    np.testing.assert_allclose(rows["est"], [0.373, 0.002], atol=5e-4)
    np.testing.assert_allclose(rows["se"], [0.054, 0.058], atol=5e-4)
