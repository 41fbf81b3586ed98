"""What a study would do for each claim: population, analysis, and the closed form beside it.

One function a claim, in the table `PLANS`; `wishes.Wish` says what may be asked.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import NamedTuple

import numpy as np

from analyses import evidence
from analyses.errors import AnalysisError
from analyses.modelling.structure import structure
from analyses.section import Value
from analyses.studies.stated import Source, Taken
from analyses.studies.wishes import Wish
from instruments.schema import Instrument, ModelOptions, Scale
from measure.levels.between_clusters import answers_needed
from measure.planning.claims import Claim, Estimated, Fits, Study
from measure.planning.close_fit import rmsea_sample_size
from measure.planning.cluster_claims import ClusterReliability, in_clusters
from measure.planning.clustered_designs import difference_power, gain_power, least, wedge_power
from measure.planning.effort_claims import (
    WAVES,
    GainDifference,
    Stability,
    Wedge,
    WedgeEffect,
    before_after,
)
from measure.planning.measurement_claims import InvarianceStep, LatentDifference, OmegaAbove
from measure.simulating.clusters import Clusters
from measure.simulating.holes import Holes
from measure.simulating.populations import population

GROUPS = ("a", "b")
HALF_WIDTH = 0.05


class Span(NamedTuple):
    """The smallest and the largest of several values."""

    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Planned:
    """One study, ready to be simulated.

    Attributes
    ----------
    claim
        What `smallest_sample` asks.
    said
        Values of the sentences about it.
    counts
        What n counts: "respondents", "group" (respondents of each group) or "clusters".
    begin
        Where the search begins.
    taken
        What is taken of the population: label, value and where it is from.
    closed
        n by a formula, and the formula's name and source in the catalogue; None for no such.
    each
        What n also comes to, "units" or "members", and what it is divided by; None for nothing.
    """

    claim: Claim
    said: Mapping[str, Value]
    counts: str
    begin: int
    taken: Sequence[tuple[str, float | Span, str]]
    closed: tuple[int, str] | None = None
    each: tuple[str, int] | None = None


def planned(instrument: Instrument, wish: Wish) -> Planned:
    """Make a claim ready.

    Raises
    ------
    AnalysisError
        The wish names what the instrument has not.
    """
    return PLANS[wish.claim](instrument, Source.of(instrument), wish)


def _fits(instrument: Instrument, source: Source, wish: Wish) -> Planned:
    model = instrument.reference_model
    study, taken = _of_reference(instrument, source, wish)
    rivals = {one.id: one for one in instrument.rivals if not one.reference}
    rivals = {name: one for name, one in rivals.items() if one.options == ModelOptions()}
    name = wish.rival or next(iter(rivals), None)
    if name is not None and name not in rivals:
        raise AnalysisError(
            f'"{name}" is no rival of "{model.id}" that can be simulated. Choose one of: '
            f"{', '.join(rivals)}."
        )
    good = instrument.rules.global_fit_good
    suffix = ".robust" if study.options.get("ordered") else ""
    limits = {
        f"cfi{suffix}": (">=", good.cfi),
        f"rmsea{suffix}": ("<=", good.rmsea),
        "srmr": ("<=", good.srmr),
    }
    said: dict[str, Value] = {"model": model.id, "rival": name or ""}
    claim = Fits(study, limits, None if name is None else rivals[name].syntax)
    df = structure(model).df
    closed = None if df is None else (_close_fit(df, wish.target), "close_fit")
    return Planned(claim, said, "respondents", 200, taken, closed)


def _close_fit(df: int, target: float) -> int:
    # The formula has no answer for a power that its level gives already.
    return rmsea_sample_size(df, power=max(target, 0.06))


def _loading(instrument: Instrument, source: Source, wish: Wish) -> Planned:
    model = instrument.reference_model
    study, taken = _of_reference(instrument, source, wish)
    own = structure(model)
    values = source.items(own.observed, wish).loadings
    item = wish.item or min(values, key=lambda name: values[name])
    if item not in values:
        raise AnalysisError(
            f'"{item}" is no item of "{model.id}". Choose one of: {", ".join(values)}.'
        )
    factor = next(name for name, items in own.factors.items() if item in items)
    study = replace(study, options={**study.options, "std_lv": True})
    said: dict[str, Value] = {"item": item, "model": model.id, "reach": evidence.limit(HALF_WIDTH)}
    claim = Estimated(study, (factor, "=~", item), half_width=HALF_WIDTH)
    return Planned(claim, said, "respondents", 200, taken)


def _omega(instrument: Instrument, source: Source, wish: Wish) -> Planned:
    scale = wish.about(instrument)
    own = source.items(scale.items, wish)
    rule = instrument.rules.omega_groups.value
    least_omega = rule if wish.least is None else wish.least
    study = _one_factor(scale, own, wish)
    claim = OmegaAbove(study, scale.id, at_least=least_omega, half_width=HALF_WIDTH)
    said = _about(scale, least=evidence.limit(least_omega), reach=evidence.limit(HALF_WIDTH))
    return Planned(claim, said, "respondents", 100, _rows(own, wish))


def _invariance(instrument: Instrument, source: Source, wish: Wish) -> Planned:
    scale, rules = wish.about(instrument), instrument.rules
    own = source.items(scale.items, wish)
    limits = {
        "delta_cfi": (">=", rules.invariance_delta_cfi.value),
        "delta_rmsea": ("<=", rules.invariance_delta_rmsea.value),
    }
    claim = InvarianceStep(_one_factor(scale, own, wish, difference=0.0), "scalar", "yes", limits)
    said = _about(
        scale,
        cfi=evidence.limit(limits["delta_cfi"][1], 3),
        rmsea=evidence.limit(limits["delta_rmsea"][1], 3),
    )
    return Planned(claim, said, "group", 150, _rows(own, wish))


def _difference(instrument: Instrument, source: Source, wish: Wish) -> Planned:
    scale = wish.about(instrument)
    own = source.items(scale.items, wish)
    d = instrument.rules.equivalence_band.value if wish.effect is None else wish.effect
    _require_effect(d)
    claim = LatentDifference(_one_factor(scale, own, wish, difference=d), scale.id)
    # A score of the sum differs by less, since it has errors.
    seen = d * sqrt(own.omega)
    closed = least(lambda n: difference_power(seen, n), wish.target)
    said = _about(scale, effect=evidence.limit(d))
    return Planned(claim, said, "group", 100, _rows(own, wish), (closed, "difference"))


def _icc2(instrument: Instrument, source: Source, wish: Wish) -> Planned:
    scale, rule = wish.about(instrument), instrument.rules.icc2.value
    limit = rule if wish.least is None else wish.least
    own = source.items(scale.items, wish)
    icc, origin = source.icc(scale.id, wish)
    truth = in_clusters(own.loadings, icc=icc, thresholds=own.thresholds)
    study = Study(truth, missing=_holes(wish), clusters=Clusters(number=wish.clusters))
    claim = ClusterReliability(study, at_least=limit)
    members = float(answers_needed(icc * own.omega, reliability=limit)["answers"].iloc[0])
    closed = None
    if np.isfinite(members):
        closed = (round(members) * wish.clusters, "icc2")
    said = _about(scale, least=evidence.limit(limit), clusters=wish.clusters)
    taken = [*_rows(own, wish), ("icc", icc, origin), ("clusters", wish.clusters, "asked")]
    each = ("members", wish.clusters)
    return Planned(claim, said, "respondents", 4 * wish.clusters, taken, closed, each)


def _gain(instrument: Instrument, source: Source, wish: Wish) -> Planned:
    scale = wish.about(instrument)
    own = source.items(scale.items, wish)
    icc, origin = source.icc(scale.id, wish)
    gain = instrument.rules.change_worthwhile.value if wish.effect is None else wish.effect
    _require_effect(gain)
    stays = Stability()
    truth = before_after(own.loadings, gain=gain, icc=icc, thresholds=own.thresholds)
    study = Study(
        truth,
        _model(scale),
        missing=_holes(wish, truth.names),
        clusters=Clusters(sizes=wish.size),
    )
    closed = least(
        lambda n: gain_power(gain, n, size=wish.size, icc=icc, stability=stays), wish.target
    )
    said = _about(scale, effect=evidence.limit(gain), size=wish.size)
    taken = [
        *_rows(own, wish),
        ("icc", icc, origin),
        ("size", wish.size, "asked"),
        ("stability.persons", stays.persons, "usual"),
        ("stability.clusters", stays.clusters, "usual"),
        ("stability.unique", stays.unique, "usual"),
    ]
    begin = min(max(closed, 2) * wish.size, wish.most)
    claim = GainDifference(study, WAVES)
    each = ("units", wish.size)
    return Planned(claim, said, "group", begin, taken, (closed * wish.size, "gain"), each)


def _wedge(instrument: Instrument, source: Source, wish: Wish) -> Planned:
    scale = wish.about(instrument)
    own = source.items(scale.items, wish)
    icc, origin = source.icc(scale.id, wish)
    effect = instrument.rules.change_worthwhile.value if wish.effect is None else wish.effect
    _require_effect(effect)
    # Of the score, whose errors make an effect and what clusters share smaller.
    wedge = Wedge(effect * sqrt(own.omega), wish.periods, icc * own.omega, size=max(2, _kept(wish)))
    closed = least(lambda n: wedge_power(wedge, n), wish.target, begin=4)
    said = _about(scale, effect=evidence.limit(effect), size=wish.size, periods=wish.periods)
    taken = [
        *_rows(own, wish),
        ("icc", icc, origin),
        ("autocorrelation", wedge.autocorrelation, "usual"),
        ("size", wish.size, "asked"),
        ("periods", wish.periods, "asked"),
    ]
    claim = WedgeEffect(wedge)
    return Planned(claim, said, "clusters", min(closed, wish.most), taken, (closed, "wedge"))


def _kept(wish: Wish) -> int:
    """Members who answer."""
    return round(wish.size * (1 - wish.missing))


def _of_reference(
    instrument: Instrument, source: Source, wish: Wish
) -> tuple[Study, list[tuple[str, float | Span, str]]]:
    """Make the study of the reference model, as the population has it."""
    model = instrument.reference_model
    own = structure(model)
    if own.partition is None or set(own.partition) != set(own.factors):
        raise AnalysisError(
            f'the reference model "{model.id}" is more than factors with items of their own, from '
            "which no population is made here."
        )
    taken = source.items(own.observed, wish)
    factors = list(own.factors)
    between, origin = source.correlations(factors, wish)
    lines = [
        f"{factor} =~ " + " + ".join(f"{taken.loadings[item]}*{item}" for item in items)
        for factor, items in own.factors.items()
    ]
    lines += [
        f"{factors[i]} ~~ {between[i, j]}*{factors[j]}"
        for i in range(len(factors))
        for j in range(i + 1)
    ]
    truth = population("\n".join([*lines, *_rests(taken)]))
    apart = between[np.triu_indices(len(factors), 1)]
    rows = _rows(taken, wish)
    if len(apart):
        rows.append(("correlation", _span(apart.tolist()), origin))
    options = {"ordered": list(taken.thresholds)} if taken.thresholds else {}
    return Study(truth, model.syntax, options, _holes(wish)), rows


def _one_factor(scale: Scale, taken: Taken, wish: Wish, difference: float | None = None) -> Study:
    """Make the study of one scale; in two groups, the later of which stands higher."""
    lines = [
        f"{scale.id} =~ " + " + ".join(f"{value}*{item}" for item, value in taken.loadings.items()),
        f"{scale.id} ~~ 1*{scale.id}",
        *_rests(taken),
    ]
    options = {"ordered": list(taken.thresholds)} if taken.thresholds else {}
    if difference is None:
        return Study(population("\n".join(lines)), _model(scale), options, _holes(wish))
    lines.append(f"{scale.id} ~ c(0, {difference})*1")
    lines += [f"{item} ~ 0*1" for item in taken.loadings]
    truth = population("\n".join(lines), groups=GROUPS)
    return Study(truth, _model(scale), options, _holes(wish))


def _rests(taken: Taken) -> list[str]:
    """Write thresholds, and residual variances of items without."""
    lines = []
    for item, loading in taken.loadings.items():
        if item in taken.thresholds:
            cuts = [f"{cut}*t{k}" for k, cut in enumerate(taken.thresholds[item], start=1)]
            lines.append(f"{item} | {' + '.join(cuts)}")
        else:
            lines.append(f"{item} ~~ {1 - loading**2}*{item}")
    return lines


def _model(scale: Scale) -> str:
    return f"{scale.id} =~ {' + '.join(scale.items)}"


def _holes(wish: Wish, items: Sequence[str] | None = None) -> tuple[Holes, ...]:
    return (Holes(wish.missing, items),) if wish.missing > 0 else ()


def _about(scale: Scale, **values: Value) -> dict[str, Value]:
    return {"scale": evidence.text(scale.label), **values}


def _rows(taken: Taken, wish: Wish) -> list[tuple[str, float | Span, str]]:
    """List what is taken of the items."""
    rows: list[tuple[str, float | Span, str]] = [
        ("loadings", _span(list(taken.loadings.values())), taken.origins["loading"])
    ]
    if taken.thresholds:
        rows.append(
            (
                "thresholds",
                _span([x for own in taken.thresholds.values() for x in own]),
                taken.origins["thresholds"],
            )
        )
    if wish.missing:
        rows.append(("missing", wish.missing, "asked"))
    return rows


def _span(values: Sequence[float]) -> Span:
    return Span(min(values), max(values))


def _require_effect(effect: float) -> None:
    if not 0 < abs(effect) < 5:
        raise AnalysisError(
            f"the effect is {effect:g} standard deviations. Give one that is not 0, and below 5."
        )


PLANS: Mapping[str, Callable[[Instrument, Source, Wish], Planned]] = {
    "fits": _fits,
    "loading": _loading,
    "omega": _omega,
    "invariance": _invariance,
    "difference": _difference,
    "icc2": _icc2,
    "gain": _gain,
    "wedge": _wedge,
}
"""How each claim is made ready."""
