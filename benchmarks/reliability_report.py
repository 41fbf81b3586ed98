"""The tables of the study of reliability, and which intervals may be recommended."""

from collections.abc import Iterable
from typing import Any

from benchmarks.calibration_tables import bullets, filled, percent, table, versions_of
from benchmarks.reliability_design import (
    KURTOSIS,
    OF_GROUP,
    SKEWED,
    SKEWNESS,
    SYMMETRIC,
    UNEQUAL,
)

# Within what the coverage of a 95 % interval has to lie.
LIMITS = (0.93, 0.97)


def holds(coverage: float) -> bool:
    """Whether a coverage is as promised."""
    return LIMITS[0] <= coverage <= LIMITS[1]


def coverages(content: dict[str, Any]) -> dict[tuple[str, str], list[tuple[str, float, int]]]:
    """Population, coverage and samples, apart from the edges, by coefficient and interval."""
    found: dict[tuple[str, str], list[tuple[str, float, int]]] = {}
    for study in content["studies"]:
        if study["edge"]:
            continue
        for row in study["figures"]:
            key = row["coefficient"], row["interval"]
            found.setdefault(key, []).append((study["kind"], row["coverage"], row["samples"]))
    return found


def recommended(content: dict[str, Any]) -> list[tuple[str, str]]:
    """Intervals that cover as promised wherever they were looked at, apart from the edges."""
    found = coverages(content)
    return [key for key, rows in found.items() if all(holds(coverage) for _, coverage, _ in rows)]


def report(content: dict[str, Any]) -> str:
    """Write the whole report."""
    parts = [
        _head(content),
        _simulated(),
        "## Which intervals hold\n\n" + _verdicts(content),
        "## Population by population\n\n" + "\n\n".join(_populations(content)),
    ]
    return "\n\n".join(parts) + "\n"


def _head(content: dict[str, Any]) -> str:
    return f"""# Reliability: do the intervals hold what is true?

Counted over {content["samples"]:,} samples of {content["n"]} respondents of each population (fewer
where a table says so). `python -m benchmarks.reliability_coverage` runs the study (here in
{content["minutes"]:.0f} minutes, one process on a shared machine) and writes this file and
`reliability.json`. Seed {content["seed"]}, to which the number of the population is added.
{versions_of(content["versions"])}."""


def _simulated() -> str:
    def listed(values: Iterable[float]) -> str:
        return ", ".join(f"{one:g}" for one in values)

    return "## What was simulated\n\n" + bullets(
        f"""**One factor**: six items with loadings {listed(UNEQUAL)}, or all 0.7 (parallel).""",
        f"""**Three factors** of four items each, loadings {listed(OF_GROUP)}, behind them a general
        factor with loadings 0.7, 0.8 and 0.6; near the bounds 0.96, 0.97 and 0.98 (omega_h close to
        omega_t), and 0.2, 0.3 and 0.3 (omega_h close to 0).""",
        f"""**Skewed**: every item with skewness {SKEWNESS} and excess kurtosis {KURTOSIS} (Vale &
        Maurelli 1983), covariances as of normal items. **Five categories** with
        {listed(SYMMETRIC)} of the answers, or skewed, {listed(SKEWED)}.""",
        """**Truth**: the coefficient of the covariances of the population, of answers in categories
        those that follow from the responses' (Green & Yang 2009). Of a lower bound it is the bound
        of the population, not the reliability.""",
        """Bootstrap intervals rest on 400 samples each. Not studied: bootstrap intervals of
        exploratory omegas and of ordered items, which take half a minute a sample or more.""",
    )


def _verdicts(content: dict[str, Any]) -> str:
    rows = []
    for (coefficient, interval), found in coverages(content).items():
        values = [coverage for _, coverage, _ in found]
        fewest = min(samples for _, _, samples in found)
        worst = max(found, key=lambda pair: abs(pair[1] - 0.95))
        good = all(map(holds, values))
        span = percent(min(values))
        if len(values) > 1:
            span += f"–{percent(max(values))}"
        verdict = "yes" if good else f"**no**: {percent(worst[1])} ({worst[0]})"
        rows.append((coefficient, interval, f"{len(values)}", f"{fewest:,}", span, verdict))
    text = f"""A 95 % interval may be recommended that holds the true value in
    {100 * LIMITS[0]:.0f} to {100 * LIMITS[1]:.0f} % of the samples of every population here, apart
    from the two in which omega_h lies near its bounds, which stand below as found. By chance a
    coverage of 95 % is found between 94.0 and 95.9 % in 95 % of studies of 2,000 samples, and
    between 92.9 and 96.7 % of 500."""
    headings = (
        *("coefficient", "interval", "populations", "fewest samples", "coverage, %"),
        "recommended",
    )
    return f"{filled(text)}\n\n{table(headings, rows)}"


def _marked(coverage: float) -> str:
    """Give a coverage, in bold where it is not as promised."""
    return percent(coverage) if holds(coverage) else f"**{percent(coverage)}**"


def _populations(content: dict[str, Any]) -> Iterable[str]:
    for study in content["studies"]:
        rows = [
            (
                f"{row['coefficient']}",
                row["interval"],
                f"{row['true']:.3f}",
                f"{row['mean'] - row['true']:+.3f}",
                f"{row['sd']:.3f}",
                percent(row["coverage"])
                if holds(row["coverage"])
                else f"**{percent(row['coverage'])}**",
                percent(row["below"]),
                percent(row["above"]),
                f"{row['width']:.3f}",
                f"{row['undefined']}",
            )
            for row in study["figures"]
        ]
        failed = [f"{count} x {reason}" for reason, count in study["failed"].items()]
        remark = f" Not estimated: {'; '.join(failed)}." if failed else ""
        headings = (
            *("coefficient", "interval", "true", "bias", "SD", "coverage, %"),
            *("below, %", "above, %", "width", "without interval"),
        )
        title = f"### {study['kind'][0].upper()}{study['kind'][1:]}"
        yield f"{title}\n\n{study['samples']:,} samples.{remark}\n\n{table(headings, rows)}"
