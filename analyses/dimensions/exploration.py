"""How many factors the answers suggest by themselves, and by which correlations.

Answers in categories are correlated by polychoric correlations. Pearson correlations, which take
the codes as numbers, are the check, and take their place where they cannot be computed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from analyses import evidence, scheduler
from analyses.intake.survey import Survey
from analyses.modelling.fits import in_categories
from analyses.modelling.structure import structure
from analyses.section import Message, Phrase, Value
from instruments.schema import Instrument
from measure.errors import DataError, MeasureError
from measure.exploration.adequacy import SamplingAdequacy, sampling_adequacy
from measure.exploration.exploratory import FactorSolution, efa
from measure.exploration.factor_sequence import ledermann_bound
from measure.exploration.retained import FactorRetention, no_answer
from measure.exploration.retention import EKC_SUPPOSES, IN_CLUSTERS, factor_retention

DRAWS = 500

SMOOTH = "eigenvalues"
"""What is done about a matrix of polychoric correlations that is not positive definite. A note says
where it was done; elsewhere it changes nothing."""

CRITERIA = {
    "parallel_pca": "Horn 1965",
    "parallel_paf": "Humphreys & Ilgen 1969",
    "map_squared": "Velicer 1976",
    "map_fourth": "Velicer, Eaton & Fava 2000",
    "ekc": "Braeken & van Assen 2017",
    "hull_cfi": "Lorenzo-Seva, Timmerman & Kiers 2011",
    "hull_caf": "Lorenzo-Seva, Timmerman & Kiers 2011",
    "comparison_data": "Ruscio & Roche 2012",
    "chisq": "Bartlett 1950",
    "rmsea": "Preacher, Zhang, Kim & Mels 2013",
}
"""The criteria that are shown; the rule of the instrument says which count, and which decides."""

MODELS = ("hull", "tests")
COMPARISON = "comparison_data"


@dataclass(frozen=True, eq=False)
class Counted:
    """How much the items have in common, and how many factors that suggests.

    `ordered` are the items taken as ordered categories, none where all correlations are Pearson's.
    `suggested` is the number of factors by criterion, None where it gave no answer, and
    `unanswered` then says why.
    """

    ordered: tuple[str, ...]
    adequacy: SamplingAdequacy
    retention: FactorRetention
    suggested: dict[str, int | None]
    unanswered: Mapping[str, str]

    def told(self, criterion: str) -> int:
        """Give the number by a criterion that always has an answer."""
        number = self.suggested[criterion]
        assert number is not None
        return number

    @property
    def correlation(self) -> Phrase:
        """Name the correlations in a provenance."""
        return Message("estimator.polychoric") if self.ordered else "Pearson"


@dataclass(frozen=True, eq=False)
class Exploration:
    """The items that are explored, and how many factors theory and answers suggest.

    `first` is what the section rests on. `check` is the same by Pearson correlations where the
    first are polychoric, else None; `decides` names the criterion that decides by the instrument's
    rule, `notes` say what is particular about the rest, and `asked` holds what it was asked of.
    """

    answers: pd.DataFrame
    n_theory: int
    decides: str
    first: Counted
    check: Counted | None
    notes: tuple[Message, ...]
    asked: "Asked"

    @property
    def n_obs(self) -> int:
        """Respondents who answered all the items."""
        return int(self.first.retention.n_obs)

    @property
    def n_rule(self) -> int:
        """Number of factors by the criterion that decides."""
        return self.first.told(self.decides)

    @property
    def n_check(self) -> int | None:
        """The same by Pearson correlations; None where the first are Pearson's."""
        return None if self.check is None else self.check.told(self.decides)

    @property
    def check_differs(self) -> bool:
        """Whether the check suggests another number."""
        return self.check is not None and self.n_check != self.n_rule

    def solve(self, n_factors: int) -> FactorSolution | Message:
        """Give the solution with so many factors, or the reason why there is none."""
        if n_factors == 0:
            return Message("exploratory.note.no_factor")
        try:
            return self.asked.solve(n_factors, self.first.ordered)
        except MeasureError as error:
            values: dict[str, Value] = {"n": n_factors, "text": str(error)}
            return Message("exploratory.note.no_solution", values)


