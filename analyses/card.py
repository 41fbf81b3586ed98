"""What was actually computed: enough to repeat it, and to see where it could be otherwise."""

import platform
from importlib import metadata

from analyses import evidence, model_tables, script
from analyses.evidence import column, columns
from analyses.fits import Fits, fit_models
from analyses.publication import SEED, software
from analyses.section import Cell, Finding, Message, Phrase, Provenance, Section, Table
from analyses.structure import structure
from analyses.survey import Survey
from instruments.schema import Instrument

LIBRARIES = ("numpy", "scipy", "pandas", "factor_analyzer")


def run(
    instrument: Instrument, survey: Survey, *, fits: Fits | None = None, seed: int = SEED
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

    Returns
    -------
    Section
        `card`. Degrees of freedom are counted twice: by the engine, and from the model text by
        `analyses.structure`, which knows nothing of the engine.
    """
    fits = fit_models(instrument, survey) if fits is None else fits
    counted = {name: structure(fitted.model).df for name, fitted in fits.items()}
    engine = {name: _engine_df(fits, name) for name in fits}
    both = [name for name in fits if counted[name] is not None and engine[name] is not None]
    differ = tuple(name for name in both if counted[name] != engine[name])
    return Section(
        id="card",
        answer=Message(
            "card.answer",
            {
                "fitted": sum(fitted.outcome == "fitted" for fitted in fits.values()),
                "models": len(fits),
                "n": _n_used(fits),
            },
        ),
        findings=(_count_finding(fits, both, differ), _rows_finding(survey, fits)),
        tables=(
            _models(fits, counted, engine),
            _search(fits),
            _software(instrument, survey, seed),
        ),
        notes=evidence.standing_notes(instrument, survey),
    )


def _engine_df(fits: Fits, name: str) -> int | None:
    fit = fits[name].fit
    return None if fit is None else int(fit.fit_measures["df"])


def _n_used(fits: Fits) -> int:
    return max((fitted.fit.n_obs for fitted in fits.values() if fitted.fit is not None), default=0)


def _count_finding(fits: Fits, both: list[str], differ: tuple[str, ...]) -> Finding:
    source = Message("source.count")
    key = "card.claim.differ" if differ else "card.claim.agree"
    return Finding(
        id="card_df",
        claim=Message(key, {"n": len(both), "models": differ or tuple(both)}),
        verdict="poor" if differ else "good" if both else "undecided",
        evidence=(
            evidence.count("models_counted", len(both), source),
            evidence.count("models_agree", len(both) - len(differ), source),
        ),
    )


def _rows_finding(survey: Survey, fits: Fits) -> Finding:
    n_rows, n_used = len(survey.data), _n_used(fits)
    source = Message("source.file", {"file": survey.name})
    return Finding(
        id="card_rows",
        claim=Message("card.claim.rows", {"n": n_rows, "used": n_used}),
        verdict="information",
        evidence=(
            evidence.count("rows", n_rows, source, n_rows),
            evidence.count("used", n_used, source, n_rows),
            evidence.count("dropped", n_rows - n_used, source, n_rows),
        ),
        notes=(Message("screening.note.listwise"),),
    )


def _models(fits: Fits, counted: dict[str, int | None], engine: dict[str, int | None]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for name, fitted in fits.items():
        read, fit = structure(fitted.model), fitted.fit
        rows.append(
            (
                name,
                "ML",
                Message("card.likelihood.normal"),
                Message("card.missing.listwise"),
                None if fit is None else fit.n_obs,
                None if fit is None else fit.n_dropped,
                read.n_moments,
                read.n_parameters,
                None if fit is None else int(fit.fit_measures["npar"]),
                counted[name],
                engine[name],
            )
        )
    return Table(
        id="card_models",
        title=Message("card.table.models"),
        columns=(
            *columns("text", 0, "model", "estimator"),
            *columns("message", 0, "likelihood", "missing_treatment"),
            *columns("count", 0, "n_used", "n_dropped", "moments"),
            *columns("count", 0, "npar_text", "npar", "df_text", "df"),
        ),
        rows=tuple(rows),
        provenance=Provenance("ML", _n_used(fits), Message("source.count")),
        notes=(Message("card.note.counts"),),
    )


def _search(fits: Fits) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            name,
            model_tables.outcome(fitted),
            None if fitted.fit is None else fitted.fit.iterations,
            None if fitted.fit is None else fitted.fit.starts,
            fitted.error or "",
        )
        for name, fitted in fits.items()
    ]
    return Table(
        id="card_search",
        title=Message("card.table.search"),
        columns=(
            column("model", "text"),
            column("outcome", "message"),
            *columns("count", 0, "iterations", "starts"),
            column("technical", "text"),
        ),
        rows=tuple(rows),
        provenance=Provenance("ML", _n_used(fits), Message("source.search")),
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
    raise SystemExit(script.main(run, "card"))
