"""What has changed between the waves, and may be said to have: the section on development.

In the order that a claim about change needs: the same scale at every wave, the change of the latent
variables with its interval, who has left, and whether the change is large enough to matter. Without
a common scale there is no number of change. What the columns show of other designs (beginnings in
turns or at once, looking back, cohorts) stands beside it.
"""

from collections.abc import Iterator, Sequence

import measure
from analyses import evidence, verdicts
from analyses.comparing.licences import Licences
from analyses.intake.survey import Survey
from analyses.modelling.fits import plan
from analyses.modelling.methods import estimated_by
from analyses.over_time import design_findings, design_tables
from analyses.over_time.designs import Designs
from analyses.over_time.developing import FEWEST_IN_GROUP, Development, developed, first_to_last
from analyses.over_time.development_tables import (
    changes_figure,
    changes_table,
    differences_figure,
    differences_table,
    factor_label,
    ladder_table,
    leavers_table,
    leaving_table,
    shifts_table,
)
from analyses.over_time.then_tests import then_test
from analyses.section import (
    Figure,
    Finding,
    Message,
    Provenance,
    Quantity,
    Section,
    Table,
    Value,
    Verdict,
)
from instruments.schema import Instrument

GATE: dict[str, Verdict] = {
    "full": "good",
    "partial": "acceptable",
    "none": "poor",
    "undecided": "undecided",
}


TREATMENTS = {
    "pairwise": Message("development.note.missing_pairwise"),
    "fiml": Message("development.note.missing_fiml"),
    "listwise": Message("development.note.missing_listwise"),
}


def run(
    instrument: Instrument,
    survey: Survey,
    *,
    waves: Development | None = None,
    granted: Licences | None = None,
) -> Section:
    """Tell whether the scale is the same over waves, what has changed, and who has left.

    Parameters
    ----------
    instrument, survey
        What was asked, and the answers of all waves.
    waves
        What is asked of the waves, where it has been prepared already.
    granted
        The licences of the analysed wave, where they have been granted already.

    Returns
    -------
    Section
        `development`. With one wave and no cohorts it says that there is nothing to compare.
    """
    planned = plan(instrument, survey)
    if waves is None:
        waves = developed(instrument, survey, planned)
    designs = Designs(instrument, survey, planned, waves, granted or Licences())
    if waves is None:
        return _of_one_wave(designs)
    if not waves.common.factors:
        left_out = Message("development.note.left_out", {"items": waves.common.left_out})
        return Section(
            id="development", answer=Message("development.answer.no_common"), notes=(left_out,)
        )
    then = then_test(instrument, survey, waves)
    tables = (*_tables(waves), *design_tables.tables(designs, then))
    told = tuple(design_findings.findings(designs, then))
    return Section(
        id="development",
        answer=_answer(waves, designs, told),
        findings=(*_findings(waves, designs), *told),
        tables=tables,
        figures=(*_figures(waves, tables), *design_tables.figures(designs, tables)),
        notes=(*evidence.standing_notes(instrument, survey), *_notes(waves, designs)),
    )


def _of_one_wave(designs: Designs) -> Section:
    """Compare cohorts, where nothing else can be told of change."""
    told = tuple(design_findings.findings(designs, None))
    if not told:
        return Section(id="development", answer=Message("development.answer.one_wave"))
    return Section(
        id="development",
        answer=Message("development.answer.cohorts", {"change": told[0].claim}),
        findings=told,
        notes=evidence.standing_notes(designs.instrument, designs.survey),
    )


def _difference(waves: Development) -> measure.ChangeDifference | None:
    """Give the difference in change where it may be shown."""
    if not waves.comparable or waves.effort is None or waves.smallest_group < FEWEST_IN_GROUP:
        return None
    return waves.difference.result


def _tables(waves: Development) -> Iterator[Table]:
    if waves.ladder.result is not None:
        yield ladder_table(waves, waves.ladder.result)
    shifted = shifts_table(waves)
    if shifted is not None:
        yield shifted
    difference = _difference(waves)
    if difference is not None:
        yield changes_table(waves, difference.changes, difference.fit)
        yield differences_table(waves, difference)
    elif waves.comparable and waves.change.result is not None:
        yield changes_table(waves, waves.change.result.table, waves.change.result.fit)
    if waves.leavers.result is not None:
        yield leavers_table(waves, waves.leavers.result)
        leaving = leaving_table(waves, waves.leavers.result)
        if leaving is not None:
            yield leaving


