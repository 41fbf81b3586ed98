"""Where the differences lie, whether members agree, and scale means by group with intervals."""

from collections.abc import Iterator

import pandas as pd

from analyses import evidence, verdicts
from analyses.across_levels import nesting, variance
from analyses.across_levels.parts import findings as findings_across
from analyses.across_levels.parts import parts
from analyses.across_levels.referents import Referents, referents
from analyses.comparing import level_tables, licences, scale_means
from analyses.comparing.level_grounds import UNITS, Grounds, Level, withheld_table
from analyses.comparing.licences import Licences
from analyses.intake.survey import Survey
from analyses.section import (
    Figure,
    Finding,
    Message,
    Provenance,
    Quantity,
    Section,
    Table,
    Text,
    Value,
)
from instruments.schema import BackgroundColumn, Instrument, Scale
from measure.errors import MeasureError
from measure.levels.between_clusters import icc
from measure.levels.within_agreement import agreement

MEANS_ROLES = (*UNITS, "group", "role")
MOST_GROUPS_DRAWN = 60
"""With more groups than this a figure of intervals is not readable; the table holds them."""


def run(
    instrument: Instrument,
    survey: Survey,
    *,
    granted: Licences | None = None,
    across: Referents | None = None,
) -> Section:
    """Compare groups and organisations, and what is asked about each level of them.

    Parameters
    ----------
    instrument, survey
        What was asked, and the answers.
    granted
        The licences of comparisons, where they have been granted already.
    across
        What is asked of functions at several levels, where it is known already.

    Returns
    -------
    Section
        `levels`: means of everybody, ICC, agreement and means of groups with intervals, and where
        functions are asked about several levels how these hang together. Without a column that says
        who belongs together, it says what is missing. Means of kinds of persons need a licence,
        means of units and organisations that these stand for their members by the rules; the others
        are withheld, and a table says why.
    """
    scores = _scores(instrument, survey)
    notes = [*evidence.standing_notes(instrument, survey), Message("levels.note.scores")]
    if shortened := _shortened(instrument, survey):
        notes.append(Message("levels.note.shortened", {"scales": shortened}))
    notes += nesting.notes(instrument, survey)
    levels, refusals = _by_unit(instrument, survey, scores)
    notes += refusals
    compared = evidence.present_columns(instrument, survey, MEANS_ROLES)
    if granted is None and any(declared.role not in UNITS for declared in compared):
        granted = licences.grant(instrument, survey)
    grounds = Grounds(instrument, granted or Licences(), levels)
    means: list[tuple[Table, BackgroundColumn, Scale]] = []
    figures: list[Figure] = []
    for declared in compared:
        for scale in _scales(instrument, scores):
            groups = grounds.groups(survey, declared, scale)
            of = level_tables.asked(instrument, survey, scale)
            table = level_tables.means_table(of, scores, groups, declared)
            table = grounds.applied(table, declared, scale)
            means.append((table, declared, scale))
            if table.withheld is None and len(table.rows) <= MOST_GROUPS_DRAWN:
                figures.append(level_tables.means_figure(instrument, scale, declared, table))
    if means:
        notes += [Message("levels.note.no_ranks")]
    tables = (
        [level_tables.icc_table(levels), level_tables.agreement_table(instrument, levels)]
        if levels
        else []
    )
    tables += [
        *withheld_table(means, len(survey.data)),
        *level_tables.self_ratings_tables(instrument, survey),
    ]
    shared = variance.shares_table(instrument, survey, scores)
    if shared is not None:
        tables = [shared, *tables]
        figures = [variance.shares_figure(shared), *figures]
    overall = scale_means.means(instrument, survey, scores)
    tables, figures = [*overall.tables, *tables], [*overall.figures, *figures]
    answers, said = _answers(instrument, levels, means), list(_findings(instrument, levels))
    across = referents(instrument, survey) if across is None else across
    if across is not None:
        found_across = parts(across)
        answers = [found_across.answer, *answers]
        said = [*found_across.findings, *said]
        tables = [*found_across.tables, *tables]
        figures = [*found_across.figures, *figures]
    return Section(
        id="levels",
        answer=answers[0],
        findings=tuple(said),
        tables=(*tables, *(table for table, _, _ in means)),
        figures=tuple(figures),
        # A section opens with one sentence; the others come first among what is to be known.
        notes=(*answers[1:], *notes),
    )


