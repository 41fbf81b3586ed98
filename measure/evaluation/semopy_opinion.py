"""The same model fitted by semopy, and whether its numbers are ours.

Two programs that share no code and agree are no proof, but a slip in either would show. What is
compared are quantities that both define alike or that a known factor converts.
"""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from measure.checks import complete_rows, numeric_items
from measure.display import render_html, render_text
from measure.errors import DataError
from measure.evaluation.semopy_syntax import OBJECTIVES, Translation, refusal, translate
from measure.fitting.fitted import Fit, standardized

Outcome = Literal["compared", "not_converged", "refused"]

TOLERANCES: Mapping[str, float] = {
    **dict.fromkeys(("loading", "factor correlation", "regression", "cfi", "rmsea"), 1e-4),
    "df": 0.0,
}
"""Of each quantity; a tenth of the last decimal that a report prints, and `df` must be the same."""

CHISQ_TOLERANCE = 0.001, 1e-5
"""Chi-square may differ by the larger of a number and a share of it.

It is N times the fit function, so that the same precision of the search is worth less at a large N.
"""

# Change of the fit function at which semopy's search (scipy's SLSQP) stops. At its default, 1e-6,
# chi-square is off by up to N x 1e-6 and the loadings by a unit of the fourth decimal.
SEARCH_STOP = 1e-12

_COLUMNS = ("quantity", "lhs", "op", "rhs", "ours", "theirs", "difference", "tolerance", "agrees")

# semopy keeps tables of methods on its classes and fills them when a model is made, so that two
# models made at once in two threads would mix.
_ONE_AT_A_TIME = Lock()


@dataclass(frozen=True, eq=False)
class SecondOpinion:
    """What semopy finds for the model and the data of a fit.

    Attributes
    ----------
    outcome
        "compared"; "not_converged" where semopy's search ended without a solution; "refused"
        where semopy cannot estimate this model by this estimator.
    reason
        Why there is no comparison; empty where there is one.
    table
        One row a quantity: `quantity lhs op rhs ours theirs difference tolerance agrees`.
        `quantity` is `loading`, `factor correlation`, `regression` (all standardised), `chisq`,
        `df`, `cfi` or `rmsea`; `difference` is theirs less ours. Empty without a comparison.
    notes
        What was not compared or was converted, and why.
    version
        Of semopy; empty where it was not asked.
    """

    outcome: Outcome
    reason: str
    table: pd.DataFrame
    notes: tuple[str, ...]
    version: str = ""

    @property
    def available(self) -> bool:
        """Whether there is a comparison."""
        return self.outcome == "compared"

    @property
    def agrees(self) -> bool:
        """Whether there is a comparison and every quantity agrees."""
        return self.available and bool(self.table["agrees"].all())

    def _report(self) -> tuple[str, Mapping[str, object], Mapping[str, pd.DataFrame]]:
        facts = {
            "outcome": self.outcome.replace("_", " "),
            **({"reason": self.reason} if self.reason else {}),
            **({"agrees": self.agrees} if self.available else {}),
            **({"semopy": self.version} if self.version else {}),
            **{f"note {k}": note for k, note in enumerate(self.notes, start=1)},
        }
        tables = {"ours and semopy's": self.table} if self.available else {}
        return "Second opinion (semopy)", facts, tables

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


_Key = tuple[str, str, str]


class _Theirs(NamedTuple):
    """What semopy found: standardised values by (lhs, op, rhs) in its names, and the indices."""

    standardized: Mapping[_Key, float]
    indices: Mapping[str, float]


