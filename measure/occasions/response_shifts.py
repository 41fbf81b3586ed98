"""Response shift: items that measure otherwise at a later wave, and by how much."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.display import render_html, render_text
from measure.distributions import chisq_sf
from measure.errors import OptionError
from measure.fitting.fitted import Fit
from measure.occasions.occasions import Layout
from measure.occasions.regressions import reach, two_sided
from measure.occasions.wave_fits import Fitting, WaveDesign, design, fitted_or_reason, quantity

Array = NDArray[np.float64]

KINDS = {
    "loadings": "reprioritisation",
    "intercepts": "recalibration",
    "thresholds": "nonuniform recalibration",
}
"""What a difference in each kind of parameter is called (Oort 2005)."""

FEWEST_ANCHORS = 2
LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class ResponseShift:
    """Items that measure otherwise at a later wave.

    Attributes
    ----------
    table
        One row a parameter that was released and a later wave: `order parameter item kind from to
        first later shift se ci.lower ci.upper pvalue pvalue.corrected`; `shift` is the later value
        less the first. Empty where none was.
    candidates
        One row a parameter as tested by itself before any release: `parameter item kind chisq df
        pvalue pvalue.corrected note`.
    change
        Latent change with nothing and with all of these released: `factor from to change se
        change.released se.released`.
    fit
        The model with all of them released.
    released
        As `partial` of `latent_change` takes them.
    alpha
        Chance of any release where nothing has shifted.
    notes
        What a reader has to know.
    """

    table: pd.DataFrame
    candidates: pd.DataFrame
    change: pd.DataFrame
    fit: Fit
    released: tuple[str, ...]
    alpha: float
    notes: tuple[str, ...]

    def _report(self) -> tuple[str, Mapping[str, object], Mapping[str, pd.DataFrame]]:
        facts: dict[str, object] = {
            "estimator": self.fit.estimator,
            "respondents": self.fit.n_obs,
            "released": ", ".join(self.released) or "nothing",
            "alpha": self.alpha,
        }
        facts |= {f"note {k}": note for k, note in enumerate(self.notes, start=1)}
        tables = {"Shifts": self.table, "Latent change": self.change}
        return "Response shift", facts, tables | {"Tested one by one": self.candidates}

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def response_shift(
    model: str,
    data: pd.DataFrame,
    *,
    person: str | None = None,
    wave: str | None = None,
    waves: Sequence[object] | Mapping[Any, str | Mapping[str, str]] | None = None,
    kinds: Sequence[str] = tuple(KINDS),
    alpha: float = 0.05,
    ordered: Sequence[str] | bool = (),
    estimator: str | None = None,
    missing: str = "listwise",
    cluster: str | None = None,
    parameterization: str = "delta",
    information: str | None = None,
    categories: str = "refuse",
) -> ResponseShift:
    """Search for items that measure otherwise at a later wave than at the first.

    From the model in which loadings, thresholds and intercepts are equal over waves, every
    parameter is released by itself and its differences from the first wave are tested together
    (Wald; with J clusters by F with J - 1 degrees of freedom in the denominator). The one with the
    smallest p-value is released if that is below `alpha` after Holm's correction for all that were
    tested, and the search goes on from there. Two items of each factor always stay equal.

    Parameters
    ----------
    kinds
        What is tested: "loadings" (reprioritisation: an item has another weight in what is
        measured), "intercepts" (recalibration: the same standing leads to another answer) and
        "thresholds" of ordered items, one by one (recalibration at one place of the scale).
    alpha
        Chance of releasing anything at all where nothing has shifted.

    All other parameters are those of `latent_change`.

    Returns
    -------
    ResponseShift

    Raises
    ------
    OptionError
        An unknown kind, or alpha outside 0 to 1.
    DataError, ModelError, ConvergenceError, IdentificationError
        As for `latent_change`.

    References
    ----------
    Oort, F. J. (2005). Using structural equation modeling to detect response shifts and true
    change. Quality of Life Research, 14, 587-598.
    """
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown or isinstance(kinds, str):
        raise OptionError(f"kinds is a list of {', '.join(KINDS)}; {kinds!r} is not.")
    if not 0 < alpha < 1:
        raise OptionError(f"alpha is {alpha}; give a number between 0 and 1.")
    layout = Layout(person, wave, waves, None, None, cluster)
    fitting = Fitting(ordered, estimator, missing, information, parameterization, categories)
    own = design(model, data, layout, fitting)
    found = _Search(own, tuple(kinds), alpha)
    released: list[str] = []
    rows: list[dict[str, object]] = []
    first_round: list[_Tested] = []
    while True:
        tested = found.round(released)
        first_round = first_round or tested
        best = min(tested, key=lambda one: one.corrected, default=None)
        if best is None or not best.corrected < alpha:
            break
        released.append(best.parameter)
        rows.append({"parameter": best.parameter, "pvalue.corrected": best.corrected})
    final, change = _change(own, released)
    return ResponseShift(
        table=_shifts(own, final, rows),
        candidates=pd.DataFrame([one.row() for one in first_round]),
        change=change,
        fit=final,
        released=tuple(released),
        alpha=alpha,
        notes=tuple(dict.fromkeys([*own.occasions.notes, *final.notes])),
    )


class _Tested(NamedTuple):
    """A parameter released by itself."""

    parameter: str
    item: str
    kind: str
    chisq: float
    df: int
    pvalue: float
    corrected: float
    note: str

    def row(self) -> dict[str, object]:
        return {
            "parameter": self.parameter,
            "item": self.item,
            "kind": KINDS[self.kind],
            "chisq": self.chisq,
            "df": self.df,
            "pvalue": self.pvalue,
            "pvalue.corrected": self.corrected,
            "note": self.note,
        }


@dataclass(frozen=True)
class _Search:
    """What is released from what."""

    own: WaveDesign
    kinds: tuple[str, ...]
    alpha: float

    def round(self, released: Sequence[str]) -> list[_Tested]:
        """Release every parameter that may be, each by itself beside those released already."""
        tested = []
        base = self.own.fit("scalar", partial=released)
        for parameter, item, kind in self._candidates(released):
            fit, reason = fitted_or_reason(
                partial(self.own.fit, "scalar", partial=[*released, parameter], near=base)
            )
            chisq, df = (np.nan, 0) if fit is None else _wald(self.own, fit, parameter)
            pvalue = np.nan if fit is None else _pvalue(chisq, df, fit.n_clusters)
            tested.append(_Tested(parameter, item, kind, chisq, df, pvalue, np.nan, reason))
        return _holm(tested)

    def _candidates(self, released: Sequence[str]) -> list[tuple[str, str, str]]:
        what = self.own.what
        thresholds = self.own.occasions.thresholds
        touched = {_item(name) for name in released}
        found = []
        for factor, item in what.loadings:
            anchors = [i for f, i in what.loadings if f == factor and i not in touched]
            if item not in touched and len(anchors) <= FEWEST_ANCHORS:
                continue
            if "loadings" in self.kinds:
                found.append((f"{factor} =~ {item}", item, "loadings"))
        for item in what.items:
            if item not in touched and self._last_anchor(item, touched):
                continue
            if "intercepts" in self.kinds:
                found.append((f"{item} ~1", item, "intercepts"))
            # Two thresholds have to stay: they give the latent response its unit.
            n = thresholds.get(item, 0)
            freed = len([name for name in released if name.startswith(f"{item} | ")])
            if "thresholds" in self.kinds and freed < n - FEWEST_ANCHORS:
                found += [(f"{item} | t{k + 1}", item, "thresholds") for k in range(n)]
        return [one for one in found if one[0] not in released]

    def _last_anchor(self, item: str, touched: set[str]) -> bool:
        what = self.own.what
        for factor in {f for f, i in what.loadings if i == item}:
            anchors = [i for f, i in what.loadings if f == factor and i not in touched]
            if len(anchors) <= FEWEST_ANCHORS:
                return True
        return False


def _item(parameter: str) -> str:
    """Give the item of a parameter as `_candidates` writes it."""
    left, right = parameter.split(" ", 1)
    return right[3:] if right.startswith("=~ ") else left


def _labels(own: WaveDesign, parameter: str) -> list[str]:
    """Give the labels of a released parameter at each wave."""
    left, op, *right = parameter.split(" ")
    stem = {
        "=~": f"l.{left}.{right[0] if right else ''}",
        "~1": f"i.{left}",
        "|": f"t.{left}.{right[0][1:] if right else ''}",
    }[op]
    return [f"{stem}.{own.occasions.cell(0, wave)}" for wave in range(len(own.occasions.waves))]


def _differences(own: WaveDesign, fit: Fit, parameter: str) -> tuple[Array, Array]:
    """Give the later values of a parameter less the first, and their covariance."""
    labels = _labels(own, parameter)
    rows = {row.label: k for k, row in enumerate(fit.model.table.parameters)}
    values = fit.row_values[[rows[label] for label in labels]]
    free = {index: k for k, index in enumerate(fit.model.free_rows)}
    spread = np.zeros((len(labels), len(labels)))
    # A parameter that is fixed at the first wave has no place among the free ones, and no error.
    own_place = [(k, free[rows[x]]) for k, x in enumerate(labels) if rows[x] in free]
    at, places = (list(part) for part in zip(*own_place, strict=True))
    spread[np.ix_(at, at)] = fit.vcov_elements[np.ix_(places, places)]
    step = np.hstack([-np.ones((len(labels) - 1, 1)), np.eye(len(labels) - 1)])
    return step @ values, step @ spread @ step.T


def _wald(own: WaveDesign, fit: Fit, parameter: str) -> tuple[float, int]:
    if fit.vcov is None:
        return np.nan, 0
    moved, spread = _differences(own, fit, parameter)
    return float(moved @ np.linalg.solve(spread, moved)), len(moved)


def _pvalue(chisq: float, df: int, n_clusters: int | None) -> float:
    """Give the p-value by chi-square, or with J clusters by F with J - 1 degrees of freedom."""
    if not np.isfinite(chisq) or n_clusters is None:
        return chisq_sf(chisq, df) if np.isfinite(chisq) else np.nan
    from scipy.stats import f

    return float(f.sf(chisq / df, df, max(n_clusters - 1, 1)))


def _holm(tested: list[_Tested]) -> list[_Tested]:
    """Correct the p-values of a round (Holm 1979); what could not be tested is not counted."""
    order = sorted(
        (k for k, one in enumerate(tested) if np.isfinite(one.pvalue)),
        key=lambda k: tested[k].pvalue,
    )
    corrected = list(tested)
    worst = 0.0
    for place, k in enumerate(order):
        worst = max(worst, min((len(order) - place) * tested[k].pvalue, 1.0))
        corrected[k] = tested[k]._replace(corrected=worst)
    missing = [one for one in corrected if not np.isfinite(one.pvalue)]
    return [one for one in corrected if np.isfinite(one.pvalue)] + [
        one._replace(corrected=1.0) for one in missing
    ]


def _shifts(own: WaveDesign, fit: Fit, rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Give the released parameters with their values at each wave, from the final model."""
    kind_of = {"=~": "loadings", "~1": "intercepts", "|": "thresholds"}
    df = np.inf if fit.n_clusters is None else float(max(fit.n_clusters - 1, 1))
    found = []
    for order, row in enumerate(rows, start=1):
        parameter = str(row["parameter"])
        moved, spread = _differences(own, fit, parameter)
        values = fit.parameters.set_index("label").loc[_labels(own, parameter), "est"].to_numpy()
        for k, shift in enumerate(moved):
            se = float(np.sqrt(spread[k, k]))
            found.append(
                {
                    "order": order,
                    "parameter": parameter,
                    "item": _item(parameter),
                    "kind": KINDS[kind_of[parameter.split(" ")[1]]],
                    "from": own.occasions.waves[0],
                    "to": own.occasions.waves[k + 1],
                    "first": float(values[0]),
                    "later": float(values[k + 1]),
                    "shift": float(shift),
                    "se": se,
                    "ci.lower": float(shift) - reach(df, LEVEL) * se,
                    "ci.upper": float(shift) + reach(df, LEVEL) * se,
                    "pvalue": two_sided(float(shift) / se, df),
                    "pvalue.corrected": row["pvalue.corrected"],
                }
            )
    columns = [
        *("order", "parameter", "item", "kind", "from", "to", "first", "later", "shift", "se"),
        *("ci.lower", "ci.upper", "pvalue", "pvalue.corrected"),
    ]
    return pd.DataFrame(found, columns=columns)


def _change(own: WaveDesign, released: Sequence[str]) -> tuple[Fit, pd.DataFrame]:
    """Give the final model, and latent change with nothing and with everything released."""
    where, rows, lines = own.occasions, [], []
    for factor in own.what.factors:
        for wave in range(1, len(where.waves)):
            first, later = (f"m.{factor}.{where.cell(0, k)}" for k in (0, wave))
            name = f"change.{factor}.{wave}"
            lines.append(f"{name} := {later} - {first}")
            rows.append((name, factor, where.waves[0], where.waves[wave]))
    plain = own.fit("scalar", definitions=lines)
    final = own.fit("scalar", partial=released, definitions=lines) if released else plain
    table = pd.DataFrame(
        [
            (factor, first, later, *quantity(plain, name), *quantity(final, name))
            for name, factor, first, later in rows
        ],
        columns=["factor", "from", "to", "change", "se", "change.released", "se.released"],
    )
    return final, table
