"""What the designs of a survey say: a finding each, with the proposals that it speaks to."""

from collections.abc import Hashable, Iterator
from typing import Any, NamedTuple

import pandas as pd

import measure
from analyses import evidence, verdicts
from analyses.comparing.group_ladders import TOTAL
from analyses.comparing.licences import Licence
from analyses.modelling.methods import estimated_by
from analyses.over_time.designs import Designs, Series, proposals, whole
from analyses.over_time.development_tables import factor_label
from analyses.over_time.then_tests import ThenTest
from analyses.section import Finding, Message, Provenance, Quantity, Rule, Value, Verdict
from instruments.schema import Instrument
from measure.occasions.observed_changes import MEAN
from measure.occasions.retrospective import READINGS

WEDGE_SOURCE = "Hussey & Hughes 2007; Girling & Hemming 2016"
SERIES_SOURCE = "Wagner et al. 2002"
THEN_SOURCE = "Howard 1980; Schwartz & Sprangers 2010"

MEASURED, SEEN, YARDSTICK = "as measured", "as seen afterwards", "moved yardstick"
assert {MEASURED, SEEN, YARDSTICK} == set(READINGS.values())
KEYS = {MEASURED: "measured", SEEN: "seen", YARDSTICK: "yardstick"}
"""The end of the catalogue's keys for each reading of a retrospective pre-test."""

FEW_UNITS = 20
"""With fewer units an interval is an approximation, and the reallocation of units is not."""

SHORT_SERIES = 16
"""With fewer points the autocorrelation of a series is hardly known."""

CLAIMS = {
    "wedge": ("wedge", "wedge_none", "wedge_undecided"),
    "series": ("series", "series_none", "series_undecided"),
    "cohorts": ("cohorts", "cohorts_none", "cohorts_undecided"),
}
"""What is said of an effect that is large enough, of one that is not, and of one undecided."""


class Interval(NamedTuple):
    """An estimate with its interval, in standard deviations."""

    estimate: float
    lower: float
    upper: float


def wedge_effect(found: measure.SteppedWedge) -> Interval:
    """Give the effect of having begun over the standard deviation of a single answer."""
    row = found.table.iloc[0]
    spread = found.variances[["cluster", "cluster.period", "residual"]].sum() ** 0.5
    return Interval(*(float(row[name]) / spread for name in ("estimate", "ci.lower", "ci.upper")))


def series_effect(found: Series) -> Interval:
    """Give what the last point is above the trend before, in standard deviations before."""
    row = found.result.effects.iloc[-1]
    return Interval(*(float(row[name]) / found.sd for name in ("effect", "ci.lower", "ci.upper")))


def findings(designs: Designs, then: ThenTest | None) -> Iterator[Finding]:
    """Say what comes of each design that the survey has."""
    if designs.start is not None:
        yield _wedge(designs) if designs.start.began == "in_turns" else _series(designs)
    if then is not None:
        yield _then(then)
    cohorts = designs.cohorts
    if cohorts is not None:
        yield _cohorts(designs.instrument, cohorts)


def spoken_to(instrument: Instrument, design: str) -> tuple[Message, ...]:
    """Name the proposals that a design speaks to; nothing where the instrument has none."""
    ids = tuple(proposals(instrument, design))
    return (Message("development.note.proposals", {"proposals": ids}),) if ids else ()


def _judged(
    designs: Designs, key: str, effect: Interval, provenance: Provenance, **values: Value
) -> tuple[Message, Verdict, Quantity]:
    """Judge an effect by the smallest that matters: the claim, the verdict and the number."""
    verdict = verdicts.judge_change(*effect, designs.instrument.rules)
    quantity = Quantity(
        f"statistic.{key}_effect",
        effect.estimate,
        provenance,
        lower=effect.lower,
        upper=effect.upper,
        level=evidence.CONFIDENCE,
        of=_of(designs),
    )
    return Message(f"development.claim.{_claim(key, verdict)}", values), verdict, quantity


def _claim(key: str, verdict: Verdict) -> str:
    large, small, undecided = CLAIMS[key]
    return {"good": large, "poor": small}.get(verdict, undecided)


