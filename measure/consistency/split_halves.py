"""Split-half reliability over all splits of a scale, or over many that are drawn."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import known_option
from measure.consistency.covariance_functions import (
    Asked,
    Functions,
    spread_of,
    through_correlations,
)
from measure.consistency.covariance_samples import correlations as correlations_of
from measure.consistency.covariance_samples import sample_of
from measure.consistency.splits import drawn_splits, equal_splits, n_equal_splits
from measure.display import render_html, render_text
from measure.errors import OptionError

Array = NDArray[np.float64]

COEFFICIENTS = ("spearman.brown", "flanagan.rulon", "angoff.feldt")
QUANTILES = {"q025": 0.025, "median": 0.5, "q975": 0.975}


@dataclass(frozen=True, eq=False)
class SplitHalves:
    """Split-half reliabilities of a scale.

    Attributes
    ----------
    table
        One row a coefficient: `coefficient mean se ci.lower ci.upper sd min q025 median q975 max
        odd.even`. The interval is that of the mean over the splits; `min` to `max` say how the
        coefficient varies from split to split, which is no uncertainty of the sample.
    replicates
        One row a split, with each coefficient.
    splits
        1 where the item stands in the first half, 0 where it stands in the other; splits × items.
    complete
        Whether these are all splits into halves.
    confidence_level
        Of the interval.
    n_obs, n_items, n_dropped, n_clusters
        Rows used, items, rows left out, clusters (None without).
    facts
        How the numbers were obtained, by name.
    notes
        What the reader has to know.
    """

    table: pd.DataFrame
    replicates: pd.DataFrame
    splits: pd.DataFrame
    complete: bool
    confidence_level: float
    n_obs: int
    n_items: int
    n_dropped: int
    n_clusters: int | None
    facts: dict[str, object]
    notes: tuple[str, ...]

    def _report(self) -> tuple[str, dict[str, object], dict[str, pd.DataFrame]]:
        facts = self.facts | {"rows used": self.n_obs, "left out": self.n_dropped}
        facts |= {f"note {k}": note for k, note in enumerate(self.notes, start=1)}
        return "Split-half reliability", facts, {"Over splits": self.table}

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def split_half(
    items: pd.DataFrame,
    *,
    of: str = "answers",
    n_splits: int = 10_000,
    seed: int | None = None,
    interval: str = "adf",
    cluster: str | None = None,
    n_samples: int = 1000,
    confidence_level: float = 0.95,
) -> SplitHalves:
    """Split-half reliability: its distribution over the splits, and the odd-even split.

    Parameters
    ----------
    items
        The items of one scale, one row a respondent, already reverse-keyed where they should be;
        rows with a missing answer are left out.
    of
        "answers": of sums of the answers as given; "standardized": of standardised answers.
    n_splits
        All splits are taken where there are no more than this (16 items have 6,435); otherwise so
        many are drawn, with replacement.
    seed
        Of the splits, where they are drawn, and of a bootstrap interval.
    interval
        Of the mean over the splits: "adf", "percentile" or "bca"; see `cronbach_alpha`.
    cluster
        Column of `items` that names the cluster of each respondent.
    n_samples
        Of a bootstrap interval.
    confidence_level
        Of the interval.

    Returns
    -------
    SplitHalves
        Halves A and B have n/2 items, of an odd number (n - 1)/2 and (n + 1)/2:

        - `spearman.brown`: 2r/(1 + r) with r the correlation of the halves (Spearman 1910; Brown
          1910), for halves that are parallel;
        - `flanagan.rulon`: 4 cov(A, B) over the variance of the sum (Rulon 1939, who owes it to
          Flanagan; Guttman's lambda 4 of this split), for halves that are tau-equivalent. Its mean
          over all splits of an even number of items is alpha (Cronbach 1951);
        - `angoff.feldt`: the same over T - (V_A - V_B)^2 / T, T the variance of the sum and V_A and
          V_B of the halves, for halves that load differently, as those of different length do
          (Feldt & Brennan 1989).

    Raises
    ------
    DataError
        Fewer than two items or three complete rows, or an item that cannot be analysed.
    OptionError
        An unknown option; too many splits to take all, and no seed.

    References
    ----------
    Cronbach, L. J. (1951). Coefficient alpha and the internal structure of tests. Psychometrika,
    16, 297-334.
    Feldt, L. S., & Brennan, R. L. (1989). Reliability. In R. L. Linn (Ed.), Educational measurement
    (3rd ed., pp. 105-146). American Council on Education.
    """
    known_option("of", of, ("answers", "standardized"))
    asked = Asked(interval, confidence_level, n_samples, seed)
    sample = sample_of(items, cluster=cluster)
    n_items = len(sample.names)
    signs, complete = _splits(n_items, n_splits, seed)
    halves = Halves(signs, of == "standardized")
    each = halves.each(sample.covariance)
    spread = spread_of(sample, Functions(COEFFICIENTS, halves.means, halves.slopes), asked)
    odd_even = Halves(np.where(np.arange(n_items) % 2, -1.0, 1.0)[None], halves.standardized)
    table = pd.DataFrame(
        {
            "coefficient": COEFFICIENTS,
            "mean": each.mean(axis=0),
            **spread.columns,
            "sd": each.std(axis=0),
            "min": each.min(axis=0),
            **{name: np.quantile(each, at, axis=0) for name, at in QUANTILES.items()},
            "max": each.max(axis=0),
            "odd.even": odd_even.each(sample.covariance)[0],
        }
    )
    which = "all" if complete else "drawn"
    return SplitHalves(
        table=table,
        replicates=pd.DataFrame(each, columns=list(COEFFICIENTS)),
        splits=pd.DataFrame((signs > 0).astype(int), columns=list(sample.names)),
        complete=complete,
        confidence_level=confidence_level,
        n_obs=sample.n_obs,
        n_items=n_items,
        n_dropped=sample.n_dropped,
        n_clusters=sample.n_clusters,
        facts={"splits": f"{len(signs)} ({which})", "of": of, **asked.facts},
        notes=(*_notes(n_items, each), *spread.notes),
    )


def _splits(n_items: int, n_splits: int, seed: int | None) -> tuple[Array, bool]:
    """Splits, and whether they are all."""
    if n_splits < 1:
        raise OptionError(f"n_splits is {n_splits}, but must be 1 or more.")
    if n_equal_splits(n_items) <= n_splits:
        return equal_splits(n_items), True
    if seed is None:
        raise OptionError(
            f"{n_items} items have {n_equal_splits(n_items):,} splits, more than n_splits = "
            f"{n_splits:,}, so that some are drawn: give seed, as seed=1."
        )
    # Other numbers than those of the bootstrap, which may have the same seed.
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0, 0)))
    return drawn_splits(n_items, n_splits, rng), False


@dataclass(frozen=True, eq=False)
class Halves:
    """Splits (n_splits, n_items) of 1 and -1, and whether items are standardised first."""

    signs: Array
    standardized: bool

    def _moments(self, S: Array) -> tuple[Array, Array, Array]:
        """Variances of the two halves and their covariance, (..., n_splits)."""
        total = S.sum(axis=(-2, -1))[..., None]
        turned = S @ self.signs.T
        apart = (self.signs.T * turned).sum(axis=-2)
        # With s = a - b and 1 = a + b: 1'Ss = V_a - V_b, s'Ss = V_a + V_b - 2 C.
        difference = turned.sum(axis=-2)
        between = (total - apart) / 4
        both = total - 2 * between
        return (both + difference) / 2, (both - difference) / 2, between

    def each(self, S: Array) -> Array:
        """The coefficients of each split, (..., n_splits, 3)."""
        if self.standardized:
            S = correlations_of(S)
        first, second, between = self._moments(S)
        r = between / np.sqrt(first * second)
        total = first + second + 2 * between
        uneven = total - (first - second) ** 2 / total
        return np.stack([2 * r / (1 + r), 4 * between / total, 4 * between / uneven], axis=-1)

    def means(self, S: Array) -> Array:
        """Means over the splits, (..., 3)."""
        if S.ndim == 2:
            return np.asarray(self.each(S).mean(axis=0))
        return np.stack([self.each(one).mean(axis=0) for one in S])

    def slopes(self, S: Array) -> Array:
        """Derivatives of the means by the covariances, (3, p, p)."""
        own = correlations_of(S) if self.standardized else S
        first, second, between = self._moments(own)
        r = between / np.sqrt(first * second)
        outer = 2 / (1 + r) ** 2
        total = first + second + 2 * between
        share = (first - second) / total
        uneven = total * (1 - share**2)
        rulon, angoff = 4 * between / total**2, 4 * between / uneven**2
        # By the variance of the first half, that of the second, and their covariance.
        by_part = np.array(
            [
                [-outer * r / (2 * first), -outer * r / (2 * second), outer * r / between],
                [-rulon, -rulon, 4 / total - 2 * rulon],
                [
                    -angoff * (1 - share) ** 2,
                    -angoff * (1 + share) ** 2,
                    4 / uneven - 2 * angoff * (1 + share**2),
                ],
            ]
        )
        a, b = (self.signs + 1) / 2, (1 - self.signs) / 2
        found = []
        for in_first, in_second, across in by_part / len(self.signs):
            mixed = (a * across[:, None]).T @ b
            inside = (a * in_first[:, None]).T @ a + (b * in_second[:, None]).T @ b
            slope = inside + (mixed + mixed.T) / 2
            found.append(through_correlations(slope, S) if self.standardized else slope)
        return np.stack(found)


def _notes(n_items: int, each: Array) -> list[str]:
    notes = []
    if n_items == 2:
        notes.append("Two items have one split.")
    elif n_items % 2:
        notes.append(
            "The number of items is odd: one half has an item more, for which Angoff and Feldt's "
            "coefficient allows and the others do not."
        )
    if (each < 0).any():
        notes.append(
            f"{(each < 0).any(axis=1).mean():.0%} of the splits have a negative coefficient. Check "
            "whether some items should be reverse-keyed."
        )
    return notes
