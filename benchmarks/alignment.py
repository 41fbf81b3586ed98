"""What do aligned means recover? Run by `python -m benchmarks.alignment [--samples N]`.

Samples of ten groups whose items differ in a known share of places are aligned, and the means, what
is said to differ, and the bias of the scale mean are held against the truth. The table goes to
`ALIGNMENT.md` beside this file.
"""

import argparse
import time
import warnings
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console

import measure
from benchmarks.alignment_design import ITEMS, MODEL, STEPS, Design, random_design
from measure.errors import ImproperSolutionWarning
from measure.replication.repeat import repeat

Array = NDArray[np.float64]

REPORT = Path(__file__).with_name("ALIGNMENT.md")
GROUPS = 10
SIZE = 300
SHARES = (0.1, 0.25)
# epsilon, and where standard errors come from.
VARIANTS = ((0.01, "delta"), (0.001, "delta"), (0.001, "draws"))
SEED = 2014
EXPLANATION = """# Alignment

Ten groups of {size}, one factor, six items; in a share of all places (items by groups) a loading
lies 0.3, and in as many an intercept or all thresholds of an item 0.5, from those of the other
groups: to both sides in turn, or all to one side. Ordered answers have four categories. {samples}
samples a row, the first group as reference. `python -m benchmarks.alignment` makes this file (seed
{seed}).

*r* is the mean correlation over groups of estimated and true factor means, *error* the root mean
squared error of the means, in standard deviations of the first group, *scalar* that of a model with
all loadings and intercepts (thresholds) equal. *Covered* is how often 95 % intervals hold the true
means. *Found* are planted differences outside the invariant set of their parameter (of an item's
thresholds, any of them), *false* other parameters outside. *Bias covered* is how often the 95 %
interval of `item_bias` holds the true bias of the scale mean against the first group.

"""
LABELS = ("answers", "differ", "side", "epsilon", "errors")
MEASURES = ("r", "error", "scalar", "covered", "found", "false", "bias covered")


def true_bias(design: Design) -> Array:
    """Bias of the scale mean of each group against the first, (G,)."""
    from scipy.stats import norm

    def expected(g: int, persons: int) -> float:
        mean, variance = design.means[persons], design.variances[persons]
        reach = design.loadings[g] * mean
        if design.kind == "continuous":
            return float((design.levels[g] + reach).mean())
        s = np.sqrt(1 + design.loadings[g] ** 2 * variance)
        cuts = np.array(STEPS)[:, None] + design.levels[g]
        return float(1 + norm.cdf((reach - cuts) / s).sum(axis=0).mean())

    return np.array([expected(g, g) - expected(0, g) for g in range(len(design.means))])


def sample(
    rng: np.random.Generator,
    *,
    design: Design,
    size: int,
    variants: tuple[tuple[float, str], ...] = VARIANTS[:1],
) -> list[dict[str, Any]]:
    """Draw a sample, align it in several ways, and hold it against the truth."""
    ordered = design.kind == "ordered"
    n_obs = dict.fromkeys(design.groups, size)
    frame = measure.simulate(design.text, n_obs, seed=rng, function="fit")
    fitted = partial(measure.cfa, MODEL, frame, group="group", ordered=ordered, std_lv=True)
    equal = ["loadings", "thresholds" if ordered else "intercepts"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImproperSolutionWarning)
        configural, scalar = fitted(), fitted(group_equal=equal, se="none", test="none")
    scalar_means = scalar.parameters.query("lhs == 'f' and op == '~1'")["est"].to_numpy()
    found = [
        measure.alignment(configural, seed=1, epsilon=epsilon, errors=errors, n_draws=200)
        for epsilon, errors in variants
    ]
    return [_judged(one, design) | {"scalar": scalar_means} for one in found]


def _judged(found: measure.Alignment, design: Design) -> dict[str, Any]:
    """Hold an alignment against the truth."""
    means = found.means["mean"].to_numpy()
    lower, upper = found.means["ci.lower"].to_numpy(), found.means["ci.upper"].to_numpy()
    bias = measure.item_bias(found, pairs="reference").scales
    truth = true_bias(design)[1:]
    held = (bias["ci.lower"] <= truth) & (truth <= bias["ci.upper"])
    return {
        "means": means,
        "covered": (lower <= design.means)[1:] & (design.means <= upper)[1:],
        "outside": _outside(found),
        "bias": held.to_numpy(),
    }


def _outside(found: measure.Alignment) -> NDArray[np.bool_]:
    """Which loadings, then intercepts or items' thresholds, lie outside their sets, (G, 12)."""
    table = found.parameters
    item = np.where(table["op"] == "=~", table["rhs"], table["lhs"])
    outside = ~table["invariant"].to_numpy(dtype=bool)
    keys = pd.DataFrame({"group": table["group"], "level": table["op"] != "=~", "item": item})
    by_place = pd.Series(outside).groupby([keys["level"], keys["item"], keys["group"]]).any()
    wide = by_place.unstack("group")
    order = [(level, name) for level in (False, True) for name in ITEMS]
    return wide.loc[order].to_numpy(dtype=bool).T


def lines(design: Design, labels: tuple[str, str], n: int) -> list[str]:
    """Run one condition and write its rows, one a variant."""
    task = partial(sample, design=design, size=SIZE, variants=VARIANTS)
    found = repeat(task, n, seed=SEED, workers=1).require().results
    return [
        _line([one[k] for one in found], design, (design.kind, *labels, f"{epsilon:g}", errors))
        for k, (epsilon, errors) in enumerate(VARIANTS)
    ]


def _line(found: list[dict[str, Any]], design: Design, labels: tuple[str, ...]) -> str:
    means = np.stack([one["means"] for one in found])
    scalar = np.stack([one["scalar"] for one in found])
    outside = np.stack([one["outside"] for one in found])
    r = np.mean([np.corrcoef(own, design.means)[0, 1] for own in means])
    errors = [np.sqrt(((own - design.means) ** 2).mean()) for own in (means, scalar)]
    differs = design.differs
    shares = [
        np.mean([one["covered"] for one in found]),
        outside[:, differs].mean(),
        outside[:, ~differs].mean(),
        np.mean([one["bias"] for one in found]),
    ]
    cells = [
        *labels,
        f"{r:.3f}",
        *(f"{error:.3f}" for error in errors),
        *(f"{100 * share:.1f} %" for share in shares),
    ]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Run all conditions and write the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.alignment", description=__doc__)
    parser.add_argument("--samples", type=int, default=40, help="samples of each condition")
    given = parser.parse_args()
    console, rows = Console(stderr=True, width=200), []
    for kind, share, one_sided in product(("continuous", "ordered"), SHARES, (False, True)):
        begin = time.perf_counter()
        design = random_design(kind, GROUPS, share, one_sided=one_sided)
        labels = (f"{share:.0%}".replace("%", " %"), "one" if one_sided else "both")
        rows += lines(design, labels, given.samples)
        console.print("\n".join(rows[-len(VARIANTS) :]), f"{time.perf_counter() - begin:.0f} s")
    head = [
        f"| {' | '.join((*LABELS, *MEASURES))} |",
        "| :-- | --: | :-- | --: | :-- |" + " --: |" * len(MEASURES),
    ]
    text = (
        EXPLANATION.format(size=SIZE, samples=given.samples, seed=SEED)
        + "\n".join(head + rows)
        + "\n"
    )
    REPORT.write_text(text, encoding="utf-8")
    console.print(text)


if __name__ == "__main__":
    main()
