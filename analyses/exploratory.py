"""How many dimensions the answers have on their own, and which items go together."""

from dataclasses import dataclass

import pandas as pd

from analyses import evidence, script
from analyses.evidence import column, columns
from analyses.publication import SEED
from analyses.section import (
    Cell,
    Column,
    Figure,
    Finding,
    Message,
    Provenance,
    Quantity,
    Rule,
    Section,
    Table,
    Value,
)
from analyses.structure import structure
from analyses.survey import Survey
from instruments.schema import Instrument
from measure.adequacy import SamplingAdequacy, sampling_adequacy
from measure.errors import MeasureError
from measure.exploratory import FactorSolution, efa
from measure.retention import FactorRetention, factor_retention

DRAWS = 500

CRITERIA = {
    "parallel_pca": "Horn 1965",
    "parallel_paf": "Humphreys & Ilgen 1969",
    "map_squared": "Velicer 1976",
    "map_fourth": "Velicer, Eaton & Fava 2000",
    "ekc": "Braeken & van Assen 2017",
}
"""The criteria that are shown; the first one decides, as it did best in most simulations of items
with several correlated factors (Auerswald & Moshagen 2019)."""


@dataclass(frozen=True)
class Exploration:
    """The items that are explored, and how many factors theory and answers suggest."""

    answers: pd.DataFrame
    n_theory: int
    retention: FactorRetention

    @property
    def n_obs(self) -> int:
        """Respondents who answered all the items."""
        return int(self.retention.n_obs)

    @property
    def n_rule(self) -> int:
        """Number of factors by the criterion that decides."""
        return self.suggested(next(iter(CRITERIA)))

    def suggested(self, criterion: str) -> int:
        """Give the number of factors by one criterion."""
        table = self.retention.table.set_index("criterion")["n_factors"]
        return int(table[criterion])


def run(instrument: Instrument, survey: Survey, *, seed: int = SEED) -> Section:
    """Explore the items of the reference model without its structure.

    Parameters
    ----------
    instrument, survey
        What was asked, and the answers.
    seed
        Of the random data of parallel analysis and the random starts of the rotation.

    Returns
    -------
    Section
        `exploratory`. Where the answers do not allow it, the section says why.
    """
    model = structure(instrument.reference_model)
    items = [item for item in model.observed if item in survey.scored.columns]
    answers = survey.scored[items]
    notes = (
        *evidence.standing_notes(instrument, survey),
        Message("exploratory.note.pearson"),
        *_clusters_note(instrument, survey),
    )
    try:
        adequacy = sampling_adequacy(answers)
        retention = factor_retention(answers, n_draws=DRAWS, seed=seed)
    except MeasureError as error:
        failed = Message("note.technical", {"text": str(error)})
        return Section("exploratory", Message("exploratory.answer.failed"), notes=(*notes, failed))
    exploration = Exploration(answers, len(model.partition or model.factors), retention)
    tables = [
        _adequacy_table(adequacy),
        _retention_table(exploration),
        _scree_table(exploration),
    ]
    figures = [_scree_figure(exploration)]
    numbers = dict.fromkeys((exploration.n_rule, exploration.n_theory))
    for n_factors in numbers:
        solution = _solve(answers, n_factors, seed)
        if isinstance(solution, Message):
            notes = (*notes, solution)
            continue
        tables += _solution_tables(solution)
        figures.append(_loadings_figure(solution))
    return Section(
        id="exploratory",
        answer=_answer(exploration),
        findings=(_adequacy_finding(adequacy), _retention_finding(exploration)),
        tables=tuple(tables),
        figures=tuple(figures),
        notes=notes,
    )


def _clusters_note(instrument: Instrument, survey: Survey) -> tuple[Message, ...]:
    if not evidence.present_columns(instrument, survey, ["cluster"]):
        return ()
    return (Message("exploratory.note.independent"),)


