"""What the scales outside the reference model may be compared for: table and findings."""

from collections.abc import Iterator

from analyses import evidence, verdicts
from analyses.comparing.invariance_tables import listed
from analyses.comparing.licences import Licence, Licences
from analyses.evidence import column, columns
from analyses.modelling import methods
from analyses.section import Cell, Finding, Message, Provenance, Table, Value
from analyses.verdicts import FURTHER
from instruments.schema import Instrument

ByScale = list[tuple[str, Licence]]


def scale_findings(instrument: Instrument, granted: Licences) -> Iterator[Finding]:
    """Say for each column how many of the other scales may be compared by it."""
    rules = instrument.rules
    for name, licences in _by_column(granted).items():
        allowed = [one for _, one in licences if one.allows]
        refused = tuple(
            evidence.text(instrument.scale(scale).label)
            for scale, one in licences
            if one.level == "none"
        )
        untested = tuple(
            evidence.text(instrument.scale(scale).label)
            for scale, one in licences
            if one.level == "untested"
        )
        values: dict[str, Value] = {
            "column": evidence.text(licences[0][1].column.label),
            "n": len(allowed),
            "of": len(licences),
        }
        notes = [
            Message(f"invariance.note.scales_{level}", {"scales": scales})
            for level, scales in (("none", refused), ("untested", untested))
            if scales
        ]
        n_obs = max((_n_obs(one) for _, one in licences), default=0)
        yield Finding(
            id=f"{FURTHER}invariance_{name}",
            claim=Message("invariance.claim.scales", values),
            verdict="information",
            rule=verdicts.stated(
                rules.invariance_delta_cfi, rules.invariance_chance, rules.invariance_bias
            ),
            evidence=(
                evidence.count("scales_allowed", len(allowed), "Wu & Estabrook 2016", n_obs),
                evidence.count("scales_refused", len(refused), "Wu & Estabrook 2016", n_obs),
            ),
            notes=tuple(notes),
        )


def scales_table(instrument: Instrument, granted: Licences) -> Table | None:
    """Give one row a column and scale: groups, licence and reason; None where there is none."""
    fits = [
        one.climb.fit
        for one in granted.by_scale.values()
        if one.climb is not None and one.climb.fit is not None
    ]
    if not fits:
        return None
    rows: list[tuple[Cell, ...]] = []
    for licences in _by_column(granted).values():
        for scale, one in licences:
            assert one.climb is not None
            chosen = one.climb.chosen
            rows.append(
                (
                    evidence.text(one.column.label),
                    evidence.text(instrument.scale(scale).label),
                    listed(chosen.values, one.column),
                    listed(chosen.left_out, one.column),
                    Message(f"licence.level.{one.level}"),
                    evidence.number(one.bias),
                    one.reason,
                )
            )
    return Table(
        id="licences_scales",
        title=Message("invariance.table.licences_scales"),
        columns=(
            *columns("message", 0, "background", "scale", "groups_compared", "left_out", "licence"),
            column("largest_bias", "number", 2),
            column("licence_reason", "message"),
        ),
        rows=tuple(rows),
        provenance=Provenance(
            methods.estimated_by(fits[0]),
            max(fit.n_obs for fit in fits),
            "Wu & Estabrook 2016; Chen 2007; Kenny, Kaniskan & McCoach 2015",
        ),
        notes=(Message("invariance.note.scales"), Message("invariance.note.scales_three")),
    )


def _by_column(granted: Licences) -> dict[str, ByScale]:
    found: dict[str, ByScale] = {}
    for (name, scale), licence in granted.by_scale.items():
        found.setdefault(name, []).append((scale, licence))
    return found


def _n_obs(licence: Licence) -> int:
    fit = None if licence.climb is None else licence.climb.fit
    return 0 if fit is None else fit.n_obs
