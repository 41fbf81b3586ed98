"""The tables and curves of the graded response models."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analyses import evidence
from analyses.evidence import column, columns
from analyses.modelling.fits import Fitted
from analyses.modelling.graded import Graded
from analyses.questionnaire_items.item_judgement import loadings
from analyses.section import Cell, Column, Figure, Message, Provenance, Table
from instruments.schema import Instrument

PRECISE = 0.5
"""A standard error of ability up to this is as good as a reliability of .80: information of 4,
error variance 1 / 4, and 4 / (4 + 1) of a variance of 1 (Green et al. 1984)."""

CURVE = np.linspace(-3, 3, 25)
"""Where the curves are drawn."""


@dataclass(frozen=True)
class Compared:
    """An item's discrimination beside its loading in the factor model.

    `implied` is the loading that the discrimination stands for, `difference` what the factor
    model's loading has more.
    """

    item: str
    graded: Graded
    loading: float | None
    discrimination: float | None
    lower: float | None
    upper: float | None
    implied: float | None
    n_obs: int

    @property
    def difference(self) -> float | None:
        """Loading less the one that the discrimination stands for."""
        if self.loading is None or self.implied is None:
            return None
        return self.loading - self.implied


def compare(graded: Graded, models: Mapping[str, Fitted]) -> Iterator[Compared]:
    """Set the two views of each item of a scale side by side."""
    if graded.model is None:
        return
    found = loadings(models.get(graded.scale.id))
    for name, row in graded.model.items.iterrows():
        item = str(name)
        yield Compared(
            item,
            graded,
            found[item].estimate if item in found else None,
            evidence.number(row["discrimination"]),
            evidence.number(row["ci.lower"]),
            evidence.number(row["ci.upper"]),
            evidence.number(row["loading"]),
            int(row["n"]),
        )


def provenance(one: Graded) -> Provenance:
    """Say what estimated the numbers of a scale's model."""
    n_obs = None if one.model is None else one.model.n_obs
    return Provenance(Message("estimator.graded"), n_obs, "Samejima 1969")


def _of_all(fitted: Sequence[Graded], source: str) -> Provenance:
    """Say the same of several scales, from as many respondents as the largest had."""
    n_obs = max(one.model.n_obs for one in fitted if one.model is not None)
    return Provenance(Message("estimator.graded"), n_obs, Message(source))


def precise_range(one: Graded) -> tuple[float, float] | None:
    """Give the abilities between which the standard error is at most `PRECISE`; None if nowhere."""
    if one.model is None:
        return None
    errors = one.model.information(np.linspace(-4, 4, 81))["se"]
    inside = errors.index[errors <= PRECISE]
    return (float(inside.min()), float(inside.max())) if len(inside) else None


def scales_table(fitted: Sequence[Graded]) -> Table:
    """Give one row a scale: how precisely it measures and where, and how persons fit."""
    rows: list[tuple[Cell, ...]] = []
    for one in fitted:
        if one.model is None:
            continue
        lower, upper = precise_range(one) or (None, None)
        closest = one.dependence["q3_star"].astype(float).max() if len(one.dependence) else None
        rows.append(
            (
                evidence.text(one.scale.label),
                len(one.items),
                one.model.n_obs,
                evidence.number(one.model.marginal_reliability),
                lower,
                upper,
                evidence.number(closest),
                one.unlikely,
            )
        )
    return Table(
        id="graded_scales",
        title=Message("graded.table.scales"),
        columns=(
            column("scale", "message"),
            *columns("count", 0, "n_items", "n"),
            column("marginal_reliability", "number", 3),
            *columns("number", 1, "precise.lower", "precise.upper"),
            column("dependence", "number", 2),
            column("unlikely", "percent", 1),
        ),
        rows=tuple(rows),
        provenance=_of_all(fitted, "source.graded_scales"),
        notes=(
            Message("graded.note.precise", {"limit": evidence.limit(PRECISE, 1)}),
            Message("graded.note.persons"),
        ),
    )


