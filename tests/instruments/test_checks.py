"""Reading the names out of model text."""

import pytest

from instruments.checks import variables
from instruments.schema import MeasurementModel

TEXTS = [
    ("f =~ a + b + c", ("f",), {"a", "b", "c", "f"}),
    ("f =~ NA*a + l1*b + c(1, 2)*c", ("f",), {"a", "b", "c", "f"}),
    ("f =~ a +\n  b\n  + c  # + d", ("f",), {"a", "b", "c", "f"}),
    ("f =~ a + b; g =~ c + d ! + e", ("f", "g"), {"a", "b", "c", "d", "f", "g"}),
    ("f =~ a + b\nf ~ x\na ~~ b\na ~ 1", ("f",), {"a", "b", "f", "x"}),
    ("f =~ a + b\na | t1 + t2\na ~*~ 1*a", ("f",), {"a", "b", "f"}),
    ("f =~ l*a + b\nl > 0\nk := l * 2\nl == k", ("f",), {"a", "b", "f"}),
    ("level: 1\nf =~ a + b\nlevel: 2\ng =~ a + b", ("f", "g"), {"a", "b", "f", "g"}),
    ("f =~ a + b\ng =~ c + d\nh =~ f + g\nh ~~ 0*f", ("f", "g", "h"), set("abcdfgh")),
    ('efa("one")*f + efa("one")*g =~ a + b', ("f", "g"), {"a", "b", "f", "g"}),
]


@pytest.mark.parametrize(("text", "factors", "names"), TEXTS)
def test_factors_and_variables_are_found(
    text: str, factors: tuple[str, ...], names: set[str]
) -> None:
    words = {"da": "en", "en": "one"}
    found, used = variables(MeasurementModel(id="m", label=words, meaning=words, syntax=text))
    assert found == factors
    assert set(used) == names