def second_opinion(fit: Fit, data: pd.DataFrame) -> SecondOpinion:
    """Fit the model of a fit to the same answers with semopy, and compare.

    Parameters
    ----------
    fit
        A fit by this package.
    data
        The answers that it was made from, one row a respondent. Rows that lack an answer to an
        item of the model are left out, as in the fit.

    Returns
    -------
    SecondOpinion
        A model that semopy cannot estimate is `refused` with the reason; so is one with several
        groups, levels, ordered items, missing answers, structured means, general constraints, or
        a negative variance (semopy keeps variances at zero or above).

    Raises
    ------
    DataError
        The data lack an item of the model, hold what cannot be analysed, or are not those of the
        fit (another number of complete rows).

    Notes
    -----
    Compared are standardised loadings, correlations of the factors that nothing explains,
    regressions, chi-square, degrees of freedom, CFI and RMSEA. For the robust variants of ML these
    are the uncorrected ones; for GLS and ULS, whose fit function semopy leaves without the factor
    1/2 and to which chi-square belongs, only estimates and degrees of freedom.

    semopy 2.3.11 differs by definition in two places, which are converted: it divides by N - 1 in
    RMSEA, where N x F is the chi-square (Steiger 1990 has N there; so has lavaan), and it does not
    keep CFI at 1 or below. Its independence model is spelled out, since the one that it derives
    keeps fixed and tied variances, and leaves predictors uncorrelated.

    Not compared is what semopy 2.3.11 computes differently from its definition: AIC and BIC (the
    value of the fit function stands for the log-likelihood, and with the wrong sign), GFI and AGFI
    (they are NFI's), and everything after FIML (chi-square is divided by N instead of being it).

    The tolerances, `TOLERANCES` and `CHISQ_TOLERANCE`, are many times what is left when semopy's
    search stops at a change of 1e-12: on HS39, five factors of bfi and political democracy the
    standardised values then differ by less than 1e-6 and chi-square by less than 1e-8. With items
    on very different scales (10,000 to 1) semopy says that it converged where it did not; its
    chi-square is then the higher one, and a note says so.
    """
    reason = refusal(fit)
    if reason:
        return _without("refused", reason)
    complete = _same_rows(fit, data)
    translation = translate(fit.model.table, complete)
    with _ONE_AT_A_TIME, _silence():
        import semopy

        version = str(semopy.__version__)
        try:
            found = _ask(semopy, translation, complete, OBJECTIVES[fit.estimator])
        except (ArithmeticError, ValueError) as error:
            # SciPy and LAPACK end so where a search runs into numbers that cannot be used.
            return _without("not_converged", f"semopy stopped: {error}", version)
    if isinstance(found, str):
        return _without("not_converged", f"semopy did not converge: {found}", version)
    return _compared(fit, translation, found, version)


def _without(outcome: Outcome, reason: str, version: str = "") -> SecondOpinion:
    return SecondOpinion(outcome, reason, pd.DataFrame(columns=list(_COLUMNS)), (), version)


def _same_rows(fit: Fit, data: pd.DataFrame) -> pd.DataFrame:
    """Give the complete rows of the model's items as numbers, in a table of their own."""
    names = list(fit.model.table.observed)
    lacking = [name for name in names if name not in data.columns]
    if lacking:
        raise DataError(
            f"the data have no column {', '.join(lacking)}, which the model names. Give the data "
            "that the fit was made from."
        )
    complete = complete_rows(numeric_items(data[names], minimum_items=1), minimum_rows=2)
    if len(complete) != fit.n_obs:
        raise DataError(
            f"the fit rests on {fit.n_obs} rows, but the data have {len(complete)} complete ones. "
            "Give the data that the fit was made from."
        )
    return complete.astype(float)


def _ask(
    semopy: Any, translation: Translation, complete: pd.DataFrame, objective: str
) -> _Theirs | str:
    """Fit with semopy; where its search does not converge, give its message instead."""
    answers = complete.rename(columns=translation.names)
    model = semopy.Model(translation.text, mimic_lavaan=True, cov_diag=True)
    for name, value in translation.starts.items():
        model.parameters[name].start = value
    ended = model.fit(answers, obj=objective, options={"ftol": SEARCH_STOP})
    if not ended.success:
        return str(ended.message)
    rows = model.inspect(information=None, std_est=True)
    values = {
        (str(row["lval"]), str(row["op"]), str(row["rval"])): float(row["Est. Std"])
        for _, row in rows.iterrows()
    }
    df = semopy.stats.calc_dof(model)
    indices = {"df": float(df)}
    if objective == "MLW":
        baseline = semopy.Model(translation.baseline, cov_diag=True)
        base_ended = baseline.fit(answers, obj=objective, options={"ftol": SEARCH_STOP})
        if not base_ended.success:
            return f"{base_ended.message} (independence model)"
        chisq = float(semopy.stats.calc_chi2(model, dof=df)[0])
        base, base_df = semopy.stats.calc_chi2(baseline)[0], semopy.stats.calc_dof(baseline)
        indices["chisq"] = chisq
        cfi = semopy.stats.calc_cfi(model, df, chisq, base_df, base)
        indices["cfi"] = min(float(cfi), 1.0)
        if df:
            rmsea = float(semopy.stats.calc_rmsea(model, chi2=chisq, dof=df))
            indices["rmsea"] = rmsea * np.sqrt((len(complete) - 1) / len(complete))
    return _Theirs(values, indices)


