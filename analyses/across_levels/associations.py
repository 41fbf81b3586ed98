"""Do the levels go together across organisations? Correlations of what organisations have.

A model of two levels takes apart how people of one organisation differ and how organisations do.
The correlations between organisations are of latent means: that few answered in some of them, and
that one person answered about both levels, does not enter them (Lüdtke et al. 2008).
"""

from itertools import combinations

import pandas as pd

import measure
from analyses import evidence
from analyses.across_levels.coherence import level_scores, place_of
from analyses.across_levels.design import level_label
from analyses.across_levels.referents import Referents
from analyses.across_levels.two_levels import FEWEST_PLACES
from analyses.attempts import Found, attempt
from analyses.defaults import ROBUST
from analyses.evidence import column, columns
from analyses.modelling import methods
from analyses.section import Cell, Figure, Message, Provenance, Table

SOURCE = "Lüdtke et al. 2008"


def associations(across: Referents) -> Found[measure.Fit]:
    """Fit the model in which the levels are free to go together, within and between places."""
    place, scores = place_of(across), level_scores(across)
    if place is None or len(scores) < 2:
        return Found(None, "")
    data = pd.DataFrame(scores).assign(**{place.name: across.survey.data[place.name]})
    if data[place.name].nunique() < FEWEST_PLACES:
        return Found(None, "")
    pairs = "\n".join(f"{first} ~~ {second}" for first, second in combinations(scores, 2))
    missing = "fiml" if data.isna().to_numpy().any() else "listwise"
    text = f"level: 1\n{pairs}\nlevel: 2\n{pairs}"
    return attempt(
        lambda: measure.cfa(text, data, cluster=place.name, estimator=ROBUST, missing=missing)
    )


def table(across: Referents) -> Table | None:
    """Give the correlation of every two levels between places, beside that between persons."""
    fit = associations(across).result
    place = place_of(across)
    if fit is None or place is None:
        return None
    solution = measure.standardized(fit)
    pairs = solution[(solution["op"] == "~~") & (solution["lhs"] != solution["rhs"])]
    between = pairs[pairs["level"] == 2].set_index(["lhs", "rhs"])
    within = pairs[pairs["level"] == 1].set_index(["lhs", "rhs"])
    rows: list[tuple[Cell, ...]] = []
    for first, second in between.index:
        outer, inner = between.loc[(first, second)], within.loc[(first, second)]
        rows.append(
            (
                Message(
                    "levels.associations.pair",
                    {
                        "first": level_label(across.instrument, first),
                        "second": level_label(across.instrument, second),
                    },
                ),
                *(evidence.number(outer[name]) for name in ("est.std", "ci.lower", "ci.upper")),
                evidence.number(inner["est.std"]),
            )
        )
    return Table(
        id="level_associations",
        title=Message(
            "levels.associations.table",
            {"column": evidence.text(place.label), "n": fit.n_clusters or 0},
        ),
        columns=(
            column("levels_compared", "message"),
            *columns("number", 2, "between_places", "ci.lower", "ci.upper", "within_places"),
        ),
        rows=tuple(rows),
        provenance=Provenance(methods.estimated_by(fit), fit.n_obs, SOURCE),
        notes=(Message("levels.associations.note"),),
    )


def figure(found: Table) -> Figure:
    """Draw the correlations between places with their intervals."""
    return Figure(
        id=found.id,
        title=Message("levels.associations.figure"),
        alt=Message("levels.associations.figure.alt"),
        table=found.id,
        form="intervals",
        channels={
            "y": "levels_compared",
            "x": "between_places",
            "lower": "ci.lower",
            "upper": "ci.upper",
        },
    )
