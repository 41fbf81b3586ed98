"""What somebody wants to plan: a claim, how sure it is to be, and what is taken for granted."""

from dataclasses import dataclass

from analyses.errors import AnalysisError
from instruments.schema import Instrument, Scale

CLAIMS = ("fits", "loading", "omega", "invariance", "difference", "icc2", "gain", "wedge")
"""What may be claimed, in the order in which studies ask."""

OF_CLUSTERS = frozenset({"icc2", "gain", "wedge"})
"""Claims of studies that ask whole clusters."""

FEWEST_REPEATS = 20


@dataclass(frozen=True)
class Wish:
    """One study to be planned.

    Parameters
    ----------
    claim
        One of `CLAIMS`.
    target
        How often the study is to make the claim.
    scale
        The scale that it is about; the instrument's first by default. Models of several scales
        (`fits`, `loading`) are the reference model.
    rival
        For `fits`: the model that is not to fit; by default the first of the other models.
    item
        For `loading`: its item; by default that with the lowest loading.
    effect
        A difference, a gain or an effect in standard deviations, for `difference`, `gain` and
        `wedge`. None: what the rules call worthwhile.
    least
        What omega and ICC(2) have to reach, for `omega` and `icc2`; by default by the rules.
    loading, correlation, icc
        What is taken of the population where the instrument does not say, or in place of it.
    clusters
        For `icc2`: how many there are; n is sought in members.
    size
        For `gain` and `wedge`: members of a cluster (at each period).
    periods
        For `wedge`.
    missing
        Share of the answers to each item that is missing, completely at random.
    repeats, seed
        Simulated studies of each size, and the seed.
    most
        The largest study that is tried, as the claim counts it.
    """

    claim: str
    target: float = 0.80
    scale: str | None = None
    rival: str | None = None
    item: str | None = None
    effect: float | None = None
    least: float | None = None
    loading: float | None = None
    correlation: float | None = None
    icc: float | None = None
    clusters: int = 40
    size: int = 12
    periods: int = 5
    missing: float = 0.0
    repeats: int = 300
    seed: int = 1
    most: int = 10_000

    def __post_init__(self) -> None:
        if self.claim not in CLAIMS:
            raise AnalysisError(f'"{self.claim}" is no claim. Choose one of: {", ".join(CLAIMS)}.')
        if not 0 < self.target < 1:
            raise AnalysisError(
                f"the power is {self.target:g}, but must lie between 0 and 1: no study is certain "
                "to show anything."
            )
        shares = {"loading": self.loading, "correlation": self.correlation, "icc": self.icc}
        for name, value in (shares | {"missing": self.missing}).items():
            if value is not None and not 0 <= value < 1:
                raise AnalysisError(f"{name} is {value:g}, but must be at least 0 and below 1.")
        if self.least is not None and not 0 < self.least < 1:
            raise AnalysisError(f"least is {self.least:g}, but must lie between 0 and 1.")
        if self.loading == 0:
            raise AnalysisError("loading is 0, but items that measure something have one above 0.")
        least = {"clusters": 2, "size": 2, "periods": 3, "repeats": FEWEST_REPEATS, "most": 4}
        for name, fewest in least.items():
            if getattr(self, name) < fewest:
                raise AnalysisError(
                    f"{name} is {getattr(self, name)}, but must be at least {fewest}."
                )
        if self.claim == "icc2" and 2 * self.clusters > self.most:
            raise AnalysisError(
                f"{self.clusters} clusters cannot be filled with {self.most} people. Ask for fewer "
                "clusters, or allow more people."
            )
        if self.claim == "gain" and 2 * self.size > self.most:
            raise AnalysisError(
                f"a group of {self.most} people has no two clusters of {self.size}. Allow more "
                "people, or smaller clusters."
            )

    def about(self, instrument: Instrument) -> Scale:
        """Give the scale that the claim is about.

        Raises
        ------
        AnalysisError
            The instrument has no such scale, or it is no reflective one.
        """
        scales = {scale.id: scale for scale in instrument.reflective_scales}
        if self.scale is None:
            return next(iter(scales.values()))
        if self.scale not in scales:
            raise AnalysisError(
                f'"{self.scale}" is no reflective scale of "{instrument.id}". Choose one of: '
                f"{', '.join(scales)}."
            )
        return scales[self.scale]
