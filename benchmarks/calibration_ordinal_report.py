"""The tables of the study of ordered answers as Markdown, and whether the promised figures hold."""

from collections.abc import Callable, Iterable

from benchmarks.calibration_ordinal import (
    CLUSTERED,
    CLUSTERED_WLSM,
    FEW,
    GROUPS_CLUSTERED,
    GROUPS_IGNORED,
    IGNORED,
    IN_GROUPS,
    INDEPENDENT,
    LARGE,
    MANY,
    RUNS,
    SIZES,
    OrdinalCell,
    OrdinalDesign,
)
from benchmarks.calibration_results import Calibration
from benchmarks.calibration_study import CellFigures
from benchmarks.calibration_tables import (
    Check,
    Limits,
    agreement,
    bullets,
    checks_table,
    coverage_checks,
    filled,
    intervals_table,
    listed,
    percent,
    table,
    versions_of,
)

Results = Calibration[OrdinalDesign, OrdinalCell]

# Kinds of parameters: what their names hold, and what they are called.
PARTS = {
    "=~": "Loadings",
    "~~": "Factor correlations",
    "|": "Thresholds",
    "omega": "Reliability of the sums (categorical omega)",
}
# In large samples what is promised of continuous answers too.
COVERAGE = Limits(mean=(0.94, 0.96), each=(0.925, 0.97))
REJECTED = (0.035, 0.065)
# With 50 clusters the variance between them is estimated from 50 values.
OF_CLUSTERS = Limits(mean=(0.92, 0.96), each=(0.90, 0.975))
WLSMV, WLSM, ULSMV = INDEPENDENT


def promised() -> list[tuple[OrdinalCell, int]]:
    """Name the cells, with the sizes, of which figures are promised."""
    kept = {(WLSMV, LARGE), (CLUSTERED, FEW), (CLUSTERED, MANY), (GROUPS_CLUSTERED, IN_GROUPS)}
    return [run for run in RUNS if run in kept]


def checks_of(cell: OrdinalCell, found: CellFigures) -> list[Check]:
    """Hold the figures of a cell against the promised ones."""
    label = f"{label_of(cell)}, n = {found.n:,}"
    limits = COVERAGE if cell == WLSMV else OF_CLUSTERS
    checks = []
    for part, title in PARTS.items():
        for check in coverage_checks(label, found.only(part), limits):
            checks.append(Check(label, f"{title.lower()}: {check.what}", check.found, check.limits))
    if cell == WLSMV:
        checks.append(Check(label, "rejected at 5 %", found.rejected["test"], REJECTED))
        difference = found.rejected["difference"]
        checks.append(Check(label, "difference test rejects at 5 %", difference, REJECTED))
    return checks


def ordinal_report(found: Results) -> str:
    """Write the whole report."""
    labels = {cell.name: label_of(cell) for cell in INDEPENDENT}
    parts = [
        _head(found),
        _simulated(found.design),
        "## Tests of ordered answers\n\n" + _tests(found),
        "## Intervals of ordered answers\n\n" + _intervals(found),
        "## Ordered answers held against what was promised\n\n" + _promised(found),
        "## What it shows of ordered answers\n\n" + _shown(found),
        "## Agreement of ordered answers with lavaan\n\n" + agreement(found.lavaan, labels),
    ]
    return "\n\n".join(parts) + "\n"


def _head(found: Results) -> str:
    text = f"""The same for answers in categories, fitted as ordered: {found.samples:,} samples of
    each kind ({found.minutes:.0f} minutes, one process on a busy machine). All figures of every
    parameter are in `calibration_ordinal.json`. Seed {found.seed}; to it the size of the sample is
    added, and 10 for independent rows, 11 for clustered ones, 12 for two groups.
    {versions_of(found.versions)}."""
    return f"# Calibration of ordered answers\n\n{filled(text)}"


def _simulated(design: OrdinalDesign) -> str:
    shares = "; ".join("/".join(f"{100 * one:g}" for one in own) for own in design.shares)
    return "## What was simulated of ordered answers\n\n" + bullets(
        f"""**Population.** The factors of the continuous study: the same loadings and correlations,
        here of normal responses with variance 1. Responses are cut into
        {len(design.shares[0])} categories. Per cent of answers in each, for the items of a factor:
        {shares}.""",
        f"""**Clusters** of {design.size} rows: {design.icc:.2f} of the variance of every response
        lies between clusters (ICC), with the same loadings and correlations within and between, so
        that the model for rows is exactly true. {FEW:,} rows are {FEW // design.size} clusters,
        {MANY:,} are {MANY // design.size}; of {IN_GROUPS:,} rows in two groups each group has
        {IN_GROUPS // design.size // 2} clusters.""",
        """**Fitted** is the true model, factors with variance 1, so that parameters are
        standardised loadings, correlations of the factors and thresholds; in two groups without
        anything equal across them. *Treated as independent*: without `cluster=`; *as clustered*:
        with it.""",
        """**Difference test** (`measure.compare`, Satorra 2000), of WLSMV: against the model with
        loadings equal across the factors (18 degrees of freedom), in two groups against the model
        with thresholds and loadings equal across groups (88); both hold in the population.""",
        """**Reliability**: categorical omega of the sum of the answers to the items of a factor
        (`measure.composite_reliability`), of WLSMV.""",
        "Cells of the same rows and size use the same samples.",
    )


