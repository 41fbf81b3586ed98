"""What estimates the expectations about persons and groups of them; `estimands` tables them all."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import measure
from analyses import evidence
from analyses.comparing.group_ladders import TOTAL
from analyses.comparing.licences import Licence, Licences, released_items
from analyses.ledger.networks import (
    Construct,
    NotEstimated,
    defined,
    fit_network,
    label_of,
    variance_of,
)
from analyses.ledger.variables import Answers, NotAsked, Variable
from analyses.modelling import methods
from analyses.over_time.developing import Development, first_to_last
from analyses.section import Message, Phrase
from instruments.schema import BackgroundColumn, Expectation
from measure.fitting.source import Source

FEWEST_IN_GROUP = 10
"""With fewer people in one of two groups their difference is not estimated."""

SMALL = "invariance.reason.small"
"""Why groups are not among those that a licence holds for."""

NAME = "found"
"""The quantity of interest in the model texts."""


class Awaits(Exception):
    """There is no estimator yet."""


class NotSame(Exception):
    """The scale has not been shown to be the same at every wave."""


class TooFew(Exception):
    """One of two groups has too few people."""


class Unlicensed(Exception):
    """The groups may not be compared; the licence, its only argument, says why."""

    def __init__(self, licence: Licence) -> None:
        super().__init__(licence)
        self.licence = licence


@dataclass(frozen=True, eq=False)
class Estimate:
    """One number of an expectation.

    Attributes
    ----------
    label
        What the number is of.
    value, se
        The estimate and its standard error.
    n_obs
        The respondents who answered both sides; in a contrast, those of the two groups.
    fit
        The model that it comes from; None where it comes from none.
    beside
        Further numbers of the same question, by the catalogue's row `statistic.<name>`.
    sides
        The two names whose scores a split-cluster correlation can be taken of; the first is None
        for the total. None where there are no such two.
    given
        The column that is held constant.
    by
        What estimated it, where no model did.
    """

    label: Message
    value: float
    se: float
    n_obs: int
    fit: measure.Fit | None
    beside: Mapping[str, float] = field(default_factory=dict)
    sides: tuple[str | None, str] | None = None
    given: str | None = None
    by: Message | None = None

    @property
    def estimated(self) -> Phrase:
        """What estimated it, in words."""
        if self.fit is not None:
            return methods.estimated_by(self.fit)
        return "" if self.by is None else self.by


@dataclass(frozen=True, eq=False)
class Ledger:
    """What all hypotheses of a survey share.

    Parameters
    ----------
    answers
        The answers.
    total
        What hypotheses are about unless they say otherwise.
    functions
        The factors that the total stands above.
    granted
        Which groups may be compared.
    """

    answers: Answers
    total: Construct
    functions: Construct
    granted: Licences = field(default_factory=Licences)

    def construct(self, of: str | None) -> Construct:
        """Give the construct of an expectation: the total, one function, or another scale."""
        if of is None:
            return self.total
        if of in self.functions.factors:
            label = evidence.text(self.answers.instrument.factor_label(of))
            functions = self.functions
            # The other functions stay in the model: they help to tell its items apart.
            others = tuple(name for name in functions.factors if name != of)
            return Construct(
                label, functions.syntax, (of, *others), functions.columns, functions.ordered
            )
        scale = self.answers.variable(of)
        return Construct(scale.label, scale.loadings, (scale.name,), scale.columns, scale.ordered)


Estimator = Callable[[Ledger, Expectation], tuple[Estimate, ...]]


def correlation(ledger: Ledger, expectation: Expectation) -> tuple[Estimate, ...]:
    """Estimate the correlation of a construct with a scale, an index or own columns."""
    construct = ledger.construct(expectation.of)
    target = ledger.answers.variable(expectation.target)
    definition = f"{NAME} := {construct.correlation(target.name)}"
    found = fit_network(ledger.answers, construct, [target], [definition])
    return (_of_pair(ledger, construct, target, found),)


def distinct(ledger: Ledger, expectation: Expectation) -> tuple[Estimate, ...]:
    """Estimate the correlation of two constructs; that of other members says nothing of the two."""
    return tuple(replace(one, sides=None) for one in correlation(ledger, expectation))


def partial(ledger: Ledger, expectation: Expectation) -> tuple[Estimate, ...]:
    """Estimate the correlation with a background column held constant, in its declared order."""
    answers, construct = ledger.answers, ledger.construct(expectation.of)
    target = answers.variable(expectation.target)
    assert expectation.given is not None
    column = answers.column(expectation.given)
    places = answers.place_in_order(column)
    given = Variable(
        column.name,
        column.name,
        evidence.text(column.label),
        (column.name,),
        ordered=(column.name,) if answers.planned.ordered else (),
    )
    a, b = construct.correlation(target.name), construct.correlation(given.name)
    c = label_of(target.name, given.name)
    definitions = [
        f"{NAME} := ({a} - {b}*{c})/sqrt((1 - {b}^2)*(1 - {c}^2))",
        f"plain := {a}",
        f"{NAME}.construct := {b}",
        f"{NAME}.target := {c}",
    ]
    source = Source(answers.frame.assign(**{column.name: places}))
    found = fit_network(answers, construct, [target, given], definitions, source=source)
    label = Message(
        "hypotheses.of.partial",
        {"first": construct.label, "second": target.label, "given": given.label},
    )
    return (_of_pair(ledger, construct, target, found, label=label, given=column.name, plain=True),)


def _of_pair(
    ledger: Ledger,
    construct: Construct,
    target: Variable,
    found: measure.Fit,
    *,
    label: Message | None = None,
    given: str | None = None,
    plain: bool = False,
) -> Estimate:
    """Read the quantity of interest from the standardised solution."""
    rows = measure.standardized(found)
    row = defined(rows, NAME)
    answers = ledger.answers
    both = answers.answered(target) & answers.frame[list(construct.columns)].notna().any(axis=1)
    of = None if construct is ledger.total else construct.factors[0]
    return Estimate(
        label=label or _names(ledger, construct, target),
        value=float(row["est.std"]),
        se=float(row["se"]),
        n_obs=int(both.sum()),
        fit=found,
        beside={"plain_correlation": float(defined(rows, "plain")["est.std"])} if plain else {},
        sides=(of, target.id),
        given=given,
    )


def _names(ledger: Ledger, construct: Construct, target: Variable) -> Message:
    """Say what a correlation is of: with the total, the target's name will do."""
    if construct is ledger.total:
        return evidence.plain(target.label)
    return Message("pair", {"first": construct.label, "second": target.label})


