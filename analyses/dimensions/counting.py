"""How many factors the criteria tell: a table, a figure, a finding by the instrument's rule."""

from collections.abc import Mapping

import instruments.rules
from analyses import evidence, verdicts
from analyses.dimensions.exploration import COMPARISON, CRITERIA, Exploration
from analyses.evidence import column, columns
from analyses.section import (
    Cell,
    Figure,
    Finding,
    Message,
    Provenance,
    Quantity,
    Table,
    Value,
)


def table(exploration: Exploration) -> Table:
    """Give what each criterion says, one row a criterion, and the theory's number last."""
    first, check = exploration.first, exploration.check
    rows: list[tuple[Cell, ...]] = [
        (
            Message(f"criterion.{criterion}"),
            first.suggested[criterion],
            *(() if check is None else (check.suggested[criterion],)),
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
        notes=tuple(_table_notes(exploration)),
    )


def _table_notes(exploration: Exploration) -> list[Message]:
    first, check = exploration.first, exploration.check
    decides: Value = Message(f"criterion.{exploration.decides}")
    notes = [Message("exploratory.note.criteria", {"decides": decides})]
    if check is not None:
        notes.append(Message("exploratory.note.check"))
        notes.append(Message("exploratory.note.comparison_data"))
    notes += _unanswered(first.unanswered, "no_answer")
    if check is not None:
        # What comparison data say is the same in both.
        own = {name: why for name, why in check.unanswered.items() if name != COMPARISON}
        notes += _unanswered(own, "no_answer_check")
    return notes


def _unanswered(unanswered: Mapping[str, str], key: str) -> list[Message]:
    """Say which criteria gave no answer, those together that have the same reason."""
    silent: dict[str, list[Message]] = {}
    for name, why in unanswered.items():
        if name in CRITERIA:
            silent.setdefault(why, []).append(Message(f"criterion.{name}"))
    return [
        Message(f"exploratory.note.{key}", {"criteria": tuple(names), "text": why})
        for why, names in silent.items()
    ]


def _provenance(exploration: Exploration) -> Provenance:
    first = exploration.first
    values: dict[str, Value] = {
        "draws": first.retention.n_draws,
        "seed": str(first.retention.seed),
    }
    source = "source.parallel_shuffled" if first.ordered else "source.parallel"
    if first.retention.n_clusters is not None:
        source = "source.parallel_clusters"
    return Provenance(first.correlation, exploration.n_obs, Message(source, values))


def finding(exploration: Exploration, rules: instruments.rules.Rules) -> Finding:
    """Judge whether the answers have as many factors as the reference model."""
    first, check = exploration.first, exploration.check
    verdict, agree, known = verdicts.judge_retention(first.suggested, exploration.n_theory, rules)
    numbers = [
        Quantity(
            f"statistic.n_{criterion}",
            evidence.number(first.suggested[criterion]),
            Provenance(first.correlation, exploration.n_obs, source),
            kind="count",
            digits=0,
        )
        for criterion, source in CRITERIA.items()
    ]
    notes = [Message("exploratory.note.not_a_test"), Message("exploratory.note.parallel")]
    if check is not None:
        own = Provenance(check.correlation, exploration.n_obs, CRITERIA[exploration.decides])
        numbers.append(
            Quantity(
                "statistic.n_check",
                evidence.number(exploration.n_check),
                own,
                kind="count",
                digits=0,
            )
        )
        agreement = "differs" if exploration.check_differs else "agrees"
        notes.append(Message(f"exploratory.note.check_{agreement}", {"n": exploration.n_check}))
    same = exploration.n_rule == exploration.n_theory
    return Finding(
        id="retention",
        claim=Message(
            "exploratory.claim.same" if same else "exploratory.claim.differ",
            {
                "n": exploration.n_rule,
                "theory": exploration.n_theory,
                "decides": Message(f"criterion.{exploration.decides}"),
                "agree": agree,
                "known": known,
            },
        ),
        verdict=verdict,
        rule=verdicts.stated(rules.factors_retained),
        evidence=tuple(numbers),
        notes=tuple(notes),
    )


def scree_table(exploration: Exploration) -> Table:
    """Give the eigenvalues beside those of random data."""
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


def scree_figure(exploration: Exploration) -> Figure:
    """Draw the eigenvalues and those of random data."""
    n_parallel = exploration.first.told("parallel_pca")
    return Figure(
        id="scree",
        title=Message("exploratory.figure.scree"),
        alt=Message("exploratory.figure.scree.alt", {"n": n_parallel}),
        table="scree",
        form="lines",
        channels={"x": "factor_number", "parts": "eigenvalue random_mean random_q95"},
    )
