"""The fits of the cases of kind `ordinal_misfit`, each made once."""

from functools import cache

from tests.measure.reference_fits import refit
from tests.reference_cases import case, cases

MISFIT = [content["id"] for content in cases("ordinal_misfit")]


@cache
def fitted(name):
    """Fit the model of a case."""
    return refit(case(name), case(name))


def results(name):
    """Give what lavaan found after the same fit."""
    return case(name)["results"]