def pairing(ledger: Ledger, expectation: Expectation) -> tuple[Estimate, ...]:
    """Estimate how much higher a function correlates with its outcome than each other does."""
    answers, functions = ledger.answers, ledger.functions
    assert expectation.of is not None
    target = answers.variable(expectation.target)
    others = [name for name in functions.factors if name != expectation.of]
    own = label_of(expectation.of, target.name)
    definitions = [f"{NAME}.{name} := {own} - {label_of(name, target.name)}" for name in others]
    found = fit_network(answers, functions, [target], definitions)
    rows = measure.standardized(found)
    instrument = answers.instrument

    def estimate(name: str) -> Estimate:
        row = defined(rows, f"{NAME}.{name}")
        first, second = (
            evidence.text(instrument.factor_label(one)) for one in (expectation.of or "", name)
        )
        return Estimate(
            Message(
                "hypotheses.of.pairing",
                {"first": first, "second": second, "target": target.label},
            ),
            float(row["est.std"]),
            float(row["se"]),
            int(answers.answered(target).sum()),
            found,
        )

    return tuple(estimate(name) for name in others)


def difference(ledger: Ledger, expectation: Expectation) -> tuple[Estimate, ...]:
    """Estimate the latent difference between two values of a background column.

    The construct is regressed on a 0/1 column of the two groups, in one model of both (MIMIC,
    Jöreskog & Goldberger 1975), so that items are taken to measure alike in them. The difference is
    in standard deviations within the groups.

    Items that are known not to work alike covary with the column on their own account.

    Raises
    ------
    TooFew
        One of the groups has fewer than `FEWEST_IN_GROUP` people.
    Unlicensed
        The groups may not be compared.
    """
    answers, construct = ledger.answers, ledger.construct(expectation.of)
    column = answers.column(expectation.target)
    codes = answers.codes(column)
    first, second = expectation.group, expectation.against
    chosen = codes.isin((first, second))
    sizes = [int((codes == value).sum()) for value in (first, second)]
    if min(sizes) < FEWEST_IN_GROUP:
        raise TooFew(min(sizes))
    licence = _licensed(ledger, column, (first, second))
    apart = () if licence.climb is None else released_items(licence.climb)
    contrast = Variable(column.name, column.name, evidence.text(column.label), (column.name,))
    frame = answers.frame.assign(**{column.name: (codes == first).astype(float)})[chosen]
    covariance, variance = construct.covariance(column.name), variance_of(column.name)
    definitions = [
        f"{column.name} ~~ {variance}*{column.name}",
        f"{NAME} := ({covariance}/{variance})/sqrt({construct.variance} - "
        f"{covariance}^2/{variance})",
        *(f"{item} ~~ {column.name}" for item in apart if item in construct.columns),
    ]
    found = fit_network(answers, construct, [contrast], definitions, source=Source(frame))
    row = defined(found.parameters, NAME)
    labels = [evidence.group_label(value, column) for value in (first, second)]
    label = Message(
        "hypotheses.of.difference",
        {"column": evidence.text(column.label), "first": labels[0], "second": labels[1]},
    )
    return (Estimate(label, float(row["est"]), float(row["se"]), sum(sizes), found),)


