"""What stands together in one cell of the tables on standards: numbers, sentences, sections."""

from collections.abc import Sequence

from analyses.section import Message, Phrase, Quantity


def numbers(quantities: Sequence[Quantity]) -> Message | None:
    """Write numbers beside each other, each with its name and interval; a gap where none are."""
    return _joined("validity.beside", [_named(one) for one in quantities])


def sentences(parts: Sequence[Message | None]) -> Message | None:
    """Put sentences after each other; a gap where there are none."""
    return _joined("validity.then", [part for part in parts if part is not None])


def titles(sections: Sequence[str]) -> Message | None:
    """Name sections by their titles; a gap where there are none."""
    return _joined("validity.listed", [Message(f"section.{section}.title") for section in sections])


def _named(quantity: Quantity) -> Message:
    name: Phrase = Message(quantity.name)
    if quantity.of is not None:
        name = Message("face.evidence_of", {"name": name, "of": quantity.of})
    return Message("face.evidence", {"name": name, "value": quantity})


def _joined(key: str, parts: Sequence[Message]) -> Message | None:
    if not parts:
        return None
    first, *others = parts
    for other in others:
        first = Message(key, {"first": first, "second": other})
    return first
