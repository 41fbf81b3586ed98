"""How far each kind of number lies from that of the reference software, as tables for the pages.

`python -m tests.agreement` (`make agreement`) computes every number of the cases below once more
and writes two tables: `docs/agreement/cases.csv`, a row a case and quantity, and `summary.csv`, the
largest of them. The comparisons use what the tests of the same cases use, with their tolerances.
A difference is absolute below 1 and relative above: |ours - theirs| / max(1, |theirs|).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import measure
from measure.consistency.composites import composite_reliability
from measure.consistency.guttman import guttman_lambdas
from tests import reference_cases
from tests.measure import ledger, test_polychoric, test_reference_models, test_reference_ordinal
from tests.measure import test_reference_twolevel as twolevel
from tests.measure.consistency.test_reliability import keyed_items
from tests.measure.exploration import test_exploratory, test_retention
from tests.measure.levels import test_components
from tests.measure.questions import test_irt
from tests.measure.reference_fits import continuous, ordinal, places, reference, refit
from tests.reference_cases import case, data, matrix

FOLDER = Path(__file__).parent.parent / "docs" / "agreement"
TABLES = ("cases", "summary")
COLUMNS = {
    "estimates": ("est",),
    "standard errors": ("se",),
    "z, p, intervals": ("z", "pvalue", "ci.lower", "ci.upper"),
    "standardised, with errors": ("std.lv", "std.all", "std.all.se"),
}
PLACES = (*places(continuous), *places(ordinal))
ROUNDED = 1e-15
"""Differences below this are those of the last digit."""

PSYCH = "psych 2.2.9"


@dataclass(frozen=True, eq=False)
class Numbers:
    """Ours and theirs of one quantity, and how far they may lie apart."""

    quantity: str
    ours: Any
    theirs: Any
    tolerance: float
    unit: Any = 1.0

    def gaps(self) -> np.ndarray:
        """Differences of the numbers that both have; what only one has may be anything."""
        ours, theirs = (np.ravel(np.array(x, dtype=float)) for x in (self.ours, self.theirs))
        unit = np.broadcast_to(np.ravel(np.array(self.unit, dtype=float)), theirs.shape)
        assert ours.shape == theirs.shape
        both = ~(np.isnan(ours) & np.isnan(theirs))
        gap = np.abs(ours - theirs)[both]
        # Infinite on both sides, or missing on one.
        gap[ours[both] == theirs[both]] = 0
        gap[np.isnan(gap)] = np.inf
        return gap / np.maximum(unit, np.abs(theirs))[both]


Compare = Callable[[str], Iterator[Numbers]]


def one_level(name: str) -> Iterator[Numbers]:
    """Compare the model of a case, or the models of its steps."""
    for step in (step for found, step in PLACES if found == name):
        theirs = reference(name, step)
        fit = refit(theirs, case(name))
        of_ordered = bool(case(name)["options"].get("ordered"))
        terms = test_reference_ordinal if of_ordered else test_reference_models
        plain = 1e-4 if of_ordered or "nonlinear" in name else 1e-5
        yield from measures(terms.in_lavaan_terms(fit), theirs["fit_measures"], plain)
        columns = dict(COLUMNS)
        if name in test_reference_ordinal.PASSED_ON:
            columns = {"estimates": ("est",), "standardised, with errors": ("std.lv", "std.all")}
        by_se = any(word in name for word in test_reference_models.SCALE_DEPENDENT)
        pairs = list(test_reference_models.pairs(fit, theirs))
        yield from rows(pairs, columns, 1e-4, by_se=by_se)


def two_levels(name: str) -> Iterator[Numbers]:
    """Compare a two-level model."""
    theirs, fit = case(name), twolevel.fitted(name)
    ours, wanted = fit.fit_measures.copy(), dict(theirs["fit_measures"])
    if fit.n_groups > 1:
        # lavaan weighs the groups twice.
        del wanted["fmin"]
    if "scaling.factor.h0" in ours:
        ours["scaling.factor.h0"] *= fit.model.n_free / len(fit.model.free_rows)
    plain = 1e-3 if name in twolevel.LOOSE_SATURATED else 1e-5
    robust = twolevel.WRONG_SCORES.get(name, 1e-4)
    yield from measures(ours, wanted, plain, robust)
    tolerance = twolevel.LOOSE.get(name, twolevel.WRONG_SCORES.get(name, 1e-4))
    yield from rows(list(twolevel.pairs(fit, theirs)), COLUMNS, tolerance)


def measures(
    ours: Mapping[str, float], theirs: Mapping[str, float], plain: float, robust: float = 1e-4
) -> Iterator[Numbers]:
    """Compare fit measures, the scaled and robust ones by themselves."""
    for quantity, scaled, tolerance in (
        ("fit measures", False, plain),
        ("scaled and robust fit measures", True, robust),
    ):
        names = [key for key in theirs if test_reference_models.scaled(key) == scaled]
        if names:
            mine = [ours[key] for key in names]
            yield Numbers(quantity, mine, [theirs[key] for key in names], tolerance)


def rows(
    pairs: list[tuple[Any, Any]],
    columns: Mapping[str, tuple[str, ...]],
    tolerance: float,
    *,
    by_se: bool = False,
) -> Iterator[Numbers]:
    """Compare the rows of parameter tables; `by_se` in units of their standard errors."""
    for quantity, names in columns.items():
        found = [
            (ours[column], wanted[column], max(1.0, wanted["se"] or 0.0) if by_se else 1.0)
            for wanted, ours in pairs
            for column in names
            if column in wanted
        ]
        if found:
            ours, theirs, unit = zip(*found, strict=True)
            yield Numbers(quantity, ours, theirs, tolerance, unit)


def exploratory(name: str) -> Iterator[Numbers]:
    """Compare a rotated solution, up to the order and the signs of its factors."""
    theirs, found = case(name)["results"], test_exploratory.solution_of(case(name))
    wanted = matrix(theirs["loadings"]).to_numpy()
    order, signs = test_exploratory.aligned(found.loadings.to_numpy(), wanted)
    turn = np.outer(signs, signs)
    phi = found.factor_correlations.to_numpy()[np.ix_(order, order)] * turn
    yield Numbers("loadings", found.loadings.to_numpy()[:, order] * signs, wanted, 1e-4)
    yield Numbers("factor correlations", phi, matrix(theirs["phi"]), 1e-4)
    shared = list(theirs["communalities"].values())
    yield Numbers("communalities", found.communalities, shared, 1e-4)
    exact = 1e-7 if found.correlation == "pearson" else 1e-5
    yield Numbers("eigenvalues", found.eigenvalues, theirs["eigenvalues"], exact)
    if found.correlation == "pearson":
        measured = case(name)["fit_measures"]
        ours = [found.fit_measures[key] for key in measured]
        yield Numbers("fit measures", ours, list(measured.values()), 1e-5)


def retention(name: str) -> Iterator[Numbers]:
    """Compare the criteria for the number of factors that need no random data."""
    theirs, exact = case(name)["results"], case(name)["tolerance"]["exact_otherwise"]
    found = test_retention.retention_of(case(name), n_draws=20)
    yield Numbers("eigenvalues", found.parallel["eigenvalue"], theirs["eigenvalues"], exact)
    for ours, power in (("squared", "map_squared"), ("fourth", "map_fourth")):
        yield Numbers("minimum average partial", found.map[ours], theirs["map"][power], exact)
    yield Numbers("EKC", found.ekc["reference"], theirs["ekc"]["reference"], exact)


def categories(name: str) -> Iterator[Numbers]:
    """Compare polychoric and polyserial correlations, thresholds and errors."""
    theirs, found = case(name)["results"], test_polychoric.found(case(name))
    known = test_polychoric.NOT_CONVERGED
    wanted = matrix(theirs["correlations"])
    pairs = [(a, b) for i, a in enumerate(wanted) for b in list(wanted)[:i] if (b, a) not in known]
    ours = [found.correlations.loc[pair] for pair in pairs]
    yield Numbers("correlations", ours, [wanted.loc[pair] for pair in pairs], 2e-7)
    labels = list(theirs["thresholds"])
    expected = list(theirs["thresholds"].values())
    yield Numbers("thresholds", found.thresholds[labels], expected, 1e-12)
    errors = [row for row in theirs["with_se"] if (row["lhs"], row["rhs"]) not in known]
    names = [row["lhs"] + row["op"] + row["rhs"] for row in errors]
    own = np.sqrt(np.diag(found.covariance.loc[names, names]))
    yield Numbers("standard errors", own, [row["se"] for row in errors], 1e-6)


def alpha(name: str) -> Iterator[Numbers]:
    """Compare alpha, its interval, and Guttman's coefficients."""
    theirs, items = case(name)["results"], keyed_items(case(name))
    found = measure.cronbach_alpha(items)
    ours = [found.alpha, found.alpha_std, found.average_r]
    wanted = [theirs["alpha_raw"], theirs["alpha_std"], theirs["average_r"]]
    yield Numbers("alpha", ours, wanted, 1e-7)
    yield Numbers("Feldt's interval", [found.ci_lower, found.ci_upper], theirs["feldt_ci95"], 1e-7)
    lambdas = dict(theirs["guttman_covariance"])
    lambdas["lambda4"] = lambdas.pop("lambda4_max")
    mu = lambdas.pop("tenberge_mu")
    lambdas |= {"mu2": mu[2], "mu3": mu[3]}
    own = guttman_lambdas(items)
    yield Numbers("Guttman's lambdas", [own[key] for key in lambdas], [*lambdas.values()], 1e-7)