def _solve(answers: pd.DataFrame, n_factors: int, seed: int) -> FactorSolution | Message:
    """Give the factor solution, or the reason why there is none."""
    if n_factors == 0:
        return Message("exploratory.note.no_factor")
    try:
        return efa(answers, n_factors, seed=seed)
    except MeasureError as error:
        values: dict[str, Value] = {"n": n_factors, "text": str(error)}
        return Message("exploratory.note.no_solution", values)


def _answer(exploration: Exploration) -> Message:
    values: dict[str, Value] = {"n": exploration.n_rule, "theory": exploration.n_theory}
    if exploration.n_rule != exploration.n_theory:
        return Message("exploratory.answer.differ", values)
    others = {exploration.suggested(criterion) for criterion in CRITERIA}
    if others == {exploration.n_theory}:
        return Message("exploratory.answer.all", values)
    return Message("exploratory.answer.same", values)


def _adequacy_table(adequacy: SamplingAdequacy) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (str(item), evidence.number(value)) for item, value in adequacy.kmo_items.items()
    ]
    return Table(
        id="kmo_items",
        title=Message("exploratory.table.kmo"),
        columns=(column("item", "text"), column("kmo")),
        rows=tuple(rows),
        provenance=Provenance("Pearson", adequacy.n_obs, "Kaiser & Rice 1974"),
    )


def _adequacy_finding(adequacy: SamplingAdequacy) -> Finding:
    lowest = str(adequacy.kmo_items.idxmin())
    kmo = Provenance("Pearson", adequacy.n_obs, "Kaiser & Rice 1974")
    bartlett = Provenance("Pearson", adequacy.n_obs, "Bartlett 1950")
    return Finding(
        id="adequacy",
        claim=Message("exploratory.claim.adequacy", {"item": lowest}),
        verdict="information",
        evidence=(
            Quantity("statistic.kmo", evidence.number(adequacy.kmo), kmo),
            Quantity("statistic.kmo_lowest", evidence.number(adequacy.kmo_items.min()), kmo),
            Quantity(
                "statistic.bartlett", evidence.number(adequacy.bartlett_chisq), bartlett, digits=1
            ),
            Quantity("statistic.bartlett_df", float(adequacy.df), bartlett, kind="count", digits=0),
            Quantity(
                "statistic.bartlett_p",
                evidence.number(adequacy.pvalue),
                bartlett,
                kind="pvalue",
                digits=3,
            ),
        ),
        notes=(Message("exploratory.note.kmo"),),
    )


def _retention_table(exploration: Exploration) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (Message(f"criterion.{criterion}"), exploration.suggested(criterion), source)
        for criterion, source in CRITERIA.items()
    ]
    rows.append((Message("criterion.theory"), exploration.n_theory, ""))
    return Table(
        id="retention",
        title=Message("exploratory.table.retention"),
        columns=(
            column("criterion", "message"),
            column("n_factors", "count", 0),
            column("source", "text"),
        ),
        rows=tuple(rows),
        provenance=_provenance(exploration),
        notes=(Message("exploratory.note.criteria"),),
    )


def _provenance(exploration: Exploration) -> Provenance:
    values: dict[str, Value] = {
        "draws": exploration.retention.n_draws,
        "seed": str(exploration.retention.seed),
    }
    return Provenance("Pearson", exploration.n_obs, Message("source.parallel", values))


def _retention_finding(exploration: Exploration) -> Finding:
    numbers = tuple(
        Quantity(
            f"statistic.n_{criterion}",
            float(exploration.suggested(criterion)),
            Provenance("Pearson", exploration.n_obs, source),
            kind="count",
            digits=0,
        )
        for criterion, source in CRITERIA.items()
    )
    same = exploration.n_rule == exploration.n_theory
    return Finding(
        id="retention",
        claim=Message(
            "exploratory.claim.same" if same else "exploratory.claim.differ",
            {"n": exploration.n_rule, "theory": exploration.n_theory},
        ),
        verdict="information",
        rule=Rule(Message("exploratory.rule.parallel"), "Horn 1965; Auerswald & Moshagen 2019"),
        evidence=numbers,
        notes=(Message("exploratory.note.not_a_test"),),
    )


