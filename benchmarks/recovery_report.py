"""The tables of the recovery study as Markdown."""

from collections.abc import Iterable

from benchmarks.calibration_results import Calibration
from benchmarks.calibration_study import CellFigures
from benchmarks.calibration_tables import bullets, code, filled, percent, table, versions_of
from benchmarks.recovery_design import (
    BUNDLED,
    CELLS,
    CLEAN,
    ORDINARY,
    ORGANISATION,
    OWN,
    REMOVED,
    RecoveryCell,
    RecoveryDesign,
)

Results = Calibration[RecoveryDesign, RecoveryCell]

PARTS = {
    "=~": "loadings",
    "~~": "factor correlations",
    "omega": "omega",
    "|": "thresholds",
}
"""Kinds of parameters: what their names hold, and what they are called."""


def report(found: Results) -> str:
    """Write the whole report."""
    clean = [cell for cell in CELLS if cell.condition == CLEAN]
    others = [cell for cell in CELLS if cell.condition != CLEAN]
    own = found.cells[0][1]
    parts = [
        _head(found),
        _simulated(found),
        "## Clean surveys\n\n" + _coverage(found, clean),
        f"## Reliability and correlations one by one ({OWN}, clean, clusters: unit)\n\n"
        + _each(own),
        "## As bundled\n\n" + _coverage(found, others),
        "## What it shows\n\n" + _shown(found),
    ]
    return "\n\n".join(parts) + "\n"


def _head(found: Results) -> str:
    text = f"""simulerede data / simulated data. {found.samples:,} surveys of the population that
    the instrument "{found.design.instrument}" states were drawn, fitted as the reports fit them,
    and held against the true values ({found.minutes:.1f} minutes, one process). All figures of
    every parameter are in `recovery.json`. Seed {found.seed}, to which the number of respondents
    and 20 are added; all cells have the same people. {versions_of(found.versions)}."""
    return f"# Recovery of the stated truth\n\n{filled(text)}"


def _simulated(found: Results) -> str:
    sizes = found.design.population.sizes
    careless = found.design.population.careless
    return "## What was simulated\n\n" + bullets(
        f"""**Surveys** of {sizes.respondents:,} respondents in {sizes.organisations}
        organisations of {sizes.smallest} to {sizes.largest}, with the rotation of the full form
        and ordinary missing answers; the first wave alone. The population is
        `instruments/{found.design.instrument}/population.toml`, and the true values are what
        `analyses.simulating.truth` works out from it.""",
        f"""**{OWN}** is the reference model: four functions, six items each, asked of all.
        **{ORGANISATION}** are the four functions of the organisation, three items each, which four
        in seven respondents are asked; a fifth of their latent variance lies between
        organisations. Both by WLSMV from pairs of answers, with observed information and
        cluster-robust errors, factors with variance 1; omega is categorical omega of the sum of
        the answers.""",
        f"""**{CLEAN}**: no careless respondents, no flat profiles, no planted non-invariance.
        **{BUNDLED}**: all of it ({percent(careless.share)} % careless, {percent(careless.flat)} %
        of the others with a flat profile). **{REMOVED}**: without those who answered carelessly,
        known from the truth. **{ORDINARY}**: without those with a flat profile either; the planted
        non-invariance is left.""",
    )


def _coverage(found: Results, cells: Iterable[RecoveryCell]) -> str:
    rows = []
    for cell in cells:
        whole = found.of(cell, found.cells[0][1].n)
        for part, title in PARTS.items():
            one = whole.only(part)
            (low, at_low), (high, _) = one.extreme("coverage")
            biases = {name: figures.bias * figures.sd for name, figures in one.parameters.items()}
            worst = max(biases, key=lambda name: abs(biases[name]))
            ratios = [figures.se_ratio for figures in one.parameters.values()]
            rows.append(
                (
                    *(cell.name, title, f"{len(biases)}", f"**{percent(one.coverage)}**"),
                    *(f"{percent(low)} `{code(at_low)}`", percent(high)),
                    f"{sum(ratios) / len(ratios):.3f}",
                    f"{sum(biases.values()) / len(biases):+.4f}",
                    f"{biases[worst]:+.3f} `{code(worst)}`",
                )
            )
    headings = (
        *("model, surveys, clusters", "", "number", "mean coverage, %", "lowest", "highest"),
        *("SE / SD", "mean bias", "largest bias"),
    )
    return table(headings, rows)


def _each(found: CellFigures) -> str:
    rows = []
    for name, one in found.parameters.items():
        if "~~" in name or "omega" in name:
            rows.append(
                (
                    *(f"`{name}`", f"{one.true:.3f}", f"{one.true + one.bias * one.sd:.3f}"),
                    *(f"{one.sd:.3f}", f"{one.sd * one.se_ratio:.3f}", percent(one.coverage)),
                )
            )
    return table(("", "true", "mean estimate", "SD", "mean SE", "coverage, %"), rows)


def _shown(found: Results) -> str:
    n = found.cells[0][1].n
    chance = 1.96 * (0.95 * 0.05 / found.samples) ** 0.5
    of = {cell: found.of(cell, n) for cell in CELLS}
    own, own_wide = of[CELLS[0]], of[CELLS[1]]
    unit, wide = of[CELLS[2]], of[CELLS[3]]
    bundled, removed, ordinary = (of[cell] for cell in CELLS[4:7])
    failed = sum(one.failed for one in of.values())
    improper = sum(one.improper for one in of.values())
    return bullets(
        f"""**Clean surveys.** The intervals of {OWN} hold the truth in {percent(own.coverage)} % of
        the cases with units as clusters, and in {percent(own_wide.coverage)} % with organisations.
        (Of an interval that holds the truth 95 % of the time, {found.samples} surveys show between
        {percent(0.95 - chance)} and {percent(0.95 + chance)} % in 95 of 100 studies.)""",
        f"""**Which clusters.** The answers about the organisation hang together in organisations
        more than in units alone. With units as clusters their intervals hold the truth in
        {percent(unit.coverage)} %, with organisations in {percent(wide.coverage)} % (loadings:
        {percent(unit.only("=~").coverage)} and {percent(wide.only("=~").coverage)} %; thresholds:
        {percent(unit.only("|").coverage)} and {percent(wide.only("|").coverage)} %).""",
        f"""**Careless respondents** bring the coverage of the loadings to
        {percent(bundled.only("=~").coverage)} % and of omega to
        {percent(bundled.only("omega").coverage)} %; without them it is
        {percent(removed.only("=~").coverage)} and {percent(removed.only("omega").coverage)} %, and
        without flat profiles too {percent(ordinary.only("=~").coverage)} and
        {percent(ordinary.only("omega").coverage)} %.""",
        f"""**Fits that failed**: {failed} of {found.samples * len(CELLS):,}; improper solutions:
        {improper}.""",
    )