def label_of(cell: OrdinalCell) -> str:
    """Say what a cell is, for tables."""
    return cell.name


def _tests(found: Results) -> str:
    rows = []
    for cell, one in found.cells:
        low, high = one.interval
        difference = one.rejected.get("difference")
        cfi, rmsea = one.measures["cfi.robust"], one.measures["rmsea.robust"]
        rows.append(
            (
                *(label_of(cell), f"{one.n:,}", f"{one.failed}", f"{one.improper}"),
                *(f"{one.remarked}", f"{one.ratio:.3f}", f"**{percent(one.rejected['test'])}**"),
                f"{percent(low)}–{percent(high)}",
                "–" if difference is None else percent(difference),
                f"{cfi.mean:.3f} ({cfi.q05:.3f})",
                f"{rmsea.mean:.3f} ({rmsea.q95:.3f})",
            )
        )
    headings = (
        *("cell", "n", "failed", "improper", "category unused", "mean χ²/df", "rejected, %"),
        *("chance, %", "difference rejected, %", "robust CFI (5th)", "robust RMSEA (95th)"),
    )
    note = f"""χ² is the estimator's own test: of WLSMV and ULSMV the scaled and shifted one, of
    WLSM the mean-adjusted one. *Failed*: samples without a solution ({_failures(found)});
    *improper*: with an impossible one. *Category unused*: samples in which nobody used some
    category of some item{_unused(found)}. They are fitted with the categories that are there, and
    count; only the threshold that is gone is left out of its coverage. *Chance*: 95 % interval of
    the rate for this number of samples. Robust indices (Savalei 2021): mean, and the percentile
    that a true model passes in 19 of 20 samples; without value in {_absent(found)} samples."""
    return f"{table(headings, rows)}\n\n{filled(note)}"


def _failures(found: Results) -> str:
    counts: dict[str, int] = {}
    for _, one in found.cells:
        for name, count in one.failures.items():
            counts[name] = counts.get(name, 0) + count
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"


def _unused(found: Results) -> str:
    """Say which categories were unused most often, where some were most often."""
    one = max((one for _, one in found.cells), key=lambda one: one.remarked)
    most = sorted(one.remarks.items(), key=lambda item: -item[1])[:3]
    if not most:
        return ""
    return f" (at n = {one.n} " + ", ".join(f"{text} in {count}" for text, count in most) + ")"


def _absent(found: Results) -> int:
    return sum(one.measures["cfi.robust"].absent for _, one in found.cells)


def _intervals(found: Results) -> str:
    parts = []
    for part, title in PARTS.items():
        parts.append(f"### {title}\n\n{intervals_table(_labelled(found, part))}")
    note = """Coverage of the 95 % intervals; the columns are those of continuous answers. WLSM has
    the estimates and standard errors of WLSMV, and all estimators the same thresholds, which are
    shown once."""
    return "\n\n".join((*parts, filled(note)))


def _labelled(found: Results, part: str) -> Iterable[tuple[str, CellFigures]]:
    """Give the cells whose figures of a kind of parameters are their own."""
    for cell, one in found.cells:
        own = one.only(part)
        same = cell.estimator == "WLSM" or (part == "|" and cell == ULSMV)
        if own.parameters and not same:
            yield label_of(cell), own


def _promised(found: Results) -> str:
    figures = [one for one in found.cells if (one[0], one[1].n) in promised()]
    return checks_table(check for cell, one in figures for check in checks_of(cell, one))


def _rates(found: Results, cell: OrdinalCell, test: str = "test") -> str:
    """Rejection rates at the small sizes, as "7.1, 5.2 and 5.0 %"."""
    return listed([percent(found.of(cell, n).rejected[test]) for n in SIZES]) + " %"


def _coverages(one: CellFigures) -> str:
    """Mean coverage of each kind of parameter, as "94.1 % of loadings, ..."."""
    names = ("loadings", "factor correlations", "thresholds", "reliabilities")
    return ", ".join(
        f"{percent(one.only(part).coverage)} % of {name}"
        for part, name in zip(PARTS, names, strict=True)
    )


def _small(found: Results) -> str:
    return f"""**The test of WLSMV** rejects the true model in {_rates(found, WLSMV)} of samples of
    {listed([f"{n:,}" for n in SIZES])}; that of ULSMV in {_rates(found, ULSMV)}. Difference tests
    of WLSMV (Satorra 2000) reject equalities that hold in {_rates(found, WLSMV, "difference")}."""


