"""The steps from the form of a model at two levels to the same measurement at both.

The levels stand in place of the groups of `Structure`: what is equal across them sets the scale of
the factors between clusters, whose variances are free then. Means have one level only.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from measure.comparability.ladder import Name, Structure
from measure.comparability.ladder_fits import Caught, fitted_text, require_df
from measure.comparability.ladder_text import written_name, written_number
from measure.comparability.measurement_text import require_measurement_model
from measure.errors import DataError, ModelError, OptionError
from measure.fitting.fitted import Fit
from measure.fitting.source import Source
from measure.moments import Moments
from measure.specification.levels import BETWEEN, NAMES, WITHIN, has_levels
from measure.specification.options import Options
from measure.specification.parameters import build as build_table
from measure.specification.parameters import levels_of
from measure.specification.refusals import refuse_for_ordered_levels
from measure.specification.syntax import Syntax, parse
from measure.specification.table import Groups, Parameter
from measure.specification.variables import variables_of

STEPS = ("configural", "metric", "strong")
BOTH = frozenset({0, 1})
# A share of variance between clusters below this is none: the estimate stands on its boundary.
NONE = 1e-6


@dataclass(frozen=True)
class LevelStructure:
    """A measurement model as it stands at both levels, and what is not to be equal.

    Attributes
    ----------
    structure
        The model, of items with means and residual variances.
    thresholds
        Number of thresholds of each item that is ordered. These have no intercepts, and within
        clusters no residual variances: the variance of their latent responses is 1 there.
    """

    structure: Structure
    thresholds: Mapping[str, int] = field(default_factory=dict)

    def text(self, step: str) -> str:
        """Write the model of a step, for `measure.fit`. The text is lavaan's, too."""
        lines = []
        for level in (WITHIN, BETWEEN):
            lines.append(f"level: {level}")
            for number, row in enumerate(self.structure.rows, start=1):
                line = self._statement(row, number, level, step)
                lines += [f"  {line}"] if line else []
            lines += [f"  {line}" for line in self._scales(level)]
        return "\n".join(lines)

    def predicted_df(self, step: str) -> int:
        """Degrees of freedom by counting.

        Equal loadings add one each, less one a factor, whose variance they set free; residual
        variances of 0 between clusters one each, with the residual covariances that go with them.
        Ordered items have thresholds in place of means, which no step restricts, and lack the
        variances within clusters and their residuals alike: they change nothing.
        """
        equal = frozenset() if step == "configural" else frozenset({"loadings"})
        total = self.structure.predicted_df(equal)
        if step == "strong":
            total += sum(self._absent(row) for row in self.structure.rows)
        return total

    def released(self, partial: Sequence[str]) -> "LevelStructure":
        """Let the named loadings and residual variances differ.

        Raises
        ------
        OptionError
            One is no such parameter, or too little would stay equal.
        """
        if isinstance(partial, str):
            raise OptionError(f'partial is a list of parameters, as partial=["{partial}"].')
        known = {
            f"{row}".replace(" ", ""): row
            for row in self.structure.rows
            if row.free and (row.op == "=~" or self._is_residual(row))
        }
        found: dict[Name, frozenset[int]] = {}
        for text in partial:
            row = known.get(text.replace(" ", ""))
            if row is None:
                raise OptionError(
                    f'partial "{text}" names no free loading or residual variance of the model. '
                    'Write it as in a model text, for example "f =~ x2" or "x2 ~~ x2".'
                )
            found[(row.lhs, row.op, row.rhs)] = BOTH
        return replace(self, structure=self.structure.with_released(found))

    def _statement(self, row: Parameter, number: int, level: int, step: str) -> str:
        """Write a row at a level; empty where the level does not have it."""
        kind = self.structure.kind(row)
        if kind == "means" or (kind == "intercepts" and level == WITHIN):
            return ""
        if row.lhs in self.thresholds and (
            kind == "intercepts" or (self._is_residual(row) and level == WITHIN)
        ):
            return ""
        right, modifiers = "1" if row.op == "~1" else written_name(row.rhs), list[str]()
        pattern = self.structure.pattern(row, self._equal(step))
        if kind == "residuals" and level == BETWEEN and step == "strong" and self._absent(row):
            if row.lhs != row.rhs:
                return ""
            modifiers.append("0")
        elif pattern.fixed(level - 1):
            modifiers.append(written_number(pattern.reference))
        elif kind == "loadings":
            shared = pattern.classes[0] == pattern.classes[1]
            modifiers.append(f"lambda{number}" + ("" if shared else f".{NAMES[level]}"))
        operator = "~" if row.op == "~1" else row.op
        terms = [f"{modifier}*{right}" for modifier in modifiers] or [right]
        return f"{written_name(row.lhs)} {operator} {' + '.join(terms)}"

    def _scales(self, level: int) -> Iterator[str]:
        """Write what sets the scales of ordered items: unit variances within, and thresholds."""
        for item, n in self.thresholds.items():
            name = written_name(item)
            if level == WITHIN:
                yield f"{name} ~*~ 1*{name}"
            else:
                yield f"{name} | {' + '.join(f't{k}' for k in range(1, n + 1))}"

    def _equal(self, step: str) -> frozenset[str]:
        return frozenset() if step == "configural" else frozenset({"loadings"})

    def _is_residual(self, row: Parameter) -> bool:
        return self.structure.kind(row) == "residuals" and row.lhs == row.rhs

    def _absent(self, row: Parameter) -> bool:
        """Whether a free residual variance or covariance is 0 between clusters at the last step."""
        if self.structure.kind(row) != "residuals" or not row.free:
            return False
        own = {(name, "~~", name) for name in (row.lhs, row.rhs)}
        return not own <= set(self.structure.released)


