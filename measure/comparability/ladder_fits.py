"""Fitting the steps of invariance: one model of the same answers after the other."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from measure.comparability.group_checks import (
    require_groups,
    require_sizes,
    usable,
    with_shared_categories,
)
from measure.comparability.ladder import Name, Structure, chosen_steps, equal_kinds
from measure.comparability.ladder_text import model_text
from measure.comparability.measurement_text import require_measurement_model
from measure.errors import OptionError
from measure.fitting.confirmatory import estimate
from measure.fitting.fitted import Fit
from measure.fitting.source import Source
from measure.moments import Moments
from measure.specification.options import Options
from measure.specification.parameters import build as build_table
from measure.specification.refusals import refuse_levels
from measure.specification.responses import Ordered
from measure.specification.syntax import parse
from measure.specification.table import ParameterTable
from measure.specification.variables import variables_of

Partial = Sequence[str] | Mapping[str, Sequence[object]] | None
# Warnings of several fits, each once.
Caught = dict[tuple[type[Warning], str], None]


@dataclass(frozen=True, eq=False)
class Ladder:
    """A measurement model of several groups, ready to be fitted with more and more equal.

    Attributes
    ----------
    structure
        The model, and what is released from being equal.
    source
        The answers, whose moments all steps share.
    options
        How each step is fitted.
    steps
        Names of the steps.
    groups
        Values of the groups, in their order.
    notes
        What was done to the answers.
    null_model
        "nested" or "none": whether there is to be a null model that is nested in the last step.
    caught
        Warnings of the fits so far, each once.
    """

    structure: Structure
    source: Source
    options: Options
    steps: tuple[str, ...]
    groups: tuple[object, ...]
    notes: tuple[str, ...]
    null_model: str = "nested"
    caught: Caught = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        model: str,
        data: pd.DataFrame,
        options: Options,
        steps: Sequence[str] | None,
        categories: str = "refuse",
    ) -> "Ladder":
        """Check model, groups and answers, and make ready.

        Raises
        ------
        ModelSyntaxError, ModelError, OptionError, DataError
            Something of it cannot be used; the message says what and what to do.
        """
        group = options.group
        if group is None:
            raise OptionError("invariance compares groups: name their column by `group`.")
        labels = require_groups(data, group)
        syntax = parse(model)
        refuse_levels(syntax, "a ladder of invariance")
        variables = variables_of(syntax.statements)
        ordered = Source(data).ordered(syntax, options)
        require_measurement_model(syntax, variables, ordered)
        options = options.completed(ordered=bool(ordered)).checked()
        method = options.method()
        complete = options.missing == "listwise"
        used = usable(data, variables.observed, group, options.cluster, complete=complete)
        data, notes = with_shared_categories(data, used, ordered, group, categories)
        source = Source(data)
        moments = source.moments(variables.observed, options, method, ordered)
        answers = (
            Ordered.of(moments.names, moments.thresholds, options.parameterization)
            if ordered
            else None
        )
        table = build_table(
            syntax,
            replace(options.defaults("cfa"), meanstructure=True),
            groups=source.groups(options),
            ordered=answers,
        )
        structure = Structure.of(table, std_lv=options.std_lv)
        sizes = dict(zip(labels, moments.n_obs, strict=True))
        require_sizes(sizes, len(moments.names), structure.n_free)
        delta = bool(ordered) and options.parameterization == "delta"
        chosen = chosen_steps(steps, structure, delta=delta)
        return cls(structure, source, options, tuple(chosen), labels, notes)

    def equal(self, step: str) -> frozenset[str]:
        """Kinds of parameters that are equal in a step."""
        return equal_kinds(self.steps, step)

    def fit(self, step: str, near: Fit | None = None) -> Fit:
        """Fit a step, and check that it has the degrees of freedom that counting predicts.

        The search begins at the estimates of the fit `near`, if one is given.

        Raises
        ------
        ConvergenceError
            No minimum was found.
        """
        found = self._estimate(self.structure, self.equal(step), self.options, near)
        require_df(found, self.structure.predicted_df(self.equal(step)), step)
        return found

    def text(self, step: str) -> str:
        """Model text of a step."""
        return model_text(self.structure, self.equal(step))

    def null(self) -> Fit | None:
        """Fit the model without factors that is nested in the last step; None where none is to be.

        Thresholds, intercepts and residual variances are equal as they are there (Widaman &
        Thompson 2003, Psychological Methods 8, 16-37).
        """
        if self.null_model == "none":
            return None
        structure = self.structure.without_factors()
        equal = self.equal(self.steps[-1]) & {"thresholds", "intercepts", "residuals"}
        found = self._estimate(structure, equal, replace(self.options, se="none"))
        require_df(found, structure.predicted_df(equal), "null model")
        return found

    def table(self, text: str, moments: Moments) -> ParameterTable:
        """Complete a text that says everything to the table of its parameters."""
        ordered = None
        if moments.ordinal is not None:
            ordered = Ordered.of(moments.names, moments.thresholds, self.options.parameterization)
        defaults = self.options.defaults("lavaan")
        groups = self.source.groups(self.options)
        return build_table(parse(text), defaults, groups=groups, ordered=ordered)

    def _estimate(
        self,
        structure: Structure,
        equal: frozenset[str],
        options: Options,
        near: Fit | None = None,
    ) -> Fit:
        return fitted_text(model_text(structure, equal), self.source, options, self.caught, near)

    def released(self, partial: Partial) -> "Ladder":
        """Let the named parameters differ; see `measurement_invariance`.

        Raises
        ------
        OptionError
            A parameter or group is not there, or too little would stay equal.
        """
        if isinstance(partial, str):
            raise OptionError(f'partial is a list of parameters, as partial=["{partial}"].')
        if not partial:
            return self
        known = {_key(f"{row}"): row for row in self.structure.rows}
        found: dict[Name, frozenset[int]] = {}
        for text in partial:
            row = known.get(_key(text))
            if row is None:
                raise OptionError(
                    f'partial "{text}" names no parameter of the model. Write it as in a model '
                    'text, for example "visual =~ x2", "x3 ~1" or "x3 | t2".'
                )
            if not self.structure.may_differ(row):
                raise OptionError(
                    f'partial "{text}": the model text fixes this parameter to a number, the same '
                    "in all groups. Free it in the text."
                )
            apart = partial[text] if isinstance(partial, Mapping) else self.groups
            found[(row.lhs, row.op, row.rhs)] = self._numbers(text, apart)
        return replace(self, structure=self.structure.with_released(found))

    def _numbers(self, text: str, labels: Sequence[object]) -> frozenset[int]:
        """Groups by their numbers from 0."""
        for label in labels:
            if label not in self.groups:
                known = ", ".join(f'"{one}"' for one in self.groups)
                raise OptionError(
                    f'partial "{text}" names the group "{label}", which is not there; the groups '
                    f"are {known}."
                )
        return frozenset(self.groups.index(label) for label in labels)


def fitted_text(
    text: str, source: Source, options: Options, caught: Caught, near: Fit | None = None
) -> Fit:
    """Fit a text that says everything, beginning at the estimates of `near`, and keep warnings.

    Raises
    ------
    ConvergenceError
        No minimum was found.
    """
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            return estimate(text, source, options, "lavaan", near)
        finally:
            caught.update({(one.category, str(one.message)): None for one in heard})


def require_df(fit: Fit, predicted: int, step: str) -> None:
    """Stop where a model has other degrees of freedom than counting predicts.

    Raises
    ------
    RuntimeError
        Never for a right program: the model that was fitted is not the one that was meant.
    """
    if fit.df != predicted:
        raise RuntimeError(
            f'the step "{step}" has {fit.df} degrees of freedom where {predicted} were predicted '
            "from the numbers of items, thresholds, loadings and factors. Please report the model "
            "text; the results of this ladder cannot be trusted."
        )


def _key(text: str) -> str:
    return text.replace(" ", "")
