"""The instrument's models of persons within organisations, fitted and judged by the rules."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import pandas as pd

import measure
from analyses import evidence, verdicts
from analyses.attempts import Found, attempt
from analyses.defaults import ROBUST
from analyses.intake.survey import Survey
from analyses.ledger.judgement import Judgement
from analyses.modelling.fits import Plan, source_of, treatment
from analyses.section import Message, Value
from instruments.checks import variables
from instruments.rules import Rules
from instruments.schema import BackgroundColumn, Instrument, MeasurementModel
from measure.fitting.confirmatory import estimate
from measure.fitting.source import Source
from measure.specification.options import Options

FEWEST_PLACES = 30
"""With fewer organisations nothing is said of what lies between them."""


@dataclass(frozen=True, eq=False)
class TwoLevel:
    """A model of two levels and how it stands.

    Attributes
    ----------
    model
        The model.
    judgement
        `confirmed` where it is admissible and fits acceptably at both levels and, where it
        restricts another, not much worse than that one; `refuted` where it fits poorly, or much
        worse; `not_measured` where the answers do not have what it needs; else `undecided`.
    reason
        Why.
    fit
        None where it was not fitted.
    make_check
        Fits the check; None where there is none.
    """

    model: MeasurementModel
    judgement: Judgement
    reason: Message
    fit: measure.Fit | None = None
    make_check: "Callable[[], TwoLevel] | None" = None

    @cached_property
    def check(self) -> "TwoLevel | None":
        """The same model by robust maximum likelihood, of all answers, judged alike.

        None where answers are taken as numbers anyway, and of models that restrict others: with
        answers missing it takes seconds, so that one stands for all.
        """
        return None if self.make_check is None else self.make_check()

    @cached_property
    def by_level(self) -> Found[pd.DataFrame]:
        """Each level by itself, the other one free (`measure.level_fit`)."""
        if self.fit is None:
            return Found(None, "")
        fit = self.fit
        return attempt(lambda: measure.level_fit(fit))


def two_levels(instrument: Instrument, survey: Survey, planned: Plan) -> tuple[TwoLevel, ...]:
    """Fit and judge the instrument's models of two levels, those first that others restrict."""
    answers = _Answers(instrument, survey, planned)
    found: dict[str, TwoLevel] = {}
    for model in instrument.models:
        if is_two_level(model) and not model.awaits:
            found[model.id] = _stand(answers, model, found.get(model.nested_in or ""))
    return tuple(found.values())


@dataclass(frozen=True, eq=False)
class _Answers:
    """The answers, by the column of the units of the higher level that models share."""

    instrument: Instrument
    survey: Survey
    planned: Plan
    sources: dict[str, Source] = field(default_factory=dict)

    def source(self, place: BackgroundColumn) -> Source:
        """Give the answers with one column of units; models that share it share the moments."""
        if place.name not in self.sources:
            by_place = replace(self.planned, cluster=place)
            self.sources[place.name] = source_of(self.survey, by_place)
        return self.sources[place.name]


def is_two_level(model: MeasurementModel) -> bool:
    """Tell whether a model's text has blocks of levels."""
    return model.use == "levels" and "level:" in model.syntax


def _stand(answers: _Answers, model: MeasurementModel, wider: TwoLevel | None) -> TwoLevel:
    factors, used = variables(model)
    items = tuple(name for name in used if name not in factors)
    place = _place(answers, model)
    if place is None or any(item not in answers.survey.scored for item in items):
        return TwoLevel(model, "not_measured", Message("hypotheses.reason.not_asked"))
    if (little := _too_little(answers, items, place)) is not None:
        return TwoLevel(model, "not_measured", little)
    planned = answers.planned
    ordered = tuple(item for item in items if item in planned.ordered)
    gaps = bool(answers.survey.scored[list(items)].isna().to_numpy().any())
    options = Options(
        estimator=planned.estimator,
        missing=treatment(planned.estimator, ordinal=bool(ordered)) if gaps else "listwise",
        ordered=ordered,
        cluster=place.name,
    )
    own = _tried(answers, model, place, options, wider)
    if not ordered or model.nested_in is not None:
        return own
    robust = replace(
        options,
        estimator=ROBUST,
        missing=treatment(ROBUST, ordinal=False) if gaps else "listwise",
        ordered=(),
    )
    check = partial(_tried, answers, model, place, robust, None)
    return replace(own, make_check=check)


