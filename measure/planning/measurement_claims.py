"""Claims about how well a questionnaire measures, and whether it measures alike in groups.

References
----------
Chen, F. F. (2007). Sensitivity of goodness of fit indexes to lack of measurement invariance.
Structural Equation Modeling, 14, 464-504.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from measure.checks import known_option
from measure.comparability.ladder_fits import Ladder
from measure.comparability.ladder_table import difference_table, variant_of
from measure.comparability.mean_differences import latent_means
from measure.consistency.composites import composite_reliability
from measure.errors import MeasureWarning, OptionError
from measure.planning.claims import Limits, Study, require_limits, within
from measure.specification.options import Options

# Chen (2007) for samples of 300 and more.
ALIKE: Mapping[str, tuple[str, float]] = {
    "delta_cfi": (">=", -0.010),
    "delta_rmsea": ("<=", 0.015),
}


@dataclass(frozen=True, eq=False)
class OmegaAbove:
    """That the omega of a factor's sum is high enough, and known well enough.

    Attributes
    ----------
    study
        With a model that has the factor.
    factor
        Its name.
    at_least
        The estimate of omega (`composite_reliability`) must not be lower.
    half_width
        Half of the 95 % interval must not be longer; None not to ask.
    """

    study: Study
    factor: str
    at_least: float = 0.80
    half_width: float | None = 0.05

    def __post_init__(self) -> None:
        if not 0 < self.at_least < 1:
            raise OptionError(f"at_least is {self.at_least}, but an omega lies between 0 and 1.")

    def __call__(self, n: int, rng: np.random.Generator) -> bool:
        """Draw one study, and tell whether it shows it."""
        table = composite_reliability(self.study.fit(self.study.draw(n, rng)))
        own = table[table["factor"] == self.factor]
        if own.empty:
            raise OptionError(
                f'the model has no factor "{self.factor}"; it has: '
                f"{', '.join(dict.fromkeys(table['factor']))}."
            )
        half = (own["omega.ci.upper"] - own["omega.ci.lower"]) / 2
        enough = (own["omega"] >= self.at_least).all()
        return bool(enough and (self.half_width is None or (half <= self.half_width).all()))


@dataclass(frozen=True, eq=False)
class InvarianceStep:
    """That a step of invariance is found to hold, or is found not to.

    Attributes
    ----------
    study
        With a population of several groups. Of its options `group` is that of the population.
    step
        Its name, as for `measurement_invariance`; it is compared with the step before.
    holds
        "yes" to claim that all limits hold, "no" that at least one does not: where the population
        is not invariant, that is what ought to be found.
    limits
        As for `Fits`, of the differences: `delta_cfi`, `delta_rmsea`, `delta_srmr`, `pvalue_diff`
        and the others of `Invariance.table`. By default Chen's (2007).
    """

    study: Study
    step: str = "scalar"
    holds: str = "yes"
    limits: Limits = field(default_factory=lambda: ALIKE)

    def __post_init__(self) -> None:
        known_option("holds", self.holds, ("yes", "no"))
        require_limits(self.limits, "a claim about a step")
        _require_groups(self.study)

    def __call__(self, n: int, rng: np.random.Generator) -> bool:
        """Draw one study, and tell whether it shows it."""
        ladder = _ladder(self.study, self.study.draw(n, rng))
        if self.step not in ladder.steps[1:]:
            raise OptionError(
                f'"{self.step}" is no step of this model; there are: {", ".join(ladder.steps[1:])}.'
            )
        before = ladder.steps[ladder.steps.index(self.step) - 1]
        first = ladder.fit(before, None)
        fits = {before: first, self.step: ladder.fit(self.step, first)}
        differences, _ = difference_table(fits, variant_of(fits))
        return within(differences.T[self.step], self.limits) == (self.holds == "yes")


@dataclass(frozen=True, eq=False)
class LatentDifference:
    """That the last group is found to differ from the first on a factor.

    Loadings and intercepts (of ordered items: thresholds) are equal, as in the step "scalar" of
    `measurement_invariance`; the test is that of `latent_means`.

    Attributes
    ----------
    study
        With a population of several groups.
    factor
        Its name.
    alpha
        Level of the two-sided test.
    """

    study: Study
    factor: str
    alpha: float = 0.05

    def __post_init__(self) -> None:
        _require_groups(self.study)

    def __call__(self, n: int, rng: np.random.Generator) -> bool:
        """Draw one study, and tell whether it shows it."""
        groups = self.study.population.groups
        fit = _ladder(self.study, self.study.draw(n, rng)).fit("scalar", None)
        table = latent_means(fit, reference=groups[0]).table
        own = table[(table["factor"] == self.factor) & (table["group"] == groups[-1])]
        own = own[own["reference"] == groups[0]]
        if own.empty:
            raise OptionError(f'the model has no factor "{self.factor}".')
        return bool(own["pvalue"].iloc[0] < self.alpha)


def _require_groups(study: Study) -> None:
    if study.population.group is None:
        raise OptionError(
            "the claim is about groups, but the population has one. Give the model text a value a "
            'group, as "f ~ c(0, 0.3)*1", and name the groups.'
        )


def _ladder(study: Study, data: pd.DataFrame) -> Ladder:
    options = replace(Options(), **study.options, group=study.population.group, std_lv=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MeasureWarning)
        # A category that few choose may lack in a small group, as in a survey.
        return Ladder.of(study.model, data, options, None, "merge")
