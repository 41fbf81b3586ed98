"""The entries of the ledger: every hypothesis with its numbers, its checks and its judgement."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pandas as pd

import measure
from analyses import evidence
from analyses.comparing.licences import Licences
from analyses.ledger.estimands import ESTIMATORS
from analyses.ledger.estimators import (
    FEWEST_IN_GROUP,
    Awaits,
    Estimate,
    Ledger,
    NotSame,
    TooFew,
    Unlicensed,
)
from analyses.ledger.judgement import Judgement, combine, judge
from analyses.ledger.level_estimators import NotCompared
from analyses.ledger.networks import Construct, NotEstimated
from analyses.ledger.variables import Answers, NotAsked, mean_of_answered
from analyses.modelling.fits import Fits, options_of
from analyses.modelling.rivals import compare_one
from analyses.modelling.structure import structure
from analyses.section import Message
from instruments.schema import Expectation, Hypothesis, Instrument, MeasurementModel
from measure.errors import MeasureError

N_SPLITS = 200
"""Random splits of every split-cluster correlation."""

PARTLY = {
    "confirmed": "confirmed_partly",
    "refuted": "refuted_partly",
    "undecided": "undecided_partly",
}
"""How a hypothesis stands of which only some is measured."""


@dataclass(frozen=True, eq=False)
class Part:
    """One number of a hypothesis, judged.

    Attributes
    ----------
    expectation
        What was expected.
    judgement
        How it stands.
    estimate
        The number; None where there is none.
    split
        The same from other members of each cluster; None where that cannot be had.
    reason
        Why there is no number.
    """

    expectation: Expectation
    judgement: Judgement
    estimate: Estimate | None = None
    split: measure.SplitCluster | None = None
    reason: Message | None = None


@dataclass(frozen=True, eq=False)
class Entry:
    """One hypothesis with its parts and its judgement."""

    hypothesis: Hypothesis
    parts: tuple[Part, ...]
    judgement: Judgement

    @property
    def standing(self) -> str:
        """The judgement, or `<judgement>_partly` where some of the hypothesis is not measured."""
        waiting = any(part.judgement in ("awaits", "not_measured") for part in self.parts)
        return PARTLY.get(self.judgement, self.judgement) if waiting else self.judgement


def open_ledger(
    instrument: Instrument, answers: Answers, fits: Fits, granted: Licences | None = None
) -> Ledger:
    """Settle what the hypotheses are about: the second-order total, or the sum of its functions.

    The second-order factor is used where its model could be fitted and the rules do not reject it
    beside the reference model; otherwise the sum of the functions takes its place.

    Raises
    ------
    NotAsked
        The form lacks items of the construct.
    """
    granted = Licences() if granted is None else granted
    reference = instrument.reference_model
    total = instrument.total
    model = reference if total is None else instrument.model(total.model)
    for one in (model, reference):
        absent = [i for i in structure(one).observed if i not in answers.survey.scored]
        if absent:
            raise NotAsked(absent[0])
    functions = _construct(answers, reference, tuple(structure(reference).factors))
    if total is None:
        return Ledger(answers, functions, functions, granted)
    label = answers.label(total.factor)
    if stands(instrument, fits):
        about = replace(_construct(answers, model, (total.factor,)), label=label)
    else:
        about = replace(functions, label=label, composite=True)
    return Ledger(answers, about, functions, granted)


def gather(ledger: Ledger, *, parts: bool) -> None:
    """Gather the moments of the items that are correlated with the construct at once.

    Correlations with indices, of which each row has its own, are left to the models that ask.

    Parameters
    ----------
    parts
        Whether the parts of indices are correlated too.
    """
    answers, construct = ledger.answers, ledger.functions
    wanted = dict.fromkeys(construct.ordered)
    targets = (one.target for own in answers.instrument.hypotheses for one in own.expectations)
    known = {one.id for one in answers.instrument.scales}
    known |= {one.id for one in answers.instrument.external}
    for name in dict.fromkeys(targets):
        if name not in known:
            continue
        try:
            target = answers.variable(name)
        except NotAsked:
            continue
        items = answers.planned.ordered if parts and not target.loadings else ()
        wanted |= dict.fromkeys((*target.ordered, *(one for one in target.columns if one in items)))
    names = tuple(wanted)
    answers.source.gather(names, options_of(answers.planned, names), names)


def stands(instrument: Instrument, fits: Fits) -> bool:
    """Tell whether the model of the total may be used, by how it stands beside the reference."""
    assert instrument.total is not None
    entry = compare_one(instrument, fits, instrument.total.model)
    return entry.fitted.usable is not None and entry.standing != "rejected"


def _construct(answers: Answers, model: MeasurementModel, factors: tuple[str, ...]) -> Construct:
    items = structure(model).observed
    ordered = tuple(item for item in items if item in answers.planned.ordered)
    return Construct(evidence.text(model.label), model.syntax, factors, items, ordered)


def entries(ledger: Ledger, seed: int) -> Iterator[Entry]:
    """Estimate and judge every hypothesis of the instrument, in its order."""
    for hypothesis in ledger.answers.instrument.hypotheses:
        parts = tuple(
            part
            for expectation in hypothesis.expectations
            for part in parts_of(ledger, hypothesis, expectation, seed)
        )
        yield Entry(hypothesis, parts, combine(part.judgement for part in parts))


def unasked(instrument: Instrument) -> tuple[Entry, ...]:
    """Give the entries of a survey whose form lacks the construct itself."""
    reason = Message("hypotheses.reason.no_construct")
    return tuple(
        Entry(
            hypothesis,
            tuple(
                Part(expectation, "not_measured", reason=reason)
                for expectation in hypothesis.expectations
            ),
            "not_measured",
        )
        for hypothesis in instrument.hypotheses
    )


def parts_of(
    ledger: Ledger, hypothesis: Hypothesis, expectation: Expectation, seed: int
) -> Iterator[Part]:
    """Estimate and judge one expectation, or say why it cannot be."""
    shown: Judgement
    try:
        estimates = ESTIMATORS[expectation.estimand](ledger, expectation)
    except Awaits:
        reason = Message(f"hypotheses.awaits.{expectation.estimand}")
        yield Part(expectation, "awaits", reason=reason)
    except NotAsked:
        yield Part(expectation, "not_measured", reason=_needs(hypothesis))
    except TooFew as error:
        values = {"n": int(error.args[0]), "limit": FEWEST_IN_GROUP}
        yield Part(expectation, "not_measured", reason=Message("hypotheses.reason.few", values))
    except NotSame:
        reason = Message("hypotheses.reason.no_licence")
        yield Part(expectation, "undecided", reason=reason)
    except Unlicensed as error:
        # What could not be tested is not measured; what is known not to be comparable stays open.
        tested = error.licence.level != "untested"
        yield Part(
            expectation,
            "undecided" if tested else "not_measured",
            reason=Message("hypotheses.reason.unlicensed", {"reason": error.licence.reason}),
        )
    except NotCompared as error:
        shown = "undecided" if error.tested else "not_measured"
        yield Part(expectation, shown, reason=error.reason)
    except NotEstimated as error:
        reason = Message("hypotheses.reason.refused", {"text": str(error)})
        shown = "undecided" if expectation.judged else "shown"
        yield Part(expectation, shown, reason=reason)
    else:
        rules = ledger.answers.instrument.rules
        for estimate in estimates:
            judgement = judge(expectation, estimate.value, estimate.se, rules)
            split = split_beside(ledger, estimate, seed)
            yield Part(expectation, judgement, estimate, split)
        yield from _left_out(ledger, expectation)


def _left_out(ledger: Ledger, expectation: Expectation) -> Iterator[Part]:
    """Say which groups a claim about all groups of a column is not tested for."""
    if expectation.estimand != "equivalence":
        return
    column = ledger.answers.column(expectation.target)
    climbed = ledger.granted.of(column).climb
    if climbed is not None and climbed.chosen.left_out:
        reason = Message("invariance.note.left_out", climbed.left_out)
        yield Part(expectation, "not_measured", reason=reason)


def _needs(hypothesis: Hypothesis) -> Message:
    """Say in the instrument's words what a survey must hold."""
    if hypothesis.awaits:
        return evidence.plain(evidence.text(hypothesis.awaits))
    return Message("hypotheses.reason.not_asked")


