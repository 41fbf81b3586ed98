"""From sections to a report that may leave: the last step of every run."""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256

from analyses import disclosure
from analyses.defaults import software
from analyses.disclosing.breakdowns import breakdowns
from analyses.disclosure import Context, Earlier
from analyses.intake import locked
from analyses.intake.locked import Locked
from analyses.intake.survey import Survey
from analyses.section import Report, Section
from instruments.schema import Instrument


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
