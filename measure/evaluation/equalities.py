"""Score tests of equality constraints: which of them the data speak against."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.display import render_html, render_text
from measure.distributions import chisq_sf
from measure.errors import ModelError
from measure.evaluation.modification import by_sandwich, require_kind
from measure.fitting.fitted import Fit
from measure.fitting.inference import information as unit_information
from measure.fitting.inference import meat
from measure.model import ACTIVE
from measure.specification.constraints import equations
from measure.specification.options import ROBUST

Array = NDArray[np.float64]
NAN = float("nan")

# Eigenvalues of an information (unit diagonal) below this share of the largest count as 0.
NOTHING = 1e-9


@dataclass(frozen=True, eq=False)
class EqualityTests:
    """What releasing equality constraints would change.

    Attributes
    ----------
    table
        One row a constraint, released by itself: `constraint` (its text), `lhs op rhs group level`
        of the parameter that is tied to an earlier one (empty for a constraint of the text),
        `chisq df pvalue`, and `epc se`: the expected difference of the two parameters (tied one
        less the earlier one; left less right side) once they are free, with its standard error.
        NaN where the constraint follows from the others, or identifies the model. Where standard
        errors are robust also `chisq.robust pvalue.robust`; with "ULS" and "DWLS", so "WLSMV",
        `chisq` follows no chi-square and `se` is robust (see `modification_indices`).
    total
        `chisq df pvalue` of releasing all of them; `df` counts what the data can determine.
        Likewise `chisq.robust pvalue.robust`.
    changes
        One row a free parameter: `lhs op rhs group level label est epc`, the changes to be expected
        if all were released at once. NaN where the data could not determine the released model.
    """

    table: pd.DataFrame
    total: pd.Series
    changes: pd.DataFrame

    def _report(self) -> tuple[str, dict[str, object], dict[str, pd.DataFrame]]:
        facts = {str(name): value for name, value in self.total.items()}
        return "Score tests of equality constraints, all released:", facts, {"each": self.table}

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def equality_tests(fit: Fit, *, information: str = "expected") -> EqualityTests:
    """Test every equality constraint of a fitted model by its score (Lagrange multiplier) test.

    With s the score and I the information of all parameters, and K the directions in which they
    can move once a constraint is released, the test is N s'K (K'IK)^-1 K's (Aitchison & Silvey
    1958; Bentler & Chou 1992), and the expected changes are K (K'IK)^-1 K's. The robust test weighs
    the part of the score that the fitted model does not take up by its own sandwich variance
    (Satorra 1989; Boos 1992).

    Parameters
    ----------
    fit
        A fitted model with shared labels, `equal()`, `group_equal` or `==`.
    information
        "expected" (as lavaan), "observed" or "first.order".

    Returns
    -------
    EqualityTests

    Raises
    ------
    ModelError
        There are no equality constraints.
    OptionError
        For another `information`.
    """
    require_kind(information, fit)
    held = _constraints(fit)
    if not held.names:
        raise ModelError(
            "the model has no equality constraints to test. Parameters that are fixed or absent "
            "are tested by modification_indices."
        )
    score = -0.5 * fit.point.gradient
    unit = unit_information(fit.point, information)
    scale = fit.moments.scale
    spread = meat(fit.point, fit.method.se) if fit.method.se in ROBUST else None
    fitted = _release(score, unit, held, None)

    def tests(freed: _Release) -> dict[str, float]:
        found = _tested(scale * freed.statistic, freed.rank - fitted.rank)
        if spread is None:
            return found
        statistic, df = _robust(freed, fitted, score, unit, spread)
        robust = _tested(scale * statistic, df)
        return found | {f"{name}.robust": robust[name] for name in ("chisq", "pvalue")}

    rows = []
    for index in range(len(held.names)):
        freed = _release(score, unit, held, (index,))
        coefficients = held.slopes[index]
        # The earlier parameter has the first sign.
        sign = -1.0 if held.tied[index] is not None else 1.0
        df = freed.rank - fitted.rank
        pressed = freed.inverse @ coefficients
        variance = coefficients @ pressed / scale
        if spread is not None and by_sandwich(fit):
            variance = pressed @ spread @ pressed / scale
        told = df > 0 and variance > 0
        rows.append(
            {
                "constraint": held.names[index],
                **_named(fit, held.tied[index]),
                **tests(freed),
                "epc": sign * float(coefficients @ freed.step) if told else NAN,
                "se": float(np.sqrt(variance)) if told else NAN,
            }
        )
    everything = _release(score, unit, held, tuple(range(len(held.names))))
    whole = everything.rank == everything.n_directions
    epc = everything.step if whole else np.full(len(score), NAN)
    columns = ["lhs", "op", "rhs", "group", "level", "label", "est"]
    changes = fit.parameters.loc[fit.parameters["free"], columns].reset_index(drop=True)
    return EqualityTests(
        pd.DataFrame(rows),
        pd.Series(tests(everything), dtype=float),
        changes.assign(epc=epc),
    )


class _Constraints(NamedTuple):
    """Equality constraints by their derivatives (m, n_elements), and what else is held.

    `tied` is the table row that is tied to an earlier one, None for another constraint.
    """

    names: list[str]
    slopes: Array
    tied: list[int | None]
    always: Array


class _Release(NamedTuple):
    """Score statistic per row, expected changes, inverse information, and what is determined.

    `roots` (q, rank) are the determined directions, scaled to an information of 1 each.
    """

    statistic: float
    step: Array
    inverse: Array
    roots: Array
    n_directions: int

    @property
    def rank(self) -> int:
        """Number of directions that the data determine."""
        return int(self.roots.shape[1])


def _constraints(fit: Fit) -> _Constraints:
    model = fit.model
    linear = equations(model.table, model.free_rows, model.values)
    values = model.row_values(fit.params)
    _, curved = model.restrictions.evaluate("equal", values)
    # A rotation only says which of equivalent solutions is meant: there is nothing to release.
    curved, turned = np.split(curved, [len(model.restrictions.equal)])
    gaps, bounds = model.restrictions.evaluate("positive", values)
    n_ties = sum(
        1 for pair in model.table.ties if any(model.table.parameters[row].free for row in pair)
    )
    tied = [e.rows[1] if k < n_ties else None for k, e in enumerate(linear)]
    names = [e.name for e in linear] + list(model.restrictions.names)
    always = np.vstack([bounds[gaps < ACTIVE], turned])
    slopes = np.vstack([*(e.coefficients[None] for e in linear), curved])
    return _Constraints(names, slopes, [*tied, *[None] * len(curved)], always)


def _release(
    score: Array, unit: Array, held: _Constraints, released: tuple[int, ...] | None
) -> _Release:
    """Move along the directions that are left when some constraints are released."""
    kept = [k for k in range(len(held.names)) if released is None or k not in released]
    basis = _null_space(np.vstack([held.slopes[kept], held.always]))
    inside = basis.T @ unit @ basis
    size = np.sqrt(np.maximum(np.diag(inside), np.finfo(float).tiny))
    values, vectors = np.linalg.eigh(inside / np.outer(size, size))
    told = values > NOTHING * values[-1]
    roots = (basis / size) @ vectors[:, told] / np.sqrt(values[told])
    inverse = roots @ roots.T
    step = inverse @ score
    return _Release(float(score @ step), step, inverse, roots, basis.shape[1])


def _null_space(matrix: Array) -> Array:
    """Directions (n, k) that rows (m, n) leave free."""
    if not len(matrix):
        return np.eye(matrix.shape[1])
    _, sizes, directions = np.linalg.svd(matrix)
    rank = int((sizes > 1e-9 * max(sizes.max(initial=0.0), 1e-300)).sum())
    return np.asarray(directions[rank:].T)


def _named(fit: Fit, index: int | None) -> dict[str, object]:
    if index is None:
        return {"lhs": "", "op": "", "rhs": "", "group": "", "level": ""}
    row = fit.model.table.parameters[index]
    return {
        "lhs": row.lhs,
        "op": row.op,
        "rhs": row.rhs,
        "group": fit.moments.groups[row.group - 1],
        "level": row.level,
    }


def _robust(
    freed: _Release, fitted: _Release, score: Array, unit: Array, spread: Array
) -> tuple[float, int]:
    """Score statistic per row by the sandwich variance, and its degrees of freedom.

    L are the freed directions that the fitted model does not take up, L'I K = 0 with K its own:
    what L's would be without the fit. The statistic is (L's)' (L'M L)^-1 L's, with M the covariance
    of scores.
    """
    # The fitted directions are among the freed ones, and both are scaled to an information of 1.
    every, _ = np.linalg.qr(freed.roots.T @ unit @ fitted.roots, mode="complete")
    directions = freed.roots @ every[:, fitted.rank :]
    if not directions.shape[1]:
        return NAN, 0
    own = directions.T @ score
    return float(own @ np.linalg.solve(directions.T @ spread @ directions, own)), len(own)


def _tested(chisq: float, df: int) -> dict[str, float]:
    if df <= 0:
        return {"chisq": NAN, "df": 0, "pvalue": NAN}
    return {"chisq": chisq, "df": df, "pvalue": chisq_sf(chisq, df)}
