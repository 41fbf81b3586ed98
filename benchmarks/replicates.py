"""How long 1,000 simulated studies of a model of 24 items take: `python -m benchmarks replicates`.

Each study is drawn, fitted and judged by its fit measures, as `power` does. With as many processes
as there are cores; the limits are for two.
"""

import os
import time
from collections.abc import Iterator

from rich.table import Table

import measure
from measure.planning.claims import Fits, Study
from measure.planning.study_power import Execution, power

REPEATS, N = 1000, 500
LIMITS = {"ML": 10.0, "WLSMV": 60.0}
FACTORS = {f: tuple(f"{f}{k}" for k in range(1, 7)) for f in ("bro", "kom", "kor", "kop")}
LOADINGS = (0.74, 0.66, 0.58, 0.72, 0.68, 0.63)
CUTS = (-1.75, -0.85, 0.15, 1.4)
CORRELATION = 0.6


def study(estimator: str) -> Study:
    """Give a study of four factors with six items each, in numbers or in five categories."""
    lines = [
        f"{factor} =~ " + " + ".join(f"{b}*{x}" for b, x in zip(LOADINGS, items, strict=True))
        for factor, items in FACTORS.items()
    ]
    names = list(FACTORS)
    lines += [f"{one} ~~ 1*{one}" for one in names]
    lines += [f"{a} ~~ {CORRELATION}*{b}" for k, a in enumerate(names) for b in names[:k]]
    for items in FACTORS.values():
        for loading, item in zip(LOADINGS, items, strict=True):
            if estimator == "ML":
                lines.append(f"{item} ~~ {1 - loading**2}*{item}")
            else:
                cuts = [f"{cut}*t{k}" for k, cut in enumerate(CUTS, start=1)]
                lines.append(f"{item} | {' + '.join(cuts)}")
    model = "\n".join(f"{factor} =~ {' + '.join(items)}" for factor, items in FACTORS.items())
    options = {} if estimator == "ML" else {"ordered": True}
    return Study(measure.population("\n".join(lines)), model, options)


def seconds(estimator: str) -> float:
    """Time all studies of an estimator, the start of the processes included."""
    suffix = "" if estimator == "ML" else ".robust"
    limits = {f"cfi{suffix}": (">=", 0.95), f"rmsea{suffix}": ("<=", 0.06)}
    claim = Fits(study(estimator), limits)
    begin = time.perf_counter()
    power(claim, N, repeats=REPEATS, seed=1, execution=Execution(os.cpu_count()))
    return time.perf_counter() - begin


def table() -> Table:
    """Give the seconds of each estimator beside its limit."""
    found = Table(
        title=f"{REPEATS} simulated studies, 24 items, n = {N}, {os.cpu_count()} processes"
    )
    for heading in ("estimator", "seconds", "limit", "a study, ms a process"):
        found.add_column(heading, justify="left" if heading == "estimator" else "right")
    for row in _rows():
        found.add_row(*row)
    return found


def _rows() -> Iterator[tuple[str, ...]]:
    for estimator, limit in LIMITS.items():
        taken = seconds(estimator)
        each = 1000 * taken * (os.cpu_count() or 1) / REPEATS
        yield estimator, f"{taken:.1f}", f"{limit:.0f}", f"{each:.1f}"
