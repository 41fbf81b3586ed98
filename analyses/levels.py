"""Where the differences lie, whether members agree, and scale means by group with intervals."""

from collections.abc import Iterator

import pandas as pd

from analyses import evidence, script, verdicts
from analyses.comparing import licences
from analyses.comparing.level_grounds import UNITS, Grounds, Level, withheld_table
from analyses.comparing.licences import Licences
from analyses.evidence import column, columns
from analyses.intake.survey import Survey
from analyses.section import (
    Cell,
    Column,
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
from measure.levels.means import group_means
from measure.levels.within_agreement import agreement

MEANS_ROLES = (*UNITS, "group", "role")
RWG_COLUMNS = {
    "uniform": "rwg_uniform",
    "slight": "rwg_slight",
    "moderate": "rwg_moderate",
    "heavy": "rwg_heavy",
}
"""The column of rwg(j) under each null distribution."""

MOST_GROUPS_DRAWN = 60
"""With more groups than this a figure of intervals is not readable; the table holds them."""


def run(instrument: Instrument, survey: Survey, *, granted: Licences | None = None) -> Section:
    """Compare groups and organisations: ICC, agreement and means with intervals.

    Parameters
    ----------
    instrument, survey
        What was asked, and the answers.
    granted
        The licences of comparisons, where they have been granted already.

    Returns
    -------
    Section
        `levels`. Without a column that says who belongs together, it says what is missing. Means
        of kinds of persons need a licence, means of units and organisations that these stand for
        their members by the rules; the others are withheld, and a table says why.
    """
    scores = _scores(instrument, survey)
    levels: list[Level] = []
    notes = [*evidence.standing_notes(instrument, survey), Message("levels.note.scores")]
    if shortened := _shortened(instrument, survey):
        notes.append(Message("levels.note.shortened", {"scales": shortened}))
    units = evidence.present_columns(instrument, survey, UNITS)
    for declared in sorted(units, key=lambda unit: UNITS.index(unit.role)):
        found, refusals = _levels(instrument, survey, scores, declared)
        levels += found
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
            table = _means(scale, scores, groups, declared)
            table = grounds.applied(table, declared, scale)
            means.append((table, declared, scale))
            if table.withheld is None and len(table.rows) <= MOST_GROUPS_DRAWN:
                figures.append(_figure(instrument, scale, declared, table))
    if means:
        notes += [Message("levels.note.no_ranks")]
    tables = [_icc_table(levels), _agreement_table(instrument, levels)] if levels else []
    tables += [*withheld_table(means, len(survey.data)), *_self_ratings(instrument, survey)]
    return Section(
        id="levels",
        answer=_answer(instrument, levels, means),
        findings=tuple(_findings(instrument, levels)),
        tables=(*tables, *(table for table, _, _ in means)),
        figures=tuple(figures),
        notes=tuple(notes),
    )


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
    (limit,) = limits if len(limits) == 1 else (None,)
    rwg: dict[str, float | None] = {}
    ad = None
    for null in dict.fromkeys(("uniform", instrument.rules.rwg_j.null)):
        five = limit is not None and limit[1] - limit[0] == 4
        if limit is None or (null != "uniform" and not five):
            rwg[null] = None
            continue
        result = agreement(data, items, cluster=declared.name, scale=limit, null=null)
        rwg[null] = evidence.number(result.summary.loc["rwg_j", "median"])
        ad = evidence.number(result.summary.loc["ad_mean", "median"])
    return rwg, ad


def _icc_table(levels: list[Level]) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            evidence.text(level.scale.label),
            evidence.text(level.declared.label),
            int(level.icc["n"]),
            int(level.icc["n_clusters"]),
            level.number("mean_size"),
            level.number("icc1"),
            level.number("icc1.ci.lower"),
            level.number("icc1.ci.upper"),
            level.number("icc2"),
            level.number("icc2.ci.lower"),
            level.number("icc2.ci.upper"),
            level.number("design_effect"),
        )
        for level in levels
    ]
    return Table(
        id="icc",
        title=Message("levels.table.icc"),
        columns=(
            *columns("message", 0, "scale", "level"),
            *columns("count", 0, "n", "n_clusters"),
            column("mean_size", "number", 1),
            *columns("number", 3, "icc1", "icc1.lower", "icc1.upper"),
            *columns("number", 3, "icc2", "icc2.lower", "icc2.upper"),
            column("design_effect", "number", 2),
        ),
        rows=tuple(rows),
        provenance=Provenance(
            Message("estimator.anova"), max(int(level.icc["n"]) for level in levels), "Bliese 2000"
        ),
        notes=(Message("levels.note.icc"),),
    )


