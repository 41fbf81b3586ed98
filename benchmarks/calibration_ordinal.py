"""What the study of ordered answers simulates: the samples, independent or in clusters, and fits.

The factors are those of the study of continuous answers, so that the two can be laid side by side.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import measure
from benchmarks.calibration_design import SEED, Factors
from benchmarks.calibration_study import Estimates, Name, Outcome, estimates
from measure.distributions import normal_cdf, normal_quantile

Array = NDArray[np.float64]

# Columns of the samples beside the items.
CLUSTER, GROUP = "cluster", "site"
# The estimator that is looked at from all sides: difference tests and reliability too.
MAIN = "WLSMV"
MEASURES = ("cfi.robust", "rmsea.robust", "cfi.scaled", "rmsea.scaled", "srmr")
# Nodes of the Gauss-Hermite rule for the reliability of the population: exact to 10 digits.
NODES = 100


@dataclass(frozen=True)
class OrdinalDesign(Factors):
    """How normal responses become answers in categories, and how rows hang together.

    Attributes
    ----------
    shares
        Share of the answers in each category, for each item of a factor, the same for each factor.
    icc
        Share of the variance of the responses that lies between clusters, where rows are
        clustered. Within and between clusters the factors are the same, and so is the model.
    size
        Rows of a cluster.
    """

    shares: tuple[tuple[float, ...], ...] = (
        (0.02, 0.05, 0.13, 0.35, 0.45),
        (0.05, 0.10, 0.25, 0.38, 0.22),
        (0.03, 0.07, 0.15, 0.33, 0.42),
        (0.42, 0.33, 0.15, 0.07, 0.03),
        (0.08, 0.17, 0.30, 0.30, 0.15),
        (0.04, 0.08, 0.18, 0.38, 0.32),
    )
    icc: float = 0.10
    size: int = 20

    @property
    def items(self) -> list[str]:
        """All items."""
        return [item for own in self.factors.values() for item in own]

    @cached_property
    def thresholds(self) -> Array:
        """Thresholds of each item of a factor, (n_items of a factor, n_categories - 1)."""
        return np.asarray(normal_quantile(np.cumsum(self.shares, axis=1)[:, :-1]))

    @cached_property
    def truth(self) -> dict[Name, float]:
        """Value of every parameter and of omega in the population, factors with variance 1."""
        found = dict[Name, float]()
        for factor, items in self.factors.items():
            for item, loading, cuts in zip(items, self.loadings, self.thresholds, strict=True):
                found[f"{factor}=~{item}"] = loading
                found |= {f"{item}|t{c}": float(cut) for c, cut in enumerate(cuts, start=1)}
            found[f"omega({factor})"] = self.reliability
        for j, one in enumerate(self.factors):
            for k, other in enumerate(self.factors):
                if k > j:
                    found[f"{one}~~{other}"] = self.correlations[j][k]
        return found

    @cached_property
    def reliability(self) -> float:
        """Reliability of the sum of the answers to the items of a factor.

        The variance of the expected sum given the factor, over the variance of the sum: answers
        are independent of each other given the factor. This is what Green & Yang (2009, eq. 21)
        obtain from pairs of items, by a way that needs no bivariate normal distribution.
        """
        nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
        weights = weights / weights.sum()
        loadings = np.array(self.loadings)
        spread = np.sqrt(1 - loadings**2)
        below = (self.thresholds - nodes[:, None, None] * loadings[:, None]) / spread[:, None]
        # P(answer > c); the answer is 1 plus the number of thresholds that are passed.
        above = 1 - normal_cdf(below)
        mean = above.sum(axis=2)
        odd = 2 * np.arange(1, above.shape[2] + 1) - 1
        variance = (above * odd).sum(axis=2) - mean**2
        total = mean.sum(axis=1)
        true = weights @ total**2 - (weights @ total) ** 2
        return float(true / (true + weights @ variance.sum(axis=1)))

    @property
    def equal_loadings(self) -> str:
        """The model with the loadings of a factor the same in each factor, as they truly are."""
        return "\n".join(
            f"{factor} =~ " + " + ".join(f"l{k}*{item}" for k, item in enumerate(items, start=1))
            for factor, items in self.factors.items()
        )

    def sample(self, n: int, rng: np.random.Generator, data: str) -> pd.DataFrame:
        """Draw a sample.

        Parameters
        ----------
        n
            Rows.
        rng
            Source of the randomness.
        data
            "independent"; "clustered": clusters of `size` rows; "two groups": of such clusters, the
            first half of them in group "a" and the others in group "b".
        """
        responses = measure.simulate(self.population, n, seed=rng)
        if data != "independent":
            cluster = np.arange(n) // self.size
            shared = measure.simulate(self.population, n // self.size, seed=rng).to_numpy()
            responses = responses * np.sqrt(1 - self.icc) + np.sqrt(self.icc) * shared[cluster]
        cuts = np.tile(self.thresholds, (len(self.factors), 1))
        answers = 1 + (responses.to_numpy()[:, :, None] > cuts).sum(axis=2)
        frame = pd.DataFrame(answers, columns=self.items)
        if data != "independent":
            frame[CLUSTER] = cluster
        if data == "two groups":
            frame[GROUP] = np.where(cluster < n // self.size // 2, "a", "b")
        return frame


@dataclass(frozen=True)
class OrdinalCell:
    """A kind of rows, whether they are treated as clustered or as independent, the estimator."""

    data: str
    treated: str
    estimator: str

    @property
    def name(self) -> str:
        """What the cell is called in tables."""
        treated = "" if self.data == "independent" else f", treated {self.treated}"
        return f"{self.estimator}, {self.data}{treated}"

    def seed(self, n: int) -> int:
        """Seed of the samples: cells of the same kind of data share their samples."""
        # Away from those of the continuous study.
        return SEED + n + 10 + ("independent", "clustered", "two groups").index(self.data)

    def truth(self, design: OrdinalDesign) -> dict[Name, float]:
        """Give the value of every parameter in the population, in both groups if there are two."""
        found = design.truth
        return found | {f"{name}.g2": value for name, value in found.items()}

    def sample(self, design: OrdinalDesign, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """Draw a sample."""
        return design.sample(n, rng, self.data)

    def fit(self, design: OrdinalDesign, frame: pd.DataFrame) -> measure.Fit:
        """Fit the true model, in two groups without anything equal."""
        return self._fit(design, design.model, frame)

    def restricted(self, design: OrdinalDesign, frame: pd.DataFrame) -> measure.Fit:
        """Fit the true model with equalities that hold: across groups, or else across factors."""
        if self.data == "two groups":
            return self._fit(design, design.model, frame, ("thresholds", "loadings"))
        return self._fit(design, design.equal_loadings, frame)

    def _fit(
        self, design: OrdinalDesign, text: str, frame: pd.DataFrame, equal: tuple[str, ...] = ()
    ) -> measure.Fit:
        return measure.cfa(
            text,
            frame,
            ordered=design.items,
            estimator=self.estimator,
            std_lv=True,
            group=GROUP if self.data == "two groups" else None,
            group_equal=equal,
            cluster=CLUSTER if self.treated == "as clustered" else None,
        )

    def outcome(self, design: OrdinalDesign, frame: pd.DataFrame) -> Outcome:
        """Fit a sample, and say what it gave."""
        fit = self.fit(design, frame)
        found = fit.fit_measures
        pvalues = {"test": float(found["pvalue.scaled"])}
        own = named_by_category(estimates(fit), fit)
        if self.estimator == MAIN:
            difference = measure.compare(self.restricted(design, frame), fit)
            pvalues["difference"] = float(difference["pvalue"].iloc[0])
            own = joined(own, reliabilities(fit))
        return Outcome(
            estimates=own,
            admissible=fit.admissible,
            ratio=float(found["chisq.scaled"] / found["df.scaled"]),
            pvalues=pvalues,
            measures={name: float(found[name]) for name in MEASURES},
            remarks=_unused(fit, design),
        )

    @property
    def in_lavaan(self) -> dict[str, str | bool] | None:
        """Options of the same fit by lavaan, which takes no clusters with ordered items."""
        if self.data != "independent":
            return None
        options: dict[str, str | bool] = {"estimator": self.estimator, "missing": "listwise"}
        return options | {"ordered": True, "std.lv": True}


def _used(fit: measure.Fit) -> dict[Name, list[int]]:
    """Give the categories that were used, by item."""
    assert fit.moments.ordinal is not None
    codes = fit.moments.ordinal.values.items()
    return {item: [int(str(code)) for code in own] for item, own in codes}


def named_by_category(found: Estimates, fit: measure.Fit) -> Estimates:
    """Name thresholds by the category above them, where some category was not used.

    A fit counts the thresholds that it has. The first threshold of an item that nobody gave a 1
    to is the one below the 3, which the population calls t2.
    """
    used = _used(fit)

    def renamed(name: Name) -> Name:
        if "|" not in name:
            return name
        item, place = name.split("|t")
        number, dot, group = place.partition(".")
        return f"{item}|t{used[item][int(number)] - 1}{dot}{group}"

    return found._replace(names=tuple(map(renamed, found.names)))


def _unused(fit: measure.Fit, design: OrdinalDesign) -> tuple[str, ...]:
    every = range(1, len(design.shares[0]) + 1)
    return tuple(
        f"nobody answered {category} to {item}"
        for item, used in _used(fit).items()
        for category in every
        if category not in used
    )


def reliabilities(fit: measure.Fit) -> Estimates:
    """Give omega of each factor with its interval, as if it were a parameter."""
    table = measure.composite_reliability(fit)
    labels = fit.moments.groups
    names = [
        f"omega({factor})" + ("" if group == labels[0] else f".g{labels.index(group) + 1}")
        for factor, group in zip(table["factor"], table["group"], strict=True)
    ]
    columns = ("omega", "omega.se", "omega.ci.lower", "omega.ci.upper")
    return Estimates(tuple(names), *(table[name].to_numpy() for name in columns))


def joined(one: Estimates, other: Estimates) -> Estimates:
    """Put two sets of estimates together."""
    columns = (np.append(a, b) for a, b in zip(one[1:], other[1:], strict=True))
    return Estimates((*one.names, *other.names), *columns)


INDEPENDENT = tuple(
    OrdinalCell("independent", "as independent", name) for name in ("WLSMV", "WLSM", "ULSMV")
)
IGNORED, CLUSTERED = (
    OrdinalCell("clustered", f"as {kind}", MAIN) for kind in ("independent", "clustered")
)
CLUSTERED_WLSM = OrdinalCell("clustered", "as clustered", "WLSM")
GROUPS_IGNORED, GROUPS_CLUSTERED = (
    OrdinalCell("two groups", f"as {kind}", MAIN) for kind in ("independent", "clustered")
)
SIZES = (200, 500, 1_000)
# Where large-sample theory has to hold.
LARGE = 5_000
# Rows in 50 clusters, in 200 of them, and in 50 of each of two groups.
FEW, MANY, IN_GROUPS = 1_000, 4_000, 2_000
RUNS = (
    *((cell, n) for cell in INDEPENDENT for n in (*SIZES, LARGE)),
    *((cell, FEW) for cell in (IGNORED, CLUSTERED_WLSM)),
    *((CLUSTERED, n) for n in (FEW, MANY)),
    *((cell, IN_GROUPS) for cell in (GROUPS_IGNORED, GROUPS_CLUSTERED)),
)
