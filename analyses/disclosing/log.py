"""How much has been hidden, and by which rule: a table without a number of anything hidden.

Rules that would tell which of several hidden rows is the small one, or in which everybody answered
the same, are counted together with the rows that protect these.
"""

from dataclasses import dataclass, fields

from analyses.evidence import column
from analyses.section import Message, Provenance, Table

ID = "hidden_numbers"


@dataclass(frozen=True)
class Tally:
    """How much is hidden.

    Attributes
    ----------
    rows
        Rows whose count is hidden, because it is small or protects such a one.
    spread, leaders, fine, earlier
        Rows without numbers: distributions of few, few leaders or raters, means that give their
        sums away, groups that few people joined or left since an earlier publication.
    dispersion
        Rows without standard deviation and interval, because few answered or to protect others.
    others
        Rows without numbers because all answered alike, or to protect others.
    tables
        Whole tables: on too few people, or by columns that are no breakdown.
    left_out
        Tables that are left out because something in them could not be protected.
    too_fine
        Tables that are left out because with them too much would have to be looked at together.
    """

    rows: int = 0
    spread: int = 0
    leaders: int = 0
    fine: int = 0
    earlier: int = 0
    dispersion: int = 0
    others: int = 0
    tables: int = 0
    left_out: int = 0
    too_fine: int = 0


def table(tally: Tally, n_obs: int | None) -> Table:
    """Give the table, with a row for each rule.

    Parameters
    ----------
    tally
        How much is hidden.
    n_obs
        How many people answered.
    """
    return Table(
        id=ID,
        title=Message("disclosure.log.title"),
        columns=(column("hidden_rule", "message"), column("hidden_count", "count", 0)),
        rows=tuple(
            (Message(f"disclosure.log.{one.name}"), getattr(tally, one.name))
            for one in fields(tally)
        ),
        provenance=Provenance(
            Message("estimator.count"), n_obs, "Hundepool et al. 2012; Fischetti & Salazar 2001"
        ),
        notes=(Message("disclosure.log.note"),),
    )
