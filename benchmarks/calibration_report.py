"""The tables of the calibration study as Markdown, and whether the promised figures hold."""

from collections.abc import Iterable

from benchmarks.calibration_design import CELLS, CORRECTIONS, SIZES, Cell, Design
from benchmarks.calibration_results import Calibration
from benchmarks.calibration_study import CellFigures
from benchmarks.calibration_tables import (
    Check,
    Limits,
    agreement,
    bullets,
    checks_table,
    coverage_checks,
    intervals_table,
    listed,
    percent,
    table,
    versions_of,
)

# The size at which large-sample theory has to hold, and within what.
LARGE = 5_000
COVERAGE = Limits(mean=(0.94, 0.96), each=(0.925, 0.97))
REJECTED = (0.035, 0.065)
# Where the method itself is inconsistent; see `_shown`.
INCONSISTENT = Cell("skewed", "at random", "MLR")

HEADINGS = {"bartlett": "Bartlett", "swain": "Swain", "yuan.2015": "Yuan 2015"}
ESTIMATORS = {"complete": "", "at random": " with FIML", "completely at random": " with FIML"}


def checks_of(cell: Cell, found: CellFigures) -> list[Check]:
    """Hold the figures of a cell at the large size against the promised ones."""
    label = label_of(cell)
    checks = coverage_checks(label, found, COVERAGE)
    if cell.data == "normal":
        checks.append(Check(label, "rejected at 5 %", found.rejected["test"], REJECTED))
    return checks


def report(found: Calibration[Design, Cell]) -> str:
    """Write the whole report."""
    labels = {cell.name: label_of(cell) for cell in CELLS}
    parts = [
        _head(found),
        _simulated(found.design),
        "## Tests\n\n" + _tests(found),
        "## Intervals and standard errors\n\n" + _intervals(found),
        f"## Held against what was promised, at n = {LARGE:,}\n\n" + _promised(found),
        "## What it shows\n\n" + _shown(found),
        "## Agreement with lavaan\n\n" + agreement(found.lavaan, labels),
    ]
    return "\n\n".join(parts) + "\n"


def _head(found: Calibration[Design, Cell]) -> str:
    return f"""# Calibration

Does a test at 5 % reject a true model in 5 % of samples, and does a 95 % interval hold the true
value in 95 % of them? Counted here over {found.samples:,} samples of each kind.

`make calibration` runs the study (here in {found.minutes:.0f} minutes, one process on a shared
machine) and writes this file and `calibration.json`, which has the figures of every parameter. Seed
{found.seed}; to it the size of the sample is added, and 1 for skewed data.
{versions_of(found.versions)}."""


def _simulated(design: Design) -> str:
    n_factors, n_items = len(design.correlations), len(design.loadings)
    loadings = ", ".join(f"{one:.2f}" for one in design.loadings)
    correlations = ", ".join(
        f"{design.correlations[j][k]:.2f}" for j in range(n_factors) for k in range(j)
    )
    page = n_items - design.always
    share = design.share * n_items / page
    return "## What was simulated\n\n" + bullets(
        f"""**Population.** {n_factors} correlated factors of {n_items} items each, the model
        exactly true. Standardised loadings {loadings} in each factor (the first is the marker);
        correlations of the factors {correlations} (lower triangle, by row); item variances 1,
        means 0.""",
        f"""**Normal** data, or **skewed** ones: every item with skewness {design.skewness} and
        excess kurtosis {design.kurtosis} (Vale & Maurelli 1983), with the same covariances.""",
        f"""**Missing answers.** The last {page} items of a factor are a page that a respondent
        skips as a whole: {n_factors} pages, {2**n_factors} patterns, {100 * design.share:g} % of
        all answers missing ({100 * share:.1f} % of each page). *At random*: the log-odds of
        skipping a page rise by {design.slope:g} for each standard deviation of the factor's first
        item, which everyone answers. *Completely at random*: as many, depending on nothing.""",
        """**Fitted** is the true model: ML and MLR with complete answers or FIML, MLMV with
        complete answers only, since its test needs the covariance matrix of the moments of
        complete rows.""",
        "Cells of the same data and size use the same samples.",
    )


def label_of(cell: Cell) -> str:
    """Say what a cell is, for tables."""
    answers = "complete" if cell.answers == "complete" else f"missing {cell.answers}"
    return f"{cell.estimator}{ESTIMATORS[cell.answers]}, {cell.data}, {answers}"


def _pairs(found: Calibration[Design, Cell]) -> Iterable[tuple[Cell, CellFigures]]:
    return ((cell, found.of(cell, n)) for cell in CELLS for n in SIZES)


