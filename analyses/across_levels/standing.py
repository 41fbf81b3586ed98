"""How the model of functions by levels stands by the rules: functions apart, and levels their own.

It is confirmed where it fits, all functions are distinct at every level, and no level is the
reference under another name; refuted where it does not fit, or two functions are not distinct.
"""

from dataclasses import dataclass
from typing import Any

import pandas as pd

import measure
from analyses import evidence, verdicts
from analyses.across_levels.design import function_label, level_label
from analyses.across_levels.referents import Referents
from analyses.ledger.judgement import LADDER, Judgement
from analyses.modelling import indices, methods
from analyses.section import Finding, Message, Provenance, Quantity, Value
from measure.levels.referent_contrasts import SAME_REFERENT, SAME_TRAIT


@dataclass(frozen=True, eq=False)
class Standing:
    """How the model stands.

    Attributes
    ----------
    judgement
        `confirmed`, `refuted` or `undecided`.
    reason
        What that rests on.
    fit
        The model that was judged; None where none could be fitted.
    closest
        The two functions of one level that correlate most.
    unlike
        The function and level whose correlation with the reference reaches furthest up.
    """

    judgement: Judgement
    reason: Message
    fit: measure.Fit | None = None
    closest: "pd.Series[Any] | None" = None
    unlike: "pd.Series[Any] | None" = None


def stand(across: Referents) -> Standing:
    """Judge the model of functions by levels."""
    result, fit = across.contrasts.result, judged_fit(across)
    if result is None or fit is None:
        reason = Message("hypotheses.reason.refused", {"text": across.contrasts.reason})
        return Standing("undecided", reason, fit)
    rules, pairs = across.instrument.rules, result.pairs
    within = pairs[pairs["kind"] == SAME_REFERENT]
    reference = (pairs[["referent1", "referent2"]] == across.design.reference).any(axis=1)
    among = pairs[(pairs["kind"] == SAME_TRAIT) & reference]
    kinds = [
        verdicts.judge_distinct(float(row["correlation"]), float(row["ci.upper"]), rules)
        for _, row in within.iterrows()
    ]
    fits = verdicts.judge_global_fit(indices.measures(fit, indices.kind_of(fit)), rules)["all"]
    impossible = bool(result.smallest["ci.upper"] < 0)
    own = bool((among["ci.upper"] < 1).all())
    judgement: Judgement = "undecided"
    if fits == "poor" or "not_distinct" in kinds or impossible:
        judgement = "refuted"
    elif fits in ("good", "acceptable") and set(kinds) == {"distinct"} and own:
        judgement = "confirmed"
    values: dict[str, Value] = {
        "n": len(kinds),
        "distinct": kinds.count("distinct"),
        "levels": len(among),
        "own": int((among["ci.upper"] < 1).sum()),
        "fit": Message(f"levels.referents.fit_{fits}"),
    }
    reason = Message(f"levels.referents.standing{_means(across)}", values)
    closest = within.iloc[int(within["correlation"].argmax())]
    return Standing(judgement, reason, fit, closest, among.iloc[int(among["ci.upper"].argmax())])


def judged_fit(across: Referents) -> measure.Fit | None:
    """Give the fit that is judged: of the instrument's model where it is admissible.

    Else that of the model in which each function of each level is a factor, which asks the same
    question with fewer parameters, and whose estimates may be read one by one where they are not
    admissible together.
    """
    stated = None if across.model is None else across.model.usable
    return stated or across.matrix.result


def _means(across: Referents) -> str:
    """Tell whether the instrument's own model is judged, or the one that stands in for it."""
    stated = None if across.model is None else across.model.usable
    return "" if stated is not None else "_instead"


def finding(across: Referents) -> Finding | None:
    """Say how the model stands; None where the instrument states none."""
    if across.model is None:
        return None
    found = stand(across)
    rules = across.instrument.rules
    rule = verdicts.stated(rules.global_fit_acceptable, rules.factor_distinct_upper)
    return Finding(
        id=f"referents_{across.model.model.id}",
        claim=Message(
            f"levels.referents.claim.{found.judgement}",
            {"model": evidence.model_label(across.model.model)},
        ),
        verdict=LADDER[found.judgement],
        rule=rule,
        evidence=tuple(_evidence(across, found)),
        notes=(found.reason, *notes(across)),
    )


def notes(across: Referents) -> list[Message]:
    """Say which model the numbers come from, and why not from the one that is stated."""
    said = []
    if across.model is not None and across.model.usable is None:
        text = across.model.error or "; ".join(
            () if across.model.fit is None else across.model.fit.notes[-1:]
        )
        label = evidence.model_label(across.model.model)
        said.append(Message("levels.referents.instead", {"model": label, "text": text}))
    result = across.contrasts.result
    if result is not None and result.smallest["eigenvalue"] < 0:
        key = "impossible" if result.smallest["ci.upper"] < 0 else "unbounded"
        said.append(Message(f"levels.referents.{key}"))
    return said


def _evidence(across: Referents, found: Standing) -> list[Quantity]:
    fit, quantities = found.fit, []
    if fit is not None:
        kind = indices.kind_of(fit)
        measures = indices.measures(fit, kind)
        for name in verdicts.FIT_INDICES:
            source = indices.source(fit, kind, name)
            provenance = Provenance(methods.estimated_by(fit), fit.n_obs, source)
            label = f"statistic.{indices.NAMES[kind][name]}"
            value = evidence.number(measures[name])
            quantities.append(Quantity(label, value, provenance, digits=3))
    rows = (("closest_functions", found.closest), ("closest_level", found.unlike))
    return quantities + [_correlation(across, name, row) for name, row in rows if row is not None]


def _correlation(across: Referents, name: str, row: "pd.Series[Any]") -> Quantity:
    fit = across.matrix.result
    assert fit is not None
    provenance = Provenance(
        methods.estimated_by(fit), fit.n_obs, Message("source.hypotheses_correlations")
    )
    return Quantity(
        f"statistic.{name}",
        evidence.number(row["correlation"]),
        provenance,
        lower=evidence.number(row["ci.lower"]),
        upper=evidence.number(row["ci.upper"]),
        level=evidence.CONFIDENCE,
        of=Message("pair", {"first": _cell(across, row, "1"), "second": _cell(across, row, "2")}),
    )


def _cell(across: Referents, row: "pd.Series[Any]", side: str) -> Message:
    return cell_label(across, str(row[f"trait{side}"]), str(row[f"referent{side}"]))


def cell_label(across: Referents, function: str, level: str) -> Message:
    """Name a function of a level."""
    return Message(
        "levels.referents.cell",
        {
            "function": function_label(across.instrument, function),
            "level": level_label(across.instrument, level),
        },
    )
