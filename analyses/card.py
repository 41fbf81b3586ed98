"""What was actually computed: enough to repeat it, and to see where it could be otherwise."""

import platform
from dataclasses import dataclass
from importlib import metadata

import measure
from analyses import evidence
from analyses.defaults import SEED, software
from analyses.evidence import column, columns
from analyses.intake import locked
from analyses.intake.locked import Locked
from analyses.intake.survey import Survey
from analyses.modelling import methods, model_tables
from analyses.modelling.fits import Fits, Fitted, fit_models
from analyses.modelling.structure import structure
from analyses.section import Cell, Finding, Message, Phrase, Provenance, Section, Table
from instruments.schema import Instrument

_DROPPED = {
    "listwise": "dropped_listwise",
    "fiml": "dropped_fiml",
    "pairwise": "dropped_fiml",
}
_ERRORS = {
    "standard": "card.se.standard",
    "robust.sem": "card.se.robust_sem",
    "robust.huber.white": "card.se.huber_white",
}
_TESTS = {
    "standard": "card.test.standard",
    "satorra.bentler": "card.test.satorra_bentler",
    "mean.var.adjusted": "card.test.mean_var_adjusted",
    "scaled.shifted": "card.test.scaled_shifted",
    "yuan.bentler.mplus": "card.test.yuan_bentler",
}
_ORDERED = {
    "delta": "card.likelihood.ordered_delta",
    "theta": "card.likelihood.ordered_theta",
}
LIBRARIES = ("numpy", "scipy", "pandas", "factor_analyzer")


def run(
    instrument: Instrument,
    survey: Survey,
    *,
    fits: Fits | None = None,
    seed: int = SEED,
    rules: Locked | None = None,
) -> Section:
    """List what was fitted, to whom, how, and how it ended.

    Parameters
    ----------
    instrument, survey
        What was asked, and the answers.
    fits
        The fitted models, where they have been fitted already.
    seed
        The seed that the other sections used.
    rules
        Whether the rules were locked, from `locked.examine`; looked up where it is not given.

    Returns
    -------
    Section
        `card`. Degrees of freedom are counted three times: by the engine, from the rows of the
        parameter table by `measure.model_card`, and from the model text by
        `analyses.modelling.structure`, which knows nothing of the engine.
    """
    fits = fit_models(instrument, survey) if fits is None else fits
    rules = locked.examine(instrument) if rules is None else rules
    attempts = _attempts(fits)
    counts = [_count(fitted) for fitted in attempts]
    return Section(
        id="card",
        answer=Message(
            "card.answer_clustered" if _clustered(fits) else "card.answer",
            {
                "fitted": sum(fitted.outcome == "fitted" for fitted in fits.values()),
                "models": len(fits),
                "n": _n_used(fits),
                "method": methods.of_any(fits),
            },
        ),
        findings=(
            _count_finding(counts),
            _rows_finding(survey, fits),
            locked.finding(rules),
        ),
        tables=(
            _models(survey, fits, attempts),
            _counts(fits, counts),
            _search(fits, attempts),
            *locked.tables(rules),
            _software(instrument, survey, seed),
        ),
        notes=(
            *evidence.standing_notes(instrument, survey),
            *methods.fallback_notes(fits[instrument.reference_model.id]),
        ),
    )


def _attempts(fits: Fits) -> list[Fitted]:
    """Give everything that was fitted: the models, and then their checks or what they replace."""
    others = (entry.check or entry.instead_of for entry in fits.values())
    return [*fits.values(), *(entry for entry in others if entry is not None)]


@dataclass(frozen=True)
class Count:
    """The degrees of freedom of one model, counted by the engine and twice without it.

    None where the model has no fit, or its text says more than `analyses.modelling.structure`
    understands.
    """

    model: str
    estimator: str
    moments: int | None
    free: int | None
    from_text: int | None
    from_rows: int | None
    engine: int | None

    @property
    def agrees(self) -> bool:
        """Whether all counts that there are give the same."""
        return len({self.from_text, self.from_rows, self.engine} - {None}) <= 1


def _count(fitted: Fitted) -> Count:
    read = structure(fitted.model).df
    if fitted.fit is None:
        return Count(fitted.model.id, fitted.plan.estimator, None, None, read, None, None)
    card = measure.model_card(fitted.fit)
    tied = card.equalities_within + card.equalities_across
    free = card.n_free - tied - card.rotation
    name = fitted.model.id, fitted.plan.estimator
    return Count(*name, card.n_moments, free, read, card.df_predicted, card.df)


def _n_used(fits: Fits) -> int:
    return max((fitted.fit.n_obs for fitted in fits.values() if fitted.fit is not None), default=0)


def _clustered(fits: Fits) -> bool:
    return any(fitted.fit is not None and fitted.fit.n_clusters for fitted in fits.values())