def _adjusted(found: Results) -> str:
    return f"""**The mean-adjusted test of WLSM** rejects in {_rates(found, WLSM)}, and in
    {percent(found.of(WLSM, LARGE).rejected["test"])} % of samples of {LARGE:,}: its statistic has
    the mean of the χ² that it is compared with, but is spread wider, and larger samples do not mend
    that."""


def _short(found: Results) -> str:
    own = [found.of(WLSMV, n) for n in SIZES]
    held = "; at n = ".join(f"{one.n:,}, {_coverages(one)}" for one in own)
    return f"""**Intervals are too short in small samples**, of all but the thresholds. They hold,
    at n = {held}."""


def _large(found: Results) -> str:
    one = found.of(WLSMV, LARGE)
    return f"""**In large samples**, of {LARGE:,}, WLSMV rejects the true model in
    {percent(one.rejected["test"])} % and equalities that hold in
    {percent(one.rejected["difference"])} %, and intervals hold {_coverages(one)}."""


def _indices(found: Results) -> str:
    own = [found.of(WLSMV, n) for n in SIZES]
    return f"""**Robust indices of a true model.** In 5 % of samples each, by WLSMV, CFI is below
    {listed([f"{one.measures['cfi.robust'].q05:.3f}" for one in own])}, and RMSEA is above
    {listed([f"{one.measures['rmsea.robust'].q95:.3f}" for one in own])}, at n =
    {listed([f"{n:,}" for n in SIZES])}: a fixed cut-off means another thing at each size."""


def _ignored(found: Results) -> str:
    one, design = found.of(IGNORED, FEW), found.design
    return f"""**Clusters ignored** ({FEW // design.size} clusters of {design.size}, ICC
    {design.icc:.2f}): the true model is rejected in {percent(one.rejected["test"])} % and the true
    equalities in {percent(one.rejected["difference"])} %; intervals hold {_coverages(one)}."""


def _used(found: Results) -> str:
    few, adjusted = found.of(CLUSTERED, FEW), found.of(CLUSTERED_WLSM, FEW)
    return f"""**Clusters used** (`cluster=`), {FEW // found.design.size} of them: intervals hold
    {_coverages(few)}. The test rejects in {percent(few.rejected["test"])} %, mean-adjusted (WLSM)
    in {percent(adjusted.rejected["test"])} %: the covariance matrix of {_statistics(found.design)}
    statistics is estimated from far fewer clusters. Its trace, and with it the mean of the
    statistic, is nearly right on average; the trace of its square, which the shifted test needs
    too, comes out several times too large, so that this test seldom rejects a true model and will
    find a wrong one less easily. Read the two together. Difference tests have fewer degrees of
    freedom, and reject true equalities in {percent(few.rejected["difference"])} %."""


def _many(found: Results) -> str:
    one = found.of(CLUSTERED, MANY)
    return f"""**With {MANY // found.design.size} clusters** intervals hold {_coverages(one)}; the
    test rejects in {percent(one.rejected["test"])} %, difference tests in
    {percent(one.rejected["difference"])} %."""


def _groups(found: Results) -> str:
    ignored, used = (found.of(cell, IN_GROUPS) for cell in (GROUPS_IGNORED, GROUPS_CLUSTERED))
    return f"""**Two groups** of {IN_GROUPS // found.design.size // 2} clusters each: with clusters
    ignored the model is rejected in {percent(ignored.rejected["test"])} %, and thresholds and
    loadings that are equal in {percent(ignored.rejected["difference"])} %; with clusters used in
    {percent(used.rejected["test"])} and {percent(used.rejected["difference"])} %, and intervals
    hold {_coverages(used)}."""


# What is said, and the runs without which it cannot be.
_SAID: tuple[tuple[Callable[[Results], str], tuple[tuple[OrdinalCell, int], ...]], ...] = (
    (_small, tuple((cell, n) for cell in INDEPENDENT for n in SIZES)),
    (_adjusted, (*((WLSM, n) for n in SIZES), (WLSM, LARGE))),
    (_short, tuple((WLSMV, n) for n in SIZES)),
    (_large, ((WLSMV, LARGE),)),
    (_indices, tuple((WLSMV, n) for n in SIZES)),
    (_ignored, ((IGNORED, FEW),)),
    (_used, ((CLUSTERED, FEW), (CLUSTERED_WLSM, FEW))),
    (_many, ((CLUSTERED, MANY),)),
    (_groups, ((GROUPS_IGNORED, IN_GROUPS), (GROUPS_CLUSTERED, IN_GROUPS))),
)


def _shown(found: Results) -> str:
    """Say what the runs show that were made."""
    made = {(cell, one.n) for cell, one in found.cells}
    return bullets(*(text(found) for text, needed in _SAID if made.issuperset(needed)))


def _statistics(design: OrdinalDesign) -> int:
    """Count thresholds and correlations."""
    n_items = len(design.items)
    n_thresholds = n_items * (len(design.shares[0]) - 1)
    return n_thresholds + n_items * (n_items - 1) // 2
