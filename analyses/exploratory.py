"""How many dimensions the answers have on their own, and which items go together."""

from collections.abc import Sequence

from analyses import evidence
from analyses.defaults import SEED
from analyses.dimensions import congruence, counting
from analyses.dimensions.exploration import Exploration, explore
from analyses.evidence import column, columns
from analyses.intake.survey import Survey
from analyses.section import (
    Cell,
    Column,
    Figure,
    Finding,
    Message,
    Provenance,
    Quantity,
    Section,
    Table,
    Value,
)
from instruments.schema import Instrument
from measure.errors import MeasureError
from measure.exploration.exploratory import FactorSolution


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
    notes = evidence.standing_notes(instrument, survey)
    try:
        exploration = explore(instrument, survey, seed)
    except MeasureError as error:
        failed = Message("note.technical", {"text": str(error)})
        return Section("exploratory", Message("exploratory.answer.failed"), notes=(*notes, failed))
    notes = (*notes, *exploration.notes)
    tables = [
        _adequacy_table(exploration),
        counting.table(exploration),
        counting.scree_table(exploration),
    ]
    figures = [counting.scree_figure(exploration)]
    findings = [_adequacy_finding(exploration), counting.finding(exploration, instrument.rules)]
    for n_factors in dict.fromkeys((exploration.n_rule, exploration.n_theory)):
        solution = exploration.solve(n_factors)
        if isinstance(solution, Message):
            notes = (*notes, solution)
            continue
        tables += _solution_tables(solution)
        if n_factors > 1:
            findings.append(_rotation_finding(solution))
        figures.append(_loadings_figure(solution))
        agreement = congruence.agreement(instrument, solution, seed)
        if agreement is not None:
            tables.append(congruence.table(instrument, agreement))
            findings.append(congruence.finding(instrument, agreement))
    return Section(
        id="exploratory",
        answer=_answer(exploration, instrument.rules.factors_retained.criteria),
        findings=tuple(findings),
        tables=tuple(tables),
        figures=tuple(figures),
        notes=notes,
    )


def _answer(exploration: Exploration, criteria: Sequence[str]) -> Message:
    values: dict[str, Value] = {"n": exploration.n_rule, "theory": exploration.n_theory}
    others = {exploration.first.suggested[criterion] for criterion in criteria} - {None}
    if exploration.n_rule != exploration.n_theory:
        answer = Message("exploratory.answer.differ", values)
    elif others == {exploration.n_theory}:
        answer = Message("exploratory.answer.all", values)
    else:
        answer = Message("exploratory.answer.same", values)
    if not exploration.check_differs:
        return answer
    checked: dict[str, Value] = {"answer": answer, "n": exploration.n_check}
    return Message("exploratory.answer.check_differs", checked)


def _adequacy_table(exploration: Exploration) -> Table:
    adequacy = exploration.first.adequacy
    rows: list[tuple[Cell, ...]] = [
        (str(item), evidence.number(value)) for item, value in adequacy.kmo_items.items()
    ]
    return Table(
        id="kmo_items",
        title=Message("exploratory.table.kmo"),
        columns=(column("item", "text"), column("kmo")),
        rows=tuple(rows),
        provenance=Provenance(exploration.first.correlation, adequacy.n_obs, "Kaiser & Rice 1974"),
    )


def _adequacy_finding(exploration: Exploration) -> Finding:
    adequacy = exploration.first.adequacy
    # The test supposes correlations of normal answers, and does not exist for polychoric ones.
    tested = (exploration.check or exploration.first).adequacy
    lowest = str(adequacy.kmo_items.idxmin())
    kmo = Provenance(exploration.first.correlation, adequacy.n_obs, "Kaiser & Rice 1974")
    bartlett = Provenance("Pearson", tested.n_obs, "Bartlett 1950")
    return Finding(
        id="adequacy",
        claim=Message("exploratory.claim.adequacy", {"item": lowest}),
        verdict="information",
        evidence=(
            Quantity("statistic.kmo", evidence.number(adequacy.kmo), kmo),
            Quantity("statistic.kmo_lowest", evidence.number(adequacy.kmo_items.min()), kmo),
            Quantity(
                "statistic.bartlett", evidence.number(tested.bartlett_chisq), bartlett, digits=1
            ),
            Quantity("statistic.bartlett_df", float(tested.df), bartlett, kind="count", digits=0),
            Quantity(
                "statistic.bartlett_p",
                evidence.number(tested.pvalue),
                bartlett,
                kind="pvalue",
                digits=3,
            ),
        ),
        notes=(Message("exploratory.note.kmo"),),
    )


