"""What those whom items are about say of themselves, beside what others say of them."""

from collections.abc import Iterator

from analyses import evidence
from analyses.across_levels.design import function_label
from analyses.across_levels.referents import Referents
from analyses.comparing.group_ladders import TOTAL, Climb
from analyses.evidence import column, columns
from analyses.modelling import methods
from analyses.section import (
    AboutLeaders,
    Figure,
    Finding,
    Message,
    Phrase,
    Provenance,
    Quantity,
    Table,
)


def finding(across: Referents) -> Finding | None:
    """Say whether the two kinds of answers may be compared, and which are higher."""
    climbed = across.self_other
    if climbed is None:
        return None
    if climbed.reason is not None:
        claim = Message("levels.raters.untested")
        return Finding("self_other", claim, "information", notes=(climbed.reason,))
    if not climbed.complete or climbed.means is None:
        return Finding("self_other", Message("levels.raters.not_alike"), "information")
    table = climbed.means.table
    name = TOTAL if TOTAL in set(table["factor"]) else table["factor"].iloc[0]
    row = table[table["factor"] == name].iloc[0]
    way = "higher" if row["d.ci.lower"] > 0 else "lower" if row["d.ci.upper"] < 0 else "open"
    assert climbed.fit is not None
    gap = Quantity(
        "statistic.self_other",
        evidence.number(row["d"]),
        Provenance(methods.estimated_by(climbed.fit), climbed.fit.n_obs, "Hancock 2001"),
        lower=evidence.number(row["d.ci.lower"]),
        upper=evidence.number(row["d.ci.upper"]),
        level=evidence.CONFIDENCE,
    )
    return Finding("self_other", Message(f"levels.raters.{way}"), "information", evidence=(gap,))


def table(across: Referents) -> Table | None:
    """Give the difference between raters in each function, and in all together."""
    climbed = across.self_other
    if climbed is None or not climbed.complete or climbed.means is None or climbed.fit is None:
        return None
    rows = [
        (
            _label(across, str(row["factor"])),
            *(evidence.number(row[name]) for name in ("d", "d.ci.lower", "d.ci.upper")),
            int(row["n"]),
            int(row["n.reference"]),
        )
        for row in climbed.means.table.to_dict("records")
    ]
    return Table(
        id="self_other",
        title=Message("levels.raters.table"),
        columns=(
            column("function", "message"),
            *columns("number", 2, "difference_sd", "ci.lower", "ci.upper"),
            *columns("count", 0, "n_self", "n_others"),
        ),
        rows=tuple(rows),
        provenance=Provenance(
            methods.estimated_by(climbed.fit),
            climbed.fit.n_obs,
            "Wu & Estabrook 2016; Hancock 2001",
        ),
        notes=tuple(_notes(climbed)),
        respondents="n_self",
        groups=(),
        dispersion=("ci.lower", "ci.upper"),
        leaders=AboutLeaders("n_self", "n_others"),
    )


def _label(across: Referents, factor: str) -> Phrase:
    if factor == TOTAL:
        return Message("levels.referents.all")
    return function_label(across.instrument, factor)


def _notes(climbed: Climb) -> Iterator[Message]:
    yield Message("levels.raters.note")
    if len(climbed.releases):
        items = tuple(dict.fromkeys(climbed.releases["lhs"]))
        yield Message("levels.raters.released", {"items": items})
    if climbed.merged:
        yield Message("invariance.note.merged", {"items": climbed.merged})


def figure(found: Table) -> Figure:
    """Draw the differences with their intervals."""
    return Figure(
        id=found.id,
        title=Message("levels.raters.figure"),
        alt=Message("levels.raters.figure.alt"),
        table=found.id,
        form="intervals",
        channels={"y": "function", "x": "difference_sd", "lower": "ci.lower", "upper": "ci.upper"},
        domain=evidence.around_zero(found, "ci.lower", "ci.upper"),
    )
