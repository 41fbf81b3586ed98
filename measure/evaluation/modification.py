"""Score tests: what would change if a fixed, absent or equated parameter were set free.

With s the score of a parameter that is not free, I11 the information of those that are and I12,
I22 the rest of it, s^2 / (I22 - I21 I11^-1 I12) is a chi-square with one degree of freedom
(Rao 1948; Sorbom 1989), and the expected parameter change is s over the same denominator (Saris,
Satorra & Sorbom 1987). Directions in which the free parameters cannot move, because constraints
hold them, are left out of I11 (Aitchison & Silvey 1958).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations, permutations, product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.distributions import chisq_isf, chisq_sf, noncentral_chisq_cdf, normal_quantile
from measure.errors import OptionError
from measure.fitting.assembly import build
from measure.fitting.fitted import Fit
from measure.fitting.inference import information as unit_information
from measure.fitting.inference import inverse, meat
from measure.fitting.problem import Point, Problem
from measure.fitting.standardization import standardize
from measure.specification.options import ROBUST
from measure.specification.table import Parameter, ParameterTable

Array = NDArray[np.float64]
NAN = float("nan")

# Below this share of its own information a parameter cannot be told from the free ones.
UNIDENTIFIED = 1e-7
# Candidates that are evaluated together: bounds the memory that their joint information takes.
CHUNK = 500
KINDS = ("expected", "observed", "first.order")


def modification_indices(
    fit: Fit,
    *,
    minimum: float = 0.0,
    information: str = "expected",
    delta: float = 0.1,
    metric: str = "std.all",
    alpha: float = 0.05,
    high_power: float = 0.75,
) -> pd.DataFrame:
    """Test every parameter that is fixed or absent, and tell what the test could have seen.

    An index is no list of things to free: with many respondents a trifle is significant, with few
    a large misspecification is not. `decision` therefore weighs the index by the power that the
    test has against a misspecification of `delta`, and `equivalence` says whether the expected
    change lies within `delta` of 0 with some certainty.

    Parameters
    ----------
    fit
        A fitted model.
    minimum
        Least index that is shown.
    information
        "expected" (as lavaan has it, whatever the estimator), "observed" or "first.order". After
        FIML the expected one takes answers to be missing completely at random; the observed one
        does not, but need not be positive in the direction of a large misspecification: the index
        is then NaN and stands last.
    delta
        Smallest misspecification that matters, in `metric`.
    metric
        "std.all": `delta` is a standardised loading, regression or correlation. "raw": it is in
        the parameter's own metric, as in lavaan.
    alpha
        Level of the test; the interval behind `equivalence` has the level 1 - 2 alpha.
    high_power
        Power from which on a test is taken to see what there is.

    Returns
    -------
    DataFrame
        One row a parameter, largest index first: `lhs op rhs group level mi epc sepc.lv sepc.all
        sepc.nox`, `mi.robust` where standard errors are robust, and `se delta ncp power decision
        equivalence`.

        - The parameters are those fixed in the table; loadings of all observed variables on all
          factors; covariances of all pairs of (residuals of) observed variables that are not given
          predictors, and of all pairs of factors; regressions among all variables that take part
          in one; intercepts and means that are absent. Left out are those that the data could not
          determine beside the free ones, as a marker loading, and what follows from the others of
          an ordered item: under "delta" its residual variance, under "theta" its scale.
        - `mi` is the score test; `mi.robust` divides the squared score by its sandwich variance
          instead (Satorra 1989; Boos 1992). With "ULS" and "DWLS", so also "WLSMV", the weights are
          not those of a likelihood, and `mi`, which lavaan prints, follows no chi-square: `se`,
          `ncp`, `power` and what is decided by them are then those of `mi.robust`.
        - `epc` is the expected change, `sepc.*` the same standardised, `se` the standard error of
          `epc`.
        - `ncp` and `power` are those of the test if the parameter were off by `delta` (Saris,
          Satorra & van der Veld 2009). `decision`, in lavaan's signs: `(nm)` no misspecification
          (not significant, high power), `(i)` inconclusive (not significant, low power),
          `**(m)**` misspecification (significant, low power), and where a significant test has
          high power the size decides: `*epc:m*` (at least `delta`) or `epc:nm`.
        - `equivalence`: "within" where the interval of the expected change lies within `delta`
          of 0 (two one-sided tests at `alpha`), "beyond" where it lies outside, else "open".

        Where standardisation is not defined (a variance of 0 or less) these columns are NaN or "".

    Raises
    ------
    OptionError
        An option out of its range.
    """
    _check(delta, metric, alpha, high_power)
    require_kind(information, fit)
    wanted = list(candidates(fit.model.table))
    parts = [_scored(fit, wanted[k : k + CHUNK], information) for k in range(0, len(wanted), CHUNK)]
    found = [row for part in parts for row in part if not row["mi"] < minimum]
    # NaN, which no index is smaller than, last.
    found.sort(key=lambda row: -row["mi"] if row["mi"] == row["mi"] else np.inf)
    columns = [*_NAMES, *_NUMBERS, *(["mi.robust"] if fit.method.se in ROBUST else []), "se"]
    table = pd.DataFrame(found, columns=columns)
    index = "mi.robust" if by_sandwich(fit) else "mi"
    return _with_power(table, index, _Test(delta, metric == "raw", alpha, high_power))


_NAMES = ("lhs", "op", "rhs", "group", "level")
_NUMBERS = ("mi", "epc", "sepc.lv", "sepc.all", "sepc.nox")


def require_kind(information: str, fit: Fit) -> None:
    """Refuse what is no kind of information, or none that a fit has."""
    if information not in KINDS:
        raise OptionError(
            f'information="{information}" is not known; choose one of {", ".join(KINDS)}.'
        )
    if information == "expected" and fit.moments.nested is not None and fit.method.fiml:
        raise OptionError(
            'information="expected" is not worked out for rows in clusters that lack answers; '
            'choose information="observed".'
        )
    if information != "expected" and fit.moments.ordinal is not None:
        raise OptionError(
            f'information="{information}" is not available for ordered items, whose discrepancy is '
            'no likelihood of rows; choose "expected".'
        )


def _check(delta: float, metric: str, alpha: float, high_power: float) -> None:
    if metric not in ("std.all", "raw"):
        raise OptionError(f'metric "{metric}" is not known; choose "std.all" or "raw".')
    if not delta > 0:
        raise OptionError(f"delta is {delta}; the smallest misspecification that matters is > 0.")
    for name, value in (("alpha", alpha), ("high_power", high_power)):
        if not 0 < value < 1:
            raise OptionError(f"{name} is {value}, but must lie between 0 and 1.")


def candidates(table: ParameterTable) -> Iterator[Parameter]:
    """List the parameters that a table fixes, then those that it does not have.

    Rows that fixed.x takes from the sample are no parameters, nor are those of ordered items whose
    values follow from all others; auxiliary variables covary with everything already.
    """
    for row in table.parameters:
        if not row.free and not row.exogenous and not table.follows(row):
            yield row
    places = product(range(1, table.n_groups + 1), range(1, table.n_levels + 1))
    for group, level in places:
        own = [row for row in table.parameters if (row.group, row.level) == (group, level)]
        taken = {_identity(row.lhs, row.op, row.rhs) for row in own}
        for lhs, op, rhs in _absent(table, own):
            identity = _identity(lhs, op, rhs)
            if identity not in taken:
                taken.add(identity)
                yield Parameter(lhs, op, rhs, group, level, "", False, 0.0, NAN, False, False)


def _identity(lhs: str, op: str, rhs: str) -> tuple[object, str]:
    """Name a parameter so that `a ~~ b` and `b ~~ a` are the same, and `f =~ x` and `x ~ f`."""
    if op == "~~":
        return frozenset((lhs, rhs)), op
    return ((rhs, lhs), "~") if op == "=~" else ((lhs, rhs), op)


def _absent(table: ParameterTable, own: list[Parameter]) -> Iterator[tuple[str, str, str]]:
    """Parameters that one block of a model could have."""
    here = table.at_level(own[0].level)
    random = [x for x in here.observed if x not in {*here.fixed_x, *table.auxiliary}]
    latent = [f for f in table.latent if any(f == row.lhs for row in own)]
    outcomes = {row.lhs for row in own if row.op == "~"}
    regressed = table.regressed_at(own[0].level)
    for factor in latent:
        # A path to an outcome, or between variables with paths, is written as a regression.
        avoided = outcomes | (regressed if factor in regressed else set())
        yield from ((factor, "=~", x) for x in random if x not in avoided)
    scaled = set() if table.ordered is None else set(table.ordered.n_thresholds)
    # With ordered items a residual variance that is absent is 1, or follows from the others.
    yield from ((x, "~~", x) for x in (*random, *latent) if x not in scaled)
    yield from ((a, "~~", b) for a, b in combinations(random, 2))
    yield from ((a, "~~", b) for a, b in combinations(latent, 2))
    passing = [v for v in (*latent, *here.observed) if v in regressed]
    yield from ((a, "~", b) for a, b in permutations(passing, 2))
    if table.meanstructure:
        yield from ((v, "~1", "") for v in (*random, *latent))


@dataclass(frozen=True, eq=False)
class _Extended:
    """The fitted model with candidates added as free parameters, at the estimates.

    `old` are the elements of the fitted model and the moments that fixed.x takes from the sample,
    which are estimates too once something explains a predictor; `new` are the candidates, both as
    positions among the elements of the extended model. `basis` are the directions in which the
    old ones may move.
    """

    point: Point
    old: NDArray[np.intp]
    new: NDArray[np.intp]
    basis: Array


def _extend(fit: Fit, wanted: list[Parameter]) -> _Extended:
    """Build the extended model; what ties the fitted parameters together is kept by their basis."""
    model = fit.model
    rows = list(model.table.parameters)
    place = {id(row): index for index, row in enumerate(rows)}
    values = list(model.row_values(fit.params))
    new_rows = []
    for row in wanted:
        index = place.get(id(row))
        if index is None:
            index = len(rows)
            rows.append(row)
            values.append(0.0)
        rows[index] = row._replace(free=True)
        new_rows.append(index)
    given = [index for index, row in enumerate(rows) if row.exogenous]
    for index in given:
        rows[index] = rows[index]._replace(free=True)
    bare = replace(
        model.table, parameters=tuple(rows), ties=(), sums=(), constraints=(), definitions=()
    )
    extended = build(bare, list(fit.moments.sample), fit.moments.block_names)
    position = {row: element for element, row in enumerate(extended.free_rows)}
    problem = Problem(extended, fit.moments, fit.problem.discrepancy)
    held = fit.point.basis
    basis = np.zeros((len(held) + len(given), held.shape[1] + len(given)))
    basis[: len(held), : held.shape[1]] = held
    basis[len(held) :, held.shape[1] :] = np.eye(len(given))
    return _Extended(
        problem.at(np.array(values)[list(extended.free_rows)]),
        np.array([position[row] for row in (*model.free_rows, *given)], dtype=np.intp),
        np.array([position[row] for row in new_rows], dtype=np.intp),
        basis,
    )


def _scored(fit: Fit, wanted: list[Parameter], kind: str) -> list[dict[str, Any]]:
    """Index, expected change and its standard error of the candidates that can be told apart."""
    extended = _extend(fit, wanted)
    point, old, new = extended.point, extended.old, extended.new
    unit = unit_information(point, kind)
    scale = fit.moments.scale
    known = inverse(unit[np.ix_(old, old)], extended.basis)
    own = unit[new, new]
    if known is None:
        denominator = np.full(len(new), NAN)
        passing = np.full((len(new), len(old)), NAN)
    else:
        passing = unit[np.ix_(new, old)] @ known
        denominator = own - np.einsum("ij,ij->i", passing, unit[np.ix_(new, old)])
    # The score of a log-likelihood is -N/2 times the gradient of the discrepancy.
    score = -0.5 * point.gradient[new]
    known_apart = ~(np.abs(denominator) <= UNIDENTIFIED * np.abs(own))
    told = known_apart & (denominator > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        epc = np.where(told, score / denominator, NAN)
        mi = np.where(told, scale * score**2 / denominator, NAN)
        se = np.where(told, 1 / np.sqrt(scale * denominator), NAN)
    found = {"mi": mi, "epc": epc}
    solution = standardize(point.problem.model, point.params)
    for name, kept in _metrics(fit.model.table).items():
        by = solution.factors(*kept)
        rows = np.array(point.problem.model.free_rows)[new]
        found[f"sepc.{name}"] = epc * by[rows]
    found["se"] = se
    if fit.method.se in ROBUST:
        # The part of the score that the free parameters do not take up, and its variance.
        left = np.zeros((len(new), len(point.params)))
        left[:, old] = -passing
        left[range(len(new)), new] = 1.0
        spread = np.einsum("ij,jk,ik->i", left, meat(point, fit.method.se), left, optimize=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            found["mi.robust"] = np.where(told, scale * score**2 / spread, NAN)
            if by_sandwich(fit):
                found["se"] = np.where(told, np.sqrt(spread / scale) / denominator, NAN)
    labels = fit.moments.groups
    named = [(row.lhs, row.op, row.rhs, labels[row.group - 1], row.level) for row in wanted]
    return [
        dict(zip(_NAMES, names, strict=True)) | {name: float(v[k]) for name, v in found.items()}
        for k, names in enumerate(named)
        if known_apart[k]
    ]


def by_sandwich(fit: Fit) -> bool:
    """Whether indices follow no chi-square by themselves: their weights are not the right ones."""
    return fit.method.se in ROBUST and fit.method.estimator.discrepancy in ("ULS", "DWLS")


def _metrics(table: ParameterTable) -> dict[str, tuple[set[str], set[str]]]:
    """Variables that each metric standardises, and those it does as outcomes."""
    latent, everything = set(table.latent), {*table.latent, *table.observed}
    return {
        "lv": (latent, latent),
        "all": (everything, everything),
        "nox": (everything - set(table.exogenous), everything),
    }


@dataclass(frozen=True)
class _Test:
    """What a score test is weighed by; `raw` tells that `delta` is in the parameter's metric."""

    delta: float
    raw: bool
    alpha: float
    high_power: float


