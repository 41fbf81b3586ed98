"""What a shorter questionnaire would lose, and which items the answers propose for it.

Each shorter form that the instrument declares is proposed anew from the answers, with the content
that its own choice covers, and both are tested on respondents who took no part in choosing. Which
items go in is still for people to decide.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from analyses import evidence, verdicts
from analyses.defaults import SEED
from analyses.intake.survey import Survey
from analyses.ledger.variables import mean_of_answered
from analyses.modelling.fits import Fits, plan
from analyses.questionnaire_items import short_form_tables
from analyses.questionnaire_items.short_form_tables import Proposal
from analyses.section import Finding, Message, Provenance, Quantity, Section, Text, Value
from instruments.forms import Form
from instruments.schema import Instrument, Scale
from measure.errors import MeasureError
from measure.questions.short_forms import ShortForms, short_forms

FEWEST_ITEMS, FEWEST_KEPT = 3, 2
"""A scale can be shortened from three items to no fewer than two."""

N_FOLDS = 5
T_FOLDS = 2.776
"""The .975 quantile of t with N_FOLDS - 1 degrees of freedom."""


@dataclass(frozen=True, eq=False)
class Shortening:
    """What a form shortens: scales, and the items that it keeps of each."""

    form: Form
    scales: Mapping[str, tuple[str, ...]]
    kept: Mapping[str, tuple[str, ...]]


def run(
    instrument: Instrument, survey: Survey, *, fits: Fits | None = None, seed: int = SEED
) -> Section:
    """Propose items for the instrument's shorter forms, and estimate what they lose.

    Parameters
    ----------
    instrument, survey
        What was asked, and the answers.
    fits
        The fitted models, whose clusters are held out as a whole; by default those that would be
        fitted.
    seed
        Of the folds.

    Returns
    -------
    Section
        `short_forms`.
    """
    planned = plan(instrument, survey) if fits is None else fits[instrument.reference_model.id].plan
    cluster = None if planned.cluster is None else planned.cluster.name
    notes = list(evidence.standing_notes(instrument, survey))
    proposals: list[Proposal] = []
    for shortening in shortened(instrument, survey):
        try:
            proposals.append(_propose(instrument, survey, shortening, cluster, seed))
        except MeasureError as error:
            values: dict[str, Value] = {
                "form": evidence.text(shortening.form.label),
                "text": str(error),
            }
            notes.append(Message("short_forms.note.refused", values))
    if not proposals:
        notes.append(Message("short_forms.note.none"))
        return Section("short_forms", Message("short_forms.answer.none"), notes=tuple(notes))
    tables = [table for one in proposals for table in short_form_tables.tables(instrument, one)]
    return Section(
        id="short_forms",
        answer=_answer(proposals),
        findings=tuple(finding for one in proposals for finding in _findings(instrument, one)),
        tables=tuple(tables),
        figures=tuple(short_form_tables.figure(one) for one in proposals),
        notes=(
            *notes,
            Message("short_forms.note.omega"),
            Message("short_forms.note.context"),
        ),
    )


def shortened(instrument: Instrument, survey: Survey) -> tuple[Shortening, ...]:
    """Give the instrument's forms that keep some items of scales that the survey holds whole."""
    found = (_shortening(instrument, survey, form) for form in instrument.forms)
    return tuple(one for one in found if one is not None)


def _shortening(instrument: Instrument, survey: Survey, form: Form) -> Shortening | None:
    """Find the scales of which a form keeps fewer items than the survey holds."""
    scales: dict[str, tuple[str, ...]] = {}
    kept: dict[str, tuple[str, ...]] = {}
    for scale in instrument.reflective_scales:
        asked = evidence.scored_items(scale, survey)
        own = tuple(item for item in asked if item in form.items)
        if len(asked) >= FEWEST_ITEMS and FEWEST_KEPT <= len(own) < len(asked):
            scales[scale.id], kept[scale.id] = tuple(asked), own
    return Shortening(form, scales, kept) if scales else None


def _propose(
    instrument: Instrument,
    survey: Survey,
    shortening: Shortening,
    cluster: str | None,
    seed: int,
) -> Proposal:
    """Choose items from the answers, and test the form's own choice in the same folds."""
    criteria = _criteria(instrument, survey, shortening)
    data = survey.scored.assign(**{name: score for name, (_, score) in criteria.items()})
    if cluster is not None:
        data = data.assign(**{cluster: survey.data[cluster]})
        data = data[data[cluster].notna()]
    content = _content(instrument, shortening)

    def chosen(keep: Sequence[str], criteria: Iterable[str]) -> ShortForms:
        return short_forms(
            data,
            shortening.scales,
            n_items={name: len(own) for name, own in shortening.kept.items()},
            keep=keep,
            content=content,
            at_least=_quotas(shortening, content),
            criteria=list(criteria),
            cluster=cluster,
            n_folds=N_FOLDS,
            seed=seed,
        )

    own = tuple(item for items in shortening.kept.values() for item in items)
    return Proposal(
        form=shortening.form,
        proposed=chosen((), criteria),
        declared=chosen(own, ()),
        kept=frozenset(own),
        scales={name: instrument.scale(name) for name in shortening.scales},
        content={item: about.partition(":")[2] for item, about in content.items()},
        criteria={name: scale for name, (scale, _) in criteria.items()},
        clustered=cluster is not None,
        seed=seed,
    )