def composites(name: str) -> Iterator[Numbers]:
    """Compare omegas and the average variance extracted."""
    content = case(name)
    std_lv = content["options"].get("std_lv", False)
    fit = measure.cfa(content["model"], data(content["data"]), std_lv=std_lv)
    found = composite_reliability(fit).set_index("factor")
    theirs = matrix(content["results"]["reliability"]).T
    names = ["alpha", "omega", "omega2", "omega3"]
    yield Numbers("alpha and omegas", found[names], theirs[names], 1e-5)
    yield Numbers("average variance extracted", found["ave"], theirs["avevar"], 1e-5)


def clusters(name: str) -> Iterator[Numbers]:
    """Compare ICC(1), ICC(2) and the analysis of variance behind them."""
    asked = case(name)["options"]
    found = measure.icc(data(case(name)["data"]), asked["variables"], cluster=asked["group"])
    named = {"icc1": "icc1_n0", "icc1_mean_size": "icc1", "icc2": "icc2", "f": "f"}
    wanted = pd.DataFrame(case(name)["results"]["variables"]).set_index("variable")
    ours = found.loc[wanted.index, list(named)]
    yield Numbers("ICC(1), ICC(2), F", ours, wanted[[*named.values()]], 1e-7)


def raters(name: str) -> Iterator[Numbers]:
    """Compare the six forms of Shrout and Fleiss, with their intervals."""
    found = measure.intraclass(data(case(name)["data"])[case(name)["options"]["columns"]])
    theirs = pd.DataFrame(case(name)["results"]["icc"])
    yield Numbers("six forms of the ICC", found["icc"], theirs["icc"], 1e-7)
    limits = ["F", "pvalue", "ci.lower", "ci.upper"]
    yield Numbers("F, p, intervals", found[limits], theirs[limits], 1e-7)


