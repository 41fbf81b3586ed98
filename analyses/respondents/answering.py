"""How the answer categories are used: by people, whatever is asked, and at the ends of scales."""

import measure
from analyses import evidence
from analyses.evidence import column
from analyses.intake.survey import Survey
from analyses.respondents import carelessness
from analyses.section import Cell, Finding, Message, Provenance, Rule, Table
from instruments.schema import Instrument, Scale

MOST_AT_END = 0.15
"""A scale on which more people have the lowest or the highest score there is tells them apart no
further (McHorney & Tarlov 1995; Terwee et al. 2007)."""


def styles(instrument: Instrument, survey: Survey) -> tuple[Table, ...]:
    """Give the table of response styles; none where no items share their answer categories."""
    found = measure.response_styles(
        carelessness.answers_given(instrument, survey), carelessness.asked(instrument, survey)
    )
    rows: list[tuple[Cell, ...]] = []
    for name in found.columns:
        values = found[name].dropna()
        if values.empty:
            continue
        numbers = (float(values.mean()), float(values.std()), *values.quantile([0.1, 0.9]))
        rows.append((Message(f"styles.{name}"), len(values), *numbers))
    if not rows:
        return ()
    table = Table(
        id="response_styles",
        title=Message("styles.table"),
        columns=(
            column("style", "message"),
            column("n", "count", 0),
            column("mean_style", "percent", 1),
            column("sd_style", "percent", 1),
            column("q10", "percent", 1),
            column("q90", "percent", 1),
        ),
        rows=tuple(rows),
        provenance=_provenance(len(found)),
        notes=(Message("styles.note"), Message("screening.note.as_answered")),
        respondents="n",
        groups=(),
        dispersion=("sd_style", "q10", "q90"),
    )
    return (table,)


def ends(instrument: Instrument, survey: Survey) -> tuple[tuple[Finding, Table], ...]:
    """Give who stands at the ends of each scale, with the finding; none without categories."""
    rows: list[tuple[Cell, ...]] = []
    crowded = []
    for scale in instrument.scales:
        row = _ends_of(instrument, survey, scale)
        if row is not None:
            rows.append((evidence.text(scale.label), *row))
            if max(row[2], row[3]) > MOST_AT_END:
                crowded.append(evidence.text(scale.label))
    if not rows:
        return ()
    limit = evidence.share("limit", MOST_AT_END, "", None)
    key = "ends.claim.some" if crowded else "ends.claim.none"
    finding = Finding(
        id="screening_ends",
        claim=Message(key, {"n": len(crowded), "of": len(rows), "scales": tuple(crowded)}),
        verdict="poor" if crowded else "good",
        rule=Rule(
            Message("ends.rule", {"limit": limit}), "McHorney & Tarlov 1995; Terwee et al. 2007"
        ),
        evidence=(
            evidence.count(
                "scales_crowded", len(crowded), Message("source.answers"), len(survey.scored)
            ),
        ),
    )
    table = Table(
        id="scale_ends",
        title=Message("ends.table"),
        columns=(
            column("scale", "message"),
            column("n_items", "count", 0),
            column("n", "count", 0),
            column("floor_scale", "percent", 1),
            column("ceiling_scale", "percent", 1),
        ),
        rows=tuple(rows),
        provenance=_provenance(len(survey.scored)),
        notes=(Message("ends.note"),),
    )
    return ((finding, table),)


def _ends_of(
    instrument: Instrument, survey: Survey, scale: Scale
) -> tuple[int, int, float, float] | None:
    """Give a scale's items, people with all of them, and the shares at its lowest and highest."""
    items = evidence.scored_items(scale, survey)
    limits = [instrument.response(item).limits for item in items]
    if not items or any(both is None for both in limits):
        return None
    complete = survey.scored[items].dropna()
    if complete.empty:
        return None
    lowest = complete.eq([both[0] for both in limits if both]).all(axis=1)
    highest = complete.eq([both[1] for both in limits if both]).all(axis=1)
    return len(items), len(complete), float(lowest.mean()), float(highest.mean())


def _provenance(n_obs: int) -> Provenance:
    return Provenance(Message("estimator.count"), n_obs, Message("source.answers"))
