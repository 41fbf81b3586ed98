"""A measurement model fitted to several waves: one design, fitted at any step of the ladder."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import pandas as pd

from measure.comparability.ladder_fits import require_df
from measure.errors import MeasureError, MeasureWarning
from measure.fitting.confirmatory import estimate
from measure.fitting.fitted import Fit
from measure.fitting.source import Source
from measure.occasions.occasions import Layout, Occasions, occasions
from measure.occasions.wave_models import (
    Measured,
    equal_at,
    measured,
    n_equalities,
    null_text,
    released_of,
    require_step,
    steps_of,
    wave_model,
    without_factors,
)
from measure.specification.options import Options


@dataclass(frozen=True)
class Fitting:
    """How a model of several waves is fitted; the names are those of `measure.cfa`."""

    ordered: Sequence[str] | bool = ()
    estimator: str | None = None
    missing: str = "listwise"
    information: str | None = None
    parameterization: str = "delta"
    categories: str = "refuse"


@dataclass(frozen=True, eq=False)
class WaveDesign:
    """A model and the waves that it is fitted to; fits share the moments.

    Attributes
    ----------
    model
        The text, as for one wave.
    what
        What it measures by what.
    occasions
        The answers side by side.
    options
        As for `measure.fit`.
    """

    model: str
    what: Measured
    occasions: Occasions
    options: Options
    _source: Source = field(repr=False)

    @cached_property
    def steps(self) -> tuple[str, ...]:
        """The steps of the ladder that say something about the items."""
        thresholds = self.occasions.thresholds
        found = steps_of(thresholds)
        if 1 in thresholds.values():
            found = tuple(step for step in found if step not in ("thresholds", "metric"))
        if thresholds and self.options.parameterization == "delta":
            found = found[: found.index("strict")]
        return found

    @property
    def waves(self) -> tuple[Mapping[str, str], ...]:
        """The columns of each wave that the model text is written for."""
        return self.occasions.columns

    def fit(
        self,
        step: str,
        *,
        partial: Sequence[str] = (),
        definitions: Sequence[str] = (),
        near: Fit | None = None,
        extra_df: int = 0,
    ) -> Fit:
        """Fit the model at one step.

        The search begins at the estimates of the fit `near`, if one is given. `extra_df` is what
        further lines in `definitions` add to the degrees of freedom.

        Raises
        ------
        MeasureError
            As `measure.fit`.
        """
        text = wave_model(
            self.model,
            self.waves,
            step=step,
            thresholds=self.occasions.thresholds,
            n_groups=self.occasions.n_groups,
            partial=partial,
            parameterization=self.options.parameterization,
            definitions=definitions,
        )
        found = self._estimate(text, self.options, near)
        require_df(found, self.predicted_df(step, partial) + extra_df, step)
        return found

    def null(self, step: str) -> Fit:
        """Fit the model in which nothing covaries that is nested in a step."""
        text = null_text(
            self.model,
            self.waves,
            step=step,
            thresholds=self.occasions.thresholds,
            n_groups=self.occasions.n_groups,
            parameterization=self.options.parameterization,
        )
        found = self._estimate(text, replace(self.options, se="none"))
        alone = without_factors(self.what)
        predicted = self.occasions.n_groups * self._pairs + self._gained(alone, step, ())
        require_df(found, predicted, "null model")
        return found

    def _estimate(self, text: str, options: Options, near: Fit | None = None) -> Fit:
        with warnings.catch_warnings():
            # What they say stands in the fit's notes.
            warnings.simplefilter("ignore", MeasureWarning)
            return estimate(text, self._source, options, "lavaan", near)

    @property
    def _pairs(self) -> int:
        """Pairs of observed variables of a group."""
        p = len(self.what.items) * len(self.waves)
        return p * (p - 1) // 2

    def _gained(self, what: Measured, step: str, partial: Sequence[str]) -> int:
        """Count what the equalities of a step and those before it save."""
        own = self.occasions
        released = released_of(partial, self.what, own.thresholds)
        ladder = steps_of(own.thresholds)
        require_step(step, own.thresholds)
        return sum(
            n_equalities(one, what, own.thresholds, own.n_cells, released)
            for one in ladder[: ladder.index(step) + 1]
        )

    def predicted_df(self, step: str, partial: Sequence[str] = ()) -> int:
        """Count the degrees of freedom of a step from items, factors, waves and groups.

        With nothing equal, each item has as many parameters of its own as it has moments, so that
        what is left are covariances less loadings, correlations of factors and of residuals.
        """
        what, n_waves = self.what, len(self.waves)
        q = len(what.factors) * n_waves
        common = n_waves * (len(what.loadings) + len(what.residuals)) + q * (q - 1) // 2
        over_waves = len(what.items) * n_waves * (n_waves - 1) // 2
        free = self._pairs - common - over_waves
        return self.occasions.n_groups * free + self._gained(what, step, partial)

    def equal(self, step: str) -> frozenset[str]:
        """Give what is equal at a step."""
        return equal_at(step, self.occasions.thresholds)


def design(model: str, data: pd.DataFrame, layout: Layout, fitting: Fitting) -> WaveDesign:
    """Bring a model text and the answers of several waves together.

    Raises
    ------
    ModelError, OptionError, DataError
        As `wave_models.measured` and `occasions.occasions`.
    """
    what = measured(model)
    own = occasions(
        data, what.items, layout, ordered=fitting.ordered, categories=fitting.categories
    )
    ordered = tuple(
        dict.fromkeys(column[item] for column in own.columns for item in own.thresholds)
    )
    options = Options(
        estimator=fitting.estimator,
        missing=fitting.missing,
        information=fitting.information,
        parameterization=fitting.parameterization,
        ordered=ordered,
        group=own.group,
        cluster=layout.cluster,
        meanstructure=None if ordered else True,
    )
    return WaveDesign(model, what, own, options, Source(own.data))


def quantity(fit: Fit, name: str) -> tuple[float, float]:
    """Give a defined quantity of a fit and its standard error."""
    rows = fit.parameters
    row = rows[(rows["op"] == ":=") & (rows["lhs"] == name)].iloc[0]
    return float(row["est"]), float(row["se"])


def fitted_or_reason(work: Callable[[], Fit]) -> tuple[Fit | None, str]:
    """Fit, or give the reason why a model has no numbers that may be read."""
    try:
        found = work()
    except MeasureError as error:
        return None, str(error)
    if not found.admissible:
        return None, "; ".join(found.notes)
    return found, ""