def agreeing(name: str) -> Iterator[Numbers]:
    """Compare agreement within clusters."""
    asked, theirs = case(name)["options"], case(name)["results"]
    scale = tuple(asked["response_range"])
    found = measure.agreement(
        data(case(name)["data"]), asked["multi"], cluster=asked["group"], scale=scale
    )
    wanted = pd.DataFrame(theirs["multi"]["groups"]).set_index("group").astype(float)
    own = found.clusters.set_axis(found.clusters["cluster"].astype(str))
    ours = own.loc[wanted.index, list(wanted)].astype(float)
    yield Numbers("r_wg(J), AD, a_wg by cluster", ours, wanted, 1e-7)


def mixed(name: str) -> Iterator[Numbers]:
    """Compare variance components and fixed effects."""
    theirs, found = case(name)["results"], test_components.found(name)
    fixed = pd.DataFrame(theirs["fixed"])
    columns = {"estimate": "est", "se": "se", "t": "t"}
    ours = found.fixed[list(columns)]
    yield Numbers("fixed effects, errors, t", ours, fixed[[*columns.values()]], 1e-5)
    yield Numbers("log-likelihood", [found.loglik], [theirs["loglik"]], 1e-8)
    own, wanted = [], []
    for row in theirs["random"]:
        one = row["var1"] or ""
        level = found.components["level"] == test_components.named(row["group"], found.components)
        part = found.components[level]
        pairs = [{a, b} for a, b in zip(part["effect"], part["other"], strict=True)]
        own.append(part["estimate"].iloc[pairs.index({one, row["var2"] or one})])
        wanted.append(row["value"])
    yield Numbers("variances and covariances", own, wanted, 1e-4)