def _compared(fit: Fit, translation: Translation, theirs: _Theirs, version: str) -> SecondOpinion:
    notes: list[str] = []
    rows = [*_estimates(fit, translation, theirs, notes)]
    for name in ("chisq", "df", "cfi", "rmsea"):
        if name in theirs.indices:
            ours = float(fit.fit_measures[name])
            rows.append(_row((name, "", "", ""), ours, theirs.indices[name]))
    if OBJECTIVES[fit.estimator] != "MLW":
        notes.append(
            f"semopy's chi-square for {fit.estimator} is on another scale; only estimates and "
            "degrees of freedom are compared."
        )
    elif fit.estimator != "ML":
        notes.append(
            f"{fit.estimator} has the estimates and the uncorrected chi-square of ML; these are "
            "compared. Scaled tests and robust standard errors are not."
        )
    if "rmsea" in theirs.indices:
        notes.append("semopy's RMSEA, which divides by N - 1, is put on N.")
    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    notes += _which_is_lower(table)
    return SecondOpinion("compared", "", table, tuple(notes), version)


def _row(name: tuple[str, str, str, str], ours: float, theirs: float) -> tuple[object, ...]:
    quantity = name[0]
    if quantity == "chisq":
        tolerance = max(CHISQ_TOLERANCE[0], CHISQ_TOLERANCE[1] * abs(ours))
    else:
        tolerance = TOLERANCES[quantity]
    difference = theirs - ours
    # NaN on either side agrees with nothing.
    return (*name, ours, theirs, difference, tolerance, bool(abs(difference) <= tolerance))


def _estimates(
    fit: Fit, translation: Translation, theirs: _Theirs, notes: list[str]
) -> Iterator[tuple[object, ...]]:
    """Compare the standardised estimates, factors turned to the same side first."""
    names, solution = translation.names, standardized(fit)
    keys = zip(solution["lhs"], solution["op"], solution["rhs"], strict=True)
    ours = dict(zip(keys, solution["est.std"].astype(float), strict=True))
    found = {
        (lhs, op, rhs): theirs.standardized[_semopy_key(names[lhs], op, names[rhs])]
        for lhs, op, rhs in translation.quantities
    }
    signs = _signs(translation, ours, found)
    turned = [name for name, sign in signs.items() if sign < 0]
    if turned:
        notes.append(
            f"semopy's {', '.join(turned)} points the other way, which the data cannot decide "
            "where no loading is fixed; it was turned round."
        )
    for (lhs, op, rhs), quantity in translation.quantities.items():
        value = found[lhs, op, rhs] * signs.get(lhs, 1.0) * signs.get(rhs, 1.0)
        yield _row((quantity, lhs, op, rhs), ours[lhs, op, rhs], value)


def _semopy_key(lhs: str, op: str, rhs: str) -> _Key:
    """Name a value as semopy's table does: a loading is a regression of the item."""
    return (rhs, "~", lhs) if op == "=~" else (lhs, op, rhs)


def _signs(
    translation: Translation, ours: Mapping[_Key, float], found: Mapping[_Key, float]
) -> dict[str, float]:
    """Give -1 for the factors without a fixed loading that semopy has the other way round.

    Lower factors first, since the side of a higher one is told by theirs.
    """
    signs: dict[str, float] = {}
    for factor in translation.turnable:
        product = sum(
            ours[key] * value * signs.get(key[2], 1.0)
            for key, value in found.items()
            if key[:2] == (factor, "=~")
        )
        signs[factor] = -1.0 if product < 0 else 1.0
    return signs


def _which_is_lower(table: pd.DataFrame) -> Iterator[str]:
    """Say whose minimum is the lower one, where chi-square differs on the same df."""
    rows = {str(row["quantity"]): row for _, row in table.iterrows()}
    if "chisq" not in rows or rows["chisq"]["agrees"] or not rows["df"]["agrees"]:
        return
    if rows["chisq"]["difference"] > 0:
        yield "semopy ended at a higher chi-square than ours: it stopped short of our minimum."
    else:
        yield "semopy ended at a lower chi-square than ours: our search missed a better minimum."


@contextmanager
def _silence() -> Iterator[None]:
    """Keep semopy's warnings, and what it writes to the root logger, from the user's screen.

    Its finding is told by the result. The root logger would get a handler for good by its first
    message, which another one in its place prevents.
    """

    def from_elsewhere(record: logging.LogRecord) -> bool:
        return "semopy" not in Path(record.pathname).parts

    root, quiet = logging.getLogger(), logging.NullHandler()
    root.addFilter(from_elsewhere)
    root.addHandler(quiet)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.removeHandler(quiet)
        root.removeFilter(from_elsewhere)
