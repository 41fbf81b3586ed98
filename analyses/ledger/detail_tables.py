"""The tables of what stands behind the ledger: functions, parts of indices, paths of models."""

from collections.abc import Iterator, Sequence

from analyses import evidence
from analyses.evidence import column, columns
from analyses.ledger.details import Beside
from analyses.ledger.estimators import Ledger
from analyses.ledger.structural import Structural
from analyses.ledger.tables import DIGITS
from analyses.modelling import methods
from analyses.section import Figure, Message, Provenance, Table, Text
from instruments.schema import Instrument, Scale


def functions_table(ledger: Ledger, rows: Sequence[Beside]) -> Table | None:
    """Give each function's correlation with each target."""
    if not rows:
        return None
    model = evidence.model_label(ledger.answers.instrument.reference_model)
    return Table(
        id="ledger_functions",
        title=Message("hypotheses.table.functions"),
        columns=(
            column("target", "message"),
            column("factor", "message"),
            *columns("number", DIGITS, "correlation", "ci.lower", "ci.upper"),
            column("n", "count", 0),
        ),
        rows=tuple(
            (row.second, row.first, row.value, row.lower, row.upper, row.n_obs) for row in rows
        ),
        provenance=Provenance(
            ledger.answers.planned.estimator,
            len(ledger.answers.frame),
            Message("source.standardized", {"model": model}),
        ),
        notes=(Message("hypotheses.note.functions", {"total": ledger.total.label}),),
    )


def parts_table(ledger: Ledger, rows: Sequence[tuple[Scale, Beside]]) -> Table | None:
    """Give the parts of each index: what people answered, and how the part goes with the total."""
    if not rows:
        return None
    instrument = ledger.answers.instrument
    cells = tuple(
        (
            evidence.text(scale.label),
            str(row.second),
            evidence.text(instrument.item(str(row.second)).text),
            row.n_obs,
            row.mean,
            row.value,
            row.lower,
            row.upper,
        )
        for scale, row in rows
    )
    return Table(
        id="ledger_index_parts",
        title=Message("hypotheses.table.parts"),
        columns=(
            column("scale", "message"),
            column("item", "text"),
            column("wording", "message"),
            column("n", "count", 0),
            *columns("number", DIGITS, "mean", "correlation", "ci.lower", "ci.upper"),
        ),
        rows=cells,
        provenance=Provenance(
            ledger.answers.planned.estimator,
            len(ledger.answers.frame),
            Message("source.hypotheses_correlations"),
        ),
        notes=(Message("hypotheses.note.parts", {"total": ledger.total.label}),),
    )


def paths_tables(instrument: Instrument, found: Structural) -> Iterator[Table]:
    """Give the paths of a structural model, and the share of variance that they explain."""
    if found.fit is None or found.paths is None or found.explained is None:
        return
    label = evidence.model_label(found.model)
    provenance = Provenance(
        methods.estimated_by(found.fit),
        found.fit.n_obs,
        Message("source.standardized", {"model": label}),
    )

    def words(name: object) -> Text:
        return evidence.text(instrument.factor_label(str(name)))

    yield Table(
        id=f"ledger_paths_{found.model.id}",
        title=Message("hypotheses.table.paths", {"model": label}),
        columns=(
            column("path", "message"),
            *columns("number", DIGITS, "standardized", "ci.lower", "ci.upper"),
            column("whose", "message"),
        ),
        rows=tuple(
            (
                Message(
                    "hypotheses.path",
                    {"start": words(row["predictor"]), "end": words(row["outcome"])},
                ),
                *(evidence.number(row[name]) for name in ("est.std", "ci.lower", "ci.upper")),
                Message("hypotheses.ours"),
            )
            for _, row in found.paths.iterrows()
        ),
        provenance=provenance,
        notes=(Message("hypotheses.note.one_source"), Message("hypotheses.note.paths")),
    )
    yield Table(
        id=f"ledger_explained_{found.model.id}",
        title=Message("hypotheses.table.explained", {"model": label}),
        columns=(
            column("factor", "message"),
            *columns("percent", 0, "explained", "ci.lower", "ci.upper"),
        ),
        rows=tuple(
            (
                words(row["variable"]),
                *(evidence.number(row[name]) for name in ("est", "ci.lower", "ci.upper")),
            )
            for _, row in found.explained.iterrows()
        ),
        provenance=provenance,
    )


def paths_figure(table: Table) -> Figure:
    """Draw the paths of a structural model with their intervals."""
    return Figure(
        id=table.id,
        title=table.title,
        alt=Message("hypotheses.figure.paths.alt"),
        table=table.id,
        form="intervals",
        channels={"y": "path", "x": "standardized", "lower": "ci.lower", "upper": "ci.upper"},
        domain=(-1.0, 1.0),
    )