def findings(
    instrument: Instrument, survey: Survey, *, across: Referents | None
) -> tuple[Finding, ...]:
    """Give what `run` finds, without tables and figures; `across` as for `run`, already known."""
    levels, _ = _by_unit(instrument, survey, _scores(instrument, survey))
    own = tuple(_findings(instrument, levels))
    return own if across is None else (*findings_across(across), *own)


def _by_unit(
    instrument: Instrument, survey: Survey, scores: pd.DataFrame
) -> tuple[list[Level], list[Message]]:
    """Analyse every scale by every kind of group."""
    levels: list[Level] = []
    notes: list[Message] = []
    units = evidence.present_columns(instrument, survey, UNITS)
    for declared in sorted(units, key=lambda unit: UNITS.index(unit.role)):
        found, refusals = _levels(instrument, survey, scores, declared)
        levels += found
        notes += refusals
    return levels, notes


def _scales(instrument: Instrument, scores: pd.DataFrame) -> list[Scale]:
    return [scale for scale in instrument.scales if scale.id in scores.columns]


def _scores(instrument: Instrument, survey: Survey) -> pd.DataFrame:
    """Give each respondent's mean of every scale of which the form's items are all answered."""
    scores = {}
    for scale in instrument.scales:
        items = evidence.scored_items(scale, survey)
        if items:
            answers = survey.scored[items]
            scores[scale.id] = answers.mean(axis=1).where(answers.notna().all(axis=1))
    return pd.DataFrame(scores, index=survey.scored.index)


def _shortened(instrument: Instrument, survey: Survey) -> tuple[Text, ...]:
    """Give the scales of which the form asks only some items."""
    asked = {scale.id: len(evidence.scored_items(scale, survey)) for scale in instrument.scales}
    return tuple(
        evidence.text(scale.label)
        for scale in instrument.scales
        if 0 < asked[scale.id] < len(scale.items)
    )


def _levels(
    instrument: Instrument, survey: Survey, scores: pd.DataFrame, declared: BackgroundColumn
) -> tuple[list[Level], list[Message]]:
    """Analyse every scale by one kind of group; what cannot be analysed is a note."""
    data = survey.scored.join(scores).assign(**{declared.name: survey.data[declared.name]})
    found: list[Level] = []
    refusals: list[Message] = []
    for scale in _scales(instrument, scores):
        try:
            variance = icc(data, [scale.id], cluster=declared.name).loc[[scale.id]].iloc[0]
        except MeasureError as error:
            values: dict[str, Value] = {"scale": evidence.text(scale.label), "text": str(error)}
            refusals.append(Message("levels.note.refused", values))
            continue
        items = evidence.scored_items(scale, survey)
        rwg, ad = _agreement(instrument, data, items, declared)
        found.append(Level(scale, declared, variance, rwg, ad))
    return found, refusals


def _agreement(
    instrument: Instrument, data: pd.DataFrame, items: list[str], declared: BackgroundColumn
) -> tuple[dict[str, float | None], float | None]:
    """Give the median rwg(j) under the uniform null and the rule's, and the median AD."""
    limits = {instrument.response(item).limits for item in items}
    nulls: set[str] = {"uniform", instrument.rules.rwg_j.null}
    limit = limits.pop() if len(limits) == 1 else None
    if limit is None:
        return dict.fromkeys(nulls), None
    result = agreement(data, items, cluster=declared.name, scale=limit)
    # A skewed null is tabled where the scale has the five categories that it is known for.
    medians = result.nulls["median"]
    rwg = {null: evidence.number(medians[null]) if null in medians else None for null in nulls}
    return rwg, evidence.number(result.summary.loc["ad_mean", "median"])