def _figures(waves: Development, tables: tuple[Table, ...]) -> Iterator[Figure]:
    for table in tables:
        # Further pairs of waves would stand on the same line.
        if len(waves.waves) > 2:
            return
        if table.id == "development_changes":
            yield changes_figure(waves, table)
        if table.id == "development_differences":
            yield differences_figure(waves, table)


def _findings(waves: Development, designs: Designs) -> Iterator[Finding]:
    yield _gate(waves)
    yield _shift(waves)
    if waves.comparable:
        alone = designs.start is None
        yield _effect(waves) if waves.effort is not None else _change(waves, alone=alone)
    leaving = _leaving(waves)
    if leaving is not None:
        yield leaving


def _gate(waves: Development) -> Finding:
    """Judge whether change may be spoken of at all."""
    rules = waves.instrument.rules
    found = waves.ladder.result
    quantities = []
    if found is not None:
        fit = found.fits[found.steps[-1]]
        provenance = Provenance(estimated_by(fit), fit.n_obs, "Chen 2007")
        for name, worst in (("cfi", min), ("rmsea", max)):
            values = found.table[f"delta_{name}"].dropna()
            value = float(worst(values)) if len(values) else None
            quantities.append(
                Quantity(f"statistic.wave_{name}_change", value, provenance, digits=3)
            )
    failed = tuple(
        Message(f"development.step.{step}") for step, holds in waves.steps.items() if holds is False
    )
    notes = () if waves.ladder.result else (_refused(waves.ladder.reason),)
    return Finding(
        id="development_same",
        claim=Message(f"development.claim.same_{waves.licence}", {"steps": failed}),
        verdict=GATE[waves.licence],
        rule=verdicts.stated(rules.invariance_delta_cfi, rules.invariance_delta_rmsea),
        evidence=tuple(quantities),
        notes=notes,
    )


def _refused(reason: str) -> Message:
    return Message("note.technical", {"text": reason})


def _shift(waves: Development) -> Finding:
    """Tell which items measure otherwise at a later wave."""
    done = [one.result for one in waves.shifts.values() if one.result is not None]
    items = tuple(dict.fromkeys(item for one in done for item in one.table["item"]))
    tested = sum(len(one.candidates) for one in done)
    n_obs = max((one.fit.n_obs for one in done), default=0)
    undone = [
        Message("development.note.unsearched", {"factor": factor_label(waves, name)})
        for name, one in waves.shifts.items()
        if one.result is None
    ]
    key = ("shifted" if items else "not_shifted") if done else "unsearched"
    return Finding(
        id="development_shift",
        claim=Message(f"development.claim.{key}", {"items": items, "n": len(items)}),
        verdict="information",
        evidence=(
            evidence.count("shifts_tested", tested, "Oort 2005", n_obs),
            evidence.count("shifts_found", len(waves.released), "Oort 2005", n_obs),
        ),
        notes=(Message("development.note.shift"), *undone),
    )


def _effect(waves: Development) -> Finding:
    """Judge how much more those who took part have changed."""
    rules, effort = waves.instrument.rules, waves.effort
    assert effort is not None
    values: dict[str, Value] = {
        "group": evidence.group_label(effort.group, effort.column),
        "against": evidence.group_label(effort.against, effort.column),
    }
    found = _difference(waves)
    rule = verdicts.stated(rules.change_worthwhile)
    if found is None:
        few = waves.smallest_group < FEWEST_IN_GROUP
        note = (
            Message("development.note.few", {"limit": FEWEST_IN_GROUP})
            if few
            else _refused(waves.difference.reason)
        )
        claim = Message("development.claim.effect_unknown", values)
        return Finding("development_effect", claim, "undecided", rule, notes=(note,))
    row = first_to_last(found.table)
    estimate, lower, upper = (float(row[name]) for name in ("d", "d.ci.lower", "d.ci.upper"))
    verdict = verdicts.judge_change(estimate, lower, upper, rules)
    provenance = Provenance(estimated_by(found.fit), found.n_obs, Message("source.development"))
    key = {"good": "effect", "poor": "no_effect"}.get(verdict, "effect_undecided")
    notes = [
        *design_findings.spoken_to(waves.instrument, "effort"),
        Message("development.note.parallel"),
        Message("development.note.reliability"),
    ]
    if found.n_clusters is None:
        notes.append(Message("development.note.independent"))
    return Finding(
        id="development_effect",
        claim=Message(f"development.claim.{key}", values),
        verdict=verdict,
        rule=rule,
        evidence=(
            Quantity(
                "statistic.change_difference",
                estimate,
                provenance,
                lower=lower,
                upper=upper,
                level=evidence.CONFIDENCE,
                of=factor_label(waves, row["factor"]),
            ),
        ),
        notes=tuple(notes),
    )