def _agreement_table(instrument: Instrument, levels: list[Level]) -> Table:
    null = instrument.rules.rwg_j.null
    nulls = list(dict.fromkeys(("uniform", null)))
    rows: list[tuple[Cell, ...]] = [
        (
            evidence.text(level.scale.label),
            evidence.text(level.declared.label),
            *(level.agreement[name] for name in nulls),
            level.ad,
        )
        for level in levels
    ]
    return Table(
        id="agreement",
        title=Message("levels.table.agreement"),
        columns=(
            *columns("message", 0, "scale", "level"),
            *columns("number", 3, *(RWG_COLUMNS[name] for name in nulls)),
            column("ad", "number", 2),
        ),
        rows=tuple(rows),
        provenance=Provenance(
            Message("estimator.median"),
            max(int(level.icc["n"]) for level in levels),
            "James, Demaree & Wolf 1984; LeBreton & Senter 2008; Burke & Dunlap 2002",
        ),
        notes=(Message("levels.note.agreement"),),
    )


def _means(
    scale: Scale, scores: pd.DataFrame, groups: pd.Series, declared: BackgroundColumn
) -> Table:
    """Give a scale's mean in every group, the groups in the order of their labels."""
    data = pd.DataFrame({"score": scores[scale.id], "group": groups})
    means = group_means(data, "score", by="group", confidence=evidence.CONFIDENCE)
    rows: list[tuple[Cell, ...]] = []
    by_group = means.to_dict("index")
    for value in evidence.ordered_groups(groups, declared):
        if value not in by_group:
            continue
        row = by_group[value]
        numbers = (evidence.number(row[name]) for name in ("mean", "ci.lower", "ci.upper", "sd"))
        rows.append((evidence.group_label(value, declared), int(row["n"]), *numbers))
    label, group = evidence.text(scale.label), evidence.text(declared.label)
    return Table(
        id=f"means_{declared.name}_{scale.id}",
        title=Message("levels.table.means", {"scale": label, "column": group}),
        columns=(
            Column("group", evidence.plain(group), "message"),
            column("respondents", "count", 0),
            *columns("number", 2, "mean", "ci.lower", "ci.upper", "sd"),
        ),
        rows=tuple(rows),
        provenance=Provenance(
            Message("estimator.mean_t"), int(means["n"].sum()), Message("source.mean_t")
        ),
        respondents="respondents",
    )


def _self_ratings(instrument: Instrument, survey: Survey) -> list[Table]:
    """Give what leaders answered about themselves, which is in none of the other tables."""
    rows: list[tuple[Cell, ...]] = []
    for scale in instrument.scales:
        items = [item for item in scale.items if item in survey.self_ratings]
        scores = survey.self_ratings[items].dropna().mean(axis=1)
        if not items or scores.empty:
            continue
        data = pd.DataFrame({"score": scores, "group": scale.id})
        row = group_means(data, "score", by="group", confidence=evidence.CONFIDENCE).iloc[0]
        numbers = (evidence.number(row[name]) for name in ("mean", "ci.lower", "ci.upper", "sd"))
        rows.append((evidence.text(scale.label), int(row["n"]), *numbers))
    if not rows:
        return []
    table = Table(
        id="self_ratings",
        title=Message("levels.table.self_ratings"),
        columns=(
            column("scale", "message"),
            column("respondents", "count", 0),
            *columns("number", 2, "mean", "ci.lower", "ci.upper", "sd"),
        ),
        rows=tuple(rows),
        provenance=Provenance(
            Message("estimator.mean_t"), len(survey.data), Message("source.mean_t")
        ),
        notes=(Message("levels.note.self_ratings"),),
        respondents="respondents",
    )
    return [table]


def _figure(
    instrument: Instrument, scale: Scale, declared: BackgroundColumn, table: Table
) -> Figure:
    limits = instrument.response(scale.items[0]).limits
    values: dict[str, Value] = {
        "scale": evidence.text(scale.label),
        "column": evidence.text(declared.label),
    }
    return Figure(
        id=table.id,
        title=Message("levels.figure.means", values),
        alt=Message(
            "levels.figure.means.alt" if limits else "levels.figure.means.alt_open",
            {**values, "n": len(table.rows)},
        ),
        table=table.id,
        form="intervals",
        channels={"y": "group", "x": "mean", "lower": "ci.lower", "upper": "ci.upper"},
        domain=None if limits is None else (float(limits[0]), float(limits[1])),
    )


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


def _answer(
    instrument: Instrument,
    levels: list[Level],
    means: list[tuple[Table, BackgroundColumn, Scale]],
) -> Message:
    if not levels:
        shown = {one.name: one for table, one, _ in means if table.withheld is None}
        if shown:
            named = tuple(evidence.text(declared.label) for declared in shown.values())
            return Message("levels.answer.no_cluster", {"columns": named})
        return Message("levels.answer.withheld" if means else "levels.answer.nothing")
    kinds = list({level.declared.name: level.declared for level in levels}.values())
    answer, *more = (_answer_for(instrument, levels, declared) for declared in kinds)
    for other in more:
        answer = Message("levels.answer.both", {"first": answer, "second": other})
    return answer


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
    raise SystemExit(script.main(run, "levels"))
