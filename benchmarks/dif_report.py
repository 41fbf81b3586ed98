"""Counts of false and true alarms of differential item functioning, and their tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

Plain = Mapping[str, Mapping[str, Mapping[str, object]]]


@dataclass
class Counts:
    """Families tested, those with a false alarm, and how often planted items were found."""

    families: int = 0
    failed: int = 0
    items: int = 0
    false: int = 0
    found: dict[str, list[int]] = field(default_factory=dict)

    def add(self, n_items: int, flagged: set[str], planted: Sequence[str]) -> None:
        """Count one family."""
        wrong = flagged - set(planted)
        self.families += 1
        self.failed += bool(wrong)
        self.items += n_items - len(planted)
        self.false += len(wrong)
        for item in planted:
            hits, of = self.found.get(item, [0, 0])
            self.found[item] = [hits + (item in flagged), of + 1]

    def plain(self) -> dict[str, object]:
        """Give what is written to the file."""
        return dict(vars(self))


LABELS = ("before", "interim", "after")

HEAD = """# False alarms and power of differential item functioning

Written by `python -m benchmarks.dif` from the counts in `dif.json`; the text of that module says
what is drawn. A family is the items of one scale, tested by one column with
`measure.differential_functioning` (purified, Holm's correction); it fails if any item that works
alike is flagged, which should happen in 5 %. In brackets: standard error.

"before" is version {version}, with the sum of answers as standing and Wald tests over clusters
referred to chi-square. "interim" has latent standing given the group, and score tests over clusters
referred to F, likelihood ratios without. "after", the version of today, also counts that the
groups' means and sds were estimated, and has score tests throughout. A cell that is empty was not
run. What was wrong before, in the order of its weight:

1. Wald tests of many degrees of freedom from few clusters, referred to chi-square.
2. Clusters that were too small: units lie within organisations, and items differ a little between
   organisations (2 % of what is unique), so that groups which differ between organisations (sector,
   occupational group) seemed to answer differently. Reports now test over organisations; the row
   "units as clusters" shows what remains without that.
3. The sum of answers as standing, which is biased where groups stand apart.

"""


def report(known: Plain) -> str:
    """Give the tables."""
    labels = [label for label in LABELS if label in known]
    names = list(dict.fromkeys(name for label in labels for name in known[label]))
    lines = [
        HEAD.format(version="086e4df"),
        f"| nothing differs | families | {' | '.join(labels)} |\n",
        f"|---|---|{'---|' * len(labels)}\n",
    ]
    for name in names:
        if name == "planted":
            continue
        cells = [_share(known[label].get(name)) for label in labels]
        sizes = {str(known[label][name]["families"]) for label in labels if name in known[label]}
        lines.append(f"| {name} | {', '.join(sorted(sizes))} | {' | '.join(cells)} |\n")
    lines.append(
        "\nWith the three planted items (of `I_bro2` and `I_kor4` one of four thresholds is half a "
        "standard deviation higher for leaders, of `I_kom1` the loading .25 lower for the\n"
        "unskilled), organisations as clusters: how often each was flagged, and false alarms.\n\n"
        f"| | {' | '.join(labels)} |\n|---|{'---|' * len(labels)}\n"
    )
    planted = {label: known[label].get("planted", {}) for label in labels}
    for item in ("I_bro2", "I_kor4", "I_kom1"):
        cells = [_found(planted[label], item) for label in labels]
        lines.append(f"| {item} | {' | '.join(cells)} |\n")
    cells = [_share(planted[label]) for label in labels]
    lines.append(f"| families with a false alarm | {' | '.join(cells)} |\n")
    return "".join(lines)


def _share(counts: Mapping[str, object] | None) -> str:
    if not counts:
        return ""
    return _percent(int(str(counts["failed"])), int(str(counts["families"])))


def _found(counts: Mapping[str, object], item: str) -> str:
    found = counts.get("found")
    if not isinstance(found, Mapping) or item not in found:
        return ""
    return _percent(*found[item])


def _percent(hits: int, of: int) -> str:
    p = hits / of
    return f"{100 * p:.1f} % ({100 * np.sqrt(p * (1 - p) / of):.1f})"