def _change(waves: Development, *, alone: bool) -> Finding:
    """Tell how much everybody has changed; without a comparison it is no effect of anything.

    `alone` says that no other design compares anything.
    """
    found = waves.change.result
    if found is None:
        claim = Message("development.claim.change_unknown")
        note = _refused(waves.change.reason)
        return Finding("development_change", claim, "information", notes=(note,))
    row = first_to_last(found.table)
    low, high = float(row["d.ci.lower"]), float(row["d.ci.upper"])
    key = "grown" if low > 0 else "fallen" if high < 0 else "unchanged"
    provenance = Provenance(estimated_by(found.fit), found.n_obs, Message("source.development"))
    return Finding(
        id="development_change",
        claim=Message(f"development.claim.{key}"),
        verdict="information",
        evidence=(
            Quantity(
                "statistic.latent_change",
                float(row["d"]),
                provenance,
                lower=low,
                upper=high,
                level=evidence.CONFIDENCE,
                of=factor_label(waves, row["factor"]),
            ),
        ),
        notes=(Message("development.note.no_comparison"),) if alone else (),
    )


def _leaving(waves: Development) -> Finding | None:
    """Tell how many left, and how they differ."""
    found = waves.leavers.result
    if found is None:
        return None
    n = found.n_left + found.n_stayed
    told = found.table[(found.table["d.ci.lower"] > 0) | (found.table["d.ci.upper"] < 0)]
    largest = found.table["d"].abs().max()
    provenance = Provenance(Message("estimator.count"), n, "Austin 2009")
    return Finding(
        id="development_leaving",
        claim=Message(
            f"development.claim.{'left' if len(told) else 'left_alike'}",
            {"n": found.n_left, "of": n, "last": str(waves.waves[-1])},
        ),
        verdict="information",
        evidence=(
            evidence.share("share_left", found.n_left / n, Message("source.answers"), n),
            Quantity("statistic.largest_leaver_d", evidence.number(largest), provenance),
        ),
        notes=(_treatment(waves),),
    )


def _treatment(waves: Development) -> Message:
    """Say what the models take leavers to be."""
    found = waves.ladder.result
    missing = "listwise" if found is None else found.fits[found.steps[0]].missing
    return TREATMENTS[missing]


def _answer(waves: Development, designs: Designs, told: Sequence[Finding]) -> Message:
    if not waves.comparable:
        return Message(f"development.answer.{waves.licence}")
    begun = [one for one in told if one.id in ("development_wedge", "development_series")]
    if waves.effort is not None:
        finding = _effect(waves)
    else:
        finding = begun[0] if begun else _change(waves, alone=designs.start is None)
    values: dict[str, Value] = {"change": finding.claim}
    return Message(f"development.answer.{waves.licence}", values)


def _notes(waves: Development, designs: Designs) -> Iterator[Message]:
    counts = waves.frame.groupby(str(waves.survey.wave_column)).size()
    yield Message(
        "development.note.waves",
        {
            "counts": tuple(
                Message("waves.count", {"wave": wave, "n": int(counts[wave])})
                for wave in waves.waves
            )
        },
    )
    if waves.common.left_out:
        yield Message("development.note.left_out", {"items": waves.common.left_out})
    if waves.cluster is not None:
        yield Message(
            "development.note.clusters",
            {
                "column": evidence.text(waves.cluster.label),
                "n": int(waves.frame[waves.cluster.name].nunique()),
            },
        )
    else:
        yield Message("development.note.independent")
    if waves.effort is None and designs.start is None:
        yield Message("development.note.no_comparison")
    yield Message("development.note.flagged")


if __name__ == "__main__":
    from analyses import script

    raise SystemExit(script.main(run, "development", all_waves=True))
