"""What people answered on each scale on average, with intervals, on the whole answer scale."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import pandas as pd

from analyses import evidence
from analyses.comparing.level_tables import DISPERSION
from analyses.evidence import column, columns
from analyses.intake.survey import Survey
from analyses.section import (
    Answers,
    Cell,
    Figure,
    Message,
    Phrase,
    Provenance,
    Quantity,
    Table,
    Value,
)
from instruments.schema import BackgroundColumn, Instrument, ResponseScale, Scale
from measure.levels.means import overall_means

MAIN, FURTHER, CONDITIONS = "scale_means", "scale_means_further", "scale_means_conditions"
"""Tables of the scales of the reference model, on which a figure is drawn, of other scales, and of
sums of conditions, which people have not made themselves. Where the main scales are answered in
several ways, each way has a table and a figure of its own."""

LARGEST_FIRST = ("organisation", "cluster")
"""Roles of columns that say who belongs together, the largest first: units of one organisation are
not independent either."""


@dataclass(frozen=True, eq=False)
class Means:
    """The tables and figures of scale means."""

    tables: tuple[Table, ...]
    figures: tuple[Figure, ...]


def means(instrument: Instrument, survey: Survey, scores: pd.DataFrame) -> Means:
    """Give the mean of every scale over everybody.

    Parameters
    ----------
    scores
        (n_obs, scales) each respondent's score of every scale.
    """
    cluster = _cluster(instrument, survey)
    data = scores if cluster is None else scores.assign(**{cluster.name: survey.data[cluster.name]})
    asked = [scale for scale in instrument.scales if scores.get(scale.id, pd.Series()).any()]
    if not asked:
        return Means((), ())
    computed = overall_means(
        data,
        [scale.id for scale in asked],
        cluster=None if cluster is None else cluster.name,
        confidence=evidence.CONFIDENCE,
    )
    main = [scale for scale in asked if _is_main(instrument, scale)]
    tables, figures = [], []
    for place, (response, scales) in enumerate(_by_response(instrument, main), start=1):
        name = MAIN if place == 1 else f"{MAIN}_{place}"
        table = _table(instrument, name, scales, computed, cluster)
        tables.append(table)
        figures.append(_figure(table, response))
    others = [scale for scale in asked if scale not in main]
    for table_id, kind in ((FURTHER, "reflective"), (CONDITIONS, "index")):
        scales = [scale for scale in others if scale.kind == kind]
        if scales:
            tables.append(_table(instrument, table_id, scales, computed, cluster))
    return Means(tuple(tables), tuple(figures))


def _cluster(instrument: Instrument, survey: Survey) -> BackgroundColumn | None:
    present = evidence.present_columns(instrument, survey, LARGEST_FIRST)
    several = (one for one in present if survey.data[one.name].nunique() > 1)
    return min(several, key=lambda one: LARGEST_FIRST.index(str(one.role)), default=None)


def _is_main(instrument: Instrument, scale: Scale) -> bool:
    """Tell whether the reference model is about a scale, all of it answered in one way."""
    named = set(re.findall(r"[\w.]+", instrument.reference_model.syntax))
    ways = {instrument.response(item).id for item in scale.items}
    return set(scale.items) <= named and len(ways) == 1


def _by_response(
    instrument: Instrument, scales: Iterable[Scale]
) -> Iterator[tuple[ResponseScale, list[Scale]]]:
    """Put together the scales that are answered in the same way, most scales first."""
    found: dict[str, tuple[ResponseScale, list[Scale]]] = {}
    for scale in scales:
        response = instrument.response(scale.items[0])
        found.setdefault(response.id, (response, []))[1].append(scale)
    return iter(sorted(found.values(), key=lambda one: -len(one[1])))


def _table(
    instrument: Instrument,
    table_id: str,
    scales: list[Scale],
    computed: pd.DataFrame,
    cluster: BackgroundColumn | None,
) -> Table:
    own = computed.loc[[scale.id for scale in scales]]
    rows: list[tuple[Cell, ...]] = []
    for scale, row in zip(scales, own.to_dict("records"), strict=True):
        numbers = (evidence.number(row[name]) for name in ("mean", "ci.lower", "ci.upper", "sd"))
        rows.append((evidence.text(scale.label), int(row["n"]), *numbers))
    estimator = Message("estimator.mean_t")
    source = Message("source.mean_t")
    if cluster is not None:
        values: dict[str, Value] = {
            "n": int(own["n_clusters"].max()),
            "column": evidence.text(cluster.label),
        }
        estimator = Message("estimator.mean_clusters", values)
        source = Message("source.mean_clusters")
    return Table(
        id=table_id,
        title=Message(f"levels.table.{table_id if table_id in (FURTHER, CONDITIONS) else MAIN}"),
        columns=(
            column("scale", "message"),
            column("respondents", "count", 0),
            *columns("number", 2, "mean", "ci.lower", "ci.upper", "sd"),
        ),
        rows=tuple(rows),
        provenance=Provenance(estimator, int(own["n"].max()), source),
        respondents="respondents",
        # The rows are of the same people, and do not add up.
        groups=(),
        answers=_answers(instrument, table_id, scales),
        dispersion=DISPERSION,
    )


def _answers(instrument: Instrument, table_id: str, scales: list[Scale]) -> Answers:
    """Say what the means are made of, as disclosure control asks."""
    limits = {instrument.response(item).limits for scale in scales for item in scale.items}
    return Answers(
        of=table_id,
        mean="mean",
        spread="sd",
        limits=limits.pop() if len(limits) == 1 else None,
        n_items=min(len(scale.items) for scale in scales),
    )


def _figure(table: Table, response: ResponseScale) -> Figure:
    limits = response.limits
    called = _ends(response)
    values: dict[str, Value] = {"scales": tuple(_told(table))}
    if limits is not None:
        low, high = (Message("levels.end", {"label": end}) if end else "" for end in called or ())
        values |= {"low": f"{limits[0]}", "low_end": low, "high": f"{limits[1]}", "high_end": high}
    return Figure(
        id=table.id,
        title=Message("levels.figure.scale_means"),
        alt=Message(
            "levels.figure.scale_means.alt" if limits else "levels.figure.scale_means.alt_open",
            values,
        ),
        table=table.id,
        form="intervals",
        channels={"y": "scale", "x": "mean", "lower": "ci.lower", "upper": "ci.upper"},
        domain=None if limits is None else (float(limits[0]), float(limits[1])),
        ends=called,
    )


def _told(table: Table) -> Iterator[Message]:
    """Write each row of a table of means as words: the scale, its mean and the interval."""
    for scale, n, mean, lower, upper, _ in table.rows:
        assert isinstance(n, int)
        quantity = Quantity(
            "column.mean",
            evidence.number(mean),
            replace(table.provenance, n_obs=n),
            lower=evidence.number(lower),
            upper=evidence.number(upper),
            level=evidence.CONFIDENCE,
        )
        yield Message("levels.mean_of", {"scale": scale, "mean": quantity})


def _ends(response: ResponseScale) -> tuple[Phrase, Phrase] | None:
    """Give what the lowest and the highest answer are called; empty where the source is silent."""
    if response.limits is None:
        return None
    if not response.labels:
        return "", ""
    low, high = (
        evidence.text({language: words[code] for language, words in response.labels.items()})
        for code in response.limits
    )
    return low, high
