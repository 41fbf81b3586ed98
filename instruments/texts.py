"""What all parts of an instrument are made of: texts, identifiers, frozen mappings."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    PlainSerializer,
    Strict,
    StringConstraints,
)

Key = TypeVar("Key")
Value = TypeVar("Value")


class FrozenMapping(Mapping[Key, Value]):
    """A mapping that cannot be changed, and can therefore be hashed and cached.

    Parameters
    ----------
    content
        What it holds; copied, so that a later change of `content` does not reach it.
    """

    __slots__ = ("_content",)

    def __init__(self, content: Mapping[Key, Value]) -> None:
        self._content = dict(content)

    def __getitem__(self, key: Key) -> Value:
        return self._content[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(self._content)

    def __len__(self) -> int:
        return len(self._content)

    def __hash__(self) -> int:
        return hash(frozenset(self._content.items()))

    def __repr__(self) -> str:
        return repr(self._content)


def _freeze(content: Mapping[Any, Any]) -> FrozenMapping[Any, Any]:
    return FrozenMapping(content)


def _melt(content: Mapping[Any, Any]) -> dict[Any, Any]:
    return {
        key: _melt(value) if isinstance(value, Mapping) else value for key, value in content.items()
    }


Frozen = AfterValidator(_freeze)
Melted = PlainSerializer(_melt)

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.]*$")]
"""A name that is safe as a column, a lavaan variable and an anchor: no blanks, no hyphens."""

Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Number = Annotated[float, Strict()]
Code = Annotated[int, Strict()]
Flag = Annotated[bool, Strict()]

Texts = Annotated[Mapping[Identifier, Text], Frozen, Melted]
"""One text per language: `{"da": ..., "en": ...}`."""


NO_TEXTS: FrozenMapping[str, str] = FrozenMapping({})


class Part(BaseModel):
    """The base of everything in an instrument file: fixed once read, with no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def fold(text: str) -> str:
    """Give a text as it is compared: without case, surrounding and repeated blanks."""
    return " ".join(text.casefold().split())
