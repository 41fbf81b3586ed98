"""How many factors the answers suggest by themselves, and by which correlations.

Answers in categories are correlated by polychoric correlations. Pearson correlations, which take
the codes as numbers, are the check, and take their place where they cannot be computed.
"""

from dataclasses import dataclass

import pandas as pd

from analyses.fits import in_categories
from analyses.section import Message, Phrase, Value
from analyses.structure import structure
from analyses.survey import Survey
from instruments.schema import Instrument
from measure.adequacy import SamplingAdequacy, sampling_adequacy
from measure.errors import MeasureError
from measure.exploratory import FactorSolution, efa
from measure.retention import EKC_SUPPOSES, FactorRetention, factor_retention

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
}
"""The criteria that are shown; the first one decides, as it did best in most simulations of items
with several correlated factors (Auerswald & Moshagen 2019)."""


@dataclass(frozen=True, eq=False)
class Counted:
    """How much the items have in common, and how many factors that suggests.

    `ordered` are the items taken as ordered categories, none where all correlations are Pearson's.
    """

    ordered: tuple[str, ...]
    adequacy: SamplingAdequacy
    retention: FactorRetention

    @property
    def n_rule(self) -> int:
        """Number of factors by the criterion that decides."""
        return self.suggested(next(iter(CRITERIA)))

    @property
    def correlation(self) -> Phrase:
        """Name the correlations in a provenance."""
        return Message("estimator.polychoric") if self.ordered else "Pearson"

    def suggested(self, criterion: str) -> int:
        """Give the number of factors by one criterion."""
        table = self.retention.table.set_index("criterion")["n_factors"]
        return int(table[criterion])


@dataclass(frozen=True, eq=False)
class Exploration:
    """The items that are explored, and how many factors theory and answers suggest.

    `first` is what the section rests on. `check` is the same by Pearson correlations where the
    first are polychoric, else None; `notes` say which they are and what is particular about them.
    """

    answers: pd.DataFrame
    n_theory: int
    first: Counted
    check: Counted | None
    notes: tuple[Message, ...]
    seed: int

    @property
    def n_obs(self) -> int:
        """Respondents who answered all the items."""
        return int(self.first.retention.n_obs)

    @property
    def n_rule(self) -> int:
        """Number of factors by the criterion that decides."""
        return self.first.n_rule

    @property
    def check_differs(self) -> bool:
        """Whether the check suggests another number."""
        return self.check is not None and self.check.n_rule != self.n_rule

    def solve(self, n_factors: int) -> FactorSolution | Message:
        """Give the solution with so many factors, or the reason why there is none."""
        if n_factors == 0:
            return Message("exploratory.note.no_factor")
        try:
            if not self.first.ordered:
                return efa(self.answers, n_factors, seed=self.seed)
            return efa(
                self.answers,
                n_factors,
                correlation="polychoric",
                ordered=self.first.ordered,
                smooth=SMOOTH,
                seed=self.seed,
            )
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
    plain = Counted(
        (), sampling_adequacy(answers), factor_retention(answers, n_draws=DRAWS, seed=seed)
    )
    if not ordered:
        return Exploration(answers, n_theory, plain, None, (), seed)
    try:
        first = _polychoric(answers, ordered, seed)
    except MeasureError as error:
        reason = Message("exploratory.note.no_polychoric", {"text": str(error)})
        pearson = Message("exploratory.note.pearson")
        return Exploration(answers, n_theory, plain, None, (reason, pearson), seed)
    notes = (
        Message("exploratory.note.polychoric"),
        Message("exploratory.note.ekc"),
        *(
            Message("note.technical", {"text": note})
            for note in first.retention.notes
            if note != EKC_SUPPOSES
        ),
    )
    return Exploration(answers, n_theory, first, plain, notes, seed)


def _polychoric(answers: pd.DataFrame, ordered: tuple[str, ...], seed: int) -> Counted:
    return Counted(
        ordered,
        sampling_adequacy(answers, correlation="polychoric", ordered=ordered, smooth=SMOOTH),
        factor_retention(
            answers,
            correlation="polychoric",
            ordered=ordered,
            smooth=SMOOTH,
            n_draws=DRAWS,
            seed=seed,
        ),
    )
