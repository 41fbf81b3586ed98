"""How often do items that work alike look different? Run by `python -m benchmarks.dif`.

Surveys are drawn from populations in which all items work alike in all groups, or in which those
that do not are known, and every scale is tested by every column as the reports do. A family is one
scale by one column; it fails if any item is flagged after Holm's correction. Counts go to
`dif.json` beside this file under `--label`, and tables to `DIF.md`; `--report` writes the tables
again, no more. The rows "before" were made by this file beside the sources of version 086e4df.
"""

import argparse
import json
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import instruments
import measure
from analyses.simulating.drawing import Wanted, draw
from benchmarks.dif_report import Counts, report
from instruments.population import load_population

HERE = Path(__file__).parent
FILE, REPORT = "dif.json", "DIF.md"
SCALES = ("bro", "kom", "kor", "kop")
COLUMNS = (
    *("profession", "role", "tier", "education", "sector", "unit_type", "crossboundary"),
    *("ambassador", "seniority", "age", "language"),
)
FEWEST_PERSONS = 50
PLANTED = {"role": ("I_bro2", "I_kor4"), "education": ("I_kom1",)}


@dataclass(frozen=True)
class Family:
    """One scale to be tested by one column; `planted` are the items that truly differ."""

    data: pd.DataFrame
    items: tuple[str, ...]
    group: str
    cluster: str | None
    planted: tuple[str, ...] = ()


def surveys(cluster: str | None, *, careless: bool, planted: bool, seed: int) -> Iterator[Family]:
    """Draw the bundled population, and give every scale of a person by every column."""
    asked = instruments.load("coupling")
    wanted = Wanted(careless=careless, flat=careless, noninvariance=planted, second_wave=False)
    drawn = draw(asked, load_population(asked), seed=seed, wanted=wanted)
    raw = drawn.first_wave
    scored = asked.score(raw)
    for column in PLANTED if planted else COLUMNS:
        sizes = raw[column].value_counts()
        chosen = raw[column].isin(sizes.index[sizes >= FEWEST_PERSONS])
        if raw.loc[chosen, column].nunique() < 2:
            continue
        for scale in SCALES:
            items = asked.scale(scale).items
            data = scored.loc[chosen, list(items)].assign(
                **{column: raw.loc[chosen, column].astype(object)}
            )
            if cluster is not None:
                data = data.assign(**{cluster: raw.loc[chosen, cluster]})
            own = tuple(item for item in PLANTED.get(column, ()) if planted and item in items)
            yield Family(data, tuple(items), column, cluster, own)


@dataclass(frozen=True)
class Design:
    """A scale of items with loadings .57 to .78 and answers 1 to 5, two groups apart by `impact`.

    With clusters a fifth of the factor and a tenth of what is unique lie between them, and groups
    are of whole clusters.
    """

    n: int = 1000
    n_items: int = 6
    impact: float = 0.5
    n_clusters: int = 0
    n_groups: int = 2

    def draw(self, seed: int) -> Family:
        """Draw one sample."""
        rng = np.random.default_rng([seed, self.n, self.n_items, self.n_clusters, self.n_groups])
        loadings = np.linspace(0.57, 0.78, self.n_items)
        cuts = np.array([-2.05, -1.15, -0.15, 1.1]) + np.linspace(-0.3, 0.3, self.n_items)[:, None]
        unit = np.arange(self.n)
        factor, unique = rng.normal(size=self.n), rng.normal(size=(self.n, self.n_items))
        if self.n_clusters:
            unit = rng.integers(0, self.n_clusters, size=self.n)
            shared, own = rng.normal(size=self.n_clusters), rng.normal(size=unique.shape)
            factor = np.sqrt(0.2) * shared[unit] + np.sqrt(0.8) * factor
            unique = np.sqrt(0.1) * own[unit] + np.sqrt(0.9) * unique
        group = unit % self.n_groups
        factor = factor + self.impact * group / (self.n_groups - 1)
        answers = loadings * factor[:, None] + np.sqrt(1 - loadings**2) * unique
        items = tuple(f"x{j + 1}" for j in range(self.n_items))
        codes: NDArray[np.intp] = 1 + (answers[:, :, None] > cuts).sum(axis=2)
        data = pd.DataFrame(codes, columns=list(items)).assign(group=group.astype(str), unit=unit)
        return Family(data, items, "group", "unit" if self.n_clusters else None)


DESIGNS = {
    "no impact": Design(impact=0.0),
    "impact .3": Design(impact=0.3),
    "impact .5": Design(impact=0.5),
    "impact .5, 300 persons": Design(n=300),
    "impact .5, 3 items": Design(n_items=3),
    "impact .5, 4 groups": Design(n_groups=4),
    "impact .5, 60 clusters": Design(n_clusters=60),
    "impact .5, 60 clusters, 4 groups": Design(n_clusters=60, n_groups=4),
    "impact .5, 20 clusters": Design(n_clusters=20),
}
SURVEYS = {
    "population, no clusters": (None, False),
    "population, units as clusters": ("unit", False),
    "population, organisations as clusters": ("organisation", False),
    "population with careless, organisations as clusters": ("organisation", True),
}


def count(families: Iterator[Family]) -> Counts:
    """Test families and count flags."""
    total = Counts()
    for one in families:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = measure.differential_functioning(
                one.data, one.items, group=one.group, cluster=one.cluster
            )
        flagged = set(found.table.index[found.table["flag"]])
        total.add(len(one.items), flagged, one.planted)
    return total


def cells(samples: int) -> Iterator[tuple[str, Iterator[Family]]]:
    """Give the samples of each cell, by its name."""
    for name, design in DESIGNS.items():
        yield name, (design.draw(seed) for seed in range(40 * samples))
    for name, (cluster, careless) in SURVEYS.items():
        yield name, _all(cluster, samples, careless=careless, planted=False)
    yield "planted", _all("organisation", samples, careless=False, planted=True)


def _all(cluster: str | None, samples: int, *, careless: bool, planted: bool) -> Iterator[Family]:
    for seed in range(samples):
        yield from surveys(cluster, careless=careless, planted=planted, seed=seed)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the study, or write its tables again."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dif", description=__doc__)
    parser.add_argument(
        "--samples",
        type=int,
        default=12,
        help="surveys of each cell; 40 times as many of the designs",
    )
    parser.add_argument("--label", default="after", help="what the counts are kept under")
    parser.add_argument("--only", default="", help="run the cells whose name holds this text")
    parser.add_argument("--report", action="store_true", help="write the tables again, no more")
    given = parser.parse_args(arguments)
    path = HERE / FILE
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if not given.report:
        for name, families in cells(given.samples):
            if given.only in name:
                known.setdefault(given.label, {})[name] = count(families).plain()
                path.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    (HERE / REPORT).write_text(report(known), encoding="utf-8")


if __name__ == "__main__":
    main()