def items_table(instrument: Instrument, compared: Sequence[Compared]) -> Table:
    """Give each item's discrimination, and the loading beside the one that it stands for."""
    limit = instrument.rules.loading_discrimination.value
    rows: list[tuple[Cell, ...]] = []
    for item in compared:
        average = None if item.graded.model is None else item.graded.model.average_information
        known = item.difference is not None
        apart = known and abs(item.difference or 0.0) > limit
        rows.append(
            (
                item.item,
                item.n_obs,
                item.discrimination,
                item.lower,
                item.upper,
                None if average is None else evidence.number(average[item.item]),
                item.loading,
                item.implied,
                item.difference,
                Message(f"graded.compared.{'apart' if apart else 'alike' if known else 'unknown'}"),
            )
        )
    return Table(
        id="graded_items",
        title=Message("graded.table.items"),
        columns=(
            column("item", "text"),
            column("n", "count", 0),
            *columns("number", 2, "discrimination", "ci.lower", "ci.upper", "average_information"),
            *columns("number", 3, "loading", "implied_loading", "loading_difference"),
            column("compared", "message"),
        ),
        rows=tuple(rows),
        provenance=_of_all([item.graded for item in compared], "source.discrimination"),
        notes=(Message("graded.note.discrimination"), Message("graded.note.difference")),
    )


def thresholds_table(fitted: Sequence[Graded]) -> Table:
    """Give the abilities at which half of the respondents answer a category or a higher one."""
    most = max(len(own) for one in fitted for own in _thresholds(one).values())
    rows = tuple(
        (item, *own, *([None] * (most - len(own))))
        for one in fitted
        for item, own in _thresholds(one).items()
    )
    return Table(
        id="graded_thresholds",
        title=Message("graded.table.thresholds"),
        columns=(
            column("item", "text"),
            *(
                Column(f"b{place}", Message("column.threshold", {"n": place}), "number", 2)
                for place in range(1, most + 1)
            ),
        ),
        rows=rows,
        provenance=_of_all(fitted, "source.graded"),
        notes=(Message("graded.note.thresholds"),),
    )


def _thresholds(one: Graded) -> dict[str, list[float]]:
    if one.model is None:
        return {}
    table = one.model.thresholds
    return {item: [float(b) for b in table.loc[table["item"] == item, "b"]] for item in one.items}


def fit_table(fitted: Sequence[Graded]) -> Table:
    """Give how each item's answers go with the sum score, as the model says."""
    rows: list[tuple[Cell, ...]] = [
        (
            str(name),
            int(row["n"]),
            *(
                evidence.number(float(row[part]))
                for part in ("S_X2", "df", "pvalue", "pvalue.holm", "rmsea")
            ),
        )
        for one in fitted
        for name, row in one.fit.iterrows()
    ]
    return Table(
        id="graded_fit",
        title=Message("graded.table.fit"),
        columns=(
            column("item", "text"),
            column("n", "count", 0),
            column("S_X2", "number", 1),
            column("df", "count", 0),
            *columns("pvalue", 3, "pvalue", "pvalue.holm"),
            column("rmsea", "number", 3),
        ),
        rows=tuple(rows),
        provenance=_of_all(fitted, "source.item_fit"),
        notes=(Message("graded.note.misfit"),),
    )


def information_table(shown: Sequence[Graded]) -> Table:
    """Give the information of each scale and the standard error, along the ability."""
    values = [one.model.information(CURVE) for one in shown if one.model is not None]
    rows = tuple(
        (
            float(at),
            *(float(table["test"].iloc[place]) for table in values),
            *(float(table["se"].iloc[place]) for table in values),
        )
        for place, at in enumerate(CURVE)
    )
    return Table(
        id="graded_information",
        title=Message("graded.table.information"),
        columns=(
            column("ability", "number", 2),
            *(_curve(one, "information", 2) for one in shown),
            *(_curve(one, "error", 3) for one in shown),
        ),
        rows=rows,
        provenance=_of_all(shown, "source.graded"),
        notes=(Message("graded.note.information"),),
    )


def _curve(one: Graded, kind: str, digits: int) -> Column:
    label = Message(f"column.graded_{kind}", {"scale": evidence.text(one.scale.label)})
    return Column(f"{kind}_{one.scale.id}", label, "number", digits)


def curves(table: Table, shown: Sequence[Graded]) -> tuple[Figure, Figure]:
    """Draw the information of the scales, and their standard errors."""
    scales = tuple(evidence.text(one.scale.label) for one in shown)

    def figure(kind: str) -> Figure:
        return Figure(
            id=f"graded_{kind}",
            title=Message(f"graded.figure.{kind}"),
            alt=Message(f"graded.figure.{kind}.alt", {"scales": scales}),
            table=table.id,
            form="lines",
            channels={
                "x": "ability",
                "parts": " ".join(f"{kind}_{one.scale.id}" for one in shown),
            },
        )

    return figure("information"), figure("error")
