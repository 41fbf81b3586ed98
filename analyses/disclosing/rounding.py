"""One rounding: what leaves has the digits that a reader sees, and nothing rounds it again."""

import math
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import TypeVar, cast

from analyses.disclosing.groups import THRESHOLD, is_small
from analyses.disclosing.rules import DISPERSION
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

HIDDEN_QUANTITY = "disclosure.hidden_quantity"
HIDDEN_INTERVAL = "disclosure.hidden_interval"
NO_INTERVALS = "disclosure.no_intervals"
"""Notes of findings with hidden numbers, and the description of a figure without some intervals."""

PVALUE_DIGITS = 3

ALIKE = 12
"""Numbers that have as many decimals in common are the same number, said twice."""

Anything = TypeVar("Anything")


Shows = Callable[[Quantity, Collection[str]], Quantity | None]
"""What is shown of a number in a sentence that says these words: nothing where it is hidden, the
number alone where its interval is."""


def everything(quantity: Quantity, words: Collection[str]) -> Quantity | None:
    """Hide no number."""
    return quantity


def showing(numbers: Iterable[tuple[float, str]]) -> Shows:
    """Hide the numbers of few people, and what a table hides wherever else it is said.

    Parameters
    ----------
    numbers
        What tables hide, in full precision, and the words of the rows.
    """
    secret = {(round(number, ALIKE), word) for number, word in numbers}

    def is_secret(number: float | None, words: Collection[str]) -> bool:
        return number is not None and any((round(number, ALIKE), word) in secret for word in words)

    def shows(quantity: Quantity, words: Collection[str]) -> Quantity | None:
        n_obs = quantity.provenance.n_obs
        if is_small(n_obs) or is_secret(quantity.value, words):
            return None
        few = n_obs is not None and 0 < n_obs < DISPERSION
        if few or is_secret(quantity.lower, words) or is_secret(quantity.upper, words):
            return replace(quantity, lower=None, upper=None)
        return quantity

    return shows


def section(whole: Section, tables: Iterable[Table], shows: Shows) -> Section:
    """Round a section, with other tables in place of its own.

    Parameters
    ----------
    whole
        The section in full precision.
    tables
        Its tables, without what is hidden.
    shows
        What is shown of numbers in sentences.
    """
    kept = tuple(tables)
    by_id = {table.id: table for table in kept}
    empty = {table.id for table in kept if not table.rows}
    return Section(
        id=whole.id,
        answer=_sentence(whole.answer, shows),
        findings=tuple(_finding(finding, shows) for finding in whole.findings),
        tables=tuple(_rounded_table(table, shows) for table in kept),
        # Nothing can be drawn of a table that is left out.
        figures=tuple(
            _figure(one, by_id.get(one.table), shows)
            for one in whole.figures
            if one.table not in empty
        ),
        notes=_sentences(whole.notes, shows),
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


def _rounded_table(table: Table, shows: Shows) -> Table:
    rows = tuple(
        tuple(_cell(cell, column, shows) for cell, column in zip(row, table.columns, strict=True))
        for row in table.rows
    )
    return replace(
        table,
        title=_sentence(table.title, shows),
        rows=rows,
        provenance=_provenance(table.provenance, shows),
        notes=_sentences(table.notes, shows),
        withheld=None if table.withheld is None else _sentence(table.withheld, shows),
        unnamed=None,
    )


def _cell(cell: Cell, column: Column, shows: Shows) -> Cell:
    if column.kind in NUMERIC and isinstance(cell, int | float):
        return rounded(cell, column.kind, column.digits)
    return _words(cell, shows)


def _finding(finding: Finding, shows: Shows) -> Finding:
    notes = list(finding.notes)
    shown = [shows(part, {repr(part.of)}) for part in finding.evidence]
    if small := sum(one is None for one in shown):
        notes.append(Message(HIDDEN_QUANTITY, {"n": small, "threshold": THRESHOLD}))
    narrowed = sum(
        one is not None and one.lower is None and part.lower is not None
        for one, part in zip(shown, finding.evidence, strict=True)
    )
    if narrowed:
        notes.append(Message(HIDDEN_INTERVAL, {"n": narrowed, "threshold": DISPERSION}))
    rule = finding.rule and replace(
        finding.rule,
        text=_sentence(finding.rule.text, shows),
        source=_words(finding.rule.source, shows),
    )
    return replace(
        finding,
        claim=_sentence(finding.claim, shows),
        rule=rule,
        evidence=tuple(_quantity(part, shows) for part in finding.evidence),
        notes=_sentences(notes, shows),
    )


def _quantity(quantity: Quantity, shows: Shows) -> Quantity:
    provenance = _provenance(quantity.provenance, shows)
    shown = shows(quantity, {repr(quantity.of)})
    if shown is None:
        hidden = replace(provenance, n_obs=None)
        return replace(quantity, value=None, lower=None, upper=None, provenance=hidden)
    value, lower, upper = (
        None if number is None else rounded(number, quantity.kind, quantity.digits)
        for number in (shown.value, shown.lower, shown.upper)
    )
    return replace(
        quantity,
        value=value,
        lower=lower,
        upper=upper,
        provenance=provenance,
        of=_words(quantity.of, shows),
    )


def _figure(figure: Figure, table: Table | None, shows: Shows) -> Figure:
    """Publish a figure; what tells it to who cannot see it says where intervals are not drawn."""
    alt = figure.alt
    if table is not None and alt.key != NO_INTERVALS and (n := undrawn(figure, table)):
        alt = Message(NO_INTERVALS, {"alt": alt, "n": n})
    return replace(figure, title=_sentence(figure.title, shows), alt=_sentence(alt, shows))


def undrawn(figure: Figure, table: Table) -> int:
    """Count the points that a figure shows without their intervals, because these are hidden."""
    channels = figure.channels
    if "lower" not in channels or "x" not in channels:
        return 0
    return table.hidden_beside(channels["x"], channels["lower"])


def _provenance(provenance: Provenance, shows: Shows) -> Provenance:
    return replace(
        provenance,
        estimator=_words(provenance.estimator, shows),
        source=_words(provenance.source, shows),
    )


def _sentences(messages: Iterable[Message], shows: Shows) -> tuple[Message, ...]:
    return tuple(_sentence(message, shows) for message in messages)


def _sentence(message: Message, shows: Shows) -> Message:
    words = {repr(value) for value in message.values.values()}
    values = {name: _value(value, shows, words) for name, value in message.values.items()}
    return replace(message, values=values)


def _words(words: Anything, shows: Shows) -> Anything:
    """Publish what may be a message, and leave alone what is not."""
    if isinstance(words, Message):
        return cast(Anything, _sentence(words, shows))
    return words


def _value(value: Value, shows: Shows, words: Collection[str]) -> Value:
    """Publish what fills a placeholder of a sentence."""
    if isinstance(value, Quantity):
        shown = shows(value, {*words, repr(value.of)})
        return Hidden() if shown is None else _quantity(shown, shows)
    if isinstance(value, tuple):
        return tuple(_value(part, shows, words) for part in value)
    return _words(value, shows)