def _with_power(table: pd.DataFrame, index: str, test: _Test) -> pd.DataFrame:
    """Add what the tests of an index could have seen, and what follows from it."""
    change = table["epc" if test.raw else "sepc.all"].to_numpy(dtype=float)
    epc, se = table["epc"].to_numpy(dtype=float), table["se"].to_numpy(dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        # An expected change of exactly 0 says nothing about the metric.
        error = se if test.raw else np.where(epc != 0, np.abs(change / epc) * se, NAN)
        ncp = (test.delta / error) ** 2
    power = np.array([_power(value, test.alpha) for value in ncp])
    significant = np.array([chisq_sf(mi, 1) < test.alpha for mi in table[index]], dtype=bool)
    reach = float(normal_quantile(1 - test.alpha)) * error
    size = np.abs(change)
    verdicts = [_decision(s, p, c, test) for s, p, c in zip(significant, power, size, strict=True)]
    within, beyond = size + reach <= test.delta, size - reach >= test.delta
    told = np.isfinite(reach)
    return table.assign(
        delta=test.delta,
        ncp=ncp,
        power=power,
        decision=verdicts,
        equivalence=np.select([~told, within, beyond], ["", "within", "beyond"], default="open"),
    )


def _power(ncp: float, alpha: float) -> float:
    if not np.isfinite(ncp):
        return NAN
    return 1 - noncentral_chisq_cdf(float(chisq_isf(alpha, 1)), 1, float(ncp))


def _decision(significant: bool, power: float, size: float, test: _Test) -> str:
    if np.isnan(power):
        return ""
    if power < test.high_power:
        return "**(m)**" if significant else "(i)"
    if not significant:
        return "(nm)"
    return "*epc:m*" if size >= test.delta else "epc:nm"
