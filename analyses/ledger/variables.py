"""What stands in a hypothesis, as the variable of a model: latent, an index, or one column."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from analyses import evidence
from analyses.intake.survey import Survey
from analyses.modelling.fits import Plan, treatment
from analyses.section import Phrase, Text
from instruments.schema import BackgroundColumn, Instrument, Scale
from measure.fitting.source import Source
from measure.moments.ordinal.codes import MOST_CATEGORIES

if TYPE_CHECKING:
    from analyses.across_levels.referents import Referents
    from analyses.over_time.developing import Development

FEWEST_INDICATORS = 3
"""With fewer columns of the user's own their mean is taken, and not what they share."""


@dataclass(frozen=True)
class Variable:
    """One side of a hypothesis.

    Parameters
    ----------
    id
        Of the scale, measure or item.
    name
        Of the variable in the model: of a factor, or of an observed column.
    label
        What it is called.
    columns
        The columns that it rests on: its indicators, or the parts of its index.
    loadings
        The statement of the model text that measures it; empty for an observed variable.
    ordered
        The columns of the model whose answers are ordered categories.
    """

    id: str
    name: str
    label: Phrase
    columns: tuple[str, ...]
    loadings: str = ""
    ordered: tuple[str, ...] = ()


class NotAsked(Exception):
    """The survey does not hold what a variable needs."""


class NotMapped(NotAsked):
    """The user has declared no columns for an external measure."""


@dataclass(frozen=True, eq=False)
class Answers:
    """The answers that the ledger's models are fitted to, with indices and own columns beside them.

    Parameters
    ----------
    instrument, survey
        What was asked, and the answers.
    fitted
        How the instrument's models are fitted.
    waves
        What is asked of all waves of the survey; None where it has one.
    across
        What is asked of functions at several levels; None where they are asked about at one.
    """

    instrument: Instrument
    survey: Survey
    fitted: Plan
    waves: "Development | None" = None
    across: "Referents | None" = None

    @cached_property
    def planned(self) -> Plan:
        """How the ledger's models are fitted: as the others, with every answer to other scales.

        The reference model may be complete where other scales are asked of some people only.
        """
        if not self.survey.scored.isna().to_numpy().any():
            return self.fitted
        ordinal = bool(self.fitted.ordered)
        return replace(self.fitted, missing=treatment(self.fitted.estimator, ordinal=ordinal))

    @property
    def cluster(self) -> str | None:
        """The column of the clusters."""
        return None if self.planned.cluster is None else self.planned.cluster.name

    @cached_property
    def scores(self) -> pd.DataFrame:
        """Each respondent's mean of every scale, of whoever answered enough of its items."""
        enough = self.instrument.rules.index_answered.value
        found = {}
        for scale in self.instrument.scales:
            items = evidence.scored_items(scale, self.survey)
            if items:
                found[scale.id] = mean_of_answered(self.survey.scored[items], enough)
        return pd.DataFrame(found, index=self.survey.scored.index)

    @cached_property
    def own_scores(self) -> pd.DataFrame:
        """Each respondent's mean of the columns of every external measure."""
        enough = self.instrument.rules.index_answered.value
        found = {
            measure.id: mean_of_answered(self.survey.data[list(measure.names)], enough)
            for measure in self.survey.own
        }
        return pd.DataFrame(found, index=self.survey.data.index)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """All columns of the models: items, indices, own columns, the clusters."""
        indices = [scale.id for scale in self.instrument.scales if scale.kind == "index"]
        own = [name for measure in self.survey.own for name in measure.names]
        parts = [
            self.survey.scored,
            self.scores[self.scores.columns.intersection(indices)],
            self.survey.data[own],
            self.own_scores,
        ]
        frame = pd.concat(parts, axis=1)
        if self.cluster is not None:
            frame[self.cluster] = self.survey.data[self.cluster]
        return frame

    @cached_property
    def source(self) -> Source:
        """The answers as models share them."""
        return Source(self.frame)

    def variable(self, name: str) -> Variable:
        """Give a scale, an index or an external measure as a variable.

        Raises
        ------
        NotAsked
            The form does not ask for the scale.
        NotMapped
            There are no own columns for the external measure.
        """
        scales = {scale.id: scale for scale in self.instrument.scales}
        return self._scale(scales[name]) if name in scales else self._external(name)

    def _scale(self, scale: Scale) -> Variable:
        items = tuple(evidence.scored_items(scale, self.survey))
        if not items:
            raise NotAsked(scale.id)
        label = evidence.text(scale.label)
        if scale.kind == "index":
            return Variable(scale.id, scale.id, label, items)
        ordered = tuple(item for item in items if item in self.planned.ordered)
        if len(items) == 1:
            return Variable(scale.id, items[0], label, items, ordered=ordered)
        return Variable(scale.id, scale.id, label, items, _loadings(scale.id, items), ordered)

    def _external(self, name: str) -> Variable:
        label = evidence.text({part.id: part for part in self.instrument.external}[name].label)
        measure = {part.id: part for part in self.survey.own}.get(name)
        if measure is None:
            raise NotMapped(name)
        names = measure.names
        if len(names) < FEWEST_INDICATORS:
            return Variable(name, name, label, (name,))
        categories = self.planned.ordered and all(
            self.frame[one].nunique() <= MOST_CATEGORIES for one in names
        )
        ordered = names if categories else ()
        return Variable(name, name, label, names, _loadings(name, names), ordered)

    def place_in_order(self, column: BackgroundColumn) -> "pd.Series[float]":
        """Give a background column as the places of its values in the declared order, from 1.

        Raises
        ------
        NotAsked
            The survey lacks the column.
        """
        codes = self.codes(column)
        order = list(column.values) or sorted(codes.dropna().unique(), key=evidence.natural)
        return codes.map({value: place for place, value in enumerate(order, start=1)})

    def codes(self, column: BackgroundColumn) -> "pd.Series[Any]":
        """Give a background column by the instrument's names of its values.

        A survey whose file labels the values holds the labels, in any of the languages.

        Raises
        ------
        NotAsked
            The survey lacks the column.
        """
        if column.name not in self.survey.data:
            raise NotAsked(column.name)
        return evidence.codes(self.survey, column)

    def column(self, name: str) -> BackgroundColumn:
        """Give a declared background column."""
        return {column.name: column for column in self.instrument.columns}[name]

    def answered(self, variable: Variable) -> "pd.Series[bool]":
        """Mark the respondents who answered any of a variable's columns."""
        return self.frame[list(variable.columns)].notna().any(axis=1)

    def label(self, name: str) -> Text:
        """Give the words for a factor."""
        return evidence.text(self.instrument.factor_label(name))


def mean_of_answered(answers: pd.DataFrame, enough: float) -> "pd.Series[float]":
    """Give the mean of the answered columns, of rows that answered at least a share of them."""
    return answers.mean(axis=1).where(answers.notna().mean(axis=1) >= enough)


def _loadings(name: str, columns: Sequence[str]) -> str:
    return f"{name} =~ {' + '.join(columns)}"
