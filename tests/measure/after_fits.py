"""The fits of the cases of kind `after`, each made once."""

from functools import cache

from tests.measure.reference_fits import refit
from tests.reference_cases import case, cases

AFTER = [content["id"] for content in cases("after")]
# Two groups with equal loadings.
TIED = "after_hs39_school_loadings"
# A factor that the second group does not have.
ONE_GROUP_ONLY = """
group: Pasteur
f =~ x1 + x2 + x3
s =~ x7 + x8 + x9
s ~ f
group: Grant-White
s =~ x7 + x8 + x9
x1 ~~ x2 + x3
x2 ~~ x3
"""


@cache
def fitted(name):
    """Fit the model of a case."""
    return refit(case(name), case(name))


def results(name):
    """Give what lavaan found after the same fit."""
    return case(name)["results"]


def by_name(table, fit, columns):
    """Give the rows of a table as dictionaries by (lhs, op, rhs, group counted from 1)."""
    number = {label: k for k, label in enumerate(fit.moments.groups, start=1)}
    return {
        (row["lhs"], row["op"], row["rhs"], number[row["group"]]): {c: row[c] for c in columns}
        for row in table.to_dict("records")
    }


def found(rows, row):
    """Find a reference row; `a ~~ b` and `b ~~ a` are the same, and `f =~ x` and `x ~ f`."""
    lhs, op, rhs, group = row["lhs"], row["op"], row["rhs"], row.get("group", 1)
    if (lhs, op, rhs, group) in rows:
        return rows[lhs, op, rhs, group]
    return rows[rhs, {"=~": "~", "~~": "~~"}[op], lhs, group]
