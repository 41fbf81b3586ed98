"""How many dimensions the answers have on their own, and which items go together."""

from analyses import evidence, script
from analyses.evidence import column, columns
from analyses.exploration import CRITERIA, Exploration, explore
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
from analyses.survey import Survey
from instruments.schema import Instrument
from measure.errors import MeasureError
from measure.exploratory import FactorSolution


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
    notes = (
        *evidence.standing_notes(instrument, survey),
        *_clusters_note(instrument, survey),
    )
    try:
        exploration = explore(instrument, survey, seed)
    except MeasureError as error:
        failed = Message("note.technical", {"text": str(error)})
        return Section("exploratory", Message("exploratory.answer.failed"), notes=(*notes, failed))
    notes = (*notes, *exploration.notes)
    tables = [
        _adequacy_table(exploration),
        _retention_table(exploration),
        _scree_table(exploration),
    ]
    figures = [_scree_figure(exploration)]
    for n_factors in dict.fromkeys((exploration.n_rule, exploration.n_theory)):
        solution = exploration.solve(n_factors)
        if isinstance(solution, Message):
            notes = (*notes, solution)
            continue
        tables += _solution_tables(solution)
        figures.append(_loadings_figure(solution))
    return Section(
        id="exploratory",
        answer=_answer(exploration),
        findings=(_adequacy_finding(exploration), _retention_finding(exploration)),
        tables=tuple(tables),
        figures=tuple(figures),
        notes=notes,
    )


def _clusters_note(instrument: Instrument, survey: Survey) -> tuple[Message, ...]:
    if not evidence.present_columns(instrument, survey, ["cluster"]):
        return ()
    return (Message("exploratory.note.independent"),)


def _answer(exploration: Exploration) -> Message:
    values: dict[str, Value] = {"n": exploration.n_rule, "theory": exploration.n_theory}
    others = {exploration.first.suggested(criterion) for criterion in CRITERIA}
    if exploration.n_rule != exploration.n_theory:
        answer = Message("exploratory.answer.differ", values)
    elif others == {exploration.n_theory}:
        answer = Message("exploratory.answer.all", values)
    else:
        answer = Message("exploratory.answer.same", values)
    if exploration.check is None or not exploration.check_differs:
        return answer
    checked: dict[str, Value] = {"answer": answer, "n": exploration.check.n_rule}
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


def _retention_table(exploration: Exploration) -> Table:
    check = exploration.check
    rows: list[tuple[Cell, ...]] = [
        (
            Message(f"criterion.{criterion}"),
            exploration.first.suggested(criterion),
            *(() if check is None else (check.suggested(criterion),)),
            source,
        )
        for criterion, source in CRITERIA.items()
    ]
    theory = [exploration.n_theory] * (1 if check is None else 2)
    rows.append((Message("criterion.theory"), *theory, ""))
    checked = () if check is None else (column("n_factors_check", "count", 0),)
    return Table(
        id="retention",
        title=Message("exploratory.table.retention"),
        columns=(
            column("criterion", "message"),
            column("n_factors", "count", 0),
            *checked,
            column("source", "text"),
        ),
        rows=tuple(rows),
        provenance=_provenance(exploration),
        notes=(
            Message("exploratory.note.criteria"),
            *(() if check is None else (Message("exploratory.note.check"),)),
        ),
    )


def _provenance(exploration: Exploration) -> Provenance:
    retention = exploration.first.retention
    values: dict[str, Value] = {"draws": retention.n_draws, "seed": str(retention.seed)}
    source = "source.parallel_shuffled" if exploration.first.ordered else "source.parallel"
    return Provenance(exploration.first.correlation, exploration.n_obs, Message(source, values))


def _retention_finding(exploration: Exploration) -> Finding:
    first, check = exploration.first, exploration.check
    numbers = [
        Quantity(
            f"statistic.n_{criterion}",
            float(first.suggested(criterion)),
            Provenance(first.correlation, exploration.n_obs, source),
            kind="count",
            digits=0,
        )
        for criterion, source in CRITERIA.items()
    ]
    notes = [Message("exploratory.note.not_a_test")]
    if check is not None:
        own = Provenance(check.correlation, exploration.n_obs, "Horn 1965")
        numbers.append(
            Quantity("statistic.n_check", float(check.n_rule), own, kind="count", digits=0)
        )
        agreement = "differs" if exploration.check_differs else "agrees"
        notes.append(Message(f"exploratory.note.check_{agreement}", {"n": check.n_rule}))
    same = exploration.n_rule == exploration.n_theory
    source = "Garrido, Abad & Ponsoda 2013" if first.ordered else "Horn 1965"
    return Finding(
        id="retention",
        claim=Message(
            "exploratory.claim.same" if same else "exploratory.claim.differ",
            {"n": exploration.n_rule, "theory": exploration.n_theory},
        ),
        verdict="information",
        rule=Rule(Message("exploratory.rule.parallel"), f"{source}; Auerswald & Moshagen 2019"),
        evidence=tuple(numbers),
        notes=tuple(notes),
    )


def _scree_table(exploration: Exploration) -> Table:
    parallel, ekc = exploration.first.retention.parallel, exploration.first.retention.ekc
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
    estimator = "efa_polychoric" if solution.correlation == "polychoric" else "efa"
    provenance = Provenance(
        Message(f"estimator.{estimator}"), int(solution.n_obs), Message("source.efa")
    )
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
