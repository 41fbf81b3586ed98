"""Does the questionnaire measure alike in all groups? Steps, licences, and latent means."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeVar

from analyses import evidence, verdicts
from analyses.comparing import bias_tables, invariance_tables, licences
from analyses.comparing.group_ladders import Climb
from analyses.comparing.ladder_check import check_finding, check_ladders, check_table
from analyses.comparing.licences import Licence, Licences
from analyses.comparing.scale_tables import scale_findings, scales_table
from analyses.intake.survey import Survey
from analyses.modelling import methods
from analyses.modelling.fits import Fits, fit_reference
from analyses.section import (
    Finding,
    Message,
    Provenance,
    Quantity,
    Rule,
    Section,
    Table,
    Verdict,
)
from instruments.rules import Rules
from instruments.schema import Instrument

Shown = TypeVar("Shown", Finding, Table)

VERDICTS: dict[licences.Level, Verdict] = {
    "full": "good",
    "partial": "acceptable",
    "none": "poor",
    "untested": "information",
}
"""How each licence stands among the verdicts of the other sections."""


def run(
    instrument: Instrument,
    survey: Survey,
    *,
    fits: Fits | None = None,
    granted: Licences | None = None,
) -> Section:
    """Show what the groups may be compared for, what that rests on, and how they differ.

    Parameters
    ----------
    instrument, survey
        What was asked, and the answers.
    fits
        The fitted models, where they have been fitted already.
    granted
        The licences, where they have been granted already.

    Returns
    -------
    Section
        `invariance`: a finding for each column that groups are compared by.
    """
    fits = fit_reference(instrument, survey) if fits is None else fits
    granted = licences.grant(instrument, survey, fits) if granted is None else granted
    found = list(granted.by_column.values())
    climbs = [one.climb for one in found if one.climb is not None and one.climb.found is not None]
    tables = [invariance_tables.licences_table(found, len(survey.data))] if found else []
    tables += [invariance_tables.steps_table(climbs)] if climbs else []
    reference = fits[instrument.reference_model.id]
    checked = check_ladders(reference, climbs, instrument.rules)
    check = None if checked is None else check_finding(checked, reference)
    tables += _there(None if checked is None else check_table(checked, reference))
    tables += invariance_tables.releases_table(found)
    figures = []
    for licence in found:
        for table in bias_tables.bias_tables(instrument, licence):
            tables.append(table)
            if table.id.startswith("item_bias"):
                figures.append(bias_tables.bias_figure(licence, table))
        for table in invariance_tables.means_tables(instrument, licence):
            tables.append(table)
            if not table.id.endswith("_scales"):
                figures.append(invariance_tables.means_figure(instrument, licence, table))
    tables += _there(scales_table(instrument, granted))
    return Section(
        id="invariance",
        answer=_answer(found),
        findings=(
            *(_finding(instrument.rules, one, granted) for one in found),
            *_there(check),
            *scale_findings(instrument, granted),
        ),
        tables=tuple(tables),
        figures=tuple(figures),
        notes=(
            *evidence.standing_notes(instrument, survey),
            *(methods.notes(instrument, survey, replace(reference, check=None)) if climbs else ()),
            Message("invariance.note.gate"),
        ),
    )


def _there(one: Shown | None) -> tuple[Shown, ...]:
    return () if one is None else (one,)


def _answer(found: list[Licence]) -> Message:
    """Say for which columns the questionnaire measures alike, and for which it does not."""
    by_level = {
        level: tuple(evidence.text(one.column.label) for one in found if one.level == level)
        for level in VERDICTS
    }
    said = [
        Message(f"invariance.answer.{level}", {"columns": columns})
        for level, columns in by_level.items()
        if columns
    ]
    if not said:
        return Message("invariance.answer.nothing")
    answer, *more = said
    for other in more:
        answer = Message("invariance.answer.both", {"first": answer, "second": other})
    return answer


def _finding(rules: Rules, licence: Licence, granted: Licences) -> Finding:
    """Say what one column may be compared for, and which means of scales may not."""
    refused = (
        one.reason
        for (name, _), one in granted.of_means.items()
        if name == licence.column.name and not one.allows
    )
    column = evidence.text(licence.column.label)
    climbed = licence.climb
    return Finding(
        id=f"invariance_{licence.column.name}",
        claim=Message(f"invariance.claim.{licence.level}", {"column": column}),
        verdict=VERDICTS[licence.level],
        rule=_rule(rules, climbed),
        evidence=() if climbed is None else tuple(_evidence(climbed)),
        notes=(licence.reason, *refused, *(() if climbed is None else _notes(rules, climbed))),
    )


def _rule(rules: Rules, climbed: Climb | None) -> Rule | None:
    """Give the rules that decided: that of fit where the form of the model fails."""
    if climbed is None or climbed.found is None:
        return None
    failed = climbed.failed
    if failed is not None and failed.name == climbed.found.steps[0]:
        return verdicts.stated(rules.global_fit_acceptable)
    steps = (rules.invariance_delta_cfi, rules.invariance_delta_rmsea)
    return verdicts.stated(*steps, *(() if climbed.releases.empty else (rules.invariance_bias,)))


def _evidence(climbed: Climb) -> Iterator[Quantity]:
    """Give the largest changes of any step: what the rules judge."""
    found, fit = climbed.found, climbed.fit
    if found is None or fit is None or len(found.steps) < 2:
        return
    provenance = Provenance(methods.estimated_by(fit), fit.n_obs, "Chen 2007")
    changes = found.table.iloc[1:]
    released = len(climbed.releases)
    yield evidence.count("invariance_released", released, Message("source.released"), fit.n_obs)
    for name, value in (
        ("invariance_cfi", changes["delta_cfi"].min()),
        ("invariance_rmsea", changes["delta_rmsea"].max()),
    ):
        yield Quantity(f"statistic.{name}", evidence.number(value), provenance, digits=3)


def _notes(rules: Rules, climbed: Climb) -> Iterator[Message]:
    """Say what the reader has to know of the groups."""
    declared, chosen = climbed.declared, climbed.chosen
    if chosen.left_out and climbed.reason is None:
        yield Message("invariance.note.left_out", climbed.left_out)
    if chosen.n_blank:
        yield Message("invariance.note.blank", {"n": chosen.n_blank})
    if climbed.merged:
        yield Message("invariance.note.merged", {"items": climbed.merged})
    if climbed.found is not None:
        limit = rules.invariance_group.value
        few = [str(name) for name, n in climbed.found.groups.items() if n < limit]
        if few:
            groups = tuple(evidence.group_label(one, declared) for one in few)
            yield Message("invariance.note.few", {"groups": groups, "limit": limit})


if __name__ == "__main__":
    from analyses import script

    raise SystemExit(script.main(run, "invariance"))
