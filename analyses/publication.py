"""From sections to a report that may leave: the last step of every run."""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from importlib import metadata

from analyses import disclosure
from analyses.disclosing.breakdowns import breakdowns
from analyses.disclosure import Context, Earlier
from analyses.intake import locked
from analyses.intake.locked import Locked
from analyses.intake.survey import Survey
from analyses.section import Report, Section
from instruments.schema import Instrument

SEED = 20240501
"""Seed of everything random in a run, unless the user gives another."""

ORDINAL = "WLSMV"
"""Estimator of the models of answers in ordered categories, unless the user gives another: limited
information from thresholds and polychoric correlations (Muthén 1984; Asparouhov & Muthén 2010)."""

ROBUST = "MLR"
"""Estimator of the models of continuous answers, and of the check that stands beside the ordinal
models: standard errors and tests that hold for answers that are neither normal nor independent."""


def software() -> str:
    """Name the program and its version; a source tree that is not installed has no version."""
    try:
        return f"kobling {metadata.version('kobling')}"
    except metadata.PackageNotFoundError:
        return "kobling"


def assemble(
    instrument: Instrument,
    survey: Survey,
    sections: tuple[Section, ...],
    *,
    confidential: bool = False,
    rules: Locked | None = None,
    earlier: Sequence[Earlier] = (),
) -> Report:
    """Publish sections and bind them into a report, which says whether the rules were locked.

    Parameters
    ----------
    sections
        As the analyses gave them, unrounded and with small groups in them.
    confidential
        Leave in what disclosure control would hide.
    rules
        Whether the rules were locked, from `locked.examine`; looked up where it is not given.
    earlier
        What has been published before, from `earlier.bearing`.
    """
    rules = locked.examine(instrument) if rules is None else rules
    context = Context(
        n_obs=len(survey.data),
        breakdowns=breakdowns(instrument, survey),
        key=sha256(survey.data.to_csv(index=False).encode()).hexdigest(),
        earlier=tuple(earlier),
    )
    return Report(
        instrument=instrument.id,
        instrument_version=instrument.version,
        title=dict(instrument.title),
        survey=survey.name,
        n_obs=len(survey.data),
        simulated=survey.simulated,
        confidential=confidential,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        software=software(),
        sections=disclosure.publish_all(sections, context, confidential=confidential),
        notes=(locked.note(rules),),
        wave=survey.wave,
    )
