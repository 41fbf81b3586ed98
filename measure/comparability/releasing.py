"""Partial invariance: which parameters differ between groups, found by a stated search."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Integral

import pandas as pd

from measure.checks import confidence, known_option
from measure.comparability.invariance import NULLS, Invariance, climbed
from measure.comparability.ladder import STEPS
from measure.comparability.ladder_fits import Ladder
from measure.comparability.multiplicity import CORRECTIONS, LARGEST
from measure.comparability.release_search import Rule, Search, differing
from measure.display import render_html, render_text
from measure.errors import OptionError
from measure.fitting.fitted import Fit
from measure.specification.options import Options

DIRECTIONS = ("forwards", "backwards")
_TESTED = ["step", "lhs", "op", "rhs", "group", "chisq", "pvalue", "pvalue.corrected", "epc"]


@dataclass(frozen=True, eq=False, repr=False)
class PartialInvariance:
    """What a search for parameters that differ between groups has released.

    Attributes
    ----------
    table
        One row a release, in the order of the search: `step lhs op rhs group` (the one with a value
        of its own; of two groups, the later), the test that released it, `chisq pvalue
        pvalue.corrected` and `epc`, the difference that it expects; and from the last fit of the
        step `est`, the group's own value, `est.shared`, that of the others, and `difference`.
    remaining
        One row a parameter and group that is still equal, `step lhs op rhs group chisq pvalue
        pvalue.corrected epc`: its score test at the end of the search in its step.
    partial
        The releases as `measurement_invariance(partial=...)` takes them.
    fits
        Last fit of each step that was searched.
    holds
        Whether the search came to its end; False where it stopped because no anchor would have
        been left, so that the groups have no common scale.
    n_fits
        Models fitted.
    groups
        Respondents who were used, by group.
    notes
        How the search went, and what a reader has to know.
    invariance
        The steps with what is released; those that the search has not fitted are fitted when it is
        asked for.
    """

    table: pd.DataFrame
    remaining: pd.DataFrame
    partial: Mapping[str, tuple[object, ...]]
    fits: Mapping[str, Fit]
    holds: bool
    n_fits: int
    groups: pd.Series
    notes: tuple[str, ...]
    _ladder: Ladder

    @cached_property
    def invariance(self) -> Invariance:
        """The steps with what is released, as `measurement_invariance(partial=...)` gives them.

        The fits of the search are taken over.

        Raises
        ------
        ConvergenceError
            The configural model, which the search does without, has no minimum.

        Warns
        -----
        ListwiseWarning, ImproperSolutionWarning, MeasureWarning
            As `cfa`, what the search has not warned of.
        """
        told = set(self._ladder.caught)
        ends = {step: fit for step, fit in self.fits.items() if fit.text == self._ladder.text(step)}
        found = climbed(self._ladder, ends)
        for category, text in self._ladder.caught:
            if (category, text) not in told:
                warnings.warn(text, category, stacklevel=2)
        return found

    def _report(self) -> tuple[str, dict[str, object], dict[str, pd.DataFrame]]:
        facts: dict[str, object] = {
            **{f"respondents in {label}": int(n) for label, n in self.groups.items()},
            "a common scale is left": self.holds,
            "models fitted": self.n_fits,
            **{f"note {k}": note for k, note in enumerate(self.notes, start=1)},
        }
        return "Partial invariance", facts, {"released": self.table}

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def partial_invariance(
    model: str,
    data: pd.DataFrame,
    *,
    group: str,
    steps: Sequence[str] | None = None,
    direction: str = "forwards",
    correction: str = "holm",
    alpha: float = 0.05,
    smallest: float = 0.0,
    seed: int | None = None,
    ordered: Sequence[str] | bool = (),
    estimator: str | None = None,
    missing: str = "listwise",
    cluster: str | None = None,
    parameterization: str = "delta",
    information: str | None = None,
    std_lv: bool = True,
    categories: str = "refuse",
    null: str = "nested",
) -> PartialInvariance:
    """Search for the parameters whose equality across groups the data speak against.

    The steps are searched in their order; what is released in one stays so in the later ones.

    Forwards, every parameter that a step makes equal is tested in every group by its score test,
    robust where the standard errors are (clusters included), with the variance that the score has
    if the step holds. Of those whose corrected p-value is below the level, the one with the largest
    score test by the variance at the groups' own moments is released in that group, the model is
    fitted again, and so on until none is left.

    Backwards, all parameters of the step are free but for anchors, those that the score tests say
    differ least: of each factor two items, of each item two thresholds. Differences are tested by
    Wald tests; all whose corrected p-value is not below the level are made equal again at once, the
    model is fitted again, and so on until all that are left are below.

    Parameters
    ----------
    model, data, group, ordered, estimator, missing, cluster, parameterization, information, std_lv,
    categories, null
        As in `measurement_invariance`.
    steps
        The steps to search, such as ["scalar"] for one that failed; by default all up to "scalar"
        that the model has, but "configural".
    direction
        "forwards" or "backwards".
    correction
        Of the p-values of a round for their number: "holm", "bh" (Benjamini & Hochberg), "none", or
        "maxt", the distribution of the largest test where respondents or clusters are drawn with
        replacement (Westfall & Young 1993), which is closer to the level than "holm" and takes a
        seed.
    alpha
        Level of the whole search: each step is searched at `alpha` over the number of steps, so
        that with "holm" and "maxt" nothing at all is released with probability 1 - alpha where
        nothing differs.
    smallest
        Smallest difference to be expected, in the units of the parameter, that is released.
    seed
        Whole number, 0 or more; for "maxt" only.

    Returns
    -------
    PartialInvariance

    Raises
    ------
    OptionError
        A step is "configural", unknown, out of order or not to be had; "maxt" without a seed; or
        another word or level.
    ModelSyntaxError, ModelError, DataError, ConvergenceError
        As `measurement_invariance`.

    Notes
    -----
    A parameter is not released where fewer than two loadings or intercepts of a factor, or two
    thresholds of an item, would stay equal: the search ends, and `holds` is False. Searches find
    what differs most, not why (MacCallum, Roznowski & Necowitz 1992): a released parameter is a
    finding about an item, and estimates after a search look larger than they are.
    """
    known_option("correction", correction, (*CORRECTIONS, LARGEST))
    _require_seed(correction, seed)
    known_option("direction", direction, DIRECTIONS)
    known_option("null", null, NULLS)
    confidence(1 - alpha)
    options = Options(
        estimator=estimator,
        missing=missing,
        ordered=ordered,
        group=group,
        cluster=cluster,
        std_lv=std_lv,
        parameterization=parameterization,
        information=information,
    )
    asked = None if steps is None else ["configural", *_without_configural(steps)]
    ladder = replace(Ladder.of(model, data, options, asked, categories), null_model=null)
    searched = [step for step in ladder.steps if step != "configural"]
    if steps is None:
        searched = [step for step in searched if step != "strict"]
    search = Search(ladder, Rule(alpha / len(searched), correction, smallest, seed or 0))
    last: Fit | None = None
    for step in searched:
        last = getattr(search, direction)(step, last)
        if not search.holds:
            break
    for category, text in ladder.caught:
        warnings.warn(text, category, stacklevel=2)
    level = (
        f"Searched {direction}: {', '.join(searched)}, each at a level of "
        f"{search.rule.alpha:.4g}; correction: {correction}."
    )
    return _finished(search, (level, *ladder.notes, *search.notes))


def _require_seed(correction: str, seed: int | None) -> None:
    if correction != LARGEST:
        if seed is not None:
            raise OptionError(
                f'seed is for correction="maxt"; "{correction}" draws nothing. Leave it out.'
            )
    elif not isinstance(seed, Integral) or isinstance(seed, bool) or seed < 0:
        raise OptionError(
            f'correction="maxt" draws units at random; seed is {seed!r}, but must be '
            "a whole number, 0 or more."
        )


def _without_configural(steps: Sequence[str]) -> list[str]:
    if isinstance(steps, str):
        raise OptionError(f'steps is a list of names, as steps=["{steps}"].')
    if "configural" in steps or not list(steps):
        named = ", ".join(step for step in STEPS if step != "configural")
        raise OptionError(
            'steps are those to be searched; "configural" makes nothing equal that could be '
            f"released. Choose from {named}."
        )
    return list(steps)


def _finished(search: Search, notes: tuple[str, ...]) -> PartialInvariance:
    """Make the result of a search that has ended."""
    labels, released = search.ladder.groups, search.ladder.structure.released
    rows = []
    for row in search.released:
        fit = search.fits.get(str(row["step"]))
        name = (str(row["lhs"]), str(row["op"]), str(row["rhs"]))
        group = int(str(row["group"]))
        assert fit is not None
        own, other = (fit.row_values[k] for k in differing(fit, name, group, list(released[name])))
        told = {column: row[column] for column in _TESTED} | {"group": labels[group]}
        rows.append({**told, "est": own, "est.shared": other, "difference": own - other})
    columns = [*_TESTED, "est", "est.shared", "difference"]
    remaining = pd.concat(search.remaining, ignore_index=True)[_TESTED]
    return PartialInvariance(
        pd.DataFrame(rows, columns=columns),
        remaining.assign(group=[labels[g] for g in remaining["group"]]),
        {
            f"{lhs} {op} {rhs}".rstrip(): tuple(labels[g] for g in sorted(apart))
            for (lhs, op, rhs), apart in released.items()
        },
        search.fits,
        search.holds,
        search.n_fits,
        pd.Series(next(iter(search.fits.values())).moments.n_obs, index=list(labels), name="n"),
        notes,
        search.ladder,
    )