def _tests(found: Calibration[Design, Cell]) -> str:
    rows = []
    for cell, one in _pairs(found):
        low, high = one.interval
        corrected = [
            percent(one.rejected[name]) if name in one.rejected else "–" for name in CORRECTIONS
        ]
        plain = "" if cell.estimator == "ML" else percent(one.rejected["unscaled"])
        rows.append(
            (
                *(label_of(cell), f"{one.n:,}", f"{one.failed}", f"{one.improper}"),
                *(f"{one.ratio:.3f}", f"**{percent(one.rejected['test'])}**"),
                *(f"{percent(low)}–{percent(high)}", *corrected, plain),
            )
        )
    headings = (
        *("cell", "n", "failed", "improper", "mean χ²/df", "rejected, %", "chance, %"),
        *(*HEADINGS.values(), "unscaled, %"),
    )
    return f"""{table(headings, rows)}

χ² is the estimator's own test: of ML the plain one, of MLR that of Yuan & Bentler in the version of
Mplus, of MLMV the scaled and shifted one. *Failed*: samples without a solution; *improper*: with an
impossible one. *Chance*: 95 % interval of the rate for this number of samples. Then the rates of
the same test after the corrections for small samples (`measure.small_sample_tests`), which exist
for complete answers only. *Unscaled*: the plain χ² in place of the scaled one."""


def _intervals(found: Calibration[Design, Cell]) -> str:
    labelled = [(label_of(cell), one) for cell, one in _pairs(found)]
    return f"""{intervals_table(labelled)}

Coverage of the 95 % intervals, over the free parameters, in the metric of the markers. SE / SD:
mean standard error over the standard deviation of the estimates. Bias: mean estimate less the true
value, in standard deviations of the estimates. Intercepts are parameters where answers are
missing. By chance alone, a coverage of 95 % is found between 93.6 and 96.3 % in 95 % of studies of
1,000 samples."""


def _promised(found: Calibration[Design, Cell]) -> str:
    return checks_table(check for cell in CELLS for check in checks_of(cell, found.of(cell, LARGE)))


def _rates(found: Calibration[Design, Cell], cell: Cell, test: str = "test") -> str:
    """Rejection rates at the three sizes, as "7.1, 5.2 and 5.0 %"."""
    return listed([percent(found.of(cell, n).rejected[test]) for n in SIZES]) + " %"


def _shown(found: Calibration[Design, Cell]) -> str:
    plain, holed, mlr, mlmv, inconsistent, by_chance = CELLS
    sizes = listed([f"{n:,}" for n in SIZES])
    kept = [
        check
        for cell in CELLS
        if cell != INCONSISTENT
        for check in checks_of(cell, found.of(cell, LARGE))
    ]
    small = {cell: found.of(cell, SIZES[0]) for cell in CELLS}
    wrong = found.of(inconsistent, LARGE)
    name, one = max(wrong.parameters.items(), key=lambda item: abs(item[1].bias))
    corrected = ", ".join(
        f"{title} {percent(small[plain].rejected[name])} %" for name, title in HEADINGS.items()
    )
    return bullets(
        f"""**Large samples.** At n = {LARGE:,} {sum(check.holds for check in kept)} of {len(kept)}
        promised figures hold where the method is consistent, which is in all cells but the one at
        the end of this list.""",
        f"""**Small samples, many items.** Plain ML on complete normal data rejects the true model
        in {_rates(found, plain)} of samples of {sizes}: where respondents are few for the number of
        items, χ² is too large on average. Corrected at n = {SIZES[0]}: {corrected}. With FIML:
        {_rates(found, holed)}; corrections for incomplete answers are not derived.""",
        f"""**Skewed data.** Without scaling, χ² rejects in {_rates(found, mlr, "unscaled")}. The
        test of MLR needs large samples: {_rates(found, mlr)}, with the correction of Swain
        {_rates(found, mlr, "swain")}. The test of MLMV errs to the other side:
        {_rates(found, mlmv)}; it seldom rejects a true model, and in small samples will find a
        wrong one less easily. Where n is small, read the two together.""",
        f"""**Intervals** are too short in small samples where standard errors are robust: on skewed
        data mean coverage at n = {SIZES[0]} is {percent(small[mlr].coverage)} % (MLR) and
        {percent(small[mlmv].coverage)} % (MLMV), against {percent(small[plain].coverage)} % of
        ML on normal data.""",
        f"""**FIML on skewed data needs more than "missing at random".** Where skipping a page
        depends on a skewed item, mean coverage falls as samples grow, to
        {percent(wrong.coverage)} % at n = {LARGE:,}, and the true model is rejected in
        {_rates(found, inconsistent)}. It is the estimates that are biased: at n = {LARGE:,}
        `{name}` is off by {one.bias * one.sd:+.3f} (true value {one.true:.3f}), and larger samples
        do not mend it. The normal likelihood is consistent for answers missing at random where
        data are normal, or where the missing items depend linearly on the observed ones (Yuan &
        Bentler 2010, The American Statistician 64, 263–267), which skewed items do not. With as
        many answers missing completely at random the same estimator covers
        {percent(found.of(by_chance, LARGE).coverage)} % and rejects in
        {_rates(found, by_chance)}; on normal data missing at random FIML covers
        {percent(found.of(holed, LARGE).coverage)} %.""",
    )
