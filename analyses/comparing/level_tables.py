"""The tables of the section on levels: where differences lie, who agrees, and means of groups."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from analyses import evidence
from analyses.comparing.level_grounds import Level
from analyses.evidence import column, columns
from analyses.intake.survey import Survey
from analyses.section import (
    AboutLeaders,
    Answers,
    Cell,
    Column,
    Figure,
    Message,
    Provenance,
    Table,
    Value,
)
from instruments.schema import BackgroundColumn, Instrument, Scale
from measure.levels.means import group_means

DISPERSION = ("ci.lower", "ci.upper", "sd")
"""The columns beside a mean that say how far answers lie apart."""

RWG_COLUMNS = {
    "uniform": "rwg_uniform",
    "slight": "rwg_slight",
    "moderate": "rwg_moderate",
    "heavy": "rwg_heavy",
}
"""The column of rwg(j) under each null distribution."""


@dataclass(frozen=True, eq=False)
class Asked:
    """A scale as a survey asks it.

    Attributes
    ----------
    limits
        The ends of the answer scale; None where the items have several.
    n_items
        How many of its items were asked.
    leaders
        Of each respondent, which leader the scale is about; None where it is about no leader.
    """

    scale: Scale
    limits: tuple[float, float] | None
    n_items: int
    leaders: "pd.Series[Any] | None" = None

    def leaders_of(self, data: pd.DataFrame) -> "pd.Series[int] | None":
        """Count the leaders whom each group rated, (n_groups,); None where it is about none."""
        if self.leaders is None:
            return None
        rated = data.assign(leader=self.leaders).dropna(subset=["score"])
        return rated.groupby("group")["leader"].nunique()


def asked(instrument: Instrument, survey: Survey, scale: Scale) -> Asked:
    """Tell how a survey asks a scale, and about which leaders.

    Each unit has one leader. A scale is about leaders where these answer its items about
    themselves; in a survey that does not say who is in which unit, everybody rates the same one.
    """
    items = evidence.scored_items(scale, survey)
    found = {instrument.response(item).limits for item in items}
    (one,) = found if len(found) == 1 else (None,)
    limits = None if one is None else (float(one[0]), float(one[1]))
    if not any(instrument.item(item).self_for is not None for item in items):
        return Asked(scale, limits, len(items))
    unit = instrument.column_for("cluster")
    known = unit is not None and unit in survey.data
    leaders = survey.data[unit] if known else pd.Series(0, index=survey.data.index)
    return Asked(scale, limits, len(items), leaders)


def icc_table(levels: list[Level]) -> Table:
    """Give ICC(1) and ICC(2) of every scale by every kind of group."""
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


def agreement_table(instrument: Instrument, levels: list[Level]) -> Table:
    """Give the medians of the indices of agreement."""
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


def means_table(
    asked: Asked, scores: pd.DataFrame, groups: pd.Series, declared: BackgroundColumn
) -> Table:
    """Give a scale's mean in every group, the groups in the order of their labels.

    Parameters
    ----------
    asked
        The scale, and whom it is about.
    scores
        Each respondent's mean of every scale.
    groups
        Each respondent's group.
    declared
        The column that the groups are of.
    """
    scale = asked.scale
    data = pd.DataFrame({"score": scores[scale.id], "group": groups})
    means = group_means(data, "score", by="group", confidence=evidence.CONFIDENCE)
    led = asked.leaders_of(data)
    rows: list[tuple[Cell, ...]] = []
    by_group = means.to_dict("index")
    for value in evidence.ordered_groups(groups, declared):
        if value not in by_group:
            continue
        row = by_group[value]
        numbers = (evidence.number(row[name]) for name in ("mean", "ci.lower", "ci.upper", "sd"))
        leaders = () if led is None else (int(led.get(value, 0)),)
        rows.append((evidence.group_label(value, declared), int(row["n"]), *leaders, *numbers))
    label, group = evidence.text(scale.label), evidence.text(declared.label)
    return Table(
        id=f"means_{declared.name}_{scale.id}",
        title=Message("levels.table.means", {"scale": label, "column": group}),
        columns=(
            Column("group", evidence.plain(group), "message"),
            column("respondents", "count", 0),
            *(() if led is None else columns("count", 0, "n_leaders")),
            *columns("number", 2, "mean", "ci.lower", "ci.upper", "sd"),
        ),
        rows=tuple(rows),
        provenance=Provenance(
            Message("estimator.mean_t"), int(means["n"].sum()), Message("source.mean_t")
        ),
        respondents="respondents",
        answers=Answers(scale.id, "mean", "sd", asked.limits, asked.n_items),
        dispersion=DISPERSION,
        leaders=None if led is None else AboutLeaders("n_leaders", "respondents"),
    )


def self_ratings_tables(instrument: Instrument, survey: Survey) -> list[Table]:
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
        groups=(),
        dispersion=DISPERSION,
        leaders=AboutLeaders("respondents"),
    )
    return [table]


def means_figure(
    instrument: Instrument, scale: Scale, declared: BackgroundColumn, table: Table
) -> Figure:
    """Draw the means of groups with their intervals."""
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
