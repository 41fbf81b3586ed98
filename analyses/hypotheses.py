"""Whether what was expected beforehand is found: the ledger of hypotheses, and its path model."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from analyses import evidence, verdicts
from analyses.across_levels.referents import Referents, referents
from analyses.comparing import licences
from analyses.comparing.group_ladders import COMPARING
from analyses.comparing.licences import Licences
from analyses.defaults import SEED
from analyses.intake.survey import Survey
from analyses.ledger import detail_tables, details, tables
from analyses.ledger import findings as told
from analyses.ledger.entries import Entry, entries, gather, open_ledger, unasked
from analyses.ledger.estimators import Ledger
from analyses.ledger.judgement import Score, score
from analyses.ledger.structural import Structural, structural_models
from analyses.ledger.variables import Answers, NotAsked
from analyses.modelling import methods
from analyses.modelling.fits import Fits, fit_models
from analyses.over_time.developing import Development
from analyses.section import Finding, Message, Section, Table, Value
from instruments.schema import Instrument


def run(
    instrument: Instrument,
    survey: Survey,
    *,
    fits: Fits | None = None,
    granted: Licences | None = None,
    seed: int = SEED,
    waves: Development | None = None,
    across: Referents | None = None,
) -> Section:
    """Estimate the hypotheses, set each number beside its band and judge it by the rules.

    Parameters
    ----------
    instrument, survey
        What was asked and expected, and the answers.
    fits
        The fitted models, where they have been fitted already.
    granted
        The licences of comparisons, where they have been granted already.
    seed
        Of the random splits of clusters.
    waves
        What is asked of all waves of the survey, where it has several.
    across
        What is asked of functions at several levels, where it is known already.

    Returns
    -------
    Section
        `hypotheses`. What awaits an estimator, data of another kind or columns of the user's own
        stands in the ledger with the reason.
    """
    if not instrument.hypotheses:
        return Section(id="hypotheses", answer=Message("hypotheses.answer.no_hypotheses"))
    fits = fit_models(instrument, survey) if fits is None else fits
    granted = licences.grant(instrument, survey, fits) if granted is None else granted
    reference = fits[instrument.reference_model.id]
    across = referents(instrument, survey, reference.plan) if across is None else across
    answers = Answers(instrument, survey, reference.plan, waves, across)
    judged = _judged(answers, fits, granted, seed, parts=True)
    ledger, found, structural, whole = judged
    shown = [
        tables.ledger_table(
            found,
            (
                *tables.freed_rows(instrument, fits),
                *tables.referent_rows(instrument, across),
                *tables.model_rows(instrument, structural),
            ),
        ),
        *(() if ledger is None else _tables(ledger, found)),
    ]
    figures = [
        tables.estimates_figure(table)
        for table in shown
        if table.id in ("ledger_correlations", "ledger_differences")
    ]
    for one in structural:
        paths = list(detail_tables.paths_tables(instrument, one))
        shown += paths
        figures += [detail_tables.paths_figure(paths[0])] if paths else []
    return Section(
        id="hypotheses",
        answer=_answer(whole, instrument),
        findings=_findings(instrument, judged),
        tables=tuple(shown),
        figures=tuple(figures),
        notes=(
            *evidence.standing_notes(instrument, survey),
            # Other scales may have gaps where the reference model's answers are complete.
            *methods.notes(instrument, survey, replace(reference, plan=answers.planned)),
            *_notes(instrument, ledger, found),
        ),
    )


def findings(
    answers: Answers, *, fits: Fits, granted: Licences, seed: int = SEED
) -> tuple[Finding, ...]:
    """Give what `run` finds, without tables and figures.

    Parameters
    ----------
    answers
        With what is asked of waves and of levels, where there is such.
    fits, granted, seed
        As for `run`.
    """
    instrument = answers.instrument
    if not instrument.hypotheses:
        return ()
    return _findings(instrument, _judged(answers, fits, granted, seed, parts=False))


class _Judged(NamedTuple):
    """The ledger, None where the form does not ask for it; what came of hypotheses and models."""

    ledger: Ledger | None
    entries: tuple[Entry, ...]
    structural: tuple[Structural, ...]
    whole: Score


def _judged(answers: Answers, fits: Fits, granted: Licences, seed: int, *, parts: bool) -> _Judged:
    """Estimate and judge the hypotheses and the models of paths; `parts` of indices are to come."""
    instrument = answers.instrument
    ledger = _opened(instrument, answers, fits, granted)
    if ledger is not None:
        gather(ledger, parts=parts)
    structural = tuple(structural_models(instrument, answers))
    found = unasked(instrument) if ledger is None else tuple(entries(ledger, seed))
    whole = score((entry.judgement for entry in found), instrument.rules)
    return _Judged(ledger, found, structural, whole)


def _findings(instrument: Instrument, judged: _Judged) -> tuple[Finding, ...]:
    return (
        told.whole(instrument, judged.whole),
        *told.of_hypotheses(instrument, judged.entries),
        *told.of_structural(instrument, judged.structural),
    )


def judgements(section: Section) -> dict[str, Message]:
    """Give the word for how each hypothesis and model of the ledger stands, by its id."""
    if not section.tables:
        return {}
    ledger = section.table("ledger")
    pairs = zip(ledger.column("hypothesis"), ledger.column("verdict"), strict=True)
    return {str(name): word for name, word in pairs if isinstance(word, Message)}


def _opened(
    instrument: Instrument, answers: Answers, fits: Fits, granted: Licences
) -> Ledger | None:
    """Settle what the hypotheses are about; None where the form does not ask for it."""
    try:
        return open_ledger(instrument, answers, fits, granted)
    except NotAsked:
        return None


def _tables(ledger: Ledger, found: Sequence[Entry]) -> Iterator[Table]:
    yield from tables.estimates_tables(ledger, found)
    targets = details.measured_targets(found)
    parts = tuple(details.parts_of_indices(ledger, targets))
    behind = (
        tables.split_table(found),
        detail_tables.functions_table(ledger, tuple(details.of_functions(ledger, targets))),
        detail_tables.parts_table(ledger, parts),
    )
    yield from (table for table in behind if table is not None)


def _notes(
    instrument: Instrument, ledger: Ledger | None, found: Sequence[Entry]
) -> Iterator[Message]:
    yield Message("hypotheses.note.bands", {"version": instrument.version})
    if ledger is not None and instrument.total is not None:
        values: dict[str, Value] = {
            "total": ledger.total.label,
            "model": evidence.model_label(instrument.model(instrument.total.model)),
        }
        if ledger.total.composite:
            values["reference"] = evidence.model_label(instrument.reference_model)
        yield Message(f"hypotheses.note.{'sum' if ledger.total.composite else 'total'}", values)
    yield Message("hypotheses.note.one_source")
    yield verdicts.stated(instrument.rules.index_answered).text
    if any(
        part.estimate is not None and part.expectation.estimand in COMPARING
        for entry in found
        for part in entry.parts
    ):
        yield Message("hypotheses.note.invariance")
    if any(
        part.estimate is not None and part.expectation.estimand == "gain"
        for entry in found
        for part in entry.parts
    ):
        yield Message("hypotheses.note.gain")


def _answer(whole: Score, instrument: Instrument) -> Message:
    values = told.counts(whole, instrument)
    if not whole.measured:
        return Message("hypotheses.answer.none", values)
    key = {"good": "holds", "poor": "fails"}.get(whole.verdict, "too_few")
    return Message(f"hypotheses.answer.{key}", values)


if __name__ == "__main__":
    from analyses import script

    raise SystemExit(script.main(run, "hypotheses"))
