"""Hypotheses in an instrument file: what fits together is read, and what does not is named."""

import re
import shutil
from pathlib import Path

import pytest

import instruments
from instruments import InstrumentError
from instruments.hypotheses import Expectation

COUPLING = Path(instruments.__file__).parent / "coupling"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"estimand": "partial", "target": "a"}, '"partial" needs given'),
        ({"target": "a", "given": "b"}, '"correlation" has no given'),
        ({"estimand": "difference", "target": "a"}, '"difference" needs group'),
        ({"estimand": "difference", "target": "a", "group": "x"}, '"difference" needs against'),
        ({"target": "a", "group": "x"}, '"correlation" has no group'),
        ({"estimand": "distinct", "target": "a", "below": 0.85}, '"distinct" needs of'),
        ({"estimand": "pairing", "target": "a"}, '"pairing" needs of'),
        ({"estimand": "equivalence", "target": "a", "lower": -0.3}, "both ends of its band"),
        ({"target": "a", "lower": 0.5, "upper": 0.2}, "must be below upper"),
        ({"target": "a", "below": -0.2}, "absolute value above 0"),
        ({"estimand": "guess", "target": "a"}, "Input should be"),
    ],
)
def test_an_expectation_refuses_what_does_not_fit_its_estimand(
    fields: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Expectation.model_validate(fields)


def test_a_number_without_a_band_is_shown_and_not_judged() -> None:
    assert not Expectation(target="a").judged
    assert Expectation(target="a", below=0.4).judged
    assert Expectation(target="a", lower=0.0).judged


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('factor = "kobling"', 'factor = "total"', 'the model "M3" has no factor "total"'),
        (
            '{ target = "motivation"',
            '{ target = "motivations"',
            'hypothesis "H04", expectation "motivations", target: there is no scale or external',
        ),
        (
            'against = "no"',
            'against = "never"',
            'against: "never" is no value of "ambassador" (yes, no)',
        ),
        ('target = "ambassador"', 'target = "envoy"', 'there is no column "envoy"'),
        ('given = "crossboundary"', 'given = "often"', 'there is no column "often"'),
        ('of = "bro"', 'of = "bridge"', 'of: there is no factor or scale "bridge"'),
        ('level = "O"', 'level = "X"', 'level: there is no level "X"'),
        ('id = "extraversion"', 'id = "trust_system"', "has the name of a scale"),
        (
            '[total]\nmodel = "M3"\nfactor = "kobling"\n',
            "",
            "say of what, since the instrument states no total",
        ),
    ],
)
def test_a_name_that_stands_for_nothing_is_refused(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    folder = tmp_path / "coupling"
    shutil.copytree(COUPLING, folder, ignore=shutil.ignore_patterns("__pycache__"))
    file = folder / "hypotheses.toml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InstrumentError, match=re.escape(message)) as refused:
        instruments.load(folder)
    assert "hypotheses.toml" in str(refused.value) or "total" in str(refused.value)


def test_a_hypothesis_needs_something_to_stand_or_fall_by(tmp_path: Path) -> None:
    folder = tmp_path / "coupling"
    shutil.copytree(COUPLING, folder, ignore=shutil.ignore_patterns("__pycache__"))
    file = folder / "hypotheses.toml"
    text = file.read_text(encoding="utf-8")
    band = 'expectations = [\n    { target = "motivation", lower = 0.2, upper = 0.5 },\n]\n'
    assert band in text
    file.write_text(text.replace(band, ""), encoding="utf-8")
    with pytest.raises(InstrumentError, match='hypothesis "H04": it has no expectations'):
        instruments.load(folder)
