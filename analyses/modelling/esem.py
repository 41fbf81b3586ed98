"""What the factor correlations become where every item may load on every factor.

A confirmatory model holds all cross-loadings at 0, and what they would have carried raises the
correlations of its factors (Marsh et al. 2009). An exploratory block of the same factors, turned
towards the reference model (ESEM; Asparouhov & Muthén 2009), shows by how much.

Correlations also drop where all true cross-loadings are 0: chance gives every item small ones, and
the rotation lets them carry some of what the factors share. With 24 items (loadings .62, four
factors that correlate .64) the mean drop is .13 with 200 respondents, .05 with 600, .01 with 2400,
and 0 in the population; with loadings of .50 and 600 respondents it is .12, and with intraclass
correlations of .13 (loadings .62, 600 respondents) .06. The finding says so.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

import measure
from analyses import evidence
from analyses.evidence import column
from analyses.modelling import model_tables, rivals
from analyses.modelling.fits import Fits, Fitted
from analyses.modelling.rivals import Correlation
from analyses.section import Cell, Column, Finding, Message, Quantity, Table
from instruments.schema import Instrument

SOURCE = "Asparouhov & Muthén 2009; Browne 2001"


@dataclass(frozen=True)
class Pair:
    """One factor correlation in the reference model and in the freed one.

    `check` is the difference by the checks; None where they have none.
    """

    reference: Correlation
    freed: Correlation
    check: float | None

    @property
    def difference(self) -> float:
        """The freed correlation less the reference model's."""
        return self.freed.estimate - self.reference.estimate


@dataclass(frozen=True, eq=False)
class Freed:
    """A model with the factors of the reference model and all their cross-loadings.

    Attributes
    ----------
    reference, fitted
        The two models.
    pairs
        Their factor correlations side by side.
    loadings
        Standardised loadings of `fitted`, items × factors.
    own
        Which of the loadings the reference model has too.
    share_at_best
        Share of the random starts of the rotation that reached its best value.
    """

    reference: Fitted
    fitted: Fitted
    pairs: tuple[Pair, ...]
    loadings: pd.DataFrame
    own: pd.DataFrame
    share_at_best: float

    @property
    def mean_difference(self) -> float:
        """Mean over the pairs."""
        return sum(pair.difference for pair in self.pairs) / len(self.pairs)

    @property
    def farthest(self) -> Pair:
        """The pair whose correlation drops most."""
        return min(self.pairs, key=lambda pair: pair.difference)

    @property
    def claim(self) -> Message:
        """Say by how much the correlations are lower or higher."""
        mean = self.mean_difference
        return Message(
            f"esem.claim.{'lower' if mean <= 0 else 'higher'}",
            {
                "n": len(self.pairs),
                "mean": evidence.limit(abs(mean)),
                "model": self.fitted.model.id,
                "reference": self.reference.model.id,
            },
        )


def attempts(instrument: Instrument, fits: Fits) -> tuple[Fitted, ...]:
    """Give the models that are turned towards the reference model, fitted or not."""
    reference = instrument.reference_model.id
    return tuple(one for one in fits.values() if one.model.options.target_of == reference)


def freed(instrument: Instrument, fits: Fits) -> Iterator[Freed]:
    """Set each usable freed model beside the reference model."""
    reference = fits[instrument.reference_model.id]
    for fitted in attempts(instrument, fits):
        fit = fitted.usable
        if fit is None or reference.usable is None or fit.exploration is None:
            continue
        held = _loadings(reference.usable)
        loadings = _loadings(fit).loc[held.index, held.columns]
        pairs = tuple(_pairs(instrument, reference, fitted))
        share = min(one.share_at_best for one in fit.exploration.turned)
        yield Freed(reference, fitted, pairs, loadings, held.notna(), share)


def _loadings(fit: measure.Fit) -> pd.DataFrame:
    """Give the standardised loadings, NaN where the model has none."""
    rows = measure.standardized(fit)
    rows = rows[rows["op"] == "=~"]
    table = rows.pivot_table(index="rhs", columns="lhs", values="est.std", sort=False)
    return table.rename_axis(index=None, columns=None)


def _pairs(instrument: Instrument, reference: Fitted, fitted: Fitted) -> Iterator[Pair]:
    own, others = (_by_pair(instrument, one) for one in (reference, fitted))
    check_own, check_others = (_by_pair(instrument, one.check) for one in (reference, fitted))
    for names, correlation in own.items():
        check = None
        if names in check_own and names in check_others:
            check = check_others[names].estimate - check_own[names].estimate
        yield Pair(correlation, others[names], check)


def _by_pair(instrument: Instrument, fitted: Fitted | None) -> dict[frozenset[str], Correlation]:
    fit = None if fitted is None else fitted.usable
    if fit is None:
        return {}
    found = rivals.correlations_of(fit, instrument.rules)
    return {frozenset((one.first, one.second)): one for one in found}


