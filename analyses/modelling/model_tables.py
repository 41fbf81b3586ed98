"""The tables and figures of the rival models."""

from collections.abc import Iterator, Sequence
from typing import Literal

import measure
from analyses import evidence
from analyses.evidence import column, columns
from analyses.modelling import indices, methods, rivals
from analyses.modelling.fits import Fits, Fitted
from analyses.modelling.indices import Kind
from analyses.modelling.rivals import Comparison, Correlation
from analyses.section import Cell, Figure, Message, Phrase, Provenance, Quantity, Table, Text
from instruments.schema import Instrument, MeasurementModel
from measure.errors import MeasureError

MOST_RESIDUALS = 10
"""As many of the largest residual correlations are shown."""


def model_label(fitted: Fitted) -> Message:
    """Name a model by its words and its id."""
    return evidence.model_label(fitted.model)


def factor_label(instrument: Instrument, factor: str) -> Text:
    """Give the instrument's words for a factor."""
    return evidence.text(instrument.factor_label(factor))


def outcome(fitted: Fitted) -> Message:
    """Say how the attempt to fit a model ended."""
    if fitted.outcome == "not_asked":
        return Message("outcome.not_asked", {"items": fitted.missing_items})
    return Message(f"outcome.{fitted.outcome}")


def provenance(fitted: Fitted, source: Phrase) -> Provenance:
    """Say what estimated a number of a model, from how many respondents, by which formula."""
    n_obs = None if fitted.fit is None else fitted.fit.n_obs
    return Provenance(methods.estimated(fitted), n_obs, source)


def standardized(fitted: Fitted) -> Message:
    """Name the source of standardised values and their intervals."""
    return Message("source.standardized", {"model": model_label(fitted)})


def models_table(
    fits: Fits,
    kind: Kind,
    part: Literal["models", "checks"] = "models",
    awaited: Sequence[MeasurementModel] = (),
) -> Table:
    """Give one row a model; a model without a fit has its reason and no numbers.

    The columns of numbers bear lavaan's names, so that a robust index is not taken for a plain one.
    AIC and BIC need a likelihood, which models of ordered answers do not have.

    Parameters
    ----------
    kind
        Of the indices of fit.
    part
        The models as they are judged, or their checks.
    awaited
        Models that nobody has tried to fit; their reason is what they await.
    """
    fit = next((entry.fit for entry in fits.values() if entry.fit is not None), None)
    chisq, df, pvalue = indices.chisq_names(fit)
    measures = tuple(indices.NAMES[kind].values())
    ordered = fit is not None and fit.options.has_ordered
    criteria = () if ordered else ("aic", "bic")
    names = (chisq, df, pvalue, *measures, *criteria, "npar")
    rows: list[tuple[Cell, ...]] = []
    for fitted in fits.values():
        cells: list[Cell] = [None] * len(names)
        if fitted.fit is not None:
            cells = [evidence.number(fitted.fit.fit_measures.get(name)) for name in names]
        rows.append(_model_row(fitted.model, cells, outcome(fitted)))
    for model in awaited:
        waits = Message("outcome.awaits", {"reason": evidence.text(model.awaits)})
        rows.append(_model_row(model, [None] * len(names), waits))
    return Table(
        id=part,
        title=Message(f"confirmatory.table.{part}"),
        columns=(
            column("model", "text"),
            column("meaning", "message"),
            column(chisq, "number", 1),
            column(df, "count", 0) if df == "df" else column(df, "number", 1),
            column(pvalue, "pvalue", 3),
            *columns("number", 3, *measures),
            *columns("number", 1, *criteria),
            column("npar", "count", 0),
            column("outcome", "message"),
        ),
        rows=tuple(rows),
        provenance=Provenance(
            methods.of_any(fits), None if fit is None else fit.n_obs, indices.sources(fit, kind)
        ),
        notes=(
            *_index_notes(fit, kind),
            *((Message("confirmatory.note.awaited"),) if awaited else ()),
        ),
    )