def _count_finding(counts: list[Count]) -> Finding:
    source = Message("source.count")
    fitted = dict.fromkeys(count.model for count in counts if count.engine is not None)
    differ = tuple(dict.fromkeys(count.model for count in counts if not count.agrees))
    key = "card.claim.differ" if differ else "card.claim.agree"
    return Finding(
        id="card_df",
        claim=Message(key, {"n": len(fitted), "models": differ}),
        verdict="poor" if differ else "good" if fitted else "undecided",
        evidence=(
            evidence.count("models_counted", len(fitted), source),
            evidence.count("models_agree", len(fitted) - len(differ), source),
        ),
    )


def _rows_finding(survey: Survey, fits: Fits) -> Finding:
    """Say how many take part in the models, and why the others do not."""
    n_rows, n_used = len(survey.data), _n_used(fits)
    planned = next(iter(fits.values())).plan
    source = Message("source.file", {"file": survey.name})
    counts = [("rows", n_rows), ("used", n_used)]
    if n_used:
        unknown = methods.without_cluster(survey, planned)
        counts.append((_DROPPED[planned.missing], n_rows - n_used - unknown))
        if unknown:
            counts.append(("dropped_cluster", unknown))
    return Finding(
        id="card_rows",
        claim=Message("card.claim.rows", {"n": n_rows, "used": n_used}),
        verdict="information",
        evidence=tuple(evidence.count(name, n, source, n_rows) for name, n in counts),
        notes=(methods.missing_note(survey, planned),),
    )


def _discrepancy(fit: measure.Fit) -> Message:
    """Say what the estimator makes small."""
    if fit.options.has_ordered:
        return Message(_ORDERED[fit.options.parameterization])
    return Message(f"card.likelihood.{'less_one' if fit.method.less_one else 'normal'}")


def _models(survey: Survey, fits: Fits, attempts: list[Fitted]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    incomplete = survey.scored.isna().to_numpy().any()
    for fitted in attempts:
        fit, planned = fitted.fit, fitted.plan
        made: tuple[Cell, ...] = (None,) * 6
        if fit is not None:
            made = (
                _discrepancy(fit),
                Message(_ERRORS[fit.method.se]),
                Message(_TESTS[fit.method.test]),
                fit.n_clusters,
                fit.n_obs,
                fit.n_dropped,
            )
        missing = Message(f"card.missing.{planned.missing if incomplete else 'complete'}")
        rows.append((fitted.model.id, planned.estimator, missing, *made))
    return Table(
        id="card_models",
        title=Message("card.table.models"),
        columns=(
            *columns("text", 0, "model", "estimator"),
            *columns("message", 0, "missing_treatment", "likelihood", "se", "test"),
            *columns("count", 0, "clusters", "n_used", "n_dropped"),
        ),
        rows=tuple(rows),
        provenance=Provenance(methods.of_any(fits), _n_used(fits), Message("source.run")),
        notes=(
            Message("card.note.models"),
            *((Message("card.note.checks"),) if len(attempts) > len(fits) else ()),
        ),
    )


def _counts(fits: Fits, counts: list[Count]) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            count.model,
            count.estimator,
            count.moments,
            count.free,
            count.from_text,
            count.from_rows,
            count.engine,
        )
        for count in counts
    ]
    return Table(
        id="card_counts",
        title=Message("card.table.counts"),
        columns=(
            *columns("text", 0, "model", "estimator"),
            *columns("count", 0, "moments", "npar", "df_text", "df_rows", "df"),
        ),
        rows=tuple(rows),
        provenance=Provenance(Message("estimator.count"), _n_used(fits), Message("source.count")),
        notes=(Message("card.note.counts"),),
    )


def _search(fits: Fits, attempts: list[Fitted]) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            fitted.model.id,
            fitted.plan.estimator,
            model_tables.outcome(fitted),
            None if fitted.fit is None else fitted.fit.iterations,
            None if fitted.fit is None else fitted.fit.starts,
            fitted.error or ("" if fitted.fit is None else " ".join(fitted.fit.notes)),
        )
        for fitted in attempts
    ]
    return Table(
        id="card_search",
        title=Message("card.table.search"),
        columns=(
            *columns("text", 0, "model", "estimator"),
            column("outcome", "message"),
            *columns("count", 0, "iterations", "starts"),
            column("technical", "text"),
        ),
        rows=tuple(rows),
        provenance=Provenance(methods.of_any(fits), _n_used(fits), Message("source.search")),
    )


def _software(instrument: Instrument, survey: Survey, seed: int) -> Table:
    facts: list[tuple[Phrase, Phrase]] = [
        (Message("card.fact.survey"), survey.name),
        (Message("card.fact.instrument"), f"{instrument.id} {instrument.version}"),
        (Message("card.fact.status"), evidence.text(instrument.status)),
        (Message("card.fact.citation"), instrument.citation),
        (Message("card.fact.seed"), str(seed)),
        (Message("card.fact.program"), software()),
        ("Python", platform.python_version()),
        *((name, metadata.version(name)) for name in LIBRARIES),
    ]
    return Table(
        id="card_run",
        title=Message("card.table.run"),
        columns=(column("fact", "message"), column("value", "message")),
        rows=tuple(facts),
        provenance=Provenance(Message("estimator.none"), None, Message("source.run")),
    )


if __name__ == "__main__":
    from analyses import script

    raise SystemExit(script.main(run, "card"))
