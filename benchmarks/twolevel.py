"""Two-level models: what is timed, and how the cost grows with the different sizes of clusters."""

import statistics
import time

import numpy as np
import pandas as pd
from rich.table import Table

import measure
from measure.fitting.starts import starting_points
from measure.moments.twolevel.clusters import Clusters
from measure.optimize import minimize
from measure.threads import on_one_thread

LEADERSHIP = [f"LEAD{k:02d}" for k in range(1, 12)]
SIGNIFICANCE = [f"TSIG{k:02d}" for k in range(1, 4)]
HOSTILITY = [f"HOSTIL{k:02d}" for k in range(1, 6)]
# 19 items of lq2002: three factors within companies, one between them.
CLIMATE = "\n".join(
    (
        "level: 1",
        f"L =~ {' + '.join(LEADERSHIP)}",
        f"T =~ {' + '.join(SIGNIFICANCE)}",
        f"H =~ {' + '.join(HOSTILITY)}",
        "level: 2",
        f"B =~ {' + '.join((*LEADERSHIP, *SIGNIFICANCE, *HOSTILITY))}",
    )
)
ITEMS, FACTORS = 24, 4
ROWS, CLUSTERS = 100_000, 5_000
# Different sizes of clusters, for the same numbers of rows and clusters; and rows for one size.
SIZES = (1, 10, 50, 200, 800)
GROWING = (10_000, 100_000, 1_000_000)
ROUNDS = 5


def model() -> str:
    """Write four factors within clusters, and one between them."""
    names = [f"x{k}" for k in range(1, ITEMS + 1)]
    each = ITEMS // FACTORS
    within = [f"f{k} =~ {' + '.join(names[k * each : (k + 1) * each])}" for k in range(FACTORS)]
    return "\n".join(("level: 1", *within, "level: 2", f"b =~ {' + '.join(names)}"))


def simulated(
    n_rows: int = ROWS, n_clusters: int = CLUSTERS, sizes: int | None = None
) -> pd.DataFrame:
    """Draw answers to `model`; cluster sizes from 5 to 35, or so many different ones around 20."""
    rng = np.random.default_rng(2009)
    mean = n_rows / n_clusters
    size = rng.integers(5, 36, n_clusters)
    if sizes is not None:
        first = max(int(mean) - sizes // 2, 2)
        size = np.resize(np.arange(first, first + sizes), n_clusters)
    cluster = np.repeat(np.arange(n_clusters), size)
    n = len(cluster)
    common = 0.7 * rng.standard_normal((n, 1)) + 0.7 * rng.standard_normal((n, FACTORS))
    own = 0.7 * rng.standard_normal((n, ITEMS))
    shared = 0.3 * rng.standard_normal((n_clusters, 1))
    shared = shared + 0.15 * rng.standard_normal((n_clusters, ITEMS))
    answers = 0.7 * np.repeat(common, ITEMS // FACTORS, axis=1) + own + shared[cluster]
    frame = pd.DataFrame(answers, columns=[f"x{k}" for k in range(1, ITEMS + 1)])
    return frame.assign(cluster=cluster)


def fit(text: str, frame: pd.DataFrame, cluster: str, **options: object) -> object:
    """Fit a two-level model, and read what a user reads."""
    found = measure.cfa(text, frame, cluster=cluster, **options)
    return found.parameters, found.fit_measures


def _row(frame: pd.DataFrame) -> tuple[str, ...]:
    begin = time.perf_counter()
    found = measure.cfa(model(), frame, cluster="cluster")
    _ = found.parameters, found.fit_measures
    whole = time.perf_counter() - begin
    start = starting_points(found.model, list(found.moments.sample), 1)[0]()
    search = on_one_thread(lambda: minimize(found.problem, start))
    search()
    times = []
    for _round in range(ROUNDS):
        begin = time.perf_counter()
        iterations = search().iterations
        times.append(time.perf_counter() - begin)
    assert found.moments.nested is not None
    (clusters,) = found.moments.nested
    assert isinstance(clusters, Clusters)
    return (
        f"{len(frame):,}",
        f"{found.n_clusters:,}",
        f"{len(clusters.sizes)}",
        f"{whole:.3f}",
        f"{iterations}",
        f"{1000 * statistics.median(times) / iterations:.2f}",
    )


def table() -> Table:
    """Tell what a fit costs with more sizes of clusters, and with more rows."""
    found = Table(title=f"two-level models of {ITEMS} items")
    for heading in ("rows", "clusters", "sizes", "whole fit, s", "iterations", "ms per iteration"):
        found.add_column(heading, justify="right")
    for sizes in SIZES:
        # Clusters of up to 2,000 rows, so that there can be as many sizes.
        found.add_row(*_row(simulated(500_000, 1_000, sizes)))
    for n_rows in GROWING:
        found.add_row(*_row(simulated(n_rows, n_rows // 20, 10)))
    return found