def _of(designs: Designs) -> Any:
    assert designs.waves is not None
    names = list(designs.scores.columns)
    return factor_label(designs.waves, MEAN if MEAN in names else names[0])


def _unknown(instrument: Instrument, key: str, *notes: Message) -> Finding:
    return Finding(
        id=f"development_{key}",
        claim=Message(f"development.claim.{key}_unknown"),
        verdict="undecided",
        rule=verdicts.stated(instrument.rules.change_worthwhile),
        notes=notes,
    )


def _same(designs: Designs) -> tuple[Message, ...]:
    """Say why no level may be compared over the waves; nothing where it may."""
    assert designs.waves is not None
    if designs.waves.comparable:
        return ()
    return (Message("development.note.not_same"),)


def _scores_notes(designs: Designs) -> Iterator[Message]:
    yield Message("development.note.scores")
    if designs.left_out:
        yield Message("development.note.scores_without", {"items": designs.left_out})


def _wedge(designs: Designs) -> Finding:
    """Judge the effect of having begun, where units began in turns."""
    instrument = designs.instrument
    if refused := _same(designs):
        return _unknown(instrument, "wedge", *refused)
    if designs.unit is None:
        return _unknown(instrument, "wedge", Message("development.note.no_units"))
    found = whole(designs.wedges)
    if found.result is None:
        return _unknown(instrument, "wedge", Message("note.technical", {"text": found.reason}))
    result: measure.SteppedWedge = found.result
    provenance = Provenance(Message("development.reml"), result.n_obs, WEDGE_SOURCE)
    claim, verdict, effect = _judged(designs, "wedge", wedge_effect(result), provenance)
    notes = [
        *spoken_to(instrument, "stepped_wedge"),
        Message("development.note.wedge", {"column": evidence.text(designs.unit.label)}),
        *_scores_notes(designs),
    ]
    if result.n_clusters < FEW_UNITS:
        notes.append(Message("development.note.few_units", {"n": result.n_clusters}))
    return Finding(
        id="development_wedge",
        claim=claim,
        verdict=verdict,
        rule=verdicts.stated(instrument.rules.change_worthwhile),
        evidence=(
            effect,
            Quantity(
                "statistic.reallocation",
                result.pvalue_permutation,
                provenance,
                kind="pvalue",
                digits=3,
            ),
            evidence.count("units_begun", result.n_clusters, WEDGE_SOURCE, result.n_obs),
            evidence.count("periods", result.n_periods, WEDGE_SOURCE, result.n_obs),
        ),
        notes=tuple(notes),
    )


def _series(designs: Designs) -> Finding:
    """Judge how far the last point lies above the trend before, where all began at once."""
    instrument, start = designs.instrument, designs.start
    assert start is not None
    if refused := _same(designs):
        return _unknown(instrument, "series", *refused)
    found = whole(designs.series)
    if found.result is None:
        return _unknown(instrument, "series", Message("note.technical", {"text": found.reason}))
    own: Series = found.result
    result = own.result
    provenance = Provenance(Message("development.segmented"), result.n_obs, SERIES_SOURCE)
    claim, verdict, effect = _judged(
        designs, "series", series_effect(own), provenance, first=start.first
    )
    notes = [
        *spoken_to(instrument, "interruption"),
        Message("development.note.series"),
        *_scores_notes(designs),
    ]
    if result.lags is None:
        notes.append(Message("development.note.over_units", {"n": result.n_units}))
    elif result.n_points < SHORT_SERIES:
        notes.append(Message("development.note.short_series", {"n": result.n_points}))
    return Finding(
        id="development_series",
        claim=claim,
        verdict=verdict,
        rule=verdicts.stated(instrument.rules.change_worthwhile),
        evidence=(
            effect,
            *(_term(row, own.sd, provenance) for _, row in result.table.iterrows()),
        ),
        notes=tuple(notes),
    )


def _term(row: "pd.Series[Any]", sd: float, provenance: Provenance) -> Quantity:
    """Give one term of the series in standard deviations."""
    name = {"trend": "trend", "level": "level", "trend.change": "trend_change"}[row["term"]]
    return Quantity(
        f"statistic.series_{name}",
        float(row["estimate"]) / sd,
        provenance,
        lower=float(row["ci.lower"]) / sd,
        upper=float(row["ci.upper"]) / sd,
        level=evidence.CONFIDENCE,
    )