def _model_row(model: MeasurementModel, cells: Sequence[Cell], ended: Message) -> tuple[Cell, ...]:
    return (model.id, evidence.text(model.label), *cells, ended)


def _index_notes(fit: measure.Fit | None, kind: Kind) -> Iterator[Message]:
    yield Message("confirmatory.note.indices")
    if fit is not None and fit.options.has_ordered:
        yield Message("confirmatory.note.indices_ordered")
    else:
        yield Message("confirmatory.note.indices_numbers")
    yield from indices.notes(fit, kind)
    if indices.chisq_names(fit)[0] != "chisq":
        yield Message("confirmatory.note.chisq_scaled")
    if fit is not None and fit.n_clusters is not None and not fit.options.has_ordered:
        yield Message("confirmatory.note.criteria_clusters")


def comparison_table(instrument: Instrument, comparisons: tuple[Comparison, ...]) -> Table:
    """Give how every model stands beside the reference model."""
    rows: list[tuple[Cell, ...]] = [
        (
            comparison.fitted.model.id,
            evidence.number(comparison.delta_cfi),
            evidence.number(comparison.delta_rmsea),
            comparison.added_residuals,
            Message(f"standing.{comparison.standing}"),
        )
        for comparison in comparisons
    ]
    reference = next(entry for entry in comparisons if entry.standing == "reference")
    deltas = indices.DELTAS[reference.kind]
    rules = instrument.rules
    return Table(
        id="comparison",
        title=Message("confirmatory.table.comparison", {"model": instrument.reference_model.id}),
        columns=(
            column("model", "text"),
            *columns("number", 3, *deltas.values()),
            column("added_residuals", "count", 0),
            column("standing", "message"),
        ),
        rows=tuple(rows),
        provenance=provenance(reference.fitted, rules.simpler_delta_cfi.source),
        notes=(
            Message(
                "confirmatory.note.comparison",
                {"limit": evidence.limit(rules.simpler_residual_correlation.value)},
            ),
        ),
    )


def correlations_table(
    instrument: Instrument, correlations: tuple[Correlation, ...], reference: Fitted
) -> Table:
    """Give the reference model's factor correlations with their intervals."""
    rows: list[tuple[Cell, ...]] = [
        (
            pair(instrument, correlation),
            evidence.number(correlation.estimate),
            evidence.number(correlation.lower),
            evidence.number(correlation.upper),
            Message(f"distinct.{correlation.distinctness}"),
        )
        for correlation in correlations
    ]
    return Table(
        id="factor_correlations",
        title=Message("confirmatory.table.correlations", {"model": model_label(reference)}),
        columns=(
            column("pair", "message"),
            *columns("number", 3, "correlation", "ci.lower", "ci.upper"),
            column("distinct", "message"),
        ),
        rows=tuple(rows),
        provenance=provenance(reference, standardized(reference)),
    )


def pair(instrument: Instrument, correlation: Correlation) -> Message:
    """Name a pair of factors by the instrument's words."""
    return Message(
        "pair",
        {
            "first": factor_label(instrument, correlation.first),
            "second": factor_label(instrument, correlation.second),
        },
    )


def loadings_table(instrument: Instrument, reference: Fitted, fit: measure.Fit) -> Table:
    """Give the reference model's standardised loadings with their intervals."""
    solution = measure.standardized(fit)
    rows: list[tuple[Cell, ...]] = []
    for _, row in solution[solution["op"] == "=~"].iterrows():
        numbers = (evidence.number(row[name]) for name in ("est.std", "ci.lower", "ci.upper"))
        rows.append((str(row["rhs"]), factor_label(instrument, str(row["lhs"])), *numbers))
    return Table(
        id="loadings",
        title=Message("confirmatory.table.loadings", {"model": model_label(reference)}),
        columns=(
            column("item", "text"),
            column("factor", "message"),
            *columns("number", 3, "loading", "ci.lower", "ci.upper"),
        ),
        rows=tuple(rows),
        provenance=provenance(reference, standardized(reference)),
    )


