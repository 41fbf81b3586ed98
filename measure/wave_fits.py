"""A measurement model fitted to several waves: one design, fitted at any step of the ladder."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from measure.confirmatory import estimate
from measure.errors import MeasureError, MeasureWarning, ModelError
from measure.fitted import Fit
from measure.occasions import Layout, Occasions, occasions
from measure.options import Options
from measure.source import Source
from measure.wave_models import (
    Measured,
    equal_at,
    measured,
    n_equalities,
    released_of,
    require_step,
    steps_of,
    wave_model,
)


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
        self, step: str, *, partial: Sequence[str] = (), definitions: Sequence[str] = ()
    ) -> Fit:
        """Fit the model at one step.

        Raises
        ------
        MeasureError
            As `measure.fit`; a model with other degrees of freedom than the step has by count is
            refused.
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
        with warnings.catch_warnings():
            # What they say stands in the fit's notes.
            warnings.simplefilter("ignore", MeasureWarning)
            found = estimate(text, self._source, self.options, "lavaan")
        require_df(found.df, self.predicted_df(step, partial), step)
        return found

    def predicted_df(self, step: str, partial: Sequence[str] = ()) -> int:
        """Count the degrees of freedom of a step from items, factors, waves and groups."""
        what, own, cells = self.what, self.occasions, self.occasions.n_cells
        thresholds = own.thresholds
        require_step(step, thresholds)
        n_waves = len(self.waves)
        p, q = len(what.items) * n_waves, len(what.factors) * n_waves
        marginal = n_waves * sum(thresholds.get(item, 2) for item in what.items)
        observed = p * (p - 1) // 2 + marginal
        within = n_waves * len(what.loadings) + marginal + q * (q - 1) // 2
        across = len(what.items) * n_waves * (n_waves - 1) // 2
        within += across + n_waves * len(what.residuals)
        released = released_of(partial, what, thresholds)
        ladder = steps_of(thresholds)
        gained = sum(
            n_equalities(one, what, thresholds, cells, released)
            for one in ladder[: ladder.index(step) + 1]
        )
        return own.n_groups * (observed - within) + gained

    def equal(self, step: str) -> frozenset[str]:
        """Give what is equal at a step."""
        return equal_at(step, self.occasions.thresholds)


def require_df(found: int, predicted: int, step: str) -> None:
    """Refuse a model whose degrees of freedom are not those that its step has by count.

    Raises
    ------
    ModelError
        Something else than the step's equalities was put into the model.
    """
    if found != predicted:
        raise ModelError(
            f'step "{step}" has {found} degrees of freedom, but by count it should have '
            f"{predicted}: the model is another than the step means. Please report this."
        )


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
