"""The tables of the study of ordered answers as Markdown, and whether the promised figures hold."""

from collections.abc import Iterable

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
    clusters = [(CLUSTERED, FEW), (CLUSTERED, MANY), (GROUPS_CLUSTERED, IN_GROUPS)]
    return [(WLSMV, LARGE), *clusters]


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
    ]
    parts += ["## Intervals of ordered answers\n\n" + _intervals(found)]
    if tuple((cell, one.n) for cell, one in found.cells) == RUNS:
        parts += [
            "## Ordered answers held against what was promised\n\n" + _promised(found),
            "## What it shows of ordered answers\n\n" + _shown(found),
        ]
    parts += ["## Agreement of ordered answers with lavaan\n\n" + agreement(found.lavaan, labels)]
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
    return checks_table(
        check for cell, n in promised() for check in checks_of(cell, found.of(cell, n))
    )


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


def _index(one: CellFigures) -> str:
    cfi, rmsea = one.measures["cfi.robust"], one.measures["rmsea.robust"]
    return f"CFI below {cfi.q05:.3f}, RMSEA above {rmsea.q95:.3f}"


def _shown(found: Results) -> str:
    sizes = listed([f"{n:,}" for n in SIZES])
    small, middle, large = (found.of(WLSMV, n) for n in (SIZES[0], SIZES[1], LARGE))
    ignored, few, many = found.of(IGNORED, FEW), found.of(CLUSTERED, FEW), found.of(CLUSTERED, MANY)
    adjusted = found.of(CLUSTERED_WLSM, FEW)
    groups_ignored = found.of(GROUPS_IGNORED, IN_GROUPS)
    groups = found.of(GROUPS_CLUSTERED, IN_GROUPS)
    return bullets(
        f"""**The test of WLSMV** rejects the true model in {_rates(found, WLSMV)} of samples of
        {sizes}, and in {percent(large.rejected["test"])} % of {LARGE:,}; that of ULSMV in
        {_rates(found, ULSMV)}. The mean-adjusted test of WLSM rejects in {_rates(found, WLSM)}:
        with 24 items it is not to be trusted below a thousand rows.""",
        f"""**Difference tests** (Satorra 2000) reject equalities that hold in
        {_rates(found, WLSMV, "difference")}, at n = {LARGE:,} in
        {percent(large.rejected["difference"])} %.""",
        f"""**Intervals are too short in small samples**, of all but the thresholds: at
        n = {SIZES[0]} they hold {_coverages(small)}; at n = {SIZES[1]} {_coverages(middle)}; at
        n = {LARGE:,} {_coverages(large)}.""",
        f"""**Robust indices of a true model.** In 5 % of samples of {SIZES[0]} {_index(small)}; of
        {SIZES[1]} {_index(middle)}. A fixed cut-off means another thing at each size.""",
        f"""**Clusters ignored** ({FEW // found.design.size} clusters of {found.design.size}, ICC
        {found.design.icc:.2f}): the true model is rejected in {percent(ignored.rejected["test"])} %
        and the true equalities in {percent(ignored.rejected["difference"])} %; intervals hold
        {_coverages(ignored)}.""",
        f"""**Clusters used** (`cluster=`): intervals hold {_coverages(few)} with
        {FEW // found.design.size} clusters, {_coverages(many)} with {MANY // found.design.size}.
        The test rejects in {percent(few.rejected["test"])} % with {FEW // found.design.size}
        clusters and in {percent(many.rejected["test"])} % with {MANY // found.design.size}: the
        covariances of {_n_statistics(found.design)} statistics are estimated from fewer clusters than
        that, which the shifted statistic pays for with power. Mean-adjusted (WLSM) it rejects in
        {percent(adjusted.rejected["test"])} %. Difference tests reject true equalities in
        {percent(few.rejected["difference"])} and {percent(many.rejected["difference"])} %.""",
        f"""**Two groups** of {IN_GROUPS // found.design.size // 2} clusters: clusters ignored, the
        model is rejected in {percent(groups_ignored.rejected["test"])} % and equal thresholds and
        loadings in {percent(groups_ignored.rejected["difference"])} %; clusters used, in
        {percent(groups.rejected["test"])} and {percent(groups.rejected["difference"])} %, and
        intervals hold {_coverages(groups)}.""",
    )


def _n_statistics(design: OrdinalDesign) -> int:
    """Count thresholds and correlations."""
    n_items = len(design.items)
    n_thresholds = n_items * (len(design.shares[0]) - 1)
    return n_thresholds + n_items * (n_items - 1) // 2
