"""What the recovery study draws and fits: conditions, models, clusters; see `recovery`."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

import instruments
import measure
from analyses.modelling.structure import structure
from analyses.simulating.drawing import Drawn, Wanted, draw
from analyses.simulating.truth import true_answers
from benchmarks.calibration_design import SEED
from benchmarks.calibration_ordinal import joined, named_by_category, reliabilities
from benchmarks.calibration_results import Study
from benchmarks.calibration_study import Name, Outcome, estimates
from instruments.population import CARELESS_KINDS, Population, load_population
from instruments.schema import Instrument
from measure.errors import MeasureWarning

FILE = "recovery.json"
CLEAN, BUNDLED, REMOVED, ORDINARY = "clean", "as bundled", "careless removed", "ordinary only"
WANTED = {
    CLEAN: Wanted(careless=False, flat=False, noninvariance=False, second_wave=False),
    BUNDLED: Wanted(second_wave=False),
    REMOVED: Wanted(second_wave=False),
    ORDINARY: Wanted(second_wave=False),
}
"""What the surveys of each condition hold; the last two lose some respondents after the draw."""


@dataclass(frozen=True)
class RecoveryDesign:
    """The population of a bundled instrument."""

    instrument: str = "coupling"

    @cached_property
    def asked(self) -> Instrument:
        """The instrument."""
        return instruments.load(self.instrument)

    @cached_property
    def population(self) -> Population:
        """The stated population."""
        return load_population(self.asked)

    def draw(self, seed: int | np.random.Generator, wanted: Wanted) -> Drawn:
        """Draw a survey."""
        return draw(self.asked, self.population, seed=seed, wanted=wanted)

    @cached_property
    def n(self) -> int:
        """Respondents of a survey."""
        return self.population.sizes.respondents

    @cached_property
    def truth(self) -> dict[Name, float]:
        """Value of every parameter and omega of both models, factors with variance 1."""
        answers = true_answers(self.draw(SEED, WANTED[CLEAN]))
        found = dict[Name, float]()
        for item, scale, loading, cuts in zip(
            answers.items.names,
            answers.items.scale,
            answers.loadings,
            answers.thresholds,
            strict=True,
        ):
            found[f"{scale}=~{item}"] = float(loading)
            for c, cut in enumerate(cuts, start=1):
                # A fit has the items as scored: reversed ones turned.
                found[f"{item}|t{c}"] = float(cut)
        functions = list(answers.structure.functions)
        for one in functions:
            found[f"omega({one})"] = answers.omega(self.asked.scale(one).items)
            for other in functions:
                found[f"{one}~~{other}"] = answers.between(one, other)
        return found

    def model(self, name: str) -> str:
        """Give the text of a model: the reference model, or the functions of a level."""
        if name == self.asked.reference_model.id:
            return self.asked.reference_model.syntax
        scales = [scale for scale in self.asked.scales if scale.id.startswith(f"{name}_")]
        return "\n".join(f"{scale.id} =~ {' + '.join(scale.items)}" for scale in scales)


@dataclass(frozen=True)
class RecoveryCell:
    """A model, what the surveys hold, and which clusters the standard errors are robust to."""

    model: str
    condition: str
    cluster: str

    @property
    def name(self) -> str:
        """What the cell is called in tables."""
        return f"{self.model}, {self.condition}, clusters: {self.cluster}"

    def seed(self, n: int) -> int:
        """Seed of the surveys: all cells have the same people."""
        # Away from those of the studies of calibration.
        return SEED + n + 20

    def truth(self, design: RecoveryDesign) -> Mapping[Name, float]:
        """Give the value of every parameter in the population."""
        return design.truth

    def sample(self, design: RecoveryDesign, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """Draw a survey: the scored items of the model and the clusters."""
        assert n == design.n
        drawn = design.draw(rng, WANTED[self.condition])
        rows = drawn.data
        if self.condition in (REMOVED, ORDINARY):
            left_out = [*CARELESS_KINDS, *(["flat"] if self.condition == ORDINARY else [])]
            rows = rows[~drawn.careless["kind"].isin(left_out)]
        items = list(structure_items(design, self.model))
        scored = design.asked.score(rows[items])
        return scored.assign(**{self.cluster: rows[self.cluster]})

    def fit(self, design: RecoveryDesign, frame: pd.DataFrame) -> measure.Fit:
        """Fit the model as the reports do, with factors of variance 1."""
        return measure.cfa(
            design.model(self.model),
            frame,
            ordered=structure_items(design, self.model),
            estimator="WLSMV",
            missing="pairwise",
            information="observed",
            cluster=self.cluster,
            std_lv=True,
        )

    def outcome(self, design: RecoveryDesign, frame: pd.DataFrame) -> Outcome:
        """Fit a survey, and say what it gave."""
        with warnings.catch_warnings():
            # Blocks that were not asked leave rows without any answer.
            warnings.simplefilter("ignore", MeasureWarning)
            fit = self.fit(design, frame)
        found = fit.fit_measures
        return Outcome(
            estimates=joined(named_by_category(estimates(fit), fit), reliabilities(fit)),
            admissible=fit.admissible,
            ratio=float(found["chisq.scaled"] / found["df.scaled"]),
            pvalues={"test": float(found["pvalue.scaled"])},
            share_missing=float(frame.isna().to_numpy().mean()),
            measures={name: float(found[name]) for name in ("cfi.scaled", "rmsea.scaled", "srmr")},
        )

    @property
    def in_lavaan(self) -> None:
        """Nothing: lavaan takes no clusters with ordered items."""
        return


def structure_items(design: RecoveryDesign, model: str) -> tuple[str, ...]:
    """Give the items of a model."""
    text = design.model(model)
    reference = design.asked.reference_model
    return structure(reference.model_copy(update={"syntax": text})).observed


OWN, ORGANISATION = "M2", "O"
CELLS = (
    RecoveryCell(OWN, CLEAN, "unit"),
    RecoveryCell(OWN, CLEAN, "organisation"),
    RecoveryCell(ORGANISATION, CLEAN, "unit"),
    RecoveryCell(ORGANISATION, CLEAN, "organisation"),
    RecoveryCell(OWN, BUNDLED, "unit"),
    RecoveryCell(OWN, REMOVED, "unit"),
    RecoveryCell(OWN, ORDINARY, "unit"),
    RecoveryCell(ORGANISATION, BUNDLED, "organisation"),
    RecoveryCell(ORGANISATION, REMOVED, "organisation"),
)
N = 1_800
RECOVERY: Study[Any, Any] = Study(
    RecoveryDesign, RecoveryCell, tuple((cell, N) for cell in CELLS), FILE
)
