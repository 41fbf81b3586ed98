"""Cut-offs of fit indices for one model, one number of respondents and one kind of answers.

Hu and Bentler's cut-offs (1999) tell right from wrong models of three factors with five items each.
How large an index is depends on the number of items and factors, the loadings and the answers, so
that for another model the same value may mean nothing. Dynamic cut-offs are what theirs were:
values that separate samples of a right model from those of a wrong one, but of this model.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.display import render_html, render_text
from measure.errors import MeasureError, ModelError, OptionError
from measure.fitting.confirmatory import cfa
from measure.fitting.fitted import Fit
from measure.levels.between_clusters import icc
from measure.planning.fit_of_studies import best_variant, fit_of, names_of
from measure.planning.misspecified import Levels, Omitted, Solution, omitted_table
from measure.planning.replicates import Design, Sample, Studies, Template, Truth
from measure.planning.separation import cut_table
from measure.planning.study_power import HERE, Execution
from measure.replication.repeat import Repeats, repeat
from measure.replication.workers import alike
from measure.simulating.populations import Population, population, stated_model
from measure.simulating.simulation import simulate

Array = NDArray[np.float64]

# Of the studies of each population, the share that has to be fitted.
ENOUGH = 0.9
# Studies of each population with continuous and with ordered items (dynamic 1.1.0).
NUMBERS, ANSWERS = 500, 250
# Respondents from whom the model of a stated population is fitted once, to begin searches from.
LARGE = 10_000


@dataclass(frozen=True, eq=False, repr=False)
class Cutoffs:
    """Values of fit indices that separate samples of a right from those of a wrong model.

    Attributes
    ----------
    table
        One row a level and measure: `level measure cutoff ci.lower ci.upper rule correct wrong
        sensitivity n observed beyond`. `rule` is "95/5" where 95 % of the wrong lie beyond the
        cut-off and less than 5 % of the right, "90/10" likewise, and "none" where they overlap
        too much; the interval is that of the simulation (95 %). `correct` is the limit that 5 % of
        the right lie beyond, `wrong` the median of the wrong, `sensitivity` the share of the wrong
        beyond `correct`, and `n` the studies that could be fitted. `observed` is what the model
        has in the answers, and `beyond` says whether that is at the cut-off or beyond: the misfit
        is then at least that of the level.
    omitted
        What the populations have and the model has not: `level lhs op rhs size`, standardised.
    distribution
        The measures of every study, `level` 0 for those of the right model.
    variant
        Which CFI, TLI and RMSEA they are: "robust", "scaled" or "plain".
    n_obs
        Respondents of a study.
    repeats, seed
        Studies of each population, and the seed.
    failures
        One row a reason why studies could not be fitted: `level error count`.
    notes
        What a reader has to know.
    """

    table: pd.DataFrame
    omitted: pd.DataFrame
    distribution: pd.DataFrame
    variant: str
    n_obs: int
    repeats: int
    seed: int
    failures: pd.DataFrame
    notes: tuple[str, ...]

    def _shown(self) -> tuple[str, dict[str, object], dict[str, pd.DataFrame]]:
        facts: dict[str, object] = {
            "measures": self.variant,
            "respondents": self.n_obs,
            "studies of each population": self.repeats,
            "seed": self.seed,
            **{f"note {k}": note for k, note in enumerate(self.notes, start=1)},
        }
        tables = {"Cut-offs": self.table, "Left out of the model": self.omitted}
        if len(self.failures):
            tables["Failures"] = self.failures
        return "Dynamic cut-offs", facts, tables

    def __repr__(self) -> str:
        return render_text(*self._shown())

    def _repr_html_(self) -> str:
        return render_html(*self._shown())


@dataclass(frozen=True, eq=False)
class FitOf:
    """Tells how well a model fits a study: CFI, TLI, RMSEA and SRMR."""

    template: Template
    variant: str

    def __call__(self, study: Sample) -> Array:
        """Fit the model."""
        return fit_of(self.template.fitted(study), self.variant)


def dynamic_cutoffs(
    model: Fit | str,
    n: int | None = None,
    *,
    population: str | None = None,
    estimator: str | None = None,
    levels: Levels | None = None,
    repeats: int | None = None,
    seed: int,
    execution: Execution = HERE,
) -> Cutoffs:
    """Simulate cut-offs of CFI, TLI, RMSEA and SRMR for one model.

    Studies are drawn from the population that the model describes, and from populations in which it
    leaves something out, more at each level; the model is fitted to all of them by the estimator of
    the fit. The cut-off of a level is the value that 95 % of the studies of the wrong populations
    lie beyond, and less than 5 % of the right one; else the same with 90 and 10 %; else there is
    none (McNeish & Wolf 2023).

    Parameters
    ----------
    model
        A fit of one group, whose estimates are the population; answers are drawn as it has them:
        in categories by its thresholds, with its patterns of missing answers at random, and in its
        clusters. Or model text, with `n` and `population`.
    n
        Respondents of a study; by default those of the fit. With another number they are drawn
        independently.
    population
        Text of the population in which a model text is right, all parameters with their values, as
        for `population`; items with thresholds are ordered.
    estimator
        By which a model text is fitted, as in `cfa`; a fit has its own.
    levels
        What is left out at each level, lists of `Omitted`. By default, with several factors, one
        second loading more at each level, at most one fewer than factors, and with one factor
        residual correlations of .3; see `measure.planning.misspecified`.
    repeats
        Studies of each population; by default 500, or 250 with ordered items, as the program of the
        method's authors has it.
    seed
        Whole number, 0 or more.
    execution
        Who does the work, and where it is kept: with a checkpoint the same model, n and seed are
        not simulated twice.

    Returns
    -------
    Cutoffs

    Raises
    ------
    OptionError
        Too little or too much was given, the fit has several groups or two levels, or a parameter
        of `levels` is not there to be left out.
    ModelError
        The model is not one of factors, has nothing to be left out, or no degrees of freedom; or
        the population is not possible.
    MeasureError
        More than a tenth of the studies of a population could not be fitted.

    References
    ----------
    Hu, L., & Bentler, P. M. (1999). Cutoff criteria for fit indexes in covariance structure
    analysis. Structural Equation Modeling, 6, 1-55.
    McNeish, D., & Wolf, M. G. (2023). Dynamic fit index cutoffs for confirmatory factor analysis
    models. Psychological Methods, 28, 61-88.
    """
    asked = _asked(model, n, population, estimator, seed)
    repeats = repeats or (NUMBERS if asked.fit.moments.ordinal is None else ANSWERS)
    chosen = asked.solution.levels() if levels is None else _stated(levels)
    truths = [asked.truth, *(_changed(asked, level) for level in chosen)]
    task = Studies(
        asked.design,
        tuple(Truth.of(one) for one in truths),
        FitOf(Template.of(asked.fit), asked.variant),
    )
    done = studies_of(task, repeats, seed, execution)
    columns = tuple(names_of(asked.variant).values())
    frames, failures = frames_of(done, len(truths), columns)
    return Cutoffs(
        table=cut_table(frames[0], frames[1:], asked.observed),
        omitted=omitted_table(chosen),
        distribution=distribution_of(frames),
        variant=asked.variant,
        n_obs=sum(asked.design.sizes),
        repeats=repeats,
        seed=seed,
        failures=failures,
        notes=tuple(design_notes(asked.design)),
    )


@dataclass(frozen=True, eq=False)
class _Asked:
    """The fitted model, the population in which it is right, and how it is drawn from."""

    fit: Fit
    truth: Population
    solution: Solution
    design: Design
    variant: str
    observed: Mapping[str, float] | None


def _asked(
    model: Fit | str, n: int | None, text: str | None, estimator: str | None, seed: int
) -> _Asked:
    if isinstance(model, str):
        if n is None or text is None:
            raise OptionError(
                "model text needs n, the respondents of a study, and population, the text with all "
                "values; or give a fit."
            )
        return _of_text(model, n, text, estimator, seed)
    if text is not None or estimator is not None:
        raise OptionError("a fit has its own population and estimator; give only the fit, and n.")
    require_simulable(model)
    if model.moments.levels is not None:
        raise OptionError(
            "dynamic_cutoffs is not available for two-level models. For the fit of each level see "
            "level_cutoffs."
        )
    if model.n_groups > 1:
        raise OptionError(
            "dynamic_cutoffs is for one group; for the steps of invariance see invariance_cutoffs."
        )
    measures = {str(name): float(value) for name, value in model.fit_measures.items()}
    variant = best_variant(measures)
    return _Asked(
        model,
        population(model),
        Solution.of(model.point.states[0], model.model.table),
        Design.of(model, n, mean_icc(model)),
        variant,
        measures,
    )


def _of_text(model: str, n: int, text: str, estimator: str | None, seed: int) -> _Asked:
    """Take a stated population, and fit the model once to many respondents from it."""
    truth, built = population(text), stated_model(text)
    if len(truth.groups) > 1:
        raise OptionError("dynamic_cutoffs is for one group, but the population has several.")
    drawn = simulate(truth, LARGE, seed=seed)
    fit = cfa(model, drawn, estimator=estimator, ordered=tuple(truth.values))
    require_simulable(fit)
    solution = Solution.of(built.states(np.zeros(0))[0], built.table)
    variant = best_variant({str(name): float(value) for name, value in fit.fit_measures.items()})
    return _Asked(fit, truth, solution, Design((n,)), variant, None)


def _stated(levels: Levels) -> Levels:
    if not levels or any(isinstance(one, Omitted) or not one for one in levels):
        raise OptionError(
            'levels is a list of lists: [[Omitted("f", "=~", "x4", 0.3)], ...], one for each level.'
        )
    return levels


def _changed(asked: _Asked, level: Sequence[Omitted]) -> Population:
    """Give the population in which the model leaves something out."""
    (moments,) = asked.truth.moments
    sd = np.sqrt(np.diag(moments.sigma))
    sigma = asked.solution.with_omitted(level).sigma * np.outer(sd, sd)
    return replace(asked.truth, moments=(moments._replace(sigma=sigma),))


def require_simulable(fit: Fit) -> None:
    """Refuse a fit that is no population, or in which nothing can be missed.

    Raises
    ------
    OptionError
        It has not converged, or has exploratory blocks.
    ModelError
        It has no degrees of freedom.
    """
    if not fit.converged:
        raise OptionError("the fit has not converged: there are no estimates to draw from.")
    if fit.exploration is not None:
        raise OptionError(
            "cut-offs of exploratory blocks are not available: with all loadings free there is "
            "none to be left out. Fit the confirmatory model."
        )
    if fit.df == 0:
        raise ModelError("the model has no degrees of freedom: it fits whatever it leaves out.")


def mean_icc(fit: Fit) -> float:
    """Give the mean share of the items' variances that lies between clusters; 0 without any."""
    moments = fit.moments
    if moments.clusters is None or moments.rows is None:
        return 0.0
    names = list(moments.names)
    frame = pd.DataFrame(np.vstack(moments.rows), columns=names)
    frame["cluster of a row"] = np.concatenate(moments.clusters)
    return float(icc(frame, names, cluster="cluster of a row")["icc1_used"].mean())


