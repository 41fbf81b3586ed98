"""Does a measurement model hold alike in several groups? The steps of invariance, in one table."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Protocol

import pandas as pd

from measure.checks import known_option
from measure.comparability.ladder import Structure
from measure.comparability.ladder_fits import Ladder, Partial
from measure.comparability.ladder_table import difference_table, fit_table, variant_of
from measure.display import render_html, render_text
from measure.errors import ConvergenceError
from measure.fitting.fitted import Fit
from measure.specification.options import Options

NAN = float("nan")
NULLS = ("nested", "none")


class Climbed(Protocol):
    """Steps that are fitted one after the other."""

    @property
    def steps(self) -> tuple[str, ...]:
        """Their names, in order."""
        ...

    def fit(self, step: str, near: Fit | None = None) -> Fit:
        """Fit one of them, beginning at the estimates of another."""
        ...


@dataclass(frozen=True, eq=False, repr=False)
class Invariance:
    """Fits of a measurement model with more and more equal across groups.

    Attributes
    ----------
    table
        One row a step: `npar chisq df pvalue cfi tli rmsea srmr` and, where the estimator has them,
        `.scaled` and `.robust` ones, `aic bic`; `cfi.nested`, the CFI in the variant below against
        a null model that is nested in the last step (Widaman & Thompson 2003); then against the
        step before it `chisq_diff df_diff pvalue_diff` (scaled where the fits are, by `method`)
        and `delta_cfi delta_tli delta_rmsea delta_srmr`. NaN in the first step.
    fits
        The fit of each step.
    steps
        The steps that could be fitted.
    groups
        Respondents who were used, by group.
    released
        One row a parameter that is not equal: `lhs op rhs groups`, those with a value of their own.
    variant
        Which CFI, TLI and RMSEA the differences are formed of: "robust", "scaled" or "plain", the
        first that all steps have.
    notes
        What a reader has to know.
    """

    table: pd.DataFrame
    fits: Mapping[str, Fit]
    steps: tuple[str, ...]
    groups: pd.Series
    released: pd.DataFrame
    variant: str
    notes: tuple[str, ...]

    def _report(self) -> tuple[str, dict[str, object], dict[str, pd.DataFrame]]:
        first = self.fits[self.steps[0]]
        facts: dict[str, object] = {
            "estimator": first.estimator,
            "missing answers": first.missing,
            **{f"respondents in {label}": int(n) for label, n in self.groups.items()},
            "respondents dropped": first.n_dropped,
            **({"clusters": first.n_clusters} if first.n_clusters is not None else {}),
            "differences of": f"{self.variant} CFI, TLI and RMSEA",
            **{f"note {k}": note for k, note in enumerate(self.notes, start=1)},
        }
        tables = {"steps": self.table}
        if len(self.released):
            tables["not equal"] = self.released
        return "Measurement invariance", facts, tables

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def measurement_invariance(
    model: str,
    data: pd.DataFrame,
    *,
    group: str,
    steps: Sequence[str] | None = None,
    ordered: Sequence[str] | bool = (),
    estimator: str | None = None,
    missing: str = "listwise",
    cluster: str | None = None,
    parameterization: str = "delta",
    partial: Partial = None,
    information: str | None = None,
    std_lv: bool = True,
    categories: str = "refuse",
    null: str = "nested",
) -> Invariance:
    """Fit a measurement model to several groups with more and more equal, and test each step.

    Parameters
    ----------
    model
        Items on factors in lavaan syntax, written once for all groups: loadings, covariances of
        factors and of residuals, fixed values. Labels, constraints and paths are refused: what is
        equal, the steps say.
    data
        One row a respondent.
    group
        Column of the groups, two or more. Rows without a group are left out, and counted.
    steps
        Names in their order, "configural" first; by default up to "strict" ("scalar" for ordered
        items with the delta parameterization). A step makes equal what its name stands for, what
        the listed steps before it do, and what it rests on:

        - "configural": nothing but the form of the model.
        - "thresholds" (ordered items only).
        - "metric": loadings; rests on thresholds. Frees the variances of factors in later groups.
        - "scalar": intercepts; rests on metric. Frees the means of factors in later groups.
        - "strict": residual variances, and the residual covariances that the model has; rests on
          scalar. With ordered items it needs the theta parameterization.
        - "variances", "covariances" of factors and "means": each rests on scalar, "covariances" on
          variances; none of them on strict.
    ordered
        Items answered in ordered categories, or True for all: thresholds and polychoric
        correlations by WLSMV, with the identification of Wu & Estabrook (2016). In the first group
        a latent response has intercept 0 and scale 1 (delta: of itself; theta: of its residual), in
        the later ones both are free once thresholds are equal; equal intercepts are all 0. Three
        categories leave nothing of equal thresholds to test, which a note says. Two categories do
        not tell thresholds, loadings and intercepts apart: where a factor has no other items the
        steps "thresholds" and "metric" are refused, and left out by default; where it has, such an
        item adds nothing to the test of "metric" and one to that of "scalar". Continuous items may
        stand beside ordered ones.
    estimator, missing, cluster, parameterization, information
        As in `cfa`.
    partial
        Parameters that are not equal in the step that would make them so and later ones: a list,
        ["x3 ~1", "visual =~ x2", "u4 | t2"], for values of their own in all groups, or a mapping
        from each to the groups that have one.
    std_lv
        Set scales by variances of factors of 1, or by marker items. The tests are the same.
    categories
        What is done where a group does not use a category of an ordered item: "refuse", or "merge"
        it with its neighbour in all groups, which a note says.
    null
        "nested": fit also the model without factors that is nested in the last step, for
        `cfi.nested`. "none": leave both out.

    Returns
    -------
    Invariance

    Raises
    ------
    ModelSyntaxError, ModelError
        The text cannot be read, or is not a measurement model of first order.
    OptionError
        An option or a step is unknown; a step is out of order or not to be had from the items; or
        `partial` names what is not there, or leaves no anchor: fewer than two equal loadings or
        intercepts of a factor, or fewer than two equal thresholds of an item.
    DataError
        One group only, more than 50, one with no more respondents than the model has parameters in
        it, a category that a group does not use, or answers that cannot be analysed.
    ConvergenceError
        The configural model has no minimum. A later step without one ends the table with a note.

    Warns
    -----
    ListwiseWarning, ImproperSolutionWarning, MeasureWarning
        As `cfa`, once for all steps.

    Notes
    -----
    The degrees of freedom of each step are predicted by counting and compared with those of the
    fit. Chi-square differences are those of `compare`. CFI and RMSEA of ordered items are scaled
    ones, since robust ones do not exist once thresholds are equal (Savalei 2021).
    """
    known_option("null", null, NULLS)
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
    ladder = Ladder.of(model, data, options, steps, categories).released(partial)
    found = climbed(replace(ladder, null_model=null), {})
    for category, text in ladder.caught:
        warnings.warn(text, category, stacklevel=2)
    return found


def climbed(ladder: Ladder, known: Mapping[str, Fit]) -> Invariance:
    """Fit the steps but those whose fits are known, and test each.

    Raises
    ------
    ConvergenceError
        The configural model has no minimum.
    """
    fits, notes = fitted_steps(ladder, known)
    null = ladder.null()
    variant = variant_of(fits)
    differences, remarks = difference_table(fits, variant)
    first = fits["configural"]
    return Invariance(
        fit_table(fits, null, variant).join(differences),
        fits,
        tuple(fits),
        pd.Series(first.moments.n_obs, index=list(first.moments.groups), name="n"),
        released_table(ladder.structure, ladder.groups),
        variant,
        (*_blank_note(ladder), *ladder.notes, *notes, *remarks, *notes_of(fits)),
    )


def fitted_steps(
    ladder: Climbed, known: Mapping[str, Fit] = MappingProxyType({})
) -> tuple[dict[str, Fit], list[str]]:
    """Fit the steps one after the other, as far as they converge, and say where they end.

    Steps that are `known` have been fitted already.
    """
    fits: dict[str, Fit] = {}
    last: Fit | None = None
    for step in ladder.steps:
        try:
            fits[step] = last = known[step] if step in known else ladder.fit(step, last)
        except ConvergenceError as error:
            if step == "configural":
                raise
            rest = ladder.steps[ladder.steps.index(step) :]
            problem = str(error).splitlines()[0]
            return fits, [f"The steps {', '.join(rest)} are missing: at {step}, {problem}"]
    return fits, []


def released_table(structure: Structure, groups: Sequence[object]) -> pd.DataFrame:
    """List the parameters that are not equal: `lhs op rhs groups`."""
    rows = [
        (*name, ", ".join(str(groups[k]) for k in sorted(apart)))
        for name, apart in structure.released.items()
    ]
    return pd.DataFrame(rows, columns=["lhs", "op", "rhs", "groups"])


def _blank_note(ladder: Ladder) -> list[str]:
    data, group = ladder.source.data, ladder.options.group
    assert isinstance(data, pd.DataFrame)
    assert group is not None
    blank = int(data[group].isna().sum())
    if not blank:
        return []
    return [f'{blank} of {len(data)} rows have no value in the group column "{group}".']


def notes_of(fits: Mapping[str, Fit]) -> list[str]:
    """Notes of the fits, each once, with the steps that it is about where these are not all."""
    steps: dict[str, list[str]] = {}
    for step, fit in fits.items():
        for note in fit.notes:
            steps.setdefault(note, []).append(step)
    return [
        note if len(own) == len(fits) else f"{', '.join(own)}: {note}"
        for note, own in steps.items()
    ]