@dataclass(frozen=True, eq=False)
class LevelLadder:
    """A measurement model ready to be fitted to both levels with more and more equal.

    Attributes
    ----------
    structure
        The model, and what is released.
    source
        The answers, whose moments all steps share.
    options
        How each step is fitted.
    steps
        Names of the steps.
    moments
        The saturated moments of both levels.
    caught
        Warnings of the fits so far, each once.
    """

    structure: LevelStructure
    source: Source
    options: Options
    steps: tuple[str, ...]
    moments: Moments
    caught: Caught = field(default_factory=dict)

    @classmethod
    def of(
        cls, model: str, data: pd.DataFrame, options: Options, steps: Sequence[str]
    ) -> "LevelLadder":
        """Check the model, the steps and the answers, and make ready.

        Raises
        ------
        ModelSyntaxError, ModelError, OptionError, DataError
            Something of it cannot be used; the message says what and what to do.
        """
        syntax, source = parse(model), Source(data)
        _require_one_level(syntax)
        ordered = source.ordered(syntax, options)
        require_measurement_model(syntax, variables_of(syntax.statements), ordered)
        chosen = chosen_steps(steps)
        defaults = replace(options.defaults("cfa"), std_lv=True, meanstructure=True)
        both = Groups((NAMES[WITHIN], NAMES[BETWEEN]))
        own = Structure.of(build_table(syntax, defaults, groups=both), std_lv=True)
        structure = LevelStructure(own)
        options = options.completed(ordered=bool(ordered), levels=True).checked()
        both_levels = parse(structure.text("configural"))
        levels = levels_of([both_levels.statements], asks_fixed=False)
        if ordered:
            refuse_for_ordered_levels(levels, ordered, None)
        moments = source.moments(levels.names, options, options.method(), ordered, levels)
        counts = zip(moments.names, moments.thresholds, strict=True) if ordered else ()
        structure = replace(structure, thresholds=dict(counts))
        return cls(structure, source, options, chosen, moments)

    @property
    def shares(self) -> pd.Series:
        """Share of each item's variance that lies between clusters, in the saturated moments."""
        variances = [
            dict(zip(names, np.diag(own.sigma).tolist(), strict=True))
            for names, own in zip(self.moments.block_names, self.moments.sample, strict=True)
        ]
        items = self.structure.structure.observed
        found = [variances[1][x] / (variances[0][x] + variances[1][x]) for x in items]
        return pd.Series(found, index=list(items), name="icc")

    def released(self, partial: Sequence[str]) -> "LevelLadder":
        """Let parameters differ; see `cross_level_invariance`."""
        return replace(self, structure=self.structure.released(partial))

    def fit(self, step: str, near: Fit | None = None) -> Fit:
        """Fit a step, and check that it has the degrees of freedom that counting predicts.

        Raises
        ------
        ConvergenceError
            No minimum was found.
        """
        text = self.structure.text(step)
        found = fitted_text(text, self.source, self.options, self.caught, near)
        require_df(found, self.structure.predicted_df(step), step)
        return found


def chosen_steps(steps: Sequence[str]) -> tuple[str, ...]:
    """Check which steps are asked for.

    Raises
    ------
    OptionError
        Unknown, doubled or out of order, or not "configural" first.
    """
    if isinstance(steps, str):
        raise OptionError(f'steps is a list of names, as steps=["configural", "{steps}"].')
    for step in steps:
        if step not in STEPS:
            raise OptionError(f'step "{step}" is not known; the steps are {", ".join(STEPS)}.')
    if list(steps) != [step for step in STEPS if step in steps] or list(steps[:1]) != [STEPS[0]]:
        raise OptionError(
            f"the steps {', '.join(steps)} stand out of order or twice, or do not begin with "
            f'"configural"; their order is {", ".join(STEPS)}.'
        )
    return tuple(steps)


def require_variance_between(shares: pd.Series, cluster: str) -> None:
    """Refuse items that do not vary between clusters.

    Parameters
    ----------
    shares
        Share of each item's variance between clusters.
    cluster
        Column of the clusters.

    Raises
    ------
    DataError
        Names the items.
    """
    none = [str(item) for item, share in shares.items() if share < NONE]
    if none:
        raise DataError(
            f"{', '.join(none)} {'does' if len(none) == 1 else 'do'} not vary between the clusters "
            f'of "{cluster}" (the estimate of the variance is 0), so that there is no measurement '
            "between them to compare. Leave out what does not vary, or ask about persons alone, by "
            "cfa with `cluster` and without levels."
        )


def _require_one_level(syntax: Syntax) -> None:
    if has_levels(syntax):
        raise ModelError(
            "the model text has `level:` blocks; cross_level_invariance writes both levels from "
            "one model. Give the factors and their items once, without blocks."
        )
