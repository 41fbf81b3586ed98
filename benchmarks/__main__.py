"""`python -m benchmarks [NAME ...]`: time workloads against the peers found on this machine.

Ours and a peer take turns in one run, since machines change their speed from minute to minute;
what counts is the ratio of the medians. A turn is a few runs one after the other, of which the
median counts: neither pays for caches that the other's turn has emptied.
"""

import importlib.util
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

import instruments
from analyses import report, side_by_side
from analyses.intake.survey import read_survey
from benchmarks import fit_cutoffs, ordered_rows, replicates, scaling, twolevel
from benchmarks.rscript import RSession
from benchmarks.workloads import DRAWS, LIMITS, PEERS, R_PEERS, ours

ROUNDS = 7
# A peer that takes longer than so many seconds is run less often.
LONG = 5.0
# One that takes longer than so many seconds is run once.
VERY_LONG = 60.0
SHORT_ROUNDS = 3
RUNS_PER_TURN = 5
SCRIPT = Path(__file__).with_name("workloads.R")
IMPORT_LIMIT = 0.5
REPORT_LIMIT = 5.0


def seconds(workload: Callable[[], object]) -> float:
    """Time one call."""
    begin = time.perf_counter()
    workload()
    return time.perf_counter() - begin


def turn(run: Callable[[], float], runs: int) -> float:
    """Give the median of a few runs one after the other."""
    return statistics.median(run() for _ in range(runs))


def import_seconds() -> float:
    """Seconds that `import measure` adds to a bare interpreter: the median of several starts."""

    def start(code: str) -> float:
        return seconds(lambda: subprocess.run([sys.executable, "-c", code], check=True))

    start("import measure")  # compiles the modules and warms the disk
    pairs = [(start("import measure"), start("pass")) for _ in range(ROUNDS)]
    return statistics.median(whole - bare for whole, bare in pairs)


def report_seconds() -> float:
    """Seconds that all sections of a report on lq2002 take: the median of several runs.

    As many processes work as on the command line.
    """
    asked = instruments.load("leadership_climate")
    survey = read_survey(asked.demonstration_path(), asked)
    with side_by_side.team() as team:
        validated = partial(report.validate, asked, survey, team=team)
        validated()
        return statistics.median(seconds(validated) for _ in range(ROUNDS))


def peers() -> Iterator[tuple[str, str, Callable[[], float]]]:
    """Find the peers on this machine: name, workload, and a function that times it."""
    for name, make in PEERS.items():
        if importlib.util.find_spec(name) is None:
            Console().print(f"{name} is not installed: not compared")
            continue
        for workload, call in make().items():
            yield name, workload, partial(seconds, call)
    for package, workloads in R_PEERS.items():
        if not RSession.has(package):
            Console().print(f"{package} (R) is not installed: not compared")
            continue
        session = RSession(package, SCRIPT)
        for workload in workloads:
            yield package, workload, partial(session.seconds, workload)
        session.close()


def main(chosen: list[str]) -> None:
    """Run the chosen workloads, or all, and print one row for each pair."""
    mine = ours()
    others = (
        "import",
        "report",
        "cutoffs",
        "scaling",
        "ordered_rows",
        "cluster_sizes",
        "replicates",
    )
    unknown = sorted(set(chosen) - {*mine, *others})
    if unknown:
        known = ", ".join((*others, *mine))
        sys.exit(f"unknown workload {unknown[0]!r}; there are: {known}")
    table = Table(title=f"median seconds of {ROUNDS} alternating runs")
    for heading in ("workload", "kobling", "peer", "seconds", "times faster"):
        table.add_column(heading, justify="left" if heading in ("workload", "peer") else "right")
    if not chosen or "import" in chosen:
        table.add_row("import measure", f"{import_seconds():.3f}", "limit", f"{IMPORT_LIMIT}", "")
    warnings.simplefilter("ignore")
    if not chosen or "report" in chosen:
        table.add_row("report on lq2002", f"{report_seconds():.3f}", "limit", f"{REPORT_LIMIT}", "")
    if not chosen or "cutoffs" in chosen:
        taken = fit_cutoffs.seconds()
        table.add_row("cut-offs of M2", f"{taken:.1f}", "limit", f"{fit_cutoffs.LIMIT:.0f}", "")
    for workload, limit in LIMITS.items():
        if not chosen or workload in chosen:
            own = partial(seconds, mine[workload])
            first = own()
            taken = turn(own, ROUNDS) if first < LONG else first
            table.add_row(workload, f"{taken:.3f}", "limit", f"{limit}", "")
    for peer, workload, run in peers():
        if chosen and workload not in chosen:
            continue
        first = run()
        mine[workload]()
        own = partial(seconds, mine[workload])
        if first > VERY_LONG:
            pairs = [(turn(own, SHORT_ROUNDS), first)]
        else:
            rounds, runs = (ROUNDS, RUNS_PER_TURN) if run() < LONG else (SHORT_ROUNDS, 1)
            pairs = [(turn(own, runs), turn(run, runs)) for _ in range(rounds)]
        us, them = (statistics.median(column) for column in zip(*pairs, strict=True))
        if workload in DRAWS:
            our_draws, their_draws = DRAWS[workload]
            us, them, workload = us / our_draws, them / their_draws, f"{workload}, a draw"
        table.add_row(workload, f"{us:.4f}", peer, f"{them:.4f}", f"{them / us:.1f}")
    console = Console(width=100)
    console.print(table)
    if not chosen or "scaling" in chosen:
        for growth in scaling.tables():
            console.print(growth)
    if not chosen or "ordered_rows" in chosen:
        console.print(ordered_rows.table())
    if not chosen or "cluster_sizes" in chosen:
        console.print(twolevel.table())
    if not chosen or "replicates" in chosen:
        console.print(replicates.table())


if __name__ == "__main__":
    main(sys.argv[1:])