def _factor_columns(n_factors: int) -> tuple[Column, ...]:
    return tuple(
        Column(f"factor_{number}", Message("factor_numbered", {"number": number}), digits=2)
        for number in range(1, n_factors + 1)
    )


def _provenance(solution: FactorSolution) -> Provenance:
    kind = "efa_polychoric" if solution.correlation == "polychoric" else "efa"
    estimator = Message(f"estimator.{kind}")
    if solution.n_clusters is not None:
        clusters: dict[str, Value] = {"estimator": estimator, "n": solution.n_clusters}
        estimator = Message("method.clustered", clusters)
    return Provenance(estimator, int(solution.n_obs), Message("source.efa"))


def _rotation_finding(solution: FactorSolution) -> Finding:
    """Say how many starts of the rotation reached its best value, and how certain loadings are."""
    provenance, share = _provenance(solution), float(solution.share_at_best)
    errors = solution.loadings_table["se"]
    return Finding(
        id=f"rotation_{solution.n_factors}",
        claim=Message(
            f"exploratory.claim.rotation_{'stable' if share > 0.5 else 'unstable'}",
            {
                "n": int(solution.n_factors),
                "starts": int(solution.n_starts),
                "share": evidence.share("starts", share, "", int(solution.n_obs)),
            },
        ),
        verdict="information",
        evidence=(
            evidence.share("starts", share, provenance.source, int(solution.n_obs)),
            Quantity("statistic.largest_se", evidence.number(errors.max()), provenance, digits=3),
        ),
    )


def _solution_tables(solution: FactorSolution) -> tuple[Table, ...]:
    n_factors = int(solution.n_factors)
    provenance = _provenance(solution)
    factors = _factor_columns(n_factors)
    rows: list[tuple[Cell, ...]] = [
        (
            str(item),
            *(evidence.number(value) for value in solution.loadings.loc[item]),
            evidence.number(solution.communalities[item]),
        )
        for item in solution.loadings.index
    ]
    heywood = () if solution.admissible else (Message("exploratory.note.heywood"),)
    loadings = Table(
        id=f"efa_{n_factors}",
        title=Message("exploratory.table.loadings", {"n": n_factors}),
        columns=(column("item", "text"), *factors, column("communality")),
        rows=tuple(rows),
        provenance=provenance,
        notes=heywood,
    )
    intervals = _intervals_table(solution)
    if n_factors == 1:
        return loadings, intervals
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
    return loadings, intervals, correlations


def _intervals_table(solution: FactorSolution) -> Table:
    """Give each loading with its standard error and interval."""
    n_factors = int(solution.n_factors)
    numbers = {name: place for place, name in enumerate(solution.loadings.columns, start=1)}
    rows: list[tuple[Cell, ...]] = [
        (
            str(row["item"]),
            Message("factor_numbered", {"number": numbers[row["factor"]]}),
            *(evidence.number(row[name]) for name in ("est", "se", "ci.lower", "ci.upper")),
        )
        for _, row in solution.loadings_table.iterrows()
    ]
    how = "independent" if solution.n_clusters is None else "clustered"
    notes = [Message(f"exploratory.note.intervals_{how}")]
    if solution.error_note:
        notes = [Message("note.technical", {"text": solution.error_note})]
    return Table(
        id=f"efa_{n_factors}_intervals",
        title=Message("exploratory.table.intervals", {"n": n_factors}),
        columns=(
            column("item", "text"),
            column("factor", "message"),
            *columns("number", 2, "loading", "loading_se", "ci.lower", "ci.upper"),
        ),
        rows=tuple(rows),
        provenance=_provenance(solution),
        notes=tuple(notes),
    )


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
    from analyses import script

    raise SystemExit(script.main(run, "exploratory"))