def explore(instrument: Instrument, survey: Survey, seed: int) -> Exploration:
    """Count the factors of the items of the reference model.

    Raises
    ------
    MeasureError
        The answers do not allow it.
    """
    model = structure(instrument.reference_model)
    items = [item for item in model.observed if item in survey.scored.columns]
    answers = survey.scored[items]
    n_theory = len(model.partition or model.factors)
    ordered = tuple(item for item in items if in_categories(instrument, item))
    asked = Asked(answers, _most(n_theory, len(items)), seed, _cluster(instrument, survey))
    try:
        plain = asked.plain()
        notes: tuple[Message, ...] = (
            () if asked.cluster is None else (Message("exploratory.note.clusters"),)
        )
    except DataError as error:
        if asked.cluster is None:
            raise
        # The clusters may be what cannot be analysed; the items alone say so again if they are.
        asked = replace(asked, cluster=None)
        plain = asked.plain()
        notes = (
            Message("exploratory.note.independent"),
            Message("note.technical", {"text": str(error)}),
        )

    def found(first: Counted, check: Counted | None, *more: Message) -> Exploration:
        decides = instrument.rules.factors_retained.criteria[0]
        every = (*notes, *_remarks(first), *more)
        return Exploration(answers, n_theory, decides, first, check, every, asked)

    if not ordered:
        return found(plain, None)
    try:
        first = asked.polychoric(ordered, plain)
    except MeasureError as error:
        reason = Message("exploratory.note.no_polychoric", {"text": str(error)})
        return found(plain, None, reason, Message("exploratory.note.pearson"))
    own = [Message("exploratory.note.polychoric"), Message("exploratory.note.ekc")]
    if asked.cluster is None:
        own.insert(1, Message("exploratory.note.shuffled"))
    return found(first, plain, *own)


@dataclass(frozen=True, eq=False)
class Asked:
    """What the number of factors is asked of.

    `most` is the largest number that criteria try which fit models; `cluster` holds the cluster of
    each respondent, None where respondents are independent.
    """

    answers: pd.DataFrame
    most: int
    seed: int
    cluster: pd.Series | None

    def plain(self) -> Counted:
        """Count by Pearson correlations."""
        data, options = self._given()
        retention = factor_retention(
            data,
            criteria=(*MODELS, COMPARISON),
            n_draws=DRAWS,
            seed=self.seed,
            workers=scheduler.workers(1),
            **options,
        )
        adequacy = sampling_adequacy(self.answers)
        return Counted((), adequacy, retention, _suggested(retention), retention.unanswered)

    def polychoric(self, ordered: tuple[str, ...], plain: Counted) -> Counted:
        """Count by polychoric correlations; comparison data, which are Pearson's, stay the same."""
        data, options = self._given()
        retention = factor_retention(
            data,
            correlation="polychoric",
            ordered=ordered,
            smooth=SMOOTH,
            criteria=MODELS,
            n_draws=DRAWS,
            seed=self.seed,
            workers=scheduler.workers(1),
            **options,
        )
        adequacy = sampling_adequacy(
            self.answers, correlation="polychoric", ordered=ordered, smooth=SMOOTH
        )
        suggested = _suggested(retention) | {COMPARISON: plain.suggested[COMPARISON]}
        unanswered = dict(retention.unanswered)
        if COMPARISON in plain.unanswered:
            unanswered[COMPARISON] = plain.unanswered[COMPARISON]
        return Counted(ordered, adequacy, retention, suggested, unanswered)

    def solve(self, n_factors: int, ordered: tuple[str, ...]) -> FactorSolution:
        """Give the solution with so many factors, by polychoric correlations of ordered items."""
        data, options = self._data()
        if ordered:
            options |= {"correlation": "polychoric", "ordered": ordered, "smooth": SMOOTH}
        return efa(data, n_factors, seed=self.seed, **options)

    def _given(self) -> tuple[pd.DataFrame, dict[str, Any]]:
        """Data and options of counting that both kinds of correlations share."""
        data, options = self._data()
        return data, options | {"max_factors": self.most or None}

    def _data(self) -> tuple[pd.DataFrame, dict[str, Any]]:
        """Answers with the clusters, where there are any, and the option that names them."""
        if self.cluster is None:
            return self.answers, {}
        return self.answers.join(self.cluster), {"cluster": str(self.cluster.name)}


def _most(n_theory: int, n_items: int) -> int:
    """Give the most factors that are looked for: those of the theory and four, if identified."""
    return min(n_theory + 4, ledermann_bound(n_items))


def _cluster(instrument: Instrument, survey: Survey) -> pd.Series | None:
    """Give each respondent's cluster; one who names none stands alone."""
    columns = evidence.present_columns(instrument, survey, ["cluster"])
    if not columns:
        return None
    named = survey.data[columns[0].name].astype(object)
    alone = pd.Series([("alone", row) for row in range(len(named))], index=named.index)
    return named.where(named.notna(), alone)


def _suggested(retention: FactorRetention) -> dict[str, int | None]:
    table = retention.table.dropna().set_index("criterion")["n_factors"]
    return {name: int(table[name]) if name in table.index else None for name in CRITERIA}


def _remarks(counted: Counted) -> tuple[Message, ...]:
    """Pass on what the program remarks and the section does not say in its own words."""
    retention = counted.retention
    own = {EKC_SUPPOSES, *(no_answer(*reason) for reason in retention.unanswered.items())}
    return tuple(
        Message("note.technical", {"text": note})
        for note in retention.notes
        if note not in own and not note.startswith(IN_CLUSTERS)
    )