def _licensed(
    ledger: Ledger, column: BackgroundColumn, groups: Iterable[str | None] = ()
) -> Licence:
    """Give the licence by which groups are compared.

    Raises
    ------
    Unlicensed
        There is none, or not for these groups.
    """
    licence = ledger.granted.of(column)
    if not licence.allows:
        raise Unlicensed(licence)
    if not set(groups) <= set(licence.groups):
        assert licence.climb is not None
        values = {"needed": licence.climb.chosen.needed}
        raise Unlicensed(replace(licence, level="untested", reason=Message(SMALL, values)))
    return licence


def equivalence(ledger: Ledger, expectation: Expectation) -> tuple[Estimate, ...]:
    """Estimate the latent difference of every two values of a background column.

    The difference is that of the licensed model of several groups, over the pooled standard
    deviation (Hancock 2001): of the total the sum of its functions, each in standard deviations.

    Raises
    ------
    Unlicensed
        The groups may not be compared.
    """
    column = ledger.answers.column(expectation.target)
    if column.name not in ledger.answers.survey.data:
        raise NotAsked(column.name)
    licence = _licensed(ledger, column)
    climbed = licence.climb
    assert climbed is not None
    assert climbed.means is not None
    assert climbed.fit is not None
    found = climbed.means.table
    name = expectation.of or (TOTAL if TOTAL in set(found["factor"]) else found["factor"].iloc[0])
    return tuple(
        Estimate(
            Message(
                "hypotheses.of.difference",
                {
                    "column": evidence.text(column.label),
                    "first": evidence.group_label(row["group"], column),
                    "second": evidence.group_label(row["reference"], column),
                },
            ),
            float(row["d"]),
            float(row["d.se"]),
            int(row["n"] + row["n.reference"]),
            climbed.fit,
        )
        for _, row in found[found["factor"] == name].iterrows()
    )


def gain(ledger: Ledger, expectation: Expectation) -> tuple[Estimate, ...]:
    """Take from the waves how much more those in an effort have gained than those compared.

    It is the mean over the functions of the reference model, each in standard deviations of the
    first wave, from the first wave to the last.

    Raises
    ------
    NotAsked
        The survey has one wave, or does not say who took part.
    TooFew
        One of the groups has fewer than `FEWEST_IN_GROUP` people at a wave.
    NotSame
        The scale is not shown to be the same at every wave.
    NotEstimated
        The model could not be fitted.
    """
    answers = ledger.answers
    waves = answers.waves
    if waves is None or waves.effort is None or not waves.common.factors:
        raise NotAsked(expectation.target)
    _require_same(waves, expectation)
    found = waves.difference.result
    if found is None:
        raise NotEstimated(waves.difference.reason)
    row = first_to_last(found.table)
    column, first, second = waves.effort
    label = Message(
        "hypotheses.of.gain",
        {
            "column": evidence.text(column.label),
            "first": evidence.group_label(first, column),
            "second": evidence.group_label(second, column),
        },
    )
    return (Estimate(label, float(row["d"]), float(row["d.se"]), found.n_obs, found.fit),)


def moderation(ledger: Ledger, expectation: Expectation) -> tuple[Estimate, ...]:
    """Estimate how much more those in an effort gain for each standard deviation of an index.

    It is the slope of their change on the index at the first wave, less that of those compared: the
    mean over the functions, in standard deviations of the first wave.

    Raises
    ------
    Awaits
        The survey has one wave, or nobody is known to have taken part.
    NotAsked
        The form does not ask for the index.
    NotSame, TooFew, NotEstimated
        As for `gain`.
    """
    waves = ledger.answers.waves
    if waves is None or waves.effort is None or waves.linked is None or not waves.common.factors:
        raise Awaits(expectation.estimand)
    target = ledger.answers.variable(expectation.target)
    _require_same(waves, expectation)
    if target.id not in waves.moderations:
        raise NotAsked(target.id)
    found = waves.moderations[target.id]
    if found.result is None:
        raise NotEstimated(found.reason)
    table = found.result.table
    row = first_to_last(table[table["against"] != ""])
    label = Message("hypotheses.of.moderation", {"target": target.label})
    estimate, se = float(row["slope"]), float(row["se"])
    return (Estimate(label, estimate, se, found.result.n_obs, found.result.fit),)


def _require_same(waves: Development, expectation: Expectation) -> None:
    """Refuse to estimate a change of too few, or without a common scale.

    Raises
    ------
    TooFew
        One of the groups has fewer than `FEWEST_IN_GROUP` people at a wave.
    NotSame
        The scale is not shown to be the same at every wave.
    """
    if waves.smallest_group < FEWEST_IN_GROUP:
        raise TooFew(waves.smallest_group)
    if waves.licence not in ("full", "partial"):
        raise NotSame(expectation.target)


def awaiting(ledger: Ledger, expectation: Expectation) -> tuple[Estimate, ...]:
    """Say that the estimand has no estimator yet.

    Raises
    ------
    Awaits
        Always.
    """
    raise Awaits(expectation.estimand)