def _scree_table(exploration: Exploration) -> Table:
    parallel, ekc = exploration.retention.parallel, exploration.retention.ekc
    rows: list[tuple[Cell, ...]] = [
        (
            int(number),
            evidence.number(parallel.loc[number, "eigenvalue"]),
            evidence.number(parallel.loc[number, "mean"]),
            evidence.number(parallel.loc[number, "q95"]),
            evidence.number(ekc.loc[number, "reference"]),
        )
        for number in parallel.index
    ]
    return Table(
        id="scree",
        title=Message("exploratory.table.scree"),
        columns=(
            column("factor_number", "count", 0),
            *columns("number", 2, "eigenvalue", "random_mean", "random_q95", "ekc_reference"),
        ),
        rows=tuple(rows),
        provenance=_provenance(exploration),
    )


def _scree_figure(exploration: Exploration) -> Figure:
    return Figure(
        id="scree",
        title=Message("exploratory.figure.scree"),
        alt=Message("exploratory.figure.scree.alt", {"n": exploration.n_rule}),
        table="scree",
        form="lines",
        channels={"x": "factor_number", "parts": "eigenvalue random_mean random_q95"},
    )


def _factor_columns(n_factors: int) -> tuple[Column, ...]:
    return tuple(
        Column(f"factor_{number}", Message("factor_numbered", {"number": number}), digits=2)
        for number in range(1, n_factors + 1)
    )


def _solution_tables(solution: FactorSolution) -> tuple[Table, ...]:
    n_factors = int(solution.n_factors)
    provenance = Provenance(Message("estimator.efa"), int(solution.n_obs), Message("source.efa"))
    factors = _factor_columns(n_factors)
    rows: list[tuple[Cell, ...]] = [
        (
            str(item),
            *(evidence.number(value) for value in solution.loadings.loc[item]),
            evidence.number(solution.communalities[item]),
        )
        for item in solution.loadings.index
    ]
    notes = [
        Message(
            "exploratory.note.starts",
            {
                "n": int(solution.n_starts),
                "share": evidence.share(
                    "starts", float(solution.share_at_best), "", int(solution.n_obs)
                ),
            },
        )
    ]
    if not solution.admissible:
        notes.append(Message("exploratory.note.heywood"))
    loadings = Table(
        id=f"efa_{n_factors}",
        title=Message("exploratory.table.loadings", {"n": n_factors}),
        columns=(column("item", "text"), *factors, column("communality")),
        rows=tuple(rows),
        provenance=provenance,
        notes=tuple(notes),
    )
    if n_factors == 1:
        return (loadings,)
    correlations = Table(
        id=f"efa_{n_factors}_correlations",
        title=Message("exploratory.table.correlations", {"n": n_factors}),
        columns=(column("factor", "message"), *factors),
        rows=tuple(
            (
                Message("factor_numbered", {"number": number}),
                *(evidence.number(value) for value in row),
            )
            for number, row in enumerate(solution.factor_correlations.to_numpy(), start=1)
        ),
        provenance=provenance,
    )
    return loadings, correlations


def _loadings_figure(solution: FactorSolution) -> Figure:
    n_factors = int(solution.n_factors)
    return Figure(
        id=f"efa_{n_factors}",
        title=Message("exploratory.figure.loadings", {"n": n_factors}),
        alt=Message("exploratory.figure.loadings.alt", {"n": n_factors}),
        table=f"efa_{n_factors}",
        form="heat",
        channels={
            "y": "item",
            "parts": " ".join(part.name for part in _factor_columns(n_factors)),
        },
        domain=(-1.0, 1.0),
    )


if __name__ == "__main__":
    raise SystemExit(script.main(run, "exploratory"))