def _findings(instrument: Instrument, levels: list[Level]) -> Iterator[Finding]:
    """Judge for each scale and kind of group whether the groups' means say something of them."""
    rules = instrument.rules
    rule = verdicts.stated(rules.icc1, rules.icc2, rules.rwg_j)
    for level in levels:
        rwg = level.agreement[rules.rwg_j.null]
        verdict, failed = level.judged(instrument)
        values: dict[str, Value] = {
            "scale": evidence.text(level.scale.label),
            "column": evidence.text(level.declared.label),
            "failed": tuple(Message(f"levels.failed.{name}") for name in failed),
        }
        n_obs = int(level.icc["n"])
        anova = Provenance(Message("estimator.anova"), n_obs, "Bliese 2000")
        median = Provenance(
            Message("estimator.median"), n_obs, "James, Demaree & Wolf 1984; LeBreton & Senter 2008"
        )
        yield Finding(
            id=f"levels_{level.declared.name}_{level.scale.id}",
            claim=Message(f"levels.claim.{verdict}", values),
            verdict=verdict,
            rule=rule,
            evidence=(
                _interval("icc1", level, anova),
                _interval("icc2", level, anova),
                Quantity("statistic.rwg_j", rwg, median, digits=3),
                Quantity(
                    "statistic.ad",
                    level.ad,
                    Provenance(Message("estimator.median"), n_obs, "Burke & Dunlap 2002"),
                ),
            ),
            notes=(Message("levels.note.no_agreement"),) if rwg is None else (),
        )


def _interval(name: str, level: Level, provenance: Provenance) -> Quantity:
    return Quantity(
        f"statistic.{name}",
        level.number(name),
        provenance,
        digits=3,
        lower=level.number(f"{name}.ci.lower"),
        upper=level.number(f"{name}.ci.upper"),
        level=evidence.CONFIDENCE,
    )


def _answers(
    instrument: Instrument,
    levels: list[Level],
    means: list[tuple[Table, BackgroundColumn, Scale]],
) -> list[Message]:
    """Give a sentence on each kind of groups, or the one that says why there is none."""
    if not levels:
        shown = {one.name: one for table, one, _ in means if table.withheld is None}
        if shown:
            named = tuple(evidence.text(declared.label) for declared in shown.values())
            return [Message("levels.answer.no_cluster", {"columns": named})]
        return [Message("levels.answer.withheld" if means else "levels.answer.nothing")]
    kinds = list({level.declared.name: level.declared for level in levels}.values())
    return [_answer_for(instrument, levels, declared) for declared in kinds]


def _answer_for(instrument: Instrument, levels: list[Level], declared: BackgroundColumn) -> Message:
    """Say how much lies between one kind of groups, and whether their means can stand for them."""
    of_kind = [level for level in levels if level.declared is declared]
    shares = [level.number("icc1") or 0.0 for level in of_kind]
    n_obs = int(of_kind[0].icc["n"])
    usable = tuple(
        evidence.text(level.scale.label)
        for level in of_kind
        if level.judged(instrument)[0] == "good"
    )
    values: dict[str, Value] = {
        "column": evidence.text(declared.label),
        # A negative estimate of a share of variance counts as none.
        "least": evidence.share("icc1", max(min(shares), 0.0), "", n_obs),
        "most": evidence.share("icc1", max(max(shares), 0.0), "", n_obs),
        "usable": usable,
        "n": len(of_kind),
    }
    return Message("levels.answer.usable" if usable else "levels.answer.unusable", values)


if __name__ == "__main__":
    from analyses import script

    raise SystemExit(script.main(run, "levels"))
