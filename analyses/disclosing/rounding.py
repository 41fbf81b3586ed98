"""One rounding: what leaves has the digits that a reader sees, and nothing rounds it again."""

import math
from collections.abc import Iterable
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

Anything = TypeVar("Anything")


def section(whole: Section, tables: Iterable[Table], *, confidential: bool) -> Section:
    """Round a section, with other tables in place of its own.

    Parameters
    ----------
    whole
        The section in full precision.
    tables
        Its tables, without what is hidden.
    confidential
        True leaves in numbers that rest on few people.
    """
    return Section(
        id=whole.id,
        answer=_sentence(whole.answer, confidential),
        findings=tuple(_finding(finding, confidential) for finding in whole.findings),
        tables=tuple(_rounded_table(table, confidential) for table in tables),
        figures=tuple(_figure(figure, confidential) for figure in whole.figures),
        notes=_sentences(whole.notes, confidential),
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


def _rounded_table(table: Table, confidential: bool) -> Table:
    rows = tuple(
        tuple(
            _cell(cell, column, confidential)
            for cell, column in zip(row, table.columns, strict=True)
        )
        for row in table.rows
    )
    return replace(
        table,
        title=_sentence(table.title, confidential),
        rows=rows,
        provenance=_provenance(table.provenance, confidential),
        notes=_sentences(table.notes, confidential),
        withheld=None if table.withheld is None else _sentence(table.withheld, confidential),
    )


def _cell(cell: Cell, column: Column, confidential: bool) -> Cell:
    if column.kind in NUMERIC and isinstance(cell, int | float):
        return rounded(cell, column.kind, column.digits)
    return _words(cell, confidential)


def _finding(finding: Finding, confidential: bool) -> Finding:
    small = [part for part in finding.evidence if not confidential and _is_hidden(part)]
    note = Message("disclosure.hidden_quantity", {"n": len(small), "threshold": THRESHOLD})
    rule = finding.rule and replace(
        finding.rule,
        text=_sentence(finding.rule.text, confidential),
        source=_words(finding.rule.source, confidential),
    )
    notes = (*finding.notes, note) if small else finding.notes
    return replace(
        finding,
        claim=_sentence(finding.claim, confidential),
        rule=rule,
        evidence=tuple(_quantity(part, confidential) for part in finding.evidence),
        notes=_sentences(notes, confidential),
    )


def _is_hidden(quantity: Quantity) -> bool:
    return is_small(quantity.provenance.n_obs)


def _quantity(quantity: Quantity, confidential: bool) -> Quantity:
    provenance = _provenance(quantity.provenance, confidential)
    if not confidential and _is_hidden(quantity):
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
        of=_words(quantity.of, confidential),
    )


def _figure(figure: Figure, confidential: bool) -> Figure:
    return replace(
        figure,
        title=_sentence(figure.title, confidential),
        alt=_sentence(figure.alt, confidential),
    )


def _provenance(provenance: Provenance, confidential: bool) -> Provenance:
    return replace(
        provenance,
        estimator=_words(provenance.estimator, confidential),
        source=_words(provenance.source, confidential),
    )


def _sentences(messages: Iterable[Message], confidential: bool) -> tuple[Message, ...]:
    return tuple(_sentence(message, confidential) for message in messages)


def _sentence(message: Message, confidential: bool) -> Message:
    values = {name: _value(value, confidential) for name, value in message.values.items()}
    return replace(message, values=values)


def _words(words: Anything, confidential: bool) -> Anything:
    """Publish what may be a message, and leave alone what is not."""
    if isinstance(words, Message):
        return cast(Anything, _sentence(words, confidential))
    return words


def _value(value: Value, confidential: bool) -> Value:
    """Publish what fills a placeholder of a sentence."""
    if isinstance(value, Quantity):
        if not confidential and _is_hidden(value):
            return Hidden()
        return _quantity(value, confidential)
    if isinstance(value, tuple):
        return tuple(_value(part, confidential) for part in value)
    return _words(value, confidential)