def _criteria(
    instrument: Instrument, survey: Survey, shortening: Shortening
) -> dict[str, tuple[Scale, "pd.Series[float]"]]:
    """Give the scores of the scales that hypotheses expect correlations with.

    A score is the mean of the answered items, of respondents who answered as many as the rules ask
    for of a sum.
    """
    named = [
        expectation.target
        for hypothesis in instrument.hypotheses
        for expectation in hypothesis.expectations
        if expectation.estimand in ("correlation", "partial")
    ]
    found: dict[str, tuple[Scale, pd.Series[float]]] = {}
    for scale in instrument.scales:
        items = evidence.scored_items(scale, survey)
        if scale.id not in named or scale.id in shortening.scales or not items:
            continue
        answers = survey.scored[items]
        enough = instrument.rules.index_answered.value
        found[f"score of {scale.id}"] = scale, mean_of_answered(answers, enough)
    return found


def _content(instrument: Instrument, shortening: Shortening) -> dict[str, str]:
    """Say what each item stands for: its facet, else its place between low and high."""
    content = {}
    for name, items in shortening.scales.items():
        for item in items:
            about = instrument.item(item).facet or instrument.item(item).band
            if about is not None:
                content[item] = f"{name}:{about}"
    return content


def _quotas(shortening: Shortening, content: Mapping[str, str]) -> dict[str, int]:
    """Ask for one item at least of each content that the form's own choice covers."""
    return {content[item]: 1 for own in shortening.kept.values() for item in own if item in content}


def _answer(proposals: Sequence[Proposal]) -> Message:
    """Say what the shortest form loses where it loses most."""
    shortest = min(proposals, key=lambda one: len(one.form.items))
    name = str(shortest.proposed.scales["loss"].idxmax())
    values: dict[str, Value] = {
        "form": evidence.text(shortest.form.label),
        "n": len(shortest.proposed.scales),
        "scale": _label(shortest, name),
        "full": _number(shortest, name, "omega_held"),
        "short": _number(shortest, name, "omega_short_held"),
    }
    return Message("short_forms.answer.loss", values)


def _label(proposal: Proposal, scale: str) -> Text:
    return evidence.text(proposal.scales[scale].label)


def _number(proposal: Proposal, scale: str, name: str, *, declared: bool = False) -> Quantity:
    """Give one number of a scale of the proposed items, or of the form's own."""
    found = proposal.declared if declared else proposal.proposed
    row = found.scales.loc[[scale]].iloc[0]
    estimator = Message("estimator.held_out", {"n": found.n_folds})
    source = short_form_tables.source(proposal)
    value = evidence.number(float(row[name]))
    quantity = Quantity(
        f"statistic.{name}{'_declared' if declared else ''}",
        value,
        Provenance(estimator, int(row["n_obs"]), source),
        of=_label(proposal, scale),
    )
    if name != "loss" or value is None:
        return quantity
    reach = T_FOLDS * float(row["loss.se"])
    return replace(
        quantity, digits=3, lower=value - reach, upper=value + reach, level=evidence.CONFIDENCE
    )


def _findings(instrument: Instrument, proposal: Proposal) -> Iterator[Finding]:
    """Give one finding for each form: what the proposed items lose, and those that it has."""
    scales = proposal.proposed.scales
    chosen = [item for items in proposal.proposed.chosen.values() for item in items]
    most = str(scales["loss"].idxmax())
    limit = instrument.rules.omega_groups
    below = tuple(
        _label(proposal, str(name))
        for name in scales.index[scales["omega_short_held"] < limit.value]
    )
    asked: dict[str, Value] = {"scales": below, "limit": evidence.limit(limit.value)}
    values: dict[str, Value] = {
        "form": evidence.text(proposal.form.label),
        "scale": _label(proposal, most),
        "loss": replace(_number(proposal, most, "loss"), lower=None, upper=None, digits=2),
        "same": sum(item in proposal.kept for item in chosen),
        "n": len(chosen),
    }
    yield Finding(
        id=f"short_form_{proposal.form.id}",
        claim=Message("short_forms.claim", values),
        verdict="information",
        rule=verdicts.stated(limit),
        evidence=(
            _number(proposal, most, "omega_held"),
            _number(proposal, most, "omega_short_held"),
            _number(proposal, most, "loss"),
            _number(proposal, most, "loss", declared=True),
            _number(proposal, most, "r_full"),
        ),
        notes=(
            Message(f"short_forms.note.{'below' if below else 'none_below'}", asked),
            Message("short_forms.note.people"),
        ),
    )


if __name__ == "__main__":
    from analyses import script

    raise SystemExit(script.main(run, "short_form"))