def studies_of(
    task: Studies, repeats: int, seed: int, execution: Execution
) -> Repeats[tuple[Array | str, ...]]:
    """Draw and fit the studies."""
    return repeat(
        task,
        repeats,
        seed=seed,
        workers=execution.workers,
        progress=execution.progress,
        checkpoint=execution.checkpoint,
    )


def frames_of(
    done: Repeats[tuple[Array | str, ...]], n_truths: int, columns: Sequence[str]
) -> tuple[list[pd.DataFrame], pd.DataFrame]:
    """Put what was told of the studies into a table for each population, and count failures.

    Raises
    ------
    MeasureError
        More than a tenth of the studies of a population failed.
    """
    frames, reasons = [], []
    for k in range(n_truths):
        own = [result[k] for result in done.results]
        good = [one for one in own if not isinstance(one, str)]
        failed = Counter(alike(one) for one in own if isinstance(one, str))
        reasons += [(k, reason, count) for reason, count in failed.most_common()]
        if len(good) < ENOUGH * done.n:
            raise MeasureError(
                f"{done.n - len(good)} of {done.n} simulated studies could not be fitted, so that "
                f"there are no cut-offs: {failed.most_common(1)[0][0]}"
            )
        frames.append(pd.DataFrame(np.array(good), columns=list(columns)))
    return frames, pd.DataFrame(reasons, columns=["level", "error", "count"])


def distribution_of(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put the tables of all populations into one, with the level of each."""
    stacked = pd.concat(dict(enumerate(frames)), names=["level"])
    return stacked.reset_index("level").reset_index(drop=True)


def design_notes(design: Design) -> Iterator[str]:
    """Say how the answers of the studies were drawn."""
    yield "Answers were drawn from a normal distribution, and cut at the thresholds where ordered."
    if design.holes is not None:
        yield (
            "Each respondent of a study has the gaps of one of the real ones, drawn at random: "
            "answers are missing completely at random."
        )
    if design.clusters is not None:
        yield (
            "Respondents of a study belong together as the real ones do; every item has the mean "
            f"intraclass correlation of the real answers ({design.icc:.3f})."
        )
