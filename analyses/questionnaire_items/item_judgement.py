"""What each item is judged by, gathered from the models, and the verdict by the rules."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd

import measure
from analyses import evidence, verdicts
from analyses.intake.survey import Survey
from analyses.modelling.fits import Fitted
from analyses.modelling.graded import Graded, GradedModels
from analyses.questionnaire_items.item_functioning import Functioning
from analyses.questionnaire_items.item_pairs import NUMBERS, Pairs
from analyses.section import Message, Value
from analyses.verdicts import ItemNumbers, ItemVerdict
from instruments.rules import Rule, Rules
from instruments.schema import BackgroundColumn, Instrument, Scale
from measure.consistency.reliability import cronbach_alpha
from measure.errors import MeasureError
from measure.questions.items import item_analysis


@dataclass(frozen=True)
class Loading:
    """A standardised loading, with its interval."""

    estimate: float | None = None
    lower: float | None = None
    upper: float | None = None


NO_LOADING = Loading()


@dataclass(frozen=True)
class Dropped:
    """Alpha of the scale without the item, with its interval."""

    alpha: float | None = None
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True)
class JudgedItem:
    """An item with the numbers that it is judged by.

    The item-rest correlation and `dropped` rest on the `n_scale` respondents who answered the whole
    scale, the largest share on the `n_answers` who answered the item. `check` is the loading by the
    check of a model of ordered answers. `discrimination` and `information`, its share of what the
    scale tells on average, are of the graded response model. `partners` are the items that it is
    closest to, by the name of the number that says so, and `group` the column with the largest
    difference between groups. `weak` says whether the loading alone casts doubt.
    """

    item: str
    scale: Scale
    fitted: Fitted
    loading: Loading
    numbers: ItemNumbers
    verdict: ItemVerdict
    weak: bool
    doubts: Mapping[str, Rule]
    n_scale: int
    n_answers: int
    dropped: Dropped
    check: Loading | None
    discrimination: float | None
    information: float | None
    partners: Mapping[str, str]
    group: BackgroundColumn | None

    def check_verdict(self, rules: Rules) -> ItemVerdict:
        """Judge the item as it would be judged by the loading of the check."""
        loading = None if self.check is None else self.check.estimate
        return verdicts.judge_item(replace(self.numbers, loading=loading), rules)

    @property
    def said(self) -> tuple[Message, ...]:
        """The doubts in words, each with the item that it is shared with, or the groups."""
        said = [Message("items.doubt.loading")] if self.weak else []
        for name in self.doubts:
            values: dict[str, Value] = {}
            if name in self.partners:
                values = {"item": self.partners[name]}
            elif name == "functioning" and self.group is not None:
                values = {"column": evidence.text(self.group.label)}
            said.append(Message(f"items.doubt.{name}", values))
        return tuple(said)


@dataclass(frozen=True, eq=False)
class Views:
    """What is known of the items from elsewhere: models, pairs, groups."""

    reference: Fitted
    models: Mapping[str, Fitted]
    graded: GradedModels
    pairs: Pairs
    functioning: Functioning

    def model(self, scale: Scale) -> Fitted:
        """Give the model that a scale's loadings come from; the reference model if it has none."""
        return self.models.get(scale.id, self.reference)


def loadings(fitted: Fitted | None) -> dict[str, Loading]:
    """Give each item's standardised loading on its factor in a model; empty without a solution."""
    fit = None if fitted is None else fitted.usable
    if fit is None:
        return {}
    standardized = measure.standardized(fit)
    rows = standardized[standardized["op"] == "=~"]
    return {
        str(row["rhs"]): Loading(
            evidence.number(row["est.std"]),
            evidence.number(row["ci.lower"]),
            evidence.number(row["ci.upper"]),
        )
        for _, row in rows.iterrows()
    }


def judge_items(
    instrument: Instrument, survey: Survey, scale: Scale, views: Views
) -> list[JudgedItem]:
    """Judge the items of a reflective scale of more than one item, in the scale's order.

    Raises
    ------
    DataError
        The items cannot be analysed together; one is constant, say.
    """
    names = evidence.scored_items(scale, survey)
    analysis = item_analysis(survey.scored[names])
    fitted = views.model(scale)
    whole, cluster = _whole(survey, names, fitted)
    found, checks = loadings(fitted), loadings(fitted.check)
    judged: list[JudgedItem] = []
    for name in names:
        closest = {kind: views.pairs.highest(name, kind) for kind in NUMBERS}
        effect, group = views.functioning.largest(name)
        loading = found.get(name, NO_LOADING)
        numbers = ItemNumbers(
            loading=loading.estimate,
            item_rest=evidence.number(analysis.loc[name, "r_drop"]),
            largest_share=_largest_share(instrument, survey, name),
            overlap=closest["overlap"][0],
            residual=closest["residual"][0],
            dependence=closest["dependence"][0],
            functioning=effect,
        )
        discrimination, information = _tells(views.graded.get(scale.id), name)
        judged.append(
            JudgedItem(
                item=name,
                scale=scale,
                fitted=fitted,
                loading=loading,
                numbers=numbers,
                verdict=verdicts.judge_item(numbers, instrument.rules),
                weak=verdicts.is_below(numbers.loading, instrument.rules.loading_keep),
                doubts=verdicts.item_doubts(numbers, instrument.rules),
                n_scale=int(analysis["n_complete"][name]),
                n_answers=int(analysis["n"][name]),
                dropped=_dropped(whole.drop(columns=name), cluster),
                check=checks.get(name),
                discrimination=discrimination,
                information=information,
                partners={kind: other for kind, (_, other) in closest.items() if other},
                group=group,
            )
        )
    return judged


def _largest_share(instrument: Instrument, survey: Survey, item: str) -> float | None:
    if not instrument.response(item).codes:
        return None
    return float(survey.scored[item].value_counts(normalize=True).max())


def _tells(graded: Graded | None, item: str) -> tuple[float | None, float | None]:
    """Give discrimination, and the item's share of the scale's information on average."""
    model = None if graded is None else graded.model
    if model is None:
        return None, None
    average = model.average_information
    return (
        evidence.number(model.items.loc[item, "discrimination"]),
        evidence.number(average[item] / average.sum()),
    )


def _whole(survey: Survey, names: list[str], fitted: Fitted) -> tuple[pd.DataFrame, str | None]:
    """Give the answers of those who answered the whole scale, with their clusters."""
    whole = survey.scored[names].dropna()
    if fitted.plan.cluster is None:
        return whole, None
    cluster = fitted.plan.cluster.name
    return whole.assign(**{cluster: survey.data.loc[whole.index, cluster]}), cluster


def _dropped(others: pd.DataFrame, cluster: str | None) -> Dropped:
    """Give alpha of the other items, with an interval that assumes no distribution."""
    if others.shape[1] - (cluster is not None) < 2:
        return Dropped()
    try:
        alpha = cronbach_alpha(
            others, interval="adf", cluster=cluster, confidence_level=evidence.CONFIDENCE
        )
    except MeasureError:
        # One cluster, or too few respondents for an interval; the cells are empty.
        return Dropped()
    return Dropped(
        evidence.number(alpha.alpha),
        evidence.number(alpha.ci_lower),
        evidence.number(alpha.ci_upper),
    )
