"""Checks of what is expected before any data: every name in a hypothesis stands for something."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from instruments.hypotheses import FREE, GROUPED, Expectation
from instruments.problems import Problem, listed

if TYPE_CHECKING:
    from instruments.schema import Instrument


def problems(instrument: "Instrument", factors: dict[str, tuple[str, ...]]) -> Iterator[Problem]:
    """Find what is wrong with the total, the external measures and the hypotheses.

    Parameters
    ----------
    instrument
        The instrument.
    factors
        The factors of each model, by the model's id.
    """
    total = instrument.total
    if total is not None and total.factor not in factors.get(total.model, ()):
        text = f'total: the model "{total.model}" has no factor "{total.factor}"'
        yield Problem(text, "total")
    scales = {scale.id for scale in instrument.scales}
    for entry, external in enumerate(instrument.external):
        if external.id in scales:
            text = f'external measure "{external.id}" has the name of a scale; rename it'
            yield Problem(text, "external", entry)
    for entry, hypothesis in enumerate(instrument.hypotheses):
        if not hypothesis.expectations:
            text = f'hypothesis "{hypothesis.id}": it has no expectations to stand or fall by'
            yield Problem(text, "hypotheses", entry)
        for expectation in hypothesis.expectations:
            own = [] if total is None else factors.get(total.model, ())
            for text in _expectation(expectation, instrument, set(own)):
                place = f'hypothesis "{hypothesis.id}", expectation "{expectation.target}"'
                yield Problem(f"{place}, {text}", "hypotheses", entry)


def _expectation(
    expectation: Expectation, instrument: "Instrument", factors: set[str]
) -> Iterator[str]:
    columns = {column.name: tuple(column.values) for column in instrument.columns}
    scales = {scale.id for scale in instrument.scales}
    measures = scales | {external.id for external in instrument.external}
    if instrument.total is None and expectation.of is None:
        yield "of: say of what, since the instrument states no total"
    if expectation.of is not None and expectation.of not in factors | scales:
        yield f'of: there is no factor or scale "{expectation.of}"'
    target, grouped = expectation.target, expectation.estimand in GROUPED
    if expectation.estimand not in FREE:
        if grouped and target not in columns:
            yield f'target: there is no column "{target}"; the file has {listed(columns) or "none"}'
        if not grouped and target not in measures:
            yield f'target: there is no scale or external measure "{target}"'
    if expectation.given is not None and expectation.given not in columns:
        yield f'given: there is no column "{expectation.given}"'
    for field in ("group", "against"):
        value = getattr(expectation, field)
        if value is not None and columns.get(target) and value not in columns[target]:
            yield f'{field}: "{value}" is no value of "{target}" ({listed(columns[target])})'
    levels = [level.id for level in instrument.levels]
    if expectation.level is not None and expectation.level not in levels:
        yield f'level: there is no level "{expectation.level}" ({listed(levels) or "none"})'