def loadings_figure(instrument: Instrument, table: Table) -> Figure:
    """Show the loadings beside the rule that keeps an item."""
    rule = instrument.rules.loading_keep.value
    # Where no loading is negative, half of the axis would be empty.
    limits = (*table.column("loading"), *table.column("ci.lower"))
    negative = any(isinstance(limit, float) and limit < 0 for limit in limits)
    return Figure(
        id="loadings",
        title=Message("confirmatory.figure.loadings"),
        alt=Message("confirmatory.figure.loadings.alt", {"limit": evidence.limit(rule)}),
        table=table.id,
        form="intervals",
        channels={
            "y": "item",
            "x": "loading",
            "lower": "ci.lower",
            "upper": "ci.upper",
            "group": "factor",
        },
        domain=(-1.0 if negative else 0.0, 1.0),
        rule=rule,
    )


def correlations_figure(instrument: Instrument) -> Figure:
    """Show the factor correlations beside the rule of distinctness."""
    rule = instrument.rules.factor_distinct_upper.value
    return Figure(
        id="factor_correlations",
        title=Message("confirmatory.figure.correlations"),
        alt=Message("confirmatory.figure.correlations.alt", {"limit": evidence.limit(rule)}),
        table="factor_correlations",
        form="intervals",
        channels={"y": "pair", "x": "correlation", "lower": "ci.lower", "upper": "ci.upper"},
        domain=(-1.0, 1.0),
        rule=rule,
    )


def residuals_table(instrument: Instrument, reference: Fitted, fit: measure.Fit) -> Table:
    """Give the largest residual correlations of the reference model."""
    pairs = rivals.residual_pairs(fit)
    largest = sorted(pairs, key=lambda pair: -abs(pairs[pair]))[:MOST_RESIDUALS]
    rows: list[tuple[Cell, ...]] = [(*pair, pairs[pair]) for pair in largest]
    return Table(
        id="residuals",
        title=Message("confirmatory.table.residuals", {"model": model_label(reference)}),
        columns=(
            *columns("text", 0, "first", "second"),
            column("residual", "number", 3),
        ),
        rows=tuple(rows),
        provenance=provenance(reference, "Bentler 1995"),
        notes=(Message("confirmatory.note.residuals"),),
    )


def likelihood_evidence(entry: Comparison, reference: Fitted) -> Iterator[Quantity]:
    """Give BIC and Vuong's test of a model that is no special case of the reference model.

    Both need a likelihood; with ordered answers they are those of the checks, and named so.
    """
    name = "delta_bic" if entry.fitted.check is None else "delta_bic_check"
    own = entry.fitted.check or entry.fitted
    test = _vuong(entry.fitted, reference)
    apart = test is not None and test.tests["pvalue"].iloc[0] < 1 - evidence.CONFIDENCE
    limits: tuple[float | None, float | None] = (None, None)
    if test is not None and apart:
        row = test.intervals.set_index("criterion").loc["bic"]
        limits = evidence.number(row["ci.lower"]), evidence.number(row["ci.upper"])
    source = "Schwarz 1978; Merkle, You & Preacher 2016" if apart else "Schwarz 1978"
    yield Quantity(
        f"statistic.{name}",
        evidence.number(entry.delta_bic),
        provenance(own, source),
        digits=1,
        lower=limits[0],
        upper=limits[1],
        level=evidence.CONFIDENCE if apart else None,
    )
    if test is None:
        return
    named = {"distinguishable": 0, "nearer": 3 if float(entry.delta_bic or 0.0) < 0 else 4}
    for what, place in named.items():
        if what == "nearer" and not apart:
            continue
        yield Quantity(
            f"statistic.vuong_{what}",
            evidence.number(test.tests["pvalue"].iloc[place]),
            provenance(own, "Vuong 1989"),
            kind="pvalue",
            digits=3,
        )


def _vuong(fitted: Fitted, reference: Fitted) -> measure.VuongTest | None:
    """Ask Vuong's test; None where it does not exist for the two fits."""
    fits = rivals.likelihoods(fitted, reference)
    if fits is None:
        return None
    try:
        return measure.vuong(*fits)
    except MeasureError:
        return None