def tables(instrument: Instrument, found: Freed) -> tuple[Table, ...]:
    """Give the factor correlations of both models, and the loadings of the freed one."""
    return _correlations_table(instrument, found), _loadings_table(instrument, found)


def _correlations_table(instrument: Instrument, found: Freed) -> Table:
    checked = any(pair.check is not None for pair in found.pairs)
    rows: list[tuple[Cell, ...]] = [
        (
            model_tables.pair(instrument, pair.reference),
            *_with_limits(pair.reference),
            *_with_limits(pair.freed),
            evidence.number(pair.difference),
            *((evidence.number(pair.check),) if checked else ()),
        )
        for pair in found.pairs
    ]
    names = "correlation", "ci.lower", "ci.upper"
    return Table(
        id=f"{found.fitted.model.id}_correlations",
        title=Message("esem.table.correlations", _models(found)),
        columns=(
            column("pair", "message"),
            *(_of_model(name, found.reference) for name in names),
            *(_of_model(name, found.fitted) for name in names),
            column("esem_difference", "number", 3),
            *((column("esem_difference_check", "number", 3),) if checked else ()),
        ),
        rows=tuple(rows),
        provenance=model_tables.provenance(found.fitted, SOURCE),
        notes=(Message("esem.note.difference"),),
    )


def _models(found: Freed) -> dict[str, str]:
    return {"model": found.fitted.model.id, "reference": found.reference.model.id}


def _of_model(name: str, fitted: Fitted) -> Column:
    """Give a column of one of the two models, headed by its id too."""
    head = Message("esem.column", {"what": Message(f"column.{name}"), "model": fitted.model.id})
    return Column(f"{fitted.model.id}.{name}", head, digits=3)


def _with_limits(correlation: Correlation) -> tuple[float | None, ...]:
    numbers = correlation.estimate, correlation.lower, correlation.upper
    return tuple(evidence.number(value) for value in numbers)


def _loadings_table(instrument: Instrument, found: Freed) -> Table:
    factors = tuple(
        Column(str(name), Message("plain", {"text": label}), digits=3)
        for name in found.loadings.columns
        for label in [model_tables.factor_label(instrument, str(name))]
    )
    rows: list[tuple[Cell, ...]] = [
        (str(item), *(evidence.number(value) for value in found.loadings.loc[item]))
        for item in found.loadings.index
    ]
    return Table(
        id=f"{found.fitted.model.id}_loadings",
        title=Message("confirmatory.table.loadings", {"model": _label(found)}),
        columns=(column("item", "text"), *factors),
        rows=tuple(rows),
        provenance=model_tables.provenance(found.fitted, SOURCE),
    )


def _label(found: Freed) -> Message:
    return model_tables.model_label(found.fitted)


def finding(instrument: Instrument, found: Freed) -> Finding:
    """Say by how much the correlations change, and what the loadings are beside it."""
    provenance = model_tables.provenance(found.fitted, SOURCE)
    judged = [(pair.reference.distinctness, pair.freed.distinctness) for pair in found.pairs]
    changed = sum(before != after for before, after in judged)
    sizes, own = found.loadings.abs().to_numpy(), found.own.to_numpy()
    cross = np.where(own, 0.0, sizes)
    item, factor = divmod(int(cross.argmax()), cross.shape[1])
    farthest = found.farthest
    largest = Message(
        "esem.of.loading",
        {
            "item": str(found.loadings.index[item]),
            "factor": model_tables.factor_label(instrument, str(found.loadings.columns[factor])),
        },
    )

    def quantity(name: str, value: float, of: Message | None = None) -> Quantity:
        return Quantity(f"statistic.{name}", evidence.number(value), provenance, digits=3, of=of)

    return Finding(
        id=f"esem_{found.fitted.model.id}",
        claim=found.claim,
        verdict="information",
        evidence=(
            quantity("esem_reference", _mean(pair.reference for pair in found.pairs)),
            quantity("esem_freed", _mean(pair.freed for pair in found.pairs)),
            quantity(
                "esem_drop", farthest.difference, model_tables.pair(instrument, farthest.reference)
            ),
            evidence.count("esem_judged_otherwise", changed, SOURCE),
            quantity("esem_own_loading", float(sizes[own].mean())),
            quantity("esem_cross_loading", float(cross.max()), largest),
            evidence.share(
                "starts",
                found.share_at_best,
                SOURCE,
                None if found.fitted.fit is None else found.fitted.fit.n_obs,
            ),
        ),
        notes=(Message("esem.note.no_limit", _models(found)),),
    )


def _mean(correlations: Iterator[Correlation]) -> float:
    values = [correlation.estimate for correlation in correlations]
    return sum(values) / len(values)
