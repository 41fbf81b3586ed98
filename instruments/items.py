"""What an instrument file may say of its items: response scales, items, scales, and their terms."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from instruments import checks
from instruments.texts import (
    NO_TEXTS,
    Code,
    Flag,
    Frozen,
    FrozenMapping,
    Identifier,
    Melted,
    Part,
    Text,
    Texts,
)

Labels = Annotated[Mapping[int, Text], Frozen, Melted]
LabelsByLanguage = Annotated[Mapping[Identifier, Labels], Frozen, Melted]

ConstructType = Literal["individual", "configural", "shared", "simultaneous"]
"""What an item's construct is when persons sit in groups (Stapleton, Yang & Hancock 2016).

`individual`: of the person only; a group's mean is not interpreted. `configural`: of the person,
and a group's value is what its members have together (Chan's additive composition, 1998).
`shared`: of the group, the members being its informants (referent-shift consensus). `simultaneous`:
of the group, and how each person sees it is of interest too.
"""

Indicator = Literal["reflective", "index", "check"]
"""`reflective`: the construct shows in the answer. `index`: the answer is a part of a sum, so that
no factor model and no reliability coefficient makes sense. `check`: it shows whether the item was
read, and is never scored.
"""


class MissingCode(Part):
    """An answer that says why there is no answer, such as "don't know": counted, then missing."""

    code: Code
    name: Identifier
    labels: Texts


class ResponseScale(Part):
    """How an item is answered.

    Parameters
    ----------
    lowest, highest
        The codes at the ends; both None where `continuous`.
    labels
        The words of each code in each language, for all codes; empty where the source gives none.
    missing
        Codes outside the scale that stand for a missing answer of a known kind.
    continuous
        A test score without categories: any finite number.
    stem
        The question above the items.
    """

    id: Identifier
    lowest: Code | None = None
    highest: Code | None = None
    labels: LabelsByLanguage = FrozenMapping({})
    missing: tuple[MissingCode, ...] = ()
    continuous: Flag = False
    stem: Texts = NO_TEXTS

    @property
    def codes(self) -> tuple[int, ...]:
        """The answer codes from lowest to highest; empty where continuous."""
        return () if self.limits is None else tuple(range(self.limits[0], self.limits[1] + 1))

    @property
    def limits(self) -> tuple[int, int] | None:
        """Lowest and highest code together; None where continuous."""
        if self.lowest is None or self.highest is None:
            return None
        return self.lowest, self.highest

    @model_validator(mode="after")
    def _range_and_labels_agree(self) -> Self:
        checks.check_response_scale(self)
        return self


class Function(Part):
    """One function of the construct, in the words of its source: consideration and competences."""

    id: Identifier
    label: Texts
    consideration: Texts
    competences: Texts


class Level(Part):
    """One level that the construct is placed at, and what it spans."""

    id: Identifier
    label: Texts
    spans: Texts


class Referent(Part):
    """Whom or what an item is about.

    Parameters
    ----------
    phrase
        How a statement about this referent begins, with `{verb}` where the verb stands: "Min
        faggruppe her {verb}". The words beside the verb are not counted when the length and the
        readability of a statement are judged. Empty where statements begin freely.
    self_phrase
        The same for the referents' own answers about themselves ("Som leder {verb} jeg").
    """

    id: Identifier
    label: Texts
    phrase: Texts = NO_TEXTS
    self_phrase: Texts = NO_TEXTS


class Item(Part):
    """One question or statement.

    Parameters
    ----------
    text
        The wording in each language, or a mere label of the item where `wording` is "label"
        because the source gives no wording.
    concept
        The construct that it is meant to measure, as a phrase (`construct` is taken by pydantic).
    function, level, referent
        Codes of the construct map (`bro`, `I`, `self`), where the instrument has them.
    facet
        The part of its scale that it stands for (`R1`), where the scale has such parts.
    construct_type, indicator
        What the construct is for persons in groups, and how the answer bears on it; see
        `ConstructType` and `Indicator`.
    keying
        −1 for an item whose high answer means little of the construct.
    response
        Id of its response scale.
    shifted_from
        The item whose content it has, told about another referent.
    self_for, self_text
        The value of the column with the role "role" whose respondents answer the item about
        themselves, and the wording that they get.
    instructed
        The answer that a `check` item asks for.
    element
        The qualification element it covers.
    band
        Where on the way from low to high of its function a yes to it places a person; for a
        reversed item, a yes to its opposite.
    source, version, status
        The phrase it is written from, the version of its wording, how far it has been tested.
    """

    id: Identifier
    text: Texts
    wording: Literal["given", "label"]
    concept: Text
    function: Identifier | None = None
    level: Identifier | None = None
    referent: Identifier | None = None
    facet: Identifier | None = None
    construct_type: ConstructType | None = None
    indicator: Indicator = "reflective"
    keying: Literal[1, -1] = 1
    response: Identifier
    shifted_from: Identifier | None = None
    self_for: Text | None = None
    self_text: Texts = NO_TEXTS
    instructed: Code | None = None
    element: Text | None = None
    band: Literal["low", "middle", "high"] | None = None
    source: Text
    version: Text
    status: Text

    @model_validator(mode="after")
    def _fields_that_go_together_are_both_given(self) -> Self:
        if (self.self_for is None) != (not self.self_text):
            raise ValueError("self_for and self_text go together; give both or neither")
        if (self.indicator == "check") != (self.instructed is not None):
            raise ValueError(
                'an item with indicator = "check" states the answer it asks for (instructed), '
                "and no other item does"
            )
        return self


class Scale(Part):
    """Items that are scored together; `index` scales are sums that no factor model is fitted to."""

    id: Identifier
    label: Texts
    description: Texts
    items: tuple[Identifier, ...] = Field(min_length=1)
    kind: Literal["reflective", "index"] = "reflective"
    level: Identifier | None = None
