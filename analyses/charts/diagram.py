"""The path diagram of a fit: its paths as a table, and the figure that draws them.

`analyses.charts.layout` and `analyses.charts.routing` say where everything stands,
`analyses.figures` draws it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pandas as pd

import measure
from analyses import evidence
from analyses.evidence import column, columns
from analyses.modelling import methods
from analyses.section import Cell, Figure, Message, Phrase, Provenance, Table, Text
from analyses.wording import LANGUAGES, words
from measure.errors import OptionError

KINDS = {"=~": "loading", "~": "regression", "~~": "covariance"}
DIGITS = 2


class Drawing(NamedTuple):
    """A path diagram as a part of a section: the figure and the table that it draws."""

    table: Table
    figure: Figure


def path_diagram(
    fit: measure.Fit,
    *,
    language: str = "en",
    group: object = None,
    residual_variances: bool = False,
) -> str:
    """Draw a fit as a path diagram.

    Parameters
    ----------
    fit
        A fit by `measure`.
    language
        `da` or `en`.
    group
        Which group to draw, by its value in `fit.parameters["group"]`; the first by default.
    residual_variances
        Write the standardised residual variances into items and explained factors.

    Returns
    -------
    str
        A self-contained `<svg>` with a title and a description. Ellipses are factors, boxes are
        observed variables; single-headed arrows are loadings and regressions, double-headed ones
        covariances; each with its standardised value and 95 % interval (`measure.standardized`).
        Blue is positive, brown negative; a path that the model fixes is dashed, and one that it
        fixes to 0 is left out.

    Raises
    ------
    OptionError
        For another language, or a group that the fit does not have.
    """
    from analyses import figures  # brings the drawing library, which the tables can do without

    said = words(language)
    values = _groups(fit)
    if group is None:
        group = values[0]
    if group not in values:
        known = ", ".join(map(str, values))
        raise OptionError(f"the fit has no group {group}; its groups: {known}.")
    drawing = _drawing(fit, group, Message("diagram.fit"), {}, residual_variances)
    return figures.svg(drawing.figure, drawing.table, said)


def drawings(
    fit: measure.Fit, model: Message, labels: Mapping[str, Text] | None = None
) -> tuple[Drawing, ...]:
    """Give the path diagrams of a fit as parts of a section, one for each group.

    Parameters
    ----------
    fit
        A fit by `measure`.
    model
        What the model is called.
    labels
        Words for its variables, where they have any. If two share them in a language, all
        variables stand with their names.
    """
    return tuple(_drawing(fit, group, model, labels or {}, False) for group in _groups(fit))


def _groups(fit: measure.Fit) -> list[object]:
    rows = fit.parameters
    return list(rows.loc[rows["op"].isin(KINDS), "group"].unique())


def _drawing(
    fit: measure.Fit,
    group: object,
    model: Message,
    labels: Mapping[str, Text],
    residual_variances: bool,
) -> Drawing:
    groups = _groups(fit)
    number = groups.index(group) + 1
    name = "paths" if len(groups) == 1 else f"paths_{number}"
    said: dict[str, Phrase] = {"model": model, "group": str(group)}
    which = "one" if len(groups) == 1 else "group"
    rows = _rows(fit, group, residual_variances)
    shown = _labels(fit, labels)
    cells = tuple(_cells(row, shown) for row in rows)
    table = Table(
        id=name,
        title=Message(f"diagram.table.{which}", said),
        columns=(
            column("path_from", "message"),
            column("path_kind", "message"),
            column("path_to", "message"),
            *columns("number", DIGITS, "standardized", "ci.lower", "ci.upper"),
            column("path_fixed", "message"),
        ),
        rows=cells,
        provenance=Provenance(
            methods.estimated_by(fit), fit.n_obs, Message("source.standardized", {"model": model})
        ),
        notes=(Message("diagram.note.intervals"), Message("diagram.note.zero")),
    )
    figure = Figure(
        id=name,
        title=Message(f"diagram.figure.{which}", said),
        alt=_description(fit, rows, shown, said),
        table=name,
        form="paths",
        channels={
            "start": "path_from",
            "kind": "path_kind",
            "end": "path_to",
            "x": "standardized",
            "lower": "ci.lower",
            "upper": "ci.upper",
            "fixed": "path_fixed",
        },
    )
    return Drawing(table, figure)


def _labels(fit: measure.Fit, labels: Mapping[str, Text]) -> dict[str, Phrase]:
    """Give what each variable is called, told apart in every language."""
    table = fit.model.table
    names = (*table.latent, *table.observed)
    shown: dict[str, Phrase] = {name: labels.get(name, name) for name in names}
    for language in LANGUAGES:
        written = [words(language).write(phrase) for phrase in shown.values()]
        if len(set(written)) < len(written):
            return {name: name for name in names}
    return shown


def _rows(fit: measure.Fit, group: object, residual_variances: bool) -> list[dict[Any, Any]]:
    """Give the paths of one group: standardised values, and whether the model fixes them."""
    solution = measure.standardized(fit)
    parameters = fit.parameters
    solution = solution.assign(free=parameters["free"].to_numpy(), raw=parameters["est"].to_numpy())
    exogenous = {(r.lhs, r.op, r.rhs) for r in fit.model.table.parameters if r.exogenous}
    inner = set(parameters.loc[parameters["op"] == "=~", "rhs"])
    inner |= set(parameters.loc[parameters["op"] == "~", "lhs"])
    rows = []
    for row in solution[solution["group"] == group].to_dict("records"):
        given = (row["lhs"], row["op"], row["rhs"]) in exogenous
        # A factor that nothing explains has a variance of 1 by standardisation.
        variance = row["op"] == "~~" and row["lhs"] == row["rhs"]
        zero = not row["free"] and not given and row["raw"] == 0
        if row["op"] not in KINDS or zero:
            continue
        if variance and not (residual_variances and row["lhs"] in inner):
            continue
        rows.append({**row, "fixed": not row["free"] and not given, "variance": variance})
    return rows


def _cells(row: Mapping[Any, Any], shown: Mapping[str, Phrase]) -> tuple[Cell, ...]:
    kind = "variance" if row["variance"] else KINDS[row["op"]]
    start, end = row["lhs"], row["rhs"]
    if row["op"] == "~":
        start, end = end, start
    certain = row["se"] == 0
    limits = (None if certain else evidence.number(row[name]) for name in ("ci.lower", "ci.upper"))
    return (
        shown[start],
        Message(f"diagram.kind.{kind}"),
        shown[end],
        evidence.number(row["est.std"]),
        *limits,
        Message("diagram.fixed" if row["fixed"] else "diagram.free"),
    )


def _description(
    fit: measure.Fit,
    rows: list[dict[Any, Any]],
    shown: Mapping[str, Phrase],
    said: Mapping[str, Phrase],
) -> Message:
    """Say in a sentence or two what the picture shows."""
    table = fit.model.table
    drawn = {name for row in rows for name in (row["lhs"], row["rhs"])}
    factors = tuple(shown[name] for name in table.latent if name in drawn)
    facts = pd.DataFrame(rows, columns=["op", "est.std", "variance"])
    parts = tuple(
        Message(
            f"diagram.alt.{kind}",
            {
                "n": len(own),
                "least": evidence.limit(float(own.min()), DIGITS),
                "most": evidence.limit(float(own.max()), DIGITS),
            },
        )
        for kind, own in _by_kind(facts)
    )
    key = "diagram.alt.factors" if factors else "diagram.alt.observed"
    values = {**said, "items": len(drawn & set(table.observed)), "parts": parts}
    return Message(key, {**values, "factors": factors} if factors else values)


def _by_kind(facts: pd.DataFrame) -> Iterator[tuple[str, "pd.Series[float]"]]:
    for op, kind in KINDS.items():
        own = facts.loc[(facts["op"] == op) & ~facts["variance"].astype(bool), "est.std"].dropna()
        if len(own):
            yield kind, own.astype(float)
