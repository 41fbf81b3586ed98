"""Do intervals of intraclass correlations and variances hold? `python -m benchmarks.components`.

Clusters are drawn and given to `measure.icc`, `measure.variance_components` and
`measure.shrunken_means`. Results go to `components.json` beside this file, and as tables to
`COMPONENTS.md`; `--report` writes the tables again, no more.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import measure
from benchmarks.calibration_results import HERE
from benchmarks.calibration_tables import filled, table
from benchmarks.components_design import Cell, cells
from measure.replication.repeat import repeat

FILE, REPORT = "components.json", "COMPONENTS.md"
SEED = 20260601
ENDS = ("ci.lower", "ci.upper")

ANOVA = "ICC(1), analysis of variance"
SHARE = "share of clusters, REML"
BETWEEN, WITHIN = "variance between, REML", "variance within, REML"
BETWEEN_ML = "variance between, ML"
UNITS = "share of units, REML"
MEANS = "shrunken means"
F_TEST, RATIO = "F test", "likelihood ratio, half and half"


@dataclass(frozen=True)
class Trial:
    """One sample of a condition: estimates and limits by quantity, and p-values by test."""

    cell: Cell

    def __call__(self, rng: np.random.Generator) -> dict[str, list[float]]:
        """Give [estimate, lower, upper] of each quantity; of the means [1, share held, width]."""
        frame, true = self.cell.sample(rng)
        deep = self.cell.units > 1
        levels = ["cluster", "unit"] if deep else ["cluster"]
        reml = measure.variance_components(frame, "y", levels=levels)
        parts = reml.components.set_index("level")
        found = {
            SHARE: _row(parts, "cluster", "share", "share."),
            BETWEEN: _row(parts, "cluster", "estimate", ""),
            WITHIN: _row(parts, "Residual", "estimate", ""),
            RATIO: [float(reml.tests["pvalue"][0])],
        }
        if deep:
            return found | {UNITS: _row(parts, "unit", "share", "share.")}
        numbers = ["icc1", "icc1.ci.lower", "icc1.ci.upper", "pvalue"]
        *found[ANOVA], pvalue = (
            measure.icc(frame, "y", cluster="cluster")[numbers].to_numpy(dtype=float)[0].tolist()
        )
        found[F_TEST] = [pvalue]
        ml = measure.variance_components(frame, "y", levels=levels, method="ML")
        found[BETWEEN_ML] = _row(ml.components.set_index("level"), "cluster", "estimate", "")
        means = measure.shrunken_means(frame, "y", cluster="cluster", seed=1, n_draws=100).table
        held = (means["ci.lower"] <= true) & (true <= means["ci.upper"])
        found[MEANS] = [
            1.0,
            float(held.mean()),
            float((means["ci.upper"] - means["ci.lower"]).mean()),
        ]
        return found


def _row(parts: Any, level: str, name: str, prefix: str) -> list[float]:
    return [float(parts.loc[level, column]) for column in (name, *(prefix + end for end in ENDS))]


def figures(cell: Cell, trials: Sequence[dict[str, list[float]]]) -> list[dict[str, Any]]:
    """Sum samples up: one row a quantity or test."""
    between, units, rest = cell.truth()
    total = between + units + rest
    truth = {
        ANOVA: between / total,
        SHARE: between / total,
        UNITS: units / total,
        BETWEEN: between,
        BETWEEN_ML: between,
        WITHIN: rest,
    }
    rows = []
    for name in trials[0]:
        values = np.array([trial[name] for trial in trials])
        row: dict[str, Any] = {"cell": asdict(cell), "quantity": name, "samples": len(values)}
        if name in truth:
            estimate, lower, upper = values.T
            row |= {
                "true": truth[name],
                "mean": estimate.mean(),
                "sd": estimate.std(ddof=1),
                # Negative lower limits of ICC(1) stand for 0.
                "below": float(np.mean(upper < truth[name])),
                "above": float(np.mean(np.maximum(lower, 0) > truth[name])),
                "width": float(np.nanmean(upper - np.maximum(lower, 0))),
                "missing": int(np.isnan(lower + upper).sum()),
            }
        elif name == MEANS:
            row |= {"coverage": values[:, 1].mean(), "width": values[:, 2].mean()}
        else:
            row |= {"rejected": float(np.mean(values[:, 0] < 0.05))}
        rows.append({key: round(v, 6) if isinstance(v, float) else v for key, v in row.items()})
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the study, or write its tables again."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.components", description=__doc__)
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--report", action="store_true", help="write the tables again, no more")
    parser.add_argument("--out", type=Path, default=HERE, help="folder of the files")
    given = parser.parse_args(arguments)
    path = given.out / FILE
    if not given.report:
        begin, rows, failed = time.perf_counter(), [], 0
        for place, (cell, samples) in enumerate(cells()):
            done = repeat(Trial(cell), samples, seed=SEED + place, workers=given.workers).require()
            rows += figures(cell, done.results)
            failed += done.n_failed
        minutes = (time.perf_counter() - begin) / 60
        found = {"seed": SEED, "minutes": minutes, "failed": failed, "rows": rows}
        path.write_text(json.dumps(found, indent=1), encoding="utf-8")
    # From what was written, so that the files cannot differ.
    found = json.loads(path.read_text(encoding="utf-8"))
    (given.out / REPORT).write_text(report(found), encoding="utf-8")


def report(found: dict[str, Any]) -> str:
    """Write the whole report."""
    head = f"""simulerede data / simulated data. Clusters of 5 to 40 persons (all sizes equally
    frequent), normal scores, or single answers in five slightly skewed categories whose variances
    were worked out; organisations of 4 units of 5 to 15 persons. 250 samples with 50 clusters, 100
    with 200 and with 30 organisations; the standard error of a coverage of 95 % is 1.4 and 2.2 %.
    Seed {found["seed"]}; {found["failed"]} samples failed; {found["minutes"]:.0f} minutes in one
    process on a shared machine."""
    first = """**below** and **above** count intervals that lie wholly below and above the truth,
    2.5 % each where an interval keeps its promise; **held** is the rest. A lower limit of ICC(1)
    below 0 counts as 0. Intervals of REML and ML are from profiles of their likelihoods."""
    second = """Where there is no variance between clusters, 5 % should be rejected at the level of
    5 %; elsewhere this is power."""
    parts = [
        f"# Variance components\n\n{filled(head)}",
        f"## Intervals\n\n{filled(first)}\n\n" + _intervals(found["rows"]),
        "## Shrunken means of clusters\n\nShares of clusters whose 95 % interval holds their true "
        "mean.\n\n" + _means(found["rows"]),
        f"## Tests\n\n{filled(second)}\n\n" + _tests(found["rows"]),
    ]
    return "\n\n".join(parts) + "\n"


def _intervals(rows: Sequence[dict[str, Any]]) -> str:
    lines = []
    for row in rows:
        if "true" not in row:
            continue
        held = 1 - row["below"] - row["above"] - row["missing"] / row["samples"]
        lines.append(
            [
                Cell(**row["cell"]).name,
                row["quantity"],
                f"{row['true']:.3f}",
                f"{row['mean']:.3f}",
                f"{row['sd']:.3f}",
                f"{100 * held:.1f}",
                f"{100 * row['below']:.1f}",
                f"{100 * row['above']:.1f}",
                f"{row['width']:.3f}",
                str(row["missing"]),
            ]
        )
    head = ["drawn", "quantity", "true", "mean", "sd", "held, %", "below, %", "above, %", "width"]
    return table([*head, "no interval"], lines)


def _means(rows: Sequence[dict[str, Any]]) -> str:
    lines = [
        [
            Cell(**row["cell"]).name,
            f"{row['cell']['icc']:.2f}",
            f"{100 * row['coverage']:.1f}",
            f"{row['width']:.3f}",
        ]
        for row in rows
        if row["quantity"] == MEANS
    ]
    return table(["drawn", "ICC(1)", "held, %", "width"], lines)


def _tests(rows: Sequence[dict[str, Any]]) -> str:
    lines = [
        [
            Cell(**row["cell"]).name,
            f"{row['cell']['icc']:.2f}",
            row["quantity"],
            f"{100 * row['rejected']:.1f}",
        ]
        for row in rows
        if "rejected" in row
    ]
    return table(["drawn", "ICC(1)", "test", "rejected, %"], lines)


if __name__ == "__main__":
    main()
