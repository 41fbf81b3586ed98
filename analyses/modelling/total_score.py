"""Whether one score may stand for all scales of the reference model, and what each adds to it."""

from collections.abc import Iterator

from analyses import evidence, verdicts
from analyses.intake.survey import Survey
from analyses.modelling import model_tables
from analyses.modelling.fits import Fits, Fitted
from analyses.modelling.scale_reliability import fits_poorly
from analyses.modelling.structure import structure
from analyses.section import Finding, Message, Provenance, Quantity, Value, Verdict
from instruments.schema import Instrument, MeasurementModel
from measure.consistency.general_indices import BifactorIndices, bifactor_indices
from measure.consistency.subscores import Subscores, prmse
from measure.errors import MeasureError


def findings(
    instrument: Instrument, survey: Survey, fits: Fits, reference: Fitted
) -> Iterator[Finding]:
    """Judge the total score and the sub-scores, where the instrument states what is in common.

    Parameters
    ----------
    fits
        The rival models. The total is judged from the one with a factor behind all items and
        uncorrelated ones beside it, and where that gives no usable solution, from the model that
        the instrument's total is in. Without either nothing is said.
    """
    if instrument.total is None:
        return
    bifactor = next((fitted for fitted in fits.values() if is_bifactor(fitted.model)), None)
    second_order = fits.get(instrument.total.model)
    tried = [fitted for fitted in (bifactor, second_order) if fitted is not None]
    if not tried:
        return
    usable = next((fitted for fitted in tried if fitted.usable is not None), None)
    yield _unknown(instrument, tried[0]) if usable is None else _total(instrument, usable)
    yield _subscores(instrument, survey, reference)


def is_bifactor(model: MeasurementModel) -> bool:
    """Tell whether a model has one factor behind all items, and others uncorrelated with it."""
    stated = structure(model)
    general = [items for items in stated.factors.values() if set(items) == set(stated.observed)]
    return model.options.orthogonal and len(general) == 1 and len(stated.factors) > 1


def _total(instrument: Instrument, fitted: Fitted) -> Finding:
    assert fitted.usable is not None
    found = bifactor_indices(fitted.usable, confidence_level=evidence.CONFIDENCE)
    omega_h, ecv = found.of("omega_h"), found.of("ecv")
    verdict = verdicts.judge_total(omega_h, ecv, instrument.rules)
    model = model_tables.model_label(fitted)
    numbers = tuple(
        _index(found, name, model_tables.provenance(fitted, Message(source, {"model": model})))
        for name, source in (("omega_h", "source.omega_h"), ("ecv", "source.ecv"))
    )
    notes: tuple[Message, ...] = ()
    if fits_poorly(fitted.usable, instrument.rules):
        notes = (Message("reliability.note.total_poor_fit", {"model": model}),)
    return _total_finding(instrument, verdict, numbers, notes)


def _unknown(instrument: Instrument, fitted: Fitted) -> Finding:
    values = {
        "model": model_tables.model_label(fitted),
        "reason": model_tables.outcome(fitted),
    }
    note = Message("reliability.note.no_total", values)
    return _total_finding(instrument, "undecided", (), (note,))


def _total_finding(
    instrument: Instrument,
    verdict: Verdict,
    numbers: tuple[Quantity, ...],
    notes: tuple[Message, ...],
) -> Finding:
    assert instrument.total is not None
    label = model_tables.factor_label(instrument, instrument.total.factor)
    return Finding(
        id="total_score",
        claim=Message(f"reliability.total.{verdict}", {"total": label}),
        verdict=verdict,
        rule=verdicts.stated(instrument.rules.total_omega_h, instrument.rules.total_ecv),
        evidence=numbers,
        notes=notes,
    )


def _index(found: BifactorIndices, name: str, provenance: Provenance) -> Quantity:
    rows = found.table
    general = rows[(rows["factor"] == rows["factor"].iloc[0]) & (rows["coefficient"] == name)]
    row = general.iloc[0]
    return Quantity(
        f"statistic.{name}",
        evidence.number(row["est"]),
        provenance,
        digits=3,
        lower=evidence.number(row["ci.lower"]),
        upper=evidence.number(row["ci.upper"]),
        level=evidence.CONFIDENCE,
    )


def _subscores(instrument: Instrument, survey: Survey, reference: Fitted) -> Finding:
    factors = structure(reference.model).factors
    rule = verdicts.stated(instrument.rules.subscore_prmse)
    try:
        found = _predicted(survey, reference)
    except MeasureError as error:
        note = Message("note.technical", {"text": str(error)})
        claim = Message("reliability.subscores.undecided")
        return Finding("subscores", claim, "undecided", rule, notes=(note,))
    adds = {
        str(row["scale"]): verdicts.adds_to_total(
            evidence.number(row["difference"]), instrument.rules
        )
        for _, row in found.table.iterrows()
    }
    verdict: Verdict = "good" if all(adds.values()) else "poor"
    if None in adds.values():
        verdict = "undecided"
    rest = tuple(model_tables.factor_label(instrument, name) for name in factors if not adds[name])
    values: dict[str, Value] = {"n": len(adds), "rest": rest}
    return Finding(
        id="subscores",
        claim=Message(f"reliability.subscores.{verdict}", values),
        verdict=verdict,
        rule=rule,
        evidence=tuple(_differences(instrument, found)),
    )


def _predicted(survey: Survey, reference: Fitted) -> Subscores:
    factors = structure(reference.model).factors
    items = [item for own in factors.values() for item in own if item in survey.scored.columns]
    answers, declared = survey.scored[items], reference.plan.cluster
    if declared is not None:
        answers = answers.assign(**{declared.name: survey.data[declared.name]})
    return prmse(
        answers,
        {name: list(own) for name, own in factors.items()},
        # Of answers as numbers: the intervals then need no normality behind ordered answers.
        reliability="omega",
        cluster=None if declared is None else declared.name,
        confidence_level=evidence.CONFIDENCE,
    )


def _differences(instrument: Instrument, found: Subscores) -> Iterator[Quantity]:
    estimator: Message = Message("estimator.covariances")
    if found.n_clusters is not None:
        estimator = Message("method.clustered", {"estimator": estimator, "n": found.n_clusters})
    provenance = Provenance(estimator, found.n_obs, Message("source.prmse"))
    for _, row in found.table.iterrows():
        yield Quantity(
            "statistic.prmse_difference",
            evidence.number(row["difference"]),
            provenance,
            digits=3,
            lower=evidence.number(row["difference.ci.lower"]),
            upper=evidence.number(row["difference.ci.upper"]),
            level=evidence.CONFIDENCE,
            of=model_tables.factor_label(instrument, str(row["scale"])),
        )
