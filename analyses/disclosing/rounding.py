"""One rounding: what leaves has the digits that a reader sees, and nothing rounds it again."""

import math
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import TypeVar, cast

from analyses.disclosing.groups import THRESHOLD, is_small
from analyses.section import (
    NUMERIC,
    Cell,
    CellKind,
    Column,
    Figure,
    Finding,
    Hidden,
    Message,
    Provenance,
    Quantity,
    Section,
    Table,
    Value,
)

PVALUE_DIGITS = 3

ALIKE = 12
"""Numbers that have as many decimals in common are the same number, said twice."""

Anything = TypeVar("Anything")


Hides = Callable[[Quantity, Collection[str]], bool]
"""Whether a number in a sentence is hidden that says these words."""


def nothing(quantity: Quantity, words: Collection[str]) -> bool:
    """Hide no number."""
    return False


def hiding(numbers: Iterable[tuple[float, str]]) -> Hides:
    """Hide the numbers of few people, and what a table hides wherever else it is said.

    Parameters
    ----------
    numbers
        What tables hide, in full precision, and the words of the rows.
    """
    secret = {(round(number, ALIKE), word) for number, word in numbers}

    def hides(quantity: Quantity, words: Collection[str]) -> bool:
        if is_small(quantity.provenance.n_obs):
            return True
        value = quantity.value
        return value is not None and any((round(value, ALIKE), word) in secret for word in words)

    return hides


def section(whole: Section, tables: Iterable[Table], hides: Hides) -> Section:
    """Round a section, with other tables in place of its own.

    Parameters
    ----------
    whole
        The section in full precision.
    tables
        Its tables, without what is hidden.
    hides
        Which numbers in sentences are hidden.
    """
    kept = tuple(tables)
    empty = {table.id for table in kept if not table.rows}
    return Section(
        id=whole.id,
        answer=_sentence(whole.answer, hides),
        findings=tuple(_finding(finding, hides) for finding in whole.findings),
        tables=tuple(_rounded_table(table, hides) for table in kept),
        # Nothing can be drawn of a table that is left out.
        figures=tuple(_figure(one, hides) for one in whole.figures if one.table not in empty),
        notes=_sentences(whole.notes, hides),
    )


def rounded(value: float, kind: CellKind, digits: int) -> float | int | None:
    """Round one number as it is published; None where it is not finite.

    Parameters
    ----------
    value
        The number; a proportion where `kind` is "percent".
    kind
        How it will be written.
    digits
        Decimals that a reader sees; p-values have 3 and counts none whatever it says.
    """
    if not math.isfinite(value):
        return None
    if kind == "count":
        return round(value)
    if kind == "pvalue":
        return 0.0 if value < 10**-PVALUE_DIGITS else round(float(value), PVALUE_DIGITS)
    decimals = digits + 2 if kind == "percent" else digits
    # Adding zero turns −0.0, which would be written "-0.00", into 0.0.
    return round(float(value), decimals) + 0.0


def _rounded_table(table: Table, hides: Hides) -> Table:
    rows = tuple(
        tuple(_cell(cell, column, hides) for cell, column in zip(row, table.columns, strict=True))
        for row in table.rows
    )
    return replace(
        table,
        title=_sentence(table.title, hides),
        rows=rows,
        provenance=_provenance(table.provenance, hides),
        notes=_sentences(table.notes, hides),
        withheld=None if table.withheld is None else _sentence(table.withheld, hides),
    )


def _cell(cell: Cell, column: Column, hides: Hides) -> Cell:
    if column.kind in NUMERIC and isinstance(cell, int | float):
        return rounded(cell, column.kind, column.digits)
    return _words(cell, hides)


def _finding(finding: Finding, hides: Hides) -> Finding:
    small = [part for part in finding.evidence if hides(part, {repr(part.of)})]
    note = Message("disclosure.hidden_quantity", {"n": len(small), "threshold": THRESHOLD})
    rule = finding.rule and replace(
        finding.rule,
        text=_sentence(finding.rule.text, hides),
        source=_words(finding.rule.source, hides),
    )
    notes = (*finding.notes, note) if small else finding.notes
    return replace(
        finding,
        claim=_sentence(finding.claim, hides),
        rule=rule,
        evidence=tuple(_quantity(part, hides) for part in finding.evidence),
        notes=_sentences(notes, hides),
    )


def _quantity(quantity: Quantity, hides: Hides) -> Quantity:
    provenance = _provenance(quantity.provenance, hides)
    if hides(quantity, {repr(quantity.of)}):
        hidden = replace(provenance, n_obs=None)
        return replace(quantity, value=None, lower=None, upper=None, provenance=hidden)
    value, lower, upper = (
        None if number is None else rounded(number, quantity.kind, quantity.digits)
        for number in (quantity.value, quantity.lower, quantity.upper)
    )
    return replace(
        quantity,
        value=value,
        lower=lower,
        upper=upper,
        provenance=provenance,
        of=_words(quantity.of, hides),
    )


def _figure(figure: Figure, hides: Hides) -> Figure:
    return replace(
        figure,
        title=_sentence(figure.title, hides),
        alt=_sentence(figure.alt, hides),
    )


def _provenance(provenance: Provenance, hides: Hides) -> Provenance:
    return replace(
        provenance,
        estimator=_words(provenance.estimator, hides),
        source=_words(provenance.source, hides),
    )


def _sentences(messages: Iterable[Message], hides: Hides) -> tuple[Message, ...]:
    return tuple(_sentence(message, hides) for message in messages)


def _sentence(message: Message, hides: Hides) -> Message:
    words = {repr(value) for value in message.values.values()}
    values = {name: _value(value, hides, words) for name, value in message.values.items()}
    return replace(message, values=values)


def _words(words: Anything, hides: Hides) -> Anything:
    """Publish what may be a message, and leave alone what is not."""
    if isinstance(words, Message):
        return cast(Anything, _sentence(words, hides))
    return words


def _value(value: Value, hides: Hides, words: Collection[str]) -> Value:
    """Publish what fills a placeholder of a sentence."""
    if isinstance(value, Quantity):
        if hides(value, {*words, repr(value.of)}):
            return Hidden()
        return _quantity(value, hides)
    if isinstance(value, tuple):
        return tuple(_value(part, hides, words) for part in value)
    return _words(value, hides)