def then_rows(table: pd.DataFrame) -> dict[str, dict[Hashable, Any]]:
    """Give the three readings of the mean of the factors, or of the only one, by reading."""
    own = table[table["factor"] == MEAN]
    rows = (own if len(own) else table).to_dict("records")
    return {str(row["reading"]): row for row in rows}


def _then(then: ThenTest) -> Finding:
    """Say how far the yardstick has moved: change as measured and as seen afterwards."""
    rule = Rule(Message("development.rule.yardstick"), THEN_SOURCE)
    spoken = spoken_to(then.instrument, "retrospective")

    def unknown(note: Message) -> Finding:
        claim = Message("development.claim.then_unknown")
        return Finding("development_then", claim, "undecided", rule, notes=(note,))

    if then.reason is not None:
        return unknown(Message(f"development.note.then_{then.reason}"))
    if then.licence == "undecided" and then.ladder.result is None:
        return unknown(Message("note.technical", {"text": then.ladder.reason}))
    if then.licence not in ("full", "partial"):
        return unknown(Message("development.note.then_not_same"))
    found = then.result.result
    if found is None:
        return unknown(Message("note.technical", {"text": then.result.reason}))
    rows = then_rows(found.table)
    moved = rows[YARDSTICK]
    key = "down" if moved["d.ci.upper"] < 0 else "up" if moved["d.ci.lower"] > 0 else "still"
    provenance = Provenance(estimated_by(found.fit), found.n_obs, THEN_SOURCE)
    return Finding(
        id="development_then",
        claim=Message(f"development.claim.yardstick_{key}"),
        verdict="information",
        rule=rule,
        evidence=tuple(
            Quantity(
                f"statistic.then_{KEYS[reading]}",
                float(rows[reading]["d"]),
                provenance,
                lower=float(rows[reading]["d.ci.lower"]),
                upper=float(rows[reading]["d.ci.upper"]),
                level=evidence.CONFIDENCE,
            )
            for reading in KEYS
        ),
        notes=(*spoken, Message("development.note.then"), Message("development.note.then_memory")),
    )


def _cohorts(instrument: Instrument, licence: Licence) -> Finding:
    """Judge how much higher the last cohort stands than the first."""
    climbed = licence.climb
    rules = instrument.rules
    if not licence.allows or climbed is None or climbed.means is None or climbed.fit is None:
        return _unknown(instrument, "cohorts", licence.reason)
    table = climbed.means.table
    factors = list(dict.fromkeys(table["factor"]))
    name = TOTAL if TOTAL in factors else factors[0]
    own = table[(table["factor"] == name) & (table["reference"] == climbed.chosen.values[0])]
    last = own[own["group"] == climbed.chosen.values[-1]].iloc[0]
    interval = Interval(*(float(last[key]) for key in ("d", "d.ci.lower", "d.ci.upper")))
    verdict = verdicts.judge_change(*interval, rules)
    provenance = Provenance(estimated_by(climbed.fit), climbed.fit.n_obs, "Hancock 2001")
    first, later = (
        evidence.group_label(climbed.chosen.values[place], licence.column) for place in (0, -1)
    )
    notes = [
        *spoken_to(instrument, "cohorts"),
        Message("development.note.cohorts"),
        *((licence.reason,) if licence.level == "partial" else ()),
    ]
    if climbed.chosen.left_out:
        notes.append(Message("invariance.note.left_out", climbed.left_out))
    return Finding(
        id="development_cohorts",
        claim=Message(
            f"development.claim.{_claim('cohorts', verdict)}", {"first": first, "later": later}
        ),
        verdict=verdict,
        rule=verdicts.stated(rules.change_worthwhile),
        evidence=tuple(
            Quantity(
                "statistic.cohort_difference",
                float(row["d"]),
                provenance,
                lower=float(row["d.ci.lower"]),
                upper=float(row["d.ci.upper"]),
                level=evidence.CONFIDENCE,
                of=evidence.group_label(row["group"], licence.column),
            )
            for row in own.to_dict("records")
        ),
        notes=tuple(notes),
    )
