"""Chi-square difference tests between rival models and the reference model.

They inform and decide nothing: the rules of the instrument judge by indices and by intervals. A
model that merges factors restricts a correlation to 1, the edge of what is possible, where a
difference of chi-squares follows no chi-square; it has no test here.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import measure
from analyses import evidence
from analyses.evidence import column, columns
from analyses.modelling.fits import Fitted
from analyses.modelling.model_tables import model_label, provenance
from analyses.modelling.rivals import Comparison
from analyses.section import Cell, Message, Phrase, Table
from measure.errors import MeasureError
from measure.evaluation.nesting import nested

_TESTED = ("preferred", "rejected", "undecided", "never_on_fit", "equivalent", "not_nested")
"""Standings of models that rest on the same answers as the reference model."""

_METHODS: dict[str, Phrase] = {
    "standard": Message("difference.unscaled"),
    "satorra.bentler.2001": "Satorra & Bentler 2001",
    "satorra.bentler.2010": "Satorra & Bentler 2010",
    "satorra.2000": "Satorra 2000",
}
_SOURCE = "Satorra 2000; Satorra & Bentler 2001, 2010"


@dataclass(frozen=True)
class Difference:
    """A model and the reference model: the test, or a remark that says why there is none.

    `numbers` are the difference in chi-square, that in degrees of freedom and the p-value; `said`
    is what the engine remarks on the test, in its own words.
    """

    restricted: str
    free: str
    remark: Phrase
    numbers: tuple[float | None, float | None, float | None] = (None, None, None)
    method: Phrase = ""
    said: str = ""


def tables(reference: Fitted, comparisons: tuple[Comparison, ...]) -> tuple[Table, ...]:
    """Give the table of difference tests; none where no model can be tested."""
    differences = tuple(_differences(reference, comparisons))
    if not any(entry.method or entry.said for entry in differences):
        return ()
    rows: list[tuple[Cell, ...]] = [
        (entry.restricted, entry.free, *entry.numbers, entry.method, entry.remark)
        for entry in differences
    ]
    said = (
        Message("difference.note.said", {"model": entry.restricted, "text": entry.said})
        for entry in differences
        if entry.said
    )
    table = Table(
        id="difference_tests",
        title=Message("difference.table", {"model": model_label(reference)}),
        columns=(
            *columns("text", 0, "restricted", "free"),
            column("chisq_diff", "number", 2),
            column("df_diff", "count", 0),
            column("pvalue", "pvalue", 3),
            *columns("message", 0, "test_method", "remark"),
        ),
        rows=tuple(rows),
        provenance=provenance(reference, _SOURCE if _scaled(differences) else "Bollen 1989"),
        notes=(
            Message("difference.note.meaning"),
            *((Message("difference.note.scaled"),) if _scaled(differences) else ()),
            *said,
        ),
    )
    return (table,)


def _scaled(differences: tuple[Difference, ...]) -> bool:
    return any(isinstance(entry.method, str) and entry.method for entry in differences)


def _differences(reference: Fitted, comparisons: tuple[Comparison, ...]) -> Iterator[Difference]:
    free = reference.usable
    if free is None:
        return
    for entry in comparisons:
        fit = entry.fitted.usable
        if fit is None or entry.standing not in _TESTED:
            continue
        names = entry.fitted.model.id, reference.model.id
        if fit.df < free.df:
            names = reference.model.id, entry.fitted.model.id
        if entry.merged or entry.fitted.model.boundary_of is not None:
            yield Difference(*names, Message("difference.boundary"))
        elif fit.df == free.df:
            yield Difference(*names, Message("difference.same_df"))
        else:
            yield _tested(names, *((fit, free) if fit.df > free.df else (free, fit)))


def _tested(names: tuple[str, str], restricted: measure.Fit, free: measure.Fit) -> Difference:
    try:
        row = measure.compare(restricted, free).iloc[0]
    except MeasureError as error:
        if _not_nested(restricted, free):
            return Difference(*names, Message("difference.not_nested"))
        return Difference(*names, Message("difference.refused"), said=str(error))
    said = str(row["notes"])
    chisq, df, pvalue = (
        evidence.number(float(row[name])) for name in ("chisq_diff", "df_diff", "pvalue")
    )
    return Difference(
        *names,
        Message("difference.doubt") if said else "",
        (chisq, df, pvalue),
        _METHODS[str(row["method"])],
        said,
    )


def _not_nested(restricted: measure.Fit, free: measure.Fit) -> bool:
    try:
        return nested(restricted, free) is None
    except MeasureError:
        return False
