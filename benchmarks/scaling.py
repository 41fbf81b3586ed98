"""How the cost of a fit grows with items and with rows.

The search works on moments, so that it must not grow with rows; reading the data and one pass over
them for the covariances may.
"""

import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from rich.table import Table

import measure
from measure.fitting.starts import starting_points
from measure.optimize import minimize
from measure.threads import on_one_thread

ITEMS = (9, 25, 50, 100)
ROWS = (300, 3_000, 30_000, 300_000, 1_000_000)
ROUNDS = 5
PER_FACTOR = 5
LOADING = 0.7
CORRELATION = 0.3


def seconds(call: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Give the median time of a call, after one call that is not counted."""
    call()
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def simulated(n_items: int, n_rows: int) -> tuple[str, pd.DataFrame]:
    """Draw correlated factors of five items each (three for nine items), and write their model."""
    per_factor = 3 if n_items == 9 else PER_FACTOR
    n_factors = n_items // per_factor
    rng = np.random.default_rng(1939)
    common = np.sqrt(CORRELATION) * rng.standard_normal((n_rows, 1))
    own = np.sqrt(1 - CORRELATION) * rng.standard_normal((n_rows, n_factors))
    factors = np.repeat(common + own, per_factor, axis=1)
    noise = np.sqrt(1 - LOADING**2) * rng.standard_normal((n_rows, n_items))
    names = [f"y{k}" for k in range(1, n_items + 1)]
    text = "\n".join(
        f"f{f} =~ " + " + ".join(names[f * per_factor : (f + 1) * per_factor])
        for f in range(n_factors)
    )
    return text, pd.DataFrame(LOADING * factors + noise, columns=names)


def _row(n_items: int, n_rows: int) -> tuple[str, ...]:
    text, frame = simulated(n_items, n_rows)

    def whole() -> object:
        fit = measure.cfa(text, frame.copy())
        return fit.parameters, fit.fit_measures

    fit = measure.cfa(text, frame)
    start = starting_points(fit.model, list(fit.moments.sample), 1)[0]()
    search = seconds(on_one_thread(lambda: minimize(fit.problem, start)))
    values = frame.to_numpy()
    one_pass = seconds(lambda: np.cov(values.T))
    return (
        f"{n_items}",
        f"{n_rows:,}",
        f"{seconds(whole):.4f}",
        f"{one_pass:.4f}",
        f"{fit.iterations}",
        f"{1000 * search / fit.iterations:.3f}",
    )


def tables() -> Iterator[Table]:
    """Give one table for growing items and one for growing rows."""
    for title, sizes in (
        ("growth with items (1,000 rows)", [(p, 1_000) for p in ITEMS]),
        ("growth with rows (9 items)", [(9, n) for n in ROWS]),
    ):
        table = Table(title=title)
        for heading in (
            *("items", "rows", "whole fit, s", "one covariance pass, s"),
            *("iterations", "ms per iteration"),
        ):
            table.add_column(heading, justify="right")
        for n_items, n_rows in sizes:
            table.add_row(*_row(n_items, n_rows))
        yield table
