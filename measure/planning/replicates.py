"""Studies drawn from several populations, to which one model is fitted each time.

What counts is how well the model fits and nothing else, so that a study is a few arrays: no text is
read again, no standard errors are computed, and every search begins where the population lies.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.errors import MeasureError, MeasureWarning
from measure.estimators import DISCREPANCIES
from measure.fitting.confirmatory import estimate
from measure.fitting.constrained import minimize_restricted
from measure.fitting.fitted import Fit
from measure.fitting.problem import Problem
from measure.fitting.source import Source
from measure.moments import Moments, complete, missing
from measure.moments.ordinal.codes import coded
from measure.moments.ordinal.gather import from_codes
from measure.moments.ordinal_twolevel import gather as ordinal_twolevel
from measure.moments.rows import Rows
from measure.moments.twolevel import gather as twolevel
from measure.optimize import minimize
from measure.simulating.populations import Population
from measure.specification.levels import Levels
from measure.specification.options import Options

Array = NDArray[np.float64]
Codes = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Design:
    """Who answers, and what they leave out.

    Attributes
    ----------
    sizes
        Respondents in each group.
    clusters
        Number of the cluster of each respondent, per group; None where they are independent.
    icc
        Share of the variance of every item that lies between clusters, with the same correlations
        as within them.
    holes
        Of each group patterns of answers that are missing, (k, p), from which one is drawn for
        each respondent; None for complete answers.
    """

    sizes: tuple[int, ...]
    clusters: tuple[Codes, ...] | None = None
    icc: float = 0.0
    holes: tuple[NDArray[np.bool_], ...] | None = None

    @classmethod
    def of(cls, fit: Fit, n: int | None, icc: float) -> "Design":
        """Take the design of the answers that a model was fitted to, or as many others."""
        moments = fit.moments
        sizes = moments.n_obs if n is None else (n,)
        rows, gaps = moments.rows, None
        if rows is not None and any(np.isnan(own).any() for own in rows):
            gaps = tuple(np.isnan(own) for own in rows)
        return cls(sizes, moments.clusters if n is None else None, icc, gaps)

    def normal(self, rng: np.random.Generator, p: int) -> list[Array]:
        """Draw standard normal values (n, p) of each group, alike within clusters by the ICC."""
        drawn = [rng.standard_normal((n, p)) for n in self.sizes]
        if self.clusters is None or self.icc <= 0:
            return drawn
        common = rng.standard_normal((1 + max(int(own.max()) for own in self.clusters), p))
        between, within = np.sqrt(self.icc), np.sqrt(1 - self.icc)
        pairs = zip(self.clusters, drawn, strict=True)
        return [between * common[own] + within * values for own, values in pairs]

    def gaps(self, rng: np.random.Generator) -> list[NDArray[np.bool_]] | None:
        """Draw who leaves out what."""
        if self.holes is None:
            return None
        pairs = zip(self.holes, self.sizes, strict=True)
        return [own[rng.integers(0, len(own), n)] for own, n in pairs]


def categories_of(values: Mapping[str, tuple[object, ...]]) -> dict[str, tuple[int, ...]]:
    """Give the answers of ordered items, which are whole numbers."""
    return {name: tuple(int(str(value)) for value in own) for name, own in values.items()}


@dataclass(frozen=True, eq=False)
class Truth:
    """A population, ready to be drawn from.

    Attributes
    ----------
    names, groups
        The variables, and the values of the groups.
    means, roots
        Of each group the means and a root of the covariances, (p, p).
    cuts
        Thresholds of the ordered items, per group.
    values
        Their answers.
    """

    names: tuple[str, ...]
    groups: tuple[object, ...]
    means: tuple[Array, ...]
    roots: tuple[Array, ...]
    cuts: tuple[dict[str, Array], ...]
    values: dict[str, tuple[int, ...]]

    @classmethod
    def of(cls, truth: Population) -> "Truth":
        """Work out the roots."""
        cuts = {name: truth.cuts(name) for name in truth.values}
        return cls(
            truth.names,
            truth.groups,
            tuple(np.zeros(len(truth.names)) if m.mu is None else m.mu for m in truth.moments),
            tuple(np.asarray(np.linalg.cholesky(m.sigma)) for m in truth.moments),
            tuple({name: own[g] for name, own in cuts.items()} for g in range(len(truth.moments))),
            categories_of(truth.values),
        )

    def study(
        self,
        normal: Sequence[Array],
        gaps: Sequence[NDArray[np.bool_]] | None,
        clusters: tuple[Codes, ...] | None,
    ) -> "Sample":
        """Make the answers of a study from standard normal values (n, p) of each group."""
        found = []
        for g, own in enumerate(normal):
            rows = self.means[g] + own @ self.roots[g].T
            for name, cuts in self.cuts[g].items():
                place = self.names.index(name)
                rows[:, place] = np.array(self.values[name])[np.searchsorted(cuts, rows[:, place])]
            if gaps is not None:
                rows[gaps[g]] = np.nan
            found.append(rows)
        return Sample(self.names, self.groups, tuple(found), clusters)


@dataclass(frozen=True, eq=False)
class Template:
    """A model as it is fitted to studies, and where its searches begin.

    Attributes
    ----------
    text, function, options
        As of the fit that it was taken from.
    names, ordered, thresholds
        Variables, those of them that are ordered, and the number of thresholds of each.
    start
        The estimates.
    levels
        Variables of each level; None for a model of one.
    """

    text: str
    function: str
    options: Options
    names: tuple[str, ...]
    ordered: tuple[str, ...]
    thresholds: tuple[int, ...]
    start: Array
    levels: Levels | None = None
    _kept: dict[str, Fit] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(cls, fit: Fit) -> "Template":
        """Take the model of a fit."""
        ordered = () if fit.moments.ordinal is None else fit.moments.ordinal.ordered
        method = fit.method
        # Whatever follows from asking for standard errors is asked for by name.
        options = replace(
            fit.options,
            se="none",
            test=method.test,
            information=fit.options.information if ordered else method.information,
        )
        moments = fit.moments
        return cls(
            fit.text,
            fit.function,
            options,
            moments.names,
            ordered,
            moments.thresholds,
            fit.params,
            moments.levels,
        )

    def __getstate__(self) -> dict[str, object]:
        """Leave out what was kept, so that the same model is the same task everywhere."""
        return {**self.__dict__, "_kept": {}}

    def fitted(self, study: "Sample") -> Fit:
        """Fit the model to the answers of a study.

        Raises
        ------
        MeasureError
            The answers cannot be analysed, or no minimum was found.
        """
        moments = study.moments(self)
        if moments.thresholds != self.thresholds:
            # Nobody answered in some category: another model, with fewer thresholds.
            return self._from_text(study)
        if "first" not in self._kept:
            self._kept["first"] = self._from_text(study)
        like = self._kept["first"]
        make = DISCREPANCIES[like.method.estimator.discrepancy]
        discrepancy = make(moments, means=like.model.table.meanstructure)
        problem = Problem(like.model, moments, discrepancy)
        search = (minimize_restricted if like.model.restrictions else minimize)(problem, self.start)
        if not search.converged:
            return self._from_text(study)
        return replace(
            like,
            problem=problem,
            params=search.params,
            discrepancy=search.value,
            notes=(),
            found=None,
        )

    def _from_text(self, study: "Sample") -> Fit:
        return estimate(self.text, Source(study.frame(self.options)), self.options, self.function)


@dataclass(frozen=True, eq=False)
class Sample:
    """Answers of one study: values (n, p) and clusters of each group."""

    names: tuple[str, ...]
    groups: tuple[object, ...]
    values: tuple[Array, ...]
    clusters: tuple[Codes, ...] | None

    def moments(self, template: Template) -> Moments:
        """Gather the moments that a model is fitted to."""
        place = [self.names.index(name) for name in template.names]
        values = tuple(own[:, place] for own in self.values)
        rows = Rows(template.names, self.groups, values, self.clusters, 0)
        options = template.options
        method, pairwise = options.method(), options.missing == "pairwise"
        if template.levels is not None and template.ordered:
            return ordinal_twolevel.from_rows(rows, template.levels, pairwise=pairwise)
        if template.levels is not None:
            return twolevel.from_rows(rows, template.levels, incomplete=method.fiml)
        if template.ordered:
            answers = coded(rows, template.ordered, pairwise=pairwise)
            return from_codes(
                answers, information=method.moment_information, keep_rows=False, diagnose=False
            )
        if method.fiml:
            return missing.from_rows(rows)
        return complete.from_rows(rows, less_one=method.less_one)

    def frame(self, options: Options) -> pd.DataFrame:
        """Give the answers as `cfa` takes them."""
        found = pd.DataFrame(np.vstack(self.values), columns=list(self.names))
        if options.group is not None:
            sizes = [len(own) for own in self.values]
            found[options.group] = pd.Series(self.groups).repeat(sizes).to_numpy()
        if options.cluster is not None:
            assert self.clusters is not None
            found[options.cluster] = np.concatenate(self.clusters)
        return found


class Drawing(Protocol):
    """Who answers, and how answers go together: what is drawn for all populations."""

    @property
    def clusters(self) -> tuple[Codes, ...] | None:
        """Number of the cluster of each respondent, per group."""

    def normal(self, rng: np.random.Generator, p: int) -> list[Array]:
        """Draw standard normal values."""

    def gaps(self, rng: np.random.Generator) -> list[NDArray[np.bool_]] | None:
        """Draw who leaves out what."""


class Drawn(Protocol):
    """A population that makes answers of what is drawn."""

    @property
    def names(self) -> tuple[str, ...]:
        """The variables."""

    def study(
        self,
        normal: Sequence[Array],
        gaps: Sequence[NDArray[np.bool_]] | None,
        clusters: tuple[Codes, ...] | None,
    ) -> Sample:
        """Make the answers of a study."""


class Measured(Protocol):
    """What is told of a study: as many numbers for each, in the same order."""

    def __call__(self, study: Sample) -> Array:
        """Fit what there is to fit.

        Raises
        ------
        MeasureError
            The answers cannot be analysed, or no minimum was found.
        """


@dataclass(frozen=True, eq=False)
class Studies:
    """A study of each of several populations: the task that is repeated.

    All are made of the same normal values, so that they differ by the populations only.

    Attributes
    ----------
    design
        Who answers.
    truths
        The populations, the one in which the model is right first.
    measured
        What is told of each study.
    """

    design: Drawing
    truths: tuple[Drawn, ...]
    measured: Measured

    def __call__(self, rng: np.random.Generator) -> tuple[Array | str, ...]:
        """Give of each population what is told of its study, or why there is nothing to tell."""
        normal = self.design.normal(rng, len(self.truths[0].names))
        gaps = self.design.gaps(rng)
        found: list[Array | str] = []
        for truth in self.truths:
            study = truth.study(normal, gaps, self.design.clusters)
            with warnings.catch_warnings():
                # Of single studies nothing is told.
                warnings.simplefilter("ignore", MeasureWarning)
                try:
                    found.append(self.measured(study))
                except MeasureError as error:
                    found.append(f"{type(error).__name__}: {error}")
        return tuple(found)