def graded(name: str) -> Iterator[Numbers]:
    """Compare slopes with their errors, and intercepts, of a graded response model."""
    found, content = test_irt.refitted(name), case(name)
    theirs = content["results"]["items"]
    tolerance = content["tolerance"]["everything"]
    slopes = found.items["discrimination"]
    yield Numbers("slopes", slopes, [row["a"] for row in theirs], tolerance)
    own = -found.thresholds["item"].map(slopes) * found.thresholds["b"]
    yield Numbers("intercepts", own, [d for row in theirs for d in row["d"]], tolerance)
    columns = {"a.se": "se", "a.ci.lower": "ci.lower", "a.ci.upper": "ci.upper"}
    there = [name for name in columns if name in theirs[0]]
    ours = found.items[[columns[name] for name in there]]
    wanted = [[row[name] for name in there] for row in theirs]
    yield Numbers("errors or intervals of slopes", ours, wanted, tolerance)


def of_levels(name: str) -> Iterator[Numbers]:
    """Compare a two-level model, unless lavaan is not at the maximum."""
    if name != twolevel.WRONG_WEIGHTS:
        yield from two_levels(name)


def names(kind: str) -> list[str]:
    """Give the ids of all cases of a kind."""
    return [content["id"] for content in reference_cases.cases(kind)]


# What is compared, by which program unless the case says, which cases, and how.
KINDS: tuple[tuple[str, str | None, list[str], Compare], ...] = (
    ("Models of continuous items", None, continuous("cfa"), one_level),
    ("Models of ordered items", None, ordinal("cfa"), one_level),
    ("Steps of invariance", None, names("invariance"), one_level),
    ("Models of two levels", None, names("twolevel"), of_levels),
    ("Polychoric correlations", None, list(ledger.LAVCOR), categories),
    ("Graded response model", None, list(ledger.GRADED), graded),
    ("Exploratory factors", None, list(ledger.EFA), exploratory),
    ("Number of factors", PSYCH, list(ledger.RETENTION), retention),
    ("Alpha and lower bounds", PSYCH, list(ledger.ALPHA), alpha),
    ("Composite reliability", "semTools 0.5-6", list(ledger.COMPOSITE), composites),
    ("Clusters", None, list(ledger.ICC), clusters),
    ("Raters", PSYCH, list(ledger.INTRACLASS), raters),
    ("Agreement within clusters", None, list(ledger.AGREEMENT), agreeing),
    ("Variance components", "lme4 1.1-31", list(ledger.MIXED), mixed),
)


def compared(name: str, what: str, engine: str | None, compare: Compare) -> list[dict[str, object]]:
    """Give the rows of one case: a row a quantity, over all steps of the case."""
    found: dict[str, tuple[list[np.ndarray], float]] = {}
    for numbers in compare(name):
        gaps, _ = found.setdefault(numbers.quantity, ([], numbers.tolerance))
        gaps.append(numbers.gaps())
    return [
        {
            "what": what,
            "case": name,
            "engine": engine or case(name)["software"],
            "quantity": quantity,
            "numbers": sum(len(gap) for gap in gaps),
            "largest difference": max(gap.max() for gap in gaps if len(gap)),
            "tolerance": tolerance,
        }
        for quantity, (gaps, tolerance) in found.items()
        if any(len(gap) for gap in gaps)
    ]


def table(only: Callable[[str], bool] = lambda name: True) -> pd.DataFrame:
    """Compute every difference anew: a row a case and quantity."""
    return pd.DataFrame(
        [
            row
            for what, engine, cases, compare in KINDS
            for name in cases
            if only(name)
            for row in compared(name, what, engine, compare)
        ]
    )


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """Give the largest difference of each quantity over cases."""
    by = ["what", "engine", "quantity"]
    told = found.groupby(by, sort=False).agg(
        **{
            "cases": ("case", "nunique"),
            "numbers": ("numbers", "sum"),
            "largest difference": ("largest difference", "max"),
            "tolerance": ("tolerance", "max"),
        }
    )
    return told.reset_index()


def shown(found: pd.DataFrame) -> pd.DataFrame:
    """Round differences as they are printed."""
    texts = found["largest difference"].map(lambda gap: "0" if gap < ROUNDED else f"{gap:.0e}")
    return found.assign(
        **{"largest difference": texts, "tolerance": found["tolerance"].map("{:.0e}".format)}
    )


def main() -> None:
    """Write both tables, and refuse a difference that is larger than it may be."""
    found = table()
    wrong = found[~(found["largest difference"] <= found["tolerance"])]
    if len(wrong):
        raise SystemExit(f"these differ by more than they may:\n{wrong.to_string()}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in zip(TABLES, (found, summary(found)), strict=True):
        shown(content).to_csv(FOLDER / f"{name}.csv", index=False)


if __name__ == "__main__":
    main()
