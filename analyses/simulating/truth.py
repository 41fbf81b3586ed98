"""The true values of a draw: what an analysis of it estimates, worked out from the population."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from analyses.simulating import true_network
from analyses.simulating.answering import items_of
from analyses.simulating.drawing import Drawn
from analyses.simulating.true_answers import CLUSTERS, TrueAnswers, chances_together
from analyses.simulating.true_network import Network


@dataclass(frozen=True, eq=False)
class Truth:
    """The true values of a draw.

    Attributes
    ----------
    items
        By item: `scale loading`, thresholds `t1` … and shares of the answers `p1` …, on the scored
        side, of all respondents together. The planted non-invariance is left out of them.
    scales
        By scale: `omega` (of the sum of the answers; NaN for an index), the `share` of the latent
        variable's variance that lies in each place, and ICC(1) by kind of cluster: of the latent
        variable (`icc_latent`) and of the sum of the answers (`icc`).
    correlations
        Latent correlations of scales and background, over all respondents.
    second_order
        By level: loadings of the functions on the common factor, and of the sum of its latent
        responses `omega_h` and `ecv`.
    hypotheses
        `hypothesis target what level value`.
    gains
        By level: what changes between the waves.
    noninvariance
        The planted differences; empty where the draw has none.
    """

    items: pd.DataFrame
    scales: pd.DataFrame
    correlations: pd.DataFrame
    second_order: pd.DataFrame
    hypotheses: pd.DataFrame
    gains: Mapping[str, Mapping[str, float]]
    noninvariance: pd.DataFrame
    answers: TrueAnswers = field(repr=False)


def true_answers(drawn: Drawn) -> TrueAnswers:
    """Give the true moments of the answers of a draw.

    How much groups that differ widen the distribution depends on how many belong to them, which is
    taken from the draw.
    """
    structure, population = drawn.structure, drawn.population
    first = drawn.first_wave
    shift, part = np.zeros(len(structure.names)), np.zeros(len(structure.names))
    for one in population.differences:
        own = [structure.place[name] for name in structure.of_level(one.level)]
        shift[own] = one.shift
        part[own] = float((first[one.column] == one.value).mean())
    items = items_of(drawn.instrument, population, structure, drawn.items)
    asked = frozenset(drawn.items)
    return TrueAnswers(items, structure, asked, shift, part, population.unique_organisation)


def truth(drawn: Drawn) -> Truth:
    """Work out the true values of a draw."""
    answers = true_answers(drawn)
    network = Network(drawn.instrument, drawn.population, answers)
    plants = drawn.population.noninvariance if drawn.wanted.noninvariance else ()
    fields = ("item", "column", "value", "parameter", "threshold", "shift")
    return Truth(
        items=_items(answers),
        scales=_scales(drawn, answers),
        correlations=answers.correlations,
        second_order=_second_order(drawn, answers),
        hypotheses=true_network.table(network),
        gains=true_network.gains(drawn.population, drawn.structure),
        noninvariance=pd.DataFrame(
            [[getattr(one, name) for name in fields] for one in plants], columns=list(fields)
        ),
        answers=answers,
    )


def _items(answers: TrueAnswers) -> pd.DataFrame:
    items = answers.items
    found = {"scale": items.scale, "loading": answers.loadings}
    found |= {f"t{c + 1}": column for c, column in enumerate(answers.thresholds.T)}
    found |= {f"p{c + 1}": column for c, column in enumerate(answers.shares.T)}
    table = pd.DataFrame(found, index=pd.Index(items.names, name="item"))
    return table.loc[answers.asked_of(items.names)]


def _scales(drawn: Drawn, answers: TrueAnswers) -> pd.DataFrame:
    structure = answers.structure
    together = chances_together(drawn)
    rows = {}
    for name in dict.fromkeys(answers.items.scale):
        latent = structure.place[name]
        items = answers.asked_of(drawn.instrument.scale(name).items)
        reflective = drawn.instrument.scale(name).kind == "reflective"
        row = {"omega": answers.omega(items) if reflective else np.nan}
        places = zip((*CLUSTERS, "person"), structure.shares[:, latent], strict=True)
        row |= {f"share_{place}": float(share) for place, share in places}
        for kind, chances in together.items():
            row[f"icc_latent_{kind}"] = answers.latent_icc(latent, chances)
            row[f"icc_{kind}"] = answers.icc(items, chances)
        rows[name] = row
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("scale")


def _second_order(drawn: Drawn, answers: TrueAnswers) -> pd.DataFrame:
    """Loadings of the functions, and what the common factor explains of the latent responses.

    With Λ a function's sum of loadings, γ its loading on the common factor: omega_h is
    (Σ γΛ)² over the variance of the sum of all latent responses, and ECV the share of the common
    variance, Σ γ²λ² / Σ λ² (Rodriguez, Reise & Haviland 2016, after Schmid & Leiman).
    """
    structure, rows = answers.structure, {}
    gamma = {one.id: one.loading for one in drawn.population.functions}
    for level in structure.levels:
        row, above, items = dict[str, float](), list[float](), list[str]()
        for name in structure.of_level(level):
            own = answers.asked_of(drawn.instrument.scale(name).items)
            function = structure.functions[name][1]
            row |= {function: gamma[function]} if own else {}
            above += [gamma[function]] * len(own)
            items += own
        if items:
            places, weights = answers.of(items), np.array(above)
            loadings = answers.loadings[places]
            total = answers.responses[np.ix_(places, places)].sum()
            row["omega_h"] = float((weights @ loadings) ** 2 / total)
            row["ecv"] = float((weights**2) @ loadings**2 / (loadings @ loadings))
            rows[level] = row
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("level")
