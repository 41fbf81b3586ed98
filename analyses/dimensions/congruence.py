"""Whether loadings that know nothing of the reference model have its pattern.

The target holds 1 where the reference model has a loading and 0 elsewhere. Tucker's congruence is
taken of the rotated loadings as they are; turned towards the target they agree at least as well,
and permuted targets show how well loadings would agree by chance alone.
"""

from dataclasses import dataclass

import pandas as pd

import measure
from analyses import evidence, verdicts
from analyses.evidence import column, columns
from analyses.modelling import model_tables
from analyses.modelling.structure import structure
from analyses.section import Cell, Finding, Message, Provenance, Quantity, Table, Verdict
from instruments.schema import Instrument
from measure.exploration.exploratory import FactorSolution

PERMUTATIONS = 1000
SOURCE = "Tucker 1951; Lorenzo-Seva & ten Berge 2006; McCrae et al. 1996"


@dataclass(frozen=True, eq=False)
class Agreement:
    """A solution beside the pattern of the reference model.

    Attributes
    ----------
    solution
        With as many factors as the model.
    factors
        One row a factor of the model: `number` of the factor of the solution that is nearest to
        it, and their `congruence`.
    turned
        The loadings turned towards the target, with permutations.
    """

    solution: FactorSolution
    factors: pd.DataFrame
    turned: measure.Procrustes

    @property
    def lowest(self) -> str:
        """The factor of the model that is found least well."""
        return str(self.factors["congruence"].idxmin())

    @property
    def provenance(self) -> Provenance:
        """Say where the numbers come from."""
        return Provenance(Message("estimator.congruence"), int(self.solution.n_obs), SOURCE)


def agreement(instrument: Instrument, solution: FactorSolution, seed: int) -> Agreement | None:
    """Set a solution beside the reference model; None where they cannot be compared.

    That takes two factors or more, as many as the model has, whose items have one factor each.
    """
    groups = structure(instrument.reference_model).partition
    if groups is None or not 1 < len(groups) == solution.n_factors:
        return None
    items = solution.loadings.index
    target = pd.DataFrame(
        {factor: items.isin(list(own)).astype(float) for factor, own in groups.items()},
        index=items,
    )
    if not target.any().all():
        return None
    each = measure.congruence(solution, target)
    numbers = each.reset_index(drop=True).idxmax() + 1
    factors = pd.DataFrame({"number": numbers, "congruence": each.max()})
    turned = measure.procrustes(solution, target, method="oblique", n=PERMUTATIONS, seed=seed)
    return Agreement(solution, factors, turned)


def table(instrument: Instrument, found: Agreement) -> Table:
    """Give the congruence of each factor of the reference model, and of all loadings."""
    rows: list[tuple[Cell, ...]] = [
        (
            model_tables.factor_label(instrument, str(name)),
            int(row["number"]),
            evidence.number(row["congruence"]),
            *(evidence.number(test[part]) for part in ("congruence", "q95", "pvalue")),
        )
        for (name, row), (_, test) in zip(
            found.factors.iterrows(), found.turned.factors.iterrows(), strict=True
        )
    ]
    total = found.turned.total
    rows.append(
        (
            Message("exploratory.all_loadings"),
            None,
            None,
            *(evidence.number(total[part]) for part in ("congruence", "q95", "pvalue")),
        )
    )
    return Table(
        id="congruence",
        title=Message("exploratory.table.congruence"),
        columns=(
            column("factor", "message"),
            column("factor_number", "count", 0),
            *columns("number", 2, "congruence", "congruence_turned", "congruence_chance"),
            column("pvalue", "pvalue", 3),
        ),
        rows=tuple(rows),
        provenance=found.provenance,
        notes=(
            Message("exploratory.note.congruence"),
            Message("exploratory.note.turned", {"n": found.turned.n_permutations}),
        ),
    )


def finding(instrument: Instrument, found: Agreement) -> Finding:
    """Judge the factor that is found least well by the instrument's rules."""
    rules = instrument.rules
    lowest = found.lowest
    value = float(found.factors["congruence"].min())
    verdict: Verdict = verdicts.judge_congruence(value, rules)
    total = found.turned.total

    def quantity(name: str, number: object) -> Quantity:
        return Quantity(f"statistic.{name}", evidence.number(number), found.provenance, digits=2)

    return Finding(
        id="congruence",
        claim=Message(
            f"exploratory.claim.congruence_{verdict}",
            {
                "model": evidence.model_label(instrument.reference_model),
                "factor": model_tables.factor_label(instrument, lowest),
            },
        ),
        verdict=verdict,
        rule=verdicts.stated(rules.congruence_good, rules.congruence_fair),
        evidence=(
            quantity("congruence_lowest", value),
            quantity("congruence_total", total["congruence"]),
            quantity("congruence_chance", total["q95"]),
            Quantity(
                "statistic.congruence_p",
                evidence.number(total["pvalue"]),
                found.provenance,
                kind="pvalue",
                digits=3,
            ),
        ),
    )