def _tried(
    answers: _Answers,
    model: MeasurementModel,
    place: BackgroundColumn,
    options: Options,
    wider: TwoLevel | None,
) -> TwoLevel:
    """Fit a model one way, and judge it."""
    tried = attempt(lambda: estimate(model.syntax, answers.source(place), options, "cfa"))
    if tried.result is None:
        reason = Message("hypotheses.reason.refused", {"text": tried.reason})
        return TwoLevel(model, "undecided", reason)
    return _judged(answers.instrument.rules, model, tried.result, wider)


def _too_little(
    answers: _Answers, items: tuple[str, ...], place: BackgroundColumn
) -> Message | None:
    """Say that there are too few organisations, or too little between them; None where not."""
    scored, where = answers.survey.scored[list(items)], answers.survey.data[place.name]
    n = int(where[scored.notna().any(axis=1)].nunique())
    least, found = answers.instrument.rules.icc1.value, 0.0
    if n >= FEWEST_PLACES:
        by_item = measure.icc(scored.assign(**{place.name: where}), items, cluster=place.name)
        found = float(by_item["icc1"].mean())
        if found >= least:
            return None
    values: dict[str, Value] = {
        "n": n,
        "needed": FEWEST_PLACES,
        "icc": evidence.limit(found),
        "least": evidence.limit(least),
    }
    return Message("levels.two.too_little" if n >= FEWEST_PLACES else "levels.two.few", values)


def _place(answers: _Answers, model: MeasurementModel) -> BackgroundColumn | None:
    """Give the column of the units of the higher level, which the model may name."""
    named = model.options.cluster
    for one in answers.instrument.columns:
        wanted = one.name == named if named is not None else one.role == "cluster"
        if wanted and one.name in answers.survey.data:
            return one
    return None


def _judged(
    rules: Rules, model: MeasurementModel, fit: measure.Fit, wider: TwoLevel | None
) -> TwoLevel:
    measures = measures_of(fit)
    values: dict[str, Value] = {
        name: evidence.limit(measures[name], 3) for name in ("cfi", "rmsea", "within", "between")
    }
    values["n"] = fit.n_clusters or 0
    # A model has to fit at both levels.
    srmr = max(measures["within"], measures["between"])
    fits = verdicts.judge_global_fit({**measures, "srmr": srmr}, rules)["all"]
    worse = _much_worse(rules, measures, wider)
    if not fit.admissible:
        values["text"] = fit.notes[-1]
        return TwoLevel(model, "undecided", Message("levels.two.improper", values), fit)
    if fits == "poor" or worse:
        name = "worse" if worse else "poor"
        return TwoLevel(model, "refuted", Message(f"levels.two.{name}", values), fit)
    judgement: Judgement = "confirmed" if fits in ("good", "acceptable") else "undecided"
    return TwoLevel(model, judgement, Message(f"levels.two.{judgement}", values), fit)


def measures_of(fit: measure.Fit) -> dict[str, float]:
    """Give the indices of the whole, scaled where the fit has such, and SRMR of each level."""
    found = fit.fit_measures
    end = ".scaled" if "cfi.scaled" in found else ""
    return {
        **{name: float(found[f"{name}{end}"]) for name in ("cfi", "tli", "rmsea")},
        "within": float(found["srmr_within"]),
        "between": float(found["srmr_between"]),
    }


def _much_worse(rules: Rules, measures: dict[str, float], wider: TwoLevel | None) -> bool:
    """Tell whether a model fits worse than the one it restricts by more than the rules allow."""
    if wider is None or wider.fit is None:
        return False
    other = measures_of(wider.fit)
    holds = verdicts.judge_invariance(
        measures["cfi"] - other["cfi"],
        measures["rmsea"] - other["rmsea"],
        rules,
    )
    return holds is False