def split_beside(ledger: Ledger, estimate: Estimate, seed: int) -> measure.SplitCluster | None:
    """Give the split-cluster correlation of the scores of a number's two sides."""
    answers = ledger.answers
    if estimate.sides is None or answers.cluster is None:
        return None
    of, target = estimate.sides
    scores = pd.DataFrame({"x": score_of(ledger, of), "y": score_of(ledger, target)})
    if estimate.given is not None:
        codes = answers.codes(answers.column(estimate.given))
        # What is left of both scores within each value of the column that is held constant.
        scores = scores.where(scores.notna().all(axis=1) & codes.notna())
        scores -= scores.groupby(codes).transform("mean")
    scores[answers.cluster] = answers.survey.data[answers.cluster]
    try:
        return measure.split_cluster(
            scores, "x", "y", cluster=answers.cluster, n_splits=N_SPLITS, seed=seed
        )
    except MeasureError:
        # Too few clusters with two members; the table says so in its notes.
        return None


def score_of(ledger: Ledger, name: str | None) -> "pd.Series[float]":
    """Give a score: of the total (None), a function, a scale or an external measure."""
    answers = ledger.answers
    model = answers.instrument.reference_model
    factors = structure(model).factors
    enough = answers.instrument.rules.index_answered.value
    if name is None:
        means = [score_of(ledger, factor) for factor in ledger.functions.factors]
        return mean_of_answered(pd.concat(means, axis=1), enough)
    if name in factors:
        return mean_of_answered(answers.survey.scored[list(factors[name])], enough)
    scores = answers.scores if name in answers.scores else answers.own_scores
    return scores[name]
